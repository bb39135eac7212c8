"""`usru show`: what does the file say, as the program understands it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, ImpliedValue, Option
from usru_scenarios.cli.options import ModelOptions, OptionalModel
from usru_scenarios.cli.parsers import split_model_and_part
from usru_scenarios.cli.session import Session, reading_subset
from usru_scenarios.names import KINDS
from usru_scenarios.problems import RequestError, to_printable
from usru_scenarios.report import PART_FORMATS, Builders, Layout, lazy_builder

if TYPE_CHECKING:
    from usru_scenarios.results.show import Overview, PartNames
    from usru_scenarios.study import Study


_ALL = "all"


def show(
    model: OptionalModel = None,
    name: Annotated[
        str | None,
        Argument(metavar="NAME", help="One driver, consequence, scenario, rule or profile; all if left out."),
    ] = None,
    *,
    resolved: Annotated[
        bool, Option("--resolved", help="The file itself, as YAML, with all overlays applied; as -f yaml.")
    ] = False,
    names: Annotated[
        str | None,
        Option(
            "--names",
            metavar="[KIND]",
            help=f"Names alone, one a line: {', '.join(KINDS[:-1])} or {KINDS[-1]}; alone all but states and paths.",
        ),
        parsers.choice_parser((*KINDS, _ALL)),
        ImpliedValue(_ALL),
    ] = None,
    changes: ModelOptions,
    session: Annotated[Session, reading_subset(PART_FORMATS)],
) -> None:
    """What does the file say, as the program understands it?"""
    if resolved and session.format not in ("table", "yaml"):
        raise OptionError(f"--resolved and the format {session.format} contradict each other", "--resolved writes YAML")
    resolved = resolved or session.format == "yaml"
    source, part = split_model_and_part(model, name)
    if names is not None:
        if part is not None or resolved:
            message = f"--names shows names alone, without {part or '--resolved'}"
            raise OptionError(message, f"such as --names {KINDS[0]}")
        _show_names(session.load(source, changes), names, session)
        return
    if resolved and part is not None:
        raise OptionError("--resolved shows the whole file", f"leave out '{part}'")
    study = session.load(source, changes)
    if resolved:
        from usru_scenarios.reading.copies import resolved_text

        session.output.write(resolved_text(study.loaded, session.output.folder))
    else:
        _show_description(study, part, session)


def _show_description(study: Study, part: str | None, session: Session) -> None:
    overview = study.overview
    try:
        described = overview if part is None else overview.only(part)
    except RequestError:
        if part not in KINDS:
            raise
        hint = f"usru show --names {part} lists the {part}"
        raise OptionError(f"the model has no part '{part}'", hint) from None

    def part_as_text(_described: Overview, layout: Layout) -> str:
        from usru_scenarios.report import show

        return show.part_text(overview, str(part), layout)

    builders = Builders(rows=lazy_builder("inventory.part_rows"), text=part_as_text)
    session.emit(described, builders=None if part is None else builders)


def _show_names(study: Study, kind: str, session: Session) -> None:
    from usru_scenarios.results.common import FileRun
    from usru_scenarios.results.show import PartNames

    kinds = [name for name in KINDS if name not in ("states", "paths")] if kind == _ALL else [kind]
    model, profile = study.outline.model, study.outline.profile
    part_names = PartNames(model, FileRun(profile), profile, {name: study.names[name] for name in kinds})

    def text(listed: PartNames, _layout: Layout) -> str:
        return "".join(f"{to_printable(name)}\n" for names in listed.names.values() for name in names)

    session.emit(part_names, builders=Builders(rows=lazy_builder("inventory.name_rows"), text=text))
