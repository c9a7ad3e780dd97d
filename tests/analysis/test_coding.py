"""Groups as named contrasts, and centring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.coding import centre, code_groups
from analysis.errors import DataError
from analysis.model import parse_model
from analysis.regression import fit_regression, fit_steps
from analysis.scoring import Scores
from tests.analysis.scores_reference import assert_table, people, reference

SHARED = Path(__file__).parents[3] / "shared" / "reference"


def images(n: int = 90) -> Scores:
    rng = np.random.default_rng(3)
    image = rng.choice(["Product", "Own staff", "Person"], n)
    y = rng.normal(size=n) + np.select([image == "Person", image == "Own staff"], [0.5, 1.0], 0.0)
    return Scores.from_scored(pd.DataFrame({"image": image, "y": y, "age": rng.normal(30, 5, n)}), source="simulated")


def test_coefficients_are_the_differences_of_group_means():
    scores = code_groups(images(), "image", reference="Product")
    means = images().frame.groupby("image")["y"].mean()
    fit = fit_regression(parse_model("y ~ image_own_staff + image_person"), scores)
    assert fit.coefficients["estimate"].tolist() == pytest.approx(
        [means["Product"], means["Own staff"] - means["Product"], means["Person"] - means["Product"]], rel=1e-9
    )
    assert "'image_person': Person minus Product." in scores.notes


def test_a_coefficient_is_the_contrast_it_is_named_for():
    weights = {"people": {"Own staff": 0.5, "Person": 0.5, "Product": -1}, "own": {"Own staff": 1, "Person": -1}}
    scores = code_groups(images(), "image", contrasts=weights)
    means = images().frame.groupby("image")["y"].mean()
    fit = fit_regression(parse_model("y ~ people + own"), scores)
    expected = [sum(weight * means[level] for level, weight in row.items()) for row in weights.values()]
    assert fit.coefficients["estimate"].tolist()[1:] == pytest.approx(expected, rel=1e-9)


def test_missing_groups_stay_missing():
    frame = images().frame
    frame.loc[:4, "image"] = ["", None, " ", "Person", "Person"]
    scores = code_groups(Scores.from_scored(frame, source="simulated"), "image")
    assert scores.frame["image_product"].isna().sum() == 3


def test_three_level_moderator_equals_r():
    if not SHARED.is_dir():
        pytest.skip(f"the shared reference numbers are not at {SHARED}")
    r = json.loads((SHARED / "07_moderation_jn.json").read_text())["tier"]
    rows = pd.read_csv(SHARED / "data" / "bfi_scales.csv")
    rows["tier"] = pd.cut(rows["age"], [0, 22, 35, 99], labels=["a", "b", "c"]).astype(str)
    scores = code_groups(Scores.from_scored(rows, source="bfi"), "tier")
    plain = "N ~ E + tier_b + tier_c"
    fit = fit_steps([parse_model(plain), parse_model(f"{plain} + E:tier_b + E:tier_c")], scores)
    omnibus = r["omnibus"][1]
    found = fit.summary.loc[1, ["delta_f", "delta_p", "delta_df"]].tolist()
    assert found == pytest.approx([omnibus["F"], omnibus["Pr(>F)"], omnibus["Df"]], rel=1e-8)
    last = fit.coefficients[fit.coefficients["step"] == 2].set_index("term")["estimate"]
    slopes = [last["E"], last["E"] + last["E:tier_b"], last["E"] + last["E:tier_c"]]
    assert slopes == pytest.approx([row["slope"] for row in r["slopes"]], rel=1e-8)


def test_centring_moves_only_what_it_should():
    scores = images()
    centred = centre(scores, ["age"])
    assert centred.frame["age"].mean() == pytest.approx(0, abs=1e-12)
    before, after = (fit_regression(parse_model("y ~ age"), data).coefficients for data in (scores, centred))
    assert before["estimate"][1] == pytest.approx(after["estimate"][1], rel=1e-9)
    assert after["estimate"][0] == pytest.approx(scores.frame["y"].mean(), rel=1e-9)
    assert "age" in centred.notes[-1]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"column": "images"}, "no such column"),
        ({"column": "image", "reference": "Cat"}, "'Cat'"),
        ({"column": "image", "contrasts": {"one": {"Person": 1, "Product": -1}}}, "1 contrasts for 3 groups"),
        ({"column": "image", "contrasts": {"a": {"Person": 1}, "b": {"Product": 1, "Person": -1}}}, "sum to zero"),
        (
            {"column": "image", "contrasts": {"a": {"Person": 1, "Product": -1}, "b": {"Person": -1, "Product": 1}}},
            "follows from the others",
        ),
        (
            {
                "column": "image",
                "contrasts": {"y": {"Person": 1, "Product": -1}, "B!": {"Own staff": 1, "Product": -1}},
            },
            "a column has that name already",
        ),
        ({"column": "age"}, "90 groups"),
    ],
)
def test_refusals(arguments, match):
    with pytest.raises(DataError, match=match):
        code_groups(images(), **arguments)


def test_one_group_is_none():
    with pytest.raises(DataError, match="1 group"):
        code_groups(Scores.from_scored(pd.DataFrame({"image": ["a", "a"]}), source="s"), "image")


THIRD = 1 / 3
CONTRASTS = {
    "treatment": None,  # the product is what the others are compared with
    "sum": {
        "own_s": {"own": 2 * THIRD, "person": -THIRD, "product": -THIRD},
        "person_s": {"person": 2 * THIRD, "own": -THIRD, "product": -THIRD},
    },
    "helmert": {
        "second": {"person": 0.5, "own": -0.5},
        "third": {"product": THIRD, "own": -THIRD / 2, "person": -THIRD / 2},
    },
    "own": {"people": {"own": 0.5, "person": 0.5, "product": -1}, "kind": {"own": 1, "person": -1}},
}


@pytest.mark.parametrize("kind", CONTRASTS)
def test_contrasts_equal_r(kind):
    r = reference()["coding"][kind]
    contrasts = CONTRASTS[kind]
    coded = code_groups(people(), "image", reference=None if contrasts else "product", contrasts=contrasts)
    names = list(contrasts or ["image_own", "image_person"])
    np.testing.assert_allclose(coded.frame[names], r["columns"], atol=1e-12)
    fit = fit_regression(parse_model(f"y ~ {' + '.join(names)}"), coded, errors="classical")
    assert_table(fit.coefficients, r)


def test_centred_products_equal_r():
    centred = centre(people(), ["x", "w"])
    fit = fit_regression(parse_model("y ~ x + w + x:w"), centred, errors="classical")
    assert_table(fit.coefficients, reference()["coding"]["centred"])
