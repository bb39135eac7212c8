"""Holds the outputs of all commands byte for byte: a hash of each, so that whoever changes the code sees what changed.

    python tests/pins.py                     check all against pins.json (-j 2: on two cores; --only TEXT: some)
    python tests/pins.py --write             write the hashes of what comes out now
    python tests/pins.py --show 'CASE'       what a case puts out now; any command line will do
    python tests/pins.py --save FOLDER       all outputs as files, so that `diff -r` compares two versions

A case is its command line, with the width before it where the output depends on it. It runs in a temporary folder that
holds the models under the names of `FILES`. Hashed are the exit status, standard output, standard error and the files
that the command makes or changes. The last digits of numbers depend on numpy and on the processor, and the layout on
rich and typer, so that pins.json says where it was made; elsewhere, save the outputs of both versions and compare. With
NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR" and OPENBLAS_CORETYPE=Haswell (`nox -s pins` sets both) numpy
and its linear algebra compute on any x86-64 processor with AVX2 as on one without AVX-512, where they were made.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import platform
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np

from support.command import answer

HERE = Path(__file__).parent
PINS = HERE / "pins.json"

FILES: Mapping[str, str] = {
    "harbour.yaml": "golden/harbour.yaml",
    "register": "golden/register",
    "everything.yaml": "models/good/everything.yaml",
    "claims": "models/good/claims",
    "overlay.yaml": "models/good/overlay.yaml",
    "parts": "models/good/parts",
    "one_step.yaml": "models/good/one_step.yaml",
    "fault_tree.yaml": "models/fault-tree.yaml",
    "events.yaml": "models/exact/events.yaml",
    "rules.yaml": "models/exact/rules.yaml",
    "feedback.yaml": "models/exact/feedback.yaml",
    "consequence_feedback.yaml": "models/exact/consequence_feedback.yaml",
    "numeric_feedback.yaml": "models/exact/numeric_feedback.yaml",
    "numeric_drift.yaml": "models/exact/numeric_drift.yaml",
    "outcome_moves.yaml": "models/exact/outcome_moves.yaml",
    "weights.yaml": "models/exact/weights.yaml",
    "rare.json": "models/rare/random-63.json",
    "broken": "models/broken",
}
"""The name of a model, or of a folder that one needs, and where it stands beside this file."""

BROKEN = (
    *(
        "cycle",
        "dates",
        "duplicate_keys",
        "empty",
        "events",
        "extends_circle",
        "extends_missing",
        "grid_step",
        "missing",
    ),
    *(
        "numbers",
        "numeric",
        "overlay",
        "priors",
        "profiles",
        "rules",
        "stand_ins",
        "syntax_colon",
        "syntax_tab",
        "time",
    ),
    *("unknown_claims", "unknown_keys", "unknown_names", "wrong_types", "yaml_features"),
)


@dataclass(frozen=True)
class Subject:
    """A model and what can be asked of it."""

    model: str
    scenario: str
    steps: tuple[str, ...]
    """The first, one between, the last."""
    do: str = ""
    given: str = ""
    weight: str = ""
    profile: str = ""
    path: str = ""
    """A number in the file, as PATH=VALUE."""
    swept: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    """Names and paths for `sources`."""
    uncertain: bool = False
    sampled: bool = False
    """Has no exact answer."""
    lean: bool = False
    """Slow to answer: each format once, and fewer options."""

    @property
    def table(self) -> str:
        """Some models show the tables of what is slow to compute in each width, the others in one."""
        return (
            "table" if self.model in {"us-russia", "harbour.yaml", "feedback.yaml", "numeric_feedback.yaml"} else "80"
        )


SUBJECTS = (
    Subject(
        "us-russia",
        "reset",
        ("2025-Q1", "2026-Q4", "end"),
        do="ukraine_talks=settlement@2026-Q4",
        given="sanctions=eased@2026-Q1",
        weight="domestic_opposition=2",
        profile="institutional_sceptic",
        path="drivers.sanctions.persistence=0.5",
        swept=("domestic_opposition=0..3:3", "drivers.sanctions.impacts.eased.reset=-3,3"),
        queries=(
            "P(deterioration @ by 2026-Q4 | do(domestic_opposition=hard)) > 1.1 * P(deterioration @ by 2026-Q4)",
            "P(reset @ end | ukraine_talks=settlement @ 2026-Q4)",
        ),
        names=("sanctions", "reset", "institutional_sceptic"),
        judged=("drivers.sanctions.impacts.eased.reset", "G24", "sanctions"),
        uncertain=True,
        lean=True,
    ),
    Subject(
        "harbour.yaml",
        "open",
        ("2025-Q1", "2025-Q3", "end"),
        do="weather=storm@2025-Q2",
        given="dispute=loud@2025-Q3",
        weight="weather=x1.5",
        profile="sailor",
        path="drivers.weather.persistence=0.8",
        swept=("traffic=0..2:3", "drivers.weather.states.calm.prior=0.2..0.8:3"),
        queries=(
            "P(open | weather=calm) > P(open | weather=storm)",
            "P(open @ end | traffic > 5 @ 2025-Q3)",
            "P(prices=low @ ever)",
            "P(open @ always) / P(open @ start)",
        ),
        names=("weather", "traffic", "storm_and_dispute", "prices", "sailor"),
        judged=("weather", "H2", "drivers.weather.impacts"),
        sampled=True,
    ),
    Subject(
        "everything.yaml",
        "break",
        ("2025-Q1", "2026-Q3", "end"),
        do="approach=relapse",
        given="congress=opposed@2027-Q1",
        weight="approach=0.5",
        profile="hopeful",
        path="odds_per_point.impacts=1.4",
        swept=("mood=0,1", "scenarios.freeze.baseline=0.2..0.6:3"),
        queries=(
            "P(reset) > 0.1",
            "P(fallout=heavy @ end | do(mood=0.9 @ start))",
            "P(reset @ mean) / P(break @ mean)",
        ),
        names=("approach", "mood", "refused", "fallout", "hopeful"),
        judged=("congress", "G01", "A01"),
        uncertain=True,
        sampled=True,
    ),
    Subject(
        "overlay.yaml",
        "good",
        ("2025", "2026", "end"),
        do="mood=0.5",
        given="talks=on@2026",
        weight="climate=2",
        path="drivers.talks.impacts.on.good=1",
        swept=("talks=0..2:3",),
        queries=("P(good @ end | talks=off @ 2025)",),
        names=("talks",),
        judged=("talks",),
    ),
    Subject(
        "one_step.yaml",
        "bad",
        ("start", "start", "end"),
        do="sprinkler=on",
        given="sprinkler=on@now",
        weight="rain=2",
        path="drivers.rain.states.wet.prior=0.6",
        swept=("rain=0..2:3", "sprinkler=0,1,2"),
        queries=("P(bad | sprinkler=on) - P(bad | do(sprinkler=on))", "P(rain=wet | bad)"),
        names=("sprinkler",),
    ),
    Subject(
        "fault_tree.yaml",
        "one",
        ("start", "start", "end"),
        do="c0=failed",
        given="c1=failed@start",
        path="drivers.c0.states.failed=0.5",
        swept=("drivers.c0.states.failed.prior=0.1,0.5",),
        queries=("P(top=failed)", "P(c0=failed | top=failed)"),
        names=("top",),
    ),
    Subject(
        "events.yaml",
        "crisis",
        ("2025-Q1", "2025-Q4", "end"),
        do="war=settled@2025-Q3",
        given="election=theirs@2025-Q4",
        weight="fuse=3",
        path="drivers.election.events.0.prior.theirs=0.2",
        swept=("election=0..2:3", "odds_per_point=1.2,2"),
        queries=("P(war=settled @ by 2026-Q1)", "P(crisis @ ever | war=fighting @ 2025-Q4) > 0.3"),
        names=("war", "fuse"),
    ),
    Subject(
        "rules.yaml",
        "crisis",
        ("2025-01", "2025-03", "end"),
        do="conduct=violent@2025-02",
        given="pressure>0.4@2025-03",
        weight="two_of_three=2",
        path="rules.low.weight=1",
        swept=("two_of_three=0..3:3",),
        queries=("P(bad @ end | conduct=violent @ 2025-02)", "P(pressure > 0.5 | talks=moving @ 2025-03)"),
        names=("two_of_three", "pressure"),
    ),
    Subject(
        "feedback.yaml",
        "calm",
        ("2025-Q1", "2025-Q3", "end"),
        do="mood=cold@2025-Q2",
        given="crisis@2025-Q3",
        weight="spiral=0",
        path="outcome.persistence=0.8",
        swept=("arms=0..3:3",),
        queries=("P(bad @ end | crisis @ 2025-Q2)", "P(extreme @ ever) >= 0.9"),
        names=("mood", "spiral"),
    ),
    Subject(
        "consequence_feedback.yaml",
        "crisis",
        ("2025", "2027", "end"),
        do="prices=high@2026",
        given="prices=low@2027",
        weight="mood=0.3",
        path="drivers.aid.persistence=0.9",
        swept=("mood=0..2:3",),
        queries=("P(prices=high @ end | aid=given @ 2026)", "P(either)"),
        names=("prices",),
    ),
    Subject(
        "numeric_feedback.yaml",
        "crisis",
        ("2025", "2026", "end"),
        do="risk=0.9@2026",
        given="strain>=0.5@2026",
        weight="risk=2",
        path="sd_per_point=0.2",
        swept=("risk=0..2:3",),
        queries=("P(risk > 0.5 @ end | crisis @ 2026)",),
        names=("risk",),
        sampled=True,
    ),
    Subject(
        "numeric_drift.yaml",
        "calm",
        ("2025-Q1", "2025-Q3", "end"),
        do="risk=0.5@2025-Q2",
        given="mood=cold@2025-Q2",
        weight="risk=0.5",
        swept=("risk=0..2:3",),
        queries=("P(risk <= 0.1 @ 2025-Q4)",),
        names=("risk", "push"),
        sampled=True,
    ),
    Subject(
        "outcome_moves.yaml",
        "thaw",
        ("2025", "2027", "end"),
        do="crisis@2027",
        given="bad@2028",
        weight="arms=0",
        path="outcome.lagged_influences.scenario.crisis.hold=2",
        swept=("mood=0..3:3", "arms=0..2:3"),
        queries=("P(good @ end | do(crisis @ 2027))", "P(thaw @ by 2028)"),
        names=("crisis",),
    ),
    Subject(
        "weights.yaml",
        "crisis",
        ("2025-Q1", "2025-Q3", "end"),
        do="trade=down",
        given="mood=good@2025-Q3",
        weight="both=x2",
        path='drivers.trade.weight={"pert": [0, 1, 2]}',
        swept=("war=0..3:3",),
        queries=("P(calm @ mean) > P(tense @ mean)",),
        names=("war", "both"),
    ),
    Subject("rare.json", "sc0", ("start", "start", "end")),
)
"""Static models and Markov ones, with numbers, groups, rules, events, feedback, an overlay, uncertain judgements."""

WIDTHS = (60, 80, 140)


def cases() -> dict[str, None]:
    """The command lines of all cases, without repetition, in the order in which they are written down here."""
    return dict.fromkeys(
        [*(case for subject in SUBJECTS for case in _of_subject(subject)), *_of_no_subject(), *_faults()]
    )


def _of_subject(of: Subject) -> Iterator[str]:
    yield from _simulate(of)
    yield from _ask(of)
    yield from _check(of)
    yield from _compare(of)
    yield from _sweep(of)
    yield from _sensitivity(of)
    yield from _watch(of)
    yield from _explain(of)
    yield from _texts(of)


def _in(formats: Iterable[str], *arguments: str) -> Iterator[str]:
    """The command line of these arguments, in each format; `table` in each width."""
    for format_ in formats:
        if format_ == "table":
            yield from (_line(*arguments, width=width) for width in WIDTHS)
        elif format_ == "80":
            yield _line(*arguments, width=80)
        else:
            yield _line(*arguments, "-f", format_)


def _line(*arguments: str, width: int = 0) -> str:
    return (f"COLUMNS={width} " if width else "") + shlex.join(["usru", *arguments])


def _options(of: Subject) -> Iterator[tuple[str, ...]]:
    """What may be added to most commands."""
    yield from ((name, value) for name, value in (("--do", of.do), ("-w", of.weight), ("-p", of.profile)) if value)
    if of.path:
        yield "--set", of.path


def _simulate(of: Subject) -> Iterator[str]:
    call = ("simulate", of.model, "-n", "512")
    few = ("json", "80")
    yield from _in(("table", "json", "ndjson", "csv", "md"), *call)
    yield from (_line(*call, "-f", format_, "--wide") for format_ in ("csv", "ndjson"))
    for added in _options(of):
        yield from _in(few, *call, *added)
    if of.given:
        yield from _in(("table", "json", "csv", "md"), *call, "--given", of.given)
        yield from _in(few, *call, "--given", of.given, "--do", of.do, "--sourced-only")
    yield from _in(few, *call, "--seed", "7", "-q")
    if of.uncertain:
        yield from _in(few, *call, "--judgements", "0")
        yield from _in(("table", "json", "csv", "md", "ndjson"), *call, "--judgements", "16")
    for method in ("exact", "auto"):
        exactly = ("simulate", of.model, "--method", method, "--judgements", "4")
        full = method == "exact" and of.model == "feedback.yaml"
        if method == "exact" or not of.lean:
            yield from _in(("table", "json", "csv", "md") if full else few, *exactly)
    if of.given and not of.lean and not of.sampled:
        yield from _in(few, "simulate", of.model, "--method", "exact", "--given", of.given, "--judgements", "2")


def _ask(of: Subject) -> Iterator[str]:
    for number, query in enumerate((*of.queries, f"P({of.scenario} @ end)", f"P({of.scenario} @ mean)")):
        call = ("ask", query, of.model, "-n", "512")
        yield from _in(("json", "md", "table") if number == 0 else ("json", "80"), *call)
    if of.queries and not of.sampled:
        yield from _in(("json", "80"), "ask", of.queries[0], of.model, "--method", "exact", "--judgements", "2")
    query = f"P({of.scenario} @ {of.steps[1]})"
    for added in (*_options(of), *([("--given", of.given)] if of.given else [])):
        yield from _in(("json",), "ask", query, of.model, "-n", "256", *added)


def _check(of: Subject) -> Iterator[str]:
    call = ("check", of.model, "-n", "256", "--judgements", "0" if of.lean else "8")
    if of.lean or of.model in {"harbour.yaml", "everything.yaml"}:
        yield from _in(("json", "80") if of.lean else ("json", "md", "table"), *call)
    else:
        yield from _in(("json", "80"), *call)
    if not of.lean:
        yield from _in(("json", "80"), *call, "--robust", "2")
        yield from _in(("json", "80"), *call, "--mutants", "4")
    if of.profile and not of.lean:
        yield from _in(("csv", "md", "40"), *call, "--mutants", "6")
        yield from _in(("json",), *call, "-p", of.profile)
        yield from _in(("80",), *call, "--method", "sample", "-w", of.weight)


def _compare(of: Subject) -> Iterator[str]:
    if not of.weight:
        return
    call = ("compare", of.model, "-n", "256", "--judgements", "4")
    yield from _in(("json", "csv", "md", of.table), *call, "-w", of.weight)
    if of.profile:
        yield from _in(("json", "80"), *call, "-p", of.profile)
    if of.path and not of.lean:
        yield from _in(("json", "80"), *call, "--set", of.path, "--do", of.do)
    variants = ("--variant", f"held: --do {shlex.quote(of.do)}", "--variant", f"weighed: -w {of.weight} --sourced-only")
    yield from _in(("json",) if of.lean else ("json", "csv", "md", "80"), *call, *variants)
    if not of.lean and not of.sampled:
        yield from _in(("json", "80"), "compare", of.model, "--method", "exact", "--judgements", "2", "-w", of.weight)


def _sweep(of: Subject) -> Iterator[str]:
    for number, variable in enumerate(of.swept):
        formats = ("json", "csv", "md", of.table) if number == 0 else ("json", "80")
        yield from _in(formats, "sweep", variable, of.model, "-n", "256")
    if of.swept and not of.lean and not of.sampled:
        yield from _in(("json", "80"), "sweep", of.swept[0], of.model, "--method", "exact", "--at", "end")
    if of.swept and not of.lean:
        at = ("--at", of.steps[1], "--at", "start", "--of", of.scenario)
        yield from _in(("csv", "80", "md"), "sweep", of.swept[-1], of.model, "-n", "256", *at, "--do", of.do)
    if len(of.swept) > 1:
        formats = ("json", "80") if of.lean else ("json", "csv", "md", of.table)
        yield from _in(formats, "sweep", *of.swept, of.model, "-n", "64", "--at", "mean")


def _sensitivity(of: Subject) -> Iterator[str]:
    call = ("sensitivity", of.model, "-n", "256")
    yield from _in(("json", "80") if of.lean else ("json", "csv", "md", of.table), *call)
    for question in ("drivers", "moves", "weights", "judgements"):
        one = ("--of", of.scenario, "--question", question, "--top", "3")
        lean = of.lean and question in {"weights", "judgements"}
        yield from _in(("80",) if lean else ("json", "80"), *call, *one)
    if not of.lean and of.do:
        yield from _in(
            ("json", "80"), *call, "--at", "mean", "--top", "0", "--do", of.do, "--set", "odds_per_point=1.7"
        )


def _watch(of: Subject) -> Iterator[str]:
    call = ("watch", of.model, "-n", "512")
    yield from _in(("json", "csv", "md", "table"), *call)
    yield from _in(("json", "80"), *call, "--of", of.scenario, "--on", of.steps[0], "--for", of.steps[1], "--top", "2")
    if of.given:
        yield from _in(("json", "80"), *call, "--given", of.given, "-q")


def _explain(of: Subject) -> Iterator[str]:
    call = ("explain", of.scenario, of.model, "-n", "512")
    yield from _in(("json", "csv", "md", "table"), *call)
    yield from _in(("json", "80"), "explain", f"{of.scenario} @ {of.steps[1]}", of.model, "-n", "256")
    if of.given:
        yield from _in(("json", "80"), *call, "--given", of.given)
        yield from _in(("80",), *call, "--do", of.do)


def _texts(of: Subject) -> Iterator[str]:
    """What reads the file and draws nothing, and the calibration."""
    for command in ("validate", "show", "sources", "calibrate"):
        yield from (_line(command, of.model, width=width) for width in WIDTHS)
        yield _line(command, of.model, "--json")
    yield _line("show", of.model, "--resolved")
    for added in _options(of):
        if added[0] != "--do":
            yield _line("validate", of.model, *added, width=80)
            yield _line("show", of.model, "--resolved", *added)
    for name in of.names:
        yield _line("show", of.model, name, width=80)
        yield _line("show", of.model, name, "--json")
    for name in of.judged:
        yield _line("sources", of.model, name, width=80)
        yield _line("sources", of.model, name, "--json")
    for form in ("table", "json", "csv", "md"):
        yield _line("sources", of.model, "--directions", "-f", form, width=80)
    if of.profile:
        yield _line("sources", of.model, "-p", of.profile, width=140)
    if not of.lean:
        yield _line("calibrate", of.model, "--write", width=80)


def _of_no_subject() -> Iterator[str]:
    yield from (_line(*call, width=80) for call in ((), ("show",), ("validate",), ("sources",)))
    kinds = (
        "simulation",
        "answer",
        "check",
        "calibration",
        "explanation",
        "validation",
        "overview",
        "sources",
        "directions",
    )
    yield from (_line("schema", kind) for kind in ("model", *kinds, "directions"))
    yield from (_line("schema"), _line("schema", "-o", "schema.json"), _line("schema", "--help", width=80))
    yield from (_line("new", *rest) for rest in (("-",), ("mine",), ("mine.yaml",), ("harbour.yaml",), ("a/b",)))
    yield from (_line("new", "harbour.yaml", "--force", "-q"), _line("new", "--help", width=80), _line("new"))
    for call in (
        *(("simulate", "harbour.yaml", "-n", "256", *rest) for rest in (("-o", "out.json", "--json"), ("--confined",))),
        ("simulate", "harbour.yaml", "-n", "256", "-o", "out.txt"),
        ("check", "harbour.yaml", "-n", "256", "--json", "-o", "out.json"),
        ("show", "harbour.yaml", "--resolved", "-o", "out.yaml"),
        ("compare", "harbour.yaml", "overlay.yaml", "-n", "256"),
        ("compare", "harbour.yaml", "harbour.yaml", "-n", "256"),
        ("compare", "events.yaml", "feedback.yaml", "-n", "256", "-w", "mood=2"),
        ("validate", "broken/../overlay.yaml", "--confined"),
    ):
        yield _line(*call, width=80)
    yield from (
        f"{_line('simulate', '-', '-n', '256', '--json')} < {name}" for name in ("weights.yaml", "overlay.yaml")
    )


def _faults() -> Iterator[str]:
    """What is not taken, and what it is told."""
    for name in BROKEN:
        yield _line("validate", f"broken/{name}.yaml", width=80)
        yield _line("validate", f"broken/{name}.yaml", "--json")
    yield _line("simulate", "broken/unknown_names.yaml", width=60)
    yield f"{_line('simulate', '-')} < broken/numbers.yaml"
    harbour = "harbour.yaml"
    for call in (
        ("simulte", harbour),
        ("simulate", "harbor.yaml"),
        ("simulate", "us-rusia"),
        ("simulate", harbour, "--do", "wether=storm"),
        ("simulate", harbour, "--do", "weather=strom@2025-Q2"),
        ("simulate", harbour, "--do", "weather=storm@2031"),
        ("simulate", harbour, "--given", "weather=storm"),
        ("simulate", harbour, "--given", "weather=storm@2025-Q1", "--given", "weather=calm@2025-Q1"),
        ("simulate", harbour, "-w", "weather"),
        ("simulate", harbour, "-w", "weather=-1"),
        ("simulate", harbour, "-w", "wheather=1"),
        ("simulate", harbour, "-p", "sailer"),
        ("simulate", harbour, "--set", "drivers.weather.persistance=0.5"),
        ("simulate", harbour, "--set", "drivers.weather.persistence=1.5"),
        ("simulate", "us-russia", "--set", "drivers.sanctions.persistence=often"),
        ("simulate", harbour, "-n", "1"),
        ("simulate", harbour, "-n", "many"),
        ("simulate", harbour, "--seed", "-1"),
        ("simulate", harbour, "--method", "guess"),
        ("simulate", harbour, "--method", "exact", "-n", "512"),
        ("simulate", harbour, "--judgements", "-4"),
        ("simulate", harbour, "-f", "xml"),
        ("simulate", harbour, "--wide"),
        ("simulate", harbour, "-n", "1e11", "--jobs", "1"),
        ("simulate", "events.yaml", "-n", "64", "--given", "fuse=lit@2025-Q1", "--given", "crisis@2025-Q1"),
        ("simulate", "outcome_moves.yaml", "-n", "64", "--given", "thaw@2025"),
        ("ask", "P(opne)", harbour),
        ("ask", "P(open", harbour),
        ("ask", "P(open @ 2031)", harbour),
        ("ask", "P(weather=calm | weather=storm)", harbour),
        ("ask", "", harbour),
        ("ask", "P(thaw @ 2025) / P(thaw @ start)", "outcome_moves.yaml", "-n", "64"),
        ("compare", harbour),
        ("compare", harbour, "--variant", "x: --oops"),
        ("sweep", harbour),
        ("sweep", "weather=3..0", harbour),
        ("sweep", "wether=0..1", harbour),
        ("sensitivity", harbour, "--question", "why"),
        ("sensitivity", harbour, "--of", "opne"),
        ("sensitivity", harbour, "-n", "10"),
        ("watch", harbour, "--on", "2025-Q4", "--for", "2025-Q1"),
        ("explain", "opne", harbour),
        ("explain", harbour),
        ("check", harbour, "--robust", "-1"),
        ("check", harbour, "--mutants", "0"),
        ("calibrate", harbour, "--seed", "x"),
        ("show", harbour, "wether"),
        ("sources", harbour, "H9"),
        ("schema", "modle"),
        ("new", "broken"),
        ("validate",),
        ("validate", "broken"),
        ("simulate", harbour, "--confined", "-n", "64", "-o", "nowhere/out.json"),
    ):
        yield _line(*call, width=80)


SAMPLED = 4
"""Cases of each command, for the quick check."""


def sample() -> list[str]:
    """Some cases of every command and faults, spread over models and formats by the hashes of their lines."""
    quick = sorted((case for case in cases() if "us-russia" not in case or not _slow(case)), key=command_of)
    by_command = {command: sorted(group, key=_hash) for command, group in groupby(quick, key=command_of)}
    return [case for group in by_command.values() for case in group[:SAMPLED]]


def command_of(case: str) -> str:
    return next(iter(_arguments(case)), "")


def _slow(case: str) -> bool:
    return command_of(case) in {"check", "compare", "sensitivity", "sweep", "calibrate"}


def _arguments(case: str) -> list[str]:
    line = case.partition(" < ")[0] if " < " in case and not case.endswith("'") else case
    words = shlex.split(line)
    return words[words.index("usru") + 1 :]


@dataclass
class Place:
    """A folder with the models, in which cases run one after another and leave nothing behind."""

    folder: Path
    _fresh: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fill()

    def _fill(self) -> None:
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, origin in FILES.items():
            source = HERE / origin
            (shutil.copytree if source.is_dir() else shutil.copy)(source, self.folder / name)
        self._fresh = self._stands()

    def _stands(self) -> dict[Path, tuple[int, int]]:
        found = ((path, path.stat()) for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found}

    def run(self, case: str) -> str:
        """All that a case puts out, as text."""
        _, redirected, name = case.rpartition(" < ")
        redirected = redirected if (self.folder / name).is_file() else ""
        stdin = (self.folder / name).read_text("utf-8") if redirected else ""
        width = re.match(r"COLUMNS=(\d+) ", case)
        arguments = _arguments(case)
        ended = answer(*arguments, stdin=stdin, folder=self.folder, COLUMNS=width[1] if width else "80")
        parts = [case, f"== status {ended.returncode}", "== stdout", ended.stdout, "== stderr", ended.stderr]
        changed = [path for path, stood in self._stands().items() if self._fresh.get(path) != stood]
        for path in changed:
            parts += [f"== {path.relative_to(self.folder)}", path.read_text("utf-8")]
        if changed:
            self._fill()
        return self._without_places("\n".join(parts))

    def _without_places(self, text: str) -> str:
        """What stands where on this machine is nothing to hold."""
        for place in (self.folder, self.folder.resolve()):
            text = text.replace(f"{place}/", "")
        return re.sub(r"[^\s\"'`(]*/(?=scenarios/|seeds[/\"]|bundled/)", "", text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def _place() -> Place:
    """The folder of this process, which lasts as long as the process."""
    holder = tempfile.TemporaryDirectory(prefix="pins-")
    _HOLDERS.append(holder)
    return Place(Path(holder.name))


_HOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def output(case: str) -> str:
    """What a case puts out now, the exit status first."""
    return _place().run(case)


def hashed(case: str) -> str:
    return _hash(output(case))


def made_with() -> dict[str, str]:
    """What the bytes of an output depend on, but for the program itself."""
    packages = ("numpy", "pydantic", "pyyaml", "rich", "typer")
    features = cast("dict[str, Any]", np.show_config(mode="dicts"))["SIMD Extensions"]["found"]
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "machine": " ".join([platform.machine(), platform.libc_ver()[1], *features]),
        "python": python,
        **{package: version(package) for package in packages},
    }


def pinned() -> tuple[dict[str, str], dict[str, str]]:
    """Where the hashes were made, and the hash of each case."""
    held = json.loads(PINS.read_text("utf-8"))
    return held["made with"], held["cases"]


def advice(different: Iterable[str]) -> str:
    """What to do where hashes differ."""
    return "\n".join(
        [
            "These put out something else than what pins.json holds:",
            *(f"    {case}" for case in different),
            "`python tests/pins.py --show CASE` prints one. What differs: run it with `--save FOLDER`, here and",
            "in a checkout of before (`git worktree add`), then `diff -r`. Where that is meant, and no more than that,",
            "`python tests/pins.py --write`, and say in the commit which outputs changed and why.",
        ]
    )


def _results(work: list[str], jobs: int, whole: bool) -> Iterator[tuple[str, str]]:
    """Each case and its output, or the hash of it, in the order of the cases."""
    act = output if whole else hashed
    if jobs == 1:
        yield from ((case, act(case)) for case in work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from zip(work, pool.imap(act, work, chunksize=8), strict=True)


def _save(folder: Path, work: list[str], jobs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for case, text in _results(work, jobs, whole=True):
        readable = re.sub(r"[^A-Za-z0-9.=_-]+", "_", case)[:120]
        (folder / f"{readable}.{_hash(case)[:8]}.txt").write_text(text, "utf-8")


def _write(found: Mapping[str, str], only: str) -> None:
    kept = {case: held for case, held in pinned()[1].items() if case in cases()} if only and PINS.exists() else {}
    content = {"made with": made_with(), "cases": dict(sorted({**kept, **found}.items()))}
    PINS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _check_all(found: Mapping[str, str]) -> int:
    made, held = pinned()
    different = [case for case, hash_ in found.items() if held.get(case, hash_) != hash_]
    unknown = [case for case in found if case not in held]
    if made != made_with():
        sys.stdout.write(f"The hashes were made elsewhere: {made}, not {made_with()}.\n")
    if different:
        sys.stdout.write(f"{advice(different)}\n")
    if unknown:
        sys.stdout.write("\n".join(["Not in pins.json yet:", *(f"    {case}" for case in unknown)]) + "\n")
    sys.stdout.write(f"{len(found)} cases, {len(different)} differ, {len(unknown)} are new.\n")
    return 1 if different or unknown else 0


def main() -> int:
    """Check, write, show or save; status 1 if a hash differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the hashes")
    parser.add_argument("--show", metavar="CASE", help="print what a case puts out")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write the outputs into files")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose line holds this")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    options = parser.parse_args()
    if options.show:
        sys.stdout.write(output(options.show))
        return 0
    work = [case for case in cases() if options.only in case]
    if options.save:
        _save(options.save, work, options.jobs)
        return 0
    found = dict(_results(work, options.jobs, whole=False))
    if options.write:
        _write(found, options.only)
        return 0
    return _check_all(found)


if __name__ == "__main__":
    sys.exit(main())
