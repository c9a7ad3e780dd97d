"""Rows made of saved pages and back: every kind of question, hidden answers, tables that do not fit."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.export import rows_as_csv
from analysis.instrument import METADATA, Instrument, Item, Page, load_instrument
from analysis.kinds import TYPED
from analysis.simulate import simulate_answers
from survey_app.answers import accept_answers
from survey_app.rows import kept_from, rows_from
from survey_app.study import Parameter, Study

SHOWCASE = load_instrument("showcase")
COLUMNS = [column.name for item in SHOWCASE.items for column in item.columns]
STUDY = Study(
    id="demo",
    slug="demo",
    title={"en": "Demo"},
    instrument=SHOWCASE.digest,
    languages=("en",),
    state="open",
    consent={"en": "Agree?"},
    consent_version="1",
    parameters=(Parameter("panel", "PANEL_ID"),),
)


def person(id: str = "p1", **told: Any) -> SimpleNamespace:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    about = {"influencer": "Mia", "condition": "", "source": "", "wave": "", "person": "", "language": "en"}
    times = {"consent_version": "1", "started": now, "finished": now, "synthetic": False, "test": False}
    way: dict[str, Any] = {"influencers": (), "resumes": 0, "switches": 0, "assigned": 0, "page_order": ()}
    return SimpleNamespace(**{"id": id, "instrument": SHOWCASE.digest, **about, **times, **way, **told})


def rows_of(pages: Mapping[str, Mapping[str, Any]], instrument: Instrument = SHOWCASE, **told: Any) -> pd.DataFrame:
    kept = [("p1", "", json.dumps(accept_answers(instrument, page, sent))) for page, sent in pages.items()]
    return rows_from([person(**{"instrument": instrument.digest, **told})], kept, instrument)


def test_every_kind_has_its_columns_and_its_type() -> None:
    rows = rows_of({})
    assert list(rows.columns) == [name for name in METADATA if name in rows] + COLUMNS
    for item in SHOWCASE.items:
        for column in item.columns:
            words = column.holds == "words" or item.kind in TYPED
            assert str(rows[column.name].dtype) == ("string" if words else "Int64"), column
    assert rows[COLUMNS].isna().all(axis=None)


def test_lists_become_columns() -> None:
    sent = {"follows": 1, "topics": [5, 2, -98], "topics_other": "<b>", "reasons": [3, 1, 4, 2]}
    row = rows_of({"choosing": sent}).iloc[0]
    assert [row[f"topics_{end}"] for end in (1, 2, 3, 4, 5, 98)] == [0, 1, 0, 0, 1, 1]
    assert row["topics_other"] == "<b>"
    assert [row[f"reasons_{end}"] for end in (1, 2, 3, 4)] == [2, 4, 1, 3]


def test_whoever_prefers_not_to_say_has_the_code_in_every_column() -> None:
    sent = {
        "choosing": {"follows": 1, "place": -99, "topics": -99, "reasons": -99},
        "writing": {"warmth": -99, "age": -99, "first_seen": -99, "one_word": -99},
    }
    row = rows_of(sent).iloc[0]
    assert (
        row[[name for name in COLUMNS if name.startswith(("topics_", "reasons_"))]].drop("topics_other") == -99
    ).all()
    assert row[["place", "warmth", "age"]].tolist() == [-99] * 3
    assert row[["first_seen", "one_word"]].tolist() == ["-99"] * 2
    assert pd.isna(row["topics_other"]) and pd.isna(row["place_other"])


def test_an_answer_that_is_hidden_by_now_is_left_out() -> None:
    pages = {"choosing": {"follows": 0}, "writing": {"age": 30}, "followers": {"wrong_place": 1, "adult_topic": "x"}}
    assert rows_of(pages)[["wrong_place", "adult_topic"]].isna().all(axis=None)
    pages["choosing"] = {"follows": 1, "place": -98, "place_other": "Twitch"}
    row = rows_of(pages).iloc[0]
    assert row[["place", "place_other", "wrong_place", "adult_topic"]].tolist() == [-98, "Twitch", 1, "x"]
    pages["choosing"] = {"follows": 0, "place": -98, "place_other": "Twitch"}
    assert rows_of(pages)[["place", "place_other"]].isna().all(axis=None)


def test_a_change_of_language_hides_nothing_that_was_shown() -> None:
    pages = {"choosing": {"follows": 1}, "writing": {"age": 30}, "followers": {"adult_topic": "x"}}
    assert rows_of(pages, language="fr")["adult_topic"].tolist() == ["x"]


def test_another_version_keeps_its_answers() -> None:
    pages = {"choosing": {"follows": 0}, "followers": {"wrong_place": 1}}
    kept = [("p1", "", json.dumps(sent)) for sent in pages.values()]
    rows = rows_from([person(instrument="0" * 64)], kept, SHOWCASE)
    assert rows["wrong_place"].tolist() == [1]


def test_a_column_that_ends_like_words_is_no_words() -> None:
    items = (
        Item("a", {"en": "A"}, "number", required=True),
        Item("a_other", {"en": "Other"}, "text", show_if="a > 1"),
    )
    small = Instrument("s", "1", {"en": "S"}, ("en",), items, (), (Page("p", {"en": "P"}, ("a", "a_other")),))
    assert rows_of({"p": {"a": 1, "a_other": "x"}}, small)["a_other"].isna().all()
    assert rows_of({"p": {"a": 2, "a_other": "x"}}, small)["a_other"].tolist() == ["x"]


# -- and back ---------------------------------------------------------------------------------------------------------


def there_and_back(frame: pd.DataFrame) -> pd.DataFrame:
    people, pages = kept_from(frame, SHOWCASE, STUDY)
    kept = [(page["participation"], page["influencer"], page["answers"]) for page in pages]
    return rows_from([SimpleNamespace(**one) for one in people], kept, SHOWCASE)


@pytest.mark.parametrize("form", ["as simulated", "as floats", "as objects", "from CSV"])
def test_simulated_rows_come_back(form: str) -> None:
    frame = simulate_answers(SHOWCASE, 200, seed=3)
    frame.loc[frame["place"] == -98, "place_other"] = 'Twitch, "live" <b>'
    before = frame[COLUMNS]
    if form == "as floats":
        numbers = [name for name in COLUMNS if frame[name].dtype == "Int64"]
        frame = frame.astype(dict.fromkeys(numbers, "float64"))
    elif form == "as objects":
        frame = frame.astype("object")
    elif form == "from CSV":
        frame = pd.read_csv(StringIO(frame.to_csv(index=False)))
    after = there_and_back(frame)
    pd.testing.assert_frame_equal(after[COLUMNS], before, check_dtype=False)
    again = there_and_back(after)
    pd.testing.assert_frame_equal(again[COLUMNS], after[COLUMNS])


def test_days_and_numbers_in_other_clothes() -> None:
    frame = pd.DataFrame({"first_seen": [pd.Timestamp("2025-01-31 10:00"), pd.NaT], "one_word": [7, None]})
    frame["near1"] = pd.Series([np.int64(3), np.float32(2.0)], dtype="object")
    after = there_and_back(frame)
    assert after["first_seen"].tolist()[0] == "2025-01-31" and pd.isna(after["first_seen"][1])
    assert after["one_word"].tolist()[0] == "7.0"
    assert after["near1"].tolist() == [3, 2]


def test_a_text_as_long_as_it_once_could_be_comes_back() -> None:
    """An export of what was answered while twenty thousand characters were allowed."""
    for text in ("x" * 20_000, "é" * 16_000, "\U0001f9ff" * 8_000):
        _, [page] = kept_from(pd.DataFrame({"adult_topic": [text]}), SHOWCASE, STUDY)
        assert json.loads(page["answers"])["adult_topic"] == text
        with pytest.raises(DataError, match="longer than 10,000"):
            there_and_back(pd.DataFrame({"adult_topic": [text + text[0]]}))


def test_the_numbers_of_tests_stay_below_those_of_people() -> None:
    """Or the next person would be assigned as the one after the last test: not alike again in the same order."""
    rows = pd.concat([rows_of({}, assigned=7), rows_of({}, assigned=-3, test=True)], ignore_index=True)
    assert rows["assigned"].tolist() == [7, -3]
    rows["participation"] = ["p1", "p2"]
    assert there_and_back(rows)["assigned"].tolist() == [7, -3]
    unsigned = pd.DataFrame({"assigned": [7, 3, None], "test": [False, True, True]})
    assert there_and_back(unsigned)["assigned"].tolist() == [7, -3, 0]
    assert there_and_back(pd.DataFrame({"assigned": ["first", 10**12]}))["assigned"].tolist() == [0, 0]


def test_declared_parameters_come_back() -> None:
    people, _ = kept_from(pd.DataFrame({"age": [20, 30], "panel": ["abc", None]}), SHOWCASE, STUDY)
    assert [one["external"] for one in people] == [{"panel": "abc"}, {}]


@pytest.mark.parametrize(
    ("columns", "where", "what"),
    [
        ({"topics_1": [2]}, "column 'topics_1'", "holds 2"),
        ({"topics_1": [1], "topics_2": [0.5]}, "column 'topics_1' to 'topics_2'", "holds 0.5"),
        ({f"topics_{end}": [1] for end in range(1, 6)}, "column 'topics_1' to 'topics_5'", "more than 3"),
        ({"reasons_1": [1], "reasons_2": [1]}, "column 'reasons_1' to 'reasons_2'", "holds"),
        ({"reasons_1": [1], "reasons_2": [3]}, "column 'reasons_1' to 'reasons_2'", "holds"),
        ({"reasons_1": ["first"]}, "column 'reasons_1'", "holds 'first'"),
        ({"first_seen": ["31-12-2025"]}, "column 'first_seen'", "is not a day"),
        ({"warmth": [33]}, "column 'warmth'", "not on a step of 5"),
        ({"warmth": [True]}, "column 'warmth'", "not a number"),
        ({"near1": [-99]}, "column 'near1'", "not among the declared values, 1 to 5"),
        ({"one_word": ["x" * 3000]}, "column 'one_word'", "longer than 2,000"),
        ({"welcome": [1]}, "column 'welcome'", "is no item"),
        ({"topics": [1]}, "column 'topics'", "is no item"),
        ({"near1": [np.array([1, 2])]}, "column 'near1'", "holds a value of type ndarray"),
        ({"near1": [[1]]}, "column 'near1'", "holds a value of type list"),
        ({"one_word": [["a"]]}, "column 'one_word'", "holds a value of type list"),
        ({"age": [float("inf")]}, "column 'age'", "exactly"),
        ({"age": [10**5000]}, "column 'age'", "exactly"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(columns: dict[str, list[Any]], where: str, what: str) -> None:
    with pytest.raises(DataError) as refusal:
        kept_from(pd.DataFrame(columns), SHOWCASE, STUDY)
    (problem,) = refusal.value.problems
    assert problem.where == where and what in problem.what and len(str(problem)) < 300


def test_words_without_other_are_left_behind() -> None:
    frame = pd.DataFrame({"follows": [1, 1], "place": [1, -98], "place_other": ["x", "y" * 500]})
    after = there_and_back(frame)
    assert after["place"].tolist() == [1, -98]
    assert pd.isna(after["place_other"][0]) and after["place_other"][1] == "y" * 200
    assert there_and_back(pd.DataFrame({"place_other": ["x"]})).shape[0] == 1


@pytest.mark.parametrize("word", ["=1+1", "+SUM(A1)", "-2+3", "@x", "\tx", "-99", "+31", "-1,5", "-1.5e3", "- 1"])
def test_an_export_holds_no_formula_and_keeps_the_codes(word: str) -> None:
    rows = rows_of({"writing": {"one_word": -99 if word == "-99" else "x"}}).assign(one_word=word)
    (line,) = csv.DictReader(StringIO(rows_as_csv(rows).decode("utf-8-sig"), newline=""))
    assert line["one_word"] == (word if word in ("-99", "+31", "-1,5") else f"'{word}")
