"""Writes the reference of docs/cli.md from the commands themselves: `python docs/generate.py --write`.

Without --write it says whether the page is as it should be, and ends with status 1 where it is not.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from usru_scenarios.cli.app import command

PAGE = Path(__file__).parent / "cli.md"
MARK = "<!-- From here on the page is written by docs/generate.py. -->\n"
SEVERAL = 3
"""An option that so many commands have in the same words is described once."""

Option = tuple[str, str]
"""How an option is written, and what it does."""


def main(arguments: list[str]) -> None:
    """Write the page, or compare it."""
    page = PAGE.read_text(encoding="utf-8")
    right = generated(page)
    match arguments:
        case ["--write"]:
            PAGE.write_text(right, encoding="utf-8")
        case [] if page == right:
            pass
        case []:
            sys.exit("docs/cli.md does not say what the commands say: run python docs/generate.py --write")
        case _:
            sys.exit(__doc__)


def generated(page: str) -> str:
    """The page with the reference that the commands of the program make."""
    return page.partition(MARK)[0] + MARK + reference()


def reference() -> str:
    """The reference of all commands, in Markdown."""
    group = command()
    context = typer.Context(group)
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    options = {name: list(_options(found)) for name, found in commands.items()}
    shared = list(_shared(options.values()))
    return "\n".join(
        [
            "\n## Options of several commands\n",
            "Each command below names those that it takes.\n",
            *_table("option", shared),
            "\n## Commands",
            *(line for name, found in commands.items() for line in _command(name, found, options[name], shared)),
            "",
        ]
    )


def _shared(options: Iterable[list[Option]]) -> Iterator[Option]:
    """What is described once: of each option the words that most commands use, where several do."""
    counted = Counter(option for found in options for option in found)
    usual: dict[str, Option] = {}
    for option, count in counted.most_common():
        if count >= SEVERAL and _name(option) not in usual:
            usual[_name(option)] = option
    yield from (option for option in counted if usual.get(_name(option)) == option)


def _name(option: Option) -> str:
    """The shortest name of an option."""
    return re.split("[, ]", option[0], maxsplit=1)[0]


def _command(name: str, found: Any, options: list[Option], shared: list[Option]) -> Iterator[str]:
    """The section of one command, by lines."""
    arguments = [parameter for parameter in found.params if parameter.param_type_name == "argument"]
    usage = " ".join(["usru", name, *map(_usage, arguments), "[OPTIONS]"])
    yield f"\n### `usru {name}`\n"
    yield from _paragraphs(found.help)
    yield f"```text\n{usage}\n```\n"
    own = [option for option in options if option not in shared]
    yield from _table("argument or option", [*map(_argument, arguments), *own])
    others = ", ".join(f"`{_name(option)}`" for option in options if option in shared)
    yield "\n" + _filled(f"[Options of several commands](#options-of-several-commands): {others}.")


def _usage(argument: Any) -> str:
    repeats = "..." if argument.nargs == -1 else ""
    written = argument.metavar if argument.metavar.endswith("]") else f"{argument.metavar}{repeats}"
    return written if argument.required else f"[{written}]"


def _argument(argument: Any) -> Option:
    default = f"  [default: {argument.default}]" if argument.default else ""
    return argument.metavar, f"{argument.help}{default}"


def _options(found: Any) -> Iterator[Option]:
    for parameter in found.params:
        if parameter.param_type_name == "option":
            names = ", ".join(sorted(parameter.opts, key=len))
            yield f"{names} {parameter.metavar or ''}".strip(), parameter.help


def _table(title: str, rows: Iterable[Option]) -> Iterator[str]:
    yield f"| {title} | what |\n|---|---|"
    for written, help_text in rows:
        text = re.sub(r"\s+\[default: (.*)\]$", r" Default: \1.", help_text).replace("|", "\\|")
        yield f"| `{written}` | {text} |"


def _paragraphs(text: str) -> Iterator[str]:
    """The description of a command: paragraphs, and examples whose lines are kept."""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            kept = textwrap.dedent(paragraph.removeprefix("\b").strip("\n"))
            yield f"```text\n{kept}\n```\n"
        else:
            yield _filled(paragraph) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    main(sys.argv[1:])
