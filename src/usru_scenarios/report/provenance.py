"""How an answer was found and under which conditions, in the same words everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.report.document import Report, ShownCondition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from usru_scenarios.report.document import Block, FooterLine
    from usru_scenarios.results.common import EvidenceUsed, ModelLine, OfRun, Run

FROM_JUDGEMENTS = "The likelihoods follow from the judgements in the file, not from data."


def result_report(
    result: OfRun,
    subtitle: str,
    blocks: Sequence[Block],
    footer: Sequence[FooterLine],
    *,
    title: str = "",
    lead: str = "",
    verdict: str = "",
    more: str = "",
) -> Report:
    """A report with the conditions of a result and the line to cite; without a title, under that of the model."""
    run = result.run
    conditions = list_conditions(run.do, run.given, run.evidence)
    citation = citation_line(result.model, run.usru_version)
    return Report(title or result.model.title, subtitle, blocks, footer, lead, conditions, verdict, more, citation)


def list_conditions(
    imposed: Iterable[str], observed: Iterable[str], evidence: EvidenceUsed | None = None
) -> list[ShownCondition]:
    """The interventions and the observations, each once, and the file of evidence."""
    return [
        *(ShownCondition("intervention", text, "cut off from its causes") for text in dict.fromkeys(imposed)),
        *(ShownCondition("observation", text, "evidence about its causes too") for text in dict.fromkeys(observed)),
        *([ShownCondition("evidence", describe_evidence(evidence), "what has been seen")] if evidence else []),
    ]


def describe_evidence(evidence: EvidenceUsed) -> str:
    """A file of evidence, with how many of its items act, up to which day."""
    items = len(evidence.items)
    return f"{evidence.name}, {items} {'item' if items == 1 else 'items'} up to {evidence.as_of}"


def describe_profile(profile: str | None) -> str:
    """The profile, as a part of a sentence; nothing where there is none."""
    return f", profile {profile}" if profile else ""


def describe_model(model: ModelLine, run: Run) -> str:
    """The file, the profile, and the conditions."""
    imposed = f", intervention {', '.join(run.do)}" if run.do else ""
    observed = f", observation {', '.join(run.given)}" if run.given else ""
    seen = f", evidence {describe_evidence(run.evidence)}" if run.evidence else ""
    return f"{model.name}{describe_profile(run.profile)}{imposed}{observed}{seen}"


def citation_line(model: ModelLine, version: str) -> str:
    """A line to cite: the model by title, name and the first digits of its hash, who judged and when, the version."""
    by = f" by {', '.join(model.authors)}" if model.authors else ""
    judged = f", judgements{by}{f' of {model.date}' if model.date else ''}" if by or model.date else ""
    return f"Cite as: {model.title} (model {model.name} {model.sha256[:8]}{judged}), usru {version}."


def describe_means(judgements: int, lead: str = ", ") -> str:
    """How many uncertain judgements stand at their means, as a part of a sentence; nothing where none does."""
    if judgements <= 1:
        return f"{lead}the uncertain judgement at its mean" if judgements else ""
    return f"{lead}{judgements:,} uncertain judgements at their means"


def describe_exact(judgements: int | None, seed: int) -> str:
    """The beginning of a sentence that says that nothing was sampled, and under how many draws of the judgements."""
    if not judgements:
        return "Exact, without sampling"
    return f"Exact in each of {judgements:,} draws of the judgements, seed {seed}"


def describe_sampling(
    trials: int,
    seed: int,
    effective_trials: float | None = None,
    *,
    judgements: int | None = None,
    judgements_at_means: int = 0,
) -> str:
    """A sentence without its full stop: how many trials, and their effective sample size where it is given."""
    if not trials:
        return f"{describe_exact(judgements, seed)}{describe_means(judgements_at_means)}"
    effective = f" (effective sample size {effective_trials:,.0f})" if effective_trials else ""
    draws = f" under {judgements:,} draws of the judgements" if judgements else ""
    return f"{trials:,} trials{draws}{effective}, seed {seed}{describe_means(judgements_at_means)}"


def describe_run(run: Run) -> str:
    """How a run was sampled: the same sentence."""
    return describe_sampling(
        run.trials,
        run.seed,
        run.effective_trials if run.given or run.evidence else None,
        judgements=run.judgements,
        judgements_at_means=run.judgements_at_means,
    )
