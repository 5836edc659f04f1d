"""The command line: one short file a command; errors in three lines, results on standard output."""

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from regard import __version__
from regard.errors import RegardError, needs_extra, refuse_system_error

# fmt: off
COMMANDS = (
    "train", "translate", "evaluate", "compare", "explain", "explore", "export", "info", "demo",
)
# fmt: on
"""In the order of --help. Each is a file here, and is read when it is called."""


class Commands(Mapping[str, Any]):
    """The commands by their names: one sentence is translated before the others are read."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return read_command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def typer_app(**more: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **more,
    )


class Command(TyperCommand):
    """Its usage line is what one types; each version of typer would write it in its own way."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        given = (one for one in self.get_params(ctx) if one.param_type_name == "argument")
        return ["[OPTIONS]", *(one.metavar or str(one.name).upper() for one in given)]


@cache
def read_command(name: str) -> Any:
    alone = typer_app()
    import_module(f"regard.cli.{name}").add_to(alone)
    for command in alone.registered_commands:
        command.cls = Command
    return typer.main.get_command(alone)


class Group(TyperGroup):
    commands: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = Commands()


app = typer_app(
    name="regard",
    cls=Group,
    help="Neural translation that shows where it looks. Begin with `regard demo`.",
    no_args_is_help=True,
)


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
    """Run a command; a traceback is our mistake.

    It ends with 0 when all is done, 1 when nobody reads on what it writes, 2 for a mistake of the
    user, 130 when it was interrupted, and 143 when it was told to end.
    """
    reopen_std_streams()
    try:
        run_app()
    except RegardError as error:
        from regard.cli.common import errors

        errors.print(f"{error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # Python would look through all it holds once more before it ends


def run_app() -> None:
    """Raises RegardError for what a command needs and this machine has not."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        if (error.name or "regard").startswith("regard"):
            raise
        raise needs_extra("this command", error.name, "train") from error
    except BrokenPipeError:
        discard_output()
        sys.exit(1)
    except OSError as error:
        discard_output()
        refuse_system_error(error, "go on", error.filename or "standard output")


def reopen_std_streams() -> None:
    """Nothing comes from a standard input that was closed, and output that was is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def discard_output() -> None:
    """What could not be written is not tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
