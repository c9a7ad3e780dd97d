"""The links of a study on paper and screen, and a new link to the researcher's screens."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from analysis.errors import Problem, SettingsError
from survey_app.commands.database import opened_store
from survey_app.commands.terminal import err, out, written_whole


def links(
    slug: Annotated[str, typer.Argument(help="The last part of the study's address.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A sheet of labels (.pdf) or a table (.csv) to write.")
    ] = None,
    copies: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Labels for each link; as many as fill a sheet if left out.")
    ] = None,
    language: Annotated[str, typer.Option(help="The language of the labels.")] = "",
) -> None:
    """The links of a study, one for each source: whole, short enough to be typed, and as labels with QR codes."""
    from survey_app.address import public_address
    from survey_app.links import study_links
    from survey_app.settings import load_settings

    suffix = output.suffix.lower() if output else ""
    if output and suffix not in (".pdf", ".csv"):
        what = f"'{output.name}' is neither a sheet of labels nor a table"
        raise SettingsError(Problem("--output", what, "Choose a name that ends in .pdf or .csv."))
    settings = load_settings()
    with opened_store() as store:
        study = store.study(slug)
    found = study_links(study, public_address(settings))
    if not settings.public:
        err.print("PARASOL_PUBLIC is not set, so the links hold this machine's own address.", soft_wrap=True)
    if suffix == ".pdf":
        from survey_app.labels import study_labels

        assert output is not None
        sheet = study_labels(study, found, language or study.languages[0], copies=copies)
        with written_whole(output) as draft:
            draft.write_bytes(sheet)
        err.print(
            f"{output}: labels for {len(found)} {'link' if len(found) == 1 else 'links'}.", markup=False, soft_wrap=True
        )
        return
    if suffix == ".csv":
        import pandas as pd

        from analysis.export import rows_as_csv

        assert output is not None
        with written_whole(output) as draft:
            draft.write_bytes(rows_as_csv(pd.DataFrame(asdict(link) for link in found)))
        return
    for link in found:
        name = f"{link.label}\n" if link.label else ""
        out.print(f"{name}  {link.short}\n  {link.address}", markup=False, soft_wrap=True)
    if study.waves:
        waves = ", ".join(f"wave={wave.id}" for wave in study.waves)
        told = f"A link leads to the wave that is on (opens, closes in the study file); or add one to it: {waves}."
        err.print(told, markup=False, soft_wrap=True)


def link() -> None:
    """A new one-time link to the researcher's screens of the server that runs on this machine."""
    from survey_app.access import OneTimeLinks
    from survey_app.address import running_address
    from survey_app.settings import load_settings

    settings = load_settings()
    address = running_address(settings)
    out.print(f"{address}/access/{OneTimeLinks(settings).issue()}", soft_wrap=True)
    err.print("It opens once, within a day; that browser then stays admitted for 30 days.", soft_wrap=True)
