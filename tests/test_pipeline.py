"""The laws of the stages between a user's text and the model's: what is no language survives."""

import pickle
import re
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

import regard
from regard.config import TextOptions
from regard.errors import RegardError
from regard.lesson.corpus import examples
from regard.pipeline import MOST_PARTS, missing_numbers
from regard.second_search import WIDER, with_missing_copies
from regard.text.coverage import coverage_penalty, uncovered_stretches
from regard.text.spans import Span
from regard.translation import untranslated

SENTENCES = [example.source for example in examples(12, 7)]
WORDS = ["dog", "cat", "mouse", "sees"]
SPANS = [
    "https://example.org/a_(b)?x=1&y=2",
    "jane.roe@mail.example.com",
    "{name}",
    "%1$s",
    "{{ user }}",
    "$NAME$",
    "__count__",
    "v1.2.3",
    "2026-12-31",
    "17:45",
    "£20",
    "🐶",
    "👩\u200d👩\u200d👧",
    "Σοφία",
    "漢字",
    "`git status`",
    "<b>",
    "&amp;",
]
STAGES = list(TextOptions.__struct_fields__)


@pytest.fixture(scope="module")
def without_symbols(model):
    """The small model, whose training had no placeholders."""
    return regard.load(model, engine="onnx")


@pytest.fixture(scope="module")
def translator(without_symbols):
    """The same as if its training had taught the symbols: they stand in the source."""
    pipeline = replace(without_symbols.pipeline, has_trained_placeholders=True)
    return replace(without_symbols, pipeline=pipeline)


def with_options(translator, **options):
    return translator.with_text_options(TextOptions(**options))


lines = st.builds(
    lambda sentence, spans, random: " ".join(
        shuffled(random, [*sentence.split(), *dict.fromkeys(spans)])
    ),
    st.sampled_from(SENTENCES),
    st.lists(st.sampled_from(SPANS), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)


def shuffled(random, parts):
    random.shuffle(parts)
    return parts


@pytest.mark.parametrize("beam", [1, 3])
@settings(max_examples=15)
@given(texts=st.lists(lines, min_size=1, max_size=4))
def test_every_protected_span_is_in_the_translation_exactly_once(
    translator, without_symbols, beam, texts
):
    for one in (translator, without_symbols):
        quick = one.with_options(structs.replace(one.options, beam=beam))
        for text, found in zip(texts, quick.translate(texts), strict=True):
            for span in SPANS:
                if span in text.split():
                    assert found.text.count(span) == text.count(span), (text, found.text)


@given(st.lists(lines, min_size=1, max_size=3))
@settings(max_examples=15)
def test_a_copied_span_has_the_same_characters_on_both_sides(translator, texts):
    for text, found in zip(texts, translator.translate(texts), strict=True):
        for source, target in found.copied:
            assert text[slice(*source)] == found.text[slice(*target)]


def test_n_best_and_samples_and_prefixes_hold_the_spans_too(translator):
    from regard.search.sampling import Sampling

    text = f"{SENTENCES[0]} {{name}} 🐶"
    some = translator.n_best([text])[0] + translator.sample([text], Sampling())
    some += translator.translate_with_prefix([text], "Le")[0]
    assert len(some) > 2
    for found in some:
        assert found.text.count("{name}") == found.text.count("🐶") == 1


@pytest.mark.parametrize("line", ["7", "10:30", "--", "🙂", "{count}", "спасибо", "3 + 4 = 7", "…"])
def test_a_line_without_language_is_copied(translator, without_symbols, line):
    for one in (translator, without_symbols):
        [found] = one.translate([line])
        assert (found.text, found.sentences, found.warnings) == (line, (), [])


@pytest.mark.parametrize("layout", ["  {}", "\t{}\t", "- {}", "2) {} ", "> > {}", "## {}", "7\t{}"])
def test_layout_comes_back_as_it_was(translator, layout):
    plain, found = translator.translate([SENTENCES[1], layout.format(SENTENCES[1])])
    assert found.text == layout.format(plain.text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: re.sub("([a-z]{2})([a-z]{2})", "\\1\u00ad\\2", text),
        lambda text: f"\u200e{text}\u200f",
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", "   "),
    ],
)
def test_what_no_reader_sees_changes_nothing(translator, change):
    plain = [found.text for found in translator.translate(SENTENCES)]
    changed = [found.text for found in translator.translate(list(map(change, SENTENCES)))]
    assert changed == plain


def test_a_line_in_capitals_is_read_in_small_letters_and_written_in_capitals(translator):
    text = "The dog sees the cat."
    plain, found = translator.translate([text, text.upper()])
    assert found.sentences[0].source.text.text == text
    assert found.text == plain.text.upper()


