"""Exports of Qualtrics and LimeSurvey, in the shapes these write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook

from analysis.answers_file import load_rows
from analysis.platforms import from_platform

NAMES = ["StartDate", "EndDate", "Status", "IPAddress", "Progress", "Duration (in seconds)", "Finished", "RecordedDate",
         "ResponseId", "RecipientEmail", "UserLanguage", "psi1", "psi2"]  # fmt: skip
TEXTS = ["Start Date", "End Date", "Response Type", "IP Address", "Progress", "Duration (in seconds)", "Finished",
         "Recorded Date", "Response ID", "Recipient Email", "User Language", "I miss, them", "Friend"]  # fmt: skip
IDS = [f'{{"ImportId":"{name}"}}' for name in NAMES]
PEOPLE = [
    [
        "2026-01-02 10:00:00",
        "2026-01-02 10:05:00",
        0,
        "192.0.2.1",
        100,
        300,
        1,
        "2026-01-02",
        "R_1",
        "a@b.c",
        "EN",
        4,
        5,
    ],
    ["2026-01-02 11:00:00", "2026-01-02 11:01:00", 1, "192.0.2.2", 40, 60, 0, "2026-01-03", "R_2", "", "NL", 2, None],
]


@pytest.mark.parametrize("lines", [[TEXTS, IDS], [TEXTS], []])
@pytest.mark.parametrize("form", ["csv", "tsv", "xlsx"])
def test_qualtrics(form: str, lines: list[list[str]], tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    table = pd.DataFrame([*lines, *PEOPLE], columns=NAMES)
    if form == "xlsx":
        book = Workbook()
        for row in [NAMES, *lines, *PEOPLE]:
            book.active.append(row)
        book.save(path)
    else:
        table.to_csv(
            path, index=False, sep="," if form == "csv" else "\t", encoding="utf-8" if form == "csv" else "utf-16"
        )
    rows = load_rows(path)
    assert rows["psi1"].tolist() == [4, 2]
    assert rows["seconds"].tolist() == [300, 60]
    assert rows["participation"].tolist() == ["R_1", "R_2"]
    assert rows["language"].tolist() == ["en", "nl"]
    assert rows["test"].tolist() == [False, True]
    assert rows["finished"].isna().tolist() == [False, True]
    assert not {"IPAddress", "RecipientEmail"} & set(rows.columns)
    assert any("IPAddress" in note for note in rows.attrs["notes"])


CODES = ["id", "submitdate", "lastpage", "startlanguage", "seed", "startdate", "ipaddr", "psigrid[psi1]",
         "psigrid[psi2]", "brands[1]", "brands[2]", "brands[other]", "place", "place[other]", "Q1[SQ001]",
         "age"]  # fmt: skip
HEADS = [
    "Response ID", "Date submitted", "Last page", "Start language", "Seed", "Date started", "IP address", *CODES[7:],
]  # fmt: skip
CODED = [f"{code}. A question" for code in CODES]
LIME = [
    [1, "2026-01-02", 3, "en", 5, "2026-01-01", "192.0.2.1", "A3", 5, "Y", "", "", "-oth-", "a stall", "AO02", 20],
    [2, "", 1, "nl", 6, "2026-01-01", "192.0.2.2", "A1", 2, "", "", "", "2", "", "", 30],
]


@pytest.mark.parametrize("heads", [CODES, HEADS, CODED])
def test_limesurvey(heads: list[str], tmp_path: Path) -> None:
    pd.DataFrame(LIME, columns=heads).to_csv(tmp_path / "a.csv", index=False, sep=";")
    rows = load_rows(tmp_path / "a.csv")
    assert rows["participation"].tolist() == [1, 2]
    assert rows[["psi1", "psi2"]].to_numpy().tolist() == [[3, 5], [1, 2]]
    assert rows["place"].tolist() == [-98, 2]
    assert rows["place_other"].tolist()[0] == "a stall"
    assert rows.loc[0, ["brands_1", "brands_2"]].tolist() == [1, 0]
    assert rows.loc[1, ["brands_1", "brands_2"]].isna().all()
    assert rows["Q1_SQ001"].tolist()[0] == 2
    assert rows["finished"].isna().tolist() == [False, True]
    assert rows["age"].tolist() == [20, 30]
    assert "ipaddr" not in rows


def test_a_file_of_somebody_else_is_left_alone() -> None:
    rows = pd.DataFrame({"id": [1], "seed": [2], "psi1": ["A3"], "grid[a]": ["Y"]})
    assert from_platform(rows) is rows
