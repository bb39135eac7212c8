"""This project, called as a library."""

from __future__ import annotations

import numpy as np

from bench.contenders import Run
from bench.model import Answer, Case, answer_of
from usru_scenarios.exact.inference import probabilities
from usru_scenarios.names import OUTCOME
from usru_scenarios.program.events import Formula, InStates, Timed
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.forecast import simulate


def sampled(case: Case) -> Run:
    """The sums of a run; the scenario is carried where the model allows it, drawn where it feeds back."""
    program = case.program
    drivers = sorted(name for name in program.nodes if name != OUTCOME)

    def run(trials: int, seed: int) -> Answer:
        draws = simulate(program, Plan(trials, seed))
        moves = draws.moves.sum(axis=0)
        return Answer(
            draws.visits.sum(axis=0) / trials,
            np.stack([draws.first_visits(column).value for column in range(len(program.outcome.states))], axis=1),
            moves / moves.sum(axis=1, keepdims=True) if program.steps > 1 else None,
            np.stack([draws.state_shares(name).value for name in drivers], axis=1),
        )

    return run


def exact_forecast(case: Case) -> Run:
    """The whole forecast: every scenario and driver at every step, first visits and transitions."""
    return lambda _trials, _seed: answer_of(case.study.simulate(method="exact"), case.shape)


def exact_scenarios(case: Case) -> Run:
    """The scenarios' probabilities at the last step alone."""
    program = case.program
    last = program.steps - 1
    events: list[Formula] = [
        Timed("at", range(last, last + 1), InStates(OUTCOME, frozenset({state})))
        for state in range(len(program.outcome.states))
    ]
    return lambda _trials, _seed: Answer(np.array([probabilities(program, events)]))
