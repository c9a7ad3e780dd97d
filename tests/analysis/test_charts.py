"""Charts hold what the fit holds, stay light, carry a description, and mark synthetic data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.charts import (
    COLOURS,
    chart_coefficients,
    chart_comparison,
    chart_correlations,
    chart_dominance,
    chart_effects,
    chart_htmt,
    chart_image,
    chart_likert,
    chart_lines,
    chart_paths,
    chart_power,
    chart_quantiles,
    chart_reliability,
    chart_residuals,
    chart_scatter,
    chart_scree,
    chart_signs,
    chart_slopes,
    themed,
    write_chart,
)
from analysis.charts.theme import named_rows
from analysis.compare import compare
from analysis.diagnostics import fit_diagnostics
from analysis.errors import DataError, NeedsRows
from analysis.fit import Fit
from analysis.importance import fit_dominance
from analysis.instrument import load_instrument
from analysis.model import parse_model
from analysis.moderation import fit_moderation
from analysis.moments import from_correlations
from analysis.paths import fit_paths
from analysis.power import parse_plan, plan
from analysis.published import load_published
from analysis.quality import EVIDENCE, REASONS, flag_careless
from analysis.reliability import reliability_table
from analysis.retention import parallel_analysis
from analysis.scoring import Scores, score
from analysis.simulate import simulate_answers
from analysis.tables import apa_number
from analysis.validity import htmt
from analysis.vocabulary import vocabulary

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


def _over(colour: str, paper: str, opacity: float) -> str:
    """What a colour becomes that lets the page shine through."""
    pairs = ((int(one[i : i + 2], 16) for one in (colour, paper)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * front + (1 - opacity) * back):02X}" for front, back in pairs)


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_texts_stand_out_on_their_page(fit: Fit, dark: bool) -> None:
    config = themed(chart_coefficients(fit), dark=dark).to_dict()["config"]
    paper = config["background"]
    assert all(_contrast(colour, paper) >= 3 for colour in COLOURS.values())
    assert _contrast(config["text"]["color"], paper) >= 4.5
    assert _contrast(config["axis"]["titleColor"], paper) >= 4.5
    assert _contrast(config["title"]["subtitleColor"], paper) >= 4.5
    # A person's mark: its ring on every page, on the dark one what it is filled with too.
    mark = config["circle"]
    assert _contrast(_over(mark["stroke"], paper, mark["opacity"] * mark["strokeOpacity"]), paper) >= 3
    if dark:
        fills = (_over(colour, paper, mark["opacity"] * mark["fillOpacity"]) for colour in COLOURS.values())
        assert all(_contrast(fill, paper) >= 3 for fill in fills)
    assert len(set(COLOURS.values())) == len(COLOURS)


# -- the other charts -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(load_instrument("psi_core"), 160, seed=7)


@pytest.fixture(scope="module")
def scored(answers: pd.DataFrame) -> Scores:
    return score(answers, load_instrument("psi_core"))


def test_the_diagram_has_an_arrow_per_coefficient_and_a_box_per_variable(scored: Scores) -> None:
    model = parse_model("psi ~ social + homophily; trust ~ psi; purchase ~ psi + trust + social")
    fit = fit_paths(model, scored, draws=200)
    chart = chart_paths(fit, labels=LABELS)
    arrows = next(rows for rows in rows_of(chart) if "beta" in rows[0])
    slopes = fit.coefficients[fit.coefficients["term"] != "(Intercept)"]
    assert [arrow["beta"] for arrow in arrows] == [apa_number(b, bounded=True) for b in slopes["std_estimate"]]
    sure = [not low <= 0 <= high for low, high in zip(slopes["conf_low"], slopes["conf_high"], strict=True)]
    assert [arrow["sure"] for arrow in arrows] == sure
    boxes = next(rows for rows in rows_of(chart) if "label" in rows[0])
    assert {box["label"] for box in boxes} == {
        "social",
        "homophily",
        "trust",
        "Para-social\ninteraction",
        "Purchase\nintention",
    }
    below = {box["label"]: box["top"] for box in boxes}
    assert below["social"] < below["Para-social\ninteraction"] < below["trust"] < below["Purchase\nintention"]


def test_boxes_of_the_diagram_do_not_touch(scored: Scores) -> None:
    names = [f"x{number}" for number in range(12)]
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(200, 12)), columns=names)
    model = parse_model("x3 ~ x0 + x1 + x2; x4 ~ x0 + x1; x5 ~ x3 + x4 + x2; x6 ~ x5 + x3 + x0; x7 ~ x6 + x4")
    fit = fit_paths(model, Scores.from_scored(frame, source="example"), draws=100)
    boxes = next(rows for rows in rows_of(chart_paths(fit)) if "label" in rows[0])
    for one in boxes:
        for other in boxes:
            if one is not other and one["top"] == other["top"]:
                assert one["right"] <= other["left"] or other["right"] <= one["left"]


def test_effects_stand_under_their_pair_with_their_draws(scored: Scores) -> None:
    model = parse_model("psi ~ social; trust ~ psi; purchase ~ psi + trust + social")
    fit = fit_paths(model, scored, draws=300)
    shown = fit.effects[fit.effects["kind"] != "direct"]
    plain, drawn = chart_effects(fit), chart_effects(fit, data=scored, draws=300)
    points = next(rows for rows in rows_of(plain) if "low" in rows[0])
    assert [point["estimate"] for point in points] == shown["estimate"].tolist()
    outlines = next(rows for rows in rows_of(drawn) if "top" in rows[0])
    assert {outline["place"] for outline in outlines} == {point["place"] for point in points}
    first = [outline["estimate"] for outline in outlines if outline["place"] == points[0]["place"]]
    assert min(first) < points[0]["low"] < points[0]["estimate"] < points[0]["high"] < max(first)
    assert "via psi → trust" in drawn.to_json(ensure_ascii=False)
    with pytest.raises(DataError, match="the fit holds none"):
        chart_effects(replace(fit, effects=fit.effects.iloc[:0]))


def test_a_model_without_indirect_effects_shows_the_direct_ones(scored: Scores) -> None:
    fit = fit_paths(parse_model("psi ~ social + homophily"), scored, draws=200)
    points = next(rows for rows in rows_of(chart_effects(fit)) if "low" in rows[0])
    assert len(points) == 2


def test_likert_bars_hold_every_answer_as_it_was_given(answers: pd.DataFrame) -> None:
    instrument = load_instrument("psi_core")
    chart = chart_likert(answers, instrument, "psi", "nl")
    bars = pd.DataFrame(next(rows for rows in rows_of(chart) if "answer" in rows[0]))
    assert np.allclose(bars.groupby("place")["share"].sum(), 1)
    first = answers["psi1"].dropna()
    agree = instrument.item("psi1").choices
    assert agree is not None
    shares = bars[bars["place"] == 0].set_index("answer")["share"]
    for value, label in zip(agree.values, agree.labels["nl"], strict=True):
        assert shares[label] == pytest.approx((first == value).mean())
    middle = bars[(bars["place"] == 0) & (bars["answer"] == agree.labels["nl"][3])].iloc[0]
    assert middle["left"] == pytest.approx(-middle["right"])
    text = chart.to_json(ensure_ascii=False)
    assert "{influencer}" not in text
    assert "omgekeerd" in text
    with pytest.raises(DataError, match="nobody answered"):
        chart_likert(answers.drop(columns=[f"trust{n}" for n in range(1, 6)]), instrument, "trust")


def test_correlations_are_those_of_pandas(scored: Scores) -> None:
    names = ["social", "psi", "purchase"]
    cells = next(rows for rows in rows_of(chart_correlations(scored, names)) if "ink" in rows[0])
    expected = scored.frame[names].dropna().astype(float).corr()
    assert len(cells) == 3
    for cell in cells:
        assert cell["value"] == pytest.approx(expected.loc[cell["row"], cell["column"]])


def test_dominance_bars_stand_in_their_order(scored: Scores) -> None:
    found = fit_dominance(parse_model("psi ~ social + homophily + physical"), scored, draws=200)
    bars = next(rows for rows in rows_of(chart_dominance(found, "psi")) if "general" in rows[0])
    expected = found.general.sort_values("rank")
    assert [(bar["term"], bar["general"]) for bar in bars] == list(
        zip(expected["term"], expected["general"], strict=True)
    )
    with pytest.raises(DataError, match="There is: psi"):
        chart_dominance(found, "trust")


def test_the_slope_changes_colour_where_the_band_touches_zero() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(4, 1, size=(2, 300))
    frame = pd.DataFrame({"psi": x, "tier": w, "purchase": 0.35 * (x - 4) * (w - 4) + rng.normal(size=300)})
    data = Scores.from_scored(frame, source="example")
    model = parse_model("purchase ~ psi + tier + psi:tier")
    found = fit_moderation(model, data, outcome="purchase", focal="psi", moderator="tier")
    line = pd.DataFrame(next(rows for rows in rows_of(chart_slopes(found)) if "region" in rows[0]))
    assert line["tint"].nunique() == 3
    pieces = [piece for _, piece in line.groupby("region")]
    assert all(piece["tint"].nunique() == 1 for piece in pieces)
    assert [piece["at"].max() for piece in pieces[:-1]] == [piece["at"].min() for piece in pieces[1:]]
    description = chart_slopes(found, "nl").to_dict()["description"]
    assert "negatief" in description
    assert "positief" in description
    drawn = pd.DataFrame(next(rows for rows in rows_of(chart_lines(found)) if "focal" in rows[0]))
    assert drawn["shown"].nunique() == len(found.slopes) == 3
    assert "verwacht langs psi" in chart_lines(found, "nl").to_dict()["description"]


def test_curves_of_planning_and_factors_draw() -> None:
    model, effects = parse_plan("psi ~ 0.4*social; purchase ~ 0.4*psi + 0*social")
    planned = plan(model, effects, n=[60, 120], replications=100, draws=120)
    power = chart_power(planned, labels=LABELS)
    curve = pd.DataFrame(next(rows for rows in rows_of(power) if "truth" in rows[0]))
    assert set(curve["n"]) == {60, 120}
    assert not (curve["truth"] == 0).any()
    assert "80 %" in power.to_dict()["description"]
    chart_image(power, "svg")


def test_scree_residuals_and_quantiles_draw(scored: Scores) -> None:
    items = [item for scale in ("social", "psi") for item in scored.scales[scale]]
    scree = chart_scree(parallel_analysis(scored, items, draws=100))
    assert len(next(rows for rows in rows_of(scree) if "what" in rows[0])) == 2 * len(items)
    found = fit_diagnostics(parse_model("psi ~ social"), scored)
    for chart in (chart_residuals(found, "psi", "nl"), chart_quantiles(found, "psi"), scree):
        assert "SYNTHETI" in chart_image(chart, "svg").decode()


def test_curves_show_what_was_found(scored: Scores) -> None:
    """Scree, simple slopes, lines and power, number by number."""
    items = [item for scale in ("social", "psi") for item in scored.scales[scale]]
    parallel = parallel_analysis(scored, items, draws=100)
    drawn = pd.DataFrame(next(rows for rows in rows_of(chart_scree(parallel)) if len(rows) == 2 * len(items)))
    halves = drawn["value"].to_numpy().reshape(2, -1)
    np.testing.assert_allclose(halves, parallel.table[["factor", "factor_limit"]].to_numpy().T, rtol=1e-12)
    model = parse_model("purchase ~ psi + social + psi:social")
    found = fit_moderation(model, scored, outcome="purchase", focal="psi", moderator="social")
    datasets = [pd.DataFrame(rows) for rows in rows_of(chart_slopes(found))]
    line = next(frame for frame in datasets if "region" in frame)
    for name in ("estimate", "conf_low", "conf_high"):
        assert line[name].tolist() == pytest.approx(np.interp(line["at"], found.band["at"], found.band[name]))
    assert set(found.band["at"].round(9)) <= set(line["at"].round(9))
    points = next(frame for frame in datasets if "std_error" in frame and "region" not in frame)
    assert points[["at", "estimate", "conf_low"]].to_numpy() == pytest.approx(
        found.slopes[["at", "estimate", "conf_low"]].to_numpy()
    )
    lines = pd.DataFrame(next(rows for rows in rows_of(chart_lines(found)) if "focal" in rows[0]))
    assert lines[["focal", "estimate", "conf_high"]].to_numpy() == pytest.approx(
        found.lines[["focal", "estimate", "conf_high"]].to_numpy()
    )
    planned = plan(*parse_plan("purchase ~ 0.4*psi"), n=[40, 80], replications=100)
    curve = pd.DataFrame(next(rows for rows in rows_of(chart_power(planned)) if "power" in rows[0]))
    shown = planned.power[planned.power["test"] == curve["test"].iloc[0]]
    assert curve["power"].tolist() == shown["power"].tolist()


def test_residuals_and_quantiles_show_every_person(scored: Scores) -> None:
    found = fit_diagnostics(parse_model("psi ~ social"), scored)
    for draw, columns in ((chart_residuals, ["fitted", "residual"]), (chart_quantiles, ["normal", "residual"])):
        circles = pd.DataFrame(next(rows for rows in rows_of(draw(found, "psi")) if "people" in rows[0]))
        assert circles["people"].sum() == len(found.people)
        middle = circles[["x", "y"]].mul(circles["people"], axis=0).sum() / circles["people"].sum()
        assert middle.tolist() == pytest.approx(found.people[columns].mean().tolist(), abs=0.05)
    far = replace(found, people=found.people.assign(rstudent=np.where(found.people.index < 3, 3.5, 0.0)))
    rings = next(rows for rows in rows_of(chart_residuals(far, "psi")) if set(rows[0]) == {"fitted", "residual"})
    assert len(rings) == 3


def test_signs_of_careless_answers_are_counted(answers: pd.DataFrame) -> None:
    flags = flag_careless(answers, load_instrument("psi_core"))
    for language in ("en", "nl"):
        bars = next(rows for rows in rows_of(chart_signs(flags, language, synthetic=True)) if "tint" in rows[0])
        assert [bar["rows"] for bar in bars] == [int(flags[reason].sum()) for reason in REASONS]
        assert [bar["label"] for bar in bars] == [vocabulary(language)[f"reasons.{reason}"] for reason in REASONS]
    assert {bar["tint"] for bar in bars[: len(EVIDENCE)]}.isdisjoint(bar["tint"] for bar in bars[len(EVIDENCE) :])


def test_reliability_shows_every_scale_that_has_one(scored: Scores) -> None:
    found = reliability_table(scored)
    points = next(rows for rows in rows_of(chart_reliability(found)) if "low" in rows[0])
    kept = found[found["alpha"].notna()]
    assert [[point["estimate"], point["low"], point["high"]] for point in points] == kept[
        ["alpha", "conf_low", "conf_high"]
    ].to_numpy().tolist()
    with pytest.raises(DataError, match="none has an alpha"):
        chart_reliability(found.assign(alpha=np.nan))


def test_turned_names_take_one_line() -> None:
    name = "How attractive people find her"
    assert json.dumps([name]) in named_rows([name], angle=-40).labelExpr
    assert json.dumps([name]) not in named_rows([name]).labelExpr


def test_axes_name_rows_in_lines_and_titles_lie_above_them(scored: Scores) -> None:
    found = fit_dominance(parse_model("psi ~ social + homophily"), scored, draws=100)
    chart = chart_dominance(found, "psi", labels={"social": "How attractive people find her company"})
    assert '["How attractive", "people find her", "company"]' in chart.to_json().replace('\\"', '"')
    axis = chart_scatter(scored, "psi", "purchase", labels=LABELS).to_dict()["layer"][0]["encoding"]["y"]["axis"]
    assert (axis["title"], axis["titleAngle"]) == ("Purchase intention", 0)


def test_htmt_names_every_pair(scored: Scores) -> None:
    found = htmt(scored, draws=100)
    cells = next(rows for rows in rows_of(chart_htmt(found)) if "ink" in rows[0])
    named = {(cell["column"], cell["row"]): cell["value"] for cell in cells}
    assert named == {(pair["first"], pair["second"]): pair["htmt"] for pair in found.pairs.to_dict("records")}


def test_a_study_beside_a_published_one() -> None:
    gao = load_published("gao_2023")
    fit = compare(parse_model("sop ~ lik + ani + res"), gao.moments(), gao)
    points = next(rows for rows in rows_of(chart_comparison(fit, "Gao (2023)")) if "low" in rows[0])
    found = fit.coefficients
    assert [point["estimate"] for point in points[::2]] == found["sample"].tolist()
    assert [point["estimate"] for point in points[1::2]] == found["published"].tolist()
    assert [point["high"] for point in points[1::2]] == found["published_high"].tolist()
    assert [point["shown"] for point in points[::2]] == [apa_number(beta, bounded=True) for beta in found["sample"]]


def test_both_languages_draw_every_model_chart(scored: Scores) -> None:
    fit = fit_paths(parse_model("psi ~ social; purchase ~ psi + social"), scored, draws=200)
    for language, mark in (("en", "SYNTHETIC DATA"), ("nl", "SYNTHETISCHE DATA")):
        correlations = chart_correlations(scored, ["social", "psi"], language)
        for chart in (chart_paths(fit, language), chart_effects(fit, language, data=scored), correlations):
            assert mark in chart_image(chart, "svg").decode()
            assert len(chart.to_dict()["description"]) > 20
