"""Plain data, as TOML and JSON have it, to objects with types; and what is wrong with it.

The package msgspec does so. A process is 9 MB smaller than with pydantic, and starts faster.
"""

import re
from typing import Any, Literal, TypeVar

from msgspec import ValidationError, convert

from regard.errors import RegardError

Typed = TypeVar("Typed")

LARGEST = 1e300
"""The bound of numbers that may be as large as they like, but must be finite."""

FAULT_PATH = re.compile(r" - at `\$(.*)`$")
PATH_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
MISSING_KEY = re.compile("Object missing required field `(.*)`", re.DOTALL)
UNKNOWN_KEY = re.compile("Object contains unknown field `(.*)`", re.DOTALL)
GOT_KIND = re.compile(", got .*")
KINDS_OF_DATA = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of options",
}
"""What msgspec names, in the words of users."""
MAX_SHOWN_CHARACTERS = 40


class Fault(Exception):
    """Data that is not of its type."""

    def __init__(self, message: str, data: Any) -> None:
        """The fault that `message` of msgspec tells of `data`."""
        steps = FAULT_PATH.search(message)
        what = FAULT_PATH.sub("", message)
        self.path = [key or number for key, number in PATH_STEP.findall(steps[1] if steps else "")]
        """Of keys and numbers, to what is wrong."""
        self.value = value_at(data, self.path)
        self.kind: Literal["missing", "unknown", "invalid"] = "invalid"
        """Whether a key is missing, or should not be there, or has a wrong value."""
        if key := MISSING_KEY.fullmatch(what):
            self.kind, self.path = "missing", [*self.path, key[1]]
        elif key := UNKNOWN_KEY.fullmatch(what):
            self.kind, self.path = "unknown", [*self.path, key[1]]
        self.expected = expectation(what)
        """What a value should be."""

    def as_error(self, name: str, where: str, to_do: str) -> RegardError:
        """A wrong value of what is called `name`."""
        value = repr(self.value)
        if len(value) > MAX_SHOWN_CHARACTERS:
            value = f"{value[:MAX_SHOWN_CHARACTERS]}…"
        return RegardError(f"{name} = {value}: {self.expected}", where, to_do)


def to_typed(data: Any, kind: type[Typed]) -> Typed:
    """`data` as an object of a type; "2" and 2.0 are taken for the whole number 2.

    Raises Fault.
    """
    try:
        return convert(data, kind, strict=False)
    except ValidationError as error:
        raise Fault(str(error), data) from None


def value_at(data: Any, path: list[str]) -> Any:
    for step in path:
        data = data[int(step) if isinstance(data, list | tuple) else step]
    return data


def expectation(message: str) -> str:
    """What msgspec expected, in the words of users."""
    if not message.startswith("Expected `"):
        return "this is none of the possible values"
    kinds, rest = message.removeprefix("Expected `").split("`", 1)
    named = " or ".join(KINDS_OF_DATA.get(kind, kind) for kind in kinds.split(" | "))
    bound = GOT_KIND.sub("", rest)
    return "expected a finite number" if bound == f" <= {LARGEST}" else f"expected {named}{bound}"
