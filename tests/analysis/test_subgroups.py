"""The same model in several groups: differences equal interactions, and each refusal names its group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.errors import DataError, ModelError
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.scoring import Scores
from analysis.subgroups import DIFFERENCES, fit_subgroups
from tests.analysis.scores_reference import people as respondents
from tests.analysis.scores_reference import reference

MODEL = parse_model("m ~ x; y ~ m + x")


def people(n: int = 240, groups: int = 2, seed: int = 3) -> Scores:
    rng = np.random.default_rng(seed)
    wave = np.arange(n) % groups
    x = rng.normal(size=n)
    m = (0.2 + 0.4 * wave) * x + rng.normal(size=n)
    y = 0.5 * m + 0.1 * x + rng.normal(size=n) * (1 + wave)
    frame = pd.DataFrame({"x": x, "m": m, "y": y, "wave": wave})
    return Scores.from_scored(frame, source="example")


def test_coefficients_differ_as_the_interaction_says() -> None:
    scores = people()
    found = fit_subgroups(MODEL, scores, by="wave", draws=200)
    assert list(found.differences.columns) == list(DIFFERENCES)
    frame = scores.frame
    design = sm.add_constant(pd.DataFrame({"m": frame["m"], "x": frame["x"], "wave": frame["wave"]}))
    for name in ("m", "x"):
        design[f"{name}:wave"] = frame[name] * frame["wave"]
    theirs = sm.OLS(frame["y"], design).fit(cov_type="HC3")
    ours = found.differences.query("kind == 'coefficient' and outcome == 'y'").set_index("term")
    for term, name in (("m", "m:wave"), ("x", "x:wave"), ("(Intercept)", "wave")):
        assert ours.loc[term, "estimate"] == pytest.approx(theirs.params[name], rel=1e-9)
        assert ours.loc[term, "std_error"] == pytest.approx(theirs.bse[name], rel=1e-9)
        assert 117 <= ours.loc[term, "df"] <= 234


def test_each_fit_is_that_of_its_people_alone() -> None:
    scores = people()
    found = fit_subgroups(MODEL, scores, by="wave", draws=200, seed=5)
    assert list(found.fits) == ["0", "1"]
    for number, (name, fit) in enumerate(found.fits.items()):
        alone = scores.keep((scores.frame["wave"] == int(name)).to_numpy(), "other wave")
        expected = fit_paths(MODEL, alone, draws=200, seed=5 + number)
        pd.testing.assert_frame_equal(fit.coefficients, expected.coefficients)
        pd.testing.assert_frame_equal(fit.effects, expected.effects)


def test_effects_differ_by_independent_draws_or_by_their_errors() -> None:
    scores = people(n=600)
    drawn = fit_subgroups(MODEL, scores, by="wave", draws=4000).differences.set_index(["kind", "term"])
    normal = fit_subgroups(MODEL, scores, by="wave", interval="delta").differences.set_index(["kind", "term"])
    row, other = drawn.loc["indirect", "x -> m -> y"], normal.loc["indirect", "x -> m -> y"]
    assert row["estimate"] == pytest.approx(other["estimate"], rel=1e-12)
    assert row["std_error"] == pytest.approx(other["std_error"], rel=0.1)
    assert row["conf_low"] == pytest.approx(other["conf_low"], abs=0.05)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert np.isnan(row["p_value"])
    assert set(drawn.index.get_level_values("kind")) == {"coefficient", "indirect", "total"}


def test_turning_the_groups_round_turns_the_sign() -> None:
    scores = people()
    turned = Scores.from_scored(scores.frame.assign(wave=1 - scores.frame["wave"]), source="example")
    one, other = (fit_subgroups(MODEL, data, by="wave", interval="delta").differences for data in (scores, turned))
    np.testing.assert_allclose(one["estimate"], -other["estimate"])
    np.testing.assert_allclose(one["conf_low"], -other["conf_high"])


def test_three_groups_give_every_pair_and_rows_without_a_group_are_told() -> None:
    scores = people(groups=3)
    frame = scores.frame.astype({"wave": object})
    frame.loc[:4, "wave"] = None
    found = fit_subgroups(MODEL, Scores.from_scored(frame, source="example"), by="wave", interval="delta")
    assert set(found.differences["groups"]) == {"1 - 0", "2 - 0", "2 - 1"}
    assert any("5 of 240 rows hold no 'wave'" in note for note in found.notes)
    assert any("3 pairs" in note for note in found.notes)


def test_what_cannot_be_compared_is_named() -> None:
    scores = people()
    alone = scores.frame.assign(wave=[9, *scores.frame["wave"][1:]])
    with pytest.raises(DataError, match=r"group wave '9' \(n = 1\)"):
        fit_subgroups(MODEL, Scores.from_scored(alone, source="example"), by="wave")
    with pytest.raises(DataError, match="1 different values"):
        fit_subgroups(MODEL, Scores.from_scored(scores.frame.assign(wave=1), source="example"), by="wave")
    with pytest.raises(DataError, match="240 different values"):
        fit_subgroups(parse_model("y ~ m"), scores, by="x")
    with pytest.raises(ModelError, match="group 'x': it is in the model"):
        fit_subgroups(MODEL, scores, by="x")
    with pytest.raises(DataError, match="no such column"):
        fit_subgroups(MODEL, scores, by="town")
    with pytest.raises(ModelError, match=r"^model, 'nobody': no column of that name in example.*$"):
        fit_subgroups(parse_model("y ~ nobody"), scores, by="wave")


def test_differences_equal_r_on_our_own_data() -> None:
    r = reference()["subgroups"]
    found = fit_subgroups(MODEL, respondents(), by="wave", interval="delta").differences
    table = found.query("kind == 'coefficient' and outcome == 'y'").set_index("term").loc[r["term"]]
    columns = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(table[columns], np.transpose([r[name] for name in columns]), rtol=1e-8)
    assert table["estimate"].tolist() == pytest.approx(r["interaction"], rel=1e-8)
    assert table["std_error"].tolist() == pytest.approx(r["interaction_se"], rel=1e-8)
    effect = found.set_index(["kind", "term"]).loc[("indirect", "x -> m -> y")]
    told = [effect["estimate"], effect["std_error"]]
    assert told == pytest.approx([r["indirect"], r["indirect_se"]], rel=1e-8)
