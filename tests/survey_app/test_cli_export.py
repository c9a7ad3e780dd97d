"""`parasol export`: the answers of a study or of a file, for other programs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from analysis.answers_file import load_rows
from analysis.datafiles import data_file
from analysis.instrument import load_instrument
from analysis.simulate import simulate_answers
from survey_app.store import Store
from tests.survey_app.command_line import call, refused


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with one study that has synthetic answers."""
    url = f"sqlite:///{tmp_path / 'answers.sqlite'}"
    monkeypatch.setenv("PARASOL_DATABASE", url)
    assert call("study", "import", data_file("studies", "demo.toml"))[0] == 0
    with closing(Store(url)) as store:
        asked = store.instrument(store.study("demo").instrument)
        store.add_rows("demo", simulate_answers(asked, 12, seed=2), asked)
    return tmp_path


def test_a_study_for_spss(held: Path) -> None:
    code, printed, said = call("export", "demo", "-o", held / "a.sav")
    assert (code, printed) == (0, ""), said
    assert "12 rows, 12 of them synthetic" in said
    assert len(load_rows(held / "a.sav")) == 12


def test_a_file_for_a_spreadsheet(held: Path) -> None:
    simulate_answers(load_instrument("psi_core"), 5, seed=1).to_csv(held / "in.csv", index=False)
    code, _, said = call(
        "export", held / "in.csv", "--instrument", "psi_core", "-o", held / "out.csv", "--language", "nl"
    )
    assert code == 0, said
    assert "5 rows, 5 of them synthetic" in said
    assert (held / "out_codebook.csv").exists()


def test_what_cannot_be_written_is_said(held: Path) -> None:
    assert "names no format" in refused("export", "demo", "-o", held / "a.ods")
    assert "nobody" in refused("export", "nobody", "-o", held / "a.csv")
    assert "there is no such file" in refused("export", held / "none.csv", "-o", held / "a.csv")
    assert not list(held.glob("a.*"))


def test_what_was_done_to_an_export_of_another_tool_is_said(held: Path) -> None:
    text = "id,submitdate,lastpage,startlanguage,ipaddr,grid[psi1]\n1,2026-01-01,3,en,192.0.2.1,A3\n"
    (held / "lime.csv").write_text(text, encoding="utf-8")
    code, _, said = call("export", held / "lime.csv", "-o", held / "a.parquet")
    assert code == 0, said
    assert "export of LimeSurvey" in said and "ipaddr" in said
    assert load_rows(held / "a.parquet")["psi1"].tolist() == [3]


def test_the_times_of_those_who_finished_or_of_everybody(held: Path) -> None:
    with closing(Store(f"sqlite:///{held / 'answers.sqlite'}")) as store:
        store.open_study("demo")
        page = store.instrument(store.study("demo").instrument).pages[0]
        for key in ("finished", "left"):
            store.begin("demo", key, language="en")
            store.save_page(key, page.id, dict.fromkeys(page.items), order=page.items, paradata={"device": key})
        store.finish("finished")
        begun = {key: store.participation(key) for key in ("finished", "left")}
    people = {key: each.id for key, each in begun.items() if each}

    def told_of(*options: str) -> set[str]:
        code, _, said = call("export", "demo", "--paradata", *options, "-o", held / "times.csv")
        assert code == 0, said
        return set(load_rows(held / "times.csv")["participation"]) & set(people.values())

    assert told_of() == {people["finished"]}
    assert told_of("--unfinished") == set(people.values())
    assert "are not read with a questionnaire" in refused(
        "export", "demo", "--paradata", "--instrument", "psi_core", "-o", held / "more.csv"
    )
    assert not (held / "more.csv").exists()
