"""Settings, read once from the environment variables that begin with PARASOL_."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from analysis.errors import Problem, SettingsError

_KEYS = ("PARASOL_DATABASE", "PARASOL_ADDRESS", "PARASOL_PORT", "PARASOL_SECRET", "PARASOL_RESEARCHER")
_SWITCH = {"on": True, "off": False}
_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Settings:
    """How this installation runs.

    `secret` signs the researcher's cookie; empty means the server makes one for each start. `researcher` says
    whether this process shows the researcher's screens at all.
    """

    database: str
    address: str = "127.0.0.1"
    port: int = 8501
    secret: str = field(default="", repr=False)
    researcher: bool = True


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
        With one problem for each variable that cannot be used, and for each unknown one.
    """
    given = os.environ if environment is None else environment
    problems = [
        Problem(key, "no setting has this name", f"Known settings: {', '.join(_KEYS)}.")
        for key in sorted(given)
        if key.startswith("PARASOL_") and key not in _KEYS
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
    if problems:
        raise SettingsError(*problems)
    address = given.get("PARASOL_ADDRESS") or "127.0.0.1"
    return Settings(database, address, int(port), secret, _SWITCH[researcher])


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
