"""A file in the middle of an edit: what is gone, emptied or of another kind is taken or refused in its place."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from usru_scenarios.problems import ModelError
from usru_scenarios.reading.yaml_source import read_file
from usru_scenarios.report.data import to_json
from usru_scenarios.study import load

MODELS = Path(__file__).parent / "models" / "good"
GONE = "gone"
VALUES: list[Any] = [
    {}, [], None, "", 0, True, ["x"], {"x": 1}, "y" * 300, float("nan"), float("inf"), 1e308, -1, 1e-320, "a\nb", GONE,
]  # fmt: skip
EDITS = 30


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values of a file."""
    if path:
        yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from paths(value, (*path, key))


def edited(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The data with another value at a place, or without one."""
    twin = copy.copy(data)
    key, *rest = path
    if rest:
        twin[key] = edited(twin[key], tuple(rest), value)
    elif value is GONE:
        del twin[key]
    else:
        twin[key] = value
    return twin


def outcome(path: Path) -> str | None:
    """The forecast of a valid file as JSON; None of one that has faults, each with a place."""
    try:
        study = load(path)
    except ModelError as error:
        nowhere = [one for one in error.problems if one.span is None and one.code != "too_many_faults"]
        if nowhere:
            raise
        return None
    return to_json(study.simulate(trials=16, judgements=0).to_dict())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("faults", [1, 2])
def test_every_half_written_edit_is_taken_or_refused_in_its_place(faults: int, tmp_path: Path) -> None:
    """What is valid is simulated, and its data are finite; what is not has a place in the file for every fault."""
    whole = read_file(MODELS / "everything.yaml", "everything.yaml").data
    whole = {key: value for key, value in whole.items() if key != "sources"}
    places, dice = list(paths(whole)), random.Random(7 * faults)
    path, endings = tmp_path / "edited.yaml", [0, 0]
    for _ in range(EDITS):
        data = whole
        for place, value in [(dice.choice(places), dice.choice(VALUES)) for _ in range(faults)]:
            try:
                data = edited(data, place, value)
            except (KeyError, IndexError, TypeError):
                continue  # the first edit has taken the place of the second away
        path.write_text(json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf"), encoding="utf-8")
        ended = outcome(path)
        endings[ended is None] += 1
        if ended is None:
            continue
        json.loads(ended, parse_constant=pytest.fail)
    assert endings[1] > 5
    assert endings[0] > (2 if faults == 1 else -1)
