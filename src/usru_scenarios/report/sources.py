"""What judgements rest on, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.terminal import draw, grid, indent, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from usru_scenarios.report import Layout
    from usru_scenarios.results.sources import SourcesReport


def text(result: SourcesReport, layout: Layout) -> str:
    """How far documents carry a model; of what was asked about each judgement with its claims, and what they say."""
    if result.about is not None:
        return draw([safe_text(result.about, "bold"), *_judgement_lines(result), *_claim_texts(result)], layout)
    title = safe_text(result.model.title, "bold")
    return draw([title, *_role_table(result), *_document_table(result), *_voice_lines(result)], layout)


def _role_table(result: SourcesReport) -> Iterator[RenderableType]:
    total = sum(role.judgements for role in result.roles.values())
    inferred = sum(role.inferred for role in result.roles.values())
    yield safe_text(
        f"{total} judgements, of which {inferred} are inferred: they rest on assumptions or on nothing, "
        "on no claim of a document."
    )
    yield Text()
    table = grid()
    table.add_column("kind")
    for header in ("judgements", "inferred"):
        table.add_column(header, justify="right")
    for name, role in result.roles.items():
        table.add_row(name.replace("_", " "), str(role.judgements), str(role.inferred))
    yield table


def _document_table(result: SourcesReport) -> Iterator[RenderableType]:
    if not result.documents:
        yield Text()
        yield Text("The file names no register of claims.", "dim")
        return
    yield Text()
    table = grid()
    table.add_column("document", overflow="fold")
    for header in ("claims", "cited", "judgements"):
        table.add_column(header, justify="right", no_wrap=True)
    for name, document in result.documents.items():
        table.add_row(
            Text.assemble(safe_text(name, "bold"), "\n", safe_text(document.title, "dim")),
            *(str(number) for number in (document.claims, document.cited, document.judgements)),
        )
    yield table


def _voice_lines(result: SourcesReport) -> Iterator[RenderableType]:
    if not result.independence:
        return
    yield Text()
    yield safe_text("Documents that draw on one another count as one voice:", "dim")
    for voice, number in result.independence.items():
        members = [name for name, document in result.documents.items() if document.independence == voice]
        yield safe_text(f"{voice.replace('_', ' ')} ({', '.join(members)}): {number} judgements")
    yield Text()
    yield Text("usru sources NAME lists the claims of a driver, a judgement's path, or one claim's use.", "dim")


def _judgement_lines(result: SourcesReport) -> Iterator[RenderableType]:
    yield Text()
    if not result.judgements:
        yield safe_text("No judgement rests on it." if result.claims else "It has no judgements.")
    for judged in result.judgements:
        sources = ", ".join(judged.sources) or "nothing"
        mark = ("  inferred", "yellow") if judged.inferred else ""
        parts = filter(None, (judged.by and f"by {judged.by}", judged.date and f"of {judged.date}"))
        who = " ".join(parts)  # as the line to cite says it of the whole file
        author = (f"  judged {who}", "dim") if who else ""
        value = (judged.value, "bold")
        yield Text.assemble(safe_text(judged.path), "  ", value, "  ", (sources, "cyan"), mark, author)


def _claim_texts(result: SourcesReport) -> Iterator[RenderableType]:
    for name, claim in result.claims.items():
        origin = filter(None, (claim.document, claim.where, claim.speaker and f"by {claim.speaker}"))
        remarks = [
            claim.hedge and f"hedge: {claim.hedge}",
            claim.agrees and f"agrees with {', '.join(claim.agrees)}",
            claim.contradicts and f"contradicts {', '.join(claim.contradicts)}",
        ]
        yield Text()
        yield Text.assemble((name, "bold cyan"), "  ", safe_text(", ".join(origin), "dim"))
        yield indent(safe_text(claim.claim), 2)
        if any(remarks):
            yield indent(safe_text("; ".join(remark for remark in remarks if remark), "dim"), 2)
        if claim.pushes:
            yield indent(safe_text(f"pushes {'; '.join(claim.pushes)}", "dim"), 2)
