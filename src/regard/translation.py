"""Texts of any length and their translations, sentence by sentence."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from itertools import accumulate, chain, islice
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.alignment.links import Alignment
from regard.errors import RegardError
from regard.pipeline import DIGIT_RUNS, SourceSentence, gaps_between, missing_numbers
from regard.search.protocols import FinishReason
from regard.shapes import Float
from regard.special import END, PIECES
from regard.text.coverage import uncovered_stretches
from regard.text.edits import EditedText
from regard.text.normalize import replace_control_characters
from regard.text.segments import Word, detokenize, group_words
from regard.text.spans import Span
from regard.text.vocabulary import Token, Vocabulary

REASON_ORDER: tuple[FinishReason, ...] = ("repetition", "length", "eos")
"""A line's finish reason is that of its sentences that comes first here."""

WarningKind = Literal["untranslated", "numbers", "bytes", "cut", "approximate"]
WARNINGS: dict[WarningKind, str] = {
    "untranslated": "attention skipped these words; they may be missing in the translation",
    "numbers": "these digits are not in the translation",
    "bytes": "the translation contains bytes that are no character",
    "cut": "the translation was cut off; finish_reason says why",
    "approximate": "the model was trained without placeholders; their places are approximate",
}
"""What may be wrong with a translation."""


class TranslationWarning(NamedTuple):
    """What may be wrong with a translation."""

    kind: WarningKind
    source: Span
    """The user's characters that it is about."""

    @property
    def message(self) -> str:
        return WARNINGS[self.kind]


class CopiedSpan(NamedTuple):
    """Characters that are no language, copied into the translation."""

    source: Span
    """In the user's text."""
    target: Span
    """In the translation."""


class SentenceTranslation(NamedTuple):
    """One sentence, as the search returns it."""

    source: SourceSentence
    text: EditedText
    """In the user's case and with the user's spans; `current` maps from what the model wrote."""
    source_ids: list[int]
    """Without </s>."""
    ids: list[int]
    """Without </s>."""
    log_prob: float
    finish_reason: FinishReason
    coverage: tuple[float, ...] = ()
    """The highest attention weight that each source token and </s> received from a target token;
    empty if the model does not attend."""

    @property
    def target_length(self) -> int:
        """Tokens of the translation, with </s> if it ended by itself."""
        return len(self.ids) + (self.finish_reason == "eos")


@runtime_checkable
class Model(Protocol):
    """What a translation asks of the model that wrote it."""

    @property
    def source(self) -> Vocabulary: ...
    @property
    def target(self) -> Vocabulary: ...
    @property
    def has_trained_placeholders(self) -> bool: ...
    def attend(
        self, sentences: Sequence[SentenceTranslation]
    ) -> list[Float[np.ndarray, "T S"]]: ...
    def token_log_probs(
        self, sentences: Sequence[SentenceTranslation]
    ) -> list[Float[np.ndarray, " T"]]: ...
    def align(self, translations: "Sequence[Translation]") -> list[Alignment]: ...


