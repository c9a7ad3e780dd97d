"""The researcher's cookie and the one-time link."""

from __future__ import annotations

import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import SettingsError
from survey_app.access import LASTS, LINK_LASTS, OneTimeLinks, admits, load_secret, sign_access, sign_test
from survey_app.settings import Settings

SECRET = b"s" * 32


def test_a_signed_cookie_admits_until_it_runs_out() -> None:
    cookie = sign_access(SECRET, now=1000.0)
    assert admits(SECRET, cookie, now=1000.0 + LASTS - 1)
    assert not admits(SECRET, cookie, now=1000.0 + LASTS + 1)
    assert not admits(b"t" * 32, cookie, now=1000.0)


@given(st.text())
def test_no_text_admits_unless_it_was_signed(text: str) -> None:
    assert not admits(SECRET, text)


@given(st.integers(min_value=0, max_value=60), st.characters(codec="ascii"))
def test_a_changed_cookie_does_not_admit(position: int, character: str) -> None:
    cookie = sign_access(SECRET)
    changed = cookie[:position] + character + cookie[position + 1 :]
    assert admits(SECRET, changed) == (changed == cookie)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(f"sqlite:///{tmp_path / 'data' / 'parasol.sqlite'}")


def test_a_link_is_good_once(settings: Settings) -> None:
    links = OneTimeLinks(settings)
    token = links.issue()
    assert not links.redeem("")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(links.redeem, [token] * 64)) == 1
    assert links.issue() != token


def test_a_link_of_another_process_is_good_for_a_day(settings: Settings) -> None:
    late, early = OneTimeLinks(settings).issue(), OneTimeLinks(settings).issue()
    server = OneTimeLinks(settings)
    assert not server.redeem(late, now=time.time() + LINK_LASTS + 1)
    assert server.redeem(early, now=time.time() + LINK_LASTS - 60)


def test_links_are_kept_as_hashes_and_can_be_made_void(settings: Settings, tmp_path: Path) -> None:
    links = OneTimeLinks(settings)
    token = links.issue()
    (file,) = (tmp_path / "data" / "access.links").iterdir()
    assert token not in file.name and not file.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    links.forget()
    assert not links.redeem(token)


@pytest.mark.parametrize("token", ["", "../access.key", "/etc/passwd", "x" * 100_000, "\x00", "\ud800"])
def test_no_text_opens_unless_it_was_issued(settings: Settings, token: str) -> None:
    links = OneTimeLinks(settings)
    links.issue()
    assert not links.redeem(token)


def test_the_mark_of_a_trial_belongs_to_one_study_and_one_installation() -> None:
    assert sign_test(SECRET, "demo") == sign_test(SECRET, "demo")
    assert len({sign_test(SECRET, "demo"), sign_test(SECRET, "other"), sign_test(b"t" * 32, "demo")}) == 3


def test_the_secret_is_made_once_for_all_processes(tmp_path: Path) -> None:
    settings = Settings(f"sqlite:///{tmp_path / 'data' / 'parasol.sqlite'}")
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(load_secret, [settings] * 16))
    assert len(secrets) == 1 and len(secrets.pop()) >= 32
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["access.key"]
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "data" / "access.key").stat().st_mode) == 0o600


def test_a_secret_in_the_settings_needs_no_file(tmp_path: Path) -> None:
    settings = Settings(f"sqlite:///{tmp_path / 'parasol.sqlite'}", secret="x" * 40)
    assert load_secret(settings) == b"x" * 40
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="PARASOL_SECRET"):
        load_secret(Settings(f"sqlite:///{tmp_path / 'file' / 'parasol.sqlite'}"))
