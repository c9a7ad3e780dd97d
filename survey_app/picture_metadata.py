"""What a picture or a film tells besides what is seen: taken out without touching a dot of it.

A phone writes into every picture where and when it was taken, by which camera and often by whom; respondents could read
all of that. Nothing is decoded or drawn again: the parts of a file that the picture does not need are left out, so that
the same file always gives the same bytes, animations stay, and a file without metadata stays as it is.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

_ORIENTATION = 0x0112
_EXIF = b"Exif\0\0"

# Start, end, tables and scans; of what programs add, only JFIF's head and what decides the colours.
_JPEG_KEPT = frozenset(range(0xC0, 0xE0))
_JPEG_COLOURS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
# In a scan, 0 stands behind an FF that is none, and D0-D7 in it. Of many FF (erased memory is full of them) the last
# decides; a search for any number of them would take hours for a megabyte.
_JPEG_NEXT = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA

_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_MP4_NESTED = (b"moov", b"trak", b"mdia")  # each in the one before
_MP4_TOLD = (b"udta", b"meta", b"uuid", b"free", b"skip")
_MP4_TIMES = (b"mvhd", b"tkhd", b"mdhd")


def without_metadata(content: bytes, kind: str) -> bytes:
    """The same picture or film without place, time, camera, comments and previews.

    Parameters
    ----------
    content : bytes
        The whole file.
    kind : str
        As `media.media_kind` says; WebM files are handed back as they are: what is filmed with a phone is none. What
        an action camera measures while it films lies among the pictures of the film, and stays there.

    Returns
    -------
    bytes
        The file with the colour profile it had and, where it is to be turned, with its orientation: both decide what
        is seen.

    Raises
    ------
    ValueError
        For a file whose parts cannot be told apart.
    """
    takes = _BY_KIND.get(kind)
    try:
        return takes(content) if takes else content
    except (IndexError, struct.error) as error:
        raise ValueError("the parts of the file cannot be told apart") from error


def _of_jpeg(content: bytes) -> bytes:
    kept, turned = [content[:2]], b""
    for marker, part in _jpeg_parts(content):
        told = part[4:]
        colours = _JPEG_COLOURS.get(marker)
        if marker in _JPEG_KEPT or (colours and told.startswith(colours)):
            kept.append(_jfif_head(part) if marker == 0xE0 else part)
        elif marker == 0xE1 and told.startswith(_EXIF):
            turned = turned or _turned(told)
    if turned:
        whole = _EXIF + turned
        # Behind JFIF's head, which comes first where there is one.
        place = 2 if len(kept) > 1 and kept[1][1] == 0xE0 else 1
        kept.insert(place, b"\xff\xe1" + struct.pack(">H", len(whole) + 2) + whole)
    return b"".join(kept)


def _jpeg_parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker with all that belongs to it, up to the end of the picture; whatever follows that is another file."""
    place = 2
    while place < len(content):
        marker = content[place + 1] if content[place] == 0xFF else 0
        if marker in (0, 0xFF):  # some programs fill the space between two parts
            place += 1
            continue
        if marker == _JPEG_END:
            yield marker, content[place : place + 2]
            return
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if marker == _JPEG_SCAN:
            found = _JPEG_NEXT.search(content, end)
            end = found.start() if found else len(content)
        if end > len(content) or end < place + 4:
            raise ValueError("a part goes on behind the end")
        yield marker, content[place:end]
        place = end


def _jfif_head(part: bytes) -> bytes:
    """JFIF's head without the preview that may be in it."""
    head = part[4:18]
    return part if not any(head[12:14]) else b"\xff\xe0\x00\x10" + head[:12] + b"\0\0"


def _of_png(content: bytes) -> bytes:
    kept, place = [content[:8]], 8
    while place < len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + size
        if end > len(content):
            raise ValueError("a part goes on behind the end")
        if kind in _PNG_KEPT:
            kept.append(content[place:end])
        elif kind == b"eXIf" and (turned := _turned(content[place + 8 : end - 4])):
            kept.append(struct.pack(">I", len(turned)) + kind + turned + struct.pack(">I", zlib.crc32(kind + turned)))
        if kind == b"IEND":
            break
        place = end
    return b"".join(kept)


