"""Search again what a translation lacks: numbers as protected spans, skipped words in parts."""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from regard.pipeline import Pipeline, SourceSentence
from regard.text.coverage import cut_around
from regard.translation import Model, SentenceTranslation, numbers_missing, untranslated


class Searcher(Model, Protocol):
    """What a second search needs of a translator."""

    @property
    def pipeline(self) -> Pipeline: ...
    def best_of(self, sentences: Sequence[SourceSentence]) -> list[SentenceTranslation]: ...


def search_again(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[list[SentenceTranslation]]:
    """The translations; those again that lack numbers of their source, with these as spans, or
    that skip some of its words, in parts."""
    options = searcher.pipeline.options
    can_copy = options.spans and searcher.has_trained_placeholders
    complete = with_numbers(searcher, translations) if can_copy else list(translations)
    return with_skipped_words(searcher, complete) if options.coverage else [[it] for it in complete]


def with_numbers(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[SentenceTranslation]:
    """The translations, with all numbers of their sources."""
    complete = list(translations)
    protected = {
        index: searcher.pipeline.protect_more(part.source, missing)
        for index, part in enumerate(translations)
        if (missing := numbers_missing(searcher, part))
    }
    for index, part in zip(protected, searcher.best_of([*protected.values()]), strict=True):
        if part.finish_reason == "eos" or translations[index].finish_reason != "eos":
            complete[index] = part
    return complete


def with_skipped_words(
    searcher: Searcher, translations: Sequence[SentenceTranslation]
) -> list[list[SentenceTranslation]]:
    """The translations, in parts where attention skips fewer words in these."""
    results = [[part] for part in translations]
    cut = {
        index: searcher.pipeline.cut(part.source, cut_around(part.source.text.text, skipped))
        for index, part in enumerate(translations)
        if (skipped := untranslated(searcher, part))
    }
    again = iter(searcher.best_of([part for parts in cut.values() for part in parts]))
    for index, sources in cut.items():
        parts = [next(again) for _ in sources]
        if skipped_length(searcher, parts) < skipped_length(searcher, results[index]):
            results[index] = parts
    return results


def skipped_length(model: Model, parts: Sequence[SentenceTranslation]) -> float:
    """The characters that attention skipped; infinite where a part was cut off."""
    if any(part.finish_reason != "eos" for part in parts):
        return inf
    return float(sum(end - start for part in parts for start, end in untranslated(model, part)))
