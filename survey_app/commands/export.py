"""`parasol export`: answers as a file for another program, with what their columns mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.errors import Problem, SettingsError
from survey_app.commands.database import opened_store
from survey_app.commands.options import Questionnaire
from survey_app.commands.terminal import check_output, err

if TYPE_CHECKING:
    import pandas as pd

    from analysis.instrument import Instrument
    from survey_app.study import Study


def export(
    study_or_file: Annotated[str, typer.Argument(help="A study (the end of its address), or a file of answers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Ends in .csv, .xlsx, .sav or .parquet.")],
    instrument: Questionnaire = None,
    language: Annotated[str, typer.Option(help="Of the labels and the codebook.")] = "en",
    unfinished: Annotated[bool, typer.Option("--unfinished", help="With those who have not finished.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="With test participations.")] = False,
    paradata: Annotated[
        bool, typer.Option("--paradata", help="Instead how a study was answered: times, order and device per item.")
    ] = False,
) -> None:
    """Write answers for a spreadsheet, SPSS or Python, with labels and a codebook."""
    from analysis.rows_file import write_paradata, write_rows
    from survey_app.rows import study_columns

    check_output(output)
    file = Path(study_or_file)
    if paradata:
        rows = _times(study_or_file, file, instrument, finished_only=not unfinished, include_test=tests)
        written = write_paradata(rows, output, language)
    elif file.suffix:
        rows, questionnaire = _of_file(file, instrument)
        written = write_rows(rows, output, questionnaire, language)
    else:
        found = _of_study(study_or_file, instrument, finished_only=not unfinished, include_test=tests)
        rows, questionnaire, study = found
        written = write_rows(rows, output, questionnaire, language, study_columns(study, language))
    synthetic = int(rows["synthetic"].fillna(False).sum()) if "synthetic" in rows else 0
    marked = f", {synthetic} of them synthetic" if synthetic else ""
    for note in rows.attrs.get("notes", ()):
        err.print(f"- {note}", markup=False, soft_wrap=True)
    listed = " and ".join(str(path) for path in written)
    err.print(f"{listed}: {len(rows)} rows{marked}.", markup=False, soft_wrap=True)


def _times(slug: str, file: Path, instrument: str | None, *, finished_only: bool, include_test: bool) -> pd.DataFrame:
    if file.suffix:
        remedy = "Name a study, by the end of its address."
        raise SettingsError(Problem("--paradata", "a file of answers does not say how they were given", remedy))
    if instrument:
        remedy = "Leave one of the two out."
        raise SettingsError(Problem("--paradata", "times and order are not read with a questionnaire", remedy))
    with opened_store() as store:
        told = store.paradata(slug, include_test=include_test)
        if finished_only:
            told = told[told["participation"].isin(store.rows(slug, include_test=include_test)["participation"])]
    return told.reset_index(drop=True)


def _of_file(file: Path, instrument: str | None) -> tuple[pd.DataFrame, Instrument | None]:
    from analysis.answers_file import load_rows
    from analysis.instrument import load_instrument

    return load_rows(file), load_instrument(instrument) if instrument else None


def _of_study(
    slug: str, instrument: str | None, *, finished_only: bool, include_test: bool
) -> tuple[pd.DataFrame, Instrument, Study]:
    from analysis.instrument import load_instrument

    with opened_store() as store:
        rows = store.rows(slug, finished_only=finished_only, include_test=include_test)
        study = store.study(slug)
        own = store.instrument(study.instrument)
    return rows, load_instrument(instrument) if instrument else own, study
