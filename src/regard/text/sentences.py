"""Where a text's sentences begin and end, by rules; what stands between them is kept."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from regard.text.languages import without_region

CLOSING = "\"'”’“‘»›)\\]」』）】"
"""What may stand right behind the end of a sentence; German closes with “ and ‘."""

FULL_STOPS = "。！？｡؟۔।॥։።။។"
"""Marks that end a sentence wherever they stand, in Chinese, Japanese, Arabic, Urdu, Hindi,
Armenian, Amharic, Burmese and Khmer."""

BOUNDARY = re.compile(
    # the end of a sentence, then white space; looked for once in a run of full stops
    rf"(?P<ended>(?<![.!?…])[.!?…]+(?:[{CLOSING}]|[ \u00a0\u202f]»)*)(?P<gap>\s+)"
    rf"|(?P<full>[{FULL_STOPS}][{FULL_STOPS}.!?…]*[{CLOSING}]*)(?P<none>\s*)"
)

CLAUSE = re.compile(r"(?<=[,;:)\]»”—–])\s+|(?<=[，、；：،؛])\s*")
SPACE = re.compile(r"\s+")
PAUSE = re.compile(rf"[{FULL_STOPS}.!?…,;:，、；：،؛—–][{CLOSING}]*$")

MAX_SENTENCE_CHARACTERS = 1000
"""Characters of the longest sentence: what is longer is cut behind a clause, or else a word. Models
have not read longer ones (`data.max_characters`), and their time grows with the square."""

OPENING = "\"'“‘„‚«‹([¿¡「『（【—–-"
"""What may stand before a sentence's first letter."""

MIN_PART_CHARACTERS = 40
"""Characters around a full stop that decide."""

JOINER = "\u200d"
"""Makes one picture of two."""


def words_by_language(words: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The same, each word by itself."""
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
"""By language, as they are written: words behind whose full stop a sentence mostly goes on."""
NONBREAKING_ELSEWHERE = frozenset(("Mr", "Mrs", "Dr", "Prof", "St"))

NONBREAKING_NUMERIC = words_by_language(
    {
        "en": "no nos vol fig art ch pp p jan feb mar apr jun jul aug sep sept oct nov dec",
        "fr": "no nos vol fig art chap pp p tél janv févr avr juil sept oct nov déc",
        "de": "nr vol abb art kap s abs tel jan feb mär apr jun jul aug sep sept okt nov dez",
    }
)
"""Words behind whose full stop it goes on if a number follows, in small letters."""
NONBREAKING_NUMERIC_ELSEWHERE = frozenset(("no", "vol", "fig", "art", "p", "pp"))

# fmt: off
ORDINALS = {
    "bs", "cs", "da", "de", "et", "fi", "fo", "hr", "hu", "is", "lv", "nb", "nn", "no", "pl", "sk",
    "sl", "sr", "tr",
}
# fmt: on
"""Languages that write a full stop behind the number of a day, a king or a row."""


class Sentence(NamedTuple):
    text: str
    whitespace: str
    """What stands between it and the next one."""


def split(text: str, language: str) -> list[Sentence]:
    """The sentences of `text`; put together with their gaps they are `text` again.

    A full stop ends no sentence behind an abbreviation of the language (a code like "en"), an
    initial or the number of an item, or where the next word begins with a small letter. None is
    longer than `LONGEST`.
    """
    code = without_region(language)
    return [part for sentence in split_at_ends(text, code) for part in split_long(sentence)]


def split_at_ends(text: str, language: str) -> list[Sentence]:
    """The sentences where they end by themselves."""
    found, start = [], 0
    for match in BOUNDARY.finditer(text):
        gap = match["gap"] if match["gap"] is not None else match["none"]
        end = match.end() - len(gap)
        if match.end() < len(text) and is_end(text, start, match, language):
            found.append(Sentence(text[start:end], gap))
            start = match.end()
    if start < len(text) or not found:
        found.append(Sentence(text[start:], ""))
    return found


def is_end(text: str, start: int, match: re.Match[str], language: str) -> bool:
    """Whether a sentence that began at `start` ends with this mark."""
    if match["full"]:
        is_quoted = match["full"][-1] in CLOSING and not match["none"]
        return not (is_quoted and text[match.end()] in "とっ")  # 「はい。」と言った。
    after = text[match.end() : match.end() + MIN_PART_CHARACTERS].lstrip(OPENING + " \u00a0\u202f")[
        :1
    ]
    if after and after.islower():
        return False
    if not match["ended"].startswith(".") or match["ended"].startswith(".."):
        return True
    words = text[max(start, match.start() - MIN_PART_CHARACTERS) : match.start()].split()
    before = words[-1].lstrip(OPENING) if words else ""
    if before.isdecimal() and len(before) < 3:
        near = max(start, match.start() - MIN_PART_CHARACTERS)
        is_item = near == start and text[near : match.start()].lstrip(OPENING) == before
        return not (is_item or language in ORDINALS)
    return not is_abbreviation(before, after, language)


def is_abbreviation(word: str, after: str, language: str) -> bool:
    """Whether a full stop behind `word` is no end, where the sentence would go on with `after`."""
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
    """A sentence in parts that are short enough."""
    text = sentence.text
    while len(text) > MAX_SENTENCE_CHARACTERS:
        place = last_break(text)
        rest = text[place:].lstrip()
        if not rest:
            break
        yield Sentence(text[:place], text[place : len(text) - len(rest)])
        text = rest
    yield Sentence(text, sentence.whitespace)


def last_break(text: str) -> int:
    """Where the first `LONGEST` characters had best be cut off."""
    for pattern in (CLAUSE, SPACE):
        places = [
            match.start()
            for match in pattern.finditer(
                text, MAX_SENTENCE_CHARACTERS // 2, MAX_SENTENCE_CHARACTERS
            )
        ]
        if places:
            return places[-1]
    place = MAX_SENTENCE_CHARACTERS
    while place > MAX_SENTENCE_CHARACTERS // 2 and is_combining(text, place):
        place -= 1
    return place


def is_combining(text: str, place: int) -> bool:
    """Whether the sign at `place` is part of the letter or the picture before it."""
    sign = text[place]
    is_mark = unicodedata.category(sign)[0] == "M" or "\U0001f3fb" <= sign <= "\U0001f3ff"
    return is_mark or JOINER in (sign, text[place - 1])


def splits_a_word(text: str, rest: str) -> bool:
    """Whether two parts of a sentence, cut where it was too long, are parts of one word of ASCII:
    an address or a code, that no space belongs into."""
    return (
        not PAUSE.search(text[-MIN_PART_CHARACTERS:]) and text[-1:].isascii() and rest[:1].isascii()
    )
