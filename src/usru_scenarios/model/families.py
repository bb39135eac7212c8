"""The families of distributions: all that is said of each anywhere, in one object of `FAMILIES`.

Quantiles are what stratified draws are made by, means are by method (12), log-densities are what the scales of numeric
nodes are tabulated from, by method (4).
"""

# ruff: noqa: ARG002  # what one family does not need, another does

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from usru_scenarios.light_dataclasses import dataclass

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
LogDensity = Callable[[Floats], Floats]
"""Of a distribution between two ends, up to a constant, in the logit of a value's share of the way between them."""

EVERYWHERE: Interval = (-math.inf, math.inf)


@dataclass(frozen=True)
class FamilyValues:
    """A distribution as plain data.

    Attributes:
        family: its name.
        parameters: numbers, or laws that they are drawn from.
        limits: what is drawn lies between them: a normal distribution is cut off there.
    """

    family: str
    parameters: tuple[float | FamilyValues, ...]
    limits: Interval = EVERYWHERE


@dataclass(frozen=True)
class Family(ABC):
    """What there is to know of a family of distributions.

    Attributes:
        name: as it is written.
        parameter_count: how many parameters it takes.
        positive_parameters: which parameters are above 0 whatever is drawn, by their numbers from 0.
        positivity_message: the sentence of the error where one of these is not.
        location: which parameter is a value in the middle of those that can be drawn (a mode, the mean of a normal
            distribution), on the same scale as they are: `sensitivity` moves it by a point, and `check` perturbs it.
            None where there is none, as for the mean of a logarithm.
        is_between: whether its parameters rise and it lies between the first and the last, all on the scale of the
            values.
        suits_judgements: whether a judgement may follow it; otherwise a numeric node alone, over its range.
    """

    name: str
    parameter_count: int
    positive_parameters: tuple[int, ...] = ()
    positivity_message: str = ""
    location: int | None = None
    is_between: bool = False
    suits_judgements: bool = True

    @abstractmethod
    def bounds(self, parameters: Sequence[Interval], around: Interval) -> Interval:
        """Between which values it lies, from those of its parameters; `around` where it has no ends of its own."""

    def centre(self, parameters: Sequence[Interval]) -> Interval:
        """Where its centre lies, from the same: it stands for the ends of a distribution that has none."""
        return parameters[self.location or 0]

    @abstractmethod
    def is_within(self, parameters: Sequence[float], span: Interval, scale: Interval) -> bool:
        """Whether it has its probability, or enough to be cut off, on the range of a numeric node."""

    @abstractmethod
    def quantile(self, parameters: Sequence[Floats], limits: Interval, shares: Floats) -> Floats:
        """As the function `quantile`, before it is cut off: shape (values,)."""

    @abstractmethod
    def means(self, parameters: Sequence[Floats], limits: Interval) -> Floats:
        """The mean for each set of parameters, each of shape (sets,)."""

    @abstractmethod
    def is_linear(self, ends: Sequence[Interval], limits: Interval) -> bool:
        """Whether the mean is a linear function of the parameters, whatever they are drawn to be between their ends."""

    @abstractmethod
    def density(self, parameters: Sequence[float], low: float, high: float) -> tuple[LogDensity, float, float]:
        """The log-density of a numeric node's values, and between which of its range they lie."""

    @abstractmethod
    def order_parameters(self, parameters: Floats, low: float, high: float) -> list[float]:
        """Drawn parameters brought into order, into the range, and apart."""


_LEAST_WIDTH = 1e-6
"""The least width of what is drawn for a numeric node, as a share of its range."""


