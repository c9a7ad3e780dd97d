"""`parasol study` as people call it, on a database in a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analysis.datafiles import data_file
from survey_app.store import Store
from tests.survey_app.command_line import call, real, refused

DEMO = data_file("studies", "demo.toml")


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'parasol.sqlite'}"
    monkeypatch.setenv("PARASOL_DATABASE", url)
    return url


def done(*arguments: object) -> str:
    code, printed, said = call("study", *arguments)
    assert code == 0, said
    return printed + said


def test_a_study_from_its_file_to_its_end(tmp_path: Path, database: str) -> None:
    assert "There is no study yet" in done("list")
    assert "is new, as a draft; questionnaire psi_core" in done("import", DEMO)
    assert "is up to date" in done("import", DEMO)
    assert "is open" in done("open", "demo")
    store = Store(database)
    store.begin("demo", "key", language="en")
    code = store.finish("key")
    store.begin("demo", "second", language="en")
    store.begin("demo", "test", language="en", test=True)
    assert "demo  open  1 finished of 2 begun, 1 tests  no retention date" in done("list")
    assert "1 test participations are removed" in done("remove-tests", "demo")
    assert "All answers of this person are deleted" in done("withdraw", code.lower())
    assert "belongs to no participation" in refused("study", "withdraw", code)
    done("close", "demo")
    assert "only deleted after an export" in refused("study", "purge", "demo")
    zipped = tmp_path / "demo.zip"
    assert f"parasol study purge demo --export {zipped}" in done("export", "demo", "-o", zipped)
    assert "Nobody has left an address" in done("raffle", "demo")
    assert "1 participations of 'demo' are deleted" in done("purge", "demo", "--export", zipped)
    assert "answers deleted" in done("list")
    assert "Verwerkingsverantwoordelijke" in done("record", "demo", "--language", "nl")
    done("record", "demo", "-o", tmp_path / "record.md")
    assert (tmp_path / "record.md").read_text().startswith("# Record of processing activities")
    store.close()


@pytest.mark.parametrize(("days", "said"), [(10, "to be deleted in 10 days"), (-1, "TO BE DELETED since"), (90, "")])
def test_who_must_delete_soon_is_told_how_and_offered_a_copy(tmp_path: Path, days: int, said: str) -> None:
    until = datetime.now(UTC).date() + timedelta(days=days)
    text = data_file("studies", "image_experiment.toml").read_text(encoding="utf-8")
    (tmp_path / "soon.toml").write_text(f"retention = {until.isoformat()}\n{text}", encoding="utf-8")
    done("import", tmp_path / "soon.toml")
    told = done("list")
    assert (said or f"kept until {until}") in told
    then = "then delete" if days < 0 else f"from {until} on, delete"
    copy = f"parasol study export image-experiment -o image-experiment.zip; {then}: parasol study purge"
    assert (copy in told) == bool(said)


def test_answers_are_not_deleted_before_their_day_by_mistake(tmp_path: Path, database: str) -> None:
    until = datetime.now(UTC).date() + timedelta(days=40)
    text = f"retention = {until.isoformat()}\n{DEMO.read_text(encoding='utf-8')}"
    (tmp_path / "demo.toml").write_text(text, encoding="utf-8")
    done("import", tmp_path / "demo.toml")
    done("open", "demo")
    store = Store(database)
    store.begin("demo", "key", language="en")
    store.finish("key")
    done("close", "demo")
    zipped = tmp_path / "demo.zip"
    assert f"may be deleted from {until} on: parasol study purge demo" in done("export", "demo", "-o", zipped)
    said = refused("study", "purge", "demo", "--export", zipped)
    assert f"keeps its answers until {until}, 40 more days" in said and f"--early {until}" in said
    assert "40 more days" in refused("study", "purge", "demo", "--export", zipped, "--early", "2026-01-01")
    for no_day in ("yes", "2026-02-30"):
        said = refused("study", "purge", "demo", "--export", zipped, "--early", no_day)
        assert f"--early: '{no_day}' is no day" in said
    assert "only deleted after an export" in refused("study", "purge", "demo", "--early", until)
    assert store.counts("demo").finished == 1
    assert "1 participations of 'demo' are deleted" in done("purge", "demo", "--export", zipped, "--early", until)
    assert store.counts("demo").finished == 0
    store.close()


def test_the_design_goes_out_and_in(tmp_path: Path) -> None:
    done("import", data_file("studies", "image_experiment.toml"))
    out = tmp_path / "out.toml"
    done("export", "image-experiment", "-o", out)
    assert "is up to date" in done("import", out)
    assert "ends in neither" in refused("study", "export", "image-experiment", "-o", tmp_path / "out.docx")


def test_tokens_are_told_once(tmp_path: Path, database: str) -> None:
    text = DEMO.read_text(encoding="utf-8").replace('slug = "demo"', 'slug = "demo"\ninvited = true\nraffle = true')
    (tmp_path / "demo.toml").write_text(text, encoding="utf-8")
    done("import", tmp_path / "demo.toml")
    done("tokens", "demo", "-n", 3, "-o", tmp_path / "tokens.txt")
    tokens = (tmp_path / "tokens.txt").read_text().split()
    assert len(set(tokens)) == 3 and done("tokens", "demo", "-n", 1).strip() not in tokens
    store = Store(database)
    done("open", "demo")
    key = store.admit("demo", tokens[0])
    store.begin("demo", key, language="en")
    store.finish(key)
    store.add_raffle_address(key, "me@mail.example")
    store.close()
    assert done("raffle", "demo").strip() == "me@mail.example"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("open", "nothing"), "there is no study 'nothing'"),
        (("export", "nothing", "-o", "x.zip"), "there is no study 'nothing'"),
        (("import", "no/such/file.toml"), "the file cannot be read"),
        (("record", "demo"), "there is no study 'demo'"),
        (("tokens", "demo", "-n", 0), "study tokens --help"),
        (("tokens", "demo", "-n", 10**6), "1000000 cannot be made at once"),
        (("purge",), "study purge --help"),
        (("nonsense",), "study --help"),
    ],
)
def test_what_goes_wrong_is_a_sentence(arguments: tuple[object, ...], said: str, tmp_path: Path) -> None:
    found = refused("study", *arguments)
    assert said in found
    assert not (tmp_path / "x.zip").exists() and not Path("x.zip").exists()


def test_a_file_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('id = "Bad"\ninstrument = "psi_core"\nquota = 0\nlanguages = ["en"]\n')
    said = refused("study", "import", tmp_path / "bad.toml")
    for part in ("slug: this key is missing", "title: this key is missing", "id 'Bad'", "quota is 0"):
        assert part in said


def test_in_a_process_of_its_own() -> None:
    code, printed, said = real("study", "list")
    assert (code, said) == (0, "") and "There is no study yet" in printed


def test_a_shipped_questionnaire_brings_its_own_picture(tmp_path: Path) -> None:
    file = tmp_path / "show.toml"
    file.write_text(
        'id = "show"\nslug = "show"\ninstrument = "showcase"\ntitle.en = "All kinds"\nlanguages = ["en"]\n'
        'consent_version = "1"\nconsent.en = "Taking part is voluntary."\n'
    )
    assert "is new, as a draft" in done("import", file)


def test_links_say_how_to_reach_each_wave_and_an_absent_study_says_how_to_see_which_there_are() -> None:
    done("import", data_file("studies", "event_waves.toml"))
    code, printed, said = call("links", "event")
    assert code == 0 and "/s/event" in printed
    assert "wave=pre, wave=post" in said
    assert "parasol study list" in refused("links", "evnet")
