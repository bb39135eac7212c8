"""The language of queries as text: a recursive-descent parser, from characters to a tree whose words know their places.

Grammar (section 9 of the format), `[x]` for at most once and `x*` for any number of times:

    statement   = sum (("<" | "<=" | ">" | ">=") sum)*
    sum         = product (("+" | "-") product)*
    product     = factor (("*" | "/") factor)*
    factor      = "-" factor | NUMBER | "(" sum ")" | ("odds" | "log") "(" sum ")" | probability
    probability = "P" "(" event ["|" condition ("," condition)*] ")"
    condition   = "do" "(" event ")" | "profile" "(" NAME ")" | event
    event       = any ["@" time]
    any         = all ("or" all)*
    all         = term ("and" term)*
    term        = "not" term | "(" event ")" | NAME | NAME "=" (NAME | NUMBER) | NAME ("<" | "<=" | ">" | ">=") NUMBER
    time        = "mean" | extent | ("ever" | "always" | "each") [extent] | "by" moment
    extent      = moment | [moment] ".." [moment]
    moment      = "start" | "end" | "now" | DATE

What the words mean, and whether they mean anything, is asked in `query`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NoReturn, TypeVar, cast

from usru_scenarios.language import tree
from usru_scenarios.limits import MOST_OPERATIONS
from usru_scenarios.names import RESERVED
from usru_scenarios.problems import QueryError, list_choices, suggest_name
from usru_scenarios.source_text import SourceText
from usru_scenarios.timeline import Date, Grid, TimeError, parse_date, period_after, period_before

MAXIMUM_DEPTH = 50
"""Parentheses, `not` and `-` within one another."""


def parse_single_step(
    text: SourceText,
    grid: Grid,
    several: str,
    hint: str,
    *,
    near: Iterable[str] = (),
    span: tuple[int, int] | None = None,
) -> int:
    """The one step that a text means, or what stands in it between two offsets.

    Args:
        text: as it is written.
        grid: the steps.
        several: the rest of the sentence that begins with how many steps it has, if it has several.
        hint: what to write instead of a text that means none; a name among `near` that is like it comes before that.
        near: names that may be meant.
        span: of the step in the text.

    Raises:
        QueryError: it means none, or several.
    """
    start, end = span or (0, len(text.text))
    name = text.text[start:end].strip()
    try:
        steps = grid.steps_of_moment(name)
    except TimeError as error:
        raise text.error("time", str(error), start, end, suggest_name(name, near) or hint) from None
    if len(steps) > 1:
        labels = list_choices(grid.labels[step] for step in steps)
        raise text.error("time", f"'{name}' has {len(steps)} steps{several}", start, end, labels)
    return steps[0]


def read_statement(text: SourceText) -> tree.ComparisonChain[tree.QueriedProbability]:
    """Read expressions over probabilities, compared or alone.

    Raises:
        QueryError: the text is no statement; the message points to the first place where it can't be one.
    """
    return _parse_or_locate_slip(text, lambda parser: parser.read_all(parser.statement))


def read_assignment(text: SourceText) -> tree.Imposed:
    """Read the inside of `do( )`.

    Raises:
        QueryError: as for `read_statement`.
    """
    return _parse_or_locate_slip(text, lambda parser: parser.read_all(parser.imposed))


def read_observation(text: SourceText) -> tree.Observed:
    """Read an event that is observed.

    Raises:
        QueryError: as for `read_statement`.
    """
    return _parse_or_locate_slip(text, lambda parser: parser.read_all(parser.observed))


def _parse_or_locate_slip(text: SourceText, reading: Callable[[_Parser], Parsed]) -> Parsed:
    """What is read from the text; of a text that can't be read, the error is at the likely slip."""
    try:
        return reading(_Parser(text))
    except QueryError as error:
        from usru_scenarios.language.slips import locate_slip  # few queries have one

        raise locate_slip(error, text, lambda other: reading(_Parser(other))) from None


