"""Maps blocks over a dask cluster: one that runs already, or one of local workers that lasts as long as it is used.

The pickled function is a task of its own, named by its hash: it is sent to a worker once, and is made again should the
worker that has it be lost. The other tasks take its result. Results are taken in the order of the blocks, and only so
many tasks are outstanding as keep all workers busy. What a lost worker had to do dask gives to another one, which
changes no result.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from importlib import import_module
from itertools import islice
from typing import Any, Self

import numpy as np

from usru_scenarios.interruptions import held
from usru_scenarios.problems import UsruError, to_one_line
from usru_scenarios.running.processes import cores
from usru_scenarios.running.tasks import TASK_SECONDS, Result, Tasks, listed, predicted, unpacked
from usru_scenarios.threads import NAMES, one_thread
from usru_scenarios.version import __version__

LOCAL = "local"

PATIENCE = 5.0
"""Seconds in which a scheduler must answer, and have a worker."""

_AHEAD = 4
"""Tasks for each thread of the cluster that may be outstanding."""
_ALIKE = ("python", "numpy", "distributed")
"""What must have the same version everywhere: tasks are pickled, and results are to be the same bytes."""

_OF_DASK = ("PYTHONHASHSEED", "__DASK_PARENT_PID")
"""Variables that dask sets besides, for its workers."""
_SAFE_PATH = "PYTHONSAFEPATH"
"""Keeps the current folder from the path of modules in every interpreter that is started with it."""


class NoClusterError(UsruError):
    """A cluster that can't be had, or that can't do this work."""

    exit_status = 2


def _no_cluster(message: str, hint: str) -> NoClusterError:
    return NoClusterError(to_one_line(f"usru: {message}"), to_one_line(hint))


class Cluster:
    """A connection to a cluster. Its `map` is a `MapBlocks`; use it as a context, or close it.

    Args:
        address: that of a scheduler, such as tcp://host:8786, or `local` for workers on this machine.
        jobs: how many local workers; by default as many as there are cores.
        worthwhile: predicted seconds of work below which a mapping runs here; by default `TASK_SECONDS`.
        patience: seconds in which a scheduler must answer, and have a worker.

    Raises:
        NoClusterError: dask is not installed, the scheduler does not answer, it has no worker, or versions differ.
    """

    def __init__(
        self, address: str, jobs: int | None = None, *, worthwhile: float | None = None, patience: float = PATIENCE
    ) -> None:
        self.worthwhile = TASK_SECONDS if worthwhile is None else worthwhile
        with ExitStack() as stack:
            self._client = _connected(address, jobs, patience, stack)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take back what is outstanding and leave; local workers end, and their folders go."""
        with held():
            self._open.close()

    @property
    def threads(self) -> int:
        """How many tasks it works at together."""
        return max(1, sum(int(number) for number in self._client.nthreads().values()))

    def map(self, function: Callable[[int], Result], blocks: Iterable[int]) -> Iterator[Result]:
        """The results in the order of the blocks; what would not fill a task, or predicts nothing, runs here.

        Raises:
            NoClusterError: workers died again and again, the scheduler was lost, or it or a worker can't do this work.
            Exception: what the function raised, for the first block for which it did.
        """
        blocks, seconds = listed(blocks), predicted(function)
        if seconds is None or seconds * len(blocks) < self.worthwhile:
            yield from map(function, blocks)
            return
        threads = self.threads
        future = self._futures(Tasks.of(function, blocks, seconds, threads))
        outstanding = deque(islice(future, _AHEAD * threads))
        while outstanding:
            done = _done(outstanding.popleft())
            outstanding.extend(islice(future, 1))
            yield from done

    def _futures(self, tasks: Tasks[Any]) -> Iterator[Any]:
        """The tasks, each submitted when it is asked for."""
        payload = tasks.payload()
        name = f"usru_function-{hashlib.sha256(repr(_ours()).encode() + payload).hexdigest()}"
        function = self._client.submit(_received, payload, _ours(), key=name)
        run = uuid.uuid4().hex  # nothing is shared with another run, which may have been given up
        for number in range(len(tasks)):
            yield self._client.submit(_results, function, tasks[number], key=(f"usru_blocks-{run}", number))


def _settings() -> dict[str, Any]:
    """Dask's own settings, but for two.

    A large model is no reason for a warning, and local workers keep memory that they have freed, since to give back and
    fetch again what a step needs takes three times as long as the step.
    """
    return {
        "distributed.admin.large-graph-warning-threshold": "1 TB",
        "distributed.nanny.pre-spawn-environ": one_thread(os.environ),
    }