@dataclass(frozen=True)
class Translation:
    """One text and its translation; a text has one sentence or several."""

    source: str
    """The user's own text."""
    text: str
    log_prob: float
    """Natural logarithm of the translation's probability: the sum over its sentences, </s>
    included where a sentence ended by itself."""
    finish_reason: FinishReason
    """eos: every sentence ended by itself; length: one was cut at its longest; repetition: one
    repeated itself and was cut back."""
    sentences: tuple[SentenceTranslation, ...]
    """Empty for a text with nothing to translate, which is copied."""
    model: InitVar[Model | None] = None
    """Computes tokens and weights when they are first asked for."""

    def __post_init__(self, model: Model | None) -> None:
        vars(self)["model"] = model

    @cached_property
    def source_tokens(self) -> list[Token]:
        """The source's subwords, with the </s> of each sentence; spans are in `source`."""
        return list(chain(*(source_tokens(self.loaded_model, part) for part in self.sentences)))

    @cached_property
    def tokens(self) -> list[Token]:
        """The translation's subwords, with the </s> of each sentence that ended by itself; spans
        are in `text`."""
        tokens = []
        for part, start in zip(self.sentences, self.starts(), strict=True):
            own = detokenize(self.loaded_model.target, part.ids)
            end = len(self.loaded_model.target.decode(part.ids))
            own = with_eos(own, end) if part.finish_reason == "eos" else own
            tokens += [
                token._replace(span=shifted(part.text.current(token.span), start)) for token in own
            ]
        return tokens

    @cached_property
    def source_words(self) -> list[Word]:
        """The words of `source` that were translated, with the indices of their tokens; </s> is in
        none."""
        return words_of(replace_control_characters(self.source), self.source_tokens)

    @cached_property
    def words(self) -> list[Word]:
        """The words of `text`, with the indices of their tokens; </s> is in none."""
        return words_of(self.text, self.tokens)

    @cached_property
    def weights(self) -> Float[np.ndarray, "T S"]:
        """How much each of `tokens` attended to each of `source_tokens`; every row sums to 1."""
        return block_diagonal(self.loaded_model.attend(self.sentences))

    @cached_property
    def token_log_probs(self) -> Float[np.ndarray, " T"]:
        """Natural logarithm of the probability of each of `tokens`, given those before it."""
        own = self.loaded_model.token_log_probs(self.sentences)
        return np.concatenate([np.zeros(0, np.float32), *own])

    @property
    def word_probabilities(self) -> list[float]:
        """How probable each of `words` was, given those before it: the product of its tokens."""
        log_probs = self.token_log_probs
        return [float(np.exp(log_probs[word.tokens].sum())) for word in self.words]

    @cached_property
    def alignment(self) -> Alignment:
        """Which of `source_words` each of `words` translates."""
        return self.loaded_model.align([self])[0]

    @cached_property
    def coverage(self) -> list[float]:
        """The highest attention weight that each of `source_words` received from a target token;
        empty if the model does not attend."""
        if not all(part.coverage for part in self.sentences):
            return []
        weights = list(chain(*(part.coverage for part in self.sentences)))
        return [max(weights[token] for token in word.tokens) for word in self.source_words]

    @cached_property
    def copied(self) -> list[CopiedSpan]:
        """The protected spans of the sentences, in the order of the source."""
        return [
            CopiedSpan(span, shifted(target, start))
            for part, start in zip(self.sentences, self.starts(), strict=True)
            for span, target in copied_spans(self.loaded_model, part)
        ]

    @cached_property
    def warnings(self) -> list[TranslationWarning]:
        """What may be wrong, in the order of the source."""
        return [
            warning
            for part in self.sentences
            for warning in sentence_warnings(self.loaded_model, part)
        ]

    def starts(self) -> Iterator[int]:
        """Where each sentence begins in `text`."""
        gaps = filled_gaps(self.source, self.sentences)
        lengths = (
            len(gap) + len(part.text.text)
            for part, gap in zip(self.sentences, gaps[1:], strict=True)
        )
        return islice(accumulate(lengths, initial=len(gaps[0])), len(self.sentences))

    @property
    def loaded_model(self) -> Model:
        model: Model | None = vars(self)["model"]
        if model is None:
            raise RegardError(
                "this translation was changed where its model is not loaded",
                repr(self.source),
                "change it in the process that translated it",
            )
        return model

    def __getstate__(self) -> dict[str, object]:
        """For another process: with all that its model computes, and without the model."""
        computed = {name: getattr(self, name) for name in COMPUTED_BY_MODEL}
        return {**vars(self), **computed, "model": None}


COMPUTED_BY_MODEL = (
    "source_tokens",
    "tokens",
    "weights",
    "token_log_probs",
    "alignment",
    "copied",
    "warnings",
)


def source_tokens(model: Model, part: SentenceTranslation) -> list[Token]:
    """The tokens of a sentence and its </s>; their spans are in the user's text."""
    text = part.source.text
    tokens = with_eos(model.source.tokens(text.text), len(text.text))
    return [token._replace(span=text.original(token.span)) for token in tokens]


def copied_spans(model: Model, part: SentenceTranslation) -> list[tuple[Span, Span]]:
    """The user's characters that were copied, and where they are in the sentence's translation, in
    the order of the source."""
    decoded = model.target.decode(part.ids) if part.source.protected else ""
    starts = (decoded.index(symbol) for symbol in part.source.copies)
    symbols = [part.text.current(Span(start, start + 1)) for start in starts]
    copied = [*zip(part.source.spans, symbols, strict=True)]
    written = written_words(part)
    for span, word in zip(part.source.protected_words, words_to_keep(part), strict=True):
        if written[word]:
            copied.append((part.source.normalized.original(span), written[word].pop(0)))
    return sorted(copied)


