"""What a model means and what is reported of it, summed out over all trials (sections 3, 4, 7 and 9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypedDict, TypeVar

from support.oracle.reading import (
    DEFAULT_RESOLUTION,
    HOLD,
    OUTCOME,
    SHIFT,
    Json,
    Latent,
    Law,
    Model,
    Node,
    Points,
    Present,
    Resolution,
    Rule,
    Trial,
    Value,
    alternatives,
    comparison,
    latent_law,
    meets,
    node_blocks,
    normalised,
    points_of,
    quantile,
    read_model,
    read_when,
    same_step_parents,
    weight_at,
)

View = dict[str, str | float]
Path = list[View]
Intervention = Mapping[str | tuple[str, int], str | float]
Observation = tuple[str, int, str | Sequence[str]]
Memory = TypeVar("Memory", bound=Hashable)


class Visits(TypedDict):
    """What is reported of a scenario or a group (section 4)."""

    by_step: list[float]
    end: float
    mean: float
    ever: float
    first_visit: list[float]


class Marginals(TypedDict):
    """What is reported of a model; a numeric node has the single entry `mean`."""

    scenarios: dict[str, Visits]
    groups: dict[str, Visits]
    transitions: dict[str, dict[str, float] | None]
    drivers: dict[str, dict[str, list[float]]]
    consequences: dict[str, dict[str, list[float]]]


# --- Section 3: what it means ----------------------------------------------------------------------------------------


def rule_holds(rule: Rule, before: Present | None, now: Present) -> bool:
    """At least `at_least` conditions hold in this step or, from the second step on, in the previous (section 6)."""
    read = before if rule.lag else now
    if read is None:
        return False
    return sum(meets(read[name], wanted) for name, wanted in rule.when.items()) >= rule.at_least


def points_on(model: Model, node: Node, t: int, before: Present | None, now: Present) -> Points:
    """points(s) and the points for `hold`: influences, lagged influences, event windows and rules (section 3)."""
    total: Points = defaultdict(float)

    def add(points: Points, factor: float) -> None:
        for name, value in points.items():
            total[name] += factor * value

    for influence in node.influences:
        add(points_of(influence, now[influence.parent]), weight_at(influence.weight, model.grid, t))
    if before is not None:
        for influence in node.lagged:
            add(points_of(influence, before[influence.parent]), weight_at(influence.weight, model.grid, t))
    for event in node.events:
        if event.first <= t <= event.last:
            add(event.points, 1.0)
    for rule in model.rules:
        if node.name in rule.then and rule_holds(rule, before, now):
            add(rule.then[node.name], weight_at(rule.weight, model.grid, t) if node.name == OUTCOME else 1.0)
    return total


def prior_at(node: Node, now: Present) -> Law:
    """The first row whose `when` holds gives the prior, else the states' own do (section 3)."""
    for when, prior in node.rows:
        if all(meets(now[name], wanted) for name, wanted in when.items()):
            return prior
    if node.prior is None:
        raise ValueError(f"{node.name}: no row and no own prior in {now}")
    return node.prior


def tilted(prior: Law, points: Points, odds: float) -> Law:
    """q(s) is proportional to prior(s) * k ** points(s) (section 3)."""
    return normalised({state: weight * odds ** points.get(state, 0.0) for state, weight in prior.items()})


def held(h: float, points: float, odds: float) -> float:
    """Points for `hold` multiply h / (1 - h) by k ** points; 0 and 1 stay (section 3)."""
    if h in (0.0, 1.0):
        return h
    multiplied: float = h / (1 - h) * odds**points
    return multiplied / (1 + multiplied)


def persisted(node: Node, present: str, q: Law, hold_points: float) -> Law:
    """Kept with probability h, else drawn from q restricted to the allowed targets, or kept if none is left (3)."""
    h = held(node.persistence[present], hold_points, node.odds)
    targets = {state: q[state] for state in node.allowed[present]}
    law = dict.fromkeys(node.states, 0.0)
    law[present] = h
    if sum(targets.values()) <= 0:
        law[present] = 1.0
        return law
    for state, share in normalised(targets).items():
        law[state] += (1 - h) * share
    return law


