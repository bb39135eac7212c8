"""`usru ledger`: forecasts that are recorded, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import FINDINGS, CommandEnd, OptionError
from usru_scenarios.cli.declarations import Argument, Option
from usru_scenarios.cli.options import EvidenceOptions, RunOptions, StudyOptions
from usru_scenarios.cli.session import LocalTableSession, Session
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from usru_scenarios.ledger.chain import Chain
    from usru_scenarios.ledger.recompute import Recomputation
    from usru_scenarios.ledger.records import NumberedRecord
    from usru_scenarios.ledger.store import LedgerFolder
    from usru_scenarios.results.ledger import ForecastRecord, History
    from usru_scenarios.study import Study


FOLDER = "forecasts"
"""Where the ledger is unless an option says otherwise."""


def ledger(
    words: Annotated[
        tuple[str, ...],
        Argument(metavar="ACTION [WHAT]...", help="record, history, why, score or verify, and what it is about."),
    ] = (),
    *,
    folder: Annotated[
        str, Option("--ledger", metavar="DIR", help=f"The folder of the ledger.  [default: {FOLDER}]")
    ] = FOLDER,
    message: Annotated[
        str | None, Option("--message", "-m", metavar="TEXT", help="With record: what is said of the forecast.")
    ] = None,
    date: Annotated[
        str | None,
        Option("--date", metavar="DAY", help="With record: the day of the forecast.  [default: today]"),
        parsers.day,
    ] = None,
    at: Annotated[
        str | None,
        Option(
            "--at",
            metavar="TIME",
            help="With history, why: a step, start, end, mean, ever, or now, that of each record.  [default: end]",
        ),
    ] = None,
    of: Annotated[
        tuple[str, ...],
        Option(
            "--of",
            metavar="NAME",
            help="With why: a scenario, group, driver.state or question.  [default: all scenarios]",
        ),
    ] = (),
    repair: Annotated[
        bool, Option("--repair", help="With verify: take out a last line that was never finished.")
    ] = False,
    relink: Annotated[bool, Option("--relink", help="With verify: make one chain of two that git has merged.")] = False,
    options: StudyOptions,
    run: RunOptions,
    session: LocalTableSession,
) -> None:
    """How good were the forecasts? Record them, and look back.

    \b
      record [MODEL]      append the forecast of today, with its model, to the ledger
      history [WHAT]...   what was forecast of a scenario, driver.state or question
      why [A] [B]         why did it move from record A to B, by number or day?
      score               how good was it? by the resolutions of an --evidence file
      verify              is the ledger whole, does each model give its numbers again?

    The ledger is a folder made for git: forecasts.jsonl, a record a line, each with the hash of the line before, and
    models/, the resolved file of each model. record takes the options of simulate, and knows of an --evidence file
    what had been learned by its day. why splits the change in judgement, evidence, time and noise. score holds
    what was forecast of questions and of the scenario at steps against what came, beside even odds, the first record,
    the first model under the same evidence, and each profile. A ledger in which verify finds a
    fault ends with status 1; lines that can't be read are told and left out.
    """  # noqa: D301  # \b keeps the lines of the actions
    action, *rest = words or ("",)
    if action not in _ACTIONS:
        message = f"there is no action '{action}' of a ledger" if action else "what is to be done with the ledger?"
        raise OptionError(message, suggest_name(action, _ACTIONS) or list_choices(_ACTIONS))
    asked = _LedgerRequest(folder, rest, message or "", date, at, of, repair, relink, options, run)
    asked.refuse_others(action)
    _ACTIONS[action].act(asked, session)


class _LedgerRequest(NamedTuple):
    """What is asked of a ledger."""

    folder: str
    words: list[str]
    message: str
    date: str | None
    at: str | None
    of: tuple[str, ...]
    repair: bool
    relink: bool
    options: StudyOptions
    run: RunOptions

    def refuse_others(self, action: str) -> None:
        """Refuse options and words that an action does not take.

        Raises:
            OptionError: there is one.
        """
        takes = _ACTIONS[action]
        for name, value in self._options().items():
            if value not in (None, "", (), False) and name not in takes.options:
                where = [other for other, one in _ACTIONS.items() if name in one.options]
                raise OptionError(f"{name} has no meaning for ledger {action}", f"{' and '.join(where)} takes it")
        if takes.most is not None and len(self.words) > takes.most:
            raise OptionError(f"'{self.words[takes.most]}' is one word too many", f"usru ledger {action} {takes.usage}")

    def _options(self) -> dict[str, Any]:
        run = {f"--{name}": value for name, value in self.run._asdict().items()}
        changes = dict(zip(("-w", "-p", "--set", "--sourced-only", "--recalibrate"), self.options.changes, strict=True))
        conditions = {f"--{name}": value for name, value in self.options.conditions._asdict().items()}
        known = {"--evidence": self.options.known.evidence, "--as-of": self.options.known.as_of}
        own = {"-m": self.message, "--date": self.date, "--at": self.at, "--of": self.of}
        return {**own, "--repair": self.repair, "--relink": self.relink, **run, **changes, **conditions, **known}

    @property
    def ledger(self) -> LedgerFolder:
        from usru_scenarios.ledger.store import LedgerFolder

        return LedgerFolder(Path(self.folder))

    def recomputation(self, session: Session) -> Recomputation:
        from usru_scenarios.ledger.recompute import Recomputation

        return Recomputation(self.ledger, session.workers)


def _record(asked: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.chain import Chain, LedgerLine
    from usru_scenarios.ledger.history import history
    from usru_scenarios.ledger.records import asked_settings, make_record, record_warnings
    from usru_scenarios.ledger.store import resolved_evidence
    from usru_scenarios.reading.copies import resolved_text

    day = asked.date or _today()
    conditions, known, changes = asked.options
    study = session.load(asked.words[0] if asked.words else DEFAULT_MODEL, changes, known)
    study = _restrict_evidence(day, study, known, session)
    how = {**conditions._asdict(), **asked.run.asked}
    result = study.simulate(**how, map_blocks=session.workers())
    session.remark(study)
    session.warn(result.warnings)
    questions = study.loaded.model.questions
    means = [one.means for one in questions.values()]
    answers = study.answers(means, **how, map_blocks=session.workers()) if means else None
    record = make_record(
        result, questions, answers, date=day, message=asked.message, asked=asked_settings(asked.run.asked)
    )
    seen = None if known.evidence is None else resolved_evidence(known.evidence)
    before = asked.ledger.last_record()
    number = asked.ledger.append(record, lambda folder: resolved_text(study.loaded, folder), seen)
    session.say(f"recorded as number {number} of {asked.ledger.records_file}{_describe_evidence(record)}")
    for doubt in record_warnings(record, before):
        session.say(f"warning: {doubt}")
    made = history(Chain((LedgerLine(number, b"", record),)), [*record.scenarios, *record.questions], "end")
    session.emit(made)


def _restrict_evidence(day: str, study: Study, known: EvidenceOptions, session: Session) -> Study:
    """A study that knows what had been learned by a day, and nothing else.

    Raises:
        OptionError: `--as-of` asks for more.
    """
    if study.evidence is None or study.evidence.as_of <= day:
        return study
    if known.as_of is not None:
        message = f"--as-of {known.as_of} is after the day of the record, {day}"
        raise OptionError(
            message, "a forecast knows what was learned by its day: leave --as-of out, or give another --date"
        )
    return session.knowing(study, known._replace(as_of=day))


def _describe_evidence(record: ForecastRecord) -> str:
    """What a record knows by evidence, if by any, in words."""
    from usru_scenarios.report.ledger import format_count

    if (seen := record.run.evidence) is None:
        return ""
    return f", knowing {format_count(len(seen.items), 'item')} of {seen.name} up to {seen.as_of}"


def _today() -> str:
    from datetime import date

    return date.today().isoformat()  # noqa: DTZ011  # the day where the user is


def _history(asked: _LedgerRequest, session: Session) -> None:

    session.emit(load_history(asked.folder, asked.words, asked.at, asked.options.known, session))


def load_history(
    folder: str, words: Sequence[str], at: str | None, known: EvidenceOptions, session: Session
) -> History:
    """What a ledger says of these over time, and how questions came out, if a file of evidence is given.

    Raises:
        LedgerError: there is no record, or none knows what is asked.
    """
    from usru_scenarios.ledger.history import history, latest_of_each_model
    from usru_scenarios.ledger.recompute import Recomputation
    from usru_scenarios.ledger.records import event_kind
    from usru_scenarios.ledger.store import LedgerFolder

    kept = LedgerFolder(Path(folder))
    chain = _read_chain(kept, session)
    evidence = None
    if known != EvidenceOptions():
        last, study = _find_model_of_evidence(chain, known, Recomputation(kept, session.workers), session)
        evidence = study.evidence
    else:
        latest = latest_of_each_model(chain)
        last = next((one for one in latest if any(event_kind(one.record, word) for word in words)), latest[0])
    chain = _select_model(chain, last, kept, session)
    return history(chain, list(words), at or "end", evidence.resolutions if evidence else {})


def _read_chain(folder: LedgerFolder, session: Session) -> Chain:
    """The ledger; what of it can't be read is told."""
    chain = folder.read()
    for fault in chain.unreadable_lines:
        session.say(f"{folder.records_file}:{fault.line}: warning: {fault.message}")
    return chain


