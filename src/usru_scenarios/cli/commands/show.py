"""`usru show`: what does the file say, as the program understands it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option
from usru_scenarios.cli.options import ModelOptions, OptionalModel
from usru_scenarios.cli.parsers import model_and_part
from usru_scenarios.cli.session import Session, TextSession

if TYPE_CHECKING:
    from usru_scenarios.study import Study


def show(
    model: OptionalModel = None,
    name: Annotated[
        str | None,
        Argument(metavar="NAME", help="One driver, consequence, scenario, rule or profile; all if left out."),
    ] = None,
    *,
    resolved: Annotated[
        bool, Option("--resolved", help="The file itself, as YAML, with all overlays applied.")
    ] = False,
    changes: ModelOptions,
    session: TextSession,
) -> None:
    """What does the file say, as the program understands it?"""
    if resolved and session.as_json:
        raise OptionError("--resolved and --json contradict each other", "--resolved writes YAML")
    source, part = model_and_part(model, name)
    if resolved and part is not None:
        raise OptionError("--resolved shows the whole file", f"leave out '{part}'")
    study = session.load(source, changes)
    if resolved:
        from usru_scenarios.reading.copies import resolved as one_file

        session.output.write(one_file(study.loaded, session.output.folder))
    else:
        _describe(study, part, session)


def _describe(study: Study, name: str | None, session: Session) -> None:
    whole = study.overview
    described = whole if name is None else whole.only(name)
    if session.as_json:
        session.emit_json(described.to_dict())
        return
    from usru_scenarios.report import show as text

    layout = session.layout()
    session.output.write(text.overview(whole, layout) if name is None else text.part(whole, name, layout))
