"""This sample beside a published one: errors against lavaan, and pairs of studies that cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.compare import compare, paths_apart, shared_model
from analysis.errors import DataError, ModelError, MomentsError, NeedsRows
from analysis.model import parse_model
from analysis.moments import from_correlations
from analysis.published import Published, PublishedVariable, load_published
from analysis.scoring import Scores

REFERENCE = Path(__file__).parents[1] / "reference"
FROZEN = json.loads((REFERENCE / "standardised.json").read_text(encoding="utf-8"))
TWO_STUDIES = json.loads((REFERENCE / "published.json").read_text(encoding="utf-8"))["difference"]
GAO = load_published("gao_2023")


def test_errors_of_standardised_slopes_agree_with_lavaan():
    table = compare(parse_model("pin ~ lik + ani + res + sop + tel"), GAO.moments(), GAO).coefficients
    assert table["term"].tolist() == FROZEN["term"]
    assert table["sample"].tolist() == pytest.approx(FROZEN["est"], rel=1e-6)
    assert ((table.sample_high - table["sample"]) / 1.959963985).tolist() == pytest.approx(FROZEN["se"], rel=1e-6)
    assert table.std_error.tolist() == pytest.approx([se * np.sqrt(2) for se in FROZEN["se"]], rel=1e-6)


def test_the_difference_of_two_studies_and_its_interval_are_those_of_a_two_group_model_in_lavaan():
    def table(pairs: list[float]) -> np.ndarray:
        ab, ay, by = pairs
        return np.array([[1, ab, ay], [ab, 1, by], [ay, by, 1]])

    size, other_size = TWO_STUDIES["n"]
    theirs = Published(
        id="other",
        citation="Other (2026).",
        context={},
        n=other_size,
        variables=tuple(PublishedVariable(id, {}) for id in "aby"),
        correlations=table(TWO_STUDIES["theirs"]),
    )
    ours = from_correlations(list("aby"), table(TWO_STUDIES["ours"]), n=size)
    found = compare(parse_model("y ~ a + b"), ours, theirs)
    for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
        assert found.coefficients[name].tolist() == pytest.approx(TWO_STUDIES[name], rel=1e-5), name
    assert paths_apart(found) == 1


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


def test_the_shared_part_of_a_study_keeps_its_equations_in_the_names_of_the_sample():
    assert shared_model(GAO, {name: name for name in GAO.names}).equations == GAO.model.equations
    qatar = load_published("qatar_2023")
    part = shared_model(qatar, {"social": "affability", "psi": "psi"})
    assert [(str(equation.outcome), equation.labels) for equation in part.equations] == [("psi", ("social",))]
    with pytest.raises(ModelError, match="share no path"):
        shared_model(GAO, {"purchase": "pin"})
    with pytest.raises(ModelError, match="two of your scales"):
        shared_model(GAO, {"a": "pin", "b": "pin"})


def test_simulated_answers_stay_marked():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(50, 6)), columns=list(GAO.names)).assign(synthetic=True)
    assert compare(parse_model("sop ~ lik"), Scores.from_scored(frame, source="s"), GAO).synthetic
