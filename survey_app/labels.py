"""A sheet of labels to be printed: what the study is, its QR code, and the link for whoever types it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import segno

from survey_app.links import Link
from survey_app.study import Study, one_line
from survey_app.words import words

if TYPE_CHECKING:
    from fpdf import FPDF

# A sheet of 21 labels of 63.5 x 38.1 mm, which many makers sell; all lengths in millimetres.
_COLUMNS, _ROWS = 3, 7
_LABEL = 63.5, 38.1
_FIRST = 7.25, 15.15
_STEP = 66.0, 38.1
_QR = 28.0
_MARGIN = 3.5

PER_SHEET = _COLUMNS * _ROWS

_FONT = "SourceSansVF-Upright*.woff2"


def study_labels(study: Study, links: Sequence[Link], language: str, *, copies: int | None = None) -> bytes:
    """The sheet of labels of a study in that language, or in its first one."""
    spoken = language if language in study.languages else study.languages[0]
    return label_sheet(links, study.title[spoken], words(spoken)("label.invitation"), copies=copies)


def label_sheet(links: Sequence[Link], title: str, invitation: str, *, copies: int | None = None) -> bytes:
    """Labels to be printed on A4 and cut out or stuck on, 21 on a sheet: a PDF.

    Parameters
    ----------
    links : sequence of Link
        Each gets `copies` labels in a row; as many as fill one sheet, where that is not said.
    title : str
        What the study is called, printed on each label.
    invitation : str
        A few words in bold above it, such as "Scan and tell us".
    """
    from fpdf import FPDF

    sheet = FPDF(format="A4")
    sheet.set_auto_page_break(False)
    sheet.set_title(one_line(title, 200))
    with tempfile.TemporaryDirectory() as folder:
        texts = [title, invitation, *(text for link in links for text in (link.label, link.short))]
        known = _add_fonts(sheet, Path(folder), "".join(texts))
        each = copies or max(PER_SHEET // max(len(links), 1), 1)
        for place, link in enumerate(link for link in links for _ in range(each)):
            if place % PER_SHEET == 0:
                sheet.add_page()
            row, column = divmod(place % PER_SHEET, _COLUMNS)
            corner = _FIRST[0] + column * _STEP[0], _FIRST[1] + row * _STEP[1]
            _draw_label(sheet, corner, link, [_printable(text, known) for text in (invitation, title, link.label)])
        return bytes(sheet.output())


def _draw_label(sheet: FPDF, corner: tuple[float, float], link: Link, texts: Sequence[str]) -> None:
    """The code on the left, the words beside it, the address to be typed below both."""
    invitation, title, label = texts
    left, top = corner[0] + _MARGIN, corner[1] + _MARGIN - 1
    _draw_code(sheet, link.short, left, top)
    beside, width = left + _QR + 1.5, _LABEL[0] - 2 * _MARGIN - _QR - 1.5
    y = top + 2
    for text, style, size, lines in ((invitation, "B", 9.5, 2), (title, "", 8, 3), (label, "", 6.5, 1)):
        sheet.set_font("label", style, size)
        for line in _lines(sheet, text, width, lines):
            sheet.set_xy(beside, y)
            sheet.cell(width, size * 0.4, line)
            y += size * 0.42
        y += 0.8
    address = link.short.partition("://")[2]
    sheet.set_font("label", "B", _fitting(sheet, address, _LABEL[0] - 2 * _MARGIN))
    sheet.set_xy(left, top + _QR + 0.3)
    sheet.cell(_LABEL[0] - 2 * _MARGIN, 4, address)


def _draw_code(sheet: FPDF, address: str, left: float, top: float) -> None:
    rows = [bytes(row) for row in segno.make(address, error="m", micro=False).matrix]
    border = 2  # modules; the white around the label adds the rest of the quiet zone
    module = _QR / (len(rows) + 2 * border)
    sheet.set_fill_color(0)
    for y, row in enumerate(rows):
        for run in re.finditer(b"\x01+", row):
            x, length = run.start(), run.end() - run.start()
            at = left + (x + border) * module, top + (y + border) * module
            # A hair wider than the module, so that no white line is left between two when it is printed.
            sheet.rect(*at, length * module + 0.01, module + 0.01, style="F")


def _lines(sheet: FPDF, text: str, width: float, most: int) -> list[str]:
    """The text broken into lines that fit; what does not fit in so many ends in dots."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if sheet.get_string_width(longer) <= width - 2 or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    kept = lines[:most]
    if len(lines) > most:
        kept[-1] += " ..."
    return [_shortened(sheet, line, width - 2) for line in kept]


def _shortened(sheet: FPDF, line: str, width: float) -> str:
    if sheet.get_string_width(line) <= width:
        return line
    while line and sheet.get_string_width(f"{line} ...") > width:
        line = line.removesuffix(" ...")[:-1]
    return f"{line} ..."


def _fitting(sheet: FPDF, text: str, width: float) -> float:
    """The largest size up to 10 points at which the text fits in one line."""
    size = 10.0
    sheet.set_font("label", "B", size)
    return min(size, size * (width - 2) / max(sheet.get_string_width(text), 1))


def _add_fonts(sheet: FPDF, folder: Path, text: str) -> set[int]:
    """Add the font of the screens, regular and bold, with the letters that are needed; the letters it can print."""
    from fontTools.subset import Subsetter
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    streamlit = find_spec("streamlit")
    assert streamlit is not None and streamlit.origin is not None
    path = next(Path(streamlit.origin).parent.joinpath("static", "static", "media").glob(_FONT))
    known = set[int]()
    for style, weight in (("", 400), ("B", 700)):
        with TTFont(path) as font:
            known = set(font.getBestCmap())
            for table in ("GPOS", "GSUB", "GDEF"):  # seconds to read, and nothing here is set with them
                del font[table]
            needed = Subsetter()
            needed.populate(unicodes={ord(letter) for letter in f"{text}?. "} & known)
            needed.subset(font)
            instantiateVariableFont(font, {"wght": weight}, inplace=True)
            font.flavor = None
            font.save(folder / f"{weight}.ttf")
        sheet.add_font("label", style, folder / f"{weight}.ttf")
    return known


def _printable(text: str, known: Collection[int]) -> str:
    return "".join(letter if ord(letter) in known else "?" for letter in one_line(text, 200))
