"""Parsers of options, which take the name and the text of one, and of the words after a command.

They raise `OptionError`, which names the option, where the text makes no sense.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.output import Destination
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.settings import DEFAULT_MODEL, MOST_TRIALS, ArgumentError, RunSettings

if TYPE_CHECKING:
    from usru_scenarios.source_text import SourceText

MOST_JOBS = 1024

_LONGEST_TEXT = 1 << 20

_COUNT = r"([0-9]+(?:_[0-9]+)*)(?:\.([0-9]+))?(?:[eE]\+?([0-9]{1,3}))?"
_GROUPED = r"[1-9][0-9]{0,2}(?:[.,'\u2019\u202f\u00a0 ][0-9]{3})+"
"""Thousands separated as people do: 100,000, or 100.000 in other countries, which must not pass for 100."""
_ABBREVIATED = r"([0-9]{1,9})(?:[.,]([0-9]{1,6}))? ?([kKmM])"
_ADDRESS = r"(?:tcp|tls)://(?:[A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}"


def parse_whole_number(option: str, text: str) -> int:
    """A whole number from 0 on such as 100000, 100_000 or 1e5."""
    match = re.fullmatch(_COUNT, text.strip())
    suggested = _suggest_digits(text.strip())
    if match is not None and not suggested:
        decimals = (match[2] or "").rstrip("0")
        digits, shift = match[1].replace("_", ""), int(match[3] or 0) - len(decimals)
        if shift >= 0 and len(digits) <= 100:
            return int(digits + decimals) * int(10**shift)
    hint = f"write {suggested}" if suggested else "such as 100000, 100_000 or 1e5"
    raise OptionError(f"{option} takes a whole number from 0 on, not '{text}'", hint)


def _suggest_digits(text: str) -> str:
    """The digits of a whole number in another notation, such as 100.000, 100,000 or 10k; empty where it is none."""
    if re.fullmatch(_GROUPED, text):
        return re.sub(r"\D", "", text)
    if (match := re.fullmatch(_ABBREVIATED, text)) is None:
        return ""
    power = 3 if match[3] in "kK" else 6
    decimals = (match[2] or "").rstrip("0")
    return str(int((match[1] + decimals).ljust(len(match[1]) + power, "0"))) if len(decimals) <= power else ""


def parse_count(option: str, text: str) -> int:
    """A whole number from 0 on, not absurdly large."""
    number = parse_whole_number(option, text)
    if number > MOST_TRIALS:
        raise OptionError(f"{option} {text} is too many", f"the most is {MOST_TRIALS:,}")
    return number


def parse_positive_count(option: str, text: str) -> int:
    """A count of at least one."""
    if (number := parse_count(option, text)) == 0:
        raise OptionError(f"{option} {text} is too few", "the least is 1")
    return number


def parse_bounded_number(option: str, text: str, least: int, most: int) -> int:
    """A whole number from the least to the most."""
    if not least <= (number := parse_whole_number(option, text)) <= most:
        raise OptionError(f"{option} {text} is out of bounds", f"from {least} to {most:,}")
    return number


def parse_setting(option: str, text: str, **limits: int) -> int | str:
    """A setting of a run, which has the name of its option; `RunSettings.from_arguments` checks it.

    Args:
        option: such as `--trials`.
        text: as it is written.
        limits: those of the question, as `RunSettings.from_arguments` takes them.
    """
    value = text if option == "--method" else parse_whole_number(option, text)
    arguments: dict[str, Any] = {option.removeprefix("--"): value}
    try:
        RunSettings.from_arguments(**arguments, **limits)
    except ArgumentError as error:
        raise OptionError(f"--{error.message}", error.hint) from None
    return value


def parse_jobs(option: str, text: str) -> int | None:
    """The most processes that there may be; None for `auto`."""
    if text == "auto":
        return None
    if re.fullmatch(_COUNT, text.strip()) is None:
        message = f"{option} takes auto or a whole number from 1 on, not '{text}'"
        raise OptionError(message, "auto: as many as there are cores")
    number = parse_whole_number(option, text)
    if number < 1:
        raise OptionError(f"{option} {text} is too few", "with --jobs 1 all is done in one process")
    if number > MOST_JOBS:
        raise OptionError(f"{option} {text} is too many", f"the most is {MOST_JOBS}")
    return number


def parse_cluster_address(option: str, text: str) -> str:
    """A cluster: `local`, or the address of a scheduler."""
    if text == "local" or re.fullmatch(_ADDRESS, text):
        return text
    hint = suggest_name(text, ["local"]) or "local, or the address of a scheduler, such as tcp://host:8786"
    raise OptionError(f"{option} '{text}' is no address", hint)


def choice_parser(known: Collection[str]) -> Callable[[str, str], str]:
    """Return a parser that takes one of the names that are known."""

    def parse(option: str, text: str) -> str:
        if text not in known:
            raise OptionError(f"{option} '{text}' is unknown", suggest_name(text, known) or list_choices(known))
        return text

    return parse


def parse_day_option(option: str, text: str) -> str:
    """A day of the calendar, such as 2027-06-30."""
    from usru_scenarios.timeline import TimeError, parse_day

    try:
        return parse_day(text)
    except TimeError as error:
        raise OptionError(f"{option}: {error}") from None


def read_text_file(option: str, text: str) -> SourceText:
    """The text of a file, of a million characters at most.

    Raises:
        OptionError: it can't be read.
    """
    from usru_scenarios.source_text import SourceText

    try:
        if text == "-":
            return SourceText("<stdin>", sys.stdin.read(_LONGEST_TEXT))
        with Path(text).open(encoding="utf-8-sig") as file:
            content = file.read(_LONGEST_TEXT + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no text in UTF-8"
        raise OptionError(f"{option} '{text}' can't be read: {reason}") from error
    if len(content) > _LONGEST_TEXT:
        raise OptionError(f"{option} '{text}' is too long", f"the most is {_LONGEST_TEXT:,} characters")
    return SourceText(text, content)


def parse_destination(_option: str, text: str) -> Destination:
    """Where an answer goes; raises `OutputError` where it can't."""
    return Destination.from_option(text)


