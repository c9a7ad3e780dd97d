"""An XLSForm workbook, ours or from KoboToolbox, ODK or a colleague, as a questionnaire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.dialects import XPATH, Value, read_condition
from analysis.errors import InstrumentError
from analysis.exchange import Imported, Names, language_called, listed, refused
from analysis.instrument import instrument_from_dict
from analysis.kinds import DECLINED, KINDS, OTHER
from analysis.show_if import FACTS
from analysis.workbook import read_workbook
from analysis.xlsform import ENDS, MEDIA, NATIVE, OWN, OWN_TEXTS, TEXTS, relevants, unguarded

_SHEETS = ("survey", "choices", "settings", "titles", "scales")
_READ = {"type", "name", *TEXTS, *OWN_TEXTS, *MEDIA, *NATIVE, *OWN}
_CODE = re.compile(r"\(\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)?\s*\)\s*$")
_CHOICE_NAME = re.compile(r"jr:choice-name\(\s*\$\{([^{}]+)\}\s*,\s*'\$\{[^{}]+\}'\s*\)")
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_WHOLE = re.compile(r"-?\d{1,9}")
_YES = {"yes", "true", "true()", "1"}
_NO = {"", "no", "false", "false()", "0"}
_LOOKS = {"", "field-list", "table-list", "multiline", "likert"}
_TYPES = {
    "select_one": ("single", "likert", "semantic"), "select_multiple": ("multiple",), "rank": ("ranking",),
    "integer": ("number",), "int": ("number",), "decimal": ("number",), "range": ("slider",), "text": ("text",),
    "string": ("text",), "date": ("date",), "note": ("info",), "acknowledge": ("consent",), "trigger": ("consent",),
}  # fmt: skip
"""What a row of this type becomes, first the kind it has where the column `kind` says nothing."""
_SILENT = {
    "start",
    "end",
    "today",
    "deviceid",
    "phonenumber",
    "username",
    "email",
    "simserial",
    "subscriberid",
    "audit",
}

Row = dict[str, str]


def import_xlsform(content: bytes, name: str) -> Imported:
    """Which questionnaire does this XLSForm hold?

    Parameters
    ----------
    content : bytes
        The XLSX file.
    name : str
        What the messages call it, usually the file's name.

    Returns
    -------
    Imported
        The instrument, complete and checked; and what was left out, renamed or numbered anew, a sentence each.

    Raises
    ------
    DataError
        In one sentence, when the file is no workbook that can be read without harm.
    InstrumentError
        With everything that keeps it from being a questionnaire: missing sheets, columns without a language,
        untranslated texts and all that `check_instrument` finds.

    Notes
    -----
    Groups become pages (groups within groups are part of the page), rows outside a group a page of their own.
    `relevant` becomes `show_if` where it asks no more than a condition of ours can. Codes that are no whole numbers
    are numbered in the order of the list. Types without a counterpart (places, photographs, sound, calculations,
    repeats) are left out with a note.

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: shipped and generated questionnaires written by `export_xlsform` come back equal;
    a form in the manner of KoboToolbox, edited workbooks, and any cells at all (a questionnaire or our own error).

    Examples
    --------
    >>> from analysis.workbook import write_workbook
    >>> rows = [["type", "name", "label::English (en)"], ["integer", "Age", "How old are you?"]]
    >>> found = import_xlsform(write_workbook({"survey": rows}), "form.xlsx")
    >>> [(item.id, item.kind) for item in found.instrument.items], found.notes[0]
    ([('age', 'number')], "The item 'Age' is called age here.")
    """
    return _Workbook(read_workbook(content, name, _SHEETS), name).imported()


@dataclass
class _List:
    """A list of the sheet `choices`: codes as written with their labels, and the values they have here."""

    codes: list[str] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, int]:
        """Codes to values: themselves where all are whole numbers, else 1, 2, 3, ..."""
        if all(_WHOLE.fullmatch(code) for code in self.codes):
            return {code: int(code) for code in self.codes}
        return {code: place for place, code in enumerate(self.codes, start=1)}

    def without(self, extra: set[int]) -> _List:
        kept = [pair for pair in zip(self.codes, self.labels, strict=True) if pair[0] not in map(str, extra)]
        return _List([code for code, _ in kept], [labels for _, labels in kept])


class _Workbook:
    """The sheets of an XLSForm on their way to an instrument."""

    def __init__(self, sheets: Mapping[str, list[list[str]]], name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self.settings = next(iter(self._rows(sheets, "settings")), {})
        self.default = self._code(self.settings.get("default_language", "")) or "en"
        self.languages: list[str] = []
        self.survey = self._rows(sheets, "survey")
        self.lists = self._lists(sheets)
        self.titles = {row.get("language", ""): row.get("title", "") for row in self._rows(sheets, "titles")}
        self.scale_rows = self._rows(sheets, "scales")
        if not self.survey or "type" not in self.survey[0] or "name" not in self.survey[0]:
            raise refused(name, "it has no sheet 'survey' with the columns type and name", "Name an XLSForm.")
        if not self.languages:
            self.languages = [self.default]
        self.languages.sort(key=lambda language: language != self.default)
        self.names, self.page_names, self.list_names = Names(), Names(set()), Names(set())
        self.item_lists: dict[str, _List] = {}
        self.labels: dict[str, str] = {}
        self.choices: dict[str, Any] = {}
        self.relevant: dict[tuple[str, str], tuple[str, str]] = {}

    def imported(self) -> Imported:
        self._note_columns()
        content = self._content(kept=set())
        instrument = instrument_from_dict(content, self.name)
        expected = relevants(instrument)
        edited = {key for key, (relevant, own) in self.relevant.items() if own and relevant not in ("", expected[key])}
        if edited:
            self.choices = {}
            instrument = instrument_from_dict(self._content(kept=edited), self.name)
        notes = (*self.names.notes, *self.page_names.notes, *self.list_names.notes, *self.notes)
        return Imported(instrument, tuple(dict.fromkeys(notes)))

    # ---- Sheets ----

    def _rows(self, sheets: Mapping[str, list[list[str]]], sheet: str) -> list[Row]:
        """The rows under their headings; `label::Nederlands (nl)` becomes `label::nl`."""
        table = sheets.get(sheet) or [[]]
        heads = [self._heading(head, sheet) for head in table[0]]
        twice = {head for head in heads if head and heads.count(head) > 1}
        if twice:
            what = f"the heading {listed(sorted(twice))} stands twice on the sheet '{sheet}'"
            raise refused(self.name, what, "Keep one of the columns.")
        rows = []
        for number, cells in enumerate(table[1:], start=2):
            row = {head: cell for head, cell in zip(heads, cells, strict=False) if head and cell.strip()}
            if row:
                rows.append(dict.fromkeys(heads, "") | row | {"#": str(number)})
        return rows

    def _heading(self, head: str, sheet: str) -> str:
        key, _, spoken = head.strip().removeprefix("media::").partition("::")
        key = re.sub(r"\s+", "_", key.strip().lower())
        key = {"caption": "label", "relevance": "relevant", "list": "list_name"}.get(key, key)
        if key not in (*TEXTS, *OWN_TEXTS, *MEDIA):
            return key
        if not spoken:
            code: str | None = self.default
        else:
            code = self._code(spoken)
        if code is None:
            what = f"sheet '{sheet}': the language of the column {head.strip()[:60]!r} is not known"
            raise refused(self.name, what, f"Write its code behind it, as in {key}::Nederlands (nl).")
        if code not in self.languages and key == "label" and sheet in ("survey", "choices"):
            self.languages.append(code)
        return f"{key}::{code}"

    def _code(self, spoken: str) -> str | None:
        if found := _CODE.search(spoken):
            return found[1].lower()
        plain = spoken.strip().lower()
        return language_called(plain) or (plain if re.fullmatch("[a-z]{2,3}", plain) else None)

    def _lists(self, sheets: Mapping[str, list[list[str]]]) -> dict[str, _List]:
        lists: dict[str, _List] = {}
        for row in self._rows(sheets, "choices"):
            one = lists.setdefault(row.get("list_name", "").strip(), _List())
            one.codes.append((row.get("name", "") or row.get("value", "")).strip())
            one.labels.append(_spoken(row, "label"))
        return lists

    def _note_columns(self) -> None:
        heads = {head.partition("::")[0] for row in self.survey for head, cell in row.items() if cell}
        if strange := sorted(heads - _READ - {"#"}):
            self.notes.append(f"These columns of the sheet survey are not carried over: {listed(strange)}.")
        if looks := sorted({row.get("appearance", "") for row in self.survey} - _LOOKS):
            self.notes.append(f"Appearances are not carried over: {listed(looks)}.")

    # ---- Rows to pages and items ----

    def _content(self, kept: set[tuple[str, str]]) -> dict[str, Any]:
        """The keys and values of a questionnaire file. Conditions in `kept` are read from `relevant`."""
        for row in self.survey:
            if found := _CHOICE_NAME.fullmatch(row.get("calculation", "").strip()):
                self.labels[row["name"].strip()] = found[1]
        items: list[dict[str, Any]] = []
        pages: list[dict[str, Any]] = []
        places: dict[str, int] = {}
        for page, row, condition in self._placed(pages, kept):
            item = self._item(row, condition, kept)
            if item is not None:
                page["items"].append(item["id"])
                items.append(item)
                place = row.get("column", "")
                places[item["id"]] = int(place) if place.isdecimal() and len(place) < 9 else 0
        items.sort(key=lambda item: places[item["id"]])
        pages = [page for page in pages if page["items"]]
        if not items:
            raise refused(self.name, "the sheet 'survey' asks nothing", "Name an XLSForm with questions.")
        form_id = self.settings.get("form_id", "").strip() or self.name.rpartition(".")[0] or self.name
        return {
            "id": Names(set()).id(form_id, "form"), "version": self.settings.get("version", "").strip() or "1",
            "title": self._title(form_id), "languages": self.languages,
            "citation": unguarded(self.settings.get("citation", "")),
            "licence": unguarded(self.settings.get("licence", "")),
            "choices": self.choices, "items": items, "scales": [*self._scales()], "pages": pages,
        }  # fmt: skip

    def _placed(
        self, pages: list[dict[str, Any]], kept: set[tuple[str, str]]
    ) -> Iterator[tuple[dict[str, Any], Row, str]]:
        """Every row that may be an item, with its page and the condition of the groups around it."""
        page: dict[str, Any] | None = None
        groups: list[str] = []
        for row in self.survey:
            kind = "_".join(row["type"].split()).lower()
            if row.get("disabled", "").strip().lower() in _YES:
                self.notes.append(f"Row {row['#']} is disabled and left out.")
            elif kind.startswith(("begin_group", "begin_repeat", "begin_loop")):
                if row.get("derived"):
                    groups.append("")
                elif not groups or page is None:
                    page = self._page(row, kept)
                    pages.append(page)
                    groups.append("")
                else:
                    groups.append(self._group_condition(row))
                if not kind.startswith("begin_group"):
                    self.notes.append(f"Row {row['#']}: what is repeated there is asked once.")
            elif kind.startswith("end_"):
                if groups:
                    groups.pop()
                page = page if groups else None
            elif row.get("derived") == "intro" and page is not None:
                page["intro"] = self._texts(row, "label")
            elif not row.get("derived"):
                if page is None:
                    page = {"id": self.page_names.id(f"page_{len(pages) + 1}", "page"), "items": []}
                    page["title"] = self._title("")
                    pages.append(page)
                yield page, row, " and ".join(f"({condition})" for condition in groups if condition)

    def _page(self, row: Row, kept: set[tuple[str, str]]) -> dict[str, Any]:
        name = row.get("id", "").strip() or row["name"].strip() or f"page_{row['#']}"
        page: dict[str, Any] = {"id": self.page_names.id(name, "page"), "items": []}
        page["title"] = self._texts(row, "label") or self._title("")
        if row.get("item_order"):
            page["order"] = row["item_order"].strip()
        if row.get("per_influencer", "").strip().lower() in _YES:
            page["per_influencer"] = True
        if block := row.get("block", "").strip():
            page["block"] = block
        if condition := self._condition(row, ("page", page["id"]), kept):
            page["show_if"] = condition
        return page

    def _group_condition(self, row: Row) -> str:
        return self._condition(row, ("group", row["name"]), set())

    def _item(self, row: Row, around: str, kept: set[tuple[str, str]]) -> dict[str, Any] | None:
        """The item of this row; None, with a note, where it has no counterpart."""
        words = row["type"].replace("select one", "select_one").replace("select multiple", "select_multiple").split()
        kind = words[0].lower() if words else ""
        if kind not in _TYPES or not row["name"].strip():
            if kind not in _SILENT:
                what = f"Row {row['#']} (type {row['type'].strip()[:40]!r}) has no counterpart here and is left out."
                self.notes.append(what)
            return None
        item: dict[str, Any] = {"id": self.names.id(row["name"].strip(), "item"), "kind": self._kind(row, kind)}
        for key, heading in (("text", "label"), ("hint", "hint"), ("help", "guidance_hint")):
            if texts := self._texts(row, heading):
                item[key] = texts
        item |= {key: texts for key in OWN_TEXTS if (texts := self._texts(row, key))}
        if item["kind"] == "semantic":
            self._without_ends(item)
        if len(words) > 1:
            self._take_choices(item, row, words[1:])
        self._take_numbers(item, row, kind)
        self._take_media(item, row)
        self._take_required(item, row)
        own = self._condition(row, ("item", item["id"]), kept)
        if around or own:
            item["show_if"] = f"{around} and ({own})" if around and own else around or own
        return item

    def _kind(self, row: Row, native: str) -> str:
        said, possible = row.get("kind", "").strip(), _TYPES[native]
        if native in ("text", "string"):
            return "long_text" if "multiline" in row.get("appearance", "") else "text"
        if native == "select_one" and not said and "likert" in row.get("appearance", ""):
            return "likert"
        return said if said in possible and said in KINDS else possible[0]

    def _without_ends(self, item: dict[str, Any]) -> None:
        """The hint shows both ends first; they have columns of their own."""
        left, right = item.get("left", {}), item.get("right", {})
        hints = {}
        for language, hint in item.pop("hint", {}).items():
            ends = f"{left.get(language, '')}{ENDS}{right.get(language, '')}"
            rest = hint.removeprefix(ends) if hint == ends or hint.startswith(f"{ends}\n") else hint
            hints[language] = rest.removeprefix("\n")
        if any(hint.strip() for hint in hints.values()):
            item["hint"] = hints

    def _take_choices(self, item: dict[str, Any], row: Row, words: list[str]) -> None:
        name = words[0]
        if name not in self.lists:
            item["choices"] = name
            return
        one, id = self.lists[name], name
        item |= {key: True for key in ("other", "decline") if row.get(key, "").strip().lower() in _YES}
        extra = ({OTHER} if item.get("other") else set()) | ({DECLINED} if item.get("decline") else set())
        if extra and item["kind"] != "ranking":
            one, base = one.without(extra), self.lists.get(name.partition("-")[0])
            id = name.partition("-")[0] if base == one else name
        if "or_other" in words[1:]:
            item["other"] = True
        self.item_lists[row["name"].strip()] = one
        item["choices"] = self.list_names.id(id, "list")
        values = one.values
        if any(code != str(value) for code, value in values.items()):
            pairs = ", ".join(f"{value} = {code[:30]}" for code, value in [*values.items()][:12])
            self.notes.append(f"The codes of the list {item['choices']} are no whole numbers; here {pairs}.")
        labels = {language: [unguarded(each.get(language, "")) for each in one.labels] for language in self.languages}
        spoken = [language for language in self.languages if any(labels[language])]
        codes = [values[code] for code in one.codes]
        self.choices[item["choices"]] = {"values": codes, "labels": {language: labels[language] for language in spoken}}

    def _take_numbers(self, item: dict[str, Any], row: Row, native: str) -> None:
        if row.get("decline", "").strip().lower() in _YES:
            item["decline"] = True
        if row.get("reverse", "").strip().lower() in _YES:
            item["reverse"] = True
        for key in ("check", "minimum_choices", "maximum_choices", "step"):
            if text := row.get(key, "").strip():
                item[key] = _number(text)
        if native in ("integer", "int") and "kind" not in row:
            item.setdefault("step", 1)
        if item["kind"] == "slider":
            given = dict(re.findall(rf"(start|end|step)\s*=\s*{_NUMBER}", row.get("parameters", "")))
            item |= {"minimum": _number(given.get("start", "1")), "maximum": _number(given.get("end", "10"))}
            item |= {"step": _number(given["step"])} if "step" in given else {}
        self._take_constraint(item, row)

    def _take_constraint(self, item: dict[str, Any], row: Row) -> None:
        text = rest = row.get("constraint", "")
        counted = item["kind"] == "multiple"
        subject = r"count-selected\(\s*\.\s*\)" if counted else r"(?<![\w).])\."
        for sign, key in ((">=", "minimum"), ("<=", "maximum")):
            pattern = rf"{subject}\s*{sign}\s*{_NUMBER}"
            if (counted or item["kind"] == "number") and (found := re.search(pattern, text)):
                item[f"{key}_choices" if counted else key] = _number(found[1])
                rest = re.sub(pattern, "", rest, count=1)
        if item.get("decline"):
            rest = rest.replace(f". = '{DECLINED}' or", "").replace(f"not(selected(., '{DECLINED}'))", "")
        if re.sub(r"\band\b|[\s()]", "", rest):
            self.notes.append(
                f"Row {row['#']}: the constraint {text[:60]!r} is carried over only as far as its bounds."
            )

    def _take_media(self, item: dict[str, Any], row: Row) -> None:
        files = [row.get("media", ""), *(text for key in MEDIA for text in _spoken(row, key).values())]
        media = next((file.strip() for file in files if file.strip()), "")
        if media and item["kind"] == "info":
            item["media"] = media
            item.setdefault("alt", item.get("text", {}))
        elif media:
            self.notes.append(f"Row {row['#']}: the image or video of a question is left out.")

    def _take_required(self, item: dict[str, Any], row: Row) -> None:
        said = row.get("required", "").strip()
        if said.lower() in _NO or item["kind"] == "info":
            return
        item["required"] = True
        if said.lower() not in _YES and not (item.get("decline") and said.startswith("not(selected(")):
            self.notes.append(f"Row {row['#']}: required under the condition {said[:60]!r}; here always.")

    def _condition(self, row: Row, key: tuple[str, str], kept: set[tuple[str, str]]) -> str:
        relevant, own = row.get("relevant", "").strip(), row.get("show_if", "")
        if own and key not in kept:
            self.relevant[key] = relevant, own
            return own
        if not relevant:
            return ""
        try:
            return read_condition(relevant, XPATH, self._named, self._valued)
        except InstrumentError:
            what = (
                f"Row {row['#']}: the condition {relevant[:80]!r} asks for more than one here can; it is shown to all."
            )
            self.notes.append(what)
            return ""

    def _named(self, name: str) -> str:
        name = self.labels.get(name, name)
        return name if name in FACTS else self.names.ids.get(("item", name), name)

    def _valued(self, name: str, value: Value) -> Value:
        text = str(value)
        if name in self.item_lists:
            values = self.item_lists[name].values
            return values.get(text, int(text) if _WHOLE.fullmatch(text) else value)
        return value if name in FACTS or not isinstance(value, str) or not _WHOLE.fullmatch(text) else int(text)

    def _texts(self, row: Row, heading: str) -> dict[str, str]:
        """The texts in each language, `${name}` as `{id}`."""
        return {
            language: unguarded(XPATH.item.sub(lambda found: f"{{{self._named(found[1])}}}", text))
            for language, text in _spoken(row, heading).items()
        }

    def _title(self, otherwise: str) -> dict[str, str]:
        title = unguarded(self.settings.get("form_title", "")) or otherwise or self.name
        if len(self.languages) > 1 and not self.titles:
            self.notes.append("The form has one title for all languages: translate it.")
        own = {language: self.titles.get(language) or title for language in self.languages}
        return own | ({self.languages[0]: title} if self.settings.get("form_title") else {})

    def _scales(self) -> Iterator[dict[str, Any]]:
        for row in self.scale_rows:
            items = [self.names.ids.get(("item", id), id) for id in row.get("items", "").replace(",", " ").split()]
            scale = {"id": row.get("id", "").strip(), "label": _spoken(row, "label"), "items": items}
            scale |= {"source": row["source"]} if row.get("source") else {}
            yield scale | ({"minimum_share": _number(row["minimum_share"])} if row.get("minimum_share") else {})


def _spoken(row: Row, heading: str) -> dict[str, str]:
    """The texts of this row under this heading, by language."""
    return {head.partition("::")[2]: text for head, text in row.items() if head.startswith(f"{heading}::") and text}


def _number(text: str) -> int | float | str:
    """The number written there; what is none is left for the check to name."""
    if not re.fullmatch(_NUMBER, text) or len(text) > 40:
        return text
    return float(text) if "." in text else int(text)
