"""One translation explained: its words, their attention, and the likeliest next tokens."""

from collections.abc import Sequence
from math import exp, isfinite
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

import numpy as np

from regard import models
from regard.alignment.links import Alignment
from regard.errors import RegardError
from regard.loading import load
from regard.pipeline import SourceSentence
from regard.search.protocols import FinishReason, Hypothesis
from regard.search.trace import (
    Architecture,
    LayerTrace,
    SelfAttentionTrace,
    SupportsTrace,
    Trace,
)
from regard.shapes import Float
from regard.special import END, PIECES, Ids
from regard.storage.model_file import is_file, read_model_info
from regard.text.normalize import replace_control_characters
from regard.text.placeholders import PLACEHOLDER
from regard.text.segments import TokenizedText, detokenize, with_end, without_end
from regard.text.vocabulary import Token, Vocabulary
from regard.translator import Translator
from regard.word_alignment import GivenSide, WordTokens, align_sentence

TOP_NEXT = 8
"""How many of the likeliest next tokens an explanation lists at each step."""
ADVICE_SHARE = 0.4
"""An average weight on </s> and punctuation above this adds a sentence of advice."""


TokenWeights = Float[np.ndarray, "T S"]
"""One row per target token, one column per source token."""
WordWeights = Float[np.ndarray, "_ _"]
"""One row per target word, one column per source word."""


class NextToken(NamedTuple):
    """A token that could come next."""

    id: int
    token: str
    probability: float


class ScoreChange(NamedTuple):
    """What a reader changed: a number added to the scores of a source token in every layer."""

    step: int
    """The target token that is predicted; -1: all of them."""
    source_token: int
    """Its index."""
    amount: float
    """-inf forbids it: its weight becomes 0."""


class Explanation(NamedTuple):
    model: str
    """Its name."""
    languages: tuple[str, str]
    architecture: Architecture
    source: TokenizedText
    target: TokenizedText
    """With </s> if the translation ended by itself."""
    prefix_length: int
    """How many of the first tokens were given, not chosen by the model."""
    finish_reason: FinishReason
    trace: Trace
    """One row for each target token."""
    next: list[list[NextToken]]
    """At each step the likeliest tokens, likeliest first."""
    probabilities: Float[np.ndarray, " T"]
    """Of each token that was written."""
    score_changes: tuple[ScoreChange, ...]
    weights: TokenWeights
    """Token by token: the last layer's, the mean of its heads; with guided alignment, its first
    head's."""
    alignment: Alignment
    """Between the words of both texts, </s> excluded; changed scores do not change it."""

    @property
    def log_prob(self) -> float:
        """Natural logarithm of the translation's probability."""
        return float(np.log(self.probabilities.astype(np.float64)).sum())

    @property
    def word_weights(self) -> WordWeights:
        """Word by word."""
        return word_weights(self.weights, self.source, self.target)

    @property
    def word_probabilities(self) -> list[float]:
        """Of each target word: the product of its tokens'."""
        return [float(self.probabilities[word.tokens].prod()) for word in self.target.words]


def word_weights(
    weights: TokenWeights, source: TokenizedText, target: TokenizedText
) -> WordWeights:
    """The sum over a source word's tokens, the mean over a target word's: rows still sum to one."""
    by_source = np.stack([weights[:, word.tokens].sum(axis=1) for word in source.words], axis=1)
    return np.stack([by_source[word.tokens].mean(axis=0) for word in target.words])


def load_to_explain(model: Path) -> Translator:
    """Open a model for single sentences: in ONNX Runtime, which starts in a fraction of PyTorch's
    time, where that supports the network. Errors as `load`."""
    from regard.engine.onnx.engine import OnnxEngine

    path = models.find(model)
    if is_file(path) or OnnxEngine.supports(read_model_info(path).config.model):
        return load(path, engine="onnx", workers=1)
    return load(path, engine="torch")


