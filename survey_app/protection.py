"""What every answer of the server carries, and what is never answered."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from google.protobuf.message import DecodeError
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from survey_app.limits import Limit
from survey_app.plain_page import plain_page

log = logging.getLogger("parasol")

# Open to anybody in Streamlit: counts of sessions, and a second way to drive the app.
BLOCKED = ("/_stcore/metrics", "/_stcore/agent")

HOST_CONFIG = "/_stcore/host-config"
QUIET = {
    "allowedOrigins": [],
    "useExternalAuthToken": False,
    "enableCustomParentMessages": False,
    "enforceDownloadInNewTab": False,
    "metricsUrl": "",
    # A dialog about a lost connection speaks to programmers and freezes the page somebody is answering.
    "blockErrorDialogs": True,
    "resourceCrossOriginMode": None,
}
"""What Streamlit's page is told about the page around it: there is none, and errors are ours to show."""

STREAMLIT = ("/_stcore/", "/media/", "/component/")
"""Where Streamlit's own addresses begin, besides the page and its files."""

FILES = ("/_stcore/upload_file/", "/media/")
"""Where Streamlit takes uploads into memory from any session, and hands out what a screen offers to download."""

_OF_ANYBODY = frozenset({"rerun_script", "stop_script", "app_heartbeat"})
_OF_RESEARCHERS = _OF_ANYBODY | {"file_urls_request", "backend_operation_request"}
"""What a page may send by the websocket. What Streamlit would do besides (such as `clear_cache`, which drops what all
sessions share, the store among it) nobody has a use for.
"""

_EVENTS = "__events"
"""How the id ends under which Streamlit takes the events of a component, in another form than its state."""

_DEEPEST = 20
_LARGEST = 512 * 1024
"""Bytes of what a respondent's page sends at once: twice the largest page of answers. Streamlit takes 200 MB, and to
look into their JSON here would keep everybody else waiting: what is larger is a run in which nothing was pressed.
"""
_MOST_WIDGETS = 100
_ODD = Limit(1, 1 / 60)
"""Lines in the log about what no page of ours sends: one a minute, however much of it comes."""

HEADERS = {
    "x-content-type-options": "nosniff",
    # The respondent's key is in the address: no other site may learn it.
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}


class Abroad(NamedTuple):
    """Other sites a study has to do with: those that may show it in a frame, and hosts of what it offers to show."""

    frames: tuple[str, ...] = ()
    media: tuple[str, ...] = ()


NOWHERE = Abroad()


def content_policy(host: str, abroad: Abroad = NOWHERE) -> str:
    """The content policy of a page at `host`: this server and nobody else, but for what a study declares."""
    parents = " ".join(abroad.frames) or "'none'"
    media = "".join(f" https://{each}" for each in abroad.media)
    # Older Safari does not take 'self' to include this server's own websocket.
    socket = f" ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", host) else ""
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{media}",
            "font-src 'self' data:",
            f"media-src 'self' data: blob:{media}",
            "worker-src 'self' blob:",
            f"connect-src 'self'{socket}",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {parents}",
        )
    )


@lru_cache(maxsize=64)
def added_headers(host: bytes, abroad: Abroad = NOWHERE) -> dict[bytes, bytes]:
    """The headers of every answer, as they go over the wire; a page that may stand in a frame says where."""
    headers = HEADERS | {"content-security-policy": content_policy(host.decode("latin-1"), abroad)}
    if abroad.frames:
        del headers["x-frame-options"]  # knows only yes and no, and the content policy says the same more exactly
    return {name.encode(): value.encode("latin-1") for name, value in headers.items()}


