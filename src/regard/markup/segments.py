"""From pieces to segments: a sentence or several, as plain text, with the tags that stand in it."""

import re
from collections import Counter
from collections.abc import Sequence
from html import unescape
from itertools import count
from typing import NamedTuple

from regard.markup.elements import (
    BLOCKS,
    CODES,
    PAIRED_CODES,
    code_key,
    divides,
    is_untranslated,
    local_name,
)
from regard.markup.pieces import PARSERS, Piece
from regard.text.spans import Span

SPACE = " \t\n\r\f"
"""White space that HTML and XML collapse; a no-break space is none."""
PART = re.compile(rf"[{SPACE}]+|&(?:#\d+|#[xX][0-9a-fA-F]+|\w{{1,32}});?|[^{SPACE}&]+|&")
"""White space, an entity, or text."""
KEPT_SPACE = re.compile(r"([ \t\f]*[\r\n\t][ \t\r\n\f]*|[ \f]{2,}[ \t\r\n\f]*)")
"""White space that is more than one space."""
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""How characters are written that would be markup."""
SPACE_NAME = " "
"""The name of a piece of white space that is kept; no element has it."""
NOTE = re.compile(r"[\d\s\[\](),*†‡]+")
"""The text of a reference to a footnote."""
ROOT = -1
"""The parent of what is in no element."""


class Mark(NamedTuple):
    """An element in a segment, or a single tag or comment."""

    opening: str
    """As it is written; of a single one all of it."""
    closing: str
    span: Span
    """The characters of the plain text that are in it; none for a single one."""
    parent: int
    """The index of the mark around it, or ROOT."""
    is_single: bool
    is_apart: bool = False
    """Whether a single one has white space on both sides, of which the plain text has one space."""


class Segment(NamedTuple):
    before: str
    """White space and tags that stay at the beginning, as they are written."""
    plain: str
    """What is translated; white space is single spaces."""
    marks: tuple[Mark, ...]
    """In the order of the source; an element comes before what is in it."""
    atoms: dict[str, str]
    """What is copied, by the name that stands for it in the plain text."""
    entities: dict[str, str]
    """The characters that were written as other entities than those of `ESCAPED`, and how."""
    after: str
    raw: str
    """All of it, as it is written."""


class Document(NamedTuple):
    text: str
    parts: list[str | Segment]
    """A string is copied."""

    @property
    def segments(self) -> list[Segment]:
        return [part for part in self.parts if isinstance(part, Segment)]


class Node(NamedTuple):
    """A piece, and what it belongs to."""

    piece: Piece
    parent: int
    """The index of the element's opening tag around it, or ROOT."""
    partner: int
    """Of a tag that is opened and closed, the index of the other tag; else its own."""


def read_document(text: str, form: str) -> Document:
    """Raises RegardError if XML is not well-formed."""
    pieces = PARSERS[form](text)
    if form == "inline":
        pieces = with_pairs(pieces)
    pieces = with_atoms(pieces, form)
    if form != "html":
        pieces = with_kept_space(pieces)
    nodes = tree(pieces)
    breaks = find_breaks(nodes, form)
    parts: list[str | Segment] = []
    begin = 0
    for index in [*sorted(breaks), len(nodes)]:
        parts += read_run(nodes, begin, index)
        if index < len(nodes):
            parts.append(nodes[index].piece.raw)
        begin = index + 1
    return Document(text, parts)


def tree(pieces: Sequence[Piece]) -> list[Node]:
    """Tags that do not match have no partner: a closing tag closes what was opened inside, too."""
    parents, partners = [ROOT] * len(pieces), list(range(len(pieces)))
    stack, opened_names = list[int](), Counter[str]()
    for index, piece in enumerate(pieces):
        if piece.kind == "close" and opened_names[piece.name]:
            while True:
                opened = stack.pop()
                opened_names[pieces[opened].name] -= 1
                if pieces[opened].name == piece.name:
                    break
            partners[opened], partners[index] = index, opened
        parents[index] = stack[-1] if stack else ROOT
        if piece.kind == "open":
            stack.append(index)
            opened_names[piece.name] += 1
    for index, parent in enumerate(parents):  # the nearest element around that is closed
        if parent != ROOT and partners[parent] == parent:
            parents[index] = parents[parent]
    return list(map(Node, pieces, parents, partners))


