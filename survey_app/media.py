"""Pictures and videos that researchers put into a questionnaire: checked by their content, kept under its hash."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from analysis.datafiles import data_file
from analysis.errors import InstrumentError, Problem, SettingsError
from analysis.instrument import Instrument, Item
from survey_app.picture_metadata import without_metadata
from survey_app.plain_page import plain_page
from survey_app.settings import Settings

LARGEST = {"image": 5_000_000, "video": 20_000_000}
"""Bytes; a phone in a train loads a picture of this size in some ten seconds."""

MOST_PIXELS = 40_000_000
ADDRESS = "/files/{name}"

_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "mp4": "video/mp4", "webm": "video/webm",
}  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")
_KEPT = re.compile(rf"[0-9a-f]{{32}}\.({'|'.join(_TYPES)})")
_SEGMENT = b"\x18\x53\x80\x67"  # what the header of a WebM file is followed by
_REMEDY = "Save it as PNG, JPEG, WebP, GIF, MP4 or WebM."
_HEADERS = {"cache-control": "public, max-age=31536000, immutable", "content-disposition": "inline"}


def media_folder(settings: Settings) -> Path:
    """Where this installation keeps pictures and videos."""
    return settings.folder / "files"


def media_address(name: str) -> str:
    """The address of a kept file; "" for any other text, such as a link to another site."""
    return ADDRESS.format(name=name) if _KEPT.fullmatch(name) else ""


def shown_kind(name: str) -> str:
    """Is a file or a link of this name an `image`, a `video`, or "" (a page of another site)?

    Examples
    --------
    >>> shown_kind("https://cdn.example/clip.mp4?v=2"), shown_kind("https://video.example/watch?v=1")
    ('video', '')
    """
    ending = urlsplit(name).path.lower().rpartition(".")[2]
    return _TYPES.get("jpg" if ending == "jpeg" else ending, "").partition("/")[0]


def media_hosts(instrument: Instrument) -> tuple[str, ...]:
    """The other sites whose pictures, videos or pages this questionnaire offers, each once."""
    links = (urlsplit(item.media) for item in instrument.items if item.media.startswith("https://"))
    return tuple(dict.fromkeys(link.netloc.lower() for link in links if _HOST.fullmatch(link.netloc)))


def media_note(instrument: Instrument) -> str:
    """What whoever makes a questionnaire should know about the other sites in it; "" where there are none."""
    hosts = ", ".join(media_hosts(instrument))
    said = "Whoever opens that shows the site an internet address. Upload the file, or name the site in the consent."
    return f"Note: it offers what lies on {hosts}. {said}" if hosts else ""


def media_kind(content: bytes) -> str:
    """Which kind of picture or video do these bytes hold, whatever the file is called? "" for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp" and content[8:12] not in (b"heic", b"heix", b"avif", b"mif1", b"qt  "):
        return "mp4"
    return "webm" if content.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in content[:64] else ""


def keep_media(folder: Path, content: bytes, called: str = "the file") -> str:
    """Keep a picture or a video, and return the name under which an instrument shows it.

    Where and by what it was taken is not kept: `picture_metadata.without_metadata`.

    Raises
    ------
    InstrumentError
        For what is no picture and no video that browsers show, is broken, or is too large. SVG is refused: it is a
        program as much as a picture.
    SettingsError
        Where the folder cannot be written to.
    """
    kind = media_kind(content)
    where = f"file '{called[:80]}'"
    if not kind:
        what = "is an SVG drawing, which can hold a program" if b"<svg" in content[:2000].lower() else "is neither"
        what = what if what != "is neither" else "is neither a picture nor a video that browsers show"
        raise InstrumentError(Problem(where, what, _REMEDY))
    family = _TYPES[kind].partition("/")[0]
    if len(content) > LARGEST[family]:
        what = f"has {len(content) / 1e6:.1f} MB, at most {LARGEST[family] / 1e6:.0f} are shown on a phone"
        raise InstrumentError(Problem(where, what, "Make it smaller."))
    if family == "image":
        _check_picture(where, content)
    elif not (_is_film(content) if kind == "mp4" else _SEGMENT in content[:4096]):
        what = "begins like a video and holds none, or only a part of one"
        raise InstrumentError(Problem(where, what, _REMEDY))
    try:
        content = without_metadata(content, kind)
    except ValueError:
        raise InstrumentError(Problem(where, "is broken, or larger than any screen", _REMEDY)) from None
    name = f"{hashlib.sha256(content).hexdigest()[:32]}.{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            draft = folder / f".{name}.{secrets.token_hex(8)}"
            draft.write_bytes(content)
            draft.replace(folder / name)
    except OSError as trouble:
        what = f"pictures cannot be kept here ({trouble.strerror})"
        raise SettingsError(Problem(str(folder), what, "Make the folder writable.")) from None
    return name


