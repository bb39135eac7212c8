"""Priors, initial shares, persistence, scales: numbers that must make sense together."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.limits import (
    LARGEST_NUMBER,
    LARGEST_ODDS,
    LARGEST_POINTS,
    LARGEST_SPREAD,
    LARGEST_TABLE,
    LARGEST_WEIGHT,
    LEAST_RANGE,
    NARROWEST_RANGE,
)
from usru_scenarios.model.judgements import judgements
from usru_scenarios.model.schema import Categorical, Numeric, State
from usru_scenarios.model.values import Distribution, Judgement
from usru_scenarios.names import DIRICHLET, OUTCOME
from usru_scenarios.problems import quote_first, suggest_name
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.schema_paths import describe_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from usru_scenarios.model.schema import Condition, PriorRow
    from usru_scenarios.model.values import Shares
    from usru_scenarios.names import KeyPath

_MOST_USUAL_POINTS = 3
"""The practitioners' scale goes from -3 to +3."""

_SUM_TOLERANCE = 0.005 + 1e-9
"""By so much chances may miss 1, for they are rounded."""

_MOST_CELLS = 50_000
"""So many combinations of parents are looked at before the search for an uncovered one is given up."""


def check_priors(context: Context) -> Iterator[Finding]:
    """All states of a node have a prior or none has, and one of them is above 0."""
    for name, path, node in context.categorical_nodes():
        if isinstance(node, Categorical):
            given = {state: part.prior for state, part in node.states.items()}
            yield from _check_all_or_none(given, (*path, "states"), "prior", f"state of '{name}'")
            if node.prior is not None and None in given.values():
                yield _nothing_to_draw_around((*path, "prior"), f"the states of '{name}' have no priors", "a prior")


def check_baselines(context: Context) -> Iterator[Finding]:
    """All scenarios have a baseline or none has, and one of them is above 0."""
    given = {name: scenario.baseline for name, scenario in context.model.scenarios.items()}
    if context.scenarios:
        yield from _check_all_or_none(given, ("scenarios",), "baseline", "scenario")
    if context.model.outcome.prior is not None and None in given.values():
        yield _nothing_to_draw_around(("outcome", "prior"), "the scenarios have no baselines", "a baseline")


def _nothing_to_draw_around(path: KeyPath, lack: str, wanted: str) -> Finding:
    message = f"a Dirichlet distribution is drawn around values, and {lack}"
    return Finding("nothing_to_doubt", message, path, f"give each of them {wanted}, equal ones if you like")


def _check_all_or_none(
    given: Mapping[str, Judgement | None], path: KeyPath, field: str, noun: str
) -> Iterator[Finding]:
    without = [name for name, share in given.items() if share is None]
    if without and len(without) < len(given):
        names = quote_first(without)
        message = f"no {field} for {names}, while another {noun} has one"
        hint = f"give a {field} to all or to none; 0 for what is never drawn"
        yield Finding(f"missing_{field}", message, (*path, without[0]), hint)
    elif given and not without and all(share is not None and share.mean == 0 for share in given.values()):
        owner = "the scenarios" if path == ("scenarios",) else f"'{path[1]}'"
        yield Finding("all_zero", f"every {field} of {owner} is 0, so nothing could be drawn", path)


def check_share_maps(context: Context) -> Iterator[Finding]:
    """A map of shares has one above 0."""
    for path, shares in _share_maps(context):
        if DIRICHLET in shares and shares[DIRICHLET].span[0] <= 0:
            message = "a strength must be above 0: as if so many cases had been seen"
            yield Finding("strength_not_positive", message, (*path, DIRICHLET), of_key=False)
        if all(share.mean == 0 for name, share in shares.items() if name != DIRICHLET):
            yield Finding("all_zero", f"every share in {describe_place(path)} is 0, so nothing could be drawn", path)


def check_sums(context: Context) -> Iterator[Finding]:
    """What looks like chances sums to 1: relative odds may sum to anything, but these are mostly a slip."""
    anchor = context.model.anchor
    anchored = [(("anchor", "shares"), anchor.shares)] if anchor is not None else []
    for path, shares in (*_own_shares(context), *_share_maps(context), *anchored):
        means = [share.mean for name, share in shares.items() if name != DIRICHLET]
        total = math.fsum(means)
        if max(means, default=0.0) <= 1 and 0.4 <= total <= 1.6 and abs(total - 1) > _SUM_TOLERANCE:
            what = _describe_shares(path)
            message = f"{what} look like chances and sum to {total:.4g}, not to 1"
            many = f"{{count}} maps of shares look like chances and do not sum to 1: {what} sum to {total:.4g}"
            hint = "relative odds are normalised; if these are chances, one of them is amiss"
            key = {"states": "prior", "scenarios": "baseline"}.get(str(path[-1]), "value")
            joint_paths = tuple((*path, name, key) for name in shares)
            yield Finding(
                "shares_off_one", message, path, hint, severity="warning", plural_message=many, joint_paths=joint_paths
            )


