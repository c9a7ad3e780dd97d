"""An instrument written as a questionnaire file, to be read, edited and loaded again."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from analysis.errors import InstrumentError, Problem
from analysis.instrument import Choices, Instrument, Item, Page, Scale, instrument_from_dict

_WIDEST = 110


def instrument_as_toml(instrument: Instrument) -> str:
    """What does the questionnaire file of this instrument look like?

    Parameters
    ----------
    instrument : Instrument
        Any that `check_instrument` would find nothing wrong with.

    Returns
    -------
    str
        TOML which `load_instrument` reads back to an equal instrument. What has its default is left out.

    Raises
    ------
    InstrumentError
        With everything that would be wrong with the file.

    Checked against
    ---------------
    tests/analysis/test_instrument_file.py: shipped and generated questionnaires come back equal; no text leaves its
    quotes.

    Examples
    --------
    >>> from analysis.instrument import Choices, load_instrument
    >>> psi = Item("psi1", {"en": "I miss them."}, choices=Choices("yesno", (0, 1), {"en": ("no", "yes")}))
    >>> small = Instrument("small", "1", {"en": "Small"}, ("en",), (psi,), (), (Page("one", {"en": "1"}, ("psi1",)),))
    >>> print(instrument_as_toml(small))
    id = "small"
    version = "1"
    title.en = "Small"
    languages = ["en"]
    <BLANKLINE>
    [choices.yesno]
    values = [0, 1]
    labels.en = ["no", "yes"]
    <BLANKLINE>
    [[items]]
    id = "psi1"
    text.en = "I miss them."
    choices = "yesno"
    <BLANKLINE>
    [[pages]]
    id = "one"
    title.en = "1"
    items = ["psi1"]
    <BLANKLINE>
    """
    choices: dict[str, Choices] = {}
    for item in instrument.items:
        if item.choices is not None and choices.setdefault(item.choices.id, item.choices) != item.choices:
            what = f"there are two sets of choices called {item.choices.id!r}"
            raise InstrumentError(Problem(f"instrument {instrument.id!r}", what, "Give each its own id."))
    top = {name: getattr(instrument, name) for name in ("id", "version", "title", "languages", "citation", "licence")}
    blocks = ["".join(_lines({key: value for key, value in top.items() if value != ""}))]
    blocks += [
        f"[choices.{_key(id)}]\n" + "".join(_lines({"values": one.values, "labels": one.labels}))
        for id, one in choices.items()
    ]
    parts: Sequence[tuple[str, Sequence[Item | Scale | Page]]] = (
        ("items", instrument.items),
        ("scales", instrument.scales),
        ("pages", instrument.pages),
    )
    blocks += [f"[[{name}]]\n" + "".join(_lines(_told(part))) for name, listed in parts for part in listed]
    text = "\n".join(blocks)
    if instrument_from_dict(tomllib.loads(text), f"instrument {instrument.id!r}") != instrument:
        what = "it holds something that a questionnaire file has no words for"
        raise InstrumentError(Problem(f"instrument {instrument.id!r}", what, "Load it from a file first."))
    return text


def _told(part: Item | Scale | Page) -> dict[str, Any]:
    """The fields of an item, scale or page that differ from their defaults."""
    told = {}
    for field in fields(part):
        value = getattr(part, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if value != default:
            told[field.name] = value.id if isinstance(value, Choices) else value
    return told


def _lines(table: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += [f"{key}.{_key(inner)} = {_value(entry)}\n" for inner, entry in value.items()]
        else:
            lines.append(f"{key} = {_value(value)}\n")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int | float):
        return repr(int(value) if float(value).is_integer() and abs(value) < 1e15 else value)
    entries = [_value(entry) for entry in value]
    line = f"[{', '.join(entries)}]"
    return line if len(line) <= _WIDEST else "[\n" + "".join(f"    {entry},\n" for entry in entries) + "]"


def _quoted(text: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(short.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    plain = char >= " " and char != "\x7f" and not "\ud800" <= char <= "\udfff"
    return char if plain else f"\\u{ord(char):04x}"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _quoted(key)
