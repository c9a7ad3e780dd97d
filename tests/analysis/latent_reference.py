"""The frozen lavaan results (tests/reference/latent.json) and how a Fit is laid beside them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.fit import INTERCEPT, Fit
from analysis.model import Model, parse_model
from analysis.scoring import Scores

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "reference"
FIT = {
    "chi_square": "chisq", "df": "df", "p_value": "pvalue", "cfi": "cfi", "tli": "tli", "rmsea": "rmsea",
    "rmsea_low": "rmsea.ci.lower", "rmsea_high": "rmsea.ci.upper", "rmsea_close_p": "rmsea.pvalue", "srmr": "srmr",
    "aic": "aic", "bic": "bic", "log_likelihood": "logl", "parameters": "npar",
}  # fmt: skip
SCALED = {
    "chi_square_scaled": "chisq.scaled", "p_value_scaled": "pvalue.scaled", "scaling_factor": "chisq.scaling.factor",
    "cfi_scaled": "cfi.scaled", "tli_scaled": "tli.scaled", "rmsea_scaled": "rmsea.scaled",
    "cfi_robust": "cfi.robust", "tli_robust": "tli.robust", "rmsea_robust": "rmsea.robust",
    "rmsea_robust_low": "rmsea.ci.lower.robust", "rmsea_robust_high": "rmsea.ci.upper.robust",
}  # fmt: skip


@cache
def reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "tests" / "reference" / "latent.json").read_text())
    return found


@cache
def further() -> dict[str, Any]:
    """Standardised estimates with errors, groups with robust corrections or gaps (tests/reference/latent_more.json)."""
    found: dict[str, Any] = json.loads((ROOT / "tests" / "reference" / "latent_more.json").read_text())
    return found


def answers() -> Scores:
    return Scores.from_scored(pd.DataFrame(reference()["data"]), source="simulated in R")


def answers_with_gaps() -> Scores:
    return Scores.from_scored(pd.DataFrame(reference()["missing"], dtype=float), source="simulated in R")


def written(name: str) -> Model:
    return parse_model(reference()["models"][name])


def shared(name: str) -> dict[str, Any]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project (../shared/reference)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def shared_data(name: str) -> pd.DataFrame:
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project (../shared/reference/data)")
    return pd.read_csv(path)


def assert_coefficients(
    fit: Fit, estimates: list[dict[str, Any]], *, estimate: float = 1e-6, error: float = 1e-6
) -> None:
    """Every row of lavaan's table, relative to its size (a thousandth of a unit for what is near zero)."""
    seen = 0
    for row in estimates:
        names = placed(row)
        if names is None or row.get("exo"):
            continue
        found = fit.coefficients
        found = found[(found["outcome"] == names[0]) & (found["term"] == names[1])]
        if found.empty:
            continue
        ours = found.iloc[0]
        seen += 1
        scale = max(abs(row["est"]), 1e-1)
        assert ours["estimate"] == pytest.approx(row["est"], abs=estimate * scale), names
        assert ours["std_estimate"] == pytest.approx(row["std.all"], abs=estimate * max(abs(row["std.all"]), 0.1)), (
            names
        )
        if row["se"]:
            assert ours["std_error"] == pytest.approx(row["se"], rel=error), names
            assert ours["conf_low"] == pytest.approx(row["ci.lower"], abs=2 * max(estimate, error) * scale), names
    assert seen == len(fit.coefficients)


def assert_measures(
    fit: Fit, measures: dict[str, float], *, names: dict[str, str] | None = None, close: float = 1e-6
) -> None:
    row = fit.summary.iloc[0]
    for ours, theirs in (names or FIT).items():
        tolerance = 2e-5 if "rmsea" in ours and ("low" in ours or "high" in ours) else close
        assert row[ours] == pytest.approx(measures[theirs], rel=tolerance, abs=tolerance), ours


def placed(row: dict[str, Any]) -> tuple[str, str] | None:
    """Outcome and term of a row of lavaan's table; None for what it defines from others."""
    left, right = row["lhs"], row["rhs"]
    return {
        "=~": (right, left), "~": (left, right), "~~": (left, right), "~1": (left, INTERCEPT), "|": (left, right),
    }.get(row["op"])  # fmt: skip
