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

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from usru_scenarios.limits import MOST_STATES
from usru_scenarios.model.values import (
    BOUND_MARGIN,
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
    boolean_to_name,
    describe_value,
    is_judgement_form,
    refuse_too_large,
)
from usru_scenarios.timeline import Grid, StepLength


class Time(Part):
    """The grid: equal steps from `start` up to `end`, which is not covered.

    Attributes:
        start: the first step, as a date: `2025-01`, `2025-Q1` or `2025`.
        end: the date at which the grid ends; it is not covered itself.
        step: the length of a step: `month`, `quarter` or `year`.
    """

    start: DateText
    end: DateText
    step: StepLength


class _ShortFormPart(Part):
    """A part that a judgement alone is a short form of, as `managed_rivalry: 0.45` is of `{baseline: 0.45}`."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, raw: object) -> object:
        return expand_short_form(cls, raw)


class Scenario(_ShortFormPart):
    """One of the futures: a state of the outcome.

    Attributes:
        baseline: its relative odds where no driver speaks, 0 or more; all scenarios have one or none has, and then they
            are equal. Example: `baseline: 0.3`
        signposts: by what one knows that it holds, a list of texts. Example: `signposts: [embassies reopen]`
    """

    title: str | None = None
    summary: str | None = None
    baseline: Share | None = None
    signposts: Texts = ()
    sources: Sources | None = None


class State(_ShortFormPart):
    """A state of a driver, with the prior that a redraw starts from.

    Attributes:
        prior: its relative odds in a redraw without points, 0 or more; all states have one or none has, and then they
            are equal. Example: `prior: 0.4`
        signposts: by what one knows that it holds, a list of texts. Example: `signposts: [delegations meet]`
    """

    prior: Share | None = None
    title: str | None = None
    summary: str | None = None
    signposts: Texts = ()
    sources: Sources | None = None


SHORT_FOR: dict[type[Part], str] = {Scenario: "baseline", State: "prior"}
"""The parts that a judgement alone is a short form of, and the key that it then stands for."""


def expand_short_form(part: type[Part], raw: object) -> object:
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
    def _to_fields(cls, raw: object) -> object:
        raw = boolean_to_name(raw)
        if isinstance(raw, str):
            return {"comparison": raw} if raw[:1] in ("<", ">", "=", "!") else {"states": (raw,)}
        if isinstance(raw, list) and raw:
            return {"states": tuple(raw)}
        raise PydanticCustomError(
            "unreadable_condition",
            'a condition is a state, a list of states or a comparison such as "> 0.7", not {found}',
            {"found": describe_value(raw)},
        )

    @model_validator(mode="after")
    def _check_comparison(self) -> Condition:
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

    def holds(self, value: float) -> bool:
        """Whether the comparison holds of a number."""
        sign, bound = self.bound()
        return {"<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}[sign]


When = Annotated[dict[Name, Condition], Field(min_length=1), REPLACED_WHOLE]


def _refuse_boolean(expected: str) -> BeforeValidator:
    """A validator for a choice of numbers: `true` is none of them, though Python takes it for 1."""

    def check(raw: object) -> object:
        if isinstance(raw, bool):
            raise PydanticCustomError("literal_error", "not a number", {"expected": expected})
        return raw

    return BeforeValidator(check)


def _to_integer(raw: object) -> object:
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _list_to_map(raw: object) -> object:
    """A list of parts and a map of parts are one thing: parts under keys, which for a list are 0, 1, 2, ..."""
    return dict(enumerate(raw)) if isinstance(raw, list) else raw


_LIST_OR_MAP = BeforeValidator(_list_to_map)


class PriorRow(Part):
    """A row of `prior_given`: the prior where its condition is the first that holds.

    Attributes:
        when: the states of other drivers in the same step for which the row counts; the first row that holds does.
            Example: `when: {talks: [open, stuck]}`
        prior: the relative odds of the states where it holds; a state that is not named has 0. Example: `prior: {held:
            0.6, none: 0.4}`
    """

    when: When
    prior: Shares
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class Event(Part):
    """Something the calendar brings to a categorical node: a forced redraw, a window of extra points, or both.

    Attributes:
        at: the step of a redraw, or the first one of a window of points: a date, `start` or `end`. Example: `at:
            2026-11`
        until: the last step of the window of points; default that of `at`. Example: `until: 2027-Q2`
        prior: the relative odds of a redraw forced at the step of `at`; a state that is not named has 0. Example:
            `prior: {open: 0.9, closed: 0.1}`
        points: extra points for states, and for `hold`, from `at` to `until`; usually -3 to +3. Example: `points:
            {open: 1}`
    """

    at: MomentText
    until: MomentText | None = None
    prior: Shares | None = None
    points: StatePoints | None = None
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class NumericEvent(Part):
    """A window of extra points on a numeric driver.

    Attributes:
        at: the first step of the window: a date, `start` or `end`. Example: `at: 2026-11`
        until: the last step of the window; default that of `at`. Example: `until: 2027-Q2`
        points: extra points, up (+) or down (-), usually -3 to +3. Example: `points: 0.5`
    """

    at: MomentText
    until: MomentText | None = None
    points: Points
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


def _check_part_id(key: int | str) -> int | str:
    if isinstance(key, str) and not re.fullmatch(NAME, key):
        raise PydanticCustomError("string_pattern_mismatch", "not a name", {"pattern": NAME})
    return key


PartId = Annotated[int | str, AfterValidator(_check_part_id)]
"""The place of a part in a list, or its name in a map."""

PriorRows = Annotated[dict[PartId, PriorRow], _LIST_OR_MAP]
Events = Annotated[dict[PartId, Event], _LIST_OR_MAP]
NumericEvents = Annotated[dict[PartId, NumericEvent], _LIST_OR_MAP]
Influences = dict[Name, dict[str, StatePoints]]
"""Parent, its state (or a knot on a numeric parent's scale), and points for the states of the node."""
NumericInfluences = dict[Name, dict[str, Points]]


class Categorical(Part):
    """A consequence, or what it shares with a driver: an uncertain thing that is in one of a few states.

    Attributes:
        kind: `categorical` for a node with states, which is the default, or `numeric` for a number on a scale.
        states: its states by id, each with its prior. Example: `states: {open: 0.4, closed: 0.6}`
        prior: makes the priors uncertain together, under a Dirichlet distribution of that strength. Example: `prior:
            {dirichlet: 25}`
        initial: the relative odds of its states at the first step; a state that is not named has 0; default the priors,
            with points. Example: `initial: {open: 1}`
        persistence: the probability per step, 0 to 1, that a state is kept, or the mean time between redraws; also a
            map by state with a `default`. Without it a driver is drawn once and kept, a consequence drawn anew at every
            step. Example: `persistence: {open: 0.9, default: "18 months"}`
        prior_given: priors that depend on other drivers in the same step: rows, of which the first whose `when` holds
            counts. Example: `prior_given: [{when: {talks: open}, prior: {held: 0.6, none: 0.4}}]`
        influences: points for its states from other nodes in the same step: parent, state of the parent (or knot of its
            scale), state here, points; no circles. Example: `influences: {talks: {open: {warm: 1}}}`
        lagged_influences: the same from the step before, from any node, `scenario` and itself too; circles are fine.
            Example: `lagged_influences: {scenario: {war: {cool: 2, hold: -1}}}`
        allowed: where a redraw may go from a state; default anywhere. Example: `allowed: {war: [war, truce]}`
        events: what the calendar brings: forced redraws (`prior`) and windows of extra points (`points`); a list, or a
            map by id. Example: `events: [{at: 2026-01, prior: {open: 0.9, closed: 0.1}}]`
    """

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


def _read_range(raw: object) -> object:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        found = f"a list of {len(raw)}" if isinstance(raw, list) else describe_value(raw)
        raise PydanticCustomError(
            "not_a_range", "a range is a list of two numbers, such as [0, 1], not {found}", {"found": found}
        )
    for end in raw:
        if isinstance(end, int | float):
            refuse_too_large(float(end))
    return tuple(raw)


class Numeric(Part):
    """A consequence, or what it shares with a driver: an uncertain number on a scale.

    Attributes:
        kind: `numeric` for a number on a scale.
        range: the lowest and the highest value, each at most 1e100 in size. Example: `range: [0, 100]`
        distribution: the distribution of the value where no points act: `uniform` (the default, on the range),
            `triangular`, `pert`, `beta` (stretched over the range) or `normal` (cut off at it). Example: `distribution:
            {pert: [0.2, 0.65, 1.0]}`
        initial: the value at the first step, strictly inside of the range; default drawn. Example: `initial: 0.62`
        persistence: the lag-one correlation of its latent normal, 0 to 1, or a duration; default 1 of a driver, 0 of a
            consequence. Example: `persistence: "2 years"`
        influences: points up (+) or down (-) from other nodes in the same step: parent, state of the parent (or knot of
            its scale), points; no circles. Example: `influences: {talks: {open: 1}}`
        lagged_influences: the same from the step before, from any node, `scenario` too; circles are fine. Example:
            `lagged_influences: {scenario: {war: -1}}`
        events: windows of extra points; a list, or a map by id. Example: `events: [{at: 2025-07, until: end, points:
            0.5}]`
    """

    kind: Literal["numeric"]
    title: str | None = None
    summary: str | None = None
    range: Annotated[tuple[float, float], BeforeValidator(_read_range)]
    distribution: Distribution | None = None
    initial: Judgement | None = None
    persistence: Keep | None = None
    influences: NumericInfluences = {}
    lagged_influences: NumericInfluences = {}
    events: NumericEvents = {}
    sources: Sources | None = None

    @model_validator(mode="after")
    def _cut_off_at_range(self) -> Numeric:
        """What is drawn of a numeric node lies on its scale, and what it starts from lies inside."""
        low, high = self.range
        if self.distribution is not None and self.distribution.family_definition.is_between:
            self.distribution.cut_off(low, high)
            low, high = max(low, self.distribution.span[0]), min(high, self.distribution.span[1])
        if self.initial is not None and low < high:
            self.initial.cut_off(low + BOUND_MARGIN * (high - low), high - BOUND_MARGIN * (high - low))
        return self


class CategoricalDriver(Categorical):
    """A categorical driver, with its impacts on the scenarios and their weight.

    Attributes:
        weight: multiplies its `impacts`: 0 takes them away, 1 (the default) leaves them, 2 doubles them; also a
            schedule over dates, linear between them. Example: `weight: {2025-01: 1, 2028-10: 1.5}`
        impacts: points for the scenarios, and for their `hold`: state, scenario, points, usually -3 (strongly hinders)
            to +3 (strongly promotes). Example: `impacts: {open: {reset: [2, G02], rupture: -1}}`
    """

    weight: Weight | None = None
    impacts: dict[str, StatePoints] = {}


class NumericDriver(Numeric):
    """A numeric driver, with its impacts on the scenarios at knots of its scale and their weight.

    Attributes:
        weight: multiplies its `impacts`: 0 takes them away, 1 (the default) leaves them, 2 doubles them; also a
            schedule over dates, linear between them. Example: `weight: {2025-01: 1, 2028-10: 1.5}`
        impacts: points for the scenarios at knots of the scale, linear between them: knot, scenario, points, usually -3
            to +3. Example: `impacts: {0.0: {reset: 1}, 1.0: {reset: -1}}`
    """

    weight: Weight | None = None
    impacts: dict[KnotText, StatePoints] = {}


def _node_kind(raw: object) -> str:
    """A driver is categorical unless it says otherwise."""
    return str(raw.get("kind", "categorical") if isinstance(raw, dict) else getattr(raw, "kind", "categorical"))


Driver = Annotated[
    Annotated[CategoricalDriver, Tag("categorical")] | Annotated[NumericDriver, Tag("numeric")],
    Discriminator(_node_kind),
]
Consequence = Annotated[
    Annotated[Categorical, Tag("categorical")] | Annotated[Numeric, Tag("numeric")], Discriminator(_node_kind)
]


class Outcome(Part):
    """How the outcome moves: as a driver's own dynamics, with the scenarios for states.

    Attributes:
        prior: makes the baselines uncertain together, under a Dirichlet distribution of that strength. Example: `prior:
            {dirichlet: 25}`
        persistence: the probability per step, 0 to 1, that a scenario is kept whatever the drivers do, or the mean time
            between redraws; also a map by scenario with a `default`; default 0. Example: `persistence: 0.5`
        initial: the relative odds of the scenarios at the first step; one that is not named has 0; default as the
            drivers say. Example: `initial: {status_quo: 1}`
        allowed: where a redraw may go from a scenario; default anywhere. Example: `allowed: {reset: [reset,
            status_quo]}`
        events: what the calendar brings to the scenarios: forced redraws (`prior`) and windows of extra points
            (`points`). Example: `events: [{at: 2026-01, points: {reset: 1}}]`
        lagged_influences: points for the scenarios from the states of nodes in the step before; they have no weight.
            Example: `lagged_influences: {trade: {grows: {reset: 1}}}`
    """

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
    """A judged set of shares for one step, which the baselines are solved to reproduce.

    Attributes:
        at: the step that the shares are of: a date, `start` (the default) or `end`. Example: `at: 2025-Q1`
        shares: the judged relative odds of all scenarios at that step, above 0. Example: `shares: {reset: 0.3,
            status_quo: 0.7}`
    """

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
    """A joint condition, and the points it gives where it holds.

    Attributes:
        when: the conditions, by node: a state, a list of states (any of them), or a comparison on a number. Example:
            `when: {talks: [closed, stuck], trust: "> 0.7"}`
        lag: 0 (the default): the conditions are read in the same step; 1: in the step before. Example: `lag: 1`
        at_least: how many of the conditions must hold; default all. Example: `at_least: 2`
        then: the points that it gives, by node: for states (and `hold`), of `scenario` for scenarios, or one number for
            a numeric node. Example: `then: {scenario: {rupture: 2}, trust: -1}`
        weight: multiplies the points that it gives to `scenario`; default 1; also a schedule over dates. Example:
            `weight: 1.5`
    """

    title: str | None = None
    summary: str | None = None
    when: When
    lag: Annotated[Literal[0, 1], _refuse_boolean("0 or 1"), BeforeValidator(_to_integer)] = 0
    at_least: Annotated[int, Field(ge=1), BeforeValidator(_to_integer)] | None = None
    then: dict[Name, GivenPoints]
    weight: Weight | None = None
    sources: Sources | None = None

    @property
    def required_count(self) -> int:
        """How many of its conditions must hold."""
        return len(self.when) if self.at_least is None else self.at_least


class Expectation(Part):
    """A statement of the sources that the model must satisfy, in the language of queries.

    Attributes:
        that: a comparison that the model must satisfy, in the language of queries. Example: `that: "P(thaw |
            talks=open) > P(thaw)"`
    """

    that: str
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class DatedQuestion(Part):
    """Something that will be known by a day, so that the forecast of it can be scored.

    Attributes:
        asks: the question, for readers.
        means: what it asks of the model: one probability in the language of queries. Example: `means: "P(talks=open @
            ever 2025-Q3..2025-Q4)"`
        closes: the day by which it is known. Example: `closes: 2025-12-31`
        resolves: by what it is decided, for readers.
    """

    asks: str
    means: str
    closes: DayText
    resolves: str
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None


class Profile(Part):
    """A named reading: weights and any other part of the file, laid over it.

    Attributes:
        weights: weights of drivers and rules, in the place of those of the file; `x1.7` multiplies instead. Example:
            `weights: {talks: 2, border: x1.7}`
        overrides: any part of the file but `usru`, `extends` and `profiles`, laid over it. Example: `overrides:
            {drivers: {talks: {persistence: 0.9}}}`
        sources: the claims that the numbers of the profile rest on, where these cite none of their own. Example:
            `sources: [G12]`
    """

    title: str | None = None
    summary: str | None = None
    weights: dict[Name, Any] = {}
    overrides: Annotated[dict[str, Any], PART_OF_FILE] = {}
    sources: Sources | None = None


class Model(Part):
    """A whole scenario file, format 1, overlays applied.

    Attributes:
        usru: the version of the format: 1.
        name: the name of the model: small letters, digits and hyphens. Example: `name: two-powers`
        title: its title, for readers.
        authors: who judged, which stands in the line to cite below an answer. Example: `authors: [A. B., C. D.]`
        date: when it was judged, likewise. Example: `date: 2024-12`
        extends: a file that this one is laid over, or the id of a bundled model (section 8). Example: `extends:
            us-russia`
        sources: the folder of the claim register, or the id of a bundled one (section 10). Example: `sources: claims`
        time: the grid of equal steps; without it there is one step, called `now` (section 2). Example: `time: {start:
            2025-01, end: 2027-01, step: quarter}`
        odds_per_point: by how much one point multiplies the odds, above 1; default 1.5; one number, or one for
            `impacts` and one for `influences` (section 2). Example: `odds_per_point: 1.5`
        sd_per_point: by how many standard deviations one point moves a numeric node; default 0.25 (section 5). Example:
            `sd_per_point: 0.25`
        scenarios: the possible futures, by id, of which one holds at every step (section 4). Example: `scenarios:
            {thaw: 0.3, freeze: 0.7}`
        outcome: how the scenarios follow one another (section 4). Example: `outcome: {persistence: 0.5}`
        groups: names for sets of scenarios (section 4). Example: `groups: {chill: [freeze, rupture]}`
        anchor: judged shares of the scenarios at one step, which baselines can be solved for (section 4). Example:
            `anchor: {at: start, shares: {thaw: 0.3, freeze: 0.7}}`
        drivers: the uncertain things that the scenarios depend on, by id (sections 3 and 5). Example: `drivers: {talks:
            {states: {open: 0.4, closed: 0.6}, impacts: {open: {thaw: 1}}}}`
        rules: points that act where several conditions hold at once, by id (section 6). Example: `rules: {silence:
            {when: {talks: closed, border: tense}, then: {scenario: {freeze: 2}}}}`
        consequences: what follows from drivers and scenarios, by id (section 7). Example: `consequences: {trade:
            {states: {grows: 1, shrinks: 1}, influences: {scenario: {thaw: {grows: 2}}}}}`
        profiles: named readings of the file: weights, and other parts laid over it (section 8). Example: `profiles:
            {optimist: {weights: {talks: 2}}}`
        expectations: statements that the model must satisfy (section 9). Example: `expectations: {talks_help: {that:
            "P(thaw | talks=open) > P(thaw)"}}`
        questions: things that will be known by a day, so that forecasts can be scored (section 13).
    """

    usru: Annotated[Literal[1], _refuse_boolean("1"), BeforeValidator(_to_integer)]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    title: str
    summary: str | None = None
    authors: Texts = ()
    date: DateText | None = None
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

    @property
    def signposted_states(self) -> tuple[str, ...]:
        """The scenarios, and states of nodes as `node.state`, that have signposts."""
        parts: dict[str, Scenario | State] = {**self.scenarios}
        for name, node in self.nodes():
            if isinstance(node, Categorical):
                parts |= {f"{name}.{state}": part for state, part in node.states.items() if part is not None}
        return tuple(name for name, part in parts.items() if part.signposts)
