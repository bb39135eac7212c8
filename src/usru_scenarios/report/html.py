"""Reports in HTML, every text escaped: as notebooks show them, without style sheets, and as pages of their own."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from usru_scenarios.problems import to_printable
from usru_scenarios.report.document import Heading, Items, Lines, Notes, StyledText, footer_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from usru_scenarios.report.document import Block, Cell, Report, Table


_NOTEBOOK_HEADS = ("<p><strong>{}</strong><br>{}</p>", "<p><strong>{}</strong></p>")
_PAGE_HEADS = ("<h1>{}</h1>\n<p>{}</p>", "<h2>{}</h2>")
"""The markup of the head of a report, with its subtitle, and of that of a section."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is fetched and no script runs; pictures stand in the page itself."""

_NARROW_PIXELS = 600
"""Pixels of a screen up to which a picture for narrow ones is shown."""

_STYLE = f"""
body {{ margin: 0; background: #fff; color: #1a1a1a; font: 1rem/1.5 system-ui, "Liberation Sans", Arial, sans-serif; }}
main {{ max-width: 50rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }}
h1 {{ font-size: 1.6rem; line-height: 1.2; }}
h2 {{ font-size: 1.2rem; margin: 2rem 0 0.5rem; }}
figure {{ margin: 1rem 0; }}
img {{ display: block; width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.25rem 0.5rem 0.25rem 0; border-bottom: 1px solid #ccc; vertical-align: top; }}
th {{ vertical-align: bottom; font-weight: 600; }}
li {{ margin: 0.25rem 0; }}
ul {{ padding-left: 1.2rem; }}
small {{ color: #444; font-size: 0.875rem; }}
code {{ font-size: 0.875em; overflow-wrap: anywhere; }}
@media (max-width: {_NARROW_PIXELS}px) {{ table {{ font-size: 0.8rem; }} th, td {{ padding-right: 0.3rem; }} }}
@media print {{
  main {{ max-width: none; padding: 0; }}
  h2 {{ break-after: avoid; }}
  figure, tr, li {{ break-inside: avoid; }}
}}
"""


def render_html(report: Report) -> str:
    """A report whose parts stand below each other."""
    return "".join(f"{part}\n" for part in _report_parts(report, _NOTEBOOK_HEADS))


def render_page(report: Report) -> str:
    """A report as a page of its own, which fetches nothing and runs nothing."""
    body = "".join(f"{part}\n" for part in _report_parts(report, _PAGE_HEADS))
    return assemble_page(_escape(report.title), _POLICY, _STYLE, f"<main>\n{body}</main>")


def assemble_page(title: str, policy: str, style: str, body: str) -> str:
    """A page of its own. All parts are as HTML has them; `policy` says what may run in it and be fetched."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def preformatted_html(text: str) -> str:
    """A text whose lines and columns stay as they are."""
    return f"<pre>{escape(text)}</pre>\n"


def _report_parts(report: Report, heads: tuple[str, str]) -> Iterator[str]:
    yield heads[0].format(_escape(report.title), _escape(report.subtitle))
    yield from _list_html(f"{kind}: {_escape(text)} ({_escape(meaning)})" for kind, text, meaning in report.conditions)
    yield from _paragraph_html(_escape(report.lead))
    if (picture := report.picture) is not None:
        media = f"(max-width: {_NARROW_PIXELS}px)"
        narrow = f'<source media="{media}" srcset="{escape(picture.narrow)}">' if picture.narrow else ""
        image = f'<img src="{escape(picture.address)}" alt="{_escape(picture.text)}">'
        yield f"<figure><picture>{narrow}{image}</picture></figure>"
    for block in report.blocks:
        yield from _block_html(block, heads)
    yield from _paragraph_html(f"<strong>{_escape(report.verdict)}</strong>" if report.verdict else "")
    yield from _small_print((*footer_lines(report), report.citation))


def _block_html(block: Block, heads: tuple[str, str]) -> Iterator[str]:
    match block:
        case Heading(text):
            yield heads[1].format(_escape(text))
        case Lines(lines, as_list):
            texts = [_cell_html(line) for line in lines]
            yield from _list_html(texts) if as_list else _paragraph_html("<br>".join(texts))
        case Notes(notes, omitted):
            yield from _small_print((omitted, *notes))
        case Items(items):
            for item in items:
                head = " ".join(map(_cell_html, item.head))
                yield from _paragraph_html(f"{head} {_escape(item.summary)}")
                yield from _list_html(
                    f"{_cell_html(point)}{f' ({_escape(note)})' if note else ''}" for point, note in item.points
                )
        case _:
            yield "".join(_table_html(block))


def _table_html(table: Table) -> Iterator[str]:
    yield "<table>"
    heads = [column.head if column.label is None else column.label for column in table.columns]
    yield f"<thead>{_row_html('th', table, heads)}</thead><tbody>"
    yield from (_row_html("td", table, cells) for cells in table.rows if cells)
    yield "</tbody></table>"


def _row_html(tag: str, table: Table, cells: Iterable[Cell]) -> str:
    """A row without what is drawn for terminals; numbers stand to the right."""
    cells_html = (
        f'<{tag} style="text-align: {"right" if column.kind == "number" else "left"}">{_cell_html(cell)}</{tag}>'
        for column, cell in zip(table.columns, cells, strict=True)
        if column.kind != "drawing"
    )
    return f"<tr>{''.join(cells_html)}</tr>"


def _list_html(items: Iterable[str]) -> Iterator[str]:
    if markup := "".join(f"<li>{item}</li>" for item in items):
        yield f"<ul>{markup}</ul>"


def _paragraph_html(text: str) -> Iterator[str]:
    if text:
        yield f"<p>{text}</p>"


def _small_print(lines: Iterable[str]) -> Iterator[str]:
    if text := "<br>".join(_escape(line) for line in lines if line):
        yield f"<p><small>{text}</small></p>"


def _cell_html(cell: Cell) -> str:
    if isinstance(cell, str):
        return _escape(cell)
    if not isinstance(cell, StyledText):
        return " ".join(map(_cell_html, cell))
    text = _escape(cell.text)
    match cell.mark:
        case "**":
            return f"<strong>{text}</strong>"
        case "`":
            return f"<code>{text}</code>"
        case "*":
            return f"<em>{text}</em>"
    return text


def _escape(text: str) -> str:
    """Text of the file in one line, which can't be taken for markup."""
    return escape(" ".join(to_printable(text).split()))
