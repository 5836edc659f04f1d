"""The laws of layout: what is no text of a line stays as it is."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.text.layout import translatable_spans

LINES = [
    ("A red house", ["A red house"]),
    ("- A red house", ["A red house"]),
    ("   * A red house  ", ["A red house"]),
    ("• A red house", ["A red house"]),
    ("12) A red house", ["A red house"]),
    ("3. Close the window.", ["Close the window."]),
    ("b) A red house", ["A red house"]),
    ("(iv) A red house", ["A red house"]),
    ("- [x] A red house", ["A red house"]),
    ("### A red house", ["A red house"]),
    ("> > A red house", ["A red house"]),
    (">>A red house\r", ["A red house"]),
    ("\t A red house\t12\t\tA dog ", ["A red house", "12", "A dog"]),
    ("| A house | a dog |", ["A house", "a dog"]),
    ("|a\\|b|c|", ["a\\|b", "c"]),
    ("|---|:---:|", []),
    ("A house | a dog", ["A house", "a dog"]),
    ("Run `ls | wc` or {{ x | y }}", ["Run `ls | wc` or {{ x | y }}"]),
    ("either|or", ["either|or"]),
    ("2001 was a year.", ["2001 was a year."]),
    ("A. Smith came.", ["A. Smith came."]),
    ("-5 degrees", ["-5 degrees"]),
    ("*very* good", ["*very* good"]),
    ("#tag here", ["#tag here"]),
    ("-- ", []),
    ("#####", []),
    ("7", ["7"]),
    ("2)", ["2)"]),
    ("", []),
    (" \t ", []),
]


@pytest.mark.parametrize(("line", "pieces"), LINES)
def test_the_pieces_of_a_line_are_what_a_reader_reads(line, pieces):
    assert [line[slice(*span)] for span in translatable_spans(line)] == pieces


@given(st.text() | st.text("-*>#|\t 1.)[x]a\\`{\ufeff"))
def test_pieces_are_in_order_and_what_is_left_is_layout(line):
    spans = translatable_spans(line)
    assert all(a.end < b.start for a, b in itertools.pairwise(spans))
    for span in spans:
        piece = line[slice(*span)]
        assert piece == piece.strip() and any(map(str.isalnum, piece.replace("_", "1")))
    kept = "".join(
        line[a:b]
        for a, b in zip([0, *(s.end for s in spans)], [*(s.start for s in spans), len(line)],
                        strict=True)
    )  # fmt: skip
    assert not any(len(word) > 4 and word.isalnum() for word in kept.replace("|", " ").split())


@given(st.sampled_from(["- ", "  1. ", "> ", "\t", "## "]), st.text("ab ", min_size=1))
def test_a_mark_before_a_text_changes_no_piece_of_it(mark, text):
    pieces = [text[slice(*span)] for span in translatable_spans(text)]
    marked = mark + text
    assert [marked[slice(*span)] for span in translatable_spans(marked)] == pieces
