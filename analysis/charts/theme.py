"""How every chart looks: the two themes, one colour per construct, titles and labels, and the way to a file."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from analysis.errors import DataError, Problem

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

WIDTH = 640
"""Pixels of a chart in a file; on a screen it takes the width there is."""
LINE = 20
"""Characters of a label before it takes a second line."""
DISAGREE, MIDDLE, AGREE = "#B35806", "#B9B4A8", "#1F6F8B"
"""The two ends and the middle of every diverging scale; a cell in the middle is lighter, to carry dark text."""
MIDDLE_CELL = "#EFEAE0"
DARK_ON_CELL, LIGHT_ON_CELL = "#1F2A30", "#FFFFFF"

_LIGHT = {"paper": "#FBF8F2", "ink": "#1F2A30", "quiet": "#5A666E", "grid": "#E4DCCB", "warn": "#8F4E00"}
_DARK = {"paper": "#0E1522", "ink": "#E9EDF2", "quiet": "#A9B4C2", "grid": "#26334A", "warn": "#F2B84B"}

_FONT = "'Source Sans', 'Source Sans 3', 'Source Sans Pro', 'DejaVu Sans', sans-serif"


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
        rect={"fill": ink["paper"]},
        text={"color": ink["ink"], "fontSize": 14},
        rule={"color": ink["quiet"]},
        line={"color": ink["ink"]},
        area={"color": ink["ink"]},
        style={"halo": {"stroke": ink["paper"], "strokeWidth": 5, "fill": ink["paper"]},
               "box": {"fill": ink["paper"], "stroke": ink["quiet"], "strokeWidth": 1.5, "cornerRadius": 6},
               "arrow": {"stroke": ink["ink"], "opacity": 0.75},
               "head": {"fill": ink["ink"], "opacity": 1},
               "heading": {"align": "left", "fontWeight": "bold"}},
        legend={"labelColor": ink["ink"], "titleColor": ink["quiet"], "labelFontSize": 13, "titleFontSize": 13},
    )  # fmt: skip
    return result


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
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
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


def above(title: str) -> alt.Axis:
    """A vertical axis with its title lying above it, readable without turning one's head."""
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleAnchor="end", titleX=0, titleY=-8, grid=True)


def heading(title: str, subtitle: str, *, synthetic: bool, words: Mapping[str, str]) -> alt.TitleParams:
    """Title and subtitle, wrapped for a phone; the subtitle begins with the mark of synthetic data."""
    marked = f"{words['synthetic']} · {subtitle}" if synthetic else subtitle
    return alt.TitleParams(textwrap.wrap(title, 40) or "", subtitle=textwrap.wrap(marked, 52))


def lines(label: str, width: int = LINE) -> list[str]:
    """The label in lines short enough to stand beside a chart on a phone."""
    return textwrap.wrap(label, width, break_long_words=False) or [""]


def named_rows(labels: Iterable[str], **options: Any) -> alt.Axis:
    """An axis of names, each in as many lines as it needs."""
    return alt.Axis(
        title=None, labelExpr=f"{json.dumps({name: lines(name) for name in labels})}[datum.value]", **options
    )


def names(labels: Mapping[str, str] | None) -> Callable[[str], str]:
    """A function from a column's name to how people read it; product terms part by part."""
    known = labels or {}
    return lambda name: " × ".join(known.get(part, part) for part in name.split(":"))


def inside(label: str) -> str:
    """A label in the middle of a sentence: small first letter, unless the word is an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def colour(name: str) -> str:
    """The colour of that construct, the same on every chart."""
    return COLOURS.get(name, OTHER_COLOUR)


def percent(level: float) -> str:
    """A share as the number before the percent sign."""
    return f"{100 * level:g}"


def room(values: np.ndarray) -> list[float]:
    """The range of the values with a little room on both sides, so that no mark is cut."""
    gap = 0.06 * float(values.max() - values.min())
    return [float(values.min()) - gap, float(values.max()) + gap]
