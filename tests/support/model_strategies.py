"""Random valid models as a strategy of hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from support.oracle import Json

# The same examples at every run and on every machine, so that a failure is never a matter of luck or load.
settings.register_profile(
    "models",
    derandomize=True,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),  # without a search for what explains a failure, which takes minutes
    suppress_health_check=list(HealthCheck),
)


MODELS = settings.get_profile("models")


STEPS = 4


SCENARIOS = ("calm", "crisis", "thaw")


STATES = ("high", "low", "mid")


LABELS = ("2000", "2001", "2002", "2003")


points = st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])


shares = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, 2.0])


chances = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])


durations = st.sampled_from(["6 months", "1 year", "30 months"])


Nodes = Mapping[str, tuple[str, ...]]
"""The states of each node, none for a numeric one."""


def some_of(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=len(names))


def law(states: Sequence[str]) -> st.SearchStrategy[Json]:
    """Relative odds that are not all 0."""
    return st.fixed_dictionaries(dict.fromkeys(states, shares)).filter(lambda law: sum(law.values()) > 0)


def points_for(states: Sequence[str]) -> st.SearchStrategy[Any]:
    """Points for some states and `hold`, or the number that a numeric node gets."""
    if not states:
        return points
    return st.dictionaries(st.sampled_from((*states, "hold")), points, min_size=1, max_size=2)


def condition(states: Sequence[str]) -> st.SearchStrategy[Any]:
    if not states:
        return st.sampled_from(["> 0.5", "<= 0.3", ">= 0.25", "< 0.9"])
    return st.one_of(st.sampled_from(states), some_of(states))


@st.composite
def influences(draw: st.DrawFn, parents: Nodes, states: Sequence[str]) -> Json:
    """Influences of some parents, by state or by knot."""
    if not parents:
        return {}
    chosen = draw(st.lists(st.sampled_from(sorted(parents)), unique=True, max_size=2))
    return {
        parent: draw(
            st.dictionaries(
                st.sampled_from(parents[parent] or ("0.1", "0.5", "0.8")), points_for(states), min_size=1, max_size=2
            )
        )
        for parent in chosen
    }


@st.composite
def events(draw: st.DrawFn, states: Sequence[str], taken: set[int]) -> list[Json]:
    """A window of points or a forced redraw or both, at most one redraw in a step."""
    made: list[Json] = []
    for first in draw(st.lists(st.sampled_from(range(STEPS)), unique=True, max_size=2)):
        event: Json = {"at": LABELS[first]}
        if states and first not in taken and draw(st.booleans()):
            event["prior"] = draw(law(states))
        if not states or "prior" not in event or draw(st.booleans()):
            event["points"] = draw(points_for(states))
            event["until"] = LABELS[draw(st.integers(first, STEPS - 1))]
        made.append(event)
    return made


@st.composite
def dynamics(draw: st.DrawFn, states: Sequence[str]) -> Json:
    """How a categorical node starts and moves."""
    block: Json = {}
    if draw(st.booleans()):
        by_state = st.fixed_dictionaries({states[0]: chances, "default": st.one_of(chances, durations)})
        block["persistence"] = draw(st.one_of(chances, durations, by_state))
    if draw(st.integers(0, 2)) == 0:
        block["initial"] = draw(law(states))
    if draw(st.integers(0, 2)) == 0:
        block["allowed"] = draw(st.dictionaries(st.sampled_from(states), some_of(states), min_size=1, max_size=2))
    block["events"] = draw(events(states, {0} if "initial" in block else set()))
    return block


@st.composite
def nodes(draw: st.DrawFn, name: str, same_step: Nodes, lagged: Nodes) -> Json:
    """A driver or a consequence; whether it has states is said by `lagged`, which names every node."""
    states = lagged[name]
    block: Json = {
        "influences": draw(influences(same_step, states)),
        "lagged_influences": draw(influences(lagged, states)),
    }
    if not states:
        block |= {"kind": "numeric", "range": [0, 1], "events": draw(events((), set()))}
        if draw(st.booleans()):
            block["persistence"] = draw(st.one_of(chances, durations))
        if draw(st.booleans()):
            block["initial"] = draw(st.sampled_from([0.2, 0.62]))
        if draw(st.booleans()):
            block["distribution"] = draw(st.sampled_from([{"pert": [0, 0.3, 1]}, {"beta": [0.5, 2]}]))
        return block
    block |= {"states": draw(law(states)), **draw(dynamics(states))}
    if draw(st.booleans()) and same_step:
        parents = draw(st.lists(st.sampled_from(sorted(same_step)), unique=True, min_size=1, max_size=2))
        when = {parent: draw(condition(same_step[parent])) for parent in parents}
        block["prior_given"] = [{"when": when, "prior": draw(law(states))}]
    return block


weights = st.one_of(
    st.sampled_from([0, 0.5, 2]), st.dictionaries(st.sampled_from(LABELS), st.sampled_from([0, 1, 3]), min_size=1)
)


@st.composite
def models(draw: st.DrawFn, *, numeric: bool = True) -> Json:
    """A small valid model."""
    scenarios = SCENARIOS[: draw(st.integers(1, 3))]
    kinds = st.sampled_from([STATES[:1], STATES[:2], STATES[:2], STATES] + [()] * 2 * numeric)
    drivers = {name: draw(kinds) for name in "abc"[: draw(st.integers(1, 3))]}
    consequences = {name: draw(kinds) for name in "xy"[: draw(st.integers(0, 2))]}
    everything: Nodes = {**drivers, "scenario": scenarios, **consequences}
    order = list(everything)
    raw: Json = {
        "usru": 1,
        "name": "random",
        "title": "Random",
        "time": {"start": 2000, "end": 2000 + STEPS, "step": "year"},
        "odds_per_point": draw(st.sampled_from([1.5, {"impacts": 2, "influences": 3}])),
        "sd_per_point": draw(st.sampled_from([0.25, 1])),
        "scenarios": {name: {"baseline": share} for name, share in draw(law(scenarios)).items()},
        "outcome": draw(dynamics(scenarios)) | {"lagged_influences": draw(influences(everything, scenarios))},
        "groups": draw(st.dictionaries(st.sampled_from(["one", "two"]), some_of(scenarios), max_size=2)),
        "drivers": {},
        "consequences": {},
        "rules": {},
    }
    for name, kind in drivers.items():
        before = {parent: states for parent, states in drivers.items() if parent < name}
        block = draw(nodes(name, before, everything))
        impacts = st.dictionaries(
            st.sampled_from(kind or ("0.2", "0.4", "0.9")), points_for(scenarios), min_size=1, max_size=2
        )
        raw["drivers"][name] = block | {"impacts": draw(impacts), "weight": draw(weights)}
    for name in consequences:
        before = {parent: everything[parent] for parent in order[: order.index(name)]}
        raw["consequences"][name] = draw(nodes(name, before, everything))
    for name in ("rule_one", "rule_two")[: draw(st.integers(0, 2))]:
        raw["rules"][name] = draw(rules(everything, order))
    return raw


@st.composite
def rules(draw: st.DrawFn, everything: Nodes, order: list[str]) -> Json:
    """A rule, whose targets come after what it asks about, unless it asks about the step before."""
    lag = draw(st.sampled_from([0, 1]))
    target = draw(st.sampled_from(order))
    before = order if lag else order[: order.index(target)]
    if not before:
        lag, before = 1, order
    asked = draw(st.lists(st.sampled_from(before), unique=True, min_size=1, max_size=3))
    return {
        "when": {name: draw(condition(everything[name])) for name in asked},
        "lag": lag,
        "at_least": draw(st.integers(1, len(asked))),
        "then": {target: draw(points_for(everything[target]))},
        "weight": draw(weights),
    }
