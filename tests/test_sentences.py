"""The laws of cutting a line into sentences and putting it together again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.lesson.corpus import examples
from regard.pipeline import SourceSentence
from regard.text.edits import EditedText
from regard.text.placeholders import find_spans
from regard.text.sentences import split_long, split_sentences
from regard.text.spans import Span, words
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
    ("en", '"Go." "No." He said: "Why?" Then he left.', ['"Go."', '"No."', 'He said: "Why?"',
                                                        "Then he left."]),
    ("en", "I bought a pen.You bought a book.I left!Did he?No.", [
        "I bought a pen.", "You bought a book.", "I left!", "Did he?", "No."]),
    ("en", "It is x.Y or a.m.Then, Mr.Smith or 3.B or y.z.", [
        "It is x.Y or a.m.Then, Mr.Smith or 3.B or y.z."]),
    ("fr", "La vitamine C. Elle aide. Voir éq. 4 et p. 2.", [
        "La vitamine C.", "Elle aide.", "Voir éq. 4 et p. 2."]),
    ("eng_Latn", "Mr. Poe left.", ["Mr. Poe left."]),
    ("ru", "Он пришёл. Она ушла.", ["Он пришёл.", "Она ушла."]),
    ("el", "Ήρθε. Έφυγε.", ["Ήρθε.", "Έφυγε."]),
    ("xx", "One came. Two left.", ["One came.", "Two left."]),
    ("my", "မင်္ဂလာပါ။ နေကောင်းလား။", ["မင်္ဂလာပါ။", "နေကောင်းလား။"]),
    ("en", "", []),
    ("en", "   ", []),
]  # fmt: skip

ONE_SENTENCE = """
Dell Inc. makes computers.
He runs Brown & Co. with his son.
Both Sen. Hill and Rep. Wood voted.
The ship of Adm. Perry and Maj. Lee sank.
They slept near Mt. Rainier and Ft. Worth.
Use Eq. 7 of Sec. 12 and Figs. 2 and 3.
The shop opens on Mon. Feb. 2 or Tue. Mar. 3.
Ask dept. 9, tel. 555, ext. 12.
It takes min. 5 and max. 10 minutes, as in para. 6.
Pets (eg. dogs), ie. animals, e.g. cats, i.e. friends.
It was Smith v. Jones vs. Brown.
Ed. Hughes met Gov. Reed and Gen. Cole.
Lt. Col. Ward, Capt. Roy, Sgt. Kim and Cpl. Fox came.
Rev. Young and Hon. Judge Black met Pres. Grant.
I saw Mr. Hall, Mrs. Hall, Ms. Dean and Dr. Moss.
Prof. West lives at 4 Elm St. near Park Ave. and Hill Rd. today.
Martin Luther King Jr. spoke.
We met on Wed. Jan. 7, Thu. Apr. 9, Fri. Aug. 8 and Sat. Sept. 5.
J. K. Rowling and C. S. Lewis wrote.
The U.S. Army and the U.N. Council met.
See no. 5, vol. 2, ch. 3, art. 4, pp. 5 and fig. 6.
Smith et al. wrote it.
Come at 9 a.m. sharp or 5 p.m. Eastern time.
"""
TWO_SENTENCES = """
Eat more vitamin D.|It is good for you.
They moved to the U.S.|She liked it.
I live at 12 High St.|His house is next door.
It belongs to Apple Inc.|They bought it.
Call me.|Tom can wait.
We start in May.|Nobody knows the day.
He said no.|Then he left.
It takes 5 min.|Tom waits.
Meet me at 5 p.m.|We eat then.
She came on Mon.|The shop was closed.
He has a Ph.D.|His wife has two.
So did I.|Tom did not.
This is plan B.|What is plan C?
It costs 3.|Take it.
"""


def cut(text, language, protected=()):
    return [text[slice(*span)] for span in split_sentences(text, language, protected)]


@pytest.mark.parametrize("language,text,expected", CUT)
def test_sentences_are_cut_where_a_reader_would(language, text, expected):
    assert cut(text, language) == expected


@pytest.mark.parametrize("text", ONE_SENTENCE.strip().split("\n"))
def test_no_sentence_is_cut_after_an_abbreviation(text):
    assert cut(text, "en") == [text]


@pytest.mark.parametrize("line", TWO_SENTENCES.strip().split("\n"))
def test_a_sentence_may_end_with_an_abbreviation_or_a_letter(line):
    assert cut(line.replace("|", " "), "en") == line.split("|")


def test_no_sentence_ends_in_a_protected_span_but_one_may_end_after_it():
    text = "Try `a. B` or Vue.js. It is 2.0. Yes."
    assert cut(text, "en", find_spans(text, None)) == [
        "Try `a. B` or Vue.js.",
        "It is 2.0.",
        "Yes.",
    ]
    assert cut("Go! Now. Yes.", "en", [Span(0, 8)]) == ["Go! Now.", "Yes."]


@given(texts, st.sampled_from(["en", "fr", "de", "ja", "xx"]))
def test_sentences_and_the_white_space_between_them_are_the_text(text, language):
    spans = split_sentences(text, language, ())
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)
    assert not any(text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True))


def parts_of(text, max_tokens, count, protected=()):
    spans = split_long(text, Span(0, len(text)), max_tokens, count, protected)
    return [text[slice(*span)] for span in spans]


def letters(text):
    """Counts tokens, where each letter is one."""
    return len("".join(text.split()))


@given(texts.map(lambda text: text * 4), st.integers(16, 40))
def test_a_long_sentence_is_cut_into_parts_of_at_most_so_many_tokens(text, most):
    text = text.strip()
    parts = parts_of(text, most, letters)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() for part in parts)
    assert letters(text) > most or parts == [text]
    for part in parts:
        assert letters(part) <= most or len(words(part)) == 1


def test_a_long_sentence_is_cut_after_a_clause_or_else_a_word():
    clauses = parts_of("one two, three four " * 99, 100, letters)
    assert {part[-1] for part in clauses[:-1]} == {","}
    assert {part[-1] for part in parts_of("我们昨天来，他走" * 300, 100, letters)[:-1]} == {"，"}
    assert {part[-4:] for part in parts_of("four " * 400, 99, letters)} == {"four"}
    assert len(parts_of("我们来走" * 300, 100, letters)) == 12


def test_parts_are_of_about_equal_length():
    for count in (101, 150, 199, 201, 290):
        parts = parts_of("abc " * count, 300, letters)
        lengths = [letters(part) for part in parts]
        assert max(lengths) <= 300 and min(lengths) > max(lengths) - 20
        assert len(parts) == -(-count // 100)


@pytest.mark.parametrize("sign", ["a\u0301\u0323", "👩\u200d💻", "👍🏽", "क्षि", "🇫🇷"])
def test_no_letter_and_no_emoji_is_torn(sign):
    for lead in range(6):
        parts = parts_of("b" * lead + sign * 800, 100, letters)
        assert len(parts) > 2
        assert all(part.startswith(("b", sign, "ष")) for part in parts)


def test_no_protected_span_is_torn_and_each_counts_as_one_token():
    text = "see " + "a/b c, " * 200
    protected = [Span(4 + 7 * n, 9 + 7 * n) for n in range(200)]
    parts = parts_of(text, 60, letters, protected)
    assert {part[:3] for part in parts[1:]} == {"a/b"}
    assert {part[-2:] for part in parts[:-1]} == {"c,"}
    assert all(part.count("a/b") <= 30 for part in parts) and len(parts) < 10


def test_a_part_has_at_most_as_many_protected_spans_as_there_are_symbols():
    text = "ab " * 100
    parts = parts_of(text, 10_000, letters, [Span(3 * n, 3 * n + 2) for n in range(100)])
    assert all(part.count("ab") <= 48 for part in parts) and len(parts) == 3


@pytest.mark.parametrize("text", ["A b. ", ".", "a. ", "3. Mai ", "。", "x, ", "Tom left. ", '." '])
def test_the_work_on_a_long_line_does_not_grow_with_the_square_of_its_length(text):
    """Each would take minutes if it did."""
    counted = []

    def count(piece):
        counted.append(len(piece))
        return len(piece)

    split_sentences(text * 20_000, "en", ())
    line = text * 2_000
    for language in ("en", "de"):
        for span in split_sentences(line, language, ()):
            split_long(line, span, 100, count, ())
    assert sum(counted) < 12 * len(line)


def translated(source, span, written, reason="eos"):
    """A sentence of the text `source` as if a search had returned it."""
    part = EditedText(source).slice(span)
    sentence = SourceSentence(source, part, (), part, "as written")
    return SentenceTranslation(sentence, EditedText(written), [4], [], -1.0, reason)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Le chat.", "Le chien."), "Le chat. Le chien."),
        (("猫。", "犬。"), "猫。犬。"),
        (("", "Le chien."), "Le chien."),
    ],
)
def test_sentences_without_gaps_have_one_where_the_translation_needs_it(texts, expected):
    spans = [Span(0, 4), Span(4, 8)]
    source = "我来了。我来了。"
    parts = [translated(source, *both) for both in zip(spans, texts, strict=True)]
    assert join(source, parts, None).text == expected


@pytest.mark.parametrize("word", ["http://x/" + "a" * 2000, "ABC" * 900])
def test_a_very_long_word_is_copied(model, word):
    [found] = regard.load(model).translate([word])
    assert (found.text, found.sentences) == (word, ())


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
    spans = [Span(0, 1), Span(2, 3)]
    parts = [
        translated("a a", span, "a", reason) for span, reason in zip(spans, endings, strict=True)
    ]
    assert join("a a", parts, None).finish_reason == ending


def test_a_line_of_sentences_is_translated_sentence_by_sentence(model):
    translator = regard.load(model)
    first, second, third = (one.source for one in examples(3, 4))
    alone = translator.translate([first, second, third])
    lines = translator.translate([f"{first} \u00a0 {second} ", "", third])
    assert lines[0].text == f"{alone[0].text} \u00a0 {alone[1].text} "
    assert [line.text for line in lines[1:]] == ["", alone[2].text]
    assert lines[0].log_prob == pytest.approx(alone[0].log_prob + alone[1].log_prob)
    weights = lines[0].weights
    assert weights.shape == (len(lines[0].tokens), len(lines[0].source_tokens))
    assert np.allclose(weights.sum(axis=1), 1.0)
    rows, columns = alone[0].weights.shape
    assert np.allclose(weights[:rows, :columns], alone[0].weights)
    assert not weights[:rows, columns:].any() and not weights[rows:, :columns].any()
