"""What a page shows and computes with: forecasts, laws, trials and claims of a file and of each of its profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.outline import Outline
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import Problem, RequestError
from usru_scenarios.program.conditions import Conditioned
from usru_scenarios.program.program import CategoricalNode, Program
from usru_scenarios.questions.evidence.items import Evidence
from usru_scenarios.questions.page.evidence import split_evidence
from usru_scenarios.questions.page.law import Pack, PathKey, outcome_inputs, pack_outcome_law, pack_scenario_likelihoods
from usru_scenarios.questions.page.trials import TrialPack, plan_carried_trials
from usru_scenarios.results.simulate import Ahead, ScenarioResult, Simulation
from usru_scenarios.results.sources import SourcesReport

CARRIED_TRIALS = 4_096
"""Trials that a page carries of the file and of each profile, unless other ones are asked for."""
_LEAST_CARRIED, MOST_CARRIED = 256, 1 << 16
"""How many it carries even where fewer are asked for, and how many can be asked for."""


@dataclass(frozen=True)
class CarriedReading:
    """The file, or the file under a profile of it, with its forecast.

    Attributes:
        title: the profile's.
        outline: what the model calls its parts, and which profile it is under.
        sources: what its judgements rest on.
        forecast: of the command line.
        compiled_with_draws: gives the program, with its conditions, for a seed and so many draws of the judgements; 0
            for the means.
    """

    title: str
    outline: Outline
    sources: SourcesReport
    forecast: Simulation
    compiled_with_draws: Callable[[int, int], Conditioned]


@dataclass(frozen=True)
class PageData:
    """All that a page is made of: what can be written as JSON, and the bytes of the arrays that it speaks of."""

    about: dict[str, Any]
    arrays: bytes


def page_data(
    readings: Sequence[CarriedReading], profile: str | None, *, trials: int, seed: int, evidence: Evidence | None = None
) -> PageData:
    """What a page carries: at least so many trials of each reading, the file itself first, then under its profiles.

    It begins under `profile`; all that it says takes the evidence for given.

    Raises:
        RequestError: the outcome feeds back into its own causes, or an item of the evidence can't be carried.
        ImpossibleEvidence: none of the trials of a page agrees with it.
    """
    pack = Pack()
    model = readings[0].outline.model
    trial_pack = TrialPack(pack)
    views = [_describe_reading(reading, max(trials, _LEAST_CARRIED), seed, trial_pack) for reading in readings]
    claims = {
        claim: _describe_claim(claim, reading.sources)
        for reading, view in zip(readings, views, strict=True)
        for weight in view["weights"]
        for claim in weight["claims"]
    }
    about = {
        "format": "usru.page/1.0",
        "name": model.name,
        "title": model.title,
        "sha256": model.sha256,
        "profile": profile if any(view["profile"] == profile for view in views) else None,
        "claims": claims,
        "views": views,
        **({} if evidence is None else {"evidence": _describe_evidence(evidence)}),
    }
    return PageData(about, pack.data)


def _describe_reading(reading: CarriedReading, trials: int, seed: int, trial_pack: TrialPack) -> dict[str, Any]:
    outline, means = reading.outline, reading.compiled_with_draws(0, 0).program
    _require_no_feedback(means, outline.profile)
    plan = plan_carried_trials(trials, seed, reading.forecast.run.judgements)
    conditioned = reading.compiled_with_draws(plan.seed, plan.judgements)
    program, evidence = conditioned.program, split_evidence(conditioned)
    keys = carried_paths(program)
    evidence_used = reading.forecast.run.evidence
    return {
        "profile": outline.profile,
        "title": reading.title,
        "steps": reading.forecast.run.steps,
        "scenarios": _describe_scenarios(means, outline),
        "drivers": [
            _describe_driver(name, keys.index((name, ())), means, outline)
            for name in outline.drivers
            if (name, ()) in keys
        ],
        "weights": [
            _describe_weight(name, reading)
            for name in (*outline.drivers, *outline.rules)
            if name in means.outcome.weight_names
        ],
        "forecast": _describe_forecast(reading.forecast),
        "sample": trial_pack.put(program, plan, keys, evidence.about_drivers),
        "law": {
            **pack_outcome_law(program, {key: place for place, key in enumerate(keys)}, trial_pack.pack),
            **pack_scenario_likelihoods(evidence.scenario_likelihoods, trial_pack.pack),
        },
        **({} if evidence_used is None else {"now": reading.forecast.run.steps.index(evidence_used.now)}),
    }


def _describe_evidence(evidence: Evidence) -> dict[str, Any]:
    """What a page says of what has been seen."""
    return {
        "name": evidence.name,
        "asOf": evidence.as_of,
        "items": [
            {"title": item.title or item.name.replace("_", " "), "text": item.text, "learned": item.learned}
            for item in evidence.items
        ],
    }


def _require_no_feedback(program: Program, profile: str | None) -> None:
    """Refuse a model whose drivers can't be drawn without its outcome.

    Raises:
        RequestError: it is one.
    """
    if not program.has_feedback:
        return
    readers = [
        name
        for name, node in program.nodes.items()
        if node.role == "driver" and any(parent == OUTCOME for parent, _ in program.model_links(name))
    ]
    where = f" under the profile {profile}" if profile else ""
    message = (
        f"no page can be made of this model{where}: its outcome feeds back ({', '.join(readers)} reads the scenario), "
        "so that another weight changes the drivers too, and trials of them that were drawn before don't hold any more"
    )
    hint = "usru simulate -w NAME=VALUE and usru sweep NAME=0..3 answer what if for any model"
    raise RequestError([Problem("outcome_feeds_back", message, hint=hint)])


def carried_paths(program: Program) -> list[PathKey]:
    """What is carried: what the outcome reads, and the drivers that can be observed, for no scenario reaches them."""
    inputs, downstream = outcome_inputs(program.outcome), program.downstream(OUTCOME)
    observable: list[PathKey] = [
        (name, ())
        for name, node in program.nodes.items()
        if node.role == "driver" and isinstance(node, CategoricalNode) and name not in downstream
    ]
    return [*inputs, *(key for key in observable if key not in inputs)]


def _describe_scenarios(program: Program, outline: Outline) -> list[dict[str, Any]]:
    """Scenarios, then groups, in the order of the file: with their columns in the law."""
    column = program.outcome.states.index
    return [
        *(
            {"id": name, "title": title, "group": False, "members": [column(name)]}
            for name, title in outline.scenarios.items()
        ),
        *(
            {"id": name, "title": name, "group": True, "members": [*members]}
            for name, members in program.groups.items()
        ),
    ]


def _describe_driver(name: str, path: int, program: Program, outline: Outline) -> dict[str, Any]:
    """A driver that can be observed: where it is carried, and its states in the order of the file."""
    node, part = program.nodes[name], outline.drivers[name]
    assert isinstance(node, CategoricalNode)
    states = [{"id": state, "number": node.states.index(state)} for state in part.states]
    return {"id": name, "title": part.title, "path": path, "states": states}


def _describe_weight(name: str, reading: CarriedReading) -> dict[str, Any]:
    """A weight, with the claims that it and what it multiplies rest on."""
    is_driver, known = name in reading.outline.drivers, reading.sources.claims
    parts = f"drivers.{name}.impacts.", f"drivers.{name}.weight.", f"rules.{name}."
    sources = (judged.sources for judged in reading.sources.judgements if f"{judged.path}.".startswith(parts))
    return {
        "id": name,
        "kind": "drivers" if is_driver else "rules",
        "title": reading.outline.drivers[name].title if is_driver else name.replace("_", " "),
        "claims": [*dict.fromkeys(claim for claims in sources for claim in claims if claim in known)],
    }


def _describe_claim(claim: str, sources: SourcesReport) -> dict[str, Any]:
    record = sources.claims[claim]
    document = sources.documents.get(record.document)
    title = document.title if document else record.document
    return {"text": record.claim, "document": "" if record.assumption else title}


def _describe_forecast(result: Simulation) -> dict[str, Any]:
    """The likelihoods of scenarios and groups, with the errors and bands that go with them."""
    parts: Mapping[str, ScenarioResult] = {**result.scenarios, **result.groups}
    return {
        "trials": result.run.trials,
        "seed": result.run.seed,
        "method": result.run.method,
        "judgements": result.run.judgements,
        "series": {name: _describe_series(part, (result.ahead or {}).get(name)) for name, part in parts.items()},
    }


def _describe_series(part: ScenarioResult, ahead: Ahead | None) -> dict[str, Any]:
    """The share of time and `ever` are those from the present step on, where evidence says which that is."""
    errors = part.standard_errors
    mean, ever, mean_error, ever_error = part.mean, part.ever, errors.mean, errors.ever
    if ahead is not None:
        mean, ever = ahead.share, ahead.ever
        mean_error, ever_error = ahead.standard_errors.share, ahead.standard_errors.ever
    return {
        "byStep": part.by_step,
        "mean": mean,
        "ever": ever,
        "errors": {"byStep": errors.by_step, "mean": mean_error, "ever": ever_error},
        "band": None if part.band is None else {"low": part.band.low, "high": part.band.high},
    }
