"""The content of a questionnaire file on its way to an instrument: every mistake found, with its place and a remedy."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from analysis.errors import InstrumentError, Problem
from analysis.kinds import CHOSEN, DECLINED, KINDS, NUMERIC, ONE_OF, OTHER, SCALABLE, SEVERAL, columns_of
from analysis.show_if import FACTS, parse_condition

_LARGEST_BOUND = 10**15
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)
_RESERVED = frozenset({"all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"})
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_MEDIA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(png|jpg|jpeg|webp|gif|mp4|webm)", re.ASCII | re.IGNORECASE)
_LINK = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&()*+,;=:@%/?-]*)?", re.ASCII)
_LONGEST_LINK = 500
_FILLED = ("influencer", "condition")
_FINEST_SLIDER = 1000
"""Steps of a slider; more cannot be told apart by a thumb."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308  # NaN is not


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1_000_000_000


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _CONTROL.search(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


_FORMS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text in quotes, without control characters", _is_text),
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
        lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
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
        "check": "whole", "minimum": "number", "maximum": "number", "step": "number", "minimum_choices": "whole",
        "maximum_choices": "whole", "other": "flag", "decline": "flag", "left": "words", "right": "words",
        "hint": "words", "help": "words", "media": "text", "alt": "words", "show_if": "text",
    },
    "scale": {"id": "text", "label": "words", "items": "texts", "minimum_share": "number", "source": "text"},
    "page": {
        "id": "text", "title": "words", "intro": "words", "items": "texts", "order": "text", "show_if": "text",
        "per_influencer": "flag", "block": "text",
    },
}  # fmt: skip
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "top": ("id", "version", "title", "languages", "items", "pages"),
    "choices": ("values", "labels"),
    "item": ("id", "text"),
    "scale": ("id", "label", "items"),
    "page": ("id", "title", "items"),
}

_ASKED = frozenset(KINDS) - {"info"}
_BELONGS: Mapping[str, frozenset[str]] = {
    "choices": CHOSEN,
    "reverse": SCALABLE - {"number"},
    "required": _ASKED,
    "check": ONE_OF,
    "minimum": NUMERIC,
    "maximum": NUMERIC,
    "step": NUMERIC,
    "minimum_choices": SEVERAL,
    "maximum_choices": SEVERAL,
    "other": frozenset({"single", "multiple"}),
    "decline": _ASKED - {"consent"},
    "left": frozenset({"semantic"}),
    "right": frozenset({"semantic"}),
    "media": frozenset({"info"}),
    "alt": frozenset({"info"}),
}
"""Which kinds of item a key means something to."""


