"""Lines: eigenvalues beside random ones, a slope along a moderator, power along sample size, residuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.scatter import counted
from analysis.charts.theme import (
    AGREE,
    COLOURS,
    DISAGREE,
    OTHER_COLOUR,
    WIDTH,
    Chart,
    above,
    colour,
    inside,
    titled,
)
from analysis.errors import DataError, Problem
from analysis.tables import SUMS, Labels, apa_number, of_shown_test, percent, regions_told
from analysis.vocabulary import vocabulary

if TYPE_CHECKING:
    from analysis.diagnostics import Diagnostics
    from analysis.moderation import Moderation
    from analysis.power import Plan
    from analysis.retention import Parallel

HEIGHT = 360
LEGEND = 20
"""Pixels of a line in the legend, which on a screen takes its room from the chart."""
CROWD = 8
"""People in one place from whom on a circle is as large as circles get."""
FAR = 3.0
"""Standard errors beyond which a residual is called far away."""
SIGNS = {"positive": AGREE, "negative": DISAGREE, "none": OTHER_COLOUR}


def chart_scree(found: Parallel, language: str = "en") -> Chart:
    """How many factors stand out from chance?

    Parameters
    ----------
    found : Parallel
        What `analysis.retention.parallel_analysis` gives.
    language : {"en", "nl"}

    Returns
    -------
    Chart
        Eigenvalues of the common factors as points on a line, and dashed the limit that random data of the same size
        stay below.

    Checked against
    ---------------
    The eigenvalues and limits of the analysis: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> rows = simulate_answers(instrument, 60, seed=7)
    >>> from analysis.retention import parallel_analysis
    >>> from analysis.scoring import score
    >>> chart = chart_scree(parallel_analysis(score(rows, instrument), [f"psi{n}" for n in range(1, 7)], draws=100))
    >>> chart.title.text
    ['Eigenvalues beside those of random', 'data']
    """
    words = vocabulary(language)
    both = [("observed", "factor", AGREE), ("random", "factor_limit", OTHER_COLOUR)]
    frame = pd.concat(
        pd.DataFrame(
            {"number": found.table["number"], "value": found.table[column], "what": words[f"marks.{what}"]}
        ).assign(tint=tint)
        for what, column, tint in both
    )
    x = alt.X("number:Q", title=words["axes.number"], axis=alt.Axis(tickMinStep=1, format="d"))
    base = alt.Chart(frame).encode(
        x=x, y=alt.Y("value:Q", axis=above(words["axes.eigenvalue"])), color=alt.Color("tint:N", scale=None)
    )
    observed = frame[frame["tint"] == AGREE].head(1)
    random = frame[frame["tint"] == OTHER_COLOUR].tail(1)
    sizes = words["marks.scree"].format(n=found.n, factors=found.factors, components=found.components)
    return titled(
        alt.LayerChart(
            layer=[
                base.mark_line(strokeWidth=2).encode(
                    strokeDash=alt.condition(alt.datum.tint == AGREE, alt.value([1, 0]), alt.value([6, 4])),
                    detail="what:N",
                ),
                base.mark_point(filled=True, size=70, opacity=1).transform_filter(alt.datum.tint == AGREE),
                alt.Chart(observed).mark_text(align="left", dx=14).encode(x="number:Q", y="value:Q", text="what:N"),
                alt.Chart(random).mark_text(align="right", dy=-16).encode(x="number:Q", y="value:Q", text="what:N"),
            ],
            width=WIDTH,
            height=HEIGHT,
        ),
        words["titles.scree"],
        sizes,
        words["alt.scree"].format(factors=found.factors),
        words,
        synthetic=found.synthetic,
    )


def chart_slopes(found: Moderation, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """At which values of the moderator does the focal predictor matter?

    Parameters
    ----------
    found : Moderation
        What `analysis.moderation.fit_moderation` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        The slope along the moderator with its band; points with intervals at the chosen values; upright lines where
        the band touches zero (Johnson-Neyman); the line is teal or brown where the band stays above or below zero.

    Checked against
    ---------------
    The band and its regions from the moderation: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moderation import fit_moderation
    >>> from analysis.scoring import Scores
    >>> w = np.repeat([0.0, 1.0], 4)
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4] * 2, "w": w, "y": [1.0, 1.1, 0.9, 1, 1, 2.1, 2.9, 4]})
    >>> data, model = Scores.from_scored(frame, source="example"), parse_model("y ~ x + w + x:w")
    >>> found = fit_moderation(model, data, outcome="y", focal="x", moderator="w")
    >>> chart_slopes(found).title.text
    ['When x matters for y']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    focal, moderator = named(found.focal), named(found.moderator)
    line = pd.concat(
        _piece(found.band, region["low"], region["high"]).assign(tint=SIGNS[region["sign"]], region=number)
        for number, region in enumerate(found.regions.to_dict("records"))
    )
    x = alt.X("at:Q", title=moderator, scale=alt.Scale(zero=False, nice=False))
    title = words["axes.slope"].format(focal=inside(focal), level=percent(found.level))
    tint = alt.Color("tint:N", scale=None)
    base = alt.Chart(line).encode(x=x, color=tint, detail="region:N")
    points = alt.Chart(found.slopes).encode(x="at:Q")
    low, high = found.band["at"].min(), found.band["at"].max()
    edges = found.boundaries[(found.boundaries["at"] > low) & (found.boundaries["at"] < high)]
    edges = edges.assign(shown=edges["at"].map(apa_number))
    upright = alt.Chart(edges).encode(x="at:Q")
    listed = regions_told(found, words["alt.region"], words)
    return titled(
        alt.LayerChart(
            layer=[
                base.mark_area(opacity=0.22).encode(y=alt.Y("conf_low:Q", axis=above(title)), y2="conf_high:Q"),
                alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(strokeDash=[4, 4]).encode(y="zero:Q"),
                upright.mark_rule(strokeWidth=1.5),
                upright.mark_text(style="halo", fontSize=13).encode(y=alt.value(10), text="shown:N"),
                upright.mark_text(fontSize=13).encode(y=alt.value(10), text="shown:N"),
                base.mark_line(strokeWidth=3).encode(y="estimate:Q"),
                points.mark_rule(strokeWidth=2).encode(y=alt.Y("conf_low:Q"), y2="conf_high:Q"),
                points.mark_point(filled=True, size=90, opacity=1, color=colour(found.focal)).encode(y="estimate:Q"),
            ],
            width=WIDTH,
            height=HEIGHT,
        ),
        words["titles.slopes"].format(focal=inside(focal), outcome=inside(named(found.outcome))),
        f"n = {found.n}",
        words["alt.slopes"].format(focal=focal, moderator=moderator, list=" ".join(listed)),
        words,
        synthetic=found.synthetic,
    )


