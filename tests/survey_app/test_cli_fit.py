"""`parasol fit` as people call it: files from any tool in, tables or JSON out, one sentence when something is wrong."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.fit import COEFFICIENTS, EFFECTS, SUMMARY
from analysis.instrument import load_instrument
from analysis.simulate import simulate_answers
from tests.survey_app import command_line
from tests.survey_app.command_line import HANOI_SCALES, scales

HANOI_MODEL = "par ~ sim + att; urg ~ par + sim + att"
QUICK = ["--draws", "200"]


def call(*arguments: object) -> tuple[int, str, str]:
    return command_line.call("fit", *arguments)


def fitted(*arguments: object) -> dict[str, Any]:
    return command_line.answered("fit", *QUICK, *arguments)


def refused(*arguments: object) -> str:
    return command_line.refused("fit", *QUICK, *arguments)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(load_instrument("psi_core"), 200, seed=7)


@pytest.fixture
def file(answers: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    answers.to_csv(path, index=False)
    return path


@pytest.fixture
def hanoi() -> Path:
    return command_line.hanoi()


@pytest.mark.parametrize("errors", ["hc3", "classical"])
def test_real_answers_equal_statsmodels(hanoi: Path, errors: str) -> None:
    found = fitted(hanoi, "--model", HANOI_MODEL, *scales(HANOI_SCALES), "--errors", errors)
    rows = pd.read_csv(hanoi)
    named = (scale.split("=") for scale in HANOI_SCALES)
    means = pd.DataFrame({name: rows[items.split(",")].mean(axis=1) for name, items in named})
    assert found["n"] == 272
    assert found["synthetic"] is False
    for outcome, terms in (("par", ["sim", "att"]), ("urg", ["par", "sim", "att"])):
        kind = {"hc3": "HC3", "classical": "nonrobust"}[errors]
        expected = sm.OLS(means[outcome], sm.add_constant(means[terms])).fit(cov_type=kind, use_t=True)
        ours = pd.DataFrame(found["coefficients"]).set_index(["outcome", "term"]).loc[outcome]
        ours = ours.rename(index={"(Intercept)": "const"}).loc[["const", *terms]]
        low, high = expected.conf_int().to_numpy().T
        for column, theirs in {
            "estimate": expected.params, "std_error": expected.bse, "statistic": expected.tvalues,
            "p_value": expected.pvalues, "conf_low": low, "conf_high": high,
        }.items():  # fmt: skip
            np.testing.assert_allclose(ours[column].astype(float), theirs, rtol=1e-8)
        summary = next(row for row in found["summary"] if row["outcome"] == outcome)
        assert math.isclose(summary["r_squared"], expected.rsquared, rel_tol=1e-10)
        assert math.isclose(summary["adj_r_squared"], expected.rsquared_adj, rel_tol=1e-10)


def test_real_answers_equal_r(hanoi: Path) -> None:
    reference = json.loads((Path(__file__).parents[1] / "reference" / "hanoi.json").read_text(encoding="utf-8"))
    listed = [f"{scale}={','.join(items)}" for scale, items in reference["scales"].items()]
    asked = [hanoi, "--model", "PAR ~ SIM + ATT + EXP; TRU ~ PAR; URG ~ PAR + TRU + SIM", *scales(listed)]
    robust, classical = fitted(*asked, "--draws", 5000), fitted(*asked, "--errors", "classical")

    def agree(ours: float, theirs: float) -> None:
        assert math.isclose(ours, theirs, rel_tol=1e-6)

    for row, plain in zip(robust["coefficients"], classical["coefficients"], strict=True):
        expected, term = reference["regressions"][row["outcome"]], row["term"]
        for column, theirs in (("std_error", "se"), ("statistic", "t"), ("p_value", "p"), ("conf_low", "low")):
            agree(row[column], expected["hc3"][theirs][term])
        agree(row["estimate"], expected["coef"][term])
        agree(row["std_estimate"], expected["beta"].get(term, row["std_estimate"]))
        agree(plain["std_error"], expected["se"][term])
        agree(plain["p_value"], expected["p"][term])
    for row in robust["summary"]:
        expected = reference["regressions"][row["outcome"]]
        for column, theirs in (("r_squared", "r2"), ("adj_r_squared", "adj_r2"), ("f_statistic", "f")):
            agree(row[column], expected[theirs])
    for row in robust["reliability"]:
        expected = reference["alpha"][row["scale"]]
        for column, theirs in (("alpha", "alpha"), ("conf_low", "low"), ("conf_high", "high")):
            agree(row[column], expected[theirs])
    effects = {row["path"]: row for row in robust["effects"] if row["kind"] in ("direct", "indirect")}
    for path, expected in reference["effects"].items():
        agree(effects[path]["estimate"], expected["estimate"])
        for column, theirs, error in zip(("conf_low", "conf_high"), ("low", "high"), expected["mc_se"], strict=True):
            room = 4 * error * math.sqrt(reference["boot_draws"] / 5000)
            assert abs(effects[path][column] - expected[theirs]) < room


def test_the_json_has_every_key_and_only_finite_numbers(file: Path) -> None:
    found = fitted(file, "--model", "psi ~ social + homophily; purchase ~ psi + social")
    assert {"n", "synthetic", "coefficients", "effects", "summary", "reliability", "notes"} <= set(found)
    for rows, columns in (("coefficients", COEFFICIENTS), ("effects", EFFECTS), ("summary", SUMMARY)):
        assert found[rows]
        for row in found[rows]:
            assert list(row)[: len(columns)] == list(columns)
    assert {"scale", "items", "n", "alpha", "conf_low", "conf_high"} <= set(found["reliability"][0])
    assert found["synthetic"] is True
    assert {effect["kind"] for effect in found["effects"]} == {"direct", "indirect", "total"}
    assert "social -> psi -> purchase" in {effect["path"] for effect in found["effects"]}


def test_the_questionnaire_is_found_by_its_items_and_keys_them(file: Path) -> None:
    by_itself = fitted(file, "--model", "purchase ~ psi")
    named = fitted(file, "--model", "purchase ~ psi", "--instrument", "psi_core")
    assert by_itself == named
    instrument = load_instrument("psi_core")
    signed = [
        f"{scale}=" + ",".join("-" * instrument.item(item).reverse + item for item in instrument.scale(scale).items)
        for scale in ("psi", "purchase")
    ]
    by_hand = fitted(file, "--model", "purchase ~ psi", *scales(signed), "--range", "1:7")
    assert by_hand["coefficients"] == by_itself["coefficients"]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "sav", "parquet"])
def test_every_kind_of_file_gives_the_same_numbers(answers: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    import pyreadstat

    scored = pd.DataFrame({"psi": answers["psi1"], "purchase": answers["purchase1"], "synthetic": 1}).astype(float)
    path = tmp_path / f"scored.{ending}"
    if ending == "csv":
        scored.to_csv(path, index=False, sep=";", decimal=",")
    elif ending == "xlsx":
        scored.to_excel(path, index=False)
    elif ending == "sav":
        pyreadstat.write_sav(scored, path)
    else:
        scored.to_parquet(path)
    found = fitted(path, "--model", "purchase ~ psi", "--scored")
    pairs = scored.dropna()
    slope = np.polyfit(pairs["psi"], pairs["purchase"], 1)[0]
    assert math.isclose(found["coefficients"][1]["estimate"], slope, rel_tol=1e-9)
    assert found["synthetic"] is True
    assert found["reliability"] == []


def test_the_model_may_stand_in_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("# the core\npsi ~ social\npurchase ~ psi\n", encoding="utf-8")
    from_file = fitted(file, "--model", tmp_path / "model.txt")
    assert from_file == fitted(file, "--model", "psi ~ social; purchase ~ psi")


def test_tables_for_people_and_files_of_them(file: Path, tmp_path: Path) -> None:
    code, printed, said = call(file, "--model", "purchase ~ psi", *QUICK)
    assert (code, said) == (0, "")
    assert "95 % CI" in printed
    assert "< .001" in printed
    assert "Synthetic data" in printed
    assert "p = .000" not in printed
    code, nothing, _ = call(file, "--model", "purchase ~ psi", *QUICK, "-o", tmp_path / "fit.txt")
    assert (code, nothing) == (0, "")
    assert (tmp_path / "fit.txt").read_text(encoding="utf-8") == printed
    call(file, "--model", "purchase ~ psi", *QUICK, "--format", "json", "-o", tmp_path / "fit.json")
    assert json.loads((tmp_path / "fit.json").read_text(encoding="utf-8"))["n"] == 200


def test_seed_level_and_draws_are_heard(file: Path) -> None:
    model = ["--model", "psi ~ social; purchase ~ psi + social"]
    one, again, other = (fitted(file, *model, "--seed", seed) for seed in (1, 1, 2))
    assert one == again
    assert one["effects"] != other["effects"]
    assert one["coefficients"] == other["coefficients"]
    narrow = fitted(file, *model, "--level", "0.5")
    wide_row, narrow_row = one["coefficients"][1], narrow["coefficients"][1]
    assert narrow_row["conf_high"] - narrow_row["conf_low"] < wide_row["conf_high"] - wide_row["conf_low"]


def test_what_is_wrong_is_one_sentence(file: Path, answers: pd.DataFrame, tmp_path: Path) -> None:
    def changed(**columns: object) -> Path:
        path = tmp_path / "changed.csv"
        answers.assign(**columns).to_csv(path, index=False)
        return path

    model = ["--model", "purchase ~ psi"]
    assert "no column of that name" in refused(file, "--model", "purchase ~ pso")
    assert "Did you mean" in refused(file, "--model", "purchase ~ pso")
    assert "same value" in refused(changed(age=30), "--model", "purchase ~ age")
    assert "'often'" in refused(changed(psi1="often"), *model)
    assert "row 1 (9)" in refused(changed(psi1=[9, *answers["psi1"][1:]]), *model)
    assert "in a circle" in refused(file, "--model", "psi ~ purchase; purchase ~ psi")
    assert "nothing beside it" in refused(file, "--model", "purchase ~ psi +")
    assert "neither a file nor a model" in refused(file, "--model", "nowhere.txt")
    assert "no such file" in refused(tmp_path / "nothing.csv", *model)
    assert "complete rows for 2 coefficients" in refused(_head(answers, tmp_path), *model)
    assert "--instrument" in refused(_scored(tmp_path), *model)
    assert "only one of them" in refused(file, *model, "--scored", "--instrument", "psi_core")
    assert "is no scale" in refused(file, *model, "--scale", "psi:psi1")
    assert "needs its range" in refused(file, *model, *scales(["psi=psi1,-psi2", "purchase=purchase1"]))
    assert "is no range" in refused(file, *model, *scales(["psi=psi1"]), "--range", "7:1")
    outside = refused(file, *model, *scales(["psi=psi1,psi2", "purchase=purchase1"]), "--range", "1:5")
    assert "outside the range 1 to 5" in outside
    assert len(outside.strip().splitlines()) == 3
    assert "no share between 0 and 1" in refused(file, *model, "--level", "95")
    assert "draws" in call(file, *model, "--draws", "3")[2]
    assert "no such" in refused(file, *model, "--instrument", "nothing").lower()


def _head(answers: pd.DataFrame, folder: Path) -> Path:
    answers.head(2).assign(psi1=[1, 2], purchase1=[1, 4]).to_csv(folder / "head.csv", index=False)
    return folder / "head.csv"


def _scored(folder: Path) -> Path:
    pd.DataFrame({"psi": [1, 2, 3, 5], "purchase": [2, 1, 4, 4]}).to_csv(folder / "scored.csv", index=False)
    return folder / "scored.csv"


def test_nothing_is_left_half_written(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("before", encoding="utf-8")
    refused(file, "--model", "purchase ~ nobody", "-o", kept)
    assert kept.read_text(encoding="utf-8") == "before"
    before = sorted(path.name for path in tmp_path.iterdir())
    refused(file, "--model", "purchase ~ psi", "-o", tmp_path / "nowhere" / "fit.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_real_command_prints_no_bar_when_piped(file: Path) -> None:
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", "fit", str(file)]
    good = subprocess.run([*command, "--model", "psi ~ social; purchase ~ psi", *QUICK], capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run([*command, "--model", "purchase ~ nobody", *QUICK], capture_output=True, text=True)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert len(bad.stderr.strip().splitlines()) == 1
