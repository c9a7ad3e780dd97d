"""A questionnaire as data: items, their answer choices, the scales they measure and the pages they stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from analysis.errors import InstrumentError, Problem

Kind = Literal["likert", "single", "number", "text"]


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
    """One question. The id is the name of its column for ever.

    `kind` is `likert` (stands in a matrix with its neighbours of the same choices), `single`
    (one choice, one under the other), `number` (between `minimum` and `maximum`) or `text`.
    `reverse` turns the answer round when it is scored; `check` is the value an attentive
    respondent gives to an instructed-response item; `show_if` is a condition on earlier answers.
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
    hint: Mapping[str, str] = field(default_factory=dict)
    show_if: str = ""


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
    """One screen of the questionnaire. `per_influencer` pages are asked once for each influencer rated."""

    id: str
    title: Mapping[str, str]
    items: tuple[str, ...]
    intro: Mapping[str, str] = field(default_factory=dict)
    order: Literal["fixed", "random"] = "fixed"
    show_if: str = ""
    per_influencer: bool = False


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
    def _items(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        return {scale.id: scale for scale in self.scales}

    @cached_property
    def _pages(self) -> dict[str, Page]:
        return {page.id: page for page in self.pages}


METADATA = (
    "participation", "influencer", "condition", "source", "wave", "language", "consented", "started", "finished",
    "seconds", "instrument", "synthetic", "test",
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

    Examples
    --------
    >>> psi = Item("psi1", {"en": "I miss them."}, choices=Choices("yesno", (0, 1), {"en": ("no", "yes")}))
    >>> small = Instrument("small", "1", {"en": "Small"}, ("en",), (psi,), (), (Page("one", {}, ("psi1",)),))
    >>> instrument_from_json(instrument_as_json(small)) == small
    True
    """
    return json.dumps(asdict(instrument), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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
    """
    try:
        return _instrument(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problem = Problem("stored instrument", f"its text is not that of an instrument ({error!r})", "Restore a backup.")
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
