"""Variants side by side, for people: the reference, what is different in each of the others, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from usru_scenarios.report import rows
from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import between, decimals_for, plain, rounded_up
from usru_scenarios.report.provenance_line import how
from usru_scenarios.report.terminal import GAP, drawn, grid, indented, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.compare import (
        Comparison,
        Effect,
        InputDifference,
        InputValue,
        Likelihood,
        VariantCompared,
    )

_MOST_INPUTS = 12
_SHORTEST_TITLE = 12
_TIMES = ("start", "end", "mean")
_HEADERS = {"start": "start", "end": "end", "mean": "share\nof time"}
_NEGLIGIBLE = 0.0005
"""A move that rounds to 0.000 is not told."""

_LEGEND = (
    "Each alone in the reference, the largest first: how much of the probability moves from one scenario to another"
)


def table(result: Comparison, layout: Layout) -> str:
    """The comparison, drawn to a width."""
    reference = result.variants[result.reference]
    parts: list[RenderableType] = [words(reference.model.title, "bold"), words(_subtitle(result), "dim")]
    for name, one in result.variants.items():
        parts += [Text(), *_head(name, one, result), Text(), _likelihoods(one, result, layout)]
        if one is not reference:
            parts += _inputs(one, result)
    return drawn([*parts, *(words(line, "dim") for line in ("", *_foot(result)))], layout)


def csv(result: Comparison, _layout: Layout) -> str:
    """The comparison as rows."""
    return rows.comparison(result)


# Words that both forms share ------------------------------------------------------------------------------------------


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
        None,
        conditioned=False,
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


def _said(one: InputDifference) -> str:
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


def _told(one: VariantCompared) -> list[tuple[str, str, Effect | None]]:
    """What differs, with what it says and does: single inputs, or parts of the file."""
    inputs = {item.path: _said(item) for item in one.inputs}
    if one.switching and one.switching.by == "part":
        return [(part, "", effect) for part, effect in one.switching.effects.items()]
    effects = one.switching.effects if one.switching else {}
    return [(path, said, effects.get(path)) for path, said in inputs.items()]


# Text -----------------------------------------------------------------------------------------------------------------


def _head(name: str, one: VariantCompared, result: Comparison) -> Iterator[RenderableType]:
    kind = "Reference" if name == result.reference else "Against it"
    yield Text.assemble((f"{kind}: ", "cyan"), words(name, "bold"), "  ", words(_described(name, one), "dim"))


def _likelihoods(one: VariantCompared, result: Comparison, layout: Layout) -> Table:
    """Likelihoods with their differences, and the differences' own errors where there is room for them."""
    decimals = decimals_for(_largest_error(result))
    fine = max(decimals_for(_largest_difference_error(result)), decimals)
    times = _times(result)
    apart = next(iter(one.scenarios.values())).difference is not None
    found = [*one.scenarios.values(), *one.groups.values()]
    longest = max(cell_len(words(each.title).plain) for each in found)
    headers = sum(max(decimals + 2, *map(len, _header(time, result).split("\n"))) + GAP for time in times)
    change = fine + 3
    error = max((len(_own_error(each, time)) for each in found for time in times), default=0)
    room = layout.width - headers - len(times) * (change + GAP if apart else 0)
    in_band = fine if apart else decimals
    band = max((len(_band(each, "end", in_band)) for each in found), default=0)
    with_band = band > 0 and room - band - GAP >= min(longest, 2 * _SHORTEST_TITLE)
    room -= band + GAP if with_band else 0
    with_errors = apart and room - len(times) * (error + GAP) >= min(longest, 2 * _SHORTEST_TITLE)
    room -= len(times) * (error + GAP) if with_errors else 0
    rows = grid()
    rows.add_column("", width=min(longest, max(room, _SHORTEST_TITLE)), overflow="fold")
    for time in times:
        rows.add_column(_header(time, result), justify="right", no_wrap=True, vertical="top", min_width=decimals + 2)
        if apart:
            rows.add_column("diff", justify="right", no_wrap=True, vertical="top", min_width=change)
        if with_errors:
            rows.add_column("+-", justify="right", no_wrap=True, vertical="top", style="dim", min_width=error)
        if with_band and time == "end":
            rows.add_column("90% band", justify="right", no_wrap=True, vertical="top", style="dim", min_width=band)
    for number, section in enumerate((one.scenarios, one.groups)):
        if number and section:
            rows.add_row()
        for each in section.values():
            cells: list[RenderableType] = [words(each.title, "" if number else "bold")]
            for time in times:
                cells.append(Text(f"{getattr(each, time):.{decimals}f}"))
                if each.difference is not None:
                    cells.append(Text(_change(getattr(each.difference, time), fine)))
                if with_errors:
                    cells.append(Text(_own_error(each, time)))
                if with_band and time == "end":
                    cells.append(Text(_band(each, time, in_band)))
            rows.add_row(*cells)
    return rows


