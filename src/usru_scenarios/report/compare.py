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

from usru_scenarios.report import document, likelihoods
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Item, Items, Legend, Lines, Report, StyledText, Table
from usru_scenarios.report.likelihoods import format_error, format_percent, format_points, percent_decimals
from usru_scenarios.report.numbers import format_number
from usru_scenarios.report.provenance import citation_line, describe_sampling, list_conditions
from usru_scenarios.report.sentences import (
    SHARE_OF_TIME,
    capitalize,
    column_legends,
    describe_last_step,
    describe_steps,
    join_names,
    quote_title,
)

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

_EMPTY: tuple[None, None] = (None, None)
_MAX_INPUTS = 12
_TIMES = ("start", "end", "mean")
_HEADERS = {"start": "start", "end": "end", "mean": SHARE_OF_TIME}
FROM_FILES = "The likelihoods follow from the judgements in the files, not from data."
_NEGLIGIBLE = 0.0005
"""A smaller move than a twentieth of a point is not shown."""

_LEGEND = "Each alone in the reference, the largest first: how many points move from one scenario to another"


def report(result: Comparison, layout: Layout) -> Report:
    """The reference, then each of the others and what is different in it."""
    reference = result.variants[result.reference]
    blocks: list[document.Block] = []
    for name, variant in result.variants.items():
        blocks += [*_variant_head(name, variant, result, layout), _likelihood_table(variant, result, layout)]
        if variant is not reference:
            blocks += _input_blocks(variant, result, layout)
    others = [name for name in result.variants if name != result.reference]
    subtitle = f"{join_names(others)} against {result.reference}{describe_steps(result.run.steps)}"
    shared = [text for text in reference.given if all(text in variant.given for variant in result.variants.values())]
    return Report(
        title=reference.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        conditions=list_conditions((), shared, result.run.evidence),
        lead=summarize(result),
        blocks=blocks,
        footer=list(_footer(result)),
        citation=citation_line(reference.model, result.run.usru_version),
    )


def summarize(result: Comparison) -> str:
    """What each variant moves most, in a sentence each."""
    others = ((name, variant) for name, variant in result.variants.items() if name != result.reference)
    return " ".join(_summarize_variant(name, variant, result) for name, variant in others)


def _summarize_variant(name: str, variant: VariantCompared, result: Comparison) -> str:
    """The scenario whose likelihood at the end is the most different, in a sentence."""
    steps = result.run.steps
    at_the_end = f" at {describe_last_step(steps[-1])}" if len(steps) > 1 else ""
    changes = [(each.difference, each) for each in variant.scenarios.values() if each.difference is not None]
    difference, most = max(changes, key=lambda pair: abs(pair[0].end))
    if abs(difference.end) <= max(2.0 * difference.standard_errors.end, _NEGLIGIBLE):
        return f"{name} moves no scenario{at_the_end} by more than sampling error can tell."
    places = _likelihood_decimals(result)
    before, after = (format_percent(most.end - difference.end, places), format_percent(most.end, places))
    shift = f"{format_points(difference.end, _difference_decimals(result))} points"
    return f"{name} moves {quote_title(most.title)} most{at_the_end}: from {before} to {after} ({shift})."


def _likelihood_decimals(result: Comparison) -> int:
    return percent_decimals(largest_error(result))


def _difference_decimals(result: Comparison) -> int:
    return max(percent_decimals(_largest_difference_error(result)), _likelihood_decimals(result))


def _describe_variant(name: str, variant: VariantCompared) -> str:
    """The file, the profile and what is imposed, where the name does not say them."""
    profile = f", profile {variant.profile}" if variant.profile and variant.profile not in name else ""
    imposed = ", ".join(text for text in variant.do if text not in name)
    observed = ", ".join(text for text in variant.given if text not in name)
    intervention = f", intervention {imposed}" if imposed else ""
    observation = f", observation {observed}" if observed else ""
    return f"{variant.model.name}{profile}{intervention}{observation}"


