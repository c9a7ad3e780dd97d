"""What stands on a screen: orders, blocks, names and the way that is left."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from analysis.shown import Facts
from survey_app.journey import item_order
from survey_app.questionnaire import Screen, ask_page, draw_link, progress
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


# -- every kind of question -----------------------------------------------------------------------------------------

SHOWCASE = load_instrument("showcase")


def showcase(page: str, language: str = "en", **given: Any) -> Screen:
    answers, earlier = given.pop("answers", {}), given.pop("earlier", {})
    return ask_page(
        SHOWCASE, SHOWCASE.page(page), Facts(language=language, **given), name="Nina", answers=answers, earlier=earlier,
        seed="p1", step=1, steps=2, seconds=20,
    )  # fmt: skip


def items_of(screen: Screen) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for block in screen.blocks for item in block["items"]}


@pytest.mark.parametrize("language", SHOWCASE.languages)
@pytest.mark.parametrize("page", [page.id for page in SHOWCASE.pages])
def test_every_kind_has_its_texts_and_messages_in_every_language(page: str, language: str) -> None:
    for id, item in items_of(showcase(page, language, earlier={"follows": 1, "age": 30})).items():
        assert "{" not in str(item["text"]).replace("{'item'", "")
        if SHOWCASE.item(id).kind != "info":
            assert all(message.strip() and "{" not in message for message in item["messages"].values())


def test_what_depends_on_this_page_is_told_as_a_tree_and_the_rest_decided_here() -> None:
    choosing = items_of(showcase("choosing"))
    assert choosing["news_source"]["when"] == ("chosen", "topics", 5)
    assert choosing["place"]["when"] == ("compare", ("item", "follows"), "==", 1)
    assert "post_shown" in items_of(showcase("start")) and "post_shown" not in items_of(
        showcase("start", condition="text")
    )


def test_only_earlier_answers_that_are_asked_about_are_known_to_the_phone() -> None:
    assert showcase("choosing", earlier={"agreed": 1}).known == {}


def test_an_earlier_answer_stands_in_a_text_as_text_only() -> None:
    earlier = {"follows": 1, "age": 30, "one_word": "<b>{age}</b>", "place": 2}
    shown = items_of(showcase("followers", earlier=earlier))
    assert shown["adult_topic"]["text"] == 'You wrote "<b>{age}</b>". What makes you think so?'
    assert "here: TikTok." in shown["wrong_place"]["text"]


def test_an_answer_of_the_same_page_has_a_place_in_the_text() -> None:
    page = Page("one", {"en": "One"}, ("a", "b"))
    told = Item("b", {"en": "You said {a}, {influencer}?"}, kind="text")
    small = Instrument("small", "1", {"en": "S"}, ("en",), (Item("a", {"en": "A"}, choices=AGREE), told), (), (page,))
    screen = ask_page(
        small, page, Facts(language="en"), name="Nina", answers={}, earlier={}, seed="p", step=1, steps=1, seconds=9
    )
    assert items_of(screen)["b"]["text"] == ["You said ", {"item": "a"}, ", Nina?"]


def test_a_link_to_a_video_stays_a_link_and_a_file_is_ours() -> None:
    info = Item("x", {"en": "Look"}, kind="info", media="https://www.video.example/watch?v=1")
    page = Page("one", {"en": "One"}, ("x", "y"))
    clip = Item("y", {"en": "Look"}, kind="info", media=f"{'a' * 32}.mp4")
    small = Instrument("small", "1", {"en": "S"}, ("en",), (info, clip), (), (page,))
    screen = ask_page(
        small, page, Facts(language="en"), name="", answers={}, earlier={}, seed="p", step=1, steps=1, seconds=9
    )
    assert (
        items_of(screen)["x"]["media"]["kind"] == "link" and items_of(screen)["x"]["media"]["host"] == "video.example"
    )
    assert "shows" not in items_of(screen)["x"]["media"]
    assert items_of(screen)["y"]["media"] == {"kind": "video", "address": f"/files/{'a' * 32}.mp4", "alt": ""}


def test_a_link_is_drawn_as_a_path_of_dark_modules() -> None:
    drawing = draw_link("http://127.0.0.1/?s=a&t=b")
    assert drawing["size"] == 25 and drawing["path"].startswith("M0 0.5h7")
