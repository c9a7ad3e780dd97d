"""Cronbach's alpha against R and pingouin, and where it has no value."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.moments import as_moments
from analysis.reliability import RELIABILITY, alpha, reliability_table
from analysis.scoring import score_scales

TESTS = Path(__file__).parents[1]
SHARED = TESTS.parents[1] / "shared"
HANOI = json.loads((TESTS / "reference" / "hanoi.json").read_text())


def answers(n: int = 60, k: int = 4, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=(n, 1))
    rows = np.clip(np.rint(4 + 1.2 * trait + rng.normal(0, 1, (n, k))), 1, 7)
    return pd.DataFrame(rows, columns=[f"i{number}" for number in range(k)])


def test_hanoi_equals_r():
    path = SHARED / "data" / "hanoi_impulse.csv"
    if not path.exists():
        pytest.skip(f"the shared data are not at {path}")
    table = reliability_table(score_scales(pd.read_csv(path), HANOI["scales"], source="hanoi")).set_index("scale")
    for scale, r in HANOI["alpha"].items():
        row = table.loc[scale]
        assert [row["items"], row["n"]] == [r["items"], r["n"]]
        expected = [r["alpha"], r["low"], r["high"]]
        assert row[["alpha", "conf_low", "conf_high"]].tolist() == pytest.approx(expected, rel=1e-9)


def test_equals_pingouin():
    import pingouin

    rows = answers()
    found = alpha(score_scales(rows, {"s": list(rows)}, source="simulated"), list(rows))
    value, limits = pingouin.cronbach_alpha(rows)
    assert found.alpha == pytest.approx(value, rel=1e-12)
    assert [found.conf_low, found.conf_high] == pytest.approx(limits.tolist(), abs=5.1e-4)  # pingouin rounds them


@settings(max_examples=30, deadline=None)
@given(st.permutations(["i0", "i1", "i2", "i3"]), st.integers(0, 1000))
def test_neither_the_order_of_items_nor_condensing_changes_it(order, seed):
    rows = answers(seed=seed)
    scores = score_scales(rows, {"s": list(rows)}, source="simulated")
    usual = alpha(scores, list(rows))
    for other in (alpha(scores, order), alpha(as_moments(scores, list(rows)), order)):
        assert [other.alpha, other.conf_low] == pytest.approx([usual.alpha, usual.conf_low], rel=1e-9)


def test_people_with_a_gap_are_left_out_scale_by_scale():
    rows = answers().assign(i0=lambda d: d.i0.where(d.index != 7))
    table = reliability_table(score_scales(rows, {"a": ["i0", "i1"], "b": ["i2", "i3"]}, source="s"))
    assert table["n"].tolist() == [59, 60]
    assert tuple(table.columns) == RELIABILITY


def test_scales_without_an_alpha_say_why_and_spoil_no_other_row():
    rows = answers().assign(flat=4.0, mirrored=lambda d: 8 - d.i0, lone=1.0)
    scales = {"good": ["i1", "i2"], "one": ["i3"], "stuck": ["lone", "flat"], "against": ["i0", "mirrored"]}
    table = reliability_table(score_scales(rows, scales, source="s")).set_index("scale")
    assert table["alpha"].isna().tolist() == [False, True, True, True]
    assert (table["note"] != "").tolist() == [False, True, True, True]
    assert "One item" in table.loc["one", "note"] and "'flat'" in table.loc["stuck", "note"]


def test_a_negative_alpha_is_given_with_a_hint():
    rows = answers().assign(turned=lambda d: 8 - d.i1 + (d.index % 2))
    row = reliability_table(score_scales(rows, {"s": ["i0", "turned"]}, source="s")).iloc[0]
    assert row["alpha"] < 0 and "reverse-keyed" in row["note"]


def test_fewer_than_two_items_are_refused():
    scores = score_scales(answers(), {"s": ["i0", "i1"]}, source="s")
    with pytest.raises(DataError, match="1 item"):
        alpha(scores, ["i0"])
