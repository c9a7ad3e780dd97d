"""Outcomes that are ordered answers, not measurements: cumulative logit and probit."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from analysis.errors import DataError, NotConverged, Problem
from analysis.fit import COEFFICIENTS, Fit
from analysis.model import Equation, Model
from analysis.moments import require_rows
from analysis.regression import check_level
from analysis.scoring import Scores

MOST_CATEGORIES = 20
LINKS = ("logit", "probit")
TOLERANCE = 1e-7
"""Largest mean score (gradient per row) at which the likelihood counts as maximal."""
LARGEST = 700.0
"""The odds of a slope beyond this are no longer a number: they stay empty."""
SEPARATED = 15.0
"""A standardised slope beyond this means the predictor tells the categories apart without error."""


def fit_ordinal(model: Model, data: Scores, *, link: str = "logit", level: float = 0.95) -> Fit:
    """How do predictors shift an answer on an ordered scale, without pretending its steps are equal?

    Parameters
    ----------
    model : Model
        One equation per outcome; the outcome's distinct values, in numeric order, are its categories.
    data : Scores
        Rows complete on an equation are used for it.
    link : "logit" (proportional odds) or "probit"
    level : float

    Returns
    -------
    Fit
        `coefficients`: one row per predictor (a positive `estimate` shifts answers upward, in units of the link),
        then the thresholds, `term` `1|2` for the border between the answers 1 and 2. `statistic` is z, so `df` is
        infinite. `std_estimate` is the slope per standard deviation of the predictor. With the logit, `odds_ratio`,
        `odds_low` and `odds_high` say by what the odds of a higher answer multiply per unit; empty for thresholds.
        `summary`: `r_squared` is McFadden's; `log_likelihood`, `aic`, and the likelihood-ratio test of all
        slopes `chi_square`, `chi_df`, `chi_p_value`.

    Raises
    ------
    DataError
        For an outcome with one category or with more than 20, too few rows, predictors that repeat each other.
    NotConverged
        When the likelihood has no maximum (a predictor separates the categories) or it was not reached.

    Notes
    -----
    Model: P(y <= k) = F(threshold_k - x'b), maximum likelihood with statsmodels' OrderedModel (gradient below 1e-8),
    errors from the observed information. One slope serves all borders; that is assumed, not tested.

    Checked against
    ---------------
    R 4.2.2, MASS 7.3-58.2 polr, tests/reference/designs.json.

    References
    ----------
    McCullagh 1980.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"rating": [1, 1, 2, 2, 2, 3, 3, 1, 3, 2], "psi": [1, 2, 2, 3, 5, 4, 6, 3, 3, 4]})
    >>> fit = fit_ordinal(parse_model("rating ~ psi"), Scores.from_scored(frame, source="example"))
    >>> fit.coefficients["term"].tolist()
    ['psi', '1|2', '2|3']
    """
    if link not in LINKS:
        raise DataError(Problem("link", f"'{link}' is not known", f"Choose {' or '.join(LINKS)}."))
    check_level(level)
    scores = require_rows(data, "An ordered outcome")
    model.check_names([*scores.frame.columns, *scores.items.columns], scores.source or "the data")
    results = [_equation(scores, equation, link, level) for equation in model.equations]
    notes = [note for result in results for note in result[2]]
    notes.append(f"Cumulative {link}, maximum likelihood, z tests; one slope for all borders is assumed, not tested.")
    return Fit(
        model,
        pd.concat([result[0] for result in results], ignore_index=True),
        pd.DataFrame([result[1] for result in results]),
        source=scores.source,
        level=level,
        synthetic=scores.synthetic,
        notes=(*scores.notes, *notes),
    )


def _equation(
    scores: Scores, equation: Equation, link: str, level: float
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    values = scores.complete([equation.outcome, *equation.labels])
    where = f"model, '{equation}'"
    categories, codes = np.unique(values[:, 0], return_inverse=True)
    k, p = len(categories), len(equation.labels)
    _check(where, equation, values, categories)
    centre, spread = values[:, 1:].mean(axis=0), values[:, 1:].std(axis=0, ddof=1)
    z = (values[:, 1:] - centre) / spread
    estimate, covariance, log_likelihood = _maximum(where, codes, z, link)
    # Back from standardised predictors: slopes divide by the SD, thresholds move by the means.
    back = np.eye(p + k - 1)
    back[:p, :p] = np.diag(1 / spread)
    back[p:, :p] = centre / spread
    standard = estimate[:p]
    estimate, covariance = back @ estimate, back @ covariance @ back.T
    error = np.sqrt(np.diag(covariance))
    width = special.ndtri((1 + level) / 2) * error
    borders = [f"{low:g}|{high:g}" for low, high in itertools.pairwise(categories)]
    table = pd.DataFrame(
        {
            "outcome": equation.outcome,
            "term": [*equation.labels, *borders],
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / error,
            "df": np.inf,
            "p_value": 2 * special.ndtr(-np.abs(estimate / error)),
            "conf_low": estimate - width,
            "conf_high": estimate + width,
            "std_estimate": [*standard, *[np.nan] * (k - 1)],
        }
    )[list(COEFFICIENTS)]
    if link == "logit":
        for name, column in (("odds_ratio", "estimate"), ("odds_low", "conf_low"), ("odds_high", "conf_high")):
            value = table[column].to_numpy()
            shown = (np.arange(p + k - 1) < p) & (np.abs(value) < LARGEST)
            table[name] = np.where(shown, np.exp(np.where(shown, value, 0)), np.nan)
    counts = np.bincount(codes)
    empty = float((counts * np.log(counts / len(codes))).sum())
    chi = 2 * (log_likelihood - empty)
    summary = {
        "outcome": equation.outcome,
        "n": len(values),
        "r_squared": 1 - log_likelihood / empty,
        "log_likelihood": log_likelihood,
        "aic": 2 * (p + k - 1) - 2 * log_likelihood,
        "chi_square": chi,
        "chi_df": p,
        "chi_p_value": float(special.chdtrc(p, max(chi, 0.0))),
    }
    missing = scores.n - len(values)
    notes = [f"{equation}: {missing} of {scores.n} rows lack a value; they were left out."] if missing else []
    return table, summary, notes


def _check(where: str, equation: Equation, values: np.ndarray, categories: np.ndarray) -> None:
    problems = []
    k, p = len(categories), len(equation.labels)
    if k < 2:
        what = f"'{equation.outcome}' has {k} different answer(s) in {len(values)} complete rows"
        problems.append(Problem(where, what, "An ordered outcome needs at least two."))
    elif k > MOST_CATEGORIES:
        what = f"'{equation.outcome}' has {k} different values"
        problems.append(Problem(where, what, "That is a measurement: use an ordinary regression."))
    if 2 <= k <= MOST_CATEGORIES:
        spread = values[:, 1:].std(axis=0)
        constant = [name for name, sd in zip(equation.labels, spread, strict=True) if not sd > 0]
        if constant:
            what = f"everybody has the same value on {', '.join(constant)}"
            problems.append(Problem(where, what, "Take it out of the model."))
        elif len(values) <= p + k - 1:
            what = f"{len(values)} complete rows for {p} slopes and {k - 1} thresholds"
            problems.append(Problem(where, what, "Collect more answers, or use fewer predictors."))
        else:
            correlation = np.atleast_2d(np.corrcoef(values[:, 1:], rowvar=False))
            if np.linalg.eigvalsh(correlation)[0] < 1e-10:
                problems.append(Problem(where, "its predictors repeat each other", "Take one of them out."))
    if problems:
        raise DataError(*problems)


def _maximum(where: str, codes: np.ndarray, z: np.ndarray, link: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Slopes and thresholds on standardised predictors, their covariance, and the log-likelihood."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    p = z.shape[1]
    what = "the search for the largest likelihood did not end; a predictor may tell some answers apart without error"
    stuck = Problem(where, what, "Join rare answers with their neighbours, or predict with less.")
    ordered = OrderedModel(codes, z, distr=link)
    # Separation makes slopes run away: statsmodels' warnings on the way become our own error below.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = ordered.fit(method="bfgs", gtol=1e-9, maxiter=500, disp=False)
            raw = np.asarray(found.params, dtype=float)
            gradient = np.asarray(ordered.score(raw), dtype=float)
            information = -np.asarray(ordered.hessian(raw), dtype=float)
            covariance = np.linalg.inv(information)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise NotConverged(stuck) from error
    if np.abs(raw[:p]).max() > SEPARATED:
        what = "a predictor tells the answers apart without error, so its slope has no largest likelihood"
        raise NotConverged(Problem(where, what, "Compare the groups directly, or join neighbouring answers."))
    settled = np.isfinite(gradient).all() and np.abs(gradient).max() / len(codes) < TOLERANCE
    if not settled or not (np.diag(covariance) > 0).all():
        raise NotConverged(stuck)
    # statsmodels keeps the first threshold and the logs of the steps between them.
    steps = np.exp(raw[p + 1 :])
    thresholds = np.concatenate([raw[p : p + 1], raw[p] + np.cumsum(steps)])
    change = np.eye(len(raw))
    change[p:, p] = 1
    change[p + 1 :, p + 1 :] = np.tril(np.tile(steps, (len(steps), 1)))
    return np.concatenate([raw[:p], thresholds]), change @ covariance @ change.T, float(found.llf)
