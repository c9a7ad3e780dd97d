"""The addresses the server answers itself, beside Streamlit: start, answers, QR code, access, health."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

import segno
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from analysis.errors import DataError, StoreError, StudyClosed
from survey_app.access import COOKIE, LASTS, OneTimeLinks, sign_access
from survey_app.answers import accept_answers
from survey_app.components.likert import PATH, component_file
from survey_app.context import load_instrument_of, load_study_context, open_store
from survey_app.plain_page import plain_page

LARGEST_PAGE = 64 * 1024
"""Bytes of one page of answers; more is refused."""

NO_STORE = {"cache-control": "no-store"}
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

Short = Annotated[str, StringConstraints(max_length=200)]


class SentPage(BaseModel):
    """One page of answers as the phone posts it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    key: Annotated[str, StringConstraints(min_length=20, max_length=100)]
    page: Short
    influencer: Short = ""
    answers: dict[Short, object]
    order: list[Short] = []
    paradata: dict[Short, object] | None = None


async def health(request: Request) -> Response:
    """Does the store answer?"""
    try:
        await run_in_threadpool(lambda: open_store().check())
    except StoreError:
        return JSONResponse({"store": "away"}, 503, NO_STORE | {"retry-after": "5"})
    return JSONResponse({"store": "ok"}, headers=NO_STORE)


def start(request: Request) -> Response:
    """A new respondent: counts the visit and sends the phone on with a key of its own."""
    slug = request.path_params["slug"]
    given = request.query_params.get("src", "")
    source = given if _SOURCE.fullmatch(given) else ""
    try:
        study = load_study_context(slug).study
        if study.state == "draft":
            return plain_page("unknown", 404)
        if study.state == "closed":
            return plain_page("closed", 410)
        if request.method == "GET":
            open_store().count_visit(slug, source, "visit")
    except StudyClosed:
        return plain_page("unknown", 404)
    except StoreError:
        return plain_page("waiting", 503, retry=True)
    query = {"s": slug, "t": secrets.token_urlsafe(32)} | ({"src": source} if source else {})
    return RedirectResponse(f"/?{urlencode(query)}", 303, NO_STORE)


async def save_answers(request: Request) -> Response:
    """Keep one page of answers; sending it again is success."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return _refused(415, "Answers are sent as application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_PAGE:
            return _refused(413, "This page of answers is too large.", {"connection": "close"})
    try:
        sent = SentPage.model_validate_json(bytes(body))
    except ValidationError:
        return _refused(422, "This is no page of answers.")
    return await run_in_threadpool(_save, sent)


def _save(sent: SentPage) -> Response:
    store = open_store()
    try:
        begun = store.participation(sent.key)
        if begun is None:
            return _refused(409, "No participation was begun with this link, or it was withdrawn.")
        answers = accept_answers(load_instrument_of(begun.study), sent.page, sent.answers)
        store.save_page(
            sent.key, sent.page, answers, influencer=sent.influencer, order=sent.order, paradata=sent.paradata
        )
    except DataError as error:
        return _refused(422, str(error))
    except StudyClosed as error:
        return _refused(409, str(error))
    except StoreError:
        return _refused(503, "The answers cannot be kept at this moment; send them again.", {"retry-after": "3"})
    return JSONResponse({"saved": True}, headers=NO_STORE)


def _refused(status: int, problem: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"problem": problem}, status, NO_STORE | (headers or {}))


def qr_code(public: str) -> Callable[[Request], Response]:
    """The route that draws a study's link as a QR code, for paper and projector."""

    def draw(request: Request) -> Response:
        slug, source = request.path_params["slug"], request.query_params.get("src", "")
        try:
            load_study_context(slug)
        except StudyClosed:
            return plain_page("unknown", 404)
        except StoreError:
            return plain_page("waiting", 503, retry=True)
        link = f"{public or str(request.base_url).rstrip('/')}/s/{slug}"
        link += f"?{urlencode({'src': source})}" if _SOURCE.fullmatch(source) else ""
        drawing = io.BytesIO()
        segno.make(link, error="m", micro=False).save(drawing, kind="svg", scale=8, border=4, light="#fff", title=link)
        return Response(drawing.getvalue(), headers=NO_STORE, media_type="image/svg+xml")

    return draw


def open_access(links: OneTimeLinks, secret: bytes) -> Callable[[Request], Response]:
    """The route that turns a one-time link into a signed cookie."""

    def redeem(request: Request) -> Response:
        # A chat program that looks at a link with HEAD must not use it up.
        if request.method != "GET" or not links.redeem(request.path_params["token"]):
            return plain_page("access", 403)
        answer = RedirectResponse("/", 303, NO_STORE)
        https = request.url.scheme == "https"
        answer.set_cookie(COOKIE, sign_access(secret), LASTS, path="/", secure=https, httponly=True, samesite="lax")
        return answer

    return redeem


def respondent_routes(public: str) -> list[Route]:
    """What every process answers."""
    return [
        Route("/healthz", health),
        Route("/s/{slug}", start),
        Route("/answers", save_answers, methods=["POST"]),
        Route(PATH, component_file),
        Route("/qr/{slug}.svg", qr_code(public)),
    ]


def researcher_routes(links: OneTimeLinks, secret: bytes) -> list[Route]:
    """What a process with researcher's screens answers besides."""
    return [Route("/access/{token}", open_access(links, secret))]
