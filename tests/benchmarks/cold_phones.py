"""How long does a room full of phones wait when the QR code appears? Every phone loads every file of the page.

    python -m tests.benchmarks.cold_phones [--phones 400]

Each phone opens six connections, as browsers do, and asks for the page and the files it names, compressed with gzip
(what browsers accept without https) or brotli: from our own server, and from the shipped nginx configuration with the
files that `parasol static` wrote. Server and phones share this machine. Each line ends with its target (seconds until
the last phone has everything, bytes per phone) and whether it was met.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urlparse

import httpx

from survey_app.server import raise_open_files, write_static
from tests.benchmarks.fieldwork import run, say
from tests.front import NGINX, Front, free_ports
from tests.house import House

CONNECTIONS = 6
LARGEST = 1.2
"""Megabytes that a phone with nothing in its cache may cost."""


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


def measure(what: str, base: str, phones: int, encoding: str, seconds: float) -> None:
    """One line: the seconds until the last phone has everything, and what came to each."""
    page = httpx.get(f"{base}/", timeout=60).text
    paths = [path.removeprefix(".") for path in re.findall(r'(?:src|href)="(\./[^"]+)"', page)]
    run(room(base, 2, paths, encoding))  # a file is compressed when it is first asked for
    own, began = time.process_time(), time.perf_counter()
    received = run(room(base, phones, paths, encoding)) / phones / 1e6
    took, own = time.perf_counter() - began, time.process_time() - own
    figures = (
        f"the last one is ready after {took:.1f} s; {len(paths) + 1} files and {received:.2f} MB each, "
        f"{phones * (len(paths) + 1) / took:,.0f} requests/s; the phones themselves took {own:.1f} s of processor time"
    )
    met = took <= seconds and received <= LARGEST
    say(f"{phones} cold phones, {what}, {encoding}", figures, f"<= {seconds:.0f} s, <= {LARGEST} MB", met)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--phones", type=int, default=400)
    phones = asked.parse_args().phones
    raise_open_files()
    print("| what | measured | target | |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        (port, researchers) = free_ports(2)
        house = House(Path(name), port=port)
        stack.callback(house.stop)
        house.start()
        for encoding in ("gzip", "br"):
            measure("our own server", house.base, phones, encoding, 10)
        if NGINX is None:
            say(f"{phones} cold phones, behind nginx", "not measured: no nginx was found", "<= 4 s", None)
            return
        write_static(Path(name) / "static")
        front = Front(Path(name), [port, researchers])
        stack.callback(front.stop)
        front.start()
        measure("behind nginx", front.base, phones, "gzip", 4)


if __name__ == "__main__":
    main()
