"""Who adds most to what is explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import altair as alt

from analysis.charts.theme import WIDTH, Chart, colour, heading, inside, named_rows, names
from analysis.errors import DataError, Problem
from analysis.tables import apa_number
from analysis.vocabulary import vocabulary

if TYPE_CHECKING:
    from analysis.importance import Dominance

ROW = 50


def chart_dominance(
    found: Dominance, outcome: str, language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Chart:
    """How much of what is explained of this outcome does each predictor add?

    Parameters
    ----------
    found : Dominance
        What `analysis.importance.fit_dominance` gives.
    outcome : str
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        A bar per predictor, most first: its general dominance, with its interval; the bars add up to R squared.

    Raises
    ------
    DataError
        When that outcome was not analysed.
    """
    words, named = vocabulary(language), names(labels)
    rows = found.general[found.general["outcome"] == outcome].sort_values("rank")
    if rows.empty:
        known = ", ".join(dict.fromkeys(found.general["outcome"]))
        raise DataError(Problem(f"outcome '{outcome}'", "its predictors were not compared", f"There is: {known}."))
    frame = rows.assign(
        label=rows["term"].map(named),
        tint=rows["term"].map(colour),
        shown=[
            f"{apa_number(general, bounded=True)} ({100 * share:.0f}%)"
            for general, share in zip(rows["general"], rows["share"], strict=True)
        ],
    )
    y = alt.Y("label:N", sort=frame["label"].tolist(), axis=named_rows(frame["label"]))
    base = alt.Chart(frame).encode(y=y)
    listed = (words["alt.bar"].format(term=row["label"], estimate=row["shown"]) for row in frame.to_dict("records"))
    total = apa_number(float(rows["general"].sum()), bounded=True)
    chart: Chart = alt.LayerChart(
        layer=[
            base.mark_bar(size=22, cornerRadiusEnd=4).encode(
                x=alt.X("general:Q", title=words["axes.dominance"], scale=alt.Scale(zero=True)),
                color=alt.Color("tint:N", scale=None),
            ),
            base.mark_rule(strokeWidth=1.5).encode(x=alt.X("conf_low:Q"), x2="conf_high:Q"),
            base.mark_text(align="left", dx=6, dy=-18, fontSize=13).encode(x=alt.value(0), text="shown:N"),
        ]
    ).properties(
        width=WIDTH,
        height=ROW * max(2, len(frame)) + 60,
        title=heading(
            words["titles.dominance"].format(outcome=inside(named(outcome))),
            f"R² = {total}, n = {found.n}",
            synthetic=found.synthetic,
            words=words,
        ),
        description=words["alt.dominance"].format(list=" ".join(listed)),
        usermeta={"synthetic": found.synthetic},
    )
    return chart
