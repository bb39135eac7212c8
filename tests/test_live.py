"""`usru simulate --live`: a file that is being edited is forecast again and again, and what changed is said."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import COMMAND, answer, environment, refusal
from support.systems import may_be_forbidden, on_unix
from support.tiny import TALKS
from usru_scenarios.cli.live import Attempt, attempts
from usru_scenarios.reading import polling
from usru_scenarios.reading.request import Request
from usru_scenarios.report import Layout
from usru_scenarios.report import live as report
from usru_scenarios.report.terminal import render_terminal

BASE = TALKS.replace("name: talks", "name: base")
OVER = "usru: 1\nname: over\ntitle: Mine\nextends: base.yaml\nsources: claims\nodds_per_point: 2\n"
CLAIM = "claims: {C1: {claim: A thing.}}\n"

Edit = Callable[[], object]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "one.yaml").write_text(CLAIM)
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "over.yaml").write_text(OVER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Edits:
    """In the place of waiting: one edit at a time, each at one look; then nothing for a while, and the end."""

    def __init__(self, *edits: Edit, idle: int = 3) -> None:
        self.left, self.idle, self.looks = list(edits), idle, 0

    def __call__(self, _: float) -> None:
        self.looks += 1
        if self.left:
            self.left.pop(0)()
        elif self.idle:
            self.idle -= 1
        else:
            raise KeyboardInterrupt


def nothing() -> None:
    """An edit that is none: time goes by."""


def followed(name: str, *edits: Edit) -> list[Attempt]:
    """What becomes of a file under edits, up to the interruption."""
    found: list[Attempt] = []
    with contextlib.suppress(KeyboardInterrupt):
        for one in attempts(Request.of(name), lambda study: study, lambda study: study.simulate(), Edits(*edits)):
            found.append(one)  # noqa: PERF402  # what came before the interruption counts
    return found


def ends(found: list[Attempt]) -> list[float | str]:
    """The likelihoods at the end, or the faults."""
    return [
        round(one.forecast.result.scenarios["thaw"].end, 4) if one.forecast else str(one.fault).split("\n")[0]
        for one in found
    ]


def saved(path: Path, text: str) -> Edit:
    return lambda: path.write_text(text)


def settled(*edits: Edit) -> Iterator[Edit]:
    """Edits with as much time between them as it takes to see that nothing is being written."""
    for edit in edits:
        yield edit
        yield from [nothing] * 2


def test_every_file_that_a_model_is_made_of_is_looked_after(home: Path) -> None:
    claims = home / "claims" / "two.yaml"
    found = followed(
        "over.yaml",
        *settled(
            saved(home / "over.yaml", OVER.replace("2\n", "3\n")),
            saved(home / "base.yaml", BASE.replace("{thaw: 1}", "{thaw: 2}")),
            saved(claims, "claims: {C1: {claim: Again.}}\n"),
            saved(claims, "claims: {C2: {claim: Again.}}\n"),
        ),
    )
    expected = [0.5 * 2 / 3 + 0.25, 0.5 * 3 / 4 + 0.25, 0.5 * 9 / 10 + 0.25]
    *likely, fault, last = ends(found)
    assert likely == [round(each, 4) for each in expected]
    assert str(fault).startswith("claims/two.yaml:1:10: the claim 'C1' stands here a second time")
    assert last == likely[-1]


def test_a_file_that_is_touched_or_saved_as_it_was_is_not_run_again(home: Path) -> None:
    found = followed(
        "base.yaml", *settled(saved(home / "base.yaml", BASE), lambda: os.utime(home / "base.yaml", (1, 1)))
    )
    assert len(found) == 1


def test_what_says_the_same_is_the_same_forecast(home: Path) -> None:
    first, second = followed("base.yaml", *settled(saved(home / "base.yaml", f"# a comment\n{BASE}")))
    assert first.forecast is not None
    assert second.forecast is not None
    assert second.forecast.result is first.forecast.result


def test_a_file_that_is_being_written_is_read_when_it_is_whole(home: Path) -> None:
    file = home / "base.yaml"
    parts = [saved(file, ""), saved(file, BASE[:40]), saved(file, BASE[:90]), saved(file, f"{BASE}odds_per_point: 2\n")]
    assert len(followed("base.yaml", *parts)) == 2


@pytest.mark.parametrize("wait", [0, 1, 5])
def test_a_file_that_is_replaced_or_gone_for_a_moment_is_read_when_it_is_back(home: Path, wait: int) -> None:
    file = home / "base.yaml"
    (home / "new.yaml").write_text(f"{BASE}odds_per_point: 2\n")
    aside = [lambda: file.rename(home / "base.yaml~")] if wait else []
    found = followed("base.yaml", *aside, *[nothing] * wait, lambda: (home / "new.yaml").replace(file))
    assert ends(found) == [0.55, 0.5833]


def test_a_file_that_stays_away_is_told_once_and_read_when_it_is_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "_MAXIMUM_SETTLING", 4)
    file = home / "base.yaml"
    found = followed("base.yaml", file.unlink, *[nothing] * 8, *settled(saved(file, BASE)))
    assert ends(found) == [0.55, "base.yaml does not exist", 0.55]


def test_a_file_that_stays_broken_is_told_once_and_its_last_forecast_is_kept(home: Path) -> None:
    file = home / "base.yaml"
    broken = BASE.replace("impacts", "impact")
    found = followed("base.yaml", saved(file, broken), *[nothing] * 6, *settled(saved(file, BASE)))
    assert ends(found) == [0.55, "base.yaml:8:63: unknown key 'impact' in driver 'talks'", 0.55]
    assert found[0].forecast is not None
    assert found[2].forecast is not None
    assert found[2].forecast.result is found[0].forecast.result


def test_a_fault_is_mended_in_any_file_that_has_part_in_it(home: Path) -> None:
    (home / "over.yaml").write_text(OVER.replace("base.yaml", "absent.yaml"))
    found = followed(
        "over.yaml",
        *settled(
            lambda: shutil.copy("base.yaml", "absent.yaml"),
            saved(home / "absent.yaml", "drivers: ["),
            saved(home / "absent.yaml", BASE),
        ),
    )
    absent, there, broken, mended = ends(found)
    assert str(absent).startswith("over.yaml:4:10: nothing to extend: absent.yaml does not exist")
    assert str(broken).startswith("absent.yaml:1:")
    assert there == mended == 0.5833


@may_be_forbidden
def test_a_file_that_can_t_be_read_is_told_once(home: Path) -> None:
    file = home / "base.yaml"
    found = followed("base.yaml", *settled(lambda: file.chmod(0), lambda: file.chmod(0o644)))
    assert len(found) == 3


@on_unix
def test_what_can_t_be_read_has_a_state_of_its_own(home: Path) -> None:
    os.mkfifo(home / "pipe")
    polled = polling.PolledFiles({str(home / "pipe"): polling.file_state(str(home / "pipe"))})
    assert not polled.has_changed()
    (home / "pipe").unlink()
    assert polled.has_changed()


# What changed ---------------------------------------------------------------------------------------------------------


def changes(before: str, after: str, home: Path, trials: int | None = None) -> report.Changes:
    """The changes between two texts on the same random numbers."""
    for name, text in (("a", before), ("b", after)):
        (home / f"{name}.yaml").write_text(text)
    one, other = us.load("a.yaml"), us.load("b.yaml")
    return report.changes_between_variants(one.compare({"now": other}, switch=False, trials=trials))


def shown(changed: report.Changes, width: int = 80) -> str:
    layout = Layout(width)
    return render_terminal(report.report(changed, layout), layout)


STEEPER = f"{BASE}odds_per_point: 3\n"


def test_differences_are_those_of_exact_forecasts_within_their_errors(home: Path) -> None:
    exact = changes(BASE, STEEPER, home)
    right = 0.5 * (3 / 4 - 3 / 5)
    for time_of in ("start", "end", "mean"):
        assert exact.moves["thaw"][time_of] == pytest.approx((right, 0.0), abs=1e-9)
    sampled = changes(BASE, STEEPER, home, trials=20_000)
    for title, sign in (("thaw", 1), ("freeze", -1)):
        for move in sampled.moves[title].values():
            assert 0 < move.error < 0.001
            assert abs(move.difference - sign * right) < 4.5 * move.error
            assert abs(move.difference + sign * right) > 4.5 * move.error  # so the sign is not amiss
    assert [(one.path, one.reference, one.variant) for one in exact.inputs] == [
        ("odds_per_point.impacts", 1.5, 3.0),
        ("odds_per_point.influences", 1.5, 3.0),
    ] or [one.path for one in exact.inputs] == ["odds_per_point"]


def test_the_table_has_points_with_their_errors_and_says_what_is_noise(home: Path) -> None:
    text = shown(changes(BASE, STEEPER, home, trials=20_000))
    assert "odds_per_point" in text
    assert "1.5 -> 3" in text
    assert " +7." in text
    (row,) = (line for line in text.splitlines() if line.startswith("any"))
    assert set(row.split()[1:]) <= {"0", "noise", "<0.01"}
    assert "± is one standard error of the difference" in text


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_no_number_is_cut_at_any_width(home: Path, width: int) -> None:
    long = "A title that is longer than any column of a narrow terminal"
    changed = changes(BASE, STEEPER, home, trials=5_000)
    text = shown(changed._replace(moves={long: changed.moves["thaw"]}), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert f"{100 * changed.moves['thaw']['end'].difference:+.1f}"[:4] in text


def test_what_moves_nothing_is_said_to() -> None:
    still = report.Changes((), {"a": {"end": report.Difference(0.0, 0.0)}})
    assert "Nothing moves.\n" in shown(still)
    noisy = report.Changes((), {"a": {"end": report.Difference(0.002, 0.001)}})
    assert "Nothing moves by more than the noise: three standard errors are 0.3 points.\n" in shown(noisy)
    told = report.Changes(
        (), {"a": {"end": report.Difference(0.0031, 0.001)}, "b": {"end": report.Difference(0.0029, 0.001)}}
    )
    rows = [line.split() for line in shown(told).splitlines()]
    assert ["a", "+0.3", "0.1"] in rows
    assert ["b", "noise", "0.1"] in rows


def test_of_two_runs_apart_errors_add_up(home: Path) -> None:
    (home / "b.yaml").write_text(STEEPER.replace("freeze: 0.5}", "freeze: 0.5, war: 0}"))
    one, other = us.load("base.yaml").simulate(trials=2_000), us.load("b.yaml").simulate(trials=2_000)
    found = report.changes_between_runs(one, other)
    old, new = one.scenarios["thaw"], other.scenarios["thaw"]
    assert found.moves["thaw"]["end"] == pytest.approx(
        (new.end - old.end, math.hypot(old.standard_errors.end, new.standard_errors.end))
    )
    assert found.left_out == ["war"]
    text = shown(found)
    assert "each with sampling errors of its own" in text
    assert "Not in both runs: war." in text


# The command ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], "no file to look after"),
        (["base.yaml", "--json"], "standard output alone"),
        (["base.yaml", "-f", "csv"], "standard output alone"),
        (["base.yaml", "-o", "x.txt"], "standard output alone"),
        (["absent.yaml"], "there is no file"),
        (["base.yaml", "--do", "talks=shut"], "unknown state"),
        (["base.yaml", "-w", "talk=2"], "did you mean 'talks'?"),
        (["base.yaml", "-p", "none"], "unknown profile"),
    ],
)
def test_a_wrong_call_ends_at_once(home: Path, arguments: list[str], message: str) -> None:
    said = refusal("simulate", *arguments, "--live", folder=home, stdin=BASE)
    assert message in said
    assert "Ctrl-C" not in said


def lived(
    home: Path, monkeypatch: pytest.MonkeyPatch, *edits: Edit, arguments: tuple[str, ...] = ()
) -> tuple[str, str]:
    """What the command writes under edits where no terminal is, up to the interruption."""
    monkeypatch.setattr(time, "sleep", Edits(*settled(*edits)))
    done = answer("simulate", "base.yaml", "--live", *arguments, folder=home)
    assert done.returncode == 130
    return done.stdout, done.stderr


def test_without_a_terminal_runs_stand_below_one_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "base.yaml"
    shown, said = lived(
        home,
        monkeypatch,
        saved(file, STEEPER),
        saved(file, STEEPER.replace("open: {", "opne: {")),
        saved(file, f"{STEEPER}# so\n"),
    )
    assert "\x1b" not in shown
    first, second, third = shown.split("Two powers\n")[1:]
    assert "What changed" not in first
    assert "1.5 -> 3" in second
    assert "+7.50" in second
    assert "The file says what it said before.\n" in third
    assert said.count("Ctrl-C ends") == 1
    assert "unknown state 'opne' in impacts of 'talks'" in said
    assert "did you mean 'open'?" in said
    assert answer("simulate", "base.yaml", folder=home).stdout in shown


def test_observations_and_interventions_hold_for_every_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--given", "talks=open@start", "-n", "4000", "-q")
    shown, said = lived(home, monkeypatch, saved(home / "base.yaml", STEEPER), arguments=arguments)
    assert "each with sampling errors of its own" in shown
    assert shown.count("talks=open@start") == 2
    assert said == ""
    (home / "base.yaml").write_text(BASE)
    shown, _ = lived(home, monkeypatch, saved(home / "base.yaml", STEEPER), arguments=("--do", "talks=open"))
    assert "+15.00" in shown


def test_what_changed_is_found_under_the_evidence_that_the_table_has(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = "usru: 1\nkind: evidence\nname: known\nmodel: base.yaml\nas_of: 2030-01-01\n"
    (home / "known.yaml").write_text(f"{head}evidence: {{e: {{seen: talks=open @ start, learned: 2029-12-31}}}}\n")
    shown, said = lived(
        home, monkeypatch, saved(home / "base.yaml", STEEPER), arguments=("--evidence", "known.yaml", "-q")
    )
    assert said == ""
    (home / "steeper.yaml").write_text(STEEPER.replace("name: base", "name: steeper"))
    (home / "base.yaml").write_text(BASE)
    variants = us.load("base.yaml"), us.load("steeper.yaml")
    before, now = (study.knowing("known.yaml").simulate().scenarios["thaw"].end for study in variants)
    unseen = [study.simulate().scenarios["thaw"].end for study in variants]
    assert abs(unseen[1] - unseen[0] - (now - before)) > 0.005
    assert f"{100 * (now - before):+.2f}" in shown
    assert shown.count("start, share of time: of all steps, those before now too.") == 1


def test_a_saved_evidence_file_is_followed_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = "usru: 1\nkind: evidence\nname: known\nmodel: base.yaml\nas_of: 2030-01-01\n"
    item = "evidence: {e: {seen: talks=STATE @ start, learned: 2029-12-31}}\n"
    file = home / "known.yaml"
    first, faulty, second = (head + item.replace("STATE", state) for state in ("open", "opne", "closed"))
    file.write_text(first)
    edits = saved(file, faulty), saved(file, second)
    shown, said = lived(home, monkeypatch, *edits, arguments=("--evidence", "known.yaml", "-q"))
    assert "did you mean 'open'?" in said
    study = us.load("base.yaml")
    ends = []
    for text in (first, second):
        file.write_text(text)
        ends.append(f"{study.knowing('known.yaml').simulate().scenarios['thaw'].end:.1%}")
    assert [line.split()[2] for line in shown.splitlines() if re.match(r"thaw +\d", line)] == ends


def test_baselines_are_solved_again_in_every_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or twice the points would move the first step too."""
    anchor = "anchor: {at: start, shares: {thaw: 0.3, freeze: 0.7}}\n"
    (home / "base.yaml").write_text(BASE + anchor)
    shown, said = lived(
        home, monkeypatch, saved(home / "base.yaml", STEEPER + anchor), arguments=("--recalibrate", "-q")
    )
    assert said == ""
    rows = [line.split()[1] for line in shown.splitlines() if line.startswith("thaw ")]
    assert rows[:2] == ["30.0%", "30.0%"]
    (home / "base.yaml").write_text(BASE)
    _, said = lived(home, monkeypatch, saved(home / "base.yaml", STEEPER), arguments=("--recalibrate", "-q"))
    assert "no anchor" in said


