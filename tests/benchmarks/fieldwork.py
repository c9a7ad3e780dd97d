"""How fast does Parasol collect answers? Starts the real server and lets people who do not exist answer all of it.

    python tests/benchmarks/fieldwork.py [--respondents 50] [--rounds 4] [--think 0]

Each virtual respondent speaks Streamlit's own websocket protocol, posts every page to /answers as the phone does, and
asks for the next page. Printed are the seconds from process start to the first page, page saves per second, how long
a page took (post and next page together), errors, whether the database holds exactly what was completed, and the
processor time of the server per completed questionnaire. Server and respondents share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from survey_app.store import Store

PATIENCE = 60.0
RUN_AGAIN = ForwardMsg.FINISHED_EARLY_FOR_RERUN
FINISHED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass
class Record:
    """What was seen of all respondents together."""

    completed: int = 0
    pages: list[float] = field(default_factory=list)
    first_pages: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    resent: int = 0


class Phone:
    """One respondent's phone: a websocket for the screens and a connection for the answers."""

    def __init__(self, socket: ClientConnection, web: httpx.AsyncClient, query: str, seed: int, record: Record) -> None:
        self.socket = socket
        self.record = record
        self.web = web
        self.query = query
        self.random = random.Random(seed)
        self.script = ""
        self.widget = ""
        self.screen: dict[str, Any] = {}
        self.kept: dict[str, ForwardMsg] = {}

    async def run(self, event: dict[str, Any] | None = None) -> None:
        """One run of the script: ask for it, and read what it shows until it is over."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self.script
        state.widget_states.SetInParent()
        state.context_info.locale = "nl-NL"
        state.context_info.timezone = "Europe/Amsterdam"
        state.cached_message_hashes.extend(self.kept)
        if event is not None:
            widget = state.widget_states.widgets.add()
            widget.id = f"$$STREAMLIT_INTERNAL_KEY_{self.widget}__events"
            widget.json_trigger_value = json.dumps([{"event": "sent", "value": event}])
        await self.socket.send(message.SerializeToString())
        await asyncio.wait_for(self._read(), PATIENCE)

    async def _read(self) -> None:
        self.screen = {}
        while True:
            message = ForwardMsg.FromString(await self.socket.recv(decode=False))
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                message = self.kept[message.ref_hash]
                kind = message.WhichOneof("type")
            elif message.metadata.cacheable:
                self.kept[message.hash] = message
            if kind == "new_session":
                self.script = message.new_session.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._see(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != RUN_AGAIN:
                if message.script_finished not in FINISHED or not self.screen:
                    raise AssertionError("a run ended without a screen")
                return

    def _see(self, element: Any) -> None:
        if element.WhichOneof("type") == "bidi_component":
            self.widget = element.bidi_component.id
            self.screen = json.loads(element.bidi_component.mixed.json or element.bidi_component.json)
        elif element.WhichOneof("type") in ("exception", "alert"):
            raise AssertionError("the screen shows an error")

    async def press(self, event: str, value: str = "", answers: dict[str, Any] | None = None) -> None:
        """Press a button; a page of answers is posted first, as the component does."""
        post, before = self.screen.get("post"), self.screen["screen"]
        saved = event == "next" and bool(post)
        if event == "next" and post:
            letter = {name: post[name] for name in ("key", "page", "influencer")}
            letter |= {"answers": answers, "order": self.screen["order"], "paradata": {"milliseconds": 1}}
            await self._post(post["address"], letter)
        told = {"event": event, "value": value, "screen": before, "language": self.screen["language"]}
        nonce = f"{self.random.getrandbits(64)}"
        await self.run(told | {"answers": answers or {}, "nonce": nonce, "attempt": 0, "saved": saved})
        if self.screen["screen"] == before:
            raise AssertionError(f"stayed on {before}")

    async def _post(self, address: str, letter: dict[str, Any]) -> None:
        """Send a page until it is saved: a connection left idle may just have been closed, as a phone knows."""
        for attempt in range(3):
            try:
                reply = await self.web.post(address, json=letter)
            except httpx.TransportError:
                self.record.resent += 1
                await asyncio.sleep(attempt)
                continue
            if reply.status_code != 200:
                raise AssertionError(f"the post was answered {reply.status_code}")
            return
        raise AssertionError("a page could not be posted")

    def answers(self) -> dict[str, Any]:
        """An answer to everything that is asked on this screen."""
        given: dict[str, Any] = {}
        for block in self.screen["blocks"]:
            for item in block["items"]:
                if "values" in block:
                    given[item["id"]] = self.random.choice(block["values"])
                elif block["kind"] == "number":
                    given[item["id"]] = item["minimum"] if item["minimum"] is not None else 30
                else:
                    given[item["id"]] = "Nina Vos"
        return given


async def complete(base: str, seed: int, think: float, record: Record) -> None:
    """One whole questionnaire, from the QR code to the withdrawal code."""
    began = time.perf_counter()
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE) as web:
        start = await web.get("/s/demo")
        query = urlparse(start.headers["location"]).query
        stream = f"ws{base.removeprefix('http')}/_stcore/stream"
        async with connect(stream, subprotocols=["streamlit"], max_size=None, compression=None) as socket:  # type: ignore[list-item]
            phone = Phone(socket, web, query, seed, record)
            await phone.run()
            record.first_pages.append(time.perf_counter() - began)
            await phone.press("language", "nl")
            await phone.press("agree")
            while phone.screen["screen"] != "thanks":
                if think:
                    await asyncio.sleep(phone.random.uniform(think / 2, think * 3 / 2))
                sent = time.perf_counter()
                await phone.press("next", answers=phone.answers())
                record.pages.append(time.perf_counter() - sent)
            record.completed += 1


async def respondent(base: str, number: int, rounds: int, think: float, record: Record) -> None:
    for turn in range(rounds):
        try:
            await complete(base, 1000 * number + turn, think, record)
        except Exception as error:
            record.errors[f"{type(error).__name__}: {error}"[:120]] += 1


async def fieldwork(base: str, respondents: int, rounds: int, think: float) -> Record:
    record = Record()
    await asyncio.gather(*(respondent(base, number, rounds, think, record) for number in range(respondents)))
    return record


def start(folder: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start `parasol demo`; its process and its address, once it has printed that."""
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", "demo", "--no-open", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARASOL_")}
    with log.open("w") as sink:
        process = subprocess.Popen([*command, "--folder", str(folder)], stdout=sink, stderr=sink, env=environment)
    while process.poll() is None:
        found = re.search(r"(http://\S+)/s/demo", log.read_text())
        if found:
            return process, found[1]
        time.sleep(0.01)
    raise SystemExit(log.read_text())


