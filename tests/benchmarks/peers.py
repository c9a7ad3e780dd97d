"""What do others need for the same questionnaire on this machine? oTree and LimeSurvey, in the same run as Parasol.

    python -m tests.benchmarks.peers [--rounds 2] [--environment FOLDER] [--databases sqlite,postgresql]
                                     [--limesurvey FOLDER]

oTree is installed from PyPI into a virtual environment of its own (in a temporary folder, or in FOLDER to be used
again), started as its manual says for production (`otree prodserver`, OTREE_PRODUCTION=1), and given the same four
pages of six five-point statements. The same number of virtual respondents arrive by the session-wide link, load each
page, post its form and follow to the next page; a page took from the post to the next page. On each page they open
the websocket that oTree's page has a browser open (Parasol's respondents have theirs too); a line more is without it,
and neither side loads the page's files. One process each, kept to one core; processor time is that of the server
process with its children by the operating system's accounting, PostgreSQL's own beside it.

LimeSurvey is measured when FOLDER holds an unpacked release of it with its `vendor` folder (6.4.2 was used) and these
packages of Debian are there: php-fpm php-cli php-mysql php-mbstring php-gd php-zip php-xml php-intl mariadb-server
nginx-light (`apt-get install --no-install-recommends`; none of their services has to run). FOLDER is only read: a copy
is set up in the temporary folder as in production (tests/benchmarks/limesurvey.py), with the same questionnaire as
`analysis.limesurvey` exports it. All of it is kept to one core as the others are; then 50 people come while it may use
all cores, which is more than the Parasol has that it is compared with. There are fewer rounds, as it takes longer. Its
processor time is that of nginx and PHP, MariaDB's beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import psutil
import sqlalchemy as sa
from websockets.asyncio.client import connect

from survey_app.phone import Web
from survey_app.server import raise_open_files
from tests.benchmarks.fieldwork import ARMS, Load, all_kept, answer, four_pages, kept, ms, run, say
from tests.benchmarks.limesurvey import LimeSurvey, answer_limesurvey, missing
from tests.benchmarks.workers import fresh_database, postgresql, seconds
from tests.house import House, free_port

REST_KEY = "benchmark"
CROWDS = (10, 50)
SOCKET = re.compile(rb'data-socket-url="([^"]+)"')

SETTINGS = """
SESSION_CONFIGS = [dict(name="fourpages", app_sequence=["fourpages"], num_demo_participants=1)]
SESSION_CONFIG_DEFAULTS = dict(real_world_currency_per_point=1.0, participation_fee=0.0, doc="")
LANGUAGE_CODE = "en"
REAL_WORLD_CURRENCY_CODE = "EUR"
USE_POINTS = True
DEMO_PAGE_INTRO_HTML = ""
ADMIN_USERNAME = "admin"
ADMIN_PASSWORD = "benchmark"
SECRET_KEY = "benchmark"
"""
APP = """
from otree.api import *


class C(BaseConstants):
    NAME_IN_URL = "fourpages"
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


def statement(text):
    choices = [[1, "no"], [2, "-"], [3, "0"], [4, "+"], [5, "yes"]]
    return models.IntegerField(label=text, choices=choices, widget=widgets.RadioSelectHorizontal)


class Player(BasePlayer):
{fields}

{pages}

page_sequence = [Page1, Page2, Page3, Page4]
"""
PAGE = """

class Page{page}(Page):
    form_model = "player"
    form_fields = {fields}
