"""The form in which the model reads a text: one line, composed, without invisible characters."""

import re
import unicodedata

CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
"""Control characters (tab, form feed and U+0085 among them), Unicode's line and paragraph
separators, the byte order mark, and halves of surrogate pairs, which cannot be encoded."""


def normalize(text: str) -> str:
    """`text` with a space for each of `CONTROL_CHARACTERS`, then stripped, in Unicode's NFC."""
    return unicodedata.normalize("NFC", CONTROL_CHARACTERS.sub(" ", text).strip())
