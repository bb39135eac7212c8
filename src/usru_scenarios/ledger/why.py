"""Why two recorded forecasts differ: their models, what had been seen, the step that is read, the noise of sampling.

All is run on the random numbers of the earlier record, so that what is common cancels: method (64).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import permutations
from typing import NamedTuple

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
from usru_scenarios.problems import UsruError, list_choices, to_printable
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
    alike = [numbered for numbered in records if numbered.record.model.name == name]
    if len(alike) < 2:
        message = f"there is one record of {to_printable(name)} alone, and nothing to compare it with"
        raise LedgerError(message, "usru ledger record makes another; two numbers name records of different models")
    return named[0] if named else alike[-2], alike[-1]


def _find_record(records: list[NumberedRecord], word: str) -> NumberedRecord:
    number = word.removeprefix("#")
    if number.isdecimal():
        matches = [numbered for numbered in records if numbered.number == int(number)]
    else:
        matches = [numbered for numbered in records if numbered.record.date <= word and word[:4].isdecimal()]
    if not matches:
        numbers = [numbered.number for numbered in records]
        days = f"days {records[0].record.date} to {records[-1].record.date}"
        hint = f"numbers are {min(numbers)} to {max(numbers)}, {days}"
        raise LedgerError(f"there is no record '{to_printable(word)}'", hint)
    return matches[-1]


# Shapley values -------------------------------------------------------------------------------------------------------


class ShapleyValue(NamedTuple):
    """What a factor contributes to a difference.

    Attributes:
        value: its Shapley value, the mean over all orders in which the factors can be brought in, of what bringing it
            in then changes, method (64). The values of all factors sum to the difference, whatever works together.
        low: the least over the orders.
        high: the most over the orders. Where it is not `low`, the factors work together.
    """

    value: float
    low: float
    high: float


def shapley_values(factors: Sequence[str], value_of_set: Callable[[frozenset[str]], float]) -> dict[str, ShapleyValue]:
    """What each factor contributes to the difference between all factors and none.

    Args:
        factors: few, for all of their orders are gone through.
        value_of_set: of a set of factors; asked once for each set.
    """
    cached_value = cache(value_of_set)
    changes: dict[str, list[float]] = {factor: [] for factor in factors}
    for order in permutations(factors):
        for place, factor in enumerate(order):
            before = frozenset(order[:place])
            changes[factor].append(cached_value(before | {factor}) - cached_value(before))
    return {factor: ShapleyValue(math.fsum(each) / len(each), min(each), max(each)) for factor, each in changes.items()}


# From one record to the other -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _MixedForecasts:
    """Forecasts that mix the model, the conditions and the day of two records.

    Attributes:
        earlier, later: the records.
        recomputation: asks their models.
        parts: of the forecasts that are wanted.
        at: the time at which they are read.
    """

    earlier: ForecastRecord
    later: ForecastRecord
    recomputation: Recomputation
    parts: ForecastParts
    at: str

    def probability_of(self, name: str, later_factors: frozenset[str]) -> float:
        """A probability where these factors are those of the later record."""
        conditions = recorded_conditions(self.later if EVIDENCE in later_factors else self.earlier)
        record = self.forecast(conditions, judgement=JUDGEMENT in later_factors)
        return self.read_probability(name, record, later=TIME in later_factors)

    def forecast(self, conditions: RecordedConditions, *, judgement: bool) -> ForecastRecord:
        """The forecast of one of the models under what was seen, on the random numbers of the earlier record."""
        model = self.later if judgement else self.earlier
        like = replace(model, asked=self.earlier.asked)
        return self.recomputation.forecast_under(like, conditions._replace(do=tuple(model.run.do)), parts=self.parts)

    def read_probability(self, name: str, record: ForecastRecord, *, later: bool) -> float:
        """A probability of a forecast, at the day of one of the records."""
        dated = replace(record, date=self.later.date if later else self.earlier.date)
        point = recorded_point(NumberedRecord(0, dated), name, self.at)
        if point is None:
            message = f"'{to_printable(name)}' @ {self.at} is not to be had of both models on both days"
            raise LedgerError(message, "--of names another, or --at another time")
        return point.probability


def attribute_change(
    pair: tuple[NumberedRecord, NumberedRecord], recomputation: Recomputation, names_asked: list[str], at: str
) -> Attribution:
    """Why the second of two records differs from the first.

    Args:
        pair: the records.
        recomputation: asks their models.
        names_asked: scenarios, groups, `driver.state`s or questions; all scenarios of both where there is none.
        at: the label of a step, or one of `MEASURES`.

    Raises:
        LedgerError: a name or time is in one of the records alone.
        UsruError: a model can't be asked.
    """
    earlier, later = pair
    names = names_asked or _shared_scenarios(pair)
    for numbered in pair:
        check_names([numbered], names)
        check_time([numbered], at)
    question_ids = frozenset(name for name in names if event_kind(later.record, name) == "question")
    parts = ForecastParts(bool(set(names) - question_ids), question_ids)
    mixed = _MixedForecasts(earlier.record, later.record, recomputation, parts, at)
    changes = {name: _attributed_change(pair, mixed, name) for name in names}
    numbers, note = _number_effects(mixed, names)
    items = list(_observation_effects(mixed, names))
    only_later = [] if names_asked else [name for name in later.record.scenarios if name not in names]
    notes = [note] if note else []
    if only_later:
        notes.append(f"{', '.join(only_later)}: known to number {later.number} alone")
    notes += [
        f"{item} counts in one of the models alone, for in the other it means nothing: {reason}"
        for item, reason in recomputation.left_out.items()
    ]
    if len(notes) > 1:
        notes = [". ".join(sentence[:1].upper() + sentence[1:].rstrip(".") for sentence in notes)]
    return Attribution(
        model=later.record.model,
        run=later.record.run,
        earlier=earlier.as_line,
        later=later.as_line,
        at=at,
        changes=changes,
        items=items,
        numbers=numbers,
        note="".join(notes),
        quiet=recomputation.quiet_items(later.record, [effect.item for effect in items]),
    )


def _shared_scenarios(pair: tuple[NumberedRecord, NumberedRecord]) -> list[str]:
    """The scenarios that both records know.

    Raises:
        LedgerError: there are none.
    """
    earlier, later = (numbered.record for numbered in pair)
    if names := [name for name in later.scenarios if name in earlier.scenarios]:
        return names
    earlier_names = set(known_names(earlier))
    both = [name for name in known_names(later) if name in earlier_names]
    message = (
        f"number {pair[0].number} is of {to_printable(earlier.model.name)} and number {pair[1].number} of "
        f"{to_printable(later.model.name)}, which have no scenario in common"
    )
    raise LedgerError(message, f"--of names what both know, {list_choices(both)}" if both else "name two of one model")


def _attributed_change(
    pair: tuple[NumberedRecord, NumberedRecord], mixed: _MixedForecasts, name: str
) -> AttributedChange:
    before, after = (_require_point(numbered, name, mixed.at) for numbered in pair)
    change = after.probability - before.probability
    contributions = shapley_values(FACTORS, lambda later_factors: mixed.probability_of(name, later_factors))
    parts = {factor: contribution.value for factor, contribution in contributions.items()}
    return AttributedChange(
        before=before.probability,
        after=after.probability,
        change=change,
        **parts,
        noise=change - parts[JUDGEMENT] - parts[EVIDENCE] - parts[TIME],
        ranges={factor: (each.low, each.high) for factor, each in contributions.items()},
    )


def _require_point(numbered: NumberedRecord, name: str, at: str) -> RecordedPoint:
    if (point := recorded_point(numbered, name, at)) is None:
        raise missing_point_error(numbered, name, at)
    return point


# By observation and by number -----------------------------------------------------------------------------------------


def _observation_effects(mixed: _MixedForecasts, names: list[str]) -> Iterator[ObservationEffect]:
    """What each observation does that the later record alone has, added one after the other in the later model."""
    old, new = recorded_conditions(mixed.earlier), recorded_conditions(mixed.later)
    if old._replace(do=()) == new._replace(do=()):
        return

    def probabilities_under(conditions: RecordedConditions) -> dict[str, float]:
        record = mixed.forecast(conditions, judgement=True)
        return {name: mixed.read_probability(name, record, later=True) for name in names}

    before = probabilities_under(old)
    for item, conditions in _added_observations(mixed):
        after = probabilities_under(conditions)
        effects = {name: after[name] - before[name] for name in names}
        if item != WITHDRAWN or any(effects.values()):
            yield ObservationEffect(item, effects)
        before = after


def _added_observations(mixed: _MixedForecasts) -> Iterator[tuple[str, RecordedConditions]]:
    """What the later record has observed, item by item, with the conditions up to it, from what both have observed."""
    old, new = recorded_conditions(mixed.earlier), recorded_conditions(mixed.later)
    old_items, new_items = _evidence_items(mixed.earlier), _evidence_items(mixed.later)
    given = {text for text in new.given if text in old.given}
    items = {item for item in new_items if item in old_items}

    def conditions_so_far() -> RecordedConditions:
        return new._replace(
            given=tuple(text for text in new.given if text in given),
            items=None if new.evidence is None else tuple(item for item in new_items if item in items),
        )

    yield WITHDRAWN, conditions_so_far()
    for so_far, added in ((given, new.given), (items, new_items)):
        for name in added:
            if name not in so_far:
                so_far.add(name)
                yield name, conditions_so_far()


def _evidence_items(record: ForecastRecord) -> list[str]:
    """The ids of the items of evidence that act in a record."""
    return [] if record.run.evidence is None else record.run.evidence.items


def _number_effects(mixed: _MixedForecasts, names: list[str]) -> tuple[list[NumberEffect], str]:
    """What the models say differently, with what each does alone at the end or on average; and why it can't be told."""
    earlier, later = mixed.earlier, mixed.later
    if earlier.model.sha256 == later.model.sha256 and earlier.run.do == later.run.do:
        return [], ""
    earlier_study, later_study = (mixed.recomputation.study(record) for record in (earlier, later))
    measure = mixed.at if mixed.at in ("end", "mean") else None
    try:
        comparison = earlier_study.compare(
            {"later": later_study},
            name="earlier",
            do={"earlier": earlier.run.do, "later": later.run.do},
            switch=measure is not None,
            seed=earlier.asked.seed,
            method=earlier.asked.method,
            judgements=0,
            trials=earlier.asked.trials,
            map_blocks=mixed.recomputation.map_blocks(),
        )
    except UsruError as error:
        return [], str(error).splitlines()[0]
    compared = comparison.variants["later"]
    effects = {} if compared.switching is None else compared.switching.effects
    number_effects = []
    for difference in compared.inputs:
        shifts = effects[difference.path].scenarios if difference.path in effects else {}
        by_name = {name: getattr(shifts[name], measure) for name in names if name in shifts and measure}
        number_effects.append(NumberEffect(difference.path, difference.reference, difference.variant, by_name))
    return number_effects, compared.note
