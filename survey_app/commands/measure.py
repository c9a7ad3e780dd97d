"""How well the scales measure: consistency, factor model, validity, exploration, the same in every group."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import DataError, ModelError, NotConverged, Problem, SettingsError
from survey_app.commands.answers import load_answers, read_model
from survey_app.commands.options import (
    Data,
    Draws,
    Exclude,
    Form,
    Level,
    Output,
    Questionnaire,
    Scales,
    Scored,
    Seed,
    Span,
)
from survey_app.commands.report import (
    MEASURES,
    Report,
    fit_measures,
    loadings_of,
    told_latent,
    told_notes,
    with_and_without,
)
from survey_app.commands.terminal import listing, progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from analysis.factor import Factors
    from analysis.invariance import Invariance
    from analysis.measurement import Measurement
    from analysis.model import Model
    from analysis.retention import Adequacy, Parallel
    from analysis.scoring import Scores

SHOWN = 10
"""Modification indices a terminal lists; JSON has them all."""


def measure(
    data: Data,
    instrument: Questionnaire = None,
    scale: Scales = None,
    scored: Scored = False,
    span: Span = "",
    cfa: Annotated[
        str | None, typer.Option(help="'psi =~ psi1 + psi2 + psi3; ...', or a file; the scales if left out.")
    ] = None,
    efa: Annotated[int | None, typer.Option(help="Also explore the items with so many factors.")] = None,
    invariance: Annotated[
        str | None, typer.Option(help="A column of groups: is the factor model the same in each?")
    ] = None,
    exclude: Exclude = "",
    level: Level = 0.95,
    draws: Draws = 5000,
    seed: Seed = 1,
    form: Form = "table",
    output: Output = None,
) -> None:
    """Say how well the scales measure: reliability, factor model, validity, exploration, method bias."""
    model = read_model(cfa) if cfa is not None else None
    if model is not None and model.equations:
        remedy = "Keep its =~ and ~~ lines here, or use parasol fit --latent."
        raise SettingsError(Problem("--cfa", f"'{model.equations[0]}' is a regression", remedy))
    answers = load_answers(
        data, instrument=instrument, scales=scale, scored=scored, span=span, items_named=model is not None
    )
    report = with_and_without(
        answers, exclude, lambda scores: _report(scores, model, efa, invariance, level, draws, seed)
    )
    report.write(form, output)


def _report(
    scores: Scores, model: Model | None, efa: int | None, group: str | None, level: float, draws: int, seed: int
) -> Report:
    from analysis.invariance import fit_invariance
    from analysis.measurement import measurement
    from analysis.validity import measurement_model

    scales = dict(scores.scales) or {latent.name: latent.indicators for latent in (model.latents if model else ())}
    with progress_bar("Resampling") as progress:
        found = measurement(
            scores, scales or None, model=model, factors=efa, level=level, draws=draws, seed=seed, progress=progress
        )
    groups = None
    if group is not None:
        _check_groups(scores, group)
        try:
            groups = fit_invariance(model or measurement_model(scales), scores, group, level=level)
        except (DataError, ModelError, NotConverged) as error:
            found = replace(found, notes=(*found.notes, f"No comparison by '{group}': {error}"))
    modifications = _modifications(found, scores)
    return Report(_content(found, scores.n, modifications, groups, group), _text(found, modifications, groups, group))


def _modifications(found: Measurement, scores: Scores) -> pd.DataFrame | None:
    """What the factor model leaves out and would need most; None where there is no model, or nothing to leave out."""
    from analysis.cfa import modification_indices

    if found.validity is None or not found.validity.fit.summary["df"].iloc[0]:
        return None
    return modification_indices(found.validity.fit.model, scores)


def _check_groups(scores: Scores, group: str) -> None:
    """Raise a SettingsError where the column cannot mean groups at all, whatever the answers."""
    from analysis.groups import MANY, group_labels

    count = group_labels(scores, group).nunique()
    if not 2 <= count <= MANY:
        remedy = f"Name a column with 2 to {MANY} groups."
        raise SettingsError(Problem("--invariance", f"'{group}' holds {count} different value(s)", remedy))


def _content(
    found: Measurement, rows: int, modifications: pd.DataFrame | None, groups: Invariance | None, group: str | None
) -> dict[str, Any]:
    fit = found.validity.fit if found.validity else None
    parallel = found.parallel
    return {
        "n": int(fit.summary["n"].iloc[0]) if fit else rows,
        "rows": rows,
        "synthetic": found.synthetic,
        "model": str(fit.model) if fit else None,
        "level": found.level,
        "seed": found.seed,
        "reliability": found.reliability,
        "items": found.items,
        "fit": fit_measures(fit) if fit else None,
        "loadings": loadings_of(fit) if fit else [],
        "coefficients": fit.coefficients if fit else [],
        "modifications": [] if modifications is None else modifications,
        "validity": found.validity.scales if found.validity else [],
        "fornell_larcker": _square(found.validity.fornell_larcker) if found.validity else [],
        "htmt": found.htmt.pairs if found.htmt else [],
        "adequacy": asdict(found.adequacy) if found.adequacy else None,
        "parallel": asdict(parallel) if parallel else None,
        "efa": _factors(found.factors) if found.factors else None,
        "collinearity": [] if found.collinearity is None else found.collinearity,
        "single_factor": asdict(found.single_factor) if found.single_factor else None,
        "invariance": None if groups is None else {"group": group, **asdict(groups), "model": str(groups.model)},
        "notes": _notes(found, groups),
    }


def _factors(found: Factors) -> dict[str, Any]:
    return asdict(found) | {"correlations": _square(found.correlations)}


def _square(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose index has names, with these as a first column."""
    return table.rename_axis(index="name", columns=None).reset_index()


