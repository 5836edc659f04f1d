"""Scores equal those of sacreBLEU and of the papers, and say how they were computed."""

import html
import sys
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from regard.errors import RegardError
from regard.evaluation import CONVENTIONS, bleu, by_length, measure, significance
from regard.evaluation.length import bucket_members, merge_small
from regard.evaluation.significance import (
    METHODS,
    METRICS,
    by_randomization,
    count_statistics,
    differences,
    tail_probability,
)
from regard.evaluation.statistics import (
    bleu_counts,
    bleu_of,
    chrf_counts,
    chrf_of,
    exact_bleu,
    interval,
    resample,
)
from regard.lesson.corpus import examples
from regard.text.spans import words

MULTI30K = Path(__file__).parents[1].parent / "shared" / "data" / "multi30k"

FRENCH = [
    "Un homme en orange regarde quelque chose au loin.",
    "Deux enfants jouent dans l'herbe, près d'un chien noir.",
    "Une femme lit un livre sur un banc du parc.",
]
ANOTHER = [
    "Un homme en rouge regarde quelque chose.",
    "Deux enfants jouent dans l'eau, près d'un grand chien noir.",
    "Une femme lit un journal sur un banc du parc.",
]

# language, raw, prepared
PREPARED = [
    ("fr", "L’homme a 3,5 litres.", "l' homme a 3,5 litres ."),
    ("fr", "« Où va-t-elle ? » dit-il…", '" où va-t-elle ? " dit-il ...'),
    ("de", "Der „Hund“ läuft (schnell).", 'der " hund " läuft ( schnell ) .'),
    ("de", "Ein T-Shirt & eine Mütze", "ein t-shirt & eine mütze"),
    ("de", "Die Str. Ist leer.", "die str. ist leer ."),  # an abbreviation only in lower case
    ("de", "Um 7\u00a0000 Leute", "um 7,000 leute"),  # in English 7.000
    ("fr", "", ""),
]


def lines(name: str) -> list[str]:
    file = MULTI30K / name
    if not file.exists():
        pytest.skip(f"the Multi30k data are not on this machine: {file}")
    return file.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("language", ["fr", "de"])
def test_raw_references_prepared_are_the_files_that_the_published_figures_use(language):
    published = [html.unescape(line) for line in lines(f"test_2016_flickr.lc.norm.tok.{language}")]
    ours = CONVENTIONS["multi30k"].prepare(lines(f"test_2016_flickr.{language}"), language)
    identical = sum(a == b for a, b in zip(ours, published, strict=True)) / len(ours)
    score = BLEU(tokenize="none", force=True).corpus_score(ours, [published]).score
    print(f"{language}: {identical:.1%} of the lines are identical, BLEU {score:.3f}")
    assert score >= 99.9
    assert identical >= 0.99


@pytest.mark.parametrize(("language", "raw", "prepared"), PREPARED)
def test_multi30k_text_is_lower_cased_then_normalised_then_tokenised(language, raw, prepared):
    assert CONVENTIONS["multi30k"].prepare([raw], language) == [prepared]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_perfect_translation_scores_100_bleu_100_chrf_and_0_ter(convention):
    result = {quality.name: quality.value for quality in measure(FRENCH, FRENCH, "fr", convention)}
    assert result == pytest.approx({"BLEU": 100.0, "chrF2": 100.0, "TER": 0.0})


def test_bleu_is_that_of_papineni_by_hand():
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 fours, equally long
    by_hand = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert bleu(["a b c d x f"], ["a b c d e f"], "en") == pytest.approx(by_hand)


def test_ter_is_edits_in_a_hundred_reference_words_by_hand():
    ter = measure(["a b c d x f"], ["a b c d e f"], "en", "sacrebleu")[2]
    assert ter.value == pytest.approx(100 / 6)


def test_the_quick_bleu_is_the_measured_bleu():
    assert bleu(ANOTHER, FRENCH, "fr") == measure(ANOTHER, FRENCH, "fr", "sacrebleu")[0].value


def test_a_signature_tells_the_version_and_the_tokeniser():
    for convention, tokenizer in [("sacrebleu", "13a"), ("multi30k", "none")]:
        result = {quality.name: quality for quality in measure(ANOTHER, FRENCH, "fr", convention)}
        assert f"|tok:{tokenizer}|" in result["BLEU"].signature
        assert all(f"version:{sacrebleu.__version__}" in q.signature for q in result.values())
        fronts = {q.signature.startswith("convention:multi30k|nrefs:1|") for q in result.values()}
        assert fronts == {convention == "multi30k"}


