"""How wide text is in a picture, where it is broken into lines, and how labels keep clear of one another.

Widths are those of Liberation Sans, whose letters are as wide as Arial's, by kinds of letters: right to some percent,
and rather too wide than too narrow. All lengths are in pixels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from usru_scenarios.report.document import single_line

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first comes with what draws the pictures, so that they are the same on all machines."""

_LETTER_WIDTHS = (("ijl'|", 0.23), ("ftI!.,:;/\\[]() -r", 0.32), ("csvxyzkJ", 0.53), ("mwM%", 0.86), ("W@", 0.98))
_WIDTHS = {letter: width for letters, width in _LETTER_WIDTHS for letter in letters}
_SMALL, _CAPITAL, _OTHER, _WIDE, _BOLD = 0.57, 0.73, 0.66, 1.02, 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is."""
    return sum(map(_letter_width, text)) * size * (_BOLD if bold else 1.0)


def _letter_width(letter: str) -> float:
    """The width of a letter, of a size of 1."""
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    if not letter.isascii():
        return _CAPITAL if letter.isupper() else _OTHER
    return _CAPITAL if letter.isupper() else _SMALL


def break_lines(text: str, size: float, room: float, *, bold: bool = False, most: int = 0) -> list[str]:
    """A text of a file in lines that fit; of more than `most` lines, where that is not 0, the last ends in dots."""
    lines = list(_fill_lines(_split_words(single_line(text), size, room, bold=bold), size, room, bold=bold)) or [""]
    if not most or len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and text_width(f"{last}...", size, bold=bold) > room:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip()}..."]


def _split_words(text: str, size: float, room: float, *, bold: bool) -> Iterator[tuple[str, str]]:
    """What is not broken, each with the blank before it: words, or parts of those that are wider than a line."""
    for word in text.split():
        piece, blank = "", " "
        for letter in word:
            if piece and text_width(piece + letter, size, bold=bold) > room:
                yield blank, piece
                piece, blank = "", ""
            piece += letter
        yield blank, piece


def _fill_lines(pieces: Iterable[tuple[str, str]], size: float, room: float, *, bold: bool) -> Iterator[str]:
    line = ""
    for blank, piece in pieces:
        if line and text_width(f"{line}{blank}{piece}", size, bold=bold) > room:
            yield line
            line = ""
        line = f"{line}{blank}{piece}" if line else piece
    if line:
        yield line


def max_width(texts: Iterable[str], size: float, *, bold: bool = False) -> float:
    """The width of the widest of these lines; 0 where there is none."""
    return max((text_width(text, size, bold=bold) for text in texts), default=0.0)


def spread_labels(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places of labels near those that they are for, in the same order, `gap` apart and between two ends.

    The sum of the squared moves is the least that it can be (isotonic regression by pooling neighbours: Ayer et al.,
    1955). Where there is no room for such gaps they are smaller.
    """
    count = len(places)
    if count > 1:
        gap = min(gap, (high - low) / (count - 1))
    order = sorted(range(count), key=lambda number: (places[number], number))
    pools: list[tuple[float, int]] = []
    for rank, number in enumerate(order):
        mean, size = places[number] - rank * gap, 1
        while pools and pools[-1][0] >= mean:
            other_mean, other_size = pools.pop()
            mean, size = (other_mean * other_size + mean * size) / (other_size + size), other_size + size
        pools.append((mean, size))
    means = [mean for mean, size in pools for _ in range(size)]
    top = max(high - gap * (count - 1), low)
    spread = [0.0] * count
    for rank, (number, mean) in enumerate(zip(order, means, strict=True)):
        spread[number] = min(max(mean, low), top) + rank * gap
    return spread
