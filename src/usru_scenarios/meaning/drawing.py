"""Draws the uncertain judgements of a model: the outer loop, whose inner one draws worlds.

Each judgement has a stream of its own, found by its path: another uncertain judgement in the file, or more draws,
change none of its first values. Judgements are independent of each other; priors under a Dirichlet distribution are
drawn together, as gamma variates over their sum (W. R. Gilks in L. Devroye, 1986, chapter XI.4).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from usru_scenarios.meaning.compiling import means
from usru_scenarios.meaning.program import Floats
from usru_scenarios.model import Categorical, Distribution, Judgement, Keep, Numeric
from usru_scenarios.names import DIRICHLET
from usru_scenarios.reading.provenance import Judged, judgements

if TYPE_CHECKING:
    from usru_scenarios.model import Model, Outcome
    from usru_scenarios.reading.yaml_source import KeyPath

_LEAST = 1e-9
"""What must be above a bound is kept this far away from it."""

_BOUNDS: Mapping[str, tuple[float, float]] = {
    "weight": (0.0, math.inf),
    "prior": (0.0, math.inf),
    "initial": (0.0, math.inf),
    "baseline": (0.0, math.inf),
    "share": (0.0, math.inf),
    "persistence": (0.0, 1.0),
    "odds_per_point": (1.0 + _LEAST, math.inf),
    "sd_per_point": (0.0, math.inf),
    "strength": (_LEAST, math.inf),
}
"""Between which values a judgement may be drawn; a normal distribution is cut off there."""


class Drawing:
    """Values of the judgements of a model, as `program.compile_model` asks for them.

    Args:
        model: whose judgements.
        seed: of the draws.
        draws: how many.
    """

    def __init__(self, model: Model, seed: int, draws: int) -> None:
        self.model = model  # kept, so that the judgements' ids are no others'
        self._means = means(model.grid)
        self._values: dict[int, Floats] = {}
        off_mean = []
        for judged in judgements(model):
            held = judged.judgement
            if isinstance(held.value, Distribution) and id(held) not in self._values:
                values = self._values[id(held)] = _Source(model, judged, seed, draws).values()
                if judged.role != "strength" and _has_known_mean(judged):
                    off_mean.append(values - self._means(held))
        for prior in _joint_priors(model):
            plain = all(id(share) not in self._values for share in prior.shares.values())
            drawn = prior.drawn(self, seed, draws)
            if plain:
                total = sum(share.mean for share in prior.shares.values())
                shares = list(prior.shares.values())[1:]  # the first is what the others leave
                off_mean += [drawn[id(share)] - share.mean / total for share in shares if share.mean]
            self._values |= drawn
        self.controls: Floats = np.stack(off_mean, axis=1) if off_mean else np.zeros((draws, 0))
        """Shape (draws, controls), by how much judgements whose mean is known lie off it."""

    def __call__(self, judgement: Judgement | Keep, /) -> Floats:
        """The value of a judgement, shape (), or (draws,) where it is uncertain."""
        values = self._values.get(id(judgement))
        return self._means(judgement) if values is None else values


def _has_known_mean(judged: Judged) -> bool:
    """Whether a judgement's mean is that of its distribution: not where a normal one is cut off, or parameters vary."""
    value = judged.judgement.value
    assert isinstance(value, Distribution)
    plain = not any(isinstance(one.value, Distribution) for one in value.parameters)
    return plain and (value.family != "normal" or judged.role == "points")


def _generator(seed: int, path: KeyPath) -> np.random.Generator:
    digest = hashlib.sha256(f"judgement {'.'.join(map(str, path))}".encode()).digest()
    key = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=key)))


