"""The researcher's fieldwork screen: how far people get, from where, and their answers to take home."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from analysis.errors import ParasolError, StoreError
from analysis.rows_file import write_rows
from survey_app.components.study_frame import (
    NEWS,
    REFRESH_SECONDS,
    View,
    is_news,
    open_view,
    plain,
    warn_of_retention,
)
from survey_app.context import load_progress, open_store
from survey_app.rows import study_columns
from survey_app.study import SourceCounts, StudyCounts
from survey_app.words import Words

FORMATS = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "sav": "application/x-spss-sav",
}


def show_fieldwork() -> None:
    """The whole screen: live counts, tests to remove, where people stop, withdrawal, and the answers as files."""
    view = open_view("screens.fieldwork")
    if view is None:
        return
    _warn(view)
    _show_live(view)
    _show_pages(view)
    left, right = st.columns(2, gap="large")
    with left:
        _show_downloads(view)
    with right:
        _ask_withdrawal(view.w)


def _warn(view: View) -> None:
    try:
        warn_of_retention(view.w, view.study)
    except StoreError:
        st.error(view.w("results.away"))


@st.fragment(run_every=REFRESH_SECONDS)
def _show_live(view: View) -> None:
    """Counts that follow by themselves; where they say more than the rest of the screen, all of it is drawn again."""
    w = view.w
    try:
        counts = open_store().counts(view.study.slug)
    except StoreError:
        st.error(w("results.away"))
        return
    if is_news(view.counts, counts) or counts.started > view.counts.started * (1 + NEWS):
        st.rerun()
    with st.container(key="counts", horizontal=True):
        for name in ("visits", "declined", "started", "finished", "withdrawn"):
            st.metric(w(f"results.{name}"), getattr(counts, name), border=True)
    _show_quotas(view, counts)
    if view.study.conditions:
        left, right = st.columns(2, gap="large")
    else:
        left = right = st.container()
    with left:
        st.header(w("fieldwork.by_source"))
        names = {source.id: source.label or source.id for source in view.study.sources}
        # Coming without a source is listed as soon as somebody did, or where there is nothing else to list.
        listed = (dict.fromkeys(names, SourceCounts()) | counts.by_source) or {"": SourceCounts()}
        called = names | {"": w("fieldwork.no_source")}
        _lay(w, "fieldwork.by_source", {called.get(id, id): each for id, each in listed.items()})
    with right:
        if view.study.conditions:
            st.header(w("fieldwork.by_condition"))
            labels = {condition.id: condition.label for condition in view.study.conditions}
            arms = {labels[id]: each for id, each in counts.by_condition.items()}
            if waiting := _unassigned(counts):
                arms[w("fieldwork.unassigned")] = waiting
            _lay(w, "fieldwork.by_condition", arms, visits=False)
    _show_tests(view, counts)


def _unassigned(counts: StudyCounts) -> SourceCounts | None:
    """Who began and has no condition: it is given as late as the questionnaire allows, and some leave before that."""
    given = counts.by_condition.values()
    started = counts.started - sum(each.started for each in given)
    finished = counts.finished - sum(each.finished for each in given)
    return SourceCounts(started=started, finished=finished) if started else None


def _show_tests(view: View, counts: StudyCounts) -> None:
    """How many tests and rehearsals there are, and the button that removes them, with a second one to be sure."""
    w, key = view.w, f"removed_{view.study.id}"
    removed = st.session_state.get(key, 0)
    if not counts.tests:
        if removed:
            st.success(w("fieldwork.tests_gone", n=removed))
        return
    with st.container(key="tests", horizontal=True, vertical_alignment="center"):
        st.caption(w("fieldwork.tests", n=counts.tests), width="content")
        # No dialog: the counts follow by themselves, and each time they do a dialog would close.
        with st.popover(w("fieldwork.remove_tests"), icon=":material/delete:"):
            st.markdown(w("fieldwork.remove_means", n=counts.tests))
            label = w("fieldwork.remove", n=counts.tests)
            slug = view.study.slug
            st.button(label, type="primary", key="remove_tests", on_click=_remove_tests, args=(slug, key))
    if removed is None:
        st.error(w("results.away"))


def _remove_tests(slug: str, key: str) -> None:
    """Delete them and remember how many there were; None where the database is away."""
    try:
        st.session_state[key] = open_store().remove_tests(slug)
    except StoreError:
        st.session_state[key] = None


def _show_quotas(view: View, counts: StudyCounts) -> None:
    """How full the study, its sources and its conditions are, where they have a limit."""
    study, w = view.study, view.w
    limits = [(w("fieldwork.all"), study.quota, counts.finished)]
    limits += [
        (source.label or source.id, source.quota, counts.by_source.get(source.id, SourceCounts()).finished)
        for source in study.sources
    ]
    limits += [
        (condition.label, condition.quota, counts.by_condition.get(condition.id, SourceCounts()).finished)
        for condition in study.conditions
    ]
    for name, quota, finished in limits:
        if quota:
            text = w("fieldwork.quota", name=plain(name), finished=finished, quota=quota)
            st.progress(min(finished / quota, 1.0), text)


def _lay(w: Words, title: str, counted: dict[str, SourceCounts], *, visits: bool = True) -> None:
    shown = ("visits", "declined", "started", "finished") if visits else ("started", "finished")
    rows = [{w("fieldwork.name"): plain(name)} | {w(f"results.{what}"): getattr(each, what) for what in shown}
            for name, each in counted.items()]  # fmt: skip
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt=w(title))


def _show_pages(view: View) -> None:
    """Who sent which page, and how long those took who finished."""
    w = view.w
    st.header(w("fieldwork.pages"))
    try:
        progress = load_progress(view.study.slug, view.change)
    except StoreError:
        st.error(w("results.away"))
        return
    if progress.minutes is not None:
        minutes = f"{progress.minutes:.1f}"
        st.caption(w("fieldwork.minutes", minutes=minutes if w.language == "en" else minutes.replace(".", ",")))
    started = view.counts.started
    before, rows = started, []
    for page in view.instrument.pages:
        sent = progress.sent.get(page.id, 0)
        title = page.title.get(w.language) or next(iter(page.title.values()), page.id)
        rows.append(
            {
                w("fieldwork.page"): plain((title or page.id).replace("{influencer}", w("influencer.here"))),
                w("fieldwork.sent"): sent,
                w("fieldwork.dropped"): max(before - sent, 0),
                w("fieldwork.share"): f"{100 * sent / started:.0f} %" if started else "",
            }
        )
        before = sent
    with st.container(key="pages"):
        st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt=w("fieldwork.pages"))


def _show_downloads(view: View) -> None:
    w = view.w
    st.header(w("fieldwork.take"))
    if not view.counts.finished:
        st.info(w("fieldwork.nothing"))
        return
    with st.container(horizontal=True):
        for kind, mime in FORMATS.items():
            name = f"{view.study.slug}-answers{view.mark}.{kind}"
            st.download_button(
                w("fieldwork.file", kind=kind.upper()), partial(_written, view, kind), name, mime,
                key=f"rows_{kind}", on_click="ignore", icon=":material/download:",
            )  # fmt: skip
    st.caption(w("fieldwork.take_help"))


def _written(view: View, kind: str) -> bytes:
    """The finished answers as a file of this kind, as the command line writes it."""
    rows = open_store().rows(view.study.slug)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"answers.{kind}"
        write_rows(rows, path, view.instrument, view.w.language, study_columns(view.study, view.w.language))
        return path.read_bytes()


def _ask_withdrawal(w: Words) -> None:
    """Somebody sent their code and asks to have their answers deleted."""
    st.header(w("fieldwork.withdraw"))
    with st.form("withdrawal", border=False, clear_on_submit=True):
        code = st.text_input(w("fieldwork.code"), max_chars=40, help=w("fieldwork.code_help"))
        sure = st.checkbox(w("fieldwork.sure"))
        sent = st.form_submit_button(w("fieldwork.delete"))
    if not sent:
        return
    if not (code.strip() and sure):
        st.warning(w("fieldwork.not_sure"))
        return
    try:
        gone = open_store().withdraw(code)
    except ParasolError:
        st.error(w("results.away"))
        return
    if gone:
        st.success(w("fieldwork.gone"))
    else:
        st.warning(w("fieldwork.no_code"))
