"""Who may see the researcher's screens: whoever opened a one-time link and now holds a signed cookie."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

import streamlit as st

from analysis.errors import Problem, SettingsError
from survey_app.settings import Settings, load_settings

COOKIE = "parasol_access"
LASTS = 30 * 24 * 3600
LINK_LASTS = 24 * 3600


class OneTimeLinks:
    """The links that were printed and not opened yet: an empty file for each, named by the hash of its token.

    Opening a link removes its file, which only one of several processes can do. So any process on this machine that
    may write to the folder can issue a link for the server that runs.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.folder / "access.links"

    def issue(self) -> str:
        """A new token, good for one opening within a day."""
        token = secrets.token_urlsafe(32)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file(token).touch(mode=0o600)
        except OSError as trouble:
            what = f"a link to the researcher's side cannot be kept ({trouble.strerror})"
            raise SettingsError(Problem(str(self._folder), what, "Make the folder writable.")) from None
        return token

    def redeem(self, token: str, now: float | None = None) -> bool:
        """Was this token still good? It is used up now."""
        file = self._file(token)
        try:
            issued = file.stat().st_mtime
            file.unlink()
        except OSError:
            return False
        return (time.time() if now is None else now) - issued < LINK_LASTS

    def forget(self) -> None:
        """Make every link void that was not opened yet."""
        if self._folder.is_dir():
            for file in self._folder.iterdir():
                file.unlink(missing_ok=True)

    def _file(self, token: str) -> Path:
        return self._folder / hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def load_secret(settings: Settings) -> bytes:
    """The secret that signs the cookies: the setting, or a key file that is made once beside the data.

    All processes of an installation share it, so a restart does not send a researcher away.
    """
    if settings.secret:
        return settings.secret.encode()
    path = settings.folder / "access.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_hex(32).encode())
        try:
            os.link(draft, path)  # fails where another process was first; never shows a half-written key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_bytes()
    except OSError as trouble:
        remedy = "Make the folder writable, or set PARASOL_SECRET to at least 32 random characters."
        raise SettingsError(Problem(str(path), f"the access key cannot be kept ({trouble.strerror})", remedy)) from None


def sign_access(secret: bytes, now: float | None = None) -> str:
    """A cookie value that admits its holder for 30 days."""
    expires = int((time.time() if now is None else now) + LASTS)
    payload = f"{expires}.{secrets.token_urlsafe(12)}"
    return f"{payload}.{_signature(secret, payload)}"


def admits(secret: bytes, cookie: str, now: float | None = None) -> bool:
    """Did this installation sign the cookie, and is it still good?"""
    payload, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, payload).encode()):
        return False
    return (time.time() if now is None else now) < int(payload.partition(".")[0])


def sign_test(secret: bytes, slug: str) -> str:
    """What makes a link to this study a trial: only who may see the researcher's screens can know it."""
    return hmac.new(secret, f"test.{slug}".encode(), hashlib.sha256).hexdigest()[:32]


def is_test(slug: str, mark: str) -> bool:
    """Was this mark made for trials of that study? Trials are let in always, and never count."""
    return hmac.compare_digest(sign_test(_settings_and_secret()[1], slug).encode(), mark.encode())


def researcher_here() -> bool:
    """May the person of this session see the researcher's screens?"""
    settings, secret = _settings_and_secret()
    return settings.researcher and admits(secret, st.context.cookies.get(COOKIE, ""))


@st.cache_resource(show_spinner=False)
def _settings_and_secret() -> tuple[Settings, bytes]:
    settings = load_settings()
    return settings, load_secret(settings)


def _signature(secret: bytes, payload: str) -> str:
    return hmac.new(secret, f"{COOKIE}.{payload}".encode(), hashlib.sha256).hexdigest()
