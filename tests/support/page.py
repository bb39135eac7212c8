"""What a page of a model answers, by its own engine under node, and the same by the sampler on the page's trials."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from usru_scenarios.estimation.estimates import Floats
from usru_scenarios.names import OUTCOME
from usru_scenarios.page import FOLDER, encode_page_data
from usru_scenarios.program.laws import JUDGEMENTS
from usru_scenarios.program.program import Program
from usru_scenarios.questions.page.question import PageData, carried_paths
from usru_scenarios.questions.page.trials import draw_histories
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.outcome import LazyTransition, OutcomeKernel
from usru_scenarios.sampler.outcome_paths import RaoBlackwellPath
from usru_scenarios.sampler.tables import BlockStates, LogWeightEvaluator

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node, in which the page's modules are tested")


class Case(NamedTuple):
    """Weights that are moved in a view of a page."""

    weights: Mapping[str, float]
    view: int = 0
    observations: Sequence[Mapping[str, int]] = ()


def answers(page: PageData, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the page's engine finds of each case."""
    data = base64.b64encode(encode_page_data(page.about, page.arrays)).decode()
    return under_node("sums.mjs", {"data": data, "cases": [case._asdict() for case in cases]})


def under_node(script: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """What a script of `tests/page` makes of a value, with the modules of the page."""
    assert NODE is not None
    run = subprocess.run(
        [NODE, str(Path(__file__).parents[1] / "page" / script), str(FOLDER)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.stderr, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def array_at(page: PageData, place: Mapping[str, Any]) -> npt.NDArray[Any]:
    return np.frombuffer(page.arrays, dtype=place["kind"], count=place["count"], offset=place["at"])


def history(page: PageData, path: Mapping[str, Any], steps: int) -> npt.NDArray[Any]:
    """What is carried of a node, shape (trials, steps)."""
    states = array_at(page, path["states"])
    if "beside" in path:
        states = states ^ array_at(page, path["beside"])
    values = states.reshape(-1, steps)
    return path["low"] + path["step"] * values if "step" in path else values


class _Values:
    """Puts the histories of a page where the outcome's kernels look for them.

    A page rounds the values of numeric nodes, but not what edges cut of them: there it has the value itself.
    """

    def __init__(self, program: Program, page: PageData, view: int, plan: Plan) -> None:
        self.index = {name: place for place, name in enumerate((*program.nodes, JUDGEMENTS))}
        paths = page.about["views"][view]["sample"]["paths"]
        carried = dict(zip(carried_paths(program), (history(page, path, program.steps) for path in paths), strict=True))
        cut = {name for name, edges in carried if edges}
        values, _ = draw_histories(program, plan, [(name, None) for name in cut])
        self.of = {name: kept for (name, edges), kept in carried.items() if not edges}
        for name, exact in zip(cut, values, strict=True):
            rounded = self.of.get(name, exact)
            same = [
                np.searchsorted(np.array(edges), rounded, side="right") == kept
                for (other, edges), kept in carried.items()
                if other == name and edges
            ]
            self.of[name] = np.where(np.all(same, axis=0), rounded, exact)

    def at(self, step: int, states: BlockStates) -> None:
        for name, values in self.of.items():
            states.now[self.index[name]] = values[:, step]


def reference(program: Program, page: PageData, plan: Plan, case: Case) -> tuple[Floats, Floats]:
    """The sampler's sums on the trials of a page, by group.

    Args:
        program: with the draws of the judgements of the page's trials.
        page: whose trials.
        plan: of the trials.
        case: the weights.

    Returns:
        Shapes (groups, steps, scenarios) and (groups, steps, sets of scenarios).
    """
    view = page.about["views"][case.view]
    size, trials = view["sample"]["groupSize"], view["sample"]["trials"]
    program = program.reweight(case.weights)
    values = _Values(program, page, case.view, plan)
    states = BlockStates(len(values.index), trials, np.arange(trials) // size if program.draws else None)
    evaluator = partial(LogWeightEvaluator, index=values.index, varying_weights=program.varying_weights)
    kernels = [OutcomeKernel(program.law(program.outcome, step), evaluator) for step in range(program.steps)]
    moved = []
    path: RaoBlackwellPath | None = None
    for step, kernel in enumerate(kernels):
        states.advance()
        values.at(step, states)
        transition = kernel.transition(states)
        lumped = all(one.redraws_alike for one in kernels)
        assert isinstance(transition, LazyTransition) or not lumped
        path = path or RaoBlackwellPath([one["members"] for one in view["scenarios"]], lumped=lumped)
        states.now[values.index[OUTCOME]] = np.zeros(trials, np.uint8)
        moved.append(path.advance(transition, None))
    groups = np.arange(0, trials, size)
    visits, seen = (
        np.stack([np.add.reduceat(part, groups, axis=1).T for part in parts], axis=1)
        for parts in zip(*moved, strict=True)
    )
    return visits, seen


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    NODE is None or CHROMIUM is None, reason="there is no Chromium with node, in which the page is opened"
)


class Seen(NamedTuple):
    """What a browser finds: of each step, what was said on the console, and which addresses were asked for."""

    found: list[Any]
    messages: list[str]
    requests: list[str]


def browsed(*steps: Mapping[str, Any]) -> Seen:
    """What is found in Chromium; what a step can be says `browser.mjs`."""
    assert NODE is not None
    run = subprocess.run(
        [NODE, str(Path(__file__).parents[1] / "page" / "browser.mjs")],
        input=json.dumps({"chromium": CHROMIUM, "steps": steps}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Seen(**json.loads(run.stdout))
