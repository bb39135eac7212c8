"""What matters, for people and as rows: which driver's uncertainty, which driver moves it, which weight and judgement.

Rows have the columns `model`, `model_hash`, `profile`, `at` (a step, or `mean`), `date` (its first day), `question`,
`id`, `state`, `scenario`, `measure`, `value` and `standard_error`: one row for each measure of each thing that a
question is about. `scenario` is empty for all scenarios together, `state` where the whole
driver, weight or judgement is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.report import document, likelihoods
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Heading, Notes, Report, StyledText, Table, paragraph
from usru_scenarios.report.likelihoods import format_distance, format_percent, format_points
from usru_scenarios.report.numbers import bar, decimals_for, format_number, round_up_error
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, citation_line, describe_model, describe_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Rows
    from usru_scenarios.results.sensitivity import (
        DriverMoves,
        DriverUncertainty,
        JudgementEffect,
        ProbabilityChange,
        Sensitivity,
        WeightSlope,
    )

_MIN_NAME, _MIN_BAR, _MAX_BAR = 20, 6, 30
_MIN_WEIGHT_NAME, _MIN_PATH = 20, 42
"""The least widths of names of weights, and of paths, where the scenarios have columns beside them."""
_NARROW_HEAD = 8
_MAX_DECIMALS = 3


def report(result: Sensitivity, layout: Layout) -> Report:
    """What matters: a ranked list for each question that was asked."""
    about = f" for {result.title}" if result.of else ""
    time = f" {describe_time(result)}" if len(result.run.steps) > 1 else ""
    of = "" if result.of else f"--of {next(iter(result.probability))} for one scenario; "
    blocks: list[document.Block] = []
    if result.drivers is not None:
        blocks += _driver_section(result, result.drivers, layout)
    if result.moves is not None:
        blocks += _move_section(result, result.moves, layout)
    if result.weights is not None:
        blocks += _weight_section(result, result.weights, layout)
    if result.judgements is not None:
        blocks += _judgement_section(result, result.judgements, layout)
    return Report(
        title=f"What matters{about}{time}?",
        subtitle=describe_model(result.model, result.run),
        lead=f"{_describe_present(result)}{_describe_largest_move(result)}",
        blocks=blocks,
        footer=[f"{describe_run(result.run)}. {FROM_JUDGEMENTS}"],
        more=f"More: {of}--json or -f csv for every scenario, state and error.",
        citation=citation_line(result.model, result.run.usru_version),
    )


def describe_time(result: Sensitivity) -> str:
    """The time that it is about, in words."""
    first, *_, last = result.run.steps
    return f"on average over {first} to {last}" if result.at == "mean" else f"at {result.at}"


def _describe_present(result: Sensitivity) -> str:
    places = likelihoods.percent_decimals(max(result.standard_errors.values()))
    if result.of:
        return f"Its likelihood is {format_percent(result.probability[result.of], places)} as things stand."
    shares = ", ".join(f"{name} {format_percent(share, places)}" for name, share in result.probability.items())
    return f"As things stand: {shares}."


def _describe_largest_move(result: Sensitivity) -> str:
    """The driver that moves it most, in a sentence."""
    if not result.moves:
        return ""
    first = result.moves[0]
    low, high = first.between
    swing = f"{format_distance(first.swing, _point_decimals([first.standard_error]))} percentage points"
    return f" {first.driver} moves {_target(result)} most: {swing} from {low} to {high}."


def _target(result: Sensitivity) -> str:
    return "its likelihood" if result.of else "the likelihoods"


def _point_decimals(errors: Iterable[float | None]) -> int:
    """Decimals of points: one at least, so that what is ranked can be told apart."""
    return max(likelihoods.percent_decimals(max((error for error in errors if error is not None), default=0.0)), 1)


def _describe_errors(changes: Sequence[ProbabilityChange]) -> str:
    largest = max((change.standard_error for change in changes), default=0.0)
    return f"Standard errors {likelihoods.format_error_bound(largest, ' percentage points')}."


def _format_change(change: ProbabilityChange | None, places: int) -> str:
    """A change in points; nothing where there is none."""
    return "" if change is None else format_points(change.value, places)


def _ranked_section(
    title: str, question: str, table: Table, entries: Sequence[object], layout: Layout, *notes: str
) -> tuple[document.Block, ...]:
    """A section: the question in a sentence, the table of the first entries, how many are left, and notes."""
    rest = len(entries) - len(entries[: layout.top or None])
    omitted = f"and {rest} more (--top 0 for all)" if rest else ""
    return Heading(title), paragraph(question), table, Notes(notes, omitted)


# Which driver's uncertainty ------------------------------------------------------------------------------------------


_UNCERTAINTY_HEADS = ("expected\nshift", "bits", "first\norder", "total")
_ERROR_NAMES = ("shift", "bits", "first order", "total")
_UNCERTAINTY_MEASURES = ("shift", "information", "first_order", "total")


def _driver_section(
    result: Sensitivity, drivers: Sequence[DriverUncertainty], layout: Layout
) -> tuple[document.Block, ...]:
    listed = drivers[: layout.top or None]
    has_totals = any(driver.total is not None for driver in drivers)
    measures = _UNCERTAINTY_MEASURES if has_totals else _UNCERTAINTY_MEASURES[:-1]
    errors = {
        name: max((getattr(each.standard_errors, name) or 0.0 for each in drivers), default=0.0) for name in measures
    }
    heads = _UNCERTAINTY_HEADS[: len(measures)]
    cells = [_uncertainty_cells(driver, errors) for driver in listed]
    longest = max((len(driver.driver) for driver in listed), default=0)
    room = layout.width - document.total_width(document.number_column_widths(heads, cells))
    width = min(longest, max(room - document.GAP - _MIN_BAR, _MIN_NAME))
    length = min(room - width - document.GAP, _MAX_BAR)
    top = max((driver.shift for driver in listed), default=0.0)
    columns = [Column(label="driver", width=width, folds=True)]
    columns += [Column(head, "number", rank=place) for place, head in enumerate(heads)]
    rows: list[document.Row] = [
        (StyledText(each.driver, "bold"), *row) for each, row in zip(listed, cells, strict=True)
    ]
    if length >= _MIN_BAR:
        columns.append(Column(kind="drawing", width=length, rank=len(heads)))
        rows = [(*row, bar(max(each.shift, 0.0), top, length)) for each, row in zip(listed, rows, strict=True)]
    condition = "If a driver's state at that time were known, how far would that be expected to shift"
    shift, *others = errors.values()
    bounds = zip((likelihoods.format_error_phrase(shift), *map(round_up_error, others)), _ERROR_NAMES, strict=False)
    exactness = f"Standard errors at most {', '.join(f'{bound} ({name})' for bound, name in bounds)}."
    notes = *_driver_notes(result), exactness
    title, question = "Which driver's uncertainty matters?", f"{condition} {_target(result)}?"
    return _ranked_section(title, question, Table(columns, rows), drivers, layout, *notes)


def _uncertainty_cells(driver: DriverUncertainty, errors: Mapping[str, float]) -> list[str]:
    """The measures of a driver, each with the decimals that its largest error allows."""
    cells = [format_distance(driver.shift, _point_decimals([errors["shift"]]))]
    for name, error in errors.items():
        if name != "shift":
            share: float | None = getattr(driver, name)  # below 0 only by the error of sampling
            cells.append("" if share is None else f"{max(share, 0.0):.{min(decimals_for(error), 3)}f}")
    return cells


def _driver_notes(result: Sensitivity) -> Iterator[str]:
    """What the numbers mean."""
    way, which = ("up or down", "whether it") if result.of else ("in total variation", "which scenario")
    yield (
        f"Expected shift: in percentage points, {way}. Bits: how much information the state carries about {which} "
        "comes true."
    )
    yield (
        "The shares are of how much the likelihood, given the drivers' paths, varies between trials. First order: what "
        "the state explains, drivers that are correlated with it included, so that shares may sum to more than 1."
    )
    yield result.note or (
        "Total: what exchanging the driver's whole path between trials changes, the others' left as they are; what it "
        "does directly, as if it were independent of them."
    )


# Which driver moves it -----------------------------------------------------------------------------------------------


def _move_section(result: Sensitivity, moves: Sequence[DriverMoves], layout: Layout) -> Iterator[document.Block]:
    listed = moves[: layout.top or None]
    if not layout.width:
        table = _state_table(result, listed)
    elif result.of:
        table = _tornado_table(result.of, listed, layout.width)
    else:
        table = _swing_table(result, listed, layout.width)
    held = "If a driver were held in one state at every step"
    question = f"{held}, by how many percentage points would that change {_target(result)}?"
    errors = (error for driver in moves for state in driver.states for error in state.standard_errors.values())
    largest = max((*errors, *(driver.standard_error for driver in moves)), default=0.0)
    bound = f"Standard errors of changes {likelihoods.format_error_bound(largest)}."
    notes = *_move_notes(result, moves), bound
    yield from _ranked_section("Which driver moves it?", question, table, moves, layout, *notes)


def _move_notes(result: Sensitivity, moves: Sequence[DriverMoves]) -> Iterator[str]:
    """What is done, and what the numbers mean."""
    yield "A held state is an intervention: the driver is cut off from its causes, and what it acts on follows."
    if any(state.quantile is not None for driver in moves for state in driver.states):
        yield "A number is held at the 5% and 95% quantiles of its own distribution."
    if result.run.given or result.run.evidence:
        yield "A driver of which something has been seen is held after that, and what has been seen is weighed again."
    yield (
        "Changes are against the model as it is, in the two states named."
        if result.of
        else "Swing: how far apart in total variation the likelihoods are in the two states named. Small bars: from "
        "the lowest to the highest change of a scenario's likelihood, around none."
    )


def _change_range(driver: DriverMoves, scenario: str) -> tuple[float, float]:
    """The smallest and the largest change of a scenario's probability."""
    changes = [state.change[scenario] for state in driver.states]
    return min(changes), max(changes)


