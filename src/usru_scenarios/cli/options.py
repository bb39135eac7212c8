"""Arguments that several commands share, and the reading of their values."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any

import typer

from usru_scenarios.cli.execution import CommandState
from usru_scenarios.problems import Problem, UnreadableInput, listing, suggestion
from usru_scenarios.report import REPORTS
from usru_scenarios.settings import LEAST_TRIALS, ArgumentError, RunSettings

BUNDLED = "us-russia"
"""The model that is meant where none is named; said here too, so that help needs not load what reads models."""

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A scenario file, - for standard input, or a bundled model.")
]
OptionalModel = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="A scenario file, - for standard input, or a bundled model.")
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weight", "-w", metavar="NAME=VALUE", help="Weight of a driver or rule; x1.5 multiplies. Repeatable."
    ),
]
Profile = Annotated[str | None, typer.Option("--profile", "-p", metavar="NAME", help="A profile of the file.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any value of the file, by its dotted path. Repeatable."),
]
SourcedOnly = Annotated[bool, typer.Option("--sourced-only", help="Set points to 0 that cite no claim of a document.")]
Confined = Annotated[
    bool, typer.Option("--confined", help="Read nothing outside of the folder of MODEL: for files of others.")
]
Trials = Annotated[
    str | None,
    typer.Option("--trials", "-n", metavar="N", help="How many trials to draw, as in 1e6.  [default: 81920]"),
]
FirstTrials = Annotated[
    str | None,
    typer.Option("--trials", "-n", metavar="N", help="How many trials to draw at first.  [default: 16384]"),
]
Judgements = Annotated[
    str | None,
    typer.Option(
        "--judgements",
        metavar="N",
        help="How many draws of the uncertain judgements; 0 takes them at their means.  [default: 512]",
    ),
]
Do = Annotated[
    list[str] | None,
    typer.Option("--do", metavar="NODE=STATE[@TIME]", help="Impose a state, cut off from its causes. Repeatable."),
]
Given = Annotated[
    list[str] | None,
    typer.Option("--given", metavar="NODE=STATE@TIME", help="See a state, which tells of its causes too. Repeatable."),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method", metavar="NAME", help="auto (exact where that is faster and there is no -n), sample or exact."
    ),
]
ReportFormat = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(REPORTS)}.  [default: table]"),
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Of the random numbers.  [default: 1]")]
Json = Annotated[bool, typer.Option("--json", help="JSON, for other programs.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, which is replaced at once.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]

Jobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="At most so many processes, for long runs only; no more than cores.  [default: auto]",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Start a run even if it is predicted to take more than an hour.")]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Run on the dask cluster at tcp://host:port, or on a local one."),
]

MOST_COUNT = 10**12
MOST_JOBS = 1024

_COUNT = re.compile(r"(\d+(?:_\d+)*)(?:\.(\d+))?(?:[eE]\+?(\d{1,3}))?", re.ASCII)
_ADDRESS = re.compile(r"(?:tcp|tls)://(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}", re.ASCII)


class Misuse(UnreadableInput):
    """An option has a value that makes no sense."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(str(Problem("usage", f"usru: {message}", None, hint)))


def noted(context: typer.Context, *, quiet: bool, debug: bool) -> CommandState:
    """The conduct of this run: what was asked for before the command's name or after it."""
    conduct = context.obj
    assert isinstance(conduct, CommandState)
    conduct.quiet |= quiet
    conduct.debug |= debug
    return conduct


def draws(
    *,
    trials: str | None = None,
    seed: str | None = None,
    method: str | None = None,
    judgements: str | None = None,
    least: int = LEAST_TRIALS,
) -> dict[str, Any]:
    """What `-n`, `--seed`, `--method` and `--judgements` ask for, by the names that `Study` takes; no more.

    Raises:
        Misuse: a value makes no sense; in the words of `settings`, which say it to users of the library too.
    """
    numbers = {"trials": trials, "seed": seed, "judgements": judgements}
    found: dict[str, Any] = {name: _count(f"--{name}", text) for name, text in numbers.items() if text is not None}
    if method is not None:
        found["method"] = method
    try:
        RunSettings.checked(**found, least=least)
    except ArgumentError as error:
        raise Misuse(f"--{error.message}", error.hint) from None
    return found


def count(option: str, text: str | None) -> int | None:
    """A whole number from 0 on, not absurdly large.

    Raises:
        Misuse: it is none.
    """
    if text is None:
        return None
    number = _count(option, text)
    if number > MOST_COUNT:
        raise Misuse(f"{option} {text} is too many", f"the most is {MOST_COUNT:,}")
    return number


def jobs(text: str | None) -> int | None:
    """How many processes `--jobs` allows; None where that is left open.

    Raises:
        Misuse: it is neither `auto` nor a whole number from 1 on, or too large.
    """
    if text is None or text == "auto":
        return None
    if _COUNT.fullmatch(text.strip()) is None:
        raise Misuse(f"--jobs takes auto or a whole number from 1 on, not '{text}'", "auto: as many as there are cores")
    number = _count("--jobs", text)
    if number < 1:
        raise Misuse(f"--jobs {text} is too few", "with --jobs 1 all is done in one process")
    if number > MOST_JOBS:
        raise Misuse(f"--jobs {text} is too many", f"the most is {MOST_JOBS}")
    return number


def cluster(text: str | None) -> str | None:
    """The address that `--cluster` names: `local`, or that of a scheduler.

    Raises:
        Misuse: it is neither.
    """
    if text is None or text == "local" or _ADDRESS.fullmatch(text):
        return text
    hint = suggestion(text, ["local"]) or "local, or the address of a scheduler, such as tcp://host:8786"
    raise Misuse(f"--cluster '{text}' is no address", hint)


def _count(option: str, text: str) -> int:
    """Read a whole number such as 100000, 100_000 or 1e5."""
    match = _COUNT.fullmatch(text.strip())
    number = None if match is None else _whole(match[1].replace("_", ""), match[2] or "", int(match[3] or 0))
    if number is None:
        raise Misuse(f"{option} takes a whole number from 0 on, not '{text}'", "such as 100000, 100_000 or 1e5")
    return number


def _whole(digits: str, decimals: str, exponent: int) -> int | None:
    """The number digits.decimals times ten to the exponent, or None where it is not whole or absurdly long."""
    decimals = decimals.rstrip("0")
    if exponent < len(decimals) or len(digits) > 100:
        return None
    return int(digits + decimals) * int(10 ** (exponent - len(decimals)))


def chosen_format(form: str | None, known: Collection[str], *, as_json: bool) -> str:
    """The format that `-f` and `--json` ask for together; the first of those known where neither does.

    Raises:
        Misuse: it is unknown, or the two contradict each other.
    """
    if form is not None and form not in known:
        raise Misuse(f"--format '{form}' is unknown", suggestion(form, known) or listing(known))
    if as_json and form not in (None, "json"):
        raise Misuse(f"--json and --format {form} contradict each other", "give one of them")
    return "json" if as_json else form or next(iter(known))
