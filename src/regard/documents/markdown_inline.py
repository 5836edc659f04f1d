"""Markdown inside of a paragraph: where its codes are, and how text is written beside them."""

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from regard.markup.elements import BLOCKS
from regard.markup.pieces import Piece, PieceKind, parse_html
from regard.markup.segments import tree, with_atoms

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MAX_PARAGRAPH = 10_000
"""Characters; a longer one is copied, because some Markdown takes time by the square of its
length."""
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\\\\\]^_`{|}~"
NOTE_REFERENCE = re.compile(
    r"\[\^[^\[\]\s]{1,100}\]:?|\A\[[ xX]\](?=\s)|\A\[![A-Za-z]{1,20}\](?:\n|\Z)"
)
"""A reference to a footnote, a box of a task, or the kind of an alert: [^1], [x], [!NOTE]."""
TEXT_PART = re.compile(
    rf"\\([{PUNCTUATION}])|(&(?:#\d{{1,7}}|#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)"
)
EMPHASIS = ("em", "strong", "s")
MARKS = re.compile(r"[\\`*_\[\]<&~|]")


class CodeSpan(NamedTuple):
    """Where a code is in a paragraph."""

    begin: int
    end: int
    kind: str
    """The type of its token."""


def parser() -> "MarkdownIt":
    """A parser of CommonMark with tables and ~~struck~~ text, whose inline tokens have spans."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.core.ruler.disable(["inline", "text_join"], ignoreInvalid=True)
    for rule in list(markdown.inline.ruler.__rules__):
        markdown.inline.ruler.at(rule.name, with_spans(rule.name, rule.fn))
    return markdown


def with_spans(name: str, rule: Callable[..., bool]) -> Callable[["StateInline", bool], bool]:
    """A rule that writes into each token that it adds where this stands in the text."""

    def apply(state: "StateInline", silent: bool) -> bool:
        begin, before = state.pos, len(state.tokens)
        label_end = 0
        if name == "link" and not silent and state.src[begin] == "[":
            label_end = state.md.helpers.parseLinkLabel(state, begin, True)
        if not rule(state, silent):
            return False
        if not silent:
            write_spans = SPAN_WRITERS.get(name, write_one_span)
            write_spans(state.tokens[before:], begin, state.pos, label_end)
        return True

    return apply


def write_one_span(tokens: "Sequence[Token]", begin: int, end: int, _: int) -> None:
    for token in tokens:
        if token.type not in ("text", "softbreak"):
            token.meta["span"] = begin, end


def write_sign_spans(tokens: "Sequence[Token]", begin: int, end: int, _: int) -> None:
    """Of * and ~~: the last tokens are one sign each."""
    for token in reversed(tokens):
        if end > begin:
            token.meta["span"] = end - len(token.content), end
            end -= len(token.content)


def write_link_spans(tokens: "Sequence[Token]", begin: int, end: int, label_end: int) -> None:
    """Of a link; the tokens of its text have their spans already."""
    for token in tokens:
        if "span" not in token.meta and token.type == "link_open":
            token.meta["span"] = begin, begin + 1
        elif "span" not in token.meta and token.type == "link_close":
            token.meta["span"] = label_end, end


def write_address_span(tokens: "Sequence[Token]", begin: int, end: int, _: int) -> None:
    """Of <https://example.org>, whose tokens are those of a link."""
    for token in tokens:
        if token.type == "link_open":
            token.type, token.meta["span"] = "address", (begin, end)


SPAN_WRITERS: dict[str, Callable[["Sequence[Token]", int, int, int], None]] = {
    "emphasis": write_sign_spans,
    "strikethrough": write_sign_spans,
    "link": write_link_spans,
    "autolink": write_address_span,
}
"""By the name of the rule: from its tokens, its begin, its end, and the end of a link's text."""


def code_spans(markdown: "MarkdownIt", text: str, env: Any) -> Iterator[CodeSpan]:
    """The codes of a paragraph, in order and apart."""
    for token in markdown.inline.parse(text, markdown, env, []):
        if "span" not in token.meta or token.type == "text":
            continue
        begin, end = token.meta["span"]
        if token.type == "strong_open":  # the token is that of the inner of two signs
            begin -= 1
        elif token.type == "strong_close":
            end += 1
        if token.type == "hardbreak":
            begin, end = line_break(text, begin, end)
        if token.type != "text_special":
            yield CodeSpan(begin, end, token.type)


def line_break(text: str, begin: int, end: int) -> tuple[int, int]:
    """A hard line break, with the spaces or the sign before it and the spaces behind."""
    while begin > 0 and text[begin - 1] == " ":
        begin -= 1
    return begin, end


def pieces_of_markdown(markdown: "MarkdownIt", text: str, env: Any) -> list[Piece]:
    """The text and the codes of a paragraph, as they are written; joined, they are the text."""
    pieces: list[Piece] = []
    end = 0
    for span in code_spans(markdown, text, env):
        pieces += text_pieces(text[end : span.begin])
        raw = text[span.begin : span.end]
        pieces += code_pieces(span.kind, raw)
        end = span.end
    return with_title_apart(with_atoms([*pieces, *text_pieces(text[end:])], "html"))


