from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.instrument import METADATA, Choices, Instrument, Item, Page, Scale, load_instrument
from analysis.scoring import Scores, score
from analysis.simulate import simulate_answers

CORE = load_instrument("psi_core")


def betas(scores: Scores, outcome: str, causes: list[str]) -> tuple[dict[str, float], float]:
    """Standardised least squares and R2."""
    table = scores.frame[[outcome, *causes]].to_numpy(dtype=float)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    slopes, *_ = np.linalg.lstsq(table[:, 1:], table[:, 0], rcond=None)
    residuals = table[:, 0] - table[:, 1:] @ slopes
    return dict(zip(causes, slopes.tolist(), strict=True)), float(1 - np.mean(residuals**2))


def alpha(scores: Scores, scale: str) -> float:
    covariance = np.cov(scores.items[list(scores.scales[scale])].to_numpy(dtype=float).T)
    k = len(covariance)
    return float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_four_thousand_answers_lie_in_the_published_ranges(seed: int) -> None:
    scores = score(simulate_answers(CORE, 4000, seed=seed), CORE)
    psi, r2_psi = betas(scores, "psi", ["physical", "social", "homophily"])
    assert 0.28 <= psi["homophily"] <= 0.40
    assert 0.10 <= psi["physical"] <= 0.36
    assert 0.10 <= psi["social"] <= 0.40
    assert 0.37 <= r2_psi <= 0.62
    purchase, r2_purchase = betas(scores, "purchase", ["psi", "trust", "physical", "social", "homophily"])
    assert 0.27 <= purchase["psi"] <= 0.40
    assert 0.18 <= r2_purchase <= 0.37
    for scale in scores.scales:
        assert 0.75 <= alpha(scores, scale) <= 0.93, scale
        mean, sd = float(scores.frame[scale].mean()), float(scores.frame[scale].std())
        assert 2.7 <= 1 + (mean - 1) * 4 / 6 <= 3.9, scale  # the ranges are known for five points
        assert 0.6 <= sd * 4 / 6 <= 1.1, scale


def test_r_finds_the_same_in_the_same_answers() -> None:
    """Nothing of ours but the answers: scale means and moments by R, of those who left none of the scales open."""
    found = json.loads((Path(__file__).parents[1] / "reference" / "simulate.json").read_text(encoding="utf-8"))
    rows = simulate_answers(CORE, 2000, seed=1)
    whole = rows.dropna(subset=[id for scale in CORE.scales for id in scale.items])
    scores = score(whole, CORE)
    assert len(whole) == found["n"]
    for scale, by_r in found["alpha"].items():
        assert alpha(scores, scale) == pytest.approx(by_r, rel=1e-9)
    for outcome in ("psi", "purchase"):
        ours, r2 = betas(scores, outcome, list(found[outcome]["beta"]))
        assert ours == pytest.approx(found[outcome]["beta"], rel=1e-9)
        assert r2 == pytest.approx(found[outcome]["r2"], rel=1e-9)


def test_every_answer_is_a_declared_value_and_every_row_is_synthetic() -> None:
    rows = simulate_answers(CORE, 300, seed=5)
    assert rows["synthetic"].all() and not rows["test"].any()
    for item in CORE.items:
        given = rows[item.id].dropna()
        assert len(given) > 280
        if item.required:
            assert len(given) == 300
        if item.choices is not None:
            assert set(given) <= set(item.choices.values)
        else:
            assert given.between(item.minimum or 0, item.maximum or 0).all()
    assert score(rows, CORE).synthetic


def test_the_metadata_hang_together() -> None:
    rows = simulate_answers(CORE, 200, seed=5)
    assert [name for name in METADATA if name in rows] == list(rows.columns[: len(rows.columns) - len(CORE.items)])
    assert rows["participation"].is_unique
    assert ((rows["finished"] - rows["started"]).dt.total_seconds() == rows["seconds"]).all()
    assert rows["started"].is_monotonic_increasing
    assert set(rows["language"]) == {"en", "nl"}
    assert (rows["instrument"] == CORE.digest).all()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    once, again = simulate_answers(CORE, 50, seed=5), simulate_answers(CORE, 50, seed=5)
    pd.testing.assert_frame_equal(once, again)
    assert not once["psi1"].equals(simulate_answers(CORE, 50, seed=6)["psi1"])


def test_reverse_items_are_answered_in_reverse() -> None:
    rows = simulate_answers(CORE, 1000, seed=5, careless=0)
    assert rows["social1"].corr(rows["social3"]) < -0.3
    assert rows["social1"].corr(rows["social2"]) > 0.3


def test_the_careless_fail_the_check_and_the_others_pass_it() -> None:
    attentive = simulate_answers(CORE, 1000, seed=5, careless=0)
    careless = simulate_answers(CORE, 1000, seed=5, careless=1)
    assert (attentive["attention1"] == 6).mean() > 0.97
    assert (careless["attention1"] == 6).mean() < 0.3
    assert careless["seconds"].median() < attentive["seconds"].median() / 2
    ratings = careless[[id for scale in CORE.scales for id in scale.items]]
    assert 0.3 <= (ratings.nunique(axis=1) == 1).mean() <= 0.36


