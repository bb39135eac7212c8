"""`usru compare`: what is different under another weighting, profile or intervention, or in another file, and why?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import (
    Do,
    EvidenceOptions,
    Given,
    ModelOptions,
    OptionalModel,
    Overrides,
    Profile,
    Recalibrate,
    RunOptions,
    SourcedOnly,
    Weights,
)
from usru_scenarios.cli.session import Session, TableSession
from usru_scenarios.problems import UsageError, to_printable
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from usru_scenarios.results.compare import Comparison
    from usru_scenarios.study import Study

_BASE = "base"
"""The profile that means the file itself, unless it has a profile of that name."""


class VariantOptions(NamedTuple):
    """What a variant is made of; all of it may stand in the value of `--variant`."""

    model: OptionalModel = None
    profile: Profile = None
    weights: Weights = ()
    overrides: Overrides = ()
    do: Do = ()
    given: Given = ()
    sourced_only: SourcedOnly = False
    recalibrate: Recalibrate = False

    @property
    def changes(self) -> tuple[str, ...]:
        """What is changed in the file, as its user wrote it."""
        conditions = (*(f"do({text})" for text in self.do), *(f"given({text})" for text in self.given))
        flags = {"sourced only": self.sourced_only, "recalibrated": self.recalibrate}
        return *self.weights, *self.overrides, *conditions, *(name for name, is_set in flags.items() if is_set)

    def combine(self, other: VariantOptions) -> VariantOptions:
        """These options with those of another one added; where both have a value, the other one's counts."""
        pairs: Iterable[tuple[Any, Any]] = zip(self, other, strict=True)
        return VariantOptions._make(own + more if isinstance(own, tuple) else more or own for own, more in pairs)


class NamedOptions(NamedTuple):
    """A variant, and its name where it was given one."""

    options: VariantOptions
    name: str | None = None


def compare(
    models: Annotated[
        tuple[str, ...], Argument(metavar="MODEL", help="Scenario files or bundled models; the first is the reference.")
    ] = (),
    *,
    profile: Annotated[
        tuple[str, ...],
        Option(
            "--profile",
            "-p",
            metavar="NAME",
            help="A profile to compare; base: the file itself. Repeatable.",
            takes="the name of a profile",
        ),
    ] = (),
    variant: Annotated[
        tuple[str, ...],
        Option(
            "--variant",
            metavar="'NAME: OPTIONS'",
            help="A variant by its own MODEL, -p, -w, --set, --do, --given, --sourced-only or --recalibrate. "
            "Repeatable.",
        ),
    ] = (),
    shared: Annotated[VariantOptions, Subset("weights", "overrides", "do", "given", "sourced_only", "recalibrate")],
    evidence: EvidenceOptions,
    run: Annotated[RunOptions, Subset(trials="How many trials to draw for each.  [default: 65536]")],
    session: TableSession,
) -> None:
    """What is different, and what makes the difference?

    Files, profiles, weightings and interventions side by side.

    \b
      usru compare -p institutional_sceptic         the file itself and a profile
      usru compare -p base -p putin_confident       two profiles
      usru compare us-russia my-view.yaml           two files
      usru compare -w sanctions=2 --do dialogue=summit
                                                    the file itself and the file with these
      usru compare --variant 'eased: --do sanctions=eased' --variant 'late: --do sanctions=eased@2027'
                                                    the file itself and two variants

    The first is the reference. Every model is taken under every profile. With several of them, or with --variant, the
    options -w, --set, --do, --sourced-only and --recalibrate hold for all; otherwise they make the variant that the
    file (under the profile, if one is named) is compared with. What is observed (--given) holds for all; alone it makes
    the variant. What --evidence says has been seen holds for all.
    """  # noqa: D301  # \b keeps the lines of the examples
    result = compare_variants(parse_variants(models, profile, variant, shared), run, session, evidence)
    session.emit(result, run.select_warnings(result.warnings))


def compare_variants(
    variants: Sequence[NamedOptions], run: RunOptions, session: Session, evidence: EvidenceOptions
) -> Comparison:
    """The comparison of variants, which all have the same evidence; what is odd about their files is written."""
    studies = _load_studies(variants, session)
    studies = dict(zip(studies, session.attach_evidence(evidence, *studies.values()), strict=True))
    (first, reference), *others = studies.items()
    result = reference.compare(
        dict(others),
        name=first,
        do={name: variant.options.do for name, variant in zip(studies, variants, strict=True)},
        given={name: variant.options.given for name, variant in zip(studies, variants, strict=True)},
        map_blocks=session.workers(),
        **run.arguments,
    )
    session.warn_about_files(*studies.values())
    return result


