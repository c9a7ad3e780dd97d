"""A respondent's whole way: language, consent, the influencer, the pages, thanks. The database is the truth."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import streamlit as st

from analysis.errors import DataError, StoreError, StudyClosed
from survey_app.answers import Answer, accept_answers, missing_items
from survey_app.context import StudyContext, load_study_context, open_store
from survey_app.questionnaire import (
    LONGEST_NAME,
    Button,
    Post,
    Reply,
    Screen,
    Sent,
    as_paragraphs,
    ask_name,
    ask_page,
    asks_about_influencer,
    item_order,
    read_sent,
    show_screen,
)
from survey_app.study import Participation, is_slug
from survey_app.words import languages, words

log = logging.getLogger("parasol")

NAMING = "influencer"
"""The step (and the screen) on which the influencer is named; the other steps are pages of the instrument."""

SHORTEST_KEY = 20
RETRY_SECONDS = 5


@dataclass
class Visit:
    """What one session remembers of the respondent, so that a page costs no query; it can be lost at any moment."""

    slug: str
    key: str
    source: str
    language: str = ""
    declined: bool = False
    refused: bool = False
    context: StudyContext | None = None
    participation: Participation | None = None
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    step: str = ""
    code: str = ""
    saved: bool = False
    reply: Reply = field(default_factory=Reply)

    @property
    def loaded(self) -> StudyContext:
        """The study and its instrument, read before any screen of them is shown."""
        assert self.context is not None
        return self.context

    @property
    def begun(self) -> Participation:
        """The participation; screens and events before consent have no use for it."""
        if self.participation is None:
            raise StudyClosed()
        return self.participation


def show_respondent() -> None:
    """The screen the respondent of this link is at."""
    visit = _this_visit()
    screen = _screen(visit)
    st.session_state["language"] = screen.language
    sent = show_screen(screen, visit.reply, _receive)
    # In the first run of a session callbacks are not called, yet it may carry a page: a phone that was cut off
    # for long joins a new session with the press of a button.
    if sent is not None and (sent.nonce, sent.attempt) != (visit.reply.nonce, visit.reply.attempt):
        _take(visit, sent)
        st.rerun()


def _this_visit() -> Visit:
    params = st.query_params
    key, slug = params.get("t", ""), params.get("s", "")
    visit = st.session_state.get("visit")
    if not isinstance(visit, Visit) or (visit.key, visit.slug) != (key, slug):
        visit = Visit(slug, key, params.get("src", ""))
        st.session_state["visit"] = visit
    return visit


def _receive() -> None:
    sent = read_sent()
    if sent is not None:
        _take(_this_visit(), sent)


def _take(visit: Visit, sent: Sent) -> None:
    """Act on what was sent, once, however often it arrives; whatever fails is sent again by the phone."""
    if sent.nonce == visit.reply.nonce and not visit.reply.failed:
        visit.reply = replace(visit.reply, attempt=sent.attempt)
        return
    visit.saved = False
    try:
        _load(visit)
        missing = _act(visit, sent)
        visit.reply = Reply(sent.nonce, sent.attempt, missing=missing)
    except StudyClosed:
        visit.participation = visit.context = None
        visit.refused = sent.event == "agree"
        visit.reply = Reply(sent.nonce, sent.attempt)
    except StoreError:
        visit.reply = Reply(sent.nonce, sent.attempt, failed=True)
    except Exception:
        log.exception("A respondent's step failed")
        visit.reply = Reply(sent.nonce, sent.attempt, failed=True)


# -- what a button does ---------------------------------------------------------------------------------------------


def _act(visit: Visit, sent: Sent) -> tuple[str, ...]:
    """Do what the button says; the ids of items that still need an answer, if that is why nothing moved."""
    store = open_store()
    if sent.event == "language" and sent.value in visit.loaded.study.languages:
        visit.language = sent.value
        if visit.participation is not None:
            store.change_language(visit.key, sent.value)
    elif sent.event == "agree":
        _begin(visit, sent.language)
    elif sent.event == "decline" and not visit.declined:
        store.count_visit(visit.slug, visit.source, "declined")
        visit.declined = True
    elif sent.event == "again":
        visit.declined = False
    elif sent.event == "back" and sent.screen in visit.steps:
        visit.step = visit.steps[max(visit.steps.index(sent.screen) - 1, 0)]
    elif sent.event == "next" and sent.screen in visit.steps and not visit.code:
        return _next(visit, sent)
    return ()


def _begin(visit: Visit, language: str) -> None:
    study = visit.loaded.study
    chosen = language if language in study.languages else study.languages[0]
    visit.participation = open_store().begin(visit.slug, visit.key, language=chosen, source=visit.source)
    visit.language = chosen
    visit.steps = _steps(visit.loaded)
    visit.step = visit.steps[0]


def _next(visit: Visit, sent: Sent) -> tuple[str, ...]:
    missing = _name(visit, sent) if sent.screen == NAMING else _save(visit, sent)
    if missing:
        visit.step = sent.screen
        return missing
    visit.saved = True
    place = visit.steps.index(sent.screen) + 1
    if place < len(visit.steps):
        visit.step = visit.steps[place]
        return ()
    return _finish(visit)


def _name(visit: Visit, sent: Sent) -> tuple[str, ...]:
    given = sent.answers.get(NAMING) if isinstance(sent.answers, Mapping) else None
    name = " ".join(given.split())[:LONGEST_NAME] if isinstance(given, str) else ""
    if not name:
        return (NAMING,)
    open_store().name_influencer(visit.key, name)
    visit.participation = replace(visit.begun, influencer=name)
    return ()


def _save(visit: Visit, sent: Sent) -> tuple[str, ...]:
    instrument = visit.loaded.instrument
    page = instrument.page(sent.screen)
    try:
        answers = accept_answers(instrument, page.id, sent.answers)
    except DataError:
        return page.items
    missing = missing_items(instrument, page.id, answers)
    if not missing:
        if not sent.saved:  # the phone could not reach the route for answers
            influencer = visit.begun.influencer if page.per_influencer else ""
            order = item_order(page, visit.begun.id)
            open_store().save_page(visit.key, page.id, answers, influencer=influencer, order=order)
        visit.answers[page.id] = answers
    return tuple(missing)


def _finish(visit: Visit) -> tuple[str, ...]:
    """Finish, if the database has every page; else go to the first one it lacks."""
    store = open_store()
    visit.answers = {page: given for (page, _), given in store.answers(visit.key).items()}
    step = _first_open(visit)
    if step:
        visit.step = step
        given = visit.answers.get(step, {})
        return () if step == NAMING else tuple(missing_items(visit.loaded.instrument, step, given))
    visit.code = store.finish(visit.key)
    return ()


def _first_open(visit: Visit) -> str:
    """The first step that was never sent or lacks a required answer; "" when all is there."""
    for step in visit.steps:
        if step == NAMING:
            if not visit.begun.influencer:
                return step
        elif step not in visit.answers or missing_items(visit.loaded.instrument, step, visit.answers[step]):
            return step
    return ""


# -- what stands on the screen --------------------------------------------------------------------------------------


def _screen(visit: Visit) -> Screen:
    if not is_slug(visit.slug):
        return _notice(visit, "unknown")
    if len(visit.key) < SHORTEST_KEY:
        return _restart(visit)
    try:
        _load(visit)
        return _journey(visit)
    except StudyClosed:
        return _notice(visit, "unknown")
    except StoreError:
        return replace(_notice(visit, "waiting"), retry=RETRY_SECONDS)
    except Exception:
        log.exception("A respondent's screen failed")
        return replace(_notice(visit, "trouble"), retry=RETRY_SECONDS)


def _load(visit: Visit) -> None:
    """Read what this session does not know yet. Before consent the study may close under the reader's eyes."""
    if visit.participation is not None:
        return
    visit.context = load_study_context(visit.slug)
    begun = open_store().participation(visit.key)
    if begun is None:
        return
    if begun.study != visit.context.study.id:
        raise StudyClosed()
    visit.answers = {page: given for (page, _), given in open_store().answers(visit.key).items()}
    visit.code = open_store().finish(visit.key) if begun.finished else ""
    visit.language, visit.participation = begun.language, begun
    visit.steps = _steps(visit.context)
    visit.step = _first_open(visit) or visit.steps[-1]


