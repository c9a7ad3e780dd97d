"""Pages of answers posted over HTTP, and the page on which answers are taken back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest

from analysis.instrument import load_instrument
from survey_app.rehearse import invented_people
from survey_app.store import Store
from survey_app.study import Study
from survey_app.words import words
from tests.conftest import Server
from tests.survey_app.test_store import everything_in

TEXTS = {"en": "A test", "nl": "Een test", "de": "Ein Test"}


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, timeout=30) as client:
        yield client


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = Store(server.database)
    yield opened
    opened.close()


@pytest.fixture
def key(store: Store, web: httpx.Client) -> str:
    """The key of somebody who begins a study with every kind of question."""
    if not any(study.slug == "kinds" for study in store.studies()):
        digest = store.add_instrument(load_instrument("showcase"))
        store.add_study(Study("kinds", "kinds", TEXTS, digest, ("en", "nl", "de"), "draft", TEXTS, "1"))
        store.open_study("kinds")
    location = web.get("/s/kinds").headers["location"]
    key = parse_qs(urlparse(location).query)["t"][0]
    store.begin("kinds", key, language="en", influencer="Nina")
    return key


def post(web: httpx.Client, key: str, page: str, answers: dict[str, Any], **rest: Any) -> httpx.Response:
    return web.post("/answers", json={"key": key, "page": page, "answers": answers} | rest)


def kept(store: Store, key: str) -> dict[str, Any]:
    return {page: answers for (page, _), answers in store.answers(key).items()}


@pytest.mark.parametrize(
    ("page", "answers", "items"),
    [
        ("choosing", {"follows": 7}, {"follows": "refused"}),
        ("choosing", {"topics": [1, 2, 3, 4]}, {"topics": "many"}),
        ("choosing", {"reasons": [1, 2]}, {"reasons": "few"}),
        ("writing", {"age": 12, "first_seen": "2023-02-30"}, {"age": "between", "first_seen": "date"}),
        ("writing", {"warmth": 3}, {"warmth": "step"}),
        ("writing", {"one_word": "x" * 3000}, {"one_word": "long"}),
    ],
)
def test_what_is_wrong_is_told_item_by_item(
    web: httpx.Client, store: Store, key: str, page: str, answers: dict[str, Any], items: dict[str, str]
) -> None:
    answer = post(web, key, page, answers)
    assert answer.status_code == 422 and answer.json()["items"] == items
    assert kept(store, key) == {}


def test_ten_megabytes_of_text_are_refused(web: httpx.Client, store: Store, key: str) -> None:
    answer = post(web, key, "writing", {"one_word": "x" * 10_000_000})
    assert (answer.status_code, answer.json()["problem"]) == (413, "This page of answers is too large.")
    assert kept(store, key) == {}


def test_answers_to_hidden_items_are_not_kept(web: httpx.Client, store: Store, key: str) -> None:
    assert post(web, key, "choosing", {"follows": 0, "place": 1}).status_code == 200
    assert kept(store, key)["choosing"] == {"follows": 0}
    assert post(web, key, "followers", {"wrong_place": 1}).status_code == 200
    assert kept(store, key)["followers"] == {}


def test_neither_addresses_nor_programs_are_kept(web: httpx.Client, store: Store, key: str, server: Server) -> None:
    """Of the phone only its class is known afterwards, whatever it sends about itself."""
    told = {"User-Agent": "Telltale/9.7", "X-Forwarded-For": "203.0.113.77", "Forwarded": "for=203.0.113.77"}
    assert web.get("/s/kinds?src=label", headers=told).status_code == 303
    sent = {"key": key, "page": "choosing", "answers": {"follows": 1}, "paradata": {"ms": 5, "device": "tablet"}}
    assert web.post("/answers", json=sent, headers=told).status_code == 200
    everything = repr(everything_in(server.database))
    assert "tablet" in everything
    assert not [word for word in ("Telltale", "203.0.113", "python-httpx", "127.0.0.1") if word in everything]


def test_an_old_page_that_comes_late_changes_nothing(web: httpx.Client, store: Store, key: str) -> None:
    for sequence, follows in ((2, 1), (1, 0)):
        assert post(web, key, "choosing", {"follows": follows}, sequence=sequence).status_code == 200
    assert kept(store, key)["choosing"] == {"follows": 1}


def test_odd_times_cost_no_answers(web: httpx.Client, store: Store, key: str) -> None:
    odd = {
        "ms": -5,
        "items": {"follows": ["x", None, 3], "nowhere": [1, 2, 3], "place": 7},
        "device": "<b>",
        "more": {},
    }
    assert post(web, key, "choosing", {"follows": 1}, paradata=odd, order=["follows", "elsewhere"]).status_code == 200
    assert kept(store, key)["choosing"] == {"follows": 1}
    told = store.paradata("kinds").set_index("participation").loc[store.participation(key).id]  # type: ignore[union-attr]
    assert (told["item"], told["last_ms"]) == ("follows", 3)
    assert told[["page_ms", "shown_ms"]].isna().all()


def test_the_next_screen_comes_with_the_saved_page(web: httpx.Client, store: Store) -> None:
    """Until the end, so that a phone needs no run of Streamlit between two pages."""
    asked = load_instrument("psi_core")
    if not any(study.slug == "core" for study in store.studies()):
        store.add_study(Study("core", "core", TEXTS, store.add_instrument(asked), ("en",), "draft", TEXTS, "1"))
        store.open_study("core")
    key = parse_qs(urlparse(web.get("/s/core").headers["location"]).query)["t"][0]
    store.begin("core", key, language="en", influencer="Nina")
    (person,) = invented_people(asked, 1, seed=1)
    pages, told = [page.id for page in asked.pages], {}
    for sequence, page in enumerate(pages, start=1):
        answers = {id: person.answers[id] for id in asked.page(page).items}
        told = post(web, key, page, answers, sequence=sequence).json()
        assert told["saved"] is True and told["next"]["reply"]["problems"] == {}
        assert told["next"]["screen"] == [*pages, "thanks"][sequence]
        assert told["next"]["post"] is None or told["next"]["post"]["saves"] == sequence
    begun = store.participation(key)
    assert begun is not None and begun.finished is not None and told["next"]["finished"] is True
    late = post(web, key, pages[0], store.answers(key)[pages[0], "Nina"], sequence=1)
    assert late.json()["next"] == told["next"]  # once more, after the end: the same end


def test_a_page_with_something_missing_is_kept_but_turns_nothing(web: httpx.Client, store: Store, key: str) -> None:
    told = post(web, key, "choosing", {"topics": [1]}).json()
    assert told == {"saved": True, "next": None}
    assert kept(store, key)["choosing"] == {"topics": [1]}


def test_a_return_is_counted_once_however_often_its_page_comes(web: httpx.Client, store: Store, key: str) -> None:
    def send(attempt: int) -> int:
        return post(web, key, "choosing", {"follows": 1}, sequence=1, returned=True).status_code

    with ThreadPoolExecutor(4) as at_once:
        assert list(at_once.map(send, range(8))) == [200] * 8
    begun = store.participation(key)
    assert begun is not None and begun.resumes == 1


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_answers_are_taken_back_with_the_code(web: httpx.Client, store: Store, key: str, language: str) -> None:
    w = words(language)
    code = store.finish(key)
    page = web.get("/withdraw", headers={"accept-language": f"{language}-XX,en;q=0.5"})
    assert w("withdraw.title") in page.text and f'<html lang="{language}"' in page.text
    empty = web.post("/withdraw", data={"lang": language, "code": " "})
    assert empty.status_code == 422 and w("withdraw.missing") in empty.text
    wrong = web.post("/withdraw", data={"lang": language, "code": '"><script>x</script>'})
    assert wrong.status_code == 422 and "<script>" not in wrong.text and "&lt;script&gt;" in wrong.text
    gone = web.post("/withdraw", data={"lang": language, "code": f" {code.lower()} "})
    assert gone.status_code == 200 and w("withdraw.gone_title") in gone.text
    assert store.participation(key) is None
    assert web.post("/withdraw", data={"lang": language, "code": code}).status_code == 422


def test_a_withdrawal_form_of_megabytes_is_refused(web: httpx.Client) -> None:
    assert web.post("/withdraw", data={"code": "x" * 100_000}).status_code == 413