def test_a_signature_tells_whether_capitals_count():
    for convention, case in [("sacrebleu", "mixed"), ("multi30k", "lc")]:
        signatures = [quality.signature for quality in measure(FRENCH, FRENCH, "fr", convention)]
        assert f"|case:{case}|" in signatures[0]
        assert f"|case:{case}|" in signatures[1]
        assert "|case:lc|" in signatures[2]


UNSPACED = {
    "今日はとてもいい天気です。": ["ja", "jpn", "jpn_Jpan", "ja-JP"],
    "今天天气很好，我们去公园吧。": [
        "zh",
        "zho_Hans",
        "zh-Hant-TW",
        "cmn",
        "yue",
        "zh_CN",
        "yue_Hant",
    ],
    "오늘은 날씨가 아주 좋습니다.": ["ko", "kor_Hang", "ko-KR"],
    "วันนี้อากาศดีมาก": ["th", "tha_Thai"],
    "ມື້ນີ້ອາກາດດີຫຼາຍ": ["lo", "lao_Laoo"],
    "ថ្ងៃនេះអាកាសធាតុល្អណាស់": ["km", "khm_Khmr"],
    "ဒီနေ့ရာသီဥတုသာယာတယ်။": ["my", "mya_Mymr"],
    "དེ་རིང་གནམ་གཤིས་ཡག་པོ་འདུག": ["bo", "bod_Tibt"],
}
"""A sentence, and codes of the language that it is in."""
CODED = [(text, code) for text, codes in UNSPACED.items() for code in codes]


@pytest.mark.parametrize(("text", "code"), CODED, ids=[code for _, code in CODED])
def test_a_script_without_word_spaces_is_cut_by_characters_whatever_the_form_of_its_code(
    text, code
):
    equal = {one.name: one.value for one in measure([text], [text], code, "sacrebleu")}
    assert equal == pytest.approx({"BLEU": 100.0, "chrF2": 100.0, "TER": 0.0})
    quality, _, ter = measure([text[:-3]], [text], code, "sacrebleu")
    assert f"|tok:{'zh' if '今天' in text else 'char'}|" in quality.signature
    assert "|norm:yes|" in ter.signature and "|asian:yes" in ter.signature
    assert 0 < quality.value < 100
    assert bleu([text[:-3]], [text], code) == quality.value
    if "今" in text:  # sacreBLEU's TER splits Chinese characters alone
        assert 0 < ter.value < 100


@pytest.mark.parametrize("code", ["fr", "FR", "fra_Latn", "fr-CA", "xx", "srp_Cyrl"])
def test_a_script_with_word_spaces_is_scored_by_words(code):
    quality, _, ter = measure(FRENCH, FRENCH, code, "sacrebleu")
    assert "|tok:13a|" in quality.signature and "|norm:no|" in ter.signature
    assert (quality.value, ter.value) == (pytest.approx(100.0), 0.0)


@pytest.mark.parametrize("language", ["zh-CN", "zh_Hans", "ja-JP", "fr-CA", "ko_Kore"])
@pytest.mark.parametrize("convention", ["sacrebleu", "multi30k"])
def test_a_region_or_a_script_is_no_other_language(language, convention):
    said, wanted = ["猫坐在垫子上。 l'homme"], ["猫坐在那个垫子上。 l'homme"]
    plain = measure(said, wanted, language[:2], convention)
    assert measure(said, wanted, language, convention) == plain


def test_lower_casing_changes_nothing_under_multi30k_but_does_under_sacrebleu():
    lower = [text.lower() for text in ANOTHER]
    assert measure(lower, FRENCH, "fr", "multi30k") == measure(ANOTHER, FRENCH, "fr", "multi30k")
    cased, uncased = (measure(texts, FRENCH, "fr", "sacrebleu") for texts in (ANOTHER, lower))
    assert uncased[0].value < cased[0].value
    assert uncased[1].value < cased[1].value


def test_a_tokenised_full_stop_brings_no_warning(caplog):
    tokenised = ["un homme court ."] * 200
    measure(tokenised, tokenised, "fr", "multi30k")
    bleu(tokenised, tokenised, "fr")
    assert not caplog.records


