"""Groups: against R through the shared reference and frozen numbers, pingouin beside, and what must be refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError, ModelError, NeedsRows
from analysis.groups import fit_ancova, fit_equivalence, fit_groups
from analysis.model import parse_model
from analysis.multiplicity import adjust_family
from analysis.published import load_published
from analysis.scoring import Scores
from tests.analysis.scores_reference import people, reference

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "reference"
FROZEN = json.loads((ROOT / "tests" / "reference" / "designs.json").read_text(encoding="utf-8"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared reference numbers are not beside the project")


def scored(frame: pd.DataFrame) -> Scores:
    return Scores.from_scored(frame, source="test")


def penguins() -> Scores:
    frame = pd.read_csv(SHARED / "data" / "penguins.csv")
    return scored(frame.dropna(subset=["species", "body_mass_g", "bill_length_mm", "sex"]))


@needs_shared
@pytest.mark.parametrize("outcome", ["body_mass_g", "bill_length_mm"])
def test_welch_games_howell_effect_sizes_and_kruskal_agree_with_r(outcome):
    expected = json.loads((SHARED / "10_groups.json").read_text(encoding="utf-8"))["penguins"][outcome]
    fit = fit_groups(parse_model(f"{outcome} ~ species"), penguins())
    summary = fit.summary.iloc[0]
    welch = expected["welch"]
    assert summary[["f_statistic", "df1", "df2"]].tolist() == pytest.approx([welch["F"], welch["df1"], welch["df2"]])
    assert summary.f_p_value == pytest.approx(welch["p"], rel=1e-6)
    assert summary.r_squared == pytest.approx(expected["eta2"], rel=1e-9)
    assert summary.omega_squared == pytest.approx(expected["omega2"], rel=1e-9)
    assert summary.kruskal_h == pytest.approx(expected["kruskal"]["H"], rel=1e-9)
    assert summary.kruskal_p == pytest.approx(expected["kruskal"]["p"], rel=1e-6)
    assert summary.brown_forsythe_f == pytest.approx(expected["brown_forsythe_levene"]["F"], rel=1e-9)
    howell = expected["games_howell"]
    table = fit.coefficients
    assert table.term.tolist() == ["Chinstrap - Adelie", "Gentoo - Adelie", "Gentoo - Chinstrap"]
    assert table.estimate.tolist() == pytest.approx(howell["estimate"], rel=1e-9)
    assert table.std_error.tolist() == pytest.approx([se * np.sqrt(2) for se in howell["se"]], rel=1e-9)
    assert table.statistic.abs().tolist() == pytest.approx(howell["statistic"], rel=1e-9)
    assert table.conf_low.tolist() == pytest.approx(howell["conf.low"], rel=1e-6)
    assert table.conf_high.tolist() == pytest.approx(howell["conf.high"], rel=1e-6)
    assert table.p_value.iloc[0] == pytest.approx(howell["p.adj"][0], abs=5e-4)
    assert fit.effects.estimate.tolist() == pytest.approx(list(expected["means"].values()))


@needs_shared
def test_two_groups_are_welchs_t_test_with_cohens_d_as_r_gives_them():
    expected = json.loads((SHARED / "10_groups.json").read_text(encoding="utf-8"))
    row = fit_groups(parse_model("body_mass_g ~ sex"), penguins()).coefficients.iloc[0]
    assert row.statistic == pytest.approx(-expected["welch_t"]["t"], rel=1e-9)
    assert row.df == pytest.approx(expected["welch_t"]["df"], rel=1e-9)
    assert row.p_value == pytest.approx(expected["welch_t"]["p"], rel=1e-6)
    assert [row.conf_low, row.conf_high] == pytest.approx([-limit for limit in reversed(expected["welch_t"]["ci"])])
    d = expected["cohens_d_pooled"]
    assert row.std_estimate == pytest.approx(-d["Cohens_d"], rel=1e-9)
    assert [row.d_low, row.d_high] == pytest.approx([-d["CI_high"], -d["CI_low"]], abs=1e-4)


@needs_shared
def test_ancova_agrees_with_car_and_emmeans():
    expected = json.loads((SHARED / "10_groups.json").read_text(encoding="utf-8"))["ancova_bfi"]
    frame = pd.read_csv(SHARED / "data" / "bfi_scales.csv")
    frame["tier"] = pd.cut(frame["age"], [0, 22, 35, 99], labels=["a", "b", "c"]).astype(object)
    fit = fit_ancova(parse_model("N ~ tier + E"), scored(frame))
    assert fit.summary.f_statistic[0] == pytest.approx(expected["type2"]["values"][0][2], rel=1e-9)
    assert fit.summary.f_p_value[0] == pytest.approx(expected["type2"]["values"][0][3], rel=1e-6)
    means = expected["emmeans"]
    assert fit.effects.estimate.tolist() == pytest.approx(means["emmean"], rel=1e-9)
    assert fit.effects.std_error.tolist() == pytest.approx(means["SE"], rel=1e-9)
    assert fit.effects.conf_low.tolist() == pytest.approx(means["lower.CL"], rel=1e-9)
    pairs = fit.coefficients.iloc[:3]
    assert (-pairs.estimate).tolist() == pytest.approx(expected["pairs_holm"]["estimate"], rel=1e-6)
    holm = adjust_family(dict(zip(pairs.term, pairs.p_value, strict=True)), family="tiers")
    assert holm.p_adjusted.tolist() == pytest.approx(expected["pairs_holm"]["p.value"], rel=1e-6)
    assert fit.coefficients.term.tolist()[-1] == "E"
    assert fit.coefficients.statistic.iloc[-1] ** 2 == pytest.approx(expected["type2"]["values"][1][2], rel=1e-9)


def test_equivalence_agrees_with_two_one_sided_t_tests_in_r():
    rows = pd.DataFrame(FROZEN["rows"])
    expected = FROZEN["tost"]
    fit = fit_equivalence(parse_model("y ~ treated"), scored(rows[rows.post == 0]), margin=expected["margin"])
    row = fit.coefficients.iloc[0]
    assert row.p_value == pytest.approx(max(expected["lower"], expected["upper"]), rel=1e-9)
    assert [row.conf_low, row.conf_high] == pytest.approx(expected["ci"], rel=1e-9)
    assert fit.level == pytest.approx(0.90)


def test_equivalence_holds_exactly_when_the_interval_lies_inside_the_margin():
    rng = np.random.default_rng(5)
    for shift in np.linspace(-1, 1, 21):
        frame = pd.DataFrame(
            {"y": np.r_[rng.normal(size=25), rng.normal(shift, 2, size=40)], "g": ["a"] * 25 + ["b"] * 40}
        )
        row = fit_equivalence(parse_model("y ~ g"), scored(frame), margin=0.8).coefficients.iloc[0]
        assert (row.p_value < 0.05) == (row.conf_low > -0.8 and row.conf_high < 0.8)


def test_pingouin_gives_the_same_pairs_on_its_own_data():
    import pingouin

    frame = pingouin.read_dataset("anova")
    frame.columns = ["subject", "hair", "pain"]
    table = fit_groups(parse_model("pain ~ hair"), scored(frame)).coefficients
    other = pingouin.pairwise_gameshowell(frame, dv="pain", between="hair")
    assert table.estimate.tolist() == pytest.approx((-other["diff"]).tolist())
    assert table.p_value.tolist() == pytest.approx(other["pval" if "pval" in other else "p_val"].tolist(), rel=1e-5)


def test_several_outcomes_missing_values_and_the_synthetic_flag():
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, None], "b": [2.0, 2.5, 1, 4, 3], "g": ["x", "x", "y", "y", None]})
    frame["synthetic"] = True
    fit = fit_groups(parse_model("a ~ g; b ~ g"), scored(frame))
    assert fit.synthetic
    assert fit.summary[["outcome", "n"]].to_numpy().tolist() == [["a", 4], ["b", 4]]
    assert any("1 of 5 rows" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"y": [1, 2, 3, 4], "g": ["a", "a", "a", "b"]}, "b has only one row"),
        ({"y": [1, 2, 3, 3], "g": ["a", "a", "b", "b"]}, "everybody in 'b' has the same value 3"),
        ({"y": [1, 2, 3, 4], "g": ["a"] * 4}, "1 group"),
        ({"y": [None] * 4, "g": ["a", "a", "b", "b"]}, "0 group"),
        ({"y": list(range(200)), "g": [f"p{i}" for i in range(200)]}, "200 different values"),
        ({"y": ["often", 1, 2, 3], "g": ["a", "a", "b", "b"]}, "often"),
        ({"y": [1, 2, 3, 4], "h": ["a", "a", "b", "b"]}, "no such column"),
    ],
)
def test_groups_that_cannot_be_compared_are_named(frame, message):
    with pytest.raises(DataError, match=message):
        fit_groups(parse_model("y ~ g"), scored(pd.DataFrame(frame)))


def test_ancova_refuses_a_covariate_that_is_the_group_or_the_outcome():
    frame = pd.DataFrame({"y": [1.0, 2, 3, 5], "g": [0, 0, 1, 1], "h": [0, 0, 1, 1], "c": [1.0, 2, 3, 5]})
    with pytest.raises(DataError, match="tell 3 group means and slopes apart"):
        fit_ancova(parse_model("y ~ g + h"), scored(frame))
    with pytest.raises(DataError, match="fits without error"):
        fit_ancova(parse_model("y ~ g + c"), scored(frame))


def test_other_misuse_is_named():
    frame = scored(pd.DataFrame({"y": [1.0, 2, 3, 5], "g": list("aabb"), "c": [1, 2, 3, 4]}))
    with pytest.raises(ModelError, match="several terms"):
        fit_groups(parse_model("y ~ g + c"), frame)
    with pytest.raises(DataError, match="margin"):
        fit_equivalence(parse_model("y ~ g"), frame, margin=0)
    with pytest.raises(DataError, match="level"):
        fit_groups(parse_model("y ~ g"), frame, level=95)
    with pytest.raises(NeedsRows, match="comparison of groups"):
        fit_groups(parse_model("pin ~ lik"), load_published("gao_2023").moments())


def test_families_agree_with_r_and_refuse_what_is_no_p_value():
    expected = FROZEN["adjust"]
    family = {f"t{i}": p for i, p in enumerate(expected["p"])}
    for method in ("holm", "bh"):
        table = adjust_family(family, family="x", method=method)
        assert table.p_adjusted.tolist() == pytest.approx(expected[method])
    shuffled = dict(reversed(family.items()))
    assert adjust_family(shuffled, family="x").p_adjusted.tolist() == pytest.approx(expected["holm"][::-1])
    with pytest.raises(DataError, match=r"its p-value is nan.*") as caught:
        adjust_family({"a": float("nan"), "b": 2.0}, family="x", method="bonf")
    assert len(caught.value.problems) == 3
    with pytest.raises(DataError, match="no test"):
        adjust_family({}, family="x")


def test_groups_and_a_covariate_equal_r_on_our_own_data():
    r = reference()["groups"]
    fit = fit_groups(parse_model("y ~ image"), people())
    summary = fit.summary.iloc[0]
    columns = ["f_statistic", "df1", "df2", "f_p_value", "kruskal_h", "kruskal_p", "r_squared", "omega_squared"]
    expected = [r["f"], *r["df"], r["p"], *r["kruskal"], r["eta"], r["omega"]]
    assert summary[columns].tolist() == pytest.approx(expected, rel=1e-8)
    assert summary["brown_forsythe_f"] == pytest.approx(r["brown_forsythe"], rel=1e-9)
    assert fit.effects["estimate"].tolist() == pytest.approx(r["mean"], rel=1e-10)
    pairs = dict(zip(("estimate", "std_error", "df", "p_value", "conf_low", "conf_high"), r["pairs"], strict=True))
    for name, values in pairs.items():
        assert fit.coefficients[name].tolist() == pytest.approx(values, rel=1e-5), name
    np.testing.assert_allclose(
        fit.coefficients[["std_estimate", "d_low", "d_high"]], np.transpose(r["cohen"]), rtol=1e-6
    )
    np.testing.assert_allclose(fit.effects[["conf_low", "conf_high"]], r["mean_ci"], rtol=1e-9)
    adjusted = fit_ancova(parse_model("y ~ image + z"), people())
    told = adjusted.summary.loc[0, ["f_statistic", "f_p_value"]].tolist()
    assert told == pytest.approx([r["ancova"]["f"], r["ancova"]["p"]], rel=1e-8)
    assert adjusted.effects["estimate"].tolist() == pytest.approx(r["ancova"]["mean"], rel=1e-9)
    assert adjusted.effects["std_error"].tolist() == pytest.approx(r["ancova"]["mean_se"], rel=1e-9)
    assert adjusted.effects["conf_low"].tolist() == pytest.approx(r["ancova"]["mean_low"], rel=1e-9)
    slope = adjusted.coefficients.iloc[-1]
    assert [slope["estimate"], slope["p_value"]] == pytest.approx(
        [r["ancova"]["slope"], r["ancova"]["slope_p"]], rel=1e-8
    )
