"""What several test files share: `parasol demo` as a process, and the rule about skipping."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import streamlit as st
from hypothesis import settings

from survey_app.context import _link_codes, _study_context, load_frozen_instrument, load_slug, open_store
from survey_app.store import Store

# No test asserts a time, so a busy machine must not fail one either.
settings.register_profile("parasol", deadline=None)
settings.load_profile("parasol")

# The product refuses settings it does not know; this one is the tests' own.
NO_SKIP = os.environ.pop("PARASOL_NO_SKIP", "") == "1"
START_SECONDS = 60


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With PARASOL_NO_SKIP=1 a browser or PostgreSQL test that skips has failed."""
    outcome = yield
    report = outcome.get_result()
    needed = item.get_closest_marker("browser") or item.get_closest_marker("postgres")
    if NO_SKIP and needed and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which PARASOL_NO_SKIP=1 forbids: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: their driver keeps an event loop running that no other test should find."""
    items.sort(key=lambda item: "browser" in item.path.parts)


def forget() -> None:
    """Know nothing of a database any more: another one stands behind the same settings."""
    for kept in (open_store, load_frozen_instrument, load_slug, _study_context, _link_codes):
        kept.cache_clear()
    st.cache_resource.clear()


@contextmanager
def store_of_screens(folder: Path) -> Iterator[Store]:
    """An empty store in `folder` that screens of this process open by themselves."""
    url = f"sqlite:///{folder / 'store.sqlite'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARASOL_DATABASE", url)
        forget()
        store = Store(url)
        store.migrate()
        yield store
        store.close()
        forget()


@dataclass
class Server:
    """A running `parasol demo`: its process, its address, its one-time link and its database."""

    process: subprocess.Popen[str]
    base: str
    access: str
    database: str

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


def start_server(folder: Path, port: int = 0) -> Server:
    """Start `parasol demo` on that folder and wait until it answers."""
    log = folder / f"server-{time.monotonic_ns()}.log"
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", "demo", "--no-open"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARASOL_")}
    with log.open("w") as sink:
        process = subprocess.Popen(
            [*command, "--folder", str(folder), "--port", str(port)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment | {"COLUMNS": "200"},
        )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        said = log.read_text()
        link = re.search(r"(http://[\d.:]+)(/access/\S+)", said)
        if link and "Ctrl+C" in said and _answers(link[1]):
            return Server(process, link[1], link[2], f"sqlite:///{folder / 'parasol.sqlite'}")
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own for each test file."""
    running = start_server(tmp_path_factory.mktemp("server"))
    yield running
    if running.process.poll() is None:
        running.stop()
