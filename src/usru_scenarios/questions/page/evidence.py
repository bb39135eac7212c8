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
class WeighedEvidence:
    """What has been seen, in its two parts.

    Attributes:
        drivers: what tells of the drivers.
        signs: by step the likelihood of what tells of the scenario, shape (scenarios,), or (draws, scenarios) where it
            is drawn with the judgements.
    """

    drivers: All
    signs: dict[int, Floats]


def weighed_evidence(conditioned: Conditioned) -> WeighedEvidence:
    """What a page makes of what has been seen.

    Raises:
        RequestError: something tells of the scenario in a way that a page can't weigh.
    """
    program = conditioned.program
    reached = program.downstream(OUTCOME) | {OUTCOME}
    drivers: list[Formula] = []
    signs: dict[int, Floats] = {}
    for text, event in conditioned.evidence:
        for part in conjuncts(event):
            if not {atom.node for atom in atoms(part)} & reached:
                drivers.append(part)
                continue
            for step, likelihood in _signs(program, part, text):
                signs[step] = signs[step] * likelihood if step in signs else likelihood
    return WeighedEvidence(All(tuple(drivers)), signs)


def _signs(program: Program, part: Formula, text: str) -> Iterator[tuple[int, Floats]]:
    """The likelihood of each scenario at the steps that a part of an observation tells of."""
    (asked, *others) = sorted({atom.node for atom in atoms(part)})
    single = isinstance(part, Timed) and not others and (part.mode != "ever" or len(part.steps) == 1)
    if not single:
        raise _not_carried(text)
    assert isinstance(part, Timed), "a single part of an event has a time"
    for step in part.steps:
        if asked == OUTCOME:
            yield step, satisfying_states(part.predicate, len(program.outcome.states)).astype(np.float64)
        else:
            yield step, _reported(program, asked, step, text)


def _reported(program: Program, name: str, step: int, text: str) -> Floats:
    """The likelihood of a report of the scenario."""
    node = program.nodes[name]
    report = node.reports.get(step) if isinstance(node, CategoricalNode) else None
    if report is None or {parent.node for parent in report[0]} - {OUTCOME, JUDGEMENTS}:
        raise _not_carried(text)
    likelihood: Floats = report[1][..., REPORTED]
    return likelihood


def _not_carried(text: str) -> RequestError:
    said = (
        f"no page can be made with {text}: it tells of the scenario through a consequence or over several steps, so "
        "that its weight in the trials that a page carries would be another one under other weights"
    )
    hint = "leave it out of the file for the page; usru simulate --evidence takes all into account"
    return RequestError([Problem("not_carried", said, hint=hint)])
