"""`usru calibrate`: which baselines reproduce the anchor?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Option, Subset
from usru_scenarios.cli.options import Model, ModelOptions, RunOptions
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.session import LocalTableSession
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.reading.loading import Loaded
    from usru_scenarios.results.calibrate import Calibration


def calibrate(
    model: Model = DEFAULT_MODEL,
    *,
    write: Annotated[bool, Option("--write", help="Change these numbers in the file, and nothing else.")] = False,
    run: Annotated[RunOptions, Subset("seed")],
    session: LocalTableSession,
) -> None:
    """Which baselines reproduce the anchor?

    They are what the cited drivers do not explain.
    """
    study = session.load(model, ModelOptions())
    file = _writable_file(study.loaded) if write else None
    result = study.calibrate(map_blocks=session.workers(), **run.arguments)
    message = "" if file is None else _write_baselines(study.loaded, result, file)
    from usru_scenarios.report import Builders, calibrate

    report = partial(calibrate.report, titles=study.outline.scenarios)
    session.emit(result, builders=Builders(report, calibrate.rows))
    if message:
        session.say(message)


def _writable_file(loaded: Loaded) -> Path:
    """The file that may be changed.

    Raises:
        OptionError: it is standard input, or belongs to an installed package.
    """
    from usru_scenarios.reading.files import is_rereadable
    from usru_scenarios.reading.locations import is_installed

    if loaded.path is None:
        raise OptionError("--write has no file to change: the model comes from standard input", "name its file")
    if not is_rereadable(loaded.path):
        raise OptionError("--write has no file to change: the model comes from a pipe or device", "name its file")
    if is_installed(loaded.path):
        name = loaded.path.name
        hint = f"make a copy first: usru new ./{name} --from {loaded.path.stem}; usru calibrate ./{name} --write"
        raise OptionError(f"{name} belongs to the installed package and is not changed", hint)
    return loaded.path


def _write_baselines(loaded: Loaded, result: Calibration, file: Path) -> str:
    """Change the numbers in the file, and return a message of what was done.

    Raises:
        NotInPlaceError: they can't be changed where they stand.
        OptionError: somebody else has changed the file since it was read.
        OutputError: the file can't be replaced.
    """
    from usru_scenarios.questions.calibrate import rewrite_baselines
    from usru_scenarios.reading.files import read_regular_file

    text = rewrite_baselines(loaded, result.baselines)
    if text == loaded.source.text:
        return f"{file} has these baselines already"
    present = read_regular_file(file).decode("utf-8", errors="replace")
    if present.removeprefix(_BYTE_ORDER_MARK) != loaded.source.text:
        raise OptionError(f"{file} has changed since it was read", "run the command again")
    Destination.from_option(str(file)).write(_BYTE_ORDER_MARK + text if present.startswith(_BYTE_ORDER_MARK) else text)
    return f"wrote the baselines to {file}"


_BYTE_ORDER_MARK = "\ufeff"
"""The byte order mark that some editors put before a text, which is not part of it."""
