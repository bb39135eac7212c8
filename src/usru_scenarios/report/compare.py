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
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Item, Items, Legend, Lines, Report, StyledText, Table
from usru_scenarios.report.forecast_in_words import (
    SHARE_OF_TIME,
    column_legends,
    describe_last_step,
    describe_steps,
    join_names,
    quote_title,
)
from usru_scenarios.report.likelihoods import (
    BAND_HEAD,
    format_band,
    format_difference_band,
    format_distance,
    format_error,
    format_error_bound,
    format_percent,
    format_points,
    percent_decimals,
)
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.provenance_line import citation_line, describe_sampling, list_conditions

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

_NO_BAND: tuple[None, None] = (None, None)
_MAX_INPUTS = 12
_TIMES = ("start", "end", "mean")
_HEADERS = {"start": "start", "end": "end", "mean": SHARE_OF_TIME}
FROM_FILES = "The likelihoods follow from the judgements in the files, not from data."
_NEGLIGIBLE = 0.0005
"""A smaller move than a twentieth of a point is not shown."""

_LEGEND = "Each alone in the reference, the largest first: how many points move from one scenario to another"


def report(result: Comparison, layout: Layout) -> Report:
    """The reference, then each of the others and what is different in it."""
    reference, every = result.variants[result.reference], result.variants.values()
    blocks: list[document.Block] = []
    for name, one in result.variants.items():
        blocks += [*_variant_head(name, one, result, layout), _likelihood_table(one, result, layout)]
        if one is not reference:
            blocks += _input_blocks(one, result, layout)
    subtitle = _subtitle(result)
    return Report(
        title=reference.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        conditions=list_conditions(
            (), [one for one in reference.given if all(one in each.given for each in every)], result.run.evidence
        ),
        lead=summarize(result),
        blocks=blocks,
        footer=list(_footer(result)),
        citation=citation_line(reference.model, result.run.usru_version),
    )


def summarize(result: Comparison) -> str:
    """What each variant moves most, in a sentence each."""
    return " ".join(
        _summarize_variant(name, one, result) for name, one in result.variants.items() if name != result.reference
    )


def _summarize_variant(name: str, one: VariantCompared, result: Comparison) -> str:
    """The scenario whose likelihood at the end is the most different, in a sentence."""
    steps = result.run.steps
    when = f" at {describe_last_step(steps[-1])}" if len(steps) > 1 else ""
    apart = [(each.difference, each) for each in one.scenarios.values() if each.difference is not None]
    difference, most = max(apart, key=lambda pair: abs(pair[0].end))
    if abs(difference.end) <= max(2.0 * difference.standard_errors.end, _NEGLIGIBLE):
        return f"{name} moves no scenario{when} by more than sampling error can tell."
    places = _difference_decimals(result)
    before = format_percent(most.end - difference.end, _likelihood_decimals(result))
    shift = f"{format_points(difference.end, places)} points"
    after = format_percent(most.end, _likelihood_decimals(result))
    return f"{name} moves {quote_title(most.title)} most{when}: from {before} to {after} ({shift})."


def _likelihood_decimals(result: Comparison) -> int:
    return percent_decimals(largest_error(result))


def _difference_decimals(result: Comparison) -> int:
    """Decimals of differences."""
    return max(percent_decimals(_largest_difference_error(result)), _likelihood_decimals(result))


def _subtitle(result: Comparison) -> str:
    others = [name for name in result.variants if name != result.reference]
    return f"{join_names(others)} against {result.reference}{describe_steps(result.run.steps)}"


def _describe_variant(name: str, one: VariantCompared) -> str:
    """The file, the profile and what is imposed, where the name does not say them."""
    profile = f", profile {one.profile}" if one.profile and one.profile not in name else ""
    hidden = ", ".join(text for text in one.do if text not in name)
    seen = ", ".join(text for text in one.given if text not in name)
    imposed, observed = f", intervention {hidden}" if hidden else "", f", observation {seen}" if seen else ""
    return f"{one.model.name}{profile}{imposed}{observed}"


