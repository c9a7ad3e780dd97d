"""The page on which a withdrawal code is typed, whenever somebody wants their answers back; it needs no JavaScript."""

from __future__ import annotations

import asyncio
import math
import random
import time
from html import escape
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from analysis.errors import StoreError
from survey_app.admission import code_as_typed
from survey_app.context import open_store
from survey_app.limits import Limit
from survey_app.plain_page import html_page, plain_page
from survey_app.words import Words, languages, words

ADDRESS = "/withdraw"

_LARGEST = 2_000
"""Bytes of a form with one code in it."""

_LONGEST_CODE = 100
_LETTERS = 12

_CODES = Limit(200, 10, shared=True)
"""Codes that are tried, by everybody together: a hall at once, and ten a second after that.

Not by address, which a hall shares; nor by anything the form could carry, which whoever guesses would ask for anew. A
code has 60 random bits: where 100,000 participations have one, ten guesses a second find the first of them after some
thirty thousand years. More important for the people who answer meanwhile: each code that is tried takes the turn of
the store's writer.

What is no code at all is answered without the store and not counted, so careless typing takes nobody's place.
"""

_PATIENCE = 5.0
"""Seconds for which a code waits for its turn while too many are tried. Whoever guesses waits in every connection they
have; a person with one gets a chance at each turn that comes free, ten a second, and all of them as soon as it stops.
"""


async def withdraw(request: Request) -> Response:
    """Ask for the code, or delete what belongs to the one that was typed."""
    if request.method != "POST":
        return _form(words(_language(request, request.query_params.get("lang", ""))), "")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return plain_page("unknown", 413)
    typed = parse_qs(bytes(body).decode("utf-8", "replace"))
    w = words(_language(request, typed.get("lang", [""])[0]))
    code = typed.get("code", [""])[0].strip()[:_LONGEST_CODE]
    if not code:
        return _form(w, "withdraw.missing")
    if len(code_as_typed(code).replace("-", "")) != _LETTERS:
        return _form(w, "withdraw.not_found", code)
    if wait := await _seconds_too_early():
        return _form(w, "withdraw.busy", code, 429, {"retry-after": str(math.ceil(wait))})
    try:
        gone = await run_in_threadpool(lambda: open_store().withdraw(code))
    except StoreError:
        return plain_page("waiting", 503)
    if not gone:
        return _form(w, "withdraw.not_found", code)
    done = f"<h1>{escape(w('withdraw.gone_title'))}</h1><p>{escape(w('withdraw.gone'))}</p>"
    return html_page(done, 200, language=w.language)


async def _seconds_too_early() -> float:
    """0 when it is this code's turn, which may take a while; else how long to wait before the button is pressed again.

    One name for all codes: what is limited is the trying.
    """
    until = time.monotonic() + _PATIENCE
    while (wait := _CODES.wait("code")) and time.monotonic() + wait < until:
        await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # those who wait must not all come back at once
    return wait


def _form(w: Words, problem: str, code: str = "", status: int = 422, headers: dict[str, str] | None = None) -> Response:
    said = {name: escape(w(f"withdraw.{name}")) for name in ("title", "text", "label", "hint", "button")}
    error = f'<p class="error" id="error" role="alert">{escape(w(problem))}</p>' if problem else ""
    wrong = ' aria-invalid="true" autofocus' if problem else ""
    others = "".join(
        f'<a href="{ADDRESS}?lang={language}" lang="{language}">{escape(words(language)("language.name"))}</a>'
        for language in languages()
        if language != w.language
    )
    body = (
        f"<h1>{said['title']}</h1><p>{said['text']}</p>{error}"
        f'<form method="post" action="{ADDRESS}"><input type="hidden" name="lang" value="{w.language}">'
        f'<label for="code">{said["label"]}</label><p class="hint" id="hint">{said["hint"]}</p>'
        f'<input id="code" name="code" value="{escape(code)}" maxlength="{_LONGEST_CODE}" autocomplete="off"'
        f' autocapitalize="characters" spellcheck="false" aria-describedby="{"error " if problem else ""}hint"{wrong}>'
        f"<button>{said['button']}</button></form><nav>{others}</nav>"
    )
    return html_page(body, status if problem else 200, language=w.language, headers=headers)


def _language(request: Request, wanted: str) -> str:
    """The language that was asked for, else the first the browser prefers of those there are."""
    accepted = (part[:2].lower() for part in request.headers.get("accept-language", "").replace(" ", "").split(","))
    return next((code for code in (wanted, *accepted) if code in languages()), "en")
