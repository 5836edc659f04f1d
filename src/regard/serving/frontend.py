"""What /frontend/settings tells pages: the languages that they begin with."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from regard.errors import RegardError
from regard.serving.catalog import Catalog, name_of
from regard.serving.contract import AUTO_LANGUAGE
from regard.text.languages import ONE_LANGUAGE, canonical

LOCALE = "locale"
"""Stands for the language of the browser."""
ACCEPTED = re.compile(
    rf"\s*({ONE_LANGUAGE.pattern})(?:-[a-z0-9]+)*\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{{0,3}})?)\s*)?",
    re.IGNORECASE,
)
"""A language of `Accept-Language` with its weight (RFC 9110, 12.5.4). Variants are left out."""
MAX_ACCEPTED = 20
"""Languages of a request that are read."""


class Frontend(NamedTuple):
    """What operators choose for pages."""

    source: str = AUTO_LANGUAGE
    target: str = LOCALE
    """If it is LOCALE, the language of the browser, or else the first target language."""
    timeout: int = 500
    """Milliseconds after the last key."""


def make_frontend(catalog: Catalog, source: str, target: str, timeout: int) -> Frontend:
    """With codes of the catalog. Raises RegardError if no model knows them."""
    codes = []
    for code, option, special in (
        (source, "--frontend-language-source", AUTO_LANGUAGE),
        (target, "--frontend-language-target", LOCALE),
    ):
        known = code if code == special else catalog.known(code)
        if known is None:
            languages = ", ".join([special, *catalog.languages])
            raise RegardError(
                f"no model knows the language {code}", option, f"choose one of {languages}"
            )
        codes.append(known)
    return Frontend(codes[0], codes[1], timeout)


def first_languages(frontend: Frontend, catalog: Catalog, accepted: str) -> dict[str, Any]:
    """The languages that a page begins with; `accepted` is its browser's `Accept-Language`."""
    source, target = frontend.source, frontend.target
    if target == LOCALE:
        targets = dict.fromkeys(target for _, target in catalog.models)
        target = preferred_language(accepted, list(targets))
    name = "Auto Detect" if source == AUTO_LANGUAGE else name_of(source)
    return {
        "source": {"code": source, "name": name},
        "target": {"code": target, "name": name_of(target)},
    }


def preferred_language(accepted: str, offered: Sequence[str]) -> str:
    """The offered language that the reader likes best, and the first one if none is accepted. A
    language stands for its relatives, as British English does for American English."""
    from langcodes import closest_match  # of 3 MB, which a server without a page never needs

    for language in accepted_languages(accepted):
        match, _ = closest_match(language, offered)
        if match in offered:
            return match
    return offered[0]


def accepted_languages(accepted: str) -> list[str]:
    """The languages of `Accept-Language`, best first. What cannot be read is left out."""
    matches = map(ACCEPTED.fullmatch, accepted.split(",")[:MAX_ACCEPTED])
    weighted = [(float(match[2] or 1), canonical(match[1])) for match in matches if match]
    ranked = sorted(weighted, key=lambda pair: -pair[0])
    return [language for weight, language in ranked if weight > 0]