def with_kept_space(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of XML, in which the white space of elements with xml:space="preserve" is apart
    from their text, unless it is one space: it divides text, and is copied."""
    divided, is_kept = list[Piece](), [False]
    for piece in pieces:
        if piece.kind == "open":
            own = dict(piece.attributes).get("xml:space")
            is_kept.append(own == "preserve" if own else is_kept[-1])
        elif piece.kind == "close" and len(is_kept) > 1:
            is_kept.pop()
        if piece.kind == "text" and is_kept[-1]:
            parts = enumerate(KEPT_SPACE.split(piece.raw))
            kinds = (
                Piece("other", raw, SPACE_NAME) if n % 2 else Piece("text", raw) for n, raw in parts
            )
            divided += [each for each in kinds if each.raw]
        else:
            divided.append(piece)
    return divided


def with_pairs(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of inline text, in which each code is one piece: those that begin and end
    something are tags of one element, if they are beside each other and nested."""
    nodes, merged = tree(pieces), list[Piece]()
    begun: dict[int, dict[tuple[str, str], int]] = {}
    index = 0
    while index < len(nodes):
        piece, parent, last = nodes[index]
        if local_name(piece) in CODES and piece.kind in ("open", "empty") and last >= index:
            raw = "".join(each.raw for each in pieces[index : last + 1])
            merged.append(piece._replace(kind="empty", raw=raw))
            join_pair(merged, begun.setdefault(parent, {}))
            index = last
        else:
            merged.append(piece)
        index += 1
    return merged


def join_pair(pieces: list[Piece], begun: dict[tuple[str, str], int]) -> None:
    """If the last piece ends what another began, make both tags of one element. `begun` has the
    indices of those that nothing has ended yet."""
    last = pieces[-1]
    name, key = local_name(last), code_key(last)
    if name in PAIRED_CODES:
        begun.pop((PAIRED_CODES[name], key), None)
        begun[PAIRED_CODES[name], key] = len(pieces) - 1
    elif (name, key) in begun:
        while True:
            ended, first = begun.popitem()
            if ended == (name, key):
                break
        pair = f" {first}"
        pieces[first] = pieces[first]._replace(kind="open", name=pair)
        pieces[-1] = last._replace(kind="close", name=pair)


def with_atoms(pieces: Sequence[Piece], form: str) -> list[Piece]:
    """The pieces, in which an element that is not translated is one piece."""
    nodes, merged = tree(pieces), list[Piece]()
    index = 0
    while index < len(nodes):
        piece, last = nodes[index].piece, nodes[index].partner
        is_element = piece.kind == "empty" or (piece.kind == "open" and last > index)
        if is_element and is_untranslated(piece, form):
            raw = "".join(each.raw for each in pieces[index : last + 1])
            merged.append(Piece("atom", raw, piece.name))
            index = last
        elif is_element and is_note(pieces, index, last):
            raw = "".join(each.raw for each in pieces[index : last + 1])
            merged.append(Piece("empty", raw, piece.name))
            index = last
        else:
            merged.append(piece)
        index += 1
    return merged


def is_note(pieces: Sequence[Piece], first: int, last: int) -> bool:
    """Whether an element is a number at the end of a word, such as that of a footnote: it is no
    part of the word."""
    if pieces[first].name not in ("sup", "sub"):
        return False
    text = "".join(piece.raw for piece in pieces[first : last + 1] if piece.kind == "text")
    after = "".join(piece.raw for piece in pieces[last + 1 : last + 2])
    return bool(NOTE.fullmatch(text)) and not after[:1].isalnum()


def find_breaks(nodes: Sequence[Node], form: str) -> set[int]:
    """The indices of the pieces at which segments end."""
    has_text = {
        node.parent for node in nodes if node.piece.kind == "text" and node.piece.raw.strip(SPACE)
    }
    breaks = set[int]()
    for index, (piece, parent, _) in enumerate(nodes):
        if piece.kind == "text":
            continue
        if form == "xml":
            is_break = parent not in has_text or piece.name == SPACE_NAME
        elif form == "inline":
            is_break = divides(piece) or piece.name == SPACE_NAME
        else:
            is_declaration = piece.kind == "other" and not piece.raw.startswith(("<!--", "</"))
            is_break = piece.name in BLOCKS or is_declaration
        if is_break:
            breaks.add(index)
    for index in sorted(breaks):  # an element that contains a break is none that stands in text
        around = nodes[index].parent
        while around != ROOT and around not in breaks:
            breaks |= {around, nodes[around].partner}
            around = nodes[around].parent
    return breaks | {nodes[index].partner for index in breaks}


def read_run(nodes: Sequence[Node], begin: int, end: int) -> list[str | Segment]:
    """The pieces from `begin` to `end`, in which nothing divides the text."""
    content = [index for index in range(begin, end) if is_content(nodes[index].piece)]
    if not any(nodes[index].piece.kind == "text" for index in content):
        raw = "".join(node.piece.raw for node in nodes[begin:end])
        return [raw] if raw else []
    first, last = content[0], content[-1]
    start, stop = begin, end
    while start < first and stays_outside(nodes, start, begin, start, first, last):
        start += 1
    while stop - 1 > last and stays_outside(nodes, stop - 1, begin, start, first, last):
        stop -= 1
    return [read_segment(nodes, begin, start, stop, end)]


def is_content(piece: Piece) -> bool:
    return piece.kind == "atom" or (piece.kind == "text" and bool(unescape(piece.raw).strip()))


def stays_outside(
    nodes: Sequence[Node], index: int, begin: int, start: int, first: int, last: int
) -> bool:
    """Whether a piece beside the content, from `first` to `last`, belongs to the edge of the
    segment: white space, a single tag, an element without content, or one around all of it."""
    partner = nodes[index].partner
    if index < first:
        return partner < first or partner > last
    return partner > last or begin <= partner < start


def read_segment(nodes: Sequence[Node], begin: int, start: int, stop: int, end: int) -> Segment:
    """Of the pieces from `begin` to `end`; those before `start` and from `stop` on stay outside."""
    inside = [node.piece for node in nodes[start:stop]]
    reader = TextReader("".join(piece.raw for piece in inside))
    positions = [reader.read(piece) for piece in inside]
    plain = reader.plain.rstrip(" ")
    indices: dict[int, int] = {}
    marks: list[Mark] = []
    for index in range(start, stop):
        piece, parent, partner = nodes[index]
        if piece.kind in ("text", "atom") or partner < index:
            continue
        span = Span(*(min(positions[each - start], len(plain)) for each in (index, partner)))
        indices[index] = len(marks)
        closing = nodes[partner].piece.raw if partner > index else ""
        mark = Mark(piece.raw, closing, span, indices.get(parent, ROOT), partner == index)
        marks.append(mark._replace(is_apart=mark.is_single and is_apart(inside, index - start)))
    before = "".join(node.piece.raw for node in nodes[begin:start]) + leading_space(inside[0])
    after = trailing_space(inside[-1]) + "".join(node.piece.raw for node in nodes[stop:end])
    raw = "".join(node.piece.raw for node in nodes[begin:end])
    return Segment(before, plain, tuple(marks), reader.atoms, reader.entities(), after, raw)


def is_apart(pieces: Sequence[Piece], index: int) -> bool:
    """Whether there is white space before a piece and behind it, beside other tags."""
    texts = ("text", "atom")
    before = next((pieces[i].raw for i in range(index - 1, -1, -1) if pieces[i].kind in texts), "")
    rest = range(index + 1, len(pieces))
    after = next((pieces[i].raw for i in rest if pieces[i].kind in texts), "")
    return before[-1:].isspace() and after[:1].isspace()


def leading_space(piece: Piece) -> str:
    return (
        piece.raw[: len(piece.raw) - len(piece.raw.lstrip(SPACE))] if piece.kind == "text" else ""
    )


def trailing_space(piece: Piece) -> str:
    return piece.raw[len(piece.raw.rstrip(SPACE)) :] if piece.kind == "text" else ""


class TextReader:
    """Puts plain text together."""

    def __init__(self, raw: str) -> None:
        self.plain = ""
        self.atoms: dict[str, str] = {}
        self.forms: dict[str, set[str]] = {}
        """How each character is written."""
        names = (f"{{{letter}{number}}}" for number in count() for letter in "kqxz")
        self.names = (name for name in names if name not in raw)

    def read(self, piece: Piece) -> int:
        """Add a piece; returns where in the plain text it begins."""
        begin = len(self.plain)
        if piece.kind == "atom":
            self.add_atom(piece.raw)
        elif piece.kind == "text":
            for part in PART.findall(piece.raw):
                self.read_part(part)
        return begin

    def read_part(self, part: str) -> None:
        meaning = unescape(part) if part[0] == "&" else part
        if not meaning.strip(SPACE):
            if self.plain and self.plain[-1] != " ":
                self.plain += " "
        elif meaning == part and part[0] == "&" and part[-1] == ";":
            self.add_atom(part)
        else:
            self.plain += meaning
            for character in meaning:
                form = part if meaning != part and len(meaning) == 1 else character
                self.forms.setdefault(character, set()).add(form)

    def add_atom(self, raw: str) -> None:
        name = next(self.names)
        self.atoms[name] = raw
        self.plain += name

    def entities(self) -> dict[str, str]:
        """The characters that were written in one way alone, as another entity than the usual."""
        single = {character: forms for character, forms in self.forms.items() if len(forms) == 1}
        usual = {character: {character, ESCAPED.get(character)} for character in single}
        return {each: form for each, (form,) in single.items() if form not in usual[each]}
