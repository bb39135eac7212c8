"""Options of several commands are said once, in groups that are spliced into a command."""

from __future__ import annotations

import json
from typing import Annotated, NamedTuple

import pytest
import typer
from typer import Argument, Option

from support.command import HARBOUR, answer
from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import CommandState, OptionError
from usru_scenarios.cli.splicing import Subset, made, read


class Tide(NamedTuple):
    height: Annotated[int, Option("--height", metavar="N", help="How high."), parsers.count] = 3
    names: Annotated[tuple[str, ...], Option("--name", help="Whose. Repeatable.")] = ()
    spring: Annotated[bool, Option("--spring", help="At new moon.")] = False

    def check(self) -> None:
        if self.spring and self.height < 2:
            raise OptionError("--spring has no meaning for so low a tide")


Run = tuple[object, ...]


def run(function: object, *arguments: str) -> object:
    assert callable(function)
    with made(function).make_context("tide", list(arguments), obj=CommandState()) as context:
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
    options = [one for one in made(part).params if one.name != "help"]
    assert [(one.name, one.help) for one in options] == [  # type: ignore[attr-defined]
        ("spring", "At new moon."),
        ("height", "In feet."),
    ]


def test_a_text_that_makes_no_sense_is_told_by_its_option_and_a_group_checks_itself() -> None:
    with pytest.raises(OptionError, match="--height takes a whole number from 0 on, not 'x'"):
        run(whole, "--height", "x")
    with pytest.raises(OptionError, match="--spring has no meaning"):
        run(whole, "--height", "1", "--spring")


def test_a_group_is_read_from_arguments_of_no_command() -> None:
    assert read(Tide, "usru tide", ["--height", "4"]) == Tide(4)
    with pytest.raises(typer.TyperException):
        read(Tide, "usru tide", ["--help"])


@pytest.mark.parametrize("before", [["--debug"], []])
def test_debug_counts_wherever_it_stands_and_whatever_is_wrong(before: list[str]) -> None:
    after = [] if before else ["--debug"]
    done = answer(*before, "simulate", HARBOUR, "-n", "x", *after)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_variant_is_read_as_options_of_the_command_are() -> None:
    done = answer("compare", HARBOUR, "-n", "64", "--json", "--variant", "calm: -w weather=2 --do 'weather=calm'")
    assert list(json.loads(done.stdout)["variants"]) == ["as it is", "calm"]
    assert "usru compare --variant: " in answer("compare", HARBOUR, "--variant", "x: --oops").stderr
