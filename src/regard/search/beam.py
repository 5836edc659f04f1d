"""Find the tokens: greedy or by beam. Each is a loop around an engine's `advance`.

All engines are searched by this one file, through `contract`. R is the number of hypotheses that
are still being written.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.search.protocols import (
    UNADJUSTED,
    UNBIASED,
    Adjustment,
    Candidates,
    Engine,
    Ranked,
    Searches,
    Writes,
    Written,
)
from regard.search.repetition import Circles, end_of_circles, no_circles, rounds_allowed
from regard.shapes import Float, Int
from regard.special import END, START, Ids

FinishReason = Literal["end", "limit", "repetition"]
"""Why a hypothesis ended: it wrote </s>, reached its length limit, or went round in circles."""


class Hooks:
    """Where a caller can reach into the search; this one leaves everything as it is.

    Sentences are told by their places in the task.
    """

    def bias(
        self, sentences: Int[np.ndarray, " R"], written: Int[np.ndarray, "R T"]
    ) -> Float[np.ndarray, "_ _"]:
        """What to add to the scores [R S] for what each row will write next."""
        return UNBIASED

    def adjustment(
        self, sentences: Int[np.ndarray, " R"], written: Int[np.ndarray, "R T"]
    ) -> Adjustment:
        """What to add to the logits of what each row could write next."""
        return UNADJUSTED


NO_HOOKS = Hooks()


class Task(NamedTuple):
    """Sentences to translate, and the bounds within which to do it."""

    sources: Sequence[Ids]
    """Tokens without </s>."""
    limits: Sequence[int]
    """The most tokens that each translation may have, </s> included."""
    beginning: Ids = ()
    """Tokens with which every translation begins."""
    hooks: Hooks = NO_HOOKS
    places: Sequence[int] = ()
    """Where each sentence stands among all that are asked for, by which chance tells them apart;
    without them it is the place in this task."""

    @property
    def is_plain(self) -> bool:
        """Whether nobody reaches into it."""
        return not self.beginning and self.hooks is NO_HOOKS


class Hypothesis(NamedTuple):
    tokens: list[int]
    """Without <s> and </s>; what went round in circles is cut back to its first round."""
    log_prob: float
    """Natural logarithm of the probability of all that was written, </s> included."""
    finish_reason: FinishReason


Choose = Callable[[Int[np.ndarray, " R"], Ranked], Int[np.ndarray, " R"]]
"""Which of the ranked tokens (its column) each row writes, given the rows' sentences."""


def likeliest(sentences: Int[np.ndarray, " R"], _: Ranked) -> Int[np.ndarray, " R"]:
    return np.zeros(len(sentences), np.int64)


def walk(engine: Engine, task: Task, k: int, choose: Choose) -> list[Hypothesis]:
    """Write one translation of each sentence, choosing among the `k` likeliest tokens at each step.

    Sentences that have ended leave the batch.
    """
    decoding = engine.encode(task.sources)
    allowed = np.array([rounds_allowed(source) for source in task.sources])
    limits = np.array(task.limits)
    sentence = rows = np.arange(len(task.sources))
    written = np.tile(np.array([START, *task.beginning], np.int64), (len(rows), 1))
    coming, circles = written, no_circles(len(rows))
    log_prob = given_log_prob(engine, task)
    found: list[Hypothesis] = [Hypothesis([], 0.0, "end")] * len(rows)
    while len(sentence):
        ranked = decoding.advance(
            rows,
            coming,
            k,
            task.hooks.bias(sentence, written),
            task.hooks.adjustment(sentence, written),
        )
        every, column = np.arange(len(sentence)), choose(sentence, ranked)
        coming = ranked.tokens[every, column][:, None]
        log_prob = log_prob + ranked.log_probs[every, column]
        written = np.concatenate([written, coming], axis=1)
        circles = circles.write(written)
        ended = coming[:, 0] == END
        circling = ~ended & (circles.rounds() > allowed[sentence])
        full = ~ended & ~circling & (written.shape[1] - 1 >= limits[sentence])
        for row in np.flatnonzero(ended | circling | full):
            found[sentence[row]] = finish(
                written[row], log_prob[row], circles, row, bool(ended[row]), bool(circling[row])
            )
        rows = np.flatnonzero(~(ended | circling | full))
        sentence, written, coming = sentence[rows], written[rows], coming[rows]
        log_prob, circles = log_prob[rows], circles.pick(rows)
    return found


