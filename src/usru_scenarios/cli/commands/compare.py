"""`usru compare`: what is different under another weighting, profile or intervention, or in another file, and why?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from usru_scenarios.cli import options
from usru_scenarios.cli.arguments import ModelRequest
from usru_scenarios.cli.output import Destination
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn
from usru_scenarios.cli.workers import workers
from usru_scenarios.problems import UnreadableInput, printable
from usru_scenarios.report import TABULAR, render_report

if TYPE_CHECKING:
    from usru_scenarios.study import Study

_NAMED = re.compile(r"\s*(?P<name>[^\s:=-][^:=]*?)\s*:\s+(?P<rest>.*)", re.DOTALL)
_BASE = "base"
"""The profile that means the file itself, unless it has a profile of that name."""


def compare(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="Scenario files or bundled models; the first is the reference."),
    ] = None,
    *,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile", "-p", metavar="NAME", help="A profile to compare; base: the file itself. Repeatable."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="'NAME: OPTIONS'",
            help="A variant by its own MODEL, -p, -w, --set, --do or --sourced-only. Repeatable.",
        ),
    ] = None,
    weight: options.Weights = None,
    assignment: options.Assignments = None,
    do: options.Do = None,
    sourced_only: options.SourcedOnly = False,
    trials: Annotated[
        str | None,
        typer.Option("--trials", "-n", metavar="N", help="How many trials to draw for each.  [default: 81920]"),
    ] = None,
    seed: options.Seed = None,
    method: options.Method = None,
    judgements: options.Judgements = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(TABULAR)}.  [default: table]"),
    ] = None,
    as_json: options.Json = False,
    confined: options.Confined = False,
    output: options.Output = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What is different, and what makes the difference? Files, profiles, weightings, interventions side by side.

    \b
      usru compare -p institutional_sceptic         the file itself and a profile
      usru compare -p base -p putin_confident       two profiles
      usru compare us-russia my-view.yaml           two files
      usru compare -w sanctions=2 --do dialogue=summit
                                                    the file itself and the file with these
      usru compare --variant 'eased: --do sanctions=eased' --variant 'late: --do sanctions=eased@2027'
                                                    the file itself and two variants

    The first is the reference. Every model is taken under every profile. With several of them, or with --variant, the
    options -w, --set, --do and --sourced-only hold for all; otherwise they make the variant that the file (under the
    profile, if one is named) is compared with.
    """  # noqa: D301  # \b keeps the lines of the examples
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, TABULAR, as_json=as_json)
    shared = _VariantOption(None, None, weight or [], assignment or [], do or [], sourced_only=sourced_only)
    sides = wanted(models or [], profile or [], variant or [], shared)
    draws = options.draws(trials=trials, seed=seed, method=method, judgements=judgements)
    target = Destination.named(output)
    studies = _studies(sides, confined=confined)
    (first, reference), *others = studies.items()
    progress = workers(context, conduct, jobs, cluster, yes=yes)
    result = reference.compare(
        dict(others),
        name=first,
        do={name: side.do for name, side in zip(studies, sides, strict=True)},
        map_blocks=progress.map,
        **draws,
    )
    warn(result.warnings, conduct)
    target.write(render_report(result, "compare", chosen, layout(target)))


@dataclass(frozen=True)
class _VariantOption:
    """What a variant is made of."""

    model: str | None
    profile: str | None
    weights: list[str]
    assignments: list[str]
    do: list[str]
    sourced_only: bool
    name: str | None = None

    @property
    def changes(self) -> list[str]:
        """What is done to the file, as its user wrote it."""
        only = ["sourced only"] if self.sourced_only else []
        return [*self.weights, *self.assignments, *(f"do({one})" for one in self.do), *only]

    def plain(self) -> _VariantOption:
        """The same without any change."""
        return replace(self, weights=[], assignments=[], do=[], sourced_only=False)

    def further(self, other: _VariantOption) -> _VariantOption:
        """The same with what another one says besides."""
        return _VariantOption(
            other.model or self.model,
            other.profile or self.profile,
            [*self.weights, *other.weights],
            [*self.assignments, *other.assignments],
            [*self.do, *other.do],
            self.sourced_only or other.sourced_only,
            other.name,
        )


