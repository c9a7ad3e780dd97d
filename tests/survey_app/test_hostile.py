"""What a hostile visitor sends to the real server by Streamlit's own ways in: the websocket, its uploads, its files."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from analysis.errors import StoreError
from survey_app.limits import Limit, seconds_too_early
from survey_app.store import Store
from survey_app.study import Study, link_name
from tests.conftest import Server

T = TypeVar("T")
WIDGET = "$$STREAMLIT_INTERNAL_KEY_{}__events"


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, timeout=30) as client:
        client.get("/_stcore/health")  # hands out the token against forged requests
        yield client


@dataclass
class Visitor:
    """Somebody who speaks the websocket's language, and says what a page of ours would not."""

    socket: ClientConnection
    session: str = ""
    widget: str = ""

    async def say(self, message: BackMsg) -> None:
        await self.socket.send(message.SerializeToString())

    async def run(self, query: str, told: object = None) -> list[dict[str, Any]]:
        """Ask for a run of the script, as if the component had sent this; the screens of ours that come back."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.widget_states.SetInParent()
        if told is not None:
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = WIDGET.format(self.widget)
            widget.json_trigger_value = json.dumps([{"event": "sent", "value": told}])
        await self.say(message)
        screens = []
        async with asyncio.timeout(30):
            while True:
                heard = ForwardMsg.FromString(await self.socket.recv(decode=False))
                kind = heard.WhichOneof("type")
                if kind == "new_session":
                    self.session = heard.new_session.initialize.session_id
                if kind == "delta" and heard.delta.new_element.WhichOneof("type") == "bidi_component":
                    shown = heard.delta.new_element.bidi_component
                    self.widget = shown.id
                    screens.append(json.loads(shown.bytes or shown.json or shown.mixed.json))
                if kind == "script_finished" and heard.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return screens


@asynccontextmanager
async def visiting(server: Server, **headers: str) -> AsyncIterator[Visitor]:
    protocols = [Subprotocol("streamlit"), Subprotocol("PLACEHOLDER_AUTH_TOKEN")]
    address = f"ws{server.base.removeprefix('http')}/_stcore/stream"
    async with connect(address, subprotocols=protocols, additional_headers=headers, max_size=None) as socket:
        yield Visitor(socket)


def visit(server: Server, story: Callable[[Visitor], Awaitable[T]], **headers: str) -> T:
    async def told() -> T:
        async with visiting(server, **headers) as visitor:
            return await story(visitor)

    return asyncio.run(told())


def press(event: str, **more: Any) -> dict[str, Any]:
    told = {"event": event, "value": "", "screen": "consent", "language": "en", "attempt": 0, "sequence": None}
    return told | {"answers": {}, "saved": False, "nonce": secrets.token_hex(8)} | more


def participations(server: Server) -> int:
    with closing(sqlite3.connect(server.database.removeprefix("sqlite:///"), timeout=30)) as connection:
        return int(connection.execute("SELECT count(*) FROM participations").fetchone()[0])


# -- what Streamlit would do for any session ------------------------------------------------------------------------


def test_nobody_but_a_researcher_puts_files_into_the_servers_memory(server: Server, web: httpx.Client) -> None:
    """Streamlit keeps what any session uploads until that session ends, twenty megabytes at a time."""
    token = {"x-xsrftoken": web.cookies["_streamlit_xsrf"]}

    async def upload(visitor: Visitor) -> tuple[int, int]:
        await visitor.run("s=demo&t=" + "k" * 43)
        address, sent = f"/_stcore/upload_file/{visitor.session}/1", {"file": ("x.png", b"x" * 1000)}
        refused = web.put(address, files=sent, headers=token).status_code
        web.get(server.access)
        return refused, web.put(address, files=sent, headers=token).status_code

    assert visit(server, upload) == (404, 204)
    web.cookies.clear()
    assert web.get("/media/0123456789abcdef.csv").text == "Not found"


def test_nobody_drops_what_all_sessions_share(server: Server, web: httpx.Client) -> None:
    """`clear_cache` made a new store, with connections of its own, for the next respondent, each time it was sent."""
    process = psutil.Process(server.process.pid)

    async def flood(visitor: Visitor) -> list[dict[str, Any]]:
        query = "s=demo&t=" + "c" * 43
        await visitor.run(query)
        for _ in range(20):
            await visitor.say(BackMsg(clear_cache=True))
            await visitor.say(BackMsg(set_run_on_save=True))
            await visitor.say(BackMsg(load_git_info=True))
            assert web.get("/healthz").status_code == 200
        return await visitor.run(query)

    web.get("/healthz")
    before = process.num_fds()
    assert visit(server, flood)[-1]["screen"] == "languages"
    assert process.num_fds() < before + 10


def test_another_site_opens_no_websocket(server: Server) -> None:
    async def nothing(visitor: Visitor) -> None:
        raise AssertionError("let in")

    with pytest.raises(InvalidStatus, match="403"):
        visit(server, nothing, Origin="https://evil.example")


@pytest.mark.parametrize(
    "cookie", ["", "parasol_access=99999999999.x." + "0" * 64, "parasol_access=..", "=;=", "a" * 4000]
)
def test_a_forged_cookie_shows_no_screen_of_a_researcher(server: Server, cookie: str) -> None:
    shown = visit(server, lambda visitor: visitor.run(""), Cookie=cookie)
    assert [screen["screen"] for screen in shown] == ["unknown"]


# -- what a page of ours would not send -----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "x", "a%00b", "k" * 19, "k" * 101, "k" * 100_000])
def test_nobody_begins_with_a_key_that_was_never_handed_out_like_that(server: Server, key: str) -> None:
    """A short key can be guessed; of long ones the limits would remember twenty thousand."""

    async def agree(visitor: Visitor) -> list[dict[str, Any]]:
        await visitor.run(f"s=demo&t={key}")
        return await visitor.run(f"s=demo&t={key}", press("agree"))

    before = participations(server)
    assert {screen["screen"] for screen in visit(server, agree)} == {"restart"}
    assert participations(server) == before


def test_a_key_of_one_study_opens_no_other(server: Server) -> None:
    store = Store(server.database)
    study = store.study("demo")
    if not any(each.slug == "other" for each in store.studies()):
        store.add_study(replace(study, id="other", slug="other", state="open", title={"en": "Other", "nl": "Ander"}))
    key = secrets.token_urlsafe(32)
    store.begin("demo", key, language="en")
    store.name_influencer(key, "Somebody nobody else may read of")
    before = participations(server)

    async def look(visitor: Visitor) -> list[dict[str, Any]]:
        query = f"s=other&t={key}"
        return await visitor.run(query) + await visitor.run(query, press("agree"))

    shown = visit(server, look)
    assert {screen["screen"] for screen in shown} == {"unknown"} and "Somebody" not in json.dumps(shown)
    assert participations(server) == before
    store.close()


@pytest.mark.parametrize(
    "told",
    [
        None, 7, "x", [], {}, {"event": ["agree"]}, press("finish"), press("raffle", answers={"address": "a@b.cd"}),
        press("handover", value="http://\ud800"), press("handover", value="javascript:alert(1)"),
        press("back", screen="thanks"), press("next", screen="thanks", saved=True),
        press("next", screen="influencer", answers={"influencer": "x" * 1_000_000}), press("agree", nonce="\ud800\x00"),
    ],
)  # fmt: skip
def test_whatever_is_sent_nothing_is_finished_and_the_next_one_is_served(server: Server, told: object) -> None:
    query = f"s=demo&t={secrets.token_urlsafe(32)}"

    async def send(visitor: Visitor) -> list[dict[str, Any]]:
        await visitor.run(query)
        return [*await visitor.run(query, told), *await visitor.run(query)]

    shown = visit(server, send)
    assert {screen["screen"] for screen in shown} <= {"languages", "consent", "influencer"}
    assert all(screen["reply"].get("drawing") is None for screen in shown)


def test_pages_made_up_under_many_keys_meet_the_limit_of_their_link(server: Server) -> None:
    """Keys cost nothing, and where no sources are declared neither do labels: both are counted for the study."""
    store = Store(server.database)
    study = store.study("demo")
    store.close()
    names = {link_name(study, f"made-up-{number}") for number in range(50)}
    assert len(names) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("survey_app.limits.LINKS", Limit(10, 1))
        waits = [seconds_too_early(f"{number:040}", *names, saves=True) for number in range(20)]
    assert waits[:10] == [0.0] * 10 and min(waits[10:]) > 0


def test_drawings_of_links_are_limited_too(server: Server, web: httpx.Client) -> None:
    """Made-up labels share the limit of their study; another study's link is drawn all the same."""
    store = Store(server.database)
    for slug in ("drawn", "calm"):
        store.add_study(replace(store.study("demo"), id=slug, slug=slug, state="open"))
    store.close()
    seen = [web.get(f"/qr/drawn.svg?src=made-up-{number}") for number in range(260)]
    told = [answer for answer in seen if answer.status_code == 429]
    assert told and int(told[0].headers["retry-after"]) >= 1
    assert [answer.status_code for answer in seen[:200]] == [200] * 200
    assert web.get("/qr/calm.svg").status_code == 200


