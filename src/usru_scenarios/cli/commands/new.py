"""`usru new`: a scenario file to start from, a copy of one, or a short file laid over one."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import ModelOptions
from usru_scenarios.cli.output import STANDARD_OUTPUT, Destination, write_together
from usru_scenarios.cli.session import Session
from usru_scenarios.problems import to_printable

if TYPE_CHECKING:
    from usru_scenarios.reading.loading import Loaded

SCHEMA_FILE = "usru.schema.json"
"""The schema that the editor line of a new file points to; it is written beside the file."""
CLAIMS_SCHEMA_FILE = "claims.schema.json"
"""Likewise that of a file of claims, which is written beside those."""


def new(
    path: Annotated[
        str, Argument(metavar="PATH", help="A file, a name for one, or - for standard output.")
    ] = "my-scenarios",
    *,
    origin: Annotated[
        str | None, Option("--from", metavar="MODEL", help="A copy of this one, comments included, that runs anywhere.")
    ] = None,
    extend: Annotated[
        str | None,
        Option("--extend", metavar="MODEL", help="A short file laid over this one, with what to change as comments."),
    ] = None,
    force: Annotated[bool, Option("--force", help="Replace files that are there.")] = False,
    session: Annotated[Session, Subset("confined", "quiet", "debug")],
) -> None:
    """Start a file of your own, which runs at once.

    It has a line of each kind and comments, and a register of claims beside it. Or it begins with a model that is
    there: as a copy (--from), or as a short file that is laid over it (--extend). The schema that its first line names,
    for editors, is put beside it, and so is that of the claims.

    \b
      usru new mine.yaml                      a subject of your own
      usru new mine.yaml --from us-russia     the bundled model, to change anything in it
      usru new mine.yaml --extend us-russia   only what you see otherwise
    """  # noqa: D301  # \b keeps the lines of the examples
    if origin is not None and extend is not None:
        raise OptionError("--from and --extend contradict each other", "a copy stands alone, an overlay does not")
    if path == STANDARD_OUTPUT:
        session.output.write(_new_file_text(Path("my-scenarios.yaml"), origin, extend, session, alone=True))
        return
    if not Path(path).name or path.endswith(("/", os.sep)):
        raise OptionError(f"'{path}' is no name of a file", "such as mine.yaml")
    file = Path(path if path.endswith((".yaml", ".yml")) else f"{path}.yaml")
    Destination.from_option(str(file))
    texts = {file: _new_file_text(file, origin, extend, session), file.with_name(SCHEMA_FILE): _schema_text("model")}
    if origin is None and extend is None:
        folder = claims_folder(file)
        claims = _read_template("starter-claims.yaml").replace("SCHEMA", CLAIMS_SCHEMA_FILE)
        texts |= {folder / "article.yaml": claims, folder / CLAIMS_SCHEMA_FILE: _schema_text("claims")}
    if not force:
        _refuse_to_replace(texts)
    write_together({place: text for place, text in texts.items() if not _has_text(place, text)})
    *most, last = [to_printable(str(place)) for place in texts]
    session.say(f"wrote {', '.join(most)} and {last}\nnow run: usru simulate {to_printable(shlex.quote(str(file)))}")


def _new_file_text(file: Path, origin: str | None, extend: str | None, session: Session, *, alone: bool = False) -> str:
    """The text of the new file; `alone` where nothing will lie beside it."""
    if origin is not None:
        from usru_scenarios.reading.copies import copied_text

        return copied_text(_load_origin(origin, file, session), file.parent, _model_name(file), SCHEMA_FILE)
    if extend is not None:
        return _overlay_text(extend, file, session)
    return starter_text(file, alone=alone)


def _overlay_text(model: str, file: Path, session: Session) -> str:
    from usru_scenarios.reading.access import has_yaml_ending
    from usru_scenarios.reading.copies import model_reference
    from usru_scenarios.reading.drafts import draft_overlay

    loaded = _load_origin(model, file, session)
    if loaded.path is None or not has_yaml_ending(loaded.path):
        raise OptionError(
            f"--extend {model} can't be extended", "it has to be a .yaml or .yml file, or a bundled model"
        )
    extends = model_reference(loaded.path, file.parent)
    return draft_overlay(
        loaded, name=_model_name(file), extends=extends, file=_name_for_comment(file.name), schema=SCHEMA_FILE
    )


def _load_origin(model: str, file: Path, session: Session) -> Loaded:
    """Load the model that a new file begins with, which the new file must not replace."""
    loaded = session.load(model, ModelOptions()).loaded
    if os.path.realpath(file) in map(os.path.realpath, loaded.inputs):
        raise OptionError(f"{file} is what {model} is made of", "give another name")
    return loaded


def starter_text(file: Path, *, alone: bool = False) -> str:
    """The text of a new file; without its register where it is to stand alone."""
    from usru_scenarios.reading.yaml_text import to_flow_yaml

    text = _read_template("starter.yaml").replace("NAME", _model_name(file)).replace("SCHEMA", SCHEMA_FILE)
    text = text.replace("sources: CLAIMS", f"{'#' if alone else ''}sources: {to_flow_yaml(claims_folder(file).name)}")
    return text.replace("FILE", _name_for_comment(file.name))


def claims_folder(file: Path) -> Path:
    """The folder beside a new file that its claims are written to."""
    return file.with_name(f"{file.stem}-claims")


def _read_template(name: str) -> str:
    from importlib.resources import files

    return files("usru_scenarios").joinpath(name).read_text(encoding="utf-8")


def _schema_text(name: str) -> str:
    from usru_scenarios.report.data import to_json
    from usru_scenarios.schemas import schema

    return to_json(schema(name))


def _refuse_to_replace(texts: dict[Path, str]) -> None:
    """Refuse a file that is there, and others beside it that are there with another text."""
    file, *others = texts
    if file.exists():
        raise OptionError(f"{file} is there already", "give another name, or --force to replace it")
    for other in others:
        if other.exists() and not _has_text(other, texts[other]):
            hint = "give another name, or --force to replace both"
            raise OptionError(f"{file} can't be written: {other}, which goes with it, is there and differs", hint)


def _has_text(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode()


def _name_for_comment(file: str) -> str:
    """The name of a file where a comment can have it; otherwise `FILE`."""
    return file if file.isprintable() and " " not in file else "FILE"


def _model_name(file: Path) -> str:
    """The name of the model in a file of this name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "my-scenarios"
