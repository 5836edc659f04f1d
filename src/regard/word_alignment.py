"""Which word of a text each word of its translation translates."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, groupby, islice
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.alignment.head import HeadOutput, head_posterior, sums_of_words
from regard.alignment.links import (
    MIN_PROBABILITY,
    NO_ALIGNMENT,
    THRESHOLD,
    Alignment,
    AlignmentMethod,
    Link,
    Posterior,
    links_of,
    of_one_model,
)
from regard.shapes import Float
from regard.special import PLACEHOLDER_IDS, Ids
from regard.text.segments import Word, tokenize
from regard.text.spans import Span, overlap
from regard.text.vocabulary import Vocabulary
from regard.translation import SentenceTranslation, Translation


class WordTokens(NamedTuple):
    """The words of a sentence in a text."""

    indices: list[int]
    """Among all words of the text."""
    tokens: list[list[int]]
    """Of each word, among the tokens of the sentence."""
    texts: list[str]

    @property
    def ends_in_mark(self) -> bool:
        return bool(self.texts) and not any(map(str.isalnum, self.texts[-1]))


SentencePosterior = Callable[[WordTokens, WordTokens], Posterior]
"""The probabilities of links between the words of a sentence and those of its translation."""


@runtime_checkable
class AligningModel(Protocol):
    """What an alignment asks of the model."""

    @property
    def has_alignment_head(self) -> bool: ...
    @property
    def attends(self) -> bool: ...
    def posteriors(
        self, sources: Sequence[Ids], targets: Sequence[Ids]
    ) -> list[SentencePosterior]: ...


@runtime_checkable
class ReadingModel(AligningModel, Protocol):
    """What an alignment of given translations asks of the model."""

    @property
    def source(self) -> Vocabulary: ...
    @property
    def target(self) -> Vocabulary: ...


class GivenSide(NamedTuple):
    """A text whose words are given."""

    ids: Ids
    words: WordTokens


def align_sentence(model: AligningModel, source: GivenSide, target: GivenSide) -> Alignment:
    """The links of one sentence and its translation, both without </s>."""
    method = method_of(model)
    if method == "none":
        return NO_ALIGNMENT
    [posterior] = model.posteriors([source.ids], [target.ids])
    return Alignment(method, tuple(links_between(source, target, posterior)))


def method_of(model: AligningModel) -> AlignmentMethod:
    if model.has_alignment_head:
        return "head"
    return "attention" if model.attends else "none"


def align_translations(
    model: AligningModel, translations: Sequence[Translation]
) -> list[Alignment]:
    """By the model's alignment head, or by its attention weights where it has none."""
    method = method_of(model)
    if method == "none":
        return [NO_ALIGNMENT] * len(translations)
    parts = [part for translation in translations for part in translation.sentences]
    posteriors = iter(model.posteriors(*tokens_of(parts)))
    return [joined(method, each, posteriors) for each in translations]


def tokens_of(sentences: Sequence[SentenceTranslation]) -> tuple[list[Ids], list[Ids]]:
    """The tokens of sentences and of their translations."""
    return [part.source_ids for part in sentences], [part.ids for part in sentences]


def from_head(output: HeadOutput) -> SentencePosterior:
    return lambda source, target: head_posterior(output, source.tokens, target.tokens)


def from_attention(weights: Float[np.ndarray, "T S"]) -> SentencePosterior:
    """The mean weight of a target word's tokens, added up over a source word's. To the final mark
    of a sentence attention goes for want of anything else: it is linked to a final mark alone."""

    def posterior(source: WordTokens, target: WordTokens) -> Posterior:
        words = np.zeros((len(source.tokens), len(target.tokens)), np.float32)
        if words.size:
            sizes = np.array([len(tokens) for tokens in target.tokens], np.float32)
            means = sums_of_words(weights, target.tokens).T / sizes
            words = sums_of_words(means, source.tokens)
        if source.ends_in_mark:
            words[-1, :-1] = 0.0
        return of_one_model(words, words)

    return posterior


def from_surest(readings: Sequence[Float[np.ndarray, "T S"]]) -> SentencePosterior:
    """As `from_attention`, by the weights that link the words of the source most surely."""

    def surest(source: WordTokens, target: WordTokens) -> Posterior:
        posteriors = [from_attention(weights)(source, target) for weights in readings]
        return max(posteriors, key=sureness)

    return surest


