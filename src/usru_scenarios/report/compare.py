"""Variants side by side: the reference, what is different in each of the others, and why; and as rows of data.

There is a row for each variant, scenario or group, and time (`mean`, which is the share of time, or a step):

| column             | meaning                                                                 |
|--------------------|-------------------------------------------------------------------------|
| `variant`          | its name; the first is the reference                                    |
| `kind`, `id`       | scenario or group, as in the file                                       |
| `at`               | the time                                                                |
| `probability`      | with its `standard_error` of sampling                                   |
| `difference`       | to the reference, with its own standard error, `difference_error`; empty for the reference |
| `band_low`, ...    | of the probability and of the difference, where uncertain judgements are drawn |

"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from usru_scenarios.report.document import (
    GAP,
    Column,
    Heading,
    Item,
    Items,
    Lines,
    Report,
    Table,
    Words,
    flat,
    names,
    numbers,
    taken,
)
from usru_scenarios.report.numbers import between, decimals_for, plain, rounded_up
from usru_scenarios.report.provenance_line import how

if TYPE_CHECKING:
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block, Cell
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
_SHORTEST_TITLE = 12
_TIMES = ("start", "end", "mean")
_HEADERS = {"start": "start", "end": "end", "mean": "share\nof time"}
_NEGLIGIBLE = 0.0005
"""A move that rounds to 0.000 is not shown."""

_LEGEND = (
    "Each alone in the reference, the largest first: how much of the probability moves from one scenario to another"
)


def report(result: Comparison, layout: Layout) -> Report:
    """The reference, then each of the others and what is different in it."""
    reference = result.variants[result.reference]
    blocks: list[Block] = []
    for name, one in result.variants.items():
        blocks += [*_head(name, one, result, layout), _likelihoods(one, result, layout)]
        if one is not reference:
            blocks += _inputs(one, result, layout)
    subtitle = _subtitle(result)
    return Report(
        title=reference.model.title,
        subtitle=subtitle if layout.width else f"{subtitle}.",
        blocks=blocks,
        footer=list(_foot(result)),
    )


def _subtitle(result: Comparison) -> str:
    steps = result.run.steps
    span = f", {len(steps)} steps from {steps[0]} to {steps[-1]}" if len(steps) > 1 else ""
    others = [name for name in result.variants if name != result.reference]
    return f"{_listed(others)} against {result.reference}{span}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _described(name: str, one: VariantCompared) -> str:
    """The file, the profile and what is imposed, where the name does not say them."""
    profile = f", profile {one.profile}" if one.profile and one.profile not in name else ""
    hidden = ", ".join(text for text in one.do if text not in name)
    return f"{one.model.name}{profile}{f', intervention {hidden}' if hidden else ''}"


def _foot(result: Comparison) -> Iterator[str]:
    run = result.run
    found = how(
        run.trials,
        run.seed,
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
    )
    switched = {one.switching.trials for one in result.variants.values() if one.switching} - {0, run.trials}
    few = f" ({max(switched):,} for each input alone)" if switched else ""
    common = ", the same random numbers for all" if run.trials else ""
    yield f"{found}{few}{common}{_errors(result)}."
    if run.judgements:
        yield (
            "Bands are those of what stands before them, over the draws of the uncertain judgements; each input alone "
            "is switched at their means."
        )
    if result.left_out:
        more = f" and {len(result.left_out) - 8} more" if len(result.left_out) > 8 else ""
        yield f"Not in all of them, so not compared: {', '.join(result.left_out[:8])}{more}."
    yield "The likelihoods follow from the judgements in the files, not from data."


def _errors(result: Comparison) -> str:
    if not result.run.trials:
        return ""
    return (
        f"; standard errors at most {rounded_up(_largest_error(result))}, of differences at most "
        f"{rounded_up(_largest_difference_error(result))}"
    )


def _all(result: Comparison) -> Iterator[Likelihood]:
    for one in result.variants.values():
        yield from one.scenarios.values()
        yield from one.groups.values()


def _largest_error(result: Comparison) -> float:
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


def _change(value: float, decimals: int) -> str:
    """A difference with its sign; none where rounding leaves nothing."""
    shown = f"{value:+.{decimals}f}"
    return f"{0:.{decimals}f}" if not shown.strip("+-0.") else shown


def _value(value: InputValue) -> str:
    match value:
        case None:
            return "nothing"
        case float():
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
    return f"{_value(one.reference)} -> {_value(one.variant)}"


def _most_moved(effect: Effect) -> str:
    """The scenario that it moves most."""
    name, shift = max(effect.scenarios.items(), key=lambda item: max(abs(item[1].end), abs(item[1].mean)))
    move = max(shift.end, shift.mean, key=abs)
    return f"{name} {move:+.3f}" if abs(move) >= _NEGLIGIBLE else "moves nothing"


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


def _head(name: str, one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[Block]:
    kind = "Reference:" if name == result.reference else "Against it:"
    if layout.width:
        yield Items((Item((Words(kind, "cyan"), Words(name, "bold"), Words(_described(name, one), "dim"))),))
    else:
        yield Heading(name)
        yield Lines((Words(_described(name, one)),))


class _Shape(NamedTuple):
    """How a table of likelihoods is laid out: decimals, and which columns it has at what width.

    Attributes:
        decimals, fine: those of likelihoods, and of differences.
        title: the columns of a terminal for the titles.
        apart: whether there are differences.
        error: the columns for their errors; 0 where they have none.
        bands: for each time, the columns for the band.
    """

    decimals: int
    fine: int
    title: int
    apart: bool
    error: int
    bands: dict[str, int]


def _shape(one: VariantCompared, result: Comparison, layout: Layout) -> _Shape:
    """Differences' own errors and the band at the end where there is room for them; all of them without a width."""
    decimals = decimals_for(_largest_error(result))
    fine = max(decimals_for(_largest_difference_error(result)), decimals)
    times = _times(result)
    apart = next(iter(one.scenarios.values())).difference is not None
    found = [*one.scenarios.values(), *one.groups.values()]
    longest = max(cell_len(flat(each.title)) for each in found)
    error = max((len(_own_error(each, time)) for each in found for time in times), default=0)
    if not layout.width:
        return _Shape(decimals, fine, longest, apart, error, dict.fromkeys(times if result.run.judgements else (), 1))
    headers = taken(max(decimals + 2, *map(len, _header(time, result).split("\n"))) for time in times)
    room = layout.width - headers - len(times) * (fine + 3 + GAP if apart else 0)
    band = max((len(_band(each, "end", fine if apart else decimals)) for each in found), default=0)
    with_band = band > 0 and room - band - GAP >= min(longest, 2 * _SHORTEST_TITLE)
    room -= band + GAP if with_band else 0
    with_errors = apart and room - len(times) * (error + GAP) >= min(longest, 2 * _SHORTEST_TITLE)
    room -= len(times) * (error + GAP) if with_errors else 0
    title = min(longest, max(room, _SHORTEST_TITLE))
    return _Shape(decimals, fine, title, apart, error if with_errors else 0, {"end": band} if with_band else {})


