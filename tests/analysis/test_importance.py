"""Dominance against R, its sum to R squared, and the verdict on the central claim."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import ModelError
from analysis.importance import central_claim, fit_dominance, fit_equality
from analysis.model import parse_model
from analysis.moments import Moments, as_moments, from_correlations
from analysis.regression import fit_regression
from analysis.scoring import Scores
from tests.analysis.scores_reference import people, reference

SHARED = Path(__file__).parents[3] / "shared" / "reference"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared reference numbers are not at {SHARED}")


def prestige() -> Scores:
    rows = pd.read_csv(SHARED / "data" / "Prestige.csv").dropna(subset=["type"]).rename(columns={"census": "noncanon"})
    return Scores.from_scored(rows, source="Prestige")


def bfi() -> Scores:
    return Scores.from_scored(pd.read_csv(SHARED / "data" / "bfi_scales.csv"), source="bfi")


@needs_shared
@pytest.mark.parametrize(
    ("key", "text", "data"),
    [
        ("dominance_prestige", "prestige ~ education + income + women + noncanon", prestige),
        ("dominance_bfi", "N ~ E + A + C + O + age + gender", bfi),
    ],
)
def test_dominance_equals_r(key, text, data):
    r = json.loads((SHARED / "05_ols.json").read_text())[key]
    found = fit_dominance(parse_model(text), data(), draws=200)
    general = dict(zip(found.general["term"], found.general["general"], strict=True))
    assert general == pytest.approx(r["general"], rel=1e-9)
    terms = r["conditional"]["cols"]
    table = found.conditional.pivot(index="size", columns="term", values="gain")[terms]
    np.testing.assert_allclose(table.to_numpy(), r["conditional"]["values"], rtol=1e-9)
    mine = {(row.first, row.second): row.complete for row in found.pairs.itertuples()}
    assert mine == {(row["a"], row["b"]): row["dominates"] for row in r["complete"]}


def simulated(seed: int, n: int = 80, k: int = 4) -> Scores:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) @ (np.eye(k) + rng.uniform(0, 0.5, (k, k)))
    y = x @ rng.uniform(-0.5, 1, k) + rng.normal(size=n)
    return Scores.from_scored(pd.DataFrame({**{f"x{i}": x[:, i] for i in range(k)}, "y": y}), source="simulated")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5000))
def test_general_dominance_sums_to_r_squared(seed):
    model = parse_model("y ~ x0 + x1 + x2 + x3")
    scores = simulated(seed)
    found = fit_dominance(model, as_moments(scores, model.columns), draws=100)
    whole = fit_regression(model, scores).summary["r_squared"][0]
    assert found.general["general"].sum() == pytest.approx(whole, rel=1e-9)
    assert found.general["share"].sum() == pytest.approx(1)


def test_rows_and_moments_agree_on_normal_data():
    model = parse_model("y ~ x0 + x1 + x2 + x3")
    scores = simulated(3, n=4000)
    rows, moments = (fit_dominance(model, data, draws=1000) for data in (scores, as_moments(scores, model.columns)))
    np.testing.assert_allclose(rows.general["general"], moments.general["general"], rtol=1e-9)
    np.testing.assert_allclose(rows.general["conf_low"], moments.general["conf_low"], atol=0.006)
    np.testing.assert_allclose(rows.general["conf_high"], moments.general["conf_high"], atol=0.006)


def test_several_equations_and_their_shares():
    found = fit_dominance(parse_model("x0 ~ x1 + x2; y ~ x0 + x1"), simulated(1), draws=200)
    assert found.general["outcome"].tolist() == ["x0", "x0", "y", "y"]
    shares = found.pairs[["complete_share", "conditional_share", "general_share"]].to_numpy(float)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_twelve_predictors_are_the_most():
    with pytest.raises(ModelError, match="at most 12"):
        fit_dominance(parse_model("y ~ " + " + ".join(f"x{i}" for i in range(13))), simulated(1, 200, 13))
    with pytest.raises(ModelError, match="product"):
        fit_dominance(parse_model("y ~ x0 + x1 + x0:x1"), simulated(1))


def table(physical: float, social: float, homophily: float, n: int) -> Moments:
    """Uncorrelated causes, so the correlations with psi are the standardised coefficients."""
    r = np.eye(4)
    r[3, :3] = r[:3, 3] = physical, social, homophily
    return from_correlations(["physical", "social", "homophily", "psi"], r, n=n)


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ((0.1, 0.5, 0.4, 400), "replicates"),
        ((0.1, 0.5, 0.15, 400), "mixed"),
        ((0.5, 0.1, 0.2, 400), "contradicts"),
        ((0.2, 0.25, 0.3, 60), "undecided"),
        ((-0.5, 0.3, 0.3, 400), "undecided"),
    ],
)
def test_verdicts(numbers, verdict):
    claim = central_claim(table(*numbers))
    assert claim.verdict == verdict
    assert claim.contrasts["strong"].tolist() == ["homophily", "social"]
    assert claim.dominance.general["general"].tolist() == pytest.approx(
        [numbers[2] ** 2, numbers[1] ** 2, numbers[0] ** 2]
    )


def test_the_contrast_equals_the_delta_method_of_standardised_coefficients():
    """The normal-theory standard error of a difference of standardised coefficients, by the derivative."""
    n, b = 2000, np.array([0.1, 0.5, 0.3])
    claim = central_claim(table(*b, n), draws=20_000)
    rho = np.eye(4)
    rho[3, :3] = rho[:3, 3] = b

    def difference(r: np.ndarray) -> float:
        beta = np.linalg.solve(r[:3, :3], r[:3, 3])
        return float(beta[2] - beta[0])

    pairs = [(i, j) for i in range(4) for j in range(i)]
    gradient = []
    for i, j in pairs:
        up, down = rho.copy(), rho.copy()
        up[i, j] = up[j, i] = rho[i, j] + 1e-6
        down[i, j] = down[j, i] = rho[i, j] - 1e-6
        gradient.append((difference(up) - difference(down)) / 2e-6)
    cov = np.array([[_correlation_covariance(rho, *a, *c) for c in pairs] for a in pairs]) / n
    expected = np.sqrt(np.array(gradient) @ cov @ np.array(gradient))
    assert claim.contrasts["std_error"][0] == pytest.approx(expected, rel=0.03)


def _correlation_covariance(r: np.ndarray, i: int, j: int, k: int, m: int) -> float:
    """Asymptotic covariance of two correlations of normal data (Olkin & Siotani)."""
    return float(
        0.5 * r[i, j] * r[k, m] * (r[i, k] ** 2 + r[i, m] ** 2 + r[j, k] ** 2 + r[j, m] ** 2)
        + r[i, k] * r[j, m] + r[i, m] * r[j, k]
        - r[i, j] * (r[i, k] * r[i, m] + r[j, k] * r[j, m])
        - r[k, m] * (r[i, k] * r[j, k] + r[i, m] * r[j, m])
    )  # fmt: skip


def test_other_names_and_rows():
    claim = central_claim(simulated(2, 500), outcome="y", strong=("x0", "x1"), weak="x2", draws=500)
    beta = fit_regression(parse_model("y ~ x0 + x1 + x2"), simulated(2, 500)).coefficients["std_estimate"].to_numpy()
    assert claim.contrasts["estimate"].tolist() == pytest.approx([beta[1] - beta[3], beta[2] - beta[3]], rel=1e-9)
    assert claim.dominance.n == claim.n == 500


@needs_shared
@pytest.mark.parametrize("errors", ["classical", "hc3"])
def test_equality_equals_r(errors):
    r = json.loads((SHARED / "05_ols.json").read_text())["equal_coef"]["HC3" if errors == "hc3" else errors][1]
    scores = prestige()
    scores = Scores.from_scored(scores.frame.assign(income=lambda d: d.income / 1000), source="Prestige")
    fit = fit_equality(
        parse_model("prestige ~ education + income + women"), scores, outcome="prestige", first="education",
        second="income", errors=errors,
    )  # fmt: skip
    assert fit.summary.loc[0, ["f_statistic", "f_p_value"]].tolist() == pytest.approx([r["F"], r["Pr(>F)"]], rel=1e-8)
    row = fit.coefficients.iloc[0]
    assert row["std_conf_low"] < row["std_estimate"] < row["std_conf_high"]


def test_equality_from_moments_equals_the_claims_contrast():
    moments = table(0.1, 0.5, 0.3, 300)
    claim = central_claim(moments, draws=2000)
    model = parse_model("psi ~ homophily + social + physical")
    fit = fit_equality(model, moments, outcome="psi", first="homophily", second="physical", draws=2000)
    told = fit.coefficients.loc[0, ["std_estimate", "std_conf_low", "std_conf_high"]].tolist()
    assert told == pytest.approx(claim.contrasts.loc[0, ["estimate", "conf_low", "conf_high"]].tolist(), rel=1e-9)
    with pytest.raises(ModelError, match="'trust'"):
        fit_equality(model, moments, outcome="psi", first="trust", second="physical")
    with pytest.raises(ModelError, match="itself"):
        fit_equality(model, moments, outcome="psi", first="social", second="social")


def test_dominance_and_equality_equal_r_on_our_own_data():
    r = reference()["importance"]
    names = ["m", "x", "w", "z"]
    model = parse_model("y ~ m + x + w + z")
    found = fit_dominance(model, people(), draws=100)
    assert found.general.set_index("term")["general"][names].tolist() == pytest.approx(r["general"], rel=1e-8)
    gains = found.conditional.pivot(index="size", columns="term", values="gain")[names]
    np.testing.assert_allclose(gains, r["conditional"], rtol=1e-8, atol=1e-12)
    for row in found.pairs.itertuples():
        first, second = names.index(row.first), names.index(row.second)
        told = "first" if r["complete"][first][second] else "second" if r["complete"][second][first] else "none"
        assert row.complete == told, (row.first, row.second)
    short = parse_model("y ~ m + x + w")
    for errors, expected in reference()["regression"]["equal"].items():
        fit = fit_equality(short, people(), outcome="y", first="m", second="x", errors=errors, draws=100)
        assert fit.coefficients["estimate"][0] == pytest.approx(expected["estimate"], rel=1e-9)
        told = fit.summary.loc[0, ["f_statistic", "f_p_value"]].tolist()
        assert told == pytest.approx([expected["f"], expected["p"]], rel=1e-8)


def test_the_error_of_a_standardised_difference_equals_lavaans_delta_method():
    moments = as_moments(people(), ["y", "m", "x", "w"])
    claim = central_claim(moments, outcome="y", strong=("m", "x"), weak="w", draws=20_000)
    # drawn from a normal population with these moments, where lavaan's is of first order
    expected = reference()["importance"]["beta_difference_se"]
    assert claim.contrasts["std_error"].tolist() == pytest.approx(expected, rel=0.03)
