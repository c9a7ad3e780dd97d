"""Pictures as phones and programs write them: what they tell is gone, what they show is the same dot by dot."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, ImageSequence, PngImagePlugin

from survey_app.media import keep_media, media_kind
from survey_app.picture_metadata import without_metadata

TOLD = (b"Marked", b"Exif\0\0MM", b"2026:03:31", b"xmpmeta", b"xap/1.0", b"Photoshop")
CAMERA, ORIENTATION, TAKEN, GPS = 0x0110, 0x0112, 0x0132, 0x8825
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>Marked place</x:xmpmeta>"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FORMS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


def drawn(shift: int = 0) -> Image.Image:
    """A picture that looks different however it is turned."""
    picture = Image.new("RGB", (48, 32))
    picture.putdata([(x * 5 % 256, (y + shift) * 8 % 256, x * y % 256) for y in range(32) for x in range(48)])
    return picture


def exif(turned: int = 6) -> Image.Exif:
    """What a phone tells of a picture, the place among it."""
    told = Image.Exif()
    told[CAMERA], told[TAKEN], told[ORIENTATION] = "Marked phone 7", "2026:03:31 10:00:00", turned
    told.get_ifd(GPS).update({1: "N", 2: (52.0, 22.0, 12.5), 3: "E", 4: (4.0, 53.0, 42.0)})
    return told


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    held = io.BytesIO()
    picture.save(held, FORMS[kind], **options)
    return held.getvalue()


def taken(kind: str, turned: int = 6, **options: Any) -> bytes:
    """A picture of that kind with everything such a file can tell."""
    if kind == "png":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", "Marked person")
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options |= {"pnginfo": texts}
    elif kind == "jpg":
        options |= {"comment": b"Marked comment", "xmp": XMP, "quality": 90}
    else:
        options |= {"xmp": XMP, "lossless": True}
    return saved(drawn(), kind, exif=exif(turned), icc_profile=ICC, **options)


def seen(content: bytes) -> tuple[tuple[int, int], bytes]:
    """Size and dots as a browser shows them: turned as the file says."""
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGBA")
    return shown.size, shown.tobytes()


@pytest.mark.parametrize("turned", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", FORMS)
def test_place_camera_and_author_go_and_the_picture_stays(kind: str, turned: int) -> None:
    before = taken(kind, turned)
    opened = Image.open(io.BytesIO(before))
    assert opened.getexif().get_ifd(GPS) and opened.getexif()[CAMERA] == "Marked phone 7"
    after = without_metadata(before, kind)
    assert not [told for told in TOLD if told in after]
    kept = Image.open(io.BytesIO(after))
    assert dict(kept.getexif()) == ({ORIENTATION: turned} if turned != 1 else {})
    assert not kept.getexif().get_ifd(GPS)
    assert kept.info["icc_profile"] == ICC and not {"comment", "xmp", "Author"} & set(kept.info)
    assert seen(after) == seen(before)
    assert without_metadata(after, kind) == after and len(after) < len(before)


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
def test_jpeg_in_every_form_stays_as_it_was(options: dict[str, Any]) -> None:
    plain = saved(drawn(), "jpg", **options)
    assert without_metadata(plain, "jpg") == plain
    assert seen(without_metadata(taken("jpg", **options), "jpg")) == seen(taken("jpg", **options))


def test_previews_and_what_hides_behind_the_end_go_too() -> None:
    """A preview shows what was cut off; phones put a second picture, or a film, behind the first."""
    plain, other = saved(drawn(), "jpg"), taken("jpg")
    assert plain[2:4] == b"\xff\xe0"
    preview = b"\xff\xe0" + struct.pack(">H", 16 + 3 * 16) + plain[6:18] + b"\x04\x04" + b"Marked" * 8
    iptc = b"\xff\xed\x00\x20Photoshop 3.0\0Marked author...."
    before = plain[:2] + preview + iptc + plain[20:] + other + b"Marked film"
    assert seen(before) == seen(plain)
    assert without_metadata(before, "jpg") == plain
    two = io.BytesIO()
    drawn().save(two, "MPO", save_all=True, append_images=[drawn(9)])
    after = without_metadata(two.getvalue(), "jpg")
    assert Image.open(io.BytesIO(after)).format == "JPEG" and seen(after) == seen(two.getvalue())
    png = saved(drawn(), "png")
    assert without_metadata(png + b"Marked", "png") == png
    webp = saved(drawn(), "webp")
    assert without_metadata(webp + b"Marked", "webp") == webp


def test_the_colours_of_printers_stay() -> None:
    """Of four inks a JPEG says in a part of a program's own which way round they are."""
    inks = saved(drawn().convert("CMYK"), "jpg", exif=exif())
    assert b"Adobe" in inks and b"Marked" in inks
    after = without_metadata(inks, "jpg")
    assert b"Adobe" in after and b"Marked" not in after and seen(after) == seen(inks)


