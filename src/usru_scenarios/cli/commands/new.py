"""`usru new`: a scenario file to start from."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.output import STANDARD_OUTPUT, Destination
from usru_scenarios.cli.session import Session
from usru_scenarios.problems import printable

SCHEMA_FILE = "usru.schema.json"
"""The schema that the editor line of a new file points to; it is written beside the file."""


def new(
    path: Annotated[
        str, Argument(metavar="PATH", help="A file, a name for one, or - for standard output.")
    ] = "my-scenarios",
    *,
    force: Annotated[bool, Option("--force", help="Replace files that are there.")] = False,
    session: Annotated[Session, Subset("quiet", "debug")],
) -> None:
    """Start a file of your own, which runs at once.

    It has two drivers and comments. The schema that its first line names, for editors, is put beside it.
    """
    if path == STANDARD_OUTPUT:
        session.output.write(starter("my-scenarios", "my-scenarios.yaml"))
        return
    file = Path(path if path.endswith((".yaml", ".yml")) else f"{path}.yaml")
    schema_file = file.with_name(SCHEMA_FILE)
    schema = _schema()
    if not force:
        _refuse_to_replace(file, schema_file, schema)
    targets = Destination.named(str(schema_file)), Destination.named(str(file))
    for target, text in zip(targets, (schema, starter(_model_name(file), file.name)), strict=True):
        target.write(text)
    wrote, run = printable(f"{file} and {schema_file}"), printable(shlex.quote(str(file)))
    session.say(f"wrote {wrote}\nnow run: usru simulate {run}")


def starter(name: str, file: str) -> str:
    """The text of a new file, given the name of its model and its own."""
    from importlib.resources import files

    text = files("usru_scenarios").joinpath("starter.yaml").read_text(encoding="utf-8")
    return text.replace("NAME", name).replace("SCHEMA", SCHEMA_FILE).replace("FILE", _shown(file))


def _schema() -> str:
    from usru_scenarios.report.data import to_json
    from usru_scenarios.schemas import model_schema

    return to_json(model_schema())


def _refuse_to_replace(file: Path, schema_file: Path, schema: str) -> None:
    """A file that is there stays, but a schema that says the same already is in nobody's way."""
    if file.exists():
        raise OptionError(f"{file} is there already", "give another name, or --force to replace it")
    if schema_file.exists() and not _says(schema_file, schema):
        raise OptionError(f"{schema_file} is there already and differs", "--force replaces both files")


def _says(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode()


def _shown(file: str) -> str:
    """The name of a file as a comment may show it."""
    return file if file.isprintable() and " " not in file else "FILE"


def _model_name(file: Path) -> str:
    """The name of the model in a file of this name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "my-scenarios"
