"""The researcher's model screen: who answered, what a model says about it, and the verdict on the central claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

import streamlit as st

from analysis.charts import (
    Chart,
    chart_coefficients,
    chart_dominance,
    chart_effects,
    chart_paths,
    chart_quantiles,
    chart_residuals,
    chart_scatter,
    chart_slopes,
)
from analysis.diagnostics import fit_diagnostics
from analysis.errors import ParasolError, StoreError
from analysis.export import rows_as_csv
from analysis.fit import Fit
from analysis.importance import Claim, central_claim, fit_dominance
from analysis.model import Model, parse_model
from analysis.moderation import fit_moderation
from analysis.paths import Interval, fit_paths
from analysis.regression import Errors
from analysis.reliability import reliability_table
from analysis.result_tables import table_beside, table_dominance, table_residual_tests, table_slopes
from analysis.scoring import Scores
from analysis.tables import apa_interval, apa_number, table_coefficients, table_effects, table_reliability
from survey_app.components.study_frame import (
    REFRESH_SECONDS,
    View,
    choose_level,
    draw,
    inside,
    is_news,
    kept_scores,
    lay,
    open_view,
    picture,
    plain,
    show_downloads,
    show_notes,
    show_nothing,
    show_problem,
    side_by_side,
    usual_model,
)
from survey_app.context import StudyScores, open_store
from survey_app.sentences import tell
from survey_app.words import Words

_CLAIM = ("psi", "homophily", "social", "physical")
_BOND = ("psi", "purchase")
_DENSITIES = ("percentile", "bca")
"""Intervals made from the very draws that the effects' chart shows."""

Charts = dict[str, Callable[[], Chart]]


@dataclass(frozen=True)
class Asked:
    """What the researcher asks of the data: a model, and how its errors and intervals are made."""

    text: str
    errors: Errors
    interval: Interval
    level: float


def show_results() -> None:
    """The whole screen: which study, how many answered, and what the answers say."""
    view = open_view("screens.results")
    if view is None:
        return
    _show_counts(view)
    if view.found is None:
        show_nothing(view)
        return
    kept = kept_scores(view)
    _show_claim(view, view.found.scores, None if kept is None else kept.scores)
    _show_model(view, view.found, None if kept is None else kept.scores)


@st.fragment(run_every=REFRESH_SECONDS)
def _show_counts(view: View) -> None:
    """How far people got; as soon as somebody finished or took answers back, the whole screen follows."""
    w = view.w
    try:
        counts = open_store().counts(view.study.slug)
    except StoreError:
        st.error(w("results.away"))
        return
    if is_news(view.counts, counts):
        st.rerun()
    with st.container(key="counts", horizontal=True):
        for name in ("visits", "declined", "started", "finished", "withdrawn"):
            st.metric(w(f"results.{name}"), getattr(counts, name), border=True)


# -- the claim at the centre ------------------------------------------------------------------------------------------


def _show_claim(view: View, scores: Scores, kept: Scores | None) -> None:
    """The verdict on the central claim in words; nothing where the questionnaire does not hold its scales."""
    if not set(_CLAIM) <= set(scores.scales):
        return
    claim = _claimed(view, scores)
    if claim is None:
        return  # too few answers for it yet; the model below says what is missing
    w, named = view.w, {name: inside(view.labels[name]) for name in _CLAIM}
    with st.container(border=True, key="claim"):
        st.header(w("results.claim"))
        st.markdown(f"**{w(f'results.verdict.{claim.verdict}')}.**")
        answers = w(f"results.{view.invented}_answers" if view.invented else "results.answers")
        lines = [w("results.claim_text", n=claim.n, answers=answers, outcome=named[_CLAIM[0]])]
        lines += [f"- {line}" for line in _contrasts(claim, w, named)]
        st.markdown("\n".join([lines[0], "", *lines[1:]]))
        without = None if kept is None else _claimed(view, kept)
        if without is not None:
            st.markdown(w("results.without", n=without.n, text=w(f"results.verdict.{without.verdict}")))
        st.caption(w("results.hedge"))


def _claimed(view: View, scores: Scores) -> Claim | None:
    outcome, *strong, weak = _CLAIM
    try:
        with st.spinner(view.w("results.computing", n=scores.n)):
            return central_claim(scores, outcome=outcome, strong=strong, weak=weak)
    except ParasolError:
        return None


def _contrasts(claim: Claim, w: Words, named: Mapping[str, str]) -> list[str]:
    return [
        w(
            "results.contrast",
            strong=named[row["strong"]],
            weak=named[row["weak"]],
            beta_strong=_beta(row["std_strong"]),
            beta_weak=_beta(row["std_weak"]),
            estimate=apa_number(row["estimate"], bounded=True),
            level=f"{100 * claim.level:g}",
            interval=apa_interval(row["conf_low"], row["conf_high"], bounded=True),
        )
        for row in claim.contrasts.to_dict("records")
    ]


