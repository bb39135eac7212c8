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


def check_contradictions(context: Context) -> Iterator[Finding]:
    """A number that claims speak of has its sign from one of them.

    One that inherits claims of another file, as in an overlay that changes a number alone, is its author's own.
    """
    if context.register is None or not context.register.pushes:
        return
    for direction in cited_directions(context.changed_model(_KEYS_OF_POINTS), context.register.pushes):
        if direction.verdict == "contradicted":
            path = direction.cell.entry.path
            inherits = not direction.cell.entry.judgement.sources
            joint_paths = (path, _nearest_sources(context, path)) if inherits else ()
            message, hint = _describe_contradiction(direction)
            yield Finding("contradicted_number", message, path, hint, of_key=False, joint_paths=joint_paths)


_KEYS_OF_POINTS = ("impacts", "influences", "lagged_influences", "events", "then", "when", "sources")
"""The keys of a part that bear on the points in it."""


def _describe_contradiction(direction: Direction) -> tuple[str, str]:
    """The sentence that says which claims contradict a number, and the first push that does."""
    *others, last = (claim for claim, sign in direction.claims.items() if sign != "none")
    claims, verb = (f"{', '.join(others)} and {last}", "push") if others else (last, "pushes")
    claim, push = direction.pushes[0]
    message = f"{direction.cell.value:.3g} cites {claims}, which {verb} the other way"
    hint = f"{claim} says '{push.text}' at {push.span}: turn the sign, or cite what carries it"
    return message, hint


def _nearest_sources(context: Context, path: KeyPath) -> KeyPath:
    """The path of the `sources` of the nearest block around a number."""
    nearest: KeyPath = ()
    data: Any = context.data
    for depth, key in enumerate(path):
        if isinstance(data, dict) and data.get("sources"):
            nearest = (*path[:depth], "sources")
        data = data[key]
    return nearest


# Names


@dataclass(frozen=True)
class UnknownPushName:
    """A name in a push that the model has not."""

    claim: str
    push: ClaimPush
    noun: str
    name: str
    node: str
    """The node whose state it would be; empty where it is no state."""
    known: tuple[str, ...]
    """The names that the model has in its place."""
    is_needed: bool
    """Whether the push can't speak of the model without it; not where one of several alternatives is unknown."""

    @property
    def nearest(self) -> str:
        """The name of the model that it nearly is; empty where there is none."""
        return next(iter(get_close_matches(self.name, self.known, n=1, cutoff=_MISSPELT_SIMILARITY)), "")


_MISSPELT_SIMILARITY = 0.75
"""How alike two names are of which one is the other misspelt."""


def report_misspelt_names(unknown_names: Iterable[UnknownPushName]) -> Iterator[Problem]:
    """Names in pushes that are nearly names of the model.

    A register may serve several models, so that a name which is not near any is one of another model's.
    """
    for unknown in unknown_names:
        if unknown.nearest:
            of_node = f" of '{unknown.node}'" if unknown.node else ""
            message = f"unknown {unknown.noun} '{unknown.name}'{of_node} in a push of claim '{unknown.claim}'"
            span = word_span(unknown.push.span, unknown.name)
            yield Problem(f"unknown_{unknown.noun}", message, span, f"did you mean '{unknown.nearest}'?")


def unknown_push_names(context: Context) -> Iterator[UnknownPushName]:
    """Every name in the pushes of the register that the model has not."""
    pushes = context.register.pushes if context.register is not None else {}
    for claim, several in pushes.items():
        for push in several:
            for node, states in push.cause:
                yield from _unknown_of_node(context, claim, push, node, states)
            node, equals, state = push.target.partition("=")
            if equals:
                yield from _unknown_of_node(context, claim, push, node, {state}, hold=True)
            elif node not in context.scenarios and not context.is_numeric(node):
                known = (*context.scenarios, *filter(context.is_numeric, context.all_nodes))
                yield UnknownPushName(claim, push, "scenario", node, "", known, is_needed=True)


def _unknown_of_node(
    context: Context, claim: str, push: ClaimPush, node: str, states: Collection[str], *, hold: bool = False
) -> Iterator[UnknownPushName]:
    if node not in context.all_nodes:
        yield UnknownPushName(claim, push, "driver", node, "", tuple(context.all_nodes), is_needed=True)
        return
    if context.is_numeric(node):
        knots = {state for state in states if state == state_key(state) and not ("a" <= state[:1] <= "z")}
        for state in sorted(set(states) - knots):
            yield UnknownPushName(claim, push, "knot", state, node, (), is_needed=not knots)
        return
    known = (*(context.states(node) or ()), *((HOLD,) if hold else ()))
    unknown = sorted(set(states).difference(known))
    for state in unknown:
        noun, owner = ("scenario", "") if node == OUTCOME else ("state", node)
        yield UnknownPushName(claim, push, noun, state, owner, known, len(unknown) == len(states))
