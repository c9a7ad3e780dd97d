"""The shipped unit file, as systemd reads it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.front import CONFIGURATION


def test_the_unit_file_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    """With the program and the user of this machine in place of those of an installation."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze was found: install Debian's package systemd to check the unit file")
    text = CONFIGURATION.with_name("parasol.service").read_text(encoding="utf-8")
    for shipped, own in {"/opt/parasol/bin/parasol": sys.executable, "User=parasol": "User=root"}.items():
        assert shipped in text
        text = text.replace(shipped, own)
    unit = tmp_path / "parasol.service"
    unit.write_text(text, encoding="utf-8")
    said = subprocess.run([verify, "verify", "--man=no", unit], capture_output=True, text=True)
    assert said.returncode == 0 and str(unit) not in said.stdout + said.stderr, said.stderr
    unit.write_text(text.replace("ExecStart=", "ExecBegin="), encoding="utf-8")
    assert subprocess.run([verify, "verify", "--man=no", unit], capture_output=True).returncode != 0
