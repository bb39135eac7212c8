"""What a file says in the language of queries: its expectations and its questions, with every fault at its place.

They are statements about the model and no part of it, so they are read where somebody asks about them (`validate` and
`check`): a model from which a driver was taken out can still be run, whatever its expectations name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from usru_scenarios.language.query import parse_expectation, parse_question
from usru_scenarios.language.questions import ComparisonStatement, Probability
from usru_scenarios.light_dataclasses import replace
from usru_scenarios.names import KeyPath
from usru_scenarios.problems import Problem, QueryError
from usru_scenarios.program.events import last_step
from usru_scenarios.program.program import Program
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.yaml_scalars import span_within
from usru_scenarios.source_text import Mark, SourceText


def read_expectations(
    loaded: Loaded, program: Program, in_profile: Callable[[str], Program]
) -> tuple[dict[str, ComparisonStatement], list[Problem]]:
    """The expectations of a model by name, in the order of the file, and the faults of those that mean nothing."""
    statements: dict[str, ComparisonStatement] = {}
    faults: list[Problem] = []
    for name, expectation in loaded.model.expectations.items():
        with _collecting_faults(faults, loaded, ("expectations", name, "that"), expectation.that):
            statements[name] = parse_expectation(expectation.that, loaded.model, program, in_profile=in_profile)
    return statements, faults


def read_questions(
    loaded: Loaded, program: Program, in_profile: Callable[[str], Program]
) -> tuple[dict[str, Probability], list[Problem]]:
    """What the questions of a model mean by name, as `read_expectations`."""
    meanings: dict[str, Probability] = {}
    faults: list[Problem] = []
    for name, question in loaded.model.questions.items():
        path = ("questions", name)
        with _collecting_faults(faults, loaded, (*path, "means"), question.means):
            meanings[name] = parse_question(question.means, loaded.model, program, in_profile=in_profile)
            if early := _early_closing_fault(question.closes, meanings[name], program):
                place, _ = locate(loaded.tree.place, (*path, "closes"))
                faults.append(replace(early, span=place.span()))
    return meanings, faults


@contextmanager
def _collecting_faults(faults: list[Problem], loaded: Loaded, path: KeyPath, text: str) -> Iterator[None]:
    """Add the fault of a query that stands in the file, if it has one, to the others."""
    try:
        yield
    except QueryError as error:
        faults.append(_locate_in_file(error.problem, loaded, path, text))


def _early_closing_fault(closes: str, meaning: Probability, program: Program) -> Problem | None:
    """The fault of a question that closes while what it asks about can still come true, without its place."""
    grid, step = program.grid, max(map(last_step, meaning.events()))
    last = grid.last_day(step)
    if last is None or closes >= last:
        return None
    message = f"the question closes on {closes}, before the last step that it asks about, {grid.labels[step]}, is over"
    return Problem("closes_early", message, None, f"write {last} or a later day, or ask about an earlier step")


def _locate_in_file(problem: Problem, loaded: Loaded, path: KeyPath, text: str) -> Problem:
    """A fault of a query as a fault of the file that the query stands in."""
    place, _ = locate(loaded.tree.place, path)
    span = problem.span
    if span is None:
        return replace(problem, span=place.span())
    start = SourceText(str(path[1]), text).offset(Mark(span.line - 1, span.column - 1))
    return replace(problem, span=span_within(place, text, start, start + span.width))
