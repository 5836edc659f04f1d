"""Lines of any length: cut into sentences, and their translations joined again."""

import unicodedata
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from regard.errors import RegardError
from regard.search.protocols import FinishReason
from regard.shapes import Float
from regard.special import END, PIECES
from regard.text import sentences
from regard.text.normalize import normalize, replace_control_characters
from regard.text.segments import Word, detokenize, group_words
from regard.text.spans import Span
from regard.text.vocabulary import Token, Vocabulary

REASON_ORDER: tuple[FinishReason, ...] = ("repetition", "length", "eos")
"""A line's finish reason is that of its sentences that comes first here."""


MAX_SENTENCE_CHARACTERS = 1000
"""A longer sentence is cut: models are not trained on longer ones (`data.max_characters`), and
attention takes time quadratic in the length."""


class SentenceTranslation(NamedTuple):
    """One sentence, as the search returns it."""

    source: str
    """Normalized."""
    text: str
    source_ids: list[int]
    """Without </s>."""
    ids: list[int]
    """Without </s>."""
    log_prob: float
    finish_reason: FinishReason
    whitespace: str = ""
    """After it, before the next sentence of the source."""

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
    def attend(
        self, sentences: Sequence[SentenceTranslation]
    ) -> list[Float[np.ndarray, "T S"]]: ...


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
    """Empty for an empty text."""
    model: InitVar[Model | None] = None
    """Computes tokens and weights when they are first asked for."""

    def __post_init__(self, model: Model | None) -> None:
        vars(self)["model"] = model

    @cached_property
    def source_tokens(self) -> list[Token]:
        """The source's subwords, with the </s> of each sentence; spans are in `source`."""
        normalized = normalize(self.source)
        lengths = (len(part.source) + len(part.whitespace) for part in self.sentences)
        starts = accumulate(lengths, initial=0)
        return [
            token._replace(span=normalized.original(shifted(token.span, start)))
            for part, start in zip(self.sentences, starts, strict=False)
            for token in with_eos(self.loaded_model.source.tokens(part.source), len(part.source))
        ]

    @cached_property
    def tokens(self) -> list[Token]:
        """The translation's subwords, with the </s> of each sentence that ended by itself; spans
        are in `text`."""
        gaps = fill_gaps(self.sentences)
        lengths = (
            len(part.text) + len(gap) for part, gap in zip(self.sentences, gaps, strict=True)
        )
        starts = accumulate(lengths, initial=0)
        tokens = []
        for part, start in zip(self.sentences, starts, strict=False):
            own = detokenize(self.loaded_model.target, part.ids)
            own = with_eos(own, len(part.text)) if part.finish_reason == "eos" else own
            tokens += [token._replace(span=shifted(token.span, start)) for token in own]
        return tokens

    @cached_property
    def source_words(self) -> list[Word]:
        """The words of `source`, with the indices of their tokens; </s> is in none."""
        return words_of(replace_control_characters(self.source), self.source_tokens)

    @cached_property
    def words(self) -> list[Word]:
        """The words of `text`, with the indices of their tokens; </s> is in none."""
        return words_of(self.text, self.tokens)

    @cached_property
    def weights(self) -> Float[np.ndarray, "T S"]:
        """How much each of `tokens` attended to each of `source_tokens`; every row sums to 1."""
        return block_diagonal(self.loaded_model.attend(self.sentences))

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
        """For another process: with tokens and weights, and without the model."""
        computed = {"source_tokens": self.source_tokens, "tokens": self.tokens}
        return {**vars(self), **computed, "weights": self.weights, "model": None}


def shifted(span: Span, start: int) -> Span:
    return Span(span.start + start, span.end + start)


def with_eos(tokens: list[Token], end: int) -> list[Token]:
    return [*tokens, Token(END, PIECES[END], Span(end, end))]


def words_of(text: str, tokens: Sequence[Token]) -> list[Word]:
    """The words of a text; </s> is in none of them."""
    indices = [index for index, token in enumerate(tokens) if token.id != END]
    grouped = group_words(text, [tokens[index] for index in indices])
    return [Word(word.text, [indices[token] for token in word.tokens]) for word in grouped]


class Sentence(NamedTuple):
    text: str
    whitespace: str
    """The white space between it and the next sentence."""


def cut_into_sentences(text: str, language: str) -> list[Sentence]:
    """The sentences of a text, normalized, in parts where they are very long; a text of white space
    has none."""
    read = normalize(text).text
    spans = [
        part
        for span in sentences.split_sentences(read, language, ())
        for part in sentences.split_long(read, span, MAX_SENTENCE_CHARACTERS, len, ())
    ]
    starts = [*(span.start for span in spans[1:]), len(read)]
    return [
        Sentence(read[slice(*span)], read[span.end : start])
        for span, start in zip(spans, starts, strict=False)
    ]


def join(source: str, parts: Sequence[SentenceTranslation], model: Model | None) -> Translation:
    """One translation of the text `source` from those of its sentences.

    A sentence without tokens, which only SentencePiece takes for white space, is left out.
    """
    parts = [part for part in parts if part.source_ids]
    parts[-1:] = [part._replace(whitespace="") for part in parts[-1:]]
    reasons = {part.finish_reason for part in parts}
    texts = zip((part.text for part in parts), fill_gaps(parts), strict=True)
    return Translation(
        source,
        "".join(text + gap for text, gap in texts),
        sum((part.log_prob for part in parts), 0.0),
        next((reason for reason in REASON_ORDER if reason in reasons), "eos"),
        tuple(parts),
        model,
    )


def fill_gaps(parts: Sequence[SentenceTranslation]) -> list[str]:
    """The white space after each sentence as in the source; a space where the source needed none
    and this language does."""
    gaps = [part.whitespace for part in parts]
    for number, (part, after) in enumerate(pairwise(parts)):
        needs_none = not part.text or is_wide(part.text[-1])
        if not (gaps[number] or needs_none or sentences.splits_a_word(part.source, after.source)):
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
