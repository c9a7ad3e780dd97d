"""What stands on a screen: orders, blocks, names and the way that is left."""

from __future__ import annotations

import pytest

from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from analysis.shown import Facts
from survey_app.journey import asks_about_influencer, item_order
from survey_app.questionnaire import Screen, ask_page, progress
from survey_app.words import words

AGREE = Choices("agree", (1, 2), {"en": ("no", "yes")})
OFTEN = Choices("often", (1, 2), {"en": ("never", "always")})
PAGE = Page("one", {"en": "About {influencer}"}, ("a", "b", "c", "age", "d"), order="fixed")
SMALL = Instrument(
    "small", "1", {"en": "Small"}, ("en",),
    (
        *(Item(id, {"en": f"{id} of {{influencer}}"}, choices=AGREE) for id in ("a", "b")),
        Item("c", {"en": "C"}, choices=OFTEN),
        Item("age", {"en": "Age"}, kind="number", minimum=16, maximum=120),
        Item("d", {"en": "D"}, choices=OFTEN, required=True),
    ),
    (),
    (PAGE,),
)  # fmt: skip


def screen(influencer: str = "Nina") -> Screen:
    return ask_page(
        SMALL, PAGE, Facts(language="en"), name=influencer, answers={"a": 2, "b": None}, earlier={}, seed="p1",
        step=1, steps=1, seconds=20,
    )  # fmt: skip


def test_neighbours_of_one_answer_format_share_a_matrix() -> None:
    assert [[item["id"] for item in block["items"]] for block in screen().blocks] == [["a", "b"], ["c"], ["age"], ["d"]]


def test_the_influencers_name_stands_in_every_text_as_it_was_typed() -> None:
    shown = screen("{influencer} <b>{0}</b>")
    assert shown.title == "About {influencer} <b>{0}</b>"
    assert shown.blocks[0]["items"][0]["text"] == "a of {influencer} <b>{0}</b>"


def test_nothing_is_preselected_but_what_was_answered() -> None:
    assert screen().answers == {"a": 2}


def test_the_limits_of_a_number_are_said() -> None:
    messages = screen().blocks[2]["items"][0]["messages"]
    assert messages["between"] == "Type a number between 16 and 120"


def test_an_order_is_random_for_each_participation_and_always_the_same_for_one() -> None:
    page = load_instrument("psi_core").page("psi")
    orders = [item_order(page, f"p{number}") for number in range(50)]
    assert all(sorted(order) == sorted(page.items) for order in orders)
    assert len(set(orders)) > 40
    assert orders == [item_order(page, f"p{number}") for number in range(50)]
    assert item_order(PAGE, "p1") == PAGE.items


@pytest.mark.parametrize(
    ("seconds", "left"), [(10, "almost done"), (60, "about 1 minute left"), (200, "about 3 minutes left")]
)
def test_the_way_that_is_left_is_said_in_words(seconds: int, left: str) -> None:
    assert progress(3, 7, seconds, words("en")) == {"text": f"Page 3 of 7, {left}", "share": 0.429}


def test_an_instrument_without_influencer_asks_for_none() -> None:
    plain = Instrument(
        "plain", "1", {}, ("en",), (Item("a", {"en": "A"}, kind="text"),), (), (Page("one", {"en": "One"}, ("a",)),)
    )
    assert not asks_about_influencer(plain)
    assert asks_about_influencer(SMALL) and asks_about_influencer(load_instrument("psi_core"))
