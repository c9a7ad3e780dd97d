"""Effects along paths against R's 200,000-draw limits, lavaan and the identities that need no oracle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError, NeedsRows
from analysis.fit import EFFECTS, INTERCEPT, Fit
from analysis.model import parse_model
from analysis.moments import as_moments, from_correlations
from analysis.paths import fit_paths
from analysis.regression import fit_regression
from analysis.scoring import Scores, score_scales
from tests.analysis.scores_reference import people
from tests.analysis.scores_reference import reference as frozen

TESTS = Path(__file__).parents[1]
SHARED = TESTS.parents[1] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared data and reference are not at {SHARED}")
HANOI = json.loads((TESTS / "reference" / "hanoi.json").read_text())
DRAWS = 20_000

SIMPLE = "pmi ~ cond; reaction ~ cond + pmi"
PARALLEL = "import ~ cond; pmi ~ cond; reaction ~ cond + import + pmi"
SERIAL = "import ~ cond; pmi ~ cond + import; reaction ~ cond + import + pmi"
COVARIATES = (
    "import ~ cond + gender + age; pmi ~ cond + import + gender + age; reaction ~ cond + import + pmi + gender + age"
)
BY_PATH = {
    "ind_import": "cond -> import -> reaction",
    "ind_pmi": "cond -> pmi -> reaction",
    "ind_serial": "cond -> import -> pmi -> reaction",
    "indirect": "cond -> pmi -> reaction",
    "direct": "cond -> reaction",
}


def reference() -> dict:
    return json.loads((SHARED / "reference" / "06_mediation.json").read_text())


def talor() -> Scores:
    return Scores.from_scored(pd.read_csv(SHARED / "reference" / "data" / "Tal_Or.csv"), source="Tal_Or")


def simulated(n: int = 120, seed: int = 5) -> Scores:
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(2, n))
    m = 0.5 * x + 0.2 * w + rng.normal(size=n)
    v = 0.4 * m - 0.1 * x + rng.normal(size=n)
    y = 0.3 * m + 0.3 * v + 0.2 * x + rng.normal(size=n)
    return Scores.from_scored(pd.DataFrame({"x": x, "w": w, "m": m, "v": v, "y": y}), source="simulated")


WHOLE = parse_model("m ~ x + w; v ~ m + x; y ~ m + v + x")


def effect(fit: Fit, kind: str, path: str) -> pd.Series:
    found = fit.effects[(fit.effects["kind"] == kind) & (fit.effects["path"] == path)]
    assert len(found) == 1, (kind, path)
    return found.iloc[0]


def expect_effect(row: pd.Series, r: dict, limits: str, draws: int = DRAWS) -> None:
    """Point estimate exact; limits and standard error within the Monte Carlo error of both runs."""
    assert row["estimate"] == pytest.approx(r["est"], rel=1e-9)
    assert row["std_error"] == pytest.approx(r["se"], rel=0.04)
    allowed = 4 * np.array(r["mc_se_of_limits"]) * np.sqrt(200_000 / draws)
    gap = np.abs(row[["conf_low", "conf_high"]].to_numpy(float) - r[limits])
    assert (gap <= allowed * (1.5 if limits == "bca" else 1)).all(), (row["path"], gap, allowed)


@needs_shared
@pytest.mark.parametrize("interval", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("talor_simple", SIMPLE),
        ("talor_parallel", PARALLEL),
        ("talor_serial", SERIAL),
        ("talor_serial_cov", COVARIATES),
    ],
)
def test_tal_or_equals_r(key, text, interval):
    fit = fit_paths(
        parse_model(text),
        talor(),
        interval=interval,
        draws=DRAWS,
        contrasts=[("cond -> import -> reaction", "cond -> pmi -> reaction")] if key == "talor_parallel" else (),
    )
    for name, r in reference()[key]["bigB"].items():
        limits = "bca" if interval == "bca" else "perc"
        if name in BY_PATH:
            kind = "direct" if name == "direct" else "indirect"
            expect_effect(effect(fit, kind, BY_PATH[name]), r, limits)
        elif name == "total_ind":
            expect_effect(effect(fit, "total_indirect", "cond -> reaction"), r, limits)
        elif name == "contrast":
            expect_effect(fit.effects[fit.effects["kind"] == "contrast"].iloc[0], r, limits)


@needs_shared
def test_coefficients_equal_r_in_every_equation():
    fit = fit_paths(parse_model(SERIAL), talor(), errors="classical", interval="delta")
    for outcome, r in reference()["talor_serial"]["paths"].items():
        for term in r["coef"]:
            row = fit.coefficient(outcome, term)
            expected = [r["coef"][term], r["se"][term], r["p"][term]]
            assert row[["estimate", "std_error", "p_value"]].tolist() == pytest.approx(expected, rel=1e-8)


def test_sobel_and_monte_carlo_equal_r_on_pingouin_data():
    import pingouin

    rows = pingouin.read_dataset("mediation")[["X", "M", "Y"]]
    scores = Scores.from_scored(rows, source="pingouin mediation")
    model = parse_model("M ~ X; Y ~ X + M")
    delta = effect(fit_paths(model, scores, interval="delta", errors="classical"), "indirect", "X -> M -> Y")
    assert delta["estimate"] / delta["std_error"] == pytest.approx(4.32789111803174, rel=1e-9)
    assert delta["estimate"] == pytest.approx(0.356522196728078, rel=1e-9)
    drawn = fit_paths(model, as_moments(scores, ["X", "M", "Y"]), interval="montecarlo", draws=200_000)
    row = effect(drawn, "indirect", "X -> M -> Y")
    assert [row["conf_low"], row["conf_high"]] == pytest.approx([0.2074, 0.5298], abs=0.004)


@needs_shared
def test_monte_carlo_and_standardised_effect_equal_the_reference():
    r = reference()["pingouin_mc"]
    scores = Scores.from_scored(pd.read_csv(SHARED / "reference" / "data" / "mediation.csv"), source="mediation")
    fit = fit_paths(parse_model("M ~ X; Y ~ X + M"), scores, errors="classical", interval="montecarlo", draws=200_000)
    row = effect(fit, "indirect", "X -> M -> Y")
    assert row["std_estimate"] == pytest.approx(r["std_indirect"], rel=1e-9)
    assert [row["conf_low"], row["conf_high"]] == pytest.approx(r["mc_perc"], abs=0.003)


@needs_shared
def test_hanoi_equals_r():
    rows = pd.read_csv(SHARED / "data" / "hanoi_impulse.csv")
    scores = score_scales(rows, HANOI["scales"], source="hanoi")
    fit = fit_paths(parse_model("PAR ~ SIM + ATT + EXP; TRU ~ PAR; URG ~ PAR + TRU + SIM"), scores, draws=DRAWS)
    for outcome, r in HANOI["regressions"].items():
        for term, estimate in r["coef"].items():
            row = fit.coefficient(outcome, term)
            assert row["estimate"] == pytest.approx(estimate, rel=1e-8)
            assert [row[name] for name in ("std_error", "p_value", "conf_low", "conf_high")] == pytest.approx(
                [r["hc3"][name][term] for name in ("se", "p", "low", "high")], rel=1e-7
            )
            if term != INTERCEPT:
                assert row["std_estimate"] == pytest.approx(r["beta"][term], rel=1e-8)
        classical = fit_regression(fit.model, scores, errors="classical")
        assert classical.coefficient(outcome, INTERCEPT)["std_error"] == pytest.approx(r["se"][INTERCEPT], rel=1e-8)
    for path, r in HANOI["effects"].items():
        row = effect(fit, "direct" if path == "SIM -> URG" else "indirect", path)
        scaled = np.array(r["mc_se"]) * np.sqrt(HANOI["boot_draws"] / 200_000)
        expect_effect(row, {"est": r["estimate"], "se": r["se"], "perc": [r["low"], r["high"]],
                            "mc_se_of_limits": scaled}, "perc")  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5000))
def test_total_is_direct_plus_indirect_and_equals_the_regression_without_mediators(seed):
    scores = simulated(60, seed)
    fit = fit_paths(WHOLE, scores, interval="delta")
    for kind in ("estimate", "std_estimate"):
        parts = [effect(fit, "direct", "x -> y"), effect(fit, "total_indirect", "x -> y")]
        assert effect(fit, "total", "x -> y")[kind] == pytest.approx(sum(row[kind] for row in parts), rel=1e-9)
        paths = fit.effects[(fit.effects["kind"] == "indirect") & fit.effects["path"].str.match("x -> .* -> y")]
        assert len(paths) == 3
        assert parts[1][kind] == pytest.approx(paths[kind].sum(), rel=1e-9)
    plain = fit_paths(parse_model("m ~ x; v ~ m + x; y ~ m + v + x"), scores, interval="delta")
    alone = fit_regression(parse_model("y ~ x"), scores).coefficient("y", "x")["estimate"]
    assert effect(plain, "total", "x -> y")["estimate"] == pytest.approx(alone, rel=1e-9, abs=1e-12)


def test_effects_are_listed_once_in_the_order_of_the_arrows():
    fit = fit_paths(WHOLE, simulated(), draws=200)
    assert tuple(fit.effects.columns) == EFFECTS
    assert not fit.effects[["kind", "path"]].duplicated().any()
    assert fit.effects.loc[fit.effects["path"] == "w -> y", "kind"].tolist() == ["total_indirect", "total"]
    assert "w -> m -> v -> y" in set(fit.effects["path"])
    only = fit_paths(parse_model("y ~ x + w"), simulated(), draws=200)
    assert only.effects["kind"].tolist() == ["direct", "direct"]


def test_delta_of_a_total_effect_equals_the_plain_regression():
    scores = simulated()
    fit = fit_paths(parse_model("m ~ x; v ~ x; y ~ m + v + x"), scores, errors="classical", interval="delta")
    direct = effect(fit, "direct", "x -> m")
    alone = fit_regression(parse_model("m ~ x"), scores, errors="classical").coefficient("m", "x")
    assert direct["std_error"] == pytest.approx(alone["std_error"], rel=1e-9)


@needs_shared
def test_delta_counts_the_residual_covariance_of_parallel_mediators_as_lavaan_does():
    lavaan = {row["lhs"]: row for row in reference()["talor_parallel"]["lavaan"]["ml"] if row["op"] == ":="}
    fit = fit_paths(parse_model(PARALLEL), talor(), errors="classical", interval="delta")
    row = effect(fit, "total_indirect", "cond -> reaction")
    # lavaan divides by n, least squares by the degrees of freedom
    assert row["std_error"] == pytest.approx(lavaan["total_ind"]["se"], rel=0.02)


def test_seeds_repeat_and_differ():
    first, again, other = (fit_paths(WHOLE, simulated(), draws=500, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.effects, again.effects)
    assert (first.effects["conf_low"] != other.effects["conf_low"]).all()
    assert (first.seed, fit_paths(WHOLE, simulated(), interval="delta").seed) == (1, None)


def test_progress_reaches_the_end():
    seen = []
    fit_paths(WHOLE, simulated(seed=99), draws=1000, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1000, 1000) and seen == sorted(seen)


def test_moments_give_everything_but_the_bootstrap():
    moments = as_moments(simulated(), WHOLE.columns)
    fit = fit_paths(WHOLE, moments)
    assert "Monte Carlo" in fit.notes[-1]
    assert np.isfinite(fit.effects.drop(columns=["kind", "path"]).to_numpy(float)).all()
    with pytest.raises(NeedsRows, match="bootstrap"):
        fit_paths(WHOLE, moments, interval="percentile")


def test_a_correlation_table_with_unknown_means_is_enough():
    table = from_correlations(["x", "m", "y"], np.array([[1, 0, 0], [0.4, 1, 0], [0.3, 0.5, 1]]), n=90)
    fit = fit_paths(parse_model("m ~ x; y ~ m + x"), table, interval="delta")
    assert effect(fit, "indirect", "x -> m -> y")["estimate"] == pytest.approx(0.4 * (0.5 - 0.4 * 0.3) / (1 - 0.16))


@needs_shared
def test_monte_carlo_from_a_published_table_equals_sem_tools():
    r = json.loads((SHARED / "reference" / "13_corr_matrix.json").read_text())
    names = r["R"]["cols"]
    sd = [r["sd"][name] for name in names]
    table = from_correlations(names, np.array(r["R"]["values"]), n=r["n"], sd=sd, source="a table")
    fit = fit_paths(parse_model("A ~ E; N ~ A + E"), table, draws=100_000)
    row, mc = effect(fit, "indirect", "E -> A -> N"), r["mediation"]["mc"][0]
    assert row["estimate"] == pytest.approx(mc["est"], rel=1e-6)
    assert [row["conf_low"], row["conf_high"]] == pytest.approx([mc["ci.lower"], mc["ci.upper"]], abs=0.0007)


def test_samples_that_lose_a_group_are_left_out_and_said():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"x": [1.0] * 3 + [0.0] * 57, "m": rng.normal(size=60), "y": rng.normal(size=60)})
    fit = fit_paths(parse_model("m ~ x; y ~ m + x"), Scores.from_scored(rows, source="rare"), draws=2000)
    lost = next(note for note in fit.notes if "left out" in note)
    assert 40 < int(lost.split()[0]) < 180  # 2000 (1 - 3/60)^60 = 92 expected
    assert np.isfinite(fit.effects.drop(columns=["kind", "path"]).to_numpy(float)).all()


def test_refusals():
    with pytest.raises(DataError, match="50 samples"):
        fit_paths(WHOLE, simulated(), draws=50)
    with pytest.raises(ModelError, match="'x -> q'"):
        fit_paths(WHOLE, simulated(), contrasts=[("x -> q", "x -> y")])


def test_effects_and_their_errors_equal_r_on_our_own_data() -> None:
    r = frozen()["paths"]
    model = parse_model("m ~ x; y ~ m + x")
    fit = fit_paths(model, people(), interval="delta").effects.set_index(["kind", "path"])
    assert fit.loc[("direct", "x -> y"), "estimate"] == pytest.approx(r["direct"], rel=1e-10)
    for kind, path in (("indirect", "x -> m -> y"), ("total", "x -> y")):
        told = fit.loc[(kind, path), ["estimate", "std_error", "std_estimate"]].tolist()
        assert told == pytest.approx([r[kind], r[f"{kind}_se"], r[f"std_{kind}"]], rel=1e-9), kind


def test_monte_carlo_limits_equal_r_on_our_own_data() -> None:
    fit = fit_paths(parse_model("m ~ x; y ~ m + x"), people(), errors="classical", interval="montecarlo", draws=400_000)
    row = fit.effects[fit.effects["kind"] == "indirect"].iloc[0]
    # four Monte Carlo errors: sqrt(0.025 * 0.975 / 400,000) over a density of about 1 at the limits
    assert [row["conf_low"], row["conf_high"]] == pytest.approx(frozen()["paths"]["montecarlo"], abs=1e-3)


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_bootstrap_limits_equal_boot_on_our_own_data(interval: str) -> None:
    r = frozen()["paths"]
    fit = fit_paths(parse_model("m ~ x; y ~ m + x"), people(), interval=interval, draws=DRAWS, seed=8)
    row = fit.effects[fit.effects["kind"] == "indirect"].iloc[0]
    allowed = 4 * np.hypot(1, np.sqrt(r["draws"] / DRAWS)) * np.array(r["limit_error"])
    allowed *= 1.5 if interval == "bca" else 1  # further out in the tail, where draws are thinner
    assert (np.abs(row[["conf_low", "conf_high"]].to_numpy(float) - r[interval]) <= allowed).all()


def test_accelerated_limits_of_a_few_skewed_answers_equal_boot() -> None:
    r = frozen()["paths"]["skewed"]
    few = Scores.from_scored(people().frame.head(30).assign(y=r["y"]), source="simulated in R")
    fit = fit_paths(parse_model("m ~ x; y ~ m + x"), few, interval="bca", draws=r["draws"], seed=4)
    row = fit.effects[fit.effects["kind"] == "indirect"].iloc[0]
    gaps = np.abs(row[["conf_low", "conf_high"]].to_numpy(float) - r["bca"]) / r["bca_error"]
    assert (gaps <= 4 * np.sqrt(2)).all()
    apart = np.abs(np.subtract(r["percentile"], r["bca"])) / r["bca_error"]
    assert apart.max() > 20  # so that a plain percentile would be told from it
