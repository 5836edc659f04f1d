"""The laws of edited texts: whatever was replaced, a span leads back to the user's characters."""

import re

from hypothesis import given
from hypothesis import strategies as st

from regard.text.edits import EditedText
from regard.text.spans import Span


@st.composite
def edits(draw, text):
    """Replacements in order, some of them empty, some of nothing."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = [Span(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
    apart = [
        span
        for number, span in enumerate(spans)
        if span.start < span.end and (number == 0 or spans[number - 1].end < span.start)
    ]
    return [(span, draw(st.text("xyz", max_size=3))) for span in apart]


def replaced(sources, spans):
    """The source of each character after a step, given those before: its owners in brute force."""
    after, read = [], 0
    for span, replacement in spans:
        after += sources[read : span.start]
        owners = set().union(*sources[slice(*span)])
        after += [owners] * len(replacement)
        read = span.end
    return after + sources[read:]


@given(st.text("abc ", max_size=12), st.data())
def test_a_span_leads_back_to_the_characters_that_it_comes_from(text, data):
    edited, sources = EditedText(text), [{index} for index in range(len(text))]
    for _ in range(data.draw(st.integers(0, 3))):
        step = data.draw(edits(edited.text))
        edited, sources = edited.replace(step), replaced(sources, step)
    assert len(edited.text) == len(sources)
    for start in range(len(sources)):
        for end in range(start + 1, len(sources) + 1):
            owners = set().union(*sources[start:end])
            span = edited.original(Span(start, end))
            assert owners <= set(range(*span))
            assert {min(owners), max(owners)} == {span.start, span.end - 1}


@given(st.text("abc", min_size=1, max_size=12), st.data())
def test_where_a_span_comes_from_leads_forward_to_it_again(text, data):
    edited = EditedText(text).replace(data.draw(edits(text)))
    cuts = st.integers(0, len(edited.text))
    start, end = sorted(data.draw(st.tuples(cuts, cuts)))
    if start < end:
        now = edited.current(edited.original(Span(start, end)))
        assert now.start <= start and end <= now.end


@given(st.text(max_size=12))
def test_a_text_that_nothing_replaces_is_the_same_object(text):
    edited = EditedText(text)
    assert edited.replace([]) is edited
    assert edited.sub(re.compile("[^\\s\\S]"), lambda match: "") is edited


@given(st.text("abc", max_size=12), st.data())
def test_a_slice_keeps_the_spans_of_the_first_text(text, data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    part = EditedText(text).slice(Span(start, end))
    assert part.text == text[start:end]
    for index in range(len(part.text)):
        assert part.original(Span(index, index + 1)) == (start + index, start + index + 1)


@given(st.text("ab ", max_size=12))
def test_a_substitution_writes_what_re_writes(text):
    pattern = re.compile("a+")
    edited = EditedText(text).sub(pattern, lambda match: match[0].upper() + "!")
    assert edited.text == pattern.sub(lambda match: match[0].upper() + "!", text)
