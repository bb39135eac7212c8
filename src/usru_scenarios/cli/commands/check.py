"""`usru check`: do the model's claims hold?"""

from __future__ import annotations

from typing import Annotated

from typer import Exit, Option

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import FINDINGS
from usru_scenarios.cli.options import Model, ModelOptions, RunOptions, formats
from usru_scenarios.cli.session import Session
from usru_scenarios.cli.splicing import Alone, Subset
from usru_scenarios.report import REPORTS
from usru_scenarios.settings import DEFAULT_MODEL


def check(
    model: Model = DEFAULT_MODEL,
    *,
    robust: Annotated[
        int,
        Option("--robust", metavar="[N]", help="Try also N models with all judgements a little different; alone 100."),
        parsers.count,
        Alone("100"),
    ] = 0,
    changes: ModelOptions,
    run: Annotated[RunOptions, Subset(trials="How many trials to draw at first.  [default: 16384]")],
    session: Annotated[Session, Subset(form=formats(REPORTS), without=("wide",))],
) -> None:
    """Do the model's claims hold? Each expectation of the file holds, fails or is undecided; status 1 if not all hold.

    --robust moves points by up to one, weights by up to 30%, priors, initial shares and persistence likewise, and
    solves the baselines for the anchor again each time.
    """
    study = session.load(model, changes)
    result = study.check(robust=robust, map_parts=session.workers().map, **run.asked)
    session.emit("check", result, result.warnings)
    if not result.all_hold:
        raise Exit(FINDINGS)
