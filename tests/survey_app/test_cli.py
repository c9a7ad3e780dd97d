"""The command line: what it writes, and that what goes wrong is one sentence and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis.datafiles import data_file
from survey_app.cli import app
from survey_app.commands.terminal import written_whole


def parasol(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_simulate_writes_synthetic_answers_that_a_seed_repeats(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    command = ("simulate", "--instrument", "psi_core", "-n", 40, "--seed")
    assert parasol(*command, 7, "-o", first)[:2] == (0, "")
    assert parasol(*command, 7, "-o", second)[0] == 0
    assert parasol(*command, 8, "-o", other)[0] == 0
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()
    rows = pd.read_csv(first)
    assert len(rows) == 40 and rows["synthetic"].all() and "psi1" in rows
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.csv"]


def test_simulate_without_a_file_writes_to_the_terminal() -> None:
    code, out, _ = parasol("simulate", "-n", 3)
    assert code == 0 and len(out.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simulate", "--instrument", "nothing", "-o", "x.csv"), "psi_core"),
        (("simulate", "-o", "x.docx"), ".csv"),
        (("simulate", "-n", 2, "-o", "no/such/folder/x.csv"), "no/such/folder"),
        (("check", "no/such/file.toml"), "no/such/file.toml"),
        (("demo", "--folder", "/dev/null/x", "--no-open"), "/dev/null/x"),
    ],
)
def test_bad_input_is_a_sentence_and_code_2(
    arguments: tuple[object, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARASOL_DATABASE", "sqlite:////dev/null/y")  # put back what --folder sets
    code, out, err = parasol(*arguments)
    assert code == 2 and said in err + out
    assert "Traceback" not in err and not list(tmp_path.iterdir())


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARASOL_PROT", "80")
    code, _, err = parasol("serve")
    assert code == 2 and "PARASOL_PROT" in err and "PARASOL_PORT" in err


def test_check_passes_what_is_shipped() -> None:
    code, out, _ = parasol("check", "psi_core")
    assert code == 0 and out.startswith("psi_core 1.0")


def test_check_prints_every_problem_at_once(tmp_path: Path) -> None:
    text = data_file("instruments", "psi_core.toml").read_text(encoding="utf-8")
    broken = tmp_path / "mine.toml"
    broken.write_text(text.replace('id = "psi1"', 'id = "1psi"').replace('title.nl = "Jij', 'title.xx = "Jij'))
    code, out, err = parasol("check", broken)
    assert code == 2 and len(out.splitlines()) >= 2 and "problems in" in err
    assert "1psi" in out and "Traceback" not in out + err


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    target = tmp_path / "kept.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target) as draft:
        draft.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["kept.csv"]


@pytest.mark.parametrize("command", [("simulate", "-n", 3), ("published",), ("quality", "none.csv")])
def test_where_nothing_can_be_written_is_said_before_the_work(command: tuple[object, ...], tmp_path: Path) -> None:
    for target, said in ((tmp_path, "is a folder"), (tmp_path / "nowhere" / "x.csv", "there is no folder")):
        code, out, err = parasol(*command, "-o", target)
        assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1
