"""`usru show`: what does the file say, as the program understands it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.subject import subject
from usru_scenarios.cli.terminal import layout

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.study import Study


def show(
    context: typer.Context,
    model: options.OptionalModel = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One driver, consequence, scenario, rule or profile; all if left out."),
    ] = None,
    *,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="The file itself, as YAML, with all overlays applied.")
    ] = False,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What does the file say, as the program understands it?"""
    options.noted(context, quiet=quiet, debug=debug)
    if resolved and as_json:
        raise options.Misuse("--resolved and --json contradict each other", "--resolved writes YAML")
    source, part = subject(model, name)
    if resolved and part is not None:
        raise options.Misuse("--resolved shows the whole file", f"leave out '{part}'")
    request = ModelRequest(source, profile, weight, assignment, sourced_only, confined=confined)
    target = Destination.named(output)
    study = request.build()
    target.write(_resolved(study, target.folder) if resolved else _described(study, part, target, as_json=as_json))


def _resolved(study: Study, folder: Path) -> str:
    """The resolved file, whose register is found from the folder that the text is for."""
    from usru_scenarios.reading.access import register_folder
    from usru_scenarios.reading.yaml_source import Source
    from usru_scenarios.report.yaml_text import to_yaml

    loaded = study.loaded
    data = dict(loaded.data)
    written = loaded.tree.place.child("sources")
    if loaded.register is not None and written is not None:
        register = register_folder(written.source, data["sources"])[0].resolve()
        if register_folder(Source("", "", folder), data["sources"])[0].resolve() != register:
            data["sources"] = str(register)
    return to_yaml(data)


def _described(study: Study, name: str | None, target: Destination, *, as_json: bool) -> str:
    from usru_scenarios.questions.show import describe_model, only

    described = describe_model(study.loaded, study.program)
    if name is not None:
        described = only(described, name)
    if as_json:
        from usru_scenarios.report.data import to_json

        return to_json(described.to_dict())
    from usru_scenarios.report import show as text

    if name is None:
        return text.overview(described, layout(target))
    return text.part(describe_model(study.loaded, study.program), name, layout(target))
