"""The text of a push, such as `us_ukraine_role=broker -> -deterioration`: its parts, or what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usru_scenarios.model.directions import ClaimPush, state_key, target_key
from usru_scenarios.names import HOLD, OUTCOME
from usru_scenarios.problems import Problem, Span, shorten

if TYPE_CHECKING:
    from usru_scenarios.reading.places import Place

_Condition = tuple[str, frozenset[str]]
"""A driver, and its states of which one must hold."""

_EXAMPLE = "such as 'talks=open & sanctions=eased|lifted -> +reset'"
_NODE = re.compile(r"[a-z][a-z0-9_]*")
_STATE = re.compile(r"[a-z][a-z0-9_]*|[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_TARGET = re.compile(r"([-+])?\s*([^\s=]*)\s*(?:(=)\s*(.*))?")


class UnreadablePush(Exception):  # noqa: N818  # never leaves this package
    """A push that can't be understood: what is wrong, with which word of it, and the likely right form."""

    def __init__(self, message: str, word: str = "", hint: str = _EXAMPLE) -> None:
        self.message, self.word, self.hint = message, word, hint
        super().__init__(message)


def read_push(text: str, place: Place) -> ClaimPush | Problem:
    """A push that stands at a place of the register, or what is wrong with it."""
    try:
        return ClaimPush(text, *_parse_push(text), place.span())
    except UnreadablePush as fault:
        message = f"unreadable push '{shorten(text)}': {fault.message}"
        return Problem("unreadable_push", message, word_span(place.span(), fault.word), fault.hint)


def word_span(span: Span, word: str) -> Span:
    """Where a word stands within a place; the place itself where the word is not in its line."""
    start = span.column - 1
    match = re.compile(rf"(?<![a-z0-9_]){re.escape(word)}(?![a-z0-9_])").search(span.text, start) if word else None
    if match is None or match.end() > start + span.width:
        return span
    return Span(span.source, span.line, match.start() + 1, len(word), span.text)


def _parse_push(text: str) -> tuple[tuple[_Condition, ...], int, str]:
    """The conditions of the cause, the sign, which is 1 or -1, and the target."""
    cause, arrow, target = text.partition("->")
    if not arrow:
        raise UnreadablePush("there is no arrow '->' before the target")
    if "->" in target:
        raise UnreadablePush("there is more than one arrow '->'", hint="write a push for each target")
    conditions = [_parse_condition(part.strip()) for part in cause.split("&")] if cause.strip() else []
    names = [name for name, _ in conditions]
    for name in names:
        if names.count(name) > 1:
            raise UnreadablePush(f"'{name}' is named twice in the cause", name, f"alternatives are {name}=a|b")
    return tuple(conditions), *_parse_target(target.strip())


def _parse_condition(text: str) -> _Condition:
    node, equals, states = (piece.strip() for piece in text.partition("="))
    if not equals:
        hint = f"such as {text}=..., with a state" if _NODE.fullmatch(text) else _EXAMPLE
        raise UnreadablePush(f"a cause is driver=state, not '{text}'", text, hint)
    if not _NODE.fullmatch(node):
        raise UnreadablePush(f"'{node}' is no name of a driver", node)
    names = [state.strip() for state in states.split("|")]
    for state in names:
        if not _STATE.fullmatch(state):
            hint = f"alternatives are {node}=a|b, several drivers are joined by '&'"
            raise UnreadablePush(f"'{state}' is no name of a state", state, hint)
    return node, frozenset(map(state_key, names))


def _parse_target(text: str) -> tuple[int, str]:
    match = _TARGET.fullmatch(text)
    assert match is not None
    sign, node, equals, state = match[1], match[2], match[3], (match[4] or "").strip()
    if not text:
        raise UnreadablePush("nothing stands behind the arrow", "->", "a sign and a target, such as -> +reset")
    if sign is None:
        raise UnreadablePush("the target has no sign", text, f"-> +{text} where it promotes it, -> -{text} where not")
    if not node or (equals and not state):
        raise UnreadablePush(f"the target '{text}' lacks a name", text, "such as +reset, +sanctions=eased")
    if node == HOLD and not equals:
        raise UnreadablePush("'hold' of which node?", HOLD, f"such as {sign}{OUTCOME}=hold or {sign}sanctions=hold")
    if node == OUTCOME and not equals:
        raise UnreadablePush("which scenario?", node, f"a scenario stands by its name alone, such as {sign}reset")
    for name in (node, state) if equals else (node,):
        if not _NODE.fullmatch(name):
            hint = f"a target is one scenario or one node=state, such as {sign}reset or {sign}sanctions=eased"
            raise UnreadablePush(f"'{name}' is no name", name, hint)
    return (1 if sign == "+" else -1), target_key(node, state if equals else None)
