"""One translation explained: its words, where each was looked for, what else could have come."""

from collections.abc import Sequence
from math import exp, isfinite
from typing import Any, NamedTuple
from unicodedata import category

import numpy as np

from regard.errors import RegardError
from regard.search.protocols import FinishReason, Hypothesis
from regard.search.trace import Architecture, SupportsTrace, Trace
from regard.shapes import Float
from regard.special import END, PIECES, Ids
from regard.text.normalize import normalize
from regard.text.segments import TokenizedText, detokenize, with_end, without_end
from regard.text.vocabulary import Vocabulary
from regard.translator import Translator

TOP_NEXT = 8
"""Likeliest next tokens that are told at each step."""
ADVICE_SHARE = 0.4
"""More weight than this on </s> and punctuation, on average, asks for a word of advice."""


class NextToken(NamedTuple):
    """A token that could come next."""

    id: int
    token: str
    probability: float


class ScoreChange(NamedTuple):
    """What a reader changed: something added to the scores of a source token in every look."""

    step: int
    """Which target token is looked for; -1: all of them."""
    source_token: int
    """Of the source token."""
    amount: float
    """-inf: it must not be looked at."""


class Explanation(NamedTuple):
    model: str
    """Its name."""
    languages: tuple[str, str]
    architecture: Architecture
    source: TokenizedText
    target: TokenizedText
    """With </s> if the translation ended by itself."""
    prefix_length: int
    """So many first tokens were given, not chosen by the model."""
    finish_reason: FinishReason
    trace: Trace
    """One row for each target token."""
    next: list[list[NextToken]]
    """At each step the likeliest tokens, likeliest first."""
    probabilities: Float[np.ndarray, " T"]
    """Of each token that was written."""
    score_changes: tuple[ScoreChange, ...]

    @property
    def log_prob(self) -> float:
        """Natural logarithm of the translation's probability."""
        return float(np.log(self.probabilities.astype(np.float64)).sum())

    @property
    def weights(self) -> Float[np.ndarray, "T S"]:
        """Token by token: the last layer's look, the mean of its heads."""
        return self.trace.token_weights()

    @property
    def word_weights(self) -> Float[np.ndarray, "_ _"]:
        """Word by word."""
        return word_weights(self.weights, self.source, self.target)

    @property
    def word_probabilities(self) -> list[float]:
        """Of each target word: the product of its tokens'."""
        return [float(self.probabilities[word.tokens].prod()) for word in self.target.words]


def word_weights(
    weights: Float[np.ndarray, "T S"], source: TokenizedText, target: TokenizedText
) -> Float[np.ndarray, "_ _"]:
    """The sum over a source word's tokens, the mean over a target word's: rows still sum to one."""
    by_source = np.stack([weights[:, word.tokens].sum(axis=1) for word in source.words], axis=1)
    return np.stack([by_source[word.tokens].mean(axis=0) for word in target.words])


def explain(translator: Translator, text: str, name: str) -> Explanation:
    """The translation that the translator's own search finds.

    Raises RegardError if there is nothing to translate, or if the engine cannot be looked into.
    """
    source = read_source(translator, text)
    best = translator.best_of([source.text])[0]
    hypothesis = Hypothesis(best.ids, best.log_prob, best.finish_reason)
    return explain_hypothesis(translator, name, source, hypothesis, 0, ())


def explain_given(translator: Translator, text: str, translation: str, name: str) -> Explanation:
    """A translation that somebody else made; errors as `explain`."""
    source = read_source(translator, text)
    ids = translator.target.encode([normalize(translation)])[0]
    return explain_hypothesis(translator, name, source, Hypothesis(ids, 0.0, "eos"), len(ids), ())


def bias_matrix(
    changes: Sequence[ScoreChange], steps: int, source_tokens: int
) -> Float[np.ndarray, "T S"]:
    """What is added to the scores, for each step and each source token."""
    bias = np.zeros((steps, source_tokens), np.float32)
    for step, source_token, amount in changes:
        if step < steps:
            bias[slice(None) if step < 0 else step, source_token] += amount
    return bias


def read_source(translator: Translator, text: str) -> TokenizedText:
    """Raises RegardError if it has no token."""
    normalized = normalize(text)
    tokens = translator.source.tokens(normalized)
    if not tokens:
        raise RegardError("there is nothing to translate", "the text", "give a sentence")
    return with_end(normalized, tokens)


def read_target(vocabulary: Vocabulary, ids: Ids, is_ended: bool) -> TokenizedText:
    """The words that these tokens write, with </s> where the translation ended by itself."""
    target = with_end(vocabulary.decode(ids), detokenize(vocabulary, ids))
    return target if is_ended else without_end(target)


