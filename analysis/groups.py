"""Do groups differ, by how much, and are they near enough to call equal?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from analysis.errors import DataError, ModelError, Problem
from analysis.fit import COEFFICIENTS, EFFECTS, Fit
from analysis.model import Equation, Model
from analysis.moments import require_rows
from analysis.regression import check_level
from analysis.scoring import Scores

MANY = 50
"""More groups than this are no experiment but a grouping factor."""


@dataclass(frozen=True, eq=False)
class _Groups:
    """The answers of one outcome, group by group; labels in their natural order."""

    outcome: str
    labels: tuple[str, ...]
    values: tuple[np.ndarray, ...]

    @property
    def n(self) -> np.ndarray:
        return np.array([len(group) for group in self.values])

    @property
    def mean(self) -> np.ndarray:
        return np.array([group.mean() for group in self.values])

    @property
    def variance(self) -> np.ndarray:
        return np.array([group.var(ddof=1) for group in self.values])

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(itertools.combinations(range(len(self.labels)), 2))

    def term(self, i: int, j: int) -> str:
        return f"{self.labels[j]} - {self.labels[i]}"


def group_labels(scores: Scores, name: str) -> pd.Series:
    """Which group does each row belong to?

    Parameters
    ----------
    scores : Scores
    name : str
        A column of the frame; `a:b` joins two.

    Returns
    -------
    Series of str, length n
        Labels without outer spaces, whole numbers without a decimal point, missing where empty.

    Raises
    ------
    DataError
        For a column that is not there.

    Checked against
    ---------------
    Group means, pairs and missing groups of `fit_groups`, which R's `factor()` sorted too: tests/reference/scores.json,
    tests/analysis/test_groups.py.

    Examples
    --------
    >>> scores = Scores.from_scored(pd.DataFrame({"city": ["x", None], "shop": [1, 2.0]}), source="example")
    >>> group_labels(scores, "city:shop").tolist()
    ['x:1', <NA>]
    """
    parts = []
    for part in name.split(":"):
        if part not in scores.frame:
            known = ", ".join(map(str, scores.frame.columns[:20]))
            raise DataError(Problem(f"group '{part}'", "the data have no such column", f"There is: {known}."))
        column = scores.frame[part]
        if pd.api.types.is_float_dtype(column.dtype):
            whole = bool((column.dropna() % 1 == 0).all())
            column = column.astype("Int64") if whole else column
        text = column.astype("string").str.strip()
        parts.append(text.mask(text == ""))
    joined = parts[0]
    for text in parts[1:]:
        joined = joined + ":" + text
    return joined.reset_index(drop=True)


def fit_groups(model: Model, data: Scores, *, level: float = 0.95) -> Fit:
    """Do the means of two or more groups differ, and which pairs?

    Parameters
    ----------
    model : Model
        One equation per outcome, each with one term: the column that holds the group (`purchase ~ tier`).
    data : Scores
    level : float
        Of every interval; that of the pairs is simultaneous.

    Returns
    -------
    Fit
        `coefficients`: one row per pair, `term` is `b - a`, `estimate` mean b minus mean a, Games-Howell `statistic`
        (t), `df` (Welch), `p_value` and interval (studentised range); with two groups this is Welch's t test.
        `std_estimate` is Cohen's d (SD pooled over the pair) with `d_low`, `d_high` from the noncentral t.
        `summary`: one row per outcome; `f_statistic`, `df1`, `df2`, `f_p_value` Welch's; `r_squared` (eta squared),
        `adj_r_squared` (epsilon squared) and `omega_squared` of the classical one-way analysis;
        Kruskal-Wallis `kruskal_h`, `kruskal_p`; Brown-Forsythe test of equal spread.
        `effects`: the group means (`kind` mean, `path` the group), `n`, `sd`, each with its own t interval.

    Raises
    ------
    DataError
        For a group of one person, a group where everybody answers the same, fewer than two groups.
    ModelError
        When an equation has more than one term.

    Notes
    -----
    Rows without outcome or group are left out and counted. Group order is numeric where all labels are numbers,
    otherwise alphabetic. Assumes independent rows: for people who rated several influencers use a mixed model.

    Checked against
    ---------------
    R 4.2.2: oneway.test, kruskal.test, ptukey and qtukey for the pairs, anova: tests/reference/scores.json. rstatix
    0.7.2 games_howell_test, effectsize 0.8.3, car 3.1.1 leveneTest (shared reference 10_groups), pingouin:
    tests/analysis/test_groups.py.

    References
    ----------
    Welch 1951; Games & Howell 1976.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"psi": [3.0, 4, 5, 5, 6, 7, 4, 6], "tier": list("aaaabbbb")})
    >>> fit = fit_groups(parse_model("psi ~ tier"), Scores.from_scored(frame, source="example"))
    >>> print(fit.coefficients.term[0], fit.coefficients.estimate[0])
    b - a 1.5
    """
    check_level(level)
    scores = require_rows(data, "A comparison of groups")
    samples, notes = _samples(model, scores)
    notes.append("Pairs: Games-Howell, Welch's degrees of freedom; their intervals hold together at the stated level.")
    return Fit(
        model,
        pd.concat([_pairs(groups, level) for groups in samples], ignore_index=True),
        pd.DataFrame([_summary(groups) for groups in samples]),
        pd.concat([_means(groups, level) for groups in samples], ignore_index=True),
        scores.source,
        level,
        synthetic=scores.synthetic,
        notes=tuple(notes),
    )


def fit_equivalence(model: Model, data: Scores, *, margin: float, level: float = 0.95) -> Fit:
    """Are two groups so near to each other that the difference does not matter?

    Parameters
    ----------
    model : Model
        As for `fit_groups`.
    data : Scores
    margin : float
        The largest difference that would not matter, in units of the outcome; decide on it before looking.
    level : float
        1 minus the risk of calling groups equal that are not.

    Returns
    -------
    Fit
        `coefficients`: one row per pair; `p_value` is the larger of the two one-sided Welch t tests against minus and
        plus the margin, `statistic` that test's t, `conf_low` and `conf_high` the interval of level ``2 * level - 1``
        (90 % for 0.95): the pair is equivalent at that risk exactly when it lies inside the `margin`.
        `summary` and `effects` as in `fit_groups`.

    Raises
    ------
    DataError
        As `fit_groups`, and for a margin that is not above zero.

    Notes
    -----
    Each pair is tested at its own level; `adjust_family` corrects a family. A large p-value shows no difference.

    Checked against
    ---------------
    R 4.2.2 t.test (one-sided, both margins), tests/reference/designs.json.

    References
    ----------
    Schuirmann 1987.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"psi": [3.0, 4, 5, 6, 3.1, 4, 5, 6], "tier": list("aaaabbbb")})
    >>> fit = fit_equivalence(parse_model("psi ~ tier"), Scores.from_scored(frame, source="example"), margin=4)
    >>> bool(fit.coefficients.p_value[0] < 0.05)
    True
    """
    check_level(level)
    if not margin > 0:
        raise DataError(Problem("margin", f"it is {margin}", "Name a difference above zero that would not matter."))
    if level <= 0.5:
        raise DataError(Problem("level", f"{level:g} leaves no interval", "Write 0.95 for a risk of 5 percent."))
    scores = require_rows(data, "An equivalence test")
    samples, notes = _samples(model, scores)
    inner = 2 * level - 1
    notes.append(f"Intervals are at {inner:.0%}: two one-sided tests at {level:.0%} each, one pair at a time.")
    return Fit(
        model,
        pd.concat([_equivalence(groups, margin, inner) for groups in samples], ignore_index=True),
        pd.DataFrame([_summary(groups) for groups in samples]),
        pd.concat([_means(groups, level) for groups in samples], ignore_index=True),
        scores.source,
        inner,
        synthetic=scores.synthetic,
        notes=tuple(notes),
    )


def fit_ancova(model: Model, data: Scores, *, level: float = 0.95) -> Fit:
    """Do groups differ once covariates are held at their mean?

    Parameters
    ----------
    model : Model
        The first term of each equation is the group, the others are numeric covariates (`purchase ~ tier + age`).
    data : Scores
    level : float

    Returns
    -------
    Fit
        `coefficients`: one row per pair of groups (adjusted mean b minus a, t with the residual df, one pair at a
        time) and one per covariate (common slope, with its own test).
        `effects`: `kind` adjusted_mean, `path` the group, at the covariates' means.
        `summary`: `f_statistic`, `df1`, `df2`, `f_p_value` of the group given the covariates (type II);
        `partial_eta_squared`; `r_squared` of the whole model.

    Raises
    ------
    DataError
        For a group of one person, too few rows for the parameters, covariates that repeat each other or the group.

    Notes
    -----
    Assumes one slope for all groups and equal spread. Use `adjust_family` on the pairs.

    Checked against
    ---------------
    R 4.2.2 anova of two lm, predict at the covariate's mean: tests/reference/scores.json. car 3.1.1 Anova type 2,
    emmeans 1.8.4.1 (shared reference 10_groups): tests/analysis/test_groups.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"psi": [3.0, 4, 5, 5, 6, 8], "tier": list("aaabbb"), "age": [1, 2, 3, 1, 2, 3]})
    >>> fit = fit_ancova(parse_model("psi ~ tier + age"), Scores.from_scored(frame, source="example"))
    >>> round(float(fit.coefficients.estimate[0]), 6)
    2.333333
    """
    check_level(level)
    scores = require_rows(data, "A comparison of adjusted means")
    results = [_ancova(scores, equation, level) for equation in model.equations]
    return Fit(
        model,
        pd.concat([result[0] for result in results], ignore_index=True),
        pd.DataFrame([result[1] for result in results]),
        pd.concat([result[2] for result in results], ignore_index=True),
        scores.source,
        level,
        synthetic=scores.synthetic,
        notes=(*scores.notes, "Pairs of adjusted means are tested one at a time; correct them as a family."),
    )


def _samples(model: Model, scores: Scores) -> tuple[list[_Groups], list[str]]:
    found, problems = [], []
    notes = list(scores.notes)
    for equation in model.equations:
        if len(equation.terms) != 1:
            remedy = f"Write '{equation.outcome} ~ {equation.labels[0]}', or use the analysis with covariates."
            raise ModelError(
                Problem(f"model, '{equation}'", "groups are one column, but here are several terms", remedy)
            )
        try:
            labels = group_labels(scores, equation.labels[0])
            values = scores.column(equation.outcome)
            groups = _split(equation, labels, values)
            for label, group in zip(groups.labels, groups.values, strict=True):
                if np.ptp(group) == 0:
                    what = f"everybody in '{label}' has the same value {group[0]:g}"
                    remedy = "Welch's test weighs by the spread within a group: leave the group out or join it."
                    problems.append(Problem(f"outcome '{equation.outcome}'", what, remedy))
            found.append(groups)
            missing = scores.n - int(groups.n.sum())
            if missing:
                notes.append(f"{equation}: {missing} of {scores.n} rows lack the outcome or the group; left out.")
        except DataError as error:
            problems.extend(error.problems)
    if problems:
        raise DataError(*problems)
    return found, notes


def _split(equation: Equation, labels: pd.Series, values: np.ndarray) -> _Groups:
    use = labels.notna().to_numpy() & ~np.isnan(values)
    names = in_order(labels[use].unique())
    where = f"group '{equation.labels[0]}'"
    if len(names) < 2:
        raise DataError(Problem(where, f"{len(names)} group with an answer to '{equation.outcome}'", "Two are needed."))
    if len(names) > MANY:
        remedy = "Is it a group? For people or influencers as groups use a mixed model."
        raise DataError(Problem(where, f"it has {len(names)} different values", remedy))
    groups = tuple(values[use & (labels == name).fillna(False).to_numpy(dtype=bool)] for name in names)
    single = [name for name, group in zip(names, groups, strict=True) if len(group) < 2]
    if single:
        what = f"{', '.join(single)} has only one row with an answer to '{equation.outcome}'"
        raise DataError(Problem(where, what, "A group of one has no spread: leave it out or join it with another."))
    return _Groups(equation.outcome, tuple(names), groups)


def in_order(labels: Sequence[Any]) -> list[str]:
    """In which order do groups stand in a table?

    Parameters
    ----------
    labels : sequence
        Names or numbers.

    Returns
    -------
    list of str
        Numeric when all are numbers, otherwise alphabetic.

    Checked against
    ---------------
    R 4.2.2 `levels(factor())`, in whose order the frozen means and pairs stand: tests/reference/scores.json.

    Examples
    --------
    >>> in_order(["10", "9"]), in_order(["b", "10"])
    (['9', '10'], ['10', 'b'])
    """
    names = [str(label) for label in labels]
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _pairs(groups: _Groups, level: float) -> pd.DataFrame:
    rows = []
    for i, j in groups.pairs:
        difference, error, df = _welch(groups, i, j)
        t = difference / error
        width = _range_quantile(level, len(groups.labels), df) / np.sqrt(2) * error
        p = _range_p(abs(t) * np.sqrt(2), len(groups.labels), df)
        bounds = (difference - width, difference + width)
        d = _cohen(groups, i, j, level)
        rows.append((groups.outcome, groups.term(i, j), difference, error, t, df, p, *bounds, *d))
    return pd.DataFrame(rows, columns=[*COEFFICIENTS, "d_low", "d_high"])


def _welch(groups: _Groups, i: int, j: int) -> tuple[float, float, float]:
    """Difference, its standard error and Welch's degrees of freedom."""
    parts = groups.variance[[i, j]] / groups.n[[i, j]]
    df = parts.sum() ** 2 / (parts**2 / (groups.n[[i, j]] - 1)).sum()
    return float(groups.mean[j] - groups.mean[i]), float(np.sqrt(parts.sum())), float(df)


