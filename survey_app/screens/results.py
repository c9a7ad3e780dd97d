"""The researcher's first screen: who answered, what a model says about it, and the verdict on the central claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st

from analysis.charts import (
    Chart,
    chart_coefficients,
    chart_effects,
    chart_image,
    chart_paths,
    chart_scatter,
    themed,
)
from analysis.errors import ParasolError, StoreError
from analysis.export import rows_as_csv
from analysis.fit import Fit
from analysis.importance import Claim, central_claim
from analysis.model import Model, parse_model
from analysis.paths import fit_paths
from analysis.regression import Errors
from analysis.reliability import reliability_table
from analysis.scoring import Scores
from analysis.tables import Table, apa_interval, apa_number, table_coefficients, table_effects, table_reliability
from survey_app.context import StudyScores, load_study_context, load_study_scores, open_store
from survey_app.study import Study, StudyCounts
from survey_app.words import Words, researcher_languages, words

STYLE = Path(__file__).with_name("results.css")
REFRESH_SECONDS = 3
NEWS = 0.002
"""By what share the finished answers must have grown for everything to be computed again: under 500 by a single one."""
LEVELS = (0.90, 0.95, 0.99)
STATES = {"draft": "gray", "open": "green", "closed": "red"}

Invented = Literal["synthetic", "mixed", ""]

_CLAIM = ("psi", "homophily", "social", "physical")
_BOND = ("psi", "purchase")


@dataclass(frozen=True)
class View:
    """What everything on this screen needs to know: the study, its answers, the language, names as people read them."""

    study: Study
    w: Words
    labels: Mapping[str, str]
    counts: StudyCounts
    invented: Invented


def show_results() -> None:
    """The whole screen: which study, how many answered, and what the answers say."""
    st.html(STYLE)
    language = _choose_language()
    w = words(language)
    try:
        study = _choose_study(w)
        if study is None:
            st.title(w("screens.results"))
            st.info(w("results.no_study"))
            return
        scales = load_study_context(study.slug).instrument.scales
        labels = {scale.id: scale.label.get(language) or next(iter(scale.label.values())) for scale in scales}
        counts = open_store().counts(study.slug)
        found, trouble = _load(w, study, counts)
    except StoreError:
        _wait_for_store(w)
        return
    view = View(study, w, labels, counts, _invented(study, found))
    _show_bar(view)
    _show_counts(view)
    if found is not None:
        _show_claim(view, found.scores)
        _show_model(view, found)
    elif trouble:
        st.warning(f"**{w('results.trouble')}**\n\n{_plain(trouble)}")
    else:
        st.info(w("results.no_answers"))
        st.link_button(w("results.open_questionnaire"), f"/s/{study.slug}", icon=":material/open_in_new:")


@st.fragment(run_every=REFRESH_SECONDS)
def _wait_for_store(w: Words) -> None:
    """The database is away: say so, and come back by itself."""
    try:
        open_store().check()
    except StoreError:
        st.error(w("results.away"))
        return
    st.rerun()


def _load(w: Words, study: Study, counts: StudyCounts) -> tuple[StudyScores | None, str]:
    """The finished answers and what they score, or why they cannot be scored; neither where nobody finished."""
    if not counts.finished:
        return None, ""
    try:
        with st.spinner(w("results.computing", n=counts.finished)):
            return load_study_scores(study.slug, counts.finished, counts.withdrawn), ""
    except StoreError:
        raise
    except ParasolError as error:
        return None, str(error)


def _choose_language() -> str:
    known = researcher_languages()
    chosen = st.sidebar.segmented_control(
        words(str(st.session_state.get("language", known[0])))("results.language"),
        known,
        default=known[0] if "language" not in st.session_state else None,
        format_func=lambda code: words(code)("language.name"),
        key="language",
        required=True,
        persist_state="session",
    )
    return chosen or known[0]


def _choose_study(w: Words) -> Study | None:
    studies = {study.slug: study for study in open_store().studies()}
    if not studies:
        return None
    if len(studies) == 1:
        return next(iter(studies.values()))
    slug = st.sidebar.selectbox(
        w("results.study"), list(studies), format_func=lambda slug: _title(studies[slug], w.language), key="study"
    )
    return studies[slug]


def _show_bar(view: View) -> None:
    """The study's name, its state, n and the mark of synthetic data stay in sight while everything else scrolls."""
    w, study = view.w, view.study
    with st.container(key="study_bar", horizontal=True, vertical_alignment="center"):
        st.markdown(f"# {_plain(_title(study, w.language))}", width="content")
        st.badge(w("results.n", n=view.counts.finished), color="gray")
        live = w("results.live") if study.state == "open" else None
        st.badge(w(f"results.state_{study.state}"), color=STATES[study.state], help=live)  # type: ignore[arg-type]
        if view.invented:
            with st.container(key="synthetic", width="content"):
                st.badge(w(f"results.{view.invented}"), icon=":material/science:", help=w("results.synthetic_help"))