def _steps(context: StudyContext) -> tuple[str, ...]:
    """The screens of the questionnaire in their order."""
    naming = (NAMING,) if asks_about_influencer(context.instrument) else ()
    return naming + tuple(page.id for page in context.instrument.pages)


def _journey(visit: Visit) -> Screen:
    study = visit.loaded.study
    if visit.code:
        return _thanks(visit)
    if visit.participation is not None:
        return _question(visit)
    if visit.refused or study.state != "open":
        return _notice(visit, "closed")
    if not visit.language and len(study.languages) == 1:
        visit.language = study.languages[0]
    if visit.declined:
        return _declined(visit)
    return _consent(visit) if visit.language else _languages(visit)


def _languages(visit: Visit) -> Screen:
    study = visit.loaded.study
    first = _proposed(study.languages)
    ordered = sorted(study.languages, key=lambda code: code != first)
    buttons = (
        Button("language", words(code)("language.continue"), "primary" if code == first else "plain", code, code)
        for code in ordered
    )
    return Screen(
        id="languages",
        language=first,
        title=study.title[first],
        paragraphs=(words(first)("language.choose"),),
        buttons=tuple(buttons),
        stacked=True,
    )


def _consent(visit: Visit) -> Screen:
    study, w = visit.loaded.study, words(visit.language)
    return Screen(
        id="consent",
        language=visit.language,
        title=study.title[visit.language],
        paragraphs=as_paragraphs(study.consent[visit.language]),
        buttons=(Button("agree", w("consent.agree")), Button("decline", w("consent.decline"), "plain")),
        stacked=True,
        progress={"text": w("consent.title"), "share": 0},
        languages=study.languages,
    )


