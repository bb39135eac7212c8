"""The pages of docs/ say what is true: their models are valid, and their commands and queries answer as they say.

A block `yaml` whose first line is a comment with a name is that file, which the blocks below it can use. A block
`yaml over=FILE` is a fragment: it is laid over that file, under the name example.yaml. A block `yaml add=FILE` is
added at the end of that file; one that is a fault is taken out again before the next is added. Each model has
neither faults nor warnings, unless the block is marked `fault` or `warning`; then a block `console` after it shows
what is said.

A block `console` holds commands of `usru` after `$ ` and what they print, standard error included; a line `...`
stands for any lines. `echo $?` shows the exit status of the command before it. A block `console needs=TOOLS` holds
lines of a shell, which run where these tools are. A picture that `usru plot -o NAME.svg` draws is
docs/pictures/NAME.svg; `USRU_WRITE_PICTURES=1` draws it anew.

A block `text ask=FILE` holds queries of that file, each with its answer: `QUERY  ->  ANSWER`. The blocks `python` of a
page run one after the other with the same names, `python needs=LIBRARY` only where the library is; `text printed` is
what the one before prints.

`USRU_WRITE_DOCS=1 pytest tests/test_docs.py` writes what is printed and answered into the pages.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from docs.generate import KEYS, generated, tabulated
from support.command import COMMAND, answer, environment
from support.documents import Block, blocks, commands, console, matches, rewrite
from usru_scenarios.cli.pictures import fingerprint
from usru_scenarios.schemas import NAMES, schema

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))

RUN = ("api", "cli", "format", "keeping-a-forecast", "queries", "reading-results", "recipes", "tutorial")
"""The pages with examples."""

SEARCHED = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
"""Where tools are looked for: beside this Python, as an environment has them, and then anywhere."""

EXAMPLE = "example.yaml"
NAMED = re.compile(r"# ([\w./-]+\.yaml)\n")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
ANSWERED = re.compile(r"(?P<query>.+?)  +->  +(?P<answer>.+)")


class Page:
    """Runs the examples of a page, one after the other, in a folder of its own."""

    def __init__(self, path: Path, place: Path) -> None:
        self.path = path
        self.place = place
        self.status = 0
        self.ran = 0
        self.names: dict[str, Any] = {}
        self.printed = ""
        self.right: dict[Path, str] = {}
        """Files that blocks add to, as they are without faults."""

    def run(self, *, writes: bool = False) -> None:
        found, written = blocks(self.path), dict[int, str]()
        for number, (block, after) in enumerate(zip_longest(found, found[1:])):
            match block.language:
                case "yaml":
                    self._model(block, after)
                case "console":
                    written[number] = self._console(block, writes=writes)
                case "text" if block.options == "printed":
                    assert writes or block.text == self.printed, self.printed
                    written[number] = self.printed
                case "text" if block.options:
                    written[number] = self._queries(block, writes=writes)
                case "python":
                    self._python(block)
                case _:
                    continue
            self.ran += 1
        if writes:
            rewrite(self.path, written)

    def _model(self, block: Block, after: Block | None) -> None:
        named = NAMED.match(block.text)
        over = re.search(r"over=(\S+)", block.options)
        added = re.search(r"add=(\S+)", block.options)
        assert named or over or added, f"a model is named, laid over another or added to one:\n{block.text}"
        file = self.place / (named[1] if named else added[1] if added else EXAMPLE)
        file.parent.mkdir(exist_ok=True)
        before = self.right[file] if added else ""
        file.write_text(before + block.text + (_head(over[1]) if over else ""), encoding="utf-8")
        self.right[file] = before if "fault" in block.options else before + block.text
        if not re.search(r"^usru:", file.read_text(encoding="utf-8"), re.MULTILINE):
            return  # a file of a register, or laid over another
        if "\nkind: evidence\n" in block.text:
            done = answer("evidence", file.name, folder=self.place)
            assert (done.returncode, done.stderr) == (0, ""), f"{block.text}\n{done.stderr}"
            return
        if "fault" in block.options or "warning" in block.options:
            assert after is not None, block.text
            assert after.language == "console", block.text
            return
        done = answer("validate", file.name, folder=self.place)
        assert (done.returncode, done.stderr) == (0, ""), f"{block.text}\n{done.stderr}{done.stdout}"

    def _python(self, block: Block) -> None:
        code = compile(block.text, str(self.path), "exec")
        needed = re.search(r"needs=(\S+)", block.options)
        if needed and find_spec(needed[1]) is None:
            return
        with contextlib.chdir(self.place), contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.names)
        self.printed = printed.getvalue()

    def _console(self, block: Block, *, writes: bool) -> str:
        """The block as it should be."""
        right = []
        needed = re.findall(r"[\w-]+", block.options.removeprefix("needs="))
        if any(shutil.which(tool, path=SEARCHED) is None for tool in needed):
            return block.text
        for command, wanted in commands(block.text):
            found = in_shell(command, self.place) if needed else self._printed(command)
            assert writes or matches(found, wanted), "\n".join([f"$ {command}", *found])
            right.append((command, left_out(found, wanted)))
        return console(right)

    def _printed(self, command: str) -> list[str]:
        if command == "echo $?":
            return [str(self.status)]
        words = shlex.split(command.replace("\n> ", "\n"))
        variables = [word.partition("=") for word in words[: words.index("usru")]]
        arguments = self._drawn(words[len(variables) + 1 :])
        done = answer(*arguments, folder=self.place, **{name: value for name, _, value in variables})
        self.status = done.returncode
        lines = (done.stdout + done.stderr).rstrip("\n").split("\n")
        return lines if lines != [""] else []

    def _drawn(self, arguments: list[str]) -> list[str]:
        """The arguments of the command; of one that draws a picture, once the picture in docs/ is seen to be that."""
        if arguments[0] != "plot" or not arguments[-1].endswith(".svg"):
            return arguments
        picture = ROOT / "docs" / "pictures" / arguments[-1]
        if os.environ.get("USRU_WRITE_PICTURES"):
            assert answer(*arguments[:-1], str(picture), "-q", folder=self.place).returncode == 0
        made = answer(*arguments[:-2], "-q", "-f", "vega", folder=self.place)
        noted = re.findall(r'data-specification="(\w+)"', picture.read_text("utf-8"))
        assert noted == [fingerprint(json.loads(made.stdout))], "USRU_WRITE_PICTURES=1 draws it"
        return [*arguments[:-1], picture.with_suffix(".json").name]

    def _queries(self, block: Block, *, writes: bool) -> str:
        """The block as it should be."""
        (file,) = re.findall(r"ask=(\S+)", block.options)
        asked = [_query(line) for line in block.text.splitlines()]
        width = max(map(len, asked))
        right = "".join(f"{query:<{width}}  ->  {self._answer(query, file)}\n" for query in asked)
        assert writes or right == block.text, right
        return right

    def _answer(self, query: str, file: str) -> str:
        done = answer("ask", query, file, "--json", "-q", folder=self.place)
        assert not done.returncode, f"{query}\n{done.stderr}"
        data = json.loads(done.stdout)
        assert data["method"] == "exact", f"{query} is sampled"
        if "holds" in data:
            return "holds" if data["holds"] else "fails"
        return f"{data['value']:.4f}"


def in_shell(command: str, place: Path) -> list[str]:
    """What a line of a shell prints, `usru` and the tools beside this Python being at hand."""
    script = f'usru() {{ {shlex.join(COMMAND)} "$@"; }}\n{command}'
    environ = environment(PATH=SEARCHED)
    done = subprocess.run(["bash", "-c", script], cwd=place, env=environ, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).rstrip("\n").splitlines()


def left_out(found: list[str], wanted: list[str]) -> list[str]:
    """The lines that are printed, without as many as `...` stands for; as they are wanted where there are several."""
    if wanted.count("...") != 1:
        return wanted if "..." in wanted else found
    at = wanted.index("...")
    return [*found[:at], "...", *found[max(at, len(found) - (len(wanted) - at - 1)) :]]


def _head(over: str) -> str:
    """What a fragment lacks to be a file; at its end, so that lines are counted as the page shows them."""
    return f"usru: 1\nname: example\ntitle: Example\nextends: {over}\n"


def _query(line: str) -> str:
    found = ANSWERED.fullmatch(line)
    return found["query"] if found else line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_examples_of_a_page(path: Path, tmp_path: Path) -> None:
    page = Page(path, tmp_path)
    page.run(writes=bool(os.environ.get("USRU_WRITE_DOCS")))
    assert page.ran or path.stem not in RUN


ADDED = "```yaml add=base.yaml{}\n{}\n```\n"
SAID = "```console\n$ usru validate base.yaml\n{}\n```\n"
VALID = "base is valid: 1 step, 2 scenarios"

BASE = """
```yaml
# base.yaml
usru: 1
name: base
title: Base
scenarios: {thaw: 0.25, freeze: 0.75}
```
"""


@pytest.mark.parametrize(
    ("example", "right"),
    [
        ("```text ask=base.yaml\nP(thaw)  ->  0.2500\n```", True),
        ("```text ask=base.yaml\nP(thaw)  ->  0.2600\n```", False),
        ("```yaml over=base.yaml\ndrivers: {idle: {states: {a: 1, b: 1}}}\n```", False),
        ("```yaml over=base.yaml\nscenarios: {thaw: 3, freeze: 3}\n```", True),
        ("```yaml over=base.yaml\nscenaros: {thaw: 3}\n```", False),
        ("```yaml over=base.yaml fault\nscenaros: {thaw: 3}\n```", False),
        (
            "```yaml over=base.yaml fault\nscenaros: {thaw: 3}\n```\n```console\n$ usru validate example.yaml\n```",
            False,
        ),
        ("```console\n$ usru validate base.yaml\nbase is valid: 1 step, 2 scenarios\n$ echo $?\n0\n```", True),
        ("```console\n$ usru validate base.yaml\nbase is valid: ...\n```", False),
        ("```python\nassert False\n```", False),
        ("```python\nfour = 4\n```\n```python\nprint(four)\n```\n```text printed\n4\n```", True),
        ("```python\nfour = 4\n```\n```python\nprint(four)\n```\n```text printed\n5\n```", False),
        ("```python needs=no_such_library\nimport no_such_library\n```", True),
        ("```python needs=json\nassert False\n```", False),
        (ADDED.format("", "groups: {any: [thaw, freeze]}") + "```text ask=base.yaml\nP(any)  ->  1.0000\n```", True),
        (ADDED.format("", "groups: {any: [thaw, freezes]}"), False),
        (ADDED.format(" fault", "groups: {any: [freezes]}") + SAID.format("..."), True),
        (ADDED.format(" fault", "groups: {any: [freezes]}") + SAID.format(VALID), False),
        (
            ADDED.format(" fault", "groups: {any: [freezes]}")
            + SAID.format("...")
            + ADDED.format("", "groups: {any: [freeze]}")
            + SAID.format(f"{VALID}, 1 group"),
            True,
        ),
    ],
)
def test_a_wrong_example_is_noticed(example: str, right: bool, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"{BASE}\n{example}\n", encoding="utf-8")
    with contextlib.nullcontext() if right else pytest.raises(AssertionError):
        Page(path, tmp_path).run()


@pytest.mark.parametrize(
    ("printed", "wanted", "written"),
    [
        ("a b c", "x ...", "a ..."),
        ("a b c", "... x", "... c"),
        ("a b c", "x ... x", "a ... c"),
        ("a", "x ... x", "a ..."),
        ("a b c", "x", "a b c"),
        ("a b c", "x ... y ...", "x ... y ..."),
    ],
)
def test_lines_that_are_left_out_stay_out(printed: str, wanted: str, written: str) -> None:
    assert left_out(printed.split(), wanted.split()) == written.split()


# The reference of the commands


def test_the_reference_says_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == generated(page), "run python docs/generate.py --write"


def test_every_command_and_option_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    helps = answer("--help").stdout.partition("Commands:")[2]
    for command in re.findall(r"^  (\w+)", helps, re.MULTILINE):
        section = page.partition(f"### `usru {command}`")[2].partition("### ")[0]
        options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", answer(command, "--help").stdout, re.MULTILINE)
        assert section, command
        assert all(f"{option} " in page or f"{option}`" in page for option in options if option != "--help"), command


def test_help_names_every_schema() -> None:
    assert set(NAMES) <= set(re.findall(r"\w+", answer("schema", "--help").stdout))


def test_help_of_ask_has_all_words_of_the_language() -> None:
    page = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    grammar = page.partition("## Grammar")[2]
    words = set(re.findall(r'"([A-Za-z]+)"', grammar)) | set(re.findall(r'"([|@<>+*/=-]|\.\.)"', grammar))
    assert {"ever", "each", "profile", "odds", "..", "@"} <= words
    told = answer("ask", "--help").stdout.partition("Arguments:")[0]
    assert {word for word in words if word not in told} == set()
    assert "docs/queries.md" in told
    assert max(map(len, told.splitlines())) <= 80


# What is there is told


def test_the_tables_of_keys_say_what_the_schemas_say() -> None:
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    assert page == tabulated(page), "run python docs/generate.py --write"
    tables = {part for _, part in KEYS.findall(page)}
    parts = {name for name, part in schema("model")["$defs"].items() if "Overlay" not in name and any(keys(part))}
    values = {"Distribution", "Keep", "Number", "OddsPerPoint", "Uncertain", "DirichletPrior"}
    assert parts - values - {"File", "Overrides", "Numeric"} <= tables
    assert {"Model", "Part", "Judgement", "OddsPerPoint", "SourceDocument", "Claim"} <= tables


def keys(schema: Any) -> Iterator[str]:
    """All keys that a schema knows by name."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from keys(part)


