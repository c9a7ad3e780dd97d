"""The addresses the server answers itself, beside Streamlit: the way in and out, answers, QR codes, files, access."""

from __future__ import annotations

import math
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from analysis.errors import StoreError, StudyClosed
from survey_app import withdrawal
from survey_app.access import COOKIE, LASTS, OneTimeLinks, sign_access
from survey_app.components.questions import PATH, component_file
from survey_app.context import load_study_context, open_store
from survey_app.entrance import NO_STORE, enter, enter_short, leave
from survey_app.limits import Limit
from survey_app.links import qr_png, qr_svg, study_address
from survey_app.media import ADDRESS, kept_file
from survey_app.plain_page import plain_page
from survey_app.saving import save_answers
from survey_app.settings import Settings
from survey_app.study import link_name

_DRAWINGS = Limit(200, 5, shared=True)
"""Of one link: a drawing takes as long as ten arrivals, and is asked for once for a room or a sheet of paper."""

_QR = {"svg": (qr_svg, "image/svg+xml"), "png": (qr_png, "image/png")}


async def health(request: Request) -> Response:
    """Does the store answer?"""
    try:
        await run_in_threadpool(lambda: open_store().check())
    except StoreError:
        return JSONResponse({"store": "away"}, 503, NO_STORE | {"retry-after": "5"})
    return JSONResponse({"store": "ok"}, headers=NO_STORE)


def qr_code(public: str, kind: str) -> Callable[[Request], Response]:
    """The route that draws a study's link as a QR code, for paper and projector."""
    qr, media_type = _QR[kind]

    def draw(request: Request) -> Response:
        slug, source = request.path_params["slug"], request.query_params.get("src", "")
        try:
            study = load_study_context(slug).study
            if study.state == "draft":
                return plain_page("unknown", 404)
            wait = _DRAWINGS.wait(link_name(study, source))
            if wait:
                return plain_page("waiting", 429, retry=True, after=math.ceil(wait))
        except StudyClosed:
            return plain_page("unknown", 404)
        except StoreError:
            return plain_page("waiting", 503, retry=True)
        drawing = qr(study_address(slug, public or str(request.base_url).rstrip("/"), source))
        return Response(drawing, headers=NO_STORE, media_type=media_type)

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


def respondent_routes(settings: Settings) -> list[Route]:
    """What every process answers."""
    return [
        Route("/healthz", health),
        Route("/s/{slug}", enter),
        Route("/l/{code}", enter_short),
        Route("/complete", leave),
        Route(withdrawal.ADDRESS, withdrawal.withdraw, methods=["GET", "POST"]),
        Route("/answers", save_answers, methods=["POST"]),
        Route(PATH, component_file),
        Route(ADDRESS, kept_file(settings)),
        *(Route(f"/qr/{{slug}}.{kind}", qr_code(settings.public, kind)) for kind in _QR),
    ]


def researcher_routes(links: OneTimeLinks, secret: bytes) -> list[Route]:
    """What a process with researcher's screens answers besides."""
    return [Route("/access/{token}", open_access(links, secret))]
