"""The laws of the alignment head: its arithmetic, its training, its files, and what users see."""

import json
import os
import re
import shutil
import signal
import unicodedata
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard
from commands import typed
from conftest import InMemory, tiny
from regard.alignment.head import HeadOutput, TokenVectors, head_posterior
from regard.alignment.links import MIN_PROBABILITY, of_one_model
from regard.engine.onnx.engine import OnnxEngine
from regard.engine.quantize import quantize
from regard.engine.sizes import sizes_of_model
from regard.engine.torch import TorchEngine, load_engine, weights_of
from regard.engine.weight_shapes import head_shapes, head_sizes
from regard.errors import RegardError
from regard.files import read_json, write_tensors
from regard.lesson.corpus import examples
from regard.model.alignment_head import (
    AGREEMENT,
    SURE_LINK,
    SURE_NONE,
    AlignmentHead,
    WordScores,
    alignment_loss,
    score_words,
)
from regard.model.sizes import HeadSizes
from regard.search.protocols import Forced
from regard.special import PLACEHOLDER_SYMBOLS
from regard.storage.folder import ALIGNMENT_HEAD
from regard.storage.model_file import read_model
from regard.text.normalize import replace_control_characters
from regard.text.spans import words
from regard.training import alignment_head as training
from regard.training.add_head import prepare_work
from regard.training.alignment_head import HeadTrainer, LinkedBatch, tokens_of_words, train_head
from regard.training.alignment_text import TextSample, link_text, sentence_tokens
from regard.training.loop import Interrupted
from regard.training.report import NoReport
from regard.word_alignment import GivenPair, WordTokens, align_given, from_surest
from test_onnx import (
    HEAD_SIZE,
    SOURCES,
    TARGETS,
    VARIED,
    engines,
    options_of,
    random_head,
    varied_networks,
)

SIZE = HEAD_SIZE
ODD_LINES = [
    "",
    "The cat\u00a0sleeps\u2026 {name} ate.",
    "\tThe black cat ate the mouse.  THE DOG SLEEPS. See https://a.b/c?d=1!",
    "🙂🏽 the ﬁne e\u0301te\u0301, 3.5 % of it; naïve!?",
    "- <b>The cat</b> &amp; the dog",
]


