"""Follows events along the steps: which trials still matter to which event, and what is left to ask of them.

Trials of which the same is left to ask share a *channel*, by method (36): an event needs as many of them as there are
different things that it may still be waiting for, and none before its first step and after its last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.program.events import All, Formula, Not, Some, Timed, Truth, timed_parts

TRUE = All(())
FALSE = Some(())
_OPPOSITES: dict[Formula, Formula] = {TRUE: FALSE, FALSE: TRUE}


@dataclass(frozen=True)
class FormulaState:
    """Trials of which the same is left to ask.

    Attributes:
        has_all_trials: whether all trials are in it.
        pending: the number of each event that has yet to be decided here, and what is left of it.
    """

    has_all_trials: bool
    pending: tuple[tuple[int, Formula], ...]


@dataclass
class ChannelSplit:
    """What becomes of some channels when predicates over the same variables are read.

    Attributes:
        channels: the channels afterwards.
        routes: for a channel before and one after, the states in which trials go from the one to the other:
            shape (size of each variable ...).
        decided: for a channel before and an event, the states in which the event has become certain: shape as in
            `routes`.
    """

    channels: list[FormulaState]
    routes: dict[tuple[int, int], Truth] = field(default_factory=dict)
    decided: dict[tuple[int, int], Truth] = field(default_factory=dict)

    @property
    def keeps_channels(self) -> bool:
        """Whether no trial changes its channel: trials are only forgotten."""
        return all(before == after for before, after in self.routes)


def initial_channels(events: Sequence[Formula], *, wants_all_trials: bool) -> tuple[list[FormulaState], list[int]]:
    """The one channel before the first step (none where nothing is pending), and the events that are certain at once.

    With `wants_all_trials`, the channel of all trials is wanted for itself.
    """
    simplified_events = [(number, simplify_formula(event)) for number, event in enumerate(events)]
    pending = tuple((number, event) for number, event in simplified_events if event not in (TRUE, FALSE))
    certain = [number for number, event in simplified_events if event == TRUE]
    return ([FormulaState(True, pending)] if wants_all_trials or pending else []), certain


def split_by_predicates(
    channels: Sequence[FormulaState], step: int, predicates: Mapping[Timed, Truth], *, wants_all_trials: bool
) -> ChannelSplit:
    """Read timed predicates at a step, from where each holds; `wants_all_trials` is as in `initial_channels`."""
    shape = np.broadcast_shapes(*(truth.shape for truth in predicates.values()))
    cases = cache(lambda parts: _truth_combinations({part: np.broadcast_to(predicates[part], shape) for part in parts}))
    result = ChannelSplit([])
    channel_numbers: dict[FormulaState, int] = {}

    def send(number: int, channel: FormulaState, where: Truth) -> None:
        if channel.pending or (channel.has_all_trials and wants_all_trials):
            _add_mask(result.routes, (number, channel_numbers.setdefault(channel, len(channel_numbers))), where)

    for number, channel in enumerate(channels):
        groups: dict[tuple[Timed, ...], list[tuple[int, Formula]]] = {}
        for event, remainder in channel.pending:
            parts_left = set(timed_parts(remainder))
            groups.setdefault(tuple(part for part in predicates if part in parts_left), []).append((event, remainder))
        send(number, FormulaState(channel.has_all_trials, tuple(groups.pop((), ()))), np.ones(shape, dtype=np.bool_))
        for parts_read, group in groups.items():
            for truths, where in cases(parts_read):
                after = [(event, progress_formula(remainder, truths, step)) for event, remainder in group]
                for event, remainder in after:
                    if remainder == TRUE:
                        _add_mask(result.decided, (number, event), where)
                undecided = tuple((event, remainder) for event, remainder in after if remainder not in (TRUE, FALSE))
                send(number, FormulaState(False, undecided), where)
    result.channels = list(channel_numbers)
    return result


_MOST_BITS = 31
"""Most predicates that are read before the states are numbered anew, so that the numbers fit 64 bits."""


def _truth_combinations(predicates: Mapping[Timed, Truth]) -> list[tuple[dict[Timed, bool], Truth]]:
    """Which of some predicates, all of one shape, hold together: every combination that occurs, and where it does."""
    shape = next(iter(predicates.values())).shape
    codes = np.zeros(math.prod(shape), dtype=np.int64)
    for number, truth in enumerate(predicates.values()):
        if number % _MOST_BITS == _MOST_BITS - 1:
            codes = np.unique(codes, return_inverse=True)[1]
        codes = 2 * codes + truth.ravel()
    kinds, first, kind = np.unique(codes, return_index=True, return_inverse=True)
    truths_by_kind = {part: truth.ravel()[first].tolist() for part, truth in predicates.items()}
    return [
        ({part: truths[number] for part, truths in truths_by_kind.items()}, (kind == number).reshape(shape))
        for number in range(len(kinds))
    ]


def _add_mask(table: dict[tuple[int, int], Truth], key: tuple[int, int], where: Truth) -> None:
    table[key] = table[key] | where if key in table else where


def progress_formula(formula: Formula, truths: Mapping[Timed, bool], step: int) -> Formula:
    """The part of an event that is undecided once some of its predicates have been read at a step."""

    def progress_part(part: Formula) -> Formula:
        if not isinstance(part, Timed) or part not in truths:
            return part
        holds, last = truths[part], step == part.steps[-1]
        if part.mode == "always":
            return FALSE if not holds else TRUE if last else part
        return TRUE if holds else FALSE if last else part

    return _rebuild_formula(formula, progress_part)


def simplify_formula(formula: Formula) -> Formula:
    """An event without constants, empty ranges and nested joints of the same kind."""

    def replace_empty_range(part: Formula) -> Formula:
        if isinstance(part, Timed) and not part.steps:
            return TRUE if part.mode == "always" else FALSE
        return part

    return _rebuild_formula(formula, replace_empty_range)


def _rebuild_formula(formula: Formula, leaf: Callable[[Formula], Formula]) -> Formula:
    """A formula with other leaves, simplified."""
    match formula:
        case Not(part):
            inner = _rebuild_formula(part, leaf)
            return inner.part if isinstance(inner, Not) else _OPPOSITES.get(inner, Not(inner))
        case All(parts) | Some(parts):
            return _join([_rebuild_formula(part, leaf) for part in parts], type(formula))
    return leaf(formula)


def _join(parts: Sequence[Formula], kind: type[All | Some]) -> Formula:
    """All or some of several parts: nested ones opened up, each once, without constants."""
    neutral, absorbing = (TRUE, FALSE) if kind is All else (FALSE, TRUE)
    distinct_parts: dict[Formula, None] = {}
    for part in parts:
        if part == absorbing:
            return absorbing
        distinct_parts.update(dict.fromkeys(part.parts if isinstance(part, kind) else [part]))
    remaining = [part for part in distinct_parts if part != neutral]
    return remaining[0] if len(remaining) == 1 else kind(tuple(remaining))
