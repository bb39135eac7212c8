"""The items of an evidence file in a model: what they say of its states, in the order in which they were learned."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from usru_scenarios.language.query import ModelNames, parse_observation
from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.evidence import DEFAULT, EvidenceFile, EvidenceItem, Quiet, Resolution, Signpost, SoughtSign
from usru_scenarios.model.values import Judgement
from usru_scenarios.names import OUTCOME, KeyPath
from usru_scenarios.problems import ModelError, Problem, QueryError, list_choices, suggest_name
from usru_scenarios.program.conditions import Observation, VirtualEvidence, with_virtual_evidence
from usru_scenarios.program.draws import drawn_values
from usru_scenarios.program.events import All, Formula, Not, Some, Timed
from usru_scenarios.program.program import CategoricalNode, Floats, Program
from usru_scenarios.questions.evidence.remarks import remarks
from usru_scenarios.reading.evidence import EvidenceText
from usru_scenarios.reading.pydantic_errors import locate
from usru_scenarios.reading.yaml_scalars import span_within
from usru_scenarios.results.common import EvidenceUsed
from usru_scenarios.timeline import TimeError, parse_day

if TYPE_CHECKING:
    from usru_scenarios.model.outline import Outline
    from usru_scenarios.timeline import Grid


LikelihoodsByState = Mapping[str, tuple[KeyPath, Judgement]]
"""By state, the path of a judgement in the file and the judgement: how likely a sign is in the state."""


@dataclass(frozen=True)
class Hint:
    """Signs of the state of a node, each of which was found, or was not, at each of some steps.

    Attributes:
        node, steps: of what they are signs.
        signs: one or more.
        is_found: whether these are probabilities of signs that were found (True) or were looked for in vain (False);
            None where only their ratios count.
        sought_states: the state that each is a sign of; none where only ratios count.
    """

    node: str
    steps: range
    signs: tuple[LikelihoodsByState, ...]
    is_found: bool | None = None
    sought_states: tuple[str, ...] = ()

    def likelihood(self, states: tuple[str, ...], seed: int, draws: int) -> Floats:
        """The probability of the signs by state, shape (states,), or (draws, states) where judgements of it are drawn.

        Of ratios, the largest is taken for 1.
        """
        values = drawn_values(dict(located for sign in self.signs for located in sign.values()), seed, draws)
        by_sign = []
        for sign in self.signs:
            shares = np.stack(np.broadcast_arrays(*(values[sign[state][0]] for state in states)), axis=-1)
            if self.is_found is None:
                shares = shares / shares.max()
            by_sign.append(1.0 - shares if self.is_found is False else shares)
        return np.asarray(reduce(np.multiply, by_sign))

    @cached_property
    def mean_likelihoods(self) -> dict[str, float]:
        """How likely the signs are in each state at one of the steps, judgements taken at their means."""
        by_sign = [{state: judgement.mean for state, (_, judgement) in sign.items()} for sign in self.signs]
        return {
            state: math.prod(1.0 - sign[state] if self.is_found is False else sign[state] for sign in by_sign)
            for state in by_sign[0]
        }

    @property
    def likelihood_range(self) -> tuple[float, float]:
        """The least and the largest of these likelihoods."""
        return min(self.mean_likelihoods.values()), max(self.mean_likelihoods.values())

    @property
    def log_spread(self) -> float:
        """By how much the logarithms of the likelihoods differ over all steps, judgements taken at their means."""
        least, most = self.likelihood_range
        return math.inf if least <= 0.0 else len(self.steps) * math.log(most / least)


@dataclass(frozen=True)
class LearnedItem:
    """An item of an evidence file.

    Attributes:
        name: its id.
        text: what it says, in a line.
        learned: the day on which it became known.
        fact: an observation in the language of queries; None where there are hints.
        hints: signs of states, for each node that they are about.
        independence: the group of reports that it belongs to, if to any.
        sources: the claims that it rests on.
        title: for readers, if it has one.
    """

    name: str
    text: str
    learned: str
    fact: str | None = None
    hints: tuple[Hint, ...] = ()
    independence: str | None = None
    sources: tuple[str, ...] = ()
    title: str = ""

    @property
    def best_likelihood(self) -> float:
        """How likely it is in the states that fit best, which is far below 1 of many signs at many steps."""
        best = (max(hint.mean_likelihoods.values()) ** len(hint.steps) for hint in self.hints if hint.is_found is False)
        return math.prod(best)

    @property
    def log_spread(self) -> float:
        """How much it tells: see `Hint.log_spread`; a fact tells more than any hint."""
        return math.fsum(hint.log_spread for hint in self.hints) if self.hints else math.inf


@dataclass(frozen=True)
class Evidence:
    """What has been seen, held against a model.

    Attributes:
        name: of the file's content, as it says.
        path: of the file, as it was written.
        sha256: of what the file says.
        as_of: the day up to which it counts.
        now: the step of that day, or the nearest one of the grid.
        step: the label of that step.
        items: those that act, in the order in which they were learned; on one day, in the order of the file.
        passed_over: the ids of items that do not act, with the reason.
        resolutions: how questions of the model came out, of those that were known by that day.
        warnings: what is odd about it.
    """

    name: str
    path: str
    sha256: str
    as_of: str
    now: int
    step: str
    items: tuple[LearnedItem, ...]
    passed_over: Mapping[str, str] = field(default_factory=dict)
    resolutions: Mapping[str, Resolution] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def summary(self) -> EvidenceUsed:
        """How answers name it."""
        return EvidenceUsed(self.name, self.sha256, self.as_of, self.step, [item.name for item in self.items])

    def with_reports(self, program: Program, seed: int = 0) -> Program:
        """A program with an auxiliary node for the reports on each node: see `conditions.with_virtual_evidence`.

        Args:
            program: of the model, perhaps with draws of its judgements.
            seed: of the draws of uncertain likelihoods, of which there are as many.
        """
        return self._with_reports(program, seed)[0]

    def observations(self, program: Program, outline: Outline) -> tuple[Observation, ...]:
        """An observation for each item, in a program that `with_reports` has made.

        Raises:
            QueryError: an item means nothing in the program, as under a profile that takes a state away.
        """
        reports = iter(self._with_reports(program, 0)[1])
        observations = []
        for item in self.items:
            if item.fact is None:
                parts = tuple(islice(reports, sum(len(hint.steps) for hint in item.hints)))
                event: Formula = parts[0] if len(parts) == 1 else All(parts)
            else:
                event = parse_observation(item.fact, outline, program, source=item.name).event
            observations.append(Observation(event, f"{item.name} ({item.text})", item.name))
        return tuple(observations)

    def _with_reports(self, program: Program, seed: int) -> tuple[Program, list[Timed]]:
        reports = []
        for hint in (hint for item in self.items for hint in item.hints):
            node = program.nodes[hint.node]
            assert isinstance(node, CategoricalNode)
            likelihood = hint.likelihood(node.states, seed, program.draws)
            reports += [VirtualEvidence(hint.node, step, likelihood) for step in hint.steps]
        return with_virtual_evidence(program, reports)


def compile_evidence(
    text: EvidenceText,
    model: ModelNames,
    program: Program,
    questions: Collection[str] = (),
    signposts: Collection[str] = (),
    *,
    as_of: str | None = None,
    file_warnings: Sequence[Problem] = (),
) -> Evidence:
    """Read the items of an evidence file as what they say in a model.

    Args:
        text: the file.
        model: the model, or its outline.
        program: the same, compiled.
        questions: the ids of its questions.
        signposts: the scenarios, and states of drivers as `driver.state`, of which it has signposts.
        as_of: a day up to which it counts, not after the file's own; by default that.
        file_warnings: what is odd about the file before any item is read, which comes first.

    Raises:
        ModelError: the file has faults; with all of them.
        RequestError: the day is none, or after the file's own.
    """
    reader = _ItemReader(text, model, program, signposts)
    reader.check_resolutions(questions)
    items = [item for name, entry in text.file.evidence.items() if (item := reader.read_item(name, entry))]
    if reader.problems:
        raise ModelError([*file_warnings, *_sort_problems(reader.problems, text)])
    day = _cutoff_day(text.file, as_of)
    learned = sorted((item for item in items if item.learned <= day), key=lambda item: item.learned)
    strongest: dict[str | None, LearnedItem] = {}  # of each group of reports that draw on one another
    for item in sorted(learned, key=lambda item: -item.log_spread):
        strongest.setdefault(item.independence, item)
    passed_over = {item.name: f"learned on {item.learned}, after {day}" for item in items if item.learned > day}
    passed_over |= {
        item.name: f"of the group {item.independence}, of which {strongest[item.independence].name} tells more"
        for item in learned
        if item.independence is not None and strongest[item.independence] is not item
    }
    now = _step_of_day(day, program.grid)
    acting = tuple(item for item in learned if item.name not in passed_over)
    return Evidence(
        name=text.file.name,
        path=text.name,
        sha256=text.sha256,
        as_of=day,
        now=now,
        step=program.grid.labels[now],
        items=acting,
        passed_over=passed_over,
        resolutions={name: each for name, each in text.file.resolutions.items() if each.resolved <= day},
        warnings=(*file_warnings, *remarks(text, acting, reader.facts, program, day)),
    )


def _sort_problems(problems: list[Problem], text: EvidenceText) -> list[Problem]:
    """Each problem once, those of the file that was asked for first."""

    def order_key(problem: Problem) -> tuple[bool, str, int, int]:
        span = problem.span
        return (span.source != text.name, span.source, span.line, span.column) if span else (True, "", 0, 0)

    return sorted(dict.fromkeys(problems), key=order_key)


def _cutoff_day(file: EvidenceFile, as_of: str | None) -> str:
    """The day up to which a file counts."""
    if as_of is None:
        return file.as_of
    from usru_scenarios.settings import ArgumentError

    try:
        day = parse_day(as_of)
    except TimeError as error:
        raise ArgumentError(f"--as-of: {error}") from None
    if day > file.as_of:
        raise ArgumentError(
            f"--as-of {day} is after the file's own day, {file.as_of}", "what was seen since is not in it; see 'as_of'"
        )
    return day


def _step_of_day(day: str, grid: Grid) -> int:
    """The step in which a day lies; before the grid its first step, after it its last."""
    if not grid.months:
        return 0
    year, month, _ = day.split("-")
    return min(max((12 * int(year) + int(month) - 1 - grid.start) // grid.months, 0), grid.count - 1)


class _ItemReader:
    """Reads the items of a file in a program, and collects what is wrong with them."""

    def __init__(self, text: EvidenceText, model: ModelNames, program: Program, signposts: Collection[str]) -> None:
        self.text = text
        self.model = model
        self.program = program
        self.signposts = signposts
        self.problems = list(text.problems)
        self.facts: dict[str, Formula] = {}

    def read_item(self, name: str, item: EvidenceItem) -> LearnedItem | None:
        """An item as it was learned; None where it is at fault."""
        path, problems_before = ("evidence", name), len(self.problems)
        text, known_at = "", None
        hints: tuple[Hint, ...] = ()
        if item.seen is not None:
            text = " ".join(item.seen.split())
            if (event := self._parse_fact(item.seen, (*path, "seen"))) is not None:
                known_at = settled_at(event)
                self.facts[name] = event
        elif item.about is not None:
            hints = tuple(self._read_hint(item, path))
            text = f"a hint about {' '.join(item.about.split())}"
        elif item.signpost is not None:
            hints = tuple(self._read_signpost(item.signpost, (*path, "signpost")))
            found = "found" if item.signpost.found else "not found"
            text = f"a signpost of {item.signpost.of} {found} @ {item.signpost.at}"
        elif item.quiet is not None:
            hints = tuple(self._read_quiet(item.quiet, (*path, "quiet")))
            text = self._describe_quiet(item.quiet)
        known_at = hints[0].steps[-1] if hints else known_at
        if known_at is not None and not item.known_ahead:
            self._check_learned_day(item.learned, known_at, path)
        if len(self.problems) > problems_before:
            return None
        return LearnedItem(
            name,
            text,
            item.learned,
            fact=item.seen,
            hints=hints,
            independence=item.independence,
            sources=item.sources or (),
            title=item.title or "",
        )

    def check_resolutions(self, known: Collection[str]) -> None:
        """Check that what came out are questions of the model."""
        for name in self.text.file.resolutions:
            if name not in known:
                hint = suggest_name(name, known) or list_choices(known) or "the model has no questions"
                span = locate(self.text.tree.place, ("resolutions", name))[0].key_span()
                self.problems.append(Problem("unknown_question", f"unknown question '{name}'", span, hint))

    def _check_learned_day(self, learned: str, step: int, path: KeyPath) -> None:
        """An item is learned once the step has begun that it is about."""
        first = self.program.grid.first_day(step)
        if first is not None and learned < first:
            message = f"this is about {self.program.grid.labels[step]}, which begins on {first}, and was learned before"
            hint = f"write {first} or a later day, or 'known_ahead: true' of what was known in advance"
            self._report("learned_early", message, (*path, "learned"), hint)

    def _parse_fact(self, text: str, path: KeyPath) -> Formula | None:
        try:
            return parse_observation(text, self.model, self.program, source="seen").event
        except QueryError as error:
            problem, place = error.problem, locate(self.text.tree.place, path)[0]
            if problem.span is not None:
                start = problem.span.column - 1 if problem.span.line == 1 else 0
                problem = replace(problem, span=span_within(place, text, start, start + problem.span.width))
            self.problems.append(problem)
            return None

    def _read_hint(self, item: EvidenceItem, path: KeyPath) -> Iterator[Hint]:
        assert item.about is not None
        assert item.likelihood is not None
        name, at, time = item.about.partition("@")
        if not at:
            message = "a hint says at which step it is about the node"
            example = f"such as {name.strip()} @ {self.program.grid.labels[0]}"
            self._report("needs_time", message, (*path, "about"), example)
            return
        node = self._find_node(name.strip(), (*path, "about"))
        step = self._parse_step(time.strip(), (*path, "about"))
        if node is None:
            return
        likelihood = item.likelihood
        for state in likelihood:
            if state not in node.states and state != DEFAULT:
                hint = suggest_name(state, (*node.states, DEFAULT)) or list_choices(node.states)
                message = f"'{name.strip()}' has no state '{state}'"
                self._report("unknown_state", message, (*path, "likelihood", state), hint, of_key=True)
        missing = [state for state in node.states if state not in likelihood]
        if missing and DEFAULT not in likelihood:
            message = f"nothing says how likely this is where '{name.strip()}' is {' or '.join(missing)}"
            self._report("missing_likelihood", message, (*path, "likelihood"), "'default: 1' stands for all others")
        if step is None:
            return
        keys = {state: state if state in likelihood else DEFAULT for state in node.states}
        by_state = {
            state: ((*path, "likelihood", key), likelihood[key]) for state, key in keys.items() if key in likelihood
        }
        yield Hint(node.name, range(step, step + 1), (by_state,))

    def _read_signpost(self, sign: Signpost, path: KeyPath) -> Iterator[Hint]:
        step = self._parse_step(sign.at, (*path, "at"))
        state_of = self._find_state(sign.of, (*path, "of"))
        if {sign.if_so.mean, sign.if_not.mean} == {0.0 if sign.found else 1.0}:
            when = "never" if sign.found else "always"
            self._report("impossible_sign", f"this can't be: the probabilities say that the sign is {when} there", path)
        if state_of is not None and step is not None:
            node, state = state_of
            if_so, if_not = ((*path, "if_so"), sign.if_so), ((*path, "if_not"), sign.if_not)
            by_state = _likelihoods_by_state(node, state, if_so, if_not)
            yield Hint(node.name, range(step, step + 1), (by_state,), sign.found, (state,))

    def _read_quiet(self, quiet: Quiet, path: KeyPath) -> Iterator[Hint]:
        """Signs that were not found, of each node in the order in which it is named."""
        steps = self._read_span(quiet, path)
        signs: dict[str, list[tuple[LikelihoodsByState, str]]] = {}
        for sign, place in self._sought_signs(quiet, path):
            if (state_of := self._find_state(sign.of, place)) is None:
                continue
            node, state = state_of
            if_so, if_not = self._sign_probabilities(sign, quiet, place, path, is_sure=node.name != OUTCOME)
            if if_so is not None and if_not is not None:
                by_state = _likelihoods_by_state(node, state, if_so, if_not)
                signs.setdefault(node.name, []).append((by_state, state))
        for name, signs_of_node in signs.items():
            likelihoods, states = zip(*signs_of_node, strict=True)
            hint = Hint(name, steps, likelihoods, is_found=False, sought_states=states)
            if not any(hint.mean_likelihoods.values()):
                message = f"this can't be: whatever the state of '{name}', a sign would have been found"
                self._report("impossible_sign", message, path, "say how likely one is missed: 'if_so' below 1")
            if steps:
                yield hint

    def _describe_quiet(self, quiet: Quiet) -> str:
        named = self.signposts if quiet.of is None else [sign.of for sign in quiet.of]
        what = " or ".join(named) if len(named) <= _MOST_NAMED else f"{len(named)} states"
        return f"no sign of {what} @ {quiet.first}..{quiet.to}"

    def _sought_signs(self, quiet: Quiet, path: KeyPath) -> Iterator[tuple[SoughtSign, KeyPath]]:
        """The signs of a span, with their places."""
        if quiet.of is not None:
            yield from ((sign, (*path, "of", number)) for number, sign in enumerate(quiet.of))
            return
        lacking = [key for key in ("if_so", "if_not") if getattr(quiet, key) is None]
        if lacking or not self.signposts:
            message, hint = "the model has no signposts", "name the states that were looked for: 'of: [...]'"
            if self.signposts:
                message = "without 'of' this is about all signposts of the model, of which it is to be said how likely"
                message += " each is found"
                hint = f"add {' and '.join(map(repr, lacking))}, or 'of' with the states that were looked for"
            self._report("missing_likelihood", message, path, hint)
            return
        yield from ((SoughtSign(of=of), path) for of in self.signposts)

    def _sign_probabilities(
        self, sign: SoughtSign, quiet: Quiet, place: KeyPath, path: KeyPath, *, is_sure: bool
    ) -> tuple[_LocatedJudgement | None, _LocatedJudgement | None]:
        """How likely a sign is found where its state holds, and elsewhere: its own, that of all, or for certain."""
        located: dict[str, _LocatedJudgement | None] = {}
        for key, default in (("if_so", _ALWAYS), ("if_not", _NEVER)):
            choices: list[tuple[KeyPath, Judgement | None]] = [
                ((*place, key), getattr(sign, key)),
                ((*path, key), getattr(quiet, key)),
                ((*place, key), default if is_sure else None),
            ]
            located[key] = next(((path, judgement) for path, judgement in choices if judgement is not None), None)
        if lacking := [repr(key) for key, found in located.items() if found is None]:
            message = f"nothing says how likely a sign of '{sign.of}' is found"
            hint = f"add {' and '.join(lacking)}: a scenario is known by signs alone, and none of them is sure"
            self._report("missing_likelihood", message, place, hint)
        return located["if_so"], located["if_not"]

    def _read_span(self, quiet: Quiet, path: KeyPath) -> range:
        """The steps of a span; none where it is at fault."""
        first, last = self._parse_steps(quiet.first, (*path, "from")), self._parse_steps(quiet.to, (*path, "to"))
        if first is None or last is None:
            return range(0)
        if last[-1] < first[0]:
            hint = f"write from: {quiet.to}, to: {quiet.first}"
            self._report("empty_span", f"{quiet.to} is before {quiet.first}", (*path, "to"), hint)
        return range(first[0], last[-1] + 1)

    def _find_state(self, of: str, path: KeyPath) -> tuple[CategoricalNode, str] | None:
        """A node and the state of it that a sign is of: a scenario, or `driver.state`."""
        name, dot, state = (part.strip() for part in of.replace("=", ".", 1).partition("."))
        if not dot:
            name, state = OUTCOME, name
        node = self._find_node(name, path) if dot else self.program.outcome
        if node is not None and state not in node.states:
            driver_hint = "" if dot else self._suggest_driver(state)
            hint = driver_hint or suggest_name(state, node.states) or list_choices(node.states)
            message = f"there is no scenario '{state}'" if node.name == OUTCOME else f"'{name}' has no state '{state}'"
            self._report("unknown_state", message, path, hint)
            return None
        return None if node is None else (node, state)

    def _find_node(self, name: str, path: KeyPath) -> CategoricalNode | None:
        """A node with states."""
        known = self.program.model_nodes
        if name not in known:
            message, hint = f"unknown name '{name}'", suggest_name(name, known) or list_choices(known)
            if name in self.program.outcome.states or name in self.program.groups:
                hint = f"a hint is about a node with all its states: write {OUTCOME}"
            self._report("unknown_name", message, path, hint)
            return None
        node = self.program.nodes[name]
        if not isinstance(node, CategoricalNode):
            hint = 'state what is known of it as a fact: seen: "' + name + ' > 0.5 @ ..."'
            self._report("numeric_hint", f"'{name}' is a number and has no states", path, hint)
            return None
        return node

    def _suggest_driver(self, state: str) -> str:
        """How a state is written that stands without its driver."""
        nodes = {name: self.program.nodes[name] for name in self.program.model_nodes}
        drivers = [name for name, node in nodes.items() if isinstance(node, CategoricalNode) and state in node.states]
        return f"write {' or '.join(f'{name}.{state}' for name in drivers[:3])}" if drivers else ""

    def _parse_step(self, time: str, path: KeyPath) -> int | None:
        steps = self._parse_steps(time, path)
        if steps is None:
            return None
        if len(steps) > 1:
            example = self.program.grid.labels[steps[0]]
            self._report("time", f"{time} has {len(steps)} steps, and this is about one", path, f"such as {example}")
            return None
        return steps[0]

    def _parse_steps(self, time: str, path: KeyPath) -> range | None:
        try:
            return self.program.grid.steps_of_moment(time)
        except TimeError as error:
            self._report("time", str(error), path)
            return None

    def _report(self, code: str, message: str, path: KeyPath, hint: str = "", *, of_key: bool = False) -> None:
        place, _ = locate(self.text.tree.place, path)
        self.problems.append(Problem(code, message, place.key_span() if of_key else place.span(), hint))


_MOST_NAMED = 3
"""So many states are named of which no sign was found; more are counted."""

_LocatedJudgement = tuple[KeyPath, Judgement]
"""The path of a probability in the file, and the probability."""

_ALWAYS, _NEVER = Judgement(value=1.0), Judgement(value=0.0)


def _likelihoods_by_state(
    node: CategoricalNode, sought_state: str, if_so: _LocatedJudgement, if_not: _LocatedJudgement
) -> LikelihoodsByState:
    return {state: if_so if state == sought_state else if_not for state in node.states}


def settled_at(event: Formula, *, holds: bool = True) -> int:
    """The first step by which it can be known that an event holds, or that it does not; -1 where it always does."""
    match event:
        case Timed(mode, steps):
            at_once = mode == ("ever" if holds else "always")
            return steps[0] if at_once else steps[-1]
        case Not(part):
            return settled_at(part, holds=not holds)
        case All(parts) | Some(parts):
            last_or_first = max if isinstance(event, All) == holds else min
            return last_or_first((settled_at(part, holds=holds) for part in parts), default=-1)
    raise ValueError("an event's atoms stand within a time")
