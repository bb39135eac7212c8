"""Cross-reference rules of a scenario file: what its shape can't say (sections 2 to 10 of the format).

Each rule is a plain function from a `Context` to its findings; `RULES` is the table of them.
"""

from usru_scenarios.reading.checks.context import Context, Finding
from usru_scenarios.reading.checks.table import REMARKS, RULES, findings, remarks

__all__ = ["REMARKS", "RULES", "Context", "Finding", "findings", "remarks"]
