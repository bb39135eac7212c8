"""Good and broken files, discovered by folder.

Beside each broken `NAME.yaml` stands `NAME.txt`, what is said of it to the letter. After a change of wording write them
anew with `USRU_WRITE_GOLDEN=1 pytest tests/test_checks.py`, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from usru_scenarios.problems import ModelError
from usru_scenarios.reading.loading import load
from usru_scenarios.reading.request import Request

MODELS = Path(__file__).parent / "models"
GOOD = sorted(path.name for path in (MODELS / "good").glob("*.yaml"))
BROKEN = sorted(path.name for path in (MODELS / "broken").glob("*.yaml"))


REMARKED = {"everything.yaml": ["idle_priors", "idle_driver"], "overlay.yaml": ["idle_driver"]}
"""What the files that show every construct have besides: priors that `initial` hides, a driver that only reads."""


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_read_without_a_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODELS / "good")
    assert [warning.code for warning in load(Request.of(name)).warnings] == REMARKED.get(name, [])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_all_its_faults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODELS / "broken")
    with pytest.raises(ModelError) as caught:
        load(Request.of(name))
    golden = Path(name).with_suffix(".txt")
    if os.environ.get("USRU_WRITE_GOLDEN"):
        golden.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == golden.read_text(encoding="utf-8")
    assert caught.value.exit_status == 1
    assert all(problem.span for problem in caught.value.problems)
