"""Pictures and videos: checked by content, kept under their hash, sent whole or in part."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from PIL import Image

from analysis.errors import InstrumentError, SettingsError
from analysis.instrument import Instrument, Item, Page
from survey_app.media import (
    LARGEST,
    keep_media,
    kept_from,
    media_address,
    media_hosts,
    media_kind,
    media_note,
    shown_kind,
    with_kept,
)
from survey_app.privacy import record_languages, record_of_processing
from survey_app.study import Study
from tests.conftest import Server


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + kind + content


FTYP = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
MP4 = FTYP + box(b"moov", b"\0" * 60) + box(b"mdat", bytes(range(256)) * 40)
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
WEBM = EBML + b"\x18\x53\x80\x67" + b"\0" * 99

STUDY = Study("s", "s", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1")


def picture(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, (15, 100, 102)).save(drawn, form)
    return drawn.getvalue()


PICTURES = {"png": picture("PNG"), "jpg": picture("JPEG"), "gif": picture("GIF"), "webp": picture("WEBP")}


@pytest.mark.parametrize(("kind", "content"), [*PICTURES.items(), ("mp4", MP4), ("webm", WEBM)], ids=count())
def test_what_browsers_show_is_kept_once_under_its_hash(tmp_path: Path, kind: str, content: bytes) -> None:
    assert media_kind(content) == kind
    name = keep_media(tmp_path / "files", content, "whatever.exe")
    assert name == keep_media(tmp_path / "files", content)
    assert [file.name for file in (tmp_path / "files").iterdir()] == [name]
    assert (tmp_path / "files" / name).read_bytes() == content
    assert media_address(name) == f"/files/{name}" and name.endswith(f".{kind}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><SVG/>", "SVG"),
        (b"<html><script>alert(1)</script></html>", "neither a picture nor a video"),
        (b"", "neither a picture nor a video"),
        (b"PK\x03\x04" + b"\0" * 100, "neither a picture nor a video"),
        (b"%PDF-1.7", "neither a picture nor a video"),
        (b"\x00\x00\x00\x18ftypheic" + b"\0" * 99, "neither a picture nor a video"),
        (PICTURES["png"][:60], "broken"),
        (b"\x89PNG\r\n\x1a\n<script>", "broken"),
        (b"GIF89a<script>alert(1)</script>", "broken"),
        (FTYP + b"<script>alert(1)</script>", "only a part"),
        (FTYP + box(b"mdat", b"x"), "only a part"),
        (MP4 + b"<html>", "only a part"),
        (MP4[:-1], "only a part"),
        (FTYP + b"\x00\x00\x00\x01moov" + b"\0" * 8, "only a part"),
        (EBML + b"<script>", "only a part"),
        (b"\xff\xd8\xff" + b"x" * 5_000_001, "MB"),
        (MP4[:40] + b"\0" * LARGEST["video"], "MB"),
    ],
    ids=count(),
)
def test_what_is_no_picture_is_refused_with_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InstrumentError, match=says):
        keep_media(tmp_path, content, "holiday.png")
    assert not list(tmp_path.iterdir())


def test_a_picture_larger_than_any_screen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"7000 x 7000|larger"):
        keep_media(tmp_path, picture("PNG", (7000, 7000)), "big.png")


@pytest.mark.parametrize(
    "name", ["", "https://example.org/x.png", "../access.key", "x.png", "0" * 32 + ".svg", "0" * 32 + ".png/", "A" * 36]
)
def test_only_kept_files_have_an_address(name: str) -> None:
    assert media_address(name) == ""


def questionnaire(*media: str) -> Instrument:
    items = tuple(Item(f"i{place}", {"en": "Look"}, kind="info", media=name) for place, name in enumerate(media))
    page = Page("one", {"en": "One"}, tuple(item.id for item in items))
    return Instrument("small", "1", {"en": "Small"}, ("en",), items, (), (page,))


def test_file_names_in_a_questionnaire_become_kept_files(tmp_path: Path) -> None:
    (tmp_path / "mia.png").write_bytes(PICTURES["png"])
    before = questionnaire("mia.png", "https://example.org/clip", "", "mia.png")
    after = with_kept(before, kept_from(tmp_path / "files", tmp_path))
    shown = [item.media for item in after.items]
    assert media_address(shown[0]) and shown[0] == shown[3] and shown[1:3] == ["https://example.org/clip", ""]
    assert after.digest != before.digest
    assert with_kept(after, kept_from(tmp_path / "files", tmp_path)) == after


def test_every_file_that_is_missing_or_leads_elsewhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "secret.png").write_bytes(PICTURES["png"])
    (tmp_path / "beside" / "link.png").symlink_to(tmp_path / "secret.png")
    names = ["gone.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "."]
    with pytest.raises(InstrumentError) as found:
        with_kept(questionnaire(*names), kept_from(tmp_path / "files", tmp_path / "beside"))
    assert len(found.value.problems) == len(names)
    assert not (tmp_path / "files").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("")
    with pytest.raises(SettingsError, match="Make the folder writable"):
        keep_media(tmp_path / "files", PICTURES["png"])


# -- served ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, headers={"accept": "*/*"}, timeout=30) as client:
        yield client


def kept(server: Server, content: bytes) -> str:
    folder = Path(server.database.removeprefix("sqlite:///")).parent / "files"
    return media_address(keep_media(folder, content))


def test_a_video_is_sent_in_the_parts_a_player_asks_for(web: httpx.Client, server: Server) -> None:
    address = kept(server, MP4)
    whole = web.get(address)
    assert whole.content == MP4 and whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes" and "immutable" in whole.headers["cache-control"]
    part = web.get(address, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, MP4[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(MP4)}"
    assert web.get(address, headers={"range": "bytes=-10"}).content == MP4[-10:]
    assert web.get(address, headers={"range": f"bytes={len(MP4)}-"}).status_code == 416
    assert web.get(address, headers={"range": f"bytes={'0-1,' * 5000}0-1"}).status_code in (200, 400, 416, 431)


def test_a_picture_is_sent_as_what_it_is_and_as_nothing_else(web: httpx.Client, server: Server) -> None:
    answer = web.get(kept(server, PICTURES["png"] + b"<script>alert(1)</script>"))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self' blob:" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/files/",
        "/files/access.key",
        "/files/../access.key",
        "/files/%2e%2e%2faccess.key",
        "/files/..%5caccess.key",
        "/files/%2Fetc%2Fpasswd",
        "/files/" + "0" * 32 + ".png",
        "/files/" + "0" * 32 + ".png%00.html",
        "/files/" + "a" * 5000,
    ],
)
def test_nothing_but_kept_files_is_sent(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code in (400, 404, 414)
    assert web.post(path).status_code in (400, 404, 405, 414)


def test_the_other_sites_of_a_questionnaire_are_named_to_whoever_makes_it(tmp_path: Path) -> None:
    links = ("https://www.Video.example/watch?v=1", "https://cdn.example:8443/a/clip.MP4?x=1#t", "a.png")
    found = questionnaire(*links, "https://www.video.example/other")
    assert media_hosts(found) == ("www.video.example", "cdn.example:8443")
    assert "www.video.example, cdn.example:8443" in media_note(found)
    assert media_note(questionnaire("a.png", "")) == ""
    assert [shown_kind(each) for each in links] == ["", "video", "image"]
    assert media_hosts(questionnaire("https://x.example; script-src *", "https://a@b.example/x.png")) == ()
    for language in record_languages():
        record = record_of_processing(STUDY, found, language)
        assert "www.video.example, cdn.example:8443" in record
        assert "video.example" not in record_of_processing(STUDY, questionnaire("a.png"), language)
