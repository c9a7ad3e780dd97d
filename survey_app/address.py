"""Where this server is reached: by phones in the same network, and by the commands that speak of a running server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

from analysis.errors import Problem, SettingsError
from survey_app.settings import Settings

EVERYWHERE = ("0.0.0.0", "::")
_NOTE = "server.address"
_PATIENCE = 5


def public_address(settings: Settings) -> str:
    """The address that links are made with: the setting, else that of this machine in its network."""
    return settings.public or reachable(settings)


def reachable(settings: Settings) -> str:
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


@contextlib.contextmanager
def noted(settings: Settings, address: str) -> Iterator[None]:
    """While this lasts, other commands on this machine know that the researcher's screens are at `address`."""
    note = settings.folder / _NOTE
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(address, encoding="utf-8")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if note.read_text(encoding="utf-8") == address:
                note.unlink()


def running_address(settings: Settings) -> str:
    """Where are the researcher's screens of the server that runs now? SettingsError where none does."""
    try:
        address = (settings.folder / _NOTE).read_text(encoding="utf-8")
        with urlopen(f"{address}/_stcore/health", timeout=_PATIENCE):
            return address
    except (OSError, URLError, ValueError):
        what = "no server that keeps its data here is running"
        remedy = "Start one with `parasol serve`, or give this command the same PARASOL_DATABASE."
        raise SettingsError(Problem(str(settings.folder), what, remedy)) from None
