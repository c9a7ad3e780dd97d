"""What stands on a respondent's screen. The only place that knows widgets; all of them are one component of ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any

import streamlit as st

from analysis.instrument import Instrument, Item, Page
from survey_app.answers import LONGEST_TEXT, Answer
from survey_app.components.questions import SCRIPT
from survey_app.words import Words, words

KEY = "ask"
"""The component's key, and its name in the session: one component, whatever the screen."""

LONGEST_NAME = 100

_SECONDS = {"likert": 6, "single": 8, "number": 8, "text": 30}
"""How long one item takes, roughly, for the time that is left."""

# Streamlit sends an inline script with every page. So this one only fetches the real one, which the phone keeps;
# a phone in a tunnel asks again, under another address because a browser remembers a module that failed.
_likert = st.components.v2.component(
    "parasol_likert",
    js="""
const load = async (address, attempt = 0) => {
  try {
    return await import(new URL(attempt ? `${address}?${attempt}` : address, document.baseURI))
  } catch {
    await new Promise(resolve => setTimeout(resolve, 1000 * Math.min(attempt + 1, 8)))
    return load(address, attempt + 1)
  }
}
export default async component => (await load(component.data.script)).default(component)
""",
)


@dataclass(frozen=True)
class Button:
    """A button of a screen; the first one of a screen is also pressed by Enter."""

    event: str
    label: str
    kind: str = "primary"
    value: str = ""
    language: str | None = None


@dataclass(frozen=True)
class Post:
    """Where the phone sends a page of answers before it asks for the next one."""

    key: str
    page: str
    influencer: str = ""
    address: str = "/answers"