def wanted(
    models: Sequence[str], profiles: Sequence[str], variants: Sequence[str], shared: _VariantOption
) -> list[_VariantOption]:
    """The variants that arguments ask for, the reference first.

    Raises:
        Misuse: there is only one.
    """
    sides = [
        replace(shared, model=model, profile=profile)
        for model in models or [options.BUNDLED]
        for profile in profiles or (None,)
    ]
    first = sides[0]
    sides += [first.further(_read(text)) for text in variants]
    if len(sides) == 1 and first.changes:
        sides = [first.plain(), first]
    elif len(sides) == 1 and first.profile is not None:
        sides = [replace(first, profile=None), first]
    if len(sides) == 1:
        hint = "add a second model, a profile (-p), or what is to be changed (-w, --set, --do); see usru compare --help"
        raise options.Misuse("there is nothing to compare with", hint)
    return sides


def _read(text: str) -> _VariantOption:
    """A variant as `--variant` describes it.

    Raises:
        Misuse: its options can't be read.
    """
    named = _NAMED.fullmatch(text)
    try:
        arguments = shlex.split(named["rest"] if named else text)
    except ValueError as error:
        raise options.Misuse(
            f"--variant '{text}' can't be read: {str(error).lower()}", "a quotation mark is missing"
        ) from None
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(add_help_option=False)(_variant)
    with get_command(app).make_context("usru compare --variant", arguments) as context:
        found: dict[str, Any] = context.params
    side = _VariantOption(
        found["model"],
        found["profile"],
        list(found["weight"] or ()),
        list(found["assignment"] or ()),
        list(found["do"] or ()),
        found["sourced_only"],
        named["name"] if named else None,
    )
    if not (side.changes or side.model or side.profile):
        hint = "such as --variant 'eased: --do sanctions=eased'"
        raise options.Misuse(f"--variant '{text}' changes nothing", hint)
    return side


def _variant(
    model: options.OptionalModel = None,
    *,
    profile: options.Profile = None,
    weight: options.Weights = None,
    assignment: options.Assignments = None,
    do: options.Do = None,
    sourced_only: options.SourcedOnly = False,
) -> None:
    """A variant."""


def _studies(sides: Sequence[_VariantOption], *, confined: bool) -> dict[str, Study]:
    """The variants' models by name; each file is read once."""
    read: dict[str, Study] = {}
    studies: dict[str, Study] = {}
    for side in sides:
        model = side.model or options.BUNDLED
        if model not in read:
            read[model] = ModelRequest(model, confined=confined).build()
        study = read[model]
        if side.profile is not None or side.weights or side.assignments or side.sourced_only:
            is_file = side.profile == _BASE and _BASE not in study.loaded.model.profiles
            study = study.varied(
                profile=None if is_file else side.profile,
                weights=side.weights,
                overrides=side.assignments,
                sourced_only=side.sourced_only,
            )
        name = side.name or _name(side, sides)
        if name in studies:
            raise UnreadableInput(
                f"usru: two variants are called '{printable(name)}'\n    = give them names: --variant 'NAME: ...'"
            )
        studies[name] = study
    return studies


def _name(side: _VariantOption, sides: Sequence[_VariantOption]) -> str:
    """What tells a variant from the others: its model, its profile, what is changed."""
    unnamed = [one for one in sides if one.name is None]
    models = {one.model or options.BUNDLED for one in unnamed}
    alone = len({Path(model).stem for model in models}) == len(models)
    model = side.model or options.BUNDLED
    parts = [Path(model).stem if alone else model] if len(models) > 1 else []
    parts += [side.profile or _BASE] if len({one.profile for one in unnamed}) > 1 else []
    if len({tuple(one.changes) for one in unnamed}) > 1:
        parts += side.changes or ([] if parts else ["as it is"])
    return ", ".join(parts) or side.profile or "as it is"
