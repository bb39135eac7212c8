"""Makes inputs that are nearly right: files of all kinds, queries, arguments and calls of the library.

A case is made from its kind and its number alone, so that it can be made again. It holds the files of a folder and the
commands that are run in it, one after the other; a model that is still valid after the changes is asked questions.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fuzz_queries import Names, Rng
from support.command import answer
from usru_scenarios.cli.commands.new import starter_text
from usru_scenarios.schemas import schema

HERE = Path(__file__).parent
MODEL = "model.yaml"
BEFORE = "before.yaml"
"""What the model was made of."""
"""The name of the file that a case is about."""
SEEN = "seen.yaml"
"""The name of the evidence file beside it."""

Json = Any


@dataclass(frozen=True)
class Case:
    """Something to run.

    Attributes:
        name: the kind and the number, which make it again.
        files: what is in the folder that it runs in.
        commands: arguments of the command line, run one after the other.
        questions: run after these, where the commands before said that the model is valid.
        calls: of the library: a method and its arguments.
        stdin: what is on standard input.
        saves: what the model is saved as, one after the other, while it is looked after (`--live`); None takes it away.
    """

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    questions: list[list[str]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stdin: bytes = b""
    saves: list[bytes | None] = field(default_factory=list)


def make(kind: str, seed: int, number: int) -> Case:
    """The case of a kind and a number."""
    rng = random.Random(f"{seed} {kind} {number}")
    return _MAKERS[kind](rng, f"{kind}:{number}")


# Base files ----------------------------------------------------------------------------------------------------------


@cache
def _small() -> dict[str, str]:
    """The small models, which every question can be asked of within a second."""
    paths = [
        *sorted((HERE / "models" / "good").glob("*.yaml")),
        *sorted((HERE / "models" / "exact").glob("*.yaml")),
        HERE / "golden" / "harbour.yaml",
    ]
    started = {"starter.yaml": starter_text(Path("starter.yaml"), alone=True)}
    return {path.name: path.read_text(encoding="utf-8") for path in paths} | started


@cache
def _large() -> str:
    return (HERE.parent / "scenarios" / "us-russia.yaml").read_text(encoding="utf-8")


@cache
def _beside() -> dict[str, bytes]:
    """What the small models name: registers, and files that they extend."""
    found = {}
    for folder, names in (("models/good", ("claims", "parts")), ("golden", ("register",))):
        for name in names:
            for path in sorted((HERE / folder / name).rglob("*.yaml")):
                found[str(path.relative_to(HERE / folder))] = path.read_bytes()
    for name, text in _small().items():
        found[name] = text.encode()
    return found


def _pick_text(rng: Rng) -> str:
    """A small model, now and then the bundled one."""
    return _large() if rng.random() < 0.04 else rng.choice(list(_small().values()))


# Files ---------------------------------------------------------------------------------------------------------------

_TOKENS = (
    *(": ", "- ", "{", "}", "[", "]", ", ", "\n", "\n  ", "\t", "#", "&a ", "*a", "!!int ", "|\n", ">-\n", "---\n"),
    *("null", "~", "true", "false", "yes", "no", "010", "1e-3", ".nan", ".inf", "-.inf", "12:30", "30%", "0,3", "\x00"),
    *(
        "\x1b[31m",
        "\u2028",
        "\ufeff",
        "\u202e",
        "é",
        "日本",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "<<: ",
        "? ",
        "2025-13",
        "<",
    ),
    *("do(", "hold", "default", "scenario", "start", "end", "at_least", "persistence", "prior_given", "allowed", "lag"),
)


def _by_bytes(rng: Rng, name: str) -> Case:
    text = _pick_text(rng)
    data = text.encode()
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = _mutated_bytes(rng, data)
    return _file_case(rng, name, data, text)


def _mutated_bytes(rng: Rng, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + rng.choice((1, 1, 2, 5, 20, 100)))
    match rng.randrange(7):
        case 0:
            return data[:start] + data[stop:]
        case 1:
            return data[:start] + data[start:stop] * rng.choice((2, 2, 3, 50)) + data[stop:]
        case 2:
            return data[:start] + bytes([rng.randrange(256)]) + data[start + 1 :]
        case 3 | 4:
            return data[:start] + rng.choice(_TOKENS).encode() + data[start:]
        case 5:
            other = rng.choice(list(_small().values())).encode()
            cut = rng.randrange(len(other))
            return data[:start] + other[cut : cut + rng.choice((10, 50, 300))] + data[stop:]
    lines = data.split(b"\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines) if rng.random() < 0.8 else data[:start]


_NUMBERS = (
    *(
        "0",
        "1",
        "-1",
        "2",
        "0.5",
        "1e-9",
        "1e-300",
        "1e-320",
        "1e9",
        "1e100",
        "1e308",
        "1e309",
        "-1e308",
        "999",
        "1001",
    ),
    *(
        "0.9999999999999999",
        "1.0000000000000002",
        "3.5",
        "-3",
        "255",
        "4294967296",
        "1" * 400,
        "0.1e",
        "[1, G01]",
        "{}",
    ),
    *("{uniform: [0, 1]}", "{uniform: [1, 1]}", "{pert: [0, 1, 5]}", "{normal: [0, 2]}", "{triangular: [0, 0, 1]}"),
    *(
        "{normal: [-50, 1]}",
        "{beta: [0.01, 0.01]}",
        "{value: 1}",
        "{value: [1]}",
        "{dirichlet: 3}",
        "[0.5]",
        "[]",
        "null",
    ),
    *("{normal: [{uniform: [0, 1]}, 1]}", "'2'", "30%", "0,3", ".nan", ".inf", "2 years", "1e400 years", "1 day", "x2"),
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")


def _by_numbers(rng: Rng, name: str) -> Case:
    text = changed = _pick_text(rng)
    places = list(_NUMBER.finditer(text))
    for place in sorted(rng.sample(places, min(len(places), rng.choice((1, 1, 2, 4)))), key=lambda m: -m.start()):
        new = rng.choice(_NUMBERS) if rng.random() < 0.6 else repr(rng.uniform(-0.5, 3) * 10 ** rng.randint(-3, 1))
        changed = changed[: place.start()] + new + changed[place.end() :]
    return _file_case(rng, name, changed.encode(), text)


_LEAVES: tuple[Json, ...] = (
    *(
        {},
        [],
        None,
        "",
        0,
        1,
        -1,
        0.5,
        True,
        False,
        "true",
        "scenario",
        "hold",
        "default",
        "x",
        "a" * 3000,
        "18 months",
    ),
    *(
        {"uniform": [0, 1]},
        {"pert": [0, 1, 2]},
        {"value": 1, "sources": ["G01"]},
        {"default": 1},
        [1, "G01"],
        1e308,
        300,
    ),
    *({"at": "start"}, {"when": {}}, [[]], {"": ""}, {"when": {"scenario": "a"}}, "> 0.5", ">= 2", "2025-01", "P(a)"),
)


@cache
def _keys() -> tuple[str, ...]:
    """All keys of the format, and the words that stand for a key in some maps."""
    found: set[str] = set()
    waiting: list[Any] = [schema("model")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.update(part.get("properties", ()))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return (*sorted(found), "default", "hold", "scenario")


def _by_structure(rng: Rng, name: str) -> Case:
    text = _pick_text(rng)
    tree = yaml.load(text, Loader=yaml.BaseLoader)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _mutate_tree(rng, tree)
    written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=rng.choice((80, 10_000)))
    return _file_case(
        rng, name, re.sub(r"'(-?[\d.]+|true|false|null)'", r"\1", written).encode("utf-8", "replace"), text
    )


def _mutate_tree(rng: Rng, tree: Json) -> None:
    """Change one place of a tree of maps and lists."""
    places = list(_places(tree))
    if not places:
        return
    home, key = rng.choice(places)
    match rng.randrange(8):
        case 0:
            del home[key]
        case 1 | 2:
            home[key] = _copied(rng.choice(_LEAVES))
        case 3:
            other_home, other_key = rng.choice(places)
            home[key] = _copied(other_home[other_key])
        case 4 if isinstance(home, dict):
            home[rng.choice(_keys())] = _copied(home[key])
        case 5 if isinstance(home, dict):
            home[rng.choice((*_keys(), "x", "true", "null", "1", "a b", "A", "ünicode", ""))] = home.pop(key)
        case 6 if isinstance(home, list):
            home.insert(rng.randrange(len(home) + 1), _copied(rng.choice(_LEAVES)))
        case 7 if isinstance(home[key], dict) and home[key]:
            for number in range(rng.choice((3, 20, 80))):
                home[key][f"more_{number}"] = _copied(rng.choice(list(home[key].values())))
        case _:
            home[key] = [_copied(home[key])] if rng.random() < 0.5 else {"default": _copied(home[key])}


def _places(tree: Json) -> Iterator[tuple[Json, Json]]:
    for key, value in list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _copied(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _by_register(rng: Rng, name: str) -> Case:
    """A sound model over a register that is not."""
    folder, model = rng.choice((("claims", "everything.yaml"), ("register", "harbour.yaml")))
    files = dict(_beside())
    chosen = rng.choice([path for path in files if path.startswith(f"{folder}/")])
    if rng.random() < 0.5:
        files[chosen] = _mutated_bytes(rng, files[chosen])
    else:
        tree = yaml.load(files[chosen], Loader=yaml.BaseLoader)
        _mutate_tree(rng, tree)
        files[chosen] = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).encode("utf-8", "replace")
    text = _small()[model]
    files[MODEL] = text.encode()
    return Case(name, files, [["validate", MODEL], ["sources", MODEL]], [["sources", MODEL, "--json"]])


def _file_case(rng: Rng, name: str, data: bytes, text: str) -> Case:
    """Reads a file, and asks questions of it where it is valid; `text` is what it was before."""
    names = Names.of(text)
    large = text == _large()
    questions = [_question(rng, names, large=large) for _ in range(1 if large else 3)]
    files = {**_beside(), MODEL: data, BEFORE: text.encode()}
    return Case(name, files, [["validate", MODEL, "--json"]], questions)


# Questions -----------------------------------------------------------------------------------------------------------


def _question(rng: Rng, names: Names, *, large: bool) -> list[str]:
    """A question about the model of the folder, small enough to be answered within a second or two."""
    form = rng.choice(("table", "json", "csv", "md", "ndjson"))
    drawn = ["-n", rng.choice(("2", "100", "512")), "--judgements", rng.choice(("0", "2", "8")), "--jobs", "1"]
    plain = ["-n", "256", "--jobs", "1"]
    data = ["-f", form if form != "ndjson" else "json"]
    told = ["-f", form if form not in ("ndjson", "csv") else "json"]
    done = _conditions(rng, names, "--do")
    seen = [] if large else _conditions(rng, names, "--given")
    changes = _changes(rng, names)
    ways: Sequence[Callable[[], list[str]]] = (
        lambda: ["simulate", MODEL, *drawn, "-f", form, *done, *seen, *changes],
        lambda: ["simulate", MODEL, "--method", rng.choice(("auto", "exact", "sample")), *told, *done, *seen],
        lambda: ["ask", names.query(rng), MODEL, *drawn, *told, *done],
        lambda: ["ask", names.query(rng), MODEL, *told],
        lambda: ["show", MODEL, *rng.choice(([], ["--resolved"], ["--json"])), *changes],
        lambda: ["sources", MODEL],
        lambda: ["explain", rng.choice((*names.scenarios, *names.groups, "x")), MODEL, *plain, *told, *done],
        lambda: ["sensitivity", MODEL, *plain, *data, *done, *seen],
        lambda: ["watch", MODEL, *plain, *data, *done, *seen],
        lambda: ["sweep", _variable(rng, names), MODEL, "-n", "64", "--jobs", "1", *data],
        lambda: ["compare", MODEL, *drawn, *data, *changes],
        lambda: ["compare", *rng.sample((MODEL, BEFORE), 2), *drawn, *data, *done],
        lambda: ["check", MODEL, "-n", "256", "--jobs", "1", *told],
        lambda: ["calibrate", MODEL, *rng.choice(([], ["--json"], ["--write"]))],
        lambda: _plot(rng, names, [*plain, *done]),
        lambda: ["page", MODEL, "--carried", "256", *plain, *changes],
        lambda: ["report", MODEL, *plain, "-f", rng.choice(("md", "html")), *done, *changes],
    )
    return rng.choice(ways[:7] if large else ways)()


def _conditions(rng: Rng, names: Names, option: str) -> list[str]:
    found = []
    while rng.random() < 0.3:
        found += [option, f"{names.atom(rng)}{rng.choice(('', '@'))}{names.time(rng) if rng.random() < 0.9 else ''}"]
    return found


def _changes(rng: Rng, names: Names) -> list[str]:
    found = []
    while rng.random() < 0.25:
        driver = rng.choice((*names.drivers, *names.rules, "x"))
        value = rng.choice((*_NUMBERS, "x1.7", "x-1", "x"))
        match rng.randrange(3):
            case 0:
                found += ["-w", f"{driver}={value}"]
            case 1:
                found += ["--set", f"drivers.{driver}.{rng.choice(_keys())}={value}"]
            case _:
                found += ["-p", rng.choice((*names.profiles, "x", "base"))]
    return found


def _plot(rng: Rng, names: Names, options: Sequence[str]) -> list[str]:
    """A picture, mostly as its specification, which needs no drawing."""
    chart = rng.choice(_CHARTS)
    subject = [_variable(rng, names)] if chart == "sweep" else []
    width = rng.choice(([], [], ["--width", rng.choice(("1", "90", "600", "5000", "1e9", "x"))]))
    form = rng.choice(("vega", "vega", "vega", "svg", "html", "mermaid", "dot", "pdf"))
    return ["plot", chart, *subject, MODEL, "-f", form, *width, *([] if chart == "influences" else options)]


_CHARTS = (
    *("forecast", "drivers", "first-visits", "compare", "sweep", "sensitivity", "watch", "history", "influences", "x"),
)


def _variable(rng: Rng, names: Names) -> str:
    name = rng.choice((*names.drivers, *names.rules, "odds_per_point", "outcome.persistence", "x", ""))
    values = ("0..2", "0..1:3", "1", "1,2", "0..1e300", "2..1", "..", "0..1:0", "0..1:1e9", "nan..1", "")
    return f"{name}={rng.choice(values)}"


def _by_query(rng: Rng, name: str) -> Case:
    text = rng.choice(list(_small().values()))
    names = Names.of(text)
    asked = [["ask", names.query(rng), MODEL, "-n", "256", "--judgements", "4", "--jobs", "1"] for _ in range(4)]
    return Case(name, {**_beside(), MODEL: text.encode()}, asked)


# Arguments -----------------------------------------------------------------------------------------------------------

_COMMANDS = (
    *("simulate", "ask", "compare", "sweep", "explain", "sensitivity", "watch", "check", "validate", "show", "sources"),
    *("schema", "new", "calibrate", "plot", "page", "report", "evidence", "ledger", "help"),
)
_OPTIONS = (
    *("-n", "--trials", "--seed", "-w", "--weight", "-p", "--profile", "--set", "--do", "--given", "--method", "-f"),
    *(
        "--judgements",
        "--format",
        "--json",
        "-o",
        "--output",
        "--wide",
        "--jobs",
        "-q",
        "--sourced-only",
        "--recalibrate",
        "--at",
        "--of",
    ),
    *(
        "--top",
        "--question",
        "--on",
        "--for",
        "--robust",
        "--mutants",
        "--variant",
        "--write",
        "--resolved",
        "--force",
        "--nope",
        "--",
    ),
    *("--evidence", "--as-of", "--add", "--learned", "--source", "--questions", "--ledger", "--date", "--message"),
    *("--from", "--width", "--carried", "--repair", "--relink", "--extend", "--as", "--confined"),
    *("--help", "--version", "-h", "--debugger", "--n", "-x"),
)
_VALUES = (
    *(
        "0",
        "1",
        "2",
        "-1",
        "1e3",
        "1e12",
        "1e400",
        "nan",
        "1.5",
        "",
        " ",
        "x",
        "auto",
        "exact",
        "sample",
        "exakt",
        "json",
    ),
    *("csv", "table", "all", "a=b", "a=", "=", "==", "time=now", "title=null", "scenarios={}", "drivers=[", "a.b.c=1"),
    *("out.json", "no/such/folder/out", ".", "..", "\x1b[31m", "日本", "a" * 300, "base", "usru=2", "name=[1]", "x2"),
)
_POSITIONALS = (
    MODEL,
    MODEL,
    "us-russia",
    "brief",
    "-",
    "nope.yaml",
    ".",
    "",
    "P(reset)",
    "reset",
    "starter.yaml",
    "new.yaml",
    "x=0..1",
    *(SEEN, "record", "history", "why", "score", "verify", "forecast", "compare", "run.json", "2025-05-01"),
)


def _by_arguments(rng: Rng, name: str) -> Case:
    text = rng.choice(list(_small().values()))
    arguments = [rng.choice(_COMMANDS)] if rng.random() < 0.97 else []
    arguments += [rng.choice(_POSITIONALS) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        arguments.append(rng.choice(_OPTIONS))
        if rng.random() < 0.75:
            arguments.append(rng.choice(_VALUES))
    if "schema" not in arguments and "new" not in arguments and rng.random() < 0.9:
        arguments += ["-n", "64"]
    files = _kept() if rng.random() < 0.3 else {**_beside(), MODEL: text.encode()}
    return Case(name, files, [arguments], stdin=text.encode())


# Evidence, ledgers and results that are kept -------------------------------------------------------------------------


@cache
def _evidence() -> str:
    """What was seen of the harbour, with resolutions."""
    text = (HERE / "models" / "evidence" / "harbour.yaml").read_text(encoding="utf-8")
    return text.replace("../../golden/harbour.yaml", MODEL)


@cache
def _kept() -> dict[str, bytes]:
    """A folder in which a forecast of the harbour was recorded three times, and results were saved."""
    plain = ["-n", "128", "--jobs", "1"]
    short = [*plain, "--judgements", "2"]
    commands = [
        ["ledger", "record", MODEL, *short, "--date", "2025-02-01"],
        ["ledger", "record", MODEL, *short, "--date", "2025-05-01", "-w", "weather=2", "-m", "a rough spring"],
        ["ledger", "record", MODEL, *short, "--date", "2025-08-20", "--evidence", SEEN],
        ["simulate", MODEL, *short, "-o", "run.json"],
        ["compare", MODEL, *short, "-p", "sailor", "-o", "compare.json"],
        ["sweep", "weather=0..2:3", MODEL, *plain, "-o", "sweep.json"],
        ["sensitivity", MODEL, *plain, "-o", "sensitivity.json"],
        ["watch", MODEL, *plain, "-o", "watch.json"],
    ]
    with tempfile.TemporaryDirectory(prefix="usru-fuzz-") as name:
        folder = Path(name)
        files = {**_beside(), MODEL: _small()["harbour.yaml"].encode(), SEEN: _evidence().encode()}
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        for command in commands:
            done = answer(*command, folder=folder)
            if done.returncode:
                raise ValueError(done.stderr)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


_DAYS = ("2025-02-12", "2025-08-15", "2025-01-01", "1999-01-01", "2025-13-01", "2026-06-30", "x", "")


def _mutated_text(rng: Rng, text: str) -> bytes:
    """A YAML text that is changed by bytes, by numbers or by structure."""
    match rng.randrange(3):
        case 0:
            return _mutated_bytes(rng, text.encode())
        case 1:
            place = rng.choice(list(_NUMBER.finditer(text)))
            return (text[: place.start()] + rng.choice((*_NUMBERS, *_DAYS)) + text[place.end() :]).encode()
    tree = yaml.load(text, Loader=yaml.BaseLoader)
    for _ in range(rng.choice((1, 1, 2))):
        _mutate_tree(rng, tree)
    written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return re.sub(r"'(-?[\d.]+|true|false|null|\d{4}-\d\d-\d\d)'", r"\1", written).encode("utf-8", "replace")


def _item(rng: Rng, names: Names) -> str:
    """An item as `--add` takes it, which may be none."""
    one = f"{rng.choice((*names.drivers, 'scenario', 'x'))} @ {names.step(rng)}"
    state = rng.choice((*names.scenarios, "weather.storm", "dispute.loud", "x"))
    forms = (
        f"seen: {names.event(rng)} @ {names.time(rng)}",
        f"about: {one}, likelihood: {{loud: {rng.choice(_NUMBERS)}, default: 1}}",
        f"{{about: {one}, likelihood: {{storm: 2, calm: {rng.choice(_NUMBERS)}}}}}",
        f"signpost: {{of: {state}, at: {names.step(rng)}, found: {rng.choice(('true', 'x'))}, if_so: .7, if_not: .2}}",
        *("", "x", "seen", "seen:", "{", "a: [", "null", "seen: 1", "- x"),
    )
    return rng.choice(forms)


def _by_evidence(rng: Rng, name: str) -> Case:
    """A sound model, and what was seen of it, which is not."""
    names = Names.of(_small()["harbour.yaml"])
    changed = _mutated_text(rng, _evidence()) if rng.random() < 0.8 else _evidence().encode()
    files = {**_beside(), MODEL: _small()["harbour.yaml"].encode(), SEEN: changed}
    plain = ["-n", "256", "--jobs", "1"]
    run = [*plain, "--judgements", rng.choice(("0", "4"))]
    seen = ["--evidence", SEEN, *rng.choice(([], ["--as-of", rng.choice(_DAYS)]))]
    told = ["-f", rng.choice(("table", "json", "md"))]
    asked = (
        ["simulate", MODEL, *run, *seen, "-f", rng.choice(("table", "json", "csv", "ndjson", "md"))],
        ["ask", names.query(rng), MODEL, *run, *seen, *told],
        ["watch", MODEL, *plain, *seen, *told],
        ["explain", rng.choice(names.scenarios), MODEL, *plain, *seen, *told],
        ["compare", MODEL, *run, *seen, *told],
        ["sweep", _variable(rng, names), MODEL, *plain, *seen, *told],
        ["check", MODEL, *run, *seen, *told],
        ["sensitivity", MODEL, *plain, *seen, *told],
        ["page", MODEL, "--carried", "256", *run, *seen],
        ["plot", rng.choice(_CHARTS), MODEL, *plain, *seen, "-f", "vega"],
        ["ledger", "record", MODEL, *run, *seen, "--date", rng.choice(_DAYS)],
    )
    added = ["evidence", SEEN, "--add", _item(rng, names), "--learned", rng.choice(_DAYS)]
    first = ["evidence", SEEN, MODEL, *run, *rng.choice(([], seen[2:])), *told]
    return Case(name, files, [first, rng.choice((rng.choice(asked), rng.choice(asked), added))])


def _by_ledger(rng: Rng, name: str) -> Case:
    """A ledger with a fault in its records, in a model or in the resolutions."""
    files = dict(_kept())
    records = "forecasts/forecasts.jsonl"
    changed = rng.choice(
        (records, records, records, rng.choice([one for one in files if one.startswith("forecasts/")]))
    )
    if changed == records and rng.random() < 0.6:
        lines = files[records].decode().splitlines()
        place = rng.randrange(len(lines))
        record = json.loads(lines[place])
        _mutate_tree(rng, record)
        lines[place] = json.dumps(record, separators=(",", ":"))
        files[records] = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    else:
        files[changed] = _mutated_bytes(rng, files[changed])
    questions = {"a": {"came_true": rng.choice(("true", "false", "x")), "resolved": rng.choice(_DAYS)}}
    if rng.random() < 0.3:
        files[SEEN] += yaml.safe_dump({"resolutions": questions}).encode()
    told = ["-f", rng.choice(("table", "json", "csv", "ndjson", "md"))]
    asked = (
        ["ledger", "verify", *rng.choice(([], ["--repair"], ["--relink"])), *told],
        ["ledger", "history", *rng.choice(([], ["open"], ["weather.storm"], ["x"])), *told],
        ["ledger", "why", *rng.choice(([], ["1", "2"], ["1", "3"], ["2025-02-01", "2025-09-01"], ["0", "x"])), *told],
        ["ledger", "score", "--evidence", SEEN, *told],
        ["plot", "history", "-f", "vega"],
    )
    return Case(name, files, [rng.choice(asked) for _ in range(2)])


def _by_result(rng: Rng, name: str) -> Case:
    """A picture of a result that was saved and changed since."""
    files = dict(_kept())
    saved = rng.choice([one for one in files if one.endswith(".json")])
    if rng.random() < 0.5:
        files[saved] = _mutated_bytes(rng, files[saved])
    else:
        tree = json.loads(files[saved])
        for _ in range(rng.choice((1, 1, 3))):
            _mutate_tree(rng, tree)
        files[saved] = json.dumps(tree).encode("utf-8", "replace")
    chart = rng.choice(([], [], [rng.choice(_CHARTS)]))
    return Case(name, files, [["plot", *chart, "--from", saved, "-f", rng.choice(("vega", "vega", "vega", "html"))]])


# The library ---------------------------------------------------------------------------------------------------------

_ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        1,
        -1,
        2,
        2.5,
        100.0,
        1e5,
        float("nan"),
        float("inf"),
        10**30,
        "",
        "x",
        "end",
        "exact",
        "exakt",
        b"x",
    ),
    *([], ["x"], ["x=1"], [None], [1], {}, {"x": ["a=b"]}, {"x": 1}, (), object, Path("x"), "mean", "2025-Q1", "now"),
)
_METHODS: dict[str, tuple[str, ...]] = {
    "simulate": ("trials", "seed", "method", "judgements", "do", "given"),
    "ask": ("query", "trials", "seed", "method", "judgements", "do", "given"),
    "explain": ("question", "trials", "seed", "method", "do", "given"),
    "watch": ("on", "horizon", "of", "trials", "seed", "method", "do", "given"),
    "sensitivity": ("of", "at", "questions", "trials", "seed", "method", "do", "given"),
    "check": ("robust", "mutants", "trials", "seed", "method"),
    "varied": ("profile", "weights", "overrides"),
    "compare": ("others", "name", "do", "trials", "seed", "method", "judgements"),
    "sweep": ("variables", "at", "do", "trials", "seed", "method"),
    "calibrate": ("seed",),
    "load": ("profile", "weights", "overrides", "sourced_only", "recalibrate"),
}
_SOUND: dict[str, dict[str, Any]] = {
    "ask": {"query": "P(open @ end)"},
    "explain": {"question": "open"},
    "compare": {"others": {}},
    "sweep": {"variables": ["weather=0..1:2"]},
}
_PLAUSIBLE: dict[str, tuple[Any, ...]] = {
    "trials": (2, 100, 1e3, 257),
    "seed": (0, 7, 2**40),
    "method": ("auto", "exact", "sample"),
    "judgements": (0, 2, 16),
    "do": ([], ["weather=storm"], ["weather=calm@2025-Q2", "dispute=loud"], ["traffic=3"], ("scenario=open@end",)),
    "given": (
        [],
        ["weather=storm@start"],
        ["traffic>5@ever"],
        ["open@always", "dispute=quiet@2025-Q3"],
        ["shut@by end"],
    ),
    "query": ("P(open | weather=storm)", "P(open) > P(shut)", "odds(P(shut @ ever))", "P(open | do(weather=storm))"),
    "question": ("shut", "either", "open @ 2025-Q2"),
    "of": ("open", "either", None),
    "at": ("end", "mean", ["start"], "2025-Q3"),
    "questions": (["drivers"], ["moves", "weights"], ["judgements"]),
    "profile": ("sailor", None),
    "weights": ({"weather": 2}, {"weather": "x0.5"}, ["storm_and_dispute=0"]),
    "overrides": ({"odds_per_point": 2}, {"outcome.persistence": 0.1}, ["title=x"]),
    "variables": (["odds_per_point=1.5,2"], {"weather": [0, 1]}, "outcome.persistence=0..1:2"),
    "on": ("2025-Q2", None),
    "horizon": ("end", "2025-Q3"),
    "robust": (0, 1),
    "mutants": (0, 2),
    "name": ("a", "other"),
    "sourced_only": (True,),
    "recalibrate": (True,),
}
_FEW = {"simulate", "ask", "explain", "watch", "sensitivity", "compare", "sweep"}


def _by_library(rng: Rng, name: str) -> Case:
    """Calls of the library with a few plausible or odd arguments; the model is the harbour."""
    method = rng.choice(list(_METHODS))
    arguments: dict[str, Any] = {**_SOUND.get(method, {})}
    if method in _FEW:
        arguments["trials"] = 128
    for argument in rng.sample(_METHODS[method], rng.randint(1, min(len(_METHODS[method]), 3))):
        odd = argument not in _PLAUSIBLE or rng.random() < 0.3
        arguments[argument] = rng.choice(_ODD if odd else _PLAUSIBLE[argument])
    if isinstance(arguments.get("robust"), float):
        arguments["robust"] = 1.5  # as many perturbed models as some of the others say take hours, by right
    return Case(name, {**_beside(), MODEL: _small()["harbour.yaml"].encode()}, calls=[(method, arguments)])


# A file that is being edited -----------------------------------------------------------------------------------------


def _by_live(rng: Rng, name: str) -> Case:
    """A sound model that is saved with slips, taken away, and saved as it was."""
    text = rng.choice(list(_small().values()))
    names = Names.of(text)
    makers = (_by_bytes, _by_structure, _by_numbers)
    slips = [rng.choice(makers)(rng, name).files.get(MODEL) for _ in range(rng.randint(1, 3))]
    sound = [text.encode(), f"{text}\n# saved again\n".encode()]
    saves = [*slips, *([None] if rng.random() < 0.2 else []), *rng.sample(sound, rng.randint(1, 2))]
    conditions = [*_conditions(rng, names, "--do"), *_conditions(rng, names, "--given"), *_changes(rng, names)]
    options = conditions if rng.random() < 0.3 else []  # most that make no sense end the command at once
    command = ["simulate", MODEL, "--live", "-n", "64", "--judgements", rng.choice(("0", "2")), "--jobs", "1", *options]
    return Case(name, {**_beside(), MODEL: text.encode()}, [command], saves=saves)


_MAKERS: dict[str, Callable[[Rng, str], Case]] = {
    "bytes": _by_bytes,
    "structure": _by_structure,
    "numbers": _by_numbers,
    "register": _by_register,
    "queries": _by_query,
    "arguments": _by_arguments,
    "evidence": _by_evidence,
    "ledger": _by_ledger,
    "results": _by_result,
    "library": _by_library,
    "live": _by_live,
}
KINDS = tuple(_MAKERS)
"""What is made odd."""
