"""Everyone who answers, in the order in which tables show them."""

from __future__ import annotations

from bench.contenders import Contender, agrum, numba_peer, ours, pgmpy_peer, plain, yardstick

OURS = "usru"
PLAIN = "plain numpy"
C = "C"
AGRUM = "pyAgrum"
NUMBA = "numba"
PGMPY = "pgmpy"

_STATIC = 1 << 20
_DYNAMIC = 1 << 16
_BOTH = {"static": _STATIC, "dynamic": _DYNAMIC}
_ALL = {**_BOTH, "feedback": _DYNAMIC}

CONTENDERS: tuple[Contender, ...] = (
    Contender(OURS, "carried", ours.sampled, _BOTH),
    Contender(OURS, "drawn", ours.sampled, {"feedback": _DYNAMIC}),
    Contender(PLAIN, "carried", plain.carried, {"static": 1 << 18, "dynamic": 1 << 14}),
    Contender(PLAIN, "drawn", plain.drawn, {"static": 1 << 18, "dynamic": 1 << 14, "feedback": 1 << 14}),
    Contender(NUMBA, "carried", numba_peer.carried, _BOTH),
    Contender(NUMBA, "drawn", numba_peer.drawn, _ALL),
    Contender(C, "carried", yardstick.carried, _BOTH),
    Contender(C, "drawn", yardstick.drawn, _ALL),
    Contender(AGRUM, "drawn", agrum.drawn, {"static": 20_000, "dynamic": 1000}),
    Contender(PGMPY, "drawn", pgmpy_peer.drawn, {"static": 10_000}),
    Contender(PGMPY, "drawn", pgmpy_peer.dynamic, {"dynamic": 1000}),
    Contender(OURS, "exact", ours.exact_scenarios, {"static": 0, "dynamic": 0}),
    Contender(AGRUM, "exact", agrum.exact, {"static": 0, "dynamic": 0}),
    Contender(PGMPY, "exact", pgmpy_peer.exact, {"static": 0}),
    Contender(PLAIN, "exact", plain.exact, {"static": 0}),
    Contender(OURS, "exact, all nodes", ours.exact_forecast, {"static": 0, "dynamic": 0}),
    Contender(AGRUM, "exact, all nodes", agrum.exact_all, {"static": 0}),
)


def contender(name: str, method: str, case: str) -> Contender:
    """The one with a name and a method that answers a kind of case.

    Raises:
        KeyError: there is none.
    """
    for one in CONTENDERS:
        if (one.name, one.method) == (name, method) and case in one.trials:
            return one
    raise KeyError((name, method, case))