def _own_shares(context: Context) -> Iterator[tuple[KeyPath, Mapping[str, Judgement]]]:
    """The priors of states and the baselines of scenarios, where all are given."""
    for _, path, node in context.categorical_nodes():
        parts = node.states if isinstance(node, Categorical) else context.model.scenarios
        own = [part.prior if isinstance(part, State) else part.baseline for part in parts.values()]
        given = {name: share for name, share in zip(parts, own, strict=True) if share is not None}
        if given and len(given) == len(parts):
            yield (*path, "states") if isinstance(node, Categorical) else ("scenarios",), given


def _describe_shares(path: KeyPath) -> str:
    if path == ("scenarios",):
        return "the baselines"
    if path[0] == "anchor":
        return "the shares of the anchor"
    return f"the priors of '{path[1]}'" if path[-1] == "states" else f"the shares in {describe_place(path)}"


def _share_maps(context: Context) -> Iterator[tuple[KeyPath, Shares]]:
    for _, path, node in context.categorical_nodes():
        if node.initial is not None:
            yield (*path, "initial"), node.initial
        for key, event in node.events.items():
            if event.prior is not None:
                yield (*path, "events", key, "prior"), event.prior
        if isinstance(node, Categorical):
            for key, row in node.prior_given.items():
                yield (*path, "prior_given", key, "prior"), row.prior


def check_persistence(context: Context) -> Iterator[Finding]:
    """A persistence by state names every state or has a default."""
    for name, path, node in context.categorical_nodes():
        by_state = node.persistence.by_state if node.persistence else None
        if by_state is None or "default" in by_state:
            continue
        states = context.states(name) or ()
        missing = [state for state in states if state not in by_state]
        if len(missing) > sum(state not in states for state in by_state):  # else each is one of these, misspelt
            whose = "the outcome" if name == OUTCOME else f"'{name}'"
            message = f"no persistence for {quote_first(missing)} of {whose}"
            hint = "name every state, or add a default"
            yield Finding("incomplete_persistence", message, (*path, "persistence"), hint)


def check_anchor_shares(context: Context) -> Iterator[Finding]:
    """An anchor names every scenario, with shares above 0."""
    if context.model.anchor is None:
        return
    path: KeyPath = ("anchor", "shares")
    shares = context.model.anchor.shares
    for name, share in shares.items():
        if name not in context.scenarios and context.scenarios:
            message, hint = f"unknown scenario '{name}' in shares of the anchor", suggest_name(name, context.scenarios)
            yield Finding("unknown_scenario", message, (*path, name), hint, unknown_name=(OUTCOME, name))
        elif share.mean <= 0:
            yield Finding(
                "anchor_not_positive", f"the anchor's share of '{name}' must be above 0", (*path, name), of_key=False
            )
    missing = [name for name in context.scenarios if name not in shares]
    if len(missing) > sum(name not in context.scenarios for name in shares):  # likewise
        names = quote_first(missing)
        yield Finding("incomplete_anchor", f"the anchor has no share for {names}", path, "it names every scenario")


# Numeric drivers


def check_scales(context: Context) -> Iterator[Finding]:
    """A numeric node's range rises, and its distribution and its initial value lie on it."""
    for name, path, node in context.nodes:
        if not isinstance(node, Numeric):
            continue
        low, high = node.range
        if not low < high:
            message = f"the range of '{name}' must rise, and this goes from {low:g} to {high:g}"
            yield Finding("range_not_rising", message, (*path, "range"), of_key=False)
        elif high - low < max(LEAST_RANGE, NARROWEST_RANGE * max(abs(low), abs(high))):
            message = f"the range of '{name}' is too narrow for numbers in it to be distinct"
            yield Finding("range_too_narrow", message, (*path, "range"), of_key=False)
        else:
            yield from _check_on_scale(node, path, low, high)


