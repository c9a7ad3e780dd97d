"""Maximum likelihood with latent variables: lavaan's numbers, identities, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cfa import fit_cfa, modification_indices
from analysis.errors import DataError, ModelError, NeedsRows, ParasolError
from analysis.model import parse_model
from analysis.moments import Moments, as_moments, from_correlations, from_rows
from analysis.robust import Robust
from analysis.scoring import Scores
from tests.analysis.latent_reference import (
    SCALED,
    answers,
    assert_coefficients,
    assert_measures,
    reference,
    shared,
    shared_data,
    written,
)

ONE = parse_model("f =~ a + b + c + d")


def one_factor(n: int = 400, seed: int = 3) -> Moments:
    rng = np.random.Generator(np.random.SFC64(seed))
    common = rng.normal(size=n)
    rows = np.outer(common, [0.9, 0.8, 0.7, 0.6]) + rng.normal(size=(n, 4)) * 0.6
    return from_rows(rows, ("a", "b", "c", "d"), source="simulated", synthetic=True)


@pytest.mark.parametrize("name", ["cfa", "sem", "mimic", "high"])
def test_estimates_and_fit_are_lavaans(name: str) -> None:
    expected = reference()[name]
    fit = fit_cfa(written(name), answers())
    assert_coefficients(fit, expected["estimates"], estimate=5e-6, error=5e-6)
    assert_measures(fit, expected["fit"])


def test_latents_of_variance_one() -> None:
    expected = reference()["cfa_std_lv"]
    fit = fit_cfa(written("cfa"), answers(), scaling="variance")
    assert_coefficients(fit, expected["estimates"], estimate=2e-6, error=2e-6)
    assert_measures(fit, expected["fit"])


@pytest.mark.parametrize(
    ("name", "model", "kind"),
    [("cfa_mlm", "cfa", "mlm"), ("cfa_mlr", "cfa", "mlr"), ("sem_mlr", "sem", "mlr"), ("mimic_mlm", "mimic", "mlm"),
     ("mimic_mlr", "mimic", "mlr")],
)  # fmt: skip
def test_robust_corrections(name: str, model: str, kind: Robust) -> None:
    expected = reference()[name]
    fit = fit_cfa(written(model), answers(), robust=kind)
    assert_coefficients(fit, expected["estimates"], estimate=5e-6, error=5e-6)
    assert_measures(fit, expected["fit"])
    assert_measures(fit, expected["fit"], names=SCALED, close=2e-6)


def test_a_robust_correction_needs_people() -> None:
    with pytest.raises(NeedsRows, match="robust correction"):
        fit_cfa(ONE, one_factor(), robust="mlr")


def test_indirect_effects_among_latents() -> None:
    fit = fit_cfa(written("sem"), answers())
    rows = {row["lhs"]: row for row in reference()["sem"]["estimates"] if row["op"] == ":="}
    effects = fit.effects.set_index(["kind", "path"])
    for place, name in ((("indirect", "hom -> psi -> tru"), "indirect"), (("total", "hom -> tru"), "total")):
        ours, theirs = effects.loc[place], rows[name]
        for column, other in (("estimate", "est"), ("std_error", "se"), ("std_estimate", "std.all")):
            assert ours[column] == pytest.approx(theirs[other], rel=3e-6)


@pytest.mark.parametrize("name", ["cfa", "sem", "mimic"])
def test_modification_indices(name: str) -> None:
    found = modification_indices(written(name), answers()).set_index(["kind", "outcome", "term"])
    seen = 0
    for row in reference()[name]["modification"]:
        kind = {"=~": "loading", "~~": "covariance", "~": "regression"}[row["op"]]
        place = (kind, row["rhs"], row["lhs"]) if kind == "loading" else (kind, row["lhs"], row["rhs"])
        if place not in found.index or row["mi"] is None:
            continue
        ours = found.loc[place]
        seen += 1
        assert ours["modification_index"] == pytest.approx(row["mi"], rel=1e-4, abs=1e-5), place
        assert ours["expected_change"] == pytest.approx(row["epc"], rel=1e-4, abs=1e-5), place
        assert ours["std_expected_change"] == pytest.approx(row["sepc.all"], rel=1e-4, abs=1e-5), place
    assert seen >= 40


def test_holzinger_swineford() -> None:
    expected = shared("03_cfa_hs1939.json")
    data = Scores.from_scored(shared_data("HolzingerSwineford1939.csv"), source="Holzinger and Swineford 1939")
    fit = fit_cfa(parse_model(expected["model"]), data)
    assert_coefficients(fit, expected["ML"]["estimates"])
    row = fit.summary.iloc[0]
    assert row["chi_square"] == pytest.approx(expected["ML"]["fit"]["chisq"], rel=1e-9)
    assert row["srmr"] == pytest.approx(expected["ML"]["fit"]["srmr"], rel=1e-6)
    second = shared("03_cfa_hs1939.json")["second_order"]["fit"]
    higher = fit_cfa(parse_model(expected["model"] + "\ng =~ visual + textual + speed"), data)
    assert higher.summary["chi_square"][0] == pytest.approx(second["chisq"], rel=1e-8)


def test_rows_and_moments_agree() -> None:
    model = written("cfa")
    names = [name for latent in model.latents for name in latent.indicators]
    rows, moments = fit_cfa(model, answers()), fit_cfa(model, as_moments(answers(), names))
    pd.testing.assert_frame_equal(rows.coefficients, moments.coefficients)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.lists(st.floats(0.01, 1000), min_size=4, max_size=4),
    signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4),
    order=st.permutations("abcd"),
)
def test_units_and_order_do_not_matter(scale: list[float], signs: list[float], order: list[str]) -> None:
    moments = one_factor()
    plain = fit_cfa(ONE, moments)
    factor = np.array(scale) * np.array(signs)
    changed = Moments(moments.names, moments.n, moments.mean * factor, moments.cov * np.outer(factor, factor))
    other = fit_cfa(parse_model(f"f =~ {' + '.join(order)}"), changed)
    assert other.summary["chi_square"][0] == pytest.approx(plain.summary["chi_square"][0], rel=1e-6)
    turn = signs["abcd".index(order[0])]
    for name, sign in zip("abcd", signs, strict=True):
        expected = plain.coefficient(name, "f")["std_estimate"] * sign * turn
        assert other.coefficient(name, "f")["std_estimate"] == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(60, 400))
def test_the_model_that_made_the_moments_fits_them_exactly(seed: int, n: int) -> None:
    rng = np.random.Generator(np.random.SFC64(seed))
    loading = rng.uniform(0.4, 0.95, size=4)
    table = from_correlations(list("abcd"), np.outer(loading, loading) + np.diag(1 - loading**2), n=n)
    fit = fit_cfa(ONE, table)
    assert fit.summary["chi_square"][0] == pytest.approx(0, abs=1e-8)
    found = fit.coefficients.query("kind == 'loading'")["std_estimate"].to_numpy()
    np.testing.assert_allclose(found, loading, rtol=1e-7)


def test_interval_follows_the_level() -> None:
    wide, narrow = fit_cfa(ONE, one_factor(), level=0.99), fit_cfa(ONE, one_factor(), level=0.5)
    at = wide.coefficients["std_error"].notna()
    assert (wide.coefficients["conf_low"][at] < narrow.coefficients["conf_low"][at]).all()
    assert wide.synthetic and wide.level == 0.99


def test_a_saturated_model_says_that_nothing_tests_it() -> None:
    fit = fit_cfa(parse_model("f =~ a + b + c"), one_factor())
    assert fit.summary["df"][0] == 0
    assert fit.summary["chi_square"][0] == pytest.approx(0, abs=1e-9)
    assert any("no degrees of freedom" in note for note in fit.notes)


def test_a_heywood_case_is_noted() -> None:
    r = np.array([[1, 0.9, 0.8], [0.9, 1, 0.5], [0.8, 0.5, 1]])
    fit = fit_cfa(parse_model("f =~ a + b + c"), from_correlations(list("abc"), r, n=200))
    assert (fit.coefficients.query("kind == 'variance'")["estimate"] < 0).any()
    assert any(note.startswith("Heywood case: the variance of 'a'") for note in fit.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f =~ a", "shows in a only"),
        ("f =~ a + b", "4 parameters are to be found from 3"),
        ("f =~ a + b + c; f ~ a", "circle"),
        ("f =~ a + b + c; d ~ f:a", "product with a latent"),
        ("f =~ a + b + c; a ~~ z", "'z' stands nowhere else"),
    ],
)
def test_models_that_cannot_be_fitted(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        fit_cfa(parse_model(text), one_factor())


def test_a_model_the_data_cannot_identify() -> None:
    r = np.eye(4)
    r[0, 1] = r[1, 0] = r[2, 3] = r[3, 2] = 0.5
    with pytest.raises(ModelError, match="cannot tell these apart"):
        fit_cfa(parse_model("f =~ a + b; g =~ c + d"), from_correlations(list("abcd"), r, n=300))


def test_names_that_do_not_exist() -> None:
    with pytest.raises(DataError, match="'nope'"):
        fit_cfa(parse_model("f =~ a + b + nope"), one_factor())


def test_data_that_cannot_carry_the_model() -> None:
    with pytest.raises(DataError, match="7 people for 8 parameters"):
        fit_cfa(ONE, one_factor(n=7))
    frame = pd.DataFrame(np.random.Generator(np.random.SFC64(1)).normal(size=(50, 3)), columns=list("abc"))
    with pytest.raises(DataError, match="a, b, d determine each other"):
        fit_cfa(ONE, Scores.from_scored(frame.assign(d=frame["a"] - frame["b"]), source="t"))
    with pytest.raises(DataError, match=r"'d'.*same value"):
        fit_cfa(ONE, Scores.from_scored(frame.assign(d=3.0), source="t"))


def test_units_as_far_apart_as_money_and_minutes() -> None:
    moments = one_factor()
    factor = np.array([1e-5, 1.0, 1e5, 3.0])
    far = Moments(moments.names, moments.n, moments.mean * factor, moments.cov * np.outer(factor, factor))
    plain, other = fit_cfa(ONE, moments), fit_cfa(ONE, far)
    assert other.summary["chi_square"][0] == pytest.approx(plain.summary["chi_square"][0], rel=1e-7)
    np.testing.assert_allclose(other.coefficients["statistic"], plain.coefficients["statistic"], rtol=1e-6)


@pytest.mark.parametrize(
    ("option", "said"),
    [({"robust": "hc3"}, "robust: 'hc3'"), ({"missing": "drop"}, "missing: 'drop'"), ({"scaling": "z"}, "scaling")],
)
def test_choices_that_do_not_exist(option: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        fit_cfa(ONE, one_factor(), **option)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000), n=st.integers(12, 40))
def test_noise_is_answered_or_refused_without_a_warning(seed: int, n: int) -> None:
    rng = np.random.Generator(np.random.SFC64(seed))
    moments = from_rows(rng.integers(1, 6, size=(n, 6)).astype(float), tuple("abcdeg"))
    try:
        fit = fit_cfa(parse_model("first =~ a + b + c; second =~ d + e + g"), moments)
    except ParasolError as error:
        assert str(error)
    else:
        assert np.isfinite(fit.coefficients["estimate"]).all()
