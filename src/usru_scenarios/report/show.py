"""What a model says, for people: the whole of it in short, or one of its parts at length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from usru_scenarios.report.forecast_in_words import describe_steps
from usru_scenarios.report.numbers import align_decimals, format_number, format_signed
from usru_scenarios.report.terminal import draw, grid, indent, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
_WORTH = "What points make of a chance of 25% and of 50%"


def overview_text(model: Overview, layout: Layout) -> str:
    """The whole model: what there is, how it moves, and what acts on what."""
    return draw([*_head(model), *_scenarios(model), *_nodes(model), *_rest(model), *_profiles(model)], layout)


def part_text(model: Overview, name: str, layout: Layout) -> str:
    """One driver, consequence, scenario, rule or profile, with all that acts on it and all that it does."""
    if name in model.scenarios:
        return draw(list(_scenario_at_length(model, name, model.scenarios[name])), layout)
    if name in model.rules:
        return draw(list(_rule_at_length(name, model.rules[name], model.steps)), layout)
    if name in model.profiles:
        return draw(list(_profile(name, model.profiles[name])), layout)
    return draw(list(_node_at_length(model, name)), layout)


# The whole


def _head(model: Overview) -> Iterator[RenderableType]:
    yield safe_text(model.model.title, "bold")
    span = describe_steps(model.steps) or ", one step"
    yield safe_text(f"{model.model.name}{span}{f', profile {model.profile}' if model.profile else ''}", "dim")
    if model.summary:
        yield safe_text(model.summary)
    odds = model.odds_per_point
    yield Text()
    impacts, influences = format_number(odds["impacts"]), format_number(odds["influences"])
    worth = impacts if impacts == influences else f"{impacts} on the scenarios and by {influences} elsewhere"
    yield safe_text(
        f"A point multiplies the odds by {worth}. Kept is the probability per step that a state stays without being "
        "drawn again.",
        "dim",
    )
    yield _heading(_WORTH)
    yield _point_effects(model.point_effects)


def _point_effects(effects: list[PointEffect]) -> Table:
    """A row for each weight in use: which drivers have it is said beside their names."""
    table = grid()
    table.add_column("")
    for header in ("25%\n+1", "\n+2", "\n+3", "50%\n+1", "\n+2", "\n+3"):
        table.add_column(header, justify="right", no_wrap=True)
    for effect in effects:
        label = f"weight {format_number(effect.weight)}" if effect.on == "scenarios" else "influences"
        table.add_row(label, *(f"{share:.0%}" for after in effect.chances.values() for share in after))
    return table


def _scenarios(model: Overview) -> Iterator[RenderableType]:
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


def _nodes(model: Overview) -> Iterator[RenderableType]:
    """Drivers, then consequences, each after what it reads in the same step."""
    for title, nodes in (("Drivers, causes first", model.drivers), ("Consequences, causes first", model.consequences)):
        if nodes:
            yield _heading(title)
            for number, name in enumerate(name for name in model.order if name in nodes):
                if number:
                    yield Text()
                yield _title(name, nodes[name])
                yield from _node(nodes[name])


def _rest(model: Overview) -> Iterator[RenderableType]:
    if model.rules:
        yield _heading("Rules")
        yield from (_rule(name, rule) for name, rule in model.rules.items())
    if model.events:
        yield _heading("Events")
        yield from _events(model.events)
    if model.expectations:
        yield _heading("Expectations")
        yield from (safe_text(f"{name}: {that}") for name, that in model.expectations.items())
    if model.questions:
        yield _heading("Questions, with the probability that each means")
        for name, question in model.questions.items():
            yield Text.assemble((name, "bold"), "  ", safe_text(question.asks))
            told = f"closes {question.closes}, resolved by {question.resolves}"
            yield from (indent(part, 2) for part in (safe_text(question.means), safe_text(told, "dim")))


def _profiles(model: Overview) -> Iterator[RenderableType]:
    if model.profiles:
        yield _heading("Profiles")
        for name, profile in model.profiles.items():
            yield Text.assemble((name, "bold"), "  ", safe_text(profile.title))
    yield Text()
    yield Text("usru show NAME shows all of one driver, consequence, scenario, rule or profile.", "dim")


# One part


def _node_at_length(model: Overview, name: str) -> Iterator[RenderableType]:
    node = model.drivers[name] if name in model.drivers else model.consequences[name]
    yield _title(name, node)
    if node.summary:
        yield safe_text(node.summary)
    yield Text()
    yield from _node(node)
    yield from _listed("Acts on", [safe_text(", ".join(node.acts_on))] if node.acts_on else [])
    yield from _listed("Prior, where the first of these holds", [_given(row.when, row.prior) for row in node.given])
    yield from _listed("Points from others", [_push(push) for push in node.pushes])
    yield from _listed("Points for the scenarios, times the weight", [_push(push) for push in node.impacts])
    worth = [effect for effect in model.point_effects if name in effect.of]
    yield from _listed(_WORTH, [_point_effects(worth)] if worth else [])
    yield from _listed("Rules", [_rule(rule, model.rules[rule]) for rule in node.rules])
    yield from _listed("Events", list(_events(event for event in model.events if event.node == name)))
    yield from _sources(node.sources, name)


def _scenario_at_length(model: Overview, name: str, scenario: ScenarioPart) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(scenario.title))
    if scenario.summary:
        yield safe_text(scenario.summary)
    yield safe_text(
        f"baseline {format_number(scenario.baseline)}, kept {format_number(scenario.persistence)} per step; "
        f"in {', '.join(group for group, members in model.groups.items() if name in members) or 'no group'}",
        "dim",
    )
    yield from _listed("Signposts", [safe_text(f"- {signpost}") for signpost in scenario.signposts])
    yield from _listed("Points, with the weight of the first step", [_pulls(model, name)])
    rules = {rule: one for rule, one in model.rules.items() if name in one.then.get(_OUTCOME, {})}
    yield from _listed("Rules", [_rule(rule, one) for rule, one in rules.items()])
    events = [event for event in model.events if event.node == _OUTCOME]
    yield from _listed("Events", list(_events(events)))
    yield from _sources(scenario.sources, name)


def _pulls(model: Overview, scenario: str) -> Table:
    """What the drivers' states give to a scenario, what promotes it most first."""
    pulls = [
        (push.points[scenario] * (node.weight or [1.0])[0], name, push.state, push.points[scenario])
        for name, node in model.drivers.items()
        for push in node.impacts
        if scenario in push.points
    ]
    table = grid(header=False)
    table.add_column(justify="right")
    for pull, driver, state, points in sorted(pulls, key=lambda one: -one[0]):
        weight = f"{format_signed(points)} x {format_number(pull / points)}" if points and pull != points else ""
        table.add_row(f"{pull:+.1f}", safe_text(f"{driver} = {state}"), Text(weight, "dim"))
    return table


