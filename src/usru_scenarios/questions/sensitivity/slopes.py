"""Which weight matters, and which judgement: what a little more of each would change.

Weights: the derivative of the scenarios' probabilities at the present weights, and the elasticity. Judgements: the
effect of one point more (`points`) of every single one, the others as they are. Nearly all of it is read from one walk
of the same draws (`likelihood`); what no formula covers is drawn anew on common random numbers: judgements of numeric
nodes, what a point is worth, and those under which the same draws say too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from usru_scenarios.estimation.estimates import delta_method_error, rule_of_three_bound
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.judgements import Judged, dotted, judgements, with_values
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Weight
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.distance import farthest_apart
from usru_scenarios.program.events import All
from usru_scenarios.program.program import CategoricalNode, Floats, Node, Program
from usru_scenarios.program.support import Support
from usru_scenarios.questions.sensitivity.likelihood_ratio import PathwiseEstimator
from usru_scenarios.questions.sensitivity.observed import ObservedPrograms, SensitivityRun, asked_nodes, up_to
from usru_scenarios.questions.sensitivity.one_point import UnitPerturbation, one_point_more
from usru_scenarios.questions.sensitivity.pathwise_sums import EffectEstimates, PathwiseSums
from usru_scenarios.questions.sensitivity.tilting import TiltedProgram
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.register import Register
from usru_scenarios.results.sensitivity import JudgementEffect, LeftOut, ProbabilityChange, Slopes, WeightSlope
from usru_scenarios.sampler.common_random_numbers import simulate_variants

LEAST_SHARE = 0.05
"""Where reweighted trials stand for a smaller share of them, the changed model is drawn instead."""

_CELLS_AT_ONCE, _VARIANTS_AT_ONCE = 1024, 16
"""So many judgements are followed, and changed models drawn, in one walk: memory grows with them."""

Method = Literal["likelihood ratio", "carried along", "drawn anew", "none"]


def slopes(loaded: Loaded, run: SensitivityRun, *, of_judgements: bool = True) -> Slopes:
    """What a little more of each weight and of each judgement does to the scenarios.

    Args:
        loaded: the model and its claims.
        run: of the model, compiled with its judgements at their means.
        of_judgements: whether they are asked about, too, or the weights alone.
    """
    return _SlopeEstimator(loaded, run).slopes(judgements(loaded.model) if of_judgements else ())


@dataclass(frozen=True)
class _EffectOfOne:
    """The effect of a judgement or weight on each scenario, or what there is of them.

    Attributes:
        value: shape (scenarios,).
        residuals: as in `EffectEstimates`, shape (batches, scenarios).
        least: the least error, for what was never drawn.
    """

    method: Method
    value: Floats
    residuals: Floats
    count: float
    least: float = 0.0


class _SlopeEstimator:
    """One aim at one program, which is cut off after the last step that counts."""

    def __init__(self, loaded: Loaded, run: SensitivityRun) -> None:
        self.loaded = loaded
        self.run = run
        self.labels = run.program.grid.labels
        self.aim, self.seen, self.sampled = run.aim, run.seen, run.sampled
        shares = run.aim.shares(run.program.steps)
        self.program = up_to(run.program, len(shares), self.seen)
        self.shares = np.pad(shares, (0, self.program.steps - len(shares)))
        self.above = self.program.upstream([OUTCOME, *asked_nodes(self.seen or All(()))])
        self.said = run.said
        self.order = [run.program.outcome.states.index(name) for name in loaded.model.scenarios]

    @cached_property
    def unseen_bound(self) -> float:
        """The share that trials that were never drawn may have."""
        return float(rule_of_three_bound(self.sampled, self.said.missed(self.sampled)))

    @cached_property
    def support(self) -> Support:
        """What is possible of what the scenarios, and what is observed, depend on."""
        return self.said.support if self.seen is None else Support(self.program.only(self.above))

    @property
    def model(self) -> Model:
        return self.loaded.model

    def slopes(self, all_judged: Iterable[Judged]) -> Slopes:
        """Walk the draws and say what they say."""
        cells, left_out = one_point_more(self.model, self.program, all_judged)
        followed = [number for number, cell in enumerate(cells) if self._is_followed(cell)]
        found: dict[int, _EffectOfOne] = {}
        sums, weights, least = self._survey(cells, followed, found)
        self._draw_anew(cells, [n for n, cell in enumerate(cells) if n not in found and self._matters(cell)], found)
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
            left_out=[LeftOut(why, [dotted(judged.path) for judged in some]) for why, some in left_out.items()],
            claims=_claims(self.loaded.register or Register(), effects),
        )

    # What is read from the same draws --------------------------------------------------------------------------------

    def _matters(self, cell: UnitPerturbation) -> bool:
        """Whether anything that the scenarios depend on changes."""
        return cell.changed != cell.value and (cell.owner is None or cell.owner in self.above)

    def _is_followed(self, cell: UnitPerturbation) -> bool:
        node = self.program.nodes.get(cell.owner or "")
        return self._matters(cell) and isinstance(node, CategoricalNode)

    def _survey(
        self, cells: Sequence[UnitPerturbation], followed: Sequence[int], found: dict[int, _EffectOfOne]
    ) -> tuple[PathwiseSums, EffectEstimates, Floats]:
        """Follow judgements and weights; gives the sums of the first walk, weights' derivatives and least errors."""
        first: tuple[PathwiseSums, EffectEstimates, Floats] | None = None
        for start in range(0, max(len(followed), 1), _CELLS_AT_ONCE):
            some = followed[start : start + _CELLS_AT_ONCE]
            weights = {name: scheduled for name, _, _, scheduled in self._weighted()} if first is None else {}
            tilted = TiltedProgram(self.model, self.program, [cells[number] for number in some])
            estimator = PathwiseEstimator(tilted, self.run.plan, self.shares, weights, self.run.kernels, seen=self.seen)
            sums, counting = estimator.sums(self.run.map_blocks), estimator.counted_shares
            effects = sums.cells.effects(sums, counting) if self.seen is None else sums.cells.ratio_effects(sums)
            enough = sums.cells.effective_share(self.sampled)
            of_cells, of_weights = (self.unseen_bound * most for most in estimator.most(self.support))
            for place, number in enumerate(some):
                carried = estimator.carried and cells[number].owner == OUTCOME
                if enough[place] >= LEAST_SHARE and place not in estimator.unfit:
                    method: Method = "carried along" if carried else "likelihood ratio"
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

    def _draw_anew(
        self, cells: Sequence[UnitPerturbation], numbers: Sequence[int], found: dict[int, _EffectOfOne]
    ) -> None:
        """The effects of some judgements, from the changed models on common random numbers."""
        for start in range(0, len(numbers), _VARIANTS_AT_ONCE):
            some = numbers[start : start + _VARIANTS_AT_ONCE]
            programs = [self.program, *(self._changed(cells[number]) for number in some)]
            trials, visits = self._variants(programs)
            count = float(trials.sum())
            for number, program, one in zip(some, programs[1:], visits[1:], strict=True):
                apart = 1.0 if self.seen is not None else float(self.shares @ farthest_apart(self.program, program))
                least = self.unseen_bound * apart
                moved = one - visits[0]
                value = moved.sum(axis=0) / count
                found[number] = _EffectOfOne("drawn anew", value, moved - value * trials[:, None], count, least)

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

    def _changed(self, cell: UnitPerturbation) -> Program:
        """The program with another value of a judgement; the nodes that it does not touch are the same ones."""
        changed = compile_model(with_values(self.model, {cell.path: cell.changed})).nodes
        touched = [name for name in self.program.nodes if name in changed and self._is_touched(cell, name)]
        nodes: Mapping[str, Node] = {
            **self.program.nodes,
            **{name: replace(changed[name], imposed=self.program.nodes[name].imposed) for name in touched},  # type: ignore[arg-type]
        }
        return replace(self.program, nodes=nodes)

    @staticmethod
    def _is_touched(cell: UnitPerturbation, node: str) -> bool:
        if cell.owner is not None:
            return node == cell.owner
        return cell.path[:1] != ("odds_per_point",) or cell.path[1:] != (
            "influences" if node == OUTCOME else "impacts",
        )

    # Results ---------------------------------------------------------------------------------------------------------

    def _weighted(self) -> Iterator[tuple[str, Literal["driver", "rule"], str, bool]]:
        """Every weight: whose, of what kind, its title, and whether it is a schedule."""
        for name, driver in self.model.drivers.items():
            yield name, "driver", driver.title or name, _is_scheduled(driver.weight)
        for name, rule in self.model.rules.items():
            if OUTCOME in rule.then:
                yield name, "rule", rule.title or name, _is_scheduled(rule.weight)

    def _weights(self, effects: EffectEstimates, visits: EffectEstimates, leasts: Floats) -> Iterator[WeightSlope]:
        present, off = visits.value[0], visits.residuals[:, 0]
        for number, (name, kind, title, scheduled) in enumerate(self._weighted()):
            weight = float(self.program.weights[name].mean())
            value, residuals = effects.value[number], effects.residuals[:, number]
            least = float(leasts[number])
            sums = _EffectOfOne("none", value, residuals, effects.count, least)
            relative = _relative(1.0 if scheduled else weight, (value, residuals), (present, off))
            yield WeightSlope(
                kind=kind,
                name=name,
                title=title,
                weight=weight,
                scheduled=scheduled,
                derivative=self._by_scenario(sums),
                elasticity={
                    scenario: _change(
                        relative[0][at],
                        relative[1][:, at],
                        effects.count,
                        self._least_relative(1.0 if scheduled else weight, least, relative[0][at], present[at]),
                    )
                    if present[at] > _LEAST_CHANCE
                    else None
                    for scenario, at in zip(self.model.scenarios, self.order, strict=True)
                },
                aimed=self._aimed(sums),
                aimed_elasticity=self._aimed_elasticity(1.0 if scheduled else weight, sums, (present, off)),
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
            path=dotted(cell.path),
            role=cell.judged.role,
            value=cell.value,
            changed=cell.changed,
            change=cell.change,
            by_scenario=self._by_scenario(found),
            aimed=self._aimed(found),
            size=self._size(found),
            method=found.method,
            sources=list(cell.judged.sources),
            inferred=cell.judged.is_inferred,
        )

    def _by_scenario(self, found: _EffectOfOne) -> dict[str, ProbabilityChange]:
        return {
            name: _change(found.value[at], found.residuals[:, at], found.count, found.least)
            for name, at in zip(self.model.scenarios, self.order, strict=True)
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


def _is_scheduled(weight: Weight | None) -> bool:
    return weight is not None and weight.schedule is not None


def _claims(register: Register, effects: Iterable[JudgementEffect]) -> dict[str, str]:
    """What the cited claims say, those of the largest effects first."""
    return register.said(claim for effect in sorted(effects, key=_size) for claim in effect.sources)
