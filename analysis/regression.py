"""One equation at a time: ordinary least squares, with classical or heteroscedasticity-consistent errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import fdtrc, stdtr, stdtrit

from analysis.errors import DataError, ModelError, Problem
from analysis.fit import INTERCEPT, Fit
from analysis.model import Equation, Model
from analysis.moments import Moments, as_moments, condense, require_rows
from analysis.scoring import Scores

Errors = Literal["hc3", "classical"]

ROWS = 65_536
"""Rows worked on at a time, so that memory does not grow with the data."""
COLLINEAR = 1e-10
"""A predictor of which less than this share of variance is its own cannot be told from the others."""


@dataclass(frozen=True, eq=False)
class Estimated:
    """One equation solved: everything that follows from n, means and covariances alone.

    `slopes` and `inverse` (of the centred cross-products) belong to the equation's labels in their order.
    """

    equation: Equation
    n: int
    mean: np.ndarray
    slopes: np.ndarray
    inverse: np.ndarray
    correlations: np.ndarray
    ratio: np.ndarray
    vif: np.ndarray
    intercept: float
    variance: float
    r_squared: float

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return self.n - len(self.slopes) - 1

    @property
    def has_mean(self) -> bool:
        """Are all means known, so that there is an intercept?"""
        return bool(np.isfinite(self.intercept))


@dataclass(frozen=True, eq=False)
class Solved:
    """All equations of a model solved on the same people: moments, complete rows (None from moments alone), errors."""

    moments: Moments
    rows: np.ndarray | None
    errors: Errors
    equations: tuple[Estimated, ...]


def fit_regression(model: Model, data: Scores | Moments, *, errors: Errors | None = None, level: float = 0.95) -> Fit:
    """How much does each outcome change with each of its predictors, the others held constant?

    Parameters
    ----------
    model : Model
        One or more equations; each is fitted by ordinary least squares. `a:b` is the product of two columns.
    data : Scores or Moments
        People, or n, means and covariances. Rows must be complete on every column of the whole model.
    errors : {"hc3", "classical"} or None
        Which standard errors. None means HC3 where there are rows, classical where there are only moments.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    Fit
        `coefficients`, one row per outcome and term, `(Intercept)` first where means are known: `estimate`
        (units of the outcome per unit of the predictor), `std_error`, `statistic` (t), `df` (n - predictors - 1),
        `p_value` (two-sided), `conf_low`, `conf_high`, `std_estimate` (standard deviations per standard
        deviation; 0 for the intercept), `correlation` (zero-order, with the outcome), `sign_flip` (True where
        correlation and estimate point different ways; never for a product and what is in it, whose slopes hold where
        the partner is zero) and `vif` (variance inflation factor); the last three are
        empty for the intercept.
        `summary`, one row per outcome: `n`, `r_squared`, `adj_r_squared`, `f_statistic` and `f_p_value` (that all
        slopes are zero, from R squared, classical), `df`, `residual_sd` and, with HC3, `robust_f` and `robust_p`.

    Raises
    ------
    ModelError
        When the model names a column the data do not have, or holds latent variables.
    DataError
        For constant or perfectly collinear columns (named), too few rows, or an outcome predicted without error.
    NeedsRows
        When HC3 errors or a product term are asked of moments.

    Notes
    -----
    Point estimates come from the covariances alone, also where rows exist: b = S_xx^-1 s_xy. Classical errors
    assume equal residual variance. HC3 weighs squared residuals by 1 / (1 - leverage)^2. Nothing is imputed.

    Checked against
    ---------------
    R 4.2.2 `lm` and `sandwich::vcovHC(type = "HC3")`: tests/reference/scores.json, tests/reference/hanoi.json;
    statsmodels and shared reference 05_ols: tests/analysis/test_regression.py.

    References
    ----------
    MacKinnon, J. G., & White, H. (1985). Journal of Econometrics, 29, 305-325. Long, J. S., & Ervin, L. H. (2000).
    The American Statistician, 54, 217-224.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["psi", "purchase"], np.array([[1, 0], [0.42, 1]]), n=574, source="example")
    >>> fit = fit_regression(parse_model("purchase ~ psi"), table)
    >>> round(float(fit.coefficient("purchase", "psi")["std_error"]), 4)
    0.0379
    """
    check_level(level)
    return tabulate(model, solve(model, data, errors), level)


def solve(model: Model, data: Scores | Moments, errors: Errors | None = None) -> Solved:
    """What are all equations of this model, solved once for whatever is asked next?

    Parameters
    ----------
    model : Model
    data : Scores or Moments
    errors : {"hc3", "classical"} or None
        None means HC3 where there are rows.

    Returns
    -------
    Solved
        Moments, complete rows (None from moments alone), the kind of errors, and the solved equations.

    Raises
    ------
    ModelError, DataError, NeedsRows
        As `fit_regression`.

    Checked against
    ---------------
    R 4.2.2 `lm`, through `fit_regression`, `fit_paths` and `fit_moderation`: tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["x", "y"], np.array([[1, 0.4], [0.4, 1]]), n=100)
    >>> solve(parse_model("y ~ x"), table).equations[0].slopes.tolist()
    [0.4]
    """
    check_regression(model, data)
    if errors is None:
        errors = "hc3" if isinstance(data, Scores) else "classical"
    if isinstance(data, Moments):
        if errors == "hc3":
            require_rows(data, "An HC3 standard error")
        moments, rows = as_moments(data, model.columns), None
    else:
        moments, rows = condense(data, model.columns)
    return Solved(moments, rows, errors, tuple(estimate(model, moments)))


def tabulate(model: Model, solved: Solved, level: float) -> Fit:
    """What do the solved equations say, as tables?

    Parameters
    ----------
    model : Model
    solved : Solved
    level : float
        Of the intervals.

    Returns
    -------
    Fit
        As `fit_regression` gives it; without effects.

    Checked against
    ---------------
    R 4.2.2 `lm` and `sandwich::vcovHC`, through `fit_regression`: tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["x", "y"], np.array([[1, 0.4], [0.4, 1]]), n=102)
    >>> model = parse_model("y ~ x")
    >>> round(float(tabulate(model, solve(model, table), 0.95).coefficients["statistic"][0]), 4)
    4.3644
    """
    moments, robust = solved.moments, solved.errors == "hc3"
    rows = solved.rows if robust else None
    covariances = [coefficient_covariance(one, rows, moments.names) for one in solved.equations]
    pairs = list(zip(solved.equations, covariances, strict=True))
    parts = [_coefficients(one, v, level) for one, v in pairs]
    coefficients = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    summary = pd.DataFrame([_summary(one, v if robust else None) for one, v in pairs])
    notes = (*moments.notes, _errors_note(solved.errors), *(note for one in solved.equations for note in _flips(one)))
    return Fit(
        model, coefficients, summary, source=moments.source, level=level, synthetic=moments.synthetic, notes=notes
    )


def fit_steps(
    steps: Sequence[Model], data: Scores | Moments, *, errors: Errors | None = None, level: float = 0.95
) -> Fit:
    """How much more is explained when a block of predictors is added?

    Parameters
    ----------
    steps : sequence of Model
        One equation each, of the same outcome; every step holds all terms of the step before and more.
    data : Scores or Moments
        People, or moments. All steps use the rows that are complete on the columns of the last.
    errors, level
        As in `fit_regression`.

    Returns
    -------
    Fit
        Of the last step's model. `coefficients` of every step, with a column `step` (1, 2, ...). `summary`, one row
        per step: the columns of `fit_regression`, then `step`, `delta_r_squared` (over the step before; R squared
        itself in the first), `delta_f`, `delta_df` (terms added), `delta_p` (classical F test of the increase, with
        the residual degrees of freedom of the step) and, with HC3, `delta_robust_f`, `delta_robust_p`.

    Raises
    ------
    ModelError
        When the steps are not nested or have other outcomes.
    DataError, NeedsRows
        As `fit_regression`.

    Notes
    -----
    F = (increase / terms added) / ((1 - R squared of the step) / its residual df): each step is tested against its
    own residual variance (R's `anova` of three models at once uses that of the largest instead).

    Checked against
    ---------------
    R 4.2.2 `anova` of nested `lm`, HC3 Wald test of the added terms: tests/reference/scores.json; shared reference
    05_ols: tests/analysis/test_regression.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.0, 1, 0], [0.3, 0.5, 1]])
    >>> table = from_correlations(["age", "psi", "purchase"], r, n=200)
    >>> steps = [parse_model("purchase ~ age"), parse_model("purchase ~ age + psi")]
    >>> fit_steps(steps, table).summary["delta_r_squared"].round(2).tolist()
    [0.09, 0.25]
    """
    check_level(level)
    _check_nested(steps)
    check_regression(steps[-1], data)
    shared = as_moments(data, steps[-1].columns)
    fits, earlier = [], 0.0
    for number, step in enumerate(steps, start=1):
        solved = _subset(step, steps[-1], data, shared, errors)
        fit, one = tabulate(step, solved, level), solved.equations[0]
        added = len(one.slopes) - (len(steps[number - 2].equations[0].terms) if number > 1 else 0)
        gain = one.r_squared - earlier
        f = gain / added / ((1 - one.r_squared) / one.df)
        fit.coefficients.insert(len(fit.coefficients.columns), "step", number)
        more: dict[str, float] = {"step": number, "delta_r_squared": gain, "delta_f": f, "delta_df": added}
        more["delta_p"] = float(fdtrc(added, one.df, f))
        if solved.errors == "hc3":
            covariance = coefficient_covariance(one, solved.rows, shared.names)[-added:, -added:]
            wald = float(one.slopes[-added:] @ np.linalg.solve(covariance, one.slopes[-added:])) / added
            more |= {"delta_robust_f": wald, "delta_robust_p": float(fdtrc(added, one.df, wald))}
        fits.append(replace(fit, summary=fit.summary.assign(**more)))
        earlier = one.r_squared
    return replace(
        fits[-1],
        coefficients=pd.concat([fit.coefficients for fit in fits], ignore_index=True),
        summary=pd.concat([fit.summary for fit in fits], ignore_index=True),
        notes=tuple(dict.fromkeys(note for fit in fits for note in fit.notes)),
    )


def check_level(level: float) -> None:
    """Is this a confidence level?

    Parameters
    ----------
    level : float
        Between 0 and 1.

    Raises
    ------
    DataError
        When it is not.

    Checked against
    ---------------
    Levels such as 95 given to the estimators: tests/analysis/test_regression.py (`fit_regression`),
    tests/analysis/test_groups.py (`fit_groups`). It computes nothing R could.

    Examples
    --------
    >>> check_level(95)
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: level: 95 is no share between 0 and 1. Write 0.95 for 95 percent.
    """
    if not 0 < level < 1:
        raise DataError(Problem("level", f"{level:g} is no share between 0 and 1", "Write 0.95 for 95 percent."))


def check_regression(model: Model, data: Scores | Moments) -> None:
    """Can this model be a set of regressions on columns of these data?

    Parameters
    ----------
    model : Model
    data : Scores or Moments

    Raises
    ------
    ModelError
        For `=~` and `~~`, no equation, or a name the data do not have.

    Checked against
    ---------------
    Latents and unknown names given to `fit_regression`: tests/analysis/test_regression.py. It computes nothing R could.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> check_regression(parse_model("y ~ x"), from_correlations(["x", "y"], np.eye(2), n=9))
    """
    if model.latents or model.covariances or not model.equations:
        what = "only equations with ~ can be fitted by least squares"
        remedy = "Use scale scores in place of =~ and ~~, or ask for a latent estimator."
        raise ModelError(Problem("model", what, remedy))
    if isinstance(data, Scores):
        model.check_names([*data.frame.columns, *data.items.columns], data.source or "the data")
    else:
        model.check_names(data.names, data.source or "the moments")


def design_problems(where: str, equation: Equation, y: np.ndarray, x: np.ndarray) -> list[Problem]:
    """What forbids least squares on these complete rows?

    Parameters
    ----------
    where : str
        What the message begins with.
    equation : Equation
        Names the columns of `x`.
    y : ndarray, shape (n,)
    x : ndarray, shape (n, k)

    Returns
    -------
    list of Problem
        An outcome or predictor that never varies, or predictors that repeat each other; empty when nothing does.

    Checked against
    ---------------
    Such columns given to `fit_clustered`: tests/analysis/test_designs.py. It computes nothing R could.

    Examples
    --------
    >>> equation = Equation("y", (("x",),))
    >>> design_problems("data", equation, np.array([1.0, 2, 4]), np.ones((3, 1)))[0].what
    'x never varies'
    """
    if not np.ptp(y) > 0:
        return [Problem(where, f"'{equation.outcome}' is {y[0]:g} everywhere", "There is nothing to predict.")]
    constant = [name for name, span in zip(equation.labels, np.ptp(x, axis=0), strict=True) if not span > 0]
    if constant:
        return [Problem(where, f"{', '.join(constant)} never varies", "Take it out of the model.")]
    if x.shape[1] > 1 and np.linalg.eigvalsh(np.corrcoef(x, rowvar=False))[0] < COLLINEAR:
        return [Problem(where, "its predictors repeat each other", "Take one of them out.")]
    return []


def estimate(model: Model, moments: Moments) -> list[Estimated]:
    """What are the slopes of every equation, from means and covariances alone?

    Parameters
    ----------
    model : Model
    moments : Moments
        Of all columns of the model.

    Returns
    -------
    list of Estimated
        In the order of the equations.

    Raises
    ------
    DataError
        For constant or collinear columns, too few rows, or an outcome predicted without error; all at once.

    Notes
    -----
    b = S_xx^-1 s_xy on correlations; the residual variance has n - predictors - 1 in its denominator.

    Checked against
    ---------------
    R 4.2.2 `lm`, through `fit_regression`: tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0.2, 0.4], [0.2, 1, 0.5], [0.4, 0.5, 1]])
    >>> estimate(parse_model("y ~ x + z"), from_correlations(["x", "z", "y"], r, n=100))[0].slopes.round(4).tolist()
    [0.3125, 0.4375]
    """
    correlations = moments.correlations
    problems = [
        problem for equation in model.equations for problem in _equation_problems(equation, moments, correlations)
    ]
    if problems:
        raise DataError(*problems)
    estimated = [_solve(equation, moments, correlations) for equation in model.equations]
    perfect = [one.equation for one in estimated if 1 - one.r_squared < 1e-12]
    if perfect:
        remedy = "Check whether the outcome was computed from its predictors."
        what = "its predictors predict it without any error, so there is no uncertainty to report"
        raise DataError(*(Problem(f"outcome '{one.outcome}'", what, remedy) for one in perfect))
    return estimated


def coefficient_covariance(one: Estimated, rows: np.ndarray | None, columns: Sequence[str]) -> np.ndarray:
    """How uncertain are an equation's coefficients, and how do they vary together?

    Parameters
    ----------
    one : Estimated
    rows : ndarray of shape (n, p) or None
        Complete rows give HC3, None gives classical errors.
    columns : sequence of p str
        Names of the columns of `rows`.

    Returns
    -------
    ndarray, shape (1 + k, 1 + k)
        Covariance of the coefficients, intercept first. Where means are unknown the intercept is that of centred
        columns.

    Raises
    ------
    DataError
        With HC3, when too few people differ from what the equation predicts.

    Notes
    -----
    HC3: (X'X)^-1 X' diag(e^2 / (1 - h)^2) X (X'X)^-1.

    Checked against
    ---------------
    R 4.2.2 `vcov` and `sandwich::vcovHC`, through `fit_regression` and `fit_moderation`: tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["x", "y"], np.array([[1, 0.6], [0.6, 1]]), n=102)
    >>> one = estimate(parse_model("y ~ x"), table)[0]
    >>> round(float(coefficient_covariance(one, None, table.names)[1, 1]), 6)  # (1 - r^2) / (n - 2)
    0.0064
    """
    centred = np.zeros((len(one.slopes) + 1,) * 2)
    centred[0, 0] = 1 / one.n
    centred[1:, 1:] = one.inverse
    turn = _uncentre(one)
    classical = np.asarray(turn @ (centred * one.variance) @ turn.T)
    if rows is None:
        return classical
    pushes = _hc3_products([one], rows, columns)
    unit = np.sqrt(np.diag(centred * one.variance))
    if np.linalg.eigvalsh(pushes / np.outer(unit, unit))[0] < COLLINEAR:
        what = "too few people differ from what it predicts, so HC3 errors have no value"
        remedy = "Ask for classical errors, or collect more answers."
        raise DataError(Problem(f"equation '{one.equation}'", what, remedy))
    return np.asarray(turn @ pushes @ turn.T)


def slope_covariance(equations: Sequence[Estimated], rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """How do the slopes of several equations vary together, also across equations?

    Parameters
    ----------
    equations : sequence of Estimated
    rows : ndarray, shape (n, p)
        Complete rows.
    columns : sequence of p str

    Returns
    -------
    ndarray, shape (slopes, slopes)
        HC3 covariance of the slopes of all equations in their order, without intercepts.

    Notes
    -----
    Each person's push on each coefficient, e / (1 - h) times the row of X (X'X)^-1, crossed with itself.

    Checked against
    ---------------
    R 4.2.2, the pushes of two `lm` crossed, for the matrix itself and for delta errors of `fit_paths`:
    tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rows = np.random.default_rng(1).normal(size=(50, 3))
    >>> from analysis.moments import from_rows
    >>> equations = estimate(parse_model("m ~ x; y ~ m + x"), from_rows(rows, ["x", "m", "y"]))
    >>> slope_covariance(equations, rows, ["x", "m", "y"]).shape
    (3, 3)
    """
    slopes_only = np.concatenate([[False] + [True] * len(one.slopes) for one in equations])
    return np.asarray(_hc3_products(equations, rows, columns)[np.ix_(slopes_only, slopes_only)])


def _hc3_products(equations: Sequence[Estimated], rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """Cross-products of all rows' pushes: the HC3 covariance, the intercepts being those of centred predictors."""
    size = sum(len(one.slopes) + 1 for one in equations)
    total = np.zeros((size, size))
    for start in range(0, len(rows), ROWS):
        pushes = np.hstack([_hc3_pushes(one, rows[start : start + ROWS], columns) for one in equations])
        total += pushes.T @ pushes
    return total