def test_made_up_labels_do_not_fill_the_researchers_screen(store: Store, study: Study) -> None:
    for number in range(250):
        store.count_visit(study.slug, f"made-up-{number}", "visit")
    store.count_visit(study.slug, "made-up-7", "visit")
    counted = store.counts(study.slug)
    assert counted.visits == 251 and len(counted.by_source) == 201
    assert (counted.by_source["other"].visits, counted.by_source["made-up-7"].visits) == (50, 2)


# -- what is kept of a visit ----------------------------------------------------------------------------------------


def test_no_log_and_no_table_holds_keys_addresses_or_browsers(server: Server, web: httpx.Client) -> None:
    marks = {
        "user-agent": "Mozilla/5.0 (Marked-Browser)",
        "x-forwarded-for": "203.0.113.77",
        "referer": "https://m.ark",
    }
    key = httpx.URL(web.get("/s/demo", headers=marks).headers["location"]).params["t"]
    store = Store(server.database)
    store.begin("demo", key, language="en")
    page = store.instrument(store.study("demo").instrument).pages[0]
    store.close()
    sent = {"key": key, "page": page.id, "answers": {page.items[0]: 1}, "influencer": "Marked person"}
    assert web.post("/answers", json=sent, headers=marks).status_code == 200
    assert (
        web.post("/answers", json=sent | {"answers": {page.items[0]: "Marked answer"}}, headers=marks).status_code
        == 422
    )
    web.post("/withdraw", data={"code": "MARK-EDCO-DE22"}, headers=marks)
    folder = server.database.removeprefix("sqlite:///").rpartition("/")[0]
    with closing(sqlite3.connect(f"{folder}/parasol.sqlite", timeout=30)) as connection:
        kept = "\n".join(connection.iterdump())
    logs = "\n".join(file.read_text(errors="replace") for file in Path(folder).glob("server-*.log"))
    assert page.id in kept and "Respondents" in logs
    for trace in (key, "Marked-Browser", "203.0.113.77", "127.0.0.1", "m.ark", "MARK-EDCO"):
        assert trace not in kept, trace
    for trace in (key, "Marked", "203.0.113.77", "MARK-EDCO", f'"{page.items[0]}"'):
        assert trace not in logs, trace


def test_no_error_of_the_database_repeats_what_was_to_be_kept(store: Store, study: Study) -> None:
    """Its text goes into the log, with everything that led to it."""
    key, said, name = secrets.token_urlsafe(32), secrets.token_hex(), secrets.token_hex()
    store.begin(study.slug, key, language="en")
    with store._writing() as connection:
        connection.exec_driver_sql("DROP TABLE pages")
    with pytest.raises(StoreError) as refusal:
        store.save_page(key, "person", {"why": said}, influencer=name)
    told = "".join(traceback.format_exception(refusal.value))
    assert "INSERT INTO pages" in told and not any(secret in told for secret in (key, said, name))