@st.fragment(run_every=REFRESH_SECONDS)
def _show_counts(view: View) -> None:
    """How far people got; as soon as somebody finished or took answers back, the whole screen follows."""
    w = view.w
    try:
        counts = open_store().counts(view.study.slug)
    except StoreError:
        st.error(w("results.away"))
        return
    more = counts.finished - view.counts.finished
    if counts.withdrawn != view.counts.withdrawn or more < 0 or more > view.counts.finished * NEWS:
        st.rerun()
    with st.container(key="counts", horizontal=True):
        for name in ("visits", "declined", "started", "finished", "withdrawn"):
            st.metric(w(f"results.{name}"), getattr(counts, name), border=True)


def _show_claim(view: View, scores: Scores) -> None:
    """The verdict on the central claim in words; nothing where the questionnaire does not hold its scales."""
    if not set(_CLAIM) <= set(scores.scales):
        return
    outcome, *strong, weak = _CLAIM
    try:
        with st.spinner(view.w("results.computing", n=scores.n)):
            claim = central_claim(scores, outcome=outcome, strong=strong, weak=weak)
    except ParasolError:
        return  # too few answers for it yet; the model below says what is missing
    w, named = view.w, {name: _inside(view.labels[name]) for name in _CLAIM}
    with st.container(border=True, key="claim"):
        st.header(w("results.claim"))
        st.markdown(f"**{w(f'results.verdict.{claim.verdict}')}.**")
        answers = w(f"results.{view.invented}_answers" if view.invented else "results.answers")
        lines = [w("results.claim_text", n=claim.n, answers=answers, outcome=named[outcome])]
        lines += [f"- {line}" for line in _contrasts(claim, w, named)]
        st.markdown("\n".join([lines[0], "", *lines[1:]]))
        st.caption(w("results.hedge"))


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


