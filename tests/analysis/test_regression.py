"""Least squares against R (shared reference) and statsmodels; its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError, NeedsRows
from analysis.fit import COEFFICIENTS, INTERCEPT, SUMMARY
from analysis.model import parse_model
from analysis.moments import Moments, as_moments, from_correlations
from analysis.regression import fit_regression, fit_steps
from analysis.scoring import Scores
from tests.analysis.scores_reference import assert_table, people, reference

SHARED = Path(__file__).parents[3] / "shared" / "reference"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared reference numbers are not at {SHARED}")


def simulated(n: int = 80, seed: int = 3) -> Scores:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(3, 1, n), rng.normal(2, 2, n)
    y = 1 + 0.5 * x - 0.2 * z + rng.normal(0, 0.5 + 0.3 * np.abs(x), n)
    return Scores.from_scored(pd.DataFrame({"x": x, "z": z, "y": y}), source="simulated")


@needs_shared
def test_prestige_equals_r() -> None:
    r = json.loads((SHARED / "05_ols.json").read_text())
    rows = (
        pd.read_csv(SHARED / "data" / "Prestige.csv").dropna(subset=["type"]).assign(income=lambda d: d.income / 1000)
    )
    scores = Scores.from_scored(rows[["prestige", "education", "income", "women"]], source="Prestige")
    model = parse_model("prestige ~ education + income + women")
    robust, classical = fit_regression(model, scores), fit_regression(model, scores, errors="classical")
    for term in r["coef"]:
        mine, plain = robust.coefficient("prestige", term), classical.coefficient("prestige", term)
        expected = [r["coef"][term], *(r["HC3"][key][term] for key in ("se", "t", "p", "ci_low", "ci_high"))]
        assert mine[["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]].tolist() == (
            pytest.approx(expected, rel=1e-9)
        )
        assert plain[["std_error", "statistic", "p_value"]].tolist() == (
            pytest.approx([r["se"][term], r["t"][term], r["p"][term]], rel=1e-9)
        )
        if term != INTERCEPT:
            assert [mine["std_estimate"], mine["vif"]] == pytest.approx([r["beta_std"][term], r["vif"][term]], rel=1e-9)
    summary = robust.summary.iloc[0]
    assert summary[["n", "r_squared", "adj_r_squared", "f_statistic", "residual_sd"]].tolist() == (
        pytest.approx([r["n"], r["r2"], r["adj_r2"], r["F"], r["sigma"]], rel=1e-9)
    )
    assert [summary["robust_f"], summary["robust_p"]] == pytest.approx(
        [r["HC3"]["wald_F"], r["HC3"]["wald_p"]], rel=1e-7
    )


@needs_shared
def test_a_published_table_equals_r() -> None:
    r = json.loads((SHARED / "13_corr_matrix.json").read_text())
    names = r["R"]["cols"]
    sd, mean = ([r[key][name] for name in names] for key in ("sd", "mean"))
    table = from_correlations(names, np.array(r["R"]["values"]), n=r["n"], sd=sd, mean=mean, source="a table")
    fit = fit_regression(parse_model("N ~ E + A + C + O"), table)
    expected = r["regression"]
    assert fit.coefficient("N", INTERCEPT)["estimate"] == pytest.approx(expected["intercept"], rel=1e-9)
    assert fit.summary["r_squared"][0] == pytest.approx(expected["r2"], rel=1e-9)
    for term in ("E", "A", "C", "O"):
        row = fit.coefficient("N", term)
        mine = row[["estimate", "std_error", "statistic", "std_estimate"]].tolist()
        assert mine == pytest.approx([expected[key][term] for key in ("coef", "se", "t", "beta")], rel=1e-9)


@pytest.mark.parametrize("errors", ["hc3", "classical"])
def test_equals_statsmodels(errors: str) -> None:
    import statsmodels.api as sm

    scores = simulated()
    fit = fit_regression(parse_model("y ~ x + z"), scores, errors=errors, level=0.9)  # type: ignore[arg-type]
    design = sm.add_constant(scores.frame[["x", "z"]])
    kind = "HC3" if errors == "hc3" else "nonrobust"
    oracle = sm.OLS(scores.frame["y"], design).fit(cov_type=kind, use_t=True)
    limits = oracle.conf_int(0.1)
    expected = np.column_stack([oracle.params, oracle.bse, oracle.tvalues, oracle.pvalues, limits])
    columns = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(fit.coefficients[columns].to_numpy(float), expected, rtol=1e-9)
    tested = ("robust_f", "robust_p") if errors == "hc3" else ("f_statistic", "f_p_value")
    assert fit.summary.loc[0, list(tested)].tolist() == pytest.approx([oracle.fvalue, oracle.f_pvalue], rel=1e-9)


@pytest.mark.parametrize("errors", ["hc3", "classical"])
def test_large_means_change_neither_slopes_nor_errors(errors: str) -> None:
    """Years, times and counts: 1e6 standard deviations from zero."""
    scores = simulated()
    moved = Scores.from_scored(scores.frame.round(9) + 2**20, source="far")
    model = parse_model("y ~ x + z")
    here, there = (
        fit_regression(model, Scores.from_scored(rows, source="s"), errors=errors).coefficients.iloc[1:]
        for rows in (moved.frame - 2**20, moved.frame)
    )
    columns = ["estimate", "std_error", "p_value", "std_estimate", "vif"]
    assert there[columns].to_numpy() == pytest.approx(here[columns].to_numpy(), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 60))
def test_rows_equal_their_moments(seed: int, n: int) -> None:
    scores = simulated(n, seed)
    model = parse_model("y ~ x + z")
    from_rows = fit_regression(model, scores, errors="classical")
    from_moments = fit_regression(model, as_moments(scores, ["z", "y", "x"]))
    numbers = [name for name in COEFFICIENTS if name not in ("outcome", "term")]
    a, b = (fit.coefficients[numbers].to_numpy(float) for fit in (from_rows, from_moments))
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_rows_are_listwise_over_the_whole_model() -> None:
    rows = simulated().frame.assign(w=lambda d: d.x.where(d.index != 4))
    fit = fit_regression(parse_model("y ~ x; z ~ w"), Scores.from_scored(rows, source="simulated"))
    assert fit.summary["n"].tolist() == [79, 79]
    assert any("1 of 80 rows" in note for note in fit.notes)
    assert tuple(fit.summary.columns[: len(SUMMARY)]) == SUMMARY


def test_a_turned_sign_is_flagged() -> None:
    r = np.array([[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]])
    fit = fit_regression(parse_model("y ~ a + b"), Moments(("a", "b", "y"), 100, np.full(3, np.nan), r))
    assert fit.coefficients["term"].tolist() == ["a", "b"]
    assert fit.coefficients["sign_flip"].tolist() == [False, True]
    assert any("suppression" in note for note in fit.notes)


def test_what_is_in_a_product_is_no_suppression() -> None:
    """Far from zero the slope where the partner is zero has any sign: that is no finding, and no flag."""
    rng = np.random.Generator(np.random.SFC64(2))
    x, z = 4 + rng.normal(size=(2, 200))
    rows = pd.DataFrame({"x": x, "z": z, "y": 0.5 * (x - 4) * (z - 4) + 0.4 * x + rng.normal(size=200)})
    raw = fit_regression(parse_model("y ~ x + z + x:z"), Scores.from_scored(rows, source="simulated"))
    one = raw.coefficient("y", "x")
    assert one["estimate"] < 0 < one["correlation"]
    assert not raw.coefficients["sign_flip"].any() and not any("suppression" in note for note in raw.notes)
    assert any("y ~ x:z: the coefficients of x and z hold where the other is zero" in note for note in raw.notes)


def test_a_product_needs_rows_or_its_own_moments() -> None:
    model = parse_model("y ~ x + z + x:z")
    with pytest.raises(NeedsRows, match="'x:z'"):
        fit_regression(model, as_moments(simulated(), ["x", "z", "y"]))
    whole = as_moments(simulated(), ["x", "z", "y", "x:z"])
    assert fit_regression(model, whole).coefficient("y", "x:z")["estimate"] == pytest.approx(
        fit_regression(model, simulated()).coefficient("y", "x:z")["estimate"], rel=1e-9
    )


def test_hc3_needs_rows() -> None:
    with pytest.raises(NeedsRows, match="HC3"):
        fit_regression(parse_model("y ~ x"), as_moments(simulated(), ["x", "y"]), errors="hc3")


def test_refusals_name_what_is_wrong() -> None:
    rows = simulated().frame.assign(twice=lambda d: 2 * d.x - d.z, flat=1.0, copy=lambda d: d.x + d.z)
    scores = Scores.from_scored(rows, source="simulated")
    with pytest.raises(DataError, match="x, z, twice"):
        fit_regression(parse_model("y ~ x + z + twice"), scores)
    with pytest.raises(DataError, match="'flat'"):
        fit_regression(parse_model("y ~ flat"), scores)
    with pytest.raises(DataError, match="without any error"):
        fit_regression(parse_model("copy ~ x + z"), scores)
    with pytest.raises(DataError, match="3 complete rows for 3 coefficients"):
        fit_regression(parse_model("y ~ x + z"), Scores.from_scored(rows.head(3), source="simulated"))
    with pytest.raises(ModelError, match="'w'"):
        fit_regression(parse_model("y ~ w"), scores)
    with pytest.raises(ModelError, match="least squares"):
        fit_regression(parse_model("f =~ x + z; y ~ f"), scores)
    with pytest.raises(DataError, match="level"):
        fit_regression(parse_model("y ~ x"), scores, level=95)


def test_a_lone_person_who_decides_a_coefficient_is_refused_with_hc3_only() -> None:
    rows = simulated().frame.assign(only=0.0)
    rows.loc[5, "only"] = 1.0
    scores = Scores.from_scored(rows, source="simulated")
    with pytest.raises(DataError, match="leverage 1"):
        fit_regression(parse_model("y ~ x + only"), scores)
    assert len(fit_regression(parse_model("y ~ x + only"), scores, errors="classical").coefficients) == 3


@needs_shared
def test_steps_equal_r() -> None:
    r = json.loads((SHARED / "05_ols.json").read_text())
    rows = (
        pd.read_csv(SHARED / "data" / "Prestige.csv").dropna(subset=["type"]).assign(income=lambda d: d.income / 1000)
    )
    scores = Scores.from_scored(rows, source="Prestige")
    terms = ["education", "education + income", "education + income + women"]
    summary = fit_steps([parse_model(f"prestige ~ {text}") for text in terms], scores).summary
    assert summary["r_squared"].tolist() == pytest.approx(r["r2_steps"], rel=1e-9)
    before, middle, _ = (row["RSS"] for row in r["hierarchical"])
    own = (before - middle) / (middle / 95)
    assert summary["delta_f"].tolist()[1:] == pytest.approx([own, r["hierarchical"][2]["F"]], rel=1e-8)
    assert summary["delta_p"][2] == pytest.approx(r["hierarchical"][2]["Pr(>F)"], rel=1e-8)
    assert summary["delta_robust_f"][2] == pytest.approx(r["HC3"]["t"]["women"] ** 2, rel=1e-8)


def test_steps_share_their_people_and_must_be_nested() -> None:
    rows = simulated().frame.assign(w=lambda d: (d.x**2).where(d.index > 9))
    scores = Scores.from_scored(rows, source="simulated")
    fit = fit_steps([parse_model("y ~ x"), parse_model("y ~ x + z + w")], scores)
    assert fit.summary["n"].tolist() == [70, 70]
    assert fit.coefficients["step"].tolist() == [1, 1, 2, 2, 2, 2]
    assert fit.summary["delta_r_squared"].sum() == pytest.approx(fit.summary["r_squared"].iloc[-1])
    from_moments = fit_steps([parse_model("y ~ x"), parse_model("y ~ x + z")], as_moments(simulated(), ["x", "z", "y"]))
    assert from_moments.summary["delta_p"].notna().all()
    with pytest.raises(ModelError, match="does not begin"):
        fit_steps([parse_model("y ~ x"), parse_model("y ~ z")], scores)
    with pytest.raises(ModelError, match="adds nothing"):
        fit_steps([parse_model("y ~ x"), parse_model("y ~ x")], scores)
    with pytest.raises(ModelError, match="one equation"):
        fit_steps([parse_model("y ~ x; z ~ x")], scores)


def test_coefficients_and_steps_equal_r_on_our_own_data() -> None:
    r = reference()["regression"]
    model = parse_model("y ~ m + x + w")
    classical, robust = (fit_regression(model, people(), errors=errors) for errors in ("classical", "hc3"))
    assert_table(classical.coefficients, r["classical"])
    assert_table(robust.coefficients, r["hc3"])
    slopes = robust.coefficients.iloc[1:]
    np.testing.assert_allclose(slopes[["std_estimate", "vif"]], np.transpose([r["beta"], r["vif"]]), rtol=1e-9)
    told = robust.summary.loc[0, ["r_squared", "adj_r_squared", "f_statistic", "residual_sd", "robust_f"]].tolist()
    assert told == pytest.approx([r[key] for key in ("r_squared", "adj_r_squared", "f", "sigma", "robust_f")], rel=1e-9)
    steps = fit_steps([parse_model(f"y ~ {terms}") for terms in ("x", "x + w", "x + w + m")], people()).summary
    assert steps["r_squared"].tolist() == pytest.approx(r["steps"]["r_squared"], rel=1e-10)
    assert steps["delta_f"][2] == pytest.approx(r["steps"]["f_last"], rel=1e-9)
    assert steps["delta_p"][2] == pytest.approx(r["steps"]["p"][1], rel=1e-9)
    assert steps["delta_robust_f"][2] == pytest.approx(r["steps"]["robust_f_last"], rel=1e-9)
