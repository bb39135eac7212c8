"""What a model says, for people: the whole of it in short, or one of its parts at length."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.numbers import align_decimals, format_number, format_signed
from usru_scenarios.report.sentences import describe_steps
from usru_scenarios.report.terminal import draw, grid, indent, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from usru_scenarios.report import Layout
    from usru_scenarios.results.show import (
        EventPart,
        NodePart,
        Overview,
        PointEffect,
        ProfilePart,
        Push,
        RulePart,
        ScenarioPart,
    )

_OUTCOME = "scenario"
_POINT_EFFECTS = "What points make of a chance of 25% and of 50%"


def overview_text(model: Overview, layout: Layout) -> str:
    """The whole model: what there is, how it moves, and what acts on what."""
    sections = _head(model), _scenario_section(model), _node_section(model), _other_sections(model)
    return draw([*chain.from_iterable(sections), *_profile_section(model)], layout)


def part_text(model: Overview, name: str, layout: Layout) -> str:
    """One driver, consequence, scenario, rule or profile, with all that acts on it and all that it does."""
    if name in model.scenarios:
        lines = _scenario_lines(model, name, model.scenarios[name])
    elif name in model.rules:
        lines = _rule_lines(name, model.rules[name], model.steps)
    elif name in model.profiles:
        lines = _profile_lines(name, model.profiles[name])
    else:
        lines = _node_lines(model, name)
    return draw(list(lines), layout)


# The whole


def _head(model: Overview) -> Iterator[RenderableType]:
    yield safe_text(model.model.title, "bold")
    steps = describe_steps(model.steps) or ", one step"
    yield safe_text(f"{model.model.name}{steps}{f', profile {model.profile}' if model.profile else ''}", "dim")
    if model.summary:
        yield safe_text(model.summary)
    odds = model.odds_per_point
    yield Text()
    impacts, influences = format_number(odds["impacts"]), format_number(odds["influences"])
    factor = impacts if impacts == influences else f"{impacts} on the scenarios and by {influences} elsewhere"
    yield safe_text(
        f"A point multiplies the odds by {factor}. Kept is the probability per step that a state stays without being "
        "drawn again.",
        "dim",
    )
    yield _heading(_POINT_EFFECTS)
    yield _point_effect_table(model.point_effects)


def _point_effect_table(effects: list[PointEffect]) -> Table:
    """A row for each weight in use."""
    table = grid()
    table.add_column("")
    for header in ("25%\n+1", "\n+2", "\n+3", "50%\n+1", "\n+2", "\n+3"):
        table.add_column(header, justify="right", no_wrap=True)
    for effect in effects:
        label = f"weight {format_number(effect.weight)}" if effect.on == "scenarios" else "influences"
        table.add_row(label, *(f"{share:.0%}" for after in effect.chances.values() for share in after))
    return table


def _scenario_section(model: Overview) -> Iterator[RenderableType]:
    yield _heading("Scenarios")
    table = grid()
    for header in ("", "", "baseline", "kept"):
        table.add_column(header, justify="right" if header else "left")
    baselines = align_decimals([scenario.baseline for scenario in model.scenarios.values()])
    kept = align_decimals([scenario.persistence for scenario in model.scenarios.values()])
    for (name, scenario), *numbers in zip(model.scenarios.items(), baselines, kept, strict=True):
        table.add_row(safe_text(name, "bold"), safe_text(scenario.title), *numbers)
    yield table
    if model.groups:
        yield Text()
        yield from (safe_text(f"{name} = {' or '.join(members)}") for name, members in model.groups.items())


def _node_section(model: Overview) -> Iterator[RenderableType]:
    """Drivers, then consequences, each after what it reads in the same step."""
    for title, nodes in (("Drivers, causes first", model.drivers), ("Consequences, causes first", model.consequences)):
        if nodes:
            yield _heading(title)
            for number, name in enumerate(name for name in model.order if name in nodes):
                if number:
                    yield Text()
                yield _title_line(name, nodes[name])
                yield from _node_details(nodes[name])


def _other_sections(model: Overview) -> Iterator[RenderableType]:
    if model.rules:
        yield _heading("Rules")
        yield from (_rule_line(name, rule) for name, rule in model.rules.items())
    if model.events:
        yield _heading("Events")
        yield from _event_lines(model.events)
    if model.expectations:
        yield _heading("Expectations")
        yield from (safe_text(f"{name}: {statement}") for name, statement in model.expectations.items())
    if model.questions:
        yield _heading("Questions, with the probability that each means")
        for name, question in model.questions.items():
            yield Text.assemble((name, "bold"), "  ", safe_text(question.asks))
            yield indent(safe_text(question.means), 2)
            yield indent(safe_text(f"closes {question.closes}, resolved by {question.resolves}", "dim"), 2)


def _profile_section(model: Overview) -> Iterator[RenderableType]:
    if model.profiles:
        yield _heading("Profiles")
        for name, profile in model.profiles.items():
            yield Text.assemble((name, "bold"), "  ", safe_text(profile.title))
    yield Text()
    yield Text("usru show NAME shows all of one driver, consequence, scenario, rule or profile.", "dim")


# One part


def _node_lines(model: Overview, name: str) -> Iterator[RenderableType]:
    node = model.drivers[name] if name in model.drivers else model.consequences[name]
    yield _title_line(name, node)
    if node.summary:
        yield safe_text(node.summary)
    yield Text()
    yield from _node_details(node)
    yield from _section("Acts on", [safe_text(", ".join(node.acts_on))] if node.acts_on else [])
    priors = [_prior_line(row.when, row.prior) for row in node.given]
    yield from _section("Prior, where the first of these holds", priors)
    yield from _section("Points from others", [_push_line(push) for push in node.pushes])
    yield from _section("Points for the scenarios, times the weight", [_push_line(push) for push in node.impacts])
    effects = [effect for effect in model.point_effects if name in effect.of]
    yield from _section(_POINT_EFFECTS, [_point_effect_table(effects)] if effects else [])
    yield from _section("Rules", [_rule_line(rule, model.rules[rule]) for rule in node.rules])
    yield from _section("Events", list(_event_lines(event for event in model.events if event.node == name)))
    yield from _source_lines(node.sources, name)


def _scenario_lines(model: Overview, name: str, scenario: ScenarioPart) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(scenario.title))
    if scenario.summary:
        yield safe_text(scenario.summary)
    yield safe_text(
        f"baseline {format_number(scenario.baseline)}, kept {format_number(scenario.persistence)} per step; "
        f"in {', '.join(group for group, members in model.groups.items() if name in members) or 'no group'}",
        "dim",
    )
    yield from _section("Signposts", [safe_text(f"- {signpost}") for signpost in scenario.signposts])
    yield from _section("Points, with the weight of the first step", [_point_table(model, name)])
    rules = {key: rule for key, rule in model.rules.items() if name in rule.then.get(_OUTCOME, {})}
    yield from _section("Rules", [_rule_line(key, rule) for key, rule in rules.items()])
    events = [event for event in model.events if event.node == _OUTCOME]
    yield from _section("Events", list(_event_lines(events)))
    yield from _source_lines(scenario.sources, name)


def _point_table(model: Overview, scenario: str) -> Table:
    """The points of the drivers' states for a scenario, the largest first."""
    rows = [
        (push.points[scenario] * (node.weight or [1.0])[0], name, push.state, push.points[scenario])
        for name, node in model.drivers.items()
        for push in node.impacts
        if scenario in push.points
    ]
    table = grid(header=False)
    table.add_column(justify="right")
    for weighted, driver, state, points in sorted(rows, key=lambda row: -row[0]):
        is_weighted = points and weighted != points
        weight = f"{format_signed(points)} x {format_number(weighted / points)}" if is_weighted else ""
        table.add_row(f"{weighted:+.1f}", safe_text(f"{driver} = {state}"), Text(weight, "dim"))
    return table


