"""What a scenario file from a stranger can and cannot do: each statement of SECURITY.md about files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import usru_scenarios as us
from support.command import HERE, answer, refusal
from support.systems import on_unix
from usru_scenarios.reading import access, files, yaml_source

FILE = "usru: 1\nname: m\ntitle: M\nscenarios: {a: {baseline: 2}, b: {baseline: 1}}\n"
SECRET = "hunter2: of somebody else\n"
CLAIM = "title: T\nclaims:\n  C1: {claim: a thing}\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What a stranger would like to see."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret").write_text(SECRET)
    (folder / "secret.yaml").write_text(SECRET)
    return folder


@pytest.fixture
def stranger(tmp_path: Path, outside: Path) -> Path:
    """The stranger's folder, which may hold links."""
    folder = tmp_path / "stranger"
    (folder / "claims").mkdir(parents=True)
    (folder / "claims" / "one.yaml").write_text(CLAIM)
    (folder / "base.yaml").write_text(FILE)
    (folder / "link.yaml").symlink_to(outside / "secret.txt")
    (folder / "out.yaml").symlink_to(outside / "secret.yaml")
    (folder / "out").symlink_to(outside)
    (folder / "loop.yaml").symlink_to("loop.yaml")
    if sys.platform != "win32":
        os.mkfifo(folder / "fifo.yaml")
    (folder / "folder.yaml").mkdir()
    return folder


def asked(folder: Path, text: str, *arguments: str) -> CompletedProcess[str]:
    (folder / "m.yaml").write_text(text)
    return answer("validate", str(folder / "m.yaml"), *arguments)


def said(done: CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2), done.stdout
    return done.stdout + done.stderr


# Only YAML files are read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt",
        "../outside/secret",
        "link.yaml",
        "loop.yaml",
        "fifo.yaml",
        "folder.yaml",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/fd/0",
        "/dev/stdin",
        "/dev/zero",
        "-",
        "''",
        "..",
        "out",
        '"a\\0.yaml"',
        "x" * 5000 + ".yaml",
        "https://example.org/m.yaml",
        "$HOME/m.yaml",
        "~/m.yaml",
    ],
)
@pytest.mark.parametrize("confined", [(), ("--confined",)], ids=["", "confined"])
def test_only_regular_yaml_files_are_extended(stranger: Path, path: str, confined: tuple[str, ...]) -> None:
    told = said(asked(stranger, f"extends: {path}\n{FILE}", *confined))
    assert "hunter2" not in told
    assert "root:" not in told
    assert "nothing to extend: " in told or "extends" in told
    assert ": unknown key" not in told


def test_a_link_in_a_register_that_leads_to_no_yaml_file_is_not_read(stranger: Path, outside: Path) -> None:
    (stranger / "claims" / "two.yaml").symlink_to(outside / "secret.txt")
    told = said(asked(stranger, f"sources: claims\n{FILE}"))
    assert "two.yaml is no .yaml or .yml file" in told
    assert "hunter2" not in told


@on_unix
def test_pipes_folders_and_broken_links_in_a_register_are_no_files_of_it(stranger: Path) -> None:
    os.mkfifo(stranger / "claims" / "fifo.yaml")
    (stranger / "claims" / ".#one.yaml").symlink_to("me@here.123")  # as an editor leaves beside a file that is open
    (stranger / "claims" / "more.yaml").mkdir()
    done = asked(stranger, f"sources: claims\n{FILE}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", ["/etc", "empty", "/proc/self"])
def test_a_register_without_claims_is_told(stranger: Path, folder: str) -> None:
    (stranger / "empty").mkdir()
    done = asked(stranger, f"sources: {folder}\n{FILE}")
    assert done.returncode == 0
    assert "warning: the claim register" in done.stderr
    assert "holds no claims" in done.stderr
    assert asked(stranger, f"sources: claims\n{FILE}").stderr == ""


# Confined -------------------------------------------------------------------------------------------------------------

