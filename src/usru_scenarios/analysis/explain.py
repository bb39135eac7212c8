"""Why does a scenario come true, and what would have to be true for it?

Three answers: what each part of the model gives to it directly (`direct`), which states of the drivers go together with
it (`telling`), and the likeliest story (`journeys` finds a typical path, `story` tells it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from usru_scenarios.analysis.direct import Contrast, shares
from usru_scenarios.analysis.journeys import Traveller
from usru_scenarios.analysis.story import Teller
from usru_scenarios.analysis.telling import telling_numbers, telling_states
from usru_scenarios.language.questions import Intervention
from usru_scenarios.language.text import Text
from usru_scenarios.meaning.program import Program
from usru_scenarios.model import Model
from usru_scenarios.problems import ImpossibleEvidence, listing, suggestion
from usru_scenarios.reading.loading import Loaded
from usru_scenarios.reading.provenance import judgements
from usru_scenarios.reading.register import Register
from usru_scenarios.results.explanation import DirectShares, Explanation, Story, TellingState
from usru_scenarios.results.run import ModelLine, Run, warned
from usru_scenarios.sampler.engine import MapBlocks, Plan
from usru_scenarios.sampler.estimates import ratio
from usru_scenarios.settings import RunSettings
from usru_scenarios.timeline import TimeError
from usru_scenarios.version import __version__


@dataclass(frozen=True)
class Target:
    """What is to be explained: a scenario or group, the scenarios that it means, and the step."""

    name: str
    members: tuple[int, ...]
    step: int


def parse_target(question: str, program: Program) -> Target:
    """Read `SCENARIO` or `SCENARIO @ TIME`; without a time, the last step is meant.

    Raises:
        QueryError: there is no such scenario or group, or the time is not one step of the grid.
    """
    text = Text(question, "explain")
    name, at, time = question.partition("@")
    start = len(name) - len(name.lstrip())
    known = {state: (number,) for number, state in enumerate(program.outcome.states)} | dict(program.groups)
    if name.strip() not in known:
        message = f"'{name.strip()}' is no scenario and no group of scenarios"
        hint = suggestion(name.strip(), known) or listing(known)
        raise text.error("unknown_name", message, start, len(name.rstrip()), hint)
    step = _step(text, time, len(name) + 1, program) if at else program.steps - 1
    return Target(name.strip(), known[name.strip()], step)


def _step(text: Text, time: str, offset: int, program: Program) -> int:
    start = offset + len(time) - len(time.lstrip())
    end = max(offset + len(time.rstrip()), start + 1)
    try:
        steps = program.grid.moment(time.strip())
    except TimeError as error:
        raise text.error("time", str(error), start, end, "write a step, such as @ end") from None
    if len(steps) > 1:
        labels = [program.grid.labels[step] for step in steps]
        message = f"'{time.strip()}' has {len(steps)} steps, and one is explained at a time"
        raise text.error("time", message, start, end, listing(labels))
    return steps[0]


def explain(
    loaded: Loaded,
    program: Program,
    question: str,
    settings: RunSettings,
    *,
    do: Sequence[Intervention] = (),
    map_blocks: MapBlocks = map,
) -> Explanation:
    """Explain a scenario at a step.

    Args:
        loaded: the model and where it came from.
        program: the model, compiled, without the interventions.
        question: `SCENARIO` or `SCENARIO @ TIME`.
        settings: how many worlds to draw, and the seed.
        do: interventions under which it is explained.
        map_blocks: as in `engine.simulate`.

    Raises:
        QueryError: the question makes no sense in this model.
        ImpossibleEvidence: the scenario never comes true at that step.
    """
    target = parse_target(question, program)
    for intervention in do:
        program = intervention.on(program)
    inquiry = _Inquiry(loaded, program, target, Plan(settings.trials, settings.seed), map_blocks)
    return inquiry.explanation([intervention.text for intervention in do])


class _Inquiry:
    """One scenario at one step of one program, which is cut off after that step."""

    def __init__(self, loaded: Loaded, program: Program, target: Target, plan: Plan, map_blocks: MapBlocks) -> None:
        self.loaded = loaded
        self.full = program
        self.target = target
        self.plan = plan
        self.map_blocks = map_blocks
        self.judged = {judged.path: judged for judged in judgements(loaded.model)}
        self.program = replace(program, grid=replace(program.grid, count=target.step + 1))
        self.contrast = Contrast(self.model, self.program, target.members, self.judged)
        self.traveller = Traveller(self.program, frozenset(self.model.drivers), self.contrast, plan)

    @property
    def model(self) -> Model:
        return self.loaded.model

    @property
    def step(self) -> str:
        return self.full.grid.labels[self.target.step]

    def explanation(self, do: list[str]) -> Explanation:
        """Walk the worlds and say what they say."""
        sums = self.traveller.survey(self.map_blocks)
        if not sums.true.any():
            raise ImpossibleEvidence(
                f"there is nothing to explain: {self.target.name} @ {self.step} comes true in none of "
                f"{self.plan.trials:,} worlds"
            )
        states, weights = self.program.outcome.states, (sums.worlds, sums.true)
        members = [states[member] for member in self.target.members]
        chance = ratio(sums.true, sums.worlds)
        direct = shares(self.contrast, states, sums.parts, weights) if self.contrast.parts else None
        tellings = sums.tellings
        telling = telling_states(self.model, self.traveller.readings, tellings, members, self.judged)
        found = self.traveller.typical(sums, self.map_blocks)
        story = None
        if found is not None:
            path = self.traveller.write_down(found)
            teller = Teller(self.model, self.program, self.traveller.readings, self.judged, path)
            story = teller.story(found.agreement)
        return Explanation(
            model=ModelLine(self.model.name, self.model.title, self.loaded.sha256),
            run=self._run(do),
            scenario=self.target.name,
            title=self._title(),
            step=self.step,
            probability=float(chance.value),
            standard_error=float(chance.error),
            direct=direct,
            states=telling,
            numbers=list(telling_numbers(self.model, tellings)),
            story=story,
            claims=_claims(self.loaded.register or Register(), direct, telling, story),
            note=self.contrast.missing,
            warnings=[warned(problem) for problem in self.loaded.warnings],
        )

    def _title(self) -> str:
        scenario = self.model.scenarios.get(self.target.name)
        return (scenario.title if scenario is not None else None) or self.target.name

    def _run(self, do: list[str]) -> Run:
        return Run(
            trials=self.plan.trials,
            seed=self.plan.seed,
            method="sample",
            steps=list(self.full.grid.labels),
            profile=self.loaded.profile,
            weights={name: float(self.full.weights[name].mean()) for name in self.model.drivers},
            do=do,
            given=[],
            effective_trials=float(self.plan.trials),
            judgements_at_means=len(self.loaded.outline.uncertain),
            usru_version=__version__,
        )


def _claims(
    register: Register, direct: DirectShares | None, states: Iterable[TellingState], story: Story | None
) -> dict[str, str]:
    """What the cited claims say, in the order in which they are cited."""
    cited = dict.fromkeys(_cited(direct, states, story))
    return {claim: " ".join(register.claims[claim].claim.split()) for claim in cited if claim in register}


def _cited(direct: DirectShares | None, states: Iterable[TellingState], story: Story | None) -> Iterator[str]:
    for part in direct.parts if direct else ():
        for cell in part.cells:
            yield from cell.sources
    for state in states:
        for points in state.points:
            yield from points.sources
    for moment in story.moments if story else ():
        for event in moment.events:
            yield from event.sources
        for rule in moment.rules:
            yield from rule.sources
        for change in moment.changes:
            for push in change.pushes:
                yield from push.sources
