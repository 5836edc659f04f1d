"""The laws of what is not translated: found whole, and alone."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.edits import EditedText
from regard.text.normalize import normalize
from regard.text.placeholders import (
    PLACEHOLDER,
    close_up,
    find_spans,
    foreign_spans,
    is_translatable,
    protect,
)
from regard.text.spans import Span, merge_spans


def ascii_known(character):
    return character <= "\x7f"


def latin_known(character):
    return character < "\u0250" or character in "–—“”’…€"


def cut(text, spans):
    return [text[slice(*span)] for span in spans]


VERBATIM = [
    ("Nos 18, 41 €855 and 35 $NAME$ of 9 $5.", ["€855", "$NAME$", "$5"]),
    ("Over 300 ${path} or 30 $(pwd) of 3 $ (net).", ["${path}", "$(pwd)", "3 $"]),
    ("Add EUR 17/01/2016 and 100 $US, or €5/month.", ["17/01/2016", "100 $", "€5"]),
    ("(as in https://q.org/a_(b)).", ["https://q.org/a_(b)"]),
    ("Try www.q.org, or docs.example.com/faq!", ["www.q.org", "docs.example.com/faq"]),
    ("Is it http://a.b/c?d=e&f=g#h?", ["http://a.b/c?d=e&f=g#h"]),
    ("Write to ann.lee+x@mail.example.co.uk.", ["ann.lee+x@mail.example.co.uk"]),
    ("See /var/log, ~/.bashrc, ../x/y.txt.", ["/var/log", "~/.bashrc", "../x/y.txt"]),
    (r"Copy C:\Data\y.txt to D:\.", [r"C:\Data\y.txt", "D:\\"]),
    ("Read notes.md, src/main.py and .env.", ["notes.md", "src/main.py", ".env"]),
    ("Vue.js is small. Makefile is not.", ["Vue.js", "Makefile"]),
    ("Run `make all` twice.", ["`make all`"]),
    ("Ask @ann_lee, see #17.", ["@ann_lee", "#17"]),
    ("Box 7c, form B52, code 9f-00ab-c1.", ["7c", "B52", "9f-00ab-c1"]),
    ("Use ISO-8859-15 or UTF-8.", ["ISO-8859-15", "UTF-8"]),
    (
        "Job 123e4567-e89b-12d3-a456-426614174000 failed.",
        ["123e4567-e89b-12d3-a456-426614174000"],
    ),
    ("From 1.22.3 to v2.0 or 3.0.0-rc.1.", ["1.22.3", "v2.0", "3.0.0-rc.1"]),
    ("On 2025-01-31, 31/01/2025 or 31.1.2025.", ["2025-01-31", "31/01/2025", "31.1.2025"]),
    ("At 08:15 or 4:30 p.m. today.", ["08:15", "4:30"]),
    ("Call 0456 789 012 or +44 20 7946 0958.", ["0456 789 012", "+44 20 7946 0958"]),
    ("Call (555) 010-4567 or 555-010-4567.", ["(555) 010-4567", "555-010-4567"]),
    ("It was 25 €, £30, $2,000.75 or 40 000 €.", ["25 €", "£30", "$2,000.75", "40 000 €"]),
    ("Pay 5 USD or EUR 7.", ["5 USD", "EUR 7"]),
    ("File 2025-0077 has max_size and fontSize.", ["2025-0077", "max_size", "fontSize"]),
    ("Add --force or call run().", ["--force", "run()"]),
    ("Dear {user}, {0}:", ["{user}", "{0}"]),
    ("{{ n }} of %s, %2$s and %(k)d.", ["{{ n }}", "%s", "%2$s", "%(k)d"]),
    ("%-8.3f is 90%% of %path%.", ["%-8.3f", "%%", "%path%"]),
    ("${n} or $2 or $USER$ or __n__", ["${n}", "$2", "$USER$", "__n__"]),
    ("I'd say :count here.", [":count"]),
    ("{k, plural, one {# cat} other {# cats}} sat.", None),
    ("{k, number} on {1, date, long}.", ["{k, number}", "{1, date, long}"]),
    ("<i>It</i> is <a href='y.html'>here</a>.", ["<i>", "</i>", "<a href='y.html'>", "</a>"]),
    ("One<br/>two <!-- three --> &amp; four", ["<br/>", "<!-- three -->", "&amp;"]),
    ("I 🙂 at 👍🏽 and 👩\u200d💻 of 🇫🇷 or 1\ufe0f\u20e3.", None),
    ("x" * 70 + " is long", ["x" * 70]),
]
LANGUAGE = [
    "We gave 100% sure 50% of 3 cats, 3.14 dogs and 1,000 mice in 2020.",
    "a:b Note: x and/or he/she, U.S. e.g. p.m. i.e. 24/7 or 1/2",
    "Mr.Smith came to the end.The next dog.You ate.it was",
    "The 1st, 2nd, 21st, 1990s, 5pm, 10am; le 1er et le 2e, la 1ère.",
    "a 4-year-old from the mid-1990s, twenty-one, 5-3, 20-year",
    "The well-known T-shirt, Dr. A. Smith, Ph.D., B.C., AT&T and R&D",
    "He said -- well, no -- that. He left--then came... what? No...what?",
    "You & me < you > me; if a < b and c > d: 3 + 4 = 7",
    "It is 20 °C and 5 km, from 10 to 12.",
    "don't O'Neil McDonald YouTube, 1,000,000 or 1.000.000 or 10 000 000",
    "Question 1) and 2). (3) :) :-) ;) Section 2.1",
]


@pytest.mark.parametrize(("text", "expected"), VERBATIM)
def test_what_is_no_language_is_a_span(text, expected):
    spans = cut(text, find_spans(text, None))
    if "plural" in text:
        expected = ["{k, plural, one {", "#", "} other {", "#", "}}"]
    if "🙂" in text:
        expected = ["🙂", "👍🏽", "👩\u200d💻", "🇫🇷", "1\ufe0f\u20e3"]
    assert spans == expected


@pytest.mark.parametrize("text", LANGUAGE)
def test_what_is_language_is_no_span(text):
    assert find_spans(text, None) == []


letters = st.text(string.ascii_lowercase, min_size=2, max_size=8)
digits = st.integers(0, 9).map(str)
numbers = st.integers(1, 999).map(str)
FAMILIES = {
    "URL": st.builds("https://{}.{}/{}?{}={}".format, letters, letters, letters, letters, numbers),
    "domain": st.builds("{}.com/{}".format, letters, letters),
    "e-mail": st.builds("{}.{}@{}.org".format, letters, letters, letters),
    "path": st.builds("/{}/{}.{}".format, letters, letters, letters),
    "version": st.builds("{}.{}.{}".format, digits, digits, numbers),
    "date": st.dates().map(str),
    "time": st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
    "amount": st.builds("{} {}".format, numbers, st.sampled_from("€£$¥")),
    "telephone": st.builds("+{} {}{} {}{} {}{}".format, numbers, *[digits] * 6),
    "code": st.builds("{}{}-{}{}".format, numbers, letters, letters, numbers),
    "braces": st.builds("{}{}{}".format, st.sampled_from(["{", "${"]), letters, st.just("}")),
    "percent": st.builds("%{}{}".format, st.sampled_from(["", "1$", "2$"]), st.sampled_from("sd")),
    "tag": st.builds('<{} {}="{}">'.format, letters, letters, letters),
    "entity": st.sampled_from(["&amp;", "&lt;", "&copy;"]),
    "handle": st.builds("@{}_{}".format, letters, letters),
    "requirement": st.builds(
        "{}{}{}.{}".format,
        letters,
        st.sampled_from(["=", "==", ">=", "<=", "~=", "!="]),
        digits,
        digits,
    ),
    "snake": st.builds("{}_{}".format, letters, letters),
    "option": st.builds("--{}-{}".format, letters, letters),
    "emoji": st.sampled_from(["🙂", "🙏🏽", "❤\ufe0f", "🇩🇪", "👨\u200d👩\u200d👧"]),
}
words = st.lists(letters, min_size=1, max_size=3).map(" ".join)


@pytest.mark.parametrize("family", FAMILIES)
@given(st.data())
def test_a_span_of_any_family_stands_out_from_any_sentence(family, data):
    span = data.draw(FAMILIES[family])
    before, after = data.draw(words), data.draw(words)
    end = data.draw(st.sampled_from([" ", ", ", ". ", "! ", ") ", '" ']))
    text = f"{before} {span}{end}{after}"
    assert cut(text, find_spans(text, None)) == [span]


odd = st.lists(
    st.sampled_from([*"{}%$<>&:/\\@#`()", "--"])
    | letters
    | st.sampled_from([" ", "1", "2.", "é", "🙂", "日本", "_", "A"])
).map("".join)  # fmt: skip


@given(odd)
def test_spans_are_in_order_apart_and_not_empty(text):
    for spans in (find_spans(text, None), foreign_spans(text, "Latn", ascii_known)):
        ends = [0, *(span.end for span in spans)]
        assert all(end <= span.start < span.end for end, span in zip(ends, spans, strict=False))


def test_a_pattern_of_the_users_own_adds_spans():
    text = "Ask Regard Inc. about Regard 3.0.1."
    own = re.compile("Regard( Inc.)?")
    assert cut(text, find_spans(text, own)) == ["Regard Inc.", "Regard", "3.0.1"]
    assert find_spans("none here", re.compile("x*")) == []


def test_many_spans_in_a_row_are_one():
    assert cut("See {a} {b}, {c} {d} now.", find_spans("See {a} {b}, {c} {d} now.", None)) == [
        "{a}", "{b}", "{c}", "{d}"
    ]  # fmt: skip
    text = "See {a} {b}, {c} {d}; {e} or {f}."
    assert cut(text, find_spans(text, None)) == ["{a} {b}, {c} {d}; {e}", "{f}"]


FOREIGN = [
    ("Latn", "She is Ελένη Παπαδάκη from Rome.", ["Ελένη Παπαδάκη"]),
    ("Latn", "The door says 入口 there.", ["入口"]),
    ("Latn", "привет", ["привет"]),
    ("Latn", "Łódź is in Polska, déjà vu — “yes”.", ["Łódź"]),
    ("Latn", "हिन्दी is a language, می\u200cخواهم too.", ["हिन्दी", "می\u200cخواهم"]),
    ("Latn", "five ☃★ stars → here", ["☃★", "→"]),
    ("Latn", "an m² and a ½", ["m²", "½"]),
    ("Latn", "the cat sat", []),
    ("Cyrl", "Это Windows и Mac OS, да.", ["Windows", "Mac OS"]),
    ("Jpan", "これはiPhoneとMac OSです。", ["iPhone", "Mac OS"]),
    ("Grek", "Η Apple είναι εδώ", ["Apple"]),
    ("", "привет, my friend", ["привет"]),
    ("Zzzz", "the cat", []),
]


@pytest.mark.parametrize(("script", "text", "expected"), FOREIGN)
def test_words_of_other_scripts_and_unknown_signs_are_spans(script, text, expected):
    extra = {"Cyrl": "[а-яё]", "Jpan": "[\u3000-\u30ff\u4e00-\u9fff]", "Grek": "[\u0370-\u03ff]"}

    def known(character):
        if script in extra:
            return ascii_known(character) or re.match(extra[script], character, re.I) is not None
        return latin_known(character) and character not in "Łź²½"

    assert cut(text, foreign_spans(text, script, known)) == expected


def test_a_word_around_a_sign_that_the_vocabulary_lacks_is_one_span():
    def known(character):
        return character not in "&=*"

    text = "R&D is A=B1, not A & B or end*."
    assert cut(text, foreign_spans(text, "Latn", known)) == ["R&D", "A=B1", "&", "*"]
    assert cut("東京&大阪", foreign_spans("東京&大阪", "Jpan", lambda sign: sign != "&")) == ["&"]


def test_a_word_with_a_letter_that_the_vocabulary_lacks_is_a_span_and_no_other_word():
    text = "l'été à Kraków"
    assert cut(text, foreign_spans(text, "Latn", ascii_known)) == ["été à Kraków"]
    assert foreign_spans(text, "Latn", latin_known) == []


spans_of = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda pair: Span(pair[0], sum(pair)))
)


@given(spans_of, spans_of)
def test_merged_spans_cover_what_all_lists_cover_without_overlap(first, second):
    merged = merge_spans(first, second)
    covered = {index for span in first + second for index in range(*span)}
    assert sorted(covered) == [index for span in merged for index in range(*span)]
    assert all(any(a.start <= b.start < a.end for a in merged) for b in first + second)


@pytest.mark.parametrize("line", ["3 + 4 = 7", "--", "{count}", "🙂", "1999", "", "2.1.4 %s!"])
def test_a_line_without_a_letter_outside_of_spans_is_not_translatable(line):
    assert not is_translatable(line, find_spans(line, None))
    assert is_translatable(f"{line} a", find_spans(line, None))


@given(st.lists(st.tuples(words, FAMILIES["braces"] | FAMILIES["version"]), max_size=8))
def test_each_span_is_one_symbol_and_leads_to_what_the_user_wrote(parts):
    typed = "  " + "  ".join(f"{text} {span}" for text, span in parts)
    text = normalize(typed)
    protected = protect(text, find_spans(text.text, None))
    assert cut(typed, protected.originals) == [span for _, span in parts]
    assert [c for c in protected.text.text if c in PLACEHOLDER_SYMBOLS] == list(
        PLACEHOLDER_SYMBOLS[: len(parts)]
    )
    for symbol, original in zip(PLACEHOLDER_SYMBOLS, protected.originals, strict=False):
        index = protected.text.text.index(symbol)
        assert protected.text.original(Span(index, index + 1)) == original


@given(
    st.lists(words | FAMILIES["braces"] | st.sampled_from([" ", "-", "<b>", "日本"]), max_size=8)
)
def test_spaces_beside_symbols_are_taken_out_where_a_letter_was_beside_the_span(parts):
    text = "".join(parts)
    spans = find_spans(text, None)
    read = protect(EditedText(text), spans).text
    assert not re.search(
        rf"[^\W_]{PLACEHOLDER.pattern}|{PLACEHOLDER.pattern}[^\W_]", ascii_of(read.text)
    )
    copies = dict(zip(PLACEHOLDER_SYMBOLS, cut(text, spans), strict=False))
    closed = close_up(read, text, spans).sub(PLACEHOLDER, lambda match: copies[match[0]])
    assert closed.text == text


def ascii_of(text):
    """With a sign for each letter of a script without spaces, beside which there need be none."""
    return re.sub("[日本]", "-", text)


def test_a_text_has_at_most_as_many_spans_as_there_are_symbols():
    spans = [Span(index, index + 1) for index in range(48)]
    assert len(protect(EditedText("x" * 60), spans).originals) == 48
    with pytest.raises(ValueError, match="argument"):
        protect(EditedText("x" * 60), [*spans, Span(48, 49)])
