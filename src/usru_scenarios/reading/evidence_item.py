"""An item that is added to an evidence file: below the last one, every other character of the file as it is."""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.problems import ModelError, Problem, RequestError, UnreadableInput, to_printable
from usru_scenarios.reading.evidence import EvidenceText, read_evidence
from usru_scenarios.reading.files import open_locked, read_regular_file, write_atomically
from usru_scenarios.reading.places import Place
from usru_scenarios.reading.yaml_source import read_content, read_value
from usru_scenarios.reading.yaml_text import to_flow_yaml
from usru_scenarios.source_text import Mark, SourceText

_HINT = 'such as "seen: dialogue=summit @ 2025-Q1", or "{about: talks @ 2025-Q1, likelihood: {open: 3, default: 1}}"'
_MAXIMUM_ID_LENGTH = 60


@dataclass(frozen=True)
class AppendedItem:
    """A file with an item more.

    Attributes:
        file: the file as it is.
        name: the id of the item.
        learned: the day on which it became known.
        text: what the file says with it; None where it has the item already.
    """

    file: EvidenceText
    name: str
    learned: str
    text: str | None

    @property
    def summary(self) -> str:
        """What was done, in a sentence."""
        outcome = "is there already" if self.text is None else "added"
        is_later = self.learned > self.file.file.as_of
        note = f"; it does not count before 'as_of' is {self.learned} or later" if is_later else ""
        return f"{self.file.name}: {self.name} {outcome}{note}"

    def read(self) -> EvidenceText:
        """The file with the item.

        Raises:
            ModelError: it is no evidence file any more; with all of its faults.
        """
        return read_evidence(self.file.path, text=self.text)

    def write(self) -> None:
        """Put it into the file, which is replaced at once.

        Raises:
            ModelError: somebody else has changed the file since it was read.
            UnreadableInput: it can't be written, and is as it was.
        """
        assert self.text is not None
        path = Path(os.path.realpath(self.file.path))  # a link stays one
        try:
            before = read_regular_file(path)
            if before.decode().removeprefix("\ufeff") != self.file.source.text:
                message = f"{self.file.name} has been changed meanwhile: add the item again"
                raise ModelError([Problem("changed", message)])
            byte_order_mark = "\ufeff" if before.startswith(BOM_UTF8) else ""
            write_atomically(path, f"{byte_order_mark}{self.text}".encode(), mode=path.stat().st_mode & 0o777)
        except OSError as error:
            raise _cannot_write(self.file.name, error) from error


@contextmanager
def lock_evidence_file(file: str) -> Iterator[None]:
    """While an evidence file is read and written: who else adds an item waits, and then finds this one.

    Raises:
        UnreadableInput: there is no such file, or it can't be written.
    """
    with ExitStack() as lock:
        try:
            lock.enter_context(open_locked(Path(file), os.O_RDWR | getattr(os, "O_NONBLOCK", 0)))
        except FileNotFoundError:
            pass  # reading it says so, with what may be meant
        except (OSError, ValueError) as error:
            raise _cannot_write(file, error) from error
        yield


def _cannot_write(name: str, error: OSError | ValueError) -> UnreadableInput:
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return UnreadableInput(to_printable(f"{name} can't be written: {reason}"), "it is as it was")