def finish(
    written: Int[np.ndarray, " T"],
    log_prob: float,
    circles: Circles,
    row: np.intp,
    ended: bool,
    circling: bool,
) -> Hypothesis:
    """What a row has written, without <s> and </s>."""
    tokens = written[1:].tolist()
    if ended:
        return Hypothesis(tokens[:-1], float(log_prob), "end")
    if circling:
        return Hypothesis(
            tokens[: len(tokens) - circles.excess(row)], float(log_prob), "repetition"
        )
    return Hypothesis(tokens, float(log_prob), "limit")


def given_log_prob(engine: Engine, task: Task) -> Float[np.ndarray, " B"]:
    """ln probability of the given beginning of each translation; 0 where nothing is given."""
    if not task.beginning:
        return np.zeros(len(task.sources))
    forced = engine.force(task.sources, [task.beginning] * len(task.sources))
    return np.array([reading.log_probs[:-1].sum() for reading in forced], np.float64)


def greedy(engine: Engine, task: Task) -> list[Hypothesis]:
    """Pick the likeliest next token, one at a time, until </s>."""
    if isinstance(engine, Writes) and task.is_plain:
        allowed = [rounds_allowed(source) for source in task.sources]
        written = engine.write(task.sources, task.limits, allowed)
        return [finish_written(one, most) for one, most in zip(written, allowed, strict=True)]
    return walk(engine, task, 1, likeliest)


def finish_written(written: Written, allowed: int) -> Hypothesis:
    circles, ended = Circles(written.run[None]), bool(written.tokens[-1] == END)
    circling = not ended and int(circles.rounds()[0]) > allowed
    whole = np.concatenate([[START], written.tokens])
    return finish(whole, np.float64(written.log_prob), circles, np.intp(0), ended, circling)


def beam(engine: Engine, task: Task, size: int, alpha: float) -> list[list[Hypothesis]]:
    """The `size` best translations of each sentence, best first.

    At each step the `size` likeliest beginnings of a sentence go on. One whose </s> is among them
    is found; a sentence leaves the batch when `size` are found. Translations are ranked by
    log-probability / length**alpha, `length` in tokens with </s> (Wu et al. 2016, eq. 14, without
    its +5); those that did not end by themselves come behind those that did.
    Raises RegardError if `size` is less than 1.
    """
    if size < 1:
        raise RegardError(f"a beam of {size} finds nothing", "search.beam", "give at least 1")
    if isinstance(engine, Searches) and task.is_plain and size <= engine.largest_beam:
        return search_inside(engine, task, size, alpha)
    decoding = engine.encode(task.sources)
    allowed = np.array([rounds_allowed(source) for source in task.sources])
    limits = np.array(task.limits)
    sentence = rows = np.arange(len(task.sources))
    written = np.tile(np.array([START, *task.beginning], np.int64), (len(rows), 1))
    coming, circles = written, no_circles(len(rows))
    log_prob = given_log_prob(engine, task)
    found: list[list[Hypothesis]] = [[] for _ in task.sources]
    k = min(size + 1, engine.tokens)
    while len(rows):
        ranked = decoding.advance(
            rows,
            coming,
            k,
            task.hooks.bias(sentence, written),
            task.hooks.adjustment(sentence, written),
        )
        parent, token, total = best_of_each(sentence, log_prob, ranked, size)
        sentence, log_prob, coming = sentence[parent], total, token[:, None]
        written = np.concatenate([written[parent], coming], axis=1)
        circles = circles.pick(parent).write(written)
        ended = token == END
        circling = ~ended & (circles.rounds() > allowed[sentence])
        full = ~ended & ~circling & (written.shape[1] - 1 >= limits[sentence])
        for row in np.flatnonzero(ended | circling | full):
            found[sentence[row]].append(
                finish(
                    written[row], log_prob[row], circles, row, bool(ended[row]), bool(circling[row])
                )
            )
        enough = np.array([len(hypotheses) >= size for hypotheses in found])
        live = np.flatnonzero(~(ended | circling | full) & ~enough[sentence])
        rows, sentence, log_prob = parent[live], sentence[live], log_prob[live]
        written, coming, circles = written[live], coming[live], circles.pick(live)
    return [best_found(hypotheses, size, alpha) for hypotheses in found]


