"""Instruments of every shape, for hypothesis: all kinds and options, several languages, conditions, hostile texts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from analysis.instrument import Instrument, instrument_from_dict
from analysis.kinds import CHOSEN, KINDS, NUMERIC, SCALABLE, SEVERAL

LANGUAGES = ("en", "nl", "de", "fr", "xx")
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="{}\ufffe\uffff")
HOSTILE = (
    "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2", "<script>alert(1)</script>", "_x0041_", '"quoted"', "it's", "a|b",
    "a\tb", "two\nlines", "<!DOCTYPE x>", "&amp; &lt;", "100 % ${x", "ünïcödé 漢字 🙂", "  spaces  ", "# no heading",
)  # fmt: skip
PLAIN = st.one_of(st.sampled_from(HOSTILE), st.text(LETTERS, min_size=1, max_size=30).filter(str.strip))


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Any instrument that passes its own check."""
    languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=3, unique=True))

    def words(*filled: str) -> dict[str, str]:
        return {language: draw(_text(filled)) for language in languages}

    lists = {f"list{number}": _choices(draw, languages) for number in range(draw(st.integers(1, 3)))}
    number = draw(st.integers(1, 8))
    items: list[dict[str, Any]] = []
    pages: list[dict[str, Any]] = []
    while len(items) < number:
        earlier = [item for page in pages for item in items if item["id"] in page["items"]]
        page: dict[str, Any] = {"id": f"page{len(pages)}", "title": words("influencer"), "items": []}
        if draw(st.booleans()):
            page["intro"] = words()
        page["order"] = draw(st.sampled_from(("fixed", "random")))
        page["per_influencer"] = draw(st.booleans()) or any(one.get("per_influencer") for one in pages)
        if draw(st.integers(0, 3)) == 0:
            page["show_if"] = _condition(draw, earlier, lists)
        for _ in range(draw(st.integers(1, min(4, number - len(items))))):
            item = _item(draw, f"q{len(items)}", lists, words, earlier)
            items.append(item)
            page["items"].append(item["id"])
        pages.append(page)
    if draw(st.booleans()):
        _into_a_block(pages, items)
    content = {
        "id": "made", "version": draw(st.sampled_from(("1", "1.0", "2026-01"))), "title": words(),
        "languages": languages, "citation": draw(st.one_of(st.just(""), PLAIN)), "choices": lists,
        "items": draw(st.permutations(items)) if draw(st.booleans()) else items,
        "scales": _scales(draw, items, words), "pages": pages,
    }  # fmt: skip
    return instrument_from_dict(content, "made")


def _into_a_block(pages: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    """The first two neighbours that may change places do: they ask nothing, and nobody agrees to anything there."""
    kinds = {item["id"]: item for item in items}
    asks = {id for id, item in kinds.items() if "show_if" in item or "{q" in repr(item) or item["kind"] == "consent"}
    free = [not page.get("show_if") and not asks & {*page["items"]} for page in pages]
    for place in range(len(pages) - 1):
        two = pages[place : place + 2]
        if all(free[place : place + 2]) and two[0]["per_influencer"] == two[1]["per_influencer"]:
            for page in two:
                page["block"] = "turned"
            return


@st.composite
def _text(draw: st.DrawFn, filled: tuple[str, ...]) -> str:
    text = draw(PLAIN)
    return f"{text} {{{draw(st.sampled_from(filled))}}}" if filled and draw(st.booleans()) else text


def _choices(draw: st.DrawFn, languages: list[str]) -> dict[str, Any]:
    values = draw(st.lists(st.integers(0, 12), min_size=2, max_size=5, unique=True))
    return {"values": values, "labels": {language: [draw(PLAIN) for _ in values] for language in languages}}


def _item(draw: st.DrawFn, id: str, lists: dict[str, Any], words: Any, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    filled = ["influencer", "condition", *(one["id"] for one in earlier if one["kind"] != "info")]
    item: dict[str, Any] = {"id": id, "kind": kind, "text": words(*filled)}
    item |= {key: words() for key in ("hint", "help") if draw(st.integers(0, 3)) == 0}
    if kind in CHOSEN:
        item["choices"] = draw(st.sampled_from(sorted(lists)))
        if kind in ("likert", "semantic", "single") and draw(st.integers(0, 4)) == 0:
            item["check"] = draw(st.sampled_from(lists[item["choices"]]["values"]))
    if kind == "semantic":
        item |= {"left": words("influencer"), "right": words()}
    if kind in ("single", "multiple"):
        item["other"] = draw(st.booleans())
    if kind in SEVERAL and draw(st.booleans()):
        item |= {"minimum_choices": 1, "maximum_choices": 2}
    if kind in NUMERIC:
        low = draw(st.integers(0, 50))
        item |= {"minimum": low, "maximum": low + draw(st.integers(1, 100)), "step": 1}
        if kind == "number" and draw(st.booleans()):
            item |= {"minimum": low + 0.25, "step": 0.25}
    if kind == "info" and draw(st.booleans()):
        item |= {"media": draw(st.sampled_from(("a.png", "b.mp4", "https://example.org/c.png?d=1"))), "alt": words()}
    if kind != "info":
        item["required"] = draw(st.booleans())
        item["decline"] = kind != "consent" and draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        item["show_if"] = _condition(draw, [one for one in earlier if one["kind"] != "info"], lists)
    return item


def _condition(draw: st.DrawFn, earlier: list[dict[str, Any]], lists: dict[str, Any]) -> str:
    parts = [draw(st.sampled_from(("condition == 'ad'", "not wave == 'post'", "language in ('en', 'nl')")))]
    for item in draw(st.lists(st.sampled_from(earlier), max_size=2)) if earlier else ():
        if item["kind"] == "info":
            continue
        if "choices" in item:
            value = draw(st.sampled_from(lists[item["choices"]]["values"]))
            forms = [f"chosen({item['id']}, {value})", f"answered({item['id']})"]
            if item["kind"] not in SEVERAL:
                forms += [f"{item['id']} >= {value}", f"not ({item['id']} != {value})"]
                forms += [f"{item['id']} not in ({value}, 3)", f"0 < {item['id']} <= {value}"]
            parts.append(draw(st.sampled_from(forms)))
        else:
            parts.append(draw(st.sampled_from((f"answered({item['id']})", f"{item['id']} == 1"))))
    return draw(st.sampled_from((" and ", " or "))).join(parts)


def _scales(draw: st.DrawFn, items: list[dict[str, Any]], words: Any) -> list[dict[str, Any]]:
    """A scale of items that run over the same range, if there are any."""
    if not draw(st.booleans()):
        return []
    rated = [one for one in items if one["kind"] in SCALABLE and "choices" in one and not one.get("other")]
    rated = [one for one in rated if "check" not in one and one["choices"] == rated[0]["choices"]]
    if not rated:
        return []
    ids = draw(st.permutations([one["id"] for one in rated]))
    return [{"id": "scale0", "label": words(), "items": ids, "minimum_share": 0.75, "source": draw(PLAIN)}]
