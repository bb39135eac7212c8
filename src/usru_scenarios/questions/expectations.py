"""What a file says must hold: its expectations, read in the language of queries, with every fault at its place.

They are statements about the model and no part of it, so they are read where somebody asks about them (`validate` and
`check`): a model from which a driver was taken out can still be run, whatever its expectations name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from usru_scenarios.language.query import parse_expectation
from usru_scenarios.language.questions import ComparisonStatement
from usru_scenarios.problems import Problem, QueryError
from usru_scenarios.program.program import Program
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.yaml_scalars import span_within
from usru_scenarios.source_text import Mark, SourceText


def read_expectations(
    loaded: Loaded, program: Program, in_profile: Callable[[str], Program]
) -> tuple[dict[str, ComparisonStatement], list[Problem]]:
    """The expectations of a model by name, in the order of the file, and the faults of those that mean nothing.

    Args:
        loaded: the model.
        program: the same, compiled.
        in_profile: gives the program under a profile.
    """
    statements: dict[str, ComparisonStatement] = {}
    faults: list[Problem] = []
    for name, expectation in loaded.model.expectations.items():
        try:
            statements[name] = parse_expectation(expectation.that, loaded.model, program, in_profile=in_profile)
        except QueryError as error:
            faults.append(_located(error.problem, loaded, name, expectation.that))
    return statements, faults


def _located(problem: Problem, loaded: Loaded, name: str, text: str) -> Problem:
    """A fault of a query as a fault of the file that the query stands in."""
    place, _ = locate(loaded.tree.place, ("expectations", name, "that"))
    span = problem.span
    if span is None:
        return replace(problem, span=place.span())
    start = SourceText(name, text).offset(Mark(span.line - 1, span.column - 1))
    return replace(problem, span=span_within(place, text, start, start + span.width))
