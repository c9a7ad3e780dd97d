"""The page on which a withdrawal code is typed, whenever somebody wants their answers back; it needs no JavaScript."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from analysis.errors import StoreError
from survey_app.context import open_store
from survey_app.plain_page import html_page, plain_page
from survey_app.words import Words, languages, words

ADDRESS = "/withdraw"

_LARGEST = 2_000
"""Bytes of a form with one code in it."""

_LONGEST_CODE = 100


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
    try:
        gone = await run_in_threadpool(lambda: open_store().withdraw(code))
    except StoreError:
        return plain_page("waiting", 503)
    if not gone:
        return _form(w, "withdraw.not_found", code)
    done = f"<h1>{escape(w('withdraw.gone_title'))}</h1><p>{escape(w('withdraw.gone'))}</p>"
    return html_page(done, 200, language=w.language)


def _form(w: Words, problem: str, code: str = "") -> Response:
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
    return html_page(body, 422 if problem else 200, language=w.language)


def _language(request: Request, wanted: str) -> str:
    """The language that was asked for, else the first the browser prefers of those there are."""
    accepted = (part[:2].lower() for part in request.headers.get("accept-language", "").replace(" ", "").split(","))
    return next((code for code in (wanted, *accepted) if code in languages()), "en")
