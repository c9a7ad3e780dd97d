"""Normal-theory maximum likelihood of a latent-variable structure: the search, its slope and its curvature.

Data come as blocks: n, means and covariances (denominator n) of people who belong to one group and answered the
same variables. One complete sample is one block, several groups are several blocks, and full information with
missing answers is one block for each pattern of answers. The rest does not know the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from analysis.errors import DataError, ModelError, NotConverged, Problem
from analysis.latent import Implied, Structure

LOG_TAU = float(np.log(2 * np.pi))
QUICK = 40
"""Plain steps before the search turns careful."""
STEPS = 120
"""Careful steps before it is given up."""
NEAR = 1e-2
"""Below this expected gain the plain search turns from Fisher scoring to Newton's method."""
PRECISION = 1e-20
"""The careful search ends when the expected gain is below this: a step of 1e-10 standard errors times root n."""
LAST = 1e-11
"""Newton's step from below this gain squares it, and so is the last."""
SMALLEST = 1e-9
"""Variables whose correlation matrix has an eigenvalue below this determine each other."""
FAR = 1e4
"""Estimates this many units from zero have run away."""


@dataclass(frozen=True, eq=False)
class Block:
    """n, means and covariances (denominator n) of the people of one group who answered the variables `places`."""

    n: int
    mean: np.ndarray
    cov: np.ndarray
    places: np.ndarray
    group: int = 0


@dataclass(frozen=True, eq=False)
class Layout:
    """How the parameters of one structure in one or more groups share one vector of estimates.

    Attributes
    ----------
    structure : Structure
    slots : ndarray of int, shape (groups, parameters)
        Where in the vector each parameter stands; -1 where it is fixed. Equal slots are equal parameters.
    fixed : ndarray, shape (groups, parameters)
        Values of the fixed ones.
    """

    structure: Structure
    slots: np.ndarray
    fixed: np.ndarray

    @cached_property
    def size(self) -> int:
        """The number of estimates."""
        return int(self.slots.max()) + 1

    @cached_property
    def sums(self) -> tuple[np.ndarray, ...]:
        """For each group the 0/1 matrix (parameters, estimates) that adds derivatives up over equal parameters."""
        return tuple((row[:, None] == np.arange(self.size)).astype(float) for row in self.slots)

    def values(self, theta: np.ndarray, group: int) -> np.ndarray:
        """Every parameter's value in that group."""
        slots = self.slots[group]
        return np.asarray(np.where(slots >= 0, theta[slots], self.fixed[group]))

    def implied(self, theta: np.ndarray) -> list[Implied]:
        """What the estimates say about each group."""
        return [self.structure.implied(self.values(theta, group)) for group in range(len(self.slots))]


class Point(NamedTuple):
    """A place of the search: the estimates, minus twice the log-likelihood per person (without its constant), and
    what was computed on the way there."""

    theta: np.ndarray
    value: float
    implied: list[Implied]
    precisions: list[np.ndarray]


def one_group(structure: Structure) -> Layout:
    """The layout of a single group: every free parameter its own slot."""
    slots = np.where(structure.free, np.cumsum(structure.free) - 1, -1)
    return Layout(structure, slots[None], structure.fixed[None])


def collect(layout: Layout, values: Sequence[np.ndarray]) -> np.ndarray:
    """One vector of estimates from each group's parameter values; equal parameters become their mean."""
    total, count = np.zeros((2, layout.size))
    for slots, group in zip(layout.slots, values, strict=True):
        free = slots >= 0
        np.add.at(total, slots[free], group[free])
        np.add.at(count, slots[free], 1)
    return np.asarray(total / count)


def locate(layout: Layout, blocks: Sequence[Block], theta: np.ndarray) -> Point:
    """The deviance at these estimates; infinite where a matrix is no covariance matrix."""
    implied = layout.implied(theta)
    total, n = 0.0, 0
    precisions = []
    for block in blocks:
        expected = implied[block.group]
        sigma = _part(expected.sigma, block)
        try:
            logdet = 2 * float(np.log(np.linalg.cholesky(sigma).diagonal()).sum())
        except np.linalg.LinAlgError:
            return Point(theta, np.inf, implied, [])
        precision = np.linalg.inv(sigma)
        precisions.append(precision)
        total += block.n * (logdet + float(np.vdot(precision, _discrepancy(layout, expected, block))))
        n += block.n
    return Point(theta, total / n if np.isfinite(total) else np.inf, implied, precisions)


