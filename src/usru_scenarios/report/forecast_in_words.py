"""What a forecast comes down to, in a sentence: which scenario is likeliest at the end, and which was at the start."""

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
"""Two likelihoods that are no more standard errors apart are not told from each other."""
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
    under = "under these conditions " if result.run.do or result.run.given or result.run.evidence else ""
    ends, steps = _ranked_shares(result, -1), result.run.steps
    if len(steps) == 1:
        return capitalize(f"{under}{_describe_leader(ends)}.")
    now = result.run.evidence.now if result.run.evidence else None
    starts = _ranked_shares(result, 0 if now is None else steps.index(now))
    when = capitalize(f"{under}at {describe_last_step(steps[-1])}")
    return f"{when} {_describe_leader(ends)}{_describe_start(starts, ends, 'at the start' if now is None else 'now')}."


def describe_last_step(step: str) -> str:
    """The last step in words: the end of a year, else its label."""
    year = _LAST_OF_YEAR.fullmatch(step)
    return f"the end of {year[1]}" if year else f"the end ({step})"


SHARE_OF_TIME = "share\nof time"
"""The head of the column with the average over the steps."""


def column_legends(steps: Sequence[str], *, ever: bool = True, now: str | None = None) -> tuple[Legend, ...]:
    """What the columns of a forecast are, which begin at a step `now` if there is one; nothing where there is one step.

    Args:
        steps: of the forecast.
        ever: whether there is such a column.
        now: the present step.
    """
    if len(steps) == 1:
        return ()
    first, last = now or steps[0], steps[-1]
    begins = "now" if now else "start"
    often = f"ever: in at least one step{' from now on' if now else ''}. "
    return (
        Legend(f"{begins}, end: in {first}, in {last}. ", (begins,), f"end: in {last}. "),
        *([Legend(often, ("ever",))] if ever else []),
        Legend(f"share of time: average over {first} to {last}.", (SHARE_OF_TIME,)),
    )


def quote_title(title: str) -> str:
    """A title within a sentence: in quotes where its own punctuation would break that up."""
    return f'"{title}"' if re.search(r"[,.;:?!]", title) else title


def join_names(names: Sequence[str]) -> str:
    """Names as in a sentence: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def step_range(steps: Sequence[str]) -> str:
    """From when to when."""
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
            quote_title(one.title),
            one.by_step[step],
            one.standard_errors.by_step[step],
            None if one.band is None else (one.band.low[step], one.band.high[step]),
        )
        for one in result.scenarios.values()
    ]
    return sorted(shares, key=lambda share: -share.value)


def _tied_with_first(shares: Sequence[_ScenarioShare]) -> list[_ScenarioShare]:
    """The likeliest, and those that can't be told from it."""
    first = shares[0]
    return [
        one for one in shares if first.value - one.value <= _TIED_ERRORS * math.hypot(first.error, one.error) + 1e-9
    ]


def _describe_leader(shares: Sequence[_ScenarioShare]) -> str:
    """Which is likeliest, and how likely."""
    tied = _tied_with_first(shares)
    first, second = shares[0], shares[1]
    if len(tied) > 1:
        within = " within sampling error" if first.error else ""
        each = f"{_format_share(first)} each"
        if len(tied) > _MAX_NAMED:
            return f"{len(tied)} of {len(shares)} scenarios are equally likely{within}, {each}"
        return f"{join_names([one.title for one in tied])} are equally likely{within}, {each}"
    close = first.value - second.value < _CLOSE_LEAD
    places = 1 if close and _format_share(first) == _format_share(second) else 0
    ahead = f", just ahead of {second.title}, {_format_share(second, places)}" if close else ""
    return f"{first.title} is likeliest, {_format_share(first, places)}{_format_share_band(first)}{ahead}"


def _describe_start(starts: Sequence[_ScenarioShare], ends: Sequence[_ScenarioShare], when: str) -> str:
    """The same of the start or of the present step, in as few words as it takes beside the end."""
    was, were = ("is", "are") if when == "now" else ("was", "were")
    if _describe_leader(starts) == _describe_leader(ends):
        return f", as {when}"
    if len(_tied_with_first(starts)) > 1:
        return f"; {when} {_describe_leader(starts).replace(' are equally', f' {were} equally')}"
    if len(_tied_with_first(ends)) == 1 and starts[0].title == ends[0].title:
        return f"; {when} it {was} so too, with {_format_share(starts[0])}"
    return f"; {when} it {was} {starts[0].title}, {_format_share(starts[0])}"


def _format_share(one: _ScenarioShare, places: int = 0) -> str:
    return format_percent(one.value, places)


def _format_share_band(one: _ScenarioShare) -> str:
    """The band where its ends can be told apart in whole percents."""
    if one.band is None:
        return ""
    low, high = (f"{100.0 * edge:.0f}" for edge in one.band)
    return f" ({low} to {high})" if low != high else ""