def test_what_has_nothing_in_common_is_not_compared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = BASE.replace("thaw", "warmer").replace("freeze", "colder")
    shown, _ = lived(home, monkeypatch, saved(home / "base.yaml", other))
    assert "Not compared with the last run: " in shown
    assert "no scenario in common" in shown


_IN_CHARGE = [
    sys.executable,
    "-c",
    "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])",
]
"""What opens a terminal first in a session of its own is who its Ctrl-C is for."""


class Terminal:
    """A terminal in which a command runs."""

    def __init__(self, *command: str, folder: Path) -> None:
        import pty  # on Unix alone
        import termios

        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 80))
        self.process = subprocess.Popen(
            [*_IN_CHARGE, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            start_new_session=True,
            env=environment(TERM="xterm", NO_COLOR="1"),
        )
        os.close(theirs)
        self.text = ""

    def until(self, sign: str) -> str:
        """What it shows up to a sign, of what it has not told yet."""
        while sign not in self.text:
            self.text += os.read(self.ours, 65536).decode("utf-8", errors="replace")
        told, self.text = self.text.split(sign, 1)
        return told

    def close(self) -> int:
        os.write(self.ours, b"\x03")
        with contextlib.suppress(OSError):
            while os.read(self.ours, 65536):
                pass
        os.close(self.ours)
        return self.process.wait(timeout=30)


def test_in_a_terminal_the_last_good_table_stays_above_a_fault(home: Path) -> None:
    terminal = Terminal(*COMMAND, "simulate", "base.yaml", "--live", folder=home)
    first = terminal.until("Ctrl-C ends")
    assert "watching base.yaml; runs again when saved; " in first
    new = home / "new.yaml"
    new.write_text(STEEPER)
    new.replace(home / "base.yaml")
    second = terminal.until("Ctrl-C ends")
    assert second.count("\x1b[H\x1b[2J") == 1
    assert "+7.50" in second
    new.write_text(STEEPER.replace("persistence", "persistance"))
    new.replace(home / "base.yaml")
    third = terminal.until("Ctrl-C ends")
    assert third.count("\x1b[H\x1b[2J") == 1
    above, _, below = third.partition("base.yaml:8:")
    assert "thaw" in above
    assert "+7.50" not in above
    assert "not from data" in first
    assert "not from data" not in above  # so that table and fault stand in so low a terminal
    assert "did you mean 'persistence'?" in below
    assert terminal.close() == 130