def _footer(result: Comparison) -> Iterator[FooterLine]:
    run = result.run
    variants = result.variants.values()
    is_observed = run.evidence is not None or any(variant.given for variant in variants)
    yield column_legends(run.steps, ever=False)
    sampling = describe_sampling(
        run.trials,
        run.seed,
        min((each.effective_trials or 0.0 for each in variants if each.given or run.evidence), default=None),
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
    )
    fewer = {variant.switching.trials for variant in variants if variant.switching} - {0, run.trials}
    few = f" ({max(fewer):,} for each input alone)" if fewer else ""
    common = ", the same random numbers for all" if run.trials else ""
    yield f"{sampling}{few}{common}", *_error_parts(result), "."
    if is_observed and run.judgements:
        meaning = "Bands are those of likelihoods; of differences there is none where something is observed."
        yield (Legend(meaning, (likelihoods.BAND_HEAD,)),)
    elif run.judgements:
        switched_at = "each input alone is switched at their means."
        draws = "over the draws of the uncertain judgements"
        meaning = f"Bands are those of what stands before them, {draws}; {switched_at}"
        yield (Legend(meaning, (likelihoods.BAND_HEAD,), f"The likelihoods are averages {draws}; {switched_at}"),)
    if result.left_out:
        more = f" and {len(result.left_out) - 8} more" if len(result.left_out) > 8 else ""
        yield f"Not in all of them, so not compared: {', '.join(result.left_out[:8])}{more}."
    yield FROM_FILES


def _error_parts(result: Comparison) -> tuple[str | Legend, ...]:
    if not result.run.trials:
        return ()
    largest = _largest_difference_error(result)
    of_likelihoods, of_differences = (
        likelihoods.format_error_bound(largest_error(result)),
        likelihoods.format_error_bound(largest, ""),
    )
    errors = f"; standard errors {of_likelihoods}, of differences {of_differences}"
    return errors, Legend(", ± for each" if largest else "", ("±",))


def _all_likelihoods(result: Comparison) -> Iterator[Likelihood]:
    for variant in result.variants.values():
        yield from variant.scenarios.values()
        yield from variant.groups.values()


def largest_error(result: Comparison) -> float:
    """The largest standard error of a likelihood."""
    return max(float(getattr(one.standard_errors, time)) for one in _all_likelihoods(result) for time in _TIMES)


def _largest_difference_error(result: Comparison) -> float:
    errors = [one.difference.standard_errors for one in _all_likelihoods(result) if one.difference]
    return max((float(getattr(error, time)) for error in errors for time in _TIMES), default=0.0)


def _shown_times(result: Comparison) -> tuple[str, ...]:
    return _TIMES if len(result.run.steps) > 1 else ("end",)


def _column_head(time: str, result: Comparison) -> str:
    return _HEADERS[time] if len(result.run.steps) > 1 else "likelihood"


def describe_value(value: InputValue, nothing: str = "nothing") -> str:
    """A value of a file."""
    match value:
        case None:
            return nothing
        case float() | int():
            return format_number(value)
        case dict():
            return ", ".join(f"{name} {format_number(share)}" for name, share in value.items())
    return value


def describe_change(difference: InputDifference) -> str:
    """What changes, from the reference to the variant."""
    before, after = difference.reference, difference.variant
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = {name: (before.get(name, 0.0), after.get(name, 0.0)) for name in dict.fromkeys((*before, *after))}
        changed = ((name, old, new) for name, (old, new) in pairs.items() if old != new)
        return ", ".join(f"{name} {format_number(old)} -> {format_number(new)}" for name, old, new in changed)
    if difference.path.startswith("do("):
        return "imposed" if after else "not imposed"
    return f"{describe_value(before)} -> {describe_value(after)}"


