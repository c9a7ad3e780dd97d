"""Full information: lavaan's numbers with answers missing, and the same as complete data when none are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cfa import fit_cfa
from analysis.errors import DataError, ModelError, NeedsRows, ParasolError
from analysis.fiml import patterns_of, unrestricted
from analysis.latent import specify
from analysis.likelihood import locate, observed_information, slope
from analysis.model import parse_model
from analysis.moments import as_moments
from analysis.robust import Robust
from analysis.scoring import Scores
from tests.analysis.latent_reference import (
    FIT,
    SCALED,
    answers,
    answers_with_gaps,
    assert_coefficients,
    assert_measures,
    reference,
    shared,
    shared_data,
    written,
)

ROBUST = {name: other for name, other in SCALED.items() if "_robust" in name}


@pytest.mark.parametrize(
    ("name", "model", "robust"), [("fiml", "cfa", None), ("fiml_mlr", "cfa", "mlr"), ("fiml_sem", "sem", None)]
)
def test_estimates_and_fit_are_lavaans(name: str, model: str, robust: Robust | None) -> None:
    expected = reference()[name]
    fit = fit_cfa(written(model), answers_with_gaps(), missing="fiml", robust=robust)
    assert_coefficients(fit, expected["estimates"], estimate=2e-5, error=2e-5)
    # lavaan's unrestricted moments stop at a change of 1e-5; ours go on to the maximum
    assert_measures(fit, expected["fit"], close=5e-5)
    assert_measures(fit, expected["fit"], names=SCALED if robust else ROBUST, close=3e-4)


def test_holzinger_swineford_with_gaps() -> None:
    expected = shared("03_cfa_hs1939.json")
    data = Scores.from_scored(shared_data("HS1939_missing10.csv"), source="HS")
    model = parse_model(expected["model"])
    fit = fit_cfa(model, data, missing="fiml")
    assert_coefficients(fit, expected["fiml_missing10"]["estimates"], estimate=2e-5, error=2e-5)
    names = {ours: theirs for ours, theirs in FIT.items() if theirs in expected["fiml_missing10"]["fit"]}
    assert_measures(fit, expected["fiml_missing10"]["fit"], names=names, close=1e-4)
    robust = fit_cfa(model, data, missing="fiml", robust="mlr")
    names = {ours: theirs for ours, theirs in SCALED.items() if theirs in expected["fiml_mlr"]["fit"]}
    assert_measures(robust, expected["fiml_mlr"]["fit"], names=names, close=5e-4)


def test_without_gaps_it_is_maximum_likelihood() -> None:
    plain, full = fit_cfa(written("mimic"), answers()), fit_cfa(written("mimic"), answers(), missing="fiml")
    both = plain.coefficients.merge(full.coefficients, on=["outcome", "term"], suffixes=("", "_full"))
    assert len(both) == len(plain.coefficients)
    np.testing.assert_allclose(both["estimate"], both["estimate_full"], rtol=1e-8)
    for name in ("chi_square", "cfi", "rmsea", "log_likelihood"):
        assert full.summary[name][0] == pytest.approx(plain.summary[name][0], rel=1e-8)
    assert full.summary["cfi_robust"][0] == pytest.approx(plain.summary["cfi"][0], rel=1e-6)


def test_patterns_add_up() -> None:
    structure = specify(written("cfa"), has_means=True)
    patterns = patterns_of(answers_with_gaps(), structure)
    assert patterns.n == 320
    assert sum(rows.size for rows in patterns.rows) == int(answers_with_gaps().frame.notna().to_numpy().sum())
    assert any("people lack an answer" in note for note in patterns.notes)


def test_the_information_of_all_moments_at_once() -> None:
    structure = specify(written("cfa"), has_means=True)
    patterns = patterns_of(answers_with_gaps(), structure)
    best = unrestricted(structure, patterns)
    here = locate(best.layout, patterns.blocks, best.point.theta)
    np.testing.assert_allclose(slope(best.layout, patterns.blocks, here), 0, atol=1e-9)
    one_by_one = observed_information(best.layout, patterns.blocks, here)
    np.testing.assert_allclose(best.weight, one_by_one, atol=1e-10)


def test_rows_without_answers_or_predictors_are_left_out() -> None:
    frame = answers().frame.astype({"hom1": float, "age": float})
    frame.loc[0, "age"] = np.nan
    fit = fit_cfa(written("mimic"), Scores.from_scored(frame, source="t"), missing="fiml")
    assert fit.summary["n"][0] == 319
    assert any(note.startswith("1 of 320 rows hold no answer to use") for note in fit.notes)


def test_what_full_information_cannot_do() -> None:
    model = written("cfa")
    names = [name for latent in model.latents for name in latent.indicators]
    with pytest.raises(NeedsRows, match="Full information"):
        fit_cfa(model, as_moments(answers(), names), missing="fiml")
    with pytest.raises(ModelError, match="Satorra-Bentler"):
        fit_cfa(model, answers(), missing="fiml", robust="mlm")
    frame = answers().frame.astype({"hom1": float, "hom2": float})
    frame.loc[:150, "hom1"] = np.nan
    frame.loc[151:, "hom2"] = np.nan
    with pytest.raises(DataError, match="'hom1' and 'hom2': 0 people answered both"):
        fit_cfa(model, Scores.from_scored(frame, source="t"), missing="fiml")
    with pytest.raises(DataError, match="'hom3': nobody answered"):
        fit_cfa(model, Scores.from_scored(answers().frame.assign(hom3=np.nan), source="t"), missing="fiml")
    with pytest.raises(DataError, match="20 people for 33 parameters"):
        fit_cfa(model, Scores.from_scored(pd.DataFrame(answers().frame[:20]), source="t"), missing="fiml")


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 100_000), n=st.integers(25, 60), share=st.floats(0.02, 0.3))
def test_noise_is_answered_or_refused_without_a_warning(seed: int, n: int, share: float) -> None:
    rng = np.random.Generator(np.random.SFC64(seed))
    rows = pd.DataFrame(rng.integers(1, 6, size=(n, 6)).astype(float), columns=list("abcdeg"))
    data = Scores.from_scored(rows.mask(rng.random((n, 6)) < share), source="t")
    try:
        fit = fit_cfa(parse_model("first =~ a + b + c; second =~ d + e + g"), data, missing="fiml", robust="mlr")
    except ParasolError as error:
        assert str(error)
    else:
        assert np.isfinite(fit.coefficients["estimate"]).all()
        assert np.isfinite(fit.summary[["chi_square", "srmr", "cfi"]].to_numpy(dtype=float)).all()
