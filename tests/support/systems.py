"""Tests of what only some systems have."""

from __future__ import annotations

import os
import sys

import pytest

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="terminals, named pipes and limits of Unix")

may_be_forbidden = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root"
)
"""Takes permissions away, which do not hold for who has all."""