OUTSIDE = {
    "a path upwards": "extends: ../outside/secret.yaml\n",
    "a file that is not there": "extends: ../outside/nothing.yaml\n",
    "a link": "extends: out.yaml\n",
    "through a link": "extends: out/secret.yaml\n",
    "upwards after a link": "extends: out/../outside/secret.yaml\n",
    "an absolute path": "extends: OUTSIDE/secret.yaml\n",
    "a register": "sources: ../outside\n",
    "a register that is not there": "sources: ../nothing\n",
    "a register by a link": "sources: out\n",
    "a register by its path": "sources: OUTSIDE\n",
    "the root": "sources: /\n",
    "a register of a profile": "profiles: {p: {overrides: {sources: ../outside}}}\n",
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_confined_nothing_outside_of_the_folder_is_read(
    stranger: Path, outside: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: where everything is in reach, the same file shows what is in the other folder."""
    text = OUTSIDE[what].replace("OUTSIDE", str(outside)) + FILE
    told = said(asked(stranger, text, "--confined"))
    assert "which --confined does not allow" in told
    assert "hunter2" not in told
    assert "did you mean" not in told
    monkeypatch.setattr(access.Access, "_is_allowed", lambda *_: True)
    free = asked(stranger, text, "--confined")
    assert "--confined" not in free.stderr
    assert ("hunter2" in free.stderr) != ("not there" in what or "root" in what)


def test_confined_no_message_tells_whether_something_is_there(stranger: Path) -> None:
    there, not_there = (
        said(asked(stranger, f"extends: ../outside/{name}.yaml\n{FILE}", "--confined")).replace(name, "NAME")
        for name in ("secret", "absent")
    )
    assert there == not_there


def test_confined_a_file_further_down_reaches_no_further(stranger: Path) -> None:
    (stranger / "base.yaml").write_text(f"extends: ../outside/secret.yaml\n{FILE}")
    told = said(asked(stranger, "extends: base.yaml\n", "--confined"))
    assert "does not allow" in told
    assert "hunter2" not in told


def test_confined_a_model_that_is_a_link_out_of_its_folder_is_not_read(stranger: Path) -> None:
    said = refusal("validate", str(stranger / "out.yaml"), "--confined")
    assert "out.yaml leads out of its folder" in said
    assert "hunter2" not in said
    assert answer("validate", str(stranger / "link.yaml"), "--confined").returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        "extends: base.yaml\n",
        "extends: sub/../base.yaml\n",
        "extends: sub/deep.yaml\n",
        f"sources: claims\n{FILE}",
        f"sources: ./claims\n{FILE}",
        "extends: us-russia\n",
        f"sources: us-russia\n{FILE}",
    ],
)
@pytest.mark.parametrize("confined", [(), ("--confined",)], ids=["", "confined"])
def test_what_is_below_the_folder_or_comes_with_the_program_is_read(
    stranger: Path, text: str, confined: tuple[str, ...]
) -> None:
    (stranger / "sub").mkdir()
    (stranger / "sub" / "deep.yaml").write_text(f"extends: ../base.yaml\nsources: ../claims\n{FILE}")
    done = asked(stranger, text, *confined)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_beside_goes_before_a_bundled_model_of_its_name(stranger: Path) -> None:
    (stranger / "us-russia").mkdir()
    (stranger / "us-russia" / "one.yaml").write_text(CLAIM)
    assert us.load("us-russia").loaded.register is not None
    (stranger / "m.yaml").write_text(f"sources: us-russia\n{FILE}")
    register = us.load(stranger / "m.yaml").loaded.register
    assert register is not None
    assert list(register.claims) == ["C1"]


def test_a_resolved_file_keeps_the_id_of_its_register(stranger: Path) -> None:
    (stranger / "m.yaml").write_text(f"sources: us-russia\n{FILE}")
    assert "sources: us-russia\n" in answer("show", str(stranger / "m.yaml"), "--resolved").stdout


@pytest.mark.parametrize("model", ["-", "/dev/stdin", "fifo"])
def test_confined_what_has_no_folder_reads_nothing_but_bundled_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """A service that hands texts over on standard input has files of its own in its current folder."""
    (tmp_path / "base.yaml").write_text(FILE)
    monkeypatch.setattr(files, "is_rereadable", lambda _: False)
    monkeypatch.setattr(access, "is_rereadable", lambda _: False)

    def ask(text: str, *arguments: str) -> CompletedProcess[str]:
        if model == "-":
            return answer("validate", "-", *arguments, stdin=text, folder=tmp_path)
        (tmp_path / "piped.yaml").write_text(text)  # as good as a pipe: it is no file that is kept
        return answer("validate", str(tmp_path / "piped.yaml"), *arguments, folder=tmp_path)

    assert ask("extends: base.yaml\n").returncode == 0
    assert "does not allow" in ask("extends: base.yaml\n", "--confined").stderr
    assert ask("extends: us-russia\n", "--confined").returncode == 0


def test_a_library_user_confines_a_model_likewise(stranger: Path) -> None:
    (stranger / "m.yaml").write_text(f"extends: ../outside/secret.yaml\n{FILE}")
    with pytest.raises(us.ModelError, match="does not allow"):
        us.load(stranger / "m.yaml", confined=True)
    with pytest.raises(us.ModelError, match="hunter2"):
        us.load(stranger / "m.yaml")


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    name: lambda model, name=name: [name, model]
    for name in ("simulate", "sensitivity", "watch", "check", "validate", "show", "sources", "calibrate")
} | {
    "ask": lambda model: ["ask", "P(a)", model],
    "explain": lambda model: ["explain", "a", model],
    "sweep": lambda model: ["sweep", "scenarios.a.baseline=1,2", model],
    "compare": lambda model: ["compare", model, "--set", "scenarios.a.baseline=1"],
    "compare with a variant": lambda model: ["compare", "us-russia", "--variant", f"x: {model}"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_confined(stranger: Path, command: str) -> None:
    (stranger / "m.yaml").write_text(f"extends: ../outside/secret.yaml\n{FILE}")
    told = said(answer(*COMMANDS[command](str(stranger / "m.yaml")), "--confined"))
    assert "does not allow" in told
    assert "hunter2" not in told


# How much is read -----------------------------------------------------------------------------------------------------


def test_a_chain_of_extended_files_is_bounded(tmp_path: Path) -> None:
    for number in range(1_000):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    (tmp_path / "1000.yaml").write_text(FILE)
    assert "more than 20 files extend one another" in said(answer("validate", str(tmp_path / "0.yaml")))
    assert answer("validate", str(tmp_path / "985.yaml")).returncode == 0


def test_the_files_of_a_register_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    for number in range(1_001):
        (tmp_path / "claims" / f"{number}.yaml").write_text("{}")
    told = said(asked(tmp_path, f"sources: claims\n{FILE}"))
    assert "has more than 1,000 files" in told


def test_a_folder_of_very_many_names_is_not_listed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAXIMUM_NAMES", 2)
    (tmp_path / "claims").mkdir()
    for number in range(3):
        (tmp_path / "claims" / f"{number}").touch()
    assert "it holds more than 2 names" in said(asked(tmp_path, f"sources: claims\n{FILE}"))


@pytest.mark.parametrize("limit", ["MAXIMUM_BYTES_IN_ALL", "MAXIMUM_VALUES_IN_ALL"])
@pytest.mark.parametrize("text", ["extends: base.yaml\n", f"sources: claims\n{FILE}"], ids=["extends", "sources"])
def test_what_all_files_hold_together_is_bounded(
    stranger: Path, monkeypatch: pytest.MonkeyPatch, limit: str, text: str
) -> None:
    assert asked(stranger, text).returncode == 0
    monkeypatch.setattr(access, limit, {"MAXIMUM_BYTES_IN_ALL": len(FILE), "MAXIMUM_VALUES_IN_ALL": 11}[limit])
    assert "all that the model is made of is more than" in said(asked(stranger, text))


def test_the_bundled_models_are_far_from_the_bounds() -> None:
    size = sum(path.stat().st_size for folder in ("scenarios", "seeds") for path in (HERE.parent / folder).iterdir())
    assert 10 * size < access.MAXIMUM_BYTES_IN_ALL


# What is in a file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch run']",
        "!!python/name:os.system",
        "!!python/object/new:os.system ['touch run']",
        "!include ../outside/secret.yaml",
        "&a [1]",
    ],
)
def test_a_file_is_data(tmp_path: Path, value: str) -> None:
    told = said(asked(tmp_path, f"{FILE}drivers: {value}\n"))
    assert "can't be used here" in told
    assert "hunter2" not in told
    assert not (tmp_path / "run").exists()
    assert not (HERE.parent / "run").exists()


NASTY_TITLE = r'"\e[31m\a\r\x9b\u202ered"'


@pytest.mark.parametrize("form", ["table", "md"])
def test_titles_reach_a_terminal_as_plain_text(tmp_path: Path, form: str) -> None:
    text = FILE.replace("title: M", f"title: {NASTY_TITLE}").replace("{baseline", f"{{title: {NASTY_TITLE}, baseline")
    (tmp_path / "m.yaml").write_text(text)
    for command in (["simulate", str(tmp_path / "m.yaml"), "-f", form], ["show", str(tmp_path / "m.yaml")]):
        done = answer(*command, COLUMNS="100")
        assert done.returncode == 0
        assert "red" in done.stdout
        assert all(line.isprintable() for line in (done.stdout + done.stderr).split("\n"))


def test_every_statement_about_security_has_its_test() -> None:
    page = (HERE.parent / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) >= 20
    missing = [(file, name) for file, name in named if f"def {name}(" not in (HERE / file).read_text(encoding="utf-8")]
    assert missing == []


def test_the_statements_say_the_limits_of_the_program() -> None:
    page = (HERE.parent / "SECURITY.md").read_text(encoding="utf-8")
    for limit in (
        f"{files.MAXIMUM_BYTES >> 20} MiB, {yaml_source.MAXIMUM_DEPTH} levels or {yaml_source.MAXIMUM_NODES:,} values",
        f"{access.MAXIMUM_EXTENDED} files over one another, {access.MAXIMUM_REGISTER:,} files of claims",
        f"{access.MAXIMUM_BYTES_IN_ALL >> 20} MiB or {access.MAXIMUM_VALUES_IN_ALL:,} values in all",
    ):
        assert limit in page
