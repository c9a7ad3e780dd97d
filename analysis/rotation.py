"""Turning factors until they can be read: varimax, oblimin, promax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

Rotation = Literal["none", "varimax", "oblimin", "promax"]

STEPS = 3000
PRECISION = 1e-9
POWER = 4
"""Promax: the power to which the varimax loadings are raised for the target (SPSS's kappa, psych's m)."""


@dataclass(frozen=True, eq=False)
class Turned:
    """Rotated loadings (p, k), correlations of the factors (k, k), and whether the search ended."""

    loadings: np.ndarray
    correlations: np.ndarray
    converged: bool = True


def rotate(loadings: np.ndarray, rotation: Rotation) -> Turned:
    """What do the loadings look like after this rotation?

    Parameters
    ----------
    loadings : ndarray, shape (p, k)
        Unrotated. One factor cannot be turned and comes back as it is.
    rotation : {"none", "varimax", "promax", "oblimin"}

    Returns
    -------
    Turned
        The pattern, the correlations of the factors, and whether the search came to an end.

    Notes
    -----
    Varimax and promax turn rows of length one (Kaiser normalisation), as SPSS and psych's `promax` do; oblimin is
    direct quartimin (gamma 0) on the loadings as they are, as psych and GPArotation do (SPSS normalises there too).

    Checked against
    ---------------
    R 4.2.2 `varimax`, and promax by its definition, through `fit_factors`: tests/reference/measurement.json; oblimin's
    criterion minimised by `optim` from many starts: tests/reference/rotation.json. statsmodels for oblimin:
    tests/analysis/test_factor.py.

    References
    ----------
    Kaiser 1958; Hendrickson & White 1964; Jennrich 2002.

    Examples
    --------
    >>> turned = rotate(np.array([[0.7, 0.3], [0.6, 0.3], [0.3, -0.6], [0.3, -0.5]]), "varimax")
    >>> turned.loadings.round(2).tolist()[0]
    [0.76, -0.05]
    """
    if loadings.shape[1] < 2 or rotation == "none":
        return Turned(loadings, np.eye(loadings.shape[1]))
    return METHODS[rotation](loadings)


def _varimax(loadings: np.ndarray) -> Turned:
    """Orthogonal: as few items as possible load on several factors (Kaiser, 1958)."""
    length, rows = _normalised(loadings)
    turn, converged = _varimax_turn(rows)
    return Turned((rows @ turn) * length, np.eye(rows.shape[1]), converged)


def _promax(loadings: np.ndarray) -> Turned:
    """Oblique: varimax loadings to the fourth power are the target (Hendrickson & White, 1964)."""
    length, rows = _normalised(loadings)
    turn, converged = _varimax_turn(rows)
    rows = rows @ turn
    target = rows * np.abs(rows) ** (POWER - 1)
    bend = np.linalg.lstsq(rows, target, rcond=None)[0]
    bend = bend * np.sqrt(np.diag(np.linalg.inv(bend.T @ bend)))
    back = np.linalg.inv(bend)
    return Turned((rows @ bend) * length, back @ back.T, converged)


def _oblimin(loadings: np.ndarray) -> Turned:
    """Oblique: products of squared loadings as small as possible, by gradient projection (Jennrich, 2002)."""
    turn, step = _start(loadings.shape[1]), 1.0
    value, slope, pattern = _quartimin(loadings, turn)
    for _ in range(STEPS):
        along = slope - turn * (turn * slope).sum(axis=0)
        size = float((along**2).sum())
        if size < PRECISION**2:
            return Turned(pattern, turn.T @ turn)
        step *= 2
        for _ in range(60):
            tried = turn - step * along
            tried = tried / np.sqrt((tried**2).sum(axis=0))
            reached, next_slope, next_pattern = _quartimin(loadings, tried)
            if reached < value - 0.5 * size * step:
                break
            step /= 2
        else:
            return Turned(pattern, turn.T @ turn, size < 1e-6**2)
        turn, value, slope, pattern = tried, reached, next_slope, next_pattern
    return Turned(pattern, turn.T @ turn, False)


METHODS: dict[str, Callable[[np.ndarray], Turned]] = {"varimax": _varimax, "oblimin": _oblimin, "promax": _promax}


def _start(k: int) -> np.ndarray:
    """Where to begin: turned a little, since perfectly regular loadings give no direction to go in."""
    below = np.tril(np.full((k, k), 0.05), -1)
    turn, upper = np.linalg.qr(np.eye(k) + below - below.T)
    return np.asarray(turn * np.sign(np.diag(upper)))


def _normalised(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    return length, loadings / np.where(length > 0, length, 1.0)


def _varimax_turn(rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """Kaiser's planar turns, each the best one for its pair of factors, until none turns any further."""
    p, k = rows.shape
    turned, turn = rows.copy(), np.eye(k)
    for _ in range(STEPS):
        furthest = 0.0
        for i, j in combinations(range(k), 2):
            x, y = turned[:, i], turned[:, j]
            u, v = x**2 - y**2, 2 * x * y
            top = 2 * (u @ v) - 2 * u.sum() * v.sum() / p
            angle = np.arctan2(top, u @ u - v @ v - (u.sum() ** 2 - v.sum() ** 2) / p) / 4
            plane = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            turned[:, [i, j]] = turned[:, [i, j]] @ plane
            turn[:, [i, j]] = turn[:, [i, j]] @ plane
            furthest = max(furthest, abs(angle))
        if furthest < PRECISION:
            return turn, True
    return turn, False


def _quartimin(loadings: np.ndarray, turn: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The criterion, its slope in the turn, and the pattern."""
    inverse = np.linalg.inv(turn)
    pattern = loadings @ inverse.T
    squares = pattern**2
    others = squares.sum(axis=1, keepdims=True) - squares
    slope = -(pattern.T @ (pattern * others) @ inverse).T
    return float((squares * others).sum() / 4), slope, pattern
