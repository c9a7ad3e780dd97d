"""The researcher's first screen: all studies, their links and labels, and how a new one comes in."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from analysis.errors import ParasolError, Problem, StoreError
from analysis.instrument import Instrument, load_instrument
from analysis.toml_text import toml_content
from survey_app.access import load_secret, sign_test
from survey_app.components.study_frame import (
    STATES,
    STYLE,
    choose_language,
    invented_among,
    plain,
    show_mark,
    title_of,
    warn_of_retention,
)
from survey_app.context import forget_studies, open_store
from survey_app.labels import study_labels
from survey_app.links import Link, qr_png, qr_svg, study_links
from survey_app.media import kept_from, media_folder, media_hosts, with_kept
from survey_app.sentences import tell
from survey_app.settings import load_settings
from survey_app.study import Study, is_slug
from survey_app.study_file import LARGEST_FILE, StudyFile, load_study, publish
from survey_app.words import Words, languages, words

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

CORE = "psi_core"
FILES = ["toml", "json", "png", "jpg", "jpeg", "gif", "webp", "mp4", "webm"]


def show_studies() -> None:
    """The whole screen: what there is, and what may be added."""
    st.html(STYLE)
    w = words(choose_language())
    st.title(w("screens.studies"))
    said = st.session_state.pop("studies_said", "")
    if said:
        st.success(plain(said), icon=":material/check:")
    try:
        studies = open_store().studies()
        if not studies:
            st.info(w("studies.none"))
        for study in sorted(studies, key=lambda study: (study.state == "closed", study.slug)):
            _show_study(w, study)
    except StoreError:
        st.error(w("results.away"))
        return
    new, files = st.tabs([w("studies.new"), w("studies.files")])
    with new:
        _ask_new(w, load_instrument(CORE), "new")
    with files:
        _ask_files(w)


# -- one study --------------------------------------------------------------------------------------------------------


def _show_study(w: Words, study: Study) -> None:
    counts = open_store().counts(study.slug)
    with st.container(border=True, key=f"study_{study.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"### {plain(title_of(study, w.language))}", width="content")
            st.badge(w(f"results.state_{study.state}"), color=STATES[study.state])  # type: ignore[arg-type]
            show_mark(w, invented_among(study, counts), f"synthetic_{study.id}")
        st.caption(w("studies.counts", finished=counts.finished, started=counts.started, tests=counts.tests))
        warn_of_retention(w, study)
        with st.container(horizontal=True):
            if study.state == "open":
                sure = st.button(w("studies.close"), key=f"close_{study.id}")
            else:
                sure = st.button(w("studies.open"), key=f"open_{study.id}", type="primary")
            st.link_button(
                w("studies.try"), _test_address(study), icon=":material/open_in_new:", help=w("studies.test")
            )
        if sure:
            _ask_sure(w, study)
        with st.expander(w("studies.links"), key=f"links_{study.id}", on_change="rerun") as links:
            if links.open:
                _show_links(w, study)


def _ask_sure(w: Words, study: Study) -> None:
    """What opening or closing means, and the button that does it."""
    opens = study.state != "open"

    @st.dialog(w("studies.sure_open") if opens else w("studies.sure_close"))
    def ask() -> None:
        st.markdown(f"**{plain(title_of(study, w.language))}**")
        st.markdown(w("studies.means_open") if opens else w("studies.means_close"))
        label = w("studies.open") if opens else w("studies.close")
        if st.button(label, type="primary", key="sure", on_click=_change_state, args=(study,)):
            st.rerun()

    ask()


def _change_state(study: Study) -> None:
    store = open_store()
    if study.state == "open":
        store.close_study(study.slug)
    else:
        store.open_study(study.slug)
    forget_studies()


def _show_links(w: Words, study: Study) -> None:
    links = study_links(study, _public())
    if study.invited:
        st.info(w("studies.invited"))
    for link in links:
        with st.container(horizontal=True, vertical_alignment="center", key=f"link_{study.id}_{link.source}"):
            st.image(qr_png(link.short), width=120, alt=w("studies.qr", link=link.short))
            with st.container(width="stretch"):
                if link.label:
                    st.markdown(f"**{plain(link.label)}**")
                st.code(link.short, language=None, wrap_lines=True)
                st.caption(plain(link.address))
                _offer_codes(w, study, link)
    name = f"{study.slug}-labels.pdf"
    make = partial(study_labels, study, links, w.language)
    st.download_button(
        w("studies.labels"), make, name, "application/pdf", on_click="ignore", icon=":material/print:",
        key=f"labels_{study.id}",
    )  # fmt: skip


def _offer_codes(w: Words, study: Study, link: Link) -> None:
    with st.container(horizontal=True):
        if st.button(w("studies.wall"), key=f"wall_{study.id}_{link.source}", icon=":material/present_to_all:"):
            _show_on_wall(study, link, w)
        for kind, draw, mime in (("SVG", qr_svg, "image/svg+xml"), ("PNG", qr_png, "image/png")):
            name = f"{study.slug}-{link.source or 'link'}.{kind.lower()}"
            st.download_button(
                w("studies.code", kind=kind), partial(draw, link.short), name, mime, on_click="ignore",
                key=f"code_{study.id}_{link.source}_{kind}", type="tertiary", icon=":material/qr_code_2:",
            )  # fmt: skip


def _show_on_wall(study: Study, link: Link, w: Words) -> None:
    """The QR code and the link to be typed, large enough for the last row of a lecture hall."""

    @st.dialog(plain(title_of(study, w.language)), width="large")
    def show() -> None:
        with st.container(horizontal_alignment="center"):
            st.image(qr_png(link.short), width=600, alt=w("studies.qr", link=link.short))
            st.title(plain(link.short.partition("://")[2]), anchor=False, text_alignment="center")

    show()


def _public() -> str:
    """The address respondents use: the setting, else the one this researcher uses."""
    settings = load_settings()
    if settings.public:
        return settings.public
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}" if here.netloc else f"http://{settings.address}:{settings.port}"


def _test_address(study: Study) -> str:
    return f"{_public()}/s/{study.slug}?test={sign_test(load_secret(load_settings()), study.slug)}"


# -- a new study ------------------------------------------------------------------------------------------------------


def _ask_new(w: Words, instrument: Instrument, key: str) -> None:
    """Three fields make a study: what it is called, its address, and who answers questions about it."""
    name = instrument.title.get(w.language) or next(iter(instrument.title.values()))
    st.caption(w("studies.with", name=plain(name), n=len(instrument.items)))
    with st.form(f"{key}_study", border=False):
        title = st.text_input(w("studies.title"), max_chars=120, key=f"{key}_title")
        slug = st.text_input(w("studies.slug"), max_chars=63, key=f"{key}_slug", help=w("studies.slug_help"))
        contact = st.text_input(
            w("studies.contact"), max_chars=200, key=f"{key}_contact", help=w("studies.contact_help")
        )
        sent = st.form_submit_button(w("studies.create"), type="primary")
    if not sent:
        return
    slug = slug.strip().lower() or _slug(title)
    missing = [name for name, text in (("title", title), ("contact", contact)) if not text.strip()]
    if missing or not is_slug(slug):
        for name in missing:
            st.warning(w(f"studies.missing_{name}"))
        if not is_slug(slug):
            st.warning(w("studies.missing_slug"))
        return
    spoken = [language for language in instrument.languages if language in languages()]
    consent = {language: words(language)("own_study.consent", contact=contact.strip()) for language in spoken}
    study = Study(
        id=f"s{secrets.token_hex(6)}", slug=slug, title=dict.fromkeys(spoken, title.strip()),
        instrument=instrument.digest, languages=tuple(spoken), state="draft", consent=consent, consent_version="1",
        contact=contact.strip(), seed=secrets.randbelow(2**31),
    )  # fmt: skip
    try:
        store = open_store()
        store.add_instrument(instrument)
        store.add_study(study)
    except ParasolError as error:
        _show_problems(w, error.problems)
        return
    _say(w("studies.created", title=title.strip()))


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:63]


def _ask_files(w: Words) -> None:
    """A study or a questionnaire from files, with everything that is wrong with it."""
    files = st.file_uploader(
        w("studies.upload"), FILES, accept_multiple_files=True, key="study_files", help=w("studies.upload_help")
    )
    if not files:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            found = _read_files(folder, files)
        except ParasolError as error:
            _show_problems(w, error.problems)
            return
    if isinstance(found, Instrument):
        _warn_abroad(w, found)
        _ask_new(w, found, f"file_{found.digest[:8]}")
        return
    st.success(w("studies.nothing_wrong", title=plain(title_of(found.study, w.language))))
    _warn_abroad(w, found.instrument)
    if st.button(w("studies.bring_in"), type="primary", key="bring_in"):
        try:
            done = publish(open_store(), found)
        except ParasolError as error:
            _show_problems(w, error.problems)
            return
        forget_studies()
        _say(w("studies.brought_in", title=title_of(done.study, w.language)))


def _warn_abroad(w: Words, instrument: Instrument) -> None:
    hosts = media_hosts(instrument)
    if hosts:
        st.warning(w("studies.abroad", hosts=plain(", ".join(hosts))), icon=":material/public:")


def _read_files(folder: Path, files: Sequence[UploadedFile]) -> StudyFile | Instrument:
    """The study among these files, or the questionnaire where there is none; pictures in it are kept."""
    paths = []
    for file in files:
        path = folder / (re.sub(r"[^\w.-]", "_", Path(file.name.replace("\\", "/")).name)[-100:].lstrip(".") or "file")
        path.write_bytes(file.getvalue())
        paths.append(path)
    keep = kept_from(media_folder(load_settings()), folder)
    written = [path for path in paths if path.suffix.lower() == ".toml"]
    study = next((path for path in written if _is_study(path)), None)
    if study is not None:
        found = load_study(study)
        instrument = with_kept(found.instrument, keep)
        return StudyFile(replace(found.study, instrument=instrument.digest), instrument)
    if not written:
        raise StoreError(Problem("the files", "none of them is a study or a questionnaire", "Add the .toml file."))
    return with_kept(load_instrument(written[0]), keep)


def _is_study(path: Path) -> bool:
    """Only a study names its address; what cannot be read is for the questionnaire's check to explain."""
    try:
        return path.stat().st_size <= LARGEST_FILE and "slug" in toml_content(path.read_bytes())
    except (ValueError, RecursionError):
        return bool(re.search(r"^[ \t]*slug[ \t]*=", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE))


def _show_problems(w: Words, problems: Sequence[Problem]) -> None:
    st.warning(w("studies.problems", n=len(problems)))
    st.markdown("\n".join(f"- {plain(tell(problem, w.language).text)}" for problem in problems))


def _say(text: str) -> None:
    st.session_state["studies_said"] = text
    st.rerun()
