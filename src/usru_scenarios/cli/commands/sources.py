"""`usru sources`: what do the judgements rest on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import ModelOptions, OptionalModel, formats
from usru_scenarios.cli.parsers import model_and_part
from usru_scenarios.cli.session import Session
from usru_scenarios.report import TABULAR

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.document import Report
    from usru_scenarios.results.sources import SourcesReport


def sources(
    model: OptionalModel = None,
    name: Annotated[
        str | None,
        Argument(
            metavar="NAME", help="A driver, a judgement's path such as drivers.sanctions.persistence, or a claim."
        ),
    ] = None,
    *,
    directions: Annotated[
        bool, Option("--directions", help="In which direction claims push the numbers that cite them.")
    ] = False,
    changes: Annotated[ModelOptions, Subset("profile")],
    session: Annotated[
        Session, Subset("form", "as_json", "confined", "output", "quiet", "debug", form=formats(TABULAR))
    ],
) -> None:
    """What do the judgements rest on: claims, assumptions, nothing?"""
    source, about = model_and_part(model, name)
    study = session.load(source, changes)
    if directions:
        session.emit("directions", study.directions(about), ())
        return
    from usru_scenarios.report import Builders, inventory

    def text(found: SourcesReport, layout: Layout) -> Report | str:
        if not layout.width:
            from usru_scenarios.report.listed import tables

            return tables(found, inventory.sources(found, layout))
        from usru_scenarios.report.sources import text

        return text(found, layout)

    session.emit(Builders(text, inventory.sources), study.sources(about))
