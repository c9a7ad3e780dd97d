"""Do the items of a scale measure the same thing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtri

from analysis.errors import DataError, Problem
from analysis.moments import Moments, as_moments
from analysis.regression import check_level
from analysis.scoring import Scores

RELIABILITY = ("scale", "items", "n", "alpha", "conf_low", "conf_high", "note")


@dataclass(frozen=True)
class Alpha:
    """Cronbach's alpha of `items` items answered completely by `n` people, with its interval."""

    items: int
    n: int
    alpha: float
    conf_low: float
    conf_high: float


def alpha(data: Scores | Moments, items: Sequence[str], *, level: float = 0.95) -> Alpha:
    """How consistently do these items measure one thing?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of at least two str
        The items of one scale.
    level : float
        Confidence level.

    Returns
    -------
    Alpha
        `alpha` (1 is perfect; below 0 the items run against each other), `conf_low`, `conf_high`, `n` (people who
        answered all the items), `items` (how many).

    Raises
    ------
    DataError
        For fewer than two items, an unknown or constant item, or items whose sum does not vary.

    Notes
    -----
    alpha = k / (k - 1) (1 - sum of item variances / variance of the sum), on unstandardised items. Feldt's interval:
    (1 - population alpha) / (1 - alpha) follows F with n - 1 and (n - 1)(k - 1) degrees of freedom. People who
    left out one of the items are left out. It does not show that the items have one dimension.

    Checked against
    ---------------
    R 4.2.2 `psych::alpha` (shared reference 01_reliability_bfi) and pingouin.

    References
    ----------
    Cronbach, L. J. (1951). Psychometrika, 16, 297-334. Feldt, L. S. (1965). Psychometrika, 30, 357-370.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["a", "b"], np.array([[1, 0], [0.5, 1]]), n=100)
    >>> round(alpha(table, ["a", "b"]).alpha, 3)
    0.667
    """
    check_level(level)
    k = len(items)
    if k < 2:
        remedy = "Consistency can only be seen between two items or more."
        raise DataError(Problem(f"items {', '.join(items) or '(none)'}", f"{k} item(s) given", remedy))
    moments = as_moments(data, list(items))
    total = float(moments.cov.sum())
    if total <= 1e-12 * float(np.trace(moments.cov)):
        remedy = "Check which items are reverse-keyed."
        raise DataError(Problem(f"items {', '.join(items)}", "their sum is the same for everybody", remedy))
    value = k / (k - 1) * (1 - float(np.trace(moments.cov)) / total)
    df = moments.n - 1
    upper, lower = (float(fdtri(df, df * (k - 1), share)) for share in ((1 - level) / 2, (1 + level) / 2))
    return Alpha(k, moments.n, value, 1 - (1 - value) * lower, 1 - (1 - value) * upper)


def reliability_table(scores: Scores, level: float = 0.95) -> pd.DataFrame:
    """How consistent is each scale of these data?

    Parameters
    ----------
    scores : Scores
        With keyed items.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row per scale: `scale`, `items` (count), `n` (people complete on its items), `alpha`, `conf_low`,
        `conf_high` (empty where there is none), `note` (why there is none, or what to look at; else empty text).

    Notes
    -----
    See `alpha`. People are left out scale by scale.

    Examples
    --------
    >>> from analysis.scoring import score_scales
    >>> rows = pd.DataFrame({"a1": [1, 2, 3, 4], "a2": [2, 2, 3, 5], "b1": [1, 5, 2, 4]})
    >>> table = reliability_table(score_scales(rows, {"a": ["a1", "a2"], "b": ["b1"]}, source="example"))
    >>> table[["scale", "alpha", "note"]].round(3).values.tolist()[0]
    ['a', 0.952, '']
    """
    return pd.DataFrame(
        [_row(scores, scale, items, level) for scale, items in scores.scales.items()], columns=list(RELIABILITY)
    )


def _row(scores: Scores, scale: str, items: Sequence[str], level: float) -> dict[str, object]:
    empty = {"alpha": np.nan, "conf_low": np.nan, "conf_high": np.nan}
    row: dict[str, object] = {"scale": scale, "items": len(items), "n": len(scores.complete(items))}
    if len(items) < 2:
        return row | empty | {"note": "One item: consistency cannot be seen."}
    try:
        found = alpha(scores, items, level=level)
    except DataError as error:
        return row | empty | {"note": str(error)}
    note = "Alpha is negative: check which items are reverse-keyed." if found.alpha < 0 else ""
    return row | {
        "alpha": found.alpha, "conf_low": found.conf_low, "conf_high": found.conf_high, "note": note
    }  # fmt: skip