@st.fragment
def _show_model(view: View, found: StudyScores) -> None:
    """The model as text with its result beside it; only this part runs again when the text changes."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.header(view.w("results.model"))
        text, errors, level = _ask_model(view, found.scores)
        model, trouble = _read(text)
        fit = None
        if model is not None:
            try:
                with st.spinner(view.w("results.computing", n=found.scores.n)):
                    fit = fit_paths(model, found.scores, errors=errors, level=level)
            except ParasolError as error:
                trouble = str(error)
        if trouble:
            st.warning(_plain(trouble).replace("\n", "\n\n"))
    charts: dict[str, Callable[[], Chart]] = {}
    with right:
        if fit is not None:
            charts |= _show_charts(view, fit, found.scores)
            _show_explained(view, fit)
    if fit is not None:
        _show_tables(view, fit)
    charts |= _show_data(view, found.scores, level)
    if fit is not None:
        with st.expander(view.w("results.notes")):
            st.markdown("\n".join(f"- {_plain(note)}" for note in dict.fromkeys((*found.scores.notes, *fit.notes))))
    _show_downloads(view, found, fit, charts)


def _ask_model(view: View, scores: Scores) -> tuple[str, Errors, float]:
    w, key = view.w, f"model_{view.study.id}"
    usual = _usual_model(view.study, scores)
    text = st.text_area(
        w("results.model_label"),
        value=usual,
        height=180,
        max_chars=4000,
        key=key,
        help=w("results.model_help", names=", ".join(scores.scales)),
    )

    def reset() -> None:
        st.session_state[key] = usual

    if text.strip() != usual.strip():
        st.button(w("results.model_reset"), on_click=reset, icon=":material/undo:", type="tertiary")
    with st.container(horizontal=True):
        kinds: tuple[Errors, ...] = ("hc3", "classical")
        errors = st.segmented_control(
            w("results.errors"),
            kinds,
            default=kinds[0],
            required=True,
            format_func=lambda name: w(f"results.{name}"),
            help=w("results.errors_help"),
            key="errors",
        )
        level = st.segmented_control(
            w("results.level"),
            LEVELS,
            default=0.95,
            required=True,
            format_func=lambda level: f"{100 * level:g} %",
            key="level",
        )
    return text, errors, level


def _read(text: str) -> tuple[Model | None, str]:
    try:
        return parse_model(text), ""
    except ParasolError as error:
        return None, str(error)


def _show_charts(view: View, fit: Fit, scores: Scores) -> dict[str, Callable[[], Chart]]:
    """The model three ways, the opened one drawn; how to make each, for the downloads."""
    language, labels = view.w.language, view.labels
    charts: dict[str, Callable[[], Chart]] = {
        "estimates": partial(chart_coefficients, fit, language, labels=labels),
        "diagram": partial(chart_paths, fit, language, labels=labels),
        "effects": partial(chart_effects, fit, language, data=scores, labels=labels),
    }
    tabs = st.tabs([view.w(f"results.{name}") for name in charts], key="charts", on_change="rerun")
    for tab, make in zip(tabs, charts.values(), strict=True):
        if tab.open:
            with tab:
                _draw(make())
    return charts


def _show_explained(view: View, fit: Fit) -> None:
    lines = [
        view.w(
            "results.explained",
            outcome=view.labels.get(row["outcome"], row["outcome"]),
            r_squared=apa_number(row["r_squared"], bounded=True),
        )
        for row in fit.summary.to_dict("records")
    ]
    st.caption("  \n".join(lines))


def _show_tables(view: View, fit: Fit) -> None:
    language, labels = view.w.language, view.labels
    coefficients, effects = st.tabs([view.w("results.coefficients"), view.w("results.effects")])
    with coefficients:
        _lay(table_coefficients(fit, language, labels=labels))
    with effects:
        _lay(table_effects(fit, language, labels=labels))


def _show_data(view: View, scores: Scores, level: float) -> dict[str, Callable[[], Chart]]:
    """What does not depend on the model: the bond against buying, and how reliable the scales are."""
    left, right = st.columns(2, gap="large")
    charts: dict[str, Callable[[], Chart]] = {}
    with left:
        if set(_BOND) <= set(scores.scales):
            st.header(view.w("results.bond"))
            try:
                chart = chart_scatter(scores, *_BOND, view.w.language, level=level, labels=view.labels)
                _draw(chart)
                charts["bond"] = lambda: chart
            except ParasolError as error:
                st.info(_plain(str(error)))
    with right:
        st.header(view.w("results.reliability"), help=view.w("results.reliability_help"))
        table = reliability_table(scores, level=level)
        _lay(table_reliability(table, view.w.language, level=level, synthetic=scores.synthetic, labels=view.labels))
    return charts


def _show_downloads(view: View, found: StudyScores, fit: Fit | None, charts: Mapping[str, Callable[[], Chart]]) -> None:
    w, name = view.w, view.study.slug
    mark = "-synthetic" if found.scores.synthetic else ""
    st.header(w("results.downloads"))
    with st.container(horizontal=True):
        _offer(w("results.download_rows"), f"{name}-answers{mark}.csv", partial(rows_as_csv, found.rows))
        if fit is not None:
            for key, table in (("table", fit.coefficients), ("effects", fit.effects)):
                marked = table.assign(synthetic=fit.synthetic)
                _offer(w(f"results.download_{key}"), f"{name}-{key}{mark}.csv", partial(rows_as_csv, marked))
        for key, make in charts.items():
            label = w("results.download_picture", name=w(f"results.{key}"))
            _offer(label, f"{name}-{key}{mark}.png", partial(_picture, make))


def _picture(make: Callable[[], Chart]) -> bytes:
    return chart_image(make(), "png")


def _offer(label: str, name: str, content: Callable[[], bytes]) -> None:
    mime = "image/png" if name.endswith(".png") else "text/csv"
    st.download_button(
        label, content, name, mime, key=f"download_{name}", on_click="ignore", icon=":material/download:"
    )  # fmt: skip


def _draw(chart: Chart) -> None:
    dark = st.context.theme.type == "dark"
    st.altair_chart(themed(chart, dark=dark), theme=None, width="stretch")


def _lay(table: Table) -> None:
    st.table(table.frame, border="horizontal", hide_index=True, alt=table.title)


def _usual_model(study: Study, scores: Scores) -> str:
    """The study's own model, or the core one as far as the questionnaire holds its scales."""
    if study.model.strip():
        return study.model.strip()
    causes = [name for name in ("physical", "social", "homophily") if name in scores.scales]
    present = [name for name in ("psi", "trust", "purchase") if name in scores.scales]
    if len(present) > 1:
        return f"{present[-1]} ~ {' + '.join([*present[:-1], *causes])}"
    first, *others = scores.scales
    return f"{first} ~ {' + '.join(others)}" if others else f"{first} ~ "


def _invented(study: Study, found: StudyScores | None) -> Invented:
    """Are all answers simulated, some of them, or none?"""
    if study.synthetic or (found is not None and bool(found.rows["synthetic"].all())):
        return "synthetic"
    return "mixed" if found is not None and found.scores.synthetic else ""


def _title(study: Study, language: str) -> str:
    return study.title.get(language) or next(iter(study.title.values()), study.slug)


def _inside(label: str) -> str:
    """A label in the middle of a sentence: small first letter, unless the word is an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _plain(text: str) -> str:
    """A text that means no Markdown, whatever a study is called."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|<>~$:" else character for character in text)
