"""A text that was changed step by step, and the characters of the first text behind each span."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
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

    def original(self, span: Span) -> Span:
        """The characters of the first text that a span of this one comes from."""
        for edits in reversed(self.steps):
            span = moved(span, [(edit.after, edit.before) for edit in edits])
        return span

    def current(self, span: Span) -> Span:
        """The characters of this text that come from a span of the first one."""
        for edits in self.steps:
            span = moved(span, list(edits))
        return span


def moved(span: Span, edits: list[tuple[Span, Span]]) -> Span:
    """Where a span of one side of the edits (from, to) lies on the other.

    A span that touches a replacement covers all of it. One that is empty stays empty.
    """
    if span.start == span.end:
        start = moved_start(span.start, edits)
        return Span(start, start)
    return Span(moved_start(span.start, edits), moved_end(span.end, edits))


def moved_start(index: int, edits: list[tuple[Span, Span]]) -> int:
    """Where the character at `index` begins on the other side."""
    number = bisect_right(edits, index, key=lambda edit: edit[0].start)
    if not number:
        return index
    here, there = edits[number - 1]
    return there.start if index < here.end else there.end + index - here.end


def moved_end(index: int, edits: list[tuple[Span, Span]]) -> int:
    """Where the character before `index` ends on the other side."""
    number = bisect_left(edits, index, key=lambda edit: edit[0].start)
    if not number:
        return index
    here, there = edits[number - 1]
    return there.end if index <= here.end else there.end + index - here.end
