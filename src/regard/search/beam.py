"""Find the tokens: greedy or by beam. Each is a loop around an engine's `advance`.

All engines are searched by this one file, through `contract`. R is the number of hypotheses that
are still being written.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.search.protocols import (
    NO_ATTENTION_BIAS,
    NO_LOGIT_BIAS,
    BeamSteps,
    Engine,
    GreedyOutput,
    LogitBias,
    SupportsBeam,
    SupportsGreedy,
    TopK,
)
from regard.search.repetition import RepetitionCounts, allowed_repeats, cut_repetition, zero_counts
from regard.shapes import Float, Int
from regard.special import END, START, Ids

FinishReason = Literal["eos", "length", "repetition"]
"""Why a hypothesis ended: it wrote </s>, reached its length limit, or went round in circles."""


class Hooks:
    """Where a caller can reach into the search; this one leaves everything as it is.

    Sentences are told by their places in the task.
    """

    def attention_bias(
        self, sentences: Int[np.ndarray, " R"], written: Int[np.ndarray, "R T"]
    ) -> Float[np.ndarray, "_ _"]:
        """What to add to the scores [R S] for what each row will write next."""
        return NO_ATTENTION_BIAS

    def logit_bias(
        self, sentences: Int[np.ndarray, " R"], written: Int[np.ndarray, "R T"]
    ) -> LogitBias:
        """What to add to the logits of what each row could write next."""
        return NO_LOGIT_BIAS


NO_HOOKS = Hooks()


class Task(NamedTuple):
    """Sentences to translate, and the bounds within which to do it."""

    sources: Sequence[Ids]
    """Tokens without </s>."""
    max_lengths: Sequence[int]
    """The most tokens that each translation may have, </s> included."""
    prefix: Ids = ()
    """Tokens with which every translation begins."""
    hooks: Hooks = NO_HOOKS
    indices: Sequence[int] = ()
    """Where each sentence stands among all that are asked for, by which chance tells them apart;
    without them it is the place in this task."""

    @property
    def is_plain(self) -> bool:
        """Whether nobody reaches into it."""
        return not self.prefix and self.hooks is NO_HOOKS


class Hypothesis(NamedTuple):
    tokens: list[int]
    """Without <s> and </s>; what went round in circles is cut back to its first round."""
    log_prob: float
    """Natural logarithm of the probability of all that was written, </s> included."""
    finish_reason: FinishReason


TokenChooser = Callable[[Int[np.ndarray, " R"], TopK], Int[np.ndarray, " R"]]
"""Which of the ranked tokens (its column) each row writes, given the rows' sentences."""


def argmax(sentences: Int[np.ndarray, " R"], _: TopK) -> Int[np.ndarray, " R"]:
    return np.zeros(len(sentences), np.int64)


def generate(engine: Engine, task: Task, k: int, choose: TokenChooser) -> list[Hypothesis]:
    """Write one translation of each sentence, choosing among the `k` likeliest tokens at each step.

    Sentences that have ended leave the batch.
    """
    decoding = engine.encode(task.sources)
    max_repeats = np.array([allowed_repeats(source) for source in task.sources])
    max_lengths = np.array(task.max_lengths)
    sentence = rows = np.arange(len(task.sources))
    written = np.tile(np.array([START, *task.prefix], np.int64), (len(rows), 1))
    next_tokens, counts = written, zero_counts(len(rows))
    log_prob = prefix_log_prob(engine, task)
    hypotheses: list[Hypothesis] = [Hypothesis([], 0.0, "eos")] * len(rows)
    while len(sentence):
        ranked = decoding.advance(
            rows,
            next_tokens,
            k,
            task.hooks.attention_bias(sentence, written),
            task.hooks.logit_bias(sentence, written),
        )
        all_rows, column = np.arange(len(sentence)), choose(sentence, ranked)
        next_tokens = ranked.tokens[all_rows, column][:, None]
        log_prob = log_prob + ranked.log_probs[all_rows, column]
        written = np.concatenate([written, next_tokens], axis=1)
        counts = counts.append(written)
        ended = next_tokens[:, 0] == END
        is_repeating = ~ended & (counts.repeats() > max_repeats[sentence])
        at_length_limit = ~ended & ~is_repeating & (written.shape[1] - 1 >= max_lengths[sentence])
        for row in np.flatnonzero(ended | is_repeating | at_length_limit):
            hypotheses[sentence[row]] = finish(
                written[row], log_prob[row], counts, row, bool(ended[row]), bool(is_repeating[row])
            )
        rows = np.flatnonzero(~(ended | is_repeating | at_length_limit))
        sentence, written, next_tokens = sentence[rows], written[rows], next_tokens[rows]
        log_prob, counts = log_prob[rows], counts.select(rows)
    return hypotheses


