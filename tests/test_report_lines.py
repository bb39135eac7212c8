"""Reports of lines alone are drawn as rich draws them, to the byte."""

from __future__ import annotations

import re
import sys

import pytest
from rich.cells import cell_len
from rich.style import Style

from usru_scenarios.report import Layout, document, lines
from usru_scenarios.report.document import Heading, Items, Lines, Notes, Report, ShownCondition, StyledText
from usru_scenarios.report.terminal import render_terminal

LONG = "a text with  blanks of a few words \u2013 21.08% ± 0.05 points, 90% band 16\u201327% \u2014 and a-long word. "


def a_report(text: str) -> Report:
    """One of every kind of line."""
    return Report(
        title=f"P(reset @ end) {text}",
        subtitle="us-russia",
        lead=text,
        conditions=[ShownCondition("do", f"sanctions=eased {text}", "imposed"), ShownCondition("given", "a", text)],
        blocks=[
            Lines(
                (StyledText(text, "bold", "**"), StyledText("(in 2028-Q4)", "dim"), StyledText(""), StyledText(text))
            ),
            Heading(text),
            Notes((text, "a note"), omitted=text),
            Notes(("a note",)),
        ],
        footer=[text, "", "the end"],
        verdict=text,
        citation=f"Cite as: {text}",
        more=text,
    )


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("text", ["", "short", LONG, LONG * 3, "Сценарий: «сближение» и μ, Ελλάδα, café", "x" * 24])
def test_they_are_drawn_as_rich_draws_them(text: str, *, colour: bool) -> None:
    report = a_report(text)
    for width in (24, 25, 26, 27, 40, 79, 80, 81, 120, 300):
        layout = Layout(width=width, colour=colour)
        assert lines.render_lines(report, layout) == render_terminal(report, layout), width


def test_what_only_rich_can_draw_is_left_to_it() -> None:
    layout = Layout(width=24)
    simple = a_report("short")
    assert lines.render_lines(simple, layout) is not None
    for text in ("x" * 25, "国", "e\u0301", "\U0001f600", "a\u200bb"):
        assert lines.render_lines(a_report(text), layout) is None
    assert lines.render_lines(simple._replace(blocks=[Items(())]), layout) is None
    assert lines.render_lines(simple._replace(blocks=[document.Table((), ())]), layout) is None
    assert lines.render_lines(simple._replace(blocks=[Heading("a", "bold green")]), layout) is None


def test_their_signs_take_up_one_column_each() -> None:
    known = re.compile(lines.SINGLE_WIDTH)
    signs = [chr(one) for one in range(sys.maxunicode + 1) if known.fullmatch(chr(one)) and chr(one).isprintable()]
    assert len(signs) > 700
    assert {cell_len(sign) for sign in signs} == {1}


def test_their_styles_are_those_of_rich() -> None:
    for style, code in lines.SGR.items():
        assert Style.parse(style).render("x") == (f"\x1b[{code}mx\x1b[0m" if code else "x")
