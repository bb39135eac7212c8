"""What the questions answer: plain values with a versioned JSON form, one module for each question.

The attributes of each class are the keys of its JSON. Lists run over the steps. Within a major version of a format keys
may come, and none goes or changes its meaning.
"""

CLASSES = {
    "simulation": ("simulate", "Simulation"),
    "answer": ("ask", "Answer"),
    "answers": ("ask", "Answers"),
    "comparison": ("compare", "Comparison"),
    "sweep": ("sweep", "Sweep"),
    "check": ("check", "CheckReport"),
    "calibration": ("calibrate", "Calibration"),
    "explanation": ("explain", "Explanation"),
    "sensitivity": ("sensitivity", "Sensitivity"),
    "watch": ("watch", "Watch"),
    "foresight": ("evidence", "EvidenceReport"),
    "validation": ("validate", "Validation"),
    "faults": ("validate", "Faults"),
    "overview": ("show", "Overview"),
    "names": ("show", "PartNames"),
    "sources": ("sources", "SourcesReport"),
    "directions": ("sources", "DirectionsReport"),
    "forecast": ("ledger", "ForecastRecord"),
    "history": ("ledger", "History"),
    "attribution": ("ledger", "Attribution"),
    "score": ("ledger", "LedgerScore"),
    "verification": ("ledger", "Verification"),
}
"""The module here and the class of each JSON output, by the name in its `format`; nothing of them is imported."""
