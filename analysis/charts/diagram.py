"""The model as a picture: boxes for variables, arrows with their standardised estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.theme import AGREE, DISAGREE, WIDTH, Chart, colour, inside, lines, titled
from analysis.errors import DataError, Problem
from analysis.fit import INTERCEPT, Fit
from analysis.tables import Labels, apa_number
from analysis.vocabulary import vocabulary

STEP = 124
"""Pixels from one row of boxes to the next."""
BOX = 46
PLACES = np.linspace(0.12, 0.88, 20)
ROUNDS = 6


@dataclass(frozen=True)
class Arrow:
    """One coefficient: from a cause to an outcome."""

    cause: str
    outcome: str
    beta: float
    sure: bool

    @property
    def shown(self) -> str:
        """The estimate as it is printed."""
        return apa_number(self.beta, bounded=True)


def chart_paths(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """What leads to what in this model, and how strongly?

    Parameters
    ----------
    fit : Fit
        With coefficients.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Causes on top, outcomes below what leads to them; on every arrow the standardised estimate, wider where it is
        larger, teal where positive and brown where negative, dashed where the interval of the coefficient holds zero.

    Raises
    ------
    DataError
        When the fit holds no coefficient but intercepts.

    Notes
    -----
    Boxes are placed so that arrows run through as few other boxes as a quick search finds; with many variables some
    crossings stay.

    Checked against
    ---------------
    An arrow per coefficient of the fit, a box per variable: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> chart_paths(fit_paths(gao.model, gao.moments())).title.subtitle
    ['n = 378; dashed: the interval holds zero']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = fit.coefficients[fit.coefficients["term"] != INTERCEPT]
    arrows = [
        Arrow(row["term"], row["outcome"], row["std_estimate"], not row["conf_low"] <= 0 <= row["conf_high"])
        for row in found.to_dict("records")
    ]
    if not arrows:
        raise DataError(Problem("diagram", "the fit holds no arrow to draw", "Fit a model with a predictor."))
    rows = _rows(arrows)
    places = _placed(rows, arrows)
    deepest = max(depth for _, depth in places.values())
    height = STEP * deepest + BOX + 24
    listed = (
        words["alt.arrow"].format(cause=named(arrow.cause), outcome=inside(named(arrow.outcome)), estimate=arrow.shown)
        for arrow in arrows
    )
    half = min(0.16, 0.48 / max(len(row) for row in rows))
    subtitle = f"n = {int(fit.summary['n'].min())}"
    if not all(arrow.sure for arrow in arrows):
        subtitle += f"; {words['marks.zero_inside']}"
    return titled(
        alt.LayerChart(
            layer=[
                *_arrows(arrows, places, half, height),
                *_boxes(places, half, height, {n: named(n) for n in places}),
            ],
            width=WIDTH,
            height=height,
        ),
        words["titles.paths"],
        subtitle,
        words["alt.paths"].format(list=" ".join(listed)),
        words,
        synthetic=fit.synthetic,
    )


def _rows(arrows: Sequence[Arrow]) -> list[list[str]]:
    """Every variable in the row its longest chain of causes gives it."""
    depth: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in depth:
            depth[name] = max((of(arrow.cause) + 1 for arrow in arrows if arrow.outcome == name), default=0)
        return depth[name]

    for arrow in arrows:
        of(arrow.cause)
        of(arrow.outcome)
    return [[name for name in depth if depth[name] == row] for row in range(max(depth.values()) + 1)]


def _placed(rows: Sequence[Sequence[str]], arrows: Sequence[Arrow]) -> dict[str, tuple[float, int]]:
    """Each variable's place across (0 to 1) and its row: evenly at first, then moved one by one while that helps."""
    places = {
        name: ((number + 1) / (len(row) + 1) if len(row) < 3 else (number + 0.5) / len(row), depth)
        for depth, row in enumerate(rows)
        for number, name in enumerate(row)
    }
    movable = [name for row in rows[1:] for name in row]
    for _ in range(ROUNDS):
        before = dict(places)
        for name in movable:
            depth = places[name][1]
            tried = [places | {name: (float(across), depth)} for across in PLACES]
            places = min([places, *tried], key=lambda one: _disorder(one, arrows))
        if places == before:
            break
    return places


def _disorder(places: Mapping[str, tuple[float, int]], arrows: Sequence[Arrow]) -> float:
    """Arrows through boxes count most, then boxes side by side that touch, then long and slanted arrows."""
    total = 0.0
    for arrow in arrows:
        (left, top), (right, bottom) = places[arrow.cause], places[arrow.outcome]
        total += abs(right - left) * 0.5 + 0.02 * abs(right - 0.5)
        for name, (across, depth) in places.items():
            if top < depth < bottom and name not in (arrow.cause, arrow.outcome):
                gap = abs(left + (right - left) * (depth - top) / (bottom - top) - across)
                total += max(0.0, 0.24 - gap) * 60
    by_row: dict[int, list[float]] = {}
    for across, depth in places.values():
        by_row.setdefault(depth, []).append(across)
    for row in by_row.values():
        total += sum(max(0.0, 0.3 - (right - left)) * 80 for left, right in pairwise(sorted(row)))
    return total


