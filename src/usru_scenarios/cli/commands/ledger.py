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
    from usru_scenarios.results.ledger import History
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
        parsers.parse_day_option,
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
    request = _LedgerRequest(folder, rest, message or "", date, at, of, repair, relink, options, run)
    request.refuse_others(action)
    _ACTIONS[action].act(request, session)


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
        allowed = _ACTIONS[action]
        for name, value in self._options().items():
            if value not in (None, "", (), False) and name not in allowed.options:
                others = [other for other, settings in _ACTIONS.items() if name in settings.options]
                raise OptionError(f"{name} has no meaning for ledger {action}", f"{' and '.join(others)} takes it")
        most = allowed.most_words
        if most is not None and len(self.words) > most:
            raise OptionError(f"'{self.words[most]}' is one word too many", f"usru ledger {action} {allowed.usage}")

    def _options(self) -> dict[str, Any]:
        run = {f"--{name}": value for name, value in self.run._asdict().items()}
        changes = dict(zip(("-w", "-p", "--set", "--sourced-only", "--recalibrate"), self.options.changes, strict=True))
        conditions = {f"--{name}": value for name, value in self.options.conditions._asdict().items()}
        evidence = {"--evidence": self.options.evidence.file, "--as-of": self.options.evidence.as_of}
        own = {"-m": self.message, "--date": self.date, "--at": self.at, "--of": self.of}
        return {**own, "--repair": self.repair, "--relink": self.relink, **run, **changes, **conditions, **evidence}

    @property
    def ledger(self) -> LedgerFolder:
        from usru_scenarios.ledger.store import LedgerFolder

        return LedgerFolder(Path(self.folder))

    def recomputation(self, session: Session) -> Recomputation:
        from usru_scenarios.ledger.recompute import Recomputation

        return Recomputation(self.ledger, session.workers)


def _record(request: _LedgerRequest, session: Session) -> None:
    from datetime import date

    from usru_scenarios.ledger.chain import Chain, LedgerLine
    from usru_scenarios.ledger.history import history
    from usru_scenarios.ledger.records import asked_settings, make_record, record_warnings
    from usru_scenarios.ledger.store import resolved_evidence
    from usru_scenarios.reading.copies import resolved_text
    from usru_scenarios.report.ledger import format_count

    day = request.date or date.today().isoformat()  # noqa: DTZ011  # the day where the user is
    conditions, evidence, changes = request.options
    study = session.load(request.words[0] if request.words else DEFAULT_MODEL, changes, evidence)
    study = _restrict_evidence(day, study, evidence, session)
    settings = {**conditions._asdict(), **request.run.arguments}
    result = study.simulate(**settings, map_blocks=session.workers())
    session.warn_about_files(study)
    session.warn(result.warnings)
    questions = study.loaded.model.questions
    queries = [question.means for question in questions.values()]
    answers = study.answers(queries, **settings, map_blocks=session.workers()) if queries else None
    record = make_record(
        result, questions, answers, date=day, message=request.message, asked=asked_settings(request.run.arguments)
    )
    evidence_text = None if evidence.file is None else resolved_evidence(evidence.file)
    previous = request.ledger.last_record()
    number = request.ledger.append(record, lambda folder: resolved_text(study.loaded, folder), evidence_text)
    known = ""
    if (used := record.run.evidence) is not None:
        known = f", knowing {format_count(len(used.items), 'item')} of {used.name} up to {used.as_of}"
    session.say(f"recorded as number {number} of {request.ledger.records_file}{known}")
    for warning in record_warnings(record, previous):
        session.say(f"warning: {warning}")
    chain = Chain((LedgerLine(number, b"", record),))
    session.emit(history(chain, [*record.scenarios, *record.questions], "end"))


def _restrict_evidence(day: str, study: Study, evidence: EvidenceOptions, session: Session) -> Study:
    """A study without the evidence that was learned after a day.

    Raises:
        OptionError: `--as-of` asks for more.
    """
    if study.evidence is None or study.evidence.as_of <= day:
        return study
    if evidence.as_of is not None:
        message = f"--as-of {evidence.as_of} is after the day of the record, {day}"
        hint = "a forecast knows what was learned by its day: leave --as-of out, or give another --date"
        raise OptionError(message, hint)
    return session.attach_evidence(evidence._replace(as_of=day), study)[0]


def _history(request: _LedgerRequest, session: Session) -> None:
    session.emit(load_history(request.folder, request.words, request.at, request.options.evidence, session))