def with_kept(instrument: Instrument, keep: Callable[[str], str]) -> Instrument:
    """The instrument with kept files in place of the file names its items show.

    Parameters
    ----------
    keep : callable
        Keeps the file of that name and returns what it is kept as; InstrumentError where there is none.

    Raises
    ------
    InstrumentError
        With every file that is missing or cannot be shown.
    """
    kept: dict[str, str] = {}
    problems: list[Problem] = []
    for item in instrument.items:
        if _is_file_name(item) and item.media not in kept:
            try:
                kept[item.media] = keep(item.media)
            except InstrumentError as error:
                problems += error.problems
    if problems:
        raise InstrumentError(*problems)
    items = tuple(replace(item, media=kept.get(item.media, item.media)) for item in instrument.items)
    return replace(instrument, items=items)


def kept_from(folder: Path, source: Path) -> Callable[[str], str]:
    """What `with_kept` needs to keep files that lie in `source`, or that are shipped beside the questionnaires.

    A name that leads out of these folders names no file.
    """
    places = (source, data_file("instruments"))

    def keep(name: str) -> str:
        beside = (place / name for place in places if Path(name).name == name)
        path = next((path for path in beside if path.is_file() and not path.is_symlink()), None)
        if path is None:
            what, remedy = "is not there", "Put it beside the questionnaire, or leave `media` out."
            raise InstrumentError(Problem(f"file '{name[:80]}'", what, remedy))
        if path.stat().st_size > max(LARGEST.values()):
            raise InstrumentError(Problem(f"file '{name[:80]}'", "is too large for a phone", "Make it smaller."))
        return keep_media(folder, path.read_bytes(), name)

    return keep


def _is_file_name(item: Item) -> bool:
    return bool(item.media) and not item.media.startswith("https://") and not media_address(item.media)


def _check_picture(where: str, content: bytes) -> None:
    """Can it be opened, and has it a size that a phone can show? Only its head and its checksums are read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what else Pillow wonders about, nothing reaches the page
            with Image.open(io.BytesIO(content)) as picture:
                width, height = picture.size
                picture.verify()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise InstrumentError(Problem(where, "is broken, or larger than any screen", _REMEDY)) from None
    if width * height > MOST_PIXELS:
        what = f"has {width} x {height} dots, more than a phone can hold"
        raise InstrumentError(Problem(where, what, "Make it smaller."))


def _is_film(content: bytes) -> bool:
    """Is an MP4 file made of whole boxes from its first byte to its last, with the description of a film among them?"""
    place, kinds = 0, set()
    while place + 8 <= len(content):
        size, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        if size == 0:  # a last box may go on to the end
            size = len(content) - place
        elif size == 1:  # the size stands behind the kind
            size = int.from_bytes(content[place + 8 : place + 16])
        if size < 8:
            return False
        kinds.add(kind)
        place += size
    return place == len(content) and b"moov" in kinds


def kept_file(settings: Settings) -> Callable[[Request], Response]:
    """The route that sends a kept file, or the part of it a video player asks for."""
    folder = media_folder(settings)

    def send(request: Request) -> Response:
        name = request.path_params["name"]
        if not _KEPT.fullmatch(name) or not (folder / name).is_file():
            return plain_page("unknown", 404)
        return FileResponse(folder / name, headers=_HEADERS, media_type=_TYPES[name.rpartition(".")[2]])

    return send
