"""How every command ends: one place for exit statuses, messages of failure, closed pipes and interruptions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO, TypeGuard

from usru_scenarios.cli.commands import COMMANDS, command_function
from usru_scenarios.cli.common import (
    DONE,
    FAULT,
    INTERRUPTED,
    READER_GONE,
    USAGE,
    CommandEnd,
    CommandState,
    write_line,
    write_message,
)
from usru_scenarios.cli.declarations import CommandContext, Declaration
from usru_scenarios.interruptions import Terminated, raising_on_termination
from usru_scenarios.problems import (
    ModelError,
    Problem,
    QueryError,
    UsruError,
    append_hint,
    reports_lack_of_memory,
    suggest_name,
    to_one_line,
    to_printable,
)

if TYPE_CHECKING:
    from typer import TyperException

_OUT_OF_MEMORY = append_hint("usru: out of memory", "fewer --jobs, -n, --judgements or steps need less")

_LEAST_ADDRESS_SPACE = 175 << 20
"""Bytes of address space without which numpy's linear algebra ends the process in words of its own."""


def main(arguments: Sequence[str] | None = None, *, forks: bool = False) -> int:
    """Run the command line (by default that of the process) and return its exit status.

    Args:
        arguments: the command line.
        forks: whether the process is the command's own, and may be forked (see `running.fork`).
    """
    state = CommandState(forks=forks)
    _occupy_closed_streams()
    _use_utf8()
    try:
        with raising_on_termination():
            return _run_and_report(sys.argv[1:] if arguments is None else arguments, state)
    except BrokenPipeError:
        _discard_output()
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Terminated as end:
        _discard_output()
        os.kill(os.getpid(), end.number)  # its handling is the default one again: whoever sent it sees what it did
        return 128 + end.number
    finally:
        _discard_unwritten()


def _run_and_report(arguments: Sequence[str], state: CommandState) -> int:
    if not _has_address_space():
        write_message(_OUT_OF_MEMORY)
        return USAGE
    try:
        status = _run(arguments, state)
        _flush_output()
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  # the last resort, so that no user meets a traceback
        message, status = _describe_error(error, debug=state.debug)
        if status == USAGE:
            message = _describe_dash(arguments) or message
        if state.debug and not _is_usage_error(error):
            import traceback

            write_message(traceback.format_exc().rstrip("\n"))
        if _wants_json(arguments):
            write_line(_error_as_json(error, message, status))
        else:
            write_message(message)
    return status


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether arguments of a command ask for JSON, however wrong they may be otherwise."""
    as_format = any(word in ("-f", "--format") and value in ("json", "ndjson") for word, value in pairwise(arguments))
    return as_format or not {"--json", "-fjson", "--format=json", "-fndjson", "--format=ndjson"}.isdisjoint(arguments)


def _error_as_json(error: Exception, message: str, status: int) -> str:
    """What ended a command, as a line of JSON, for programs that asked for JSON; people get the message."""
    import json
    import re

    from usru_scenarios.results.validate import Faults, diagnostic

    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
    problems: Sequence[Problem]
    if isinstance(error, ModelError):
        problems = error.problems
    elif isinstance(error, QueryError):
        problems = [error.problem]
    elif isinstance(error, UsruError):
        text = to_one_line(error.message.removeprefix("usru: "))
        problems = [Problem(code or "error", text, hint=to_one_line(error.hint))]
    else:
        text, _, hint = message.partition("\n")
        problems = [Problem(code, text.removeprefix("usru: "), hint=hint.strip().removeprefix("= "))]
    return json.dumps(Faults([diagnostic(problem) for problem in problems], status).to_dict(), allow_nan=False)


def _is_usage_error(error: Exception) -> TypeGuard[TyperException]:
    typer = sys.modules.get("typer")  # which has not been imported where it has nothing to tell
    return typer is not None and isinstance(error, typer.TyperException)


def _describe_error(error: Exception, *, debug: bool) -> tuple[str, int]:
    """The message of an error, and its exit status."""
    if _is_usage_error(error):
        return _describe_usage_error(error), USAGE
    if isinstance(error, UsruError):
        return str(error), error.exit_status
    if _is_want_of_memory(error):
        return _OUT_OF_MEMORY, USAGE
    if isinstance(error, OSError):
        file = error.filename
        name = os.fsdecode(file) if isinstance(file, str | bytes | os.PathLike) else str(file)
        place = f": {to_printable(name)}" if file else ""
        return f"usru: {(error.strerror or str(error)).lower()}{place}", USAGE
    fault = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "" if debug else "--debug shows where; please report it with the command that you ran"
    return append_hint(to_one_line(f"usru: a fault of the program itself: {fault}"), hint), FAULT


def _has_address_space() -> bool:
    """Whether a limit of address space, as `ulimit -v` sets it, leaves room for the libraries that are loaded."""
    if sys.platform == "win32":  # such limits are there on Unix alone
        return True
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return limit == resource.RLIM_INFINITY or limit >= _LEAST_ADDRESS_SPACE


def _is_want_of_memory(error: BaseException | None) -> bool:
    """Whether memory was lacking: for an array, for code that was to be loaded, or for the stack of a thread."""
    while error is not None:
        if isinstance(error, MemoryError) or reports_lack_of_memory(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _run(arguments: Sequence[str], state: CommandState) -> int:
    match arguments:
        case ["help", *named] if len(named) < 2:
            arguments = [*named, "--help"]
        case ["--complete", command, before, *words]:
            from usru_scenarios.cli.completion import find_candidates

            return _print_lines(find_candidates(command, before, words))
        case ["--show-completion", *shell] if len(shell) < 2:
            from usru_scenarios.cli.completion_scripts import script

            return _print_lines([script(*shell).rstrip("\n")])
        case ["--install-completion", *shell] if len(shell) < 2:
            from usru_scenarios.cli.completion_scripts import install

            return _print_lines(install(*shell))
    try:
        return DONE if _run_plain(arguments, state) else _run_with_typer(arguments, state)
    except CommandEnd as end:
        return end.status


def _print_lines(lines: Sequence[str]) -> int:
    from usru_scenarios.cli.output import Destination

    Destination(None).write("".join(f"{line}\n" for line in lines))
    return DONE


def _run_plain(arguments: Sequence[str], state: CommandState) -> bool:
    """Run a command whose arguments are plain; False where they are not."""
    name, *words = arguments or [""]
    if name not in COMMANDS:
        return False
    declaration = Declaration(command_function(name))
    texts = declaration.parse_plain(words)
    if texts is None:
        return False
    with CommandContext(state) as context:
        declaration.run(context=context, **texts)
    return True


def _run_with_typer(arguments: Sequence[str], state: CommandState) -> int:
    """Run what any arguments ask for, as typer reads them."""
    import typer

    from usru_scenarios.cli.app import command
    from usru_scenarios.cli.output import OutputError

    root = command()
    try:
        with root.make_context("usru", list(arguments), obj=state) as context:
            root.invoke(context)
    except typer.Exit as end:
        if end.exit_code == DONE and sys.stdout is None:  # what ends so early has written help or the version
            raise OutputError("usru: standard output can't be written: it is closed") from None
        return end.exit_code
    return DONE


def _describe_usage_error(error: TyperException) -> str:
    """A usage error in the form of all other messages: the command, what is wrong, and the likely right form."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "usru"
    message = error.format_message().split(" (Possible options:")[0].split(". Did you mean")[0].rstrip(".")
    word, known = _mistyped_word(error), _possible_names(error)
    hint = _suggest_for_habit(word, known) or suggest_name(word, known)
    return append_hint(to_one_line(f"{command}: {message[:1].lower()}{message[1:]}"), hint or f"see {command} --help")


