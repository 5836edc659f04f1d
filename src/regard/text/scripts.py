"""The letters of the world's scripts, by ISO 15924 code."""

import re
from functools import cache
from typing import NamedTuple

from regard.text.spans import COMBINING_MARK, ZERO_WIDTH_JOINERS

HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"
BOPOMOFO = "\u3100-\u312f\u31a0-\u31bf"
HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
LETTERS = {
    "Latn": "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u1d00-\u1dbf"
    "\u1e00-\u1eff\u2090-\u209c\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f",
    "Cyrl": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f\u02bc",
    "Grek": "\u0370-\u03ff\u1f00-\u1fff\u00b5",
    "Armn": "\u0530-\u058f\ufb13-\ufb17",
    "Geor": "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f",
    "Hebr": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Arab": "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Ethi": "\u1200-\u139f\u2d80-\u2ddf\uab00-\uab2f",
    "Deva": "\u0900-\u097f\ua8e0-\ua8ff",
    "Beng": "\u0980-\u09ff",
    "Guru": "\u0a00-\u0a7f",
    "Gujr": "\u0a80-\u0aff",
    "Orya": "\u0b00-\u0b7f",
    "Taml": "\u0b80-\u0bff",
    "Telu": "\u0c00-\u0c7f",
    "Knda": "\u0c80-\u0cff",
    "Mlym": "\u0d00-\u0d7f",
    "Sinh": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Laoo": "\u0e80-\u0eff",
    "Tibt": "\u0f00-\u0fff",
    "Mymr": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Khmr": "\u1780-\u17ff\u19e0-\u19ff",
    "Mong": "\u1800-\u18af",
    "Hani": f"{HAN}{BOPOMOFO}",
    "Hans": f"{HAN}{BOPOMOFO}",
    "Hant": f"{HAN}{BOPOMOFO}",
    "Jpan": f"{HAN}{KANA}",
    "Kore": f"{HAN}{HANGUL}",
    "Hang": HANGUL,
}
WITHOUT_SPACES = ("Hani", "Hans", "Hant", "Jpan", "Thai", "Laoo", "Tibt", "Mymr", "Khmr")
"""Scripts that write no spaces between words."""


class ForeignLetters(NamedTuple):
    """How to find words that are not in a script."""

    letter: re.Pattern[str]
    """Matches a letter of any other script."""
    is_ascii_own: bool
    """Whether no ASCII letter is foreign."""
    word: re.Pattern[str]
    """Matches a word in a text whose marks were unified; where a script has no spaces, one letter
    of it, or a run of others."""


@cache
def foreign_letters(script: str) -> ForeignLetters:
    """The patterns for a script; for one that is not known, no letter is foreign."""
    rest = f"[{COMBINING_MARK}{ZERO_WIDTH_JOINERS}]*"
    letters = LETTERS.get(script)
    if letters is None:
        return ForeignLetters(re.compile("(?!)"), True, re.compile(rf"(?:\w{rest})+"))
    letter = re.compile(rf"[^\W\d_{letters}]")
    if script in WITHOUT_SPACES:
        words = re.compile(rf"(?:[^\W{letters}]{rest})+|[{letters}]{rest}")
        return ForeignLetters(letter, False, words)
    return ForeignLetters(letter, script == "Latn", re.compile(rf"(?:\w{rest})+"))
