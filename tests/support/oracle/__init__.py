"""An exact reference for format 1, for tests only: slow, plain, and independent of the engine.

Every function transcribes one passage of the format and says which. Trials are tuples of node states, distributions
are dicts keyed by trial, and everything is summed out by brute force: no factorisation, no sampling, no shortcut.

Public: `marginals` (everything that is reported, also after observations), `posterior` (any event on whole paths,
for tiny models, whose paths are those of `paths_of`), `remembered` (any summary of the path that a step can update,
for small models), `trials` (the joint distribution over all nodes at every step). The model is a plain dict, as a YAML
reader gives it, already merged: `extends`, profiles, queries and uncertain judgements are refused or left unread.

How numeric drivers are cut into cells is said in `reading`.
"""

from support.oracle.enumeration import (
    Intervention,
    Marginals,
    Observation,
    Path,
    View,
    Visits,
    marginals,
    paths_of,
    posterior,
    remembered,
    trials,
)
from support.oracle.reading import DEFAULT_RESOLUTION, Json, Resolution, read_distribution

__all__ = [
    "DEFAULT_RESOLUTION",
    "Intervention",
    "Json",
    "Marginals",
    "Observation",
    "Path",
    "Resolution",
    "View",
    "Visits",
    "marginals",
    "paths_of",
    "posterior",
    "read_distribution",
    "remembered",
    "trials",
]