def _of_webp(content: bytes) -> bytes:
    parts: list[tuple[bytes, bytes]] = []
    place, whole = 12, min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    while place + 8 <= whole:
        kind, size = struct.unpack_from("<4sI", content, place)
        told = content[place + 8 : place + 8 + size]
        if len(told) < size:
            raise ValueError("a part goes on behind the end")
        if kind == b"EXIF":
            told = _turned(told)
        if kind in _WEBP_KEPT or (kind == b"EXIF" and told):
            parts.append((kind, told))
        place += 8 + size + size % 2
    if parts and parts[0][0] == b"VP8X":
        flags = parts[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP)
        flags |= _WEBP_EXIF if any(kind == b"EXIF" for kind, _ in parts) else 0
        parts[0] = b"VP8X", bytes([flags]) + parts[0][1][1:]
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(told)) + told + b"\0" * (len(told) % 2) for kind, told in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _of_gif(content: bytes) -> bytes:
    place = 13 + _gif_colours(content[10])
    kept = [content[:place]]
    while place < len(content) and content[place] != 0x3B:
        if content[place] == 0x2C:  # a picture, with its colours and the size of its codes
            end = _gif_blocks(content, place + 11 + _gif_colours(content[place + 9]))
            shown = True
        elif content[place] == 0x21:
            end = _gif_blocks(content, place + 2)
            label, told = content[place + 1], content[place + 3 : place + 14]
            shown = label in (0x01, 0xF9) or (label == 0xFF and told in _GIF_LOOPS)
        else:  # whatever stands between two parts, browsers show what came before it
            break
        if shown:
            kept.append(content[place:end])
        place = end
    return b"".join([*kept, b"\x3b"])


def _gif_colours(flags: int) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(content: bytes, place: int) -> int:
    """Where the blocks that begin here end."""
    while content[place]:
        place += content[place] + 1
    return place + 1


def _of_mp4(content: bytes) -> bytes:
    film = bytearray(content)
    _free(film, 0, len(film), _MP4_NESTED)
    return bytes(film)


def _free(film: bytearray, place: int, end: int, nested: Sequence[bytes]) -> None:
    """Blank out what is told of the film; the space stays, since other boxes say where in the file the film lies."""
    while place + 8 <= end:
        size, kind = struct.unpack_from(">I4s", film, place)
        size, head = (struct.unpack_from(">Q", film, place + 8)[0], 16) if size == 1 else (size or end - place, 8)
        if size < head or place + size > end:
            return
        if kind in nested[:1]:
            _free(film, place + head, place + size, nested[1:])
        elif kind in _MP4_TOLD:
            film[place + 4 : place + 8] = b"free"
            film[place + head : place + size] = bytes(size - head)
        elif kind in _MP4_TIMES:  # made and changed, in 8 or 16 bytes; 0 is a time nobody knows
            start = min(place + head + 4, place + size)
            until = min(start + (16 if film[start - 4] == 1 else 8), place + size)
            film[start:until] = bytes(until - start)
        elif kind == b"hdlr":  # behind what kind of track it is, the name of what wrote it
            start = min(place + head + 24, place + size)
            film[start : place + size] = bytes(place + size - start)
        place += size


def _turned(exif: bytes) -> bytes:
    """EXIF with nothing but the orientation; nothing where the picture is shown as it lies there."""
    told = exif.removeprefix(_EXIF)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(told[:4])
    if order is None:
        return b""
    try:
        (start,) = struct.unpack_from(f"{order}I", told, 4)
        (number,) = struct.unpack_from(f"{order}H", told, start)
        entries = (struct.unpack_from(f"{order}HHIH", told, start + 2 + 12 * place) for place in range(number))
        turned = next((value for tag, kind, _, value in entries if (tag, kind) == (_ORIENTATION, 3)), 1)
    except struct.error:  # half a camera's data is as good as none
        return b""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, turned, 0, 0) if 2 <= turned <= 8 else b""


_BY_KIND: dict[str, Callable[[bytes], bytes]] = {
    "jpg": _of_jpeg, "png": _of_png, "webp": _of_webp, "gif": _of_gif, "mp4": _of_mp4,
}  # fmt: skip
