"""A forecast as one document to hand on: what it says, what drives it, what it rests on, and what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.report import Layout, likelihoods, simulate, watch
from usru_scenarios.report.document import Heading, Item, Items, Lines, Notes, Report, ShownCondition, StyledText, Table
from usru_scenarios.report.document import name_column as named
from usru_scenarios.report.document import number_columns as numbered
from usru_scenarios.report.likelihoods import format_distance, format_percent
from usru_scenarios.report.provenance_line import FROM_JUDGEMENTS, describe_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from usru_scenarios.report.document import Block, Figure
    from usru_scenarios.results.sensitivity import JudgementEffect, Sensitivity
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.results.sources import ClaimPart, SourcesReport
    from usru_scenarios.results.watch import Indicator, Watch

_MOST_DRIVERS, _MOST_INDICATORS, _MOST_JUDGEMENTS = 5, 5, 6
_MOST_CLAIMS = 8
"""Of those behind the judgements that are listed, so many are told."""
_TOLD = 2.0
"""What is smaller than so many of its standard errors is not told from none."""
_NOTHING = "Nothing that may be seen moves the forecast beyond sampling error."


class Dossier(NamedTuple):
    """The answers that the document is composed of.

    Attributes:
        simulation: the forecast.
        sensitivity: which driver's uncertainty matters, and which judgement.
        watch: what would move the forecast.
        sources: what all judgements rest on.
        changes: what was changed in the file for this run, each as it was written.
    """

    simulation: Simulation
    sensitivity: Sensitivity
    watch: Watch
    sources: SourcesReport
    changes: Sequence[str] = ()


def report(dossier: Dossier, picture: Figure | None = None) -> Report:
    """The document, for writers that have no width.

    Args:
        dossier: the answers.
        picture: of the forecast, if there is one.
    """
    forecast = simulate.report(dossier.simulation, Layout(width=0))
    changed = [ShownCondition("changed", text, "for this run; the file says otherwise") for text in dossier.changes]
    return forecast._replace(
        footer=(),
        more="",
        conditions=(*changed, *forecast.conditions),
        picture=picture,
        blocks=[
            Heading("How likely it is"),
            *forecast.blocks,
            _notes(simulate.describe_columns(dossier.simulation), simulate.describe_band(dossier.simulation)),
            *_drivers(dossier),
            *_watched(dossier.watch),
            *_judgements(dossier),
            *_claims(dossier),
            *_computed(dossier),
            *_limits(dossier.simulation),
            Heading("To cite"),
        ],
    )


def _notes(*texts: str) -> Notes:
    return Notes(tuple(filter(None, texts)))


def _listed(texts: Iterable[str]) -> Lines:
    return Lines(tuple(map(StyledText, texts)), as_list=True)


def _paragraph(text: str) -> Lines:
    return Lines((StyledText(text),))


# What drives it, and what to watch ------------------------------------------------------------------------------------


def _drivers(dossier: Dossier) -> Iterator[Block]:
    found = dossier.sensitivity
    told = [one for one in found.drivers or () if one.shift > _TOLD * one.standard_errors.shift]
    drivers = told[:_MOST_DRIVERS]
    if not drivers:
        return
    error = max(one.standard_errors.shift for one in drivers)
    places = max(likelihoods.percent_decimals(error), 1)
    yield Heading("What drives it")
    yield _paragraph(
        f"If one knew the state of a driver{_then(found.at, found.run.steps)}, so far would that be expected to shift "
        f"the likelihoods{_unobserved(dossier)}:"
    )
    yield Table(
        [named("driver"), *numbered(["expected shift, points"])],
        [(one.title, format_distance(one.shift, places)) for one in drivers],
    )
    left = len(told) - len(drivers)
    yield _notes(
        f"And {left} more with smaller shifts." if left else "",
        "Points are percentage points, in total variation: half the sum of what all scenarios gain and lose.",
        f"Standard errors {likelihoods.format_error_bound(error)}." if error else "",
    )


def _then(step: str, steps: Sequence[str]) -> str:
    return f" at {step}" if len(steps) > 1 else ""


def _unobserved(dossier: Dossier) -> str:
    """That what matters is said of the model without the observations of the forecast, where it is."""
    forecast, found = dossier.simulation.run, dossier.sensitivity.run
    apart = (forecast.given, forecast.evidence) != (found.given, found.evidence)
    return ", leaving aside what is observed" if apart else ""


def _watched(result: Watch) -> Iterator[Block]:
    yield Heading("What to watch")
    told = [one for one in result.indicators if not one.within_noise]
    if not told:
        yield _paragraph(_NOTHING if result.indicators else watch.NO_INDICATORS)
        return
    shown = replace(result, indicators=told[:_MOST_INDICATORS])
    ahead = f"Of what may be seen at {result.on}, this would move the forecast of {result.horizon} most:"
    yield _paragraph(ahead if len(result.run.steps) > 1 else "Of what may be seen, this would move the forecast most:")
    yield Items(tuple(_indicator(one, shown) for one in shown.indicators))
    yield _notes(watch.LEGEND)


def _indicator(one: Indicator, result: Watch) -> Item:
    moved = format_distance(one.expected_move, watch.move_decimals(result))
    signposts = one.signposts if one.signposts_of == "state" else []
    return Item(
        (StyledText(f"{one.title}: {one.state_title}", "bold", "**"),),
        (
            (StyledText(", ".join(watch.describe_changes(one, result))), ""),
            *((StyledText(f"To be known by: {signpost}"), "") for signpost in signposts),
        ),
        f"({format_percent(one.probability, 0)} likely, expected move {moved} points)",
    )


# What it rests on -----------------------------------------------------------------------------------------------------


def _judgements(dossier: Dossier) -> Iterator[Block]:
    listed = _largest(dossier)
    roles = dossier.sources.roles.values()
    inferred = sum(role.inferred for role in roles)
    yield Heading("What it rests on")
    yield _paragraph(
        f"The file holds {sum(role.judgements for role in roles):,} judgements. {inferred:,} of them are inferred: no "
        "claim of a document supports them."
    )
    if listed:
        yield _paragraph(
            "One point more of these would change the likelihoods"
            f"{_then(dossier.sensitivity.at, dossier.sensitivity.run.steps)} most{_unobserved(dossier)}:"
        )
        yield Items(tuple(_judgement(one, dossier) for one in listed))
        yield _notes("Paths are those of the file. The odds of a share are multiplied by what one point is worth.")


def _largest(dossier: Dossier) -> list[JudgementEffect]:
    judgements = dossier.sensitivity.judgements or ()
    return [one for one in judgements if one.size.value > _TOLD * one.size.standard_error][:_MOST_JUDGEMENTS]


def _judgement(one: JudgementEffect, dossier: Dossier) -> Item:
    section, _, rest = one.path.partition(".")
    name, _, inside = rest.partition(".")
    titles = _titles(dossier.simulation, section)
    head = (StyledText(titles[name], "bold", "**"), StyledText(inside, mark="`")) if name in titles else ()
    moved = format_distance(one.size.value, max(likelihoods.percent_decimals(one.size.standard_error), 1))
    basis = "inferred" if one.inferred else ", ".join(one.sources)
    return Item(head or (StyledText(one.path, mark="`"),), (), f"({moved} points; {basis})")


def _titles(result: Simulation, section: str) -> dict[str, str]:
    """The titles of what a section of the file names, where the forecast has it."""
    if section == "scenarios":
        return {name: one.title for name, one in result.scenarios.items()}
    return {name: one.title for name, one in result.drivers.items()} if section == "drivers" else {}


def _claims(dossier: Dossier) -> Iterator[Block]:
    """What the claims behind the largest judgements say, and in which documents."""
    cited = dict.fromkeys(claim for one in _largest(dossier) for claim in one.sources)
    known = [name for name in cited if name in dossier.sources.claims]
    if not known:
        return
    yield Heading("What the sources say")
    yield _paragraph("The claims behind these judgements, in the words of the register of the file:")
    yield Items(tuple(_claim(name, dossier.sources) for name in known[:_MOST_CLAIMS]))
    left = len(known) - _MOST_CLAIMS
    yield _notes(f"And {left} more." if left > 0 else "")


def _claim(name: str, sources: SourcesReport) -> Item:
    claim = sources.claims[name]
    return Item((StyledText(name, "bold", "**"),), ((StyledText(_origin(claim, sources)), ""),), claim.claim)


def _origin(claim: ClaimPart, sources: SourcesReport) -> str:
    document = sources.documents.get(claim.document)
    title = claim.document if document is None else document.title
    said = (title, claim.where, claim.speaker and f"by {claim.speaker}", claim.hedge and f"hedge: {claim.hedge}")
    kind = "An assumption, which no document supports" if claim.assumption else "From"
    return f"{kind}: {', '.join(filter(None, said))}"


# How it was computed, and what it is not ------------------------------------------------------------------------------


def _computed(dossier: Dossier) -> Iterator[Block]:
    model, run = dossier.simulation.model, dossier.simulation.run
    yield Heading("How it was computed")
    if dossier.simulation.drivers:
        yield _paragraph(
            "The file says how likely the states of each driver are, and by how many points each promotes or hinders "
            "each scenario. A point multiplies odds by a factor that the file sets. From all of this follows how "
            "likely each scenario is at each step."
        )
    yield _listed(
        (
            f"The likelihoods: {simulate.describe_method(dossier.simulation)}",
            f"What drives it, and which judgements matter: {describe_run(dossier.sensitivity.run)}.",
            f"What to watch: {watch.describe_method(dossier.watch)}",
            f"The program: usru {run.usru_version}. The model: {model.name}, SHA-256 {model.sha256}.",
        )
    )
    yield _paragraph("The same file, options and version of the program give the same digits.")


def _limits(result: Simulation) -> Iterator[Block]:
    yield Heading("What the numbers are not")
    banded = bool(simulate.describe_band(result))
    yield _listed(
        (
            f"They are not measured. {FROM_JUDGEMENTS} Other judgements give others.",
            "They are no predictions: where the judgements are right, what has 30% comes about three times in ten.",
            "They are of the scenarios that were named. What is not among them has no likelihood here.",
            "The band is what the uncertain judgements leave open. How wrong the others may be is not in it."
            if banded
            else "They have no band, for no doubt about the judgements went into them; they are not certain for that.",
            *(
                ["Standard errors say how exact the sampling was, and nothing of how right the judgements are."]
                if result.run.trials
                else []
            ),
            "What drives the forecast does so in the model, because its authors put it in: that is no evidence of it.",
        )
    )
