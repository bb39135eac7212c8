"""The values of a scenario file: judgements, and all that is written in the place of one (format 1, sections 2 to 5).

Every short form of the file is brought to one long form here, so that the code beyond this module meets each thing in
one shape. The parts of a file that values stand in are in `schema`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticCustomError

from usru_scenarios.limits import LARGEST_NUMBER
from usru_scenarios.model import families
from usru_scenarios.model.families import FAMILIES, JUDGEMENT_FAMILIES, Family, FamilyValues
from usru_scenarios.names import DIRICHLET, RESERVED
from usru_scenarios.problems import shorten
from usru_scenarios.timeline import Grid, TimeError, parse_date, parse_day, parse_duration

BOUND_MARGIN = 1e-9
"""How far above an open bound drawn values are kept."""


def _refuse_reserved_name(name: object) -> object:
    if isinstance(name, str) and name in RESERVED:
        raise PydanticCustomError("reserved_name", "'{name}' is a reserved word", {"name": name})
    return name


NAME = r"^[a-z][a-z0-9_]*$"
"""What an identifier looks like."""

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""An identifier: a small letter, then small letters, digits and underscores."""

NewName = Annotated[Name, BeforeValidator(_refuse_reserved_name)]
"""An identifier that the file gives to something; reserved words are refused."""


def boolean_to_name(raw: object) -> object:
    """`true` and `false` are values of YAML, and names like any other where a name is expected."""
    return ("true" if raw else "false") if isinstance(raw, bool) else raw


GivenName = Annotated[Name, BeforeValidator(boolean_to_name, json_schema_input_type=str | bool)]
"""An identifier in the place of a value, where a bare `true` or `false` is one too."""


