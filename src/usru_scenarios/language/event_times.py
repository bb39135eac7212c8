"""Gives a time to what has none in a formula, so that it becomes an event on paths."""

from __future__ import annotations

from typing import Literal

from usru_scenarios.program.events import All, Formula, Not, Some, Timed

Binding = Literal["at", "ever", "always"]
_OPPOSITE: dict[Binding, Binding] = {"at": "at", "ever": "always", "always": "ever"}


def is_event(formula: Formula) -> bool:
    """Whether all atoms have a time."""
    return _are_all(formula, timed=True)


def is_predicate(formula: Formula) -> bool:
    """Whether no atom has a time."""
    return _are_all(formula, timed=False)


def _are_all(formula: Formula, *, timed: bool) -> bool:
    match formula:
        case Timed():
            return timed
        case Not(part):
            return _are_all(part, timed=timed)
        case All(parts) | Some(parts):
            return all(_are_all(part, timed=timed) for part in parts)
    return not timed


def join_parts(kind: type[All | Some], parts: list[Formula]) -> Formula:
    """All parts or some of them, those of parts that are of the same kind themselves among them."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


class MixedTimesError(ValueError):
    """No formula of this kind says `ever` or `always` of this mixture of parts with and without a time."""


def bind_time(formula: Formula, mode: Binding, steps: range) -> Formula:
    """The formula with a time for all atoms that have none.

    Parts with a time are constants of the path, so they can be taken out of `ever (fixed and free)`, and `ever` can be
    divided among the alternatives of an `or`; the same, the other way round, for `always`.

    Raises:
        MixedTimesError: that does not help; never where the mode is `at`.
    """
    if is_event(formula):
        return formula
    if is_predicate(formula):
        return Timed(mode, steps, formula)
    match formula:
        case Not(part):
            return Not(bind_time(part, _OPPOSITE[mode], steps))
        case All(parts) | Some(parts):
            kind = type(formula)
            if mode == ("ever" if kind is All else "always"):
                return join_parts(kind, _group_untimed(kind, parts, mode, steps))
            return join_parts(kind, [bind_time(part, mode, steps) for part in parts])
    raise AssertionError(formula)


def _group_untimed(kind: type[All | Some], parts: tuple[Formula, ...], mode: Binding, steps: range) -> list[Formula]:
    """The parts that have a time, and then those that have none under one time, since they go together."""
    fixed = [part for part in parts if is_event(part)]
    free = [part for part in parts if not is_event(part)]
    if len(free) > 1 and not all(is_predicate(part) for part in free):
        raise MixedTimesError
    return [*fixed, bind_time(join_parts(kind, free), mode, steps)]
