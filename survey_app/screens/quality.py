"""The researcher's quality screen: who may not have read the questions, and what the researcher decides about them."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from analysis.charts import chart_likert, chart_signs
from analysis.errors import ParasolError
from analysis.export import rows_as_csv
from analysis.quality import DECISION, REASONS, exclusion_flow
from analysis.result_tables import table_flagged, table_flow, table_signs
from analysis.vocabulary import vocabulary
from survey_app.components.study_frame import (
    View,
    beside_key,
    decided,
    draw,
    lay,
    open_answers,
    picture,
    plain,
    reasons_key,
    show_downloads,
    show_problem,
    side_by_side,
)
from survey_app.context import StudyScores, load_flags
from survey_app.sentences import tell

SHOWN = 40
"""Flagged rows the screen lists; the file has them all."""


def show_quality() -> None:
    """The whole screen: the signs, the decision, who is left, and the answers scale by scale."""
    opened = open_answers("screens.quality")
    if opened is None:
        return
    view, found = opened
    try:
        with st.spinner(view.w("results.computing", n=len(found.rows))):
            flags = load_flags(view.study.slug, view.change)
    except ParasolError as error:
        show_problem(view.w, error)
        return
    _show_signs(view, flags)
    flow = _show_decision(view, found, flags)
    _show_flagged(view, flags)
    scale = _show_answers(view, found)
    _offer_all(view, flags, flow, found, scale)


def _show_signs(view: View, flags: pd.DataFrame) -> None:
    w, synthetic = view.w, bool(view.invented)
    st.header(w("quality.title"))
    st.markdown(w("quality.found", n=int(flags["flagged"].sum()), all=len(flags)))
    left, right = side_by_side("signs")
    with left:
        draw(chart_signs(flags, w.language, synthetic=synthetic))
    with right:
        lay(table_signs(flags, w.language, synthetic=synthetic))
        st.caption(w("quality.rule"))


def _show_decision(view: View, found: StudyScores, flags: pd.DataFrame) -> pd.DataFrame:
    """Who is left for the reasons chosen; and whether this session shows every result without the others too."""
    w, named = view.w, vocabulary(view.w.language)
    st.header(w("quality.decision"))
    left, right = side_by_side("decision", 3, 2)
    key = reasons_key(view.study)
    # The browser keeps what was chosen by its words, so each language has a field of its own.
    field = f"{key}_{w.language}"

    def keep() -> None:
        st.session_state[key] = st.session_state[field]

    with right:
        st.toggle(w("quality.beside"), key=beside_key(view.study), persist_state="session")
        st.caption(w("quality.beside_on" if decided(view) else "quality.beside_off"))
        chosen = st.multiselect(
            w("quality.reasons"),
            (*REASONS, "flagged"),
            default=st.session_state.get(key, DECISION) if field not in st.session_state else None,
            format_func=lambda reason: named[f"reasons.{reason}"],
            key=field,
            on_change=keep,
            placeholder=w("quality.nobody"),
        )
    reasons = [reason for reason in (*REASONS, "flagged") if reason in chosen]
    flow = exclusion_flow(found.rows, flags, reasons)
    with left:
        lay(table_flow(flow, w.language, synthetic=bool(view.invented)))
        st.caption(w("quality.flow", all=len(flags), excluded=flow["excluded"].sum(), n=flow["remaining"].iloc[-1]))
    return flow


def _show_flagged(view: View, flags: pd.DataFrame) -> None:
    count = int(flags["flagged"].sum())
    if not count:
        return
    with st.expander(view.w("quality.flagged", n=count)):
        lay(table_flagged(flags, view.w.language, most=SHOWN, synthetic=bool(view.invented)))
        if count > SHOWN:
            st.caption(view.w("quality.more", n=SHOWN))


def _show_answers(view: View, found: StudyScores) -> str:
    """The answers to one scale, question by question."""
    st.header(view.w("quality.answers"))
    scales = [scale.id for scale in view.instrument.scales if scale.id in found.scores.scales]
    first = "psi" if "psi" in scales else scales[0]
    scale = st.pills(
        view.w("quality.scale"),
        scales,
        default=first,
        required=True,
        format_func=lambda id: view.labels[id],
        key="quality_scale",
    )
    scale = scale or first
    try:
        draw(chart_likert(found.rows, view.instrument, scale, view.w.language))
    except ParasolError as error:
        st.info(plain(tell(error, view.w.language).text))
    return scale


def _offer_all(view: View, flags: pd.DataFrame, flow: pd.DataFrame, found: StudyScores, scale: str) -> None:
    w, synthetic = view.w, bool(view.invented)
    people = pd.concat([found.rows[["participation", "influencer"]], flags], axis=1).assign(synthetic=synthetic)
    signs = partial(chart_signs, flags, w.language, synthetic=synthetic)
    likert = partial(chart_likert, found.rows, view.instrument, scale, w.language)
    show_downloads(
        view,
        {
            "flags.csv": (w("quality.download_flags"), partial(rows_as_csv, people)),
            "flow.csv": (w("quality.download_flow"), partial(rows_as_csv, flow.assign(synthetic=synthetic))),
            "signs.png": (w("results.download_picture", name=w("quality.signs")), picture(signs)),
            f"{scale}.png": (w("results.download_picture", name=view.labels[scale]), picture(likert)),
        },
    )