_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SIGNED = re.compile(rf"[-+]?{_NUMBER.pattern}")
_DATE = re.compile(r"[0-9][0-9A-Za-z-]*")
_COMPARISON = re.compile(r"<=|>=|<|>")
_WRONG_TEST = re.compile(rf"[=!]=\s*({_NAME.pattern})")
_TOKEN = re.compile(rf"{_NAME.pattern}|{_NUMBER.pattern}|&&|\|\||\.\.|[=<>!]{{1,2}}|\S")

_FUNCTIONS = ("P", "odds", "log")
_MEAN_FUNCTIONS = frozenset({"E", "mean", "Mean", "average", "expectation", "EV"})
"""What a mean is called elsewhere."""
_HINT_FOR_MEANS = (
    "queries are about probabilities; simulate -f csv has the mean of each numeric driver at each step, and here "
    "P({}>0.5 @ end) says how likely it is above a value"
)
_OPENED_NAME = re.compile(r"\(\s*([A-Za-z_][A-Za-z0-9_]*)")
_MOMENTS = ("start", "end", "now")
_MODES: tuple[tree.Mode, ...] = ("ever", "always", "each")
_TIMES = (*_MOMENTS, "mean", *_MODES, "by")

_OTHER_TIMES: Mapping[str, str] = {
    **dict.fromkeys(("last", "final", "finally", "finish"), "write end"),
    **dict.fromkeys(("first", "beginning", "begin", "initial"), "write start"),
    **dict.fromkeys(("average", "avg", "overall"), "write mean"),
    **dict.fromkeys(("any", "sometime", "anytime", "once"), "write ever"),
    **dict.fromkeys(("all", "throughout"), "write always"),
    "never": "'never' is 1 - P(... @ ever)",
}
"""What is meant by words that are no times."""

_TIME_FOLLOWS = "a time follows @, as in P(reset @ end)"
_CONDITIONS_FOLLOW = "conditions follow |, as in P(reset | do(sanctions=eased))"

_MISREAD: Mapping[str, str] = {
    "==": "a single = tests a state, and probabilities are compared with < <= > >=",
    "=": "probabilities are compared with < <= > >=",
    "!=": "write 'not' before the event",
    "=>": "write >=",
    "=<": "write <=",
    "<>": "write 'not' before the event",
    "\u2265": "write >=",
    "\u2264": "write <=",
    "\u00d7": "write *",
    "\u00f7": "write /",
    "\u2212": "write -",
    "\u2013": "write -",
    "^": "there are no powers: write products",
    "&": "write 'and'",
    "&&": "write 'and'",
    "||": "write 'or'",
    "!": "write 'not'",
    "AND": "write 'and'",
    "OR": "write 'or'",
    "NOT": "write 'not'",
    '"': "names are written without quotes",
    "'": "names are written without quotes",
    **dict.fromkeys(("at", "in", "on", "during", "within"), _TIME_FOLLOWS),
    **dict.fromkeys(("given", "if", "assuming", "provided", "while", "when", "where", "unless"), _CONDITIONS_FOLLOW),
    **dict.fromkeys(("is", "are", "equals"), "a state follows =, as in sanctions=eased"),
    **dict.fromkeys(("but", "with", "plus"), "write 'and'"),
    "+": "events are joined by 'or' and 'and'",
    **dict.fromkeys((":", ".", "~"), "a state follows =, as in sanctions=eased"),
    ";": "every query is an argument of its own, in quotes",
    "to": "a range is written with two points, as in 2025..2026",
    **dict.fromkeys(("vs", "versus"), "compare with < or >, or subtract"),
    "between": "write 0.2 < P(...) < 0.4",
    **dict.fromkeys(("{", "["), "write it in parentheses, ( )"),
    **{word: f"write @ {word}" for word in (*_MOMENTS, "mean", *_MODES)},
    **dict.fromkeys(("without", "except", "isn", "no"), "write 'and not'"),
    **dict.fromkeys(("above", "over", "exceeds"), "write >"),
    **dict.fromkeys(("below", "under"), "write <"),
}
"""What was perhaps meant by pieces that stand nowhere in the language, or not there."""

