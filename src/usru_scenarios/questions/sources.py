"""What do the judgements rest on? Claims, documents, and what is inferred (section 10 of the format)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from usru_scenarios.model.directions import Direction, cited_directions
from usru_scenarios.model.judgements import JudgementEntry, dotted_path, is_assumption, judgements
from usru_scenarios.model.schema import Condition
from usru_scenarios.model.values import Distribution, Duration, Judgement, Keep
from usru_scenarios.problems import Problem, RequestError, list_choices, suggest_name
from usru_scenarios.reading.checks import Context, unknown_push_names
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.register import Register
from usru_scenarios.results.common import FileRun
from usru_scenarios.results.sources import (
    ClaimPart,
    DirectedPart,
    DirectionsReport,
    DocumentPart,
    JudgedPart,
    RoleCount,
    SkippedPush,
    SourcesReport,
)


def judgement_sources(loaded: Loaded, about: str | None = None) -> SourcesReport:
    """List judgements and the claims that they rest on.

    Args:
        loaded: the model and its register.
        about: a name of the model (its driver, scenario, rule, ...), the dotted path of a part, or a claim's id;
            everything if None.

    Raises:
        RequestError: there is nothing of that name.
    """
    everything = list(judgements(loaded.model))
    chosen = everything if about is None else _judgements_about(about, everything, loaded)
    register = loaded.register or Register()
    all_cited = dict.fromkeys(claim for judged in chosen for claim in judged.sources)
    cited = [about] if about is not None and about in register else list(all_cited)
    return SourcesReport(
        model=loaded.outline.model,
        run=FileRun(loaded.outline.profile),
        about=about,
        judgements=[_describe_judgement(judged) for judged in chosen],
        claims={claim: _describe_claim(claim, register) for claim in cited if claim in register},
        documents=_describe_documents(register, chosen),
        independence=_count_by_voice(register, chosen),
        roles=_count_by_role(chosen),
    )


def claim_directions(loaded: Loaded, about: str | None = None) -> DirectionsReport:
    """What claims say of the signs of the numbers of points that cite them; `about` is as in `judgement_sources`.

    Raises:
        RequestError: there is nothing of that name.
    """
    register = loaded.register or Register()
    numbers = list(cited_directions(loaded.model, register.pushes))
    if about is not None:
        chosen_paths = {judged.path for judged in _judgements_about(about, list(judgements(loaded.model)), loaded)}
        numbers = [direction for direction in numbers if direction.cell.entry.path in chosen_paths]
    return DirectionsReport(
        model=loaded.outline.model,
        run=FileRun(loaded.outline.profile),
        about=about,
        pushes=sum(map(len, register.pushes.values())),
        numbers=list(map(_describe_direction, numbers)),
        verdicts=dict(Counter(direction.verdict for direction in numbers)),
        skipped=_skipped_pushes(loaded),
    )


def _describe_direction(direction: Direction) -> DirectedPart:
    cell = direction.cell
    return DirectedPart(
        path=dotted_path(cell.entry.path),
        value=cell.value,
        sign="+" if cell.sign > 0 else "-" if cell.sign < 0 else "0",
        cause=" & ".join(_describe_cause(node, condition) for node, condition in cell.cause.items()),
        target=cell.target,
        claims=direction.claims,
        verdict=direction.verdict,
    )


def _describe_cause(node: str, condition: str | Condition) -> str:
    if isinstance(condition, str):
        return f"{node}={condition}"
    return f"{node}={'|'.join(condition.states)}" if condition.comparison is None else f"{node}{condition.comparison}"


def _skipped_pushes(loaded: Loaded) -> list[SkippedPush]:
    context = Context(loaded.model, loaded.data, loaded.register)
    missing = {
        (unknown.claim, unknown.push): unknown.name for unknown in unknown_push_names(context) if unknown.is_needed
    }
    return [
        SkippedPush(claim, push.text, name, push.span.source, push.span.line) for (claim, push), name in missing.items()
    ]


def _judgements_about(about: str, everything: list[JudgementEntry], loaded: Loaded) -> list[JudgementEntry]:
    if loaded.register is not None and about in loaded.register:
        return [judged for judged in everything if about in judged.sources]
    sections = ("scenarios", "drivers", "rules", "consequences")
    path_by_name = {name: f"{section}.{name}" for section in sections for name in getattr(loaded.model, section)}
    path_by_name |= {section: section for section in (*sections, "anchor", "outcome")}
    path = path_by_name.get(about, about)
    paths = [dotted_path(judged.path) for judged in everything]
    chosen = [judged for judged, own in zip(everything, paths, strict=True) if f"{own}.".startswith(f"{path}.")]
    if not chosen and about not in path_by_name:
        claims = {} if loaded.register is None else {claim.lower(): claim for claim in loaded.register.claims}
        claim = claims.get(about.lower())
        near = f"did you mean '{claim}'?" if claim else suggest_name(about, [*path_by_name, *paths])
        hint = near or list_choices(path_by_name)
        raise RequestError([Problem("unknown_name", f"the model has no part and no judgement '{about}'", None, hint)])
    return chosen


def _describe_judgement(judged: JudgementEntry) -> JudgedPart:
    judgement = judged.judgement
    return JudgedPart(
        dotted_path(judged.path),
        judged.role,
        _format_value(judgement),
        list(judged.sources),
        judged.is_inferred,
        judgement.by,
        judgement.date,
    )


def _format_value(judgement: Judgement | Keep) -> str:
    match judgement.value:
        case Duration(text=text):
            return text
        case Distribution() as distribution:
            return f"{distribution.family} {', '.join(f'{parameter.mean:g}' for parameter in distribution.parameters)}"
        case number:
            return f"{number:g}"


def _describe_claim(name: str, register: Register) -> ClaimPart:
    claim = register.claims[name]
    return ClaimPart(
        claim=" ".join(claim.claim.split()),
        where=claim.where or "",
        document=register.document_ids[name],
        kind=claim.kind or "",
        speaker=claim.speaker or "",
        hedge=claim.hedge or "",
        assumption=is_assumption(name),
        agrees=list(claim.agrees),
        contradicts=list(claim.contradicts),
        pushes=[push.text for push in register.pushes.get(name, ())],
    )


def _describe_documents(register: Register, chosen: Iterable[JudgementEntry]) -> dict[str, DocumentPart]:
    chosen = list(chosen)
    cited = {claim for judged in chosen for claim in judged.sources}
    resting = Counter(name for judged in chosen for name in _cited_documents(register, judged))
    return {
        name: DocumentPart(
            title=document.title or name,
            independence=document.independence or name,
            assumptions=bool(document.claims) and all(map(is_assumption, document.claims)),
            claims=len(document.claims),
            cited=len(cited & set(document.claims)),
            judgements=resting[name],
        )
        for name, document in register.documents.items()
    }


def _cited_documents(register: Register, judged: JudgementEntry) -> set[str]:
    return {register.document_ids[claim] for claim in judged.sources if claim in register}


def _count_by_voice(register: Register, chosen: Iterable[JudgementEntry]) -> dict[str, int]:
    """For each group of documents that draw on one another, how many judgements cite one of them."""
    voices = {
        name: document.independence or name
        for name, document in register.documents.items()
        if not all(map(is_assumption, document.claims))
    }
    counts = Counter(
        voice
        for judged in chosen
        for voice in {voices[name] for name in _cited_documents(register, judged) if name in voices}
    )
    return {voice: counts[voice] for voice in dict.fromkeys(voices.values())}


def _count_by_role(chosen: Iterable[JudgementEntry]) -> dict[str, RoleCount]:
    total: Counter[str] = Counter()
    inferred: Counter[str] = Counter()
    for judged in chosen:
        total[judged.role] += 1
        inferred[judged.role] += judged.is_inferred
    return {role: RoleCount(number, inferred[role]) for role, number in total.items()}
