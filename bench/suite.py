"""What is measured: the sections of a run, each of which gives rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import commands, memory, startup
from bench.checking import check
from bench.contenders import Contender, Run, Unavailable
from bench.contenders.register import AGRUM, CONTENDERS, NUMBA, OURS, PGMPY, PLAIN, C, contender
from bench.measure import Row, Times, What, in_rounds
from bench.model import Case, case
from usru_scenarios.study import load

NS = "time per trial, node and step"
CPU = "cpu time"
WALL = "wall time"
PEAK = "peak memory"
BEFORE = "memory before"
TO_ERROR = "cpu time to a standard error of {:g}"
ACCURACIES = (1e-3, 1e-4)

_GROWING = (
    *(f"ring {drivers}" for drivers in (4, 8, 16, 32, 64)),
    *(f"dynamic {steps}" for steps in (1, 4, 12, 48, 96)),
)
_MOST_PLAIN = 300_000  # trials times steps of plain numpy where the number of trials grows
BUNDLED = "us-russia"
_SEED = 1
_BEGUN = time.perf_counter()


@dataclass
class Suite:
    """A run of the benchmark.

    Attributes:
        rounds: how many rounds are timed.
        quick: a small run, to see that all works.
        full: the long one, with 1e8 trials.
        earlier: a checkout of an earlier version, against whose sources the slower questions are held.
        rows: what was measured.
        skipped: who could not run, and why.
    """

    rounds: int
    quick: bool = False
    full: bool = False
    earlier: Path | None = None
    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, None] = field(default_factory=dict)

    # Sections --------------------------------------------------------------------------------------------------------

    def static(self) -> None:
        """One step: everyone on the static model."""
        self._compared("static", ["static"])

    def dynamic(self) -> None:
        """24 steps, the scenario free of feedback and with it."""
        self._compared("dynamic", ["dynamic", "feedback"])

    def growth(self) -> None:
        """Time over the number of trials, of drivers and of steps."""
        for model, entered in self._grown():
            self._timed("growth", model, entered, to_error=False)

    def startup(self) -> None:
        """Whole commands, from nothing to the last byte."""
        started = startup.commands()
        tell("startup")
        times = in_rounds({name: partial(startup.start, command) for name, command in started.items()}, self.rounds)
        for name, measured in times.items():
            self.rows.append(Row(What("startup", "", name), WALL, "s", tuple(measured.wall)))

    def commands(self) -> None:
        """Whole commands on the bundled model, by processor time, and by wall time on one core and two."""
        trials = 10**5 if self.quick else 10**7
        for quantity, tasks, rounds in (
            (CPU, commands.busy_and_idle(), self.rounds),
            (CPU, commands.slower(self.earlier), self.rounds),
            (WALL, commands.on_cores(trials), self.rounds),
        ):
            tell(f"commands: {', '.join(tasks)}")
            for name, values in commands.in_turns(tasks, rounds).items():
                self.rows.append(Row(What("commands", "", name), quantity, "s", values))
        self.rows += self._bundled()

    def _bundled(self) -> Iterator[Row]:
        """The processor time to an accuracy of the scenarios of the bundled model, and of a trial, node and step.

        Judgements are at their means, as plain numpy has them: what few draws of them leave open no trials take away.
        """
        study = load("us-russia")
        trials, program = 1 << (16 if self.quick else 20), study.program
        tell(f"commands: the bundled model, {trials:,} trials")
        run = partial(study.simulate, trials=trials, method="sample", judgements=0)
        times = in_rounds({"": run}, self.rounds)[""]
        scenarios = run().scenarios.values()
        error = max(max(one.standard_errors.by_step) for one in scenarios)
        variance = max(chance * (1.0 - chance) for one in scenarios for chance in one.by_step)
        nodes = len(program.nodes)
        what = What("commands", BUNDLED, OURS, "carried", trials, nodes, program.steps)
        yield Row(what, NS, "ns", tuple(1e9 * seconds / (trials * nodes * program.steps) for seconds in times.cpu))
        accuracy = ACCURACIES[-1]
        needed = (error / accuracy) ** 2
        yield Row(what, TO_ERROR.format(accuracy), "s", tuple(seconds * needed for seconds in times.cpu))
        plain = What("commands", BUNDLED, PLAIN, "drawn", 0, nodes, program.steps)
        for row in self.rows:
            if row.quantity == NS and (row.what.case, *_who(row)) == ("dynamic", PLAIN, "drawn"):
                each = nodes * program.steps * variance / accuracy**2
                yield Row(plain, TO_ERROR.format(accuracy), "s", tuple(1e-9 * value * each for value in row.values))

    def memory(self) -> None:
        """Peak memory, each contender in a process of its own."""
        for name, method, model, trials in self._remembered():
            tell(f"memory: {name}, {method}, {model}, {trials:,} trials")
            try:
                before, most = memory.peak(name, method, model, trials)
            except Unavailable as reason:
                self._skip(name, method, model, reason)
                continue
            what = described("memory", case(model), name, method, trials)
            self.rows += [Row(what, BEFORE, "MB", (before,)), Row(what, PEAK, "MB", (most,))]

    # What they are made of -------------------------------------------------------------------------------------------

    def _compared(self, section: str, models: Iterable[str]) -> None:
        for model in models:
            entered = [(one, self._small(one.trials[model])) for one in CONTENDERS if model in one.trials]
            self._timed(section, model, entered, to_error=True)

    def _small(self, trials: int) -> int:
        return trials // 4 if self.quick else trials

    def _timed(self, section: str, model: str, entered: list[tuple[Contender, int]], *, to_error: bool) -> None:
        """Check contenders on a model, time them in turns and note what they took."""
        subject = case(model)
        ready: dict[What, Callable[[], object]] = {}
        for one, trials in entered:
            tell(f"{section}: {one.name}, {one.method}, {model}, {trials:,} trials")
            try:
                run = one.prepare(subject)
                checked(subject, run, trials)
            except Unavailable as reason:
                self._skip(one.name, one.method, model, reason)
                continue
            ready[described(section, subject, one.name, one.method, trials)] = partial(run, trials, _SEED)
        tell(f"{section}: {model}, {self.rounds} rounds")
        variances = variance_per_trial(subject) if to_error else {}
        for what, times in in_rounds(ready, self.rounds).items():
            self.rows += [Row(what, CPU, "s", tuple(times.cpu)), Row(what, WALL, "s", tuple(times.wall))]
            if what.trials:
                self.rows += _per_trial(what, times, subject.nodes, variances)

    def _skip(self, name: str, method: str, model: str, reason: Unavailable) -> None:
        line = f"{name}, {method}, {model}: {reason}"
        tell(f"skipped: {line}")
        self.skipped[line] = None

    def _grown(self) -> Iterator[tuple[str, list[tuple[Contender, int]]]]:
        """Models, each with who is timed on it at how many trials."""
        fast = [contender(name, "carried", "dynamic") for name in (OURS, C)]
        plain = contender(PLAIN, "carried", "dynamic")
        for model, limit in zip(("static", "dynamic"), self._most_trials(), strict=True):
            sizes = [10**power for power in range(3, 8) if 10**power <= limit]
            slow = [size for size in sizes if size * case(model).shape.steps <= _MOST_PLAIN]
            yield model, [(one, size) for size in sizes for one in fast] + [(plain, size) for size in slow]
        trials = 1 << (12 if self.quick else 14)
        for model in _GROWING[:: 3 if self.quick else 1]:
            yield model, [(one, trials) for one in fast] + [(plain, trials // 8)]

    def _most_trials(self) -> tuple[int, int]:
        """How far the number of trials grows, on the static model and on the dynamic one."""
        if self.quick:
            return 10**5, 10**4
        return 10**7, 10**7 if self.full else 10**5

    def _remembered(self) -> Iterator[tuple[str, str, str, int]]:
        """Contender, method, model and trials whose memory is measured."""
        powers = range(3, 6 if self.quick else 8)
        yield from ((OURS, "carried", "static", 10**power) for power in powers)
        yield from ((OURS, "carried", "dynamic", 10**power) for power in powers if power < 7 or self.full)
        if self.full:
            yield from ((OURS, "carried", model, 10**8) for model in ("static", "dynamic"))
        yield from ((OURS, "carried", model, 10**5) for model in ("ring 4", "ring 64", "dynamic 1", "dynamic 96"))
        yield from ((PLAIN, "drawn", "static", 10**power) for power in powers if power < 7 or self.full)
        yield from ((name, "carried", "static", 10 ** powers[-1]) for name in (C, NUMBA))
        for name, trials in ((AGRUM, 20_000), (PGMPY, 2000)):
            yield name, "drawn", "static", trials
        yield from ((name, "exact", "static", 0) for name in (OURS, AGRUM, PGMPY, PLAIN))
        yield from ((name, "exact", "dynamic", 0) for name in (OURS, AGRUM))


def _who(row: Row) -> tuple[str, str]:
    return row.what.contender, row.what.method


def checked(subject: Case, run: Run, trials: int) -> None:
    """See that a contender answers rightly, with as many trials as it will be timed with.

    Raises:
        WrongAnswer: it does not.
    """
    check(subject, run(trials, _SEED), trials)


def described(section: str, subject: Case, name: str, method: str, trials: int) -> What:
    """What is measured, with the sizes of its model."""
    return What(section, subject.name, name, method, trials, subject.shape.drivers, subject.shape.steps)


def variance_per_trial(subject: Case) -> dict[str, float]:
    """By method, the largest variance over the scenarios of one trial's estimate at the last step.

    Of a scenario that is drawn it is p (1 - p), p exact; of one that is carried, the squared standard error of a run of
    this project times its trials.
    """
    last = subject.truth.shares[-1]
    trials = 1 << 16
    found = subject.study.simulate(method="sample", trials=trials).scenarios.values()
    return {
        "drawn": float((last * (1.0 - last)).max()),
        "carried": max(scenario.standard_errors.end for scenario in found) ** 2 * trials,
    }


def _per_trial(what: What, times: Times, nodes: int, variances: Mapping[str, float]) -> Iterator[Row]:
    """The time of one node in one trial and step, and that to an accuracy where the variances are known."""
    visits = what.trials * nodes * what.steps
    yield Row(what, NS, "ns", tuple(1e9 * seconds / visits for seconds in times.cpu))
    if variances:
        for accuracy in ACCURACIES:
            needed = variances[what.method] / accuracy**2 / what.trials
            yield Row(what, TO_ERROR.format(accuracy), "s", tuple(seconds * needed for seconds in times.cpu))


def tell(line: str) -> None:
    """Say on standard error how far the run is, and after how many seconds."""
    sys.stderr.write(f"{time.perf_counter() - _BEGUN:7.1f} {line}\n")
