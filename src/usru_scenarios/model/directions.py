"""In which direction claims push the numbers of points that cite them (section 10 of the format)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.judgements import JudgementEntry, judgements
from usru_scenarios.model.schema import Condition
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import HOLD, OUTCOME
from usru_scenarios.problems import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from usru_scenarios.model.schema import Model
    from usru_scenarios.names import KeyPath

PushSign = Literal["+", "-", "both", "none"]
"""The direction in which a claim pushes a number."""

SignVerdict = Literal["carried", "contradicted", "undirected", "inferred", "zero"]
"""What the claims that a number cites say of its sign.

It is carried where one of them pushes its way; contradicted where none does and one pushes the other way; undirected
where none speaks of it, though one is a document's; inferred where none speaks of it and none is a document's. A number
that is 0 has no sign.
"""

_KNOT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def state_key(text: str) -> str:
    """A state as it is compared: knots that are one number are one."""
    text = text.strip()
    return repr(float(text)) if _KNOT.fullmatch(text) else text


def target_key(node: str, state: str | None) -> str:
    """What points act on: a scenario by its name alone, another state with its node; a numeric node has no states."""
    if state is None:
        return node
    return state if node == OUTCOME and state != HOLD else f"{node}={state}"


@dataclass(frozen=True)
class ClaimPush:
    """A direction that a claim states: under its cause, the target becomes more or less likely."""

    text: str
    """As it is written."""
    cause: tuple[tuple[str, frozenset[str]], ...]
    """Nodes, each with the states of which one must hold, as `state_key` has them; none where it holds always."""
    sign: int
    """1 or -1."""
    target: str
    """As `target_key` has it."""
    span: Span
    """Where it stands in the register."""


@dataclass(frozen=True)
class PointsCell:
    """A number of points: under which cause it acts, and on what."""

    entry: JudgementEntry
    cause: dict[str, str | Condition]
    """The nodes that must be in a state for it to act; empty where it acts whatever they are."""
    target: str
    """As `target_key` has it."""

    @property
    def value(self) -> float:
        """The number; of an uncertain one the mean."""
        assert isinstance(self.entry.judgement, Judgement)
        return self.entry.judgement.mean

    @property
    def sign(self) -> int:
        """The sign of the value: 1, -1 or 0."""
        return (self.value > 0) - (self.value < 0)

    def is_target_of(self, push: ClaimPush) -> bool:
        """Whether a push speaks of the number: of its target, and under a cause that is its cause or a wider one."""
        if push.target != self.target:
            return False
        return all(node in self.cause and _allows_any_of(self.cause[node], states) for node, states in push.cause)


def _allows_any_of(condition: str | Condition, states: frozenset[str]) -> bool:
    """Whether a state or knot, or what a rule asks for, allows one of some states."""
    if isinstance(condition, str):
        return state_key(condition) in states
    if condition.comparison is None:
        return not states.isdisjoint(map(state_key, condition.states))
    return any(condition.holds(float(state)) for state in states if _KNOT.fullmatch(state))


@dataclass(frozen=True)
class Direction:
    """A number of points that cites claims, and the pushes of these that speak of it, each with its claim."""

    cell: PointsCell
    pushes: tuple[tuple[str, ClaimPush], ...]

    @property
    def claims(self) -> dict[str, PushSign]:
        """What each of the claims that it cites says of its sign."""
        signs = {claim: {push.sign for name, push in self.pushes if name == claim} for claim in self.cell.entry.sources}
        return {claim: _PUSH_SIGNS[1 in stated, -1 in stated] for claim, stated in signs.items()}

    @property
    def verdict(self) -> SignVerdict:
        """The verdict of the claims together on the sign."""
        sign = self.cell.sign
        if not sign:
            return "zero"
        if not self.pushes:
            return "inferred" if self.cell.entry.is_inferred else "undirected"
        return "carried" if any(push.sign == sign for _, push in self.pushes) else "contradicted"


_PUSH_SIGNS: dict[tuple[bool, bool], PushSign] = {
    (True, True): "both",
    (True, False): "+",
    (False, True): "-",
    (False, False): "none",
}


def cited_directions(model: Model, pushes: Mapping[str, Sequence[ClaimPush]]) -> Iterator[Direction]:
    """The directions of every number of points that cites claims, in the order of `judgements`.

    Args:
        model: the model.
        pushes: of each claim; a claim that states no direction may be missing.
    """
    for entry in judgements(model):
        if entry.role == "points" and entry.sources:
            cause, (node, state) = _cause_and_target(model, entry.path)
            cell = PointsCell(entry, cause, target_key(node, state))
            cited_pushes = [(claim, push) for claim in entry.sources for push in pushes.get(claim, ())]
            yield Direction(cell, tuple(cited for cited in cited_pushes if cell.is_target_of(cited[1])))


def _cause_and_target(model: Model, path: KeyPath) -> tuple[dict[str, str | Condition], tuple[str, str | None]]:
    """The cause of points at a path, and the node and state that they act on."""
    match [str(key) for key in path]:
        case ["rules", name, "then", node, *state]:
            return dict(model.rules[name].when), (node, state[0] if state else None)
        case ["outcome", "events", _, "points", state]:
            return {}, (OUTCOME, state)
        case [_, node, "events", _, "points", *state]:
            return {}, (node, state[0] if state else None)
        case ["drivers", node, "impacts", own, state]:
            return {node: own}, (OUTCOME, state)
        case ["outcome", _, parent, cause, state]:
            return {parent: cause}, (OUTCOME, state)
        case [_, node, _, parent, cause, *state]:
            return {parent: cause}, (node, state[0] if state else None)
    raise KeyError(path)
