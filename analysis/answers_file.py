"""A file of answers from any tool as one table: CSV, Excel, SPSS or Parquet."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO, StringIO
from itertools import islice
from pathlib import Path

import pandas as pd

from analysis.errors import DataError, Problem
from analysis.platforms import from_platform, is_codes, unmarked
from analysis.workbook import check_archive

LARGEST = 1_000_000_000
"""Bytes a file may have."""
LARGEST_WORKBOOK = 500_000_000
"""Bytes an Excel file may unpack to."""
MOST_CELLS = 100_000_000
"""Cells of an SPSS or a Parquet file, which can be packed a thousand times smaller than they are in memory."""
WIDEST = 16_384
"""Columns a file may have; as many as Excel itself allows."""
LONGEST_SHEET = 1_048_576
"""Rows Excel itself allows on a sheet."""

SEPARATORS = ",;\t|"
_ROW, _CELL = re.compile(rb"<(?:[\w.-]+:)?row\b"), re.compile(rb"<(?:[\w.-]+:)?c\b")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def load_rows(path: str | Path) -> pd.DataFrame:
    """What stands in this file of answers?

    Parameters
    ----------
    path : str or Path
        CSV (comma, semicolon, tab or bar; any usual encoding), XLSX (its first sheet that holds anything), SAV or
        Parquet. The content decides, not the name.

    Returns
    -------
    DataFrame
        One row per person as the file has them, columns under the names of the first line, numbers as numbers,
        empty cells missing. Empty rows, and columns without a name and without a value, are dropped.

    Raises
    ------
    DataError
        One sentence when the file is missing, empty, unreadable, too large, no table, or names a column twice.

    Notes
    -----
    In a file not separated by commas, a column of numbers with decimal commas is read as numbers. Answers an SPSS
    file declares as user-missing are missing; value labels are not applied: the declared value is what counts. Exports
    of Qualtrics and LimeSurvey are recognised by their columns, see `analysis.platforms.from_platform`.

    Checked against
    ---------------
    Files of every kind and encoding, and files that are no table: tests/analysis/test_answers_file.py.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     place = Path(folder) / "answers.csv"
    ...     _ = place.write_text("psi;purchase\\n3,5;4\\n2;\\n", encoding="utf-8")
    ...     load_rows(place)
       psi  purchase
    0  3.5       4.0
    1  2.0       NaN
    """
    path = Path(path)
    content = _content(path)
    reader = _reader(path, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = reader(path, content)
    except DataError:
        raise
    except MemoryError as error:
        raise _problem(path, "it does not fit into memory", "Take a machine with more of it, or a part.") from error
    except Exception as error:  # each reader has its own exceptions, and a broken file raises nearly any of them
        what = f"it cannot be read ({_first_line(error)})"
        raise _problem(path, what, "Open it in the tool it came from and save it again.") from error
    return from_platform(_tidy(path, rows))


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _problem(path, "it is a folder", "Name the file of answers in it.")
        size = path.stat().st_size
        if size > LARGEST:
            raise _problem(path, f"it holds {size / 1e6:,.0f} MB", f"At most {LARGEST / 1e6:,.0f} MB are read.")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _problem(path, "there is no such file", "Check its name and folder.") from error
    except OSError as error:
        raise _problem(path, f"it cannot be opened ({error.strerror})", "Check its permissions.") from error
    except ValueError as error:
        raise _problem(path, "this cannot be the name of a file", "Check its name and folder.") from error
    if not content.strip():
        raise _problem(path, "it is empty", "Export the answers again.")
    return content


def _reader(path: Path, content: bytes) -> Callable[[Path, bytes], pd.DataFrame]:
    if content.startswith(b"PK\x03\x04"):
        return _from_xlsx
    if content.startswith((b"$FL2", b"$FL3")):
        return _from_sav
    if content.startswith(b"PAR1"):
        return _from_parquet
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _problem(path, "it is an old or a protected Excel file", "Save it as .xlsx without a password.")
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\0" in content[:65_536]:
        raise _problem(path, "it is no table of answers", "CSV, XLSX, SAV and Parquet are read.")
    return _from_text


def _from_text(path: Path, content: bytes) -> pd.DataFrame:
    text = _decoded(path, content)
    separator = _separator(text)
    stream = StringIO(text, newline="")
    records = csv.reader(stream, delimiter=separator)
    names = [name.strip() for name in next(records)]
    start = stream.tell()
    below = list(islice(records, 1))
    vv = bool(below) and is_codes(below[0])
    if vv:
        names, start = below[0], stream.tell()
    elif any(cell.startswith('{"ImportId"') for record in (*below, *islice(records, 1)) for cell in record):
        start = stream.tell()
    stream.seek(start)
    _check_names(path, names)
    labels = [name or f"column_{place + 1}" for place, name in enumerate(names)]
    warnings.simplefilter("error", pd.errors.ParserWarning)
    try:
        rows = pd.read_csv(stream, sep=separator, names=labels, header=None, index_col=False, low_memory=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=labels)
    except pd.errors.ParserWarning as error:
        what = f"its rows have more cells than its first line has names ({len(names)})"
        raise _problem(path, what, "Put texts that hold the separator in quotation marks.") from error
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise
        what = f"line {int(found[2]) + 1} has {found[3]} cells where the lines above have {found[1]}"
        raise _problem(path, what, "Put texts that hold the separator in quotation marks.") from error
    if separator != ",":
        for label in rows.columns[rows.dtypes.map(pd.api.types.is_string_dtype)]:
            rows[label] = _with_decimal_commas(rows[label])
    return unmarked(rows) if vv else rows


def _decoded(path: Path, content: bytes) -> str:
    marked = [encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    try:
        text = content.decode(marked[0] if marked else "utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    controls = sum(not (character.isprintable() or character in "\t\r\n\f") for character in text[:4096])
    if controls > len(text[:4096]) / 50:
        raise _problem(path, "it is no table of answers", "CSV, XLSX, SAV and Parquet are read.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _separator(text: str) -> str:
    """The candidate that parts the first lines most evenly; a file of one column has none, and a comma does."""
    lines = [line for line in islice(StringIO(text), 10) if line.strip()]
    counts = {mark: [len(cells) for cells in csv.reader(lines, delimiter=mark)] for mark in SEPARATORS}
    return max(counts, key=lambda mark: (counts[mark][0] > 1, Counter(counts[mark])[counts[mark][0]], counts[mark][0]))


def _with_decimal_commas(column: pd.Series) -> pd.Series:
    filled = column.dropna().str.strip()
    if filled.empty or not filled.map(lambda cell: bool(_DECIMAL_COMMA.fullmatch(cell))).all():
        return column
    return pd.to_numeric(column.str.strip().str.replace(",", "."))


def _from_xlsx(path: Path, content: bytes) -> pd.DataFrame:
    from openpyxl import load_workbook

    check_archive(content, f"file '{path.name}'", LARGEST_WORKBOOK)
    _check_sheets(path, content)
    book = load_workbook(BytesIO(content), read_only=True, data_only=True)
    for sheet in book.worksheets:
        heads = sheet.iter_rows(values_only=True, max_row=1, max_col=WIDEST)
        names = [_cell_name(cell) for cell in next(heads, ())]
        if not any(names):
            continue
        while names and not names[-1]:
            names.pop()
        _check_names(path, names)
        labels = [name or f"column_{place + 1}" for place, name in enumerate(names)]
        # No wider than the names: a stray cell far below makes a row of every line above it.
        records = sheet.iter_rows(values_only=True, min_row=2, max_row=LONGEST_SHEET, max_col=len(labels))
        table = [record for record in records if any(cell is not None for cell in record)]
        return pd.DataFrame(table, columns=labels).infer_objects()
    raise _problem(path, "no sheet holds anything", "Put the names of the columns in its first row.")


def _check_sheets(path: Path, content: bytes) -> None:
    """Refuse sheets larger than Excel's own before every cell of them is read, which can take minutes."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            rows = size = cells = 0
            with archive.open(name) as stream:
                while piece := stream.read(1_000_000):
                    for place, part in enumerate(_ROW.split(piece)):
                        rows, size, cells = (rows + 1, 0, 0) if place else (rows, size, cells)
                        size += len(part)
                        # A cell has four bytes at least: rows of usual length need not be counted.
                        cells += len(_CELL.findall(part)) if size > 4 * WIDEST else 0
                        if rows > LONGEST_SHEET or cells > WIDEST:
                            what = f"a sheet has over {LONGEST_SHEET:,} rows or {WIDEST:,} columns, more than Excel"
                            raise _problem(path, what, "Save it again in Excel, or as CSV.")


