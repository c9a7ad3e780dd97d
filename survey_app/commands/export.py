"""`parasol export`: answers as a file for another program, with what their columns mean."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey_app.commands.options import Questionnaire
from survey_app.commands.terminal import check_output, err

if TYPE_CHECKING:
    import pandas as pd

    from analysis.instrument import Instrument


def export(
    study_or_file: Annotated[str, typer.Argument(help="A study (the end of its address), or a file of answers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Ends in .csv, .xlsx, .sav or .parquet.")],
    instrument: Questionnaire = None,
    language: Annotated[str, typer.Option(help="Of the labels and the codebook.")] = "en",
    unfinished: Annotated[bool, typer.Option("--unfinished", help="With those who have not finished.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="With test participations.")] = False,
) -> None:
    """Write answers for a spreadsheet, SPSS or Python, with labels and a codebook."""
    from analysis.rows_file import write_rows

    check_output(output)
    file = Path(study_or_file)
    if file.suffix:
        rows, questionnaire = _of_file(file, instrument)
    else:
        rows, questionnaire = _of_study(study_or_file, instrument, finished_only=not unfinished, include_test=tests)
    written = write_rows(rows, output, questionnaire, language)
    synthetic = int(rows["synthetic"].fillna(False).sum()) if "synthetic" in rows else 0
    marked = f", {synthetic} of them synthetic" if synthetic else ""
    for note in rows.attrs.get("notes", ()):
        err.print(f"- {note}", markup=False, soft_wrap=True)
    listed = " and ".join(str(path) for path in written)
    err.print(f"{listed}: {len(rows)} rows{marked}.", markup=False, soft_wrap=True)


def _of_file(file: Path, instrument: str | None) -> tuple[pd.DataFrame, Instrument | None]:
    from analysis.answers_file import load_rows
    from analysis.instrument import load_instrument

    return load_rows(file), load_instrument(instrument) if instrument else None


def _of_study(
    slug: str, instrument: str | None, *, finished_only: bool, include_test: bool
) -> tuple[pd.DataFrame, Instrument]:
    from analysis.instrument import load_instrument
    from survey_app.settings import load_settings
    from survey_app.store import Store

    with closing(Store(load_settings().database)) as store:
        store.migrate()
        rows = store.rows(slug, finished_only=finished_only, include_test=include_test)
        own = store.instrument(store.study(slug).instrument)
    return rows, load_instrument(instrument) if instrument else own
