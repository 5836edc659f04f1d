"""Text in, translation out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

import numpy as np
from msgspec import structs

from regard.alignment.links import Alignment
from regard.config import SearchOptions, TextOptions
from regard.errors import RegardError
from regard.pipeline import Pipeline, SourceSentence
from regard.search.batching import make_batches, parallel_map
from regard.search.beam import Task, beam, greedy
from regard.search.protocols import (
    Engine,
    Forced,
    HeadSummary,
    Hypothesis,
    SupportsAlignment,
    SupportsShortlist,
    first_head,
    mean_of_heads,
)
from regard.search.sampling import Sampling, sample
from regard.search.trace import SupportsTrace
from regard.second_search import search_again
from regard.settings import make_config
from regard.shapes import Float
from regard.special import FIXED_SCORES, Ids
from regard.text.languages import Languages
from regard.text.normalize import normalize
from regard.text.padding import padded_width
from regard.text.tags import refuse_unknown_tag
from regard.text.vocabulary import Vocabulary
from regard.translation import SentenceTranslation, Translation, first_of_each_text, join
from regard.word_alignment import (
    SentencePosterior,
    align_translations,
    from_attention,
    from_head,
    from_surest,
    tokens_of,
)

Search = Callable[[Task], list[list[Hypothesis]]]
"""Returns the hypotheses of each sentence, best first."""
Computed = TypeVar("Computed")


@dataclass(frozen=True)
class Translator:
    """A model, ready to translate."""

    engine: Engine
    pipeline: Pipeline
    options: SearchOptions
    workers: int = 1
    """Batches that are translated at the same time."""
    is_guided: bool = False
    """Whether guided alignment has taught the attention which word each word translates."""
    uses_alignment_head: bool = True

    @property
    def source(self) -> Vocabulary:
        return self.pipeline.source

    @property
    def target(self) -> Vocabulary:
        return self.pipeline.target

    @property
    def has_trained_placeholders(self) -> bool:
        return self.pipeline.has_trained_placeholders

    @property
    def languages(self) -> Languages:
        return self.pipeline.languages

    def with_options(self, options: SearchOptions) -> "Translator":
        """The same model, searched in another way. Raises RegardError if an option is wrong."""
        checked = make_config({"search": structs.asdict(options)}, "the search").search
        return replace(self, options=checked)

    def with_beam(self, size: int) -> "Translator":
        """The same model, with a beam of this size; 1 is greedy search."""
        return replace(self, options=structs.replace(self.options, beam=size))

    def with_text_options(self, options: TextOptions) -> "Translator":
        """The same model, with these stages between the user's text and its own."""
        return replace(self, pipeline=replace(self.pipeline, options=options))

    def protecting(self, pattern: str) -> "Translator":
        """The same model, which copies what this regular expression matches, too.

        Raises RegardError if it is not one.
        """
        try:
            protected = re.compile(pattern)
        except re.error as error:
            raise RegardError(
                f"'{pattern}' is not a regular expression: {error}",
                "--protect",
                "write a pattern of Python's re, such as '[A-Z]+-[0-9]+'",
            ) from error
        return replace(self, pipeline=replace(self.pipeline, protected=protected))

    def with_tag(self, tag: str) -> "Translator":
        """The same model, which translates as the corpora with this tag do; "" is no tag.

        Raises RegardError if the model was not trained with it.
        """
        refuse_unknown_tag(tag, self.pipeline.tags, "--tag")
        return replace(self, pipeline=replace(self.pipeline, tag=tag))

    def without_alignment_head(self) -> "Translator":
        """The same model, whose links are from its attention weights."""
        return replace(self, uses_alignment_head=False)

    def with_shortlist(self) -> "Translator":
        """The same model, which chooses among the few hundred tokens that a sentence may need.

        Raises RegardError if its file holds no shortlist, or if it is a folder.
        """
        if not isinstance(self.engine, SupportsShortlist):
            raise RegardError(
                "only a .regard file has a shortlist",
                "the search",
                "export the model with `regard export`, and load the file",
            )
        return replace(self, engine=self.engine.with_shortlist())

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """The best translation of each text, in order; an empty text gives an empty one.

        A text of several sentences is cut, translated sentence by sentence, and joined again with
        the layout of the source. What is no language is copied; a sentence whose numbers or words
        were skipped is searched again.
        Raises RegardError if one text is given instead of a list.
        """
        require_list(texts)
        by_text = [self.pipeline.read(text) for text in texts]
        best = self.best_of([sentence for own in by_text for sentence in own])
        results = iter(search_again(self, best))
        return [
            join(text, [next(results) for _ in own], self)
            for text, own in zip(texts, by_text, strict=True)
        ]

    def translate_sentences(self, texts: Sequence[str]) -> list[Translation]:
        """Like `translate`, for texts that are one sentence each: none is cut or searched again."""
        return [ranked[0] for ranked in self.search_all(texts, "", self.search(1))]

    def n_best(self, texts: Sequence[str]) -> list[list[Translation]]:
        """The translations that the beam finished for each text, best first; no text is cut."""
        return self.search_all(texts, "", self.search(self.options.beam))

    def n_best_by_sentence(self, texts: Sequence[str]) -> list[list[Translation]]:
        """Different translations of each text, which is cut as by `translate`: one of the best
        translations of its sentences, one of their second ones, and so on. A sentence that has
        fewer than others keeps its best one."""
        require_list(texts)
        by_text = [self.pipeline.read(text) for text in texts]
        sentences = [sentence for own in by_text for sentence in own]
        results = iter(self.beam_of(sentences, self.options.beam))
        translations = []
        for text, read in zip(texts, by_text, strict=True):
            ranked = [next(results) for _ in read]
            ranks = range(max(map(len, ranked), default=1))
            joined = (
                join(text, [own[rank] if rank < len(own) else own[0] for own in ranked], self)
                for rank in ranks
            )
            translations.append(first_of_each_text(joined))
        return translations

    def translate_with_prefix(self, texts: Sequence[str], prefix: str) -> list[list[Translation]]:
        """Like `n_best`, for translations that begin with the target text `prefix`."""
        size, penalty = self.options.beam, self.options.length_penalty
        return self.search_all(texts, prefix, lambda task: beam(self.engine, task, size, penalty))

    def sample(self, texts: Sequence[str], sampling: Sampling) -> list[Translation]:
        """One translation of each text, drawn from the model's distribution; no text is cut."""

        def draw(task: Task) -> list[list[Hypothesis]]:
            return [[hypothesis] for hypothesis in sample(self.engine, task, sampling)]

        return [drawn[0] for drawn in self.search_all(texts, "", draw)]

    def force(self, sources: Sequence[str], targets: Sequence[str]) -> list[Forced]:
        """Forced decoding of given translations, all at once: for long texts, give some dozens.

        Raises RegardError if these are not two lists of one length.
        """
        require_list(sources)
        require_list(targets)
        if len(sources) != len(targets):
            raise RegardError(
                f"{len(sources)} texts and {len(targets)} translations are given",
                "force",
                "give one translation for each text",
            )
        if not sources:
            return []
        sentences = [self.pipeline.read_given(text) for text in sources]
        given = zip(targets, sentences, strict=True)
        return self.engine.force(
            self.source.encode([sentence.text.text for sentence in sentences]),
            [self.pipeline.read_target(text, sentence) for text, sentence in given],
        )

    def attend(self, sentences: Sequence[SentenceTranslation]) -> list[Float[np.ndarray, "_ _"]]:
        """The attention weights [T S] of each sentence: of every target token (with </s> where it
        ended by itself) to every source token (with </s>)."""
        return [
            self.summary(forced.weights[-1])[: sentence.target_length]
            for forced, sentence in zip(
                self.by_length(*tokens_of(sentences), self.engine.force), sentences, strict=True
            )
        ]

    def token_log_probs(
        self, sentences: Sequence[SentenceTranslation]
    ) -> list[Float[np.ndarray, " _"]]:
        """The log-probability of every target token of each sentence, with </s> where it ended by
        itself."""
        return [
            forced.log_probs[: sentence.target_length]
            for forced, sentence in zip(
                self.by_length(*tokens_of(sentences), self.engine.force), sentences, strict=True
            )
        ]

    @property
    def summary(self) -> HeadSummary:
        """What is shown of the heads of the last layer."""
        return first_head if self.is_guided else mean_of_heads

    @property
    def has_alignment_head(self) -> bool:
        is_able = isinstance(self.engine, SupportsAlignment) and self.engine.has_alignment_head
        return self.uses_alignment_head and is_able

    @property
    def attends(self) -> bool:
        """Whether the attention weights say what is translated."""
        engine = self.engine
        return isinstance(engine, SupportsTrace) and (
            engine.architecture.attention not in FIXED_SCORES
        )

    def posteriors(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[SentencePosterior]:
        """How likely words of sentences and of their translations are linked: by the alignment
        head, or by the attention weights of a model without one."""
        if self.has_alignment_head:
            assert isinstance(self.engine, SupportsAlignment)
            return [*map(from_head, self.by_length(sources, targets, self.engine.token_vectors))]
        forced = self.by_length(sources, targets, self.engine.force)
        if self.is_guided:
            return [from_attention(first_head(one.weights[-1])) for one in forced]
        return [from_surest(one.readings()) for one in forced]

    def by_length(
        self,
        sources: Sequence[Ids],
        targets: Sequence[Ids],
        compute: Callable[[Sequence[Ids], Sequence[Ids]], list[Computed]],
    ) -> list[Computed]:
        """What an engine computes from sentences and their translations, in batches of similar
        length."""
        longest = [max(map(len, pair)) for pair in zip(sources, targets, strict=True)]
        indices = sorted(range(len(longest)), key=longest.__getitem__)
        batches = make_batches(indices, lambda index: self.engine.batch_size(longest[index], 1))

        def compute_batch(batch: Sequence[int]) -> list[Computed]:
            return compute(*([side[index] for index in batch] for side in (sources, targets)))

        computed: dict[int, Computed] = {}
        results = parallel_map(compute_batch, batches, self.workers)
        for batch, result in zip(batches, results, strict=True):
            computed |= dict(zip(batch, result, strict=True))
        return [computed[index] for index in range(len(longest))]

    def align(self, translations: Sequence[Translation]) -> list[Alignment]:
        """The word alignments of many translations together, which is faster than one by one; each
        translation keeps its own as `Translation.alignment`."""
        alignments = align_translations(self, translations)
        for translation, alignment in zip(translations, alignments, strict=True):
            vars(translation)["alignment"] = alignment
        return alignments

    def search(self, count: int) -> Search:
        """Finds the `count` best translations of each sentence, with the options' beam."""
        size, penalty = self.options.beam, self.options.length_penalty
        if size == 1:
            return lambda task: [[hypothesis] for hypothesis in greedy(self.engine, task)]
        return lambda task: [best[:count] for best in beam(self.engine, task, size, penalty)]

    def best_of(self, sentences: Sequence[SourceSentence]) -> list[SentenceTranslation]:
        """The best translation of each sentence; parts of what is no sentence have greedy ones."""
        best: dict[int, SentenceTranslation] = {}
        for is_run_on in (False, True):
            indices = [i for i, one in enumerate(sentences) if one.is_run_on == is_run_on]
            if indices:
                searcher = self.with_beam(1) if is_run_on else self
                group = [sentences[index] for index in indices]
                ranked = searcher.search_distinct(group, searcher.search(1))
                best |= zip(indices, (own[0] for own in ranked), strict=True)
        return [best[index] for index in range(len(sentences))]

    def beam_of(
        self, sentences: Sequence[SourceSentence], size: int
    ) -> list[list[SentenceTranslation]]:
        """All translations of each sentence that a beam of this size finishes, best first."""
        wider = self.with_beam(size)
        return wider.search_distinct(sentences, wider.search(size))

    def search_distinct(
        self, sentences: Sequence[SourceSentence], search: Search
    ) -> list[list[SentenceTranslation]]:
        """The translations of each sentence; those that the model reads alike are searched once."""
        read = [(sentence.text.text, sentence.required) for sentence in sentences]
        distinct: dict[tuple[str, Ids], SourceSentence] = {}
        for key, sentence in zip(read, sentences, strict=True):
            distinct.setdefault(key, sentence)
        searched = self.search_sentences([*distinct.values()], range(len(distinct)), "", search)
        ranked = dict(zip(distinct, searched, strict=True))
        return [
            [
                part
                if part.source is sentence
                else part._replace(source=sentence, text=self.pipeline.write(part.ids, sentence))
                for part in ranked[key]
            ]
            for key, sentence in zip(read, sentences, strict=True)
        ]

    def search_all(
        self, texts: Sequence[str], prefix: str, search: Search
    ) -> list[list[Translation]]:
        """The translations of each text as one sentence; different ones alone."""
        require_list(texts)
        by_text = [self.pipeline.read_as_one(text) for text in texts]
        indices = [index for index, own in enumerate(by_text) for _ in own]
        sentences = [sentence for own in by_text for sentence in own]
        ranked = [[join(text, [], self)] for text in texts]
        translated = self.search_sentences(sentences, indices, prefix, search)
        for index, parts in zip(indices, translated, strict=True):
            joined = (join(texts[index], [part], self) for part in parts)
            ranked[index] = first_of_each_text(joined)
        return ranked

    def search_sentences(
        self,
        sentences: Sequence[SourceSentence],
        indices: Sequence[int],
        prefix: str,
        search: Search,
    ) -> list[list[SentenceTranslation]]:
        """The translations of each sentence, searched in batches of similar length.

        `indices` are those of the texts in which the sentences are, among all that were asked for.
        """
        sources = self.source.encode([sentence.text.text for sentence in sentences])
        prefix_ids = self.target.encode([normalize(prefix).text])[0] if prefix else []
        lengths = [len(ids) for ids in sources]

        def batch_size(index: int) -> int:
            return self.engine.batch_size(lengths[index], self.options.beam)

        def translate(batch: Sequence[int]) -> list[list[Hypothesis]]:
            task = Task(
                [sources[index] for index in batch],
                [
                    len(prefix_ids)
                    + self.options.max_length(lengths[index])
                    + 2 * len(sentences[index].protected)
                    for index in batch
                ],
                prefix_ids,
                indices=[indices[index] for index in batch],
                required=[sentences[index].required for index in batch],
            )
            return search(task)

        batches = []
        for has_symbols in (False, True):
            group = [
                index
                for index, sentence in enumerate(sentences)
                if bool(sentence.protected) == has_symbols
            ]
            by_length = sorted(group, key=lengths.__getitem__)
            for _, same in groupby(by_length, lambda index: padded_width(lengths[index])):
                batches += make_batches(same, batch_size)
        # the longest first, so that the workers end together
        batches.sort(key=lambda batch: lengths[batch[-1]], reverse=True)
        results = parallel_map(translate, batches, self.workers)
        ranked: list[list[SentenceTranslation]] = [[] for _ in sentences]
        for batch, result in zip(batches, results, strict=True):
            for index, hypotheses in zip(batch, result, strict=True):
                sentence, ids = sentences[index], sources[index]
                ranked[index] = [
                    SentenceTranslation(
                        sentence, self.pipeline.write(each.tokens, sentence), ids, *each
                    )
                    for each in hypotheses
                ]
        return ranked


def require_list(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise RegardError("one text is given, not a list of them", repr(texts), "give [text]")
