"""Some seconds of fuzzing (see `fuzz`), a minute with `--all`, and that what it looks for would be found."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from functools import cache
from typing import Any
from unittest import mock

import pytest

import fuzz
import fuzz_cases
import usru_scenarios as us
from fuzz_cases import Case
from support.command import answer
from support.effort import tries

pytestmark = pytest.mark.usefixtures("unmeasured")  # the fuzzer limits the time

_MINUTES = tries(3, 60) / 60


report = cache(lambda: fuzz.fuzz(seed=1, minutes=_MINUTES))
"""Gives what comes of all kinds in turn, in one process."""


@pytest.mark.more
@pytest.mark.parametrize("kind", fuzz_cases.KINDS)
def test_odd_inputs_meet_no_fault(kind: str) -> None:
    assert report().cases[kind]
    findings = [
        one
        for one in report().findings
        if one.case.startswith(f"{kind}:") and not re.fullmatch(r"[\d.]+ s", one.why)  # time says nothing beside tests
    ]
    assert not findings, "\n".join(f"{one.case}: {one.why}: {one.command}\n{one.said}" for one in findings)


@pytest.mark.parametrize("kind", fuzz_cases.KINDS)
def test_a_case_can_be_made_again(kind: str) -> None:
    again, other = fuzz_cases.make(kind, 1, 7), fuzz_cases.make(kind, 1, 8)
    assert again == fuzz_cases.make(kind, 1, 7) != other


_CASE = Case("bytes:0", {}, [["simulate", "model.yaml", "--json"]])
_SIMULATION = {
    "format": "usru.simulation/1.0",
    "run": {"method": "exact"},
    "scenarios": {"a": {"by_step": [0.4], "end": 0.4, "mean": 0.4, "ever": 0.4, "first_visit": [0.4]}},
    "groups": {},
    "drivers": {},
    "consequences": {},
}


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "why"),
    [
        (101, "", "usru: broken", "status 101"),
        (1, "", "Traceback (most recent call last)\n  ...", "a traceback"),
        (0, "{}", "engine.py:5: RuntimeWarning: divide by zero", "a warning of a library"),
        (2, "", "there is no file \x1b[31m", "a control character"),
        (2, "", "", "a failure without a word"),
        (0, '{"a": NaN}', "", "not JSON: NaN"),
        (0, json.dumps(_SIMULATION), "", "likelihoods that do not sum to 1"),
    ],
)
def test_what_should_not_be_is_found(status: int, stdout: str, stderr: str, why: str) -> None:
    done = subprocess.CompletedProcess([], status, stdout, stderr)
    with mock.patch.object(fuzz, "answer", return_value=done):
        (finding,) = fuzz.run(_CASE).findings
    assert (finding.case, finding.why) == ("bytes:0", why)


@pytest.mark.parametrize("error", [KeyError("m"), ZeroDivisionError()])
def test_an_exception_is_found(error: Exception) -> None:
    with mock.patch.object(fuzz, "answer", side_effect=error):
        (finding,) = fuzz.run(_CASE).findings
    assert finding.why == "an exception"
    with mock.patch.object(us.Study, "check", side_effect=error):
        (finding,) = fuzz.run(Case("library:0", fuzz_cases.make("library", 1, 0).files, calls=[("check", {})])).findings
    assert finding.why == "another exception"


def test_time_and_memory_past_their_limits_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([90.0, 501.0])
    monkeypatch.setattr(fuzz, "SECONDS", 0.0)
    monkeypatch.setattr(fuzz, "peak_megabytes", lambda: next(taken))
    whys = [finding.why for finding in fuzz.run(Case("bytes:0", {}, [["schema"]])).findings]
    assert [why.split()[-1] for why in whys] == ["s", "MB"]


def test_a_crash_and_a_hang_are_found_and_what_follows_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = fuzz.Worker(seed=1)
    try:
        worker.process.kill()
        assert [finding.why for finding in worker.run("bytes", 0).findings] == ["the process ended with -9"]
        monkeypatch.setattr(fuzz, "HANGS", 0.0)
        assert [finding.why for finding in worker.run("bytes", 0).findings] == ["no end within 0 s"]
        monkeypatch.undo()
        assert worker.run("bytes", 0).statuses.total()
    finally:
        worker.end()


def test_a_file_that_is_looked_after_is_saved_and_then_left() -> None:
    """Each save is answered, a fault is told and passes, and the interruption is no finding; a fault of ours is one."""
    sound = fuzz_cases.make("live", 1, 0).files
    text = sound[fuzz_cases.MODEL]
    command = ["simulate", fuzz_cases.MODEL, "--live", "-n", "64", "--judgements", "0", "--jobs", "1"]
    case = Case("live:0", sound, [command], saves=[b"usru: 1\n", None, text + b"\n# again\n", text])
    said: list[subprocess.CompletedProcess[str]] = []

    def kept(*words: str, **how: Any) -> subprocess.CompletedProcess[str]:
        said.append(answer(*words, **how))
        return said[-1]

    with mock.patch.object(fuzz, "answer", side_effect=kept):
        found = fuzz.run(case)
    assert (found.findings, dict(found.statuses)) == ([], {"130": 1})
    assert "the file has no 'title'" in said[0].stderr
    with mock.patch.object(us.Study, "simulate", side_effect=KeyError("m")):
        whys = {finding.why for finding in fuzz.run(case).findings}
    assert "status 101" in whys


def test_how_far_it_is_is_told_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz, "_TOLD", 0.0)
    monkeypatch.setattr(fuzz.Worker, "run", lambda _, kind, number: fuzz.Report(cases=Counter([f"{kind} {number}"])))
    fuzz.fuzz(1, 0.001, ["bytes"])
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "minute 0 of 0.001: 1 cases, 0 findings"
    monkeypatch.setattr(fuzz, "_TOLD", 60.0)
    fuzz.fuzz(1, 0.001, ["bytes"])
    assert capsys.readouterr().err == ""