class Protection:
    """ASGI middleware: security headers on every answer, 404 for the blocked paths, no dialogs in the page.

    `abroad` tells which other sites a study (named by its slug) has to do with. It is asked for a respondent's pages
    only: the researcher's screens are never in a frame, and show nothing of anybody else's.
    """

    def __init__(self, app: ASGIApp, abroad: Callable[[str], Awaitable[Abroad]]) -> None:
        self.app = app
        self.abroad = abroad

    async def _abroad(self, scope: Scope) -> Abroad:
        path: str = scope["path"]
        if path.startswith("/s/"):
            return await self.abroad(path[3:])
        if path != "/" or not scope["query_string"]:
            return NOWHERE
        query = Request(scope).query_params
        return await self.abroad(query["s"]) if query.get("t") and query.get("s") else NOWHERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        added = added_headers(host, await self._abroad(scope))

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in added]
                message = {**message, "headers": [*kept, *added.items()]}
            await send(message)

        blocked = any(scope["path"] == path or scope["path"].startswith(f"{path}/") for path in BLOCKED)
        answer = PlainTextResponse("Not found", 404) if blocked else self.app
        if scope["path"] == HOST_CONFIG and scope["method"] == "GET":
            answer = JSONResponse(QUIET, headers={"cache-control": "no-cache"})
        await answer(scope, receive, send_protected)


class OnlyKnown:
    """ASGI middleware: 404 where Streamlit would answer any address with its page; only `routes` and its own remain."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self.app = app
        self.routes = routes

    def _knows(self, scope: Scope) -> bool:
        if scope["path"].startswith(STREAMLIT):
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.app
        if scope["type"] == "http" and not self._knows(scope):
            wants_page = "text/html" in Request(scope).headers.get("accept", "")
            answer = plain_page("unknown", 404) if wants_page else PlainTextResponse("Not found", 404)
        await answer(scope, receive, send)


class ForResearchers:
    """ASGI middleware: keeps from everybody else what Streamlit does for any session, but only their screens need.

    `admitted` says of a cookie whether its holder may see them.
    """

    def __init__(self, app: ASGIApp, cookie: str, admitted: Callable[[str], bool]) -> None:
        self.app = app
        self.cookie = cookie
        self.admitted = admitted

    def _knows(self, scope: Scope) -> bool:
        return self.admitted(HTTPConnection(scope).cookies.get(self.cookie, ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(FILES) and not self._knows(scope):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
            return
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        expected = _of_researchers if self._knows(scope) else _of_respondents

        async def receive_expected() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                frame = expected(message.get("bytes"))
                if frame != message.get("bytes") and not _ODD.wait("message"):
                    log.warning("Left out what no page of ours sends by the websocket; told once a minute at most.")
                if frame is not None:
                    return {**message, "bytes": frame}

        await self.app(scope, receive_expected, send)


def _of_researchers(frame: bytes | None) -> bytes | None:
    message = _read(frame)
    return frame if message is not None and message.WhichOneof("type") in _OF_RESEARCHERS else None


def _of_respondents(frame: bytes | None) -> bytes | None:
    """What of it the page of a respondent sends: a run, with the state of its one component and the events of it.

    Anything else would end as an error with a long trace in the log, each time somebody sends it.
    """
    message = _read(frame)
    if frame is None or message is None or message.WhichOneof("type") not in _OF_ANYBODY:
        return None
    asked = message.rerun_script
    widgets = asked.widget_states.widgets
    looked_at = widgets[:_MOST_WIDGETS] if len(frame) <= _LARGEST else []
    plain = [widget for widget in looked_at if _is_plain(widget)]
    if len(plain) == len(widgets) and not asked.fragment_id:
        return frame
    asked.ClearField("fragment_id")
    asked.widget_states.CopyFrom(WidgetStates(widgets=plain))
    return message.SerializeToString()


def _read(frame: bytes | None) -> BackMsg | None:
    """The message of a frame; None for a text, and for what is no message."""
    try:
        return None if frame is None else BackMsg.FromString(frame)
    except DecodeError:
        return None


def _is_plain(widget: WidgetState) -> bool:
    """Is it JSON where it has to be, and nested no deeper than anything can follow?"""
    kind = "json_trigger_value" if widget.id.endswith(_EVENTS) else "json_value"
    if widget.WhichOneof("value") != kind:
        return False
    try:
        level = [json.loads(getattr(widget, kind))]
    except (ValueError, RecursionError):
        return False
    for _ in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = list(chain.from_iterable(inner))
    return not level
