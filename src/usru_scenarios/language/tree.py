"""What the text of a query says, as values: arithmetic over questions, and events whose words know their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, TypeAlias, TypeVar

from usru_scenarios.light_dataclasses import dataclass

Sign = Literal["<", "<=", ">", ">="]
ArithmeticSign = Literal["+", "-", "*", "/"]
Function = Literal["odds", "log"]
Mode = Literal["plain", "ever", "always", "each"]
"""How the moment or range of a time is meant; plain: at the moment, or the average over the range."""
Leaf = TypeVar("Leaf")

# Arithmetic, over leaves that are questions here and probabilities once they are understood ---------------------------


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True)
class Negated(Generic[Leaf]):
    """The number with the other sign."""

    part: Expression[Leaf]


@dataclass(frozen=True)
class BinaryOperation(Generic[Leaf]):
    """A sum, difference, product or quotient."""

    sign: ArithmeticSign
    left: Expression[Leaf]
    right: Expression[Leaf]


@dataclass(frozen=True)
class FunctionCall(Generic[Leaf]):
    """`odds(x)`, which is x / (1 - x), or `log(x)`, the natural logarithm."""

    function: Function
    part: Expression[Leaf]


Expression: TypeAlias = Number | Negated[Leaf] | BinaryOperation[Leaf] | FunctionCall[Leaf] | Leaf


@dataclass(frozen=True)
class ComparisonChain(Generic[Leaf]):
    """Expressions with the sign of a comparison between each two neighbours; none for an expression alone."""

    parts: tuple[Expression[Leaf], ...]
    signs: tuple[Sign, ...]


# What stands within P( ) ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """A name, number or date, and where it starts in the text."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Just after its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class QueryTime:
    """A time: a moment or range, which `mode` says how to read; without ends, the whole grid.

    `mean` is a plain range without ends, and `by T` is `ever ..T`.
    """

    mode: Mode
    first: Word | None
    last: Word | None
    is_range: bool
    start: int
    end: int


@dataclass(frozen=True)
class ScenarioName:
    """A scenario or a group."""

    name: Word


@dataclass(frozen=True)
class Equal:
    """`driver=state`; in an intervention also `driver=number`."""

    node: Word
    value: Word


@dataclass(frozen=True)
class NumberComparison:
    """A comparison on a numeric driver."""

    node: Word
    sign: Sign
    bound: Word

    @property
    def value(self) -> float:
        """The number that the driver is compared with."""
        return float(self.bound.text)


@dataclass(frozen=True)
class NegatedEvent:
    """`not`."""

    part: QueryEvent


@dataclass(frozen=True)
class JoinedEvents:
    """Parts joined with one word."""

    word: Literal["and", "or"]
    parts: tuple[QueryEvent, ...]


@dataclass(frozen=True)
class TimedEvent:
    """An event with its time."""

    part: QueryEvent
    when: QueryTime


QueryEvent = ScenarioName | Equal | NumberComparison | NegatedEvent | JoinedEvents | TimedEvent


@dataclass(frozen=True)
class _LocatedEvent:
    """An event, and where it stands in the text."""

    event: QueryEvent
    start: int
    end: int


@dataclass(frozen=True)
class Observed(_LocatedEvent):
    """A condition that is seen."""


@dataclass(frozen=True)
class Imposed(_LocatedEvent):
    """A condition that is imposed: the inside of `do( )`, or an assignment of the command line."""


@dataclass(frozen=True)
class ProfileCondition:
    """The profile under which the probability is asked for."""

    name: Word


QueryCondition = Observed | Imposed | ProfileCondition


@dataclass(frozen=True)
class QueriedProbability:
    """`P(...)`."""

    event: QueryEvent
    conditions: tuple[QueryCondition, ...]
    start: int
    end: int


Other = TypeVar("Other")


def map_leaves(expression: Expression[Leaf], change: Callable[[Leaf], Other]) -> Expression[Other]:
    """The same arithmetic over changed leaves, which are changed from left to right."""
    match expression:
        case Number():
            return expression
        case Negated(part):
            return Negated(map_leaves(part, change))
        case BinaryOperation(sign, left, right):
            return BinaryOperation(sign, map_leaves(left, change), map_leaves(right, change))
        case FunctionCall(function, part):
            return FunctionCall(function, map_leaves(part, change))
        case leaf:
            return change(leaf)
