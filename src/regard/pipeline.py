"""The stages between a user's text and the sentences that a model reads, and back.

    the user's text
    -> layout: indentation, tabs and list marks are taken off, and the frames of ICU messages
    -> normalization: what looks alike is written alike
    -> spans: what is no language (addresses, placeholders, emoji ...) is found
    -> sentences: the rest is split, and long sentences are cut
    -> spans become placeholder symbols
    -> case: a line in capitals is read in small letters
    -> search
    -> case, spans and layout are put back
    -> coverage: what was not translated is searched again (second_search.py)

Each stage is a function in `text/`, and each can be switched off (`config.TextOptions`).
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from regard.config import TextOptions
from regard.special import PLACEHOLDER_IDS, PLACEHOLDER_SYMBOLS, Ids
from regard.text.case import Case, find_case, put_back, take_off
from regard.text.coverage import strip
from regard.text.edits import EditedText
from regard.text.languages import Languages, script
from regard.text.layout import translatable_spans
from regard.text.message_format import message_texts
from regard.text.normalize import (
    CONTROL_CHARACTERS,
    fold_unknown,
    normalize,
    single_spaces,
)
from regard.text.placeholders import (
    PLACEHOLDER,
    close_up,
    complete_word,
    find_spans,
    foreign_spans,
    is_translatable,
    protect,
    space_symbols,
)
from regard.text.sentences import split_long, split_sentences
from regard.text.spans import Span, merge_spans
from regard.text.tags import NO_TAG, tag_prefix
from regard.text.vocabulary import Vocabulary

DEFAULT_LONGEST = 128
"""Tokens of the longest sentence, for models that do not record how long their sentences were."""
MOST_PARTS = 8
"""A sentence of more parts is none, but a list or data; they are searched greedily, in less than
half the time."""

PRINTED = {"\t": "\t", "\n": "\n", "\ufeff": ""}
"""What is written for control characters that do not become spaces."""
WRITTEN_NUMBER, DIGIT_RUNS = re.compile(r"\d+(?:[.,:]\d+)*"), re.compile(r"\d+")


class SourceSentence(NamedTuple):
    """One sentence as the model reads it."""

    user_text: str
    """The complete text in which it stands."""
    normalized: EditedText
    """The sentence before spans became symbols and case was taken off."""
    protected: tuple[Span, ...]
    """The spans of `normalized` for which the symbols of `text` stand, in their order."""
    text: EditedText
    """What the model reads; `original` maps to the user's characters."""
    case: Case
    """How the user wrote the line; the model reads all but "as written" in small letters."""
    protected_words: tuple[Span, ...] = ()
    """Spans of `normalized` that must be copied, too, and that the model reads as they are."""
    is_run_on: bool = False
    """It is one of more than `MOST_PARTS` parts of a text without the ends of sentences."""

    @property
    def required(self) -> Ids:
        """The placeholder tokens that a translation must contain."""
        return PLACEHOLDER_IDS[: len(self.protected)]

    @property
    def spans(self) -> list[Span]:
        """The user's characters for which each symbol stands."""
        return [self.normalized.original(span) for span in self.protected]

    @property
    def copies(self) -> dict[str, str]:
        """What the translation contains in place of each symbol."""
        return dict(zip(PLACEHOLDER_SYMBOLS, self.copies_of(self.protected), strict=False))

    def copies_of(self, spans: Sequence[Span]) -> list[str]:
        """What the translation contains of these spans of `normalized`."""
        originals = map(self.normalized.original, spans)
        return [printable(text_at(self.user_text, span)) for span in originals]

    @property
    def original(self) -> Span:
        """The user's characters of the complete sentence."""
        return self.text.original(Span(0, len(self.text.text)))

    def as_read(self, offset: int) -> tuple[object, ...]:
        """All that its translation depends on, and where it stands: so many characters later."""
        start, end = self.original
        read = self.normalized.text, self.text.text, self.case, self.protected, self.protected_words
        return *read, self.is_run_on, self.copies, start + offset, end + offset

    def in_normalized(self, span: Span) -> Span:
        """Where a span of `text` lies in `normalized`."""
        own_steps = self.text.steps[len(self.normalized.steps) :]
        return EditedText(self.text.text, own_steps).original(span)


