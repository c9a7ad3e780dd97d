"""`parasol quality`: flags with their reasons, and a flow that adds up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.instrument import load_instrument
from analysis.quality import REASONS, careless_indices, flag_careless
from analysis.simulate import simulate_answers
from tests.survey_app.command_line import answered, call, hanoi, real, refused, scales, stupid_files


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(load_instrument("psi_core"), 150, seed=7)


@pytest.fixture
def file(answers: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    answers.to_csv(path, index=False)
    return path


def test_the_flags_are_those_of_the_engine(file: Path, answers: pd.DataFrame) -> None:
    found = answered("quality", file)
    flags = flag_careless(answers, load_instrument("psi_core"))
    indices = careless_indices(answers, load_instrument("psi_core"))
    assert (found["n"], found["synthetic"], found["instrument"]) == (150, True, "psi_core")
    assert found["flagged"] == int(flags["flagged"].sum()) > 0
    assert {row["reason"]: row["rows"] for row in found["reasons"]} == flags[list(REASONS)].sum().to_dict()
    assert [person["row"] - 1 for person in found["people"]] == list(flags.index[flags["reasons"] != ""])
    for person in found["people"]:
        place = person["row"] - 1
        assert ", ".join(person["reasons"]) == flags["reasons"][place]
        assert person["flagged"] == flags["flagged"][place]
        assert person["irv"] == pytest.approx(indices["irv"][place])
        assert person["participation"] == answers["participation"][place]
    assert found["flow"][-1]["remaining"] == 150 - found["flagged"]


def test_the_flow_takes_the_reasons_in_the_order_named(file: Path) -> None:
    flow = answered("quality", file, "--exclude", "too_fast, checks_failed")["flow"]
    assert [step["reason"] for step in flow] == ["all", "too_fast", "checks_failed"]
    assert sum(step["excluded"] for step in flow) == flow[0]["remaining"] - flow[-1]["remaining"]
    turned = answered("quality", file, "--exclude", "checks_failed,too_fast")["flow"]
    assert turned[-1]["remaining"] == flow[-1]["remaining"]


def test_answers_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.csv"
    rows = pd.DataFrame({f"a{number}": [3, 1, 5, 2] for number in range(1, 7)})
    rows.loc[1:, "a2"], rows.loc[1:, "a4"] = [2, 4, 1], [4, 1, 5]
    rows.to_csv(path, index=False)
    by_itself = answered("quality", path)
    assert [person["row"] for person in by_itself["people"] if "longstring" in person["reasons"]] == [1]
    named = answered("quality", path, "--scale", "a=a1,a2,-a3", "--scale", "b=a4,a5,a6", "--range", "1:5")
    assert named["n"] == 4
    assert "a1" in refused("quality", path, "--range", "1:2")


def test_real_answers() -> None:
    path = hanoi()
    found = answered("quality", path, *scales(["sim=SIM1,SIM2,SIM3", "par=PAR1,PAR2,PAR3"]))
    assert found["n"] == 272
    assert found["synthetic"] is False
    assert [step["remaining"] for step in found["flow"]] == [272, 272 - found["flagged"]]


def test_tables_for_people(file: Path, tmp_path: Path) -> None:
    code, printed, said = call("quality", file)
    assert (code, said) == (0, "")
    assert "Synthetic data" in printed and "checks_failed" in printed and "nobody was removed" in printed
    call("quality", file, "-o", tmp_path / "quality.txt")
    assert (tmp_path / "quality.txt").read_text(encoding="utf-8") == printed


def test_what_is_wrong_is_one_sentence(file: Path, answers: pd.DataFrame, tmp_path: Path) -> None:
    for path in stupid_files(tmp_path).values():
        assert len(refused("quality", path).splitlines()) == 1
    assert "'tired' is no reason" in refused("quality", file, "--exclude", "tired")
    assert "twice" in refused("quality", file, "--exclude", "too_fast,too_fast")
    assert "names no reason" in refused("quality", file, "--exclude", ",")
    assert "only one of them" in refused("quality", file, "--instrument", "psi_core", "--scale", "a=psi1")
    assert "no ratings" in refused("quality", file, "--range", "1.5:7")
    assert "no such column" in refused("quality", file, "--scale", "a=nothing1,nothing2")
    (tmp_path / "text.csv").write_text("name,city\nA,B\nC,D\n")
    assert "looks like a rating item" in refused("quality", tmp_path / "text.csv")
    answers.assign(psi1="often").to_csv(tmp_path / "words.csv", index=False)
    assert "'often'" in refused("quality", tmp_path / "words.csv")


def test_one_row_and_equal_answers_have_an_answer(answers: pd.DataFrame, tmp_path: Path) -> None:
    answers.head(1).to_csv(tmp_path / "one.csv", index=False)
    assert answered("quality", tmp_path / "one.csv")["n"] == 1
    pd.DataFrame({f"a{number}": [3] * 12 for number in range(12)}).to_csv(tmp_path / "equal.csv", index=False)
    found = answered("quality", tmp_path / "equal.csv", "--range", "1:5")
    assert found["flagged"] == 12


def test_the_real_command(file: Path) -> None:
    code, printed, said = real("quality", file)
    assert (code, said) == (0, "")
    assert "rows are flagged" in printed
    code, printed, said = real("quality", file, "--exclude", "tired")
    assert (code, printed) == (2, "")
    assert len(said.splitlines()) == 1
