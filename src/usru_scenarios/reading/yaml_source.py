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
    shorten,
    to_printable,
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


_MAY_BE_CUT = re.compile(r"[-+\u2010-\u2015\u2212]?\d+$|[A-Za-z]* ?\([^)]*$")
"""A value that a comma in braces may have cut in two: the `0` of `0,5`, the `pert(1` of `pert(1,2,3)`."""
_MAY_BE_REST = re.compile(r"\d")


def read(text: str | bytes, name: str, folder: Path | None = None) -> Document:
    """Read one YAML text.

    Faults that leave the rest readable (a duplicate key, an alias, a tag, ...) are handed back in `problems`.

    Raises:
        ModelError: the YAML is broken; with the faults found up to there.
        UnreadableModelError: the text is too large, too deep, or no text.
    """
    source = decode_text(text, name, folder or Path())
    if (replaced := replace_odd_blanks(source)) is None:
        return _Reader(source).document()
    problem, plain = replaced
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
        raise UnreadableInput(f"{to_printable(name)} is a folder, not a file") from None
    except FileNotFoundError:
        raise UnreadableInput(f"{to_printable(name)} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableInput(f"{to_printable(name)} can't be read: {reason}") from None
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

    __slots__ = ("cut_key", "data", "expects_key", "key", "place", "possible_rest", "split_keys")

    def __init__(self, data: list[Any] | dict[str, Any], place: Place) -> None:
        self.data = data
        self.place = place
        self.key: tuple[str, Mark] | None = None
        """The key whose value comes next; None also where that value is to be dropped."""
        self.expects_key = isinstance(data, dict)
        """Whether a key comes next."""
        self.cut_key: str | None = None
        """In braces, the key of a value that may go on behind a comma, as `0` does in `0,5`."""
        self.possible_rest: tuple[str, Mark] | None = None
        """In braces, a key that may be the rest of such a value: it is if no value follows."""
        self.split_keys: list[str] = []
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
        self.open: list[_OpenCollection] = []
        self.values = 0
        self.data: Any = None
        self.place = Place(source, Mark(0, start))

    def document(self) -> Document:
        import yaml  # here and below: what is recalled from an earlier run needs none of it

        # libyaml counts columns from the start of what it is given.
        events = yaml.parse(self.source.text[self.start : self.end], Loader=_loader())
        try:
            self._read_events(events)
        except yaml.MarkedYAMLError as error:
            self._check_limits_before(error)
            raise ModelError([*self.problems, self._broken_yaml(error)]) from None
        except (yaml.YAMLError, ValueError) as error:
            problem = Problem("broken_yaml", f"this is not YAML: {error}", Span(self.source.name, 1, 1))
            raise ModelError([*self.problems, problem]) from None
        return Document(self.source, self.data, self.place, tuple(self.problems), self.values)

    def _broken_yaml(self, error: yaml.MarkedYAMLError) -> Problem:
        from usru_scenarios.reading.broken_yaml import broken_yaml_problem  # few files are broken

        innermost = self.open[-1].place.value if self.open else None
        bracket = innermost if innermost and not innermost.block else None
        parse_again = None if self.end is not None else lambda text: _first_unreadable_line(text[self.start :])
        return broken_yaml_problem(self.source, self.start, error, bracket, parse_again)

    def _check_limits_before(self, error: yaml.MarkedYAMLError) -> None:
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
            pass  # the fault is reported for the whole text

    def _read_events(self, events: Iterator[Any]) -> None:
        import yaml

        documents = 0
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._read_scalar(event)
                case yaml.MappingStartEvent():
                    self._open_collection({}, event)
                case yaml.SequenceStartEvent():
                    self._open_collection([], event)
                case yaml.CollectionEndEvent():
                    self._close_collection(event)
                case yaml.AliasEvent():
                    self._read_alias(event)
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        message = "a second document begins here; a file holds one"
                        hint = "remove the line '---' and what follows it"
                        self._report("several_documents", message, self._mark(event), hint)
                        return
            if len(self.problems) >= MAXIMUM_PROBLEMS:
                raise ModelError(self.problems)

    def _mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        column = self._column(start)
        width = end.column - start.column if end.line == start.line else len(self.source.lines[start.line]) - column
        return Mark(start.line, column, width)

    def _column(self, mark: Any) -> int:
        """The column of a mark of the parser in the whole text."""
        return int(mark.column) + (self.start if mark.line == 0 else 0)

    def _report(self, code: str, message: str, mark: Mark, hint: str = "") -> None:
        self.problems.append(Problem(code, message, self.source.span(mark), hint))

    def _count_value(self, mark: Mark) -> None:
        self.values += 1
        if self.values > MAXIMUM_NODES:
            message = f"the file has more than {MAXIMUM_NODES:,} values"
            raise UnreadableModelError([Problem("too_many_nodes", message, self.source.span(mark))])

    def _check_anchor_and_tag(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            hint = "write the value out where it is needed, or share it between files with 'extends'"
            self._report("anchor", f"anchors (&{event.anchor}) can't be used here", mark, hint)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report("tag", f"tags ({tag}) can't be used here", mark, "quote a value to make it text")

    def _read_scalar(self, event: Any) -> None:
        mark = self._mark(event)
        self._count_value(mark)
        self._check_anchor_and_tag(event, mark)
        is_plain = event.implicit[0] and event.style in (None, "")
        parent = self.open[-1] if self.open else None
        if parent is not None and parent.expects_key:
            self._read_key(parent, event.value, mark, is_plain=is_plain)
            return
        if parent is not None and parent.possible_rest is not None and not mark.width and not event.value:
            self._join_rest(parent, parent.possible_rest)
            return
        place = Place(self.source, mark)
        place.has_fault = event.tag is not None
        self._add(self._plain_value(event.value, place) if is_plain else event.value, place)
        if parent is not None and parent.key and is_plain and not parent.place.value.block:
            parent.cut_key = parent.key[0] if _MAY_BE_CUT.match(event.value) else None

    def _read_key(self, parent: _OpenCollection, key: str, mark: Mark, *, is_plain: bool) -> None:
        parent.expects_key = False
        parent.key = None
        places = parent.place.children or {}
        cut = None if parent.cut_key is None else places.get(parent.cut_key, parent.place)
        if cut is not None and is_plain and _MAY_BE_REST.match(key) and mark.line == cut.value.line:
            parent.possible_rest = key, mark
            parent.key = None if key in places else (key, mark)
            return
        parent.cut_key = None
        if key == "<<" and is_plain:
            parent.place.has_fault = True
            hint = "write the keys out, or use 'extends' for a file"
            self._report("merge_key", "merge keys (<<) can't be used here", mark, hint)
        elif is_plain and key in _NULL:
            parent.place.has_fault = True
            hint = f"quote it to make it text: '{key or '...'}'"
            self._report("null_key", f"{key or 'nothing'} can't be a name", mark, hint)
        elif key in places:
            self._report_duplicate(parent, key, mark)
        else:
            parent.key = (key, mark)

    def _join_rest(self, parent: _OpenCollection, rest: tuple[str, Mark]) -> None:
        """Take a key without a value for the rest of the value before it."""
        assert parent.cut_key is not None
        assert isinstance(parent.data, dict)
        place = (parent.place.children or {}).get(parent.cut_key, parent.place)
        line, start = place.value.line, place.value.column
        end = rest[1].column + rest[1].width
        place.value = Mark(line, start, end - start)
        parent.data[parent.cut_key] = self.source.lines[line][start:end]
        if parent.cut_key not in parent.split_keys:
            parent.split_keys.append(parent.cut_key)
        parent.possible_rest, parent.key, parent.expects_key = None, None, True

    def _report_duplicate(self, parent: _OpenCollection, key: str, mark: Mark) -> None:
        first = (parent.place.children or {})[key].key
        line = first.line + 1 if first else 1
        message = f"the key '{key}' stands here a second time; the first is in line {line}"
        self._report("duplicate_key", message, mark, "remove one of the two, or give it another name")

    def _report_split_values(self, parent: _OpenCollection) -> None:
        """Report, once for a map, that its values hold commas, which end a value in braces."""
        edits: list[Replacement] = []
        hints: list[str] = []
        assert isinstance(parent.data, dict)
        places = parent.place.children or {}
        first = places[parent.split_keys[0]]
        start = self.source.offset(first.value)
        written = self.source.text[start : start + first.value.width]
        for key in parent.split_keys:
            place, raw = places[key], parent.data[key]
            place.has_fault = True
            suggested = suggest_parameter_list(key, raw) or suggest_judgement(raw)
            text = suggested.text if suggested else f'"{raw}"'
            hints.append(suggested.hint if suggested else f"put the text in quotes: {text}")
            parent.data[key] = suggested.value if suggested else raw
            if text:
                start = self.source.offset(place.value)
                edits.append(self.source.replacement(start, start + place.value.width, text))
        others = len(parent.split_keys) - 1
        more = f" (and so {others} more {'time' if others == 1 else 'times'} in these braces)" if others else ""
        message = f"a ',' ends a value in braces, and here stands '{shorten(written)}'{more}"
        span = self.source.span(first.value)
        self.problems.append(Problem("comma_in_value", message, span, hints[0], fix=tuple(edits)))

    def _add(self, value: Any, place: Place) -> None:
        """Add a finished value, or a collection that begins, to what contains it."""
        if not self.open:
            self.data, self.place = value, place
            return
        parent = self.open[-1]
        if parent.place.children is None:
            parent.place.children = {}
        if isinstance(parent.data, list):
            parent.place.children[len(parent.data)] = place
            parent.data.append(value)
            return
        parent.expects_key = True
        if parent.possible_rest is not None:  # with a value it is a key after all
            if parent.key is None:
                self._report_duplicate(parent, *parent.possible_rest)
            parent.possible_rest, parent.cut_key = None, None
        if parent.key is not None:
            key, place.key = parent.key
            parent.data[key] = value
            parent.place.children[key] = place

    def _open_collection(self, data: list[Any] | dict[str, Any], event: Any) -> None:
        mark = self._mark(event)
        if not event.flow_style:
            mark = mark._replace(block=True)
        self._count_value(mark)
        if len(self.open) >= MAXIMUM_DEPTH:
            message = f"nested deeper than {MAXIMUM_DEPTH} levels"
            raise UnreadableModelError([Problem("too_deep", message, self.source.span(mark))])
        self._check_anchor_and_tag(event, mark)
        place = Place(self.source, mark)
        if not self._is_invalid_key():
            self._add(data, place)
        else:  # what stands for the key is read to its end and dropped
            message = "a key must be plain text, not a list or a map"
            self._report("key_not_text", message, mark, "quote it to make it text")
        self.open.append(_OpenCollection(data, place))

    def _is_invalid_key(self) -> bool:
        """Whether what begins here stands for a key, which only a scalar can be; its value is then dropped."""
        parent = self.open[-1] if self.open else None
        if parent is None or not parent.expects_key:
            return False
        parent.expects_key, parent.key = False, None
        parent.place.has_fault = True
        return True

    def _close_collection(self, event: Any) -> None:
        collection = self.open.pop()
        if collection.split_keys:
            self._report_split_values(collection)
        mark, end = collection.place.value, event.end_mark
        if not mark.block and end.line == mark.line:
            collection.place.value = mark._replace(width=self._column(end) - mark.column)
        elif not mark.block:
            collection.place.value = mark._replace(block=True)

    def _read_alias(self, event: Any) -> None:
        mark = self._mark(event)
        self._count_value(mark)
        hint = "write the value out, or share it between files with 'extends'"
        self._report("alias", f"aliases (*{event.anchor}) can't be used here", mark, hint)
        if not self._is_invalid_key():
            place = Place(self.source, mark)
            place.has_fault = True
            self._add(None, place)

    def _plain_value(self, text: str, place: Place) -> Any:
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
            code, message = "not_finite", f"{text} can't be used: a number must be finite"
        elif not _FLOAT.fullmatch(text):
            return text
        elif math.isfinite(number := float(text)):
            return number
        else:
            shown = text if len(text) <= 20 else f"{text[:12]}... ({len(text)} characters)"
            code, message = "number_too_large", f"the number {shown} is too large"
        place.has_fault = True
        self._report(code, message, place.value)
        return 1.0  # lest it seem that nothing was written


def _first_unreadable_line(text: str) -> int | None:
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
