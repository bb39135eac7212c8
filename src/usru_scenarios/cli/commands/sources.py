"""`usru sources`: what do the judgements rest on?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import ModelOptions, OptionalModel
from usru_scenarios.cli.parsers import split_model_and_part
from usru_scenarios.cli.session import Session, reading_subset
from usru_scenarios.report import TABULAR_FORMATS


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
    session: Annotated[Session, reading_subset(TABULAR_FORMATS)],
) -> None:
    """What do the judgements rest on: claims, assumptions, nothing?"""
    source, about = split_model_and_part(model, name)
    study = session.load(source, changes)
    session.emit(study.directions(about) if directions else study.sources(about))
