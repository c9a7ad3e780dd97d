"""Files of answers from many tools, and many that are none."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from analysis.answers_file import load_rows
from analysis.errors import DataError
from analysis.workbook import write_workbook

ANSWERS = pd.DataFrame({"psi1": [1, 2, 3], "psi2": [2.5, None, 4.0], "naam": ["Zoë", "Jan", "Élise"]})


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_in_any_usual_form(tmp_path: Path, separator: str, encoding: str, line_end: str) -> None:
    text = ANSWERS.to_csv(index=False, sep=separator, lineterminator=line_end)
    rows = load_rows(write(tmp_path, "answers.csv", text.encode(encoding)))
    pd.testing.assert_frame_equal(rows, ANSWERS)


def test_excel_spss_and_parquet(tmp_path: Path) -> None:
    ANSWERS.to_excel(tmp_path / "a.xlsx", index=False)
    pyreadstat.write_sav(ANSWERS, tmp_path / "a.sav")
    pyreadstat.write_sav(ANSWERS, tmp_path / "a.zsav", compress=True)
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    for name in ("a.xlsx", "a.sav", "a.zsav", "a.parquet"):
        pd.testing.assert_frame_equal(load_rows(tmp_path / name), ANSWERS, check_dtype=False)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    ANSWERS.to_excel(tmp_path / "a.xlsx", index=False)
    (tmp_path / "a.xlsx").rename(tmp_path / "a.csv")
    assert list(load_rows(tmp_path / "a.csv").columns) == list(ANSWERS.columns)


def test_decimal_commas(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, "a.csv", "a;b;c\n3,5;4;x,5\n;2;1,5\n-1,25;3;2\n"))
    assert rows["a"].tolist()[::2] == [3.5, -1.25]
    assert rows["b"].tolist() == [4, 2, 3]
    assert rows["c"].tolist() == ["x,5", "1,5", "2"]


def test_quoted_cells_may_hold_the_separator_and_line_ends(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, "a.csv", 'a,"b, ""quoted""\nname"\n1,"x, y"\n2,"z\nz"\n'))
    assert list(rows.columns) == ["a", 'b, "quoted"\nname']
    assert rows.iloc[:, 1].tolist() == ["x, y", "z\nz"]


def test_one_column(tmp_path: Path) -> None:
    assert load_rows(write(tmp_path, "a.csv", "psi\n1\n2\n"))["psi"].tolist() == [1, 2]


def test_empty_columns_without_a_name_and_empty_rows_go(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, "a.csv", "a;b;\n1;2;\n;;\n3;4;\n"))
    assert list(rows.columns) == ["a", "b"]
    assert len(rows) == 2


def test_the_question_texts_of_a_qualtrics_export_are_skipped(tmp_path: Path) -> None:
    texts = '"I miss, them","Friend\nof mine"\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'
    text = f"psi1,psi2\n{texts}1,2\n3,4\n"
    rows = load_rows(write(tmp_path, "a.csv", text))
    assert rows["psi1"].tolist() == [1, 3]


def test_a_stray_cell_far_below_is_a_row_like_others(tmp_path: Path) -> None:
    """Every line above it is one that nobody answered."""
    book = openpyxl.Workbook()
    book.active.append(["psi1", "psi2"])
    book.active.append([4, 5])
    book.active.cell(1_048_576, 1, 3)
    book.active.cell(5, 9, "beside the names")
    book.save(tmp_path / "a.xlsx")
    rows = load_rows(tmp_path / "a.xlsx")
    assert rows.to_dict("list")["psi1"] == [4, 3]
    assert list(rows.columns) == ["psi1", "psi2"]


def test_of_a_workbook_the_first_sheet_with_content_counts(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("answers")
    sheet.append(["a", "b", None])
    sheet.append([1, "x", None])
    sheet.append([None, None, None])
    sheet.append([2, None, None])
    book.save(tmp_path / "a.xlsx")
    rows = load_rows(tmp_path / "a.xlsx")
    assert list(rows.columns) == ["a", "b"]
    assert rows["a"].tolist() == [1, 2]


def _bomb() -> bytes:
    """A workbook that unpacks to more than a gigabyte; the bytes are never there, only their announcement."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"x")
    content = bytearray(buffer.getvalue())
    place = content.rfind(b"PK\x01\x02")
    content[place + 24 : place + 28] = (2_000_000_000).to_bytes(4, "little")
    return bytes(content)


