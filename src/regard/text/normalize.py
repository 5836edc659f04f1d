"""The form in which the model reads a text: one line, composed, without invisible characters."""

import re
import unicodedata
from typing import NamedTuple

from regard.text.spans import Span

CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
"""Control characters (tab, form feed and U+0085 among them), Unicode's line and paragraph
separators, the byte order mark, and halves of surrogate pairs, which cannot be encoded."""

JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
"""Korean vowels and final consonants, which compose with what precedes them."""


def normalize(text: str) -> str:
    """`text` with a space for each of `CONTROL_CHARACTERS`, then stripped, in Unicode's NFC."""
    return unicodedata.normalize("NFC", replace_control_characters(text).strip())


def replace_control_characters(text: str) -> str:
    """`text`, as long as before, with a space for each of `CONTROL_CHARACTERS`."""
    return CONTROL_CHARACTERS.sub(" ", text)


class Normalized(NamedTuple):
    """A normalized text, and where each of its characters is in the user's own."""

    text: str
    spans: list[Span]
    """Of each character; characters that were composed together share a span."""

    def original(self, span: Span) -> Span:
        """The user's characters that a span of the normalized text covers."""
        if span.start < span.end:
            return Span(self.spans[span.start].start, self.spans[span.end - 1].end)
        if span.start < len(self.spans):
            return Span(self.spans[span.start].start, self.spans[span.start].start)
        end = self.spans[-1].end if self.spans else 0
        return Span(end, end)


def normalize_with_spans(text: str) -> Normalized:
    """What `normalize` returns, with the range of `text` that each character comes from."""
    visible = replace_control_characters(text)
    start, end = len(visible) - len(visible.lstrip()), len(visible.rstrip())
    if unicodedata.is_normalized("NFC", visible):
        return Normalized(visible[start:end], [Span(i, i + 1) for i in range(start, end)])
    composed: list[str] = []
    spans: list[Span] = []
    while start < end:
        after = start + 1
        while after < end and composes(visible[after]):
            after += 1
        part = unicodedata.normalize("NFC", visible[start:after])
        is_same = part == visible[start:after]
        composed.append(part)
        spans += [
            Span(start + i, start + i + 1) if is_same else Span(start, after)
            for i in range(len(part))
        ]
        start = after
    return Normalized("".join(composed), spans)


def composes(letter: str) -> bool:
    """Whether NFC may join a character with the one before it."""
    return unicodedata.category(letter)[0] == "M" or JAMO.match(letter) is not None