def explain(translator: Translator, text: str, name: str) -> Explanation:
    """The translation that the translator's own search finds.

    Raises RegardError if there is nothing to translate, or if the engine cannot be traced.
    """
    sentence = read_source(translator, text)
    best = translator.best_of([sentence])[0]
    hypothesis = Hypothesis(best.ids, best.log_prob, best.finish_reason)
    return explain_hypothesis(translator, name, sentence, hypothesis, 0, ())


def explain_given(translator: Translator, text: str, translation: str, name: str) -> Explanation:
    """A given translation; errors as `explain`."""
    sentence = read_source(translator, text)
    ids = list(translator.pipeline.read_target(translation, sentence))
    hypothesis = Hypothesis(ids, 0.0, "eos")
    return explain_hypothesis(translator, name, sentence, hypothesis, len(ids), ())


def bias_matrix(changes: Sequence[ScoreChange], steps: int, source_tokens: int) -> TokenWeights:
    """What is added to the scores, for each step and each source token."""
    bias = np.zeros((steps, source_tokens), np.float32)
    for step, source_token, amount in changes:
        if step < steps:
            bias[slice(None) if step < 0 else step, source_token] += amount
    return bias


def read_source(translator: Translator, text: str) -> SourceSentence:
    """Raises RegardError if there is nothing in it that is translated."""
    sentences = translator.pipeline.read_as_one(text)
    if not sentences:
        raise RegardError(
            "there is nothing to translate",
            "the text",
            "give a sentence; what is no language is copied",
        )
    return sentences[0]


def tokenize_source(vocabulary: Vocabulary, sentence: SourceSentence) -> TokenizedText:
    """The user's words, the tokens that the model reads, and </s>."""
    tokens = [
        Token(token.id, with_copies(token.piece, sentence), sentence.text.original(token.span))
        for token in vocabulary.tokens(sentence.text.text)
    ]
    return with_end(replace_control_characters(sentence.user_text), tokens)


def tokenize_target(
    translator: Translator, sentence: SourceSentence, ids: Ids, is_ended: bool
) -> TokenizedText:
    """The words that these tokens write, with </s> where the translation ended by itself."""
    text = translator.pipeline.write(ids, sentence)
    tokens = [
        Token(token.id, with_copies(token.piece, sentence), text.current(token.span))
        for token in detokenize(translator.target, ids)
    ]
    target = with_end(text.text, tokens)
    return target if is_ended else without_end(target)


def with_copies(piece: str, sentence: SourceSentence) -> str:
    """A token in which a symbol is replaced by what it stands for."""
    return PLACEHOLDER.sub(lambda match: sentence.copies.get(match[0], match[0]), piece)


def require_trace(translator: Translator) -> SupportsTrace:
    """The translator's engine. Raises RegardError if it cannot be traced."""
    if not isinstance(translator.engine, SupportsTrace):
        raise RegardError(
            "this engine does not return hidden states and attention",
            "the model",
            'load the model with engine="onnx" or "torch"',
        )
    return translator.engine


def explain_hypothesis(
    translator: Translator,
    name: str,
    sentence: SourceSentence,
    hypothesis: Hypothesis,
    prefix_length: int,
    changes: tuple[ScoreChange, ...],
) -> Explanation:
    """Force-decode a hypothesis and keep everything that is computed on the way."""
    engine = require_trace(translator)
    is_ended = hypothesis.finish_reason == "eos" or not hypothesis.tokens
    source = tokenize_source(translator.source, sentence)
    target = tokenize_target(translator, sentence, hypothesis.tokens, is_ended)
    rows = len(target.ids)
    bias = bias_matrix(changes, len(hypothesis.tokens) + 1, len(source.ids))
    trace = engine.trace(source.ids[:-1], hypothesis.tokens, bias)
    layers = tuple(LayerTrace(*(part[..., :rows, :] for part in layer)) for layer in trace.layers)
    trace = trace._replace(
        layers=layers,
        log_probs=trace.log_probs[:rows],
        decoder_attentions=tuple(
            SelfAttentionTrace(*(part[:, :rows, :rows] for part in layer))
            for layer in trace.decoder_attentions
        ),
    )
    best = np.argsort(-trace.log_probs, axis=1, kind="stable")[:, :TOP_NEXT]
    next_tokens = [
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
        prefix_length,
        hypothesis.finish_reason,
        trace,
        next_tokens,
        np.exp(trace.log_probs[np.arange(rows), target.ids]),
        changes,
        translator.summary(trace.layers[-1].weights),
        align_sentence(translator, side_without_end(source), side_without_end(target)),
    )


