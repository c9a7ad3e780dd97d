"""What stands on a respondent's screen, as the component on the phone gets it (components/ask.py)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import segno

from analysis.instrument import Instrument, Item, Page
from analysis.kinds import DECLINED, OTHER, SEVERAL, Answer
from analysis.show_if import parse_condition
from analysis.shown import Facts, piped_texts, shown_pages
from survey_app.answers import FIRST_YEAR, LAST_YEAR, LONGEST_OTHER, longest_text
from survey_app.components.questions import SCRIPT
from survey_app.journey import item_order
from survey_app.media import shown_kind
from survey_app.study import CodePart, Influencer
from survey_app.words import Words, direction, words

LONGEST_NAME = 100

_SECONDS = {
    "likert": 6, "semantic": 6, "single": 8, "multiple": 10, "number": 8, "slider": 7, "text": 20, "long_text": 45,
    "date": 12, "ranking": 20, "info": 8, "consent": 8,
}  # fmt: skip
"""How long one item takes, roughly, for the time that is left."""

_MISSING = {
    "likert": "choice", "semantic": "choice", "single": "choice", "multiple": "several", "ranking": "order",
    "long_text": "text",
}  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
_FACTS = frozenset({"influencer", "condition"})

Text = str | list[str | dict[str, str]]
"""A text of the screen, or its parts where an answer given on the same screen stands in it: `{"item": id}`."""


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
    """Where the phone sends a page of answers; `saves` were sent before, and `returned` is somebody who had left."""

    key: str
    page: str
    influencer: str = ""
    saves: int = 0
    returned: bool = False
    address: str = "/answers"


@dataclass(frozen=True)
class Screen:
    """All that stands on the respondent's screen at one moment. Texts are plain texts, never markup.

    `about` stands above the title. `known` are earlier answers which conditions on this screen ask about. `handover`
    offers to go on elsewhere. After `retry` seconds the screen asks again by itself.
    """

    id: str
    language: str
    title: Text
    about: str = ""
    paragraphs: Sequence[Text] = ()
    blocks: tuple[dict[str, Any], ...] = ()
    known: Mapping[str, Answer] = field(default_factory=dict)
    buttons: tuple[Button, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    back: bool = False
    stacked: bool = False
    progress: dict[str, Any] | None = None
    languages: tuple[str, ...] = ()
    post: Post | None = None
    owner: str = ""
    finished: bool = False
    saved: bool = False
    handover: bool = False
    retry: int = 0


@dataclass(frozen=True)
class Sent:
    """What the phone tells: which button on which screen, with which answers, saved by the server's route or not.

    `nonce` names one press of a button; the phone may tell of it several times, each another `attempt`. `sequence`
    numbers the saves of one respondent.
    """

    event: str
    value: str
    screen: str
    language: str
    answers: object
    saved: bool
    nonce: str
    attempt: int
    sequence: int | None


@dataclass(frozen=True)
class Reply:
    """What came of the last `Sent`: nothing more to do, the store is away, or items with a problem.

    `problems` holds for each item the key of a message: `missing`, or that of an `answers.Refusal`. `drawing` is a
    QR code that was asked for.
    """

    nonce: str = ""
    attempt: int = 0
    failed: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)
    drawing: Mapping[str, Any] | None = None


# -- a page of the questionnaire ------------------------------------------------------------------------------------


def ask_page(
    instrument: Instrument,
    page: Page,
    facts: Facts,
    *,
    name: str,
    answers: Mapping[str, Answer],
    earlier: Mapping[str, Answer],
    seed: str,
    step: int,
    steps: int,
    seconds: int,
    **rest: Any,
) -> Screen:
    """The screen of one page of an instrument.

    Parameters
    ----------
    instrument, page
        What is asked.
    facts : Facts
        What is known of the respondent; the influencer is the id of the one this page is about.
    name : str
        What that influencer is called; replaces `{influencer}` in every text.
    answers, earlier : mapping
        What was answered on this page before, and on all the others.
    seed : str
        Decides the order where it is random: the same participation always sees the same one.
    step, steps, seconds : int
        "Page `step` of `steps`", and how long the rest takes, with this page.
    **rest
        Further fields of `Screen`.
    """
    w = words(facts.language)
    known = _known(instrument, page, earlier, answers, facts)
    items = [item for id in item_order(page, seed) if _may_be_shown(item := instrument.item(id), page, known)]
    texts = _Texts(facts.language, _piped(instrument, page, earlier, facts, name), frozenset(item.id for item in items))
    names = [name for id in page.items for name in (id, f"{id}_other")]
    return Screen(
        id=rest.pop("id", page.id),
        language=facts.language,
        title=texts.of(page.title),
        paragraphs=[texts.filled(part) for part in as_paragraphs(page.intro.get(facts.language, ""))],
        blocks=tuple(_blocks(items, page, texts, w)),
        known={name: known[name] for item in items for name in _asked(item) if name in known},
        buttons=(Button("next", w("respondent.next") if step < steps else w("respondent.send")),),
        answers={name: answers[name] for name in names if answers.get(name) is not None},
        order=tuple(item.id for item in items),
        progress=progress(step, steps, seconds, w),
        **rest,
    )


def seconds_for(instrument: Instrument, pages: Iterable[str]) -> int:
    """How long do these pages take, roughly?"""
    return sum(_SECONDS[instrument.item(id).kind] for page in pages for id in instrument.page(page).items)


def progress(step: int, steps: int, seconds: int, w: Words) -> dict[str, Any]:
    """How far it is, in words and as a share."""
    minutes = round(seconds / 60)
    left = w("respondent.left", n=minutes) if minutes else w("respondent.moment")
    return {"text": f"{w('respondent.progress', page=step, pages=steps)}, {left}", "share": round(step / steps, 3)}


def as_paragraphs(text: str) -> tuple[str, ...]:
    """A longer text as the paragraphs of a screen: they stand between empty lines; lines with "- " make a list."""
    return tuple(part.strip() for part in text.split("\n\n") if part.strip())


def _known(
    instrument: Instrument, page: Page, earlier: Mapping[str, Answer], answers: Mapping[str, Answer], facts: Facts
) -> dict[str, Answer]:
    """What conditions on this page may ask about: the facts, and answers to what is shown on other pages."""
    if not instrument.conditional:
        return {}
    shown = shown_pages(instrument, {**earlier, **answers}, facts)
    others = (id for other, ids in shown.items() if other != page.id for id in ids)
    return asdict(facts) | {id: earlier[id] for id in others if earlier.get(id) is not None}


def _asked(item: Item) -> tuple[str, ...]:
    return parse_condition(item.show_if).names if item.show_if else ()


def _may_be_shown(item: Item, page: Page, known: Mapping[str, Answer]) -> bool:
    """Is the item shown, or can an answer on this page make it so?"""
    asked = _asked(item)
    return not asked or any(name in page.items for name in asked) or parse_condition(item.show_if).holds(known)


def _piped(
    instrument: Instrument, page: Page, earlier: Mapping[str, Answer], facts: Facts, name: str
) -> dict[str, str]:
    """What stands for each placeholder; earlier answers are looked up only where the page has a place for them."""
    shown = [instrument.item(id) for id in page.items]
    parts = [page.title, page.intro]
    parts += [part for item in shown for part in (item.text, item.hint, item.help, item.left, item.right, item.alt)]
    asked = {found for part in parts for found in _PLACEHOLDER.findall(part.get(facts.language, ""))}
    piped = piped_texts(instrument, earlier, facts) if asked - _FACTS else {"condition": facts.condition}
    return piped | {"influencer": name or words(facts.language)("influencer.here")}


@dataclass(frozen=True)
class _Texts:
    """The texts of a page in one language, with their placeholders filled in as far as is known."""

    language: str
    piped: Mapping[str, str]
    here: frozenset[str]

    def of(self, text: Mapping[str, str]) -> Text:
        return self.filled(text.get(self.language, ""))

    def filled(self, text: str) -> Text:
        if "{" not in text:
            return text
        parts: list[str | dict[str, str]] = [""]
        for place, part in enumerate(_PLACEHOLDER.split(text)):
            if place % 2 and part in self.here:
                parts += [{"item": part}, ""]
            else:
                parts[-1] = f"{parts[-1]}{self.piped.get(part, f'{{{part}}}') if place % 2 else part}"
        return parts if len(parts) > 1 else str(parts[0])


def _blocks(items: Sequence[Item], page: Page, texts: _Texts, w: Words) -> list[dict[str, Any]]:
    """Neighbours that are answered in the same way stand in one matrix; everything else stands alone."""

    def together(item: Item) -> tuple[str, str]:
        beside = item.kind in ("likert", "semantic") and item.choices is not None
        return (item.kind, item.choices.id if beside and item.choices else item.id)

    blocks = []
    for _, group in groupby(items, together):
        members = list(group)
        first = members[0]
        block: dict[str, Any] = {"kind": "matrix" if first.kind == "likert" else first.kind}
        if first.choices is not None:
            block |= {"values": list(first.choices.values), "labels": list(first.choices.labels[texts.language])}
        block["items"] = [_field(item, page, texts, w) for item in members]
        blocks.append(block)
    return blocks


def _field(item: Item, page: Page, texts: _Texts, w: Words) -> dict[str, Any]:
    """One item as the component shows it; what it does not have is left out."""
    shown: dict[str, Any] = {"id": item.id, "text": texts.of(item.text), "required": item.required}
    shown |= {part: texts.of(told) for part in ("hint", "help", "left", "right") if (told := getattr(item, part))}
    shown |= {part: True for part in ("other", "decline") if getattr(item, part)}
    asked = _asked(item)
    if any(name in page.items for name in asked):
        shown["when"] = parse_condition(item.show_if).tree
    if item.kind == "info":
        return shown | ({"media": _media(item, texts)} if item.media else {})
    shown["messages"] = {"missing": w(f"respondent.missing.{_MISSING.get(item.kind, item.kind)}")}
    if item.kind in ("number", "slider"):
        shown |= {part: limit for part in ("minimum", "maximum", "step") if (limit := getattr(item, part)) is not None}
        shown["messages"] |= _number_messages(item, w)
    if item.kind in ("text", "long_text"):
        longest = longest_text(item)
        shown["longest"] = longest
        shown["messages"]["long"] = w("respondent.wrong.long", longest=longest)
    if item.kind == "date":
        shown |= {"minimum": f"{FIRST_YEAR}-01-01", "maximum": f"{LAST_YEAR}-12-31"}
        shown["messages"]["date"] = w("respondent.wrong.date")
    if item.kind in SEVERAL:
        shown |= _limits(item, w, shown["messages"])
    return shown


def _number_messages(item: Item, w: Words) -> dict[str, str]:
    which = {(True, True): "between", (True, False): "least", (False, True): "most"}
    form = which.get((item.minimum is not None, item.maximum is not None), "number")
    limits = {"minimum": item.minimum, "maximum": item.maximum}
    named = {name: f"{value:.15g}" for name, value in limits.items() if value is not None}
    messages = {"number": w("respondent.wrong.number"), form: w(f"respondent.wrong.{form}", **named)}
    if item.step is not None:
        whole = item.step == 1 and float(item.minimum or 0).is_integer()
        messages["step"] = w(f"respondent.wrong.{'whole' if whole else 'step'}", step=f"{item.step:.15g}")
    return messages


def _limits(item: Item, w: Words, messages: dict[str, str]) -> dict[str, int]:
    """How many answers are to be chosen or ordered, and what is said about fewer and more."""
    offered = (len(item.choices.values) if item.choices else 0) + item.other
    all_of_them = item.kind == "ranking" and not item.maximum_choices
    few = item.minimum_choices or (offered if all_of_them else 1)
    many = item.maximum_choices or offered
    messages["few"] = w("respondent.missing.order") if all_of_them and few == offered else w("respondent.few", n=few)
    messages["many"] = w("respondent.many", n=many)
    return {"fewest": few, "most": many}


def _media(item: Item, texts: _Texts) -> dict[str, str]:
    """An uploaded file as an address of this server; what is elsewhere comes only when the respondent asks for it:
    its host shall learn of nobody unasked.
    """
    alt, kind = item.alt.get(texts.language, ""), shown_kind(item.media)
    if "://" in item.media:
        host = urlsplit(item.media).hostname or ""
        shown = {"kind": "link", "address": item.media, "host": host.removeprefix("www."), "alt": alt}
        return shown | ({"shows": kind} if kind else {})
    return {"kind": kind or "image", "address": f"/files/{item.media}", "alt": alt}


# -- other screens that ask something -------------------------------------------------------------------------------


def ask_name(language: str, *, name: str, step: int, steps: int, seconds: int, **rest: Any) -> Screen:
    """The screen on which respondents name the influencer they follow."""
    w = words(language)
    told = w("influencer.label"), w("influencer.hint"), w("influencer.missing")
    return Screen(
        id="influencer",
        language=language,
        title=w("influencer.title"),
        paragraphs=(w("influencer.intro"),),
        blocks=(text_line("influencer", *told, capitals="words"),),
        buttons=(Button("next", w("respondent.next")),),
        answers={"influencer": name} if name else {},
        progress=progress(step, steps, 10 + seconds, w),
        **rest,
    )


def choose_influencers(
    language: str,
    influencers: Sequence[Influencer],
    *,
    most: int,
    chosen: Sequence[str],
    step: int,
    steps: int,
    seconds: int,
    **rest: Any,
) -> Screen:
    """The screen on which respondents pick, from the study's influencers, whom they rate."""
    w = words(language)
    places = [place for place, influencer in enumerate(influencers) if influencer.id in chosen]
    labels = [influencer.name for influencer in influencers]
    item: dict[str, Any] = {"id": "influencer", "text": w("influencer.choose.label"), "required": True}
    messages = {"missing": w("respondent.missing.choice" if most == 1 else "respondent.missing.several")}
    item |= {"messages": messages | {"many": w("respondent.many", n=most)}, "fewest": 1, "most": most}
    kind = "single" if most == 1 else "multiple"
    return Screen(
        id="influencer",
        language=language,
        title=w("influencer.choose.title"),
        paragraphs=(w("influencer.choose", n=most),),
        blocks=({"kind": kind, "values": list(range(len(labels))), "labels": labels, "items": [item]},),
        buttons=(Button("next", w("respondent.next")),),
        answers={"influencer": places[0] if most == 1 else places} if places else {},
        progress=progress(step, steps, 10 + seconds, w),
        **rest,
    )


