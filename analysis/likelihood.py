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
    """Where does each parameter of a single group stand in the vector of estimates?

    Parameters
    ----------
    structure : Structure
        A model's parameters.

    Returns
    -------
    Layout
        Every free parameter has a slot of its own, in the order of `structure.parameters`.

    Checked against
    ---------------
    lavaan 0.6-14, through every one-group fit: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> one_group(specify(parse_model("f =~ a + b + c"))).size
    6
    """
    slots = np.where(structure.free, np.cumsum(structure.free) - 1, -1)
    return Layout(structure, slots[None], structure.fixed[None])


def collect(layout: Layout, values: Sequence[np.ndarray]) -> np.ndarray:
    """Which one vector of estimates stands for these parameter values of each group?

    Parameters
    ----------
    layout : Layout
        Where parameters stand; equal ones share a slot.
    values : sequence of ndarray, each of shape (parameters,)
        One array for each group.

    Returns
    -------
    ndarray, shape (estimates,)
        Parameters that are to be equal become their mean.

    Checked against
    ---------------
    lavaan 0.6-14, through the fits it starts, with equal parameters in tests/analysis/test_invariance.py
    (`fit_invariance`): tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("f =~ a + b + c")))
    >>> collect(layout, [np.array([1.0, 0.7, 0.5, 0.6, 0.4, 0.7, 0.8])]).tolist()  # the first loading is fixed
    [0.7, 0.5, 0.6, 0.4, 0.7, 0.8]
    """
    total, count = np.zeros((2, layout.size))
    for slots, group in zip(layout.slots, values, strict=True):
        free = slots >= 0
        np.add.at(total, slots[free], group[free])
        np.add.at(count, slots[free], 1)
    return np.asarray(total / count)


def locate(layout: Layout, blocks: Sequence[Block], theta: np.ndarray) -> Point:
    """How far are these estimates from the data?

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    theta : ndarray, shape (estimates,)

    Returns
    -------
    Point
        `value` is the sum over blocks of n (log |S| + tr(S^-1 D)) / N, where S is what the model implies and D the
        block's covariances, plus the square of its gap in means where the model has means. Infinite, and without
        `precisions`, where an S is no covariance matrix.

    Checked against
    ---------------
    lavaan 0.6-14, whose log-likelihoods and chi-squares follow from it: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("f =~ a + b + c")))
    >>> block = Block(90, np.zeros(3), np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]]), np.arange(3))
    >>> exact = np.array([2 / 3, 0.5, 0.4, 11 / 15, 0.85, 0.6])  # three items are reproduced without error
    >>> gap = locate(layout, [block], exact).value - np.linalg.slogdet(block.cov)[1] - 3
    >>> bool(abs(gap) < 1e-12), locate(layout, [block], -exact).value
    (True, inf)
    """
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
    """Which way does half the deviance rise?

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    point : Point
        As `locate` gives it.

    Returns
    -------
    ndarray, shape (estimates,)
        The derivative of half of `point.value` to each estimate; zero at the maximum of the likelihood.

    Checked against
    ---------------
    Small differences of `locate` for five kinds of model: tests/analysis/test_latent.py. lavaan 0.6-14, whose estimates
    are its zeros and whose modification indices hold its squares: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("f =~ a + b + c")))
    >>> block = Block(90, np.zeros(3), np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]]), np.arange(3))
    >>> exact = locate(layout, [block], np.array([2 / 3, 0.5, 0.4, 11 / 15, 0.85, 0.6]))
    >>> bool(np.abs(slope(layout, [block], exact)).max() < 1e-12)
    True
    """
    found = np.zeros(layout.size)
    weights, pulls = _residual_weights(layout, blocks, point)
    for implied, weight, pull, add in zip(point.implied, weights, pulls, layout.sums, strict=True):
        found += (np.einsum("ik,ik->k", implied.left, weight @ implied.right) - pull @ implied.shift) @ add
    return found


