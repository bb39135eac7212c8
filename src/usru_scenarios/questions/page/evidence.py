"""What has been seen, as a page takes it into account: method (62).

What tells of the drivers alone gives each trial of a page a weight, which no weight of a driver moves. What tells of
the scenario is weighed in the page, where its law is worked out anew: as a likelihood of each scenario at a step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, RequestError
from usru_scenarios.program.conditions import REPORTED, Conditioned
from usru_scenarios.program.events import All, Formula, Timed, atoms, conjuncts, satisfying_states
from usru_scenarios.program.laws import JUDGEMENTS
from usru_scenarios.program.program import CategoricalNode, Floats, Program


@dataclass(frozen=True)
class SplitEvidence:
    """Evidence split by what it is about.

    Attributes:
        about_drivers: what tells of the drivers.
        scenario_likelihoods: by step the likelihood of what tells of the scenario, shape (scenarios,), or (draws,
            scenarios) where it is drawn with the judgements.
    """

    about_drivers: All
    scenario_likelihoods: dict[int, Floats]


def split_evidence(conditioned: Conditioned) -> SplitEvidence:
    """Split the evidence into events of the drivers and likelihoods of the scenarios.

    Raises:
        RequestError: something tells of the scenario in a way that a page can't weigh.
    """
    program = conditioned.program
    downstream = program.downstream(OUTCOME) | {OUTCOME}
    about_drivers: list[Formula] = []
    likelihoods: dict[int, Floats] = {}
    for text, event in conditioned.evidence:
        for part in conjuncts(event):
            if not {atom.node for atom in atoms(part)} & downstream:
                about_drivers.append(part)
                continue
            for step, likelihood in _scenario_likelihoods(program, part, text):
                likelihoods[step] = likelihoods[step] * likelihood if step in likelihoods else likelihood
    return SplitEvidence(All(tuple(about_drivers)), likelihoods)


def _scenario_likelihoods(program: Program, part: Formula, text: str) -> Iterator[tuple[int, Floats]]:
    """The likelihood of each scenario at the steps that a part of an observation tells of."""
    (node, *others) = sorted({atom.node for atom in atoms(part)})
    if not isinstance(part, Timed) or others or (part.mode == "ever" and len(part.steps) > 1):
        raise _not_carried_error(text)
    for step in part.steps:
        if node == OUTCOME:
            yield step, satisfying_states(part.predicate, len(program.outcome.states)).astype(np.float64)
        else:
            yield step, _report_likelihood(program, node, step, text)


def _report_likelihood(program: Program, node: str, step: int, text: str) -> Floats:
    """The likelihood of a report of the scenario."""
    compiled = program.nodes[node]
    report = compiled.reports.get(step) if isinstance(compiled, CategoricalNode) else None
    if report is None or {parent.node for parent in report[0]} - {OUTCOME, JUDGEMENTS}:
        raise _not_carried_error(text)
    return np.asarray(report[1][..., REPORTED])


def _not_carried_error(text: str) -> RequestError:
    message = (
        f"no page can be made with {text}: it tells of the scenario through a consequence or over several steps, so "
        "that its weight in the trials that a page carries would be another one under other weights"
    )
    hint = "leave it out of the file for the page; usru simulate --evidence takes all into account"
    return RequestError([Problem("not_carried", message, hint=hint)])
