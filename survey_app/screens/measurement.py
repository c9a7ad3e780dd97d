"""The researcher's measurement screen: reliability, validity, factors, the same meaning in every group, method bias."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from analysis.charts import Chart, chart_htmt, chart_reliability, chart_scree
from analysis.errors import ParasolError
from analysis.export import rows_as_csv
from analysis.fit import Fit
from analysis.instrument import Instrument
from analysis.invariance import fit_invariance, large_groups
from analysis.measurement import Measurement
from analysis.reliability import reliability_table
from analysis.scale_tables import (
    table_collinearity,
    table_fit_measures,
    table_fornell_larcker,
    table_htmt,
    table_invariance,
    table_items,
    table_loadings,
    table_modifications,
    table_validity,
)
from analysis.scoring import Scores
from analysis.tables import apa_number, table_reliability
from analysis.validity import measurement_model
from survey_app.components.study_frame import (
    View,
    choose_level,
    draw,
    kept_scores,
    lay,
    open_answers,
    picture,
    show_downloads,
    show_notes,
    show_problem,
    side_by_side,
)
from survey_app.context import load_measurement, load_modifications

PARTS = ("reliability", "validity", "factors", "groups", "method")
GROUPS = ("language", "condition", "source", "wave", "influencer")
"""Columns of every study that may name groups; single-choice questions come behind them."""
PAIRS = 8
"""Pairs of scales the screen lists, those that are hardest to tell apart; the file has them all."""
WANTED = 8
"""Parameters the factor model leaves out that the screen lists; the most wanted."""
MANY = 10
"""More groups than this are not offered."""

Charts = dict[str, Callable[[], Chart]]


def show_measurement() -> None:
    """The whole screen: one key figure, then part by part, the opened one computed and drawn."""
    opened = open_answers("screens.measurement")
    if opened is None:
        return
    view, found = opened
    w, scores = view.w, found.scores
    st.header(w("measurement.title"))
    place = st.container()
    level = choose_level(w)
    with place, st.spinner(w("results.computing", n=scores.n)):
        try:
            measured = load_measurement(scores.digest, level, scores)
        except ParasolError as error:
            show_problem(w, error)
            return
    with place:
        _show_key(view, measured)
        charts = _show_parts(view, scores, measured)
    show_notes(w, _notes(measured))
    _offer_all(view, measured, charts)


def _show_key(view: View, measured: Measurement) -> None:
    alphas = measured.reliability["alpha"].dropna()
    if len(alphas):
        low, high = (apa_number(value, bounded=True) for value in (alphas.min(), alphas.max()))
        st.markdown(f"**{view.w('measurement.key', low=low, high=high, n=len(alphas))}**")


def _show_parts(view: View, scores: Scores, measured: Measurement) -> Charts:
    shown: dict[str, Callable[[], Charts]] = {
        "reliability": partial(_show_reliability, view, measured),
        "validity": partial(_show_validity, view, measured),
        "factors": partial(_show_factors, view, scores, measured),
        "groups": partial(_show_groups, view, scores),
        "method": partial(_show_method, view, measured),
    }
    charts: Charts = {}
    tabs = st.tabs([view.w(f"measurement.{part}") for part in PARTS], key="measurement_parts", on_change="rerun")
    for tab, part in zip(tabs, PARTS, strict=True):
        if tab.open:
            with tab:
                try:
                    charts = shown[part]()
                except ParasolError as error:
                    show_problem(view.w, error)
    return charts


# -- reliability ------------------------------------------------------------------------------------------------------


def _show_reliability(view: View, measured: Measurement) -> Charts:
    w, labels, synthetic, level = view.w, view.labels, measured.synthetic, measured.level
    make = partial(chart_reliability, measured.reliability, w.language, level=level, synthetic=synthetic, labels=labels)
    left, right = side_by_side("reliability")
    with left:
        draw(make())
    with right:
        lay(table_reliability(measured.reliability, w.language, level=level, synthetic=synthetic, labels=labels))
        st.caption(w("measurement.guide_alpha"))
        kept = kept_scores(view)
        if kept is not None:
            st.markdown(f"**{w('measurement.without')}**")
            table = reliability_table(kept.scores, level)
            lay(table_reliability(table, w.language, level=level, synthetic=synthetic, labels=labels))
    st.header(w("measurement.items"))
    items = table_items(measured.items, w.language, synthetic=synthetic, labels=labels)
    lay(items)
    return {"alphas": make}


# -- validity ---------------------------------------------------------------------------------------------------------


def _show_validity(view: View, measured: Measurement) -> Charts:
    w, labels = view.w, view.labels
    charts: Charts = {}
    if measured.validity is None:
        st.info(w("measurement.none"))
    else:
        for table in (
            table_validity(measured.validity, w.language, labels=labels),
            table_fornell_larcker(measured.validity, w.language, labels=labels),
        ):
            st.header(table.title)
            lay(table)
            st.caption(table.notes[-1])
    if measured.htmt is not None:
        charts["htmt"] = partial(chart_htmt, measured.htmt, w.language, labels=labels)
        left, right = side_by_side("htmt")
        with left:
            draw(charts["htmt"]())
        with right:
            lay(table_htmt(measured.htmt, w.language, most=PAIRS, labels=labels))
            if len(measured.htmt.pairs) > PAIRS:
                st.caption(w("measurement.pairs", n=PAIRS, all=len(measured.htmt.pairs)))
        st.caption(w("measurement.guide_htmt"))
    return charts


# -- factors ----------------------------------------------------------------------------------------------------------


def _show_factors(view: View, scores: Scores, measured: Measurement) -> Charts:
    w, charts = view.w, Charts()
    left, right = side_by_side("factors")
    with left:
        if measured.parallel is None or measured.adequacy is None:
            st.info(w("measurement.none"))
        else:
            parallel = measured.parallel
            charts["scree"] = partial(chart_scree, parallel, w.language)
            draw(charts["scree"]())
            st.caption(
                w(
                    "measurement.kept",
                    factors=parallel.factors,
                    components=parallel.components,
                    average_partial=parallel.average_partial,
                )
            )
            st.caption(w("measurement.kmo", kmo=apa_number(measured.adequacy.kmo, bounded=True)))
    with right:
        st.header(w("measurement.fit"))
        if measured.validity is None:
            st.info(w("measurement.none"))
            return charts
        measures = table_fit_measures(measured.validity.fit, w.language)
        lay(measures)
        st.caption(measures.notes[-1])
    st.header(w("measurement.loadings"))
    lay(table_loadings(measured.validity.fit, w.language, labels=view.labels))
    _show_left_out(view, scores, measured.validity.fit)
    return charts


def _show_left_out(view: View, scores: Scores, fit: Fit) -> None:
    """The parameters that the factor model would need most; a model without degrees of freedom leaves nothing out."""
    if not fit.summary["df"].iloc[0]:
        return
    w = view.w
    with st.spinner(w("results.computing", n=scores.n)):
        found = load_modifications(scores.digest, fit.model, scores)
    table = table_modifications(found, w.language, most=WANTED, synthetic=fit.synthetic, labels=view.labels)
    st.header(table.title)
    lay(table)
    if len(found) > WANTED:
        st.caption(w("measurement.wanted", n=WANTED, all=len(found)))
    st.caption(table.notes[-1])


# -- groups -----------------------------------------------------------------------------------------------------------


def _show_groups(view: View, scores: Scores) -> Charts:
    """Whether one scale means the same in every group that is large enough."""
    w = view.w
    scales = [name for name, items in scores.scales.items() if len(items) > 2]
    columns = _group_columns(scores.frame, view.instrument)
    if not scales or not columns:
        st.info(w("measurement.too_few"))
        return {}
    left, right = side_by_side("groups", 3, 1)
    with right:
        first = scales.index("psi") if "psi" in scales else 0
        scale = st.selectbox(
            w("measurement.scale"), scales, index=first, format_func=lambda id: view.labels[id], key="invariance_scale"
        )
        column = st.selectbox(
            w("measurement.group"), columns, format_func=lambda name: _column_name(view, name), key="invariance_group"
        )
    scale, column = scale or scales[first], column or columns[0]
    model = measurement_model({scale: scores.scales[scale]})
    with left:
        st.caption(w("measurement.same"))
        kept, small = large_groups(model, scores, column)
        if len(kept.frame[column].dropna().unique()) < 2:
            st.info(w("measurement.too_few"))
            return {}
        with st.spinner(w("results.computing", n=kept.n)):
            table = table_invariance(fit_invariance(model, kept, column), w.language)
        lay(table)
        st.caption(table.notes[-1])
        if small:
            every = len(small) + len(kept.frame[column].dropna().unique())
            st.caption(w("measurement.partly", left=len(small), all=every, names=", ".join(small)))
    return {}


def _group_columns(frame: pd.DataFrame, instrument: Instrument) -> list[str]:
    """Columns that name two groups or more, and not too many."""
    asked = [item.id for item in instrument.items if item.kind == "single" and item.id in frame]
    named = [name for name in (*GROUPS, *asked) if name in frame]
    return [name for name in named if 1 < frame[name].replace("", None).nunique() <= MANY]


def _column_name(view: View, name: str) -> str:
    if name in GROUPS:
        return view.w(f"measurement.column_{name}")
    text = view.instrument.item(name).text
    return text.get(view.w.language) or next(iter(text.values()))


# -- method bias ------------------------------------------------------------------------------------------------------


def _show_method(view: View, measured: Measurement) -> Charts:
    w = view.w
    if measured.single_factor is not None:
        single = measured.single_factor
        shares = (apa_number(share, bounded=True) for share in (single.component_share, single.factor_share))
        component, factor = shares
        st.markdown(w("measurement.single", component=component, factor=factor))
    if measured.collinearity is None:
        st.info(w("measurement.none"))
        return {}
    table = table_collinearity(measured, w.language, labels=view.labels)
    st.header(table.title)
    lay(table)
    st.caption(table.notes[-1])
    return {}


# -- to take home -----------------------------------------------------------------------------------------------------


def _notes(measured: Measurement) -> list[str]:
    parts = (measured.validity, measured.htmt, measured.adequacy, measured.parallel, measured.single_factor)
    remarks = [f"{row['scale']}: {row['note']}" for row in measured.reliability.to_dict("records") if row["note"]]
    return [*measured.notes, *remarks, *(note for part in parts if part for note in part.notes)]


def _offer_all(view: View, measured: Measurement, charts: Charts) -> None:
    w = view.w
    tables = {"reliability": measured.reliability, "items": measured.items}
    if measured.validity is not None:
        tables["loadings"] = measured.validity.fit.coefficients
    if measured.htmt is not None:
        tables["htmt"] = measured.htmt.pairs
    files = {
        f"{name}.csv": (w(f"measurement.download_{name}"), partial(rows_as_csv, table.assign(synthetic=view.invented)))
        for name, table in tables.items()
    }
    for name, make in charts.items():
        files[f"{name}.png"] = (w("results.download_picture", name=w(f"measurement.{name}")), picture(make))
    show_downloads(view, files)
