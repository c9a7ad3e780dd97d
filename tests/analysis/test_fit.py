"""What every estimator answers with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.fit import COEFFICIENTS, EFFECTS, SUMMARY, Fit
from analysis.model import parse_model
from analysis.moderation import fit_conditional
from analysis.moments import as_moments
from analysis.paths import fit_paths
from analysis.regression import fit_regression
from analysis.scoring import Scores


def simulated(synthetic: bool = False) -> Scores:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(60, 3)), columns=["x", "w", "m"]).assign(
        y=lambda d: d.x + d.m + rng.normal(size=60)
    )
    return Scores.from_scored(rows.assign(synthetic=synthetic), source="simulated")


def fits(scores: Scores) -> list[Fit]:
    model = parse_model("m ~ x + w + x:w; y ~ m + x")
    return [
        fit_regression(model, scores),
        fit_regression(model, as_moments(scores, model.columns)),
        fit_paths(model, scores, draws=200),
        fit_paths(model, scores, interval="delta"),
        fit_conditional(model, scores, moderator="w", cause="x", effect="y", draws=200),
    ]


def test_columns_are_the_same_everywhere_and_filled_where_there_is_an_answer():
    for fit in fits(simulated()):
        assert tuple(fit.coefficients.columns[: len(COEFFICIENTS)]) == COEFFICIENTS
        assert tuple(fit.summary.columns[: len(SUMMARY)]) == SUMMARY
        assert tuple(fit.effects.columns[: len(EFFECTS)]) == EFFECTS
        for table, names in ((fit.coefficients, COEFFICIENTS), (fit.summary, SUMMARY), (fit.effects, EFFECTS)):
            numbers = table[list(names)].select_dtypes("number").to_numpy(float)
            assert np.isfinite(numbers).all()
        assert fit.notes and fit.source == "simulated"


def test_synthetic_data_mark_every_fit():
    assert all(fit.synthetic for fit in fits(simulated(True)))
    assert not any(fit.synthetic for fit in fits(simulated(False)))


def test_coefficients_are_found_by_name():
    fit = fits(simulated())[0]
    assert fit.coefficient("y", "x")["term"] == "x"
    with pytest.raises(KeyError):
        fit.coefficient("y", "w")
    assert fit.with_notes("one more").notes == (*fit.notes, "one more")
