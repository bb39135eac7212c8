"""Reads a model for the reference: a plain dict, as a YAML reader gives it, already merged.

Every function transcribes one passage of the format and says which. `extends`, profiles, queries and uncertain
judgements are refused or left unread.

Numeric drivers are the one approximation. Their latent normal z lives on cells, each of which stands at its median:

* persistence 1 (the default): `Resolution.fixed` cells of equal probability. Averages of smooth quantities (knots) are
  good to about 1e-5 with 400 cells.
* persistence r < 1: `Resolution.chain` cells between z = -4 and 4. The chance to go from cell to cell is averaged over
  the starting cell, so that every step keeps the standard normal; smooth quantities are good to about 1e-3 with 61
  cells, while sqrt(1 - r^2) stays well above the width of a cell, 8 / chain (r up to .98 at 61). Joint probabilities
  of two steps are exact but for float when their thresholds lie on the edges of cells.
* comparisons: every threshold that the model names is an edge, so without points P(x > c) is exact; a threshold that
  points have moved off the edges costs at most the mass of the cell it falls in (1/400, or some .05 for a chain).
  `Resolution.points` adds the edges for stated sums of points, `Resolution.thresholds` those of a test's own queries.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any, NamedTuple

# By name, because scipy has no type stubs everywhere and the checker must be content with and without them.
stats: Any = importlib.import_module("scipy.stats")

Json = dict[str, Any]
Points = dict[str, float]
Law = dict[str, float]

OUTCOME = "scenario"
HOLD = "hold"
SHIFT = "shift"  # the one name that points for a numeric node go by inside this file
NORMAL = NormalDist()


class Latent(NamedTuple):
    """The state of a numeric node: its latent normal and the value on its scale."""

    z: float
    x: float


Value = str | Latent
Trial = tuple[Value, ...]
Present = dict[str, Value]


@dataclass(frozen=True)
class Resolution:
    """How finely numeric nodes are cut; see the head of this file."""

    fixed: int = 400
    chain: int = 61
    points: tuple[float, ...] = (0.0,)
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=dict)


DEFAULT_RESOLUTION = Resolution()


# --- Section 2: judgements -------------------------------------------------------------------------------------------

UNCERTAIN = {"pert", "uniform", "triangular", "normal"}


def judged(raw: Any) -> Any:
    """The value in any of the forms of a judgement (section 2); uncertain ones are refused."""
    if isinstance(raw, list):
        return judged(raw[0])
    if isinstance(raw, dict):
        if UNCERTAIN & set(raw):
            raise ValueError(f"an uncertain judgement has no exact value here: {raw}")
        return judged(raw["value"])
    return raw


def number(raw: Any) -> float:
    """A judgement that must be a number (section 2)."""
    value = judged(raw)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {raw!r}")
    return float(value)


def entries(raw: Json | None) -> Json:
    """The entries of a map without what only says where its numbers come from (section 2, `sources` on a block)."""
    return {name: value for name, value in (raw or {}).items() if name not in ("sources", "note", "title", "summary")}


def listed(raw: Any) -> list[Any]:
    """`events` and `prior_given` may be lists or maps keyed by id (section 2)."""
    return list(entries(raw).values()) if isinstance(raw, dict) else list(raw or [])


def only(where: str, raw: Json, allowed: set[str]) -> None:
    """A misspelt key would quietly leave something out of the reference, so it is refused."""
    unknown = set(entries(raw)) - allowed
    if unknown:
        raise ValueError(f"{where}: unknown {sorted(map(str, unknown))}")


def normalised(weights: Law) -> Law:
    """Relative odds >= 0 as a distribution (section 3)."""
    total = sum(weights.values())
    if min(weights.values()) < 0 or total <= 0:
        raise ValueError(f"not a distribution: {weights}")
    return {state: weight / total for state, weight in weights.items()}


def read_law(where: str, raw: Json, states: Sequence[str]) -> Law:
    """A prior map outside `states`: in `initial`, rows and events an unnamed state has 0 (section 3)."""
    only(where, raw, set(states))
    return normalised({state: number(raw[state]) if state in raw else 0.0 for state in states})


# --- Section 2: dates ------------------------------------------------------------------------------------------------

STEP_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Grid:
    """The steps; months are counted from year 0, and without `time` there is no start (section 2)."""

    start: int | None
    step: int
    count: int


def label_span(label: Any) -> tuple[int, int]:
    """The first month of a date label and how many months it covers (section 2, Dates)."""
    text = label.isoformat() if isinstance(label, date) else str(label)
    if match := re.fullmatch(r"(\d{4})", text):
        return int(match[1]) * 12, 12
    if match := re.fullmatch(r"(\d{4})-Q([1-4])", text):
        return int(match[1]) * 12 + 3 * (int(match[2]) - 1), 3
    if match := re.fullmatch(r"(\d{4})-(\d{2})(-\d{2})?", text):
        return int(match[1]) * 12 + int(match[2]) - 1, 1
    raise ValueError(f"not a date: {label!r}")


def read_grid(raw: Json | None) -> Grid:
    """`time`: start, end (exclusive) and step; omitted means one step (section 2)."""
    if raw is None:
        return Grid(start=None, step=0, count=1)
    only("time", raw, {"start", "end", "step"})
    step = STEP_MONTHS[raw["step"]]
    start, end = label_span(raw["start"])[0], label_span(raw["end"])[0]
    if end <= start or (end - start) % step or (raw["step"] == "quarter" and start % 3):
        raise ValueError(f"the grid is not a whole number of steps: {raw}")
    return Grid(start, step, (end - start) // step)


def steps_of(grid: Grid, label: Any) -> list[int]:
    """The steps that a label means: all of a coarser one's, or the one that contains a finer one (section 2)."""
    if label == "start" or (label == "now" and grid.start is None):
        return [0]
    if label == "end":
        return [grid.count - 1]
    if grid.start is None:
        raise ValueError(f"a date without `time`: {label!r}")
    month, length = label_span(label)
    if length <= grid.step:
        steps = [(month - grid.start) // grid.step]
    else:
        steps = [t for t in range(grid.count) if month <= grid.start + t * grid.step < month + length]
    inside = [t for t in steps if 0 <= t < grid.count]
    if not inside:
        raise ValueError(f"off the grid: {label!r}")
    return inside


# --- Sections 3 and 6: weights, a number or a schedule ---------------------------------------------------------------

Schedule = list[tuple[float, float]]  # (month, weight); a plain weight is a schedule of one
CONSTANT_ONE: Schedule = [(0.0, 1.0)]


def read_weight(raw: Any) -> Schedule:
    """A weight or a weight schedule keyed by dates (section 3)."""
    if isinstance(raw, dict) and "value" not in raw and not UNCERTAIN & set(raw):
        return sorted((float(label_span(label)[0]), number(value)) for label, value in entries(raw).items())
    return [(0.0, number(raw))]


def linear(knots: Sequence[tuple[float, float]], at: float) -> float:
    """Linear between the knots and flat outside (weights in section 3, numeric parents in section 5)."""
    if at <= knots[0][0]:
        return knots[0][1]
    for (left, low), (right, high) in pairwise(knots):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return knots[-1][1]


def weight_at(schedule: Schedule, grid: Grid, t: int) -> float:
    """A schedule is read at the start of the step (section 3)."""
    if len(schedule) == 1:
        return schedule[0][1]
    if grid.start is None:
        raise ValueError("a weight schedule without `time`")
    return linear(schedule, grid.start + t * grid.step)


# --- Section 3: persistence ------------------------------------------------------------------------------------------


def kept_per_step(raw: Any, grid: Grid) -> float:
    """h of one step: a number, or from the mean time d between redraws, h = exp(-step / d) (section 3)."""
    value = judged(raw)
    if isinstance(value, str):
        match = re.fullmatch(r"([\d.]+) (month|quarter|year)s?", value)
        if match is None:
            raise ValueError(f"not a duration: {value!r}")
        return math.exp(-grid.step / (float(match[1]) * STEP_MONTHS[match[2]]))
    h = number(value)
    if not 0 <= h <= 1:
        raise ValueError(f"not a persistence: {raw!r}")
    return h


def read_persistence(where: str, raw: Any, states: Sequence[str], grid: Grid) -> dict[str, float]:
    """One h for all states, or a map that names every state or has `default` (section 3)."""
    if not isinstance(raw, dict) or "value" in raw:
        return {state: kept_per_step(raw, grid) for state in states}
    only(where, raw, {*states, "default"})
    if missing := [state for state in states if state not in raw and "default" not in raw]:
        raise ValueError(f"{where}: no persistence for {missing}")
    return {state: kept_per_step(raw.get(state, raw.get("default")), grid) for state in states}


# --- Sections 3, 5 and 6: conditions ---------------------------------------------------------------------------------


@cache
def comparison(text: str) -> tuple[str, float]:
    """A comparison on a numeric node, such as `> 0.7`, as operator and threshold (section 3)."""
    match = re.fullmatch(r"\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
    if match is None:
        raise ValueError(f"not a comparison: {text!r}")
    return match[1], float(match[2])


def alternatives(wanted: Any) -> list[str]:
    """A `when` takes one state or comparison, or a list of which any will do (section 3)."""
    return list(wanted) if isinstance(wanted, list | tuple) else [wanted]


def meets(value: Value, wanted: Any) -> bool:
    """Whether the state of a node is what a `when` or an observation asks for (section 3)."""
    if not isinstance(value, Latent):
        return value in alternatives(wanted)
    for operator, threshold in map(comparison, alternatives(wanted)):
        above, equal = value.x > threshold, value.x == threshold
        if {">": above, ">=": above or equal, "<": not above and not equal, "<=": not above}[operator]:
            return True
    return False


def read_when(where: str, raw: Json, states_of: Mapping[str, Sequence[str]]) -> Json:
    """A `when` whose every name is known: states for a categorical node, comparisons for a numeric one (section 3)."""
    for name, wanted in raw.items():
        for one in alternatives(wanted):
            if not states_of[name]:
                comparison(one)
            elif one not in states_of[name]:
                raise ValueError(f"{where}: {name} has no state {one!r}")
    return raw


# --- Sections 3 to 6: points -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Influence:
    """Points that one parent gives: by its state, or by knots on its scale; weighted if it is an impact."""

    parent: str
    by_state: dict[str, Points]
    knots: list[tuple[float, Points]]
    weight: Schedule


@dataclass(frozen=True)
class Event:
    """A window of points and, at its first step alone, a forced redraw if there is a prior (section 3)."""

    first: int
    last: int
    prior: Law | None
    points: Points


@dataclass(frozen=True)
class Rule:
    """A joint condition (section 6)."""

    when: Json
    lag: int
    at_least: int
    then: dict[str, Points]
    weight: Schedule


def read_points(where: str, raw: Any, states: Sequence[str]) -> Points:
    """Points per state and for `hold` (section 3), or the one number of a numeric target (section 5)."""
    if not states:
        return {SHIFT: number(raw)}
    only(where, raw, {*states, HOLD})
    return {name: number(value) for name, value in entries(raw).items()}


def read_influence(
    where: str, parent: str, raw: Json, states_of: Mapping[str, Sequence[str]], *, target: str, weight: Schedule
) -> Influence:
    """One parent's influences or impacts: keys are its states, or knots if it is numeric (sections 3 to 5)."""
    where = f"{where}.{parent}"
    effects = {key: read_points(f"{where}.{key}", value, states_of[target]) for key, value in entries(raw).items()}
    if not states_of[parent]:
        knots = sorted(((float(key), points) for key, points in effects.items()), key=lambda knot: knot[0])
        return Influence(parent, {}, knots, weight)
    only(where, raw, set(states_of[parent]))
    return Influence(parent, effects, [], weight)


def points_of(influence: Influence, value: Value) -> Points:
    """What a parent in this state gives; linear between knots, and a name missing from a knot counts 0 (section 5)."""
    if not isinstance(value, Latent):
        return influence.by_state.get(value, {})
    names = {name for _, points in influence.knots for name in points}
    return {
        name: linear([(knot, points.get(name, 0.0)) for knot, points in influence.knots], value.x) for name in names
    }


def read_event(where: str, raw: Json, states: Sequence[str], grid: Grid) -> Event:
    """A coarse label means its first step in `at` and its last in `until`, which defaults to `at` (sections 2, 3)."""
    only(where, raw, {"at", "until", "prior", "points"})
    first = steps_of(grid, raw["at"])[0]
    last = steps_of(grid, raw["until"])[-1] if "until" in raw else first
    if last < first:
        raise ValueError(f"{where}: ends before it starts")
    return Event(
        first,
        last,
        read_law(where, entries(raw["prior"]), states) if "prior" in raw else None,
        read_points(where, raw["points"], states) if "points" in raw else {},
    )


def read_rule(where: str, raw: Json, states_of: Mapping[str, Sequence[str]]) -> Rule:
    """A rule (section 6)."""
    only(where, raw, {"when", "lag", "at_least", "then", "weight"})
    if raw.get("lag", 0) not in (0, 1):
        raise ValueError(f"{where}: the lag is 0 or 1")
    return Rule(
        when=read_when(where, raw["when"], states_of),
        lag=raw.get("lag", 0),
        at_least=raw.get("at_least", len(raw["when"])),
        then={name: read_points(where, points, states_of[name]) for name, points in entries(raw["then"]).items()},
        weight=read_weight(raw.get("weight", 1.0)),
    )


# --- Section 5: numeric nodes ----------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """A stretch of the latent normal, between two cumulative probabilities."""

    low: float
    high: float

    @property
    def mass(self) -> float:
        """The probability of the cell."""
        return self.high - self.low

    def z(self, share: float = 0.5) -> float:
        """The latent value below which this share of the cell lies."""
        return NORMAL.inv_cdf(self.low + share * self.mass)


@dataclass(frozen=True)
class Scale:
    """What a numeric node has in the place of states."""

    distribution: Any
    sd_per_point: float
    initial: float | None
    r: float
    cells: list[Cell]
    quantiles: dict[float, float] = field(default_factory=dict)
    rows: dict[float, list[tuple[float, float]]] = field(default_factory=dict)


def read_distribution(raw: Json | None, low: float, high: float) -> Any:
    """F of a numeric node: uniform on the range by default, pert of shape 4, beta on the range, normal cut to it."""
    if raw is None:
        return stats.uniform(low, high - low)
    ((kind, parameters),) = entries(raw).items()
    p = [number(parameter) for parameter in parameters]
    if kind == "uniform":
        return stats.uniform(p[0], p[1] - p[0])
    if kind == "triangular":
        return stats.triang((p[1] - p[0]) / (p[2] - p[0]), p[0], p[2] - p[0])
    if kind == "pert":
        width = p[2] - p[0]
        return stats.beta(1 + 4 * (p[1] - p[0]) / width, 1 + 4 * (p[2] - p[1]) / width, p[0], width)
    if kind == "beta":
        return stats.beta(p[0], p[1], low, high - low)
    if kind == "normal":
        return stats.truncnorm((low - p[0]) / p[1], (high - p[0]) / p[1], p[0], p[1])
    raise ValueError(f"unknown distribution {kind!r}")


def read_scale(
    raw: Json, sd_per_point: float, persistence: Any, grid: Grid, *, thresholds: Sequence[float], resolution: Resolution
) -> Scale:
    """A numeric node: its distribution, its autocorrelation, and the cells that its latent normal is cut into."""
    low, high = (number(bound) for bound in raw["range"])
    distribution = read_distribution(raw.get("distribution"), low, high)
    r = kept_per_step(persistence, grid)
    if r == 1:
        edges = {i / resolution.fixed for i in range(resolution.fixed + 1)}
    else:
        inner = resolution.chain - 2
        edges = {0.0, 1.0, *(NORMAL.cdf(-4 + 8 * i / inner) for i in range(inner + 1))}
    for threshold in thresholds:
        below = float(distribution.cdf(threshold))
        if 0 < below < 1:
            edges |= {NORMAL.cdf(NORMAL.inv_cdf(below) - sd_per_point * points) for points in resolution.points}
    # Edges that differ by float noise alone would make cells too thin to have a median.
    distinct = [0.0]
    for edge in sorted(edges):
        if edge - distinct[-1] > 1e-13:
            distinct.append(edge)
    initial = number(raw["initial"]) if "initial" in raw else None
    return Scale(distribution, sd_per_point, initial, r, [Cell(a, b) for a, b in pairwise([*distinct[:-1], 1.0])])


def quantile(scale: Scale, z: float) -> float:
    """x = F^-1( Phi( z ) ) (section 5)."""
    if z not in scale.quantiles:
        scale.quantiles[z] = float(scale.distribution.ppf(NORMAL.cdf(z)))
    return scale.quantiles[z]


def latent_law(scale: Scale, before: Latent | None, points: float) -> list[tuple[float, float]]:
    """The law of z(t) as pairs of z and probability (section 5).

    z(0) ~ N(0,1), or what makes x(0) the `initial` under the points of the first step; then z(t) = r z(t-1) + noise.
    """
    if before is None:
        if scale.initial is not None:
            z = NORMAL.inv_cdf(float(scale.distribution.cdf(scale.initial)))
            return [(z - scale.sd_per_point * points, 1.0)]
        return [(cell.z(), cell.mass) for cell in scale.cells]
    if scale.r == 1:
        return [(before.z, 1.0)]
    if before.z not in scale.rows:
        scale.rows[before.z] = chain_row(scale, before.z)
    return scale.rows[before.z]


def chain_row(scale: Scale, z: float) -> list[tuple[float, float]]:
    """Where z(t) goes: exactly from a known point (`initial`), else averaged over the cell that z stands for."""
    starts = [z]
    for cell in scale.cells:
        if cell.z() == z:
            starts = [cell.z((i + 0.5) / 8) for i in range(8)]
    noise = math.sqrt(1 - scale.r**2)

    def below(edge: float) -> float:
        if edge in (0.0, 1.0):
            return edge
        at = NORMAL.inv_cdf(edge)
        return sum(NORMAL.cdf((at - scale.r * start) / noise) for start in starts) / len(starts)

    return [(cell.z(), below(cell.high) - below(cell.low)) for cell in scale.cells]


# --- Sections 3, 4 and 7: nodes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A driver, the outcome or a consequence; a numeric one has a scale and no states."""

    name: str
    states: tuple[str, ...]
    odds: float
    prior: Law | None
    rows: list[tuple[Json, Law]]
    initial: Law | None
    persistence: dict[str, float]
    allowed: dict[str, list[str]]
    events: list[Event]
    influences: list[Influence]
    lagged: list[Influence]
    scale: Scale | None


@dataclass(frozen=True)
class Model:
    """A model read from a dict; `nodes` are in an order in which they can be drawn."""

    grid: Grid
    nodes: list[Node]
    rules: list[Rule]
    groups: dict[str, list[str]]
    drivers: list[str]
    consequences: list[str]

    def node(self, name: str) -> Node:
        """The driver, outcome or consequence of this name."""
        return next(node for node in self.nodes if node.name == name)


NODE_KEYS = {
    "kind", "weight", "states", "initial", "persistence", "influences", "lagged_influences", "allowed", "events",
    "impacts", "prior_given", "range", "distribution",
}  # fmt: skip
MODEL_KEYS = {
    "usru", "name", "time", "odds_per_point", "sd_per_point", "scenarios", "outcome", "groups", "drivers", "rules",
    "consequences", "anchor", "profiles", "expectations",
}  # fmt: skip


def read_priors(where: str, raw: Json, key: str, rows: bool) -> Law | None:
    """The states' own priors, or the scenarios' baselines: all or none; none, without rows, means equal (3, 4)."""
    priors = {}
    for state, block in raw.items():
        if not isinstance(block, dict) or "value" in block or UNCERTAIN & set(block):
            priors[state] = number(block)  # `crisis: 0.3` is short for `{prior: 0.3}`
        elif key in block:
            priors[state] = number(block[key])
    if not priors:
        return None if rows else {state: 1 / len(raw) for state in raw}
    if len(priors) < len(raw):
        raise ValueError(f"{where}: some states have a {key} and some have none")
    return normalised(priors)


def outcome_block(raw: Json) -> Json:
    """The outcome as a node like any other: its states are the scenarios, its prior is `baseline` (section 4)."""
    block = entries(raw.get("outcome"))
    only(OUTCOME, block, {"persistence", "initial", "allowed", "events", "lagged_influences"})
    return {"states": raw["scenarios"], "persistence": 0.0, **block}


def node_blocks(raw: Json) -> dict[str, Json]:
    """Every node's block by name; the outcome and consequences have a default persistence of 0 (sections 4, 7)."""
    consequences = {name: {"persistence": 0.0, **block} for name, block in entries(raw.get("consequences")).items()}
    for name, block in consequences.items():
        if {"impacts", "weight"} & set(block):
            raise ValueError(f"consequence {name}: has neither impacts nor weight")
    return {**entries(raw.get("drivers")), OUTCOME: outcome_block(raw), **consequences}


def impact_influences(drivers: Json, states_of: Mapping[str, Sequence[str]]) -> list[Influence]:
    """The outcome's same-step influences are the drivers' impacts times their weights (section 4)."""
    return [
        read_influence(
            "impacts", name, block["impacts"], states_of, target=OUTCOME, weight=read_weight(block.get("weight", 1.0))
        )
        for name, block in drivers.items()
        if "impacts" in block
    ]


def odds_per_point(raw: Json, name: str) -> float:
    """k: `impacts` for points on the outcome, `influences` for points on all other nodes (section 2)."""
    judgement = raw.get("odds_per_point", 1.5)
    if isinstance(judgement, dict) and {"impacts", "influences"} & set(judgement):
        judgement = judgement.get("impacts" if name == OUTCOME else "influences", 1.5)
    return number(judgement)


def thresholds_on(name: str, raw: Json, blocks: Mapping[str, Json]) -> list[float]:
    """Every number that the model compares a numeric node with."""
    conditions = [rule["when"] for rule in entries(raw.get("rules")).values()]
    conditions += [row["when"] for block in blocks.values() for row in listed(block.get("prior_given"))]
    return [comparison(one)[1] for when in conditions if name in when for one in alternatives(when[name])]


def read_node(
    name: str,
    block: Json,
    raw: Json,
    states_of: Mapping[str, Sequence[str]],
    grid: Grid,
    *,
    thresholds: Sequence[float],
    resolution: Resolution,
) -> Node:
    """One node's block (sections 3 to 5 and 7)."""
    only(name, block, NODE_KEYS)
    states = tuple(states_of[name])
    influences = [
        read_influence(f"{name}.influences", parent, effects, states_of, target=name, weight=CONSTANT_ONE)
        for parent, effects in entries(block.get("influences")).items()
    ]
    lagged = [
        read_influence(f"{name}.lagged_influences", parent, effects, states_of, target=name, weight=CONSTANT_ONE)
        for parent, effects in entries(block.get("lagged_influences")).items()
    ]
    if name == OUTCOME:
        influences += impact_influences(entries(raw.get("drivers")), states_of)
    events = [read_event(f"{name}.events", event, states, grid) for event in listed(block.get("events"))]
    odds = odds_per_point(raw, name)
    persistence = block.get("persistence", 1.0)
    if not states:
        if {"prior_given", "allowed", "states"} & set(block) or any(event.prior for event in events):
            raise ValueError(f"{name}: a numeric node has no priors and no allowed moves")
        sd_per_point = number(raw.get("sd_per_point", 0.25))
        scale = read_scale(block, sd_per_point, persistence, grid, thresholds=thresholds, resolution=resolution)
        return Node(name, states, odds, None, [], None, {}, {}, events, influences, lagged, scale)
    rows = [
        (read_when(name, row["when"], states_of), read_law(name, entries(row["prior"]), states))
        for row in listed(block.get("prior_given"))
    ]
    initial = read_law(name, entries(block["initial"]), states) if "initial" in block else None
    forced = [event.first for event in events if event.prior is not None]
    if len(set(forced)) < len(forced) or (initial is not None and 0 in forced):
        raise ValueError(f"{name}: two forced redraws in one step, or one hidden by `initial`")
    return Node(
        name=name,
        states=states,
        odds=odds,
        prior=read_priors(name, block["states"], "baseline" if name == OUTCOME else "prior", bool(rows)),
        rows=rows,
        initial=initial,
        persistence=read_persistence(name, persistence, states, grid),
        allowed=read_allowed(name, entries(block.get("allowed")), states),
        events=events,
        influences=influences,
        lagged=lagged,
        scale=None,
    )


def read_allowed(where: str, raw: Json, states: Sequence[str]) -> dict[str, list[str]]:
    """Where a redraw may go from a state; default anywhere (section 3)."""
    only(where, raw, set(states))
    for targets in raw.values():
        only(where, dict.fromkeys(targets), set(states))
    return {state: list(raw.get(state, states)) for state in states}


def same_step_parents(node: Node, rules: Sequence[Rule]) -> set[str]:
    """Influences, prior rows, and the conditions of the rules of lag 0 that act on the node (sections 3 and 6)."""
    parents = {influence.parent for influence in node.influences} | {name for when, _ in node.rows for name in when}
    return parents.union(*(rule.when for rule in rules if rule.lag == 0 and node.name in rule.then))


def drawing_order(nodes: Sequence[Node], rules: Sequence[Rule]) -> list[Node]:
    """Parents before children; the same-step influences must be acyclic (section 3)."""
    order: list[Node] = []
    waiting = list(nodes)
    while waiting:
        known = {node.name for node in order}
        ready = [node for node in waiting if same_step_parents(node, rules) <= known]
        if not ready:
            raise ValueError(f"same-step influences run in a circle: {[node.name for node in waiting]}")
        order += ready
        waiting = [node for node in waiting if node not in ready]
    return order


def read_model(raw: Json, resolution: Resolution = DEFAULT_RESOLUTION) -> Model:
    """The whole file, already merged (section 2)."""
    only("model", raw, MODEL_KEYS)
    grid = read_grid(raw.get("time"))
    blocks = node_blocks(raw)
    states_of = {
        name: () if block.get("kind") == "numeric" else tuple(block["states"]) for name, block in blocks.items()
    }
    rules = [read_rule(name, rule, states_of) for name, rule in entries(raw.get("rules")).items()]
    nodes = []
    for name, block in blocks.items():
        asked = [] if states_of[name] else thresholds_on(name, raw, blocks)
        asked += resolution.thresholds.get(name, ())
        nodes.append(read_node(name, block, raw, states_of, grid, thresholds=asked, resolution=resolution))
    groups = {name: list(members) for name, members in entries(raw.get("groups")).items()}
    for name, members in groups.items():
        only(name, dict.fromkeys(members), set(raw["scenarios"]))
    drivers, consequences = list(entries(raw.get("drivers"))), list(entries(raw.get("consequences")))
    return Model(grid, drawing_order(nodes, rules), rules, groups, drivers, consequences)
