"""Greedy search and beam search, over any engine.

R is the number of hypotheses that are not finished yet, T the number of tokens that they have.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.search.placeholders import append_missing, search_apart
from regard.search.protocols import (
    NO_ATTENTION_BIAS,
    NO_LOGIT_BIAS,
    AttentionBias,
    Decoding,
    Engine,
    FinishReason,
    Hypothesis,
    LogitBias,
    SupportsBeam,
    SupportsGreedy,
    TopK,
)
from regard.search.repetition import RepetitionCounts, allowed_repeats, zero_counts
from regard.shapes import Bool, Float, Int
from regard.special import END, START, Ids

RowSentences = Int[np.ndarray, " R"]
"""The index of each row's sentence in the task."""
Written = Int[np.ndarray, "R T"]
"""The tokens of each row, from <s> on."""
Candidates = Int[np.ndarray, " C"]
Coverage = Float[np.ndarray, "R S"]
"""The highest attention weight of each source token in any step; before the first step S is 1."""


class Hooks:
    """Where a caller changes what a search computes; this one changes nothing.

    `sentences` are indices into the task.
    """

    def attention_bias(self, sentences: RowSentences, written: Written) -> AttentionBias:
        """What to add to the attention scores [R S] at the next token of each row."""
        return NO_ATTENTION_BIAS

    def logit_bias(self, sentences: RowSentences, written: Written) -> LogitBias:
        """What to add to the logits of the next token of each row."""
        return NO_LOGIT_BIAS


NO_HOOKS = Hooks()


class Task(NamedTuple):
    """Sentences to translate, and within which bounds."""

    sources: Sequence[Ids]
    """Tokens without </s>."""
    max_lengths: Sequence[int]
    """Of each translation, in tokens, </s> included."""
    prefix: Ids = ()
    """Tokens with which every translation begins."""
    hooks: Hooks = NO_HOOKS
    indices: Sequence[int] = ()
    """Of the sentences among all that were asked for, from which their random seeds follow;
    without them, their indices in this task."""
    required: Sequence[Ids] = ()
    """Of each sentence the placeholder symbols that its translation must hold, each exactly once;
    empty where none requires any. It holds no other placeholder symbols."""

    @property
    def is_plain(self) -> bool:
        """Whether an engine's own search gives the same: no prefix and no hooks."""
        return not self.prefix and self.hooks is NO_HOOKS

    @property
    def max_repeats(self) -> list[int]:
        return [allowed_repeats(source) for source in self.sources]

    @property
    def required_symbols(self) -> Sequence[Ids]:
        """Of each sentence."""
        return self.required or [()] * len(self.sources)

    def select(self, sentences: Sequence[int]) -> "Task":
        """Only these sentences."""
        all_indices, required = self.indices or range(len(self.sources)), self.required_symbols
        return self._replace(
            sources=[self.sources[sentence] for sentence in sentences],
            max_lengths=[self.max_lengths[sentence] for sentence in sentences],
            indices=[all_indices[sentence] for sentence in sentences],
            required=[required[sentence] for sentence in sentences],
        )


class Bounds(NamedTuple):
    """Where the hypotheses of each sentence end, and what they hold at least."""

    source_lengths: Int[np.ndarray, " B"]
    """With </s>."""
    max_lengths: Int[np.ndarray, " B"]
    max_repeats: Int[np.ndarray, " B"]
    required: Sequence[Ids]


def bounds_of(task: Task) -> Bounds:
    source_lengths = np.array([len(source) + 1 for source in task.sources])
    limits = np.array(task.max_lengths), np.array(task.max_repeats)
    return Bounds(source_lengths, *limits, task.required_symbols)


class Rows(NamedTuple):
    """The hypotheses that are not finished yet."""

    sentence: RowSentences
    written: Written
    log_prob: Float[np.ndarray, " R"]
    counts: RepetitionCounts
    coverage: Coverage

    def extend(
        self,
        parent: Candidates,
        token: Candidates,
        log_prob: Float[np.ndarray, " C"],
        weights: Coverage,
    ) -> "Rows":
        """Each of the rows `parent` with one more token; `log_prob` is of all its tokens, `weights`
        are those of the step that every row took."""
        written = np.concatenate([self.written[parent], token[:, None]], axis=1)
        counts = self.counts.select(parent).append(written)
        coverage = np.maximum(self.coverage, weights)[parent]
        return Rows(self.sentence[parent], written, log_prob, counts, coverage)

    def select(self, rows: Candidates) -> "Rows":
        counts, coverage = self.counts.select(rows), self.coverage[rows]
        return Rows(self.sentence[rows], self.written[rows], self.log_prob[rows], counts, coverage)

    def finish(self, bounds: Bounds) -> tuple[Bool[np.ndarray, " R"], list[tuple[int, Hypothesis]]]:
        """Which rows are finished, and their sentences and hypotheses."""
        ended = self.written[:, -1] == END
        is_repeating = ~ended & (self.counts.repeats() > bounds.max_repeats[self.sentence])
        at_length_limit = self.written.shape[1] - 1 >= bounds.max_lengths[self.sentence]
        is_finished = ended | is_repeating | at_length_limit
        hypotheses = []
        for row in np.flatnonzero(is_finished):
            sentence = int(self.sentence[row])
            surplus = self.counts.surplus_tokens(row) if is_repeating[row] else 0
            tokens, log_prob = self.written[row, 1:].tolist(), float(self.log_prob[row])
            coverage = self.coverage[row, : bounds.source_lengths[sentence]].tolist()
            hypothesis = finish(tokens, log_prob, surplus, coverage, bounds.required[sentence])
            hypotheses.append((sentence, hypothesis))
        return is_finished, hypotheses


