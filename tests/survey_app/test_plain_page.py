"""The page for whoever has no language yet begins with that of the browser."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from survey_app.plain_page import plain_page
from survey_app.words import words


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("nl-NL,nl;q=0.9,en;q=0.8", "nl"),
        ("fr-FR, de;q=0.7", "de"),
        ("DE-AT", "de"),
        ("fr", "en"),
        ("", "en"),
        (";;,=\xff" + "x," * 500, "en"),
    ],
)
def test_the_language_of_the_browser_stands_first(asked: str, first: str) -> None:
    transport = httpx.ASGITransport(plain_page("closed", 410, retry=True))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
            return await web.get("/", headers=[(b"accept-language", asked.encode("latin-1"))])

    answer = asyncio.run(ask())
    assert answer.status_code == 410 and answer.headers["retry-after"] == "5"
    places = {language: answer.text.index(f'<section lang="{language}"') for language in ("en", "nl", "de")}
    assert min(places, key=lambda language: places[language]) == first
    assert f'<html lang="{first}"' in answer.text
    for language in places:
        assert words(language)("closed.title") in answer.text
