"""This sample beside a published one: errors against lavaan, and pairs of studies that cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.compare import compare
from analysis.errors import DataError, ModelError, MomentsError, NeedsRows
from analysis.model import parse_model
from analysis.moments import from_correlations
from analysis.published import load_published
from analysis.scoring import Scores

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "standardised.json").read_text(encoding="utf-8"))
GAO = load_published("gao_2023")


def test_errors_of_standardised_slopes_agree_with_lavaan():
    table = compare(parse_model("pin ~ lik + ani + res + sop + tel"), GAO.moments(), GAO).coefficients
    assert table["term"].tolist() == FROZEN["term"]
    assert table["sample"].tolist() == pytest.approx(FROZEN["est"], rel=1e-6)
    assert ((table.sample_high - table["sample"]) / 1.959963985).tolist() == pytest.approx(FROZEN["se"], rel=1e-6)
    assert table.std_error.tolist() == pytest.approx([se * np.sqrt(2) for se in FROZEN["se"]], rel=1e-6)


def test_a_study_beside_itself_differs_by_nothing():
    fit = compare(GAO.model, GAO.moments(), GAO)
    assert fit.coefficients.estimate.abs().max() < 1e-12
    assert len(fit.coefficients) == 11
    assert ((fit.coefficients.printed - fit.coefficients["published"]).abs() <= 0.006).all()
    assert fit.summary.published_n.tolist() == [378] * 3


def test_the_interval_covers_a_true_difference_of_zero_as_often_as_it_says():
    """Samples drawn from the published correlations: 95 % of intervals must hold zero."""
    rng = np.random.default_rng(4)
    root = np.linalg.cholesky(GAO.correlations)
    model = parse_model("sop ~ lik + ani + res")
    held = []
    for _ in range(150):
        ours = rng.normal(size=(300, 6)) @ root.T
        theirs = np.corrcoef(rng.normal(size=(378, 6)) @ root.T, rowvar=False)
        table = compare(
            model, Scores.from_scored(pd.DataFrame(ours, columns=list(GAO.names)), source="s"), replaced(theirs)
        ).coefficients
        held.append(((table.conf_low <= 0) & (table.conf_high >= 0)).to_numpy())
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


def replaced(r: np.ndarray):
    from dataclasses import replace

    return replace(GAO, correlations=r, paths={}, indirects={}, r_squared={})


def test_printed_paths_are_taken_as_known_and_names_are_translated():
    names = ["homophily", "social", "psi", "purchase"]
    r = np.array([[1, 0, 0, 0], [0.4, 1, 0, 0], [0.5, 0.45, 1, 0], [0.35, 0.3, 0.5, 1]])
    table = from_correlations(names, r, n=250, source="ours")
    fit = compare(
        parse_model("psi ~ homophily + social; purchase ~ psi + homophily"),
        table,
        load_published("qatar_2023"),
        names={"social": "affability"},
    )
    row = fit.coefficients.set_index("term").loc["social"]
    assert row.published == row.printed == 0.363
    assert np.isnan(row.published_low)
    assert row.conf_low < row.estimate < row.conf_high
    assert any("leverage" in note for note in fit.notes)
    assert not any("purchase" in note and "not the same predictors" in note for note in fit.notes)


def test_what_cannot_be_compared_is_named():
    moments = GAO.moments()
    with pytest.raises(MomentsError, match="R2 of at least"):
        compare(GAO.model, moments, load_published("heliyon_2022"))
    with pytest.raises(DataError, match="direction"):
        compare(GAO.model, moments, load_published("masuda_2022"))
    with pytest.raises(ModelError, match="none of its paths"):
        compare(GAO.model, moments, load_published("qatar_2023"))
    with pytest.raises((ModelError, NeedsRows)):
        compare(parse_model("pin ~ lik + lik:ani"), moments, GAO)


def test_simulated_answers_stay_marked():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(50, 6)), columns=list(GAO.names)).assign(synthetic=True)
    assert compare(parse_model("sop ~ lik"), Scores.from_scored(frame, source="s"), GAO).synthetic
