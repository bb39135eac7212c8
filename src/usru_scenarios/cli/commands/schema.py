"""`usru schema`: the JSON Schemas of the scenario file, of the claim register and of the JSON outputs."""

from __future__ import annotations

from typing import Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Subset
from usru_scenarios.cli.options import format_option
from usru_scenarios.cli.session import Session
from usru_scenarios.results import CLASSES

_NOTES = {"forecast": "forecast (a line of a ledger)"}
_SCHEMA_LIST = (
    "model (the scenario file), claims (a file of the claim register), evidence (an evidence file), or of an output: "
    f"{', '.join(_NOTES.get(one, one) for one in CLASSES)}"
)

_OTHER_NAMES = {
    **dict.fromkeys(("seeds", "seed", "register"), "claims"),
    **dict.fromkeys(("overlay", "overlays", "scenario", "scenarios", "file"), "model"),
}
"""Other words for files that have a schema, with the names of these."""


def schema(
    name: Annotated[str, Argument(metavar="NAME", help=f"Of what: {_SCHEMA_LIST}.")] = "model",
    *,
    session: Annotated[
        Session, Subset("formats", "as_json", "output", "quiet", "debug", formats=format_option(("json",)))
    ],
) -> None:
    """What may a file or an output hold? Its JSON Schema."""
    from usru_scenarios import schemas
    from usru_scenarios.problems import list_choices, suggest_name
    from usru_scenarios.report.data import to_json

    if name not in schemas.NAMES:
        other_name = _OTHER_NAMES.get(name.lower())
        hint = f"did you mean '{other_name}'?" if other_name else suggest_name(name, schemas.NAMES)
        names = list_choices(schemas.NAMES, len(schemas.NAMES))
        raise OptionError(f"there is no schema '{name}'", f"{hint} {names.capitalize()}" if hint else names)
    session.output.write(to_json(schemas.schema(name)))
