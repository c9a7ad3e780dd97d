"""What a phone sends, held against what the instrument declares: nothing else may reach the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from analysis.errors import DataError, Problem
from analysis.instrument import Instrument, Item

Answer: TypeAlias = int | float | str | None

LONGEST_TEXT = 2_000
"""Characters of a typed answer; more is refused."""

LARGEST_NUMBER = 10**15
"""Beyond this a number is no answer, and a database would round it."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def accept_answers(instrument: Instrument, page_id: str, sent: object) -> dict[str, Answer]:
    """Which declared values are in what was sent for this page?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire the participation answers.
    page_id : str
        The page the answers belong to.
    sent : object
        Whatever arrived; only a mapping of item id to value is of use. `None` means left open.

    Returns
    -------
    dict
        Item id to declared value, to number, to text, or to None where the item was left open.

    Raises
    ------
    DataError
        For an unknown page, an item of another page, a value that is not declared, a number out
        of range or a text over 2,000 characters; all problems of the page together.
    """
    try:
        page = instrument.page(page_id)
    except (KeyError, TypeError):
        raise DataError(Problem("page", f"{_shown(page_id)} is not in this questionnaire", "Reload it.")) from None
    if not isinstance(sent, Mapping):
        raise DataError(Problem(f"page {page_id!r}", "the answers are no table of item and value", "Send them again."))
    answers: dict[str, Answer] = {}
    problems: list[Problem] = []
    for id, value in sent.items():
        if not isinstance(id, str) or id not in page.items:
            problems.append(Problem(f"page {page_id!r}", f"{_shown(id)} is no item of it", "Leave it out."))
            continue
        try:
            answers[id] = _accept(instrument.item(id), value)
        except ValueError as refusal:
            problems.append(Problem(f"item {id!r}", f"{_shown(value)} {refusal}", "Give the answer again."))
    if problems:
        raise DataError(*problems)
    return answers


def missing_items(instrument: Instrument, page_id: str, answers: Mapping[str, Answer]) -> list[str]:
    """Which required items of the page have no answer yet, in the page's order?"""
    items = (instrument.item(id) for id in instrument.page(page_id).items)
    return [item.id for item in items if item.required and answers.get(item.id) is None]


def _accept(item: Item, value: object) -> Answer:
    if value is None:
        return None
    if item.kind == "text":
        return _text(value)
    if item.kind == "number":
        return _number(item, value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("is not one of the declared values")
    if item.choices is None or value not in item.choices.values:
        raise ValueError("is not one of the declared values")
    return value


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        raise ValueError("is not a text")
    text = _UNPRINTABLE.sub("", value.replace("\r\n", "\n")).strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT:,} characters")
    return text or None


def _number(item: Item, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:  # also refuses NaN
        raise ValueError("is not a number a database can keep exactly")
    if item.minimum is not None and value < item.minimum:
        raise ValueError(f"is below {item.minimum:g}")
    if item.maximum is not None and value > item.maximum:
        raise ValueError(f"is above {item.maximum:g}")
    return int(value) if float(value).is_integer() else float(value)


def _shown(value: object) -> str:
    """The value as a message may quote it: short, and never the repr of something large."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:37]}...")
    if isinstance(value, int | float) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        return repr(value)
    return f"a value of type {type(value).__name__}"
