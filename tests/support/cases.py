r"""Cases of texts and what is said of them, from files of `cases/`.

What is written stands at the left edge, a line of it on each line; what is said follows further in, and the hint there
after `= `. `\n` is a line break, `\u2013` a character by its number, and a line that begins with `#` a remark.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "cases"
_ESCAPE = re.compile(r"\\(?:n|u([0-9a-f]{4}))")


class Case(NamedTuple):
    """What is written, what is said of it, and what helps (empty where nothing is said to)."""

    written: tuple[str, ...]
    said: str
    hint: str = ""


def cases(name: str) -> list[Case]:
    """The cases of a file."""
    found: list[Case] = []
    written: list[str] = []
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\n", line)
        if not line.startswith(("#", "    ")):
            written += [text] if text else []
        elif line.startswith("    = "):
            found[-1] = found[-1]._replace(hint=text[6:])
        elif line.startswith("    "):
            found.append(Case(tuple(written), text[4:]))
            written = []
    assert not written, f"nothing is said of {written}"
    return found