def _range_p(q: float, k: int, df: float) -> float:
    if k == 2:
        return float(2 * special.stdtr(df, -q / np.sqrt(2)))
    from scipy.stats import studentized_range

    return float(studentized_range.sf(q, k, df))


def _range_quantile(level: float, k: int, df: float) -> float:
    """The studentised range quantile, bracketed by one pair and by Bonferroni over all pairs."""
    low = np.sqrt(2) * special.stdtrit(df, (1 + level) / 2)
    if k == 2:
        return float(low)
    from scipy.optimize import brentq

    high = np.sqrt(2) * special.stdtrit(df, 1 - (1 - level) / (k * (k - 1)))
    return float(brentq(lambda q: _range_p(q, k, df) - (1 - level), low, high * 1.001, xtol=1e-9))


def _cohen(groups: _Groups, i: int, j: int, level: float) -> tuple[float, float, float]:
    """Cohen's d with pooled SD and its interval from the noncentral t distribution."""
    n, variance = groups.n[[i, j]], groups.variance[[i, j]]
    df = float(n.sum() - 2)
    pooled = np.sqrt(((n - 1) * variance).sum() / df)
    scale = np.sqrt((1 / n).sum())
    d = (groups.mean[j] - groups.mean[i]) / pooled
    low, high = (special.nctdtrinc(df, q, d / scale) * scale for q in ((1 + level) / 2, (1 - level) / 2))
    return float(d), float(low), float(high)


