from __future__ import annotations

import copy
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datafiles import data_file
from analysis.errors import DataError, InstrumentError
from analysis.instrument import (
    METADATA,
    Choices,
    Instrument,
    Item,
    Page,
    Scale,
    check_instrument,
    instrument_as_json,
    instrument_from_dict,
    instrument_from_json,
    load_instrument,
)
from analysis.instrument_file import instrument_as_toml
from analysis.kinds import CHOSEN, KINDS, columns_of

SMALL = """
id = "small"
version = "1"
title.en = "Small"
title.nl = "Klein"
languages = ["en", "nl"]

[choices.agree]
values = [1, 2, 3]
labels.en = ["No", "Perhaps", "Yes"]
labels.nl = ["Nee", "Misschien", "Ja"]

[[items]]
id = "s1"
choices = "agree"
text.en = "One"
text.nl = "Een"

[[items]]
id = "s2"
choices = "agree"
reverse = true
text.en = "Two"
text.nl = "Twee"

[[items]]
id = "age"
kind = "number"
minimum = 0
maximum = 120
text.en = "How old?"
text.nl = "Hoe oud?"

[[scales]]
id = "social"
label.en = "Social"
label.nl = "Sociaal"
items = ["s1", "s2"]

[[pages]]
id = "one"
title.en = "One"
title.nl = "Een"
items = ["s1", "s2", "age"]
"""


def problems_of(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in check_instrument(path)]


def test_the_small_file_is_sound(tmp_path: Path) -> None:
    assert problems_of(SMALL, tmp_path) == []
    small = load_instrument(tmp_path / "mine.toml")
    assert small.item("s2").reverse and small.item("s2").choices is not None
    assert small.item("s1").kind == "likert"
    assert small.item("age").kind == "number"
    assert small.scale("social").minimum_share == 0.5
    assert load_instrument(str(tmp_path / "mine.toml")).digest == small.digest


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('title.nl = "Klein"\n', "", "title.nl", "translation is missing"),
        ('text.nl = "Twee"\n', "", "item 's2', text.nl", "translation is missing"),
        ('text.nl = "Twee"\n', 'text.nl = "  "\n', "item 's2', text.nl", "translation is missing"),
        ('labels.nl = ["Nee", "Misschien", "Ja"]\n', "", "choices 'agree', labels.nl", "translation is missing"),
        ('label.nl = "Sociaal"\n', "", "scale 'social', label.nl", "translation is missing"),
        ('label.nl = "Sociaal"\n', 'label.nl = "S"\nlabel.de = "S"\n', "label.de", "'de' is not among the languages"),
        ('id = "s2"', 'id = "s1"', "item 's1', id", "2 items have this id"),
        ('id = "s2"', 'id = "S2"', "item 'S2', id", "no id that SPSS accepts"),
        ('id = "s2"', 'id = "not"', "item 'not', id", "reserved word"),
        ('id = "s2"', 'id = "finished"', "item 'finished', id", "metadata column"),
        ('id = "s2"', 'id = "a234567890123456789012345678901234"', "item 'a23", "no id that SPSS accepts"),
        ('id = "social"', 'id = "s1"', "scale 's1', id", "an item has this id too"),
        ('items = ["s1", "s2"]', 'items = ["s1", "s3"]', "scale 'social', items", "there is no item 's3'"),
        ('items = ["s1", "s2"]', 'items = ["s1", "s1"]', "scale 'social', items", "'s1' stands 2 times"),
        ('items = ["s1", "s2"]', "items = []", "scale 'social', items", "the list is empty"),
        ('items = ["s1", "s2", "age"]', 'items = ["s1", "s2"]', "item 'age'", "it stands on no page"),
        ('"s2", "age"]', '"s2", "age", "old"]', "page 'one', items", "there is no item 'old'"),
        ('choices = "agree"', 'choices = "agre"', "item 's1', choices", "there is no [choices.agre]"),
        ('choices = "agree"', 'choises = "agree"', "item 's1', key 'choises'", "unknown"),
        ('choices = "agree"\n', "", "item 's1', kind", "neither choices nor a kind"),
        ('kind = "number"', 'kind = "numbr"', "item 'age', kind", "'numbr' is no kind of item"),
        ('kind = "number"', 'kind = "number"\nreverse = true', "item 'age', reverse", "only an item of kind 'likert'"),
        ('items = ["s1", "s2"]', 'items = ["s1"]', "item 's2', reverse", "must be on a scale"),
        ("values = [1, 2, 3]", "values = [1, 2, 9]", "item 's2', reverse", "do not mirror each other"),
        ("values = [1, 2, 3]", "values = [1, 2]", "choices 'agree', labels.en", "3 labels for 2 values"),
        ("values = [1, 2, 3]", "values = [1, 2, 2]", "choices 'agree', values", "2 stands 2 times"),
        ("values = [1, 2, 3]", "values = [1, 2.5, 3]", "choices 'agree', values", "does not fit here"),
        ("reverse = true", 'reverse = "yes"', "item 's2', reverse", "does not fit here"),
        ("reverse = true", "check = 4", "item 's2', check", "4 is not among the values [1, 2, 3]"),
        ("reverse = true", "check = 3", "scale 'social', items", "'s2' is an attention check"),
        ("maximum = 120", "maximum = -1", "item 'age', minimum", "above the maximum -1"),
        ('kind = "number"', 'kind = "text"', "item 'age', minimum", "only an item of kind"),
        ('text.en = "One"', 'text.en = "Is {influencr} nice?"', "item 's1', text.en", "{influencr} stands for nothing"),
        ('text.en = "One"', "text.en = 3", "item 's1', text", "does not fit here"),
        ('languages = ["en", "nl"]', "languages = []", "languages", "the list is empty"),
        ('languages = ["en", "nl"]', 'languages = ["en", "English"]', "languages", "'English' is no language code"),
        ('version = "1"\n', "", "version", "this key is missing"),
        ('id = "one"', 'id = "one"\norder = "shuffled"', "page 'one', order", "'shuffled' is no order"),
        ('items = ["s1", "s2"]', 'items = ["s1", "s2"]\nminimum_share = 50', "minimum_share", "50 is no share"),
    ],
)
def test_each_mistake_is_named_with_its_place(old: str, new: str, where: str, what: str, tmp_path: Path) -> None:
    assert old in SMALL
    found = problems_of(SMALL.replace(old, new, 1), tmp_path)
    assert any(line.startswith("mine.toml, ") and where in line and what in line for line in found), found


