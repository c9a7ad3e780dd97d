from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from analysis.errors import ParasolError, StoreError
from analysis.instrument import instrument_from_json, load_instrument
from survey_app.privacy import purge, record_of_processing, retention_of, write_export
from survey_app.store import Store
from survey_app.study import AuditLine, CodePart, Condition, Parameter, Source, Study, Wave
from tests.survey_app.conftest import INSTRUMENT
from tests.survey_app.test_store import FIRST

TODAY = date(2026, 3, 2)
RICH = Study(
    "rich",
    "rich",
    {"en": "You and them", "nl": "Jij en zij"},
    "0" * 64,
    ("en", "nl"),
    "open",
    {"en": "Agree?", "nl": "Akkoord?"},
    "2026-1",
    conditions=(Condition("plain", "Plain"), Condition("ad", "Ad")),
    sources=(Source("poster"),),
    parameters=(Parameter("pid", "PROLIFIC_PID"),),
    waves=(Wave("pre", "Before"), Wave("post", "After")),
    code=(CodePart("mother", {"en": "?", "nl": "?"}), CodePart("day", {"en": "?", "nl": "?"})),
    invited=True,
    raffle=True,
    embed=("https://course.example",),
    minimum_age=16,
    retention=date(2027, 12, 31),
    controller="University of Somewhere",
    contact="privacy@university.example",
    purpose={"en": "To learn", "nl": "Om te leren"},
    recipients=("Statistics department",),
)


@pytest.mark.parametrize(
    ("until", "standing", "left"),
    [
        (None, "none", None),
        (TODAY + timedelta(days=31), "far", 31),
        (TODAY + timedelta(days=30), "soon", 30),
        (TODAY + timedelta(days=1), "soon", 1),
        (TODAY, "due", 0),
        (TODAY - timedelta(days=400), "due", -400),
    ],
)
def test_retention(until: date | None, standing: str, left: int | None) -> None:
    found = retention_of(replace(RICH, retention=until), [], TODAY)
    assert (found.standing, found.days_left, found.day) == (standing, left, until)


def test_what_was_purged_needs_no_warning() -> None:
    lines = [AuditLine("withdrawn", TODAY, ""), AuditLine("purged", TODAY, "3 participations")]
    assert retention_of(replace(RICH, retention=TODAY), lines, TODAY).standing == "purged"


@pytest.mark.parametrize(("language", "title"), [("en", "You and them"), ("nl", "Jij en zij")])
def test_the_record_says_all_the_law_asks_for(language: str, title: str) -> None:
    lines = [AuditLine("withdrawn", TODAY, ""), AuditLine("exported", TODAY, "1.2.3 abc")]
    questions = load_instrument("showcase")
    record = record_of_processing(RICH, questions, language, lines, ["2025-9", "2026-1"], TODAY)
    for part in (
        *(title, "2026-03-02", "2027-12-31", "University of Somewhere", "privacy@university.example"),
        *("Statistics department", "https://course.example", "16", "2025-9, 2026-1", r"PROLIFIC\_PID", "pre, post"),
        *("poster", "plain, ad", questions.id),
    ):
        assert part in record, part
    assert record.count("\n## ") == 12 and "{" not in record and "1.2.3" not in record
    typed = [item.id for item in questions.items if item.kind in ("text", "long_text")]
    assert typed and all(id in record for id in typed)


def test_what_is_not_stated_is_named_with_its_key() -> None:
    bare = Study("bare", "bare", {"en": "Bare"}, "0" * 64, ("en",), "open", {"en": "Agree?"}, "1")
    record = record_of_processing(bare, INSTRUMENT, "nl", today=TODAY)
    for key in ("controller", "contact", "purpose", "retention"):
        assert f"`{key}`" in record
    assert "PROLIFIC" not in record and "loterij" not in record
    with pytest.raises(ParasolError, match="there is no record in 'fr'"):
        record_of_processing(bare, INSTRUMENT, "fr")


