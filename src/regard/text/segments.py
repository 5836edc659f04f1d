"""A text cut into tokens and words, each with the characters of the user's own text it covers."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from regard.special import END, PIECES, Ids
from regard.text.bpe_dropout import FIRST_BYTE, FIRST_PIECE
from regard.text.normalize import normalize
from regard.text.spans import Span, word_of_each_token, words
from regard.text.vocabulary import Token, Vocabulary

UNFINISHED = "\ufffd"
"""What a character decodes to while some of its bytes are missing."""


class Word(NamedTuple):
    text: str
    tokens: list[int]
    """The indices of its tokens."""
    span: Span
    """Its characters."""


class TokenizedText(NamedTuple):
    """A text as the model reads or writes it, with </s> at its end."""

    text: str
    tokens: list[str]
    """▁ is a space."""
    ids: list[int]
    words: list[Word]


def tokenize(vocabulary: Vocabulary, text: str) -> list[Token]:
    """The tokens of a source text, without </s>; their spans are in `text` itself."""
    normalized = normalize(text)
    return [
        token._replace(span=normalized.original(token.span))
        for token in vocabulary.tokens(normalized.text)
    ]


def detokenize(vocabulary: Vocabulary, ids: Ids) -> list[Token]:
    """Target tokens; their spans are in the text that they decode to."""
    spans = [Span(*both) for both in pairwise([0, *decoded_ends(vocabulary, ids)])]
    return list(map(Token, ids, vocabulary.pieces(ids), spans))


def decoded_ends(vocabulary: Vocabulary, ids: Ids) -> list[int]:
    """For each target token, the index after its last character. A character that is written in
    bytes belongs to the last of them."""
    has_bytes = any(FIRST_BYTE <= token < FIRST_PIECE for token in ids)
    ends: list[int] = vocabulary.ends(ids).tolist()
    if not has_bytes and ends[-1:] == [len(vocabulary.decode(ids))]:
        return ends
    texts = [vocabulary.decode(ids[: number + 1]) for number in range(len(ids))]
    complete = [text.rstrip(UNFINISHED) for text in texts[:-1]] + texts[-1:]
    return [*accumulate(map(len, complete), max)]


def group_words(text: str, tokens: Sequence[Token]) -> list[Word]:
    """The words of a text with the indices of their tokens, in order; every token is in one word.

    A token of white space belongs to the word after it; words that share a token are one. A word
    without tokens is left out.
    """
    spans = words(text)
    if not spans and tokens:
        word = text.strip() or text
        start = text.index(word)
        return [Word(word, list(range(len(tokens))), Span(start, start + len(word)))]
    owners = word_of_each_token([token.span for token in tokens], spans)
    after = len(spans) - 1
    for index in reversed(range(len(owners))):
        after = owners[index] = after if owners[index] < 0 else owners[index]
    indices: dict[int, list[int]] = {}
    for index, owner in enumerate(owners):
        indices.setdefault(owner, []).append(index)
    extents = {owner: spans[owner] for owner in sorted(indices)}
    starts_of_next = [*(span.start for span in spans[1:]), len(text)]
    ends_of_previous = [0, *(span.end for span in spans[:-1])]
    for token, owner in zip(tokens, owners, strict=True):
        first, last = token.span
        if ends_of_previous[owner] <= first and last <= starts_of_next[owner]:
            continue  # it shares characters with no other word
        for number in overlapping(spans, token.span):
            if number not in indices:  # one token holds several words, like "..."
                start, end = extents[owner]
                shared = spans[number]
                extents[owner] = Span(min(start, shared.start), max(end, shared.end))
    return [Word(text[slice(*span)], indices[owner], span) for owner, span in extents.items()]


def overlapping(spans: Sequence[Span], span: Span) -> range:
    """The indices of those of `spans`, which are in order and apart, that share characters with
    `span`."""
    first = bisect_right(spans, span.start, key=lambda each: each.end)
    return range(first, bisect_left(spans, span.end, key=lambda each: each.start))


def with_end(text: str, tokens: Sequence[Token]) -> TokenizedText:
    """The words of a text, and </s> as a last token and word."""
    end = Word(PIECES[END], [len(tokens)], Span(len(text), len(text)))
    return TokenizedText(
        text,
        [*(token.piece for token in tokens), PIECES[END]],
        [*(token.id for token in tokens), END],
        [*group_words(text, tokens), end],
    )


def without_end(tokenized: TokenizedText) -> TokenizedText:
    return tokenized._replace(
        tokens=tokenized.tokens[:-1], ids=tokenized.ids[:-1], words=tokenized.words[:-1]
    )
