from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from usru_scenarios.problems import ModelError, UnreadableInput, UnreadableModelError
from usru_scenarios.reading import yaml_source
from usru_scenarios.reading.yaml_source import read, read_file, read_value
from usru_scenarios.source_text import SourceText


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds for both parsers of PyYAML."""
    if request.param == "pure Python":
        monkeypatch.setattr(yaml_source, "_loader", lambda: yaml.SafeLoader)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("y", "y"),
        ("010", 10),
        ("0o17", 15),
        ("0xfF", 255),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2025-01-20", "2025-01-20"),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("+.5", 0.5),
        ("-1.", -1.0),
        ("-0", 0),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("Null", None),
        ("nil", "nil"),
        ("=", "="),
        ("'1'", "1"),
        ('"no"', "no"),
        ("9" * 300, int("9" * 300)),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    document = read(f"key: {text}", "file")
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)
    assert document.problems == ()


def test_scalars_of_a_whole_file() -> None:
    document = read_file(Path(__file__).parent / "models/good/scalars.yaml", "scalars.yaml")
    data = document.data
    assert (data["title"], data["summary"]) == ("no", "12:30")
    assert data["scenarios"] == {
        "yes": {"title": "on", "baseline": 10},
        "off": {"title": "2025-01-20", "baseline": 10.0},
    }
    assert data["drivers"]["n"]["states"] == {"y": 15, "no": 15}
    assert data["drivers"]["n"]["impacts"] == {"y": {"yes": 1.5, "off": -0.5}, "no": {"yes": 0.001}}


def test_keys_are_text_as_written() -> None:
    assert read("{010: 1, 1.50: 2, 'null': 3, true: 4, 2025-01: 5, '': 6}", "file").data == {
        "010": 1,
        "1.50": 2,
        "null": 3,
        "true": 4,
        "2025-01": 5,
        "": 6,
    }


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5000, "-" + "9" * 5000, ".inf", "-.INF", ".nan"])
def test_a_number_beyond_the_finite_is_a_fault(number: str) -> None:
    (problem,) = read(f"a: [1, {number}]", "file").problems
    assert problem.code in ("number_too_large", "not_finite")
    assert problem.span is not None
    assert (problem.span.line, problem.span.column, problem.span.width) == (1, 8, len(number))


def test_places_of_keys_and_values() -> None:
    document = read("top:\n  - {name: x, more: [1, 'two']}\n  - last\n", "file")
    place = document.place.at(("top", 0, "more", 1))
    assert place is not None
    assert str(place.span()) == "file:2:25"
    assert place.span().width == len("'two'")
    more = document.place.at(("top", 0, "more"))
    assert more is not None
    assert (more.key_span().column, more.span().column, more.span().width) == (15, 21, 10)
    top = document.place.at(("top",))
    assert top is not None
    assert str(top.span()) == "file:1:1"  # a block is shown by its key
    assert document.place.at(("top", 7, "x")) is None


def test_several_faults_are_told_at_once() -> None:
    text = "a: 1\na: 2\nb: &x [1]\nc: *x\nd: !!str 1\n<<: {e: 1}\n? [f]\n: 1\nb: 3\n"
    document = read(text, "file")
    assert [(problem.code, problem.span and problem.span.line) for problem in document.problems] == [
        ("duplicate_key", 2),
        ("anchor", 3),
        ("alias", 4),
        ("tag", 5),
        ("merge_key", 6),
        ("key_not_text", 7),
        ("duplicate_key", 9),
    ]
    assert document.data["a"] == 1


def test_a_file_holds_one_document() -> None:
    document = read("---\na: 1\n...\n---\nb: 2\n", "file")
    assert document.data == {"a": 1}
    assert [problem.code for problem in document.problems] == ["several_documents"]


def test_a_quoted_merge_sign_is_a_key() -> None:
    assert read("'<<': 1", "file").data == {"<<": 1}


def test_byte_order_mark_and_line_ends() -> None:
    document = read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "file")
    assert document.data == {"a": 1, "b": 2}
    place = document.place.child("b")
    assert place is not None
    assert place.key_span().text == "b: 2"


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (b"a: 1\nb: caf\xe9\n", "not_utf8", (2, 7)),
        (b"\xff\xfea\x00", "not_utf8", (1, 1)),
        (b"a: 1\nb: \x00\n", "not_text", (2, 4)),
        (b"a: \x1b[31m", "not_text", (1, 4)),
        (b"#" * (2 * 1024 * 1024 + 1), "too_large", (1, 1)),
        ("é" * (1024 * 1024 + 1), "too_large", (1, 1)),
        ("[" * 51, "too_deep", (1, 51)),
        ("[" * 5000, "too_deep", (1, 51)),
        ("é: 1\r\nb: " + "[" * 5000 + "]" * 5000, "too_deep", (2, 53)),
        ("é: {b: " + "[" * 900 + "%", "too_deep", (1, 56)),
        ("- " * 5000, "too_deep", (1, 101)),
        ("? " * 5000, "too_deep", (1, 101)),
        ("{a: " * 5000, "too_deep", (1, 201)),
        ("[" + "1," * 300 + "]", "too_many_nodes", (1, 400)),
    ],
)
def test_what_can_not_be_read_at_all(
    raw: str | bytes, code: str, place: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_source, "MAXIMUM_NODES", 200)
    with pytest.raises(UnreadableModelError) as caught:
        read(raw, "file")
    (problem,) = caught.value.problems
    assert problem.code == code
    assert caught.value.exit_status == 2
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == place


def test_what_is_broken_before_it_is_too_deep_is_broken() -> None:
    with pytest.raises(ModelError) as caught:
        read("a: [" + "[" * 40 + "%" + "[" * 5000, "file")
    assert not isinstance(caught.value, UnreadableModelError)
    assert [problem.code for problem in caught.value.problems] == ["broken_yaml"]


def test_a_value_that_is_too_deep_is_told_where_it_stands() -> None:
    with pytest.raises(UnreadableModelError) as caught:
        read_value(SourceText("--set", "paths.é=" + "[" * 5000), 8)
    (problem,) = caught.value.problems
    assert (problem.code, problem.span and problem.span.column) == ("too_deep", 59)


def test_fifty_levels_are_allowed() -> None:
    assert read("[" * 50 + "]" * 50, "file").problems == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "never closed"),
        ("a: {b: 1", "never closed"),
        ("a: 'x", "never closed"),
        ("a: b: c", "text that holds ': ' is written in quotes"),
        ("a:\n\tb: 1", "a tab can't be used"),
        ("a: @x", "no value can begin with this character"),
        ("a: - x", "a list item"),
        ("a: 'x' y", "a key was expected"),
        ("a: [,]", "a value was expected"),
        ("a: *", "no value can begin with this character"),
        ('a: "\\q"', "unknown escape"),
    ],
)
def test_broken_yaml_is_said_in_plain_words(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(text, "file")
    (problem,) = caught.value.problems
    assert problem.code == "broken_yaml"
    assert message in problem.message
    assert problem.span is not None
    assert caught.value.exit_status == 1


def test_a_flood_of_faults_ends_the_reading() -> None:
    with pytest.raises(ModelError) as caught:
        read("{" + "a: 1, " * 5000 + "}", "file")
    assert len(caught.value.problems) == yaml_source.MAXIMUM_PROBLEMS


def test_a_value_within_a_line() -> None:
    source = SourceText("--set", "path.to=[1, .inf]")
    document = read_value(source, 8)
    assert document.data == [1, 1.0]  # a number stands in for what is none
    (problem,) = document.problems
    assert str(problem.span) == "--set:1:13"
    place = document.place.child(0)
    assert place is not None
    assert place.span().column == 10


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="is a folder"):
        read_file(tmp_path, "here")
    with pytest.raises(UnreadableInput, match="does not exist"):
        read_file(tmp_path / "x.yaml", "x.yaml")


@pytest.mark.parametrize("value", ["{x: 1}", "[1]", "*z", "1", "x", "'q'", "''"])
@pytest.mark.parametrize("after", ["", ", e: 2", ", 3", ", 3 y: {z: 1}, f: 4", ", '5': 6"])
@pytest.mark.parametrize("key", ["0 points", "2", "b"])
def test_what_may_be_the_rest_of_a_value_and_has_one_of_its_own_is_a_key(key: str, value: str, after: str) -> None:
    """`2026,0 points: {x: 1}`: without its value the key would be the rest of a number with a comma."""
    text = f"a: {{at: 2026,{key}: {value}{after}}}\n"
    data = read(text.encode(), "x.yaml").data
    assert key in data["a"]
    assert data["a"]["at"] == 2026


def test_such_a_key_that_stands_there_already_is_told() -> None:
    (problem,) = read(b"a: {2: x, at: 2026,2: {x: 1}, e: f}\n", "x.yaml").problems
    assert problem.message.startswith("the key '2' stands here a second time")