def test_a_tokens_span_is_cut_from_the_users_own_text(translator):
    text = "  - THE DOG\u00ad SEES {name} AND THE CAT."
    [found] = translator.translate([text])
    pieces = [text[slice(*token.span)] for token in found.source_tokens]
    assert "{name}" in pieces
    shown = [piece.replace("\u00ad", "").strip() for piece in pieces]
    assert "".join(shown) == "THEDOGSEES{name}ANDTHECAT."
    assert "".join(found.text[slice(*token.span)] for token in found.tokens).replace(
        " ", ""
    ) == found.text.removeprefix("  - ").replace(" ", "")


def test_each_source_word_has_its_coverage(translator):
    for found in translator.translate(SENTENCES):
        assert len(found.coverage) == len(found.source_words)
        if found.finish_reason == "eos":
            weights = found.weights.max(axis=0)
            words = [weights[word.tokens].max() for word in found.source_words]
            assert found.coverage == pytest.approx(words, abs=1e-4)


def test_a_translation_keeps_its_warnings_and_spans_in_another_process(translator):
    [found] = translator.translate([f"{SENTENCES[0]} {{name}}"])
    copy = pickle.loads(pickle.dumps(found))
    assert (copy.warnings, copy.copied, copy.coverage) == (
        found.warnings,
        found.copied,
        found.coverage,
    )


@pytest.mark.parametrize("stage", ["layout", "normalization", "spans", "case"])
def test_each_stage_can_be_switched_off(translator, stage):
    line = {
        "layout": "- The dog sees the cat.",
        "normalization": "The\u00ad dog sees the cat.",
        "spans": "The {name} sees the cat.",
        "case": "THE DOG SEES THE CAT.",
    }[stage]
    read, raw = (
        one.pipeline.read(line)[0].text.text
        for one in (translator, with_options(translator, **{stage: False}))
    )
    assert read != raw


def test_a_regular_expression_protects_more(translator):
    [found] = translator.protecting("d[aeiou]g").translate(["The dog sees the cat."])
    assert found.text.count("dog") == 1
    with pytest.raises(RegardError, match="not a regular expression"):
        translator.protecting("(")


# What is searched again


@pytest.mark.parametrize(
    ("source", "target", "missing"),
    [
        ("In 1999 and 2001.", "En 1999 et 2001.", []),
        ("It costs 1,000.50.", "Cela coûte 1 000,50.", []),
        ("3 cats and 3 dogs", "3 chats et des chiens", ["3"]),
        ("Room 12", "Chambre 21", ["12"]),
        ("No number", "Aucun 7", []),
    ],
)
def test_numbers_whose_digits_are_missing_are_known(source, target, missing):
    assert [source[slice(*span)] for span in missing_numbers(source, target)] == missing


class Ending:
    """A translator whose translations all have the same end."""

    def __init__(self, translator, finish_reason):
        self.translator, self.finish_reason = translator, finish_reason

    def __getattr__(self, name):
        return getattr(self.translator, name)

    def best_of(self, sentences):
        best = self.translator.best_of(sentences)
        return [part._replace(finish_reason=self.finish_reason) for part in best]


def test_a_number_that_is_missing_is_searched_again_as_a_span(translator):
    first = Ending(translator, "eos").best_of(
        translator.pipeline.read("The 4711 dogs see the cat.")
    )
    assert "4711" not in first[0].text.text
    [again] = with_missing_copies(Ending(translator, "eos"), first)
    assert again.text.text.count("4711") == 1
    assert with_missing_copies(Ending(translator, "length"), first) == first


def test_a_stretch_without_attention_is_known(translator):
    text = " ".join(["The dog sees the cat and the mouse"] * 2)
    tokens = translator.source.tokens(text)
    skipped = Span(text.index("cat and"), text.index("cat and") + 26)
    weights = [0.0 if skipped.start <= token.span.start < skipped.end else 1.0 for token in tokens]
    [stretch] = uncovered_stretches(translator.source, text, [*weights, 1.0])
    assert stretch.start <= skipped.start and skipped.end <= stretch.end
    assert not uncovered_stretches(translator.source, text, [1.0] * (len(tokens) + 1))


def test_a_sentence_that_attention_skipped_is_searched_again_with_a_wider_beam(
    translator, monkeypatch
):
    text = "The dog sees the cat, and the mouse sees the dog, and the cat sees the mouse."
    [first] = with_options(translator, coverage=False).translate([text])
    [wide] = translator.beam_of(translator.pipeline.read(text), WIDER * translator.options.beam)
    assert len(wide) > translator.options.beam
    other = next(one for one in reversed(wide) if one.text.text not in ("", first.text))

    def prefer_the_other(coverage):
        return 0.0 if coverage == pytest.approx(other.coverage) else -1e6

    monkeypatch.setattr("regard.second_search.coverage_penalty", prefer_the_other)
    monkeypatch.setattr("regard.second_search.has_all", lambda _: (True, True))
    monkeypatch.setattr("regard.second_search.untranslated", lambda *_: [])
    assert translator.translate([text])[0].text == first.text
    monkeypatch.setattr("regard.second_search.untranslated", lambda *_: [Span(0, 3)])
    [again] = translator.translate([text])
    assert again.text == other.text.text


