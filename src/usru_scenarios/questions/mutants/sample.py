"""Which mutants of a population are made, and what they tell of all of it: method (60)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable, Iterable, Sequence

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.questions.mutants.population import Mutation
from usru_scenarios.results.mutants import NoticedShare


@dataclass(frozen=True)
class SampledMutations:
    """Mutations that were drawn, in the order of the population.

    Attributes:
        mutations: those drawn.
        weights: for how many of the population each stands.
    """

    mutations: tuple[Mutation, ...]
    weights: tuple[float, ...]


def sampled(population: Sequence[Mutation], number: int, seed: int) -> SampledMutations:
    """At most so many of a population, each kind apart, and those apart that rest on a document.

    Where there are more of these strata than mutants to be drawn, all are drawn alike.
    """
    strata: dict[Hashable, list[int]] = {}
    for place, one in enumerate(population):
        strata.setdefault((one.kind, one.sourced), []).append(place)
    if len(strata) > number:
        strata = {None: list(range(len(population)))}
    sizes = shared([len(places) for places in strata.values()], number)
    drawn: dict[int, float] = {}
    for places, size in zip(strata.values(), sizes, strict=True):
        first = sorted(places, key=lambda place: _rank(population[place], seed))[:size]
        drawn |= dict.fromkeys(first, len(places) / max(size, 1))
    places = sorted(drawn)
    return SampledMutations(tuple(population[one] for one in places), tuple(drawn[one] for one in places))


def _rank(mutation: Mutation, seed: int) -> bytes:
    """By which a stratum is put into an order that depends on nothing else in the file."""
    return hashlib.sha256(f"{seed} {mutation.kind} {mutation.path}".encode()).digest()


def shared(sizes: Sequence[int], number: int) -> list[int]:
    """How many are drawn from strata of such sizes: from each at least one, and else in proportion.

    They are given out one by one, each to the stratum with the most left over for those that it has, which is the
    method of Webster and Sainte-Laguë with a first seat for all.
    """
    given = [1] * len(sizes)
    for _ in range(min(number, sum(sizes)) - len(sizes)):
        open_ = (place for place, size in enumerate(sizes) if given[place] < size)
        given[max(open_, key=lambda place: sizes[place] / (given[place] + 0.5))] += 1
    return given


def noticed_share(
    population: Iterable[Mutation], made: SampledMutations, noticed: Sequence[bool], among: Callable[[Mutation], bool]
) -> NoticedShare:
    """The share of some mutants of a population that is noticed, from those that were made, and which of them were."""
    total = sum(map(among, population))
    kept = [
        (weight, seen) for one, weight, seen in zip(made.mutations, made.weights, noticed, strict=True) if among(one)
    ]
    count = sum(seen for _, seen in kept)
    if not kept:
        return NoticedShare(total, 0, 0, None, None)
    weight = math.fsum(weight for weight, _ in kept)
    share = math.fsum(weight for weight, seen in kept if seen) / weight
    effective = weight**2 / math.fsum(weight**2 for weight, _ in kept)
    towards_half = (share * effective + 2.0) / (effective + 4.0)
    variance = towards_half * (1.0 - towards_half) / effective * (1.0 - len(kept) / total)
    return NoticedShare(total, len(kept), count, share, math.sqrt(variance))