def _describe_most_moved(effect: Effect) -> str:
    """The scenario that an input moves most."""
    name, shift = max(effect.scenarios.items(), key=lambda item: max(abs(item[1].end), abs(item[1].mean)))
    move = max(shift.end, shift.mean, key=abs)
    return f"{name} {format_points(move, 1)}" if abs(move) >= _NEGLIGIBLE else "moves nothing"


def _switching_note(variant: VariantCompared) -> str:
    if variant.switching and variant.switching.by == "part":
        return f"{len(variant.inputs)} inputs differ, so those of each part of the file are switched together."
    return f"{capitalize(variant.note)}." if variant.note else ""


def _listed_differences(variant: VariantCompared) -> list[tuple[str, str, Effect | None]]:
    """What differs, with its change and its effect: single inputs, or parts of the file."""
    effects = variant.switching.effects if variant.switching else {}
    if variant.switching and variant.switching.by == "part":
        return [(part, "", effect) for part, effect in effects.items()]
    return [(item.path, describe_change(item), effects.get(item.path)) for item in variant.inputs]


# The blocks -----------------------------------------------------------------------------------------------------------


def _variant_head(
    name: str, variant: VariantCompared, result: Comparison, layout: Layout
) -> tuple[document.Block, ...]:
    kind = "Reference:" if name == result.reference else "Variant:"
    description = _describe_variant(name, variant)
    if layout.width:
        return (Items((Item((StyledText(kind, "cyan"), StyledText(name, "bold"), StyledText(description, "dim"))),)),)
    return Heading(name), document.paragraph(description)


def _likelihood_table(variant: VariantCompared, result: Comparison, layout: Layout) -> Table:
    """Likelihoods with their differences; a terminal that is too narrow leaves out errors, bands, then share and start.

    A terminal has the band at the end alone.
    """
    has_differences = next(iter(variant.scenarios.values())).difference is not None
    columns = [Column(folds=True)]
    for time in _shown_times(result):
        rank = _RANKS[time]
        columns.append(Column(_column_head(time, result), "number", rank=rank))
        if has_differences:
            columns.append(Column("points", "number", label="difference, points", rank=rank))
            columns.append(Column("±", "number", label="± (one standard error)", style="dim", rank=5))
        if _has_band(time, result, layout):
            columns.append(Column(likelihoods.BAND_HEAD, "number", style="dim", rank=4))
    rows: list[document.Row] = []
    for section, style, mark in ((variant.scenarios, "bold", ""), (variant.groups, "", "*")):
        rows += [()] if rows and section else []
        rows += [
            _likelihood_cells(StyledText(each.title, style, mark), each, result, layout) for each in section.values()
        ]
    return Table(columns, rows)


_RANKS = {"start": 2, "end": 0, "mean": 3}


def _has_band(time: str, result: Comparison, layout: Layout) -> bool:
    return bool(result.run.judgements) and (time == "end" or not layout.width)


def _likelihood_cells(title: StyledText, likelihood: Likelihood, result: Comparison, layout: Layout) -> document.Row:
    cells: list[document.Cell] = [title]
    for time in _shown_times(result):
        cells.append(format_percent(getattr(likelihood, time), _likelihood_decimals(result)))
        if likelihood.difference is not None:
            cells.append(format_points(getattr(likelihood.difference, time), _difference_decimals(result)))
            cells.append(format_error(getattr(likelihood.difference.standard_errors, time)))
        if _has_band(time, result, layout):
            cells.append(_format_likelihood_band(likelihood, time, result))
    return tuple(cells)


def _format_likelihood_band(likelihood: Likelihood, time: str, result: Comparison) -> str:
    """The band of the difference, or of the likelihood where there is none."""
    banded = likelihood if likelihood.difference is None else likelihood.difference
    if banded.band is None:
        return ""
    edges, error = banded.band.at(time), float(getattr(banded.standard_errors, time))
    if likelihood.difference is None:
        return likelihoods.format_band(*edges, _likelihood_decimals(result), error)
    return likelihoods.format_difference_band(*edges, _difference_decimals(result), error)


