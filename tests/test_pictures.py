"""The pictures of docs/ are those that the commands beside them draw.

`USRU_WRITE_PICTURES=1 pytest tests/test_pictures.py tests/test_docs.py --all` draws them anew, with the extra pictures;
those of other pages than docs/pictures.md are drawn within the page's own examples, by tests/test_docs.py.
"""

from __future__ import annotations

import json
import os
import re
import shlex

import pytest

from support.command import HERE, answer
from usru_scenarios.cli.pictures import fingerprint

ROOT = HERE.parent
COMMANDS = {
    found[1]: found[0]
    for found in re.findall(
        r"^usru (plot\b.*?) -o docs/(pictures/\S+)$", (ROOT / "docs/pictures.md").read_text("utf-8"), re.MULTILINE
    )
}
QUICK = ("influences", "history")
"""Charts that nothing is drawn at random for; the others take seconds."""
CASES = [
    pytest.param(file, command, marks=() if any(name in command for name in QUICK) else pytest.mark.slow)
    for file, command in COMMANDS.items()
]


def noted(svg: str) -> list[str]:
    """The hashes of specifications that a picture holds."""
    return re.findall(r'data-specification="(\w+)"', svg)


@pytest.mark.parametrize(("file", "command"), CASES)
def test_a_picture_is_the_one_that_its_command_draws(file: str, command: str) -> None:
    path = ROOT / "docs" / file
    if os.environ.get("USRU_WRITE_PICTURES"):
        assert answer(*shlex.split(command), "-q", "-o", str(path)).returncode == 0
    made = answer(*shlex.split(command), "-q", "-f", "vega")
    assert made.returncode == 0
    assert noted(path.read_text("utf-8")) == [fingerprint(json.loads(made.stdout))], "USRU_WRITE_PICTURES=1 draws it"


def test_every_picture_has_its_command_and_is_shown() -> None:
    page = (ROOT / "docs/pictures.md").read_text("utf-8")
    shown = re.findall(r"\]\((pictures/\S+)\)", page)
    assert sorted(shown) == sorted(COMMANDS)
    there = sorted(f"pictures/{path.name}" for path in (ROOT / "docs/pictures").iterdir())
    assert there == sorted([*COMMANDS, *drawn_on_pages()])


def drawn_on_pages() -> list[str]:
    """The pictures that examples of other pages draw, each of which is shown there."""
    found = []
    for page in (ROOT / "docs").glob("*.md"):
        text = page.read_text("utf-8")
        names = re.findall(r"^\$ usru plot\b.* -o (\S+\.svg)$", text, re.MULTILINE)
        assert all(f"](pictures/{name})" in text for name in names), page
        found += [f"pictures/{name}" for name in names]
    return found


def test_sabotaged_a_picture_of_something_else_is_noticed() -> None:
    one, other = ((ROOT / "docs" / file).read_text("utf-8") for file in list(COMMANDS)[:2])
    assert noted(one) != noted(other)
