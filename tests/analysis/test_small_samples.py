"""A handful of coarse answers, as on the first evening of a study: a number or a sentence, never a crash or an inf."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.diagnostics import fit_diagnostics
from analysis.errors import DataError, ParasolError
from analysis.importance import central_claim, fit_dominance, fit_equality
from analysis.model import parse_model
from analysis.moderation import fit_conditional, fit_moderation
from analysis.moments import as_moments
from analysis.paths import fit_paths
from analysis.regression import fit_regression, fit_steps
from analysis.scoring import Scores

MODEL = parse_model("m ~ x + w + x:w; y ~ m + x")
FLAT = parse_model("y ~ x + w + m")
STRONG = {"outcome": "y", "strong": ("x", "w"), "weak": "m", "draws": 100}
QUESTIONS = {
    "percentile": lambda s: fit_paths(MODEL, s, draws=100).effects,
    "bca": lambda s: fit_paths(MODEL, s, draws=100, interval="bca").effects,
    "delta": lambda s: fit_paths(MODEL, s, interval="delta").effects,
    "monte carlo": lambda s: fit_paths(MODEL, as_moments(s, MODEL.columns), draws=100).effects,
    "coefficients": lambda s: fit_regression(MODEL, s).coefficients.drop(columns=["correlation", "vif"]),
    "summary": lambda s: fit_regression(MODEL, s).summary,
    "claim": lambda s: central_claim(s, **STRONG).contrasts,
    "claim of moments": lambda s: central_claim(as_moments(s, ["x", "w", "m", "y"]), **STRONG).contrasts,
    "dominance": lambda s: fit_dominance(FLAT, s, draws=100).general,
    "equality": lambda s: fit_equality(FLAT, s, outcome="y", first="x", second="w", draws=100).coefficients,
    "moderation": lambda s: fit_moderation(MODEL, s, outcome="m", focal="x", moderator="w").band,
    "conditional": lambda s: fit_conditional(
        MODEL, s, moderator="w", cause="x", effect="y", draws=100
    ).effects.drop(columns="at"),
    "diagnostics": lambda s: fit_diagnostics(MODEL, s).people,
    "steps": lambda s: fit_steps([parse_model("y ~ x"), parse_model("y ~ x + w")], s).summary,
}  # fmt: skip


@st.composite
def few_answers(draw: st.DrawFn) -> pd.DataFrame:
    n, top = draw(st.integers(3, 14)), draw(st.integers(2, 6))
    cells = st.lists(st.integers(1, top), min_size=n, max_size=n)
    rows = pd.DataFrame({name: draw(cells) for name in "xwmy"}, dtype=float)
    if draw(st.booleans()):
        rows.loc[draw(st.integers(0, n - 1)), "x"] = np.nan
    return rows


@pytest.mark.parametrize("question", QUESTIONS)
@settings(max_examples=20, deadline=None)
@given(rows=few_answers())
def test_a_number_or_a_sentence(question, rows):
    try:
        table = QUESTIONS[question](Scores.from_scored(rows, source="few"))
    except ParasolError as told:
        assert told.problems and all(problem.remedy for problem in told.problems)
    else:
        assert np.isfinite(table.select_dtypes("number").to_numpy(float)).all()


def test_everybody_on_the_line_but_a_few_leaves_hc3_without_a_value():
    rows = pd.DataFrame({"x": [0.0] * 6 + [1.0] * 6, "y": [2.0] * 6 + [1, 2, 3, 4, 5, 4]})
    scores = Scores.from_scored(rows, source="few")
    with pytest.raises(DataError, match="classical errors"):
        fit_regression(parse_model("y ~ x"), scores)
    assert len(fit_regression(parse_model("y ~ x"), scores, errors="classical").coefficients) == 2