def _arrows(
    arrows: Sequence[Arrow], places: Mapping[str, tuple[float, int]], half: float, height: float
) -> list[alt.Chart]:
    rows = []
    for arrow in arrows:
        (left, top), (right, bottom) = places[arrow.cause], places[arrow.outcome]
        arriving = [other for other in arrows if other.outcome == arrow.outcome]
        arriving.sort(key=lambda one: places[one.cause][0])
        share = (arriving.index(arrow) + 1) / (len(arriving) + 1) - 0.5
        start, end = _middle(top) + BOX / 2, _middle(bottom) - BOX / 2
        rows.append(
            {
                "x": left, "y": start, "x2": right + share * 1.5 * half, "y2": end,
                "beta": arrow.shown, "weight": 1.2 + 7 * min(1.0, abs(arrow.beta)),
                "colour": AGREE if arrow.beta >= 0 else DISAGREE, "sure": arrow.sure,
            }
        )  # fmt: skip
    _label(rows, height)
    base = alt.Chart(pd.DataFrame(rows)).transform_calculate(
        angle="atan2(datum.y2 - datum.y, (datum.x2 - datum.x) * width) * 180 / PI"
    )
    across, down = _across("x"), _down("y", height)
    tint = alt.Color("colour:N", scale=None)
    text = base.encode(x=_across("at_x"), y=_down("at_y", height), text="beta:N")
    return [
        base.mark_rule(strokeCap="butt").encode(
            x=across, y=down, x2="x2:Q", y2="y2:Q", color=tint,
            strokeWidth=alt.StrokeWidth("weight:Q", scale=None),
            strokeDash=alt.condition(alt.datum.sure, alt.value([1, 0]), alt.value([5, 4])),
        ),
        base.mark_point(shape="triangle-right", filled=True, size=150, opacity=1, xOffset=0).encode(
            x=_across("x2"), y=_down("y2", height), color=tint,
            angle=alt.Angle("angle:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360])),
        ),
        text.mark_text(style="halo", fontSize=14),
        text.mark_text(fontSize=14),
    ]  # fmt: skip


def _label(rows: Sequence[dict[str, object]], height: float) -> None:
    """Where on each arrow its number stands: the place along it that is farthest from all other numbers."""
    taken: list[np.ndarray] = []
    for row in rows:
        start = np.array([float(str(row["x"])) * WIDTH, float(str(row["y"]))])
        end = np.array([float(str(row["x2"])) * WIDTH, float(str(row["y2"]))])
        spots = [start + (end - start) * share for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26)]
        near = [min((float(np.hypot(*(spot - one))) for one in taken), default=1e9) for spot in spots]
        best = next((place for place, gap in enumerate(near) if gap > 44), int(np.argmax(near)))
        taken.append(spots[best])
        row["at_x"], row["at_y"] = spots[best][0] / WIDTH, spots[best][1]


def _boxes(
    places: Mapping[str, tuple[float, int]], half: float, height: float, named: Mapping[str, str]
) -> list[alt.Chart]:
    rows = [
        {
            "left": across - half, "right": across + half, "top": _middle(depth) - BOX / 2,
            "bottom": _middle(depth) + BOX / 2, "x": across, "y": _middle(depth) - 8 * (len(shown) - 1),
            "label": "\n".join(shown), "colour": colour(name),
        }
        for name, (across, depth) in places.items()
        for shown in [lines(named[name], 17)]
    ]  # fmt: skip
    base = alt.Chart(pd.DataFrame(rows))
    return [
        base.mark_rect(style="box", strokeWidth=2.5).encode(
            x=_across("left"), x2="right:Q", y=_down("top", height), y2="bottom:Q",
            stroke=alt.Stroke("colour:N", scale=None),
        ),
        base.mark_text(lineBreak="\n", fontSize=12.5, lineHeight=16, baseline="middle").encode(
            x=_across("x"), y=_down("y", height), text="label:N"
        ),
    ]  # fmt: skip


def _middle(depth: int) -> float:
    return BOX / 2 + 8 + STEP * depth


def _across(name: str) -> alt.X:
    return alt.X(f"{name}:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False, zero=False))


def _down(name: str, height: float) -> alt.Y:
    return alt.Y(f"{name}:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False, zero=False))
