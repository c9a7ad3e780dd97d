"""From answers, or a published table, and a model to coefficients, effects and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from analysis.errors import Problem, SettingsError
from survey_app.commands.answers import load_answers, read_model
from survey_app.commands.options import Draws, Exclude, Form, Level, Output, Questionnaire, Scales, Scored, Seed, Span
from survey_app.commands.report import Report, fit_measures, loadings_of, told_latent, told_notes, with_and_without
from survey_app.commands.terminal import listing, progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from analysis.cfa import Missing
    from analysis.fit import Fit
    from analysis.model import Model
    from analysis.moments import Moments
    from analysis.paths import Interval
    from analysis.regression import Errors
    from analysis.scoring import Scores


def fit(
    data: Annotated[Path | None, typer.Argument(help="Answers from any tool: CSV, XLSX, SAV or Parquet.")] = None,
    model: Annotated[
        str, typer.Option(help="'psi ~ social; purchase ~ psi + social', or a text file that holds it.")
    ] = "",
    instrument: Questionnaire = None,
    scale: Scales = None,
    scored: Scored = False,
    span: Span = "",
    published: Annotated[
        str | None,
        typer.Option("--from-published", help="Fit to this study's table; with its own model if none given."),
    ] = None,
    latent: Annotated[
        bool, typer.Option("--latent", help="Latent variables: those of =~ in the model, otherwise the scales.")
    ] = False,
    estimator: Annotated[
        Literal["ml", "mlm", "mlr", "wlsmv"] | None,
        typer.Option(help="Of --latent: ml, robust mlm or mlr, or wlsmv for ordinal items."),
    ] = None,
    missing: Annotated[
        Literal["listwise", "fiml"] | None,
        typer.Option(help="Of --latent: complete rows only, or every answer given (full information)."),
    ] = None,
    group: Annotated[str | None, typer.Option(help="A column: a fit per group of people, and differences.")] = None,
    exclude: Exclude = "",
    errors: Annotated[
        Literal["hc3", "classical"] | None, typer.Option(help="Standard errors; hc3, from a table classical.")
    ] = None,
    ci: Annotated[
        Literal["percentile", "bca", "montecarlo", "delta"] | None,
        typer.Option(help="Intervals of effects; percentile, from a table montecarlo."),
    ] = None,
    contrast: Annotated[
        list[str] | None, typer.Option(help="Subtract effects: 'a -> b -> d minus a -> c -> d'.")
    ] = None,
    level: Level = 0.95,
    draws: Draws = 5000,
    seed: Seed = 1,
    form: Form = "table",
    output: Output = None,
) -> None:
    """Fit a model to answers or to a published table: coefficients, effects along its paths, reliabilities."""
    people = {"DATA": data, "--instrument": instrument, "--scale": scale, "--scored": scored, "--range": span}
    people |= {"--group": group, "--exclude": exclude}
    wishes = Wishes(latent, estimator, missing, group, errors, ci, _pairs(contrast or []), level, draws, seed)
    if published is not None:
        _refuse({name for name, given in people.items() if given}, "--from-published has no people to read")
        report = wishes.report(*_published(published, model))
    elif data is None:
        raise SettingsError(Problem("DATA", "no answers are named", "Name a file, or use --from-published ID."))
    else:
        wanted = read_model(model)
        answers = load_answers(
            data, instrument=instrument, scales=scale, scored=scored, span=span, items_named=bool(wanted.latents)
        )
        report = with_and_without(answers, exclude, lambda scores: wishes.report(wanted, scores))
    report.write(form, output)


@dataclass(frozen=True)
class Wishes:
    """How a model is to be fitted, whatever the data."""

    latent: bool
    estimator: Literal["ml", "mlm", "mlr", "wlsmv"] | None
    missing: Missing | None
    group: str | None
    errors: Errors | None
    interval: Interval | None
    contrasts: tuple[tuple[str, str], ...]
    level: float
    draws: int
    seed: int

    def report(self, model: Model, data: Scores | Moments) -> Report:
        """The fit that is wished for."""
        if self.latent:
            taken = {"--errors": self.errors, "--ci": self.interval, "--contrast": self.contrasts}
            taken |= {"--group": self.group}
            _refuse({name for name, given in taken.items() if given}, "--latent does not take it")
            return self._latent(model, data)
        latent_only = {"--estimator": self.estimator, "--missing": self.missing}
        _refuse({name for name, given in latent_only.items() if given}, "it belongs to --latent")
        if model.latents:
            raise SettingsError(Problem("--model", "it names items with =~", "Add --latent, or use scale scores."))
        return self._observed(model, data) if self.group is None else self._subgroups(model, data, self.group)

    def _observed(self, model: Model, data: Scores | Moments) -> Report:
        from analysis.paths import fit_paths

        with progress_bar("Resampling") as progress:
            found = fit_paths(
                model, data, errors=self.errors, level=self.level, draws=self.draws, seed=self.seed,
                interval=self.interval, contrasts=self.contrasts, progress=progress,
            )  # fmt: skip
        return self._told(found, data)

    def _told(self, found: Fit, data: Scores | Moments) -> Report:
        from analysis.export import fit_as_text, fit_content

        reliability = self._reliability(data)
        return Report(fit_content(found, reliability), fit_as_text(found, reliability))

    def _reliability(self, data: Scores | Moments) -> pd.DataFrame:
        import pandas as pd

        from analysis.moments import Moments
        from analysis.reliability import reliability_table

        if isinstance(data, Moments) or not data.scales:
            return pd.DataFrame()
        return reliability_table(data, self.level)

    def _subgroups(self, model: Model, data: Scores | Moments, group: str) -> Report:
        from analysis.groups import group_labels
        from analysis.moments import require_rows
        from analysis.subgroups import fit_subgroups

        people = require_rows(data, "A fit per group")
        with progress_bar("Resampling") as progress:
            found = fit_subgroups(
                model, people, by=group, errors=self.errors, level=self.level, draws=self.draws, seed=self.seed,
                interval=self.interval, contrasts=self.contrasts, progress=progress,
            )  # fmt: skip
        labels = group_labels(people, group)
        parts = {
            name: self._told(one, people.keep((labels == name).fillna(False).to_numpy(dtype=bool), "other group"))
            for name, one in found.fits.items()
        }
        content = {
            "n": sum(part.content["n"] for part in parts.values()),
            "synthetic": people.synthetic,
            "model": str(model),
            "level": self.level,
            "seed": self.seed,
            "group": group,
            "groups": [{"group": name, **part.content} for name, part in parts.items()],
            "differences": found.differences,
            "notes": found.notes,
        }
        texts = [f"{group}: {name}\n\n{part.text}" for name, part in parts.items()]
        texts += [listing("Differences between the groups", found.differences), "\n".join(found.notes)]
        return Report(content, "\n\n".join(texts))

    def _latent(self, model: Model, data: Scores | Moments) -> Report:
        from analysis.export import fit_content
        from analysis.tables import table_effects, table_reliability

        found = self._factors(_with_scales(model, data), data)
        reliability = self._reliability(data)
        content = fit_content(found, reliability) | {"fit": fit_measures(found), "loadings": loadings_of(found)}
        tables = told_latent(found)
        tables += [str(replace(table_effects(found), notes=()))] if len(found.effects) else []
        tables += [str(table_reliability(reliability, level=found.level))] if len(reliability) else []
        limits = f"Intervals: {100 * found.level:g} %; that of RMSEA 90 %."
        return Report(content, "\n\n".join([*tables, told_notes(found.synthetic, limits, *found.notes)]))

    def _factors(self, model: Model, data: Scores | Moments) -> Fit:
        from analysis.cfa import fit_cfa
        from analysis.ordinal_cfa import fit_ordinal_cfa

        if self.estimator == "wlsmv":
            if self.missing == "fiml":
                remedy = "Leave one of them out; --estimator mlr takes gaps."
                raise SettingsError(Problem("--missing fiml", "ordinal items are fitted to complete rows only", remedy))
            return fit_ordinal_cfa(model, data, level=self.level)
        robust = None if self.estimator == "ml" else self.estimator
        return fit_cfa(model, data, level=self.level, robust=robust, missing=self.missing or "listwise")


def _published(study: str, text: str) -> tuple[Model, Moments]:
    """The model, the study's own if none is given, and the moments its table stands for."""
    from analysis.published import load_published

    found = load_published(study)
    moments = found.moments()
    if text or found.model is None:
        return read_model(text), moments
    return found.model, moments


def _with_scales(model: Model, data: Scores | Moments) -> Model:
    """The model with its scales as latent variables, unless it names latent variables itself."""
    from analysis.model import Latent
    from analysis.moments import Moments

    if model.latents:
        return model
    scales = {} if isinstance(data, Moments) else data.scales
    latents = tuple(Latent(name, tuple(scales[name])) for name in model.names if len(scales.get(name, ())) > 1)
    if not latents:
        remedy = "Write psi =~ psi1 + psi2 + psi3 in the model, or name scales of several items."
        raise SettingsError(Problem("--latent", "nothing says which items a latent variable shows in", remedy))
    return replace(model, latents=latents)


def _pairs(texts: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    problems = []
    for text in texts:
        first, minus, second = text.partition(" minus ")
        if not (minus and first.strip() and second.strip()):
            remedy = "Write it as 'a -> b -> d minus a -> c -> d'."
            problems.append(Problem("--contrast", f"'{text}' is no difference of two effects", remedy))
        pairs.append((first.strip(), second.strip()))
    if problems:
        raise SettingsError(*problems)
    return tuple(pairs)


def _refuse(names: set[str], what: str) -> None:
    if names:
        raise SettingsError(Problem(", ".join(sorted(names)), what, "Leave it out."))
