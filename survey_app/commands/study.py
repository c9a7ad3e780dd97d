"""`parasol study`: studies from files, their state, their tokens, and what has to be kept or deleted by law."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from analysis.errors import Problem, SettingsError, StoreError
from survey_app.commands.database import opened_store
from survey_app.commands.terminal import err, out, write_text, written_whole

Slug = Annotated[str, typer.Argument(help="The last part of the study's address.")]
Needed = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Optional = Annotated[Path | None, typer.Option("--output", "-o", help="A file; the terminal if left out.")]

study = typer.Typer(no_args_is_help=True, help="Studies: bring in, open, close, hand out, export and delete.")


@study.command("list")
def list_() -> None:
    """All studies, how far they are, and whose answers have to be deleted soon."""
    from survey_app.privacy import retention_of

    with opened_store() as store:
        studies = store.studies()
        if not studies:
            out.print("There is no study yet. Bring one in: parasol study import FILE")
        for each in studies:
            counts = store.counts(each.slug)
            retention = retention_of(each, store.audit(each.slug), datetime.now(UTC).date())
            people = f"{counts.finished} finished of {counts.started} begun"
            kept = {
                "none": "no retention date", "far": f"kept until {retention.day}", "purged": "answers deleted",
                "soon": f"to be deleted in {retention.days_left} days ({retention.day})",
                "due": f"TO BE DELETED since {retention.day}",
            }[retention.standing]  # fmt: skip
            tests = f", {counts.tests} tests" if counts.tests else ""
            line = f"{each.slug}  {each.state}  {people}{tests}  {kept}"
            out.print(line, markup=False, soft_wrap=True, style="red" if retention.standing == "due" else None)
            if retention.standing in ("soon", "due"):
                export = f"parasol study export {each.slug} -o {each.slug}.zip"
                purge = f"parasol study purge {each.slug} --export {each.slug}.zip"
                then = "then delete" if retention.standing == "due" else f"from {retention.day} on, delete"
                out.print(f"  Keep a copy: {export}; {then}: {purge}", markup=False, soft_wrap=True)


@study.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A study file (TOML).")]) -> None:
    """Bring a study in, or up to date; everything that is wrong with it is said at once."""
    from survey_app.media import kept_from, media_folder, media_note, with_kept
    from survey_app.settings import load_settings
    from survey_app.study_file import StudyFile, load_study, publish

    read = load_study(file)
    instrument = with_kept(read.instrument, kept_from(media_folder(load_settings()), file.parent))
    found = StudyFile(replace(read.study, instrument=instrument.digest), instrument)
    with opened_store() as store:
        done = publish(store, found)
    what = "is new, as a draft" if done.new else "is up to date"
    out.print(f"Study '{done.study.slug}' {what}; questionnaire {found.instrument.id} {done.version}.", markup=False)
    if note := media_note(found.instrument):
        out.print(note, markup=False, soft_wrap=True)
    if done.new_version:
        out.print("The questionnaire is a new version. Whoever has begun goes on with the one they began.")
    if done.study.state == "draft":
        out.print(f"Let people begin: parasol study open {done.study.slug}", markup=False)


@study.command()
def export(slug: Slug, output: Needed) -> None:
    """Write a study: as a .toml file (the design), or as a .zip with everything there is, before it is deleted."""
    from survey_app.privacy import write_export
    from survey_app.study_file import write_study

    if output.suffix not in (".toml", ".zip"):
        remedy = "End it in .toml for the design, in .zip for everything."
        raise SettingsError(Problem("--output", f"'{output.name}' ends in neither", remedy))
    with opened_store() as store:
        if output.suffix == ".toml":
            for path in write_study(store, slug, output):
                err.print(str(path), markup=False)
            return
        with written_whole(output) as draft:
            write_export(store, slug, draft)
        until = store.study(slug).retention
    ahead = f" from {until} on" if until is not None and until > datetime.now(UTC).date() else ""
    told = f"{output}: everything of '{slug}'. Closed, it may be deleted{ahead}:"
    told += f" parasol study purge {slug} --export {output}"
    err.print(told, markup=False, soft_wrap=True)


@study.command("open")
def open_(slug: Slug) -> None:
    """Let people begin."""
    with opened_store() as store:
        store.open_study(slug)
    out.print(f"'{slug}' is open.", markup=False)


@study.command()
def close(slug: Slug) -> None:
    """Let nobody begin any more; whoever has begun may finish."""
    with opened_store() as store:
        store.close_study(slug)
    out.print(f"'{slug}' is closed.", markup=False)


@study.command()
def tokens(slug: Slug, number: Annotated[int, typer.Option("-n", min=1)], output: Optional = None) -> None:
    """Make personal codes for a study that is by invitation. They are shown now and never again."""
    with opened_store() as store:
        write_text("\n".join(store.add_tokens(slug, number)), output)


@study.command("remove-tests")
def remove_tests(slug: Slug) -> None:
    """Delete all test participations."""
    with opened_store() as store:
        out.print(f"{store.remove_tests(slug)} test participations are removed.")


@study.command()
def raffle(slug: Slug, output: Optional = None) -> None:
    """The addresses left for the raffle, in an order that tells nothing about the answers."""
    with opened_store() as store:
        addresses = store.raffle_addresses(slug)
    if not addresses:
        err.print(f"Nobody has left an address for the raffle of '{slug}'.", markup=False, soft_wrap=True)
        return
    write_text("\n".join(addresses), output)


@study.command()
def record(
    slug: Slug,
    language: Annotated[str, typer.Option(help="The language of the record.")] = "en",
    output: Optional = None,
) -> None:
    """The record of processing activities that the law asks for (GDPR, article 30), made from the settings."""
    from survey_app.privacy import record_of_processing

    with opened_store() as store:
        found = store.study(slug)
        instrument, versions = store.instrument(found.instrument), list(store.consents(slug))
        text = record_of_processing(found, instrument, language, store.audit(slug), versions)
    write_text(text.rstrip("\n"), output)


@study.command()
def withdraw(code: Annotated[str, typer.Argument(help="The code a person got at the end.")]) -> None:
    """Delete all answers of the person who has this code; only a line with the day stays."""
    with opened_store() as store:
        if not store.withdraw(code):
            raise StoreError(Problem("the code", "belongs to no participation (any more)", "Check how it is written."))
    out.print("All answers of this person are deleted.")


@study.command()
def purge(
    slug: Slug,
    export: Annotated[Path | None, typer.Option(help="The .zip file `parasol study export` wrote last.")] = None,
    early: Annotated[
        str | None, typer.Option(metavar="DAY", help="The retention date, to delete before it all the same.")
    ] = None,
) -> None:
    """Delete all answers, tokens and addresses of a closed study.

    Refused without an export of all there is, and before the retention date unless --early names it.
    """
    from survey_app.privacy import purge as purge_study

    with opened_store() as store:
        number = purge_study(store, slug, export, None if early is None else _day(early))
    out.print(f"{number} participations of '{slug}' are deleted; a line with today's date stays.", markup=False)


def _day(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise SettingsError(Problem("--early", f"'{told}' is no day", "Write it as 2027-06-30.")) from None
