"""Calling the commands as people do, and the real answers some tests read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from survey_app.cli import app

HANOI = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hanoi_impulse.csv"
HANOI_SCALES = ["sim=SIM1,SIM2,SIM3", "att=ATT1,ATT2,ATT3", "par=PAR1,PAR2,PAR3", "urg=URG1,URG2,URG3"]


def call(*arguments: object) -> tuple[int, str, str]:
    """Exit code, what was printed, what was said on stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def answered(*arguments: object) -> dict[str, Any]:
    """What the command answers as JSON, which holds no NaN."""
    code, printed, said = call(*arguments, "--format", "json")
    assert code == 0, said
    found = json.loads(printed, parse_constant=_refuse)
    assert isinstance(found, dict)
    return found


def refused(*arguments: object) -> str:
    """The sentence that refuses; nothing was printed."""
    code, printed, said = call(*arguments)
    assert code == 2, printed
    assert printed == ""
    assert "Traceback" not in said and "Warning" not in said
    return said


def real(*arguments: object) -> tuple[int, str, str]:
    """The same in a process of its own: exit code, stdout, stderr."""
    command = [sys.executable, "-W", "error", "-c", "from survey_app.cli import app; app()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def scales(listed: list[str]) -> list[str]:
    return [part for scale in listed for part in ("--scale", scale)]


def hanoi() -> Path:
    if not HANOI.exists():
        pytest.skip("../shared/data/hanoi_impulse.csv is not beside the project, so no real answers were read")
    return HANOI


def stupid_files(folder: Path) -> dict[str, Path]:
    """What people hand over by mistake."""
    (folder / "empty.csv").write_text("")
    (folder / "paper.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    (folder / "names.csv").write_text("psi1,psi2\n")
    (folder / "folder").mkdir(exist_ok=True)
    return {name: folder / name for name in ("empty.csv", "paper.pdf", "names.csv", "folder", "nowhere.csv")}


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON number")
