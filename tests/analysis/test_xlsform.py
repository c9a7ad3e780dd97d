"""XLSForm: an exact way there and back, forms that pyxform accepts, and files that want to do harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from pyxform.xls2xform import convert

from analysis.errors import DataError, InstrumentError, ParasolError
from analysis.instrument import Instrument, load_instrument
from analysis.workbook import read_workbook, write_workbook
from analysis.xlsform import export_xlsform, guarded, unguarded
from analysis.xlsform_reading import import_xlsform
from tests.analysis.generated import instruments

SHIPPED = ("psi_core", "psi_full", "showcase")
Sheet = Sequence[Sequence[object]]


def book(survey: Sheet, choices: Sheet = (), settings: Sheet = ()) -> bytes:
    return write_workbook({"survey": survey, "choices": choices, "settings": settings})


@pytest.mark.parametrize("id", SHIPPED)
def test_there_and_back_is_exact(id: str) -> None:
    instrument = load_instrument(id)
    found = import_xlsform(export_xlsform(instrument).content, f"{id}.xlsx")
    assert found.instrument == instrument
    assert found.instrument.digest == instrument.digest
    assert found.notes == ()


@pytest.mark.parametrize("id", SHIPPED)
def test_pyxform_has_nothing_to_say(id: str) -> None:
    assert convert(export_xlsform(load_instrument(id)).content, file_type=".xlsx").warnings == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(instruments())
def test_any_instrument_there_and_back(instrument: Instrument) -> None:
    found = import_xlsform(export_xlsform(instrument).content, "made.xlsx")
    assert found.instrument == instrument
    assert found.notes == ()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(instruments())
def test_pyxform_compiles_any_instrument(instrument: Instrument) -> None:
    warnings = convert(export_xlsform(instrument).content, file_type=".xlsx").warnings
    assert [one for one in warnings if "valid language code" not in one and "machine-readable" not in one] == []


def test_what_a_form_does_differently_is_said() -> None:
    notes = " ".join(export_xlsform(load_instrument("showcase")).notes)
    for named in ("influencer", "condition", "language", "showcase.png", "ranking", "rating"):
        assert named in notes


def test_nothing_in_the_workbook_is_a_formula() -> None:
    content = write_workbook({"survey": [["type", "name"], ["=1+1", "@SUM(A1)"], ["-2", "+3"]]})
    sheet = load_workbook(io.BytesIO(content))["survey"]
    assert [(cell.data_type, cell.quotePrefix) for row in sheet["A2:B3"] for cell in row] == [("s", True)] * 4
    assert read_workbook(content, "x", ["survey"])["survey"][1:] == [["=1+1", "@SUM(A1)"], ["-2", "+3"]]


def test_a_form_of_a_colleague() -> None:
    survey = [
        ["type", "name", "label::English (en)", "label::Nederlands", "required", "relevant", "constraint", "default"],
        ["start", "start"],
        ["integer", "Age", "How old?", "Hoe oud?", "true", "", ". >= 16 and . <= 99", "18"],
        ["begin group", "About-you", "You", "Jij"],
        ["select_one yesno", "likes", "Like it, at ${Age}?", "Leuk, met ${Age}?", "yes", "${Age} > 17"],
        ["begin_group", "inner", "", "", "", "${likes} = 'y'"],
        ["select_multiple yesno", "both", "Both?", "Allebei?", "", "not(selected(${likes}, 'n')) or ${Age} != ''"],
        ["end_group"],
        ["geopoint", "where", "Where?", "Waar?"],
        ["end group"],
        ["select_one yesno or_other", "last", "Last?", "Laatste?", "", "string-length(${likes}) > 0"],
    ]
    choices = [["list name", "name", "label::English (en)", "label::Nederlands"], ["yesno", "y", "Yes", "Ja"]]
    choices += [["yesno", "n", "No", "Nee"]]
    form = book(survey, choices, [["form_title", "form_id"], ["A form", "My form"]])
    found = import_xlsform(form, "form.xlsx")
    instrument = found.instrument
    assert instrument.languages == ("en", "nl")
    assert [page.id for page in instrument.pages] == ["page_1", "about_you", "page_3"]
    assert [item.id for item in instrument.items] == ["age", "likes", "both", "last"]
    assert (instrument.item("age").minimum, instrument.item("age").maximum) == (16, 99)
    assert instrument.item("likes").show_if == "age > 17"
    assert instrument.item("likes").text["nl"] == "Leuk, met {age}?"
    assert instrument.item("both").show_if == "(likes == 1) and (not chosen(likes, 2) or answered(age))"
    assert instrument.item("last").other
    notes = " ".join(found.notes)
    for named in ("'Age' is called age", "default", "geopoint", "1 = y, 2 = n", "one title"):
        assert named in notes


def test_what_is_edited_in_excel_counts() -> None:
    """`relevant` wins over our own column, and a label over what it was."""
    edited = load_workbook(io.BytesIO(export_xlsform(load_instrument("showcase")).content))
    sheet = edited["survey"]
    heads = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[1].value == "place":
            row[heads.index("relevant")].value = "${follows} = 0"
            row[heads.index("label::English (en)")].value = "Where?"
    stream = io.BytesIO()
    edited.save(stream)
    place = import_xlsform(stream.getvalue(), "x.xlsx").instrument.item("place")
    assert (place.show_if, place.text["en"]) == ("follows == 0", "Where?")


def test_an_empty_cell_of_one_language_is_named() -> None:
    survey = [["type", "name", "label::English (en)", "label::Nederlands (nl)"], ["text", "a", "Why?", ""]]
    with pytest.raises(InstrumentError, match=r"item 'a', text\.nl: the translation is missing"):
        import_xlsform(book(survey), "form.xlsx")


@pytest.mark.parametrize(
    ("survey", "said"),
    [
        ([["type", "label"]], "no sheet 'survey' with the columns"),
        ([["type", "name", "label::Klingon"], ["text", "a", "b"]], "'label::Klingon' is not known"),
        ([["type", "name", "label", "label"], ["text", "a", "b", "c"]], "stands twice"),
        ([["type", "name", "label"], ["geopoint", "a", "b"]], "asks nothing"),
        ([["type", "name", "label"], ["select_one none", "a", "b"]], r"no \[choices.none\]"),
    ],
)
def test_a_form_that_cannot_be_used(survey: Sheet, said: str) -> None:
    with pytest.raises(InstrumentError, match=said):
        import_xlsform(book(survey), "form.xlsx")


def _archive(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _changed(part: str, old: bytes, new: bytes) -> bytes:
    """A good workbook in which one part is changed."""
    content = book([["type", "name", "label"], ["text", "why", "Why?"]])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    return _archive(parts | {part: parts[part].replace(old, new)})


def _formula() -> bytes:
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "survey"
    sheet.append(["type", "name", "label"])
    sheet.append(["text", "why", '=HYPERLINK("https://example.org","x")'])
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no workbook"),
        (b"PK\x03\x04 and then nothing", "no workbook"),
        (b"\xd0\xcf\x11\xe0" * 100, "no workbook"),
        (_archive({"hello.txt": b"x"}), "no workbook"),
        (_archive({"xl/workbook.xml": b"\0" * 60_000_000}), "would unpack to 60 MB"),
        (_archive({f"{number}.xml": b"" for number in range(1_200)}), "1,200 parts"),
        (_changed(SHEET, b"<worksheet", ENTITIES), "document type"),
        (_changed(SHEET, b"<worksheet", ENTITIES.decode().encode("utf-16")), "document type"),
        (_changed(SHEET, b"</sheetData>", b"<row r='90000'><c r='A90000' t='str'><v>x</v></c></row></sheetData>"),
         "larger than"),
        (_changed(SHEET, b"</worksheet>", b""), "no workbook that can be read"),
        (_changed(SHEET, b"Why?", b"y" * 10_000_000), "10,000,000 characters"),
        (_formula(), "holds a formula"),
    ],
)  # fmt: skip
def test_harm_is_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        import_xlsform(content, "form.xlsx")
    assert len(caught.value.problems) == 1


def test_a_text_too_long_for_a_cell_is_refused() -> None:
    with pytest.raises(DataError, match="40,000 characters"):
        write_workbook({"survey": [["x" * 40_000]]})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=8))
def test_any_cells_are_an_instrument_or_a_problem(cells: list[list[str]]) -> None:
    """Whatever stands under the headings, nothing but our own errors comes out."""
    rows = [["type", "name", "label", "relevant", "constraint", "required"], *cells]
    try:
        import_xlsform(book(rows), "form.xlsx")
    except ParasolError as error:
        assert str(error)


@given(st.text(alphabet="$\u200b{}ab "))
def test_a_guarded_text_holds_no_reference_and_comes_back(text: str) -> None:
    assert "${" not in guarded(text)
    assert unguarded(guarded(text)) == text
