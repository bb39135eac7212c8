"""Files to go on from: what `usru new` writes, and what a resolved file and a copy are worth elsewhere."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import usru_scenarios as us
from support.command import GOLDEN, HARBOUR, HERE, answer, refusal
from usru_scenarios.cli.commands.new import claims_folder, starter_text
from usru_scenarios.reading import files
from usru_scenarios.reading.yaml_source import read
from usru_scenarios.study import Study

MODELS = [*sorted((HERE / "models" / "good").glob("*.yaml")), GOLDEN / "harbour.yaml"]
BUNDLED = HERE.parent / "scenarios"

MODEL = """\
usru: 1  # a comment that stays
name: base
title: Base
sources: claims
scenarios: {a: [0.5, C1], b: 0.5}
drivers:
  mood: {states: {warm: 0.5, cool: 0.5}, impacts: {warm: {a: [1, C1]}}}
"""
CLAIMS = 'claims: {C1: {claim: A thing., pushes: ["mood=warm -> +a"]}}\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a model, its claims, and another that is laid over it."""
    home = tmp_path / "home"
    (home / "claims").mkdir(parents=True)
    (home / "claims" / "one.yaml").write_text(CLAIMS)
    (home / "base.yaml").write_text(MODEL)
    (home / "over.yaml").write_text("usru: 1\nname: over\ntitle: Over\nextends: base.yaml\n# mine\nodds_per_point: 2\n")
    return home


def numbers(study: Study) -> str:
    found = study.simulate(trials=512).to_dict()
    return json.dumps({key: found[key] for key in found.keys() - {"model", "warnings"}}, sort_keys=True)


# The starter


