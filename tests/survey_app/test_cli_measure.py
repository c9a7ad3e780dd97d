"""`parasol measure`: reliability, factor model, validity, exploration and invariance as R gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.instrument import load_instrument
from analysis.measurement import measurement
from analysis.scoring import score
from analysis.simulate import simulate_answers
from tests.analysis.latent_reference import FIT, reference, shared, shared_data
from tests.survey_app.command_line import HANOI_SCALES, answered, call, hanoi, real, refused, scales, stupid_files

QUICK = ["--draws", "200"]
TWO = ["--scale", "psi=psi1,psi2,psi3,psi4", "--scale", "trust=trust1,trust2,trust3"]


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(load_instrument("psi_core"), 150, seed=7)


@pytest.fixture
def file(answers: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    answers.to_csv(path, index=False)
    return path


@pytest.fixture
def latent(tmp_path: Path) -> Path:
    path = tmp_path / "latent.csv"
    pd.DataFrame(reference()["data"]).to_csv(path, index=False)
    return path


def test_the_numbers_are_those_of_the_engine(file: Path, answers: pd.DataFrame) -> None:
    found = answered("measure", file, *QUICK, "--seed", 3)
    expected = measurement(score(answers, load_instrument("psi_core")), draws=200, seed=3)
    assert (found["n"], found["rows"], found["synthetic"], found["seed"]) == (150, 150, True, 3)
    np.testing.assert_allclose(pd.DataFrame(found["reliability"])["alpha"], expected.reliability["alpha"])
    np.testing.assert_allclose(pd.DataFrame(found["items"])["item_rest"], expected.items["item_rest"])
    assert expected.validity and expected.htmt and expected.parallel and expected.single_factor
    np.testing.assert_allclose(pd.DataFrame(found["validity"])["ave"], expected.validity.scales["ave"])
    np.testing.assert_allclose(pd.DataFrame(found["htmt"])["htmt_high"], expected.htmt.pairs["htmt_high"])
    assert found["parallel"]["factors"] == expected.parallel.factors
    assert found["single_factor"]["factor_share"] == pytest.approx(expected.single_factor.factor_share)
    assert found["fit"]["chi_square"] == pytest.approx(expected.validity.fit.summary["chi_square"][0])
    assert len(found["loadings"]) == 35
    assert found["efa"] is None and found["invariance"] is None


def test_a_factor_model_equals_lavaan(latent: Path) -> None:
    model = reference()["models"]["cfa"]
    found = answered("measure", latent, "--scored", "--cfa", model, *QUICK)
    for ours, theirs in FIT.items():
        if ours in found["fit"]:
            assert found["fit"][ours] == pytest.approx(reference()["cfa"]["fit"][theirs], rel=1e-4, abs=1e-6), ours
    standardised = {(row["term"], row["outcome"]): row["std_estimate"] for row in found["loadings"]}
    for row in reference()["cfa"]["estimates"]:
        if row["op"] == "=~":
            assert standardised[row["lhs"], row["rhs"]] == pytest.approx(row["std.all"], rel=1e-5)
    bare = answered("measure", latent, "--cfa", model, *QUICK)
    assert bare["fit"] == found["fit"]
    assert any("as they stand" in note for note in bare["notes"])
    assert answered("fit", latent, "--latent", "--model", model)["fit"] == found["fit"]


def test_invariance_equals_lavaan_on_the_shared_reference(tmp_path: Path) -> None:
    path = tmp_path / "school.csv"
    shared_data("HolzingerSwineford1939.csv").to_csv(path, index=False)
    theirs = shared("03_cfa_hs1939.json")
    assert theirs
    model = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
    found = answered("measure", path, "--cfa", model, "--invariance", "school", *QUICK)
    assert found["fit"]["chi_square"] == pytest.approx(85.305521770, rel=1e-9)
    assert found["fit"]["srmr"] == pytest.approx(0.065205, abs=1e-6)
    levels = {row["level"]: row for row in found["invariance"]["levels"]}
    expected = {"configural": (115.851, 48), "metric": (124.044, 54), "scalar": (164.103, 60)}
    for level, (chi_square, df) in expected.items():
        assert levels[level]["chi_square"] == pytest.approx(chi_square, abs=5e-4)
        assert levels[level]["df"] == df
    assert found["invariance"]["group"] == "school"
    assert sum(found["invariance"]["groups"].values()) == found["n"] == 301
    ratios = {(row["first"], row["second"]): row["htmt"] for row in found["htmt"]}
    assert [round(ratios[pair], 4) for pair in (("visual", "textual"), ("visual", "speed"))] == [0.4243, 0.4665]


def test_what_the_factor_model_leaves_out_is_lavaans_list(latent: Path) -> None:
    found = answered("measure", latent, "--cfa", reference()["models"]["cfa"], *QUICK)
    ours = {(row["kind"], row["outcome"], row["term"]): row for row in found["modifications"]}
    kinds = {"=~": "loading", "~~": "covariance"}
    theirs = sorted((row for row in reference()["cfa"]["modification"] if row["mi"]), key=lambda row: -row["mi"])[:10]
    for row in theirs:
        ends = (row["rhs"], row["lhs"]) if row["op"] == "=~" else (row["lhs"], row["rhs"])
        assert ours[kinds[row["op"]], *ends]["modification_index"] == pytest.approx(row["mi"], rel=1e-4)
    largest = [row["modification_index"] for row in found["modifications"]]
    assert largest == sorted(largest, reverse=True) and len(largest) > 30
    code, printed, _ = call("measure", latent, "--cfa", reference()["models"]["cfa"], *QUICK)
    shown = printed.partition("What would improve the fit most")[2].partition("\n\n")[0]
    assert code == 0 and len(shown.splitlines()) == 15 and "exploration" in shown


def test_it_says_which_quantities_these_are(file: Path) -> None:
    """Two items have Spearman-Brown instead of omega; omega, AVE, CR and HTMT each say which they are."""
    two = ["--scale", "social=social1,social2", "--scale", "psi=psi1,psi2,psi3", "--efa", 1]
    code, printed, _ = call("measure", file, *two, *QUICK)
    assert code == 0
    for part in (
        "Spearman–Brown", "omega total of one maximum-likelihood factor", "AVE and CR are those of standardised",
        "HTMT2 geometric ones", "Pattern of 1 factor (minres, oblimin)", "One factor for all 5 items:",
    ):  # fmt: skip
        assert part in printed, part
    found = answered("measure", file, *two, *QUICK)
    row = next(row for row in found["reliability"] if row["scale"] == "social")
    assert row["omega"] is None and f"{row['spearman_brown']:.2f}".lstrip("0") in printed
    assert f"{100 * found['single_factor']['factor_share']:.1f} % of their variance" in printed


def test_exploration_and_groups(file: Path) -> None:
    found = answered("measure", file, *TWO, "--efa", 2, "--invariance", "language", *QUICK)
    assert {row["factor"] for row in found["efa"]["loadings"]} == {"f1", "f2"}
    assert len(found["efa"]["loadings"]) == 14
    assert [row["level"] for row in found["invariance"]["levels"]] == ["configural", "metric", "scalar", "strict"]
    assert found["invariance"]["model"] == found["model"]


def test_exclusion_gives_everybody_beside(file: Path) -> None:
    found = answered("measure", file, "--instrument", "psi_core", "--exclude", "flagged", *QUICK)
    assert found["n"] == found["exclusions"][-1]["remaining"] < 150
    assert found["everybody"] == answered("measure", file, "--instrument", "psi_core", *QUICK)


def test_real_answers() -> None:
    path = hanoi()
    found = answered("measure", path, *scales(HANOI_SCALES), *QUICK)
    theirs = pd.read_csv(path)[["PAR1", "PAR2", "PAR3"]]
    alpha = 1.5 * (1 - theirs.var().sum() / theirs.sum(axis=1).var())
    ours = {row["scale"]: row for row in found["reliability"]}
    assert ours["par"]["alpha"] == pytest.approx(alpha, rel=1e-10)
    assert found["n"] == 272 and found["fit"]["df"] == 48


def test_tables_for_people(file: Path, tmp_path: Path) -> None:
    command = ["measure", file, *TWO, "--efa", 2, "--invariance", "language", *QUICK]
    code, printed, said = call(*command)
    assert (code, said) == (0, "")
    for part in ("Reliability", "rmsea_low", "Convergent validity", "HTMT", "KMO", "Pattern of 2", "same in each"):
        assert part in printed
    assert printed.count("Synthetic data") == 1
    assert "nan" not in printed.lower().replace("finance", "")
    call(*command, "-o", tmp_path / "measure.txt")
    assert (tmp_path / "measure.txt").read_text(encoding="utf-8") == printed


def test_what_is_wrong_is_one_sentence(file: Path, answers: pd.DataFrame, latent: Path, tmp_path: Path) -> None:
    for path in stupid_files(tmp_path).values():
        assert len(refused("measure", path).splitlines()) == 1
    assert "which items belong" in refused("measure", latent, "--scored")
    assert "psi99" in refused("measure", file, "--cfa", "psi =~ psi1 + psi2 + psi99")
    assert "psi1 only" in refused("measure", file, "--cfa", "f =~ psi1")
    assert "neither a file nor a model" in refused("measure", file, "--cfa", "psi")
    assert "parasol fit --latent" in refused("measure", file, "--cfa", "psi =~ psi1 + psi2 + psi3; psi ~ age")
    for count in ("0", "-2", "30"):
        assert len(refused("measure", file, *TWO, "--efa", count).splitlines()) == 1
    assert "no such column" in refused("measure", file, *TWO, "--invariance", "nowhere")
    assert "2 to 50 groups" in refused("measure", file, *TWO, "--invariance", "participation")
    answers.assign(town="Delft").to_csv(tmp_path / "town.csv", index=False)
    assert "'town' holds 1 different" in refused("measure", tmp_path / "town.csv", *TWO, "--invariance", "town")
    assert "no share" in refused("measure", file, *TWO, "--level", "95")
    assert "--seed" in refused("measure", file, *TWO, "--seed", "-1")
    assert "do not fit into memory" in refused("measure", file, *TWO, "--draws", "1000000000")
    assert "GB" in call("measure", file, "--instrument", "psi_core", "--draws", "1000000")[1]


def test_groups_too_small_to_compare_leave_the_rest_standing(answers: pd.DataFrame, tmp_path: Path) -> None:
    answers.assign(town=["Goes", *["Delft"] * 149]).to_csv(tmp_path / "towns.csv", index=False)
    found = answered("measure", tmp_path / "towns.csv", *TWO, *QUICK, "--invariance", "town")
    assert found["invariance"] is None and found["fit"] is not None
    assert any("No comparison by 'town': group 'Goes'" in note for note in found["notes"])
    assert "No comparison by 'town'" in call("measure", tmp_path / "towns.csv", *TWO, *QUICK, "--invariance", "town")[1]


def test_parts_that_cannot_be_had_are_notes(answers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    answers.head(1).to_csv(path, index=False)
    found = answered("measure", path, *TWO, *QUICK)
    assert found["fit"] is None and found["htmt"] == []
    assert any("No factor model" in note for note in found["notes"])
    assert all(row["alpha"] is None for row in found["reliability"])
    pd.DataFrame({f"a{number}": [3] * 12 for number in range(6)}).to_csv(path, index=False)
    equal = answered("measure", path, "--scale", "a=a0,a1,a2", "--scale", "b=a3,a4,a5", *QUICK)
    assert equal["fit"] is None and all(row["alpha"] is None for row in equal["reliability"])
    assert call("measure", path, "--scale", "a=a0,a1,a2", *QUICK)[0] == 0


def test_the_real_command(file: Path) -> None:
    code, printed, said = real("measure", file, *TWO, "--efa", 1, *QUICK)
    assert (code, said) == (0, "")
    assert "Convergent validity" in printed
    code, printed, said = real("measure", file, *TWO, "--efa", 99)
    assert (code, printed) == (2, "")
    assert len(said.splitlines()) == 1
