"""Rules that split a text into sentences and keep the white space between them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from regard.text.languages import without_region

CLOSING = "\"'”’“‘»›)\\]」』）】"
"""Characters that may follow a sentence's last mark directly; German closes with “ and ‘."""

FULL_STOPS = "。！？｡؟۔।॥։።။។"
"""Marks that always end a sentence, in Chinese, Japanese, Arabic, Urdu, Hindi, Armenian, Amharic,
Burmese and Khmer."""

BOUNDARY = re.compile(
    # the end of a sentence, then white space; a run of full stops is matched once
    rf"(?P<ended>(?<![.!?…])[.!?…]+(?:[{CLOSING}]|[ \u00a0\u202f]»)*)(?P<gap>\s+)"
    rf"|(?P<full>[{FULL_STOPS}][{FULL_STOPS}.!?…]*[{CLOSING}]*)(?P<none>\s*)"
)

CLAUSE = re.compile(r"(?<=[,;:)\]»”—–])\s+|(?<=[，、；：،؛])\s*")
WHITESPACE = re.compile(r"\s+")
ENDS_WITH_PUNCTUATION = re.compile(rf"[{FULL_STOPS}.!?…,;:，、；：،؛—–][{CLOSING}]*$")

MAX_SENTENCE_CHARACTERS = 1000
"""A longer sentence is split after a clause, or else after a word: models are not trained on longer
ones (`data.max_characters`), and attention takes time quadratic in the length."""

OPENING = "\"'“‘„‚«‹([¿¡「『（【—–-"
"""Characters that may precede a sentence's first letter."""

MIN_PART_CHARACTERS = 40
"""Only so many characters on each side of a full stop are considered."""

ZERO_WIDTH_JOINER = "\u200d"
"""Joins two emoji into one."""


