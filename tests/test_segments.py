"""The laws of segments: tokens and words on the characters of the user's own text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.text.normalize import normalize
from regard.text.segments import detokenize, tokenize
from regard.text.spans import Span

ODD = [
    "",
    "  The\u00a0cat .\t",
    "cafe\u0301 au lait, e\u0301e\u0301",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",  # Korean, letter by letter
    "\ufb01sh and \ufb02our",
    "👩\u200d👩\u200d👧 and 👍🏽!",
    "\ufeffa\u2028b\x00c\ud800d",
    "a\u0301\u0323 q\u0323\u0307",
    "\u0915\u094d\u0937\u093f",
]


@pytest.fixture(scope="module")
def translator(model):
    return regard.load(model, engine="onnx")


@pytest.mark.parametrize("line", ODD, ids=range(len(ODD)))
def test_each_source_token_is_cut_from_the_users_own_text(translator, line):
    tokens = tokenize(translator.source, line)
    assert [token.id for token in tokens] == translator.source.encode([normalize(line).text])[0]
    for before, token in zip([Span(0, 0), *(token.span for token in tokens)], tokens, strict=False):
        assert 0 <= token.span.start <= token.span.end <= len(line)
        assert before.start <= token.span.start
        surface = token.piece.replace("▁", " ").strip()
        if not token.piece.startswith("<0x"):
            assert surface in normalize(line[slice(*token.span)]).text or not surface


@given(st.lists(st.integers(4, 690), max_size=12))
def test_target_spans_cover_the_decoded_text_in_order(translator, ids):
    tokens = detokenize(translator.target, ids)
    text = translator.target.decode(ids)
    assert [token.id for token in tokens] == ids
    assert "".join(text[slice(*token.span)] for token in tokens) == text


@given(st.text(st.sampled_from("ab é🙂漢’\ue020"), max_size=9), st.lists(st.integers(3, 690)))
def test_the_span_of_a_target_token_ends_where_the_text_so_far_ends(translator, text, others):
    ids = [*translator.target.encode([text])[0], *others[:5]]
    for number, token in enumerate(detokenize(translator.target, ids)):
        so_far = translator.target.decode(ids[: number + 1])
        if "\ufffd" not in so_far:
            assert token.span.end == len(so_far)
        elif number < len(ids) - 1:  # a character has the span of its last byte
            assert token.span.end <= len(so_far.rstrip("\ufffd"))


def test_a_translation_of_odd_lines_has_its_words_on_the_users_text(translator):
    for text, translation in zip(ODD, translator.translate(ODD), strict=True):
        assert translation.source == text
        for words, tokens, of in (
            (translation.source_words, translation.source_tokens, text),
            (translation.words, translation.tokens, translation.text),
        ):
            at = 0
            for word in words:
                at = of.index(word.text, at) + len(word.text)
            in_words = [index for word in words for index in word.tokens]
            assert sorted(in_words) == in_words
            assert all(tokens[index].id > 3 for index in in_words)


def test_tokens_of_the_second_sentence_have_spans_in_the_line(translator):
    line = "The cat sleeps.  The dog eats the apple."
    [translation] = translator.translate([line])
    ends = [index for index, token in enumerate(translation.source_tokens) if token.piece == "</s>"]
    assert len(translation.sentences) == len(ends) == 2
    first = translation.source_tokens[ends[0] + 1]
    assert line[slice(*first.span)].strip() == first.piece.removeprefix("▁")
    assert first.span.start >= len("The cat sleeps. ")
