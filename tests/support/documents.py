"""Documents whose examples are run: blocks of code, and commands with what they print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: the language, the rest of the line that opens it, and the text."""

    language: str
    options: str
    text: str


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a Markdown file that name a language."""
    return [Block(*found) for found in _BLOCK.findall(document.read_text(encoding="utf-8"))]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it prints.

    A command stands after `$ ` and goes on after `> `.
    """
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *printed = part.rstrip("\n").split("\n")
        while printed and printed[0].startswith("> "):
            command += "\n> " + printed.pop(0).removeprefix("> ")
        while printed and not printed[-1]:
            printed.pop()
        yield command, printed


def matches(printed: list[str], wanted: list[str]) -> bool:
    """Whether lines are as wanted, `...` standing for any of them."""
    if not wanted:
        return not printed
    if wanted[0] == "...":
        return any(matches(printed[skipped:], wanted[1:]) for skipped in range(len(printed) + 1))
    return bool(printed) and printed[0].rstrip() == wanted[0].rstrip() and matches(printed[1:], wanted[1:])


def console(answered: Iterable[tuple[str, list[str]]]) -> str:
    """The text of a console block with these commands and what they print."""
    lines = [line.rstrip() for command, printed in answered for line in (f"$ {command}", *printed)]
    return "\n".join(lines) + "\n"


def rewrite(document: Path, texts: Mapping[int, str]) -> None:
    """Put other texts into blocks of the document, by their number in `blocks`."""
    text = document.read_text(encoding="utf-8")
    for number, found in reversed(list(enumerate(_BLOCK.finditer(text)))):
        if number in texts:
            text = text[: found.start(3)] + texts[number] + text[found.end(3) :]
    document.write_text(text, encoding="utf-8")
