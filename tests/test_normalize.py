"""The laws of normalization: what the model reads, and where it is in the user's text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.special import RESERVED
from regard.text.edits import EditedText
from regard.text.normalize import PLAIN_SIGNS, PLAINER, fold_unknown, normalize
from regard.text.spans import Span

ODD = (
    "\u0301\u0323\u1161\u11a8\u1100e \t\u00a0\u09be\u09c7\u200b\u200c\u200d\u00ad\ufeff\u3000"
    "\u212a\u037e&;#x3a9apos\U0001f3f4\U000e0067\U000e007f👩💻क़ﬁ“…！Ａ１"
)
texts = st.text(st.characters() | st.sampled_from(ODD), max_size=30) | st.lists(
    st.sampled_from(["&apos;", "&amp;", "&#x41;", "&eacute;", "&hellip;", "&shy;", "&", "e", ";"])
).map("".join)

NORMALIZED = [
    ("It&apos;s 5&nbsp;&euro;, caf&eacute; &#39;x&#x27; &quot;y&quot;", "It's 5 €, café 'x' \"y\""),
    ("salt &amp; pepper &lt;b&gt; &nothing; AT&T; &#38;", "salt &amp; pepper &lt;b&gt; &nothing;"),
    ("a co\u00adop\u200bera\u2060tive\u200e \ufeffword\u200f", "a cooperative word"),
    ("“a” „b“ ‘c’ ‚d‛ 5′ 6″ «e» ‹f›", "\"a\" \"b\" 'c' 'd' 5' 6\" «e» ‹f›"),
    ("ice‐cold non‑stop 3–5 — −4 wait…", "ice-cold non-stop 3–5 — −4 wait..."),
    ("ﬁne waﬄe ＡＢｃ１２３！", "fine waffle ABc123！"),
    ("m² ½ ™ ① № ª ĳ", "m² ½ ™ ① № ª ĳ"),
    ("  two  \t three\u00a0\u202ffour\u3000", "two three four"),
    ("cafe\u0301 \u1112\u1161\u11ab", "café 한"),
    ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
    ("👩\u200d💻 ❤\ufe0f\u200d🔥 🏴\U000e0067\U000e0062\U000e007f", None),
    ("a\u200db \u200cc x\U000e0067y", "ab c xy"),
    ("\x00a\x07b\u2028c\ud800d", "a b c d"),
    ("", ""),
    (" \u00ad ", ""),
]


@pytest.mark.parametrize(("text", "expected"), NORMALIZED)
def test_the_model_reads_plain_signs(text, expected):
    read = normalize(text).text
    assert read == text if expected is None else read.startswith(expected)


@given(texts)
def test_normalizing_again_changes_nothing(text):
    once = normalize(text).text
    assert normalize(once) == EditedText(once)


@given(texts)
def test_a_normalized_text_is_one_line_in_nfc_without_spaces_at_its_ends(text):
    read = normalize(text).text
    assert read == read.strip(" ") and "  " not in read and len(read.splitlines()) <= 1
    assert unicodedata.is_normalized("NFC", read)
    assert not {unicodedata.category(character) for character in read} & {"Cc", "Zl", "Zp", "Cs"}


@pytest.mark.parametrize("text", ["", "The cat sat: on 3 mats; (yes).", "L'été « là » — 5 €"])
def test_a_text_with_nothing_to_change_has_no_steps(text):
    assert normalize(text) == EditedText(text)


@given(texts)
def test_each_character_is_read_from_the_users_own(text):
    edited = normalize(text)
    end = 0
    for index, letter in enumerate(edited.text):
        span = edited.original(Span(index, index + 1))
        assert span.start < span.end <= len(text) and end <= span.end
        assert (
            letter in normalize(text[slice(*span)]).text or not normalize(text[slice(*span)]).text
        )
        end = span.end


@given(texts)
def test_no_typed_character_acts_as_a_reserved_symbol(text):
    for symbol in (RESERVED[0], RESERVED[50], RESERVED[-1]):
        assert not set(RESERVED) & set(normalize(f"{text}{symbol}{text}&#xE021;").text)


@given(texts)
def test_the_tables_of_signs_are_used_up_in_one_step(text):
    assert not set(normalize(text + "".join(PLAIN_SIGNS)).text) & set(PLAIN_SIGNS)


@pytest.mark.parametrize(
    ("known", "text", "expected"),
    [
        ("–-", "a — b – c", "a – b – c"),
        ("-", "a — b – c • d − e", "a - b - c - d - e"),
        ("—-", "a — b – c", "a — b - c"),
        ("!?,", "！？，、（）", "!?,,（）"),
        ("", "— • 。", "— • 。"),
        ('"', "«é» 「ß」 É", '"é" "ß" É'),
    ],
)
def test_signs_that_a_vocabulary_lacks_are_folded_into_one_that_it_has(known, text, expected):
    folded = fold_unknown(EditedText(text), set(known).__contains__)
    assert folded.text == expected
    assert len(folded.text) != len(text) or folded.original(Span(2, 3)) == Span(2, 3)


def test_no_letter_is_folded():
    assert not any(sign.isalpha() for sign in PLAINER)
    assert not any(plain.isalnum() for plains in PLAINER.values() for plain in plains)