@dataclass(frozen=True)
class Pipeline:
    """The stages of one model."""

    options: TextOptions
    languages: Languages
    source: Vocabulary
    target: Vocabulary
    has_trained_placeholders: bool = False
    """Whether training taught the symbols; if not, sentences are cut at their protected spans."""
    longest: int = DEFAULT_LONGEST
    """Tokens of the longest sentence that the model learned; longer ones are cut."""
    protected: re.Pattern[str] | None = None
    """What else is a protected span, beside `text.placeholders.find_spans`."""
    tags: tuple[str, ...] = ()
    """The tags that training taught."""
    tag: str = NO_TAG
    """The one before every sentence."""

    def read(self, text: str) -> list[SourceSentence]:
        """The sentences of a text; what is in none of them is copied."""
        sentences = [
            sentence
            for piece in self.pieces(text)
            for sentence in self.read_piece(text, piece, self.split)
        ]
        return [*map(self.read_words, sentences)] if self.protected else sentences

    def read_as_one(self, text: str) -> list[SourceSentence]:
        """The same, as one sentence of any length; [] for a text with nothing to translate."""
        pieces = self.pieces(text)
        piece = pieces[0] if len(pieces) == 1 else Span(0, len(text))
        return list(self.read_piece(text, piece, as_one))

    def read_given(self, text: str) -> SourceSentence:
        """The same for a text whose translation is given: what would be copied is read, too."""
        sentences = self.read_as_one(text)
        normalized = self.normalize(EditedText(text))
        return sentences[0] if sentences else self.read_sentence(text, normalized, (), "as written")

    def read_target(self, translation: str, sentence: SourceSentence) -> Ids:
        """The tokens of a given translation, with the symbols of the sentence."""
        text = normalize(translation).text
        for symbol, span in zip(PLACEHOLDER_SYMBOLS, sentence.protected, strict=False):
            text = text.replace(text_at(sentence.normalized.text, span), symbol, 1)
        return self.target.encode([space_symbols(EditedText(text)).text])[0]

    def divide(self, text: str, characters: int) -> list[Span]:
        """Parts of a text that have some `characters` each and can be translated by themselves:
        their translations, with the white space between the parts, are that of the text.

        The text is cut between sentences. One of which a part would be read in another way by
        itself, as a title is, has larger parts, or is one part.
        """
        sentences = self.read(text)
        parts, start, first, least = [], 0, 0, characters
        for number, (one, following) in enumerate(pairwise(sentences), 1):
            part = Span(start, one.original.end)
            if part.end - start < least or not self.can_cut(text, one, following):
                continue
            if self.reads_alike(text, part, sentences[first:number]):
                parts.append(part)
                start, first, least = following.original.start, number, characters
            else:
                least = 2 * (part.end - start)
        rest = Span(start, len(text))
        is_sure = not parts or self.reads_alike(text, rest, sentences[first:])
        return [*parts, rest] if is_sure else [Span(0, len(text))]

    def can_cut(self, text: str, one: SourceSentence, following: SourceSentence) -> bool:
        """Whether a text can be cut between two sentences: at white space, and not before what
        would be layout, such as a number, at the beginning of a text."""
        gap = text[one.original.end : following.original.start]
        pieces = self.pieces(text_at(text, following.original))
        return gap.isspace() and printable(gap) == gap and bool(pieces) and pieces[0].start == 0

    def reads_alike(self, text: str, part: Span, sentences: Sequence[SourceSentence]) -> bool:
        """Whether a part of a text has the same `sentences` by itself as in the text."""
        own = self.read(text_at(text, part))
        return [one.as_read(part.start) for one in own] == [one.as_read(0) for one in sentences]

    def pieces(self, text: str) -> list[Span]:
        """What is text, without its layout and the frames of its messages."""
        pieces = translatable_spans(text) if self.options.layout else [Span(0, len(text))]
        return in_messages(text, pieces) if self.options.spans else pieces

    def read_piece(self, text: str, piece: Span, split: "Splitter") -> Iterator[SourceSentence]:
        normalized = self.normalize(EditedText(text).slice(piece))
        protected = self.find_protected(normalized.text)
        case = self.find_case(normalized.text, protected)
        for parts in split(normalized.text, protected):
            is_run_on = len(parts) > MOST_PARTS
            for span in parts:
                inside = spans_within(protected, span)
                if self.is_translatable(normalized.text[span.start : span.end], inside):
                    part = self.read_sentence(text, normalized.slice(span), inside, case)
                    yield part._replace(is_run_on=is_run_on)

    def normalize(self, piece: EditedText) -> EditedText:
        """What is read alike is written alike."""
        if not self.options.normalization:
            return single_spaces(piece.sub(CONTROL_CHARACTERS, lambda _: " "))
        return fold_unknown(piece.then(normalize(piece.text)), self.source.knows)

    def find_protected(self, text: str) -> list[Span]:
        """The spans of a normalized text that are no language."""
        if not self.options.spans:
            return []
        verbatim = merge_spans(
            complete_word(text, span) for span in find_spans(text, self.protected)
        )
        foreign = foreign_spans(text, script(self.languages[0]), self.source.knows, verbatim)
        return merge_spans(verbatim, foreign)

    def is_translatable(self, text: str, protected: Sequence[Span]) -> bool:
        """Whether there is language in a normalized text."""
        if self.options.spans:
            return is_translatable(text, protected)
        return self.count_tokens(text) > 0

    def find_case(self, text: str, protected: Sequence[Span]) -> Case:
        """How a normalized text is written, apart from its protected spans."""
        if not self.options.case:
            return "as written"
        language_alone = EditedText(text).replace((span, " ") for span in protected).text
        return find_case(language_alone, self.languages[0], self.count_tokens)

    def split(self, text: str, protected: Sequence[Span]) -> list[list[Span]]:
        """The sentences of a normalized text, each in parts that are no longer than the sentences
        that the model learned."""
        sentences = split_sentences(text, self.languages[0], protected)
        if protected and not self.has_trained_placeholders:
            sentences = [
                part for sentence in sentences for part in between_spans(text, sentence, protected)
            ]
        return [
            split_long(text, sentence, self.longest, self.count_tokens, protected)
            for sentence in sentences
        ]

    def read_sentence(
        self, user_text: str, normalized: EditedText, protected: Sequence[Span], case: Case
    ) -> SourceSentence:
        """A normalized sentence with symbols, in small letters where `case` says so."""
        symbols = tuple(protected[: len(PLACEHOLDER_SYMBOLS)])
        with_symbols = protect(normalized, symbols).text
        text = take_off(with_symbols, case, self.languages[0], self.count_tokens)
        if self.tag:
            text = text.replace([(Span(0, 0), tag_prefix(self.tag, self.tags))])
        return SourceSentence(user_text, normalized, symbols, text, case)

    def read_words(self, sentence: SourceSentence) -> SourceSentence:
        """The sentence in which only what is no language is a symbol: the model translates better
        around words that it reads, and most often writes them itself."""
        automatic = replace(self, protected=None).find_protected(sentence.normalized.text)
        symbols = [span for span in sentence.protected if span in automatic]
        words = [span for span in sentence.protected if span not in automatic]
        return self.read_again(sentence, symbols)._replace(protected_words=tuple(words))

    def protect_more(self, sentence: SourceSentence, spans: Sequence[Span]) -> SourceSentence:
        """The sentence with symbols for these spans of its `text`, too, and for protected words."""
        more = [sentence.in_normalized(span) for span in spans]
        protected = merge_spans(sentence.protected, sentence.protected_words, more)
        return self.read_again(sentence, protected)

    def read_again(self, sentence: SourceSentence, protected: Sequence[Span]) -> SourceSentence:
        """The sentence with symbols for these spans of `normalized` alone."""
        again = self.read_sentence(
            sentence.user_text, sentence.normalized, protected, sentence.case
        )
        return again._replace(is_run_on=sentence.is_run_on)

    def count_tokens(self, text: str) -> int:
        return len(self.source.encode([text])[0])

    def write(self, ids: Ids, sentence: SourceSentence) -> EditedText:
        """What the model wrote, in the user's case and with the user's spans."""
        decoded = single_spaces(EditedText(self.target.decode(ids)))
        cased = put_back(decoded, sentence.case, self.languages[1])
        if not sentence.protected:
            return cased
        copies = sentence.copies
        closed = close_up(cased, sentence.normalized.text, sentence.protected)
        return closed.sub(PLACEHOLDER, lambda match: copies.get(match[0], ""))


