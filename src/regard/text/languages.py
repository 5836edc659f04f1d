"""Language codes: a pair of them, and a code without its region."""

import re

from regard.errors import RegardError

Languages = tuple[str, str]
"""The codes of the source language and of the target language."""

CODE = "[a-z]{2,3}(?:[-_](?:[A-Z]{2}|[A-Z][a-z]{3}))?"
ONE_LANGUAGE = re.compile(CODE)
TWO_LANGUAGES = re.compile(f"({CODE})-({CODE})")


def parse_languages(text: str) -> Languages:
    """The two codes in a text like en-fr. Raises RegardError if it does not have this form."""
    if match := TWO_LANGUAGES.fullmatch(text):
        return match[1], match[2]
    raise RegardError(
        f"'{text}' is not a pair of languages",
        "--languages",
        "write two codes of two or three letters: --languages en-fr",
    )


def without_region(language: str) -> str:
    """The language in a code: zh for zh-CN and zh_Hans."""
    return re.split("[-_]", language)[0]
