"""`usru evidence`: what did each thing that was seen do to the forecast?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

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
        return _add_item(_ItemToAdd(file, add, learned, source), model, changes, session)
    from usru_scenarios.reading.evidence import read_evidence

    if learned is not None or source:
        raise OptionError("--learned and --source have no meaning without --add", 'add --add "seen: ..."')
    read = read_evidence(file, confined=session.confined)
    study = _load_study(read, model, changes, session)
    result = study.knowing(read, as_of=as_of).foresight(**run.asked, map_blocks=session.workers())
    session.emit(result, result.warnings)
    return None


def _load_study(read: EvidenceText, model: str | None, changes: ModelOptions, session: Session) -> Study:
    """The model on the command line, else the one that the file names."""
    if model is not None:
        return session.load(model, changes)
    try:
        return session.load(str(read.model), changes)
    except UnreadableInput as error:
        if isinstance(error, ModelError):  # it is there, and what is wrong in it has places of its own
            raise
        raise read.missing_model_error(error) from None


class _ItemToAdd(NamedTuple):
    """An item that is to be added to a file."""

    file: str
    text: str
    learned: str | None
    sources: tuple[str, ...]


def _add_item(item: _ItemToAdd, model: str | None, changes: ModelOptions, session: Session) -> None:
    """Append it, if the file is sound with it; what is odd about it is said."""
    from usru_scenarios.reading.evidence import read_evidence
    from usru_scenarios.reading.evidence_item import append_item, lock_evidence_file
    from usru_scenarios.results.common import to_warned

    with lock_evidence_file(item.file):
        read = read_evidence(item.file, confined=session.confined)
        made = append_item(read, item.text, item.learned, item.sources)
        if made.text is not None:
            study = _load_study(read, model, changes, session)
            known = study.knowing(made.read()).evidence
            made.write()
            odd = () if known is None else known.warnings
            session.warn(to_warned(one) for one in odd if made.name in one.message.split())
    session.say(made.summary)
