"""A Sphinx extension: the pages of commands and options are written from the program itself.

A line `<!-- generated: commands -->` or `<!-- generated: options -->` in a page becomes Markdown
about every command (its `--help`) or every option (`regard.config.options()`).
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, get_args, get_type_hints

from sphinx.application import Sphinx

from regard.cli import COMMANDS, import_command
from regard.config import Config, Option, options

PLACEHOLDERS = {int: "N", float: "X", Path: "PATH"}
"""How a value is written, by its type; all else is TEXT."""


def commands() -> Iterator[str]:
    for name in COMMANDS:
        command = import_command(name)
        types = get_type_hints(getattr(import_module(f"regard.cli.{name}"), name))
        arguments = (part for part in command.params if part.param_type_name == "argument")
        usage = " ".join(["[OPTIONS]", *(placeholder(part) for part in arguments)])
        yield f"## regard {name}\n\n```text\nregard {name} {usage}\n```\n\n{command.help}"
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            parts = [part for part in command.params if part.param_type_name == kind]
            if parts:
                yield f"**{title}**"
            for part in parts:
                spelling = spelling_of(part, types.get(part.name))
                yield f"{spelling}\n: {(part.help or '').strip()}{constraint(part)}"


def placeholder(argument: Any) -> str:
    return argument.metavar or argument.name.upper()


def spelling_of(part: Any, annotation: Any) -> str:
    """As it is typed: `--model PATH`, or the placeholder of an argument."""
    if part.param_type_name == "argument":
        return f"`{placeholder(part)}`"
    names = "`, `".join([*part.opts, *part.secondary_opts])
    if part.is_flag:
        return f"`{names}`"
    item = (get_args(annotation) or (annotation,))[0]  # of `Path | None` and `list[Path]`: Path
    return f"`{names} {part.metavar or PLACEHOLDERS.get(item, 'TEXT')}`"


def constraint(part: Any) -> str:
    """Whether the part is required, its range, and its default."""
    least, most = getattr(part, "min", None), getattr(part, "max", None)
    words = [f"At least {least}." if most is None else f"{least} to {most}."] if least else []
    shown = part.show_default if isinstance(part.show_default, str) else part.default
    if part.required:
        words.append("Required.")
    elif part.show_default and shown not in (None, "") and not isinstance(shown, bool):
        words.append(f"Default: {shown}.")
    return "".join(f" {word}" for word in words)


def all_options() -> Iterator[str]:
    for section, rows in groupby(options(), key=lambda option: option.name.partition(".")[0]):
        about = type(getattr(Config(), section)).__doc__
        yield f"## {section}\n\n{about}"
        yield "| option | default | description |\n|---|---|---|\n" + "\n".join(map(row, rows))


def row(option: Option) -> str:
    default = repr(option.default) if isinstance(option.default, tuple) else option.default
    return f"| `{option.name}` | `{default}` | {cell(option.description)} |"


def cell(text: str) -> str:
    """Text in a table: no character of it is markup."""
    return "".join(f"\\{letter}" if letter in "\\|*_<`[" else letter for letter in text)


GENERATED: dict[str, Callable[[], Iterator[str]]] = {
    "<!-- generated: commands -->": commands,
    "<!-- generated: options -->": all_options,
}


def fill(_: Sphinx, __: str, source: list[str]) -> None:
    for mark, write in GENERATED.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, "\n\n".join(write()))


def outdated(*_: object) -> list[str]:
    """The generated pages, which depend on the program, are written in every build."""
    return ["reference/commands", "reference/options"]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", fill)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True}
