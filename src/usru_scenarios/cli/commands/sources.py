"""`usru sources`: what do the judgements rest on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import ModelOptions, OptionalModel, formats
from usru_scenarios.cli.parsers import model_and_part
from usru_scenarios.cli.session import Session
from usru_scenarios.report import TABULAR

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
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
    if session.format == "md":
        raise OptionError("md is a format of --directions alone", "add --directions, or -f json")
    from usru_scenarios.report import Builders, inventory

    def text(found: SourcesReport, layout: Layout) -> str:
        from usru_scenarios.report.sources import text

        return text(found, layout)

    session.emit(Builders(text, inventory.sources), study.sources(about))
