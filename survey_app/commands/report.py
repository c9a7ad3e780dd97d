"""What a command answers: a tree of tables for programs, the same as text for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from survey_app.commands.terminal import listing, write_text

if TYPE_CHECKING:
    import pandas as pd

    from analysis.fit import Fit
    from analysis.scoring import Scores
    from survey_app.commands.answers import Answers

MEASURES = ("chi_square", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr", "aic", "bic")
"""How well a model with latent variables fits."""
CORRECTED = (
    "chi_square_scaled", "p_value_scaled", "scaling_factor", "cfi_robust", "tli_robust", "rmsea_robust",
    "rmsea_robust_low", "rmsea_robust_high",
)  # fmt: skip
"""The same corrected for answers that are not normal, or ordinal, where that was asked for."""


@dataclass(frozen=True)
class Report:
    """One answer, in both forms."""

    content: dict[str, Any]
    text: str

    def write(self, form: str, output: Path | None) -> None:
        """The form asked for, on the terminal or in the file named."""
        from analysis.export import as_json

        write_text(as_json(self.content) if form == "json" else self.text, output)


def with_and_without(answers: Answers, exclude: str, tell: Callable[[Scores], Report]) -> Report:
    """What there is to tell of everybody; where reasons exclude people, of those who stay, and of everybody beside."""
    if not exclude:
        return tell(answers.scores())
    kept, flow = answers.without(exclude)
    everybody, report = tell(answers.scores()), tell(kept)  # in this order a complaint counts rows as the file does
    return Report(
        report.content | {"exclusions": flow, "everybody": everybody.content},
        f"{report.text}\n\n{listing('Who was left out', flow)}\n\nWith everybody\n\n{everybody.text}",
    )


def fit_measures(found: Fit) -> dict[str, float | None]:
    """The measures of `MEASURES`, by name, None where there is none (ordinal items have no AIC); behind them those of
    `CORRECTED` that there are."""
    row = found.summary.iloc[0]
    return {name: row.get(name) for name in MEASURES} | {name: row[name] for name in CORRECTED if name in row}


def loadings_of(found: Fit) -> pd.DataFrame:
    """The rows of the coefficients that are loadings."""
    return found.coefficients[found.coefficients["kind"] == "loading"]


def told_latent(found: Fit) -> list[str]:
    """How well a model with latent variables fits, its loadings and its other parameters, each as a table."""
    shown = found.coefficients.drop(columns=["df", "std_estimate_error"])
    loadings, others = shown[shown["kind"] == "loading"], shown[shown["kind"] != "loading"]
    plain, corrected = ([name for name in names if name in found.summary] for names in (MEASURES, CORRECTED))
    tables = [str(found.model), listing("How well the model fits", found.summary[plain])]
    tables += [listing("The fit corrected, to be reported", found.summary[corrected])] if corrected else []
    tables += [listing("Loadings", loadings.drop(columns="kind"))] if len(loadings) else []
    return [*tables, listing("Regressions, variances and covariances", others)]


def told_notes(synthetic: bool, *notes: str) -> str:
    """Every note once; first of all whether anybody was simulated."""
    from analysis.vocabulary import vocabulary

    return "\n".join(dict.fromkeys([*([vocabulary("en")["synthetic_note"]] if synthetic else []), *notes]))