@pytest.mark.parametrize("kind", ["webp", "gif", "png"])
def test_what_moves_goes_on_moving(kind: str) -> None:
    pictures = [drawn(shift) for shift in (0, 9, 18)]
    told: dict[str, Any] = {
        "webp": {"exif": exif(), "xmp": XMP},
        "gif": {"comment": b"Marked"},
        "png": {"exif": exif()},
    }
    held = io.BytesIO()
    pictures[0].save(
        held, kind.upper(), save_all=True, append_images=pictures[1:], duration=[100, 200, 300], loop=0, **told[kind]
    )
    before = held.getvalue()
    after = without_metadata(before, kind)
    assert b"Marked" in before and not [one for one in TOLD if one in after]
    moving, as_before = Image.open(io.BytesIO(after)), Image.open(io.BytesIO(before))
    frames = zip(ImageSequence.Iterator(moving), ImageSequence.Iterator(as_before), strict=True)
    shown = [
        (one.convert("RGBA").tobytes() == other.convert("RGBA").tobytes(), one.info["duration"])
        for one, other in frames
    ]
    assert shown == [(True, 100), (True, 200), (True, 300)] and moving.info["loop"] == 0


def test_a_gif_loses_what_a_program_wrote_into_it() -> None:
    held = io.BytesIO()
    drawn().save(held, "GIF")
    plain = held.getvalue()
    place = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    program = b"\x21\xff\x0bXMP DataXMP" + bytes([len(XMP)]) + XMP + b"\0"
    assert without_metadata(plain[:place] + program + plain[place:], "gif") == plain


def test_a_gif_with_something_between_its_parts_is_kept_as_browsers_show_it() -> None:
    """Some programs put zeros before the end."""
    held = io.BytesIO()
    drawn().save(held, "GIF")
    plain = held.getvalue()
    assert without_metadata(plain[:-1] + b"\0\0;", "gif") == plain


def test_a_picture_from_a_card_with_erased_blocks_takes_no_time() -> None:
    """Erased memory is full of FF; in a scan of five megabytes of them a search that goes back takes a day."""
    plain = saved(drawn(), "jpg")
    cut = len(plain) - 40
    for end in (b"", b"\0" + plain[cut:]):
        broken = plain[:cut] + b"\xff" * 4_000_000 + end
        assert without_metadata(broken, "jpg") == broken
    filled = plain[:-2] + b"\xff" * 9 + plain[-2:]
    assert seen(without_metadata(filled, "jpg")) == seen(plain)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def test_a_film_tells_no_place_and_lies_where_it_lay() -> None:
    """Phones write the place into `udta`; where each picture lies is counted from the first byte of the file."""
    place = box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7+52.3701+004.8950/"))
    track = box(b"trak", box(b"tkhd", b"head") + box(b"meta", b"Marked phone"))
    parts = [box(b"moov", box(b"mvhd", b"head") + place + track), box(b"uuid", XMP), box(b"mdat", b"+52.3701 " * 3)]
    before = box(b"ftyp", b"isom\0\0\2\0isommp41") + b"".join(parts)
    after = without_metadata(before, "mp4")
    assert len(after) == len(before) and after.index(b"mdat") == before.index(b"mdat")
    assert after.endswith(parts[-1]) and after.count(b"+52.3701") == 3 and b"Marked" not in after
    assert [name in after for name in (b"udta", b"uuid", b"tkhd", b"mvhd")] == [False, False, True, True]
    nested = box(b"moov", b"")
    for _ in range(3000):  # deeper than anything may call itself
        nested = box(b"moov", nested)
    assert without_metadata(nested, "mp4") == nested


@pytest.mark.parametrize("version", [0, 1])
def test_a_film_does_not_tell_when_and_by_what_it_was_made(version: int) -> None:
    """The film, each track and each track's media say it; how long they last stands right behind."""
    form = ">IQQ" if version else ">III"
    made, lasts = 0xE5F0_1234, b"\0\0\3\xe8lasts"
    head = struct.pack(form, version << 24, made, made) + lasts
    named = box(b"hdlr", bytes(8) + b"vide" + bytes(12) + b"Marked camera\0")
    media = box(b"mdia", box(b"mdhd", head) + named + box(b"udta", b"Marked"))
    film = box(b"moov", box(b"mvhd", head) + box(b"trak", box(b"tkhd", head) + media)) + box(b"free", b"Marked")
    before = box(b"ftyp", b"isom\0\0\2\0isommp41") + film + box(b"mdat", b"seen")
    after = without_metadata(before, "mp4")
    assert struct.pack(">I", made) in before and struct.pack(">I", made) not in after and b"Marked" not in after
    assert after.count(struct.pack(form, version << 24, 0, 0) + lasts) == 3 and b"vide" in after
    assert len(after) == len(before) and after.index(b"mdat") == before.index(b"mdat")
    assert without_metadata(after, "mp4") == after
    for kind in (b"mvhd", b"hdlr"):  # too short to hold any of it
        short = box(b"moov", box(kind, b"")) + box(b"mdat", b"seen")
        assert without_metadata(short, "mp4") == short


def test_uploaded_pictures_are_kept_without_it(tmp_path: Any) -> None:
    for kind in FORMS:
        kept = (tmp_path / keep_media(tmp_path, taken(kind))).read_bytes()
        assert media_kind(kept) == kind and not [told for told in TOLD if told in kept]


EXAMPLES = {kind: taken(kind) for kind in FORMS}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_broken_files_are_no_trouble(kind: str, data: st.DataObject) -> None:
    """Any bytes of it changed, or the end cut off: a picture or a refusal, and nothing else."""
    broken = bytearray(EXAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(12, len(broken) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(broken[: data.draw(st.integers(12, len(broken)))])
    try:
        assert len(without_metadata(content, kind)) <= len(content) + 40
    except ValueError as refusal:
        assert str(refusal)
