"""The screens Studies and Fieldwork, run by Streamlit's own test runner on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.errors import ParasolError
from analysis.instrument import Instrument, load_instrument
from survey_app.demo import SLUG, add_demo
from survey_app.links import study_links
from survey_app.screens.studies import _is_study, _read_files, _slug
from survey_app.store import Store
from survey_app.study import Condition, Study
from survey_app.study_file import StudyFile
from survey_app.words import words
from tests.conftest import store_of_screens

EN = words("en")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that the screens open by themselves."""
    monkeypatch.setenv("PARASOL_PUBLIC", "https://survey.example")
    with store_of_screens(tmp_path) as store:
        yield store


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


def test_people_agree_in_the_language_they_read(store: Store) -> None:
    """The text stands in the database from then on: in English under "de", nobody would notice before a respondent."""

    def script() -> None:
        from analysis.instrument import load_instrument
        from survey_app.screens.studies import _ask_new
        from survey_app.words import words

        _ask_new(words("en"), load_instrument("showcase"), "new")

    assert not fill(AppTest.from_function(script, default_timeout=60).run(), "Looks", "", "Mia").exception
    study = store.study("looks")
    assert study.languages == load_instrument("showcase").languages == ("en", "nl", "de")
    assert study.consent == {each: words(each)("own_study.consent", contact="Mia") for each in study.languages}
    assert len(set(study.consent.values())) == 3 and "Die Teilnahme ist freiwillig" in study.consent["de"]


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


@pytest.mark.parametrize(
    ("text", "study"), [("x = \n \t slug = 'a'\n", True), ("x = \n# no slug = 1", False), ("\n" * 900_000 + "[", False)]
)
def test_a_broken_file_is_a_study_where_a_line_names_its_address(text: str, study: bool, tmp_path: Path) -> None:
    """Were all lines that follow looked at again for each empty line, no end of this test would be seen."""
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    assert _is_study(path) is study


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


def test_tests_are_removed_after_a_second_button_that_names_how_many(store: Store) -> None:
    add_demo(store)
    assert "remove_tests" not in {button.key for button in fieldwork().button}
    for number in range(3):
        store.begin(SLUG, f"test {number}", language="en", test=True)
    app = fieldwork()
    assert EN("fieldwork.tests", n=3) in shown(app)
    sure = app.button(key="remove_tests")
    assert sure.label == EN("fieldwork.remove", n=3) == "Delete 3 tests"
    assert EN("fieldwork.remove_means", n=3) in shown(app) and store.counts(SLUG).tests == 3
    sure.click().run()
    assert EN("fieldwork.tests_gone", n=3) in shown(app)
    counts = store.counts(SLUG)
    assert (counts.tests, counts.finished) == (0, 150)
    assert [line.what for line in store.audit(SLUG)] == ["tests removed"]


def test_tests_stay_while_the_database_refuses(store: Store) -> None:
    add_demo(store)
    store.begin(SLUG, "test", language="en", test=True)
    app = fieldwork()
    with store._writing() as connection:
        full = "BEFORE DELETE ON participations BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        connection.exec_driver_sql(f"CREATE TRIGGER full {full}")
    app.button(key="remove_tests").click().run()
    assert EN("results.away") in shown(app) and EN("fieldwork.tests", n=1) in shown(app)
    with store._writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    app.button(key="remove_tests").click().run()
    assert EN("fieldwork.tests_gone", n=1) in shown(app) and EN("results.away") not in shown(app)


def test_tests_that_somebody_else_removed_first_are_no_trouble(store: Store) -> None:
    """Also not when there are new ones afterwards."""
    add_demo(store)
    store.begin(SLUG, "test", language="en", test=True)
    app = fieldwork()
    assert store.remove_tests(SLUG) == 1
    app.button(key="remove_tests").click().run()
    store.begin(SLUG, "another", language="en", test=True)
    app.run()
    assert EN("fieldwork.tests", n=1) in shown(app) and EN("results.away") not in shown(app)


def test_who_has_no_condition_yet_stands_on_a_line_of_their_own(store: Store) -> None:
    instrument = load_instrument("showcase")
    texts = {"en": "A test"}
    arms = (Condition("one", "The first"), Condition("two", "The second"))
    digest = store.add_instrument(instrument)
    store.add_study(Study("arms", "arms", texts, digest, ("en",), "open", texts, "1", conditions=arms))
    for number in range(5):
        store.begin("arms", f"key {number}", language="en", influencer="Nina")
    for number in range(2):
        store.assign(f"key {number}")

    def listed() -> list[list[object]]:
        return next(t.value for t in fieldwork().table if t.proto.alt == EN("fieldwork.by_condition")).values.tolist()

    assert listed() == [["The first", 1, 0], ["The second", 1, 0], [EN("fieldwork.unassigned"), 3, 0]]
    for number in range(5):
        store.assign(f"key {number}")
    assert EN("fieldwork.unassigned") not in {name for name, _, _ in listed()}


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
