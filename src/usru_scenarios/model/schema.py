"""The vocabulary of a scenario file: what may stand where (format 1, sections 2 to 9).

Shape only. Whether names resolve, graphs are free of cycles and dates lie on the grid is asked in `reading.checks`;
what the numbers mean is said in `program.program`. The values that stand in these parts are in `values`.
"""

# ruff: noqa: RUF012  # pydantic copies defaults

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from usru_scenarios.limits import MOST_STATES
from usru_scenarios.model.values import (
    LEAST,
    NAME,
    PART_OF_FILE,
    REPLACED_WHOLE,
    DateText,
    DayText,
    DirichletPrior,
    Distribution,
    GivenName,
    Judgement,
    Keep,
    KnotText,
    MomentText,
    Name,
    Names,
    NewName,
    OddsPerPoint,
    Part,
    Persistence,
    Points,
    Share,
    Shares,
    Sources,
    Spread,
    StatePoints,
    Texts,
    Value,
    Weight,
    as_written,
    describe,
    is_judgement_form,
    of_some_size,
)
from usru_scenarios.timeline import Grid, StepLength


class Time(Part):
    """The grid: equal steps from `start` up to `end`, which is not covered."""

    start: DateText
    end: DateText
    step: StepLength


class _Stateful(Part):
    """A part that a judgement alone is a short form of, as `managed_rivalry: 0.45` is of `{baseline: 0.45}`."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return expanded(cls, raw)


class Scenario(_Stateful):
    """One of the futures: a state of the outcome."""

    title: str | None = None
    summary: str | None = None
    baseline: Share | None = None
    signposts: Texts = ()
    sources: Sources | None = None


class State(_Stateful):
    """A state of a driver, with the prior that a redraw starts from."""

    prior: Share | None = None
    title: str | None = None
    summary: str | None = None
    signposts: Texts = ()
    sources: Sources | None = None


SHORT_FOR: dict[type[Part], str] = {Scenario: "baseline", State: "prior"}
"""The parts that a judgement alone is a short form of, and the key that it then stands for."""


def expanded(part: type[Part], raw: object) -> object:
    """`managed_rivalry: 0.45` is short for `managed_rivalry: {prior: 0.45}`, in any form of a judgement.

    A state with nothing in it is an empty one.
    """
    if raw is None and part is State:
        return {}
    if raw is None or isinstance(raw, part) or not is_judgement_form(raw):
        return raw
    return {SHORT_FOR[part]: raw}


class Condition(Value):
    """What a `when` asks of one node: one of some states, or a comparison on a numeric driver."""

    states: tuple[GivenName, ...] = ()
    comparison: str | None = None

    @classmethod
    def _fields_of(cls, raw: object) -> object:
        raw = as_written(raw)
        if isinstance(raw, str):
            return {"comparison": raw} if raw[:1] in ("<", ">", "=", "!") else {"states": (raw,)}
        if isinstance(raw, list) and raw:
            return {"states": tuple(raw)}
        raise PydanticCustomError(
            "unreadable_condition",
            'a condition is a state, a list of states or a comparison such as "> 0.7", not {found}',
            {"found": describe(raw)},
        )

    @model_validator(mode="after")
    def _readable(self) -> Condition:
        if self.comparison is not None:
            self.bound()
        return self

    def bound(self) -> tuple[str, float]:
        """The comparison as its sign and its number.

        Raises:
            PydanticCustomError: the text is not such a comparison.
        """
        match = re.fullmatch(
            r"(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", (self.comparison or "").strip()
        )
        if match is None or not math.isfinite(float(match[2])):
            raise PydanticCustomError(
                "unreadable_comparison",
                "'{text}' is not a comparison such as \"> 0.7\" (one of < <= > >= and a number)",
                {"text": self.comparison},
            )
        return match[1], float(match[2])


When = Annotated[dict[Name, Condition], Field(min_length=1), REPLACED_WHOLE]


def _never_boolean(expected: str) -> BeforeValidator:
    """A validator for a choice of numbers: `true` is none of them, though Python takes it for 1."""

    def check(raw: object) -> object:
        if isinstance(raw, bool):
            raise PydanticCustomError("literal_error", "not a number", {"expected": expected})
        return raw

    return BeforeValidator(check)


def _whole(raw: object) -> object:
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _numbered(raw: object) -> object:
    """A list of parts and a map of parts are one thing: parts under keys, which for a list are 0, 1, 2, ..."""
    return dict(enumerate(raw)) if isinstance(raw, list) else raw


_LIST_OR_MAP = BeforeValidator(_numbered)


class PriorRow(Part):
    """A row of `prior_given`: the prior where its condition is the first that holds."""

    when: When
    prior: Shares
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class Event(Part):
    """Something the calendar brings to a categorical node: a forced redraw, a window of extra points, or both."""

    at: MomentText
    until: MomentText | None = None
    prior: Shares | None = None
    points: StatePoints | None = None
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class NumericEvent(Part):
    """A window of extra points on a numeric driver."""

    at: MomentText
    until: MomentText | None = None
    points: Points
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


def _part_id(key: int | str) -> int | str:
    if isinstance(key, str) and not re.fullmatch(NAME, key):
        raise PydanticCustomError("string_pattern_mismatch", "not a name", {"pattern": NAME})
    return key


PartId = Annotated[int | str, AfterValidator(_part_id)]
"""The place of a part in a list, or its name in a map."""

PriorRows = Annotated[dict[PartId, PriorRow], _LIST_OR_MAP]
Events = Annotated[dict[PartId, Event], _LIST_OR_MAP]
NumericEvents = Annotated[dict[PartId, NumericEvent], _LIST_OR_MAP]
Influences = dict[Name, dict[str, StatePoints]]
"""Parent, its state (or a knot on a numeric parent's scale), and points for the states of the node."""
NumericInfluences = dict[Name, dict[str, Points]]


class Categorical(Part):
    """A consequence, or what it shares with a driver: an uncertain thing that is in one of a few states."""

    kind: Literal["categorical"] = "categorical"
    title: str | None = None
    summary: str | None = None
    states: Annotated[dict[NewName, State], Field(min_length=1, max_length=MOST_STATES)]
    prior: DirichletPrior | None = None
    initial: Shares | None = None
    persistence: Persistence | None = None
    prior_given: PriorRows = {}
    influences: Influences = {}
    lagged_influences: Influences = {}
    allowed: dict[Name, Names] = {}
    events: Events = {}
    sources: Sources | None = None


def _scale(raw: object) -> object:
    if not isinstance(raw, tuple):
        found = f"a list of {len(raw)}" if isinstance(raw, list) else describe(raw)
        raise PydanticCustomError(
            "not_a_range", "a range is a list of two numbers, such as [0, 1], not {found}", {"found": found}
        )
    for end in raw:
        if isinstance(end, int | float):
            of_some_size(float(end))
    return raw


class Numeric(Part):
    """A consequence, or what it shares with a driver: an uncertain number on a scale."""

    kind: Literal["numeric"]
    title: str | None = None
    summary: str | None = None
    range: Annotated[tuple[float, float], BeforeValidator(_scale)]
    distribution: Distribution | None = None
    initial: Judgement | None = None
    persistence: Keep | None = None
    influences: NumericInfluences = {}
    lagged_influences: NumericInfluences = {}
    events: NumericEvents = {}
    sources: Sources | None = None

    @model_validator(mode="before")
    @classmethod
    def _range_form(cls, raw: object) -> object:
        if isinstance(raw, dict) and isinstance(scale := raw.get("range"), list) and len(scale) == 2:
            return {**raw, "range": tuple(scale)}
        return raw

    @model_validator(mode="after")
    def _on_range(self) -> Numeric:
        """What is drawn of a numeric node lies on its scale, and what it starts from lies inside."""
        low, high = self.range
        if self.distribution is not None and self.distribution.of_family.is_between:
            self.distribution.cut_off(low, high)
            low, high = max(low, self.distribution.span[0]), min(high, self.distribution.span[1])
        if self.initial is not None and low < high:
            self.initial.cut_off(low + LEAST * (high - low), high - LEAST * (high - low))
        return self


class CategoricalDriver(Categorical):
    """A categorical driver, with its impacts on the scenarios and their weight."""

    weight: Weight | None = None
    impacts: dict[str, StatePoints] = {}


class NumericDriver(Numeric):
    """A numeric driver, with its impacts on the scenarios at knots of its scale and their weight."""

    weight: Weight | None = None
    impacts: dict[KnotText, StatePoints] = {}


def _kind(raw: object) -> str:
    """A driver is categorical unless it says otherwise."""
    return str(raw.get("kind", "categorical") if isinstance(raw, dict) else getattr(raw, "kind", "categorical"))


Driver = Annotated[
    Annotated[CategoricalDriver, Tag("categorical")] | Annotated[NumericDriver, Tag("numeric")], Discriminator(_kind)
]
Consequence = Annotated[
    Annotated[Categorical, Tag("categorical")] | Annotated[Numeric, Tag("numeric")], Discriminator(_kind)
]


class Outcome(Part):
    """How the outcome moves: as a driver's own dynamics, with the scenarios for states."""

    title: str | None = None
    summary: str | None = None
    prior: DirichletPrior | None = None
    persistence: Persistence | None = None
    initial: Shares | None = None
    allowed: dict[Name, Names] = {}
    events: Events = {}
    lagged_influences: Influences = {}
    sources: Sources | None = None


class Anchor(Part):
    """A judged set of shares for one step, which the baselines are solved to reproduce."""

    at: MomentText = "start"
    shares: Shares
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


def _points_form(raw: object) -> str:
    return "number" if isinstance(raw, Judgement) or is_judgement_form(raw) else "by_state"


GivenPoints = Annotated[
    Annotated[StatePoints, Tag("by_state")] | Annotated[Points, Tag("number")], Discriminator(_points_form)
]
"""Points for a numeric driver are one judgement; for a categorical node, a map by state."""


class Rule(Part):
    """A joint condition, and the points it gives where it holds."""

    title: str | None = None
    summary: str | None = None
    when: When
    lag: Annotated[Literal[0, 1], _never_boolean("0 or 1"), BeforeValidator(_whole)] = 0
    at_least: Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None = None
    then: dict[Name, GivenPoints]
    weight: Weight | None = None
    sources: Sources | None = None


class Expectation(Part):
    """A statement of the sources that the model must satisfy, in the language of queries."""

    that: str
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class DatedQuestion(Part):
    """Something that will be known by a day, so that the forecast of it can be scored."""

    asks: str
    means: str
    closes: DayText
    resolves: str
    title: str | None = None
    summary: str | None = None
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

    usru: Annotated[Literal[1], _never_boolean("1"), BeforeValidator(_whole)]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    title: str
    summary: str | None = None
    extends: str | None = None
    sources: str | None = None
    time: Time | None = None
    odds_per_point: OddsPerPoint = OddsPerPoint()
    sd_per_point: Spread = Judgement(value=0.25)
    scenarios: Annotated[dict[NewName, Scenario], Field(min_length=1, max_length=MOST_STATES)]
    outcome: Outcome = Outcome()
    groups: dict[NewName, Names] = {}
    anchor: Anchor | None = None
    drivers: dict[NewName, Driver] = {}
    rules: dict[NewName, Rule] = {}
    consequences: dict[NewName, Consequence] = {}
    profiles: dict[Name, Profile] = {}
    expectations: dict[Name, Expectation] = {}
    questions: dict[Name, DatedQuestion] = {}

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
