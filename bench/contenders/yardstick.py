"""The compiled yardstick, `yardstick.c`: built on the spot for the sizes of a model, called in this process."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from bench.contenders import Run, Unavailable
from bench.contenders.thresholds import GROUP, factors, words
from bench.model import Answer, Case, Tables

SOURCE = Path(__file__).parent.parent / "yardstick.c"
FLAGS = ("-O3", "-march=native", "-fopenmp-simd", "-std=gnu11", "-shared", "-fPIC")


def drawn(case: Case) -> Run:
    """Draws the scenario and counts."""
    return _runner(case, carried=False)


def carried(case: Case) -> Run:
    """Carries the scenario's probabilities along the drawn drivers."""
    return _runner(case, carried=True)


def compiler() -> str:
    """The C compiler that stands for `cc`.

    Raises:
        Unavailable: there is none.
    """
    found = shutil.which("cc")
    if found is None:
        raise Unavailable("there is no C compiler 'cc'")
    return found


def _runner(case: Case, *, carried: bool) -> Run:
    tables = case.tables
    sizes = _sizes(tables)
    library = _built(tuple(sorted(sizes.items())))
    model = _packed(tables, sizes)
    shapes = (
        (tables.steps, tables.scenarios),
        (tables.steps, tables.scenarios),
        (tables.scenarios, tables.scenarios),
        (tables.steps, tables.drivers, tables.states),
    )

    def run(trials: int, seed: int) -> Answer:
        sums = np.zeros(sum(int(np.prod(shape)) for shape in shapes))
        library.run(
            model, ctypes.c_int64(trials), ctypes.c_uint64(seed), int(carried), sums.ctypes.data_as(ctypes.c_void_p)
        )
        parts = np.split(sums, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
        shares, first, moves, states = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return Answer.of_counts(trials, shares, first, moves, states)

    return run


def _sizes(tables: Tables) -> dict[str, int]:
    every = (*tables.first, *tables.later)
    return {
        "D": tables.drivers,
        "K": tables.states,
        "S": tables.scenarios,
        "T": tables.steps,
        "ROWS": max(len(table.rows) for table in every),
        "PARENTS": max(1, *(len(table.parents) for table in every)),
        "GROUP": GROUP,
        "GROUPS": -(-tables.drivers // GROUP),
        "KEYS": tables.states**GROUP,
    }


@cache
def _built(sizes: tuple[tuple[str, int], ...]) -> ctypes.CDLL:
    """The library for a model's sizes; its file is gone once it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "yardstick.so"
        macros = [f"-D{name}={value}" for name, value in sizes]
        command = [compiler(), *FLAGS, *macros, str(SOURCE), "-o", str(target)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise Unavailable(f"the C compiler failed: {built.stderr.strip()[-200:]}")
        return ctypes.CDLL(str(target))


def _packed(tables: Tables, sizes: dict[str, int]) -> bytes:
    """The struct `Model` of the source."""
    drivers, parents = tables.drivers, sizes["PARENTS"]
    count = np.zeros((2, drivers), dtype=np.int32)
    listed = np.zeros((3, 2, drivers, parents), dtype=np.int32)
    threshold = np.zeros((2, drivers, tables.states - 1, sizes["ROWS"]), dtype=np.int32)
    for later, step in enumerate((tables.first, tables.later)):
        for driver, table in enumerate(step):
            count[later, driver] = len(table.parents)
            for place, ((node, lag), size) in enumerate(zip(table.parents, table.sizes, strict=True)):
                listed[:, later, driver, place] = node, size, lag
            signed = (words(table.rows) ^ np.uint32(1 << 31)).view(np.int32)
            threshold[later, driver, :, : len(table.rows)] = signed.T
    weight = factors(tables).astype(np.float32)
    return b"".join(
        (count.tobytes(), listed.tobytes(), threshold.tobytes(), weight.tobytes(), np.float32(tables.keep).tobytes())
    )
