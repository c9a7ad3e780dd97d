"""A server that may be hurt."""

from __future__ import annotations

from collections.abc import Iterator

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
