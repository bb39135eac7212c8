"""Diagnostics as values, and the tree of errors that the package raises.

A checker returns every `Problem` it finds; nothing stops at the first one. A problem knows its place in a text and can
draw it, so that whoever shows it (a terminal, an editor, a test) needs no more than `str(problem)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Span:
    """A place in a text: the line (from 1), the column (from 1), and how many characters are meant."""

    source: str
    line: int
    column: int
    width: int = 1
    text: str = field(default="", compare=False)
    """The line itself, as it stands in the file."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Replacement:
    """A stretch of the file and what the hint puts in its place; counted from 1, and the end is after it.

    Attributes:
        line: the line where the stretch begins.
        column: the column where it begins.
        end_line: the line where it ends.
        end_column: the column after its last character.
        text: what comes in its place; empty where it is only taken away.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Problem:
    """One fault or warning: a stable `code`, a sentence, a place, and where there is one, a way to mend it.

    Sentence and hint are one line each, whatever the names and texts that they quote, and long words are cut in them.
    """

    code: str
    message: str
    span: Span | None = None
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    plural_message: str = ""
    """The message where there are several of the kind, `{count}` being their number; this one is then the first."""
    count: int = 1
    """For how many problems of the kind this one stands."""
    fix: tuple[Replacement, ...] = ()
    """How the hint changes the text that the place is in, where following it takes no thought; they do not overlap."""

    def __post_init__(self) -> None:
        """Make one line each of the sentence and the hint."""
        object.__setattr__(self, "message", to_one_line(self.message))
        object.__setattr__(self, "hint", to_one_line(self.hint))

    def __str__(self) -> str:
        """The message with its place, the source line, a row of carets and the hint, as a compiler would print it."""
        head = to_printable(self.message if self.severity == "error" else f"warning: {self.message}")
        hint = to_printable(self.hint)
        if self.span is None:
            return append_hint(head, hint)
        lines = [f"{to_printable(str(self.span))}: {head}"]
        margin = ""
        if self.span.text.strip():
            number = str(self.span.line)
            margin = " " * (len(number) + 4)
            shown, column = _visible_source(self.span)
            lines.append(f"   {number} | {shown}")
            lines.append(f"{margin}| {' ' * column}{'^' * max(1, min(self.span.width, len(shown) - column))}")
        if hint:
            lines.append(f"{margin or '    '}= {hint}")
        return "\n".join(lines)


def append_hint(message: str, hint: str) -> str:
    """A message without a place, and the hint in a line of its own if there is one."""
    return f"{message}\n    = {hint}" if hint else message


def _visible_source(span: Span) -> tuple[str, int]:
    """The part of a long source line that surrounds the place, and the place's column in it."""
    column = min(span.column - 1, len(span.text))
    if len(span.text) <= _LONGEST_SOURCE:
        return to_printable(span.text).rstrip(), column
    left = max(0, min(column - _LONGEST_SOURCE // 3, len(span.text) - _LONGEST_SOURCE))
    right = left + _LONGEST_SOURCE
    head, tail = ("..." if left else ""), ("..." if right < len(span.text) else "")
    return head + to_printable(span.text[left:right]).rstrip() + tail, column - left + len(head)


_LONG_NAME = r"[^\s/\\]{81,}"
"""What is no path, and of which the beginning is enough."""
_LONG_WORD = r"(\S{120})\S{90,}(\S{40})"
"""A word (a path, a number) that is cut in its middle."""
_LONGEST_SENTENCE, _LONGEST_LINE = 600, 1_000
_LONGEST_SOURCE = 100
"""Of a line of a file, the part that is shown."""
_MOST_LINES = 5


def to_one_line(text: str) -> str:
    """A sentence of a message without line breaks and control characters, long names and words cut."""
    return _truncate(re.sub(_LONG_NAME, lambda name: shorten(name[0]), to_printable(text)), _LONGEST_SENTENCE)


def _truncate(line: str, limit: int) -> str:
    line = re.sub(_LONG_WORD, r"\1...\2", line)
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def shorten(text: str, limit: int = 40) -> str:
    """A text for a message: its beginning where it is long, in one line."""
    return to_printable(text if len(text) <= limit else f"{text[: limit - 3]}...")


def merge_warnings(problems: Iterable[Problem]) -> list[Problem]:
    """The problems with one in the place of all warnings of a kind: the first, which says how many there are."""
    kinds: dict[object, list[Problem]] = {}
    for number, problem in enumerate(problems):
        kinds.setdefault(problem.code if problem.severity == "warning" else number, []).append(problem)
    return [_count_in(first, others) if others else first for first, *others in kinds.values()]


def _count_in(first: Problem, others: list[Problem]) -> Problem:
    """The first problem of a kind, with how many others there are in its message."""
    count = first.count + sum(problem.count for problem in others)
    if first.plural_message:
        message = f"{first.plural_message.format(count=f'{count:,}')}; this is the first"
    else:
        message = f"{first.message} (and {count - 1:,} more like it{_describe_lines(first, others)})"
    return replace(first, message=message, plural_message="", count=count)


def _describe_lines(first: Problem, others: list[Problem]) -> str:
    """The lines in which the others stand, of those in the same file."""
    source = first.span.source if first.span else None
    lines = sorted({problem.span.line for problem in others if problem.span and problem.span.source == source})
    if not lines:
        return ""
    rest = ", ..." if len(lines) > _MOST_LINES else ""
    return f", in line{'' if len(lines) == 1 else 's'} {', '.join(map(str, lines[:_MOST_LINES]))}{rest}"


def to_printable(text: str) -> str:
    """The text with a blank for every character that would break a line, move the cursor or colour a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def to_printable_lines(message: str) -> str:
    """A message as a terminal may show it: its lines made `to_printable`, and what nobody would read to its end cut."""
    return "\n".join(_truncate(to_printable(line), _LONGEST_LINE) for line in message.split("\n"))


_NO_MEMORY = (
    "MemoryError",
    "Unable to allocate",
    "annot allocate memory",
    "emory allocation",
    "failed to map segment",
    "start new thread",
    "std::bad_alloc",
)
"""What Python, numpy's libraries, the loader of shared objects and the system say where memory is lacking."""


def reports_lack_of_memory(text: str) -> bool:
    """Whether the message of a process or an error says that memory was lacking."""
    return any(message in text for message in _NO_MEMORY)


_MOST_CANDIDATES = 2_000
"""Names compared with an unknown one: enough for any file that a person edits, few enough for one made to annoy."""


def suggest_name(name: str, known: Iterable[str]) -> str:
    """The hint `did you mean 'x'?` with the known name nearest to `name`, or an empty string when none is near."""
    near = nearest_name(name, known)
    return f"did you mean '{near}'?" if near else ""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """The known name nearest to another, or an empty string where none is near."""
    from difflib import get_close_matches

    candidates = sorted(set(islice(known, _MOST_CANDIDATES)))
    plain = name.lower().replace("-", "_")
    near = (
        get_close_matches(name, candidates, n=1, cutoff=0.6)
        or get_close_matches(plain, candidates, n=1, cutoff=0.6)
        or [candidate for candidate in candidates if len(plain) >= 3 and plain in candidate]
    )
    return near[0] if near else ""


def quote_first(names: Sequence[str]) -> str:
    """The first of some names, quoted, as in a sentence."""
    return ", ".join(f"'{name}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")


def list_choices(names: Iterable[str], limit: int = 12) -> str:
    """The hint `one of: a, b, c` over the known names, cut short when they are many."""
    known = list(names)
    if not known:
        return ""
    rest = f", ... ({len(known)} in all)" if len(known) > limit else ""
    return f"one of: {', '.join(known[:limit])}{rest}"


class UsruError(Exception):
    """The root of all errors that this package raises on purpose.

    Attributes:
        message: what is wrong.
        hint: the likely right form, or what helps; may be empty.
        exit_status: of a command that ends with the error.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(append_hint(message, hint))

    def __reduce__(self) -> tuple[object, ...]:
        """Errors come whole from other processes, whatever they are made from."""
        return _rebuild_error, (type(self), self.args, self.__dict__)


def _rebuild_error(kind: type[UsruError], arguments: tuple[object, ...], attributes: dict[str, object]) -> UsruError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class UsageError(UsruError):
    """What was asked makes no sense, whatever is right or wrong with a file."""

    exit_status = 2


class UnreadableInput(UsruError):  # noqa: N818  # a public name
    """A file or folder that can't be read at all: missing, of the wrong kind, too large, or not allowed."""

    exit_status = 2


class ModelError(UsruError):
    """A scenario file with faults; `problems` holds them all, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnreadableModelError(ModelError, UnreadableInput):
    """A scenario file of which nothing can be understood: no text, or past the limits of size and depth."""

    exit_status = 2


class RequestError(ModelError, UsageError):
    """What was asked of a sound file makes no sense: an assignment, a weight or a profile that it has no place for."""


class QueryError(UsageError):
    """A query or an assignment that can't be understood; `problem` points to the place in its text."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class ImpossibleEvidence(UsruError):  # noqa: N818  # a public name
    """What is said to have been seen can't happen in the model, or did in none of a great many trials."""


class TooFewTrials(UsruError):  # noqa: N818  # a public name
    """Too few trials agree with what was seen for an answer; `estimate` and `standard_error` are what they say."""

    def __init__(self, effective_trials: float, estimate: float, standard_error: float, what: str) -> None:
        self.effective_trials = effective_trials
        self.estimate = estimate
        self.standard_error = standard_error
        super().__init__(
            f"too few: {effective_trials:.0f} effective trials for {what}; the estimate so far is {estimate:.2f} "
            f"+- {standard_error:.2f}",
            "ask for more with -n, or for something less rare",
        )
