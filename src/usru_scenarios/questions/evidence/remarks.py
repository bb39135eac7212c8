"""What is odd about an evidence file: items that tell nothing or contradict one another, days, another model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, to_printable
from usru_scenarios.program.events import Formula, InStates, Timed, conjuncts
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.reading.evidence import EvidenceText
from usru_scenarios.reading.files import absolute_path
from usru_scenarios.reading.pydantic_errors import locate

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.names import KeyPath
    from usru_scenarios.questions.evidence.items import Hint, LearnedItem

NEGLIGIBLE_RATIO = 1.05
"""An item that is at most so many times as likely in one state as in another tells next to nothing."""

TELLING_RATIO = 1.5
"""An item speaks for a state against another where it is at least so many times as likely in it."""


_BOTH_ACT_HINT = "both act; 'independence' lets one of them count alone"


def check_model_name(
    text: EvidenceText, name: str, path: Path | None, inputs: Callable[[], Collection[str]]
) -> Iterator[Problem]:
    """Warn if the file names another model than the one that is asked, which does not extend it either.

    The model that is asked has a name, perhaps a path, and `inputs`, the absolute paths of all files it was read from.
    """
    if not text.file.model or (path is not None and absolute_path(path) == text.model_path):
        return
    known = text.model_name
    if known == name or text.model_path in inputs():
        return
    named = to_printable(text.file.model)
    message = f"this is about {known}" if known else f"this names the model {named}, which can't be read"
    hint = "what was seen is held against the model that is asked"
    yield _warning("other_model", f"{message}, and {name} is asked", text, ("model",), hint)


def remarks(
    text: EvidenceText, items: Sequence[LearnedItem], facts: Mapping[str, Formula], program: Program, day: str
) -> Iterator[Problem]:
    """What is odd about the items that act, in the order in which they were learned, and about the day.

    `facts` are the events that are observed, by the ids of items.
    """
    yield from _check_days(text, items, program, day)
    for item in items:
        if item.hints and item.log_spread <= math.log(NEGLIGIBLE_RATIO):
            yield _warning("tells_nothing", f"{item.name} {_describe_spread(item)}", text, ("evidence", item.name))
    for one, other in combinations(items, 2):
        if what := _find_contradiction(one, other, facts, program):
            message = f"{one.name} and {other.name} contradict each other: {what}"
            yield _warning("contradiction", message, text, ("evidence", other.name), _BOTH_ACT_HINT)
        if what := _find_shared_sign(one, other, program):
            message = f"{one.name} and {other.name} both say that no sign of {what} was found, which counts twice"
            yield _warning("counted_twice", message, text, ("evidence", other.name), _BOTH_ACT_HINT)


def _check_days(text: EvidenceText, items: Sequence[LearnedItem], program: Program, day: str) -> Iterator[Problem]:
    """Days far beyond the model, which a slip of the hand may have made; how things ended is known later."""
    grid = program.grid
    first, last = grid.first_day(0), grid.last_day(grid.count - 1)
    if first is None or last is None:
        return
    late = f"{int(last[:4]) + 1:04d}{last[4:]}"
    if day > late:
        message = f"{day} is long after the last step of the model, {grid.labels[-1]}, at which the forecast is read"
        yield _warning("beyond_the_model", message, text, ("as_of",))
    elif day < first:
        message = f"{day} is before the first step of the model, {grid.labels[0]}: the forecast is read from that on"
        yield _warning("beyond_the_model", message, text, ("as_of",))
    for item in items:
        if item.learned > late:
            message = (
                f"{item.name} was learned on {item.learned}, long after the model ends on {last}: is the year right?"
            )
            yield _warning("beyond_the_model", message, text, ("evidence", item.name, "learned"))


def _describe_spread(item: LearnedItem) -> str:
    if not item.log_spread:
        return "tells nothing: it is as likely in each state"
    ratio = math.exp(item.log_spread)
    return f"tells next to nothing: it is at most {ratio:.3g} times as likely in one state as in another"


def _find_contradiction(first: LearnedItem, second: LearnedItem, facts: Mapping[str, Formula], program: Program) -> str:
    """The first contradiction between two items; empty where there is none."""
    first_fact, second_fact = facts.get(first.name), facts.get(second.name)
    contradictions = (
        *(_compare_hints(hint, other, program) for hint in first.hints for other in second.hints),
        *(_compare_fact_with_hint(first_fact, hint, program) for hint in second.hints),
        *(_compare_fact_with_hint(second_fact, hint, program) for hint in first.hints),
        _compare_facts(first_fact, second_fact, program),
    )
    return next(filter(None, contradictions), "")


def _compare_facts(first: Formula | None, second: Formula | None, program: Program) -> str:
    """The contradiction of two facts of which one says that a node is in other states at a step than the other says."""
    for name, steps, states in _known_states(first, program):
        for node, other_steps, other_states in _known_states(second, program):
            common = [step for step in steps if step in other_steps]
            if common and name == node and not states & other_states:
                listed, others_listed = (" or ".join(sorted(each)) for each in (states, other_states))
                return f"of {name} @ {program.grid.labels[common[0]]} one says {listed}, the other {others_listed}"
    return ""


def _known_states(fact: Formula | None, program: Program) -> Iterator[tuple[str, range, set[str]]]:
    """The nodes that a fact says to be in one of some states at each of some steps."""
    for part in () if fact is None else conjuncts(fact):
        if isinstance(part, Timed) and part.mode != "ever" and isinstance(part.predicate, InStates):
            node = program.nodes.get(part.predicate.node)
            if isinstance(node, CategoricalNode):
                yield node.name, part.steps, {node.states[state] for state in part.predicate.states}


def _find_shared_sign(one: LearnedItem, other: LearnedItem, program: Program) -> str:
    """A state and a step at which neither of two items found a sign of it; empty where there is none."""
    for first, second in ((first, second) for first in one.hints for second in other.hints):
        if first.is_found is False and second.is_found is False and (steps := _common_steps(first, second)):
            common_states = [state for state in first.sought_states if state in second.sought_states]
            if common_states:
                where = "" if first.node == OUTCOME else f"{first.node}."
                return f"{where}{common_states[0]} @ {program.grid.labels[steps[0]]}"
    return ""


def _common_steps(first: Hint, second: Hint) -> range:
    """The steps that two hints are both about; none where they are about different nodes."""
    if first.node != second.node:
        return range(0)
    return range(max(first.steps[0], second.steps[0]), min(first.steps[-1], second.steps[-1]) + 1)


def _compare_hints(first: Hint, second: Hint, program: Program) -> str:
    """The contradiction of two hints of which each speaks most for what the other speaks most against."""
    steps = _common_steps(first, second)
    (least, most), (other_least, other_most) = _extreme_states(first), _extreme_states(second)
    if steps and most and other_most and most <= other_least and other_most <= least:
        for_one, for_other = (" or ".join(sorted(states)) for states in (most, other_most))
        return f"of {first.node} @ {program.grid.labels[steps[0]]} one speaks for {for_one}, the other for {for_other}"
    return ""


def _compare_fact_with_hint(fact: Formula | None, hint: Hint, program: Program) -> str:
    """The contradiction of a fact and a hint that speaks most against it."""
    for node, known, states in _known_states(fact, program):
        steps = [step for step in known if step in hint.steps]
        least, _ = _extreme_states(hint)
        if node == hint.node and steps and least and states <= least:
            at = program.grid.labels[steps[0]]
            return f"it is a fact that {node} is {' or '.join(sorted(states))} @ {at}, and a hint speaks against it"
    return ""


def _extreme_states(hint: Hint) -> tuple[set[str], set[str]]:
    """The states in which a hint is least and most likely; none where it hardly tells them apart."""
    likelihoods, (least, most) = hint.mean_likelihoods, hint.likelihood_range
    if most < TELLING_RATIO * least:
        return set(), set()
    least_likely = {state for state, likelihood in likelihoods.items() if likelihood == least}
    return least_likely, {state for state, likelihood in likelihoods.items() if likelihood == most}


def _warning(code: str, message: str, text: EvidenceText, path: KeyPath, hint: str = "") -> Problem:
    place, _ = locate(text.tree.place, path)
    span = place.key_span() if len(path) == 2 else place.span()
    return Problem(code, message, span, hint, severity="warning")
