"""Links for each source: in full, to be typed, as a QR code; and the labels they are printed on."""

from __future__ import annotations

import io
import random
import re
import string
import xml.etree.ElementTree as xml
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest
import segno
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import survey_app.limits
from survey_app.labels import PER_SHEET, label_sheet, study_labels
from survey_app.limits import REMEMBERED, Limit
from survey_app.links import link_code, link_codes, qr_png, qr_svg, study_address, study_links, typed_code
from survey_app.study import Source, Study

STUDY = Study(
    "s1", "looks", {"en": "You and the influencer", "nl": "Jij en de influencer"}, "0" * 64, ("en", "nl"), "open",
    {"en": "C", "nl": "C"}, "1", sources=(Source("poster", "Poster in the hall"), Source("class_a")),
)  # fmt: skip
HERE = "https://survey.example"


def test_each_source_has_a_link_of_its_own() -> None:
    poster, class_a = study_links(STUDY, HERE)
    assert poster.label == "Poster in the hall" and class_a.label == "class_a"
    assert poster.address == f"{HERE}/s/looks?src=poster"
    assert poster.short == f"{HERE}/l/m9c23e3"  # printed on labels that exist: it may never change
    assert poster.short != class_a.short
    (alone,) = study_links(replace(STUDY, sources=()), HERE)
    assert alone.address == f"{HERE}/s/looks" and alone.source == alone.label == ""


def test_short_links_lead_back_to_study_and_source() -> None:
    many = [replace(STUDY, id=f"s{number}", slug=f"study-{number}") for number in range(300)]
    codes = link_codes(many)
    assert len(codes) == 900
    for study in many:
        for source in ("poster", "class_a", ""):
            assert codes[link_code(study.id, source)] == (study.slug, source)
    assert len(link_codes([STUDY, STUDY])) == 0  # one that would mean two means none


@given(st.sampled_from(["poster", "class_a", ""]), st.randoms())
def test_a_short_link_may_be_typed_carelessly(source: str, chance: random.Random) -> None:
    code = link_code("s1", source)
    typed = "".join(
        chance.choice([letter, letter.upper(), f"{letter}-", f" {letter}", {"1": "I", "0": "O"}.get(letter, letter)])
        for letter in code
    )
    assert typed_code(typed) == code
    assert not set(code) & set("ilou" + string.ascii_uppercase)


@pytest.mark.parametrize("text", ["", "x" * 10_000, "../../etc", "<script>", "m9c23e\u0000", "m9c23e33", "ｍ9c23e3"])
def test_other_text_means_no_study(text: str) -> None:
    assert typed_code(text) not in link_codes([STUDY])


@pytest.mark.parametrize("source", ["<script>", "a b", "-x", "x" * 65, "é"])
def test_a_source_that_cannot_stand_in_a_link_is_left_out(source: str) -> None:
    assert study_address("looks", HERE, source) == f"{HERE}/s/looks"


def modules(address: str) -> list[list[bool]]:
    """The dark and light squares of the picture, read back from its dots."""
    with Image.open(io.BytesIO(qr_png(address))) as opened:
        picture = opened.convert("L")
    size = picture.width // 16 - 8
    return [[picture.getpixel((64 + 16 * x + 8, 64 + 16 * y + 8)) < 128 for x in range(size)] for y in range(size)]  # type: ignore[operator]


def test_the_picture_of_a_qr_code_holds_the_address() -> None:
    address = f"{HERE}/l/m9c23e3"
    expected = [[bool(cell) for cell in row] for row in segno.make(address, error="m", micro=False).matrix]
    assert modules(address) == expected
    drawing = xml.fromstring(qr_svg(f"{address}?a=1&b=<x>"))
    title = drawing.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text == f"{address}?a=1&b=<x>"


def test_the_drawing_of_a_qr_code_holds_the_address() -> None:
    """Read back from its lines: each step of the path is as long as so many dark squares."""
    address = f"{HERE}/l/m9c23e3"
    drawn = re.search(rb'class="qrline"[^>]* d="([^"]+)"', qr_svg(address))
    assert drawn is not None
    dark, x, y = set[tuple[int, int]](), 0.0, 0.0
    for step, across, down in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", drawn[1].decode()):
        if step == "h":
            dark |= {(int(y) - 4, int(x) - 4 + number) for number in range(int(across))}
            x += float(across)
        else:
            x, y = (float(across), float(down)) if step == "M" else (x + float(across), y + float(down))
    code = segno.make(address, error="m", micro=False).matrix
    assert dark == {(y, x) for y, row in enumerate(code) for x, cell in enumerate(row) if cell}


