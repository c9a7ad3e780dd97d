"""The same model in each group of people, and how much its estimates differ between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtr, stdtrit

from analysis.bootstrap import Progress
from analysis.errors import DataError, ModelError, ParasolError, Problem
from analysis.fit import Fit
from analysis.groups import MANY, group_labels, in_order
from analysis.model import Model
from analysis.paths import Effect, Interval, draw_effects, effects_of, fit_paths, limits_of
from analysis.regression import Errors, check_regression
from analysis.scoring import Scores

DIFFERENCES = (
    "kind", "outcome", "term", "groups", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high",
)  # fmt: skip
SHOWN = 5
"""Problems told before they are only counted."""


@dataclass(frozen=True, eq=False)
class Subgroups:
    """One fit per group, and what sets the groups apart.

    Attributes
    ----------
    by : str
        The column that holds the groups.
    fits : mapping of str to Fit
        In natural order of the groups.
    differences : DataFrame
        Columns `DIFFERENCES`.
    notes : tuple of str
    """

    by: str
    fits: Mapping[str, Fit]
    differences: pd.DataFrame
    notes: tuple[str, ...] = ()


def fit_subgroups(
    model: Model,
    data: Scores,
    *,
    by: str,
    errors: Errors | None = None,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    interval: Interval | None = None,
    contrasts: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> Subgroups:
    """Does the model say something else about one group of people than about another?

    Parameters
    ----------
    model, errors, level, draws, interval, contrasts, progress
        As for `fit_paths`.
    data : Scores
        People.
    by : str
        The column that holds the groups; `a:b` crosses two.
    seed : int
        Of the first group; each further group takes the next one, so that their draws are independent.

    Returns
    -------
    Subgroups
        `differences` has one row per coefficient, indirect and total effect (no contrasts), and pair of groups: `kind`
        (`coefficient`, or that of the effect), `outcome` and `term` (for an effect what is affected, and its path),
        `groups` ("b - a"), `estimate` (in b minus in a, unstandardised), `std_error`, `statistic`, `df`, `p_value`,
        `conf_low`, `conf_high`. Effects have no test, only an interval: statistic, df and p_value are empty.

    Raises
    ------
    DataError
        For fewer than two groups, more than 50, or a group too small for the model; each group's refusal is told.
    ModelError
        As `fit_paths`, and when the groups are a variable of the model.
    NeedsRows
        As `fit_paths`.

    Notes
    -----
    The groups hold different people, so variances add: Welch's t with Satterthwaite's degrees of freedom for
    coefficients; for effects the percentiles of the difference between independent bootstrap draws or, with delta and
    Monte Carlo intervals, a normal interval. Differences are in the units of the answers: between groups whose spread
    differs, standardised coefficients would differ for that reason alone. That a scale means the same in each group
    is assumed; measurement invariance tests it. Intervals and p-values are those of single comparisons.

    Checked against
    ---------------
    R 4.2.2: `lm` in each group and with the interaction, HC3 by `sandwich`: tests/reference/scores.json;
    statsmodels, and each group alone by `fit_paths`: tests/analysis/test_subgroups.py.

    References
    ----------
    Cohen, A. (1983). Comparing regression coefficients across subsamples. Sociological Methods & Research, 12, 77-94.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4] * 2, "y": [1.1, 1.9, 3.2, 3.9, 1.2, 0.8, 1.1, 0.9],
    ...                       "wave": ["pre"] * 4 + ["post"] * 4})
    >>> found = fit_subgroups(parse_model("y ~ x"), Scores.from_scored(frame, source="example"), by="wave", draws=100)
    >>> found.differences[["term", "groups", "estimate"]].round(3).values.tolist()
    [['(Intercept)', 'pre - post', -1.05], ['x', 'pre - post', 1.03]]
    """
    check_regression(model, data)
    inside = [name for name in by.split(":") if name in model.names]
    if inside:
        what = "it is in the model, where everybody of a group would have the same value"
        raise ModelError(Problem(f"group '{by}'", what, f"Take '{inside[0]}' out of the model."))
    for name in model.names:
        data.column(name)  # a cell that is no number is named by its row in all data, not in its group
    people = _people(data, by)
    fits: dict[str, Fit] = {}
    problems: list[Problem] = []
    refusal: type[ParasolError] = DataError
    for number, (name, scores) in enumerate(people.items()):
        try:
            fits[name] = fit_paths(
                model, scores, errors=errors, level=level, draws=draws, seed=seed + number, interval=interval,
                contrasts=contrasts, progress=progress,
            )  # fmt: skip
        except ParasolError as error:
            where = f"group {by} '{name}' (n = {scores.n})"
            problems += [Problem(f"{where}, {one.where}", one.what, one.remedy) for one in error.problems]
            refusal = type(error)
    if len(problems) > SHOWN:
        what = f"{len(problems) - SHOWN} more such problems"
        problems = [*problems[:SHOWN], Problem(f"group '{by}'", what, "Choose a column with fewer, larger groups.")]
    if problems:
        raise refusal(*problems)
    effects = [effect for effect in effects_of(model) if effect.kind != "direct"]
    drawn: dict[str, np.ndarray] = {}
    if effects and interval not in ("delta", "montecarlo"):
        for number, (name, scores) in enumerate(people.items()):
            drawn[name] = draw_effects(model, scores, effects, draws=draws, seed=seed + number)[0]
    parts = []
    for a, b in combinations(people, 2):
        pair = f"{b} - {a}"
        parts.append(_coefficients(fits[a], fits[b], level).assign(groups=pair))
        if effects:
            table = _effects(fits[a], fits[b], effects, (drawn[a], drawn[b]) if drawn else None, level)
            parts.append(table.assign(groups=pair))
    differences = pd.concat(parts, ignore_index=True)[list(DIFFERENCES)]
    return Subgroups(by, fits, differences, _notes(data, people, by, bool(drawn), bool(effects)))


def _people(data: Scores, by: str) -> dict[str, Scores]:
    """The people of each group, groups in their natural order."""
    labels = group_labels(data, by)
    names = in_order(labels.dropna().unique().tolist())
    if not 2 <= len(names) <= MANY:
        remedy = f"Name a column with 2 to {MANY} groups."
        raise DataError(Problem(f"group '{by}'", f"it holds {len(names)} different values", remedy))
    return {name: data.keep((labels == name).fillna(False).to_numpy(dtype=bool), f"not in {name}") for name in names}


def _coefficients(first: Fit, second: Fit, level: float) -> pd.DataFrame:
    """Second minus first, with Welch's t for estimates of different people."""
    a, b = first.coefficients, second.coefficients
    estimate = (b["estimate"] - a["estimate"]).to_numpy(dtype=float)
    parts = np.array([a["std_error"], b["std_error"]], dtype=float) ** 2
    error = np.sqrt(parts.sum(axis=0))
    df = parts.sum(axis=0) ** 2 / (parts**2 / np.array([a["df"], b["df"]], dtype=float)).sum(axis=0)
    reach = stdtrit(df, 0.5 + level / 2) * error
    return pd.DataFrame(
        {
            "kind": "coefficient",
            "outcome": a["outcome"],
            "term": a["term"],
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / error,
            "df": df,
            "p_value": 2 * stdtr(df, -np.abs(estimate / error)),
            "conf_low": estimate - reach,
            "conf_high": estimate + reach,
        }
    )


