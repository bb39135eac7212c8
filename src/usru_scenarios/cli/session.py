"""A command's run: where its model comes from, who works on it, and where the answer goes, in which form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError, complain
from usru_scenarios.cli.declarations import CommandContext, Option, Subset
from usru_scenarios.cli.options import FORMAT_BY_SUFFIX, EvidenceOptions, FormatChoice, ModelOptions, format_option
from usru_scenarios.cli.output import Destination
from usru_scenarios.problems import list_choices, suggest_name, to_printable
from usru_scenarios.report import LIST_FORMATS, TABULAR_FORMATS, WIDE_FORMATS, Layout, ReportedResult, render_report

if TYPE_CHECKING:
    from usru_scenarios.cli.progress import MapFunction, Progress
    from usru_scenarios.report import Builders
    from usru_scenarios.results.common import Warned
    from usru_scenarios.study import Study


_SPECIFICATION_FORMAT = {"json": "vega"}
"""What it names where an answer has that format: a picture's JSON is its specification."""


class Session(NamedTuple):
    """The options of how a command is run, which change nothing of what it finds."""

    context: CommandContext
    form: FormatChoice = FormatChoice()
    """An option of the commands that have several formats, which say so by `format_option`."""
    as_json: Annotated[bool, Option("--json", help="JSON, for other programs.")] = False
    wide: Annotated[bool, Option("--wide", help="With csv or ndjson: the steps in columns.")] = False
    confined: Annotated[
        bool, Option("--confined", help="Read nothing outside of the folder of MODEL: for files of others.")
    ] = False
    output: Annotated[
        Destination,
        Option("--output", "-o", metavar="FILE", help="Write to a file, which is replaced at once."),
        parsers.destination,
    ] = Destination(None)
    jobs: Annotated[
        int | None,
        Option(
            "--jobs",
            metavar="N",
            help="At most so many processes, where a run takes long enough; no more than cores.  [default: auto]",
        ),
        parsers.jobs,
    ] = None
    cluster: Annotated[
        str | None,
        Option("--cluster", metavar="ADDRESS", help="Run on the dask cluster at tcp://host:port, or on a local one."),
        parsers.address,
    ] = None
    yes: Annotated[bool, Option("--yes", help="Start a run even if it is predicted to take more than an hour.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="No progress and no warnings.")] = False
    debug: Annotated[bool, Option("--debug", help="Show a traceback when something fails.")] = False

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            OptionError: some do.
        """
        if self.as_json and self.form.asked not in (None, "json"):
            raise OptionError(f"--json and --format {self.form.asked} contradict each other", "give one of them")
        self._check_suffix()
        if self.wide and self.format not in WIDE_FORMATS:
            raise OptionError(f"--wide has no meaning for the format {self.format}", "add -f csv or -f ndjson")
        if self.jobs is not None and self.cluster not in (None, "local"):
            raise OptionError("--jobs has no meaning for a cluster that runs already", "leave out --jobs")

    def _check_suffix(self) -> None:
        """Refuse a file whose ending names no format of the answer, unless one is asked for, which then counts.

        Raises:
            OptionError: it does.
        """
        suffix, known = self.output.suffix, self.form.known
        asked = "json" if self.as_json else self.form.asked
        if not suffix or not known:
            return
        meant = self._meant
        if asked is not None:
            if meant not in (None, asked) and not self.is_quiet:
                complain(f"warning: {self.output} gets {asked}, as -f says, and not {meant}, as its ending does")
        elif meant is None:
            names = [
                one
                for one, form in FORMAT_BY_SUFFIX.items()
                if form in known or _SPECIFICATION_FORMAT.get(form) in known
            ]
            near = suggest_name(suffix, names) or list_choices(names)
            raise OptionError(f"the ending {suffix} names no format of this answer", f"{near}; or say which by -f")
        elif meant not in known:
            raise OptionError(f"this answer has no format {meant}, which {self.output} ends with", list_choices(known))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is said but the answer and what went wrong, as `-q` before or after the command asks for."""
        return bool(self.context.obj.quiet)

    @property
    def format(self) -> str:
        """The format that `-f` and `--json` ask for, else that of the ending of `-o`, else the usual one."""
        usual = self.form.known[0] if self.form.known else "table"
        return "json" if self.as_json else self.form.asked or self._meant or usual

    @property
    def _meant(self) -> str | None:
        """The format that the ending of the file names; None where it names none."""
        named = FORMAT_BY_SUFFIX.get(self.output.suffix)
        special = _SPECIFICATION_FORMAT.get(named or "")
        return special if special in self.form.known else named

    def load(self, model: str, changes: ModelOptions, known: EvidenceOptions | None = None) -> Study:
        """A model, ready to be asked: what an earlier run made of it is recalled."""
        from usru_scenarios.study import load_cached

        study = changes.finished(load_cached(changes.request(model, confined=self.confined)))
        return study if known is None else self.knowing(study, known)

    @staticmethod
    def informed(study: Study, known: EvidenceOptions) -> Study:
        """A study that knows what has been seen, if a file says so.

        Raises:
            OptionError: there is a day and no file.
        """
        if known.evidence is None:
            if known.as_of is not None:
                raise OptionError("--as-of has no meaning without --evidence", "add --evidence FILE")
            return study
        return study.knowing(known.evidence, as_of=known.as_of)

    def knowing(self, study: Study, known: EvidenceOptions) -> Study:
        """The same; what is odd about that is said."""
        return self.all_knowing([study], known)[0]

    def all_knowing(self, studies: Iterable[Study], known: EvidenceOptions) -> list[Study]:
        """The same of several studies; what is odd about it for several is said once."""
        from usru_scenarios.results.common import to_warned

        found = [self.informed(study, known) for study in studies]
        odd = dict.fromkeys(problem for one in found if one.evidence is not None for problem in one.evidence.warnings)
        self.warn(map(to_warned, odd))
        return found

    def workers(self) -> Progress:
        """What maps over blocks, by `--jobs` and `--cluster`; shows how far it is, and ends with the command.

        A run that is predicted to take more than an hour is refused unless `--yes`.

        Raises:
            NoClusterError: the cluster can't be had.
        """
        from usru_scenarios.cli.progress import Progress
        from usru_scenarios.work import one_piece

        if self.cluster is None:
            from usru_scenarios.running.processes import Processes, cores

            at_once = cores() if self.jobs is None else min(self.jobs, cores())
            processes = self.context.with_resource(Processes(at_once, forks=self.context.obj.forks))
            inner: MapFunction = processes.map
            pieces: Callable[[float], int] = processes.least_pieces
        else:
            from usru_scenarios.interruptions import interruptions_held
            from usru_scenarios.running.cluster import Cluster

            with interruptions_held():  # nothing comes between its start and the promise to end it
                pool = self.context.with_resource(Cluster(self.cluster, self.jobs))
            inner, at_once, pieces = pool.map, pool.threads, one_piece
        return Progress(wanted=not self.is_quiet, inner=inner, at_once=at_once, least_pieces=pieces, yes=self.yes)

    def warn(self, warnings: Iterable[Warned]) -> None:
        """Say each warning once, in a line on standard error; `usru validate` says them at length."""
        for warning in () if self.is_quiet else warnings:
            place = f"{warning.path}:{warning.line}: " if warning.path else ""
            line = to_printable(f"{place}warning: {warning.message}")
            if line not in self.context.obj.said:
                self.context.obj.said.add(line)
                complain(line)

    def remark(self, *studies: Study) -> None:
        """Say what is odd about files themselves, a line each, where nothing from outside changes what they say."""
        if not self.is_quiet and all(study.is_as_written for study in studies):
            self.warn(dict.fromkeys(remark for study in studies for remark in study.remarks))

    def say(self, message: str) -> None:
        """Say on standard error what was done, unless silence was asked for."""
        if not self.is_quiet:
            complain(message)

    def layout(self, top: int = 0) -> Layout:
        """What the place of the answer allows."""
        return self.output.layout(wide=self.wide, top=top)

    def emit(
        self, result: ReportedResult, warnings: Iterable[Warned] = (), top: int = 0, builders: Builders | None = None
    ) -> None:
        """Say the warnings of an answer, and write it in the format that was asked for.

        Args:
            result: the answer.
            warnings: what is to be said of it.
            top: how many entries of each list people see; 0 for all.
            builders: what makes its report, where that is not the usual one.
        """
        for_people = self.format in ("table", "md")  # who read it in the answer itself
        self.warn(one for one in warnings if not (for_people and one.code == "judgements_at_their_means"))
        self.output.write(render_report(result, self.format, self.layout(top), builders))

    def emit_json(self, data: dict[str, Any]) -> None:
        """Write plain data as JSON."""
        from usru_scenarios.report.data import to_json

        self.output.write(to_json(data))


TableSession = Annotated[Session, Subset(form=format_option(TABULAR_FORMATS), without=("wide",))]
"""Of a question whose answer is a table of numbers."""
LocalTableSession = Annotated[Session, Subset(form=format_option(TABULAR_FORMATS), without=("wide", "cluster"))]
"""The same, for which no cluster is offered."""
ListSession = Annotated[
    Session, Subset("form", "as_json", "confined", "output", "quiet", "debug", form=format_option(LIST_FORMATS))
]
"""Of a question for which nothing is drawn, and which is answered in words or by a list."""
