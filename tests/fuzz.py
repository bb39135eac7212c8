"""Runs the program on inputs that are nearly right, and looks for an end that no user should see.

    python tests/fuzz.py --minutes 60 --seed 1 --jobs 1 --out build/fuzz
    python tests/fuzz.py --seed 1 --case structure:1204

A case is made from the seed, its kind and its number (see `fuzz_cases`), so that it can be run again by its name. A
command that is run must end with status 0, 1 or 2, within a time and a memory, without a traceback, a warning of a
library or a control character, and its JSON must hold finite numbers and likelihoods from 0 to 1 that sum to 1. A file
that is looked after (`--live`) is saved a few times, and then somebody interrupts. A call of the library gives a
result, a ValueError or an error of the project. What fails is written to a folder of its own. Once a minute standard
error says how far it is.

Cases run in a process that is watched, so that a crash, a hang or an exhausted memory is a finding like any other.
Time is that of the processor, which another program on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import re
import shlex
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import fuzz_cases
import usru_scenarios as us
from fuzz_cases import KINDS, MODEL, Case
from support.command import answer
from usru_scenarios.cli import live
from usru_scenarios.reading import repairs

SECONDS = 5.0
"""Of processor time that a command may take."""
MEGABYTES = 500.0
"""Of memory that the process may have taken at any time."""
HANGS = 90.0
"""Seconds after which a case is given up."""
_ADDRESS_SPACE = 4 << 30
_TOLD = 60.0
"""Seconds from one word of how far it is to the next."""
_RENEWED = 400
"""Cases after which a new process goes on, so that no case pays for what others left."""

_FORBIDDEN = (
    ("a traceback", re.compile(r"Traceback \(most recent call last\)")),
    ("a fault of the program", re.compile(r"a fault of the program itself")),
    ("a warning of a library", re.compile(r"\b\w*Warning: ")),
    ("a control character", re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")),
)


@dataclass
class Finding:
    """An end that should not be."""

    case: str
    command: str
    why: str
    said: str = ""


@dataclass
class Report:
    """What came of a case, or of many."""

    findings: list[Finding] = field(default_factory=list)
    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    valid: int = 0
    slowest: tuple[float, str] = (0.0, "")
    most: tuple[float, str] = (0.0, "")

    def add(self, other: Report) -> None:
        """Take in what came of other cases."""
        self.findings += other.findings
        self.cases += other.cases
        self.statuses += other.statuses
        self.valid += other.valid
        self.slowest = max(self.slowest, other.slowest)
        self.most = max(self.most, other.most)


# One case ------------------------------------------------------------------------------------------------------------


def run(case: Case) -> Report:
    """Run a case in a folder of its own, up to the first finding."""
    report = Report(cases=Counter([case.name.partition(":")[0]]))
    with tempfile.TemporaryDirectory(prefix="usru-fuzz-") as name, warnings.catch_warnings():
        warnings.simplefilter("always")
        folder = Path(name)
        for path, content in case.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        statuses = [_run_command(case, command, folder, report) for command in case.commands]
        if case.questions and statuses == [0] * len(statuses):
            report.valid += 1
            for command in case.questions:
                _run_command(case, command, folder, report)
        for method, arguments in case.calls:
            _run_call(case, method, arguments, folder, report)
    return report


class Saves:
    """In the place of waiting for a file to be saved: saves it, lets some looks go by after each, and interrupts."""

    _LOOKS = 3
    """Until what is written has settled, and one more."""

    def __init__(self, saves: Iterable[bytes | None], path: Path) -> None:
        self.path = path
        self.left = [save for content in saves for save in ([content], *[()] * (self._LOOKS - 1))]

    def __call__(self, _: float) -> None:
        """A look at the file.

        Raises:
            KeyboardInterrupt: all has been saved.
        """
        if not self.left:
            raise KeyboardInterrupt
        for content in self.left.pop(0):
            self.path.unlink(missing_ok=True)
            if content is not None:
                self.path.write_bytes(content)


def _run_command(case: Case, arguments: Sequence[str], folder: Path, report: Report) -> int:
    """The status of a command, or -1 where that alone is a finding."""
    command = f"usru {shlex.join(arguments)}"
    start, before = time.process_time(), peak_megabytes()
    try:
        with mock.patch.object(live, "time", SimpleNamespace(sleep=Saves(case.saves, folder / MODEL))):
            done = answer(*arguments, stdin=case.stdin.decode("utf-8", "replace"), folder=folder)
    except BaseException:  # noqa: BLE001  # whatever comes through is what is looked for
        report.findings.append(Finding(case.name, command, "an exception", traceback.format_exc()))
        return -1
    _measure(case, command, time.process_time() - start, before, report)
    report.statuses[str(done.returncode)] += 1
    said = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    report.findings += [Finding(case.name, command, why, said) for why in _faults(arguments, done)]
    return done.returncode


def peak_megabytes() -> float:
    """The most memory that this process has taken; where there is no /proc, that of the process that started it too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)[0]) / (1 << 10)
    import resource  # on Unix alone

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _measure(case: Case, command: str, seconds: float, before: float, report: Report) -> None:
    """Take note of the time, and of the memory where this command took more than any before it in its process."""
    megabytes = peak_megabytes()
    report.slowest = max(report.slowest, (seconds, f"{case.name} {command}"))
    report.most = max(report.most, (megabytes, f"{case.name} {command}"))
    if seconds > SECONDS:
        report.findings.append(Finding(case.name, command, f"{seconds:.1f} s"))
    if megabytes > max(MEGABYTES, before):
        report.findings.append(Finding(case.name, command, f"{megabytes:.0f} MB"))


