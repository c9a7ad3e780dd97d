"""Groups compared level by level: lavaan's numbers, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.cfa import Missing
from analysis.errors import DataError, ModelError
from analysis.invariance import LEVELS, Invariance, fit_invariance, large_groups
from analysis.model import parse_model
from analysis.robust import Robust
from analysis.scoring import Scores
from tests.analysis.latent_reference import (
    FIT,
    SCALED,
    answers,
    answers_with_gaps,
    further,
    placed,
    reference,
    shared,
    shared_data,
    written,
)


def assert_level(found: Invariance, level: str, measures: dict[str, float], close: float = 1e-6) -> None:
    row = found.levels.set_index("level").loc[level]
    for ours, theirs in FIT.items():
        if ours in row and theirs in measures:
            tolerance = 2e-5 if ours in ("rmsea_low", "rmsea_high") else close
            assert row[ours] == pytest.approx(measures[theirs], rel=tolerance, abs=tolerance), (level, ours)


@pytest.fixture(scope="module")
def compared() -> Invariance:
    return fit_invariance(written("cfa"), answers(), "group")


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_is_lavaans(compared: Invariance, level: str) -> None:
    expected = reference()["invariance"][level]
    assert_level(compared, level, expected["fit"])
    ours = compared.coefficients[compared.coefficients["level"] == level]
    ours = ours.set_index(["group", "outcome", "term"])
    labels = list(compared.groups)
    seen = 0
    for row in expected["estimates"]:
        left, right = row["lhs"], row["rhs"]
        names = {"=~": (right, left), "~~": (left, right), "~1": (left, "(Intercept)")}[row["op"]]
        one = ours.loc[(labels[row["group"] - 1], *names)]
        assert one["estimate"] == pytest.approx(row["est"], rel=2e-5, abs=2e-6), (row, one)
        if row["se"]:
            assert one["std_error"] == pytest.approx(row["se"], rel=2e-5), row
        seen += 1
    assert seen == len(ours)


def test_differences_between_levels(compared: Invariance) -> None:
    for ours, theirs in zip(compared.levels.iloc[1:].itertuples(), reference()["invariance_lrt"][1:], strict=True):
        assert ours.chi_square_difference == pytest.approx(theirs["Chisq diff"], rel=1e-5)
        assert ours.df_difference == theirs["Df diff"]
        assert ours.p_difference == pytest.approx(theirs["Pr(>Chisq)"], rel=1e-5)
    assert np.isnan(compared.levels["delta_cfi"][0])
    assert compared.levels["delta_cfi"][2] == pytest.approx(compared.levels["cfi"][2] - compared.levels["cfi"][1])


def gaps() -> Scores:
    scores = answers_with_gaps()
    return Scores.from_scored(scores.frame.assign(group=answers().frame["group"]), source="simulated in R")


@pytest.mark.parametrize(
    ("name", "robust", "missing"),
    [("mlr", "mlr", "listwise"), ("mlm", "mlm", "listwise"), ("fiml", None, "fiml"), ("fiml_mlr", "mlr", "fiml")],
)
def test_corrected_levels_and_gaps_are_lavaans(name: str, robust: Robust | None, missing: Missing) -> None:
    expected = further()[name]
    found = fit_invariance(
        written("cfa"), gaps() if missing == "fiml" else answers(), "group", robust=robust, missing=missing
    )
    labels = list(found.groups)
    every = found.coefficients.set_index(["level", "group", "outcome", "term"])
    for level in LEVELS:
        measures = expected["levels"][level]["fit"]
        assert_level(found, level, measures, close=5e-6)
        row = found.levels.set_index("level").loc[level]
        named = {ours: theirs for ours, theirs in SCALED.items() if ours in row}
        assert len(named) == (0 if robust is None else 6 if missing == "fiml" else len(SCALED))
        for ours, theirs in named.items():
            close = 2e-5 if "low" in ours or "high" in ours else 5e-6
            assert row[ours] == pytest.approx(measures[theirs], rel=close, abs=close), (level, ours)
        for one in expected["levels"][level]["estimates"]:
            ours = every.loc[(level, labels[one["group"] - 1], *(placed(one) or ()))]
            assert ours["estimate"] == pytest.approx(one["est"], rel=2e-5, abs=5e-6), one
            if one["se"]:
                assert ours["std_error"] == pytest.approx(one["se"], rel=5e-5), one
    for ours, theirs in zip(found.levels.iloc[1:].itertuples(), expected["lrt"][1:], strict=True):
        assert ours.chi_square_difference == pytest.approx(theirs["Chisq diff"], rel=1e-4)
        assert ours.p_difference == pytest.approx(theirs["Pr(>Chisq)"], rel=1e-4)
    if robust:
        step = found.levels["cfi_scaled"]
        assert found.levels["delta_cfi_scaled"][2] == pytest.approx(step[2] - step[1])


def test_complete_answers_need_no_full_information(compared: Invariance) -> None:
    found = fit_invariance(written("cfa"), answers(), "group", missing="fiml")
    for name in ("chi_square", "cfi", "rmsea", "srmr", "log_likelihood", "chi_square_difference"):
        np.testing.assert_allclose(found.levels[name], compared.levels[name], rtol=1e-6, atol=1e-8)


def test_corrections_that_are_not_there_for_groups() -> None:
    with pytest.raises(ModelError, match="thresholds need an identification"):
        fit_invariance(written("cfa"), answers(), "group", robust="wlsmv")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="not one of its choices"):
        fit_invariance(written("cfa"), answers(), "group", robust="gls")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="not one of its choices"):
        fit_invariance(written("cfa"), answers(), "group", missing="mean")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="not defined with missing answers"):
        fit_invariance(written("cfa"), gaps(), "group", robust="mlm", missing="fiml")


def test_a_group_nobody_of_which_answered_is_named() -> None:
    frame = gaps().frame.copy()
    frame.loc[frame["group"] == "nl", "psi2"] = np.nan
    with pytest.raises(DataError, match=r"'nl'.*nobody answered 'psi2'"):
        fit_invariance(written("cfa"), Scores.from_scored(frame, source="t"), "group", missing="fiml")
    frame.loc[frame["group"] == "nl", "psi2"] = np.where(np.arange((frame["group"] == "nl").sum()) % 2, 3, 4)
    frame.loc[(frame["group"] == "nl"), "psi1"] = np.where(np.arange((frame["group"] == "nl").sum()) < 3, [2.0], np.nan)
    frame.loc[frame.index[frame["group"] == "nl"][0], "psi1"] = 5
    frame.loc[frame.index[frame["group"] == "nl"][:9], "psi2"] = np.nan
    with pytest.raises(DataError, match=r"group 'nl' of 'group', columns 'psi1' and 'psi2'.*0 people answered both"):
        fit_invariance(written("cfa"), Scores.from_scored(frame, source="t"), "group", missing="fiml")


def test_partial_invariance() -> None:
    found = fit_invariance(written("cfa"), answers(), "group", levels=["scalar"], partial=["psi3", "psi =~ psi4"])
    assert_level(found, "scalar", reference()["invariance_partial"]["fit"])


def test_holzinger_swineford_schools() -> None:
    expected = shared("03_cfa_hs1939.json")
    data = Scores.from_scored(shared_data("HolzingerSwineford1939.csv"), source="Holzinger and Swineford 1939")
    found = fit_invariance(parse_model(expected["model"]), data, "school")
    for level in LEVELS:
        assert_level(found, level, expected["invariance"][level])
    partial = fit_invariance(parse_model(expected["model"]), data, "school", levels=["scalar"], partial=["x3", "x7"])
    assert_level(partial, "scalar", expected["invariance_partial_x3_x7"])


def test_the_same_people_twice_are_invariant() -> None:
    frame = answers().frame
    both = pd.concat([frame.assign(group="a"), frame.assign(group="b")])
    twice = Scores.from_scored(both, source="twice")
    found = fit_invariance(written("cfa"), twice, "group").levels
    np.testing.assert_allclose(found["chi_square"], found["chi_square"][0], rtol=1e-9)


def test_groups_that_cannot_be_compared() -> None:
    frame = answers().frame.copy()
    with pytest.raises(DataError, match="no such column"):
        fit_invariance(written("cfa"), answers(), "nope")
    with pytest.raises(DataError, match=r"1 group\(s\)"):
        fit_invariance(written("cfa"), Scores.from_scored(frame.assign(group="x"), source="t"), "group")
    frame.loc[0, "group"] = "alone"
    with pytest.raises(DataError, match=r"'alone'.*1 complete rows for 33 parameters"):
        fit_invariance(written("cfa"), Scores.from_scored(frame, source="t"), "group")
    stuck = answers().frame.copy()
    stuck.loc[stuck["group"] == "nl", "psi2"] = 4
    with pytest.raises(DataError, match=r"'nl'.*'psi2' the same answer"):
        fit_invariance(written("cfa"), Scores.from_scored(stuck, source="t"), "group")


def test_questions_that_mean_nothing() -> None:
    with pytest.raises(ModelError, match="no level of invariance"):
        fit_invariance(written("cfa"), answers(), "group", levels=["weak"])  # type: ignore[list-item]
    with pytest.raises(ModelError, match="names no parameter"):
        fit_invariance(written("cfa"), answers(), "group", partial=["nope"])
    with pytest.raises(ModelError, match="not about regressions"):
        fit_invariance(written("sem"), answers(), "group")


def test_rows_without_a_group_are_left_out() -> None:
    frame = answers().frame.copy()
    frame.loc[3, "group"] = None
    found = fit_invariance(written("cfa"), Scores.from_scored(frame, source="t"), "group", levels=["configural"])
    assert sum(found.groups.values()) == len(frame) - 1
    assert any("1 of 320 rows" in note for note in found.notes)


def test_groups_too_small_for_the_model_are_told_and_the_others_compared() -> None:
    frame = answers().frame.copy()
    frame.loc[frame.index[:6], "group"] = "de"
    frame.loc[frame.index[6], "group"] = ""
    mixed = Scores.from_scored(frame, source="t")
    with pytest.raises(DataError, match="'de'"):
        fit_invariance(written("cfa"), mixed, "group")
    kept, small = large_groups(written("cfa"), mixed, "group")
    assert small == ("de",) and kept.n == 320 - 7
    found = fit_invariance(written("cfa"), kept, "group", levels=["configural"])
    assert sorted(found.groups) == ["en", "nl"] and sum(found.groups.values()) == 313


THREE = "psi =~ psi1 + psi2 + psi3"


@pytest.mark.parametrize(
    ("name", "robust", "missing"), [("mlr", "mlr", "listwise"), ("mlm", "mlm", "listwise"), ("fiml_mlr", "mlr", "fiml")]
)
def test_a_factor_of_three_items_fits_by_construction_as_in_lavaan(name: str, robust: Robust, missing: Missing) -> None:
    """Its first step is compared with a model that fits: differences and changes are those of the metric level."""
    expected = further()[f"three_{name}"]
    compared = fit_invariance(
        parse_model(THREE), gaps() if missing == "fiml" else answers(), "group", robust=robust, missing=missing
    )
    untested = [note for note in compared.notes if "no degrees of freedom are left" in note]
    assert [note.partition(":")[0] for note in untested] == ["configural"]
    found = compared.levels.set_index("level")
    assert found.loc["configural", "df"] == 0
    for level in LEVELS:
        measures = expected["levels"][level]["fit"]
        for ours in set(SCALED) & set(found):
            there = measures.get(SCALED[ours], np.nan)
            if level == "configural" and ours in ("cfi_robust", "tli_robust"):
                assert np.isnan(there)
                there = 1.0
            told = found.loc[level, ours]
            assert told == pytest.approx(there, rel=2e-5, abs=2e-5, nan_ok=True), (level, ours)
    for ours, theirs in zip(found.iloc[1:].itertuples(), expected["lrt"][1:], strict=True):
        assert ours.chi_square_difference == pytest.approx(theirs["Chisq diff"], rel=1e-4)
        assert ours.p_difference == pytest.approx(theirs["Pr(>Chisq)"], rel=1e-4)
    for measure in ("cfi_scaled", "cfi_robust", "rmsea_robust") if missing == "listwise" else ("cfi_scaled",):
        change = found.loc["metric", measure] - (measure != "rmsea_robust")
        assert found.loc["metric", f"delta_{measure}"] == pytest.approx(change, abs=1e-9)
    assert found["delta_rmsea_scaled"].isna().tolist() == [True, True, False, False]


@pytest.mark.parametrize("robust", [None, "mlr"])
def test_a_level_that_holds_nothing_more_equal_has_no_difference_to_test(robust: Robust | None) -> None:
    found = fit_invariance(
        parse_model(THREE), answers(), "group", levels=["configural", "metric", "scalar"], robust=robust,
        partial=["psi=~psi2", "psi=~psi3"],
    )  # fmt: skip
    assert found.levels["df_difference"].tolist()[1:] == [0, 2]
    assert found.levels["p_difference"].isna().tolist() == [True, True, False]
    (note,) = [note for note in found.notes if "difference" in note and "tests are" not in note]
    assert note == "metric: nothing more is held equal than at the level above, so no difference is tested."