def side_without_end(text: TokenizedText) -> GivenSide:
    """The tokens and the words but </s>."""
    words = [word for word in text.words if text.ids[word.tokens[0]] != END]
    ids = [token for token in text.ids if token != END]
    texts, tokens = [word.text for word in words], [word.tokens for word in words]
    return GivenSide(ids, WordTokens(list(range(len(words))), tokens, texts))


def advice(explained: Explanation) -> str:
    """What it means when most of the weight is on no word; "" in most cases."""
    if explained.architecture.attention == "none":
        return (
            "This model has no attention: all that is passed on is the final state, at </s>, so"
            " every word is written from the same vector."
        )
    weights = explained.word_weights[: max(1, len(explained.word_probabilities) - 1)]
    empty = [
        index
        for index, word in enumerate(explained.source.words)
        if word.text == PIECES[END] or is_punctuation(word.text)
    ]
    share = float(weights[:, empty].sum(axis=1).mean())
    if share <= ADVICE_SHARE:
        return ""
    return (
        f"{share:.0%} of the weight is on </s> and punctuation. These states have read the complete"
        " sentence, so the model may take from them what belongs to no single word; such a column"
        " does not say which word was translated. Look at the largest weight among the words."
    )


def is_punctuation(word: str) -> bool:
    """Whether Unicode calls every character punctuation; emoji, signs and � are not."""
    return all(category(letter).startswith("P") for letter in word)


def as_json(explained: Explanation) -> dict[str, Any]:
    """For the page and for files: numbers to six places, -inf as null."""
    trace = explained.trace
    return {
        "version": 3,
        "model": model_facts(explained.model, explained.languages, explained.architecture),
        "source": words_as_json(explained.source),
        "target": words_as_json(explained.target),
        "prefix_length": explained.prefix_length,
        "log_prob": round(explained.log_prob, 6),
        "finish_reason": explained.finish_reason,
        "states": numbers(trace.states),
        "values": [numbers(values) for values in trace.values],
        "layers": layers_as_json(trace.layers),
        "encoder_attentions": layers_as_json(trace.encoder_attentions),
        "decoder_attentions": layers_as_json(trace.decoder_attentions),
        "weights": numbers(explained.weights),
        "word_weights": numbers(explained.word_weights),
        "word_probabilities": [round(prob, 6) for prob in explained.word_probabilities],
        "alignment": {
            "method": explained.alignment.method,
            "links": [
                [link.source, link.target, round(link.probability, 4)]
                for link in explained.alignment.links
            ],
        },
        "next": [
            [token._replace(probability=round(token.probability, 6))._asdict() for token in step]
            for step in explained.next
        ],
        "probabilities": numbers(explained.probabilities),
        "score_changes": [
            [change.step, change.source_token, change.amount if isfinite(change.amount) else None]
            for change in explained.score_changes
        ],
        "advice": advice(explained),
    }


def layers_as_json(
    layers: Sequence[LayerTrace | SelfAttentionTrace],
) -> list[dict[str, Any]]:
    return [{part: numbers(getattr(layer, part)) for part in layer._fields} for layer in layers]


def model_facts(name: str, languages: Sequence[str], sizes: Architecture) -> dict[str, Any]:
    return {"name": name, "languages": list(languages), **sizes._asdict()}


def words_as_json(text: TokenizedText) -> dict[str, Any]:
    words = [{"text": word.text, "tokens": word.tokens} for word in text.words]
    return {**text._asdict(), "words": words}


def numbers(array: np.ndarray) -> Any:
    """Nested lists."""
    rounded = array.astype(np.float64).round(6)
    if np.isfinite(rounded).all():
        return rounded.tolist()
    with_nulls = rounded.astype(object)
    with_nulls[~np.isfinite(rounded)] = None
    return with_nulls.tolist()
