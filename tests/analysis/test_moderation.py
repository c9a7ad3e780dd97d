"""Simple slopes, Johnson-Neyman regions and conditional indirect effects against R and the PROCESS documentation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError, ModelError
from analysis.model import parse_model
from analysis.moderation import fit_conditional, fit_moderation
from analysis.moments import as_moments, from_correlations
from analysis.scoring import Scores
from tests.analysis.scores_reference import people
from tests.analysis.scores_reference import reference as frozen

SHARED = Path(__file__).parents[3] / "shared" / "reference"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared reference numbers are not at {SHARED}")
LIKING = parse_model("liking ~ prot2 + sexism + prot2:sexism")


def garcia() -> Scores:
    return Scores.from_scored(pd.read_csv(SHARED / "data" / "Garcia.csv"), source="Garcia")


def reference(name: str) -> dict:
    return json.loads((SHARED / f"{name}.json").read_text())


@needs_shared
def test_garcia_equals_r_and_process():
    r = reference("07_moderation_jn")["garcia"]
    for errors in ("classical", "hc3"):
        found = fit_moderation(LIKING, garcia(), outcome="liking", focal="prot2", moderator="sexism", errors=errors)
        assert found.boundaries["at"].tolist() == pytest.approx(r[f"jn_{errors}"]["roots"], rel=1e-9)
    found = fit_moderation(LIKING, garcia(), outcome="liking", focal="prot2", moderator="sexism", errors="classical")
    assert found.boundaries["share_below"].mul(100).tolist() == pytest.approx(r["pct_below"], rel=1e-9)
    assert found.regions["sign"].tolist() == ["negative", "none", "positive"]
    assert [found.regions["low"].iloc[0], found.regions["high"].iloc[-1]] == r["range"]
    columns = ["at", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    expected = pd.DataFrame(r["simple_slopes_pct"]).to_numpy(float)
    np.testing.assert_allclose(found.slopes[columns].to_numpy(float), expected, rtol=1e-8)


@needs_shared
def test_hc3_slopes_at_chosen_values_equal_r():
    expected = pd.DataFrame(reference("07_moderation_jn")["garcia"]["simple_slopes_meansd_hc3"])
    found = fit_moderation(LIKING, garcia(), outcome="liking", focal="prot2", moderator="sexism", at=expected["w"])
    columns = ["at", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(found.slopes[columns].to_numpy(float), expected.to_numpy(float), rtol=1e-8)


@needs_shared
def test_moments_with_the_product_give_the_same_boundaries():
    moments = as_moments(garcia(), ["liking", "prot2", "sexism", "prot2:sexism"])
    found = fit_moderation(LIKING, moments, outcome="liking", focal="prot2", moderator="sexism")
    expected = reference("07_moderation_jn")["garcia"]
    assert found.boundaries["at"].tolist() == pytest.approx(expected["jn_classical"]["roots"], rel=1e-7)
    meansd = [row["effect"] for row in expected["simple_slopes_meansd"]]
    assert found.slopes["estimate"].tolist() == pytest.approx(meansd, rel=1e-7)


@needs_shared
@pytest.mark.parametrize("interval", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("model8", "respappr ~ prot2 + sexism + prot2:sexism; liking ~ prot2 + sexism + prot2:sexism + respappr"),
        ("model7", "respappr ~ prot2 + sexism + prot2:sexism; liking ~ prot2 + respappr"),
        ("model14", "respappr ~ prot2; liking ~ prot2 + sexism + respappr + respappr:sexism"),
    ],
)
def test_moderated_mediation_equals_r(key, text, interval):
    r = reference("06_mediation")["garcia_modmed"]
    draws = 20_000
    fit = fit_conditional(
        parse_model(text), garcia(), moderator="sexism", cause="prot2", effect="liking", draws=draws, interval=interval
    )
    rows = fit.effects[fit.effects["path"] == "prot2 -> respappr -> liking"]
    assert rows["at"].tolist()[:3] == pytest.approx(r["probe_percentiles"])
    assert ("conditional_direct" in set(fit.effects["kind"])) == (key == "model8")
    for name, row in zip(("ind_16", "ind_50", "ind_84", "index"), rows.itertuples(), strict=True):
        expected = r[key]["bigB"][name]
        assert row.estimate == pytest.approx(expected["est"], rel=1e-8)
        assert row.std_error == pytest.approx(expected["se"], rel=0.04)
        allowed = 4 * np.array(expected["mc_se_of_limits"]) * np.sqrt(200_000 / draws)
        allowed *= 2 if interval == "bca" else 1  # further out in the tail, where draws are thinner
        limits = expected["bca" if interval == "bca" else "perc"]
        assert (np.abs(np.array([row.conf_low, row.conf_high]) - limits) <= allowed).all(), name


def simulated(seed: int = 1, n: int = 150) -> Scores:
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(2, n))
    m = 0.4 * x + 0.3 * w * x + rng.normal(size=n)
    y = 0.5 * m + 0.2 * m * w + rng.normal(size=n)
    return Scores.from_scored(pd.DataFrame({"x": x, "w": w, "m": m, "y": y}), source="simulated")


BOTH = parse_model("m ~ x + w + x:w; y ~ m + w + m:w + x")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2000), st.floats(-2, 2))
def test_the_effect_at_a_value_is_the_effect_at_zero_of_the_shifted_moderator(seed, value):
    scores = simulated(seed)
    fit = fit_conditional(BOTH, scores, moderator="w", cause="x", effect="y", at=[value, 0], interval="delta")
    shifted = Scores.from_scored(scores.frame.assign(w=lambda d: d.w - value), source="shifted")
    again = fit_conditional(BOTH, shifted, moderator="w", cause="x", effect="y", at=[0], interval="delta")
    columns = ["estimate", "std_error", "std_estimate"]
    left, right = fit.effects.loc[0, columns].to_list(), again.effects.loc[0, columns].to_list()
    assert left == pytest.approx(right, rel=1e-6, abs=1e-9)


def test_two_moderated_arrows_have_a_difference_instead_of_an_index():
    fit = fit_conditional(BOTH, simulated(), moderator="w", cause="x", effect="y", at=[-1, 1], draws=300)
    assert fit.effects["kind"].tolist() == ["conditional_indirect", "conditional_indirect", "difference"]
    low, high, gap = fit.effects["estimate"]
    assert gap == pytest.approx(high - low)


def test_a_moderator_with_two_values_is_looked_at_there():
    rows = simulated().frame.assign(w=lambda d: (d.w > 0).astype(int))
    model = parse_model("m ~ x + w + x:w")
    scores = Scores.from_scored(rows, source="simulated")
    found = fit_moderation(model, scores, outcome="m", focal="x", moderator="w", errors="classical")
    assert found.slopes["at"].tolist() == [0, 1]
    by_group = [np.polyfit(group["x"], group["m"], 1)[0] for _, group in rows.groupby("w")]
    assert found.slopes["estimate"].tolist() == pytest.approx(by_group, rel=1e-9)


def test_the_slope_may_never_or_always_differ_from_zero():
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(2, 200))
    model = parse_model("y ~ x + w + w:x")
    for strength, sign in ((0.0, "none"), (5.0, "positive")):
        rows = pd.DataFrame({"x": x, "w": w, "y": strength * x + rng.normal(size=200)})
        found = fit_moderation(model, Scores.from_scored(rows, source="s"), outcome="y", focal="x", moderator="w")
        assert found.regions["sign"].tolist() == [sign]


def test_refusals():
    with pytest.raises(ModelError, match="lacks"):
        fit_moderation(parse_model("y ~ x + x:w"), simulated(), outcome="y", focal="x", moderator="w")
    with pytest.raises(ModelError, match="no equation"):
        fit_moderation(BOTH, simulated(), outcome="x", focal="m", moderator="w")
    with pytest.raises(ModelError, match="no path"):
        fit_conditional(parse_model("m ~ x; y ~ m + w"), simulated(), moderator="w", cause="x", effect="y")
    table = from_correlations(["x", "w", "x:w", "y"], np.eye(4) + 0.2 * (1 - np.eye(4)), n=90)
    with pytest.raises(DataError, match="no mean"):
        fit_moderation(parse_model("y ~ x + w + x:w"), table, outcome="y", focal="x", moderator="w")


def test_lines_are_what_statsmodels_predicts_at_the_means():
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(6)
    x, w, z = rng.normal(3, 1, size=(3, 150))
    rows = pd.DataFrame({"x": x, "w": w, "z": z, "y": 0.4 * x * w + z + rng.normal(size=150)})
    scores = Scores.from_scored(rows, source="simulated")
    model = parse_model("y ~ x + w + z + x:w")
    found = fit_moderation(model, scores, outcome="y", focal="x", moderator="w", at=[2, 4])
    fitted = smf.ols("y ~ x * w + z", rows).fit(cov_type="HC3", use_t=True)
    places = pd.DataFrame({"x": found.lines["focal"], "w": found.lines["at"], "z": rows["z"].mean()})
    expected = fitted.get_prediction(places).summary_frame()
    assert found.lines["estimate"].to_numpy() == pytest.approx(expected["mean"].to_numpy(), rel=1e-9)
    assert found.lines["conf_low"].to_numpy() == pytest.approx(expected["mean_ci_lower"].to_numpy(), rel=1e-7)
    assert (found.lines["focal"].min(), found.lines["focal"].max()) == (rows["x"].min(), rows["x"].max())
    for value, part in found.lines.groupby("at"):
        slope = found.slopes.set_index("at").loc[value, "estimate"]
        assert np.diff(part["estimate"]) / np.diff(part["focal"]) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("errors", ["classical", "hc3"])
def test_slopes_and_boundaries_equal_r_on_our_own_data(errors):
    r = frozen()["moderation"][errors]
    found = fit_moderation(parse_model("m ~ x + w + x:w"), people(), outcome="m", focal="x", moderator="w",
                           errors=errors)  # fmt: skip
    columns = ["at", "estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(found.slopes[columns], np.transpose([r[name] for name in columns]), rtol=1e-9)
    assert found.boundaries["at"].tolist() == pytest.approx(r["boundaries"], rel=1e-7)


def test_the_index_of_moderated_mediation_equals_r_on_our_own_data():
    r = frozen()["moderation"]
    fit = fit_conditional(parse_model("m ~ x + w + x:w; y ~ m + x + w"), people(), moderator="w", cause="x",
                          effect="y", interval="delta")  # fmt: skip
    table = fit.effects[fit.effects["kind"].isin(["conditional_indirect", "index"])]
    assert table["kind"].tolist() == ["conditional_indirect"] * 3 + ["index"]
    assert table["estimate"].tolist() == pytest.approx([*r["conditional"], r["index"]], rel=1e-9)
    assert table["std_error"].tolist() == pytest.approx([*r["conditional_se"], r["index_se"]], rel=1e-9)
