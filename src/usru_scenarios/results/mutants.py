"""Which changes of a model's meaning would be noticed, in the form of its JSON."""

from __future__ import annotations

from typing import Literal, get_args

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.results.common import Warned

Kind = Literal[
    "impact",
    "influence",
    "lagged_influence",
    "curve_point",
    "rule_point",
    "event_point",
    "profile_point",
    "consequence_influence",
    "rule_deleted",
    "event_deleted",
    "driver_silenced",
    "driver_reversed",
    "consequence_deleted",
    "consequence_reversed",
    "rows_swapped",
]
"""Of the first eight, each mutant has the sign of one number turned round."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, in the order in which they are told."""

SIGNS = KINDS[:8]
"""The kinds that turn one sign round."""


@dataclass(frozen=True)
class Mutant:
    """The file with one thing in it changed.

    Attributes:
        kind: the kind of change that was made.
        path: what was changed, by its dotted path.
        value: the number whose sign was turned round; null where there is not one number alone.
        overrides: what makes the same of the file, each as after `--set`.
        sources: the claims that the changed part cites.
        sourced: whether one of these is a document's, and not all are assumptions.
        noticed_by: `reading` where the file can't be read any more, `expectations` where some fail; null where nothing
            notices it.
        problem: the first error that reading finds, after which no expectation is looked at; else null.
        failed: the expectations that fail.
        undecided: the expectations of which the sampling error does not tell, or that have no answer.
    """

    kind: Kind
    path: str
    value: float | None
    overrides: list[str]
    sources: list[str]
    sourced: bool
    noticed_by: Literal["reading", "expectations"] | None
    problem: Warned | None
    failed: list[str]
    undecided: list[str]


@dataclass(frozen=True)
class MutantCounts:
    """How many mutants of a kind there are, were made, and were noticed by what.

    Attributes:
        population: how many mutants of the kind there are.
        made: how many of them were made.
        by_reading: how many of these reading notices.
        by_expectations: how many of these an expectation notices.
        unnoticed: how many of these nothing notices.
    """

    population: int
    made: int
    by_reading: int
    by_expectations: int
    unnoticed: int


@dataclass(frozen=True)
class NoticedShare:
    """Of all mutants of a population, the share that is noticed, as those that were made tell it.

    Attributes:
        population: how many mutants there are.
        made: how many of them were made.
        noticed: how many of these were noticed.
        share: estimated share of the population that is noticed, from 0 to 1; null where none was made.
        standard_error: standard error of `share`, since not all were made; 0 where all were.
    """

    population: int
    made: int
    noticed: int
    share: float | None
    standard_error: float | None


@dataclass(frozen=True)
class MutantSurvey:
    """Mutants of a model, and which of them reading or an expectation notices.

    Attributes:
        trials: number of trials drawn in each at first, of which what stays undecided takes more; 0 where all is exact.
        anchored: whether the baselines were solved anew for the anchor in each.
        kinds: counts by kind of change; a kind of which there are none is left out.
        sourced_signs: of the mutants that turn the sign of a number which cites a claim of a document, the share that
            is noticed.
        all: of all mutants, the share that is noticed.
        mutants: the mutants that were made.
        not_counted: expectations that do not hold in the file as it is, or only just, so that they notice nothing.
    """

    trials: int
    anchored: bool
    kinds: dict[Kind, MutantCounts]
    sourced_signs: NoticedShare
    all: NoticedShare
    mutants: list[Mutant]
    not_counted: list[str]

    @property
    def unnoticed(self) -> list[Mutant]:
        """Those that nothing notices, the sourced ones first."""
        unnoticed = (mutant for mutant in self.mutants if mutant.noticed_by is None)
        return sorted(unnoticed, key=lambda mutant: not mutant.sourced)
