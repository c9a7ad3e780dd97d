from __future__ import annotations

from pathlib import Path

import pytest

from analysis.errors import SettingsError
from survey_app.settings import load_settings


def test_nothing_set_means_a_file_of_ones_own_and_this_machine_only(tmp_path: Path) -> None:
    settings = load_settings({"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)})
    assert settings.database.startswith("sqlite:///") and settings.database.endswith("parasol.sqlite")
    assert (settings.address, settings.port, settings.secret, settings.researcher) == ("127.0.0.1", 8501, "", True)


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARASOL_PORT", "8123")
    assert load_settings().port == 8123


def test_everything_set() -> None:
    settings = load_settings(
        {
            "PARASOL_DATABASE": "postgresql://me:word@db.example/parasol",
            "PARASOL_ADDRESS": "0.0.0.0",
            "PARASOL_PORT": "80",
            "PARASOL_SECRET": "s" * 32,
            "PARASOL_RESEARCHER": "off",
            "PARASOL_WORKERS": "4",
            "HOME": "/somewhere",
        }
    )
    assert settings.database == "postgresql://me:word@db.example/parasol"
    assert (settings.address, settings.port, settings.secret, settings.researcher) == ("0.0.0.0", 80, "s" * 32, False)
    assert settings.workers == 4 and load_settings({}).workers == 1
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("PARASOL_PORT", "eighty", "'eighty' is no port"),
        ("PARASOL_PORT", "65536", "'65536' is no port"),
        ("PARASOL_PORT", "-1", "'-1' is no port"),
        ("PARASOL_PORT", "²", "'²' is no port"),
        ("PARASOL_WORKERS", "0", "'0' is no number of processes"),
        ("PARASOL_WORKERS", "many", "'many' is no number of processes"),
        ("PARASOL_RESEARCHER", "yes", "'yes' is neither on nor off"),
        ("PARASOL_DATABASE", "mysql://db/parasol", "'mysql' is no database Parasol knows"),
        ("PARASOL_DATABASE", "parasol.sqlite", "'parasol.sqlite' is no database Parasol knows"),
        ("PARASOL_DATABASE", "sqlite://", "names no file"),
        ("PARASOL_DATABASE", "sqlite:///:memory:", "names no file"),
        ("PARASOL_SECRET", "short", "has 5 characters"),
        ("PARASOL_DATABSE", "sqlite:////x/y.sqlite", "no setting has this name. Write PARASOL_DATABASE."),
    ],
)
def test_a_bad_value_is_named_with_its_key(key: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({key: value})
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"{key}: ")
    assert said in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"PARASOL_PORT": "x", "PARASOL_RESEARCHER": "x", "PARASOL_SECRET": "hush"})
    assert [problem.where for problem in caught.value.problems] == [
        "PARASOL_PORT",
        "PARASOL_SECRET",
        "PARASOL_RESEARCHER",
    ]
    assert "hush" not in str(caught.value)


def test_a_variable_that_resembles_no_setting_is_left_alone() -> None:
    assert load_settings({"PARASOL_NO_SKIP": "1"}).port == 8501
