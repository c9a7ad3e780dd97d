"""What a room full of phones costs: the load lines of the README, measured on this machine now.

    python -m tests.benchmarks.fieldwork [--only start,cpu,core,think400,think1000,researcher]

Every virtual respondent speaks Streamlit's own protocol and posts pages as the phone does (survey_app/phone.py).
Server, respondents and everything else that runs share this machine, so processor time per completed questionnaire,
by the operating system's accounting of the server process, is the figure that disturbance harms least. Each line ends
with its target and whether it was met; the line in brackets after it tells what else used the processors meanwhile.
Beside this: `cold_phones` (the moment the QR code appears), `workers` (two processes behind nginx against one) and
`peers` (oTree and LimeSurvey in the same run).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import sqlalchemy as sa

from analysis.instrument import Choices, Instrument, Item, Page, Scale, load_instrument
from survey_app import schema
from survey_app.launch import give_way
from survey_app.phone import Broken, Phone
from survey_app.rehearse import answer_all, invented_people
from survey_app.server import raise_open_files
from survey_app.store import Store
from survey_app.study import Condition
from tests.benchmarks.refit import answers, refit
from tests.house import PROJECT, House

try:
    from uvloop import run  # the respondents share the processors with the server: they should cost little
except ImportError:
    from asyncio import run

AGREE = Choices("agree", (1, 2, 3, 4, 5), {"en": ("no", "-", "0", "+", "yes"), "nl": ("nee", "-", "0", "+", "ja")})
LONGEST = 300.0
"""Seconds after which a measurement ends, whoever is still answering."""

ARMS = (Condition("plain", "No label"), Condition("label", "Label"))


def four_pages() -> Instrument:
    """Four pages with six statements each, as the peers were measured with."""
    items = tuple(
        Item(f"q{page}_{n}", {"en": f"Statement {n} on page {page}", "nl": f"Stelling {n} op {page}"}, choices=AGREE)
        for page in range(1, 5)
        for n in range(1, 7)
    )
    scale = Scale("all", {"en": "All", "nl": "Alles"}, tuple(item.id for item in items))
    pages = tuple(
        Page(f"page{page}", {"en": f"Part {page}", "nl": f"Deel {page}"}, tuple(f"q{page}_{n}" for n in range(1, 7)))
        for page in range(1, 5)
    )
    title = {"en": "Four pages", "nl": "Vier bladzijden"}
    return Instrument("four_pages", "1", title, ("en", "nl"), items, (scale,), pages)


@dataclass
class Load:
    """What was seen of all respondents together."""

    completed: int = 0
    pages: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    resent: int = 0
    received: int = 0
    took: float = 0.0
    own: float = 0.0
    """Processor seconds of the virtual respondents themselves."""

    @property
    def p95(self) -> float:
        return float(np.quantile(self.pages, 0.95)) if self.pages else float("nan")


async def answer(
    base: str, slug: str, instrument: Instrument, n: int, rounds: int, think: tuple[float, float], ramp: float
) -> Load:
    """`n` people at once, who take part `rounds` times each, arriving evenly over `ramp` seconds.

    Whoever is not at the end after LONGEST seconds is sent home and counted as an error.
    """
    people = list(invented_people(instrument, n, seed=1))
    load, began, own = Load(), time.perf_counter(), time.process_time()

    async def take_part(number: int) -> None:
        chance = random.Random(number)
        await asyncio.sleep(ramp * number / n)
        for turn in range(rounds):
            arrived = time.perf_counter()
            phone = Phone(base, f"/s/{slug}", seed=1000 * number + turn)
            try:
                await phone.arrive()
                load.first.append(time.perf_counter() - arrived)
                await answer_all(phone, people[number], load.pages, think=lambda: chance.uniform(*think))
                load.completed += 1
            except Broken as broken:
                load.errors[str(broken)] += 1
            except asyncio.CancelledError:
                load.errors[f"not at the end, but at {phone.at or 'the link'}"] += 1
                raise
            finally:
                load.saves += phone.saving
                load.acknowledged += len(phone.acknowledged)
                load.resent += phone.resent
                load.received += phone.received + phone.web.received
                await phone.leave()

    everybody = [asyncio.create_task(take_part(number)) for number in range(n)]
    _, late = await asyncio.wait(everybody, timeout=LONGEST)
    for one in late:
        one.cancel()
    for outcome in await asyncio.gather(*everybody, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    load.took, load.own = time.perf_counter() - began, time.process_time() - own
    return load


@contextmanager
def respondents_house() -> Iterator[House]:
    """A fresh server for respondents, on SQLite."""
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name))
        try:
            house.start()
            yield house
        finally:
            house.stop()


@dataclass(frozen=True)
class Kept:
    """What the database holds: people who finished, and pages of answers (of each person one of a kind, by its key)."""

    finished: int
    pages: int


def kept(house: House, slug: str) -> Kept:
    address = sa.make_url(house.database)
    driver = {"postgresql": "postgresql+psycopg"}.get(address.drivername, address.drivername)
    engine = sa.create_engine(address.set(drivername=driver))
    with engine.connect() as connection:
        pages = connection.execute(sa.select(sa.func.count()).select_from(schema.pages)).scalar_one()
    engine.dispose()
    return Kept(house.store.counts(slug).finished, pages)


def all_kept(house: House, slug: str, before: Kept, load: Load) -> bool:
    """Was nobody stopped, and does the database hold everybody who got to the end and every acknowledged page, once?"""
    now = kept(house, slug)
    found = now.finished - before.finished, now.pages - before.pages
    return found == (load.completed, load.acknowledged) and not load.errors


def ms(seconds: list[float], share: float) -> str:
    return f"{1000 * float(np.quantile(seconds, share)):.0f}"


def say(what: str, figures: str, target: str, met: bool | None) -> None:
    print(f"| {what} | {figures} | {target} | {'' if met is None else 'met' if met else 'NOT met'} |", flush=True)


# -- the lines ------------------------------------------------------------------------------------------------------


def start() -> None:
    """From the start of the process to the first screen on a phone; the study is in the database already."""

    async def arrive(house: House, slug: str) -> None:
        async with Phone(house.base, f"/s/{slug}") as phone:
            await phone.arrive()

    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name))
        slug = house.add_study(load_instrument("psi_core"))
        try:
            began = time.perf_counter()
            house.start()
            run(arrive(house, slug))
            took = time.perf_counter() - began
        finally:
            house.stop()
    say("process start to the first page on a phone", f"{took:.1f} s", "", None)


def no_think(name: str, instrument: Instrument, n: int = 50, rounds: int = 3) -> None:
    """One process, SQLite, nobody thinks."""
    with respondents_house() as house:
        slug = house.add_study(instrument, conditions=ARMS)
        run(answer(house.base, slug, instrument, 10, 2, (0, 0), 0))  # warm
        before, spent = kept(house, slug), house.processor_seconds
        load = run(answer(house.base, slug, instrument, n, rounds, (0, 0), 0))
        spent = 1000 * (house.processor_seconds - spent) / max(load.completed, 1)
        equal = all_kept(house, slug, before, load)
        rate = len(load.pages) / load.took
        figures = (
            f"CPU {spent:.0f} ms per completed; {load.completed / load.took:.1f} completed/s, {rate:.0f} page saves/s; "
            f"page p50 {ms(load.pages, 0.5)} p95 {ms(load.pages, 0.95)} ms; post alone p95 {ms(load.saves, 0.95)} ms; "
            f"errors {sum(load.errors.values())}, database {'equal' if equal else 'NOT EQUAL'}; "
            f"the respondents themselves took {1000 * load.own / max(load.completed, 1):.0f} ms"
        )
        say(f"{name}, {n} at once, no think time", figures, "CPU <= 60 ms", spent <= 60 and equal)
        say("the same", f"{rate:.0f} page saves/s, p95 {ms(load.pages, 0.95)} ms", ">= 100/s, p95 <= 600 ms",
            rate >= 100 and load.p95 <= 0.6)  # fmt: skip


def thinking(n: int, target: float) -> None:
    """One process, SQLite, 5 to 20 seconds before each press; what a page weighs and a session takes."""
    instrument = four_pages()
    with respondents_house() as house:
        slug = house.add_study(instrument, conditions=ARMS)
        run(answer(house.base, slug, instrument, 5, 1, (0, 0), 0))
        base, before = house.memory, kept(house, slug)
        watch = {"most": base}

        async def watched() -> Load:
            async def look() -> None:
                while True:
                    watch["most"] = max(watch["most"], house.memory)
                    await asyncio.sleep(1)

            looking = asyncio.create_task(look())
            load = await answer(house.base, slug, instrument, n, 1, (5, 20), 20)
            looking.cancel()
            return load

        spent = house.processor_seconds
        load = run(watched())
        spent = 1000 * (house.processor_seconds - spent) / max(load.completed, 1)
        equal = all_kept(house, slug, before, load) and load.completed == n
        figures = (
            f"p50 {ms(load.pages, 0.5)} p95 {ms(load.pages, 0.95)} p99 {ms(load.pages, 0.99)} ms; "
            f"CPU {spent:.0f} ms per completed; errors {sum(load.errors.values())}, sent again {load.resent}; "
            f"{load.acknowledged} pages acknowledged, database {'equal' if equal else 'NOT EQUAL'}"
        )
        met = load.p95 <= target and equal
        say(f"{n} phones within 20 s, 5-20 s think time", figures, f"p95 <= {1000 * target:.0f} ms, 0 lost", met)
        each = (watch["most"] - base) / n / 1e6
        figures = f"{each:.2f} MB per live session over {base / 1e6:.0f} MB"
        say("memory", figures, "<= 0.2 MB over <= 200 MB", each <= 0.2 and base <= 200e6)
        weight = load.received / max(len(load.pages), 1) / 1000
        say("bytes per page", f"{weight:.1f} kB down, first screens included", "<= 10 kB", weight <= 10)


def researcher() -> None:
    """Somebody refits without a pause in the researchers' process while 100 phones answer."""
    instrument = four_pages()
    with respondents_house() as house:
        slug = house.add_study(instrument)
        whole: list[bool] = []

        def answered() -> Load:
            before = kept(house, slug)
            load = run(answer(house.base, slug, instrument, 100, 1, (2, 8), 10))
            whole.append(all_kept(house, slug, before, load) and load.completed == 100)
            return load

        alone = answered()
        code = "import sys; from tests.benchmarks.fieldwork import refit_for_ever; refit_for_ever(*sys.argv[1:])"
        endless = subprocess.Popen(
            [sys.executable, "-c", code, house.database, slug], cwd=PROJECT, stdout=subprocess.PIPE
        )
        give_way(endless.pid)  # as `parasol serve` starts the researchers' process
        try:
            assert endless.stdout is not None and endless.stdout.readline()  # the first refit is done
            beside = answered()
            rounds = _lines(endless)
        finally:
            endless.kill()
            endless.wait()
        ratio, equal = beside.p95 / alone.p95, all(whole)
        figures = (
            f"p95 {1000 * alone.p95:.0f} ms alone, {1000 * beside.p95:.0f} ms beside {rounds} refits: {ratio:.1f} x; "
            f"database {'equal' if equal else 'NOT EQUAL'}"
        )
        say("researcher refitting non-stop in another process, 100 phones", figures, "<= 2 x", ratio <= 2 and equal)