def words_by_language(words: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The sets of words in the strings of `words`."""
    return {language: frozenset(listed.split()) for language, listed in words.items()}


NONBREAKING = words_by_language(
    {
        "en": "Mr Mrs Ms Dr Prof St Sr Jr Gen Col Capt Lt Sgt Rev Hon Gov Pres vs cf al approx"
        " mr mrs ms dr prof",
        "fr": "M MM Mme Mmes Mlle Mlles Mgr Dr Pr St Ste av bd éd env cf",
        "de": "Hr Fr Dr Prof St Str Tel ca sog bzw usw vgl evtl ggf inkl bspw geb"
        " z d u i o s a h v",
    }
)
"""Abbreviations by language, case-sensitive: the sentence usually continues after their full stop.
"""
NONBREAKING_ELSEWHERE = frozenset(("Mr", "Mrs", "Dr", "Prof", "St"))

NONBREAKING_NUMERIC = words_by_language(
    {
        "en": "no nos vol fig art ch pp p jan feb mar apr jun jul aug sep sept oct nov dec",
        "fr": "no nos vol fig art chap pp p tél janv févr avr juil sept oct nov déc",
        "de": "nr vol abb art kap s abs tel jan feb mär apr jun jul aug sep sept okt nov dez",
    }
)
"""Abbreviations, in lower case, after which the sentence continues if a number follows."""
NONBREAKING_NUMERIC_ELSEWHERE = frozenset(("no", "vol", "fig", "art", "p", "pp"))

# fmt: off
ORDINALS = {
    "bs", "cs", "da", "de", "et", "fi", "fo", "hr", "hu", "is", "lv", "nb", "nn", "no", "pl", "sk",
    "sl", "sr", "tr",
}
# fmt: on
"""Languages that write ordinal numbers with a full stop."""


class Sentence(NamedTuple):
    text: str
    whitespace: str
    """The white space between it and the next sentence."""


def split_sentences(text: str, language: str) -> list[Sentence]:
    """The sentences of `text`; joined with their white space they are `text` again.

    A full stop does not end a sentence after an abbreviation of the language (a code like "en"), an
    initial or the number of an item, or before a word in lower case. No sentence is longer than
    `MAX_SENTENCE_CHARACTERS`.
    """
    code = without_region(language)
    return [part for sentence in split_at_ends(text, code) for part in split_long(sentence)]


def split_at_ends(text: str, language: str) -> list[Sentence]:
    """The sentences of `text`, of any length."""
    sentences, start = [], 0
    for match in BOUNDARY.finditer(text):
        gap = match["gap"] if match["gap"] is not None else match["none"]
        end = match.end() - len(gap)
        if match.end() < len(text) and is_end(text, start, match, language):
            sentences.append(Sentence(text[start:end], gap))
            start = match.end()
    if start < len(text) or not sentences:
        sentences.append(Sentence(text[start:], ""))
    return sentences


def is_end(text: str, start: int, match: re.Match[str], language: str) -> bool:
    """Whether the sentence that begins at `start` ends with this match of `BOUNDARY`."""
    if match["full"]:
        is_quoted = match["full"][-1] in CLOSING and not match["none"]
        return not (is_quoted and text[match.end()] in "とっ")  # 「はい。」と言った。
    rest = text[match.end() : match.end() + MIN_PART_CHARACTERS]
    after = rest.lstrip(OPENING + " \u00a0\u202f")[:1]
    if after and after.islower():
        return False
    if not match["ended"].startswith(".") or match["ended"].startswith(".."):
        return True
    near = max(start, match.start() - MIN_PART_CHARACTERS)  # or time would be quadratic
    words = text[near : match.start()].split()
    before = words[-1].lstrip(OPENING) if words else ""
    if before.isdecimal() and len(before) < 3:
        is_item = near == start and text[near : match.start()].lstrip(OPENING) == before
        return not (is_item or language in ORDINALS)
    return not is_abbreviation(before, after, language)


def is_abbreviation(word: str, after: str, language: str) -> bool:
    """Whether the full stop after `word` belongs to it; `after` is the next character."""
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    titles = NONBREAKING.get(language, NONBREAKING_ELSEWHERE)
    numbered = NONBREAKING_NUMERIC.get(language, NONBREAKING_NUMERIC_ELSEWHERE)
    return (
        is_initial
        or "." in word
        or word in titles
        or (word.isupper() and word.capitalize() in titles)
        or (after.isdecimal() and word.lower() in numbered)
    )


def split_long(sentence: Sentence) -> Iterator[Sentence]:
    """`sentence` in parts of at most `MAX_SENTENCE_CHARACTERS`."""
    text = sentence.text
    while len(text) > MAX_SENTENCE_CHARACTERS:
        end = last_break(text)
        rest = text[end:].lstrip()
        if not rest:
            break
        yield Sentence(text[:end], text[end : len(text) - len(rest)])
        text = rest
    yield Sentence(text, sentence.whitespace)


def last_break(text: str) -> int:
    """The index at which to split: the last clause or word end in the second half of the first
    `MAX_SENTENCE_CHARACTERS`, or else the last character boundary."""
    half, end = MAX_SENTENCE_CHARACTERS // 2, MAX_SENTENCE_CHARACTERS
    for pattern in (CLAUSE, WHITESPACE):
        breaks = [match.start() for match in pattern.finditer(text, half, end)]
        if breaks:
            return breaks[-1]
    while end > half and is_combining(text, end):
        end -= 1
    return end


def is_combining(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the letter or the emoji before it."""
    character = text[index]
    is_mark = unicodedata.category(character)[0] == "M" or "\U0001f3fb" <= character <= "\U0001f3ff"
    return is_mark or ZERO_WIDTH_JOINER in (character, text[index - 1])


def splits_a_word(text: str, rest: str) -> bool:
    """Whether a long sentence was split between `text` and `rest` inside one ASCII word, such as
    an address or a code, so that they are joined without a space."""
    return (
        not ENDS_WITH_PUNCTUATION.search(text[-MIN_PART_CHARACTERS:])
        and text[-1:].isascii()
        and rest[:1].isascii()
    )