def load_history(
    folder: str, words: Sequence[str], at: str | None, evidence: EvidenceOptions, session: Session
) -> History:
    """The history of what is named, and how questions came out, if a file of evidence is given.

    Raises:
        LedgerError: there is no record, or none knows what is request.
    """
    from usru_scenarios.ledger.history import history, latest_of_each_model
    from usru_scenarios.ledger.recompute import Recomputation
    from usru_scenarios.ledger.records import event_kind
    from usru_scenarios.ledger.store import LedgerFolder

    ledger = LedgerFolder(Path(folder))
    chain = _read_chain(ledger, session)
    resolutions = None
    if evidence == EvidenceOptions():
        latest = latest_of_each_model(chain)
        last = next((item for item in latest if any(event_kind(item.record, word) for word in words)), latest[0])
    else:
        last, study = _find_model_of_evidence(chain, evidence, Recomputation(ledger, session.workers), session)
        resolutions = study.evidence and study.evidence.resolutions
    chain = _select_model(chain, last, ledger, session)
    return history(chain, list(words), at or "end", resolutions or {})


def _read_chain(folder: LedgerFolder, session: Session) -> Chain:
    """The lines of a ledger; a warning is written of each that can't be read."""
    chain = folder.read()
    for fault in chain.unreadable_lines:
        session.say(f"{folder.records_file}:{fault.line}: warning: {fault.message}")
    return chain


def _select_model(chain: Chain, latest: NumberedRecord, folder: LedgerFolder, session: Session) -> Chain:
    """The records of the model of one of them; a message says whether others are left out."""
    from usru_scenarios.report.ledger import format_count

    name = latest.record.model.name
    selected = chain.for_model(name)
    if others := sorted({item.record.model.name for item in chain.records} - {name}):
        left_out = format_count(len(chain.records) - len(selected.records), "record")
        session.say(f"{folder.records_file}: {left_out} of {' and '.join(others)} left out: this is about {name}")
    return selected


def _find_model_of_evidence(
    chain: Chain, evidence: EvidenceOptions, recomputation: Recomputation, session: Session
) -> tuple[NumberedRecord, Study]:
    """The latest record of a model in which an evidence file has a meaning, and the model with that evidence.

    Raises:
        ModelError: it has none in any; why not in the latest.
        UsruError: a model can't be had.
    """
    from usru_scenarios.ledger.history import latest_of_each_model
    from usru_scenarios.problems import ModelError

    first_error: ModelError | None = None
    for latest in latest_of_each_model(chain):
        try:
            return latest, session.attach_evidence(evidence, recomputation.study(latest.record))[0]
        except ModelError as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def _why(request: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.history import require_records
    from usru_scenarios.ledger.why import attribute_change, choose_records

    pair = choose_records(require_records(_read_chain(request.ledger, session)), request.words)
    session.emit(attribute_change(pair, request.recomputation(session), list(request.of), request.at or "end"))


def _score(request: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.score import score_ledger

    if request.options.evidence.file is None:
        raise OptionError("ledger score needs to know how things came out", "--evidence FILE, with resolutions")
    chain, recomputation = _read_chain(request.ledger, session), request.recomputation(session)
    last, study = _find_model_of_evidence(chain, request.options.evidence, recomputation, session)
    assert study.evidence is not None
    result = score_ledger(_select_model(chain, last, request.ledger, session), recomputation, study.evidence)
    for item, reason in recomputation.left_out.items():
        session.say(f"{item} is left out of a model that has no word for it: {reason}")
    session.emit(result)


def _verify(request: _LedgerRequest, session: Session) -> None:
    from usru_scenarios.ledger.chain import find_faults
    from usru_scenarios.ledger.recompute import recomputation_faults, recompute_records
    from usru_scenarios.results.ledger import Verification

    done = []
    if request.repair and (torn := request.ledger.repair()):
        done.append(f"a last line that was not finished, of {torn:,} bytes, was taken out")
    if request.relink and request.ledger.relink():
        done.append("what was merged is one chain now")
    chain = request.ledger.read()
    records = chain.records
    recomputed = list(recompute_records(records, request.recomputation(session)))
    faults = sorted([*find_faults(chain), *recomputation_faults(recomputed)], key=lambda fault: fault.line)
    last = records[-1].record if records else None
    result = Verification(
        model=None if last is None else last.model,
        run=None if last is None else last.run,
        whole=not faults,
        lines=len(chain.lines) + bool(chain.torn),
        records=[record.as_line for record in records],
        recomputed=recomputed,
        faults=faults,
        done="; ".join(done),
    )
    session.emit(result)
    if faults:
        raise CommandEnd(FINDINGS)


class _Action(NamedTuple):
    """An action on a ledger: its function, the options that it takes, and how many words at most; None for any."""

    act: Callable[[_LedgerRequest, Session], None]
    options: frozenset[str]
    usage: str
    most_words: int | None = None


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