def slope(layout: Layout, blocks: Sequence[Block], point: Point) -> np.ndarray:
    """The derivative of half the deviance."""
    found = np.zeros(layout.size)
    weights, pulls = _residual_weights(layout, blocks, point)
    for implied, weight, pull, add in zip(point.implied, weights, pulls, layout.sums, strict=True):
        found += (np.einsum("ik,ik->k", implied.left, weight @ implied.right) - pull @ implied.shift) @ add
    return found


def expected_information(layout: Layout, blocks: Sequence[Block], point: Point) -> np.ndarray:
    """The second derivative of half the deviance to be expected, per person."""
    shapes = [np.zeros((len(layout.fixed[0]),) * 2) for _ in point.implied]
    n = sum(block.n for block in blocks)
    for block, precision in zip(blocks, point.precisions, strict=True):
        left, right, shift = (_rows(part, block) for part in point.implied[block.group][2:5])
        near, far = precision @ left, precision @ right
        across = left.T @ far
        shape = (left.T @ near) * (right.T @ far) + across * across.T
        if layout.structure.has_means:
            shape += shift.T @ (precision @ shift)
        shapes[block.group] += shape * (block.n / n)
    return np.asarray(sum(add.T @ shape @ add for add, shape in zip(layout.sums, shapes, strict=True)))


def observed_information(layout: Layout, blocks: Sequence[Block], point: Point) -> np.ndarray:
    """The second derivative of half the deviance, exactly, per person."""
    n = sum(block.n for block in blocks)
    weights, pulls = _residual_weights(layout, blocks, point)
    shapes = [
        layout.structure.bend(implied, weight, pull)
        for implied, weight, pull in zip(point.implied, weights, pulls, strict=True)
    ]
    for block, precision in zip(blocks, point.precisions, strict=True):
        implied = point.implied[block.group]
        left, right, shift = (_rows(part, block) for part in implied[2:5])
        seen = precision @ _discrepancy(layout, implied, block) @ precision
        shapes[block.group] += (block.n / n) * _data_curve(precision, 2 * seen - precision, left, right)
        if layout.structure.has_means:
            gap = precision @ (block.mean - implied.mean[block.places])
            moved = (shift.T @ precision @ left) * (gap @ right) + (shift.T @ precision @ right) * (gap @ left)
            shapes[block.group] += (block.n / n) * (moved + moved.T + shift.T @ precision @ shift)
    return np.asarray(sum(add.T @ shape @ add for add, shape in zip(layout.sums, shapes, strict=True)))


def case_slopes(
    layout: Layout, point: Point, rows: np.ndarray, block: Block, *, from_own_mean: bool = False
) -> np.ndarray:
    """Each person's slope of the log-likelihood, shape (people, estimates); `rows` hold the block's variables.

    Distances are taken from the means the model implies, or, if asked, from the block's own.
    """
    implied = point.implied[block.group]
    places = block.places
    precision = np.linalg.inv(implied.sigma[np.ix_(places, places)])
    left, right, shift = implied.left[places], implied.right[places], implied.shift[places]
    centre = implied.mean[places] if layout.structure.has_means and not from_own_mean else block.mean
    z = (rows - centre) @ precision
    slopes = (z @ left) * (z @ right) - np.sum(left * (precision @ right), axis=0) + z @ shift
    return np.asarray(slopes @ layout.sums[block.group])


