"""A forecast as one document to hand on: what it says, what drives it, what it rests on, and what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from usru_scenarios.light_dataclasses import replace
from usru_scenarios.report import Layout, document, likelihoods, simulate, watch
from usru_scenarios.report.document import Heading, Item, Items, Notes, Report, ShownCondition, StyledText, Table
from usru_scenarios.report.likelihoods import format_distance, format_percent
from usru_scenarios.report.provenance import FROM_JUDGEMENTS, describe_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from usru_scenarios.report.document import Block, Figure
    from usru_scenarios.results.sensitivity import JudgementEffect, Sensitivity
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.results.sources import SourcesReport
    from usru_scenarios.results.watch import Indicator, Watch

_MAX_DRIVERS, _MAX_INDICATORS, _MAX_JUDGEMENTS, _MAX_CLAIMS = 5, 5, 6, 8
_CLEAR_ERRORS = 2.0
"""What is smaller than so many of its standard errors is left out."""
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
            *_driver_section(dossier),
            *_watch_section(dossier.watch),
            *_judgement_section(dossier),
            *_claim_section(dossier),
            *_method_section(dossier),
            *_limits_section(dossier.simulation),
            Heading("To cite"),
        ],
    )


def _notes(*texts: str) -> Notes:
    return Notes(tuple(filter(None, texts)))


# What drives it, and what to watch ------------------------------------------------------------------------------------


def _driver_section(dossier: Dossier) -> Iterator[Block]:
    sensitivity = dossier.sensitivity
    clear = [one for one in sensitivity.drivers or () if one.shift > _CLEAR_ERRORS * one.standard_errors.shift]
    listed = clear[:_MAX_DRIVERS]
    if not listed:
        return
    error = max(driver.standard_errors.shift for driver in listed)
    places = max(likelihoods.percent_decimals(error), 1)
    yield Heading("What drives it")
    yield document.paragraph(
        f"If one knew the state of a driver{_at_step(sensitivity)}, so far would that be expected to shift "
        f"the likelihoods{_without_observations(dossier)}:"
    )
    yield Table(
        [document.name_column("driver"), *document.number_columns(["expected shift, points"])],
        [(driver.title, format_distance(driver.shift, places)) for driver in listed],
    )
    left = len(clear) - len(listed)
    yield _notes(
        f"And {left} more with smaller shifts." if left else "",
        "Points are percentage points, in total variation: half the sum of what all scenarios gain and lose.",
        f"Standard errors {likelihoods.format_error_bound(error)}." if error else "",
    )


def _at_step(sensitivity: Sensitivity) -> str:
    return f" at {sensitivity.at}" if len(sensitivity.run.steps) > 1 else ""


def _without_observations(dossier: Dossier) -> str:
    """A remark where sensitivity is that of the model without the observations of the forecast."""
    forecast, sensitivity = dossier.simulation.run, dossier.sensitivity.run
    is_different = (forecast.given, forecast.evidence) != (sensitivity.given, sensitivity.evidence)
    return ", leaving aside what is observed" if is_different else ""


def _watch_section(result: Watch) -> Iterator[Block]:
    yield Heading("What to watch")
    clear = [indicator for indicator in result.indicators if not indicator.within_noise]
    if not clear:
        yield document.paragraph(_NOTHING if result.indicators else watch.NO_INDICATORS)
        return
    listed = replace(result, indicators=clear[:_MAX_INDICATORS])
    question = "Of what may be seen, this would move the forecast most:"
    if len(result.run.steps) > 1:
        question = f"Of what may be seen at {result.on}, this would move the forecast of {result.horizon} most:"
    yield document.paragraph(question)
    yield Items(tuple(_indicator_item(indicator, listed) for indicator in listed.indicators))
    yield _notes(watch.LEGEND)


def _indicator_item(indicator: Indicator, result: Watch) -> Item:
    move = format_distance(indicator.expected_move, watch.move_decimals(result))
    signposts = indicator.signposts if indicator.signposts_of == "state" else []
    points = [", ".join(watch.describe_changes(indicator, result))]
    points += [f"To be known by: {signpost}" for signpost in signposts]
    return Item(
        (StyledText(f"{indicator.title}: {indicator.state_title}", "bold", "**"),),
        tuple((StyledText(point), "") for point in points),
        f"({format_percent(indicator.probability, 0)} likely, expected move {move} points)",
    )


# What it rests on -----------------------------------------------------------------------------------------------------


def _judgement_section(dossier: Dossier) -> Iterator[Block]:
    listed = _largest_judgements(dossier)
    roles = dossier.sources.roles.values()
    inferred = sum(role.inferred for role in roles)
    yield Heading("What it rests on")
    yield document.paragraph(
        f"The file holds {sum(role.judgements for role in roles):,} judgements. {inferred:,} of them are inferred: no "
        "claim of a document supports them."
    )
    if listed:
        when = f"{_at_step(dossier.sensitivity)} most{_without_observations(dossier)}"
        yield document.paragraph(f"One point more of these would change the likelihoods{when}:")
        yield Items(tuple(_judgement_item(judgement, dossier) for judgement in listed))
        yield _notes("Paths are those of the file. The odds of a share are multiplied by what one point is worth.")


def _largest_judgements(dossier: Dossier) -> list[JudgementEffect]:
    judgements = dossier.sensitivity.judgements or ()
    clear = [one for one in judgements if one.size.value > _CLEAR_ERRORS * one.size.standard_error]
    return clear[:_MAX_JUDGEMENTS]


def _judgement_item(judgement: JudgementEffect, dossier: Dossier) -> Item:
    section, _, rest = judgement.path.partition(".")
    name, _, inside = rest.partition(".")
    forecast = dossier.simulation
    titles = {("scenarios", key): scenario.title for key, scenario in forecast.scenarios.items()}
    titles |= {("drivers", key): driver.title for key, driver in forecast.drivers.items()}
    title = titles.get((section, name))
    head = () if title is None else (StyledText(title, "bold", "**"), StyledText(inside, mark="`"))
    size = judgement.size
    points = format_distance(size.value, max(likelihoods.percent_decimals(size.standard_error), 1))
    basis = "inferred" if judgement.inferred else ", ".join(judgement.sources)
    return Item(head or (StyledText(judgement.path, mark="`"),), (), f"({points} points; {basis})")


def _claim_section(dossier: Dossier) -> Iterator[Block]:
    """What the claims behind the largest judgements say, and in which documents."""
    cited = dict.fromkeys(claim for judgement in _largest_judgements(dossier) for claim in judgement.sources)
    known = [name for name in cited if name in dossier.sources.claims]
    if not known:
        return
    yield Heading("What the sources say")
    yield document.paragraph("The claims behind these judgements, in the words of the register of the file:")
    yield Items(tuple(_claim_item(name, dossier.sources) for name in known[:_MAX_CLAIMS]))
    left = len(known) - _MAX_CLAIMS
    yield _notes(f"And {left} more." if left > 0 else "")


def _claim_item(name: str, sources: SourcesReport) -> Item:
    claim = sources.claims[name]
    document = sources.documents.get(claim.document)
    title = claim.document if document is None else document.title
    origin = (title, claim.where, claim.speaker and f"by {claim.speaker}", claim.hedge and f"hedge: {claim.hedge}")
    kind = "An assumption, which no document supports" if claim.assumption else "From"
    point = StyledText(f"{kind}: {', '.join(filter(None, origin))}")
    return Item((StyledText(name, "bold", "**"),), ((point, ""),), claim.claim)


# How it was computed, and what it is not ------------------------------------------------------------------------------


def _method_section(dossier: Dossier) -> Iterator[Block]:
    model, run = dossier.simulation.model, dossier.simulation.run
    yield Heading("How it was computed")
    if dossier.simulation.drivers:
        yield document.paragraph(
            "The file says how likely the states of each driver are, and by how many points each promotes or hinders "
            "each scenario. A point multiplies odds by a factor that the file sets. From all of this follows how "
            "likely each scenario is at each step."
        )
    yield document.bullets(
        (
            f"The likelihoods: {simulate.describe_method(dossier.simulation)}",
            f"What drives it, and which judgements matter: {describe_run(dossier.sensitivity.run)}.",
            f"What to watch: {watch.describe_method(dossier.watch)}",
            f"The program: usru {run.usru_version}. The model: {model.name}, SHA-256 {model.sha256}.",
        )
    )
    yield document.paragraph("The same file, options and version of the program give the same digits.")


def _limits_section(result: Simulation) -> Iterator[Block]:
    yield Heading("What the numbers are not")
    yield document.bullets(
        (
            f"They are not measured. {FROM_JUDGEMENTS} Other judgements give others.",
            "They are no predictions: where the judgements are right, what has 30% comes about three times in ten.",
            "They are of the scenarios that were named. What is not among them has no likelihood here.",
            "The band is what the uncertain judgements leave open. How wrong the others may be is not in it."
            if simulate.describe_band(result)
            else "They have no band, for no doubt about the judgements went into them; they are not certain for that.",
            *(
                ["Standard errors say how exact the sampling was, and nothing of how right the judgements are."]
                if result.run.trials
                else []
            ),
            "What drives the forecast does so in the model, because its authors put it in: that is no evidence of it.",
        )
    )
