"""Codes that are tried on the page of withdrawal: too many wait, wrong ones find nothing, a right one still passes."""

from __future__ import annotations

import asyncio
from html import escape

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from survey_app import withdrawal
from survey_app.limits import Limit
from survey_app.store import Store
from survey_app.study import Study
from survey_app.words import words

WRONG = "AAAA-BBBB-CCCC"
APP = Starlette(routes=[Route("/withdraw", withdrawal.withdraw, methods=["GET", "POST"])])


@pytest.fixture
def code(store: Store, study: Study, monkeypatch: pytest.MonkeyPatch) -> str:
    """The code of the only participation there is."""
    monkeypatch.setattr(withdrawal, "open_store", lambda: store)
    store.begin(study.slug, "key", language="en")
    return store.finish("key")


def limited(monkeypatch: pytest.MonkeyPatch, at_once: int, per_second: float, patience: float) -> None:
    monkeypatch.setattr(withdrawal, "_CODES", Limit(at_once, per_second, shared=True))
    monkeypatch.setattr(withdrawal, "_PATIENCE", patience)


async def tried(code: str, language: str = "en") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://test") as web:
        return await web.post("/withdraw", data={"lang": language, "code": code})


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_guesses_end_in_a_friendly_page(
    code: str, store: Store, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    limited(monkeypatch, 3, 1 / 600, 0.0)
    assert [asyncio.run(tried(WRONG)).status_code for _ in range(3)] == [422] * 3
    for late in (WRONG, code):  # so that nobody learns by guessing on which of them is right
        answer = asyncio.run(tried(late, language))
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 500
        assert escape(words(language)("withdraw.busy")) in answer.text
        assert f'value="{late}"' in answer.text  # nobody types it again
    assert store.participation("key") is not None


def test_what_is_no_code_takes_nobodys_place(code: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 1, 1 / 600, 0.0)
    for typed in ("AAAA", WRONG + "D", "?", "12 letters"):
        assert asyncio.run(tried(typed)).status_code == 422
    assert asyncio.run(tried(code.lower().replace("-", " "))).status_code == 200
    assert store.participation("key") is None


def test_a_right_code_waits_for_its_turn_among_guesses(
    code: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 1, 20, 30.0)

    async def guess_on() -> None:
        while (await tried(WRONG)).status_code == 422:
            pass

    async def both() -> httpx.Response:
        guesses = [asyncio.create_task(guess_on()) for _ in range(4)]
        await asyncio.sleep(0.2)
        answer = await tried(code)
        assert not any(guess.done() for guess in guesses)  # they went on all the while
        for guess in guesses:
            guess.cancel()
        return answer

    assert asyncio.run(both()).status_code == 200
    assert store.participation("key") is None
