"""The options that several commands have, in groups; a command takes a whole group or a `Subset` of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, DefaultValue, Option
from usru_scenarios.settings import LEAST_SENSITIVITY_TRIALS

if TYPE_CHECKING:
    from usru_scenarios.reading.request import Request
    from usru_scenarios.results.common import Warned
    from usru_scenarios.study import Study

Model = Annotated[str, Argument(metavar="MODEL", help="A scenario file, - for standard input, or a bundled model.")]
OptionalModel = Annotated[
    str | None, Argument(metavar="MODEL", help="A scenario file, - for standard input, or a bundled model.")
]
Weights = Annotated[
    tuple[str, ...],
    Option("--weight", "-w", metavar="NAME=VALUE", help="Weight of a driver or rule; x1.5 multiplies. Repeatable."),
]
Profile = Annotated[
    str | None, Option("--profile", "-p", metavar="NAME", help="A profile of the file.", takes="the name of a profile")
]
Overrides = Annotated[
    tuple[str, ...],
    Option("--set", metavar="PATH=VALUE", help="Any value of the file, by its dotted path. Repeatable."),
]
SourcedOnly = Annotated[bool, Option("--sourced-only", help="Set points to 0 that cite no claim of a document.")]
Recalibrate = Annotated[
    bool,
    Option("--recalibrate", help="Solve the baselines for the anchor again, by what --sourced-only or --set leave."),
]
Do = Annotated[
    tuple[str, ...],
    Option("--do", metavar="NODE=STATE[@TIME]", help="Impose a state, cut off from its causes. Repeatable."),
]


Given = Annotated[
    tuple[str, ...],
    Option("--given", metavar="NODE=STATE@TIME", help="Observe a state: evidence about its causes too. Repeatable."),
]


class ModelOptions(NamedTuple):
    """What is changed in a model; named as `study.load` takes it."""

    weights: Weights = ()
    profile: Profile = None
    overrides: Overrides = ()
    sourced_only: SourcedOnly = False
    recalibrate: Recalibrate = False

    def request(self, model: str, *, confined: bool) -> Request:
        """How the file of a model is read.

        Raises:
            UnreadableInput: there is no such file or bundled model.
        """
        from usru_scenarios.reading.request import Request

        changes = self._asdict()
        del changes["recalibrate"]
        return Request.of(model, confined=confined, **changes)

    def apply_recalibration(self, study: Study) -> Study:
        """A study with its baselines solved again, if that is asked for.

        Raises:
            NoAnchor: they can't be.
        """
        return study.recalibrated() if self.recalibrate else study


class ConditionOptions(NamedTuple):
    """What is imposed and what is seen; named as `Study` takes it."""

    do: Do = ()
    given: Given = ()


class EvidenceOptions(NamedTuple):
    """The file of what has been seen."""

    file: Annotated[
        str | None,
        Option("--evidence", metavar="FILE", help="What has been seen: an evidence file (docs/format.md, 14)."),
    ] = None
    as_of: Annotated[
        str | None,
        Option("--as-of", metavar="DAY", help="Leave out what was learned later.  [default: the file's own day]"),
    ] = None

    def attach_to(self, study: Study) -> Study:
        """A study with the evidence of the file, if there is one.

        Raises:
            OptionError: there is a day and no file.
        """
        if self.file is not None:
            return study.knowing(self.file, as_of=self.as_of)
        if self.as_of is not None:
            raise OptionError("--as-of has no meaning without --evidence", "add --evidence FILE")
        return study


class StudyOptions(NamedTuple):
    """What makes the study of a file that a question is asked of: conditions, evidence, and changes of the model."""

    conditions: ConditionOptions
    evidence: EvidenceOptions
    changes: ModelOptions


class RunOptions(NamedTuple):
    """How much is drawn, from which seed and how."""

    trials: Annotated[
        int | None,
        Option("--trials", "-n", metavar="N", help="How many trials to draw, as in 1e6.  [default: 65536]"),
        parsers.parse_setting,
    ] = None
    seed: Annotated[
        int | None, Option("--seed", metavar="N", help="Of the random numbers.  [default: 1]"), parsers.parse_setting
    ] = None
    method: Annotated[
        str | None,
        Option(
            "--method", metavar="NAME", help="auto (exact where that is faster and there is no -n), sample or exact."
        ),
        parsers.parse_setting,
    ] = None
    judgements: Annotated[
        int | None,
        Option(
            "--judgements",
            metavar="N",
            help="How many draws of the uncertain judgements; 0 takes them at their means.  [default: 512]",
        ),
        parsers.parse_setting,
    ] = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The options that are given, as arguments for a question of `Study`."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def select_warnings(self, warnings: Iterable[Warned]) -> list[Warned]:
        """The warnings without the one that judgements are at their means, where `--judgements 0` asked for that."""
        return [warning for warning in warnings if self.judgements != 0 or warning.code != "judgements_at_their_means"]


def trials_option(help_text: str) -> Any:
    """The option `--trials` of a question that separates effects from sampling error, which takes more of them."""
    option = Option("--trials", "-n", metavar="N", help=help_text)
    return Annotated[int | None, option, partial(parsers.parse_setting, least=LEAST_SENSITIVITY_TRIALS)]


FORMAT_BY_SUFFIX = {
    ".json": "json",
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".md": "md",
    ".markdown": "md",
    ".txt": "table",
    ".yaml": "yaml",
    ".yml": "yaml",
}
"""The formats by the endings of files."""


def guess_format(word: str) -> str:
    """The format that a user likely means by a word, such as `markdown`; empty where there is none."""
    word = word.lower()
    if word in FORMAT_BY_SUFFIX.values():
        return word
    return "table" if word == "text" else FORMAT_BY_SUFFIX.get(f".{word}", "")


class FormatChoice(NamedTuple):
    """The format in which an answer is wanted.

    Attributes:
        offered: the formats that the answer has, the usual one first.
        requested: the one that is asked for, if one is.
    """

    offered: tuple[str, ...] = ()
    requested: str | None = None


def format_option(formats: Sequence[str]) -> Any:
    """The option `--format` of a command that has these; the first is the usual one."""
    default, parse_choice = FormatChoice(tuple(formats)), parsers.choice_parser(formats)
    usual = f"by the ending of -o, else {formats[0]}"
    option = Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(formats)}.  [default: {usual}]")

    def parse(option: str, text: str) -> FormatChoice:
        if text not in formats and (suggested := guess_format(text)) in formats:
            raise OptionError(f"{option} '{text}' is unknown", f"did you mean '{suggested}'?")
        return default._replace(requested=parse_choice(option, text))

    return Annotated[FormatChoice, option, parse, DefaultValue(default)]
