"""Likelihoods over a range of judgements, in the form of their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.results.common import OfRun, Tabled, Titled, Warned


@dataclass(frozen=True)
class Varied:
    """What is varied.

    Attributes:
        name: what is varied, as written: a driver or rule, whose weight is meant, or a path.
        kind: `weight` or `path`.
        values: the values that it takes, in rising order.
        present: the value that the model has without the sweep; null where it has none, or several.
    """

    name: str
    kind: Literal["weight", "path"]
    values: list[float]
    present: float | None


@dataclass(frozen=True)
class LikelihoodCurve:
    """The probability of a scenario or group at each point, with standard errors of sampling.

    Attributes:
        probability: the probability at each point, from 0 to 1.
        standard_errors: the standard error of each, from sampling.
    """

    probability: list[float]
    standard_errors: list[float]


@dataclass(frozen=True)
class Swept(Titled):
    """A scenario or group.

    Attributes:
        curves: its probabilities over the points, by the time at which they are read: `mean`, `end`, or a step.
    """

    curves: dict[str, LikelihoodCurve]


@dataclass(frozen=True)
class Crossing:
    """Where the likeliest scenario changes.

    Attributes:
        at: the time at which scenarios are read.
        before: the likeliest scenario below.
        after: the likeliest scenario above.
        low: the neighbouring value below which the first one is the likeliest.
        high: the neighbouring value above which the second one is.
        value: where the two are equally likely; null where sampling can't tell it more closely than `low` and `high`.
        standard_error: standard error of `value`, from sampling; null where there is none.
    """

    at: str
    before: str
    after: str
    low: float
    high: float
    value: float | None
    standard_error: float | None


@dataclass(frozen=True, repr=False)
class Sweep(OfRun, Tabled):
    """Likelihoods over a range of one or two judgements.

    Attributes:
        variables: what is varied, one judgement or two.
        at: the times at which scenarios are read.
        points: the values of the variables at each point; of two variables the second runs faster.
        scenarios: the curves of each scenario, by id in the order of the file.
        groups: the same for each group of scenarios.
        likeliest: by time, the likeliest scenario at each point.
        crossings: where the likeliest scenario changes, in rising order for each time; of two variables none are
            sought.
    """

    variables: list[Varied]
    at: list[str]
    points: list[list[float]]
    scenarios: dict[str, Swept]
    groups: dict[str, Swept]
    likeliest: dict[str, list[str]]
    crossings: list[Crossing]
    warnings: list[Warned] = field(default_factory=list)
    format: Literal["usru.sweep/1.0"] = "usru.sweep/1.0"

    def only(self, name: str) -> Sweep:
        """The sweep of one scenario or group alone; without crossings, which are between scenarios.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self.scenarios and name not in self.groups:
            raise KeyError(name)
        scenarios, groups = ({name: parts[name]} if name in parts else {} for parts in (self.scenarios, self.groups))
        return replace(self, scenarios=scenarios, groups=groups, likeliest={}, crossings=[])

    def _key_findings(self) -> Iterator[str]:
        yield from (f"{varied.name} from {varied.values[0]:g} to {varied.values[-1]:g}" for varied in self.variables)
