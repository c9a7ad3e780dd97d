"""`parasol instrument`: to other tools and back; what goes wrong is one sentence and leaves no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.instrument import load_instrument
from tests.survey_app.command_line import call, real, refused


@pytest.mark.parametrize(("form", "name"), [("xlsform", "a.xlsx"), ("surveyjs", "a.json")])
def test_there_and_back_is_the_same_questionnaire(form: str, name: str, tmp_path: Path) -> None:
    code, printed, said = call("instrument", "export", "showcase", "--format", form, "-o", tmp_path / name)
    assert (code, printed) == (0, ""), said
    assert "- " in said and "showcase.png" in said
    code, printed, said = call("instrument", "import", tmp_path / name, "-o", tmp_path / "a.toml")
    assert (code, printed) == (0, ""), said
    assert f"showcase 1.0, {len(load_instrument('showcase').items)} items" in said
    assert load_instrument(tmp_path / "a.toml").digest == load_instrument("showcase").digest
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "a.toml"])


def test_limesurvey_is_written(tmp_path: Path) -> None:
    code, _, said = call("instrument", "export", "psi_core", "--format", "limesurvey", "-o", tmp_path / "a.txt")
    assert code == 0, said
    assert (tmp_path / "a.txt").read_bytes().startswith(b"\xef\xbb\xbfid\trelated_id\tclass\t")


def test_in_a_process_of_its_own_nothing_warns(tmp_path: Path) -> None:
    code, printed, said = real("instrument", "export", "psi_core", "--format", "xlsform", "-o", tmp_path / "a.xlsx")
    assert (code, printed) == (0, ""), said
    code, printed, said = real("instrument", "import", tmp_path / "a.xlsx", "-o", tmp_path / "a.toml")
    assert (code, printed) == (0, ""), said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "neither an Excel workbook"),
        (b"id = 'x'", "neither an Excel workbook"),
        (b"PK\x03\x04", "no workbook"),
        (b"[" * 50_000, "nested too deeply"),
        (b"{}", "no survey"),
        (b" " * 6_000_000, "6 MB"),
    ],
)
def test_what_is_no_questionnaire_leaves_no_file(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(content)
    assert said in refused("instrument", "import", tmp_path / "in", "-o", tmp_path / "a.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_failed_import_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text("{}", encoding="utf-8")
    (tmp_path / "a.toml").write_text("old", encoding="utf-8")
    refused("instrument", "import", tmp_path / "in.json", "-o", tmp_path / "a.toml")
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == "old"


def test_endings_and_places_are_checked(tmp_path: Path) -> None:
    assert "no name for xlsform" in refused(
        "instrument", "export", "psi_core", "--format", "xlsform", "-o", tmp_path / "a.csv"
    )
    assert "there is no folder" in refused(
        "instrument", "export", "psi_core", "--format", "xlsform", "-o", tmp_path / "x" / "a.xlsx"
    )
    assert "No such file" in refused("instrument", "import", tmp_path / "none.xlsx", "-o", tmp_path / "a.toml")
    assert not list(tmp_path.iterdir())