# -- labels ---------------------------------------------------------------------------------------------------------


def pages(sheet: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", sheet))


def codes_drawn(sheet: bytes) -> int:
    """How many rectangles are drawn on all pages; each QR code has the same number on it as every other copy."""
    drawn = 0
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", sheet, re.DOTALL):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        drawn += len(re.findall(rb" re f", content))
    return drawn


def test_a_sheet_is_filled_with_labels() -> None:
    links = study_links(STUDY, HERE)
    one = codes_drawn(label_sheet(links[:1], "T", "Scan", copies=1))
    assert one > 200
    filled = study_labels(STUDY, links[:1], "nl")
    assert filled.startswith(b"%PDF-") and pages(filled) == 1
    assert codes_drawn(filled) == PER_SHEET * one
    assert pages(study_labels(STUDY, links, "en", copies=11)) == 2


def test_each_label_says_the_link_to_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words beside the code: a phone without a camera gets there too."""
    printed: list[str] = []
    cell = FPDF.cell

    def told(self: FPDF, w: float, h: float, text: str) -> bool:
        printed.append(text)
        return bool(cell(self, w, h, text))

    monkeypatch.setattr(FPDF, "cell", told)
    sheet = label_sheet(study_links(STUDY, HERE), "T", "Scan", copies=2)
    assert pages(sheet) == 1
    assert printed.count("survey.example/l/m9c23e3") == printed.count("Poster in the hall") == 2
    [other] = {text for text in printed if "/l/" in text} - {"survey.example/l/m9c23e3"}
    assert printed.count(other) == printed.count("class_a") == 2 and printed.count("T") == printed.count("Scan") == 4


@pytest.mark.parametrize(
    "title",
    ["", "x" * 500, "Łódź Ελλάδα 日本 مرحبا", "((\\)) %PDF /JS", "a\u0000b\ud800", "word " * 100, "😀"],
)
def test_any_title_is_printed_or_shortened(title: str) -> None:
    links = study_links(replace(STUDY, sources=(Source("a", title),)), "https://" + "long." * 20 + "example")
    assert pages(label_sheet(links, title, title, copies=1)) == 1


# -- limits ---------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_so_many_a_second_for_each_name() -> None:
    clock = Clock()
    limit = Limit(3, 2.0, clock=clock)
    assert [limit.wait("mia") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("noor") == 0  # somebody else is not held up
    clock.now = 0.5
    assert [limit.wait("mia"), limit.wait("mia")] == [0, 0.5]
    clock.now = 1000
    assert [limit.wait("mia") for _ in range(4)] == [0, 0, 0, 0.5]


def test_processes_share_the_limit_of_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_app.limits, "_processes", lambda: 4)
    clock = Clock()
    processes = [Limit(8, 4.0, shared=True, clock=clock) for _ in range(4)]
    passed = [limit.wait("poster") == 0 for limit in processes for _ in range(8)]
    assert sum(passed) == 8  # as many as one process would let through
    assert [limit.wait("poster") for limit in processes] == [1.0] * 4
    clock.now = 1.0
    assert sum(limit.wait("poster") == 0 for limit in processes for _ in range(8)) == 4
    own = Limit(8, 4.0, clock=clock)
    assert sum(own.wait("a key") == 0 for _ in range(20)) == 8


def test_a_process_knows_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARASOL_WORKERS", "3")
    survey_app.limits._processes.cache_clear()
    try:
        limit = Limit(9, 3.0, shared=True, clock=Clock())
        assert [limit.wait("poster") for _ in range(4)] == [0, 0, 0, 1.0]
    finally:
        survey_app.limits._processes.cache_clear()


def test_waiting_as_told_is_long_enough() -> None:
    clock = Clock()
    limit = Limit(1, 3.0, clock=clock)
    passed = []
    while len(passed) < 20:
        wait = limit.wait("mia")
        clock.now += wait
        if not wait:
            passed.append(clock.now)
    assert all(later - earlier == pytest.approx(1 / 3) for earlier, later in pairwise(passed))


def test_memory_is_bounded() -> None:
    limit = Limit(1, 0.001)
    assert limit.wait("first") == 0
    for number in range(REMEMBERED):
        limit.wait(str(number))
    assert limit.wait(str(REMEMBERED - 1)) > 0  # still remembered
    assert limit.wait("first") == 0  # the one not heard of for longest is forgotten
