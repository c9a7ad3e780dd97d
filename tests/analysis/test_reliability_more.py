"""Omega, standardised alpha, Spearman-Brown and item statistics against R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.moments import Moments, as_moments, from_correlations
from analysis.reliability import alpha, item_statistics, omega, reliability_table, scales_of, spearman_brown
from analysis.scoring import score_scales
from tests.analysis.measurement_reference import blocks, reference, shared, shared_data, simulated

ITEM_COLUMNS = ["mean", "sd", "item_rest", "alpha_if_dropped"]


@pytest.mark.parametrize("scale", ["psi", "trust", "buy"])
def test_equals_psych_lavaan_and_semtools(scale: str) -> None:
    r, items = reference()["reliability"][scale], reference()["scales"][scale]
    a, o = alpha(simulated(), items), omega(simulated(), items)
    assert [a.alpha, a.conf_low, a.conf_high, a.std_alpha] == pytest.approx(
        [r["alpha"], r["low"], r["high"], r["std_alpha"]], rel=1e-10
    )
    assert [o.omega, o.omega_observed] == pytest.approx([r["omega"], r["omega_observed"]], rel=1e-7)
    assert [o.conf_low, o.conf_high] == pytest.approx([r["omega_low"], r["omega_high"]], rel=1e-6)
    found = item_statistics(simulated(), {scale: items})
    expected = pd.DataFrame(r["items"])
    assert found["item"].tolist() == expected["item"].tolist()
    np.testing.assert_allclose(found[ITEM_COLUMNS].to_numpy(), expected[ITEM_COLUMNS].to_numpy(), rtol=1e-10)


def test_the_table_holds_the_same_numbers() -> None:
    table = reliability_table(simulated()).set_index("scale")
    for scale, r in reference()["reliability"].items():
        found = table.loc[scale, ["std_alpha", "omega", "omega_low", "omega_high"]].astype(float).tolist()
        assert found == pytest.approx([r["std_alpha"], r["omega"], r["omega_low"], r["omega_high"]], rel=1e-6)
    assert table["spearman_brown"].isna().all() and (table["note"] == "").all()


def test_two_items_have_a_spearman_brown_and_no_omega() -> None:
    pair = {"buy": ["buy1", "buy2"]}
    row = reliability_table(simulated(), scales=pair).iloc[0]
    assert row["spearman_brown"] == pytest.approx(reference()["spearman_brown"], rel=1e-12)
    assert np.isnan(row["omega"]) and row["note"] == ""
    assert spearman_brown(simulated(), pair["buy"]) == row["spearman_brown"]
    with pytest.raises(DataError, match="three items"):
        omega(simulated(), pair["buy"])
    with pytest.raises(DataError, match="3 item"):
        spearman_brown(simulated(), reference()["scales"]["buy"])


def test_bfi_equals_psych_and_lavaan() -> None:
    r, rows = shared("01_reliability_bfi.json"), shared_data("bfi.csv")
    keyed = {name: scale["items"] for name, scale in r["scales"].items()}
    scores = score_scales(rows, keyed, span=(1, 6), source="bfi")
    table, items = reliability_table(scores).set_index("scale"), item_statistics(scores).set_index("scale")
    for name, scale in r["scales"].items():
        own = [item.removeprefix("-") for item in scale["items"]]
        assert table.loc[name, "n"] == scale["n"]
        found = table.loc[name, ["alpha", "conf_low", "conf_high", "std_alpha"]].astype(float).tolist()
        expected = [scale["alpha_raw"], *scale["alpha_ci95_feldt"], scale["alpha_std"]]
        assert found == pytest.approx(expected, rel=1e-10)
        # lavaan's own search stops at 1e-6 here
        assert table.loc[name, "omega"] == pytest.approx(scale["omega_total_1f_cfa_ml"], rel=1e-6)
        assert omega(scores, own).omega_observed == pytest.approx(scale["compRelSEM"], rel=2e-6)
        theirs = pd.DataFrame(scale["item"])[["mean", "sd", "r_drop", "alpha_if_dropped"]]
        np.testing.assert_allclose(items.loc[name, ITEM_COLUMNS].to_numpy(float), theirs.to_numpy(float), rtol=1e-9)
    two = r["two_item_C4_C5"]
    assert spearman_brown(scores, ["C4", "C5"]) == pytest.approx(two["spearman_brown"], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    st.permutations(["a0", "a1", "a2", "a3"]), st.lists(st.floats(0.1, 50), min_size=4, max_size=4), st.integers(0, 99)
)
def test_identities(order: list[str], units: list[float], seed: int) -> None:
    """Order changes nothing, units do not change standardised alpha, and alpha of standard scores is that."""
    scores = blocks(seed=seed, scales=1, items=4)
    moments = as_moments(scores, ["a0", "a1", "a2", "a3"])
    usual = omega(moments, moments.names)
    other = omega(moments, order)
    assert [other.omega, other.conf_low] == pytest.approx([usual.omega, usual.conf_low], rel=1e-7)
    scale = np.array(units)
    stretched = Moments(moments.names, moments.n, moments.mean * scale, moments.cov * np.outer(scale, scale))
    assert alpha(stretched, moments.names).std_alpha == pytest.approx(alpha(moments, order).std_alpha, rel=1e-9)
    standard = Moments(moments.names, moments.n, moments.mean, moments.correlations)
    assert alpha(standard, moments.names).alpha == pytest.approx(alpha(moments, order).std_alpha, rel=1e-9)


def test_alpha_if_dropped_is_the_alpha_of_the_others() -> None:
    scores = blocks(scales=1, items=5)
    items = list(scores.scales["a"])
    found = item_statistics(scores).set_index("item")
    for item in items:
        others = [other for other in items if other != item]
        assert found.loc[item, "alpha_if_dropped"] == pytest.approx(alpha(scores, others).alpha, rel=1e-12)
        rest = scores.items[others].sum(axis=1)
        assert found.loc[item, "item_rest"] == pytest.approx(np.corrcoef(scores.items[item], rest)[0, 1], rel=1e-10)


def test_items_that_spoil_their_scale_are_pointed_at() -> None:
    rows = blocks(scales=1, items=4).items
    turned = rows.assign(a2=8 - rows["a2"])
    found = item_statistics(score_scales(turned, {"a": list(rows)}, source="s")).set_index("item")
    assert "reverse-keyed" in found.loc["a2", "note"]
    noise = rows.assign(a3=rows["a3"] + np.random.default_rng(3).integers(-9, 10, len(rows)))
    found = item_statistics(score_scales(noise, {"a": list(rows)}, source="s")).set_index("item")
    assert found.loc["a3", "note"] == "Alpha is higher without it."


def test_moments_need_scales_and_give_the_same() -> None:
    scores = simulated()
    moments = as_moments(scores, [item for items in scores.scales.values() for item in items])
    with pytest.raises(DataError, match="which items belong"):
        reliability_table(moments)
    pd.testing.assert_frame_equal(reliability_table(moments, scales=scores.scales), reliability_table(scores))
    pd.testing.assert_frame_equal(item_statistics(moments, scores.scales), item_statistics(scores))
    assert scales_of(scores) == {name: tuple(items) for name, items in reference()["scales"].items()}


def test_bad_scales_keep_their_reason_and_spoil_no_other() -> None:
    rows = blocks(scales=1, items=4).items.assign(flat=4.0, copy=lambda d: d.a0)
    scales = {"good": ["a1", "a2", "a3"], "stuck": ["flat", "a0"], "same": ["a0", "copy"]}
    scores = score_scales(rows.drop(columns="copy"), {k: v for k, v in scales.items() if k != "same"}, source="s")
    table = reliability_table(scores).set_index("scale")
    assert np.isfinite(table.loc["good", "omega"]) and "'flat'" in table.loc["stuck", "note"]
    items = item_statistics(scores).set_index("item")
    assert "'flat'" in items.loc["a0", "note"] and np.isnan(items.loc["flat", "item_rest"])
    repeated = rows.assign(a2=rows["a0"])[["a0", "a1", "a2"]]
    row = reliability_table(score_scales(repeated, {"s": list(repeated)}, source="s")).iloc[0]
    assert np.isfinite(row["alpha"]) and np.isnan(row["omega"]) and "determine each other" in row["note"]


def test_a_heywood_case_is_named() -> None:
    r = np.array([[1, 0, 0], [0.8, 1, 0], [0.8, 0.5, 1]])
    found = omega(from_correlations(["x", "y", "z"], r, n=100), ["x", "y", "z"])
    assert found.heywood == ("x",)
    note = reliability_table(from_correlations(["x", "y", "z"], r, n=100), scales={"s": ["x", "y", "z"]})["note"][0]
    assert "Heywood case" in note and "x" in note


def test_mirrored_items_have_no_spearman_brown() -> None:
    table = from_correlations(["x", "y"], np.array([[1, 0], [-1, 1]]), n=50, sd=[1, 2])
    with pytest.raises(DataError, match="mirror"):
        spearman_brown(table, ["x", "y"])
