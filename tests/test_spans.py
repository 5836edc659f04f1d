"""The laws of words and spans."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.text.spans import Span, word_of_each_token, words


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
    assert "|".join(text[start:end] for start, end in words(text)) == expected


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
