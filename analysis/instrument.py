"""A questionnaire as data: items, their answer choices, the scales they measure and the pages they stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from analysis.datafiles import data_file
from analysis.draft import Draft
from analysis.errors import DataError, InstrumentError, Problem
from analysis.kinds import Column, Kind, columns_of
from analysis.toml_text import toml_content


@dataclass(frozen=True)
class Choices:
    """A set of answers: `values[i]` is stored, `labels[language][i]` is read by the respondent."""

    id: str
    values: tuple[int, ...]
    labels: Mapping[str, tuple[str, ...]]

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest declared value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Item:
    """One question, or (kind `info`) something to read or look at. The id is the name of its column for ever.

    `kind` is one of `analysis.kinds.Kind`. `choices` belong to the kinds that are answered with them; `minimum`,
    `maximum` and `step` bound a number or a slider (whose step is 1 unless told); `minimum_choices` and
    `maximum_choices` bound the length of a list. `other` offers a last choice with words of one's own, `decline`
    "prefer not to say". `left` and `right` are the ends of a semantic differential. `hint` is always read, `help`
    stands behind a disclosure. `media` is the name of an uploaded file or an https link, which `alt` describes.
    `reverse` turns the answer round when it is scored; `check` is the value an attentive respondent gives to an
    instructed-response item; `show_if` is a condition on earlier answers.
    """

    id: str
    text: Mapping[str, str]
    kind: Kind = "likert"
    choices: Choices | None = None
    reverse: bool = False
    required: bool = False
    check: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    minimum_choices: int | None = None
    maximum_choices: int | None = None
    other: bool = False
    decline: bool = False
    left: Mapping[str, str] = field(default_factory=dict)
    right: Mapping[str, str] = field(default_factory=dict)
    hint: Mapping[str, str] = field(default_factory=dict)
    help: Mapping[str, str] = field(default_factory=dict)
    media: str = ""
    alt: Mapping[str, str] = field(default_factory=dict)
    show_if: str = ""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns its answers fill in a table of rows, in order."""
        values = self.choices.values if self.choices else ()
        return columns_of(self.id, self.kind, values, self.other)

    @property
    def span(self) -> tuple[float, float] | None:
        """The lowest and the highest answer, where both are known."""
        if self.choices is not None:
            return self.choices.span
        if self.minimum is None or self.maximum is None:
            return None
        return self.minimum, self.maximum


@dataclass(frozen=True)
class Scale:
    """A construct: the mean of its keyed items, where at least `minimum_share` of them are answered."""

    id: str
    label: Mapping[str, str]
    items: tuple[str, ...]
    minimum_share: float = 0.5
    source: str = ""


@dataclass(frozen=True)
class Page:
    """One screen of the questionnaire. `per_influencer` pages are asked once for each influencer rated.

    `order` is that of the items. Neighbouring pages with the same `block` come in an order drawn for each person;
    pages without one keep their place.
    """

    id: str
    title: Mapping[str, str]
    items: tuple[str, ...]
    intro: Mapping[str, str] = field(default_factory=dict)
    order: Literal["fixed", "random"] = "fixed"
    show_if: str = ""
    per_influencer: bool = False
    block: str = ""


