"""What the README shows must run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "hanoi_impulse.csv"
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


def test_the_three_commands_run(folder: Path) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("parasol ")]
    assert len(commands) == 3
    for command in commands:
        ran = subprocess.run(
            [sys.executable, "-c", "from survey_app.cli import app; app()", *shlex.split(command)[1:]],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert "272" in ran.stdout
