"""The laws of guided alignment: which tokens are linked, what is learned, and what users see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard
from commands import typed
from conftest import InMemory, tiny
from regard.alignment.words import SEGMENTATIONS
from regard.config import AugmentOptions, DataOptions, ModelOptions, TrainOptions
from regard.data.augment import NO_AUGMENTATION, Augmentation
from regard.data.batches import batches_by_length
from regard.data.encode import EncodedEpochs, EncodedOnDemand, encode_epochs
from regard.data.guidance import (
    RADIX,
    WordLinks,
    guiding_weights,
    linked_tokens,
    token_owners,
    write_word_links,
)
from regard.data.lexicon import EMPTY_LEXICON
from regard.engine.torch import build_network
from regard.errors import RegardError
from regard.explain.explanation import explain
from regard.explain.maps import weight_map
from regard.files import read_json
from regard.lesson.corpus import split_lesson
from regard.text.normalize import normalize
from regard.text.spans import Span, word_of_each_token
from regard.text.token_lists import TokenLists
from regard.text.vocabulary import learn
from regard.training.data import Data, prepare_text
from regard.training.guided_alignment import prepare_word_links
from regard.training.report import NoReport
from regard.word_alignment import WordTokens

LESSON = split_lesson(600, 40, seed=5)
EXAMPLES = LESSON.train[:200]
VOCABULARY = learn([t for one in EXAMPLES for t in (one.source, one.target)], 700, "the test")
BOTH = VOCABULARY, VOCABULARY
CUT = SEGMENTATIONS["text"]


def links_line(one):
    return " ".join(f"{source}-{target}" for source, target in sorted(one.links))


@pytest.fixture(scope="module")
def word_links(tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    write_word_links([sorted(one.links) for one in EXAMPLES], folder)
    return WordLinks(folder, "text")


texts = st.text(st.sampled_from("ab é🙂ﬁ’'.- 漢\u0301<&"), max_size=20)


@given(texts, st.sampled_from([0.0, 0.5]))
def test_every_token_ends_where_the_text_that_it_decodes_to_ends(raw, dropout):
    text = normalize(raw).text
    [ids] = VOCABULARY.sample([text], dropout, 1)
    for number, end in enumerate(VOCABULARY.ends(ids).tolist()):
        decoded = VOCABULARY.decode(ids[: number + 1])
        assert "\ufffd" in decoded or decoded.rstrip() == text[:end].rstrip()


@given(texts)
def test_every_token_belongs_to_the_word_in_which_it_ends(raw):
    text = normalize(raw).text
    tokens, words = VOCABULARY.tokens(text), CUT(text)
    owners = token_owners(VOCABULARY, text, [token.id for token in tokens], words).tolist()
    ends = [Span(token.span.end - 1, token.span.end) for token in tokens]
    for owner, expected, token in zip(owners, word_of_each_token(ends, words), tokens, strict=True):
        is_character = token.span.start < token.span.end  # not all but the last of its bytes
        if is_character and not text[token.span.end - 1].isspace():
            assert owner == expected


def test_tokens_that_are_not_those_of_the_text_have_no_owner():
    [ids] = VOCABULARY.encode(["the cat"])
    assert set(token_owners(VOCABULARY, "the  cat", ids, CUT("the  cat")).tolist()) == {-1}
    assert token_owners(VOCABULARY, "", [], []).tolist() == []


owner_lists = st.lists(st.integers(-1, 5), max_size=6)


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))), owner_lists, owner_lists)
def test_tokens_are_linked_if_their_words_are(links, source, target):
    numbers = np.array([one * RADIX + other for one, other in links], np.int64)
    found = linked_tokens(numbers, np.array(source, np.int64), np.array(target, np.int64))
    assert set(found) == {
        row * RADIX + column
        for row, one in enumerate(source)
        for column, other in enumerate(target)
        if (one, other) in links
    }


def test_guiding_weights_are_spread_evenly_over_the_linked_tokens():
    links = TokenLists.of([[0 * RADIX + 1, 2 * RADIX + 1, 1 * RADIX + 0], []])
    weights = guiding_weights(links, 4, 3)
    assert weights.tolist() == [
        [[0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 0]],
        [[0, 0, 0, 0]] * 3,
    ]


def test_the_words_of_linked_tokens_are_linked_in_the_text(word_links):
    encoder = EncodedOnDemand(InMemory(EXAMPLES), *BOTH, 0.3, 0.3, NO_AUGMENTATION, 1, word_links)
    pairs = encoder.pairs(np.arange(len(EXAMPLES)), 0)
    for number, one in enumerate(EXAMPLES):
        links = pairs.links.select(np.array([number])).ids
        sides = (one.source, pairs.sources), (one.target, pairs.targets)
        owners = [
            token_owners(VOCABULARY, text, side.select(np.array([number])).ids.tolist(), CUT(text))
            for text, side in sides
        ]
        found = {
            (int(owners[0][link // RADIX]), int(owners[1][link % RADIX])) for link in links.tolist()
        }
        assert found == set(one.links)


def test_a_pair_that_an_epoch_changes_has_no_links_and_the_others_keep_theirs(word_links):
    def pairs(augmentation):
        encoder = EncodedOnDemand(InMemory(EXAMPLES), *BOTH, 0.0, 0.0, augmentation, 1, word_links)
        return encoder.pairs(np.arange(len(EXAMPLES)), 0)

    plain = pairs(NO_AUGMENTATION)
    changed = pairs(Augmentation(AugmentOptions(scale=3.0), EMPTY_LEXICON, 1000))
    same = 0
    for number in range(len(EXAMPLES)):
        before, after = (one.select(np.array([number])) for one in (plain, changed))
        is_same = all(
            np.array_equal(one.ids, other.ids)
            for one, other in zip(before[:2], after[:2], strict=True)
        )
        same += is_same
        assert after.links.ids.tolist() == (before.links.ids.tolist() if is_same else [])
    assert 20 < same < 180


def test_epochs_encoded_beforehand_keep_the_links(word_links, tmp_path):
    texts = InMemory(EXAMPLES)
    encoder = EncodedOnDemand(texts, *BOTH, 0.2, 0.0, NO_AUGMENTATION, 1, word_links)
    encode_epochs(encoder, 2, 1, tmp_path / "encoded", lambda _: None)
    indices = np.arange(len(EXAMPLES))
    for epoch in range(2):
        ours, theirs = (
            EncodedEpochs(tmp_path / "encoded").pairs(indices, epoch),
            encoder.pairs(indices, epoch),
        )
        assert ours.links.ids.tolist() == theirs.links.ids.tolist()
    shuffled = indices[::-1]
    batches = batches_by_length(encoder.pairs(shuffled, 0), 300)
    assert all(batch.guide.shape[1] == batch.after.shape[1] for batch in batches)
    assert sum(int((batch.guide.sum(-1) > 0.99).sum()) for batch in batches) > 1000


def test_the_guided_loss_is_the_cross_entropy_of_the_first_head_of_the_last_layer():
    sizes = {"embedding_size": 16, "encoder_size": 16, "decoder_size": 16}
    for options in (
        {"heads": 2, "decoder_layers": 2},
        {"layer_type": "self-attention", "heads": 4},
    ):
        network = build_network(ModelOptions(**sizes, **options), 600, 600).eval()
        source = torch.randint(4, 600, (3, 5))
        before = torch.cat([torch.ones(3, 1, dtype=torch.int64), source[:, :3]], dim=1)
        after = torch.cat([source[:, :3], torch.full((3, 1), 2)], dim=1)
        guide = torch.zeros(3, 4, 5)
        guide[0, 1, 2] = 1.0
        guide[2, 0, :2] = 0.5
        weights = network(source, before).attentions[-1].weights
        expected = weights[0, 0, 1, 2].log() + weights[2, 0, 0, :2].log().mean()
        plain = network.loss(source, before, after, 0.1)
        guided = network.guided_loss(source, before, after, 0.1, guide, 0.7)
        assert (guided - plain).item() == pytest.approx(-0.7 * expected.item(), rel=1e-4)


def right_share(model):
    """Of the gold links of words that have one, those to which most attention is paid."""
    translator, right, count = regard.load(model), 0, 0
    for one in LESSON.test:
        [alignment_weights] = translator.force([one.source], [one.target])
        weights = alignment_weights.weights[-1][0]
        source, target = (translator.source.encode([text])[0] for text in (one.source, one.target))
        owners = [
            token_owners(translator.source, text, ids, CUT(text))
            for text, ids in ((one.source, source), (one.target, target))
        ]
        linked = {}
        for row, column in one.links:
            linked.setdefault(column, set()).add(row)
        for token, word in enumerate(owners[1].tolist()):
            if word in linked:
                best = int(weights[token, : len(source)].argmax())
                right += int(owners[0][best]) in linked[word]
                count += 1
    return right / count


@pytest.fixture(scope="module")
def guided(text, tmp_path_factory):
    """A model whose attention is guided by gold links, and the file of them."""
    folder = tmp_path_factory.mktemp("guided")
    links = folder / "train.links"
    links.write_text("".join(f"{links_line(one)}\n" for one in LESSON.train), "utf-8")
    train = {"guided_alignment": str(links), "guided_alignment_weight": 5.0}
    settings = {**tiny(updates=100, validate_every=100, **train), "augment": {"scale": 0.0}}
    regard.train(text.train, folder / "m", text.valid, settings=settings)
    return folder / "m"


def test_guided_attention_learns_the_links(guided, model):
    assert right_share(guided) > right_share(model) + 0.1


def test_what_explain_shows_of_a_guided_model_is_the_first_head_of_the_last_layer(guided, model):
    for folder, is_guided in ((guided, True), (model, False)):
        translator = regard.load(folder)
        assert translator.is_guided is is_guided
        explained = explain(translator, "The cat sleeps.", "m")
        layer = explained.trace.layers[-1].weights
        assert np.array_equal(explained.weights, layer[0])  # there is one head
        assert np.array_equal(weight_map(explained, subwords=True).weights, explained.weights)
    twice = replace(translator, is_guided=True)
    doubled = np.stack([layer[0], np.roll(layer[0], 1, axis=1)])
    assert np.array_equal(twice.summary(doubled), doubled[0])
    assert np.allclose(translator.summary(doubled), doubled.mean(0))


def test_the_links_of_a_guided_model_without_a_head_are_from_its_guided_weights(
    guided, monkeypatch
):
    translator = regard.load(guided)
    [forced] = translator.force(["The cat sleeps."], ["Le chat dort."])
    ids = [translator.source.encode([text])[0] for text in ("The cat sleeps.", "Le chat dort.")]
    several = forced._replace(weights=np.stack([forced.weights[0] * 0, forced.weights[-1]]))

    def force(_sources, _targets):
        return [several]

    one_token = WordTokens([0], [[1]], ["a"]), WordTokens([0], [[1]], ["b"])
    [by_last_layer] = translator.posteriors([ids[0]], [ids[1]])
    monkeypatch.setattr(translator.engine, "force", force)
    [by_guided] = translator.posteriors([ids[0]], [ids[1]])
    for ours, theirs in zip(by_guided(*one_token), by_last_layer(*one_token), strict=True):
        assert np.array_equal(ours, theirs)


def given_files(folder, lines):
    """A parallel text with repeated and with empty lines, and a file of links."""
    names = [folder / "train.en", folder / "train.fr", folder / "train.links"]
    sides = [one.source for one in EXAMPLES], [one.target for one in EXAMPLES], lines
    for file, side in zip(names, sides, strict=True):
        file.write_text("".join(f"{line}\n" for line in side), "utf-8")
    return names


def prepared(folder, names, **options):
    """What a run would prepare of these files, with some pairs held out."""
    train = TrainOptions(guided_alignment=str(names[2]), **options)
    data = Data(tuple(names[:2]), (), ("en", "fr"))
    texts = prepare_text(folder, data, DataOptions(held_out=20), (), 1, NoReport()).texts
    return texts, prepare_word_links(folder, texts, train, NoReport())


def test_the_links_of_a_file_belong_to_the_lines_of_the_text(tmp_path):
    lines = [links_line(one) for one in EXAMPLES]
    names = given_files(tmp_path, lines)
    for name, extra in zip(names, ("", "", "0-0"), strict=True):  # dropped: empty, and twice
        before = name.read_text("utf-8").splitlines()
        changed = [extra, before[3], *before[:100], before[3], *before[100:]]
        name.write_text("".join(f"{line}\n" for line in changed), "utf-8")
    texts, links = prepared(tmp_path / "run", names)
    assert len(EXAMPLES) - 25 <= len(texts) <= len(EXAMPLES) - 20
    by_text = {(one.source, one.target): one.links for one in EXAMPLES}
    numbers = np.arange(len(texts))
    for number, pair in enumerate(zip(texts.sources(numbers), texts.targets(numbers), strict=True)):
        begin, end = links.lists.offsets[number : number + 2]
        found = {divmod(int(link), RADIX) for link in links.lists.ids[begin:end]}
        assert found == set(by_text[pair])


def test_a_file_of_links_of_another_text_is_refused(tmp_path):
    lines = [links_line(one) for one in EXAMPLES]
    wrong = {
        "it has no line": lines[:-5],
        "lines link words that are not there, first": [f"{line} 70-0" for line in lines],
        "this is no link: '1:2'": ["1:2", *lines[1:]],
    }
    for number, (message, content) in enumerate(wrong.items()):
        names = given_files(tmp_path, content)
        with pytest.raises(RegardError, match=message):
            prepared(tmp_path / f"run{number}", names)
        assert not (tmp_path / f"run{number}" / "guidance").exists()
    with pytest.raises(RegardError, match="cannot read the links"):
        names[2].unlink()
        prepared(tmp_path / "run", names)


def test_a_few_lines_whose_words_are_cut_otherwise_get_no_links(tmp_path):
    names = given_files(tmp_path, ["90-0", *(links_line(one) for one in EXAMPLES[1:])])
    _, links = prepared(tmp_path / "run", names)
    lengths = links.lists.lengths
    assert lengths[0] == 0 and all(lengths[1:])


def test_words_may_be_counted_by_spaces(tmp_path):
    names = given_files(tmp_path, ["0-0 1-1"] * len(EXAMPLES))
    texts, links = prepared(tmp_path / "run", names, guided_alignment_words="spaces")
    assert links.segmentation == "spaces"
    source, target = texts.sources(np.array([0]))[0], texts.targets(np.array([0]))[0]
    tokens = VOCABULARY.encode([source])[0], VOCABULARY.encode([target])[0]
    pairs = {divmod(link, RADIX) for link in links.of_tokens(0, (source, target), tokens, BOTH)}
    second = source.split(" ")[1]
    covered = {one for one, other in pairs}
    assert VOCABULARY.decode([tokens[0][index] for index in sorted(covered)]).endswith(second)


def test_auto_is_what_align_writes_and_resuming_aligns_nothing(text, tmp_path, monkeypatch):
    train = given_files(tmp_path, [""] * len(EXAMPLES))[:2]
    settings = {**tiny(updates=2, validate_every=1), "data": {"drop_duplicates": False}}
    auto = {**settings, "train": {**settings["train"], "guided_alignment": "auto"}}
    regard.train(train, tmp_path / "m", text.valid, settings=auto)
    links = WordLinks(tmp_path / "m" / "training" / "guidance", "text").lists
    typed("align", *train, "--out", tmp_path / "links")
    lines = (tmp_path / "links").read_text("utf-8").splitlines()
    assert len(lines) == len(links.lengths)
    for number, line in enumerate(lines):
        own = links.ids[links.offsets[number] : links.offsets[number + 1]].tolist()
        assert sorted(own) == sorted(
            int(one) * RADIX + int(other)
            for one, other in (link.split("-") for link in line.split())
        )
    monkeypatch.setattr("regard.training.guided_alignment.align_text", None)
    regard.train(train, tmp_path / "m", text.valid, settings=auto)


def test_a_run_is_resumed_with_the_same_links_only_and_its_model_names_no_folder(guided, text):
    links = guided.parent / "train.links"
    card = read_json(guided / "model.json")["config"]["train"]
    assert card["guided_alignment"] == "train.links"
    settings = {**tiny(updates=100, validate_every=100), "augment": {"scale": 0.0}}
    settings["train"] |= {"guided_alignment": str(links), "guided_alignment_weight": 5.0}
    content = links.read_text("utf-8")
    try:
        links.write_text(content + "\n", "utf-8")
        with pytest.raises(RegardError, match=r"file of train.guided_alignment is not what"):
            regard.train(text.train, guided, text.valid, settings=settings)
    finally:
        links.write_text(content, "utf-8")


def test_fixed_attention_cannot_be_guided(text, tmp_path):
    settings = tiny(guided_alignment="auto")
    settings["model"] = {**settings["model"], "attention": "none"}
    with pytest.raises(RegardError, match="attention that is 'none' cannot be guided"):
        regard.train(text.train, tmp_path / "m", text.valid, settings=settings)