@dataclass(frozen=True)
class Screen:
    """All that stands on the respondent's screen at one moment. Texts are plain texts, never markup."""

    id: str
    language: str
    title: str
    paragraphs: tuple[str, ...] = ()
    blocks: tuple[dict[str, Any], ...] = ()
    buttons: tuple[Button, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    back: bool = False
    stacked: bool = False
    progress: dict[str, Any] | None = None
    languages: tuple[str, ...] = ()
    post: Post | None = None
    owner: str = ""
    code: str = ""
    closing: tuple[str, ...] = ()
    saved: bool = False
    retry: int = 0


@dataclass(frozen=True)
class Sent:
    """What the phone tells: which button on which screen, with which answers, saved by the server's route or not.

    `nonce` names one press of a button; the phone may tell of it several times, each another `attempt`.
    """

    event: str
    value: str
    screen: str
    language: str
    answers: object
    saved: bool
    nonce: str
    attempt: int


@dataclass(frozen=True)
class Reply:
    """What came of the last `Sent`: nothing more to do, the store is away, or items are missing."""

    nonce: str = ""
    attempt: int = 0
    failed: bool = False
    missing: tuple[str, ...] = ()


def show_screen(screen: Screen, reply: Reply, on_sent: Callable[[], None]) -> Sent | None:
    """Put the screen on the phone; what was sent with this run, if anything was.

    `on_sent` is called before the run, except in the first run of a session (which a phone begins by itself
    when its connection was away for long): what is returned then has not been looked at by anybody.
    """
    _likert(key=KEY, data=_shown(screen, reply), on_sent_change=on_sent)
    return read_sent()


def read_sent() -> Sent | None:
    """What the phone sent with this run. It may be anything: all of it is held against what is expected."""
    state = st.session_state.get(KEY)
    told = state.get("sent") if isinstance(state, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    names = ("event", "value", "screen", "language", "nonce")
    texts = {name: text[:200] if isinstance(text := told.get(name), str) else "" for name in names}
    attempt = told.get("attempt")
    saved = told.get("saved") is True
    return Sent(**texts, answers=told.get("answers"), saved=saved, attempt=attempt if isinstance(attempt, int) else 0)


def ask_page(
    instrument: Instrument,
    page: Page,
    language: str,
    *,
    answers: Mapping[str, Answer],
    influencer: str,
    seed: str,
    step: int,
    steps: int,
    later: tuple[Page, ...],
    **rest: Any,
) -> Screen:
    """The screen of one page of an instrument.

    Parameters
    ----------
    instrument, page, language
        What is asked, and in which language.
    answers : mapping
        What was answered on this page before.
    influencer : str
        Replaces `{influencer}` in every text.
    seed : str
        Decides the order where it is random: the same participation always sees the same one.
    step, steps : int
        "Page `step` of `steps`".
    later : tuple of Page
        The pages that follow, for the time that is left.
    **rest
        Further fields of `Screen`.
    """
    w = words(language)
    items = [instrument.item(id) for id in item_order(page, seed)]
    left = sum(_SECONDS[instrument.item(id).kind] for one in (page, *later) for id in one.items)
    return Screen(
        id=page.id,
        language=language,
        title=_filled(page.title, language, influencer),
        paragraphs=as_paragraphs(_filled(page.intro, language, influencer)),
        blocks=tuple(_blocks(items, language, influencer, w)),
        buttons=(Button("next", w("respondent.next") if later else w("respondent.send")),),
        answers={id: answers[id] for id in page.items if answers.get(id) is not None},
        order=tuple(item.id for item in items),
        progress=progress(step, steps, left, w),
        **rest,
    )


def ask_name(language: str, *, name: str, step: int, steps: int, later: tuple[Page, ...], **rest: Any) -> Screen:
    """The screen on which respondents name the influencer they follow."""
    w = words(language)
    item = {
        "id": "influencer", "text": w("influencer.label"), "hint": w("influencer.hint"), "required": True,
        "missing": w("influencer.missing"), "longest": LONGEST_NAME,
    }  # fmt: skip
    left = 10 + sum(_SECONDS["likert"] * len(page.items) for page in later)
    return Screen(
        id="influencer",
        language=language,
        title=w("influencer.title"),
        paragraphs=(w("influencer.intro"),),
        blocks=({"kind": "line", "items": [item]},),
        buttons=(Button("next", w("respondent.next")),),
        answers={"influencer": name} if name else {},
        progress=progress(step, steps, left, w),
        **rest,
    )


def item_order(page: Page, seed: str) -> tuple[str, ...]:
    """The order in which a participation sees the items of a page."""
    items = list(page.items)
    if page.order == "random":
        random.Random(f"{seed}:{page.id}").shuffle(items)
    return tuple(items)


def asks_about_influencer(instrument: Instrument) -> bool:
    """Does any page or item of the instrument speak of the influencer a respondent names?"""
    texts = [text for page in instrument.pages for part in (page.title, page.intro) for text in part.values()]
    texts += [text for item in instrument.items for part in (item.text, item.hint) for text in part.values()]
    return any(page.per_influencer for page in instrument.pages) or any("{influencer}" in text for text in texts)


def progress(step: int, steps: int, seconds: int, w: Words) -> dict[str, Any]:
    """How far it is, in words and as a share."""
    minutes = round(seconds / 60)
    left = w("respondent.left", n=minutes) if minutes else w("respondent.moment")
    return {"text": f"{w('respondent.progress', page=step, pages=steps)}, {left}", "share": round(step / steps, 3)}


def _blocks(items: list[Item], language: str, influencer: str, w: Words) -> list[dict[str, Any]]:
    """Neighbours that are answered in the same way stand in one matrix; everything else stands alone."""

    def matrix(item: Item) -> tuple[str, str]:
        alone = item.kind != "likert" or item.choices is None
        return (item.kind, item.id if alone or item.choices is None else item.choices.id)

    blocks = []
    for _, together in groupby(items, matrix):
        group = list(together)
        first = group[0]
        block: dict[str, Any] = {"kind": "matrix" if first.kind == "likert" else first.kind}
        if first.choices is not None:
            block |= {"values": list(first.choices.values), "labels": list(first.choices.labels[language])}
        block["items"] = [_field(item, language, influencer, w) for item in group]
        blocks.append(block)
    return blocks


def _field(item: Item, language: str, influencer: str, w: Words) -> dict[str, Any]:
    asked = {"likert": "choice", "single": "choice"}.get(item.kind, item.kind)
    shown: dict[str, Any] = {
        "id": item.id,
        "text": _filled(item.text, language, influencer),
        "required": item.required,
        "missing": w(f"respondent.missing.{asked}"),
    }
    if item.hint.get(language):
        shown["hint"] = _filled(item.hint, language, influencer)
    if item.kind == "text":
        shown["longest"] = LONGEST_TEXT
    if item.kind == "number":
        shown |= {"minimum": item.minimum, "maximum": item.maximum, "longest": 20}
        shown |= {"unreadable": w("respondent.wrong.number"), "outside": _outside(item, w)}
    return shown


def _outside(item: Item, w: Words) -> str:
    which = {(True, True): "between", (True, False): "least", (False, True): "most"}
    form = which.get((item.minimum is not None, item.maximum is not None), "number")
    limits = {"minimum": item.minimum, "maximum": item.maximum}
    return w(f"respondent.wrong.{form}", **{name: f"{value:g}" for name, value in limits.items() if value is not None})


def _filled(text: Mapping[str, str], language: str, influencer: str) -> str:
    return text.get(language, "").replace("{influencer}", influencer or words(language)("influencer.here"))


def as_paragraphs(text: str) -> tuple[str, ...]:
    """A longer text as the paragraphs of a screen: they stand between empty lines; lines with "- " make a list."""
    return tuple(part.strip() for part in text.split("\n\n") if part.strip())


def _shown(screen: Screen, reply: Reply) -> dict[str, Any]:
    w = words(screen.language)
    return {
        "script": SCRIPT,
        "screen": screen.id,
        "owner": screen.owner,
        "language": screen.language,
        "title": screen.title,
        "paragraphs": list(screen.paragraphs),
        "blocks": list(screen.blocks),
        "buttons": [vars(button) for button in screen.buttons],
        "answers": dict(screen.answers),
        "order": list(screen.order),
        "back": w("respondent.back") if screen.back else "",
        "stacked": screen.stacked,
        "progress": screen.progress,
        "languages": [
            {"language": code, "label": words(code)("language.name")}
            for code in screen.languages
            if code != screen.language
        ],
        "post": vars(screen.post) if screen.post else None,
        "code": {"value": screen.code, "label": w("thanks.code"), "text": w("thanks.keep")} if screen.code else None,
        "closing": list(screen.closing),
        "saved": screen.saved,
        "retry": screen.retry,
        "words": _component_words(screen.language),
        "reply": {
            "nonce": reply.nonce, "attempt": reply.attempt, "failed": reply.failed, "missing": list(reply.missing),
        },
    }  # fmt: skip


@cache
def _component_words(language: str) -> dict[str, Any]:
    """The texts the component may need at any moment."""
    w = words(language)
    return {
        "optional": w("respondent.optional"),
        "clear": w("respondent.clear"),
        "summary": {form: w.texts[f"respondent.summary.{form}"] for form in ("one", "other")},
        "refused": w("respondent.wrong.refused"),
        "draft": w("respondent.status.draft"),
        "sending": w("respondent.status.sending"),
        "saved": w("respondent.status.saved"),
        "away": {"title": w("respondent.away.title"), "text": w("respondent.away.text")},
        "copy": w("thanks.copy"),
        "copied": w("thanks.copied"),
    }
