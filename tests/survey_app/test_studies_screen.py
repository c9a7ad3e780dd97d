"""The screens Studies and Fieldwork, run by Streamlit's own test runner on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.errors import ParasolError
from analysis.instrument import Instrument
from survey_app.demo import SLUG, add_demo
from survey_app.links import study_links
from survey_app.screens.studies import _read_files, _slug
from survey_app.store import Store
from survey_app.study_file import StudyFile
from survey_app.words import words

EN = words("en")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that the screens open by themselves."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("PARASOL_DATABASE", url)
    monkeypatch.setenv("PARASOL_PUBLIC", "https://survey.example")
    st.cache_resource.clear()
    store = Store(url)
    store.migrate()
    yield store
    store.close()
    st.cache_resource.clear()


def studies() -> AppTest:
    def script() -> None:
        from survey_app.screens.studies import show_studies

        show_studies()

    return AppTest.from_function(script, default_timeout=60).run()


def fieldwork() -> AppTest:
    def script() -> None:
        from survey_app.screens.fieldwork import show_fieldwork

        show_fieldwork()

    return AppTest.from_function(script, default_timeout=60).run()


def shown(app: AppTest) -> str:
    assert not app.exception
    kinds = (app.markdown, app.caption, app.header, app.warning, app.info, app.title, app.success, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def fill(app: AppTest, title: str, slug: str, contact: str) -> AppTest:
    for key, text in (("new_title", title), ("new_slug", slug), ("new_contact", contact)):
        app.text_input(key=key).set_value(text)
    return next(button for button in app.button if button.label == EN("studies.create")).click().run()


def test_three_fields_make_a_draft_that_is_then_opened(store: Store) -> None:
    app = studies()
    assert EN("studies.none") in shown(app)
    app = fill(app, "Bonds & *looks*", "", "Mia, mia@example.org")
    assert "is ready as a draft" in shown(app)
    study = store.study("bonds-looks")
    assert study.state == "draft" and study.languages == ("en", "nl")
    assert all("mia@example.org" in text for text in study.consent.values())
    app.button(key=f"open_{study.id}").click().run()
    app.button(key="sure").click().run()
    assert store.study("bonds-looks").state == "open"


@pytest.mark.parametrize(
    ("title", "slug", "contact", "says"),
    [
        ("", "", "", "missing_title"),
        ("T", "", "", "missing_contact"),
        ("T", "../x", "M", "missing_slug"),
        ("日本", "", "M", "missing_slug"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_made(
    store: Store, title: str, slug: str, contact: str, says: str
) -> None:
    assert EN(f"studies.{says}") in shown(fill(studies(), title, slug, contact))
    assert not store.studies()


def test_a_taken_address_is_one_sentence(store: Store) -> None:
    add_demo(store)
    assert "slug is taken" in shown(fill(studies(), "T", SLUG, "M")).replace("\\", "")
    assert len(store.studies()) == 1


def test_opening_and_closing_ask_first(store: Store) -> None:
    add_demo(store)
    app = studies()
    app.button(key="close_demo").click().run()
    assert store.study(SLUG).state == "open"
    app.button(key="sure").click().run()
    assert store.study(SLUG).state == "closed"


def test_the_code_is_shown_large_with_the_address_to_be_typed(store: Store) -> None:
    add_demo(store)
    app = studies()
    app.session_state["links_demo"] = True
    app.run().button(key="wall_demo_").click().run()
    [link] = study_links(store.study(SLUG), "https://survey.example")
    assert not app.exception
    assert link.short.removeprefix("https://") in [each.value.replace("\\", "") for each in app.title]


def test_the_slug_of_a_title() -> None:
    assert _slug("  Bonds & looks: 2026! ") == "bonds-looks-2026"
    assert _slug("x" * 200) == "x" * 63


class Upload:
    """A file as the browser sends it."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content

    def getvalue(self) -> bytes:
        return self.content


QUESTIONNAIRE = b"""
id = "mine"
version = "1"
title.en = "Mine"
languages = ["en"]
citation = "None."
licence = "CC0"

[[items]]
id = "look"
kind = "info"
text.en = "Look"
media = "mia.png"
alt.en = "Mia"

[[pages]]
id = "one"
title.en = "One"
items = ["look"]
"""
STUDY = b"""
id = "mine"
slug = "mine"
instrument = "mine.toml"
title.en = "Mine"
languages = ["en"]
consent_version = "1"
consent.en = "Yes?"
"""


def picture() -> bytes:
    import io

    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "PNG")
    return drawn.getvalue()


def read(folder: Path, **files: bytes) -> StudyFile | Instrument:
    folder.mkdir()
    return _read_files(folder, [Upload(name.replace("_", "."), content) for name, content in files.items()])  # type: ignore[misc]


