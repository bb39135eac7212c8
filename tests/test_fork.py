"""Short work is shared with a fork of the command's process: the same bytes, and nothing that anybody would notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command import HARBOUR, HERE, answer, environment
from support.labour import Labour, Stubborn
from support.living import members, wait_until
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.running import fork
from usru_scenarios.running.processes import FORK_SECONDS, WORKER_SECONDS, Processes
from usru_scenarios.sampler.blocks import BLOCK
from usru_scenarios.study import load

if sys.platform != "linux":
    pytest.skip("no other system is forked", allow_module_level=True)

FEEDBACK = HERE / "models" / "exact" / "feedback.yaml"

NUMBERED = Labour(FORK_SECONDS / 8)
"""Ten calls are long enough to be shared, and no more than that."""


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """What shares with a fork of this process, which may have threads of the tests; none that was made is left."""
    made: list[int] = []
    copied, before = os.fork, open_files()

    def noted() -> int:
        made.append(copied())
        return made[-1]

    monkeypatch.setattr(os, "fork", noted)
    monkeypatch.setattr(fork, "may_fork", lambda: True)
    with Processes(2, forks=True) as processes:
        yield processes
    assert open_files() == before
    for process in made:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


def open_files() -> list[str]:
    """The numbers of the files that this process has open, and of one that lists them."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


# Who does what --------------------------------------------------------------------------------------------------------


def test_the_second_half_is_done_by_another_process_and_comes_in_order(sharing: Processes) -> None:
    assert list(sharing.map(NUMBERED.double, range(9))) == [2 * block for block in range(9)]
    assert list(sharing.map(NUMBERED.double, [3, 1, 2, *range(9)])) == [6, 2, 4, *range(0, 18, 2)]
    where = list(sharing.map(NUMBERED.where, range(9)))
    assert where[:4] == [os.getpid()] * 4
    assert len({*where[4:]} - {os.getpid()}) == 1
    assert len({*where[4:]}) == 1


def test_a_mapping_within_another_one_runs_where_that_one_does(sharing: Processes) -> None:
    for _ in sharing.map(NUMBERED.double, range(9)):
        assert sharing.least_pieces(FORK_SECONDS) == 1
        assert {*sharing.map(NUMBERED.where, range(9))} == {os.getpid()}


def test_it_is_done_only_where_it_pays_and_only_in_a_process_of_ones_own(sharing: Processes) -> None:
    short, long = Labour(FORK_SECONDS / 10), Labour(WORKER_SECONDS / 9)
    assert {*sharing.map(short.where, range(9))} == {os.getpid()}
    assert [sharing.least_pieces(seconds) for seconds in (0.9 * FORK_SECONDS, FORK_SECONDS, WORKER_SECONDS)] == [
        1,
        2,
        1,
    ]
    assert len({*sharing.map(long.where, range(10))} - {os.getpid()}) == 2, "no workers"
    sharing.close()
    for other in (Processes(1, forks=True), Processes(2)):
        assert other.least_pieces(FORK_SECONDS) == 1
        assert {*other.map(NUMBERED.where, range(9))} == {os.getpid()}


def test_no_process_that_has_threads_is_forked_or_that_is_watched_or_on_another_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "import sys, threading\n"
        "from usru_scenarios.running.fork import may_fork\n"
        "assert may_fork()\n"
        "sys.setprofile(lambda *_: None)\n"
        "assert not may_fork()\n"
        "sys.setprofile(None)\n"
        "over = threading.Event()\n"
        "thread = threading.Thread(target=over.wait)\n"
        "thread.start()\n"
        "assert not may_fork()\n"
        "over.set()\n"
        "thread.join()\n"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
    monkeypatch.setattr(fork, "_THREADS_FOLDER", "/nowhere")
    assert not fork.may_fork()
    monkeypatch.setattr(fork, "_THREADS_FOLDER", os.curdir)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not fork.may_fork()


# Failures -------------------------------------------------------------------------------------------------------------


def test_what_a_fork_that_is_killed_had_to_do_is_done_here(sharing: Processes, tmp_path: Path) -> None:
    labour = Labour(NUMBERED.seconds_each, mark=str(tmp_path / "grave"))
    assert list(sharing.map(labour.die_once, range(9))) == [*range(9)]
    assert (tmp_path / "grave").exists()


@pytest.mark.parametrize("block", [1, 7])
def test_an_error_is_raised_here_as_if_it_had_never_been_elsewhere(sharing: Processes, block: int) -> None:
    results = sharing.map(Labour(NUMBERED.seconds_each, faults=(block, 8)).double, range(9))
    assert [next(results) for _ in range(block)] == [2 * before for before in range(block)]
    with pytest.raises(TooFewTrials, match=f"of block {block}") as caught:
        list(results)
    assert not hasattr(caught.value, "__notes__")


def test_a_fork_without_memory_or_with_an_error_that_can_not_travel_changes_nothing(sharing: Processes) -> None:
    with pytest.raises(MemoryError):
        list(sharing.map(NUMBERED.exhaust, range(9)))
    with pytest.raises(Stubborn, match="no to 0"):
        list(sharing.map(NUMBERED.refuse, range(9)))


@pytest.mark.parametrize("call", ["fork", "pipe"])
def test_where_the_system_refuses_all_is_done_here(
    call: str, sharing: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, call, refuse)
    assert {*sharing.map(NUMBERED.where, range(9))} == {os.getpid()}