def sureness(posterior: Posterior) -> float:
    """The probability of the likeliest link of a source word, on average."""
    agreed = posterior.agreed
    return float(agreed.max(axis=1).mean()) if agreed.size else 0.0


def joined(
    method: AlignmentMethod, translation: Translation, posteriors: Iterator[SentencePosterior]
) -> Alignment:
    """The links of a text, from those of its sentences, which are next in `posteriors`."""
    parts = translation.sentences
    sources = words_by_sentence(translation.source_words, [len(p.source_ids) + 1 for p in parts])
    targets = words_by_sentence(translation.words, [part.target_length for part in parts])
    own = islice(posteriors, len(parts))
    links = [
        Link(source.indices[link.source], target.indices[link.target], link.probability)
        for part, source, target, posterior in zip(parts, sources, targets, own, strict=True)
        for link in links_between(
            GivenSide(part.source_ids, source), GivenSide(part.ids, target), posterior
        )
    ]
    return Alignment(method, tuple(links))


def words_by_sentence(words: Sequence[Word], lengths: Sequence[int]) -> list[WordTokens]:
    """The words of each sentence, whose numbers of tokens are given."""
    sentences = [WordTokens([], [], []) for _ in lengths]
    ends = list(accumulate(lengths))
    for index, word in enumerate(words):
        for sentence, tokens in groupby(word.tokens, partial(bisect_right, ends)):
            begin = ends[sentence] - lengths[sentence]
            sentences[sentence].indices.append(index)
            sentences[sentence].tokens.append([token - begin for token in tokens])
            sentences[sentence].texts.append(word.text)
    return sentences


def links_between(source: GivenSide, target: GivenSide, posterior: SentencePosterior) -> list[Link]:
    """The links of a sentence; a placeholder symbol is linked to itself alone."""
    computed = posterior(source.words, target.words)
    agreed = computed.agreed.copy()
    rows, columns = symbol_words(*source), symbol_words(*target)
    for symbol in rows.keys() & columns.keys():
        agreed[rows[symbol]], agreed[:, columns[symbol]] = 0.0, 0.0
    for symbol in rows.keys() & columns.keys():
        agreed[rows[symbol], columns[symbol]] = 1.0
    return links_of(computed._replace(agreed=agreed), THRESHOLD, MIN_PROBABILITY)


def symbol_words(ids: Ids, words: WordTokens) -> dict[int, int]:
    """The word of each placeholder symbol."""
    return {
        ids[token]: number
        for number, tokens in enumerate(words.tokens)
        for token in tokens
        if ids[token] in PLACEHOLDER_IDS
    }


def given_side(vocabulary: Vocabulary, text: str, spans: Sequence[Span]) -> GivenSide:
    """`spans` are the words; one that the model does not see has no tokens."""
    tokens = tokenize(vocabulary, text)
    words = WordTokens([], [], [])
    for index, span in enumerate(spans):
        if inside := [number for number, each in enumerate(tokens) if overlap(each.span, span)]:
            words.indices.append(index)
            words.tokens.append(inside)
            words.texts.append(text[slice(*span)])
    return GivenSide([token.id for token in tokens], words)


class GivenPair(NamedTuple):
    """A text and its translation, with the words of both."""

    source: str
    target: str
    source_words: list[Span]
    target_words: list[Span]


def align_given(model: ReadingModel, pairs: Sequence[GivenPair]) -> list[Posterior]:
    """The probabilities of links between the words of texts and their translations."""
    sources = [given_side(model.source, pair.source, pair.source_words) for pair in pairs]
    targets = [given_side(model.target, pair.target, pair.target_words) for pair in pairs]
    computed = model.posteriors([side.ids for side in sources], [side.ids for side in targets])
    return [
        spread(posterior(source.words, target.words), source.words, target.words, pair)
        for pair, source, target, posterior in zip(pairs, sources, targets, computed, strict=True)
    ]


def spread(
    posterior: Posterior, source: WordTokens, target: WordTokens, pair: GivenPair
) -> Posterior:
    """With rows and columns of zeros for words without tokens."""
    complete = np.zeros((3, len(pair.source_words), len(pair.target_words)), np.float32)
    for part, own in zip(complete, posterior, strict=True):
        part[np.ix_(source.indices, target.indices)] = own
    return Posterior(*complete)