def _beta(value: float) -> str:
    """A standardised coefficient that no line break tears apart."""
    return f"β\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{apa_number(value, bounded=True)}"


# -- the model --------------------------------------------------------------------------------------------------------


@st.fragment
def _show_model(view: View, found: StudyScores, kept: Scores | None) -> None:
    """The model as text with its result beside it; only this part runs again when the text changes."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.header(view.w("results.model"))
        asked = _ask_model(view, found.scores)
        fit, trouble = _fitted(view, asked, found.scores)
        if trouble:
            show_problem(view.w, trouble)
    without = None if fit is None or kept is None else _fitted(view, asked, kept)[0]
    charts: Charts = {}
    with right:
        if fit is not None:
            charts |= _show_charts(view, asked, fit, found.scores)
            _show_explained(view, fit, without)
    if fit is not None:
        _show_tables(view, fit, without)
    charts |= _show_data(view, found.scores, asked.level)
    if fit is not None:
        show_notes(view.w, (*found.scores.notes, *fit.notes))
    _offer_all(view, found, fit, charts)


def _ask_model(view: View, scores: Scores) -> Asked:
    w, key = view.w, f"model_{view.study.id}"
    usual = usual_model(view)
    text = st.text_area(
        w("results.model_label"),
        value=usual,
        height=180,
        max_chars=4000,
        key=key,
        help=w("results.model_help", names=", ".join(scores.scales)),
        persist_state="session",
    )

    def reset() -> None:
        st.session_state[key] = usual

    if text.strip() != usual.strip():
        st.button(w("results.model_reset"), on_click=reset, icon=":material/undo:", type="tertiary")
    with st.container(horizontal=True):
        errors = _choose(w, "errors", ("hc3", "classical"))
        level = choose_level(w)
    return Asked(text, errors, _choose(w, "interval", get_args(Interval)), level)


def _choose(w: Words, name: str, kinds: tuple[str, ...]) -> str:
    """One of a few ways of computing, remembered for the session; the first where none was chosen."""
    chosen = st.segmented_control(
        w(f"results.{name}"),
        kinds,
        default=kinds[0] if name not in st.session_state else None,
        required=True,
        format_func=lambda kind: w(f"results.{kind}"),
        help=w(f"results.{name}_help"),
        key=name,
        persist_state="session",
    )
    return chosen or kinds[0]


def _fitted(view: View, asked: Asked, scores: Scores) -> tuple[Fit | None, str]:
    """The fit, or why there is none."""
    try:
        model = parse_model(asked.text)
        with st.spinner(view.w("results.computing", n=scores.n)):
            return fit_paths(model, scores, errors=asked.errors, level=asked.level, interval=asked.interval), ""
    except ParasolError as error:
        return None, tell(error, view.w.language).text


def _show_charts(view: View, asked: Asked, fit: Fit, scores: Scores) -> Charts:
    """The model in several ways, the opened one drawn; how to make each of those that are pictures."""
    language, labels = view.w.language, view.labels
    people = scores if asked.interval in _DENSITIES else None
    charts: Charts = {
        "estimates": partial(chart_coefficients, fit, language, labels=labels),
        "diagram": partial(chart_paths, fit, language, labels=labels),
        "effects": partial(chart_effects, fit, language, data=people, labels=labels),
    }
    panels: dict[str, Callable[[], Charts]] = {
        "importance": partial(_show_importance, view, fit.model, scores, asked.level),
        **({"moderation": partial(_show_moderation, view, fit.model, scores, asked)} if fit.model.products else {}),
        "residuals": partial(_show_residuals, view, fit.model, scores),
    }
    tabs = st.tabs([view.w(f"results.{name}") for name in (*charts, *panels)], key="charts", on_change="rerun")
    shown: Charts = {}
    for tab, name in zip(tabs, (*charts, *panels), strict=True):
        if not tab.open:
            continue
        with tab:
            if name in charts:
                draw(charts[name]())
                continue
            try:
                shown |= panels[name]()
            except ParasolError as error:
                show_problem(view.w, error)
    return charts | shown


def _show_importance(view: View, model: Model, scores: Scores, level: float) -> Charts:
    outcome = _choose_outcome(view, model, "importance")
    single = Model((model.equation(outcome),))
    with st.spinner(view.w("results.computing", n=scores.n)):
        found = fit_dominance(single, scores, level=level)
    make = partial(chart_dominance, found, outcome, view.w.language, labels=view.labels)
    draw(make())
    lay(table_dominance(found, outcome, view.w.language, labels=view.labels))
    st.caption(view.w("results.importance_note"))
    return {"importance": make}


def _show_moderation(view: View, model: Model, scores: Scores, asked: Asked) -> Charts:
    """Where along a moderator a slope differs from zero, for one of the products of the model."""
    w, name = view.w, lambda id: view.labels.get(id, id)
    ways = {
        (equation.outcome, focal, moderator): w(
            "results.moderated", focal=name(focal), outcome=inside(name(equation.outcome)), moderator=name(moderator)
        )
        for equation in model.equations
        for first, *others in equation.terms
        if len(others) == 1
        for focal, moderator in ((first, others[0]), (others[0], first))
    }
    way = st.selectbox(w("results.moderation_of"), list(ways), format_func=lambda way: ways[way], key="moderation")
    outcome, focal, moderator = way or next(iter(ways))
    found = fit_moderation(
        model, scores, outcome=outcome, focal=focal, moderator=moderator, errors=asked.errors, level=asked.level
    )
    make = partial(chart_slopes, found, w.language, labels=view.labels)
    draw(make())
    table = table_slopes(found, w.language, labels=view.labels)
    lay(table)
    st.caption("  \n".join(table.notes))
    return {"moderation": make}


def _show_residuals(view: View, model: Model, scores: Scores) -> Charts:
    outcome = _choose_outcome(view, model, "residuals")
    found = fit_diagnostics(Model((model.equation(outcome),)), scores)
    make = {
        "residuals": partial(chart_residuals, found, outcome, view.w.language, labels=view.labels),
        "quantiles": partial(chart_quantiles, found, outcome, view.w.language, labels=view.labels),
    }
    for chart in make.values():
        draw(chart())
    lay(table_residual_tests(found, outcome, view.w.language, labels=view.labels))
    return dict(make)


def _choose_outcome(view: View, model: Model, key: str) -> str:
    """Which equation a panel is about; the last one, unless another was chosen."""
    if len(model.outcomes) == 1:
        return model.outcomes[0]
    chosen = st.selectbox(
        view.w("results.outcome"),
        model.outcomes,
        index=len(model.outcomes) - 1,
        format_func=lambda name: view.labels.get(name, name),
        key=f"{key}_outcome",
    )
    return chosen or model.outcomes[-1]


def _show_explained(view: View, fit: Fit, without: Fit | None) -> None:
    """How much of each outcome is explained; beside it the same without the flagged, where the session asks for it."""
    lines = [
        view.w("results.explained", outcome=view.labels.get(outcome, outcome), r_squared=r_squared)
        for outcome, r_squared in _r_squared(fit)
    ]
    st.caption("  \n".join(lines))
    if without is not None:
        told = ", ".join(f"{view.labels.get(outcome, outcome)} {value}" for outcome, value in _r_squared(without))
        text = view.w("results.without_explained", list=told)
        st.markdown(view.w("results.without", n=int(without.summary["n"].min()), text=text))


def _r_squared(fit: Fit) -> list[tuple[str, str]]:
    return [(row["outcome"], apa_number(row["r_squared"], bounded=True)) for row in fit.summary.to_dict("records")]


def _show_tables(view: View, fit: Fit, without: Fit | None) -> None:
    language, labels = view.w.language, view.labels
    tables = {
        "coefficients": table_coefficients(fit, language, labels=labels),
        "effects": table_effects(fit, language, labels=labels),
    }
    if without is not None:
        tables["beside"] = table_beside(fit, without, language, labels=labels)
    for tab, table in zip(st.tabs([view.w(f"results.{name}") for name in tables]), tables.values(), strict=True):
        with tab:
            lay(table)


def _show_data(view: View, scores: Scores, level: float) -> Charts:
    """What does not depend on the model: the bond against buying, and how reliable the scales are."""
    left, right = side_by_side("data")
    charts: Charts = {}
    with left:
        if set(_BOND) <= set(scores.scales):
            st.header(view.w("results.bond"))
            try:
                chart = chart_scatter(scores, *_BOND, view.w.language, level=level, labels=view.labels)
                draw(chart)
                charts["bond"] = lambda: chart
            except ParasolError as error:
                st.info(plain(tell(error, view.w.language).text))
    with right:
        st.header(view.w("results.reliability"), help=view.w("results.reliability_help"))
        table = reliability_table(scores, level=level)
        lay(table_reliability(table, view.w.language, level=level, synthetic=scores.synthetic, labels=view.labels))
    return charts


def _offer_all(view: View, found: StudyScores, fit: Fit | None, charts: Charts) -> None:
    w = view.w
    files = {"answers.csv": (w("results.download_rows"), partial(rows_as_csv, found.rows))}
    if fit is not None:
        for key, table in (("table", fit.coefficients), ("effects", fit.effects)):
            marked = table.assign(synthetic=fit.synthetic)
            files[f"{key}.csv"] = (w(f"results.download_{key}"), partial(rows_as_csv, marked))
    for key, make in charts.items():
        files[f"{key}.png"] = (w("results.download_picture", name=w(f"results.{key}")), picture(make))
    show_downloads(view, files)
