"""Moments: equal to pandas, add up, and refuse what no data can have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, MomentsError, NeedsRows
from analysis.moments import Moments, as_moments, condense, from_correlations, from_rows, require_rows
from analysis.scoring import Scores
from tests.analysis.scores_reference import people, reference, rows_of


def frame(n: int = 40, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(1e4, 2, size=(n, 3)), columns=["a", "b", "c"])


def test_equal_pandas_and_keep_the_rows_behind_them():
    rows = frame().assign(b=lambda d: d.b.where(d.index != 3))
    moments, values = condense(Scores.from_scored(rows, source="simulated"), ["b", "a", "a:b"])
    whole = rows.dropna().assign(**{"a:b": lambda d: d.a * d.b})[["b", "a", "a:b"]]
    np.testing.assert_allclose(moments.cov, whole.cov(), rtol=1e-7)
    np.testing.assert_allclose(moments.mean, whole.mean(), rtol=1e-12)
    np.testing.assert_array_equal(values, whole)
    assert moments.n == 39 and any("1 of 40 rows" in note for note in moments.notes)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(2, 30), st.integers(0, 999))
def test_parts_merge_to_the_whole_in_any_order(first, second, third, seed):
    rows = frame(first + second + third, seed).to_numpy()
    names = ("a", "b", "c")
    parts = [from_rows(part, names) for part in np.split(rows, [first, first + second])]
    whole = from_rows(rows, names)
    for order in ((0, 1, 2), (2, 0, 1)):
        merged = parts[order[0]].merge(parts[order[1]]).merge(parts[order[2]])
        assert merged.n == whole.n
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
        np.testing.assert_allclose(merged.cov, whole.cov, rtol=1e-6, atol=1e-9)


def test_synthetic_is_never_lost():
    rows = frame().to_numpy()
    real, made = from_rows(rows, "abc"), from_rows(rows, "abc", synthetic=True)
    assert real.merge(made).synthetic and made.merge(real).synthetic
    assert made.select(["b"]).synthetic
    assert as_moments(Scores.from_scored(frame().assign(synthetic=True), source="s"), ["a"]).synthetic


def test_a_lower_triangle_is_enough_and_sds_scale():
    table = from_correlations(["a", "b"], np.array([[1, 0], [0.5, 1]]), n=50, sd=[2, 3], mean=[1, 4], source="paper")
    assert table.cov.tolist() == [[4, 3], [3, 9]]
    assert table.correlations.tolist() == [[1, 0.5], [0.5, 1]]
    assert table.select(["b"]).mean.tolist() == [4]


@pytest.mark.parametrize(
    ("correlations", "arguments", "match"),
    [
        ([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], {}, "no data can have"),
        ([[1, 1.2, 0], [1.2, 1, 0], [0, 0, 1]], {}, "impossible"),
        ([[2, 0, 0], [0, 1, 0], [0, 0, 1]], {}, "impossible"),
        ([[1, 0], [0, 1]], {}, "shape"),
        (np.eye(3), {"sd": [1, -1, 1]}, "above zero"),
        (np.eye(3), {"n": 1}, "at least two rows"),
    ],
)
def test_impossible_tables_are_refused(correlations, arguments, match):
    with pytest.raises(MomentsError, match=match):
        from_correlations(["a", "b", "c"], np.array(correlations), **{"n": 90, **arguments})


def test_asymmetric_doubled_or_misshapen_moments_are_refused():
    with pytest.raises(MomentsError, match="symmetric"):
        Moments(("a", "b"), 9, np.zeros(2), np.array([[1, 0.5], [0.2, 1]]))
    with pytest.raises(MomentsError, match="stands twice"):
        Moments(("a", "a"), 9, np.zeros(2), np.eye(2))
    with pytest.raises(MomentsError, match="1 names, but means"):
        Moments(("a",), 9, np.zeros(2), np.eye(2))
    with pytest.raises(MomentsError, match="negative"):
        Moments(("a", "b"), 9, np.zeros(2), np.diag([1.0, -1.0]))


def test_constant_columns_and_single_rows_are_named():
    rows = frame().assign(b=3.0)
    with pytest.raises(DataError, match="'b'"):
        as_moments(Scores.from_scored(rows, source="s"), ["a", "b"])
    with pytest.raises(DataError, match="1 complete row"):
        as_moments(Scores.from_scored(rows.head(1), source="s"), ["a"])


def test_what_needs_people_says_so():
    table = from_correlations(["a"], np.eye(1), n=9, source="a paper")
    with pytest.raises(NeedsRows, match="a paper: The product term 'a:b' needs the answers of people"):
        as_moments(table, ["a:b"])
    with pytest.raises(DataError, match="'z'"):
        table.select(["z"])
    scores = Scores.from_scored(frame(), source="s")
    assert require_rows(scores, "A picture") is scores


@pytest.mark.parametrize("mean", [0.0, 1e6, 1e12])
@pytest.mark.parametrize("unit", [1e-24, 1e-12, 1.0, 1e15])
def test_large_means_and_strange_units_cost_no_digits(mean, unit):
    rows = np.random.default_rng(4).integers(-500, 500, size=(20_000, 3)).astype(float)
    scores = Scores.from_scored(pd.DataFrame((rows + mean) * unit, columns=list("abc")), source="s")
    exact = ((rows + mean) * unit - mean * unit) / unit
    found = as_moments(scores, ["a", "b", "c"])
    assert found.cov / unit**2 == pytest.approx(np.cov(exact, rowvar=False), rel=1e-9)


def test_numbers_that_cannot_be_squared_are_named():
    tiny = Scores.from_scored(frame() * 1e-200, source="s")
    with pytest.raises(DataError, match="'a': no value is above"):
        as_moments(tiny, ["a", "b"])
    huge = Scores.from_scored(frame() * 1e200, source="s")
    with pytest.raises(DataError, match=r"'a': row 1 .*too large"):
        as_moments(huge, ["a", "b"])


def test_complete_rows_and_products_equal_cov_in_r():
    r = reference()["moments"]
    found = as_moments(Scores.from_scored(rows_of("gaps"), source="r"), ["y", "x", "w", "x:w"])
    assert found.n == r["n"]
    np.testing.assert_allclose(found.mean, r["mean"], rtol=1e-12)
    np.testing.assert_allclose(found.cov, r["cov"], rtol=1e-10)


def test_parts_add_up_to_what_r_says_of_all_and_its_table_stands_for_them():
    r = reference()["moments"]["table"]
    names = ["y", "x", "w"]
    first, second, third = (
        from_rows(part, names) for part in np.split(people().frame[names].to_numpy(float), [31, 100])
    )
    table = from_correlations(names, np.array(r["cor"]), n=150, sd=r["sd"], mean=r["mean"])
    for found in (first.merge(second).merge(third), table, as_moments(people(), names)):
        assert found.n == 150
        np.testing.assert_allclose(found.correlations, r["cor"], rtol=1e-10)
        np.testing.assert_allclose(found.sd, r["sd"], rtol=1e-10)
        np.testing.assert_allclose(found.mean, r["mean"], rtol=1e-12)
