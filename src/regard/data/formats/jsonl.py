"""A JSON object with a pair on each line (.jsonl)."""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from regard.data.formats.lines import is_too_long, require_lines
from regard.data.formats.pair import (
    NOT_A_PAIR,
    NOT_UTF8,
    TOO_LONG,
    Pair,
    PairStream,
    UnreadableLine,
    make_pair,
)
from regard.text.languages import Languages, canonical, is_language


def read_jsonl(file: Path, languages: Languages) -> PairStream:
    """The pair in the object on each line; see `pair_from_json` for the form of the object."""
    for number, line in enumerate(require_lines(file), 1):
        if is_too_long(line):
            yield UnreadableLine(number, TOO_LONG)
            continue
        try:
            yield pair_from_json(number, json.loads(line.decode()), languages)
        except UnicodeError:  # an escaped half of a surrogate pair, as in \\ud83d
            yield UnreadableLine(number, NOT_UTF8)
        except (ValueError, RecursionError):
            yield UnreadableLine(number, NOT_A_PAIR)


def pair_from_json(number: int, value: object, languages: Languages) -> Pair | UnreadableLine:
    """The pair in an object with the keys "source" and "target", or the two language codes.

    The object may be nested in another one, under the key "translation".
    """
    holders = [value, value.get("translation")] if isinstance(value, dict) else []
    for holder, keys in product(holders, (("source", "target"), languages)):
        match [value_of(holder, key) for key in keys] if isinstance(holder, dict) else []:
            case [str(source), str(target)]:
                return make_pair(number, source.encode(), target.encode())
    return UnreadableLine(number, NOT_A_PAIR)


def value_of(holder: dict[str, Any], key: str) -> object:
    """The value under a key, or under another form of it, such as eng_Latn for en."""
    name = key_of(holder, key)
    return None if name is None else holder[name]


def key_of(holder: Mapping[str, Any], key: str) -> str | None:
    """The key itself, or another form of it, such as eng_Latn for en; None if there is none."""
    if key in holder:
        return key
    return next((k for k in holder if is_language(k) and canonical(k) == key), None)
