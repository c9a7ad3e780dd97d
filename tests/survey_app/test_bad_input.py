"""What issue 3 calls bad input, each by function and by command: a named error with a sentence, or a note."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.cfa import fit_cfa
from analysis.errors import DataError, ModelError, MomentsError, NeedsRows, NotConverged, ParasolError
from analysis.factor import fit_factors
from analysis.fit import Fit
from analysis.groups import fit_groups
from analysis.importance import fit_dominance
from analysis.invariance import fit_invariance
from analysis.measurement import measurement
from analysis.model import parse_model
from analysis.moments import Moments, from_correlations
from analysis.ordinal_cfa import fit_ordinal_cfa
from analysis.paths import fit_paths
from analysis.published import load_published
from analysis.quality import flag_careless, rating_instrument
from analysis.reliability import alpha
from analysis.scoring import Scores, score_scales
from tests.survey_app.command_line import answered, call, refused

CFA = "f =~ psi1 + psi2 + psi3 + psi4"
STUCK = [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
HEYWOOD = [[1, 0.8, 0.7], [0.8, 1, 0.4], [0.7, 0.4, 1]]
IMPOSSIBLE = [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]


@cache
def people() -> pd.DataFrame:
    rng = np.random.Generator(np.random.SFC64(3))
    n = 120
    common, other = rng.normal(size=(2, n))
    rows = pd.DataFrame({f"psi{k}": np.clip(np.round(4 + common + rng.normal(size=n)), 1, 7) for k in range(1, 5)})
    for k in range(1, 4):
        rows[f"tru{k}"] = np.clip(np.round(4 + 0.5 * common + other + rng.normal(size=n)), 1, 7)
    rows["buy"] = 0.4 * common + 0.3 * other + rng.normal(size=n)
    rows = rows.assign(copy=rows["psi1"], total=rows["psi1"] + rows["psi2"], same=4, word="often", one="all")
    rows["solo"] = ["alone"] + ["x"] * 60 + ["y"] * 59
    for k, column in enumerate(exactly(HEYWOOD).T, start=1):
        rows[f"hey{k}"] = column
    for k, column in enumerate(exactly(STUCK).T, start=1):
        rows[f"stuck{k}"] = column
    return rows


def exactly(correlations: list[list[float]]) -> np.ndarray:
    """120 rows with just these correlations."""
    raw = np.random.Generator(np.random.SFC64(9)).normal(size=(120, len(correlations)))
    raw -= raw.mean(axis=0)
    roots, vectors = np.linalg.eigh(np.array(correlations))
    whitened = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    return np.asarray(whitened @ (vectors * np.sqrt(roots.clip(0))).T)


def scored(rows: int | None = None) -> Scores:
    return Scores.from_scored(people().head(rows) if rows else people(), source="people")


def table(correlations: list[list[float]], n: int = 120) -> Moments:
    return from_correlations(list("abcd"[: len(correlations)]), np.array(correlations), n=n)


@dataclass(frozen=True)
class Case:
    """By function, the error it raises, what the sentence says; by command, and its sentence where that differs."""

    ask: Callable[[], object]
    error: type[ParasolError]
    says: str
    command: tuple[object, ...] = ()
    rows: int | None = None
    command_says: str = ""


PATH = "--scored", "--model"
LATENT = "--latent", "--model"
CASES: dict[str, Case] = {
    "singular: a copy": Case(
        lambda: fit_paths(parse_model("buy ~ psi1 + copy"), scored()), DataError, "psi1, copy hold the same inform",
        ("fit", *PATH, "buy ~ psi1 + copy"),
    ),
    "singular: a sum": Case(
        lambda: fit_paths(parse_model("buy ~ psi1 + psi2 + total"), scored()), DataError, "perfectly collinear",
        ("fit", *PATH, "buy ~ psi1 + psi2 + total"),
    ),
    "singular: dominance": Case(
        lambda: fit_dominance(parse_model("buy ~ psi1 + copy"), scored()), DataError, "psi1, copy",
    ),
    "singular: items": Case(
        lambda: fit_cfa(parse_model("f =~ psi1 + psi2 + copy"), scored()), DataError, "psi1, copy determine each other",
        ("fit", *LATENT, "f =~ psi1 + psi2 + copy"),
    ),
    "singular: ordinal items": Case(
        lambda: fit_ordinal_cfa(parse_model("f =~ psi1 + psi2 + copy"), scored()), DataError, "'psi1' and 'copy'",
    ),
    "singular: exploration": Case(
        lambda: fit_factors(scored(), ["psi1", "psi2", "psi3", "copy"], 1), DataError, "psi1, copy determine each",
    ),
    "singular: a table": Case(
        lambda: fit_paths(parse_model("c ~ a + b"), table([[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 1]])), DataError,
        "a, b hold the same information",
    ),
    "no error left": Case(
        lambda: fit_paths(parse_model("total ~ psi1 + psi2"), scored()), DataError, "without any error",
        ("fit", *PATH, "total ~ psi1 + psi2"),
    ),
    "not positive definite": Case(
        lambda: table(IMPOSSIBLE), MomentsError, r"no data can have these correlations \(smallest eigenvalue -0.8000\)",
    ),
    "a printed table nobody can have": Case(
        lambda: load_published("heliyon_2022").moments(), MomentsError, "R2 of at least 1.02",
        ("fit", "--from-published", "heliyon_2022"),
    ),
    "no convergence": Case(
        lambda: fit_cfa(parse_model("f =~ a + b + c"), table(STUCK)), NotConverged, "found no end",
        ("fit", *LATENT, "f =~ stuck1 + stuck2 + stuck3"),
    ),
    "one group of size 1: a fit per group": Case(
        lambda: fit_groups(parse_model("buy ~ solo"), scored()), DataError, "alone has only one row",
        ("fit", *PATH, "buy ~ psi1", "--group", "solo"), command_says=r"'alone' \(n = 1\)",
    ),
    "one group of size 1: invariance": Case(
        lambda: fit_invariance(parse_model(CFA), scored(), "solo"), DataError, "'alone'.*1 complete rows for 12 param",
    ),
    "one group only": Case(
        lambda: fit_invariance(parse_model(CFA), scored(), "one"), DataError, "names 1 group",
        ("measure", "--cfa", CFA, "--invariance", "one"), command_says="1 different value",
    ),
    "all answers equal: a predictor": Case(
        lambda: fit_paths(parse_model("buy ~ same"), scored()), DataError, "'same': everybody has the same value",
        ("fit", *PATH, "buy ~ same"),
    ),
    "all answers equal: the outcome": Case(
        lambda: fit_paths(parse_model("same ~ buy"), scored()), DataError, "'same': everybody has the same value",
        ("fit", *PATH, "same ~ buy"),
    ),
    "all answers equal: an item": Case(
        lambda: fit_cfa(parse_model("f =~ psi1 + psi2 + same"), scored()), DataError, "'same': everybody has the same",
        ("fit", *LATENT, "f =~ psi1 + psi2 + same"),
    ),
    "all answers equal: a scale": Case(
        lambda: alpha(scored(), ["psi1", "same"]), DataError, "'same': everybody has the same value",
    ),
    "n smaller than parameters: paths": Case(
        lambda: fit_paths(parse_model("buy ~ psi1 + psi2 + psi3"), scored(4)), DataError,
        "4 complete rows for 4 coefficients", ("fit", *PATH, "buy ~ psi1 + psi2 + psi3"), 4,
    ),
    "n smaller than parameters: latents": Case(
        lambda: fit_cfa(parse_model(CFA), scored(7)), DataError, "7 people for 8 parameters",
        ("fit", *LATENT, CFA), 7,
    ),
    "n smaller than parameters: a table": Case(
        lambda: fit_paths(parse_model("c ~ a + b"), table(HEYWOOD, n=3)), DataError, "3 complete rows for 3 coeff",
    ),
    "one person": Case(
        lambda: fit_paths(parse_model("buy ~ psi1"), scored(1)), DataError, r"1 complete row\(s\)",
        ("fit", *PATH, "buy ~ psi1"), 1,
    ),
    "a name that does not exist": Case(
        lambda: fit_paths(parse_model("buy ~ nobody"), scored()), ModelError, "'nobody': no column of that name",
        ("fit", *PATH, "buy ~ nobody"),
    ),
    "an item that does not exist": Case(
        lambda: fit_cfa(parse_model("f =~ psi1 + psi2 + nobody"), scored()), DataError, "'nobody'.*no such column",
        ("fit", *LATENT, "f =~ psi1 + psi2 + nobody"),
    ),
    "a group that does not exist": Case(
        lambda: fit_invariance(parse_model(CFA), scored(), "nobody"), DataError, "'nobody'.*no such column",
        ("measure", "--cfa", CFA, "--invariance", "nobody"),
    ),
    "a study that does not exist": Case(
        lambda: load_published("nobody_2020"), DataError, "nobody_2020", ("fit", "--from-published", "nobody_2020"),
    ),
    "words for numbers": Case(
        lambda: fit_paths(parse_model("buy ~ word"), scored()), DataError, r"'word': row 1 \('often'\)",
        ("fit", *PATH, "buy ~ word"),
    ),
    "a circle": Case(
        lambda: fit_paths(parse_model("buy ~ psi1; psi1 ~ buy"), scored()), ModelError, "circle: buy -> psi1 -> buy",
        ("fit", *PATH, "buy ~ psi1; psi1 ~ buy"),
    ),
    "a circle of latents": Case(
        lambda: fit_cfa(parse_model("f =~ psi1 + psi2; g =~ tru1 + tru2; f ~ g; g ~ f"), scored()), ModelError,
        "circle: f -> g -> f", ("fit", *LATENT, "f =~ psi1 + psi2; g =~ tru1 + tru2; f ~ g; g ~ f"),
    ),
    "itself": Case(
        lambda: parse_model("buy ~ buy"), ModelError, "'buy' would predict itself", ("fit", *PATH, "buy ~ buy"),
    ),
    "a latent with one indicator": Case(
        lambda: fit_cfa(parse_model("f =~ psi1; g =~ tru1 + tru2 + tru3"), scored()), ModelError,
        "'f': it shows in psi1 only", ("fit", *LATENT, "f =~ psi1; g =~ tru1 + tru2 + tru3"),
    ),
    "a latent with two indicators, alone": Case(
        lambda: fit_cfa(parse_model("f =~ psi1 + psi2"), scored()), ModelError, "4 parameters .* from 3 variances",
        ("fit", *LATENT, "f =~ psi1 + psi2"),
    ),
    "people asked of a table": Case(
        lambda: fit_paths(parse_model("pin ~ sop"), load_published("gao_2023").moments(), interval="bca"), NeedsRows,
        "bootstrap interval", ("fit", "--from-published", "gao_2023", "--ci", "bca"),
    ),
}  # fmt: skip


def command(case: Case, folder: Path) -> tuple[object, ...]:
    """The case's command, on the file of people unless it needs none."""
    verb, *rest = case.command
    if "--from-published" in rest:
        return verb, *rest
    path = folder / "people.csv"
    (people().head(case.rows) if case.rows else people()).to_csv(path, index=False)
    return verb, path, *rest


