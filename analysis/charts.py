"""Charts of the last station: one theme, one colour per construct, intervals always, and a mark on synthetic data.

A chart comes without its theme; `themed` puts on the light or the dark one, and `write_chart` the light one.
"""

from __future__ import annotations

import json
import os
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.errors import DataError, Problem
from analysis.fit import INTERCEPT, Fit
from analysis.model import parse_model
from analysis.moments import Moments, require_rows
from analysis.regression import fit_regression
from analysis.scoring import Scores
from analysis.tables import apa_number
from analysis.vocabulary import vocabulary

Chart = alt.Chart | alt.LayerChart

COLOURS: Mapping[str, str] = {
    "physical": "#B57A00",
    "social": "#3D93C9",
    "homophily": "#008F68",
    "psi": "#2A6BB3",
    "trust": "#BC5F96",
    "resonance": "#CF5A00",
    "purchase": "#6E7A88",
}
"""One colour per construct on every chart: Okabe and Ito's, shifted until each stands out 3:1 on light and on dark."""
OTHER_COLOUR = "#6E7A88"

_LIGHT = {"paper": "#FBF8F2", "ink": "#1F2A30", "quiet": "#5A666E", "grid": "#E4DCCB", "warn": "#8F4E00"}
_DARK = {"paper": "#0E1522", "ink": "#E9EDF2", "quiet": "#A9B4C2", "grid": "#26334A", "warn": "#F2B84B"}

_FONT = "'Source Sans', 'Source Sans 3', 'Source Sans Pro', 'DejaVu Sans', sans-serif"
_WIDTH = 640
_ROW = 44
_LABEL = 20
"""Characters of a label before it takes a second line."""
_CELLS = 40
"""A scatter shows at most this many squared circles, however many people there are."""


def themed(chart: Chart, *, dark: bool = False) -> Chart:
    """How does this chart look on a light or a dark page?

    Parameters
    ----------
    chart : Chart
        What a `chart_` function gave.
    dark : bool

    Returns
    -------
    Chart
        The same chart with colours, type sizes and quiet axes.
    """
    ink = _DARK if dark else _LIGHT
    marked = isinstance(chart.usermeta, dict) and chart.usermeta.get("synthetic")
    axis = {
        "labelColor": ink["ink"], "titleColor": ink["quiet"], "gridColor": ink["grid"], "domain": False,
        "ticks": False, "labelFontSize": 14, "titleFontSize": 13, "titleFontWeight": "normal", "labelPadding": 8,
    }  # fmt: skip
    result: Chart = chart.configure(
        background=ink["paper"],
        font=_FONT,
        padding={"left": 4, "right": 12, "top": 8, "bottom": 4},
        view={"stroke": None},
        axis=axis,
        axisX={"titleAnchor": "end", "titlePadding": 10, "tickCount": 6},
        axisY={"grid": False, "labelLimit": 190},
        title={
            "anchor": "start", "frame": "bounds", "color": ink["ink"], "fontSize": 18, "fontWeight": 600, "offset": 14,
            "subtitleColor": ink["warn"] if marked else ink["quiet"], "subtitleFontSize": 14, "subtitlePadding": 6,
            "subtitleFontWeight": "bold" if marked else "normal",
        },
        text={"color": ink["ink"], "fontSize": 14},
        rule={"color": ink["quiet"]},
        line={"color": ink["ink"]},
        area={"color": ink["ink"]},
        legend={"labelColor": ink["ink"], "titleColor": ink["quiet"], "labelFontSize": 13, "titleFontSize": 13},
    )  # fmt: skip
    return result


