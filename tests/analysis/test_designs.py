"""Waves, repeated measures, clusters and difference in differences: against R, pingouin, and what cannot be fitted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.designs import fit_clustered, fit_difference_in_differences, fit_repeated, match_waves
from analysis.errors import DataError, ModelError, NeedsRows
from analysis.model import parse_model
from analysis.moments import as_moments, from_correlations
from analysis.published import load_published
from analysis.scoring import Scores
from tests.analysis.scores_reference import reference

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "reference"
FROZEN = json.loads((ROOT / "tests" / "reference" / "designs.json").read_text(encoding="utf-8"))
ROWS = pd.DataFrame(FROZEN["rows"])
WAVES = pd.DataFrame(FROZEN["waves"])
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared reference numbers are not beside the project")


def scored(frame: pd.DataFrame) -> Scores:
    return Scores.from_scored(frame, source="test")


def test_repeated_measures_agree_with_r():
    expected = FROZEN["repeated"]
    summary = fit_repeated(scored(WAVES), ["w1", "w2", "w3"]).summary.iloc[0]
    assert summary.f_statistic == pytest.approx(expected["F"], rel=1e-9)
    assert summary.f_p_value == pytest.approx(expected["p"], rel=1e-8)
    assert summary.gg_p_value == pytest.approx(expected["p_gg"], rel=1e-6)
    assert f"{summary.gg_epsilon:.4f}" in " ".join(expected["heading"])


def test_pairs_are_paired_t_tests():
    expected = FROZEN["paired"]
    row = fit_repeated(scored(WAVES), ["w1", "w2", "w3"]).coefficients.iloc[0]
    assert row.term == "w2 - w1"
    assert row[["estimate", "statistic", "df", "p_value"]].tolist() == pytest.approx(
        [expected[key] for key in ("estimate", "t", "df", "p")], rel=1e-9
    )
    assert [row.conf_low, row.conf_high] == pytest.approx(expected["ci"], rel=1e-9)


def test_two_measurements_give_the_square_of_t_and_pingouin_agrees_on_three():
    import pingouin

    two = fit_repeated(scored(WAVES), ["w1", "w2"])
    assert two.summary.f_statistic[0] == pytest.approx(two.coefficients.statistic[0] ** 2)
    assert two.summary.gg_epsilon[0] == pytest.approx(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pingouin 0.7 trips over pandas 3 here
        other = pingouin.rm_anova(WAVES[["w1", "w2", "w3"]], effsize="np2")
    three = fit_repeated(scored(WAVES), ["w1", "w2", "w3"]).summary.iloc[0]
    assert three.f_statistic == pytest.approx(other["F"].iloc[0], rel=1e-9)
    assert three.gg_epsilon == pytest.approx(other["eps"].iloc[0], rel=1e-6)
    assert three.partial_eta_squared == pytest.approx(other["np2"].iloc[0], rel=1e-6)


def test_rows_and_moments_agree_and_units_do_not_matter():
    columns = ["w1", "w2", "w3"]
    rows = fit_repeated(scored(WAVES), columns)
    moments = fit_repeated(as_moments(scored(WAVES), columns), columns)
    pd.testing.assert_frame_equal(rows.coefficients, moments.coefficients)
    large = fit_repeated(scored(WAVES * 1000 + 1e6), columns)
    assert large.summary.f_statistic[0] == pytest.approx(rows.summary.f_statistic[0], rel=1e-8)
    assert large.coefficients.std_estimate.tolist() == pytest.approx(rows.coefficients.std_estimate.tolist())


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (WAVES, ["w1"], "at least two"),
        (WAVES, ["w1", "w1"], "at least two"),
        (WAVES.assign(w2=WAVES.w1 + 1), ["w1", "w2"], "changes by the same"),
        (WAVES.assign(w2=3.0), ["w1", "w2"], "same value"),
        (WAVES.head(1), ["w1", "w2"], "complete row"),
    ],
)
def test_measurements_that_show_no_change_are_refused(frame, columns, message):
    with pytest.raises(DataError, match=message):
        fit_repeated(scored(frame), columns)


def test_a_table_without_means_is_refused():
    with pytest.raises(DataError, match="means are not known"):
        fit_repeated(from_correlations(["a", "b"], np.array([[1, 0], [0.5, 1]]), n=40), ["a", "b"])


def test_waves_are_matched_by_code_and_doubtful_codes_left_out():
    frame = pd.DataFrame(
        {
            "code": ["a1", "b2", "c3", "c3", None, " A1", "b2", "d4"],
            "wave": ["pre"] * 5 + ["post"] * 3,
            "psi": [1.0, 2, 3, 4, 5, 6, 9, 8],
            "synthetic": True,
        }
    )
    wide = match_waves(scored(frame), ["psi"], person="code")
    assert list(wide.frame.columns[:3]) == ["person", "psi.pre", "psi.post"]
    assert wide.frame["psi.post"].tolist() == [6.0, 9.0, 8.0]
    assert wide.synthetic
    assert sorted(wide.left_out.row) == [2, 3, 4]
    fit = fit_repeated(wide, ["psi.pre", "psi.post"])
    assert fit.summary.n[0] == 2
    assert fit.synthetic
    with pytest.raises(DataError, match="1 wave"):
        match_waves(scored(frame[frame.wave == "pre"]), ["psi"], person="code")
    with pytest.raises(DataError, match="no such column"):
        match_waves(scored(frame), ["psi"], person="nobody")


def test_difference_in_differences_agrees_with_r():
    expected = FROZEN["did"]
    fit = fit_difference_in_differences(parse_model("y ~ treated + post"), scored(ROWS), person="person")
    assert fit.coefficients.term.tolist() == ["(Intercept)", "treated[1]", "post[1]", "treated[1]:post[1]"]
    found = fit.coefficients[["estimate", "std_error", "statistic", "p_value"]].to_numpy()
    assert found == pytest.approx(np.array(expected["values"]), rel=1e-8)
    means = fit.effects.set_index("path").estimate
    change = (means["1, 1"] - means["1, 0"]) - (means["0, 1"] - means["0, 0"])
    assert fit.coefficients.estimate[3] == pytest.approx(change)


def test_words_for_before_and_after_are_put_in_time_and_covariates_stay():
    frame = ROWS.assign(wave=np.where(ROWS.post == 1, "post", "pre"), arm=np.where(ROWS.treated == 1, "video", "label"))
    fit = fit_difference_in_differences(parse_model("y ~ arm + wave + age"), scored(frame), person="person")
    assert fit.coefficients.term.tolist()[1:] == ["arm[video]", "wave[post]", "age", "arm[video]:wave[post]"]
    plain = fit_difference_in_differences(parse_model("y ~ arm + wave"), scored(frame), person="person")
    assert plain.coefficients.estimate.tolist() == pytest.approx([row[0] for row in FROZEN["did"]["values"]])


@needs_shared
def test_cluster_robust_errors_agree_with_sandwich_on_crossed_ratings():
    expected = json.loads((SHARED / "08_multilevel.json").read_text(encoding="utf-8"))["insteval_crossed"]
    table = dict(zip(expected["ols_cluster_robust_s"]["rows"], expected["ols_cluster_robust_s"]["values"], strict=True))
    data = scored(pd.read_csv(SHARED / "data" / "InstEval_400.csv"))
    fit = fit_clustered(parse_model("y ~ lectage + service"), data, cluster="s")
    found = fit.coefficients.set_index("term")
    for ours, theirs in (("(Intercept)", "(Intercept)"), ("lectage", "lectage"), ("service", "service1")):
        assert found.estimate[ours] == pytest.approx(table[theirs][0], rel=1e-8)
        assert found.std_error[ours] == pytest.approx(table[theirs][1], rel=1e-8)
    assert fit.summary.clusters[0] == 400


def test_clusters_of_one_are_hc1_and_statsmodels_agrees():
    import statsmodels.api as sm

    fit = fit_clustered(parse_model("y ~ x + z"), scored(ROWS.assign(row=range(len(ROWS)))), cluster="row")
    other = sm.OLS(ROWS.y, sm.add_constant(ROWS[["x", "z"]])).fit(cov_type="HC1")
    assert fit.coefficients.std_error.tolist() == pytest.approx(other.bse.tolist(), rel=1e-9)
    grouped = fit_clustered(parse_model("y ~ x + z"), scored(ROWS), cluster="person")
    robust = sm.OLS(ROWS.y, sm.add_constant(ROWS[["x", "z"]])).fit(cov_type="cluster", cov_kwds={"groups": ROWS.person})
    assert grouped.coefficients.std_error.tolist() == pytest.approx(robust.bse.tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"person": ROWS.person % 2}, "'person' has 2 values in 240 complete rows, for 3 coefficients"),
        ({"y": 2.0}, "'y' is 2 everywhere"),
        ({"x": 1.0}, "x never varies"),
        ({"z": ROWS.x * -3}, "repeat each other"),
        ({"y": ROWS.x + ROWS.z}, "without error"),
        ({"y": np.nan}, "0 values in 0 complete rows"),
    ],
)
def test_clusters_that_cannot_carry_the_model_are_named(change, message):
    with pytest.raises(DataError, match=message):
        fit_clustered(parse_model("y ~ x + z"), scored(ROWS.assign(**change)), cluster="person")


def test_designs_that_are_none():
    with pytest.raises(DataError, match="3 values"):
        fit_difference_in_differences(parse_model("y ~ rating + post"), scored(ROWS[ROWS.rating < 4]), person="person")
    with pytest.raises(ModelError, match="a group and a wave"):
        fit_difference_in_differences(parse_model("y ~ treated"), scored(ROWS), person="person")
    half = ROWS[(ROWS.treated == 0) | (ROWS.post == 1)]
    with pytest.raises(DataError, match="nobody answered 'y' in: 1, 0"):
        fit_difference_in_differences(parse_model("y ~ treated + post"), scored(half), person="person")
    with pytest.raises(NeedsRows):
        fit_clustered(parse_model("pin ~ lik"), load_published("gao_2023").moments())


def test_waves_are_matched_as_merge_does_in_r():
    r = reference()["waves"]
    frame = pd.concat([pd.DataFrame(r[wave]).assign(wave=wave) for wave in ("after", "before")], ignore_index=True)
    wide = match_waves(scored(frame), ["psi"], person="code")
    assert len(wide.frame) == r["matched"]
    row = fit_repeated(wide, ["psi.before", "psi.after"]).coefficients.iloc[0]
    assert [row.statistic, row.df, row.conf_low, row.conf_high] == pytest.approx([r["t"], r["df"], *r["ci"]], rel=1e-9)
    assert row.df == r["both"] - 1
