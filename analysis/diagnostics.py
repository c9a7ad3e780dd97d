"""May these regressions be read as they stand? Residuals, single people who pull, and tests of the assumptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc, ndtri

from analysis.errors import DataError, Problem
from analysis.model import Model
from analysis.moments import Moments, require_rows
from analysis.regression import Estimated, solve
from analysis.scoring import Scores

SHAPIRO_MOST = 5000
"""Shapiro and Wilk's p-value is not known to hold for more people."""


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What the residuals of each equation show.

    Attributes
    ----------
    tests : DataFrame
        `outcome`, `test` (breusch_pagan, reset, shapiro_wilk), `statistic`, `df`, `df_residual` (empty where the test
        has none), `p_value`. A small p speaks against constant variance, straight lines, normal residuals.
    people : DataFrame
        One row per outcome and person: `outcome`, `row` (place in the scores, from 0), `fitted`, `residual`,
        `rstudent` (residual over its standard error from everybody else), `leverage`, `cook`, `normal` (quantile
        of the normal distribution at the residual's rank: the QQ plot's other axis).
    n : int
        People.
    source, synthetic, notes
        As in `Fit`.
    """

    tests: pd.DataFrame
    people: pd.DataFrame
    n: int
    source: str
    synthetic: bool
    notes: tuple[str, ...]


def fit_diagnostics(model: Model, data: Scores | Moments) -> Diagnostics:
    """Do the residuals leave the assumptions of the regressions standing, and does any one person pull them?

    Parameters
    ----------
    model : Model
        One or more equations.
    data : Scores or Moments
        People; moments raise NeedsRows.

    Returns
    -------
    Diagnostics

    Raises
    ------
    NeedsRows
        For moments.
    ModelError, DataError
        As `fit_regression`; also when one person has leverage 1.

    Notes
    -----
    Breusch-Pagan in Koenker's studentised form: n R squared of the squared residuals on the predictors. RESET adds
    the square and cube of the fitted values and tests both; it is left out where too few people are there for it.
    Shapiro-Wilk is left out, with a note, above 5,000 people. Normal quantiles at (rank - 3/8) / (n + 1/4). Variance
    inflation factors stand with the coefficients of `fit_regression`. No test here decides anything by itself: HC3
    errors do not need constant variance.

    Checked against
    ---------------
    R 4.2.2: the auxiliary `lm` of Breusch-Pagan, `anova` for RESET, `shapiro.test`, `cooks.distance`, `rstudent`,
    `hatvalues`: tests/reference/scores.json. `lmtest` 0.9-40 `bptest` and `resettest` (shared reference 05_ols),
    statsmodels: tests/analysis/test_diagnostics.py.

    References
    ----------
    Koenker, R. (1981). Journal of Econometrics, 17, 107-112. Cook, R. D. (1977). Technometrics, 19, 15-18.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=100)
    >>> frame = pd.DataFrame({"x": x, "y": x + rng.normal(size=100)})
    >>> found = fit_diagnostics(parse_model("y ~ x"), Scores.from_scored(frame, source="example"))
    >>> found.tests["test"].tolist()
    ['breusch_pagan', 'reset', 'shapiro_wilk']
    """
    scores = require_rows(data, "A look at residuals")
    solved = solve(model, scores)
    rows, moments = solved.rows, solved.moments
    assert rows is not None  # scores were solved, and they keep their rows
    complete = ~np.isnan(np.column_stack([scores.column(name) for name in model.columns])).any(axis=1)
    places = np.flatnonzero(complete)
    tests: list[dict[str, object]] = []
    people = []
    for one in solved.equations:
        x = rows[:, moments.positions(one.equation.labels)] - one.mean[1:]
        residual = rows[:, moments.positions([one.equation.outcome])[0]] - one.mean[0] - x @ one.slopes
        people.append(_people(one, x, residual, places))
        tests += _tests(one, x, residual)
    notes = moments.notes
    if len(rows) > SHAPIRO_MOST:
        notes = (*notes, f"Shapiro-Wilk is not given: its p-value is not known to hold for {len(rows)} people.")
    return Diagnostics(
        pd.DataFrame(tests), pd.concat(people, ignore_index=True), len(rows), moments.source, moments.synthetic, notes
    )


def _people(one: Estimated, x: np.ndarray, residual: np.ndarray, places: np.ndarray) -> pd.DataFrame:
    leverage = 1 / one.n + np.einsum("ij,jk,ik->i", x, one.inverse, x)
    free = 1 - leverage
    if (free < 1e-10).any() or one.df < 2:
        what = "somebody's answer is fitted exactly whatever it is, so its residual shows nothing"
        remedy = "Take out the predictor that only one person has, or collect more answers."
        raise DataError(Problem(f"equation '{one.equation}'", what, remedy))
    spread = (one.variance * one.df - residual**2 / free) / (one.df - 1)
    ranks = pd.Series(residual).rank().to_numpy()
    return pd.DataFrame(
        {
            "outcome": one.equation.outcome,
            "row": places,
            "fitted": one.mean[0] + x @ one.slopes,
            "residual": residual,
            "rstudent": residual / np.sqrt(np.maximum(spread, 1e-300) * free),
            "leverage": leverage,
            "cook": residual**2 / one.variance * leverage / free**2 / (len(one.slopes) + 1),
            "normal": ndtri((ranks - 0.375) / (one.n + 0.25)),
        }
    )


def _tests(one: Estimated, x: np.ndarray, residual: np.ndarray) -> list[dict[str, object]]:
    from scipy.stats import shapiro

    n, k = x.shape

    def explained(design: np.ndarray, outcome: np.ndarray) -> float:
        design = np.column_stack([np.ones(n), design])
        found, *_ = np.linalg.lstsq(design, outcome, rcond=None)
        left = outcome - design @ found
        whole = outcome - outcome.mean()
        return 1 - float(left @ left) / float(whole @ whole) if whole.any() else 0.0

    breusch_pagan = n * explained(x / np.sqrt((x**2).mean(axis=0)), residual**2)
    fitted = x @ one.slopes
    size = float(np.sqrt((fitted**2).mean()))
    df = one.df - 2
    rows: list[dict[str, object]] = [
        _test(one, "breusch_pagan", breusch_pagan, k, None, float(chdtrc(k, max(breusch_pagan, 0.0))))
    ]
    if df > 0 and one.r_squared > 1e-12:
        fitted = fitted / size
        base = x / np.sqrt((x**2).mean(axis=0))
        outcome = x @ one.slopes + residual
        wider = explained(np.column_stack([base, fitted**2, fitted**3]), outcome)
        if 1 - wider > 1e-12:
            f = (wider - one.r_squared) / 2 / ((1 - wider) / df)
            rows.append(_test(one, "reset", f, 2, df, float(fdtrc(2, df, max(f, 0.0)))))
    if n <= SHAPIRO_MOST:
        found = shapiro(residual / np.sqrt(one.variance))
        rows.append(_test(one, "shapiro_wilk", float(found.statistic), None, None, float(found.pvalue)))
    return rows


def _test(
    one: Estimated, name: str, statistic: float, df: int | None, df_residual: int | None, p_value: float
) -> dict[str, object]:
    return {
        "outcome": one.equation.outcome, "test": name, "statistic": statistic, "df": df, "df_residual": df_residual,
        "p_value": p_value,
    }  # fmt: skip
