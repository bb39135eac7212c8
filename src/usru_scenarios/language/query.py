"""The language of queries: what a statement, an assignment or an observation means in a model (format, section 9).

A probability is lowered to cases that engines answer: each is the probability of one event on paths, perhaps given
another, in a program with interventions. What is asked over a range has one case for each step; the answer is their
average or, with `each`, is compared step by step. `text` knows how the language is written, `questions` what
becomes of the answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn, Protocol

from usru_scenarios.language import tree
from usru_scenarios.language.event_times import Binding, MixedTimesError, bind_time, is_event, join_parts
from usru_scenarios.language.questions import Case, ComparisonStatement, Probability, Statement, conjunction
from usru_scenarios.language.text import read_assignment, read_observation, read_statement
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.program.conditions import Intervention, Observation
from usru_scenarios.program.events import COMPARISONS, All, Compared, Formula, InStates, Not, Some
from usru_scenarios.program.program import CategoricalNode, Node, NumericNode, Program
from usru_scenarios.source_text import SourceText
from usru_scenarios.timeline import TimeError


class ModelNames(Protocol):
    """What can be named beside the nodes of a program: of a model or of its outline, the ids."""

    @property
    def profiles(self) -> Collection[str]:
        """The profiles."""

    @property
    def rules(self) -> Collection[str]:
        """The rules."""


def parse_statement(
    text: str,
    model: ModelNames,
    program: Program,
    *,
    source: str = "query",
    in_profile: Callable[[str], Program] | None = None,
) -> Statement:
    """Read a statement: arithmetic over probabilities, or comparisons of it.

    Args:
        text: the statement.
        model: whose profiles may be named; its outline will do.
        program: the compiled model, with the interventions in which everything is to be read.
        source: what to call the text in messages.
        in_profile: gives the program under a profile. A profile may change what there is to ask about; without this
            argument, it is taken not to.

    Raises:
        QueryError: the text can't be read, or says what has no meaning in this model.
    """
    source_text = SourceText(source, text)
    chain = read_statement(source_text)
    reader = _StatementReader(
        source_text, model, program, in_profile or (lambda _: program), compared=bool(chain.signs)
    )
    parts = tuple(tree.map_leaves(part, reader.probability) for part in chain.parts)
    return ComparisonStatement(parts, chain.signs, reader.each) if chain.signs else parts[0]


def parse_expectation(
    text: str,
    model: ModelNames,
    program: Program,
    *,
    source: str = "expectation",
    in_profile: Callable[[str], Program] | None = None,
) -> ComparisonStatement:
    """Read a statement that holds or fails: a comparison.

    Raises:
        QueryError: as for `parse_statement`, or nothing is compared.
    """
    statement = parse_statement(text, model, program, source=source, in_profile=in_profile)
    if isinstance(statement, ComparisonStatement):
        return statement
    hint = "compare with < <= > >=, such as P(reset @ end) > 0.2"
    raise SourceText(source, text).error("no_comparison", "an expectation says what must hold", 0, len(text), hint)


def parse_question(
    text: str, model: ModelNames, program: Program, *, in_profile: Callable[[str], Program] | None = None
) -> Probability:
    """Read what a dated question means: the probability of one event that will be seen to come true or not.

    Raises:
        QueryError: as for `parse_statement`, or it is no single probability, an average over steps, or one that holds
            under an intervention or a profile.
    """
    statement = parse_statement(text, model, program, source="question", in_profile=in_profile)
    if not isinstance(statement, Probability):
        code, message = "no_single_probability", "a question means one probability, without arithmetic or a comparison"
        hint = "such as P(reset @ ever 2027-Q1..2027-Q2)"
    elif statement.interventions or statement.profile is not None:
        code, message = "never_seen", "what happens under an intervention or a profile will never be seen"
        hint = "leave it out, or observe it with its time: P(a @ end | b=c @ start)"
    elif len(statement.cases) > 1:
        code, message = "average_of_steps", "an average over steps is no event that comes true or does not"
        hint = "say at which step, or ever, always or by: P(reset @ ever 2027-Q1..2027-Q2)"
    else:
        return statement
    raise SourceText("question", text).error(code, message, 0, len(text), hint)


def parse_assignment(text: str, model: ModelNames, program: Program) -> Intervention:
    """Read `DRIVER=STATE[@TIME]`, as within `do( )`.

    Args:
        text: the assignment.
        model: the model, or its outline.
        program: the compiled model. Interventions that hold in it already may not be overlapped by this one.

    Raises:
        QueryError: the text can't be read, or says what has no meaning in this model.
    """
    source_text = SourceText("--do", text)
    return _QueryReader(source_text, model, program).intervention(read_assignment(source_text), program)


def parse_observation(text: str, model: ModelNames, program: Program, *, source: str = "--given") -> Observation:
    """Read `DRIVER=STATE@TIME`, or any other event whose parts all have a time.

    Raises:
        QueryError: the text can't be read, has no meaning in this model, or leaves a time out.
    """
    source_text = SourceText(source, text)
    observed = read_observation(source_text)
    event = _QueryReader(source_text, model, program).formula(observed.event)
    if not is_event(event):
        hint = f"{_SAY_WHEN}; only within P( | ) there is an event whose time it can share"
        raise source_text.error("needs_time", "what is given must say its time", observed.start, observed.end, hint)
    return Observation(event, source_text.text_between(observed.start, observed.end))


_SAY_WHEN = "add for instance @ start, @ 2025-06, @ by 2026, @ ever or @ always"


@dataclass
class _StatementReader:
    """Lowers the questions of one statement and sees to it that they fit together."""

    text: SourceText
    model: ModelNames
    program: Program
    in_profile: Callable[[str], Program]
    compared: bool
    each: range | None = None

    def probability(self, question: tree.QueriedProbability) -> Probability:
        profile = self._profile_name(
            [part.name for part in question.conditions if isinstance(part, tree.ProfileCondition)]
        )
        program = self.program if profile is None else self.in_profile(profile)
        reading = _QueryReader(self.text, self.model, program)
        imposed: list[Intervention] = []
        for part in question.conditions:
            if isinstance(part, tree.Imposed):
                intervention = reading.intervention(part, program)
                imposed.append(intervention)
                program = intervention.apply(program)
        observed = [part for part in question.conditions if isinstance(part, tree.Observed)]
        return Probability(
            text=self.text.text_between(question.start, question.end),
            cases=tuple(reading.cases(question.event, observed)),
            interventions=tuple(imposed),
            profile=profile,
            observed=tuple(self.text.text_between(part.start, part.end) for part in observed),
            each=self._is_at_each_step(question.event, reading),
        )

    def _profile_name(self, names: list[tree.Word]) -> str | None:
        for name in names:
            known = self.model.profiles
            if name.text not in known:
                hint = suggest_name(name.text, known) or list_choices(known) or "the model has no profiles"
                raise self.text.error("unknown_name", f"unknown profile '{name.text}'", name.start, name.end, hint)
        if len(names) > 1:
            raise self.text.error("overlap", "a probability has one profile", names[1].start, names[1].end)
        return names[0].text if names else None

    def _is_at_each_step(self, event: tree.QueryEvent, reading: _QueryReader) -> bool:
        if not isinstance(event, tree.TimedEvent) or event.when.mode != "each":
            return False
        when, steps = event.when, reading.steps(event.when)
        if not self.compared:
            hint = "compare it: P(reset @ each) > 0.1; or write a range for the average"
            raise self.text.error("each", "'each' has a meaning in a comparison only", when.start, when.end, hint)
        if self.each not in (None, steps):
            message = "the times with 'each' of one comparison must be the same"
            raise self.text.error("each", message, when.start, when.end)
        self.each = steps
        return True


class _QueryReader:
    """Reads events, times and names of one text in one program."""

    def __init__(self, text: SourceText, model: ModelNames, program: Program) -> None:
        self.text = text
        self.model = model
        self.program = program

    def _refuse(
        self, code: str, message: str, at: tree.Word | tree.QueryTime | tree.Observed | tree.Imposed, hint: str = ""
    ) -> NoReturn:
        raise self.text.error(code, message, at.start, at.end, hint)

    # Times ------------------------------------------------------------------------------------------------------------

    def steps(self, when: tree.QueryTime) -> range:
        """The steps that a time names, however they are to be read."""
        grid = self.program.grid
        first = range(grid.count) if when.first is None else self._steps_of_moment(when.first)
        if not when.is_range:
            return first
        last = range(grid.count) if when.last is None else self._steps_of_moment(when.last)
        if first.start >= last.stop:
            self._refuse("time", "this range ends before it starts", when)
        return range(first.start, last.stop)

    def _steps_of_moment(self, word: tree.Word) -> range:
        try:
            return self.program.grid.steps_of_moment(word.text)
        except TimeError as error:
            message = str(error)
        return self._refuse("time", message, word)

    def _binding_of(self, when: tree.QueryTime) -> tuple[Binding, range]:
        """How a time is read that makes its event true or false of a whole path."""
        steps = self.steps(when)
        if when.mode == "each":
            self._refuse("time", "'each' belongs to the whole event of a probability", when, "write ever or always")
        if when.mode != "plain":
            return when.mode, steps
        if when.is_range or len(steps) > 1:
            written = self.text.text_between(when.start, when.end)
            extent = "" if written == "mean" else f" {written}"
            hint = f"write 'ever{extent}' or 'always{extent}'"
            self._refuse("time", "over several steps, say whether at some of them or at all", when, hint)
        return "at", steps

    # Events -----------------------------------------------------------------------------------------------------------

    def cases(self, event: tree.QueryEvent, observed: list[tree.Observed]) -> Iterator[Case]:
        """The event and what is observed, at every step that the event is asked about."""
        given = [self.formula(part.event) for part in observed]
        for formula, step in self._formulas_by_step(event):
            if step is not None:
                events = [_bind_at_step(event_given, step) for event_given in given]
            else:
                events = given
                self._refuse_timeless(observed, given)
            yield Case(formula, conjunction(events), step)

    def _refuse_timeless(self, observed: list[tree.Observed], given: list[Formula]) -> None:
        """Refuse observations that would have to be read at the event's step, where it has none."""
        for part, evidence in zip(observed, given, strict=True):
            if not is_event(evidence):
                message = "the event is about no single step, so what is observed must say its time"
                self._refuse("needs_time", message, part, _SAY_WHEN)

    def _formulas_by_step(self, event: tree.QueryEvent) -> Iterator[tuple[Formula, int | None]]:
        """The event with a time for all its atoms, and the step at which it is read if there is one."""
        if isinstance(event, tree.TimedEvent):
            formula, steps = self._untimed_formula(event), self.steps(event.when)
            if event.when.mode in ("ever", "always"):
                yield self._timed_formula(formula, event.when), None
                return
        else:
            formula, steps = self.formula(event), range(self.program.steps)
            if is_event(formula):
                yield formula, None
                return
        for step in steps:
            yield _bind_at_step(formula, step), step

    def formula(self, event: tree.QueryEvent) -> Formula:
        """An event as a formula; atoms without a time are left so."""
        match event:
            case tree.ScenarioName(name):
                return InStates(OUTCOME, self._scenario_indices(name))
            case tree.Equal(node, value):
                return self._state_formula(node, value)
            case tree.NumberComparison():
                return self._comparison_formula(event)
            case tree.NegatedEvent(part):
                return Not(self.formula(part))
            case tree.JoinedEvents(word, parts):
                return join_parts(All if word == "and" else Some, [self.formula(part) for part in parts])
            case tree.TimedEvent():
                return self._timed_formula(self._untimed_formula(event), event.when)

    def _untimed_formula(self, event: tree.TimedEvent) -> Formula:
        """What a time stands after, which must leave it something to bind."""
        formula = self.formula(event.part)
        if is_event(formula):
            self._refuse("time", "this time binds nothing: all before it has times of its own", event.when)
        return formula

    def _timed_formula(self, formula: Formula, when: tree.QueryTime) -> Formula:
        mode, steps = self._binding_of(when)
        try:
            return bind_time(formula, mode, steps)
        except MixedTimesError:
            written = self.text.text_between(when.start, when.end)
            message = f"'{written}' can't be read over this mixture of parts with and without a time"
        return self._refuse("time", message, when, "give every part a time of its own")

    # Names ------------------------------------------------------------------------------------------------------------

    def _scenario_indices(self, name: tree.Word) -> frozenset[int]:
        """The scenarios that a scenario or group means, by index."""
        outcome, groups = self.program.outcome, self.program.groups
        if name.text in outcome.states:
            return frozenset([outcome.states.index(name.text)])
        if name.text in groups:
            return frozenset(groups[name.text])
        node = self.program.nodes.get(name.text)
        if isinstance(node, CategoricalNode):
            what = "the outcome" if name.text == OUTCOME else f"a {node.role}"
            hint = f"write {name.text}=state, {list_choices(node.states)}"
            self._refuse("unknown_name", f"'{name.text}' is {what}, not a scenario", name, hint)
        if node is not None:
            hint = f"compare it: {name.text}>{_middle_of_scale(node):g}"
            self._refuse("unknown_name", f"'{name.text}' is a number, not a scenario", name, hint)
        self._refuse_rule(name)
        known = [*outcome.states, *groups]
        hint = self._suggest_driver(name) or suggest_name(name.text, known) or list_choices(known)
        return self._refuse("unknown_name", f"unknown scenario '{name.text}'", name, hint)

    def _suggest_driver(self, name: tree.Word) -> str:
        """The hint for a state that is named without its driver."""
        states = [
            f"{node.name}={name.text}"
            for node in self.program.nodes.values()
            if isinstance(node, CategoricalNode) and name.text in node.states
        ]
        return f"write {' or '.join(states[:4])}" if states else ""

    def _refuse_rule(self, name: tree.Word) -> None:
        if name.text in self.model.rules:
            self._refuse(
                "unknown_name", f"'{name.text}' is a rule, which has no states", name, "ask about its conditions"
            )

    def _node(self, name: tree.Word) -> Node:
        node = self.program.nodes.get(name.text)
        if node is not None:
            return node
        outcome, groups = self.program.outcome, self.program.groups
        if name.text in outcome.states or name.text in groups:
            what = "scenario" if name.text in outcome.states else "group of scenarios"
            self._refuse("unknown_name", f"'{name.text}' is a {what}", name, f"write {name.text} alone")
        self._refuse_rule(name)
        known = sorted(self.program.nodes)
        hint = suggest_name(name.text, known) or list_choices(known)
        return self._refuse("unknown_name", f"unknown driver '{name.text}'", name, hint)

    def _state_formula(self, name: tree.Word, value: tree.Word) -> InStates:
        node = self._node(name)
        if isinstance(node, CategoricalNode):
            return InStates(name.text, frozenset([self._state_index(node, value)]))
        number = _parse_finite_number(value)
        hint = f"compare it: {name.text}>{_middle_of_scale(node) if number is None else number:g}"
        return self._refuse("not_categorical", f"'{name.text}' is a number and is observed by comparison", name, hint)

    def _state_index(self, node: CategoricalNode, value: tree.Word) -> int:
        if value.text in node.states:
            return node.states.index(value.text)
        near = suggest_name(value.text, node.states)
        hint = f"{near} {list_choices(node.states)}".strip()
        what = "scenario" if node.name == OUTCOME else f"state of '{node.name}'"
        return self._refuse("unknown_state", f"unknown {what}: '{value.text}'", value, hint)

    def _comparison_formula(self, comparison: tree.NumberComparison) -> Compared:
        name, node = comparison.node, self._node(comparison.node)
        if isinstance(node, CategoricalNode):
            hint = f"write {name.text}=state, {list_choices(node.states)}"
            self._refuse("not_numeric", f"'{name.text}' has states, not numbers", name, hint)
        atom = Compared(name.text, comparison.sign, comparison.value)
        low, high = node.scale.low, node.scale.high
        if not any(COMPARISONS[atom.sign](end, atom.value) for end in (low, high)):
            message = f"'{name.text}' goes from {low:g} to {high:g}, so it is never {atom.sign} {comparison.bound.text}"
            self._refuse("off_scale", message, comparison.bound)
        return atom

    # Interventions ----------------------------------------------------------------------------------------------------

    def intervention(self, imposed: tree.Imposed, program: Program) -> Intervention:
        """What is imposed, which must leave alone what is imposed in `program` already."""
        event, steps = imposed.event, range(self.program.steps)
        if isinstance(event, tree.TimedEvent):
            steps = self._intervention_steps(event.when)
            event = event.part
        node, value = self._target(event, imposed)
        for step in steps:
            if _is_imposed(program.nodes[node], step):
                message = f"'{node}' is already set at {program.grid.labels[step]}"
                self._refuse("overlap", message, imposed, "two interventions on one node can't overlap")
        return Intervention(node, value, steps, self.text.text_between(imposed.start, imposed.end))

    def _intervention_steps(self, when: tree.QueryTime) -> range:
        """The steps at which an intervention holds."""
        if when.mode != "plain" or (when.first is None and when.last is None):
            written = self.text.text_between(when.start, when.end)
            hint = "name a step or a range, or leave the time out for all steps"
            self._refuse("time", f"an intervention can't hold '{written}'", when, hint)
        return self.steps(when)

    def _target(self, event: tree.QueryEvent, imposed: tree.Imposed) -> tuple[str, str | float]:
        match event:
            case tree.Equal(name, value):
                node = self._node(name)
                if isinstance(node, NumericNode):
                    return name.text, self._value_on_scale(node, value)
                self._state_index(node, value)
                return name.text, value.text
            case tree.ScenarioName(name) if name.text in self.program.outcome.states:
                return OUTCOME, name.text
            case tree.ScenarioName(name) if name.text in self.program.groups:
                members = [self.program.outcome.states[member] for member in self.program.groups[name.text]]
                self._refuse(
                    "not_one", "a group can't be imposed, only one of its scenarios", name, list_choices(members)
                )
            case tree.ScenarioName(name):
                self._scenario_indices(name)
            case tree.NumberComparison(name):
                hint = f"write {name.text}={event.value:g}"
                self._refuse("not_one", "an intervention sets a value, not a bound", imposed, hint)
        return self._refuse("not_one", "an intervention sets one node", imposed, "such as sanctions=eased")

    def _value_on_scale(self, node: NumericNode, value: tree.Word) -> float:
        number = _parse_finite_number(value)
        low, high = node.scale.low, node.scale.high
        if number is None:
            self._refuse("not_a_number", f"'{node.name}' takes a number from {low:g} to {high:g}", value)
        if not low <= number <= high:
            self._refuse("off_scale", f"'{node.name}' lies between {low:g} and {high:g}", value)
        return number


def _bind_at_step(formula: Formula, step: int) -> Formula:
    return bind_time(formula, "at", range(step, step + 1))


def _parse_finite_number(word: tree.Word) -> float | None:
    try:
        value = float(word.text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _middle_of_scale(node: NumericNode) -> float:
    return (node.scale.low + node.scale.high) / 2


def _is_imposed(node: Node, step: int) -> bool:
    return bool(node.imposed[step] >= 0) if isinstance(node, CategoricalNode) else not math.isnan(node.imposed[step])