def minimise(layout: Layout, blocks: Sequence[Block], starts: Iterable[np.ndarray]) -> Point:
    """The maximum-likelihood estimates: Fisher scoring and then Newton's steps; a trust region where those stray.

    Each start is tried in turn until one leads to an end.

    Raises
    ------
    ModelError
        When the data cannot tell two parameters apart; the message names them.
    NotConverged
        When no step leads further down, or the estimates run away.
    """
    waiting = iter(starts)
    first = _possible(layout, blocks, next(waiting))
    point = _quick_search(layout, blocks, first)
    for here in chain([first], (_possible(layout, blocks, theta) for theta in waiting)):
        if point is not None:
            break
        point = _careful_search(layout, blocks, here)
    _check_identified(layout, expected_information(layout, blocks, point or first))
    if point is None:
        raise NotConverged(_not_converged())
    return point


def check_distinct(cov: np.ndarray, names: Sequence[str], where: str = "data") -> None:
    """Raise a DataError that names the variables when some of them determine each other."""
    sd = np.sqrt(np.diag(cov))
    roots, vectors = np.linalg.eigh(cov / np.outer(sd, sd))
    if roots[0] < SMALLEST:
        involved = [name for name, share in zip(names, vectors[:, 0], strict=True) if abs(share) > 0.1]
        what = f"{', '.join(involved)} determine each other (their covariance matrix is not positive definite)"
        remedy = "Take one of them out of the model, or collect more answers than there are items."
        raise DataError(Problem(where, what, remedy))


def inverse(information: np.ndarray) -> np.ndarray:
    """The inverse of a positive definite matrix; LinAlgError where it is none."""
    scale = np.sqrt(np.diag(information).clip(1e-300))
    factor = np.linalg.inv(np.linalg.cholesky(information / np.outer(scale, scale)))
    return np.asarray(factor.T @ factor / np.outer(scale, scale))


def _part(matrix: np.ndarray, block: Block) -> np.ndarray:
    return matrix if len(matrix) == len(block.places) else matrix[np.ix_(block.places, block.places)]


def _rows(matrix: np.ndarray, block: Block) -> np.ndarray:
    return matrix if len(matrix) == len(block.places) else matrix[block.places]


def _discrepancy(layout: Layout, implied: Implied, block: Block) -> np.ndarray:
    """Covariances around the implied means."""
    if not layout.structure.has_means:
        return block.cov
    gap = block.mean - implied.mean[block.places]
    return np.asarray(block.cov + gap[:, None] * gap)