@dataclass(frozen=True)
class Instrument:
    """A whole questionnaire, complete in every one of its languages."""

    id: str
    version: str
    title: Mapping[str, str]
    languages: tuple[str, ...]
    items: tuple[Item, ...]
    scales: tuple[Scale, ...]
    pages: tuple[Page, ...]
    citation: str = ""
    licence: str = ""

    def item(self, id: str) -> Item:
        """The item of that id; KeyError where there is none."""
        return self._items[id]

    def scale(self, id: str) -> Scale:
        """The scale of that id; KeyError where there is none."""
        return self._scales[id]

    def page(self, id: str) -> Page:
        """The page of that id; KeyError where there is none."""
        return self._pages[id]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all content, as 64 hexadecimal digits: two instruments with one digest are the same."""
        return hashlib.sha256(instrument_as_json(self).encode()).hexdigest()

    @cached_property
    def conditional(self) -> bool:
        """Does any page or item depend on earlier answers or on the condition, language, wave or influencer?"""
        return any(page.show_if for page in self.pages) or any(item.show_if for item in self.items)

    @cached_property
    def asks_about_influencer(self) -> bool:
        """Does any page or item speak of an influencer?"""
        parts = [part for page in self.pages for part in (page.title, page.intro)]
        parts += [part for item in self.items for part in (item.text, item.hint, item.help, item.left, item.right)]
        named = any("{influencer}" in text for part in parts for text in part.values())
        return named or any(page.per_influencer for page in self.pages)

    @cached_property
    def _items(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        return {scale.id: scale for scale in self.scales}

    @cached_property
    def _pages(self) -> dict[str, Page]:
        return {page.id: page for page in self.pages}


METADATA = (
    "participation", "influencer", "condition", "source", "wave", "person", "language", "consented", "started",
    "finished", "seconds", "device", "resumes", "switches", "assigned", "page_order", "turn", "instrument",
    "synthetic", "test",
)  # fmt: skip
"""Columns of `rows` that are about the participation, never about an answer; no item may take their names."""


def instrument_as_json(instrument: Instrument) -> str:
    """What is the one text form of this instrument, to be kept beside its answers?

    Parameters
    ----------
    instrument : Instrument
        Any instrument.

    Returns
    -------
    str
        JSON with sorted keys and no spaces; equal instruments give equal texts. `Instrument.digest` is its SHA-256.

    Notes
    -----
    A bound is the same whether it was written 16 or 16.0. Keys that came later than the first answers are left out
    where they say nothing, so that an instrument keeps the digest it was published under.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: generated instruments come back equal from `instrument_from_json`; one letter
    changes the digest.

    Examples
    --------
    >>> psi = Item("psi1", {"en": "I miss them."}, choices=Choices("yesno", (0, 1), {"en": ("no", "yes")}))
    >>> small = Instrument("small", "1", {"en": "Small"}, ("en",), (psi,), (), (Page("one", {}, ("psi1",)),))
    >>> instrument_from_json(instrument_as_json(small)) == small
    True
    """
    content = asdict(instrument)
    for part in (*content["items"], *content["scales"]):
        part |= {name: float(part[name]) for name in _BOUNDS if part.get(name) is not None}
    for page in content["pages"]:
        if not page["block"]:
            del page["block"]
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def instrument_from_json(text: str) -> Instrument:
    """Which instrument does this text of `instrument_as_json` stand for?

    Parameters
    ----------
    text : str
        What `instrument_as_json` wrote.

    Returns
    -------
    Instrument
        Equal to the one that was written, with the same digest.

    Raises
    ------
    InstrumentError
        When the text was not written by `instrument_as_json`.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: generated instruments come back equal, other texts are refused.

    Examples
    --------
    >>> core = load_instrument("psi_core")
    >>> instrument_from_json(instrument_as_json(core)).digest == core.digest
    True
    """
    try:
        return _instrument(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"its text is not that of an instrument ({error!r})"
        problem = Problem("stored instrument", what, "Restore the database from a backup.")
        raise InstrumentError(problem) from error


def _instrument(content: dict[str, Any]) -> Instrument:
    """The instrument whose `asdict` this is, lists back to tuples."""
    parts = {
        "languages": tuple(content["languages"]),
        "items": tuple(_item(item) for item in content["items"]),
        "scales": tuple(Scale(**{**scale, "items": tuple(scale["items"])}) for scale in content["scales"]),
        "pages": tuple(Page(**{**page, "items": tuple(page["items"])}) for page in content["pages"]),
    }
    return Instrument(**{**content, **parts})


def _item(content: dict[str, Any]) -> Item:
    choices = content["choices"]
    if choices is not None:
        labels = {language: tuple(words) for language, words in choices["labels"].items()}
        choices = Choices(choices["id"], tuple(choices["values"]), labels)
    return Item(**{**content, "choices": choices})


def load_instrument(id_or_path: str | Path) -> Instrument:
    """Which instrument stands in this TOML file, or is shipped under this id?

    Parameters
    ----------
    id_or_path : str or pathlib.Path
        `"psi_core"` for a shipped instrument; a path (anything with a folder or the ending `.toml`) for a file.

    Returns
    -------
    Instrument
        Complete and checked.

    Raises
    ------
    InstrumentError
        With every problem of the file, the very list `check_instrument` gives.
    DataError
        When no instrument of that id is shipped.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: the shipped questionnaires and a small file; damaged files raise every problem.

    Examples
    --------
    >>> load_instrument("psi_core").scale("psi").items[:2]
    ('psi1', 'psi2')
    """
    path = _instrument_path(id_or_path)
    content, problems = _toml(path)
    if content is None:
        raise InstrumentError(*problems)
    return instrument_from_dict(content, path.name)


def check_instrument(id_or_path: str | Path) -> list[Problem]:
    """What is wrong with this questionnaire file? All of it at once; an empty list means nothing is.

    Parameters
    ----------
    id_or_path : str or pathlib.Path
        As for `load_instrument`.

    Returns
    -------
    list of Problem
        `where` names the file, the item, scale, page or choices, and the key.

    Raises
    ------
    DataError
        When no instrument of that id is shipped.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: a file with each mistake, named with its place; no text raises anything else.

    Examples
    --------
    >>> check_instrument("psi_core")
    []
    """
    path = _instrument_path(id_or_path)
    content, problems = _toml(path)
    if content is None:
        return problems
    return Draft(path.name, content, METADATA).problems


def instrument_from_dict(content: Mapping[str, Any], name: str) -> Instrument:
    """Which instrument do these keys and values, laid out as in a questionnaire file, describe?

    Parameters
    ----------
    content : mapping
        Keys `id, version, title, languages, citation, licence, choices, items, scales, pages`, as TOML gives them.
    name : str
        What the messages call the place the content came from, usually a file's name.

    Returns
    -------
    Instrument
        Complete and checked.

    Raises
    ------
    InstrumentError
        With every problem found.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: a sound instrument or our own error, from any damaged copy of a questionnaire.

    Examples
    --------
    >>> item = {"id": "age", "text": {"en": "How old are you?"}, "kind": "number", "minimum": 16}
    >>> page = {"id": "you", "title": {"en": "You"}, "items": ["age"]}
    >>> content = {"id": "small", "version": "1", "title": {"en": "Small"}, "languages": ["en"]}
    >>> instrument_from_dict(content | {"items": [item], "pages": [page]}, "small.toml").item("age").minimum
    16.0
    """
    draft = Draft(name, content, METADATA)
    if draft.problems:
        raise InstrumentError(*draft.problems)
    return _built(draft)


_LARGEST_FILE = 1_000_000
_BOUNDS = ("minimum", "maximum", "step", "minimum_share")


def _built(draft: Draft) -> Instrument:
    """The instrument of a draft without problems."""
    choices = {
        id: Choices(id, tuple(table["values"]), {k: tuple(v) for k, v in table["labels"].items()})
        for id, table in draft.choices.items()
    }
    scales = ({**scale, "items": tuple(scale["items"])} for scale in draft.scales)
    pages = ({**page, "items": tuple(page["items"])} for page in draft.pages)
    return Instrument(
        id=draft.top["id"],
        version=draft.top["version"],
        title=draft.top["title"],
        languages=tuple(draft.languages),
        items=tuple(Item(**_item_fields(item, choices)) for item in draft.items),
        scales=tuple(Scale(**{**scale, "minimum_share": float(scale.get("minimum_share", 0.5))}) for scale in scales),
        pages=tuple(Page(**page) for page in pages),
        citation=draft.top.get("citation", ""),
        licence=draft.top.get("licence", ""),
    )


def _item_fields(item: Mapping[str, Any], choices: Mapping[str, Choices]) -> dict[str, Any]:
    bounds = {key: float(item[key]) for key in ("minimum", "maximum", "step") if key in item}
    kind = item.get("kind", "likert")
    return {**item, **bounds, "kind": kind, "choices": choices[item["choices"]] if "choices" in item else None}


def _instrument_path(id_or_path: str | Path) -> Path:
    path = Path(id_or_path)
    if isinstance(id_or_path, Path) or path.suffix or len(path.parts) > 1:
        return path
    try:
        return data_file("instruments", f"{id_or_path}.toml")
    except DataError as error:
        (problem,) = error.problems
        known = ", ".join(sorted(shipped.stem for shipped in data_file("instruments").glob("*.toml")))
        remedy = f"Shipped there: {known}. Your own has the name of its file, such as {path.name}.toml."
        raise DataError(Problem(problem.where, "no such file is shipped", remedy)) from None


def _toml(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The content of a TOML file, or the one problem that keeps it from being read."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            return None, [Problem(path.name, f"the file is {size} bytes long", "A questionnaire has at most 1 MB.")]
        return toml_content(path.read_bytes()), []
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        return None, [Problem(str(path), f"the file cannot be read: {reason}", "Check the path and who may read it.")]
    except UnicodeDecodeError as error:
        if error.object.startswith(b"PK"):
            remedy = f"Make a questionnaire of it first: parasol instrument import {path.name} -o {path.stem}.toml"
            return None, [Problem(path.name, "this is an Excel workbook", remedy)]
        line = error.object[: error.start].count(b"\n") + 1
        return None, [Problem(path.name, f"line {line} is not UTF-8 text", "Save the file as UTF-8.")]
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError and no TOMLDecodeError
        reason = (
            "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition("; use sys")[0]
        )
        remedy = "Correct that line; texts stand in quotes, one key on a line."
        return None, [Problem(path.name, f"this is not valid TOML: {reason}", remedy)]
