"""Which kernels draw: all give the same states, but other sizes of laws choose other ones."""

from __future__ import annotations

import pytest

from usru_scenarios.sampler import kernels, tables


def choose_kernels(patch: pytest.MonkeyPatch, threshold_rows: int, factor_rows: int | None = None) -> None:
    """Choose kernels by other sizes than the sampler's own.

    Args:
        patch: what takes it back.
        threshold_rows: laws of at most as many rows are drawn by a table of thresholds, larger ones by factors.
        factor_rows: as many joint states may the parents of a factor have; by default as many as the sampler lets them.
    """
    patch.setattr(kernels, "_THRESHOLD_ROWS", threshold_rows)
    if factor_rows is not None:
        patch.setattr(tables, "_FACTOR_ROWS", factor_rows)
