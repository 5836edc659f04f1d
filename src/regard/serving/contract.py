"""The parameters and the errors of the HTTP contract that clients of LibreTranslate expect."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from regard.serving.catalog import Catalog, name_of
from regard.serving.jobs import Form

UNREADABLE = "The browser (or proxy) sent a request that this server could not understand."
INTERNAL = (
    "The server encountered an internal error and was unable to complete your request. Either the"
    " server is overloaded or there is an error in the application."
)
BUSY = "The server is busy. Try again later."
RETRY_SECONDS = 2
AUTO_LANGUAGE = "auto"
TEXT_FORMS: Mapping[str, Form] = {"text": "text", "html": "html"}
JSON_TYPE = "application/json"
MAX_FIELDS = 1000
"""Of a form."""


class Refused(Exception):
    """What is answered instead of a result."""

    def __init__(self, message: str, status: int = 400, retry_after: int = 0) -> None:
        super().__init__(message)
        self.message, self.status, self.retry_after = message, status, retry_after
        """In seconds; 0 says nothing of it."""


class RequestLimits(NamedTuple):
    """-1 is no limit."""

    characters: int = -1
    """Of a text."""
    texts: int = -1
    """Of a request."""
    alternatives: int = 10
    body_bytes: int = 10_000_000
    seconds: float = 60.0
    """For a request."""


Parameters = Mapping[str, Any]


async def read_parameters(request: Request, limits: RequestLimits) -> Parameters:
    """From a JSON object, or else from the query and the form together; large files of a form are
    kept on disk. Raises Refused."""
    if content_type(request) == JSON_TYPE:
        return read_object(await request.body())
    fields: dict[str, Any] = {}
    try:
        form = await request.form(max_fields=MAX_FIELDS, max_part_size=limits.body_bytes)
    except HTTPException as error:
        raise Refused(UNREADABLE) from error
    except OSError as error:
        raise no_space() from error
    for name, value in [*request.query_params.multi_items(), *form.multi_items()]:
        if isinstance(value, UploadFile):
            fields.setdefault(name, value)
        else:  # browsers send line breaks as \r\n
            fields.setdefault(name, value.replace("\r\n", "\n"))
    return fields


def content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_object(body: bytes) -> dict[str, Any]:
    """Raises Refused."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(UNREADABLE) from error
    if not isinstance(content, dict):
        raise Refused("Invalid JSON format")
    return content


def no_space(what: str = "file") -> Refused:
    message = f"The server has no space for the {what}. Try again later."
    return Refused(message, 503, RETRY_SECONDS)


def missing(name: str) -> Refused:
    return Refused(f"Invalid request: missing {name} parameter")


def required_text(parameters: Parameters, name: str) -> str:
    """Raises Refused if it is missing, or no text."""
    value = parameters.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise Refused(f"Invalid request: {name} parameter is not a string")
    return without_surrogates(value)


def without_surrogates(text: str) -> str:
    """JSON can spell halves of characters, which no text has."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def required_texts(parameters: Parameters, name: str) -> tuple[list[str], bool]:
    """A text, or a list of them in JSON; and whether it is a list. Raises Refused."""
    value = parameters.get(name)
    if value in (None, "", []):
        raise missing(name)
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise Refused(f"Invalid request: {name} parameter is not a string or a list of strings")
    return [without_surrogates(text) for text in texts], isinstance(value, list)


def count_of_alternatives(parameters: Parameters, limits: RequestLimits) -> int:
    """Raises Refused."""
    value = parameters.get("alternatives", 0)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError("neither a number nor its digits")
        count = max(0, int(value))
    except ValueError as error:
        message = "Invalid request: alternatives parameter is not a number"
        raise Refused(message) from error
    if 0 <= limits.alternatives < count:
        raise Refused(f"Invalid request: alternatives parameter must be <= {limits.alternatives}")
    return count


def name_of_format(parameters: Parameters) -> str:
    """Also of one that is not supported, as JSON writes it."""
    value = parameters.get("format")
    if value is None or value == "":
        return "text"
    return without_surrogates(value if isinstance(value, str) else json.dumps(value, default=str))


def check_size(size: int, limit: int) -> None:
    """Raises Refused if a text has too many characters, or a list too many texts."""
    if 0 <= limit < size:
        raise Refused(f"Invalid request: request ({size}) exceeds text limit ({limit})")


def known_language(catalog: Catalog, code: str) -> str:
    """Raises Refused."""
    language = catalog.known(code)
    if language is None:
        raise Refused(f"{code} is not supported")
    return language


def check_direction(catalog: Catalog, source: str, target: str) -> None:
    """Raises Refused."""
    if target not in catalog.targets(source):
        raise Refused(
            f"{name_of(target)} ({target}) is not available as a target language from"
            f" {name_of(source)} ({source})"
        )
