"""Language codes in all their forms: en, EN, eng_Latn, zh-Hant-TW, es-419; and pairs of them.

Codes become those of BCP 47, in its usual letter case. The package langcodes knows their synonyms;
it is imported only for a code that is not two small letters, because its import takes 20 ms.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from regard.errors import RegardError

Languages = tuple[str, str]
"""The codes of the source language and of the target language."""

LOWER, TITLE, UPPER = "[a-z]{2,3}", "[A-Z][a-z]{3}", "[A-Z]{2}|[0-9]{3}"
"""A language, a script and a region, in the letter case of BCP 47."""
ONE_LANGUAGE = re.compile(f"{LOWER}(?:[-_]{TITLE})?(?:[-_](?:{UPPER}))?", re.IGNORECASE)
"""A code in any letter case."""
USUAL_CASE = re.compile(ONE_LANGUAGE.pattern)
PLAIN = re.compile("[a-z]{2}")
"""A code that is in its canonical form already."""

COMMON_SCRIPTS: Mapping[str, str] = {
    language: script
    for script, languages in {
        "Latn": "cs da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl sv sw tr vi",
        "Cyrl": "bg ru uk",
        "Arab": "ar fa ur",
        "Grek": "el",
        "Hans": "zh",
        "Hebr": "he",
        "Deva": "hi",
        "Jpan": "ja",
        "Kore": "ko",
        "Thai": "th",
    }.items()
    for language in languages.split()
}
"""ISO 15924 scripts of frequent languages: langcodes gives the same, but must be imported."""


def parse_languages(text: str) -> Languages:
    """The two codes in a text like en-fr, EN_FR or es-419-en, in their canonical form.

    Raises RegardError if the text is not a pair of codes, or can be divided in more than one way.
    """
    match likeliest_pairs(text):
        case [(source, target)]:
            return canonical(source), canonical(target)
    raise RegardError(
        f"'{text}' is not a pair of languages",
        "--languages",
        "write two codes of two or three letters: --languages en-fr, or --languages zh-Hant-en",
    )


def likeliest_pairs(text: str) -> list[Languages]:
    """All ways to read a text as two codes, or only those in the usual letter case, if there are
    any. Empty for one code in the usual letter case, such as en-US."""
    cuts = (separator.span() for separator in re.finditer("[-_]", text))
    divided = [(text[:start], text[end:]) for start, end in cuts]
    pairs = [pair for pair in divided if all(map(ONE_LANGUAGE.fullmatch, pair))]
    usual = [pair for pair in pairs if all(map(USUAL_CASE.fullmatch, pair))]
    return usual or ([] if USUAL_CASE.fullmatch(text) else pairs)


def is_language(text: str) -> bool:
    """Whether a text is a code in any letter case, and not two codes like en-fr."""
    return ONE_LANGUAGE.fullmatch(text) is not None and not likeliest_pairs(text)


@lru_cache
def canonical(code: str) -> str:
    """A code as BCP 47 writes it, without the language's usual script: en for eng_Latn, zh-Hant
    for zho_Hant, pt-BR for pt_br. An unknown code, and what is no code, stays, in small letters."""
    if PLAIN.fullmatch(code):
        return code
    from langcodes import Language

    try:
        return Language.get(code.replace("_", "-")).simplify_script().to_tag()
    except ValueError:
        return code.lower()


@lru_cache
def without_region(language: str) -> str:
    """The language in a code, or its macrolanguage: zh for zh-CN, zho_Hans and cmn. What is no code
    stays, in small letters."""
    if PLAIN.fullmatch(language):
        return language
    from langcodes import Language

    try:
        return str(Language.get(language.replace("_", "-")).prefer_macrolanguage().language)
    except ValueError:
        return language.lower()


@lru_cache
def script(language: str) -> str:
    """The ISO 15924 code of the script in which a language is usually written, such as Latn, Cyrl
    or Jpan, or of the script that its code names. Empty for an unknown language."""
    if language in COMMON_SCRIPTS:
        return COMMON_SCRIPTS[language]
    from langcodes import Language

    tag = Language.get(language.replace("_", "-"))
    likely = tag.maximize()
    if tag.territory or tag.assume_script().script:
        return str(likely.script)
    # langcodes takes a language that it does not know for one like English in the United States
    default = Language.make().maximize()
    is_unknown = (likely.script, likely.territory) == (default.script, default.territory)
    return "" if is_unknown else str(likely.script)