def test_a_study_comes_in_with_its_questionnaire_and_pictures(store: Store, tmp_path: Path) -> None:
    found = read(tmp_path / "in", study_toml=STUDY, mine_toml=QUESTIONNAIRE, mia_png=picture())
    assert isinstance(found, StudyFile)
    (item,) = found.instrument.items
    assert (tmp_path / "files" / item.media).is_file()
    assert found.study.instrument == found.instrument.digest
    alone = read(tmp_path / "alone", mine_toml=QUESTIONNAIRE, mia_png=picture())
    assert alone == found.instrument


def test_everything_that_is_wrong_with_the_files_is_said(store: Store, tmp_path: Path) -> None:
    cases = {
        "missing": ({"mine_toml": QUESTIONNAIRE}, "mia.png"),
        "broken": ({"study_toml": b"slug = ["}, "TOML"),
        "none": ({"mia_png": picture()}, "none of them"),
        "svg": ({"mine_toml": QUESTIONNAIRE, "mia_png": b"<svg onload='x'/>"}, "SVG"),
    }
    for name, (files, says) in cases.items():
        with pytest.raises(ParasolError, match=says):
            read(tmp_path / name, **files)


def test_an_uploaded_name_leads_nowhere_else(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "in"
    folder.mkdir(parents=True)
    for name in ("../../x.toml", "..\\..\\x.toml", "/etc/x.toml", "..", "", "x" * 5000):
        with pytest.raises(ParasolError):
            _read_files(folder, [Upload(name, b"slug = 1")])  # type: ignore[list-item]
    assert not list(tmp_path.rglob("x.toml"))[1:] and (folder / "x.toml").is_file()


# -- fieldwork ------------------------------------------------------------------------------------------------------


def test_counts_pages_and_files(store: Store) -> None:
    add_demo(store)
    store.begin(SLUG, "k" * 43, language="en")
    app = fieldwork()
    assert [metric.value for metric in app.metric] == ["0", "0", "151", "150", "0"]
    pages = app.table[-1].value
    assert list(pages[EN("fieldwork.sent")]) == [150] * 8
    assert pages[EN("fieldwork.dropped")].sum() == 1
    assert "{influencer}" not in "".join(pages[EN("fieldwork.page")])


def test_withdrawal_needs_the_code_and_a_tick(store: Store) -> None:
    add_demo(store)
    store.begin(SLUG, "k" * 43, language="en")
    code = store.finish("k" * 43)
    delete = EN("fieldwork.delete")

    def sent(text: str, sure: bool) -> str:
        app = fieldwork()
        app.text_input[0].set_value(text)
        app.checkbox[0].set_value(sure)
        next(button for button in app.button if button.label == delete).click().run()
        return shown(app)

    assert EN("fieldwork.not_sure") in sent(code, False)
    assert EN("fieldwork.no_code") in sent("AAAA-BBBB-CCCC", True)
    assert store.counts(SLUG).finished == 151
    assert EN("fieldwork.gone") in sent(code.lower(), True)
    assert store.counts(SLUG).finished == 150


def test_without_a_study_fieldwork_says_so(store: Store) -> None:
    assert EN("results.no_study") in shown(fieldwork())


def test_the_command_keeps_pictures_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from survey_app.commands.study import import_

    url = f"sqlite:///{tmp_path / 'kept' / 'store.sqlite'}"
    monkeypatch.setenv("PARASOL_DATABASE", url)
    (tmp_path / "study.toml").write_bytes(STUDY)
    (tmp_path / "mine.toml").write_bytes(QUESTIONNAIRE)
    with pytest.raises(ParasolError, match=r"mia\.png"):
        import_(tmp_path / "study.toml")
    (tmp_path / "mia.png").write_bytes(picture())
    import_(tmp_path / "study.toml")
    with closing(Store(url)) as store:
        (item,) = store.instrument(store.study("mine").instrument).items
    assert (tmp_path / "kept" / "files" / item.media).is_file()


def test_simulated_answers_are_marked_on_the_card_of_their_study(store: Store) -> None:
    add_demo(store)
    app = fill(studies(), "Real people", "real", "Mia, mia@example.org")
    marked = [element.value for element in app.markdown if EN("results.synthetic") in str(element.value)]
    assert len(marked) == 1
    store.begin(SLUG, "somebody", language="en")
    store.finish("somebody")
    text = shown(studies())
    assert EN("results.mixed") in text and EN("results.synthetic") not in text


def test_fieldwork_lists_coming_without_a_source_once_somebody_did(store: Store) -> None:
    add_demo(store)
    assert (tables := fieldwork().table)[0].value.iloc[:, 0].tolist() == ["simulated"]
    assert [table.proto.alt for table in tables] == [EN("fieldwork.by_source"), EN("fieldwork.pages")]
    store.begin(SLUG, "somebody", language="en")
    assert fieldwork().table[0].value.iloc[:, 0].tolist() == [EN("fieldwork.no_source"), "simulated"]
