"""What if: a translation that continues from another word, or a model that attends elsewhere."""

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
from regard.search.beam import Hooks, RowSentences, Task, TokenChooser, Written, generate
from regard.search.protocols import AttentionBias, TopK
from regard.shapes import Int
from regard.special import END, PAD, START, Ids
from regard.translator import Translator

TOLERANCE = 0.005
"""How close a weight comes to the one that is wanted."""
MAX_STEPS = 12
"""Of the search for the change of a score that gives a wanted weight."""
MAX_CHANGE = 1e4
"""Of a score: more than any softmax can distinguish; sums of such numbers are still finite."""


class Intervention(NamedTuple):
    """A sentence, and what a reader changed about its translation."""

    text: str
    prefix: tuple[int, ...] = ()
    """Target tokens with which the translation begins; </s> may be the last."""
    score_changes: tuple[ScoreChange, ...] = ()
    steps: int = 0
    """The most tokens to write; 0: until the translation ends."""


class ScoreChangeHooks(Hooks):
    """Applies a reader's changes while one translation is written."""

    def __init__(self, changes: Sequence[ScoreChange], source_tokens: int) -> None:
        self.changes, self.source_tokens = changes, source_tokens

    def attention_bias(self, sentences: RowSentences, written: Written) -> AttentionBias:
        row = bias_matrix(self.changes, written.shape[1], self.source_tokens)[-1:]
        return np.repeat(row, len(sentences), axis=0)


def what_if(translator: Translator, intervention: Intervention, name: str) -> Explanation:
    """The greedy translation after the reader's changes.

    Errors as `explain`; also if a change names a token that does not exist.
    """
    sentence = read_source(translator, intervention.text)
    source = translator.source.encode([sentence.text.text])[0]
    prefix, changes = intervention.prefix, intervention.score_changes
    check_intervention(translator, intervention, len(source) + 1)
    steps = intervention.steps or translator.options.max_length(len(source))
    hooks = ScoreChangeHooks(changes, len(source) + 1)
    required = () if intervention.steps else [sentence.required]
    task = Task([source], [len(prefix) + steps], (), hooks, required=required)
    ranked = translator.engine.tokens if prefix else 1
    [hypothesis] = generate(translator.engine, task, ranked, prefix_then_greedy(prefix))
    return explain_hypothesis(translator, name, sentence, hypothesis, len(prefix), changes)


def set_weight(
    translator: Translator,
    intervention: Intervention,
    name: str,
    step: int,
    source_token: int,
    weight: float,
) -> Explanation:
    """The greedy translation when the weight of `source_token` at `step` is `weight`.

    The same number is added to its score in every layer and head until the weight that is shown is
    as wanted; it is the last of the explanation's score changes. Errors as `what_if`; also if no
    change of the score has this effect.
    """
    wanted = min(max(weight, TOLERANCE / 5), 1 - TOLERANCE / 5)
    others = tuple(
        change
        for change in intervention.score_changes
        if (change.step, change.source_token) != (step, source_token)
    )
    up_to_step = Intervention(
        intervention.text,
        intervention.prefix[: max(step, 0)],
        others,
        max(1, step + 1 - len(intervention.prefix)),
    )
    before = what_if(translator, up_to_step, name)
    steps, source_tokens = len(before.probabilities), len(before.source.ids)
    if not 0 <= step < steps or not 0 <= source_token < source_tokens:
        raise RegardError(
            f"there is no weight of source token {source_token} at step {step}",
            "the weight",
            f"choose one of {source_tokens} source tokens and {steps} steps",
        )
    source, target = before.source.ids[:-1], before.target.ids[:step]
    amount, now = 0.0, float(before.weights[step, source_token])
    for _ in range(MAX_STEPS):
        if abs(now - wanted) < TOLERANCE:
            break
        if now <= 0.0:
            raise RegardError(
                "no change of this score changes its weight",
                f"{before.source.tokens[source_token]}, at step {step}",
                "choose a model with attention, and a word that is not forbidden",
            )
        amount += log_odds(wanted) - log_odds(now)
        changes = (*others, ScoreChange(step, source_token, amount))
        bias = bias_matrix(changes, step + 1, source_tokens)
        trace = require_trace(translator).trace(source, target, bias)
        now = float(translator.summary(trace.layers[-1].weights)[step, source_token])
    changes = (*others, ScoreChange(step, source_token, amount))
    return what_if(translator, intervention._replace(score_changes=changes), name)


def log_odds(probability: float) -> float:
    """Natural logarithm of probability / (1 - probability), kept finite."""
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return log(inside / (1 - inside))


def prefix_then_greedy(prefix: Ids) -> TokenChooser:
    """Choose the tokens of `prefix`, and then the likeliest."""
    remaining = iter(prefix)

    def choose(_: RowSentences, ranked: TopK) -> Int[np.ndarray, " R"]:
        token = next(remaining, None)
        return np.array([0 if token is None else np.flatnonzero(ranked.tokens[0] == token)[0]])

    return choose


def check_intervention(
    translator: Translator, intervention: Intervention, source_tokens: int
) -> None:
    """Raises RegardError if a change names a token that does not exist, or leaves no source token
    to attend to."""
    vocabulary = range(translator.engine.tokens)
    for index, token in enumerate(intervention.prefix):
        is_last = index == len(intervention.prefix) - 1
        if token not in vocabulary or token in (PAD, START) or (token == END and not is_last):
            raise RegardError(
                f"a translation cannot begin with token {token}",
                "the prefix",
                "give ids of the target vocabulary; </s> at most as the last",
            )
    changes = intervention.score_changes
    for change in changes:
        is_amount = abs(change.amount) <= MAX_CHANGE or change.amount == -inf
        if not 0 <= change.source_token < source_tokens or change.step < -1 or not is_amount:
            raise RegardError(
                f"invalid change of a score: source token {change.source_token}, amount"
                f" {change.amount}",
                "the score changes",
                f"name one of the {source_tokens} source tokens, and at most {MAX_CHANGE:,.0f}",
            )
    is_final_only = require_trace(translator).architecture.attention == "none"
    forbidden = [change for change in changes if not isfinite(change.amount)]
    for step in {change.step for change in forbidden}:
        masked = {change.source_token for change in forbidden if change.step in (step, -1)}
        if len(masked) == source_tokens or (is_final_only and source_tokens - 1 in masked):
            raise RegardError(
                "every source token is forbidden", "the score changes", "leave at least one"
            )
