"""Tables beside the fit show, cell by cell, what the analysis behind them found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.compare import compare
from analysis.diagnostics import fit_diagnostics
from analysis.errors import DataError
from analysis.fit import Fit
from analysis.importance import fit_dominance
from analysis.instrument import load_instrument
from analysis.model import parse_model
from analysis.moderation import fit_moderation
from analysis.paths import fit_paths
from analysis.power import parse_plan, plan
from analysis.published import load_published
from analysis.quality import EVIDENCE, REASONS, exclusion_flow, flag_careless
from analysis.result_tables import (
    table_beside,
    table_comparison,
    table_directions,
    table_dominance,
    table_flagged,
    table_flow,
    table_needed,
    table_residual_tests,
    table_signs,
    table_slopes,
)
from analysis.scoring import Scores
from analysis.simulate import simulate_answers
from analysis.tables import Table, apa_interval, apa_number, apa_p, of_shown_test, regions_told
from analysis.vocabulary import vocabulary

GAO = load_published("gao_2023")
WORDS = {language: vocabulary(language) for language in ("en", "nl")}


def column(table: Table, place: int) -> list[str]:
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in table.frame.iloc[:, place]]


def bounded(values: pd.Series) -> list[str]:
    return [apa_number(value, bounded=True) for value in values]


def limits(found: pd.DataFrame, of: str = "conf", *, bounded: bool = False) -> list[str]:
    pairs = zip(found[f"{of}_low"], found[f"{of}_high"], strict=True)
    return [apa_interval(low, high, bounded=bounded) for low, high in pairs]


@pytest.fixture(scope="module")
def flags() -> pd.DataFrame:
    instrument = load_instrument("psi_core")
    return flag_careless(simulate_answers(instrument, 120, seed=9, careless=0.2), instrument)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_paths(GAO.model, GAO.moments())


@pytest.mark.parametrize("language", ["en", "nl"])
def test_signs_are_counted_weighed_and_marked(flags: pd.DataFrame, language: str) -> None:
    words, table = WORDS[language], table_signs(flags, language, synthetic=True)
    assert column(table, 0) == [words[f"reasons.{reason}"] for reason in REASONS]
    weights = {True: words["marks.evidence"], False: words["marks.hint"]}
    assert column(table, 1) == [weights[reason in EVIDENCE] for reason in REASONS]
    counts = [int(flags[reason].sum()) for reason in REASONS]
    assert column(table, 2) == [str(count) for count in counts]
    assert column(table, 3) == [f"{count / 1.2:.1f}" for count in counts]
    assert table.notes == (words["synthetic_note"],)
    assert table_signs(flags, language).notes == ()


def test_the_flow_is_shown_step_by_step(flags: pd.DataFrame) -> None:
    flow = exclusion_flow(flags, flags, ["longstring", "flagged"])
    table = table_flow(flow)
    assert column(table, 1) == ["", *(str(n) for n in flow["flagged"][1:])]
    assert column(table, 2) == ["", *(str(n) for n in flow["excluded"][1:])]
    assert column(table, 3) == [str(n) for n in flow["remaining"]]


def test_flagged_rows_are_numbered_as_in_the_file_with_most_reasons_first(flags: pd.DataFrame) -> None:
    table = table_flagged(flags, most=10)
    numbers = [int(number) - 1 for number in column(table, 0)]
    many = flags[list(REASONS)].sum(axis=1)
    assert len(numbers) == 10
    assert flags["flagged"].iloc[numbers].all()
    assert [many.iloc[n] for n in numbers] == sorted(many[flags["flagged"]], reverse=True)[:10]
    named = {WORDS["en"][f"reasons.{reason}"]: reason for reason in REASONS}
    for number, text in zip(numbers, column(table, 1), strict=True):
        assert [named[sign] for sign in text.split("; ")] == flags["reasons"].iloc[number].split(", ")
    assert len(table_flagged(flags, most=500).frame) == flags["flagged"].sum()


def test_two_fits_stand_beside_each_other_with_their_difference(fit: Fit) -> None:
    other = fit_paths(GAO.model, replace(GAO.moments(), n=300))
    moved = replace(other, coefficients=other.coefficients.assign(estimate=other.coefficients["estimate"] + 0.1))
    table = table_beside(fit, moved)
    first, second = (one.coefficients[one.coefficients["term"] != "(Intercept)"] for one in (fit, moved))
    for place, found in ((2, first), (3, second)):
        texts = [f"{apa_number(b)} {limit}" for b, limit in zip(found["estimate"], limits(found), strict=True)]
        assert column(table, place) == texts
    assert set(column(table, 4)) == {"0.10"}
    assert "378" in table.frame.columns[2]
    assert "300" in table.frame.columns[3]
    with pytest.raises(DataError, match="not of one model"):
        table_beside(fit, fit_paths(parse_model("pin ~ sop"), GAO.moments()))


def test_dominance_is_shown_in_its_order() -> None:
    found = fit_dominance(GAO.model, GAO.moments())
    rows = found.general[found.general["outcome"] == "pin"].sort_values("rank")
    table = table_dominance(found, "pin", labels={"res": "Responsiveness"})
    assert column(table, 0) == [{"res": "Responsiveness"}.get(term, term) for term in rows["term"]]
    assert column(table, 1) == bounded(rows["general"])
    assert column(table, 2) == limits(rows, bounded=True)
    assert column(table, 3) == [f"{100 * share:.0f} %" for share in rows["share"]]


def test_slopes_and_the_regions_of_their_sign() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 200))
    frame = pd.DataFrame({"x": x, "w": w, "y": 0.5 * x * w + rng.normal(size=200)})
    data = Scores.from_scored(frame, source="example")
    found = fit_moderation(parse_model("y ~ x + w + x:w"), data, outcome="y", focal="x", moderator="w")
    table = table_slopes(found, labels={"w": "Tier"})
    assert table.frame.columns[0] == "Tier"
    assert column(table, 0) == [apa_number(value) for value in found.slopes["at"]]
    assert column(table, 1) == [apa_number(value) for value in found.slopes["estimate"]]
    assert column(table, 2) == limits(found.slopes)
    assert column(table, 3) == [apa_number(value) for value in found.slopes["std_error"]]
    assert column(table, 4) == [apa_p(p) for p in found.slopes["p_value"]]
    told = regions_told(found, "{low} to {high}: {sign}", WORDS["en"])
    signs = [text.partition(": ")[2] for text in told]
    assert signs == [WORDS["en"][f"alt.{sign}"] for sign in found.regions["sign"]]
    assert len(set(signs)) == len(told) == len(table.notes) == 3
    assert told[0].startswith(f"{apa_number(found.regions['low'].iloc[0])} to ")


def test_residual_tests_of_one_outcome() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["x", "y", "z"])
    found = fit_diagnostics(parse_model("y ~ x; z ~ x"), Scores.from_scored(frame, source="example"))
    tests = found.tests[found.tests["outcome"] == "z"]
    table = table_residual_tests(found, "z")
    assert column(table, 0) == [WORDS["en"][f"tests.{test}"] for test in tests["test"]]
    assert column(table, 1) == [apa_number(value) for value in tests["statistic"]]
    assert column(table, 3) == [apa_p(p) for p in tests["p_value"]]
    for shown, pair in zip(column(table, 2), tests[["df", "df_residual"]].to_numpy(), strict=True):
        assert shown == ", ".join(f"{df:.0f}" for df in pair[~np.isnan(pair)])


def test_a_comparison_shows_both_betas_their_difference_and_its_interval() -> None:
    qatar = load_published("qatar_2023")
    ours = replace(GAO.moments(), names=("social", "homophily", "x", "psi", "y", "z"))
    fit = compare(parse_model("psi ~ social + homophily"), ours, qatar, names={"social": "affability"})
    found, table = fit.coefficients, table_comparison(fit, qatar.called)
    assert column(table, 0) == [f"{row.term} → {row.outcome}" for row in found.itertuples()]
    for place, name, of in ((1, "sample", "sample"), (2, "published", "published"), (3, "estimate", "conf")):
        texts = zip(bounded(found[name]), limits(found, of, bounded=True), strict=True)
        assert column(table, place) == [f"{beta} {limit}".strip() for beta, limit in texts]
    assert column(table, 4) == [apa_p(p) for p in found["p_value"]]
    assert "[" not in column(table, 2)[0]  # what is printed without a table is taken as known
    assert qatar.called in table.title


def test_directions_are_the_study_s() -> None:
    study = load_published("masuda_2022")
    table = table_directions(study, "nl")
    named = {"+": "positive", "0": "none", "-/0": "negative_or_none"}
    assert column(table, 0) == list(study.directions)
    assert column(table, 1) == [
        WORDS["nl"][f"directions.{named.get(sign, sign)}"] for sign in study.directions.values()
    ]


def test_what_each_effect_needs_is_that_of_the_test_shown() -> None:
    planned = plan(*parse_plan("m ~ 0.4*x; y ~ 0.4*m"), n=[40, 80, 160], replications=100, draws=120)
    table = table_needed(planned)
    truth = planned.power.drop_duplicates(["kind", "effect"]).set_index(["kind", "effect"])["truth"]
    effects = planned.needed.groupby(["kind", "effect"], sort=False)
    assert len(table.frame) == len(effects)
    for row, ((kind, effect), found) in zip(table.frame.itertuples(index=False), effects, strict=True):
        assert row[1] == apa_number(truth[kind, effect], bounded=True)
        assert ("→" in row[0]) and set("xym") >= set(row[0].partition(" (")[0].replace(" → ", ""))
        sizes = found[found["test"] == ("t" if kind == "coefficient" else "percentile")]
        for shown, size in zip(row[2:], sizes.itertuples(), strict=True):
            assert shown == ("–" if pd.isna(size.n) else f"{size.n} ({size.recruit})")
    assert of_shown_test(pd.DataFrame({"test": ["delta", "t"], "n": [1, 2]}))["n"].tolist() == [2]
