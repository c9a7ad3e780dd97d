"""The researcher's planning screen: the planned analysis on simulated people, from the model text to a number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations

import streamlit as st

from analysis.charts import chart_power
from analysis.errors import ParasolError
from analysis.export import rows_as_csv
from analysis.model import parse_model
from analysis.power import Plan, needed_for_all, of_kinds, parse_plan, plan_text, sizes_between
from analysis.power import plan as simulate
from analysis.result_tables import table_needed
from survey_app.components.study_frame import (
    View,
    current_level,
    draw,
    lay,
    open_view,
    picture,
    show_downloads,
    show_notes,
    show_problem,
    side_by_side,
    usual_model,
)
from survey_app.words import Words

QUICK, THOROUGH = 200, 1000
"""Simulated studies per sample size, at a first look and when asked for more; as many bootstrap samples each."""
LARGEST = 5000
KINDS = {"coefficients": ("coefficient",), "indirect": ("indirect", "total_indirect"), "total": ("total",)}
"""Which effects are looked at together."""
KEPT = "planned"
"""Under which name the session keeps the last plan, with what was asked for it."""


@dataclass(frozen=True)
class Asked:
    """What is to be planned for."""

    text: str
    sizes: tuple[int, ...]
    reliability: float
    correlation: float
    exclusions: float
    level: float


def show_plan() -> None:
    """The whole screen: what is expected, and how many people it takes to see it."""
    view = open_view("screens.plan")
    if view is None:
        return
    w = view.w
    st.header(w("plan.title"))
    place = st.container()
    asked = _ask(view)
    with place:
        try:
            planned = _planned(w, asked, _replications(asked))
            _show_planned(view, asked, planned)
            if _replications(asked) < THOROUGH and st.button(w("plan.thorough"), icon=":material/speed:"):
                _planned(w, asked, THOROUGH)
                st.rerun()
        except ParasolError as error:
            show_problem(w, error)


def _ask(view: View) -> Asked:
    w, key = view.w, f"plan_{view.study.id}"
    usual = _suggested(view)

    def reset() -> None:
        st.session_state[key] = usual

    left, right = side_by_side("plan", 3, 2)
    with left:
        text = st.text_area(
            w("plan.model"),
            value=usual,
            height=180,
            max_chars=4000,
            key=key,
            help=w("plan.model_help"),
            persist_state="session",
        )
        if text.strip() != usual.strip():
            st.button(w("plan.reset"), on_click=reset, icon=":material/undo:", type="tertiary")
    with right:
        with st.container(horizontal=True):
            smallest = st.number_input(w("plan.smallest"), 20, LARGEST, 50, 10, key="plan_smallest", width=130)
            largest = st.number_input(w("plan.largest"), 30, LARGEST, 500, 50, key="plan_largest", width=130)
            count = st.number_input(w("plan.sizes"), 3, 20, 8, 1, key="plan_sizes", width=130)
        reliability = st.slider(w("plan.reliability"), 0.5, 1.0, 0.85, 0.05, key="plan_reliability")
        correlation = st.slider(w("plan.correlation"), 0.0, 0.8, 0.3, 0.05, key="plan_correlation")
        exclusions = st.slider(w("plan.exclusions"), 0, 50, 15, 5, key="plan_exclusions")
    sizes = tuple(sizes_between(smallest, largest, count))
    return Asked(text, sizes, reliability, correlation, exclusions / 100, current_level())


def _suggested(view: View) -> str:
    """The study's model with effects to think over; the bare model where it cannot be read."""
    usual = usual_model(view)
    try:
        return plan_text(parse_model(usual))
    except ParasolError:
        return usual


def _replications(asked: Asked) -> int:
    """How thoroughly this very plan was simulated before in the session; a first look where it was not."""
    known, _, replications = st.session_state.get(KEPT, (None, None, QUICK))
    return replications if known == asked else QUICK


def _planned(w: Words, asked: Asked, replications: int) -> Plan:
    known, kept, done = st.session_state.get(KEPT, (None, None, 0))
    if known == asked and done >= replications:
        return kept
    model, effects = parse_plan(asked.text)
    bar = st.progress(0.0, w("plan.simulating", done=0, total=replications))

    def tell(done: int, total: int) -> None:
        bar.progress(done / total, w("plan.simulating", done=done, total=total))

    try:
        planned = simulate(
            model, effects, dict.fromkeys(model.names, asked.reliability), n=asked.sizes,
            correlations=dict.fromkeys(combinations(model.causes, 2), asked.correlation),
            exclusions=asked.exclusions, level=asked.level, draws=replications, replications=replications,
            progress=tell,
        )  # fmt: skip
    finally:
        bar.empty()
    st.session_state[KEPT] = (asked, planned, replications)
    return planned


def _show_planned(view: View, asked: Asked, planned: Plan) -> None:
    w = view.w
    replications = _replications(asked)
    offered = [name for name, kinds in KINDS.items() if planned.needed["kind"].isin(kinds).any()]
    if not offered:
        st.info(w("plan.key_none"))
        return
    place = st.container()
    kind = st.segmented_control(
        w("plan.kind"),
        offered,
        default=offered[0],
        required=True,
        format_func=lambda name: w(f"plan.{name}"),
        key="kind",
    )
    whole, planned = planned, of_kinds(planned, KINDS[kind or offered[0]])
    with place:
        _show_needed(w, asked, planned)
    make = partial(chart_power, planned, w.language, labels=view.labels)
    left, right = side_by_side("power")
    with left:
        draw(make())
        st.caption(w("plan.quick" if replications == QUICK else "plan.done", n=f"{replications:,}"))
    with right:
        table = table_needed(planned, w.language, labels=view.labels)
        lay(table)
        st.caption(table.notes[-1])
    show_notes(w, whole.notes)
    show_downloads(
        view,
        {
            "power.csv": (w("plan.download_power"), partial(rows_as_csv, whole.power)),
            "needed.csv": (w("plan.download_needed"), partial(rows_as_csv, whole.needed)),
            "power.png": (w("results.download_picture", name=w("plan.curve")), picture(make)),
        },
    )


def _show_needed(w: Words, asked: Asked, planned: Plan) -> None:
    needed = needed_for_all(planned)
    if needed is None:
        st.markdown(w("plan.key_missed", n=asked.sizes[-1]))
    else:
        st.markdown(w("plan.key_reached", n=needed[0], recruit=needed[1]))
