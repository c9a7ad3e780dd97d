"""How certain standardised estimates of latent models are: lavaan's standardizedSolution, and what has no error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.cfa import fit_cfa
from analysis.fit import Fit
from analysis.invariance import fit_invariance
from analysis.ordinal_cfa import fit_ordinal_cfa
from tests.analysis.latent_reference import answers, answers_with_gaps, further, placed, written

FITS: dict[str, Callable[[], Fit]] = {
    "cfa": lambda: fit_cfa(written("cfa"), answers()),
    "cfa_std_lv": lambda: fit_cfa(written("cfa"), answers(), scaling="variance"),
    "sem": lambda: fit_cfa(written("sem"), answers()),
    "sem_mlr": lambda: fit_cfa(written("sem"), answers(), robust="mlr"),
    "mimic": lambda: fit_cfa(written("mimic"), answers()),
    "mimic_mlm": lambda: fit_cfa(written("mimic"), answers(), robust="mlm"),
    "high": lambda: fit_cfa(written("high"), answers()),
    "fiml_sem": lambda: fit_cfa(written("sem"), answers_with_gaps(), missing="fiml"),
    "wlsmv": lambda: fit_ordinal_cfa(written("cfa"), answers()),
    "wlsmv_sem": lambda: fit_ordinal_cfa(written("sem"), answers()),
}
LABELLED = {"indirect": ("indirect", "hom -> psi -> tru"), "total": ("total", "hom -> tru")}


def assert_limits(ours: pd.Series, row: dict[str, float]) -> None:
    assert ours["std_estimate"] == pytest.approx(row["est.std"], rel=1e-5, abs=2e-6), row
    if row["se"]:
        assert ours["std_estimate_error"] == pytest.approx(row["se"], rel=1e-5), row
        assert ours["std_conf_low"] == pytest.approx(row["ci.lower"], rel=1e-5, abs=2e-6), row
        assert ours["std_conf_high"] == pytest.approx(row["ci.upper"], rel=1e-5, abs=2e-6), row
    else:
        assert np.isnan(ours["std_estimate_error"]), row


@pytest.mark.parametrize("name", FITS)
def test_errors_of_standardised_estimates_are_lavaans(name: str) -> None:
    fit = FITS[name]()
    ours = fit.coefficients.set_index(["outcome", "term"])
    effects = fit.effects.set_index(["kind", "path"])
    seen = 0
    for row in further()["standardised"][name]:
        if row["op"] == ":=":
            assert_limits(effects.loc[LABELLED[row["lhs"]]], row)
        elif (place := placed(row)) in ours.index:
            assert_limits(ours.loc[place], row)
            seen += 1
    assert seen == len(ours)


def test_errors_of_standardised_estimates_in_groups() -> None:
    found = fit_invariance(written("cfa"), answers(), "group", levels=["scalar"])
    ours = found.coefficients.set_index(["group", "outcome", "term"])
    labels = list(found.groups)
    for row in further()["standardised"]["scalar"]:
        assert_limits(ours.loc[(labels[row["group"] - 1], *(placed(row) or ()))], row)


def test_a_variance_out_of_range_has_no_standardised_error() -> None:
    from analysis.model import parse_model
    from analysis.moments import from_correlations

    r = np.array([[1, 0.8, 0.7], [0.8, 1, 0.4], [0.7, 0.4, 1]])
    fit = fit_cfa(parse_model("f =~ a + b + c"), from_correlations(list("abc"), r, n=100))
    assert fit.coefficient("a", "a")["estimate"] < 0
    errors = fit.coefficients["std_estimate_error"]
    assert errors[fit.coefficients["kind"] == "loading"].gt(0).all() and np.isfinite(errors.dropna()).all()


def test_an_impossible_latent_takes_no_limits_from_paths_beside_it() -> None:
    from analysis.model import parse_model
    from analysis.moments import from_correlations

    r = np.eye(5)
    for row, column, value in ((0, 1, 0.5), (0, 2, 0.5), (1, 2, -0.4), (3, 4, 0.5)):
        r[row, column] = r[column, row] = value
    model = parse_model("f =~ a + b + c\ny ~ x\nf ~ x")
    fit = fit_cfa(model, from_correlations(["a", "b", "c", "x", "y"], r, n=200))
    beside = fit.effects.set_index("path")
    assert np.isnan(fit.coefficient("a", "f")["std_estimate"])
    assert np.isfinite(beside.loc["x -> y", ["std_conf_low", "std_conf_high"]].astype(float)).all()
