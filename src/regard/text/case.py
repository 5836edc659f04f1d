"""Lines in capitals or Title Case: read like others, and written like the user's."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

from regard.text.edits import EditedText
from regard.text.languages import without_region
from regard.text.spans import Span, words

Case = Literal["as written", "capitals", "title", "one word"]
TokenCount = Callable[[str], int]
"""How many tokens a text has in the model's vocabulary."""

MIN_TITLE_WORDS = 4
MAX_LABEL_WORDS = 2
"""A line in capitals of at most so many words may be an acronym, which stays as it is."""
CAPITALISED_NOUNS = ("de", "lb")
"""Languages whose nouns have capitals, so that no line is a title."""
DOTTED_I = ("tr", "az")
"""Languages in which the small letter of I is ı and the capital of i is İ."""
ROMAN_NUMERAL = re.compile("(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})")
WORD_OF_LETTERS = re.compile(r"[^\W\d_]+")
FUNCTION_WORDS = {
    language: frozenset(listed.split())
    for language, listed in {
        "en": "a an the and or nor but as at by for from in into of off on onto out over per so"
        " than to up via vs with",
        "fr": "le la les l un une des du de d au aux et ou en à sur sous dans par pour avec sans"
        " que qui ne se",
        "es": "el la los las un una de del al y e o u en a con por para sin que se su",
        "it": "il lo la i gli le un una di del della dei delle al alla e o in a da con per su che",
        "pt": "o a os as um uma de do da dos das ao à e ou em no na com por para sem que se",
        "nl": "de het een van en of in op te aan bij met voor naar uit dat die",
    }.items()
}
"""Words that a title may leave small, by language."""


def find_case(text: str, language: str, count: TokenCount) -> Case:
    """How a line is written: in capitals, with a capital for every word, as one word with a
    capital, or otherwise.

    A label of one or two words with an acronym of the vocabulary or a roman numeral is neither, nor
    is a line of names.
    """
    if text.isupper():
        cased = WORD_OF_LETTERS.findall(text)
        if sum(map(len, cased)) == 1 or (len(cased) <= MAX_LABEL_WORDS and is_label(cased, count)):
            return "as written"
        return "capitals"
    code = without_region(language)
    if is_common_word(text, code, count):
        return "one word"
    return "title" if is_title(text, code, count) else "as written"


def is_common_word(text: str, language: str, count: TokenCount) -> bool:
    """Whether a line is one word with a capital, such as a label, which is no name: the vocabulary
    has its small form in fewer tokens. Few sentences of a training text are as short."""
    cased = WORD_OF_LETTERS.findall(text)
    if len(cased) != 1 or not cased[0].istitle() or language in CAPITALISED_NOUNS:
        return False
    return count(lower(cased[0], language)) < count(cased[0])


def is_label(cased: list[str], count: TokenCount) -> bool:
    """Whether one of the words in capitals is an acronym or a roman numeral."""
    return any(
        ROMAN_NUMERAL.fullmatch(word)
        or count(word) < min(count(word.lower()), count(word.capitalize()))
        for word in cased
    )


def is_title(text: str, language: str, count: TokenCount) -> bool:
    """Whether every word of a line but function words has a capital, and most are no names."""
    listed = text.split()
    if len(listed) < MIN_TITLE_WORDS or language in CAPITALISED_NOUNS:
        return False
    small = FUNCTION_WORDS.get(language, frozenset())
    for word in listed:
        if word[0].islower() and word not in small:
            return False
    cased = [word for word in WORD_OF_LETTERS.findall(text) if word.istitle() and len(word) > 1]
    others = [word for word in cased[1:] if word.lower() not in small]
    names = sum(count(word) < count(word.lower()) for word in others)
    return len(others) > 1 and 2 * names < len(others)


def take_off(text: EditedText, case: Case, language: str, count: TokenCount) -> EditedText:
    """The text as it would be written within a page: small letters, and capitals where a sentence
    begins and where the vocabulary knows a name or an acronym, by the fewest tokens."""
    if case == "as written":
        return text
    code = without_region(language)
    if case == "one word":
        return change_words(text, lambda word, _: lower(word, code))
    return change_words(text, lambda word, is_first: usual_form(word, is_first, case, code, count))


def words_of_sentences(text: str) -> Iterator[tuple[Span, bool]]:
    """The words with a letter that has a case, and whether each is the first of a sentence."""
    is_first = True
    for span in words(text):
        word = text[slice(*span)]
        if word.upper() != word.lower():
            yield span, is_first
        is_first = word in ".!?…" or (is_first and not word[0].isalnum() and word.isprintable())


def usual_form(word: str, is_first: bool, case: Case, language: str, count: TokenCount) -> str:
    """The word in small letters, with a capital, or as it is."""
    if language == "en" and (word == "I" or word.startswith("I'")):
        return word[0] + word[1:].lower()
    small = lower(word, language)
    capitalised = "-".join(upper(part[:1], language) + part[1:] for part in small.split("-"))
    if case == "title" and word != capitalised:
        return word
    forms = [small, capitalised, word]
    best = min(forms, key=count)
    return capitalised if is_first and best == small else best


def put_back(text: EditedText, case: Case, language: str) -> EditedText:
    """The text in a case that `find_case` found.

    A title has capitals in English alone; other languages write titles like sentences.
    """
    code = without_region(language)
    if case == "capitals":
        return change_words(text, lambda word, _: upper(word, code))
    if case == "one word":
        return change_words(text, lambda word, first: with_capital(word, code) if first else word)
    if case == "title" and code == "en":
        return change_words(text, title_form)
    return text


def with_capital(word: str, language: str) -> str:
    return upper(word[0], language) + word[1:]


def title_form(word: str, is_first: bool) -> str:
    """The word as an English title has it."""
    is_small = word in FUNCTION_WORDS["en"] and not is_first
    return word if is_small else word[0].upper() + word[1:]


def change_words(text: EditedText, form: Callable[[str, bool], str]) -> EditedText:
    """The text with another form of each word: letter by letter, or all letters at once where their
    number changes. `form` is given the word, and whether it is the first of a sentence."""
    edits: list[tuple[Span, str]] = []
    for span, is_first in words_of_sentences(text.text):
        before = text.text[slice(*span)]
        after = form(before, is_first)
        if len(before) != len(after):
            edits.append((span, after))
            continue
        letters = enumerate(zip(before, after, strict=True), span.start)
        edits += [(Span(index, index + 1), new) for index, (old, new) in letters if old != new]
    return text.replace(edits)


def lower(text: str, language: str) -> str:
    if language in DOTTED_I:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower()


def upper(text: str, language: str) -> str:
    if language in DOTTED_I:
        text = text.replace("i", "İ")
    return text.upper()