@dataclass(frozen=True)
class _Source:
    """An uncertain judgement and the stream of its values."""

    model: Model
    judged: Judged
    seed: int
    draws: int

    def values(self) -> Floats:
        """Shape (draws,)."""
        value = self.judged.judgement.value
        assert isinstance(value, Distribution)
        return self._of(value, self.judged.path)

    def _of(self, distribution: Distribution, path: KeyPath) -> Floats:
        parameters = [self._parameter(one, (*path, place)) for place, one in enumerate(distribution.parameters)]
        low, high = self._bounds()
        generator = _generator(self.seed, path)
        match distribution.family, parameters:
            case "uniform", [a, b]:
                drawn = a + (b - a) * generator.random(self.draws)
            case "triangular", [a, mode, b]:
                drawn = _triangular(generator.random(self.draws), a, mode, b)
            case "pert", [a, mode, b]:
                width = np.maximum(b - a, 1e-300)
                share = np.clip((mode - a) / width, 0.0, 1.0)
                drawn = a + (b - a) * generator.beta(1.0 + 4.0 * share, 5.0 - 4.0 * share, self.draws)
            case "normal", [mean, sd]:
                drawn = _truncated(generator, mean, np.abs(sd), low, high)
            case _, [a, b]:
                drawn = generator.beta(a, b, self.draws)
            case _:
                raise AssertionError(distribution.family)
        return np.clip(drawn, low, high)

    def _parameter(self, parameter: Judgement, path: KeyPath) -> Floats:
        if isinstance(parameter.value, Distribution):
            return self._of(parameter.value, path)
        return np.full(self.draws, parameter.mean)

    def _bounds(self) -> tuple[float, float]:
        section, name, *_ = (*self.judged.path, "", "")
        if self.judged.role == "initial" and section in ("drivers", "consequences"):
            node = dict(self.model.nodes()).get(str(name))
            if isinstance(node, Numeric):
                margin = _LEAST * (node.range[1] - node.range[0])
                return node.range[0] + margin, node.range[1] - margin
        return _BOUNDS.get(self.judged.role, (-math.inf, math.inf))


def _triangular(uniform: Floats, low: Floats, mode: Floats, high: Floats) -> Floats:
    """By the inverse of the distribution function."""
    width = high - low
    share = np.divide(mode - low, width, out=np.zeros_like(width), where=width > 0)
    left = low + np.sqrt(uniform * width * np.maximum(mode - low, 0.0))
    right = high - np.sqrt((1.0 - uniform) * width * np.maximum(high - mode, 0.0))
    values: Floats = np.where(uniform < share, left, right)
    return values


def _truncated(generator: np.random.Generator, mean: Floats, sd: Floats, low: float, high: float) -> Floats:
    """Normal variates between two bounds: those outside are drawn again, and in the end stay on a bound."""
    drawn = mean + sd * generator.standard_normal(len(mean))
    for _ in range(100):
        outside = np.flatnonzero((drawn < low) | (drawn > high))
        if not len(outside):
            break
        drawn[outside] = mean[outside] + sd[outside] * generator.standard_normal(len(outside))
    return drawn


# Dirichlet ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _JointPrior:
    """Priors that are drawn together, around their values."""

    path: KeyPath
    strength: Judgement
    shares: Mapping[str, Judgement]

    def drawn(self, values: Drawing, seed: int, draws: int) -> dict[int, Floats]:
        """The values of the priors, each of shape (draws,), by the judgements' ids.

        The priors, normalised, times the strength are the parameters of the distribution; a prior of 0 stays 0.
        """
        total = sum(values(share) for share in self.shares.values())
        gammas = {}
        for name, share in sorted(self.shares.items()):
            shape = np.broadcast_to(values(self.strength) * values(share) / total, draws)
            gammas[id(share)] = _generator(seed, (*self.path, name)).standard_gamma(np.maximum(shape, 0.0))
        whole = np.sum(list(gammas.values()), axis=0)
        lost = whole == 0  # with a tiny strength every gamma may vanish: then the prior stays as it is
        return {
            id(share): np.where(lost, values(share) / total, gammas[id(share)] / np.where(lost, 1.0, whole))
            for share in self.shares.values()
        }


def _joint_priors(model: Model) -> Iterator[_JointPrior]:
    for section, nodes in (("drivers", model.drivers), ("consequences", model.consequences)):
        for name, node in nodes.items():
            if isinstance(node, Categorical):
                own = {state: part.prior for state, part in node.states.items() if part.prior is not None}
                yield from _of_node((section, name), node, own)
                for key, row in node.prior_given.items():
                    yield from _of_map((section, name, "prior_given", key, "prior"), row.prior)
    baselines = {name: one.baseline for name, one in model.scenarios.items() if one.baseline is not None}
    yield from _of_node(("outcome",), model.outcome, baselines)


def _of_node(path: KeyPath, node: Categorical | Outcome, own: Mapping[str, Judgement]) -> Iterator[_JointPrior]:
    if node.prior is not None and own:
        yield _JointPrior((*path, "prior"), node.prior.dirichlet, own)
    yield from _of_map((*path, "initial"), node.initial or {})
    for key, event in node.events.items():
        yield from _of_map((*path, "events", key, "prior"), event.prior or {})


def _of_map(path: KeyPath, shares: Mapping[str, Judgement]) -> Iterator[_JointPrior]:
    if DIRICHLET in shares:
        yield _JointPrior(path, shares[DIRICHLET], {name: one for name, one in shares.items() if name != DIRICHLET})
