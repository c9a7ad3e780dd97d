"""Instruments of every form that a questionnaire file can have, for tests of what must hold of all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from analysis.instrument import Choices, Instrument, Item, Page, Scale
from analysis.kinds import KINDS, NUMERIC, SEVERAL

LANGUAGES = ("en", "nl")
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{}\ufffe\uffff"), min_size=1, max_size=12
).filter(lambda text: text.strip())
WORDS = st.fixed_dictionaries({language: TEXT | TEXT.map('{}\n\t"\\'.format) for language in LANGUAGES})


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """A sound instrument in English and Dutch."""
    sets = [draw(_choices(f"c{number}")) for number in range(2)]
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
    scale = draw(st.booleans())
    items = [_item(draw, f"i{number}", kind, sets) for number, kind in enumerate(kinds)]
    if scale:
        items.append(Item("s1", draw(WORDS), choices=sets[0]))
        items.append(Item("s2", draw(WORDS), "semantic", sets[0], left=draw(WORDS), right=draw(WORDS)))
    cut = draw(st.integers(1, len(items)))
    pages = [_page(draw, "p0", items[:cut], "")]
    if items[cut:]:
        asked = [item.id for item in items[:cut] if item.kind != "info"]
        condition = draw(st.sampled_from(["", "language == 'nl'", *(f"answered({id})" for id in asked)]))
        pages.append(_page(draw, "p1", items[cut:], condition))
    share = draw(st.floats(0, 1))
    return Instrument(
        id="drawn",
        version=draw(TEXT),
        title=draw(WORDS),
        languages=LANGUAGES,
        items=tuple(items),
        scales=(Scale("sum", draw(WORDS), ("s1", "s2"), share, draw(TEXT)),) if scale else (),
        pages=tuple(pages),
        citation=draw(TEXT),
    )


@st.composite
def _choices(draw: st.DrawFn, id: str) -> Choices:
    values = draw(st.lists(st.integers(0, 97), min_size=2, max_size=5, unique=True))
    labels = {language: tuple(draw(TEXT) for _ in values) for language in LANGUAGES}
    return Choices(id, tuple(values), labels)


def _item(draw: st.DrawFn, id: str, kind: str, sets: list[Choices]) -> Item:
    told: dict[str, Any] = {"kind": kind, "hint": draw(st.just({}) | WORDS), "help": draw(st.just({}) | WORDS)}
    if kind in ("likert", "semantic", "single", *SEVERAL):
        told["choices"] = draw(st.sampled_from(sets))
    if kind == "semantic":
        told |= {"left": draw(WORDS), "right": draw(WORDS)}
    if kind in NUMERIC:
        told |= {
            "minimum": draw(st.sampled_from([-5.0, 0.0, 0.5])),
            "maximum": draw(st.sampled_from([1.5, 10.5, 11.5])),
        }
        told["step"] = draw(st.sampled_from([None, 0.5])) if kind == "number" else 0.5
    if kind in SEVERAL:
        told["minimum_choices"] = draw(st.sampled_from([None, 1, 2]))
        told["maximum_choices"] = draw(st.sampled_from([None, 2]))
    if kind in ("single", "multiple"):
        told["other"] = draw(st.booleans())
    if kind == "info" and draw(st.booleans()):
        told |= {"media": draw(st.sampled_from(["a.png", "https://example.org/a"])), "alt": draw(WORDS)}
    if kind != "info":
        told["required"] = draw(st.booleans())
    if kind not in ("info", "consent"):
        told["decline"] = draw(st.booleans())
    return Item(id, draw(WORDS), **told)


def _page(draw: st.DrawFn, id: str, items: list[Item], condition: str) -> Page:
    intro = draw(st.just({}) | WORDS)
    order = draw(st.sampled_from(["fixed", "random"]))
    return Page(
        id, draw(WORDS), tuple(item.id for item in items), intro, order, condition, draw(st.booleans()) and id == "p1"
    )
