"""One point more of a judgement: what that is for each kind of them, by method (48), and the nodes that have it.

Weights have a list of their own; nor is there such a change of the ends and spreads of distributions, of shares of the
anchor, which act through `calibrate` alone, and of the strength of a Dirichlet distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import JudgementEntry, dotted_path, judgements, with_values
from usru_scenarios.model.schema import Model
from usru_scenarios.model.values import Weight
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.program import Node, NumericNode, Program
from usru_scenarios.questions.sensitivity.perturbations import ModelWeight, Perturbations, PerturbedJudgement
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.register import Register
from usru_scenarios.results.sensitivity import LeftOut

POINT_WORTH_FACTOR = 1.1
"""By how much a point is worth more, in log-odds or standard deviations, where its worth is what changes."""

_REASON_LEFT_OUT = {
    "weight": "weights have a list of their own",
    "share": "shares of the anchor act through 'usru calibrate' alone",
    "strength": "the strength of a Dirichlet distribution leaves the mean as it is",
    "parameter": "for the ends and spreads of a distribution there is no such thing as one point more",
}


def list_perturbations(loaded: Loaded, program: Program) -> Perturbations:
    """What there is to perturb in a model, with its program, perhaps under conditions."""
    model, editor = loaded.model, _OnePointEditor(loaded.model, program)
    perturbed: list[PerturbedJudgement] = []
    left_out: dict[str, list[str]] = {}
    for judged in judgements(model):
        judgement = editor.perturb(judged)
        if judgement is None:
            left_out.setdefault(_REASON_LEFT_OUT[judged.role], []).append(dotted_path(judged.path))
        else:
            perturbed.append(judgement)
    return Perturbations(
        scenarios=tuple(model.scenarios),
        weights=tuple(_list_weights(model)),
        judgements=tuple(perturbed),
        left_out=tuple(LeftOut(why, paths) for why, paths in left_out.items()),
        claims=(loaded.register or Register()).claim_texts(
            claim for judgement in perturbed for claim in judgement.sources
        ),
    )


def _list_weights(model: Model) -> Iterator[ModelWeight]:
    for name, driver in model.drivers.items():
        yield ModelWeight("driver", name, driver.title or name, _is_scheduled(driver.weight))
    for name, rule in model.rules.items():
        if OUTCOME in rule.then:
            yield ModelWeight("rule", name, rule.title or name, _is_scheduled(rule.weight))


def _is_scheduled(weight: Weight | None) -> bool:
    return weight is not None and weight.schedule is not None


def changed_nodes(model: Model, judgement: PerturbedJudgement) -> Mapping[str, Node]:
    """The nodes that a judgement touches, with its other value."""
    nodes = compile_model(with_values(model, {judgement.path: judgement.changed})).nodes
    if judgement.owner is not None:
        return {judgement.owner: nodes[judgement.owner]}
    if judgement.path == ("odds_per_point", "impacts"):
        return {OUTCOME: nodes[OUTCOME]}
    if judgement.path == ("odds_per_point", "influences"):
        return {name: node for name, node in nodes.items() if name != OUTCOME}
    return nodes


@dataclass(frozen=True)
class _OnePointEditor:
    """Moves judgements of a model, each by one point or by what comes nearest to it."""

    model: Model
    program: Program

    def perturb(self, judged: JudgementEntry) -> PerturbedJudgement | None:
        """The judgement with its other value; None where there is no such change of it."""
        owner, value = _find_owner(judged.path), judged.mean(self.model.grid)
        node = self.program.nodes[owner] if owner is not None else None
        odds = self.model.odds_per_point
        factor = odds.impacts.mean if owner == OUTCOME else odds.influences.mean
        match judged.role:
            case "points":
                changed, change = value + 1.0, "+1 point"
            case "persistence":
                changed, change = value * factor / (1.0 + value * (factor - 1.0)), f"odds x{factor:.3g}"
            case "initial" if isinstance(node, NumericNode):
                changed, change = _move_up(node, value), "+1 point"
            case "prior" | "initial" | "baseline":
                changed, change = value * factor, f"odds x{factor:.3g}"
            case "odds_per_point":
                changed, change = value**POINT_WORTH_FACTOR, f"points worth x{POINT_WORTH_FACTOR:g}"
            case "sd_per_point":
                changed, change = value * POINT_WORTH_FACTOR, f"points worth x{POINT_WORTH_FACTOR:g}"
            case "parameter" if (
                isinstance(node, NumericNode) and FAMILIES[str(judged.path[-2])].location == judged.path[-1]
            ):
                changed, change = self._changed_parameter(judged.path, node, value), "+1 point"
            case _:
                return None
        return PerturbedJudgement(
            judged.path, judged.role, judged.sources, judged.is_inferred, owner, value, changed, change
        )

    def _changed_parameter(self, path: KeyPath, node: NumericNode, value: float) -> float:
        """The parameter that says where a distribution lies on its scale, moved by one point."""
        family = FAMILIES[str(path[-2])]
        if family.is_between:
            return _move_up(node, value)
        part = dict(self.model.nodes())[node.name]
        sd: float = part.distribution.parameters[family.positive_parameters[0]].mean  # type: ignore[union-attr]
        return value + float(node.sd_per_point) * sd


def _find_owner(path: KeyPath) -> str | None:
    """The node whose law a judgement is part of."""
    match path:
        case ("drivers", _, "impacts", *_) | ("scenarios" | "outcome" | "anchor", *_):
            return OUTCOME
        case ("drivers" | "consequences", str(name), *_) | ("rules", _, "then", str(name), *_):
            return name
    return None


def _move_up(node: NumericNode, value: float) -> float:
    """Where one point moves a value of a numeric node; at the ends of what it can be it stays."""
    latent = node.scale.latent(value).reshape(1)
    return float(node.scale(latent + node.sd_per_point)[0]) if np.isfinite(latent[0]) else value
