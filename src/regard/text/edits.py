"""A text that was changed step by step, and the characters of the first text behind each span."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from regard.text.spans import Span


class Edit(NamedTuple):
    """One replacement in a text."""

    before: Span
    """The characters that were replaced."""
    after: Span
    """What stands there now; empty where they were removed."""


class EditedText(NamedTuple):
    """A text, and the steps in which it was made from another one.

    Between the edits of a step, characters correspond one to one.
    """

    text: str
    steps: tuple[tuple[Edit, ...], ...] = ()
    """The edits of each step, in the order of the text."""

    def replace(self, replacements: Iterable[tuple[Span, str]]) -> "EditedText":
        """The text after one more step; the spans are in order and do not overlap."""
        parts, edits, read, written = [], [], 0, 0
        for span, replacement in replacements:
            parts += [self.text[read : span.start], replacement]
            written += span.start - read
            after = Span(written, written + len(replacement))
            edits.append(Edit(span, after))
            read, written = span.end, after.end
        if not edits:
            return self
        text = "".join(parts) + self.text[read:]
        return EditedText(text, (*self.steps, tuple(edits)))

    def sub(
        self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
    ) -> "EditedText":
        """The text with each match replaced, as `re.sub` does it."""
        matches = pattern.finditer(self.text)
        return self.replace((Span(*match.span()), replacement(match)) for match in matches)

    def slice(self, span: Span) -> "EditedText":
        """A part of the text; its spans are still mapped to the whole first text."""
        edges = [Span(0, span.start), Span(span.end, len(self.text))]
        return self.replace((edge, "") for edge in edges if edge.start < edge.end)

    def then(self, after: "EditedText") -> "EditedText":
        """The text after the steps of another one, which begin with this text."""
        return EditedText(after.text, self.steps + after.steps)

    def original(self, span: Span) -> Span:
        """The characters of the first text that a span of this one comes from."""
        for edits in reversed(self.steps):
            span = moved(span, edits, AFTER, BEFORE)
        return span

    def current(self, span: Span) -> Span:
        """The characters of this text that come from a span of the first one."""
        for edits in self.steps:
            span = moved(span, edits, BEFORE, AFTER)
        return span


BEFORE, AFTER = 0, 1
"""The sides of an edit."""


def moved(span: Span, edits: Sequence[Edit], here: int, there: int) -> Span:
    """Where a span of one side of the edits lies on the other side.

    A span that touches a replacement covers all of it. One that is empty stays empty.
    """
    start = moved_start(span.start, edits, here, there)
    if span.start == span.end:
        return Span(start, start)
    return Span(start, moved_end(span.end, edits, here, there))


def moved_start(index: int, edits: Sequence[Edit], here: int, there: int) -> int:
    """Where the character at `index` begins on the other side."""
    number = bisect_right(edits, index, key=lambda edit: edit[here].start)
    if not number:
        return index
    edit = edits[number - 1]
    inside = index < edit[here].end
    return edit[there].start if inside else edit[there].end + index - edit[here].end


def moved_end(index: int, edits: Sequence[Edit], here: int, there: int) -> int:
    """Where the character before `index` ends on the other side."""
    number = bisect_left(edits, index, key=lambda edit: edit[here].start)
    if not number:
        return index
    edit = edits[number - 1]
    inside = index <= edit[here].end
    return edit[there].end if inside else edit[there].end + index - edit[here].end