"""
TEMPLATE = """{{{{ block title }}}}Part {page}{{{{ endblock }}}}
{{{{ block content }}}}
{{{{ formfields }}}}
{{{{ next_button }}}}
{{{{ endblock }}}}
"""


def write_project(folder: Path) -> None:
    """An oTree project with the four pages."""
    app = folder / "fourpages"
    for part in (app, folder / "_static", folder / "_templates"):
        part.mkdir()
    names = {page: [f"q{page}_{n}" for n in range(1, 7)] for page in range(1, 5)}
    fields = [
        f'    {name} = statement("Statement {n} on page {page}")'
        for page, found in names.items()
        for n, name in enumerate(found, 1)
    ]
    pages = "".join(PAGE.format(page=page, fields=found) for page, found in names.items())
    (app / "__init__.py").write_text(APP.format(fields="\n".join(fields), pages=pages))
    for page in names:
        (app / f"Page{page}.html").write_text(TEMPLATE.format(page=page))
    (folder / "settings.py").write_text(SETTINGS)


def install(folder: Path) -> Path:
    """A virtual environment with oTree; its programs."""
    programs = folder / "bin"
    if not (programs / "otree").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        quiet = [str(programs / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*quiet, "otree", "psycopg2-binary"], check=True)
    return programs


def version(programs: Path) -> str:
    """Which oTree this is."""
    code = "import importlib.metadata as m; print(m.version('otree'))"
    return subprocess.run([programs / "python", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


class OTree:
    """A production server of oTree on one core."""

    def __init__(self, programs: Path, folder: Path, database: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.database = database or f"sqlite:///{folder / 'db.sqlite3'}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PARASOL_", "OTREE_"))}
        environment |= {"OTREE_PRODUCTION": "1", "OTREE_REST_KEY": REST_KEY}
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        if database:
            environment["DATABASE_URL"] = database
        self.log = folder / "log"
        with self.log.open("wb") as log:
            command = [str(programs / "otree"), "prodserver", f"127.0.0.1:{self.port}"]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        psutil.Process(self.process.pid).cpu_affinity([self.port % (os.cpu_count() or 1)])
        until = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.2)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base}/demo", timeout=5).status_code < 500
        return False

    def session(self, people: int) -> str:
        """A session for so many; the path of its link."""
        asked = {"session_config_name": "fourpages", "num_participants": people}
        answer = httpx.post(f"{self.base}/api/sessions", json=asked, headers={"otree-rest-key": REST_KEY}, timeout=300)
        return urlsplit(answer.raise_for_status().json()["session_wide_url"]).path

    def complete(self) -> int:
        """How many rows have the answer to each item, in its database."""
        url = sa.make_url(self.database)
        url = url.set(drivername="postgresql+psycopg") if url.drivername.startswith("postgres") else url
        engine = sa.create_engine(url)
        given = " AND ".join(f"q{page}_{n} IS NOT NULL" for page in range(1, 5) for n in range(1, 7))
        with engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT count(*) FROM fourpages_player WHERE {given}").scalar_one()
        engine.dispose()
        return int(found)

    def stop(self) -> None:
        """End it and the process beside it."""
        beside = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        for process in beside:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


async def answer_otree(base: str, link: str, people: int, rounds: int, *, sockets: bool) -> Load:
    """As `fieldwork.answer`, over oTree's pages, with or without the websocket of each page."""
    load, began, own = Load(), time.perf_counter(), time.process_time()

    async def follow(web: Web, path: str, method: str = "GET", body: bytes = b"") -> tuple[str, str]:
        """Ask, follow where it leads: where that is with the page loaded, and where its websocket is."""
        kind = {"content_type": "application/x-www-form-urlencoded"} if body else {}
        heard = await web.ask(method, path, body, **kind)
        while heard.status in (302, 303, 307):
            path = heard.headers["location"]
            heard = await web.ask("GET", path)
        if heard.status != 200:
            load.errors[f"{heard.status} at {path.split('/')[1]}"] += 1
            return "", ""
        socket = SOCKET.search(heard.body)
        return path, unescape(socket[1].decode()) if socket else ""

    async def take_part(number: int) -> None:
        chance = random.Random(number)
        for _ in range(rounds):
            web, arrived = Web(base), time.perf_counter()
            path, socket = await follow(web, link)
            load.first.append(time.perf_counter() - arrived)
            for page in range(1, 5):
                if f"/Page{page}/" not in path:
                    load.errors[f"not at page {page}"] += 1
                    break
                form = {f"q{page}_{n}": chance.randint(1, 5) for n in range(1, 7)}
                async with contextlib.AsyncExitStack() as stack:
                    if sockets:
                        opened = connect(f"ws{base.removeprefix('http')}{socket}", compression=None, ping_interval=None)
                        await stack.enter_async_context(opened)
                    sent = time.perf_counter()
                    path, socket = await follow(web, path, "POST", urlencode(form).encode())
                    load.pages.append(time.perf_counter() - sent)
            load.completed += "OutOfRangeNotification" in path
            web.close()

    await asyncio.gather(*(take_part(number) for number in range(people)))
    load.took, load.own = time.perf_counter() - began, time.process_time() - own
    return load


