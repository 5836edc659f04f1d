"""Each corpus gives its share of every epoch, whatever was read before."""

import json
import re
import shutil
import signal
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from conftest import TINY, InMemory, tiny
from regard.config import CorpusOptions, DataOptions
from regard.data.augment import NO_AUGMENTATION, ParallelLists
from regard.data.clean import Limits
from regard.data.corpus import prepare, prepare_parts
from regard.data.encode import EncodedOnDemand
from regard.data.file_patterns import matching_files
from regard.data.guidance import RADIX, WordLinks
from regard.data.mixture import (
    JoinedTexts,
    MixedEncoded,
    PairTags,
    make_mixture,
    open_training_text,
)
from regard.errors import RegardError
from regard.export.export import export
from regard.lesson.corpus import examples
from regard.settings import make_config
from regard.special import TAG_SYMBOLS
from regard.storage.folder import load_model_info
from regard.text.tags import TAG_TOKENS, tag_prefix
from regard.text.vocabulary import learn
from regard.training import loop
from regard.training.report import NoReport

LIMITS = Limits(1000, 9.0, False, False)

corpora_sizes = st.lists(st.integers(1, 60), min_size=1, max_size=5)


@st.composite
def mixtures(draw):
    """The arguments of `make_mixture`."""
    sizes = draw(corpora_sizes)
    weights = draw(st.lists(st.floats(0.05, 20.0), min_size=len(sizes), max_size=len(sizes)))
    return sizes, weights, draw(st.floats(0.3, 50.0)), draw(st.integers(0, 99))


@given(
    st.lists(st.integers(1, 10**8), min_size=1, max_size=6),
    st.lists(st.floats(0.01, 100.0), min_size=6, max_size=6),
    st.floats(0.2, 100.0),
)
def test_shares_are_those_asked_for_to_a_pair(sizes, weights, temperature):
    counts = make_mixture(sizes, weights[: len(sizes)], temperature, 1).counts
    wanted = [n ** (1 / temperature) * w for n, w in zip(sizes, weights, strict=False)]
    assert sum(counts) == sum(sizes)
    for count, want in zip(counts, wanted, strict=True):
        assert abs(count - sum(sizes) * want / sum(wanted)) < 1.001 + 1e-6 * sum(sizes)


def test_without_weights_and_temperature_an_epoch_has_every_pair_once():
    mixture = make_mixture([7, 1, 30], [1.0, 1.0, 1.0], 1.0, 5)
    assert mixture.counts == (7, 1, 30)
    for epoch in range(3):
        assert sorted(mixture.draw(np.arange(38), epoch).tolist()) == list(range(38))


@given(mixtures(), st.integers(1, 5))
def test_no_pair_is_repeated_before_all_of_its_corpus_were_read(drawn_from, epochs):
    mixture = make_mixture(*drawn_from)
    slots = np.arange(sum(mixture.sizes))
    drawn = [pair for epoch in range(epochs) for pair in mixture.draw(slots, epoch).tolist()]
    begin = 0
    for size, count in zip(mixture.sizes, mixture.counts, strict=True):
        times = Counter(pair for pair in drawn if begin <= pair < begin + size)
        assert times.total() == count * epochs
        assert (
            max(times.values(), default=0) - min(times[pair] for pair in range(begin, begin + size))
            <= 1
        )
        begin += size


@given(mixtures(), st.integers(0, 10**6), st.data())
def test_what_is_drawn_is_a_function_of_seed_and_epoch(drawn_from, epoch, data):
    mixture = make_mixture(*drawn_from)
    slots = np.arange(sum(mixture.sizes))
    everything = mixture.draw(slots, epoch)
    part = np.array(data.draw(st.lists(st.sampled_from(slots.tolist()), max_size=20)), np.int64)
    assert mixture.draw(part, epoch).tolist() == everything[part].tolist()