def _equivalence(groups: _Groups, margin: float, inner: float) -> pd.DataFrame:
    rows = []
    for i, j in groups.pairs:
        difference, error, df = _welch(groups, i, j)
        above, below = (difference + margin) / error, (difference - margin) / error
        statistic = above if above < -below else below
        p = float(special.stdtr(df, -min(above, -below)))
        width = special.stdtrit(df, (1 + inner) / 2) * error
        d = _cohen(groups, i, j, inner)
        bounds = (difference - width, difference + width)
        rows.append((groups.outcome, groups.term(i, j), difference, error, statistic, df, p, *bounds, *d, margin))
    return pd.DataFrame(rows, columns=[*COEFFICIENTS, "d_low", "d_high", "margin"])


def _summary(groups: _Groups) -> dict[str, Any]:
    from scipy import stats

    n, mean, variance, k = groups.n, groups.mean, groups.variance, len(groups.labels)
    weight = n / variance
    centre = (weight * mean).sum() / weight.sum()
    slack = ((1 - weight / weight.sum()) ** 2 / (n - 1)).sum()
    f = (weight * (mean - centre) ** 2).sum() / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * slack)
    df2 = (k**2 - 1) / (3 * slack)
    within = ((n - 1) * variance).sum()
    between = (n * (mean - (n * mean).sum() / n.sum()) ** 2).sum()
    residual = within / (n.sum() - k)
    spread = [np.abs(group - np.median(group)) for group in groups.values]
    levene = _one_way(spread)
    kruskal = stats.kruskal(*groups.values)
    return {
        "outcome": groups.outcome,
        "n": int(n.sum()),
        "r_squared": between / (between + within),
        "adj_r_squared": (between - (k - 1) * residual) / (between + within),
        "f_statistic": f,
        "f_p_value": float(special.fdtrc(k - 1, df2, f)),
        "df1": k - 1,
        "df2": df2,
        "omega_squared": (between - (k - 1) * residual) / (between + within + residual),
        "kruskal_h": float(kruskal.statistic),
        "kruskal_p": float(kruskal.pvalue),
        "brown_forsythe_f": levene[0],
        "brown_forsythe_p": levene[1],
    }


