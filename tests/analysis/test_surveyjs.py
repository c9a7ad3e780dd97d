"""SurveyJS: there and back, other people's surveys, and JSON that wants to do harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import InstrumentError
from analysis.instrument import Instrument, load_instrument
from analysis.surveyjs import export_surveyjs
from analysis.surveyjs_reading import import_surveyjs
from tests.analysis.generated import instruments


def read(survey: Any) -> Any:
    return import_surveyjs(json.dumps(survey).encode(), "survey.json")


@pytest.mark.parametrize("id", ["psi_core", "psi_full", "showcase"])
def test_there_and_back_is_exact(id: str) -> None:
    instrument = load_instrument(id)
    found = import_surveyjs(export_surveyjs(instrument).content, f"{id}.json")
    assert found.instrument == instrument
    assert found.notes == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(instruments())
def test_any_instrument_there_and_back(instrument: Instrument) -> None:
    found = import_surveyjs(export_surveyjs(instrument).content, "made.json")
    assert found.instrument == instrument
    assert found.notes == ()


def test_a_page_of_likert_items_is_a_matrix() -> None:
    survey = json.loads(export_surveyjs(load_instrument("showcase")).content)
    matrix = survey["pages"][2]["elements"][0]
    assert (matrix["type"], matrix["eachRowRequired"], matrix["rowOrder"]) == ("matrix", True, "random")
    assert [row["value"] for row in matrix["rows"]] == ["near1", "near2", "look_here"]
    assert matrix["columns"][0]["text"] == {
        "default": "Strongly disagree", "nl": "Helemaal mee oneens", "de": "Stimme gar nicht zu",
    }  # fmt: skip
    place = survey["pages"][1]["elements"][1]
    assert (place["visibleIf"], place["showOtherItem"]) == ("{follows} = 1", True)
    assert place["choices"][-1]["value"] == -99


def test_what_surveyjs_does_differently_is_said() -> None:
    notes = " ".join(export_surveyjs(load_instrument("showcase")).notes)
    for named in ("influencer", "condition", "showcase.png", "first_seen", "welcome", "place"):
        assert named in notes


FOREIGN: dict[str, Any] = {
    "title": "A survey",
    "pages": [
        {
            "name": "Page 1",
            "elements": [
                {
                    "type": "matrix", "name": "Quality", "isAllRowRequired": True, "columns": ["No", "Yes"],
                    "rows": [{"value": "Row 1", "text": {"default": "Fine?", "nl": "Goed?"}}, "easy", 3],
                },
                {
                    "type": "panel", "name": "inner", "visibleIf": "{Quality.easy} = 'Yes'",
                    "elements": [
                        {"type": "checkbox", "name": "why", "choices": [1, {"value": 2, "text": "B"}], "hasNone": True},
                        {"type": "rating", "name": "rate", "rateMax": 3, "visibleIf": "{why} contains 2"},
                        {"type": "rating", "name": "ends", "minRateDescription": "low", "maxRateDescription": "high"},
                    ],
                },
                {"type": "boolean", "name": "sure", "labelTrue": "Ja"},
                {"type": "file", "name": "upload"},
                {
                    "type": "text", "name": "age", "inputType": "number", "defaultValue": 3,
                    "visibleIf": "{why.length} > 1",
                    "validators": [{"type": "numeric", "minValue": 16}, {"type": "regex"}],
                },
                {"type": "html", "name": "bye", "html": "<p>Thank <b>you</b>,<br>{age}!</p>"},
            ],
        }
    ],
}  # fmt: skip


def test_a_survey_of_somebody_else() -> None:
    found = read(FOREIGN)
    instrument = found.instrument
    assert instrument.languages == ("en", "nl")
    assert [(item.id, item.kind) for item in instrument.items] == [
        ("row_1", "likert"), ("easy", "likert"), ("quality_3", "likert"), ("why", "multiple"), ("rate", "likert"),
        ("ends", "semantic"), ("sure", "single"), ("age", "number"), ("bye", "info"),
    ]  # fmt: skip
    assert instrument.item("row_1").text == {"en": "Fine?", "nl": "Goed?"}
    assert instrument.item("row_1").required
    assert instrument.item("row_1").choices == instrument.item("easy").choices
    assert instrument.item("rate").show_if == "(easy == 2) and (chosen(why, 2))"
    assert instrument.item("age").minimum == 16
    assert instrument.item("bye").text["nl"] == "Thank you,\n{age}!\n"
    notes = " ".join(found.notes)
    for named in ("upload", "None", "length", "no 'nl'", "defaultValue", "rule about the answers", "1 = No, 2 = Yes"):
        assert named in notes


def test_what_is_edited_counts() -> None:
    survey = json.loads(export_surveyjs(load_instrument("showcase")).content)
    survey["pages"][1]["elements"][1]["visibleIf"] = "{follows} anyof [0, 1]"
    assert read(survey).instrument.item("place").show_if == "chosen(follows, 0) or chosen(follows, 1)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no valid JSON"),
        (b"\xff\xfe{", "no UTF-8|no valid JSON"),
        (b'{"pages": "\xff"}', "no UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"pages": NaN}', "NaN is no number"),
        (b'{"pages": [' + b"1" * 5_000 + b"]}", "no valid JSON"),
        (b"[]", "no survey"),
        (b"{}", "no survey"),
        (b'{"pages": 3}', "asks nothing"),
        (b" " * 6_000_000, "6 MB"),
        (json.dumps({"elements": [{"type": "text", "name": "a", "title": "{nobody}"}]}).encode(), "{nobody} stands"),
    ],
)
def test_harm_is_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(InstrumentError, match=said) as caught:
        import_surveyjs(content, "survey.json")
    assert len(caught.value.problems) == 1


def test_panels_in_panels_end_somewhere() -> None:
    survey: Any = {"type": "text", "name": "a"}
    for _ in range(60):
        survey = {"type": "panel", "name": "p", "elements": [survey]}
    with pytest.raises(InstrumentError, match="nested too deeply"):
        read({"elements": [survey]})


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-9, 99), st.floats(allow_nan=False), st.text(max_size=8))
KEYS = st.sampled_from(
    ("type", "name", "title", "choices", "rows", "columns", "visibleIf", "elements", "parasol", "min", "max",
     "rateValues", "rateMax", "default", "validators", "kind", "html")
)  # fmt: skip
ANY = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
QUESTIONS = st.dictionaries(KEYS, ANY, max_size=8).flatmap(
    lambda one: st.sampled_from(("matrix", "radiogroup", "rating", "text", "checkbox", "panel", "boolean")).map(
        lambda kind: one | {"type": kind}
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(QUESTIONS, max_size=4))
def test_any_json_is_an_instrument_or_a_problem(questions: list[Any]) -> None:
    try:
        read({"elements": questions})
    except InstrumentError as error:
        assert str(error)
