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


def sample_mutations(population: Sequence[Mutation], number: int, seed: int) -> SampledMutations:
    """Draw at most so many of a population, stratified by kind and by whether they rest on a document.

    Where there are more of these strata than mutants to be drawn, all are drawn alike.
    """
    strata: dict[Hashable, list[int]] = {}
    for place, mutation in enumerate(population):
        strata.setdefault((mutation.kind, mutation.sourced), []).append(place)
    if len(strata) > number:
        strata = {None: list(range(len(population)))}
    sizes = allocate_to_strata([len(places) for places in strata.values()], number)

    def order_key(place: int) -> bytes:
        """What a stratum is sorted by, which depends on nothing else in the file."""
        mutation = population[place]
        return hashlib.sha256(f"{seed} {mutation.kind} {mutation.path}".encode()).digest()

    weights: dict[int, float] = {}
    for places, size in zip(strata.values(), sizes, strict=True):
        weights |= dict.fromkeys(sorted(places, key=order_key)[:size], len(places) / max(size, 1))
    drawn = sorted(weights)
    return SampledMutations(tuple(population[place] for place in drawn), tuple(weights[place] for place in drawn))


def allocate_to_strata(sizes: Sequence[int], number: int) -> list[int]:
    """Say how many are drawn from strata of such sizes: from each at least one, and else in proportion.

    They are given out one by one, each to the stratum with the most left over for those that it has, which is the
    method of Webster and Sainte-Laguë with a first seat for all.
    """
    given = [1] * len(sizes)
    for _ in range(min(number, sum(sizes)) - len(sizes)):
        unfilled = (place for place, size in enumerate(sizes) if given[place] < size)
        given[max(unfilled, key=lambda place: sizes[place] / (given[place] + 0.5))] += 1
    return given


def estimate_noticed_share(
    population: Iterable[Mutation],
    sample: SampledMutations,
    noticed: Sequence[bool],
    is_counted: Callable[[Mutation], bool],
) -> NoticedShare:
    """Estimate the share of some mutants of a population that is noticed, from those of a sample that are."""
    total = sum(map(is_counted, population))
    counted = [
        (weight, is_noticed)
        for mutation, weight, is_noticed in zip(sample.mutations, sample.weights, noticed, strict=True)
        if is_counted(mutation)
    ]
    noticed_count = sum(is_noticed for _, is_noticed in counted)
    if not counted:
        return NoticedShare(total, 0, 0, None, None)
    weight = math.fsum(weight for weight, _ in counted)
    share = math.fsum(weight for weight, is_noticed in counted if is_noticed) / weight
    effective = weight**2 / math.fsum(weight**2 for weight, _ in counted)
    towards_half = (share * effective + 2.0) / (effective + 4.0)
    variance = towards_half * (1.0 - towards_half) / effective * (1.0 - len(counted) / total)
    return NoticedShare(total, len(counted), noticed_count, share, math.sqrt(variance))
