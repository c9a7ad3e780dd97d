"""The researcher's comparison screen: these data beside a published study, path by path."""

from __future__ import annotations

from functools import partial

import streamlit as st

from analysis.charts import chart_comparison
from analysis.compare import compare, paths_apart, shared_model
from analysis.errors import ParasolError
from analysis.export import rows_as_csv
from analysis.fit import Fit
from analysis.published import Published, check_admissible, published_studies
from analysis.result_tables import table_comparison, table_directions
from analysis.scoring import Scores
from survey_app.components.study_frame import (
    View,
    choose_level,
    draw,
    lay,
    notes_as_list,
    open_answers,
    picture,
    plain,
    show_downloads,
    show_notes,
    show_problem,
    side_by_side,
)

FIRST = "qatar_2023"
"""The study that is shown first: its constructs are those of the core questionnaire."""


def show_compare() -> None:
    """The whole screen: a study, what its printed numbers are worth, and the comparison."""
    opened = open_answers("screens.compare")
    if opened is None:
        return
    view, found = opened
    w = view.w
    st.header(w("compare.title"))
    study = _choose_study(view)
    _show_about(view, study)
    impossible = check_admissible(study)
    if impossible:
        st.warning(f"**{w('compare.impossible')}**")
        st.html(notes_as_list(w, impossible))
        return
    if not study.paths and study.correlations is None:
        st.info(w("compare.directions"))
        lay(table_directions(study, w.language, labels=view.labels))
        return
    st.caption(f":material/check_circle: {w('compare.admissible')}")
    place = st.container()
    names = _ask_names(view, study, found.scores)
    level = choose_level(w)
    with place:
        _show_comparison(view, study, names, found.scores, level)


def _choose_study(view: View) -> Published:
    studies = {study.id: study for study in published_studies()}
    order = sorted(studies, key=lambda id: (id != FIRST, not studies[id].paths, studies[id].called))
    chosen = st.selectbox(
        view.w("compare.study"),
        order,
        format_func=lambda id: studies[id].called,
        key="published",
        persist_state="session",
    )
    return studies[chosen or order[0]]


def _show_about(view: View, study: Published) -> None:
    context = study.context.get(view.w.language) or next(iter(study.context.values()), "")
    told = {"context": plain(context), "citation": plain(study.citation)}
    known = study.n is not None
    st.caption(view.w("compare.about", **told, n=study.n) if known else view.w("compare.about_unknown", **told))


def _ask_names(view: View, study: Published, scores: Scores) -> dict[str, str]:
    """From each of this study's scales to the published variable it stands for; alike names are put together first."""
    w, names = view.w, {}
    with st.expander(w("compare.names"), expanded=not _alike(view, study, scores)):
        columns = st.columns(3)
        for number, variable in enumerate(study.variables):
            label = variable.label.get(w.language) or variable.id
            options = ["", *scores.scales]
            usual = _alike(view, study, scores).get(variable.id, "")
            chosen = columns[number % 3].selectbox(
                plain(label),
                options,
                index=options.index(usual),
                format_func=lambda id: view.labels[id] if id else w("compare.nothing"),
                key=f"{study.id}_{variable.id}",
                persist_state="session",
            )
            if chosen:
                names[chosen] = variable.id
    return names


def _alike(view: View, study: Published, scores: Scores) -> dict[str, str]:
    """Published variables that are called as one of the scales is."""
    called = {scale.label.get("en", "").lower(): scale.id for scale in view.instrument.scales}
    found = {
        variable.id: variable.id if variable.id in scores.scales else called.get(variable.label.get("en", "").lower())
        for variable in study.variables
    }
    return {variable: scale for variable, scale in found.items() if scale in scores.scales}


def _show_comparison(view: View, study: Published, names: dict[str, str], scores: Scores, level: float) -> None:
    w = view.w
    try:
        fit = compare(shared_model(study, names), scores, study, names=names, level=level)
    except ParasolError as error:
        show_problem(w, error)
        return
    st.markdown(w("compare.key", n=len(fit.coefficients), apart=paths_apart(fit)))
    make = partial(chart_comparison, fit, study.called, w.language, labels=view.labels)
    left, right = side_by_side("comparison", 4, 5)
    with left:
        draw(make())
    with right:
        with st.container(key="comparison"):
            lay(table_comparison(fit, study.called, w.language, labels=view.labels))
        st.caption(w("compare.caution"))
    show_notes(w, fit.notes)
    _offer_all(view, study, fit, make)


def _offer_all(view: View, study: Published, fit: Fit, make: partial) -> None:
    w, table = view.w, fit.coefficients.assign(published_study=study.id, synthetic=fit.synthetic)
    show_downloads(
        view,
        {
            f"{study.id}.csv": (w("compare.download_table"), partial(rows_as_csv, table)),
            f"{study.id}.png": (w("results.download_picture", name=w("compare.picture")), picture(make)),
        },
    )
