"""`usru sensitivity`: which driver, which weight, which judgement matters?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from usru_scenarios.cli import parsers
from usru_scenarios.cli.declarations import Option, Subset
from usru_scenarios.cli.options import Model, RunOptions, StudyOptions, trials_option
from usru_scenarios.cli.session import TableSession
from usru_scenarios.settings import DEFAULT_MODEL, DEFAULT_TOP

if TYPE_CHECKING:
    from usru_scenarios.results.sensitivity import Question


def _question(option: str, text: str) -> str:
    from usru_scenarios.results.sensitivity import QUESTIONS

    return parsers.choice_parser(QUESTIONS)(option, text)


_Trials = trials_option("How many trials to draw, as in 1e6.  [default: 16384]")


def sensitivity(
    model: Model = DEFAULT_MODEL,
    *,
    of: Annotated[
        str | None, Option("--of", metavar="SCENARIO", help="A scenario or group.  [default: all scenarios together]")
    ] = None,
    at: Annotated[
        str | None, Option("--at", metavar="STEP", help="A step, or mean for the average over all.  [default: end]")
    ] = None,
    question: Annotated[
        tuple[str, ...],
        Option("--question", metavar="NAME", help="drivers, moves, weights or judgements. Repeatable.  [default: all]"),
        _question,
    ] = (),
    top: Annotated[
        int, Option("--top", metavar="N", help="Show so many of each; 0 for all.  [default: 10]"), parsers.parse_count
    ] = DEFAULT_TOP,
    options: StudyOptions,
    run: Annotated[RunOptions, Subset("trials", "seed", "method", trials=_Trials)],
    session: TableSession,
) -> None:
    """Which driver, which weight, which judgement matters?

    Four questions: which driver's uncertainty matters (drivers), which driver moves the outcome where it is held in a
    state (moves), which weight does (weights), and one point of which judgement (judgements). All is asked given what
    --given and --evidence say.
    """
    study = session.load(model, options.changes, options.evidence)
    questions = cast("tuple[Question, ...]", question) or None
    result = study.sensitivity(
        of, at, questions=questions, map_blocks=session.workers(), **options.conditions._asdict(), **run.arguments
    )
    session.emit(result, result.warnings, top)