def expected_information(layout: Layout, blocks: Sequence[Block], point: Point) -> np.ndarray:
    """How much would one more person tell about the estimates, if the model is right?

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    point : Point

    Returns
    -------
    ndarray, shape (estimates, estimates)
        The expected second derivative of half the deviance, per person: its inverse over n is the covariance of the
        estimates.

    Notes
    -----
    For parameters i and j, tr(S^-1 dS_i S^-1 dS_j) / 2 and the means' part dm_i' S^-1 dm_j. Each dS is a sum of two
    outer products of vectors, so no p x p matrix is built for each parameter.

    Checked against
    ---------------
    lavaan 0.6-14 standard errors: tests/reference/latent.json. It equals `observed_information` where the data are what
    the model expects: tests/analysis/test_latent.py.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("y ~ x")))
    >>> block = Block(100, np.zeros(2), np.eye(2), np.arange(2))
    >>> information = expected_information(layout, [block], locate(layout, [block], np.array([0.0, 1.0, 1.0])))
    >>> information.diagonal().tolist()  # slope, residual variance, variance of x
    [1.0, 0.5, 0.5]
    """
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
    """How sharply does the likelihood of these very answers bend at the estimates?

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    point : Point

    Returns
    -------
    ndarray, shape (estimates, estimates)
        The second derivative of half the deviance, exactly, per person.

    Checked against
    ---------------
    Small differences of `slope` for five kinds of model: tests/analysis/test_latent.py. lavaan 0.6-14 standard errors
    of full information and of MLR: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("y ~ x")))
    >>> block = Block(100, np.zeros(2), np.diag([2.0, 2.0]), np.arange(2))
    >>> point = locate(layout, [block], np.array([0.0, 1.0, 1.0]))
    >>> observed_information(layout, [block], point).diagonal().tolist()  # people vary more than the estimates say
    [2.0, 1.5, 1.5]
    """
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
    """Which way does each person pull the estimates?

    Parameters
    ----------
    layout : Layout
    point : Point
    rows : ndarray, shape (people, variables of the block)
        Their answers.
    block : Block
        To which they belong; its means are taken as given where the model has none.
    from_own_mean : bool
        Take them as given where the model has means, too.

    Returns
    -------
    ndarray, shape (people, estimates)
        The derivative of each person's log-likelihood.

    Checked against
    ---------------
    Its mean is minus `slope`: tests/analysis/test_latent.py. lavaan 0.6-14 robust errors (MLM, MLR), which are made of
    it: tests/reference/latent.json; of groups: tests/reference/latent_more.json.

    Examples
    --------
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("y ~ x")))
    >>> rows = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    >>> block = Block(4, rows.mean(axis=0), rows.T @ rows / 4, np.arange(2))
    >>> case_slopes(layout, locate(layout, [block], np.array([0.0, 1.0, 1.0])), rows, block)[:, 0].tolist()
    [1.0, 1.0, -1.0, -1.0]
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
    """Which estimates make the data most likely?

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    starts : iterable of ndarray, each of shape (estimates,)
        Where to begin, best guess first; each is tried in turn until one leads to an end.

    Returns
    -------
    Point
        Where the deviance is least.

    Raises
    ------
    ModelError
        When the data cannot tell two parameters apart; the message names them.
    NotConverged
        When no step leads further down, or the estimates run away.

    Notes
    -----
    Fisher scoring, then Newton's steps; a trust region where those stray. A local minimum cannot be told from the
    lowest one.

    Checked against
    ---------------
    lavaan 0.6-14 estimates of all kinds of model: tests/reference/latent.json. Refusals and hard cases:
    tests/analysis/test_cfa.py (`fit_cfa`).

    Examples
    --------
    >>> from analysis.latent import specify, start_values
    >>> from analysis.model import parse_model
    >>> layout = one_group(specify(parse_model("f =~ a + b + c")))
    >>> block = Block(90, np.zeros(3), np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]]), np.arange(3))
    >>> starts = (collect(layout, [values]) for values in start_values(layout.structure, block.cov, block.mean))
    >>> minimise(layout, [block], starts).theta.round(6).tolist()
    [0.666667, 0.5, 0.4, 0.733333, 0.85, 0.6]
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
    """Do some of these variables determine each other?

    Parameters
    ----------
    cov : ndarray, shape (p, p)
        Covariances; no variance is zero.
    names : sequence of p str
    where : str
        What the message begins with.

    Raises
    ------
    DataError
        When the correlation matrix has an eigenvalue below 1e-9; it names the variables that take part.

    Checked against
    ---------------
    Sums of items among the items, in the tests of the estimators that call it: tests/analysis/test_cfa.py (`fit_cfa`),
    tests/analysis/test_factor.py (`fit_factors`). It refuses, so there is no number of R's to compare.

    Examples
    --------
    >>> check_distinct(np.array([[1.0, 1.0], [1.0, 1.0]]), ["psi", "copy"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: data: psi, copy determine each other (their covariance matrix is not positive ...
    """
    sd = np.sqrt(np.diag(cov))
    roots, vectors = np.linalg.eigh(cov / np.outer(sd, sd))
    if roots[0] < SMALLEST:
        involved = [name for name, share in zip(names, vectors[:, 0], strict=True) if abs(share) > 0.1]
        what = f"{', '.join(involved)} determine each other (their covariance matrix is not positive definite)"
        remedy = "Take one of them out of the model, or collect more answers than there are items."
        raise DataError(Problem(where, what, remedy))


def inverse(information: np.ndarray) -> np.ndarray:
    """What is the inverse of this information matrix?

    Parameters
    ----------
    information : ndarray, shape (k, k)
        Symmetric and positive definite; scaled to a unit diagonal first, so that units cost no digits.

    Returns
    -------
    ndarray, shape (k, k)

    Raises
    ------
    LinAlgError
        Where the matrix is not positive definite.

    Checked against
    ---------------
    lavaan 0.6-14 and lme4 1.1-31 standard errors: tests/reference/latent.json, tests/reference/mixed.json.

    Examples
    --------
    >>> inverse(np.array([[4.0, 0.0], [0.0, 0.5]])).round(12).tolist()
    [[0.25, 0.0], [0.0, 2.0]]
    """
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
