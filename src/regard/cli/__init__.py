"""The command line: one short file a command; errors in three lines, results on standard output."""

import sys

import typer

from regard import __version__
from regard.cli import demo, evaluate, export, info, train, translate
from regard.cli.common import errors
from regard.errors import RegardError
from regard.translator import needs_extra

app = typer.Typer(
    name="regard",
    help="Neural translation that shows where it looks. Begin with `regard demo`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, translate, evaluate, export, info, demo):
    command.add_to(app)


def show_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit
    return wanted


@app.callback()
def about(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=show_version, is_eager=True
    ),
) -> None:
    """Neural translation that shows where it looks. Begin with `regard demo`."""


def main() -> None:
    """Run a command: 0 done, 2 the user's mistake, 130 interrupted; a traceback is our mistake."""
    try:
        try:
            app()
        except ModuleNotFoundError as error:
            if (error.name or "regard").startswith("regard"):
                raise
            raise needs_extra("this command", error) from error
    except RegardError as error:
        errors.print(f"{error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
