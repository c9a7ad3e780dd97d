from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.instrument import Choices, Instrument, Item, Page, Scale, load_instrument
from analysis.quality import (
    EVIDENCE,
    HINTS,
    REASONS,
    Thresholds,
    careless_indices,
    excluded_by,
    exclusion_flow,
    flag_careless,
    rating_instrument,
)
from analysis.simulate import simulate_answers

SHARED = Path(__file__).resolve().parents[3] / "shared"
FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "quality.json").read_text(encoding="utf-8"))
CORE = load_instrument("psi_core")


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project (looked in {SHARED})")
    return path


def indices(table: list[list[float | None]], **options: object) -> pd.DataFrame:
    rows = pd.DataFrame(table, columns=[f"i{number}" for number in range(len(table[0]))])
    return careless_indices(rows, rating_instrument(rows, **options))  # type: ignore[arg-type]


def test_equal_to_r_on_five_hundred_people() -> None:
    reference = json.loads(shared("reference", "12_missing_careless_bf.json").read_text())["careless"]
    bfi = pd.read_csv(shared("reference", "data", "bfi.csv")).iloc[:, :25].dropna().iloc[:500]
    reverse = {"A1", "C4", "C5", "E1", "E2", "O2", "O5"}
    scales = {
        trait: [("-" if item in reverse else "") + item for item in bfi.columns if item[0] == trait]
        for trait in "ACENO"
    }
    found = careless_indices(bfi, rating_instrument(bfi, scales=scales, span=(1, 6)))
    for ours, theirs in {
        "longstring": "longstring",
        "average_longstring": "avgstr",
        "irv": "irv",
        "mahalanobis_sq": "mahalanobis_sq",
        "person_total": "person_total_cor",
        "even_odd": "even_odd",
    }.items():
        expected = np.array(reference[theirs], dtype=float)
        if ours == "even_odd":  # stepping up a strongly negative correlation leaves the range; ours stops at -1
            expected = np.maximum(expected, -1)
        np.testing.assert_allclose(found[ours], expected, rtol=1e-10, atol=1e-12, err_msg=ours)


def as_asked_in_r() -> tuple[pd.DataFrame, Instrument]:
    """The answers of tests/reference/quality.R, and their instrument: 16 ratings, an attention check, an age."""
    rows = pd.DataFrame(FROZEN["data"], dtype=float)
    agree = Choices("agree", (1, 2, 3, 4, 5), {})
    ratings = [name for name in rows if name not in ("attend", "age", "seconds")]
    items = [Item(name, {}, choices=agree, reverse=name in FROZEN["reverse"]) for name in ratings]
    items += [Item("attend", {}, choices=agree, check=2), Item("age", {}, kind="number")]
    scales = tuple(Scale(letter, {}, tuple(name for name in ratings if name[0] == letter)) for letter in "abcd")
    pages = (Page("all", {}, tuple(item.id for item in items)),)
    return rows, Instrument("r", "1", {}, (), tuple(items), scales, pages)


def test_every_index_is_r_s_also_where_answers_are_missing() -> None:
    found = careless_indices(*as_asked_in_r())
    assert set(found) == set(FROZEN["index"])
    for name, expected in FROZEN["index"].items():
        theirs = np.array(expected, dtype=float)
        assert np.isfinite(theirs).sum() > 100
        np.testing.assert_allclose(found[name], theirs, rtol=1e-10, atol=1e-12, err_msg=name)


def test_every_flag_and_the_flow_are_r_s() -> None:
    rows, instrument = as_asked_in_r()
    flags = flag_careless(rows, instrument)
    for name, expected in FROZEN["flags"].items():
        assert 0 < sum(expected) < len(rows), name
        assert flags[name].tolist() == expected, name
    flow = exclusion_flow(rows, flags, FROZEN["flow"]["reason"]).iloc[1:]
    for name in ("reason", "flagged", "excluded", "remaining"):
        assert flow[name].tolist() == FROZEN["flow"][name]


