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

from usru_scenarios.interruptions import interruptions_held
from usru_scenarios.problems import UsruError, to_one_line
from usru_scenarios.running.processes import cores
from usru_scenarios.running.tasks import TASK_SECONDS, Result, Tasks, as_sequence, predict_seconds, unpickle_function
from usru_scenarios.threads import VARIABLES, single_thread_variables
from usru_scenarios.version import __version__

LOCAL = "local"

PATIENCE = 5.0
"""Seconds in which a scheduler must answer, and have a worker."""

_AHEAD = 4
"""Tasks for each thread of the cluster that may be outstanding."""
_COMPARED_PACKAGES = ("python", "numpy", "distributed")
"""What must have the same version everywhere: tasks are pickled, and results are to be the same bytes."""

_DASK_VARIABLES = ("PYTHONHASHSEED", "__DASK_PARENT_PID")
"""Variables that dask sets besides, for its workers."""
_SAFE_PATH_VARIABLE = "PYTHONSAFEPATH"
"""Keeps the current folder from the path of modules in every interpreter that is started with it."""


class NoClusterError(UsruError):
    """A cluster that can't be had, or that can't do this work."""

    exit_status = 2


def _cluster_error(message: str, hint: str) -> NoClusterError:
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
            self._client = _connect(address, jobs, patience, stack)
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take back what is outstanding and leave; local workers end, and their folders go."""
        with interruptions_held():
            self._resources.close()

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
        blocks, seconds = as_sequence(blocks), predict_seconds(function)
        if seconds is None or seconds * len(blocks) < self.worthwhile:
            yield from map(function, blocks)
            return
        threads = self.threads
        futures = self._submit(Tasks.of(function, blocks, seconds, threads))
        outstanding = deque(islice(futures, _AHEAD * threads))
        while outstanding:
            results = _wait_for(outstanding.popleft())
            outstanding.extend(islice(futures, 1))
            yield from results

    def _submit(self, tasks: Tasks[Any]) -> Iterator[Any]:
        """The tasks, each submitted when it is asked for."""
        payload = tasks.pickled_function()
        name = f"usru_function-{hashlib.sha256(repr(_own_versions()).encode() + payload).hexdigest()}"
        function = self._client.submit(_unpickle_function, payload, _own_versions(), key=name)
        run = uuid.uuid4().hex  # nothing is shared with another run, which may have been given up
        for number in range(len(tasks)):
            yield self._client.submit(_run_blocks, function, tasks[number], key=(f"usru_blocks-{run}", number))


def _dask_settings() -> dict[str, Any]:
    """Dask's own settings, but for two.

    A large model is no reason for a warning, and local workers keep memory that they have freed, since to give back and
    fetch again what a step needs takes three times as long as the step.
    """
    return {
        "distributed.admin.large-graph-warning-threshold": "1 TB",
        "distributed.nanny.pre-spawn-environ": single_thread_variables(os.environ),
    }


def _connect(address: str, jobs: int | None, patience: float, stack: ExitStack) -> Any:
    """A client of the cluster, which the stack closes, and a local cluster if there is one."""
    try:
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError as error:
        raise _cluster_error(
            "--cluster needs dask, which is not installed", "pip install 'usru-scenarios[cluster]'"
        ) from error
    logger = logging.getLogger("distributed")
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.CRITICAL + 1)  # what matters is said by errors; the rest would disturb
    stack.enter_context(dask.config.set(_dask_settings()))
    if address == LOCAL:
        stack.enter_context(_local_environment())
    with interruptions_held():
        cluster = stack.enter_context(_start_local_cluster(distributed, jobs)) if address == LOCAL else address
        try:
            client = stack.enter_context(distributed.Client(cluster, timeout=patience, set_as_default=False))
        except OSError as error:
            raise _cluster_error(
                f"no scheduler answers at {address}", "'dask scheduler' starts one and says where it listens"
            ) from error
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise _cluster_error(
            f"the scheduler at {address} has no workers", f"'dask worker {address} --nthreads 1' starts one"
        ) from error
    require_same_versions(client.get_versions())
    return client


def _start_local_cluster(distributed: Any, jobs: int | None) -> Any:
    try:
        return distributed.LocalCluster(
            n_workers=jobs or cores(),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # any port, and not one that may be taken
            silence_logs=logging.CRITICAL + 1,
        )
    except (OSError, RuntimeError) as error:
        raise _cluster_error(
            f"no local cluster could be started: {_describe_root_cause(error)}",
            "--jobs does without one, and is faster on one machine",
        ) from error


def _describe_root_cause(error: BaseException) -> str:
    """The first of the errors that led to one, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def _local_environment() -> Iterator[None]:
    """The surroundings of a local cluster: a folder that goes with it, and workers that run nothing of this folder.

    dask gives its workers variables by setting them here; they are as before afterwards.
    """
    from multiprocessing import resource_tracker

    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="usru-", ignore_cleanup_errors=True) as folder:
        try:
            os.environ[_SAFE_PATH_VARIABLE] = "1"
            resource_tracker.ensure_running()  # comes with the first process, and would let interruptions through
            with import_module("dask").config.set({"temporary-directory": folder}):
                yield
        finally:
            for name in (_SAFE_PATH_VARIABLE, *_DASK_VARIABLES, *VARIABLES):
                if name in before:
                    os.environ[name] = before[name]
                else:
                    os.environ.pop(name, None)