def test_any_instrument_will_do() -> None:
    yes = Choices("yes", (-2, 0, 7), {"en": ("a", "b", "c")})
    items = (
        Item("a1", {"en": "A"}, choices=yes),
        Item("a2", {"en": "A"}, choices=yes),
        Item("b1", {"en": "B"}, kind="number", minimum=3.5, maximum=4.5),
        Item("c1", {"en": "C"}, kind="text"),
        Item("d1", {"en": "D"}, choices=yes),
        Item("e1", {"en": "E"}, kind="single", choices=yes),
    )
    scales = (Scale("a", {"en": "A"}, ("a1", "a2")), Scale("b", {"en": "B"}, ("b1",)))
    page = Page("p", {"en": "P"}, tuple(item.id for item in items))
    rows = simulate_answers(Instrument("x", "1", {"en": "X"}, ("en",), items, scales, (page,)), 500, seed=1)
    assert set(rows["a1"].dropna()) == {-2, 0, 7}
    assert set(rows["b1"].dropna()) == {4}
    assert rows["c1"].isna().all()
    assert rows["a1"].corr(rows["a2"]) > 0.5
    assert (rows["influencer"] == "").all()


def test_questions_that_were_not_shown_have_no_answer() -> None:
    first, *others = CORE.pages
    hidden = replace(others[0], show_if="exposure1 >= 4")
    item = replace(CORE.item("age"), required=True, show_if="answered(social1) and exposure2 in (1, 2, 3)")
    items = tuple(item if old.id == "age" else old for old in CORE.items)
    rows = simulate_answers(replace(CORE, pages=(first, hidden, *others[1:]), items=items), 300, seed=1)
    shown = rows["exposure1"] >= 4
    assert (rows[list(hidden.items)].notna().all(axis=1) == shown).all()
    assert (rows["age"].notna() == shown & (rows["exposure2"] <= 3)).all()
    assert 0 < shown.sum() < 300


def test_wishes_out_of_range_are_all_named() -> None:
    with pytest.raises(DataError) as caught:
        simulate_answers(CORE, 0, seed=-1, careless=2)
    assert [problem.where for problem in caught.value.problems] == ["n", "seed", "careless"]


# -- every kind of question -------------------------------------------------------------------------------------------

SHOWCASE = load_instrument("showcase")


def test_every_kind_is_answered_with_what_it_declares() -> None:
    rows = simulate_answers(SHOWCASE, 2000, seed=5)
    assert set(rows["agreed"]) == {1}
    assert set(rows["place"].dropna()) == {1, 2, 3, 4, -98, -99}
    topics = rows[[f"topics_{end}" for end in (1, 2, 3, 4, 5, 98)]].dropna()
    assert ((topics == -99).all(axis=1) | topics.sum(axis=1).between(1, 3)).all()
    assert 0 < (topics == -99).all(axis=1).mean() < 0.06
    reasons = rows[[f"reasons_{end}" for end in (1, 2, 3, 4)]].dropna()
    assert {tuple(sorted(row)) for row in reasons.to_numpy().tolist()} == {(1, 2, 3, 4), (-99,) * 4}
    warmth = rows["warmth"].dropna()
    assert set(warmth) - {-99} == set(range(0, 101, 5))
    assert rows["age"].notna().all() and rows["age"][rows["age"] != -99].between(16, 110).all()
    days = rows["first_seen"].dropna()
    assert (days == "-99").any() and pd.to_datetime(days[days != "-99"], format="%Y-%m-%d").max() < rows[
        "started"
    ].min().tz_localize(None)
    assert rows["one_word"].isna().all() and "welcome" not in rows
    assert set(rows["alike1"]) == set(range(1, 8))


def test_hidden_lists_words_and_facts() -> None:
    rows = simulate_answers(SHOWCASE, 500, seed=2)
    assert (rows["place"].notna() == (rows["follows"] == 1).fillna(False)).all()
    assert rows["wrong_place"].notna().sum() > 0
    assert rows.loc[~(rows["follows"] == 1).fillna(False), "wrong_place"].isna().all()
    listed = replace(
        SHOWCASE.item("warmth"), required=True, decline=False, show_if="chosen(topics, 5) and language == 'nl'"
    )
    items = tuple(listed if item.id == "warmth" else item for item in SHOWCASE.items)
    rows = simulate_answers(replace(SHOWCASE, items=items), 500, seed=2)
    expected = (rows["topics_5"] == 1).fillna(False) & (rows["language"] == "nl")
    assert (rows["warmth"].notna() == expected).all() and 0 < expected.sum() < 500


def test_a_partial_ranking_and_a_stepped_number() -> None:
    yes = Choices("yes", (1, 2, 3, 4), {"en": ("a", "b", "c", "d")})
    items = (
        Item("r", {"en": "R"}, kind="ranking", choices=yes, required=True, maximum_choices=2),
        Item("x", {"en": "X"}, kind="number", minimum=1, maximum=2, step=0.3, required=True),
        Item("s", {"en": "S"}, kind="slider", minimum=-1, maximum=1, step=0.5, required=True),
    )
    page = Page("p", {"en": "P"}, ("r", "x", "s"))
    rows = simulate_answers(Instrument("x", "1", {"en": "X"}, ("en",), items, (), (page,)), 300, seed=1)
    assert set(rows[["r_1", "r_2", "r_3", "r_4"]].notna().sum(axis=1)) == {1, 2}
    assert {1, 1.3, 1.6} <= set(rows["x"]) <= {1, 1.3, 1.6, 1.9}
    assert set(rows["s"]) == {-1, -0.5, 0, 0.5, 1}


def test_pages_that_change_places_do_so_for_each_person() -> None:
    pages = tuple(replace(page, block="b") if page.id in ("social", "homophily") else page for page in CORE.pages)
    rows = simulate_answers(replace(CORE, pages=pages), 40, seed=2)
    orders = {tuple(order.split()[1:3]) for order in rows["page_order"]}
    assert orders == {("social", "homophily"), ("homophily", "social")}
    assert "page_order" not in simulate_answers(CORE, 5, seed=2)