@dataclass(frozen=True)
class _BoundedFamily(Family):
    """A family between two ends, with at most one mode between them.

    Attributes:
        weights: of the parameters in the mean.
        unit_quantile: the quantiles between 0 and 1, from the mode, if it has one, and the shares, shape (values,).
        unit_density: the log-density between 0 and 1, from the ends and the mode.
    """

    weights: tuple[float, ...] = ()
    unit_quantile: Callable[..., Floats] = lambda shares: shares
    unit_density: Callable[..., LogDensity] = lambda _low, _high: beta_density(1.0, 1.0)
    is_between: bool = True

    def bounds(self, parameters: Sequence[Interval], around: Interval) -> Interval:
        return parameters[0][0], parameters[-1][1]

    def is_within(self, parameters: Sequence[float], span: Interval, scale: Interval) -> bool:
        return scale[0] <= span[0] and span[1] <= scale[1]

    def quantile(self, parameters: Sequence[Floats], limits: Interval, shares: Floats) -> Floats:
        low, *modes, high = np.sort(np.broadcast_arrays(*parameters), axis=0)
        width = high - low
        mode_shares = [np.divide(mode - low, width, out=np.zeros_like(width), where=width > 0) for mode in modes]
        values: Floats = low + width * self.unit_quantile(*mode_shares, shares)
        return values

    def means(self, parameters: Sequence[Floats], limits: Interval) -> Floats:
        weights = np.array(self.weights)
        average: Floats = weights @ np.sort(np.broadcast_arrays(*parameters), axis=0) / weights.sum()
        return average

    def is_linear(self, ends: Sequence[Interval], limits: Interval) -> bool:
        return all(left[1] <= right[0] for left, right in pairwise(ends))

    def density(self, parameters: Sequence[float], low: float, high: float) -> tuple[LogDensity, float, float]:
        return self.unit_density(*parameters), parameters[0], parameters[-1]

    def order_parameters(self, parameters: Floats, low: float, high: float) -> list[float]:
        ordered = sorted(np.clip(parameters, low, high).tolist())
        least = _LEAST_WIDTH * (high - low)
        if ordered[-1] - ordered[0] >= least:
            return ordered
        middle = min(max(ordered[0], low + least), high - least)
        return [middle - least, *[middle] * (len(ordered) - 2), middle + least]


class _NormalFamily(Family):
    """A normal distribution, cut off at limits."""

    def bounds(self, parameters: Sequence[Interval], around: Interval) -> Interval:
        return around

    def is_within(self, parameters: Sequence[float], span: Interval, scale: Interval) -> bool:
        mean, sd = parameters
        return scale[0] - 6 * sd < mean < scale[1] + 6 * sd

    def quantile(self, parameters: Sequence[Floats], limits: Interval, shares: Floats) -> Floats:
        mean, sd = parameters[0], np.abs(parameters[1])
        spread = np.maximum(sd, 1e-300)
        with np.errstate(over="ignore"):
            left, right = (limits[0] - mean) / spread, (limits[1] - mean) / spread
        below, above = normal_cdf(left), normal_cdf(-right)
        inside = 1.0 - below - above
        # From the nearer end, so that the tails are as exact as the body.
        from_left, from_right = below + shares * inside, above + (1.0 - shares) * inside
        z = np.where(from_left < 0.5, normal_quantile(from_left), -normal_quantile(from_right))
        values: Floats = mean + sd * z
        return values

    def means(self, parameters: Sequence[Floats], limits: Interval) -> Floats:
        return truncated_mean(parameters[0], np.abs(parameters[1]), *limits)

    def is_linear(self, ends: Sequence[Interval], limits: Interval) -> bool:
        return limits == EVERYWHERE

    def density(self, parameters: Sequence[float], low: float, high: float) -> tuple[LogDensity, float, float]:
        mean, sd = parameters
        low, high = _normal_support(mean, sd, low, high)
        centre, spread = (mean - low) / (high - low), sd / (high - low)

        def log_density(logit: Floats) -> Floats:
            share = 1.0 / (1.0 + np.exp(-logit))
            return -0.5 * ((share - centre) / spread) ** 2 + beta_density(1.0, 1.0)(logit)

        return log_density, low, high

    def order_parameters(self, parameters: Floats, low: float, high: float) -> list[float]:
        return [float(parameters[0]), max(float(parameters[1]), _LEAST_WIDTH * (high - low))]


