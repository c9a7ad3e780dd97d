"""How the server is started: one process for the demonstration, or two that a third watches."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from dataclasses import replace

import segno
from rich.console import Console

from analysis.errors import Problem, SettingsError
from survey_app.access import OneTimeLinks
from survey_app.demo import SLUG, add_demo
from survey_app.server import check_port, raise_open_files, serve
from survey_app.settings import Settings, load_settings
from survey_app.store import Store

EVERYWHERE = ("0.0.0.0", "::")
RESTART_AFTER = 1.0
TOO_SOON = 15.0


def start_demo(console: Console, *, address: str | None, port: int | None, browser: bool) -> None:
    """One process for respondents and researcher, with the demonstration study."""
    settings = _chosen(address, port)
    store = Store(settings.database)
    store.migrate()
    add_demo(store)
    store.close()
    links = OneTimeLinks(settings)
    links.forget()
    here = settings.public or _reachable(settings)

    def announce() -> None:
        _say_respondent(console, settings, f"{here}/s/{SLUG}")
        _say_researcher(console, f"{here}/access/{links.issue()}")
        console.print("  Stop with Ctrl+C.\n")
        if browser and _has_screen():
            webbrowser.open(f"{here}/access/{links.issue()}")

    raise_open_files()
    with contextlib.suppress(KeyboardInterrupt):
        serve(settings, links, announce)


def start_pair(console: Console, *, address: str | None, port: int | None) -> None:
    """Two processes from the same code, respondents and researchers; one that dies is started again."""
    settings = _chosen(address, port)
    researchers = replace(settings, port=check_port(settings.address, settings.port + 1))
    store = Store(settings.database)
    store.migrate()
    store.close()
    public = settings.public or _reachable(settings)
    common = os.environ | {"PARASOL_ADDRESS": settings.address, "PARASOL_PUBLIC": public}
    environments = [
        common | {"PARASOL_PORT": str(settings.port), "PARASOL_RESEARCHER": "off"},
        common | {"PARASOL_PORT": str(researchers.port), "PARASOL_RESEARCHER": "on"},
    ]
    _watch(console, environments)


def start_half() -> None:
    """One of the two processes, as its environment says; it ends when the process that watches it is gone."""
    console = Console(highlight=False)
    settings = load_settings()
    links = OneTimeLinks(settings)
    if settings.researcher:
        links.forget()
    open_files = raise_open_files()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def announce() -> None:
        if settings.researcher:
            _say_researcher(console, f"{_reachable(settings)}/access/{links.issue()}")
            return
        limit = "" if open_files is None else f" (open files: {open_files:,}, enough for {open_files // 4:,} people)"
        console.print(f"\n  Respondents   {settings.public}/s/...{limit}", soft_wrap=True)

    with contextlib.suppress(KeyboardInterrupt):
        serve(settings, links, announce)


def _end_with_parent() -> None:
    """The other end of standard input closes when the parent ends, however it ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _watch(console: Console, environments: list[dict[str, str]]) -> None:
    """Keep one child running for each environment until a signal ends it all."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ending.set())
    children = [_Child(environment) for environment in environments]
    try:
        while not ending.wait(RESTART_AFTER):
            for child in children:
                if child.ended():
                    console.print("  A server process ended by itself; it is started again.")
                    child.start()
    finally:
        for child in children:
            child.stop()


class _Child:
    """A server process and how to start it again."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", "from survey_app.launch import start_half; start_half()"]
        self.since = time.monotonic()
        self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE)

    def ended(self) -> bool:
        """Has it ended? SettingsError where that was so soon that starting it again would not help."""
        if self.process.poll() is None:
            return False
        if time.monotonic() - self.since < TOO_SOON:
            where, what = "a server process", f"ended right after its start (code {self.process.returncode})"
            raise SettingsError(Problem(where, what, "Look at what it said above."))
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def _chosen(address: str | None, port: int | None) -> Settings:
    settings = load_settings()
    settings = replace(settings, address=address or settings.address)
    return replace(settings, port=check_port(settings.address, settings.port if port is None else port))


def _reachable(settings: Settings) -> str:
    """The address to type elsewhere."""
    host = _own_address() if settings.address in EVERYWHERE else settings.address
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}"


def _own_address() -> str:
    """This machine's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


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
