"""A small TCP proxy that breaks connections on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from urllib.parse import urlsplit


class Proxy:
    """Passes bytes between phones and the server; each piece ends the connection with a chance of `breaks`.

    A connection breaks in both directions: in the middle of a request, or before the answer to it has come.
    """

    def __init__(self, target: str, *, breaks: float, seed: int = 1) -> None:
        url = urlsplit(target)
        self._target = str(url.hostname), int(url.port or 80)
        self.breaks = breaks
        self.broken = 0
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._meet, "127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection(*self._target)
            try:
                ways = {asyncio.ensure_future(self._pass(*way)) for way in ((reader, back), (there, writer))}
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                back.transport.abort()
        writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65_536):
            if self._chance.random() < self.breaks:
                self.broken += 1
                sink.write(piece[: self._chance.randrange(len(piece))])
                with contextlib.suppress(OSError):
                    await sink.drain()
                await asyncio.sleep(0)
                return
            sink.write(piece)
            await sink.drain()
