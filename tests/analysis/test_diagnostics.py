"""Residual diagnostics against R and statsmodels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.diagnostics import fit_diagnostics
from analysis.errors import DataError, NeedsRows
from analysis.model import parse_model
from analysis.moments import as_moments
from analysis.scoring import Scores
from tests.analysis.scores_reference import people, reference

SHARED = Path(__file__).parents[3] / "shared" / "reference"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared reference numbers are not at {SHARED}")


def simulated(n: int = 60) -> Scores:
    rng = np.random.default_rng(9)
    rows = pd.DataFrame(rng.normal(3, 1, size=(n, 2)), columns=["x", "z"])
    return Scores.from_scored(rows.assign(y=lambda d: d.x - d.z + rng.normal(0, d.x.abs())), source="simulated")


@needs_shared
def test_prestige_equals_r():
    r = json.loads((SHARED / "05_ols.json").read_text())
    rows = (
        pd.read_csv(SHARED / "data" / "Prestige.csv").dropna(subset=["type"]).assign(income=lambda d: d.income / 1000)
    )
    model = parse_model("prestige ~ education + income + women")
    found = fit_diagnostics(model, Scores.from_scored(rows, source="Prestige"))
    tests = found.tests.set_index("test")
    koenker, reset, shapiro = r["breusch_pagan_studentized"], r["reset"], r["shapiro_resid"]
    expected = {"breusch_pagan": (koenker["stat"], koenker["p"]), "reset": (reset["F"], reset["p"]),
                "shapiro_wilk": (shapiro["W"], shapiro["p"])}  # fmt: skip
    for name, (statistic, p) in expected.items():
        assert tests.loc[name, ["statistic", "p_value"]].tolist() == pytest.approx([statistic, p], rel=1e-5)
    people = found.people
    assert people["cook"].max() == pytest.approx(r["cooks_max"], rel=1e-9)
    assert rows["occupation"].iloc[people["cook"].idxmax()] == r["cooks_max_occ"]
    assert people["leverage"].max() == pytest.approx(r["leverage_max"], rel=1e-9)
    assert people["rstudent"].abs().max() == pytest.approx(r["rstudent_max"], rel=1e-9)


def test_people_equal_statsmodels_and_keep_their_place():
    import statsmodels.api as sm

    frame = simulated().frame.assign(x=lambda d: d.x.where(d.index != 2))
    found = fit_diagnostics(parse_model("y ~ x + z; z ~ x"), Scores.from_scored(frame, source="simulated"))
    kept = frame.dropna()
    oracle = sm.OLS(kept["y"], sm.add_constant(kept[["x", "z"]])).fit()
    influence = oracle.get_influence()
    mine = found.people[found.people["outcome"] == "y"]
    assert mine["row"].tolist() == kept.index.tolist()
    np.testing.assert_allclose(mine["fitted"], oracle.fittedvalues, rtol=1e-9)
    np.testing.assert_allclose(mine["rstudent"], influence.resid_studentized_external, rtol=1e-9)
    np.testing.assert_allclose(mine["leverage"], influence.hat_matrix_diag, rtol=1e-9)
    np.testing.assert_allclose(mine["cook"], influence.cooks_distance[0], rtol=1e-9)
    assert found.people["outcome"].value_counts().to_dict() == {"y": 59, "z": 59}


def test_refusals():
    with pytest.raises(NeedsRows, match="residuals"):
        fit_diagnostics(parse_model("y ~ x"), as_moments(simulated(), ["x", "y"]))
    lone = simulated().frame.assign(only=lambda d: (d.index == 3) * 1.0)
    with pytest.raises(DataError, match="fitted exactly"):
        fit_diagnostics(parse_model("y ~ x + only"), Scores.from_scored(lone, source="simulated"))


def test_tests_and_people_equal_r_on_our_own_data():
    r = reference()["diagnostics"]
    found = fit_diagnostics(parse_model("y ~ m + x + w"), people())
    tests = found.tests.set_index("test")
    for name in ("breusch_pagan", "reset", "shapiro_wilk"):
        assert tests.loc[name, ["statistic", "p_value"]].tolist() == pytest.approx(r[name], rel=1e-6), name
    for column in ("fitted", "rstudent", "leverage", "cook", "normal"):
        np.testing.assert_allclose(found.people[column], r[column], rtol=1e-8, atol=1e-10, err_msg=column)
