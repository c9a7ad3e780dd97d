"""AVE, CR, Fornell-Larcker, HTMT and HTMT2 against lavaan and semTools."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError
from analysis.model import parse_model
from analysis.moments import Moments, as_moments, from_correlations
from analysis.scoring import score_scales
from analysis.validity import HTMT, VALIDITY, construct_validity, htmt, measurement_model
from tests.analysis.measurement_reference import blocks, item_moments, reference, shared, shared_data, simulated

LIMITS = ["htmt_low", "htmt_high", "htmt2_low", "htmt2_high"]


def test_ave_cr_and_fornell_larcker_equal_semtools() -> None:
    r = reference()["validity"]
    found = construct_validity(measurement_model(reference()["scales"]), simulated())
    assert tuple(found.scales.columns) == VALIDITY
    for column in ("ave", "cr", "ave_unstandardised", "cr_unstandardised"):
        expected = list(r[column].values()) if isinstance(r[column], dict) else r[column]
        np.testing.assert_allclose(found.scales[column], expected, rtol=2e-6, err_msg=column)
    expected = np.array(r["correlations"])
    square = found.fornell_larcker.to_numpy()
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(square[off], expected[off], rtol=1e-6)
    np.testing.assert_allclose(np.diag(square), np.sqrt(found.scales["ave"]), rtol=1e-12)
    assert float(found.fit.summary["chi_square"].iloc[0]) == pytest.approx(r["chi_square"], rel=1e-6)
    strongest = (expected - np.eye(3)).argmax(axis=1)
    assert found.scales["with"].tolist() == [["psi", "trust", "buy"][place] for place in strongest]
    np.testing.assert_allclose(found.scales["highest_correlation"], (expected - np.eye(3)).max(axis=1), rtol=1e-6)


def test_htmt_equals_semtools_and_r_percentiles() -> None:
    r = reference()["htmt"]
    found = htmt(simulated(), draws=5000, seed=3).pairs
    assert tuple(found.columns) == HTMT
    pairs = [(0, 1), (0, 2), (1, 2)]
    np.testing.assert_allclose(found["htmt"], [r["htmt"][i][j] for i, j in pairs], rtol=1e-10)
    np.testing.assert_allclose(found["htmt2"], [r["htmt2"][i][j] for i, j in pairs], rtol=1e-10)
    for end, columns in (("low", ["htmt_low", "htmt2_low"]), ("high", ["htmt_high", "htmt2_high"])):
        theirs, error = np.array(r[end]), np.array(r[f"{end}_error"])
        # our 5,000 draws are noisier than R's 20,000 by a factor of two, and R's limits have noise too
        apart = np.abs(found[columns].to_numpy().T.ravel() - theirs) / (error * np.sqrt(4 + 1))
        assert (apart < 4.5).all(), apart


def test_holzinger_swineford_equals_semtools() -> None:
    r, rows = shared("03_cfa_hs1939.json"), shared_data("HolzingerSwineford1939.csv")
    scales = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
    scores = score_scales(rows, scales, source="HS1939")
    found = construct_validity(measurement_model(scales), scores)
    np.testing.assert_allclose(found.scales["ave_unstandardised"], list(r["AVE"].values()), rtol=2e-6)
    np.testing.assert_allclose(found.scales["cr_unstandardised"], list(r["CR_compRelSEM"].values()), rtol=2e-6)
    latent = np.array(r["factor_cor"]["values"])
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found.fornell_larcker.to_numpy()[off], latent[off], rtol=2e-6)
    pairs = htmt(scores, draws=100).pairs
    expected = np.array(r["HTMT2"]["values"])[np.triu_indices(3, 1)]
    np.testing.assert_allclose(pairs["htmt2"], expected, rtol=1e-9)
    np.testing.assert_allclose(pairs["htmt"], [0.4243, 0.4665, 0.2896], atol=5e-5)


@pytest.mark.parametrize("name", ["agree", "conscientious", "extraversion", "neuroticism", "openness"])
def test_one_bfi_scale_equals_r(name: str) -> None:
    scale = shared("01_reliability_bfi.json")["scales"][name]
    scores = score_scales(shared_data("bfi.csv"), {name: scale["items"]}, span=(1, 6), source="bfi")
    row = construct_validity(measurement_model(scores.scales), scores).scales.iloc[0]
    assert row["ave"] == pytest.approx(scale["AVE_from_std"], rel=2e-6)
    assert row["cr"] == pytest.approx(scale["CR_from_std"], rel=2e-6)
    assert np.isnan(row["highest_correlation"]) and row["with"] == ""


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0.05, 40), min_size=6, max_size=6),
    st.lists(st.sampled_from([-1, 1]), min_size=6, max_size=6),
    st.integers(0, 99),
)
def test_units_and_keys_of_items_do_not_change_htmt(units: list[float], keys: list[int], seed: int) -> None:
    scores = blocks(seed=seed)
    names = [item for items in scores.scales.values() for item in items]
    moments = as_moments(scores, names)
    turned = np.array(units) * np.array(keys)
    other = Moments(moments.names, moments.n, moments.mean * turned, moments.cov * np.outer(turned, turned))
    first, second = (htmt(data, scores.scales).pairs for data in (moments, other))
    assert first["htmt"].tolist() == pytest.approx(second["htmt"].tolist(), rel=1e-9)
    assert first["htmt2"].tolist() == pytest.approx(second["htmt2"].tolist(), rel=1e-9)


def test_parallel_items_give_the_disattenuated_correlation() -> None:
    """With equal correlations inside each scale and across, both ratios are r_ab / sqrt(r_aa r_bb)."""
    r = np.full((6, 6), 0.3)
    r[:3, :3], r[3:, 3:] = 0.6, 0.5
    np.fill_diagonal(r, 1)
    table = from_correlations(list("abcdef"), r, n=100)
    found = htmt(table, {"x": list("abc"), "y": list("def")}).pairs.iloc[0]
    assert [found["htmt"], found["htmt2"]] == pytest.approx([0.3 / np.sqrt(0.3)] * 2, rel=1e-12)
    latent = construct_validity(parse_model("x =~ a + b + c; y =~ d + e + f"), table).fornell_larcker.loc["x", "y"]
    assert latent == pytest.approx(found["htmt"], rel=1e-6)


def test_the_same_seed_gives_the_same_limits_and_the_estimate_lies_between() -> None:
    first, again, other = (htmt(blocks(), draws=500, seed=seed).pairs for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first, again)
    assert (first[LIMITS] != other[LIMITS]).all(axis=None)
    assert ((first["htmt_low"] < first["htmt"]) & (first["htmt"] < first["htmt_high"])).all()


def test_moments_give_ratios_without_limits_and_say_so() -> None:
    found = htmt(item_moments(), reference()["scales"])
    assert found.pairs[LIMITS].isna().all(axis=None) and found.seed is None and found.draws == 0
    assert any("only moments" in note for note in found.notes)
    np.testing.assert_allclose(found.pairs["htmt"], htmt(simulated(), draws=100).pairs["htmt"], rtol=1e-12)


def test_scales_without_a_ratio() -> None:
    scores = blocks(scales=3)
    with pytest.raises(DataError, match="two such scales"):
        htmt(scores, {"a": scores.scales["a"], "lone": ["b0"]})
    found = htmt(scores, {"a": scores.scales["a"], "b": scores.scales["b"], "lone": ["c0"]}, draws=100)
    assert len(found.pairs) == 1 and any("lone" in note for note in found.notes)
    with pytest.raises(DataError, match="more than one scale"):
        htmt(scores, {"a": ["a0", "a1"], "b": ["a1", "b0"]})
    none = from_correlations(
        list("abcd"), np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.1, 0.1, 1, 0], [0, 0, 0.4, 1]]), n=90
    )
    with pytest.raises(DataError, match=r"'x'.*do not correlate at all"):
        htmt(none, {"x": ["a", "b"], "y": ["c", "d"]})


def test_items_keyed_against_each_other_are_noted() -> None:
    rows = blocks().items
    rows["a1"] = 8 - rows["a1"]
    found = htmt(score_scales(rows, {"a": ["a0", "a1", "a2"], "b": ["b0", "b1", "b2"]}, source="s"), draws=100)
    assert any("'a' run against each other" in note for note in found.notes)


def test_an_item_that_hardly_varies() -> None:
    rows = blocks(n=80).items
    rows["a0"] = np.where(np.arange(80) < 3, 5.0, 4.0)
    found = htmt(score_scales(rows, {"a": ["a0", "a1"], "b": ["b0", "b1"]}, source="s"), draws=400)
    assert np.isfinite(found.pairs[LIMITS].to_numpy()).all()
    assert any("an item did not vary" in note for note in found.notes)
    rows["a0"] = np.where(np.arange(80) < 1, 5.0, 4.0)
    with pytest.raises(DataError, match="does not vary"):
        htmt(score_scales(rows, {"a": ["a0", "a1"], "b": ["b0", "b1"]}, source="s"), draws=400)


def test_models_that_are_no_measurement_models() -> None:
    data = item_moments()
    with pytest.raises(ModelError, match="a regression has no place"):
        construct_validity(parse_model("psi =~ psi1 + psi2; trust =~ trust1 + trust2; trust ~ psi"), data)
    with pytest.raises(ModelError, match="is a latent itself"):
        construct_validity(parse_model("psi =~ psi1 + psi2 + psi3; g =~ psi + trust1"), data)
    with pytest.raises(ModelError, match="no latent variable"):
        construct_validity(measurement_model({"age": ["age"]}), data)
