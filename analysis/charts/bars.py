"""Who adds most to what is explained; which signs of careless answers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from analysis.charts.theme import (
    DISAGREE,
    OTHER_COLOUR,
    WIDTH,
    Chart,
    colour,
    inside,
    named_rows,
    titled,
)
from analysis.errors import DataError, Problem
from analysis.quality import EVIDENCE, REASONS, Thresholds
from analysis.tables import Labels, apa_number
from analysis.vocabulary import vocabulary

if TYPE_CHECKING:
    from analysis.importance import Dominance

ROW = 50
SIGN = 46


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

    Checked against
    ---------------
    The bars and their order from the analysis: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.importance import fit_dominance
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> chart_dominance(fit_dominance(gao.model, gao.moments()), "sop").title.subtitle
    ['R² = .51, n = 378']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
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
    reach = 1.3 * float(rows["conf_high"].max())
    total = apa_number(float(rows["general"].sum()), bounded=True)
    return titled(
        alt.LayerChart(
            layer=[
                base.mark_bar(size=22, cornerRadiusEnd=4).encode(
                    x=alt.X("general:Q", title=words["axes.dominance"], scale=alt.Scale(domain=[0, reach], nice=False)),
                    color=alt.Color("tint:N", scale=None),
                ),
                base.mark_rule(strokeWidth=1.5).encode(x=alt.X("conf_low:Q"), x2="conf_high:Q"),
                base.mark_text(align="left", dx=8, fontSize=13).encode(x="conf_high:Q", text="shown:N"),
            ],
            width=WIDTH,
            height=ROW * max(2, len(frame)) + 60,
        ),
        words["titles.dominance"].format(outcome=inside(named(outcome))),
        f"R² = {total}, n = {found.n}",
        words["alt.dominance"].format(list=" ".join(listed)),
        words,
        synthetic=found.synthetic,
    )


def chart_signs(flags: pd.DataFrame, language: str = "en", *, synthetic: bool = False) -> Chart:
    """How many rows show which sign of careless answering?

    Parameters
    ----------
    flags : DataFrame
        What `analysis.quality.flag_careless` gives.
    language : {"en", "nl"}
    synthetic : bool
        Were any answers simulated?

    Returns
    -------
    Chart
        A bar per sign, in the usual order: brown where one is enough to flag a row, grey where it takes several.

    Checked against
    ---------------
    The bars from the flags: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> rows = simulate_answers(instrument, 60, seed=7)
    >>> from analysis.quality import flag_careless
    >>> chart_signs(flag_careless(rows, instrument), synthetic=True).title.text
    ['Signs of careless answers']
    """
    words = vocabulary(language)
    frame = pd.DataFrame(
        {
            "label": [words[f"reasons.{reason}"] for reason in REASONS],
            "rows": [int(flags[reason].sum()) for reason in REASONS],
            "tint": [DISAGREE if reason in EVIDENCE else OTHER_COLOUR for reason in REASONS],
        }
    )
    listed = (words["alt.bar"].format(term=row["label"], estimate=row["rows"]) for row in frame.to_dict("records"))
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", sort=frame["label"].tolist(), axis=named_rows(frame["label"])),
        x=alt.X("rows:Q", title=words["axes.rows"], axis=alt.Axis(tickMinStep=1, format="d")),
    )
    return titled(
        alt.LayerChart(
            layer=[
                base.mark_bar(size=16, cornerRadiusEnd=4).encode(color=alt.Color("tint:N", scale=None)),
                base.mark_text(align="left", dx=6, fontSize=13).encode(text="rows:Q"),
            ],
            width=WIDTH,
            height=SIGN * len(frame) + 40,
        ),
        words["titles.signs"],
        words["marks.signs"].format(n=len(flags), hints=Thresholds().hints),
        words["alt.signs"].format(list=" ".join(listed)),
        words,
        synthetic=synthetic,
    )
