"""From answers and a model to coefficients, effects and reliabilities."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from survey_app.commands.answers import load_answers, read_model
from survey_app.commands.options import Data, Draws, Form, Level, Output, Questionnaire, Scales, Scored, Seed, Span
from survey_app.commands.terminal import progress_bar, write_text


def fit(
    data: Data,
    model: Annotated[str, typer.Option(help="'psi ~ social; purchase ~ psi + social', or a text file that holds it.")],
    instrument: Questionnaire = None,
    scale: Scales = None,
    scored: Scored = False,
    span: Span = "",
    errors: Annotated[Literal["hc3", "classical"], typer.Option(help="Standard errors of the coefficients.")] = "hc3",
    level: Level = 0.95,
    draws: Draws = 5000,
    seed: Seed = 1,
    form: Form = "table",
    output: Output = None,
) -> None:
    """Fit a model to a file of answers: coefficients, effects along its paths, reliability of the scales."""
    import pandas as pd

    from analysis.export import fit_as_json, fit_as_text
    from analysis.paths import fit_paths
    from analysis.reliability import reliability_table

    parsed = read_model(model)
    scores = load_answers(data, instrument=instrument, scales=scale, scored=scored, span=span).scores()
    with progress_bar("Resampling") as progress:
        found = fit_paths(parsed, scores, errors=errors, level=level, draws=draws, seed=seed, progress=progress)
    reliability = reliability_table(scores, level) if scores.scales else pd.DataFrame()
    write_text(fit_as_json(found, reliability) if form == "json" else fit_as_text(found, reliability), output)
