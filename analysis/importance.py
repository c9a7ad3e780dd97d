"""Which predictors matter most, and does the claim at the centre of this field hold in these data?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.random import SFC64, Generator

from analysis.bootstrap import DEGENERATE, Progress, check_draws, people_resampled, slopes
from analysis.errors import ModelError, Problem
from analysis.fit import Fit
from analysis.model import Equation, Model
from analysis.moments import Moments, as_moments
from analysis.paths import limits_of
from analysis.regression import (
    Errors,
    Estimated,
    Solved,
    check_level,
    check_regression,
    coefficient_covariance,
    estimate,
    solve,
    t_table,
    tabulate,
)
from analysis.scoring import Scores

Verdict = Literal["replicates", "mixed", "contradicts", "undecided"]

MOST_PREDICTORS = 12
"""All subsets of more predictors are too many to wait for."""
SAMPLES_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class Dominance:
    """Who adds most to R squared, over all subsets of the other predictors.

    Attributes
    ----------
    general : DataFrame
        `outcome`, `term`, `general` (mean gain in R squared; sums to R squared), `share` (of R squared),
        `conf_low`, `conf_high` (of `general`), `rank` (1 is most).
    conditional : DataFrame
        `outcome`, `term`, `size` (how many predictors are there already), `gain` (mean gain in R squared).
    pairs : DataFrame
        `outcome`, `first`, `second`; for `complete`, `conditional` and `general` dominance who dominates whom
        (`first`, `second` or `none`), each followed by the share of draws with the same answer
        (`complete_share`, ...).
    n, level, draws, seed, synthetic, notes
        As in `Fit`.
    """

    general: pd.DataFrame
    conditional: pd.DataFrame
    pairs: pd.DataFrame
    n: int
    level: float
    draws: int
    seed: int
    synthetic: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Claim:
    """Do the strong causes matter more than the weak one?

    Attributes
    ----------
    outcome, strong, weak
        Which columns the claim is about.
    verdict : {"replicates", "mixed", "contradicts", "undecided"}
    contrasts : DataFrame
        One row per strong cause: `strong`, `weak`, `std_strong`, `std_weak` (standardised coefficients),
        `estimate` (their difference), `std_error`, `conf_low`, `conf_high`.
    dominance : Dominance
        Of all the causes in one equation.
    n, level, draws, seed, synthetic, notes
        As in `Fit`.
    """

    outcome: str
    strong: tuple[str, ...]
    weak: str
    verdict: Verdict
    contrasts: pd.DataFrame
    dominance: Dominance
    n: int
    level: float
    draws: int
    seed: int
    synthetic: bool
    notes: tuple[str, ...]


def fit_dominance(
    model: Model,
    data: Scores | Moments,
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Dominance:
    """How much does each predictor add to what is explained, whatever else is already known?

    Parameters
    ----------
    model : Model
        One or more equations of 1 to 12 single columns.
    data : Scores or Moments
        People, or n and covariances.
    level : float
        Confidence level.
    draws, seed : int
        Samples behind intervals and reproducibility.
    progress : callable(done, total) or None
        Told about the draws done.

    Returns
    -------
    Dominance

    Raises
    ------
    ModelError
        For a product term or more than 12 predictors.
    DataError
        As `fit_regression`.

    Notes
    -----
    R squared of every subset comes from the covariances by stepwise elimination. `first` dominates completely when
    its gain is larger in every subset without either, conditionally when its mean gain is larger at every size,
    generally when its mean over sizes is larger. Draws are bootstrap samples where there are people, and samples
    from a normal population with these moments otherwise.

    Checked against
    ---------------
    R 4.2.2, all subsets by `lm`: tests/reference/scores.json; shared reference 05_ols in
    tests/analysis/test_importance.py.

    References
    ----------
    Budescu, D. V. (1993). Psychological Bulletin, 114, 542-551. Azen, R., & Budescu, D. V. (2003). Psychological
    Methods, 8, 129-148.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.0, 1, 0], [0.5, 0.3, 1]])
    >>> table = from_correlations(["social", "physical", "psi"], r, n=200)
    >>> fit_dominance(parse_model("psi ~ social + physical"), table).general["general"].round(2).tolist()
    [0.25, 0.09]
    """
    check_level(level)
    check_draws(draws, seed)
    check_regression(model, data)
    _check_size(model)
    moments = as_moments(data, model.columns)
    estimate(model, moments)
    drawn = _draw_covariances(model, data, draws=draws, seed=seed, progress=progress)
    tables = [_dominance(equation, model, moments, drawn, level) for equation in model.equations]
    general, conditional, pairs = (pd.concat(part, ignore_index=True) for part in zip(*tables, strict=True))
    notes = (*moments.notes, _draws_note(data, draws, seed))
    return Dominance(general, conditional, pairs, moments.n, level, draws, seed, moments.synthetic, notes)


def central_claim(
    data: Scores | Moments,
    *,
    outcome: str = "psi",
    strong: Sequence[str] = ("homophily", "social"),
    weak: str = "physical",
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Claim:
    """Do homophily and social attraction drive the bond with a persona more strongly than looks do?

    Parameters
    ----------
    data : Scores or Moments
        People, or n and covariances.
    outcome : str
        What is driven.
    strong : sequence of str
        The causes that are claimed to matter more.
    weak : str
        The cause that is claimed to matter less.
    level, draws, seed, progress
        As in `fit_paths`.

    Returns
    -------
    Claim
        `replicates`: every strong cause has a positive standardised coefficient that exceeds the weak one's in size,
        and every difference's interval lies above zero. `mixed`: that holds for some. `contradicts`: for none, and
        some difference's interval lies below zero. `undecided`: the intervals do not tell.

    Raises
    ------
    ModelError, DataError
        As `fit_regression`.

    Notes
    -----
    All causes stand in one equation. The contrast is the difference of standardised coefficients; each draw is
    standardised anew, so the uncertainty of the standard covariances counts. Percentile limits of bootstrap samples
    of people, or of samples from a normal population with the moments at hand. An association in a questionnaire
    is not an experiment: the verdict is about these answers.

    Checked against
    ---------------
    Standard errors of the differences: lavaan 0.6-14, delta method on standardised slopes:
    tests/reference/scores.json. Normal-theory delta method by hand, verdicts: tests/analysis/test_importance.py.

    References
    ----------
    Lee, J. E., & Watkins, B. (2016). Journal of Business Research, 69, 5753-5760.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.3, 1, 0, 0], [0.3, 0.4, 1, 0], [0.2, 0.5, 0.6, 1]])
    >>> central_claim(from_correlations(["physical", "social", "homophily", "psi"], r, n=500)).verdict
    'replicates'
    """
    check_level(level)
    check_draws(draws, seed)
    causes = (*strong, weak)
    model = Model((Equation(outcome, tuple((name,) for name in causes)),))
    check_regression(model, data)
    moments = as_moments(data, model.columns)
    one = estimate(model, moments)[0]
    observed = one.slopes * one.ratio
    covariances = _draw_covariances(model, data, draws=draws, seed=seed, progress=progress)
    betas, solved = _betas(covariances, 0, range(1, len(causes) + 1))
    differences = (betas[:-1] - betas[-1])[:, solved]
    limits = limits_of(differences, level)
    contrasts = pd.DataFrame(
        {
            "strong": list(strong),
            "weak": weak,
            "std_strong": observed[:-1],
            "std_weak": observed[-1],
            "estimate": observed[:-1] - observed[-1],
            "std_error": differences.std(axis=1, ddof=1),
            "conf_low": limits[:, 0],
            "conf_high": limits[:, 1],
        }
    )
    tables = _dominance(model.equations[0], model, moments, covariances, level)
    notes = (*moments.notes, _draws_note(data, draws, seed))
    dominance = Dominance(*tables, moments.n, level, draws, seed, moments.synthetic, notes)
    return Claim(
        outcome, tuple(strong), weak, _verdict(contrasts), contrasts, dominance, moments.n, level, draws, seed,
        moments.synthetic, notes,
    )  # fmt: skip


def fit_equality(
    model: Model,
    data: Scores | Moments,
    *,
    outcome: str,
    first: str,
    second: str,
    errors: Errors | None = None,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Fit:
    """Does one predictor weigh more than another in the same equation?

    Parameters
    ----------
    model : Model
        Its equation of `outcome` holds both terms.
    data : Scores or Moments
        People, or n and covariances.
    outcome, first, second : str
        Which two coefficients.
    errors, level
        As in `fit_regression`, for the raw coefficients.
    draws, seed, progress
        Samples behind the interval of the standardised difference.

    Returns
    -------
    Fit
        `coefficients` has one row, `term` "first - second": the raw difference with its t test, `std_estimate` (the
        difference of standardised coefficients) with `std_conf_low` and `std_conf_high`. `summary` gives the same
        test as `f_statistic` (1 and `df` degrees of freedom) and `f_p_value`.

    Raises
    ------
    ModelError, DataError, NeedsRows
        As `fit_regression`; also for terms the equation does not have.

    Notes
    -----
    The raw difference only has a meaning when both predictors are in the same unit; t = difference / its standard
    error, F = t squared. The standardised difference has percentile limits: of bootstrap samples where there are
    people, of samples from a normal population otherwise.

    Checked against
    ---------------
    R 4.2.2, the Wald test of the contrast by `lm` and `sandwich::vcovHC`: tests/reference/scores.json.
    `car::linearHypothesis` (shared reference 05_ols): tests/analysis/test_importance.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.0, 1, 0], [0.5, 0.2, 1]])
    >>> table = from_correlations(["social", "physical", "psi"], r, n=200)
    >>> fit = fit_equality(parse_model("psi ~ social + physical"), table, outcome="psi", first="social",
    ...                    second="physical")
    >>> round(float(fit.coefficients["estimate"][0]), 3)
    0.3
    """
    check_level(level)
    check_draws(draws, seed)
    solved = solve(model, data, errors)
    one = _equation(solved, model, outcome, (first, second))
    weights = np.zeros(len(one.slopes))
    weights[[one.equation.labels.index(first), one.equation.labels.index(second)]] = 1, -1
    rows = solved.rows if solved.errors == "hc3" else None
    spread = coefficient_covariance(one, rows, solved.moments.names)[1:, 1:]
    table = t_table(np.array([weights @ one.slopes]), np.array([np.sqrt(weights @ spread @ weights)]), one.df, level)
    covariances = _draw_covariances(model, data, draws=draws, seed=seed, progress=progress)
    places = [model.columns.index(label) for label in one.equation.labels]
    betas, told_apart = _betas(covariances, model.columns.index(outcome), places)
    limits = limits_of((weights @ betas)[None, told_apart], level)[0]
    term = f"{first} - {second}"
    coefficients = pd.DataFrame(
        {
            "outcome": [outcome],
            "term": [term],
            **table,
            "std_estimate": [float(weights @ (one.slopes * one.ratio))],
            "std_conf_low": [limits[0]],
            "std_conf_high": [limits[1]],
        }
    )
    fit = tabulate(model, solved, level)
    summary = fit.summary[fit.summary["outcome"] == outcome].reset_index(drop=True)
    summary = summary[["outcome", "n", "r_squared", "adj_r_squared", "df"]].assign(
        f_statistic=table["statistic"] ** 2, f_p_value=table["p_value"]
    )
    notes = (*fit.notes, _draws_note(data, draws, seed))
    return replace(fit, coefficients=coefficients, summary=summary, seed=seed, notes=notes)


def _equation(solved: Solved, model: Model, outcome: str, terms: Sequence[str]) -> Estimated:
    if outcome not in model.outcomes:
        remedy = f"Outcomes are: {', '.join(model.outcomes)}."
        raise ModelError(Problem(f"outcome '{outcome}'", "the model has no equation for it", remedy))
    one = solved.equations[model.outcomes.index(outcome)]
    remedy = f"Its terms are: {', '.join(one.equation.labels)}."
    problems = [
        Problem(f"term '{term}'", f"the equation of '{outcome}' does not hold it", remedy)
        for term in terms if term not in one.equation.labels
    ]  # fmt: skip
    if terms[0] == terms[1]:
        problems.append(Problem(f"term '{terms[0]}'", "it is compared with itself", "Name two terms."))
    if problems:
        raise ModelError(*problems)
    return one


def _draw_covariances(
    model: Model, data: Scores | Moments, *, draws: int, seed: int, progress: Progress | None = None
) -> np.ndarray:
    """Covariances of the model's columns (standardised as observed) in every sample, shape (p, p, draws)."""
    if isinstance(data, Scores):
        return people_resampled(data, model.columns, draws=draws, seed=seed, progress=progress).covariances()
    moments = as_moments(data, model.columns)
    p = len(moments.names)
    stream = Generator(SFC64(seed))
    triangle = np.tril(stream.standard_normal((draws, p, p)), -1)
    df = moments.n - 1 - np.arange(p)
    triangle[:, np.arange(p), np.arange(p)] = np.sqrt(stream.chisquare(np.maximum(df, 1e-9), (draws, p)))
    values, vectors = np.linalg.eigh(moments.correlations)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ triangle
    if progress is not None:
        progress(draws, draws)
    return np.ascontiguousarray(np.einsum("bij,bkj->ikb", root, root) / (moments.n - 1))


