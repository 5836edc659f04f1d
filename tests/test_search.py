"""The laws of the searches, on tiny networks with large random weights and on invented engines."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.config import ModelOptions
from regard.engine.torch import TorchEngine, build_network
from regard.errors import RegardError
from regard.model.decoder import DECODERS
from regard.model.scores import SCORES
from regard.search.beam import Hooks, Task, beam, greedy, index_in_group, rank, top_candidates
from regard.search.placeholders import search_apart
from regard.search.protocols import (
    NO_ATTENTION_BIAS,
    NO_LOGIT_BIAS,
    Decoding,
    Engine,
    Forced,
    Hypothesis,
    LogitBias,
    TopK,
)
from regard.search.repetition import (
    EXTRA_REPEATS,
    MAX_PERIOD,
    allowed_repeats,
    cut_repetition,
    may_repeat,
    zero_counts,
)
from regard.search.sampling import Sampling, sample
from regard.special import END, PAD, PLACEHOLDER_IDS, START, UNKNOWN

SOURCES = [[4, 5, 6, 7], [8, 9], [10, 4, 10]]
SHORT = [5, 3, 4]
"""Limits too short for going round in circles."""


class Made(NamedTuple):
    attention: str = "additive"
    layer_type: str = "gru"
    layers: int = 1


PLAIN = Made()

every_model = pytest.mark.parametrize(
    "made",
    [
        Made(attention, layer_type, 1 + (i + j) % 2)
        for (i, attention), (j, layer_type) in product(enumerate(SCORES), enumerate(DECODERS))
    ],
    ids=lambda made: "-".join(map(str, made)),
)
"""Each score with each recurrence; layers take turns."""


def make_engine(made: Made = PLAIN, seed: int = 0, tokens: int = 13) -> TorchEngine:
    torch.manual_seed(seed)
    options = ModelOptions(
        attention=made.attention,
        layer_type=made.layer_type,
        self_attention_heads=2,
        encoder_layers=made.layers,
        decoder_layers=made.layers,
        heads=made.layers,
        embedding_size=8 if made.layer_type == "self-attention" else 6,
        encoder_size=8,
        decoder_size=8,
        tie="none",
    )
    network = build_network(options, 11, tokens)
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.9, 0.9)
    return TorchEngine(network)


def next_log_probs(engine: TorchEngine, source: list[int], written: list[int]) -> dict[int, float]:
    """ln probability of each token behind `written`, in the plainest way."""
    before = np.array([[START, *written]])
    decoding = engine.encode([source])
    ranked = decoding.advance(
        np.array([0]), before, engine.tokens, NO_ATTENTION_BIAS, NO_LOGIT_BIAS
    )
    pairs = zip(ranked.tokens[0].tolist(), ranked.log_probs[0].tolist(), strict=True)
    return {token: log_prob for token, log_prob in pairs if log_prob > -np.inf}


def forced_log_prob(forced: Forced, hypothesis: Hypothesis) -> float:
    """What forcing says of a hypothesis; one that reached its limit has no </s>."""
    counted = forced.log_probs if hypothesis.finish_reason == "eos" else forced.log_probs[:-1]
    return float(counted.sum())


def assert_forcing_agrees(
    engine: Engine, sources: list[list[int]], by_all: list[list[Hypothesis]]
) -> None:
    pairs = [(s, one) for s, found in zip(sources, by_all, strict=True) for one in found]
    forced = engine.force([source for source, _ in pairs], [one.tokens for _, one in pairs])
    for (_, one), reading in zip(pairs, forced, strict=True):
        assert one.log_prob == pytest.approx(forced_log_prob(reading, one), abs=1e-4)


def assert_same(found: Sequence[Hypothesis], expected: Sequence[Hypothesis]) -> None:
    assert [one[::2] for one in found] == [one[::2] for one in expected]
    log_probs = [one.log_prob for one in expected]
    assert [one.log_prob for one in found] == pytest.approx(log_probs, abs=1e-4)


class Invented:
    """An engine whose next tokens have the log-probabilities that `following` names.

    `following` is given what has been written, without <s>; tokens that it leaves out are
    impossible.
    """

    tokens = 40

    def __init__(self, following: Callable[[list[int]], dict[int, float]]) -> None:
        self.following = following

    def batch_size(self, length: int, beam: int) -> int:
        raise NotImplementedError

    def encode(
        self, sources: Sequence[Sequence[int]], required: Sequence[Sequence[int]] = ()
    ) -> Decoding:
        return InventedDecoding(self, len(sources))

    def force(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[Forced]:
        raise NotImplementedError


class InventedDecoding:
    def __init__(self, engine: Invented, sentences: int) -> None:
        self.engine = engine
        self.written: list[list[int]] = [[] for _ in range(sentences)]

    def advance(
        self,
        rows: np.ndarray,
        tokens: np.ndarray,
        k: int,
        attention_bias: np.ndarray,
        logit_bias: LogitBias,
    ) -> TopK:
        pairs = zip(rows.tolist(), tokens.tolist(), strict=True)
        self.written = [self.written[row] + more for row, more in pairs]
        log_probs = np.full((len(rows), self.engine.tokens), -np.inf)
        for row, written in enumerate(self.written):
            for token, log_prob in self.engine.following(written[1:]).items():
                log_probs[row, token] = log_prob
        best = np.argsort(-log_probs, axis=1, kind="stable")[:, :k]
        weights = np.zeros((len(rows), 0), np.float32)
        return TopK(best, np.take_along_axis(log_probs, best, axis=1), weights)


def reciting(text: Callable[[int], int]) -> Invented:
    """An engine that always thinks `text(place)` likeliest, and </s> unlikely."""
    return Invented(lambda written: {END: -9.0, 39: -8.0, 38: -7.5, text(len(written)): -0.1})


# An engine


def test_an_engine_is_what_a_search_asks_for():
    engine = make_engine()
    assert isinstance(engine, Engine) and isinstance(engine.encode(SOURCES), Decoding)
    assert isinstance(reciting(int), Engine) and not isinstance(engine.encode(SOURCES), Engine)


@every_model
def test_the_probabilities_of_the_next_token_sum_to_one_and_come_likeliest_first(made):
    ranked = make_engine(made).encode(SOURCES)
    ranked = ranked.advance(
        np.arange(3), np.full((3, 1), START), 13, NO_ATTENTION_BIAS, NO_LOGIT_BIAS
    )
    assert np.exp(ranked.log_probs).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert (np.diff(ranked.log_probs[:, :11], axis=1) <= 0).all()
    assert {PAD, START} == set(ranked.tokens[0, 11:].tolist())
    assert (ranked.log_probs[:, 11:] == -np.inf).all()


@every_model
def test_a_row_may_go_on_more_than_once_or_not_at_all(made):
    engine = make_engine(made)
    decoding = engine.encode(SOURCES)
    decoding.advance(np.arange(3), np.full((3, 1), START), 1, NO_ATTENTION_BIAS, NO_LOGIT_BIAS)
    for rows, tokens, sentences, written in (
        ([2, 0, 2], [5, 6, 7], [2, 0, 2], [[5], [6], [7]]),
        ([1, 2], [8, 9], [0, 2], [[6, 8], [7, 9]]),
        ([1, 1, 0], [4, 5, 6], [2, 2, 0], [[7, 9, 4], [7, 9, 5], [6, 8, 6]]),
    ):
        ranked = decoding.advance(
            np.array(rows), np.array(tokens)[:, None], 11, NO_ATTENTION_BIAS, NO_LOGIT_BIAS
        )
        for row, (sentence, before) in enumerate(zip(sentences, written, strict=True)):
            alone = next_log_probs(engine, SOURCES[sentence], before)
            for token, log_prob in zip(ranked.tokens[row], ranked.log_probs[row], strict=True):
                assert log_prob == pytest.approx(alone[int(token)], abs=1e-4)


@every_model
def test_forcing_reads_each_translation_as_if_alone(made):
    engine = make_engine(made)
    targets = [[4, 5], [6], [7, 8, 9, 10]]
    together = engine.force(SOURCES, targets)
    for source, target, forced in zip(SOURCES, targets, together, strict=True):
        alone = engine.force([source], [target])[0]
        assert forced.log_probs == pytest.approx(alone.log_probs, abs=1e-4)
        assert forced.weights == pytest.approx(alone.weights, abs=1e-5)
        assert forced.weights.shape == (made.layers, made.layers, len(target) + 1, len(source) + 1)
        assert forced.weights.sum(-1) == pytest.approx(1, abs=1e-5)
        assert forced.token_weights() == pytest.approx(forced.weights[-1].mean(0))
        for place, token in enumerate([*target, END]):
            expected = next_log_probs(engine, source, target[:place])[token]
            assert forced.log_probs[place] == pytest.approx(expected, abs=1e-4)


# Greedy and beam


@every_model
def test_a_beam_of_one_is_greedy(made):
    for seed in range(2):
        engine, task = make_engine(made, seed), Task(SOURCES, [30, 12, 20])
        found = beam(engine, task, size=1, length_penalty=1.0)
        assert all(len(hypotheses) == 1 for hypotheses in found)
        assert_same([hypotheses[0] for hypotheses in found], greedy(engine, task))


@every_model
def test_greedy_picks_the_likeliest_token_until_the_end(made):
    engine = make_engine(made, seed=3)
    for source, limit, found in zip(
        SOURCES, SHORT, greedy(engine, Task(SOURCES, SHORT)), strict=True
    ):
        written: list[int] = []
        while len(written) < limit and END not in written:
            following = next_log_probs(engine, source, written)
            written.append(max(following, key=following.__getitem__))
        assert found.tokens + [END] * (found.finish_reason == "eos") == written


@every_model
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_beam_wide_enough_finds_what_trying_everything_finds(made, alpha):
    engine = make_engine(made, tokens=6)
    every = []
    for length in range(3):
        every += [
            Hypothesis(list(words), 0.0, "eos") for words in product([3, 4, 5], repeat=length)
        ]
    every += [Hypothesis(list(words), 0.0, "length") for words in product([3, 4, 5], repeat=3)]
    forced = engine.force(SOURCES[:1] * len(every), [one.tokens for one in every])
    pairs = zip(every, forced, strict=True)
    every = [one._replace(log_prob=forced_log_prob(reading, one)) for one, reading in pairs]
    assert sum(np.exp(one.log_prob) for one in every) == pytest.approx(1.0, abs=1e-5)

    def badness(one: Hypothesis) -> tuple[bool, float]:
        length = len(one.tokens) + (one.finish_reason == "eos")
        return one.finish_reason != "eos", -one.log_prob / length**alpha

    found = beam(engine, Task(SOURCES[:1], [3]), len(every), alpha)[0]
    assert_same(found, sorted(every, key=badness))


def slow_beam(
    engine: TorchEngine, source: list[int], limit: int, size: int, alpha: float
) -> list[Hypothesis]:
    live, found = [Hypothesis([], 0.0, "length")], []
    for length in range(1, limit + 1):
        longer = [
            Hypothesis([*one.tokens, token], one.log_prob + log_prob, "length")
            for one in live
            for token, log_prob in next_log_probs(engine, source, one.tokens).items()
        ]
        longer.sort(key=lambda one: -one.log_prob)
        for one in longer[:size]:
            if one.tokens[-1] == END:
                found.append(Hypothesis(one.tokens[:-1], one.log_prob, "eos"))
        live = [one for one in longer if one.tokens[-1] != END][:size]
        if length == limit:
            found += live
        if len(found) >= size:
            break
    return sorted(found, key=rank(alpha))[:size]


@every_model
def test_a_beam_keeps_the_likeliest_beginnings(made):
    engine = make_engine(made, seed=1, tokens=8)
    for size in (2, 3):
        found = beam(engine, Task(SOURCES, SHORT), size, 1.0)
        for source, limit, hypotheses in zip(SOURCES, SHORT, found, strict=True):
            assert_same(hypotheses, slow_beam(engine, source, limit, size, 1.0))


@every_model
def test_the_log_probability_of_a_hypothesis_is_what_forcing_gives_it(made):
    engine, task = make_engine(made, tokens=7), Task(SOURCES, SHORT)
    by_all = [[one] for one in greedy(engine, task)] + beam(engine, task, 4, 1.0)
    drawn = sample(engine, Task(SOURCES * 5, SHORT * 5), Sampling(temperature=2.0))
    by_all += [[one] for one in drawn]
    assert_forcing_agrees(engine, SOURCES * 7, by_all)
    assert {one.finish_reason for found in by_all for one in found} == {"eos", "length"}


@every_model
def test_nothing_follows_the_end_and_limits_are_kept_for_each_sentence(made):
    engine, limits = make_engine(made, tokens=7), [9, 1, 2]
    task = Task(SOURCES, limits)
    by_all = [[one] for one in greedy(engine, task)] + beam(engine, task, 4, 1.0)
    by_all += [[one] for one in sample(engine, task, Sampling())]
    for limit, hypotheses in zip(limits * 3, by_all, strict=True):
        for one in hypotheses:
            assert not {PAD, START, END} & set(one.tokens)
            assert len(one.tokens) + (one.finish_reason == "eos") <= limit
            assert (len(one.tokens) == limit) == (one.finish_reason == "length")


@every_model
def test_results_do_not_depend_on_the_batch(made):
    engine, limits = make_engine(made, tokens=7), [20, 12, 16]
    together_greedy = greedy(engine, Task(SOURCES, limits))
    together = beam(engine, Task(SOURCES, limits), 3, 1.0)
    for place, (source, limit) in enumerate(zip(SOURCES, limits, strict=True)):
        alone = Task([source], [limit])
        assert_same(together_greedy[place : place + 1], greedy(engine, alone))
        assert_same(together[place], beam(engine, alone, 3, 1.0)[0])


@every_model
def test_the_n_best_are_distinct_and_sorted_by_their_rank(made):
    engine = make_engine(made, tokens=7)
    for alpha in (0.0, 1.0):
        for hypotheses in beam(engine, Task(SOURCES, [20, 12, 16]), 5, alpha):
            assert 1 <= len(hypotheses) <= 5
            assert len({tuple(one.tokens) for one in hypotheses}) == len(hypotheses)
            assert hypotheses == sorted(hypotheses, key=rank(alpha))


def test_ended_ranks_before_cut_and_then_the_likelier_for_its_length():
    by_rank = [
        Hypothesis([4, 5, 6], -4.0, "eos"),  # -4 / 4, </s> counts
        Hypothesis([4], -2.2, "eos"),  # -2.2 / 2
        Hypothesis([4, 5, 6, 7], -0.4, "length"),
        Hypothesis([4], -0.3, "length"),
        Hypothesis([4, 5], -0.1, "repetition"),
    ]
    jumbled = [by_rank[place] for place in (3, 1, 4, 0, 2)]
    assert sorted(jumbled, key=rank(1.0)) == by_rank
    assert sorted(jumbled, key=rank(0.0)) == [by_rank[place] for place in (1, 0, 3, 2, 4)]


def test_of_two_circles_that_are_cut_back_to_one_text_only_the_better_is_kept():
    def following(written: list[int]) -> dict[int, float]:
        if len(written) < 2:
            return {4 + len(written): 0.0}
        if len(written) == 2:
            return {4: -0.7, 5: -0.8}
        return {5: 0.0} if written[2] == 5 else {4 + len(written) % 2: 0.0}

    found = beam(Invented(following), Task([[7]], [40]), 2, 1.0)[0]
    assert [one[::2] for one in found] == [([4, 5], "repetition")]
    assert found[0].log_prob == pytest.approx(-0.7)


def test_a_beam_of_nothing_is_refused():
    with pytest.raises(RegardError, match="keeps nothing"):
        beam(make_engine(), Task(SOURCES, SHORT), 0, 1.0)


# A given beginning


@every_model
def test_a_given_beginning_stands_at_the_beginning_and_its_probability_counts(made):
    engine = make_engine(made, tokens=9)
    task = Task(SOURCES, [5, 4, 5], [6, UNKNOWN])
    by_all = [[one] for one in greedy(engine, task)] + beam(engine, task, 3, 1.0)
    by_all += [[one] for one in sample(engine, task, Sampling())]
    assert_forcing_agrees(engine, SOURCES * 3, by_all)
    assert all(one.tokens[:2] == [6, UNKNOWN] for found in by_all for one in found)


@every_model
def test_a_beginning_that_would_have_been_written_anyway_changes_nothing(made):
    engine, tried = make_engine(made, seed=2), 0
    for source in SOURCES[:2]:
        free = greedy(engine, Task([source], [5]))
        for length in range(1, len(free[0].tokens)):
            tried += 1
            given_ = Task([source], [5], free[0].tokens[:length])
            assert_same(greedy(engine, given_), free)
            assert_same(beam(engine, given_, 1, 1.0)[0], free)
    assert tried


# Hooks


class Forbid(Hooks):
    """`token` must not be written in `sentence`."""

    def __init__(self, sentence: int, token: int) -> None:
        self.sentence, self.token = sentence, token

    def logit_bias(self, sentences: np.ndarray, written: np.ndarray) -> LogitBias:
        rows = np.flatnonzero(sentences == self.sentence)
        return LogitBias(rows, np.full(len(rows), self.token), np.full(len(rows), -np.inf))


@every_model
def test_an_adjustment_of_minus_infinity_forbids_a_token(made):
    engine = make_engine(made, tokens=7)
    limits = [9, 12, 16]
    free = greedy(engine, Task(SOURCES, limits))
    for sentence, one in enumerate(free):
        token = [*one.tokens, END][0]
        task = Task(SOURCES, limits, hooks=Forbid(sentence, token))
        bound, beamed = greedy(engine, task), beam(engine, task, 3, 1.0)
        for hypothesis in (bound[sentence], *beamed[sentence]):
            assert token not in hypothesis.tokens and (token, hypothesis.finish_reason) != (
                END,
                "eos",
            )
        others = [place for place in range(3) if place != sentence]
        assert_same([bound[place] for place in others], [free[place] for place in others])


class Tell(Hooks):
    """Adds an amount to one token's logit, and a bias to the scores of the source's first token."""

    def __init__(self, amount: float, bias: float) -> None:
        self.amount, self.added, self.seen = amount, bias, []

    def attention_bias(self, sentences: np.ndarray, written: np.ndarray) -> np.ndarray:
        self.seen.append((sentences.tolist(), written.tolist()))
        bias = np.zeros((len(sentences), 5))
        bias[:, 0] = self.added
        return bias

    def logit_bias(self, sentences: np.ndarray, written: np.ndarray) -> LogitBias:
        rows = np.arange(len(sentences))
        return LogitBias(rows, np.full(len(rows), 5), np.full(len(rows), self.amount))


@every_model
@pytest.mark.parametrize(("amount", "added"), [(1.5, -np.inf), (-np.inf, 2.0)])
def test_bias_and_adjustment_reach_every_step(made, amount, added):
    engine, hooks = make_engine(made), Tell(amount, added)
    found = beam(engine, Task(SOURCES[:1], [5], hooks=hooks), 3, 1.0)[0]
    found += greedy(engine, Task(SOURCES[:1], [5], hooks=hooks))
    network, source = engine.network, torch.tensor([[*SOURCES[0], END]])
    for one in found:
        after = torch.tensor([one.tokens + [END] * (one.finish_reason == "eos")])
        memory = network.encode(source)
        bias = torch.zeros(1, after.size(1), 5)
        bias[..., 0] = added
        before = torch.cat([torch.tensor([[START]]), after[:, :-1]], dim=1)
        logits = network.step(before, memory, network.initial_state(memory), bias).logits
        logits[..., [PAD, START]] = -torch.inf
        logits[..., 5] += amount
        log_prob = logits.log_softmax(-1).gather(-1, after[..., None]).sum().item()
        assert one.log_prob == pytest.approx(log_prob, abs=1e-4)


def test_a_bias_goes_together_with_a_given_beginning():
    engine = make_engine(Made(layers=2))
    plain = greedy(engine, Task(SOURCES[:1], [6], [4, 5]))
    told = greedy(engine, Task(SOURCES[:1], [6], [4, 5], Tell(0.0, 3.0)))
    assert told[0].tokens[:2] == [4, 5]
    assert told[0].log_prob != pytest.approx(plain[0].log_prob, abs=1e-3)


def test_hooks_are_told_which_sentence_each_row_is_and_what_it_has_written():
    engine, hooks = make_engine(tokens=7), Tell(0.0, 0.0)
    task = Task(SOURCES, [9, 4, 6], [6], hooks)
    found = greedy(engine, task)
    assert hooks.seen[0] == ([0, 1, 2], [[START, 6]] * 3)
    for step, (sentences, written) in enumerate(hooks.seen):
        assert sentences == sorted(set(sentences))
        for sentence, row in zip(sentences, written, strict=True):
            assert row == [START, *found[sentence].tokens][: step + 2]


# Placeholder symbols

FOUR_SYMBOLS = 40
"""The size of a vocabulary that holds the first four placeholder symbols."""
A, B, C, D = PLACEHOLDER_IDS[:4]


@every_model
def test_only_required_symbols_are_possible_and_the_end_comes_after_the_last(made):
    engine, required = make_engine(made, tokens=FOUR_SYMBOLS), [[A, C], [], [B]]
    decoding = engine.encode(SOURCES, required)
    parent, missing = np.arange(3), [set(symbols) for symbols in required]
    tokens = np.full((3, 1), START)
    for written in ([5, 6, B], [C, 7, 8], [A, 9, 9]):
        ranked = decoding.advance(parent, tokens, engine.tokens, NO_ATTENTION_BIAS, NO_LOGIT_BIAS)
        assert np.exp(ranked.log_probs).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
        for row, left in enumerate(missing):
            possible = {*ranked.tokens[row, ranked.log_probs[row] > -np.inf].tolist()}
            assert possible & {A, B, C, D} == left
            assert (END in possible) == (not left)
            left.discard(written[row])
        tokens = np.array(written)[:, None]


def next_possible(
    engine: TorchEngine, source: list[int], written: list[int], required: list[int]
) -> dict[int, float]:
    """ln probability of each token after `written`, worked out from the logits."""
    before, memory = (
        torch.tensor([[START, *written]]),
        engine.network.encode(torch.tensor([[*source, END]])),
    )
    state = engine.network.initial_state(memory)
    logits = engine.network.step(before, memory, state, 0.0).logits[0, -1]
    missing = {*required} - {*written}
    impossible = {PAD, START, A, B, C, D} - missing | ({END} if missing else set())
    logits[[*impossible]] = -torch.inf
    log_probs = enumerate(logits.log_softmax(-1).tolist())
    return {token: log_prob for token, log_prob in log_probs if log_prob > -np.inf}


@pytest.mark.parametrize("made", [PLAIN, Made("scaled", "lstm", 2)], ids=["additive", "scaled"])
def test_a_beam_wide_enough_finds_the_best_of_all_that_hold_each_symbol_once(made):
    engine, limits, required = make_engine(made, tokens=FOUR_SYMBOLS), [3, 4, 3], [[D], [A, C], []]
    with torch.no_grad():
        engine.network.decoder.output_layer.bias[6:A] = -torch.inf  # a vocabulary to try through
    size = 8**4
    found = beam(engine, Task(SOURCES, limits, required=required), size, 1.0)
    for source, limit, symbols, hypotheses in zip(SOURCES, limits, required, found, strict=True):
        live, every = [Hypothesis([], 0.0, "length")], []
        for _ in range(limit):
            longer = [
                Hypothesis([*one.tokens, token], one.log_prob + log_prob, "length")
                for one in live
                for token, log_prob in next_possible(engine, source, one.tokens, symbols).items()
            ]
            every += [
                Hypothesis(one.tokens[:-1], one.log_prob, "eos")
                for one in longer
                if one.tokens[-1] == END
            ]
            live = [one for one in longer if one.tokens[-1] != END]
        assert len(every) > 6
        ended = [one for one in hypotheses if one.finish_reason == "eos"]
        assert_same(ended, sorted(every, key=rank(1.0)))
        assert all({A, B, C, D} & {*one.tokens} == {*symbols} for one in hypotheses)


def test_without_symbols_the_log_probability_is_what_forcing_gives_it():
    engine, task = make_engine(tokens=FOUR_SYMBOLS), Task(SOURCES, SHORT)
    by_all = [[one] for one in greedy(engine, task)] + beam(engine, task, 4, 1.0)
    assert_forcing_agrees(engine, SOURCES * 2, by_all)


@pytest.mark.parametrize("limit", [1, 4, 60])
def test_a_hypothesis_that_is_cut_gets_its_missing_symbols_in_their_order(limit):
    text = [20, 21, B, *[22] * 100]
    task = Task([[7], [8]], [limit] * 2, required=[[D, B, A], []])
    with_symbols, without = (one.tokens for one in greedy(reciting(text.__getitem__), task))
    kept = {1: [20], 4: [20, 21, B, 22], 60: [20, 21, B, 22]}[limit]
    missing = [D, B, A] if limit == 1 else [D, A]
    assert (with_symbols, without) == (kept + missing, kept)
    [found] = beam(reciting(text.__getitem__), task.select([0]), 1, 1.0)
    assert [one.tokens for one in found] == [kept + missing]


def test_the_steps_of_a_beginning_count_in_coverage():
    engine = make_engine(tokens=7)
    for source, found in zip(
        SOURCES, beam(engine, Task(SOURCES, SHORT, [5, 6]), 3, 1.0), strict=True
    ):
        for one in found:
            tokens = one.tokens if one.finish_reason == "eos" else one.tokens[:-1]
            forced = engine.force([source], [tokens])[0]
            assert one.coverage == pytest.approx(forced.token_weights().max(axis=0), abs=1e-4)


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_sentences_are_searched_apart_and_come_back_in_order(needs_symbols):
    required, seen = [[A] if needs else [] for needs in needs_symbols], []

    def search(group: list[int]) -> list[int]:
        seen.append([needs_symbols[index] for index in group])
        return [10 * index for index in group]

    assert search_apart(required, search) == [10 * index for index in range(len(required))]
    assert all(len({*group}) == 1 for group in seen) and len(seen) == len({*needs_symbols})


# Sampling

MANY = 3000


def first_tokens(engine: TorchEngine, sampling: Sampling) -> dict[int, int]:
    """How often each token was drawn behind <s>, </s> included."""
    drawn = sample(engine, Task([[4, 5]] * MANY, [1] * MANY), sampling)
    counts: dict[int, int] = {}
    for one in drawn:
        token = END if one.finish_reason == "eos" else one.tokens[0]
        counts[token] = counts.get(token, 0) + 1
    return counts


def assert_drawn_from(counts: dict[int, int], probability: dict[int, float]) -> None:
    total = sum(probability.values())
    assert counts.keys() <= probability.keys()
    for token, p in probability.items():
        expected = MANY * p / total
        assert abs(counts.get(token, 0) - expected) < 4 * np.sqrt(expected) + 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_samples_follow_the_distribution(temperature):
    engine = make_engine()
    log_probs = next_log_probs(engine, [4, 5], [])
    probability = {token: np.exp(one / temperature) for token, one in log_probs.items()}
    assert_drawn_from(first_tokens(engine, Sampling(temperature)), probability)


def test_top_k_draws_among_so_many_likeliest():
    engine = make_engine()
    log_probs = next_log_probs(engine, [4, 5], [])
    best = dict(sorted(log_probs.items(), key=lambda pair: -pair[1])[:3])
    counts = first_tokens(engine, Sampling(top_k=3))
    assert_drawn_from(counts, {token: np.exp(one) for token, one in best.items()})
    assert len(counts) == 3


@pytest.mark.parametrize("top_p", [0.2, 0.6, 0.9])
def test_top_p_draws_from_the_smallest_set_that_is_so_probable(top_p):
    engine = make_engine()
    log_probs = next_log_probs(engine, [4, 5], [])
    nucleus: dict[int, float] = {}
    for token in sorted(log_probs, key=lambda token: -log_probs[token]):
        if sum(nucleus.values()) < top_p:
            nucleus[token] = np.exp(log_probs[token])
    counts = first_tokens(engine, Sampling(top_p=top_p))
    assert_drawn_from(counts, nucleus)
    assert counts.keys() == nucleus.keys()


@every_model
def test_sampling_among_one_is_greedy(made):
    engine, task = make_engine(made), Task(SOURCES, [20, 12, 16])
    assert_same(sample(engine, task, Sampling(top_k=1)), greedy(engine, task))
    assert_same(sample(engine, task, Sampling(top_p=1e-9)), greedy(engine, task))


def test_samples_are_repeatable_by_their_seed():
    engine, task = make_engine(), Task(SOURCES * 3, [5] * 9)
    first = sample(engine, task, Sampling(seed=5))
    assert sample(engine, task, Sampling(seed=5)) == first
    assert sample(engine, task, Sampling(seed=6)) != first


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.0),
        Sampling(temperature=float("nan")),
        Sampling(temperature=float("inf")),
        Sampling(top_k=-1),
        Sampling(top_p=0.0),
        Sampling(top_p=1.1),
        Sampling(seed=-1),
    ],
)
def test_sampling_out_of_its_range_is_refused(sampling):
    with pytest.raises(RegardError, match="cannot sample"):
        sample(make_engine(), Task(SOURCES, SHORT), sampling)


# Going round in circles

PREAMBLES = ([], [20, 21, 22])


def circling(preamble: list[int], circle: list[int]) -> Invented:
    return reciting(lambda place: (preamble + circle * 300)[place])


@pytest.mark.parametrize("preamble", PREAMBLES)
@pytest.mark.parametrize(
    "circle", [*(list(range(4, 4 + n)) for n in range(1, MAX_PERIOD + 1)), [4, 4, 5], [4, 5, 4, 6]]
)
def test_a_decoder_that_goes_round_in_circles_is_stopped_and_cut_back_to_one_round(
    preamble, circle
):
    engine, task = circling(preamble, circle), Task([[7, 8, 9]], [500])
    found = greedy(engine, task)[0]
    assert found.finish_reason == "repetition"
    assert found.tokens == preamble + circle
    assert found.log_prob == pytest.approx(
        -0.1 * (len(preamble) + (EXTRA_REPEATS + 2) * len(circle))
    )
    assert_same(beam(engine, task, 1, 1.0)[0], [found])


@given(
    st.lists(st.lists(st.integers(4, 6), min_size=30, max_size=30), max_size=4), st.integers(2, 5)
)
def test_no_circle_is_missed_where_few_tokens_repeat(texts, allowed):
    written = np.array(texts, np.int64).reshape(-1, 30)
    circles, most = zero_counts(len(texts)), np.zeros(len(texts))
    for end in range(1, 31):
        circles = circles.append(np.pad(written[:, :end], ((0, 0), (1, 0))))
        most = np.maximum(most, circles.repeats())
    assert (may_repeat(written, np.full(len(texts), allowed)) | (most <= allowed)).all()


few_tokens = st.lists(st.sampled_from([4, 5, END]), max_size=40)
circles_of_any_length = st.builds(
    lambda before, circle, rounds, after: before + circle * rounds + after,
    few_tokens,
    st.lists(st.integers(4, 9), min_size=1, max_size=MAX_PERIOD + 1),
    st.integers(0, 9),
    few_tokens,
)


@given(circles_of_any_length, st.integers(1, 7))
def test_a_written_text_is_cut_where_a_decoder_would_have_been_stopped(text, allowed):
    circles, written = zero_counts(1), np.array([[START, *text]])
    end = 0
    for end in range(1, len(text) + 1):
        circles = circles.append(written[:, : end + 1])
        if text[end - 1] != END and circles.repeats()[0] > allowed:
            break
    found, repeated = cut_repetition(np.array(text, np.int64), allowed)
    assert (found, repeated.tolist()) == (end, circles.repeated[0].tolist())


def test_a_circle_that_is_broken_is_none():
    text = ([4] * (EXTRA_REPEATS + 1) + [5]) * 3 + [END]
    found = greedy(reciting(text.__getitem__), Task([[7]], [60]))[0]
    assert (found.tokens, found.finish_reason) == (text[:-1], "eos")


def test_a_circle_longer_than_looked_for_reaches_the_limit():
    found = greedy(circling([], list(range(4, 5 + MAX_PERIOD))), Task([[7]], [300]))[0]
    assert (len(found.tokens), found.finish_reason) == (300, "length")


@pytest.mark.parametrize("length", range(1, MAX_PERIOD + 1))
@pytest.mark.parametrize("rounds", [2, 9])
def test_a_translation_may_go_round_as_often_as_its_source_and_a_little_more(length, rounds):
    phrase = list(range(4, 4 + length))
    for written, ending in ((rounds, "eos"), (rounds + EXTRA_REPEATS, "eos"), (99, "repetition")):
        text = [20, *phrase * written, END]
        task = Task([[30, *phrase * rounds, 31]], [2000])
        found = greedy(reciting(text.__getitem__), task)[0]
        assert found.finish_reason == ending
        assert found.tokens == (text[:-1] if ending == "eos" else [20, *phrase])
        assert_same(beam(reciting(text.__getitem__), task, 1, 1.0)[0], [found])


def test_each_sentence_has_its_own_measure_of_circles():
    phrase = [4, 5]
    text = [*phrase * 10, END]
    found = greedy(reciting(text.__getitem__), Task([[7], phrase * 10, [8]], [50, 50, 12]))
    assert [one.finish_reason for one in found] == ["repetition", "eos", "repetition"]
    assert [len(one.tokens) for one in found] == [2, 20, 2]


def test_what_goes_round_in_circles_comes_behind_what_ended():
    def following(written: list[int]) -> dict[int, float]:
        return {4: -0.1, END: -5.0} if len(written) == 4 else {4: -0.1, 5: -8.0}

    found = beam(Invented(following), Task([[7]], [30]), 2, 0.0)[0]
    assert [one.finish_reason for one in found] == ["eos", "repetition"]
    assert [one.tokens for one in found] == [[4] * 4, [4]]


texts = st.lists(st.integers(4, 6), max_size=30)


@settings(deadline=None)
@given(
    st.one_of(
        texts, st.builds(lambda a, b, n, c: a + b * n + c, texts, texts, st.integers(1, 9), texts)
    )
)
def test_rounds_allowed_are_those_of_the_source_and_a_few_more(source):
    source, most = source[:80], 1
    for begin, period in product(range(len(source)), range(1, MAX_PERIOD + 1)):
        circle, rounds = source[begin : begin + period], 1
        while source[begin + rounds * period :][:period] == circle and len(circle) == period:
            rounds += 1
        most = max(most, rounds)
    assert allowed_repeats(source) == most + EXTRA_REPEATS


# Choosing among continuations


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=20).map(sorted))
def test_the_place_in_a_run_is_counted_from_its_beginning(owners):
    expected = [owners[:place].count(owner) for place, owner in enumerate(owners)]
    assert index_in_group(np.array(owners, np.int64)).tolist() == expected


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([0, 1, 3]), max_size=6).map(sorted),
    st.integers(1, 4),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_the_best_of_each_sentence_are_those_of_sorting_everything(sentences, size, k, random):
    log_prob = np.array([-random.randint(0, 4) for _ in sentences], np.float64)
    tokens = np.array([random.sample([END, 4, 5, 6, 7], k) for _ in sentences], np.int64)
    amounts = [[random.choice([0, -1, -2, -3, -np.inf]) for _ in range(k)] for _ in sentences]
    tokens, following = tokens.reshape(-1, k), np.array(amounts, np.float64).reshape(-1, k)
    ranked = TopK(tokens, following, np.zeros((len(sentences), 0), np.float32))
    kept = top_candidates(np.array(sentences, np.int64), log_prob, ranked, size)
    expected = []
    for sentence in sorted(set(sentences)):
        every = [
            (row, int(tokens[row, column]), float(log_prob[row] + following[row, column]))
            for row, column in product(range(len(sentences)), range(k))
            if sentences[row] == sentence and following[row, column] > -np.inf
        ]
        every.sort(key=lambda one: -one[2])
        others = [one for one in every if one[1] != END][:size]
        expected += [
            one
            for place, one in enumerate(every)
            if (place < size if one[1] == END else one in others)
        ]
    assert list(zip(*(part.tolist() for part in kept), strict=True)) == expected