def finish(
    written: Int[np.ndarray, " T"],
    log_prob: float,
    counts: RepetitionCounts,
    row: np.intp,
    ended: bool,
    is_repeating: bool,
) -> Hypothesis:
    """What a row has written, without <s> and </s>."""
    tokens = written[1:].tolist()
    if ended:
        return Hypothesis(tokens[:-1], float(log_prob), "eos")
    if is_repeating:
        return Hypothesis(
            tokens[: len(tokens) - counts.surplus_tokens(row)], float(log_prob), "repetition"
        )
    return Hypothesis(tokens, float(log_prob), "length")


def prefix_log_prob(engine: Engine, task: Task) -> Float[np.ndarray, " B"]:
    """ln probability of the given beginning of each translation; 0 where nothing is given."""
    if not task.prefix:
        return np.zeros(len(task.sources))
    forced = engine.force(task.sources, [task.prefix] * len(task.sources))
    return np.array([reading.log_probs[:-1].sum() for reading in forced], np.float64)


def greedy(engine: Engine, task: Task) -> list[Hypothesis]:
    """Pick the likeliest next token, one at a time, until </s>."""
    if isinstance(engine, SupportsGreedy) and task.is_plain:
        max_repeats = [allowed_repeats(source) for source in task.sources]
        written = engine.write(task.sources, task.max_lengths, max_repeats)
        return [finish_written(one, most) for one, most in zip(written, max_repeats, strict=True)]
    return generate(engine, task, 1, argmax)


def finish_written(written: GreedyOutput, max_repeats: int) -> Hypothesis:
    counts, ended = RepetitionCounts(written.repeated[None]), bool(written.tokens[-1] == END)
    is_repeating = not ended and int(counts.repeats()[0]) > max_repeats
    tokens = np.concatenate([[START], written.tokens])
    return finish(tokens, np.float64(written.log_prob), counts, np.intp(0), ended, is_repeating)


def beam(engine: Engine, task: Task, size: int, length_penalty: float) -> list[list[Hypothesis]]:
    """The `size` best translations of each sentence, best first.

    At each step the `size` likeliest beginnings of a sentence go on. One whose </s> is among them
    is found; a sentence leaves the batch when `size` are found. Translations are ranked by
    log-probability / length**alpha, `length` in tokens with </s> (Wu et al. 2016, eq. 14, without
    its +5); those that did not end by themselves come behind those that did.
    Raises RegardError if `size` is less than 1.
    """
    if size < 1:
        raise RegardError(f"a beam of {size} finds nothing", "search.beam", "give at least 1")
    if isinstance(engine, SupportsBeam) and task.is_plain and size <= engine.largest_beam:
        return beam_in_engine(engine, task, size, length_penalty)
    decoding = engine.encode(task.sources)
    max_repeats = np.array([allowed_repeats(source) for source in task.sources])
    max_lengths = np.array(task.max_lengths)
    sentence = rows = np.arange(len(task.sources))
    written = np.tile(np.array([START, *task.prefix], np.int64), (len(rows), 1))
    next_tokens, counts = written, zero_counts(len(rows))
    log_prob = prefix_log_prob(engine, task)
    finished: list[list[Hypothesis]] = [[] for _ in task.sources]
    k = min(size + 1, engine.tokens)
    while len(rows):
        ranked = decoding.advance(
            rows,
            next_tokens,
            k,
            task.hooks.attention_bias(sentence, written),
            task.hooks.logit_bias(sentence, written),
        )
        parent, token, total = top_candidates(sentence, log_prob, ranked, size)
        sentence, log_prob, next_tokens = sentence[parent], total, token[:, None]
        written = np.concatenate([written[parent], next_tokens], axis=1)
        counts = counts.select(parent).append(written)
        ended = token == END
        is_repeating = ~ended & (counts.repeats() > max_repeats[sentence])
        at_length_limit = ~ended & ~is_repeating & (written.shape[1] - 1 >= max_lengths[sentence])
        for row in np.flatnonzero(ended | is_repeating | at_length_limit):
            finished[sentence[row]].append(
                finish(
                    written[row],
                    log_prob[row],
                    counts,
                    row,
                    bool(ended[row]),
                    bool(is_repeating[row]),
                )
            )
        enough = np.array([len(hypotheses) >= size for hypotheses in finished])
        live = np.flatnonzero(~(ended | is_repeating | at_length_limit) & ~enough[sentence])
        rows, sentence, log_prob = parent[live], sentence[live], log_prob[live]
        written, next_tokens, counts = written[live], next_tokens[live], counts.select(live)
    return [n_best(hypotheses, size, length_penalty) for hypotheses in finished]


