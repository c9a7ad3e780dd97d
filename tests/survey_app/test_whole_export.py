"""A study with everything a design can have, exported: no column without a meaning, in any language or format."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyreadstat
import pytest

from analysis.codebook import PARADATA
from analysis.instrument import METADATA, Instrument, load_instrument
from analysis.rows_file import write_paradata, write_rows
from survey_app.admission import person_of_code
from survey_app.answers import accept_answers
from survey_app.journey import item_order, steps_of, waits_for_condition
from survey_app.rehearse import invented_people
from survey_app.rows import study_columns
from survey_app.store import Store
from survey_app.study import CodePart, Condition, Influencer, Parameter, Source, Study, Wave

LANGUAGES = ("en", "nl", "de")


def texts(text: str) -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, text)


@pytest.fixture(scope="module")
def store(module_url: str) -> Iterator[Store]:
    """The store that all tests of this file read."""
    store = Store(module_url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def whole(store: Store) -> Study:
    """Every kind of question, pages that change places, and every column a study can add."""
    plain = load_instrument("showcase")
    change = {"block": "b", "per_influencer": True}
    turned = tuple(replace(page, **change) if page.id in ("rating", "likeness") else page for page in plain.pages)
    instrument = replace(plain, id="whole", pages=turned)
    study = Study(
        id="whole", slug="whole", title=texts("W"), instrument=store.add_instrument(instrument), languages=LANGUAGES,
        state="open", consent=texts("C"), consent_version="1",
        conditions=(Condition("text", "Only words"), Condition("image", "A picture with a long name of its own")),
        influencers=(Influencer("mia", "Mia"), Influencer("noor", "Noor"), Influencer("sam", "Sam")),
        rate="subset", per_respondent=2, sources=(Source("poster", "Poster in the hall"), Source("mail")),
        waves=(Wave("pre", "Before"), Wave("post", "After")), code=(CodePart("mother", texts("Mother?")),),
        parameters=(Parameter("panel_id", "PROLIFIC_PID", "Who it is at the panel"), Parameter("kind", "k")),
    )  # fmt: skip
    store.add_study(study)
    for number, person in enumerate(invented_people(instrument, 6, seed=4)):
        key, code = f"k{number}", person_of_code(b"secret", study, {"mother": f"{number:02d}"})
        given = {"PROLIFIC_PID": f"p{number}", "k": "b"}
        store.begin("whole", key, language=LANGUAGES[number % 3], source="poster", external=given, person=code)
        answer_all(store, instrument, study, key, person.answers)
        store.change_language(key, "nl")
        store.count_resume(key)
        store.finish(key)
    return store.study("whole")


def answer_all(store: Store, instrument: Instrument, study: Study, key: str, answers: Any) -> None:
    """The way a phone goes: a condition when it is due, and each step of what is shown then."""
    done: set[tuple[str, str]] = set()
    while True:
        begun = store.participation(key)
        assert begun is not None
        steps = steps_of(instrument, begun, store.answers(key))
        step = next((one for one in steps if (one.page, one.influencer) not in done), None)
        if waits_for_condition(study, instrument, begun, step):
            store.assign(key)
            continue
        if step is None:
            return
        page = instrument.page(step.page)
        sent = {id: answer for id, answer in answers.items() if id.removesuffix("_other") in page.items}
        told = {"ms": 900, "items": {id: [1, 2, 3] for id in page.items}, "device": "phone"}
        kept, order = accept_answers(instrument, page.id, sent), item_order(page, begun.id)
        store.save_page(key, page.id, kept, influencer=step.influencer, order=order, paradata=told)
        done.add((step.page, step.influencer))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_exported_column_is_without_a_meaning(store: Store, whole: Study, tmp_path: Path, language: str) -> None:
    rows, instrument = store.rows("whole"), store.instrument(whole.instrument)
    assert len(rows) == 12 and {*METADATA, "panel_id", "kind"} <= set(rows.columns)
    declared = study_columns(whole, language)
    for ending in (".csv", ".xlsx", ".sav"):
        write_rows(rows, tmp_path / f"a{ending}", instrument, language, declared)
        write_paradata(store.paradata("whole"), tmp_path / f"t{ending}", language)
    for name, columns in (("a", list(rows.columns)), ("t", list(PARADATA))):
        beside = pd.read_csv(tmp_path / f"{name}_codebook.csv", encoding="utf-8-sig")
        sheet = openpyxl.load_workbook(tmp_path / f"{name}.xlsx")["codebook"]
        heads, *cells = sheet.iter_rows(values_only=True)
        within = pd.DataFrame(cells, columns=list(heads))
        spss = pyreadstat.read_sav(tmp_path / f"{name}.sav", metadataonly=True)[1].column_names_to_labels
        for told in (dict(zip(book["id"], book["label"], strict=True)) for book in (beside, within)):
            assert list(told) == columns and all(isinstance(label, str) and label for label in told.values())
        assert list(spss) == columns and all(spss.values()), [name for name in spss if not spss[name]]


def test_what_a_study_calls_its_values_is_told(store: Store, whole: Study, tmp_path: Path) -> None:
    rows, instrument = store.rows("whole"), store.instrument(whole.instrument)
    write_rows(rows, tmp_path / "a.csv", instrument, "de", study_columns(whole, "de"))
    book = pd.read_csv(tmp_path / "a_codebook.csv", encoding="utf-8-sig").set_index("id")
    assert book.loc["condition", "values"] == "text = Only words; image = A picture with a long name of its own"
    assert book.loc["source", "values"] == "poster = Poster in the hall; mail = mail"
    assert book.loc["influencer", "values"] == "mia = Mia; noor = Noor; sam = Sam"
    assert book.loc["wave", "values"] == "pre = Before; post = After"
    assert book.loc[["panel_id", "kind"], "label"].tolist() == ["Who it is at the panel", "Parameter k des Links"]
    write_rows(rows, tmp_path / "a.sav", instrument, "de", study_columns(whole, "de"))
    found = pyreadstat.read_sav(tmp_path / "a.sav", metadataonly=True)[1].variable_value_labels
    assert found["condition"] == {"text": "Only words", "image": "A picture with a long name of its own"}


def test_the_export_tells_how_it_was_answered(store: Store, whole: Study) -> None:
    rows = store.rows("whole")
    assert set(rows["condition"]) == {"text", "image"} and sorted(set(rows["assigned"])) == [1, 2, 3, 4, 5, 6]
    assert (rows[["device", "resumes", "switches"]] == ["phone", 1, 1]).all(axis=None)
    assert rows.groupby("participation")["turn"].apply(sorted).tolist() == [[1, 2]] * 6
    orders = {order.removeprefix("start choosing ").split()[0] for order in rows["page_order"]}
    assert orders <= {"rating", "likeness"}
    told = store.paradata("whole")
    assert list(told.columns) == list(PARADATA) and (told["page_ms"] == 900).all()
    some = random.Random(1).sample(range(len(told)), 5)
    assert (told.iloc[some][["shown_ms", "first_ms", "last_ms"]] == [1, 2, 3]).all(axis=None)


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".sav", ".parquet"])
def test_a_study_nobody_answered_is_a_file_too(store: Store, whole: Study, tmp_path: Path, ending: str) -> None:
    nobody = store.rows("whole").iloc[:0]
    instrument, columns = store.instrument(whole.instrument), study_columns(whole, "en")
    write_rows(nobody, tmp_path / f"a{ending}", instrument, "en", columns)
    write_paradata(store.paradata("whole").iloc[:0], tmp_path / f"t{ending}", "en")
    read = {".csv": pd.read_csv, ".xlsx": pd.read_excel, ".parquet": pd.read_parquet}
    for name, columns in (("a", nobody.columns), ("t", PARADATA)):
        file = tmp_path / f"{name}{ending}"
        found = pyreadstat.read_sav(file)[0] if ending == ".sav" else read[ending](file)
        assert len(found) == 0 and list(found.columns) == list(columns), name
