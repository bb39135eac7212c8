from __future__ import annotations

from pathlib import Path

import pytest

import usru_scenarios as us
from usru_scenarios.model.judgements import is_assumption
from usru_scenarios.problems import ModelError, UnreadableInput
from usru_scenarios.reading.register import read_register

CLAIMS = Path(__file__).parent / "models/good/claims"


def test_a_register_is_read_whole() -> None:
    register, problems = read_register(CLAIMS, "claims")
    assert problems == []
    assert list(register.claims) == ["A01", "G01", "G02"]
    assert "G01" in register
    assert "G03" not in register
    assert register.documents[register.document_ids["G02"]].title == "A report"
    assert register.claims["G02"].where == "2"
    assert register.claims["G01"].bears_on == ("mood",)
    assert list(register.documents) == ["assumptions", "report"]


@pytest.mark.parametrize(
    ("claim", "expected"), [("A01", True), ("A1", True), ("A", False), ("AB1", False), ("G01", False)]
)
def test_assumptions_are_known_by_their_ids(claim: str, expected: bool) -> None:
    assert is_assumption(claim) is expected


def test_faults_of_a_register_are_located(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("claims:\n  G1: {claim: a}\n  G2: {clam: b}\n  G3: {claim: c, agrees: G9}\n")
    (tmp_path / "three.yaml").write_text("- a list\n")
    (tmp_path / "two.yml").write_text("titel: x\nclaims: {G1: {claim: again}, G4: text}\n")
    (tmp_path / "wrong.yaml").write_text("claims: [\n")
    (tmp_path / "notes.txt").write_text("not read")
    register, problems = read_register(tmp_path, "claims")
    assert sorted(f"{problem.span}: {problem.message}" for problem in problems) == [
        "claims/one.yaml:3:3: claim 'G2' has no 'claim'",
        "claims/one.yaml:3:8: unknown key 'clam' in claim 'G2'",
        "claims/one.yaml:4:3: claim 'G3' agrees with an unknown claim 'G9'",
        "claims/three.yaml:1:1: a file of the register is a map with 'title' and 'claims', not a list",
        "claims/two.yml:1:1: unknown key 'titel' in a file of the register",
        "claims/two.yml:2:10: the claim 'G1' stands here a second time; the first is at claims/one.yaml:2:3",
        "claims/two.yml:2:34: claim 'G4' must be a map, not the text 'text'",
        "claims/wrong.yaml:1:9: this '[' is never closed",
    ]
    assert set(register.claims) == {"G1", "G2", "G3", "G4"}


@pytest.mark.parametrize("name", ["", "9", "a b", "G1.2", "true", "é"])
def test_a_claim_without_a_sound_id_is_a_fault_at_its_place(name: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(f"claims:\n  G1: {{claim: a}}\n  '{name}': {{claim: b}}\n", encoding="utf-8")
    register, problems = read_register(tmp_path, "claims")
    wanted = [] if name == "true" else [f"claims/one.yaml:3:3: '{name}' is not the id of a claim"]
    assert [f"{problem.span}: {problem.message}" for problem in problems] == wanted
    assert set(register.claims) == {"G1", name}


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no folder 'seeds'"):
        read_register(tmp_path / "seeds", "seeds")


# Files of one kind in the place of another


def test_a_register_or_evidence_in_the_place_of_a_model_is_told_in_one_message(tmp_path: Path) -> None:
    claims, seen = tmp_path / "claims.yaml", tmp_path / "seen.yaml"
    claims.write_text("title: A river\nclaims:\n  C1: {claim: It floods., where: page 1}\n", "utf-8")
    seen.write_text("usru: 1\nkind: evidence\nname: seen\nmodel: river.yaml\nevidence: {}\n", "utf-8")
    for path, code, said in (
        (claims, "claim_register", "this is a claim register, not a scenario file"),
        (seen, "evidence_file", "this is an evidence file, not a scenario file"),
    ):
        with pytest.raises(ModelError) as error:
            us.load(path)
        assert [(one.code, one.message) for one in error.value.problems] == [(code, said)]


def test_a_file_as_sources_is_told_to_be_no_folder(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text("title: A river\nclaims: {}\n", "utf-8")
    model = tmp_path / "river.yaml"
    model.write_text("usru: 1\nname: river\ntitle: River\nscenarios: {a: 1, b: 1}\nsources: claims.yaml\n", "utf-8")
    with pytest.raises(ModelError) as error:
        us.load(model)
    (problem,) = error.value.problems
    assert "is a file, not a folder" in problem.message
    assert problem.hint.startswith("name the folder that it lies in")