_TIMES_BY_PREPOSITION: Mapping[str, str] = {
    **dict.fromkeys(("at", "in", "on", "during", "within"), "@ {}"),
    **dict.fromkeys(("by", "until", "till", "through"), "@ by {}"),
    **dict.fromkeys(("since", "from"), "@ {}.."),
}
"""A time after a word of plain English, as a query has it."""
_TIMES_BY_NEIGHBOUR: Mapping[str, tuple[str, Callable[[Date], str]]] = {
    "before": ("by {}", period_before),
    "after": ("ever {}..", period_after),
}
"""Likewise, with another date."""
_WORD_AND_TIME = re.compile(rf"[a-z]+(?:\s+the)?\s+({_DATE.pattern}|start\b|end\b|now\b)")

_AFTER_THE_END: Mapping[str, str] = {
    **dict.fromkeys(("and", "or", ","), "one statement is one comparison or a chain such as 0.1 < P(...) < 0.4"),
    **dict.fromkeys(("P", "odds", "log", "("), "write * for a product"),
    ")": "nothing opens this ')'",
    "@": "a time stands within P( ), as in P(reset @ end)",
    "|": "conditions stand within P( ), as in P(reset | do(sanctions=eased))",
}
"""Hints for pieces that are left over."""
_NO_COMPARISON: Mapping[str, str] = dict.fromkeys(("<", "<=", ">", ">="), "a comparison can't stand in parentheses")
"""Hints where a parenthesis of arithmetic is to close."""

_NO_EVENT: Mapping[str, str] = {
    **dict.fromkeys(_TIMES, _TIME_FOLLOWS),
    "do": "do( ) is a condition, after | or a comma; an assignment says only what is within it",
    "profile": "profile( ) is a condition, after | or a comma",
    "never": "'never' is 1 - P(... @ ever)",
}
"""Hints for words of the language where an event is expected."""

Parsed = TypeVar("Parsed")