def _faults(arguments: Sequence[str], done: Any) -> Iterator[str]:
    """What is wrong with how a command ended."""
    interrupted = (130,) if "--live" in arguments else ()
    if done.returncode not in (0, 1, 2, *interrupted):
        yield f"status {done.returncode}"
    for what, pattern in _FORBIDDEN:
        if pattern.search(done.stderr) or (what != "a control character" and pattern.search(done.stdout)):
            yield what
    if done.returncode and not (done.stdout or done.stderr):
        yield "a failure without a word"
    if done.returncode == 0 and done.stdout and ("--json" in arguments or "json" in arguments):
        try:
            found = json.loads(done.stdout, parse_constant=_not_finite)
        except ValueError as error:
            if done.stdout[:1] == "{":
                yield f"not JSON: {error}"
        else:
            if isinstance(found, dict) and found.get("format", "").startswith("usru.simulation"):
                yield from _incoherent(found)


def _not_finite(name: str) -> float:
    raise ValueError(name)


def _incoherent(found: dict[str, Any]) -> Iterator[str]:
    """What likelihoods can't be."""
    for name, one in (*found["scenarios"].items(), *found["groups"].items()):
        numbers = [*one["by_step"], one["end"], one["mean"], one["ever"], *one["first_visit"]]
        if not all(0.0 <= number <= 1.0 for number in numbers):
            yield f"likelihoods of {name} beyond 0 and 1"
        if one["ever"] < max(one["by_step"]) - 1e-6 and found["run"]["method"] == "exact":
            yield f"{name} is less likely ever than at a step"
    if any(not math.isclose(sum(shares), 1.0, abs_tol=1e-9) for shares in _by_step(found["scenarios"].values())):
        yield "likelihoods that do not sum to 1"
    for name, node in (*found["drivers"].items(), *found["consequences"].items()):
        states = node.get("by_step", {})
        if any(not math.isclose(sum(shares), 1.0, abs_tol=1e-9) for shares in zip(*states.values(), strict=True)):
            yield f"states of {name} that do not sum to 1"


def _by_step(scenarios: Any) -> Iterator[tuple[float, ...]]:
    return zip(*(one["by_step"] for one in scenarios), strict=True)


def _run_call(case: Case, method: str, arguments: dict[str, Any], folder: Path, report: Report) -> None:
    """A call of the library, which answers or refuses with a sentence of ours."""
    command = f"{method}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    start, before = time.process_time(), peak_megabytes()
    try:
        if method == "load":
            us.load(folder / MODEL, **arguments)
        else:
            study = us.load(folder / MODEL)
            if method == "compare" and arguments.get("others") == {}:
                arguments = {**arguments, "others": {"other": study}}
            getattr(study, method)(**arguments)
        report.statuses["an answer"] += 1
    except (ValueError, us.UsruError) as error:
        report.statuses["a refusal"] += 1
        if not str(error):
            report.findings.append(Finding(case.name, command, "a refusal without a word"))
    except BaseException:  # noqa: BLE001  # whatever else comes is what is looked for
        report.findings.append(Finding(case.name, command, "another exception", traceback.format_exc()))
    _measure(case, command, time.process_time() - start, before, report)


# Many cases ----------------------------------------------------------------------------------------------------------


