"""SurveyJS JSON, ours or of any other survey, as a questionnaire."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from analysis.dialects import SURVEYJS, Value, read_condition
from analysis.errors import InstrumentError
from analysis.exchange import LARGEST, Imported, Names, listed, refused
from analysis.instrument import instrument_from_dict
from analysis.kinds import CHOSEN, DECLINED, KINDS, OTHER
from analysis.show_if import FACTS
from analysis.surveyjs import OWN, visible_ifs

Json = dict[str, Any]


_DEEPEST = 20
_TAG = re.compile(r"<[^<>]*>")
_KINDS: dict[str, tuple[str, ...]] = {
    "radiogroup": ("single", "likert", "semantic"), "dropdown": ("single", "likert"), "imagepicker": ("single",),
    "checkbox": ("multiple",), "tagbox": ("multiple",), "ranking": ("ranking",), "rating": ("likert", "semantic"),
    "buttongroup": ("single", "likert"), "boolean": ("single", "consent"), "comment": ("long_text",),
    "text": ("text",), "slider": ("slider",), "nouislider": ("slider",), "html": ("info",), "image": ("info",),
}  # fmt: skip
"""What a question of this type becomes, first the kind it has where our own property says nothing."""
_KNOWN = {
    "type", "name", "title", "description", "isRequired", "visibleIf", "choices", "showOtherItem", "hasOther",
    "otherText", "otherPlaceholder", "showNoneItem", "hasNone", "noneText", "showRefuseItem", "hasRefuse", "refuseText",
    "showDontKnowItem", "dontKnowText", "rateValues", "rateMin", "rateMax", "rateStep", "rateCount",
    "minRateDescription", "maxRateDescription", "inputType", "min", "max", "step", "labelTrue", "labelFalse",
    "valueTrue", "valueFalse", "renderAs", "validators", "minSelectedChoices", "maxSelectedChoices", "html",
    "selectToRankEnabled", "imageLink", "altText", "contentMode", "columns", "rows", "eachRowRequired", "rowOrder",
    "isAllRowRequired", "rowsOrder", "titleLocation", "elements", OWN,
}  # fmt: skip
_PAGE = {"name", "title", "description", "elements", "questions", "visibleIf", "questionOrder", "questionsOrder", OWN}


def import_surveyjs(content: bytes, name: str) -> Imported:
    """Which questionnaire does this SurveyJS JSON hold?

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What the messages call it, usually the file's name.

    Returns
    -------
    Imported
        The instrument, complete and checked; and what was left out, renamed or numbered anew, a sentence each.

    Raises
    ------
    InstrumentError
        In one sentence when the file cannot be read at all; with everything `check_instrument` finds otherwise.

    Notes
    -----
    Panels are dissolved into their page. Each row of a `matrix` is an item. Values that are no whole numbers are
    numbered in their order. A text that a language lacks is the one SurveyJS would show, that of the default
    language. `visibleIf` becomes `show_if` where it asks no more than a condition of ours can.

    Checked against
    ---------------
    tests/analysis/test_surveyjs.py: shipped and generated questionnaires written by `export_surveyjs` come back equal;
    a survey of another author, and any JSON at all (a questionnaire or our own error).

    Examples
    --------
    >>> survey = {"elements": [{"type": "text", "name": "Q1", "title": "Who?", "isRequired": True}]}
    >>> found = import_surveyjs(json.dumps(survey).encode(), "survey.json")
    >>> [(item.id, item.kind, item.required) for item in found.instrument.items]
    [('q1', 'text', True)]
    """
    return _Json(_parsed(content, name), name).imported()


def _parsed(content: bytes, name: str) -> Json:
    if len(content) > LARGEST:
        raise refused(
            name, f"it has {len(content) / 1e6:,.0f} MB", f"A questionnaire has at most {LARGEST // 10**6} MB."
        )
    try:
        found = json.loads(content.removeprefix(b"\xef\xbb\xbf"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise refused(name, "it is no UTF-8 text", "Save it as UTF-8.") from error
    except RecursionError as error:
        raise refused(name, "it is nested too deeply", "Name the JSON of a survey.") from error
    except ValueError as error:
        raise refused(name, f"it is no valid JSON ({str(error)[:80]})", "Export it again.") from error
    if not isinstance(found, dict) or not any(key in found for key in ("pages", "elements", "questions")):
        raise refused(
            name, "it is no survey: there are neither pages nor elements", "Name the JSON of a SurveyJS survey."
        )
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


class _Json:
    """The JSON of a survey on its way to an instrument."""

    def __init__(self, survey: Json, name: str) -> None:
        self.survey, self.name = survey, name
        self.own = _table(survey.get(OWN))
        self.notes: list[str] = []
        self.languages = self._languages()
        self.items: list[Json] = []
        self.names, self.page_names, self.list_names = Names(), Names(set()), Names(set())
        self.lists: dict[str, Json] = {}
        self.values: dict[str, dict[str, int]] = {}
        self.visible: dict[tuple[str, str], tuple[str, str]] = {}
        self.filled_in: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.kept: set[tuple[str, str]] = set()

    def imported(self) -> Imported:
        instrument = instrument_from_dict(self._content(), self.name)
        expected = visible_ifs(instrument)
        edited = {key for key, (native, own) in self.visible.items() if own and native not in ("", expected[key])}
        if edited:
            other = _Json(self.survey, self.name)
            other.kept = edited
            instrument = instrument_from_dict(other._content(), self.name)
        first = self.languages[0]
        for language, number in self.filled_in.items():
            self.notes.append(f"{number} texts have no {language!r}: the {first!r} text stands in.")
        if self.unknown:
            self.notes.append(f"These properties are not carried over: {listed(sorted(self.unknown))}.")
        notes = (*self.names.notes, *self.page_names.notes, *self.list_names.notes, *self.notes)
        return Imported(instrument, tuple(dict.fromkeys(notes)))

    # ---- Texts ----

    def _languages(self) -> list[str]:
        """The declared languages, or the default one and those some text is in."""
        declared = self.own.get("languages")
        if isinstance(declared, list) and declared and all(isinstance(one, str) for one in declared):
            return list(dict.fromkeys(declared))
        first = _language(self.survey.get("locale")) or "en"
        return list(dict.fromkeys((first, *_spoken(self.survey, 0))))

    def _text(self, value: object) -> dict[str, str]:
        """A text in every language; empty where there is none at all."""
        table = _localised(value)
        default = table.get("default") or table.get(self.languages[0]) or next(iter(table.values()), "")
        if not default.strip():
            return {}
        found = {self.languages[0]: table.get(self.languages[0]) or default}
        for language in self.languages[1:]:
            if language not in table:
                self.filled_in[language] = self.filled_in.get(language, 0) + 1
            found[language] = table.get(language) or default
        return found

    def _same(self, text: str) -> dict[str, str]:
        return dict.fromkeys(self.languages, text)

    def _piped(self, value: object) -> dict[str, str]:
        return {language: self._renamed(text) for language, text in self._text(value).items()}

    def _renamed(self, text: str) -> str:
        return SURVEYJS.item.sub(lambda found: f"{{{self._named(found[1])}}}", text)

    def _named(self, path: str) -> str:
        if path == "locale":
            return "language"
        return path if path in FACTS else self.names.ids.get(("item", path), path)

    # ---- Pages and questions ----

    def _content(self) -> Json:
        found = self.survey.get("pages")
        loose = self.survey.get("elements") or self.survey.get("questions")
        pages = found if isinstance(found, list) and found else [{"name": "page_1", "elements": loose}]
        tables = [page for page in pages if isinstance(page, dict)]
        # All names first: a condition or text may name what stands further on, and is then found wrong by its id.
        for page in tables:
            self._name_all(page, 0)
        read = [self._page(page, number) for number, page in enumerate(tables, start=1)]
        kept = [page for page in read if page["items"]]
        if not self.items:
            raise refused(self.name, "the survey asks nothing", "Name the JSON of a survey with questions.")
        places = {_string(id): place for place, id in enumerate(_list(self.own.get("columns")))}
        self.items.sort(key=lambda item: places.get(item["id"], 0))
        id, version = _string(self.own.get("id")), _string(self.own.get("version"))
        return {
            "id": id or Names(set()).id(self.name.rpartition(".")[0] or self.name, "survey"),
            "version": version or "1", "languages": self.languages,
            "title": self._text(self.survey.get("title")) or self._same(self.name),
            "citation": _string(self.own.get("citation")), "licence": _string(self.own.get("licence")),
            "choices": self.lists, "items": self.items, "pages": kept,
            "scales": _list(self.own.get("scales")),
        }  # fmt: skip

    def _name_all(self, holder: Json, depth: int) -> None:
        for element in _elements(holder):
            if depth < _DEEPEST and "type" in element:
                name = _string(element.get("name"))
                if element["type"] == "panel":
                    self._name_all(element, depth + 1)
                elif element["type"] == "matrix":
                    for row in _entries(element.get("rows")):
                        self._row_id(name, row)
                elif name and not _table(element.get(OWN)).get("derived"):
                    self.names.id(name, "item")

    def _row_id(self, matrix: str, row: Json) -> str:
        """The id of a row: its value, or, where that is a number, the matrix and the number."""
        value = _string(row.get("value"))
        path = f"{matrix}.{value}"
        if ("item", path) not in self.names.ids:
            plain = f"{matrix}_{value}" if value.isdecimal() else value
            taken = ("item", plain) in self.names.ids
            self.names.ids["item", path] = self.names.id(path if taken else plain, "item")
        return self.names.ids["item", path]

    def _page(self, page: Json, number: int) -> Json:
        own = _table(page.get(OWN))
        id = self.page_names.id(_string(page.get("name")) or f"page_{number}", "page")
        found: Json = {"id": id, "items": []}
        found["title"] = self._piped(page.get("title")) or self._text(self.survey.get("title"))
        found["title"] = found["title"] or self._same(id)
        if intro := self._piped(page.get("description")):
            found["intro"] = intro
        if "random" in (page.get("questionOrder"), page.get("questionsOrder")):
            found["order"] = "random"
        if own.get("per_influencer") is True:
            found["per_influencer"] = True
        if block := _string(own.get("block")):
            found["block"] = block
        if condition := self._condition(page, ("page", id)):
            found["show_if"] = condition
        self.unknown |= set(page) - _PAGE
        for item in self._items(page, "", 0):
            found["items"].append(item["id"])
            self.items.append(item)
        return found

    def _items(self, holder: Json, around: str, depth: int) -> Iterator[Json]:
        """The items of a page or panel, with the condition of the panels around them."""
        if depth > _DEEPEST:
            raise refused(self.name, "its panels are nested too deeply", "Dissolve some of them.")
        for element in _elements(holder):
            kind, own = element.get("type"), _table(element.get(OWN))
            if own.get("derived") is True:
                continue
            if kind == "panel":
                inner = self._condition(element, ("panel", ""))
                yield from self._items(element, _both(around, inner), depth + 1)
            elif kind == "matrix":
                yield from self._rows(element, around)
            elif isinstance(kind, str) and kind in _KINDS and _string(element.get("name")):
                yield self._item(element, around)
            else:
                what = f"The question {_string(element.get('name'))[:40]!r} (type {str(kind)[:40]!r}) is left out."
                self.notes.append(what)

    def _rows(self, matrix: Json, around: str) -> Iterator[Json]:
        name = _string(matrix.get("name"))
        self.unknown |= set(matrix) - _KNOWN
        around = _both(around, self._condition(matrix, ("matrix", "")))
        required = matrix.get("eachRowRequired") is True or matrix.get("isAllRowRequired") is True
        for row in _entries(matrix.get("rows")):
            own = _table(row.get(OWN))
            item: Json = {"id": self._row_id(name, row), "kind": "likert"}
            item["text"] = self._piped(row.get("text")) or self._same(_string(row.get("value")) or item["id"])
            if hint := self._piped(matrix.get("description")):
                item["hint"] = hint
            self._take_choices(item, f"{name}.{row.get('value')}", _entries(matrix.get("columns")), own, name)
            if required or matrix.get("isRequired") is True:
                item["required"] = True
            self._take_own(item, own)
            if condition := _both(around, self._condition(row, ("item", item["id"]))):
                item["show_if"] = condition
            yield item

    def _item(self, question: Json, around: str) -> Json:
        name, type, own = _string(question["name"]), question["type"], _table(question.get(OWN))
        self.unknown |= set(question) - _KNOWN
        item: Json = {"id": self.names.id(name, "item"), "kind": self._kind(question, own)}
        item["text"] = self._piped(question.get("title")) or self._same(name)
        if type == "html":
            item["text"] = {
                one: self._renamed(_unmarked(text)) for one, text in self._text(question.get("html")).items()
            }
        elif hint := self._piped(question.get("description")):
            item["hint"] = hint
        if question.get("isRequired") is True and item["kind"] != "info":
            item["required"] = True
        self._take_answers(item, question, own, name)
        self._take_own(item, own)
        if condition := _both(around, self._condition(question, ("item", item["id"]))):
            item["show_if"] = condition
        return item

    def _kind(self, question: Json, own: Json) -> str:
        type, said = question["type"], own.get("kind")
        possible = _KINDS[type]
        if type == "text":
            input_type = question.get("inputType")
            possible = {"number": ("number",), "range": ("slider",), "date": ("date",)}.get(str(input_type), possible)
        if type == "rating" and question.get("minRateDescription") and question.get("maxRateDescription"):
            possible = ("semantic",)
        return said if isinstance(said, str) and said in possible and said in KINDS else possible[0]

    def _take_answers(self, item: Json, question: Json, own: Json, name: str) -> None:
        kind = item["kind"]
        if question["type"] == "rating":
            self._take_choices(item, name, _rates(question), own, name)
            if kind == "semantic":
                ends = ("left", "minRateDescription"), ("right", "maxRateDescription")
                item |= {key: self._piped(question.get(there)) for key, there in ends}
        elif question["type"] == "boolean" and kind == "single":
            self._take_choices(item, name, _yes_no(question), own, name)
        elif kind in CHOSEN:
            self._take_choices(item, name, [*_entries(question.get("choices"))], own, name)
            self._take_special(item, question, name)
        if kind in ("number", "slider"):
            if kind == "slider":
                item |= {"minimum": 0, "maximum": 100}
            for key, there in (("minimum", "min"), ("maximum", "max"), ("step", "step")):
                if _is_number(question.get(there)):
                    item[key] = question[there]
        self._take_limits(item, question, name)
        if question["type"] == "image":
            item["media"] = _string(question.get("imageLink"))
            item["alt"] = self._text(question.get("altText")) or item["text"]

    def _take_limits(self, item: Json, question: Json, name: str) -> None:
        if item["kind"] in ("multiple", "ranking"):
            for key, there in (("minimum_choices", "minSelectedChoices"), ("maximum_choices", "maxSelectedChoices")):
                if _is_number(question.get(there)):
                    item[key] = question[there]
        for rule in _entries(question.get("validators")):
            if rule.get("type") == "numeric" and item["kind"] == "number":
                bounds = (("minimum", rule.get("minValue")), ("maximum", rule.get("maxValue")))
                item |= {key: bound for key, bound in bounds if _is_number(bound)}
            elif item["kind"] != "consent":
                self.notes.append(f"A rule about the answers to {name[:40]!r} is not carried over.")

    def _take_choices(self, item: Json, path: str, entries: list[Json], own: Json, name: str) -> None:
        declines = own.get("decline") is True and item["kind"] != "ranking"
        entries = [one for one in entries if not (declines and one.get("value") == DECLINED)]
        there: list[Any] = [one.get("value") for one in entries]
        whole = all(isinstance(one, int) and not isinstance(one, bool) for one in there)
        values = list(there) if whole else list(range(1, len(there) + 1))
        texts = [self._text(one.get("text")) or self._same(_string(one.get("value"))) for one in entries]
        labels = {language: [text.get(language, "") for text in texts] for language in self.languages}
        table = {"values": values, "labels": labels}
        id = next((known for known, listed_so in self.lists.items() if listed_so == table), "")
        said = _string(own.get("choices"))
        if said and self.lists.get(said, table) == table:
            id = said
        item["choices"] = id or self.list_names.id(f"{name}_choices"[:32], "list")
        self.lists[item["choices"]] = table
        self.values[path] = {_string(one): value for one, value in zip(there, values, strict=True)}
        if not whole and not id:
            pairs = ", ".join(
                f"{value} = {_string(one)[:30]}" for one, value in list(zip(there, values, strict=True))[:12]
            )
            self.notes.append(f"The values of {name[:40]!r} are no whole numbers; here {pairs}.")

    def _take_special(self, item: Json, question: Json, name: str) -> None:
        """The choices SurveyJS adds by itself."""
        if question.get("showOtherItem") is True or question.get("hasOther") is True:
            item["other"] = True
            self.values[name]["other"] = OTHER
        if question.get("showRefuseItem") is True or question.get("hasRefuse") is True:
            item["decline"] = True
        added = (
            ("showNoneItem", "hasNone", "noneText", "None"),
            ("showDontKnowItem", "", "dontKnowText", "Don't know"),
        )
        for shown, old, text, otherwise in added:
            if question.get(shown) is True or question.get(old) is True:
                self._add_choice(item, self._text(question.get(text)) or self._same(otherwise), name)

    def _add_choice(self, item: Json, label: dict[str, str], name: str) -> None:
        table = self.lists[item["choices"]]
        value = max(table["values"], default=0) + 1
        labels = {language: [*table["labels"][language], label.get(language, "")] for language in self.languages}
        item["choices"] = self.list_names.id(f"{name}_choices_{value}"[:32], "list")
        self.lists[item["choices"]] = {"values": [*table["values"], value], "labels": labels}
        self.notes.append(
            f"{label[self.languages[0]][:40]!r} is the choice {value} of {item['id']}; it excludes no other."
        )

    def _take_own(self, item: Json, own: Json) -> None:
        for key, fits in _OWN_KEYS.items():
            if key in own and fits(own[key]):
                item[key] = own[key]

    def _condition(self, holder: Json, key: tuple[str, str]) -> str:
        native, own = _string(holder.get("visibleIf")).strip(), _string(_table(holder.get(OWN)).get("show_if"))
        if own and key not in self.kept:
            self.visible[key] = native, own
            return own
        if not native:
            return ""
        try:
            return read_condition(native, SURVEYJS, self._named, self._valued)
        except InstrumentError:
            what = f"The condition {native[:80]!r} asks for more than one here can; what depends on it is shown to all."
            self.notes.append(what)
            return ""

    def _valued(self, path: str, value: Value) -> Value:
        return self.values.get(path, {}).get(_string(value), value)


def _table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(value: object) -> list[Json]:
    """Choices, rows, columns or rules: tables, or plain values that are their own text."""
    return [one if isinstance(one, dict) else {"value": one} for one in _list(value)]


def _elements(holder: Json) -> list[Json]:
    found = holder.get("elements") or holder.get("questions")
    return [one for one in _list(found) if isinstance(one, dict)]


def _string(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, str | int | float) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OWN_KEYS: dict[str, Callable[[object], bool]] = {
    "reverse": lambda value: value is True,
    "decline": lambda value: value is True,
    "required": lambda value: value is True,
    "check": _is_number,
    "help": lambda value: isinstance(value, dict),
    "hint": lambda value: isinstance(value, dict),
    "media": lambda value: isinstance(value, str),
    "alt": lambda value: isinstance(value, dict),
}
"""What our own property may say about an item, and whether it does so in the right form."""


def _localised(value: object) -> dict[str, str]:
    """The texts of a localised string by language; a plain one is the default."""
    if isinstance(value, dict):
        pairs = ((key if key == "default" else _language(key), text) for key, text in value.items())
        return {key: text for key, text in pairs if key and isinstance(text, str) and text.strip()}
    text = _string(value)
    return {"default": text} if text else {}


def _language(code: object) -> str:
    """`pt-br` is `pt` here; "" for what is no code."""
    found = re.match(r"([a-z]{2,3})(?![a-z])", code.lower()) if isinstance(code, str) else None
    return found[1] if found else ""


_WORDED = {
    "title", "description", "text", "html", "minRateDescription", "maxRateDescription", "labelTrue", "labelFalse",
    "altText", "otherText", "noneText",
}  # fmt: skip


def _spoken(value: object, depth: int) -> Iterator[str]:
    """The languages of the texts in this JSON, in order of appearance."""
    if depth > 2 * _DEEPEST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _spoken(one, depth + 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in _WORDED and isinstance(one, dict):
                yield from (code for code in map(_language, (key for key in one if key != "default")) if code)
            elif key != OWN:
                yield from _spoken(one, depth + 1)


def _rates(question: Json) -> list[Json]:
    """The steps of a rating: those listed, or from the lowest to the highest (1 to 5 unless told)."""
    if isinstance(question.get("rateValues"), list) and question["rateValues"]:
        return _entries(question["rateValues"])
    low, high, step = (question.get(key) for key in ("rateMin", "rateMax", "rateStep"))
    low = low if isinstance(low, int) else 1
    high = high if isinstance(high, int) else low + 4
    step = step if isinstance(step, int) and step > 0 else 1
    return [{"value": value} for value in range(low, min(high, low + 100) + 1, step)]


def _yes_no(question: Json) -> list[Json]:
    """The two choices of a boolean, yes first; their values are 1 and 0."""
    no, yes = question.get("labelFalse"), question.get("labelTrue")
    return [{"value": 1, "text": yes or "Yes"}, {"value": 0, "text": no or "No"}]


def _both(first: str, second: str) -> str:
    return f"({first}) and ({second})" if first and second else first or second


def _unmarked(text: str) -> str:
    """The words of a piece of HTML."""
    text = re.sub(r"<br\s*/?>|</p\s*>", "\n", text, flags=re.IGNORECASE)
    return html.unescape(_TAG.sub("", text))