@varied_networks
def test_both_engines_say_the_same_of_tokens_and_no_sentence_depends_on_others(made):
    networks, sizes = engines(made), engines(made).onnx.sizes
    head = random_head(sizes)
    by_torch = TorchEngine(networks.torch.network, head)
    weights = weights_of(networks.torch.network)
    by_onnx = OnnxEngine(options_of(made), weights, {}, alignment_head=weights_of(head))
    together = by_onnx.token_vectors(SOURCES, TARGETS)
    alone = [
        by_onnx.token_vectors([source], [target])[0]
        for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    for some in (by_torch.token_vectors(SOURCES, TARGETS), alone):
        for one, other in zip(some, together, strict=True):
            for side, other_side in zip(one, other, strict=True):
                for part, other_part in zip(side, other_side, strict=True):
                    assert part.shape == other_part.shape
                    assert np.allclose(part, other_part, atol=1e-5)


OWNERS = st.lists(st.booleans(), min_size=1, max_size=6).map(
    lambda begins: np.cumsum([0, *begins[1:]]).tolist()
)
"""The word of each token of a sentence."""


def random_output(source, target, seed):
    random = np.random.default_rng(seed)
    return HeadOutput(
        *(
            TokenVectors(
                random.normal(size=(len(side), SIZE)).astype(np.float32),
                random.normal(size=len(side)).astype(np.float32),
            )
            for side in (source, target)
        )
    )


def mean_of_word(side, owners, word):
    own = [token for token, owner in enumerate(owners) if owner == word]
    vector = sum(side.vectors[token] for token in own) / len(own)
    return vector, sum(side.none[token] for token in own) / len(own)


@given(OWNERS, OWNERS, st.integers(0, 10**6))
def test_the_probabilities_are_those_worked_out_word_by_word(source, target, seed):
    output = random_output(source, target, seed)
    sources = [mean_of_word(output.source, source, word) for word in range(source[-1] + 1)]
    targets = [mean_of_word(output.target, target, word) for word in range(target[-1] + 1)]
    posterior = head_posterior(output, tokens_of_words(source), tokens_of_words(target))
    scores = [[float(one @ other) / SIZE**0.5 for other, _ in targets] for one, _ in sources]
    for column, (_, none) in enumerate(targets):
        total = np.exp(none) + sum(np.exp(row[column]) for row in scores)
        for row in range(len(sources)):
            expected = np.exp(scores[row][column]) / total
            assert np.isclose(posterior.forward[row, column], expected, atol=1e-5)
    for row, (_, none) in enumerate(sources):
        total = np.exp(none) + sum(np.exp(score) for score in scores[row])
        for column in range(len(targets)):
            expected = np.exp(scores[row][column]) / total
            assert np.isclose(posterior.backward[row, column], expected, atol=1e-5)
    assert (posterior.agreed <= np.maximum(posterior.forward, posterior.backward) + 1e-6).all()
    assert (posterior.agreed >= np.minimum(posterior.forward, posterior.backward) - 1e-6).all()


@given(OWNERS, OWNERS, st.integers(0, 10**6))
def test_training_and_translation_give_words_the_same_scores(source, target, seed):
    output = random_output(source, target, seed)
    vectors = [np.column_stack(side)[None].astype(np.float32) for side in output]
    words = score_words(
        *(torch.from_numpy(side) for side in vectors),
        *(torch.tensor([[*owners]]) for owners in (source, target)),
    )
    means = [
        side.of_words(tokens_of_words(owners))
        for side, owners in zip(output, (source, target), strict=True)
    ]
    expected = means[0].vectors @ means[1].vectors.T / SIZE**0.5
    assert np.allclose(words.scores[0].numpy(), expected, atol=1e-5)
    assert np.allclose(words.source_none[0].numpy(), means[0].none, atol=1e-5)
    assert np.allclose(words.target_none[0].numpy(), means[1].none, atol=1e-5)


def loss_by_hand(scores, source_none, target_none, links):
    """Of one sentence pair without padding."""
    forward = np.exp(scores) / (np.exp(target_none) + np.exp(scores).sum(axis=0))
    backward = np.exp(scores) / (np.exp(source_none) + np.exp(scores).sum(axis=1))[:, None]
    total = AGREEMENT * float(((forward - backward) ** 2).sum())
    for directions, wanted in ((forward.T, links.T), (backward, links)):
        for own, links_of_word in zip(directions, wanted, strict=True):
            none = 1 - links_of_word.sum()
            if links_of_word.max() >= SURE_LINK or none >= SURE_NONE:
                total -= float((links_of_word * np.log(own)).sum())
                total -= float(none * np.log(1 - own.sum()))
    return total


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.integers(0, 10**6))
def test_the_loss_is_the_one_worked_out_by_hand_and_padding_changes_nothing(
    rows, columns, padding, seed
):
    random = np.random.default_rng(seed)
    scores, source_none, target_none = (
        random.normal(size=shape) for shape in ((rows, columns), rows, columns)
    )
    links = random.dirichlet(np.full(columns + 1, 0.3), rows)[:, :-1]
    links /= np.maximum(1, links.sum(axis=0))
    expected = loss_by_hand(scores, source_none, target_none, links)

    def padded(array, value):
        return torch.from_numpy(
            np.pad(array, [(0, padding)] * array.ndim, constant_values=value)[None]
        ).float()

    words = WordScores(padded(scores, 9.0), padded(source_none, 3.0), padded(target_none, -2.0))
    is_word = [torch.arange(count + padding)[None] < count for count in (rows, columns)]
    assert np.isclose(
        float(alignment_loss(words, padded(links, 0.0), *is_word)), expected, rtol=1e-4
    )


@pytest.fixture(scope="module")
def linked(model, tmp_path_factory):
    """Text of the lesson with links, and the model that reads it."""
    opened = read_model(model)
    texts = InMemory(examples(300, 7))
    sample = TextSample(texts, np.arange(300), opened.info.source, opened.info.target)
    folder = tmp_path_factory.mktemp("linked") / "links"
    first = link_text(sample, folder, NoReport())
    again = link_text(sample, folder, NoReport())
    assert len(again.posteriors) == len(first.posteriors) > 250
    return load_engine(opened, str(model), "cpu").network, first, opened.info.config.train