def _residual_weights(
    layout: Layout, blocks: Sequence[Block], point: Point
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each group the weighted residual covariances and means that every derivative is a product with."""
    p = len(layout.structure.observed)
    weights, pulls = [np.zeros((p, p)) for _ in point.implied], [np.zeros(p) for _ in point.implied]
    n = sum(block.n for block in blocks)
    for block, precision in zip(blocks, point.precisions, strict=True):
        implied = point.implied[block.group]
        seen = precision @ _discrepancy(layout, implied, block) @ precision
        share = block.n / n
        weights[block.group][np.ix_(block.places, block.places)] += share * (precision - seen)
        if layout.structure.has_means:
            pulls[block.group][block.places] += share * (precision @ (block.mean - implied.mean[block.places]))
    return weights, pulls


def _data_curve(precision: np.ndarray, seen: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Half of tr(precision D_i seen D_j) for the rank-two derivatives D, symmetric in i and j."""
    near, far = precision @ left, precision @ right
    near_seen, far_seen = seen @ left, seen @ right
    shape = (
        (left.T @ near) * (right.T @ far_seen)
        + (right.T @ far) * (left.T @ near_seen)
        + (left.T @ far) * (right.T @ near_seen)
        + (right.T @ near) * (left.T @ far_seen)
    )
    return np.asarray((shape + shape.T) / 4)


def _quick_search(layout: Layout, blocks: Sequence[Block], point: Point) -> Point | None:
    """Fisher scoring, then Newton; None as soon as a step does not lead down."""
    gain = np.inf
    for _ in range(QUICK):
        near = gain < NEAR
        shape = (observed_information if near else expected_information)(layout, blocks, point)
        down = slope(layout, blocks, point)
        try:
            step = inverse(shape) @ down
        except np.linalg.LinAlgError:
            return None
        gain = float(down @ step)
        tried = locate(layout, blocks, point.theta - step)
        if not tried.value <= point.value + 1e-12 * max(1.0, abs(point.value)):
            return None
        point = tried
        if near and gain < LAST:
            return point
    return None


def _careful_search(layout: Layout, blocks: Sequence[Block], point: Point) -> Point | None:
    """Newton within a radius that grows while the quadratic tells the truth and shrinks when it does not."""
    units = _units(layout, blocks, point)
    radius = 1.0
    for _ in range(STEPS):
        down = slope(layout, blocks, point) / units
        shape = observed_information(layout, blocks, point) / np.outer(units, units)
        roots, vectors = np.linalg.eigh(shape)
        if roots[0] > 0 and down @ ((vectors / roots) @ (vectors.T @ down)) < PRECISION:
            return point if np.abs(point.theta * units).max() < FAR else None
        step = vectors @ _within(roots, vectors.T @ down, radius)
        promised = float(2 * down @ step - step @ shape @ step)
        tried = locate(layout, blocks, point.theta - step / units)
        noise = 1e-13 * max(1.0, abs(point.value))
        truth = (point.value - tried.value + noise) / (promised + noise)
        size = float(np.linalg.norm(step))
        if truth > 0.75 and size > 0.9 * radius:
            radius *= 2
        elif not truth > 0.25:
            radius = 0.25 * size
        if truth > 1e-4:
            point = tried
        elif radius < 1e-12:
            return None
    return None


def _within(roots: np.ndarray, down: np.ndarray, radius: float) -> np.ndarray:
    """The step down a quadratic with these curvatures that is no longer than the radius (in its own axes)."""
    if roots[0] > 0 and np.linalg.norm(down / roots) <= radius:
        return np.asarray(down / roots)
    low = max(0.0, -float(roots[0])) + 1e-14
    high = low + float(np.linalg.norm(down)) / radius + 1e-14
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if np.linalg.norm(down / (roots + middle)) > radius else (low, middle)
    step = down / (roots + high)
    short = radius**2 - float(step @ step)
    if roots[0] < 0 and short > 1e-6 * radius**2:
        step[0] += np.copysign(np.sqrt(short), step[0])
    return np.asarray(step)


def _units(layout: Layout, blocks: Sequence[Block], point: Point) -> np.ndarray:
    """One over the natural size of each parameter."""
    return np.asarray(np.sqrt(np.diag(expected_information(layout, blocks, point)).clip(1e-12)))


def _possible(layout: Layout, blocks: Sequence[Block], theta: np.ndarray) -> Point:
    """A start that is no covariance matrix is drawn towards uncorrelated variables until it is one."""
    kept = np.zeros(layout.size, dtype=bool)
    for slots in layout.slots:
        for slot, parameter in zip(slots, layout.structure.parameters, strict=True):
            if slot >= 0:
                kept[slot] = parameter.kind in ("variance", "intercept")
    for share in (1.0, 0.7, 0.5, 0.3, 0.1, 0.0):
        tried = locate(layout, blocks, np.where(kept, theta, theta * share))
        if np.isfinite(tried.value):
            return tried
    raise NotConverged(_not_converged())


def _check_identified(layout: Layout, information: np.ndarray) -> None:
    scale = np.sqrt(np.diag(information))
    if (scale > 0).all():
        roots, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        if roots[0] > 1e-9:
            return
        loose = np.flatnonzero(np.abs(vectors[:, 0]) > 0.2)
    else:
        loose = np.flatnonzero(scale <= 0)
    names = []
    for slots in layout.slots:
        for k, parameter in enumerate(layout.structure.parameters):
            if slots[k] in loose:
                names.append(f"{parameter.kind} of {parameter.outcome} and {parameter.term}")
    what = f"the data cannot tell these apart: {', '.join(dict.fromkeys(names[:6]))}"
    remedy = "Give each latent at least three indicators, or take a parameter out."
    raise ModelError(Problem("model", what, remedy))


def _not_converged() -> Problem:
    what = "the search for the best estimates found no end"
    remedy = (
        "Check that each item belongs to its latent and points the same way, take out latents that correlate "
        "almost perfectly, or collect more answers."
    )
    return Problem("model", what, remedy)
