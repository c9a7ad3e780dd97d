"""The way in and the way out: the links a study hands out, and the address a panel gets its people back at."""

from __future__ import annotations

import math
import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from analysis.errors import StoreError, StudyClosed
from survey_app.access import is_test
from survey_app.admission import NotAdmitted
from survey_app.context import load_link_codes, load_study_context, open_store
from survey_app.limits import Limit
from survey_app.links import SOURCE, typed_code
from survey_app.plain_page import plain_page
from survey_app.study import Study, completion_link, external_from, is_slug, link_name

NO_STORE = {"cache-control": "no-store"}
_ARRIVALS = Limit(3000, 100, shared=True)
"""Through one link: three lecture halls at the same moment, and a hundred people a second for as long as they come."""


def enter(request: Request) -> Response:
    """A new respondent: counts the visit and sends the phone on with a key of its own."""
    return _enter(request, request.path_params["slug"], request.query_params.get("src", ""))


def enter_short(request: Request) -> Response:
    """The same, by a link that was typed from a label."""
    try:
        found = load_link_codes().get(typed_code(request.path_params["code"]))
    except StoreError:
        return plain_page("waiting", 503, retry=True)
    return _enter(request, *found) if found else plain_page("unknown", 404)


def _enter(request: Request, slug: str, source: str) -> Response:
    source = source if SOURCE.fullmatch(source) else ""
    test = request.query_params.get("test", "")
    test = test if is_slug(slug) and is_test(slug, test) else ""
    try:
        study = load_study_context(slug).study
        wait = _ARRIVALS.wait(link_name(study, source))
        if wait:
            return plain_page("waiting", 429, retry=True, after=math.ceil(wait))
        wave = request.query_params.get("wave", "")
        wave = wave if wave in {each.id for each in study.waves} else ""
        key, returns, asked = _key(study, request, wave)
        refusal = None if test or returns else _refusal(study, wave, source)
        if refusal is not None:
            return refusal
        if request.method == "GET" and not test:
            open_store().count_visit(slug, source, "visit")
    except StudyClosed:
        return plain_page("unknown", 404)
    except StoreError:
        return plain_page("waiting", 503, retry=True)
    language = request.query_params.get("lang", "")
    query = {"s": slug, "t": key, "src": source, "wave": wave, "test": test, "token": "" if test else asked}
    query |= {"lang": language if language in study.languages else ""}
    kept = external_from(study, request.query_params)
    query |= {parameter.name: kept.get(parameter.id, "") for parameter in study.parameters}
    given = {name: value for name, value in query.items() if value}
    return RedirectResponse(f"/?{urlencode(given)}", 303, NO_STORE)


def _key(study: Study, request: Request, wave: str) -> tuple[str, bool, str]:
    """The key of whoever comes with a token, else a new one; whether a participation was begun with it; and what the
    screen has to ask for: "" for nothing, `missing` for a token, `wrong` for another one.
    """
    token = request.query_params.get("token", "")
    if study.invited and token:
        try:
            key = open_store().admit(study.slug, token, wave)
            return key, open_store().participation(key) is not None, ""
        except NotAdmitted:
            return secrets.token_urlsafe(32), False, "wrong"
    return secrets.token_urlsafe(32), False, "missing" if study.invited else ""


def _refusal(study: Study, wave: str, source: str) -> Response | None:
    """Why nobody new is let in; None where somebody is. Too early is for the screen, which knows when to come back."""
    found = open_store().standing(study.slug, wave=wave, source=source)
    if found == "draft":
        return plain_page("unknown", 404)
    if found in ("closed", "late"):
        return plain_page("closed", 410)
    return plain_page("full", 410) if found == "full" else None


def leave(request: Request) -> Response:
    """Where a panel gets its people back: only once the database says that this one finished."""
    slug, key = request.query_params.get("s", ""), request.query_params.get("t", "")
    try:
        study = load_study_context(slug).study
        begun = open_store().participation(key)
    except StudyClosed:
        return plain_page("unknown", 404)
    except StoreError:
        return plain_page("waiting", 503, retry=True)
    if begun is None or begun.study != study.id:
        return plain_page("unknown", 404)
    back = f"/?{urlencode({'s': slug, 't': key})}"
    return RedirectResponse(completion_link(study, begun) or back, 303, NO_STORE)
