"""Correlations between the tendencies behind ordered answers, and how precisely a sample knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.errors import DataError, Problem

FAR = 9.0
"""Beyond this many standard deviations lies nobody."""
HIGHEST = 0.9995
"""A polychoric correlation that wants to exceed this has no estimate."""
CATEGORIES = 12
"""An item with more different answers is not treated as ordinal."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)


@dataclass(frozen=True, eq=False)
class Polychorics:
    """Thresholds and polychoric correlations of ordinal items.

    Attributes
    ----------
    names : tuple of str
        The p items.
    n : int
        Complete rows.
    thresholds : tuple of ndarray
        For each item the cuts on its standard normal tendency, one fewer than it has categories.
    correlations : ndarray, shape (p, p)
    threshold_covariance : ndarray
        n times the sampling covariance of all thresholds.
    covariance : ndarray, shape (pairs, pairs)
        n times the sampling covariance of the correlations below the diagonal, pairs in the order of `pairs`.
    """

    names: tuple[str, ...]
    n: int
    thresholds: tuple[np.ndarray, ...]
    correlations: np.ndarray
    threshold_covariance: np.ndarray
    covariance: np.ndarray

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of items, (0, 1), (0, 2), ..."""
        return list(combinations(range(len(self.names)), 2))


def polychorics(values: np.ndarray, names: Sequence[str]) -> Polychorics:
    """How do the tendencies behind these ordered answers go together?

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Complete answers; only their order counts.
    names : sequence of str

    Returns
    -------
    Polychorics

    Raises
    ------
    DataError
        An item with one answer or too many different ones, two items that determine each other.

    Notes
    -----
    Two steps (Olsson 1979): thresholds from each item's own distribution, then each correlation by maximum
    likelihood given the thresholds. The sampling covariance is Muthen's (1984). A 2 x 2 table with one empty cell
    gets half a person there, margins kept.

    Checked against
    ---------------
    lavaan 0.6-14 (tests/reference/latent.json, shared reference 03b).

    Examples
    --------
    >>> rng = np.random.Generator(np.random.SFC64(4))
    >>> z = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=4000)
    >>> found = polychorics(np.digitize(z, [-1, 0, 1]), ("a", "b"))
    >>> round(float(found.correlations[0, 1]), 1)
    0.6
    """
    names = tuple(names)
    codes, counts = _codes(values, names)
    n, p = codes.shape
    cuts = tuple(ndtri(np.cumsum(count)[:-1] / n) for count in counts)
    pairs = list(combinations(range(p), 2))
    edges = _edges(cuts)
    tables = _tables(codes, pairs, edges.shape[1] - 1, counts)
    left, right = edges[[i for i, _ in pairs]], edges[[j for _, j in pairs]]
    start = np.corrcoef(codes.T)[tuple(np.array(pairs).T)]
    rho = _most_likely(left, right, tables, start)
    _check_rho(rho, pairs, names)
    correlations = np.eye(p)
    for (i, j), value in zip(pairs, rho, strict=True):
        correlations[i, j] = correlations[j, i] = value
    cut_pull = _threshold_influence(codes, cuts, counts)
    pull = _correlation_influence(codes, cuts, pairs, (left, right, tables, rho), cut_pull)
    return Polychorics(names, n, cuts, correlations, cut_pull.T @ cut_pull / n, pull.T @ pull / n)


def _codes(values: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
    codes, counts, problems = np.empty(values.shape, dtype=int), [], []
    for place, name in enumerate(names):
        kinds, codes[:, place], count = np.unique(values[:, place], return_inverse=True, return_counts=True)
        counts.append(count)
        if len(kinds) == 1:
            what = "everybody gave the same answer"
            problems.append(Problem(f"column '{name}'", what, "Take it out of the model."))
        elif len(kinds) > CATEGORIES:
            what = f"{len(kinds)} different answers are too many for an ordinal item"
            problems.append(Problem(f"column '{name}'", what, "Treat it as continuous, with robust='mlr'."))
    if problems:
        raise DataError(*problems)
    return codes, counts


def _edges(cuts: Sequence[np.ndarray]) -> np.ndarray:
    """The limits of every category, shape (items, most categories + 1); spare ones all lie far out."""
    most = max(map(len, cuts)) + 1
    edges = np.full((len(cuts), most + 1), FAR)
    edges[:, 0] = -FAR
    for row, cut in zip(edges, cuts, strict=True):
        row[1 : len(cut) + 1] = cut
    return edges


def _tables(codes: np.ndarray, pairs: Sequence[tuple[int, int]], size: int, counts: Sequence[np.ndarray]) -> np.ndarray:
    tables = np.zeros((len(pairs), size, size))
    for table, (i, j) in zip(tables, pairs, strict=True):
        table[:] = np.bincount(codes[:, i] * size + codes[:, j], minlength=size * size).reshape(size, size)
        small = table[:2, :2]
        if len(counts[i]) == len(counts[j]) == 2 and (small == 0).sum() == 1:
            small += np.where(np.eye(2) == (np.trace(small == 0) > 0), 0.5, -0.5)
    return tables


def _cells(left: np.ndarray, right: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of every cell and its derivative towards rho, shapes (pairs, categories, categories)."""
    h, k = left[:, :, None], right[:, None, :]
    angle = np.arcsin(rho)[:, None] / 2
    theta = angle * (NODES + 1)
    sine, cosine = np.sin(theta)[:, None, None], np.cos(theta)[:, None, None] ** 2
    squares, product = (h * h + k * k)[..., None], (h * k)[..., None]
    inner = np.exp((product * sine - squares / 2) / cosine) @ WEIGHTS
    below = ndtr(h) * ndtr(k) + inner * angle[:, :, None] / (2 * np.pi)
    rest = (1 - rho**2)[:, None, None]
    density = np.exp((rho[:, None, None] * h * k - (h * h + k * k) / 2) / rest) / (2 * np.pi * np.sqrt(rest))
    return _differences(below), _differences(density)


