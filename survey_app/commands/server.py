"""Starting the server, with a demonstration study or with what is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from survey_app.commands.terminal import out

Address = Annotated[str | None, typer.Option(help="Where to listen; 0.0.0.0 lets phones in the same network in.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]


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


def serve(
    address: Address = None,
    port: Port = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes for respondents, at consecutive ports (PostgreSQL).")
    ] = 1,
) -> None:
    """Start the server: respondents at the port, researchers in a process of their own at the next one.

    With several workers a web server in front spreads the people; see survey_app/deploy/parasol.nginx.conf.
    SIGHUP starts one process after the other anew, so that nobody notices a new version.
    """
    from survey_app.launch import start_several

    start_several(out, address=address, port=port, workers=workers)


def static(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder, to be served at /static/ by a web server.")],
) -> None:
    """Write the files of the page, precompressed, for a web server in front (gzip_static or brotli_static)."""
    from survey_app.server import write_static

    number, size = write_static(folder)
    out.print(f"{folder}: {number} files, {size / 1e6:.1f} MB compressed with gzip.", markup=False, soft_wrap=True)
