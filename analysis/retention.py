"""Can these items be factored at all, and how many factors do they hold?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import SFC64, Generator
from scipy.special import chdtrc

from analysis.bootstrap import check_draws
from analysis.cfa import check_moments
from analysis.factor import check_items, one_factor_communalities
from analysis.moments import Moments, as_moments
from analysis.regression import check_level
from analysis.scoring import Scores

ADEQUACY = ("item", "kmo")
PARALLEL = (
    "number", "component", "component_random", "component_limit", "factor", "factor_random", "factor_limit",
    "average_partial",
)  # fmt: skip
KMO_GUIDE = 0.60
"""Below this the items share too little to factor (Kaiser, 1974, calls .60 mediocre): a guide, never a gate."""
AT_ONCE = 500
"""Random correlation matrices held at a time."""


@dataclass(frozen=True, eq=False)
class Adequacy:
    """Whether items share enough to be factored.

    Attributes
    ----------
    kmo : float
        Kaiser-Meyer-Olkin measure of sampling adequacy, 0 to 1.
    items : DataFrame
        `item`, `kmo` of each.
    chi_square, df, p_value
        Bartlett's test that nothing correlates with anything.
    n, source, synthetic, notes
        As in `Fit`.
    """

    kmo: float
    items: pd.DataFrame
    chi_square: float
    df: int
    p_value: float
    n: int
    source: str
    synthetic: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Parallel:
    """Eigenvalues beside those of random data, and the numbers of factors three rules suggest.

    Attributes
    ----------
    table : DataFrame
        One row per eigenvalue, columns `PARALLEL`.
    components, factors : int
        How many first eigenvalues in a row lie above those of random data: of the correlations (principal components),
        and of the correlations with communalities on the diagonal (common factors).
    average_partial : int
        Velicer's minimum average partial (MAP).
    n, source, level, draws, seed, synthetic, notes
        As in `Fit`; `level` is the percentile of the random eigenvalues.
    """

    table: pd.DataFrame
    components: int
    factors: int
    average_partial: int
    n: int
    source: str
    level: float
    draws: int
    seed: int
    synthetic: bool
    notes: tuple[str, ...]


def sampling_adequacy(data: Scores | Moments, items: Sequence[str]) -> Adequacy:
    """Do these items share enough to be factored?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of str

    Returns
    -------
    Adequacy

    Raises
    ------
    DataError
        For unknown, repeated or constant items, fewer than three, or items that determine each other.

    Notes
    -----
    KMO = sum of squared correlations / (that + sum of squared partial correlations given all other items). Bartlett:
    -(n - 1 - (2p + 5)/6) log det R on p(p - 1)/2 degrees of freedom; with many people it rejects nearly always.

    Checked against
    ---------------
    psych 2.2.9 `KMO()`, `cortest.bartlett()`: tests/reference/measurement.json, shared reference 02_efa_bfi.

    References
    ----------
    Kaiser, H. F. (1974). Psychometrika, 39, 31-36. Bartlett, M. S. (1951). Biometrika, 38, 337-344.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.5, 1, 0], [0.4, 0.6, 1]])
    >>> round(sampling_adequacy(from_correlations(["a", "b", "c"], r, n=100), ["a", "b", "c"]).kmo, 3)
    0.658
    """
    moments = as_moments(data, check_items(items))
    check_moments(moments, 0)
    r = moments.correlations
    p = len(r)
    precision = np.linalg.inv(r)
    root = np.sqrt(np.diag(precision))
    off = ~np.eye(p, dtype=bool)
    shared, partial = (r * off) ** 2, (precision / np.outer(root, root) * off) ** 2
    own = shared.sum(axis=0) + partial.sum(axis=0)
    each = np.divide(shared.sum(axis=0), own, out=np.zeros(p), where=own > 0)
    whole = float(own.sum())
    statistic = max(-(moments.n - 1 - (2 * p + 5) / 6) * float(np.linalg.slogdet(r)[1]), 0.0)
    df = p * (p - 1) // 2
    return Adequacy(
        float(shared.sum()) / whole if whole > 0 else 0.0,
        pd.DataFrame({"item": list(items), "kmo": each})[list(ADEQUACY)],
        statistic, df, float(chdtrc(df, statistic)), moments.n, moments.source, moments.synthetic, moments.notes,
    )  # fmt: skip


def parallel_analysis(
    data: Scores | Moments, items: Sequence[str], *, level: float = 0.95, draws: int = 500, seed: int = 1
) -> Parallel:
    """How many factors do these items hold, beyond what chance alone would show?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of str
    level : float
        The percentile of the random eigenvalues that a real one has to exceed.
    draws, seed : int
        Random data sets of as many people and items, and the seed that makes them repeatable.

    Returns
    -------
    Parallel
        `table`: `number` (1 is the largest), `component` (eigenvalue of the correlations), `component_random` (its mean
        in random data), `component_limit` (its percentile there), `factor`, `factor_random`, `factor_limit` (the same
        with communalities on the diagonal), `average_partial` (mean squared partial correlation when so many
        components are taken out; empty for the last). `components`, `factors`, `average_partial`: what each rule
        suggests.

    Raises
    ------
    DataError
        For unknown, repeated or constant items, fewer than three, or items that determine each other.

    Notes
    -----
    Rule: eigenvalues are retained as long as each lies above the percentile of its rank in random data; the first that
    does not ends the run (Horn, 1965, with Glorfeld's percentile). Random data are normal and uncorrelated; their
    correlation matrices are drawn directly (Bartlett's decomposition), so many people cost no more than few. The
    communalities are those of one minres factor, as psych's `fa.parallel()` takes them: that rule retains more
    than the components do. MAP counts from 0. psych compares with resampled columns as well; the numbers agree.
    When the rules disagree, show them and choose by what can be interpreted.

    Checked against
    ---------------
    psych 2.2.9 `fa.parallel()`, `VSS()`: shared reference 02_efa_bfi, tests/reference/measurement.json.

    References
    ----------
    Horn, J. L. (1965). Psychometrika, 30, 179-185.
    Glorfeld, L. W. (1995). Educational and Psychological Measurement, 55, 377-393.
    Velicer, W. F. (1976). Psychometrika, 41, 321-327.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.full((6, 6), 0.2); r[:3, :3] = 0.6; r[3:, 3:] = 0.5; np.fill_diagonal(r, 1)
    >>> found = parallel_analysis(from_correlations(list("abcdef"), r, n=200), list("abcdef"), draws=200)
    >>> found.components, found.factors
    (2, 2)
    """
    check_level(level)
    check_draws(draws, seed)
    moments = as_moments(data, check_items(items))
    check_moments(moments, 0)
    r = moments.correlations
    p = len(r)
    stream = Generator(SFC64(seed))
    sizes = [min(AT_ONCE, draws - start) for start in range(0, draws, AT_ONCE)]
    components, factors = (np.concatenate(both) for both in zip(*_random(stream, sizes, moments.n, p), strict=True))
    own_components = np.linalg.eigvalsh(r)[::-1]
    own_factors = _reduced(r[None])[0]
    partials = _average_partials(r)
    limits = [np.quantile(drawn, level, axis=0) for drawn in (components, factors)]
    table = {
        "number": np.arange(1, p + 1), "component": own_components, "component_random": components.mean(axis=0),
        "component_limit": limits[0], "factor": own_factors, "factor_random": factors.mean(axis=0),
        "factor_limit": limits[1], "average_partial": np.append(partials[1:], np.nan),
    }  # fmt: skip
    return Parallel(
        pd.DataFrame(table)[list(PARALLEL)], _leading(own_components > limits[0]), _leading(own_factors > limits[1]),
        int(partials.argmin()), moments.n, moments.source, level, draws, seed, moments.synthetic, moments.notes,
    )  # fmt: skip


def _random(stream: Generator, sizes: Sequence[int], n: int, p: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Eigenvalues, largest first, of correlations of uncorrelated normal data: of components and of factors."""
    found = []
    for size in sizes:
        triangle = np.tril(stream.standard_normal((size, p, p)), -1)
        place = np.arange(p)
        triangle[:, place, place] = np.sqrt(stream.chisquare(n - 1 - place, (size, p)))
        triangle /= np.sqrt((triangle**2).sum(axis=2, keepdims=True))
        r = triangle @ triangle.transpose(0, 2, 1)
        found.append((np.linalg.eigvalsh(r)[:, ::-1], _reduced(r, 1e-3)))
    return found


def _reduced(correlations: np.ndarray, precision: float = 1e-8) -> np.ndarray:
    """Eigenvalues, largest first, with the communalities of one factor on the diagonal."""
    p = correlations.shape[-1]
    matrix = correlations.copy()
    matrix[:, np.arange(p), np.arange(p)] = one_factor_communalities(correlations, precision)
    return np.asarray(np.linalg.eigvalsh(matrix)[:, ::-1])


def _average_partials(r: np.ndarray) -> np.ndarray:
    """Mean squared (partial) correlation with 0, 1, ..., p - 1 components taken out, shape (p,)."""
    p = len(r)
    values, vectors = np.linalg.eigh(r)
    weights = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1]
    found = []
    for taken in range(p):
        left = r - weights[:, :taken] @ weights[:, :taken].T
        sd = np.sqrt(np.maximum(np.diag(left), 1e-12))
        squares = (left / np.outer(sd, sd)) ** 2
        found.append((squares.sum() - np.trace(squares)) / (p * (p - 1)))
    return np.array(found)


def _leading(above: np.ndarray) -> int:
    """How many are True before the first that is not."""
    return len(above) if above.all() else int(np.argmin(above))
