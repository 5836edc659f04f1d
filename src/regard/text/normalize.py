"""A text as the model reads it: on one line, composed, without what cannot be seen."""

import re
import unicodedata

CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
"""What would break a line, or cannot be seen: control characters (tab, form feed and U+0085 among
them), Unicode's own ends of lines and paragraphs, the byte order mark, and halves of surrogate
pairs, which are no text (nor can they be written)."""


def normalize(text: str) -> str:
    """`text` on one line, without what cannot be seen, stripped, and composed (Unicode's NFC)."""
    return unicodedata.normalize("NFC", CONTROL_CHARACTERS.sub(" ", text).strip())
