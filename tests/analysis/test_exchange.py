"""What every exchange of questionnaires rests on: words, facts, matrices, names and limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.errors import InstrumentError
from analysis.exchange import (
    facts_asked,
    fresh,
    items_filled_in,
    language_called,
    listed,
    matrices,
    notes_on_words,
    refused,
    words,
)
from analysis.instrument import Instrument, Item, Page, load_instrument

SHOWCASE = load_instrument("showcase")
KNOWN = ("en", "nl", "de", "fr", "es")


def made(*items: Item, languages: tuple[str, ...] = ("en",), intro: str = "") -> Instrument:
    page = Page(
        "one", dict.fromkeys(languages, "One"), tuple(item.id for item in items), dict.fromkeys(languages, intro)
    )
    return Instrument("made", "1", dict.fromkeys(languages, "Made"), languages, items, (), (page,))


@pytest.mark.parametrize("code", KNOWN)
def test_every_language_has_every_word(code: str) -> None:
    own = words(code)
    assert set(own) == set(words("en")) == {"language", "decline", "other", "other_words", "agree"}
    assert len(set(own.values())) == 5 and all(own.values())
    assert language_called(f" {own['language'].upper()} ") == code


def test_an_unknown_language_speaks_english_under_its_own_code() -> None:
    assert words("xx") == {**words("en"), "language": "xx"}
    assert language_called("xx") is None


def test_english_answers_in_another_language_are_said() -> None:
    strange = Item("a1", {"en": "A", "xx": "A"}, kind="text", decline=True)
    (note,) = notes_on_words(made(strange, languages=("en", "xx")))
    assert note.startswith("In xx the answers")
    assert notes_on_words(made(replace(strange, decline=False), languages=("en", "xx"))) == []
    assert notes_on_words(made(strange)) == []


def test_facts_of_texts_and_conditions() -> None:
    asking = Item("a1", {"en": "Why {influencer}?"}, kind="text", show_if="wave == '2' and language == 'en'")
    plain = Item("b1", {"en": "And you?"}, kind="text")
    assert facts_asked(made(asking, plain)) == ["language", "wave", "influencer"]
    assert facts_asked(made(plain, intro="In {condition}")) == ["condition"]
    assert facts_asked(made(plain)) == []


def test_items_filled_in_are_items() -> None:
    first = Item("a1", {"en": "Who?"}, kind="text")
    then = Item("b1", {"en": "Why?"}, kind="text", help={"en": "You wrote {a1} about {influencer}."})
    assert items_filled_in(made(first, then)) == {"a1"}
    assert items_filled_in(made(first)) == set()


def test_neighbours_alike_stand_together_and_nothing_is_lost() -> None:
    page = SHOWCASE.page("rating")
    for alike in (lambda item: item.choices and item.choices.id, lambda item: None, lambda item: item.id):
        runs = matrices(SHOWCASE, page, alike)
        assert [item.id for run in runs for item in run] == list(page.items)
    assert [len(run) for run in matrices(SHOWCASE, page, lambda item: None)] == [1] * len(page.items)
    assert [len(run) for run in matrices(SHOWCASE, page, lambda item: "same")] == [len(page.items)]


@pytest.mark.parametrize(("many", "ending"), [(1, "i0"), (8, "i7"), (9, "i7 and 1 more"), (30, "i7 and 22 more")])
def test_long_lists_are_cut(many: int, ending: str) -> None:
    assert listed(f"i{number}" for number in range(many)).endswith(ending)


def test_no_fresh_name_is_taken() -> None:
    taken = {"a", "a_"}
    given = [fresh("a", taken) for _ in range(3)]
    assert given == ["a__", "a___", "a____"] and set(given) <= taken


def test_a_refusal_is_one_sentence_of_ours() -> None:
    with pytest.raises(InstrumentError, match=r"form\.xlsx.*no sheet.*Name another"):
        raise refused("form.xlsx", "it has no sheet", "Name another.")