def words_to_keep(part: SentenceTranslation) -> list[str]:
    """The protected words that the model reads as they are."""
    return part.source.copies_of(part.source.protected_words)


def written_words(part: SentenceTranslation) -> dict[str, list[Span]]:
    """Where each of the words to keep is in the translation."""
    return {
        word: [
            Span(*match.span())
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", part.text.text)
        ]
        for word in words_to_keep(part)
    }


def keeps_words(part: SentenceTranslation) -> bool:
    """Whether each of the words to keep is in the translation as often as in the source."""
    wanted = Counter(words_to_keep(part))
    return all(len(spans) == wanted[word] for word, spans in written_words(part).items())


def sentence_warnings(model: Model, part: SentenceTranslation) -> Iterator[TranslationWarning]:
    """What may be wrong with one sentence."""
    source = part.source
    for span in untranslated(model, part):
        yield TranslationWarning("untranslated", source.text.original(span))
    for span in numbers_missing(model, part):
        yield TranslationWarning("numbers", source.text.original(span))
    if "\ufffd" in part.text.text and "\ufffd" not in source.text.text:
        yield TranslationWarning("bytes", source.original)
    if part.finish_reason != "eos":
        yield TranslationWarning("cut", source.original)
    if source.protected and not model.has_trained_placeholders:
        yield TranslationWarning("approximate", source.original)


def numbers_missing(model: Model, part: SentenceTranslation) -> list[Span]:
    """The numbers in the text that the model read whose digits it did not write."""
    text = part.source.text.text
    return missing_numbers(text, model.target.decode(part.ids)) if DIGIT_RUNS.search(text) else []


def untranslated(model: Model, part: SentenceTranslation) -> list[Span]:
    """The stretches of the text that the model read to which it hardly attended."""
    return uncovered_stretches(model.source, part.source.text.text, part.coverage)


def shifted(span: Span, start: int) -> Span:
    return Span(span.start + start, span.end + start)


def with_eos(tokens: list[Token], end: int) -> list[Token]:
    return [*tokens, Token(END, PIECES[END], Span(end, end))]


def words_of(text: str, tokens: Sequence[Token]) -> list[Word]:
    """The words of a text that have tokens; </s> is in none of them."""
    indices = [index for index, token in enumerate(tokens) if token.id != END]
    grouped = group_words(text, [tokens[index] for index in indices])
    return [word._replace(tokens=[indices[token] for token in word.tokens]) for word in grouped]


def join(source: str, parts: Sequence[SentenceTranslation], model: Model | None) -> Translation:
    """One translation of the text `source` from those of its sentences."""
    reasons = {part.finish_reason for part in parts}
    gaps = filled_gaps(source, parts)
    texts = (part.text.text + gap for part, gap in zip(parts, gaps[1:], strict=True))
    return Translation(
        source,
        gaps[0] + "".join(texts),
        sum((part.log_prob for part in parts), 0.0),
        next((reason for reason in REASON_ORDER if reason in reasons), "eos"),
        tuple(parts),
        model,
    )


def first_of_each_text(translations: Iterable[Translation]) -> list[Translation]:
    """A text may have been written in several ways, cut into other tokens."""
    first: dict[str, Translation] = {}
    for translation in translations:
        first.setdefault(translation.text, translation)
    return list(first.values())


def filled_gaps(source: str, parts: Sequence[SentenceTranslation]) -> list[str]:
    """What is before, between and after the sentences, as in the source; a space where the source
    needed none and this language does."""
    gaps = gaps_between(source, [part.source for part in parts])
    for number, part in enumerate(parts[:-1], 1):
        needs_none = not part.text.text or is_wide(part.text.text[-1])
        if not (gaps[number] or needs_none):
            gaps[number] = " "
    return gaps


def is_wide(letter: str) -> bool:
    """Whether it is as wide as a Chinese letter; none of these has spaces around it."""
    return unicodedata.east_asian_width(letter) in "WF"


def block_diagonal(blocks: Sequence[Float[np.ndarray, "_ _"]]) -> Float[np.ndarray, "T S"]:
    """The weights of sentences as those of one text: no sentence attends to another."""
    rows, columns = (sum(block.shape[side] for block in blocks) for side in (0, 1))
    joined = np.zeros((rows, columns), np.float32)
    row = column = 0
    for block in blocks:
        joined[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return joined
