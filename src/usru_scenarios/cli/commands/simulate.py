"""`usru simulate`: how likely is each scenario?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Subset
from usru_scenarios.cli.options import ConditionOptions, Model, ModelOptions, RunOptions, formats
from usru_scenarios.cli.session import Session
from usru_scenarios.report import TABULAR
from usru_scenarios.settings import DEFAULT_MODEL


def simulate(
    model: Model = DEFAULT_MODEL,
    *,
    conditions: ConditionOptions,
    changes: ModelOptions,
    run: RunOptions,
    session: Annotated[Session, Subset(form=formats(TABULAR))],
) -> None:
    """How likely is each scenario, step by step?"""
    study = session.load(model, changes)
    result = study.simulate(**conditions._asdict(), **run.asked, map_blocks=session.workers())
    session.emit("simulate", result, result.warnings)
