"""Answers as files: what another program reads is what was answered, labelled, marked and harmless."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest
from openpyxl import load_workbook

from analysis.answers_file import load_rows
from analysis.codebook import PARADATA
from analysis.errors import DataError
from analysis.instrument import load_instrument
from analysis.kinds import DECLINED
from analysis.rows_file import write_paradata, write_rows
from analysis.simulate import simulate_answers
from analysis.vocabulary import codebook_languages

SHOWCASE = load_instrument("showcase")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    found = simulate_answers(SHOWCASE, 60, seed=3)
    found.loc[0, "place"] = DECLINED
    found.loc[1, "one_word"] = "=1+1"
    found.loc[2, "one_word"] = str(DECLINED)
    found.insert(1, "prolific", "@x")
    return found


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".sav", ".parquet"])
def test_every_column_comes_back(rows: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"answers{ending}"
    write_rows(rows, path, SHOWCASE)
    found = load_rows(path)
    assert list(found.columns) == list(rows.columns)
    assert found["synthetic"].astype(bool).all()
    for name in ("near1", "age", "warmth", "topics_1", "reasons_2"):
        expected = rows[name].astype("Float64").replace(DECLINED, pd.NA) if ending == ".sav" else rows[name]
        pd.testing.assert_series_equal(
            found[name].astype("Float64"), expected.astype("Float64"), check_names=False, check_index=False
        )
    assert not list(tmp_path.glob(".*"))


def test_spss_has_labels_and_user_missing_values(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_rows(rows, tmp_path / "a.sav", SHOWCASE, "nl")
    found, meta = pyreadstat.read_sav(tmp_path / "a.sav", user_missing=True)
    assert found.loc[0, "place"] == DECLINED
    assert meta.column_names_to_labels["near1"] == "Deze influencer voelt als iemand die ik ken."
    assert meta.variable_value_labels["near1"][5.0] == "Helemaal mee eens"
    assert set(meta.variable_value_labels["place"]) == {1.0, 2.0, 3.0, 4.0, -98.0, -99.0}
    assert meta.missing_ranges["place"] == [{"lo": -99.0, "hi": -99.0}]
    assert "one_word" in meta.missing_ranges
    assert "near1" not in meta.missing_ranges
    assert meta.file_label


def test_formulas_are_harmless(rows: pd.DataFrame, tmp_path: Path) -> None:
    hostile = rows.rename(columns={"prolific": "=cmd"})
    write_rows(hostile, tmp_path / "a.csv", SHOWCASE)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    assert ",'=cmd," in text and ",'=1+1," in text and ",'@x," in text
    assert "'-99" not in text
    write_rows(hostile, tmp_path / "a.xlsx", SHOWCASE)
    cells = [cell for row in load_workbook(tmp_path / "a.xlsx")["answers"].iter_rows() for cell in row]
    assert "=1+1" in {cell.value for cell in cells}
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_the_codebook_goes_with_it(rows: pd.DataFrame, tmp_path: Path) -> None:
    written = write_rows(rows, tmp_path / "a.csv", SHOWCASE)
    assert [path.name for path in written] == ["a.csv", "a_codebook.csv"]
    book = load_rows(written[1])
    assert list(book["id"]) == list(rows.columns)
    assert book.set_index("id").loc["place", "missing"] == DECLINED
    write_rows(rows, tmp_path / "a.xlsx", SHOWCASE)
    assert load_workbook(tmp_path / "a.xlsx").sheetnames == ["answers", "codebook"]
    write_rows(rows, tmp_path / "a.parquet", SHOWCASE)
    told = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"parasol"])
    assert (told["synthetic"], told["digest"]) == (True, SHOWCASE.digest)
    assert len(told["codebook"]) == len(rows.columns)


def test_answers_without_a_questionnaire_are_written_too(tmp_path: Path) -> None:
    rows = pd.DataFrame({"psi": [1.5, None], "name": ["a", None]})
    for ending in (".csv", ".xlsx", ".sav", ".parquet"):
        assert write_rows(rows, tmp_path / f"a{ending}", None) == [tmp_path / f"a{ending}"]
        assert load_rows(tmp_path / f"a{ending}")["psi"].tolist()[0] == 1.5


@pytest.mark.parametrize(
    ("rows", "name", "said"),
    [
        (pd.DataFrame({"a": [1]}), "a.ods", "names no format"),
        (pd.DataFrame({"a b?": [1]}), "a.sav", "SPSS cannot hold"),
        (pd.DataFrame({"a": ["x" * 40_000]}), "a.sav", "40,000 bytes"),
        (pd.DataFrame({"a": ["x" * 40_000]}), "a.xlsx", "40,000 characters"),
        (pd.DataFrame({"a": ["\x07"]}), "a.xlsx", r"U\+0007"),
    ],
)
def test_what_a_format_cannot_hold_is_one_sentence_and_no_file(
    rows: pd.DataFrame, name: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        write_rows(rows, tmp_path / name, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("language", codebook_languages())
def test_how_people_answered_is_written_with_its_codebook(language: str, tmp_path: Path) -> None:
    paradata = pd.DataFrame([range(len(PARADATA)), range(len(PARADATA))], columns=list(PARADATA))
    answers, book = write_paradata(paradata, tmp_path / "how.csv", language)
    assert pd.read_csv(answers).to_numpy().tolist() == paradata.to_numpy().tolist()
    told = pd.read_csv(book)
    assert told["id"].tolist() == list(PARADATA)
    assert told["label"].nunique() == len(PARADATA)
    with pytest.raises(DataError, match="names no format"):
        write_paradata(paradata, tmp_path / "how.txt", language)
