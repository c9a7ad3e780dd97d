"""Arguments and options that several commands take, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from survey_app.commands.terminal import check_output

Data: TypeAlias = Annotated[Path, typer.Argument(help="Answers from any tool: CSV, XLSX, SAV or Parquet.")]
Questionnaire: TypeAlias = Annotated[
    str | None, typer.Option("--instrument", help="Score with this questionnaire (shipped, or a file).")
]
Scales: TypeAlias = Annotated[
    list[str] | None, typer.Option("--scale", help="Score name=item1,item2,-item3; - reverses an item.")
]
Scored: TypeAlias = Annotated[bool, typer.Option("--scored", help="The columns are scores already.")]
Span: TypeAlias = Annotated[str, typer.Option("--range", help="The answer range of --scale, such as 1:7.")]
Level: TypeAlias = Annotated[float, typer.Option("--level", help="Confidence level.")]
Draws: TypeAlias = Annotated[int, typer.Option("--draws", help="Bootstrap samples.")]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same intervals.")]
Form: TypeAlias = Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", callback=check_output, help="A file; the terminal if left out."),
]
Exclude: TypeAlias = Annotated[
    str, typer.Option("--exclude", help="Leave careless answers out: flagged, or reasons such as too_fast,longstring.")
]
