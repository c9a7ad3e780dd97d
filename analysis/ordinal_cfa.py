"""Confirmatory factor analysis and structural models of ordinal items: diagonally weighted least squares (WLSMV)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from analysis.errors import DataError, ModelError, NotConverged, Problem
from analysis.estimates import Estimates
from analysis.fit import Fit
from analysis.fitmeasures import ChiSquare, comparative, rmsea
from analysis.latent import SATURATED, Scaling, Structure, specify, start_values
from analysis.likelihood import Layout, collect, inverse, one_group
from analysis.model import Model
from analysis.moments import Moments, require_rows
from analysis.polychoric import Polychorics, polychorics
from analysis.regression import check_level
from analysis.robust import population_measures
from analysis.scoring import Scores

STEPS = 500
PRECISION = 1e-18
"""The search ends when the expected gain, in units of the discrepancy per person, is below this."""


@dataclass(frozen=True, eq=False)
class Target:
    """What the model has to reproduce: correlations below the diagonal, their weights and sampling covariance."""

    sample: Polychorics
    values: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, sample: Polychorics) -> Target:
        """The correlations of a sample, weighted by one over their sampling variances."""
        rows, columns = np.array(sample.pairs).T
        return cls(sample, sample.correlations[rows, columns], 1 / np.diag(sample.covariance), rows, columns)


def fit_ordinal_cfa(model: Model, data: Scores | Moments, *, level: float = 0.95, scaling: Scaling = "marker") -> Fit:
    """Do these five-point items measure what they are meant to, without pretending that their answers are numbers?

    Parameters
    ----------
    model : Model
        Latents, regressions among them, residual covariances. Every observed variable is an ordinal indicator.
    data : Scores
        Items by id; complete rows on them. Moments are refused: polychoric correlations need answers.
    level : float
        Confidence level.
    scaling : "marker" or "variance"
        Whether the first loading or the latent's (residual) variance is fixed to 1.

    Returns
    -------
    Fit
        As `fit_cfa`, on the scale of standard normal tendencies behind the answers; `kind` may also be "threshold"
        (terms t1, t2, ...). Residual variances of items follow from the rest and have no standard error. `summary`:
        `chi_square`, `cfi`, `tli`, `rmsea` are uncorrected and too good; report those that end in `_scaled` (mean-
        and variance-adjusted) or `_robust` (Savalei 2021), and `srmr`. There is no likelihood, so no AIC or BIC.

    Raises
    ------
    NeedsRows
        When only moments are at hand.
    ModelError
        A latent with one indicator, a model that is not identified, an observed variable that is no indicator.
    DataError
        Items with one answer or too many, items that determine each other, fewer people than parameters.
    NotConverged
        When the search finds no end.

    Notes
    -----
    Thresholds and polychoric correlations in two steps, their sampling covariance (Muthen 1984), diagonally weighted
    least squares in lavaan's "delta" parameterisation, robust standard errors, chi-square scaled and shifted
    (Asparouhov and Muthen 2010); here lavaan divides by n - 1, and so does this.

    Checked against
    ---------------
    lavaan 0.6-14 estimator="WLSMV" (tests/reference/latent.json, latent_more.json, shared reference 03b).

    References
    ----------
    Muthen, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous
    latent variable indicators. Psychometrika, 49, 115-132.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.Generator(np.random.SFC64(8))
    >>> tendency = rng.normal(size=(500, 1)) + rng.normal(size=(500, 4))
    >>> rows = pd.DataFrame(np.digitize(tendency, [-2, -1, 1, 2]), columns=list("abcd"))
    >>> fit = fit_ordinal_cfa(parse_model("psi =~ a + b + c + d"), Scores.from_scored(rows, source="t"))
    >>> fit.coefficients.query("kind == 'loading'")["std_estimate"].round(1).tolist()
    [0.7, 0.7, 0.7, 0.7]
    """
    check_level(level)
    structure = _specify(model, scaling)
    scores = require_rows(data, "A model of ordinal items")
    values = scores.complete(structure.observed)
    free = int(structure.free.sum())
    if len(values) < max(free, 2):
        what = f"{len(values)} complete rows for {free} parameters"
        raise DataError(Problem("data", what, "Collect more answers, or ask a smaller model."))
    target = Target.of(polychorics(values, structure.observed))
    layout = one_group(structure)
    theta, slopes = _minimise(layout, target)
    bread = _bread(layout, slopes, target)
    pull = slopes * target.weights[:, None]
    covariance = bread @ pull.T @ target.sample.covariance @ pull @ bread / (len(values) - 1)
    estimates = Estimates.of(layout, theta, covariance)
    summary = {"outcome": "model", "n": len(values), **_measures(layout, theta, slopes, bread, target)}
    left_out = scores.n - len(values)
    notes = [
        *scores.notes,
        *([f"{left_out} of {scores.n} rows lack an answer to an item; they were left out."] if left_out else []),
        "Ordinal items: polychoric correlations, WLSMV; statistic is z.",
        *([SATURATED] if not summary["df"] else []),
        *estimates.warnings(),
    ]
    whole = _with_residuals(estimates)
    notes += [note for note in whole.warnings() if note not in notes]
    table = pd.concat([whole.coefficients(level), _thresholds(target.sample, level)], ignore_index=True)
    return Fit(
        model, table, pd.DataFrame([summary]), whole.effects(level), scores.source, level, None, scores.synthetic,
        tuple(notes),
    )  # fmt: skip


def _specify(model: Model, scaling: Scaling) -> Structure:
    """The structure with the items' own variances left out: the correlations alone say everything."""
    structure = specify(model, scaling=scaling)
    indicators = {name for latent in model.latents for name in latent.indicators}
    others = [name for name in structure.observed if name not in indicators]
    if others:
        remedy = "Give it a latent with several items, or use fit_cfa, which treats answers as numbers."
        raise ModelError(*(Problem(f"model, '{name}'", "it is no indicator of a latent", remedy) for name in others))
    p = len(structure.observed)
    parameters = tuple(
        parameter._replace(fixed=0.0) if parameter.kind == "variance" and parameter.row < p else parameter
        for parameter in structure.parameters
    )
    return replace(structure, parameters=parameters)


