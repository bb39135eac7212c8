"""A forecast in a sentence: which scenario is likeliest at the end, and which was at the start; parts of sentences."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.report.document import Legend
from usru_scenarios.report.likelihoods import format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usru_scenarios.results.simulate import Simulation

_TIED_ERRORS = 2.0
"""Two likelihoods whose difference is at most so many standard errors count as equal."""
_CLOSE_LEAD = 0.02
_MAX_NAMED = 3
_LAST_OF_YEAR = re.compile(r"(\d{4})(-Q4|-12)?")


class _ScenarioShare(NamedTuple):
    """A scenario at a step."""

    title: str
    value: float
    error: float
    band: tuple[float, float] | None


def summarize_forecast(result: Simulation) -> str:
    """The likeliest scenario at the end with its band, and at the start; of several that are tied, these."""
    if len(result.scenarios) == 1:
        (only,) = result.scenarios.values()
        return f"{quote_title(only.title)} is the only scenario."
    run = result.run
    conditions = "under these conditions " if run.do or run.given or run.evidence else ""
    ends = _ranked_shares(result, -1)
    if len(run.steps) == 1:
        return capitalize(f"{conditions}{_describe_leader(ends)}.")
    now = run.evidence.now if run.evidence else None
    starts = _ranked_shares(result, 0 if now is None else run.steps.index(now))
    at_the_end = capitalize(f"{conditions}at {describe_last_step(run.steps[-1])}")
    start = _describe_start(starts, ends, "at the start" if now is None else "now")
    return f"{at_the_end} {_describe_leader(ends)}{start}."


def describe_last_step(step: str) -> str:
    """The last step in words: the end of a year, else its label."""
    year = _LAST_OF_YEAR.fullmatch(step)
    return f"the end of {year[1]}" if year else f"the end ({step})"


SHARE_OF_TIME = "share\nof time"
"""The head of the column with the average over the steps."""


def column_legends(steps: Sequence[str], *, ever: bool = True, now: str | None = None) -> tuple[Legend, ...]:
    """What the columns of a forecast mean; nothing where there is one step.

    Args:
        steps: of the forecast.
        ever: whether there is such a column.
        now: the present step, at which they begin if there is one.
    """
    if len(steps) == 1:
        return ()
    first, last = now or steps[0], steps[-1]
    first_head = "now" if now else "start"
    ever_meaning = f"ever: in at least one step{' from now on' if now else ''}. "
    return (
        Legend(f"{first_head}, end: in {first}, in {last}. ", (first_head,), f"end: in {last}. "),
        *([Legend(ever_meaning, ("ever",))] if ever else []),
        Legend(f"share of time: average over {first} to {last}.", (SHARE_OF_TIME,)),
    )


def quote_title(title: str) -> str:
    """A title within a sentence: in quotes where its own punctuation would break that up."""
    return f'"{title}"' if re.search(r"[,.;:?!]", title) else title


def join_names(names: Sequence[str]) -> str:
    """Names as in a sentence: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def step_range(steps: Sequence[str]) -> str:
    """The first and the last step."""
    return f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else steps[0]


def describe_steps(steps: Sequence[str]) -> str:
    """How many steps there are, and from when to when, behind the name of a model; nothing of a single one."""
    return f", {len(steps)} steps from {step_range(steps)}" if len(steps) > 1 else ""


def capitalize(sentence: str) -> str:
    """A sentence with a capital letter at its start."""
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _ranked_shares(result: Simulation, step: int) -> list[_ScenarioShare]:
    """The scenarios at a step, the likeliest first; those that are equal in the order of the file."""
    shares = [
        _ScenarioShare(
            quote_title(scenario.title),
            scenario.by_step[step],
            scenario.standard_errors.by_step[step],
            None if scenario.band is None else (scenario.band.low[step], scenario.band.high[step]),
        )
        for scenario in result.scenarios.values()
    ]
    return sorted(shares, key=lambda share: -share.value)


def _tied_with_first(shares: Sequence[_ScenarioShare]) -> list[_ScenarioShare]:
    """The likeliest, and those that can't be told from it."""
    first = shares[0]
    margins = [_TIED_ERRORS * math.hypot(first.error, share.error) + 1e-9 for share in shares]
    return [share for share, margin in zip(shares, margins, strict=True) if first.value - share.value <= margin]


def _describe_leader(shares: Sequence[_ScenarioShare]) -> str:
    """Which is likeliest, and how likely."""
    tied = _tied_with_first(shares)
    first, second = shares[0], shares[1]
    if len(tied) > 1:
        within = " within sampling error" if first.error else ""
        each = f"{_format_share(first)} each"
        if len(tied) > _MAX_NAMED:
            return f"{len(tied)} of {len(shares)} scenarios are equally likely{within}, {each}"
        return f"{join_names([share.title for share in tied])} are equally likely{within}, {each}"
    is_close = first.value - second.value < _CLOSE_LEAD
    places = 1 if is_close and _format_share(first) == _format_share(second) else 0
    lead = f", just ahead of {second.title}, {_format_share(second, places)}" if is_close else ""
    band = "" if first.band is None else _format_whole_band(*first.band)
    return f"{first.title} is likeliest, {_format_share(first, places)}{band}{lead}"


def _describe_start(starts: Sequence[_ScenarioShare], ends: Sequence[_ScenarioShare], when: str) -> str:
    """Which was likeliest at the start or is so now, in as few words as it takes beside the end."""
    was, were = ("is", "are") if when == "now" else ("was", "were")
    if _describe_leader(starts) == _describe_leader(ends):
        return f", as {when}"
    if len(_tied_with_first(starts)) > 1:
        return f"; {when} {_describe_leader(starts).replace(' are equally', f' {were} equally')}"
    if len(_tied_with_first(ends)) == 1 and starts[0].title == ends[0].title:
        return f"; {when} it {was} so too, with {_format_share(starts[0])}"
    return f"; {when} it {was} {starts[0].title}, {_format_share(starts[0])}"


def _format_share(share: _ScenarioShare, places: int = 0) -> str:
    return format_percent(share.value, places)


def _format_whole_band(low: float, high: float) -> str:
    """A band in whole percents; nothing where its ends are equal."""
    edges = (f"{100.0 * low:.0f}", f"{100.0 * high:.0f}")
    return f" ({edges[0]} to {edges[1]})" if edges[0] != edges[1] else ""