def finish(
    tokens: list[int],
    log_prob: float,
    surplus: int,
    coverage: Sequence[float],
    required: Ids,
) -> Hypothesis:
    """A hypothesis of these tokens, whose last `surplus` ones only repeat what precedes them; the
    `required` symbols that it lacks are appended."""
    reason: FinishReason = "repetition" if surplus else "length"
    if tokens[-1] == END:
        reason, surplus = "eos", 1
    kept = append_missing(tokens[: len(tokens) - surplus], required)
    return Hypothesis(kept, log_prob, reason, tuple(coverage))


def first_rows(engine: Engine, task: Task) -> Rows:
    """One row for each sentence: <s> and the prefix."""
    count = len(task.sources)
    written = np.tile(np.array([START, *task.prefix], np.int64), (count, 1))
    log_prob, coverage = prefix_log_prob(engine, task), np.zeros((count, 1), np.float32)
    return Rows(np.arange(count), written, log_prob, zero_counts(count), coverage)


def prefix_log_prob(engine: Engine, task: Task) -> Float[np.ndarray, " B"]:
    """ln probability of the prefix in each translation; 0 without a prefix."""
    if not task.prefix:
        return np.zeros(len(task.sources))
    forced = engine.force(task.sources, [task.prefix] * len(task.sources))
    return np.array([reading.log_probs[:-1].sum() for reading in forced], np.float64)


def advance(
    decoding: Decoding, task: Task, rows: Rows, parent: Int[np.ndarray, " R"], k: int
) -> TopK:
    """The `k` likeliest next tokens of `rows`, which continue the decoding's rows `parent`."""
    is_first = rows.written.shape[1] == 1 + len(task.prefix)
    return decoding.advance(
        parent,
        rows.written if is_first else rows.written[:, -1:],
        k,
        task.hooks.attention_bias(rows.sentence, rows.written),
        task.hooks.logit_bias(rows.sentence, rows.written),
    )


TokenChooser = Callable[[RowSentences, TopK], Int[np.ndarray, " R"]]
"""Which of the ranked tokens (its column) each row writes, given the rows' sentences."""


def generate(engine: Engine, task: Task, k: int, choose: TokenChooser) -> list[Hypothesis]:
    """Write one translation of each sentence, choosing among the `k` likeliest tokens at each step.

    Finished sentences leave the batch.
    """
    decoding, rows = engine.encode(task.sources, task.required), first_rows(engine, task)
    bounds = bounds_of(task)
    hypotheses: list[Hypothesis] = [Hypothesis([], 0.0, "eos")] * len(task.sources)
    parent = rows.sentence
    while len(parent):
        ranked = advance(decoding, task, rows, parent, k)
        all_rows, column = np.arange(len(parent)), choose(rows.sentence, ranked)
        log_prob = rows.log_prob + ranked.log_probs[all_rows, column]
        rows = rows.extend(all_rows, ranked.tokens[all_rows, column], log_prob, ranked.weights)
        is_finished, finished = rows.finish(bounds)
        for sentence, hypothesis in finished:
            hypotheses[sentence] = hypothesis
        parent = np.flatnonzero(~is_finished)
        rows = rows.select(parent)
    return hypotheses


def argmax(sentences: RowSentences, _: TopK) -> Int[np.ndarray, " R"]:
    """The likeliest token of each row."""
    return np.zeros(len(sentences), np.int64)


def greedy(engine: Engine, task: Task) -> list[Hypothesis]:
    """Pick the likeliest next token, one at a time, until </s>."""
    if isinstance(engine, SupportsGreedy) and task.is_plain:
        own_search = engine.greedy

        def search(group: list[int]) -> list[Hypothesis]:
            part = task.select(group)
            return own_search(part.sources, part.max_lengths, part.max_repeats, part.required)

        return search_apart(task.required_symbols, search)
    return generate(engine, task, 1, argmax)