def test_a_list_without_sentences_is_searched_greedily_and_the_sentence_before_it_is_not(
    translator,
):
    translator = with_options(translator, coverage=False)
    random = Random(1)
    assert translator.options.beam > 1
    for words, is_run_on in ((60, False), (500, True)):
        listed = " ".join(random.choices(WORDS, k=words))
        [whole] = translator.translate([f"{SENTENCES[0]} The {listed}"])
        assert (len(whole.sentences) > 1 + MOST_PARTS) == is_run_on
        assert [one.source.is_run_on for one in whole.sentences] == (
            [False] + [is_run_on] * (len(whole.sentences) - 1)
        )
        by_beam, greedily = (
            [
                one.search_distinct([part.source], one.search(1))[0][0].ids
                for part in whole.sentences
            ]
            for one in (translator, translator.with_beam(1))
        )
        expected = [by_beam[0], *(greedily if is_run_on else by_beam)[1:]]
        assert [part.ids for part in whole.sentences] == expected
        assert by_beam[1:] != greedily[1:]


coverages = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(coverages, st.data())
def test_skipping_a_word_makes_a_translation_worse_and_attending_enough_does_not(weights, data):
    index = data.draw(st.integers(0, len(weights) - 1))
    without, enough = ([*weights[:index], weight, *weights[index + 1 :]] for weight in (0.0, 0.31))
    lowest, own, highest = map(coverage_penalty, (without, weights, enough))
    assert lowest <= own <= highest <= 0.0
    assert lowest < highest
    assert coverage_penalty([0.31] * len(weights)) == 0.0


def test_without_attention_nothing_is_said_of_coverage(translator):
    [found] = translator.translate([SENTENCES[0]])
    part = found.sentences[0]._replace(coverage=())
    assert not untranslated(translator, part)
    assert replace(found, sentences=(part,)).coverage == []


@given(st.sampled_from(SENTENCES), st.sets(st.sampled_from(WORDS), min_size=1))
@settings(max_examples=25)
def test_protected_words_are_copied_as_often_as_they_are_in_the_source(translator, text, words):
    protecting = translator.protecting(rf"\b(?:{'|'.join(sorted(words))})\b")
    [found] = protecting.translate([text])
    [symbols] = protecting.translate_sentences([text])
    spans = [match.span() for match in protecting.pipeline.protected.finditer(text)]
    for one in (found, symbols):
        assert [span.source for span in one.copied] == spans
        targets = {target for _, target in one.copied}
        assert len(targets) == len(spans)
        for source, target in one.copied:
            assert one.text[slice(*target)] == text[slice(*source)]


SIGNS = [
    "- ",
    "1) ",
    "“",
    "”",
    "(",
    "\t",
    " | ",
    "Mr.",
    "e.g.",
    "\xa0",
    "\ufeff",
    "!",
    " ",
    "THE CAT.",
]


@given(
    st.lists(st.sampled_from([*SENTENCES, *SPANS, *SIGNS]), min_size=2, max_size=14),
    st.integers(1, 80),
)
@settings(max_examples=40)
def test_the_translations_of_the_parts_of_a_line_are_that_of_the_line(
    translator, without_symbols, words, characters
):
    text = " ".join(words)
    for own in (translator, without_symbols):
        parts = own.pipeline.divide(text, characters)
        assert parts[0].start == 0 and parts[-1].end == len(text)
        texts = [text[slice(*part)] for part in parts]
        gaps = [text[one.end : other.start] for one, other in pairwise(parts)]
        assert all(gap.isspace() for gap in gaps)
        joined = "".join(
            one.text + gap for one, gap in zip(own.translate(texts), [*gaps, ""], strict=True)
        )
        assert joined == own.translate([text])[0].text


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_long_line_has_parts_of_about_the_length_that_is_asked_for(translator, change):
    line = change(" ".join(SENTENCES * 20))
    parts = translator.pipeline.divide(line, 300)
    assert len(parts) > 10
    for part in parts[:-1]:
        assert 300 <= part.end - part.start < 300 + max(map(len, SENTENCES))
    assert translator.pipeline.divide("A.\x1f" * 500, 300) == [Span(0, 1500)], "no white space"
