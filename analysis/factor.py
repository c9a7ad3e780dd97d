"""Which few factors could lie behind these items? Exploratory factor analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.cfa import check_moments
from analysis.errors import DataError, ModelError, NotConverged, Problem
from analysis.fitmeasures import ChiSquare, comparative, rmsea
from analysis.moments import Moments, as_moments
from analysis.rotation import Rotation, rotate
from analysis.scoring import Scores

Method = Literal["minres", "ml"]

LOADINGS = ("item", "factor", "loading")
UNIQUE = ("item", "communality", "uniqueness", "complexity")
SUMMARY = (
    "n", "items", "factors", "chi_square", "df", "p_value", "rmsea", "rmsea_low", "rmsea_high", "tli", "rmsr",
)  # fmt: skip
VARIANCE = ("factor", "sum_of_squares", "share", "cumulative")
LEAST = 0.005
"""The search lets no uniqueness go below this."""
STEPS = 500
PRECISION = 1e-9


@dataclass(frozen=True, eq=False)
class Factors:
    """A factor solution.

    Attributes
    ----------
    loadings : DataFrame
        One row per item and factor: `item`, `factor` (`f1` explains most), `loading` (pattern coefficient).
    items : DataFrame
        One row per item: `item`, `communality` (share of its variance the factors explain), `uniqueness` (1 minus
        that), `complexity` (how many factors it takes to describe the item; 1 is simple).
    correlations : DataFrame
        Square, factors as index and columns.
    variance : DataFrame
        One row per factor: `factor`, `sum_of_squares`, `share` of the items' total variance, `cumulative`.
    summary : DataFrame
        One row, columns `SUMMARY`; `rmsr` is the root mean square of the residual correlations. What cannot be had is
        empty, and a note says why.
    method, rotation : str
        How the factors were found and turned.
    source, synthetic, notes
        As in `Fit`.
    """

    loadings: pd.DataFrame
    items: pd.DataFrame
    correlations: pd.DataFrame
    variance: pd.DataFrame
    summary: pd.DataFrame
    method: Method
    rotation: Rotation
    source: str
    synthetic: bool
    notes: tuple[str, ...]

    @property
    def pattern(self) -> pd.DataFrame:
        """The loadings as a square picture: items as index, factors as columns."""
        table = self.loadings.pivot(index="item", columns="factor", values="loading")
        return table.loc[self.items["item"].tolist(), self.variance["factor"].tolist()]


def fit_factors(
    data: Scores | Moments,
    items: Sequence[str],
    factors: int,
    *,
    method: Method = "minres",
    rotation: Rotation = "oblimin",
) -> Factors:
    """Which items go together when this many factors may explain their correlations?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of str
        The items to explain.
    factors : int
        How many factors; `parallel_analysis` suggests a number.
    method : "minres" or "ml"
        Smallest residual correlations (ordinary least squares), or maximum likelihood.
    rotation : "none", "varimax", "oblimin" or "promax"
        Oblimin and promax let factors correlate, which psychological factors do.

    Returns
    -------
    Factors

    Raises
    ------
    ModelError
        For more factors than the items can tell apart, or fewer than one.
    DataError
        For unknown, repeated or constant items, or items that determine each other.
    NotConverged
        When the search for the factors did not end.

    Notes
    -----
    Of the correlations. The search keeps uniquenesses at 0.005 or above, as psych's and factanal's; where one ends
    there, the loadings may still explain more than the item has (a Heywood case, noted).
    With one factor nothing is turned. Signs are such that each factor's loadings sum to a positive number; factors
    stand in the order of the variance they explain. Chi-square uses Bartlett's correction (n - 1 - (2p + 5)/6 - 2k/3)
    and the likelihood discrepancy, for minres too, as psych does. Rotation: varimax and promax with Kaiser
    normalisation, oblimin without. The same data chose the factors, so a confirmatory model needs other data.
    Searches run until nothing changes at 1e-9, psych's stop earlier: third decimals of rotated loadings may differ.

    Checked against
    ---------------
    psych 2.2.9 `fa()`, `factanal()`: tests/reference/measurement.json, shared reference 02_efa_bfi.

    References
    ----------
    Harman, H. H., & Jones, W. H. (1966). Psychometrika, 31, 351-368.
    Jöreskog, K. G. (1967). Psychometrika, 32, 443-482.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.full((6, 6), 0.2); r[:3, :3] = 0.6; r[3:, 3:] = 0.5; np.fill_diagonal(r, 1)
    >>> found = fit_factors(from_correlations(list("abcdef"), r, n=200), list("abcdef"), 2)
    >>> found.pattern.round(2).abs().iloc[0].tolist(), found.items["communality"].round(2).tolist()[0]
    ([0.77, 0.0], 0.6)
    """
    moments = as_moments(data, check_items(items))
    _check_count(len(items), factors)
    check_moments(moments, 0)
    correlations = moments.correlations
    unique, converged = _uniquenesses(correlations, factors, method)
    if not converged:
        what = f"no end was found for {factors} factor(s)"
        raise NotConverged(Problem("factors", what, "Ask for fewer factors, or the other method."))
    raw = _loadings(correlations, unique, factors, method)
    turned = rotate(raw, rotation)
    pattern, phi = _arranged(turned.loadings, turned.correlations)
    implied = pattern @ phi @ pattern.T
    names = [f"f{number}" for number in range(1, factors + 1)]
    bound = [name for name, value in zip(items, unique, strict=True) if value <= LEAST * 1.0001]
    summary = _summary(correlations, implied, moments.n, factors)
    return Factors(
        _long(items, names, pattern),
        _items_table(items, pattern, np.diag(implied)),
        pd.DataFrame(phi, index=names, columns=names),
        _variance_table(names, pattern, phi),
        pd.DataFrame([summary]),
        method, rotation, moments.source, moments.synthetic,
        (*moments.notes, *_notes(bound, turned.converged, summary)),
    )  # fmt: skip


def check_items(items: Sequence[str]) -> list[str]:
    """Are these items that factors can be looked for in?

    Parameters
    ----------
    items : sequence of str

    Returns
    -------
    list of str
        The items.

    Raises
    ------
    DataError
        Where one stands twice or there are fewer than three.

    Checked against
    ---------------
    Bad lists given to the questions that call it, `fit_factors` and `parallel_analysis`:
    tests/analysis/test_factor.py. It computes nothing R could.

    Examples
    --------
    >>> check_items(["psi1", "psi1"])
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: item 'psi1': it stands twice in the list. Name it once.
    items: 2 given. Factors show in three items or more.
    """
    twice = sorted({item for item in items if list(items).count(item) > 1})
    problems = [Problem(f"item '{item}'", "it stands twice in the list", "Name it once.") for item in twice]
    if len(items) < 3:
        problems.append(Problem("items", f"{len(items)} given", "Factors show in three items or more."))
    if problems:
        raise DataError(*problems)
    return list(items)


def degrees_of_freedom(items: int, factors: int) -> int:
    """How many correlations are left when so many factors have taken what they can choose freely?

    Parameters
    ----------
    items, factors : int
        How many there are.

    Returns
    -------
    int
        ((items - factors)^2 - items - factors) / 2; below zero, the factors cannot be told apart.

    Checked against
    ---------------
    psych 2.2.9 `fa()` and `factanal()`: tests/reference/measurement.json, tests/analysis/test_factor.py.

    Examples
    --------
    >>> degrees_of_freedom(25, 5)
    185
    """
    return ((items - factors) ** 2 - items - factors) // 2


def one_factor_communalities(correlations: np.ndarray, precision: float) -> np.ndarray:
    """How much of each item does one common factor explain, in many correlation matrices at once?

    Parameters
    ----------
    correlations : ndarray, shape (matrices, p, p)
    precision : float
        A matrix is done when no loading moves by as much in a step.

    Returns
    -------
    ndarray, shape (matrices, p)
        Squared loadings of one minres factor.

    Notes
    -----
    Coordinate descent on all matrices together: each loading in turn is the least-squares slope of the item's
    correlations on the other loadings. A loading ends where its uniqueness would fall below 0.005.

    Checked against
    ---------------
    psych 2.2.9 `fa.parallel()`, whose mean eigenvalues of random data hang on it, in tests/analysis/test_factor.py
    (`parallel_analysis`): tests/reference/measurement.json.

    Examples
    --------
    >>> r = np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]])
    >>> one_factor_communalities(r[None], 1e-10).round(4).tolist()
    [[0.6, 0.2667, 0.15]]
    """
    p = correlations.shape[-1]
    matrix = correlations * (1 - np.eye(p))
    values, vectors = np.linalg.eigh(correlations)
    loading = vectors[:, :, -1] * np.sqrt(values[:, -1:]) * 0.8
    most = np.sqrt(1 - LEAST)
    moving = np.arange(len(matrix))
    for _ in range(STEPS):
        near, own = matrix[moving], loading[moving]
        squares = (own**2).sum(axis=1)
        for i in range(p):
            others = np.maximum(squares - own[:, i] ** 2, 1e-12)
            new = np.clip((near[:, i] * own).sum(axis=1) / others, -most, most)
            squares = others + new**2
            own[:, i] = new
        far = np.abs(own - loading[moving]).max(axis=1) >= precision
        loading[moving] = own
        moving = moving[far]
        if not len(moving):
            break
    return np.asarray(loading**2)


def _check_count(p: int, factors: int) -> None:
    if factors < 1:
        raise ModelError(Problem("factors", f"{factors} asked for", "Ask for one or more."))
    most = max(k for k in range(p) if degrees_of_freedom(p, k) >= 0)
    if factors > most:
        what = f"{factors} factors cannot be told apart from {p} items"
        remedy = f"At most {most} can." if most else "Take more items."
        raise ModelError(Problem("factors", what, remedy))


def _uniquenesses(correlations: np.ndarray, factors: int, method: Method) -> tuple[np.ndarray, bool]:
    """Newton's steps between LEAST and 1, in the uniquenesses (minres) or their logarithms (ml)."""
    bounds = (np.log(LEAST), 0.0) if method == "ml" else (LEAST, 1.0)
    start = np.clip(1 / np.diag(np.linalg.inv(correlations)) * (1 - 0.5 * factors / len(correlations)), LEAST, 1)
    at = np.log(start) if method == "ml" else start
    value, slope, sure, full = _criterion(correlations, at, factors, method)
    for _ in range(STEPS):
        free = ~(((at <= bounds[0]) & (slope > 0)) | ((at >= bounds[1]) & (slope < 0)))
        if not free.any() or np.abs(slope[free]).max() < PRECISION:
            return (np.exp(at) if method == "ml" else at), True
        further = None
        for curve in (full, sure):
            further = _line_search(correlations, at, factors, method, (value, slope, free), curve, bounds)
            if further is not None:
                break
        if further is None:
            return (np.exp(at) if method == "ml" else at), bool(np.abs(slope[free]).max() < 1e-6)
        at = further
        value, slope, sure, full = _criterion(correlations, at, factors, method)
    return (np.exp(at) if method == "ml" else at), False


