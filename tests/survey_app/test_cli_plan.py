"""`parasol plan`: the power of the planned analysis, and the n it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from analysis.power import parse_plan, plan
from tests.survey_app.command_line import answered, call, real, refused

MODEL = "psi ~ 0.3*social; purchase ~ 0.4*psi + 0*social"
QUICK = ["--replications", "200", "--draws", "200"]


def test_the_numbers_are_those_of_the_engine() -> None:
    found = answered("plan", "--model", MODEL, "--n", "60:120:30", "--reliability", "psi=0.8", "--seed", 3, *QUICK)
    model, effects = parse_plan(MODEL)
    expected = plan(model, effects, {"psi": 0.8}, n=[60, 90, 120], replications=200, draws=200, seed=3)
    assert (found["n"], found["seed"], found["level"]) == ([60, 90, 120], 3, 0.95)
    ours = pd.DataFrame(found["power"])
    assert list(ours["effect"]) == list(expected.power["effect"])
    np.testing.assert_array_equal(ours["power"], expected.power["power"])
    assert [row["n"] for row in found["needed"]] == [None if pd.isna(n) else n for n in expected.needed["n"]]


def test_one_slope_has_the_power_of_its_t_test() -> None:
    found = answered("plan", "--model", "y ~ 0.3*x", "--n", "84", "--replications", 4000, "--draws", 100)
    row = found["power"][0]
    size, df = 0.3 / np.sqrt(1 - 0.3**2) * np.sqrt(84), 82
    limit = student.ppf(0.975, df)
    near = 1 - nct.cdf(limit, df, size) + nct.cdf(-limit, df, size)  # x taken as fixed: a little optimistic
    assert row["power"] == pytest.approx(near, abs=0.03)
    assert row["conf_low"] < row["power"] < row["conf_high"]


def test_options_are_heard(tmp_path: Path) -> None:
    base = ["plan", "--model", "y ~ 0.3*a + 0.2*b", "--n", "80,160", *QUICK]
    plain = answered(*base)
    assert plain["n"] == [80, 160]
    related = answered(*base, "--correlation", "a,b=0.6")
    assert related["power"] != plain["power"]
    wasteful = answered(*base, "--exclusions", "0.5")
    reached = [(row, other) for row, other in zip(plain["needed"], wasteful["needed"], strict=True) if row["n"]]
    assert reached
    assert all(other["recruit"] == 2 * row["n"] for row, other in reached)
    text = tmp_path / "plan.txt"
    text.write_text("# expected\ny ~ 0.3*a + 0.2*b\n", encoding="utf-8")
    assert answered("plan", "--model", text, "--n", "80,160", *QUICK) == plain


def test_simple_tests_are_planned_by_formula() -> None:
    t = answered("plan", "--test", "t", "--effect", 0.5, "--exclusions", 0)
    assert [(row["target"], row["n_per_group"], row["n"]) for row in t["needed"]] == [(0.8, 64, 128), (0.9, 86, 172)]
    r = answered("plan", "--test", "correlation", "--effect", 0.3)
    assert [row["n"] for row in r["needed"]] == [85, 112]
    assert r["needed"][0]["recruit"] == 100 and "n_per_group" not in r["needed"][0]
    for test in ("anova", "regression"):
        assert "People needed" in call("plan", "--test", test, "--effect", 0.25, "--groups", 3, "--predictors", 3)[1]
    assert "not 0" in refused("plan", "--test", "t")
    assert "knows no model" in refused("plan", "--test", "t", "--effect", 0.5, "--model", MODEL)
    assert "exclusions" in refused("plan", "--test", "t", "--effect", 0.5, "--exclusions", 1)


def test_tables_for_people(tmp_path: Path) -> None:
    code, printed, said = call("plan", "--model", MODEL, "--n", "60:100:40", *QUICK)
    assert (code, said) == (0, "")
    assert "People needed" in printed and "social -> psi -> purchase" in printed and "<NA>" not in printed
    call("plan", "--model", MODEL, "--n", "60:100:40", *QUICK, "-o", tmp_path / "plan.txt")
    assert (tmp_path / "plan.txt").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("sizes", ["5:1:0", "5:1:1", "a", "", "100:500", "1:2:3:4", "1:9000000000000:1", "1e3", "-5"])
def test_stupid_sample_sizes_are_one_sentence(sizes: str) -> None:
    said = refused("plan", "--model", MODEL, "--n", sizes)
    assert len(said.splitlines()) == 1
    assert "--n" in said or "sample sizes" in said


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    base = ["plan", "--n", "100", "--model"]
    assert "no expected effect" in refused(*base, "psi ~ social")
    assert "in a circle" in refused(*base, "a ~ 0.3*b; b ~ 0.3*a")
    assert "900%" in refused(*base, "psi ~ 3*social")
    assert "neither a file nor a model" in refused(*base, "plan.txt")
    assert "cannot be read" in refused(*base, MODEL, "--reliability", "psi")
    assert "named twice" in refused(*base, MODEL, "--reliability", "psi=0.8", "--reliability", "psi=0.9")
    assert "no such variable" in refused(*base, MODEL, "--reliability", "trust=0.8")
    assert "names no pair" in refused(*base, MODEL, "--correlation", "psi=0.8")
    assert "first causes" in refused(*base, MODEL, "--correlation", "psi,social=0.8")
    assert "no share" in refused(*base, MODEL, "--level", "95")
    assert "--seed" in refused(*base, MODEL, "--seed", "-1")
    assert "--draws" in refused(*base, MODEL, "--draws", "10000000000")
    assert "--replications" in refused(*base, MODEL, "--replications", "10000000000")
    assert "replications" in refused(*base, MODEL, "--replications", "1")
    assert "memory" in refused("plan", "--model", MODEL, "--n", "1000:20000:1000", "--draws", "10000")
    assert "too many" in refused("plan", "--model", MODEL, "--n", "1000000")
    assert "nowhere" in refused(*base, MODEL, *QUICK, "-o", tmp_path / "nowhere" / "plan.json")


def test_the_real_command() -> None:
    code, printed, said = real("plan", "--model", MODEL, "--n", "100", *QUICK)
    assert (code, said) == (0, "")
    assert "Power" in printed
    code, printed, said = real("plan", "--model", MODEL, "--n", "5:1:0")
    assert (code, printed) == (2, "")
    assert len(said.splitlines()) == 1