def test_an_empty_translation_scores_nothing_and_breaks_nothing():
    result = measure(["", ""], FRENCH[:2], "fr", "multi30k")
    assert [round(quality.value, 6) for quality in result] == [0.0, 0.0, 100.0]


SOURCES = ["", "A dog.", "A man runs.", "Two men run fast today.", "One two three four five six."]


@pytest.mark.parametrize("edges", [(), (3,), (2, 4, 6), (6, 2, 4, 4), (100,), (7,)])
def test_buckets_add_up_to_all_sentences(edges):
    texts = [f"phrase numéro {number} de ce texte" for number in range(len(SOURCES))]
    buckets = by_length(SOURCES, texts, texts, "fr", edges)
    assert sum(bucket.sentences for bucket in buckets) == len(SOURCES)
    assert all(bucket.bleu == pytest.approx(100) for bucket in buckets)
    assert all(before.last < after.first for before, after in pairwise(buckets))


def test_a_bucket_holds_the_sources_up_to_its_edge_and_no_bucket_is_empty():
    wrong = ["phrase numéro un de ce texte"] * 2 + ["rien"] * 3
    right = ["phrase numéro un de ce texte"] * 5
    buckets = by_length(SOURCES, wrong, right, "fr", (3, 5, 6))
    # words, the full stop among them: 0, 3, 4, 6, 7
    assert [bucket[:3] for bucket in buckets] == [(0, 3, 2), (4, 5, 1), (6, 6, 1), (7, 7, 1)]
    assert [round(bucket.bleu) for bucket in buckets] == [100, 0, 0, 0]
    assert [bucket[:3] for bucket in by_length(SOURCES, wrong, right, "fr", (1, 2, 50))] == [
        (0, 1, 1),
        (3, 50, 4),
    ]


def test_one_bucket_of_all_is_the_bleu_of_all():
    (bucket,) = by_length(ANOTHER, ANOTHER, FRENCH, "fr", ())
    assert bucket.bleu == bleu(ANOTHER, FRENCH, "fr")


@pytest.mark.parametrize(
    "score",
    [
        lambda: measure(FRENCH, FRENCH[:2], "fr", "multi30k"),
        lambda: bleu(FRENCH, FRENCH[:2], "fr"),
        lambda: by_length(FRENCH, FRENCH, FRENCH[:2], "fr", (3,)),
        lambda: by_length(FRENCH[:2], FRENCH, FRENCH, "fr", (3,)),
    ],
)
def test_differing_numbers_of_lines_are_refused_and_told(score):
    with pytest.raises(RegardError, match="the numbers of lines differ") as caught:
        score()
    assert "translations (3 lines)" in str(caught.value)
    assert "(2 lines)" in caught.value.where


@pytest.mark.parametrize(
    "score",
    [
        lambda: measure([], [], "fr", "sacrebleu"),
        lambda: bleu([], [], "fr"),
        lambda: by_length([], [], [], "fr", (3,)),
    ],
)
def test_nothing_to_score_is_refused(score):
    with pytest.raises(RegardError, match="there is nothing to score"):
        score()


def test_an_unknown_convention_is_refused_and_the_nearest_told():
    with pytest.raises(RegardError) as caught:
        measure(FRENCH, FRENCH, "fr", "multi3k")
    assert str(caught.value) == (
        "there is no convention 'multi3k'\n"
        "  where: the scoring convention\n"
        "  to do: did you mean 'multi30k'?"
    )