def _rule_at_length(name: str, rule: RulePart, steps: list[str]) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(rule.title))
    yield safe_text(_rule_in_words(rule))
    if _OUTCOME in rule.then:
        yield safe_text(f"weight on the scenarios {_weight(rule.weight, steps)}", "dim")
    yield from _sources(rule.sources, name)


def _profile(name: str, profile: ProfilePart) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), "  ", safe_text(profile.title))
    if profile.summary:
        yield safe_text(profile.summary)
    yield from _listed("Weights", [safe_text(f"{driver}  {weight}") for driver, weight in profile.weights.items()])
    yield from _listed("Also changes", [safe_text(change) for change in profile.changes])


# Their pieces


def _heading(text: str) -> Text:
    return Text(f"\n{text}\n", "bold cyan")


def _listed(title: str, lines: list[RenderableType]) -> Iterator[RenderableType]:
    if lines:
        yield _heading(title)
        yield from lines


def _title(name: str, node: NodePart) -> Text:
    weight = f"  weight {_weight(node.weight, [])}" if node.weight and node.impacts else ""
    return Text.assemble((name, "bold"), "  ", safe_text(node.title), (weight, "dim"))


def _weight(weight: list[float], steps: list[str]) -> str:
    first, last = format_number(weight[0]), format_number(weight[-1])
    if first == last:
        return first
    return f"{first} to {last}" if not steps else f"{first} in {steps[0]} to {last} in {steps[-1]}"


def _node(node: NodePart) -> Iterator[RenderableType]:
    if node.states is not None:
        yield indent(_states(node), 2)
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
    read = [", ".join(node.reads), f"from the step before {', '.join(node.reads_before)}" if node.reads_before else ""]
    if any(read):
        yield indent(safe_text(f"reads {'; '.join(filter(None, read))}", "dim"), 2)


def _states(node: NodePart) -> Table:
    states = node.states or {}
    starts = any(state.initial is not None for state in states.values())
    limited = any(state.allowed is not None for state in states.values())
    table = grid()
    table.add_column("")
    for header in ("prior", *(["start"] if starts else []), "kept"):
        table.add_column(header, justify="right", no_wrap=True)
    if limited:
        table.add_column("may turn into")
    columns = [align_decimals([state.prior for state in states.values()], "given")]
    if starts:
        columns.append(align_decimals([state.initial for state in states.values()]))
    columns.append(align_decimals([state.persistence for state in states.values()]))
    for (name, state), *numbers in zip(states.items(), *columns, strict=True):
        targets = "anything" if state.allowed is None else ", ".join(one for one in state.allowed if one != name)
        table.add_row(safe_text(name), *numbers, *([safe_text(targets, "dim")] if limited else []))
    return table


def _push(push: Push) -> Text:
    when = f"{push.of} = {push.state}{', a step before' if push.lag else ''}"
    return Text.assemble(safe_text(when), ": ", safe_text(_points(push.points)))


def _points(points: Mapping[str, float]) -> str:
    return ", ".join(
        format_signed(number) if state == "value" else f"{state} {format_signed(number)}"
        for state, number in points.items()
    )


def _given(when: str, prior: Mapping[str, float]) -> Text:
    return safe_text(f"{when}: {', '.join(f'{state} {format_number(share)}' for state, share in prior.items())}")


def _rule(name: str, rule: RulePart) -> Text:
    return Text.assemble((name, "bold"), "  ", safe_text(_rule_in_words(rule)))


def _rule_in_words(rule: RulePart) -> str:
    when = f"When {rule.when}{', a step before' if rule.lag else ''}"
    return f"{when}: {'; '.join(f'{node} gets {_points(points)}' for node, points in rule.then.items())}."


def _events(events: Iterable[EventPart]) -> Iterator[RenderableType]:
    for event in events:
        span = event.first if event.first == event.last else f"{event.first} to {event.last}"
        effects = []
        if event.prior is not None:
            effects.append(
                f"drawn anew, {', '.join(f'{state} {format_number(p)}' for state, p in event.prior.items())}"
            )
        if event.points is not None:
            effects.append(_points(event.points))
        title = f" ({event.title})" if event.title else ""
        yield Text.assemble((span, "bold"), "  ", safe_text(f"{event.node}{title}: {'; '.join(effects)}"))


def _sources(sources: list[str], name: str) -> Iterator[RenderableType]:
    cited = f"Sources {', '.join(sources)}; " if sources else ""
    yield Text()
    yield safe_text(f"{cited}usru sources {name} shows what they say.", "dim")