def _piece(band: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    """The band from `low` to `high`, ends included, so that the pieces of a line meet."""
    at = np.unique([low, *band["at"][band["at"].between(low, high)], high])
    return pd.DataFrame({name: np.interp(at, band["at"], band[name]) for name in band})


def chart_lines(found: Moderation, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """What is expected of the outcome as the focal predictor grows, at low and at high values of the moderator?

    Parameters
    ----------
    found : Moderation
        What `analysis.moderation.fit_moderation` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        One line with its band per chosen value of the moderator; other predictors stand at their means.

    Raises
    ------
    DataError
        Where means are not known, as in a correlation table.

    Checked against
    ---------------
    Every line from the moderation: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moderation import fit_moderation
    >>> from analysis.scoring import Scores
    >>> w = np.repeat([0.0, 1.0], 4)
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4] * 2, "w": w, "y": [1.0, 1.1, 0.9, 1, 1, 2.1, 2.9, 4]})
    >>> data, model = Scores.from_scored(frame, source="example"), parse_model("y ~ x + w + x:w")
    >>> found = fit_moderation(model, data, outcome="y", focal="x", moderator="w")
    >>> chart_lines(found).title.text
    ['y by x and w']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    if found.lines.empty:
        raise DataError(Problem(found.source or "moments", "its means are not known", "Show the slopes instead."))
    focal, outcome, moderator = (named(name) for name in (found.focal, found.outcome, found.moderator))
    values = list(dict.fromkeys(found.lines["at"]))
    told = {value: words["marks.at"].format(moderator=moderator, value=apa_number(value)) for value in values}
    order = list(told.values())
    tint = _tints(order)
    dash = alt.StrokeDash("shown:N", sort=order, legend=None)
    base = alt.Chart(found.lines.assign(shown=found.lines["at"].map(told))).encode(
        x=alt.X("focal:Q", title=focal, scale=alt.Scale(zero=False, nice=False)), color=tint
    )
    listed = (
        words["alt.line"].format(at=told[value], low=apa_number(part.iloc[0]), high=apa_number(part.iloc[-1]))
        for value, part in found.lines.groupby("at", sort=False)["estimate"]
    )
    return titled(
        alt.LayerChart(
            layer=[
                base.mark_area(opacity=0.15).encode(
                    y=alt.Y("conf_low:Q", axis=above(outcome), scale=alt.Scale(zero=False)), y2="conf_high:Q"
                ),
                base.mark_line(strokeWidth=3).encode(y="estimate:Q", strokeDash=dash),
            ],
            width=WIDTH,
            height=HEIGHT,
        ),
        words["titles.lines"].format(outcome=outcome, focal=inside(focal), moderator=inside(moderator)),
        f"n = {found.n}",
        words["alt.lines"].format(outcome=outcome, focal=focal, list=" ".join(listed)),
        words,
        synthetic=found.synthetic,
    )


def chart_power(planned: Plan, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Chart:
    """With how many people would each effect show?

    Parameters
    ----------
    planned : Plan
        What `analysis.power.plan` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        One line per effect that is expected to be there (percentile bootstrap for effects along paths, t for
        coefficients), the band of the simulation's own error, rules at the usual targets. Below the chart each effect
        with the number of people that reaches the lower target (… where the planned sizes do not).

    Checked against
    ---------------
    The curves from the plan: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.power import parse_plan, plan
    >>> chart_power(plan(*parse_plan("y ~ 0.5*x"), n=[30, 60], replications=200, seed=1)).title.text
    ['Power by sample size']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = planned.power[planned.power["truth"] != 0]
    kept, listed = [], []
    for number, ((kind, path), rows) in enumerate(found.groupby(["kind", "effect"], sort=False)):
        rows = of_shown_test(rows)
        needed = planned.needed.merge(rows[["kind", "effect", "test"]].drop_duplicates())
        effect = _way(str(path), named)
        if kind in SUMS:
            effect += f" ({words[f'kinds.{kind}']})"
        listed += [_reached(row, effect, words) for row in needed.to_dict("records")]
        at = needed.loc[needed["target"] == needed["target"].min(), "n"]
        size = f"{at.iloc[0]:.0f}" if at.notna().any() else "…"
        kept.append(rows.assign(shown=f"{effect} (n = {size})", order=number))
    frame = pd.concat(kept)
    order = list(dict.fromkeys(frame["shown"]))
    x = alt.X("n:Q", title=words["axes.people_planned"], scale=alt.Scale(zero=False, nice=False))
    share = alt.Axis(**above(words["axes.power"]).to_dict(), format=".0%")
    tint = _tints(order)
    base = alt.Chart(frame).encode(x=x, color=tint)
    targets = pd.DataFrame({"target": sorted(set(planned.needed["target"]))})
    return titled(
        alt.LayerChart(
            layer=[
                alt.Chart(targets).mark_rule(strokeDash=[4, 4]).encode(y="target:Q"),
                base.mark_area(opacity=0.15).encode(
                    y=alt.Y("conf_low:Q", axis=share, scale=alt.Scale(domain=[0, 1])), y2="conf_high:Q"
                ),
                base.mark_line(strokeWidth=2.5).encode(y="power:Q"),
            ],
            width=WIDTH,
            height=HEIGHT + LEGEND * len(order),
        ),
        words["titles.power"],
        str(planned.model).replace("\n", "; "),
        words["alt.power"].format(list=" ".join(listed)),
        words,
    )


def _tints(order: list[str]) -> alt.Color:
    """A colour for each line, told below the chart."""
    palette = [list(COLOURS.values())[number % len(COLOURS)] for number in range(len(order))]
    legend = alt.Legend(
        title=None,
        orient="bottom",
        columns=1,
        labelLimit=600,
        symbolType="stroke",
        symbolStrokeWidth=3,
        symbolOpacity=1,
    )
    return alt.Color("shown:N", sort=order, scale=alt.Scale(domain=order, range=palette), legend=legend)


def _way(effect: str, named: Labels) -> str:
    """`psi ~ social` and `social -> psi` both as people read them: Social → psi."""
    first, *rest = named.steps(effect)
    return " → ".join([first, *map(inside, rest)])


def _reached(row: Mapping[Any, Any], effect: str, words: Mapping[str, str]) -> str:
    target = f"{100 * row['target']:.0f} %"
    if pd.isna(row["n"]):
        return words["alt.missed"].format(effect=effect, target=target)
    return words["alt.reached"].format(effect=effect, target=target, n=f"{row['n']:.0f}")


def chart_residuals(
    found: Diagnostics, outcome: str, language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Chart:
    """Do the residuals of this outcome scatter evenly around zero?

    Parameters
    ----------
    found : Diagnostics
        What `analysis.diagnostics.fit_diagnostics` gives.
    outcome : str
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Residuals against fitted values, circles as in `chart_scatter`; people more than three standard errors away
        are ringed. A funnel speaks against constant variance, a bow against a straight line.

    Checked against
    ---------------
    Every person, and who lies far away, from the diagnostics: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.diagnostics import fit_diagnostics
    >>> from analysis.model import parse_model
    >>> from analysis.scoring import Scores
    >>> frame = pd.DataFrame({"x": np.arange(12.0), "y": [1.0, 0, 2, 1, 3, 2, 5, 4, 5, 7, 6, 8]})
    >>> found = fit_diagnostics(parse_model("y ~ x"), Scores.from_scored(frame, source="example"))
    >>> chart_residuals(found, "y").description
    'Residuals against fitted values of 12 people; 0 lie more than three standard errors away.'
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    people = found.people[found.people["outcome"] == outcome]
    far = people[people["rstudent"].abs() > FAR]
    x = alt.X("x:Q", title=words["axes.fitted"], scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", axis=above(words["axes.residual"]))
    layers = [
        _circles(people[["fitted", "residual"]].to_numpy(), outcome).encode(x=x, y=y),
        alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule().encode(y="zero:Q"),
    ]
    if len(far):
        rings = alt.Chart(far[["fitted", "residual"]]).mark_point(size=220, strokeWidth=2, color=DISAGREE)
        layers.append(rings.encode(x="fitted:Q", y="residual:Q"))
    return _people_chart(
        layers,
        found,
        words["titles.residuals"].format(outcome=inside(named(outcome))),
        words["alt.residuals"].format(n=len(people), far=len(far)),
        words,
    )


def chart_quantiles(
    found: Diagnostics, outcome: str, language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Chart:
    """Are the residuals of this outcome normal?

    Parameters
    ----------
    found : Diagnostics
        What `analysis.diagnostics.fit_diagnostics` gives.
    outcome : str
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Chart
        Residuals against the quantiles of a normal distribution; normal residuals lie on the line.

    Checked against
    ---------------
    Every person from the diagnostics: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.diagnostics import fit_diagnostics
    >>> from analysis.model import parse_model
    >>> from analysis.scoring import Scores
    >>> frame = pd.DataFrame({"x": np.arange(12.0), "y": [1.0, 0, 2, 1, 3, 2, 5, 4, 5, 7, 6, 8]})
    >>> found = fit_diagnostics(parse_model("y ~ x"), Scores.from_scored(frame, source="example"))
    >>> chart_quantiles(found, "y").title.text
    ['Are the residuals of y normal?']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    people = found.people[found.people["outcome"] == outcome]
    spread = float(people["residual"].std())
    ends = np.array([people["normal"].min(), people["normal"].max()])
    line = pd.DataFrame({"x": ends, "y": ends * spread})
    x = alt.X("x:Q", title=words["axes.normal"])
    y = alt.Y("y:Q", axis=above(words["axes.residual"]))
    return _people_chart(
        [
            _circles(people[["normal", "residual"]].to_numpy(), outcome).encode(x=x, y=y),
            alt.Chart(line).mark_line(strokeWidth=2).encode(x="x:Q", y="y:Q"),
        ],
        found,
        words["titles.quantiles"].format(outcome=inside(named(outcome))),
        words["alt.quantiles"].format(n=len(people)),
        words,
    )


def _circles(pairs: np.ndarray, outcome: str) -> alt.Chart:
    places = counted(pairs)
    most = max(int(places["people"].max()), CROWD)
    size = alt.Size("people:Q", scale=alt.Scale(domain=[1, most], range=[30, 300]), legend=None)
    circles: alt.Chart = alt.Chart(places).mark_circle(color=colour(outcome)).encode(size=size)
    return circles


def _people_chart(
    layers: list[alt.Chart], found: Diagnostics, title: str, description: str, words: Mapping[str, str]
) -> Chart:
    return titled(
        alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT),
        title,
        f"n = {found.n}",
        description,
        words,
        synthetic=found.synthetic,
    )
