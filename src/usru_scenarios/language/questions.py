"""What the language of queries asks of the engines, and how statements follow from their answers.

Arithmetic and comparisons are worked out once the probabilities are known, and for replicates of them as well as for
numbers: so the sampling error of a statement comes from working it out for every replicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from usru_scenarios.language.tree import BinaryOperation, Expression, FunctionCall, Negated, Number, Sign, map_leaves
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import Measure
from usru_scenarios.program.conditions import Intervention, Observation
from usru_scenarios.program.events import COMPARISONS, All, Formula, Timed
from usru_scenarios.program.program import Floats


@dataclass(frozen=True)
class Case:
    """The probability of an event, given another one where `given` is not None; all their atoms have a time."""

    event: Formula
    given: Formula | None
    step: int | None
    """The step at which the event is read; None where it is about several steps."""


@dataclass(frozen=True)
class Probability:
    """`P(...)`.

    Attributes:
        text: as written, with single blanks.
        cases: one, or one for each step of a range; the answer is their average, unless `each`.
        interventions: in which the cases, their evidence included, are read.
        profile: under which they are, or None.
        observed: the observations as written.
        known: further ones, of a file of evidence, which are not told one by one.
        each: whether a comparison looks at the cases one by one.
    """

    text: str
    cases: tuple[Case, ...]
    interventions: tuple[Intervention, ...] = ()
    profile: str | None = None
    observed: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    each: bool = False

    def __hash__(self) -> int:
        """A hash of what mostly differs: one of all the events would take longer than what is looked up by it."""
        imposed = tuple(intervention.text for intervention in self.interventions)
        return hash((self.text, self.profile, imposed, self.observed, tuple(case.step for case in self.cases)))

    def time(self, labels: Sequence[str]) -> str:
        """The time that it is about, in words; empty where it has several that are only to be read in its text."""
        steps = [case.step for case in self.cases]
        if len(steps) > 1 and steps[0] is not None and steps[-1] is not None:
            return f"average over {labels[steps[0]]} to {labels[steps[-1]]}"
        if steps[0] is not None:
            return f"in {labels[steps[0]]}" if len(labels) > 1 else ""
        event = self.cases[0].event
        if not isinstance(event, Timed) or event.mode == "at":
            return ""
        frequency = "in every step" if event.mode == "always" else "in at least one step"
        return f"{frequency} from {labels[event.steps[0]]} to {labels[event.steps[-1]]}"

    def events(self) -> Iterator[Formula]:
        """The events that are asked about and those that are observed, of all cases."""
        for case in self.cases:
            yield case.event
            if case.given is not None:
                yield case.given

    def evidence(self, case: Case) -> Iterator[tuple[str, Formula]]:
        """The observations of one of the cases: each as written, and its event."""
        if case.given is not None:
            texts = (*self.observed, *self.known)
            parts = case.given.parts if isinstance(case.given, All) and len(texts) != 1 else (case.given,)
            yield from zip(texts, parts, strict=True)

    def further(self, imposed: Sequence[Intervention], seen: Sequence[Observation]) -> Probability:
        """The same probability under further conditions; these interventions come before its own."""
        listed = [observation for observation in seen if not observation.item]
        known = [observation for observation in seen if observation.item]
        own = len(self.observed)

        def given(case: Case) -> Formula | None:
            events = [event for _, event in self.evidence(case)]
            events[own:own] = [observation.event for observation in listed]
            return conjunction([*events, *(observation.event for observation in known)])

        return replace(
            self,
            cases=tuple(replace(case, given=given(case)) for case in self.cases),
            interventions=(*imposed, *self.interventions),
            observed=(*self.observed, *(observation.text for observation in listed)),
            known=(*self.known, *(observation.text for observation in known)),
        )


def conjunction(events: list[Formula]) -> Formula | None:
    """The formula that all events hold, with one part for each where they are several; None without any."""
    return None if not events else events[0] if len(events) == 1 else All(tuple(events))


Evaluated: TypeAlias = float | Floats
"""A number, or an array of replicates of it."""

ValueOf: TypeAlias = Callable[[Probability], Evaluated]
"""Gives the average over the cases of a probability; `each` is never set where it is called."""


@dataclass(frozen=True)
class Link:
    """Two neighbours in a chain of comparisons, at one step where the comparison is about each."""

    left: Expression[Probability]
    sign: Sign
    right: Expression[Probability]
    step: int | None = None

    @property
    def text(self) -> str:
        """The comparison as it is written in a query."""
        return f"{format_expression(self.left)} {self.sign} {format_expression(self.right)}"

    def margin(self, value_of: ValueOf) -> Evaluated:
        """By how much the comparison holds; below 0, by how much it fails. NaN between equal infinities."""
        left, right = evaluate(self.left, value_of), evaluate(self.right, value_of)
        with np.errstate(invalid="ignore"):
            return np.subtract(right, left) if self.sign in ("<", "<=") else np.subtract(left, right)

    def holds(self, value_of: ValueOf) -> npt.NDArray[np.bool_]:
        """Whether it holds, in the shape of the values."""
        left, right = evaluate(self.left, value_of), evaluate(self.right, value_of)
        return np.asarray(COMPARISONS[self.sign](left, right))


@dataclass(frozen=True)
class ComparisonStatement:
    """Expressions and the signs between them, which must hold at every step of `each` where that is not None."""

    parts: tuple[Expression[Probability], ...]
    signs: tuple[Sign, ...]
    each: range | None = None

    def links(self) -> Iterator[Link]:
        """The comparisons of neighbours, all of which must hold: at each step of `each`, one step after the other."""
        for index, step in enumerate([None] if self.each is None else self.each):
            parts = [map_leaves(part, partial(_at_case, index)) for part in self.parts]
            for sign, (left, right) in zip(self.signs, pairwise(parts), strict=True):
                yield Link(left, sign, right, step)

    def with_conditions(self, further: Callable[[Probability], Probability]) -> ComparisonStatement:
        """The same over probabilities with further conditions."""
        return replace(self, parts=tuple(map_leaves(part, further) for part in self.parts))

    def holds(self, value_of: ValueOf) -> npt.NDArray[np.bool_]:
        """Whether all links hold, in the shape of the values."""
        return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*(link.holds(value_of) for link in self.links()))))


Statement: TypeAlias = Expression[Probability] | ComparisonStatement


def with_conditions(statement: Statement, further: Callable[[Probability], Probability]) -> Statement:
    """The same statement over probabilities with further conditions."""
    if isinstance(statement, ComparisonStatement):
        return statement.with_conditions(further)
    return map_leaves(statement, further)


def _at_case(index: int, leaf: Probability) -> Probability:
    return replace(leaf, cases=leaf.cases[index : index + 1], each=False) if leaf.each else leaf


def evaluate(expression: Expression[Probability], value_of: ValueOf) -> Evaluated:
    """The value of an expression, once its probabilities are known; a float where they all are.

    Undefined arithmetic (a division by 0, odds of 1, the log of 0) gives an infinity or NaN.
    """
    with np.errstate(all="ignore"):
        value = _evaluate_array(expression, value_of)
    return value if value.ndim else float(value)


def _evaluate_array(expression: Expression[Probability], value_of: ValueOf) -> Floats:
    match expression:
        case Number(number):
            return np.asarray(number)
        case Negated(part):
            return -_evaluate_array(part, value_of)
        case BinaryOperation(sign, left, right):
            return np.asarray(_ARITHMETIC[sign](_evaluate_array(left, value_of), _evaluate_array(right, value_of)))
        case FunctionCall(function, part):
            value = _evaluate_array(part, value_of)
            return value / (1.0 - value) if function == "odds" else np.log(value)
        case probability:
            return np.asarray(value_of(probability), dtype=np.float64)


_ARITHMETIC: dict[str, np.ufunc] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


def format_expression(expression: Expression[Probability], *, inner: bool = False) -> str:
    """An expression as it is written in a query, with parentheses around sums and products within others."""
    match expression:
        case Number(value):
            return f"{value:g}"
        case Negated(part):
            return f"-{format_expression(part, inner=True)}"
        case FunctionCall(function, part):
            return f"{function}({format_expression(part)})"
        case BinaryOperation(sign, left, right):
            text = f"{format_expression(left, inner=True)} {sign} {format_expression(right, inner=True)}"
            return f"({text})" if inner else text
    return expression.text


def measure(expression: Expression[Probability]) -> Measure | None:
    """Whether the value of an expression is a probability, a difference of some or another number, such as a ratio.

    None of a number that is written, which is what its neighbour is.
    """
    match expression:
        case Number():
            return None
        case Negated(part):
            return None if (inner := measure(part)) is None else "number" if inner == "number" else "difference"
        case FunctionCall():
            return "number"
        case BinaryOperation("/", left, right):
            return measure(left) if measure(right) is None else "number"
        case BinaryOperation(sign, left, right):
            return _combine_measures(sign, measure(left), measure(right))
    return "probability"


def _combine_measures(sign: str, left: Measure | None, right: Measure | None) -> Measure | None:
    measures = {left, right} - {None}
    if not measures:
        return None
    if "number" in measures:
        return "number"
    return "difference" if "difference" in measures or sign == "-" else "probability"


def measure_of_statement(statement: Statement) -> Measure:
    """The measure of an answer; of a comparison that of its sides, where they have one in common."""
    parts = statement.parts if isinstance(statement, ComparisonStatement) else (statement,)
    measures = {kind for part in parts if (kind := measure(part)) is not None}
    if len(measures) == 1:
        return measures.pop()
    return "difference" if measures == {"probability", "difference"} else "number"


def distinct_probabilities(statement: Statement) -> tuple[Probability, ...]:
    """The different probabilities of a statement, in the order in which they are written."""
    different: dict[Probability, None] = {}
    for part in statement.parts if isinstance(statement, ComparisonStatement) else (statement,):
        map_leaves(part, different.setdefault)
    return tuple(different)