class Draft:
    """The content of a questionnaire file while it is checked: what can be read of it, and every problem.

    Parameters
    ----------
    name : str
        What the messages call the file.
    content : mapping
        Its keys and values, as TOML gives them.
    taken : sequence of str
        Columns of a table of rows that are about the participation; no item may take their names.
    """

    def __init__(self, name: str, content: Mapping[str, Any], taken: Sequence[str]) -> None:
        self.taken = taken
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
        self.by_id = {item["id"]: item for item in self.items if "id" in item}
        self.places = self._places()
        self._check_top()
        self._check_ids()
        for id, choices in self.choices.items():
            self._check_choices(id, choices)
        for item in self.items:
            self._check_item(item)
        for scale in self.scales:
            self._check_scale(scale)
        for number, page in enumerate(self.pages):
            self._check_page(number, page)
        self._check_blocks()
        self._check_placement()

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
        self._check_columns()

    def _check_columns(self) -> None:
        """The columns an item with several answers fills have names of their own."""
        owners = dict.fromkeys(self.taken, "a metadata column")
        owners |= {id: f"the scale {id!r}" for id in _ids(self.scales)}
        owners |= {id: f"the item {id!r}" for id in self.by_id}
        for id, item in self.by_id.items():
            values = [value for value in self._values(item) or () if value >= 0]
            for column in columns_of(id, _kind(item), values, item.get("other", False)):
                name = column.name
                if name == id:
                    continue
                if name in owners:
                    remedy = "Rename one of them, or the values of the choices."
                    self._say((f"item {id!r}", "id"), f"its column {name!r} is {owners[name]} too", remedy)
                elif not _NAME.fullmatch(name):
                    remedy = "Give the item a shorter id, or the choices smaller values."
                    self._say((f"item {id!r}", "id"), f"its column {name!r} has a name over 32 characters", remedy)
                owners[name] = f"a column of the item {id!r}"

    def _check_name(self, place: tuple[str, ...], id: str, *, column: bool) -> None:
        """An id must be a variable name that SPSS and a model text accept; columns may not take a taken name."""
        if not _NAME.fullmatch(id):
            remedy = "Use up to 32 small letters a-z, digits and underscores, a letter first."
            self._say(place, f"{_shown(id)} is no id that SPSS accepts", remedy)
        elif column and id in _RESERVED:
            self._say(place, f"{id!r} is a reserved word of SPSS", f"Rename it, for example to {id + '1'!r}.")
        elif column and id in self.taken:
            self._say(place, f"{id!r} is the name of a metadata column", f"Rename it, for example to {id + '1'!r}.")

    def _check_words(
        self, place: tuple[str, ...], key: str, table: Mapping[str, Any], at: tuple[int, int] | None = None
    ) -> None:
        """A text stands in every language of the questionnaire and in no other, and fills in what is known there."""
        if key not in table:
            return
        words: Mapping[str, str] = table[key]
        for language in self.languages:
            if not words.get(language, "").strip():
                self._say((*place, f"{key}.{language}"), "the translation is missing", "Add the text in this language.")
        for language, text in words.items():
            if self.languages and language not in self.languages:
                self._foreign((*place, f"{key}.{language}"), language)
            for placeholder in dict.fromkeys(_PLACEHOLDER.findall(text)):
                self._check_placeholder((*place, f"{key}.{language}"), placeholder, at)

    def _check_placeholder(self, place: tuple[str, ...], name: str, at: tuple[int, int] | None) -> None:
        if name in _FILLED:
            return
        if name not in self.by_id:
            remedy = "{influencer}, {condition} and items asked before are filled in; or leave the braces out."
            self._say(place, f"{{{name}}} stands for nothing", remedy)
        elif at is None:
            self._say(place, f"{{{name}}} is not filled in here", "Leave the braces out.")
        else:
            self._check_asked(place, name, at)

    def _check_asked(self, place: tuple[str, ...], name: str, at: tuple[int, int]) -> None:
        """The item `name` is answered by the time the place `at` (page and position on it) is reached."""
        page, position = self.places.get(name, at)
        once = not self.pages[at[0]].get("per_influencer") if self.pages else True
        if _kind(self.by_id[name]) == "info":
            self._say(place, f"{name!r} is information and has no answer", "Name another item.")
        elif page > at[0] or (page == at[0] and (position >= at[1] or self.pages[page].get("order") == "random")):
            remedy = "Ask that item on an earlier page."
            self._say(place, f"{name!r} is not answered yet at this point", remedy)
        elif page != at[0] and self.pages[page].get("block") and self._same_block(page, at[0]):
            remedy = "Ask that item on a page before the block, or take one of the two pages out of it."
            what = f"{name!r} may come later: its page is in block {self.pages[page]['block']!r} too"
            self._say(place, what, remedy)
        elif once and self.pages[page].get("per_influencer"):
            remedy = "Ask it on a page that is shown once, or make this page per_influencer too."
            self._say(place, f"{name!r} has an answer for each influencer", remedy)

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
        at = self.places.get(item.get("id", ""))
        for key in ("text", "hint", "help", "left", "right", "alt"):
            self._check_words(place, key, item, at)
        kind = _kind(item)
        if "kind" not in item and "choices" not in item:
            remedy = f"Add choices, or a kind: {', '.join(KINDS)}."
            self._say((*place, "kind"), "it has neither choices nor a kind", remedy)
            return
        if kind not in KINDS:
            self._say((*place, "kind"), f"{kind!r} is no kind of item", _did_you_mean(kind, KINDS))
            return
        for key, kinds in _BELONGS.items():
            if item.get(key, False) is not False and kind not in kinds:
                what = f"only an item of kind {_listed(kinds)} has {key}"
                self._say((*place, key), what, f"Remove {key}, or change the kind.")
        self._check_choice_of(place, item, kind)
        self._check_keying(place, item)
        self._check_bounds(place, item, kind)
        self._check_codes(place, item, kind)
        if kind == "semantic":
            for key in ("left", "right"):
                if key not in item:
                    self._say((*place, key), "a semantic differential has two ends", f'Add {key}.en = "..."')
        if "media" in item:
            self._check_media(place, item)

    def _check_choice_of(self, place: tuple[str, ...], item: Mapping[str, Any], kind: str) -> None:
        """Choices are there where they are needed, and what refers to them fits."""
        if kind in CHOSEN and "choices" not in item:
            self._say((*place, "choices"), f"an item of kind {kind!r} needs choices", "Name a [choices.NAME] block.")
        if "choices" in item and item["choices"] not in self.choices:
            remedy = _did_you_mean(item["choices"], self.choices, "Choices in this file: ")
            self._say((*place, "choices"), f"there is no [choices.{item['choices']}]", remedy)
        values = self._values(item)
        if not values:
            return
        if "check" in item and item["check"] not in values:
            what = f"{item['check']} is not among the values {sorted(values)}"
            self._say((*place, "check"), what, "Name the value an attentive person gives.")
        if kind in SEVERAL and min(values) < 0:
            remedy = "Use values from 0 up: each becomes the end of a column's name."
            self._say((*place, "choices"), f"the value {min(values)} is negative", remedy)
        offered = len(values) + item.get("other", False)
        few, many = item.get("minimum_choices", 1), item.get("maximum_choices", offered)
        if not 1 <= few <= many <= offered:
            what = f"from {few} to {many} of {offered} answers cannot be chosen"
            key = "minimum_choices" if "minimum_choices" in item else "maximum_choices"
            self._say((*place, key), what, f"Use numbers from 1 to {offered}, the smaller one first.")

    def _check_keying(self, place: tuple[str, ...], item: Mapping[str, Any]) -> None:
        """A reverse flag needs something to be turned round: answers symmetric about their middle, on a scale."""
        if not item.get("reverse"):
            return
        values = self._values(item)
        if values and {min(values) + max(values) - value for value in values} != set(values):
            what = f"the values {sorted(values)} do not mirror each other"
            self._say((*place, "reverse"), what, "Use evenly spaced values, or remove reverse = true.")
        elif not any(item.get("id") in scale.get("items", ()) for scale in self.scales):
            remedy = "Add the item to a scale, or remove reverse = true."
            self._say((*place, "reverse"), "a reverse-keyed item must be on a scale", remedy)

    def _check_bounds(self, place: tuple[str, ...], item: Mapping[str, Any], kind: str) -> None:
        low, high = item.get("minimum", -math.inf), item.get("maximum", math.inf)
        step = item.get("step", 1)
        if max((abs(bound) for bound in (low, high, step) if math.isfinite(bound)), default=0) > _LARGEST_BOUND:
            self._say((*place, "minimum"), "a bound is beyond what a database keeps exactly", "Use a smaller one.")
        elif step <= 0:
            self._say((*place, "step"), f"{step} is no step", "Use a number above 0.")
        elif low > high:
            self._say((*place, "minimum"), f"the minimum {low} is above the maximum {high}", "Swap or correct them.")
        elif kind == "slider":
            self._check_slider(place, item, low, high, step)

    def _check_slider(
        self, place: tuple[str, ...], item: Mapping[str, Any], low: float, high: float, step: float
    ) -> None:
        for key in ("minimum", "maximum"):
            if key not in item:
                self._say((*place, key), "a slider needs both ends", f"Add {key}.")
        if not math.isfinite(low) or not math.isfinite(high):
            return
        steps = (high - low) / step
        if not 1 <= steps <= _FINEST_SLIDER:
            what = f"there are {steps:g} steps from {low:g} to {high:g}"
            self._say((*place, "step"), what, f"Choose ends and a step that make 1 to {_FINEST_SLIDER} steps.")
        elif abs(steps - round(steps)) > 1e-6:
            what = f"steps of {step:g} do not lead from {low:g} to {high:g}"
            self._say((*place, "step"), what, "Choose a step that divides the range.")

    def _check_codes(self, place: tuple[str, ...], item: Mapping[str, Any], kind: str) -> None:
        """The codes of "prefer not to say" and "other" cannot be mistaken for a declared value."""
        values = self._values(item) or ()
        for key, code in (("decline", DECLINED), ("other", OTHER)):
            if item.get(key) and code in values:
                self._say((*place, key), f"its code {code} is a declared value too", "Use another value.")
        if item.get("other") and kind in SEVERAL and abs(OTHER) in values:
            self._say((*place, "other"), f"its column and that of {abs(OTHER)} are one", "Use another value.")
        if item.get("decline") and kind in NUMERIC and item.get("minimum", -math.inf) <= DECLINED:
            what = f"its code {DECLINED} could be an answer"
            self._say((*place, "decline"), what, f"Add a minimum above {DECLINED}, or remove decline.")

    def _check_media(self, place: tuple[str, ...], item: Mapping[str, Any]) -> None:
        media = item["media"]
        link = len(media) <= _LONGEST_LINK and _LINK.fullmatch(media)
        if not link and not _MEDIA.fullmatch(media):
            remedy = "Write a file's name ending in .png, .jpg, .webp, .gif, .mp4 or .webm, or an https:// link."
            self._say((*place, "media"), f"{_shown(media)} is neither a file's name nor a link", remedy)
        if "alt" not in item:
            remedy = 'Say what it shows for those who cannot see it: alt.en = "..."'
            self._say((*place, "alt"), "the image or video has no description", remedy)

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
            kind = _kind(item)
            if kind in KINDS and kind not in SCALABLE:
                what = f"{item['id']!r} is of kind {kind!r} and has no value"
                self._say((*place, "items"), what, "Take it off the scale.")
            if item.get("other"):
                what = f'{item["id"]!r} offers "other", which has no value'
                self._say((*place, "items"), what, "Take it off the scale, or remove other.")
            values = self._values(item) or [item[key] for key in ("minimum", "maximum") if key in item]
            spans |= {(min(values), max(values))} if len(values) > 1 else set()
        if len(spans) > 1:
            ranges = " and ".join(f"{low:g} to {high:g}" for low, high in sorted(spans))
            self._say((*place, "items"), f"the items run {ranges}", "A mean needs items with one range of values.")

    def _check_page(self, number: int, page: Mapping[str, Any]) -> None:
        at = (number, 0)
        place = (f"page {page.get('id', '?')!r}",)
        self._check_words(place, "title", page, at)
        self._check_words(place, "intro", page, at)
        order = page.get("order", "fixed")
        if order not in ("fixed", "random"):
            self._say((*place, "order"), f"{order!r} is no order", 'Write "fixed" or "random".')
        for item in self._members(place, page):
            self._check_condition((f"item {item['id']!r}",), item, self.places[item["id"]])
        self._check_condition(place, page, at)

    def _same_block(self, one: int, other: int) -> bool:
        return bool(self.pages[one].get("block") == self.pages[other].get("block"))

    def _check_blocks(self) -> None:
        """Pages that change places stand together, are asked equally often, and are more than one."""
        blocks: dict[str, list[int]] = {}
        for number, page in enumerate(self.pages):
            if "block" in page:
                blocks.setdefault(page["block"], []).append(number)
        for block, numbers in blocks.items():
            place = (f"block {_shown(block)}",)
            pages = [self.pages[number] for number in numbers]
            if not _NAME.fullmatch(block):
                remedy = "Use up to 32 small letters a-z, digits and underscores, a letter first; or leave block out."
                self._say(place, "this is no name of a block", remedy)
            if len(numbers) == 1:
                self._say(place, "one page alone has no order", "Give its neighbour the same block, or leave it out.")
            elif numbers[-1] - numbers[0] >= len(numbers):
                remedy = "Put its pages one after the other, or give those apart another block."
                self._say(place, "another page stands among its pages", remedy)
            if len({page.get("per_influencer", False) for page in pages}) > 1:
                remedy = "Make all of them per_influencer, or none."
                self._say(place, "some of its pages are asked for each influencer, others once", remedy)
            for page in pages:
                if any(_kind(self.by_id.get(id, {})) == "consent" for id in page.get("items", ())):
                    remedy = "Take that page out of the block: people agree before they answer."
                    self._say(place, f"its page {page.get('id', '?')!r} asks for consent", remedy)

    def _check_condition(self, place: tuple[str, ...], block: Mapping[str, Any], at: tuple[int, int]) -> None:
        """A condition can be read, and asks only about what is known by then."""
        if not block.get("show_if"):
            return
        place = (*place, "show_if")
        try:
            condition = parse_condition(block["show_if"])
        except InstrumentError as error:
            for problem in error.problems:
                self._say(place, f"{problem.where}: {problem.what}", problem.remedy)
            return
        for name in condition.names:
            if name in FACTS:
                continue
            if name not in self.by_id:
                known = (*self.by_id, *FACTS)
                self._say(place, f"there is no item {name!r}", _did_you_mean(name, known, "Items: "))
                continue
            self._check_asked(place, name, at)
            if name in condition.compared and _kind(self.by_id[name]) in SEVERAL:
                remedy = f"Write chosen({name}, 1), with the value that must be among them."
                self._say(place, f"the answer to {name!r} is a list", remedy)

    def _members(self, place: tuple[str, ...], block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The items a scale or page lists; an empty list, an unknown and a repeated one are reported."""
        known = self.by_id
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

    def _places(self) -> dict[str, tuple[int, int]]:
        """The number of its page, and where on that page it stands, of every item that stands on one."""
        places: dict[str, tuple[int, int]] = {}
        for number, page in enumerate(self.pages):
            for position, id in enumerate(page.get("items", ())):
                places.setdefault(id, (number, position))
        return places

    def _values(self, item: Mapping[str, Any]) -> list[int] | None:
        """The declared values; None for an item without choices, empty where its choices are themselves wrong."""
        if "choices" not in item:
            return None
        return list(self.choices.get(item["choices"], {}).get("values", ()))


def _kind(item: Mapping[str, Any]) -> str:
    kind: str = item.get("kind", "likert")
    return kind


def _share(scale: Mapping[str, Any]) -> float:
    share: float = scale.get("minimum_share", 0.5)
    return share


def _ids(blocks: Iterable[Mapping[str, Any]]) -> list[str]:
    return [block["id"] for block in blocks if "id" in block]


def _listed(kinds: Iterable[str]) -> str:
    return " or ".join(f"'{kind}'" for kind in KINDS if kind in kinds)


def _did_you_mean(word: str, known: Iterable[str], otherwise: str = "Known here: ") -> str:
    names = list(known)
    close = get_close_matches(word, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"{otherwise}{', '.join(names[:20]) or 'none'}."


def _shown(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