def _check_size(path: Path, rows: int | None, columns: int | None) -> None:
    """Refuse what takes little room in a file and all of the memory outside it."""
    cells = (rows or 0) * (columns or 0)
    if cells > MOST_CELLS:
        raise _problem(path, f"it has {cells:,} cells", f"At most {MOST_CELLS:,} are read; take a part.")


def _cell_name(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _from_sav(path: Path, content: bytes) -> pd.DataFrame:
    import pyreadstat

    told = pyreadstat.read_sav(path, metadataonly=True)[1]
    _check_size(path, told.number_rows, told.number_columns)
    rows, _ = pyreadstat.read_sav(path, apply_value_formats=False, user_missing=False)
    return rows.replace("", None)


def _from_parquet(path: Path, content: bytes) -> pd.DataFrame:
    import pyarrow.parquet as pq

    told = pq.read_metadata(BytesIO(content))
    _check_size(path, told.num_rows, told.num_columns)
    return pd.read_parquet(BytesIO(content))


def _check_names(path: Path, names: list[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    if twice:
        raise _problem(path, f"{', '.join(twice)} stands twice in its first line", "Give every column its own name.")
    if len(names) > WIDEST:
        raise _problem(path, f"it has {len(names):,} columns", f"At most {WIDEST:,} are read.")


def _tidy(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    rows.columns = [str(name) for name in rows.columns]
    unnamed = [name for name in rows.columns if re.fullmatch(r"column_\d+", name) and rows[name].isna().all()]
    rows = rows.drop(columns=unnamed).dropna(how="all").reset_index(drop=True)
    if rows.empty:
        raise _problem(path, "below its first line there is not a single answer", "Export the answers again.")
    if all(re.fullmatch(r"[+-]?[\d.,]+", name) for name in rows.columns):
        what = "its first line holds only numbers, so the columns have no names"
        raise _problem(path, what, "Put a line with the names of the columns on top.")
    return rows


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]


def _problem(path: Path, what: str, remedy: str) -> DataError:
    return DataError(Problem(f"file '{path.name}'", what, remedy))
