"""Which weight matters, and which judgement: the parts of a report of `usru sensitivity`, and their rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usru_scenarios.report.markdown import escaped, row
from usru_scenarios.report.numbers import decimals_for, plain, rounded_up
from usru_scenarios.report.ranked_list import difference, foot, heading, md_foot, md_heading, narrowed, rest, shown
from usru_scenarios.report.terminal import GAP, grid, indented, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.sensitivity import JudgementEffect, ProbabilityChange, Sensitivity, WeightSlope

_WEIGHTS = "Which weight matters?"
_JUDGEMENTS = "Which judgement matters?"
_NARROW_NAME, _ROOMY_NAME = 20, 42
"""The least columns for the names of weights, and for paths where the scenarios have columns beside them."""
_NARROW_HEAD = 8
_MOST_DECIMALS = 3


# Words that all forms share ------------------------------------------------------------------------------------------


def _weights_sentence(result: Sensitivity) -> str:
    what = "its likelihood" if result.of else "the likelihoods"
    return f"If a weight were a little larger, how would that change {what}, for each unit of weight?"


def _weights_notes(result: Sensitivity, weights: Sequence[WeightSlope]) -> Iterator[str]:
    if result.of:
        yield "Elasticity: by how many percent the likelihood changes for one percent of the weight."
    else:
        yield "Slope: in total variation, half the sum over the scenarios."
    if any(weight.scheduled for weight in weights):
        yield "* a schedule is scaled as a whole: the change is for each unit of a factor on it; its mean is shown."


def _judgements_sentence(result: Sensitivity) -> str:
    what = "its likelihood" if result.of else "the likelihoods"
    return f"If one judgement had one point more, and the others stayed as they are, how would that change {what}?"


def _judgements_notes(result: Sensitivity) -> Iterator[str]:
    if not result.of:
        yield "Change: in total variation, half the sum over the scenarios."
    yield (
        "Points get one more. The odds of a prior, a baseline or a persistence are multiplied by a point's worth. "
        "The claims behind a judgement stand below it; 'inferred' means that no document says so."
    )
    if left := [f"{len(one.paths)} ({one.why})" for one in result.left_out]:
        yield f"Not in the list: {'; '.join(left)}."


def _error(changes: Sequence[ProbabilityChange], decimals: int) -> str:
    largest = max((change.standard_error for change in changes), default=0.0)
    return f"Standard errors at most {rounded_up(max(largest, 10.0 ** -(decimals + 1)))}."


def _decimals(changes: Sequence[ProbabilityChange]) -> int:
    largest = max((change.standard_error for change in changes), default=0.0)
    return min(decimals_for(largest), _MOST_DECIMALS)


def _signed(change: ProbabilityChange | None, decimals: int) -> str:
    """A change with its sign; without one where rounding leaves nothing, and nothing where there is none."""
    return "" if change is None else difference(change.value, decimals)


def _owner(weight: WeightSlope) -> str:
    return f"rule {weight.name}" if weight.kind == "rule" else weight.name


def _weight(weight: WeightSlope) -> str:
    return f"{plain(round(weight.weight, 2))}{'*' if weight.scheduled else ''}"


def _effects(changes: Mapping[str, ProbabilityChange], decimals: int) -> str:
    """The changes of all scenarios in a line, the largest first."""
    ranked = sorted(changes.items(), key=lambda one: -abs(one[1].value))
    return ", ".join(f"{name} {_signed(change, decimals)}" for name, change in ranked)


def _basis(effect: JudgementEffect) -> str:
    """What the judgement is, what was done to it, and what it rests on."""
    marks = [*effect.sources, *(["inferred"] if effect.inferred else [])]
    cited = f" ({', '.join(marks)})" if marks else ""
    return f"{plain(effect.value)}, {effect.change}{cited}"


class _WeightRows:
    """The rows of the first list: the shown entries, and their numbers with the same decimals."""

    def __init__(self, result: Sensitivity, layout: Layout) -> None:
        self.every = result.weights or []
        self.shown = self.every[: shown(len(self.every), layout)]
        self.of = bool(result.of)
        self.scenarios = [] if self.of else list(result.probability)
        self.changes = [change for weight in self.shown for change in (weight.size, *weight.derivative.values())]
        self.decimals = _decimals(self.changes)
        relative = [weight.aimed_elasticity for weight in self.shown if weight.aimed_elasticity is not None]
        self.relative = _decimals(relative)
        self.heads = ["weight", "slope", *(["elasticity"] if self.of else [])]

    def numbers(self, weight: WeightSlope) -> list[str]:
        """The numbers of a weight, those by scenario aside."""
        if self.of:
            slope, relative = _signed(weight.aimed, self.decimals), _signed(weight.aimed_elasticity, self.relative)
            return [_weight(weight), slope, relative]
        return [_weight(weight), f"{weight.size.value:.{self.decimals}f}"]

    def by_scenario(self, weight: WeightSlope) -> list[str]:
        """Those by scenario."""
        return [_signed(weight.derivative[scenario], self.decimals) for scenario in self.scenarios]

    @property
    def error(self) -> str:
        """How exact they are."""
        return _error(self.changes, self.decimals)


class _JudgementRows:
    """The rows of the second list, likewise."""

    def __init__(self, result: Sensitivity, layout: Layout) -> None:
        self.every = result.judgements or []
        self.shown = self.every[: shown(len(self.every), layout)]
        self.of = bool(result.of)
        self.scenarios = [] if self.of else list(result.probability)
        self.changes = [change for one in self.shown for change in (one.size, *one.by_scenario.values())]
        self.decimals = _decimals(self.changes)
        self.heads = ["change"]

    def numbers(self, effect: JudgementEffect) -> list[str]:
        """The change for what was asked about, or in total."""
        return [_signed(effect.aimed, self.decimals) if self.of else f"{effect.size.value:.{self.decimals}f}"]

    def by_scenario(self, effect: JudgementEffect) -> list[str]:
        """The changes by scenario."""
        return [_signed(effect.by_scenario[scenario], self.decimals) for scenario in self.scenarios]

    @property
    def error(self) -> str:
        """How exact they are."""
        return _error(self.changes, self.decimals)


# Text ----------------------------------------------------------------------------------------------------------------


def weights_part(result: Sensitivity, layout: Layout) -> Iterator[RenderableType]:
    """The weights, for people; nothing where they were not asked about."""
    if result.weights is None:
        return
    rows = _WeightRows(result, layout)
    yield from heading(_WEIGHTS, _weights_sentence(result))
    cells = [(rows.numbers(weight), rows.by_scenario(weight)) for weight in rows.shown]
    table, width, beside = _table(rows.heads, rows.scenarios, cells, layout.width, _NARROW_NAME)
    for weight, (numbers, by_scenario) in zip(rows.shown, cells, strict=True):
        note = "" if beside or rows.of else _effects(weight.derivative, rows.decimals)
        table.add_row(_entry(_owner(weight), [note], width), *numbers, *(by_scenario if beside else []))
    yield table
    yield from foot(rest(len(rows.every), layout), *_weights_notes(result, rows.shown), rows.error)


def judgements_part(result: Sensitivity, layout: Layout) -> Iterator[RenderableType]:
    """The judgements, for people; nothing where they were not asked about."""
    if result.judgements is None:
        return
    rows = _JudgementRows(result, layout)
    yield from heading(_JUDGEMENTS, _judgements_sentence(result))
    cells = [(rows.numbers(effect), rows.by_scenario(effect)) for effect in rows.shown]
    table, width, beside = _table(rows.heads, rows.scenarios, cells, layout.width, _ROOMY_NAME)
    for effect, (numbers, by_scenario) in zip(rows.shown, cells, strict=True):
        notes = [_basis(effect), "" if beside or rows.of else _effects(effect.by_scenario, rows.decimals)]
        table.add_row(_entry(effect.path, notes, width), *numbers, *(by_scenario if beside else []))
    yield table
    yield from foot(rest(len(rows.every), layout), *_judgements_notes(result), rows.error)


def _table(
    heads: Sequence[str],
    scenarios: Sequence[str],
    cells: Sequence[tuple[list[str], list[str]]],
    width: int,
    least: int,
) -> tuple[Table, int, bool]:
    """A table of names and numbers, the columns left for the names, and whether scenarios have columns beside them."""
    widths = [_width(head, [numbers[place] for numbers, _ in cells]) for place, head in enumerate(heads)]
    names = width - sum(GAP + column for column in widths)
    values = [_width("", [by_scenario[place] for _, by_scenario in cells]) for place in range(len(scenarios))]
    for most in (max(map(_longest, scenarios), default=0), _NARROW_HEAD):  # cut heads only where there is no room
        columns = [max(value, min(_longest(name), most)) for name, value in zip(scenarios, values, strict=True)]
        left = names - sum(GAP + column for column in columns)
        if left >= least:
            break
    beside = bool(scenarios) and left >= least
    table = grid()
    table.add_column("", ratio=1)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True, vertical="top")
    for name, column in zip(scenarios if beside else (), columns, strict=False):
        table.add_column(narrowed(name, column), justify="right", no_wrap=True, vertical="top", min_width=column)
    return table, left if beside else names, beside


def _width(head: str, numbers: Sequence[str]) -> int:
    return max((len(text) for text in (head, *numbers)), default=0)


def _longest(name: str) -> int:
    return max(map(len, name.split("_")))


def _entry(name: str, notes: Sequence[str], width: int) -> RenderableType:
    entry = grid(header=False)
    entry.add_column(overflow="fold")
    for line in _broken(name, width):
        entry.add_row(words(line, "bold"))
    for note in filter(None, notes):
        entry.add_row(indented(words(note, "dim"), 2))
    return entry


def _broken(path: str, width: int) -> Iterator[str]:
    """A path in lines that end at its dots, where it is too long for one."""
    line = ""
    for part in re.findall(r"[^.]*[.]?", path):
        if line.strip() and len(line) + len(part) > width:
            yield line
            line = "  "
        line += part
    yield line


# Markdown ------------------------------------------------------------------------------------------------------------


def md_weights(result: Sensitivity, layout: Layout) -> Iterator[str]:
    """The weights, in Markdown."""
    if result.weights is None:
        return
    rows = _WeightRows(result, layout)
    heads = [*rows.heads, *map(escaped, rows.scenarios)]
    yield from md_heading(_WEIGHTS, _weights_sentence(result), ["weight of"], heads)
    for weight in rows.shown:
        yield row([escaped(_owner(weight)), *map(escaped, rows.numbers(weight)), *rows.by_scenario(weight)])
    yield from md_foot(rest(len(rows.every), layout), *_weights_notes(result, rows.shown), rows.error)


def md_judgements(result: Sensitivity, layout: Layout) -> Iterator[str]:
    """The judgements, in Markdown, and what the claims say that they rest on."""
    if result.judgements is None:
        return
    rows = _JudgementRows(result, layout)
    heads = [*rows.heads, *map(escaped, rows.scenarios)]
    yield from md_heading(_JUDGEMENTS, _judgements_sentence(result), ["judgement", "as judged, and changed"], heads)
    for effect in rows.shown:
        numbers = [*rows.numbers(effect), *rows.by_scenario(effect)]
        yield row([f"`{effect.path}`", escaped(_basis(effect)), *numbers])
    yield from md_foot(rest(len(rows.every), layout), *_judgements_notes(result), rows.error)
    cited = dict.fromkeys(claim for effect in rows.shown for claim in effect.sources)
    if told := [claim for claim in cited if claim in result.claims]:
        yield from ("", "What these claims say:", "")
        yield from (f"- {escaped(claim)}: {escaped(result.claims[claim])}" for claim in told)


# Rows ----------------------------------------------------------------------------------------------------------------

Row = tuple[str, str, str, str, str, float | None, float | None]


def rows(result: Sensitivity) -> Iterator[Row]:
    """Rows as those of the other questions: question, id, state, scenario, measure, value, standard error."""
    for weight in result.weights or ():
        yield _row("weights", weight.name, "", "size", weight.size)
        for scenario, change in weight.derivative.items():
            yield _row("weights", weight.name, scenario, "derivative", change)
        for scenario, relative in weight.elasticity.items():
            yield _row("weights", weight.name, scenario, "elasticity", relative)
        if result.of and result.of not in weight.derivative:
            yield _row("weights", weight.name, result.of, "derivative", weight.aimed)
            yield _row("weights", weight.name, result.of, "elasticity", weight.aimed_elasticity)
    for effect in result.judgements or ():
        yield _row("judgements", effect.path, "", "size", effect.size)
        for scenario, change in effect.by_scenario.items():
            yield _row("judgements", effect.path, scenario, "change", change)
        if result.of and result.of not in effect.by_scenario:
            yield _row("judgements", effect.path, result.of, "change", effect.aimed)


def _row(question: str, name: str, scenario: str, measure: str, change: ProbabilityChange | None) -> Row:
    value, error = (None, None) if change is None else (change.value, change.standard_error)
    return question, name, "", scenario, measure, value, error