def _with_document_type() -> bytes:
    """A workbook one of whose parts names an entity, far behind its beginning."""
    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("xl/more.xml", b"<!-- " + b" " * 999_990 + b"--><!DOC" + b"TYPE a [<!ENTITY b 'c'>]><a/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"a,b\n", "not a single answer"),
        (b"a,b\n,\n", "not a single answer"),
        (b"a,b,a\n1,2,3\n", "a stands twice"),
        (b"a,b\n1,2\n3,4,5,6\n", "line 3 has 4 cells where the lines above have 2"),
        (b"a,b\n1,2,3\n4,5,6\n", "rows have more cells than its first line has names"),
        (b"1,2,3\n4,5,6\n", "the columns have no names"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no table of answers"),
        (bytes(range(1, 32)) * 20, "no table of answers"),
        (b"PK\x03\x04 broken", "no workbook, or a broken"),
        (_with_document_type(), "declares a document type"),
        (b"PAR1 broken", "cannot be read"),
        (b"$FL2 broken", "cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or a protected Excel file"),
        (_bomb(), "would unpack to 2,000 MB"),
    ],
)
def test_what_is_no_table_gives_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        load_rows(write(tmp_path, "answers.csv", content))
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("file 'answers.csv': ")


def _with_sheet(rows: bytes) -> bytes:
    """A workbook whose only sheet is this XML."""
    whole, around = io.BytesIO(), zipfile.ZipFile(io.BytesIO(write_workbook({"answers": [["a"], [1]]})))
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in around.namelist():
            sheet = b'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
            content = sheet + rows + b"</x:sheetData></x:worksheet>"
            archive.writestr(name, content if name.startswith("xl/worksheets/") else around.read(name))
    return whole.getvalue()


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        (b"<x:row><x:c><x:v>1</x:v></x:c></x:row>" * 1_100_000, True),
        (b"<x:row>" + b"<x:c/>" * 200_000 + b"</x:row>", True),
        (b"<x:row>" + b"<x:c><x:v>1</x:v></x:c>" * 16_000 + b"</x:row>" + b"<x:row><x:c/></x:row>" * 20_000, False),
    ],
    ids=["long", "wide", "allowed"],
)
def test_a_sheet_larger_than_excels_is_refused_before_it_is_read(tmp_path: Path, rows: bytes, refused: bool) -> None:
    """A few kilobytes of an archive that openpyxl would read for minutes."""
    path = tmp_path / "answers.xlsx"
    path.write_bytes(_with_sheet(rows))
    with pytest.raises(DataError, match="more than Excel" if refused else "stands twice|no names"):
        load_rows(path)


def test_what_is_small_in_the_file_and_large_in_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    many = pa.chunked_array([pa.array(np.ones(1_000_000, np.int8))] * 101)
    pq.write_table(pa.table({"psi1": many}), path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"101,000,000 cells\. At most 100,000,000"):
        load_rows(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        load_rows(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="it is a folder"):
        load_rows(tmp_path)
    with pytest.raises(DataError, match="cannot be"):
        load_rows("x" * 5000)
    with pytest.raises(DataError, match="cannot be"):
        load_rows("a\0b")


def test_a_workbook_without_a_table(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="no sheet holds anything"):
        load_rows(tmp_path / "a.xlsx")


def test_names_in_excel_stand_once(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["a", "a"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="a stands twice"):
        load_rows(tmp_path / "a.xlsx")