def _declined(visit: Visit) -> Screen:
    w = words(visit.language or _proposed(visit.loaded.study.languages))
    buttons = (Button("again", w("declined.again"), "plain"),)
    paragraphs = (w("declined.text"), w("declined.end"))
    return Screen("declined", w.language, w("declined.title"), paragraphs, buttons=buttons)


def _question(visit: Visit) -> Screen:
    instrument, study = visit.loaded.instrument, visit.loaded.study
    place = visit.steps.index(visit.step)
    later = tuple(instrument.page(step) for step in visit.steps[place + 1 :])
    name = visit.begun.influencer
    shared = {
        "step": place + 1, "steps": len(visit.steps), "later": later, "owner": _owner(visit.key),
        "languages": study.languages, "saved": visit.saved,
    }  # fmt: skip
    if visit.step == NAMING:
        return ask_name(visit.language, name=name, **shared)
    page = instrument.page(visit.step)
    return ask_page(
        instrument,
        page,
        visit.language,
        answers=visit.answers.get(page.id, {}),
        influencer=name,
        seed=visit.begun.id,
        back=place > 0,
        post=Post(visit.key, page.id, name if page.per_influencer else ""),
        **shared,
    )


def _thanks(visit: Visit) -> Screen:
    w = words(visit.language)
    return Screen(
        id="thanks",
        language=visit.language,
        title=w("thanks.title"),
        paragraphs=(w("thanks.saved"),),
        owner=_owner(visit.key),
        code=visit.code,
        closing=(w("thanks.data"), w("thanks.close")),
    )


def _restart(visit: Visit) -> Screen:
    """The link lost its key: the study's own address gives a new one."""
    w = words(_proposed(languages()))
    button = Button("open", w("restart.open"), value=f"/s/{visit.slug}")
    return Screen("restart", w.language, w("restart.title"), (w("restart.text"),), buttons=(button,))


def _notice(visit: Visit, key: str) -> Screen:
    w = words(visit.language or _proposed(languages()))
    return Screen(key, w.language, w(f"{key}.title"), (w(f"{key}.text"),))


def _proposed(languages: tuple[str, ...]) -> str:
    """The language of the browser, where it is offered."""
    wanted = (st.context.locale or "").replace("_", "-").split("-")[0].lower()
    return wanted if wanted in languages else languages[0]


def _owner(key: str) -> str:
    """Under this name the phone keeps its draft: another respondent on the same phone has another."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
