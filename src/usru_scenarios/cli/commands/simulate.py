"""`usru simulate`: how likely is each scenario?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Option, Subset
from usru_scenarios.cli.options import Model, RunOptions, StudyOptions, format_option
from usru_scenarios.cli.session import Session
from usru_scenarios.report import TABULAR_FORMATS
from usru_scenarios.settings import DEFAULT_MODEL


def simulate(
    model: Model = DEFAULT_MODEL,
    *,
    options: StudyOptions,
    run: RunOptions,
    live: Annotated[
        bool, Option("--live", help="Run again whenever the file is saved, and show what changed; Ctrl-C ends.")
    ] = False,
    session: Annotated[Session, Subset(formats=format_option(TABULAR_FORMATS))],
) -> None:
    """How likely is each scenario, step by step?"""
    if live:
        from usru_scenarios.cli.live import run as run_live

        run_live(session, model, options, run)
    study = session.load(model, options.changes, options.evidence)
    shown = session.format not in ("table", "md")  # which are of the scenarios
    result = study.simulate(
        **options.conditions._asdict(), **run.arguments, map_blocks=session.workers(), consequences=shown
    )
    session.warn_about_files(study)
    session.emit(result, run.select_warnings(result.warnings))
