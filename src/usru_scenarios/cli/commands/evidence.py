"""`usru evidence`: what did each thing that was seen do to the forecast?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option
from usru_scenarios.cli.options import ModelOptions, OptionalModel, RunOptions
from usru_scenarios.cli.session import LocalTableSession, Session
from usru_scenarios.problems import ModelError, UnreadableInput

if TYPE_CHECKING:
    from usru_scenarios.reading.evidence import EvidenceText
    from usru_scenarios.study import Study


def evidence(
    file: Annotated[str, Argument(metavar="FILE", help="An evidence file.")],
    model: OptionalModel = None,
    *,
    as_of: Annotated[
        str | None,
        Option("--as-of", metavar="DAY", help="Leave out what was learned later.  [default: the file's own day]"),
    ] = None,
    add: Annotated[
        str | None,
        Option(
            metavar="ITEM",
            help='Append an item to the file instead, such as "seen: dialogue=summit @ 2025-Q1", and answer nothing.',
        ),
    ] = None,
    learned: Annotated[str | None, Option(metavar="DAY", help="With --add: when it became known.")] = None,
    source: Annotated[
        tuple[str, ...], Option(metavar="ID", help="With --add: a claim that it rests on. Repeatable.")
    ] = (),
    changes: ModelOptions,
    run: RunOptions,
    session: LocalTableSession,
) -> None:
    """What has been seen, and what did it change?

    Each item in the order in which it was learned: how likely it was given those before (its surprise), how it moved
    each scenario at the end, and the effective trials left; then the log score of the file, beside those of its
    profiles: who foresaw best.
    """
    if add is not None:
        return _add_item(file, add, learned, source, model=model, changes=changes, session=session)
    from usru_scenarios.reading.evidence import read_evidence

    if learned is not None or source:
        raise OptionError("--learned and --source have no meaning without --add", 'add --add "seen: ..."')
    text = read_evidence(file, confined=session.confined)
    study = _load_study(text, model, changes, session)
    result = study.knowing(text, as_of=as_of).foresight(**run.arguments, map_blocks=session.workers())
    session.emit(result, result.warnings)
    return None


def _load_study(text: EvidenceText, model: str | None, changes: ModelOptions, session: Session) -> Study:
    """The model on the command line, else the one that the file names."""
    if model is not None:
        return session.load(model, changes)
    try:
        return session.load(str(text.model), changes)
    except UnreadableInput as error:
        if isinstance(error, ModelError):  # it is there, and what is wrong in it has places of its own
            raise
        raise text.missing_model_error(error) from None


def _add_item(
    file: str,
    item: str,
    learned: str | None,
    sources: tuple[str, ...],
    *,
    model: str | None,
    changes: ModelOptions,
    session: Session,
) -> None:
    """Append an item to a file, if the file is valid with it; the warnings of the item are written."""
    from usru_scenarios.reading.evidence import read_evidence
    from usru_scenarios.reading.evidence_item import append_item, lock_evidence_file
    from usru_scenarios.results.common import to_warned

    with lock_evidence_file(file):
        text = read_evidence(file, confined=session.confined)
        addition = append_item(text, item, learned, sources)
        if addition.text is not None:
            study = _load_study(text, model, changes, session).knowing(addition.read())
            addition.write()
            warnings = study.evidence.warnings if study.evidence else ()
            session.warn(to_warned(warning) for warning in warnings if addition.name in warning.message.split())
    session.say(addition.summary)
