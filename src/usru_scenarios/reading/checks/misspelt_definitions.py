"""Names that are misspelt where they are given: many places name what is not there, and next to none what is.

Such a slip is one fault at one place. Told where the name is used, it would be as many, each with the misspelt name as
the likely right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.names import OUTCOME
from usru_scenarios.problems import nearest_name
from usru_scenarios.reading.checks.context import Finding
from usru_scenarios.reading.checks.directions import unknown_push_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.checks.context import Context
    from usru_scenarios.reading.checks.directions import UnknownPushName

_FEWEST_USES = 2
"""Where one place alone names what is not there, that may as well be the one that is misspelt."""
_LEAST_RATIO = 4
"""So many times as many places must name what is not there as name what is."""


@dataclass(frozen=True)
class _Uses:
    """Where a name is used that nothing has: in the file, and in the pushes of claims."""

    findings: list[Finding] = field(default_factory=list)
    pushes: list[UnknownPushName] = field(default_factory=list)


def report_at_definitions(
    context: Context, findings: Iterable[Finding], *, with_pushes: bool
) -> tuple[list[Finding], list[UnknownPushName]]:
    """The findings, with one where a misspelt name is defined in the place of those where it is used.

    Args:
        context: the file.
        findings: of its checks.
        with_pushes: whether the names in the pushes of its register that it has not are wanted, too.
    """
    findings = list(findings)
    is_needed = with_pushes or any(finding.unknown_name is not None for finding in findings)
    pushes = list(unknown_push_names(context)) if is_needed else []
    uses: dict[tuple[str, str], _Uses] = {}
    for finding in findings:
        if finding.unknown_name is not None:
            uses.setdefault(finding.unknown_name, _Uses()).findings.append(finding)
    for unknown in pushes:
        owner = unknown.node or (OUTCOME if unknown.noun == "scenario" else "")
        uses.setdefault((owner, unknown.name), _Uses()).pushes.append(unknown)
    hidden, misspelt = set[int](), list[Finding]()
    for key, of_name in uses.items():
        if (finding_there := _misspelt_finding(context, *key, of_name)) is not None:
            misspelt.append(finding_there)
            hidden |= {id(use) for use in (*of_name.findings, *of_name.pushes)}
    shown = [finding for finding in findings if id(finding) not in hidden]
    return [*shown, *misspelt], [name for name in pushes if with_pushes and id(name) not in hidden]


def _misspelt_finding(context: Context, owner: str, name: str, uses: _Uses) -> Finding | None:
    """The finding that one name is misspelt where it is defined; None where it may as well be where it is used."""
    count = len(uses.findings) + len(uses.pushes)
    defined = _defined_names(context, owner)
    # A register may serve other models too: what it alone names is one of this model where the two are much alike.
    near = nearest_name(name, defined) if uses.findings else uses.pushes[0].nearest
    if count < _FEWEST_USES or near not in defined:
        return None
    from usru_scenarios.reading.repairs.names import words_of  # few files have faults

    others = sum(word == near for word in words_of(context.data)) - 1
    if others * _LEAST_RATIO > count:
        return None
    noun = "scenario" if owner == OUTCOME else "state" if owner else "driver"
    of_owner = f" of '{owner}'" if noun == "state" else ""
    hardly = "nothing names" if not others else "hardly anything names"
    counts = ((len(uses.findings), "place", "places", " ({lines})"), (len(uses.pushes), "push", "pushes", " of claims"))
    where = [f"{some} {one if some == 1 else many}{rest}" for some, one, many, rest in counts if some]
    message = f"{hardly} the {noun} '{near}'{of_owner}, and {' and '.join(where)} name '{name}', which is not there"
    hint = f"did you mean '{name}'?" if not others else f"did you mean '{name}', here and where '{near}' is named?"
    used_at = tuple(finding.path for finding in uses.findings)
    return Finding("misspelt_name", message, defined[near], hint, used_at=used_at)


def _defined_names(context: Context, owner: str) -> dict[str, KeyPath]:
    """The states of a node, or without one the nodes, with the paths where they are defined."""
    if owner == OUTCOME:
        return {name: ("scenarios", name) for name in context.scenarios}
    if not owner:
        sections = {"drivers": context.drivers, "consequences": context.consequences}
        return {name: (section, name) for section, names in sections.items() for name in names}
    section = "drivers" if owner in context.drivers else "consequences"
    return {state: (section, owner, "states", state) for state in context.states(owner) or ()}