Seen = dict[int, tuple[Load, float]]
"""For each number of people what they saw, and the processor milliseconds per completed questionnaire."""


def line(
    what: str, load: Load, spent: float, beside: float, equal: bool, other: str = "PostgreSQL"
) -> tuple[Load, float]:
    """Say what one crowd saw; return that and the processor milliseconds per completed questionnaire."""
    n = max(load.completed, 1)
    also = f" and {1000 * beside / n:.0f} of {other}" if beside else ""
    figures = (
        f"{load.completed / load.took:.1f} completed/s, {len(load.pages) / load.took:.0f} page saves/s; page p50 "
        f"{ms(load.pages, 0.5)} p95 {ms(load.pages, 0.95)} ms; server CPU {1000 * spent / n:.0f} ms{also} per "
        f"completed; errors {sum(load.errors.values())}, database {'equal' if equal else 'NOT EQUAL'}"
    )
    say(what, figures, "", None)
    return load, 1000 * (spent + beside) / n


def otree(programs: Path, folder: Path, database: str, postmaster: int, rounds: int, name: str) -> Seen:
    """oTree's lines."""
    write_project(folder)
    server, seen = OTree(programs, folder, database), Seen()
    try:
        run(answer_otree(server.base, server.session(10), 10, 1, sockets=True))
        for people, sockets in ((CROWDS[-1], False), *((people, True) for people in CROWDS)):
            link, before = server.session(people * rounds), server.complete()
            spent, beside = seconds(server.process.pid), seconds(postmaster) if postmaster else 0.0
            load = run(answer_otree(server.base, link, people, rounds, sockets=sockets))
            spent = seconds(server.process.pid) - spent
            beside = seconds(postmaster) - beside if postmaster else 0.0
            equal = server.complete() - before == load.completed == people * rounds and not load.errors
            without = "" if sockets else ", without its websockets"
            seen[people] = line(f"{name}, {people} at once{without}", load, spent, beside, equal)
    finally:
        server.stop()
    return seen


def parasol(folder: Path, database: str, postmaster: int, rounds: int, name: str) -> Seen:
    """Parasol's lines."""
    instrument, house, seen = four_pages(), House(folder, database), Seen()
    try:
        house.start()
        slug = house.add_study(instrument, conditions=ARMS)
        run(answer(house.base, slug, instrument, 10, 1, (0, 0), 0))
        for people in CROWDS:
            before, beside = kept(house, slug), seconds(postmaster) if postmaster else 0.0
            spent = house.processor_seconds
            load = run(answer(house.base, slug, instrument, people, rounds, (0, 0), 0))
            spent = house.processor_seconds - spent
            beside = seconds(postmaster) - beside if postmaster else 0.0
            equal = all_kept(house, slug, before, load) and load.completed == people * rounds
            seen[people] = line(f"{name}, {people} at once", load, spent, beside, equal)
    finally:
        house.stop()
    return seen