_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""What editors make of the hyphens before an option."""


def _describe_dash(arguments: Sequence[str]) -> str:
    """The message about an option that begins with another dash than a hyphen; empty where there is none."""
    for word in arguments:
        if word[:1] in _DASHES and (name := word.lstrip(f"-{_DASHES}")):
            hyphens = "-" if len(name.partition("=")[0]) == 1 else "--"
            return append_hint(
                to_one_line(f"usru: '{word}' begins with a dash, which is no hyphen"),
                to_one_line(f"write {hyphens}{name}"),
            )
    return ""


def _suggest_for_habit(word: str, known: Sequence[str]) -> str:
    """The right form for an option that other programs have, or for a file in the place of a command; empty if none."""
    import shlex

    from usru_scenarios.cli.options import guess_format
    from usru_scenarios.cli.parsers import is_model

    if "--format" in known and word.startswith("--") and (form := guess_format(word[2:])):
        return f"write -f {form}"
    if word in ("--color", "--colour", "--no-color", "--no-colour"):
        return "NO_COLOR=1 or FORCE_COLOR=1 before usru says whether there is colour"
    if "simulate" in known and is_model(word):
        return f"write usru simulate {shlex.quote(word)}"
    return ""


def _mistyped_word(error: TyperException) -> str:
    option = getattr(error, "option_name", None)
    return str(option) if option else error.message.split("'")[1] if "'" in error.message else ""


def _possible_names(error: TyperException) -> list[str]:
    """The options or commands that could have been meant."""
    context = getattr(error, "ctx", None)
    if context is None:
        return []
    if hasattr(error, "option_name"):
        return [name for parameter in context.command.get_params(context) for name in parameter.opts]
    return context.command.list_commands(context) if hasattr(context.command, "list_commands") else []


# Standard streams


def _use_utf8() -> None:
    """Write UTF-8 whatever the locale says, and escape characters that can't be written."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _occupy_closed_streams() -> None:
    """Open the null device as each standard stream that is closed, so that no file opened later takes its number.

    It would get what is meant for that stream. Python's own streams stay as they are: None where they were closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _flush_output() -> None:
    """Find out now, and not when the interpreter ends, whether all of the output could be written."""
    from usru_scenarios.cli.output import OutputError

    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError.of("standard output", error) from error


def _discard_output() -> None:
    """Send what is still in the buffers of closed pipes to the null device, so that the interpreter ends in silence."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(null_device, stream.fileno())
    os.close(null_device)


def _discard_unwritten() -> None:
    """Keep the interpreter's own last flush from reporting a failure to write that has been reported."""
    stream: TextIO | None
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            _discard_output()