def categorical_law(model: Model, node: Node, t: int, before: Present | None, now: Present) -> Law:
    """The law of a categorical node without an intervention, in the order of precedence of section 3."""
    if before is None and node.initial is not None:
        return node.initial
    points = points_on(model, node, t, before, now)
    for event in node.events:
        if event.prior is not None and event.first == t:
            return tilted(event.prior, points, node.odds)
    q = tilted(prior_at(node, now), points, node.odds)
    if before is None:
        return q
    present = before[node.name]
    assert isinstance(present, str)
    return persisted(node, present, q, points.get(HOLD, 0.0))


def numeric_law(
    model: Model, node: Node, t: int, before: Present | None, now: Present, *, imposed: float | None
) -> dict[Value, float]:
    """x(t) = F^-1( Phi( z(t) + sd_per_point * points(t) ) ); an intervention sets x only (section 5)."""
    scale = node.scale
    assert scale is not None
    points = points_on(model, node, t, before, now).get(SHIFT, 0.0)
    previous = None if before is None else before[node.name]
    assert not isinstance(previous, str)
    law: dict[Value, float] = defaultdict(float)
    for z, p in latent_law(scale, previous, points):
        x = quantile(scale, z + scale.sd_per_point * points) if imposed is None else imposed
        law[Latent(z, x)] += p
    return law


