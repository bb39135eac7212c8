"""What has been seen already of the states that are to be watched: the facts, hints and signs that are given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.events import COMPARISONS, All, Compared, Formula, InStates, Not, Some, Timed
from usru_scenarios.questions.discretization import Discretization
from usru_scenarios.questions.evidence.items import Hint, LearnedItem
from usru_scenarios.results.watch import KnownAlready, KnownVerdict

KnownByState = dict[tuple[str, str], list[KnownAlready]]
"""By node and state."""


def known_by_state(
    conditioned: Conditioned, items: Iterable[LearnedItem], discretizations: Iterable[Discretization]
) -> KnownByState:
    """What is known of each state already, in the order in which it is given, alone or by items of an evidence file."""
    readings = {reading.node: reading for reading in discretizations}
    labels, known_by = conditioned.program.grid.labels, KnownByState()
    hints = {item.name: item.hints for item in items if item.hints}
    learned = {item.name: item.learned for item in items}
    for observation in conditioned.observations:
        name = observation.item
        if name in hints:
            statements = chain.from_iterable(_known_from_hint(hint, labels, readings) for hint in hints[name])
        else:
            statements = chain(_known_from_fact(observation.event, labels, readings))
        for node, state, verdict, at in statements:
            known = KnownAlready(name or None, learned.get(name), verdict, at)
            if known not in known_by.setdefault((node, state), []):
                known_by[node, state].append(known)
    return known_by


_Readings = dict[str, Discretization]
"""By node."""

_StateKnown = tuple[str, str, KnownVerdict, str]
"""A node, its state, what is said of the state, and when."""


def _known_from_hint(hint: Hint, labels: tuple[str, ...], readings: _Readings) -> Iterator[_StateKnown]:
    """Of signs, the states that they are of; of ratios, the states that fit them best and least."""
    if hint.node not in readings:
        return
    time = _describe_steps(hint.steps, labels)
    if hint.is_found is not None:
        yield from ((hint.node, state, "found" if hint.is_found else "not_found", time) for state in hint.sought_states)
        return
    least, most = hint.likelihood_range
    for state, likelihood in hint.mean_likelihoods.items():
        if least < most and likelihood in (least, most):
            yield hint.node, state, "for" if likelihood == most else "against", time


def _known_from_fact(event: Formula, labels: tuple[str, ...], readings: _Readings) -> Iterator[_StateKnown]:
    for atom, timed, is_true, is_only in _atoms_of_fact(event, None, is_true=True, is_only=True):
        reading = readings.get(atom.node)
        if reading is None or not (is_true or is_only):
            continue  # the outcome is not watched; and who says that one of two did not happen rules neither out
        states = [state for code, state in enumerate(reading.states) if _may_be_in_state(atom, reading, code)]
        verdict: KnownVerdict = "ruled_out" if not is_true else "seen" if is_only and len(states) == 1 else "either"
        mode = "" if timed.mode == "at" else f"{timed.mode} "
        yield from ((atom.node, state, verdict, f"{mode}{_describe_steps(timed.steps, labels)}") for state in states)


def _atoms_of_fact(
    formula: Formula, timed: Timed | None, *, is_true: bool, is_only: bool
) -> Iterator[tuple[InStates | Compared, Timed, bool, bool]]:
    """The atoms of a fact with their time, whether they hold or do not, and whether no other could hold instead."""
    match formula:
        case InStates() | Compared():
            assert timed is not None
            yield formula, timed, is_true, is_only
        case Timed(predicate=part):
            yield from _atoms_of_fact(part, formula, is_true=is_true, is_only=is_only)
        case Not(part):
            yield from _atoms_of_fact(part, timed, is_true=not is_true, is_only=is_only)
        case All(parts) | Some(parts):
            still_only = len(parts) == 1 or isinstance(formula, All) == is_true
            for part in parts:
                yield from _atoms_of_fact(part, timed, is_true=is_true, is_only=is_only and still_only)


def _may_be_in_state(atom: InStates | Compared, reading: Discretization, code: int) -> bool:
    """Whether a node that an atom is true of may be in a state; of a number, whether some of its values are there."""
    if isinstance(atom, InStates):
        return code in atom.states
    bounds = (-math.inf, *reading.edges, math.inf)
    return bool(COMPARISONS[atom.sign](bounds[code + (">" in atom.sign)], atom.value))


def _describe_steps(steps: range, labels: tuple[str, ...]) -> str:
    first, last = labels[steps[0]], labels[steps[-1]]
    return first if first == last else f"{first}..{last}"