def _likelihoods(one: VariantCompared, result: Comparison, layout: Layout) -> Table:
    """Likelihoods with their differences."""
    shape = _shape(one, result, layout)
    columns = [Column(width=shape.title, folds=True)]
    for time in _times(result):
        columns.append(Column(_header(time, result), "number", least=shape.decimals + 2))
        if shape.apart:
            columns.append(Column("diff", "number", label="difference", least=shape.fine + 3))
        if shape.error:
            columns.append(Column("+-", "number", least=shape.error, style="dim"))
        if time in shape.bands:
            columns.append(Column("90% band", "number", least=shape.bands[time], style="dim"))
    scenarios = [_cells(Words(each.title, "bold"), each, result, shape) for each in one.scenarios.values()]
    groups = [_cells(Words(each.title, "", "*"), each, result, shape) for each in one.groups.values()]
    return Table(columns, [*scenarios, *([()] if groups else []), *groups])


def _cells(title: Words, each: Likelihood, result: Comparison, shape: _Shape) -> tuple[Cell, ...]:
    cells: list[Cell] = [title]
    for time in _times(result):
        cells.append(f"{getattr(each, time):.{shape.decimals}f}")
        if each.difference is not None:
            cells.append(_change(getattr(each.difference, time), shape.fine))
        if shape.error:
            cells.append(_own_error(each, time))
        if time in shape.bands:
            cells.append(_band(each, time, shape.fine if shape.apart else shape.decimals))
    return tuple(cells)


def _own_error(one: Likelihood, time: str) -> str:
    return "" if one.difference is None else rounded_up(getattr(one.difference.standard_errors, time))


def _band(one: Likelihood, time: str, decimals: int) -> str:
    """The band of the difference, or of the likelihood where there is none."""
    band = one.band if one.difference is None else one.difference.band
    return "" if band is None else between(*band.at(time), decimals)


def _inputs(one: VariantCompared, result: Comparison, layout: Layout) -> Iterator[Block]:
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
    rows: list[tuple[Cell, ...]] = [
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
    columns = [names(label="what differs"), notes_column, *numbers(heads)]
    yield Table(columns, rows, headed=one.switching is not None)


def _moves(effect: Effect | None, result: Comparison) -> list[str]:
    if effect is None:
        return []
    return [f"{getattr(effect, time):.3f}" for time in _times(result) if time != "start"]


def _note(said: str, effect: Effect | None) -> str:
    """What changes, and the scenario that it moves most."""
    most = f"mostly {_most_moved(effect)}".replace("mostly moves", "moves") if effect else ""
    return "; ".join(filter(None, (said, most)))


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(result: Comparison, _layout: Layout) -> Rows:
    """A row for each variant, scenario or group, and time."""
    header = ("variant", "kind", "id", "at", "probability", "standard_error", "difference", "difference_error")
    return (*header, "band_low", "band_high", "difference_low", "difference_high"), _rows(result)


def _rows(result: Comparison) -> Iterator[tuple[Datum, ...]]:
    for variant, one in result.variants.items():
        for kind, found in (("scenario", one.scenarios), ("group", one.groups)):
            for name, likelihood in found.items():
                for row in _numbers(likelihood, result.run.steps):
                    yield (variant, kind, name, *row)


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
