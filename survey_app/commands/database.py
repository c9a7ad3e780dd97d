"""The database a command works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from survey_app.store import Store


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store the settings name, with its tables up to date; its connections are given back."""
    from survey_app.settings import load_settings
    from survey_app.store import Store

    with closing(Store(load_settings().database)) as store:
        store.migrate()
        yield store