def test_all_problems_come_at_once_and_loading_raises_the_same(tmp_path: Path) -> None:
    text = SMALL.replace('text.nl = "Twee"\n', "").replace('items = ["s1", "s2"]', 'items = ["s1", "s3"]')
    text = text.replace("maximum = 120", "maximum = -1")
    found = problems_of(text, tmp_path)
    assert len(found) == 4  # also: the reverse-keyed s2 is on no scale any more
    with pytest.raises(InstrumentError) as caught:
        load_instrument(tmp_path / "mine.toml")
    assert [str(problem) for problem in caught.value.problems] == found


def test_a_misspelt_key_gets_a_suggestion(tmp_path: Path) -> None:
    found = problems_of(SMALL.replace("reverse = true", "revers = true"), tmp_path)
    assert found == ["mine.toml, item 's2', key 'revers': this key is unknown. Did you mean 'reverse'?"]


def test_an_item_on_two_pages(tmp_path: Path) -> None:
    second = '\n[[pages]]\nid = "two"\ntitle.en = "2"\ntitle.nl = "2"\nitems = ["age"]\n'
    (line,) = problems_of(SMALL + second, tmp_path)
    assert "item 'age': it stands on the pages one, two" in line


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ("s1 > 1 and age >= 18", ""),
        ("s9 > 1", "there is no item 's9'"),
        ("more == 'x'", "'more' is not answered yet"),
        ("s1 >", "condition 's1 >': it cannot be read"),
        ("__import__('os')", "is no comparison"),
    ],
)
def test_conditions_ask_about_earlier_answers(condition: str, what: str, tmp_path: Path) -> None:
    second = f"""
[[items]]
id = "more"
kind = "text"
text.en = "More?"
text.nl = "Meer?"

[[pages]]
id = "two"
title.en = "2"
title.nl = "2"
items = ["more"]
show_if = "{condition}"
"""
    found = problems_of(SMALL + second, tmp_path)
    assert len(found) == bool(what)
    assert all("page 'two', show_if" in line and what in line for line in found), found
    item = SMALL.replace('id = "s2"', f'id = "s2"\nshow_if = "{condition}"')
    assert any("item 's2', show_if" in line for line in problems_of(item, tmp_path)) or condition == "s1 > 1"