def _work(seed: int, requests: Connection) -> None:
    """Run the cases that are asked for, in a process of its own."""
    repairs.IGNORED_ERRORS = ()
    import resource  # on Unix alone

    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    while True:
        kind, number = requests.recv()
        requests.send(run(fuzz_cases.make(kind, seed, number)))


class Worker:
    """A process that runs cases, and is replaced when it crashes, hangs or has grown."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ran = 0
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(self.seed, other), daemon=True)
        self.process.start()
        other.close()

    def end(self) -> None:
        """Stop the process."""
        self.process.kill()
        self.process.join()

    def run(self, kind: str, number: int) -> Report:
        """What comes of a case."""
        self.ran += 1
        if self.ran % _RENEWED == 0:
            self.end()
            self._begin()
        try:
            self.pipe.send((kind, number))
            if self.pipe.poll(HANGS):
                report: Report = self.pipe.recv()
                if report.most[0] > MEGABYTES:
                    self.end()
                    self._begin()
                return report
            why = f"no end within {HANGS:.0f} s"
        except (EOFError, ConnectionError):
            self.process.join()
            why = f"the process ended with {self.process.exitcode}"
        self.end()
        self._begin()
        name = f"{kind}:{number}"
        return Report(findings=[Finding(name, "", why)], cases=Counter([kind]))


def fuzz(seed: int, minutes: float, kinds: Sequence[str] = KINDS, *, first: int = 0, step: int = 1) -> Report:
    """Run cases of all kinds in turn until the time is over.

    Args:
        seed: of the cases.
        minutes: for how long new cases are begun.
        kinds: of `fuzz_cases.KINDS`.
        first, step: the numbers of the cases are first, first + step, ...
    """
    total, worker, number = Report(), Worker(seed), first
    begun = told = time.monotonic()
    try:
        while time.monotonic() < begun + 60 * minutes:
            for kind in kinds:
                total.add(worker.run(kind, number))
            number += step
            if time.monotonic() >= told + _TOLD:
                told = time.monotonic()
                sys.stderr.write(f"{_progress(total, (told - begun) / 60, minutes)}\n")
                sys.stderr.flush()
    finally:
        worker.end()
    return total


# The command ---------------------------------------------------------------------------------------------------------


def _progress(report: Report, minute: float, minutes: float) -> str:
    cases, findings = sum(report.cases.values()), len(report.findings)
    latest = f", the last {report.findings[-1].case}: {report.findings[-1].why}" if findings else ""
    return f"minute {minute:.0f} of {minutes:g}: {cases:,} cases, {findings:,} findings{latest}"


def _shown(report: Report) -> str:
    lines = [
        f"{sum(report.cases.values()):,} cases: {_counted(report.cases)}",
        f"{report.valid:,} changed models were still valid and were asked questions",
        f"ends: {_counted(report.statuses)}",
        f"the slowest took {report.slowest[0]:.2f} s of processor time: {report.slowest[1]}",
        f"the most memory was {report.most[0]:.0f} MB: {report.most[1]}",
        f"{len(report.findings):,} findings",
    ]
    lines += [f"  {one.case}: {one.why}: {one.command[:200]}" for one in report.findings[:100]]
    return "\n".join(lines)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items()))


def write(report: Report, seed: int, folder: Path) -> None:
    """Write the inputs of what was found, each to a folder of its own."""
    for one in report.findings:
        kind, _, number = one.case.partition(":")
        case = fuzz_cases.make(kind, seed, int(number))
        home = folder / f"{kind}-{seed}-{number}"
        for path, content in case.files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(content)
        (home / "finding.txt").write_text(f"{one.why}\n{one.command}\n\n{one.said}\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long (1)")
    parser.add_argument("--seed", type=int, default=1, help="of the cases (1)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="what is made odd (all)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case (0)")
    parser.add_argument("--step", type=int, default=1, help="from one number to the next (1)")
    parser.add_argument("--case", help="run this one alone, as in structure:1204")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="where failing inputs go (build/fuzz)")
    return parser.parse_args()


def main() -> int:
    """Fuzz, and say what was found."""
    asked = _arguments()
    if asked.case:
        kind, _, number = asked.case.partition(":")
        report = run(fuzz_cases.make(kind, asked.seed, int(number)))
        for one in report.findings:
            sys.stdout.write(f"{one.why}: {one.command}\n{one.said}\n")
    else:
        report = fuzz(asked.seed, asked.minutes, asked.kinds, first=asked.first, step=asked.step)
    sys.stdout.write(f"{_shown(report)}\n")
    write(report, asked.seed, asked.out)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
