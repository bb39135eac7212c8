"""Blocks over processes: the same bytes, in the same order, and nothing left behind whatever happens."""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.command import COMMAND, HARBOUR, HERE, answer, environment
from support.effort import slow_but
from support.labour import Labour
from support.living import children, members, wait_until
from support.systems import on_unix
from support.tiny import TINY, study_of
from usru_scenarios.cli.progress import LongRunError, Progress
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.running import fork, processes
from usru_scenarios.running import pool as worker_processes
from usru_scenarios.running.pool import LostWorkersError, NoWorkersError
from usru_scenarios.running.processes import Processes, cores
from usru_scenarios.running.tasks import TASK_SECONDS, Result, Tasks, predict_seconds
from usru_scenarios.sampler import blocks
from usru_scenarios.sampler.blocks import MapBlocks
from usru_scenarios.study import Study, load
from usru_scenarios.work import listener_of

FEEDBACK = HERE / "models" / "exact" / "feedback.yaml"
TRIALS = 150_000
"""Ten blocks, the last one in part, of which up to four are walked together: four pieces of work."""


@pytest.fixture(scope="module", params=slow_but([2], [2, 3]))
def pool(request: pytest.FixtureRequest) -> Iterator[Processes]:
    with Processes(request.param, worthwhile=0.0) as processes:
        yield processes


