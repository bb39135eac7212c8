"""Colours that the colour-blind can tell apart: those of Okabe and Ito (2008), and darker ones of them for text.

Of the eight, black and yellow are left out: one is that of text, the other is not seen on white. Past the sixth the
colours begin anew with another dash.
"""

from __future__ import annotations

MARKS = ("#009E73", "#0072B2", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
"""Of lines and areas, in the order of the scenarios."""

TEXTS = ("#00755A", "#00609A", "#8A5C00", "#A84300", "#96447A", "#1C6A9B")
"""Of text about them: at least 4.5 times lighter or darker than white is, as WCAG 2.2 asks of text (1.4.3)."""

BLACK = "#000000"
INK, QUIET, RULE, GRID, PAPER = "#1A1A1A", "#595959", "#8C8C8C", "#E3E3E3", "#FFFFFF"
"""Of text, of text that explains, of lines beside the data, of the grid, and of the background."""

DASHES = ((1, 0), (5, 3), (1.5, 2.5), (9, 3, 2, 3))


def mark(place: int) -> str:
    """The colour of what has this place in an order."""
    return MARKS[place % len(MARKS)]


def text(place: int) -> str:
    """The colour of a text about it."""
    return TEXTS[place % len(TEXTS)]


def dash(place: int) -> list[float]:
    """The dash of its line: none for the first ones."""
    return list(DASHES[place // len(MARKS) % len(DASHES)])


def shade(share: float) -> str:
    """A blue for a share from 0 to 1 of the largest strength: white for none."""
    return "#" + "".join(f"{round(255 + share * (end - 255)):02X}" for end in (0x00, 0x72, 0xB2))


def text_on(ground: str) -> str:
    """The colour of text on a ground: black or white, whichever has more contrast."""
    return max((BLACK, PAPER), key=lambda ink: contrast(ink, ground))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of a colour in sRGB, from 0 to 1 (WCAG 2.2)."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