def _check_size(model: Model) -> None:
    problems = [
        Problem(f"equation '{equation}'", f"{len(equation.terms)} predictors have too many subsets",
                f"Name at most {MOST_PREDICTORS}.")
        for equation in model.equations if len(equation.terms) > MOST_PREDICTORS
    ]  # fmt: skip
    problems += [
        Problem(f"product '{':'.join(term)}'", "its share cannot be told from its parts'", "Leave products out.")
        for term in model.products
    ]
    if problems:
        raise ModelError(*problems)


def _betas(covariances: np.ndarray, outcome: int, predictors: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Standardised coefficients in every sample, each sample by its own standard covariances."""
    found, solved = slopes(covariances, outcome, predictors)
    spread = np.array([np.maximum(covariances[place, place], 0) for place in predictors])
    varying = covariances[outcome, outcome] > DEGENERATE
    own = np.where(varying, covariances[outcome, outcome], 1.0)
    return found * np.sqrt(spread / own), solved & varying


def _subset_r_squared(covariances: np.ndarray, outcome: int, predictors: Sequence[int]) -> np.ndarray:
    """R squared of every subset of the predictors, shape (2^k, draws); bit i of the row number is predictor i.

    Each subset is its parent plus one predictor of a higher number: one elimination step away.
    """
    k = len(predictors)
    order = [*predictors, outcome]
    r_squared = np.zeros((2**k, covariances.shape[2]))
    whole = covariances[outcome, outcome]
    whole = np.where(whole > 0, whole, 1.0)

    def grow(subset: int, first: int, left: np.ndarray) -> None:
        for i in range(len(left) - 1):
            variance = np.where(left[i, i] > 1e-12, left[i, i], np.inf)
            larger = subset | 1 << (first + i)
            r_squared[larger] = r_squared[subset] + left[i, -1] ** 2 / variance / whole
            if i < len(left) - 2:
                rest = left[i + 1 :, i + 1 :] - left[i + 1 :, i][:, None] * (left[i, i + 1 :] / variance)
                grow(larger, first + i + 1, rest)

    grow(0, 0, covariances[np.ix_(order, order)])
    return r_squared


def _gains(r_squared: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean gain of each predictor by size, shape (size, k, draws), and its mean over sizes, shape (k, draws)."""
    subsets = np.arange(2**k)
    sizes = np.array([subset.bit_count() for subset in range(2**k)])
    conditional = np.zeros((k, k, r_squared.shape[1]))
    for i in range(k):
        without = subsets[subsets >> i & 1 == 0]
        gain = r_squared[without | 1 << i] - r_squared[without]
        for size in range(k):
            conditional[size, i] = gain[sizes[without] == size].mean(axis=0)
    return conditional, conditional.mean(axis=0)


def _who(gap: np.ndarray) -> np.ndarray:
    """Per draw 1 where every gap (rows) is above zero, -1 where every one is below, else 0."""
    return (gap > 0).all(axis=0).astype(int) - (gap < 0).all(axis=0)


def _patterns(
    r_squared: np.ndarray, conditional: np.ndarray, general: np.ndarray, k: int
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    subsets = np.arange(2**k)
    found = {}
    for i, j in combinations(range(k), 2):
        without = subsets[(subsets >> i & 1 == 0) & (subsets >> j & 1 == 0)]
        complete = _who(r_squared[without | 1 << i] - r_squared[without | 1 << j])
        found[i, j] = complete, _who(conditional[:, i] - conditional[:, j]), _who((general[i] - general[j])[None])
    return found


def _dominance(
    equation: Equation, model: Model, moments: Moments, drawn: np.ndarray, level: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    labels, k = equation.labels, len(equation.labels)
    outcome = model.columns.index(equation.outcome)
    places = [model.columns.index(label) for label in labels]
    r_squared = _subset_r_squared(moments.correlations[:, :, None], outcome, places)
    conditional, general = _gains(r_squared, k)
    observed = _patterns(r_squared, conditional, general, k)
    agree = {pair: np.zeros(3) for pair in observed}
    generals = []
    for start in range(0, drawn.shape[2], SAMPLES_AT_ONCE):
        again = _subset_r_squared(drawn[:, :, start : start + SAMPLES_AT_ONCE], outcome, places)
        by_size, mean = _gains(again, k)
        generals.append(mean)
        for pair, kinds in _patterns(again, by_size, mean, k).items():
            agree[pair] += [(kind == seen).sum() for kind, seen in zip(kinds, observed[pair], strict=True)]
    limits = limits_of(np.hstack(generals), level)
    value = general[:, 0]
    table = pd.DataFrame(
        {
            "outcome": equation.outcome,
            "term": labels,
            "general": value,
            "share": value / value.sum() if value.sum() > 0 else np.zeros(k),
            "conf_low": limits[:, 0],
            "conf_high": limits[:, 1],
            "rank": pd.Series(value).rank(ascending=False, method="min").astype(int),
        }
    )
    sizes = [
        {"outcome": equation.outcome, "term": label, "size": size, "gain": float(conditional[size, i, 0])}
        for i, label in enumerate(labels) for size in range(k)
    ]  # fmt: skip
    names = {1: "first", -1: "second", 0: "none"}
    columns = ["outcome", "first", "second"]
    columns += [name for kind in ("complete", "conditional", "general") for name in (kind, f"{kind}_share")]
    pairs = []
    for (i, j), kinds in observed.items():
        answers = [names[int(kind[0])] for kind in kinds]
        shares = agree[i, j] / drawn.shape[2]
        told = [part for pair in zip(answers, map(float, shares), strict=True) for part in pair]
        pairs.append([equation.outcome, labels[i], labels[j], *told])
    return table, pd.DataFrame(sizes), pd.DataFrame(pairs, columns=columns)


def _verdict(contrasts: pd.DataFrame) -> Verdict:
    larger = contrasts["std_strong"] > contrasts["std_weak"].abs()
    holds = (contrasts["conf_low"] > 0) & larger
    if holds.all():
        return "replicates"
    if holds.any():
        return "mixed"
    return "contradicts" if (contrasts["conf_high"] < 0).any() else "undecided"


def _draws_note(data: Scores | Moments, draws: int, seed: int) -> str:
    if isinstance(data, Scores):
        return f"Intervals: percentile bootstrap, {draws} samples, seed {seed}."
    return f"Intervals: {draws} samples from a normal population with these moments, seed {seed}."