def test_every_token_of_linked_text_is_in_a_word_and_words_are_those_of_translations(model):
    translator = regard.load(model)
    [translation] = translator.translate_sentences(["The black cat ate the mouse."])
    tokens = sentence_tokens(translator.source, translation.source)
    assert tokens.ids == translation.sentences[0].source_ids
    assert [word.text.lower() for word in translation.source_words] == tokens.words
    assert [word.tokens for word in translation.source_words] == tokens_of_words(tokens.owners)


def test_a_head_learns_what_the_aligner_finds(linked, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "EPOCHS", 12)
    monkeypatch.setattr(training, "BATCH_TOKENS", 500)
    monkeypatch.setattr(training, "WARMUP", 10)
    monkeypatch.setattr(training, "LEARNING_RATE", 0.01)
    trainer = HeadTrainer(*linked)
    before = trainer.agreement()
    after = train_head(trainer, tmp_path / "state.safetensors", NoReport())
    assert before.f1 < 50
    assert after.f1 > 75
    assert not set(trainer.train) & set(trainer.valid)


def short(monkeypatch):
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "BATCH_TOKENS", 800)


def test_a_head_whose_training_was_stopped_ends_like_one_left_alone(linked, tmp_path, monkeypatch):
    short(monkeypatch)
    complete = HeadTrainer(*linked)
    train_head(complete, tmp_path / "one.safetensors", NoReport())
    assert complete.updates >= 4
    state = tmp_path / "two.safetensors"
    for stop in (2, 3):
        stopped = HeadTrainer(*linked)
        learn = stopped.learn

        def learn_and_stop(batch, learn=learn, stopped=stopped, stop=stop):
            loss = learn(batch)
            if stopped.update == stop:
                os.kill(os.getpid(), signal.SIGINT)
            return loss

        monkeypatch.setattr(stopped, "learn", learn_and_stop)
        with pytest.raises(Interrupted):
            train_head(stopped, state, NoReport())
    resumed = HeadTrainer(*linked)
    train_head(resumed, state, NoReport())
    for name, weight in weights_of(complete.head).items():
        assert np.array_equal(weight, weights_of(resumed.head)[name]), name


def test_a_batch_has_the_links_of_its_pairs(linked):
    _, text, _ = linked
    indices = np.array([5, 0, 17])
    batch: LinkedBatch = training.linked_batch(text, indices)
    for row, index in enumerate(indices):
        agreed = text.posteriors[int(index)].agreed
        assert np.array_equal(batch.links[row, : agreed.shape[0], : agreed.shape[1]], agreed)
        assert batch.links[row].sum() == pytest.approx(agreed.sum(), rel=1e-5)
        assert batch.source_owners[row].max() + 1 == agreed.shape[0]
        assert batch.target_owners[row].max() + 1 == agreed.shape[1]


@pytest.fixture(scope="module")
def with_head(model, tmp_path_factory) -> Path:
    """A model folder with a head of random weights."""
    folder = shutil.copytree(model, tmp_path_factory.mktemp("head") / "model")
    head = random_head(sizes_of_model(read_model(folder).info))
    write_tensors(folder / ALIGNMENT_HEAD, weights_of(head), {})
    return folder


