"""Ordinal items: polychoric correlations and WLSMV as lavaan has them, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError, NeedsRows, ParasolError
from analysis.model import parse_model
from analysis.moments import as_moments
from analysis.ordinal_cfa import fit_ordinal_cfa
from analysis.polychoric import polychorics
from analysis.scoring import Scores
from tests.analysis.latent_reference import (
    FIT,
    SCALED,
    answers,
    assert_coefficients,
    assert_measures,
    reference,
    shared,
    shared_data,
    written,
)

PLAIN = {name: other for name, other in FIT.items() if name not in ("aic", "bic", "log_likelihood")}


@pytest.mark.parametrize(("name", "model"), [("wlsmv", "cfa"), ("wlsmv_sem", "sem")])
def test_estimates_and_fit_are_lavaans(name: str, model: str) -> None:
    expected = reference()[name]
    fit = fit_ordinal_cfa(written(model), answers())
    assert_coefficients(fit, expected["estimates"], estimate=2e-5, error=2e-5)
    assert_measures(fit, expected["fit"], names=PLAIN, close=1e-5)
    assert_measures(fit, expected["fit"], names=SCALED, close=1e-5)


def test_correlations_and_thresholds() -> None:
    expected = reference()["wlsmv"]
    names = tuple(reference()["missing"])
    found = polychorics(answers().complete(names), names)
    np.testing.assert_allclose(found.correlations, np.array(expected["polychoric"]), atol=1e-6)
    assert np.concatenate(found.thresholds) == pytest.approx(list(expected["thresholds"].values()), abs=1e-9)


@pytest.mark.parametrize(("name", "file"), [("datCat", "datCat.csv"), ("bfi_AC", "bfi.csv")])
def test_other_data(name: str, file: str) -> None:
    expected = shared("03b_wlsmv.json")[name]
    data = shared_data(file)
    model = parse_model(expected["model"])
    names = [item for latent in model.latents for item in latent.indicators]
    complete = Scores.from_scored(data[names].dropna(), source=name)
    assert complete.n == expected["n"]
    fit = fit_ordinal_cfa(model, complete)
    assert_coefficients(fit, expected["WLSMV"]["estimates"], estimate=2e-5, error=2e-5)
    both = {**PLAIN, **SCALED}
    known = {ours: theirs for ours, theirs in both.items() if theirs in expected["WLSMV"]["fit"]}
    assert len(known) >= 13
    assert_measures(fit, expected["WLSMV"]["fit"], names=known, close=2e-5)


def test_only_the_order_of_answers_counts() -> None:
    frame = answers().frame
    names = list(reference()["missing"])
    squared = Scores.from_scored(frame[names] ** 2 + 7, source="squared")
    plain, other = fit_ordinal_cfa(written("cfa"), answers()), fit_ordinal_cfa(written("cfa"), squared)
    pd.testing.assert_frame_equal(plain.coefficients, other.coefficients)


def test_a_two_by_two_table_has_its_tetrachoric_correlation() -> None:
    table = {(0, 0): 40, (0, 1): 10, (1, 0): 10, (1, 1): 40}
    rows = np.array([pair for pair, count in table.items() for _ in range(count)], dtype=float)
    found = polychorics(rows, ("a", "b"))
    assert found.correlations[0, 1] == pytest.approx(np.sin(np.pi / 2 * 0.6), abs=1e-9)


def test_residual_variances_complete_the_items() -> None:
    fit = fit_ordinal_cfa(written("cfa"), answers())
    variances = fit.coefficients.query("kind == 'variance' and outcome not in ['hom', 'psi', 'tru']")
    loadings = fit.coefficients.query("kind == 'loading'").set_index("outcome")["std_estimate"]
    for row in variances.itertuples():
        assert row.estimate == pytest.approx(1 - loadings[row.outcome] ** 2)


def test_what_cannot_be_done() -> None:
    model = written("cfa")
    names = [name for latent in model.latents for name in latent.indicators]
    with pytest.raises(NeedsRows, match="ordinal items"):
        fit_ordinal_cfa(model, as_moments(answers(), names))
    with pytest.raises(ModelError, match="'age': it is no indicator"):
        fit_ordinal_cfa(written("mimic"), answers())
    frame = answers().frame
    with pytest.raises(DataError, match="'hom1': everybody gave the same answer"):
        fit_ordinal_cfa(model, Scores.from_scored(frame.assign(hom1=3), source="t"))
    with pytest.raises(DataError, match="'hom1': 320 different answers"):
        fit_ordinal_cfa(model, Scores.from_scored(frame.assign(hom1=np.arange(320)), source="t"))
    with pytest.raises(DataError, match="determine each other"):
        fit_ordinal_cfa(model, Scores.from_scored(frame.assign(hom1=frame["hom2"]), source="t"))
    with pytest.raises(DataError, match="10 complete rows for 13"):
        fit_ordinal_cfa(model, Scores.from_scored(frame[:10], source="t"))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000), n=st.integers(20, 60), kinds=st.integers(2, 5))
def test_noise_is_answered_or_refused_without_a_warning(seed: int, n: int, kinds: int) -> None:
    rng = np.random.Generator(np.random.SFC64(seed))
    rows = pd.DataFrame(rng.integers(0, kinds, size=(n, 6)).astype(float), columns=list("abcdeg"))
    try:
        fit = fit_ordinal_cfa(
            parse_model("first =~ a + b + c; second =~ d + e + g"), Scores.from_scored(rows, source="t")
        )
    except ParasolError as error:
        assert str(error)
    else:
        assert np.isfinite(fit.coefficients["estimate"]).all()
        assert np.isfinite(fit.summary[["chi_square_scaled", "srmr"]].to_numpy(dtype=float)).all()