@pytest.mark.parametrize("name", CASES)
def test_a_function_names_what_is_wrong(name: str) -> None:
    case = CASES[name]
    with pytest.raises(case.error, match=case.says) as caught:
        case.ask()
    for problem in caught.value.problems:
        assert problem.where and problem.what and problem.remedy.strip()[-1] in ".?"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.command])
def test_a_command_says_the_same_and_ends_with_2(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    said = refused(*command(case, tmp_path))
    assert re.search(case.command_says or case.says, said)
    assert "nan" not in said.lower() and len(said.strip().splitlines()) == 1


def numbers(value: object) -> list[float]:
    """Every number in an answer, however deep."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, int | float):
        return [float(value)]
    inner = value.values() if isinstance(value, dict) else value
    return [number for part in inner for number in numbers(part)]  # type: ignore[attr-defined]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    people().to_csv(path, index=False)
    return path


def assert_noted(found: Fit, answer: dict[str, Any], says: str) -> None:
    assert any(re.search(says, note) for note in found.notes)
    assert any(re.search(says, note) for note in answer["notes"])
    assert np.isfinite(numbers(answer)).all()


def test_a_heywood_case_is_noted(file: Path) -> None:
    model = "f =~ hey1 + hey2 + hey3"
    found = fit_cfa(parse_model(model), scored())
    answer = answered("fit", file, "--latent", "--model", model)
    assert_noted(found, answer, r"Heywood case: the variance of 'hey1' came out at -0\.\d+, below zero")
    code, printed, said = call("fit", file, "--latent", "--model", model)
    assert (code, said) == (0, "") and "Heywood case" in printed and "nan" not in printed.lower()
    variance = next(row for row in answer["coefficients"] if row["outcome"] == row["term"] == "hey1")
    assert variance["estimate"] < 0


def test_a_heywood_case_among_scales_is_noted_and_gives_no_impossible_share(file: Path) -> None:
    answer = answered("measure", file, "--cfa", "f =~ hey1 + hey2 + hey3", "--draws", "100")
    assert any("Heywood case" in note for note in answer["notes"])
    assert np.isfinite(numbers(answer)).all()
    for row in answer["validity"]:
        assert row["ave"] is None or 0 <= row["ave"] <= 1, row
        assert row["cr"] is None or 0 <= row["cr"] <= 1, row


def test_a_scale_all_of_whose_answers_are_equal_is_noted(file: Path) -> None:
    rows = people().assign(still=4)
    rows.to_csv(file, index=False)
    scales = {"psi": ["psi1", "psi2", "psi3"], "tru": ["tru1", "tru2", "tru3"], "still": ["same", "still"]}
    found = measurement(score_scales(rows, scales, source="people"), draws=100)
    arguments = [part for name, items in scales.items() for part in ("--scale", f"{name}={','.join(items)}")]
    answer = answered("measure", file, *arguments, "--draws", "100")
    for notes in (found.notes, answer["notes"]):
        assert any("'same': everybody has the same value" in note for note in notes)
    alphas = {row["scale"]: row["alpha"] for row in answer["reliability"]}
    assert alphas["still"] is None and alphas["psi"] > 0.5
    assert np.isfinite(numbers(answer)).all()


def test_a_group_too_small_for_the_comparison_leaves_the_rest_standing(file: Path) -> None:
    answer = answered("measure", file, "--cfa", CFA, "--invariance", "solo", "--draws", "100")
    assert answer["invariance"] is None and answer["fit"]["df"] == 2
    assert any(
        re.search("No comparison by 'solo'.*1 complete rows for 12 parameters", note) for note in answer["notes"]
    )


def test_people_who_all_answer_alike_are_flagged_not_counted_as_numbers(tmp_path: Path) -> None:
    rows = pd.DataFrame({f"psi{k}": [4] * 12 for k in range(1, 9)})
    flags = flag_careless(rows, rating_instrument(rows, scales={}, span=(1, 7)))
    assert flags["longstring"].all()
    rows.to_csv(tmp_path / "flat.csv", index=False)
    answer = answered("quality", tmp_path / "flat.csv", "--range", "1:7", "--scale", "psi=psi1,psi2,psi3,psi4")
    assert answer["flagged"] == 12 and np.isfinite(numbers(answer)).all()
    assert "everybody has the same value" in refused("fit", tmp_path / "flat.csv", "--scored", "--model", "psi1 ~ psi2")


def test_json_of_a_refusal_is_no_half_answer(file: Path) -> None:
    code, printed, said = call("fit", file, "--scored", "--model", "buy ~ nobody", "--format", "json")
    assert (code, printed) == (2, "") and said
    with pytest.raises(json.JSONDecodeError):
        json.loads(printed)