@pytest.fixture(scope="module")
def exported(with_head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for precision in ("fp32", "int8"):
        options = ["--fp32"] if precision == "fp32" else []
        done = typed("export", with_head, "--out", folder / f"{precision}.regard", *options)
        assert done.returncode == 0, done.stderr
    return folder


def test_a_head_is_exported_with_its_model_and_translations_stay_as_they_are(
    model, with_head, exported
):
    lines = [line for line in ODD_LINES if line]
    by_folder = regard.load(with_head).translate(lines)
    assert [one.text for one in by_folder] == [
        one.text for one in regard.load(model).translate(lines)
    ]
    by_file = regard.load(exported / "fp32.regard").translate(lines)
    for one, other in zip(by_folder, by_file, strict=True):
        assert one.alignment.method == other.alignment.method == "head"
        pairs = zip(one.alignment.links, other.alignment.links, strict=True)
        assert all(np.allclose(link, same, atol=1e-4) for link, same in pairs)
    stored = read_model(exported / "int8.regard").alignment_head
    assert stored["source.project.weight"].dtype == np.int8
    [translation] = regard.load(exported / "int8.regard").translate([lines[0]])
    assert translation.alignment.method == "head"


def test_the_shapes_that_sizes_tell_are_those_of_the_head():
    sizes = HeadSizes(20, 30, 4, 6, 10, SIZE)
    weights = weights_of(AlignmentHead(sizes))
    assert {name: weight.shape for name, weight in weights.items()} == dict(head_shapes(sizes))
    network = engines(VARIED[0]).onnx.sizes._replace(
        source_tokens=20, target_tokens=30, encoder_size=6, embedding_size=10
    )
    assert head_sizes(weights, network) == head_sizes(quantize(weights), network) == sizes
    assert head_sizes(weights, network._replace(encoder_size=8)) is None
    for name in weights:
        assert head_sizes({**weights, name: weights[name][1:]}, network) is None
        less = {other: weight for other, weight in weights.items() if other != name}
        assert head_sizes(less, network) is None


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_the_head_of_another_model_is_refused(with_head, tmp_path, engine):
    other = shutil.copytree(with_head, tmp_path / "other")
    sizes = sizes_of_model(read_model(other).info)._replace(embedding_size=30)
    write_tensors(other / ALIGNMENT_HEAD, weights_of(random_head(sizes)), {})
    with pytest.raises(RegardError, match="another model"):
        regard.load(other, engine=engine)


ODD_PARTS = [
    *("\u00a0", "\u202f", "  ", "\t", "\u00ad", "\u200b", "\ufeff", "\x07", "<b>", "</b>", "<br/>"),
    *(
        "&amp;",
        "&eacute;",
        "🙂",
        "👩\u200d💻",
        "🇫🇷",
        "ﬁ",
        "ﬀ",
        "…",
        "e\u0301",
        "n\u0303",
        "Å",
        "ｆｕｌｌ",
    ),
    *("{name}", "%s", "3.5 %", "https://a.b/c", "— ", "“", "’", "!?", "日本"),
]


@pytest.mark.proof
def test_each_span_of_a_thousand_odd_lines_is_the_word_that_it_names():
    random = Random(1)
    lines = []
    for example in examples(1000, seed=5):
        parts = re.split(r"(?<=\s)|(?=\s)", example.source)
        for _ in range(random.randint(1, 5)):
            parts.insert(random.randrange(len(parts) + 1), random.choice(ODD_PARTS))
        form = random.choice(["NFC", "NFD"])
        lines.append(unicodedata.normalize(form, "".join(parts)))
    named = 0
    for line, translation in zip(lines, regard.load().translate(lines), strict=True):
        for text, own in ((line, translation.source_words), (translation.text, translation.words)):
            starts, ends = (
                map(set, zip(*words(text), strict=True)) if words(text) else (set(), set())
            )
            for word in own:
                cut = text[slice(*word.span)]
                assert word.span.start in starts and word.span.end in ends, line
                assert replace_control_characters(cut) == word.text, line
                named += 1
        alignment = translation.alignment
        assert all(link.source < len(translation.source_words) for link in alignment.links)
    assert named > 10_000


@pytest.mark.parametrize("kind", ["head", "attention"])
def test_links_join_words_of_the_users_text_with_words_of_the_translation(model, with_head, kind):
    translator = regard.load(with_head if kind == "head" else model)
    for translation in translator.translate([*ODD_LINES, " ".join(ODD_LINES)]):
        words = translation.source_words, translation.words
        for text, own in zip((translation.source, translation.text), words, strict=True):
            spans = [word.span for word in own]
            assert spans == sorted(spans)
            assert all(text[slice(*word.span)].replace("\t", " ") == word.text for word in own)
        alignment = translation.alignment
        assert alignment.method == kind
        for link in alignment.links:
            assert 0 <= link.source < len(words[0])
            assert 0 <= link.target < len(words[1])
            assert MIN_PROBABILITY < link.probability <= 1
        ordered = [(link.target, link.source) for link in alignment.links]
        assert len(set(ordered)) == len(ordered)


def test_alignments_of_many_are_those_of_each(with_head):
    translator = regard.load(with_head)
    one_by_one = [translation.alignment for translation in translator.translate(ODD_LINES)]
    many = translator.align(translator.translate(ODD_LINES))
    for one, other in zip(one_by_one, many, strict=True):
        pairs = zip(one.links, other.links, strict=True)
        assert all(np.allclose(link, same, atol=1e-5) for link, same in pairs)


@pytest.mark.parametrize("kind", ["head", "attention"])
def test_what_was_copied_is_linked_to_itself_alone(model, with_head, kind):
    translator = regard.load(with_head if kind == "head" else model)
    [translation] = translator.translate(["The cat saw {name} and https://a.b/c?d=1 here."])
    for copied in ("{name}", "https://a.b/c?d=1"):
        [source], [target] = (
            [number for number, word in enumerate(words) if word.text == copied]
            for words in (translation.source_words, translation.words)
        )
        links = [link for link in translation.alignment.links if source in link or target in link]
        own = [link for link in links if (link.source, link.target) == (source, target)]
        assert [link.probability for link in own] == [1.0]
        assert not [link for link in links if (link.source == source) != (link.target == target)]


def test_a_model_that_attends_to_nothing_has_no_links(tmp_path, text):
    settings = {
        "vocabulary": {"size": 700},
        "model": {"attention": "none", "embedding_size": 8, "encoder_size": 8, "decoder_size": 8},
        "train": {"updates": 2, "batch_tokens": 512, "threads": 1, "validate_every": 2},
    }
    regard.train(text.train, tmp_path / "none", valid=text.valid, settings=settings)
    [translation] = regard.load(tmp_path / "none").translate(["The cat sleeps."])
    assert translation.alignment == ("none", ())
    done = typed("align", *text.valid, "--model", tmp_path / "none")
    assert done.returncode == 2
    assert b"neither an alignment head nor attention" in done.stderr


@given(st.lists(st.sampled_from(["The cat", " ", "🙂", "e\u0301", "ate", ".", "ﬁ"]), max_size=8))
def test_given_words_have_a_row_each_whatever_the_model_reads(with_head_translator, parts):
    text = "".join(parts)
    spans = [regard.text.spans.Span(begin, begin + 1) for begin in range(len(text))]
    [posterior] = align_given(with_head_translator, [GivenPair(text, "Le chat", spans, spans[:1])])
    assert posterior.agreed.shape == (len(spans), min(1, len(spans)))
    assert np.isfinite(posterior.agreed).all()


@pytest.fixture(scope="module")
def with_head_translator(with_head):
    return regard.load(with_head)


def test_a_symbol_of_the_vocabulary_is_no_text_of_the_user(with_head_translator):
    [translation] = with_head_translator.translate([f"The cat {PLACEHOLDER_SYMBOLS[0]} sleeps."])
    assert all(link.probability <= 1 for link in translation.alignment.links)


def test_translate_align_prints_links_and_says_what_they_are_from(model, with_head):
    lines = "The black cat ate the mouse.\n\nThe dog sleeps.\n"
    for folder, warned in ((model, True), (with_head, False)):
        done = typed("translate", "--model", folder, "--align", given=lines)
        assert (b"no alignment head" in done.stderr) == warned
        plain = typed("translate", "--model", folder, given=lines).stdout.decode().splitlines()
        written = done.stdout.decode().splitlines()
        assert [line.split(" ||| ")[0] for line in written] == plain
        for link in written[0].split(" ||| ")[1].split():
            assert all(number.isdigit() for number in link.split("-"))
    n_best = typed(
        "translate", "--model", with_head, "--align", "--n-best", "2", "--json", given=lines
    )
    [first, empty, _] = map(json.loads, n_best.stdout.decode().splitlines())
    for one in first["translations"]:
        for link in one["alignment"]["links"]:
            word = one["words"][link["target"]]
            assert one["text"][slice(*word["span"])] == word["text"]
            word = one["source_words"][link["source"]]
            assert first["source"][slice(*word["span"])] == word["text"]
    assert empty["translations"][0]["alignment"] == {"method": "head", "links": []}


def test_a_head_is_added_to_a_finished_model_and_aligns_text(model, text, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    done = typed("train", *text.valid, "--add-alignment-head", folder)
    assert done.returncode == 0, done.stderr
    assert b"of the aligner's links" in done.stderr
    assert read_json(folder / "quality.json")["alignment"]["pairs"] >= 3
    assert not (folder / "training" / "alignment").exists()
    lesson = examples(40, 11)
    for side in ("source", "target"):
        lines = "".join(f"{getattr(one, side)}\n" for one in lesson)
        (tmp_path / side).write_text(lines, "utf-8")
    files = tmp_path / "source", tmp_path / "target"
    aligned = typed("align", *files, "--model", folder)
    assert aligned.returncode == 0, aligned.stderr
    assert len(aligned.stdout.decode().splitlines()) == len(lesson)
    again = typed("align", *files, "--model", folder, "--save", tmp_path / "saved")
    assert again.returncode == 2 and b"learns nothing here" in again.stderr


def test_a_head_is_learned_anew_for_other_text(model, tmp_path):
    work, text = tmp_path / "work", tmp_path / "text"
    text.write_text("one")
    prepare_work(work, model, [text])
    for content, is_kept in (("one", True), ("two", False)):
        (work / "links").touch()
        text.write_text(content)
        prepare_work(work, model, [text])
        assert (work / "links").exists() == is_kept


class AddsHead(NoReport):
    """Puts a head beside the weights before the second validation."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def updated(self, update):
        if update.update == 2:
            self.file.write_bytes(b"a head")


def test_a_head_is_removed_when_its_model_learns_on(text, tmp_path):
    head = tmp_path / "model" / ALIGNMENT_HEAD
    settings = tiny(updates=2, validate_every=1, metric="loss")
    regard.train(text.train, head.parent, text.valid, "", settings, report=AddsHead(head))
    assert read_json(head.parent / "quality.json")["update"] == 2
    assert not head.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["train.updates=5"], b"takes no options of training"),
        (["--start-from", "en-fr"], b"takes no options of training"),
        (["--out", "elsewhere"], b"added to the model's own folder"),
    ],
)
def test_what_makes_no_sense_for_a_head_is_refused(model, options, message):
    done = typed("train", "--add-alignment-head", model, *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_file_is_not_changed_and_wants_text(exported, text):
    file = exported / "fp32.regard"
    done = typed("train", *text.train, "--add-alignment-head", file)
    assert done.returncode == 2 and b"--out" in done.stderr
    done = typed("train", "--add-alignment-head", file, "--out", exported / "new.regard")
    assert done.returncode == 2 and b"holds no text" in done.stderr


def test_the_harmonic_mean_lies_between_the_directions():
    random = np.random.default_rng(0)
    both = random.random((2, 5, 7)).astype(np.float32)
    both[:, 0] = 0.0
    agreed = of_one_model(*both).agreed
    assert (agreed[0] == 0).all()
    assert (agreed <= both.max(axis=0) + 1e-6).all() and (agreed >= both.min(axis=0) - 1e-6).all()


def test_links_without_a_head_are_from_the_weights_that_are_surest_of_the_words():
    """Which layer, and which step, tells what is translated differs from one training to another:
    here any of the three, in a sentence of three words."""
    words = WordTokens([0, 1, 2], [[0], [1], [2]], ["the", "cat", "sleeps"])
    sure = np.array([[0.9, 0.1, 0, 0], [0, 0.1, 0.9, 0], [0.1, 0.9, 0, 0], [0, 0, 0, 1]])
    vague = np.full((4, 4), 0.25)
    before = np.concatenate([vague[:1], sure[:-1]])  # each step attends to what it reads
    for first, last in ((vague, sure), (sure, vague), (before, vague)):
        forced = Forced(np.zeros(4, np.float32), np.stack([first, last])[:, None].astype("f4"))
        agreed = from_surest(forced.readings())(words, words).agreed
        assert agreed.argmax(axis=0).tolist() == [0, 2, 1], (first, last)