def _select_model(chain: Chain, of: NumberedRecord, folder: LedgerFolder, session: Session) -> Chain:
    """The records of the model that a record is of; that there are others is told."""
    from usru_scenarios.report.ledger import format_count

    name = of.record.model.name
    found = chain.for_model(name)
    if others := sorted({one.record.model.name for one in chain.records} - {name}):
        left = format_count(len(chain.records) - len(found.records), "record")
        session.say(f"{folder.records_file}: {left} of {' and '.join(others)} left out: this is about {name}")
    return found


def _find_model_of_evidence(
    chain: Chain, known: EvidenceOptions, again: Recomputation, session: Session
) -> tuple[NumberedRecord, Study]:
    """The latest model of the ledger in which an evidence file has a meaning, with what it says.

    Raises:
        ModelError: it has none in any; why not in the latest.
        UsruError: a model can't be had.
    """
    from usru_scenarios.ledger.history import latest_of_each_model
    from usru_scenarios.problems import ModelError

    first: ModelError | None = None
    for one in latest_of_each_model(chain):
        try:
            return one, session.knowing(again.study(one.record), known)
        except ModelError as error:
            first = first or error
    assert first is not None
    raise first


def _why(asked: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.history import require_records
    from usru_scenarios.ledger.why import attribute_change, choose_records

    pair = choose_records(require_records(_read_chain(asked.ledger, session)), asked.words)
    session.emit(attribute_change(pair, asked.recomputation(session), list(asked.of), asked.at or "end"))


def _score(asked: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.score import score_ledger

    if asked.options.known.evidence is None:
        raise OptionError("ledger score needs to know how things came out", "--evidence FILE, with resolutions")
    chain, again = _read_chain(asked.ledger, session), asked.recomputation(session)
    last, study = _find_model_of_evidence(chain, asked.options.known, again, session)
    assert study.evidence is not None
    result = score_ledger(_select_model(chain, last, asked.ledger, session), again, study.evidence)
    for item, reason in again.left_out.items():
        session.say(f"{item} is left out of a model that has no word for it: {reason}")
    session.emit(result)


def _verify(asked: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.chain import find_faults
    from usru_scenarios.ledger.recompute import recomputation_faults, recompute_records
    from usru_scenarios.results.ledger import Verification

    done = []
    if asked.repair and (torn := asked.ledger.repair()):
        done.append(f"a last line that was not finished, of {torn:,} bytes, was taken out")
    if asked.relink and asked.ledger.relink():
        done.append("what was merged is one chain now")
    chain = asked.ledger.read()
    records = chain.records
    found = list(recompute_records(records, asked.recomputation(session)))
    wrong = sorted([*find_faults(chain), *recomputation_faults(found)], key=lambda fault: fault.line)
    last = records[-1].record if records else None
    result = Verification(
        model=None if last is None else last.model,
        run=None if last is None else last.run,
        whole=not wrong,
        lines=len(chain.lines) + bool(chain.torn),
        records=[one.as_line for one in records],
        recomputed=found,
        faults=wrong,
        done="; ".join(done),
    )
    session.emit(result)
    if wrong:
        raise CommandEnd(FINDINGS)


class _Action(NamedTuple):
    """What can be done with a ledger: how, with which options, and with how many words at most; None for any."""

    act: Callable[[_LedgerRequest, Session], None]
    options: frozenset[str]
    usage: str
    most: int | None = None


_FORECAST_OPTIONS = (
    *("--trials", "--seed", "--method", "--judgements", "-w", "-p", "--set", "--sourced-only", "--recalibrate"),
    *("--do", "--given", "--evidence", "--as-of"),
)

_ACTIONS = {
    "record": _Action(_record, frozenset({"-m", "--date", *_FORECAST_OPTIONS}), "[MODEL]", 1),
    "history": _Action(_history, frozenset({"--at", "--evidence", "--as-of"}), "[WHAT]..."),
    "why": _Action(_why, frozenset({"--at", "--of"}), "[A] [B]", 2),
    "score": _Action(_score, frozenset({"--evidence", "--as-of"}), "", 0),
    "verify": _Action(_verify, frozenset({"--repair", "--relink"}), "", 0),
}
