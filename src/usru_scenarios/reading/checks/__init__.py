"""The checks of a scenario file: what its shape can't say (sections 2 to 10 of the format).

Each check is a plain function from a `Context` to its findings; `CHECKS` is the table of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.reading.checks import calendar, dependence, directions, no_effect, references, shares
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.checks.directions import report_misspelt_names, unknown_push_names
from usru_scenarios.reading.checks.misspelt_definitions import report_at_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CHECKS",
    "REMARKS",
    "Context",
    "Finding",
    "report_at_definitions",
    "report_misspelt_names",
    "run_checks",
    "run_remarks",
    "unknown_push_names",
]

CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    references.check_names_differ,
    references.check_influences,
    references.check_impacts,
    references.check_own_states,
    references.check_prior_rows,
    references.check_rules,
    references.check_rule_length,
    references.check_profiles,
    references.check_groups,
    references.check_claims,
    directions.check_contradictions,
    shares.check_priors,
    shares.check_baselines,
    shares.check_share_maps,
    shares.check_persistence,
    shares.check_coverage,
    shares.check_case_count,
    shares.check_scales,
    shares.check_anchor_shares,
    shares.check_magnitudes,
    calendar.check_time,
    calendar.check_events,
    calendar.check_redraws,
    calendar.check_anchor_date,
    calendar.check_schedules,
    dependence.check_circles,
    no_effect.check_rules_hold,
    no_effect.check_rows_hold,
    no_effect.check_points_act,
    no_effect.check_weights_act,
)
"""Every check that a model is held against."""

REMARKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    shares.check_sums,
    no_effect.check_drivers_act,
    no_effect.check_priors_are_used,
)
"""What a valid file is warned of besides: of one with faults it is not known what it was meant to be.

Only of the file itself: a profile or an argument that brings something odd about means to.
"""


def run_remarks(context: Context) -> Iterator[Finding]:
    """What is odd about a model that has no fault."""
    for check in REMARKS:
        yield from check(context)


def run_checks(context: Context) -> Iterator[Finding]:
    """All faults that the checks find, check by check."""
    for check in CHECKS:
        yield from check(context)
