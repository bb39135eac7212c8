"""Models that others have published with answers, and the answers, which are in tests/cases."""

from __future__ import annotations

import json
from typing import Any

from support.oracle import Json
from support.reference_models import CASES, model


def published(name: str) -> Any:
    """A case with its names in small letters, as the format has them."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8").lower())


def network(known: Any) -> Json:
    """A network as drivers: tables with parents become rows, the others priors."""
    drivers: Json = {}
    for name, node in known["nodes"].items():
        if node["parents"]:
            rows = [{"when": row["given"], "prior": row["p"]} for row in node["cpt"]]
            drivers[name] = {"states": {state: {} for state in node["states"]}, "prior_given": rows}
        else:
            drivers[name] = {"states": node["cpt"][0]["p"]}
    return model(drivers=drivers)


def kidney_stones() -> Json:
    """C. R. Charig and others (1986): sizes of stones, treatments `a` and `b`, and success."""
    counts = published("causal_kidney_stones")["counts_success_total"]
    treated, healed = [], []
    for size, arms in counts.items():
        treated.append({"when": {"size": size}, "prior": {arm: total for arm, (_, total) in arms.items()}})
        for arm, (success, total) in arms.items():
            prior = {"healed": success, "ill": total - success}
            healed.append({"when": {"size": size, "treatment": arm}, "prior": prior})
    return model(
        drivers={
            "size": {"states": {size: sum(total for _, total in arms.values()) for size, arms in counts.items()}},
            "treatment": {"states": {"a": {}, "b": {}}, "prior_given": treated},
            "result": {"states": {"healed": {}, "ill": {}}, "prior_given": healed},
        }
    )


WEATHER = ("rain", "nice", "snow")
"""The states of the Land of Oz, in the order of its tables."""


def oz_scenarios(steps: int, start: Json) -> Json:
    """The Land of Oz as the outcome."""
    return model(
        steps,
        scenarios={state: {} for state in WEATHER},
        outcome=_oz("scenario", start),
        groups={"wet": ["rain", "snow"], "dry": ["nice"]},
    )


def oz_driver(steps: int, start: Json) -> Json:
    """The Land of Oz as a driver."""
    return model(steps, drivers={"d": {"states": {state: {} for state in WEATHER}, **_oz("d", start)}})


def _oz(name: str, start: Json) -> Json:
    """Rain and snow are twice as likely to stay, and after a nice day it is never nice."""
    return {
        "initial": start,
        "persistence": 0,
        "lagged_influences": {name: {"rain": {"rain": 1}, "snow": {"snow": 1}}},
        "allowed": {"nice": ["rain", "snow"]},
    }


def umbrella(steps: int) -> Json:
    """Rain stays with .7 (kept .4, else even), and an umbrella is seen with .9 in rain, .2 in none."""
    rows = [{"when": {"rain": "yes"}, "prior": {"yes": 0.9, "no": 0.1}}]
    return model(
        steps,
        drivers={"rain": {"states": {"yes": {}, "no": {}}, "persistence": 0.4}},
        consequences={"umbrella": {"states": {"yes": 0.2, "no": 0.8}, "prior_given": rows}},
    )
