"""This sample beside a published one: the same standardised slopes, their difference, and how sure it is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from analysis.errors import DataError, ModelError, MomentsError, Problem
from analysis.fit import COEFFICIENTS, Fit
from analysis.model import Equation, Model
from analysis.moments import Moments
from analysis.published import Published, check_admissible
from analysis.regression import check_level, solve
from analysis.scoring import Scores


def compare(
    model: Model,
    data: Scores | Moments,
    published: Published,
    *,
    names: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Fit:
    """Where do this sample's standardised paths differ from a published study's, and by how much?

    Parameters
    ----------
    model : Model
        In the names of `data`, without products.
    data : Scores or Moments
    published : Published
    names : mapping of str to str, optional
        From a name of this sample to the study's name for it, where they differ.
    level : float

    Returns
    -------
    Fit
        `coefficients`: one row per path that both have; `estimate` is this sample's standardised slope minus
        theirs, with z (`df` infinite), `p_value` and interval; `sample` and `published` are the two
        standardised slopes, each with its limits `_low` and `_high`; `printed` is the number in the paper.
        `summary`: `n` and `r_squared` here, `published_n` and `published_r_squared` there.

    Raises
    ------
    MomentsError
        When the published numbers are impossible.
    DataError
        When the study prints no figure.
    ModelError
        When the two have no path in common, or the model has a product.

    Notes
    -----
    Where the study printed its correlations and holds all variables of an equation, the same equation is fitted
    to both, so that a slope is compared under the same other predictors. Otherwise the printed number is taken, as
    if known without error (its interval is empty), and a note names predictors that only one of the two has. Errors of
    standardised slopes: delta method on the correlations of a normal sample (denominator n), which also counts
    that standard deviations are estimates. The two samples are independent. Different scales for the same construct
    are not made equal by this.

    Checked against
    ---------------
    R 4.2.2, lavaan 0.6-14: standardizedSolution (errors of standardised slopes), tests/reference/standardised.json;
    difference, interval and p of a model of two groups (delta method), tests/reference/published.json.

    References
    ----------
    Olkin & Siotani 1976; Yuan & Chan 2011.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> fit = compare(parse_model("sop ~ lik + ani + res"), gao.moments(), gao)
    >>> print(fit.coefficients["estimate"].abs().max() < 1e-12)
    True
    """
    check_level(level)
    impossible = check_admissible(published)
    if impossible:
        raise MomentsError(*impossible)
    if not published.paths and published.correlations is None:
        what = "it is here for the direction of its findings only"
        raise DataError(Problem(f"published '{published.id}'", what, "Compare with gao_2023 or qatar_2023."))
    if model.products:
        term = ":".join(model.products[0])
        raise ModelError(
            Problem(f"model, '{term}'", "published tables hold no products", "Compare the model without it.")
        )
    called = {name: (names or {}).get(name, name) for name in model.names}
    solved = solve(model, data)
    theirs = published.moments() if published.correlations is not None else None
    rows, summaries, notes = [], [], []
    reach = float(special.ndtri((1 + level) / 2))
    for one in solved.equations:
        equation = one.equation
        here, error = _standardised(equation, solved.moments)
        there, their_error, said = _published(equation, called, published, theirs)
        notes.extend(said)
        for place, label in enumerate(equation.labels):
            if not np.isnan(there[place]):
                printed = (published.paths or {}).get((called[equation.outcome], called[label]), np.nan)
                rows.append(
                    (equation.outcome, label, here[place], error[place], there[place], their_error[place], printed)
                )
        summaries.append(
            {
                "outcome": equation.outcome,
                "n": one.n,
                "r_squared": one.r_squared,
                "published_n": published.n,
                "published_r_squared": (published.r_squared or {}).get(called[equation.outcome], np.nan),
            }
        )
    if not rows:
        theirs_named = "; ".join(f"{y} ~ {x}" for y, x in published.paths or {}) or ", ".join(published.names)
        what = f"'{published.id}' has none of its paths"
        raise ModelError(Problem("model", what, f"It has {theirs_named}. Say which of your names stands for which."))
    return Fit(
        model,
        _differences(rows, reach),
        pd.DataFrame(summaries),
        source=f"{solved.moments.source} beside {published.citation}",
        level=level,
        synthetic=solved.moments.synthetic,
        notes=(*solved.moments.notes, *notes),
    )


def shared_model(published: Published, names: Mapping[str, str]) -> Model:
    """Which part of a published study's model can this sample be held against?

    Parameters
    ----------
    published : Published
    names : mapping of str to str
        From a name of this sample to the study's name for it, for the variables both have.

    Returns
    -------
    Model
        The study's equations in the names of this sample, without the terms that only the study has.

    Raises
    ------
    ModelError
        When two names stand for one, or no equation keeps an outcome and a cause.

    Checked against
    ---------------
    The equations of the shipped studies: tests/analysis/test_compare.py.

    Examples
    --------
    >>> from analysis.published import load_published
    >>> str(shared_model(load_published("gao_2023"), {"social": "lik", "psi": "sop", "purchase": "pin"}))
    'psi ~ social\\npurchase ~ social + psi'
    """
    theirs = list(names.values())
    twice = sorted({name for name in theirs if theirs.count(name) > 1})
    if twice:
        what = f"two of your scales stand for {', '.join(twice)}"
        raise ModelError(Problem(f"published '{published.id}'", what, "Choose one of them."))
    ours = {there: here for here, there in names.items()}
    if published.model is not None:
        pairs = [(equation.outcome, equation.labels) for equation in published.model.equations]
    else:
        outcomes = dict.fromkeys(outcome for outcome, _ in published.paths or {})
        pairs = [(y, tuple(cause for outcome, cause in published.paths or {} if outcome == y)) for y in outcomes]
    equations = [
        Equation(ours[outcome], tuple((ours[label],) for label in labels if label in ours))
        for outcome, labels in pairs
        if outcome in ours and any(label in ours for label in labels)
    ]
    if not equations:
        remedy = "Say which of your scales stand for one of its outcomes and for one of the causes of that."
        raise ModelError(Problem(f"published '{published.id}'", "your scales share no path with it yet", remedy))
    return Model(tuple(equations))


def paths_apart(fit: Fit) -> int:
    """At how many paths of a comparison does the interval of the difference hold no zero?

    Parameters
    ----------
    fit : Fit
        What `compare` gives.

    Returns
    -------
    int

    Checked against
    ---------------
    The intervals of lavaan: tests/analysis/test_compare.py.

    Examples
    --------
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> paths_apart(compare(shared_model(gao, {"lik": "lik", "sop": "sop"}), gao.moments(), gao))
    0
    """
    found = fit.coefficients
    return int(((found["conf_low"] > 0) | (found["conf_high"] < 0)).sum())


def _differences(rows: list[tuple[str, str, float, float, float, float, float]], reach: float) -> pd.DataFrame:
    columns = ["outcome", "term", "sample", "sample_error", "published", "published_error", "printed"]
    table = pd.DataFrame(rows, columns=columns)
    difference = table["sample"] - table["published"]
    error = np.hypot(table["sample_error"], table["published_error"].fillna(0.0))
    own, other = reach * table["sample_error"], reach * table["published_error"]
    return pd.DataFrame(
        {
            "outcome": table["outcome"],
            "term": table["term"],
            "estimate": difference,
            "std_error": error,
            "statistic": difference / error,
            "df": np.inf,
            "p_value": 2 * special.ndtr(-np.abs(difference / error)),
            "conf_low": difference - reach * error,
            "conf_high": difference + reach * error,
            "std_estimate": difference,
            "sample": table["sample"],
            "sample_low": table["sample"] - own,
            "sample_high": table["sample"] + own,
            "published": table["published"],
            "published_low": table["published"] - other,
            "published_high": table["published"] + other,
            "printed": table["printed"],
        }
    )[
        [
            *COEFFICIENTS,
            *("sample", "sample_low", "sample_high", "published", "published_low", "published_high", "printed"),
        ]
    ]


def _published(
    equation: Equation, called: Mapping[str, str], published: Published, theirs: Moments | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Their standardised slopes and errors for this equation, NaN where they have none, and what to note."""
    outcome, labels = called[equation.outcome], [called[label] for label in equation.labels]
    if theirs is not None and {outcome, *labels} <= set(theirs.names):
        slopes, errors = _standardised(Equation(outcome, tuple((label,) for label in labels)), theirs)
        return slopes, errors, [f"{equation}: the same equation was fitted to the published correlations."]
    paths = published.paths or {}
    printed = np.array([paths.get((outcome, label), np.nan) for label in labels])
    if np.isnan(printed).all():
        return printed, printed, [f"{equation}: {published.id} has no such path."]
    notes = [f"{equation}: printed slopes were taken as known without error; their correlations are not published."]
    others = sorted({x for y, x in paths if y == outcome} ^ set(labels))
    if others:
        notes.append(f"{equation}: not the same predictors, so slopes mean different things ({', '.join(others)}).")
    return printed, np.full(len(labels), np.nan), notes