# Words after a command of which one may be the model


def split_model_and_part(first: str | None, second: str | None) -> tuple[str, str | None]:
    """The model and the part that one or two words after a command mean.

    A word is a model if it can be nothing else (see `is_model`). Of two words the one that is, else the one that is a
    file, and else the first, is the model; a single one that is not is a part of the default model.
    """
    if first is None:
        return DEFAULT_MODEL, None
    if second is not None:
        return (second, first) if is_likelier_model(second, first) else (first, second)
    if is_model(first) or (_is_file(first) and not _is_part_of_default_model(first)):
        return first, None
    return DEFAULT_MODEL, first


def is_likelier_model(word: str, other: str) -> bool:
    """Whether the first of two words, of which one is a model, is that one; not where both could be alike."""
    for test in (is_model, _is_file):
        if test(word) != test(other):
            return test(word)
    return False


def is_model(word: str) -> bool:
    """Whether a word can only be a model: standard input, a bundled model, or a path by its look."""
    from usru_scenarios.reading.locations import bundled_models

    if word == "-" or word in bundled_models():
        return True
    return word.endswith((".yaml", ".yml")) or (("/" in word or os.sep in word) and _looks_like_path(word))


def _looks_like_path(word: str) -> bool:
    """Whether a word with a separator is a path, and no arithmetic of a query."""
    return word.startswith(("/", "./", "../", "~")) or not set(word) & set("()|<>=@")


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):
        return False


def _is_part_of_default_model(word: str) -> bool:
    """Whether a word names a part or a claim of the default model, which a file of this name does not replace."""
    from usru_scenarios.reading.request import Request
    from usru_scenarios.study import load_cached

    loaded = load_cached(Request.of()).loaded
    model = loaded.model
    parts = {*model.scenarios, *model.groups, *model.drivers, *model.rules, *model.consequences, *model.profiles}
    return word.partition(".")[0] in parts | {*loaded.data} or (loaded.register is not None and word in loaded.register)
