"""A respondent's session: what comes by the websocket, and the screen of the moment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from analysis.errors import StoreError, StudyClosed
from survey_app.access import is_test
from survey_app.admission import NotAdmitted
from survey_app.components.ask import read_sent, show_screen
from survey_app.context import open_store
from survey_app.limits import seconds_too_early
from survey_app.questionnaire import Reply, Screen, Sent, draw_link
from survey_app.study import is_slug, link_name
from survey_app.visit import LONGEST_KEY, SHORTEST_KEY, Visit, act, load
from survey_app.visit_screens import notice, restart, screen_of

log = logging.getLogger("parasol")

LONGEST_LINK = 400
RETRY_SECONDS = 5

_COUNTED_FOR_LINK = frozenset({"next", "agree", "code", "anyway", "decline", "raffle", "handover"})
"""What writes or draws is counted for the link too: keys cost nothing, so whoever makes up many must have a limit."""


def show_respondent() -> None:
    """The screen the respondent of this link is at."""
    visit = _this_visit()
    screen = _screen(visit)
    st.session_state["language"] = screen.language
    sent = show_screen(screen, visit.reply, _receive)
    # In the first run of a session callbacks are not called, yet it may carry a page: a phone that was cut off
    # for long joins a new session with the press of a button.
    if sent is not None and (sent.nonce, sent.attempt) != (visit.reply.nonce, visit.reply.attempt):
        _take(visit, sent)
        st.rerun()


def _this_visit() -> Visit:
    params = st.query_params.to_dict()
    key, slug = params.get("t", ""), params.get("s", "")
    visit = st.session_state.get("visit")
    if not isinstance(visit, Visit) or (visit.key, visit.slug) != (key, slug):
        test = is_slug(slug) and "test" in params and is_test(slug, params["test"])
        visit = Visit(
            slug, key, params.get("src", ""), params.get("wave", ""), test, params, params.get("token", ""),
            params.get("lang", ""), locale=st.context.locale or "",
        )  # fmt: skip
        st.session_state["visit"] = visit
    return visit


def _receive() -> None:
    sent = read_sent()
    if sent is not None:
        _take(_this_visit(), sent)


def _take(visit: Visit, sent: Sent) -> None:
    """Act on what was sent, once, however often it arrives; whatever fails is sent again by the phone."""
    if sent.nonce == visit.reply.nonce and not visit.reply.failed:
        visit.reply = replace(visit.reply, attempt=sent.attempt)
        return
    visit.saved = False
    answered = Reply(sent.nonce, sent.attempt)
    try:
        load(visit)
        visit.heard = True
        if visit.find(sent.screen) is not None:
            visit.step = sent.screen  # pages that were posted moved the phone on, not this session
        if _comes_too_early(visit, sent):
            visit.reply = replace(answered, failed=True)
            return
        _count_return(visit)
        if sent.event == "handover":
            visit.reply = replace(answered, drawing=_drawing(visit, sent.value))
        else:
            visit.reply = replace(answered, problems=act(visit, sent))
    except StudyClosed as closed:
        reason = closed.reason if isinstance(closed, NotAdmitted) else "unknown"
        visit.participation, visit.context, visit.heard = None, None, False
        visit.refused = reason if sent.event in ("agree", "code", "anyway") else ""
        visit.reply = answered
    except StoreError:
        visit.reply = replace(answered, failed=True)
    except Exception:
        log.exception("A respondent's step failed")
        visit.reply = replace(answered, failed=True)


def _comes_too_early(visit: Visit, sent: Sent) -> bool:
    """Is the same respondent, or the same link, sending more than a limit lets through? The phone sends it again."""
    source = visit.participation.source if visit.participation else visit.source
    link = link_name(visit.loaded.study, source)
    return seconds_too_early(visit.key, link, saves=sent.event in _COUNTED_FOR_LINK and not sent.saved) > 0


def _count_return(visit: Visit) -> None:
    """Whoever comes back is counted with the first thing done after that, so that a page is shown without waiting."""
    if visit.returned and not visit.code:
        visit.returned = False
        open_store().count_resume(visit.key)


def _drawing(visit: Visit, link: str) -> Mapping[str, Any] | None:
    """The respondent's own link as a QR code; any other text is not drawn."""
    own = link.startswith(("https://", "http://")) and visit.key in link and len(link) <= LONGEST_LINK
    return draw_link(link) if own else None


def _screen(visit: Visit) -> Screen:
    if not is_slug(visit.slug):
        return notice(visit, "unknown")
    if not SHORTEST_KEY <= len(visit.key) <= LONGEST_KEY:
        return restart(visit)
    try:
        if visit.heard:
            visit.heard = False
        else:
            load(visit)
        return screen_of(visit)
    except StudyClosed:
        return notice(visit, "unknown")
    except StoreError:
        return replace(notice(visit, "waiting"), retry=RETRY_SECONDS)
    except Exception:
        log.exception("A respondent's screen failed")
        return replace(notice(visit, "trouble"), retry=RETRY_SECONDS)
