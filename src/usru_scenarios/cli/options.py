"""The options that several commands have, in groups; a command takes a whole group or a `Subset` of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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

        read = self._asdict()
        del read["recalibrate"]
        return Request.of(model, confined=confined, **read)

    def finished(self, study: Study) -> Study:
        """What has been read, with what is worked out from it.

        Raises:
            NoAnchor: the baselines are to be solved again, and can't be.
        """
        return study.recalibrated() if self.recalibrate else study


class ConditionOptions(NamedTuple):
    """What is imposed and what is seen; named as `Study` takes it."""

    do: Do = ()
    given: Given = ()


class EvidenceOptions(NamedTuple):
    """What has been seen, by a file."""

    evidence: Annotated[
        str | None,
        Option("--evidence", metavar="FILE", help="What has been seen: an evidence file (docs/format.md, 14)."),
    ] = None
    as_of: Annotated[
        str | None,
        Option("--as-of", metavar="DAY", help="Leave out what was learned later.  [default: the file's own day]"),
    ] = None


class StudyOptions(NamedTuple):
    """Of what a question is asked beside the file: what is imposed and seen, and what is changed in the model."""

    conditions: ConditionOptions
    known: EvidenceOptions
    changes: ModelOptions


class RunOptions(NamedTuple):
    """How much is drawn, from which seed and how."""

    trials: Annotated[
        int | None,
        Option("--trials", "-n", metavar="N", help="How many trials to draw, as in 1e6.  [default: 65536]"),
        parsers.setting,
    ] = None
    seed: Annotated[
        int | None, Option("--seed", metavar="N", help="Of the random numbers.  [default: 1]"), parsers.setting
    ] = None
    method: Annotated[
        str | None,
        Option(
            "--method", metavar="NAME", help="auto (exact where that is faster and there is no -n), sample or exact."
        ),
        parsers.setting,
    ] = None
    judgements: Annotated[
        int | None,
        Option(
            "--judgements",
            metavar="N",
            help="How many draws of the uncertain judgements; 0 takes them at their means.  [default: 512]",
        ),
        parsers.setting,
    ] = None

    @property
    def asked(self) -> dict[str, Any]:
        """What is asked for, by the names that `Study` takes, and no more."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def news(self, warnings: Iterable[Warned]) -> list[Warned]:
        """Of warnings those that tell more than that what was asked for is done: judgements taken at their means."""
        return [one for one in warnings if self.judgements != 0 or one.code != "judgements_at_their_means"]


def trials_option(help_text: str) -> Any:
    """The option `--trials` of a question that tells effects from sampling error, which takes more of them."""
    shown = Option("--trials", "-n", metavar="N", help=help_text)
    return Annotated[int | None, shown, partial(parsers.setting, least=LEAST_SENSITIVITY_TRIALS)]


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
"""The formats that the ending of a file names."""


def guess_format(word: str) -> str:
    """The format that a word of people means, such as `markdown`; empty where it means none."""
    word = word.lower()
    return (
        "table"
        if word == "text"
        else word
        if word in FORMAT_BY_SUFFIX.values()
        else FORMAT_BY_SUFFIX.get(f".{word}", "")
    )


class FormatChoice(NamedTuple):
    """In which form an answer is wanted.

    Attributes:
        known: the forms that the answer has, the usual one first.
        asked: the one that is asked for, if one is.
    """

    known: tuple[str, ...] = ()
    asked: str | None = None


def format_option(known: Collection[str]) -> Any:
    """The option `--format` of a command that has these; the first is the usual one."""
    unasked, one_of = FormatChoice(tuple(known)), parsers.one_of(known)
    usual = f"by the ending of -o, else {unasked.known[0]}"
    shown = Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(known)}.  [default: {usual}]")

    def read(option: str, text: str) -> FormatChoice:
        if text not in known and (meant := guess_format(text)) in known:
            raise OptionError(f"{option} '{text}' is unknown", f"did you mean '{meant}'?")
        return unasked._replace(asked=one_of(option, text))

    return Annotated[FormatChoice, shown, read, DefaultValue(unasked)]
