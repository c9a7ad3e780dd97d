"""`parasol published`: the shipped studies, what they print, and what their own tables give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.datafiles import data_file
from analysis.published import load_published
from tests.survey_app.command_line import answered, call, real, refused


def test_the_list_names_every_shipped_study() -> None:
    studies = {study["id"]: study for study in answered("published")["studies"]}
    assert sorted(studies) == sorted(path.stem for path in data_file("published").glob("*.toml"))
    assert [id for id, study in studies.items() if study["can_be_fitted"]] == ["gao_2023"]
    verdicts = {id: study["admissible"] for id, study in studies.items()}
    assert [id for id, found in verdicts.items() if found is False] == ["heliyon_2022"]
    assert [id for id, found in verdicts.items() if found] == ["gao_2023", "qatar_2023"]
    code, printed, _ = call("published")
    assert code == 0
    assert all(id in printed for id in studies)


def test_gao_shows_its_tables_and_what_they_give() -> None:
    found = answered("published", "gao_2023")
    gao = load_published("gao_2023")
    assert found["n"] == 378
    assert [row["id"] for row in found["variables"]] == ["lik", "ani", "res", "sop", "tel", "pin"]
    assert [row["pin"] for row in found["correlations"]] == pytest.approx(gao.correlations[5].tolist())
    estimates = {(row["kind"], row["outcome"], row["term"]): row for row in found["estimates"]}
    assert len(estimates) == 11 + 3 + 6
    r = gao.correlations
    expected = np.linalg.solve(r[:3, :3], r[:3, 3])
    for cause, beta in zip(("lik", "ani", "res"), expected, strict=True):
        row = estimates["beta", "sop", cause]
        assert row["refitted"] == pytest.approx(beta, rel=1e-10)
        assert row["low"] < row["refitted"] < row["high"]
        assert row["printed"] == gao.paths["sop", cause]
    assert found["admissible"] is True


def test_heliyon_is_shown_with_what_is_impossible() -> None:
    found = answered("published", "heliyon_2022")
    assert found["admissible"] is False
    assert found["correlations"] is None
    assert len(found["problems"]) == 1
    assert "R2 of at least 1.02" in found["problems"][0]
    assert "R2 of at least 1.02" in call("published", "heliyon_2022")[1]


def test_a_study_without_numbers_is_not_called_possible() -> None:
    assert answered("published", "lee_2016")["admissible"] is None
    code, printed, _ = call("published", "lee_2016")
    assert code == 0 and "nothing to check" in printed and "impossible" not in printed


@pytest.mark.parametrize("study", sorted(path.stem for path in data_file("published").glob("*.toml")))
def test_every_study_can_be_read_by_people(study: str, tmp_path: Path) -> None:
    code, printed, said = call("published", study)
    assert (code, said) == (0, "")
    assert load_published(study).citation in printed
    assert call("published", study, "-o", tmp_path / "study.txt")[:2] == (0, "")
    assert (tmp_path / "study.txt").read_text(encoding="utf-8") == printed


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    for study in ("nobody_1999", "../instruments/psi_core", "", "gao_2023.toml"):
        said = refused("published", study)
        assert len(said.splitlines()) == 1
        assert "gao_2023" in said
    assert "--seed" in refused("published", "gao_2023", "--seed", "-1")
    assert "nowhere" in refused("published", "-o", tmp_path / "nowhere" / "x.json")


def test_the_real_command() -> None:
    code, printed, said = real("published", "gao_2023")
    assert (code, said) == (0, "")
    assert "Responsiveness" in printed
