"""Dates lie on the grid, windows run forward, and no event is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.model.schema import Numeric, NumericEvent
from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.timeline import MONTHS, TimeError, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from usru_scenarios.model.schema import Event
    from usru_scenarios.model.values import Weight
    from usru_scenarios.names import KeyPath
    from usru_scenarios.timeline import Grid


def check_time(context: Context) -> Iterator[Finding]:
    """Start, end and step make a grid."""
    try:
        _ = context.model.grid
    except TimeError as error:
        yield _last_month_as_end(context) or Finding("bad_time", str(error), ("time",))


def _last_month_as_end(context: Context) -> Finding | None:
    """The finding that the end is the last month, such as 2026-12, and not the first that is not covered."""
    time = context.model.time
    if time is None:
        return None
    first, last, months = parse_date(time.start).month, parse_date(time.end).month, MONTHS[time.step]
    end = last + -(last - first) % months
    if end == last or last <= first or (time.step == "quarter" and first % 3):
        return None
    message = (
        f"from {time.start} to {time.end} is not a whole number of {time.step}s; the end is the first month not covered"
    )
    replacement = {"end": f"{end // 12}-{end % 12 + 1:02d}"}
    return Finding("bad_time", message, ("time", "end"), replacement=replacement)


def event_steps(grid: Grid, event: Event | NumericEvent) -> range | None:
    """The steps that an event's points cover; None where its dates are at fault."""
    try:
        first = grid.steps_of_moment(event.at)[0]
        last = first if event.until is None else grid.steps_of_moment(event.until)[-1]
    except TimeError:
        return None
    return range(first, last + 1) if first <= last else None


def redraw_step(grid: Grid, event: Event | NumericEvent) -> int | None:
    """The step at which an event redraws its node by a prior of its own; None where it doesn't."""
    if isinstance(event, NumericEvent) or event.prior is None:
        return None
    try:
        return grid.steps_of_moment(event.at)[0]
    except TimeError:
        return None


def check_events(context: Context) -> Iterator[Finding]:
    """Every event lies on the grid, runs forward, and does something."""
    for _, path, node in context.nodes:
        for key, event in node.events.items():
            place = (*path, "events", key)
            yield from _check_event_dates(context, event, place)
            if not event.points and getattr(event, "prior", None) is None:
                yield Finding("empty_event", "the event has neither a prior nor points, so it does nothing", place)
            elif event.until is not None and event.points is None:
                message = "'until' has no effect here: the event's prior acts at 'at' alone"
                yield Finding("useless_until", message, (*place, "until"), severity="warning")


def _check_event_dates(context: Context, event: Event | NumericEvent, place: KeyPath) -> Iterator[Finding]:
    if context.grid is None:
        return
    dates = {"at": event.at, "until": event.until}
    off_grid = [_off_grid_finding(context, date, (*place, key)) for key, date in dates.items() if date is not None]
    if any(off_grid):
        yield from filter(None, off_grid)
    elif event_steps(context.grid, event) is None:
        message = f"the window ends before it begins: from {event.at} until {event.until}"
        yield Finding("window_turned_round", message, (*place, "until"), of_key=False)


def _off_grid_finding(context: Context, date: str, path: KeyPath, *, of_key: bool = False) -> Finding | None:
    if context.grid is None:
        return None
    try:
        context.grid.steps_of_moment(date)
    except TimeError as error:
        # A key is a date of a schedule, of which a single step has no use.
        remedy = "give the model a 'time'" if of_key else "write 'start', or give the model a 'time'"
        return Finding("date_off_grid", str(error), path, "" if context.grid.months else remedy, of_key)
    return None


def check_redraws(context: Context) -> Iterator[Finding]:
    """One prior at a step; and at the first step, what `initial` decides no event can."""
    grid = context.grid
    if grid is None:
        return
    for _, path, node in context.nodes:
        if isinstance(node, Numeric):
            continue
        first: dict[int, int | str] = {}
        for key, event in node.events.items():
            place = (*path, "events", key)
            step = redraw_step(grid, event)
            if step is not None and step in first:
                message = f"two events bring a prior at {grid.labels[step]}"
                also = (*path, "events", first[step])
                yield Finding("two_redraws", message, place, "keep one", related_path=also)
            elif step is not None:
                first[step] = key
            if node.initial is not None:
                yield from _check_hidden_by_initial(grid, event, place)


def _check_hidden_by_initial(grid: Grid, event: Event, place: KeyPath) -> Iterator[Finding]:
    label = grid.labels[0]
    if redraw_step(grid, event) == 0:
        message = f"the event's prior is never used: 'initial' decides the first step, {label}"
        yield Finding("hidden_event", message, place, "take 'initial' or the event away")
    covered = event_steps(grid, event) if event.points else None
    if covered is not None and 0 in covered:
        message = f"the event's points do nothing at the first step, {label}, which 'initial' decides"
        yield Finding("hidden_window", message, (*place, "points"), severity="warning")


def check_anchor_date(context: Context) -> Iterator[Finding]:
    """The anchor's step is on the grid and not decided by the outcome's `initial`."""
    if context.model.anchor is None or context.grid is None:
        return
    at = context.model.anchor.at
    path: KeyPath = ("anchor", "at")
    if finding := _off_grid_finding(context, at, path):
        yield finding
    elif context.grid.steps_of_moment(at)[0] == 0 and context.model.outcome.initial is not None:
        message = "the anchor is at the first step, whose shares 'outcome.initial' decides whatever the baselines are"
        yield Finding("anchor_decided", message, path, "anchor a later step, or take 'initial' away", of_key=False)


def check_schedules(context: Context) -> Iterator[Finding]:
    """The dates of a weight's schedule lie on the grid and differ."""
    for section in ("drivers", "rules"):
        for name, thing in getattr(context.model, section).items():
            if thing.weight is not None:
                yield from _check_schedule(context, thing.weight, (section, name, "weight"))


def _check_schedule(context: Context, weight: Weight, path: KeyPath) -> Iterator[Finding]:
    first: dict[int, str] = {}
    for text in weight.schedule or ():
        if finding := _off_grid_finding(context, text, (*path, text), of_key=True):
            yield finding
            continue
        month = parse_date(text).month
        if month in first:
            message = f"the dates {first[month]} and {text} are the same month"
            yield Finding("duplicate_date", message, (*path, text), related_path=(*path, first[month]))
        first.setdefault(month, text)
