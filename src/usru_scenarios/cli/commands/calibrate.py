"""`usru calibrate`: which baselines reproduce the anchor?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.execution import complain
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.workers import workers

if TYPE_CHECKING:
    from pathlib import Path

    from usru_scenarios.reading.loading import Loaded
    from usru_scenarios.results.calibrate import Calibration


def calibrate(
    context: typer.Context,
    model: options.Model = options.BUNDLED,
    *,
    write: Annotated[bool, typer.Option("--write", help="Change these numbers in the file, and nothing else.")] = False,
    seed: options.Seed = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Which baselines reproduce the anchor? They are what the cited drivers do not explain."""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    draws = options.draws(seed=seed)
    target = Destination.named(output)
    study = ModelRequest(model, confined=confined).build()
    home = _home(study.loaded) if write else None
    progress = workers(context, conduct, jobs, yes=yes)
    result = study.calibrate(map_blocks=progress.map, **draws)
    said = _write(study.loaded, result, home) if home is not None else ""
    target.write(_rendered(study.loaded, result, target, as_json=as_json))
    if said and not conduct.quiet:
        complain(said)


def _rendered(loaded: Loaded, result: Calibration, target: Destination, *, as_json: bool) -> str:
    if as_json:
        from usru_scenarios.report.data import to_json

        return to_json(result.to_dict())
    from usru_scenarios.report.calibrate import table

    titles = {name: scenario.title or name for name, scenario in loaded.model.scenarios.items()}
    return table(result, titles, layout(target))


def _home(loaded: Loaded) -> Path:
    """The file that may be changed.

    Raises:
        Misuse: it is standard input, or belongs to an installed package.
    """
    from usru_scenarios.reading.files import is_kept
    from usru_scenarios.reading.locations import is_installed

    if loaded.path is None:
        raise options.Misuse("--write has no file to change: the model comes from standard input", "name its file")
    if not is_kept(loaded.path):
        raise options.Misuse("--write has no file to change: the model comes from a pipe or device", "name its file")
    if is_installed(loaded.path):
        name = loaded.path.name
        hint = f"make a copy first: usru show {loaded.path.stem} --resolved -o {name}; usru calibrate ./{name} --write"
        raise options.Misuse(f"{name} belongs to the installed package and is not changed", hint)
    return loaded.path


def _write(loaded: Loaded, result: Calibration, home: Path) -> str:
    """Change the numbers in the file; says what was done.

    Raises:
        NotInPlace: they can't be changed where they stand.
        Misuse: somebody else has changed the file since it was read.
        Unwritable: the file can't be replaced.
    """
    from usru_scenarios.questions.calibrate import rewritten
    from usru_scenarios.reading.files import regular_bytes

    text = rewritten(loaded, result.baselines)
    if text == loaded.source.text:
        return f"{home} has these baselines already"
    present = regular_bytes(home).decode("utf-8", errors="replace")
    if present.removeprefix(_MARK) != loaded.source.text:
        raise options.Misuse(f"{home} has changed since it was read", "run the command again")
    Destination.named(str(home)).write(_MARK + text if present.startswith(_MARK) else text)
    return f"wrote the baselines to {home}"


_MARK = "\ufeff"
"""The byte order mark that some editors put before a text, which is not part of it."""