def chart_coefficients(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """How strongly does each outcome go with each predictor, and how sure is that?

    Parameters
    ----------
    fit : Fit
    language : {"en", "nl"}
    labels : mapping of str to str or None
        Names of variables as they should be read.

    Returns
    -------
    Chart
        One point with its interval per outcome and term (unstandardised; the intercept is left out), a line at zero.
    """
    words, named = vocabulary(language), _names(labels)
    found = fit.coefficients[fit.coefficients["term"] != INTERCEPT]
    outcomes = list(dict.fromkeys(found["outcome"]))
    points = [
        _Point(named(row["outcome"]), named(row["term"]), row["term"], *_limits(row))
        for row in found.to_dict("records")
    ]
    single = len(outcomes) == 1
    title = words["titles.coefficients"].format(outcome=_inside(named(outcomes[0]))) if single else ""
    listed = " ".join(
        words["alt.estimate"].format(
            term=point.label,
            outcome=point.group,
            estimate=apa_number(point.estimate),
            low=apa_number(point.low),
            high=apa_number(point.high),
        )
        for point in points
    )
    level = f"{100 * fit.level:g}"
    return _forest(
        points,
        title=title or words["titles.coefficients_many"],
        subtitle=_subtitle(fit.synthetic, words, _sample(fit)),
        axis=words["axes.estimate"].format(level=level),
        description=words["alt.coefficients"].format(level=level, list=listed),
        synthetic=fit.synthetic,
    )


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
    """
    words, named = vocabulary(language), _names(labels)
    rows = require_rows(data, "A scatter plot")
    fit = fit_regression(parse_model(f"{y} ~ {x}"), rows, errors="classical", level=level)
    pairs = rows.complete([y, x])[:, ::-1]
    slope = fit.coefficient(y, x)
    line = _fitted_line(fit, pairs[:, 0], x, y)
    axes = [alt.Scale(zero=False, nice=False, domain=_domain(column)) for column in pairs.T]
    size = alt.Scale(domain=[1, max(2, _most(pairs))], range=[40, 420] if len(pairs) <= 2_000 else [6, 420])
    circles = alt.Chart(_counted(pairs)).mark_circle(color=_colour(x), opacity=0.55).encode(
        x=alt.X("x:Q", scale=axes[0], title=named(x)),
        y=alt.Y("y:Q", scale=axes[1], axis=_above(named(y))),
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
        n=len(pairs), slope=apa_number(slope["estimate"]), x=named(x), y=named(y), level=f"{100 * level:g}",
        low=apa_number(slope["conf_low"]), high=apa_number(slope["conf_high"]), r=r,
    )  # fmt: skip
    chart: Chart = (circles + band + middle).properties(
        width=_WIDTH,
        height=360,
        title=_title(
            words["titles.scatter"].format(x=named(x), y=_inside(named(y))),
            _subtitle(fit.synthetic, words, f"n = {len(pairs)}, r = {r}"),
        ),
        description=description,
        usermeta={"synthetic": fit.synthetic},
    )
    return chart


def write_chart(chart: Chart, path: str | Path) -> Path:
    """Write the chart as a picture for a paper.

    Parameters
    ----------
    chart : Chart
        Without a theme; it gets the light one.
    path : str or Path
        Ends in .png (twice the size on screen) or .svg. An existing file is replaced whole or not at all.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    DataError
        For another ending, or a folder that cannot be written to.
    """
    path = Path(path)
    content = chart_image(chart, path.suffix.lower().removeprefix("."))
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".chart-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError as error:
        what = f"it cannot be written ({error.strerror})"
        raise DataError(Problem(f"file '{path}'", what, "Choose a folder that exists and is yours.")) from error
    return path


def chart_image(chart: Chart, kind: str) -> bytes:
    """The chart as the bytes of a `png` or `svg` file, with the light theme."""
    import vl_convert

    specification = themed(chart).to_json()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(specification, scale=2))
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(specification)).encode()
    problem = Problem(f"chart format '{kind}'", "charts are written as png or svg", "End the name in .png or .svg.")
    raise DataError(problem)


@dataclass(frozen=True)
class _Point:
    """One estimate with its interval (NaN where there is none) in a group of them."""

    group: str
    label: str
    name: str
    estimate: float
    low: float
    high: float


def _forest(
    points: Sequence[_Point], *, title: str, subtitle: str, axis: str, description: str, synthetic: bool
) -> Chart:
    """Points with intervals under each other; groups get a heading line of their own as soon as there are two."""
    groups = list(dict.fromkeys(point.group for point in points))
    headed = len(groups) > 1
    places: dict[str, list[str]] = {}
    rows = []
    for number, group in enumerate(groups):
        if headed:
            lines = textwrap.wrap(group, _LABEL)
            places[f"{number}#{'=' * (len(lines) > 1)}"] = lines
        for place, point in enumerate(one for one in points if one.group == group):
            lines = textwrap.wrap(point.label, _LABEL)
            key = f"{number}.{place}{'=' * (len(lines) > 1)}"
            places[key] = lines
            rows.append(
                {
                    "place": key,
                    "estimate": point.estimate,
                    "low": None if np.isnan(point.low) else point.low,
                    "high": None if np.isnan(point.high) else point.high,
                    "shown": apa_number(point.estimate),
                    "colour": _colour(point.name),
                }
            )
    labels = alt.Axis(
        title=None,
        labelExpr=f"{json.dumps(places)}[datum.value]",
        # With two lines the first one sits above the middle of the row and the second below it.
        labelBaseline={"condition": {"test": "indexof(datum.value, '=') > 0", "value": "bottom"}, "value": "middle"},
        labelFontWeight={"condition": {"test": "indexof(datum.value, '#') > 0", "value": "bold"}, "value": "normal"},
    )
    vertical = alt.Y("place:N", axis=labels, scale=alt.Scale(domain=list(places)), sort=None)
    colour = alt.Color("colour:N", scale=None)
    horizontal = alt.X("estimate:Q", title=textwrap.wrap(axis, 48), scale=alt.Scale(zero=True, nice=True))
    base = alt.Chart(pd.DataFrame(rows))
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q")
    interval = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q", y=vertical, color=colour)
    point = base.mark_point(filled=True, size=130, opacity=1).encode(x=horizontal, y=vertical, color=colour)
    value = base.mark_text(dy=-14, fontSize=13).encode(x=horizontal, y=vertical, text="shown:N")
    chart: Chart = (zero + interval + point + value).properties(
        width=_WIDTH,
        height=_ROW * max(2, len(places)) + 60,
        title=_title(title, subtitle),
        description=description,
        usermeta={"synthetic": synthetic},
    )
    return chart


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
    if len(np.unique(pairs, axis=0)) <= _CELLS**2 // 4:
        return pairs
    low, high = pairs.min(axis=0), pairs.max(axis=0)
    step = (high - low) / (_CELLS - 1)
    return np.asarray(low + np.round((pairs - low) / step) * step)


def _counted(pairs: np.ndarray) -> pd.DataFrame:
    places, people = np.unique(_gridded(pairs), axis=0, return_counts=True)
    return pd.DataFrame({"x": places[:, 0].round(6), "y": places[:, 1].round(6), "people": people})


def _most(pairs: np.ndarray) -> int:
    return int(np.unique(_gridded(pairs), axis=0, return_counts=True)[1].max())


def _domain(values: np.ndarray) -> list[float]:
    """A little room on both sides, so that no circle is cut."""
    room = 0.06 * float(values.max() - values.min())
    return [float(values.min()) - room, float(values.max()) + room]


def _above(title: str) -> alt.Axis:
    """A vertical axis with its title lying above it, readable without turning one's head."""
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleAnchor="end", titleX=0, titleY=-8, grid=True)


def _title(title: str, subtitle: str) -> alt.TitleParams:
    return alt.TitleParams(textwrap.wrap(title, 40) or "", subtitle=textwrap.wrap(subtitle, 52))


def _subtitle(synthetic: bool, words: Mapping[str, str], text: str) -> str:
    return f"{words['synthetic']} · {text}" if synthetic else text


def _sample(fit: Fit) -> str:
    sizes = sorted(set(fit.summary["n"]))
    return f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]}–{sizes[-1]}"


def _limits(row: Mapping[Any, Any]) -> tuple[float, float, float]:
    return row["estimate"], row["conf_low"], row["conf_high"]


def _inside(label: str) -> str:
    """A label in the middle of a sentence: small first letter, unless the word is an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _colour(name: str) -> str:
    return COLOURS.get(name, OTHER_COLOUR)


def _names(labels: Mapping[str, str] | None) -> Any:
    """A function from a column's name to how people read it; product terms part by part."""
    known = labels or {}
    return lambda name: " × ".join(known.get(part, part) for part in name.split(":"))
