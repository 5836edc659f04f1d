"""The languages that texts are in, as far as a sample shows them.

The package py3langid tells languages apart; the extra `train` installs it. Without it nothing is
checked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import NamedTuple

from regard.text.languages import Languages, without_region

SAMPLE_TEXTS = 200
MIN_TEXTS = 10
"""Fewer texts show too little."""
MIN_SHARE = 0.6
"""Of the texts that must each be in the language of all of them together."""
MAX_EXPECTED_SHARE = 0.2
"""Of the texts that may be in the expected language when another one is reported."""
NEAR = 40
"""Languages at most so far from each other, by CLDR's distance, may be confused: Danish and
Norwegian are at 12, English and French at 84."""


def languages_warning(
    sources: Sequence[str], targets: Sequence[str], languages: Languages, name: str
) -> str:
    """One line for the user if texts are clearly not in the languages of their sides; else nothing.

    `name` is what these texts are, such as "training text".
    """
    expected = list(map(without_region, languages))
    seen = [identify(texts, code) for texts, code in zip((sources, targets), expected, strict=True)]
    if all(code in ("", wanted) for code, wanted in zip(seen, expected, strict=True)):
        return ""
    what = " and ".join(
        f"the {side} is in {code}"
        for side, code in zip(("source", "translation"), seen, strict=True)
        if code
    )
    is_swapped = seen == expected[::-1]
    advice = "the two sides may have been swapped" if is_swapped else "check the files"
    return f"{name}: by a sample, {what}, but the languages are {'-'.join(languages)}; {advice}"


def identify(texts: Sequence[str], expected: str) -> str:
    """The code of the language that most of these texts are in; nothing if this is not certain.

    Not certain is a language that is near to `expected`, or that some texts in it are mixed with.
    """
    sample = [text for text in texts[:: max(1, len(texts) // SAMPLE_TEXTS)] if text.strip()]
    library = identifier()
    if len(sample) < MIN_TEXTS or expected not in library.codes:
        return ""
    language = library.classify(" ".join(sample))
    shares = Counter(map(library.classify, sample))
    is_clear = shares[language] >= MIN_SHARE * len(sample)
    is_mixed = shares[expected] > MAX_EXPECTED_SHARE * len(sample)
    if language == expected or (is_clear and not is_mixed and not are_near(expected, language)):
        return language
    return ""


class Identifier(NamedTuple):
    classify: Callable[[str], str]
    """From a text to the code of its language."""
    codes: frozenset[str]
    """The languages that it knows."""


@cache
def identifier() -> Identifier:
    """By py3langid; where that is not installed, one that knows no language."""
    try:
        library = import_module("py3langid")
    except ModuleNotFoundError:
        return Identifier(lambda _: "", frozenset())
    codes = frozenset(code for code, _ in library.rank(""))
    return Identifier(lambda text: str(library.classify(text)[0]), codes)


def are_near(first: str, second: str) -> bool:
    """Whether two languages are close, or speakers of one mostly know the other."""
    from langcodes import Language  # of 3 MB, which a server may never need

    one, other = Language.get(first), Language.get(second)
    return min(one.distance(other, True), other.distance(one, True)) <= NEAR
