"""The command line. Every command is one call into the rooms behind it; what goes wrong is one sentence and code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from analysis.errors import ParasolError, Problem, SettingsError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class OneSentence(TyperGroup):
    """Commands whose errors are a sentence on stderr and exit code 2, never a traceback."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except ParasolError as error:
            trouble = str(error)
        except OSError as error:
            trouble = str(Problem(str(error.filename or "the file"), error.strerror or str(error), "Check the path."))
        err.print(trouble, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2)


app = typer.Typer(
    cls=OneSentence,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Questionnaires on parasocial interaction, from a phone's answer to a coefficient.",
)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place to write to that becomes `path` only when everything is written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal that wants to be told (done, total); nothing when stderr goes elsewhere."""
    if not err.is_terminal:
        yield None
        return
    from rich.progress import Progress

    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


Address = Annotated[str | None, typer.Option(help="Where to listen; 0.0.0.0 lets phones in the same network in.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where the answers are kept; your data folder if left out.")
    ] = None,
    address: Address = None,
    port: Port = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the researcher's screen.")] = True,
) -> None:
    """Start everything in one process, with a study that is open at /s/demo and holds synthetic answers."""
    if folder is not None:
        os.environ["PARASOL_DATABASE"] = f"sqlite:///{folder.expanduser().resolve() / 'parasol.sqlite'}"
    from survey_app.launch import start_demo

    start_demo(out, address=address, port=port, browser=browser)


@app.command()
def serve(address: Address = None, port: Port = None) -> None:
    """Start the server: respondents at the port, researchers in a process of their own at the next one."""
    from survey_app.launch import start_pair

    start_pair(out, address=address, port=port)


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A questionnaire file (TOML), or the name of a shipped one.")],
) -> None:
    """Say everything that is wrong with a questionnaire, with the place and what to do."""
    from analysis.instrument import check_instrument, load_instrument

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


@app.command()
def simulate(
    instrument: Annotated[str, typer.Option(help="A shipped questionnaire, or a file.")] = "psi_core",
    n: Annotated[int, typer.Option("-n", min=1, help="How many people.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same answers.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A CSV file; the terminal if left out.")] = None,
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


@app.command()
def fit(
    data: Annotated[Path, typer.Argument(help="Answers from any tool: CSV, XLSX, SAV or Parquet.")],
    model: Annotated[str, typer.Option(help="'psi ~ social; purchase ~ psi + social', or a text file that holds it.")],
    instrument: Annotated[str | None, typer.Option(help="Score with this questionnaire (shipped, or a file).")] = None,
    scale: Annotated[list[str] | None, typer.Option(help="Score name=item1,item2,-item3; - reverses an item.")] = None,
    scored: Annotated[bool, typer.Option("--scored", help="The columns are scores already.")] = False,
    span: Annotated[str, typer.Option("--range", help="The answer range of --scale, such as 1:7.")] = "",
    errors: Annotated[
        Literal["hc3", "classical"], typer.Option(help="Standard errors of the coefficients.")
    ] = "hc3",
    level: Annotated[float, typer.Option(help="Confidence level.")] = 0.95,
    draws: Annotated[int, typer.Option(help="Bootstrap samples for the effects.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals.")] = 1,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; the terminal if left out.")] = None,
) -> None:
    """Fit a model to a file of answers: coefficients, effects along its paths, reliability of the scales."""
    from analysis.export import fit_as_json, fit_as_text
    from analysis.paths import fit_paths
    from analysis.reliability import reliability_table
    from survey_app.fitting import load_scores, read_model

    parsed = read_model(model)
    scores = load_scores(data, instrument=instrument, scales=scale or (), scored=scored, span=span)
    with progress_bar("Resampling") as progress:
        found = fit_paths(parsed, scores, errors=errors, level=level, draws=draws, seed=seed, progress=progress)
    reliability = reliability_table(scores, level)
    text = fit_as_json(found, reliability) if form == "json" else fit_as_text(found, reliability)
    if output is None:
        print(text)
        return
    with written_whole(output) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
