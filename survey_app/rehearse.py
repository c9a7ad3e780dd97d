"""Answering a study through its own server with people who do not exist, before anybody else does.

Every answer is marked as a test: it never counts, and `Store.remove_tests` takes it away again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.errors import Problem, SettingsError
from analysis.instrument import Instrument, Item
from analysis.kinds import DECLINED, OTHER, SEVERAL, TYPED, Answer
from survey_app.phone import Broken, Phone, Web

AT_ONCE = 10
"""How many answer at the same time."""

PATIENCE = 20.0
"""Seconds after which a server that is away counts as broken."""

MOST_SCREENS = 500
"""Whoever has not arrived at the end after so many screens goes round in a circle."""

TYPED_TEXT = 'Rehearsal <b>&amp; "quotes"</b> ünïcode'
"""What is typed into every text field: whatever breaks on real people's typing breaks on this."""


@dataclass(frozen=True)
class Rehearsal:
    """What was seen: how many got to the end, what broke (page, item, message) how often, seconds per page."""

    started: int
    completed: int
    broken: Mapping[tuple[str, str, str], int]
    seconds: tuple[float, ...]
    took: float


@dataclass
class Seen:
    """What is noted while people answer."""

    completed: int = 0
    broken: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def rehearse_study(
    base: str, link: str, instrument: Instrument, n: int, *, seed: int, told: Callable[[int, int], None] | None = None
) -> Rehearsal:
    """Does the study work, from the link to the end, for `n` people who answer believably?

    Parameters
    ----------
    base, link : str
        The server, and the study's link on it with the mark of a test.
    instrument : Instrument
        What the study asks.
    n : int
        How many people, 10 of them at the same time.
    seed : int
        The same seed gives the same people.
    told : callable, optional
        Is told (done, n) after each person.

    Returns
    -------
    Rehearsal

    Raises
    ------
    SettingsError
        Where no server answers.
    """
    people = list(invented_people(instrument, n, seed=seed))
    seen, began = Seen(), time.perf_counter()
    try:
        asyncio.run(_rehearse(base, link, people, seen, told))
    except OSError as trouble:
        remedy = "Start it with `parasol serve`, or give its address with --url."
        raise SettingsError(Problem(base, f"no server answers there ({trouble})", remedy)) from None
    took = time.perf_counter() - began
    return Rehearsal(n, seen.completed, dict(seen.broken.most_common()), tuple(seen.seconds), took)


async def _rehearse(
    base: str, link: str, people: list[Person], seen: Seen, told: Callable[[int, int], None] | None
) -> None:
    places, done = asyncio.Semaphore(AT_ONCE), 0
    await Web(base).ask("GET", "/healthz", connection="close")

    async def answer(person: Person) -> None:
        nonlocal done
        async with places, Phone(base, link, seed=person.number, patience=PATIENCE) as phone:
            try:
                await phone.arrive()
                await answer_all(phone, person, seen.seconds)
                seen.completed += 1
            except Broken as trouble:
                seen.broken[trouble.page, trouble.item, trouble.message] += 1
        done += 1
        if told is not None:
            told(done, len(people))

    await asyncio.gather(*(answer(person) for person in people))


# -- people ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist: a language, and an answer to each item, whether it is asked or not."""

    number: int
    language: str
    answers: Mapping[str, Answer]
    random: random.Random = field(repr=False)


def invented_people(instrument: Instrument, n: int, *, seed: int) -> Iterator[Person]:
    """`n` people with believable answers to everything, hidden questions included."""
    from analysis.simulate import simulate_answers

    # Which questions are hidden is the server's business: it may know more, such as the condition.
    pages = tuple(replace(page, show_if="") for page in instrument.pages)
    items = tuple(replace(item, show_if="") for item in instrument.items)
    rows = simulate_answers(replace(instrument, pages=pages, items=items), n, seed=seed)
    for number, row in enumerate(rows.astype(object).where(rows.notna(), None).to_dict("records")):
        answers: dict[str, Answer] = {}
        for item in instrument.items:
            answers |= _answers_to(item, row)
        yield Person(seed * 1_000_003 + number, str(row["language"]), answers, random.Random(f"{seed}:{number}"))


def _answers_to(item: Item, row: Mapping[str, Any]) -> dict[str, Answer]:
    """What is sent for one item, from the columns it has in a table of rows."""
    if item.kind == "info":
        return {}
    if item.kind in TYPED and item.kind != "date":
        return {item.id: TYPED_TEXT}
    answer = _list_of(item, row) if item.kind in SEVERAL else row.get(item.id)
    if answer == str(DECLINED):  # in a column of texts
        answer = DECLINED
    chose_other = answer == OTHER or (isinstance(answer, list) and OTHER in answer)
    return {item.id: answer} | ({f"{item.id}_other": TYPED_TEXT} if chose_other else {})


def _list_of(item: Item, row: Mapping[str, Any]) -> Answer:
    cells = [(column.value, row.get(column.name)) for column in item.columns if column.value is not None]
    given = [(value, int(cell)) for value, cell in cells if cell is not None]
    if given and all(cell < 0 for _, cell in given):
        return given[0][1]  # prefers not to say
    chosen = [(cell, value) for value, cell in given if cell > 0]
    return [value for _, value in sorted(chosen)] if chosen else None


# -- the way through the screens ------------------------------------------------------------------------------------


async def answer_all(
    phone: Phone, person: Person, seconds: list[float], *, think: Callable[[], float] = lambda: 0.0
) -> None:
    """From the first screen to the last; `seconds` gets how long each page took, from the press to the next page.

    `think` says how long somebody reads before the next press.
    """
    for _ in range(MOST_SCREENS):
        if phone.screen.get("finished"):
            return
        wait = think()
        if wait:
            await asyncio.sleep(wait)
        event, value, answers = _press(phone, person)
        began = time.perf_counter()
        await phone.press(event, value, answers)
        if event == "next":
            seconds.append(time.perf_counter() - began)
    raise Broken(phone.at, "", f"the end did not come after {MOST_SCREENS} screens")


def _press(phone: Phone, person: Person) -> tuple[str, str, dict[str, Answer] | None]:
    """What somebody does at this screen."""
    events = {button["event"]: button["value"] for button in phone.screen["buttons"]}
    if "language" in events:
        offered = [button["value"] for button in phone.screen["buttons"] if button["event"] == "language"]
        return "language", person.language if person.language in offered else offered[0], None
    if "agree" in events:
        return "agree", "", {"of_age": 1}
    if "next" not in events:
        title = phone.screen["title"]
        raise Broken(phone.at, "", title if isinstance(title, str) else "an unexpected screen")
    shown = [item["id"] for block in phone.screen["blocks"] for item in block.get("items", ())]
    if shown == ["influencer"]:
        return "next", "", {"influencer": _chosen(phone.screen["blocks"][0], person)}
    names = [name for id in shown for name in (id, f"{id}_other")]
    return "next", "", {name: person.answers[name] for name in names if name in person.answers}


def _chosen(block: Mapping[str, Any], person: Person) -> Answer:
    """Whom the questions are about: a name, or some of those that are offered."""
    if "values" not in block:
        return "Rehearsal persona"
    if block["kind"] == "single":
        return int(person.random.choice(block["values"]))
    most = min(block["items"][0]["most"], len(block["values"]))
    return sorted(person.random.sample(block["values"], person.random.randint(1, most)))