def _text(found: Measurement, modifications: pd.DataFrame | None, groups: Invariance | None, group: str | None) -> str:
    from analysis.tables import table_reliability

    parts = [str(table_reliability(found.reliability, level=found.level))]
    parts.append(listing("Items", _filled(found.items)))
    if found.validity:
        parts += told_latent(found.validity.fit)
        if modifications is not None and len(modifications):
            title = f"What would improve the fit most, the first {SHOWN} (chosen after seeing the data: exploration)"
            parts.append(listing(title, modifications.head(SHOWN)))
        parts.append(listing("Convergent validity", found.validity.scales))
        parts.append(listing("Correlations of the latents; root of AVE on the diagonal", _corner(found)))
    if found.htmt:
        parts.append(listing("HTMT: 1 would mean that two scales cannot be told apart", _filled(found.htmt.pairs)))
    if found.adequacy and found.parallel:
        parts.append(_retained(found.adequacy, found.parallel))
    if found.factors:
        how = f"{found.factors.method}, {found.factors.rotation}"
        count = len(found.factors.variance)
        title = f"Pattern of {count} factor{'s' if count > 1 else ''} ({how})"
        parts.append(listing(title, _square(found.factors.pattern)))
        parts.append(listing("Correlations of the factors", _square(found.factors.correlations)))
        parts.append(listing("Variance explained", found.factors.variance))
    if found.collinearity is not None:
        parts.append(listing("Full collinearity of the scales", found.collinearity))
    if found.single_factor:
        share = found.single_factor
        parts.append(
            f"One factor for all {share.items} items: {100 * share.factor_share:.1f} % of their variance (minres), "
            f"{100 * share.component_share:.1f} % as first principal component"
        )
    if groups is not None:
        sizes = ", ".join(f"{name}: {n}" for name, n in groups.groups.items())
        measures = [name for name in MEASURES if name not in ("tli", "rmsea_low", "rmsea_high", "aic", "bic")]
        steps = ["delta_cfi", "delta_rmsea", "chi_square_difference", "df_difference", "p_difference"]
        parts.append(listing(f"The same in each {group}? ({sizes})", groups.levels[["level", *measures, *steps]]))
    limits = f"Intervals: {100 * found.level:g} %; that of RMSEA 90 %."
    return "\n\n".join([*parts, told_notes(found.synthetic, limits, *_notes(found, groups))])


def _corner(found: Measurement) -> pd.DataFrame:
    """The Fornell-Larcker table without what stands there twice."""
    import numpy as np

    assert found.validity is not None
    table = found.validity.fornell_larcker
    return _square(table.where(np.tri(len(table), dtype=bool)))


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that hold anything."""
    return table[[name for name in table if table[name].replace("", None).notna().any()]]


def _retained(adequacy: Adequacy, parallel: Parallel) -> str:
    from analysis.tables import apa_p

    bartlett = f"chi-square({adequacy.df}) = {adequacy.chi_square:.2f}, p = {apa_p(adequacy.p_value)}".replace(
        "= <", "<"
    )
    return (
        f"Exploration of the {len(adequacy.items)} items\n"
        f"Sampling adequacy (KMO) {adequacy.kmo:.3f}; Bartlett {bartlett}\n"
        f"Factors suggested: parallel analysis {parallel.factors} (principal components {parallel.components}), "
        f"minimum average partial {parallel.average_partial}"
    )


def _notes(found: Measurement, groups: Invariance | None) -> list[str]:
    parts = [found.validity, found.htmt, found.adequacy, found.parallel, found.factors, found.single_factor, groups]
    return list(dict.fromkeys([*found.notes, *(note for part in parts if part for note in part.notes)]))