def _standardised(equation: Equation, moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Standardised slopes of one equation and their normal-theory errors, from the correlations alone."""
    r = moments.select((equation.outcome, *equation.labels)).correlations
    inverse = np.linalg.inv(r[1:, 1:])
    slopes = inverse @ r[1:, 0]
    pairs = list(itertools.combinations(range(len(r)), 2))
    gradient = np.empty((len(slopes), len(pairs)))
    for place, (i, j) in enumerate(pairs):
        if i == 0:
            gradient[:, place] = inverse[:, j - 1]
        else:
            gradient[:, place] = -(inverse[:, i - 1] * slopes[j - 1] + inverse[:, j - 1] * slopes[i - 1])
    i, j = np.array(pairs).T
    covariance = _correlation_covariance(r, i, j) / moments.n
    return slopes, np.sqrt(np.einsum("ap,pq,aq->a", gradient, covariance, gradient))


def _correlation_covariance(r: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """n times the covariance of the correlations (i, j) of a normal sample (Olkin & Siotani)."""
    a, b, c, d = i[:, None], j[:, None], i[None], j[None]
    squares = r[a, c] ** 2 + r[a, d] ** 2 + r[b, c] ** 2 + r[b, d] ** 2
    triples = r[a, b] * (r[a, c] * r[a, d] + r[b, c] * r[b, d]) + r[c, d] * (r[a, c] * r[b, c] + r[a, d] * r[b, d])
    return np.asarray(0.5 * r[a, b] * r[c, d] * squares + r[a, c] * r[b, d] + r[a, d] * r[b, c] - triples)
