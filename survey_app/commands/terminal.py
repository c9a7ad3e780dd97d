"""Where a command writes: the terminal, a file that becomes whole or not at all, and a bar while it takes long."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from analysis.errors import Problem, SettingsError

if TYPE_CHECKING:
    import pandas as pd

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def check_output(path: Path | None) -> Path | None:
    """The file as it is; SettingsError where none can be written there."""
    if path is not None and (not path.name or path.is_dir()):
        raise SettingsError(Problem("--output", f"'{path}' is a folder", "Name a file in it."))
    if path is not None and not path.parent.is_dir():
        raise SettingsError(Problem("--output", f"there is no folder '{path.parent}'", "Make it, or name another."))
    return path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place to write to that becomes `path` only when everything is written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(text: str, output: Path | None) -> None:
    """The text on the terminal, or in the file named."""
    if output is None:
        print(text)
        return
    with written_whole(output) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def listing(title: str, rows: pd.DataFrame) -> str:
    """A table of any rows under the names they have in JSON, numbers to three decimals."""
    from analysis.tables import Table, apa_p

    def cell(name: str, value: object) -> str:
        if not isinstance(value, float):
            return "" if value is None else str(value)
        if name.startswith("p_"):
            return apa_p(value)
        if not math.isfinite(value):
            return "" if math.isnan(value) else "inf"
        return (
            f"{value:.0f}"
            if name.startswith("df") and value.is_integer()
            else f"{value:.3f}".replace("-0.000", "0.000")
        )

    columns = {name: [cell(str(name), value) for value in rows[name].tolist()] for name in rows}
    return str(Table(title, type(rows)(columns)))


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
