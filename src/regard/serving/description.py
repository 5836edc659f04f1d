"""The server's addresses as OpenAPI describes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from regard import __version__

Schema = dict[str, Any]


def object_of(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


JSON_CONTENT = "application/json"


def content(schema: Schema, kind: str = JSON_CONTENT) -> Schema:
    return {kind: {"schema": schema}}


EXAMPLE_TEXT = "The cat sleeps."
TEXT: Schema = {"type": "string"}
API_KEY: Schema = {**TEXT, "description": "A key, if this server takes keys"}
ANY_NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
LANGUAGE: Schema = {"$ref": "#/components/schemas/Language"}
SOURCE_LANGUAGE: Schema = {"$ref": "#/components/schemas/SourceLanguage"}
GIVEN_TEXT: Schema = {"type": "string", "minLength": 1}
FORM: Schema = {
    "type": "string",
    "enum": ["text", "html"],
    "default": "text",
    "description": "How the texts are written",
}
SPAN_SCHEMA: Schema = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 2,
    "maxItems": 2,
    "description": "Start and end, in characters (code points)",
}
TEXTS: Schema = {"anyOf": [TEXT, list_of(TEXT)]}
GIVEN_TEXTS: Schema = {
    "anyOf": [GIVEN_TEXT, {**list_of(TEXT), "minItems": 1}],
    "description": "A text, or a list of texts, which only JSON can hold",
    "examples": [EXAMPLE_TEXT],
}
DETECTED = object_of(("confidence", "language"), confidence=ANY_NUMBER, language=TEXT)
ERROR = object_of(("error",), error=TEXT)
SOURCE_WORD = object_of(("text", "span"), text=TEXT, span=SPAN_SCHEMA, coverage=ANY_NUMBER)
TARGET_WORD = object_of(
    ("text", "span", "probability"), text=TEXT, span=SPAN_SCHEMA, probability=ANY_NUMBER
)
LINK = object_of(
    ("source", "target", "probability"), source=COUNT, target=COUNT, probability=ANY_NUMBER
)
PART_SCHEMA = object_of(
    ("source", "text", "log_prob", "finish_reason", "source_words", "words", "alignment"),
    source=TEXT,
    text=TEXT,
    log_prob=ANY_NUMBER,
    finish_reason={"type": "string", "enum": ["eos", "length", "repetition"]},
    source_words=list_of(SOURCE_WORD),
    words=list_of(TARGET_WORD),
    copied=list_of(object_of(("source", "target"), source=SPAN_SCHEMA, target=SPAN_SCHEMA)),
    warnings=list_of(
        object_of(("kind", "message", "source"), kind=TEXT, message=TEXT, source=SPAN_SCHEMA)
    ),
    alignment=object_of(
        ("method", "links"),
        method={"type": "string", "enum": ["head", "attention", "none"]},
        links=list_of(LINK),
    ),
    alternatives=list_of(object_of(("text", "log_prob"), text=TEXT, log_prob=ANY_NUMBER)),
)
TRANSLATION = object_of(
    ("source", "target", "text", "alternatives", "parts"),
    source=LANGUAGE,
    target=LANGUAGE,
    text=TEXT,
    alternatives=list_of(TEXT),
    parts=list_of(PART_SCHEMA),
)
SETTINGS_SCHEMA = object_of(
    ("apiKeys", "charLimit", "filesTranslation", "frontendTimeout", "keyRequired", "language"),
    apiKeys={"type": "boolean"},
    charLimit={"type": "integer"},
    filesTranslation={"type": "boolean"},
    frontendTimeout=COUNT,
    keyRequired={"type": "boolean"},
    language={"type": "object"},
    suggestions={"type": "boolean"},
    supportedFilesFormat=list_of(TEXT),
)


def request_of(name: str) -> Schema:
    """A request to translate, whose texts are in the parameter `name`."""
    return object_of(
        (name, "source", "target"),
        **{name: GIVEN_TEXTS},
        source=SOURCE_LANGUAGE,
        target=LANGUAGE,
        format=FORM,
        alternatives={**COUNT, "description": "How many other translations of each text"},
        api_key=API_KEY,
    )


def operation(
    summary: str, answer: Schema, body: Schema | None = None, kind: str = JSON_CONTENT
) -> Schema:
    """One that may be refused; `kind` is the type of the body."""
    described: Schema = {
        "summary": summary,
        "responses": {
            "200": {"description": "The answer", "content": content(answer)},
            **{
                status: {"description": text, "content": content(ERROR)}
                for status, text in REFUSALS.items()
            },
        },
    }
    if body:
        described["requestBody"] = {"required": True, "content": content(body, kind)}
    return described


REFUSALS = {
    "400": "What is asked cannot be done",
    "403": "It is not allowed",
    "408": "The body did not come in time",
    "413": "The request is too large",
    "429": "Too many requests; Retry-After says when to try again",
    "500": "The server failed",
    "503": "The server is busy; Retry-After says when to try again",
}
DESCRIPTION: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "regard",
        "version": __version__,
        "description": "Translation. All addresses but /v1 are those of LibreTranslate, and take"
        " forms and queries besides JSON.",
    },
    "paths": {
        "/translate": {
            "post": operation(
                "Translate a text, or a list of texts",
                object_of(
                    ("translatedText",),
                    translatedText=TEXTS,
                    detectedLanguage={"anyOf": [DETECTED, list_of(DETECTED)]},
                    alternatives={"anyOf": [list_of(TEXT), list_of(list_of(TEXT))]},
                ),
                request_of("q"),
            )
        },
        "/v1/translate": {
            "post": operation(
                "Translate texts, with words, links, probabilities and warnings",
                object_of(("translations",), translations=list_of(TRANSLATION)),
                request_of("texts"),
            )
        },
        "/translate_file": {
            "post": operation(
                "Translate a document; its translation can be downloaded for half an hour",
                object_of(("translatedFileUrl",), translatedFileUrl=TEXT),
                object_of(
                    ("file", "source", "target"),
                    file={
                        "type": "string",
                        "format": "binary",
                        "description": "Its name says its format",
                        "examples": ["letter.txt"],
                    },
                    source=SOURCE_LANGUAGE,
                    target=LANGUAGE,
                    api_key=API_KEY,
                ),
                "multipart/form-data",
            )
        },
        "/detect": {
            "post": operation(
                "Tell the language of a text",
                list_of(DETECTED),
                object_of(("q",), q=GIVEN_TEXTS, api_key=API_KEY),
            )
        },
        "/languages": {
            "get": operation(
                "The languages",
                list_of(
                    object_of(
                        ("code", "name", "targets"), code=TEXT, name=TEXT, targets=list_of(TEXT)
                    )
                ),
            )
        },
        "/frontend/settings": {"get": operation("What pages should know", SETTINGS_SCHEMA)},
        "/health": {"get": operation("Whether it answers", object_of(("status",), status=TEXT))},
        "/ready": {
            "get": operation("Whether it can translate", object_of(("status",), status=TEXT))
        },
    },
}


SUGGEST_PATH: Schema = {
    "/suggest": {
        "post": operation(
            "Suggest a better translation, which the operator of the server may read",
            object_of(("success",), success={"type": "boolean"}),
            object_of(
                ("q", "s", "source", "target"),
                q={**GIVEN_TEXT, "description": "The text", "examples": [EXAMPLE_TEXT]},
                s={
                    **GIVEN_TEXT,
                    "description": "The translation that is suggested",
                    "examples": ["Le chat dort."],
                },
                source=SOURCE_LANGUAGE,
                target=LANGUAGE,
                api_key=API_KEY,
            ),
        )
    }
}
"""For a server that keeps suggestions."""


def describe(languages: Sequence[str], more_paths: Mapping[str, Schema]) -> Schema:
    """The description of a server that knows these languages, those of its first model first, and
    has `more_paths`."""
    schemas = {
        "Language": {
            "type": "string",
            "enum": [*languages],
            "description": "The code of a language, in any letter case",
            "examples": [languages[:2][-1]],
        },
        "SourceLanguage": {
            "type": "string",
            "enum": ["auto", *languages],
            "description": "The code of a language, or auto, which detects it",
            "examples": ["auto"],
        },
    }
    paths = {**DESCRIPTION["paths"], **more_paths}
    return {**DESCRIPTION, "paths": paths, "components": {"schemas": schemas}}
