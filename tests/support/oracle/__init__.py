"""An exact reference for format 1, for tests only: slow, plain, and independent of the engine.

Every function transcribes one passage of the format and says which. Trials are tuples of node states, distributions
are dicts keyed by trial, and everything is summed out by brute force: no factorisation, no sampling, no shortcut.

Public: `marginals` (everything that is reported, also after observations), `posterior` (any event on whole paths,
for tiny models), `remembered` (any summary of the path that a step can update, for small models), `trials` (the
joint distribution over all nodes at every step). The model is a plain dict, as a YAML reader gives it, already merged:
`extends`, profiles, queries and uncertain judgements are refused or left unread.

How numeric drivers are cut into cells is said in `reading`.
"""

from support.oracle.enumeration import (
    Chain,
    Intervention,
    Marginals,
    Observation,
    Path,
    View,
    Visits,
    all_paths,
    marginals,
    posterior,
    remembered,
    trials,
)
from support.oracle.reading import DEFAULT_RESOLUTION, Json, Resolution, read_distribution

__all__ = [
    "DEFAULT_RESOLUTION",
    "Chain",
    "Intervention",
    "Json",
    "Marginals",
    "Observation",
    "Path",
    "Resolution",
    "View",
    "Visits",
    "all_paths",
    "marginals",
    "posterior",
    "read_distribution",
    "remembered",
    "trials",
]