def _rule_lines(name: str, rule: RulePart, steps: list[str]) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(rule.title))
    yield safe_text(_describe_rule(rule))
    if _OUTCOME in rule.then:
        yield safe_text(f"weight on the scenarios {_format_weight(rule.weight, steps)}", "dim")
    yield from _source_lines(rule.sources, name)


def _profile_lines(name: str, profile: ProfilePart) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(profile.title))
    if profile.summary:
        yield safe_text(profile.summary)
    yield from _section("Weights", [safe_text(f"{driver}  {weight}") for driver, weight in profile.weights.items()])
    yield from _section("Also changes", [safe_text(change) for change in profile.changes])


# Their pieces


def _heading(text: str) -> Text:
    return Text(f"\n{text}\n", "bold cyan")


def _section(title: str, lines: Sequence[RenderableType]) -> Iterator[RenderableType]:
    if lines:
        yield _heading(title)
        yield from lines


def _title_line(name: str, node: NodePart) -> Text:
    weight = f"  weight {_format_weight(node.weight, [])}" if node.weight and node.impacts else ""
    return Text.assemble((name, "bold"), "  ", safe_text(node.title), (weight, "dim"))


def _format_weight(weight: list[float], steps: list[str]) -> str:
    first, last = format_number(weight[0]), format_number(weight[-1])
    if first == last:
        return first
    return f"{first} to {last}" if not steps else f"{first} in {steps[0]} to {last} in {steps[-1]}"