def test_hanoi_has_ten_straight_liners_and_twenty_four_long_runs() -> None:
    hanoi = pd.read_csv(shared("data", "hanoi_impulse.csv"))
    instrument = rating_instrument(hanoi)
    assert len(instrument.items) == 52
    found = careless_indices(hanoi, instrument)
    assert int((found["longstring"] == 52).sum()) == 10
    assert int((found["longstring"] >= 26).sum()) == 24
    flags = flag_careless(hanoi, instrument)
    assert int(flags["longstring"].sum()) == 24
    assert flags.loc[found["longstring"] == 52, "irv_low"].all()
    flow = exclusion_flow(hanoi, flags, ["longstring", "irv_low", "duplicate"])
    assert flow["remaining"].tolist()[0] == 272
    assert flow["excluded"].sum() == 272 - flow["remaining"].iloc[-1]


def test_runs_by_hand() -> None:
    found = indices([[1, 1, 1, 2, 2, 3], [1, 2, 3, 1, 2, 3], [2, None, 2, 2, 3, None], [None] * 6])
    assert found["longstring"].tolist()[:3] == [3, 1, 3]
    assert found["average_longstring"].tolist()[:3] == [2, 1, 2]
    assert found["answered"].tolist() == [6, 6, 4, 0]
    assert found.loc[3, ["longstring", "average_longstring", "irv", "mahalanobis_sq"]].isna().all()


def test_response_variability_by_hand() -> None:
    found = indices([[1, 1, 5, 5], [3, 3, 3, 3], [1, None, 3, None], [2, None, None, None]])
    assert found["irv"].tolist()[:3] == pytest.approx([np.sqrt(16 / 3), 0, np.sqrt(2)])
    assert np.isnan(found["irv"][3])


def test_even_odd_by_hand() -> None:
    """Three scales of two items: the halves are (1, 3, 5) and (2, 4, 3), r = .5, stepped up 2/3."""
    scales = {"a": ["i0", "i1"], "b": ["i2", "i3"], "c": ["i4", "i5"]}
    found = indices([[1, 2, 3, 4, 5, 3], [1, 5, 3, 3, 5, 1]], scales=scales, span=(1, 5))
    assert found["even_odd"].tolist() == pytest.approx([2 * 0.5 / 1.5, -1])
    turned = {"a": ["i0", "-i1"], "b": ["i2", "-i3"], "c": ["i4", "-i5"]}
    found = indices([[1, 4, 3, 2, 5, 3]], scales=turned, span=(1, 5))
    assert found["even_odd"].tolist() == pytest.approx([2 * 0.5 / 1.5])


def test_duplicates_and_person_total_by_hand() -> None:
    found = indices([[1, 2, 3], [1, 2, 3], [3, 2, 1], [1, 2, None]])
    assert found["duplicates"].tolist() == [1, 1, 0, 0]
    means = np.array([1.5, 2, 7 / 3])
    expected = [np.corrcoef([1, 2, 3], means)[0, 1], np.corrcoef([3, 2, 1], means)[0, 1]]
    assert found["person_total"].tolist()[1:3] == pytest.approx(expected)


def test_mahalanobis_with_missing_answers_uses_the_items_answered() -> None:
    rng = np.random.Generator(np.random.SFC64(1))
    table = pd.DataFrame(rng.integers(1, 6, (60, 3)).astype(float), columns=["a", "b", "c"])
    table.loc[0, "b"] = np.nan
    found = careless_indices(table, rating_instrument(table))
    whole = table.iloc[1:]
    away = (table.iloc[0] - whole.mean())[["a", "c"]].to_numpy()
    expected = away @ np.linalg.inv(whole[["a", "c"]].cov().to_numpy()) @ away
    assert found["mahalanobis_sq"][0] == pytest.approx(expected)
    assert found["mahalanobis_p"][0] == pytest.approx(np.exp(-expected / 2))  # chi-square with two df


