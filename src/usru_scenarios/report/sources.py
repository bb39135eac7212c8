"""What judgements rest on, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.terminal import draw, grid, indent, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from usru_scenarios.report import Layout
    from usru_scenarios.results.sources import ClaimPart, JudgedPart, SourcesReport


def text(found: SourcesReport, layout: Layout) -> str:
    """How far documents carry a model; of what was asked about each judgement with its claims, and what they say."""
    if found.about is None:
        return draw([safe_text(found.model.title, "bold"), *_roles(found), *_documents(found), *_voices(found)], layout)
    return draw([safe_text(found.about, "bold"), *_judgements(found), *_said(found)], layout)


def _roles(found: SourcesReport) -> Iterator[RenderableType]:
    total = sum(role.judgements for role in found.roles.values())
    inferred = sum(role.inferred for role in found.roles.values())
    yield safe_text(
        f"{total} judgements, of which {inferred} are inferred: they rest on assumptions or on nothing, "
        "on no claim of a document."
    )
    yield Text()
    table = grid()
    table.add_column("kind")
    for header in ("judgements", "inferred"):
        table.add_column(header, justify="right")
    for name, role in found.roles.items():
        table.add_row(name.replace("_", " "), str(role.judgements), str(role.inferred))
    yield table


def _documents(found: SourcesReport) -> Iterator[RenderableType]:
    if not found.documents:
        yield Text()
        yield Text("The file names no register of claims.", "dim")
        return
    yield Text()
    table = grid()
    table.add_column("document", overflow="fold")
    for header in ("claims", "cited", "judgements"):
        table.add_column(header, justify="right", no_wrap=True)
    for name, document in found.documents.items():
        table.add_row(
            Text.assemble(safe_text(name, "bold"), "\n", safe_text(document.title, "dim")),
            *(str(number) for number in (document.claims, document.cited, document.judgements)),
        )
    yield table


def _voices(found: SourcesReport) -> Iterator[RenderableType]:
    if not found.independence:
        return
    yield Text()
    yield safe_text("Documents that draw on one another count as one voice:", "dim")
    for voice, number in found.independence.items():
        members = [name for name, document in found.documents.items() if document.independence == voice]
        yield safe_text(f"{voice.replace('_', ' ')} ({', '.join(members)}): {number} judgements")
    yield Text()
    yield Text("usru sources NAME lists the claims of a driver, a judgement's path, or one claim's use.", "dim")


def _judgements(found: SourcesReport) -> Iterator[RenderableType]:
    yield Text()
    if not found.judgements:
        yield safe_text("No judgement rests on it." if found.claims else "It has no judgements.")
    for judged in found.judgements:
        sources = ", ".join(judged.sources) or "nothing"
        mark = ("  inferred", "yellow") if judged.inferred else ""
        who = (f"  {said}", "dim") if (said := _who_and_when(judged)) else ""
        yield Text.assemble(safe_text(judged.path), "  ", (judged.value, "bold"), "  ", (sources, "cyan"), mark, who)


def _who_and_when(judged: JudgedPart) -> str:
    """As the line to cite says it of the whole file; empty where nothing is said."""
    parts = (judged.by and f"by {judged.by}", judged.date and f"of {judged.date}")
    return f"judged {' '.join(filter(None, parts))}" if any(parts) else ""


def _said(found: SourcesReport) -> Iterator[RenderableType]:
    for name, claim in found.claims.items():
        yield Text()
        yield Text.assemble((name, "bold cyan"), "  ", safe_text(_origin(claim), "dim"))
        yield indent(safe_text(claim.claim), 2)
        if remarks := _remarks(claim):
            yield indent(safe_text(remarks, "dim"), 2)
        if claim.pushes:
            yield indent(safe_text(f"pushes {'; '.join(claim.pushes)}", "dim"), 2)


def _origin(claim: ClaimPart) -> str:
    return ", ".join(filter(None, (claim.document, claim.where, claim.speaker and f"by {claim.speaker}")))


def _remarks(claim: ClaimPart) -> str:
    parts = [
        claim.hedge and f"hedge: {claim.hedge}",
        claim.agrees and f"agrees with {', '.join(claim.agrees)}",
        claim.contradicts and f"contradicts {', '.join(claim.contradicts)}",
    ]
    return "; ".join(part for part in parts if part)
