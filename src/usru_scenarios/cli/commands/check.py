"""`usru check`: do the expectations of the file hold?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import FINDINGS, CommandEnd
from usru_scenarios.cli.declarations import ImpliedValue, Option, Subset
from usru_scenarios.cli.options import Model, RunOptions, StudyOptions
from usru_scenarios.cli.session import TableSession
from usru_scenarios.settings import DEFAULT_MODEL


def check(
    model: Model = DEFAULT_MODEL,
    *,
    robust: Annotated[
        int,
        Option("--robust", metavar="[N]", help="Try also N models with all judgements a little different; alone 100."),
        parsers.parse_count,
        ImpliedValue("100"),
    ] = 0,
    mutants: Annotated[
        int,
        Option(
            "--mutants",
            metavar="[N]",
            help="Change one thing of the file, N times, and tell what nothing notices; alone 100.",
        ),
        parsers.parse_positive_count,
        ImpliedValue("100"),
    ] = 0,
    options: StudyOptions,
    run: Annotated[
        RunOptions,
        Subset(trials="How many trials to draw; fewer where that is clear, more where not.  [default: 16384]"),
    ],
    session: TableSession,
) -> None:
    """Do the model's claims hold?

    Each expectation of the file holds, fails or is undecided; the exit status is 1 if not all hold. --do, --given
    and --evidence hold for every probability in them: do they hold if this is done, or seen?

    --robust moves points by up to one, weights by up to 30%, priors, initial shares and persistence likewise, and
    solves the baselines for the anchor again each time.

    --mutants turns the sign of single points round, deletes rules, events and consequences, silences drivers, reverses
    them and consequences, and swaps rows. A mutant is noticed if the file can't be read any more, above all since it
    contradicts the claims that it cites, or else if an expectation fails. Those that nothing notices are listed, each
    with what makes it.
    """
    study = session.load(model, options.changes, options.evidence)
    result = study.check(
        robust=robust, mutants=mutants, **options.conditions._asdict(), map_parts=session.workers(), **run.arguments
    )
    session.warn_about_files(study)
    session.emit(result, run.select_warnings(result.warnings))
    if not result.all_hold:
        raise CommandEnd(FINDINGS)
