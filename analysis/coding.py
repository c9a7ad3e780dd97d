"""Columns that make a question fit a regression: groups as named contrasts, predictors around their means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.errors import DataError, Problem
from analysis.scoring import Scores


def code_groups(
    data: Scores,
    column: str,
    *,
    reference: str | None = None,
    contrasts: Mapping[str, Mapping[str, float]] | None = None,
) -> Scores:
    """How do the groups of a text column enter a regression, each coefficient with a name and a meaning?

    Parameters
    ----------
    data : Scores
        People.
    column : str
        Text (or few numbers): which group each person belongs to.
    reference : str or None
        Without `contrasts`: the group the others are compared with; None means the first in alphabetical order.
    contrasts : mapping of name to {group: weight}, or None
        One fewer than there are groups. The coefficient of a contrast estimates the weighted sum of the groups'
        means, such as {"staff_product": {"staff": 1, "product": -1}}. Groups not named weigh zero.

    Returns
    -------
    Scores
        With one numeric column per contrast: the names given, or `column_group`, in lower case. Missing groups
        stay missing. The notes say what each column means.

    Raises
    ------
    DataError
        For one group only, an unknown reference or group, too few or dependent contrasts, weights that do not sum
        to zero, and names that are taken.

    Notes
    -----
    The columns are the rows of the generalised inverse of the contrasts with the overall mean on top, so each
    coefficient is its contrast when all of them stand in the equation together.

    Checked against
    ---------------
    R 4.2.2 `contr.treatment`, `contr.sum`, `contr.helmert` and contrasts of one's own, columns and `lm` on them:
    tests/reference/scores.json.

    Examples
    --------
    >>> frame = pd.DataFrame({"image": ["staff", "product", "person", "staff"]})
    >>> coded = code_groups(Scores.from_scored(frame, source="example"), "image", reference="product")
    >>> coded.frame[["image_person", "image_staff"]].values.tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    groups = _groups(data, column)
    levels = sorted(groups.dropna().unique())
    problems = _group_problems(column, levels, reference, contrasts)
    if problems:
        raise DataError(*problems)
    if contrasts is None:
        base = reference or levels[0]
        others = [level for level in levels if level != base]
        contrasts = {f"{column}_{_slug(level)}": {level: 1.0, base: -1.0} for level in others}
    weights = np.array([[weight.get(level, 0.0) for level in levels] for weight in contrasts.values()])
    _check_contrasts(data, column, list(contrasts), weights)
    whole = np.vstack([np.full(len(levels), 1 / len(levels)), weights])
    codes = np.linalg.inv(whole)[:, 1:]
    if _against_one(weights):
        codes = codes - codes[np.argmin(weights.sum(axis=0))]
    place = groups.map({level: number for number, level in enumerate(levels)}).to_numpy(float, na_value=np.nan)
    known = ~np.isnan(place)
    frame = data.frame.copy()
    for number, name in enumerate(contrasts):
        frame[name] = np.where(known, codes[np.where(known, place, 0).astype(int), number], np.nan)
    notes = [f"'{name}': {_words(weight)}." for name, weight in contrasts.items()]
    return replace(data, frame=frame, notes=(*data.notes, *notes))


def centre(data: Scores, names: Sequence[str]) -> Scores:
    """What if a predictor's zero were its mean, so that a product's partners are read at the average?

    Parameters
    ----------
    data : Scores
        People.
    names : sequence of str
        Columns of the frame to put around their means (over the people who have a value).

    Returns
    -------
    Scores
        With these columns minus their means; the notes keep the means.

    Raises
    ------
    DataError
        For a column without a single value.

    Checked against
    ---------------
    R 4.2.2 `scale(x, scale = FALSE)` and `lm` with the product: tests/reference/scores.json.

    Examples
    --------
    >>> scores = Scores.from_scored(pd.DataFrame({"psi": [2.0, 4.0, 6.0]}), source="example")
    >>> centre(scores, ["psi"]).frame["psi"].tolist()
    [-2.0, 0.0, 2.0]
    """
    frame = data.frame.copy()
    means = {}
    for name in names:
        column = data.column(name)
        if not np.isfinite(column).any():
            raise DataError(Problem(f"column '{name}'", "it holds no value", "Take it out of the list."))
        means[name] = float(np.nanmean(column))
        frame[name] = column - means[name]
    told = ", ".join(f"{name} {mean:.6g}" for name, mean in means.items())
    return replace(data, frame=frame, notes=(*data.notes, f"Centred at their means: {told}."))


def _groups(data: Scores, column: str) -> pd.Series:
    if column not in data.frame:
        known = ", ".join(map(str, data.frame.columns[:20]))
        raise DataError(Problem(f"column '{column}'", "the data have no such column", f"There is: {known}."))
    text = data.frame[column].astype("string").str.strip()
    return text.where(text != "")


def _group_problems(
    column: str,
    levels: Sequence[str],
    reference: str | None,
    contrasts: Mapping[str, Mapping[str, float]] | None,
) -> list[Problem]:
    where = f"column '{column}'"
    if len(levels) < 2:
        return [Problem(where, f"it holds {len(levels)} group(s)", "There must be two groups or more to compare.")]
    if len(levels) > 50:
        return [Problem(where, f"it holds {len(levels)} groups", "Is it a text or a number rather than a group?")]
    remedy = f"Groups are: {', '.join(levels)}."
    if reference is not None and reference not in levels:
        return [Problem(where, f"no group is called '{reference}'", remedy)]
    if contrasts is None:
        return []
    unknown = sorted({level for weight in contrasts.values() for level in weight} - set(levels))
    problems = [Problem(where, f"no group is called '{level}'", remedy) for level in unknown]
    for name, weight in contrasts.items():
        if abs(sum(weight.values())) > 1e-9 or not any(weight.values()):
            problems.append(Problem(f"contrast '{name}'", "its weights do not sum to zero", "Balance plus and minus."))
    if len(contrasts) != len(levels) - 1:
        what = f"{len(contrasts)} contrasts for {len(levels)} groups"
        problems.append(Problem(where, what, f"Name {len(levels) - 1}."))
    return problems


def _check_contrasts(data: Scores, column: str, names: Sequence[str], weights: np.ndarray) -> None:
    problems = []
    for name in names:
        if name in data.frame or name in data.items or names.count(name) > 1:
            problems.append(Problem(f"contrast '{name}'", "a column has that name already", "Name it otherwise."))
        elif not re.fullmatch(r"[a-z]\w*", name, flags=re.ASCII):
            remedy = "Use lower-case letters, digits and _, and begin with a letter."
            problems.append(Problem(f"contrast '{name}'", "it cannot be the name of a column", remedy))
    if np.linalg.matrix_rank(weights) < len(weights):
        remedy = "Ask each question once."
        problems.append(Problem(f"column '{column}'", "one contrast follows from the others", remedy))
    if problems:
        raise DataError(*problems)


def _against_one(weights: np.ndarray) -> bool:
    """Is every contrast one group against the same other one?"""
    return bool(((weights == 1).sum(axis=1) == 1).all() and (weights == -1).all(axis=0).any())


def _slug(level: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", level.lower()).strip("_") or "group"


def _words(weight: Mapping[str, float]) -> str:
    plus = " + ".join(f"{value:g} {level}" if value != 1 else level for level, value in weight.items() if value > 0)
    minus = " + ".join(f"{-value:g} {level}" if value != -1 else level for level, value in weight.items() if value < 0)
    return f"{plus} minus {minus}"
