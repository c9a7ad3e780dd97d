"""Scoring: keyed exactly once, omissions written down, cells that cannot be used named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.instrument import Choices, Instrument, Item, Scale, load_instrument
from analysis.scoring import Scores, as_numbers, is_synthetic, keyed_item, score, score_scales
from tests.analysis.scores_reference import reference, rows_of

AGREE = Choices("agree", (1, 2, 3, 4, 5), {"en": ("1", "2", "3", "4", "5")})


def instrument(minimum_share: float = 0.5) -> Instrument:
    items = tuple(Item(f"s{number}", {"en": f"s{number}"}, choices=AGREE, reverse=number == 2) for number in (1, 2, 3))
    scale = Scale("social", {"en": "S"}, ("s1", "s2", "s3"), minimum_share=minimum_share)
    return Instrument("small", "1", {"en": "Small"}, ("en",), items, (scale,), ())


def test_reverse_items_are_turned_once_and_scores_are_means():
    scores = score(pd.DataFrame({"s1": [5, 1], "s2": [1, 4], "s3": [4, 3], "age": [20, 30]}), instrument())
    assert scores.frame["social"].tolist() == [(5 + 5 + 4) / 3, (1 + 2 + 3) / 3]
    assert scores.items["s2"].tolist() == [5, 2]
    assert scores.frame["age"].tolist() == [20, 30]
    assert not set(scores.items) & set(scores.frame)


@given(st.lists(st.sampled_from([1, 2, 3, 4, 5]), min_size=1, max_size=20))
def test_turning_twice_is_turning_back(answers):
    once = keyed_item(pd.Series(answers, name="i"), True, span=(1, 5))
    assert keyed_item(pd.Series(once, name="i"), True, span=(1, 5)).tolist() == answers


def test_too_few_answers_give_no_score_and_a_note():
    rows = pd.DataFrame({"s1": [5, np.nan, 4], "s2": [np.nan, np.nan, 2], "s3": [4, 3, 3]})
    scores = score(rows, instrument())
    assert scores.frame["social"].tolist()[0] == 4.5
    assert np.isnan(scores.frame["social"].tolist()[1])
    assert any("1 of 3 rows answered too few" in note for note in scores.notes)
    assert score(rows, instrument(1.0)).frame["social"].isna().tolist() == [True, True, False]


def test_empty_text_is_missing_and_numbers_in_text_are_numbers():
    assert np.isnan(as_numbers(pd.Series(["", " ", None]))).all()
    assert as_numbers(pd.Series([" 3 ", "4.5"])).tolist() == [3, 4.5]
    assert as_numbers(pd.Series([1, None, 3], dtype="Int64")).tolist()[::2] == [1, 3]


@pytest.mark.parametrize("cells", [["1", "often"], ["1", "nan"], [1.0, np.inf]])
def test_cells_that_are_no_numbers_are_named_with_their_row(cells):
    with pytest.raises(DataError, match=r"column 's1': row 2 \("):
        as_numbers(pd.Series(cells, name="s1"))


def test_undeclared_values_are_refused_all_at_once():
    with pytest.raises(DataError) as caught:
        score(pd.DataFrame({"s1": [9], "s2": [0], "s3": [3]}), instrument())
    assert [problem.where for problem in caught.value.problems] == ["column 's1'", "column 's2'"]
    assert "declared values 1, 2, 3, 4, 5" in str(caught.value)


def test_scales_named_item_by_item():
    rows = pd.DataFrame({"a1": [7, 1], "a2": [2, 6], "x": [1.5, 2.5], "synthetic": [False, True]})
    scores = score_scales(rows, {"a": ["a1", "-a2"]}, span=(1, 7), source="file")
    assert scores.frame["a"].tolist() == [6.5, 1.5]
    assert scores.frame["x"].tolist() == [1.5, 2.5]
    assert scores.synthetic and scores.scales == {"a": ("a1", "a2")}


@pytest.mark.parametrize(
    ("scales", "span", "match"),
    [
        ({"a": ["a9"]}, None, "no such column"),
        ({"a": []}, None, "has no items"),
        ({"a": ["-a1"]}, None, "needs its range"),
        ({"a": ["a1"], "b": ["a1"]}, None, "belongs to 'a' already"),
        ({"x": ["a1"]}, None, "has that name already"),
        ({"a": ["a1"]}, (1, 5), "outside the range 1 to 5"),
    ],
)
def test_scales_that_cannot_be_scored(scales, span, match):
    rows = pd.DataFrame({"a1": [7, 1], "a2": [2, 6], "x": [1, 2]})
    with pytest.raises(DataError, match=match):
        score_scales(rows, scales, span=span, source="file")


def test_columns_that_stand_twice_and_empty_files_are_refused():
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="a stand twice"):
        Scores.from_scored(twice, source="file")
    with pytest.raises(DataError, match="not a single row"):
        Scores.from_scored(pd.DataFrame({"a": []}), source="file")


def test_people_left_out_are_written_down():
    scores = Scores.from_scored(pd.DataFrame({"a": [1.0, 2, 3]}), source="file")
    kept = scores.keep(np.array([True, False, True]), "failed the check").keep(np.array([False, True]), "too fast")
    assert kept.frame["a"].tolist() == [3]
    assert kept.left_out["reason"].tolist() == ["failed the check", "too fast"]


def test_equal_data_have_equal_digests_and_others_do_not():
    frame = pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"]})
    first, same = (Scores.from_scored(frame.copy(), source=source) for source in ("one", "two"))
    assert first.digest == same.digest
    for other in (frame.rename(columns={"a": "c"}), frame.assign(a=[1.0, 3]), frame.iloc[::-1]):
        assert Scores.from_scored(other, source="one").digest != first.digest


def test_synthetic_is_read_in_any_spelling():
    for mark in (True, 1, "yes", "TRUE", 1.0):
        assert is_synthetic(pd.DataFrame({"synthetic": [mark]})), mark
    for mark in (False, 0, "no", None):
        assert not is_synthetic(pd.DataFrame({"synthetic": [mark]})), mark


# -- prefer not to say ------------------------------------------------------------------------------------------------

SHOWCASE = load_instrument("showcase")


@pytest.mark.parametrize("dtype", ["Int64", "int64", "float64", "object", "string"])
def test_whoever_prefers_not_to_say_has_no_score(dtype: str) -> None:
    rows = pd.DataFrame({"near1": [5, 5], "near2": [1, 1], "near3": [-99, 1], "age": [-99, 30]}).astype(dtype)
    scores = score(rows, SHOWCASE)
    assert scores.column("near3").tolist()[1] == 1 and np.isnan(scores.column("near3")[0])
    assert scores.frame["nearness"].tolist() == [5, pytest.approx(11 / 3)]
    assert np.isnan(scores.column("age")[0]) and scores.column("age")[1] == 30


def test_a_code_where_it_is_not_offered_is_refused() -> None:
    with pytest.raises(DataError, match=r"near1.*-99"):
        score(pd.DataFrame({"near1": [-99, 3], "near2": [1, 2], "near3": [1, 2]}), SHOWCASE)


def test_texts_and_lists_lose_the_code_too() -> None:
    rows = pd.DataFrame(
        {"near1": [5, 5], "one_word": ["-99", "sun"], "topics_1": [-99, 1], "topics_other": ["-99", None]}
    )
    frame = score(rows, SHOWCASE).frame
    assert frame["one_word"].isna().tolist() == [True, False]
    assert frame["topics_1"].isna().tolist() == [True, False]
    assert frame["topics_other"].tolist()[0] == "-99"  # words somebody typed


def test_a_slider_is_turned_round_by_its_ends_and_refused_beyond_them() -> None:
    items = (
        Item("s1", {}, kind="slider", minimum=0, maximum=10),
        Item("s2", {}, kind="slider", minimum=0, maximum=10, reverse=True),
    )
    sliders = Instrument("s", "1", {}, ("en",), items, (Scale("warm", {}, ("s1", "s2")),), ())
    assert score(pd.DataFrame({"s1": [8, 0], "s2": [2.5, 10]}), sliders).frame["warm"].tolist() == [7.75, 0]
    with pytest.raises(DataError, match="range 0 to 10"):
        score(pd.DataFrame({"s1": [11, 3], "s2": [1, 2]}), sliders)


@pytest.mark.parametrize(("share", "key"), [(0.5, "half"), (0.8, "four_of_five"), (1.0, "all")])
def test_scores_are_the_row_means_of_r_where_enough_is_answered(share: float, key: str) -> None:
    rows = rows_of("items")
    expected = np.array(reference()["scoring"][key], dtype=float)
    seven = Choices("seven", (1, 2, 3, 4, 5, 6, 7), {"en": tuple("1234567")})
    items = tuple(Item(name, {"en": name}, choices=seven, reverse=name == "t3") for name in rows)
    scale = Scale("trust", {"en": "T"}, tuple(rows), minimum_share=share)
    asked = Instrument("r", "1", {"en": "R"}, ("en",), items, (scale,), ())
    np.testing.assert_allclose(score(rows, asked).frame["trust"], expected, rtol=1e-12)
    assert 0 < np.isnan(expected).sum() < len(expected)
    if share == 0.5:
        named = score_scales(rows, {"trust": ["t1", "t2", "-t3", "t4", "t5"]}, span=(1, 7), source="r")
        np.testing.assert_allclose(named.frame["trust"], expected, rtol=1e-12)