class Chain:
    """The model as a Markov chain on trials, under interventions."""

    def __init__(self, raw: Json, do: Intervention | None, resolution: Resolution) -> None:
        """Read the model; successors, and the law of a node given all that it reads, are kept once they are known."""
        self.model = read_model(raw, resolution)
        self.names = [node.name for node in self.model.nodes]
        self.steps = range(self.model.grid.count)
        self.imposed = self.read_interventions(do or {})
        self.reads = {node.name: self.places_read(node) for node in self.model.nodes}
        self.laws: dict[tuple[str, int, Trial | None, Trial], dict[Any, float]] = {}
        self.known: dict[tuple[int, Trial | None], dict[Trial, float]] = {}
        self.views: dict[Trial, View] = {}

    def read_interventions(self, do: Intervention) -> dict[tuple[str, int], str | float]:
        """Without a time from the first step to the last; two that overlap on one node are an error (section 9)."""
        imposed: dict[tuple[str, int], str | float] = {}
        for key, value in do.items():
            name, steps = (key, list(self.steps)) if isinstance(key, str) else (key[0], [key[1]])
            states = self.model.node(name).states
            if isinstance(value, str) != bool(states) or (states and value not in states):
                raise ValueError(f"do({name}={value}): no such state")
            for t in steps:
                if (name, t) in imposed or t not in self.steps:
                    raise ValueError(f"do({name}) at step {t}: off the grid, or overlaps another")
                imposed[name, t] = value
        return imposed

    def places_read(self, node: Node) -> tuple[list[int], list[int]]:
        """The places in a trial of all that the law of a node may depend on, in the step before and in its own."""
        earlier = {node.name} | {influence.parent for influence in node.lagged}
        earlier.update(*(rule.when for rule in self.model.rules if rule.lag and node.name in rule.then))
        now = same_step_parents(node, self.model.rules)
        return sorted(map(self.names.index, earlier)), sorted(map(self.names.index, now))

    def present(self, trial: Trial) -> Present:
        """A trial, or what is drawn of it by now, with the names of its nodes."""
        return dict(zip(self.names, trial, strict=False))

    def view(self, trial: Trial) -> View:
        """A trial as a test sees it: a state per node, and for a numeric one the value on its scale."""
        if trial not in self.views:
            self.views[trial] = {name: v.x if isinstance(v, Latent) else v for name, v in self.present(trial).items()}
        return self.views[trial]

    def node_law(self, node: Node, t: int, before: Present | None, now: Present) -> Mapping[Any, float]:
        """An intervention overrides everything and cuts the node off from its causes (sections 3 and 9)."""
        imposed = self.imposed.get((node.name, t))
        if node.scale is not None:
            assert not isinstance(imposed, str)
            return numeric_law(self.model, node, t, before, now, imposed=imposed)
        if imposed is not None:
            return {imposed: 1.0}
        return categorical_law(self.model, node, t, before, now)

    def known_law(self, node: Node, t: int, before: Trial | None, now: Trial) -> dict[Any, float]:
        """What has a probability in the law of a node, which is worked out once for all trials that it can't tell."""
        earlier, same = self.reads[node.name]
        past = None if before is None else tuple([before[place] for place in earlier])
        read = (node.name, t, past, tuple([now[place] for place in same]))
        if read not in self.laws:
            named = None if before is None else self.present(before)
            law = self.node_law(node, t, named, self.present(now))
            self.laws[read] = {value: share for value, share in law.items() if share > 0}
        return self.laws[read]

    def successors(self, t: int, before: Trial | None) -> dict[Trial, float]:
        """The joint law of all nodes at step t given the whole trial of the step before."""
        if (t, before) not in self.known:
            partial: dict[Trial, float] = {(): 1.0}
            for node in self.model.nodes:
                longer: dict[Trial, float] = {}
                for trial, p in partial.items():
                    for value, share in self.known_law(node, t, before, trial).items():
                        longer[(*trial, value)] = p * share
                partial = longer
            self.known[t, before] = partial
        return self.known[t, before]

    def forward(
        self,
        start: Memory,
        remember: Callable[[Memory, int, View], Memory],
        fits: Callable[[int, Trial], bool] = lambda _t, _world: True,
    ) -> list[dict[tuple[Trial, Memory], float]]:
        """Per step: P(trial, what is remembered of the path so far, and all evidence up to this step)."""
        law: dict[Trial | None, dict[Memory, float]] = {None: {start: 1.0}}
        result = []
        for t in self.steps:
            later: dict[Trial, dict[Memory, float]] = {}
            after: dict[Trial, dict[Memory, Memory]] = defaultdict(dict)
            for before, memories in law.items():
                for trial, share in self.successors(t, before).items():
                    kept, reached = after[trial], later.setdefault(trial, defaultdict(float))
                    for memory, p in memories.items():
                        if memory not in kept:
                            kept[memory] = remember(memory, t, self.view(trial))
                        reached[kept[memory]] += p * share
            law = {trial: reached for trial, reached in later.items() if fits(t, trial)}
            result.append(
                {
                    (trial, memory): p
                    for trial, reached in law.items()
                    if trial is not None
                    for memory, p in reached.items()
                }
            )
        return result

    @cached_property
    def paths(self) -> list[tuple[Path, float]]:
        """Every path of positive probability as a test sees it, and its probability."""
        return [([self.view(trial) for trial in path], p) for path, p in all_paths(self)]

    def backward(self, t: int, trial: Trial, later: Mapping[Trial, float]) -> float:
        """P(all evidence after step t | the trial at step t), given the same for every trial that fits at t + 1."""
        if t == self.steps[-1]:
            return 1.0
        return sum(p * later[after] for after, p in self.successors(t + 1, trial).items() if after in later)


KEPT: dict[str, Chain] = {}
"""The chains that were asked for last, by all that they are made of."""


def chain_of(model: Json, do: Intervention | None, resolution: Resolution) -> Chain:
    """The chain of a model, with what it has worked out where one of the last eight was the same."""
    made_of = repr((model, dict(do or {}), resolution))
    known = KEPT.pop(made_of, None)
    KEPT[made_of] = known or Chain(model, do, resolution)
    if len(KEPT) > 8:
        del KEPT[next(iter(KEPT))]
    return KEPT[made_of]


