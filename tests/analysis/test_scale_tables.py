"""Tables about scales show, cell by cell, what the analysis behind them found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.cfa import fit_cfa, modification_indices
from analysis.fit import Fit
from analysis.instrument import load_instrument
from analysis.invariance import fit_invariance
from analysis.measurement import measurement
from analysis.model import Model
from analysis.reliability import item_statistics
from analysis.scale_tables import (
    GUIDES,
    table_collinearity,
    table_fit_measures,
    table_fornell_larcker,
    table_htmt,
    table_invariance,
    table_items,
    table_loadings,
    table_modifications,
    table_validity,
)
from analysis.scoring import Scores, score
from analysis.simulate import simulate_answers
from analysis.tables import Table, apa_interval, apa_number, apa_p
from analysis.validity import construct_validity, htmt, measurement_model
from analysis.vocabulary import vocabulary

WORDS = vocabulary("en")
LABELS = {"psi": "Bond", "trust": "Trust"}


@pytest.fixture(scope="module")
def scores() -> Scores:
    instrument = load_instrument("psi_core")
    answers = simulate_answers(instrument, 240, seed=7)
    return score(answers.assign(half=["a", "b"] * 120), instrument)


@pytest.fixture(scope="module")
def model(scores: Scores) -> Model:
    return measurement_model({name: scores.scales[name] for name in ("psi", "trust", "social")})


@pytest.fixture(scope="module")
def cfa(model: Model, scores: Scores) -> Fit:
    return fit_cfa(model, scores)


def column(table: Table, place: int) -> list[str]:
    return table.frame.iloc[:, place].tolist()


def numbers(values: pd.Series, *, digits: int = 2, bounded: bool = False) -> list[str]:
    return [apa_number(value, digits=digits, bounded=bounded) for value in values]


def test_items_stand_with_their_statistics(scores: Scores) -> None:
    found = item_statistics(scores)
    table = table_items(found, synthetic=True, labels=LABELS)
    assert column(table, 0) == [LABELS.get(name, name) for name in found["scale"]]
    assert column(table, 1) == found["item"].tolist()
    assert column(table, 2) == ["" if np.isnan(n) else str(int(n)) for n in found["n"]]
    for place, name in ((3, "mean"), (4, "sd")):
        assert column(table, place) == numbers(found[name])
    for place, name in ((5, "item_rest"), (6, "alpha_if_dropped")):
        assert column(table, place) == numbers(found[name], bounded=True)
    assert table.notes == (WORDS["synthetic_note"],)


def test_validity_and_the_triangle_of_fornell_and_larcker(model: Model, scores: Scores) -> None:
    found = construct_validity(model, scores)
    table = table_validity(found, labels=LABELS)
    assert column(table, 0) == [LABELS.get(name, name) for name in found.scales["scale"]]
    assert column(table, 1) == [str(items) for items in found.scales["items"]]
    for place, name in enumerate(("ave", "cr", "sqrt_ave", "highest_correlation"), start=2):
        assert column(table, place) == numbers(found.scales[name], bounded=True)
    assert column(table, 6) == [LABELS.get(name, name) for name in found.scales["with"]]
    triangle = table_fornell_larcker(found)
    square = found.fornell_larcker.to_numpy()
    for row in range(3):
        expected = [apa_number(square[row, place], bounded=True) if place <= row else "" for place in range(3)]
        assert triangle.frame.iloc[row, 1:].tolist() == expected
    assert column(triangle, 0) == [f"{place}. {name}" for place, name in enumerate(found.fornell_larcker, start=1)]
    assert WORDS["synthetic_note"] in triangle.notes


def test_pairs_stand_with_the_highest_htmt_first(scores: Scores) -> None:
    found = htmt(scores, draws=100)
    pairs = found.pairs.sort_values("htmt", ascending=False)
    table = table_htmt(found)
    assert column(table, 0) == [f"{row.first} – {row.second}" for row in pairs.itertuples()]
    assert column(table, 1) == numbers(pairs["htmt"], bounded=True)
    limits = zip(pairs["htmt_low"], pairs["htmt_high"], strict=True)
    assert column(table, 2) == [apa_interval(low, high, bounded=True) for low, high in limits]
    assert column(table, 3) == numbers(pairs["htmt2"], bounded=True)
    assert len(table_htmt(found, most=2).frame) == 2


def test_measures_of_fit_and_loadings_are_the_fit_s(cfa: Fit) -> None:
    one = cfa.summary.iloc[0]
    values = table_fit_measures(cfa).frame.set_index("Measure")
    assert values.loc["χ²", "Value"] == apa_number(one["chi_square"])
    assert values.loc["p", "Value"] == apa_p(one["p_value"])
    assert [values.loc[name, "Value"] for name in ("df", "n")] == [str(int(one["df"])), str(int(one["n"]))]
    for name in ("CFI", "TLI", "SRMR"):
        assert values.loc[name, "Value"] == apa_number(one[name.lower()], digits=3, bounded=True)
        assert values.iloc[values.index.get_loc(name), 1] == GUIDES[name.lower()]
    for name in ("AIC", "BIC"):
        assert values.loc[name, "Value"] == apa_number(one[name.lower()], digits=1)
    interval = apa_interval(one["rmsea_low"], one["rmsea_high"], bounded=True)
    assert values.loc[WORDS["columns.rmsea"], "Value"] == f"{apa_number(one['rmsea'], bounded=True)} {interval}"
    found = cfa.coefficients[cfa.coefficients["kind"] == "loading"]
    table = table_loadings(cfa, labels=LABELS)
    assert column(table, 0) == [LABELS.get(name, name) for name in found["term"]]
    assert column(table, 1) == found["outcome"].tolist()
    assert column(table, 2) == numbers(found["std_estimate"], bounded=True)
    assert column(table, 4) == numbers(found["estimate"])
    for place, of in ((3, "std_conf"), (5, "conf")):
        limits = zip(found[f"{of}_low"], found[f"{of}_high"], strict=True)
        assert column(table, place) == [apa_interval(low, high, bounded=of == "std_conf") for low, high in limits]
    assert list(table.frame.columns[[3, 5]]) == ["λ: 95 % CI", "B: 95 % CI"]
    assert column(table, 6) == numbers(found["std_error"])
    assert "" in column(table, 6)  # the loading that sets the scale's unit


@pytest.mark.parametrize("most", [None, 3])
def test_what_the_model_leaves_out_stands_with_the_most_wanted_first(
    model: Model, scores: Scores, most: int | None
) -> None:
    found = modification_indices(model, scores)
    table = table_modifications(found, most=most, synthetic=True, labels=LABELS)
    first = found.head(most or len(found))
    assert set(first["kind"]) <= {"covariance", "loading"}
    between = {"covariance": "{outcome} ↔ {term}", "loading": "{term} → {outcome}"}
    named = first.assign(term=first["term"].replace(LABELS)).to_dict("records")
    assert column(table, 0) == [between[row["kind"]].format(**row) for row in named]
    assert column(table, 1) == numbers(first["modification_index"])
    assert column(table, 2) == [apa_p(p) for p in first["p_value"]]
    assert column(table, 3) == numbers(first["std_expected_change"], bounded=True)
    assert first["modification_index"].is_monotonic_decreasing
    assert table.notes == (WORDS["synthetic_note"], WORDS["notes.modifications"])


def test_levels_of_invariance_stand_with_their_differences(scores: Scores) -> None:
    found = fit_invariance(measurement_model({"trust": scores.scales["trust"]}), scores, "half")
    levels, table = found.levels, table_invariance(found)
    assert column(table, 0) == [WORDS[f"levels.{level}"] for level in levels["level"]]
    assert column(table, 1) == [f"{apa_number(row.chi_square)} ({row.df:.0f})" for row in levels.itertuples()]
    for place, name in ((2, "cfi"), (3, "delta_cfi"), (4, "rmsea"), (5, "delta_rmsea")):
        assert column(table, place) == numbers(levels[name], digits=3, bounded=True)
    rises = zip(levels["chi_square_difference"], levels["df_difference"], strict=True)
    assert column(table, 6) == ["" if np.isnan(rise) else f"{apa_number(rise)} ({df:.0f})" for rise, df in rises]
    assert column(table, 7) == [apa_p(p) for p in levels["p_difference"]]
    assert "a (n = 120), b (n = 120)" in table.notes[-1]


def test_collinearity_of_every_scale(scores: Scores) -> None:
    found = measurement(scores, {name: scores.scales[name] for name in ("psi", "trust")}, draws=100)
    assert found.collinearity is not None
    table = table_collinearity(found, labels=LABELS)
    assert column(table, 0) == ["Bond", "Trust"]
    assert column(table, 1) == numbers(found.collinearity["vif"])
    assert column(table, 2) == numbers(found.collinearity["r_squared"], bounded=True)