def require_same_versions(versions: Mapping[str, Any]) -> None:
    """Refuse a cluster that has other versions of what matters; `versions` as dask's client gives them.

    Raises:
        NoClusterError: they differ.
    """
    ours = versions["client"]["packages"]
    for place, other in {"the scheduler": versions["scheduler"], **versions["workers"]}.items():
        for package in _COMPARED_PACKAGES:
            own_version, other_version = ours[package], other["packages"].get(package)
            if own_version != other_version:
                raise _cluster_error(
                    f"{place} has {package} {other_version}, but this machine has {own_version}",
                    f"install the same versions of {', '.join(_COMPARED_PACKAGES)} on both",
                )


def _wait_for(future: Any) -> list[Any]:
    """The results of a task, waited for."""
    distributed = import_module("distributed")
    try:
        results: list[Any] = future.result()
    except distributed.scheduler.KilledWorker as error:
        raise _cluster_error(
            "workers of the cluster died, one after the other", "they may have run out of memory; their logs may tell"
        ) from error
    except CancelledError as error:
        raise _cluster_error("the connection to the scheduler was lost", "the same command starts anew") from error
    except (ImportError, RuntimeError) as error:
        if _is_unreadable_task(error):
            raise _cluster_error(
                "the cluster has no usru-scenarios, or another version",
                f"install {__version__} where the scheduler and the workers run",
            ) from error
        raise
    return results


def _is_unreadable_task(error: ImportError | RuntimeError) -> bool:
    """Whether an error says that a task could not even be read."""
    if isinstance(error, ImportError):
        return (error.name or "").startswith(__package__.split(".")[0])
    return "deserialization of the task graph" in str(error)


# What workers do


def _own_versions() -> tuple[str, str, str]:
    """The versions that decide the bytes of a result."""
    return __version__, np.__version__, platform.python_version()


def _unpickle_function(payload: bytes, versions: tuple[str, str, str]) -> Callable[[int], Any]:
    """The function, unpacked; a worker that came later may have other versions."""
    for package, theirs, ours in zip(("usru-scenarios", "numpy", "python"), versions, _own_versions(), strict=True):
        if theirs != ours:
            raise _cluster_error(
                f"a worker has {package} {ours}, but this machine has {theirs}", "install the same version on both"
            )
    return unpickle_function(payload)


def _run_blocks(function: Callable[[int], Any], blocks: Iterable[int]) -> list[Any]:
    """A task."""
    return [function(block) for block in blocks]
