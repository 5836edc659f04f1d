"""Messages of ICU: their frames are kept, their texts are translated."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.text.message_format import message_texts
from regard.text.spans import Span

WORD = st.sampled_from(
    ["a cat", "the dogs", "{name}", "it's", "# files", "#", "'{'quoted'}'", "x|y"]
)


def argument(texts):
    kind = st.sampled_from(["plural", "select", "selectordinal"])
    selectors = st.lists(
        st.tuples(st.sampled_from(["one ", "other", "=0 ", "male "]), texts), min_size=1, max_size=3
    )
    return st.builds(
        lambda kind, own: f"{{n, {kind}, " + " ".join(f"{s}{{{text}}}" for s, text in own) + "}",
        kind,
        selectors,
    )


MESSAGE = st.recursive(
    WORD,
    lambda inner: st.lists(inner | argument(inner), min_size=1, max_size=3).map(" ".join),
    max_leaves=8,
)


def cut(message):
    return [message[slice(*span)] for span in message_texts(message)]


@pytest.mark.parametrize(
    ("message", "texts"),
    [
        ("{n, plural, one {# file} other {# files}}", ["", "file", "files", ""]),
        ("{0, selectordinal, one {#st} other {#th}}", ["", "#st", "#th", ""]),
        ("{n,plural,=0{no mail}other{mail: #}} for you", ["", "no mail", "mail:", " for you"]),
        (
            "{g, select, a {{n, plural, offset:1 one {{name} and #} other {b}}} other {c}}",
            ["", "", "{name} and", "b", "", "c", ""],
        ),
        (
            "I have {n, plural, one {'{'one'}' cat} other {#}}.",
            ["I have ", "'{'one'}' cat", "", "."],
        ),
    ],
)
def test_the_texts_of_a_message_are_found(message, texts):
    assert cut(message) == texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no message",
        "{name}",
        "{n, plural, one {x",
        "{n, plural, one {x} y",
        "{n, number}",
        ":} {",
    ],
)
def test_what_is_no_complete_message_is_one_text(text):
    assert message_texts(text) == [Span(0, len(text))]


@given(MESSAGE)
def test_texts_are_in_order_and_what_is_between_them_is_the_frame(message):
    spans = message_texts(message)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges) and spans[-1].end == len(message)
    gaps = [message[one.end : two.start] for one, two in pairwise(spans)]
    frame = r"[\s#]*(?:\}\s?)*(?:\{n, (?:plural|select|selectordinal), )?[\s{}#]*"
    selectors = r"(?:(?:one|other|=0|male)\s?\{)?[\s{}#]*"
    assert all(re.fullmatch(f"(?:{frame}{selectors})+", gap) for gap in gaps), gaps
    assert not any(re.search(r"\{n,", message[slice(*span)]) for span in spans)


@given(MESSAGE, st.text("{}' ,#n", max_size=6))
def test_any_text_is_cut_within_its_length(message, more):
    for text in (message + more, more + message, message[: len(more)]):
        spans = message_texts(text)
        assert all(0 <= span.start <= span.end <= len(text) for span in spans)


def test_many_open_arguments_are_read_once():
    assert len(message_texts("{n, plural, one {" * 20_000)) == 1
    assert len(message_texts("{n, plural, one {" * 20_000 + "}}" * 20_000)) == 40_001
