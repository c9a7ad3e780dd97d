"""Exports of Qualtrics and LimeSurvey, in the shapes these write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from analysis.answers_file import load_rows
from analysis.platforms import from_platform, unmarked

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


WRITTEN = json.loads((Path(__file__).parents[1] / "reference" / "limesurvey.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("form", ["csv", "vv"])
def test_what_a_running_limesurvey_wrote(form: str, tmp_path: Path) -> None:
    """Four people answered `showcase`: two in a browser, in Dutch and in German, two brought in with rarer answers."""
    (tmp_path / "a.csv").write_text(WRITTEN["answers"][form], encoding="utf-8")
    rows = load_rows(tmp_path / "a.csv")
    told = rows.astype(object).where(rows.notna(), None)
    assert told["participation"].tolist() == [1, 2, 3, 4]
    assert told["language"].tolist() == ["nl", "de", "en", "en"]
    assert told["influencer"].tolist() == ["Ada", "Zoë", "Ada", "Ada"]
    assert told["condition"].tolist() == ["text", "ad", None, None]
    assert told["started"].tolist()[0] == "2026-11-22 05:22:11"
    assert told["agreed"].tolist() == [1, 1, 1, 1]
    assert told["near1"].tolist() == [4, 4, 5, None]
    assert told["near3"].tolist() == [2, 2, -99, None]
    assert told["place"].tolist() == [2, 2, -98, None]
    assert told["place_other"].tolist() == [None, None, "a stall", None]
    assert told[["topics_1", "topics_2", "topics_98"]].to_numpy().tolist() == [
        [1, 0, 0], [1, 0, 0], [0, 0, 1], [-99, -99, -99],
    ]  # fmt: skip
    assert told["topics_other"].tolist() == [None, None, "old trains", None]
    assert "topics_n99" not in told
    assert told["warmth"].tolist() == [None, None, 65, None]
    assert told["firstseen"].tolist() == [None, None, "2024-05-06", None]
    assert told["adulttopic"].tolist()[:2] == ["lang\nverhaal; met, tekens"] * 2
    assert told["oneword"].tolist()[:2] == ['leuk "x" <b>'] * 2
    chosen = told[[f"reasons_{rank}" for rank in (1, 2, 3, 4)]].to_numpy().tolist()
    assert chosen == [[None] * 4, [None] * 4, [3, 1, None, None], [2, 4, 1, 3]]
    assert "these answers do not show whether it is a ranking: reasons." in " ".join(rows.attrs["notes"])


def test_a_ranking_a_running_limesurvey_wrote_is_turned_round_once_more_people_rank(tmp_path: Path) -> None:
    """The file's two people who rank, and eight more who rank in the same two ways."""
    head, *people = WRITTEN["answers"]["csv"].split('\n"')
    ranking = [line.rstrip() for line in people if line.startswith(("3", "4"))]
    (tmp_path / "a.csv").write_text('\n"'.join([head, *ranking * 5]), encoding="utf-8")
    rows = load_rows(tmp_path / "a.csv")
    ranked = rows[[f"reasons_{choice}" for choice in (1, 2, 3, 4)]].astype(object)
    assert ranked.where(ranked.notna(), None).to_numpy().tolist() == [[2, None, 1, None], [3, 1, 4, 2]] * 5
    assert "Read as a ranking, so that reasons_1 is the rank given to choice 1: reasons." in rows.attrs["notes"]


def lime(cells: list[list[int | None]]) -> pd.DataFrame:
    heads = ["id", "submitdate", "lastpage", *(f"grid[{number + 1}]" for number in range(len(cells[0])))]
    people = [[number, "2026-01-02", 2, *row] for number, row in enumerate(cells)]
    return from_platform(pd.DataFrame(people, columns=heads))


def given(rows: pd.DataFrame) -> list[list[int | None]]:
    grid = rows[[name for name in rows.columns if name.startswith("grid_")]].astype(object)
    kept: list[list[int | None]] = grid.where(grid.notna(), None).to_numpy().tolist()
    return kept


@pytest.mark.parametrize(
    "cells", [[[3, 3], [1, 2]], [[None, 1], [2, 1]], [[1, 5], [2, 1]], [[None, None], [None, None]]]
)
def test_what_is_no_ranking_is_left_as_it_is(cells: list[list[int | None]]) -> None:
    """A number twice in a row, a gap before one, a number beyond the ranks, nothing at all; however often."""
    rows = lime(cells * 20)
    assert given(rows) == cells * 20
    assert not any("ranking" in note for note in rows.attrs["notes"])


@pytest.mark.parametrize(
    "cells",
    [
        [[2, 3, 1]],
        [[2, 3, 1], [1, 3, 2]],
        [[2, 3, 1]] * 200,
        [[2, None, None], [3, None, None], [1, None, None]] * 50,
        [[4, 2, 1, 3], [2, 1, 3, 4]],
        [[2, 1], [1, 2], [2, 1]],
    ],
    ids=["one", "two", "everybody alike", "one answer each", "two of four", "two items"],
)
def test_few_or_equal_answers_without_ties_are_no_proof_of_a_ranking(cells: list[list[int | None]]) -> None:
    """A grid of as many items as points looks like this too, with the answers of few, or of many who agree."""
    rows = lime(cells)
    assert given(rows) == cells
    (note,) = [note for note in rows.attrs["notes"] if "ranking" in note]
    assert note.startswith("Left as it is, because these answers do not show whether it is a ranking: grid.")