def test_a_caller_that_wants_no_more_leaves_nothing_behind(sharing: Processes) -> None:
    results = sharing.map(NUMBERED.where, range(9))
    assert next(results) == os.getpid()
    results.close()
    assert sharing.least_pieces(FORK_SECONDS) == 2


def test_who_wants_to_hear_of_no_process_that_ends_gets_the_same(sharing: Processes) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert list(sharing.map(NUMBERED.double, range(9))) == [2 * block for block in range(9)]
        next(results := sharing.map(NUMBERED.where, range(9)))
        results.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


# The command ----------------------------------------------------------------------------------------------------------

TOLD = """
import atexit, os, sys
from usru_scenarios import entry
from usru_scenarios.running import processes
processes.cores = lambda: 2
PATCH
os.register_at_fork(after_in_parent=lambda: os.write(2, b"forked\\n"))
atexit.register(lambda: os.write(2, b"ended\\n"))
sys.stdout.write("written before\\n")
sys.argv[0] = "usru"
sys.exit(entry.main())
"""
"""The command, which says how often it is forked and ended, and has not yet put out what it has written."""

LASTING = "processes.WORKER_SECONDS = 1e12"
"""Work of any length is shared with a fork."""


def command(*arguments: str, patch: str = "") -> list[str]:
    return [sys.executable, "-c", TOLD.replace("PATCH", patch), *arguments]


def run(*arguments: str, patch: str = "", **changes: str) -> tuple[str, list[str]]:
    """What the command puts out, and what is said of it."""
    done = subprocess.run(
        command(*arguments, patch=patch), capture_output=True, text=True, env=environment(**changes), check=True
    )
    assert done.stdout.startswith("written before\n")
    assert done.stdout.count("written before") == 1
    return done.stdout.removeprefix("written before\n"), done.stderr.split()


DEFAULT = ("simulate", "--json")
LONGER = ("simulate", str(FEEDBACK), "-n", str(9 * BLOCK + 300), "--json")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"USRU_CACHE": "", "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.mark.parametrize(
    "asked",
    [
        DEFAULT,
        ("simulate", "--judgements", "0", "--json"),
        LONGER,
        ("simulate", str(FEEDBACK), "-n", "150000", "--given", "mood=cold@end", "--json"),
        ("ask", "P(reset @ end)", "--json"),
    ],
    ids=["drawn", "means", "feedback", "given", "ask"],
)
def test_every_byte_is_that_of_one_process(asked: tuple[str, ...], cache: dict[str, str]) -> None:
    """Also where each half keeps what it has compiled, and where it recalls that."""
    alone, said = run(*asked, "--jobs", "1", **cache)
    assert said == ["ended"]
    assert [run(*asked, **cache) for _ in range(2)] == [(alone, ["forked", "ended"])] * 2


TWICE = """
from usru_scenarios.running import fork
send = fork._send_results
fork._send_results = lambda function, blocks, *rest: send(function, [0], *rest)
"""
KILLED = """
import signal
from usru_scenarios.running import fork
fork._send_results = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_half_of_the_trials_drawn_twice_would_be_noticed(cache: dict[str, str]) -> None:
    alone, twice, killed = (run(*DEFAULT, patch=patch, **cache) for patch in ("", TWICE, KILLED))
    assert alone[1] == twice[1] == ["forked", "ended"]
    assert twice != alone
    assert killed == alone, "a fork that is killed is no loss"


def test_on_one_core_and_where_little_is_asked_nothing_is_forked() -> None:
    assert run(*LONGER, patch="processes.cores = lambda: 1")[1] == ["ended"]
    assert run("simulate", HARBOUR, "-n", "20000", "--json")[1] == ["ended"]


def test_a_program_that_uses_the_library_or_the_command_line_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "may_fork", lambda: pytest.fail("nobody asks"))
    assert answer(*LONGER).returncode == 0
    load(FEEDBACK).simulate(trials=9 * BLOCK)


@contextmanager
def leading(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, whose work would never end, in a session of its own; nothing of it outlasts a test that fails."""
    asked = command(*ENDLESS, *arguments, patch=LASTING)
    with subprocess.Popen(
        asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True
    ) as leader:
        try:
            yield leader
        except BaseException:
            os.killpg(leader.pid, signal.SIGKILL)
            raise


ENDLESS = ("-q", "simulate", str(FEEDBACK), "-n", "1e10", "--yes", "-o")


@pytest.mark.parametrize(
    ("number", "to_all"),
    [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGHUP, True)],
    ids=["SIGINT to the group", "SIGINT", "SIGTERM", "SIGHUP to the group"],
)
def test_an_interruption_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals, to_all: bool) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests under nohup ignores it
    try:
        with leading(str(tmp_path / "result.json")) as leader:
            wait_until(lambda: len(members(leader.pid)) == 2)
            (os.killpg if to_all else os.kill)(leader.pid, number)
            output, said = leader.communicate(timeout=60)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert leader.returncode == (130 if number == signal.SIGINT else -number)
    assert output in (b"written before\n", b"")  # where the signal ends the process, it is lost
    assert said in (b"forked\nended\n", b"forked\n")
    wait_until(lambda: not members(leader.pid))
    assert list(tmp_path.iterdir()) == []


def test_a_fork_goes_when_whoever_made_it_is_killed(tmp_path: Path) -> None:
    with leading(str(tmp_path / "result.json")) as leader:
        wait_until(lambda: len(members(leader.pid)) == 2)
        leader.kill()
    wait_until(lambda: not members(leader.pid))
