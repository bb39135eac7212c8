"""Some of the outputs that are held byte for byte (see `pins`), and that a change of one would be seen."""

from __future__ import annotations

import subprocess
from typing import Any
from unittest import mock

import pytest

import pins
from support.command import answer

_ELSEWHERE = pins.pinned()[0] != pins.made_with()


@pytest.mark.skipif(_ELSEWHERE, reason="the last digits and the layout are those of other versions or another machine")
def test_a_sample_of_all_outputs_is_what_it_was() -> None:
    held = pins.pinned()[1]
    different = [case for case in pins.sample() if pins.hashed(case) != held.get(case)]
    assert not different, pins.advice(different)


def test_the_cases_held_are_those_there_are_in_order() -> None:
    held = list(pins.pinned()[1])
    assert held == sorted(pins.cases()), "python tests/pins.py --write"


def test_the_sample_holds_every_command_and_most_models() -> None:
    sample = pins.sample()
    commands = "simulate ask check compare sweep sensitivity watch explain calibrate validate show sources schema new"
    assert {pins.command_of(case) for case in sample} >= set(commands.split())
    assert sum(any(subject.model in case for case in sample) for subject in pins.SUBJECTS) > 10


def _with_a_blank(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    ended = answer(*arguments, **options)
    ended.stdout += " "
    return ended


@pytest.mark.parametrize("case", ["usru schema answer", "COLUMNS=60 usru simulate harbour.yaml -n 512", "usru new -"])
def test_sabotaged_another_output_has_another_hash(case: str) -> None:
    sound = pins.hashed(case)
    with mock.patch.object(pins, "answer", _with_a_blank):
        assert pins.hashed(case) != sound
    assert pins.hashed(case) == sound


def test_advice_names_the_case_and_how_to_see_it() -> None:
    said = pins.advice(["usru schema answer"])
    assert "    usru schema answer\n" in said
    assert "pins.py --show CASE" in said
    assert "--save FOLDER" in said
    assert "--write" in said


def test_a_case_leaves_nothing_behind_and_shows_what_it_made() -> None:
    assert "== mine.yaml\n" in pins.output("usru new mine.yaml")
    assert pins.output("usru new mine.yaml") == pins.output("usru new mine.yaml")


def test_a_model_may_come_by_standard_input() -> None:
    assert '"name": "weights"' in pins.output("usru simulate - -n 256 --json < weights.yaml")
