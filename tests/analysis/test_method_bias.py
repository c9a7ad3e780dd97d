"""Full collinearity, the single factor, and the marker against R."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, MomentsError
from analysis.method_bias import COLLINEARITY, MARKER, adjust_for_marker, full_collinearity, single_factor
from analysis.model import parse_model
from analysis.moments import as_moments, from_correlations, from_rows
from analysis.paths import fit_paths
from tests.analysis.measurement_reference import blocks, item_moments, reference, shared, shared_data, simulated

SCALES = ["psi", "trust", "buy"]


def test_full_collinearity_equals_lm() -> None:
    found = full_collinearity(simulated(), SCALES)
    assert tuple(found.columns) == COLLINEARITY
    np.testing.assert_allclose(found["vif"], list(_values(reference()["bias"]["vif"])), rtol=1e-10)
    np.testing.assert_allclose(found["r_squared"], 1 - 1 / found["vif"], rtol=1e-12)


def test_single_factor_equals_r_and_clears_nothing() -> None:
    r = reference()["bias"]
    found = single_factor(simulated(), item_moments().names)
    assert found.component_share == pytest.approx(r["component_share"], rel=1e-10)
    assert found.factor_share == pytest.approx(r["factor_share"], rel=1e-6)
    assert (found.loadings["loading"] ** 2).mean() == pytest.approx(found.factor_share, rel=1e-12)
    assert "clears nothing" in found.notes[-1]


def test_bfi_single_factor_equals_psych() -> None:
    r = shared("02_efa_bfi.json")
    frame = shared_data("bfi.csv")[list(r["kmo_items"])].dropna()
    found = single_factor(from_rows(frame.to_numpy(float), list(frame), source="bfi"), list(frame))
    assert found.component_share == pytest.approx(r["harman_pca_first_share"], rel=1e-9)
    assert found.factor_share == pytest.approx(r["harman_paf_first_share"], rel=1e-3)  # principal axes stop early


def test_marker_equals_r() -> None:
    r = reference()["bias"]["marker"]
    found = adjust_for_marker(simulated(), SCALES, "colour")
    assert tuple(found.table.columns) == MARKER
    assert found.method_correlation == pytest.approx(r["taken"], rel=1e-10)
    for column, key in (("adjusted", "adjusted"), ("adjusted_statistic", "statistic"), ("p_value", "raw_p")):
        np.testing.assert_allclose(found.table[column], r[key], rtol=1e-8, err_msg=column)
    np.testing.assert_allclose(found.table["adjusted_p_value"], r["p_value"], rtol=1e-8)
    assert (found.table["adjusted_df"] == reference()["n"] - 3).all()


def test_paths_run_on_the_adjusted_moments() -> None:
    found = adjust_for_marker(simulated(), SCALES, "colour")
    model = parse_model("buy ~ psi + trust")
    slopes = fit_paths(model, found.moments, interval="delta").coefficients.set_index("term")["estimate"]
    expected = list(_values(reference()["bias"]["marker"]["slopes"]))
    assert slopes[["psi", "trust"]].tolist() == pytest.approx(expected, rel=1e-9)
    before = as_moments(simulated(), SCALES)
    np.testing.assert_allclose(found.moments.sd, before.sd, rtol=1e-12)
    assert found.moments.n == before.n and "adjusted for colour" in found.moments.source
    assert any("was taken out" in note for note in found.moments.notes)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999))
def test_identities(seed: int) -> None:
    scores = blocks(seed=seed, scales=3)
    items = list(scores.items)
    vif = full_collinearity(scores, items).set_index("variable")
    turned = full_collinearity(scores, items[::-1]).set_index("variable")
    np.testing.assert_allclose(vif.loc[items, "vif"], turned.loc[items, "vif"], rtol=1e-9)
    assert (vif["vif"] >= 1 - 1e-12).all()
    found = adjust_for_marker(scores, items[:-1], items[-1])
    pair = found.table.iloc[0]
    assert pair["adjusted"] * (1 - found.method_correlation) + found.method_correlation == pytest.approx(
        pair["correlation"], rel=1e-12
    )
    assert (found.table["adjusted"] <= found.table["correlation"] + 1e-12).all()


def test_a_marker_without_positive_correlation_takes_nothing_out() -> None:
    r = np.array([[1, 0, 0], [0.5, 1, 0], [-0.1, -0.2, 1]])
    table = from_correlations(["psi", "buy", "marker"], r, n=120)
    found = adjust_for_marker(table, ["psi", "buy"], "marker")
    assert found.method_correlation == 0 and found.nearest == ""
    assert found.table["adjusted"][0] == pytest.approx(0.5, rel=1e-12)
    assert "nothing was taken out" in found.notes[-1]


def test_a_marker_with_both_signs_is_doubted() -> None:
    r = np.array([[1, 0, 0], [0.5, 1, 0], [0.1, -0.2, 1]])
    found = adjust_for_marker(from_correlations(["psi", "buy", "marker"], r, n=120), ["psi", "buy"], "marker")
    assert found.nearest == "psi" and "a marker must not" in found.notes[-1]


def test_a_marker_that_takes_out_too_much_is_refused() -> None:
    r = np.full((4, 4), 0.1)
    np.fill_diagonal(r, 1)
    r[3, :3] = r[:3, 3] = 0.55
    with pytest.raises(MomentsError, match=r"'marker'.*no data can have"):
        adjust_for_marker(from_correlations(["a", "b", "c", "marker"], r, n=99), ["a", "b", "c"], "marker")


def test_bad_variables_are_named() -> None:
    scores = blocks()
    with pytest.raises(DataError, match="two variables or more"):
        full_collinearity(scores, ["a"])
    with pytest.raises(DataError, match=r"'a'.*twice"):
        adjust_for_marker(scores, ["a", "b"], "a")
    with pytest.raises(DataError, match="beside the marker"):
        adjust_for_marker(scores, ["a"], "b")
    with pytest.raises(DataError, match="determine each other"):
        full_collinearity(scores, ["a", "a0", "a1", "a2"])
    with pytest.raises(DataError, match="no such column"):
        full_collinearity(scores, ["a", "nothing"])
    four = from_correlations(["a", "b", "m"], np.eye(3), n=3)
    with pytest.raises(DataError, match="four or more"):
        adjust_for_marker(four, ["a", "b"], "m")


def _values(found: object) -> list[float]:
    return list(found.values()) if isinstance(found, dict) else list(found)  # type: ignore[call-overload]
