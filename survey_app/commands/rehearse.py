"""Trying a study with people who do not exist, through its own server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from analysis.errors import Problem, SettingsError, StoreError
from survey_app.commands.database import opened_store
from survey_app.commands.terminal import err, out, progress_bar

if TYPE_CHECKING:
    from survey_app.store import Store


def rehearse(
    study: Annotated[str, typer.Argument(help="The study's slug; it may still be a draft.")],
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many people, ten of them at a time.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = 1,
    url: Annotated[str, typer.Option(help="The server; the one that runs on this machine if left out.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Delete all test answers of the study instead.")] = False,
) -> None:
    """Let people who do not exist answer a study on the running server, and say what broke.

    Their answers are marked as a test: they count nowhere, and --remove deletes them.
    """
    with opened_store() as store:
        if remove:
            out.print(f"{store.remove_tests(study)} test participations of '{study}' were deleted.", markup=False)
            return
        _rehearse(store, study, n, seed, url)


def _rehearse(store: Store, study: str, n: int, seed: int, url: str) -> None:
    from survey_app.access import load_secret, sign_test
    from survey_app.address import running_address
    from survey_app.rehearse import rehearse_study
    from survey_app.settings import load_settings

    settings = load_settings()
    found = store.study(study)
    if url and not url.startswith(("http://", "https://")):
        raise SettingsError(Problem("--url", f"'{url}' is no address", "Write it as http://127.0.0.1:8501."))
    base = url or running_address(settings)
    before = _finished_tests(store, study)
    with progress_bar("People") as told:
        link = f"/s/{study}?test={sign_test(load_secret(settings), study)}"
        seen = rehearse_study(base, link, store.instrument(found.instrument), n, seed=seed, told=told)
    kept = _finished_tests(store, study) - before
    out.print(f"{seen.completed} of {seen.started} completed in {seen.took:.1f} s.", markup=False)
    if seen.seconds:
        ordered = sorted(seen.seconds)
        middle, slow = ordered[len(ordered) // 2], ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
        out.print(f"A page took {1000 * middle:.0f} ms (median), {1000 * slow:.0f} ms (95 of 100 were faster).")
    for (page, item, message), times in seen.broken.items():
        err.print(f"{times} x  page {page}{f', item {item}' if item else ''}: {message}", style="red", markup=False)
    if kept != seen.completed:
        what = f"holds {kept} of the {seen.completed} that were completed"
        raise StoreError(Problem(f"study '{study}'", what, "Is this the server of that database?"))
    out.print(f"Marked as tests; parasol rehearse {study} --remove deletes them.", markup=False, soft_wrap=True)
    if seen.broken:
        raise typer.Exit(1)


def _finished_tests(store: Store, slug: str) -> int:
    rows = store.rows(slug, include_test=True)
    return int(rows.loc[rows["test"], "participation"].nunique())
