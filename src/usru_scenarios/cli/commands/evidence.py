"""`usru evidence`: what did each thing that was seen do to the forecast?"""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option
from usru_scenarios.cli.options import ModelOptions, OptionalModel, RunOptions
from usru_scenarios.cli.session import LocalTableSession


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
    from usru_scenarios.reading.evidence import read_evidence

    if add is None and (learned is not None or source):
        raise OptionError("--learned and --source have no meaning without --add", 'add --add "seen: ..."')
    read = read_evidence(file, confined=session.confined)
    named = str(read.model) if model is None else model
    study = session.load(named, changes)
    if add is not None:
        from usru_scenarios.reading.evidence_item import appended

        if learned is None:
            raise OptionError("--add wants the day on which it became known", "add --learned 2025-02-12")
        made = appended(read, add, learned, source)
        if made.text is not None:
            study.knowing(made.read())
            made.write()
        session.say(made.said)
        return
    result = study.knowing(read, as_of=as_of).foresight(**run.asked, map_blocks=session.workers())
    session.emit("evidence", result, result.warnings)
