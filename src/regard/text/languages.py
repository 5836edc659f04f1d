"""Codes of languages: two in a pair, one without its region."""

import re

from regard.errors import RegardError

Languages = tuple[str, str]
"""The codes of the source's language and of the translation's."""


CODE = "[a-z]{2,3}(?:[-_](?:[A-Z]{2}|[A-Z][a-z]{3}))?"


ONE_LANGUAGE = re.compile(CODE)


TWO_LANGUAGES = re.compile(f"({CODE})-({CODE})")


def parse_languages(text: str) -> Languages:
    """The two codes in a text like en-fr; raises RegardError if it is not like that."""
    if found := TWO_LANGUAGES.fullmatch(text):
        return found[1], found[2]
    raise RegardError(
        f"'{text}' is not a pair of languages",
        "--languages",
        "write two codes of two or three letters: --languages en-fr",
    )


def without_region(language: str) -> str:
    """The code of a language alone: zh of zh-CN and of zh_Hans."""
    return re.split("[-_]", language)[0]
