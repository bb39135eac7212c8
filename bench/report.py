"""What was measured as a tidy CSV, one quantity a line, and as short tables with the bars."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import get_args

from bench import commands, startup
from bench.contenders import Method, Unavailable, yardstick
from bench.contenders.register import AGRUM, OURS, PLAIN, C
from bench.measure import Row, What
from bench.suite import ACCURACIES, BEFORE, BUNDLED, CPU, NS, PEAK, TO_ERROR, WALL, Suite
from usru_scenarios.version import __version__

_COLUMNS = ("section", "case", "contender", "method", "trials", "drivers", "steps")
_COMPARED = ("static", "dynamic")
_METHODS = get_args(Method)

Who = tuple[str, str]
"""A contender and its method."""


def as_csv(rows: Iterable[Row]) -> str:
    """Every quantity with its median, least and most over the rounds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, "quantity", "unit", "rounds", "median", "min", "max"])
    for row in rows:
        figures = [f"{value:.6g}" for value in (row.median, min(row.values), max(row.values))]
        writer.writerow([*astuple(row.what), row.quantity, row.unit, len(row.values), *figures])
    return text.getvalue()


def as_markdown(suite: Suite) -> str:
    """Versions, bars, and a table for each section that was run."""
    rows = suite.rows
    parts = [
        "# The benchmark",
        _setting(suite),
        _bars(rows),
        *_answers(rows, "static", "One step: 10 drivers of 3 states, 4 scenarios"),
        *_answers(rows, "dynamic", "24 steps: the same drivers, each reading others' previous states"),
        _growth(rows),
        _startup(rows),
        _commands(rows),
        _memory(rows),
        "\n".join(["**Not run**", "", *(f"- {line}" for line in suite.skipped)]) if suite.skipped else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(suite: Suite) -> str:
    """The bars and one line for each contender, short enough to be quoted."""
    return "\n\n".join([_setting(suite), _bars(suite.rows), _contenders(suite.rows)]) + "\n"


# The machine ---------------------------------------------------------------------------------------------------------


def versions() -> list[str]:
    """What ran here: interpreter, packages, compiler, machine."""
    found = [f"usru {__version__}", f"Python {platform.python_version()}"]
    for package in ("numpy", "pyagrum", "pgmpy", "numba"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {package}")
    return [*found, _compiler(), f"{platform.system()} {platform.machine()}", _processor()]


def _compiler() -> str:
    try:
        command = [yardstick.compiler(), "--version"]
    except Unavailable as reason:
        return str(reason)
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return (told.splitlines() or ["cc"])[0]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}"


def _setting(suite: Suite) -> str:
    return (
        f"Measured in one run: {', '.join(versions())}. Medians of {suite.rounds} interleaved rounds, with the least "
        "and the most; processor time on one thread, but for what is said to be wall time; every answer was compared "
        "with the exact one before it was timed. *Carried*: drivers are drawn and the scenario's probability is "
        "carried along them (Rao and Blackwell). *Drawn*: the scenario is drawn too. *Carried / drawn* holds this "
        "project's carried run against another's drawn one."
    )


# Bars ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A bound that was set for a ratio or a figure, and what was measured; None where it was not.

    Attributes:
        name: what is held against what.
        bound: what it may be at most.
        measured: the values over the rounds.
        unit: of both.
    """

    name: str
    bound: float
    measured: tuple[float, ...] | None
    unit: str = "times"

    @property
    def line(self) -> list[str]:
        """Name, bound, measured, verdict."""
        bound = f"<= {_figure(self.bound)} {self.unit}"
        if self.measured is None:
            return [self.name, bound, "", "not measured"]
        median = statistics.median(self.measured)
        verdict = "met" if median <= self.bound else f"missed by {_figure(median / self.bound)} times"
        return [self.name, bound, f"{_spread(self.measured)} {self.unit}", verdict]


def bars(rows: Sequence[Row]) -> list[Bar]:
    """Every bar, with what this run says of it."""
    found = _Found(rows)
    listed = []
    for model, method, plain, compiled in (
        ("static", "carried", 1 / 20, 3.0),
        ("dynamic", "carried", 1 / 14, 2.2),
        ("feedback", "drawn", 1 / 12, 2.2),
    ):
        for peer, bound in ((PLAIN, plain), (C, compiled)):
            for theirs in dict.fromkeys((method, "drawn")):
                kind = f"{method} / {theirs}" if method != theirs else method
                ratio = found.ratio(NS, model, (OURS, method), (peer, theirs))
                listed.append(Bar(f"{model} sampling against {peer} ({kind})", bound, ratio))
    for method in ("exact", "exact, all nodes"):
        ratio = found.ratio(CPU, "static", (OURS, method), (AGRUM, method))
        listed.append(Bar(f"static, {method}, against {AGRUM}", 1.0, ratio))
    listed.append(Bar("dynamic, exact, all nodes", 1.0, found.values(WALL, "dynamic", (OURS, "exact, all nodes")), "s"))
    listed += [
        Bar(f"{name} against {startup.BASE}", bound, found.ratio(WALL, "", (name, ""), (startup.BASE, "")))
        for name, bound in startup.BOUNDS.items()
    ]
    return [*listed, *_command_bars(found), *_memory_bars(rows)]


def _command_bars(found: _Found) -> list[Bar]:
    """Of the bundled model: beside busy processes, against an earlier version, on two cores, to an accuracy."""
    listed = [
        Bar(f"{commands.BUSY}, against idle", 1.2, found.ratio(CPU, "", (commands.BUSY, ""), (commands.IDLE, "")))
    ]
    for name in commands.SLOWER:
        ratio = found.ratio(CPU, "", (name, ""), (commands.EARLIER.format(name), ""))
        listed.append(Bar(f"{name}, processor time against an earlier version", 0.5, ratio))
    for trials in (10**5, 10**7):
        one, two = ((commands.JOBS.format(trials, jobs), "") for jobs in (1, 2))
        listed.append(Bar(f"{two[0]} against one", 1 / 1.8, found.ratio(WALL, "", two, one)))
    to_error = TO_ERROR.format(ACCURACIES[-1])
    mine, plain = (found.values(to_error, BUNDLED, who) for who in ((OURS, "carried"), (PLAIN, "drawn")))
    ratio = None if not mine or not plain else tuple(one / statistics.median(plain) for one in mine)
    return [*listed, Bar(f"{BUNDLED}, {to_error}, against {PLAIN} (drawn)", 1 / 200, ratio)]


def _memory_bars(rows: Sequence[Row]) -> list[Bar]:
    """The peak memory at the largest number of trials that was measured."""
    listed = []
    for model in ("static", "dynamic"):
        ours = [row for row in rows if row.quantity == PEAK and (row.what.case, row.what.contender) == (model, OURS)]
        if sampled := [row for row in ours if row.what.trials]:
            largest = max(sampled, key=lambda row: row.what.trials)
            listed.append(Bar(f"{model}, memory at {largest.what.trials:,} trials", 150.0, largest.values, "MB"))
    return listed


class _Found:
    """The values of rows by what they say; those of growth and of memory aside."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._values = {
            (row.quantity, row.what.case, row.what.contender, row.what.method): row.values
            for row in rows
            if row.what.section in {"static", "dynamic", "startup", "commands"}
        }

    def values(self, quantity: str, model: str, who: Who) -> tuple[float, ...] | None:
        """What was measured of a contender and a method, in each round."""
        return self._values.get((quantity, model, *who))

    def ratio(self, quantity: str, model: str, one: Who, other: Who) -> tuple[float, ...] | None:
        """One contender's values over another's, round by round."""
        mine, theirs = self.values(quantity, model, one), self.values(quantity, model, other)
        if mine is None or theirs is None:
            return None
        return tuple(value / base for value, base in zip(mine, theirs, strict=True))

    def median(self, quantity: str, model: str, who: Who, scale: float = 1.0) -> str:
        """The median as tables show it, or nothing."""
        values = self.values(quantity, model, who)
        return "" if values is None else _figure(scale * statistics.median(values))


