"""Tables say what the fit holds, as APA prints it, in both languages, and never lose a synthetic mark."""

from __future__ import annotations

import io
import json
import math
import re
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.cfa import fit_cfa
from analysis.datafiles import data_file
from analysis.errors import DataError
from analysis.export import fit_as_json, fit_as_text, rows_as_csv
from analysis.fit import Fit
from analysis.instrument import load_instrument
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.reliability import reliability_table
from analysis.scoring import Scores, score
from analysis.simulate import simulate_answers
from analysis.tables import (
    MINUS,
    Table,
    apa_interval,
    apa_number,
    apa_p,
    table_coefficients,
    table_descriptives,
    table_effects,
    table_reliability,
    table_summary,
)
from analysis.vocabulary import vocabulary

MODEL = parse_model("psi ~ social + homophily; purchase ~ psi + social + homophily + psi:social")


@pytest.fixture(scope="module")
def scores() -> Scores:
    instrument = load_instrument("psi_core")
    return score(simulate_answers(instrument, 150, seed=7), instrument, source="simulated")


@pytest.fixture(scope="module")
def fit(scores: Scores) -> Fit:
    return fit_paths(MODEL, scores, draws=200)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6), st.booleans())
def test_a_printed_number_reads_back_as_the_rounded_value(value: float, bounded: bool) -> None:
    printed = apa_number(value, bounded=bounded)
    assert math.isclose(float(printed.replace(MINUS, "-")), float(f"{value:.2f}"), abs_tol=1e-12)
    assert not re.fullmatch(f"{MINUS}0?\\.00", printed)
    if bounded and abs(float(f"{value:.2f}")) < 1:
        assert not printed.replace(MINUS, "").startswith("0")


@given(st.floats(min_value=0, max_value=1))
def test_p_is_never_printed_as_zero_or_one(p: float) -> None:
    assert apa_p(p) not in (".000", "1.000", "0.000")
    assert apa_p(p).startswith(("< .001", "> .999", "."))


def test_what_is_not_there_is_empty() -> None:
    assert apa_number(float("nan")) == apa_p(float("nan")) == apa_interval(0.1, float("nan")) == ""
    assert apa_number(float("inf")) == ""


def test_coefficients_stand_in_the_order_and_language_asked(fit: Fit) -> None:
    english, dutch = table_coefficients(fit), table_coefficients(fit, "nl", labels={"social": "Sociaal"})
    assert list(english.frame.columns) == ["Outcome", "Predictor", "B", "95 % CI", "β", "SE", "t", "df", "p", "r"]
    assert list(dutch.frame.columns) == ["Uitkomst", "Voorspeller", "B", "95 %-BI", "β", "SE", "t", "df", "p", "r"]
    assert english.frame["Predictor"].tolist()[:3] == ["Intercept", "social", "homophily"]
    assert dutch.frame["Voorspeller"].tolist()[:2] == ["Constante", "Sociaal"]
    assert dutch.frame["Voorspeller"].iloc[-1] == "psi × Sociaal"
    first = fit.coefficients.iloc[1]
    assert english.frame.iloc[1]["95 % CI"] == apa_interval(first["conf_low"], first["conf_high"])
    assert english.frame["β"][0] == ""
    assert list(english.frame.columns).index("95 % CI") < list(english.frame.columns).index("p")


