"""How well a model reproduces its moments: chi-square against the baseline, RMSEA with its interval, SRMR.

All of them are lavaan's (n, not n - 1), computed from a handful of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chndtr

CLOSE = 0.05
"""The RMSEA that close fit is tested against."""
RMSEA_LEVEL = 0.90
"""Confidence level of the RMSEA interval, by convention not that of the estimates."""


@dataclass(frozen=True)
class ChiSquare:
    """A test of a model: the statistic, its degrees of freedom, and how far a robust correction shrinks it.

    `factor` divides the uncorrected statistic (1 without correction).
    """

    statistic: float
    df: int
    factor: float = 1.0

    @property
    def p_value(self) -> float:
        """The chance of a statistic at least this large if the model is right; NaN without degrees of freedom."""
        return float(chdtrc(self.df, max(self.statistic, 0.0))) if self.df else float("nan")

    @property
    def scaled(self) -> ChiSquare:
        """The corrected statistic as a chi-square of its own."""
        return ChiSquare(self.statistic / self.factor, self.df)


def comparative(model: ChiSquare, baseline: ChiSquare) -> dict[str, float]:
    """How much better is a model than no relations at all?

    Parameters
    ----------
    model, baseline : ChiSquare
        The tests of the model and of the baseline model, each with its correction factor.

    Returns
    -------
    dict
        `cfi` (1 - excess of the model over excess of the baseline, from 0 to 1; excess is chi-square - df) and `tli`
        (the same per degree of freedom, not bounded).

    Checked against
    ---------------
    lavaan 0.6-14, plain, scaled and robust: tests/reference/latent.json.

    Examples
    --------
    >>> found = comparative(ChiSquare(85.30552, 24), ChiSquare(918.8516, 36))
    >>> round(found["cfi"], 4), round(found["tli"], 4)
    (0.9306, 0.8958)
    """
    excess = model.statistic - model.factor * model.df
    excess_baseline = baseline.statistic - baseline.factor * baseline.df
    worst = max(excess, excess_baseline, 0.0)
    cfi = 1.0 - max(excess, 0.0) / worst if worst > 0 else 1.0
    below = excess_baseline * model.df
    tli = 1.0 - excess * baseline.df / below if below != 0 else 1.0
    return {"cfi": cfi, "tli": tli}


def rmsea(model: ChiSquare, n: int, groups: int = 1) -> dict[str, float]:
    """How far is the model from the population, per degree of freedom?

    Parameters
    ----------
    model : ChiSquare
        Its test; a correction `factor` gives the population-corrected (robust) version: statistic uncorrected, interval
        from the corrected one.
    n : int
        People in all groups.
    groups : int
        RMSEA of several groups is multiplied by the root of their number, as in lavaan.

    Returns
    -------
    dict
        `rmsea` (root of (chi-square - df) / (n df), at least 0), `rmsea_low` and `rmsea_high` (90 % interval, from the
        noncentral chi-square) and `rmsea_close_p` (close fit: the p-value of RMSEA <= 0.05). Zeros and no p-value
        without degrees of freedom.

    Checked against
    ---------------
    lavaan 0.6-14: tests/reference/latent.json.

    Examples
    --------
    >>> found = rmsea(ChiSquare(85.30552, 24), 301)
    >>> [round(found[name], 4) for name in ("rmsea", "rmsea_low", "rmsea_high")]
    [0.0921, 0.0714, 0.1137]
    """
    if model.df == 0:
        return {"rmsea": 0.0, "rmsea_low": 0.0, "rmsea_high": 0.0, "rmsea_close_p": float("nan")}
    per_df = groups / (n * model.df)
    estimate = np.sqrt(max(model.statistic - model.factor * model.df, 0.0) * per_df)
    tested = model.statistic / model.factor
    tail = (1 - RMSEA_LEVEL) / 2
    low, high = (
        float(np.sqrt(model.factor * _noncentrality(tested, model.df, share) * per_df)) for share in (1 - tail, tail)
    )
    close = float(1 - chndtr(tested, model.df, CLOSE**2 / (model.factor * per_df)))
    return {"rmsea": float(estimate), "rmsea_low": low, "rmsea_high": high, "rmsea_close_p": min(max(close, 0.0), 1.0)}


def srmr(
    cov: Sequence[np.ndarray],
    sigma: Sequence[np.ndarray],
    n: Sequence[int],
    mean_gaps: Sequence[np.ndarray] | None = None,
) -> float:
    """How large are the correlations that the model leaves over, on average?

    Parameters
    ----------
    cov, sigma : sequence of ndarray, each of shape (p, p)
        Observed and implied covariances, one matrix for each group.
    n : sequence of int
        People of each group: its weight.
    mean_gaps : sequence of ndarray or None
        Observed minus implied means, where the model has means: they count too.

    Returns
    -------
    float
        The root mean square of residuals over the observed standard deviations (variances and covariances once each).

    Checked against
    ---------------
    lavaan 0.6-14, also for several groups and with means: tests/reference/latent.json.

    Examples
    --------
    >>> round(srmr([np.array([[1.0, 0.3], [0.3, 1.0]])], [np.eye(2)], [100]), 6)
    0.173205
    """
    shares = []
    for group, (observed, expected) in enumerate(zip(cov, sigma, strict=True)):
        sd = np.sqrt(np.diag(observed))
        below = np.tril_indices(len(sd))
        residuals = ((observed - expected) / np.outer(sd, sd))[below]
        if mean_gaps is not None:
            residuals = np.append(residuals, mean_gaps[group] / sd)
        shares.append(n[group] * np.sqrt(np.mean(residuals**2)))
    return float(sum(shares) / sum(n))


def information_criteria(log_likelihood: float, parameters: int, n: int) -> dict[str, float]:
    """Which of several models of the same data is the best bet for new data?

    Parameters
    ----------
    log_likelihood : float
        At the estimates.
    parameters : int
        How many were estimated.
    n : int
        People.

    Returns
    -------
    dict
        `aic` (2 parameters - 2 log-likelihood) and `bic` (log(n) in place of the first 2): less is better.

    Checked against
    ---------------
    lavaan 0.6-14 AIC and BIC: tests/reference/latent.json.

    Examples
    --------
    >>> information_criteria(-100.0, 3, 50)["aic"]
    206.0
    """
    return {
        "aic": 2 * parameters - 2 * log_likelihood,
        "bic": float(np.log(n)) * parameters - 2 * log_likelihood,
    }


def _noncentrality(statistic: float, df: int, share: float) -> float:
    """The noncentrality under which `share` of all statistics lie below this one; 0 where even none gives less."""
    if chndtr(statistic, df, 0.0) <= share:
        return 0.0
    top = max(4.0 * statistic, 10.0)
    while chndtr(statistic, df, top) > share:
        top *= 2
    return float(brentq(lambda size: chndtr(statistic, df, size) - share, 0.0, top, xtol=1e-10))