def test_texts_in_a_record_stay_in_their_line() -> None:
    hostile = replace(RICH, controller="A\n\n# Heading\n1. C", recipients=("B\n- C",))
    record = record_of_processing(hostile, INSTRUMENT, "en", today=TODAY)
    assert "- A \\# Heading 1. C\n" in record and "\n- B - C\n" in record


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        (r"\<b>", r"\\\<b\>"),
        ("a_b *c* `d` &lt; ~~e~~", r"a\_b \*c\* \`d\` \&lt; \~\~e\~\~"),
        ("# Heading", r"\# Heading"),
        ("- 2nd chair", r"\- 2nd chair"),
        ("1. C", r"1\. C"),
        ("Dr. Mia (chair), 2026-1", "Dr. Mia (chair), 2026-1"),
        ("2026-1.5 (a)", "2026-1.5 (a)"),
        ("2026.1 (a)", "2026.1 (a)"),
    ],
)
def test_texts_in_a_record_are_no_markup(text: str, written: str) -> None:
    """The record is sent to a privacy officer, whose program shows Markdown as a page."""
    stated = replace(RICH, controller=text, contact=text, purpose={"en": text}, recipients=(text,), title={"en": text})
    stated = replace(stated, parameters=(Parameter("pid", text),), languages=("en",), embed=(text,))
    instrument = replace(INSTRUMENT, version=text)
    record = record_of_processing(stated, instrument, "en", versions=[text], today=TODAY)
    # title, controller, contact twice, purpose, version of the consent, site, version, parameter, recipient, erasure
    assert record.count(written) == 11
    assert text == written or text not in record.replace(written, "")


@pytest.mark.parametrize(("days", "early", "kept"), [(1, 0, True), (1, 2, True), (1, 1, False), (0, 9, False)])
def test_before_the_day_of_retention_that_day_is_named(
    store: Store, study: Study, tmp_path: Path, days: int, early: int, kept: bool
) -> None:
    store.change_study(replace(study, retention=TODAY + timedelta(days=days)))
    store.begin("demo", "1", language="en")
    store.close_study("demo")
    path = tmp_path / "demo.zip"
    write_export(store, "demo", path)
    if kept:
        for named in (None, TODAY + timedelta(days=early)):
            with pytest.raises(StoreError, match="1 more day"):
                purge(store, "demo", path, named, TODAY)
    else:
        assert purge(store, "demo", path, TODAY + timedelta(days=early), TODAY) == 1
    assert store.counts("demo").started == int(kept)


def test_an_export_holds_everything_and_only_then_is_deleted(store: Store, study: Study, tmp_path: Path) -> None:
    for key, name in (("1", "=cmd|'/c calc'!A1"), ("2", "Mia"), ("unfinished", "Noor"), ("test", "Sam")):
        store.begin("demo", key, language="en", influencer=name, test=key == "test")
        store.save_page(key, "first", FIRST, paradata={"ms": 5, "items": {"a1": [0, 1, 2]}, "device": "phone"})
        if key != "unfinished":
            store.finish(key)
    path = tmp_path / "demo.zip"
    with pytest.raises(StoreError, match="only deleted after an export"):
        purge(store, "demo", None)
    digest = write_export(store, "demo", path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    frozen = f"questionnaire_{INSTRUMENT.digest[:12]}.json"
    assert set(files) == {
        *("study.toml", frozen, "rows.csv", "paradata.csv", "consents.json", "audit.csv"),
        *("codebook_en.csv", "codebook_nl.csv", "paradata_codebook_en.csv", "paradata_codebook_nl.csv"),
        *("record_en.md", "record_nl.md"),
    }
    assert hashlib.sha256(files[frozen]).hexdigest() == INSTRUMENT.digest
    assert instrument_from_json(files[frozen].decode()) == INSTRUMENT
    rows = list(csv.DictReader(io.StringIO(files["rows.csv"].decode("utf-8-sig"))))
    assert [row["influencer"] for row in rows] == ["'=cmd|'/c calc'!A1", "Mia", "Noor", "Sam"]
    assert [row["test"] for row in rows] == ["False"] * 3 + ["True"] and rows[2]["finished"] == ""
    assert len(list(csv.DictReader(io.StringIO(files["paradata.csv"].decode("utf-8-sig"))))) == 16
    assert json.loads(files["consents.json"]) == {"2026-1": {"en": "Agree?", "nl": "Akkoord?"}}
    with pytest.raises(StoreError, match="is open"):
        purge(store, "demo", path)
    store.close_study("demo")
    with pytest.raises(StoreError, match="only deleted after an export"):
        purge(store, "demo", tmp_path / "lost.zip")
    (tmp_path / "other.zip").write_bytes(path.read_bytes() + b" ")
    with pytest.raises(StoreError, match="not in that file as it is now"):
        purge(store, "demo", tmp_path / "other.zip")
    store.save_page("unfinished", "first", {"a1": 2})
    with pytest.raises(StoreError, match="not in that file as it is now"):
        purge(store, "demo", path)
    write_export(store, "demo", path)
    assert purge(store, "demo", path) == 4
    assert store.rows("demo", finished_only=False, include_test=True).empty
    lines = store.audit("demo")
    assert [line.what for line in lines] == ["exported", "exported", "purged"]
    assert {line.day for line in lines} == {datetime.now(UTC).date()}
