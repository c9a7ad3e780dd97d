"""What a phone sends, held against what the instrument declares: nothing else may reach the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from analysis.errors import DataError, Problem
from analysis.instrument import Instrument, Item, Page
from analysis.kinds import DECLINED, OTHER, SEVERAL, Answer
from analysis.shown import Facts, shown_items

LONGEST_TEXT = 2_000
LONGEST_LONG_TEXT = 10_000
LONGEST_OTHER = 200
"""Characters of a typed answer: on one line, on several, and behind "other"; more is refused.

Characters are counted as a phone counts what is typed (in units of UTF-16, an emoji being two), so that it stops at the
limit that is held here. None takes more than three bytes in UTF-8: in whatever script it is written, the longest answer
fits into a cell of Excel (32,767 characters) and of SPSS (32,767 bytes), where one that did not would keep all others
from being written.
"""

_KEPT_LONG_TEXT, _KEPT_BYTES = 20_000, 32_000
"""What was the limit of a text on several lines: tables with longer ones, exported before, come back."""

LARGEST_NUMBER = 10**15
"""Beyond this a number is no answer, and a database would round it."""

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Days outside these years are typing errors."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile(r"[\n\t\u2028\u2029]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Refusal:
    """Why the answer to an item was refused: the key under which its messages for the respondent stand.

    | key | means |
    |---|---|
    | `refused` | not among what is declared |
    | `number` | no number |
    | `between`, `least`, `most` | a number out of bounds |
    | `step` | a number between two steps |
    | `date` | no day |
    | `long` | a text too long |
    | `few`, `many` | too few or too many choices |
    """

    item: str
    key: str


class AnswersRefused(DataError):
    """A page of answers that cannot be kept as it is; `refusals` says what a respondent must be told."""

    def __init__(self, problems: list[Problem], refusals: list[Refusal]) -> None:
        super().__init__(*problems)
        self.refusals = tuple(refusals)


class WrongAnswer(Exception):
    """Why one answer is refused; see `Refusal`."""

    def __init__(self, what: str, key: str = "refused") -> None:
        super().__init__(what)
        self.key = key


def accept_answers(
    instrument: Instrument,
    page_id: str,
    sent: object,
    *,
    earlier: Mapping[str, Answer] | None = None,
    facts: Facts | None = None,
) -> dict[str, Answer]:
    """Which declared values are in what was sent for this page?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire the participation answers.
    page_id : str
        The page the answers belong to.
    sent : object
        Whatever arrived; only a mapping of item id to value is of use. `None` means left open.
    earlier : mapping or None
        The answers to other pages by item, and `facts` about the respondent: they decide which items are shown.
        Needed for an instrument with conditions only; without them every item counts as shown.

    Returns
    -------
    dict
        Item id to declared value, to list of declared values (`multiple` in the declared order, `ranking` in the
        order given), to number, text, ISO day or 1 (consent), to -99 (prefers not to say), or to None where the item
        was left open. The words behind "other" stand in `{id}_other`. Answers to hidden items are left out.

    Raises
    ------
    AnswersRefused
        For an unknown page, an item of another page, a value that is not declared, a list that repeats one or has a
        wrong length, a number out of range, a day that does not exist or a text that is too long; all problems of the
        page together.
    """
    page = _page(instrument, page_id)
    if not isinstance(sent, Mapping):
        raise _refused(page_id, "the answers are no table of item and value", "Send them again.")
    words = {f"{id}_other": id for id in page.items if instrument.item(id).other}
    if len(sent) > len(page.items) + len(words):
        raise _refused(page_id, f"{len(sent)} answers were sent for {len(page.items)} items", "Leave out the others.")
    answers: dict[str, Answer] = {}
    wrong: dict[str, tuple[object, WrongAnswer]] = {}
    foreign = []
    for id, value in sent.items():
        try:
            if isinstance(id, str) and id in page.items and instrument.item(id).kind != "info":
                answers[id] = accept_answer(instrument.item(id), value)
            elif isinstance(id, str) and id in words:
                answers[id] = _text(value, LONGEST_OTHER)
            else:
                foreign.append(Problem(f"page {page_id!r}", f"{quoted(id)} is no item of it", "Leave it out."))
        except WrongAnswer as refusal:
            wrong[id] = value, refusal
    for name, id in words.items():
        if name in answers and not _chose_other(answers.get(id)):
            del answers[name]
    if earlier is not None:
        shown = shown_items(instrument, page, {**earlier, **answers}, facts or Facts())
        answers = {id: value for id, value in answers.items() if words.get(id, id) in shown}
        wrong = {id: value for id, value in wrong.items() if words.get(id, id) in shown}
    if foreign or wrong:
        problems = [
            Problem(f"item {id!r}", f"{quoted(value)} {refusal}", "Give the answer again.")
            for id, (value, refusal) in wrong.items()
        ]
        refusals = [Refusal(words.get(id, id), said.key) for id, (_, said) in wrong.items()]
        raise AnswersRefused([*problems, *foreign], refusals)
    return answers


def missing_items(
    instrument: Instrument,
    page_id: str,
    answers: Mapping[str, Answer],
    *,
    earlier: Mapping[str, Answer] | None = None,
    facts: Facts | None = None,
) -> list[str]:
    """Which required items of the page have no answer yet, in the page's order? A hidden item is never missing.

    `earlier` and `facts` as for `accept_answers`.
    """
    page = instrument.page(page_id)
    shown = page.items
    if earlier is not None:
        shown = shown_items(instrument, page, {**earlier, **answers}, facts or Facts())
    return [id for id in shown if instrument.item(id).required and answers.get(id) is None]


def longest_text(item: Item) -> int:
    """How many characters may be typed as an answer?"""
    return LONGEST_LONG_TEXT if item.kind == "long_text" else LONGEST_TEXT


def accept_answer(item: Item, value: object, *, kept: bool = False) -> Answer:
    """The declared value that was sent for one item; `WrongAnswer` for anything else.

    Of a table (`kept`), a text on several lines may be as long as it ever was allowed to be.
    """
    if value is None:
        return None
    if item.decline and _is_whole(value) and value == DECLINED:
        return DECLINED
    if item.kind in ("text", "long_text"):
        return _text(value, longest_text(item), lines=item.kind == "long_text", kept=kept)
    if item.kind == "date":
        return _day(value)
    if item.kind in ("number", "slider"):
        return _number(item, value)
    if item.kind in SEVERAL:
        return _several(item, value)
    offered = _offered(item)
    if not _is_whole(value) or value not in offered:
        raise WrongAnswer(f"is not among the declared values, {min(offered)} to {max(offered)}")
    return int(value)


def _page(instrument: Instrument, page_id: str) -> Page:
    try:
        return instrument.page(page_id)
    except (KeyError, TypeError):
        problem = Problem("page", f"{quoted(page_id)} is not in this questionnaire", "Reload it.")
        raise AnswersRefused([problem], []) from None


def _refused(page_id: str, what: str, remedy: str) -> AnswersRefused:
    return AnswersRefused([Problem(f"page {page_id!r}", what, remedy)], [])


def _offered(item: Item) -> tuple[int, ...]:
    """The values an answer can have or hold."""
    if item.kind == "consent":
        return (1,)
    declared = item.choices.values if item.choices else ()
    return (*declared, OTHER) if item.other else declared


def _chose_other(answer: Answer) -> bool:
    return OTHER in answer if isinstance(answer, list) else answer == OTHER


def _several(item: Item, value: object) -> list[int] | None:
    offered = _offered(item)
    if not isinstance(value, list):
        raise WrongAnswer("is no list of declared values")
    if len(value) > len(offered) or not all(_is_whole(one) and one in offered for one in value):
        raise WrongAnswer("holds something that is not declared")
    if len(set(value)) < len(value):
        raise WrongAnswer("holds a value twice")
    if not value:
        return None
    few = item.minimum_choices or (len(offered) if item.kind == "ranking" and not item.maximum_choices else 1)
    many = item.maximum_choices or len(offered)
    if len(value) < few:
        raise WrongAnswer(f"holds fewer than {few} values", "few")
    if len(value) > many:
        raise WrongAnswer(f"holds more than {many} values", "many")
    return list(value) if item.kind == "ranking" else [one for one in offered if one in value]


def _text(value: object, longest: int, lines: bool = False, kept: bool = False) -> str | None:
    if not isinstance(value, str):
        raise WrongAnswer("is not a text")
    too_long = WrongAnswer(f"is longer than {longest:,} characters", "long")
    if len(value) > 4 * longest:
        raise too_long
    text = _UNPRINTABLE.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    text = text if lines else re.sub(r"\s+", lambda gap: " " if _LINE_END.search(gap[0]) else gap[0], text)
    before = kept and lines and len(text) <= _KEPT_LONG_TEXT and len(text.encode()) <= _KEPT_BYTES
    if not before and len(text.encode("utf-16-le")) // 2 > longest:
        raise too_long
    return text or None


def _day(value: object) -> str:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise WrongAnswer("is not a day such as 2026-03-31", "date")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise WrongAnswer("is a day that does not exist", "date") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise WrongAnswer(f"is not between {FIRST_YEAR} and {LAST_YEAR}", "date")
    return value


def _number(item: Item, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongAnswer("is not a number", "number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:  # also refuses NaN
        raise WrongAnswer("is not a number a database can keep exactly", "number")
    low, high = item.minimum, item.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        key = "most" if low is None else "least" if high is None else "between"
        named = " to ".join(f"{limit:.15g}" for limit in (low, high) if limit is not None)
        raise WrongAnswer(f"lies beyond {named}", key)
    step = item.step or (1.0 if item.kind == "slider" else None)
    if step is not None:
        value = _on_step(value, low or 0.0, step)
    return int(value) if float(value).is_integer() else float(value)


def _on_step(value: float, start: float, step: float) -> float:
    """The value as a whole number of steps from the start: three times 0.1 is 0.30000000000000004 on a phone."""
    steps = (value - start) / step
    if abs(steps - round(steps)) > 1e-6:
        raise WrongAnswer(f"is not on a step of {step:.15g}", "step")
    return round(start + round(steps) * step, 10)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def quoted(value: object) -> str:
    """The value as a message may quote it: short, and never the repr of something large."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:37]}...")
    if isinstance(value, int | float) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        return repr(value)
    return f"a value of type {type(value).__name__}"