def ask_own_code(language: str, parts: Sequence[CodePart], *, problem: str = "", **rest: Any) -> Screen:
    """The screen on which respondents make the code by which waves are matched; `problem` is a key of own_code."""
    w = words(language)
    lengths = [w("own_code.length", n=part.length) for part in parts]
    lines = [
        text_line(part.id, part.text.get(language, ""), length, length, longest=2 * part.length, capitals="characters")
        for part, length in zip(parts, lengths, strict=True)
    ]
    buttons = [Button("code", w("respondent.next"))]
    if problem:
        buttons.append(Button("anyway", w("own_code.anyway"), "plain"))
    return Screen(
        id="own_code",
        language=language,
        title=w("own_code.title"),
        paragraphs=(w("own_code.intro"),),
        blocks=(*([{"kind": "notice", "text": w(f"own_code.{problem}")}] if problem else []), *lines),
        buttons=tuple(buttons),
        stacked=True,
        **rest,
    )


def text_line(
    id: str, text: str, hint: str, missing: str, *, longest: int = LONGEST_NAME, required: bool = True, **rest: Any
) -> dict[str, Any]:
    """A block with one line to type on."""
    item = {"id": id, "text": text, "required": required, "longest": longest, "messages": {"missing": missing}}
    return {"kind": "line", "items": [item | ({"hint": hint} if hint else {}) | rest]}


