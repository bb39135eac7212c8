"""Answers in one of their formats, and what stands in a page of HTML."""

from __future__ import annotations

from collections import defaultdict
from html.parser import HTMLParser

from usru_scenarios.report import Layout, ReportedResult, render_report


def table(result: ReportedResult, layout: Layout) -> str:
    return render_report(result, "table", layout)


def md(result: ReportedResult, layout: Layout) -> str:
    return render_report(result, "md", layout)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and by tag the texts that stand right behind a tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: defaultdict[str, list[str]] = defaultdict(list)
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts[tag].append("")
        self._within = tag

    def handle_endtag(self, _tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[self._within][-1] += data
