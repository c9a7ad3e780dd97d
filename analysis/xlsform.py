"""A questionnaire as an XLSForm workbook, for people who work in Excel and for KoboToolbox and ODK, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.dialects import Dialect, Value, number, quoted
from analysis.exchange import (
    PLACEHOLDER,
    Exported,
    facts_asked,
    fresh,
    items_filled_in,
    listed,
    matrices,
    notes_on_words,
    words,
)
from analysis.instrument import Choices, Instrument, Item, Page
from analysis.kinds import CHOSEN, DECLINED, ONE_OF, OTHER, SEVERAL
from analysis.show_if import FACTS, parse_condition
from analysis.workbook import write_workbook

TEXTS = ("label", "hint", "guidance_hint")
"""Columns of the survey sheet with one text for each language, as XLSForm calls them."""
OWN_TEXTS = ("left", "right", "alt")
"""The same, of Parasol."""
NATIVE = ("required", "relevant", "constraint", "appearance", "parameters", "calculation")
OWN = (
    "kind", "show_if", "reverse", "check", "step", "minimum_choices", "maximum_choices", "other", "decline", "media",
    "item_order", "per_influencer", "block", "id", "column", "derived",
)  # fmt: skip
"""Columns of the survey sheet that XLSForm ignores and Parasol reads."""
MEDIA = ("image", "video")
ENDS = " – "
"""Stands between the two ends of a semantic differential, in the hint."""
YES = "yes"
DECLINES = "prefer-not-to-say"
"""The list with the one choice that stands beside a typed answer."""
_SIGNS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

Row = dict[str, str]


def relevants(instrument: Instrument) -> dict[tuple[str, str], str]:
    """What does `relevant` say for each condition of this questionnaire?

    Parameters
    ----------
    instrument : Instrument
        Any.

    Returns
    -------
    dict
        By ("page" or "item", id), for those that have a condition.

    Checked against
    ---------------
    tests/analysis/test_dialects.py: read again, it holds for the same answers; tests/analysis/test_xlsform.py: pyxform
    compiles what `export_xlsform` makes of it.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> relevants(load_instrument("showcase"))["item", "place"]
    '${follows} = 1'
    """
    form = _Form(instrument)
    found = {("page", page.id): form._relevant(page.show_if) for page in instrument.pages if page.show_if}
    return found | {("item", item.id): form._relevant(item.show_if) for item in instrument.items if item.show_if}


def export_xlsform(instrument: Instrument) -> Exported:
    """What does this questionnaire look like as an XLSForm?

    Parameters
    ----------
    instrument : Instrument
        Complete, as loaded from a file.

    Returns
    -------
    Exported
        An XLSX workbook that `import_xlsform` (analysis/xlsform_reading.py) reads back to an equal instrument, and
        pyxform, KoboToolbox and ODK to a form; and what such a form does differently, a sentence each.

    Raises
    ------
    DataError
        When a text is too long for a cell.

    Notes
    -----
    Sheets `survey`, `choices`, `settings` as XLSForm has them, with extra columns it ignores, and sheets `scales`
    and `titles` of our own. A page is a group with the appearance `field-list`; neighbouring Likert items with the
    same answers are a group with `table-list` in it. Rows with `derived` = yes are there for the form alone (the
    words behind "other", the box "I prefer not to say" beside a typed answer, labels of earlier answers to be filled
    in, what a study knows about the respondent) and are left out when the workbook is read.

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: shipped and generated questionnaires come back equal, and pyxform (the compiler of
    KoboToolbox and ODK) compiles them without a warning about the form.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.xlsform_reading import import_xlsform
    >>> form = export_xlsform(load_instrument("psi_core"))
    >>> import_xlsform(form.content, "psi_core.xlsx").instrument == load_instrument("psi_core")
    True
    """
    return _Form(instrument).exported()


def _language_heading(language: str) -> str:
    """What XLSForm calls this language at the head of a column, such as `English (en)`."""
    return f"{words(language)['language']} ({language})"


def guarded(text: str) -> str:
    """How is this text written where `${` would be a reference?

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        With an invisible space between the dollar sign and the brace.

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: any text comes back from `unguarded`, and none has a reference in between.

    Examples
    --------
    >>> unguarded(guarded("100 % ${x")) == "100 % ${x"
    True
    """
    return text.replace("$\u200b", "$\u200b\u200b").replace("${", "$\u200b{")


def unguarded(text: str) -> str:
    """Which text was this before it was guarded?

    Parameters
    ----------
    text : str
        What `guarded` gave.

    Returns
    -------
    str
        The text it was given.

    Checked against
    ---------------
    tests/analysis/test_xlsform.py: any text comes back.

    Examples
    --------
    >>> unguarded(guarded("pay ${amount}"))
    'pay ${amount}'
    """
    return text.replace("$\u200b{", "${").replace("$\u200b\u200b", "$\u200b")


def _choice_lists(item: Item) -> tuple[str, dict[int, str]]:
    """The name of the list an item takes its answers from, and the extra codes in it with their key in `words`.

    No id has a hyphen, so that the name of the choices stands before the first one.
    """
    if item.choices is None:
        return "", {}
    extra = ({OTHER: "other"} if item.other else {}) | ({DECLINED: "decline"} if item.decline else {})
    if item.kind == "ranking":
        extra = {}
    return "-".join((item.choices.id, *extra.values())), extra


class _Form:
    """An instrument on its way to a workbook."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.languages = instrument.languages
        # The names ODK itself gives, and all of ours: a name that means two things cannot be referred to.
        self.taken = {"data", "meta", *FACTS, *(item.id for item in instrument.items)}
        self.filled = items_filled_in(instrument)
        self.labels = {
            item.id: fresh(f"{item.id}_label", self.taken)
            for item in instrument.items
            if item.id in self.filled and item.kind in ONE_OF
        }
        self.in_order = [id for page in instrument.pages for id in page.items] == [one.id for one in instrument.items]
        self.declines = {
            item.id: fresh(f"{item.id}_declined", self.taken)
            for item in instrument.items
            if item.decline and (item.kind not in CHOSEN or item.kind == "ranking")
        }
        self.dialect = Dialect(
            signs=_SIGNS, both=" and ", either=" or ", negated="not({})", answer=self._answer,
            answered=self._answered, chosen=self._chosen, literal=self._literal,
            guarded=lambda name: True,
        )  # fmt: skip

    def exported(self) -> Exported:
        rows = [*self._facts()]
        for page in self.instrument.pages:
            rows += self._page(page)
        sheets: dict[str, Sequence[Sequence[object]]] = {
            "survey": self._laid_out(rows),
            "choices": self._choices(),
            "settings": self._settings(),
            "titles": [["language", "title"], *([one, self.instrument.title[one]] for one in self.languages)],
            "scales": self._scales(),
        }
        return Exported(write_workbook(sheets), tuple(self._notes()))

    def _words(self, heading: str, texts: Mapping[str, str]) -> Row:
        return {f"{heading}::{_language_heading(language)}": text for language, text in texts.items()}

    def _own(self, heading: str, key: str) -> Row:
        return self._words(heading, {language: words(language)[key] for language in self.languages})

    def _filled_in(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Placeholders as XLSForm has them; the label of an answer stands in a row of its own."""
        fill = "${{{}}}".format
        return {
            language: PLACEHOLDER.sub(lambda found: fill(self.labels.get(found[1], found[1])), guarded(text))
            for language, text in texts.items()
        }

    def _facts(self) -> Iterator[Row]:
        """What the study knows about a respondent: rows in which somebody writes what it is in this form."""
        for fact in facts_asked(self.instrument):
            known = self.languages[0] if fact == "language" else f"({fact})"
            yield {"type": "calculate", "name": fact, "calculation": f"'{known}'", "derived": YES}

    def _page(self, page: Page) -> Iterator[Row]:
        name = fresh(page.id, self.taken)
        yield {
            "type": "begin_group", "name": name, "appearance": "field-list", **self._shown(page.show_if),
            **self._words("label", self._filled_in(page.title)), "id": page.id if name != page.id else "",
            "item_order": "random" if page.order == "random" else "",
            "per_influencer": YES if page.per_influencer else "",
            "block": page.block,
        }  # fmt: skip
        if page.intro:
            note = {"type": "note", "name": fresh(f"{name}_intro", self.taken), "derived": "intro"}
            yield note | self._words("label", self._filled_in(page.intro))
        for run in matrices(self.instrument, page, _matrix):
            grid = len(run) > 1
            if grid:
                start = {"type": "begin_group", "name": fresh(f"{name}_grid", self.taken), "appearance": "table-list"}
                yield start | {"derived": YES}
            for item in run:
                yield from self._item(item)
            if grid:
                yield {"type": "end_group", "derived": YES}
        yield {"type": "end_group"}

    def _item(self, item: Item) -> Iterator[Row]:
        hint = {language: item.hint.get(language, "") for language in self.languages}
        if item.kind == "semantic":
            ends = {one: f"{item.left[one]}{ENDS}{item.right[one]}" for one in hint}
            hint = {one: f"{ends[one]}\n{hint[one]}" if hint[one] else ends[one] for one in hint}
        yield {
            "type": self._type(item), "name": item.id, **self._words("label", self._filled_in(item.text)),
            **self._words("hint", self._filled_in(hint)),
            **self._words("guidance_hint", self._filled_in(item.help)), **self._shown(item.show_if),
            "constraint": _constraint(item), "required": self._required(item),
            "appearance": {"long_text": "multiline", "semantic": "likert"}.get(item.kind, ""),
            "parameters": _parameters(item), **self._media(item), **self._declared(item),
        }  # fmt: skip
        yield from self._derived(item)

    def _declared(self, item: Item) -> Row:
        """What XLSForm has no column for."""
        ranking = item.kind == "ranking"
        place = self.instrument.items.index(item) + 1
        return {
            "kind": item.kind,
            "reverse": YES if item.reverse else "",
            "check": "" if item.check is None else str(item.check),
            "step": "" if item.step is None or item.kind == "slider" else number(item.step),
            "minimum_choices": str(item.minimum_choices or "") if ranking else "",
            "maximum_choices": str(item.maximum_choices or "") if ranking else "",
            "other": YES if item.other else "",
            "decline": YES if item.decline else "",
            "media": item.media,
            "column": "" if self.in_order else str(place),
            **self._words("left", _all_guarded(item.left)),
            **self._words("right", _all_guarded(item.right)),
            **self._words("alt", _all_guarded(item.alt)),
        }

    def _derived(self, item: Item) -> Iterator[Row]:
        """Rows that a form needs beside the question itself."""
        shown = self._relevant(item.show_if)
        if item.other:
            chosen = f"selected(${{{item.id}}}, '{OTHER}')"
            name = fresh(f"{item.id}_other", self.taken)
            yield {"type": "text", "name": name, "relevant": chosen, "derived": YES} | self._own("label", "other_words")
        if item.id in self.declines:
            row = {"type": f"select_multiple {DECLINES}", "name": self.declines[item.id], "derived": YES}
            yield row | {"relevant": shown} | self._own("label", "decline")
        if item.id in self.labels:
            looked_up = f"jr:choice-name(${{{item.id}}}, '${{{item.id}}}')"
            yield {"type": "calculate", "name": self.labels[item.id], "calculation": looked_up, "derived": YES}

    def _type(self, item: Item) -> str:
        list_name = _choice_lists(item)[0]
        if item.kind == "number":
            whole = item.step is not None and item.step.is_integer() and (item.minimum or 0.0).is_integer()
            return "integer" if whole else "decimal"
        return {
            "multiple": f"select_multiple {list_name}", "ranking": f"rank {list_name}", "slider": "range",
            "text": "text", "long_text": "text", "date": "date", "info": "note", "consent": "acknowledge",
        }.get(item.kind, f"select_one {list_name}")  # fmt: skip

    def _required(self, item: Item) -> str:
        if not item.required or item.id not in self.declines:
            return YES if item.required else ""
        return f"not(selected(${{{self.declines[item.id]}}}, '{DECLINED}'))"

    def _media(self, item: Item) -> Row:
        if not item.media or item.media.startswith("https://"):
            return {}
        heading = "video" if item.media.lower().endswith((".mp4", ".webm")) else "image"
        return self._words(heading, dict.fromkeys(self.languages, item.media))

    def _shown(self, condition: str) -> Row:
        return {"show_if": condition, "relevant": self._relevant(condition)}

    def _relevant(self, condition: str) -> str:
        return self.dialect.write(parse_condition(condition).tree) if condition else ""

    def _answer(self, name: str) -> str:
        agreed = name not in FACTS and self.instrument.item(name).kind == "consent"
        return f"if(${{{name}}} = 'OK', 1, '')" if agreed else f"${{{name}}}"

    def _answered(self, name: str) -> str:
        given = f"${{{name}}} != ''"
        item = None if name in FACTS else self.instrument.item(name)
        if item is None or not item.decline or name in self.declines:
            return given
        if item.kind in SEVERAL:
            return f"{given} and not(selected(${{{name}}}, '{DECLINED}'))"
        return f"{given} and ${{{name}}} != '{DECLINED}'"

    def _chosen(self, name: str, value: Value) -> str:
        if name not in FACTS and self.instrument.item(name).kind in SEVERAL:
            return f"selected(${{{name}}}, {self._literal('', str(value))})"
        return f"{self._answer(name)} = {self._literal(name, value)}"

    def _literal(self, name: str, value: Value) -> str:
        return number(value) if not isinstance(value, str) else _single(value)

    def _laid_out(self, rows: Sequence[Row]) -> list[list[str]]:
        """Rows under one heading; a text that some row has is there in every language, other columns if used."""
        used = {heading for row in rows for heading, text in row.items() if text}
        heads = ["type", "name"]
        for heading in (*TEXTS, *NATIVE, *MEDIA, *OWN, *OWN_TEXTS):
            spoken = [f"{heading}::{_language_heading(language)}" for language in self.languages]
            heads += spoken if used & set(spoken) else [heading] if heading in used else []
        return [heads, *([row.get(heading, "") for heading in heads] for row in rows)]

    def _choices(self) -> list[list[object]]:
        heads: list[object] = ["list_name", "name", *(f"label::{_language_heading(one)}" for one in self.languages)]
        lists: dict[str, list[list[object]]] = {}
        for item in self.instrument.items:
            if item.choices is not None:
                base = self._list(item.choices, item.choices.id)
                lists.setdefault(item.choices.id, base)
                name, extra = _choice_lists(item)
                own = [[name, code, *(words(one)[key] for one in self.languages)] for code, key in extra.items()]
                lists.setdefault(name, [*self._list(item.choices, name), *own])
        if self.declines:
            lists[DECLINES] = [[DECLINES, DECLINED, *(words(one)["decline"] for one in self.languages)]]
        return [heads, *(row for rows in lists.values() for row in rows)]

    def _list(self, choices: Choices, name: str) -> list[list[object]]:
        return [
            [name, value, *(guarded(choices.labels[language][place]) for language in self.languages)]
            for place, value in enumerate(choices.values)
        ]

    def _settings(self) -> list[list[str]]:
        one = self.instrument
        told = {
            "form_title": guarded(one.title[self.languages[0]]), "form_id": one.id, "version": one.version,
            "default_language": _language_heading(self.languages[0]), "style": "pages",
            "citation": guarded(one.citation), "licence": guarded(one.licence),
        }  # fmt: skip
        return [list(told), list(told.values())]

    def _scales(self) -> list[list[object]]:
        heads: list[object] = ["id", "items", "minimum_share", "source"]
        heads += [f"label::{_language_heading(language)}" for language in self.languages]
        rows: list[list[object]] = [
            [one.id, " ".join(one.items), number(one.minimum_share), one.source, *map(one.label.get, self.languages)]
            for one in self.instrument.scales
        ]
        return [heads, *rows]

    def _notes(self) -> Iterator[str]:
        items, pages = self.instrument.items, self.instrument.pages
        for fact in facts_asked(self.instrument):
            yield f"The form does not know the {fact}: write what stands for it into the calculation of the row {fact}."
        if moving := [page.id for page in pages if page.block]:
            yield f"Pages stand in a fixed order: {listed(moving)} (random in Parasol)."
        if rated := [page.id for page in pages if page.per_influencer]:
            yield f"Pages asked about each influencer are asked once: {listed(rated)}."
        if random := [page.id for page in pages if page.order == "random"]:
            yield f"Items stand in a fixed order on {listed(random)} (random in Parasol)."
        if some := [item.id for item in items if item.kind == "ranking"]:
            yield f"A ranking is always of all choices: {listed(some)}."
        if steps := [item.id for item in items if item.kind == "number" and item.step not in (None, 1)]:
            yield f"The step of a number is not checked: {listed(steps)}."
        if linked := [item.id for item in items if item.media.startswith("https://")]:
            yield f"An image or video behind a link is not shown: {listed(linked)}."
        if files := [item.media for item in items if item.media and not item.media.startswith("https://")]:
            yield f"Upload these files with the form: {listed(dict.fromkeys(files))}."
        if codes := [id for id in sorted(self.filled) if self.instrument.item(id).kind in SEVERAL]:
            yield f"Where an answer is filled in, its codes stand instead of its labels: {listed(codes)}."
        if any(item.reverse or item.check is not None for item in items) or self.instrument.scales:
            yield "Scales, reversed items and attention checks are kept in extra columns and sheets; forms ignore them."
        yield from notes_on_words(self.instrument)


def _matrix(item: Item) -> object:
    """Items with the same of this stand in one matrix."""
    return _choice_lists(item)[0] if item.kind == "likert" else None


def _constraint(item: Item) -> str:
    if item.kind == "number":
        bounds = ((">=", item.minimum), ("<=", item.maximum))
        return " and ".join(f". {sign} {number(bound)}" for sign, bound in bounds if bound is not None)
    if item.kind != "multiple":
        return ""
    limits = ((">=", item.minimum_choices), ("<=", item.maximum_choices))
    counted = " and ".join(f"count-selected(.) {sign} {limit}" for sign, limit in limits if limit is not None)
    if not item.decline:
        return counted
    return f". = '{DECLINED}' or (not(selected(., '{DECLINED}')){' and ' if counted else ''}{counted})"


def _parameters(item: Item) -> str:
    if item.kind != "slider" or item.minimum is None or item.maximum is None:
        return ""
    step = "" if item.step is None else f" step={number(item.step)}"
    return f"start={number(item.minimum)} end={number(item.maximum)}{step}"


def _single(text: str) -> str:
    return f"'{text}'" if "'" not in text else quoted(text)


def _all_guarded(texts: Mapping[str, str]) -> dict[str, str]:
    return {language: guarded(text) for language, text in texts.items()}