def _number_to_text(raw: object) -> object:
    return str(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else raw


Label = Annotated[str, BeforeValidator(_number_to_text, json_schema_input_type=str | int | float)]
"""A text, such as a page or a year, that may be written as a number."""

ClaimId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Sources = Annotated[tuple[ClaimId, ...], Field(strict=False)]
Names = Annotated[tuple[GivenName, ...], Field(strict=False)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


def _time_check(parse: Callable[[str], object], code: str, words: Sequence[str] = ()) -> Callable[[object], object]:
    """A function that checks a text, or a number such as a year, and returns what it parses to if that is a text."""

    def check(value: object) -> object:
        if value in words or not isinstance(value, str | int) or isinstance(value, bool):
            return value
        try:
            parsed = parse(str(value))
        except TimeError as error:
            raise PydanticCustomError(code, "{reason}", {"reason": str(error)}) from None
        return parsed if isinstance(parsed, str) else str(value)

    return check


_check_date = _time_check(parse_date, "unreadable_date")
_check_moment = _time_check(parse_date, "unreadable_date", ("start", "end", "now"))
_check_day = _time_check(parse_day, "unreadable_day")

DateText = Annotated[str, BeforeValidator(_check_date, json_schema_input_type=str | int)]
"""A date of the format, as text."""

DayText = Annotated[str, BeforeValidator(_check_day, json_schema_input_type=str)]
"""A day of the calendar, as text."""

MomentText = Annotated[str, BeforeValidator(_check_moment, json_schema_input_type=str | int)]
"""A date, or one of the words `start`, `end`, `now`."""


class Part(BaseModel):
    """What all parts of a file have in common: nothing unknown, nothing changed once read, finite numbers only.

    Attributes:
        title: a short title for tables and pictures; default its id.
        summary: a sentence or two for readers.
        note: a remark for whoever edits the file.
        sources: the claims of the register that its numbers rest on, where these cite none of their own. Example:
            `sources: [G12, A03]`
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


class Value(Part):
    """A part that is one value of the file, written in one of several forms; an overlay replaces it whole."""

    @model_validator(mode="before")
    @classmethod
    def _read_any_form(cls, raw: object) -> object:
        return raw if isinstance(raw, cls) else cls._to_fields(raw)

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        """The data of the value by its fields, whichever of its forms it is written in."""
        return raw


REPLACED_WHOLE_KEY = "replaced whole"


class _ReplacedWhole:
    """Marks, in an annotation and in the schema made of it, what an overlay replaces whole."""

    def __get_pydantic_json_schema__(self, core: Any, schema_of: Any) -> dict[str, Any]:
        return {**schema_of(core), REPLACED_WHOLE_KEY: True}


REPLACED_WHOLE = _ReplacedWhole()
"""Marks, in an annotation, a map that an overlay replaces as a whole and does not merge key by key."""

PART_OF_FILE = "part of the file"
"""Marks, in an annotation, a map that is laid out like the whole file."""


def _unreadable_distribution_error(families: Iterable[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "unreadable_distribution",
        "not a distribution: write one of {families} with its parameters, such as {example}",
        {"families": ", ".join(families), "example": "{pert: [1, 2, 3]}"},
    )


class Distribution(Value):
    """A family and its parameters, each itself a judgement."""

    family: str
    parameters: tuple[Judgement, ...]

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        """Read `{pert: [1, 2, 3]}`."""
        if not isinstance(raw, dict) or len(raw) != 1 or (family := next(iter(raw))) not in FAMILIES:
            raise _unreadable_distribution_error(FAMILIES)
        parameters = raw[family]
        wanted = FAMILIES[family].parameter_count
        if not isinstance(parameters, list | tuple) or len(parameters) != wanted:
            raise PydanticCustomError(
                "wrong_parameters", "'{family}' takes a list of {wanted} numbers", {"family": family, "wanted": wanted}
            )
        return {"family": family, "parameters": tuple(parameters)}

    @model_validator(mode="after")
    def _check_parameters(self) -> Distribution:
        values, family = [parameter.mean for parameter in self.parameters], self.family_definition
        if family.is_between and values != sorted(values):
            raise PydanticCustomError(
                "unordered_parameters",
                "the parameters of '{family}' must rise: lowest first, highest last",
                {"family": self.family},
            )
        positive = [self.parameters[index] for index in family.positive_parameters]
        if any(parameter.mean <= 0 or parameter.span[0] < 0 for parameter in positive):
            raise PydanticCustomError("not_positive", "{reason}", {"reason": family.positivity_message})
        for parameter in positive:
            parameter.cut_off(BOUND_MARGIN, math.inf)
        return self

    _limits: tuple[float, float] = PrivateAttr((-math.inf, math.inf))

    @property
    def family_definition(self) -> Family:
        """The definition of its family."""
        return FAMILIES[self.family]

    def cut_off(self, low: float, high: float) -> None:
        """Say between which values it may be drawn, for which validators ask once they know what it is about.

        A normal distribution is cut off there, and so are normal ones among the parameters that say where it lies.
        """
        self._limits = low, high
        for index, parameter in enumerate(self.parameters):
            if self.family_definition.is_between or index == self.family_definition.location:
                parameter.cut_off(low, high)

    @property
    def family_values(self) -> FamilyValues:
        """The distribution as plain data."""
        parameters = tuple(
            parameter.value.family_values if isinstance(parameter.value, Distribution) else parameter.value
            for parameter in self.parameters
        )
        return FamilyValues(self.family, parameters, self._limits)

    @property
    def mean(self) -> float:
        """The mean of what is drawn, cut off where the judgement ends (see `families.mean`)."""
        return families.mean(self.family_values)

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and highest value that can be drawn."""
        return self.family_definition.bounds([parameter.bounds for parameter in self.parameters], self._limits)

    @property
    def span(self) -> tuple[float, float]:
        """Where it lies before it is cut off: its bounds, a normal one, which has none, standing at its centre."""
        spans = [parameter.span for parameter in self.parameters]
        return self.family_definition.bounds(spans, self.family_definition.centre(spans))

    @property
    def is_certain(self) -> bool:
        """Whether it leaves one value only, as `{pert: [1, 1, 1]}` does."""
        values = {parameter.value for parameter in self.parameters}
        return (
            self.family_definition.is_between and len(values) == 1 and not isinstance(next(iter(values)), Distribution)
        )


def _to_long_form(raw: object) -> object:
    """Bring the ways to write a judgement to a map with `value`; what is no judgement is left to be refused."""
    if isinstance(raw, list):
        if not raw:
            raise PydanticCustomError("empty_judgement", "an empty list is no judgement: write [2, G23]", {})
        return {"value": raw[0], "sources": tuple(raw[1:])}
    if isinstance(raw, dict):
        if "value" not in raw and len(families := [family for family in JUDGEMENT_FAMILIES if family in raw]) == 1:
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
        isinstance(parameters := raw.get(family), list | tuple)
        and not any(isinstance(parameter, str) for parameter in parameters)
        for family in JUDGEMENT_FAMILIES
    )


def _read_number_or_distribution(raw: object) -> object:
    if isinstance(raw, dict):
        if not raw.keys() <= set(JUDGEMENT_FAMILIES):
            raise _unreadable_distribution_error(JUDGEMENT_FAMILIES)
        raw = Distribution.model_validate(raw)
    if isinstance(raw, Distribution):
        return raw.parameters[0].mean if raw.is_certain else raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise PydanticCustomError("not_a_number", "expected a number, found {found}", {"found": describe_value(raw)})
    if not math.isfinite(raw):
        raise PydanticCustomError("not_finite", "the number must be finite", {})
    return refuse_too_large(float(raw))


def refuse_too_large(number: float) -> float:
    """The number, if it is none that arithmetic would break on."""
    if abs(number) > LARGEST_NUMBER:
        message = "{found} is more than a number here can be, which is {limit}"
        raise PydanticCustomError("number_too_large", message, {"found": f"{number:g}", "limit": f"{LARGEST_NUMBER:g}"})
    return number


def describe_value(raw: object) -> str:
    """A value of a file in words, for a message."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return f"the text '{shorten(raw)}'"
    if isinstance(raw, Mapping):
        return "a map"
    if isinstance(raw, list | tuple):
        return "a list"
    return f"the number {raw:g}" if isinstance(raw, int | float) else f"{raw!r}"


class _Opinion(Value):
    """A value that somebody judged, with what may be said of that."""

    value: Any
    sources: Sources | None = None
    note: str | None = None
    by: str | None = None
    date: DateText | None = None


class Judgement(_Opinion):
    """A number that is an opinion, with the claims that it rests on.

    Attributes:
        value: the number, or a distribution in its place. Example: `value: {pert: [1, 2, 3]}`
        sources: the claims of the register that the number rests on. Example: `sources: [G23, C04]`
        note: a remark on the number, for whoever edits the file.
        by: who judged. Example: `by: A. B.`
        date: when it was judged. Example: `date: 2025-03`
    """

    value: Annotated[float | Distribution, BeforeValidator(_read_number_or_distribution, json_schema_input_type=Any)]

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        return _to_long_form(raw)

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


def within_bounds(low: float, high: float, code: str, message: str) -> AfterValidator:
    """A validator that keeps a judgement within bounds; a normal distribution is cut off at them when drawn.

    A lower bound that is no whole number is one that a value must be above.
    """

    def check(judgement: Judgement) -> Judgement:
        least, most = judgement.span
        if least < low or most > high:
            outside = least if least < low else most
            raise PydanticCustomError(code, "{reason}", {"reason": message.format(value=outside)})
        judgement.cut_off(low if low.is_integer() else math.floor(low) + BOUND_MARGIN, high)
        return judgement

    return AfterValidator(check)


Points = Judgement
"""Points on the cross-impact scale, -3 (strongly hinders) to +3 (strongly promotes)."""

Share = Annotated[
    Judgement,
    within_bounds(0.0, math.inf, "negative_share", "a prior or share can't be negative, and this is {value:g}"),
]
"""Relative odds >= 0: a prior, an initial share, a baseline."""

WeightNumber = Annotated[
    Judgement, within_bounds(0.0, math.inf, "negative_weight", "a weight can't be negative, and this is {value:g}")
]

Odds = Annotated[
    Judgement,
    within_bounds(
        math.nextafter(1.0, 2.0),
        math.inf,
        "odds_not_above_one",
        "odds_per_point must be above 1, and this is {value:g}",
    ),
]
"""By how much one point multiplies the odds."""

Spread = Annotated[
    Judgement, within_bounds(0.0, math.inf, "negative_spread", "sd_per_point can't be negative, and this is {value:g}")
]

Strength = Annotated[
    Judgement,
    within_bounds(
        math.nextafter(0.0, 1.0), math.inf, "strength_not_positive", "a strength must be above 0, and this is {value:g}"
    ),
]
"""How firm a prior is under a Dirichlet distribution: as if so many cases had been seen."""


def _cut_strength_off(shares: dict[str, Judgement]) -> dict[str, Judgement]:
    if DIRICHLET in shares:
        shares[DIRICHLET].cut_off(BOUND_MARGIN, math.inf)
    return shares


Shares = Annotated[dict[Name, Share], Field(min_length=1), AfterValidator(_cut_strength_off), REPLACED_WHOLE]
"""Relative odds of states, normalised when used; an unnamed state has 0. `dirichlet` among them is a strength."""


class DirichletPrior(Value):
    """Says that the priors of a node's states are uncertain together: they follow a Dirichlet distribution.

    Its means are the priors, normalised; the greater its strength, the closer it stays to them.

    Attributes:
        dirichlet: how firm the priors are: as if so many cases had been seen; above 0. Example: `dirichlet: 25`
    """

    dirichlet: Strength


StatePoints = dict[Name, Points]
PointRows = Mapping[str, Mapping[str, Judgement] | Judgement]
"""Points by state or knot of what gives them: of a node with states for each of these, of a numeric one alone."""
"""Points for states, and for `hold`."""

KnotText = Annotated[str, StringConstraints(pattern=r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$")]


class Duration(Value):
    """The mean time between redraws, in months, with the text as written."""

    months: float
    text: str


def _require_probability(judgement: Judgement) -> None:
    least, most = judgement.span
    judgement.cut_off(0.0, 1.0)
    if least < 0 or most > 1:
        raise PydanticCustomError(
            "not_a_probability",
            "a persistence is between 0 and 1, and this is {value}",
            {"value": f"{least if least < 0 else most:g}"},
        )


class Keep(_Opinion):
    """A persistence: the probability per step of keeping the present state, or a duration, with its claims."""

    value: float | Distribution | Duration

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        refuse_uncertain_duration(raw)
        parts = _to_long_form(raw)
        if isinstance(parts, dict) and isinstance(text := parts.get("value"), str):
            try:
                return {**parts, "value": Duration(months=parse_duration(text), text=text)}
            except TimeError as error:
                raise PydanticCustomError("unreadable_duration", "{reason}", {"reason": str(error)}) from None
        if isinstance(parts, dict) and "value" in parts:
            judgement = Judgement.model_validate({"value": parts["value"]})
            _require_probability(judgement)
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
        durations = [_is_duration(parameter) for parameter in parameters]
        is_cited = all(isinstance(parameter, str) for parameter in parameters[1:]) and not any(durations[1:])
        if any(durations) and not (is_cited and not is_long):
            message = "durations can't be uncertain: write numbers per step"
            raise PydanticCustomError("uncertain_duration", message, {"family": family, "parameters": parameters})


def _is_duration(raw: object) -> bool:
    try:
        return isinstance(raw, str) and parse_duration(raw) > 0
    except TimeError:
        return False


class Persistence(Value):
    """How likely a state is kept per step: one value for all states, or one for each with an optional `default`."""

    all_states: Keep | None = None
    by_state: Annotated[dict[Name, Keep], Field(min_length=1)] | None = None

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        refuse_uncertain_duration(raw)
        return {"all_states": raw} if is_judgement_form(raw) else {"by_state": raw}

    def of(self, state: str) -> Keep | None:
        """The persistence of one state, or None where the map has neither the state nor `default`."""
        if self.by_state is None:
            return self.all_states
        return self.by_state.get(state, self.by_state.get("default"))


_DEFAULT_WEIGHT = Judgement(value=1.0)


class Weight(Value):
    """How much a driver's own impact on the scenarios counts: a number, or a schedule over dates."""

    constant: WeightNumber | None = None
    schedule: Annotated[dict[DateText, WeightNumber], Field(min_length=1)] | None = None

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        return {"constant": raw} if is_judgement_form(raw) else {"schedule": raw}

    def judgements_at(self, month: int) -> tuple[tuple[Judgement, float], ...]:
        """The judgements that make up the weight at a month (as in `timeline.Date`), with their shares in it.

        Between two dates it is linear in months, outside them flat.
        """
        if self.schedule is None:
            return ((_DEFAULT_WEIGHT if self.constant is None else self.constant, 1.0),)
        knots = sorted((parse_date(date).month, date) for date in self.schedule)
        for (left, before), (right, after) in pairwise(knots):
            if left < month < right:
                share = (month - left) / (right - left)
                return (self.schedule[before], 1.0 - share), (self.schedule[after], share)
        date = next((date for at, date in reversed(knots) if at <= month), knots[0][1])
        return ((self.schedule[date], 1.0),)

    def at(self, month: int) -> float:
        """The weight at a month, an uncertain judgement at its mean."""
        return math.fsum(share * judgement.mean for judgement, share in self.judgements_at(month))


class OddsPerPoint(Value):
    """By how much one point multiplies the odds: `impacts` for the outcome, `influences` for all other nodes.

    Attributes:
        impacts: by how much one point on the scenarios, or on their `hold`, multiplies the odds; above 1, default 1.5.
        influences: by how much one point on any other node multiplies the odds; above 1, default 1.5.
    """

    impacts: Odds = Judgement(value=1.5)
    influences: Odds = Judgement(value=1.5)
    _is_single: bool = PrivateAttr(default=False)

    @property
    def is_single(self) -> bool:
        """Whether both are one judgement, as `odds_per_point: 1.5` is, of which an uncertain one has one draw."""
        return self._is_single

    @model_validator(mode="wrap")
    @classmethod
    def _from_short_form(cls, raw: object, read: ModelWrapValidatorHandler[OddsPerPoint]) -> OddsPerPoint:
        if isinstance(raw, OddsPerPoint) or not is_judgement_form(raw):
            return read(raw)
        odds = read({"impacts": raw, "influences": raw})
        odds._is_single = True  # noqa: SLF001  # made just now
        return odds


for _part in (Distribution, Judgement):
    _part.model_rebuild()