def _describe_extreme_states(driver: DriverMoves) -> str:
    """The two states whose likelihoods differ most."""
    low, high = driver.between
    return low if low == high else f"{low} to {high}"


def _name_column_width(listed: Sequence[DriverMoves], room: int) -> int:
    """Columns for the drivers and their states, each in a line of its own if there is so much room."""
    longest = max((len(word) + 2 for driver in listed for word in (driver.driver, *driver.between)), default=0)
    return max(min(longest, room), _MIN_NAME)


def _state_table(result: Sensitivity, listed: Sequence[DriverMoves]) -> Table:
    """The changes of all scenarios by each state."""
    decimals = _point_decimals(driver.standard_error for driver in listed)
    rows = [
        (
            driver.driver,
            state.state,
            *(format_points(state.change[scenario], decimals) for scenario in result.probability),
            "" if number else format_distance(driver.swing, decimals),
        )
        for driver in listed
        for number, state in enumerate(driver.states)
    ]
    return Table([Column("driver"), Column("state"), *document.number_columns([*result.probability, "swing"])], rows)


def _tornado_table(of: str, listed: Sequence[DriverMoves], width: int) -> Table:
    """For one scenario: each driver from its lowest to its highest change, around zero."""
    ends = [_change_range(driver, of) for driver in listed]
    decimals = _point_decimals(driver.standard_error for driver in listed)
    cells = [[format_points(value, decimals) for value in pair] for pair in ends]
    room = width - document.total_width(document.number_column_widths(["lowest", "highest"], cells)) - document.GAP
    name = _name_column_width(listed, room - 2 * _MIN_BAR)
    length = max(min(room - name, 2 * _MAX_BAR), _MIN_BAR)
    least, most = min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)
    rows: list[document.Row] = []
    for driver, pair, (low, high) in zip(listed, ends, cells, strict=True):
        drawn_range = draw_range(*pair, least, most, length)
        rows.append((StyledText(driver.driver, "bold"), low, drawn_range, high, _describe_extreme_states(driver)))
    drawing = Column(kind="drawing", width=length)
    columns = [Column("lowest", "number"), drawing, Column("highest", "number"), Column(kind="notes")]
    return Table([Column(width=room - length, folds=True), *columns], rows)