def _footer(result: Comparison) -> Iterator[FooterLine]:
    run = result.run
    yield column_legends(run.steps, ever=False)
    found = describe_sampling(
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
    yield f"{found}{few}{common}", *_error_parts(result), "."
    if (run.evidence or any(one.given for one in result.variants.values())) and run.judgements:
        said = "Bands are those of likelihoods; of differences there is none where something is observed."
        yield (Legend(said, (BAND_HEAD,)),)
    elif run.judgements:
        switched_at = "each input alone is switched at their means."
        drawn = "over the draws of the uncertain judgements"
        yield (
            Legend(
                f"Bands are those of what stands before them, {drawn}; {switched_at}",
                (BAND_HEAD,),
                f"The likelihoods are averages {drawn}; {switched_at}",
            ),
        )
    if result.left_out:
        more = f" and {len(result.left_out) - 8} more" if len(result.left_out) > 8 else ""
        yield f"Not in all of them, so not compared: {', '.join(result.left_out[:8])}{more}."
    yield FROM_FILES


def _error_parts(result: Comparison) -> tuple[str | Legend, ...]:
    if not result.run.trials:
        return ()
    largest = _largest_difference_error(result)
    likelihoods = format_error_bound(largest_error(result))
    said = f"; standard errors {likelihoods}, of differences {format_error_bound(largest, '')}"
    return said, Legend(", ± for each" if largest else "", ("±",))


def _all_likelihoods(result: Comparison) -> Iterator[Likelihood]:
    for one in result.variants.values():
        yield from one.scenarios.values()
        yield from one.groups.values()


def largest_error(result: Comparison) -> float:
    """The largest standard error of a likelihood."""
    return max(float(getattr(one.standard_errors, time)) for one in _all_likelihoods(result) for time in _TIMES)


def _largest_difference_error(result: Comparison) -> float:
    apart = [one.difference for one in _all_likelihoods(result) if one.difference]
    return max((float(getattr(one.standard_errors, time)) for one in apart for time in _TIMES), default=0.0)


def _shown_times(result: Comparison) -> tuple[str, ...]:
    return _TIMES if len(result.run.steps) > 1 else ("end",)


def _header(time: str, result: Comparison) -> str:
    return _HEADERS[time] if len(result.run.steps) > 1 else "likelihood"


def _legend(result: Comparison) -> str:
    return f"{_LEGEND}, at the end and in the share of time." if len(result.run.steps) > 1 else f"{_LEGEND}."


def describe_value(value: InputValue, nothing: str = "nothing") -> str:
    """What a file says somewhere."""
    match value:
        case None:
            return nothing
        case float() | int():
            return format_number(value)
        case dict():
            return ", ".join(f"{name} {format_number(share)}" for name, share in value.items())
    return value


def describe_change(one: InputDifference) -> str:
    """What changes, from the reference to the variant."""
    if isinstance(one.reference, dict) and isinstance(one.variant, dict):
        names = dict.fromkeys((*one.reference, *one.variant))
        pairs = {name: (one.reference.get(name, 0.0), one.variant.get(name, 0.0)) for name in names}
        moved = [
            f"{name} {format_number(old)} -> {format_number(new)}" for name, (old, new) in pairs.items() if old != new
        ]
        return ", ".join(moved)
    if one.path.startswith("do("):
        return "imposed" if one.variant else "not imposed"
    return f"{describe_value(one.reference)} -> {describe_value(one.variant)}"


def _describe_most_moved(effect: Effect) -> str:
    """The scenario that it moves most."""
    name, shift = max(effect.scenarios.items(), key=lambda item: max(abs(item[1].end), abs(item[1].mean)))
    move = max(shift.end, shift.mean, key=abs)
    return f"{name} {format_points(move, 1)}" if abs(move) >= _NEGLIGIBLE else "moves nothing"


def _switching_note(one: VariantCompared) -> str:
    if one.switching and one.switching.by == "part":
        return f"{len(one.inputs)} inputs differ, so those of each part of the file are switched together."
    return f"{one.note[:1].upper()}{one.note[1:]}." if one.note else ""


def _listed_differences(one: VariantCompared) -> list[tuple[str, str, Effect | None]]:
    """What differs, with what it says and does: single inputs, or parts of the file."""
    inputs = {item.path: describe_change(item) for item in one.inputs}
    if one.switching and one.switching.by == "part":
        return [(part, "", effect) for part, effect in one.switching.effects.items()]
    effects = one.switching.effects if one.switching else {}
    return [(path, said, effects.get(path)) for path, said in inputs.items()]


# The blocks -----------------------------------------------------------------------------------------------------------


def _variant_head(name: str, one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[document.Block]:
    kind = "Reference:" if name == result.reference else "Variant:"
    if layout.width:
        yield Items(
            (
                Item(
                    (
                        StyledText(kind, "cyan"),
                        StyledText(name, "bold"),
                        StyledText(_describe_variant(name, one), "dim"),
                    )
                ),
            )
        )
    else:
        yield Heading(name)
        yield Lines((StyledText(_describe_variant(name, one)),))


def _likelihood_table(one: VariantCompared, result: Comparison, layout: Layout) -> Table:
    """Likelihoods with their differences; a terminal that is too narrow leaves out errors, bands, then share and start.

    A terminal has the band at the end alone.
    """
    apart = next(iter(one.scenarios.values())).difference is not None
    columns = [Column(folds=True)]
    for time in _shown_times(result):
        rank = _RANKS[time]
        columns.append(Column(_header(time, result), "number", rank=rank))
        if apart:
            columns.append(Column("points", "number", label="difference, points", rank=rank))
            columns.append(Column("±", "number", label="± (one standard error)", style="dim", rank=5))
        if _has_band(time, result, layout):
            columns.append(Column(BAND_HEAD, "number", style="dim", rank=4))
    scenarios = [
        _likelihood_cells(StyledText(each.title, "bold"), each, result, layout) for each in one.scenarios.values()
    ]
    groups = [_likelihood_cells(StyledText(each.title, "", "*"), each, result, layout) for each in one.groups.values()]
    return Table(columns, [*scenarios, *([()] if groups else []), *groups])


_RANKS = {"start": 2, "end": 0, "mean": 3}


def _has_band(time: str, result: Comparison, layout: Layout) -> bool:
    return bool(result.run.judgements) and (time == "end" or not layout.width)


def _likelihood_cells(
    title: StyledText, each: Likelihood, result: Comparison, layout: Layout
) -> tuple[document.Cell, ...]:
    cells: list[document.Cell] = [title]
    for time in _shown_times(result):
        cells.append(format_percent(getattr(each, time), _likelihood_decimals(result)))
        if each.difference is not None:
            cells.append(format_points(getattr(each.difference, time), _difference_decimals(result)))
            cells.append(format_error(getattr(each.difference.standard_errors, time)))
        if _has_band(time, result, layout):
            cells.append(_format_likelihood_band(each, time, result))
    return tuple(cells)


def _format_likelihood_band(one: Likelihood, time: str, result: Comparison) -> str:
    """The band of the difference, or of the likelihood where there is none."""
    of = one if one.difference is None else one.difference
    if of.band is None:
        return ""
    edges, sampled = of.band.at(time), float(getattr(of.standard_errors, time))
    if one.difference is None:
        return format_band(*edges, _likelihood_decimals(result), sampled)
    return format_difference_band(*edges, _difference_decimals(result), sampled)


def _input_blocks(one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[document.Block]:
    """What differs, and what each difference does alone."""
    differing = _listed_differences(one)
    if not differing:
        yield Lines((StyledText("Their inputs are the same."),))
        return
    notes = [_switching_note(one), _legend(result) if one.switching else ""]
    said = tuple(StyledText(note, "dim") for note in notes if note)
    counted = StyledText(f"What differs ({len(one.inputs)})", "cyan")
    if layout.width or said:
        yield Lines((counted, *said) if layout.width else said)
    heads = [_header(time, result) for time in _shown_times(result) if time != "start"] if one.switching else []
    listed = differing[:_MAX_INPUTS] if layout.width else differing
    rows: list[tuple[document.Cell, ...]] = [
        (
            StyledText(path, "bold", "`"),
            _note(said, effect) if layout.width else said,
            *(_format_effect(effect, result) or [""] * len(heads)),
        )
        for path, said, effect in listed
    ]
    if left := len(differing) - len(listed):
        rows.append((f"and {left} more, in --json", "", *([""] * len(heads))))
    if one.switching and (len(differing) > 1 or not layout.width):
        missed = "what the sum of the single ones misses"
        rows.append((StyledText("all together", "bold"), "", *_format_effect(one.switching.together, result)))
        missed = f"of it, {missed}" if layout.width else missed
        rows.append((missed, "", *_format_effect(one.switching.unexplained, result)))
    notes_column = Column(kind="notes", label="reference -> here")
    columns = [document.name_column(label="what differs"), notes_column, *document.number_columns(heads)]
    yield Table(columns, rows, has_header=one.switching is not None)


def _format_effect(effect: Effect | None, result: Comparison) -> list[str]:
    if effect is None:
        return []
    return [format_distance(getattr(effect, time), 1) for time in _shown_times(result) if time != "start"]


def _note(said: str, effect: Effect | None) -> str:
    """What changes, and the scenario that it moves most."""
    most = f"mostly {_describe_most_moved(effect)}".replace("mostly moves", "moves") if effect else ""
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
                for row in _number_rows(likelihood, result.run.steps):
                    at, *rest = row
                    yield *model, variant, kind, name, likelihood.title, at, first_day(f"{at}"), *rest


def _number_rows(one: Likelihood, steps: list[str]) -> Iterator[tuple[Datum, ...]]:
    """The numbers of a likelihood: its mean, then step by step."""
    errors, apart = one.standard_errors, one.difference
    bands = [part and part.band for part in (one, apart)]
    change = (apart.mean, apart.standard_errors.mean) if apart else _NO_BAND
    yield (
        "mean",
        one.mean,
        errors.mean,
        *change,
        *(edge for band in bands for edge in (band.mean if band else _NO_BAND)),
    )
    for number, step in enumerate(steps):
        change = (apart.by_step[number], apart.standard_errors.by_step[number]) if apart else _NO_BAND
        edges = [(band.low[number], band.high[number]) if band else _NO_BAND for band in bands]
        yield step, one.by_step[number], errors.by_step[number], *change, *(edge for pair in edges for edge in pair)