def _check_on_scale(node: Numeric, path: KeyPath, low: float, high: float) -> Iterator[Finding]:
    scale = f"the range {low:g} to {high:g}"
    if node.distribution is not None and not _is_within(node.distribution, low, high):
        reaches = node.distribution.family_definition.is_between
        message = f"the distribution {'reaches outside' if reaches else 'has next to nothing on'} {scale}"
        yield Finding("distribution_off_range", message, (*path, "distribution"), of_key=False)
    elif node.distribution is not None and _is_point(node.distribution):
        message = f"the distribution leaves one value only, {node.distribution.mean:g}: a numeric node must vary"
        hint = "give it room, or make it a categorical node of one state"
        yield Finding("distribution_without_spread", message, (*path, "distribution"), hint, of_key=False)
    if node.initial is not None:
        least, most = node.initial.span
        inner_low, inner_high = _ends_of(node.distribution, low, high)
        if not low < least <= most < high:
            message = f"the initial value must lie strictly inside {scale}"
            yield Finding("initial_off_range", message, (*path, "initial"), of_key=False)
        elif low <= inner_low < inner_high <= high and not inner_low < least <= most < inner_high:
            message = f"the initial value must lie strictly inside the distribution, {inner_low:g} to {inner_high:g}"
            yield Finding("initial_off_range", message, (*path, "initial"), of_key=False)


def _is_point(distribution: Distribution) -> bool:
    """Whether both ends are the same number, for certain or at their means."""
    return (
        distribution.family_definition.is_between
        and distribution.parameters[0].mean == distribution.parameters[-1].mean
    )


def _is_within(distribution: Distribution, low: float, high: float) -> bool:
    means = [parameter.mean for parameter in distribution.parameters]
    return distribution.family_definition.is_within(means, distribution.span, (low, high))


def _ends_of(distribution: Distribution | None, low: float, high: float) -> tuple[float, float]:
    """The ends between which a node's own distribution lies."""
    if distribution is None or not distribution.family_definition.is_between:
        return low, high
    return distribution.span


def check_magnitudes(context: Context) -> Iterator[Finding]:
    """Points stay on the scale, and no number is so large that the arithmetic would break."""
    limits = {
        "points": LARGEST_POINTS,
        "weight": LARGEST_WEIGHT,
        "odds_per_point": LARGEST_ODDS,
        "sd_per_point": LARGEST_SPREAD,
    }
    for judged in judgements(context.model):
        if not isinstance(judged.judgement, Judgement):
            continue
        low, high = judged.judgement.bounds
        size = abs(judged.judgement.mean) if math.isinf(low) or math.isinf(high) else max(abs(low), abs(high))
        limit = limits.get(judged.role, LARGEST_NUMBER)
        if size > limit:
            message = f"{size:g} is more than a number here can be, which is {limit:g}"
            yield Finding("number_too_large", message, judged.path, of_key=False)
        elif judged.role == "points" and size > _MOST_USUAL_POINTS:
            ends = [end for end in (low, high, judged.judgement.mean) if math.isfinite(end)]
            message = f"{max(ends, key=abs):g} points lie off the scale, which goes from -3 to +3"
            many = "{count} points lie off the scale, which goes from -3 to +3"
            yield Finding(
                "points_off_scale", message, judged.path, of_key=False, severity="warning", plural_message=many
            )


# Priors given parents


def check_coverage(context: Context) -> Iterator[Finding]:
    """Every combination of parents meets a row of `prior_given`, or the states have priors of their own."""
    for name, path, node in context.categorical_nodes():
        if not isinstance(node, Categorical) or not node.prior_given:
            continue
        if any(state.prior is not None for state in node.states.values()):
            continue
        place = (*path, "prior_given")
        cells = _cells(context, node.prior_given.values())
        if cells is None or len((context.written_node(name) or {})["prior_given"]) > len(node.prior_given):
            continue
        search = _CoverageSearch(cells, [_matching_cells(row, cells) for row in node.prior_given.values()])
        if (hole := search.uncovered()) is not None:
            where = ", ".join(f"{parent} {cells[parent][cell].description}" for parent, cell in hole.items())
            message = f"no row of prior_given covers {where}, and the states of '{name}' have no prior of their own"
            yield Finding("uncovered_prior", message, place, "add a row for it, or priors to the states")
        elif search.given_up:
            message = f"the parents of '{name}' have too many combinations to see whether its rows cover them all"
            yield Finding("coverage_unknown", message, place, "give the states priors of their own", severity="warning")