def tick_box(id: str, text: str, missing: str) -> dict[str, Any]:
    """A block with one box that has to be ticked."""
    return {"kind": "consent", "items": [{"id": id, "text": text, "required": True, "messages": {"missing": missing}}]}


def draw_link(link: str) -> dict[str, Any]:
    """A link as a QR code: the size of the drawing in modules, and the path that fills the dark ones."""
    drawing = io.BytesIO()
    code = segno.make(link, error="m", micro=False)
    code.save(drawing, kind="svg", border=0, xmldecl=False, svgns=False, omitsize=True)
    found = re.search(r' d="([^"]*)"', drawing.getvalue().decode())
    return {"size": code.symbol_size(border=0)[0], "path": found[1] if found else "", "link": link}


# -- what the component is given ------------------------------------------------------------------------------------


def shown(screen: Screen, reply: Reply) -> dict[str, Any]:
    """A screen as the phone's component takes it, as JSON."""
    w = words(screen.language)
    kinds = frozenset(block["kind"] for block in screen.blocks)
    answered = {"nonce": reply.nonce, "attempt": reply.attempt, "failed": reply.failed}
    answered |= {"problems": dict(reply.problems)}
    if reply.drawing is not None:
        answered |= {"drawing": dict(reply.drawing), "words": _handover_words(screen.language)}
    return {
        "script": SCRIPT,
        "screen": screen.id,
        "owner": screen.owner,
        "language": screen.language,
        "direction": direction(screen.language),
        "about": screen.about,
        "title": screen.title,
        "paragraphs": list(screen.paragraphs),
        "blocks": list(screen.blocks),
        "known": dict(screen.known),
        "buttons": [vars(button) for button in screen.buttons],
        "answers": dict(screen.answers),
        "order": list(screen.order),
        "back": w("respondent.back") if screen.back else "",
        "handover": w("handover.open") if screen.handover else "",
        "stacked": screen.stacked,
        "progress": screen.progress,
        "languages": [
            {"language": code, "label": words(code)("language.name")}
            for code in screen.languages
            if code != screen.language
        ],
        "post": vars(screen.post) if screen.post else None,
        "finished": screen.finished,
        "saved": screen.saved,
        "retry": screen.retry,
        "words": _component_words(screen.language, kinds),
        "reply": answered,
    }


