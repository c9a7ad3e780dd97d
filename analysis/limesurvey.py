"""A questionnaire as the tab-separated survey structure that LimeSurvey imports."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from analysis.dialects import Dialect, Value, number, quoted
from analysis.exchange import PLACEHOLDER, Exported, facts_asked, listed, matrices, notes_on_words, words
from analysis.instrument import Instrument, Item, Page
from analysis.kinds import CHOSEN, DECLINED, OTHER
from analysis.show_if import FACTS, parse_condition

COLUMNS = (
    "id", "related_id", "class", "type/scale", "name", "relevance", "text", "help", "language", "validation",
    "mandatory", "other", "default", "same_default", "hidden", "random_group", "random_order", "date_format",
    "num_value_int_only", "min_num_value_n", "max_num_value_n", "slider_layout", "slider_min", "slider_max",
    "slider_accuracy", "min_answers", "max_answers", "exclude_all_others", "other_replace_text",
)  # fmt: skip
_TYPES = {
    "likert": "L", "semantic": "F", "single": "L", "multiple": "M", "number": "N", "slider": "K", "text": "S",
    "long_text": "T", "date": "D", "ranking": "R", "info": "X", "consent": "M",
}  # fmt: skip
_LONGEST_CODE = 20
_LONGEST_ANSWER = 5
_DECLINED_CODE = "n99"
_SIGNS = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FORMULA = {"=": "&#61;", "+": "&#43;", "-": "&#45;", "@": "&#64;", "|": "&#124;"}

Row: TypeAlias = dict[str, str]


def export_limesurvey(instrument: Instrument) -> Exported:
    """What does this questionnaire look like as a survey structure for LimeSurvey?

    Parameters
    ----------
    instrument : Instrument
        Complete, as loaded from a file.

    Returns
    -------
    Exported
        Tab-separated text (UTF-8 with its mark), to be saved as .txt and brought in with "Import survey"; and what
        LimeSurvey does differently, a sentence each.

    Notes
    -----
    A page is a group, neighbouring Likert items with the same answers and semantic differentials with the same
    beginning are an array, the survey is shown group by group; a block of pages is a randomisation group of groups.
    What a study knows about a respondent (influencer, condition, wave) stands in hidden questions of those names,
    filled in from the address: `...&influencer=Ada`; the language LimeSurvey knows itself. The box of a consent and
    the handle of a slider have the code of their question, so that `from_platform` gives their column the item's
    name. LimeSurvey knows letters and digits in codes only, 20 of them for a question and 5 for an answer; where an
    id has to be shortened for it, a note says so. The rows are of the class S, SL, G, Q, SQ and A, first all of one
    language, then all of the next; texts are HTML there and are escaped.

    Checked against
    ---------------
    tests/reference/limesurvey.json: what LimeSurvey 6.4.2 (PHP 8.2, MariaDB 10.11) held after it had imported the
    shipped questionnaires. Every text came back in every language, its own check of all conditions found no error,
    and `showcase` was answered there in a browser in Dutch and German. tests/analysis/test_limesurvey.py compares the
    frozen codes, types, conditions and answers with `export_limesurvey`.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> survey = export_limesurvey(load_instrument("psi_core")).content.decode("utf-8-sig")
    >>> survey.splitlines()[2].split("\\t")[2:7]
    ['S', '', 'language', '', 'en']
    """
    return _Structure(instrument).exported()


class _Structure:
    """An instrument on its way to LimeSurvey's rows."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.facts = facts_asked(instrument)
        self.taken: set[str] = set()
        self.codes = {name: self._code(name) for name in (*self.facts, *(item.id for item in instrument.items))}
        self.runs = {page.id: matrices(instrument, page, _alike) for page in instrument.pages}
        self.arrays: dict[str, str] = {}
        self.places: dict[str, str] = {}
        for page in instrument.pages:
            for run in self.runs[page.id]:
                if len(run) > 1 or run[0].kind == "semantic":
                    self.arrays[run[0].id] = array = self._code(f"{page.id}grid")
                    self.places |= {item.id: f"{array}_{self.codes[item.id]}" for item in run}
        self.dialect = Dialect(
            signs=_SIGNS, both=" and ", either=" or ", negated="!({})", answer=self._answer, answered=self._answered,
            chosen=self._chosen, literal=self._literal, guarded=lambda name: True,
        )  # fmt: skip
        self.last = 0

    def exported(self) -> Exported:
        rows = [*self._settings()]
        for language in self.instrument.languages:
            self.last = 0  # the same numbers in every language: LimeSurvey puts translations together by them
            rows += self._language(language)
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, COLUMNS, restval="", delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return Exported(stream.getvalue().encode("utf-8-sig"), tuple(self._notes()))

    def _code(self, id: str) -> str:
        """The id without underscores, cut and numbered until no other has it."""
        plain = code = id.replace("_", "")[:_LONGEST_CODE]
        times = 1
        while code in self.taken:
            times += 1
            code = f"{plain[: _LONGEST_CODE - len(str(times))]}{times}"
        self.taken.add(code)
        return code

    def _number(self) -> str:
        self.last += 1
        return str(self.last)

    def _settings(self) -> Iterator[Row]:
        first, *others = self.instrument.languages
        # LimeSurvey wants a number from 100000 to 999999 and takes another where it is in use.
        survey = 100_000 + int(self.instrument.digest[:8], 16) % 900_000
        told = {"sid": str(survey), "language": first, "additional_languages": " ".join(others), "format": "G",
                "anonymized": "Y", "datestamp": "Y", "savetimings": "Y", "allowprev": "Y", "ipaddr": "N"}  # fmt: skip
        for name, value in told.items():
            yield {"class": "S", "name": name, "text": value}
        for language in self.instrument.languages:
            yield {
                "class": "SL", "name": "surveyls_title", "language": language,
                "text": self._html(self.instrument.title[language]),
            }  # fmt: skip

    def _language(self, language: str) -> Iterator[Row]:
        for place, page in enumerate(self.instrument.pages, start=1):
            yield {
                "id": str(place), "class": "G", "type/scale": str(place), "name": self._html(page.title[language]),
                "text": "" if self._begins_with_array(page) else self._html(page.intro.get(language, "")),
                "language": language, "relevance": self._relevance(page.show_if),
                "random_group": page.block.replace("_", "")[:_LONGEST_CODE],
            }  # fmt: skip
            if place == 1:
                for fact in self.facts:
                    known = fact == "language"
                    yield {
                        "id": self._number(), "class": "Q", "type/scale": "*" if known else "S",
                        "name": self.codes[fact], "text": "{LANG}" if known else fact,
                        "language": language, "relevance": "1", "mandatory": "N", "other": "N", "hidden": "1",
                    }  # fmt: skip
            for run in self.runs[page.id]:
                yield from (
                    self._array(run, page, language)
                    if run[0].id in self.arrays
                    else self._question(run[0], page, language)
                )

    def _begins_with_array(self, page: Page) -> bool:
        """Does the page begin with an array? Then what introduces the page is the array's question."""
        first = self.runs[page.id][0][0]
        return first.id in self.arrays and first.kind != "semantic"

    def _array(self, run: tuple[Item, ...], page: Page, language: str) -> Iterator[Row]:
        first, number = run[0], self._number()
        semantic = first.kind == "semantic"
        above = first.text[language] if semantic else page.intro.get(language) or page.title[language]
        yield {
            "id": number, "class": "Q", "type/scale": "F", "name": self.arrays[first.id], "text": self._html(above),
            "help": self._help(first, language), "language": language, "relevance": "1",
            "mandatory": "Y" if first.required else "N", "other": "N",
            "random_order": "1" if page.order == "random" and len(run) > 1 else "",
            "random_group": self._random(page),
        }  # fmt: skip
        for item in run:
            text = self._html(item.text[language])
            if semantic:
                text = "|".join(self._html(end[language]) for end in (item.left, item.right))
            yield {
                "id": self._number(), "related_id": number, "class": "SQ", "type/scale": "0",
                "name": self.codes[item.id], "text": text, "language": language,
                "relevance": self._relevance(item.show_if),
            }  # fmt: skip
        yield from self._answers(first, number, language)

    def _question(self, item: Item, page: Page, language: str) -> Iterator[Row]:
        number = self._number()
        open_anyway = item.decline and (item.kind not in CHOSEN or item.kind == "ranking")
        yield {
            "id": number, "class": "Q", "type/scale": _TYPES[item.kind], "name": self.codes[item.id],
            "relevance": self._relevance(item.show_if), "text": self._text(item, language),
            "help": self._help(item, language), "language": language,
            "mandatory": "Y" if item.required and not open_anyway else "N", "other": "Y" if item.other else "N",
            "random_group": self._random(page), **self._bounds(item),
            "other_replace_text": self._html(words(language)["other"]) if item.other else "",
        }  # fmt: skip
        if item.kind == "consent":
            yield self._subquestion(number, self.codes[item.id], words(language)["agree"], language)
        elif item.kind == "slider":
            yield self._subquestion(number, self.codes[item.id], "", language)
        elif item.kind == "multiple" and item.choices is not None:
            for value, label in zip(item.choices.values, item.choices.labels[language], strict=True):
                yield self._subquestion(number, self._answer_code(item, value), label, language)
            if item.decline:
                yield self._subquestion(number, _DECLINED_CODE, words(language)["decline"], language)
        else:
            yield from self._answers(item, number, language)

    def _subquestion(self, number: str, code: str, text: str, language: str) -> Row:
        row = {"id": self._number(), "related_id": number, "class": "SQ", "type/scale": "0", "name": code}
        return row | {"text": self._html(text), "language": language, "relevance": "1"}

    def _answers(self, item: Item, number: str, language: str) -> Iterator[Row]:
        if item.choices is None:
            return
        pairs = zip(item.choices.values, item.choices.labels[language], strict=True)
        told = [(self._answer_code(item, value), label) for value, label in pairs]
        if item.decline and item.kind != "ranking":
            told.append((_DECLINED_CODE, words(language)["decline"]))
        for code, label in told:
            row = {"id": number, "related_id": number, "class": "A", "type/scale": "0", "name": code}
            yield row | {"text": self._html(label), "language": language}

    def _bounds(self, item: Item) -> Row:
        bounds = (item.minimum, item.maximum, item.step)
        low, high, step = ("" if bound is None else number(bound) for bound in bounds)
        match item.kind:
            case "number":
                whole = item.step is not None and item.step.is_integer()
                whole_only = "1" if whole and (item.minimum or 0.0).is_integer() else ""
                return {"min_num_value_n": low, "max_num_value_n": high, "num_value_int_only": whole_only}
            case "slider":
                return {"slider_layout": "1", "slider_min": low, "slider_max": high, "slider_accuracy": step or "1"}
            case "date":
                return {"date_format": "yyyy-mm-dd"}
            case "multiple" | "ranking":
                few, many = (
                    "" if limit is None else str(limit) for limit in (item.minimum_choices, item.maximum_choices)
                )
                alone = _DECLINED_CODE if item.decline and item.kind == "multiple" else ""
                return {"min_answers": few, "max_answers": many, "exclude_all_others": alone}
            case _:
                return {}

    def _text(self, item: Item, language: str) -> str:
        text = self._html(item.text[language])
        if not item.media.startswith("https://"):
            return text
        alt = html.escape(item.alt[language])
        if item.media.lower().endswith((".mp4", ".webm")):
            return f'<video controls src="{html.escape(item.media)}" title="{alt}"></video><br />{text}'
        return f'<img src="{html.escape(item.media)}" alt="{alt}" /><br />{text}'

    def _help(self, item: Item, language: str) -> str:
        parts = [words_of.get(language, "") for words_of in (item.hint, item.help)]
        return "<br />".join(self._html(part) for part in parts if part)

    def _random(self, page: Page) -> str:
        return self._code_of_page(page) if page.order == "random" else ""

    def _code_of_page(self, page: Page) -> str:
        return page.id.replace("_", "")[:_LONGEST_CODE]

    def _html(self, text: str) -> str:
        """The text as HTML: nothing of it is markup, a formula or a tab; placeholders name questions."""
        parts = PLACEHOLDER.split(text.replace("\t", " "))
        safe = [html.escape(part).replace("\n", "<br />").replace("|", "&#124;") for part in parts]
        for place in range(1, len(parts), 2):
            safe[place] = f"{{{self._shown(parts[place])}}}"
        joined = "".join(safe)
        if joined == "0":  # PHP takes it for nothing
            return "&#48;"
        return _FORMULA.get(joined[:1], joined[:1]) + joined[1:]

    def _shown(self, name: str) -> str:
        if name in self.facts:
            return f"{self.codes[name]}.NAOK"
        item = self.instrument.item(name) if name in self.codes else None
        return f"{self._place(name)}.{'shown' if item and item.kind in CHOSEN else 'NAOK'}" if item else name

    def _relevance(self, condition: str) -> str:
        return f"({self.dialect.write(parse_condition(condition).tree)})" if condition else "1"

    def _item(self, name: str) -> Item | None:
        return None if name in FACTS else self.instrument.item(name)

    def _place(self, name: str) -> str:
        item = self._item(name)
        inner = f"_{self.codes[name]}" if item is not None and item.kind in ("slider", "consent") else ""
        return self.places.get(name, f"{self.codes[name]}{inner}")

    def _answer(self, name: str) -> str:
        item, place = self._item(name), self._place(name)
        return f'if({place}.NAOK == "Y", 1, "")' if item is not None and item.kind == "consent" else f"{place}.NAOK"

    def _answered(self, name: str) -> str:
        item = self._item(name)
        if item is None or item.choices is None or item.kind not in CHOSEN:
            return f"!is_empty({self._answer(name)})"
        if item.kind == "multiple":
            codes = [self._answer_code(item, value) for value in item.choices.values] + (
                ["other"] if item.other else []
            )
            return f"count({', '.join(f'{self.codes[name]}_{code}.NAOK' for code in codes)}) > 0"
        if item.kind == "ranking":
            return f"!is_empty({self.codes[name]}_1.NAOK)"
        given = f"!is_empty({self._answer(name)})"
        return f'{given} and {self._answer(name)} != "{_DECLINED_CODE}"' if item.decline else given

    def _chosen(self, name: str, value: Value) -> str:
        item = self._item(name)
        if item is None or item.choices is None or not isinstance(value, int):
            return f"{self._answer(name)} == {self._literal(name, value)}"
        code = self._answer_code(item, value)
        if item.kind == "multiple" and value == OTHER:
            return f"!is_empty({self.codes[name]}_other.NAOK)"
        if item.kind == "multiple":
            return f'{self.codes[name]}_{code}.NAOK == "Y"'
        if item.kind == "ranking":
            ranks = range(1, len(item.choices.values) + 1)
            return "(" + " or ".join(f'{self.codes[name]}_{rank}.NAOK == "{code}"' for rank in ranks) + ")"
        return f'{self._answer(name)} == "{code}"'

    def _literal(self, name: str, value: Value) -> str:
        item = self._item(name) if name else None
        if item is not None and item.other and value == OTHER:
            return '"-oth-"'
        return quoted(value) if isinstance(value, str) else number(value)

    def _answer_code(self, item: Item, value: int) -> str:
        """The value itself; `m1` for -1, and its place in the list where it has more than five digits."""
        code = str(value).replace("-", "m")
        if len(code) <= _LONGEST_ANSWER or item.choices is None:
            return code
        return f"A{item.choices.values.index(value) + 1}"

    def _notes(self) -> Iterator[str]:
        items, pages = self.instrument.items, self.instrument.pages
        if changed := [f"{id} is {code}" for id, code in self.codes.items() if id != code]:
            yield f"Codes have letters and digits only, at most {_LONGEST_CODE}: {listed(changed)}."
        if told := [fact for fact in self.facts if fact != "language"]:
            yield f"Hidden questions, filled in from the address, hold what it cannot know: {listed(told)}."
        if rated := [page.id for page in pages if page.per_influencer]:
            yield f"Pages asked about each influencer are asked once: {listed(rated)}."
        if declined := [one.id for one in items if one.decline and one.kind in CHOSEN and one.kind != "ranking"]:
            yield f'"I prefer not to say" has the code {_DECLINED_CODE} (here {DECLINED}): {listed(declined)}.'
        if silent := [one.id for one in items if one.decline and one.id not in declined]:
            yield f'"I prefer not to say" is not offered beside {listed(silent)}; these may be left open.'
        strange = [one.id for one in items if one.choices and any(not 0 <= v < 10**5 for v in one.choices.values)]
        if strange:
            yield f"Answer codes have five letters and digits, m for minus; compared as texts: {listed(strange)}."
        if files := [one.media for one in items if one.media and not one.media.startswith("https://")]:
            yield f"Upload these files to the survey and put them into the texts: {listed(dict.fromkeys(files))}."
        if steps := [one.id for one in items if one.kind == "number" and one.step not in (None, 1)]:
            yield f"The step of a number is not checked: {listed(steps)}."
        if self.instrument.scales or any(one.reverse or one.check is not None for one in items):
            yield "Scales, reversed items and attention checks have no place there: keep this questionnaire's own file."
        if self.instrument.citation or self.instrument.licence:
            yield "The citation and the licence are not carried over."
        yield from notes_on_words(self.instrument)


def _alike(item: Item) -> object:
    """Items with the same of this stand in one array; the rows of an array have no help of their own."""
    if item.choices is None or item.hint or item.help:
        return None
    if item.kind == "semantic":
        return (item.choices.id, item.required, item.decline, _sorted(item.text))
    return (item.choices.id, item.required, item.decline) if item.kind == "likert" else None


def _sorted(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(texts.items()))
