"""The address to which phones post a page of answers, again and again until it says "saved"."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from analysis.errors import DataError, StoreError, StudyClosed
from survey_app.answers import AnswersRefused
from survey_app.context import StudyContext, load_frozen_instrument, load_slug, load_study_context, open_store
from survey_app.journey import accept_page, influencer_of, missing_on
from survey_app.limits import LINKS, PAGES
from survey_app.questionnaire import Reply, shown
from survey_app.study import Participation, link_name
from survey_app.visit import Visit, go_on, resume
from survey_app.visit_screens import screen_of

log = logging.getLogger("parasol")

LARGEST_PAGE = 256 * 1024
"""Bytes of one page of answers; more is refused."""

_NO_STORE = {"cache-control": "no-store"}
Short = Annotated[str, StringConstraints(max_length=200)]


class SentPage(BaseModel):
    """One page of answers as the phone posts it. `sequence` numbers the saves of one respondent."""

    model_config = ConfigDict(strict=True, extra="forbid")

    key: Annotated[str, StringConstraints(min_length=20, max_length=100)]
    page: Short
    influencer: Short = ""
    answers: dict[Short, object]
    order: Annotated[list[Short], Field(max_length=1000)] = []
    sequence: Annotated[int, Field(ge=0, le=10**9)] | None = None
    paradata: dict[Short, object] = {}
    returned: bool = False


async def save_answers(request: Request) -> Response:
    """Keep one page of answers; sending it again is success."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return _refused(415, "Answers are sent as application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_PAGE:
            return _refused(413, "This page of answers is too large.", headers={"connection": "close"})
    try:
        sent = SentPage.model_validate_json(bytes(body))
    except ValidationError:
        return _refused(422, "This is no page of answers.")
    wait = PAGES.wait(sent.key)
    return _too_many(wait) if wait else await run_in_threadpool(_save, sent)


def _save(sent: SentPage) -> Response:
    store = open_store()
    try:
        begun = store.participation(sent.key)
        if begun is None:
            return _refused(409, "No participation was begun with this link, or it was withdrawn.")
        context = load_study_context(load_slug(begun.study))
        wait = LINKS.wait(link_name(context.study, begun.source))
        if wait:
            return _too_many(wait)
        instrument = load_frozen_instrument(begun.instrument)
        page = next((page for page in instrument.pages if page.id == sent.page), None)
        if page is None:
            return _refused(422, "This page is not in the questionnaire.")
        about = influencer_of(page, begun, sent.influencer)
        answers = accept_page(instrument, begun, page, about, sent.answers, lambda: store.answers(sent.key))
        order = [id for id in sent.order if id in page.items]
        paradata = _of_page(sent.paradata, page.items)
        store.save_page(
            sent.key,
            page.id,
            answers,
            influencer=about,
            order=order,
            paradata=paradata,
            sequence=sent.sequence,
            returned=sent.returned,
        )
    except AnswersRefused as error:
        return _refused(422, str(error), {refusal.item: refusal.key for refusal in error.refusals})
    except DataError as error:
        return _refused(422, str(error))
    except StudyClosed as error:
        return _refused(409, str(error))
    except StoreError:
        problem = "The answers cannot be kept at this moment; send them again."
        return _refused(503, problem, headers={"retry-after": "3"})
    return JSONResponse({"saved": True, "next": _next_screen(context, begun, sent, about)}, headers=_NO_STORE)


def _next_screen(context: StudyContext, begun: Participation, sent: SentPage, about: str) -> dict[str, Any] | None:
    """What the phone shows now, so that it need not ask; None where the session has to say it.

    That is so when an answer is missing, the questionnaire changed meanwhile or the database became busy.
    """
    try:
        visit = Visit(context.study.slug, sent.key, context=context)
        sequence = begun.saves + 1 if sent.sequence is None else sent.sequence
        resume(visit, replace(begun, saves=max(begun.saves, sequence)))
        saved = sent.page, about
        step = next((step for step in visit.steps if (step.page, step.influencer) == saved), None)
        if step is None or missing_on(visit.asked, visit.begun, step, visit.answers):
            return None
        visit.step = step.id
        problems = go_on(visit)
        return shown(screen_of(visit), Reply(problems=problems))
    except (StoreError, StudyClosed):
        return None
    except Exception:
        log.exception("The screen after a page failed")
        return None


def _of_page(told: Mapping[str, object], items: tuple[str, ...]) -> dict[str, object]:
    """What is of use in the times a phone tells; whatever else it tells, the answers are kept all the same."""
    times = told.get("items")
    times = times if isinstance(times, Mapping) else {}
    seen = {id: [_milliseconds(time) for time in times[id][:3]] for id in items if isinstance(times.get(id), list)}
    device = told.get("device")
    return {
        "ms": _milliseconds(told.get("ms")),
        "items": seen,
        "device": device if device in ("phone", "tablet", "desk") else None,
    }


def _milliseconds(told: object) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 10**11 else None


def _too_many(wait: float) -> Response:
    return _refused(429, "Too many pages at once.", headers={"retry-after": str(math.ceil(wait))})


def _refused(
    status: int, problem: str, items: dict[str, str] | None = None, *, headers: dict[str, str] | None = None
) -> Response:
    """`items` says which of them was refused for which reason; see `answers.Refusal`."""
    return JSONResponse({"problem": problem, "items": items or {}}, status, _NO_STORE | (headers or {}))
