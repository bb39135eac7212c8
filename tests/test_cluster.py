"""Blocks over a real cluster of two local workers: the same bytes, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest

from support.command import HARBOUR, HERE, answer, environment, refusal
from support.labour import Labour
from support.living import lives, members, wait_until
from usru_scenarios.problems import TooFewTrials
from usru_scenarios.running import cluster
from usru_scenarios.running.cluster import Cluster, NoClusterError
from usru_scenarios.running.tasks import TASK_SECONDS
from usru_scenarios.sampler.blocks import MapBlocks
from usru_scenarios.study import Study, load
from usru_scenarios.threads import VARIABLES

pytestmark = pytest.mark.skipif(
    find_spec("distributed") is None, reason="distributed, in the extra cluster, is not there"
)

Sums = TypeVar("Sums")

FEEDBACK = HERE / "models" / "exact" / "feedback.yaml"
TRIALS = 60_000


@pytest.fixture(scope="module")
def local() -> Iterator[Cluster]:
    with Cluster("local", 2, worthwhile=0.0) as two:
        yield two


def test_the_same_bytes_as_in_one_process(local: Cluster) -> None:
    study = load(FEEDBACK)
    alone, spread = (study.simulate(trials=TRIALS, map_blocks=run) for run in (map, local.map))
    assert alone == spread
    with pytest.raises(AssertionError):
        assert study.simulate(trials=TRIALS, seed=2, map_blocks=local.map) == alone


QUESTIONS: dict[str, Callable[[Study, MapBlocks], object]] = {
    "sweep": lambda study, run: study.sweep("scenarios.calm.baseline=0.2,0.6", trials=20_000, map_blocks=run),
    "sensitivity": lambda study, run: study.sensitivity(trials=20_000, map_blocks=run),
    "check": lambda study, run: study.check(robust=2, mutants=2, trials=2_000, map_parts=run),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_other_questions_get_the_same_answer(question: str, local: Cluster) -> None:
    study = load(FEEDBACK)
    alone, spread = (QUESTIONS[question](study, run) for run in (map, local.map))
    assert alone == spread


def test_results_come_in_order_from_both_workers(local: Cluster) -> None:
    assert list(local.map(Labour().double, range(50))) == [2 * block for block in range(50)]
    assert list(local.map(partial(Labour().add, 5), [3, 1, 2])) == [8, 6, 7]
    homes = set(local.map(Labour(1.0).where, range(30)))
    assert len(homes) == 2
    assert os.getpid() not in homes


def test_workers_start_one_thread_each_unless_told_otherwise_and_the_environment_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    before = dict(os.environ)
    with Cluster("local", 1, worthwhile=0.0) as one:
        assert os.environ["PYTHONSAFEPATH"] == "1"
        (seen,) = one.map(Labour().threads, [0])
    assert seen == {**dict.fromkeys(VARIABLES, "1"), "OPENBLAS_NUM_THREADS": "3"}
    assert dict(os.environ) == before


def test_what_is_short_or_says_nothing_of_its_length_runs_here(local: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "worthwhile", TASK_SECONDS)
    assert set(local.map(Labour(0.01).where, range(5))) == {os.getpid()}
    assert list(local.map(str, range(3))) == ["0", "1", "2"]


def test_an_error_is_the_error_itself(local: Cluster) -> None:
    results = local.map(Labour(faults=(7, 30)).double, range(50))
    with pytest.raises(TooFewTrials, match="of block 7") as caught:
        list(results)
    assert caught.value.effective_trials == 7.0


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    local: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    study = load(FEEDBACK)
    victim = next(iter(local.map(Labour(1.0).where, range(2))))

    def deadly(function: Callable[[int], Sums], blocks: Iterable[int]) -> Iterator[Sums]:
        for number, part in enumerate(local.map(function, blocks)):
            if number == 3:
                os.kill(victim, signal.SIGKILL)
            yield part

    spread = study.simulate(trials=330_000, map_blocks=deadly)
    wait_until(lambda: not lives(victim))  # until then whoever started it has not heard of its end
    assert spread == study.simulate(trials=330_000)
    assert capfd.readouterr() == ("", "")


def test_an_address_where_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NoClusterError, match="no scheduler answers") as caught:
            Cluster(address, patience=0.3)
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith(f"usru: no scheduler answers at {address}\n")


def test_a_scheduler_without_workers() -> None:
    distributed = import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address="127.0.0.1:0", protocol="tcp://"
        ) as empty,
        pytest.raises(NoClusterError, match="has no workers"),
    ):
        Cluster(empty.scheduler_address, patience=1.0)


def test_a_cluster_with_other_versions_is_refused(local: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "__version__", "0.0.0")
    with pytest.raises(NoClusterError, match=r"a worker has usru-scenarios .*, but this machine has 0\.0\.0"):
        list(local.map(Labour(1.0).add_one, range(3)))
    packages = {"python": "3.11", "numpy": "2.0", "distributed": "2026.1"}
    ours, other = {"packages": packages}, {"packages": {**packages, "numpy": "1.9"}}
    cluster.require_same_versions({"client": ours, "scheduler": ours, "workers": {"tcp://a:1": ours}})
    with pytest.raises(NoClusterError, match=r"tcp://a:1 has numpy 1\.9, but this machine has 2\.0"):
        cluster.require_same_versions({"client": ours, "scheduler": ours, "workers": {"tcp://a:1": other}})


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'usru-scenarios[cluster]'" in refusal("simulate", HARBOUR, "--cluster", "local")


RUN = (
    "import sys; from usru_scenarios.cli import main; from usru_scenarios.running import cluster; "
    "cluster.TASK_SECONDS = 0.0; sys.exit(main(sys.argv[1:]))"
)


@pytest.mark.parametrize(
    "number",
    [None, signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=["done", "SIGINT", "SIGTERM"],
)
def test_a_local_cluster_leaves_nothing_and_runs_nothing_of_the_current_folder(
    tmp_path: Path, number: signal.Signals | None
) -> None:
    """Whether the run ends, with the bytes of one process, or is told to.

    No folder is left, no process, no word of leaked semaphores, and no foreign code has run.
    """
    folder, scratch = tmp_path / "here", tmp_path / "scratch"
    (folder / "multiprocessing").mkdir(parents=True)
    scratch.mkdir()
    trap = f"open({str(tmp_path / 'run')!r}, 'a').write(__name__ + ' '); raise SystemExit(3)"
    for name in ("multiprocessing/__init__", "signal", "socket", "numpy", "distributed", "runpy"):
        (folder / f"{name}.py").write_text(trap)
    trials = "40000" if number is None else "1e8"
    command = [
        sys.executable,
        "-P",
        "-c",
        RUN,
        "simulate",
        HARBOUR,
        "-n",
        trials,
        "--yes",
        "--json",
        "--cluster",
        "local",
    ]
    with subprocess.Popen(
        [*command, "--jobs", "1", "-o", str(tmp_path / "result")],
        cwd=folder,
        env=environment(TMPDIR=str(scratch)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        if number is not None:
            wait_until(lambda: any("worker" in str(path) for path in scratch.rglob("*")))
            leader.send_signal(number)
        output, said = leader.communicate(timeout=120)
    assert (output, said) == (b"", b"")
    assert leader.returncode == {None: 0, signal.SIGINT: 130, signal.SIGTERM: -signal.SIGTERM}[number]
    wait_until(lambda: not members(leader.pid))
    assert list(scratch.iterdir()) == []
    alone = (
        {"result": answer("simulate", HARBOUR, "-n", trials, "--json", "--jobs", "1").stdout} if number is None else {}
    )
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("result*")} == alone
    assert not (tmp_path / "run").exists()