def _swing_table(result: Sensitivity, listed: Sequence[DriverMoves], width: int) -> Table:
    """For all scenarios: how far apart the outcomes are, and for each scenario its changes around zero."""
    decimals = _point_decimals(driver.standard_error for driver in listed)
    cells = [[format_distance(driver.swing, decimals)] for driver in listed]
    room = width - document.total_width(document.number_column_widths(["swing"], cells))
    scenarios = list(result.probability)
    name = _name_column_width(listed, room - len(scenarios) * (document.GAP + _MIN_BAR))
    length = min((room - name) // max(len(scenarios), 1) - document.GAP, _MAX_BAR // 2)
    if length < _MIN_BAR:
        scenarios, length = [], 0
    ends = [[_change_range(driver, scenario) for scenario in scenarios] for driver in listed]
    least = min((low for row in ends for low, _ in row), default=0.0)
    most = max((high for row in ends for _, high in row), default=0.0)
    rows: list[document.Row] = []
    for driver, pairs, (swing,) in zip(listed, ends, cells, strict=True):
        ranges = (draw_range(*pair, least, most, length) for pair in pairs)
        rows.append((StyledText(driver.driver, "bold"), swing, *ranges, _describe_extreme_states(driver)))
    bars = [Column(_hyphenate(scenario, length), "drawing", width=length) for scenario in scenarios]
    first = Column(width=min(room - len(scenarios) * (document.GAP + length), 2 * name), folds=True)
    return Table([first, Column("swing", "number"), *bars, Column(kind="notes")], rows)


def draw_range(low: float, high: float, least: float, most: float, width: int) -> str:
    """A bar from one value to another with an axis at 0, on a scale from `least` to `most`, to half a character."""
    least, most = min(least, 0.0), max(most, 0.0)
    if most == least:
        return "│".center(width)
    cells = width - 1
    left = round(cells * -least / (most - least))
    before = _draw_side(max(-high, 0.0), max(-low, 0.0), -least, left)[::-1].translate(_MIRRORED)
    after = _draw_side(max(low, 0.0), max(high, 0.0), most, cells - left)
    return f"{before}│{after}"


_MIRRORED = str.maketrans("▌▐", "▐▌")


def _draw_side(near: float, far: float, top: float, width: int) -> str:
    """One side of a bar: between two distances from the axis, on a scale that ends at `top`."""
    halves = 2 * width
    first, last = (round(halves * distance / top) if top > 0 else 0 for distance in (near, far))
    cells = ((first <= 2 * cell < last, first <= 2 * cell + 1 < last) for cell in range(width))
    return "".join({(True, True): "█", (True, False): "▌", (False, True): "▐"}.get(cell, " ") for cell in cells)


# Which weight, and which judgement ------------------------------------------------------------------------------------


def _weight_section(result: Sensitivity, weights: Sequence[WeightSlope], layout: Layout) -> Iterator[document.Block]:
    listed = weights[: layout.top or None]
    changes = [change for weight in listed for change in (weight.size, *weight.derivative.values())]
    decimals = _point_decimals(change.standard_error for change in changes)
    elasticities = [weight.aimed_elasticity for weight in listed if weight.aimed_elasticity is not None]
    largest_error = max((elasticity.standard_error for elasticity in elasticities), default=0.0)
    elasticity_decimals = min(decimals_for(largest_error), _MAX_DECIMALS)
    rows: list[_SlopeRow] = []
    for weight in listed:
        name = f"rule {weight.name}" if weight.kind == "rule" else weight.name
        numbers = [f"{format_number(round(weight.weight, 2))}{'*' if weight.scheduled else ''}"]
        if result.of:
            elasticity = weight.aimed_elasticity
            numbers.append(_format_change(weight.aimed, decimals))
            numbers.append("" if elasticity is None else f"{elasticity.value:+.{elasticity_decimals}f}")
        else:
            numbers.append(format_distance(weight.size.value, decimals))
        rows.append(_SlopeRow(name, numbers, weight.derivative))
    table = _slope_table(
        ["weight", "slope", *(["elasticity"] if result.of else [])],
        rows,
        [] if result.of else list(result.probability),
        decimals,
        (layout.width, _MIN_WEIGHT_NAME),
        Column(label="weight of", takes_rest=True, multiline=True),
    )
    condition = "If a weight were a little larger, how would that change"
    question = f"{condition} {_target(result)}, in percentage points for each unit?"
    notes = *_weight_notes(result, listed), _describe_errors(changes)
    yield from _ranked_section("Which weight matters?", question, table, weights, layout, *notes)


def _judgement_section(
    result: Sensitivity, judgements: Sequence[JudgementEffect], layout: Layout
) -> Iterator[document.Block]:
    """The judgements; in Markdown with what the claims say that they rest on."""
    listed = judgements[: layout.top or None]
    changes = [change for judgement in listed for change in (judgement.size, *judgement.by_scenario.values())]
    decimals = _point_decimals(change.standard_error for change in changes)
    rows: list[_SlopeRow] = []
    for judgement in listed:
        aimed, size = judgement.aimed, judgement.size
        number = _format_change(aimed, decimals) if result.of else format_distance(size.value, decimals)
        rows.append(_SlopeRow(judgement.path, [number], judgement.by_scenario, _describe_basis(judgement)))
    table = _slope_table(
        ["change"],
        rows,
        [] if result.of else list(result.probability),
        decimals,
        (layout.width, _MIN_PATH),
        Column(label="judgement", takes_rest=True, multiline=True),
        Column(kind="notes", label="as judged, and changed"),
    )
    condition = "If one judgement had one point more, and the others stayed as they are, how would that change"
    question = f"{condition} {_target(result)}, in percentage points?"
    notes = *_judgement_notes(result), _describe_errors(changes)
    yield from _ranked_section("Which judgement matters?", question, table, judgements, layout, *notes)
    if not layout.width:
        yield from document.claim_blocks((claim for judgement in listed for claim in judgement.sources), result.claims)


def _weight_notes(result: Sensitivity, weights: Sequence[WeightSlope]) -> Iterator[str]:
    if result.of:
        yield "Elasticity: by how many percent the likelihood changes for one percent of the weight."
    else:
        yield "Slope: in total variation, half the sum over the scenarios."
    if any(weight.scheduled for weight in weights):
        yield "* a schedule is scaled as a whole: the change is for each unit of a factor on it; its mean is shown."


def _judgement_notes(result: Sensitivity) -> Iterator[str]:
    if not result.of:
        yield "Change: in total variation, half the sum over the scenarios."
    yield (
        "Points get one more. The odds of a prior, a baseline or a persistence are multiplied by a point's worth. "
        "The claims behind a judgement stand below it; 'inferred' means that no document says so."
    )
    if left_out := [f"{len(group.paths)} ({group.why})" for group in result.left_out]:
        yield f"Not in the list: {'; '.join(left_out)}."


def _format_changes(changes: Mapping[str, ProbabilityChange], decimals: int) -> str:
    """The changes of all scenarios in a line, the largest first."""
    ranked = sorted(changes.items(), key=lambda pair: -abs(pair[1].value))
    return ", ".join(f"{name} {_format_change(change, decimals)}" for name, change in ranked)


def _describe_basis(effect: JudgementEffect) -> str:
    """The judgement, the change that was made to it, and the claims that it rests on."""
    marks = [*effect.sources, *(["inferred"] if effect.inferred else [])]
    cited = f" ({', '.join(marks)})" if marks else ""
    return f"{format_number(effect.value)}, {effect.change}{cited}"


class _SlopeRow(NamedTuple):
    """A weight or judgement, its numbers, the changes by scenario, and what it rests on."""

    name: str
    numbers: list[str]
    by_scenario: Mapping[str, ProbabilityChange]
    basis: str = ""


def _slope_table(
    heads: Sequence[str],
    rows: Sequence[_SlopeRow],
    scenarios: Sequence[str],
    decimals: int,
    room: tuple[int, int],
    *text_columns: Column,
) -> Table:
    """A table of names and numbers; the changes by scenario have columns where there is room, else stand in a note.

    Args:
        heads: of the numbers.
        rows: what is listed.
        scenarios: those that have columns; none where one is asked about.
        decimals: those of the changes.
        room: the columns of a terminal, 0 for no terminal, and the fewest for the names.
        text_columns: the columns of the names, and in Markdown of what they rest on.
    """
    width, min_name = room
    values = [[_format_change(row.by_scenario[scenario], decimals) for scenario in scenarios] for row in rows]
    left = width - document.total_width(document.number_column_widths(heads, [row.numbers for row in rows]))
    widths = _scenario_widths(scenarios, values, (left, min_name) if width else None)
    by_scenario = [
        Column(_hyphenate(name, each), "number", label=name, min_width=each) for name, each in widths.items()
    ]
    left -= document.total_width(widths.values())
    name_column, *basis_columns = text_columns
    cells: list[document.Row] = []
    for row, changes in zip(rows, values, strict=True):
        numbers = *row.numbers, *(changes if widths else [])
        if width:
            noted = "" if widths or not scenarios else _format_changes(row.by_scenario, decimals)
            name = StyledText("\n".join(_break_path(row.name, left)), "bold")
            cells.append((name, (StyledText(row.basis, "dim"), StyledText(noted, "dim")), *numbers))
        else:
            basis = [row.basis] if basis_columns else []
            cells.append((StyledText(row.name, "", "`" if basis_columns else ""), *basis, *numbers))
    notes = basis_columns or ([Column(kind="notes")] if width else [])
    return Table([name_column, *notes, *document.number_columns(heads), *by_scenario], cells)


def _scenario_widths(
    scenarios: Sequence[str], values: Sequence[Sequence[str]], room: tuple[int, int] | None
) -> dict[str, int]:
    """The width of the column of each scenario; no columns where they leave too little of the room to the names.

    Heads are cut only where there is no room for them.
    """
    needed = document.number_column_widths([""] * len(scenarios), values)
    for most in (max(map(_longest_word, scenarios), default=0), _NARROW_HEAD):
        widths = {
            name: max(width, min(_longest_word(name), most)) for name, width in zip(scenarios, needed, strict=True)
        }
        if room is None or room[0] - document.total_width(widths.values()) >= room[1]:
            return widths
    return {}


def _hyphenate(name: str, width: int) -> str:
    """A name at the head of a narrow column: a line for each word, or more where it is too long for one."""
    lines: list[str] = []
    for word in name.split("_"):
        rest = word
        while len(rest) > width > 1:
            lines.append(f"{rest[: width - 1]}-")
            rest = rest[width - 1 :]
        lines.append(rest)
    return "\n".join(lines)


def _longest_word(name: str) -> int:
    return max(map(len, name.split("_")))


def _break_path(path: str, width: int) -> Iterator[str]:
    """A path in lines that end at its dots, where it is too long for one."""
    line = ""
    for part in re.findall(r"[^.]*[.]?", path):
        if line.strip() and len(line) + len(part) > width:
            yield line
            line = "  "
        line += part
    yield line


# Rows ----------------------------------------------------------------------------------------------------------------


def rows(result: Sensitivity, _layout: Layout) -> Rows:
    """Every measure in a row of its own."""
    yield (
        *(*MODEL_COLUMNS, "at", "date", "question", "id", "state", "scenario", "measure"),
        *("value", "standard_error"),
    )
    model = *model_cells(result.model, result.run.profile), result.at, first_day(result.at)
    yield from ((*model, *row) for row in (*_driver_rows(result), *_move_rows(result), *_slope_rows(result)))


DataRow = tuple[str, str, str, str, str, float | None, float | None]


def _driver_rows(result: Sensitivity) -> Iterator[DataRow]:
    for driver in result.drivers or ():
        errors = driver.standard_errors
        for measure in ("information", "shift", "first_order", "total"):
            yield "drivers", driver.driver, "", "", measure, getattr(driver, measure), getattr(errors, measure)
        for scenario, shares in driver.by_scenario.items():
            for measure in ("first_order", "total"):
                value, error = getattr(shares, measure), getattr(shares.standard_errors, measure)
                yield "drivers", driver.driver, "", scenario, measure, value, error


def _move_rows(result: Sensitivity) -> Iterator[DataRow]:
    for driver in result.moves or ():
        yield "moves", driver.driver, "", "", "swing", driver.swing, driver.standard_error
        for state in driver.states:
            for scenario, value in state.change.items():
                error = state.standard_errors[scenario]
                yield "moves", driver.driver, state.state, scenario, "change", value, error


def _slope_rows(result: Sensitivity) -> Iterator[DataRow]:
    for weight in result.weights or ():
        yield _change_row("weights", weight.name, "", "size", weight.size)
        for scenario, change in weight.derivative.items():
            yield _change_row("weights", weight.name, scenario, "derivative", change)
        for scenario, relative in weight.elasticity.items():
            yield _change_row("weights", weight.name, scenario, "elasticity", relative)
        if result.of and result.of not in weight.derivative:
            yield _change_row("weights", weight.name, result.of, "derivative", weight.aimed)
            yield _change_row("weights", weight.name, result.of, "elasticity", weight.aimed_elasticity)
    for effect in result.judgements or ():
        yield _change_row("judgements", effect.path, "", "size", effect.size)
        for scenario, change in effect.by_scenario.items():
            yield _change_row("judgements", effect.path, scenario, "change", change)
        if result.of and result.of not in effect.by_scenario:
            yield _change_row("judgements", effect.path, result.of, "change", effect.aimed)


def _change_row(question: str, name: str, scenario: str, measure: str, change: ProbabilityChange | None) -> DataRow:
    value, error = (None, None) if change is None else (change.value, change.standard_error)
    return question, name, "", scenario, measure, value, error
