"""What stands before one respondent: pages and items whose conditions hold, texts with earlier answers in them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby

from analysis.instrument import Instrument, Item, Page
from analysis.kinds import DECLINED, OTHER, Answer
from analysis.show_if import parse_condition

NOTHING = "…"
"""Stands in a text where the answer it should hold was not given."""

_LONGEST = 200
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")


@dataclass(frozen=True)
class Facts:
    """What conditions and texts may ask about a respondent besides answers; "" where there is none."""

    condition: str = ""
    language: str = ""
    wave: str = ""
    influencer: str = ""


def shown_pages(instrument: Instrument, answers: Mapping[str, Answer], facts: Facts) -> dict[str, tuple[str, ...]]:
    """Which pages does this respondent see, and which items on each?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire.
    answers : mapping of str to answer
        All answers so far by item, those about one influencer together with those given once.
    facts : Facts
        About the respondent; the influencer is the one these answers are about.

    Returns
    -------
    dict
        Page id to the ids of its items that are shown, both in the instrument's order. A page without any item
        left is not among them.

    Notes
    -----
    An answer to an item that is hidden by now counts as not given, so that going back and changing an answer has all
    its consequences.

    Checked against
    ---------------
    tests/analysis/test_shown.py: each rule by itself; generated questionnaires with any answers.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> showcase = load_instrument("showcase")
    >>> list(shown_pages(showcase, {"follows": 0, "age": 30}, Facts(language="en")))
    ['start', 'choosing', 'rating', 'likeness', 'writing']
    """
    if not instrument.conditional:
        return {page.id: page.items for page in instrument.pages}
    known: dict[str, Answer] = dict(asdict(facts))
    shown: dict[str, tuple[str, ...]] = {}
    for page in instrument.pages:
        items: list[str] = []
        for id in page.items if _holds(page.show_if, known) else ():
            if _holds(instrument.item(id).show_if, known):
                items.append(id)
                known[id] = answers.get(id)
        if items:
            shown[page.id] = tuple(items)
    return shown


def shown_items(instrument: Instrument, page: Page, answers: Mapping[str, Answer], facts: Facts) -> tuple[str, ...]:
    """Which items of this page does this respondent see? None of them where the page itself is hidden.

    Parameters
    ----------
    instrument, page
        The questionnaire, and a page of it.
    answers, facts
        As for `shown_pages`.

    Returns
    -------
    tuple of str
        Item ids in the page's order.

    Checked against
    ---------------
    tests/analysis/test_shown.py, through `shown_pages`: items follow answers of the same page and the condition.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> showcase = load_instrument("showcase")
    >>> shown_items(showcase, showcase.page("choosing"), {"follows": 1, "topics": [1, 5]}, Facts())
    ('follows', 'place', 'topics', 'news_source', 'reasons')
    """
    return shown_pages(instrument, answers, facts).get(page.id, ())


def page_order(instrument: Instrument, seed: str) -> tuple[str, ...]:
    """In which order does this person see the pages, where some of them change places?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire.
    seed : str
        What the order is drawn from; the id of a participation.

    Returns
    -------
    tuple of str
        Page ids; empty where the order is that of the instrument for everybody.

    Notes
    -----
    Only the pages of a block change places, with each other, all orders being equally likely.

    Checked against
    ---------------
    Its own promise, drawn for many people, in tests/survey_app/test_journey.py (`page_order`).

    Examples
    --------
    >>> from dataclasses import replace
    >>> from analysis.instrument import load_instrument
    >>> core = load_instrument("psi_core")
    >>> page_order(core, "p1")
    ()
    >>> pages = [replace(page, block="them") if number in (1, 2) else page for number, page in enumerate(core.pages)]
    >>> [page.id for page in core.pages[:5]]
    ['exposure', 'social', 'homophily', 'physical', 'psi']
    >>> page_order(replace(core, pages=tuple(pages)), "p4")[:5]
    ('exposure', 'homophily', 'social', 'physical', 'psi')
    """
    if not any(page.block for page in instrument.pages):
        return ()
    ordered: list[str] = []
    for block, group in groupby(instrument.pages, key=lambda page: page.block):
        pages = [page.id for page in group]
        if block:
            random.Random(f"{seed}:block {block}").shuffle(pages)
        ordered += pages
    return tuple(ordered)


def piped_texts(instrument: Instrument, answers: Mapping[str, Answer], facts: Facts) -> dict[str, str]:
    """What stands for each `{placeholder}` of a text, in the respondent's language?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire.
    answers, facts
        As for `shown_pages`.

    Returns
    -------
    dict
        `influencer`, `condition` and every item to plain text: the label of the choice (several of them with
        commas), the number, the day, or the words typed (200 characters of them). "…" where there is no answer.

    Checked against
    ---------------
    tests/analysis/test_shown.py: an answer of each kind in words; hostile words stay words.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> piped = piped_texts(load_instrument("showcase"), {"topics": [2, 4], "age": -99}, Facts(language="nl"))
    >>> piped["topics"], piped["age"]
    ('Eten, Games', '…')
    """
    piped = {item.id: _in_words(item, answers, facts.language) for item in instrument.items}
    return piped | {"influencer": facts.influencer or NOTHING, "condition": facts.condition or NOTHING}


def fill(text: str, piped: Mapping[str, str]) -> str:
    """The text with its placeholders filled in, once: braces in what is filled in stay as they are.

    Parameters
    ----------
    text : str
        With placeholders such as `{influencer}`.
    piped : mapping of str to str
        What `piped_texts` gave. Other placeholders stay as they are.

    Returns
    -------
    str
        Plain text, to be shown as text and never as markup.

    Checked against
    ---------------
    tests/analysis/test_shown.py: what is filled in is not read again, other braces stay.

    Examples
    --------
    >>> fill("Do you trust {influencer}?", {"influencer": "{age} <b>"})
    'Do you trust {age} <b>?'
    """
    return _PLACEHOLDER.sub(lambda found: piped.get(found[1], found[0]), text)


def _holds(condition: str, known: Mapping[str, Answer]) -> bool:
    return not condition or parse_condition(condition).holds(known)


def _in_words(item: Item, answers: Mapping[str, Answer], language: str) -> str:
    answer = answers.get(item.id)
    if answer is None or answer == DECLINED or item.kind == "consent":
        return NOTHING
    if item.choices is None:
        return _cut(str(answer))
    labels: dict[object, str] = dict(zip(item.choices.values, item.choices.labels.get(language, ()), strict=False))
    words = _cut(str(answers.get(f"{item.id}_other") or NOTHING))
    chosen = answer if isinstance(answer, list) else [answer]
    return ", ".join(words if value == OTHER else labels.get(value, NOTHING) for value in chosen)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + NOTHING
