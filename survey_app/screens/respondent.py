"""A respondent's whole way: language, consent, the influencers, the pages, thanks. The database is the truth."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from analysis.errors import DataError, StoreError, StudyClosed
from analysis.instrument import Instrument
from analysis.kinds import Answer
from survey_app.access import is_test, load_secret
from survey_app.admission import NotAdmitted, check_code, person_of_code, standing
from survey_app.answers import AnswersRefused
from survey_app.context import StudyContext, load_frozen_instrument, load_study_context, open_store
from survey_app.journey import (
    Step,
    accept_page,
    answers_about,
    chooses_influencer,
    facts_of,
    influencer_of,
    item_order,
    missing_on,
    steps_of,
    waits_for_condition,
)
from survey_app.questionnaire import (
    LONGEST_NAME,
    Button,
    Post,
    Reply,
    Screen,
    Sent,
    as_paragraphs,
    ask_name,
    ask_own_code,
    ask_page,
    choose_influencers,
    draw_link,
    read_sent,
    seconds_for,
    show_screen,
    text_line,
    tick_box,
)
from survey_app.saving import seconds_too_early
from survey_app.settings import load_settings
from survey_app.study import Participation, completion_link, is_slug, link_name
from survey_app.words import languages, words

log = logging.getLogger("parasol")

NAMING = Step("influencer")
"""The step (and the screen) on which influencers are named or chosen; the other steps are pages of the instrument."""

SHORTEST_KEY, LONGEST_KEY = 20, 100
"""Characters of a key; anything else was made up, and would be kept in the limits' memory."""

LONGEST_LINK = 400
RETRY_SECONDS = 5

_COUNTED_FOR_LINK = frozenset({"next", "agree", "code", "anyway", "decline", "raffle", "handover"})
"""What writes or draws is counted for the link too: keys cost nothing, so whoever makes up many must have a limit."""

_SAID = {"draft": "unknown", "foreign": "unknown", "wave": "unknown", "late": "closed", "young": "closed"}
"""Why somebody is not let in, where another sentence says it as well."""


