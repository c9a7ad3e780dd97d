"""What must hold whatever the data are: rows = moments, units and order change nothing, effects add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.answers_file import load_rows
from analysis.cfa import Missing, fit_cfa
from analysis.compare import compare
from analysis.diagnostics import fit_diagnostics
from analysis.factor import fit_factors
from analysis.groups import fit_groups
from analysis.importance import central_claim, fit_dominance
from analysis.invariance import fit_invariance
from analysis.method_bias import full_collinearity, single_factor
from analysis.model import parse_model
from analysis.moments import Moments, as_moments
from analysis.multilevel import fit_mixed
from analysis.paths import fit_paths
from analysis.published import load_published
from analysis.regression import fit_regression
from analysis.reliability import alpha, omega, reliability_table
from analysis.retention import parallel_analysis, sampling_adequacy
from analysis.robust import Robust
from analysis.rows_file import write_rows
from analysis.scoring import Scores, score_scales
from analysis.validity import construct_validity, htmt

SCALES = {"psi": ["psi1", "psi2", "psi3", "psi4"], "trust": ["trust1", "trust2", "trust3"]}
ITEMS = [item for items in SCALES.values() for item in items]
FACTORS = parse_model("psi =~ psi1 + psi2 + psi3 + psi4; trust =~ trust1 + trust2 + trust3")
CHAIN = parse_model("psi ~ social; trust ~ psi + social; buy ~ trust + psi + social")
FLAT = parse_model("buy ~ trust + psi + social")


def people(seed: int, n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    social = rng.normal(size=n)
    psi = 0.5 * social + rng.normal(size=n)
    trust = 0.5 * psi + rng.normal(size=n)
    rows = pd.DataFrame({f"psi{k}": psi + rng.normal(size=n) for k in range(1, 5)})
    rows = rows.assign(**{f"trust{k}": trust + rng.normal(size=n) for k in range(1, 4)})
    rows = np.clip((rows + 4).round(), 1, 7)
    return rows.assign(
        social=social, buy=0.3 * trust + 0.2 * psi + rng.normal(size=n), shop=np.arange(n) % 8, tier=np.arange(n) % 3
    )


def scored(rows: pd.DataFrame) -> Scores:
    return score_scales(rows, SCALES, source="simulated")


FROM_MOMENTS: dict[str, Callable[[Scores | Moments], Any]] = {
    "regression": lambda d: fit_regression(FLAT, d, errors="classical").coefficients,
    "summary": lambda d: fit_regression(FLAT, d, errors="classical").summary,
    "effects": lambda d: fit_paths(CHAIN, d, errors="classical", interval="delta").effects,
    "dominance": lambda d: fit_dominance(FLAT, d, draws=100).general[["general", "share", "rank"]],
    "claim": lambda d: central_claim(
        d, outcome="buy", strong=["trust"], weak="social", draws=100
    ).contrasts[["estimate", "std_strong", "std_weak"]],
    "collinearity": lambda d: full_collinearity(d, ["psi", "trust", "social", "buy"]),
}  # fmt: skip
FROM_ITEM_MOMENTS: dict[str, Callable[[Scores | Moments], Any]] = {
    "alpha": lambda d: pd.DataFrame([vars(alpha(d, SCALES["psi"]))]),
    "omega": lambda d: pd.DataFrame([vars(omega(d, SCALES["psi"]))]),
    "reliability": lambda d: reliability_table(d, 0.95, SCALES),
    "factor model": lambda d: fit_cfa(FACTORS, d).coefficients,
    "fit measures": lambda d: fit_cfa(FACTORS, d).summary,
    "validity": lambda d: construct_validity(FACTORS, d).scales,
    "htmt": lambda d: htmt(d, SCALES, draws=100).pairs[["htmt", "htmt2"]],
    "exploration": lambda d: fit_factors(d, ITEMS, 2).loadings,
    "adequacy": lambda d: pd.DataFrame({"kmo": [sampling_adequacy(d, ITEMS).kmo]}),
    "parallel": lambda d: parallel_analysis(as_moments(d, ITEMS), ITEMS, draws=100).table,
    "single factor": lambda d: single_factor(d, ITEMS).loadings,
}


def expect_same(first: pd.DataFrame, second: pd.DataFrame, rel: float) -> None:
    pd.testing.assert_frame_equal(first, second, check_exact=False, rtol=rel, atol=1e-9, check_dtype=False)


@pytest.mark.parametrize("question", [*FROM_MOMENTS, *FROM_ITEM_MOMENTS])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_people_and_their_moments_say_the_same(question: str, seed: int) -> None:
    data = scored(people(seed))
    names = ["psi", "trust", "social", "buy"] if question in FROM_MOMENTS else ITEMS
    ask = FROM_MOMENTS.get(question) or FROM_ITEM_MOMENTS[question]
    expect_same(ask(data), ask(as_moments(data, names)), rel=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(SCALES["psi"]))
def test_the_order_of_items_changes_no_reliability(seed: int, order: list[str]) -> None:
    data = scored(people(seed))
    one, other = alpha(data, SCALES["psi"]), alpha(data, order)
    assert (one.alpha, one.conf_low, one.std_alpha) == pytest.approx(
        (other.alpha, other.conf_low, other.std_alpha), rel=1e-10
    )
    assert omega(data, order).omega == pytest.approx(omega(data, SCALES["psi"]).omega, rel=1e-7)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 100))
def test_the_order_of_people_changes_no_estimate(seed: int, shuffle: int) -> None:
    rows = people(seed)
    mixed = rows.sample(frac=1, random_state=shuffle).reset_index(drop=True)
    here, there = (fit_regression(FLAT, scored(each)).coefficients for each in (rows, mixed))
    expect_same(here, there, rel=1e-8)
    expect_same(fit_cfa(FACTORS, scored(rows)).coefficients, fit_cfa(FACTORS, scored(mixed)).coefficients, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_units_change_nothing_that_has_no_unit(unit: float) -> None:
    rows = people(3)
    other = rows.assign(social=rows["social"] * unit, buy=rows["buy"] * unit)
    same = ["statistic", "df", "p_value", "std_estimate"]

    def answers(rows: pd.DataFrame) -> list[pd.DataFrame]:
        data = scored(rows)
        by_shop = fit_mixed(parse_model("buy ~ social"), data, groups=["shop"])
        by_tier = fit_groups(parse_model("buy ~ tier"), data)
        return [
            fit_regression(FLAT, data).coefficients[same],
            fit_paths(CHAIN, data, draws=200).effects[["std_estimate"]],
            fit_diagnostics(FLAT, data).tests[["statistic", "p_value"]].astype(float),
            by_shop.coefficients[["statistic", "df", "p_value"]],
            by_shop.summary[["r_squared", "r_squared_marginal", "icc_shop"]],
            by_tier.coefficients[same],
            by_tier.summary.drop(columns=["outcome", "n"]),
        ]

    for here, there in zip(answers(rows), answers(other), strict=True):
        expect_same(here, there, rel=1e-5)


def test_a_study_beside_itself_differs_nowhere() -> None:
    gao = load_published("gao_2023")
    found = compare(gao.model, gao.moments(), gao)
    assert found.coefficients["estimate"].abs().max() < 1e-12


@st.composite
def recursive_texts(draw: st.DrawFn) -> str:
    """Some recursive model of five columns: each is predicted by some of those before it."""
    names = ["social", "psi", "trust", "buy", "tier"]
    lines = []
    for place in range(1, len(names)):
        if terms := draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=3)):
            lines.append(f"{names[place]} ~ {' + '.join(terms)}")
    return "; ".join(lines) or "psi ~ social"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), recursive_texts())
def test_total_is_direct_plus_indirect_whatever_the_arrows(seed: int, text: str) -> None:
    """Path by path on one side, (I - B)^-1 - I on the other."""
    model = parse_model(text)
    fit = fit_paths(model, scored(people(seed)), interval="delta")
    names = list(model.columns)
    arrows = np.zeros((len(names), len(names)))
    for row in fit.coefficients[fit.coefficients["term"] != "(Intercept)"].itertuples():
        arrows[names.index(row.outcome), names.index(row.term)] = row.estimate
    reached = np.linalg.inv(np.eye(len(names)) - arrows) - np.eye(len(names))
    ends = fit.effects["path"].str.split(" -> ").map(lambda path: (path[0], path[-1]))
    for (cause, effect), rows in fit.effects.groupby(ends):
        whole = rows.loc[rows["kind"].isin(["direct", "indirect"]), "estimate"].sum()
        assert whole == pytest.approx(reached[names.index(effect), names.index(cause)], rel=1e-9, abs=1e-12)
        total = rows.loc[rows["kind"] == "total", "estimate"]
        assert total.empty or total.iloc[0] == pytest.approx(whole, rel=1e-9, abs=1e-12)


LATENT = parse_model(f"{FACTORS}; trust ~ psi + social; psi ~ social; buy ~ trust + psi + social".replace("\n", "; "))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_total_is_direct_plus_indirect_among_latents(seed: int) -> None:
    effects = fit_cfa(LATENT, scored(people(seed))).effects
    for kind in ("estimate", "std_estimate"):
        of = effects.set_index(["kind", "path"])[kind]
        paths = ["social -> trust -> buy", "social -> psi -> buy", "social -> psi -> trust -> buy"]
        indirect = sum(of["indirect", path] for path in paths)
        assert of["total_indirect", "social -> buy"] == pytest.approx(indirect, rel=1e-9)
        assert of["total", "social -> buy"] == pytest.approx(indirect + of["direct", "social -> buy"], rel=1e-9)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.sampled_from([0.01, 0.5, 3.0, 100.0]), min_size=7, max_size=7))
def test_units_of_items_change_nothing_standardised(seed: int, units: list[float]) -> None:
    rows = people(seed)
    other = rows.assign(**{item: rows[item] * unit for item, unit in zip(ITEMS, units, strict=True)})
    here, there = (fit_cfa(FACTORS, Scores.from_scored(each[ITEMS], source="t")) for each in (rows, other))
    columns = ["std_estimate", "std_estimate_error", "std_conf_low", "std_conf_high"]
    expect_same(here.coefficients[columns], there.coefficients[columns], rel=1e-6)
    measures = ["chi_square", "cfi", "rmsea", "srmr"]
    expect_same(here.summary[measures], there.summary[measures], rel=1e-6)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(None, "listwise"), ("mlr", "listwise"), (None, "fiml")]))
def test_the_order_of_groups_changes_no_comparison(seed: int, way: tuple[Robust | None, Missing]) -> None:
    rows = people(seed, 240)
    rows["half"] = np.where(rows["shop"] < 4, "a", "b")
    here, there = (
        fit_invariance(FACTORS, Scores.from_scored(each, source="t"), "half", robust=way[0], missing=way[1])
        for each in (rows, rows.iloc[::-1])
    )
    assert list(here.groups) == list(there.groups)[::-1]
    expect_same(here.levels, there.levels, rel=1e-5)


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(1, 7)), min_size=4, max_size=9),
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=9, max_size=9),
)
def test_answers_survive_every_kind_of_file(whole: list[int | None], parts: list[float]) -> None:
    rows = pd.DataFrame({"psi1": [4, *whole], "age": [*whole, 30]}, dtype="Float64").astype(float)
    rows["spend"] = [*parts, *parts][: len(rows)]
    with TemporaryDirectory() as folder:
        for ending in ("csv", "xlsx", "sav", "parquet"):
            path = Path(folder) / f"answers.{ending}"
            write_rows(rows, path, None)
            pd.testing.assert_frame_equal(load_rows(path).astype(float), rows, rtol=1e-14)
