"""`usru watch`: which observations would move the forecast most?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Option, Subset
from usru_scenarios.cli.options import Model, RunOptions, StudyOptions
from usru_scenarios.cli.parsers import parse_count
from usru_scenarios.cli.session import LocalTableSession
from usru_scenarios.settings import DEFAULT_MODEL, DEFAULT_TOP


def watch(
    model: Model = DEFAULT_MODEL,
    *,
    on: Annotated[
        str | None,
        Option(metavar="STEP", help="When the observation is made.  [default: a quarter of the way through]"),
    ] = None,
    horizon: Annotated[
        str | None, Option("--for", metavar="STEP", help="When the forecast is for.  [default: end]")
    ] = None,
    of: Annotated[
        str | None, Option(metavar="NAME", help="Rank by one scenario or group.  [default: all scenarios together]")
    ] = None,
    top: Annotated[
        int, Option(metavar="N", help="Show so many; 0 for all, as in csv and json.  [default: 10]"), parse_count
    ] = DEFAULT_TOP,
    options: StudyOptions,
    run: Annotated[RunOptions, Subset("trials", "seed", "method")],
    session: LocalTableSession,
) -> None:
    """What to watch? What would move the forecast most, if seen.

    Observations are ranked by how far they move it in expectation.
    """
    study = session.load(model, options.changes, options.evidence)
    result = study.watch(
        on=on, horizon=horizon, of=of, map_blocks=session.workers(), **options.conditions._asdict(), **run.arguments
    )
    session.emit(result, result.warnings, top)
