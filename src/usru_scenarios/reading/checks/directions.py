"""No number may rest on claims that push the other way, and pushes name what there is (section 10 of the format)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.directions import ClaimPush, Direction, cited_directions, state_key
from usru_scenarios.names import HOLD, OUTCOME
from usru_scenarios.problems import Problem
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.pushes import word_span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from usru_scenarios.names import KeyPath


def contradictions(context: Context) -> Iterator[Finding]:
    """A number that claims speak of has its sign from one of them.

    One that inherits claims of another file, as in an overlay that changes a number alone, is its author's own.
    """
    if context.register is None or not context.register.pushes:
        return
    for direction in cited_directions(context.fresh(_BEARING), context.register.pushes):
        if direction.verdict == "contradicted":
            path = direction.cell.entry.path
            block = _covering(context, path)
            together = () if direction.cell.entry.judgement.sources else (path, block)
            message, hint = _against(direction)
            yield Finding("contradicted_number", message, path, hint, of_key=False, together=together)


_BEARING = ("impacts", "influences", "lagged_influences", "events", "then", "when", "sources")
"""The keys of a part that bear on the points in it."""


def _against(direction: Direction) -> tuple[str, str]:
    """The sentence that says which claims contradict a number, and the first push that does."""
    against = [claim for claim, said in direction.claims.items() if said != "none"]
    many = len(against) > 1
    named = " and ".join(filter(None, (", ".join(against[:-1]), against[-1])))
    claim, push = direction.pushes[0]
    message = f"{direction.cell.value:.3g} cites {named}, which push{'' if many else 'es'} the other way"
    hint = f"{claim} says '{push.text}' at {push.span}: turn the sign, or cite what carries it"
    return message, hint


def _covering(context: Context, path: KeyPath) -> KeyPath:
    """Where the `sources` of the nearest block around a number stand."""
    found: KeyPath = ()
    data: Any = context.data
    for depth, key in enumerate(path):
        if isinstance(data, dict) and data.get("sources"):
            found = (*path[:depth], "sources")
        data = data[key]
    return found


# Names


@dataclass(frozen=True)
class Unknown:
    """A name in a push that the model has not."""

    claim: str
    push: ClaimPush
    noun: str
    name: str
    of: str
    """The node whose state it would be; empty where it is no state."""
    known: tuple[str, ...]
    """The names that the model has in its place."""
    is_needed: bool
    """Whether the push can't speak of the model at all; not where one of several alternatives is unknown."""

    @property
    def near(self) -> str:
        """The name of the model that it nearly is; empty where there is none."""
        return next(iter(get_close_matches(self.name, self.known, n=1, cutoff=_NEARLY)), "")


_NEARLY = 0.75
"""How alike two names are of which one is the other misspelt."""


def misspelt_names(unknown_ones: Iterable[Unknown]) -> Iterator[Problem]:
    """Names in pushes that are nearly names of the model.

    A register may serve several models, so that a name which is not near any is one of another model's.
    """
    for unknown in unknown_ones:
        if unknown.near:
            own = f" of '{unknown.of}'" if unknown.of else ""
            message = f"unknown {unknown.noun} '{unknown.name}'{own} in a push of claim '{unknown.claim}'"
            span = word_span(unknown.push.span, unknown.name)
            yield Problem(f"unknown_{unknown.noun}", message, span, f"did you mean '{unknown.near}'?")


def unknown_names(context: Context) -> Iterator[Unknown]:
    """Every name in the pushes of the register that the model has not."""
    pushes = context.register.pushes if context.register is not None else {}
    for claim, several in pushes.items():
        for push in several:
            for node, states in push.cause:
                yield from _unknown(context, claim, push, node, states)
            node, equals, state = push.target.partition("=")
            if equals:
                yield from _unknown(context, claim, push, node, {state}, hold=True)
            elif node not in context.scenarios and not context.is_numeric(node):
                known = (*context.scenarios, *filter(context.is_numeric, context.all_nodes))
                yield Unknown(claim, push, "scenario", node, "", known, is_needed=True)


def _unknown(
    context: Context, claim: str, push: ClaimPush, node: str, states: Collection[str], *, hold: bool = False
) -> Iterator[Unknown]:
    if node not in context.all_nodes:
        yield Unknown(claim, push, "driver", node, "", tuple(context.all_nodes), is_needed=True)
        return
    if context.is_numeric(node):
        knots = {state for state in states if state == state_key(state) and state[:1] not in _LETTERS}
        for state in sorted(set(states) - knots):
            yield Unknown(claim, push, "knot", state, node, (), is_needed=not knots)
        return
    known = (*(context.states(node) or ()), *((HOLD,) if hold else ()))
    unknown = sorted(set(states).difference(known))
    for state in unknown:
        noun = "scenario" if node == OUTCOME else "state"
        yield Unknown(claim, push, noun, state, node if noun == "state" else "", known, len(unknown) == len(states))


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