_KIND_WORDS = {
    "slider": {"untouched": "respondent.slider.untouched"},
    "date": {"date_hint": "respondent.date.hint"},
    "long_text": {"until": "respondent.until"},
    "text": {"until": "respondent.until"},
    "info": {
        "open": "respondent.media.open",
        "new_tab": "respondent.media.new",
        "abroad": "respondent.media.abroad",
        "show": "respondent.media.show",
        "gone": "respondent.media.gone",
    },
    "code": {"copy": "thanks.copy", "copied": "thanks.copied"},
}


@cache
def _component_words(language: str, kinds: frozenset[str]) -> dict[str, Any]:
    """The texts the component may need at any moment, and those that blocks of these kinds need."""
    w = words(language)
    told: dict[str, Any] = {
        "optional": w("respondent.optional"),
        "clear": w("respondent.clear"),
        "decline": w("respondent.decline"),
        "other": w("respondent.other"),
        "other_words": w("respondent.other_words"),
        "longest_other": LONGEST_OTHER,
        "declined": DECLINED,
        "other_value": OTHER,
        "help": w("respondent.help"),
        "summary": {form: w.texts[f"respondent.summary.{form}"] for form in ("one", "other")},
        "refused": w("respondent.wrong.refused"),
        "draft": w("respondent.status.draft"),
        "sending": w("respondent.status.sending"),
        "saved": w("respondent.status.saved"),
        "away": {"title": w("respondent.away.title"), "text": w("respondent.away.text")},
    }
    for kind in kinds:
        told |= {name: w.texts[key] for name, key in _KIND_WORDS.get(kind, {}).items()}
    if "ranking" in kinds:
        told["rank"] = {
            form: w.texts[f"respondent.rank.{form}"]
            for form in ("todo", "order", "up", "down", "remove", "place", "done", "removed")
        }
    return told


@cache
def _handover_words(language: str) -> dict[str, str]:
    w = words(language)
    names = ("title", "text", "warning", "qr", "link", "copy", "copied", "close")
    return {name: w(f"handover.{name}") for name in names}
