"""`usru sources`: what do the judgements rest on?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.declarations import Argument, Subset
from usru_scenarios.cli.options import ModelOptions, OptionalModel
from usru_scenarios.cli.parsers import model_and_part
from usru_scenarios.cli.session import TextSession


def sources(
    model: OptionalModel = None,
    name: Annotated[
        str | None,
        Argument(
            metavar="NAME", help="A driver, a judgement's path such as drivers.sanctions.persistence, or a claim."
        ),
    ] = None,
    *,
    changes: Annotated[ModelOptions, Subset("profile")],
    session: TextSession,
) -> None:
    """What do the judgements rest on: claims, assumptions, nothing?"""
    source, about = model_and_part(model, name)
    found = session.load(source, changes).sources(about)
    if session.as_json:
        session.emit_json(found.to_dict())
    else:
        from usru_scenarios.report.sources import claims, coverage

        session.output.write((coverage if about is None else claims)(found, session.layout()))