def _bars(rows: Sequence[Row]) -> str:
    lines = [bar.line for bar in bars(rows) if bar.measured is not None]
    return _table("Bars", ["what", "bar", "measured", "verdict"], lines)


# Tables --------------------------------------------------------------------------------------------------------------


def _contenders(rows: Sequence[Row]) -> str:
    """A line for each contender and way of sampling, and for each that is exact."""
    found = _Found(rows)
    named = dict.fromkeys((row.what.contender, row.what.method) for row in rows if row.what.section in _COMPARED)
    lines = []
    for who in sorted(named, key=lambda who: _METHODS.index(who[1])):
        line = [*who]
        for model in _COMPARED:
            whole = CPU if who[1].startswith("exact") else TO_ERROR.format(ACCURACIES[0])
            line += [found.median(NS, model, who), found.median(whole, model, who, 1e3)]
        if any(line[len(who) :]):
            lines.append(line)
    heads = [part for model in _COMPARED for part in (f"{model}: ns per trial, node and step", "ms to 0.001")]
    return _table(
        "Time per trial, and to a standard error of 0.001 (for an exact answer, all its time)",
        ["who", "method", *heads],
        lines,
    )


def _answers(rows: Sequence[Row], section: str, title: str) -> list[str]:
    """A table of those who sample and one of those who are exact."""
    found = _Found(rows)
    timed = [row.what for row in rows if row.what.section == section and row.quantity == CPU]
    sampled, exact = [], []
    for what in sorted(timed, key=lambda what: (what.case, _METHODS.index(what.method))):
        who = what.contender, what.method
        if what.trials:
            per_node = found.values(NS, what.case, who)
            needed = [found.median(TO_ERROR.format(accuracy), what.case, who) for accuracy in ACCURACIES]
            wall = found.median(WALL, what.case, who, 1e3)
            sampled.append([what.case, *who, f"{what.trials:,}", _spread(per_node or ()), *needed, wall])
        else:
            spent = [_spread(_milli(found.values(quantity, what.case, who) or ())) for quantity in (CPU, WALL)]
            exact.append([what.case, *who, *spent])
    heads = ["model", "who", "method"]
    accuracies = [f"s to {accuracy:g}" for accuracy in ACCURACIES]
    return [
        _table(title, [*heads, "trials", "ns per trial, node and step", *accuracies, "ms wall a run"], sampled),
        _table(f"{section.capitalize()}, without sampling", [*heads, "ms cpu", "ms wall"], exact),
    ]


