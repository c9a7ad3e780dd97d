"""A questionnaire before anybody answers it: what is wrong with it, and what believable answers look like."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from analysis.errors import Problem, SettingsError
from survey_app.commands.terminal import check_output, err, out, written_whole


def check(
    file: Annotated[str, typer.Argument(help="A questionnaire file (TOML), or the name of a shipped one.")],
) -> None:
    """Say everything that is wrong with a questionnaire, with the place and what to do."""
    from analysis.instrument import check_instrument, load_instrument
    from survey_app.media import media_note

    problems = check_instrument(file)
    for problem in problems:
        out.print(str(problem), markup=False, soft_wrap=True)
    if problems:
        err.print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {file}.", style="red", markup=False)
        raise typer.Exit(2)
    found = load_instrument(file)
    languages = ", ".join(found.languages)
    out.print(
        f"{found.id} {found.version}: {len(found.items)} items, {len(found.pages)} pages, {languages}. Nothing wrong."
    )
    if note := media_note(found):
        out.print(note, markup=False, soft_wrap=True)


def simulate(
    instrument: Annotated[str, typer.Option(help="A shipped questionnaire, or a file.")] = "psi_core",
    n: Annotated[int, typer.Option("-n", min=1, help="How many people.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same answers.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=check_output, help="A CSV file; the terminal if left out.")
    ] = None,
) -> None:
    """Write believable answers of people who do not exist, some of them careless; every row says synthetic."""
    from analysis.instrument import load_instrument
    from analysis.simulate import simulate_answers

    if output is not None and output.suffix.lower() != ".csv":
        raise SettingsError(Problem("--output", f"'{output.name}' is no CSV file", "Choose a name that ends in .csv."))
    rows = simulate_answers(load_instrument(instrument), n, seed=seed)
    if output is None:
        rows.to_csv(sys.stdout, index=False)
        return
    with written_whole(output) as draft:
        rows.to_csv(draft, index=False)
    err.print(f"{output}: {n} synthetic participations, seed {seed}.", markup=False, soft_wrap=True)
