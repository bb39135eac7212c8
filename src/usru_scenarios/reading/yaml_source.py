"""YAML text to plain values with the place of every key and value: the only code that knows YAML.

The text is read from the parser's stream of events in one pass with a stack of our own, so that neither deep nesting
nor aliases can exhaust the machine, and nothing is composed or constructed by the YAML library. Scalars follow the core
schema of YAML 1.2: `no` is text, `010` is ten, `12:30` is text, `1e-3` is a number. Keys are text as they are written.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.problems import (
    ModelError,
    Problem,
    Replacement,
    Span,
    UnreadableInput,
    UnreadableModelError,
    printable,
    shortened,
)
from usru_scenarios.reading.decoding import check_text, decode_text, replace_odd_blanks
from usru_scenarios.reading.files import MAXIMUM_BYTES, absolute_path, content_digest
from usru_scenarios.reading.places import Document, Place
from usru_scenarios.source_text import Mark, SourceText
from usru_scenarios.written_forms import suggest_judgement, suggest_parameter_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAXIMUM_DEPTH = 50
MAXIMUM_NODES = 200_000
MAXIMUM_PROBLEMS = 100
"""After so many faults of the YAML itself the rest of a text is not read."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_INTEGER = 300
"""Digits. Longer ones have no value as a floating-point number."""


_GOES_ON = re.compile(r"[-+\u2010-\u2015\u2212]?\d+$|[A-Za-z]* ?\([^)]*$")
"""A value that a comma in braces may have cut: the `0` of `0,5`, the `pert(1` of `pert(1,2,3)`."""
_REST = re.compile(r"\d")


def read(text: str | bytes, name: str, folder: Path | None = None) -> Document:
    """Read one YAML text.

    Faults that leave the rest readable (a duplicate key, an alias, a tag, ...) are handed back in `problems`.

    Raises:
        ModelError: the YAML is broken; with the faults found up to there.
        UnreadableModelError: the text is too large, too deep, or no text.
    """
    source = decode_text(text, name, folder or Path())
    if (odd := replace_odd_blanks(source)) is None:
        return _Reader(source).document()
    problem, plain = odd
    try:
        document = _Reader(plain).document()
    except ModelError as error:
        raise ModelError([problem, *error.problems]) from None
    return replace(document, problems=(problem, *document.problems))


