"""What the README shows must run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.house import free_port

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "hanoi_impulse.csv"
PROGRAM = "from survey_app.cli import app; app()"
CHECK = "print(f'{claim.contrasts.estimate[0]:.2f}', f'{fit.summary.r_squared[0]:.2f}')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not REAL.is_file():
        pytest.skip("the 272 real answers (shared/data/hanoi_impulse.csv beside the project) are not here")
    shutil.copy(REAL, tmp_path / "answers.csv")
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_analysis_in_python_runs_and_says_what_the_readme_says(folder: Path) -> None:
    (block,) = blocks("python")
    assert len([line for line in block.splitlines() if line and not line.startswith("from")]) <= 20
    ran = subprocess.run(
        [sys.executable, "-c", block + CHECK],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "undecided" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "0.04 0.37"


def run(command: str, folder: Path, **settings: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *shlex.split(command)[1:]],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)} | settings, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_three_commands_run(folder: Path) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if "answers.csv" in line]
    assert len(commands) == 3
    for command in commands:
        assert "272" in run(command, folder)


def test_a_study_of_ones_own_goes_the_way_the_readme_says(tmp_path: Path) -> None:
    def copied(name: str, to: str, **changed: str) -> str:
        text = (ROOT / "data" / name).read_text(encoding="utf-8")
        for key, value in changed.items():
            text = re.sub(rf"^{key} = .*$", f'{key} = "{value}"', text, count=1, flags=re.MULTILINE)
        (tmp_path / to).write_text(text, encoding="utf-8")
        return text

    copied("instruments/psi_core.toml", "mine.toml", id="mine")
    text = copied("studies/image_experiment.toml", "study.toml", id="mine", slug="mine", instrument="mine.toml")
    (addition,) = blocks("toml")
    single, tables = addition.split("\n\n", 1)
    (tmp_path / "study.toml").write_text(f"{single}\n{text}\n{tables}", encoding="utf-8")
    port = str(free_port())
    settings = {"PARASOL_DATABASE": f"sqlite:///{tmp_path / 'own.sqlite'}", "PARASOL_PORT": port}
    run("parasol check mine.toml", tmp_path)
    commands = [
        line for block in blocks("sh") for line in block.splitlines() if re.search(r"\bmine\b|study\.toml", line)
    ]
    assert len(commands) == 6
    serve = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)} | settings, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        for each in (int(port), int(port) + 1):  # respondents' process and researchers'
            while not answers(f"http://127.0.0.1:{each}/healthz") and time.monotonic() < until:
                time.sleep(0.1)
        said = [run(command, tmp_path, **settings) for command in commands]
    finally:
        serve.terminate()
        serve.communicate(timeout=30)
    assert "50 of 50 completed" in said[1] and "50 test participations" in said[2]
    assert (tmp_path / "labels.pdf").read_bytes().startswith(b"%PDF") and (tmp_path / "answers.sav").is_file()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