def _node_details(node: NodePart) -> Iterator[RenderableType]:
    if node.states is not None:
        yield indent(_state_table(node), 2)
    if node.scale is not None:
        scale = node.scale
        start = "" if scale.initial is None else f", {format_number(scale.initial)} at the start"
        yield indent(
            safe_text(
                f"a number from {format_number(scale.low)} to {format_number(scale.high)}, "
                f"{scale.distribution}{start}; "
                f"correlation from step to step {format_number(scale.persistence)}"
            ),
            2,
        )
    reads = [", ".join(node.reads)] if node.reads else []
    if node.reads_before:
        reads.append(f"from the step before {', '.join(node.reads_before)}")
    if reads:
        yield indent(safe_text(f"reads {'; '.join(reads)}", "dim"), 2)


def _state_table(node: NodePart) -> Table:
    states = node.states or {}
    has_starts = any(state.initial is not None for state in states.values())
    has_limits = any(state.allowed is not None for state in states.values())
    table = grid()
    table.add_column("")
    for header in ("prior", *(["start"] if has_starts else []), "kept"):
        table.add_column(header, justify="right", no_wrap=True)
    if has_limits:
        table.add_column("may turn into")
    columns = [align_decimals([state.prior for state in states.values()], "given")]
    if has_starts:
        columns.append(align_decimals([state.initial for state in states.values()]))
    columns.append(align_decimals([state.persistence for state in states.values()]))
    for (name, state), *numbers in zip(states.items(), *columns, strict=True):
        allowed = None if state.allowed is None else [target for target in state.allowed if target != name]
        targets = "anything" if allowed is None else ", ".join(allowed)
        table.add_row(safe_text(name), *numbers, *([safe_text(targets, "dim")] if has_limits else []))
    return table


def _push_line(push: Push) -> Text:
    when = f"{push.of} = {push.state}{', a step before' if push.lag else ''}"
    return Text.assemble(safe_text(when), ": ", safe_text(_format_points(push.points)))


def _format_points(points: Mapping[str, float]) -> str:
    return ", ".join(
        format_signed(number) if state == "value" else f"{state} {format_signed(number)}"
        for state, number in points.items()
    )


def _prior_line(when: str, prior: Mapping[str, float]) -> Text:
    return safe_text(f"{when}: {', '.join(f'{state} {format_number(share)}' for state, share in prior.items())}")


def _rule_line(name: str, rule: RulePart) -> Text:
    return Text.assemble((name, "bold"), "  ", safe_text(_describe_rule(rule)))


def _describe_rule(rule: RulePart) -> str:
    when = f"When {rule.when}{', a step before' if rule.lag else ''}"
    return f"{when}: {'; '.join(f'{node} gets {_format_points(points)}' for node, points in rule.then.items())}."


def _event_lines(events: Iterable[EventPart]) -> Iterator[RenderableType]:
    for event in events:
        steps = event.first if event.first == event.last else f"{event.first} to {event.last}"
        effects = []
        if event.prior is not None:
            prior = ", ".join(f"{state} {format_number(share)}" for state, share in event.prior.items())
            effects.append(f"drawn anew, {prior}")
        if event.points is not None:
            effects.append(_format_points(event.points))
        title = f" ({event.title})" if event.title else ""
        yield Text.assemble((steps, "bold"), "  ", safe_text(f"{event.node}{title}: {'; '.join(effects)}"))


def _source_lines(sources: list[str], name: str) -> Iterator[RenderableType]:
    cited = f"Sources {', '.join(sources)}; " if sources else ""
    yield Text()
    yield safe_text(f"{cited}usru sources {name} shows what they say.", "dim")
