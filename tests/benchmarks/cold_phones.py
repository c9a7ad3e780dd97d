"""How long does a room full of phones wait when the QR code appears? Every phone loads every file of the page.

    python -m tests.benchmarks.cold_phones [--phones 400]

First a real Chromium opens a study with an empty cache: its bytes are counted, and which files it loads. Then each
phone opens six connections, as browsers do, and asks for the page and the same files (without Chromium, for those the
page names), compressed with gzip (what browsers accept without https) or brotli: from our own server, and from the
shipped nginx configuration with the files that `parasol static` wrote. Server and phones share this machine. Each line
ends with its target (seconds until the last phone has everything, bytes per phone) and whether it was met.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx

from analysis.instrument import load_instrument
from survey_app.server import raise_open_files, write_static
from survey_app.words import words
from tests.benchmarks.fieldwork import run, say
from tests.front import NGINX, Front, free_ports
from tests.house import House

CONNECTIONS = 6
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
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


def named(base: str) -> list[str]:
    """The files that the page itself names."""
    page = httpx.get(f"{base}/", timeout=60).text
    return [path.removeprefix(".") for path in re.findall(r'(?:src|href)="(\./[^"]+)"', page)]


def measure(what: str, base: str, paths: list[str], phones: int, encoding: str, seconds: float) -> None:
    """One line: the seconds until the last phone has everything, and what came to each."""
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


def browser(base: str, slug: str) -> list[str]:
    """What a real Chromium receives, by its own accounting, from an empty cache to the first screen of a study.

    Returned are the files it asked for; none where it cannot be started.
    """
    what, target = "a real browser, our own server", f"<= {LARGEST} MB, then <= 10 kB per page"
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        say(what, "not measured: Playwright is not installed", target, None)
        return []
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        except Error as error:
            say(what, f"not measured: {str(error).splitlines()[0]}", target, None)
            return []
        context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="nl-NL")
        page = context.new_page()
        sent, asked = [0.0], [0]
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")

        def count(key: str) -> Callable[[dict[str, Any]], None]:
            def add(told: dict[str, Any]) -> None:
                length = told.get(key, 0)
                sent[0] += len(length.get("payloadData", "")) * 0.75 if isinstance(length, dict) else length
                asked[0] += key == "encodedDataLength"

            return add

        paths: list[str] = []
        protocol.on("Network.requestWillBeSent", lambda told: paths.append(urlparse(told["request"]["url"]).path))
        protocol.on("Network.loadingFinished", count("encodedDataLength"))
        protocol.on("Network.webSocketFrameReceived", count("response"))  # in base64
        page.goto(f"{base}/s/{slug}")
        page.get_by_role("button").first.wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
        cold, files = sent[0] / 1e6, asked[0]
        paths = list(dict.fromkeys(path for path in paths if path.startswith("/static/")))
        weights, texts = [], words("nl")
        for key in ("language.continue", "consent.agree"):
            before, button = sent[0], page.get_by_role("button", name=texts(key), exact=True)
            button.click()
            button.wait_for(state="detached")
            page.wait_for_load_state("networkidle")
            weights.append((sent[0] - before) / 1000)
        chromium.close()
    figures = f"{cold:.2f} MB in {files} answers; then {', '.join(f'{one:.1f}' for one in weights)} kB per screen"
    say(what, figures, target, cold <= LARGEST and max(weights) <= 10)
    return paths


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
        paths = browser(house.base, house.add_study(load_instrument("psi_core"))) or named(house.base)
        for encoding in ("gzip", "br"):
            measure("our own server", house.base, paths, phones, encoding, 10)
        if NGINX is None:
            say(f"{phones} cold phones, behind nginx", "not measured: no nginx was found", "<= 4 s", None)
            return
        write_static(Path(name) / "static")
        front = Front(Path(name), [port, researchers])
        stack.callback(front.stop)
        front.start()
        measure("behind nginx", front.base, paths, phones, "gzip", 4)


if __name__ == "__main__":
    main()
