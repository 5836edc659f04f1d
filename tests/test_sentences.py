"""The laws of cutting a line into sentences and putting it together again."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.lesson.corpus import examples
from regard.text import sentences
from regard.text.sentences import split_sentences
from regard.translation import SentenceTranslation, join

texts = st.text() | st.lists(
    st.sampled_from(
        ["Dr.", "J.", "Hello.", "yes!", "Why?", "3.14", "。", "中文", " ", "  ", "«", "U.S."]
    )
).map("".join)

CUT = [
    ("en", "One. Two.", ["One.", "Two."]),
    ("en", "He left!  She stayed?", ["He left!", "She stayed?"]),
    ("en", "Dr. Smith met Mr. Jones. They spoke.", ["Dr. Smith met Mr. Jones.", "They spoke."]),
    ("en", "MR. SMITH LEFT. HE RAN.", ["MR. SMITH LEFT.", "HE RAN."]),
    ("en", "J. R. R. Tolkien wrote it.", ["J. R. R. Tolkien wrote it."]),
    ("en", "It costs 3.14 euros. Cheap!", ["It costs 3.14 euros.", "Cheap!"]),
    ("en", "It costs $5. Then he left.", ["It costs $5.", "Then he left."]),
    ("en", "He has 3. She has 4.", ["He has 3.", "She has 4."]),
    ("en", "1. First item. 2. Second item.", ["1. First item.", "2. Second item."]),
    ("en", "Wait... what?", ["Wait... what?"]),
    ("en", "He said: “Go.” Then he went.", ["He said: “Go.”", "Then he went."]),
    ("en", "Follow me. We go now.", ["Follow me.", "We go now."]),
    ("en", "He said no. Then he left.", ["He said no.", "Then he left."]),
    ("en", "See no. 5 and fig. 3. Good.", ["See no. 5 and fig. 3.", "Good."]),
    ("en-GB", "I came on Jan. 5. He left.", ["I came on Jan. 5.", "He left."]),
    ("en", "So did I. He knew.", ["So did I.", "He knew."]),
    ("en", "At 5 p.m. Eastern time. Be there.", ["At 5 p.m. Eastern time.", "Be there."]),
    ("fr", "M. Dupont est là. Il attend.", ["M. Dupont est là.", "Il attend."]),
    ("fr", "Mme. Roy et Mgr. Lys. Il rit.", ["Mme. Roy et Mgr. Lys.", "Il rit."]),
    ("fr", "Il en a sept. Puis rien.", ["Il en a sept.", "Puis rien."]),
    ("fr", "« Bonjour ! » Il part.", ["« Bonjour ! »", "Il part."]),
    ("fr", "« Quoi ? » demanda-t-il. Rien.", ["« Quoi ? » demanda-t-il.", "Rien."]),
    ("fr", "Ça va ? Oui !", ["Ça va ?", "Oui !"]),
    ("de", "Er kam am 3. Mai. Dann ging er.", ["Er kam am 3. Mai.", "Dann ging er."]),
    ("de", "Das ist z. B. Hr. Bach, Nr. 5. Gut.", ["Das ist z. B. Hr. Bach, Nr. 5. Gut."]),
    ("de", "„Hallo.“ Er ging.", ["„Hallo.“", "Er ging."]),
    ("it", "Dr. Rossi c'è. (Entra.)", ["Dr. Rossi c'è.", "(Entra.)"]),
    ("zh", "我来了。你走了。", ["我来了。", "你走了。"]),
    ("zh", "「好。」他说。", ["「好。」", "他说。"]),
    ("ja", "「はい。」と言った。彼は行った。", ["「はい。」と言った。", "彼は行った。"]),
    ("hi", "नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
    ("ar", "مرحبا بك؟! كيف حالك؟", ["مرحبا بك؟!", "كيف حالك؟"]),
    ("en", "“Why?” he said. “Go.” “No.”", ["“Why?” he said.", "“Go.”", "“No.”"]),
    ("en", "Go! “why?” he said.", ["Go! “why?” he said."]),
    ("en", "No end here", ["No end here"]),
    ("en", "", [""]),
    ("en", "   ", ["   "]),
]


@given(texts)
def test_sentences_and_their_gaps_are_the_text(text):
    assert "".join(part.text + part.whitespace for part in split_sentences(text, "en")) == text


@given(texts)
def test_gaps_are_white_space_and_only_the_last_sentence_may_have_none(text):
    assert all(
        not part.whitespace or part.whitespace.isspace() for part in split_sentences(text, "en")
    )


@pytest.mark.parametrize("language,text,expected", CUT)
def test_sentences_are_cut_where_a_reader_would(language, text, expected):
    assert [part.text for part in split_sentences(text, language)] == expected


@given(texts)
def test_no_sentence_is_longer_than_a_model_has_read(text):
    with patch.object(sentences, "MAX_SENTENCE_CHARACTERS", 8):
        parts = split_sentences(text, "en")
    assert "".join(part.text + part.whitespace for part in parts) == text
    assert all(not part.whitespace or part.whitespace.isspace() for part in parts)
    assert all(len(part.text) <= 8 or not part.text[8:].strip() for part in parts)


def test_a_long_sentence_is_split_after_a_clause_or_else_a_word():
    clauses, words, letters = "one two, three four " * 99, "four " * 400, "a" * 2500
    assert {part.text[-1] for part in split_sentences(clauses, "en")[:-1]} == {","}
    assert {part.text[-1] for part in split_sentences("我们昨天来，他走" * 300, "zh")[:-1]} == {
        "，"
    }
    assert {part.text[-4:] for part in split_sentences(words, "en")[:-1]} == {"four"}
    assert [len(part.text) for part in split_sentences(letters, "en")] == [1000, 1000, 500]


@pytest.mark.parametrize("sign", ["xa\u0301\u0323", "x👩\u200d💻", "x👍🏽", "xक्षि"])
def test_no_letter_and_no_emoji_is_torn(sign):
    for lead in range(6):
        parts = split_sentences("b" * lead + sign * 800, "en")
        assert len(parts) > 2
        assert all(part.text[0] in ("b", *sign[:2], "ष") for part in parts)


def test_long_lines_are_split_without_going_back_over_them():
    """Each would take minutes if the time grew with the square of the length."""
    assert len(split_sentences("A b. " * 20_000, "en")) == 20_000
    assert len(sentences.split_at_ends("." * 200_000 + "x", "en")) == 1
    assert len(sentences.split_at_ends("a. " * 100_000, "en")) == 1
    assert len(sentences.split_at_ends("3. Mai " * 100_000, "de")) == 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Le chat.", "Le chien."), "Le chat. Le chien."),
        (("猫。", "犬。"), "猫。犬。"),
        (("", "Le chien."), "Le chien."),
    ],
)
def test_sentences_without_gaps_have_one_where_the_translation_needs_it(texts, expected):
    parts = [SentenceTranslation("我来了。", text, [4], [], -1.0, "eos") for text in texts]
    assert join("我来了。我来了。", parts, None).text == expected


@pytest.mark.parametrize("text", ["http://x/" + "a" * 2000, "ABC" * 900])
def test_a_word_that_was_cut_because_it_is_long_is_whole_again(text):
    parts = split_sentences(text, "en")
    said = [
        SentenceTranslation(part.text, part.text, [4], [], -1.0, "eos", part.whitespace)
        for part in parts
    ]
    assert len(parts) > 1
    assert join(text, said, None).text == text


@pytest.mark.parametrize(
    "endings,ending",
    [
        (("eos", "eos"), "eos"),
        (("eos", "length"), "length"),
        (("length", "repetition"), "repetition"),
        (("repetition", "eos"), "repetition"),
    ],
)
def test_a_line_ends_like_the_worst_of_its_sentences(endings, ending):
    parts = [SentenceTranslation("a", "a", [4], [], -1.0, reason, " ") for reason in endings]
    assert join("a a", parts, None).finish_reason == ending


def test_a_line_of_sentences_is_translated_sentence_by_sentence(model):
    translator = regard.load(model)
    first, second, third = (one.source for one in examples(3, 4))
    alone = translator.translate_sentences([first, second, third])
    lines = translator.translate([f"{first} \u00a0 {second}", "", third])
    assert lines[0].text == f"{alone[0].text} \u00a0 {alone[1].text}"
    assert [line.text for line in lines[1:]] == ["", alone[2].text]
    assert lines[0].log_prob == pytest.approx(alone[0].log_prob + alone[1].log_prob)
    weights = lines[0].weights
    assert weights.shape == (len(lines[0].tokens), len(lines[0].source_tokens))
    assert np.allclose(weights.sum(axis=1), 1.0)
    rows, columns = alone[0].weights.shape
    assert np.allclose(weights[:rows, :columns], alone[0].weights)
    assert not weights[:rows, columns:].any() and not weights[rows:, :columns].any()
