"""Mixed models: against lme4 and lmerTest, and what cannot be told apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError, ModelError, NeedsRows
from analysis.model import parse_model
from analysis.multilevel import fit_components, fit_mixed
from analysis.published import load_published
from analysis.scoring import Scores

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "reference"
FROZEN = json.loads((ROOT / "tests" / "reference" / "mixed.json").read_text(encoding="utf-8"))
ROWS = pd.DataFrame(FROZEN["rows"])
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared reference numbers are not beside the project")


def scored(frame: pd.DataFrame) -> Scores:
    return Scores.from_scored(frame, source="test")


def shared(key: str) -> dict:
    return json.loads((SHARED / "08_multilevel.json").read_text(encoding="utf-8"))[key]


def variances(fit) -> dict[str, float]:
    found = fit.effects[fit.effects.kind == "variance"]
    return dict(zip(found.path, found.estimate, strict=True))


def agrees(fit, expected: dict, rel: float = 1e-4) -> None:
    """Fixed effects, errors, Satterthwaite df, variances, likelihood and both R2 as lme4, lmerTest, performance."""
    assert fit.coefficients.estimate.tolist() == pytest.approx([r["Estimate"] for r in expected["fixef"]], rel=rel)
    assert fit.coefficients.std_error.tolist() == pytest.approx([r["Std. Error"] for r in expected["fixef"]], rel=rel)
    assert fit.coefficients.df.tolist() == pytest.approx([r["df"] for r in expected["fixef"]], rel=rel)
    found = variances(fit)
    for row in expected["varcomp"]:
        if row["grp"] == "Residual":
            assert found["residual"] == pytest.approx(row["vcov"], rel=rel)
        elif row["var2"] is None:
            assert found[f"{row['grp']}: {row['var1']}"] == pytest.approx(row["vcov"], rel=rel)
        else:
            correlation = fit.effects[fit.effects.kind == "correlation"].estimate.iloc[0]
            assert correlation == pytest.approx(row["sdcor"], abs=rel)
    summary = fit.summary.iloc[0]
    assert summary.reml_log_likelihood == pytest.approx(expected["logLik"], abs=1e-4)
    if expected["r2_conditional"] is not None:  # performance gives none for one of the reference's fits
        assert summary.r_squared == pytest.approx(expected["r2_conditional"], abs=rel)
        assert summary.r_squared_marginal == pytest.approx(expected["r2_marginal"], abs=rel)
    assert summary.n == expected["n"]


@needs_shared
@pytest.mark.parametrize(
    ("key", "slopes"), [("random_slope_reml", {"Subject": ["Days"]}), ("random_intercept_reml", {})]
)
def test_sleepstudy_agrees_with_lme4(key, slopes):
    data = scored(pd.read_csv(SHARED / "data" / "sleepstudy.csv"))
    fit = fit_mixed(parse_model("Reaction ~ Days"), data, groups=("Subject",), slopes=slopes)
    agrees(fit, shared("sleepstudy")[key])


@needs_shared
def test_crossed_raters_and_targets_agree_with_lme4():
    data = scored(pd.read_csv(SHARED / "data" / "InstEval_400.csv"))
    expected = shared("insteval_crossed")
    null = fit_components("y", data, groups=("s", "d"))
    agrees(null, expected["null"])
    assert null.summary[["icc_d", "icc_s"]].iloc[0].tolist() == pytest.approx(
        [expected["icc"]["d"], expected["icc"]["s"]], rel=1e-4
    )
    agrees(fit_mixed(parse_model("y ~ service + lectage"), data, groups=("s", "d")), expected["cond"])
    agrees(fit_components("y", data, groups=("s",)), expected["only_raters"])


@needs_shared
def test_two_levels_with_predictors_of_both_agree_with_lme4():
    data = scored(pd.read_csv(SHARED / "data" / "Demo_twolevel.csv"))
    expected = shared("demo_twolevel")
    agrees(fit_mixed(parse_model("y1 ~ x1 + x2 + w1"), data, groups=("cluster",)), expected["ri"])
    slope = fit_mixed(parse_model("y1 ~ x1 + w1"), data, groups=("cluster",), slopes={"cluster": ["x1"]})
    agrees(slope, expected["rs"], rel=1e-3)


def test_components_without_predictors_agree_with_lme4():
    expected = FROZEN["components"]
    fit = fit_components("purchase", scored(ROWS))
    row = fit.coefficients.iloc[0]
    assert [row.estimate, row.std_error] == pytest.approx([expected["estimate"], expected["se"]], rel=1e-4)
    theirs = [
        expected["varcomp"][name] for name in ("participation (Intercept)", "influencer (Intercept)", "Residual NA")
    ]
    assert list(variances(fit).values()) == pytest.approx(theirs, rel=1e-4)
    shares = fit.effects[fit.effects["kind"] == "icc"].set_index("path")["estimate"]
    assert shares[["participation", "influencer"]].tolist() == pytest.approx(
        [value / sum(theirs) for value in theirs[:2]], rel=1e-4
    )


@pytest.mark.parametrize(
    ("key", "model", "groups", "slopes"),
    [
        ("crossed", "purchase ~ psi + exposure", ("participation", "influencer"), None),
        ("slope", "purchase ~ psi + exposure", ("participation", "influencer"), {"participation": ["psi"]}),
        ("slope_of_small", "purchase ~ psi + exposure", ("participation", "influencer"), {"influencer": ["exposure"]}),
        ("nested", "spend ~ psi", ("city", "city:shop"), None),
        ("zero", "noise ~ psi", ("participation", "influencer"), None),
    ],
)
def test_simulated_ratings_agree_with_lme4(key, model, groups, slopes):
    expected = FROZEN[key]
    fit = fit_mixed(parse_model(model), scored(ROWS), groups=groups, slopes=slopes)
    assert fit.coefficients.estimate.tolist() == pytest.approx(expected["estimate"], rel=1e-5)
    assert fit.coefficients.std_error.tolist() == pytest.approx(expected["se"], rel=1e-4)
    found = {path.replace(":", "") if key != "nested" else path: value for path, value in variances(fit).items()}
    assert len(found) == len(expected["varcomp"])
    for name, value in expected["varcomp"].items():
        path = (
            "residual" if name.startswith("Residual") else name if key != "nested" else ": ".join(name.rsplit(" ", 1))
        )
        assert found[path] == pytest.approx(value, rel=1e-3, abs=1e-6)
    correlations = fit.effects[fit.effects.kind == "correlation"].estimate.tolist()
    assert correlations == pytest.approx(np.atleast_1d(expected["cor"]).tolist(), abs=1e-3)
    assert fit.summary.reml_log_likelihood[0] == pytest.approx(expected["logLik"], abs=1e-5)


def test_a_variance_at_zero_is_said():
    fit = fit_mixed(parse_model("noise ~ psi"), scored(ROWS))
    assert any("its variance is estimated at the edge" in note for note in fit.notes)
    assert np.isfinite(fit.coefficients.df).all()


def test_nested_agrees_with_statsmodels_on_one_group():
    import statsmodels.formula.api as smf

    fit = fit_mixed(parse_model("purchase ~ psi"), scored(ROWS), groups=("participation",))
    other = smf.mixedlm("purchase ~ psi", ROWS, groups=ROWS.participation).fit(reml=True)
    assert fit.coefficients.estimate.tolist() == pytest.approx(other.fe_params.tolist(), rel=1e-5)
    assert variances(fit)["participation: (Intercept)"] == pytest.approx(other.cov_re.iloc[0, 0], rel=1e-3)


def test_units_order_and_labels_do_not_matter():
    one = fit_mixed(parse_model("purchase ~ psi"), scored(ROWS))
    moved = ROWS.sample(frac=1, random_state=1).assign(
        psi=lambda d: d.psi * 1000 + 1e6,
        purchase=lambda d: d.purchase * 0.001,
        influencer=lambda d: "i" + d.influencer.astype(str),
    )
    other = fit_mixed(parse_model("purchase ~ psi"), scored(moved), groups=("influencer", "participation"))
    assert other.coefficients.estimate[1] * 1e6 == pytest.approx(one.coefficients.estimate[1], rel=1e-6)
    assert other.coefficients.df.tolist()[1] == pytest.approx(one.coefficients.df.tolist()[1], rel=1e-4)
    assert other.summary.icc_influencer[0] == pytest.approx(one.summary.icc_influencer[0], rel=1e-5)
    shift = len(ROWS) - 2
    change = one.summary.reml_log_likelihood[0] - other.summary.reml_log_likelihood[0]
    assert change == pytest.approx(shift * np.log(0.001) + np.log(1000), abs=1e-4)


def test_missing_rows_products_and_several_outcomes():
    frame = ROWS.copy()
    frame["influencer"] = frame["influencer"].astype(object)
    frame.iloc[0, frame.columns.get_loc("influencer")] = None
    frame.iloc[1, frame.columns.get_loc("psi")] = np.nan
    fit = fit_mixed(parse_model("purchase ~ psi + exposure + psi:exposure; spend ~ psi"), scored(frame))
    assert fit.summary.n.tolist() == [len(ROWS) - 2] * 2
    assert "psi:exposure" in set(fit.coefficients.term)
    assert any(f"2 of {len(ROWS)} rows" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"purchase": 3.0}, {}, "'purchase' is 3 everywhere"),
        ({"psi": 3.0}, {}, "psi never varies"),
        ({"influencer": "one"}, {}, r"'influencer' has 1 level"),
        ({"influencer": range(len(ROWS))}, {}, "levels x 1 effect"),
        ({"influencer": ROWS.participation * 2}, {}, "same way"),
        ({"psi": ROWS.participation * 1.0}, {"slopes": {"participation": ["psi"]}}, "never varies within"),
        ({"influencer": ROWS.influencer > 4}, {"slopes": {"influencer": ["psi"]}}, "At least 3"),
        ({"influencer": None}, {}, "0 complete rows"),
    ],
)
def test_what_cannot_be_told_apart_is_named(change, arguments, message):
    with pytest.raises(DataError, match=message):
        fit_mixed(parse_model("purchase ~ psi"), scored(ROWS.assign(**change)), **arguments)


def test_few_rows_collinear_predictors_and_misuse():
    data = scored(ROWS.assign(psi2=ROWS.psi * 2))
    with pytest.raises(DataError, match="repeat each other"):
        fit_mixed(parse_model("purchase ~ psi + psi2"), data)
    with pytest.raises(DataError, match="complete rows"):
        fit_mixed(parse_model("purchase ~ psi"), scored(ROWS.head(3)))
    with pytest.raises(ModelError, match="slopes vary by nobody"):
        fit_mixed(parse_model("purchase ~ psi"), data, slopes={"nobody": ["psi"]})
    with pytest.raises(DataError, match="level"):
        fit_mixed(parse_model("purchase ~ psi"), data, level=95)
    with pytest.raises(ModelError, match="no group"):
        fit_mixed(parse_model("purchase ~ psi"), data, groups=())
    with pytest.raises(DataError, match="'wave'"):
        fit_mixed(parse_model("purchase ~ psi"), data, groups=("wave",))
    with pytest.raises(NeedsRows):
        fit_mixed(parse_model("pin ~ lik"), load_published("gao_2023").moments())


@pytest.mark.parametrize(
    "copied", [ROWS.psi * 2 + 1, ROWS.participation % 7 * 1.0, ROWS.participation + ROWS.influencer]
)
def test_an_outcome_without_residual_is_refused(copied):
    frame = ROWS.assign(copy=copied)
    with pytest.raises(DataError, match="without error"):
        fit_mixed(parse_model("copy ~ psi"), scored(frame))


LIMITS = json.loads((ROOT / "tests" / "reference" / "components.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("key", "model", "groups", "slopes"),
    [
        ("single", "purchase ~ psi", ("participation",), None),
        ("nested", "spend ~ psi", ("city", "city:shop"), None),
        ("slope", "purchase ~ psi + exposure", ("participation",), {"participation": ["psi"]}),
    ],
)
def test_limits_of_variance_components_are_nlmes(key, model, groups, slopes):
    found = fit_mixed(parse_model(model), scored(ROWS), groups=groups, slopes=slopes).effects.set_index("path")
    names = {"sd((Intercept))": "(Intercept)", "sd(psi)": "psi", "cor((Intercept),psi)": "(Intercept), psi"}
    seen = 0
    for level, rows in LIMITS[key].items():
        for name, limits in rows.items():
            group = {"shop": "city:shop"}.get(level, level)
            row = found.loc["residual" if level == "residual" else f"{group}: {names[name]}"]
            power = 1 if row["kind"] == "correlation" else 2
            if np.log(limits["upper"] / limits["lower"] if power == 2 else 1) > 10:
                assert np.isnan(row["conf_low"]) and np.isnan(row["std_error"])
                continue
            seen += 1
            assert row["conf_low"] == pytest.approx(limits["lower"] ** power, rel=1e-2)
            assert row["conf_high"] == pytest.approx(limits["upper"] ** power, rel=1e-2)
    assert seen == len(found[found.kind != "icc"]) - (key == "nested")


def test_limits_of_crossed_components_lie_near_the_profiles_of_lme4():
    found = fit_mixed(parse_model("purchase ~ psi + exposure"), scored(ROWS)).effects.set_index("path")
    for name, path in (("sd_(Intercept)|participation", "participation: (Intercept)"), ("sigma", "residual")):
        limits = LIMITS["crossed_profile"][name]
        assert np.sqrt(found.loc[path, "conf_low"]) == pytest.approx(limits["low"], rel=0.03)
        assert np.sqrt(found.loc[path, "conf_high"]) == pytest.approx(limits["high"], rel=0.03)
    shares = found[found.kind == "icc"]
    assert ((shares.conf_low > 0) & (shares.conf_low < shares.estimate) & (shares.estimate < shares.conf_high)).all()
    assert (shares.conf_high < 1).all() and (shares.std_error > 0).all()


def test_a_share_of_one_group_has_the_limits_of_its_odds():
    """With one group the odds of the share are the ratio of two variances; more certainty, narrower limits."""
    narrow, wide = (fit_components("purchase", scored(ROWS), groups=("participation",), level=at) for at in (0.5, 0.95))
    for fit in (narrow, wide):
        row = fit.effects[fit.effects.kind == "icc"].iloc[0]
        ends = np.log([row.conf_low / (1 - row.conf_low), row.conf_high / (1 - row.conf_high)])
        assert ends.mean() == pytest.approx(np.log(row.estimate / (1 - row.estimate)), rel=1e-9)
    assert (narrow.effects.conf_low > wide.effects.conf_low).all()
    assert (narrow.effects.conf_high < wide.effects.conf_high).all()


def test_what_lies_at_zero_has_no_limits():
    found = fit_mixed(parse_model("noise ~ psi"), scored(ROWS)).effects
    at_zero = found[(found.kind != "correlation") & (found.estimate == 0)]
    assert len(at_zero) and at_zero[["conf_low", "conf_high", "std_error"]].isna().all(axis=None)
    assert found[found.path == "residual"].conf_low.notna().all()


def test_groups_within_groups_agree_with_statsmodels():
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.Generator(np.random.SFC64(4))
    city, shop = np.repeat(np.arange(15), 24), np.tile(np.repeat(np.arange(4), 6), 15)
    frame = pd.DataFrame({"city": city, "shop": shop, "place": city * 4 + shop, "psi": rng.normal(size=360)})
    between = rng.normal(scale=0.8, size=15)[city] + rng.normal(scale=0.6, size=60)[frame.place]
    frame["spend"] = 0.4 * frame.psi + between + rng.normal(size=360)
    ours = fit_mixed(parse_model("spend ~ psi"), scored(frame), groups=("city", "city:shop"))
    with np.errstate(divide="ignore"):  # its search begins with a variance of zero
        shops = {"place": "0 + C(place)"}
        nested = MixedLM.from_formula("spend ~ psi", frame, groups="city", re_formula="1", vc_formula=shops)
        theirs = nested.fit(reml=True)
    assert ours.coefficients.estimate.tolist() == pytest.approx(theirs.fe_params.tolist(), rel=1e-4)
    assert ours.coefficients.std_error.tolist() == pytest.approx(theirs.bse_fe.tolist(), rel=2e-3)
    found = variances(ours)
    assert found["city: (Intercept)"] == pytest.approx(float(theirs.cov_re.iloc[0, 0]), rel=1e-3)
    assert found["city:shop: (Intercept)"] == pytest.approx(float(theirs.vcomp[0]), rel=1e-3)
    assert found["residual"] == pytest.approx(theirs.scale, rel=1e-3)
    assert ours.summary.reml_log_likelihood[0] == pytest.approx(theirs.llf, abs=1e-4)
