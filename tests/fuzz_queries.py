"""What the parts of a model are called, and events, conditions and queries about them that are nearly right."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

import yaml

Rng = random.Random


@dataclass(frozen=True)
class Names:
    """What a model calls its parts, as far as that can be seen without reading it properly."""

    scenarios: tuple[str, ...]
    groups: tuple[str, ...]
    drivers: dict[str, tuple[str, ...]]
    consequences: dict[str, tuple[str, ...]]
    rules: tuple[str, ...]
    profiles: tuple[str, ...]
    start: int

    @classmethod
    @cache
    def of(cls, text: str) -> Names:
        """The names of a file."""
        tree = yaml.load(text, Loader=yaml.BaseLoader)

        def keys(section: str) -> tuple[str, ...]:
            found = tree.get(section)
            return tuple(found) if isinstance(found, dict) else ()

        def states(section: str) -> dict[str, tuple[str, ...]]:
            found = tree.get(section)
            nodes = found if isinstance(found, dict) else {}
            return {
                node: tuple(part.get("states") or ()) if isinstance(part, dict) else () for node, part in nodes.items()
            }

        start = re.search(r"start: ?['\"]?(\d{4})", text)
        return cls(
            keys("scenarios") or ("a", "b"),
            keys("groups"),
            states("drivers"),
            states("consequences"),
            keys("rules"),
            keys("profiles"),
            int(start[1]) if start else 0,
        )

    def atom(self, rng: Rng) -> str:
        """An event of one node, mostly a sound one."""
        if rng.random() < 0.04:
            return rng.choice(("x", "scenario=x", "1", "mean", "", "x=y", "a" * 200, "do", "a=b=c", "\x1b[31m", "é"))
        nodes = {**self.drivers, **self.consequences}
        if not nodes or rng.random() < 0.4:
            return rng.choice((*self.scenarios, *self.groups))
        node = rng.choice(list(nodes))
        if nodes[node]:
            return f"{node}={rng.choice(nodes[node])}"
        return (
            f"{node}{rng.choice(('>', '>=', '<', '<='))}{rng.choice(('0.5', '0', '1', '3', '-1', '1e400', '2', '.7'))}"
        )

    def event(self, rng: Rng, depth: int = 0) -> str:
        """Atoms joined, perhaps with times of their own."""
        if depth > 2 or rng.random() < 0.6:
            return self.atom(rng)
        left, right = self.event(rng, depth + 1), self.event(rng, depth + 1)
        match rng.randrange(4):
            case 0:
                return f"not {left}"
            case 1:
                return f"({left} @ {self.time(rng)}) {rng.choice(('and', 'or'))} ({right} @ {self.time(rng)})"
        return f"({left}) {rng.choice(('and', 'or'))} {right}"

    def step(self, rng: Rng) -> str:
        """A time label, mostly on a grid of quarters."""
        if rng.random() < 0.2 or not self.start:
            return rng.choice(
                ("start", "end", "now", "2025", "2025-Q9", "1999", "2025-13", "2025-01-31", "9" * 30, "x")
            )
        year = self.start + rng.randrange(4)
        return rng.choice(
            (str(year), f"{year}-Q{rng.randint(1, 4)}", f"{year}-{rng.randint(1, 12):02}", "start", "end")
        )

    def time(self, rng: Rng) -> str:
        """One of the forms of a time."""
        one, other = self.step(rng), self.step(rng)
        forms = (
            one,
            one,
            one,
            f"{one}..{other}",
            f"{one}..",
            f"..{other}",
            "mean",
            "ever",
            f"by {one}",
            "always",
            "each",
        )
        return rng.choice((*forms, f"ever {one}..{other}", f"always {one}..", "by", "..", "@", f"each {one}..{other}"))

    def condition(self, rng: Rng) -> str:
        """An observation, an intervention or a profile."""
        match rng.randrange(6):
            case 0 | 1:
                return f"do({self.atom(rng)}{rng.choice(('', f' @ {self.time(rng)}'))})"
            case 2 if self.profiles:
                return f"profile({rng.choice((*self.profiles, 'x'))})"
        return f"{self.event(rng)}{rng.choice(('', f' @ {self.time(rng)}'))}"

    def probability(self, rng: Rng) -> str:
        """P(event @ time | conditions)."""
        given = ", ".join(self.condition(rng) for _ in range(rng.choice((0, 0, 0, 1, 1, 2))))
        time = rng.choice(("", f" @ {self.time(rng)}"))
        return f"P({self.event(rng)}{time}{f' | {given}' if given else ''})"

    def expression(self, rng: Rng, depth: int = 0) -> str:
        """Arithmetic over probabilities."""
        if depth > 2 or rng.random() < 0.6:
            return self.probability(rng) if rng.random() < 0.8 else rng.choice(("0.5", "1", "0", "1e308", "-2", "1e-9"))
        left, right = self.expression(rng, depth + 1), self.expression(rng, depth + 1)
        return rng.choice(
            (f"{left} {rng.choice('+-*/')} {right}", f"odds({left})", f"log({left})", f"({left})", f"-{left}")
        )

    def query(self, rng: Rng) -> str:
        """What `ask` takes, now and then with a slip of the keyboard."""
        text = self.expression(rng)
        if rng.random() < 0.1:
            place = rng.randrange(len(text) + 1)
            text = (
                text[:place]
                + rng.choice(("", ")", "(", "|", "@", "P", " ", "..", "\n", "日", "\x00"))
                + text[place + 1 :]
            )
        return text.replace("\x00", "")