@dataclass
class Visit:
    """What one session remembers of the respondent, so that a page costs no query; it can be lost at any moment."""

    slug: str
    key: str
    source: str
    wave: str
    test: bool
    external: Mapping[str, str]
    token: str = ""
    language: str = ""
    agreed: bool = False
    of_age: bool = False
    declined: bool = False
    refused: str = ""
    returned: bool = False
    context: StudyContext | None = None
    participation: Participation | None = None
    instrument: Instrument | None = None
    answers: dict[tuple[str, str], dict[str, Answer]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    step: str = ""
    code: str = ""
    raffled: bool = False
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

    @property
    def asked(self) -> Instrument:
        """The questionnaire this person answers, which may be older than the study's."""
        return self.instrument or self.loaded.instrument

    @property
    def place(self) -> int:
        """Which of the steps this is, from 0 up."""
        return self.find(self.step) or 0

    @property
    def following(self) -> Step | None:
        """The step after this one; None after the last."""
        return self.steps[self.place + 1] if self.place + 1 < len(self.steps) else None

    def find(self, screen: str) -> int | None:
        """The place of the step with that screen; None where there is none (any more)."""
        return next((place for place, step in enumerate(self.steps) if step.id == screen), None)


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
    params = st.query_params.to_dict()
    key, slug = params.get("t", ""), params.get("s", "")
    visit = st.session_state.get("visit")
    if not isinstance(visit, Visit) or (visit.key, visit.slug) != (key, slug):
        test = is_slug(slug) and "test" in params and is_test(slug, params["test"])
        visit = Visit(
            slug, key, params.get("src", ""), params.get("wave", ""), test, params, params.get("token", ""),
            params.get("lang", ""),
        )  # fmt: skip
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
    answered = Reply(sent.nonce, sent.attempt)
    try:
        _load(visit)
        if _comes_too_early(visit, sent):
            visit.reply = replace(answered, failed=True)
            return
        _count_return(visit)
        if sent.event == "handover":
            visit.reply = replace(answered, drawing=_drawing(visit, sent.value))
        else:
            visit.reply = replace(answered, problems=_act(visit, sent))
    except StudyClosed as closed:
        reason = closed.reason if isinstance(closed, NotAdmitted) else "unknown"
        visit.participation = visit.context = None
        visit.refused = reason if sent.event in ("agree", "code", "anyway") else ""
        visit.reply = answered
    except StoreError:
        visit.reply = replace(answered, failed=True)
    except Exception:
        log.exception("A respondent's step failed")
        visit.reply = replace(answered, failed=True)


def _comes_too_early(visit: Visit, sent: Sent) -> bool:
    """Is the same respondent, or the same link, sending more than a limit lets through? The phone sends it again."""
    source = visit.participation.source if visit.participation else visit.source
    link = link_name(visit.loaded.study, source)
    return seconds_too_early(visit.key, link, saves=sent.event in _COUNTED_FOR_LINK and not sent.saved) > 0


def _count_return(visit: Visit) -> None:
    """Whoever comes back is counted with the first thing done after that, so that a page is shown without waiting."""
    if visit.returned and not visit.code:
        visit.returned = False
        open_store().count_resume(visit.key)


# -- what a button does ---------------------------------------------------------------------------------------------


def _act(visit: Visit, sent: Sent) -> Mapping[str, str]:
    """Do what the button says; the items that keep things from moving, with the reasons."""
    store = open_store()
    if sent.event == "language" and sent.value in visit.loaded.study.languages:
        visit.language = sent.value
        if visit.participation is not None:
            store.change_language(visit.key, sent.value)
            visit.participation = replace(visit.participation, language=sent.value)
            visit.steps = _steps(visit)
    elif sent.event == "agree":
        _agree(visit, sent)
    elif sent.event in ("code", "anyway") and visit.agreed:
        return _begin_with_code(visit, sent)
    elif sent.event == "decline" and not visit.declined:
        if not visit.test:
            store.count_visit(visit.slug, visit.source, "declined")
        visit.declined = True
    elif sent.event == "again":
        visit.declined = False
    elif sent.event == "back" and visit.find(sent.screen) is not None:
        visit.step = visit.steps[max((visit.find(sent.screen) or 0) - 1, 0)].id
    elif sent.event == "next" and visit.find(sent.screen) is not None and not visit.code:
        return _next(visit, sent)
    elif sent.event == "raffle" and visit.code:
        return _join_raffle(visit, sent)
    return {}


def _agree(visit: Visit, sent: Sent) -> None:
    study = visit.loaded.study
    visit.language = sent.language if sent.language in study.languages else study.languages[0]
    visit.agreed, visit.of_age = True, _given(sent, "of_age") == 1
    if not study.code or study.invited or visit.test:
        _begin(visit)


def _begin_with_code(visit: Visit, sent: Sent) -> Mapping[str, str]:
    study = visit.loaded.study
    parts = {part.id: text for part in study.code if isinstance(text := _given(sent, part.id), str)}
    wrong = check_code(study, parts)
    if wrong:
        return dict.fromkeys(wrong, "missing")
    person = person_of_code(load_secret(load_settings()), study, parts)
    _begin(visit, person=person, unmatched=sent.event == "anyway")
    return {}


def _begin(visit: Visit, *, person: str = "", unmatched: bool = False) -> None:
    visit.participation = open_store().begin(
        visit.slug,
        visit.key,
        language=visit.language,
        source=visit.source,
        external=visit.external,
        wave=visit.wave,
        person=person,
        unmatched=unmatched,
        of_age=visit.of_age,
        test=visit.test,
    )
    visit.language, visit.refused = visit.participation.language, ""
    visit.instrument = load_frozen_instrument(visit.participation.instrument)
    visit.steps = _steps(visit)
    _assign(visit, visit.steps[0] if visit.steps else None)
    visit.step = visit.steps[0].id


def _assign(visit: Visit, step: Step | None) -> None:
    """Give the person a condition, if that step (None: the end) cannot be shown without; it may change the steps."""
    if waits_for_condition(visit.loaded.study, visit.asked, visit.begun, step):
        visit.participation = open_store().assign(visit.key)
        visit.steps = _steps(visit)


def _next(visit: Visit, sent: Sent) -> Mapping[str, str]:
    problems = _choose(visit, sent) if sent.screen == NAMING.id else _save(visit, sent)
    visit.step = sent.screen
    if problems:
        return problems
    visit.saved = True
    visit.steps = _steps(visit)
    _assign(visit, visit.following)
    if visit.following is not None:
        visit.step = visit.following.id
        return {}
    return _finish(visit)


def _choose(visit: Visit, sent: Sent) -> Mapping[str, str]:
    """Keep the influencer that was named, or those that were picked."""
    study, given = visit.loaded.study, _given(sent, NAMING.id)
    if study.influencers:
        places = given if isinstance(given, list) else [given]
        known = range(len(study.influencers))
        ids = [study.influencers[place].id for place in places if isinstance(place, int) and place in known]
        try:
            order = open_store().choose_influencers(visit.key, ids)
        except DataError:
            return {NAMING.id: "many" if len(ids) > study.per_respondent else "missing"}
        alone = order[0] if len(order) == 1 else ""
        visit.participation = replace(visit.begun, influencers=order, influencer=alone)
        visit.answers = {about: kept for about, kept in visit.answers.items() if about[1] in ("", *order)}
        return {}
    name = " ".join(given.split())[:LONGEST_NAME] if isinstance(given, str) else ""
    if not name:
        return {NAMING.id: "missing"}
    open_store().name_influencer(visit.key, name)
    before = visit.begun.influencer
    visit.answers = {(page, name if about == before else about): kept for (page, about), kept in visit.answers.items()}
    visit.participation = replace(visit.begun, influencer=name)
    return {}


def _save(visit: Visit, sent: Sent) -> Mapping[str, str]:
    instrument, step = visit.asked, visit.steps[visit.find(sent.screen) or 0]
    page = instrument.page(step.page)
    about = influencer_of(page, visit.begun, step.influencer)
    try:
        answers = accept_page(instrument, visit.begun, page, about, sent.answers, lambda: visit.answers)
    except AnswersRefused as refused:
        return {refusal.item: refusal.key for refusal in refused.refusals} or dict.fromkeys(page.items, "refused")
    kept = visit.answers | {(page.id, about): answers}
    missing = missing_on(instrument, visit.begun, step, kept)
    if missing:
        return dict.fromkeys(missing, "missing")
    if not sent.saved:  # the phone could not reach the route for answers
        order = item_order(page, visit.begun.id)
        open_store().save_page(visit.key, page.id, answers, influencer=about, order=order, sequence=sent.sequence)
    visit.answers = kept
    visit.participation = replace(visit.begun, saves=max(visit.begun.saves, sent.sequence or 0))
    return {}


def _finish(visit: Visit) -> Mapping[str, str]:
    """Finish, if the database has every page; else go to the first one it lacks."""
    store = open_store()
    visit.answers = store.answers(visit.key)
    visit.steps = _steps(visit)
    step = _first_open(visit)
    if step is not None:
        visit.step = step.id
        begun = step != NAMING and (step.page, step.influencer) in visit.answers
        missing = missing_on(visit.asked, visit.begun, step, visit.answers) if begun else []
        return dict.fromkeys(missing, "missing")
    visit.code = store.finish(visit.key)
    visit.participation = store.participation(visit.key)
    return {}


def _first_open(visit: Visit) -> Step | None:
    """The first step that was never sent or lacks a required answer; None when all is there."""
    for step in visit.steps:
        if step == NAMING:
            done = bool(visit.begun.influencer or visit.begun.influencers)
        else:
            sent = (step.page, step.influencer) in visit.answers
            done = sent and not missing_on(visit.asked, visit.begun, step, visit.answers)
        if not done:
            return step
    return None


def _join_raffle(visit: Visit, sent: Sent) -> Mapping[str, str]:
    address = _given(sent, "address")
    try:
        open_store().add_raffle_address(visit.key, address if isinstance(address, str) else "")
    except DataError:
        return {"address": "wrong"}
    visit.raffled = True
    return {}


def _drawing(visit: Visit, link: str) -> Mapping[str, Any] | None:
    """The respondent's own link as a QR code; any other text is not drawn."""
    own = link.startswith(("https://", "http://")) and visit.key in link and len(link) <= LONGEST_LINK
    return draw_link(link) if own else None


def _given(sent: Sent, name: str) -> object:
    return sent.answers.get(name) if isinstance(sent.answers, Mapping) else None


# -- what stands on the screen --------------------------------------------------------------------------------------


def _screen(visit: Visit) -> Screen:
    if not is_slug(visit.slug):
        return _notice(visit, "unknown")
    if not SHORTEST_KEY <= len(visit.key) <= LONGEST_KEY:
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
    if visit.participation is not None and visit.step:
        return
    if not SHORTEST_KEY <= len(visit.key) <= LONGEST_KEY:
        raise StudyClosed()
    visit.context = load_study_context(visit.slug)
    if visit.language not in visit.context.study.languages:
        visit.language = ""
    begun = open_store().participation(visit.key)
    if begun is None:
        return
    if begun.study != visit.context.study.id:
        raise StudyClosed()
    visit.instrument = load_frozen_instrument(begun.instrument)
    visit.answers = open_store().answers(visit.key)
    visit.code = open_store().finish(visit.key) if begun.finished else ""
    visit.language, visit.participation, visit.returned = begun.language, begun, True
    visit.raffled = begun.raffled
    visit.steps = _steps(visit)
    _assign(visit, _first_open(visit))
    visit.step = (_first_open(visit) or visit.steps[-1]).id


def _steps(visit: Visit) -> tuple[Step, ...]:
    """The screens of the questionnaire in their order."""
    instrument = visit.asked
    naming = (NAMING,) if chooses_influencer(visit.loaded.study, instrument) else ()
    return naming + steps_of(instrument, visit.begun, visit.answers)


def _journey(visit: Visit) -> Screen:
    study = visit.loaded.study
    if visit.code:
        return _thanks(visit)
    if visit.participation is not None:
        return _question(visit)
    refused = visit.refused or ("" if visit.test else standing(study, datetime.now(UTC), wave=visit.wave))
    if refused == "open" and study.invited and visit.token in ("missing", "wrong"):
        refused = "token"  # nobody is asked to agree to what is not open to them
    if refused not in ("", "open", "code", "code_unknown", "code_taken"):
        return _refusal(visit, refused)
    if not visit.language and len(study.languages) == 1:
        visit.language = study.languages[0]
    if visit.declined:
        return _declined(visit)
    if visit.agreed and study.code:
        problem = visit.refused.partition("_")[2]
        return ask_own_code(visit.language, study.code, problem=problem, languages=study.languages)
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
    age = study.minimum_age
    box = tick_box("of_age", w("consent.age", age=age), w("consent.young", age=age))
    minutes = max(round(_all_seconds(visit.loaded) / 60), 1)
    return Screen(
        id="consent",
        language=visit.language,
        title=study.title[visit.language],
        paragraphs=as_paragraphs(study.consent[visit.language]),
        blocks=() if age is None else (box,),
        buttons=(Button("agree", w("consent.agree")), Button("decline", w("consent.decline"), "plain")),
        stacked=True,
        progress={"text": f"{w('consent.title')}, {w('consent.takes', n=minutes)}", "share": 0},
        languages=study.languages,
    )


def _all_seconds(context: StudyContext) -> int:
    """How long the whole questionnaire takes, with everybody who is to be rated."""
    study, instrument = context.study, context.instrument
    rated = len(study.influencers) if study.rate == "all" else study.per_respondent
    pages = [page.id for page in instrument.pages for _ in range(rated if page.per_influencer else 1)]
    return seconds_for(instrument, pages)


def _declined(visit: Visit) -> Screen:
    w = words(visit.language or _proposed(visit.loaded.study.languages))
    buttons = (Button("again", w("declined.again"), "plain"),)
    paragraphs = (w("declined.text"), w("declined.end"))
    return Screen("declined", w.language, w("declined.title"), paragraphs=paragraphs, buttons=buttons)


def _question(visit: Visit) -> Screen:
    instrument, study, begun = visit.asked, visit.loaded.study, visit.begun
    place = visit.place
    step, later = visit.steps[place], visit.steps[place:]
    shared: dict[str, Any] = {
        "step": place + 1, "steps": len(visit.steps),
        "seconds": seconds_for(instrument, (step.page for step in later if step != NAMING)),
        "owner": _owner(visit.key), "languages": study.languages, "saved": visit.saved, "handover": True,
    }  # fmt: skip
    if step == NAMING:
        if not study.influencers:
            return ask_name(visit.language, name=begun.influencer, **shared)
        most, chosen = study.per_respondent, begun.influencers
        return choose_influencers(visit.language, study.influencers, most=most, chosen=chosen, **shared)
    facts = facts_of(begun, step.influencer)
    name = study.influencer_name(facts.influencer)
    turns = {"turn": step.turn, "turns": len(begun.influencers), "name": name}
    return ask_page(
        instrument,
        instrument.page(step.page),
        facts,
        name=name,
        answers=visit.answers.get((step.page, step.influencer), {}),
        earlier=answers_about(visit.answers, step.influencer, without=step.page),
        seed=begun.id,
        id=step.id,
        about=words(visit.language)("influencer.about", **turns) if step.turn else "",
        back=place > 0,
        post=Post(visit.key, step.page, step.influencer, begun.saves),
        **shared,
    )


def _thanks(visit: Visit) -> Screen:
    study, begun, w = visit.loaded.study, visit.begun, words(visit.language)
    blocks: list[dict[str, Any]] = []
    if study.completion.code:
        told = {"label": w("completion.title"), "text": w("completion.text")}
        blocks.append({"kind": "code", "value": study.completion.code} | told)
    blocks.append({"kind": "code", "value": visit.code, "label": w("thanks.code"), "text": w("thanks.keep")})
    address = f"/withdraw?{urlencode({'lang': visit.language})}"
    blocks.append({"kind": "link", "address": address, "text": w("thanks.withdraw")})
    blocks.append({"kind": "words", "text": w("thanks.data")})
    if study.contact:
        blocks.append({"kind": "words", "text": w("thanks.contact", contact=study.contact)})
    buttons = []
    if study.raffle and not begun.test:
        blocks += _raffle(visit)
        buttons += [] if visit.raffled else [Button("raffle", w("raffle.join"))]
    if completion_link(study, begun):
        host = urlsplit(study.completion.redirect).hostname or ""
        way = f"/complete?{urlencode({'s': visit.slug, 't': visit.key})}"
        kind = "plain" if buttons else "primary"
        buttons.append(Button("open", w("completion.back", host=host.removeprefix("www.")), kind, way))
    if not buttons:
        blocks.append({"kind": "words", "text": w("thanks.close")})
    return Screen(
        id="thanks",
        language=visit.language,
        title=w("thanks.title"),
        paragraphs=(w("thanks.saved"),),
        blocks=tuple(blocks),
        buttons=tuple(buttons),
        stacked=True,
        owner=_owner(visit.key),
        finished=True,
    )


def _raffle(visit: Visit) -> list[dict[str, Any]]:
    w = words(visit.language)
    if visit.raffled:
        return [{"kind": "notice", "text": w("raffle.joined")}]
    line = text_line("address", w("raffle.label"), w("raffle.hint"), w("raffle.missing"), longest=254, email=True)
    line["items"][0]["messages"]["wrong"] = w("raffle.wrong")
    return [{"kind": "heading", "text": w("raffle.title")}, line]


def _refusal(visit: Visit, reason: str) -> Screen:
    """Why somebody cannot begin, said so that it is of use."""
    study, key = visit.loaded.study, _SAID.get(reason, reason)
    if key == "token":
        return _ask_token(visit)
    screen = _notice(visit, key if key in ("early", "full", "closed") else "unknown")
    waves = [wave.opens for wave in study.waves if wave.id == visit.wave]
    opens = max((moment for moment in (study.opens, *waves) if moment is not None), default=None)
    if key == "early" and opens is not None:
        moment = {"kind": "moment", "text": words(screen.language).texts["early.opens"], "moment": opens.isoformat()}
        return replace(screen, blocks=(moment,))
    return screen


def _ask_token(visit: Visit) -> Screen:
    study = visit.loaded.study
    w = words(visit.language or _proposed(study.languages))
    kept = {"lang": visit.language, "src": visit.source, "wave": visit.wave}
    kept |= {each.name: visit.external.get(each.name, "") for each in study.parameters}
    query = urlencode({name: value for name, value in kept.items() if value} | {"token": ""})
    wrong = ({"kind": "notice", "text": w("token.wrong")},) if visit.token == "wrong" else ()
    return Screen(
        id="token",
        language=w.language,
        title=w("token.title"),
        paragraphs=(w("token.text"),),
        blocks=(*wrong, text_line("token", w("token.label"), w("token.hint"), w("token.missing"))),
        buttons=(Button("token", w("token.open"), value=f"/s/{visit.slug}?{query}"),),
        languages=study.languages,
    )


def _restart(visit: Visit) -> Screen:
    """The link lost its key: the study's own address gives a new one."""
    w = words(_proposed(languages()))
    button = Button("open", w("restart.open"), value=f"/s/{visit.slug}")
    return Screen("restart", w.language, w("restart.title"), paragraphs=(w("restart.text"),), buttons=(button,))


def _notice(visit: Visit, key: str) -> Screen:
    w = words(visit.language or _proposed(languages()))
    return Screen(key, w.language, w(f"{key}.title"), paragraphs=(w(f"{key}.text"),))


def _proposed(languages: tuple[str, ...]) -> str:
    """The language of the browser, where it is offered."""
    wanted = (st.context.locale or "").replace("_", "-").split("-")[0].lower()
    return wanted if wanted in languages else languages[0]


def _owner(key: str) -> str:
    """Under this name the phone keeps its draft: another respondent on the same phone has another."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
