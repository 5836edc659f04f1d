"""The laws of words and spans."""

import itertools
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.text.spans import Span, word_of_each_token, words

LATIN_WORD = re.compile(
    r"(?:[cdjlmnst]|(?:jus|lors|puis|quel|quoi)?qu)['’](?=\w)"
    r"|\w+(?:['’\-‐‑.,]\w+)*"
    r"|[^\w\s]",
    re.IGNORECASE,
)
"""Enough where no marks, emoji or ideographs are."""
LATIN = [*map(chr, [*range(0x250), *range(0x1E00, 0x1F00), *range(0x2010, 0x2028), 0x20AC])]


def cut(text):
    return "|".join(text[start:end] for start, end in words(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The black cat ate the mouse.", "The|black|cat|ate|the|mouse|."),
        ("L'homme qu'il a vu, c'est Jean-Paul.", "L'|homme|qu'|il|a|vu|,|c'|est|Jean-Paul|."),
        ("He doesn't pay 3.50 €!", "He|doesn't|pay|3.50|€|!"),
        ("aujourd’hui jusqu’à", "aujourd’hui|jusqu’|à"),
        ("", ""),
        (" \u00a0 ", ""),
    ],
)
def test_words_are_those_a_reader_sees(text, expected):
    assert cut(text) == expected


@given(st.text(LATIN))
def test_words_of_latin_text_are_letters_elisions_and_signs(text):
    assert words(text) == [match.span() for match in LATIN_WORD.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी में लिखी किताब",
        "আমি বাংলায় গান গাই",
        "தமிழ் மொழி",
        "ภาษาไทย ที่นี่",
        "العَرَبِيَّةُ جَمِيلَةٌ",
        "שָׁלוֹם עוֹלָם",
        "Ẹ kú àárọ̀",
        "မြန်မာ ဘာသာ",
        "می\u200cخواهم بروم",
        "క్\u200cష ద",
        unicodedata.normalize("NFD", "Việt été Zoë"),
        "👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 👍🏽 ☺\ufe0f 1\ufe0f\u20e3 🇫🇷",
        "🏴\U000e0067\U000e0062\U000e007f ok",
    ],
)
def test_marks_belong_to_the_word_they_follow_and_joined_symbols_are_one(text):
    assert cut(text) == text.replace(" ", "|")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我喜欢猫。", "我|喜|欢|猫|。"),
        ("ネコが3匹、iPhone手机", "ネ|コ|が|3|匹|、|iPhone|手|机"),
        ("か\u3099葛\U000e0100城", "か\u3099|葛\U000e0100|城"),
        ("한국어 문장", "한국어|문장"),
        ("🇫🇷🇩🇪👍🏽👍!?", "🇫🇷|🇩🇪|👍🏽|👍|!|?"),
    ],
)
def test_each_ideograph_and_each_kana_is_a_word(text, expected):
    assert cut(text) == expected


@given(st.text(), st.characters(categories=["Mn", "Mc", "Me"]))
def test_no_word_begins_with_a_mark_that_has_something_to_stand_on(text, mark):
    text = f"{mark}{text}{mark}".replace("a", mark)
    for start, _ in words(text):
        if unicodedata.category(text[start])[0] == "M":
            assert start == 0 or text[start - 1].isspace()


@given(st.text())
def test_words_are_in_order_apart_and_leave_out_only_white_space(text):
    spans = words(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    left_out = set(range(len(text))) - {p for span in spans for p in range(*span)}
    assert all(text[place].isspace() for place in left_out)


places = st.integers(0, 30)


@given(st.lists(places, min_size=2, max_size=12), st.data())
def test_each_token_belongs_to_the_word_it_shares_most_with(edges, data):
    edges = sorted(set(edges))
    spans = [Span(a, b) for a, b in itertools.pairwise(edges)][::2]
    cuts = sorted(data.draw(st.sets(st.integers(0, 30), min_size=2)))
    tokens = [Span(a, b) for a, b in itertools.pairwise(cuts)]
    tokens = sorted([*tokens, *(Span(place, place) for place in data.draw(st.sets(places)))])
    for token, found in zip(tokens, word_of_each_token(tokens, spans), strict=True):
        if token.start == token.end:  # some bytes of the character behind it
            owners = [number for number, (a, b) in enumerate(spans) if a <= token.start < b]
            assert found == (owners or [-1])[0]
            continue
        shared = [len(set(range(*token)) & set(range(*word))) for word in spans]
        if max(shared, default=0) == 0:
            assert found == -1
        else:
            assert found == shared.index(max(shared))
