"""Exploratory factors, rotations, KMO, Bartlett, parallel analysis and MAP against psych and factanal."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError
from analysis.factor import LEAST, Factors, Method, degrees_of_freedom, fit_factors
from analysis.moments import Moments, as_moments, from_correlations, from_rows
from analysis.retention import PARALLEL, parallel_analysis, sampling_adequacy
from analysis.rotation import Rotation, rotate
from tests.analysis.measurement_reference import (
    blocks,
    item_moments,
    matched,
    reference,
    shared,
    shared_data,
    simulated,
)


def bfi() -> Moments:
    frame = shared_data("bfi.csv")[list(shared("02_efa_bfi.json")["kmo_items"])].dropna()
    return from_rows(frame.to_numpy(float), list(frame), source="bfi")


def assert_same_factors(found: Factors, loadings: list[Any], phi: list[Any] | None, close: float) -> None:
    theirs = np.array(loadings)
    ours = found.pattern.to_numpy()
    np.testing.assert_allclose(matched(ours, theirs), theirs, atol=close)
    if phi is not None:
        np.testing.assert_allclose(
            np.sort(np.abs(found.correlations.to_numpy()).ravel()), np.sort(np.abs(np.array(phi)).ravel()), atol=close
        )


@pytest.mark.parametrize("rotation", ["none", "varimax", "promax"])
@pytest.mark.parametrize("method", ["ml", "minres"])
def test_equals_r_on_simulated_answers(method: Method, rotation: Rotation) -> None:
    r = reference()["factors"][method]
    found = fit_factors(simulated(), item_moments().names, 3, method=method, rotation=rotation)
    theirs = r[rotation]["loadings"] if rotation == "promax" else r[rotation]
    assert_same_factors(found, theirs, r[rotation]["phi"] if rotation == "promax" else None, 2e-6)
    np.testing.assert_allclose(found.items["uniqueness"], r["uniquenesses"], atol=2e-6)


def test_tests_of_fit_equal_factanal_and_psych() -> None:
    r = reference()["factors"]
    ml = fit_factors(simulated(), item_moments().names, 3, method="ml").summary.iloc[0]
    assert ml["chi_square"] == pytest.approx(r["ml"]["chi_square"], rel=1e-7)
    assert [ml["df"], ml["p_value"]] == pytest.approx([r["ml"]["df"], r["ml"]["p_value"]], rel=1e-7)
    minres = fit_factors(simulated(), item_moments().names, 3).summary.iloc[0]
    for column in ("chi_square", "tli", "rmsr"):
        assert minres[column] == pytest.approx(r["minres"][column], rel=1e-5), column


@pytest.mark.parametrize("method", ["ml", "minres"])
def test_oblimin_equals_statsmodels(method: Method) -> None:
    from statsmodels.multivariate.factor_rotation import rotate_factors

    plain = fit_factors(simulated(), item_moments().names, 3, method=method, rotation="none").pattern.to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, turn = rotate_factors(plain, "oblimin", 0, "oblique", tol=1e-9, max_tries=5000)
    found = fit_factors(simulated(), item_moments().names, 3, method=method, rotation="oblimin")
    assert_same_factors(found, theirs, turn.T @ turn, 1e-5)


@pytest.mark.parametrize("method", ["ml", "minres"])
def test_oblimin_equals_its_criterion_minimised_in_r(method: Method) -> None:
    path = Path(__file__).resolve().parents[1] / "reference" / "rotation.json"
    r = json.loads(path.read_text(encoding="utf-8"))[method]
    turned = rotate(np.array(reference()["factors"][method]["none"]), "oblimin")
    np.testing.assert_allclose(matched(turned.loadings, np.array(r["loadings"])), r["loadings"], atol=2e-6)
    ours, theirs = (np.sort(np.abs(np.ravel(phi))) for phi in (turned.correlations, r["phi"]))
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "close"),
    # psych's varimax and principal axes stop early (third decimal); its oblimin does not
    [("minres_none", 2e-6), ("minres_oblimin", 5e-5), ("minres_varimax", 1.5e-3), ("ml_none", 1e-5),
     ("ml_oblimin", 5e-5), ("ml_varimax", 1.5e-3), ("pa_promax", 1e-3)],
)  # fmt: skip
def test_bfi_equals_psych(name: str, close: float) -> None:
    r = shared("02_efa_bfi.json")["fits"][name]
    moments = bfi()
    method: Method = "ml" if name.startswith("ml") else "minres"
    found = fit_factors(moments, moments.names, 5, method=method, rotation=r["rotate"])
    phi = r["phi"]["values"] if r["phi"] else None
    assert_same_factors(found, r["loadings"]["values"], phi, close)
    np.testing.assert_allclose(found.items["communality"], list(r["communalities"].values()), atol=max(close, 5e-6))
    row = found.summary.iloc[0]
    rough = 2e-4 if name.startswith("pa") else 1e-5
    assert [row["chi_square"], row["rmsea"], row["tli"], row["rmsr"]] == pytest.approx(
        [r["chisq"], r["rmsea"], r["tli"], r["rms"]], rel=rough * 5
    )
    assert row["df"] == r["dof"]


@pytest.mark.parametrize("method", ["ml", "minres"])
def test_where_psych_stops_early_our_varimax_is_the_better_one(method: Method) -> None:
    def spread(loadings: np.ndarray) -> float:
        rows = loadings / np.sqrt((loadings**2).sum(axis=1, keepdims=True))
        return float((rows**2).var(axis=0).sum())

    theirs = np.array(shared("02_efa_bfi.json")["fits"][f"{method}_varimax"]["loadings"]["values"])
    moments = bfi()
    ours = fit_factors(moments, moments.names, 5, method=method, rotation="varimax").pattern.to_numpy()
    assert spread(ours) > spread(theirs)
    assert spread(ours) == pytest.approx(spread(theirs), rel=1e-4)


def test_kmo_and_bartlett_equal_psych() -> None:
    r = reference()["factors"]
    found = sampling_adequacy(simulated(), item_moments().names)
    assert found.kmo == pytest.approx(r["kmo"], rel=1e-10)
    np.testing.assert_allclose(found.items["kmo"], r["kmo_items"], rtol=1e-10)
    expected = [r["bartlett"][key] for key in ("chi_square", "df", "p_value")]
    assert [found.chi_square, found.df, found.p_value] == pytest.approx(expected, rel=1e-9)


def test_parallel_analysis_and_map_equal_psych() -> None:
    r = reference()["factors"]
    found = parallel_analysis(simulated(), item_moments().names, draws=2000, seed=2)
    table = found.table
    assert tuple(table.columns) == PARALLEL
    assert [found.components, found.factors] == [r["parallel"]["components"], r["parallel"]["factors"]]
    np.testing.assert_allclose(table["component"], r["eigenvalues"], rtol=1e-10)
    np.testing.assert_allclose(table["factor"], r["parallel"]["factor_values"], atol=1e-5)
    # means and percentiles of 2,000 and of 1,000 to 5,000 random data sets
    np.testing.assert_allclose(table["component_random"], r["parallel"]["component_mean"], atol=0.006)
    np.testing.assert_allclose(table["component_limit"], r["parallel"]["component_limit"], atol=0.012)
    np.testing.assert_allclose(table["factor_random"], r["parallel"]["factor_random"], atol=0.012)
    np.testing.assert_allclose(table["average_partial"][:8], r["map"], rtol=1e-9)
    assert found.average_partial == int(np.argmin(r["map"])) + 1


def test_bfi_adequacy_and_number_of_factors_equal_psych() -> None:
    r, moments = shared("02_efa_bfi.json"), bfi()
    adequacy = sampling_adequacy(moments, moments.names)
    assert [adequacy.kmo, adequacy.chi_square] == pytest.approx([r["kmo"], r["bartlett"]["chisq"]], rel=1e-9)
    found = parallel_analysis(moments, moments.names, draws=1000)
    suggested = [found.components, found.factors, found.average_partial]
    assert suggested == [r["parallel_psych"]["ncomp"], r["parallel_psych"]["nfact"], r["map_min"]]
    np.testing.assert_allclose(found.table["component_limit"], r["parallel_pca_normal"]["q95"], atol=0.004)
    np.testing.assert_allclose(found.table["factor_random"], r["parallel_psych"]["fa_sim"], atol=0.004)
    np.testing.assert_allclose(found.table["average_partial"][:8], r["map"], rtol=1e-9)


def test_the_number_of_people_is_all_that_random_data_need() -> None:
    first, again = (parallel_analysis(blocks(), list(blocks().items), draws=200, seed=5).table for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    few = parallel_analysis(blocks(n=60), list(blocks().items), draws=200, seed=5).table
    assert (few["component_limit"][:2] > first["component_limit"][:2]).all()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 999), st.sampled_from(["minres", "ml"]), st.sampled_from(["none", "varimax", "oblimin", "promax"]),
    st.permutations(range(6)),
)  # fmt: skip
def test_identities(seed: int, method: Method, rotation: Rotation, order: list[int]) -> None:
    """Communality and uniqueness make 1; rotation keeps them; the order of items changes nothing."""
    scores = blocks(seed=seed)
    items = list(scores.items)
    plain = fit_factors(scores, items, 2, method=method, rotation="none")
    turned = fit_factors(scores, items, 2, method=method, rotation=rotation)
    np.testing.assert_allclose(turned.items["communality"] + turned.items["uniqueness"], 1, rtol=1e-12)
    np.testing.assert_allclose(turned.items["communality"], plain.items["communality"], atol=1e-9)
    pattern, phi = turned.pattern.to_numpy(), turned.correlations.to_numpy()
    np.testing.assert_allclose(np.diag(pattern @ phi @ pattern.T), turned.items["communality"], atol=1e-9)
    np.testing.assert_allclose(np.diag(phi), 1, rtol=1e-9)
    assert turned.variance["cumulative"].iloc[-1] == pytest.approx(turned.items["communality"].mean(), rel=1e-9)
    assert (turned.loadings.groupby("factor")["loading"].sum() >= -1e-9).all()
    shuffled = fit_factors(scores, [items[place] for place in order], 2, method=method, rotation="none")
    ours = shuffled.items.set_index("item").loc[items, "communality"].to_numpy()
    if not any("Heywood" in note for note in (*plain.notes, *shuffled.notes)):
        np.testing.assert_allclose(ours, plain.items["communality"], atol=1e-6)


def test_moments_give_the_same_as_people_in_any_unit() -> None:
    scores = simulated()
    items = list(item_moments().names)
    moments = as_moments(scores, items)
    scale = np.linspace(0.1, 30, len(items))
    other = Moments(moments.names, moments.n, moments.mean * scale, moments.cov * np.outer(scale, scale))
    first, second = (fit_factors(data, items, 3).pattern for data in (scores, other))
    np.testing.assert_allclose(first.to_numpy(), second.to_numpy(), atol=1e-7)


def test_a_structure_that_is_there_is_found_again() -> None:
    pattern = np.zeros((9, 3))
    pattern[np.arange(9), np.arange(9) // 3] = [0.8, 0.7, 0.6, 0.75, 0.65, 0.7, 0.5, 0.6, 0.55]
    phi = np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]])
    r = pattern @ phi @ pattern.T
    np.fill_diagonal(r, 1)
    names = [f"i{number}" for number in range(9)]
    for method in ("minres", "ml"):
        found = fit_factors(from_correlations(names, r, n=300), names, 3, method=method)
        np.testing.assert_allclose(matched(found.pattern.to_numpy(), pattern), pattern, atol=1e-6)
        assert found.summary["chi_square"][0] == pytest.approx(0, abs=1e-6)


def test_perfectly_regular_loadings_are_turned_all_the_same() -> None:
    pattern = np.array([[0.6, 0.4], [0.6, 0.4], [0.6, -0.4], [0.6, -0.4]])
    for rotation in ("varimax", "oblimin", "promax"):
        turned = rotate(pattern, rotation)
        assert turned.converged
        assert np.sort(np.abs(turned.loadings), axis=1)[:, 0].max() < 0.2, rotation


def test_too_many_factors_are_refused_with_the_most_there_can_be() -> None:
    scores = blocks()
    with pytest.raises(ModelError, match=r"4 factors cannot be told apart from 6 items. At most 3 can"):
        fit_factors(scores, list(scores.items), 4)
    with pytest.raises(ModelError, match="one or more"):
        fit_factors(scores, list(scores.items), 0)
    full = fit_factors(scores, list(scores.items), 3)
    assert degrees_of_freedom(6, 3) == 0 and np.isnan(full.summary["chi_square"][0])
    assert any("nothing tests them" in note for note in full.notes)


def test_a_heywood_case_ends_at_the_bound_and_is_noted() -> None:
    r = np.array([[1, 0, 0, 0], [0.8, 1, 0, 0], [0.8, 0.5, 1, 0], [0.7, 0.45, 0.45, 1]])
    for method in ("minres", "ml"):
        found = fit_factors(from_correlations(list("wxyz"), r, n=100), list("wxyz"), 1, method=method)
        assert found.items["item"][found.items["uniqueness"].argmin()] == "w"
        assert found.items["uniqueness"].min() <= LEAST + 1e-9
        assert "Heywood case: the factors explain all of w or more" in found.notes[0]
        np.testing.assert_allclose(found.items["communality"] + found.items["uniqueness"], 1, rtol=1e-12)


@pytest.mark.parametrize("question", [fit_factors, parallel_analysis, sampling_adequacy])
def test_bad_items_are_named(question: Any) -> None:
    def ask(data: Any, items: list[str]) -> Any:
        return question(data, items, 1) if question is fit_factors else question(data, items)

    rows = blocks(n=40).items
    twin = from_rows(rows.assign(b2=rows["a0"] + rows["a1"]).to_numpy(float), list(rows))
    with pytest.raises(DataError, match="determine each other"):
        ask(twin, list(rows))
    with pytest.raises(DataError, match="twice"):
        ask(blocks(), ["a0", "a1", "a1"])
    with pytest.raises(DataError, match="three items or more"):
        ask(blocks(), ["a0", "a1"])
    few = from_rows(rows.to_numpy(float)[:5], list(rows))
    with pytest.raises(DataError, match="more answers than there are items"):
        ask(few, list(rows))
    constant = blocks()
    constant.items["a0"] = 4.0
    with pytest.raises(DataError, match=r"'a0'.*the same value"):
        ask(constant, list(rows))