def check_case_count(context: Context) -> Iterator[Finding]:
    """Where rows of `prior_given` ask about very many combinations of parents, few cases have to be told apart."""
    for name, path, node in context.categorical_nodes():
        if not isinstance(node, Categorical) or not node.prior_given:
            continue
        rows = node.prior_given.values()
        cells = _cells(context, rows)
        if cells is None or math.prod(map(len, cells.values())) * len(node.states) <= LARGEST_TABLE:
            continue
        if not _has_few_cases(cells, rows):
            message = f"the parents of '{name}' have too many combinations, and its rows too many cases, to follow"
            hint = "let the rows ask about fewer parents, or write it as points: influences and rules"
            yield Finding("too_many_conditions", message, (*path, "prior_given"), hint)


def _has_few_cases(cells: dict[str, list[_ParentCell]], rows: Iterable[PriorRow]) -> bool:
    import numpy as np

    from usru_scenarios.program.auxiliary import TooManyCasesError, first_row_chain

    parents = sorted(cells)
    asked = [
        {
            parents.index(parent): np.array([cell.meets(condition) for cell in cells[parent]])
            for parent, condition in row.when.items()
        }
        for row in rows
    ]
    try:
        first_row_chain([len(cells[parent]) for parent in parents], asked)
    except TooManyCasesError:
        return False
    return True


class _ParentCell(NamedTuple):
    """A state of a parent, or a part of a numeric parent's scale on which no comparison changes."""

    description: str
    state: str = ""
    value: float = 0.0

    def meets(self, condition: Condition) -> bool:
        if condition.comparison is None:
            return self.state in condition.states
        return condition.holds(self.value)


_StatesByParent = dict[str, frozenset[int]]
"""For each parent that a row asks about, the numbers of its cells that meet the row."""


def _cells(context: Context, rows: Iterable[PriorRow]) -> dict[str, list[_ParentCell]] | None:
    """The cells of every parent; None where a name or a kind is at fault, which is told elsewhere."""
    conditions: dict[str, list[Condition]] = {}
    for row in rows:
        for parent, condition in row.when.items():
            conditions.setdefault(parent, []).append(condition)
    cells: dict[str, list[_ParentCell]] = {}
    for parent, asked in conditions.items():
        numeric = context.is_numeric(parent)
        scale, states = context.scale(parent), context.states(parent)
        if any((condition.comparison is not None) != numeric for condition in asked) or not (scale or states):
            return None
        cells[parent] = (
            _cells_of_scale(scale, asked) if scale else [_ParentCell(f"= {state}", state) for state in states or ()]
        )
    return cells


def _cells_of_scale(scale: tuple[float, float], asked: list[Condition]) -> list[_ParentCell]:
    low, high = scale
    edges = sorted({low, high, *(edge for _, edge in (one.bound() for one in asked) if low < edge < high)})
    middles = [
        _ParentCell(f"between {left:g} and {right:g}", value=(left + right) / 2) for left, right in pairwise(edges)
    ]
    return [*middles, *(_ParentCell(f"= {edge:g}", value=edge) for edge in edges)]


def _matching_cells(row: PriorRow, cells: dict[str, list[_ParentCell]]) -> _StatesByParent:
    return {
        parent: frozenset(number for number, cell in enumerate(cells[parent]) if cell.meets(condition))
        for parent, condition in row.when.items()
    }


class _CoverageSearch:
    """Looks for a combination of parents' cells that no row covers, parent by parent, leaving out what is settled."""

    def __init__(self, cells: dict[str, list[_ParentCell]], rows: list[_StatesByParent]) -> None:
        self.cells = cells
        self.rows = rows
        self.steps = 0

    @property
    def given_up(self) -> bool:
        """Whether the search has taken so many steps that it was stopped."""
        return self.steps > _MOST_CELLS

    def uncovered(self) -> dict[str, int] | None:
        """The first uncovered combination, as the number of a cell for each parent that matters to it."""
        return self._below(self.rows, [*self.cells])

    def _below(self, rows: list[_StatesByParent], parents: list[str]) -> dict[str, int] | None:
        if any(not row for row in rows):
            return None
        if not rows:
            return {}
        parent, *others = parents
        for number in range(len(self.cells[parent])):
            self.steps += 1 + len(rows) // 100
            if self.given_up:
                return None
            left = [
                {other: numbers for other, numbers in row.items() if other != parent}
                for row in rows
                if parent not in row or number in row[parent]
            ]
            if (combination := self._below(left, others)) is not None:
                return {parent: number, **combination}
        return None
