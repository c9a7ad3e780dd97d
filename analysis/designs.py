"""The same people more than once, and groups before and after: waves, change, difference in differences."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from analysis.errors import DataError, ModelError, Problem
from analysis.fit import COEFFICIENTS, EFFECTS, INTERCEPT, Fit
from analysis.groups import group_labels, in_order
from analysis.model import Equation, Model
from analysis.moments import Moments, as_moments, require_rows
from analysis.regression import check_level, design_problems, t_table
from analysis.scoring import Scores

LATER = {"post", "after", "na", "nameting"}
"""Names of a wave that the alphabet would put first."""


def match_waves(data: Scores, outcomes: Sequence[str], *, person: str = "person", wave: str = "wave") -> Scores:
    """Which answers belong to the same person? One row per person, one column per outcome and wave.

    Parameters
    ----------
    data : Scores
        One row per person and wave.
    outcomes : sequence of str
        Columns to carry along.
    person : str
        Column that is the same in all waves of a person: that of exported answers, or a code people made themselves.
    wave : str
        Column that says which wave a row is.

    Returns
    -------
    Scores
        Columns `psi.pre`, `psi.post` (outcome, full stop, wave) and `person`; empty where a person missed a wave.
        `left_out` names rows without a code or wave, and rows whose code stands more than once in a wave.

    Raises
    ------
    DataError
        For unknown columns, fewer than two waves, or when nobody is left.

    Notes
    -----
    Codes are compared without regard to case and outer spaces. Two people with one code cannot be told apart, so
    neither is used.

    Checked against
    ---------------
    R 4.2.2 `merge()` and the paired `t.test` on what it matches: tests/reference/scores.json.

    Examples
    --------
    >>> frame = pd.DataFrame({"person": ["ab1", "cd2", "AB1 "], "wave": ["pre", "pre", "post"], "psi": [3.0, 4, 5]})
    >>> wide = match_waves(Scores.from_scored(frame, source="example"), ["psi"])
    >>> wide.frame[["psi.pre", "psi.post"]].values.tolist()
    [[3.0, 5.0], [4.0, nan]]
    """
    codes, waves = group_labels(data, person).str.lower(), group_labels(data, wave)
    known = codes.notna() & waves.notna()
    twice = known & pd.DataFrame({"code": codes, "wave": waves}).duplicated(keep=False)
    usable = known & ~twice
    names = _in_time(waves[usable])
    if len(names) < 2:
        what = f"{len(names)} wave in the rows that have a code of their own"
        raise DataError(Problem(f"column '{wave}'", what, "At least two waves are needed to match people."))
    long = pd.DataFrame({"person": codes, "wave": waves, **{name: data.column(name) for name in outcomes}})[usable]
    wide = long.pivot(index="person", columns="wave", values=list(outcomes))
    columns = {f"{name}.{label}": wide[name][label].to_numpy() for name in outcomes for label in names}
    frame = pd.DataFrame({"person": wide.index.astype(str), **columns})
    reasons = [(~known, "no code or no wave"), (twice, "the code stands more than once in a wave")]
    dropped = [
        pd.DataFrame({"row": data.frame.index[mask], "reason": reason}) for mask, reason in reasons if mask.any()
    ]
    whole = int(frame.notna().all(axis=1).sum())
    return replace(
        Scores.from_scored(frame, source=data.source),
        synthetic=data.synthetic,
        left_out=pd.concat([data.left_out, *dropped], ignore_index=True) if dropped else data.left_out,
        notes=(*data.notes, f"{len(frame)} people matched by '{person}', {whole} of them in all {len(names)} waves."),
    )


def _in_time(labels: pd.Series) -> list[str]:
    """Labels in natural order, save that words for afterwards come last."""
    return sorted(in_order(list(labels.dropna().unique())), key=lambda label: label.lower() in LATER)


def fit_repeated(data: Scores | Moments, columns: Sequence[str], *, level: float = 0.95) -> Fit:
    """Does a mean change over measurements of the same people, and between which?

    Parameters
    ----------
    data : Scores or Moments
        One row per person.
    columns : sequence of str
        The measurements in their order, such as `psi.pre`, `psi.post`.
    level : float

    Returns
    -------
    Fit
        `coefficients`: one row per pair, `term` `later - earlier`, paired t; `std_estimate` is the change over the root
        mean of the two variances (comparable between studies), `d_z` over the SD of the change.
        `summary`: `f_statistic` with `df1`, `df2`, `f_p_value`; `gg_epsilon` and `gg_p_value` (Greenhouse-Geisser);
        `partial_eta_squared`. `effects`: the means (`kind` mean) with t intervals.

    Raises
    ------
    DataError
        For fewer than two columns, two people, means that are not known, or a change that is the same for everybody.

    Notes
    -----
    From moments alone: the contrast covariance C S C' gives F, epsilon and every pair. People who lack a measurement
    are left out and counted. Pairs are tested one at a time; `adjust_family` corrects them.

    Checked against
    ---------------
    R 4.2.2 aov with Error strata, anova.mlm, paired t.test: tests/reference/designs.json; pingouin 0.7 rm_anova.

    References
    ----------
    Greenhouse & Geisser 1959.

    Examples
    --------
    >>> frame = pd.DataFrame({"psi.pre": [3.0, 4, 5, 4], "psi.post": [4.0, 4, 6, 6]})
    >>> fit = fit_repeated(Scores.from_scored(frame, source="example"), ["psi.pre", "psi.post"])
    >>> print(fit.coefficients.term[0], fit.coefficients.estimate[0])
    psi.post - psi.pre 1.0
    """
    check_level(level)
    if len(set(columns)) < max(2, len(columns)):
        raise DataError(
            Problem("measurements", f"{', '.join(columns) or 'none'}", "Name at least two different columns.")
        )
    moments = as_moments(data, columns)
    k, n = len(columns), moments.n
    if not np.isfinite(moments.mean).all():
        raise DataError(Problem(moments.source or "moments", "its means are not known", "A change needs them."))
    contrast = np.diff(np.eye(k), axis=0)
    orthonormal = np.linalg.qr(contrast.T)[0].T
    spread = orthonormal @ moments.cov @ orthonormal.T
    shift = orthonormal @ moments.mean
    pairs = list(itertools.combinations(range(k), 2))
    changes = np.array([np.eye(k)[j] - np.eye(k)[i] for i, j in pairs])
    error = np.sqrt(np.einsum("pi,ij,pj->p", changes, moments.cov, changes))
    same = error <= 1e-9 * moments.sd.max()
    if same.any():
        which = [f"{columns[j]} - {columns[i]}" for (i, j), flag in zip(pairs, same, strict=True) if flag]
        what = f"everybody changes by the same in {', '.join(which)}"
        raise DataError(Problem("measurements", what, "Is one column a copy of another?"))
    estimate = changes @ moments.mean
    table = pd.DataFrame({"term": [f"{columns[j]} - {columns[i]}" for i, j in pairs]})
    outcome = _stem(columns)
    table = table.assign(outcome=outcome, **t_table(estimate, error / np.sqrt(n), n - 1, level))
    variance = moments.sd**2
    table["std_estimate"] = [
        change / np.sqrt((variance[i] + variance[j]) / 2) for change, (i, j) in zip(estimate, pairs, strict=True)
    ]
    table["d_z"] = estimate / error
    f = n * (shift @ shift) / np.trace(spread)
    epsilon = np.trace(spread) ** 2 / ((k - 1) * (spread**2).sum())
    df1, df2 = k - 1, (k - 1) * (n - 1)
    summary = {
        "outcome": outcome,
        "n": n,
        "f_statistic": f,
        "f_p_value": float(special.fdtrc(df1, df2, f)),
        "df1": df1,
        "df2": df2,
        "gg_epsilon": epsilon,
        "gg_p_value": float(special.fdtrc(epsilon * df1, epsilon * df2, f)),
        "partial_eta_squared": f * df1 / (f * df1 + df2),
    }
    means = t_table(moments.mean, moments.sd / np.sqrt(n), n - 1, level)
    effects = pd.DataFrame(
        {"kind": "mean", "path": list(columns), **means, "outcome": outcome, "n": n, "sd": moments.sd}
    )
    return Fit(
        Model(),
        table[[*COEFFICIENTS, "d_z"]],
        pd.DataFrame([summary]),
        effects.reindex(columns=[*EFFECTS, "outcome", "n", "sd"]),
        moments.source,
        level,
        synthetic=moments.synthetic,
        notes=(*moments.notes, "Pairs are paired t tests, one at a time."),
    )


def _stem(columns: Sequence[str]) -> str:
    """What the columns `psi.pre`, `psi.post` are measurements of."""
    stems = {name.rpartition(".")[0] or name for name in columns}
    return stems.pop() if len(stems) == 1 else ", ".join(columns)


def fit_clustered(model: Model, data: Scores, *, cluster: str = "participation", level: float = 0.95) -> Fit:
    """What predicts an outcome when rows of one person (or shop, or day) are not independent?

    Parameters
    ----------
    model : Model
        Numeric predictors and products.
    data : Scores
    cluster : str
        Column whose values mark rows that belong together; `a:b` joins two.
    level : float

    Returns
    -------
    Fit
        `coefficients` of ordinary least squares, errors robust to any dependence within clusters; t with clusters - 1
        degrees of freedom. `summary`: `n`, `clusters`, `r_squared`.

    Raises
    ------
    DataError
        With fewer clusters than coefficients, predictors that repeat each other, a constant outcome.

    Notes
    -----
    Sandwich estimator with the factor ``G / (G - 1) * (n - 1) / (n - k)`` (CR1, type HC1 in R's sandwich). With fewer
    than about 40 clusters its errors are too small. Says nothing about how much lies between clusters: see `fit_mixed`.

    Checked against
    ---------------
    R 4.2.2, sandwich 3.0-2 vcovCL, tests/reference/designs.json and shared reference 08_multilevel.

    References
    ----------
    Liang & Zeger 1986.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"y": [1.0, 2, 2, 4, 3, 5], "x": range(6), "participation": [1, 1, 2, 2, 3, 3]})
    >>> fit = fit_clustered(parse_model("y ~ x"), Scores.from_scored(frame, source="example"))
    >>> int(fit.summary["clusters"][0])
    3
    """
    check_level(level)
    scores = require_rows(data, "A cluster-robust error")
    model.check_names([*scores.frame.columns, *scores.items.columns], scores.source or "the data")
    labels = group_labels(scores, cluster)
    tables, summaries, notes = [], [], list(scores.notes)
    for equation in model.equations:
        columns = np.column_stack([scores.column(name) for name in (equation.outcome, *equation.labels)])
        use = ~np.isnan(columns).any(axis=1) & labels.notna().to_numpy()
        table, summary = _clustered(equation, columns[use], pd.factorize(labels[use])[0], cluster, level)
        tables.append(table)
        summaries.append(summary)
        if not use.all():
            notes.append(f"{equation}: {int((~use).sum())} of {scores.n} rows lack a value or cluster; left out.")
    notes.append(f"Errors are robust to dependence within '{cluster}' (CR1), t with clusters - 1 degrees of freedom.")
    return Fit(
        model,
        pd.concat(tables, ignore_index=True),
        pd.DataFrame(summaries),
        source=scores.source,
        level=level,
        synthetic=scores.synthetic,
        notes=tuple(notes),
    )


def fit_difference_in_differences(
    model: Model, data: Scores, *, person: str = "participation", level: float = 0.95
) -> Fit:
    """Did those who were shown something change more than those who were not?

    Parameters
    ----------
    model : Model
        `purchase ~ condition + wave`: the first term is the column with two groups, the second the one with two waves,
        further terms are numeric covariates.
    data : Scores
        One row per person and wave.
    person : str
        Column by which rows belong together.
    level : float

    Returns
    -------
    Fit
        `coefficients`: `condition[b]` (the difference before), `wave[post]` (the change of the first group) and
        `condition[b]:wave[post]`, the difference in differences, in units of the outcome; errors as `fit_clustered`.
        `effects`: the four means (`kind` mean, `path` `a, pre`).

    Raises
    ------
    ModelError
        When an equation has fewer than two terms or a product.
    DataError
        For a column without exactly two values, an empty cell of the four, and as `fit_clustered`.

    Notes
    -----
    The second value in natural order (numeric, then alphabetic, but `post`, `after`, `na` and `nameting` last)
    counts as later or as treated; the terms name it. Reads as an effect only if both groups would have changed alike.

    Checked against
    ---------------
    R 4.2.2 lm with sandwich vcovCL, tests/reference/designs.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"participation": np.repeat(np.arange(20), 2), "wave": ["pre", "post"] * 20,
    ...                       "condition": np.repeat(["label", "plain"], 20), "purchase": rng.normal(size=40)})
    >>> fit = fit_difference_in_differences(parse_model("purchase ~ condition + wave"),
    ...                                     Scores.from_scored(frame, source="example"))
    >>> fit.coefficients["term"].tolist()[-1]
    'condition[plain]:wave[post]'
    """
    scores = require_rows(data, "A difference in differences")
    parts = [_difference(scores, equation, person, level) for equation in model.equations]
    return Fit(
        model,
        pd.concat([fit.coefficients for fit, _ in parts], ignore_index=True),
        pd.concat([fit.summary for fit, _ in parts], ignore_index=True),
        pd.concat([means for _, means in parts], ignore_index=True),
        scores.source,
        level,
        synthetic=scores.synthetic,
        notes=tuple(dict.fromkeys(note for fit, _ in parts for note in fit.notes)),
    )


def _difference(scores: Scores, equation: Equation, person: str, level: float) -> tuple[Fit, pd.DataFrame]:
    if len(equation.terms) < 2 or any(len(term) > 1 for term in equation.terms):
        remedy = f"Write '{equation.outcome} ~ condition + wave', with covariates behind."
        raise ModelError(Problem(f"model, '{equation}'", "a group and a wave are needed, and no product", remedy))
    columns: dict[str, Any] = {equation.outcome: scores.column(equation.outcome)}
    members, values, problems = [], [], []
    for name in equation.labels[:2]:
        labels = group_labels(scores, name)
        found = _in_time(labels)
        if len(found) != 2:
            what = f"it has {len(found)} values ({', '.join(found[:6])})"
            problems.append(Problem(f"column '{name}'", what, "Keep the rows of two of them."))
            continue
        values.append(found)
        members.append(f"{name}[{found[1]}]")
        columns[members[-1]] = (
            (labels == found[1]).astype("float64").where(labels.notna()).to_numpy(dtype=float, na_value=np.nan)
        )
    if problems:
        raise DataError(*problems)
    both = ":".join(members)
    columns[both] = columns[members[0]] * columns[members[1]]
    columns |= {name: scores.column(name) for name in equation.labels[2:]}
    frame = pd.DataFrame(columns)
    means = _cells(equation.outcome, frame, members, values)
    frame[person] = group_labels(scores, person)
    terms = (*members, *equation.labels[2:], both)
    wide = replace(Scores.from_scored(frame, source=scores.source), synthetic=scores.synthetic, notes=scores.notes)
    whole = Model((Equation(equation.outcome, tuple((term,) for term in terms)),))
    return fit_clustered(whole, wide, cluster=person, level=level), means


def _cells(outcome: str, frame: pd.DataFrame, members: Sequence[str], values: Sequence[Sequence[str]]) -> pd.DataFrame:
    rows, empty = [], []
    for i, group in enumerate(values[0]):
        for j, wave in enumerate(values[1]):
            cell = frame[(frame[members[0]] == i) & (frame[members[1]] == j)][outcome].dropna()
            if cell.empty:
                empty.append(f"{group}, {wave}")
            rows.append(
                {
                    "kind": "mean",
                    "path": f"{group}, {wave}",
                    "estimate": cell.mean(),
                    "outcome": outcome,
                    "n": len(cell),
                }
            )
    if empty:
        what = f"nobody answered '{outcome}' in: {'; '.join(empty)}"
        raise DataError(Problem("groups and waves", what, "All four cells must hold answers."))
    return pd.DataFrame(rows).reindex(columns=[*EFFECTS, "outcome", "n"])


def _clustered(
    equation: Equation, columns: np.ndarray, codes: np.ndarray, cluster: str, level: float
) -> tuple[pd.DataFrame, dict[str, Any]]:
    where = f"model, '{equation}'"
    y, x = columns[:, 0], columns[:, 1:]
    n, k = len(y), x.shape[1] + 1
    clusters = int(codes.max()) + 1 if n else 0
    _check_clustered(where, equation, y, x, clusters, cluster)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(n), (x - centre) / spread])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ (design.T @ y)
    residual = y - design @ slopes
    rss, whole = float(residual @ residual), float(((y - y.mean()) ** 2).sum())
    if rss <= 1e-18 * whole:
        raise DataError(Problem(where, "its predictors fit the outcome without error", "Is one a copy of it?"))
    sums = np.column_stack([np.bincount(codes, residual * column, clusters) for column in design.T])
    meat = inverse @ sums.T @ sums @ inverse * (clusters / (clusters - 1)) * ((n - 1) / (n - k))
    back = np.diag(np.concatenate([[1.0], 1 / spread]))
    back[0, 1:] = -centre / spread
    estimate = back @ slopes
    error = np.sqrt(np.diag(back @ meat @ back.T))
    table = pd.DataFrame({"outcome": equation.outcome, "term": [INTERCEPT, *equation.labels]})
    table = table.assign(**t_table(estimate, error, clusters - 1, level))
    table["std_estimate"] = [np.nan, *(estimate[1:] * spread / y.std())]
    adjusted = 1 - (rss / (n - k)) / (whole / (n - 1))
    summary = {"outcome": equation.outcome, "n": n, "r_squared": 1 - rss / whole, "adj_r_squared": adjusted}
    return table[list(COEFFICIENTS)], {**summary, "clusters": clusters}


def _check_clustered(where: str, equation: Equation, y: np.ndarray, x: np.ndarray, clusters: int, cluster: str) -> None:
    problems = []
    n, k = len(y), x.shape[1] + 1
    if clusters <= k:
        what = f"'{cluster}' has {clusters} values in {n} complete rows, for {k} coefficients"
        problems.append(Problem(where, what, "More clusters than coefficients are needed: predict with less."))
    else:
        problems += design_problems(where, equation, y, x)
    if problems:
        raise DataError(*problems)