# -- every kind of question -------------------------------------------------------------------------------------------

KINDS_FILE = """
id = "kinds"
version = "1"
title.en = "Kinds"
languages = ["en"]

[choices.three]
values = [1, 2, 3]
labels.en = ["a", "b", "c"]

[[items]]
id = "look"
kind = "info"
text.en = "Look"
media = "look.png"
alt.en = "A picture"

[[items]]
id = "sem"
kind = "semantic"
choices = "three"
text.en = "It is"
left.en = "bad"
right.en = "good"

[[items]]
id = "many"
kind = "multiple"
choices = "three"
text.en = "Which?"
other = true
decline = true
minimum_choices = 1
maximum_choices = 4

[[items]]
id = "slide"
kind = "slider"
text.en = "How much?"
minimum = 0
maximum = 10
step = 2.5
decline = true

[[items]]
id = "day"
kind = "date"
text.en = "When did {influencer} say {many}?"

[[items]]
id = "yes"
kind = "consent"
required = true
text.en = "Agreed"

[[scales]]
id = "sum"
label.en = "Sum"
items = ["sem"]

[[pages]]
id = "one"
title.en = "One"
items = ["look", "sem", "many", "slide", "day"]

[[pages]]
id = "two"
title.en = "Two, {condition}"
items = ["yes"]
show_if = "chosen(many, 2) or condition == 'x'"
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('left.en = "bad"\n', "", "item 'sem', left", "two ends"),
        ('kind = "semantic"', 'kind = "likert"', "item 'sem', left", "only an item of kind 'semantic'"),
        ('alt.en = "A picture"\n', "", "item 'look', alt", "no description"),
        ('alt.en = "A picture"', 'alt.en = " "', "item 'look', alt.en", "translation is missing"),
        *(
            ('"look.png"', f'"{media}"', "item 'look', media", "neither a file's name nor a link")
            for media in ("../x.png", "x.svg", "a/b.png", "http://x.org/a.png", "javascript:alert(1)", "x.png ", ".png")
        ),
        *(
            ('"look.png"', f'"{media}"', "item 'look', media", "neither a file's name nor a link")
            for media in (
                "https://x.org/'><script>",
                "https://u:p@x.org/a",
                "https://x.org/a b",
                "https://" + "x" * 600,
            )
        ),
        ('kind = "info"', 'kind = "text"', "item 'look', media", "only an item of kind 'info'"),
        ('text.en = "Look"', 'text.en = "Look"\nrequired = true', "item 'look', required", "only an item of kind"),
        ('text.en = "Look"', 'text.en = "Look"\ndecline = true', "item 'look', decline", "only an item of kind"),
        ('text.en = "Agreed"', 'text.en = "Agreed"\ndecline = true', "item 'yes', decline", "only an item of kind"),
        ('text.en = "It is"', 'text.en = "It is"\nother = true', "item 'sem', other", "only an item of kind 'single'"),
        ("minimum_choices = 1", "minimum_choices = 5", "item 'many', minimum_choices", "from 5 to 4 of 4"),
        ("maximum_choices = 4", "maximum_choices = 5", "item 'many', m", "from 1 to 5 of 4"),
        ("minimum_choices = 1", "minimum_choices = 0", "item 'many', minimum_choices", "from 0 to 4 of 4"),
        ("step = 2.5", "step = 3", "item 'slide', step", "do not lead from 0 to 10"),
        ("step = 2.5", "step = 0", "item 'slide', step", "0 is no step"),
        ("step = 2.5", "step = 0.001", "item 'slide', step", "10000 steps"),
        ("step = 2.5", f"step = 1{'0' * 400}", "item 'slide', step", "does not fit here"),
        ("step = 2.5", "step = inf", "item 'slide', step", "does not fit here"),
        ("step = 2.5", "step = 20", "item 'slide', step", "0.5 steps"),
        ("maximum = 10", "maximum = 1e300", "item 'slide', minimum", "beyond what a database"),
        ("maximum = 10\n", "", "item 'slide', maximum", "needs both ends"),
        ("minimum = 0", "minimum = -200", "item 'slide', decline", "its code -99 could be an answer"),
        ("values = [1, 2, 3]", "values = [1, 2, -99]", "item 'many', decline", "its code -99 is a declared value"),
        ("values = [1, 2, 3]", "values = [1, 2, 98]", "item 'many', other", "its column and that of 98 are one"),
        ("values = [1, 2, 3]", "values = [1, 2, -3]", "item 'many', choices", "-3 is negative"),
        ('id = "day"', 'id = "many_2"', "item 'many', id", "its column 'many_2' is the item 'many_2' too"),
        ('id = "day"', 'id = "many_other"', "item 'many', id", "its column 'many_other' is the item"),
        ('id = "sum"', 'id = "many_98"', "item 'many', id", "its column 'many_98' is the scale"),
        ('items = ["sem"]', 'items = ["sem", "many"]', "scale 'sum', items", "'many' is of kind 'multiple'"),
        ('items = ["sem"]', 'items = ["sem", "day"]', "scale 'sum', items", "'day' is of kind 'date'"),
        ('items = ["sem"]', 'items = ["sem", "slide"]', "scale 'sum', items", "the items run 0 to 10 and 1 to 3"),
        ("{influencer} say {many}", "{look}", "item 'day', text.en", "'look' is information"),
        ("{influencer} say {many}", "{yes}", "item 'day', text.en", "'yes' is not answered yet"),
        ("{influencer} say {many}", "{day}", "item 'day', text.en", "'day' is not answered yet"),
        ('label.en = "Sum"', 'label.en = "{sem}"', "scale 'sum', label.en", "is not filled in here"),
        ('left.en = "bad"', 'left.en = "{many}"', "item 'sem', left.en", "'many' is not answered yet"),
        ("Two, {condition}", "Two, {yes}", "page 'two', title.en", "'yes' is not answered yet"),
        ("chosen(many, 2)", "many == 2", "page 'two', show_if", "the answer to 'many' is a list"),
        ("chosen(many, 2)", "answered(look)", "page 'two', show_if", "'look' is information"),
        ("chosen(many, 2)", "conditon == 'x'", "page 'two', show_if", "there is no item 'conditon'"),
        ('title.en = "One"', 'title.en = "One"\norder = "random"', "item 'day', text.en", "'many' is not answered yet"),
        ('title.en = "One"', 'title.en = "One"\nper_influencer = true', "page 'two', show_if", "for each influencer"),
        ('text.en = "Which?"', 'text.en = "Which?\\u0000"', "item 'many', text", "does not fit here"),
        ('version = "1"', 'version = "1\\u007f"', "version", "does not fit here"),
    ],
)
def test_each_mistake_in_a_kind_is_named(old: str, new: str, where: str, what: str, tmp_path: Path) -> None:
    assert problems_of(KINDS_FILE, tmp_path) == []
    assert old in KINDS_FILE
    found = problems_of(KINDS_FILE.replace(old, new, 1), tmp_path)
    assert any(line.startswith("mine.toml, ") and where in line and what in line for line in found), found


@pytest.mark.parametrize(
    "media", ["a.PNG", "film.mp4", "https://example.org/a/b.webp?x=1&y=%20", "https://x.org:8443/"]
)
def test_media_are_files_or_links(media: str, tmp_path: Path) -> None:
    assert problems_of(KINDS_FILE.replace("look.png", media), tmp_path) == []


def test_a_columns_name_may_not_outgrow_what_programs_read(tmp_path: Path) -> None:
    long = "m" * 29
    (line,) = problems_of(KINDS_FILE.replace('id = "many"', f'id = "{long}"').replace("many", long), tmp_path)
    assert "over 32 characters" in line and f"{long}_other" in line


def test_columns_and_spans() -> None:
    showcase = load_instrument("showcase")
    assert [column.name for column in showcase.item("welcome").columns] == []
    assert [(column.name, column.holds, column.value) for column in showcase.item("place").columns] == [
        ("place", "answer", None), ("place_other", "words", None)
    ]  # fmt: skip
    assert [column.holds for column in showcase.item("reasons").columns] == ["rank"] * 4
    assert showcase.item("warmth").span == (0, 100) and showcase.item("alike1").span == (1, 7)
    assert showcase.item("one_word").span is None
    assert {item.kind for item in showcase.items} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_every_kind(kind: str) -> None:
    """With "other" wherever choices are ticked: what is stored, then the words."""
    values = (1, -2) if kind in CHOSEN else ()
    several = {"multiple": ["q_1", "q_2", "q_98", "q_other"], "ranking": ["q_1", "q_2"], "info": []}
    other = kind in ("single", "multiple")
    alone = ["q", "q_other"] if other else ["q"]
    assert [column.name for column in columns_of("q", kind, values, other)] == several.get(kind, alone)


def test_lone_surrogates_from_elsewhere_are_refused(tmp_path: Path) -> None:
    content = tomllib.loads(KINDS_FILE)
    content["items"][0]["text"]["en"] = "\ud800"
    with pytest.raises(InstrumentError, match="item 'look', text"):
        instrument_from_dict(content, "x")


def test_items_of_one_scale_share_one_range(tmp_path: Path) -> None:
    more = SMALL.replace(
        "[[items]]", '[choices.five]\nvalues = [1, 5]\nlabels.en = ["a", "b"]\nlabels.nl = ["a", "b"]\n\n[[items]]', 1
    ).replace('choices = "agree"', 'choices = "five"', 1)
    (line,) = problems_of(more, tmp_path)
    assert "scale 'social', items: the items run 1 to 3 and 1 to 5" in line


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    (line,) = problems_of(SMALL.replace('version = "1"', "version = one"), tmp_path)
    assert "mine.toml: this is not valid TOML" in line and "line 3" in line


@pytest.mark.parametrize("text", ["a = " + "[" * 3000, "id", "\x00", "[choices]\nagree = 3"])
def test_no_text_raises_anything_but_problems(text: str, tmp_path: Path) -> None:
    assert problems_of(text, tmp_path)


def test_unreadable_files_are_one_problem_each(tmp_path: Path) -> None:
    assert "cannot be read" in str(check_instrument(tmp_path / "absent.toml")[0])
    assert "cannot be read" in str(check_instrument(tmp_path)[0])
    (tmp_path / "latin.toml").write_bytes("title.en = 'caf\xe9'".encode("latin-1"))
    assert "line 1 is not UTF-8" in str(check_instrument(tmp_path / "latin.toml")[0])
    (tmp_path / "huge.toml").write_bytes(b"#" * 1_000_001)
    assert "1000001 bytes" in str(check_instrument(tmp_path / "huge.toml")[0])
    with pytest.raises(DataError, match="psi_core"):
        load_instrument("psi_cor")
    with pytest.raises(DataError, match=r"Your own has the name of its file, such as my_psi\.toml"):
        load_instrument("my_psi")
    (tmp_path / "form.xlsx").write_bytes(b"PK\x03\x04\x9f")
    assert "parasol instrument import form.xlsx -o form.toml" in str(check_instrument(tmp_path / "form.xlsx")[0])
    with pytest.raises(DataError):
        load_instrument("..")


def test_damaged_copies_of_the_core_questionnaire_never_crash() -> None:
    """Every value of the file, one at a time, replaced by something of another type or taken away."""
    content = tomllib.loads(data_file("instruments", "psi_core.toml").read_text(encoding="utf-8"))
    kept = {"choices": {"agree7": content["choices"]["agree7"]}, "items": content["items"][3:7]}
    small = content | kept | {"scales": content["scales"][1:2], "pages": content["pages"][3:4]}
    for path, whole in [(path, file) for file in (small, tomllib.loads(KINDS_FILE)) for path in _paths(file)]:
        for damage in (None, 3, "x", [], {}, [3], {"en": 3}):
            damaged = copy.deepcopy(whole)
            parent: Any = damaged
            for step in path[:-1]:
                parent = parent[step]
            if damage is None:
                del parent[path[-1]]
            else:
                parent[path[-1]] = damage
            try:
                instrument_from_dict(damaged, "damaged")
            except InstrumentError as error:
                assert error.problems


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from _paths(entry, (*path, key))


IDS = st.from_regex(r"\A[a-z][a-z0-9_]{0,10}\Z")
WORDS = st.dictionaries(st.sampled_from(["en", "nl"]), st.text(max_size=20))
CHOICES = st.lists(st.integers(-9, 99), min_size=1, max_size=7, unique=True).flatmap(
    lambda values: st.builds(
        Choices,
        IDS,
        st.just(tuple(values)),
        st.dictionaries(st.just("en"), st.tuples(*[st.text(max_size=5)] * len(values))),
    )
)
ITEMS = st.builds(
    Item,
    IDS,
    WORDS,
    choices=st.none() | CHOICES,
    reverse=st.booleans(),
    check=st.none() | st.integers(),
    minimum=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    hint=WORDS,
)
INSTRUMENTS = st.builds(
    Instrument,
    IDS,
    st.text(max_size=5),
    WORDS,
    st.just(("en", "nl")),
    st.lists(ITEMS, max_size=3).map(tuple),
    st.lists(st.builds(Scale, IDS, WORDS, st.lists(IDS, max_size=3).map(tuple)), max_size=2).map(tuple),
    st.lists(st.builds(Page, IDS, WORDS, st.lists(IDS, max_size=3).map(tuple)), max_size=2).map(tuple),
)


@given(INSTRUMENTS)
def test_json_is_exact_both_ways(instrument: Instrument) -> None:
    text = instrument_as_json(instrument)
    again = instrument_from_json(text)
    assert again == instrument
    assert again.digest == instrument.digest
    assert instrument_as_json(again) == text


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": "x"}'])
def test_a_stored_text_that_is_no_instrument_is_refused(text: str) -> None:
    with pytest.raises(InstrumentError, match="stored instrument"):
        instrument_from_json(text)


def test_the_digest_changes_with_a_single_letter(tmp_path: Path) -> None:
    problems_of(SMALL, tmp_path)
    before = load_instrument(tmp_path / "mine.toml").digest
    problems_of(SMALL.replace('"One"', '"Ona"'), tmp_path)
    assert load_instrument(tmp_path / "mine.toml").digest != before


# -- the core questionnaire -------------------------------------------------------------------------------------------


def test_the_core_questionnaire_covers_the_constructs() -> None:
    core = load_instrument("psi_core")
    sizes = {scale.id: len(scale.items) for scale in core.scales}
    assert sizes == {"exposure": 3, "physical": 5, "social": 5, "homophily": 5, "psi": 8, "trust": 5, "purchase": 4}
    turned = {scale.id: sum(core.item(id).reverse for id in scale.items) for scale in core.scales}
    assert (turned["physical"], turned["social"], turned["homophily"]) == (2, 2, 2)
    assert turned["psi"] >= 1
    assert all(scale.source for scale in core.scales)
    assert instrument_from_json(instrument_as_json(core)) == core


def test_the_long_questionnaire_holds_the_core_unchanged() -> None:
    core, full = load_instrument("psi_core"), load_instrument("psi_full")
    assert all(full.item(item.id) == item for item in core.items)
    assert all(full.scale(scale.id) == scale for scale in core.scales)
    assert {scale.id for scale in full.scales} - {scale.id for scale in core.scales} == {"expertise", "resonance"}
    assert len(full.scale("expertise").items) == 4 and len(full.scale("resonance").items) == 12
    assert full.digest != core.digest


def test_the_attention_check_hides_in_a_long_block() -> None:
    core = load_instrument("psi_core")
    (check,) = [item for item in core.items if item.check is not None]
    (page,) = [page for page in core.pages if check.id in page.items]
    assert len(page.items) == 9
    assert check.choices is not None
    for language in core.languages:
        expected = check.choices.labels[language][check.choices.values.index(check.check or 0)]
        assert f'"{expected}"' in check.text[language]


def test_every_question_about_the_person_can_be_left_open() -> None:
    core = load_instrument("psi_core")
    for id in core.page("demographics").items:
        assert not core.item(id).required
    assert not core.page("demographics").per_influencer
    assert all(core.item(id).required for scale in core.scales for id in scale.items)


def test_the_dutch_speaks_informally_and_every_rating_names_the_persona() -> None:
    core = load_instrument("psi_core")
    for scale in core.scales:
        for id in scale.items:
            for text in core.item(id).text.values():
                assert text.count("{influencer}") == 1
    dutch = " ".join(json.loads(instrument_as_json(core))["items"][n]["text"]["nl"] for n in range(len(core.items)))
    assert not re.search(r"\b(u|uw)\b", dutch, re.IGNORECASE)


def test_no_item_takes_the_name_of_a_metadata_column() -> None:
    core = load_instrument("psi_core")
    assert not {item.id for item in core.items} & set(METADATA)


# -- pages that change places ---------------------------------------------------------------------------------------


def blocks_of(**blocks: str) -> list[str]:
    """What is said of the core instrument with these pages in these blocks."""
    content = tomllib.loads(data_file("instruments", "psi_core.toml").read_text(encoding="utf-8"))
    for page in content["pages"]:
        if page["id"] in blocks:
            page["block"] = blocks[page["id"]]
    return said_of(content)


def said_of(content: dict[str, Any]) -> list[str]:
    try:
        instrument_from_dict(content, "core")
    except InstrumentError as error:
        return [f"{problem.where}: {problem.what}" for problem in error.problems]
    return []


def test_neighbouring_pages_may_change_places() -> None:
    assert blocks_of(social="them", homophily="them", physical="them") == []
    assert blocks_of(social="a", homophily="a", physical="b", psi="b") == []


@pytest.mark.parametrize(
    ("blocks", "what"),
    [
        ({"psi": "a"}, "one page alone has no order"),
        ({"psi": "a", "social": "a"}, "another page stands among its pages"),
        ({"physical": "A b", "psi": "A b"}, "this is no name of a block"),
        ({"physical": "", "psi": ""}, "this is no name of a block"),
    ],
)
def test_a_block_that_makes_no_sense_is_named(blocks: dict[str, str], what: str) -> None:
    assert [said.partition(": ")[2] for said in blocks_of(**blocks)] == [what]


def test_what_a_block_asks_is_asked_before_it() -> None:
    content: dict[str, Any] = {
        "id": "b", "version": "1", "title": {"en": "B"}, "languages": ["en"],
        "items": [
            {"id": "a", "kind": "number", "text": {"en": "A?"}},
            {"id": "b", "kind": "number", "text": {"en": "B?"}, "show_if": "a > 1"},
            {"id": "c", "kind": "number", "text": {"en": "C after {b}?"}},
            {"id": "agreed", "kind": "consent", "text": {"en": "I agree."}},
        ],
        "pages": [{"id": id, "title": {"en": id}, "items": [item]} for id, item in zip("xyz", "abc", strict=True)],
    }  # fmt: skip
    content["pages"].append({"id": "last", "title": {"en": "Last"}, "items": ["agreed"]})
    x, y, z, last = content["pages"]
    assert said_of(content) == []
    y["block"] = z["block"] = "k"
    assert said_of(content) == ["core, item 'c', text.en: 'b' may come later: its page is in block 'k' too"]
    del z["block"]
    x["block"] = "k"
    assert said_of(content) == ["core, item 'b', show_if: 'a' may come later: its page is in block 'k' too"]
    del x["block"], y["block"]
    z["block"] = last["block"] = "k"
    assert said_of(content) == ["core, block 'k': its page 'last' asks for consent"]
    last["per_influencer"] = True
    assert "core, block 'k': some of its pages are asked for each influencer, others once" in said_of(content)


def test_blocks_come_back_from_a_file_and_change_the_digest() -> None:
    core = load_instrument("psi_core")
    pages = tuple(replace(page, block="them") if page.id in ("social", "homophily") else page for page in core.pages)
    mixed = replace(core, pages=pages)
    assert mixed.digest != core.digest
    assert instrument_from_dict(tomllib.loads(instrument_as_toml(mixed)), "core") == mixed
    assert instrument_from_json(instrument_as_json(mixed)) == mixed


def test_an_instrument_kept_before_there_were_blocks_has_the_digest_it_had() -> None:
    psi = Item("psi1", {"en": "I miss them."}, choices=Choices("yesno", (0, 1), {"en": ("no", "yes")}))
    small = Instrument("small", "1", {"en": "Small"}, ("en",), (psi,), (), (Page("one", {}, ("psi1",)),))
    assert small.digest == "42c64b48bf9f11693df07c44462df5dea106679bd038c8e6efe9d4f965016215"


def test_a_bound_is_the_same_however_it_is_written() -> None:
    core = load_instrument("psi_core")
    items = tuple(replace(item, minimum=16) if item.id == "age" else item for item in core.items)
    whole = replace(core, items=items)
    assert type(whole.item("age").minimum) is int and whole.digest == core.digest
