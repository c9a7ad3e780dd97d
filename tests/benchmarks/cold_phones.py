"""How long does a room full of phones wait when the QR code appears? Every phone loads every file of the page.

    python -m tests.benchmarks.cold_phones [--phones 400]

Each phone opens six connections, as browsers do, and asks for the page and the files it names, compressed with gzip
(what browsers accept without https) or brotli. Printed are the seconds until the last phone has everything, requests
per second, and bytes per phone. Server and phones share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urlparse

import httpx

from tests.house import House

CONNECTIONS = 6


async def load(host: str, port: int, paths: list[str], encoding: str) -> int:
    """Fetch the paths one after the other on one connection; the bytes that came."""
    reader, writer = await asyncio.open_connection(host, port)
    received = 0
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept-Encoding: {encoding}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if b" 200 " not in head.split(b"\r\n")[0] or length is None:
            raise AssertionError(f"{path}: {head[:80]!r}")
        received += len(head) + len(await reader.readexactly(int(length[1])))
    writer.close()
    return received


async def phone(base: str, paths: list[str], encoding: str) -> int:
    url = urlparse(base)
    host, port = str(url.hostname), int(url.port or 80)
    received = await load(host, port, ["/"], encoding)
    shares = (paths[first::CONNECTIONS] for first in range(CONNECTIONS))
    return received + sum(await asyncio.gather(*(load(host, port, share, encoding) for share in shares)))


async def room(base: str, phones: int, paths: list[str], encoding: str) -> int:
    return sum(await asyncio.gather(*(phone(base, paths, encoding) for _ in range(phones))))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--phones", type=int, default=400)
    phones = asked.parse_args().phones
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name))
        base = house.base
        try:
            house.start()
            page = httpx.get(f"{httpx.URL(base)}/", timeout=60).text
            paths = [path.removeprefix(".") for path in re.findall(r'(?:src|href)="(\./[^"]+)"', page)]
            for encoding in ("gzip", "br"):
                began = time.perf_counter()
                received = asyncio.run(room(base, phones, paths, encoding))
                took = time.perf_counter() - began
                rate = phones * (len(paths) + 1) / took
                print(
                    f"{encoding:5} {phones} phones, {len(paths) + 1} files each: the last one is ready after "
                    f"{took:.1f} s, {rate:,.0f} requests/s, {received / phones / 1e6:.2f} MB per phone"
                )
        finally:
            house.stop()


if __name__ == "__main__":
    main()