@pytest.mark.parametrize("choices", [2, 3, 4, 5, 9, 30])
def test_a_ranking_of_enough_people_is_turned_round(choices: int) -> None:
    """Everybody ranks by chance, every third person only the first two; the longest takes forty people."""
    stream = np.random.Generator(np.random.SFC64(3))
    ranked = [stream.permutation(choices) + 1 for _ in range(60)]
    shown = [2 if person % 3 == 0 else choices for person in range(60)]
    on_rank = [[*map(int, one[:end]), *[None] * (choices - end)] for one, end in zip(ranked, shown, strict=True)]
    rows = lime(on_rank)
    for one, end, told in zip(ranked, shown, given(rows), strict=True):
        ranks = {int(choice): rank + 1 for rank, choice in enumerate(one[:end])}
        assert told == [ranks.get(choice + 1) for choice in range(choices)]
    assert "Read as a ranking, so that grid_1 is the rank given to choice 1: grid." in rows.attrs["notes"]


def test_how_many_rankings_it_takes_is_what_chance_says() -> None:
    """A row of two balanced columns has no tie half the time: .5 to the ninth is above .001, to the tenth below."""
    balanced = [[1, 2], [2, 1]]
    assert "Left as it is" in " ".join(lime(balanced * 4).attrs["notes"])
    assert "Read as a ranking" in " ".join(lime(balanced * 5).attrs["notes"])


def test_marks_are_those_of_vv_files_only(tmp_path: Path) -> None:
    said = "{quote}a{quote} {tab}{lbrace}x} {cr}{newline}b{newline}c{cr}d"
    heads = ["id", "submitdate", "lastpage", "startlanguage", "word", "shown"]
    line = ["1", "", "2", "en", said, "{question_not_shown}"]
    texts = ["Response ID", "Date submitted", "Last page", "Start language", "A word?", "Shown?"]
    for form, above in {"csv": [heads], "vv": [texts, heads]}.items():
        (tmp_path / form).write_text("\n".join("\t".join(cells) for cells in [*above, line]), encoding="utf-8")
    plain, vv = load_rows(tmp_path / "csv"), load_rows(tmp_path / "vv")
    assert plain.loc[0, ["word", "shown"]].tolist() == [said, "{question_not_shown}"]
    assert vv.loc[0, "word"] == '"a" \t{x} \nb\nc\nd'
    assert pd.isna(vv.loc[0, "shown"])
    twice = pd.DataFrame({"word": ["{lbrace}tab}"]})
    assert unmarked(twice).loc[0, "word"] == "{tab}"


def test_short_texts_are_no_ranking() -> None:
    heads = ["id", "submitdate", "lastpage", "q[1]", "q[2]"]
    people = [[1, "2026-01-02", 2, "1", "2"], [2, "2026-01-02", 2, "2", "hello"], [3, "2026-01-02", 2, "1", None]]
    rows = from_platform(pd.DataFrame(people, columns=heads))
    assert rows["q_2"].tolist()[1] == "hello" and list(map(str, rows["q_1"])) == ["1", "2", "1"]


def test_boxes_left_open_on_purpose_are_zeros() -> None:
    """An empty box may be one that was never shown; one that holds N was shown, and not ticked."""
    heads = ["id", "submitdate", "lastpage", "topics[1]", "topics[2]"]
    told = [["Y", "N"], ["N", "N"], [None, "N"], [None, None]]
    people = [[number, "2026-01-02", 2, *row] for number, row in enumerate(told)]
    rows = from_platform(pd.DataFrame(people, columns=heads))[["topics_1", "topics_2"]].astype(object)
    assert rows.where(rows.notna(), None).to_numpy().tolist() == [[1, 0], [0, 0], [0, 0], [None, None]]


def test_hidden_times_are_said() -> None:
    hidden = pd.DataFrame({"id": [1], "submitdate": ["1980-01-01 00:00:00"], "lastpage": [2], "psi1": [3]})
    assert "told to hide" in " ".join(from_platform(hidden).attrs["notes"])


def test_the_questions_of_a_vv_file_may_stand_twice(tmp_path: Path) -> None:
    heads = ["Response ID", "Date submitted", "Last page", "Start language", "Agree?", "Agree?"]
    lines = [heads, ["id", "submitdate", "lastpage", "startlanguage", "a_psi1", "b_psi1"]]
    lines.append(["1", "{question_not_shown}", "2", "en", "4", "{question_not_shown}"])
    (tmp_path / "vv.csv").write_text("\n".join("\t".join(line) for line in lines), encoding="utf-8")
    rows = load_rows(tmp_path / "vv.csv")
    assert rows["a_psi1"].tolist() == [4]
    assert rows[["b_psi1", "finished"]].isna().all(axis=None)


def test_a_file_of_somebody_else_is_left_alone() -> None:
    rows = pd.DataFrame({"id": [1], "seed": [2], "psi1": ["A3"], "grid[a]": ["Y"]})
    assert from_platform(rows) is rows
