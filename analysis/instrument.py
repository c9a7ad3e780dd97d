"""A questionnaire as data: items, their answer choices, the scales they measure and the pages they stand on."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from analysis.datafiles import data_file
from analysis.errors import InstrumentError, Problem
from analysis.show_if import parse_condition

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

    Examples
    --------
    >>> check_instrument("psi_core")
    []
    """
    path = _instrument_path(id_or_path)
    content, problems = _toml(path)
    if content is None:
        return problems
    return _Draft(path.name, content).problems


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
    """
    draft = _Draft(name, content)
    if draft.problems:
        raise InstrumentError(*draft.problems)
    return draft.instrument()


_LARGEST_FILE = 1_000_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)
_RESERVED = frozenset({"all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"})
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KINDS = get_args(Kind)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1_000_000_000


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


_FORMS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text in quotes", lambda value: isinstance(value, str)),
    "flag": ("true or false, without quotes", lambda value: isinstance(value, bool)),
    "number": ("a number, without quotes", _is_number),
    "whole": ("a whole number, without quotes", _is_whole),
    "texts": ('a list of texts, as in ["psi1", "psi2"]', _is_texts),
    "wholes": (
        "a list of whole numbers, as in [1, 2, 3]",
        lambda value: isinstance(value, list) and all(map(_is_whole, value)),
    ),
    "words": (
        'one text for each language, as in text.en = "..."',
        lambda value: isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values()),
    ),
    "word lists": (
        'one list of texts for each language, as in labels.en = ["No", "Yes"]',
        lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
    ),
    "choices": (
        "written as [choices.NAME]",
        lambda value: isinstance(value, dict) and all(isinstance(entry, dict) for entry in value.values()),
    ),
    "items": ("written as [[items]], one block each", _is_tables),
    "scales": ("written as [[scales]], one block each", _is_tables),
    "pages": ("written as [[pages]], one block each", _is_tables),
}
"""What a key can hold: how to say it, how to know it."""

_KEYS: Mapping[str, Mapping[str, str]] = {
    "top": {
        "id": "text", "version": "text", "title": "words", "languages": "texts", "citation": "text",
        "licence": "text", "choices": "choices", "items": "items", "scales": "scales", "pages": "pages",
    },
    "choices": {"values": "wholes", "labels": "word lists"},
    "item": {
        "id": "text", "text": "words", "kind": "text", "choices": "text", "reverse": "flag", "required": "flag",
        "check": "whole", "minimum": "number", "maximum": "number", "hint": "words", "show_if": "text",
    },
    "scale": {"id": "text", "label": "words", "items": "texts", "minimum_share": "number", "source": "text"},
    "page": {
        "id": "text", "title": "words", "intro": "words", "items": "texts", "order": "text", "show_if": "text",
        "per_influencer": "flag",
    },
}  # fmt: skip
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "top": ("id", "version", "title", "languages", "items", "pages"),
    "choices": ("values", "labels"),
    "item": ("id", "text"),
    "scale": ("id", "label", "items"),
    "page": ("id", "title", "items"),
}


class _Draft:
    """The content of a questionnaire file while it is checked: what can be read of it, and every problem."""

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.top = self._table("top", (), content)
        self.languages: list[str] = self.top.get("languages", [])
        self.choices = {
            id: self._table("choices", (f"choices {id!r}",), table) for id, table in self.top.get("choices", {}).items()
        }
        self.items = self._blocks("item")
        self.scales = self._blocks("scale")
        self.pages = self._blocks("page")
        self._check_top()
        self._check_ids()
        for id, choices in self.choices.items():
            self._check_choices(id, choices)
        for item in self.items:
            self._check_item(item)
        for scale in self.scales:
            self._check_scale(scale)
        for page in self.pages:
            self._check_page(page)
        self._check_placement()

    def instrument(self) -> Instrument:
        """The instrument; only for a draft without problems."""
        choices = {
            id: Choices(id, tuple(table["values"]), {k: tuple(v) for k, v in table["labels"].items()})
            for id, table in self.choices.items()
        }
        return Instrument(
            id=self.top["id"],
            version=self.top["version"],
            title=self.top["title"],
            languages=tuple(self.languages),
            items=tuple(Item(**_item_fields(item, choices)) for item in self.items),
            scales=tuple(
                Scale(**{**scale, "items": tuple(scale["items"]), "minimum_share": float(_share(scale))})
                for scale in self.scales
            ),
            pages=tuple(Page(**{**page, "items": tuple(page["items"])}) for page in self.pages),
            citation=self.top.get("citation", ""),
            licence=self.top.get("licence", ""),
        )

    def _say(self, place: Iterable[str], what: str, remedy: str) -> None:
        self.problems.append(Problem(", ".join((self.name, *place)), what, remedy))

    def _blocks(self, kind: str) -> list[dict[str, Any]]:
        blocks = []
        for number, table in enumerate(self.top.get(f"{kind}s", ()), start=1):
            id = table.get("id")
            place = f"{kind} {id!r}" if isinstance(id, str) else f"{kind} number {number}"
            blocks.append(self._table(kind, (place,), table))
        return blocks

    def _table(self, kind: str, place: tuple[str, ...], table: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of `table` that are known and hold what they should; the others are reported."""
        keys = _KEYS[kind]
        kept: dict[str, Any] = {}
        for key, value in table.items():
            if key not in keys:
                self._say((*place, f"key {key!r}"), "this key is unknown", _did_you_mean(key, keys))
                continue
            form, fits = _FORMS[keys[key]]
            if fits(value):
                kept[key] = value
            else:
                self._say((*place, key), f"{_shown(value)} does not fit here", f"It must be {form}.")
        for key in _NEEDED[kind]:
            if key not in table:
                form = _FORMS[keys[key]][0]
                self._say((*place, key), "this key is missing", f"Add it: {form}.")
        return kept

    def _check_top(self) -> None:
        self._check_words((), "title", self.top)
        if "id" in self.top:
            self._check_name(("id",), self.top["id"], column=False)
        if "languages" in self.top and not self.languages:
            self._say(("languages",), "the list is empty", 'Name at least one language, as in languages = ["en"].')
        for language, times in Counter(self.languages).items():
            if not _LANGUAGE.fullmatch(language):
                self._say(("languages",), f"{language!r} is no language code", 'Write a code such as "en" or "nl".')
            if times > 1:
                self._say(("languages",), f"{language!r} stands {times} times", "Keep it once.")
        for kind in ("items", "pages"):
            if self.top.get(kind) == []:
                self._say((kind,), "the list is empty", f"Add at least one [[{kind}]] block.")

    def _check_ids(self) -> None:
        for id in self.choices:
            self._check_name((f"choices {id!r}",), id, column=False)
        for kind, blocks in (("item", self.items), ("scale", self.scales), ("page", self.pages)):
            for id, times in Counter(_ids(blocks)).items():
                self._check_name((f"{kind} {id!r}", "id"), id, column=kind != "page")
                if times > 1:
                    self._say((f"{kind} {id!r}", "id"), f"{times} {kind}s have this id", "Give each its own id.")
        for id in sorted(set(_ids(self.items)) & set(_ids(self.scales))):
            remedy = "Rename one of them: both become columns."
            self._say((f"scale {id!r}", "id"), "an item has this id too", remedy)

    def _check_name(self, place: tuple[str, ...], id: str, *, column: bool) -> None:
        """An id must be a variable name that SPSS and a model text accept; columns may not take a taken name."""
        if not _NAME.fullmatch(id):
            remedy = "Use up to 32 small letters a-z, digits and underscores, a letter first."
            self._say(place, f"{_shown(id)} is no id that SPSS accepts", remedy)
        elif column and id in _RESERVED:
            self._say(place, f"{id!r} is a reserved word of SPSS", f"Rename it, for example to {id + '1'!r}.")
        elif column and id in METADATA:
            self._say(place, f"{id!r} is the name of a metadata column", f"Rename it, for example to {id + '1'!r}.")

    def _check_words(self, place: tuple[str, ...], key: str, table: Mapping[str, Any]) -> None:
        """A text stands in every language of the questionnaire and in no other."""
        if key not in table:
            return
        words: Mapping[str, str] = table[key]
        for language in self.languages:
            if not words.get(language, "").strip():
                self._say((*place, f"{key}.{language}"), "the translation is missing", "Add the text in this language.")
        for language, text in words.items():
            if self.languages and language not in self.languages:
                self._foreign((*place, f"{key}.{language}"), language)
            for placeholder in _PLACEHOLDER.findall(text):
                if placeholder != "influencer":
                    remedy = "Only {influencer} is filled in; write it so, or leave the braces out."
                    self._say((*place, f"{key}.{language}"), f"{{{placeholder}}} stands for nothing", remedy)

    def _foreign(self, place: tuple[str, ...], language: str) -> None:
        self._say(place, f"{language!r} is not among the languages", "Add it to languages at the top, or remove it.")

    def _check_choices(self, id: str, choices: Mapping[str, Any]) -> None:
        place = (f"choices {id!r}",)
        values = choices.get("values", ())
        if values == []:
            self._say((*place, "values"), "the list is empty", "Add the values to be stored, as in [1, 2, 3].")
        for value, times in Counter(values).items():
            if times > 1:
                self._say((*place, "values"), f"{value} stands {times} times", "Give every answer its own value.")
        if "labels" not in choices:
            return
        for language in self.languages:
            labels = choices["labels"].get(language)
            if labels is None:
                remedy = "Add the labels in this language."
                self._say((*place, f"labels.{language}"), "the translation is missing", remedy)
            elif "values" in choices and len(labels) != len(values):
                what = f"there are {len(labels)} labels for {len(values)} values"
                self._say((*place, f"labels.{language}"), what, "Write one label for each value, in the same order.")
            elif not all(label.strip() for label in labels):
                self._say((*place, f"labels.{language}"), "a label is empty", "Screen readers need a word: write it.")
        for language in choices["labels"]:
            if self.languages and language not in self.languages:
                self._foreign((*place, f"labels.{language}"), language)

    def _check_item(self, item: Mapping[str, Any]) -> None:
        place = (f"item {item.get('id', '?')!r}",)
        self._check_words(place, "text", item)
        self._check_words(place, "hint", item)
        kind = _kind(item)
        if kind is None:
            remedy = 'Add choices, or kind = "number" or "text".'
            self._say((*place, "kind"), "it has neither choices nor a kind", remedy)
        elif kind not in _KINDS:
            self._say((*place, "kind"), f"{kind!r} is no kind of item", _did_you_mean(kind, _KINDS))
        elif kind in ("likert", "single") and "choices" not in item:
            self._say((*place, "choices"), f"an item of kind {kind!r} needs choices", "Name a [choices.NAME] block.")
        elif kind in ("number", "text") and "choices" in item:
            self._say((*place, "choices"), f"an item of kind {kind!r} has no choices", "Remove choices, or the kind.")
        if "choices" in item and item["choices"] not in self.choices:
            remedy = _did_you_mean(item["choices"], self.choices, "Choices in this file: ")
            self._say((*place, "choices"), f"there is no [choices.{item['choices']}]", remedy)
        self._check_keying(place, item)
        self._check_bounds(place, item)
        values = self._values(item)
        if "check" in item and values is None:
            self._say((*place, "check"), "only an item with choices can be an attention check", "Remove check.")
        elif "check" in item and values and item["check"] not in values:
            what = f"{item['check']} is not among the values {sorted(values)}"
            self._say((*place, "check"), what, "Name the value an attentive person gives.")

    def _check_keying(self, place: tuple[str, ...], item: Mapping[str, Any]) -> None:
        """A reverse flag needs something to be turned round: choices symmetric about their middle, on a scale."""
        if not item.get("reverse"):
            return
        values = self._values(item)
        if values is None:
            self._say((*place, "reverse"), "only an item with choices can be reverse-keyed", "Remove reverse = true.")
        elif values and {min(values) + max(values) - value for value in values} != set(values):
            what = f"the values {sorted(values)} do not mirror each other"
            self._say((*place, "reverse"), what, "Use evenly spaced values, or remove reverse = true.")
        elif not any(item.get("id") in scale.get("items", ()) for scale in self.scales):
            remedy = "Add the item to a scale, or remove reverse = true."
            self._say((*place, "reverse"), "a reverse-keyed item must be on a scale", remedy)

    def _check_bounds(self, place: tuple[str, ...], item: Mapping[str, Any]) -> None:
        for key in ("minimum", "maximum"):
            if key in item and _kind(item) != "number":
                self._say((*place, key), 'only an item of kind "number" has bounds', f"Remove {key}.")
        low, high = item.get("minimum", -math.inf), item.get("maximum", math.inf)
        if low > high:
            self._say((*place, "minimum"), f"the minimum {low} is above the maximum {high}", "Swap or correct them.")

    def _check_scale(self, scale: Mapping[str, Any]) -> None:
        place = (f"scale {scale.get('id', '?')!r}",)
        self._check_words(place, "label", scale)
        if not 0 <= _share(scale) <= 1:
            remedy = "Write a share between 0 and 1, such as 0.5."
            self._say((*place, "minimum_share"), f"{_share(scale)} is no share", remedy)
        spans = set()
        for item in self._members(place, scale):
            if "check" in item:
                self._say((*place, "items"), f"{item['id']!r} is an attention check", "Take it off the scale.")
            if _kind(item) == "text":
                self._say((*place, "items"), f"{item['id']!r} is a text and has no value", "Take it off the scale.")
            values = self._values(item)
            spans |= {(min(values), max(values))} if values else set()
        if len(spans) > 1:
            ranges = " and ".join(f"{low} to {high}" for low, high in sorted(spans))
            self._say((*place, "items"), f"the items run {ranges}", "A mean needs items with one range of values.")

    def _check_page(self, page: Mapping[str, Any]) -> None:
        place = (f"page {page.get('id', '?')!r}",)
        self._check_words(place, "title", page)
        self._check_words(place, "intro", page)
        order = page.get("order", "fixed")
        if order not in ("fixed", "random"):
            self._say((*place, "order"), f"{order!r} is no order", 'Write "fixed" or "random".')
        for item in self._members(place, page):
            self._check_condition((f"item {item['id']!r}",), item, self._before(page, item["id"]))
        self._check_condition(place, page, self._before(page, None))

    def _before(self, page: Mapping[str, Any], stop: str | None) -> set[str]:
        """The items asked before this page, and on it before the item `stop`; in random order none of the latter."""
        before: set[str] = set()
        for earlier in self.pages:
            if earlier is page:
                break
            before |= set(earlier.get("items", ()))
        if stop is None or page.get("order") == "random":
            return before
        listed = page["items"]
        return before | set(listed[: listed.index(stop)])

    def _check_condition(self, place: tuple[str, ...], block: Mapping[str, Any], before: set[str]) -> None:
        """A condition can be read, and asks only about what has been answered by then."""
        if not block.get("show_if"):
            return
        try:
            names = parse_condition(block["show_if"]).names
        except InstrumentError as error:
            for problem in error.problems:
                self._say((*place, "show_if"), f"{problem.where}: {problem.what}", problem.remedy)
            return
        known = set(_ids(self.items))
        for name in names:
            if name not in known:
                self._say((*place, "show_if"), f"there is no item {name!r}", _did_you_mean(name, known, "Items: "))
            elif name not in before:
                remedy = "Ask that item on an earlier page."
                self._say((*place, "show_if"), f"{name!r} is not answered yet at this point", remedy)

    def _members(self, place: tuple[str, ...], block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The items a scale or page lists; an empty list, an unknown and a repeated one are reported."""
        known = {item["id"]: item for item in self.items if "id" in item}
        if block.get("items") == []:
            self._say((*place, "items"), "the list is empty", "Name at least one item.")
        for id, times in Counter(block.get("items", ())).items():
            if times > 1:
                self._say((*place, "items"), f"{id!r} stands {times} times", "Keep it once.")
            if id in known:
                yield known[id]
            else:
                remedy = _did_you_mean(id, known, "Check the spelling, or add the item. Items: ")
                self._say((*place, "items"), f"there is no item {id!r}", remedy)

    def _check_placement(self) -> None:
        """Every item stands on exactly one page."""
        pages: dict[str, list[str]] = {}
        for page in self.pages:
            for id in dict.fromkeys(page.get("items", ())):
                pages.setdefault(id, []).append(page.get("id", "?"))
        for id in dict.fromkeys(_ids(self.items)):
            standing = pages.get(id, [])
            if not standing:
                self._say((f"item {id!r}",), "it stands on no page", "Add it to the items of a page, or remove it.")
            elif len(standing) > 1:
                self._say((f"item {id!r}",), f"it stands on the pages {', '.join(standing)}", "Keep it on one page.")

    def _values(self, item: Mapping[str, Any]) -> list[int] | None:
        """The declared values; None for an item without choices, empty where its choices are themselves wrong."""
        if "choices" not in item:
            return None
        return list(self.choices.get(item["choices"], {}).get("values", ()))


def _instrument_path(id_or_path: str | Path) -> Path:
    path = Path(id_or_path)
    if isinstance(id_or_path, Path) or path.suffix or len(path.parts) > 1:
        return path
    return data_file("instruments", f"{id_or_path}.toml")


def _toml(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The content of a TOML file, or the one problem that keeps it from being read."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            return None, [Problem(path.name, f"the file is {size} bytes long", "A questionnaire has at most 1 MB.")]
        return tomllib.loads(path.read_bytes().decode("utf-8-sig")), []
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        return None, [Problem(str(path), f"the file cannot be read: {reason}", "Check the path and who may read it.")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return None, [Problem(path.name, f"line {line} is not UTF-8 text", "Save the file as UTF-8.")]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deeply"
        remedy = "Correct that line; texts stand in quotes, one key on a line."
        return None, [Problem(path.name, f"this is not valid TOML: {reason}", remedy)]


def _item_fields(item: Mapping[str, Any], choices: Mapping[str, Choices]) -> dict[str, Any]:
    bounds = {key: float(item[key]) for key in ("minimum", "maximum") if key in item}
    return {**item, **bounds, "kind": _kind(item), "choices": choices[item["choices"]] if "choices" in item else None}


def _kind(item: Mapping[str, Any]) -> str | None:
    kind: str | None = item.get("kind", "likert" if "choices" in item else None)
    return kind


def _share(scale: Mapping[str, Any]) -> float:
    share: float = scale.get("minimum_share", 0.5)
    return share


def _ids(blocks: Iterable[Mapping[str, Any]]) -> list[str]:
    return [block["id"] for block in blocks if "id" in block]


def _did_you_mean(word: str, known: Iterable[str], otherwise: str = "Known here: ") -> str:
    names = list(known)
    close = get_close_matches(word, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"{otherwise}{', '.join(names[:20]) or 'none'}."


def _shown(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
