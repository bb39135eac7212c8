"""The answer to a query, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report import document, likelihoods
from usru_scenarios.report.data import MODEL_COLUMNS, first_day, model_cells
from usru_scenarios.report.document import Column, Lines, Report, ShownCondition, StyledText, Table, bullets
from usru_scenarios.report.likelihoods import format_error, format_percent, format_points, percent_decimals
from usru_scenarios.report.numbers import READABLE, decimals_for, format_range, round_up_error
from usru_scenarios.report.provenance import (
    citation_line,
    describe_means,
    describe_profile,
    describe_sampling,
    list_conditions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.names import Measure
    from usru_scenarios.report import Layout
    from usru_scenarios.report.data import Datum, Rows
    from usru_scenarios.report.document import Block
    from usru_scenarios.results.ask import Answer, ProbabilityReport


def report(result: Answer, layout: Layout) -> Report:
    """The answer first, then what it is made of, its conditions, and how it was found."""
    headline = [StyledText(_describe_answer(result), "bold", "**")]
    if not _has_parts(result) and (time := answer_time(result)):
        headline.append(StyledText(f"({time})", "dim"))
    is_conditioned = result.run.evidence or any(part.seen for part in result.probabilities)
    sampling = describe_sampling(
        result.trials,
        result.seed,
        result.effective_trials if is_conditioned else None,
        judgements=result.judgements,
        judgements_at_means=result.judgements_at_means,
    )
    errors = f" {likelihoods.ERROR_MEANING}." if result.standard_error else ""
    return Report(
        title=result.query,
        subtitle=f"{result.model.name}{describe_profile(result.profile)}",
        blocks=[Lines(tuple(headline)), *_probability_table(result), *_condition_blocks(result, layout)],
        footer=[f"{sampling}.{errors}"],
        citation=citation_line(result.model, result.run.usru_version),
    )


COLUMNS = (
    *(*MODEL_COLUMNS, "query", "measure", "time", "value", "standard_error", "low", "high", "holds", "left", "right"),
    *("step", "date", "method", "effective_trials", "trials", "seed", "judgements", "do", "given"),
)
"""The columns of the rows of answers: time says in words what a single probability is about, low and high are the 90%
band, date is the first day of the step at which a comparison is read, and the last two were given beside the query."""


def rows(result: Answer, _layout: Layout) -> Rows:
    """One row: a query and its answer."""
    yield COLUMNS
    yield answer_row(result)


def answer_row(result: Answer) -> tuple[Datum, ...]:
    """The row of an answer."""
    query = " ".join(result.query.split()), result.measure, answer_time(result) or None
    band = (None, None) if result.band is None else (result.band.low, result.band.high)
    value = result.value, result.standard_error, *band, result.holds, result.left, result.right
    step = result.step, result.step and first_day(result.step)
    run = result.method, result.effective_trials, result.trials, result.seed, result.judgements
    conditions = "; ".join(result.do), "; ".join(result.given)
    return *model_cells(result.model, result.profile), *query, *value, *step, *run, *conditions


def answer_time(result: Answer) -> str:
    """The time that the answer is about, where it is about one probability; else empty."""
    return result.probabilities[0].time if len(result.probabilities) == 1 else ""


def _describe_answer(result: Answer) -> str:
    if result.compares:
        return _describe_verdict(result)
    if result.value is None:
        return f"no number: {_explain_missing_value(result)}"
    value, band = format_value_and_band(result, result.value)
    return f"{value}, {likelihoods.BAND_HEAD} {band}" if band else value


def format_value_and_band(result: Answer, value: float) -> tuple[str, str]:
    """The value of an expression with its standard error, and its band where it has one that is wider than nothing."""
    error = result.standard_error or 0.0
    text = format_measured(value, error, result.measure)
    if result.band is None or (not error and result.band.high - result.band.low < likelihoods.ROUNDING):
        return text, ""  # no judgement that is uncertain makes a difference to it
    low, high, places = result.band.low, result.band.high, percent_decimals(error)
    if result.measure == "number":
        return text, format_range(low, high, decimals_for(error))
    if result.measure == "difference":
        return text, likelihoods.format_difference_band(low, high, places, error)
    return text, likelihoods.format_band(low, high, places, error)


def _explain_missing_value(result: Answer) -> str:
    """Why there is no number: often a probability of which the trials show nothing, or nothing else."""
    for part in result.probabilities:
        if part.method == "sample" and part.value in (0.0, 1.0):
            return f"{part.text} is {100 * part.value:.0f}% in each of the {result.trials:,} trials"
    return "the arithmetic has no result"


def format_measured(value: float, standard_error: float, measure: Measure) -> str:
    """A value with its standard error: in percent, in points, or as the number that it is."""
    if measure == "number" or _is_out_of_scale(value):
        return likelihoods.format_number_with_error(value, standard_error)
    if measure == "probability":
        if not standard_error:
            return likelihoods.format_exact_percent(value)
        return likelihoods.format_likelihood(value, standard_error)
    number = 100.0 * value
    if likelihoods.is_error_shown(standard_error):
        text = likelihoods.format_number_with_error(number, 100.0 * standard_error)
    else:
        error = f" ± {likelihoods.format_answer_error(standard_error)}" if standard_error else ""
        text = f"{likelihoods.format_exact_number(number, abs(number))}{error}"
    return f"{'+' if value > 0.0 else ''}{text} points"


def _is_out_of_scale(value: float) -> bool:
    """Whether a value is so large or small that nobody reads it as a percentage."""
    return abs(value) > 1e6 or 0.0 < abs(value) < 1e-15


def format_sides(left: float, right: float, margin: float, error: float, measure: Measure) -> tuple[str, str, str]:
    """Two sides of a comparison and the margin, with as many decimals as the error of the margin allows."""
    if measure == "number" or _is_out_of_scale(left) or _is_out_of_scale(right):
        decimals = max(decimals_for(error), 3)
        left_side, right_side, shown_margin = (_format_side(side, decimals) for side in (left, right, margin))
        return left_side.lstrip("+"), right_side.lstrip("+"), shown_margin
    places = max(percent_decimals(error), 1)
    if measure == "probability":
        return (format_percent(left, places), format_percent(right, places), format_points(margin, places))
    return (format_points(left, places), format_points(right, places), format_points(margin, places))


def _format_side(value: float, decimals: int) -> str:
    """A number of a comparison with its sign."""
    return f"{value:+.{decimals}f}" if abs(value) < READABLE[1] else f"{value:+.6g}"


def describe_outcome(result: Answer) -> str:
    """Whether a comparison holds, and at which step."""
    verdict = "undecided" if result.holds is None else "holds" if result.holds else "fails"
    return f"{verdict} at {result.step}" if result.step else verdict


def _describe_verdict(result: Answer) -> str:
    verdict = f"{describe_outcome(result)}{describe_means(result.judgements_at_means, ' with ')}"
    if result.value is None or result.left is None or result.right is None:
        return verdict
    error = result.standard_error or 0.0
    left, right, margin = format_sides(result.left, result.right, result.value, error, result.measure)
    in_points = result.measure != "number" and "e" not in margin
    unit = " points" if in_points else ""
    if error:
        margin = f"{margin} ± {format_error(error) if in_points else round_up_error(error)}"
    return f"{verdict}: left {left}, right {right}, margin {margin}{unit}"


def _has_parts(result: Answer) -> bool:
    """Whether there is more to say of the probabilities than the answer itself."""
    return result.compares or len(result.probabilities) > 1


def _probability_table(result: Answer) -> Iterator[Block]:
    if _has_parts(result):
        probability = document.number_columns(["probability"])
        errors = Column("± points", "number", label="± points (one standard error)", rank=1)
        columns = [document.name_column(), *probability, errors, Column(kind="notes", label="time")]
        rows: list[document.Row] = []
        for part in result.probabilities:
            value = likelihoods.format_rounded_percent(part.value, part.standard_error)
            time = "" if part.step else part.time  # which the name says
            rows.append((_probability_name(part), value, format_error(part.standard_error), time))
        yield Table(columns, rows)


def _condition_blocks(result: Answer, layout: Layout) -> Iterator[Block]:
    conditions = list(_list_all_conditions(result))
    if conditions and layout.width:
        rows = [(StyledText(kind, "cyan"), text, StyledText(meaning, "dim")) for kind, text, meaning in conditions]
        yield Table([Column(), Column(), Column()], rows, has_header=False)
    elif conditions:
        yield bullets(f"{kind}: {text} ({meaning})" for kind, text, meaning in conditions)


def _list_all_conditions(result: Answer) -> Iterator[ShownCondition]:
    """The interventions and observations, and the steps that an average leaves out."""
    parts = result.probabilities
    yield from list_conditions(
        (text for part in parts for text in part.imposed),
        (text for part in parts for text in part.seen),
        result.run.evidence,
    )
    for part in parts:
        if part.left_out:
            name = f"{_probability_name(part)}: " if _has_parts(result) else ""
            steps = ", ".join(part.left_out)
            yield ShownCondition("left out", f"{name}{steps}", "the observation is impossible there")


def _probability_name(part: ProbabilityReport) -> str:
    """A probability as written, with its step where a statement about each step asks for it at several."""
    return f"{part.text} at {part.step}" if part.step else part.text