def test_synonyms_and_antonyms() -> None:
    """Three pairs that go together, three against each other; one person answers the other way round."""
    rng = np.random.Generator(np.random.SFC64(2))
    first = rng.integers(1, 6, (200, 3))
    table = pd.DataFrame(np.hstack([first, first]), columns=list("abcdef"))
    table.loc[0] = [1, 3, 5, 5, 3, 1]
    found = careless_indices(table, rating_instrument(table))
    assert found["synonyms"][0] == pytest.approx(-1)
    assert found["synonyms"].iloc[1:].dropna().to_numpy() == pytest.approx(1)
    assert found["antonyms"].isna().all()
    turned = table.assign(d=6 - table["d"], e=6 - table["e"], f=6 - table["f"])
    found = careless_indices(turned, rating_instrument(turned))
    assert found["antonyms"][0] == pytest.approx(1)
    assert found["synonyms"].isna().all()
    assert flag_careless(turned, rating_instrument(turned))["antonyms"][0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "table",
    [
        [[3, 3, 3]],
        [[3, 3, 3], [3, 3, 3]],
        [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 5], [1, 1, 1]],
        [[1, None, None], [None, 2, None], [None, None, None], [4, 5, 3]],
        [[1], [2], [3]],
    ],
)
def test_thin_data_give_missing_indices_and_no_warning(table: list[list[float | None]]) -> None:
    rows = pd.DataFrame(table, columns=[f"i{number}" for number in range(len(table[0]))], dtype=float)
    flags = flag_careless(rows, rating_instrument(rows, items=list(rows.columns), span=(1, 5)))
    assert len(flags) == len(rows)
    assert not np.isinf(careless_indices(rows, rating_instrument(rows, span=(1, 5), items=list(rows)))).any().any()


def test_the_careless_are_found_and_the_attentive_left_alone() -> None:
    attentive = flag_careless(simulate_answers(CORE, 4000, seed=5, careless=0), CORE)
    careless = flag_careless(simulate_answers(CORE, 4000, seed=5, careless=1), CORE)
    assert attentive["flagged"].mean() < 0.05
    assert careless["flagged"].mean() > 0.95


def test_flags_and_reasons_agree_and_no_row_is_lost() -> None:
    rows = simulate_answers(CORE, 500, seed=9, careless=0.2)
    before = rows.copy()
    flags = flag_careless(rows, CORE)
    pd.testing.assert_frame_equal(rows, before)
    assert flags.index.equals(rows.index)
    for _, row in flags.iterrows():
        named = [reason for reason in REASONS if row[reason]]
        assert row["reasons"] == ", ".join(named)
        hints = sum(row[reason] for reason in HINTS)
        assert row["flagged"] == (any(row[reason] for reason in EVIDENCE) or hints >= 3)
    stricter = flag_careless(rows, CORE, thresholds=Thresholds(seconds_per_item=1000))
    assert stricter["too_fast"].all()


def test_the_attention_check_and_the_clock() -> None:
    rows = simulate_answers(CORE, 2, seed=1, careless=0).assign(attention1=[6, 2], seconds=[390.0, 39.0])
    rows[["age", "gender", "education"]] = 1
    found = careless_indices(rows, CORE)
    assert found["checks_failed"].tolist() == [0, 1]
    assert found["seconds_per_item"].tolist() == [10, 1]
    flags = flag_careless(rows, CORE)
    assert flags["checks_failed"].tolist() == [False, True]
    assert flags["too_fast"].tolist() == [False, True]


def test_the_clock_counts_all_influencers_of_a_participation() -> None:
    agree = Choices("agree", (1, 2, 3), {})
    items = (Item("a", {}, choices=agree), Item("b", {}, choices=agree), Item("age", {}, kind="number"))
    pages = (Page("p", {}, ("a", "b"), per_influencer=True), Page("q", {}, ("age",)))
    instrument = Instrument("x", "1", {}, (), items, (), pages)
    rows = pd.DataFrame(
        {"participation": ["x", "x", "y"], "seconds": [50.0, 50.0, 9.0], "a": [1, 2, 3], "b": [1, 3, 3], "age": 20}
    )
    assert careless_indices(rows, instrument)["seconds_per_item"].tolist() == [10, 10, 3]


