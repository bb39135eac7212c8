"""One point more of a judgement: what that is for each kind of them, by method (48).

Weights have a list of their own; nor is there such a change of the ends and spreads of distributions, of shares of the
anchor, which act through `calibrate` alone, and of the strength of a Dirichlet distribution.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.families import FAMILIES
from usru_scenarios.model.judgements import Judged
from usru_scenarios.model.schema import Model
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.program.program import NumericNode, Program

MORE = 1.1
"""By how much a point is worth more, in log-odds or standard deviations, where its worth is what changes."""

_WHY = {
    "weight": "weights have a list of their own",
    "share": "shares of the anchor act through 'usru calibrate' alone",
    "strength": "the strength of a Dirichlet distribution leaves the mean as it is",
    "parameter": "for the ends and spreads of a distribution there is no such thing as one point more",
}


@dataclass(frozen=True)
class UnitPerturbation:
    """A judgement with one point more.

    Attributes:
        judged: the judgement.
        owner: the node whose law it is part of; None where all nodes' are.
        value, changed: its number before and after; a persistence per step.
        change: the change in words.
    """

    judged: Judged
    owner: str | None
    value: float
    changed: float
    change: str

    @property
    def path(self) -> KeyPath:
        """Where it stands."""
        return self.judged.path


def one_point_more(
    model: Model, program: Program, all_judged: Iterable[Judged]
) -> tuple[list[UnitPerturbation], dict[str, list[Judged]]]:
    """The judgements with one point more each, and those for which there is no such thing, by the reason."""
    raiser = _OnePointEditor(model, program)
    found: list[UnitPerturbation] = []
    left_out: dict[str, list[Judged]] = {}
    for judged in all_judged:
        one = raiser.of(judged)
        if one is None:
            left_out.setdefault(_WHY[judged.role], []).append(judged)
        else:
            found.append(one)
    return found, left_out


@dataclass(frozen=True)
class _OnePointEditor:
    model: Model
    program: Program

    def of(self, judged: Judged) -> UnitPerturbation | None:
        owner, value = _owner(judged.path), judged.mean(self.model.grid)
        node = self.program.nodes[owner] if owner is not None else None
        factor = self._worth(owner)
        match judged.role:
            case "points":
                changed, change = value + 1.0, "+1 point"
            case "persistence":
                changed, change = _odds_times(value, factor), f"odds x{factor:.3g}"
            case "initial" if isinstance(node, NumericNode):
                changed, change = _moved_up(node, value), "+1 point"
            case "prior" | "initial" | "baseline":
                changed, change = value * factor, f"odds x{factor:.3g}"
            case "odds_per_point":
                changed, change = value**MORE, f"points worth x{MORE:g}"
            case "sd_per_point":
                changed, change = value * MORE, f"points worth x{MORE:g}"
            case "parameter" if isinstance(node, NumericNode) and _is_place(judged.path):
                changed, change = self._parameter(judged.path, node, value), "+1 point"
            case _:
                return None
        return UnitPerturbation(judged, owner, value, changed, change)

    def _worth(self, owner: str | None) -> float:
        """The factor that one point is on the odds."""
        odds = self.model.odds_per_point
        return odds.impacts.mean if owner == OUTCOME else odds.influences.mean

    def _parameter(self, path: KeyPath, node: NumericNode, value: float) -> float:
        family = FAMILIES[str(path[-2])]
        if family.is_between:
            return _moved_up(node, value)
        part = dict(self.model.nodes())[node.name]
        sd: float = part.distribution.parameters[family.scales[0]].mean  # type: ignore[union-attr]
        return value + float(node.sd_per_point) * sd


def _is_place(path: KeyPath) -> bool:
    """Whether a parameter of a distribution is a place on the scale which a value may come to."""
    return FAMILIES[str(path[-2])].place == path[-1]


def _owner(path: KeyPath) -> str | None:
    """The node whose law a judgement is part of."""
    match path:
        case ("drivers", _, "impacts", *_) | ("scenarios" | "outcome" | "anchor", *_):
            return OUTCOME
        case ("drivers" | "consequences", str(name), *_) | ("rules", _, "then", str(name), *_):
            return name
    return None


def _odds_times(value: float, factor: float) -> float:
    return value * factor / (1.0 + value * (factor - 1.0))


def _moved_up(node: NumericNode, value: float) -> float:
    """Where one point moves a value of a numeric node; at the ends of what it can be it stays."""
    latent = node.scale.latent(value).reshape(1)
    return float(node.scale(latent + node.sd_per_point)[0]) if np.isfinite(latent[0]) else value