@pytest.mark.parametrize("missing", ["sacrebleu.metrics", "sacremoses"])
def test_what_is_not_installed_is_named_with_the_way_to_install_it(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(RegardError) as caught:
        measure(FRENCH, FRENCH, "fr", "multi30k")
    assert str(caught.value) == (
        f"evaluating needs {missing}, which is not installed\n"
        "  where: this Python\n"
        "  to do: in the folder of regard's source: pip install '.[train]'"
    )


PHRASES = st.lists(
    st.tuples(*(st.lists(st.sampled_from(["a", "b", "c", "d", "."]), max_size=9),) * 2),
    min_size=1,
    max_size=6,
)


@given(PHRASES)
def test_our_counts_added_up_give_sacrebleus_score(phrases):
    hypotheses, wanted = ([" ".join(pair[side]) for pair in phrases] for side in (0, 1))
    counts = bleu_counts(hypotheses, wanted, "fr")
    score = bleu(hypotheses, wanted, "fr")
    assert exact_bleu(counts) == score
    np.testing.assert_allclose(bleu_of(counts.sum(axis=0, keepdims=True)), [score], rtol=1e-12)
    chrf = sacrebleu.metrics.CHRF().corpus_score(hypotheses, [wanted]).score
    sums = chrf_counts(hypotheses, wanted, "fr").sum(axis=0, keepdims=True)
    np.testing.assert_allclose(chrf_of(sums), [chrf], rtol=1e-12)


def test_the_chrf_of_each_sentence_is_that_of_sacrebleu():
    scorer = sacrebleu.metrics.CHRF()
    hypotheses = noisy(LESSON, 1, 0.3)
    expected = [
        scorer.sentence_score(hypothesis, [reference]).score
        for hypothesis, reference in zip(hypotheses, LESSON, strict=True)
    ]
    scores = chrf_of(chrf_counts(hypotheses, LESSON, "fr"))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def noisy(texts, seed, share):
    """The texts without a share of their words."""
    random = np.random.default_rng(seed)
    return [" ".join(w for w in text.split() if random.random() >= share) for text in texts]


LESSON = [one.target for one in examples(400, seed=3)]


def width(sentences):
    counts = bleu_counts(noisy(LESSON, 1, 0.2)[:sentences], LESSON[:sentences], "fr")
    low, high = interval(resample([counts], bleu_of)[0], exact_bleu(counts))
    assert low <= exact_bleu(counts) <= high
    return high - low


def test_an_interval_holds_the_score_and_shrinks_with_more_sentences():
    assert width(25) > width(100) > width(400) > 0
    # four times the sentences, half the width, as errors of means go
    assert 0.35 < width(400) / width(100) < 0.7


def test_a_bootstrap_draws_the_same_test_sets_for_every_system():
    counts = bleu_counts(noisy(LESSON, 1, 0.2), LESSON, "fr")
    first, second = resample([counts, counts.copy()], bleu_of)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, resample([counts], bleu_of)[0])


def systems_of(references, **texts):
    return [count_statistics(name, each, references, "fr") for name, each in texts.items()]


@pytest.fixture(scope="module")
def systems():
    return systems_of(
        LESSON,
        baseline=noisy(LESSON, 1, 0.3),
        the_same=noisy(LESSON, 1, 0.3),
        its_like=noisy(LESSON, 2, 0.3),
        better=noisy(LESSON, 3, 0.1),
    )


@pytest.fixture(scope="module", params=METHODS)
def tested(request, systems):
    return request.param, differences(systems, "fr", request.param)


def test_a_system_compared_with_itself_is_not_significant(tested):
    same = tested[1][0]
    assert same[2:5] == (0.0, 0.0, 0.0)
    assert [verdict.p_value for verdict in same.verdicts] == [1.0, 1.0]


def test_two_systems_of_one_kind_are_not_told_apart(tested):
    alike = tested[1][1]
    assert alike.low < 0 < alike.high
    assert all(verdict.p_value > 0.05 for verdict in alike.verdicts)


def test_a_clearly_better_system_is_significant(tested):
    method, (*_, better) = tested
    assert 0 < better.low < better.bleu < better.high
    assert [verdict.metric for verdict in better.verdicts] == ["BLEU", "chrF2"]
    for verdict in better.verdicts:
        assert verdict.p_value < 0.01
        assert verdict.low < verdict.value < verdict.high
    assert f"|test:{method}|" in better.verdicts[0].signature


@pytest.fixture(scope="module")
def pairs_of_one_kind():
    """The BLEU counts of 150 pairs of systems that differ by chance."""
    pairs = []
    for seed in range(0, 300, 2):
        some = LESSON[seed : seed + 60]
        texts = (noisy(some, 900 + seed + side, 0.3) for side in (0, 1))
        pairs.append([bleu_counts(each, some, "fr") for each in texts])
    return pairs


