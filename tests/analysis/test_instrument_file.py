from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from analysis.errors import InstrumentError
from analysis.instrument import Choices, Instrument, Item, Page, instrument_from_dict, load_instrument
from analysis.instrument_file import instrument_as_toml
from tests.analysis.instruments import instruments

HOSTILE = (
    "<script>alert(1)</script>",
    "\"]\nid = 'x'",
    "\\u0041 \\",
    "'''\"\"\"",
    "# no comment",
    "\u202eright to left\u2028",
    "\U0001f9ff é ﷽",
    "tab\tand\nline",
)


@given(instruments())
def test_what_is_written_is_read_back_exactly(instrument: Instrument) -> None:
    again = instrument_from_dict(tomllib.loads(instrument_as_toml(instrument)), "again")
    assert again == instrument
    assert again.digest == instrument.digest
    assert instrument_as_toml(again) == instrument_as_toml(instrument)


@pytest.mark.parametrize("id", ["psi_core", "psi_full", "showcase"])
def test_shipped_questionnaires_come_back(id: str, tmp_path: Path) -> None:
    instrument = load_instrument(id)
    path = tmp_path / "copy.toml"
    path.write_text(instrument_as_toml(instrument), encoding="utf-8")
    assert load_instrument(path).digest == instrument.digest
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) < 400


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    choices = Choices("c", (0, 1), {"en": (text, text)})
    item = Item("a", {"en": text}, "single", choices, hint={"en": text}, help={"en": text})
    whole = Instrument("x", text, {"en": text}, ("en",), (item,), (), (Page("p", {"en": text}, ("a",)),), text, text)
    assert instrument_from_dict(tomllib.loads(instrument_as_toml(whole)), "x") == whole


def test_an_unsound_instrument_is_not_written() -> None:
    core = load_instrument("psi_core")
    with pytest.raises(InstrumentError, match="translation is missing"):
        instrument_as_toml(replace(core, languages=("en", "nl", "de")))
    with pytest.raises(InstrumentError, match="does not fit"):
        instrument_as_toml(replace(core, version="1\x00"))
    with pytest.raises(InstrumentError, match="does not fit"):
        instrument_as_toml(replace(core, items=(replace(core.items[0], minimum=float("nan")), *core.items[1:])))
    other = replace(core.items[1], choices=Choices("agree7", (1, 2), {"en": ("a", "b"), "nl": ("a", "b")}))
    taken = next(item for item in core.items if item.choices and item.choices.id == "agree7")
    with pytest.raises(InstrumentError, match="two sets of choices called 'agree7'"):
        instrument_as_toml(replace(core, items=(taken, other, *core.items[2:])))
