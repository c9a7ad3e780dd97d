"""What the researcher's screens share: language, study, the bar that stays in sight, and how results are laid out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from analysis.errors import DataError, ParasolError, Problem, StoreError
from survey_app.components.page_language import tell_page_language
from survey_app.components.wide_tables import reach_wide_tables
from survey_app.context import StudyScores, load_kept_scores, load_study_context, load_study_scores, open_store
from survey_app.sentences import tell
from survey_app.words import Words, researcher_languages, words

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from analysis.charts import Chart
    from analysis.instrument import Instrument
    from analysis.tables import Table
    from survey_app.study import Study, StudyCounts

STYLE = Path(__file__).with_name("study_frame.css")
REFRESH_SECONDS = 3
NEWS = 0.002
"""By what share the finished answers must have grown for everything to be computed again: under 500 by a single one."""
STATES = {"draft": "gray", "open": "green", "closed": "red"}
LEVELS = (0.90, 0.95, 0.99)

Invented = Literal["synthetic", "mixed", ""]


@dataclass(frozen=True)
class View:
    """What everything on a screen needs to know about the study it shows.

    `found` is None where nobody finished, and where `trouble` says why the answers cannot be scored. `change` is the
    store's mark of these very answers.
    """

    study: Study
    instrument: Instrument
    w: Words
    labels: Mapping[str, str]
    counts: StudyCounts
    change: str
    found: StudyScores | None
    trouble: str

    @property
    def invented(self) -> Invented:
        """Are all answers simulated, some of them, or none?"""
        return invented_among(self.study, self.counts)

    @property
    def mark(self) -> str:
        """What a file's name says about simulated answers in it."""
        return "-synthetic" if self.invented else ""


# -- opening a screen -------------------------------------------------------------------------------------------------


def choose_language() -> str:
    """The language of the researcher's screens, chosen at the side; it stays for the session."""
    with st.sidebar:
        reach_wide_tables()
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
    language = chosen or known[0]
    with st.sidebar:
        tell_page_language(language)
    return language


def open_view(screen: str) -> View | None:
    """Language, study and bar of a screen; None where there is no study, or no database, and the screen says so."""
    st.html(STYLE)
    w = words(choose_language())
    try:
        study = _choose_study(w)
        if study is None:
            st.title(w(screen))
            st.info(w("results.no_study"))
            return None
        instrument = load_study_context(study.slug).instrument
        store = open_store()
        counts, change = store.counts(study.slug), store.last_change(study.slug)
        found, trouble = _load(w, study, counts, change)
    except StoreError:
        _wait_for_store(w)
        return None
    labels = {scale.id: scale.label.get(w.language) or next(iter(scale.label.values())) for scale in instrument.scales}
    view = View(study, instrument, w, labels, counts, change, found, trouble)
    _show_bar(view)
    return view


def open_answers(screen: str) -> tuple[View, StudyScores] | None:
    """As `open_view`, for a screen that is nothing without answers; it follows new ones by itself."""
    view = open_view(screen)
    if view is None:
        return None
    _follow(view)
    if view.found is None:
        show_nothing(view)
        return None
    return view, view.found


def show_nothing(view: View) -> None:
    """Why there is no result yet, and the way to one."""
    w = view.w
    if view.trouble:
        st.warning(f"**{w('results.trouble')}**\n\n{plain(view.trouble)}")
        return
    st.info(w("results.no_answers"))
    st.link_button(w("results.open_questionnaire"), f"/s/{view.study.slug}", icon=":material/open_in_new:")


@st.fragment(run_every=REFRESH_SECONDS)
def _wait_for_store(w: Words) -> None:
    """The database is away: say so, and come back by itself."""
    try:
        open_store().check()
    except StoreError:
        st.error(w("results.away"))
        return
    st.rerun()


@st.fragment(run_every=REFRESH_SECONDS)
def _follow(view: View) -> None:
    """The screen is drawn again as soon as somebody finished or took answers back."""
    try:
        counts = open_store().counts(view.study.slug)
    except StoreError:
        st.error(view.w("results.away"))
        return
    if is_news(view.counts, counts):
        st.rerun()