def _own_error(one: Likelihood, time: str) -> str:
    return "" if one.difference is None else rounded_up(getattr(one.difference.standard_errors, time))


def _band(one: Likelihood, time: str, decimals: int) -> str:
    """The band of the difference, or of the likelihood where there is none."""
    band = one.band if one.difference is None else one.difference.band
    return "" if band is None else between(*band.at(time), decimals)


def _inputs(one: VariantCompared, result: Comparison) -> Iterator[RenderableType]:
    yield Text()
    told = _told(one)
    if not told:
        yield words("Their inputs are the same.")
        return
    yield Text(f"What differs ({len(one.inputs)})", "cyan")
    if note := _switching_note(one):
        yield words(note, "dim")
    if one.switching:
        yield words(_legend(result), "dim")
    yield Text()
    lines = grid(header=one.switching is not None)
    lines.add_column("", ratio=1)
    for time in _times(result):
        if time != "start":
            lines.add_column(_header(time, result), justify="right", no_wrap=True, vertical="top")
    for path, said, effect in told[:_MOST_INPUTS]:
        lines.add_row(_entry(path, said, effect), *_moves(effect, result))
    if (left := len(told) - _MOST_INPUTS) > 0:
        lines.add_row(words(f"and {left} more, in --json"))
    if one.switching and len(told) > 1:
        lines.add_row(words("all together", "bold"), *_moves(one.switching.together, result))
        lines.add_row(
            words("of it, what the sum of the single ones misses"), *_moves(one.switching.unexplained, result)
        )
    yield lines


def _moves(effect: Effect | None, result: Comparison) -> list[str]:
    if effect is None:
        return []
    return [f"{getattr(effect, time):.3f}" for time in _times(result) if time != "start"]


def _entry(path: str, said: str, effect: Effect | None) -> RenderableType:
    entry = grid(header=False)
    entry.add_column(overflow="fold")
    entry.add_row(words(path, "bold"))
    note = [said, *([f"mostly {_most_moved(effect)}".replace("mostly moves", "moves")] if effect else [])]
    entry.add_row(indented(words("; ".join(filter(None, note)), "dim"), 2))
    return entry


# Markdown -------------------------------------------------------------------------------------------------------------


def md(result: Comparison, _layout: Layout) -> str:
    """The comparison as Markdown, with every difference's own error."""
    reference = result.variants[result.reference]
    lines = [f"# {escaped(reference.model.title)}", "", f"{escaped(_subtitle(result))}.", ""]
    for name, one in result.variants.items():
        lines += [f"## {escaped(name)}", "", escaped(_described(name, one)), "", *_md_likelihoods(one, result), ""]
        if one is not reference:
            lines += _md_inputs(one, result)
    return "\n".join([*lines, escaped(" ".join(_foot(result))), ""])


def _md_likelihoods(one: VariantCompared, result: Comparison) -> Iterator[str]:
    decimals = decimals_for(_largest_error(result))
    fine = max(decimals_for(_largest_difference_error(result)), decimals)
    times = _times(result)
    apart = next(iter(one.scenarios.values())).difference is not None
    columns = [
        column
        for time in times
        for column in (
            _header(time, result).replace("\n", " "),
            *(("difference", "+-") if apart else ()),
            *(("90% band",) if result.run.judgements else ()),
        )
    ]
    yield row(["", *columns])
    yield row(["---", *("---:" for _ in columns)])
    for mark, section in (("", one.scenarios), ("*", one.groups)):
        for each in section.values():
            cells: list[str] = []
            for time in times:
                cells.append(f"{getattr(each, time):.{decimals}f}")
                if each.difference is not None:
                    cells += [_change(getattr(each.difference, time), fine), _own_error(each, time)]
                if result.run.judgements:
                    cells.append(_band(each, time, fine if apart else decimals))
            yield row([f"{mark}{escaped(each.title)}{mark}", *cells])


def _md_inputs(one: VariantCompared, result: Comparison) -> Iterable[str]:
    told = _told(one)
    if not told:
        return ["Their inputs are the same.", ""]
    times = [time for time in _times(result) if time != "start"]
    headers = [_header(time, result).replace("\n", " ") for time in times] if one.switching else []
    lines = [_switching_note(one), _legend(result) if one.switching else "", ""]
    lines += [row(["what differs", "reference -> here", *headers]), row(["---", "---", *("---:" for _ in headers)])]
    for path, said, effect in told:
        blank = [""] * (len(headers) if effect is None else 0)
        lines.append(row([f"`{path}`", escaped(said), *_moves(effect, result), *blank]))
    if one.switching:
        lines.append(row(["all together", "", *_moves(one.switching.together, result)]))
        lines.append(row(["what the sum of the single ones misses", "", *_moves(one.switching.unexplained, result)]))
    return [*lines, ""]