def _line_search(
    correlations: np.ndarray,
    at: np.ndarray,
    factors: int,
    method: Method,
    here: tuple[float, np.ndarray, np.ndarray],
    curve: np.ndarray,
    bounds: tuple[float, float],
) -> np.ndarray | None:
    """The next place along Newton's direction that lies lower; None where this curvature leads nowhere."""
    value, slope, free = here
    block = curve[np.ix_(free, free)]
    try:
        np.linalg.cholesky(block)
    except np.linalg.LinAlgError:
        block = block + np.eye(len(block)) * (1e-6 + max(0.0, -2 * float(np.linalg.eigvalsh(block)[0])))
    direction = np.zeros(len(at))
    direction[free] = np.linalg.solve(block, slope[free])
    share = 1.0
    for _ in range(40):
        tried = np.clip(at - share * direction, *bounds)
        if not np.array_equal(tried, at) and _criterion(correlations, tried, factors, method)[0] <= value + 1e-15:
            return tried
        share /= 2
    return None


def _criterion(
    correlations: np.ndarray, at: np.ndarray, factors: int, method: Method
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """What is minimised, its slope, a curvature that is never negative, and the exact one.

    Half the sum of squares of the small eigenvalues of R - Psi (minres); their distance from 1 in
    Psi^-1/2 R Psi^-1/2 (ml): Jöreskog's concentrated functions.
    """
    if method == "ml":
        scale = np.exp(-at / 2)
        values, vectors = np.linalg.eigh(correlations * np.outer(scale, scale))
    else:
        values, vectors = np.linalg.eigh(correlations - np.diag(at))
    small, large = values[:-factors], values[-factors:]
    inner, outer = vectors[:, :-factors], vectors[:, -factors:]
    cross = (inner[:, :, None] * outer[:, None, :]).reshape(len(at), -1)
    gap = np.minimum(small[:, None] - large, -1e-12)
    if method == "ml":
        value = float((small - np.log(small) - 1).sum())
        slope = (1 - small) @ (inner**2).T
        sure = (inner * small) @ inner.T * (inner @ inner.T)
        weight = (small[:, None] - 1) * (small[:, None] + large) / gap
    else:
        value = float((small**2).sum() / 2)
        slope = -small @ (inner**2).T
        sure = (inner @ inner.T) ** 2
        weight = 2 * small[:, None] / gap
    return value, slope, sure, sure + (cross * weight.ravel()) @ cross.T


def _loadings(correlations: np.ndarray, unique: np.ndarray, factors: int, method: Method) -> np.ndarray:
    if method == "ml":
        root = np.sqrt(unique)
        values, vectors = np.linalg.eigh(correlations / np.outer(root, root))
        found = root[:, None] * vectors[:, -factors:] * np.sqrt(np.maximum(values[-factors:] - 1, 0))
    else:
        values, vectors = np.linalg.eigh(correlations - np.diag(unique))
        found = vectors[:, -factors:] * np.sqrt(np.maximum(values[-factors:], 0))
    found = found[:, ::-1]
    return np.asarray(found * np.where(found.sum(axis=0) < 0, -1.0, 1.0))


def _arranged(pattern: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive sums, largest factor first."""
    sign = np.where(pattern.sum(axis=0) < 0, -1.0, 1.0)
    order = np.argsort(-np.diag(phi @ pattern.T @ pattern), kind="stable")
    return (pattern * sign)[:, order], (phi * np.outer(sign, sign))[np.ix_(order, order)]


def _long(items: Sequence[str], names: Sequence[str], pattern: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"item": np.repeat(list(items), len(names)), "factor": list(names) * len(items), "loading": pattern.ravel()}
    )


def _items_table(items: Sequence[str], pattern: np.ndarray, communality: np.ndarray) -> pd.DataFrame:
    squares = (pattern**2).sum(axis=1)
    fourth = np.maximum((pattern**4).sum(axis=1), 1e-300)
    table = {
        "item": list(items), "communality": communality, "uniqueness": 1 - communality,
        "complexity": np.maximum(squares**2 / fourth, 1.0),
    }  # fmt: skip
    return pd.DataFrame(table)[list(UNIQUE)]


def _variance_table(names: Sequence[str], pattern: np.ndarray, phi: np.ndarray) -> pd.DataFrame:
    size = np.diag(phi @ pattern.T @ pattern)
    share = size / len(pattern)
    table = {"factor": list(names), "sum_of_squares": size, "share": share, "cumulative": np.cumsum(share)}
    return pd.DataFrame(table)[list(VARIANCE)]


def _summary(correlations: np.ndarray, implied: np.ndarray, n: int, factors: int) -> dict[str, float]:
    p = len(correlations)
    sigma = implied.copy()
    np.fill_diagonal(sigma, 1.0)
    weight = n - 1 - (2 * p + 5) / 6 - 2 * factors / 3
    df = degrees_of_freedom(p, factors)
    residual = (correlations - sigma)[np.triu_indices(p, 1)]
    row = dict.fromkeys(SUMMARY, np.nan) | {"n": n, "items": p, "factors": factors, "df": df}
    row["rmsr"] = float(np.sqrt((residual**2).mean()))
    if df == 0 or weight <= 0 or np.linalg.eigvalsh(sigma)[0] <= 0:
        return row
    own = float(np.linalg.slogdet(correlations)[1])
    discrepancy = float(np.trace(np.linalg.solve(sigma, correlations)) + np.linalg.slogdet(sigma)[1]) - own - p
    test = ChiSquare(max(weight * discrepancy, 0.0), df)
    found = rmsea(test, n)
    tli = comparative(test, ChiSquare(-own * weight, p * (p - 1) // 2))["tli"]
    measures = {name: found[name] for name in ("rmsea", "rmsea_low", "rmsea_high")}
    return row | measures | {"chi_square": test.statistic, "p_value": test.p_value, "tli": tli}


def _notes(bound: Sequence[str], turned: bool, summary: Mapping[str, float]) -> list[str]:
    notes = []
    if bound:
        notes.append(
            f"Heywood case: the factors explain all of {', '.join(bound)} or more. Too many factors, or an item that "
            "all but repeats another; do not interpret it as it stands."
        )
    if not turned:
        notes.append("The rotation did not settle; the factors may be turned further.")
    if summary["df"] == 0:
        notes.append("So many factors fit any correlations of these items: nothing tests them.")
    elif np.isnan(summary["chi_square"]):
        notes.append("No chi-square: there are too few people, or what the factors imply is no correlation matrix.")
    return notes