def is_news(shown: StudyCounts, counts: StudyCounts) -> bool:
    """Do these counts ask for results other than those that are shown?"""
    more = counts.finished - shown.finished
    return counts.withdrawn != shown.withdrawn or more < 0 or more > shown.finished * NEWS


def _load(w: Words, study: Study, counts: StudyCounts, change: str) -> tuple[StudyScores | None, str]:
    """The finished answers and what they score, or why they cannot be scored; neither where nobody finished."""
    if not counts.finished:
        return None, ""
    try:
        with st.spinner(w("results.computing", n=counts.finished)):
            return load_study_scores(study.slug, change), ""
    except StoreError:
        raise
    except ParasolError as error:
        return None, tell(error, w.language).text


def _choose_study(w: Words) -> Study | None:
    studies = {study.slug: study for study in open_store().studies()}
    if not studies:
        return None
    if len(studies) == 1:
        return next(iter(studies.values()))
    slug = st.sidebar.selectbox(
        w("results.study"),
        list(studies),
        format_func=lambda slug: title_of(studies[slug], w.language),
        key="study",
        persist_state="session",
    )
    return studies.get(slug) or next(iter(studies.values()))


def _show_bar(view: View) -> None:
    """The study's name, its state, n and the mark of synthetic data stay in sight while everything else scrolls."""
    w, study = view.w, view.study
    with st.container(key="study_bar", horizontal=True, vertical_alignment="center"):
        st.markdown(f"# {plain(title_of(study, w.language))}", width="content")
        st.badge(w("results.n", n=view.counts.finished), color="gray")
        live = w("results.live") if study.state == "open" else None
        st.badge(w(f"results.state_{study.state}"), color=STATES[study.state], help=live)  # type: ignore[arg-type]
        show_mark(w, view.invented, "synthetic")


def invented_among(study: Study, counts: StudyCounts) -> Invented:
    """Are all finished answers simulated, some of them, or none?"""
    if study.synthetic or 0 < counts.finished == counts.synthetic:
        return "synthetic"
    return "mixed" if counts.synthetic else ""


def show_mark(w: Words, invented: Invented, key: str) -> None:
    """The mark of synthetic data, which nobody can overlook; nothing where all answers are people's."""
    if invented:
        with st.container(key=key, width="content"):
            st.badge(w(f"results.{invented}"), icon=":material/science:", help=w("results.synthetic_help"))


def warn_of_retention(w: Words, study: Study) -> None:
    """The answers have to go soon, or had to: said wherever the study is looked after."""
    from survey_app.privacy import retention_of

    retention = retention_of(study, open_store().audit(study.slug), datetime.now(UTC).date())
    if retention.standing in ("soon", "due") and retention.day is not None:
        day = written_day(retention.day, w)
        text = w(f"studies.retention_{retention.standing}", day=day, slug=study.slug)
        st.warning(text, icon=":material/event_busy:")


def written_day(day: date, w: Words) -> str:
    """The day as people of this language write it, whatever the server's own language is.

    Examples
    --------
    >>> from survey_app.words import words
    >>> written_day(date(2027, 3, 1), words("nl"))
    '1 maart 2027'
    """
    return f"{day.day} {w(f'month.m{day.month}')} {day.year}"


# -- with and without careless answers --------------------------------------------------------------------------------


def decided(view: View) -> tuple[str, ...]:
    """The reasons for which this session also shows every result without people; empty where it does not."""
    from analysis.quality import DECISION, REASONS

    if not st.session_state.get(beside_key(view.study)):
        return ()
    chosen = st.session_state.get(reasons_key(view.study), DECISION)
    return tuple(reason for reason in (*REASONS, "flagged") if reason in chosen)


def beside_key(study: Study) -> str:
    """Under which name the session remembers whether results are shown without the flagged too."""
    return f"beside_{study.id}"


def reasons_key(study: Study) -> str:
    """Under which name the session remembers for which reasons people are left out."""
    return f"reasons_{study.id}"


def kept_scores(view: View) -> StudyScores | None:
    """The answers of those who stay; None where this session shows everybody only, or where nobody stays."""
    reasons = decided(view)
    if not reasons or view.found is None:
        return None
    try:
        return load_kept_scores(view.study.slug, view.change, reasons)
    except DataError:
        return None


# -- laying out -------------------------------------------------------------------------------------------------------


