"""regard keys"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from regard.cli.common import KEYS_FILE, print_message, use_utf8
from regard.errors import RegardError


class Action(StrEnum):
    """What is done with keys."""

    add = "add"
    list = "list"
    revoke = "revoke"


def keys(
    action: Annotated[Action, typer.Argument(help="add, list or revoke.")],
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Whose key it is, to add or revoke it.")
    ] = "",
    req_limit: Annotated[
        int, typer.Option(help="Requests in a minute with this key; -1: no limit.", min=-1)
    ] = -1,
    char_limit: Annotated[
        int, typer.Option(help="Characters of a text with this key; -1: no limit.", min=-1)
    ] = -1,
    database: Annotated[
        Path, typer.Option(help="The file that holds the keys.", envvar="LT_API_KEYS_DB_PATH")
    ] = KEYS_FILE,
) -> None:
    """Keys for `regard serve --api-keys`, with limits of their own.

    A new key is printed once. The database holds only hashes: a lost key is revoked, and another
    one added. A running server knows at once of keys that are added or revoked.

    Examples:

        regard keys add weblate --req-limit 600

        regard keys list

        regard keys revoke weblate
    """
    use_utf8()
    from regard.serving.keys import add_key, list_keys, revoke_key

    if (action == Action.list) == bool(name):
        what, to_do = (
            ("a list takes no name", "leave it out") if name else ("a name is missing", "give one")
        )
        raise RegardError(what, f"regard keys {action}", to_do)
    if action == Action.add:
        typer.echo(add_key(database, name, req_limit, char_limit))
        print_message("This is the key; it is not shown again.")
    elif action == Action.revoke:
        revoke_key(database, name)
        print_message(f"the key of {name} is revoked")
    else:
        for key in list_keys(database):
            limits = shown_limit(key.requests_per_minute), shown_limit(key.characters)
            typer.echo(
                f"{key.name}\t{key.created} UTC\t{limits[0]} requests per minute\t"
                f"{limits[1]} characters"
            )


def shown_limit(limit: int) -> str:
    return f"{limit:,}" if limit >= 0 else "any number of"
