"""The answer to a query, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.document import Column, Lines, Report, ShownCondition, Table, Words, numbers
from usru_scenarios.report.numbers import READABLE, between, decimals_for, rounded_up
from usru_scenarios.report.provenance_line import at_means, conditions, how, profiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block
    from usru_scenarios.results.ask import Answer, ProbabilityReport


def report(result: Answer, layout: Layout) -> Report:
    """The answer first, then what it is made of, its conditions, and how it was found."""
    return Report(
        title=result.query,
        subtitle=f"{result.model.name}{profiled(result.profile)}",
        blocks=[
            Lines((Words(_headline(result), "bold", "**"),)),
            *_probabilities(result),
            *_conditions(result, layout),
        ],
        footer=[f"{_how(result)}."],
    )


ROW = (
    *("model", "profile", "query", "value", "standard_error", "low", "high", "holds", "left", "right", "step"),
    *("method", "effective_trials", "trials", "seed", "judgements", "do", "given"),
)
"""The columns of the rows of answers; low and high are the 90% band, the last two are what was given beside a query."""


def rows(result: Answer, _layout: Layout) -> Rows:
    """One row: a query and its answer."""
    return ROW, [row(result)]


def row(result: Answer) -> tuple[Datum, ...]:
    """The row of an answer."""
    band = (None, None) if result.band is None else (result.band.low, result.band.high)
    found = result.value, result.standard_error, *band, result.holds, result.left, result.right, result.step
    how = result.method, result.effective_trials, result.trials, result.seed, result.judgements
    conditions = "; ".join(result.do), "; ".join(result.given)
    return result.model.name, result.profile, " ".join(result.query.split()), *found, *how, *conditions


def _headline(result: Answer) -> str:
    if result.compares:
        return _verdict(result)
    if result.value is None:
        return f"no number: {_why_none(result)}"
    if result.method == "exact" and not result.judgements:
        return f"{result.value:.6g}"
    error = result.standard_error
    found = f"{result.value:.6g}" if error is None else with_error(result.value, error)
    if result.band is None:
        return found
    return f"{found}, 90% band {between(result.band.low, result.band.high, decimals_for(error or 0.0))}"


def _why_none(result: Answer) -> str:
    """Why there is no number: often a probability of which the trials show nothing, or nothing else."""
    certain = [part for part in result.probabilities if part.method == "sample" and part.value in (0.0, 1.0)]
    if not certain:
        return "the arithmetic has no result"
    part = certain[0]
    return f"{part.text} is {part.value:.0f} in each of the {result.trials:,} trials"


def with_error(value: float, error: float) -> str:
    """A number with as many decimals as its standard error, and that."""
    shown = rounded_up(error)
    if "e" in shown:
        return f"{value:.6g} +- {shown}"
    return f"{value:.{len(shown.partition('.')[2])}f} +- {shown}" if error else f"{value:.6g}"


def _side(value: float, decimals: int) -> str:
    """A number of a comparison with its sign."""
    return f"{value:+.{decimals}f}" if abs(value) < READABLE[1] else f"{value:+.6g}"


def _verdict(result: Answer) -> str:
    verdict = "undecided" if result.holds is None else "holds" if result.holds else "fails"
    where = f" at {result.step}" if result.step else ""
    means = at_means(result.judgements_at_means, " with ")
    if result.value is None or result.left is None or result.right is None:
        return f"{verdict}{where}{means}"
    error = result.standard_error or 0.0
    decimals = max(decimals_for(error), 3)
    left, right, margin = (_side(one, decimals) for one in (result.left, result.right, result.value))
    sides = f"{left.lstrip('+')} against {right.lstrip('+')}"
    margin = f"{margin}{f' +- {rounded_up(error)}' if error else ''}"
    return f"{verdict}{where}{means}: {sides}, margin {margin}"


def _has_parts(result: Answer) -> bool:
    """Whether there is more to say of the probabilities than the answer itself."""
    return result.compares or len(result.probabilities) > 1


def _numbers(part: ProbabilityReport) -> tuple[str, str]:
    if part.method == "exact" and not part.standard_error:
        return f"{part.value:.6g}", "0"
    value, _, error = with_error(part.value, part.standard_error).partition(" +- ")
    return value, error or "0"


def _probabilities(result: Answer) -> Iterator[Block]:
    if _has_parts(result):
        columns = [Column(), *numbers(["probability"]), Column("+-", "number", label="standard error")]
        yield Table(columns, [(_name(part), *_numbers(part)) for part in result.probabilities])


def _conditions(result: Answer, layout: Layout) -> Iterator[Block]:
    held = list(_all_conditions(result))
    if held and layout.width:
        rows = [(Words(kind, "cyan"), text, Words(meaning, "dim")) for kind, text, meaning in held]
        yield Table([Column(), Column(), Column()], rows, headed=False)
    elif held:
        yield Lines(tuple(Words(f"{kind}: {text} ({meaning})") for kind, text, meaning in held), listed=True)


def _all_conditions(result: Answer) -> Iterator[ShownCondition]:
    """The interventions and observations, and the steps that an average leaves out."""
    parts = result.probabilities
    yield from conditions(
        (text for part in parts for text in part.imposed), (text for part in parts for text in part.seen)
    )
    for part in parts:
        if part.left_out:
            whose = f"{_name(part)}: " if _has_parts(result) else ""
            yield ShownCondition(
                "left out", f"{whose}{', '.join(part.left_out)}", "the observation is impossible there"
            )


def _name(part: ProbabilityReport) -> str:
    """A probability as written, with its step where a statement about each step asks for it at several."""
    return f"{part.text} at {part.step}" if part.step else part.text


def _how(result: Answer) -> str:
    return how(
        result.trials,
        result.seed,
        result.effective_trials if any(part.seen for part in result.probabilities) else None,
        judgements=result.judgements,
        judgements_at_means=result.judgements_at_means,
    )
