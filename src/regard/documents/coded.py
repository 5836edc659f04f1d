"""Text with the codes of any format as inline XML, which `markup` translates, and back."""

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from typing import NamedTuple

from regard.markup.pieces import Piece, parse_xml
from regard.markup.segments import tree

NOT_IN_XML = re.compile("([^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff])")
SINGLE_CODES = {"open": "c", "close": "c", "empty": "c", "other": "br", "atom": "x"}
"""The element that stands for a single code in inline XML; `br` divides text, and `x` stands in
the sentence like a name."""


class CodedText(NamedTuple):
    text: str
    """Inline XML: every code is an element, whose id is its index in `pieces`."""
    pieces: tuple[Piece, ...]
    """The raw of a text is what it means, not how the format writes it."""


def encode_pieces(pieces: Sequence[Piece]) -> CodedText:
    """What is opened and not closed, or closed and not opened, becomes a single code."""
    divided = [part for piece in pieces for part in without_illegal_characters(piece)]
    parts: list[str] = []
    for index, (piece, _, partner) in enumerate(tree(divided)):
        if piece.kind == "text":
            parts.append(escape(piece.raw, quote=False))
        elif partner > index:
            parts.append(f'<g id="{index}">')
        elif partner < index:
            parts.append("</g>")
        else:
            parts.append(f'<{SINGLE_CODES[piece.kind]} id="{index}"/>')
    return CodedText("".join(parts), tuple(divided))


def without_illegal_characters(piece: Piece) -> Iterator[Piece]:
    """A text as texts and the characters that XML cannot contain; other pieces as they are."""
    if piece.kind != "text":
        yield piece
        return
    for number, part in enumerate(NOT_IN_XML.split(piece.raw)):
        if part:
            yield Piece("atom" if number % 2 else "text", part)


def decode_pieces(coded: CodedText, translation: str) -> list[Piece]:
    """The pieces of a translation, in its order: its own text, and the codes of the source.

    Raises RegardError if the translation is not well-formed.
    """
    partners = [node.partner for node in tree(coded.pieces)]
    decoded, opened = list[Piece](), list[int]()
    for piece in parse_xml(translation):
        if piece.kind == "text":
            decoded.append(Piece("text", unescape(piece.raw)))
        elif piece.kind == "close":
            decoded.append(coded.pieces[partners[opened.pop()]])
        elif piece.attributes:
            index = int(dict(piece.attributes)["id"])
            decoded.append(coded.pieces[index])
            if piece.kind == "open":
                opened.append(index)
    return decoded


def visible_text(pieces: Sequence[Piece]) -> str:
    """The text without the codes; what divides it is a line end."""
    return "".join(
        piece.raw if piece.kind == "text" else "\n"
        for piece in pieces
        if piece.kind in ("text", "other")
    )