def beam_in_engine(
    engine: SupportsBeam, task: Task, size: int, length_penalty: float
) -> list[list[Hypothesis]]:
    allowed = [allowed_repeats(source) for source in task.sources]
    steps = engine.search(task.sources, task.max_lengths, allowed, size)
    return [
        n_best(backtrack(candidates, limit, rounds, size), size, length_penalty)
        for candidates, limit, rounds in zip(steps, task.max_lengths, allowed, strict=True)
    ]


def backtrack(candidates: BeamSteps, limit: int, rounds: int, size: int) -> list[Hypothesis]:
    """The hypotheses that ended, in the order in which they were found."""
    parent, token = candidates.parent.tolist(), candidates.token.tolist()
    kept, total = candidates.kept.tolist(), candidates.total

    def path(step: int, place: int) -> list[int]:
        """The tokens that led to a candidate, its own the last."""
        backwards = [token[step][place]]
        while step:
            place, step = kept[step - 1][parent[step][place]], step - 1
            backwards.append(token[step][place])
        return backwards[::-1]

    is_alive = np.isfinite(total)
    is_end = (candidates.token == END) & is_alive
    hypotheses = [
        Hypothesis(path(step, place)[:-1], float(total[step, place]), "eos")
        for step, place in np.argwhere(is_end[:, :size]).tolist()
    ]
    for step, row in np.argwhere(candidates.is_repeating).tolist():
        place = kept[step][row]
        tokens = np.array(path(step, place))
        run = cut_repetition(tokens, rounds)[1]
        hypotheses.append(
            finish_written(GreedyOutput(tokens, float(total[step, place]), run), rounds)
        )
    last = limit - 1
    if len(token) == limit:
        is_full = (
            np.take_along_axis(is_alive & ~is_end, candidates.kept, 1) & ~candidates.is_repeating
        )
        for row in np.flatnonzero(is_full[last]).tolist():
            place = kept[last][row]
            hypotheses.append(Hypothesis(path(last, place), float(total[last, place]), "length"))
    return hypotheses


def n_best(hypotheses: Sequence[Hypothesis], size: int, length_penalty: float) -> list[Hypothesis]:
    return deduplicate(sorted(hypotheses, key=rank(length_penalty)))[:size]


def top_candidates(
    sentence: Int[np.ndarray, " R"],
    log_prob: Float[np.ndarray, " R"],
    ranked: TopK,
    size: int,
) -> tuple[Int[np.ndarray, " C"], Int[np.ndarray, " C"], Float[np.ndarray, " C"]]:
    """The likeliest continuations of each sentence: their rows, tokens and log-probabilities.

    Of each sentence come those </s> that are among its `size` best, and the `size` best others.
    """
    total = (log_prob[:, None] + ranked.log_probs).ravel()
    token = ranked.tokens.ravel()
    row = np.repeat(np.arange(len(sentence)), ranked.tokens.shape[1])
    best = np.lexsort((-total, sentence[row]))
    best = best[np.isfinite(total[best])]
    owner = sentence[row[best]]
    rank_among_all = index_in_group(owner)
    is_end = token[best] == END
    others = np.cumsum(~is_end) - ~is_end
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    others -= others[first][np.cumsum(np.diff(owner, prepend=-1) != 0) - 1]
    kept = best[np.where(is_end, rank_among_all, others) < size]
    return row[kept], token[kept], total[kept]


def index_in_group(owner: Int[np.ndarray, " C"]) -> Int[np.ndarray, " C"]:
    """0, 1, 2, ... within each run of equal owners."""
    new = np.diff(owner, prepend=-1) != 0
    return np.arange(len(owner)) - np.flatnonzero(new)[np.cumsum(new) - 1]


def deduplicate(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The first of each text: different circles may have been cut back to the same round."""
    first: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in hypotheses:
        first.setdefault(tuple(hypothesis.tokens), hypothesis)
    return list(first.values())


def rank(length_penalty: float) -> Callable[[Hypothesis], tuple[int, float]]:
    """The key by which hypotheses are sorted, best first."""
    order = {"eos": 0, "length": 1, "repetition": 2}

    def key(hypothesis: Hypothesis) -> tuple[int, float]:
        length = len(hypothesis.tokens) + (hypothesis.finish_reason == "eos")
        return order[hypothesis.finish_reason], -hypothesis.log_prob / max(
            1, length
        ) ** length_penalty

    return key