Splitter = Callable[[str, Sequence[Span]], list[list[Span]]]
"""The parts of each sentence of a normalized text, given its protected spans."""


def as_one(text: str, _: Sequence[Span]) -> list[list[Span]]:
    """A text as one sentence in one part."""
    return [[Span(0, len(text))]]


def in_messages(text: str, pieces: Sequence[Span]) -> list[Span]:
    """The texts of these pieces of a text; several where a piece holds a message of ICU."""
    return [
        strip(text, Span(piece.start + own.start, piece.start + own.end))
        for piece in pieces
        for own in message_texts(text_at(text, piece))
    ]


def spans_within(spans: Sequence[Span], sentence: Span) -> list[Span]:
    """Those of a text's spans that are in one of its sentences, as spans of the sentence."""
    begin, end = (bisect_left(spans, Span(edge, 0)) for edge in sentence)
    return [Span(a - sentence.start, b - sentence.start) for a, b in spans[begin:end]]


def between_spans(text: str, sentence: Span, protected: Sequence[Span]) -> list[Span]:
    """What is before, between and after the protected spans in a sentence, without white space."""
    begin, end = (bisect_left(protected, Span(edge, 0)) for edge in sentence)
    inside = protected[begin:end]
    starts = [sentence.start, *(span.end for span in inside)]
    ends = [*(span.start for span in inside), sentence.end]
    return [strip(text, Span(*both)) for both in zip(starts, ends, strict=True)]


