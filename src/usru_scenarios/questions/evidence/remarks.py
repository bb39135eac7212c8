"""What is odd about an evidence file: items that tell nothing or contradict one another, days, another model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, printable
from usru_scenarios.program.events import Formula, InStates, Timed, conjuncts
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.reading.evidence import EvidenceText
from usru_scenarios.reading.files import absolute_path
from usru_scenarios.reading.pydantic_errors import locate

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.names import KeyPath
    from usru_scenarios.questions.evidence.items import Hint, LearnedItem

NEXT_TO_NOTHING = 1.05
"""An item that is at most so many times as likely in one state as in another tells next to nothing."""

SPEAKS = 1.5
"""An item speaks for a state against another where it is at least so many times as likely in it."""


_BOTH = "both act; 'independence' lets one of them count alone"


def about_another_model(
    text: EvidenceText, name: str, path: Path | None, inputs: Callable[[], Collection[str]]
) -> Iterator[Problem]:
    """Whether the file names another model than the one that is asked, which does not extend it either.

    The model that is asked has a name, perhaps a path, and `inputs`, the absolute paths of all files it was read from.
    """
    if not text.file.model or (path is not None and absolute_path(path) == text.model_path):
        return
    known = text.model_name
    if known == name or text.model_path in inputs():
        return
    said = printable(text.file.model)
    message = f"this is about {known}" if known else f"this names the model {said}, which can't be read"
    hint = "what was seen is held against the model that is asked"
    yield _warning("other_model", f"{message}, and {name} is asked", text, ("model",), hint)


def remarks(
    text: EvidenceText, items: Sequence[LearnedItem], facts: Mapping[str, Formula], program: Program, day: str
) -> Iterator[Problem]:
    """What is odd about the items that act, in the order in which they were learned, and about the day.

    `facts` are the events that are observed, by the ids of items.
    """
    yield from _days(text, items, program, day)
    for item in items:
        if item.hints and item.spread <= math.log(NEXT_TO_NOTHING):
            yield _warning("tells_nothing", f"{item.name} {_little(item)}", text, ("evidence", item.name))
    for one, other in combinations(items, 2):
        if what := _against(one, other, facts, program):
            message = f"{one.name} and {other.name} contradict each other: {what}"
            yield _warning("contradiction", message, text, ("evidence", other.name), _BOTH)
        if what := _twice(one, other, program):
            message = f"{one.name} and {other.name} both say that no sign of {what} was found, which counts twice"
            yield _warning("counted_twice", message, text, ("evidence", other.name), _BOTH)


def _days(text: EvidenceText, items: Sequence[LearnedItem], program: Program, day: str) -> Iterator[Problem]:
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


def _little(item: LearnedItem) -> str:
    if not item.spread:
        return "tells nothing: it is as likely in each state"
    return (
        f"tells next to nothing: it is at most {math.exp(item.spread):.3g} times as likely in one state as in another"
    )


def _against(one: LearnedItem, other: LearnedItem, facts: Mapping[str, Formula], program: Program) -> str:
    """What two items say against each other; nothing where they do not."""
    for hint in one.hints:
        if what := next((said for second in other.hints if (said := _opposed(hint, second, program))), ""):
            return what
    for fact, hints in ((facts.get(one.name), other.hints), (facts.get(other.name), one.hints)):
        if fact is not None and (what := next((said for hint in hints if (said := _denied(fact, hint, program))), "")):
            return what
    return _exclude(facts.get(one.name), facts.get(other.name), program)


def _exclude(one: Formula | None, other: Formula | None, program: Program) -> str:
    """Whether two facts say that a node is in different states at one step."""
    for name, steps, states in _told(one, program):
        for node, other_steps, other_states in _told(other, program):
            common = [step for step in steps if step in other_steps]
            if common and name == node and not states & other_states:
                first, second = (" or ".join(sorted(each)) for each in (states, other_states))
                return f"of {name} @ {program.grid.labels[common[0]]} one says {first}, the other {second}"
    return ""


def _told(fact: Formula | None, program: Program) -> Iterator[tuple[str, range, set[str]]]:
    """The nodes of which a fact tells that they are in one of some states at each of some steps."""
    for part in () if fact is None else conjuncts(fact):
        if isinstance(part, Timed) and part.mode != "ever" and isinstance(part.predicate, InStates):
            node = program.nodes.get(part.predicate.node)
            if isinstance(node, CategoricalNode):
                yield node.name, part.steps, {node.states[state] for state in part.predicate.states}


def _twice(one: LearnedItem, other: LearnedItem, program: Program) -> str:
    """Of which state at which step neither of two items found a sign."""
    for first, second in ((first, second) for first in one.hints for second in other.hints):
        if first.found is False and second.found is False and (steps := _common(first, second)):
            both = [state for state in first.sought if state in second.sought]
            if both:
                where = "" if first.node == OUTCOME else f"{first.node}."
                return f"{where}{both[0]} @ {program.grid.labels[steps[0]]}"
    return ""


def _common(one: Hint, other: Hint) -> range:
    """The steps that two hints are both about; none where they are about different nodes."""
    if one.node != other.node:
        return range(0)
    return range(max(one.steps[0], other.steps[0]), min(one.steps[-1], other.steps[-1]) + 1)


def _opposed(one: Hint, other: Hint, program: Program) -> str:
    """Whether each speaks most for what the other speaks most against."""
    steps = _common(one, other)
    if not steps or not (_speaks(one) and _speaks(other)):
        return ""
    (least, most), (other_least, other_most) = _ends(one), _ends(other)
    if most <= other_least and other_most <= least:
        for_one, for_other = (" or ".join(sorted(states)) for states in (most, other_most))
        return f"of {one.node} @ {program.grid.labels[steps[0]]} one speaks for {for_one}, the other for {for_other}"
    return ""


def _denied(fact: Formula, hint: Hint, program: Program) -> str:
    """Whether what is a fact is what a hint speaks most against."""
    for node, known, states in _told(fact, program):
        steps = [step for step in known if step in hint.steps]
        if node == hint.node and steps and _speaks(hint) and states <= _ends(hint)[0]:
            at = program.grid.labels[steps[0]]
            return f"it is a fact that {node} is {' or '.join(sorted(states))} @ {at}, and a hint speaks against it"
    return ""


def _speaks(hint: Hint) -> bool:
    least, most = hint.ends
    return most >= SPEAKS * least


def _ends(hint: Hint) -> tuple[set[str], set[str]]:
    """The states in which a hint is least and most likely."""
    least, most = ({state for state, likely in hint.at_means.items() if likely == end} for end in hint.ends)
    return least, most


def _warning(code: str, message: str, text: EvidenceText, path: KeyPath, hint: str = "") -> Problem:
    place, _ = locate(text.tree.place, path)
    span = place.key_span() if len(path) == 2 else place.span()
    return Problem(code, message, span, hint, severity="warning")
