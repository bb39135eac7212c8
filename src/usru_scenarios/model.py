"""The vocabulary of a scenario file: what may stand where (format 1, sections 2 to 9).

Shape only. Whether names resolve, graphs are free of cycles and dates lie on the grid is asked in `checks`; what the
numbers mean is said in `program`. Every short form of the file is brought to one long form here, so that the code
beyond this module meets each thing in one shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from usru_scenarios.timeline import Grid, StepLength, TimeError, parse_date, parse_duration

OUTCOME = "scenario"
"""The name of the outcome node, whose states are the scenarios."""

HOLD = "hold"
"""In the place of a state, points for `hold` act on the odds of keeping the present state."""

RESERVED = frozenset(
    {"scenario", "hold", "start", "end", "now", "mean", "ever", "always", "never", "each", "by"}
    | {"or", "and", "not", "do", "profile", "default"}
)
"""Words of the query language and of the format, which can't be names."""

DISTRIBUTIONS: dict[str, int] = {"uniform": 2, "triangular": 3, "pert": 3, "normal": 2, "beta": 2}
"""The families of distributions and how many parameters each takes."""

_UNCERTAIN = ("pert", "uniform", "triangular", "normal")


def _identifier(text: str) -> str:
    if text in RESERVED:
        raise PydanticCustomError("reserved_name", "'{name}' is a reserved word", {"name": text})
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""An identifier: a small letter, then small letters, digits and underscores."""

NewName = Annotated[Name, BeforeValidator(lambda name: _identifier(name) if isinstance(name, str) else name)]
"""An identifier that the file gives to something; reserved words are refused."""

ClaimId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Sources = Annotated[tuple[ClaimId, ...], Field(strict=False)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


def _date_text(value: object) -> object:
    """A year alone is a number in YAML; a date is text here."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        try:
            parse_date(text)
        except TimeError as error:
            raise PydanticCustomError("unreadable_date", "{reason}", {"reason": str(error)}) from None
    return text


def _boundary_text(value: object) -> object:
    return value if value in ("start", "end", "now") else _date_text(value)


DateText = Annotated[str, BeforeValidator(_date_text, json_schema_input_type=str | int)]
"""A date of the format, as text."""

MomentText = Annotated[str, BeforeValidator(_boundary_text, json_schema_input_type=str | int)]
"""A date, or one of the words `start`, `end`, `now`."""


class Part(BaseModel):
    """What all parts of a file have in common: nothing unknown, nothing changed once read, finite numbers only."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


class Value(Part):
    """A part that is one value of the file, written in one of several forms; an overlay replaces it whole."""


REPLACED_WHOLE = "replaced whole"
"""Marks, in an annotation, a map that an overlay replaces as a whole and does not merge key by key."""

PART_OF_FILE = "part of the file"
"""Marks, in an annotation, a map that is laid out like the whole file."""


class Distribution(Value):
    """A family and its parameters, each itself a judgement."""

    family: Literal["uniform", "triangular", "pert", "normal", "beta"]
    parameters: tuple[Judgement, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        """Read `{pert: [1, 2, 3]}`."""
        if not isinstance(raw, dict) or len(raw) != 1 or (family := next(iter(raw))) not in DISTRIBUTIONS:
            raise PydanticCustomError(
                "unreadable_distribution",
                "not a distribution: write one of {families} with its parameters, such as {example}",
                {"families": ", ".join(DISTRIBUTIONS), "example": "{pert: [1, 2, 3]}"},
            )
        parameters = raw[family]
        wanted = DISTRIBUTIONS[family]
        if not isinstance(parameters, list | tuple) or len(parameters) != wanted:
            raise PydanticCustomError(
                "wrong_parameters",
                "'{family}' takes a list of {wanted} numbers",
                {"family": family, "wanted": wanted},
            )
        return {"family": family, "parameters": tuple(parameters)}

    @model_validator(mode="after")
    def _in_order(self) -> Distribution:
        values = [parameter.mean for parameter in self.parameters]
        if self.family in ("uniform", "triangular", "pert") and (values != sorted(values) or values[0] == values[-1]):
            raise PydanticCustomError(
                "unordered_parameters",
                "the parameters of '{family}' must rise: lowest first, highest last",
                {"family": self.family},
            )
        if self.family == "normal" and values[1] <= 0:
            raise PydanticCustomError("not_positive", "the second parameter of 'normal', its sd, must be above 0", {})
        if self.family == "beta" and min(values) <= 0:
            raise PydanticCustomError("not_positive", "both parameters of 'beta' must be above 0", {})
        return self

    @property
    def mean(self) -> float:
        """The mean, by the closed form of each family (pert: shape 4, so (min + 4 mode + max) / 6)."""
        values = [parameter.mean for parameter in self.parameters]
        match self.family:
            case "uniform" | "triangular":
                return math.fsum(values) / len(values)
            case "pert":
                return (values[0] + 4 * values[1] + values[2]) / 6
            case "normal":
                return values[0]
            case "beta":
                return values[0] / (values[0] + values[1])

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and highest value that can be drawn."""
        if self.family == "normal":
            return -math.inf, math.inf
        if self.family == "beta":
            return 0.0, 1.0
        return self.parameters[0].mean, self.parameters[-1].mean



class Rule(Part):
    """A joint condition, and the points it gives where it holds."""

    title: str | None = None
    summary: str | None = None
    when: When
    lag: Literal[0, 1] = 0
    at_least: Annotated[int, Field(ge=1)] | None = None
    then: dict[Name, GivenPoints]
    weight: Weight | None = None
    sources: Sources | None = None


class Expectation(Part):
    """A statement of the sources that the model must satisfy, in the language of queries."""

    that: str
    title: str | None = None
    note: str | None = None
    sources: Sources | None = None


class Profile(Part):
    """A named reading: weights and any other part of the file, laid over it."""

    title: str | None = None
    summary: str | None = None
    weights: dict[Name, Any] = {}
    overrides: Annotated[dict[str, Any], PART_OF_FILE] = {}
    sources: Sources | None = None


class Model(Part):
    """A whole scenario file, format 1, overlays applied."""

    usru: Literal[1]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    title: str
    summary: str | None = None
    extends: str | None = None
    sources: str | None = None
    time: Time | None = None
    odds_per_point: OddsPerPoint = OddsPerPoint()
    sd_per_point: Spread = Judgement(value=0.25)
    scenarios: Annotated[dict[NewName, Scenario], Field(min_length=1)]
    outcome: Outcome = Outcome()
    groups: dict[NewName, Names] = {}
    anchor: Anchor | None = None
    drivers: dict[NewName, Driver] = {}
    rules: dict[NewName, Rule] = {}
    consequences: dict[NewName, Consequence] = {}
    profiles: dict[Name, Profile] = {}
    expectations: dict[Name, Expectation] = {}

    @property
    def grid(self) -> Grid:
        """The steps of the model."""
        if self.time is None:
            return Grid.single()
        return Grid.between(self.time.start, self.time.end, self.time.step)

    def nodes(self) -> Iterator[tuple[str, Categorical | Numeric]]:
        """The drivers, then the consequences, by name."""
        yield from self.drivers.items()
        yield from self.consequences.items()


for _part in (Distribution, Judgement):
    _part.model_rebuild()
