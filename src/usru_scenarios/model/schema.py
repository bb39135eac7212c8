"""The vocabulary of a scenario file: what may stand where (format 1, sections 2 to 9).

Shape only. Whether names resolve, graphs are free of cycles and dates lie on the grid is asked in `reading.checks`;
what the numbers mean is said in `meaning.program`. Every short form of the file is brought to one long form here, so
that the code beyond this module meets each thing in one shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticCustomError

from usru_scenarios.limits import LARGEST_NUMBER, MOST_STATES
from usru_scenarios.model import families
from usru_scenarios.model.families import FAMILIES, UNCERTAIN, Family, FamilyValues
from usru_scenarios.names import DIRICHLET, RESERVED
from usru_scenarios.problems import shortened
from usru_scenarios.timeline import Grid, StepLength, TimeError, parse_date, parse_duration

_LEAST = 1e-9
"""What is drawn and must be above a bound is kept this far away from it."""


def _identifier(text: str) -> str:
    if text in RESERVED:
        raise PydanticCustomError("reserved_name", "'{name}' is a reserved word", {"name": text})
    return text


_NAME = r"^[a-z][a-z0-9_]*$"

Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""An identifier: a small letter, then small letters, digits and underscores."""

NewName = Annotated[Name, BeforeValidator(lambda name: _identifier(name) if isinstance(name, str) else name)]
"""An identifier that the file gives to something; reserved words are refused."""


def _as_written(raw: object) -> object:
    """`true` and `false` are values of YAML, and names like any other where a name is expected."""
    return ("true" if raw else "false") if isinstance(raw, bool) else raw


GivenName = Annotated[Name, BeforeValidator(_as_written, json_schema_input_type=str | bool)]
"""An identifier in the place of a value, where a bare `true` or `false` is one too."""

ClaimId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Sources = Annotated[tuple[ClaimId, ...], Field(strict=False)]
Names = Annotated[tuple[GivenName, ...], Field(strict=False)]
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


