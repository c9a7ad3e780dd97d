"""A real server with a database of its own, and a real browser that visits it."""

from __future__ import annotations

import http.server
import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from analysis.instrument import Instrument, load_instrument
from survey_app.access import OneTimeLinks
from survey_app.demo import add_demo
from survey_app.media import keep_media, with_kept
from survey_app.settings import Settings
from survey_app.store import Store
from survey_app.study import Study

PROJECT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

CONSENT = {
    "en": "You take part in a test. It takes five minutes.\n\n- You may stop at any moment.\n- Nobody asks your name.",
    "nl": "Je doet mee aan een test. Dat duurt vijf minuten.\n\n- Je mag op elk moment stoppen.\n- Je naam wordt "
    "niet gevraagd.",
    "de": "Du nimmst an einem Test teil. Er dauert fünf Minuten.\n\n- Du darfst jederzeit aufhören.\n- Niemand fragt "
    "nach deinem Namen.",
}
TITLE = {
    "en": "You and the influencer you follow",
    "nl": "Jij en de influencer die je volgt",
    "de": "Du und die Person, der du folgst",
}


def _picture() -> bytes:
    from PIL import Image

    drawn = io.BytesIO()
    Image.linear_gradient("L").resize((640, 400)).save(drawn, "PNG")
    return drawn.getvalue()


PICTURE = _picture()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Server:
    """The real server in a process of its own, on a free port, with a SQLite file of its own."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "parasol.sqlite"
        self.store = Store(f"sqlite:///{self.database}")
        self.store.migrate()
        self.digest = self.store.add_instrument(load_instrument("psi_core"))
        self.log = folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        settings = {
            "PARASOL_DATABASE": f"sqlite:///{self.database}",
            "PARASOL_ADDRESS": "127.0.0.1",
            "PARASOL_PORT": str(self.port),
            "PARASOL_RESEARCHER": "on",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARASOL_", "STREAMLIT_"))}
        command = [sys.executable, "-u", "-c", "from survey_app.launch import start_half; start_half()"]
        with self.log.open("ab") as log:
            # The server ends when its standard input does, so it cannot outlive the tests.
            self.process = subprocess.Popen(
                command, env=kept | settings, cwd=PROJECT, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        for _ in range(600):
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                if self.process.poll() is not None:
                    break
            time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the server did not start within a minute\n{self.log.read_text()}")

    def kill(self) -> None:
        self.process.kill()
        self._ended()

    def stop(self) -> None:
        self.process.terminate()
        self._ended()
        self.store.close()

    def _ended(self) -> None:
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def add_study(
        self, languages: tuple[str, ...] = ("en", "nl"), instrument: Instrument | None = None, **design: Any
    ) -> str:
        """An open study, with the core questionnaire unless told; its slug."""
        slug = f"s{secrets.token_hex(4)}"
        digest = self.digest if instrument is None else self.store.add_instrument(instrument)
        self.store.add_study(Study(slug, slug, TITLE, digest, languages, "draft", CONSENT, "1", **design))
        self.store.open_study(slug)
        return slug

    def showcase(self) -> Instrument:
        """The questionnaire with every kind of question, its picture kept beside the database."""
        return with_kept(load_instrument("showcase"), lambda name: keep_media(self.database.parent / "files", PICTURE))

    def link(self, slug: str) -> str:
        return f"{self.url}/s/{slug}"

    def researcher_link(self) -> str:
        """The one-time link to the researcher's screens, as the server printed it when it started."""
        words = self.log.read_text().split()
        return next(word for word in reversed(words) if "/access/" in word)

    def another_link(self) -> str:
        """One more one-time link to the researcher's screens, as `parasol link` makes it."""
        return f"{self.url}/access/{OneTimeLinks(Settings(f'sqlite:///{self.database}')).issue()}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests; each test adds a study of its own."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demonstration study, for tests that only look at it."""
    server = Server(tmp_path_factory.mktemp("demo"))
    add_demo(server.store)
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may hurt."""
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def study(server: Server) -> str:
    """The slug of a fresh, open study in English and Dutch."""
    return server.add_study()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped, or fail where skipping is forbidden."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "no Chromium was found: install Debian's package chromium to run the browser tests"
        if os.environ.get("PARASOL_NO_SKIP") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A Dutch phone, 390 x 844."""
    context = browser.new_context(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale="nl-NL")
    yield context
    context.close()


@pytest.fixture
def desktop(browser: Browser) -> Iterator[BrowserContext]:
    """An English desktop, 1440 x 900."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    yield context
    context.close()


class Site:
    """Another site, on a port of its own: a page with the frame that its address asks for, and files it holds.

    `asked` are the addresses it was asked for and `referrers` what each said about where it came from; `asks` is
    called at each.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.referrers: list[str] = []
        self.asks: Callable[[], None] = lambda: None
        self.files: dict[str, tuple[str, bytes]] = {}
        site = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = urlsplit(self.path)
                if where.path == "/favicon.ico":
                    self.send_error(404)
                    return
                site.asked.append(self.path)
                site.referrers.append(self.headers.get("referer", ""))
                site.asks()
                shown = "".join(
                    f'<iframe src="{address}" width="380" height="800"></iframe>'
                    for address in parse_qs(where.query).get("frame", [])
                )
                page = ("text/html", f"<!DOCTYPE html><title>Elsewhere</title>{shown}".encode())
                kind, body = site.files.get(where.path, page)
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *said: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    """Another site than ours."""
    other = Site()
    thread = threading.Thread(target=other.server.serve_forever, args=(0.05,))
    thread.start()
    yield other
    other.server.shutdown()
    thread.join()
    other.server.server_close()