def _input_blocks(variant: VariantCompared, result: Comparison, layout: Layout) -> Iterator[document.Block]:
    """What differs, and what each difference does alone."""
    differences = _listed_differences(variant)
    if not differences:
        yield document.paragraph("Their inputs are the same.")
        return
    legend = f"{_LEGEND}, at the end and in the share of time." if len(result.run.steps) > 1 else f"{_LEGEND}."
    texts = [_switching_note(variant), legend if variant.switching else ""]
    notes = tuple(StyledText(text, "dim") for text in texts if text)
    count = StyledText(f"What differs ({len(variant.inputs)})", "cyan")
    if layout.width or notes:
        yield Lines((count, *notes) if layout.width else notes)
    heads = [_column_head(time, result) for time in _shown_times(result) if time != "start"]
    columns = [
        document.name_column(label="what differs"),
        Column(kind="notes", label="reference -> here"),
        *document.number_columns(heads if variant.switching else []),
    ]
    rows = list(_difference_rows(variant, differences, result, layout))
    yield Table(columns, rows, has_header=variant.switching is not None)


def _difference_rows(
    variant: VariantCompared, differences: list[tuple[str, str, Effect | None]], result: Comparison, layout: Layout
) -> Iterator[document.Row]:
    """A row for each difference; where they were switched, two more for all together."""
    switching = variant.switching
    blank = ["" for time in _shown_times(result) if time != "start"] if switching else []
    listed = differences[:_MAX_INPUTS] if layout.width else differences
    for path, change, effect in listed:
        most = f"mostly {_describe_most_moved(effect)}".replace("mostly moves", "moves") if effect else ""
        note = "; ".join(filter(None, (change, most))) if layout.width else change
        yield StyledText(path, "bold", "`"), note, *(_format_effect(effect, result) if effect else blank)
    if left := len(differences) - len(listed):
        yield f"and {left} more, in --json", "", *blank
    if switching and (len(differences) > 1 or not layout.width):
        unexplained = "what the sum of the single ones misses"
        yield StyledText("all together", "bold"), "", *_format_effect(switching.together, result)
        head = f"of it, {unexplained}" if layout.width else unexplained
        yield head, "", *_format_effect(switching.unexplained, result)


def _format_effect(effect: Effect, result: Comparison) -> list[str]:
    return [likelihoods.format_distance(getattr(effect, time), 1) for time in _shown_times(result) if time != "start"]


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Comparison, _layout: Layout) -> Rows:
    """A row for each variant, scenario or group, and time."""
    yield (
        *(*MODEL_COLUMNS, "variant", "kind", "id", "title", "at", "date", "probability", "standard_error"),
        *("difference", "difference_error", "band_low", "band_high", "difference_low", "difference_high"),
    )
    for name, variant in result.variants.items():
        model = model_cells(variant.model, variant.profile)
        for kind, section in (("scenario", variant.scenarios), ("group", variant.groups)):
            for of, likelihood in section.items():
                for at, *numbers in _number_rows(likelihood, result.run.steps):
                    yield *model, name, kind, of, likelihood.title, at, first_day(f"{at}"), *numbers


def _number_rows(likelihood: Likelihood, steps: list[str]) -> Iterator[tuple[Datum, ...]]:
    """The numbers of a likelihood: its mean, then step by step."""
    errors, difference = likelihood.standard_errors, likelihood.difference
    bands = [part and part.band for part in (likelihood, difference)]
    change = (difference.mean, difference.standard_errors.mean) if difference else _EMPTY
    edges = [band.mean if band else _EMPTY for band in bands]
    yield "mean", likelihood.mean, errors.mean, *change, *edges[0], *edges[1]
    for number, step in enumerate(steps):
        change = (difference.by_step[number], difference.standard_errors.by_step[number]) if difference else _EMPTY
        edges = [(band.low[number], band.high[number]) if band else _EMPTY for band in bands]
        yield step, likelihood.by_step[number], errors.by_step[number], *change, *edges[0], *edges[1]
