"""Why evidence finds no answer: it is impossible, which takes a proof, or it was not met, which is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from usru_scenarios.estimation.estimates import Estimate
from usru_scenarios.exact import inference as exact
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials, UsruError
from usru_scenarios.program.events import All, Formula, atoms
from usru_scenarios.program.program import NumericNode, Program
from usru_scenarios.program.support import Support
from usru_scenarios.sampler.blocks import Plan
from usru_scenarios.sampler.likelihood_weighting import CERTAIN, sample

NamedFormulas = Sequence[tuple[str, Formula]]
"""What is said to have been seen: each observation as it was written, and the event that it is."""

Sums = TypeVar("Sums")


class DrawnSums(NamedTuple, Generic[Sums]):
    """The sums of a run, by which plan they were drawn, and for how many unweighted trials they stand."""

    plan: Plan
    sums: Sums
    effective_trials: float


def can_happen(program: Program, evidence: NamedFormulas) -> bool | None:
    """Whether observations can be made together; None where neither is proven.

    Sets of possible states tell it of any program; exact inference tells more, where it is within its bound. With a
    number among the causes a probability of 0 is that of less than a quadrature reaches, and no proof.
    """
    event = All(tuple(event for _, event in evidence))
    if True not in Support(program).truths(event):
        return False
    try:
        possible = exact.is_possible(program, event)
    except (exact.NotExact, exact.TooLarge):
        return None
    causes = program.upstream(atom.node for atom in atoms(event))
    numeric = any(isinstance(program.nodes[name], NumericNode) for name in causes)
    return possible or (None if numeric else False)


def is_impossible(program: Program, evidence: NamedFormulas) -> bool:
    """Whether it is proven that observations can't be made together."""
    return can_happen(program, evidence) is False


def unmet_evidence_error(program: Program, evidence: NamedFormulas, plan: Plan) -> ImpossibleEvidence:
    """The error for evidence that no drawn trial agrees with: called impossible only where that is proven."""
    possible = can_happen(program, evidence)
    if possible is False:
        return _impossible_error(program, evidence)

    def is_met(part: NamedFormulas) -> bool:
        return bool(sample(program, [(CERTAIN, All(tuple(event for _, event in part)))], plan).given.any())

    why = "possible, but too rare to sample" if possible else "impossible or too rare to sample"
    return ImpossibleEvidence(f"{_first_inconsistent(evidence, is_met)} was not met in {plan.trials:,} trials: {why}")


def too_few_trials_error(
    program: Program, evidence: NamedFormulas, plan: Plan, effective: float, *, chance: Estimate, what: str
) -> UsruError:
    """The error for evidence that too few of the drawn trials agree with, or none.

    Args:
        program: that was drawn.
        evidence: what is observed.
        plan: of the last draws.
        effective: for how many unweighted trials those stand that agree.
        chance: of shape (), the probability that these give to what is asked.
        what: is asked.
    """
    if not effective:
        return unmet_evidence_error(program, evidence, plan)
    asked = f"{what}, given {', '.join(text for text, _ in evidence)}"
    return TooFewTrials(effective, float(chance.value), float(chance.error), asked)


def zero_probability_error(program: Program, evidence: NamedFormulas) -> ImpossibleEvidence:
    """The error for evidence whose probability, found exactly, is 0."""
    if is_impossible(program, evidence):
        return _impossible_error(program, evidence, "impossible: its probability is exactly 0")
    texts = ", ".join(text for text, _ in evidence)
    return ImpossibleEvidence(f"{texts} is impossible, or so rare that no number holds its probability")


def _impossible_error(program: Program, evidence: NamedFormulas, how: str = "impossible") -> ImpossibleEvidence:
    inconsistent = _first_inconsistent(evidence, lambda part: not is_impossible(program, part))
    return ImpossibleEvidence(f"the observation is impossible: {inconsistent} ({how})")


def _first_inconsistent(evidence: NamedFormulas, can_happen_together: Callable[[NamedFormulas], bool]) -> str:
    """Which observation does not happen: by itself, given the others, or all of them together."""
    if len(evidence) == 1:
        return evidence[0][0]
    for text, event in evidence:
        if not can_happen_together([(text, event)]):
            return text
    for number, (text, _) in enumerate(evidence):
        others = [*evidence[:number], *evidence[number + 1 :]]
        if can_happen_together(others):
            return f"{text}, given {', '.join(other for other, _ in others)}"
    return f"{', '.join(text for text, _ in evidence)} together"