# --- Sections 4 and 9: what is reported ------------------------------------------------------------------------------


def reader(chain: Chain, given: Sequence[Observation]) -> Callable[[int, Trial], bool]:
    """Whether a trial fits what was observed at its step (section 9)."""
    for name, t, wanted in given:
        if t not in chain.steps:
            raise ValueError(f"observation of {name} at step {t}: off the grid")
        read_when("observation", {name: wanted}, {name: chain.model.node(name).states})

    def fits(t: int, trial: Trial) -> bool:
        now = chain.present(trial)
        return all(meets(now[name], wanted) for name, at, wanted in given if at == t)

    return fits


def with_thresholds(resolution: Resolution, model: Json, given: Sequence[Observation]) -> Resolution:
    """The thresholds that numeric nodes were observed against become edges of cells as well."""
    blocks = node_blocks(model)
    thresholds = {name: list(values) for name, values in resolution.thresholds.items()}
    for name, _, wanted in given:
        if blocks[name].get("kind") == "numeric":
            thresholds.setdefault(name, []).extend(comparison(one)[1] for one in alternatives(wanted))
    return replace(resolution, thresholds=thresholds)


def trials(
    model: Json, do: Intervention | None = None, resolution: Resolution = DEFAULT_RESOLUTION
) -> list[list[tuple[View, float]]]:
    """The joint distribution over the states of all nodes at every step."""
    chain = chain_of(model, do, resolution)
    return [
        [(chain.view(trial), p) for (trial, _), p in law.items()]
        for law in chain.forward(None, lambda _memory, _t, _view: None)
    ]


def remembered(
    model: Json,
    start: Memory,
    remember: Callable[[Memory, int, View], Memory],
    do: Intervention | None = None,
    resolution: Resolution = DEFAULT_RESOLUTION,
) -> dict[Memory, float]:
    """The distribution, after the last step, of whatever `remember(memory, step, trial)` keeps of the path.

    It answers any query of section 9 on models whose paths are too many to enumerate: remember which of the events of
    the query have happened, then divide.
    """
    law = chain_of(model, do, resolution).forward(start, remember)[-1]
    total: dict[Memory, float] = defaultdict(float)
    for (_, memory), p in law.items():
        total[memory] += p
    return dict(total)


def all_paths(chain: Chain, before: tuple[Trial, ...] = ()) -> Iterator[tuple[tuple[Trial, ...], float]]:
    """Every path of positive probability that goes on from the given one."""
    t = len(before)
    if t not in chain.steps:
        yield before, 1.0
        return
    for trial, p in chain.successors(t, before[-1] if before else None).items():
        for path, rest in all_paths(chain, (*before, trial)):
            yield path, p * rest


def paths_of(
    model: Json, do: Intervention | None = None, resolution: Resolution = DEFAULT_RESOLUTION
) -> list[tuple[Path, float]]:
    """Every path of positive probability, as a list of trials, one per step, and its probability."""
    return chain_of(model, do, resolution).paths


def posterior(
    model: Json,
    event: Callable[[Path], bool],
    given: Callable[[Path], float] = lambda _path: True,
    do: Intervention | None = None,
    resolution: Resolution = DEFAULT_RESOLUTION,
) -> float:
    """P(event | given) by enumeration of all paths; the event is a predicate on a list of trials, one per step.

    `given` is one too, or the likelihood of what is seen on the path (section 14). Evidence is weighed in the
    intervened model (section 9).
    """
    both = evidence = 0.0
    for path, p in paths_of(model, do, resolution):
        if weight := float(given(path)):
            evidence += p * weight
            both += p * weight if event(path) else 0.0
    if evidence <= 0:
        raise ValueError("the evidence is impossible")
    return both / evidence


