"""The command line. Every command is one call into the rooms behind it; what goes wrong is one sentence and code 2."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from analysis.errors import ParasolError, Problem
from survey_app.commands.export import export
from survey_app.commands.fit import fit
from survey_app.commands.instrument import instrument
from survey_app.commands.links import link, links
from survey_app.commands.measure import measure
from survey_app.commands.plan import plan
from survey_app.commands.published import published
from survey_app.commands.quality import quality
from survey_app.commands.questionnaire import check, simulate
from survey_app.commands.rehearse import rehearse
from survey_app.commands.server import demo, serve, static
from survey_app.commands.study import study
from survey_app.commands.terminal import err

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer exports only this child of it


class OneSentence(TyperGroup):
    """Commands whose errors are a sentence on stderr and exit code 2, never a traceback."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except ParasolError as error:
            trouble = str(error)
        except UsageError as error:
            trouble = _misused(error)
        except BrokenPipeError:
            raise
        except MemoryError:
            trouble = str(Problem("memory", "there is not enough of it for this", "Ask for fewer draws, or a part."))
        except OSError as error:
            trouble = str(Problem(str(error.filename or "the file"), error.strerror or str(error), "Check the path."))
        err.print(trouble, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2)


def _misused(error: Exception) -> str:
    """What the command line cannot read, and where its options are listed."""
    context, said = getattr(error, "ctx", None), getattr(error, "format_message", error.__str__)()
    command = context.command_path if context else "parasol"
    return f"{command}: {said.rstrip('.')}. See: {command} --help"


app = typer.Typer(
    cls=OneSentence,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Questionnaires on parasocial interaction, from a phone's answer to a coefficient.",
)
for command in (
    *(demo, serve, rehearse, link, links, static),
    *(check, simulate, export, quality, measure, fit, published, plan),
):
    app.command()(command)
app.add_typer(study, name="study")
app.add_typer(instrument, name="instrument")
