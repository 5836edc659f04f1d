"""Markdown: the texts of paragraphs, headings and cells of tables; all else stays as it is."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

from regard.documents.coded import CodedText, decode_pieces, encode_pieces
from regard.documents.file_document import (
    TRANSLATABLE,
    DocumentSegment,
    FileDocument,
    decode_utf8,
    is_unchanged,
)
from regard.documents.markdown_inline import (
    EMPHASIS_STYLES,
    ESCAPE_STYLES,
    MAX_PARAGRAPH,
    essence,
    parser,
    pieces_of_markdown,
    with_meanings,
    without_empty_emphasis,
)
from regard.markup.pieces import Piece
from regard.text.languages import Languages
from regard.text.spans import Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FRONT_MATTER = re.compile(
    r"\A\ufeff?(?:(---)[ \t]*\r?\n(?:(?!---|\.\.\.).*\r?\n)*+(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z))?"
)
LINE_BREAK = re.compile(r"\r\n|\n|\r")
BREAKABLE = "\0"
"""A space at which a line may be broken; no text contains this character."""
BEGINS_BLOCK = re.compile(r"^(\d{0,9})([-+*>#=~`|<:.)])", re.MULTILINE)
"""What may begin a list, a quotation, a heading or another block."""
WRITTEN_AS_ENTITY = {"\u00a0": "&nbsp;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}


class MarkdownBlock(NamedTuple):
    """A paragraph, a heading, or a cell of a table."""

    span: Span
    """In the file."""
    kind: str
    """Of the token around it."""
    content: str
    """Without indentation and marks of quotations; lines end in line feeds."""
    line_end: str
    """With the indentation and marks of the next line."""
    coded: CodedText


def read_markdown(name: str, content: bytes, _: Languages) -> FileDocument:
    """Raises RegardError if a file is not UTF-8; every text in UTF-8 is Markdown."""
    text = decode_utf8(content, name)
    front = FRONT_MATTER.match(text)
    assert front is not None
    markdown, env = parser(), dict[str, Any]()
    blocks = list(read_blocks(markdown, env, text, front.end()))

    def write(translations: Sequence[str]) -> bytes:
        parts, end = [], 0
        for block, translation in zip(blocks, translations, strict=True):
            if not is_unchanged(block.coded.text, translation):
                parts += [
                    text[end : block.span.start],
                    write_block(markdown, env, block, translation),
                ]
                end = block.span.end
        return "".join([*parts, text[end:]]).encode()

    return FileDocument([DocumentSegment(block.coded.text, "inline") for block in blocks], write)


def read_blocks(
    markdown: "MarkdownIt", env: dict[str, Any], text: str, begin: int
) -> Iterator[MarkdownBlock]:
    """The blocks with letters, from a character of the text on."""
    breaks = [match.span() for match in LINE_BREAK.finditer(text, begin)]
    starts = [begin, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    lines = [Span(start, end) for start, end in zip(starts, ends, strict=True)]
    tokens = markdown.parse(text[begin:], env)
    column_end = 0
    for around, token in pairwise(tokens):
        if around.type == "tr_open" and around.map:
            column_end = lines[around.map[0]].start
        if token.type != "inline" or token.map is None:
            continue
        if around.type in ("th_open", "td_open"):
            spans = cell_spans(text, token.content, lines[token.map[0]], column_end)
            column_end = spans[0].end if spans else column_end
        else:
            spans = line_spans(text, token, lines)
        if spans and TRANSLATABLE.search(token.content) and len(token.content) <= MAX_PARAGRAPH:
            pieces = with_meanings(pieces_of_markdown(markdown, token.content, env))
            if any(piece.kind == "text" and TRANSLATABLE.search(piece.raw) for piece in pieces):
                span = Span(spans[0].start, spans[-1].end)
                line_end = text[spans[0].end : spans[1].start].lstrip(" \t") if spans[1:] else ""
                yield MarkdownBlock(
                    span, around.type, token.content, line_end, encode_pieces(pieces)
                )


def line_spans(text: str, token: "Token", lines: Sequence[Span]) -> list[Span]:
    """Where the lines of a paragraph or a heading are in the file; none if they were changed, as
    tabs are."""
    assert token.map is not None
    spans = []
    for own, line in zip(token.content.split("\n"), lines[token.map[0] :], strict=False):
        written = text[slice(*line)]
        if written.rstrip().endswith(own.rstrip()):
            start = line.start + len(written.rstrip()) - len(own.rstrip())
        elif own in written:  # a heading with signs behind it
            start = line.start + written.index(own)
        else:
            return []
        spans.append(Span(start, start + len(own)))
    return spans


def cell_spans(text: str, content: str, line: Span, begin: int) -> list[Span]:
    """Where a cell is in its line, behind those before it; none if it cannot be known."""
    written = content.replace("|", "\\|")
    start = text.find(written, begin, line.end)
    if not content or start < 0:
        return []
    end = start + len(written)
    bar_before, bar_after = start - 1, end
    while bar_before >= begin and text[bar_before] in " \t":
        bar_before -= 1
    while bar_after < line.end and text[bar_after] in " \t":
        bar_after += 1
    is_first = begin == line.start and not TRANSLATABLE.search(text, begin, start)
    is_apart = (is_first or text[bar_before] == "|") and (
        bar_after == line.end or text[bar_after] == "|"
    )
    return [Span(start, end)] if is_apart else []


def write_block(
    markdown: "MarkdownIt", env: dict[str, Any], block: MarkdownBlock, translation: str
) -> str:
    """The first of several ways to write a block that reads as it should; if there is none, what
    it was."""
    pieces = without_empty_emphasis(decode_pieces(block.coded, translation))
    kind = BLOCK_KINDS.get(block.kind, BLOCK_KINDS["paragraph_open"])
    for arrange, escape in product(EMPHASIS_STYLES, ESCAPE_STYLES):
        expected = arrange(pieces)
        text = joined_pieces(expected, entities_of(block.content), escape)
        for finish in kind.finishes:
            shown = finish(text, block.content).replace(BREAKABLE, " ")
            if reads_as(markdown, env, shown, expected, kind):
                return kind.written(shown, block.line_end)
    return kind.written(block.content, block.line_end)


def entities_of(content: str) -> dict[str, str]:
    """The characters that the source writes as entities."""
    return {sign: form for sign, form in WRITTEN_AS_ENTITY.items() if form in content}


def joined_pieces(
    pieces: Sequence[Piece], entities: dict[str, str], escape: Callable[[str], str]
) -> str:
    """Pieces as Markdown, with BREAKABLE for the spaces of texts."""
    text = ""
    for piece in pieces:
        raw = piece.raw
        if piece.kind == "text":
            raw = re.sub(r"[ \t\r\n]+", BREAKABLE, escape(raw))
            raw = "".join(entities.get(each, each) for each in raw)
        if text.endswith((" ", BREAKABLE, "\n")) and raw[:1] in (" ", BREAKABLE):
            raw = raw[1:] if piece.name != "hardbreak" else raw
        text += raw
    return text.strip(" " + BREAKABLE)


def as_one_line(text: str, _: str) -> str:
    return text


def wrapped(text: str, content: str) -> str:
    """The text in lines that are about as long as those of the source."""
    lines = content.split("\n")
    if len(lines) == 1:
        return text
    width = max(map(len, lines))
    out, column = [], 0
    for number, word in enumerate(text.split(BREAKABLE)):
        first, *rest = word.split("\n")
        is_over = column + 1 + len(first) > width
        if number:
            is_break = is_over and (word[:1].isalpha() or word[:1] in "([\"'«“")
            out.append("\n" if is_break else " ")
            column = 0 if is_break else column + 1
        out.append(word)
        column = len(rest[-1]) if rest else column + len(first)
    return "".join(out)


def with_escaped_beginnings(text: str, _: str) -> str:
    """The text, in which no line begins a block of another kind."""
    return BEGINS_BLOCK.sub(r"\1\\\2", text)


class BlockKind(NamedTuple):
    """How a block is written and checked."""

    finishes: tuple[Callable[[str, str], str], ...]
    """From the text and the source; tried in this order."""
    example: str
    """Markdown with the block in it."""
    tokens: tuple[str, ...]
    """Those of the example; none if it is not checked."""
    written: Callable[[str, str], str]
    """From the text and what is between two lines of the block in the file."""


def with_line_ends(text: str, line_end: str) -> str:
    return text.replace("\n", line_end or "\n")


def with_escaped_bars(text: str, _: str) -> str:
    return text.replace("|", "\\|")


TABLE_CELL = BlockKind((as_one_line,), "{}", (), with_escaped_bars)
BLOCK_KINDS = {
    "paragraph_open": BlockKind(
        (wrapped, as_one_line, with_escaped_beginnings),
        "{}",
        ("paragraph_open", "inline", "paragraph_close"),
        with_line_ends,
    ),
    "heading_open": BlockKind(
        (as_one_line,), "# {}", ("heading_open", "inline", "heading_close"), with_line_ends
    ),
    "th_open": TABLE_CELL,
    "td_open": TABLE_CELL,
}
"""By the type of the token around the text."""


def reads_as(
    markdown: "MarkdownIt",
    env: dict[str, Any],
    shown: str,
    expected: Sequence[Piece],
    kind: BlockKind,
) -> bool:
    """Whether a reader of Markdown sees these pieces, and one block of this kind."""
    if kind.tokens:
        tokens = markdown.parse(kind.example.replace("{}", shown), {})
        if tuple(token.type for token in tokens) != kind.tokens or tokens[1].content != shown:
            return False
    elif "\n" in shown:
        return False
    read = with_meanings(pieces_of_markdown(markdown, shown, env))
    return essence(read) == essence(expected)