def beam(engine: Engine, task: Task, size: int, length_penalty: float) -> list[list[Hypothesis]]:
    """The `size` best translations of each sentence, best first.

    At each step the `size` likeliest prefixes of a sentence continue. One whose </s> is among them
    is finished; a sentence leaves the batch when `size` are finished. Translations are ranked by
    log-probability / length**length_penalty, `length` in tokens with </s> (Wu et al. 2016, eq. 14,
    without its +5); those that did not end by themselves come after those that did.
    Raises RegardError if `size` is less than 1.
    """
    if size < 1:
        raise RegardError(f"a beam of {size} keeps nothing", "search.beam", "give at least 1")
    if isinstance(engine, SupportsBeam) and task.is_plain and size <= engine.largest_beam:
        own_search = engine.beam

        def search(group: list[int]) -> list[list[Hypothesis]]:
            part = task.select(group)
            return own_search(part.sources, part.max_lengths, part.max_repeats, part.required, size)

        ended = search_apart(task.required_symbols, search)
    else:
        ended = step_by_step_beam(engine, task, size)
    return [n_best(hypotheses, size, length_penalty) for hypotheses in ended]


def step_by_step_beam(engine: Engine, task: Task, size: int) -> list[list[Hypothesis]]:
    """All hypotheses of each sentence that ended, in the order in which they ended."""
    decoding, rows = engine.encode(task.sources, task.required), first_rows(engine, task)
    bounds = bounds_of(task)
    ended: list[list[Hypothesis]] = [[] for _ in task.sources]
    parent, k = rows.sentence, min(size + 1, engine.tokens)
    while len(parent):
        ranked = advance(decoding, task, rows, parent, k)
        best = top_candidates(rows.sentence, rows.log_prob, ranked, size)
        rows = rows.extend(best.parent, best.token, best.log_prob, ranked.weights)
        is_finished, finished = rows.finish(bounds)
        for sentence, hypothesis in finished:
            ended[sentence].append(hypothesis)
        is_done = np.array([len(hypotheses) >= size for hypotheses in ended])
        unfinished = np.flatnonzero(~is_finished & ~is_done[rows.sentence])
        parent, rows = best.parent[unfinished], rows.select(unfinished)
    return ended


class BeamCandidates(NamedTuple):
    """What may continue: C rows with one more token."""

    parent: Candidates
    token: Candidates
    log_prob: Float[np.ndarray, " C"]
    """Of all tokens of the hypothesis."""


def top_candidates(
    sentence: RowSentences, log_prob: Float[np.ndarray, " R"], ranked: TopK, size: int
) -> BeamCandidates:
    """Of each sentence those </s> that are among its `size` likeliest continuations, and the
    `size` likeliest others, likeliest first."""
    total = (log_prob[:, None] + ranked.log_probs).ravel()
    token = ranked.tokens.ravel()
    row = np.repeat(np.arange(len(sentence)), ranked.tokens.shape[1])
    best = np.lexsort((-total, sentence[row]))
    best = best[np.isfinite(total[best])]
    owner = sentence[row[best]]
    is_end = token[best] == END
    # within each sentence: the rank among all, and for other tokens than </s> among these alone
    rank_among_all = index_in_group(owner)
    others = np.cumsum(~is_end) - ~is_end
    rank_among_others = others - others[np.arange(len(owner)) - rank_among_all]
    is_kept = np.where(is_end, rank_among_all, rank_among_others) < size
    return BeamCandidates(row[best][is_kept], token[best][is_kept], total[best][is_kept])


def index_in_group(owner: Candidates) -> Candidates:
    """0, 1, 2, ... within each run of equal owners."""
    is_new = np.diff(owner, prepend=-1) != 0
    return np.arange(len(owner)) - np.flatnonzero(is_new)[np.cumsum(is_new) - 1]


def n_best(hypotheses: Sequence[Hypothesis], size: int, length_penalty: float) -> list[Hypothesis]:
    """The `size` best of different tokens, best first: different repetitions may be cut back to the
    same round."""
    best_of_tokens: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in sorted(hypotheses, key=rank(length_penalty)):
        best_of_tokens.setdefault(tuple(hypothesis.tokens), hypothesis)
    return list(best_of_tokens.values())[:size]


def rank(length_penalty: float) -> Callable[[Hypothesis], tuple[int, float]]:
    """The key by which hypotheses are sorted, best first."""
    order: dict[FinishReason, int] = {"eos": 0, "length": 1, "repetition": 2}

    def key(hypothesis: Hypothesis) -> tuple[int, float]:
        length = len(hypothesis.tokens) + (hypothesis.finish_reason == "eos")
        score = hypothesis.log_prob / max(1, length) ** length_penalty
        return order[hypothesis.finish_reason], -score

    return key
