"""How the server is started: one process for the demonstration, or several that one more watches."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from dataclasses import replace
from urllib.request import urlopen

import segno
from rich.console import Console

from analysis.errors import Problem, SettingsError
from survey_app.access import OneTimeLinks
from survey_app.address import EVERYWHERE, noted, public_address, reachable
from survey_app.demo import SLUG, add_demo
from survey_app.server import check_port, keep_to_one_core, raise_open_files, serve
from survey_app.settings import Settings, load_settings
from survey_app.store import Store

RESTART_AFTER = 1.0
TOO_SOON = 15.0
COMES_BACK = 60.0
GIVES_WAY = 10
"""How nice (as `nice` counts) the researchers' process is to the others."""


def start_demo(console: Console, *, address: str | None, port: int | None, browser: bool) -> None:
    """One process for respondents and researcher, with the demonstration study."""
    settings = _chosen(address, port)
    store = Store(settings.database)
    store.migrate()
    add_demo(store)
    store.close()
    links = OneTimeLinks(settings)
    links.forget()
    here = public_address(settings)

    def announce() -> None:
        _say_respondent(console, settings, f"{here}/s/{SLUG}")
        _say_researcher(console, f"{here}/access/{links.issue()}")
        console.print("  Stop with Ctrl+C.\n")
        if browser and _has_screen():
            webbrowser.open(f"{here}/access/{links.issue()}")

    raise_open_files()
    with contextlib.suppress(KeyboardInterrupt), noted(settings, reachable(settings)):
        serve(settings, links, announce)


def start_several(console: Console, *, address: str | None, port: int | None, workers: int) -> None:
    """Processes for respondents at consecutive ports, and one for researchers at the next; one that dies comes back.

    SIGHUP starts one after the other anew, each when the one before it answers again.
    """
    settings = _chosen(address, port)
    if workers > 1 and settings.database.startswith("sqlite"):
        what = f"is one file, which {workers} processes would wait for in turn"
        raise SettingsError(Problem("PARASOL_DATABASE", what, "Name a PostgreSQL database, or leave --workers out."))
    ports = [settings.port, *(check_port(settings.address, settings.port + more) for more in range(1, workers + 1))]
    store = Store(settings.database)
    store.migrate()
    store.close()
    common = os.environ | {"PARASOL_ADDRESS": settings.address, "PARASOL_PUBLIC": public_address(settings)}
    common["PARASOL_WORKERS"] = str(workers)
    environments = [
        common | {"PARASOL_PORT": str(port), "PARASOL_RESEARCHER": "on" if port == ports[-1] else "off"}
        for port in ports
    ]
    _watch(console, environments)


def start_half() -> None:
    """One of the processes, as its environment says; it ends when the process that watches it is gone."""
    console = Console(highlight=False)
    settings = load_settings()
    links = OneTimeLinks(settings)
    if settings.researcher:
        links.forget()
    else:
        keep_to_one_core(settings.port)
    open_files = raise_open_files()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def announce() -> None:
        if settings.researcher:
            _say_researcher(console, f"{reachable(settings)}/access/{links.issue()}")
            return
        limit = "" if open_files is None else f" (open files: {open_files:,}, enough for {open_files // 4:,} people)"
        console.print(f"\n  Respondents   {settings.public}/s/...  port {settings.port}{limit}", soft_wrap=True)

    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as while_it_runs:
        if settings.researcher:
            while_it_runs.enter_context(noted(settings, reachable(settings)))
        serve(settings, links, announce)


def _end_with_parent() -> None:
    """The other end of standard input closes when the parent ends, however it ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def give_way(pid: int) -> None:
    """Let other processes go before this one, which has only just been started.

    A researcher's computation may take all the time that is left, people who answer should not notice. Where the
    platform knows no such order (Windows), nothing happens.
    """
    if hasattr(os, "setpriority"):
        # Told to the first thread before there are others, which inherit it; never less than we are ourselves.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, max(GIVES_WAY, os.getpriority(os.PRIO_PROCESS, 0)))


def _watch(console: Console, environments: list[dict[str, str]]) -> None:
    """Keep one child running for each environment until a signal ends it all."""
    ending, renewing = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ending.set())
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda number, frame: renewing.set())
    children = [_Child(environment) for environment in environments]
    try:
        while not ending.wait(RESTART_AFTER):
            for child in children:
                if child.ended():
                    console.print("  A server process ended by itself; it is started again.")
                    child.start()
            if renewing.is_set():
                renewing.clear()
                _renew(console, children, ending)
    finally:
        for child in children:
            child.stop()


def _renew(console: Console, children: list[_Child], ending: threading.Event) -> None:
    """Start one child after the other anew. One that does not come back ends it: the others still answer."""
    for child in children:
        child.stop()
        child.start()
        until = time.monotonic() + COMES_BACK
        while not child.answers():
            if ending.wait(0.1):
                return
            if child.process.poll() is not None or time.monotonic() > until:
                console.print(f"  The process at port {child.port} did not come back; the others were left alone.")
                return
        console.print(f"  The process at port {child.port} was started anew.")


class _Child:
    """A server process and how to start it again."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.port = environment["PARASOL_PORT"]
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", "from survey_app.launch import start_half; start_half()"]
        self.since = time.monotonic()
        self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE)
        if self.environment["PARASOL_RESEARCHER"] == "on":
            give_way(self.process.pid)

    def ended(self) -> bool:
        """Has it ended? SettingsError where that was so soon that starting it again would not help."""
        if self.process.poll() is None:
            return False
        if time.monotonic() - self.since < TOO_SOON:
            where, what = "a server process", f"ended right after its start (code {self.process.returncode})"
            raise SettingsError(Problem(where, what, "Look at what it said above."))
        return True

    def answers(self) -> bool:
        """Is it ready for people?"""
        address = self.environment["PARASOL_ADDRESS"]
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)
        try:
            with urlopen(f"http://{host}:{self.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def _chosen(address: str | None, port: int | None) -> Settings:
    settings = load_settings()
    settings = replace(settings, address=address or settings.address)
    return replace(settings, port=check_port(settings.address, settings.port if port is None else port))


def _has_screen() -> bool:
    shown = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stdout.isatty() and bool(shown)


def _say_respondent(console: Console, settings: Settings, link: str) -> None:
    console.print(f"\n  Respondents   [bold]{link}[/bold]\n", soft_wrap=True)
    if console.is_terminal:
        segno.make(link, error="l", micro=False).terminal(compact=True, border=2)
        console.print()
    if settings.address not in EVERYWHERE:
        console.print("  For phones in the same network, start with --address 0.0.0.0.\n")


def _say_researcher(console: Console, link: str) -> None:
    console.print(f"  Researcher    [bold]{link}[/bold]", soft_wrap=True)
    console.print("                opens once; that browser then stays admitted for 30 days\n")
