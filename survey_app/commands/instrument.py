"""`parasol instrument`: questionnaires to and from the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from analysis.errors import InstrumentError, Problem, SettingsError
from survey_app.commands.terminal import check_output, err, write_text, written_whole

if TYPE_CHECKING:
    from analysis.exchange import Exported, Imported
    from analysis.instrument import Instrument

Format = Literal["xlsform", "surveyjs", "limesurvey"]
ENDINGS = {"xlsform": ".xlsx", "surveyjs": ".json", "limesurvey": ".txt"}

instrument = typer.Typer(no_args_is_help=True, help="Questionnaires to and from Excel, SurveyJS and LimeSurvey.")


@instrument.command()
def export(
    file: Annotated[str, typer.Argument(help="A questionnaire file (TOML), or the name of a shipped one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    form: Annotated[Format, typer.Option("--format", help="For Excel, KoboToolbox and ODK; a web page; LimeSurvey.")],
) -> None:
    """Write a questionnaire for another tool, and say what that tool does differently."""
    from analysis.instrument import load_instrument

    check_output(output)
    if output.suffix.lower() != ENDINGS[form]:
        remedy = f"End it in {ENDINGS[form]}, which is what is read there."
        raise SettingsError(Problem("--output", f"'{output.name}' is no name for {form}", remedy))
    found = _exported(load_instrument(file), form)
    with written_whole(output) as draft:
        draft.write_bytes(found.content)
    _tell(f"{output}: {form}.", found.notes)


@instrument.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An XLSForm (.xlsx) or SurveyJS JSON; its content decides.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The questionnaire file (TOML) to write.")],
) -> None:
    """Make a questionnaire file of one from another tool, and say what was left out or renamed."""
    from analysis.instrument_file import instrument_as_toml

    check_output(output)
    if output.suffix.lower() != ".toml":
        raise SettingsError(Problem("--output", f"'{output.name}' is no questionnaire file", "End it in .toml."))
    found = _imported(file)
    write_text(instrument_as_toml(found.instrument).rstrip("\n"), output)
    one = found.instrument
    listed = ", ".join(one.languages)
    _tell(f"{output}: {one.id} {one.version}, {len(one.items)} items, {len(one.pages)} pages, {listed}.", found.notes)


def _exported(one: Instrument, form: Format) -> Exported:
    if form == "xlsform":
        from analysis.xlsform import export_xlsform

        return export_xlsform(one)
    if form == "surveyjs":
        from analysis.surveyjs import export_surveyjs

        return export_surveyjs(one)
    from analysis.limesurvey import export_limesurvey

    return export_limesurvey(one)


def _imported(file: Path) -> Imported:
    """The questionnaire of this file: a workbook is an XLSForm, a brace begins SurveyJS JSON."""
    from analysis.surveyjs_reading import import_surveyjs
    from analysis.xlsform_reading import import_xlsform

    content = _content(file)
    if content.startswith(b"PK"):
        return import_xlsform(content, file.name)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return import_surveyjs(content, file.name)
    what = "it is neither an Excel workbook nor the JSON of a survey"
    raise InstrumentError(Problem(f"file '{file.name}'", what, "XLSForm (.xlsx) and SurveyJS (.json) are read."))


def _content(file: Path) -> bytes:
    from analysis.exchange import LARGEST

    size = file.stat().st_size
    if size > LARGEST:
        what, remedy = f"it holds {size / 1e6:,.0f} MB", f"A questionnaire has at most {LARGEST // 10**6} MB."
        raise InstrumentError(Problem(f"file '{file.name}'", what, remedy))
    return file.read_bytes()


def _tell(done: str, notes: tuple[str, ...]) -> None:
    err.print(done, markup=False, soft_wrap=True)
    for note in notes:
        err.print(f"- {note}", markup=False, soft_wrap=True)