@pytest.mark.parametrize("method", METHODS)
def test_systems_that_differ_by_chance_are_rarely_told_apart(
    method, pairs_of_one_kind, monkeypatch
):
    """Of 150 comparisons of two systems of one kind, 5 in 100 may have p < 0.05."""
    monkeypatch.setattr(significance, "SHUFFLES", 1000)
    score, p_value = METRICS["BLEU"].score, METHODS[method].p_value
    p_values = [p_value(*pair, score) for pair in pairs_of_one_kind]
    assert 0.01 <= np.mean(np.array(p_values) < 0.05) <= 0.08
    assert 0.04 <= np.mean(np.array(p_values) < 0.1) <= 0.15


@pytest.mark.parametrize("differing", [1, 2, 3, 5, 8])
def test_randomization_finds_the_p_value_of_all_exchanges_there_are(differing):
    texts = noisy(LESSON[:40], 1, 0.3)
    counts = bleu_counts(texts, LESSON[:40], "fr")
    better = bleu_counts(LESSON[:differing] + texts[differing:], LESSON[:40], "fr")
    moved, sums = better - counts, counts.sum(axis=0)
    exchanged = np.array([*product([0, 1], repeat=differing)]) @ moved[:differing]
    far = np.abs(bleu_of(sums + moved.sum(axis=0) - exchanged) - bleu_of(sums + exchanged))
    exact = np.mean(far >= far[0] - 1e-9)
    assert by_randomization(counts, better, bleu_of) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_one_sentence_alone_proves_nothing(method):
    base = noisy(LESSON, 1, 0.3)
    other = [LESSON[0], *base[1:]]
    (result,) = differences(systems_of(LESSON, base=base, other=other), "fr", method)
    assert result.bleu > 0
    assert all(verdict.p_value == pytest.approx(1.0, abs=0.02) for verdict in result.verdicts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_a_few_lines_prove_nothing(method, lines):
    """Of as many exchanges as there are, two are as far apart as the systems."""
    wanted = [LESSON[0]] * lines  # every draw of them is the same
    systems = systems_of(wanted, worse=[wanted[0][:12]] * lines, right=wanted)
    (result,) = differences(systems, "fr", method)
    smallest = 2 ** (1 - lines)
    assert all(verdict.p_value >= smallest - 0.02 for verdict in result.verdicts)


def test_a_p_value_counts_ties_and_what_was_found_itself():
    assert tail_probability(np.zeros(99), 1.0) == 1 / 100
    assert tail_probability(np.array([1.0, 3.0, 0.1 + 0.2, 0.0]), 0.3) == 4 / 5


@pytest.mark.parametrize(("method", "draws"), [("bootstrap", 1000), ("randomization", 10_000)])
def test_a_signature_says_how_often_was_drawn(method, draws, monkeypatch):
    counted = []
    monkeypatch.setattr(
        significance, "tail_probability", lambda drawn, _: counted.append(len(drawn)) or 1.0
    )
    (result,) = differences(systems_of(FRENCH, a=FRENCH, b=FRENCH[::-1]), "fr", method)
    assert counted == [draws, draws]
    assert all(f"|draws:{draws}|" in verdict.signature for verdict in result.verdicts)


def test_each_system_is_tested_against_the_first(tested, systems):
    base, *others = systems
    for result, system in zip(tested[1], others, strict=True):
        assert (result.baseline, result.model) == (base.name, system.name)
        value, baseline = (bleu(each.texts, LESSON, "fr") for each in (system, base))
        assert result.bleu == value - baseline
        assert result.verdicts[0].value == pytest.approx(value)
        assert result.verdicts[0].baseline == pytest.approx(baseline)


def test_an_unknown_test_is_refused_and_the_nearest_told():
    with pytest.raises(RegardError, match="did you mean 'bootstrap'"):
        differences(systems_of(FRENCH, a=FRENCH, b=FRENCH), "fr", "bootstraps")


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
    st.sets(st.integers(1, 45), max_size=5),
    st.integers(1, 9),
)
def test_buckets_partition_the_sources_and_small_ones_are_merged(lengths, edges, smallest):
    sources = [" ".join("x" * length) for length in lengths]
    merged = merge_small(sources, tuple(edges), smallest)
    assert set(merged) <= {*edges, max(lengths)}
    buckets = bucket_members(sources, merged)
    assert sorted(n for bucket in buckets for n in bucket.indices) == list(range(len(sources)))
    for bucket in buckets:
        assert len(bucket.indices) >= min(smallest, len(sources))
        assert all(bucket.first <= len(words(sources[n])) <= bucket.last for n in bucket.indices)
