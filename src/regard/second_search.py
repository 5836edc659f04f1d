"""Search again what a translation lacks: numbers and protected words as symbols, skipped words
more widely."""

from collections.abc import Sequence
from typing import Protocol

from regard.config import SearchOptions
from regard.pipeline import Pipeline, SourceSentence
from regard.text.coverage import coverage_penalty
from regard.translation import (
    Model,
    SentenceTranslation,
    keeps_words,
    numbers_missing,
    untranslated,
)

WIDER = 2
"""How many times as wide as the first beam the second one is. On 454 sentences that were searched
again, 2 and 3 gained 1.7 and 1.6 BLEU; of the first 97, 4 and 8 less than both."""
LONGEST_AGAIN = 100
"""Tokens of the longest sentence that is searched more widely: longer ones are most often lines
without marks, of which a page would take a minute."""
WIDEST = 40
"""The second beam is no wider, unless the first one is: a beam of 1,000 takes minutes."""


class Searcher(Model, Protocol):
    """What a second search needs of a translator."""

    @property
    def pipeline(self) -> Pipeline: ...
    @property
    def options(self) -> SearchOptions: ...
    def best_of(self, sentences: Sequence[SourceSentence]) -> list[SentenceTranslation]: ...
    def beam_of(
        self, sentences: Sequence[SourceSentence], size: int
    ) -> list[list[SentenceTranslation]]: ...


def search_again(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[SentenceTranslation]:
    """The translations; those again that lack numbers or protected words of their source, with
    symbols for these, or that skip some of its words, with a wider beam."""
    options = searcher.pipeline.options
    can_copy = options.spans and searcher.has_trained_placeholders
    complete = with_missing_copies(searcher, translations) if can_copy else list(translations)
    return with_skipped_words(searcher, complete) if options.coverage else complete


def with_missing_copies(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[SentenceTranslation]:
    """The translations, with all numbers and protected words of their sources."""
    complete = list(translations)
    protected = {}
    for index, part in enumerate(translations):
        missing = numbers_missing(searcher, part)
        if missing or not keeps_words(part):
            protected[index] = searcher.pipeline.protect_more(part.source, missing)
    for index, part in zip(protected, searcher.best_of([*protected.values()]), strict=True):
        complete[index] = max(part, complete[index], key=has_all)
    return complete


def has_all(part: SentenceTranslation) -> tuple[bool, bool]:
    """Whether all protected words are there, and the end."""
    return keeps_words(part), part.finish_reason == "eos"


def with_skipped_words(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[SentenceTranslation]:
    """The translations; where attention skipped words, the best one of a wider beam, by its
    probability and its coverage."""
    complete = list(translations)
    skipped = [
        index
        for index, part in enumerate(complete)
        if len(part.source_ids) <= LONGEST_AGAIN and untranslated(searcher, part)
    ]
    sources = [complete[index].source for index in skipped]
    size = searcher.options.beam
    wider = searcher.beam_of(sources, max(size, min(WIDER * size, WIDEST)))
    for index, others in zip(skipped, wider, strict=True):
        candidates = [complete[index], *others]
        scores = [score(part, searcher.options.length_penalty) for part in candidates]
        complete[index] = candidates[scores.index(max(scores))]
    return complete


def score(part: SentenceTranslation, length_penalty: float) -> tuple[bool, bool, float]:
    """What makes a translation better than others of its sentence (Wu et al. 2016, eq. 14)."""
    log_prob = part.log_prob / max(1, part.target_length) ** length_penalty
    return *has_all(part), log_prob + coverage_penalty(part.coverage)