def text_at(text: str, span: Span) -> str:
    return text[span.start : span.end]


def printable(text: str) -> str:
    """The text without a byte order mark, and with spaces for control characters, except for tabs
    and line feeds."""
    return CONTROL_CHARACTERS.sub(lambda match: PRINTED.get(match[0], " "), text)


def gaps_between(text: str, sentences: Sequence[SourceSentence]) -> list[str]:
    """What the user wrote before, between and after the sentences: layout, white space, and what
    is not translated; invisible characters only beside what is visible."""
    originals = [sentence.original for sentence in sentences]
    starts = [0, *(span.end for span in originals)]
    ends = [*(span.start for span in originals), len(text)]
    gaps = (printable(text[start:end]) for start, end in zip(starts, ends, strict=True))
    return [
        gap if gap.isspace() or normalize(gap).text else "".join(filter(str.isspace, gap))
        for gap in gaps
    ]


def missing_numbers(source: str, target: str) -> list[Span]:
    """The numbers of a source whose digits its translation lacks, as often as it lacks them.

    A number may be written in another form: 1,000.5 as 1 000,5.
    """
    missing, left = [], Counter(DIGIT_RUNS.findall(target))
    for match in WRITTEN_NUMBER.finditer(source):
        wanted = Counter(DIGIT_RUNS.findall(match[0]))
        if wanted <= left:
            left -= wanted
        else:
            missing.append(Span(*match.span()))
    return missing
