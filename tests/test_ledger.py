"""The ledger: records in a chain of hashes, what they say over time, and whether they are whole."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import usru_scenarios as us
from support import ledgers
from support.command import COMMAND, answer, environment, refusal
from support.ledgers import file, record
from support.tiny import TALKS
from usru_scenarios import schemas
from usru_scenarios.ledger import store
from usru_scenarios.ledger.chain import find_faults, line_hash, read_chain
from usru_scenarios.ledger.records import read_line

ASKED = (
    TALKS
    + """\
questions:
  reopen: {asks: Are they open in the second half?, means: "P(talks=open @ ever 2025-Q3..2025-Q4)",
           closes: 2025-12-31, resolves: a round}
  thaws: {asks: Is there a thaw at the end?, means: "P(thaw @ 2025-Q4)", closes: 2025-12-31, resolves: both say so}
profiles: {hopeful: {overrides: {drivers: {talks: {states: {open: 0.8, closed: 0.2}}}}}}
"""
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return ledgers.laid_out(tmp_path, talks=ASKED)


def asked(place: Path, *words: str) -> dict[str, Any]:
    return ledgers.asked(place, *words, statuses=(0, 1))


def lines(place: Path) -> list[bytes]:
    return file(place).read_bytes().splitlines(keepends=True)


def codes(place: Path, *options: str) -> list[tuple[str, int]]:
    return [(one["code"], one["line"]) for one in asked(place, "verify", *options)["faults"]]


def today() -> str:
    return datetime.now().astimezone().date().isoformat()


# Recording


def test_a_record_says_what_simulate_and_ask_say(place: Path) -> None:
    record(place, "2025-02-01", "-m", "first view", "--given", "talks=open@2025-Q1")
    (line,) = lines(place)
    data = json.loads(line)
    study = us.load(place / "talks.yaml")
    right = study.simulate(given=["talks=open@2025-Q1"])
    assert (data["date"], data["message"], data["prev"]) == ("2025-02-01", "first view", None)
    assert data["model"]["sha256"] == right.model.sha256
    assert data["run"]["given"] == ["talks=open@2025-Q1"]
    assert data["scenarios"]["thaw"]["by_step"] == pytest.approx(right.scenarios["thaw"].by_step, rel=1e-5)
    assert data["drivers"]["talks"]["by_step"]["open"][0] == 1.0
    reopen = study.ask("P(talks=open @ ever 2025-Q3..2025-Q4)", given=["talks=open@2025-Q1"])
    assert data["questions"]["reopen"]["probability"] == pytest.approx(reopen.value, rel=1e-5)
    assert data["questions"]["reopen"]["closes"] == "2025-12-31"


def test_the_default_day_is_today(place: Path) -> None:
    before = today()
    assert answer("ledger", "record", "talks.yaml", folder=place).returncode == 0
    assert before <= json.loads(lines(place)[0])["date"] <= today()


def test_each_line_holds_the_hash_of_the_one_before_and_the_model_is_kept(place: Path) -> None:
    for day in ("2025-02-01", "2025-05-01"):
        record(place, day)
    record(place, "2025-08-01", "-w", "talks=2")
    first, second, third = lines(place)
    assert json.loads(second)["prev"] == line_hash(first.rstrip(b"\n"))
    assert json.loads(third)["prev"] == line_hash(second.rstrip(b"\n"))
    kept = {path.stem for path in (place / "forecasts" / "models").iterdir()}
    assert kept == {json.loads(line)["model"]["sha256"] for line in (first, third)}
    for sha256 in kept:
        assert us.load(place / "forecasts" / "models" / f"{sha256}.yaml").outline.model.sha256 == sha256


def test_lines_history_and_verification_have_the_form_of_their_schemas(place: Path) -> None:
    record(place, "2025-02-01", "-n", "500", "--seed", "3")
    found = {"forecast": json.loads(lines(place)[0])}
    found |= {"history": asked(place, "history"), "verification": asked(place, "verify")}
    for name, data in found.items():
        Draft202012Validator(schemas.schema(name)).validate(data)
        with pytest.raises(Exception, match="is not of type"):
            Draft202012Validator(schemas.schema(name)).validate([data])


def test_the_columns_of_a_line_are_flat_enough_for_a_table(place: Path) -> None:
    """`sqlite-utils insert --nl` makes a column of each key: names that are plain, and the same in every line."""
    record(place, "2025-02-01")
    record(place, "2025-05-01", "-m", "one line\nand another", "-p", "hopeful")
    first, second = (json.loads(line, parse_constant=pytest.fail) for line in lines(place))
    assert list(first) == list(second)
    assert all(key.isidentifier() for key in first)
    assert len({key.lower() for key in first}) == len(first)


def test_two_writers_wait_for_one_another(place: Path) -> None:
    record(place, "2025-02-01")
    (line,) = lines(place)
    folder = store.LedgerFolder(place / "forecasts")
    one = read_line(line.rstrip(b"\n"))
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: folder.append(one, lambda _: ""), range(40)))
    assert sorted(numbers) == list(range(2, 42))
    chain = folder.read()
    assert (len(chain.lines), find_faults(chain)) == (41, [])


def test_writers_in_processes_of_their_own(place: Path) -> None:
    command = [*COMMAND, "ledger", "record", "talks.yaml", "-q", "-o", os.devnull, "--date"]
    running = [
        subprocess.Popen([*command, f"2025-02-0{day}"], cwd=place, env=environment(), stderr=subprocess.PIPE)
        for day in range(1, 3)
    ]
    assert [one.wait(60) for one in running] == [0, 0]
    for one in running:
        assert one.stderr is not None
        one.stderr.close()
    assert (len(lines(place)), codes(place)) == (2, [])


@pytest.mark.parametrize("allowed", [0, 100])
def test_a_full_disk_leaves_the_ledger_as_it_was(place: Path, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    record(place, "2025-02-01")
    before = file(place).read_bytes()
    write, written = os.write, [0]

    def full(handle: int, data: memoryview) -> int:
        if written[0] >= allowed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written[0] += 100
        return write(handle, data[:100])

    monkeypatch.setattr(os, "write", full)
    assert "no space left on device" in refusal("ledger", "record", "talks.yaml", folder=place)
    assert file(place).read_bytes() == before


# Faults


def test_a_line_that_was_never_finished_is_told_and_repaired_on_request(place: Path) -> None:
    for day in ("2025-02-01", "2025-05-01"):
        record(place, day)
    whole = file(place).read_bytes()
    file(place).write_bytes(whole[:-100])
    assert codes(place) == [("torn", 2)]
    refused = answer("ledger", "record", "talks.yaml", folder=place)
    assert (refused.returncode, "verify --repair" in refused.stderr) == (2, True)
    assert [one["number"] for one in asked(place, "history")["records"]] == [1]
    found = asked(place, "verify", "--repair")
    assert (found["whole"], found["faults"]) == (True, [])
    assert "was taken out" in found["done"]
    assert file(place).read_bytes() == lines(place)[0] == whole[: whole.index(b"\n") + 1]
    record(place, "2025-05-01")
    assert file(place).read_bytes() == whole


def test_a_changed_past_shows(place: Path) -> None:
    for day in ("2025-02-01", "2025-05-01", "2025-08-01"):
        record(place, day)
    first, second, third = lines(place)
    changed = json.dumps({**json.loads(second), "message": "as I said"}, separators=(",", ":")).encode() + b"\n"
    file(place).write_bytes(first + changed + third)
    assert codes(place) == [("broken", 3)]
    file(place).write_bytes(first + third)
    assert codes(place) == [("broken", 2)]
    file(place).write_bytes(second + third)
    assert codes(place) == [("broken", 1)]
    refused = answer("ledger", "verify", "--relink", folder=place)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert file(place).read_bytes() == second + third


def test_a_changed_number_of_the_last_line_shows_when_its_model_is_asked_again(place: Path) -> None:
    record(place, "2025-02-01")
    data = json.loads(lines(place)[0])
    data["scenarios"]["thaw"]["by_step"][1] += 0.001
    file(place).write_text(json.dumps(data) + "\n")
    found = asked(place, "verify")
    assert [(one["code"], one["line"]) for one in found["faults"]] == [("differs", 1)]
    assert found["recomputed"][0]["largest"] == pytest.approx(0.001)
    assert "thaw @ 2025-Q2" in found["recomputed"][0]["reason"]


def test_numbers_within_the_error_of_sampling_are_no_fault(place: Path) -> None:
    record(place, "2025-02-01", "-n", "1000")
    data = json.loads(lines(place)[0])
    error = data["scenarios"]["thaw"]["standard_errors"]["by_step"][1]
    for by, verdict in ((2, "within_errors"), (20, "differs")):
        other = json.loads(json.dumps(data))
        other["scenarios"]["thaw"]["by_step"][1] += by * error
        file(place).write_text(json.dumps(other) + "\n")
        assert [one["verdict"] for one in asked(place, "verify")["recomputed"]] == [verdict]


@pytest.mark.parametrize(
    "options",
    [
        ["-n", "500", "--seed", "7"],
        ["--method", "sample", "-w", "talks=2"],
        ["-p", "hopeful", "--set", "odds_per_point=1.3"],
        ["--do", "talks=open@2025-Q2", "--given", "thaw@2025-Q1"],
        ["--set", "odds_per_point={uniform: [1.2, 2]}", "--judgements", "8"],
    ],
)
def test_a_model_gives_its_numbers_again(place: Path, options: list[str]) -> None:
    record(place, "2025-02-01", *options)
    (place / "talks.yaml").unlink()
    found = asked(place, "verify")
    assert [one["verdict"] for one in found["recomputed"]] == ["same"], found


def test_a_model_that_is_missing_or_changed_is_told(place: Path) -> None:
    record(place, "2025-02-01")
    (model,) = (place / "forecasts" / "models").iterdir()
    model.write_text(model.read_text().replace("persistence: 0.5", "persistence: 0.6"))
    changed = asked(place, "verify")
    assert [one["code"] for one in changed["faults"]] == ["no_model"]
    assert "another model" in changed["recomputed"][0]["reason"]
    model.unlink()
    assert "there is no" in asked(place, "verify")["recomputed"][0]["reason"]


def merged(place: Path, *, markers: bool = False) -> bytes:
    """A ledger of which two branches have been merged: two records of one, one of the other that lies between them."""
    record(place, "2025-01-10")
    base = file(place).read_bytes()
    for day in ("2025-02-01", "2025-05-01"):
        record(place, day)
    ours = file(place).read_bytes()[len(base) :]
    file(place).write_bytes(base)
    record(place, "2025-03-01", "-w", "talks=2")
    theirs = file(place).read_bytes()[len(base) :]
    sides = [b"<<<<<<< HEAD\n", ours, b"=======\n", theirs, b">>>>>>> other\n"] if markers else [ours, theirs]
    file(place).write_bytes(b"".join([base, *sides]))
    return base


@pytest.mark.parametrize("markers", [False, True])
def test_merged_branches_are_told_and_linked_on_request(place: Path, markers: bool) -> None:
    base = merged(place, markers=markers)
    found = codes(place)
    assert ("merged", 6 if markers else 4) in found
    assert [line for code, line in found if code == "conflict"] == ([2, 5, 7] if markers else [])
    assert asked(place, "verify", "--relink")["whole"]
    assert [json.loads(line)["date"][:7] for line in lines(place)] == ["2025-01", "2025-02", "2025-03", "2025-05"]
    assert file(place).read_bytes().startswith(base)
    assert (codes(place), asked(place, "verify", "--relink")["done"]) == ([], "")


def test_the_same_record_on_both_sides_is_kept_once(place: Path) -> None:
    for day in ("2025-02-01", "2025-05-01"):
        record(place, day)
    right = file(place).read_bytes()
    file(place).write_bytes(right + lines(place)[1])
    assert codes(place) == [("merged", 3)]
    assert asked(place, "verify", "--relink")["whole"]
    assert file(place).read_bytes() == right


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x", "it is no JSON at column 1"),
        (b"[1, 2]", "it is no JSON object"),
        (b'{"format": "usru.simulation/1.0"}', "its format is"),
        (b'{"format": "usru.forecast/2.0"}', "its format is"),
        (b'{"format": "usru.forecast/1.0"}', "date: field required"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"a": "\x1b[31m', "it is no JSON at column"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_left_out_with_its_line_and_reason(
    place: Path, line: bytes, reason: str
) -> None:
    record(place, "2025-02-01")
    first = lines(place)[0]
    file(place).write_bytes(first + line + b"\n")
    done = answer("ledger", "history", "--json", folder=place)
    assert done.returncode == 0
    assert done.stderr.startswith("forecasts/forecasts.jsonl:2: warning: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    found = json.loads(done.stdout)
    assert [one["number"] for one in found["records"]] == [1]
    assert [one["line"] for one in found["skipped"]] == [2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"date": "2025-02-30"}, "is no day"),
        ({"date": 5}, "date: "),
        ({"scenarios": {"thaw": 0.5}}, "scenarios.thaw"),
        ({"run": None}, "run"),
    ],
)
def test_a_record_with_a_wrong_part_is_left_out(place: Path, change: dict[str, Any], reason: str) -> None:
    record(place, "2025-02-01")
    data = json.loads(lines(place)[0])
    file(place).write_text(json.dumps(data) + "\n" + json.dumps({**data, **change}) + "\n")
    (skipped,) = asked(place, "history")["skipped"]
    assert (skipped["line"], reason in skipped["message"]) == (2, True), skipped


@pytest.mark.parametrize(
    ("value", "reason"), [([0.5, 0.5, 0.5], "3 numbers"), ([0.5, 0.5, 0.5, 1.5], "no probability")]
)
def test_numbers_that_make_no_sense_are_told(place: Path, value: list[float], reason: str) -> None:
    record(place, "2025-02-01")
    data = json.loads(lines(place)[0])
    data["scenarios"]["thaw"]["by_step"] = value
    (line,) = read_chain(json.dumps(data).encode() + b"\n").lines
    assert reason in line.problem


def test_an_error_beyond_all_bounds_is_compared_too(place: Path) -> None:
    record(place, "2025-02-01")
    data = json.loads(lines(place)[0])
    data["scenarios"]["thaw"]["standard_errors"]["mean"] = 1e300
    file(place).write_text(json.dumps(data) + "\n")
    assert [one["verdict"] for one in asked(place, "verify")["recomputed"]] == ["same"]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("scenarios.thaw.standard_errors.by_step", [0.1], "thaw.standard_errors.by_step has 1 numbers for 4 steps"),
        ("scenarios.thaw.mean", -0.1, "scenarios.thaw.mean has a number that is no probability"),
        ("scenarios.thaw.band", {"low": [], "high": []}, "scenarios.thaw.band.low has 0 numbers"),
        ("drivers.talks.standard_errors", {}, "drivers.talks.standard_errors.open has 0 numbers"),
        ("questions.reopen.probability", 1.5, "questions.reopen.probability has a number that is no probability"),
        ("run.steps", [], "run.steps is empty"),
    ],
)
def test_parts_of_a_record_that_do_not_fit_together_are_told(
    place: Path, path: str, value: object, reason: str
) -> None:
    record(place, "2025-02-01")
    data = json.loads(lines(place)[0])
    *home, key = path.split(".")
    part = data
    for one in home:
        part = part[one]
    part[key] = value
    (line,) = read_chain(json.dumps(data).encode() + b"\n").lines
    assert reason in line.problem


def test_keys_of_a_later_minor_version_are_no_fault(place: Path) -> None:
    record(place, "2025-02-01")
    data = {**json.loads(lines(place)[0]), "format": "usru.forecast/1.7", "mood": "good"}
    (line,) = read_chain(json.dumps(data).encode() + b"\n").lines
    assert line.record is not None


# History


def test_history_of_a_scenario_a_state_a_group_and_a_question(place: Path) -> None:
    record(place, "2025-05-01", "-m", "later")
    record(place, "2025-02-01", "-p", "hopeful")
    found = asked(place, "history", "thaw", "talks=open", "any", "reopen", "--at", "2025-Q1")
    assert [(one["number"], one["date"], one["profile"]) for one in found["records"]] == [
        (2, "2025-02-01", "hopeful"),
        (1, "2025-05-01", None),
    ]
    assert {name: one["kind"] for name, one in found["series"].items()} == {
        "thaw": "scenario",
        "talks=open": "state",
        "any": "group",
        "reopen": "question",
    }
    assert [point["probability"] for point in found["series"]["talks=open"]["points"]] == pytest.approx([0.8, 0.5])
    assert [point["probability"] for point in found["series"]["any"]["points"]] == pytest.approx([1, 1])


def test_now_is_the_step_of_each_record(place: Path) -> None:
    record(place, "2025-02-01")
    record(place, "2025-11-30")
    record(place, "2026-11-30")
    data = json.loads(lines(place)[0])["scenarios"]["thaw"]["by_step"]
    points = asked(place, "history", "thaw", "--at", "now")["series"]["thaw"]["points"]
    assert [one["probability"] for one in points] == [data[0], data[3]]


def test_rows_of_a_history_have_the_step_and_its_date(place: Path) -> None:
    """Of each record the step that the time means there; nothing of an average and of a question."""
    record(place, "2025-02-01")
    record(place, "2025-11-30")

    def steps(*words: str) -> list[tuple[str, str]]:
        shown = answer("ledger", "history", *words, "-f", "csv", folder=place).stdout
        return [(row["step"], row["date"]) for row in csv.DictReader(io.StringIO(shown))]

    assert steps("thaw", "--at", "now") == [("2025-Q1", "2025-01-01"), ("2025-Q4", "2025-10-01")]
    assert steps("thaw", "--at", "start") == [("2025-Q1", "2025-01-01")] * 2
    assert steps("talks=open", "--at", "2025-Q2") == [("2025-Q2", "2025-04-01")] * 2
    assert steps("thaw", "--at", "mean") == [("", "")] * 2
    assert steps("reopen") == [("", "")] * 2


@pytest.mark.parametrize("form", ["table", "csv", "md", "ndjson"])
def test_history_in_all_forms(place: Path, form: str) -> None:
    for day, weight in (("2025-02-01", "1"), ("2025-05-01", "2")):
        record(place, day, "-w", f"talks={weight}", "-m", f"weight {weight}")
    shown = answer("ledger", "history", "reopen", "-f", form, folder=place)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "2025-05-01" in shown.stdout
    assert "weight 2" in shown.stdout
    if form == "table":
        assert "2 records, 2025-02-01 to 2025-05-01, ██" in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["history", "thraw"], "did you mean 'thaw'?"),
        (["history", "--at", "2029-Q1"], "--at 2029-Q1 is no step of number 1"),
        (["history", "--ledger", "nowhere"], "there is no ledger in 'nowhere'"),
        (["history", "-m", "x"], "-m has no meaning for ledger history"),
        (["record", "--at", "end"], "--at has no meaning for ledger record"),
        (["record", "talks.yaml", "more"], "'more' is one word too many"),
        (["record", "talks.yaml", "--date", "2025-02-30"], "is no day"),
        (["hisotry"], "did you mean 'history'?"),
        ([], "what is to be done with the ledger?"),
        (["verify", "x"], "'x' is one word too many"),
    ],
)
def test_what_makes_no_sense_is_told(place: Path, words: list[str], told: str) -> None:
    record(place, "2025-02-01")
    assert told in refusal("ledger", *words, folder=place)


def test_errors_that_are_small_add_no_decimals(place: Path) -> None:
    record(place, "2025-02-01", "--set", "odds_per_point={uniform: [1.2, 2]}", "--judgements", "64")
    record(place, "2025-05-01", "-n", "2000")
    point, sampled = asked(place, "history", "thaw")["series"]["thaw"]["points"]
    assert 0 < point["standard_error"] < 0.0005 < sampled["standard_error"]
    shown = answer("ledger", "history", "thaw", folder=place).stdout
    assert f"{100 * point['probability']:.1f}%" in shown
    assert "Standard errors of sampling are at most" in shown


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_no_number_is_cut_at_any_width(place: Path, columns: str) -> None:
    for day in ("2025-02-01", "2025-05-01"):
        record(place, day, "-m", "a long message about what was thought on that day and why it was so")
    for words in (["history"], ["history", "thaw"], ["verify"]):
        shown = answer("ledger", *words, folder=place, COLUMNS=columns).stdout
        assert max(map(len, shown.splitlines())) <= int(columns), shown
        assert words == ["verify"] or "%" in shown


def test_a_ledger_that_is_a_pipe_or_a_folder_is_refused(place: Path) -> None:
    (place / "forecasts").mkdir()
    file(place).mkdir()
    assert answer("ledger", "history", folder=place).returncode == 2
    file(place).rmdir()
    if sys.platform != "win32":
        os.mkfifo(file(place))
        done = answer("ledger", "record", "talks.yaml", folder=place)
        assert (done.returncode, "it is no regular file" in done.stderr) == (2, True)
