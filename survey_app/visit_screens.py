"""Which screen stands at a respondent's visit: language, consent, the influencers, the pages, thanks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from survey_app.admission import standing
from survey_app.context import StudyContext
from survey_app.journey import answers_about, facts_of
from survey_app.questionnaire import (
    Button,
    Post,
    Screen,
    as_paragraphs,
    ask_name,
    ask_own_code,
    ask_page,
    choose_influencers,
    seconds_for,
    text_line,
    tick_box,
)
from survey_app.study import completion_link
from survey_app.visit import NAMING, Visit
from survey_app.words import languages, words

_SAID = {"draft": "unknown", "foreign": "unknown", "wave": "unknown", "late": "closed", "young": "closed"}
"""Why somebody is not let in, where another sentence says it as well."""


def screen_of(visit: Visit) -> Screen:
    """What stands on the phone now."""
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
    first = _proposed(visit, study.languages)
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
    w = words(visit.language or _proposed(visit, visit.loaded.study.languages))
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
        post=Post(visit.key, step.page, step.influencer, begun.saves, visit.returned),
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
    screen = notice(visit, key if key in ("early", "full", "closed") else "unknown")
    waves = [wave.opens for wave in study.waves if wave.id == visit.wave]
    opens = max((moment for moment in (study.opens, *waves) if moment is not None), default=None)
    if key == "early" and opens is not None:
        moment = {"kind": "moment", "text": words(screen.language).texts["early.opens"], "moment": opens.isoformat()}
        return replace(screen, blocks=(moment,))
    return screen


def _ask_token(visit: Visit) -> Screen:
    study = visit.loaded.study
    w = words(visit.language or _proposed(visit, study.languages))
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


def restart(visit: Visit) -> Screen:
    """The link lost its key: the study's own address gives a new one."""
    w = words(_proposed(visit, languages()))
    button = Button("open", w("restart.open"), value=f"/s/{visit.slug}")
    return Screen("restart", w.language, w("restart.title"), paragraphs=(w("restart.text"),), buttons=(button,))


def notice(visit: Visit, key: str) -> Screen:
    """A calm sentence, by its key in the interface texts, and nothing else."""
    w = words(visit.language or _proposed(visit, languages()))
    return Screen(key, w.language, w(f"{key}.title"), paragraphs=(w(f"{key}.text"),))


def _proposed(visit: Visit, languages: tuple[str, ...]) -> str:
    """The language of the browser, where it is offered."""
    wanted = visit.locale.replace("_", "-").split("-")[0].lower()
    return wanted if wanted in languages else languages[0]


def _owner(key: str) -> str:
    """Under this name the phone keeps its draft: another respondent on the same phone has another."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