def _growth(rows: Sequence[Row]) -> str:
    mine = {row.what: row for row in rows if row.what.section == "growth" and row.quantity == NS}
    lines = []
    for what in mine:
        if what.contender == OURS:
            peers = (_peer(mine, what, name) for name in (OURS, PLAIN, C))
            figures = ["" if peer is None else _spread(peer.values) for peer in peers]
            lines.append([what.case, str(what.drivers), str(what.steps), f"{what.trials:,}", *figures])
    heads = ["model", "drivers", "steps", "trials", OURS, PLAIN, C]
    return _table("Growth: ns per trial, node and step, carried", heads, lines)


def _peer(mine: Mapping[What, Row], ours: What, name: str) -> Row | None:
    """A contender's row on the same model, with as many trials; plain numpy makes fewer where only the model grows."""
    fewer = name == PLAIN and ours.case not in _COMPARED
    for what, row in mine.items():
        if (what.case, what.contender) == (ours.case, name) and (fewer or what.trials == ours.trials):
            return row
    return None


def _startup(rows: Sequence[Row]) -> str:
    lines = [[f"`{row.what.contender}`", _spread(_milli(row.values))] for row in rows if row.what.section == "startup"]
    return _table("Start to end of a command", ["command", "ms wall"], lines)


def _commands(rows: Sequence[Row]) -> str:
    lines = [
        [
            f"`{row.what.contender}`" if row.what.contender.startswith("usru ") else " ".join(_named(row)),
            row.quantity,
            _spread(row.values),
            row.unit,
        ]
        for row in rows
        if row.what.section == "commands"
    ]
    return _table("Whole commands, and the bundled model", ["what", "quantity", "measured", "unit"], lines)


def _named(row: Row) -> tuple[str, ...]:
    return row.what.contender, row.what.method, "on", row.what.case


def _memory(rows: Sequence[Row]) -> str:
    before = {row.what: row.median for row in rows if row.quantity == BEFORE}
    lines = []
    for row in rows:
        if row.quantity == PEAK:
            what = row.what
            sizes = [str(what.drivers), str(what.steps), f"{what.trials:,}"]
            lines.append([what.contender, what.method, *sizes, _figure(row.median), _figure(before[what])])
    heads = ["who", "method", "drivers", "steps", "trials", "MB at most", "of these before the run"]
    return _table("Memory of a process, interpreter and libraries included", heads, lines)


def _table(title: str, heads: list[str], lines: list[list[str]]) -> str:
    if not lines:
        return ""
    rule = ["---"] * len(heads)
    return "\n".join([f"**{title}**", "", *("| " + " | ".join(line) + " |" for line in (heads, rule, *lines))])


def _milli(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(1e3 * value for value in values)


def _spread(values: Sequence[float]) -> str:
    """The median, with the least and the most."""
    return f"{_figure(statistics.median(values))} ({_figure(min(values))} to {_figure(max(values))})"


def _figure(value: float) -> str:
    """Three digits that count, without an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = f"{value:#.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in digits else digits.removesuffix(".")
