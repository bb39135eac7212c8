"""Plain data as YAML that reads back the same under the format's own rules, whatever another reader's may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_NEEDS_NO_QUOTES = re.compile(r"(?:\.{1,2}/)*[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_(][A-Za-z0-9_./()-]*)*")
"""Texts that need no quotes anywhere: words of letters, digits and a few signs."""

_NUMBER_OR_DATE = re.compile(r"-?\d+(\.\d+)?|\d{4}-(Q\d|\d\d)(-\d\d)?")
"""Numbers and dates, which as keys are text."""

_RESERVED_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
"""Words that some reader of YAML takes for something else than text."""

_MAXIMUM_LINE = 120


def to_yaml(data: dict[str, Any]) -> str:
    """Plain data (maps with text for keys, lists, texts, numbers, true and false, nothing) as a YAML document."""
    return "".join(f"{line}\n" for line in _map_lines(data, ""))


def _map_lines(data: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        head = f"{indent}{_quote_if_needed(key, is_key=True)}:"
        line = f"{head} {to_flow_yaml(value)}"
        if not isinstance(value, dict | list) or not value or (len(line) <= _MAXIMUM_LINE and _is_short(value)):
            yield line
        elif isinstance(value, dict):
            yield head
            yield from _map_lines(value, f"{indent}  ")
        else:
            yield head
            yield from (f"{indent}  - {to_flow_yaml(item)}" for item in value)


def _is_short(value: Any) -> bool:
    """Whether a map or list has nothing deep in it, so that it reads well in one line."""
    parts = value.values() if isinstance(value, dict) else value
    return not any(isinstance(part, dict) for part in parts)


def to_flow_yaml(value: Any) -> str:
    """Plain data in one line."""
    match value:
        case dict():
            entries = [f"{_quote_if_needed(key, is_key=True)}: {to_flow_yaml(part)}" for key, part in value.items()]
            return f"{{{', '.join(entries)}}}"
        case list() | tuple():
            return f"[{', '.join(map(to_flow_yaml, value))}]"
        case str():
            return _quote_if_needed(value)
        case _:
            return json.dumps(value, allow_nan=False)


def _quote_if_needed(text: str, *, is_key: bool = False) -> str:
    """A text, in double quotes where it could be taken for something else; keys are text whatever they look like."""
    if _NEEDS_NO_QUOTES.fullmatch(text) and text.lower() not in _RESERVED_WORDS:
        return text
    if is_key and _NUMBER_OR_DATE.fullmatch(text):
        return text
    return f'"{"".join(map(_escape, text))}"'


def _escape(character: str) -> str:
    """A character inside double quotes; what can't be seen is written by its number."""
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return "\\n" if character == "\n" else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