def with_title_apart(pieces: list[Piece]) -> list[Piece]:
    """The pieces, in which a first line that is all emphasis, such as **Note**, is apart."""
    first = tree(pieces)[0].partner if pieces and is_emphasis(pieces[0]) else 0
    following = pieces[first + 1] if 0 < first < len(pieces) - 1 else Piece("empty", "")
    if following.kind != "text" or not following.raw.startswith("\n"):
        return pieces
    rest = Piece("text", following.raw[1:])
    return [*pieces[: first + 1], Piece("other", "\n", "hardbreak"), rest, *pieces[first + 2 :]]


def text_pieces(raw: str) -> Iterator[Piece]:
    end = 0
    for match in NOTE_REFERENCE.finditer(raw):
        if match.start() > end:
            yield Piece("text", raw[end : match.start()])
        yield Piece("other" if match[0].endswith("\n") else "empty", match[0], "note")
        end = match.end()
    if raw[end:]:
        yield Piece("text", raw[end:])


def code_pieces(kind: str, raw: str) -> list[Piece]:
    name, _, side = kind.rpartition("_")
    if kind == "html_inline":
        return html_pieces(raw)
    if side in ("open", "close"):
        piece_kind: PieceKind = "open" if side == "open" else "close"
        return [Piece(piece_kind, raw, f" {name}")]
    return [Piece(PIECE_KINDS.get(kind, "empty"), raw, kind)]


PIECE_KINDS: dict[str, PieceKind] = {"code_inline": "atom", "address": "atom", "hardbreak": "other"}
"""By the type of the token; others stand alone."""


def html_pieces(raw: str) -> list[Piece]:
    read = parse_html(raw)
    if len(read) != 1 or read[0].kind == "text":
        return [Piece("empty", raw, "tag")]
    return [read[0]._replace(kind="other") if read[0].name in BLOCKS else read[0]]


def with_labels(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, in which a link that has its text as its label has the label apart:
    [text][text] for [text]."""
    out = list(pieces)
    for index, (piece, _, partner) in enumerate(tree(pieces)):
        if piece.name == " link" and partner < index and piece.raw in ("]", "][]"):
            label = "".join(each.raw for each in pieces[partner + 1 : index])
            out[index] = piece._replace(raw=f"][{label}]")
    return out


def plain_meaning(raw: str) -> str:
    """What a text says, without the signs that keep it from being Markdown."""
    return TEXT_PART.sub(lambda match: match[1] or unescape(match[2]), raw)


def with_meanings(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of a paragraph, with texts as what they say."""
    return [
        piece._replace(raw=plain_meaning(piece.raw)) if piece.kind == "text" else piece
        for piece in with_labels(pieces)
    ]


def essence(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    """What a reader sees of pieces: codes, and texts between them without their white space."""
    seen: list[tuple[str, str]] = []
    for piece in pieces:
        if piece.kind != "text":
            seen.append((piece.kind, piece.raw.strip()))
        elif seen and seen[-1][0] == "text":
            seen[-1] = "text", seen[-1][1] + "".join(piece.raw.split())
        elif piece.raw.strip():
            seen.append(("text", "".join(piece.raw.split())))
    return seen


def is_emphasis(piece: Piece) -> bool:
    return piece.name.removeprefix(" ") in EMPHASIS


def without_empty_emphasis(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces; marks around no text are left out, and spaces inside of marks are outside."""
    kept = list(pieces)
    while True:
        nodes = tree(kept)
        empty = {
            index
            for index, (piece, _, partner) in enumerate(nodes)
            if is_emphasis(piece)
            and not any(
                each.raw.strip() for each in kept[min(index, partner) + 1 : max(index, partner)]
            )
        }
        if not empty:
            return with_spaces_outside(kept)
        kept = [piece for index, piece in enumerate(kept) if index not in empty]


def with_spaces_outside(pieces: Sequence[Piece]) -> list[Piece]:
    out = list(pieces)
    for index in range(1, len(out)):
        before, piece = out[index - 1], out[index]
        if is_emphasis(before) and before.kind == "open" and piece.kind == "text":
            text = piece.raw.lstrip()
            if text != piece.raw:
                out[index - 1] = before._replace(raw=" " + before.raw)
                out[index] = piece._replace(raw=text)
        if is_emphasis(piece) and piece.kind == "close" and before.kind == "text":
            text = before.raw.rstrip()
            if text != before.raw:
                out[index] = piece._replace(raw=piece.raw + " ")
                out[index - 1] = before._replace(raw=text)
    return out


def with_stars(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, with * for _, which is no mark in the middle of a word."""
    return [
        piece._replace(raw=piece.raw.replace("_", "*")) if is_emphasis(piece) else piece
        for piece in pieces
    ]


def with_spaced_emphasis(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, with a space outside of each mark."""
    spaced = {"open": " {}", "close": "{} "}
    return [
        piece._replace(raw=spaced[piece.kind].format(piece.raw.strip()))
        if is_emphasis(piece)
        else piece
        for piece in pieces
    ]


def without_emphasis(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if not is_emphasis(piece)]


def as_it_is(text: str) -> str:
    return text


def escaped_everywhere(text: str) -> str:
    return MARKS.sub(r"\\\g<0>", text)


ESCAPE_STYLES: tuple[Callable[[str], str], ...] = (as_it_is, escaped_everywhere)
EMPHASIS_STYLES: tuple[Callable[[Sequence[Piece]], list[Piece]], ...] = (
    list,
    with_stars,
    with_spaced_emphasis,
    without_emphasis,
)
"""Ways to write a paragraph, best first: the first one is taken that reads as it should."""
