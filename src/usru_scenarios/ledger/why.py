"""Why two recorded forecasts differ: their models, what had been seen, the step that is read, the noise of sampling.

All is run on the random numbers of the earlier record, so that what is common cancels: method (64).
"""

from __future__ import annotations

from collections.abc import Iterator

from usru_scenarios.ledger.attribution import shapley_values
from usru_scenarios.ledger.recompute import ForecastParts, Recomputation, RecordedConditions, recorded_conditions
from usru_scenarios.ledger.records import (
    LedgerError,
    NumberedRecord,
    check_names,
    check_time,
    event_kind,
    known_names,
    missing_point_error,
    recorded_point,
)
from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.problems import UsruError, listing, printable
from usru_scenarios.results.ledger import (
    AttributedChange,
    Attribution,
    ForecastRecord,
    NumberEffect,
    ObservationEffect,
    RecordedPoint,
)

JUDGEMENT, EVIDENCE, TIME = "judgement", "evidence", "time"
FACTORS = (JUDGEMENT, EVIDENCE, TIME)

WITHDRAWN = "what was withdrawn or said otherwise"
"""In the place of an item: what the earlier record had observed, and the later one has not in these words."""


def choose_records(records: list[NumberedRecord], words: list[str]) -> tuple[NumberedRecord, NumberedRecord]:
    """The two records that words mean: by default the last two, with one word that one and the last, of one model.

    Args:
        records: in the order of their days.
        words: up to two numbers of records, or days, which mean the last record up to that day.

    Raises:
        LedgerError: there are no two records, or a word means none.
    """
    named = [_find_record(records, word) for word in words]
    if len(named) == 2:
        return named[0], named[1]
    name = (named or records)[-1].record.model.name
    alike = [one for one in records if one.record.model.name == name]
    if len(alike) < 2:
        message = f"there is one record of {printable(name)} alone, and nothing to compare it with"
        raise LedgerError(message, "usru ledger record makes another; two numbers name records of different models")
    return named[0] if named else alike[-2], alike[-1]


def _find_record(records: list[NumberedRecord], word: str) -> NumberedRecord:
    number = word.removeprefix("#")
    if number.isdecimal():
        found = [one for one in records if one.number == int(number)]
    else:
        found = [one for one in records if one.record.date <= word and word[:4].isdecimal()]
    if not found:
        first, last = records[0], records[-1]
        known = f"numbers are {min(one.number for one in records)} to {max(one.number for one in records)}"
        days = f"days {first.record.date} to {last.record.date}"
        raise LedgerError(f"there is no record '{printable(word)}'", f"{known}, {days}")
    return found[-1]


@dataclass(frozen=True)
class _MixedForecasts:
    """What two records come to with parts of each.

    Attributes:
        earlier, later: the records.
        again: asks their models.
        parts: of the forecasts that are wanted.
        at: the time at which they are read.
    """

    earlier: ForecastRecord
    later: ForecastRecord
    again: Recomputation
    parts: ForecastParts
    at: str

    def value(self, what: str, of_later: frozenset[str]) -> float:
        """A probability where these factors are those of the later record."""
        seen = recorded_conditions(self.later if EVIDENCE in of_later else self.earlier)
        return self.read_probability(what, self.forecast(seen, judgement=JUDGEMENT in of_later), later=TIME in of_later)

    def forecast(self, seen: RecordedConditions, *, judgement: bool) -> ForecastRecord:
        """The forecast of one of the models under what was seen, on the random numbers of the earlier record."""
        model = self.later if judgement else self.earlier
        like = replace(model, asked=self.earlier.asked)
        return self.again.forecast_under(like, seen._replace(do=tuple(model.run.do)), parts=self.parts)

    def read_probability(self, what: str, found: ForecastRecord, *, later: bool) -> float:
        """A probability of a forecast, at the day of one of the records."""
        dated = replace(found, date=self.later.date if later else self.earlier.date)
        point = recorded_point(NumberedRecord(0, dated), what, self.at)
        if point is None:
            message = f"'{printable(what)}' @ {self.at} is not to be had of both models on both days"
            raise LedgerError(message, "--of names another, or --at another time")
        return point.probability


def attribute_change(
    pair: tuple[NumberedRecord, NumberedRecord], again: Recomputation, wanted: list[str], at: str
) -> Attribution:
    """Why the second of two records differs from the first.

    Args:
        pair: the records.
        again: asks their models.
        wanted: scenarios, groups, `driver.state`s or questions; all scenarios of both where there is none.
        at: the label of a step, or one of `MEASURES`.

    Raises:
        LedgerError: a name or time is in one of the records alone.
        UsruError: a model can't be asked.
    """
    earlier, later = pair
    names = wanted or _shared_scenarios(pair)
    for one in pair:
        check_names([one], names)
        check_time([one], at)
    asked = frozenset(name for name in names if event_kind(later.record, name) == "question")
    parts = ForecastParts(bool(set(names) - asked), asked)
    corners = _MixedForecasts(earlier.record, later.record, again, parts, at)
    changes = {name: _attributed_change(pair, corners, name) for name in names}
    numbers, note = _number_effects(corners, names)
    items = list(_observation_effects(corners, names))
    alone = [] if wanted else [name for name in later.record.scenarios if name not in names]
    notes = [*filter(None, [note]), *_unknown(pair, alone), *_left_out(again)]
    return Attribution(
        model=later.record.model,
        run=later.record.run,
        earlier=earlier.as_line,
        later=later.as_line,
        at=at,
        changes=changes,
        items=items,
        numbers=numbers,
        note=". ".join(one[:1].upper() + one[1:].rstrip(".") for one in notes) if len(notes) > 1 else "".join(notes),
        quiet=again.quiet_items(later.record, [one.item for one in items]),
    )


