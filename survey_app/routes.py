"""The addresses the server answers itself, beside Streamlit: start, answers, QR code, access, health."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable
from urllib.parse import urlencode

import segno
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from analysis.errors import StoreError, StudyClosed
from survey_app.access import COOKIE, LASTS, OneTimeLinks, sign_access
from survey_app.components.questions import PATH, component_file
from survey_app.context import load_study_context, open_store
from survey_app.plain_page import plain_page
from survey_app.saving import save_answers

NO_STORE = {"cache-control": "no-store"}
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


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