def choose_level(w: Words) -> float:
    """The confidence level, the same on every screen of the session."""
    chosen = st.segmented_control(
        w("results.level"),
        LEVELS,
        default=0.95 if "level" not in st.session_state else None,
        required=True,
        format_func=lambda level: f"{100 * level:g} %",
        key="level",
        persist_state="session",
    )
    return float(chosen or 0.95)


def current_level() -> float:
    """The confidence level chosen on whichever screen asked for one."""
    return float(st.session_state.get("level") or 0.95)


def side_by_side(key: str, left: float = 1, right: float = 1) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places beside each other where there is room for both, and below each other where there is not."""
    with st.container(key=f"pair_{key}"):
        first, second = st.columns([left, right], gap="large")
    return first, second


def draw(chart: Chart) -> None:
    """The chart in the theme of the page."""
    from analysis.charts import themed

    st.altair_chart(themed(chart, dark=st.context.theme.type == "dark"), theme=None, width="stretch")


def lay(table: Table) -> None:
    """The table as wide as its place; what does not fit can be scrolled to."""
    st.table(table.frame.map(_literal), border="horizontal", hide_index=True, alt=table.title)


def show_notes(w: Words, notes: Iterable[str]) -> None:
    """What must be known about the numbers."""
    listed = notes_as_list(w, notes)
    if listed:
        with st.expander(w("results.notes")):
            st.html(listed)


def notes_as_list(w: Words, notes: Iterable[str | Problem]) -> str:
    """What the analysis says, each thing once; where that is not in the screen's language, the page says so."""
    told = dict.fromkeys(tell(note, w.language) for note in notes)
    lines = "".join(f'<li lang="{note.language}">{html.escape(note.text)}</li>' for note in told)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def show_problem(w: Words, trouble: str | ParasolError) -> None:
    """What the analysis could not do, and what to do about it, as a calm sentence."""
    st.warning(plain(tell(trouble, w.language).text).replace("\n", "\n\n"))


def show_downloads(view: View, files: Mapping[str, tuple[str, Callable[[], bytes]]]) -> None:
    """A button for each file: {ending of the name, such as table.csv: (what it is, how it is made)}."""
    st.header(view.w("results.downloads"))
    with st.container(horizontal=True):
        for ending, (label, content) in files.items():
            stem, _, kind = ending.rpartition(".")
            name = f"{view.study.slug}-{stem}{view.mark}.{kind}"
            mime = "image/png" if kind == "png" else "text/csv"
            st.download_button(
                label, content, name, mime, key=f"download_{stem}_{kind}", on_click="ignore", icon=":material/download:"
            )


def picture(make: Callable[[], Chart]) -> Callable[[], bytes]:
    """How a chart becomes a picture to take home."""
    return partial(_picture, make)


def _picture(make: Callable[[], Chart]) -> bytes:
    from analysis.charts import chart_image

    return chart_image(make(), "png")


def usual_model(view: View) -> str:
    """The study's own model, or the core one as far as the questionnaire holds its scales."""
    if view.study.model.strip():
        return view.study.model.strip()
    scales = [scale.id for scale in view.instrument.scales]
    causes = [name for name in ("physical", "social", "homophily") if name in scales]
    present = [name for name in ("psi", "trust", "purchase") if name in scales]
    if len(present) > 1:
        return f"{present[-1]} ~ {' + '.join([*present[:-1], *causes])}"
    first, *others = scales
    return f"{first} ~ {' + '.join(others)}" if others else f"{first} ~ "


def title_of(study: Study, language: str) -> str:
    """What the study is called in this language."""
    return study.title.get(language) or next(iter(study.title.values()), study.slug)


def inside(label: str) -> str:
    """A label in the middle of a sentence: small first letter, unless the word is an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def plain(text: str) -> str:
    """A text that means no Markdown, whatever a study is called."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|<>~$:" else character for character in text)


def _literal(cell: str) -> str:
    """A cell that means no Markdown, not even a list; numbers and intervals mean none anyway."""
    if not any(character.isalpha() for character in cell):
        return cell
    safe = "".join(f"\\{one}" if one in r"\`*_{}[]<>~$:#|" else one for one in cell)
    return re.sub(r"^(\d*)([-+.)])", r"\1\\\2", safe)