def test_duplicates_need_enough_items_to_be_evidence() -> None:
    few, many = pd.DataFrame([[2, 3, 4]] * 2), pd.DataFrame([[2, 3, 4, 5, 6] * 2] * 2)
    for table, expected in ((few, False), (many, True)):
        rows = table.rename(columns="i{}".format)
        assert flag_careless(rows, rating_instrument(rows))["duplicate"].tolist() == [expected] * 2


# -- the flow of exclusions -------------------------------------------------------------------------------------------


def test_the_flow_adds_up_in_any_order() -> None:
    rows = simulate_answers(CORE, 1000, seed=9, careless=0.2)
    flags = flag_careless(rows, CORE)
    for decision in (list(REASONS), list(reversed(REASONS)), ["flagged"], [], ["even_odd", "longstring"]):
        flow = exclusion_flow(rows, flags, decision)
        assert flow["reason"].tolist() == ["all", *decision]
        steps = flow["remaining"].tolist()
        assert steps[0] == 1000
        assert [a - b for a, b in pairwise(steps)] == flow["excluded"].tolist()[1:]
        assert steps[-1] == int((excluded_by(flags, decision) == "").sum())
        assert (flow["excluded"] <= flow["flagged"]).all()


def test_flags_of_other_rows_and_unknown_reasons_are_refused() -> None:
    rows = simulate_answers(CORE, 10, seed=9)
    flags = flag_careless(rows, CORE)
    with pytest.raises(DataError, match="10 rows were flagged"):
        exclusion_flow(rows.head(9), flags, ["flagged"])
    with pytest.raises(DataError, match=r"'tired' is no reason"):
        exclusion_flow(rows, flags, ["tired"])
    with pytest.raises(DataError, match="stands twice"):
        excluded_by(flags, ["even_odd", "even_odd"])


# -- data without an instrument ---------------------------------------------------------------------------------------


def test_rating_columns_are_found_among_others() -> None:
    rows = pd.DataFrame(
        {
            "name": ["x", "y", "z"],
            "seconds": [4, 5, 6],
            "synthetic": [True, False, True],
            "psi1": [1, 5, None],
            "psi2": ["1", "4", " "],
            "weight": [70, 60, 50],
            "share": [0.5, 0.4, 1.0],
        }
    )
    instrument = rating_instrument(rows)
    assert [item.id for item in instrument.items] == ["psi1", "psi2"]
    assert instrument.items[0].choices is not None
    assert instrument.items[0].choices.span == (1, 5)


def test_named_items_scales_and_range_are_taken_as_given() -> None:
    rows = pd.DataFrame({"a": [2, 3], "b": [3, 2], "c": [2, 2]})
    instrument = rating_instrument(rows, scales={"s": ["a", "-b"]}, span=(1, 7))
    assert [(item.id, item.reverse) for item in instrument.items] == [("a", False), ("b", True)]
    assert instrument.scales == (Scale("s", {}, ("a", "b")),)


def test_what_cannot_be_used_is_named() -> None:
    rows = pd.DataFrame({"a": [2, 3], "b": [3, 2]})
    with pytest.raises(DataError, match="column 'x'") as caught:
        rating_instrument(rows, items=["x", "y"])
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="no column looks like a rating item"):
        rating_instrument(pd.DataFrame({"name": ["x"]}))
    with pytest.raises(DataError, match="no range of ratings"):
        rating_instrument(pd.DataFrame({"a": [0, 10_000_000]}), items=["a"])
    with pytest.raises(DataError, match="column 'a'"):
        careless_indices(rows.assign(a=9), rating_instrument(rows, span=(1, 7)))
    with pytest.raises(DataError, match="no rating item"):
        careless_indices(pd.DataFrame({"z": [1]}), CORE)
    with pytest.raises(DataError, match="not a single row"):
        careless_indices(simulate_answers(CORE, 1, seed=1).head(0), CORE)
