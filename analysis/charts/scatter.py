"""One variable against another, person by person."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.charts.theme import WIDTH, Chart, above, colour, inside, titled
from analysis.fit import INTERCEPT, Fit
from analysis.model import parse_model
from analysis.moments import Moments, require_rows
from analysis.regression import fit_regression
from analysis.scoring import Scores
from analysis.tables import Labels, apa_number, percent
from analysis.vocabulary import vocabulary

CELLS = 40
"""A scatter shows at most this many squared circles, however many people there are."""


def chart_scatter(
    data: Scores | Moments,
    x: str,
    y: str,
    language: str = "en",
    *,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
) -> Chart:
    """Do people who score higher on `x` score higher on `y`?

    Parameters
    ----------
    data : Scores or Moments
        People; moments alone raise NeedsRows.
    x, y : str
        Columns.
    language : {"en", "nl"}
    level : float
        Confidence level of the band.
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Circles whose area is the number of people with that pair of scores (rounded to a grid of at most 40 x 40, so
        the chart stays light at any n), the line fitted to the people themselves, and the band that holds the
        line's height at each x with confidence `level` (classical errors).

    Raises
    ------
    NeedsRows, DataError, ModelError
        As `fit_regression` does.

    Checked against
    ---------------
    statsmodels (the line and its band): tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.scoring import Scores
    >>> frame = pd.DataFrame({"x": np.arange(12.0), "y": [1.0, 0, 2, 1, 3, 2, 5, 4, 5, 7, 6, 8]})
    >>> chart_scatter(Scores.from_scored(frame, source="example"), "x", "y").title.subtitle
    ['n = 12, r = .94']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    rows = require_rows(data, "A scatter plot")
    fit = fit_regression(parse_model(f"{y} ~ {x}"), rows, errors="classical", level=level)
    pairs = rows.complete([y, x])[:, ::-1]
    slope = fit.coefficient(y, x)
    line = _fitted_line(fit, pairs[:, 0], x, y)
    axes = [alt.Scale(zero=False, nice=False, domain=_room(column)) for column in pairs.T]
    size = alt.Scale(domain=[1, max(2, _most(pairs))], range=[40, 420] if len(pairs) <= 2_000 else [6, 420])
    circles = alt.Chart(counted(pairs)).mark_circle(color=colour(x)).encode(
        x=alt.X("x:Q", scale=axes[0], title=named(x)),
        y=alt.Y("y:Q", scale=axes[1], axis=above(named(y))),
        size=alt.Size("people:Q", scale=size, legend=None),
        tooltip=[
            alt.Tooltip("x:Q", title=named(x), format=".2f"),
            alt.Tooltip("y:Q", title=named(y), format=".2f"),
            alt.Tooltip("people:Q", title=words["axes.people"]),
        ],
    )  # fmt: skip
    band = alt.Chart(line).mark_area(opacity=0.18).encode(x="x:Q", y=alt.Y("low:Q"), y2="high:Q")
    middle = alt.Chart(line).mark_line(strokeWidth=2.5).encode(x="x:Q", y="fitted:Q")
    r = apa_number(slope["std_estimate"], bounded=True)
    description = words["alt.scatter"].format(
        n=len(pairs), slope=apa_number(slope["estimate"]), x=named(x), y=named(y), level=percent(level),
        low=apa_number(slope["conf_low"]), high=apa_number(slope["conf_high"]), r=r,
    )  # fmt: skip
    return titled(
        circles + band + middle.properties(width=WIDTH, height=360),
        words["titles.scatter"].format(x=named(x), y=inside(named(y))),
        f"n = {len(pairs)}, r = {r}",
        description,
        words,
        synthetic=fit.synthetic,
    )


def _fitted_line(fit: Fit, xs: np.ndarray, x: str, y: str) -> pd.DataFrame:
    """Heights of the fitted line and of its band at 40 places across the data."""
    summary = fit.summary.iloc[0]
    places = np.linspace(xs.min(), xs.max(), 40)
    fitted = fit.coefficient(y, INTERCEPT)["estimate"] + fit.coefficient(y, x)["estimate"] * places
    spread = np.sqrt(1 / len(xs) + (places - xs.mean()) ** 2 / ((len(xs) - 1) * xs.var(ddof=1)))
    reach = stdtrit(summary["df"], 0.5 + fit.level / 2) * summary["residual_sd"] * spread
    return pd.DataFrame({"x": places, "fitted": fitted, "low": fitted - reach, "high": fitted + reach})


def _gridded(pairs: np.ndarray) -> np.ndarray:
    """The pairs as they are where few differ, otherwise rounded to the nearest of 40 places on each axis."""
    if len(np.unique(pairs, axis=0)) <= CELLS**2 // 4:
        return pairs
    low, high = pairs.min(axis=0), pairs.max(axis=0)
    step = (high - low) / (CELLS - 1)
    return np.asarray(low + np.round((pairs - low) / step) * step)


def _room(values: np.ndarray) -> list[float]:
    """The range of the values with a little room on both sides, so that no mark is cut."""
    gap = 0.06 * float(values.max() - values.min())
    return [float(values.min()) - gap, float(values.max()) + gap]


def counted(pairs: np.ndarray) -> pd.DataFrame:
    """How many people stand at each place of a scatter?

    Parameters
    ----------
    pairs : ndarray of shape (n, 2)
        Two values of each person.

    Returns
    -------
    DataFrame
        One row per place with somebody: `x`, `y` (rounded to a grid of at most 40 x 40) and `people`.

    Checked against
    ---------------
    The number of people that `chart_scatter` shows: tests/analysis/test_charts.py.

    Examples
    --------
    >>> counted(np.array([[1, 2], [1, 2], [3, 4]]))["people"].tolist()
    [2, 1]
    """
    places, people = np.unique(_gridded(pairs), axis=0, return_counts=True)
    return pd.DataFrame({"x": places[:, 0].round(6), "y": places[:, 1].round(6), "people": people})


def _most(pairs: np.ndarray) -> int:
    return int(np.unique(_gridded(pairs), axis=0, return_counts=True)[1].max())