@pytest.fixture(
    params=[
        "fresh interpreters",
        pytest.param("forks", marks=pytest.mark.skipif(sys.platform != "linux", reason="no other system is forked")),
    ]
)
def two(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Two workers, of either kind."""
    monkeypatch.setattr(fork, "may_fork", lambda: True)  # also where the tests have threads
    with Processes(2, worthwhile=0.0, forks=request.param == "forks") as processes:
        yield processes


@pytest.fixture
def workers() -> Callable[[], int]:
    """Says how many processes live that the test has started."""
    before = children()
    return lambda: len(children() - before)


@pytest.fixture
def no_nohup() -> Iterator[None]:
    """Who runs the tests under nohup ignores hang-ups, and so would what they start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


# The same bytes -------------------------------------------------------------------------------------------------------

QUESTIONS: dict[str, Callable[[Study, MapBlocks], object]] = {
    "simulate": lambda study, run: study.simulate(trials=TRIALS, map_blocks=run),
    "ask": lambda study, run: study.ask("P(calm @ end) - P(crisis @ ever)", trials=TRIALS, map_blocks=run),
    "given": lambda study, run: study.simulate(trials=TRIALS, given=["mood=cold@end"], map_blocks=run),
    "explain": lambda study, run: study.explain("crisis", trials=TRIALS, map_blocks=run),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_bytes_in_any_number_of_processes(question: str, pool: Processes) -> None:
    study, ask = load(FEEDBACK), QUESTIONS[question]
    assert ask(study, pool.map) == ask(study, map)
    assert len(children()) >= pool.jobs, "no process did any of it"


def test_a_check_is_the_same_in_any_number_of_processes(tmp_path: Path, pool: Processes) -> None:
    raw = copy.deepcopy(TINY)
    raw["expectations"] = {
        "first": {"that": "P(war @ end) > P(thaw @ end)"},
        "second": {"that": "P(war @ end | do(mood=low)) > P(war @ end | profile(gloomy))"},
        "third": {"that": "P(war @ end | mood=high @ start) < P(war @ end)"},
    }
    study = study_of(raw, tmp_path)
    alone, together = (study.check(robust=3, mutants=8, method="sample", map_parts=run) for run in (map, pool.map))
    assert alone == together
    assert alone.mutants is not None
    assert any(one.failed for one in alone.mutants.mutants)
    assert any(one.robust != 3 for one in alone.expectations.values()) or alone.counts["holds"]


def in_threads(question: Callable[[Study, MapBlocks], object]) -> object:
    """What a study answers whose blocks run in threads of this process."""
    with ThreadPoolExecutor(4) as pool:
        return question(load(FEEDBACK), pool.map)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_in_threads_of_one_process(question: str) -> None:
    alone = QUESTIONS[question](load(FEEDBACK), map)
    assert all(in_threads(QUESTIONS[question]) == alone for _ in range(2))


def test_sabotaged_threads_that_walk_at_once_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "RLock", contextlib.nullcontext)
    alone = QUESTIONS["simulate"](load(FEEDBACK), map)

    def differs() -> bool:
        try:
            return in_threads(QUESTIONS["simulate"]) != alone
        except (ValueError, IndexError):  # arrays of one block with those of another
            return True

    assert any(differs() for _ in range(20))


def test_jobs_change_no_byte_of_the_output(monkeypatch: pytest.MonkeyPatch, workers: Callable[[], int]) -> None:
    monkeypatch.setattr(processes, "WORKER_SECONDS", 0.0)
    one, two = (answer("simulate", HARBOUR, "-n", "40000", "--json", "--jobs", jobs) for jobs in ("1", "2"))
    assert (one.returncode, one.stderr) == (0, "")
    assert (two.returncode, two.stdout, two.stderr) == (0, one.stdout, "")
    assert workers() == 0


def test_another_seed_would_be_noticed(pool: Processes) -> None:
    study = load(FEEDBACK)
    other = study.simulate(trials=TRIALS, seed=2)
    with pytest.raises(AssertionError):
        assert study.simulate(trials=TRIALS, map_blocks=pool.map) == other


# Order, errors and losses ---------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_blocks(pool: Processes) -> None:
    assert list(pool.map(Labour().double, range(50))) == [2 * block for block in range(50)]
    assert list(pool.map(partial(Labour().add, 5), [3, 1, 2])) == [8, 6, 7]
    assert len(set(pool.map(Labour().where, range(50)))) == pool.jobs


@pytest.mark.skipif(sys.platform != "linux", reason="no other system is forked")
def test_workers_are_forks_only_of_a_process_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    fork_process, start_interpreter = os.fork, subprocess.Popen

    def forked() -> int:
        made.append("fork")
        return fork_process()

    def started(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        made.append("interpreter")
        return start_interpreter(*arguments, **options)

    monkeypatch.setattr(os, "fork", forked)
    monkeypatch.setattr(subprocess, "Popen", started)
    for forks, may in ((True, True), (True, False), (False, True)):
        monkeypatch.setattr(fork, "may_fork", lambda may=may: may)
        with Processes(2, worthwhile=0.0, forks=forks) as pool:
            assert len(set(pool.map(Labour().where, range(50)))) == 2
    assert made == ["fork"] * 2 + ["interpreter"] * 4


def test_no_worker_runs_far_ahead_of_what_is_taken(two: Processes, tmp_path: Path) -> None:
    results = two.map(Labour(mark=str(tmp_path)).leave, range(1000))
    next(results)
    time.sleep(0.3)
    assert 1 < len(list(tmp_path.iterdir())) < 100


def test_an_error_is_that_of_the_first_block_that_has_one(pool: Processes) -> None:
    results = pool.map(Labour(faults=(7, 30)).double, range(50))
    assert [next(results) for _ in range(6)] == [0, 2, 4, 6, 8, 10]
    with pytest.raises(TooFewTrials, match="of block 7") as caught:
        list(results)
    assert (caught.value.effective_trials, caught.value.estimate) == (7.0, 0.25)
    assert "in double" in caught.value.__notes__[0]
    assert list(pool.map(Labour().double, range(9))) == [2 * block for block in range(9)]


def test_an_error_that_can_not_travel_is_told(two: Processes) -> None:
    with pytest.raises(RuntimeError, match="Stubborn: no to 0"):
        list(two.map(Labour().refuse, range(9)))


def test_what_a_lost_worker_had_to_do_is_done_by_another(two: Processes, tmp_path: Path) -> None:
    results = list(two.map(Labour(mark=str(tmp_path / "grave")).die_once, range(50)))
    assert (tmp_path / "grave").exists()
    assert results == list(range(50))


def test_workers_that_are_killed_again_and_again_may_have_run_out_of_memory(
    two: Processes, workers: Callable[[], int]
) -> None:
    with pytest.raises(LostWorkersError, match=r"killed \(signal 9\).*memory") as caught:
        list(two.map(Labour().die, range(50)))
    assert caught.value.exit_status == 2
    assert workers() == 0


@pytest.mark.parametrize(
    ("last", "status", "told"),
    [
        ("MemoryError", 2, 'for want of memory: "MemoryError"\n    = fewer --jobs'),
        ("OSError: [Errno 12] Cannot allocate memory", 2, "for want of memory"),
        ("ZeroDivisionError: \x1b[31mno", 101, 'with exit status 3: "ZeroDivisionError:  [31mno"\n    = --jobs 1'),
        ("", 101, "with exit status 3\n"),
    ],
)
def test_what_is_told_of_workers_that_died_is_what_they_said(
    two: Processes, last: str, status: int, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = f"Traceback (most recent call last):\n  ...\n{last}\n" if last else ""
    with pytest.raises(LostWorkersError) as caught:
        list(two.map(partial(Labour().say_and_die, said), range(50)))
    assert caught.value.exit_status == status
    assert f"usru: 4 workers died, the last one {told}" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_task_without_memory_says_so(two: Processes) -> None:
    with pytest.raises(MemoryError):
        list(two.map(Labour().exhaust, range(9)))


def test_a_system_without_processes_is_told(two: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    monkeypatch.setattr("os.fork", refuse)
    with pytest.raises(NoWorkersError, match="resource temporarily unavailable"):
        list(two.map(Labour().double, range(9)))


# The current folder is data -------------------------------------------------------------------------------------------

FOREIGN = ("signal", "socket", "random", "numpy", "pickle", "struct", "tempfile", "runpy", "sitecustomize", "support")
AT_ONCE = (
    "import sys; from usru_scenarios.cli import main; from usru_scenarios.running import processes; "
    "processes.WORKER_SECONDS = 0.0; sys.exit(main(sys.argv[1:]))"
)


def test_code_in_the_current_folder_never_runs(tmp_path: Path) -> None:
    """Modules that all of Python, numpy or this program import, and two packages: each would leave a mark."""
    trap = f"open({str(tmp_path / 'run')!r}, 'a').write(__name__ + ' '); raise SystemExit(3)"
    folder = tmp_path / "here"
    for name in ("multiprocessing", "usru_scenarios"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(trap)
    for name in FOREIGN:
        (folder / f"{name}.py").write_text(trap)
    command = [sys.executable, "-P", "-c", AT_ONCE, "simulate", HARBOUR, "-n", "40000", "--json", "--jobs"]
    one, two = (
        subprocess.run(
            [*command, jobs], cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=120
        )
        for jobs in ("1", "2")
    )
    assert (two.returncode, two.stdout, two.stderr) == (0, one.stdout, "")
    assert not (tmp_path / "run").exists()
    without = [sys.executable, *command[2:], "2"]
    subprocess.run(without, cwd=folder, env=environment(), capture_output=True, check=False, timeout=120)
    assert (tmp_path / "run").exists(), "the traps do not work"


def test_workers_look_where_this_process_does_but_for_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = str(Path(worker_processes.__file__).parents[2])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", str(tmp_path), "/elsewhere", home, "."])
    assert worker_processes._module_folders() == ["/elsewhere", home]  # noqa: SLF001
    monkeypatch.chdir(home)
    assert worker_processes._module_folders() == [str(tmp_path), "/elsewhere", home]  # noqa: SLF001


def test_a_caller_that_wants_no_more_leaves_nothing_behind(two: Processes, workers: Callable[[], int]) -> None:
    results = two.map(Labour().double, range(1000))
    assert next(results) == 0
    assert workers() == 2
    results.close()
    assert workers() == 0
    assert list(two.map(Labour().double, range(9))) == [2 * block for block in range(9)]
    two.close()
    assert workers() == 0


# Where it is not worth it ---------------------------------------------------------------------------------------------


def test_short_runs_and_work_of_unknown_length_start_no_process(workers: Callable[[], int]) -> None:
    assert predict_seconds(Labour(0.1).double) == predict_seconds(partial(Labour(0.1).add, 1)) == 0.1
    assert predict_seconds(str) is None
    with Processes(2) as pool:
        assert set(pool.map(Labour(processes.WORKER_SECONDS / 11).where, range(10))) == {os.getpid()}
        assert list(pool.map(str, range(3))) == ["0", "1", "2"]
        assert list(pool.map(Labour(100.0).where, range(1))) == [os.getpid()]
        load(HARBOUR).simulate(trials=TRIALS, map_blocks=pool.map)
        assert workers() == 0
        assert os.getpid() not in set(pool.map(Labour(processes.WORKER_SECONDS / 9).where, range(10)))
    with Processes(1, worthwhile=0.0) as alone:
        assert set(alone.map(Labour(100.0).where, range(10))) == {os.getpid()}


def test_a_mapping_within_another_one_runs_here() -> None:
    with Processes(2, worthwhile=0.0) as pool:
        for _ in pool.map(Labour().double, range(4)):
            assert set(pool.map(Labour().where, range(4))) == {os.getpid()}


def test_a_bar_is_drawn_for_the_outer_mapping_only() -> None:
    progress = Progress(wanted=False)
    assert [list(progress(str, range(outer))) for outer in progress(int, range(3))] == [[], ["0"], ["0", "1"]]
    assert not progress.is_working


def test_tasks_are_large_enough_and_there_are_enough_of_them() -> None:
    each = TASK_SECONDS / 10
    assert Tasks.of(str, range(10_000), each, 2).size == 10
    assert Tasks.of(str, range(16), each, 2).size == 2
    assert Tasks.of(str, range(5), 10 * TASK_SECONDS, 2).size == 1
    tasks = Tasks.of(str, range(25), each, 1)
    assert [list(tasks[number]) for number in range(len(tasks))][-1] == list(range(21, 25))
    assert len(Tasks.of(str, range(61_035_157), each, 2)) == 6_103_516


# The command ----------------------------------------------------------------------------------------------------------


def test_auto_is_as_many_jobs_as_cores() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    assert answer("simulate", HARBOUR, "-n", "2000", "--jobs", "auto").returncode == 0


@on_unix
@pytest.mark.parametrize(
    ("name", "to_all"),
    [("SIGINT", True), ("SIGINT", False), ("SIGTERM", False), ("SIGHUP", True)],
    ids=["SIGINT to the group", "SIGINT", "SIGTERM", "SIGHUP to the group"],
)
@pytest.mark.usefixtures("no_nohup")
def test_an_interruption_leaves_no_process_and_no_file(tmp_path: Path, name: str, to_all: bool) -> None:
    target, number = tmp_path / "result.json", signal.Signals[name]
    command = [*COMMAND, "-q", "simulate", str(FEEDBACK), "-n", "1e9", "--yes", "--jobs", "2", "-o", str(target)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True
    ) as leader:
        wait_until(lambda: len(members(leader.pid)) >= 3)
        (os.killpg if to_all else os.kill)(leader.pid, number)
        output, said = leader.communicate(timeout=60)
    assert (leader.returncode, output, said) == (130 if number == signal.SIGINT else -number, b"", b"")
    wait_until(lambda: not members(leader.pid))
    assert list(tmp_path.iterdir()) == []


LOADING = """
import abc, os, signal, sys
from usru_scenarios import entry
register = abc.ABCMeta.register
def registered(cls, subclass):
    if cls.__name__ == "Sequence" and subclass.__module__.startswith("numpy.random"):
        os.write(2, b"sent")
        os.kill(os.getpid(), signal.NUMBER)
    return register(cls, subclass)
abc.ABCMeta.register = registered
sys.exit(entry.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_felt_that_comes_while_generators_are_imported(number: signal.Signals) -> None:
    """Their modules pass over all that is raised there."""
    code = LOADING.replace("NUMBER", number.name)
    command = [sys.executable, "-c", code, "simulate", HARBOUR, "-n", "2000", "--method", "sample", "--json"]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False, timeout=120)
    if b"sent" not in done.stderr:
        pytest.skip("the modules of this numpy do nothing there")
    assert (done.returncode, done.stdout) == (130 if number == signal.SIGINT else -number, b"")
    assert set(done.stderr.split(b"sent")) == {b""}


def test_workers_go_when_whoever_started_them_is_killed() -> None:
    command = [*COMMAND, "simulate", str(FEEDBACK), "-n", "1e9", "--yes", "--jobs", "2"]
    with subprocess.Popen(command, env=environment(), start_new_session=True) as leader:
        wait_until(lambda: len(members(leader.pid)) >= 3)
        leader.kill()
    wait_until(lambda: not members(leader.pid))


# What is ahead --------------------------------------------------------------------------------------------------------


class Foretold(Progress):
    """Notes what is expected when the first work begins."""

    first: float | None = None

    def __call__(self, function: Callable[[int], Result], blocks: Iterable[int], /) -> Iterator[Result]:
        self.first = self.seconds_expected if self.first is None else self.first
        return super().__call__(function, blocks)


@pytest.mark.parametrize(
    "ask",
    [
        lambda study, map_blocks: study.sensitivity(trials=40_000, map_blocks=map_blocks),
        lambda study, map_blocks: study.check(robust=5, map_parts=map_blocks),
        lambda study, map_blocks: study.explain("open", trials=40_000, map_blocks=map_blocks),
        lambda study, map_blocks: study.compare(
            {"other": study.varied(weights=["weather=2", "traffic=0.5"])},
            trials=40_000,
            method="sample",
            map_blocks=map_blocks,
        ),
    ],
    ids=["sensitivity", "check", "explain", "compare"],
)
def test_a_question_says_all_its_work_before_it_begins(ask: Callable[[Study, MapBlocks], object]) -> None:
    progress = Foretold(wanted=False)
    ask(load(HARBOUR), progress)
    assert progress.first is not None
    assert 0.6 < progress.first / progress.seconds_started < 1.7


@pytest.mark.parametrize(
    "ask",
    [
        lambda study, map_blocks: study.simulate(method="exact", map_blocks=map_blocks),
        lambda study, map_blocks: study.ask("P(crisis @ end)", method="exact", map_blocks=map_blocks),
    ],
    ids=["simulate", "ask"],
)
def test_what_is_solved_is_told_too(ask: Callable[[Study, MapBlocks], object]) -> None:
    progress = Progress(wanted=False)
    ask(load(HERE / "models/exact/feedback.yaml"), progress)
    assert progress.seconds_started > 0.0
    assert not progress.is_working


def test_work_is_refused_by_all_that_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two walks of 40 minutes each are one run of more than an hour; on two cores they are none."""
    progress = Progress(wanted=False)
    assert listener_of(progress) is progress
    progress.expect(2400.0)
    with pytest.raises(LongRunError, match="80 minutes"):
        progress.expect(2400.0)
    for allowed in (Progress(wanted=False, yes=True), Progress(wanted=False, at_once=2)):
        allowed.expect(2400.0, 2)
    listener_of(map).expect(1e9)  # it does not listen
    monkeypatch.setattr("sys.stderr", None)
    with Progress(wanted=True).unmapped_work(1.0), listener_of(map).unmapped_work(1.0):
        assert True
