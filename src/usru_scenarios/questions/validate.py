"""Is the file right? A report on one that is, or on the faults of one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.problems import Problem, merge_warnings
from usru_scenarios.program.compilation import compile_model
from usru_scenarios.program.program import Program
from usru_scenarios.questions.calibrate import anchor_warning
from usru_scenarios.questions.statements import read_expectations, read_questions
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.results.common import FileRun, Warned, to_warned
from usru_scenarios.results.validate import Validation, diagnostic

_PARTS = ("scenarios", "groups", "drivers", "rules", "consequences", "profiles", "expectations", "questions")


def file_warnings(loaded: Loaded, program: Program) -> list[Problem]:
    """The warnings of a file, with those that only running it can tell."""
    own = loaded.as_written()
    anchor_problem = anchor_warning(own, program if own is loaded else compile_model(own.model))
    return [*loaded.warnings, *([anchor_problem] if anchor_problem else [])]


def answer_remarks(loaded: Loaded, program: Program, in_profile: Callable[[str], Program]) -> tuple[Warned, ...]:
    """What every answer says of a file that stands as it was written: a missed anchor, statements that mean nothing."""
    _, expectation_faults = read_expectations(loaded, program, in_profile)
    _, question_faults = read_questions(loaded, program, in_profile)
    anchor_problem = anchor_warning(loaded, program)
    unread_warnings = merge_warnings(_unread_warning(fault) for fault in (*expectation_faults, *question_faults))
    return tuple(map(to_warned, [*([anchor_problem] if anchor_problem else []), *unread_warnings]))


def _unread_warning(fault: Problem) -> Problem:
    """A fault of an expectation or a question, of which other questions make no use."""
    message = f"an expectation or question can't be read: {fault.message}; 'usru validate' shows it"
    many = "{count} expectations and questions can't be read: 'usru validate' shows them"
    return replace(fault, code="unread_statement", message=message, severity="warning", plural_message=many)


def report_valid(loaded: Loaded, warnings: Iterable[Problem]) -> Validation:
    """The report on a valid file: how much there is of what, and its warnings."""
    model = loaded.model
    return Validation(
        valid=True,
        model=loaded.outline.model,
        run=FileRun(loaded.outline.profile),
        counts={"steps": model.grid.count, **{part: len(getattr(model, part)) for part in _PARTS}},
        problems=[diagnostic(problem) for problem in warnings],
    )


def report_invalid(problems: Iterable[Problem]) -> Validation:
    """The report on a file that is not valid."""
    diagnostics = [diagnostic(problem) for problem in problems]
    return Validation(valid=False, model=None, run=FileRun(None), counts={}, problems=diagnostics)
