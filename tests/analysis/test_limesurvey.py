"""LimeSurvey's survey structure: its rows, its codes, and nothing in it that is markup or a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from analysis.limesurvey import COLUMNS, export_limesurvey
from tests.analysis.generated import instruments

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "limesurvey.json").read_text(encoding="utf-8"))
Rows = list[dict[str, str]]


def rows_of(instrument: Instrument) -> Rows:
    text = export_limesurvey(instrument).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))


def of(rows: Rows, kind: str, language: str = "en") -> Rows:
    return [row for row in rows if row["class"] == kind and row["language"] == language]


def test_the_structure_of_every_kind_of_question() -> None:
    rows = rows_of(load_instrument("showcase"))
    assert {row["name"]: row["text"] for row in rows if row["class"] == "S"}["additional_languages"] == "nl de"
    assert [row["name"] for row in of(rows, "G", "nl")][:2] == ["Elke soort vraag", "Kiezen"]
    types = {row["name"]: row["type/scale"] for row in of(rows, "Q")}
    assert [types[name] for name in ("agreed", "follows", "topics", "reasons", "ratinggrid", "likenessgrid")] == [
        "M", "L", "M", "R", "F", "F",
    ]  # fmt: skip
    assert [types[name] for name in ("warmth", "age", "firstseen", "oneword", "adulttopic", "welcome")] == [
        "K", "N", "D", "S", "T", "X",
    ]  # fmt: skip
    subquestions = {row["name"]: row["text"] for row in of(rows, "SQ")}
    assert subquestions["alike1"] == "thinks quite differently from me|thinks just as I do"
    questions = {row["name"]: row for row in of(rows, "Q")}
    assert questions["place"]["relevance"] == "(follows.NAOK == 1)"
    assert questions["place"]["other"] == "Y"
    assert questions["wrongplace"]["text"].startswith("You mostly see {influencer.NAOK} here: {place.shown}.")
    assert questions["topics"]["exclude_all_others"] == "n99"
    assert questions["influencer"]["hidden"] == "1"
    assert (questions["language"]["type/scale"], questions["language"]["text"]) == ("*", "{LANG}")


def structure(rows: Rows) -> list[dict[str, Any]]:
    """The groups with their questions, as the reference has what LimeSurvey held of them."""
    told = ("id", "related_id", "class", "type/scale", "name", "relevance", "text", "help", "language", "mandatory",
            "other")  # fmt: skip
    groups: list[dict[str, Any]] = []
    for row in rows:
        question = groups[-1]["questions"][-1] if groups and groups[-1]["questions"] else {}
        match row["class"]:
            case "G":
                groups.append({"relevance": row["relevance"], "questions": []})
            case "Q":
                asked = {"code": row["name"], "type": row["type/scale"], "mandatory": row["mandatory"],
                         "other": row["other"], "relevance": row["relevance"]}  # fmt: skip
                attributes = {key: cell for key, cell in row.items() if cell and key not in told}
                groups[-1]["questions"].append(asked | ({"attributes": attributes} if attributes else {}))
            case "SQ":
                question.setdefault("subquestions", []).append([row["name"], row["relevance"]])
            case "A":
                question.setdefault("answers", []).append(row["name"])
    return groups


@pytest.mark.parametrize("id", ["psi_core", "psi_full", "showcase"])
def test_it_is_what_a_running_limesurvey_took(id: str) -> None:
    rows, held = rows_of(load_instrument(id)), REFERENCE["instruments"][id]
    asked = {row["name"]: row["text"] for row in rows if row["class"] == "S"}
    assert 100_000 <= int(asked.pop("sid")) < 1_000_000
    assert asked == held["settings"]
    for language, texts in held["texts"].items():
        own = [row for row in rows if row["language"] == language and row["class"] in ("G", "Q", "SQ", "A")]
        assert len(own) == texts
    assert structure([row for row in rows if row["language"] == held["settings"]["language"]]) == held["groups"]


def test_what_limesurvey_does_differently_is_said() -> None:
    notes = " ".join(export_limesurvey(load_instrument("showcase")).notes)
    for named in ("look_here is lookhere", "influencer", "n99", "warmth", "showcase.png", "Scales", "citation"):
        assert named in notes


def test_a_page_called_0_keeps_its_name() -> None:
    """PHP takes the text "0" for nothing, and LimeSurvey then makes up a name."""
    page = Page("one", {"en": "0"}, ("psi1",))
    choices = Choices("agree", (1, 2), {"en": ("0", "1")})
    made = Instrument("small", "1", {"en": "S"}, ("en",), (Item("psi1", {"en": "I"}, choices=choices),), (), (page,))
    assert [row["name"] for row in of(rows_of(made), "G")] == ["&#48;"]


def test_a_block_of_pages_changes_places() -> None:
    """Tried in LimeSurvey 6.4.2: four respondents met the pages of one group in four orders, the others in place."""
    core = load_instrument("psi_core")
    pages = tuple(
        replace(page, block="the_middle") if 2 <= place < 4 else page for place, page in enumerate(core.pages)
    )
    made = of(rows_of(replace(core, pages=pages)), "G", "nl")
    assert [row["random_group"] for row in made] == ["", "", "themiddle", "themiddle"] + [""] * (len(pages) - 4)


def test_shipped_questionnaires_keep_their_codes() -> None:
    items = {item.id for item in load_instrument("psi_core").items}
    rows = rows_of(load_instrument("psi_core"))
    assert items <= {row["name"] for row in rows if row["class"] in ("Q", "SQ")}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(instruments())
def test_any_instrument_has_a_sound_structure(instrument: Instrument) -> None:
    text = export_limesurvey(instrument).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    table = rows_of(instrument)
    shapes = []
    for language in instrument.languages:
        asked = [row for row in table if row["language"] == language and row["class"] in ("G", "Q", "SQ", "A")]
        shapes.append(
            [(row["id"], row["class"], row["type/scale"], row["class"] != "G" and row["name"]) for row in asked]
        )
        codes = [row["name"] for row in asked if row["class"] == "Q"]
        assert len(codes) == len(set(codes))
        assert all(re.fullmatch("[A-Za-z][A-Za-z0-9]{0,19}", code) for code in codes)
        assert all(re.fullmatch("[A-Za-z0-9]{1,5}", row["name"]) for row in asked if row["class"] == "A")
        ids = [row["id"] for row in asked if row["class"] in ("Q", "SQ")]
        assert len(ids) == len(set(ids))
    assert all(shape == shapes[0] for shape in shapes)
    for row in table:
        for cell in (row["text"], row["help"], row["name"] if row["class"] == "G" else ""):
            assert not cell.startswith(("=", "+", "-", "@", '"'))
            assert not re.search(r"<(?!br />|img |video |/video>)", cell)
