"""The command line: a module for each command; results go to standard output, errors are short."""

import gc
import os
import re
import sys
from collections.abc import Container
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from regard import __version__
from regard.errors import RegardError, needs_extra, refuse_system_error

# fmt: off
COMMANDS = (
    "train", "translate", "align", "evaluate", "compare", "explain", "explore", "serve", "keys",
    "export", "info", "demo",
)
# fmt: on
"""In the order of --help. Each is a function in a module of its name, imported when called."""


def typer_app(**options: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


NAME_AND_OPTIONS = "NAME OPTION=VALUE ..."
"""The metavar of an option of a command that takes all assignments after it: its value is the name
and the assignments, a line each."""


OPTIONAL_ADDRESS = "[ADDRESS]"
"""The metavar of an option whose value may be left out, which stands for LOCAL_ADDRESS."""
LOCAL_ADDRESS = "local"
ADDRESS = re.compile(r"auto|local|ray://.+|(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d+")
"""What may follow such an option; anything else is the next word of the command line."""


class Command(TyperCommand):
    """A command with the same help in all versions of typer."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for parameter in self.params:
            if parameter.default is None:
                parameter.show_default = False  # type: ignore[attr-defined]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = add_local_addresses(args, self.spellings(OPTIONAL_ADDRESS))
        return super().parse_args(ctx, join_assignments(args, self.spellings(NAME_AND_OPTIONS)))

    def spellings(self, metavar: str) -> set[str]:
        """The spellings of the options with this metavar."""
        return {
            spelling
            for parameter in self.params
            if getattr(parameter, "metavar", None) == metavar
            for spelling in parameter.opts
        }

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        parameters = self.get_params(ctx)
        arguments = (each for each in parameters if each.param_type_name == "argument")
        return ["[OPTIONS]", *(each.metavar or str(each.name).upper() for each in arguments)]


def join_assignments(words: list[str], spellings: Container[str]) -> list[str]:
    """Join the name after each of these options with the assignments that follow it."""
    joined: list[str] = []
    takes_more = False
    for before, word in zip(["", *words], words, strict=False):
        is_name = before in spellings
        takes_more = is_name or (takes_more and "=" in word and not word.startswith("-"))
        if takes_more and not is_name:
            joined[-1] += f"\n{word}"
        else:
            joined.append(word)
    return joined


def add_local_addresses(words: list[str], spellings: Container[str]) -> list[str]:
    """Add LOCAL_ADDRESS after each of these options that has no address."""
    added: list[str] = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        added.append(word)
        if word in spellings and not ADDRESS.fullmatch(following):
            added.append(LOCAL_ADDRESS)
    return added


@cache
def import_command(name: str) -> Any:
    app_of_one = typer_app()
    app_of_one.command(cls=Command)(getattr(import_module(f"regard.cli.{name}"), name))
    return typer.main.get_command(app_of_one)


class Group(TyperGroup):
    """A group that imports a command when it is called: this halves the start of `translate`."""

    commands: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return import_command(cmd_name) if cmd_name in COMMANDS else None


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
    """Run a command.

    Exit codes: 0 success, 1 the reader of a pipe closed it, or a bug in regard, with its
    traceback, 2 a mistake of the user, 130 interrupted, 143 terminated.
    """
    reopen_std_streams()
    try:
        run_app()
    except RegardError as error:
        from regard.cli.common import print_message

        print_message(str(error), "red")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # saves the last garbage collection before the process ends


def run_app() -> None:
    """Run a command. Raises RegardError if a package or a file that it needs is missing."""
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
        refuse_system_error(error, "continue", error.filename or "standard output")


def reopen_std_streams() -> None:
    """Replace closed standard streams: input is empty, output is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def discard_output() -> None:
    """Redirect standard output, so that Python does not retry a failed write when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
