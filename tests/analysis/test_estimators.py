"""Every estimator answers in the same form, and none forgets that data were simulated."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.cfa import fit_cfa
from analysis.compare import compare
from analysis.designs import fit_clustered, fit_difference_in_differences, fit_repeated
from analysis.diagnostics import fit_diagnostics
from analysis.factor import fit_factors
from analysis.fit import COEFFICIENTS, EFFECTS, Fit
from analysis.groups import fit_ancova, fit_equivalence, fit_groups
from analysis.importance import central_claim, fit_dominance, fit_equality
from analysis.influencers import fit_engagement, weigh_composite
from analysis.invariance import fit_invariance
from analysis.measurement import measurement
from analysis.method_bias import adjust_for_marker, single_factor
from analysis.model import parse_model
from analysis.moderation import fit_conditional, fit_moderation
from analysis.moments import as_moments
from analysis.multilevel import fit_components, fit_mixed
from analysis.ordinal import fit_ordinal
from analysis.ordinal_cfa import fit_ordinal_cfa
from analysis.paths import fit_paths
from analysis.published import load_published
from analysis.regression import fit_regression, fit_steps
from analysis.retention import parallel_analysis, sampling_adequacy
from analysis.scoring import Scores, score_scales
from analysis.subgroups import fit_subgroups
from analysis.validity import construct_validity, htmt

ANALYSIS = Path(__file__).parents[2] / "analysis"
LEVEL = 0.9
SCALES = {"f": ["f1", "f2", "f3"], "g": ["g1", "g2", "g3"]}
ITEMS = [*SCALES["f"], *SCALES["g"]]
FACTORS = parse_model("f =~ f1 + f2 + f3; g =~ g1 + g2 + g3")
PATHS = parse_model("m ~ x + w; y ~ m + x")
PRODUCT = parse_model("m ~ x + w + x:w; y ~ m + x")
GAO = load_published("gao_2023")


def people(synthetic: bool) -> Scores:
    rng = np.random.default_rng(12)
    n = 200
    x, w, common = rng.normal(size=(3, n))
    m = 0.5 * x + 0.3 * w + rng.normal(size=n)
    rows = pd.DataFrame({"x": x, "w": w, "m": m, "y": 0.4 * m + 0.2 * x + rng.normal(size=n)})
    for name in ITEMS:
        latent = common if name.startswith("f") else 0.5 * common + w
        rows[name] = np.clip(np.round(latent + rng.normal(size=n)) + 3, 1, 5)
    rows = rows.assign(
        tier=np.arange(n) % 3, language=np.where(np.arange(n) % 2, "en", "nl"), participation=np.arange(n) // 4,
        influencer=np.arange(n) % 4, wave=np.where(np.arange(n) % 4 < 2, "pre", "post"), rating=rows["f1"],
        followers=10 ** rng.uniform(2, 6, n), synthetic=synthetic,
    )  # fmt: skip
    rows["interactions"] = rows["followers"] * 0.03
    rows["interactions"] *= np.exp(rng.normal(size=n))
    for name, column in zip(GAO.names, rng.normal(size=(len(GAO.names), n)), strict=True):
        rows[name] = column + x
    return score_scales(rows, SCALES, source="the file")


FITS: dict[str, Callable[[Scores], Fit]] = {
    "fit_regression": lambda s: fit_regression(PATHS, s, level=LEVEL),
    "fit_regression of moments": lambda s: fit_regression(PATHS, as_moments(s, PATHS.columns), level=LEVEL),
    "fit_steps": lambda s: fit_steps([parse_model("y ~ x"), parse_model("y ~ x + w")], s, level=LEVEL),
    "fit_paths": lambda s: fit_paths(PATHS, s, level=LEVEL, draws=100, seed=5),
    "fit_paths of moments": lambda s: fit_paths(PATHS, as_moments(s, PATHS.columns), level=LEVEL, draws=100, seed=5),
    "fit_conditional": lambda s: fit_conditional(
        PRODUCT, s, moderator="w", cause="x", effect="y", level=LEVEL, draws=100, seed=5
    ),
    "fit_equality": lambda s: fit_equality(
        PATHS, s, outcome="m", first="x", second="w", level=LEVEL, draws=100, seed=5
    ),
    "fit_groups": lambda s: fit_groups(parse_model("y ~ tier"), s, level=LEVEL),
    "fit_equivalence": lambda s: fit_equivalence(parse_model("y ~ tier"), s, margin=0.5, level=0.95),
    "fit_ancova": lambda s: fit_ancova(parse_model("y ~ tier + x"), s, level=LEVEL),
    "fit_repeated": lambda s: fit_repeated(s, ["x", "w", "m"], level=LEVEL),
    "fit_clustered": lambda s: fit_clustered(parse_model("y ~ x"), s, level=LEVEL),
    "fit_difference_in_differences": lambda s: fit_difference_in_differences(
        parse_model("y ~ language + wave"), s, level=LEVEL
    ),
    "fit_ordinal": lambda s: fit_ordinal(parse_model("rating ~ x"), s, level=LEVEL),
    "fit_mixed": lambda s: fit_mixed(parse_model("y ~ x"), s, level=LEVEL),
    "fit_components": lambda s: fit_components("y", s, level=LEVEL),
    "fit_cfa": lambda s: fit_cfa(FACTORS, s, level=LEVEL),
    "fit_cfa of moments": lambda s: fit_cfa(FACTORS, as_moments(s, ITEMS), level=LEVEL),
    "fit_cfa, full information": lambda s: fit_cfa(FACTORS, s, missing="fiml", robust="mlr", level=LEVEL),
    "fit_ordinal_cfa": lambda s: fit_ordinal_cfa(FACTORS, s, level=LEVEL),
    "compare": lambda s: compare(parse_model("sop ~ lik + ani + res"), s, GAO, level=LEVEL),
    "fit_engagement": lambda s: fit_engagement(s, level=LEVEL),
    "fit_subgroups": lambda s: fit_subgroups(PATHS, s, by="language", level=LEVEL, draws=100, seed=5).fits["nl"],
}  # fmt: skip
DRAWN = {"fit_paths", "fit_paths of moments", "fit_conditional", "fit_equality", "fit_subgroups"}
OTHERS: dict[str, Callable[[Scores], Any]] = {
    "dominance": lambda s: fit_dominance(parse_model("y ~ x + w"), s, draws=100),
    "claim": lambda s: central_claim(s, outcome="y", strong=["x"], weak="w", draws=100),
    "moderation": lambda s: fit_moderation(PRODUCT, s, outcome="m", focal="x", moderator="w"),
    "diagnostics": lambda s: fit_diagnostics(PATHS, s),
    "factors": lambda s: fit_factors(s, ITEMS, 2),
    "adequacy": lambda s: sampling_adequacy(s, ITEMS),
    "parallel": lambda s: parallel_analysis(s, ITEMS, draws=100),
    "single factor": lambda s: single_factor(s, ITEMS),
    "marker": lambda s: adjust_for_marker(s, ["y", "m"], "w").moments,
    "validity": lambda s: construct_validity(FACTORS, s).fit,
    "htmt": lambda s: htmt(s, draws=100),
    "invariance": lambda s: fit_invariance(FACTORS, s, "language"),
    "measurement": lambda s: measurement(s, draws=100),
    "composite": lambda s: weigh_composite(s, ["x", "w"], draws=100),
    "keeping": lambda s: s.keep(np.arange(s.n) > 4, "careless"),
}


@pytest.mark.parametrize("name", FITS)
def test_the_form_is_the_same_everywhere(name: str) -> None:
    fit = FITS[name](people(synthetic=False))
    assert tuple(fit.coefficients.columns[: len(COEFFICIENTS)]) == COEFFICIENTS
    assert tuple(fit.effects.columns[: len(EFFECTS)]) == EFFECTS
    assert list(fit.summary.columns[:2]) == ["outcome", "n"] and len(fit.summary)
    assert fit.level == pytest.approx(LEVEL) and "the file" in fit.source
    assert (fit.seed is not None) == (name in DRAWN)
    assert fit.notes and all(isinstance(note, str) and note for note in fit.notes)
    found = fit.coefficients
    assert (found["conf_low"].dropna() <= found["estimate"][found["conf_low"].notna()]).all()
    assert (found["p_value"].dropna().between(0, 1)).all()
    assert not np.isinf(found.drop(columns="df").select_dtypes("number").to_numpy(float)).any()
    assert not fit.synthetic


@pytest.mark.parametrize("name", [*FITS, *OTHERS])
def test_simulated_answers_are_never_forgotten(name: str) -> None:
    ask = FITS.get(name) or OTHERS[name]
    assert ask(people(synthetic=True)).synthetic


def test_no_estimator_is_left_out_here() -> None:
    """Each public function that says it gives a Fit, and each value that carries the mark, is asked above."""
    functions, values = set(), set()
    for path in ANALYSIS.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) == "Fit":
                functions.add(node.name)
            if isinstance(node, ast.ClassDef):
                attributes = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
                if "synthetic" in map(ast.unparse, attributes):
                    values.add(node.name)
    asked = {name.partition(",")[0].partition(" of ")[0] for name in FITS}
    assert {name for name in functions if not name.startswith("_")} - asked == {"tabulate"}
    given = {type(ask(people(synthetic=False))).__name__ for ask in OTHERS.values()}
    assert values <= given
