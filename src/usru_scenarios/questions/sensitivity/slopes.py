"""Which weight matters, and which judgement: what a little more of each would change.

Weights: the derivative of the scenarios' probabilities at the present weights, and the elasticity. Judgements: the
effect of one point more (`points`) of every single one, the others as they are. Nearly all of it is read from one walk
of the same draws (`likelihood`); what no formula covers is drawn anew on common random numbers: judgements of numeric
nodes, what a point is worth, and those under which the same draws say too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from usru_scenarios.questions.sensitivity.perturbations import UnitPerturbation
from usru_scenarios.questions.sensitivity.perturbed_model import PerturbedModel
from usru_scenarios.results.sensitivity import JudgementEffect, ProbabilityChange, Slopes, WeightSlope
from usru_scenarios.sampler.common_random_numbers import simulate_variants
from usru_scenarios.sampler.likelihood_weighting import observed_nodes, program_of_steps

LEAST_SHARE = 0.05
"""Where reweighted trials stand for a smaller share of them, the changed model is drawn instead."""

_CELLS_AT_ONCE, _VARIANTS_AT_ONCE = 1024, 16
"""So many judgements are followed, and changed models drawn, in one walk: memory grows with them."""

Part = TypeVar("Part")

SlopeMethod = Literal["likelihood ratio", "carried along", "drawn anew", "none"]


def slopes(model: PerturbedModel, run: SensitivityRun, *, of_judgements: bool = True) -> Slopes:
    """What a little more of each weight and of each judgement does to the scenarios.

    Args:
        model: the model and its claims.
        run: of the model, compiled with its judgements at their means.
        of_judgements: whether they are asked about, too, or the weights alone.
    """
    return _SlopeEstimator(model, run).slopes(of_judgements=of_judgements)


@dataclass(frozen=True)
class _EffectOfOne:
    """The effect of a judgement or weight on each scenario, or what there is of them.

    Attributes:
        value: shape (scenarios,).
        residuals: as in `EffectEstimates`, shape (batches, scenarios).
        least: the least error, for what was never drawn.
    """

    method: SlopeMethod
    value: Floats
    residuals: Floats
    count: float
    least: float = 0.0


class _SlopeEstimator:
    """One aim at one program, which is cut off after the last step that counts."""

    def __init__(self, model: PerturbedModel, run: SensitivityRun) -> None:
        self.model = model
        self.run = run
        self.labels = run.program.grid.labels
        self.aim, self.seen, self.sampled = run.aim, run.seen, run.sampled
        shares = run.aim.shares(run.program.steps)
        self.program = program_of_steps(run.program, len(shares), self.seen)
        self.shares = np.pad(shares, (0, self.program.steps - len(shares)))
        self.above = self.program.upstream([OUTCOME, *observed_nodes(self.seen or All(()))])
        self.said = run.single_trials
        self.order = [run.program.outcome.states.index(name) for name in model.all.scenarios]

    @cached_property
    def unseen_bound(self) -> float:
        """The share that trials that were never drawn may have."""
        return float(rule_of_three_bound(self.sampled, self.said.missed(self.sampled)))

    @cached_property
    def support(self) -> Support:
        """What is possible of what the scenarios, and what is observed, depend on."""
        return self.said.support if self.seen is None else Support(self.program.restrict_to(self.above))

    def slopes(self, *, of_judgements: bool) -> Slopes:
        """Walk the draws and say what they say."""
        every = self.model.all
        cells = every.judgements if of_judgements else ()
        followed = [number for number, cell in enumerate(cells) if self._is_followed(cell)]
        found: dict[int, _EffectOfOne] = {}
        sums, weights, least = self._follow(cells, followed, found)
        self._draw_anew([n for n, cell in enumerate(cells) if n not in found and self._matters(cell)], found)
        effects = [self._effect(cell, found.get(number)) for number, cell in enumerate(cells)]
        visits = EffectEstimates(*self._probabilities(sums))
        present = _EffectOfOne("none", visits.value[0], visits.residuals[:, 0], visits.count, self.unseen_bound)
        return Slopes(
            name=self.aim.name,
            step="mean" if self.aim.step is None else self.labels[self.aim.step],
            probabilities=self._by_scenario(present),
            aimed=self._aimed(present),
            weights=sorted(self._weights(weights, visits, least), key=_size),
            judgements=sorted(effects, key=_size),
            left_out=list(every.left_out) if of_judgements else [],
            claims=_claims(every.claims, effects),
        )

    # What is read from the same draws --------------------------------------------------------------------------------

    def _matters(self, cell: UnitPerturbation) -> bool:
        """Whether anything that the scenarios depend on changes."""
        return cell.changed != cell.value and (cell.owner is None or cell.owner in self.above)

    def _is_followed(self, cell: UnitPerturbation) -> bool:
        node = self.program.nodes.get(cell.owner or "")
        return self._matters(cell) and isinstance(node, CategoricalNode)

    def _follow(
        self, cells: Sequence[UnitPerturbation], followed: Sequence[int], found: dict[int, _EffectOfOne]
    ) -> tuple[PathwiseSums, EffectEstimates, Floats]:
        """Follow judgements and weights; gives the sums of the first walk, weights' derivatives and least errors."""
        first: tuple[PathwiseSums, EffectEstimates, Floats] | None = None
        for start in range(0, max(len(followed), 1), _CELLS_AT_ONCE):
            some = followed[start : start + _CELLS_AT_ONCE]
            weights = {weight.name: weight.scheduled for weight in self.model.all.weights} if first is None else {}
            estimator = PathwiseEstimator(
                self.program,
                self.run.plan,
                self.shares,
                weights,
                owners=[cells[number].owner or "" for number in some],
                tilts=self.model.tilts(some) if some else {},
                kernels=self.run.kernels,
                seen=self.seen,
            )
            sums, counting = estimator.sums(self.run.map_blocks), estimator.counted_shares
            effects = sums.cells.effects(sums, counting) if self.seen is None else sums.cells.ratio_effects(sums)
            enough = sums.cells.effective_share(self.sampled)
            most = self._kept(f"most of {some} and {[*weights]}", lambda: estimator.most(self.support))  # noqa: B023
            of_cells, of_weights = (self.unseen_bound * each for each in most)
            for place, number in enumerate(some):
                carried = estimator.carried and cells[number].owner == OUTCOME
                if enough[place] >= LEAST_SHARE and place not in estimator.unfit:
                    method: SlopeMethod = "carried along" if carried else "likelihood ratio"
                    found[number] = _EffectOfOne(
                        method, effects.value[place], effects.residuals[:, place], effects.count, float(of_cells[place])
                    )
            first = first or (sums, sums.weights.effects(sums, counting), of_weights)
        assert first is not None, "there is at least one walk"
        return first

    def _probabilities(self, sums: PathwiseSums) -> tuple[Floats, Floats, float]:
        """The present probabilities, in the form of `EffectEstimates` of one thing."""
        shares = self.shares[np.flatnonzero(self.shares)] if self.seen is None else np.ones(1)
        visits = np.einsum("t,btc->bc", shares, sums.visits)
        count = float(sums.trials.sum())
        value = visits.sum(axis=0) / count
        return value[None], (visits - value * sums.trials[:, None])[:, None], count

    # What is drawn anew ----------------------------------------------------------------------------------------------

    def _draw_anew(self, numbers: Sequence[int], found: dict[int, _EffectOfOne]) -> None:
        """The effects of some judgements, from the changed models on common random numbers."""
        for start in range(0, len(numbers), _VARIANTS_AT_ONCE):
            some = numbers[start : start + _VARIANTS_AT_ONCE]
            programs = [self.program, *(self._changed(nodes) for nodes in self.model.changed(some))]
            apart = self._kept(f"apart with {some}", lambda: [self._apart(program) for program in programs[1:]])  # noqa: B023
            trials, visits = self._variants(programs)
            count = float(trials.sum())
            for number, farthest, one in zip(some, apart, visits[1:], strict=True):
                least = self.unseen_bound * float(self.shares @ farthest)
                moved = one - visits[0]
                value = moved.sum(axis=0) / count
                found[number] = _EffectOfOne("drawn anew", value, moved - value * trials[:, None], count, least)

    def _apart(self, changed: Program) -> Floats:
        """How far apart single trials of a changed program can be at each step that there is, shape (steps,)."""
        return np.ones(self.program.steps) if self.seen is not None else largest_differences(self.program, changed)

    def _kept(self, part: str, make: Callable[[], Part]) -> Part:
        """What follows from the program up to its last step."""
        return self.run.keep(f"{part} in {self.program.steps} steps", make)

    def _variants(self, programs: Sequence[Program]) -> tuple[Floats, Sequence[Floats]]:
        """The trials of each batch, and by program the sums of what is asked of them, shape (batches, scenarios)."""
        plan, kernels = self.run.plan, self.run.kernels.copy()
        if self.seen is None:
            steps = np.flatnonzero(self.shares)
            drawn = simulate_variants(programs, plan, self.run.map_blocks, kernels, steps.tolist())
            return drawn.trials, np.einsum("t,vbtc->vbc", self.shares[steps], drawn.visits)
        variants = ObservedPrograms(programs, self.seen, self.shares, plan, kernels)
        found = list(variants.sums(self.run.map_blocks))
        return found[0].trials, [one.visits[:, 0] for one in found]

    def _changed(self, nodes: Mapping[str, Node]) -> Program:
        """The program with some nodes changed, but for what is imposed on them; all others are the same ones."""
        own = self.program.nodes
        changed = {name: replace(nodes[name], imposed=own[name].imposed) for name in own if name in nodes}  # type: ignore[arg-type]
        return replace(self.program, nodes={**own, **changed})

    # Results ---------------------------------------------------------------------------------------------------------

    def _weights(self, effects: EffectEstimates, visits: EffectEstimates, leasts: Floats) -> Iterator[WeightSlope]:
        present, off = visits.value[0], visits.residuals[:, 0]
        for number, asked in enumerate(self.model.all.weights):
            weight = float(self.program.weights[asked.name].mean())
            value, residuals = effects.value[number], effects.residuals[:, number]
            least = float(leasts[number])
            sums = _EffectOfOne("none", value, residuals, effects.count, least)
            factor = 1.0 if asked.scheduled else weight
            relative = _relative(factor, (value, residuals), (present, off))
            yield WeightSlope(
                kind=asked.kind,
                name=asked.name,
                title=asked.title,
                weight=weight,
                scheduled=asked.scheduled,
                derivative=self._by_scenario(sums),
                elasticity={
                    scenario: _change(
                        relative[0][at],
                        relative[1][:, at],
                        effects.count,
                        self._least_relative(factor, least, relative[0][at], present[at]),
                    )
                    if present[at] > _LEAST_CHANCE
                    else None
                    for scenario, at in zip(self.model.all.scenarios, self.order, strict=True)
                },
                aimed=self._aimed(sums),
                aimed_elasticity=self._aimed_elasticity(factor, sums, (present, off)),
                size=self._size(sums),
            )

    def _least_relative(self, weight: float, least: float, value: float, chance: float) -> float:
        """The least error of an elasticity, from those of the derivative and of the probability that it is per."""
        return (abs(weight) * least + abs(float(value)) * (self.unseen_bound if least else 0.0)) / float(chance)

    def _aimed_elasticity(
        self, weight: float, slope: _EffectOfOne, present: tuple[Floats, Floats]
    ) -> ProbabilityChange | None:
        if self.aim.members is None:
            return None
        members = list(self.aim.members)
        summed = [
            (value[members].sum(keepdims=True), residuals[:, members].sum(axis=1, keepdims=True))
            for value, residuals in ((slope.value, slope.residuals), present)
        ]
        chance = summed[1][0][0]
        if not chance > _LEAST_CHANCE:
            return None
        value, residuals = _relative(weight, summed[0], summed[1])
        least = self._least_relative(weight, slope.least, value[0], chance)
        return _change(value[0], residuals[:, 0], slope.count, least)

    def _effect(self, cell: UnitPerturbation, found: _EffectOfOne | None) -> JudgementEffect:
        nothing = _EffectOfOne("none", np.zeros(len(self.order)), np.zeros((2, len(self.order))), 1.0)
        found = found or nothing
        return JudgementEffect(
            path=".".join(map(str, cell.path)),
            role=cell.role,
            value=cell.value,
            changed=cell.changed,
            change=cell.change,
            by_scenario=self._by_scenario(found),
            aimed=self._aimed(found),
            size=self._size(found),
            method=found.method,
            sources=list(cell.sources),
            inferred=cell.inferred,
        )

    def _by_scenario(self, found: _EffectOfOne) -> dict[str, ProbabilityChange]:
        return {
            name: _change(found.value[at], found.residuals[:, at], found.count, found.least)
            for name, at in zip(self.model.all.scenarios, self.order, strict=True)
        }

    def _aimed(self, found: _EffectOfOne) -> ProbabilityChange | None:
        if self.aim.members is None:
            return None
        members = list(self.aim.members)
        value, residuals = float(found.value[members].sum()), found.residuals[:, members].sum(axis=1)
        return _change(value, residuals, found.count, found.least)

    def _size(self, found: _EffectOfOne) -> ProbabilityChange:
        """The aimed effect without its sign, or the total variation."""
        value, residuals = found.value, found.residuals
        if self.aim.members is None:
            signs = np.sign(value) / 2
        else:
            members = list(self.aim.members)
            signs = np.zeros(len(value))
            signs[members] = np.sign(value[members].sum())
        return _change(float(value @ signs), residuals @ signs, found.count, found.least)


