"""The form in which the model reads a text: one line, composed, with plain signs and spaces."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from regard.special import RESERVED
from regard.text.edits import EditedText
from regard.text.spans import Span

CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
CONTROL_CHARACTERS = re.compile(f"[{CONTROL}\ufeff]")
"""Control characters (tab, form feed and U+0085 among them), Unicode's line and paragraph
separators, the byte order mark, and halves of surrogate pairs, which cannot be encoded."""

JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
"""Korean vowels and final consonants, which compose with what precedes them."""

PLAIN_SIGNS = {
    **dict.fromkeys("“”„‟″‶", '"'),
    **dict.fromkeys("‘’‚‛′‵", "'"),
    **dict.fromkeys("‐‑", "-"),
    "…": "...",
    **dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),
    # NFC makes ASCII of these; done here, so that no entity arises from them later
    **dict(zip("\u037e\u1fef\u212a", ";`K", strict=True)),
    **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if chr(code).isalnum()},
}
"""Typographic quotation marks, hyphens, dots, ligatures and full-width letters, and what the model
reads instead. Dashes, minus and «» stay: they mean something of their own."""

EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
JOINING = f"\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ua8e0-\ua8ff\ufb50-\ufdff{EMOJI}"
"""Between these a zero-width joiner or non-joiner matters: Arabic, Syriac, the scripts of India,
Burmese, Khmer, Mongolian, and emoji."""
TAG = "\U000e0020-\U000e007f"
FORMAT = (
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001"
    f"{RESERVED[0]}-{RESERVED[-1]}"
)
"""Format characters that no reader sees, and the vocabulary's own reserved symbols, which a user's
text must not contain."""
INVISIBLE = (
    f"[{FORMAT}]|[\u200c\u200d](?:(?<![{JOINING}\ufe0f].)|(?![{JOINING}]))"
    f"|[{TAG}](?<![\U0001f3f4{TAG}].)[{TAG}]*"  # the flag of Scotland is a flag and tags
)
SIGN = re.compile(f"(?P<control>[{CONTROL}])|[{''.join(PLAIN_SIGNS)}]|{INVISIBLE}")
ANY_SIGN = re.compile(f"[{CONTROL}{''.join(PLAIN_SIGNS)}{FORMAT}\u200c\u200d{TAG}]")
"""Whether there is anything to replace, four times as fast as `SIGN`."""

ENTITY = re.compile("&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
KEPT_ENTITIES = re.compile(f"[&<>#;0-9A-Za-z]|[{CONTROL}]|{INVISIBLE}")
"""An entity of one of these characters stays: it is markup, or no reader would see it."""
UNUSUAL_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
"""Unicode's space separators (Zs), the usual one left out."""
SPACES = re.compile(f"(?: |{UNUSUAL_SPACES.pattern})+")

PLAINER = {
    **dict.fromkeys("—―", "–-"),
    **dict.fromkeys("–‒−⁃", "-"),
    **dict.fromkeys("•‣◦▪●■", "-"),
    **dict.fromkeys("«»《》", '"'),
    **dict.fromkeys("‹›〈〉", "'"),
    **dict.fromkeys("「」『』", '"'),
    **dict(zip("【】〔〕", "[][]", strict=True)),
    "´": "'",
    **dict(zip("⁄∕～〜", "//~~", strict=True)),
    **dict(zip("、。؟،؛٪।", ("，,", "．.", "?", ",", ";", "%", "."), strict=True)),
    **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()},
}
"""Signs, and the plainer ones to replace them with, the best first. No letter is among them."""
FANCY = re.compile(f"[{re.escape(''.join(PLAINER))}]")


def clean_line(text: str) -> str:
    """`text` with a space for each of `CONTROL_CHARACTERS`, then stripped, in Unicode's NFC."""
    return unicodedata.normalize("NFC", replace_control_characters(text).strip())


def replace_control_characters(text: str) -> str:
    """`text`, as long as before, with a space for each of `CONTROL_CHARACTERS`."""
    return CONTROL_CHARACTERS.sub(" ", text)


def normalize(text: str) -> EditedText:
    """What the model reads of a text, in training and in use, in one line.

    Entities of letters and signs are decoded, control characters become spaces, format characters
    vanish, `PLAIN_SIGNS` are replaced, and letters are composed (NFC). Each run of spaces is one
    space; there is none at the ends.
    """
    edited = EditedText(text)
    if ANY_SIGN.search(text):
        edited = edited.sub(SIGN, plain_sign)
    if "&" in text:
        edited = edited.replace(decoded_entities(edited.text))
    if not unicodedata.is_normalized("NFC", edited.text):
        edited = edited.replace(composed(edited.text))
    return single_spaces(edited)


def plain_sign(match: re.Match[str]) -> str:
    return " " if match["control"] else PLAIN_SIGNS.get(match[0], "")


def decoded_entities(text: str) -> Iterator[tuple[Span, str]]:
    """The entities of `text` that stand for one letter or sign, and its plain form."""
    from html import unescape  # its table takes some milliseconds to load

    for match in ENTITY.finditer(text):
        character = unescape(match[0])
        plain = PLAIN_SIGNS.get(character, character)
        if len(character) == 1 and not KEPT_ENTITIES.match(plain):
            yield Span(*match.span()), plain


def composed(text: str) -> Iterator[tuple[Span, str]]:
    """The letters of `text` that are not in NFC, each with its marks, and their NFC."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and composes(text[end]):
            end += 1
        letter = unicodedata.normalize("NFC", text[start:end])
        if letter != text[start:end]:
            yield Span(start, end), letter
        start = end


def composes(letter: str) -> bool:
    """Whether NFC may join a character with the one before it."""
    return unicodedata.category(letter)[0] == "M" or JAMO.match(letter) is not None


def single_spaces(edited: EditedText) -> EditedText:
    """The text with one space for each run of spaces, and none at its ends."""
    text = edited.text
    if text == text.strip(" ") and "  " not in text and not UNUSUAL_SPACES.search(text):
        return edited
    return edited.replace(
        (Span(*match.span()), inner)
        for match in SPACES.finditer(text)
        if match[0] != (inner := " " if match.start() > 0 and match.end() < len(text) else "")
    )


def fold_unknown(text: EditedText, known: Callable[[str], bool]) -> EditedText:
    """The text with signs that are not `known` replaced by a plainer one that is, if any."""
    if text.text.isascii():
        return text
    return text.replace(
        (Span(*match.span()), plainer)
        for match in FANCY.finditer(text.text)
        if not known(match[0]) and (plainer := next(filter(known, PLAINER[match[0]]), ""))
    )
