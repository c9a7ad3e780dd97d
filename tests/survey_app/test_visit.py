"""What a session knows of a respondent, and how it keeps up with pages that came by the other way."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from analysis.errors import StoreError
from survey_app import limits
from survey_app.context import open_store
from survey_app.limits import Limit
from survey_app.questionnaire import Sent
from survey_app.screens.respondent import _comes_too_early
from survey_app.settings import load_settings
from survey_app.store import Store
from survey_app.study import Influencer, Study
from survey_app.visit import Visit, load
from survey_app.visit_screens import screen_of
from tests.conftest import forget
from tests.survey_app.conftest import INSTRUMENT


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that visits open by themselves, with an open study."""
    monkeypatch.setenv("PARASOL_DATABASE", url)
    forget()
    store = Store(url)
    texts = {"en": "A test", "nl": "Een test"}
    digest = store.add_instrument(INSTRUMENT)
    ana = (Influencer("ana", "Ana"),)
    store.add_study(Study("s", "s", texts, digest, ("en", "nl"), "open", texts, "1", influencers=ana, rate="all"))
    yield store
    store.close()
    open_store().close()
    forget()


@pytest.fixture
def key(store: Store) -> str:
    key = secrets.token_urlsafe(32)
    store.begin("s", key, language="en")
    return key


def seen(visit: Visit) -> str:
    load(visit)
    return screen_of(visit).id


def test_a_session_keeps_up_with_pages_that_were_posted(store: Store, key: str) -> None:
    visit = Visit("s", key)
    assert (seen(visit), visit.returned) == ("first", True)
    store.save_page(key, "first", dict.fromkeys(INSTRUMENT.page("first").items, 3), sequence=1)
    assert (seen(visit), visit.returned) == ("person", False)  # the page itself told of the return
    store.save_page(key, "person", {"age": 30}, sequence=2)
    store.save_page(key, "rated", {"b1": 3, "b2": 3}, influencer="ana", sequence=3)
    code = store.finish(key)
    assert seen(visit) == "thanks" and visit.code == code


def test_a_withdrawn_participation_is_gone_from_the_session_too(store: Store, key: str) -> None:
    visit = Visit("s", key, agreed=True)
    store.save_page(key, "first", dict.fromkeys(INSTRUMENT.page("first").items, 3))
    assert seen(visit) == "person"
    code = store.finish(key)
    assert seen(visit) == "thanks" and store.withdraw(code)
    assert seen(visit) == "consent"
    assert (visit.participation, visit.answers, visit.agreed, visit.code) == (None, {}, False, "")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_visit_that_was_read_halfway_is_read_again(store: Store, key: str) -> None:
    """Who takes part can be read, what they answered cannot: nothing half of it may be shown, now or later."""
    visit = Visit("s", key)
    assert seen(visit) == "first"
    for sequence, (page, about) in enumerate((("first", ""), ("person", ""), ("rated", "ana")), start=1):
        store.save_page(key, page, {}, influencer=about, sequence=sequence)
    code = store.finish(key)
    file = make_url(load_settings().database).database
    assert file is not None
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE pages RENAME TO away")
    for _ in range(2):
        with pytest.raises(StoreError):
            load(visit)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE away RENAME TO pages")
    database.close()
    assert seen(visit) == "thanks" and visit.code == code


def test_the_time_it_takes_is_announced_before_anybody_agrees(store: Store) -> None:
    visit = Visit("s", secrets.token_urlsafe(32), language="en")
    load(visit)
    assert screen_of(visit).progress == {"text": "Before you begin, about 1 minute", "share": 0}


@pytest.mark.parametrize(("event", "counted"), [("handover", True), ("next", True), ("language", False)])
def test_what_writes_or_draws_is_counted_for_the_link(
    store: Store, monkeypatch: pytest.MonkeyPatch, event: str, counted: bool
) -> None:
    monkeypatch.setattr(limits, "LINKS", Limit(2, 0.001))
    early = []
    for number in range(3):
        visit = Visit("s", f"{number:040}")
        load(visit)
        sent = Sent(event, "", "first", "en", {}, saved=False, nonce=str(number), attempt=0, sequence=None)
        early.append(_comes_too_early(visit, sent))
    assert early == [False, False, counted]