async def first_page(base: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a whole first page has come."""
    while process.poll() is None:
        with contextlib.suppress(OSError, httpx.TransportError):
            async with httpx.AsyncClient(base_url=base) as web:
                await web.get("/")
                query = urlparse((await web.get("/s/demo")).headers["location"]).query
                async with connect(
                    f"ws{base.removeprefix('http')}/_stcore/stream", subprotocols=["streamlit"]
                ) as socket:  # type: ignore[list-item]
                    await Phone(socket, web, query, 0, Record()).run()
            return
        await asyncio.sleep(0.01)


def milliseconds(seconds: list[float]) -> str:
    p50, p95, p99 = (1000 * float(q) for q in np.quantile(seconds, [0.5, 0.95, 0.99]))
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"


def processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--respondents", type=int, default=50)
    asked.add_argument("--rounds", type=int, default=4)
    asked.add_argument("--think", type=float, default=0.0, help="mean seconds spent on a page")
    wish = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what in ("first start, with the demonstration study made", "second start"):
            began = time.perf_counter()
            process, base = start(folder, folder / "log")
            try:
                asyncio.run(first_page(base, process))
                print(f"process start to first page  {time.perf_counter() - began:.2f} s ({what})")
                if what == "second start":
                    measure(process, base, folder, wish)
            finally:
                process.terminate()
                process.wait()


def measure(process: subprocess.Popen[bytes], base: str, folder: Path, wish: argparse.Namespace) -> None:
    store = Store(f"sqlite:///{folder / 'parasol.sqlite'}")
    before = store.counts("demo").finished
    server, driver = psutil.Process(process.pid), psutil.Process()
    spent, own, began = processor(server), processor(driver), time.perf_counter()
    record = asyncio.run(fieldwork(base, wish.respondents, wish.rounds, wish.think))
    took = time.perf_counter() - began
    spent, own = processor(server) - spent, processor(driver) - own
    kept = store.counts("demo").finished - before
    rows = len(store.rows("demo")) - before
    store.close()
    print(f"respondents                  {wish.respondents} at once, {wish.rounds} rounds, think {wish.think:g} s")
    print(f"completed                    {record.completed} in {took:.1f} s, {record.completed / took:.1f}/s")
    print(f"page saves                   {len(record.pages) / took:.0f}/s")
    print(f"post and next page           {milliseconds(record.pages)}")
    print(f"first page                   {milliseconds(record.first_pages)}")
    errors = f"{sum(record.errors.values())} {dict(record.errors) or ''}"
    print(f"errors                       {errors} (posts sent again: {record.resent})")
    equal = "equal" if kept == rows == record.completed else "NOT EQUAL"
    print(f"database                     {kept} finished, {rows} rows: {equal}")
    print(f"server processor             {1000 * spent / max(record.completed, 1):.0f} ms per completed questionnaire")
    print(f"server memory                {server.memory_info().rss / 1e6:.0f} MB")
    shares = f"server {100 * spent / took:.0f} %, respondents {100 * own / took:.0f} %"
    print(f"processor used               {shares} of one core")


if __name__ == "__main__":
    main()