class _BetaFamily(Family):
    """A beta distribution, stretched over the range of a numeric node."""

    def bounds(self, parameters: Sequence[Interval], around: Interval) -> Interval:
        return 0.0, 1.0

    def is_within(self, parameters: Sequence[float], span: Interval, scale: Interval) -> bool:
        return True

    def quantile(self, parameters: Sequence[Floats], limits: Interval, shares: Floats) -> Floats:
        return beta_quantile(parameters[0], parameters[1], shares)[0]

    def means(self, parameters: Sequence[Floats], limits: Interval) -> Floats:
        share: Floats = parameters[0] / (parameters[0] + parameters[1])
        return share

    def is_linear(self, ends: Sequence[Interval], limits: Interval) -> bool:
        return False

    def density(self, parameters: Sequence[float], low: float, high: float) -> tuple[LogDensity, float, float]:
        return beta_density(*parameters), low, high

    def order_parameters(self, parameters: Floats, low: float, high: float) -> list[float]:
        return [max(float(parameter), _LEAST_WIDTH) for parameter in parameters]


# Quantiles ------------------------------------------------------------------------------------------------------------


def quantile(family: str, parameters: Sequence[Floats], limits: Interval, shares: Floats) -> Floats:
    """The values that are not exceeded with some probabilities, shape (values,): method (12).

    Args:
        family: of the distribution.
        parameters: each of shape (1,), or (values,) where each value has its own. Those of a family between two ends
            that are out of order are put into it.
        limits: where a normal distribution is cut off; its mean lies between them.
        shares: the probabilities, shape (values,), between 0 and 1.
    """
    values = FAMILIES[family].quantile(parameters, limits, shares)
    return np.clip(np.broadcast_to(values, shares.shape), *limits)


def _triangular_quantile(mode: Floats, shares: Floats) -> Floats:
    values: Floats = np.where(shares < mode, np.sqrt(shares * mode), 1.0 - np.sqrt((1.0 - shares) * (1.0 - mode)))
    return values


def normal_cdf(z: Floats) -> Floats:
    """The probability that a standard normal variate is at most z, any shape."""
    flat = [0.5 * math.erfc(-value / math.sqrt(2.0)) for value in np.ravel(z).tolist()]
    return np.array(flat).reshape(np.shape(z))


def normal_quantile(shares: Floats) -> Floats:
    """The inverse of `normal_cdf` to 16 digits (AS 241, PPND16), any shape: method (12)."""
    q = shares - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        r = 0.180625 - q * q
        body = q * np.polyval(_CENTRE[0], r) / np.polyval(_CENTRE[1], r)
        distance = np.sqrt(-np.log(np.minimum(shares, 1.0 - shares)))
        near = np.polyval(_NEAR_TAIL[0], distance - 1.6) / np.polyval(_NEAR_TAIL[1], distance - 1.6)
        far = np.polyval(_FAR_TAIL[0], distance - 5.0) / np.polyval(_FAR_TAIL[1], distance - 5.0)
        tail = np.where(distance <= 5.0, near, np.where(np.isinf(distance), np.inf, far))
    z: Floats = np.where(np.abs(q) <= 0.425, body, np.copysign(tail, q))
    return z


