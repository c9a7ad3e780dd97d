"""Streamlit's own page files, compressed once and answered before Streamlit sees the request.

A cold phone asks for some 70 files the moment a QR code appears. Streamlit reads each from disk and sends it
uncompressed; here every file is compressed at its first request and then sent from memory.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import brotli
from starlette.types import ASGIApp, Receive, Scope, Send

from survey_app.words import direction, languages, words

IMMUTABLE = "public, max-age=31536000, immutable"
COMPRESSIBLE = {".css", ".html", ".js", ".json", ".svg", ".wasm"}
HASHED_NAME = re.compile(r"\.[A-Za-z0-9_-]{8}\.[a-z0-9]+$")
NOT_OURS = re.compile(
    r"\s*<link rel=\"service-desc\"[^>]*>|\s*<script>\s*window\.prerenderReady.*?</script>", re.DOTALL
)
ICON = "/parasol.svg"
NO_SCRIPT = "".join(
    f'<p lang="{language}" dir="{direction(language)}" style="font:18px/1.5 system-ui,sans-serif;margin:1.5rem">'
    f"{escape(words(language)('no_script.text'))}</p>"
    for language in languages()
)


def _page_shell(html: str) -> str:
    """Streamlit's index.html without what the content policy refuses or a respondent should not read."""
    html = NOT_OURS.sub("", re.sub(r"<!--.*?-->\s*", "", html, flags=re.DOTALL))
    html = html.replace("<title>Streamlit</title>", "<title>Parasol</title>").replace("./favicon.png", f".{ICON}")
    return re.sub(r"<noscript>.*?</noscript>", f"<noscript>{NO_SCRIPT}</noscript>", html, flags=re.DOTALL)


def accepted_encoding(header: str) -> str:
    """Which of br, gzip or identity does an Accept-Encoding header prefer, of those it does not refuse?"""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, weight = part.strip().partition(";")
        try:
            weights[name.strip()] = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    fallback = weights.get("*", 0.0)
    usable = {name: weights.get(name, fallback) for name in ("br", "gzip")}
    best = max(usable, key=lambda name: usable[name])
    return best if usable[best] > 0 else "identity"


@dataclass(frozen=True)
class Body:
    """The bytes of one file in one encoding, and the tag a browser may hold against them."""

    content: bytes
    etag: str


class PageFile:
    """One file of the page: read and compressed when it is first asked for, kept in memory from then on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if path.suffix == ".js":
            self.media_type = "text/javascript"
        if self.media_type.startswith("text/"):
            self.media_type += "; charset=utf-8"
        self.cache_control = IMMUTABLE if HASHED_NAME.search(path.name) else "no-cache"
        self.compressible = path.suffix in COMPRESSIBLE
        self._bodies: dict[str, Body] = {}
        self._lock = threading.Lock()

    def body(self, encoding: str) -> Body:
        with self._lock:
            if encoding not in self._bodies:
                self._bodies[encoding] = self._encode(encoding)
            return self._bodies[encoding]

    def _encode(self, encoding: str) -> Body:
        content = self.path.read_bytes()
        if self.path.name == "index.html":
            content = _page_shell(content.decode()).encode()
        digest = hashlib.sha256(content).hexdigest()[:24]
        if encoding == "br":
            content = brotli.compress(content, quality=5)
        elif encoding == "gzip":
            content = gzip.compress(content, 6, mtime=0)
        return Body(content, f'"{digest}-{encoding}"')


def write_compressed(source: Path, target: Path) -> tuple[int, int]:
    """Copy the files of a folder with a .gz and a .br beside each that gets smaller; how many, and their bytes as gzip.

    Compressed once and for long, so at higher levels than while somebody waits.
    """
    number = size = 0
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        content = path.read_bytes()
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        sent = len(content)
        if path.suffix in COMPRESSIBLE:
            zipped = gzip.compress(content, 9, mtime=0)
            place.with_name(f"{place.name}.gz").write_bytes(zipped)
            place.with_name(f"{place.name}.br").write_bytes(brotli.compress(content, quality=9))
            sent = len(zipped)
        number, size = number + 1, size + sent
    return number, size


class Precompressed:
    """ASGI middleware: answers GET and HEAD for the files below `folder`, and the page itself at `page_paths`."""

    def __init__(self, app: ASGIApp, folder: Path, page_paths: Iterable[str]) -> None:
        self.app = app
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.files = {f"/{path.relative_to(folder).as_posix()}": PageFile(path) for path in files}
        shell = self.files.pop("/index.html")
        self.files |= dict.fromkeys(page_paths, shell)
        self.files[ICON] = PageFile(Path(__file__).with_name("parasol.svg"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self.files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        encoding = accepted_encoding(asked.get(b"accept-encoding", "")) if file.compressible else "identity"
        body = file.body(encoding)
        headers = {"cache-control": file.cache_control, "etag": body.etag}
        if file.compressible:
            headers["vary"] = "Accept-Encoding"
        held = {tag.strip().removeprefix("W/") for tag in asked.get(b"if-none-match", "").split(",")}
        if body.etag in held or "*" in held:
            await _send(send, 304, headers, b"")
            return
        headers |= {"content-type": file.media_type, "content-length": str(len(body.content))}
        if encoding != "identity":
            headers["content-encoding"] = encoding
        await _send(send, 200, headers, body.content if scope["method"] == "GET" else b"")


async def _send(send: Send, status: int, headers: dict[str, str], content: bytes) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
