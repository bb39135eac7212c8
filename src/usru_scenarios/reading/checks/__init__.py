"""The checks of a scenario file: what its shape can't say (sections 2 to 10 of the format).

Each check is a plain function from a `Context` to its findings; `CHECKS` is the table of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.reading.checks import calendar, dependence, directions, no_effect, references, shares
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.checks.directions import misspelt_names, unknown_names
from usru_scenarios.reading.checks.misspelt import at_their_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CHECKS",
    "REMARKS",
    "Context",
    "Finding",
    "at_their_definitions",
    "findings",
    "misspelt_names",
    "remarks",
    "unknown_names",
]

CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    references.one_namespace,
    references.influences,
    references.impacts,
    references.own_states,
    references.prior_rows,
    references.rules,
    references.long_rules,
    references.profiles,
    references.groups,
    references.claims,
    directions.contradictions,
    shares.priors,
    shares.baselines,
    shares.share_maps,
    shares.persistence,
    shares.coverage,
    shares.countable,
    shares.scales,
    shares.anchor,
    shares.magnitudes,
    calendar.time,
    calendar.events,
    calendar.redraws,
    calendar.anchor,
    calendar.schedules,
    dependence.circles,
    no_effect.rules_that_never_hold,
    no_effect.rows_that_never_hold,
    no_effect.points_that_never_act,
    no_effect.weights_without_impacts,
)
"""Every check that a model is held against."""

REMARKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    shares.sums,
    no_effect.drivers_that_act_on_nothing,
    no_effect.priors_that_are_never_used,
)
"""What a valid file is warned of besides: of one with faults it is not known what it was meant to be.

Only of the file itself: a profile or an argument that brings something odd about means to.
"""


def remarks(context: Context) -> Iterator[Finding]:
    """What is odd about a model that has no fault."""
    for check in REMARKS:
        yield from check(context)


def findings(context: Context) -> Iterator[Finding]:
    """All faults that the checks find, check by check."""
    for check in CHECKS:
        yield from check(context)
