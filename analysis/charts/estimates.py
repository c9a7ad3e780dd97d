"""Estimates with their intervals: coefficients, and effects along paths with the draws behind them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.theme import OTHER_COLOUR, WIDTH, Chart, colour, inside, lines, titled
from analysis.errors import DataError, Problem
from analysis.fit import INTERCEPT, Fit
from analysis.paths import ARROW, draw_effects, effects_of
from analysis.scoring import Scores
from analysis.tables import Labels, apa_number, percent
from analysis.vocabulary import vocabulary

ROW = 44
"""Pixels per estimate."""
BINS = 48
_NONE = np.empty(0)


@dataclass(frozen=True)
class Point:
    """One estimate with its interval (NaN where there is none), in a group of them; `draws` lie behind it."""

    group: str
    label: str
    name: str
    estimate: float
    low: float
    high: float
    draws: np.ndarray = field(default_factory=lambda: np.empty(0))


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

    Checked against
    ---------------
    Every point and interval from the fit: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> chart_coefficients(fit_paths(gao.model, gao.moments())).title.subtitle
    ['n = 378']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = fit.coefficients[fit.coefficients["term"] != INTERCEPT]
    outcomes = list(dict.fromkeys(found["outcome"]))
    points = [
        Point(named(row["outcome"]), named(row["term"]), row["term"], *_limits(row)) for row in found.to_dict("records")
    ]
    listed = (
        words["alt.estimate"].format(term=point.label, outcome=point.group, **_printed(point)) for point in points
    )
    title = words["titles.coefficients_many"]
    if len(outcomes) == 1:
        title = words["titles.coefficients"].format(outcome=inside(named(outcomes[0])))
    return _finished(
        _forest(points, words["axes.estimate"].format(level=percent(fit.level))),
        fit,
        title,
        words["alt.coefficients"].format(level=percent(fit.level), list=" ".join(listed)),
        words,
    )


def chart_effects(
    fit: Fit,
    language: str = "en",
    *,
    data: Scores | None = None,
    draws: int = 5000,
    labels: Mapping[str, str] | None = None,
) -> Chart:
    """How much of each cause's influence goes which way?

    Parameters
    ----------
    fit : Fit
        With effects along paths.
    language : {"en", "nl"}
    data : Scores or None
        The people behind the fit: their bootstrap draws (of the fit's seed) are then drawn as densities above the
        points. Without them only the intervals are shown.
    draws : int
        How many of them.
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Under each pair of cause and effect: every indirect path by its mediators, then the sums. Direct effects
        stand in `chart_coefficients`; they are shown here only where a model has no other.

    Raises
    ------
    DataError
        When the fit holds no effects.

    Checked against
    ---------------
    Every point from the fit, every density from its draws: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> chart_effects(fit_paths(gao.model, gao.moments())).title.text
    ['Direct, indirect and total effects']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = fit.effects[fit.effects["kind"] != "direct"]
    found = found if len(found) else fit.effects
    if found.empty:
        problem = Problem("effects", "the fit holds none", "Fit a path model, such as 'psi ~ social; purchase ~ psi'.")
        raise DataError(problem)
    drawn = _drawn(fit, data, draws)
    points = []
    for row in found.to_dict("records"):
        group, label = _named_effect(row, words, named)
        cause = str(row["path"]).split(ARROW)[0]
        points.append(Point(group, label, cause, *_limits(row), drawn.get((row["kind"], row["path"]), _NONE)))
    listed = (
        words["alt.effect"].format(kind=point.label, path=point.group, **_printed(point, digits=3)) for point in points
    )
    return _finished(
        _forest(points, words["axes.effect"].format(level=percent(fit.level)), digits=3),
        fit,
        words["titles.effects"],
        words["alt.effects"].format(level=percent(fit.level), list=" ".join(listed)),
        words,
    )


def chart_comparison(fit: Fit, study: str, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """Do these data find what a published study found?

    Parameters
    ----------
    fit : Fit
        What `analysis.compare.compare` gives.
    study : str
        The published study as it should be called: "Gao et al. (2023)".
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Two points per path, each with its interval: these data (in the predictor's colour) above the study (grey).

    Checked against
    ---------------
    Every pair of points from the comparison: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.compare import compare
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> chart_comparison(compare(gao.model, gao.moments(), gao), gao.called).title.text
    ['These data beside Gao, Jiang & Guo', '(2023)']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    points, listed = [], []
    for row in fit.coefficients.to_dict("records"):
        path = f"{named(row['term'])} → {named(row['outcome'])}"
        here = Point(path, words["marks.here"], row["term"], row["sample"], row["sample_low"], row["sample_high"])
        there = Point(path, words["marks.there"], "", row["published"], row["published_low"], row["published_high"])
        points += [here, there]
        values = {"here": apa_number(here.estimate, bounded=True), "there": apa_number(there.estimate, bounded=True)}
        listed.append(words["alt.pair_of"].format(path=path, **values))
    return _finished(
        _forest(points, words["axes.beta"].format(level=percent(fit.level)), headed=True, bounded=True),
        fit,
        words["titles.comparison"].format(study=study),
        words["alt.comparison"].format(study=study, list=" ".join(listed)),
        words,
    )


def chart_reliability(
    reliability: pd.DataFrame,
    language: str = "en",
    *,
    level: float = 0.95,
    synthetic: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Chart:
    """How consistently are the items of each scale answered, and how sure is that?

    Parameters
    ----------
    reliability : DataFrame
        What `analysis.reliability.reliability_table` gives.
    language : {"en", "nl"}
    level : float
        The confidence level of its intervals.
    synthetic : bool
        Were any answers simulated?
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        One point with its interval per scale that has an alpha.

    Raises
    ------
    DataError
        When no scale has one.

    Checked against
    ---------------
    Every point from the table: tests/analysis/test_charts.py.

    Examples
    --------
    >>> found = {"scale": ["psi"], "items": [8], "n": [572], "alpha": [0.91], "conf_low": [0.9], "conf_high": [0.92]}
    >>> chart_reliability(pd.DataFrame(found)).title.subtitle
    ['n = 572']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = reliability[reliability["alpha"].notna()]
    if found.empty:
        raise DataError(Problem("scales", "none has an alpha", "Reliability takes two items or more."))
    points = [
        Point("", named(row["scale"]), row["scale"], row["alpha"], row["conf_low"], row["conf_high"])
        for row in found.to_dict("records")
    ]
    listed = (words["alt.alpha"].format(scale=point.label, **_printed(point, bounded=True)) for point in points)
    sizes = sorted(set(found["n"]))
    return titled(
        _forest(points, words["axes.alpha"].format(level=percent(level)), zero=False, bounded=True),
        words["titles.alphas"],
        _people(sizes),
        words["alt.alphas"].format(level=percent(level), list=" ".join(listed)),
        words,
        synthetic=synthetic,
    )


def _forest(
    points: Sequence[Point],
    axis: str,
    *,
    digits: int = 2,
    bounded: bool = False,
    headed: bool | None = None,
    zero: bool = True,
) -> alt.LayerChart:
    """Points with intervals under each other; groups get a heading line of their own as soon as there are two."""
    groups = list(dict.fromkeys(point.group for point in points))
    headed = len(groups) > 1 if headed is None else headed
    shown: list[list[str]] = []
    headings, rows, areas = [], [], []
    for group in groups:
        if headed:
            headings.append({"place": len(shown), "heading": group})
            shown.append([""])
        for point in (one for one in points if one.group == group):
            rows.append(_row(point, len(shown), digits, bounded))
            areas += _density(point, len(shown))
            shown.append(lines(point.label))
    vertical = alt.Y(
        "place:Q",
        axis=_rows_axis(shown),
        scale=alt.Scale(domain=[len(shown) - 0.45, -0.6], nice=False, zero=False),
    )
    tint = alt.Color("colour:N", scale=None)
    horizontal = alt.X("estimate:Q", title=textwrap.wrap(axis, 48), scale=alt.Scale(zero=zero, nice=True))
    base = alt.Chart(pd.DataFrame(rows))
    layers: list[Any] = []
    if zero:
        layers.append(alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q"))
    if areas:
        density = alt.Chart(pd.DataFrame(areas)).mark_area(opacity=0.25, interpolate="monotone")
        layers.append(
            density.encode(x="estimate:Q", y=alt.Y("place:Q"), y2="top:Q", color=tint, detail="point:N")
        )  # fmt: skip
    layers += [
        base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q", y=vertical, color=tint),
        base.mark_point(filled=True, size=130, opacity=1).encode(x=horizontal, y=vertical, color=tint),
        base.mark_text(dy=16 if areas else -14, fontSize=13).encode(x=horizontal, y=vertical, text="shown:N"),
    ]
    if headings:
        over = alt.Chart(pd.DataFrame(headings)).encode(x=alt.value(4), y="place:Q", text="heading:N")
        layers += [over.mark_text(style=["halo", "heading"]), over.mark_text(style="heading")]
    row = ROW + 8 * bool(areas)
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=row * max(2, len(shown)) + 60)


def _rows_axis(shown: Sequence[Sequence[str]]) -> alt.Axis:
    two = [place for place, label in enumerate(shown) if len(label) > 1]
    return alt.Axis(
        title=None,
        values=list(range(len(shown))),
        tickCount=len(shown),
        grid=False,
        labelExpr=f"{json.dumps(list(shown))}[datum.value]",
        # With two lines the first one sits above the middle of the row and the second below it.
        labelBaseline={
            "condition": {"test": f"indexof({json.dumps(two)}, datum.value) >= 0", "value": "bottom"},
            "value": "middle",
        },
    )


def _row(point: Point, place: int, digits: int, bounded: bool) -> dict[str, object]:
    return {
        "place": place,
        "estimate": point.estimate,
        "low": None if np.isnan(point.low) else point.low,
        "high": None if np.isnan(point.high) else point.high,
        "shown": apa_number(point.estimate, digits=digits, bounded=bounded),
        "colour": colour(point.name) if point.name else OTHER_COLOUR,
    }


def _density(point: Point, place: int) -> list[dict[str, object]]:
    """The outline of the draws above their row: a histogram, smoothed and cut at the outermost tenth of a percent."""
    if not len(point.draws):
        return []
    low, high = np.quantile(point.draws, [0.001, 0.999])
    counts, edges = np.histogram(point.draws, bins=BINS, range=(low, high))
    weights = np.exp(-0.5 * (np.arange(-4, 5) / 1.6) ** 2)
    heights = np.convolve(counts, weights / weights.sum(), mode="same")
    heights = 0.5 * heights / heights.max()
    middles = (edges[1:] + edges[:-1]) / 2
    tint = colour(point.name)
    return [
        {
            "point": place,
            "estimate": float(f"{x:.5g}"),
            "place": place,
            "top": round(place - float(h), 3),
            "colour": tint,
        }
        for x, h in zip(middles, heights, strict=True)
    ]


def _drawn(fit: Fit, data: Scores | None, draws: int) -> dict[tuple[str, str], np.ndarray]:
    """The bootstrap draws behind each effect, by kind and path."""
    if data is None or fit.seed is None:
        return {}
    effects = effects_of(fit.model)
    drawn, _ = draw_effects(fit.model, data, effects, draws=draws, seed=fit.seed)
    return {(effect.kind, effect.path): one for effect, one in zip(effects, drawn, strict=True)}


def _named_effect(row: Mapping[Any, Any], words: Mapping[str, str], named: Any) -> tuple[str, str]:
    """The pair of cause and effect, and which way: by its mediators, or the kind of sum."""
    parts = str(row["path"]).split(ARROW)
    label = words[f"kinds.{row['kind']}"]
    if parts[1:-1]:
        way = words["marks.via"].format(mediators=" → ".join(inside(named(part)) for part in parts[1:-1]))
        label = way if row["kind"] == "indirect" else f"{label}, {way}"
    if pd.notna(row.get("at")):
        label = f"{label} ({apa_number(row['at'])})"
    return f"{named(parts[0])} → {inside(named(parts[-1]))}", label


def _finished(chart: alt.LayerChart, fit: Fit, title: str, description: str, words: Mapping[str, str]) -> Chart:
    return titled(
        chart,
        title,
        _sample(fit),
        description,
        words,
        synthetic=fit.synthetic,
    )


def _limits(row: Mapping[Any, Any]) -> tuple[float, float, float]:
    return row["estimate"], row["conf_low"], row["conf_high"]


def _printed(point: Point, *, digits: int = 2, bounded: bool = False) -> dict[str, str]:
    values = {"estimate": point.estimate, "low": point.low, "high": point.high}
    return {name: apa_number(value, digits=digits, bounded=bounded) for name, value in values.items()}


def _sample(fit: Fit) -> str:
    return _people(sorted(set(fit.summary["n"])))


def _people(sizes: Sequence[int]) -> str:
    return f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]}–{sizes[-1]}"
