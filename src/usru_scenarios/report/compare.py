"""Variants side by side: the reference, what is different in each of the others, and why; and as rows of data.

There is a row for each variant, scenario or group, and time (`mean`, which is the share of time, or a step):

| column             | meaning                                                                 |
|--------------------|-------------------------------------------------------------------------|
| `model`, `model_hash`, `profile` | of the variant                                            |
| `variant`          | its name; the first is the reference                                    |
| `kind`, `id`, `title` | scenario or group, as in the file                                    |
| `at`, `date`       | the time, and of a step its first day                                   |
| `probability`      | with its `standard_error` of sampling                                   |
| `difference`       | to the reference, with its own standard error, `difference_error`; empty for the reference |
| `band_low`, ...    | of the probability and of the difference, where uncertain judgements are drawn |

"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usru_scenarios.report import document
from usru_scenarios.report.document import Column, Heading, Item, Items, Legend, Lines, Report, Table, Words
from usru_scenarios.report.forecast_in_words import SHARE, after_name, called, listed, measures, the_end
from usru_scenarios.report.likelihoods import (
    BAND,
    at_most,
    band,
    decimals,
    difference_band,
    error,
    percent,
    points,
    size,
)
from usru_scenarios.report.numbers import plain
from usru_scenarios.report.provenance_line import cited, conditions, how
from usru_scenarios.report.run_columns import MODEL_COLUMNS, first_day, model_cells

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import FooterLine
    from usru_scenarios.results.compare import (
        Comparison,
        Effect,
        InputDifference,
        InputValue,
        Likelihood,
        VariantCompared,
    )

_NONE: tuple[None, None] = (None, None)
_MOST_INPUTS = 12
_TIMES = ("start", "end", "mean")
_HEADERS = {"start": "start", "end": "end", "mean": SHARE}
FROM_FILES = "The likelihoods follow from the judgements in the files, not from data."
_NEGLIGIBLE = 0.0005
"""A smaller move than a twentieth of a point is not shown."""

_LEGEND = "Each alone in the reference, the largest first: how many points move from one scenario to another"


def report(result: Comparison, layout: Layout) -> Report:
    """The reference, then each of the others and what is different in it."""
    reference, every = result.variants[result.reference], result.variants.values()
    blocks: list[document.Block] = []
    for name, one in result.variants.items():
        blocks += [*_head(name, one, result, layout), _likelihoods(one, result, layout)]
        if one is not reference:
            blocks += _inputs(one, result, layout)
    subtitle = _subtitle(result)
    return Report(
        title=reference.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        conditions=conditions(
            (), [one for one in reference.given if all(one in each.given for each in every)], result.run.evidence
        ),
        lead=in_words(result),
        blocks=blocks,
        footer=list(_footer(result)),
        citation=cited(reference.model, result.run.usru_version),
    )


def in_words(result: Comparison) -> str:
    """What each variant moves most, in a sentence each."""
    return " ".join(_moved(name, one, result) for name, one in result.variants.items() if name != result.reference)


def _moved(name: str, one: VariantCompared, result: Comparison) -> str:
    """The scenario whose likelihood at the end is the most different, in a sentence."""
    steps = result.run.steps
    when = f" at {the_end(steps[-1])}" if len(steps) > 1 else ""
    apart = [(each.difference, each) for each in one.scenarios.values() if each.difference is not None]
    difference, most = max(apart, key=lambda pair: abs(pair[0].end))
    if abs(difference.end) <= max(2.0 * difference.standard_errors.end, _NEGLIGIBLE):
        return f"{name} moves no scenario{when} by more than sampling error can tell."
    places = _fine(result)
    before = percent(most.end - difference.end, _places(result))
    shift = f"{points(difference.end, places)} points"
    after = percent(most.end, _places(result))
    return f"{name} moves {called(most.title)} most{when}: from {before} to {after} ({shift})."


def _places(result: Comparison) -> int:
    return decimals(largest_error(result))


def _fine(result: Comparison) -> int:
    """Decimals of differences."""
    return max(decimals(_largest_difference_error(result)), _places(result))


def _subtitle(result: Comparison) -> str:
    others = [name for name in result.variants if name != result.reference]
    return f"{listed(others)} against {result.reference}{after_name(result.run.steps)}"


def _described(name: str, one: VariantCompared) -> str:
    """The file, the profile and what is imposed, where the name does not say them."""
    profile = f", profile {one.profile}" if one.profile and one.profile not in name else ""
    hidden = ", ".join(text for text in one.do if text not in name)
    seen = ", ".join(text for text in one.given if text not in name)
    imposed, observed = f", intervention {hidden}" if hidden else "", f", observation {seen}" if seen else ""
    return f"{one.model.name}{profile}{imposed}{observed}"


def _footer(result: Comparison) -> Iterator[FooterLine]:
    run = result.run
    yield measures(run.steps, ever=False)
    found = how(
        run.trials,
        run.seed,
        min(
            (one.effective_trials or 0.0 for one in result.variants.values() if one.given or run.evidence), default=None
        ),
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
    )
    switched = {one.switching.trials for one in result.variants.values() if one.switching} - {0, run.trials}
    few = f" ({max(switched):,} for each input alone)" if switched else ""
    common = ", the same random numbers for all" if run.trials else ""
    yield f"{found}{few}{common}", *_errors(result), "."
    if (run.evidence or any(one.given for one in result.variants.values())) and run.judgements:
        said = "Bands are those of likelihoods; of differences there is none where something is observed."
        yield (Legend(said, (BAND,)),)
    elif run.judgements:
        switched_at = "each input alone is switched at their means."
        drawn = "over the draws of the uncertain judgements"
        yield (
            Legend(
                f"Bands are those of what stands before them, {drawn}; {switched_at}",
                (BAND,),
                f"The likelihoods are averages {drawn}; {switched_at}",
            ),
        )
    if result.left_out:
        more = f" and {len(result.left_out) - 8} more" if len(result.left_out) > 8 else ""
        yield f"Not in all of them, so not compared: {', '.join(result.left_out[:8])}{more}."
    yield FROM_FILES


def _errors(result: Comparison) -> tuple[str | Legend, ...]:
    if not result.run.trials:
        return ()
    largest = _largest_difference_error(result)
    said = f"; standard errors {at_most(largest_error(result))}, of differences {at_most(largest, '')}"
    return said, Legend(", ± for each" if largest else "", ("±",))


def _all(result: Comparison) -> Iterator[Likelihood]:
    for one in result.variants.values():
        yield from one.scenarios.values()
        yield from one.groups.values()


def largest_error(result: Comparison) -> float:
    """The largest standard error of a likelihood."""
    return max(float(getattr(one.standard_errors, time)) for one in _all(result) for time in _TIMES)


def _largest_difference_error(result: Comparison) -> float:
    apart = [one.difference for one in _all(result) if one.difference]
    return max((float(getattr(one.standard_errors, time)) for one in apart for time in _TIMES), default=0.0)


def _times(result: Comparison) -> tuple[str, ...]:
    return _TIMES if len(result.run.steps) > 1 else ("end",)


def _header(time: str, result: Comparison) -> str:
    return _HEADERS[time] if len(result.run.steps) > 1 else "likelihood"


def _legend(result: Comparison) -> str:
    return f"{_LEGEND}, at the end and in the share of time." if len(result.run.steps) > 1 else f"{_LEGEND}."


def value_in_words(value: InputValue, nothing: str = "nothing") -> str:
    """What a file says somewhere."""
    match value:
        case None:
            return nothing
        case float() | int():
            return plain(value)
        case dict():
            return ", ".join(f"{name} {plain(share)}" for name, share in value.items())
    return value


def change_in_words(one: InputDifference) -> str:
    """What changes, from the reference to the variant."""
    if isinstance(one.reference, dict) and isinstance(one.variant, dict):
        names = dict.fromkeys((*one.reference, *one.variant))
        pairs = {name: (one.reference.get(name, 0.0), one.variant.get(name, 0.0)) for name in names}
        moved = [f"{name} {plain(old)} -> {plain(new)}" for name, (old, new) in pairs.items() if old != new]
        return ", ".join(moved)
    if one.path.startswith("do("):
        return "imposed" if one.variant else "not imposed"
    return f"{value_in_words(one.reference)} -> {value_in_words(one.variant)}"


def _most_moved(effect: Effect) -> str:
    """The scenario that it moves most."""
    name, shift = max(effect.scenarios.items(), key=lambda item: max(abs(item[1].end), abs(item[1].mean)))
    move = max(shift.end, shift.mean, key=abs)
    return f"{name} {points(move, 1)}" if abs(move) >= _NEGLIGIBLE else "moves nothing"


def _switching_note(one: VariantCompared) -> str:
    if one.switching and one.switching.by == "part":
        return f"{len(one.inputs)} inputs differ, so those of each part of the file are switched together."
    return f"{one.note[:1].upper()}{one.note[1:]}." if one.note else ""


def _differences(one: VariantCompared) -> list[tuple[str, str, Effect | None]]:
    """What differs, with what it says and does: single inputs, or parts of the file."""
    inputs = {item.path: change_in_words(item) for item in one.inputs}
    if one.switching and one.switching.by == "part":
        return [(part, "", effect) for part, effect in one.switching.effects.items()]
    effects = one.switching.effects if one.switching else {}
    return [(path, said, effects.get(path)) for path, said in inputs.items()]


# The blocks -----------------------------------------------------------------------------------------------------------


def _head(name: str, one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[document.Block]:
    kind = "Reference:" if name == result.reference else "Variant:"
    if layout.width:
        yield Items((Item((Words(kind, "cyan"), Words(name, "bold"), Words(_described(name, one), "dim"))),))
    else:
        yield Heading(name)
        yield Lines((Words(_described(name, one)),))


def _likelihoods(one: VariantCompared, result: Comparison, layout: Layout) -> Table:
    """Likelihoods with their differences; a terminal that is too narrow leaves out errors, bands, then share and start.

    A terminal has the band at the end alone.
    """
    apart = next(iter(one.scenarios.values())).difference is not None
    columns = [Column(folds=True)]
    for time in _times(result):
        rank = _RANKS[time]
        columns.append(Column(_header(time, result), "number", rank=rank))
        if apart:
            columns.append(Column("points", "number", label="difference, points", rank=rank))
            columns.append(Column("±", "number", label="± (one standard error)", style="dim", rank=5))
        if _has_band(time, result, layout):
            columns.append(Column(BAND, "number", style="dim", rank=4))
    scenarios = [_cells(Words(each.title, "bold"), each, result, layout) for each in one.scenarios.values()]
    groups = [_cells(Words(each.title, "", "*"), each, result, layout) for each in one.groups.values()]
    return Table(columns, [*scenarios, *([()] if groups else []), *groups])


_RANKS = {"start": 2, "end": 0, "mean": 3}


def _has_band(time: str, result: Comparison, layout: Layout) -> bool:
    return bool(result.run.judgements) and (time == "end" or not layout.width)


def _cells(title: Words, each: Likelihood, result: Comparison, layout: Layout) -> tuple[document.Cell, ...]:
    cells: list[document.Cell] = [title]
    for time in _times(result):
        cells.append(percent(getattr(each, time), _places(result)))
        if each.difference is not None:
            cells.append(points(getattr(each.difference, time), _fine(result)))
            cells.append(error(getattr(each.difference.standard_errors, time)))
        if _has_band(time, result, layout):
            cells.append(_band(each, time, result))
    return tuple(cells)


def _band(one: Likelihood, time: str, result: Comparison) -> str:
    """The band of the difference, or of the likelihood where there is none."""
    of = one if one.difference is None else one.difference
    if of.band is None:
        return ""
    edges, sampled = of.band.at(time), float(getattr(of.standard_errors, time))
    if one.difference is None:
        return band(*edges, _places(result), sampled)
    return difference_band(*edges, _fine(result), sampled)


def _inputs(one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[document.Block]:
    """What differs, and what each difference does alone."""
    differing = _differences(one)
    if not differing:
        yield Lines((Words("Their inputs are the same."),))
        return
    notes = [_switching_note(one), _legend(result) if one.switching else ""]
    said = tuple(Words(note, "dim") for note in notes if note)
    counted = Words(f"What differs ({len(one.inputs)})", "cyan")
    if layout.width or said:
        yield Lines((counted, *said) if layout.width else said)
    heads = [_header(time, result) for time in _times(result) if time != "start"] if one.switching else []
    listed = differing[:_MOST_INPUTS] if layout.width else differing
    rows: list[tuple[document.Cell, ...]] = [
        (
            Words(path, "bold", "`"),
            _note(said, effect) if layout.width else said,
            *(_moves(effect, result) or [""] * len(heads)),
        )
        for path, said, effect in listed
    ]
    if left := len(differing) - len(listed):
        rows.append((f"and {left} more, in --json", "", *([""] * len(heads))))
    if one.switching and (len(differing) > 1 or not layout.width):
        missed = "what the sum of the single ones misses"
        rows.append((Words("all together", "bold"), "", *_moves(one.switching.together, result)))
        missed = f"of it, {missed}" if layout.width else missed
        rows.append((missed, "", *_moves(one.switching.unexplained, result)))
    notes_column = Column(kind="notes", label="reference -> here")
    columns = [document.names(label="what differs"), notes_column, *document.numbers(heads)]
    yield Table(columns, rows, headed=one.switching is not None)


def _moves(effect: Effect | None, result: Comparison) -> list[str]:
    if effect is None:
        return []
    return [size(getattr(effect, time), 1) for time in _times(result) if time != "start"]


def _note(said: str, effect: Effect | None) -> str:
    """What changes, and the scenario that it moves most."""
    most = f"mostly {_most_moved(effect)}".replace("mostly moves", "moves") if effect else ""
    return "; ".join(filter(None, (said, most)))


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Comparison, _layout: Layout) -> Rows:
    """A row for each variant, scenario or group, and time."""
    yield (
        *(*MODEL_COLUMNS, "variant", "kind", "id", "title", "at", "date", "probability", "standard_error"),
        *("difference", "difference_error", "band_low", "band_high", "difference_low", "difference_high"),
    )
    for variant, one in result.variants.items():
        model = model_cells(one.model, one.profile)
        for kind, found in (("scenario", one.scenarios), ("group", one.groups)):
            for name, likelihood in found.items():
                for row in _numbers(likelihood, result.run.steps):
                    at, *rest = row
                    yield *model, variant, kind, name, likelihood.title, at, first_day(f"{at}"), *rest


def _numbers(one: Likelihood, steps: list[str]) -> Iterator[tuple[Datum, ...]]:
    """The numbers of a likelihood: its mean, then step by step."""
    errors, apart = one.standard_errors, one.difference
    bands = [part and part.band for part in (one, apart)]
    change = (apart.mean, apart.standard_errors.mean) if apart else _NONE
    yield "mean", one.mean, errors.mean, *change, *(edge for band in bands for edge in (band.mean if band else _NONE))
    for number, step in enumerate(steps):
        change = (apart.by_step[number], apart.standard_errors.by_step[number]) if apart else _NONE
        edges = [(band.low[number], band.high[number]) if band else _NONE for band in bands]
        yield step, one.by_step[number], errors.by_step[number], *change, *(edge for pair in edges for edge in pair)
