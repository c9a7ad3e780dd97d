"""A server in a process of its own that tests and benchmarks may measure and hurt, and a crowd that answers on it."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from analysis.instrument import Instrument
from analysis.kinds import Answer
from survey_app.phone import Broken, Phone
from survey_app.rehearse import answer_all, invented_people
from survey_app.store import Store
from survey_app.study import Condition, Study

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
SERVE = "from survey_app.launch import start_half; start_half()"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """One process of `parasol serve`, for respondents or for researchers, with a database that outlives it."""

    def __init__(
        self, folder: Path, database: str = "", *, port: int = 0, researcher: bool = False, code: str = SERVE
    ) -> None:
        self.database = database or f"sqlite:///{folder / 'parasol.sqlite'}"
        self.port = port or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self.researcher = researcher
        self.code = code
        self.store = Store(self.database)
        self.store.migrate()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "PARASOL_DATABASE": self.database,
            "PARASOL_ADDRESS": "127.0.0.1",
            "PARASOL_PORT": str(self.port),
            "PARASOL_RESEARCHER": "on" if self.researcher else "off",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARASOL_", "STREAMLIT_"))}
        with self.log.open("ab") as log:
            # It ends when its standard input does, so it cannot outlive whoever started it.
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", self.code],
                env=kept | settings, cwd=PROJECT, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def answers(self) -> bool:
        """Does it say that it and its store are well?"""
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self._ended()

    def stop(self) -> None:
        """Ask it to end, and close the store."""
        if self.process is not None:
            self.process.terminate()
            self._ended()
        self.store.close()

    def _ended(self) -> None:
        assert self.process is not None and self.process.stdin is not None
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process = None

    @property
    def processor_seconds(self) -> float:
        """Processor time of the process so far, by the operating system's accounting."""
        assert self.process is not None
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> int:
        """Bytes of memory in use."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def add_study(self, instrument: Instrument, *, conditions: tuple[Condition, ...] = ()) -> str:
        """An open study in English and Dutch; its slug."""
        slug = f"s{secrets.token_hex(4)}"
        texts = {"en": "Do you take part?", "nl": "Doe je mee?"}
        digest = self.store.add_instrument(instrument)
        self.store.add_study(Study(slug, slug, texts, digest, ("en", "nl"), "draft", texts, "1", conditions=conditions))
        self.store.open_study(slug)
        return slug


@dataclass
class Part:
    """What one person saw: the key, what was acknowledged, whether the end was reached, and why not."""

    key: str
    acknowledged: list[tuple[str, str, dict[str, Answer]]]
    completed: bool
    trouble: str


@dataclass(frozen=True)
class Counted:
    """What a crowd came to, once it is known that nothing was lost and nothing is there twice."""

    completed: int
    acknowledged: int
    resent: int

    def __str__(self) -> str:
        counted = f"completed {self.completed}, pages acknowledged {self.acknowledged}, lost 0, doubled 0"
        return f"{counted}, sent again {self.resent}"


@dataclass
class Crowd:
    """People who begin one participation after the other until they are sent home; then they finish the last one.

    `think` is the longest a person waits before a press, `cut` the chance that the connection is lost before one.
    """

    base: str
    slug: str
    instrument: Instrument
    people: int
    seed: int = 1
    think: float = 0.2
    cut: float = 0.0
    patience: float = 60.0
    parts: list[Part] = field(default_factory=list)
    phones: set[Phone] = field(default_factory=set)

    def __enter__(self) -> Crowd:
        self._home = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._answer()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._home.set()
        self._thread.join(2 * self.patience)
        assert not self._thread.is_alive(), "somebody never came to an end"

    async def _answer(self) -> None:
        await asyncio.gather(*(self._person(number) for number in range(self.people)))

    async def _person(self, number: int) -> None:
        chance = random.Random(f"{self.seed}:{number}")
        for turn, invented in enumerate(invented_people(self.instrument, 50, seed=self.seed * 1000 + number)):
            if turn and self._home.is_set():
                return
            async with Phone(
                self.base, f"/s/{self.slug}", seed=chance.getrandbits(32), patience=self.patience
            ) as phone:
                trouble = ""
                self.phones.add(phone)
                try:
                    await phone.arrive()
                    await answer_all(phone, invented, [], think=lambda: self._think(phone, chance))
                except Broken as broken:
                    trouble = str(broken)
                done = bool(phone.screen.get("finished"))
                self.parts.append(Part(phone.key, phone.acknowledged, done, trouble))

    def _think(self, phone: Phone, chance: random.Random) -> float:
        if chance.random() < self.cut:
            phone.cut()
        return chance.uniform(0, self.think)

    @property
    def resent(self) -> int:
        """How often something had to be sent again so far."""
        return sum(phone.resent for phone in list(self.phones))

    def wait_for_pages(self, each: int = 1, seconds: float = 30.0) -> None:
        """Until as many pages were acknowledged as there are people, or `each` times as many."""
        wanted, until = self._pages + each * self.people, time.monotonic() + seconds
        while self._pages < wanted and time.monotonic() < until:
            time.sleep(0.02)

    @property
    def _pages(self) -> int:
        return sum(len(phone.acknowledged) for phone in list(self.phones))

    def wait_for_trouble(self, seconds: float = 20.0) -> None:
        """Until somebody had to send something again."""
        before, until = self.resent, time.monotonic() + seconds
        while self.resent == before and time.monotonic() < until:
            time.sleep(0.05)

    # -- what is in the database ------------------------------------------------------------------------------------

    def check(self, store: Store) -> Counted:
        """Assert that everybody finished, and that the database holds what was acknowledged, once; the counts."""
        troubles = Counter(part.trouble for part in self.parts if part.trouble)
        assert not troubles, troubles
        assert all(part.completed for part in self.parts)
        acknowledged = 0
        for part in self.parts:
            expected = {(page, about): answers for page, about, answers in part.acknowledged}
            found = store.answers(part.key)
            acknowledged += len(expected)
            assert {about: _given(answers) for about, answers in found.items()} == {
                about: _given(answers) for about, answers in expected.items()
            }
            assert store.participation(part.key) is not None
        rows = store.rows(self.slug)
        assert len(rows) == rows["participation"].nunique() == len(self.parts) == store.counts(self.slug).finished
        return Counted(len(self.parts), acknowledged, self.resent)


def _given(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    return {id: answer for id, answer in answers.items() if answer is not None}
