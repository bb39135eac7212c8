"""A model whose judgements are all a little different, by method (59): would it still say the same?

Draws follow from the seed, the number of the perturbed model, and the judgement's path alone: neither their order nor
what else is in the file matters, and a profile is moved as its file is.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, judgements, with_values
from usru_scenarios.model.schema import Model, Numeric

POINTS_SPREAD = 1.0
WEIGHT_SPREAD = 0.3
SHARE_SPREAD = 0.3
PERSISTENCE_SPREAD = 0.4
ODDS_SPREAD = 0.2

SPREADS = {
    "points": f"up to {POINTS_SPREAD:g} either way, 0 stays",
    "weight": f"times {1 - WEIGHT_SPREAD:g} to {1 + WEIGHT_SPREAD:g}",
    "prior, initial": f"times exp({SHARE_SPREAD:g} z)",
    "persistence": f"odds times exp({PERSISTENCE_SPREAD:g} z)",
    "odds_per_point": f"log times {1 - ODDS_SPREAD:g} to {1 + ODDS_SPREAD:g}",
}
"""How the kinds of judgements are moved, in words; z is a standard normal."""

_NORMAL = NormalDist()


def perturb_model(model: Model, seed: int, number: int) -> Model:
    """The model with all judgements moved, by the draws of a seed, at least 0, for one of its perturbed models."""
    return with_values(
        model,
        {
            judged.path: _PerturbedValue(model, judged, seed, number).value()
            for judged in judgements(model)
            if judged.role not in ("share", "strength")
        },
    )


@dataclass(frozen=True)
class _PerturbedValue:
    """A judgement on its way to another value."""

    model: Model
    judged: JudgementEntry
    seed: int
    number: int

    def value(self) -> float:
        value = self.judged.mean(self.model.grid)
        match self.judged.role:
            case "points":
                return value + POINTS_SPREAD * self.shift() if value else 0.0
            case "weight" | "sd_per_point":
                return value * (1.0 + WEIGHT_SPREAD * self.shift())
            case "odds_per_point":
                return math.exp(math.log(value) * (1.0 + ODDS_SPREAD * self.shift()))
            case "persistence":
                return self.between(value, 0.0, 1.0)
            case "parameter":
                return self.parameter(value)
            case "initial" if isinstance(node := self.node(), Numeric):
                return self.between(value, *node.range)
        return value * math.exp(SHARE_SPREAD * self.normal())

    def parameter(self, value: float) -> float:
        node, index = self.node(), self.judged.path[-1]
        assert isinstance(node, Numeric)
        assert node.distribution is not None
        family, parameters = node.distribution.family_definition, [each.mean for each in node.distribution.parameters]
        if index in family.positive_parameters:
            return value * math.exp(SHARE_SPREAD * self.normal())
        if index != family.location:
            return value
        if family.is_between:
            return self.between(value, parameters[0], parameters[-1])
        return value + SHARE_SPREAD * self.normal() * parameters[family.positive_parameters[0]]

    def node(self) -> object:
        """The driver or consequence that the judgement is about, if it is about one."""
        section, *rest = self.judged.path
        nodes = dict(self.model.nodes()) if section in ("drivers", "consequences") else {}
        return nodes.get(str(rest[0])) if rest else None

    def between(self, value: float, low: float, high: float) -> float:
        """A value moved on the odds scale between two bounds; on a bound it stays."""
        if not low < value < high:
            return value
        odds = (value - low) / (high - value) * math.exp(PERSISTENCE_SPREAD * self.normal())
        return low + (high - low) * odds / (1.0 + odds)

    def shift(self) -> float:
        """Uniform between -1 and 1."""
        return 2.0 * self.uniform() - 1.0

    def normal(self) -> float:
        """Standard normal."""
        return _NORMAL.inv_cdf(self.uniform())

    def uniform(self) -> float:
        """Strictly between 0 and 1."""
        path = self.judged.path[:3] if self.judged.role == "weight" else self.judged.path
        digest = hashlib.sha256(f"{self.seed} {self.number} {path!r}".encode()).digest()
        return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
