"""What if: the translation goes on from another word, or the model looks elsewhere."""

from collections.abc import Sequence
from math import inf, isfinite, log
from typing import NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.explain.explanation import (
    Explanation,
    ScoreChange,
    bias_matrix,
    explain_hypothesis,
    read_source,
    require_trace,
)
from regard.search.beam import Hooks, Task, TokenChooser, generate
from regard.search.protocols import TopK
from regard.shapes import Float, Int
from regard.special import END, PAD, START, Ids
from regard.translator import Translator

TOLERANCE = 0.005
"""As close as a weight comes to the one that is wanted."""
MAX_STEPS = 12
MAX_CHANGE = 1e4
"""More than any soft-max can tell; sums of such numbers are still finite."""


class Intervention(NamedTuple):
    """A sentence, and what a reader changed about its translation."""

    text: str
    prefix: tuple[int, ...] = ()
    """Target tokens with which the translation begins; </s> may be the last."""
    score_changes: tuple[ScoreChange, ...] = ()
    steps: int = 0
    """The most tokens that are written; 0: as many as it takes."""


class ScoreChangeHooks(Hooks):
    """A reader's changes, while one translation is written."""

    def __init__(self, pushes: Sequence[ScoreChange], source_tokens: int) -> None:
        self.pushes, self.source_tokens = pushes, source_tokens

    def attention_bias(
        self, sentences: Int[np.ndarray, " R"], written: Int[np.ndarray, "R T"]
    ) -> Float[np.ndarray, "_ _"]:
        row = bias_matrix(self.pushes, written.shape[1], self.source_tokens)[-1:]
        return np.repeat(row, len(sentences), axis=0)


def what_if(translator: Translator, question: Intervention, name: str) -> Explanation:
    """What the model writes, one likeliest token after the other, after the reader's changes.

    Errors as `explain`; also if a change names a token that is not there.
    """
    source = read_source(translator, question.text)
    beginning = question.prefix
    check_intervention(translator, question, len(source.ids))
    most = question.steps or translator.max_length(len(source.ids) - 1)
    hooks = ScoreChangeHooks(question.score_changes, len(source.ids))
    task = Task([source.ids[:-1]], [len(beginning) + most], (), hooks)
    engine = translator.engine
    ranked = engine.tokens if beginning else 1
    found = generate(engine, task, ranked, prefix_then_greedy(beginning))[0]
    return explain_hypothesis(
        translator, name, source, found, len(beginning), question.score_changes
    )


def set_weight(
    translator: Translator, question: Intervention, name: str, step: int, place: int, weight: float
) -> Explanation:
    """What the model writes when the weight of the source token `place` at `step` is `weight`.

    The same is added to its score in every look until the weight that is shown is as wanted: what
    that takes is the last push. Errors as `what_if`; also if no push can do it.
    """
    wanted = min(max(weight, TOLERANCE / 5), 1 - TOLERANCE / 5)
    others = tuple(
        push for push in question.score_changes if (push.step, push.source_token) != (step, place)
    )
    begun = Intervention(
        question.text,
        question.prefix[: max(step, 0)],
        others,
        max(1, step + 1 - len(question.prefix)),
    )
    before = what_if(translator, begun, name)
    if not 0 <= step < len(before.probabilities) or not 0 <= place < len(before.source.ids):
        raise RegardError(
            f"there is no weight {place} at step {step}", "the weight", "choose one that is there"
        )
    source, given = before.source.ids[:-1], before.target.ids[:step]
    amount, now = 0.0, float(before.weights[step, place])
    for _ in range(MAX_STEPS):
        if abs(now - wanted) < TOLERANCE:
            break
        if now <= 0.0:
            raise RegardError(
                "nothing that is added to this score changes its weight",
                f"{before.source.tokens[place]}, at step {step}",
                "choose a model with attention, and a word that is not forbidden",
            )
        amount += odds(wanted) - odds(now)
        bias = bias_matrix((*others, ScoreChange(step, place, amount)), step + 1, len(source) + 1)
        now = float(
            require_trace(translator).trace(source, given, bias).token_weights()[step, place]
        )
    push = (*others, ScoreChange(step, place, amount))
    return what_if(translator, question._replace(score_changes=push), name)


def odds(probability: float) -> float:
    """Natural logarithm of probability / (1 - probability), kept finite."""
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return log(inside / (1 - inside))


def prefix_then_greedy(beginning: Ids) -> TokenChooser:
    """Choose the tokens of `beginning`, and then the likeliest."""
    coming = iter(beginning)

    def choose(_: Int[np.ndarray, " R"], ranked: TopK) -> Int[np.ndarray, " R"]:
        wanted = next(coming, None)
        return np.array([0 if wanted is None else np.flatnonzero(ranked.tokens[0] == wanted)[0]])

    return choose


def check_intervention(translator: Translator, question: Intervention, source_tokens: int) -> None:
    """Raises RegardError if a change names a token that is not there, or leaves none to look at."""
    known = range(translator.engine.tokens)
    for place, token in enumerate(question.prefix):
        is_last = place == len(question.prefix) - 1
        if token not in known or token in (PAD, START) or (token == END and not is_last):
            raise RegardError(
                f"a translation cannot begin with token {token}",
                "the beginning",
                "give ids of the target vocabulary; </s> at most as the last",
            )
    for push in question.score_changes:
        is_amount = abs(push.amount) <= MAX_CHANGE or push.amount == -inf
        if not 0 <= push.source_token < source_tokens or push.step < -1 or not is_amount:
            raise RegardError(
                f"there is nothing to push at source token {push.source_token} by {push.amount}",
                "the changed scores",
                f"name one of the {source_tokens} source tokens, and {MAX_CHANGE:,.0f} at most",
            )
    is_final_only = require_trace(translator).architecture.attention == "none"
    forbidden = [push for push in question.score_changes if not isfinite(push.amount)]
    for step in {push.step for push in forbidden}:
        closed = {push.source_token for push in forbidden if push.step in (step, -1)}
        if len(closed) == source_tokens or (is_final_only and source_tokens - 1 in closed):
            raise RegardError(
                "nothing is left to look at", "the changed scores", "leave at least one source word"
            )
