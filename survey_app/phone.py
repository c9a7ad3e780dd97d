"""A respondent's phone, as the server sees one: Streamlit's websocket for the screens, posts for the answers.

`parasol rehearse`, the benchmarks and the tests of faults answer questionnaires with it. It does what the component on
a real phone does: posts a page until it is acknowledged, shows the next one that comes with the answer or asks for it
until the reply is there, and joins again by itself when a connection is lost.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from analysis.kinds import Answer

T = TypeVar("T")

_RUN_AGAIN = ForwardMsg.FINISHED_EARLY_FOR_RERUN
_FINISHED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
_REPLY_SECONDS = 20.0
_LONGEST_PAUSE = 3.0
_OFTEN = 4
_COME_BACK = (429, 503)
"""What the server answers who should ask again a little later."""

_GONE = (OSError, EOFError, WebSocketException, TimeoutError)
"""What is raised when a connection is away, breaks or does not answer."""


class Broken(Exception):
    """Somebody cannot go on: on which page, because of which item ("" for none), and why."""

    def __init__(self, page: str, item: str, message: str) -> None:
        super().__init__(": ".join(part for part in (page, item, message) if part))
        self.page, self.item, self.message = page, item, message


@dataclass(frozen=True)
class Heard:
    """An answer to a request: its status, its headers in lower case, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Web:
    """A connection for requests that is kept open and made again when it was closed."""

    def __init__(self, base: str) -> None:
        url = urlsplit(base)
        self._secure = url.scheme == "https"
        self._host, self._port = url.hostname or "", url.port or (443 if self._secure else 80)
        self._name = url.netloc
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.sent = self.received = 0

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Heard:
        """Send one request and read the whole answer; OSError or EOFError when the connection breaks.

        A connection that was left idle may just have been closed; then another one is made, as browsers do.
        """
        if self._streams is not None:
            try:
                return await self._ask(method, path, body, headers)
            except (OSError, EOFError):
                pass
        return await self._ask(method, path, body, headers)

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Heard:
        if self._streams is None:
            context = ssl.create_default_context() if self._secure else None
            self._streams = await asyncio.open_connection(self._host, self._port, ssl=context)
        reader, writer = self._streams
        head = {"host": self._name, "content-length": str(len(body))} | dict(headers)
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
        request = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
        try:
            writer.write(request)
            self.sent += len(request)
            return await self._read(reader)
        except BaseException:
            self.close()
            raise

    async def _read(self, reader: asyncio.StreamReader) -> Heard:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received += len(head) + len(body)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Heard(int(first.split()[1]), headers, body)

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Phone:
    """One respondent's phone.

    Parameters
    ----------
    base : str
        The server, such as `http://127.0.0.1:8501`.
    link : str
        The study's link on it, such as `/s/demo`.
    seed : int
        For the names of presses.
    patience : float
        Seconds for which a page or a press is tried again while the server is away.
    """

    def __init__(self, base: str, link: str, *, seed: int = 0, patience: float = 60.0) -> None:
        self.base = base.rstrip("/")
        self.link = link
        self.patience = patience
        self.web = Web(self.base)
        self.screen: dict[str, Any] = {}
        self.query = ""
        self.acknowledged: list[tuple[str, str, dict[str, Answer]]] = []
        """What the server said it has: page, influencer, answers."""
        self.saving: list[float] = []
        """Seconds each page took to be acknowledged."""
        self.resent = 0
        self.received = 0
        self._socket: ClientConnection | None = None
        self._session = ""
        self._script = ""
        self._widget = ""
        self._kept: dict[str, ForwardMsg] = {}
        self._random = random.Random(seed)

    async def __aenter__(self) -> Phone:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    @property
    def at(self) -> str:
        """The name of the screen that is shown."""
        return str(self.screen.get("screen", ""))

    @property
    def key(self) -> str:
        """The key of the participation, as it stands in the address."""
        return next((part[2:] for part in self.query.split("&") if part.startswith("t=")), "")

    async def leave(self) -> None:
        """Close the page."""
        self.web.close()
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    def cut(self) -> None:
        """Lose the connections without a word and the session with them: the next press joins a new one."""
        self._lose()
        self._session = ""

    # -- screens ----------------------------------------------------------------------------------------------------

    async def arrive(self) -> None:
        """Follow the link to a key of one's own, and see the first screen."""
        until = time.monotonic() + self.patience
        answer = await self._patiently(lambda: self.web.ask("GET", self.link))
        while answer.status in _COME_BACK and time.monotonic() < until:
            self.resent += 1
            await asyncio.sleep(self._pause(_OFTEN))
            answer = await self._patiently(lambda: self.web.ask("GET", self.link))
        location = answer.headers.get("location", "")
        if answer.status != 303 or "?" not in location:
            raise Broken("the link", "", f"was answered {answer.status}")
        self.query = urlsplit(location).query
        await self.look()

    async def look(self) -> None:
        """See the screen this key is at, as after loading the page."""
        await self._patiently(self._run)
        await self._outlast()

    async def _outlast(self) -> None:
        """A screen that asks for patience asks again by itself."""
        until = time.monotonic() + self.patience
        while self.screen.get("retry") and time.monotonic() < until:
            await asyncio.sleep(self._pause(_OFTEN))
            await self._patiently(self._run)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        until = time.monotonic() + self.patience
        for attempt in itertools.count():
            try:
                return await ask()
            except _GONE as error:
                self._lose()
                if time.monotonic() > until:
                    raise Broken(self.at or "the link", "", f"the server is away ({error})") from error
            await asyncio.sleep(self._pause(attempt))
        raise AssertionError("never reached")

    def _lose(self) -> None:
        self.web.close()
        if self._socket is not None:
            self._socket.transport.abort()
            self._socket = None

    def _pause(self, attempt: int) -> float:
        return min(0.1 * 2**attempt, _LONGEST_PAUSE) * self._random.uniform(0.75, 1.25)

    async def _join(self) -> ClientConnection:
        if self._socket is None:
            # The second protocol stands where a token against forged requests would; the third asks for the session.
            protocols = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *([self._session] if self._session else [])]
            self._socket = await connect(
                f"ws{self.base.removeprefix('http')}/_stcore/stream",
                subprotocols=[Subprotocol(name) for name in protocols],
                max_size=None,
                compression=None,
                open_timeout=_REPLY_SECONDS,
                ping_interval=None,
                close_timeout=1,
            )
        return self._socket

    async def _run(self, told: dict[str, Any] | None = None) -> None:
        """One run of the script: ask for it, and read what it shows until it is over."""
        socket = await self._join()
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._script
        state.widget_states.SetInParent()
        state.context_info.locale = "nl-NL"
        state.context_info.timezone = "Europe/Amsterdam"
        state.cached_message_hashes.extend(self._kept)
        if told is not None:
            widget = state.widget_states.widgets.add()
            widget.id = f"$$STREAMLIT_INTERNAL_KEY_{self._widget}__events"
            widget.json_trigger_value = json.dumps([{"event": "sent", "value": told}])
        await socket.send(message.SerializeToString())
        async with asyncio.timeout(_REPLY_SECONDS):
            while True:
                self.screen = await self._read(socket)
                reply = self.screen["reply"]
                # Else it is the end of a run that was asked for before a connection was lost.
                if told is None or (reply["nonce"], reply["attempt"]) == (told["nonce"], told["attempt"]):
                    return

    async def _read(self, socket: ClientConnection) -> dict[str, Any]:
        screen: dict[str, Any] = {}
        while True:
            frame = await socket.recv(decode=False)
            self.received += len(frame) + 4
            message = ForwardMsg.FromString(frame)
            if message.WhichOneof("type") == "ref_hash":
                message = self._kept[message.ref_hash]
            elif message.metadata.cacheable:
                self._kept[message.hash] = message
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._script = message.new_session.page_script_hash
                self._session = message.new_session.initialize.session_id
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                screen = self._seen(message.delta.new_element) or screen
            elif kind == "script_finished" and message.script_finished != _RUN_AGAIN:
                if message.script_finished not in _FINISHED:
                    raise Broken(self.at, "", "a run of the script failed")
                if screen:  # else it was the end of a run that a lost connection had asked for
                    return screen

    def _seen(self, element: Any) -> dict[str, Any]:
        kind = element.WhichOneof("type")
        if kind in ("exception", "alert"):
            raise Broken(self.at, "", "the screen shows an error")
        if kind != "bidi_component":
            return {}
        shown = element.bidi_component
        self._widget = shown.id
        return dict(json.loads(shown.bytes or shown.json or shown.mixed.json))

    # -- presses ----------------------------------------------------------------------------------------------------

    async def press(self, event: str, value: str = "", answers: Mapping[str, Answer] | None = None) -> None:
        """Press a button until its reply is there; a page of answers is posted first.

        Raises
        ------
        Broken
            When answers are refused or missing, nothing moves, or the server stays away.
        """
        before, post = self.screen, self.screen.get("post") if event == "next" else None
        nonce = f"{self._random.getrandbits(64)}-{self._random.getrandbits(32)}"
        told = {"event": event, "value": value, "screen": self.at, "language": before["language"], "nonce": nonce}
        told |= {"answers": dict(answers or {}), "saved": False, "sequence": None}
        if post:
            told["sequence"] = post.get("saves", 0) + 1
        until = time.monotonic() + self.patience
        for attempt in itertools.count():
            try:
                heard = await self._save(post, told, attempt) if post and not told["saved"] else "ask"
                if heard == "turned":
                    break
                if heard == "ask":
                    await self._run(told | {"attempt": attempt})
                    if not self.screen["reply"]["failed"]:
                        break
            except _GONE:
                self._lose()
            if time.monotonic() > until:
                raise Broken(before["screen"], "", "the server stays away")
            self.resent += 1
            await asyncio.sleep(self._pause(attempt))
        await self._outlast()
        self._look_for_problems(before, event)
        if post and not told["saved"]:
            self.acknowledged.append((post["page"], post["influencer"], dict(told["answers"])))

    def _look_for_problems(self, before: dict[str, Any], event: str) -> None:
        for item, problem in self.screen["reply"].get("problems", {}).items():
            fields = [field for block in before["blocks"] for field in block.get("items", ()) if field["id"] == item]
            message = fields[0].get("messages", {}).get(problem, problem) if fields else problem
            raise Broken(before["screen"], item, message)
        if event == "next" and self.at == before["screen"]:
            raise Broken(self.at, "", "the next page did not come")

    async def _save(
        self, post: Mapping[str, Any], told: dict[str, Any], attempt: int
    ) -> Literal["turned", "ask", "again"]:
        """Post the page. The next screen came with the answer, or is to be asked for; or it is to be posted again."""
        letter = {name: post[name] for name in ("key", "page", "influencer")}
        letter |= {name: told[name] for name in ("answers", "sequence")} | {"order": self.screen["order"]}
        letter["returned"] = post["returned"]
        letter["paradata"] = {"ms": 1000, "items": {}, "device": "phone"}
        began = time.perf_counter()
        body = json.dumps(letter).encode()
        heard = await self.web.ask("POST", post["address"], body, content_type="application/json")
        if heard.status == 200:
            told["saved"] = True
            self.saving.append(time.perf_counter() - began)
            self.acknowledged.append((post["page"], post["influencer"], dict(told["answers"])))
            following = json.loads(heard.body)["next"]
            self.screen = following or self.screen
            return "turned" if following else "ask"
        if heard.status in (413, 422):
            refused = json.loads(heard.body)
            for item, reason in refused.get("items", {}).items():
                raise Broken(self.at, item, f"refused: {reason}")
            raise Broken(self.at, "", str(refused.get("problem", "refused")))
        # Anything else: this way to the server may be blocked, so the page goes along with the question.
        return "ask" if heard.status not in _COME_BACK and (heard.status == 409 or attempt > 0) else "again"
