"""Calls of the commands that make no sense: each is refused with a sentence, and nothing is written."""

from __future__ import annotations

import shlex

import pytest

from support.cases import Case, cases
from support.command import refusal


@pytest.mark.parametrize("case", cases("wrong_calls.txt"), ids=lambda case: case.written[0])
def test_a_wrong_call_is_told(case: Case) -> None:
    assert case.said in refusal(*shlex.split(case.written[0]))
