"""Workbooks (XLSX) of texts: written so that no cell is a formula, read so that no file can do harm."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from analysis.errors import DataError, Problem

LARGEST_UNPACKED = 50_000_000
"""Bytes a workbook may unpack to."""
LONGEST_CELL = 32_767
"""Characters Excel allows in a cell."""
MOST_ROWS = 20_000
MOST_COLUMNS = 500
_LAST_ROW = 1_048_576
_MOST_PARTS = 1_000
_PIECE = 1_000_000
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_HEXADECIMAL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def write_workbook(sheets: Mapping[str, Iterable[Sequence[object]]]) -> bytes:
    """What is the workbook with these sheets, in which every text is text, also one that looks like a formula?

    Parameters
    ----------
    sheets : mapping of str to iterable of rows
        A row is a sequence of texts, numbers, dates, True, False or None. The first row is the heading and stays in
        view.

    Returns
    -------
    bytes
        An XLSX file.

    Raises
    ------
    DataError
        When a text is longer than a cell can be, or holds what no XML file can.

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: openpyxl finds no formula in it, and `read_workbook` the same texts.

    Examples
    --------
    >>> content = write_workbook({"survey": [["type", "name"], ["text", "=1+1"]]})
    >>> read_workbook(content, "form.xlsx", ["survey"])["survey"][1]
    ['text', '=1+1']
    """
    from openpyxl import Workbook

    # Checked first: openpyxl cannot let go of a sheet it has begun.
    checked = {
        name: [[_safe(value, f"sheet '{name}', row {number}") for value in row] for number, row in enumerate(rows, 1)]
        for name, rows in sheets.items()
    }
    book = Workbook(write_only=True)
    for name, rows in checked.items():
        sheet: Any = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _safe(value: object, where: str) -> object:
    if not isinstance(value, str):
        return value
    if len(value) > LONGEST_CELL:
        what = f"a text has {len(value):,} characters, and a cell holds {LONGEST_CELL:,}"
        raise _problem(where, what, "Shorten it, or choose another format.")
    if found := _NO_XML.search(value):
        what = f"a text holds the character U+{ord(found[0]):04X}, which no workbook can"
        raise _problem(where, what, "Remove it.")
    return value


def _cell(sheet: Any, value: object) -> Any:
    """A cell whose text stays one, also when somebody edits it in Excel."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return value
    cell: Any = WriteOnlyCell(sheet, "")
    cell._value = _HEXADECIMAL.sub("_x005F_", value)
    cell.data_type = "s"
    cell.quotePrefix = value.startswith(_RISKY)
    return cell


def read_workbook(content: bytes, name: str, sheets: Iterable[str]) -> dict[str, list[list[str]]]:
    """Which texts stand on these sheets of the workbook, row by row? Sheets it does not have are left out.

    Parameters
    ----------
    content : bytes
        The XLSX file.
    name : str
        What the messages call it.
    sheets : iterable of str
        The sheets wanted, in small letters; others are not looked at.

    Returns
    -------
    dict
        Sheet to rows of texts, empty ones for empty cells; whole numbers without a decimal point.

    Raises
    ------
    DataError
        In one sentence, for what is no workbook, is broken, unpacks to too much, has too many rows or columns, a
        cell too long, a formula, or a document type (with which XML could be made to read other files).

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: each of these files is refused, and whatever `write_workbook` wrote is read.

    Examples
    --------
    >>> read_workbook(write_workbook({"Survey": [["n"], [2.0], [None]], "notes": [["x"]]}), "form.xlsx", ["survey"])
    {'survey': [['n'], ['2']]}
    """
    check_archive(content, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(content, name, set(sheets))
    except DataError:
        raise
    except Exception as error:  # openpyxl meets a broken file with nearly any exception
        raise _problem(name, "it is no workbook that can be read", "Save it again as .xlsx.") from error


def check_archive(content: bytes, name: str, largest: int = LARGEST_UNPACKED) -> None:
    """Can this workbook do harm before anything in it is looked at?

    Parameters
    ----------
    content : bytes
        The XLSX file.
    name : str
        What the messages call it.
    largest : int
        Bytes it may unpack to.

    Raises
    ------
    DataError
        For what is no archive, is broken or protected, unpacks to too much, has too many parts, or declares a document
        type, with which XML could be made to read other files.

    Checked against
    ---------------
    Announced and real bombs, document types in any encoding: through `read_workbook` and `load_rows` in
    tests/analysis/test_xlsform.py and tests/analysis/test_answers_file.py.

    Examples
    --------
    >>> check_archive(write_workbook({"answers": [["psi1"], [4]]}), "answers.xlsx")
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if unpacked > largest or len(parts) > _MOST_PARTS:
                what = f"it would unpack to {unpacked / 1e6:,.0f} MB in {len(parts):,} parts"
                raise _problem(name, what, "Copy the sheets into a new workbook.")
            # zipfile never unpacks more than the size just added up.
            if any(_declares(archive, part) for part in parts if part.filename.endswith((".xml", ".rels"))):
                raise _problem(name, "its XML declares a document type", "Save it again in Excel.")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _problem(name, "it is no workbook, or a broken or protected one", "Save it again as .xlsx.") from error
    except zlib.error as error:
        raise _problem(name, "it is a broken workbook", "Save it again as .xlsx.") from error


def _declares(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Does this XML name a document type? It is read in pieces that overlap, so that a large sheet needs no memory."""
    with archive.open(part) as stream:
        before = b""
        while piece := stream.read(_PIECE):
            text = before + piece.replace(b"\0", b"").upper()
            if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                return True
            before = text[-8:]
    return False


def _read(content: bytes, name: str, wanted: set[str]) -> dict[str, list[list[str]]]:
    from openpyxl import load_workbook

    book = load_workbook(BytesIO(content), read_only=True)
    found: dict[str, list[list[str]]] = {}
    for sheet in book.worksheets:
        title = sheet.title.strip().lower()
        if title not in wanted or title in found:
            continue
        rows: list[list[str]] = []
        before: object = None
        if any(cell.value is not None for cell in next(sheet.iter_rows(max_row=1), ())[MOST_COLUMNS:]):
            raise _too_large(name, title)
        for number, cells in enumerate(sheet.iter_rows(max_row=_LAST_ROW, max_col=MOST_COLUMNS), start=1):
            where = f"{name}, sheet '{title}', row {number}"
            # A stray cell far below makes a row of every line above it, one and the same each time: not read again.
            texts = [] if cells is before else [_text(cell, where) for cell in cells]
            before = cells
            while texts and not texts[-1]:
                texts.pop()
            if number <= MOST_ROWS:
                rows.append(texts)
            elif texts:
                raise _too_large(name, title)
        while rows and not rows[-1]:
            rows.pop()
        found[title] = rows
    return found


def _text(cell: Any, where: str) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise _problem(where, "a cell holds a formula", "Paste its value instead.")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, date):
        value = value.isoformat()
    text = str(value)
    if len(text) > LONGEST_CELL:
        what = f"a cell holds {len(text):,} characters, and Excel allows {LONGEST_CELL:,}"
        raise _problem(where, what, "Shorten it.")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _too_large(name: str, title: str) -> DataError:
    what = f"sheet '{title}' is larger than {MOST_ROWS:,} rows and {MOST_COLUMNS} columns"
    return _problem(name, what, "A questionnaire is smaller; remove what does not belong to it.")


def _problem(where: str, what: str, remedy: str) -> DataError:
    return DataError(Problem(where, what, remedy))