_LEAST_CHANCE = 1e-300
"""No elasticity is told of a likelihood at or below this: what it is divided by would leave no float."""


def _relative(weight: float, slope: tuple[Floats, Floats], present: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The elasticity and its residuals, shapes (scenarios,) and (batches, scenarios), 0 where p is: method (52)."""
    (value, residuals), (chance, off) = slope, present

    def shares(part: Floats) -> Floats:
        """Divided by the probability first: of the least floats the inverse is none."""
        return np.divide(part, chance, out=np.zeros_like(part), where=chance > 0)

    per_chance = shares(value)
    return weight * per_chance, weight * (shares(residuals) - per_chance * shares(off))


def _change(value: float, residuals: Floats, count: float, least: float) -> ProbabilityChange:
    """A value with the standard error that its batches tell, by method (17), or the least that it has."""
    error = float(delta_method_error(residuals)) / count
    return ProbabilityChange(float(value) + 0.0, max(error, least))  # + 0.0 leaves no minus zero


def _size(ranked: WeightSlope | JudgementEffect) -> float:
    return -ranked.size.value


def _claims(said: Mapping[str, str], effects: Iterable[JudgementEffect]) -> dict[str, str]:
    """What the cited claims say, those of the largest effects first."""
    cited = dict.fromkeys(claim for effect in sorted(effects, key=_size) for claim in effect.sources)
    return {claim: said[claim] for claim in cited if claim in said}