def _lines(process: subprocess.Popen[bytes]) -> int:
    """How many lines it wrote so far that nobody has read."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return (process.stdout.read() or b"").count(b"\n")


def refit_for_ever(database: str, slug: str) -> None:
    """What a researcher's process does when somebody refits without a pause: read the answers, compute, again."""
    store, seed, thousand = Store(database), 0, answers(1000)
    while True:
        store.rows(slug)
        refit(thousand, seed := seed + 1)
        print(seed, flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    lines: dict[str, Callable[[], None]] = {
        "start": start,
        "cpu": lambda: no_think("4 pages x 6 items", four_pages()),
        "core": lambda: no_think("core questionnaire, a name and 8 pages", load_instrument("psi_core"), rounds=2),
        "think400": lambda: thinking(400, 0.06),
        "think1000": lambda: thinking(1000, 0.3),
        "researcher": researcher,
    }
    asked.add_argument("--only", default=",".join(lines), help=f"of {', '.join(lines)}")
    wish = asked.parse_args()
    raise_open_files()
    print("| what | measured | target | |\n|---|---|---|---|")
    for name in wish.only.split(","):
        busy, began = psutil.cpu_times(), time.perf_counter()
        lines[name]()
        now = psutil.cpu_times()
        used = sum(getattr(now, part) - getattr(busy, part) for part in ("user", "system"))
        took = time.perf_counter() - began
        print(f"({name}: {took:.0f} s, all processes together used {used / took:.1f} of {os.cpu_count()} cores, "
              f"load {os.getloadavg()[0]:.1f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