def append_item(file: EvidenceText, item: str, learned: str | None, sources: Sequence[str] = ()) -> AppendedItem:
    """A file with an item more; as it is where it says the same already.

    Args:
        file: the file.
        item: the item as YAML, in lines of its own or in braces; a text alone is what was `seen`.
        learned: when it became known; None where the item says it.
        sources: the claims that it rests on, beside those that the item names.

    Raises:
        RequestError: the item can't be read, says nothing of when it became known, or something else.
        ModelError: the file has no map of items, or one that is written in a way in which there is no place for it.
    """
    content = _read_item(item)
    stated = content.setdefault("learned", learned)
    if stated is None:
        raise _refusal("--add wants the day on which it became known", "add --learned 2025-02-12")
    if learned is not None and str(stated) != learned:
        message = f"the item says that it was learned on {stated}, and --learned {learned}"
        raise _refusal(message, "leave out one of them")
    learned = str(stated)
    if sources:
        cited = content.get("sources") or []
        content["sources"] = list(dict.fromkeys([*(cited if isinstance(cited, list) else [cited]), *sources]))
    items = file.tree.data.get("evidence") or {}
    if not isinstance(items, dict):
        raise ModelError(file.problems)
    for name, other in items.items():
        if other == content:
            return AppendedItem(file, name, learned, None)
    name = _unused_id(content, items)
    return AppendedItem(file, name, learned, _text_with_item(file, name, content))


def _refusal(message: str, hint: str) -> RequestError:
    return RequestError([Problem("learned", to_printable(message), None, hint)])


def _read_item(item: str) -> dict[str, Any]:
    source = SourceText("--add", item)
    try:
        document = read_value(source, 0)
    except ModelError as error:
        raise RequestError(error.problems) from None
    data = document.data
    if isinstance(data, str) and data.strip():
        return {"seen": data.strip()}
    if isinstance(data, dict) and data and not document.problems:
        return data
    problem = Problem("no_item", "expected an item", source.span(Mark(0, 0, len(item))), _HINT)
    raise RequestError([*document.problems, problem])


def _unused_id(content: dict[str, Any], items: dict[str, Any]) -> str:
    """An id that tells what the item says, and that no other one has."""
    signpost, quiet = content.get("signpost"), content.get("quiet")
    about = (
        content.get("seen")
        or content.get("about")
        or (f"{signpost.get('of')} {signpost.get('at')}" if isinstance(signpost, dict) else "")
        or (f"quiet {quiet.get('from')} {quiet.get('to')}" if isinstance(quiet, dict) else "")
    )
    words = re.findall(r"[a-z0-9]+", str(about).lower())
    name = "_".join(words)[:_MAXIMUM_ID_LENGTH].strip("_") or "item"
    name = name if name[0].isalpha() else f"item_{name}"
    candidates = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in items)


def _text_with_item(file: EvidenceText, name: str, content: dict[str, Any]) -> str:
    """The text with an item below the last one of its map `evidence`, with the same indentation."""
    text = file.source.text
    document = read_content(file.path, text.encode(), file.name)
    lines = text.splitlines(keepends=True)
    line_break = "\r\n" if (lines and lines[-1].endswith("\r\n")) or "\r\n" in text else "\n"
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += line_break
    place = document.place.child("evidence")
    indent, end = 2, len(lines)
    if place is None:
        lines.append(f"evidence:{line_break}")
        end += 1
    elif document.data["evidence"] in ({}, None):
        end = (place.key or place.value).line + 1
        lines[end - 1] = re.sub(r"(evidence\s*:)\s*(\{\s*\}|null|~)?", r"\1", lines[end - 1], count=1)
    else:
        indent, end = _end_of_items(place)
    margin = " " * indent
    item_lines = [f"{margin}{name}:", *(f"{margin}  {key}: {to_flow_yaml(value)}" for key, value in content.items())]
    return "".join([*lines[:end], *(line + line_break for line in item_lines), *lines[end:]])


def _end_of_items(place: Place) -> tuple[int, int]:
    """How far the items of a file are indented, and the number of the line behind the last of them.

    Raises:
        ModelError: they stand in braces.
    """
    first = next((child.key for child in (place.children or {}).values() if child.key is not None), None)
    if first is None or first.line == (place.key.line if place.key else -1):
        message = "the items stand in braces, where no line can be added: write each in lines of its own"
        raise ModelError([Problem("items_in_braces", message, place.key_span())])
    end = first.line + 1
    for number, line in enumerate(place.source.lines[end:], end):
        if not line.strip():
            continue
        if len(line) - len(line.lstrip(" ")) < first.column:
            break
        end = number + 1
    return first.column, end
