"""Which weight matters, and which judgement: what a little more of each would change.

Weights: the derivative of the scenarios' probabilities at the present weights, and the elasticity. Judgements: the
effect of one point more (`points`) of every single one, the others as they are. Nearly all of it is read from one walk
of the same draws (`likelihood_ratio`); what no formula covers is drawn anew on common random numbers: judgements of
numeric nodes, what a point is worth, and those under which the same draws say too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np

from usru_scenarios.estimation.estimates import delta_method_error, rule_of_three_bound
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.distance import largest_differences
from usru_scenarios.program.events import All
from usru_scenarios.program.program import CategoricalNode, Floats, Node, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.sensitivity.likelihood_ratio import PathwiseEstimator
from usru_scenarios.questions.sensitivity.observed import ObservedPrograms, SensitivityRun
from usru_scenarios.questions.sensitivity.pathwise_sums import EffectEstimates, PathwiseSums
from usru_scenarios.questions.sensitivity.perturbations import PerturbedJudgement
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.results.sensitivity import JudgementEffect, ProbabilityChange, Slopes, WeightSlope
from usru_scenarios.sampler.common_random_numbers import simulate_variants
from usru_scenarios.sampler.likelihood_weighting import observed_nodes, program_of_steps

LEAST_SHARE = 0.05
"""Where reweighted trials stand for a smaller share of them, the changed model is drawn instead."""

_JUDGEMENTS_AT_ONCE, _VARIANTS_AT_ONCE = 1024, 16
"""So many judgements are followed, and changed models drawn, in one walk: memory grows with them."""

Part = TypeVar("Part")

SlopeMethod = Literal["likelihood ratio", "carried along", "drawn anew", "none"]


def estimate_slopes(model: PerturbedModel, run: SensitivityRun, *, of_judgements: bool = True) -> Slopes:
    """What a little more of each weight and of each judgement does to the scenarios.

    Args:
        model: the model and its claims.
        run: of the model, compiled with its judgements at their means.
        of_judgements: whether they are asked about, too, or the weights alone.
    """
    return _SlopeEstimator(model, run).slopes(of_judgements=of_judgements)


@dataclass(frozen=True)
class _ScenarioEffect:
    """What a judgement or weight does to the scenarios, or the probabilities of the scenarios themselves.

    Attributes:
        method: how it was found.
        value: shape (scenarios,).
        residuals: as in `EffectEstimates`, shape (batches, scenarios).
        count: the trials.
        least_error: the least error, for what was never drawn.
    """

    method: SlopeMethod
    value: Floats
    residuals: Floats
    count: float
    least_error: float = 0.0

    def on_scenario(self, scenario: int) -> ProbabilityChange:
        """The effect on a scenario, by its number."""
        return _to_change(self.value[scenario], self.residuals[:, scenario], self.count, self.least_error)

    def summed(self, members: Sequence[int]) -> _ScenarioEffect:
        """The effect on some scenarios together, as that on the only one."""
        columns = list(members)
        value, residuals = self.value[columns].sum(keepdims=True), self.residuals[:, columns].sum(axis=1, keepdims=True)
        return replace(self, value=value, residuals=residuals)


class _SlopeEstimator:
    """One target in one program, which is cut off after the last step that counts."""

    def __init__(self, model: PerturbedModel, run: SensitivityRun) -> None:
        self.model = model
        self.run = run
        self.labels = run.program.grid.labels
        self.target, self.given, self.sampled = run.target, run.given, run.sampled
        shares = run.target.shares(run.program.steps)
        self.program = program_of_steps(run.program, len(shares), self.given)
        self.shares = np.pad(shares, (0, self.program.steps - len(shares)))
        self.ancestors = self.program.upstream([OUTCOME, *observed_nodes(self.given or All(()))])
        self.single_trials = run.single_trials
        states = run.program.outcome.states
        self.scenarios = {name: states.index(name) for name in model.perturbations.scenarios}

    @cached_property
    def unseen_bound(self) -> float:
        """The share that trials that were never drawn may have."""
        return float(rule_of_three_bound(self.sampled, self.single_trials.missed_trials(self.sampled)))

    @cached_property
    def support(self) -> Support:
        """What is possible of what the scenarios, and what is observed, depend on."""
        return self.single_trials.support if self.given is None else Support(self.program.restrict_to(self.ancestors))

    def slopes(self, *, of_judgements: bool) -> Slopes:
        """Walk the draws and say what they say."""
        perturbations = self.model.perturbations
        judgements = perturbations.judgements if of_judgements else ()
        followed = [
            number
            for number, judgement in enumerate(judgements)
            if self._matters(judgement) and isinstance(self.program.nodes.get(judgement.owner or ""), CategoricalNode)
        ]
        effects: dict[int, _ScenarioEffect] = {}
        sums, of_weights, least_error = self._follow_judgements(judgements, followed, effects)
        changed = (number for number, judgement in enumerate(judgements) if self._matters(judgement))
        self._simulate_changed([number for number in changed if number not in effects], effects)
        nothing = _ScenarioEffect("none", np.zeros(len(self.scenarios)), np.zeros((2, len(self.scenarios))), 1.0)
        reported = sorted(
            (self._to_result(judgement, effects.get(number, nothing)) for number, judgement in enumerate(judgements)),
            key=_rank_key,
        )
        present = self._probabilities(sums)
        cited = dict.fromkeys(claim for effect in reported for claim in effect.sources)
        return Slopes(
            name=self.target.name,
            step="mean" if self.target.step is None else self.labels[self.target.step],
            probabilities=self._by_scenario(present),
            aimed=self._on_target(present),
            weights=sorted(self._weight_slopes(of_weights, present, least_error), key=_rank_key),
            judgements=reported,
            left_out=list(perturbations.left_out) if of_judgements else [],
            claims={claim: perturbations.claims[claim] for claim in cited if claim in perturbations.claims},
        )

    # What is read from the same draws --------------------------------------------------------------------------------

    def _matters(self, judgement: PerturbedJudgement) -> bool:
        """Whether anything that the scenarios depend on changes."""
        is_read = judgement.owner is None or judgement.owner in self.ancestors
        return judgement.changed != judgement.value and is_read

    def _follow_judgements(
        self, judgements: Sequence[PerturbedJudgement], followed: Sequence[int], effects: dict[int, _ScenarioEffect]
    ) -> tuple[PathwiseSums, EffectEstimates, Floats]:
        """Follow judgements and weights; gives the sums of the first walk, weights' derivatives and least errors."""
        first: tuple[PathwiseSums, EffectEstimates, Floats] | None = None
        for start in range(0, max(len(followed), 1), _JUDGEMENTS_AT_ONCE):
            numbers = followed[start : start + _JUDGEMENTS_AT_ONCE]
            weights = {} if first else {weight.name: weight.scheduled for weight in self.model.perturbations.weights}
            estimator = PathwiseEstimator(
                self.program,
                self.run.plan,
                self.shares,
                weights,
                owners=[judgements[number].owner or "" for number in numbers],
                tilts=self.model.node_tilts(numbers) if numbers else {},
                kernels=self.run.kernels,
                given=self.given,
            )
            sums, shares = estimator.sums(self.run.map_blocks), estimator.counted_shares
            changes = (
                sums.judgements.effects(sums, shares) if self.given is None else sums.judgements.ratio_effects(sums)
            )
            effective_share = sums.judgements.effective_share(self.sampled)
            largest = self._cached(
                f"most of {numbers} and {[*weights]}",
                lambda: estimator.largest_effects(self.support),  # noqa: B023
            )
            least_of_judgements, least_of_weights = (self.unseen_bound * each for each in largest)
            for place, number in enumerate(numbers):
                if effective_share[place] >= LEAST_SHARE and place not in estimator.uncarried:
                    is_carried = estimator.carried and judgements[number].owner == OUTCOME
                    method: SlopeMethod = "carried along" if is_carried else "likelihood ratio"
                    value, residuals = changes.value[place], changes.residuals[:, place]
                    least_error = float(least_of_judgements[place])
                    effects[number] = _ScenarioEffect(method, value, residuals, changes.count, least_error)
            first = first or (sums, sums.weights.effects(sums, shares), least_of_weights)
        assert first is not None, "there is at least one walk"
        return first

    def _probabilities(self, sums: PathwiseSums) -> _ScenarioEffect:
        """The present probabilities of the scenarios."""
        shares = self.shares[np.flatnonzero(self.shares)] if self.given is None else np.ones(1)
        visits = np.einsum("t,btc->bc", shares, sums.visits)
        count = float(sums.trials.sum())
        value = visits.sum(axis=0) / count
        return _ScenarioEffect("none", value, visits - value * sums.trials[:, None], count, self.unseen_bound)

    # What is drawn anew ----------------------------------------------------------------------------------------------

    def _simulate_changed(self, numbers: Sequence[int], effects: dict[int, _ScenarioEffect]) -> None:
        """Add the effects of some judgements, from the changed models on common random numbers."""
        for start in range(0, len(numbers), _VARIANTS_AT_ONCE):
            chunk = numbers[start : start + _VARIANTS_AT_ONCE]
            programs = [self.program, *map(self._changed_program, self.model.changed_nodes(chunk))]
            differences = self._cached(
                f"apart with {chunk}",
                lambda: [self._largest_differences(program) for program in programs[1:]],  # noqa: B023
            )
            trials, visits = self._simulate_programs(programs)
            count = float(trials.sum())
            for number, largest, visits_changed in zip(chunk, differences, visits[1:], strict=True):
                least_error = self.unseen_bound * float(self.shares @ largest)
                change = visits_changed - visits[0]
                value = change.sum(axis=0) / count
                effects[number] = _ScenarioEffect(
                    "drawn anew", value, change - value * trials[:, None], count, least_error
                )

    def _largest_differences(self, changed: Program) -> Floats:
        """How far apart single trials of a changed program can be at each step that there is, shape (steps,)."""
        return np.ones(self.program.steps) if self.given is not None else largest_differences(self.program, changed)

    def _cached(self, part: str, make: Callable[[], Part]) -> Part:
        """What follows from the program up to its last step."""
        return self.run.keep(f"{part} in {self.program.steps} steps", make)

    def _simulate_programs(self, programs: Sequence[Program]) -> tuple[Floats, Sequence[Floats]]:
        """The trials of each batch, and by program the sums of what is asked of them, shape (batches, scenarios)."""
        plan, kernels = self.run.plan, self.run.kernels.copy()
        if self.given is None:
            steps = np.flatnonzero(self.shares)
            drawn = simulate_variants(programs, plan, self.run.map_blocks, kernels, steps.tolist())
            return drawn.trials, np.einsum("t,vbtc->vbc", self.shares[steps], drawn.visits)
        sums = list(ObservedPrograms(programs, self.given, self.shares, plan, kernels).sums(self.run.map_blocks))
        return sums[0].trials, [program_sums.visits[:, 0] for program_sums in sums]

    def _changed_program(self, nodes: Mapping[str, Node]) -> Program:
        """The program with some nodes changed, but for what is imposed on them; all others are the same ones."""
        own = self.program.nodes
        changed = {name: replace(nodes[name], imposed=own[name].imposed) for name in own if name in nodes}  # type: ignore[arg-type]
        return replace(self.program, nodes={**own, **changed})

    # Results ---------------------------------------------------------------------------------------------------------

    def _weight_slopes(
        self, effects: EffectEstimates, present: _ScenarioEffect, least_error: Floats
    ) -> Iterator[WeightSlope]:
        for number, weight in enumerate(self.model.perturbations.weights):
            value = float(self.program.weights[weight.name].mean())
            slope = _ScenarioEffect(
                "none", effects.value[number], effects.residuals[:, number], effects.count, float(least_error[number])
            )
            factor, members = 1.0 if weight.scheduled else value, self.target.members
            elasticities = self._elasticities(factor, slope, present)
            yield WeightSlope(
                kind=weight.kind,
                name=weight.name,
                title=weight.title,
                weight=value,
                scheduled=weight.scheduled,
                derivative=self._by_scenario(slope),
                elasticity={name: elasticities[scenario] for name, scenario in self.scenarios.items()},
                aimed=self._on_target(slope),
                aimed_elasticity=None
                if members is None
                else self._elasticities(factor, slope.summed(members), present.summed(members))[0],
                size=self._size(slope),
            )

    def _elasticities(
        self, weight: float, slope: _ScenarioEffect, present: _ScenarioEffect
    ) -> list[ProbabilityChange | None]:
        """The elasticity of each scenario, by method (52); None where it has next to no probability."""
        probability = present.value

        def divide(part: Floats) -> Floats:
            """Divide by the probability first: of the least floats the inverse is none."""
            return np.divide(part, probability, out=np.zeros_like(part), where=probability > 0)

        per_probability = divide(slope.value)
        residuals = weight * (divide(slope.residuals) - per_probability * divide(present.residuals))
        unseen_bound = self.unseen_bound if slope.least_error else 0.0
        elasticities: list[ProbabilityChange | None] = []
        for scenario, value in enumerate((weight * per_probability).tolist()):
            least_error = abs(weight) * slope.least_error + abs(value) * unseen_bound
            elasticities.append(
                _to_change(value, residuals[:, scenario], slope.count, least_error / float(probability[scenario]))
                if probability[scenario] > _LEAST_PROBABILITY
                else None
            )
        return elasticities

    def _to_result(self, judgement: PerturbedJudgement, effect: _ScenarioEffect) -> JudgementEffect:
        return JudgementEffect(
            path=".".join(map(str, judgement.path)),
            role=judgement.role,
            value=judgement.value,
            changed=judgement.changed,
            change=judgement.change,
            by_scenario=self._by_scenario(effect),
            aimed=self._on_target(effect),
            size=self._size(effect),
            method=effect.method,
            sources=list(judgement.sources),
            inferred=judgement.inferred,
        )

    def _by_scenario(self, effect: _ScenarioEffect) -> dict[str, ProbabilityChange]:
        return {name: effect.on_scenario(scenario) for name, scenario in self.scenarios.items()}

    def _on_target(self, effect: _ScenarioEffect) -> ProbabilityChange | None:
        return None if self.target.members is None else effect.summed(self.target.members).on_scenario(0)

    def _size(self, effect: _ScenarioEffect) -> ProbabilityChange:
        """The effect on the target without its sign, or the total variation."""
        value = effect.value
        if self.target.members is None:
            signs = np.sign(value) / 2
        else:
            members = list(self.target.members)
            signs = np.zeros(len(value))
            signs[members] = np.sign(value[members].sum())
        return _to_change(float(value @ signs), effect.residuals @ signs, effect.count, effect.least_error)


_LEAST_PROBABILITY = 1e-300
"""No elasticity is given of a likelihood at or below this: what it is divided by would leave no float."""


def _to_change(value: float, residuals: Floats, count: float, least_error: float) -> ProbabilityChange:
    """A value with the standard error that its batches tell, by method (17), or the least that it has."""
    error = float(delta_method_error(residuals)) / count
    return ProbabilityChange(float(value) + 0.0, max(error, least_error))  # + 0.0 leaves no minus zero


def _rank_key(ranked: WeightSlope | JudgementEffect) -> float:
    return -ranked.size.value