def limesurvey(source: Path, folder: Path) -> dict[str, Seen]:
    """LimeSurvey's lines: on one core and on all of them."""
    instrument, server = four_pages(), LimeSurvey(source, folder)
    seen: dict[str, Seen] = {"on one core": {}, "on all cores": {}}
    every = sorted(os.sched_getaffinity(0))
    try:
        server.start()
        number = server.survey(instrument)
        run(answer_limesurvey(server.base, number, 10, 1))
        for where, people in (("on one core", 10), ("on one core", 50), ("on all cores", 50)):
            server.keep_to([every[server.port % len(every)]] if where == "on one core" else every)
            rounds = max(1, 20 // people)
            before, used = server.complete(number), server.processor_seconds
            load = run(answer_limesurvey(server.base, number, people, rounds))
            spent, beside = (now - then for now, then in zip(server.processor_seconds, used, strict=True))
            equal = server.complete(number) - before == load.completed == people * rounds and not load.errors
            what = f"LimeSurvey {server.version}, MariaDB, {where}, {people} at once"
            seen[where][people] = line(what, load, spent, beside, equal, "MariaDB")
    finally:
        server.stop()
    return seen


def compare_limesurvey(theirs: Seen, ours: Seen, name: str) -> None:
    """The ratios to LimeSurvey."""
    for people, (their, other) in theirs.items():
        our, mine = ours[people]
        ratio = (len(our.pages) / our.took) / (len(their.pages) / their.took)
        figures = (
            f"{ratio:.1f} x as many page saves/s; p95 of a page {their.p95 / our.p95:.1f} x as quick; "
            f"processor time per completed {other / mine:.1f} x less"
        )
        met = ratio >= 10 if people == CROWDS[-1] else None
        say(f"{name}, {people} at once", figures, "" if met is None else ">= 10 x", met)


def compare(programs: Path, folder: Path, uri: str, postmaster: int, rounds: int) -> Seen:
    """oTree and Parasol on one kind of database, and the ratio; what Parasol's lines say."""
    kind = "PostgreSQL" if uri else "SQLite"
    places = [folder / f"{kind}-{name}" for name in ("otree", "parasol")]
    for place in places:
        place.mkdir()
    theirs_in = fresh_database(uri, "otree") if uri else ""
    ours_in = fresh_database(uri, "parasol") if uri else ""
    theirs = otree(programs, places[0], theirs_in, postmaster, rounds, f"oTree {version(programs)}, {kind}")
    ours = parasol(places[1], ours_in, postmaster, rounds, f"Parasol, {kind}")
    for people in CROWDS:
        (our, mine), (their, other) = ours[people], theirs[people]
        ratio = (our.completed / our.took) / (their.completed / their.took)
        figures = (
            f"{ratio:.1f} x as many completed; p95 of a page {their.p95 / our.p95:.1f} x as quick; "
            f"processor time per completed {other / mine:.1f} x less"
        )
        met = ratio >= 5 if people == CROWDS[-1] else None
        say(f"Parasol to oTree, {kind}, {people} at once", figures, "" if met is None else ">= 5 x", met)
    return ours


@contextlib.contextmanager
def chosen(folder: Path | None) -> Iterator[Path]:
    """The folder of oTree's environment: the one that was named, or one that is gone afterwards."""
    if folder is not None:
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--environment", type=Path, help="a folder for oTree that is kept and used again")
    asked.add_argument("--databases", default="sqlite,postgresql")
    asked.add_argument("--limesurvey", type=Path, metavar="FOLDER", help="an unpacked LimeSurvey to measure as well")
    wish = asked.parse_args()
    if wish.limesurvey is not None and (lacking := missing(wish.limesurvey)):
        asked.error(f"LimeSurvey cannot be measured without {', '.join(lacking)}")
    raise_open_files()
    with chosen(wish.environment) as place, tempfile.TemporaryDirectory() as name:
        programs = install(place)
        print("| what | measured | target | |\n|---|---|---|---|")
        ours: dict[str, Seen] = {}
        if "sqlite" in wish.databases:
            ours["SQLite"] = compare(programs, Path(name), "", 0, wish.rounds)
        if "postgresql" in wish.databases:
            with postgresql() as (uri, postmaster):
                ours["PostgreSQL"] = compare(programs, Path(name), uri, postmaster, wish.rounds)
        if wish.limesurvey is None:
            say("LimeSurvey", "not measured: no --limesurvey FOLDER was given", ">= 10 x", None)
            return
        place = Path(name) / "limesurvey"
        place.mkdir()
        theirs = limesurvey(wish.limesurvey.resolve(), place)
        for kind, seen in ours.items():
            for where, those in theirs.items():
                compare_limesurvey(those, seen, f"Parasol (one process, {kind}) to LimeSurvey {where}")


if __name__ == "__main__":
    main()