def _connected(address: str, jobs: int | None, patience: float, stack: ExitStack) -> Any:
    """A client of the cluster, which the stack closes, and a local cluster if there is one."""
    try:
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError as error:
        raise _no_cluster(
            "--cluster needs dask, which is not installed", "pip install 'usru-scenarios[cluster]'"
        ) from error
    logger = logging.getLogger("distributed")
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.CRITICAL + 1)  # what matters is said by errors; the rest would disturb
    stack.enter_context(dask.config.set(_settings()))
    if address == LOCAL:
        stack.enter_context(_of_its_own())
    with held():
        cluster = stack.enter_context(_local(distributed, jobs)) if address == LOCAL else address
        try:
            client = stack.enter_context(distributed.Client(cluster, timeout=patience, set_as_default=False))
        except OSError as error:
            raise _no_cluster(
                f"no scheduler answers at {address}", "'dask scheduler' starts one and says where it listens"
            ) from error
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise _no_cluster(
            f"the scheduler at {address} has no workers", f"'dask worker {address} --nthreads 1' starts one"
        ) from error
    hold_alike(client.get_versions())
    return client


def _local(distributed: Any, jobs: int | None) -> Any:
    try:
        return distributed.LocalCluster(
            n_workers=jobs or cores(),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # any port, and not one that may be taken
            silence_logs=logging.CRITICAL + 1,
        )
    except (OSError, RuntimeError) as error:
        raise _no_cluster(
            f"no local cluster could be started: {_root(error)}",
            "--jobs does without one, and is faster on one machine",
        ) from error


def _root(error: BaseException) -> str:
    """The first of the errors that led to one, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def _of_its_own() -> Iterator[None]:
    """What a local cluster needs around it: a folder that goes with it, and workers that run nothing of this folder.

    dask gives its workers variables by setting them here; they are as before afterwards.
    """
    from multiprocessing import resource_tracker

    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="usru-", ignore_cleanup_errors=True) as folder:
        try:
            os.environ[_SAFE_PATH] = "1"
            resource_tracker.ensure_running()  # comes with the first process, and would let interruptions through
            with import_module("dask").config.set({"temporary-directory": folder}):
                yield
        finally:
            for name in (_SAFE_PATH, *_OF_DASK, *NAMES):
                if name in before:
                    os.environ[name] = before[name]
                else:
                    os.environ.pop(name, None)


def hold_alike(versions: Mapping[str, Any]) -> None:
    """Refuse a cluster that has other versions of what matters; `versions` as dask's client gives them.

    Raises:
        NoClusterError: they differ.
    """
    ours = versions["client"]["packages"]
    for place, theirs in {"the scheduler": versions["scheduler"], **versions["workers"]}.items():
        for package in _ALIKE:
            here, there = ours[package], theirs["packages"].get(package)
            if here != there:
                raise _no_cluster(
                    f"{place} has {package} {there}, but this machine has {here}",
                    f"install the same versions of {', '.join(_ALIKE)} on both",
                )


def _done(future: Any) -> list[Any]:
    """The results of a task, waited for."""
    distributed = import_module("distributed")
    try:
        results: list[Any] = future.result()
    except distributed.scheduler.KilledWorker as error:
        raise _no_cluster(
            "workers of the cluster died, one after the other", "they may have run out of memory; their logs may tell"
        ) from error
    except CancelledError as error:
        raise _no_cluster("the connection to the scheduler was lost", "the same command starts anew") from error
    except (ImportError, RuntimeError) as error:
        if _is_strange(error):
            raise _no_cluster(
                "the cluster has no usru-scenarios, or another version",
                f"install {__version__} where the scheduler and the workers run",
            ) from error
        raise
    return results


def _is_strange(error: ImportError | RuntimeError) -> bool:
    """Whether an error says that a task could not even be read."""
    if isinstance(error, ImportError):
        return (error.name or "").startswith(__package__.split(".")[0])
    return "deserialization of the task graph" in str(error)


# What workers do


def _ours() -> tuple[str, str, str]:
    """The versions that decide the bytes of a result."""
    return __version__, np.__version__, platform.python_version()


def _received(payload: bytes, versions: tuple[str, str, str]) -> Callable[[int], Any]:
    """The function, unpacked; a worker that came later may have other versions."""
    for package, theirs, ours in zip(("usru-scenarios", "numpy", "python"), versions, _ours(), strict=True):
        if theirs != ours:
            raise _no_cluster(
                f"a worker has {package} {ours}, but this machine has {theirs}", "install the same version on both"
            )
    return unpacked(payload)


def _results(function: Callable[[int], Any], blocks: Iterable[int]) -> list[Any]:
    """A task."""
    return [function(block) for block in blocks]