class _Parser:
    """Reads from left to right; each method reads what it is named after, or raises where it stands."""

    def __init__(self, text: SourceText) -> None:
        self.source = text
        self.text = text.text.rstrip()
        self.depth = 0
        self.operations = 0
        self.read_end = 0
        """The end of what has been read, without the blanks after it."""
        self.position = 0
        self._skip_to(0)

    # Characters -------------------------------------------------------------------------------------------------------

    def _skip_to(self, end: int) -> None:
        blank = _BLANK.match(self.text, end)
        assert blank is not None, "no blank at all is a match too"
        self.read_end, self.position = end, blank.end()

    def take(self, pattern: re.Pattern[str]) -> tree.Word | None:
        """Read a piece of this pattern, if it is next."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        word = tree.Word(match.group(), match.start())
        self._skip_to(match.end())
        return word

    def next_token(self) -> str:
        """What is next, to be told from other pieces and shown in messages; empty at the end."""
        match = _TOKEN.match(self.text, self.position)
        return match.group() if match else ""

    def accept(self, piece: str) -> bool:
        """Read exactly this piece, if it is next."""
        if self.next_token() != piece:
            return False
        self._skip_to(self.position + len(piece))
        return True

    def refuse_next(self, wanted: str, hints: Mapping[str, str] | None = None, hint: str = "") -> NoReturn:
        """Refuse what is next, where something else was wanted."""
        token = self.next_token()
        message = f"expected {wanted}, found '{token}'" if token else f"expected {wanted}, but the text ends here"
        hint = self._suggest_time(token) or {**_MISREAD, **(hints or {})}.get(token, hint)
        raise self.source.error("unexpected", message, self.position, self.position + len(token), hint)

    def _suggest_time(self, word: str) -> str:
        """The hint for a time as plain English has it, such as `before 2026`."""
        match = _WORD_AND_TIME.match(self.text, self.position)
        if match is not None and word in _TIMES_BY_PREPOSITION:
            return f"write {_TIMES_BY_PREPOSITION[word].format(match[1])}"
        if match is None or word not in _TIMES_BY_NEIGHBOUR:
            return ""
        form, neighbour = _TIMES_BY_NEIGHBOUR[word]
        try:
            return f"write @ {form.format(neighbour(parse_date(match[1])))}"
        except TimeError:
            return _TIME_FOLLOWS

    @contextmanager
    def limit_depth(self) -> Iterator[None]:
        """Guards against texts made to exhaust the stack."""
        if self.depth == MAXIMUM_DEPTH:
            raise self.source.error(
                "too_deep",
                f"nested more than {MAXIMUM_DEPTH} deep",
                self.position,
                self.position + len(self.next_token()),
            )
        self.depth += 1
        yield
        self.depth -= 1

    def read_closing(self, opening: int, hints: Mapping[str, str] | None = None) -> None:
        """Read the parenthesis that closes the one at `opening`."""
        if self.accept(")"):
            return
        if not self.next_token():
            span = self.source.span(self.source.mark(opening, opening + 1))
            where = f"column {span.column}" if span.line == 1 else f"line {span.line}, column {span.column}"
            hint = f"nothing closes the '(' at {where}"
            raise self.source.error("unclosed", "missing ')'", self.position, self.position + 1, hint)
        self.refuse_next("')'", hints)

    def read_opening(self, after: str) -> int:
        """Read an opening parenthesis; its place."""
        opening = self.position
        if not self.accept("("):
            self.refuse_next(f"'(' after '{after}'")
        return opening

    def in_parentheses(self, reading: Callable[[], Parsed], hints: Mapping[str, str] | None = None) -> Parsed | None:
        """What one method reads between parentheses; None where none opens here."""
        opening = self.position
        if not self.accept("("):
            return None
        parsed = reading()
        self.read_closing(opening, hints)
        return parsed

    # Statements -------------------------------------------------------------------------------------------------------

    def read_all(self, reading: Callable[[], Parsed]) -> Parsed:
        """All of the text, read by one method."""
        parsed = reading()
        if self.next_token():
            self.refuse_next("the end", _AFTER_THE_END)
        return parsed

    def statement(self) -> tree.ComparisonChain[tree.QueriedProbability]:
        parts, signs = [self.sum()], list[tree.Sign]()
        while sign := self.take(_COMPARISON):
            signs.append(cast("tree.Sign", sign.text))
            parts.append(self.sum())
            self.count_operation()
        return tree.ComparisonChain(tuple(parts), tuple(signs))

    def sum(self) -> tree.Expression[tree.QueriedProbability]:
        return self.operations_of(("+", "-"), self.product)

    def product(self) -> tree.Expression[tree.QueriedProbability]:
        return self.operations_of(("*", "/"), self.factor)

    def operations_of(
        self, signs: Iterable[tree.ArithmeticSign], operand: Callable[[], tree.Expression[tree.QueriedProbability]]
    ) -> tree.Expression[tree.QueriedProbability]:
        """Operands with some signs between them, worked out from left to right."""
        left = operand()
        while sign := next(filter(self.accept, signs), None):
            right = operand()
            self.count_operation()
            left = tree.BinaryOperation(sign, left, right)
        return left

    def count_operation(self) -> None:
        """Count what joins two parts: signs of arithmetic and of comparison, `and`, `or`, commas between conditions."""
        self.operations += 1
        if self.operations > MOST_OPERATIONS:
            raise self.source.error(
                "too_long", f"more than {MOST_OPERATIONS} operations", self.read_end - 1, self.read_end
            )

    def factor(self) -> tree.Expression[tree.QueriedProbability]:
        with self.limit_depth():
            if self.accept("-"):
                return tree.Negated(self.factor())
            if (part := self.in_parentheses(self.sum, _NO_COMPARISON)) is not None:
                return part
            if (value := self.number(_NUMBER)) is not None:
                return tree.Number(value)
            return self.call()

    def number(self, pattern: re.Pattern[str]) -> float | None:
        word = self.take(pattern)
        if word is None:
            return None
        value = float(word.text)
        if not math.isfinite(value):
            raise self.source.error("not_finite", "this number is too large", word.start, word.end)
        if self.next_token() == "%":
            self.refuse_next("a number from 0 to 1", {"%": f"write {value / 100:g} for {word.text}%"})
        return value

    def call(self) -> tree.Expression[tree.QueriedProbability]:
        start = self.position
        name = self.take(_NAME)
        if name is None:
            self.refuse_next("a number or P( )", hint="write for instance P(reset @ end)")
        if name.text not in _FUNCTIONS:
            raise self._unknown_function_error(name)
        opening = self.read_opening(name.text)
        if name.text == "P":
            return self.probability(start, opening)
        part = self.sum()
        self.read_closing(opening)
        return tree.FunctionCall("odds" if name.text == "odds" else "log", part)

    def _unknown_function_error(self, name: tree.Word) -> QueryError:
        if self.next_token() == "(" and name.text in _MEAN_FUNCTIONS:
            inner = _OPENED_NAME.match(self.text, self.position)
            message, hint = (
                f"there is no mean '{name.text}( )'",
                _HINT_FOR_MEANS.format(inner[1] if inner else "driver"),
            )
        elif self.next_token() == "(":
            near = "did you mean 'P'?" if name.text[:1] in "pP" else suggest_name(name.text, _FUNCTIONS)
            message, hint = f"unknown function '{name.text}'", near or list_choices(_FUNCTIONS)
        else:
            message = f"'{name.text}' stands outside P( )"
            hint = _MISREAD.get(name.text, f"write P({name.text} ...) for its probability")
        return self.source.error("unknown_function", message, name.start, name.end, hint)

    # Probabilities ----------------------------------------------------------------------------------------------------

    def probability(self, start: int, opening: int) -> tree.QueriedProbability:
        event = self.event()
        conditions: list[tree.QueryCondition] = []
        if self.accept("|"):
            conditions.append(self.condition())
            while self.accept(","):
                conditions.append(self.condition())
                self.count_operation()
        own_time = "give a part a time of its own in parentheses: (reset @ end) and (...)"
        joined = "separate conditions by a comma: | do(a=b), c=d" if conditions else own_time
        self.read_closing(
            opening,
            {
                "|": "conditions are separated by commas",
                ",": "join events with 'and' or 'or'; conditions follow |",
                "@": "an event has one time; give parts their own in parentheses",
                "and": joined,
                "or": "conditions all hold: a comma stands between them" if conditions else own_time,
            },
        )
        return tree.QueriedProbability(event, tuple(conditions), start, self.read_end)

    def condition(self) -> tree.QueryCondition:
        word = self.next_token()
        if word not in ("do", "profile"):
            return self.observed()
        self.accept(word)
        opening = self.read_opening(word)
        if word == "do":
            imposed = self.imposed()
            self.read_closing(opening, dict.fromkeys((",", "and"), "write one do( ) for each: do(a=b), do(c=d)"))
            return imposed
        name = self.take(_NAME)
        if name is None:
            self.refuse_next("the name of a profile")
        self.read_closing(opening)
        return tree.ProfileCondition(name)

    def observed(self) -> tree.Observed:
        start = self.position
        return tree.Observed(self.event(), start, self.read_end)

    def imposed(self) -> tree.Imposed:
        start = self.position
        return tree.Imposed(self.event(), start, self.read_end)

    def event(self) -> tree.QueryEvent:
        part = self.joined_by("or", self.all_of)
        return tree.TimedEvent(part, self.time()) if self.accept("@") else part

    def all_of(self) -> tree.QueryEvent:
        return self.joined_by("and", self.term)

    def joined_by(self, word: Literal["and", "or"], part: Callable[[], tree.QueryEvent]) -> tree.QueryEvent:
        parts = [part()]
        while self.accept(word):
            parts.append(part())
            self.count_operation()
        return parts[0] if len(parts) == 1 else tree.JoinedEvents(word, tuple(parts))

    def term(self) -> tree.QueryEvent:
        with self.limit_depth():
            if self.accept("not"):
                return tree.NegatedEvent(self.term())
            event = self.in_parentheses(self.event)
            return self.atom() if event is None else event

    def atom(self) -> tree.QueryEvent:
        token = self.next_token()
        if _NUMBER.match(token):
            self.refuse_next("an event", hint="a comparison names the driver first: unpredictability>0.7")
        if token.lower() in RESERVED - {"scenario"}:
            self.refuse_next("an event", _NO_EVENT, "this is a word of the language, not a name")
        name = self.take(_NAME)
        if name is None:
            self.refuse_next("an event", hint="such as reset or sanctions=eased")
        if self.accept("="):
            return tree.Equal(name, self.value(name))
        if sign := self.take(_COMPARISON):
            return tree.NumberComparison(name, cast("tree.Sign", sign.text), self.bound())
        if self.next_token() in ("==", "!="):
            self._misread_test(name)
        return tree.ScenarioName(name)

    def _misread_test(self, name: tree.Word) -> NoReturn:
        """Refuse `driver==state` and `driver!=state`, showing how they are written."""
        sign, state = self.next_token(), _WRONG_TEST.match(self.text, self.position)
        shown = f"{name.text}={state[1] if state else 'state'}"
        self.refuse_next("'='", {sign: f"a single = tests; write {shown}" if sign == "==" else f"write not {shown}"})

    def value(self, node: tree.Word) -> tree.Word:
        """The state or number after `=`."""
        word = self.take(_NAME) or self.take(_SIGNED)
        if word is None:
            several = f"write {node.text}=one or {node.text}=other"
            self.refuse_next(f"a state of '{node.text}'", dict.fromkeys(("(", "[", "{"), several))
        return word

    def bound(self) -> tree.Word:
        """The number that a driver is compared with."""
        start = self.position
        if self.number(_SIGNED) is None:
            self.refuse_next("a number")
        return tree.Word(self.text[start : self.read_end], start)

    # Times ------------------------------------------------------------------------------------------------------------

    def time(self) -> tree.QueryTime:
        start, word = self.position, self.next_token()
        if word == "mean":
            self.accept(word)
            return tree.QueryTime("plain", None, None, is_range=True, start=start, end=self.read_end)
        if word == "by":
            self.accept(word)
            return tree.QueryTime("ever", None, self.moment(), is_range=True, start=start, end=self.read_end)
        for mode in _MODES:
            if self.accept(mode):
                return self.extent(mode, start)
        return self.extent("plain", start)

    def extent(self, mode: tree.Mode, start: int) -> tree.QueryTime:
        """The ends of a time; only a time that says no more than `ever`, `always` or `each` may leave out both."""
        first = self.moment() if self.starts_moment() else None
        is_range = self.accept("..")
        last = self.moment() if is_range and self.starts_moment() else None
        if first is None and last is None and (is_range or mode == "plain"):
            self.moment()
        return tree.QueryTime(mode, first, last, is_range=is_range or first is None, start=start, end=self.read_end)

    def starts_moment(self) -> bool:
        """Whether a moment is next."""
        return self.next_token() in _MOMENTS or _DATE.match(self.text, self.position) is not None

    def moment(self) -> tree.Word:
        word = self.take(_DATE)
        if word is None and self.next_token() in _MOMENTS:
            word = self.take(_NAME)
        if word is None:
            near = suggest_name(self.next_token(), _TIMES)
            never = "'never' is 1 - P(... @ ever)"
            self.refuse_next(
                "a time", {"never": never, **_OTHER_TIMES}, near or "a date, start, end, mean, ever, always, each or by"
            )
        return word