def test_new_writes_a_file_that_runs_at_once_with_its_schema_and_its_claims(tmp_path: Path) -> None:
    done = answer("new", "My first", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("now run: usru simulate 'My first.yaml'\n")
    file, schema = tmp_path / "My first.yaml", tmp_path / "usru.schema.json"
    assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=usru.schema.json\n")
    checker = Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    assert list(checker.iter_errors(read(file.read_bytes(), "f").data)) == []
    done = answer("simulate", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "my-first, 8 steps" in done.stdout
    assert "Exact" in done.stdout


def test_the_starter_holds_one_of_each_without_a_warning_and_its_expectations_hold(tmp_path: Path) -> None:
    assert answer("new", "mine.yaml", "-q", folder=tmp_path).returncode == 0
    study = us.load(tmp_path / "mine.yaml")
    model = study.loaded.model
    for part in (model.groups, model.rules, model.profiles, model.expectations, study.outline.uncertain):
        assert len(part) == 1
    assert any(driver.events for driver in model.drivers.values())
    assert model.anchor is not None
    assert study.loaded.register is not None
    cited = set(re.findall(r"\bC\d\b", (tmp_path / "mine.yaml").read_text()))
    assert {*study.loaded.register.claims} == cited == {"C1", "C2"}
    assert study.validation[1] == ()
    assert [one.verdict for one in study.check().expectations.values()] == ["holds"]


def test_two_starters_in_a_folder_have_claims_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert answer("new", name, folder=tmp_path).returncode == 0
    assert us.load(tmp_path / "two.yaml").validation[1] == ()
    assert claims_folder(tmp_path / "two.yaml").is_dir()


def test_new_to_standard_output_can_be_piped_on() -> None:
    text = answer("new", "-").stdout
    assert text == starter_text(Path("my-scenarios.yaml"), alone=True)
    done = answer("simulate", "-", "-n", "20000", stdin=text)
    assert (done.returncode, done.stderr) == (0, "")


# What is there stays, and nothing is left half-written


def test_new_never_replaces_a_file_unasked(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("mine")
    assert "--force" in refusal("new", str(file))
    assert (file.read_text(), len(list(tmp_path.iterdir()))) == ("mine", 1)
    assert answer("new", str(file), "--force", "-q").stderr == ""
    assert file.read_text(encoding="utf-8") != "mine"
    assert answer("new", str(tmp_path / "b")).returncode == 0
    (tmp_path / "usru.schema.json").write_text("{}")
    assert f"{tmp_path / 'c.yaml'} can't be written: " in refusal("new", str(tmp_path / "c"))
    assert not (tmp_path / "c.yaml").exists()


def test_a_new_file_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for path in ("sub/", "", ".", "/"):
        assert "is no name of a file" in refusal("new", path, folder=tmp_path)
    assert [*tmp_path.rglob("*")] == [tmp_path / "sub"]


@pytest.mark.parametrize("options", [[], ["--from", "brief"], ["--extend", "brief"]])
def test_a_new_file_in_no_folder_is_an_error_that_names_it(tmp_path: Path, options: list[str]) -> None:
    said = refusal("new", "no/dir/x.yaml", *options, folder=tmp_path)
    assert "no/dir/x.yaml can't be written: there is no such folder\n" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_where_one_file_can_t_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    left = [fails]

    def full(_: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "can't be written: no space left on device" in refusal("new", "x.yaml", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "usru.schema.json").mkdir()
    assert "usru.schema.json can't be written: it is a folder" in refusal("new", "x.yaml", "--force", folder=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["usru.schema.json"]
    with pytest.raises(OSError, match="it is a folder"):
        files.write_all_or_none({tmp_path / "a": b"", tmp_path / "usru.schema.json": b""}, lambda _: 0o644)
    assert not (tmp_path / "a").exists()


def test_a_new_file_never_replaces_what_it_is_made_of(home: Path) -> None:
    for option in ("--from", "--extend"):
        for name in ("base.yaml", "over.yaml"):
            said = refusal("new", name, option, "over.yaml", "--force", folder=home)
            assert f"{name} is what over.yaml is made of" in said
    assert (home / "base.yaml").read_text() == MODEL


def test_a_copy_and_an_overlay_at_once_are_a_contradiction(tmp_path: Path) -> None:
    assert "contradict" in refusal("new", "x", "--from", "brief", "--extend", "brief", folder=tmp_path)
    said = refusal("new", "x", "--extend", "-", stdin=MODEL.replace("sources: claims\n", ""), folder=tmp_path)
    assert "can't be extended" in said
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_of_a_file_with_faults(home: Path) -> None:
    (home / "faulty.yaml").write_text(MODEL.replace("warm: {a", "warn: {a"))
    for option in ("--from", "--extend"):
        done = answer("new", "x", option, "faulty.yaml", folder=home)
        assert done.returncode == 1
        assert "did you mean 'warm'?" in done.stderr
    assert not (home / "x.yaml").exists()


# Copies


@pytest.mark.parametrize("model", ["brief", "us-russia"])
def test_a_copy_of_a_bundled_model_runs_anywhere(tmp_path: Path, model: str) -> None:
    assert answer("new", "mine.yaml", "--from", model, "-q", folder=tmp_path).returncode == 0
    before, after = (BUNDLED / f"{model}.yaml").read_text("utf-8"), (tmp_path / "mine.yaml").read_text("utf-8")
    first, *rest = after.splitlines()
    changed = [(old, new) for old, new in zip(before.splitlines(), rest, strict=True) if old != new]
    assert first == "# yaml-language-server: $schema=usru.schema.json"
    assert changed[0] == (f"name: {model}", "name: mine")
    assert [new for _, new in changed[1:]] == ["sources: us-russia"] * (model == "us-russia")
    done = answer("validate", "mine.yaml", "--confined", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_copy_finds_what_it_builds_on_from_where_it_lies(home: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for model in ("base", "over"):
        file = str(tmp_path / "other" / f"my-{model}.yaml")
        assert answer("new", file, "--from", str(home / f"{model}.yaml")).returncode == 0
        copy, origin = us.load(file), us.load(home / f"{model}.yaml")
        assert numbers(copy) == numbers(origin)
        assert copy.loaded.register == origin.loaded.register
        assert copy.loaded.model.name == f"my-{model}"
    assert "# a comment that stays\n" in (tmp_path / "other" / "my-base.yaml").read_text()
    assert "\nextends: ../home/base.yaml\n# mine\n" in (tmp_path / "other" / "my-over.yaml").read_text()
    again = answer("new", "twice.yaml", "--from", "other/my-base.yaml", folder=tmp_path)
    assert again.returncode == 0
    assert (tmp_path / "twice.yaml").read_text().count("yaml-language-server") == 1
    assert "\nsources: home/claims\n" in (tmp_path / "twice.yaml").read_text()


def test_a_copy_from_standard_input_and_to_standard_output(home: Path) -> None:
    done = answer("new", "-", "--from", "-", stdin=MODEL, folder=home)
    assert done.stdout == "# yaml-language-server: $schema=usru.schema.json\n" + MODEL.replace("base", "my-scenarios")
    assert answer("validate", "-", stdin=done.stdout, folder=home).returncode == 0


def test_what_can_t_be_copied_is_told_at_its_place(home: Path) -> None:
    (home / "odd.yaml").write_text(MODEL.replace("sources: claims", "sources: >-\n  claims"))
    done = answer("new", "x", "--from", "odd.yaml", folder=home)
    assert done.returncode == 1
    assert "odd.yaml:4:1: 'sources' can't be copied: it takes several lines" in done.stderr
    assert not (home / "x.yaml").exists()


# Overlays


def uncommented(text: str, chosen: set[int] | None = None) -> str:
    """An overlay with some of the lines in use that it offers, or with all of them."""
    lines = text.split("\n")
    used = offered(text) if chosen is None else chosen
    return "\n".join(line.replace("#", "", 1) if number in used else line for number, line in enumerate(lines))


def offered(text: str) -> set[int]:
    return {number for number, line in enumerate(text.split("\n")) if re.match(r" *#\S", line)}


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_line_of_an_overlay_works_alone_and_beside_all_others(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert answer("new", str(file), "--extend", str(model), "-q").returncode == 0
    text = file.read_text("utf-8")
    for chosen in (set(), offered(text), *({one} for one in offered(text))):
        file.write_text(uncommented(text, chosen), encoding="utf-8")
        _ = us.load(file).validation


@pytest.mark.parametrize("model", ["brief", "us-russia"])
def test_an_overlay_offers_the_likeliest_changes_and_changes_nothing_before(tmp_path: Path, model: str) -> None:
    done = answer("new", "mine.yaml", "--extend", model, "--confined", folder=tmp_path)
    assert done.returncode == 0
    file = tmp_path / "mine.yaml"
    text = file.read_text("utf-8")
    assert f"\nextends: {model}\n" in text
    assert 30 < len(text.splitlines()) < 60
    plain, base = us.load(file), us.load(model)
    assert numbers(plain) == numbers(base)
    assert plain.validation[1] == base.validation[1]
    said = uncommented(text)
    for key in ("weight", "states", "persistence", "impacts", "rules", "expectations", "events", "profiles"):
        assert re.search(rf"^ *{key}: ", said, re.MULTILINE), key
    file.write_text(said, encoding="utf-8")
    whole = us.load(file)
    _ = whole.validation
    fresh = {"my_rule", "my_expectation", "my_profile"}
    assert fresh <= {*whole.loaded.model.rules, *whole.loaded.model.expectations, *whole.loaded.model.profiles}
    assert us.load(file, profile="my_profile").loaded.sha256 != whole.loaded.sha256


def test_an_overlay_of_a_file_names_it_by_its_path(home: Path, tmp_path: Path) -> None:
    assert answer("new", "mine", "--extend", "home/over.yaml", folder=tmp_path).returncode == 0
    assert "\nextends: home/over.yaml\n" in (tmp_path / "mine.yaml").read_text()
    assert numbers(us.load(tmp_path / "mine.yaml")) == numbers(us.load(home / "over.yaml"))


# Bundled ids, and what is nearly one


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("extends: us-rusia", "did you mean 'us-russia'?"),
        ("extends: us_russia", "did you mean 'us-russia'?"),
        ("extends: scenarios/us-russia.yaml", "did you mean 'us-russia'?"),
        ("extends: us-russia.yaml", "did you mean 'us-russia'?"),
        ("extends: nothing_like_it", "bundled models: brief, us-russia"),
        ("extends: sub/bse.yaml", "did you mean 'sub/base.yaml'?"),
        ("sources: us-rusia", "did you mean 'us-russia'?"),
        ("sources: ../seeds", "did you mean 'us-russia'? the claims of the bundled models have its id"),
        ("sources: clams", "did you mean 'claims'?"),
    ],
)
@pytest.mark.parametrize("confined", [(), ("--confined",)], ids=["", "confined"])
def test_a_name_that_is_almost_one_gets_a_hint(home: Path, line: str, hint: str, confined: tuple[str, ...]) -> None:
    (home / "sub").mkdir()
    (home / "sub" / "base.yaml").write_text(MODEL)
    (home / "m.yaml").write_text(f"usru: 1\nname: m\ntitle: M\nscenarios: {{a: 1, b: 1}}\n{line}\n")
    done = answer("validate", "m.yaml", *confined, folder=home)
    assert done.returncode == 1
    assert "m.yaml:5:10: " in done.stderr
    if not (confined and ".." in line):
        assert f"= {hint}\n" in done.stderr


def test_an_id_means_the_bundled_model_beside_what_is_of_another_kind(home: Path) -> None:
    (home / "brief").mkdir()
    (home / "m.yaml").write_text("usru: 1\nname: m\ntitle: M\nextends: brief\n")
    assert us.load(home / "m.yaml").loaded.data["drivers"] == us.load("brief").loaded.data["drivers"]
    (home / "us-russia").write_text("no folder")
    (home / "m.yaml").write_text(MODEL.replace("claims", "us-russia").replace("C1", "G17"))
    register = us.load(home / "m.yaml").loaded.register
    assert register is not None
    assert "G17" in register


# Resolved files


def test_a_resolved_file_reads_the_same_on_another_machine(home: Path, tmp_path: Path) -> None:
    study = us.load(home / "over.yaml")
    done = answer("show", "home/over.yaml", "--resolved", folder=tmp_path)
    assert "\nsources: home/claims\n" in done.stdout
    (tmp_path / "r.yaml").write_text(done.stdout)
    again = us.load(tmp_path / "r.yaml")
    assert (again.loaded.sha256, again.loaded.warnings) == (study.loaded.sha256, ())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "r.yaml", elsewhere)
    away = us.load(elsewhere / "r.yaml")
    assert (away.loaded.sha256, numbers(away)) == (study.loaded.sha256, numbers(study))
    assert [one.code for one in away.loaded.warnings] == ["missing_register"]
    done = answer("simulate", "r.yaml", "-n", "512", folder=elsewhere)
    assert done.returncode == 0
    assert "r.yaml:" in done.stderr
    assert "warning: there is no folder 'home/claims' with a claim register" in done.stderr


@pytest.mark.usefixtures("home")
def test_a_register_that_comes_back_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(answer("show", "home/base.yaml", "--resolved", folder=tmp_path).stdout)
    (tmp_path / "home").rename(tmp_path / "away")
    kept = {"USRU_CACHE": "on", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert "no folder" in answer("simulate", "r.yaml", "-n", "64", folder=tmp_path, **kept).stderr
    (tmp_path / "away").rename(tmp_path / "home")
    assert answer("simulate", "r.yaml", "-n", "64", folder=tmp_path, **kept).stderr == ""


def test_a_resolved_file_beside_another_register_is_warned_of(home: Path, tmp_path: Path) -> None:
    done = answer("show", "base.yaml", "--resolved", "-o", "r.yaml", folder=home)
    assert done.returncode == 0
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "claims").mkdir(parents=True)
    shutil.copy(home / "r.yaml", elsewhere)
    for text, code in (("claims: {X1: {claim: B.}}\n", "unknown_claim"), ("claims: [", "unclosed")):
        (elsewhere / "claims" / "b.yaml").write_text(text)
        warnings = us.load(elsewhere / "r.yaml").loaded.warnings
        assert warnings
        assert {one.severity for one in warnings} == {"warning"}
        assert code == "unclosed" or [one.code for one in warnings] == [code]


def test_an_own_number_over_another_s_claims_stays_so_in_a_resolved_file(home: Path) -> None:
    base = MODEL.replace("a: [1, C1]}}", "a: 1}}, sources: [C1]")
    (home / "base.yaml").write_text(base)
    (home / "over.yaml").write_text(
        "usru: 1\nname: o\ntitle: O\nextends: base.yaml\ndrivers: {mood: {impacts: {warm: {a: -1}}}}\n"
    )
    text = answer("show", "over.yaml", "--resolved", folder=home).stdout
    (home / "r.yaml").write_text(text)
    assert us.load(home / "r.yaml").loaded.sha256 == us.load(home / "over.yaml").loaded.sha256
    (home / "by-hand.yaml").write_text(text.split("\n", 1)[1])
    with pytest.raises(us.ModelError, match="pushes the other way"):
        us.load(home / "by-hand.yaml")


def test_a_missing_register_of_a_file_by_hand_is_an_error(home: Path) -> None:
    (home / "claims").rename(home / "away")
    with pytest.raises(us.ModelError, match="claim register"):
        us.load(home / "base.yaml")
    (home / "m.yaml").write_text(MODEL.replace("title", "# Resolved by usru: not above the first key\ntitle"))
    with pytest.raises(us.ModelError, match="claim register"):
        us.load(home / "m.yaml")


def test_harbour_is_resolved_the_same_twice(tmp_path: Path) -> None:
    text = answer("show", HARBOUR, "--resolved").stdout
    (tmp_path / "r.yaml").write_text(text)
    assert answer("show", "r.yaml", "--resolved", folder=tmp_path).stdout == text
