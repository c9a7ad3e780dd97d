"""Ordered outcomes: against R's polr, and every way a likelihood can have no maximum."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError, ModelError, NeedsRows, NotConverged
from analysis.model import parse_model
from analysis.ordinal import fit_ordinal
from analysis.published import load_published
from analysis.scoring import Scores

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "designs.json").read_text(encoding="utf-8"))
ROWS = pd.DataFrame(FROZEN["rows"])


def scored(frame: pd.DataFrame) -> Scores:
    return Scores.from_scored(frame, source="test")


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_slopes_thresholds_and_errors_agree_with_polr(link):
    expected = FROZEN[link]
    fit = fit_ordinal(parse_model("rating ~ x + z"), scored(ROWS), link=link)
    table = fit.coefficients.set_index("term")
    for term, value in {**expected["coef"], **expected["zeta"]}.items():
        assert table.estimate[term] == pytest.approx(value, rel=1e-6)
        assert table.std_error[term] == pytest.approx(expected["se"][term], rel=1e-4)
    summary = fit.summary.iloc[0]
    assert -2 * summary.log_likelihood == pytest.approx(expected["deviance"], rel=1e-9)
    assert summary.chi_square == pytest.approx(expected["null"] - expected["deviance"], rel=1e-7)
    assert ("odds_ratio" in table) == (link == "logit")


def test_units_of_a_predictor_do_not_matter():
    one = fit_ordinal(parse_model("rating ~ x + z"), scored(ROWS)).coefficients
    moved = ROWS.assign(x=ROWS.x * 1000 + 50_000)
    other = fit_ordinal(parse_model("rating ~ x + z"), scored(moved)).coefficients
    assert other.estimate[0] * 1000 == pytest.approx(one.estimate[0], rel=1e-6)
    assert other.std_estimate[0] == pytest.approx(one.std_estimate[0], rel=1e-6)
    assert other.std_error[1] == pytest.approx(one.std_error[1], rel=1e-5)


def test_turning_the_scale_round_turns_the_slopes():
    one = fit_ordinal(parse_model("rating ~ x"), scored(ROWS)).coefficients
    other = fit_ordinal(parse_model("rating ~ x"), scored(ROWS.assign(rating=6 - ROWS.rating))).coefficients
    assert other.estimate[0] == pytest.approx(-one.estimate[0], rel=1e-6)
    assert other.odds_ratio[0] == pytest.approx(1 / one.odds_ratio[0], rel=1e-6)


def test_products_and_missing_values():
    frame = ROWS.copy()
    frame.loc[:4, "x"] = np.nan
    fit = fit_ordinal(parse_model("rating ~ x + z + x:z"), scored(frame))
    assert fit.summary.n[0] == 235
    assert any("5 of 240" in note for note in fit.notes)
    assert "x:z" in set(fit.coefficients.term)


def test_separation_has_no_maximum():
    frame = pd.DataFrame({"y": np.repeat([1, 2, 3], 10), "x": np.arange(30.0)})
    with pytest.raises(NotConverged, match="without error"):
        fit_ordinal(parse_model("y ~ x"), scored(frame))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": [3] * 30, "x": range(30)}, "1 different answer"),
        ({"y": range(30), "x": range(30)}, "30 different values"),
        ({"y": [1, 2] * 15, "x": [1] * 30}, "same value on x"),
        ({"y": [1, 2, 3], "x": [1, 2, 2]}, "3 complete rows"),
        ({"y": [None] * 5, "x": range(5)}, "0 different answer"),
    ],
)
def test_outcomes_that_cannot_be_ordered_are_named(columns, message):
    with pytest.raises(DataError, match=message):
        fit_ordinal(parse_model("y ~ x"), scored(pd.DataFrame(columns)))


def test_predictors_that_repeat_each_other_and_other_misuse():
    frame = scored(ROWS.assign(x2=ROWS.x * 2))
    with pytest.raises(DataError, match="repeat each other"):
        fit_ordinal(parse_model("rating ~ x + x2"), frame)
    with pytest.raises(DataError, match="cloglog"):
        fit_ordinal(parse_model("rating ~ x"), frame, link="cloglog")
    with pytest.raises(DataError, match="level"):
        fit_ordinal(parse_model("rating ~ x"), frame, level=95)
    with pytest.raises(ModelError, match="nobody"):
        fit_ordinal(parse_model("rating ~ nobody"), frame)
    with pytest.raises(NeedsRows):
        fit_ordinal(parse_model("pin ~ lik"), load_published("gao_2023").moments())
