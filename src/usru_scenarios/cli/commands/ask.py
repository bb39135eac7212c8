"""`usru ask`: how likely is this, if that?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Argument, Subset
from usru_scenarios.cli.options import ConditionOptions, Model, ModelOptions, RunOptions, formats
from usru_scenarios.cli.parsers import is_model
from usru_scenarios.cli.session import Session
from usru_scenarios.report import TABULAR
from usru_scenarios.settings import DEFAULT_MODEL


def ask(
    query: Annotated[str, Argument(metavar="QUERY", help='Such as "P(reset @ end | do(ukraine_talks=settlement))".')],
    model: Model = DEFAULT_MODEL,
    *,
    conditions: ConditionOptions,
    changes: ModelOptions,
    run: RunOptions,
    session: Annotated[Session, Subset(form=formats(TABULAR), without=("wide", "cluster"))],
) -> None:
    """How likely is this, if that? A probability, or a comparison.

    \b
      P(EVENT @ TIME | CONDITION, CONDITION)
      EVENT      a scenario or group, driver=state, number>0.7; not, and, or, ( )
      TIME       start, end, now, 2026-Q1: at that step
                 mean (the default), 2026, 2026..2027: on average over them
                 ever, always, by 2027: at some, at every, at some up to that step
                 each: in a comparison, which must hold at every step
      CONDITION  do(driver=state @ TIME): imposed, cut off from its causes
                 an EVENT: observed, at the same step or at its own @ TIME
                 profile(id): under that profile
      odds(P(...)), log( ), numbers and + - * / make a number of several
      P(...) > 0.5, 0.1 < P(...) < 0.4: does it hold?

    docs/queries.md has all of the language, each with an example. An answer is an answer: a comparison that fails, or
    that sampling can't decide, ends with status 0 (see check).
    """  # noqa: D301  # \b keeps the lines of the grammar
    from usru_scenarios.results.common import warned

    if is_model(query) and not is_model(model):
        query, model = model, query
    study = session.load(model, changes)
    result = study.ask(query, **conditions._asdict(), **run.asked, map_blocks=session.workers())
    session.remark(study)
    session.emit("ask", result, map(warned, study.outline.warnings))
