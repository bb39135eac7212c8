"""Draws the uncertain judgements of a model: the outer loop of method (30), stratified by method (11).

Each judgement has a stream of its own, found by its path: another uncertain judgement in the file changes none of its
values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from usru_scenarios.estimation.estimates import DRAWS_PER_CONTROL
from usru_scenarios.interruptions import import_uninterrupted
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.families import beta_quantile, quantile
from usru_scenarios.model.judgements import judgements
from usru_scenarios.model.schema import Categorical
from usru_scenarios.model.values import Distribution, Judgement
from usru_scenarios.names import DIRICHLET
from usru_scenarios.program.program import Floats

if TYPE_CHECKING:
    from usru_scenarios.model.schema import Model, Outcome
    from usru_scenarios.names import KeyPath

_MOST_CONTROLS = 96
_HIGHEST_DEGREE = 8
"""The highest degree of a polynomial that is a control."""


class JudgementDraws:
    """Values of the uncertain judgements of a model.

    Attributes:
        values: by the paths of judgements, each of shape (draws,).
        controls: shape (draws, controls), functions of the judgements whose means are known to be 0.
    """

    def __init__(self, model: Model, seed: int, draws: int) -> None:
        self._strata = _StratifiedUniforms(seed, draws)
        self.values: dict[KeyPath, Floats] = {
            judged.path: _draw_values(judged.judgement.value, judged.path, self._strata)
            for judged in judgements(model)
            if isinstance(judged.judgement.value, Distribution)
        }
        joint = []
        for prior in _joint_priors(model):
            drawn = prior.draw(self.values, self._strata)
            if self.values.keys().isdisjoint(drawn):
                total = sum(share.mean for _, share in prior.shares.values())
                shares = list(prior.shares.values())[1:]  # the first is what the others leave
                joint += [drawn[path] - share.mean / total for path, share in shares if share.mean]
            self.values |= drawn
        self.controls: Floats = self._strata.controls(joint)


def drawn_values(judged: Mapping[KeyPath, Judgement], seed: int, draws: int) -> dict[KeyPath, Floats]:
    """Values of judgements outside of a model, by their paths: of uncertain ones as many as there are draws, (draws,).

    The others, and all where nothing is drawn, have their mean, shape ().
    """
    strata = _StratifiedUniforms(seed, draws)
    return {
        path: _draw_values(judgement.value, path, strata)
        if draws and isinstance(judgement.value, Distribution)
        else np.asarray(judgement.mean)
        for path, judgement in judged.items()
    }


def _draw_values(distribution: Distribution, path: KeyPath, strata: _StratifiedUniforms) -> Floats:
    parameters = [
        _draw_values(parameter.value, (*path, index), strata)
        if isinstance(parameter.value, Distribution)
        else np.array([parameter.value])
        for index, parameter in enumerate(distribution.parameters)
    ]
    law = distribution.family_values
    return quantile(law.family, parameters, law.limits, strata.uniforms_at(path))


class _StratifiedUniforms:
    """Stratified uniform variates, of which each path has its own."""

    def __init__(self, seed: int, draws: int) -> None:
        self.seed = seed
        self.draws = draws
        self._all_uniforms: list[Floats] = []
        import_uninterrupted("numpy.random")

    def uniforms_at(self, path: KeyPath) -> Floats:
        """Shape (draws,), one in each of as many equal parts of the unit interval, in random order: method (11)."""
        digest = hashlib.sha256(f"judgement {'.'.join(map(str, path))}".encode()).digest()
        key = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
        generator = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(self.seed, spawn_key=key)))
        shares = (generator.permutation(self.draws) + generator.random(self.draws)) / self.draws
        self._all_uniforms.append(np.clip(shares, 1e-12, 1.0 - 1e-12))
        return self._all_uniforms[-1]

    def controls(self, others: list[Floats]) -> Floats:
        """The controls of method (31), shape (draws, controls), others of mean 0 among them."""
        if not self._all_uniforms:
            return np.zeros((self.draws, 0))
        room = min(self.draws // DRAWS_PER_CONTROL, _MOST_CONTROLS) - len(others)
        highest = min(room // len(self._all_uniforms), _HIGHEST_DEGREE)
        columns = []
        for degree in range(1, highest + 1):
            legendre = np.polynomial.legendre.Legendre.basis(degree)
            columns += [legendre(2.0 * shares - 1.0) * np.sqrt(2.0 * degree + 1.0) for shares in self._all_uniforms]
        return np.stack([*columns, *others], axis=1) if columns or others else np.zeros((self.draws, 0))


# Dirichlet ------------------------------------------------------------------------------------------------------------


PlacedJudgement = tuple["KeyPath", Judgement]
"""A judgement and where it stands."""


@dataclass(frozen=True)
class _JointPrior:
    """Priors that are drawn together, around their values, by state."""

    path: KeyPath
    strength: PlacedJudgement
    shares: Mapping[str, PlacedJudgement]

    def draw(self, values: Mapping[KeyPath, Floats], strata: _StratifiedUniforms) -> dict[KeyPath, Floats]:
        """The values of the priors by their paths, each of shape (draws,): method (13).

        The priors, normalised, times the strength are the parameters of the distribution; a prior of 0 stays 0.
        """

        def value(placed: PlacedJudgement) -> Floats:
            path, judgement = placed
            return values[path] if path in values else np.asarray(judgement.mean)

        total = sum(value(share) for share in self.shares.values())
        sizes = {
            name: np.atleast_1d(value(self.strength) * value(share) / total)
            for name, share in sorted(self.shares.items())
        }
        remaining = np.ones(strata.draws)
        values_by_path: dict[KeyPath, Floats] = {}
        undrawn = list(sizes)
        for name, size in sizes.items():
            undrawn.remove(name)
            rest = sum((sizes[other] for other in undrawn), np.zeros(1))
            drawn_share, left_share = _split_remainder(size, rest, strata, (*self.path, name))
            values_by_path[self.shares[name][0]], remaining = remaining * drawn_share, remaining * left_share
        return values_by_path


def _split_remainder(size: Floats, rest: Floats, strata: _StratifiedUniforms, path: KeyPath) -> tuple[Floats, Floats]:
    """The share that a prior takes of what the ones before have left, and what it leaves, each of shape (draws,)."""
    size, rest = np.broadcast_arrays(size, rest)
    if not rest.any():
        return np.where(size > 0.0, 1.0, np.zeros(strata.draws)), np.zeros(strata.draws)
    if not size.any():
        return np.zeros(strata.draws), np.ones(strata.draws)
    first, second = (np.maximum(parameter, _LEAST_BETA_PARAMETER) for parameter in (size, rest))
    drawn_share, left_share = beta_quantile(first, second, strata.uniforms_at(path))
    takes_nothing, takes_all = size <= 0.0, rest <= 0.0
    drawn_share = np.where(takes_nothing, 0.0, np.where(takes_all, 1.0, drawn_share))
    return drawn_share, np.where(takes_all, 0.0, np.where(takes_nothing, 1.0, left_share))


_LEAST_BETA_PARAMETER = 1e-12
"""The least parameter of a beta distribution: below it the variate is 0 or 1 in any case."""


def _joint_priors(model: Model) -> Iterator[_JointPrior]:
    for section, nodes in (("drivers", model.drivers), ("consequences", model.consequences)):
        for name, node in nodes.items():
            if isinstance(node, Categorical):
                path = (section, name)
                priors = {state: part.prior for state, part in node.states.items()}
                yield from _node_joint_priors(path, node, _place_judgements((*path, "states"), priors, "prior"))
                for key, row in node.prior_given.items():
                    yield from _map_joint_priors((*path, "prior_given", key, "prior"), row.prior)
    baselines = {name: scenario.baseline for name, scenario in model.scenarios.items()}
    yield from _node_joint_priors(("outcome",), model.outcome, _place_judgements(("scenarios",), baselines, "baseline"))


def _place_judgements(path: KeyPath, shares: Mapping[str, Judgement | None], *below: str) -> dict[str, PlacedJudgement]:
    return {name: ((*path, name, *below), share) for name, share in shares.items() if share is not None}


def _node_joint_priors(
    path: KeyPath, node: Categorical | Outcome, shares: Mapping[str, PlacedJudgement]
) -> Iterator[_JointPrior]:
    if node.prior is not None and shares:
        yield _JointPrior((*path, "prior"), ((*path, "prior", DIRICHLET), node.prior.dirichlet), shares)
    yield from _map_joint_priors((*path, "initial"), node.initial or {})
    for key, event in node.events.items():
        yield from _map_joint_priors((*path, "events", key, "prior"), event.prior or {})


def _map_joint_priors(path: KeyPath, shares: Mapping[str, Judgement]) -> Iterator[_JointPrior]:
    if DIRICHLET in shares:
        placed = _place_judgements(path, shares)
        yield _JointPrior(path, placed.pop(DIRICHLET), placed)