def _unreadable_distribution(families: Iterable[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "unreadable_distribution",
        "not a distribution: write one of {families} with its parameters, such as {example}",
        {"families": ", ".join(families), "example": "{pert: [1, 2, 3]}"},
    )


class Distribution(Value):
    """A family and its parameters, each itself a judgement."""

    family: str
    parameters: tuple[Judgement, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        """Read `{pert: [1, 2, 3]}`."""
        if not isinstance(raw, dict) or len(raw) != 1 or (family := next(iter(raw))) not in FAMILIES:
            raise _unreadable_distribution(FAMILIES)
        parameters = raw[family]
        wanted = FAMILIES[family].size
        if not isinstance(parameters, list | tuple) or len(parameters) != wanted:
            raise PydanticCustomError(
                "wrong_parameters",
                "'{family}' takes a list of {wanted} numbers",
                {"family": family, "wanted": wanted},
            )
        return {"family": family, "parameters": tuple(parameters)}

    @model_validator(mode="after")
    def _in_order(self) -> Distribution:
        values, family = [parameter.mean for parameter in self.parameters], self.of_family
        if family.is_between and values != sorted(values):
            raise PydanticCustomError(
                "unordered_parameters",
                "the parameters of '{family}' must rise: lowest first, highest last",
                {"family": self.family},
            )
        if any(one.mean <= 0 or one.span[0] < 0 for one in self._scales):
            raise PydanticCustomError("not_positive", "{reason}", {"reason": family.not_positive})
        for parameter in self._scales:
            parameter.cut_off(_LEAST, math.inf)
        return self

    _limits: tuple[float, float] = PrivateAttr((-math.inf, math.inf))

    @property
    def _scales(self) -> tuple[Judgement, ...]:
        """The parameters that are above 0 whatever is drawn."""
        return tuple(self.parameters[index] for index in self.of_family.scales)

    @property
    def of_family(self) -> Family:
        """What there is to know of its family."""
        return FAMILIES[self.family]

    def cut_off(self, low: float, high: float) -> None:
        """Say between which values it may be drawn, for which validators ask once they know what it is about.

        A normal distribution is cut off there, and so are normal ones among the parameters that say where it lies.
        """
        self._limits = low, high
        for index, parameter in enumerate(self.parameters):
            if self.of_family.is_between or index == self.of_family.place:
                parameter.cut_off(low, high)

    @property
    def law(self) -> FamilyValues:
        """The same as plain data."""
        parameters = tuple(
            one.value.law if isinstance(one.value, Distribution) else one.value for one in self.parameters
        )
        return FamilyValues(self.family, parameters, self._limits)

    @property
    def mean(self) -> float:
        """The mean of what is drawn, cut off where the judgement ends (see `families.mean`)."""
        return families.mean(self.law)

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and highest value that can be drawn."""
        return self.of_family.ends([one.bounds for one in self.parameters], self._limits)

    @property
    def span(self) -> tuple[float, float]:
        """Where it lies before it is cut off: its bounds, a normal one, which has none, standing at its centre."""
        spans = [one.span for one in self.parameters]
        return self.of_family.ends(spans, self.of_family.centre(spans))

    @property
    def is_certain(self) -> bool:
        """Whether it leaves one value only, as `{pert: [1, 1, 1]}` does."""
        values = {one.value for one in self.parameters}
        return self.of_family.is_between and len(values) == 1 and not isinstance(next(iter(values)), Distribution)


def _long_form(raw: object) -> object:
    """Bring the ways to write a judgement to `{value, sources, note}`; what is no judgement is left to be refused."""
    if isinstance(raw, list):
        if not raw:
            raise PydanticCustomError("empty_judgement", "an empty list is no judgement: write [2, G23]", {})
        return {"value": raw[0], "sources": tuple(raw[1:])}
    if isinstance(raw, dict):
        if "value" not in raw and len(families := [family for family in UNCERTAIN if family in raw]) == 1:
            rest = {key: part for key, part in raw.items() if key != families[0]}
            return {"value": {families[0]: raw[families[0]]}, **rest}
        if "value" not in raw:
            raise PydanticCustomError(
                "not_a_number",
                "expected a number, found a map; a number with its sources is {example}",
                {"example": "{value: 2, sources: [G23]}"},
            )
        return raw
    return {"value": raw}


def is_judgement_form(raw: object) -> bool:
    """Whether a raw value is the form of one judgement rather than a map of judgements by state or date.

    A state may be called `normal`: `{normal: [0.9, A01]}` is a map by state, `{normal: [0.9, 0.1]}` a distribution.
    """
    if not isinstance(raw, dict):
        return True
    return "value" in raw or any(
        isinstance(parameters := raw.get(family), list | tuple) and not any(isinstance(one, str) for one in parameters)
        for family in UNCERTAIN
    )


def _number_or_distribution(raw: object) -> object:
    if isinstance(raw, dict):
        if not raw.keys() <= set(UNCERTAIN):
            raise _unreadable_distribution(UNCERTAIN)
        raw = Distribution.model_validate(raw)
    if isinstance(raw, Distribution):
        return raw.parameters[0].mean if raw.is_certain else raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise PydanticCustomError("not_a_number", "expected a number, found {found}", {"found": describe(raw)})
    if not math.isfinite(raw):
        raise PydanticCustomError("not_finite", "the number must be finite", {})
    return _of_some_size(float(raw))


def _of_some_size(number: float) -> float:
    if abs(number) > LARGEST_NUMBER:
        message = "{found} is more than a number here can be, which is {limit}"
        raise PydanticCustomError("number_too_large", message, {"found": f"{number:g}", "limit": f"{LARGEST_NUMBER:g}"})
    return number


def describe(raw: object) -> str:
    """A value of a file in words, for a message."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return f"the text '{shortened(raw)}'"
    if isinstance(raw, Mapping):
        return "a map"
    return "a list" if isinstance(raw, list | tuple) else f"the number {raw:g}" if _is_number(raw) else f"{raw!r}"


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float)


class Judgement(Value):
    """A number that is an opinion, with the claims that it rests on."""

    value: Annotated[float | Distribution, BeforeValidator(_number_or_distribution, json_schema_input_type=Any)]
    sources: Sources | None = None
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return raw if isinstance(raw, Judgement) else _long_form(raw)

    @property
    def mean(self) -> float:
        """The number itself, or the mean of its distribution."""
        return self.value.mean if isinstance(self.value, Distribution) else self.value

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and highest value that the judgement may take."""
        return self.value.bounds if isinstance(self.value, Distribution) else (self.value, self.value)

    @property
    def span(self) -> tuple[float, float]:
        """As of a distribution."""
        return self.value.span if isinstance(self.value, Distribution) else (self.value, self.value)

    def cut_off(self, low: float, high: float) -> None:
        """As of a distribution."""
        if isinstance(self.value, Distribution):
            self.value.cut_off(low, high)


def _never_boolean(expected: str) -> BeforeValidator:
    """A validator for a choice of numbers: `true` is none of them, though Python takes it for 1."""

    def check(raw: object) -> object:
        if isinstance(raw, bool):
            raise PydanticCustomError("literal_error", "not a number", {"expected": expected})
        return raw

    return BeforeValidator(check)


def _whole(raw: object) -> object:
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _bounded(low: float, high: float, code: str, message: str) -> AfterValidator:
    """A validator that keeps a judgement within bounds; a normal distribution is cut off at them when drawn.

    A lower bound that is no whole number is one that a value must be above.
    """

    def check(judgement: Judgement) -> Judgement:
        least, most = judgement.span
        if least < low or most > high:
            outside = least if least < low else most
            raise PydanticCustomError(code, "{reason}", {"reason": message.format(value=outside)})
        judgement.cut_off(low if low.is_integer() else math.floor(low) + _LEAST, high)
        return judgement

    return AfterValidator(check)


Points = Judgement
"""Points on the cross-impact scale, -3 (strongly hinders) to +3 (strongly promotes)."""

Share = Annotated[
    Judgement, _bounded(0.0, math.inf, "negative_share", "a prior or share can't be negative, and this is {value:g}")
]
"""Relative odds >= 0: a prior, an initial share, a baseline."""

WeightNumber = Annotated[
    Judgement, _bounded(0.0, math.inf, "negative_weight", "a weight can't be negative, and this is {value:g}")
]

Odds = Annotated[
    Judgement,
    _bounded(
        math.nextafter(1.0, 2.0),
        math.inf,
        "odds_not_above_one",
        "odds_per_point must be above 1, and this is {value:g}",
    ),
]
"""By how much one point multiplies the odds."""

Spread = Annotated[
    Judgement, _bounded(0.0, math.inf, "negative_spread", "sd_per_point can't be negative, and this is {value:g}")
]

Strength = Annotated[
    Judgement,
    _bounded(
        math.nextafter(0.0, 1.0), math.inf, "strength_not_positive", "a strength must be above 0, and this is {value:g}"
    ),
]
"""How firm a prior is under a Dirichlet distribution: as if so many cases had been seen."""


def _strength_above_zero(shares: dict[str, Judgement]) -> dict[str, Judgement]:
    if DIRICHLET in shares:
        shares[DIRICHLET].cut_off(_LEAST, math.inf)
    return shares


Shares = Annotated[dict[Name, Share], Field(min_length=1), AfterValidator(_strength_above_zero), REPLACED_WHOLE]
"""Relative odds of states, normalised when used; an unnamed state has 0. `dirichlet` among them is a strength."""


class DirichletPrior(Value):
    """Says that the priors of a node's states are uncertain together: they follow a Dirichlet distribution.

    Its means are the priors, normalised; the greater its strength, the closer it stays to them.
    """

    dirichlet: Strength


StatePoints = dict[Name, Points]
"""Points for states, and for `hold`."""

KnotText = Annotated[str, StringConstraints(pattern=r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$")]


class Duration(Value):
    """The mean time between redraws, in months, with the text as written."""

    months: float
    text: str


def _within_one(judgement: Judgement) -> None:
    least, most = judgement.span
    judgement.cut_off(0.0, 1.0)
    if least < 0 or most > 1:
        raise PydanticCustomError(
            "not_a_probability",
            "a persistence is between 0 and 1, and this is {value}",
            {"value": f"{least if least < 0 else most:g}"},
        )


class Keep(Value):
    """A persistence: the probability per step of keeping the present state, or a duration, with its claims."""

    value: float | Distribution | Duration
    sources: Sources | None = None
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        if isinstance(raw, Keep):
            return raw
        refuse_uncertain_duration(raw)
        parts = _long_form(raw)
        if isinstance(parts, dict) and isinstance(text := parts.get("value"), str):
            try:
                return {**parts, "value": Duration(months=parse_duration(text), text=text)}
            except TimeError as error:
                raise PydanticCustomError("unreadable_duration", "{reason}", {"reason": str(error)}) from None
        if isinstance(parts, dict) and "value" in parts:
            judgement = Judgement.model_validate({"value": parts["value"]})
            _within_one(judgement)
            parts = {**parts, "value": judgement.value}
        return parts

    def per_step(self, grid: Grid) -> float:
        """The probability of keeping the present state over one step, of a duration too: method (2)."""
        if isinstance(self.value, Duration):
            return math.exp(-grid.months / self.value.months)
        return self.value.mean if isinstance(self.value, Distribution) else self.value


def refuse_uncertain_duration(raw: object) -> None:
    """Refuse a distribution of durations in the place of a persistence, which is uncertain as a number per step alone.

    A state may be called `normal`: `{normal: ["2 years", A01]}` is a map by state, whose duration has a claim.
    """
    written: Any = raw[0] if isinstance(raw, list) and raw else raw
    is_long = isinstance(written, dict) and "value" in written
    written = written["value"] if is_long else written
    for family in FAMILIES:
        parameters = written.get(family) if isinstance(written, dict) else None
        if not isinstance(parameters, list | tuple):
            continue
        durations = [_is_duration(one) for one in parameters]
        is_cited = all(isinstance(one, str) for one in parameters[1:]) and not any(durations[1:])
        if any(durations) and not (is_cited and not is_long):
            message = "durations can't be uncertain: write numbers per step"
            raise PydanticCustomError("uncertain_duration", message, {"family": family, "parameters": parameters})


def _is_duration(raw: object) -> bool:
    try:
        return isinstance(raw, str) and parse_duration(raw) > 0
    except TimeError:
        return False


def _persistence_form(raw: object) -> object:
    """Tell one persistence for all states from a map by state."""
    return {"all_states": raw} if is_judgement_form(raw) else {"by_state": raw}


class Persistence(Value):
    """How likely a state is kept per step: one value for all states, or one for each with an optional `default`."""

    all_states: Keep | None = None
    by_state: Annotated[dict[Name, Keep], Field(min_length=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        if isinstance(raw, Persistence):
            return raw
        refuse_uncertain_duration(raw)
        return _persistence_form(raw)

    def of(self, state: str) -> Keep | None:
        """The persistence of one state, or None where the map has neither the state nor `default`."""
        if self.by_state is None:
            return self.all_states
        return self.by_state.get(state, self.by_state.get("default"))


def _weight_form(raw: object) -> object:
    return {"constant": raw} if is_judgement_form(raw) else {"schedule": raw}


_ONE = Judgement(value=1.0)


class Weight(Value):
    """How much a driver's own impact on the scenarios counts: a number, or a schedule over dates."""

    constant: WeightNumber | None = None
    schedule: Annotated[dict[DateText, WeightNumber], Field(min_length=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return raw if isinstance(raw, Weight) else _weight_form(raw)

    def mix(self, month: int) -> tuple[tuple[Judgement, float], ...]:
        """The judgements that make up the weight at a month (as in `timeline.Date`), with their shares in it.

        Between two dates it is linear in months, outside them flat.
        """
        if self.schedule is None:
            return ((_ONE if self.constant is None else self.constant, 1.0),)
        knots = sorted((parse_date(date).month, date) for date in self.schedule)
        for (left, before), (right, after) in pairwise(knots):
            if left < month < right:
                share = (month - left) / (right - left)
                return (self.schedule[before], 1.0 - share), (self.schedule[after], share)
        date = next((date for at, date in reversed(knots) if at <= month), knots[0][1])
        return ((self.schedule[date], 1.0),)

    def at(self, month: int) -> float:
        """The weight at a month, an uncertain judgement at its mean."""
        return math.fsum(share * judgement.mean for judgement, share in self.mix(month))


class Time(Part):
    """The grid: equal steps from `start` up to `end`, which is not covered."""

    start: DateText
    end: DateText
    step: StepLength


class OddsPerPoint(Value):
    """By how much one point multiplies the odds: `impacts` for the outcome, `influences` for all other nodes."""

    impacts: Odds = Judgement(value=1.5)
    influences: Odds = Judgement(value=1.5)
    _is_one: bool = PrivateAttr(default=False)

    @property
    def is_one(self) -> bool:
        """Whether both are one judgement, as `odds_per_point: 1.5` is, of which an uncertain one has one draw."""
        return self._is_one

    @model_validator(mode="wrap")
    @classmethod
    def _from_short_form(cls, raw: object, read: ModelWrapValidatorHandler[OddsPerPoint]) -> OddsPerPoint:
        if isinstance(raw, OddsPerPoint) or not is_judgement_form(raw):
            return read(raw)
        odds = read({"impacts": raw, "influences": raw})
        odds._is_one = True  # noqa: SLF001  # made just now
        return odds


class Scenario(Part):
    """One of the futures: a state of the outcome."""

    title: str | None = None
    summary: str | None = None
    baseline: Share | None = None
    signposts: Texts = ()
    sources: Sources | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return expanded(cls, raw)


class State(Part):
    """A state of a driver, with the prior that a redraw starts from."""

    prior: Share | None = None
    title: str | None = None
    summary: str | None = None
    signposts: Texts = ()
    sources: Sources | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return expanded(cls, raw)


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

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        if isinstance(raw, Condition):
            return raw
        raw = _as_written(raw)
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
    if isinstance(key, str) and not re.fullmatch(_NAME, key):
        raise PydanticCustomError("string_pattern_mismatch", "not a name", {"pattern": _NAME})
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
            _of_some_size(float(end))
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
            self.initial.cut_off(low + _LEAST * (high - low), high - _LEAST * (high - low))
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
