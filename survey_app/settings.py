"""Settings, read once from the environment variables that begin with PARASOL_."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from analysis.errors import Problem, SettingsError

_KEYS = tuple(
    f"PARASOL_{name}" for name in ("DATABASE", "ADDRESS", "PORT", "SECRET", "RESEARCHER", "PUBLIC", "WORKERS")
)
_SWITCH = {"on": True, "off": False}
_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Settings:
    """How this installation runs.

    `secret` signs the researcher's cookie; empty means a key file beside the data. `researcher` says whether
    this process shows the researcher's screens at all. `public` is the address by which respondents reach the
    server, for links and QR codes; empty means the address it was asked at. `workers` is the number of processes that
    serve respondents, which share the limits of limits.py.
    """

    database: str
    address: str = "127.0.0.1"
    port: int = 8501
    secret: str = field(default="", repr=False)
    researcher: bool = True
    public: str = ""
    workers: int = 1

    @property
    def folder(self) -> Path:
        """Where keys, pictures and videos are kept: beside the SQLite file, or in the user's data folder."""
        scheme, _, path = self.database.partition(":///")
        return Path(path).parent if scheme == "sqlite" else data_folder(os.environ)


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """What does the environment say?

    Parameters
    ----------
    environment : mapping of str to str, optional
        In place of the process's own environment variables.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        With one problem for each variable that cannot be used, and for each misspelt one.
    """
    given = os.environ if environment is None else environment
    problems = [
        Problem(key, "no setting has this name", f"Write {near[0]}.")
        for key in sorted(given)
        if key not in _KEYS and key.startswith("PARASOL_") and (near := get_close_matches(key, _KEYS, 1, 0.8))
    ]
    database = given.get("PARASOL_DATABASE") or f"sqlite:///{data_folder(given) / 'parasol.sqlite'}"
    port = given.get("PARASOL_PORT") or "8501"
    secret = given.get("PARASOL_SECRET", "")
    researcher = given.get("PARASOL_RESEARCHER") or "on"
    problems += _database_problems(database)
    if not (port.isascii() and port.isdecimal() and int(port) <= 65535):
        problems.append(Problem("PARASOL_PORT", f"'{port}' is no port", "Give a number from 0 to 65535."))
    if secret and len(secret) < _SECRET_LENGTH:
        what = f"has {len(secret)} characters, which can be guessed"
        problems.append(Problem("PARASOL_SECRET", what, f"Give at least {_SECRET_LENGTH} random characters."))
    if researcher not in _SWITCH:
        problems.append(Problem("PARASOL_RESEARCHER", f"'{researcher}' is neither on nor off", "Write on or off."))
    public = given.get("PARASOL_PUBLIC", "").rstrip("/")
    if public and not public.startswith(("http://", "https://")):
        what = f"'{public}' does not begin with http:// or https://"
        problems.append(Problem("PARASOL_PUBLIC", what, "Write the whole address, for example https://survey.example."))
    workers = given.get("PARASOL_WORKERS") or "1"
    if not (workers.isascii() and workers.isdecimal() and 1 <= int(workers) <= 1000):
        what = f"'{workers}' is no number of processes"
        problems.append(Problem("PARASOL_WORKERS", what, "Give a number from 1 to 1000."))
    if problems:
        raise SettingsError(*problems)
    address = given.get("PARASOL_ADDRESS") or "127.0.0.1"
    return Settings(database, address, int(port), secret, _SWITCH[researcher], public, int(workers))


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where do this user's programs keep their data? The folder need not exist yet."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "parasol"


def _database_problems(url: str) -> list[Problem]:
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest != "/" and ":memory:" not in rest:
        return []
    if scheme in ("postgresql", "postgres") and rest:
        return []
    remedy = "Write sqlite:////folder/file.sqlite or postgresql://user:password@host/database."
    if scheme == "sqlite":
        return [Problem("PARASOL_DATABASE", f"'{url}' names no file, so every answer would be forgotten", remedy)]
    return [Problem("PARASOL_DATABASE", f"'{scheme}' is no database Parasol knows", remedy)]
