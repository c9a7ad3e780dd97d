"""How every chart looks: the two themes, one colour per construct, titles and labels, and the way to a file."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import altair as alt

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

    Checked against
    ---------------
    Contrast of every colour and text on both pages: tests/analysis/test_charts.py.

    Examples
    --------
    >>> chart = alt.Chart({"values": [{"x": 1}]}).mark_point().encode(x="x:Q")
    >>> themed(chart, dark=True).to_dict()["config"]["background"]
    '#0E1522'
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
        # A thin ring keeps each person's mark in sight where the fill lets others show through.
        circle={"opacity": 1, "fillOpacity": 0.95 if dark else 0.55,
                "stroke": ink["ink"], "strokeOpacity": 0.6, "strokeWidth": 1},
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

    Checked against
    ---------------
    The files and those that cannot be written: tests/analysis/test_charts.py.

    Examples
    --------
    >>> import tempfile
    >>> chart = alt.Chart({"values": [{"x": 1}]}).mark_point().encode(x="x:Q")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_chart(chart, Path(folder) / "one.svg").read_bytes()[:4]
    b'<svg'
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
    """Which bytes make this chart a picture?

    Parameters
    ----------
    chart : Chart
        Without a theme; it gets the light one.
    kind : {"png", "svg"}

    Returns
    -------
    bytes
        Of a file of that kind; a PNG is twice the size on screen.

    Raises
    ------
    DataError
        For another kind.

    Checked against
    ---------------
    The text of every chart in its picture: tests/analysis/test_charts.py.

    Examples
    --------
    >>> chart = alt.Chart({"values": [{"x": 1}]}).mark_point().encode(x="x:Q")
    >>> chart_image(chart, "png")[1:4]
    b'PNG'
    """
    import vl_convert

    specification = themed(chart).to_json()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(specification, scale=2))
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(specification)).encode()
    problem = Problem(f"chart format '{kind}'", "charts are written as png or svg", "End the name in .png or .svg.")
    raise DataError(problem)


def titled(
    chart: alt.LayerChart,
    title: str,
    subtitle: str,
    description: str,
    words: Mapping[str, str],
    *,
    synthetic: bool = False,
) -> Chart:
    """What must every chart carry besides its marks?

    Parameters
    ----------
    chart : LayerChart
        With its size.
    title, subtitle : str
        Wrapped for a phone.
    description : str
        What is read aloud to who does not see the chart.
    words : mapping of str to str
        As from `vocabulary`.
    synthetic : bool
        Were any answers simulated? Then the subtitle begins with the mark of synthetic data.

    Returns
    -------
    Chart

    Checked against
    ---------------
    Titles, marks and descriptions of charts such as `chart_coefficients`: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.vocabulary import vocabulary
    >>> point = alt.Chart({"values": [{"x": 1}]}).mark_point().encode(x="x:Q")
    >>> chart = titled(alt.LayerChart(layer=[point]), "T", "n = 1", "One point.", vocabulary("en"), synthetic=True)
    >>> chart.title.subtitle
    ['SYNTHETIC DATA · n = 1']
    """
    marked = f"{words['synthetic']} · {subtitle}" if synthetic else subtitle
    done: Chart = chart.properties(
        title=alt.TitleParams(textwrap.wrap(title, 36) or "", subtitle=textwrap.wrap(marked, 44)),
        description=description,
        usermeta={"synthetic": synthetic},
    )
    return done


def above(title: str) -> alt.Axis:
    """How is a vertical axis titled so that it is read without turning one's head?

    Parameters
    ----------
    title : str

    Returns
    -------
    Axis
        With its title lying above it.

    Checked against
    ---------------
    The axes of `chart_scatter`: tests/analysis/test_charts.py.

    Examples
    --------
    >>> above("Trust").titleAngle
    0
    """
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleAnchor="end", titleX=0, titleY=-8, grid=True)


def lines(label: str, width: int = LINE) -> list[str]:
    """On which lines does a label stand beside a chart on a phone?

    Parameters
    ----------
    label : str
    width : int
        Characters of a line; a longer word is not cut.

    Returns
    -------
    list of str
        One line at least.

    Checked against
    ---------------
    The boxes of `chart_paths`: tests/analysis/test_charts.py.

    Examples
    --------
    >>> lines("Para-social interaction", 12)
    ['Para-social', 'interaction']
    """
    return textwrap.wrap(label, width, break_long_words=False) or [""]


def named_rows(labels: Iterable[str], *, angle: int = 0) -> alt.Axis:
    """How does an axis of names show each in as many lines as it needs, or turned on a single one?

    Parameters
    ----------
    labels : iterable of str
    angle : int
        Degrees by which names below a chart are turned.

    Returns
    -------
    Axis

    Checked against
    ---------------
    The names that `chart_dominance` draws: tests/analysis/test_charts.py.

    Examples
    --------
    >>> named_rows(["Social attraction of her"]).labelExpr
    '{"Social attraction of her": ["Social attraction of", "her"]}[datum.value]'
    """
    # Turned names of several lines would lie over each other on a phone.
    texts = json.dumps({name: [name] if angle else lines(name) for name in labels})
    return alt.Axis(title=None, labelExpr=f"{texts}[datum.value]", labelAngle=angle or alt.Undefined)


def inside(label: str) -> str:
    """How is a label written in the middle of a sentence?

    Parameters
    ----------
    label : str

    Returns
    -------
    str
        With a small first letter, unless the word is an abbreviation.

    Checked against
    ---------------
    The titles of `chart_coefficients`: tests/analysis/test_charts.py.

    Examples
    --------
    >>> inside("Purchase intention"), inside("PSI")
    ('purchase intention', 'PSI')
    """
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def colour(name: str) -> str:
    """Which colour has this construct, the same on every chart?

    Parameters
    ----------
    name : str
        A column's name.

    Returns
    -------
    str
        Grey for constructs without a colour of their own.

    Checked against
    ---------------
    The points of `chart_coefficients`: tests/analysis/test_charts.py.

    Examples
    --------
    >>> colour("psi"), colour("age")
    ('#2A6BB3', '#6E7A88')
    """
    return COLOURS.get(name, OTHER_COLOUR)