def _minimise(layout: Layout, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """The estimates and the slopes of the correlations there, by damped Gauss-Newton steps."""
    for values in start_values(layout.structure, target.sample.correlations, np.zeros(len(target.sample.names))):
        found = _descend(layout, target, collect(layout, [values]))
        if found is not None:
            return found
    what = "the search for the best estimates found no end"
    remedy = "Check that each item belongs to its latent and points the same way, or collect more answers."
    raise NotConverged(Problem("model", what, remedy))


def _descend(layout: Layout, target: Target, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    rest, slopes = _residuals(layout, target, theta)
    value, damping = float(target.weights @ rest**2), 0.0
    for _ in range(STEPS):
        weighted = slopes * target.weights[:, None]
        shape, down = slopes.T @ weighted, weighted.T @ rest
        scale = np.diag(np.diag(shape).clip(1e-12))
        try:
            step = inverse(shape + damping * scale) @ down
        except np.linalg.LinAlgError:
            if damping > 1e6:
                _bread(layout, slopes, target)
                return None
            damping = max(10 * damping, 1e-6)
            continue
        if float(down @ step) < PRECISION:
            return theta, slopes
        tried_rest, tried_slopes = _residuals(layout, target, theta + step)
        tried = float(target.weights @ tried_rest**2)
        if tried <= value * (1 + 1e-14):
            theta, rest, slopes, value, damping = theta + step, tried_rest, tried_slopes, tried, damping / 10
            damping = damping if damping > 1e-8 else 0.0
        elif damping > 1e6:
            return None
        else:
            damping = max(10 * damping, 1e-4)
    return None


def _residuals(layout: Layout, target: Target, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    implied = layout.implied(theta)[0]
    rows, columns = target.rows, target.columns
    left, right = implied.left, implied.right
    slopes = (left[rows] * right[columns] + right[rows] * left[columns]) @ layout.sums[0]
    return target.values - implied.sigma[rows, columns], slopes


def _bread(layout: Layout, slopes: np.ndarray, target: Target) -> np.ndarray:
    shape = slopes.T @ (slopes * target.weights[:, None])
    scale = np.sqrt(np.diag(shape).clip(1e-300))
    roots, vectors = np.linalg.eigh(shape / np.outer(scale, scale))
    if roots[0] < 1e-10:
        free = [parameter for parameter in layout.structure.parameters if parameter.fixed is None]
        loose = [free[k] for k in np.flatnonzero(np.abs(vectors[:, 0]) > 0.2)[:6]]
        shown = ", ".join(f"{parameter.kind} of {parameter.outcome} and {parameter.term}" for parameter in loose)
        remedy = "Give each latent at least three indicators, or take a parameter out."
        raise ModelError(Problem("model", f"the data cannot tell these apart: {shown}", remedy))
    return inverse(shape)


def _measures(
    layout: Layout, theta: np.ndarray, slopes: np.ndarray, bread: np.ndarray, target: Target
) -> dict[str, float]:
    sample, n = target.sample, target.sample.n
    rest, _ = _residuals(layout, target, theta)
    df = len(target.values) - layout.size
    weight = np.diag(target.weights)
    pull = slopes * target.weights[:, None]
    model = ChiSquare((n - 1) * float(target.weights @ rest**2), df)
    nothing = ChiSquare((n - 1) * float(target.weights @ target.values**2), len(target.values))
    p = len(sample.names)
    thresholds = sum(map(len, sample.thresholds))
    measures = {
        "chi_square": model.statistic,
        "df": df,
        "p_value": model.p_value,
        **comparative(model, nothing),
        **rmsea(model, n - 1),
        "srmr": float(np.sqrt(np.sum(rest**2) / (p * (p + 1) / 2))),
        "parameters": layout.size + thresholds,
    }
    if df:
        scaled = _shifted(model, (weight - pull @ bread @ pull.T) @ sample.covariance)
        alone = _shifted(nothing, weight @ sample.covariance)
        measures |= {
            "chi_square_scaled": scaled.statistic,
            "p_value_scaled": scaled.p_value,
            "scaling_factor": scaled.factor,
            **{f"{name}_scaled": value for name, value in comparative(_plain(scaled), _plain(alone)).items()},
            "rmsea_scaled": rmsea(_plain(scaled), n - 1)["rmsea"],
        }
        measures |= _robust_measures(layout, theta, (slopes, bread), target, df)
    return measures


def _shifted(test: ChiSquare, product: np.ndarray) -> ChiSquare:
    """The statistic scaled and shifted to the mean and variance of a chi-square; `factor` is the scale."""
    scale = float(np.sqrt(np.trace(product @ product) / test.df))
    shift = test.df - float(np.trace(product)) / scale
    return ChiSquare(test.statistic / scale + shift, test.df, scale)


def _plain(test: ChiSquare) -> ChiSquare:
    return ChiSquare(test.statistic, test.df)


def _robust_measures(
    layout: Layout, theta: np.ndarray, fitted: tuple[np.ndarray, np.ndarray], target: Target, df: int
) -> dict[str, float]:
    """Likelihood-based CFI, TLI and RMSEA of the correlations; nothing where a matrix is not positive definite."""
    slopes, bread = fitted
    sample, rows, columns = target.sample, target.rows, target.columns
    sigma = layout.implied(theta)[0].sigma.copy()
    np.fill_diagonal(sigma, 1.0)
    if min(np.linalg.eigvalsh(sigma)[0], np.linalg.eigvalsh(sample.correlations)[0]) < 1e-8:
        return {}
    precision = np.linalg.inv(sigma)
    logdet = float(np.linalg.slogdet(sample.correlations)[1])
    gap = float(np.linalg.slogdet(sigma)[1] + np.vdot(precision, sample.correlations) - logdet - len(sigma))
    normal = (
        precision[np.ix_(rows, rows)] * precision[np.ix_(columns, columns)]
        + precision[np.ix_(rows, columns)] * precision[np.ix_(columns, rows)]
    )
    left_over = np.eye(len(rows)) - slopes @ bread @ (slopes * target.weights[:, None]).T
    trace = float(np.trace(left_over.T @ normal @ left_over @ sample.covariance))
    model = ChiSquare(max(sample.n * gap, 0.0), df, trace / df)
    pairs = len(rows)
    nothing = ChiSquare(-sample.n * logdet, pairs, float(np.trace(sample.covariance)) / pairs)
    return population_measures(model, nothing, sample.n - 1)


def _with_residuals(estimates: Estimates) -> Estimates:
    """The estimates with each item's residual variance filled in: what is left of 1, and how certain that is."""
    structure, values = estimates.structure, estimates.values.copy()
    implied = structure.implied(values)
    p = len(structure.observed)
    follows = np.eye(len(values))
    for k, parameter in enumerate(structure.parameters):
        if parameter.kind == "variance" and parameter.row < p:
            values[k] = 1 - implied.sigma[parameter.row, parameter.row]
            follows[k] = -2 * implied.left[parameter.row] * implied.right[parameter.row]
    return Estimates(structure, values, follows @ estimates.covariance @ follows.T)


def _thresholds(sample: Polychorics, level: float) -> pd.DataFrame:
    estimate = np.concatenate(sample.thresholds)
    error = np.sqrt(np.diag(sample.threshold_covariance) / (sample.n - 1))
    reach = ndtri(0.5 + level / 2) * error
    counts = [len(cut) for cut in sample.thresholds]
    return pd.DataFrame(
        {
            "outcome": np.repeat(sample.names, counts),
            "term": [f"t{number + 1}" for count in counts for number in range(count)],
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / error,
            "df": np.inf,
            "p_value": 2 * ndtr(-np.abs(estimate / error)),
            "conf_low": estimate - reach,
            "conf_high": estimate + reach,
            "std_estimate": estimate,
            "kind": "threshold",
            "std_estimate_error": error,
            "std_conf_low": estimate - reach,
            "std_conf_high": estimate + reach,
        }
    )