def _differences(corners: np.ndarray) -> np.ndarray:
    return np.asarray(np.diff(np.diff(corners, axis=1), axis=2), dtype=float)


def _most_likely(left: np.ndarray, right: np.ndarray, tables: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Every pair's correlation by Fisher scoring, all at once."""
    rho: np.ndarray = np.clip(start, -0.9, 0.9)
    total = tables.sum(axis=(1, 2))
    for _ in range(100):
        chance, change = _cells(left, right, rho)
        chance = np.maximum(chance, 1e-14)
        slope = (tables * change / chance).sum(axis=(1, 2))
        information = total * (change**2 / chance).sum(axis=(1, 2))
        step = np.clip(slope / information, -0.3, 0.3)
        moved = np.clip(rho + step, (rho - HIGHEST) / 2, (rho + HIGHEST) / 2)
        done = np.abs(moved - rho).max() < 1e-13
        rho = moved
        if done:
            break
    return rho


def _check_rho(rho: np.ndarray, pairs: Sequence[tuple[int, int]], names: tuple[str, ...]) -> None:
    stuck = [(names[i], names[j]) for (i, j), value in zip(pairs, rho, strict=True) if abs(value) > HIGHEST - 1e-3]
    if stuck:
        remedy = "Take one of them out of the model, or collect more answers."
        raise DataError(
            *(Problem(f"columns '{a}' and '{b}'", "their answers determine each other", remedy) for a, b in stuck)
        )


def _threshold_influence(codes: np.ndarray, cuts: Sequence[np.ndarray], counts: Sequence[np.ndarray]) -> np.ndarray:
    """How each person moves each threshold, times n; shape (n, thresholds)."""
    n = len(codes)
    columns = []
    for place, (cut, count) in enumerate(zip(cuts, counts, strict=True)):
        slopes = _threshold_slopes(codes[:, place], cut, count / n)
        columns.append(n * slopes @ np.linalg.inv(slopes.T @ slopes))
    return np.hstack(columns)


def _threshold_slopes(code: np.ndarray, cut: np.ndarray, share: np.ndarray) -> np.ndarray:
    density = np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    slope = np.zeros((len(share), len(cut)))
    below = np.arange(len(cut))
    slope[below, below] = density / share[:-1]
    slope[below + 1, below] = -density / share[1:]
    return np.asarray(slope[code])


def _correlation_influence(
    codes: np.ndarray,
    cuts: Sequence[np.ndarray],
    pairs: Sequence[tuple[int, int]],
    fitted: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    cut_pull: np.ndarray,
) -> np.ndarray:
    """How each person moves each correlation, times n, uncertainty of the thresholds included; shape (n, pairs)."""
    left, right, _, rho = fitted
    n = len(codes)
    chance, change = _cells(left, right, rho)
    score = np.where(chance > 1e-9, change / np.maximum(chance, 1e-14), 0.0)
    ends = np.cumsum([len(cut) for cut in cuts])
    pull = np.empty((n, len(pairs)))
    for number, (i, j) in enumerate(pairs):
        own = score[number][codes[:, i], codes[:, j]]
        weight = np.bincount(codes[:, i] * score.shape[2] + codes[:, j], minlength=score[number].size)
        weight = weight.reshape(score[number].shape) * score[number] / np.maximum(chance[number], 1e-14)
        moved = own * n
        for item, other, grid in ((i, right[number], weight), (j, left[number], weight.T)):
            across = _cut_changes(cuts[item], other, float(rho[number]), grid)
            moved = moved - cut_pull[:, ends[item] - len(cuts[item]) : ends[item]] @ across
        pull[:, number] = moved / (own @ own)
    return pull


def _cut_changes(cut: np.ndarray, other: np.ndarray, rho: float, weight: np.ndarray) -> np.ndarray:
    """The products of slopes towards the correlation and towards each threshold of one item, summed over people."""
    density = np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    reach = ndtr((other[None, :] - rho * cut[:, None]) / np.sqrt(1 - rho**2))
    step = density[:, None] * np.diff(reach, axis=1)
    size = len(cut)
    return np.asarray(((weight[:size] - weight[1 : size + 1]) * step).sum(axis=1))
