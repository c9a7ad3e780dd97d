"""The server: Streamlit as an ASGI application, our routes beside it, compressed files and headers around it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from streamlit import file_util

from analysis.errors import Problem, SettingsError, StoreError, StudyClosed
from survey_app.access import COOKIE, OneTimeLinks, admits, load_secret
from survey_app.app import HOME, RESEARCHER_SCREENS
from survey_app.context import load_study_context, open_store
from survey_app.kept_theme import keep_theme
from survey_app.media import media_hosts
from survey_app.plain_page import plain_page
from survey_app.precompressed import Precompressed, write_compressed
from survey_app.protection import NOWHERE, Abroad, ForResearchers, OnlyKnown, Protection
from survey_app.routes import researcher_routes, respondent_routes
from survey_app.settings import Settings
from survey_app.study import is_slug
from survey_app.words import words

OPEN_FILES = 65_536

REQUIRED = {
    # With a full collection after every run a lecture hall waits for seconds instead of milliseconds.
    "runner.postScriptGC": False,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableWebsocketCompression": False,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
}
"""The Streamlit settings without which collecting answers is slow or unsafe; what each must be."""


def streamlit_config(settings: Settings) -> dict[str, Any]:
    """Every Streamlit setting this server starts with; SettingsError where one that matters was changed."""
    here = Path(__file__).resolve().parent
    path = here.parent / ".streamlit" / "config.toml"
    path = path if path.is_file() else here / "streamlit.toml"  # the same file, as the wheel carries it
    options = _dotted(tomllib.loads(path.read_text(encoding="utf-8")))
    problems = [
        Problem(f"{path.name}, {name}", f"is {options.get(name)!r}", f"Set it to {wanted!r}.")
        for name, wanted in REQUIRED.items()
        if options.get(name) != wanted
    ]
    if problems:
        raise SettingsError(*problems)
    quiet = {"logger.hideWelcomeMessage": True, "server.headless": True}
    return options | quiet | {"server.address": settings.address, "server.port": settings.port}


def _dotted(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in tables.items():
        options |= _dotted(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return options


def raise_open_files() -> int | None:
    """How many files and sockets may this process open, after asking for as many as it can get? None: no limit known.

    A respondent costs about four; the usual 1,024 end at 250 people.
    """
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def keep_to_one_core(port: int) -> None:
    """Let this process run on one core only: it can use no more, and changing between them costs a fifth.

    Processes at consecutive ports take consecutive cores.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[port % len(cores)]})


def check_port(address: str, port: int) -> int:
    """The port to listen on: `port` itself, or a free one for 0. SettingsError where it cannot be had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as trouble:
            where = f"address {address}, port {port}"
            remedy = "Give another one with --port or --address, or end the program that uses it."
            raise SettingsError(Problem(where, f"cannot be used ({trouble.strerror})", remedy)) from None
        return int(probe.getsockname()[1])


def build_app(settings: Settings, links: OneTimeLinks, announce: Callable[[], None]) -> st.App:
    """The whole server as one ASGI application; `announce` is called when it is about to answer."""
    secret = load_secret(settings)
    # One screen is Streamlit's default page and lives at /.
    others = [screen.path for screen in RESEARCHER_SCREENS if screen.path != HOME]
    page_paths = ["/", *(f"/{path}" for path in others if settings.researcher)]
    routes = respondent_routes(settings)
    if settings.researcher:
        routes += researcher_routes(links, secret)

    @asynccontextmanager
    async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
        await asyncio.to_thread(open_store().migrate)
        import survey_app.screens.respondent  # noqa: F401  the first phone should not wait for this

        keep_theme()
        # What was made so far lives for ever: no later collection has to look at it.
        gc.collect()
        gc.freeze()
        announce()
        yield {}
        open_store().close()

    return st.App(
        Path(__file__).with_name("script.py"),
        lifespan=lifespan,
        routes=routes,
        middleware=[
            Middleware(Protection, abroad=abroad),
            Middleware(Precompressed, folder=Path(file_util.get_static_dir()), page_paths=page_paths),
            Middleware(OnlyKnown, routes=routes),
            Middleware(
                ForResearchers, cookie=COOKIE, admitted=lambda held: settings.researcher and admits(secret, held)
            ),
        ],
        on_script_error=show_trouble,
        exception_handlers={HTTPException: answer_refusal, Exception: answer_trouble},
    )


def write_static(folder: Path) -> tuple[int, int]:
    """Write Streamlit's own page files for a web server in front: how many files, and their bytes as gzip."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "is there already, and may hold files of an older version"
        raise SettingsError(Problem(str(folder), what, "Name a new folder, and let the web server point to it."))
    return write_compressed(Path(file_util.get_static_dir()) / "static", folder)


async def abroad(slug: str) -> Abroad:
    """The other sites this study has to do with; none where it cannot be found out."""
    if not is_slug(slug):
        return NOWHERE
    try:
        found = await asyncio.to_thread(load_study_context, slug)
    except (StoreError, StudyClosed):
        return NOWHERE
    return Abroad(found.study.embed, media_hosts(found.instrument))


def serve(settings: Settings, links: OneTimeLinks, announce: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT."""
    options = streamlit_config(settings)
    app = build_app(settings, links, announce)
    # Streamlit puts the folder of argv[0] on the import path; our modules must not become top-level names.
    sys.argv = [str(Path(sys.prefix, "parasol"))]
    app.run(config=options)


def show_trouble(error: Exception) -> bool:
    """A fault in a screen: the person reads a calm sentence, Streamlit's log has the details."""
    w = words(str(st.session_state.get("language", "en")))
    st.error(f"**{w('trouble.title')}**  \n{w('trouble.text')}")
    return True


def answer_refusal(request: Request, error: HTTPException) -> Response:
    """404, 405 and the like: a page for a person, a line for a program."""
    if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        return plain_page("unknown", 404)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


def answer_trouble(request: Request, error: Exception) -> Response:
    """A fault in a route."""
    return plain_page("trouble", 500)
