"""Confirmatory factor analysis and structural models with latent variables, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from analysis.errors import DataError, ModelError, Problem
from analysis.estimates import Estimates
from analysis.fiml import full_information, patterns_of
from analysis.fit import Fit
from analysis.fitmeasures import ChiSquare, comparative, information_criteria, rmsea, srmr
from analysis.latent import (
    SATURATED,
    Parameter,
    Scaling,
    Structure,
    baseline,
    candidates,
    check_choice,
    specify,
    start_values,
)
from analysis.likelihood import (
    LOG_TAU,
    Block,
    Layout,
    Point,
    check_distinct,
    collect,
    expected_information,
    inverse,
    locate,
    minimise,
    one_group,
    slope,
)
from analysis.model import Model
from analysis.moments import Moments, as_moments, require_rows
from analysis.regression import check_level
from analysis.robust import Robust, at_start, correct, population_measures, scaled_measures
from analysis.scoring import Scores

Missing = Literal["listwise", "fiml"]
MODIFICATIONS = ("kind", "outcome", "term", "modification_index", "p_value", "expected_change", "std_expected_change")
ERRORS: dict[Robust | None, str] = {
    None: "Maximum likelihood; standard errors from the expected information; statistic is z.",
    "mlm": "Maximum likelihood; robust standard errors and Satorra-Bentler chi-square (MLM); statistic is z.",
    "mlr": "Maximum likelihood; Huber-White standard errors and Yuan-Bentler chi-square (MLR); statistic is z.",
}
FIML_ERRORS: dict[Robust | None, str] = {
    None: "Standard errors from the observed information; statistic is z.",
    "mlr": "Huber-White standard errors and Yuan-Bentler chi-square (MLR); statistic is z.",
}


def fit_cfa(
    model: Model,
    data: Scores | Moments,
    *,
    level: float = 0.95,
    scaling: Scaling = "marker",
    robust: Robust | None = None,
    missing: Missing = "listwise",
) -> Fit:
    """Do the items measure what they are meant to measure, and how do the latent variables hang together?

    Parameters
    ----------
    model : Model
        `=~` names the indicators of a latent, `~` regresses latents or observed variables, `~~` frees a
        (residual) covariance.
    data : Scores or Moments
        Items are found by id. Scores are condensed over the rows complete on all of them.
    level : float
        Confidence level.
    scaling : "marker" or "variance"
        Whether the first loading or the latent's (residual) variance is fixed to 1.
    robust : None, "mlm" or "mlr"
        Standard errors and chi-square for items that are not normal (needs rows): "mlm" Satorra-Bentler, "mlr"
        Huber-White errors with Yuan and Bentler's chi-square. The estimates stay the same.
    missing : "listwise" or "fiml"
        Whether only complete rows count, or every answer given (full-information maximum likelihood: needs rows,
        adds intercepts, takes standard errors from the observed information; answers may be missing for reasons
        that lie in the answers given, not in those withheld).

    Returns
    -------
    Fit
        `coefficients`: one row per parameter, `kind` says which (loading, regression, variance, covariance);
        `statistic` is z, its `df` infinite; a fixed loading has no standard error. `std_estimate` standardises
        latent and observed variables (lavaan's std.all), `std_estimate_error`, `std_conf_low` and `std_conf_high` are
        its delta-method error and limits (standardizedSolution; none for what is 1 by definition). `summary`: one
        row, `outcome` is "model", with `n`,
        `chi_square`, `df`, `p_value`, `cfi`, `tli`, `rmsea` (90 % interval `rmsea_low`, `rmsea_high`; p of close
        fit `rmsea_close_p`), `srmr`, `aic`, `bic`, `log_likelihood`, `parameters`; with `robust` also
        `chi_square_scaled`, `p_value_scaled`, `scaling_factor`, and CFI, TLI and RMSEA as `_scaled` (from the scaled
        chi-square) and `_robust` (Brosseau-Liard and Savalei's; prefer these). `effects`: direct, indirect and
        total effects along the `~` equations, with delta intervals, standardised ones too.

    Raises
    ------
    ModelError
        A latent with one indicator, a model that is not identified, an impossible statement.
    DataError
        Unknown or constant columns, items that determine each other, fewer people than parameters.
    NotConverged
        When the search finds no end.
    NeedsRows
        When `robust` is asked of moments.

    Notes
    -----
    Fisher scoring with analytic derivatives on the moments. n, not n - 1, divides the covariances; standard
    errors come from the expected information. Latents that nothing explains are correlated, and so are the
    residuals of outcomes that explain nothing; observed predictors are taken as they are, and are uncorrelated with
    latents unless the model says otherwise.

    Checked against
    ---------------
    lavaan 0.6-14: tests/reference/latent.json, latent_more.json (errors of standardised estimates) and
    Holzinger-Swineford (shared reference 03).

    References
    ----------
    Rosseel, Y. (2012). lavaan: An R package for structural equation modeling. Journal of Statistical Software, 48(2).

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.5, 0.5, 1, 0], [0.4, 0.5, 0.4, 1]])
    >>> table = from_correlations(["a", "b", "c", "d"], r, n=200)
    >>> fit = fit_cfa(parse_model("f =~ a + b + c + d"), table)
    >>> round(float(fit.summary["chi_square"][0]), 3)
    2.489
    """
    check_level(level)
    check_choice("robust", robust, (None, *get_args(Robust)))
    check_choice("missing", missing, get_args(Missing))
    if missing == "fiml":
        return _fit_full_information(model, data, level, scaling, robust)
    structure = specify(model, scaling=scaling)
    moments = as_moments(data, structure.observed)
    layout, block, point = maximise(structure, moments)
    measures = _fit_measures(structure, block, point)
    if robust is None:
        covariance = inverse(expected_information(layout, [block], point)) / moments.n
    else:
        rows = require_rows(data, "A robust correction").complete(structure.observed)
        covariance, trace = correct(layout, [block], point, [rows], robust)
        measures |= _robust_measures(structure, block, rows, robust, measures["chi_square"], trace)
    estimates = Estimates.of(layout, point.theta, covariance)
    notes = [*moments.notes, ERRORS[robust], *_notes(structure), *estimates.warnings()]
    summary = pd.DataFrame({"outcome": "model", "n": moments.n, **measures}, index=[0])
    return Fit(
        model, estimates.coefficients(level), summary, estimates.effects(level), moments.source, level,
        None, moments.synthetic, tuple(notes),
    )  # fmt: skip


def modification_indices(model: Model, data: Scores | Moments, *, scaling: Scaling = "marker") -> pd.DataFrame:
    """Which parameters that the model leaves out would improve its fit, and to what value would each move?

    Parameters
    ----------
    model, data, scaling
        As for `fit_cfa`.

    Returns
    -------
    DataFrame
        One row per loading, covariance or regression that is not in the model, largest first: `kind`, `outcome`,
        `term`, `modification_index` (the drop in chi-square to expect, 1 df), `p_value`, `expected_change` (the value
        the parameter would take), `std_expected_change` (lavaan's sepc.all).

    Raises
    ------
    As `fit_cfa`.

    Notes
    -----
    Score tests with the expected information. They are computed one at a time and chosen after seeing the data:
    freeing parameters by this list is exploration, and says so in a report.

    Checked against
    ---------------
    lavaan 0.6-14 `modindices()`: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.5, 0.5, 1, 0], [0.4, 0.5, 0.4, 1]])
    >>> table = from_correlations(["a", "b", "c", "d"], r, n=200)
    >>> found = modification_indices(parse_model("f =~ a + b + c + d"), table)
    >>> found["kind"].unique().tolist(), round(float(found["modification_index"][0]), 3)
    (['covariance'], 2.33)
    """
    structure = specify(model, scaling=scaling)
    moments = as_moments(data, structure.observed)
    layout, block, point = maximise(structure, moments)
    extra = candidates(structure)
    wider = replace(structure, parameters=(*structure.parameters, *extra))
    known = layout.size
    slots = np.concatenate([layout.slots[0], known + np.arange(len(extra))])
    wide = Layout(wider, slots[None], wider.fixed[None])
    there = locate(wide, [block], np.concatenate([point.theta, np.zeros(len(extra))]))
    information = expected_information(wide, [block], there)
    own, shared, new = information[:known, :known], information[:known, known:], information[known:, known:]
    left = np.diag(new) - np.sum(shared * np.linalg.solve(own, shared), axis=0)
    usable = left > 1e-6 * np.diag(new)
    gain = -slope(wide, [block], there)[known:]
    index = moments.n * np.divide(gain**2, left, out=np.full(len(extra), np.nan), where=usable)
    change = np.divide(gain, left, out=np.full(len(extra), np.nan), where=usable)
    scale = _standard_units(structure, layout.values(point.theta, 0), extra)
    table = pd.DataFrame(
        {
            "kind": [parameter.kind for parameter in extra],
            "outcome": [parameter.outcome for parameter in extra],
            "term": [parameter.term for parameter in extra],
            "modification_index": index,
            "p_value": chdtrc(1, np.nan_to_num(index)),
            "expected_change": change,
            "std_expected_change": change * scale,
        }
    )[list(MODIFICATIONS)]
    found: pd.DataFrame = table[usable].sort_values("modification_index", ascending=False, ignore_index=True)
    return found


def maximise(structure: Structure, moments: Moments) -> tuple[Layout, Block, Point]:
    """Where is the likelihood of this one-group structure highest?

    Parameters
    ----------
    structure : Structure
    moments : Moments
        In the structure's order of observed variables.

    Returns
    -------
    (Layout, Block, Point)
        The layout, the data as a block, and the estimates with what they imply.

    Raises
    ------
    DataError
        For fewer people than parameters, or variables that determine each other.

    Checked against
    ---------------
    lavaan 0.6-14: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]])
    >>> _, _, point = maximise(specify(parse_model("f =~ a + b + c")), from_correlations(["a", "b", "c"], r, n=200))
    >>> point.theta[:2].round(4).tolist()
    [0.6667, 0.5]
    """
    check_moments(moments, int(structure.free.sum()))
    block, layout = _as_block(moments), one_group(structure)
    starts = (collect(layout, [values]) for values in start_values(structure, block.cov, block.mean))
    return layout, block, minimise(layout, [block], starts)


def _as_block(moments: Moments) -> Block:
    """These moments as one block of a likelihood, covariances with denominator n."""
    cov = moments.cov * ((moments.n - 1) / moments.n)
    return Block(moments.n, moments.mean, cov, np.arange(len(moments.names)))


def check_moments(moments: Moments, parameters: int, where: str = "data") -> None:
    """Can these moments carry so many parameters?

    Parameters
    ----------
    moments : Moments
    parameters : int
        How many are to be estimated.
    where : str
        What the message begins with.

    Raises
    ------
    DataError
        For fewer people than parameters, or variables that determine each other.

    Checked against
    ---------------
    Too few people and sums among the items: tests/analysis/test_cfa.py (`fit_cfa`), tests/analysis/test_method_bias.py
    (`full_collinearity`). It computes nothing R could.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> check_moments(from_correlations(["a", "b"], np.eye(2), n=5), 6)
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: data: 5 people for 6 parameters. Collect more answers, or ask a smaller model.
    """
    if moments.n < parameters:
        what = f"{moments.n} people for {parameters} parameters"
        remedy = "Collect more answers, or ask a smaller model."
        raise DataError(Problem(where, what, remedy))
    check_distinct(moments.cov, moments.names, where)


def _fit_full_information(
    model: Model, data: Scores | Moments, level: float, scaling: Scaling, robust: Robust | None
) -> Fit:
    if robust == "mlm":
        what = "the Satorra-Bentler correction is not defined with missing answers"
        raise ModelError(Problem("robust 'mlm'", what, "Ask for 'mlr', or for complete rows only."))
    scores = require_rows(data, "Full information")
    structure = specify(model, scaling=scaling, has_means=True)
    patterns = patterns_of(scores, structure)
    found = full_information(structure, patterns, robust=robust == "mlr")
    estimates = Estimates.of(found.layout, found.theta, found.covariance)
    summary = pd.DataFrame({"outcome": "model", "n": patterns.n, **found.measures}, index=[0])
    notes = [*scores.notes, *patterns.notes, FIML_ERRORS[robust], *_notes(structure), *estimates.warnings()]
    return Fit(
        model, estimates.coefficients(level), summary, estimates.effects(level), scores.source, level, None,
        scores.synthetic, tuple(notes),
    )  # fmt: skip


def _fit_measures(structure: Structure, block: Block, point: Point) -> dict[str, float]:
    n, p = block.n, len(structure.observed)
    logdet = float(np.linalg.slogdet(block.cov)[1])
    free = int(structure.free.sum())
    model = ChiSquare(max(n * (point.value - logdet - p), 0.0), structure.moments - free)
    given = sum(parameter.exogenous for parameter in structure.parameters)
    fixed = [structure.observed.index(name) for name in structure.exogenous]
    log_likelihood = -0.5 * n * (p * LOG_TAU + point.value) + 0.5 * n * _constant_part(block.cov[np.ix_(fixed, fixed)])
    return {
        "chi_square": model.statistic,
        "df": model.df,
        "p_value": model.p_value,
        **comparative(model, _baseline_chi_square(structure, block.cov, n)),
        **rmsea(model, n),
        "srmr": srmr([block.cov], [point.implied[0].sigma], [n]),
        **information_criteria(log_likelihood, free - given, n),
        "log_likelihood": log_likelihood,
        "parameters": free - given,
    }


def _baseline_chi_square(structure: Structure, cov: np.ndarray, n: int) -> ChiSquare:
    """The test of no relations at all, covariances among exogenous predictors aside."""
    given = [structure.observed.index(name) for name in structure.exogenous]
    others = [place for place in range(len(cov)) if place not in given]
    logdet = np.log(np.diag(cov)[others]).sum() + np.linalg.slogdet(cov[np.ix_(given, given)])[1]
    df = len(others) * (len(others) - 1) // 2 + len(others) * len(given)
    return ChiSquare(float(n * (logdet - np.linalg.slogdet(cov)[1])), df)


def _robust_measures(
    structure: Structure, block: Block, rows: np.ndarray, kind: Robust, chi_square: float, trace: float
) -> dict[str, float]:
    df = structure.moments - int(structure.free.sum())
    if df == 0:
        return {}
    plain = _baseline_chi_square(structure, block.cov, block.n)
    alone = one_group(baseline(structure))
    alone_trace = correct(alone, [block], at_start(alone, block), [rows], kind).trace
    nothing = replace(plain, factor=alone_trace / plain.df)
    model = ChiSquare(chi_square, df, trace / df)
    return scaled_measures(model, nothing, block.n) | population_measures(model, nothing, block.n)


def _constant_part(cov: np.ndarray) -> float:
    """Minus twice the log-likelihood per person of variables that are reproduced exactly."""
    return len(cov) * (LOG_TAU + 1) + float(np.linalg.slogdet(cov)[1]) if len(cov) else 0.0


def _standard_units(structure: Structure, values: np.ndarray, extra: Sequence[Parameter]) -> np.ndarray:
    total, symmetric, _ = structure.matrices(values)
    sd = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", total, symmetric, total), 0))
    own = np.sqrt(np.maximum(np.diag(symmetric), 0))
    factors = []
    for parameter in extra:
        if parameter.kind == "covariance":
            below = own[parameter.row] * own[parameter.column]
            factors.append(1 / below if below > 0 else np.nan)
        else:
            factors.append(sd[parameter.column] / sd[parameter.row])
    return np.array(factors)


def _notes(structure: Structure) -> list[str]:
    notes = []
    if structure.moments == structure.free.sum():
        notes.append(SATURATED)
    inside = {name for latent in structure.model.latents for name in latent.indicators}
    apart = [name for name in structure.latents if name not in {*structure.model.outcomes, *inside}]
    if structure.exogenous and apart:
        notes.append(
            f"{', '.join(structure.exogenous)} and {', '.join(apart)} are taken as uncorrelated; "
            f"write '{apart[0]} ~~ {structure.exogenous[0]}' to let them correlate."
        )
    return notes