def _shared_scenarios(pair: tuple[NumberedRecord, NumberedRecord]) -> list[str]:
    """The scenarios that both records know.

    Raises:
        LedgerError: there are none.
    """
    earlier, later = (one.record for one in pair)
    if names := [name for name in later.scenarios if name in earlier.scenarios]:
        return names
    known = set(known_names(earlier))
    both = [name for name in known_names(later) if name in known]
    message = (
        f"number {pair[0].number} is of {printable(earlier.model.name)} and number {pair[1].number} of "
        f"{printable(later.model.name)}, which have no scenario in common"
    )
    raise LedgerError(message, f"--of names what both know, {listing(both)}" if both else "name two of one model")


def _unknown(pair: tuple[NumberedRecord, NumberedRecord], alone: list[str]) -> Iterator[str]:
    if alone:
        yield f"{', '.join(alone)}: known to number {pair[1].number} alone"


def _left_out(again: Recomputation) -> Iterator[str]:
    """What was left out of a model that has no word for it."""
    for item, reason in again.left_out.items():
        yield f"{item} counts in one of the models alone, for in the other it means nothing: {reason}"


def _attributed_change(
    pair: tuple[NumberedRecord, NumberedRecord], corners: _MixedForecasts, name: str
) -> AttributedChange:
    before, after = (_require_point(one, name, corners.at) for one in pair)
    change = after.probability - before.probability
    found = shapley_values(FACTORS, lambda of_later: corners.value(name, of_later))
    parts = {factor: one.value for factor, one in found.items()}
    return AttributedChange(
        before=before.probability,
        after=after.probability,
        change=change,
        **parts,
        noise=change - parts[JUDGEMENT] - parts[EVIDENCE] - parts[TIME],
        ranges={factor: (one.low, one.high) for factor, one in found.items()},
    )


def _require_point(one: NumberedRecord, name: str, at: str) -> RecordedPoint:
    if (point := recorded_point(one, name, at)) is None:
        raise missing_point_error(one, name, at)
    return point


# By observation and by number -----------------------------------------------------------------------------------------


def _observation_effects(corners: _MixedForecasts, names: list[str]) -> Iterator[ObservationEffect]:
    """What each observation does that the later record alone has, added one after the other in the later model."""
    old, new = recorded_conditions(corners.earlier), recorded_conditions(corners.later)
    if old._replace(do=()) == new._replace(do=()):
        return
    last = corners.forecast(old, judgement=True)
    for item, seen in _added_observations(corners):
        found = corners.forecast(seen, judgement=True)
        effects = {
            name: corners.read_probability(name, found, later=True) - corners.read_probability(name, last, later=True)
            for name in names
        }
        if item != WITHDRAWN or any(effects.values()):
            yield ObservationEffect(item, effects)
        last = found


def _added_observations(corners: _MixedForecasts) -> Iterator[tuple[str, RecordedConditions]]:
    """What is seen in the later record, from what both have seen on."""
    old, new = recorded_conditions(corners.earlier), recorded_conditions(corners.later)
    before, after = _evidence_items(corners.earlier), _evidence_items(corners.later)
    given = [one for one in new.given if one in old.given]
    items = [one for one in after if one in before]

    def seen() -> RecordedConditions:
        kept = [one for one in new.given if one in given], [one for one in after if one in items]
        return new._replace(given=tuple(kept[0]), items=tuple(kept[1]) if new.evidence is not None else None)

    yield WITHDRAWN, seen()
    for one in new.given:
        if one not in given:
            given.append(one)
            yield one, seen()
    for one in after:
        if one not in items:
            items.append(one)
            yield one, seen()


def _evidence_items(record: ForecastRecord) -> list[str]:
    """The ids of the items of evidence that act in a record."""
    return [] if record.run.evidence is None else record.run.evidence.items


def _number_effects(corners: _MixedForecasts, names: list[str]) -> tuple[list[NumberEffect], str]:
    """What the models say differently, with what each does alone at the end or on average; and why it can't be told."""
    earlier, later = corners.earlier, corners.later
    if earlier.model.sha256 == later.model.sha256 and earlier.run.do == later.run.do:
        return [], ""
    studies = [corners.again.study(one) for one in (earlier, later)]
    measured = corners.at if corners.at in ("end", "mean") else None
    try:
        compared = (
            studies[0]
            .compare(
                {"later": studies[1]},
                name="earlier",
                do={"earlier": earlier.run.do, "later": later.run.do},
                switch=measured is not None,
                seed=earlier.asked.seed,
                method=earlier.asked.method,
                judgements=0,
                trials=earlier.asked.trials,
                map_blocks=corners.again.map_blocks(),
            )
            .variants["later"]
        )
    except UsruError as error:
        return [], str(error).splitlines()[0]
    effects = {} if compared.switching is None else compared.switching.effects
    found = []
    for one in compared.inputs:
        moved = effects[one.path].scenarios if one.path in effects else {}
        by_name = {name: getattr(moved[name], measured) for name in names if name in moved and measured}
        found.append(NumberEffect(one.path, one.reference, one.variant, by_name))
    return found, compared.note
