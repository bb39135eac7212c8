"""A forecast of a file that is being edited: made anew whenever the file, or what it builds on, is saved.

`attempts` makes them and shows nothing; `Screen` shows them. A fault keeps the last good table and stands below it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from usru_scenarios.cli.common import USAGE, OptionError, write_message
from usru_scenarios.cli.declarations import CommandContext
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import UsruError
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.files import ABSENT, Inputs, absolute_path, is_rereadable
from usru_scenarios.reading.loading import ScenarioFile
from usru_scenarios.reading.polling import PolledFiles, file_state
from usru_scenarios.reading.request import Request
from usru_scenarios.report import live as report
from usru_scenarios.report import simulate as forecast_report
from usru_scenarios.report.terminal import render_terminal
from usru_scenarios.study import Study

if TYPE_CHECKING:
    from usru_scenarios.cli.options import RunOptions, StudyOptions
    from usru_scenarios.cli.session import Session
    from usru_scenarios.results.simulate import Simulation

_TALL_LINES = 50
"""Lines of a terminal that have room for a whole answer, what changed and a fault."""
_CLEAR = "\x1b[H\x1b[2J"
"""The cursor goes to the top of an empty screen; what was scrolled away stays."""


@dataclass(frozen=True)
class Forecast:
    """A forecast of the file.

    Attributes:
        contents: digests of what the file says and of the further files, as they were read.
        study: what was asked: the file with all that options change or add.
        result: the answer.
    """

    contents: tuple[str, ...]
    study: Study
    result: Simulation


@dataclass(frozen=True)
class Attempt:
    """A forecast, or why there is none.

    Attributes:
        inputs: what was read for it, and what was looked for; enough to know when another one is worth while.
        forecast: None where there is a fault.
        fault: what is wrong with the file, or with what is asked of it.
    """

    inputs: Inputs
    forecast: Forecast | None = None
    fault: UsruError | None = None


def attempts(
    request: Request,
    prepare: Callable[[Study], Study],
    simulate: Callable[[Study], Simulation],
    pause: Callable[[float], None],
    further_files: Sequence[str] = (),
) -> Iterator[Attempt]:
    """A forecast of a file now, and another after each change, without an end.

    One of a file that says what it said before is the one before.

    Args:
        request: which file it is, and what is asked for besides.
        prepare: gives a study of the file what is changed or added besides, such as evidence.
        simulate: makes the forecast of what it gives.
        pause: waits so many seconds.
        further_files: that `prepare` reads, by their absolute paths.
    """
    known = dict.fromkeys([*([absolute_path(request.path)] if request.path else []), *further_files], ABSENT)
    attempt, last_forecast = Attempt(known), None
    while True:
        attempt = _attempt(request, prepare, simulate, attempt.inputs, last_forecast, further_files=further_files)
        last_forecast = attempt.forecast or last_forecast
        yield attempt
        PolledFiles(attempt.inputs).wait(pause)


def _attempt(
    request: Request,
    prepare: Callable[[Study], Study],
    simulate: Callable[[Study], Simulation],
    known: Inputs,
    last: Forecast | None,
    *,
    further_files: Sequence[str],
) -> Attempt:
    before = {path: file_state(path) for path in known}  # as it is before it is read: what comes meanwhile is a change
    access = Access.of(request.path, confined=request.confined)
    try:
        study = Study(request, file=ScenarioFile(request, access))
        contents = study.loaded.sha256, *(before[path] for path in further_files)
        if last is not None and last.contents == contents:
            forecast = last
        else:
            prepared = prepare(study)
            forecast = Forecast(contents, prepared, simulate(prepared))
    except UsruError as error:
        return Attempt({**before, **access.inputs}, fault=error)
    return Attempt({**study.loaded.inputs, **{path: before[path] for path in further_files}}, forecast)


class Screen:
    """Shows forecasts, what has changed between them, and faults: in place on a terminal, else one below the other."""

    def __init__(self, session: Session, name: str, options: StudyOptions, run: RunOptions) -> None:
        self.session, self.name, self.options, self.run = session, name, options, run
        self.moves_cursor = session.output.is_terminal and os.environ.get("TERM") != "dumb"
        self.last_forecast: Forecast | None = None
        self.changes = ""
        self.footer_shown = False

    def prepare(self, study: Study) -> Study:
        """A study with its baselines solved again and with evidence, where that is asked for."""
        return self.options.evidence.attach_to(self.options.changes.apply_recalibration(study))

    def simulate(self, study: Study) -> Simulation:
        """The forecast that was asked for."""
        with CommandContext(self.session.context.obj) as context:  # workers wait for nobody to save a file
            workers = self.session._replace(context=context).workers()
            return study.simulate(
                **self.options.conditions._asdict(), **self.run.arguments, map_blocks=workers, consequences=False
            )

    def show(self, attempt: Attempt) -> None:
        """Show what an attempt came to.

        Raises:
            UsruError: the first one asks for what makes no sense, or for a file that can't be read.
        """
        if attempt.forecast is not None:
            self._show_forecast(attempt.forecast)
        elif attempt.fault is not None:
            if self.last_forecast is None and attempt.fault.exit_status == USAGE:
                raise attempt.fault
            self._show_fault(attempt.fault)
        self._show_footer(attempt.inputs)

    def _show_forecast(self, forecast: Forecast) -> None:
        before, self.last_forecast, self.changes = self.last_forecast, forecast, ""
        self._start_output(again=before is not None)
        self._show_table(forecast, again=before is not None)
        if before is not None:
            self.changes = self._describe_changes(before, forecast)
            self.session.output.write(f"\n{self.changes}")

    def _show_fault(self, fault: UsruError) -> None:
        if self.moves_cursor:
            self._start_output(again=True)
            if self.last_forecast is not None:
                self._show_table(self.last_forecast, again=True)
                self.session.output.write(f"\n{self.changes}" if self.changes and not self._is_short_terminal else "")
        if self.moves_cursor and self.last_forecast is not None:
            self.session.output.write("\n")
        write_message(str(fault))

    @property
    def _is_short_terminal(self) -> bool:
        """Whether it is a terminal in which not all of it could be seen at a time."""
        return self.moves_cursor and os.get_terminal_size(sys.stdout.fileno()).lines < _TALL_LINES

    def _start_output(self, *, again: bool) -> None:
        self.session.context.obj.warnings.clear()  # each table has its warnings above it
        if self.moves_cursor:
            self.session.output.write(_CLEAR)
        elif again:
            self.session.output.write("\n")

    def _show_table(self, forecast: Forecast, *, again: bool) -> None:
        """The table; in a low terminal, where it has been told already how it is read, without the words below it."""
        if not (again and self._is_short_terminal):
            self.session.emit(forecast.result, forecast.result.warnings)
            return
        self.session.warn(forecast.result.warnings)
        layout = self.session.layout()
        shown = forecast_report.report(forecast.result, layout)._replace(footer=(), more="")
        self.session.output.write(render_terminal(shown, layout))

    def _describe_changes(self, before: Forecast, after: Forecast) -> str:
        """What changed, in words; a text that ends in a line break."""
        if after is before:
            return "The file says what it said before.\n"
        layout = self.session.layout()
        try:
            return render_terminal(report.report(self._compare_forecasts(before, after), layout), layout)
        except UsruError as error:
            return f"Not compared with the last run: {error}\n"

    def _compare_forecasts(self, before: Forecast, after: Forecast) -> report.Changes:
        do, given = self.options.conditions
        if given:
            return report.changes_between_runs(before.result, after.result)
        with CommandContext(self.session.context.obj) as context:
            workers = self.session._replace(context=context).workers()
            result = before.study.compare(
                {"now": after.study},
                name="before",
                do={"before": do, "now": do},
                switch=False,
                map_blocks=workers,
                **self.run.arguments,
            )
        return report.changes_between_variants(result)

    def _show_footer(self, inputs: Inputs) -> None:
        """What is looked after; said once where lines stay."""
        files = [path for path, digest in inputs.items() if digest != ABSENT and os.path.isfile(path)]  # noqa: PTH113
        others = f" and {len(files) - 1} other{'s' if len(files) > 2 else ''}" if len(files) > 1 else ""
        if self.moves_cursor or not self.footer_shown:
            self.session.say(f"\nwatching {self.name}{others}; runs again when saved; Ctrl-C ends")
        self.footer_shown = True


def run(session: Session, model: str, options: StudyOptions, run_options: RunOptions) -> NoReturn:
    """Show forecasts of a file until somebody interrupts.

    Raises:
        OptionError: there is no file to look after, or the answer is not for somebody who looks at it.
        UsruError: as in `Screen.show`.
    """
    request = options.changes.request(model, confined=session.confined)
    if request.path is None or not is_rereadable(request.path):
        raise OptionError("--live has no file to look after: the model comes from standard input or a pipe", "name it")
    if session.format != "table" or session.output.path is not None:
        raise OptionError("--live shows tables on standard output alone", "leave out -o, -f and --json")
    screen = Screen(session, request.name, options, run_options)
    evidence = [absolute_path(Path(options.evidence.file))] if options.evidence.file is not None else []
    for attempt in attempts(request, screen.prepare, screen.simulate, time.sleep, evidence):
        screen.show(attempt)
    raise AssertionError
