"""Tables of coloured cells: correlations, and how far scales can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from analysis.charts.theme import (
    AGREE,
    DARK_ON_CELL,
    DISAGREE,
    LIGHT_ON_CELL,
    MIDDLE_CELL,
    WIDTH,
    Chart,
    named_rows,
    titled,
)
from analysis.moments import Moments, as_moments
from analysis.scoring import Scores
from analysis.tables import Labels, apa_number
from analysis.vocabulary import vocabulary

if TYPE_CHECKING:
    from analysis.validity import Htmt

CELL = 46
HTMT_GUIDE = 0.85


def chart_correlations(
    data: Scores | Moments, variables: Sequence[str], language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Chart:
    """How do these variables go together, two by two?

    Parameters
    ----------
    data : Scores or Moments
    variables : sequence of str
        Which, in this order.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        The lower triangle: teal where two rise together, brown where one falls as the other rises, and the number.

    Raises
    ------
    DataError
        For unknown or constant columns, and too few complete rows.

    Checked against
    ---------------
    pandas: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.published import load_published
    >>> chart = chart_correlations(load_published("gao_2023").moments(), ["lik", "pin"])
    >>> chart.description
    'Table of coloured cells. pin with lik: .54.'
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    moments = as_moments(data, list(variables))
    r = moments.correlations
    cells: list[dict[str, Any]] = [
        {"row": named(variables[i]), "column": named(variables[j]), "value": float(r[i, j])}
        for i in range(1, len(variables))
        for j in range(i)
    ]
    listed = (
        words["alt.pair"].format(x=cell["row"], y=cell["column"], r=apa_number(cell["value"], bounded=True))
        for cell in cells
    )
    shown = _cells(cells, [named(name) for name in variables], alt.Scale(domain=[-1, 0, 1], range=_DIVERGING), 0.55)
    return titled(
        shown,
        words["titles.correlations"],
        f"n = {moments.n}",
        words["alt.correlations"].format(list=" ".join(listed)),
        words,
        synthetic=moments.synthetic,
    )


def chart_htmt(found: Htmt, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """Which scales can hardly be told apart?

    Parameters
    ----------
    found : Htmt
        What `analysis.validity.htmt` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        A cell per pair of scales with its ratio; darker is nearer to 1, where two scales are one. The guide in the
        subtitle (.85) is a rule of thumb.

    Checked against
    ---------------
    Every pair and its ratio from the analysis: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> rows = simulate_answers(instrument, 60, seed=7)
    >>> from analysis.scoring import score
    >>> from analysis.validity import htmt
    >>> chart = chart_htmt(htmt(score(rows, instrument), draws=100))
    >>> chart.title.subtitle
    ['SYNTHETIC DATA · n = 60; guide: below .85']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    cells: list[dict[str, Any]] = [
        {"row": named(row["second"]), "column": named(row["first"]), "value": float(row["htmt"])}
        for row in found.pairs.to_dict("records")
    ]
    order = list(dict.fromkeys([*found.pairs["first"], *found.pairs["second"]]))
    listed = (words["alt.pair"].format(x=cell["row"], y=cell["column"], r=apa_number(cell["value"])) for cell in cells)
    scale = alt.Scale(domain=[0, 0.5, 1], range=[MIDDLE_CELL, "#E0A566", DISAGREE], clamp=True)
    guide = words["marks.guide"].format(guide=apa_number(HTMT_GUIDE, bounded=True))
    return titled(
        _cells(cells, [named(name) for name in order], scale, HTMT_GUIDE - 0.1),
        words["titles.htmt"],
        f"n = {found.n}; {guide}",
        words["alt.htmt"].format(list=" ".join(listed)),
        words,
        synthetic=found.synthetic,
    )


_DIVERGING = [DISAGREE, MIDDLE_CELL, AGREE]


def _cells(cells: Sequence[Mapping[str, Any]], order: Sequence[str], scale: alt.Scale, light: float) -> alt.LayerChart:
    """Coloured cells with their numbers, white on cells whose value is beyond `light`."""
    frame = pd.DataFrame(cells)
    frame["shown"] = [apa_number(value, bounded=True) for value in frame["value"]]
    frame["ink"] = [LIGHT_ON_CELL if abs(value) > light else DARK_ON_CELL for value in frame["value"]]
    base = alt.Chart(frame).encode(
        x=alt.X("column:N", sort=list(order), axis=named_rows(order, angle=-40)),
        y=alt.Y("row:N", sort=list(order), axis=named_rows(order)),
    )
    filled = base.mark_rect(cornerRadius=4).encode(color=alt.Color("value:Q", scale=scale, legend=None))
    numbers = base.mark_text(fontSize=14).encode(text="shown:N", color=alt.Color("ink:N", scale=None))
    layered: alt.LayerChart = alt.LayerChart(layer=[filled, numbers]).resolve_scale(color="independent")
    return layered.properties(width=min(WIDTH, CELL * 2 * len(order)), height=CELL * max(2, len(order) - 1) + 140)
