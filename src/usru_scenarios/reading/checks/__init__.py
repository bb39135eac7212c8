"""The checks of a scenario file: what its shape can't say (sections 2 to 10 of the format).

Each check is a plain function from a `Context` to its findings; `CHECKS` is the table of them.
"""

from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.checks.directions import misspelt_names, unknown_names
from usru_scenarios.reading.checks.misspelt import at_their_definitions
from usru_scenarios.reading.checks.table import CHECKS, REMARKS, findings, remarks

__all__ = [
    "CHECKS",
    "REMARKS",
    "Context",
    "Finding",
    "at_their_definitions",
    "findings",
    "misspelt_names",
    "remarks",
    "unknown_names",
]