def read_file(path: Path, name: str) -> Document:
    """Read a YAML file; its relative paths are relative to its own folder.

    Raises:
        UnreadableInput: the file is missing, a folder or can't be opened.
        ModelError: as in `read`.
        UnreadableModelError: as in `read`.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAXIMUM_BYTES + 1)
    except IsADirectoryError:
        raise UnreadableInput(f"{printable(name)} is a folder, not a file") from None
    except FileNotFoundError:
        raise UnreadableInput(f"{printable(name)} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableInput(f"{printable(name)} can't be read: {reason}") from None
    return read_content(path, text, name)


def read_content(path: Path, content: bytes, name: str) -> Document:
    """Read the content of a YAML file, as `read` does."""
    return replace(read(content, name, path.parent), inputs={absolute_path(path): content_digest(content)})


def read_value(source: SourceText, column: int) -> Document:
    """Read the one value that begins at a column of a one-line text, such as an assignment of the command line.

    Raises:
        ModelError: the YAML is broken.
        UnreadableModelError: the text is too large, too deep, or no text.
    """
    check_text(source)
    return _Reader(source, start=column).document()


class _OpenCollection:
    """A list or map that is being read."""

    __slots__ = ("commas", "data", "key", "last", "place", "tail", "waiting")

    def __init__(self, data: list[Any] | dict[str, Any], place: Place) -> None:
        self.data = data
        self.place = place
        self.key: tuple[str, Mark] | None = None
        """The key whose value comes next; None also where that value is to be dropped."""
        self.waiting = isinstance(data, dict)
        """Whether a key comes next."""
        self.last: str | None = None
        """In braces, the key of a value that may go on behind a comma, as `0` does in `0,5`."""
        self.tail: tuple[str, Mark] | None = None
        """In braces, a key that may be such a rest: it is one if no value follows."""
        self.commas: list[str] = []
        """The keys of the values that went on."""


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reader:
    """One pass over the events of a text, or of what stands in it from `start` up to `end`."""

    def __init__(self, source: SourceText, start: int = 0, end: int | None = None) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.problems: list[Problem] = []
        self.frames: list[_OpenCollection] = []
        self.nodes = 0
        self.data: Any = None
        self.place = Place(source, Mark(0, start))

    def document(self) -> Document:
        import yaml  # here and below: what is recalled from an earlier run needs none of it

        # libyaml counts columns from the start of what it is given.
        events = yaml.parse(self.source.text[self.start : self.end], Loader=_loader())
        try:
            self._read(events)
        except yaml.MarkedYAMLError as error:
            self._hold_limits_before(error)
            from usru_scenarios.reading.yaml_errors import broken_yaml_problem  # few files are broken

            reads_to = None if self.end is not None else lambda text: _reads_to(text[self.start :])
            fault = broken_yaml_problem(self.source, self.start, error, self._open_bracket(), reads_to)
            raise ModelError([*self.problems, fault]) from None
        except (yaml.YAMLError, ValueError) as error:
            problem = Problem("broken_yaml", f"this is not YAML: {error}", Span(self.source.name, 1, 1))
            raise ModelError([*self.problems, problem]) from None
        return Document(self.source, self.data, self.place, tuple(self.problems), self.nodes)

    def _hold_limits_before(self, error: yaml.MarkedYAMLError) -> None:
        """Refuse what is too deep already before a fault.

        The library looks ahead of what it hands out, and its newer versions have a limit of depth of their own, which
        then comes before ours. So what stands before the fault is read once more, by itself.
        """
        if self.end is not None or error.problem_mark is None:
            return
        try:
            _Reader(self.source, self.start, self.start + error.problem_mark.index).document()
        except UnreadableModelError:
            raise
        except ModelError:
            pass  # how the fault is told is found out from the whole text

    def _read(self, events: Iterator[Any]) -> None:
        import yaml

        documents = 0
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent():
                    self._open({}, event)
                case yaml.SequenceStartEvent():
                    self._open([], event)
                case yaml.CollectionEndEvent():
                    self._close(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._report(
                            "several_documents",
                            "a second document begins here; a file holds one",
                            self._mark(event),
                            "remove the line '---' and what follows it",
                        )
                        return
            if len(self.problems) >= MAXIMUM_PROBLEMS:
                raise ModelError(self.problems)

    def _mark(self, event: Any) -> Mark:
        return self._between(event.start_mark, event.end_mark)

    def _between(self, start: Any, end: Any) -> Mark:
        column = start.column + (self.start if start.line == 0 else 0)
        if end.line == start.line:
            return Mark(start.line, column, end.column - start.column)
        return Mark(start.line, column, len(self.source.lines[start.line]) - column)

    def _report(self, code: str, message: str, mark: Mark, hint: str = "") -> None:
        self.problems.append(Problem(code, message, self.source.span(mark), hint))

    def _count(self, mark: Mark) -> None:
        self.nodes += 1
        if self.nodes > MAXIMUM_NODES:
            raise UnreadableModelError(
                [Problem("too_many_nodes", f"the file has more than {MAXIMUM_NODES:,} values", self.source.span(mark))]
            )

    def _check_properties(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            self._report(
                "anchor",
                f"anchors (&{event.anchor}) can't be used here",
                mark,
                "write the value out where it is needed, or share it between files with 'extends'",
            )
        if event.tag is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report("tag", f"tags ({shown}) can't be used here", mark, "quote a value to make it text")

    def _scalar(self, event: Any) -> None:
        mark = self._mark(event)
        self._count(mark)
        self._check_properties(event, mark)
        plain = event.implicit[0] and event.style in (None, "")
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.waiting:
            self._key(frame, event.value, mark, plain=plain)
            return
        place = Place(self.source, mark)
        place.has_fault = event.tag is not None
        if frame is not None and frame.tail is not None and self._goes_on(frame, event, mark):
            return
        value = self._resolved(event.value, place) if plain else event.value
        self._put(value, place)
        if frame is not None and plain and not frame.place.value.block and frame.key and _GOES_ON.match(event.value):
            frame.last = frame.key[0]

    def _key(self, frame: _OpenCollection, key: str, mark: Mark, *, plain: bool) -> None:
        frame.waiting = False
        frame.key = None
        places = frame.place.children
        if frame.last is not None and plain and _REST.match(key) and mark.line == self._place_of(frame).value.line:
            frame.tail = key, mark
            if places is not None and key not in places:
                frame.key = (key, mark)
            return
        frame.last = None
        if key == "<<" and plain:
            frame.place.has_fault = True
            self._report(
                "merge_key",
                "merge keys (<<) can't be used here",
                mark,
                "write the keys out, or use 'extends' for a file",
            )
        elif plain and key in _NULL:
            frame.place.has_fault = True
            self._report(
                "null_key", f"{key or 'nothing'} can't be a name", mark, f"quote it to make it text: '{key or '...'}'"
            )
        elif places is not None and key in places:
            self._duplicate(frame, key, mark)
        else:
            frame.key = (key, mark)

    def _place_of(self, frame: _OpenCollection) -> Place:
        """The place of a value that may go on."""
        return (frame.place.children or {}).get(frame.last or "", frame.place)

    def _goes_on(self, frame: _OpenCollection, event: Any, mark: Mark) -> bool:
        """Take a key without a value for the rest of the value before it; whether it is that."""
        if mark.width or event.value:
            return False
        tail, frame.tail = frame.tail, None
        assert tail is not None
        assert frame.last is not None
        assert isinstance(frame.data, dict)
        place = self._place_of(frame)
        start = place.value.column
        place.value = Mark(place.value.line, start, tail[1].column + tail[1].width - start)
        frame.data[frame.last] = self.source.lines[place.value.line][start : start + place.value.width]
        if frame.last not in frame.commas:
            frame.commas.append(frame.last)
        frame.waiting, frame.key = True, None
        return True

    def _duplicate(self, frame: _OpenCollection, key: str, mark: Mark) -> None:
        first = (frame.place.children or {})[key]
        self._report(
            "duplicate_key",
            f"the key '{key}' stands here a second time; the first is in line {first.key.line + 1 if first.key else 1}",
            mark,
            "remove one of the two, or give it another name",
        )

    def _commas(self, frame: _OpenCollection) -> None:
        """Tell, once for a map, that its values hold commas, which end a value in braces."""
        edits: list[Replacement] = []
        hints: list[str] = []
        assert isinstance(frame.data, dict)
        places = frame.place.children or {}
        for key in frame.commas:
            place = places[key]
            raw = frame.data[key]
            meant = suggest_parameter_list(key, raw) or suggest_judgement(raw)
            place.has_fault = True
            start = self.source.offset(place.value)
            text = meant.text if meant else f'"{raw}"'
            hints.append(meant.hint if meant else f"put the text in quotes: {text}")
            frame.data[key] = meant.value if meant else raw
            if text:
                edits.append(self.source.replacement(start, start + place.value.width, text))
        first = places[frame.commas[0]]
        others = len(frame.commas) - 1
        more = f" (and so {others} more {'time' if others == 1 else 'times'} in these braces)" if others else ""
        message = f"a ',' ends a value in braces, and here stands '{shortened(self._written(first))}'{more}"
        self.problems.append(
            Problem("comma_in_value", message, self.source.span(first.value), hints[0], fix=tuple(edits))
        )

    def _written(self, place: Place) -> str:
        start = self.source.offset(place.value)
        return self.source.text[start : start + place.value.width]

    def _put(self, value: Any, place: Place) -> None:
        """Hand a finished value, or a collection that begins, to what contains it."""
        if not self.frames:
            self.data, self.place = value, place
            return
        frame = self.frames[-1]
        if frame.place.children is None:
            frame.place.children = {}
        if isinstance(frame.data, list):
            frame.place.children[len(frame.data)] = place
            frame.data.append(value)
            return
        frame.waiting = True
        if frame.tail is not None:  # with a value it is a key after all
            tail, frame.tail, frame.last = frame.tail, None, None
            if frame.key is None:
                self._duplicate(frame, *tail)
        if frame.key is not None:
            key, place.key = frame.key
            frame.data[key] = value
            frame.place.children[key] = place

    def _open(self, data: list[Any] | dict[str, Any], event: Any) -> None:
        mark = self._mark(event)
        if not event.flow_style:
            mark = mark._replace(block=True)
        self._count(mark)
        if len(self.frames) >= MAXIMUM_DEPTH:
            raise UnreadableModelError(
                [Problem("too_deep", f"nested deeper than {MAXIMUM_DEPTH} levels", self.source.span(mark))]
            )
        self._check_properties(event, mark)
        place = Place(self.source, mark)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.waiting:
            self._report(
                "key_not_text", "a key must be plain text, not a list or a map", mark, "quote it to make it text"
            )
            frame.key = None
            frame.waiting = False
            frame.place.has_fault = True
            # The collection that stands for the key is read to its end and dropped; it is nobody's value.
        else:
            self._put(data, place)
        self.frames.append(_OpenCollection(data, place))

    def _close(self, event: Any) -> None:
        frame = self.frames.pop()
        if frame.commas:
            self._commas(frame)
        mark = frame.place.value
        if not mark.block:
            start = mark
            wide = event.end_mark.line == start.line
            end = event.end_mark.column + (self.start if event.end_mark.line == 0 else 0)
            frame.place.value = start._replace(width=end - start.column) if wide else start._replace(block=True)

    def _alias(self, event: Any) -> None:
        mark = self._mark(event)
        self._count(mark)
        self._report(
            "alias",
            f"aliases (*{event.anchor}) can't be used here",
            mark,
            "write the value out, or share it between files with 'extends'",
        )
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.waiting:
            frame.waiting, frame.key = False, None
            frame.place.has_fault = True
            return
        place = Place(self.source, mark)
        place.has_fault = True
        self._put(None, place)

    def _resolved(self, text: str, place: Place) -> Any:
        """A plain scalar's value by the core schema of YAML 1.2."""
        if text in _NULL:
            return None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        first = text[0]
        if first not in "-+.0123456789":
            return text
        if _DECIMAL.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
            return int(text)
        if first == "0" and _BASED.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
            return int(text, 0)
        if _NOT_FINITE.fullmatch(text):
            return self._no_number(place, "not_finite", f"{text} can't be used: a number must be finite")
        if _FLOAT.fullmatch(text):
            if math.isfinite(number := float(text)):
                return number
            shown = text if len(text) <= 20 else f"{text[:12]}... ({len(text)} characters)"
            return self._no_number(place, "number_too_large", f"the number {shown} is too large")
        return text

    def _no_number(self, place: Place, code: str, message: str) -> float:
        """Report a number that can't be one; another stands in for it, lest it seem that nothing was written."""
        place.has_fault = True
        self._report(code, message, place.value)
        return 1.0

    def _open_bracket(self) -> Mark | None:
        """The innermost bracket that is still open."""
        mark = self.frames[-1].place.value if self.frames else None
        return mark if mark and not mark.block else None


def _reads_to(text: str) -> int | None:
    """The line at which a text stops being YAML; None of one that is YAML to its end."""
    import yaml

    try:
        for _ in yaml.parse(text, Loader=_loader()):
            pass
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line if error.problem_mark else 0
    except (yaml.YAMLError, ValueError):
        return 0
    return None
