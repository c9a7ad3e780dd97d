"""What no page of ours sends by the websocket: it changes nothing, and leaves a line in the log instead of traces."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from survey_app.protection import _of_respondents
from survey_app.saving import LARGEST_PAGE
from tests.conftest import Server
from tests.survey_app.test_hostile import WIDGET, Visitor, visit

DEEP = "[" * 900 + "]" * 900


def said(server: Server) -> str:
    folder = Path(server.database.removeprefix("sqlite:///")).parent
    return "".join(file.read_text(errors="replace") for file in sorted(folder.glob("server-*.log")))


def test_odd_messages_leave_one_line_and_the_page_goes_on(server: Server) -> None:
    frames = [b"\xff\xff\xff\xff", b"\x0a", secrets.token_bytes(200), "text", "{}", b""]
    values: list[tuple[str, Any]] = [
        *(("json_trigger_value", text) for text in ("{nonsense", "[" * 100_000, DEEP, "9" * 5000, "")),
        *(("json_value", text) for text in ("{nonsense", "[" * 100_000, DEEP, "null")),
        *(("bytes_value", b"\xff"), ("string_value", "x"), ("int_value", 5), ("bool_value", True)),
        *(("double_value", 1.0), ("trigger_value", True)),
    ]
    query = f"s=demo&t={secrets.token_urlsafe(32)}"

    async def send(visitor: Visitor) -> list[dict[str, Any]]:
        await visitor.run(query)
        for frame in frames:
            await visitor.socket.send(frame)
        for id in (visitor.widget, WIDGET.format(visitor.widget)):
            for name, value in values:
                odd = BackMsg()
                odd.rerun_script.query_string = query
                widget = odd.rerun_script.widget_states.widgets.add()
                widget.id = id
                setattr(widget, name, value)
                await visitor.say(odd)
                await visitor.run(query)
        part = BackMsg()
        part.rerun_script.fragment_id = "nowhere"
        await visitor.say(part)
        return await visitor.run(query)

    before = said(server)
    assert [screen["screen"] for screen in visit(server, send)] == ["languages"]
    told = said(server).removeprefix(before)
    assert "Traceback" not in told and "Error" not in told
    assert told.count("\n") <= 2 and "Left out what no page of ours sends" in told


def test_what_is_larger_than_any_page_is_left_out_unread() -> None:
    """Streamlit takes 200 MB at once; to look into 15 MB of JSON kept everybody else waiting for seven seconds."""

    def sent(text: str, widgets: int = 1) -> bytes:
        message = BackMsg()
        for number in range(widgets):
            message.rerun_script.widget_states.widgets.add(id=f"w{number}", json_value=text)
        return message.SerializeToString()

    page = sent(f'"{"x" * LARGEST_PAGE}"')
    assert _of_respondents(page) == page
    for odd, most in ((sent(f'"{"x" * 600_000}"'), 0), (sent("1", 5_000), 100)):
        asked = BackMsg.FromString(_of_respondents(odd) or b"")
        assert asked.WhichOneof("type") == "rerun_script" and len(asked.rerun_script.widget_states.widgets) == most


@pytest.mark.parametrize("cookie", ["", "researcher"])
def test_garbage_ends_no_connection(server: Server, cookie: str) -> None:
    """Not one of a researcher either, who may send more."""
    held = {}
    if cookie:
        with httpx.Client(base_url=server.base) as web:
            web.get(server.access)
            held = {"Cookie": "; ".join(f"{name}={value}" for name, value in web.cookies.items())}
    query = f"s=demo&t={secrets.token_urlsafe(32)}"

    async def send(visitor: Visitor) -> list[dict[str, Any]]:
        for _ in range(3):
            await visitor.socket.send(b"\xff\xff")
        return await visitor.run(query)

    before = said(server)
    assert [screen["screen"] for screen in visit(server, send, **held)] == ["languages"]
    assert "Traceback" not in said(server).removeprefix(before)