def test_every_key_of_a_file_is_on_its_page() -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / "format.md").read_text(encoding="utf-8")))
    known = set(keys(schema("model")))
    assert {"persistence", "prior_given", "at_least"} <= known
    assert known <= words


def test_the_glossary_is_in_order() -> None:
    terms = HEADING.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))[1:]
    assert terms == sorted(terms, key=str.lower)
    assert len(set(terms)) == len(terms) > 50


def test_the_first_page_leads_to_all_others() -> None:
    first = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert {path.name for path in PAGES} - {"index.md"} <= set(LINK.findall(first))


# Links


DOCUMENTS = [*PAGES, *sorted(ROOT.glob("*.md"))]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts and the site make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def broken_links(path: Path) -> Iterator[str]:
    """The links of a page to files and headings that are not there."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(text):
        target, _, anchor = link.partition("#")
        file = (path.parent / target) if target else path
        if "://" not in link and (not file.exists() or (anchor and anchor not in anchors(file))):
            yield link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    assert not list(broken_links(path))


def test_a_link_to_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b`, c\n[1](#a-b-c) [2](page.md#a-b-c) [3](#a) [4](none.md) [5](https://x)\n", encoding="utf-8"
    )
    assert list(broken_links(page)) == ["#a", "none.md"]