def _hc3_pushes(one: Estimated, rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """Each row's push on the coefficients of centred predictors, shape (n, k + 1).

    The push is (X'X)^-1 x_i e_i / (1 - h_i), which is also the change when row i is left out.
    """
    centred = np.empty((len(rows), len(one.slopes) + 1))
    centred[:, 0] = 1.0
    centred[:, 1:] = rows[:, [columns.index(label) for label in one.equation.labels]] - one.mean[1:]
    outcome = rows[:, columns.index(one.equation.outcome)] - one.mean[0]
    push = np.empty_like(centred)
    push[:, 0] = 1 / one.n
    push[:, 1:] = centred[:, 1:] @ one.inverse
    free = 1 - np.einsum("ij,ij->i", centred, push)
    if (free < COLLINEAR).any():
        what = f"{int((free < COLLINEAR).sum())} person(s) alone decide a coefficient (leverage 1), so HC3 has no value"
        remedy = "Ask for classical errors, or take out the predictor that only one person has."
        raise DataError(Problem(f"equation '{one.equation}'", what, remedy))
    residual = outcome - centred[:, 1:] @ one.slopes
    push *= (residual / free)[:, None]
    return push


def t_table(estimates: np.ndarray, std_errors: np.ndarray, df: float, level: float) -> dict[str, np.ndarray]:
    """Which estimates differ from zero by a t test, and between which limits do they lie?

    Parameters
    ----------
    estimates, std_errors : ndarray, shape (k,)
    df : float
        Degrees of freedom.
    level : float

    Returns
    -------
    dict of ndarray, each of shape (k,)
        Columns `estimate`, `std_error`, `statistic`, `df`, `p_value` (two-sided), `conf_low`, `conf_high`.

    Checked against
    ---------------
    R 4.2.2 `pt` and `qt`, through `fit_regression`: tests/reference/scores.json.

    Examples
    --------
    >>> found = t_table(np.array([0.5]), np.array([0.25]), 60, 0.95)
    >>> [round(float(found[name][0]), 4) for name in ("p_value", "conf_low", "conf_high")]
    [0.05, -0.0001, 1.0001]
    """
    reach = stdtrit(df, 0.5 + level / 2) * std_errors
    statistic = estimates / std_errors
    return {
        "estimate": estimates,
        "std_error": std_errors,
        "statistic": statistic,
        "df": np.full(len(estimates), float(df)),
        "p_value": 2 * stdtr(df, -np.abs(statistic)),
        "conf_low": estimates - reach,
        "conf_high": estimates + reach,
    }


def _check_nested(steps: Sequence[Model]) -> None:
    problems = []
    if not steps or any(len(step.equations) != 1 for step in steps):
        problems.append(Problem("steps", "each step needs exactly one equation", "Write 'purchase ~ age' and so on."))
    else:
        for number, (before, after) in enumerate(pairwise(steps), start=2):
            first, second = before.equations[0], after.equations[0]
            if second.outcome != first.outcome or second.terms[: len(first.terms)] != first.terms:
                remedy = f"Begin it with '{first}' and add terms behind."
                problems.append(Problem(f"step {number}", "it does not begin with the whole step before it", remedy))
            elif len(second.terms) == len(first.terms):
                problems.append(Problem(f"step {number}", "it adds nothing", "Add a term, or leave the step out."))
    if problems:
        raise ModelError(*problems)


def _subset(step: Model, whole: Model, data: Scores | Moments, shared: Moments, errors: Errors | None) -> Solved:
    """A step solved on the people who are complete on the whole last step."""
    if isinstance(data, Moments):
        return solve(step, data, errors)
    rows = data.complete(whole.columns) if errors in (None, "hc3") else None
    kind: Errors = "classical" if rows is None else "hc3"
    return Solved(shared, rows, kind, tuple(estimate(step, shared)))


def _equation_problems(equation: Equation, moments: Moments, correlations: np.ndarray) -> list[Problem]:
    k = len(equation.labels)
    if moments.n <= k + 1:
        what = f"{moments.n} complete rows for {k + 1} coefficients"
        remedy = f"At least {k + 2} rows are needed; collect more answers or take predictors out."
        return [Problem(f"equation '{equation}'", what, remedy)]
    places = moments.positions(equation.labels)
    values, vectors = np.linalg.eigh(correlations[np.ix_(places, places)])
    shared = (np.abs(vectors[:, values < COLLINEAR]) > 1e-4).any(axis=1)
    if shared.any():
        together = ", ".join(label for label, found in zip(equation.labels, shared, strict=True) if found)
        what = f"{together} hold the same information (perfectly collinear)"
        return [Problem(f"equation '{equation}'", what, "Take one of them out.")]
    return []


def _solve(equation: Equation, moments: Moments, correlations: np.ndarray) -> Estimated:
    places = moments.positions((equation.outcome, *equation.labels))
    sd, mean, n = moments.sd[places], moments.mean[places], moments.n
    r = correlations[np.ix_(places, places)]
    unscaled = np.linalg.inv(r[1:, 1:])
    beta = np.linalg.solve(r[1:, 1:], r[1:, 0])
    slopes = beta * sd[0] / sd[1:]
    r_squared = float(beta @ r[1:, 0])
    return Estimated(
        equation,
        n,
        mean,
        slopes,
        unscaled / np.outer(sd[1:], sd[1:]) / (n - 1),
        r[1:, 0],
        sd[1:] / sd[0],
        np.diag(unscaled),
        float(mean[0] - mean[1:] @ slopes),
        max(0.0, 1 - r_squared) * float(sd[0]) ** 2 * (n - 1) / (n - len(slopes) - 1),
        r_squared,
    )


def _uncentre(one: Estimated) -> np.ndarray:
    """Turns (centred intercept, slopes) into (intercept, slopes); unknown means leave the intercept centred."""
    turn = np.eye(len(one.slopes) + 1)
    if one.has_mean:
        turn[0, 1:] = -one.mean[1:]
    return turn


def _coefficients(one: Estimated, covariance: np.ndarray, level: float) -> dict[str, np.ndarray]:
    first = 0 if one.has_mean else 1
    terms = (INTERCEPT, *one.equation.labels)[first:]
    estimates = np.concatenate(([one.intercept], one.slopes))[first:]
    standardised = one.slopes * one.ratio
    return {
        "outcome": np.array([one.equation.outcome] * len(terms), dtype=object),
        "term": np.array(terms, dtype=object),
        **t_table(estimates, np.sqrt(np.diag(covariance))[first:], one.df, level),
        "std_estimate": np.concatenate(([0.0], standardised))[first:],
        "correlation": np.concatenate(([np.nan], one.correlations))[first:],
        "sign_flip": np.concatenate(([False], _turned(one)))[first:].astype(bool),
        "vif": np.concatenate(([np.nan], one.vif))[first:],
    }


def _summary(one: Estimated, robust: np.ndarray | None) -> dict[str, object]:
    k = len(one.slopes)
    f = one.r_squared / k / ((1 - one.r_squared) / one.df)
    row: dict[str, object] = {
        "outcome": one.equation.outcome,
        "n": one.n,
        "r_squared": one.r_squared,
        "adj_r_squared": 1 - (1 - one.r_squared) * (one.n - 1) / one.df,
        "f_statistic": f,
        "f_p_value": float(fdtrc(k, one.df, f)),
        "df": one.df,
        "residual_sd": float(np.sqrt(one.variance)),
    }
    if robust is not None:
        wald = float(one.slopes @ np.linalg.solve(robust[1:, 1:], one.slopes)) / k
        row |= {"robust_f": wald, "robust_p": float(fdtrc(k, one.df, wald))}
    return row


def _errors_note(errors: Errors) -> str:
    if errors == "hc3":
        return "Standard errors of the coefficients are HC3: they hold when the residual variance is not constant."
    return "Standard errors of the coefficients are classical: they assume a constant residual variance."


def _turned(one: Estimated) -> np.ndarray:
    """Which slopes point another way than their correlation; a product and what is in it are not compared with one."""
    conditional = {name for term in one.equation.terms if len(term) > 1 for name in (":".join(term), *term)}
    comparable = [label not in conditional for label in one.equation.labels]
    return np.asarray((one.slopes * one.ratio * one.correlations < 0) & comparable)


def _flips(one: Estimated) -> list[str]:
    standardised = one.slopes * one.ratio
    turned = zip(one.equation.labels, one.correlations, standardised, _turned(one), strict=True)
    notes = [
        f"{one.equation.outcome} ~ {label}: the correlation is {r:.3f} but the standardised estimate {beta:.3f}; "
        "the sign turns once the other predictors are held constant (suppression)."
        for label, r, beta, turns in turned
        if turns
    ]
    for term in one.equation.terms:
        if len(term) > 1 and set(term) & set(one.equation.labels):
            notes.append(
                f"{one.equation.outcome} ~ {':'.join(term)}: the coefficients of {' and '.join(term)} hold where the "
                "other is zero; centre them if nobody is near zero."
            )
    return notes