def _one_way(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Classical one-way F and p; NaN for both when nothing varies within the groups."""
    n = np.array([len(group) for group in values])
    mean = np.array([group.mean() for group in values])
    within = sum(((group - group.mean()) ** 2).sum() for group in values)
    between = (n * (mean - (n * mean).sum() / n.sum()) ** 2).sum()
    df1, df2 = len(n) - 1, n.sum() - len(n)
    if within <= 1e-14 * sum((group**2).sum() for group in values):
        return float("nan"), float("nan")
    f = between / df1 / (within / df2)
    return float(f), float(special.fdtrc(df1, df2, f))


def _means(groups: _Groups, level: float) -> pd.DataFrame:
    error = np.sqrt(groups.variance / groups.n)
    width = special.stdtrit(groups.n - 1, (1 + level) / 2) * error
    table = {
        "kind": "mean",
        "path": groups.labels,
        "estimate": groups.mean,
        "std_estimate": np.nan,
        "conf_low": groups.mean - width,
        "conf_high": groups.mean + width,
        "std_error": error,
        "outcome": groups.outcome,
        "n": groups.n,
        "sd": np.sqrt(groups.variance),
    }
    return pd.DataFrame(table)


def _ancova(scores: Scores, equation: Equation, level: float) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    group, covariates = equation.labels[0], equation.labels[1:]
    labels = group_labels(scores, group)
    columns = np.column_stack([scores.column(name) for name in (equation.outcome, *covariates)])
    values = np.where(np.isnan(columns).any(axis=1), np.nan, columns[:, 0])
    groups = _split(equation, labels, values)
    use = labels.notna().to_numpy() & ~np.isnan(values)
    member = np.column_stack([(labels[use] == name).to_numpy(dtype=bool) for name in groups.labels]).astype(float)
    y, k = values[use], len(groups.labels)
    centred = columns[use, 1:] - columns[use, 1:].mean(axis=0)
    design = np.column_stack([member, centred])
    n, p = design.shape
    scale = np.sqrt((design**2).mean(axis=0))
    if (scale <= 1e-12).any() or np.linalg.matrix_rank(design / np.maximum(scale, 1e-300)) < p or n <= p:
        what = f"{n} rows do not tell {p} group means and slopes apart"
        raise DataError(Problem(f"model, '{equation}'", what, "Drop a covariate that is constant or repeats another."))
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ (design.T @ y)
    rss, df = float(((y - design @ b) ** 2).sum()), n - p
    if rss <= 1e-20 * float((y**2).sum()):
        raise DataError(Problem(f"model, '{equation}'", "it fits without error", "Is a covariate the outcome itself?"))
    reduced = np.column_stack([np.ones(n), centred])
    rest = float(((y - reduced @ np.linalg.lstsq(reduced, y, rcond=None)[0]) ** 2).sum())
    f = (rest - rss) / (k - 1) / (rss / df)
    contrasts = np.zeros((len(groups.pairs) + len(covariates), p))
    for place, (i, j) in enumerate(groups.pairs):
        contrasts[place, [i, j]] = -1, 1
    contrasts[len(groups.pairs) :, k:] = np.eye(len(covariates))
    terms = [*(groups.term(i, j) for i, j in groups.pairs), *covariates]
    covariance = inverse * rss / df
    whole = float(((y - y.mean()) ** 2).sum())
    summary = {
        "outcome": equation.outcome,
        "n": n,
        "r_squared": 1 - rss / whole,
        "adj_r_squared": 1 - (rss / df) / (whole / (n - 1)),
        "f_statistic": f,
        "f_p_value": float(special.fdtrc(k - 1, df, f)),
        "df1": k - 1,
        "df2": df,
        "partial_eta_squared": (rest - rss) / rest,
    }
    table = _tested(contrasts @ b, contrasts @ covariance @ contrasts.T, df, level)
    table.insert(0, "outcome", equation.outcome)
    table.insert(1, "term", terms)
    standard = [1 / np.sqrt(rss / df)] * len(groups.pairs) + [float(s / y.std()) for s in centred.std(axis=0)]
    means = _tested(b[:k], covariance[:k, :k], df, level)
    means.insert(0, "kind", "adjusted_mean")
    means.insert(1, "path", groups.labels)
    means["std_estimate"] = np.nan
    means["outcome"], means["n"] = equation.outcome, groups.n
    order = [*EFFECTS, "outcome", "n"]
    return table.assign(std_estimate=table.estimate * standard)[list(COEFFICIENTS)], summary, means[order]


def _tested(estimate: np.ndarray, covariance: np.ndarray, df: float, level: float) -> pd.DataFrame:
    error = np.sqrt(np.diag(covariance))
    width = special.stdtrit(df, (1 + level) / 2) * error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / error,
            "df": float(df),
            "p_value": 2 * special.stdtr(df, -np.abs(estimate / error)),
            "conf_low": estimate - width,
            "conf_high": estimate + width,
        }
    )