def test_another_seed_or_epoch_draws_another_order():
    slots = np.arange(300)
    orders = {
        tuple(make_mixture([100, 200], [1.0, 1.0], 1.0, seed).draw(slots, epoch).tolist())
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


def test_what_is_drawn_stays_the_same_from_version_to_version():
    # a run that stops with one version and resumes with the next needs the same order
    mixture = make_mixture([4, 6], [1.0, 3.0], 2.0, 1)
    assert mixture.counts == (2, 8)
    assert mixture.draw(np.arange(10), 1).tolist() == [0, 2, 8, 9, 5, 4, 4, 8, 9, 5]


def test_a_shuffled_epoch_has_the_shares_in_each_of_its_pools():
    text = InMemory(examples(40, 1))
    mixture = make_mixture([10, 30], [9.0, 1.0], 1.0, 1)
    encoded = MixedEncoded(encoder(text), mixture)
    assert len(encoded) == 40
    pairs = encoded.pairs(np.arange(40), 3)
    expected = encoder(text).pairs(mixture.draw(np.arange(40), 3), 3)
    assert pairs.sources.ids.tolist() == expected.sources.ids.tolist()
    assert pairs.targets.ids.tolist() == expected.targets.ids.tolist()


VOCABULARY = learn([t for one in examples(300, 4) for t in (one.source, one.target)], 700, "test")


def encoder(texts, dropout=0.0, tags=None):
    both = VOCABULARY, VOCABULARY
    return EncodedOnDemand(texts, *both, dropout, dropout, NO_AUGMENTATION, 1, None, tags)


TAGS = PairTags((3, 9, 20), ("", tag_prefix("b", "ab"), tag_prefix("a", "ab")))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_tag_is_a_symbol_before_the_tokens_of_the_source(dropout):
    texts = InMemory(examples(20, 2))
    pairs = encoder(texts, dropout, TAGS).pairs(np.arange(20), 0)
    for index in range(20):
        one = pairs.select(np.array([index]))
        ids = one.sources.ids.tolist()
        symbol = "" if index < 3 else TAG_SYMBOLS[index < 9]
        pieces = VOCABULARY.pieces(ids[:TAG_TOKENS])
        assert (pieces == ["▁", symbol]) == bool(symbol)
        own = ids[TAG_TOKENS:] if symbol else ids
        assert VOCABULARY.decode(own) == texts.sources([index])[0]
        if not dropout:
            assert [own] == VOCABULARY.encode(texts.sources([index]))
        assert not set(VOCABULARY.ids(TAG_SYMBOLS)) & set(one.targets.ids.tolist())


class FirstWords(WordLinks):
    """Links the same tokens in all pairs."""

    def __init__(self):
        pass

    def of_tokens(self, index, texts, tokens, vocabularies):
        assert VOCABULARY.decode(tokens[0]) == texts[0]
        return [0, RADIX + 2]


def test_guidance_links_the_tokens_behind_the_tag():
    texts = InMemory(examples(20, 2))
    tagged = encoder(texts, 0.0, TAGS)
    tokens = (VOCABULARY.encode(tagged.tags.before(texts.sources(range(20)), np.arange(20))),
              VOCABULARY.encode(texts.targets(range(20))))  # fmt: skip
    pairs = ParallelLists(texts.sources(range(20)), texts.targets(range(20)))
    links = tagged.token_links(FirstWords(), np.arange(20), pairs, tokens)
    for index in range(20):
        shift = TAG_TOKENS * RADIX if index >= 3 else 0
        assert links.select(np.array([index])).ids.tolist() == [shift, RADIX + 2 + shift]


# Corpora as files


def write_texts(folder, name, texts):
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / f"{name}.en", folder / f"{name}.fr"
    for file, side in zip(files, ("source", "target"), strict=True):
        file.write_text("".join(f"{getattr(one, side)}\n" for one in texts), "utf-8")
    return files


def test_joined_texts_are_one_corpus_after_the_other(tmp_path):
    parts = [examples(size, size) for size in (7, 1, 12)]
    corpora = [
        prepare(
            write_texts(tmp_path, str(n), part),
            ("en", "fr"),
            LIMITS,
            tmp_path / f"c{n}",
            lambda _: None,
        )
        for n, part in enumerate(parts)
    ]
    joined = JoinedTexts(corpora)
    expected = [(one.source, one.target) for part in parts for one in part]
    order = np.array([19, 3, 7, 8, 0, 7, 6, 12])
    assert list(zip(joined.sources(order), joined.targets(order), strict=True)) == [
        expected[index] for index in order
    ]
    assert len(joined) == 20 and joined.lines.tolist() == [*range(1, 8), 1, *range(1, 13)]
    assert joined.sources(np.array([], np.int64)) == []
    assert JoinedTexts(corpora[::-1]).fingerprint != joined.fingerprint


def test_duplicates_are_dropped_within_a_corpus_however_many_files_it_has(tmp_path):
    text = examples(30, 3)
    parts = [write_texts(tmp_path, "a", text[:20]), write_texts(tmp_path, "b", text[10:])]
    limits = LIMITS._replace(drop_duplicates=True)
    corpus = prepare_parts(parts, ("en", "fr"), limits, tmp_path / "c", lambda _: None, 1)
    unique = list(dict.fromkeys((one.source, one.target) for one in text))
    assert [corpus.pair(index) for index in range(len(corpus))] == unique
    assert corpus.report.read == 40 and max(corpus.report.first["duplicate"]) > 20


@given(st.lists(st.sampled_from(["a", "b", "c1", "c2", "d.e"]), unique=True, min_size=1))
def test_patterns_pair_the_files_whose_wildcards_stand_for_the_same(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("files")
    for name in names:
        for code in ("en", "fr"):
            (folder / f"{name}.{code}").touch()
    (folder / "zzz.de").touch()
    parts = matching_files([f"{folder}/*.en", f"{folder}/*.fr"])
    assert parts == [(folder / f"{name}.en", folder / f"{name}.fr") for name in sorted(names)]
    (folder / "alone.fr").touch()
    with pytest.raises(RegardError, match="1 of the files have no partner") as refused:
        matching_files([f"{folder}/*.en", f"{folder}/*.fr"])
    assert refused.value.where == str(folder / "alone.fr")


def test_patterns_of_files_of_pairs_are_read_one_by_one(tmp_path):
    for name in ("b.tsv", "a.tsv", "c.txt"):
        (tmp_path / name).touch()
    assert matching_files([f"{tmp_path}/*.tsv"]) == [(tmp_path / "a.tsv",), (tmp_path / "b.tsv",)]
    assert matching_files([f"{tmp_path}/[!a].t?v"]) == [(tmp_path / "b.tsv",)]
    (tmp_path / "[x].tsv").touch()
    assert matching_files([f"{tmp_path}/[x].tsv"]) == [(tmp_path / "[x].tsv",)]
    for patterns, what in (
        (["*.none"], "no file matches this pattern"),
        ([f"{tmp_path}/c.txt"], "a corpus is two text files"),
        ([f"{tmp_path}/*.tsv", f"{tmp_path}/*.tsv"], "a corpus is two text files"),
    ):
        with pytest.raises(RegardError, match=what):
            matching_files(patterns)


@pytest.mark.parametrize(
    ("data", "what", "where", "to_do"),
    [
        ({"corpora": 3}, "corpora = 3", "c.toml", "[[data.corpora]]"),
        ({"corpora": {"files": ["a"]}}, "one table", "[data.corpora]", "two brackets"),
        ({"corpora": [3]}, "the corpus = 3", "table 1", "below [[data.corpora]]"),
        ({"corpora": [{}]}, "has no files", "table 1", 'files = ["a.en", "a.fr"]'),
        ({"corpora": [{"files": []}]}, "files", "table 1", "Two text files"),
        ({"corpora": [{"files": ["a"] * 3}]}, "files", "table 1", "Two text files"),
        ({"corpora": [{"files": [""]}]}, "files", "table 1", "Two text files"),
        ({"corpora": [{"files": ["a"], "wieght": 1}]}, "'wieght'", "table 1", "'weight'"),
        ({"corpora": [{"files": ["a"], "weight": 0}]}, "weight", "table 1", "A factor"),
        ({"corpora": [{"files": ["a"], "tag": "two words"}]}, "tag", "table 1", "Letters"),
        ({"temperature": 0}, "data.temperature", "c.toml", "The default is 1.0"),
        ({"valid_tag": "x"}, "'x'", "data.valid_tag", "leave it out"),
        (
            {"corpora": [{"files": ["a"], "tag": f"t{n}"} for n in range(49)]},
            "49 tags are more than the 48",
            "data.corpora",
            "the same tag",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_corpora_gets_its_three_lines(data, what, where, to_do):
    with pytest.raises(RegardError) as refused:
        make_config({"data": data}, "c.toml")
    told = refused.value
    assert what in told.what and where in told.where and to_do in told.to_do
    assert len(str(told).splitlines()) == 3


# Runs


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    text = examples(700, 6)
    write_texts(folder, "web", text[:400])
    write_texts(folder, "more-1", text[400:440])
    write_texts(folder, "more-2", text[440:460])
    write_texts(folder, "valid", text[460:490])
    return folder


def options(folder, weight=2.0, tag="legal", **train):
    corpora = [
        {"files": [f"{folder}/web.en", f"{folder}/web.fr"], "tag": "web"},
        {"files": [f"{folder}/more-*.en", f"{folder}/more-*.fr"], "weight": weight, "tag": tag},
    ]
    return {
        **tiny(**{"updates": 12, "validate_every": 4, **train}),
        "data": {"corpora": corpora, "temperature": 2.0},
    }


class Messages(NoReport):
    def __init__(self):
        self.lines = []

    def message(self, line):
        self.lines.append(line)


@pytest.fixture(scope="module")
def mixed_run(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed") / "run"
    report = Messages()
    regard.train([], folder, settings=options(files), report=report)
    (folder / "messages.txt").write_text("\n".join(report.lines))
    return folder


def test_a_run_tells_the_share_of_each_corpus(mixed_run):
    told = (mixed_run / "messages.txt").read_text()
    sizes = [int(n.replace(",", "")) for n in re.findall(r"kept ([\d,]+)", told)]
    held_out = [size // 10 for size in sizes]
    assert "corpus 2 (tag legal): " in told and "more-*.en" in told
    assert "corpus 1 gives " in told and "corpus 2 gives " in told
    assert abs(sum(held_out) - sum(sizes) // 10) <= 2


class StopAfter(NoReport):
    def __init__(self, update):
        self.update = update

    def updated(self, update):
        if update.update == self.update:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("update", [1, 6, 9])
def test_a_run_with_corpora_that_stops_and_resumes_ends_like_one_that_did_not(
    mixed_run, files, tmp_path, update
):
    moved = shutil.copytree(files, tmp_path / "moved")
    with pytest.raises(loop.Interrupted):
        regard.train([], tmp_path / "run", settings=options(files), report=StopAfter(update))
    regard.train([], tmp_path / "run", settings=options(moved))  # files may be elsewhere
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "run" / name).read_bytes() == (mixed_run / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"weight": 3.0}, "data.corpora"),
        ({"tag": "law"}, "data.corpora"),
    ],
)
def test_a_run_with_other_corpora_is_not_resumed(mixed_run, files, changes, what):
    with pytest.raises(RegardError, match="this run began with") as refused:
        regard.train([], mixed_run, settings=options(files, **changes))
    assert what in refused.value.what


def test_a_run_whose_corpus_has_changed_is_not_resumed(mixed_run, files, tmp_path):
    changed = shutil.copytree(files, tmp_path / "changed")
    (changed / "more-2.en").write_text((changed / "more-2.en").read_text().replace("a", "o"))
    with pytest.raises(RegardError, match="the training text of corpus 2 is not what") as refused:
        regard.train([], mixed_run, settings=options(changed))
    assert "run.json" in refused.value.where


def test_text_is_given_once_and_its_names_show_one_pair_of_languages(files, tmp_path):
    with pytest.raises(RegardError, match="training text was given twice"):
        regard.train(
            [files / "web.en", files / "web.fr"], tmp_path / "run", settings=options(files)
        )
    swapped = options(files)
    swapped["data"]["corpora"][1]["files"].reverse()
    with pytest.raises(RegardError, match="show en-fr and fr-en"):
        regard.train([], tmp_path / "run", settings=swapped)
    assert not (tmp_path / "run").exists()


def test_a_model_knows_its_tags_and_reads_the_symbol_first(mixed_run, tmp_path):
    assert load_model_info(mixed_run).text.tags == ("web", "legal")
    export(mixed_run, tmp_path / "m.regard", "fp32", [])
    for model in (mixed_run, tmp_path / "m.regard"):
        translator = regard.load(model)
        plain, tagged = (
            each.translate(["The black cat eats. A dog sleeps."])[0]
            for each in (translator, translator.with_tag("legal"))
        )
        for part, own in zip(tagged.sentences, plain.sentences, strict=True):
            pieces = translator.source.pieces(part.source_ids)
            assert pieces[:TAG_TOKENS] == ["▁", TAG_SYMBOLS[1]]
            assert part.source_ids[TAG_TOKENS:] == own.source_ids
        assert [word.text for word in tagged.source_words] == [w.text for w in plain.source_words]
        assert [word.span for word in tagged.source_words] == [w.span for w in plain.source_words]
        assert tagged.weights.shape == (len(tagged.tokens), len(tagged.source_tokens))
        assert len(tagged.coverage) == len(tagged.source_words)
        assert all(0 <= link.source < len(tagged.source_words) for link in tagged.alignment.links)
        assert translator.with_tag("legal").with_tag("").translate(
            ["A cat."]
        ) == translator.translate(["A cat."])


def test_an_unknown_tag_is_told_with_the_known_ones(mixed_run, model):
    for name, path, words in (
        ("leagl", mixed_run, "did you mean 'legal'? This model knows: web, legal"),
        ("x", mixed_run, "this model knows: web, legal"),
        ("x", model, "leave it out"),
    ):
        with pytest.raises(RegardError) as refused:
            regard.load(path).with_tag(name)
        assert refused.value.what.startswith(f"there is no tag '{name}'")
        assert refused.value.where == "--tag" and words in refused.value.to_do


def test_a_fine_tuned_model_keeps_the_tags_of_its_parent_and_adds_its_own(
    mixed_run, files, tmp_path
):
    settings = options(files, tag="new", updates=2)
    del settings["model"], settings["vocabulary"]
    regard.train([], tmp_path / "run", settings=settings, start_from=mixed_run)
    assert load_model_info(tmp_path / "run").text.tags == ("web", "legal", "new")


def test_validation_text_and_guidance_and_encoded_epochs_have_the_tags(files, tmp_path):
    settings = options(files, updates=3, guided_alignment="auto")
    settings["data"] |= {"valid_tag": "legal", "encoded_epochs": 1}
    valid = [files / "valid.en", files / "valid.fr"]
    regard.train([], tmp_path / "run", valid=valid, settings=settings)
    assert load_model_info(tmp_path / "run").config.data.valid_tag == "legal"
    settings["train"]["guided_alignment"] = "links.txt"
    with pytest.raises(RegardError, match="a file of links is for one corpus"):
        regard.train([], tmp_path / "other", valid=valid, settings=settings)


def test_the_training_text_of_a_run_is_all_its_corpora(mixed_run):
    text = open_training_text(mixed_run / "training")
    assert len(text.corpora) == 2 and len(text) == sum(map(len, text.corpora))


def test_the_model_names_files_without_their_folders(mixed_run, files):
    assert str(files) not in (mixed_run / "model.json").read_text()
    content = json.loads((mixed_run / "model.json").read_text())
    assert content["config"]["data"]["corpora"][1]["files"] == ["more-*.en", "more-*.fr"]
    assert content["provenance"]["files"][-2:] == ["more-2.en", "more-2.fr"]


def test_text_on_the_command_line_is_one_corpus_without_a_mixture(text, tmp_path):
    regard.train(text.train, tmp_path / "run", valid=text.valid, settings=tiny(updates=1))
    assert (tmp_path / "run" / "training" / "corpus" / "report.json").exists()
    assert not (tmp_path / "run" / "training" / "corpora").exists()
    assert load_model_info(tmp_path / "run").text.tags == ()


def test_the_options_of_a_corpus_are_the_fields_of_its_table():
    assert list(CorpusOptions.__struct_fields__) == ["files", "weight", "tag"]
    assert DataOptions().corpora == () and TINY
