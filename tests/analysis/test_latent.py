"""The parameter table of a model, and derivatives against small differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.fit import INTERCEPT
from analysis.latent import baseline, candidates, saturated, specify, start_values
from analysis.likelihood import (
    Block,
    Layout,
    case_slopes,
    collect,
    expected_information,
    locate,
    observed_information,
    one_group,
    slope,
)
from analysis.model import parse_model

TEXTS = (
    "f =~ a + b + c; g =~ d + e; g ~ f",
    "f =~ a + b + c; g =~ d + e; h =~ f + g",
    "f =~ a + b; g =~ c + d; e ~ f + g; a ~~ c",
    "f =~ a + b + c; f ~ d; e ~ f + d",
    "e ~ a + b; d ~ e + a; c ~ d + e",
)


def block_for(layout: Layout, n: int = 60, seed: int = 5) -> tuple[Block, np.ndarray]:
    p = len(layout.structure.observed)
    rng = np.random.Generator(np.random.SFC64(seed))
    rows = rng.normal(size=(n, 1)) + rng.normal(size=(n, p)) + np.arange(p)
    centred = rows - rows.mean(axis=0)
    return Block(n, rows.mean(axis=0), centred.T @ centred / n, np.arange(p)), rows


def differences(change: object, theta: np.ndarray, size: float = 1e-5) -> np.ndarray:
    steps = np.eye(len(theta)) * size
    return np.array([(change(theta + step) - change(theta - step)) / (2 * size) for step in steps])  # type: ignore[operator]


def test_a_simple_factor() -> None:
    structure = specify(parse_model("f =~ a + b + c"), has_means=True)
    table = [(p.kind, p.outcome, p.term, p.fixed) for p in structure.parameters]
    assert table[0] == ("loading", "a", "f", 1.0)
    assert ("variance", "f", "f", None) in table and ("intercept", "b", INTERCEPT, None) in table
    assert structure.moments == 9 and structure.free.sum() == 9


def test_what_is_correlated_without_being_asked() -> None:
    structure = specify(parse_model("f =~ a + b + c; g =~ d + e + h; y ~ f + x + z; w ~ g"))
    pairs = {(p.outcome, p.term): p.exogenous for p in structure.parameters if p.kind == "covariance"}
    assert pairs == {("f", "g"): False, ("y", "w"): False, ("x", "z"): True}
    asked = specify(parse_model("f =~ a + b + c; y ~ f + x; f ~~ x"))
    assert asked.exogenous == ()
    assert ("f", "x") in {(p.outcome, p.term) for p in asked.parameters if p.kind == "covariance"}


def test_companions_of_a_structure() -> None:
    structure = specify(parse_model(TEXTS[0]))
    assert saturated(structure).free.sum() == saturated(structure).moments == 15
    assert baseline(structure).free.sum() == 5
    left_out = {(p.kind, p.outcome, p.term) for p in candidates(structure)}
    assert ("loading", "d", "f") in left_out and ("covariance", "a", "b") in left_out
    assert ("loading", "a", "f") not in left_out and ("regression", "g", "f") not in left_out


@pytest.mark.parametrize("has_means", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_derivatives(text: str, has_means: bool) -> None:
    layout = one_group(specify(parse_model(text), has_means=has_means))
    block, rows = block_for(layout)
    theta = collect(layout, [next(start_values(layout.structure, block.cov, block.mean))])
    rng = np.random.Generator(np.random.SFC64(2))
    theta = theta + 0.1 * rng.uniform(-1, 1, size=len(theta))
    here = locate(layout, [block], theta)
    by_hand = differences(lambda at: locate(layout, [block], at).value / 2, theta)
    np.testing.assert_allclose(slope(layout, [block], here), by_hand, atol=1e-7)
    by_hand = differences(lambda at: slope(layout, [block], locate(layout, [block], at)), theta)
    np.testing.assert_allclose(observed_information(layout, [block], here), by_hand, atol=1e-7)
    np.testing.assert_allclose(
        case_slopes(layout, here, rows, block).mean(axis=0), -slope(layout, [block], here), atol=1e-9
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_information_is_the_same_when_data_are_what_is_expected(seed: int) -> None:
    layout = one_group(specify(parse_model(TEXTS[0]), has_means=True))
    block, _ = block_for(layout, seed=seed)
    theta = collect(layout, [next(start_values(layout.structure, block.cov, block.mean))])
    implied = layout.implied(theta)[0]
    exact = Block(50, implied.mean, implied.sigma, block.places)
    here = locate(layout, [exact], theta)
    np.testing.assert_allclose(
        observed_information(layout, [exact], here), expected_information(layout, [exact], here), atol=1e-8
    )