def parse_variants(
    models: Sequence[str], profiles: Sequence[str], variants: Sequence[str], shared: VariantOptions
) -> list[NamedOptions]:
    """The variants that arguments ask for, the reference first.

    Raises:
        OptionError: there is only one.
    """
    parsed = [
        NamedOptions(shared._replace(model=model, profile=profile))
        for model in models or [DEFAULT_MODEL]
        for profile in profiles or (None,)
    ]
    first = parsed[0].options
    parsed += [_parse_variant(text, first) for text in variants]
    if len(parsed) > 1:
        return parsed
    if first._replace(given=()).changes:
        return [NamedOptions(VariantOptions(first.model, first.profile, given=first.given)), NamedOptions(first)]
    if first.profile is not None:
        return [NamedOptions(first._replace(profile=None)), NamedOptions(first)]
    if first.given:
        return [NamedOptions(first._replace(given=())), NamedOptions(first)]
    hint = "add a second model, a profile (-p), or what is to be changed (-w, --set, --do); see usru compare --help"
    raise OptionError("there is nothing to compare with", hint)


_NAME_AND_OPTIONS = re.compile(r"\s*(?P<name>[^\s:=-][^:=]*?)\s*:\s+(?P<rest>.*)", re.DOTALL)


def _parse_variant(text: str, first: VariantOptions) -> NamedOptions:
    """A variant that `--variant` describes, with the options that hold for all.

    Raises:
        OptionError: its options can't be read.
    """
    from usru_scenarios.cli.splicing import parse_group

    match = _NAME_AND_OPTIONS.fullmatch(text)
    try:
        arguments = shlex.split(match["rest"] if match else text)
    except ValueError as error:
        message = f"--variant '{text}' can't be read: {str(error).lower()}"
        raise OptionError(message, "a quotation mark is missing") from None
    options = parse_group(VariantOptions, "usru compare --variant", arguments)
    if options == VariantOptions():
        raise OptionError(f"--variant '{text}' changes nothing", "such as --variant 'eased: --do sanctions=eased'")
    return NamedOptions(first.combine(options), match["name"] if match else None)


def _load_studies(variants: Sequence[NamedOptions], session: Session) -> dict[str, Study]:
    """The studies of variants, by name; each file is read once."""
    loaded: dict[str, Study] = {}
    studies: dict[str, Study] = {}
    unnamed = [variant.options for variant in variants if variant.name is None]
    for variant in variants:
        options = variant.options
        model = options.model or DEFAULT_MODEL
        if model not in loaded:
            loaded[model] = session.load(model, ModelOptions())
        study = loaded[model]
        if options.profile is not None or options.weights or options.overrides or options.sourced_only:
            is_file = options.profile == _BASE and _BASE not in study.outline.profiles
            study = study.varied(
                profile=None if is_file else options.profile,
                weights=options.weights,
                overrides=options.overrides,
                sourced_only=options.sourced_only,
            )
        if options.recalibrate:
            study = study.recalibrated()
        name = variant.name or _variant_name(options, unnamed)
        if name in studies:
            message = f"usru: two variants are called '{to_printable(name)}'"
            raise UsageError(message, "give them names: --variant 'NAME: ...'")
        studies[name] = study
    return studies


def _variant_name(options: VariantOptions, unnamed: Sequence[VariantOptions]) -> str:
    """What distinguishes a variant from the others that have no name: its model, its profile, its changes."""
    models = {other.model or DEFAULT_MODEL for other in unnamed}
    have_distinct_stems = len({Path(model).stem for model in models}) == len(models)
    model = options.model or DEFAULT_MODEL
    parts = [Path(model).stem if have_distinct_stems else model] if len(models) > 1 else []
    parts += [options.profile or _BASE] if len({other.profile for other in unnamed}) > 1 else []
    if len({other.changes for other in unnamed}) > 1:
        common = set.intersection(*(set(other.changes) for other in unnamed))
        parts += [change for change in options.changes if change not in common] or ([] if parts else ["as it is"])
    return ", ".join(parts) or options.profile or "as it is"