def require_trace(translator: Translator) -> SupportsTrace:
    """The translator's engine. Raises RegardError if it cannot be looked into."""
    if not isinstance(translator.engine, SupportsTrace):
        raise RegardError(
            "this engine does not tell what it works out", "the model", "load it another way"
        )
    return translator.engine


def explain_hypothesis(
    translator: Translator,
    name: str,
    source: TokenizedText,
    found: Hypothesis,
    given: int,
    push: tuple[ScoreChange, ...],
) -> Explanation:
    """The model reads what was found once more and tells all."""
    engine = require_trace(translator)
    is_ended = found.finish_reason == "eos" or not found.tokens
    target = read_target(translator.target, found.tokens, is_ended)
    rows = len(target.ids)
    bias = bias_matrix(push, len(found.tokens) + 1, len(source.ids))
    trace = engine.trace(source.ids[:-1], found.tokens, bias)
    layers = tuple(
        layer._replace(
            hidden=layer.hidden[:rows],
            scores=layer.scores[:, :rows],
            weights=layer.weights[:, :rows],
            context=layer.context[:rows],
            output=layer.output[:rows],
        )
        for layer in trace.layers
    )
    trace = trace._replace(layers=layers, log_probs=trace.log_probs[:rows])
    best = np.argsort(-trace.log_probs, axis=1, kind="stable")[:, :TOP_NEXT]
    coming = [
        [
            NextToken(token, piece, exp(row[token]))
            for token, piece in zip(tokens, translator.target.pieces(tokens), strict=True)
        ]
        for row, tokens in zip(trace.log_probs, best.tolist(), strict=True)
    ]
    return Explanation(
        name,
        translator.languages,
        engine.architecture,
        source,
        target,
        given,
        found.finish_reason,
        trace,
        coming,
        np.exp(trace.log_probs[np.arange(rows), target.ids]),
        push,
    )


def advice(explained: Explanation) -> str:
    """What it means when the weight sits where no word is; mostly nothing."""
    if explained.architecture.attention == "none":
        return (
            "This model has no attention: all that is passed on is the final state, at </s>, so"
            " every word is written from the same vector."
        )
    weights = explained.word_weights[: max(1, len(explained.word_probabilities) - 1)]
    empty = [
        place
        for place, word in enumerate(explained.source.words)
        if word.text == PIECES[END] or is_punctuation(word.text)
    ]
    share = float(weights[:, empty].sum(axis=1).mean())
    if share <= ADVICE_SHARE:
        return ""
    return (
        f"{share:.0%} of the weight sits on </s> and punctuation. These states have read the whole"
        " sentence, so the model may take from them what belongs to no single word; such a column"
        " does not say which word was translated. Look at the largest weight among the words."
    )


def is_punctuation(word: str) -> bool:
    """Whether no character is anything else to Unicode; emoji, signs and � are something else."""
    return all(category(letter).startswith("P") for letter in word)


def as_json(explained: Explanation) -> dict[str, Any]:
    """For the page and for files: numbers to six places, -inf as null."""
    trace = explained.trace
    return {
        "version": 1,
        "model": model_facts(explained.model, explained.languages, explained.architecture),
        "source": words_as_json(explained.source),
        "target": words_as_json(explained.target),
        "prefix_length": explained.prefix_length,
        "log_prob": round(explained.log_prob, 6),
        "finish_reason": explained.finish_reason,
        "states": numbers(trace.states),
        "layers": [
            {part: numbers(getattr(layer, part)) for part in layer._fields}
            for layer in trace.layers
        ],
        "weights": numbers(explained.weights),
        "word_weights": numbers(explained.word_weights),
        "word_probabilities": [round(prob, 6) for prob in explained.word_probabilities],
        "next": [
            [one._replace(probability=round(one.probability, 6))._asdict() for one in step]
            for step in explained.next
        ],
        "probabilities": numbers(explained.probabilities),
        "score_changes": [
            [p.step, p.source_token, p.amount if isfinite(p.amount) else None]
            for p in explained.score_changes
        ],
        "advice": advice(explained),
    }


def model_facts(name: str, languages: Sequence[str], made: Architecture) -> dict[str, Any]:
    return {"name": name, "languages": list(languages), **made._asdict()}


def words_as_json(one: TokenizedText) -> dict[str, Any]:
    return {**one._asdict(), "words": [word._asdict() for word in one.words]}


def numbers(array: np.ndarray) -> Any:
    """Nested lists."""
    rounded = array.astype(np.float64).round(6)
    if np.isfinite(rounded).all():
        return rounded.tolist()
    told = rounded.astype(object)
    told[~np.isfinite(rounded)] = None
    return told.tolist()
