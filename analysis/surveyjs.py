"""A questionnaire as SurveyJS JSON, for web pages that show surveys with that library."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from analysis.dialects import Dialect, Value, number, quoted
from analysis.exchange import (
    PLACEHOLDER,
    Exported,
    facts_asked,
    fresh,
    listed,
    matrices,
    notes_on_words,
    words,
)
from analysis.instrument import Instrument, Item, Page
from analysis.kinds import CHOSEN, DECLINED, OTHER, SEVERAL
from analysis.show_if import FACTS, parse_condition

OWN = "parasol"
"""The property in which Parasol keeps what SurveyJS has no property for; SurveyJS ignores it."""
VIDEOS = (".mp4", ".webm")
_SIGNS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

Json = dict[str, Any]


def export_surveyjs(instrument: Instrument) -> Exported:
    """What does this questionnaire look like as SurveyJS JSON?

    Parameters
    ----------
    instrument : Instrument
        Complete, as loaded from a file.

    Returns
    -------
    Exported
        JSON (UTF-8) that `import_surveyjs` (analysis/surveyjs_reading.py) reads back to an equal instrument, and
        SurveyJS shows; and what it does differently there, a sentence each.

    Notes
    -----
    Neighbouring Likert items with the same answers become the rows of a `matrix`, a semantic differential a `rating`
    between its two ends. The property `parasol` holds what SurveyJS has none for. It is ignored there (and reported
    among `jsonErrors`, which are no obstacle).

    Checked against
    ---------------
    tests/analysis/test_surveyjs.py: shipped and generated questionnaires come back equal from `import_surveyjs`. No
    test runs SurveyJS itself.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> survey = json.loads(export_surveyjs(load_instrument("showcase")).content)
    >>> [element["type"] for element in survey["pages"][2]["elements"]]
    ['matrix', 'radiogroup']
    """
    return _Survey(instrument).exported()


def visible_ifs(instrument: Instrument) -> dict[tuple[str, str], str]:
    """What does `visibleIf` say for each condition of this questionnaire?

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
    tests/analysis/test_dialects.py: read again, it holds for the same answers.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> visible_ifs(load_instrument("showcase"))["item", "place"]
    '{follows} = 1'
    """
    survey = _Survey(instrument)
    found = {("page", page.id): survey.visible_if(page.show_if) for page in instrument.pages if page.show_if}
    return found | {("item", one.id): survey.visible_if(one.show_if) for one in instrument.items if one.show_if}


class _Survey:
    """An instrument on its way to JSON."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.languages = instrument.languages
        taken = {*FACTS, "locale", *(item.id for item in instrument.items)}
        self.taken = taken
        self.runs = {page.id: matrices(instrument, page, _matrix) for page in instrument.pages}
        self.grids: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        for id, runs in self.runs.items():
            for run in runs:
                if len(run) > 1:
                    self.grids[run[0].id] = grid = fresh(f"{id}_grid", taken)
                    self.paths |= {item.id: f"{grid}.{item.id}" for item in run}
        self.dialect = Dialect(
            signs=_SIGNS, both=" and ", either=" or ", negated="!({})", answer=self._answer, answered=self._answered,
            chosen=self._chosen, literal=self._literal, guarded=lambda name: True,
        )  # fmt: skip

    def exported(self) -> Exported:
        one = self.instrument
        own: Json = {
            "id": one.id, "version": one.version, "languages": list(one.languages), "citation": one.citation,
            "licence": one.licence, "columns": [item.id for item in one.items],
            "scales": [
                {"id": scale.id, "label": dict(scale.label), "items": list(scale.items),
                 "minimum_share": scale.minimum_share, "source": scale.source}
                for scale in one.scales
            ],
        }  # fmt: skip
        survey: Json = {"title": self._text(one.title), "locale": self.languages[0], "showQuestionNumbers": "off"}
        survey["pages"] = [self._page(page) for page in one.pages]
        survey[OWN] = own
        text = json.dumps(survey, ensure_ascii=False, indent=2, allow_nan=False)
        return Exported(text.encode() + b"\n", tuple(self._notes()))

    def visible_if(self, condition: str) -> str:
        return self.dialect.write(parse_condition(condition).tree) if condition else ""

    def _text(self, texts: Mapping[str, str]) -> str | dict[str, str]:
        """A text as SurveyJS has it: the first language is its default."""
        first, *others = self.languages
        if not others:
            return self._piped(texts[first])
        return {"default": self._piped(texts[first]), **{one: self._piped(texts[one]) for one in others}}

    def _piped(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda found: f"{{{self._path(found[1])}}}", text)

    def _path(self, name: str) -> str:
        return "locale" if name == "language" else self.paths.get(name, name)

    def _own_words(self, key: str) -> str | dict[str, str]:
        return self._text({language: words(language)[key] for language in self.languages})

    def _page(self, page: Page) -> Json:
        found: Json = {"name": page.id, "title": self._text(page.title)}
        if page.intro:
            found["description"] = self._text(page.intro)
        if page.order == "random":
            found["questionOrder"] = "random"
        found |= self._shown(page.show_if)
        own = self._own_shown(page.show_if) | ({"per_influencer": True} if page.per_influencer else {})
        own |= {"block": page.block} if page.block else {}
        if own:
            found[OWN] = own
        found["elements"] = [one for run in self.runs[page.id] for one in self._elements(run, page)]
        return found

    def _shown(self, condition: str) -> Json:
        return {"visibleIf": self.visible_if(condition)} if condition else {}

    def _own_shown(self, condition: str) -> Json:
        return {"show_if": condition} if condition else {}

    def _elements(self, run: tuple[Item, ...], page: Page) -> Iterator[Json]:
        if run[0].id in self.grids:
            yield self._grid(run, page)
            return
        for item in run:
            if item.media:
                yield self._media(item)
            yield self._question(item)

    def _grid(self, run: tuple[Item, ...], page: Page) -> Json:
        first = run[0]
        rows = [
            {"value": item.id, "text": self._text(item.text), **self._shown(item.show_if), OWN: self._declared(item)}
            for item in run
        ]
        grid: Json = {"type": "matrix", "name": self.grids[first.id], "titleLocation": "hidden"}
        if first.required:
            grid["eachRowRequired"] = True
        if page.order == "random":
            grid["rowOrder"] = "random"
        return grid | {"columns": self._choices(first), "rows": rows}

    def _question(self, item: Item) -> Json:
        found: Json = {"type": _TYPES[item.kind], "name": item.id}
        if item.kind == "info":
            found["html"] = self._text({language: _as_html(text) for language, text in item.text.items()})
        else:
            found["title"] = self._text(item.text)
        if item.hint and item.kind != "info":
            found["description"] = self._text(item.hint)
        if item.required and not self._typed_decline(item):
            found["isRequired"] = True
        return found | self._shown(item.show_if) | self._answers(item) | {OWN: self._declared(item)}

    def _answers(self, item: Item) -> Json:
        """The properties that bound or list the answers."""
        match item.kind:
            case "semantic":
                ends = {"minRateDescription": self._text(item.left), "maxRateDescription": self._text(item.right)}
                return {"rateValues": self._choices(item), **ends}
            case "slider" | "number":
                kind: Json = {"inputType": "number"} if item.kind == "number" else {}
                bounds = (("min", item.minimum), ("max", item.maximum), ("step", item.step))
                return kind | {key: _plain(bound) for key, bound in bounds if bound is not None}
            case "date":
                return {"inputType": "date"}
            case "consent":
                agreed: Json = {"valueTrue": 1, "valueFalse": 0, "renderAs": "checkbox"}
                rule = {"type": "expression", "expression": f"{{{item.id}}} = 1"}
                return agreed | ({"validators": [rule]} if item.required else {})
            case _ if item.kind in CHOSEN:
                return {"choices": self._choices(item)} | self._limits(item) | self._other(item)
            case _:
                return {}

    def _limits(self, item: Item) -> Json:
        limits = (("minSelectedChoices", item.minimum_choices), ("maxSelectedChoices", item.maximum_choices))
        some: Json = {"selectToRankEnabled": True} if item.kind == "ranking" else {}
        return some | {key: limit for key, limit in limits if limit is not None}

    def _other(self, item: Item) -> Json:
        if not item.other:
            return {}
        spoken = {"otherText": self._own_words("other"), "otherPlaceholder": self._own_words("other_words")}
        return {"showOtherItem": True, **spoken}

    def _choices(self, item: Item) -> list[Json]:
        if item.choices is None:
            return []
        by_place = zip(*(item.choices.labels[language] for language in self.languages), strict=True)
        texts = [dict(zip(self.languages, labels, strict=True)) for labels in by_place]
        choices = [
            {"value": v, "text": _as_is(t, self.languages)} for v, t in zip(item.choices.values, texts, strict=True)
        ]
        if item.decline and item.kind != "ranking":
            alone = {"isExclusive": True} if item.kind == "multiple" else {}
            choices.append({"value": DECLINED, "text": self._own_words("decline"), **alone})
        return choices

    def _declared(self, item: Item) -> Json:
        """What SurveyJS has no property for."""
        own: Json = {"kind": item.kind} | ({"choices": item.choices.id} if item.choices else {})
        for key in ("reverse", "decline"):
            if getattr(item, key):
                own[key] = True
        if item.check is not None:
            own["check"] = item.check
        if item.required and self._typed_decline(item):
            own["required"] = True
        if item.help:
            own["help"] = dict(item.help)
        if item.kind == "info":
            own |= {"hint": dict(item.hint)} if item.hint else {}
            own |= {"media": item.media, "alt": dict(item.alt)} if item.media else {}
        return own | self._own_shown(item.show_if)

    def _typed_decline(self, item: Item) -> bool:
        return item.decline and (item.kind not in CHOSEN or item.kind == "ranking")

    def _media(self, item: Item) -> Json:
        moving = item.media.lower().endswith(VIDEOS)
        image = {"type": "image", "name": fresh(f"{item.id}_media", self.taken), "imageLink": item.media}
        mode = "video" if moving else "image"
        own = {OWN: {"derived": True}}
        return image | {"contentMode": mode, "altText": self._text(item.alt)} | self._shown(item.show_if) | own

    def _answer(self, name: str) -> str:
        return f"{{{self._path(name)}}}"

    def _item(self, name: str) -> Item | None:
        return None if name in FACTS else self.instrument.item(name)

    def _answered(self, name: str) -> str:
        item, answer = self._item(name), self._answer(name)
        if item is not None and item.kind == "consent":
            return f"{answer} = 1"
        if item is None or not item.decline or self._typed_decline(item):
            return f"{answer} notempty"
        declined = "notcontains" if item.kind in SEVERAL else "<>"
        return f"{answer} notempty and {answer} {declined} {DECLINED}"

    def _chosen(self, name: str, value: Value) -> str:
        item = self._item(name)
        sign = "contains" if item is not None and item.kind in SEVERAL else "="
        return f"{self._answer(name)} {sign} {self._literal(name, value)}"

    def _literal(self, name: str, value: Value) -> str:
        item = self._item(name) if name else None
        if item is not None and item.other and value == OTHER:
            return "'other'"
        return quoted(value) if isinstance(value, str) else number(value)

    def _notes(self) -> Iterator[str]:
        items, pages = self.instrument.items, self.instrument.pages
        if facts := [fact for fact in facts_asked(self.instrument) if fact != "language"]:
            yield f"Tell the survey what it cannot know with survey.setVariable: {listed(facts)}."
        if moving := [page.id for page in pages if page.block]:
            yield f"Pages stand in a fixed order: {listed(moving)} (random in Parasol)."
        if rated := [page.id for page in pages if page.per_influencer]:
            yield f"Pages asked about each influencer are asked once: {listed(rated)}."
        if silent := [item.id for item in items if self._typed_decline(item)]:
            yield f'"I prefer not to say" is not offered beside {listed(silent)}; these may be left open.'
        if helped := [item.id for item in items if item.help]:
            yield f"The help behind these questions is not shown: {listed(helped)}."
        if others := [item.id for item in items if item.other]:
            yield f'"Other" is stored as the text other (here {OTHER}): {listed(others)}.'
        if files := [item.media for item in items if item.media and not item.media.startswith("https://")]:
            yield f"Put these files beside the page that shows the survey: {listed(dict.fromkeys(files))}."
        if self.instrument.scales or any(item.reverse or item.check is not None for item in items):
            yield f"Scales, reversed items and attention checks are kept under {OWN!r}, which SurveyJS ignores."
        yield from notes_on_words(self.instrument)


_TYPES = {
    "likert": "radiogroup", "semantic": "rating", "single": "radiogroup", "multiple": "checkbox", "number": "text",
    "slider": "slider", "text": "text", "long_text": "comment", "date": "text", "ranking": "ranking", "info": "html",
    "consent": "boolean",
}  # fmt: skip


def _matrix(item: Item) -> object:
    """Items with the same of this stand in one matrix; its rows have no hint."""
    plain = item.kind == "likert" and item.choices is not None and not item.hint
    return (item.choices.id, item.required, item.decline) if plain and item.choices else None


def _as_is(texts: Mapping[str, str], languages: tuple[str, ...]) -> str | dict[str, str]:
    first, *others = languages
    return {"default": texts[first], **{one: texts[one] for one in others}} if others else texts[first]


def _as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value