_CENTRE = (
    (
        *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4),
        *(1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    ),
    (
        *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4),
        *(5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
    ),
)
_NEAR_TAIL = (
    (
        *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0),
        *(3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    ),
    (
        *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1),
        *(6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
    ),
)
_FAR_TAIL = (
    (
        *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2),
        *(2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    ),
    (
        *(2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4),
        *(1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
    ),
)

_NEGLIGIBLE = 50.0
"""Log-density below the peak past which nothing is left: exp(-50) is 2e-22."""
_CELLS, _CELLS_PER_VALUE = 2048, 256
"""Cells of the integration, and where every value has parameters of its own."""


def beta_quantile(a: Floats, b: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Quantiles of a beta distribution and what they leave to 1, each of shape (values,) and exact near its own 0.

    Args:
        a: the first parameter, above 0, shape (1,), or (values,) where each value has its own.
        b: the second one, likewise.
        shares: probabilities, shape (values,), strictly between 0 and 1.
    """
    a, b = (parameter[:, None] for parameter in np.broadcast_arrays(a, b))

    def log_density(logit: Floats) -> Floats:
        """The logarithm of x^a (1-x)^b: of the density times the x (1-x) of the logit coordinate."""
        density: Floats = -a * np.logaddexp(0.0, -logit) - b * np.logaddexp(0.0, logit)
        return density

    peak, width = np.log(a) - np.log(b), np.minimum(1.0, np.sqrt(1.0 / a + 1.0 / b))
    peak_height, ends = log_density(peak), []
    for direction in (-1.0, 1.0):
        reach = 8.0 * width
        while (inside := log_density(peak + direction * reach) > peak_height - _NEGLIGIBLE).any():
            reach = np.where(inside, 2.0 * reach, reach)
        ends.append(direction * np.arcsinh(reach / width))
    cells = _CELLS if len(a) == 1 else _CELLS_PER_VALUE
    places = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, 2 * cells + 1)
    height = np.exp(log_density(peak + width * np.sinh(places)) - peak_height) * np.cosh(places)
    logit_quantiles = peak + width * np.sinh(_invert_density(places, height, shares)[:, None])
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-logit_quantiles[:, 0])), 1.0 / (1.0 + np.exp(logit_quantiles[:, 0]))


def _invert_density(places: Floats, height: Floats, shares: Floats) -> Floats:
    """The quantiles of a density that is a parabola in each cell.

    Args:
        places: the ends and the middles of cells of equal width in turn, shape (rows, 2 * cells + 1).
        height: the density there, up to a factor.
        shares: shape (values,); there is one row for all of them or one for each.
    """
    left, middle, right = height[:, :-2:2], height[:, 1:-1:2], height[:, 2::2]
    below = np.cumsum((left + 4.0 * middle + right) / 6.0, axis=1)
    targets = shares * below[:, -1]
    rows = np.arange(len(shares)) if len(places) > 1 else np.zeros(len(shares), dtype=np.intp)
    cell = (below[rows] < targets[:, None]).sum(axis=1) if len(places) > 1 else np.searchsorted(below[0], targets)
    cell = np.minimum(cell, below.shape[1] - 1)
    remainder = targets - np.where(cell > 0, below[rows, np.maximum(cell - 1, 0)], 0.0)
    at_left, at_middle, at_right = left[rows, cell], middle[rows, cell], right[rows, cell]
    slope, curvature = (4.0 * at_middle - 3.0 * at_left - at_right, 2.0 * (at_left - 2.0 * at_middle + at_right))
    low, high = np.zeros(len(shares)), np.ones(len(shares))
    part = np.full(len(shares), 0.5)
    for _ in range(30):  # Newton's steps, a bisection where one leaves the bracket
        excess = part * (at_left + part * (slope / 2.0 + part * curvature / 3.0)) - remainder
        low, high = np.where(excess < 0.0, part, low), np.where(excess < 0.0, high, part)
        density = at_left + part * (slope + part * curvature)
        step = part - np.divide(excess, density, out=np.full_like(excess, np.inf), where=density > 0.0)
        part = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
    start = places[rows, 2 * cell]
    quantiles: Floats = start + part * (places[rows, 2 * cell + 2] - start)
    return quantiles


# Means ----------------------------------------------------------------------------------------------------------------

_NORMAL_NODES = np.linspace(-7.2, 7.2, 73)
"""Standard normals at which a drawn parameter is read: the trapezoidal rule, exact to 1e-10 for smooth integrands."""
_MOST_NODES = 73


@lru_cache(maxsize=4096)
def mean(distribution: FamilyValues) -> float:
    """The mean of what is drawn: method (12).

    Over parameters that are drawn themselves it is integrated, unless it is a linear function of them.
    """
    family = FAMILIES[distribution.family]
    nested = any(isinstance(parameter, FamilyValues) for parameter in distribution.parameters)
    bounds = [_parameter_bounds(parameter) for parameter in distribution.parameters]
    if nested and not family.is_linear(bounds, distribution.limits):
        values, weights = _integration_grid(distribution)
        return float(family.means(values, distribution.limits) @ weights)
    central = [
        np.array([mean(parameter) if isinstance(parameter, FamilyValues) else parameter])
        for parameter in distribution.parameters
    ]
    return float(family.means(central, distribution.limits)[0])


def _parameter_bounds(parameter: float | FamilyValues) -> Interval:
    """The lowest and highest value of a parameter."""
    if not isinstance(parameter, FamilyValues):
        return parameter, parameter
    bounds = [_parameter_bounds(inner) for inner in parameter.parameters]
    return FAMILIES[parameter.family].bounds(bounds, parameter.limits)


def truncated_mean(mean: Floats, sd: Floats, low: float, high: float) -> Floats:
    """The mean of a normal distribution that is cut off at two limits, shape (sets,): method (12).

    Far in a tail the closed form vanishes, so the integrals are taken relative to the density where it is highest
    between the limits: with e = exp(-x^2 / 2 + top^2 / 2) the mean is that of x under e.
    """
    if (low, high) == EVERYWHERE:
        return np.asarray(mean, dtype=np.float64)
    spread = np.maximum(sd, 1e-300)
    left, right = (np.clip((end - mean) / spread, -1e150, 1e150) for end in (low, high))
    top = np.clip(0.0, left, right)
    reach = np.sqrt(top * top + 2.0 * _NEGLIGIBLE)
    reach_from_top = 2.0 * _NEGLIGIBLE / (reach + np.abs(top))  # from the top to where the density is negligible
    first = np.maximum(left - top, -np.where(top <= 0.0, np.maximum(reach_from_top, 0.0), 0.0))
    last = np.minimum(right - top, np.where(top >= 0.0, reach_from_top, 0.0))
    nodes, node_weights = np.polynomial.legendre.leggauss(16)
    pieces = np.arange(16)
    places = ((pieces[:, None] + 0.5 * (1.0 + nodes)) / 16).ravel()
    offsets = first[:, None] + (last - first)[:, None] * places
    density = np.exp(-offsets * (top[:, None] + 0.5 * offsets)) * np.tile(node_weights, 16)
    shift = (offsets * density).sum(axis=1) / density.sum(axis=1)
    result: Floats = np.clip(np.clip(mean, low, high) + sd * shift, low, high)
    return result


def _integration_grid(distribution: FamilyValues) -> tuple[list[Floats], Floats]:
    """The parameters of a law at the nodes of an integration over them, each of shape (nodes,), and the weights."""
    nodes = [_parameter_nodes(values_of_parameter) for values_of_parameter in distribution.parameters]
    values = np.meshgrid(*(values_of_parameter for values_of_parameter, _ in nodes), indexing="ij")
    weights = np.ones(())
    for _, own_weights in nodes:
        weights = np.multiply.outer(weights, own_weights)
    return [values_of_parameter.ravel() for values_of_parameter in values], weights.ravel()


def _parameter_nodes(parameter: float | FamilyValues) -> tuple[Floats, Floats]:
    """Values of a parameter and their weights."""
    if not isinstance(parameter, FamilyValues):
        return np.array([parameter]), np.ones(1)
    parameters, outer = _integration_grid(parameter)
    inner = np.exp(-0.5 * _NORMAL_NODES**2)
    inner /= inner.sum()
    shares = np.tile(normal_cdf(_NORMAL_NODES), len(outer))
    values = quantile(parameter.family, [np.repeat(each, len(inner)) for each in parameters], parameter.limits, shares)
    weights = np.multiply.outer(outer, inner).ravel()
    return (values, weights) if len(outer) == 1 else _merge_nodes(values, weights)


def _merge_nodes(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Nodes merged into as many as one parameter may have: the means of groups of neighbours."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    group = np.minimum((np.cumsum(weights) * _MOST_NODES).astype(np.intp), _MOST_NODES - 1)
    totals = np.bincount(group, weights, _MOST_NODES)
    is_occupied = totals > 0
    kept_values: Floats = np.bincount(group, weights * values, _MOST_NODES)[is_occupied] / totals[is_occupied]
    return kept_values, np.asarray(totals[is_occupied], dtype=np.float64)


# Densities ------------------------------------------------------------------------------------------------------------


def beta_density(a: float, b: float) -> LogDensity:
    """The log-density of a beta distribution: of x^(a-1) (1-x)^(b-1), times the x (1-x) of the logit coordinate."""
    return lambda logit: -a * np.logaddexp(0.0, -logit) - b * np.logaddexp(0.0, logit)


def _pert_density(low: float, mode: float, high: float) -> LogDensity:
    width = high - low
    return beta_density(1.0 + 4.0 * (mode - low) / width, 1.0 + 4.0 * (high - mode) / width)


def _triangular_density(low: float, mode: float, high: float) -> LogDensity:
    peak = (mode - low) / (high - low)

    def log_density(logit: Floats) -> Floats:
        share, rest = 1.0 / (1.0 + np.exp(-logit)), 1.0 / (1.0 + np.exp(logit))
        height = np.where(share < peak, share * (1.0 - peak), rest * peak) if 0 < peak < 1 else (rest, share)[int(peak)]
        with np.errstate(divide="ignore"):  # next to the ends the height may be less than a float can hold
            return np.log(height) + beta_density(1.0, 1.0)(logit)

    return log_density


def _normal_support(mean: float, sd: float, low: float, high: float) -> tuple[float, float]:
    """The part of the range in which a truncated normal has any weight to speak of."""
    left, right = max(low, mean - 9.5 * sd), min(high, mean + 9.5 * sd)
    if left < right:
        return left, right
    edge, distance = (low, low - mean) if mean < low else (high, mean - high)
    reach = min(high - low, _NEGLIGIBLE_TAIL * sd * sd / distance)
    return (edge, edge + reach) if mean < low else (edge - reach, edge)


_NEGLIGIBLE_TAIL = 45.0
"""Log-density below the peak past which a normal far outside of a range has nothing left on it: exp(-45) is 3e-20."""


# All families ---------------------------------------------------------------------------------------------------------


def _pert_quantile(mode: Floats, shares: Floats) -> Floats:
    return beta_quantile(1.0 + 4.0 * mode, 5.0 - 4.0 * mode, shares)[0]


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _BoundedFamily("uniform", 2, weights=(1.0, 1.0)),
        _BoundedFamily(
            "triangular",
            3,
            location=1,
            weights=(1.0, 1.0, 1.0),
            unit_quantile=_triangular_quantile,
            unit_density=_triangular_density,
        ),
        _BoundedFamily(
            "pert", 3, location=1, weights=(1.0, 4.0, 1.0), unit_quantile=_pert_quantile, unit_density=_pert_density
        ),
        _NormalFamily(
            "normal",
            2,
            positive_parameters=(1,),
            positivity_message="the second parameter of 'normal', its sd, must be above 0",
            location=0,
        ),
        _BetaFamily(
            "beta",
            2,
            positive_parameters=(0, 1),
            positivity_message="both parameters of 'beta' must be above 0",
            suits_judgements=False,
        ),
    )
}
"""By name. A family that is added here can be written, drawn and tabulated; CONTRIBUTING.md says what else it takes."""

DEFAULT_FAMILY = "pert"
"""The family that hints propose."""

JUDGEMENT_FAMILIES = (
    DEFAULT_FAMILY,
    *(name for name, one in FAMILIES.items() if one.suits_judgements and name != DEFAULT_FAMILY),
)
"""The families that a judgement may follow, the usual one first."""
