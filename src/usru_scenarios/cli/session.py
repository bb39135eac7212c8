"""A command's run: where its model comes from, what runs it, and where the answer goes, in which format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError, write_message
from usru_scenarios.cli.declarations import CommandContext, Option, Subset
from usru_scenarios.cli.options import FORMAT_BY_SUFFIX, EvidenceOptions, FormatChoice, ModelOptions, format_option
from usru_scenarios.cli.output import Destination
from usru_scenarios.problems import list_choices, suggest_name, to_printable
from usru_scenarios.report import TABULAR_FORMATS, WIDE_FORMATS, Layout, ReportedResult, render_report

if TYPE_CHECKING:
    from usru_scenarios.cli.progress import MapFunction, Progress
    from usru_scenarios.report import Builders
    from usru_scenarios.results.common import Warned
    from usru_scenarios.study import Study


_SPECIFICATION_FORMAT = {"json": "vega"}
"""The format that an ending names where an answer has it: a picture's JSON is its specification."""


class Session(NamedTuple):
    """The options of how a command is run, which change nothing of what it finds."""

    context: CommandContext
    formats: FormatChoice = FormatChoice()
    """An option of the commands that have several formats, which declare it by `format_option`."""
    as_json: Annotated[bool, Option("--json", help="JSON, for other programs.")] = False
    wide: Annotated[bool, Option("--wide", help="With csv or ndjson: the steps in columns.")] = False
    confined: Annotated[
        bool, Option("--confined", help="Read nothing outside of the folder of MODEL: for files of others.")
    ] = False
    output: Annotated[
        Destination,
        Option("--output", "-o", metavar="FILE", help="Write to a file, which is replaced at once."),
        parsers.parse_destination,
    ] = Destination(None)
    jobs: Annotated[
        int | None,
        Option(
            "--jobs",
            metavar="N",
            help="At most so many processes, where a run takes long enough; no more than cores.  [default: auto]",
        ),
        parsers.parse_jobs,
    ] = None
    cluster: Annotated[
        str | None,
        Option("--cluster", metavar="ADDRESS", help="Run on the dask cluster at tcp://host:port, or on a local one."),
        parsers.parse_cluster_address,
    ] = None
    yes: Annotated[bool, Option("--yes", help="Start a run even if it is predicted to take more than an hour.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="No progress and no warnings.")] = False
    debug: Annotated[bool, Option("--debug", help="Show a traceback when something fails.")] = False

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            OptionError: some do.
        """
        if self.as_json and self.formats.requested not in (None, "json"):
            message = f"--json and --format {self.formats.requested} contradict each other"
            raise OptionError(message, "give one of them")
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
        suffix, offered = self.output.suffix, self.formats.offered
        requested = "json" if self.as_json else self.formats.requested
        if not suffix or not offered:
            return
        named = self._suffix_format
        if requested is not None:
            if named not in (None, requested) and not self.is_quiet:
                place = self.output
                write_message(f"warning: {place} gets {requested}, as -f says, and not {named}, as its ending does")
        elif named is None:
            suffixes = [
                known
                for known, form in FORMAT_BY_SUFFIX.items()
                if form in offered or _SPECIFICATION_FORMAT.get(form) in offered
            ]
            hint = suggest_name(suffix, suffixes) or list_choices(suffixes)
            raise OptionError(f"the ending {suffix} names no format of this answer", f"{hint}; or say which by -f")
        elif named not in offered:
            raise OptionError(
                f"this answer has no format {named}, which {self.output} ends with", list_choices(offered)
            )

    @property
    def is_quiet(self) -> bool:
        """Whether only the answer and errors are written, as `-q` before or after the command asks for."""
        return bool(self.context.obj.quiet)

    @property
    def format(self) -> str:
        """The format that `-f` and `--json` ask for, else that of the ending of `-o`, else the usual one."""
        usual = self.formats.offered[0] if self.formats.offered else "table"
        return "json" if self.as_json else self.formats.requested or self._suffix_format or usual

    @property
    def _suffix_format(self) -> str | None:
        """The format that the ending of the file names; None where it names none."""
        named = FORMAT_BY_SUFFIX.get(self.output.suffix)
        special = _SPECIFICATION_FORMAT.get(named or "")
        return special if special in self.formats.offered else named

    def load(self, model: str, changes: ModelOptions, evidence: EvidenceOptions | None = None) -> Study:
        """A model, ready to be asked: what an earlier run made of it is recalled."""
        from usru_scenarios.study import load_cached

        study = changes.apply_recalibration(load_cached(changes.request(model, confined=self.confined)))
        return study if evidence is None else self.attach_evidence(evidence, study)[0]

    def attach_evidence(self, evidence: EvidenceOptions, *studies: Study) -> list[Study]:
        """Studies with the evidence of a file, if there is one; each of its warnings is written once."""
        from usru_scenarios.results.common import to_warned

        informed = [evidence.attach_to(study) for study in studies]
        problems = (problem for study in informed if study.evidence is not None for problem in study.evidence.warnings)
        self.warn(map(to_warned, dict.fromkeys(problems)))
        return informed

    def workers(self) -> Progress:
        """What runs blocks of trials, by `--jobs` and `--cluster`; shows its progress, and ends with the command.

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
        """Write each warning once, in a line on standard error; `usru validate` writes them at length."""
        for warning in () if self.is_quiet else warnings:
            place = f"{warning.path}:{warning.line}: " if warning.path else ""
            line = to_printable(f"{place}warning: {warning.message}")
            if line not in self.context.obj.warnings:
                self.context.obj.warnings.add(line)
                write_message(line)

    def warn_about_files(self, *studies: Study) -> None:
        """Write what is odd about files themselves, a line each, where nothing from outside changes what they say."""
        if not self.is_quiet and all(study.is_as_written for study in studies):
            self.warn(dict.fromkeys(remark for study in studies for remark in study.remarks))

    def say(self, message: str) -> None:
        """Write a message to standard error, unless `-q` asks for silence."""
        if not self.is_quiet:
            write_message(message)

    def layout(self, top: int = 0) -> Layout:
        """The width and colour that the place of the answer allows, and how many entries of each list are shown."""
        return self.output.layout(wide=self.wide, top=top)

    def emit(
        self, result: ReportedResult, warnings: Iterable[Warned] = (), top: int = 0, builders: Builders | None = None
    ) -> None:
        """Write the warnings of an answer, and the answer in the format that was asked for.

        Args:
            result: the answer.
            warnings: those of it.
            top: how many entries of each list people see; 0 for all.
            builders: what makes its report, where that is not the usual one.
        """
        for_people = self.format in ("table", "md")  # who read it in the answer itself
        self.warn(each for each in warnings if not (for_people and each.code == "judgements_at_their_means"))
        self.output.write(render_report(result, self.format, self.layout(top), builders))


TableSession = Annotated[Session, Subset(formats=format_option(TABULAR_FORMATS), without=("wide",))]
"""Of a question whose answer is a table of numbers."""
LocalTableSession = Annotated[Session, Subset(formats=format_option(TABULAR_FORMATS), without=("wide", "cluster"))]
"""The same, for which no cluster is offered."""


def reading_subset(formats: Sequence[str]) -> Subset:
    """The options of a command for which nothing is drawn."""
    return Subset("formats", "as_json", "confined", "output", "quiet", "debug", formats=format_option(formats))
