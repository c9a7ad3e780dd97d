"""Charts hold what the fit holds, stay light, carry a description, and mark synthetic data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.charts import COLOURS, chart_coefficients, chart_image, chart_scatter, themed, write_chart
from analysis.errors import DataError, NeedsRows
from analysis.fit import Fit
from analysis.model import parse_model
from analysis.moments import from_correlations
from analysis.paths import fit_paths
from analysis.scoring import Scores

LABELS = {"psi": "Para-social interaction", "purchase": "Purchase intention"}


@pytest.fixture(scope="module")
def scores() -> Scores:
    rng = np.random.default_rng(5)
    social = rng.integers(1, 29, 300) / 4
    psi = np.round(2 * (0.6 * social + rng.normal(size=300))) / 2
    frame = pd.DataFrame({"social": social, "psi": psi, "purchase": 0.5 * psi + rng.normal(size=300)})
    return Scores.from_scored(frame, source="example")


@pytest.fixture(scope="module")
def fit(scores: Scores) -> Fit:
    return fit_paths(parse_model("psi ~ social; purchase ~ psi + social"), scores, draws=200)


def synthetic(scores: Scores) -> Scores:
    return Scores.from_scored(scores.frame.assign(synthetic=True), source="example")


def rows_of(chart: Any) -> list[list[dict[str, Any]]]:
    return list(chart.to_dict()["datasets"].values())


def test_coefficients_are_those_of_the_fit(fit: Fit) -> None:
    points = next(rows for rows in rows_of(chart_coefficients(fit)) if "low" in rows[0])
    slopes = fit.coefficients[fit.coefficients["term"] != "(Intercept)"]
    assert [point["estimate"] for point in points] == slopes["estimate"].tolist()
    assert [point["low"] for point in points] == slopes["conf_low"].tolist()
    assert points[0]["colour"] == COLOURS["social"]


def test_one_outcome_is_named_in_the_title_and_several_get_headings(fit: Fit, scores: Scores) -> None:
    single = fit_paths(parse_model("purchase ~ psi"), scores, draws=200)
    assert chart_coefficients(single, labels=LABELS).to_dict()["title"]["text"] == ["What goes with purchase intention"]
    several = json.dumps(chart_coefficients(fit, "nl", labels=LABELS).to_dict())
    assert "Schattingen van het model" in several
    assert "n = 300" in several


def test_the_line_and_band_are_those_of_statsmodels(scores: Scores) -> None:
    line = next(rows for rows in rows_of(chart_scatter(scores, "psi", "purchase")) if "fitted" in rows[0])
    found = pd.DataFrame(line)
    model = sm.OLS(scores.frame["purchase"], sm.add_constant(scores.frame["psi"])).fit()
    expected = model.get_prediction(sm.add_constant(found["x"])).summary_frame(alpha=0.05)
    np.testing.assert_allclose(found["fitted"], expected["mean"], rtol=1e-9)
    np.testing.assert_allclose(found["low"], expected["mean_ci_lower"], rtol=1e-9)
    np.testing.assert_allclose(found["high"], expected["mean_ci_upper"], rtol=1e-9)


@pytest.mark.parametrize("n", [300, 200_000])
def test_a_scatter_shows_everybody_and_stays_light(n: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=n)
    scores = Scores.from_scored(pd.DataFrame({"psi": x, "purchase": x + rng.normal(size=n)}), source="example")
    chart = chart_scatter(scores, "psi", "purchase")
    circles = next(rows for rows in rows_of(chart) if "people" in rows[0])
    assert sum(circle["people"] for circle in circles) == n
    assert len(chart.to_json()) < 200_000


def test_every_chart_is_described_and_synthetic_data_are_marked(fit: Fit, scores: Scores) -> None:
    for chart in (chart_coefficients(fit), chart_scatter(scores, "psi", "purchase")):
        assert len(chart.to_dict()["description"]) > 40
        assert "SYNTHETIC" not in chart.to_json()
    invented = synthetic(scores)
    refit = fit_paths(fit.model, invented, draws=200)
    for language, mark in (("en", "SYNTHETIC DATA"), ("nl", "SYNTHETISCHE DATA")):
        for chart in (chart_coefficients(refit, language), chart_scatter(invented, "psi", "purchase", language)):
            assert mark in " ".join(chart.to_dict()["title"]["subtitle"])
            assert mark in chart_image(chart, "svg").decode()


def test_labels_are_data_never_code(fit: Fit) -> None:
    labels = {"social": "a'];alert(1)//\"\\"}
    assert "alert(1)" in chart_image(chart_coefficients(fit, labels=labels), "svg").decode()


def test_a_scatter_needs_people() -> None:
    moments = from_correlations(["psi", "purchase"], np.array([[1, 0], [0.4, 1]]), n=100)
    with pytest.raises(NeedsRows, match="A scatter plot"):
        chart_scatter(moments, "psi", "purchase")


def test_files_are_written_whole_or_not_at_all(fit: Fit, tmp_path: Path) -> None:
    chart = chart_coefficients(fit)
    assert write_chart(chart, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert write_chart(chart, tmp_path / "a.svg").read_bytes().startswith(b"<svg")
    with pytest.raises(DataError, match="png or svg"):
        write_chart(chart, tmp_path / "a.gif")
    with pytest.raises(DataError, match="cannot be written"):
        write_chart(chart, tmp_path / "nowhere" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_texts_stand_out_on_their_page(fit: Fit, dark: bool) -> None:
    config = themed(chart_coefficients(fit), dark=dark).to_dict()["config"]
    paper = config["background"]
    assert all(_contrast(colour, paper) >= 3 for colour in COLOURS.values())
    assert _contrast(config["text"]["color"], paper) >= 4.5
    assert _contrast(config["axis"]["titleColor"], paper) >= 4.5
    assert _contrast(config["title"]["subtitleColor"], paper) >= 4.5
    assert len(set(COLOURS.values())) == len(COLOURS)
