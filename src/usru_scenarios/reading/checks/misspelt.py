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
from usru_scenarios.reading.checks.directions import unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.checks.context import Context
    from usru_scenarios.reading.checks.directions import Unknown

_FEWEST = 2
"""Where one place alone names what is not there, that may as well be the one that is misspelt."""
_AGAINST = 4
"""So many times as many places must name what is not there as name what is."""


@dataclass(frozen=True)
class _Uses:
    """Where a name is used that nothing has: in the file, and in the pushes of claims."""

    found: list[Finding] = field(default_factory=list)
    pushed: list[Unknown] = field(default_factory=list)


def at_their_definitions(
    context: Context, found: Iterable[Finding], *, with_pushes: bool
) -> tuple[list[Finding], list[Unknown]]:
    """What is found, with one finding where a name is given in the place of those where it is used.

    Args:
        context: the file.
        found: what its checks have found.
        with_pushes: whether the names in the pushes of its register that it has not are wanted, too.
    """
    found = list(found)
    is_looked_for = with_pushes or any(one.refers is not None for one in found)
    pushed = list(unknown_names(context)) if is_looked_for else []
    uses: dict[tuple[str, str], _Uses] = {}
    for one in found:
        if one.refers is not None:
            uses.setdefault(one.refers, _Uses()).found.append(one)
    for unknown in pushed:
        whose = unknown.of or (OUTCOME if unknown.noun == "scenario" else "")
        uses.setdefault((whose, unknown.name), _Uses()).pushed.append(unknown)
    told = {key: misspelt for key, use in uses.items() if (misspelt := _misspelt(context, *key, use)) is not None}
    hidden = {id(use) for key in told for use in (*uses[key].found, *uses[key].pushed)}
    kept = [one for one in found if id(one) not in hidden]
    return [*kept, *told.values()], [one for one in pushed if with_pushes and id(one) not in hidden]


def _misspelt(context: Context, whose: str, name: str, uses: _Uses) -> Finding | None:
    """The finding that one name is misspelt where it is given; None where it may as well be where it is used."""
    many = len(uses.found) + len(uses.pushed)
    given = _definitions(context, whose)
    # A register may serve other models too: what it alone names is one of this model where the two are much alike.
    near = nearest_name(name, given) if uses.found else uses.pushed[0].near
    if many < _FEWEST or near not in given:
        return None
    from usru_scenarios.reading.repairs.names import words_of  # few files have faults

    others = sum(word == near for word in words_of(context.data)) - 1
    if others * _AGAINST > many:
        return None
    noun = "scenario" if whose == OUTCOME else "state" if whose else "driver"
    own = f" of '{whose}'" if noun == "state" else ""
    hardly = "nothing names" if not others else "hardly anything names"
    counts = [(len(uses.found), "place", " ({lines})"), (len(uses.pushed), "push", " of claims")]
    where = [f"{some} {_noun(one, some)}{more}" for some, one, more in counts if some]
    message = f"{hardly} the {noun} '{near}'{own}, and {' and '.join(where)} name '{name}', which is not there"
    hint = f"did you mean '{name}'?" if not others else f"did you mean '{name}', here and where '{near}' is named?"
    return Finding("misspelt_name", message, given[near], hint, uses=tuple(one.path for one in uses.found))


def _definitions(context: Context, whose: str) -> dict[str, KeyPath]:
    """The names that are given where a name is looked for, with their places."""
    if whose == OUTCOME:
        return {name: ("scenarios", name) for name in context.scenarios}
    if not whose:
        sections = {"drivers": context.drivers, "consequences": context.consequences}
        return {name: (section, name) for section, names in sections.items() for name in names}
    section = "drivers" if whose in context.drivers else "consequences"
    return {state: (section, whose, "states", state) for state in context.states(whose) or ()}


def _noun(one: str, many: int) -> str:
    return one if many == 1 else f"{one}es" if one.endswith("sh") else f"{one}s"