def search_inside(engine: Searches, task: Task, size: int, alpha: float) -> list[list[Hypothesis]]:
    allowed = [rounds_allowed(source) for source in task.sources]
    looked_at = engine.search(task.sources, task.limits, allowed, size)
    return [
        best_found(found_among(candidates, limit, rounds, size), size, alpha)
        for candidates, limit, rounds in zip(looked_at, task.limits, allowed, strict=True)
    ]


def found_among(candidates: Candidates, limit: int, rounds: int, size: int) -> list[Hypothesis]:
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
    found = [
        Hypothesis(path(step, place)[:-1], float(total[step, place]), "end")
        for step, place in np.argwhere(is_end[:, :size]).tolist()
    ]
    for step, row in np.argwhere(candidates.goes_round).tolist():
        place = kept[step][row]
        tokens = np.array(path(step, place))
        run = end_of_circles(tokens, rounds)[1]
        found.append(finish_written(Written(tokens, float(total[step, place]), run), rounds))
    last = limit - 1
    if len(token) == limit:
        is_full = (
            np.take_along_axis(is_alive & ~is_end, candidates.kept, 1) & ~candidates.goes_round
        )
        for row in np.flatnonzero(is_full[last]).tolist():
            place = kept[last][row]
            found.append(Hypothesis(path(last, place), float(total[last, place]), "limit"))
    return found


def best_found(hypotheses: Sequence[Hypothesis], size: int, alpha: float) -> list[Hypothesis]:
    return distinct(sorted(hypotheses, key=rank(alpha)))[:size]


def best_of_each(
    sentence: Int[np.ndarray, " R"],
    log_prob: Float[np.ndarray, " R"],
    ranked: Ranked,
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
    place = place_in_run(owner)
    is_end = token[best] == END
    others = np.cumsum(~is_end) - ~is_end
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    others -= others[first][np.cumsum(np.diff(owner, prepend=-1) != 0) - 1]
    kept = best[np.where(is_end, place, others) < size]
    return row[kept], token[kept], total[kept]


def place_in_run(owner: Int[np.ndarray, " C"]) -> Int[np.ndarray, " C"]:
    """0, 1, 2, ... within each run of equal owners."""
    new = np.diff(owner, prepend=-1) != 0
    return np.arange(len(owner)) - np.flatnonzero(new)[np.cumsum(new) - 1]


def distinct(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The first of each text: different circles may have been cut back to the same round."""
    first: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in hypotheses:
        first.setdefault(tuple(hypothesis.tokens), hypothesis)
    return list(first.values())


def rank(alpha: float) -> Callable[[Hypothesis], tuple[int, float]]:
    """The key by which hypotheses are sorted, best first."""
    order = {"end": 0, "limit": 1, "repetition": 2}

    def key(hypothesis: Hypothesis) -> tuple[int, float]:
        length = len(hypothesis.tokens) + (hypothesis.finish_reason == "end")
        return order[hypothesis.finish_reason], -hypothesis.log_prob / max(1, length) ** alpha

    return key