def visits_of(members: set[str], by_visited: list[dict[tuple[str, frozenset[str]], float]]) -> Visits:
    """The report on a scenario or a group: in a group means in any of its members (section 4)."""
    by_step = [sum(p for (now, _), p in law.items() if now in members) for law in by_visited]
    visited = [sum(p for (_, seen), p in law.items() if seen & members) for law in by_visited]
    return Visits(
        by_step=by_step,
        end=by_step[-1],
        mean=sum(by_step) / len(by_step),
        ever=visited[-1],
        first_visit=[visited[0], *(later - earlier for earlier, later in pairwise(visited))],
    )


def marginals(
    model: Json,
    do: Intervention | None = None,
    given: Sequence[Observation] = (),
    resolution: Resolution = DEFAULT_RESOLUTION,
) -> Marginals:
    """All that section 4 reports, under interventions, and after observations at stated steps (section 9).

    `do` is `{node: state}` for the whole grid or `{(node, step): state}`; `given` lists `(node, step, state)`, where a
    list of states means any of them and a numeric node takes a comparison. Steps are counted from 0.
    """
    chain = chain_of(model, do, with_thresholds(resolution, model, given))
    fits = reader(chain, given)

    def visit(seen: frozenset[str], _t: int, view: View) -> frozenset[str]:
        return seen | {str(view[OUTCOME])}

    nothing: frozenset[str] = frozenset()
    forward = chain.forward(nothing, visit, fits)
    evidence = sum(forward[-1].values())
    if evidence <= 0:
        raise ValueError("the evidence is impossible")

    # Smoothing: what is yet to be observed weighs each trial of the steps before.
    ahead: list[dict[Trial, float]] = [{} for _ in chain.steps]
    for t in reversed(chain.steps):
        later = ahead[t + 1] if t + 1 in chain.steps else {}
        for trial in {trial for trial, _ in forward[t]}:
            ahead[t][trial] = chain.backward(t, trial, later)

    place = chain.names.index(OUTCOME)
    by_visited: list[dict[tuple[str, frozenset[str]], float]] = []
    by_world: list[dict[Trial, float]] = []
    for t in chain.steps:
        visited: dict[tuple[str, frozenset[str]], float] = defaultdict(float)
        joint: dict[Trial, float] = defaultdict(float)
        for (trial, seen), p in forward[t].items():
            if ahead[t][trial] > 0:
                visited[str(trial[place]), seen] += p * ahead[t][trial] / evidence
                joint[trial] += p * ahead[t][trial] / evidence
        by_visited.append(visited)
        by_world.append(joint)

    # P(a at t, b at t+1), pooled over the steps before the last.
    scenarios = chain.model.node(OUTCOME).states
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    for t in chain.steps[:-1]:
        for trial, p in by_world[t].items():
            for after, share in chain.successors(t + 1, trial).items():
                if after in ahead[t + 1]:
                    following = share * ahead[t + 1][after] / ahead[t][trial]
                    pairs[str(trial[place]), str(after[place])] += p * following
    occupied = {a: sum(pairs[a, b] for b in scenarios) for a in scenarios}

    def by_step(name: str) -> dict[str, list[float]]:
        at, node = chain.names.index(name), chain.model.node(name)
        if node.scale is not None:
            return {"mean": [sum(p * on_scale(trial[at]) for trial, p in law.items()) for law in by_world]}
        return {s: [sum(p for trial, p in law.items() if trial[at] == s) for law in by_world] for s in node.states}

    return Marginals(
        scenarios={name: visits_of({name}, by_visited) for name in scenarios},
        groups={name: visits_of(set(members), by_visited) for name, members in chain.model.groups.items()},
        transitions={
            a: {b: pairs[a, b] / occupied[a] for b in scenarios} if occupied[a] > 0 else None for a in scenarios
        },
        drivers={name: by_step(name) for name in chain.model.drivers},
        consequences={name: by_step(name) for name in chain.model.consequences},
    )


def on_scale(value: Value) -> float:
    """The value of a numeric node on its scale."""
    assert isinstance(value, Latent)
    return value.x
