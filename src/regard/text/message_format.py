"""Messages of ICU: `{n, plural, one {# file} other {# files}}`. Their frame is code, all else text.

The syntax is that of ICU's MessageFormat: arguments of the types plural, select and selectordinal
hold a text for each selector, in which arguments may stand in turn.
"""

import re

from regard.text.spans import Span

SELECTOR = r"\s?(?:=\d+|\w{1,30})\s?\{"
ARGUMENT = (
    r"\{\s?\w{1,60}\s?,\s?(?:plural|select|selectordinal)\s?,(?:\s?offset:\d+)?"
    f"{SELECTOR}"
)
BEGINNING, NEXT_SELECTOR, END_OF_ARGUMENT = map(re.compile, (ARGUMENT, SELECTOR, r"\s?\}"))
BRACE = re.compile(rf"'[{{}}#][^']*'|{ARGUMENT}|[{{}}]")
"""Quoted signs, which are text, the beginning of an argument, and single braces."""
NUMBER_BEFORE, NUMBER_AFTER = re.compile(r"\s*#(?!\S)\s*"), re.compile(r"\s*(?<!\S)#\s*\Z")
"""The sign that stands for a number, before and after the text of a selector."""


def message_texts(text: str) -> list[Span]:
    """The texts before, in and after the arguments of a message, in order; the complete text if it
    holds no argument, or its braces do not match."""
    complete = [Span(0, len(text))]
    if not BEGINNING.search(text):
        return complete
    texts: list[Span] = []
    of_selectors: list[bool] = []
    """Of each open brace, whether it is that of a selector."""
    start = at = 0
    while match := BRACE.search(text, at):
        at = match.end()
        if match[0] == "{":
            of_selectors.append(False)
        elif match[0].startswith("{"):
            texts.append(Span(start, match.start()))
            of_selectors.append(True)
            start = at
        elif match[0] == "}" and of_selectors and of_selectors.pop():
            texts.append(without_number(text, Span(start, match.start())))
            following = NEXT_SELECTOR.match(text, at)
            end = following or END_OF_ARGUMENT.match(text, at)
            if not end:
                return complete
            if following:
                of_selectors.append(True)
            start = at = end.end()
    return complete if of_selectors else [*texts, Span(start, len(text))]


def without_number(text: str, span: Span) -> Span:
    """The text of a selector without the number before or after it."""
    own = text[slice(*span)]
    before = NUMBER_BEFORE.match(own)
    start = before.end() if before else 0
    after = NUMBER_AFTER.search(own, start)
    return Span(span.start + start, span.start + after.start() if after else span.end)
