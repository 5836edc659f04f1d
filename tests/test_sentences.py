"""The laws of cutting a line into sentences and putting it together again."""

from unittest.mock import Mock, patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.lines import join, translate_lines
from regard.text import sentences
from regard.text.lesson import examples
from regard.text.sentences import split
from regard.translator import Translation

texts = st.text() | st.lists(
    st.sampled_from(
        ["Dr.", "J.", "Hello.", "yes!", "Why?", "3.14", "。", "中文", " ", "  ", "«", "U.S."]
    )
).map("".join)

CUT = [
    ("One. Two.", ["One.", "Two."]),
    ("He left!  She stayed?", ["He left!", "She stayed?"]),
    ("Dr. Smith met Mr. Jones. They spoke.", ["Dr. Smith met Mr. Jones.", "They spoke."]),
    ("J. R. R. Tolkien wrote it.", ["J. R. R. Tolkien wrote it."]),
    ("It costs 3.14 euros. Cheap!", ["It costs 3.14 euros.", "Cheap!"]),
    ("Wait... what?", ["Wait... what?"]),
    ("He said: “Go.” Then he went.", ["He said: “Go.”", "Then he went."]),
    ("M. Dupont est là. Il attend.", ["M. Dupont est là.", "Il attend."]),
    ("我来了。你走了。", ["我来了。", "你走了。"]),
    ("So did I. He knew.", ["So did I.", "He knew."]),
    ("No end here", ["No end here"]),
    ("", [""]),
    ("   ", ["   "]),
]


@given(texts)
def test_sentences_and_their_gaps_are_the_text(text):
    assert "".join(part.text + part.gap for part in split(text)) == text


@given(texts)
def test_gaps_are_white_space_and_only_the_last_sentence_may_have_none(text):
    assert all(not part.gap or part.gap.isspace() for part in split(text))


@pytest.mark.parametrize("text,expected", CUT)
def test_sentences_are_cut_where_a_reader_would(text, expected):
    assert [part.text for part in split(text)] == expected


@given(texts)
def test_no_sentence_is_longer_than_a_model_has_read(text):
    with patch.object(sentences, "LONGEST", 8):
        parts = split(text)
    assert "".join(part.text + part.gap for part in parts) == text
    assert all(not part.gap or part.gap.isspace() for part in parts)
    assert all(len(part.text) <= 8 or not part.text[8:].strip() for part in parts)


def test_what_is_too_long_is_cut_behind_a_clause_or_else_a_word():
    clauses, words, letters = "one two, three four " * 99, "four " * 400, "a" * 2500
    assert {part.text[-1] for part in split(clauses)[:-1]} == {","}
    assert {part.text[-4:] for part in split(words)[:-1]} == {"four"}
    assert [len(part.text) for part in split(letters)] == [1000, 1000, 500]


def test_a_long_line_takes_time_in_proportion_to_its_length():
    assert len(split("A b. " * 50_000)) == 50_000
    assert len(sentences.ended("." * 400_000 + "x")) == 1
    assert len(sentences.ended("a. " * 300_000)) == 1


@pytest.mark.parametrize(
    "texts,expected",
    [
        (("Le chat.", "Le chien."), "Le chat. Le chien."),
        (("猫。", "犬。"), "猫。犬。"),
        (("", "Le chien."), "Le chien."),
    ],
)
def test_sentences_without_gaps_have_one_where_the_translation_needs_it(texts, expected):
    parts = [Translation(text, text, -1.0, "end", [], [], Mock()) for text in texts]
    assert join(parts, ["", ""]).text == expected


def test_a_line_of_sentences_is_translated_sentence_by_sentence(model):
    translator = regard.load(model)
    first, second, third = (one.source for one in examples(3, 4))
    alone = translator.translate([first, second, third])
    lines = translate_lines(translator, [f"{first} \u00a0 {second}", "", third])
    assert lines[0].text == f"{alone[0].text} \u00a0 {alone[1].text}"
    assert [line.text for line in lines[1:]] == ["", alone[2].text]
    assert lines[0].log_prob == pytest.approx(alone[0].log_prob + alone[1].log_prob)
    weights = lines[0].weights
    assert weights.shape == (len(lines[0].tokens) + 2, len(lines[0].source_tokens) + 2)
    assert np.allclose(weights.sum(axis=1), 1.0)
    rows, columns = alone[0].weights.shape
    assert np.allclose(weights[:rows, :columns], alone[0].weights)
    assert not weights[:rows, columns:].any() and not weights[rows:, :columns].any()
