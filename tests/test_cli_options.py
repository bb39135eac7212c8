"""Options of several commands are said once, in groups that are spliced into a command."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Annotated, NamedTuple

import pytest
import typer
from typer.core import TyperCommand

from support.command import HARBOUR, answer, refusal
from support.effort import tries
from usru_scenarios.cli import parsers
from usru_scenarios.cli.commands import COMMANDS, command_function
from usru_scenarios.cli.common import CommandState, OptionError
from usru_scenarios.cli.declarations import Argument, CommandContext, Declaration, Option, Subset
from usru_scenarios.cli.session import Session
from usru_scenarios.cli.splicing import make_typer_command, parse_group
from usru_scenarios.problems import UsruError


class Tide(NamedTuple):
    height: Annotated[int, Option("--height", metavar="N", help="How high."), parsers.parse_count] = 3
    names: Annotated[tuple[str, ...], Option("--name", help="Whose. Repeatable.")] = ()
    spring: Annotated[bool, Option("--spring", help="At new moon.")] = False

    def check(self) -> None:
        if self.spring and self.height < 2:
            raise OptionError("--spring has no meaning for so low a tide")


Run = tuple[object, ...]


def run(function: object, *arguments: str) -> object:
    assert callable(function)
    with make_typer_command(function).make_context("tide", list(arguments), obj=CommandState()) as context:
        return context.command.invoke(context)


def whole(port: Annotated[str, Argument(metavar="PORT")] = "home", *, tide: Tide) -> Run:
    return port, tide


def part(*, tide: Annotated[Tide, Subset("spring", "height", height="In feet.")]) -> Run:
    return (tide,)


def other(*, tide: Annotated[Tide, Subset(without=("names",), spring=Annotated[bool, Option("--neap")])]) -> Run:
    return (tide,)


def test_a_group_is_one_value_of_values_that_were_read() -> None:
    assert run(whole) == ("home", Tide())
    assert run(whole, "--height", "1e1", "away", "--name", "a", "--name", "b") == ("away", Tide(10, ("a", "b")))
    assert run(part, "--spring", "--height", "7") == (Tide(7, (), spring=True),)
    assert run(other, "--neap") == (Tide(spring=True),)


@pytest.mark.parametrize("arguments", [["--name", "a"], ["--neap"]])
def test_what_is_not_of_the_part_is_unknown(arguments: list[str]) -> None:
    with pytest.raises(typer.TyperException, match="No such option"):
        run(part, *arguments)


def test_help_shows_a_part_in_its_order_with_its_own_words() -> None:
    options = [one for one in make_typer_command(part).params if one.name != "help"]
    assert [(one.name, one.help) for one in options] == [  # type: ignore[attr-defined]
        ("spring", "At new moon."),
        ("height", "In feet."),
    ]


def test_a_text_that_makes_no_sense_is_told_by_its_option_and_a_group_checks_itself() -> None:
    with pytest.raises(OptionError, match="--height takes a whole number from 0 on, not 'x'"):
        run(whole, "--height", "x")
    with pytest.raises(OptionError, match="--spring has no meaning"):
        run(whole, "--height", "1", "--spring")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("100.000", "100000"), ("100,000", "100000"), ("1.000.000", "1000000"), ("100 000", "100000")),
        *(("10k", "10000"), ("1.5k", "1500"), ("2M", "2000000"), ("1'000", "1000")),
    ],
)
def test_thousands_in_another_notation_are_no_small_number(text: str, meant: str) -> None:
    with pytest.raises(OptionError, match=f"--height takes a whole number from 0 on.*\n.*write {meant}$"):
        run(whole, "--height", text)


@pytest.mark.parametrize(("text", "number"), [("100.0", 100), ("1.500e3", 1500), ("0.000", 0), ("1_000", 1000)])
def test_a_number_without_thousands_set_apart_is_what_it_says(text: str, number: int) -> None:
    assert run(whole, "--height", text) == ("home", Tide(number))


def test_a_group_is_read_from_arguments_of_no_command() -> None:
    assert parse_group(Tide, "usru tide", ["--height", "4"]) == Tide(4)
    with pytest.raises(typer.TyperException):
        parse_group(Tide, "usru tide", ["--help"])


# Arguments that are plain


def recorded(name: str) -> Callable[..., object]:
    """A command that gives what it is called with."""

    @functools.wraps(command_function(name))
    def command(**values: object) -> dict[str, object]:
        return {key: one[1:] if isinstance(one, Session) else one for key, one in values.items()}

    return command


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except UsruError as error:
        return str(error)


def plainly(declared: Declaration, words: list[str]) -> object:
    """What a command gets of plain arguments; None where they are not plain."""
    texts = declared.parse_plain(words)
    return texts and outcome(lambda: declared.run(context=CommandContext(CommandState()), **texts))


def by_typer(command: TyperCommand, words: list[str]) -> object:
    def call() -> object:
        with command.make_context("usru", list(words), obj=CommandState()) as context:
            return command.invoke(context)

    return outcome(call)


def required(declared: Declaration) -> list[str]:
    return ["w" for one in declared.parameters if isinstance(one.declaration, Argument) and one.is_required]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_read_by_typer_as_it_is_where_it_is_plain(name: str) -> None:
    command = recorded(name)
    declared, theirs = Declaration(command), make_typer_command(command)
    for option in declared.parameters:
        for written in option.names:
            values = [[written]] if option.is_flag else [[written, "3"], [written, "a=b"], [written, "x y"]]
            values += [[f"{written}=a=b"]] if written.startswith("--") and not option.is_flag else []
            for words in values:
                ours = plainly(declared, [*words, *required(declared)])
                assert (ours is None) == (option.implied is not None), words
                assert ours in (None, by_typer(theirs, [*words, *required(declared)])), words


@pytest.mark.more
@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_is_plain_is_read_by_typer_likewise(name: str) -> None:
    command, choose = recorded(name), Random(name)
    declared, theirs = Declaration(command), make_typer_command(command)
    known = [written for one in declared.parameters for written in one.names]
    pool = [*known, *(f"{one}=2" for one in known), *(f"{one}3" for one in known if len(one) == 2)]
    pool += ["-", "--", "-3", "--=", "--help", "-jq", "--se", "=", ""]
    found = 0
    for _ in range(tries(100, 300)):
        length = choose.randrange(5)
        words = [choose.choice(pool if choose.random() < 0.6 else ["w", "7", "x=1"]) for _ in range(length)]
        if (ours := plainly(declared, words)) is not None:
            found += 1
            assert ours == by_typer(theirs, words), words
    assert found > 10


@pytest.mark.parametrize(
    "words",
    [["--seed"], ["--seed", ""], ["--seed", "-1"], ["--seed", "1", "--seed", "2"], ["--json=1"], ["--se", "1"], ["-n5"],
     ["a", "b"], [""], ["--", "a"], ["--help"], ["--nope"]],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert Declaration(command_function("simulate")).parse_plain(words) is None


def test_what_a_plain_command_opens_is_closed_when_it_ends() -> None:
    closed = []

    @contextlib.contextmanager
    def resource() -> Iterator[str]:
        yield "open"
        closed.append(True)

    with CommandContext(CommandState()) as context:
        assert (context.with_resource(resource()), closed) == ("open", [])
    assert closed == [True]


@pytest.mark.parametrize("before", [["--debug"], []])
def test_debug_counts_wherever_it_stands_and_whatever_is_wrong(before: list[str]) -> None:
    after = [] if before else ["--debug"]
    assert "Traceback" in refusal(*before, "simulate", HARBOUR, "-n", "x", *after)


def test_a_variant_is_read_as_options_of_the_command_are() -> None:
    done = answer("compare", HARBOUR, "-n", "64", "--json", "--variant", "calm: -w weather=2 --do 'weather=calm'")
    assert list(json.loads(done.stdout)["variants"]) == ["as it is", "calm"]
    assert "usru compare --variant: " in answer("compare", HARBOUR, "--variant", "x: --oops").stderr