def test_every_cell_is_printed_from_the_fit(fit: Fit, scores: Scores) -> None:
    def bounded(name: str, digits: int = 2) -> list[str]:
        return [apa_number(value, digits=digits, bounded=True) for value in found[name]]

    def limits(digits: int = 2, *, bounded: bool = False) -> list[str]:
        pairs = zip(found["conf_low"], found["conf_high"], strict=True)
        return [apa_interval(low, high, digits=digits, bounded=bounded) for low, high in pairs]

    found, table = fit.coefficients, table_coefficients(fit).frame
    for heading, name in (("B", "estimate"), ("SE", "std_error"), ("t", "statistic")):
        assert table[heading].tolist() == [apa_number(value) for value in found[name]]
    assert table["95 % CI"].tolist() == limits()
    betas = zip(found["term"], bounded("std_estimate"), strict=True)
    assert table["β"].tolist() == ["" if term == "(Intercept)" else beta for term, beta in betas]
    assert table["df"].tolist() == [f"{df:.0f}" for df in found["df"]]
    assert table["p"].tolist() == [apa_p(p) for p in found["p_value"]]
    assert table["r"].tolist() == bounded("correlation")
    found, table = fit.effects, table_effects(fit).frame
    assert table["B"].tolist() == [apa_number(value, digits=3) for value in found["estimate"]]
    assert table["95 % CI"].tolist() == limits(3)
    assert table["β"].tolist() == bounded("std_estimate", 3)
    assert table["SE"].tolist() == [apa_number(value, digits=3) for value in found["std_error"]]
    found, table = fit.summary, table_summary(fit).frame
    assert table["n"].tolist() == [str(n) for n in found["n"]]
    assert table.iloc[:, 2].tolist() == bounded("r_squared")
    assert table.iloc[:, 3].tolist() == bounded("adj_r_squared")
    assert table["F"].tolist() == [apa_number(value) for value in found["f_statistic"]]
    assert table["p"].tolist() == [apa_p(p) for p in found["f_p_value"]]
    found = reliability_table(scores)
    table = table_reliability(found, level=0.95).frame
    assert table.iloc[:, 1].tolist() == [str(items) for items in found["items"]]
    assert table.iloc[:, 2].tolist() == [str(n) for n in found["n"]]
    assert table["95 % CI"].tolist() == limits(bounded=True)
    for place, name in ((3, "alpha"), (5, "omega")):
        assert table.iloc[:, place].tolist() == bounded(name)


def test_every_table_of_synthetic_data_says_so(fit: Fit, scores: Scores) -> None:
    reliability = table_reliability(reliability_table(scores), synthetic=scores.synthetic)
    names = ["social", "psi", "purchase"]
    tables = [table_coefficients(fit), table_effects(fit), table_summary(fit), table_descriptives(scores, names)]
    for table in [*tables, reliability]:
        assert "Synthetic data" in str(table)
    assert "Synthetische data" in fit_as_text(fit, reliability_table(scores), "nl")


def test_effects_of_latents_have_an_interval_of_beta(scores: Scores) -> None:
    bond, buying = ("psi1", "psi2", "psi3"), ("purchase1", "purchase2", "purchase3")
    latents = f"bond =~ {' + '.join(bond)}; buying =~ {' + '.join(buying)}"
    fit = fit_cfa(parse_model(f"{latents}; buying ~ bond"), scores, level=0.9)
    found, table = fit.effects, table_effects(fit).frame
    limits = zip(found["std_conf_low"], found["std_conf_high"], strict=True)
    assert table["β: 90 % CI"].tolist() == [apa_interval(low, high, digits=3, bounded=True) for low, high in limits]
    assert all(table["β: 90 % CI"]) and len(table) > 0


def test_effects_and_reliability_hold_every_row(fit: Fit, scores: Scores) -> None:
    effects = table_effects(fit, "nl")
    assert len(effects.frame) == len(fit.effects)
    assert "social → psi → purchase" in effects.frame["Pad"].tolist()
    reliability = reliability_table(scores)
    table = table_reliability(reliability, labels={"psi": "Bond"})
    assert table.frame["Scale"].tolist() == [{"psi": "Bond"}.get(scale, scale) for scale in reliability["scale"]]
    assert all(re.fullmatch(r"\[\.\d\d, \.\d\d\]", interval) for interval in table.frame["95 % CI"])
    assert "Spearman–Brown" not in table.frame
    two = table_reliability(reliability_table(scores, scales={"psi": scores.scales["psi"][:2]}), "nl").frame
    shown = reliability_table(scores, scales={"psi": scores.scales["psi"][:2]})["spearman_brown"][0]
    assert two["Spearman–Brown"].tolist() == [f"{shown:.2f}".lstrip("0")] and two["ω"].tolist() == [""]