def _effects(
    first: Fit, second: Fit, effects: Sequence[Effect], drawn: tuple[np.ndarray, np.ndarray] | None, level: float
) -> pd.DataFrame:
    """Second minus first: from independent draws where there are any, otherwise from the standard errors."""
    places = [(effect.kind, effect.path) for effect in effects]
    a, b = (fit.effects.set_index(["kind", "path"]).loc[places] for fit in (first, second))
    estimate = (b["estimate"] - a["estimate"]).to_numpy(dtype=float)
    if drawn is not None:
        kept = min(part.shape[1] for part in drawn)
        apart = drawn[1][:, :kept] - drawn[0][:, :kept]
        error, limits = apart.std(axis=1, ddof=1), limits_of(apart, level)
    else:
        error = np.hypot(a["std_error"].to_numpy(dtype=float), b["std_error"].to_numpy(dtype=float))
        reach = ndtri(0.5 + level / 2) * error
        limits = np.column_stack([estimate - reach, estimate + reach])
    none = np.full(len(estimate), np.nan)
    return pd.DataFrame(
        {
            "kind": [effect.kind for effect in effects],
            "outcome": [effect.chains[0].effect for effect in effects],
            "term": [effect.path for effect in effects],
            "estimate": estimate,
            "std_error": error,
            "statistic": none,
            "df": none,
            "p_value": none,
            "conf_low": limits[:, 0],
            "conf_high": limits[:, 1],
        }
    )


def _notes(data: Scores, people: Mapping[str, Scores], by: str, drawn: bool, effects: bool) -> tuple[str, ...]:
    without = data.n - sum(scores.n for scores in people.values())
    pairs = len(people) * (len(people) - 1) // 2
    notes = [f"{without} of {data.n} rows hold no '{by}'; they are in no group."] if without else []
    notes.append("Differences of coefficients: Welch's t, the groups being different people.")
    if effects:
        how = "percentiles of the difference of independent draws" if drawn else "normal, from both standard errors"
        notes.append(f"Intervals of differences between effects: {how}.")
    if pairs > 1:
        notes.append(f"{pairs} pairs of groups are compared; intervals and p-values do not count that.")
    notes.append("That the scales mean the same in each group is assumed; measurement invariance tests it.")
    return tuple(notes)
