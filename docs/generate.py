"""Writes what pages take from the program itself: `python docs/generate.py --write`.

That is the reference of docs/cli.md, from the commands, the tables of keys in docs/format.md, from the docstrings that
the JSON Schemas are made of too, and in docs/method.md the modules that cite each entry. Besides it puts the help texts
that `usru --help` and `usru COMMAND --help` write into the package. Without --write it says whether all are as they
should be, and ends with status 1 where one is not.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from usru_scenarios.cli.app import command
from usru_scenarios.entry import HELP, WIDTH, help_file
from usru_scenarios.model import evidence, schema
from usru_scenarios.model.values import Part
from usru_scenarios.reading import register
from usru_scenarios.schemas import describe_keys

HERE = Path(__file__).parent
PAGE, FORMAT, METHOD = HERE / "cli.md", HERE / "format.md", HERE / "method.md"
FOLDER = Path(HELP)
PACKAGE = HERE.parent / "src" / "usru_scenarios"
MARK = "<!-- From here on the page is written by docs/generate.py. -->\n"
SEVERAL = 3
"""An option that so many commands have in the same words is described once."""

Option = tuple[str, str]
"""How an option is written, and what it does."""


def main(arguments: list[str]) -> None:
    """Write the pages, or compare them."""
    if arguments not in ([], ["--write"]):
        sys.exit(__doc__)
    made = {path: make(path.read_text(encoding="utf-8")) for path, make in MADE.items()}
    made |= {FOLDER / name: text for name, text in helps().items()}
    for path, right in made.items():
        if path.exists() and path.read_text(encoding="utf-8") == right:
            continue
        if not arguments:
            sys.exit(f"{path.name} does not say what the program says: run python docs/generate.py --write")
        path.parent.mkdir(exist_ok=True)
        path.write_text(right, encoding="utf-8")


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


# The help texts ------------------------------------------------------------------------------------------------------


def helps() -> dict[str, str]:
    """The help text of `usru` and of each command, by the names of their files."""
    group = command()
    with group.make_context("usru", [], terminal_width=WIDTH - 2) as context:  # its margin
        made = {help_file(): group.get_help(context)}
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            inner = found.make_context(name, [], parent=context, resilient_parsing=True)
            made[help_file(name)] = found.get_help(inner)
    return {name: f"{text}\n" for name, text in made.items()}


# The keys of a file --------------------------------------------------------------------------------------------------

KEYS = re.compile(r"(<!-- keys of (\w+) -->\n)\n(?:(?:\|.*\n)+\n)?")
_NUMBERED = re.compile(r"^## (\d+)\. (.+)$", re.MULTILINE)


def tabulated(page: str) -> str:
    """The page of the format with the tables of keys, each after a comment that names the part that has them."""
    headings = {number: f"#{_anchor(f'{number}. {title}')}" for number, title in _NUMBERED.findall(page)}
    return KEYS.sub(lambda found: "\n".join([found[1], *_keys(found[2], headings), "\n"]), page)


def _keys(name: str, headings: dict[str, str]) -> Iterator[str]:
    """The table of the keys of a part of a file; those that many parts have stand in one row."""
    part = next(getattr(module, name) for module in (register, evidence, schema) if hasattr(module, name))
    texts, common = describe_keys(part), describe_keys(Part) if part is not Part else {}
    named = [field.alias or name for name, field in part.model_fields.items()]
    keys = [key for key in named or texts if texts[key] != common.get(key)]
    yield "| key | what | example |\n|---|---|---|"
    for key in keys:
        text = _SECTION.sub(lambda found: f"[{found[0]}]({headings[found[0]]})", texts[key].text).replace("|", "\\|")
        example = f"`{texts[key].example}`".replace("|", "\\|") if texts[key].example else ""
        yield f"| `{key}` | {text} | {example} |"
    if shared := [key for key in part.model_fields if key not in keys]:
        yield f"| {', '.join(f'`{key}`' for key in shared)} | [As everywhere](#keys-that-many-parts-have). | |"


_SECTION = re.compile(r"(?<=\(section )\d+|(?<=\(sections )\d+|(?<= and )\d+(?=\))")


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


# The method ----------------------------------------------------------------------------------------------------------

ENTRY = re.compile(r"^### \((\d+)\) [^\n]+\n.*?(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_CITED = re.compile(r"\b[Mm]ethods?\s\(((?:\d+(?:,\s|\sto\s)?)+)\)")


def located(page: str) -> str:
    """The page of the method whose entries name the modules that cite them."""
    cited: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for number in citations(path.read_text(encoding="utf-8")):
            cited[number].append(f"`{path.relative_to(PACKAGE).as_posix()}`")

    def entry(found: re.Match[str]) -> str:
        text = found[0].partition("\n- Code: ")[0].rstrip("\n")
        code = textwrap.fill(", ".join(cited[int(found[1])]), 118, initial_indent="- Code: ", subsequent_indent="  ")
        return f"{text}\n{code}.\n\n"

    return ENTRY.sub(entry, page).rstrip("\n") + "\n"


def citations(text: str) -> set[int]:
    """The entries of the method that a text cites."""
    return {number for cited in _CITED.findall(text) for number in numbers(cited)}


def numbers(text: str) -> set[int]:
    """The numbers of a list such as `3, 5 to 7 and 9`."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return found


MADE = {PAGE: generated, FORMAT: tabulated, METHOD: located}
"""How the pages are made."""


if __name__ == "__main__":
    main(sys.argv[1:])