def test_descriptives_are_those_of_pandas(scores: Scores) -> None:
    names = ["social", "psi", "purchase"]
    table = table_descriptives(scores, names).frame
    complete = scores.frame[names].dropna().astype(float)
    # A mean of whole answers can lie exactly between two printed numbers, where the last bit decides.
    assert np.abs(table["M"].astype(float).to_numpy() - complete.mean().to_numpy()).max() <= 0.005 + 1e-9
    assert np.abs(table["SD"].astype(float).to_numpy() - complete.std().to_numpy()).max() <= 0.005 + 1e-9
    assert table["1"].tolist() == ["", *(apa_number(r, bounded=True) for r in complete.corr().iloc[1:, 0])]
    assert table["2"].tolist()[:2] == ["", ""]


def test_text_is_aligned() -> None:
    lines = str(Table("T", pd.DataFrame({"name": ["a", "bcd"], "B": ["1.00", "−12.00"]}), ("note",))).splitlines()
    assert lines == ["T", "-" * 12, "name       B", "-" * 12, "a       1.00", "bcd   −12.00", "-" * 12, "note"]


def test_json_is_finite_and_complete(fit: Fit, scores: Scores) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(fit_as_json(fit, reliability_table(scores)), parse_constant=refuse)
    assert found["n"] == len(scores.complete(fit.model.columns))
    assert len(found["coefficients"]) == len(fit.coefficients)
    assert found["coefficients"][1]["estimate"] == fit.coefficients["estimate"][1]
    assert parse_model(found["model"]) == fit.model


def test_csv_of_rows_runs_no_formula_and_keeps_numbers() -> None:
    rows = pd.DataFrame({"name": ["=A1", "@you", "-x", "fine", None], "psi": [-1.5, 2, None, 4, 5]})
    text = rows_as_csv(rows).decode("utf-8-sig")
    assert text.splitlines() == ["name,psi", "'=A1,-1.5", "'@you,2.0", "'-x,", "fine,4.0", ",5.0"]
    assert rows["name"][0] == "=A1"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("fine;=1+1", "fine;'=1+1"),
        ('fine; "@SUM(1)', "fine; \"'@SUM(1)"),
        ("fine\n=1+1", "fine\n'=1+1"),
        ("fine;+31", "fine;'+31"),
        ("\n=1+1", "'\n'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("yes ;-) no", "yes ;-) no"),
        ("two:\n- one\n- two", "two:\n- one\n- two"),
        ("a = b; c", "a = b; c"),
    ],
)
def test_csv_of_rows_runs_no_formula_where_semicolons_separate(text: str, safe: str) -> None:
    """An Excel that splits at semicolons begins a cell in the middle of a text; smileys and lists stay as they are."""
    (read,) = pd.read_csv(io.BytesIO(rows_as_csv(pd.DataFrame({"why": [text]}))), encoding="utf-8-sig")["why"]
    assert read == safe


def test_both_languages_have_the_same_words_and_placeholders() -> None:
    english, dutch = vocabulary("en"), vocabulary("nl")
    assert set(english) == set(dutch)
    for key in english:
        assert set(re.findall(r"\{\w+\}", english[key])) == set(re.findall(r"\{\w+\}", dutch[key])), key
    with data_file("words", "en.toml").open("rb") as file:
        assert tomllib.load(file)["columns"]["p"] == "p"
    with pytest.raises(DataError, match="en or nl"):
        vocabulary("de")


def test_degrees_of_freedom_may_be_broken_or_infinite(fit: Fit) -> None:
    welch = replace(fit, coefficients=fit.coefficients.assign(df=12.345))
    assert set(table_coefficients(welch).frame["df"]) == {"12.3"}
    normal = table_coefficients(replace(fit, coefficients=fit.coefficients.assign(df=np.inf)))
    assert "z" in normal.frame.columns
    assert set(normal.frame["df"]) == {""}
