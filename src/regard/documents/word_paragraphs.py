"""The paragraphs of a Word document as text with codes.

Runs of equal formatting are one text. In every element that contains runs, the formatting that most
of its characters have is the usual one, which needs no code; other formatting is an element.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

from regard.documents.coded import CodedText, encode_pieces, visible_text
from regard.documents.file_document import TRANSLATABLE
from regard.errors import RegardError
from regard.markup.pieces import Piece, PieceKind
from regard.markup.segments import ROOT, tree

FORMATTING = " formatting"
"""The name of an element that stands for the formatting of runs."""
NO_FORMATTING = " "
"""What is written instead of properties in runs that have none, where others have some."""
CONTAINERS = {"hyperlink", "ins", "moveTo", "smartTag", "customXml", "fldSimple", "dir", "bdo"}
"""Elements of a paragraph that contain runs."""
PROPERTIES = {"smartTagPr", "customXmlPr", "fldData"}
"""What must stay the first in such an element."""
DROPPED = {"proofErr", "lastRenderedPageBreak"}
"""What programs have noted about the old words."""
DIVIDERS = {"tab", "ptab", "br", "cr"}
SIGNS = {"noBreakHyphen": "\u2011", "softHyphen": "\u00ad"}
ATOMS = {"sym", "oMath", "oMathPara", "ruby", "pgNum"}
"""What stands in a sentence like a name."""
MAX_NESTING = 20
"""Of paragraphs in paragraphs."""


class Paragraph(NamedTuple):
    """A paragraph with letters; numbers are indices of pieces."""

    begin: int
    """The first piece behind the properties, and the tag that ends the paragraph."""
    end: int
    coded: CodedText
    formats: dict[str, str]
    """The usual formatting of the paragraph, by an empty name, and of what contains runs in it, by
    the names of their codes."""


class RunItem(NamedTuple):
    """A part of a paragraph."""

    kind: PieceKind
    raw: str
    """As it is written; of a text, too."""
    name: str = ""
    """Of the element; of a pair, a name of its own."""
    text: str = ""
    formatting: str = ""
    detail: str = ""
    """Of a field, which part it is; of a range, its id."""


class WordReader:
    def __init__(self, where: str, pieces: Sequence[Piece], prefix: str) -> None:
        self.where, self.pieces, self.prefix = where, pieces, prefix
        self.nodes = tree(pieces)
        self.ignored = re.compile(rf"<{prefix}(?:lang|noProof)\b[^<>]*/>")
        self.paragraph_counts = self.count_paragraphs()

    def count_paragraphs(self) -> list[int]:
        """How many paragraphs begin before each piece. Raises RegardError if too many are in each
        other."""
        counts, depths = [0], {ROOT: 0}
        for index, (piece, parent, _) in enumerate(self.nodes):
            is_paragraph = piece.kind in ("open", "empty") and self.name(index) == "p"
            counts.append(counts[-1] + is_paragraph)
            if piece.kind == "open":
                depths[index] = depths[parent] + is_paragraph
                if depths[index] > MAX_NESTING:
                    raise RegardError(
                        f"more than {MAX_NESTING} paragraphs are in each other",
                        self.where,
                        "save the document again with Word or LibreOffice",
                    )
        return counts

    def name(self, index: int) -> str:
        """The local name of one of Word's own elements; of others with their prefix."""
        return self.pieces[index].name.removeprefix(self.prefix)

    def raw(self, first: int, last: int) -> str:
        """Pieces as they are written; their range, if paragraphs are among them."""
        if self.paragraph_counts[last + 1] > self.paragraph_counts[first]:
            return f"\0{first}:{last}\0"
        return "".join(piece.raw for piece in self.pieces[first : last + 1])

    def paragraphs(self) -> Iterator[Paragraph]:
        for index, node in enumerate(self.nodes):
            if node.piece.kind == "open" and self.name(index) == "p":
                begin = index + 1
                for child in range(index + 1, node.partner):
                    if self.pieces[child].kind != "text":
                        if self.name(child) == "pPr":
                            begin = self.nodes[child].partner + 1
                        break
                items = paired_ranges(joined_fields(list(self.items(begin, node.partner))))
                formats = usual_formats(items)
                coded = encode_pieces(formatted(items, formats))
                if TRANSLATABLE.search(visible_text(coded.pieces)):
                    yield Paragraph(begin, node.partner, coded, formats)

    def items(self, begin: int, end: int) -> Iterator[RunItem]:
        """What a paragraph contains, in order."""
        index, closings = begin, dict[int, tuple[int, str]]()
        while index < end:
            piece, partner = self.nodes[index].piece, self.nodes[index].partner
            name = self.name(index)
            if index in closings:
                last, pair = closings[index]
                yield RunItem("close", self.raw(index, last), pair)
                index = last + 1
                continue
            first = self.inside(index)
            if piece.kind == "text" or name in DROPPED:
                index = partner
            elif name == "r":
                yield from self.run(index, partner)
                index = partner
            elif first > index and not self.is_number_field(index):
                pair = f" {index}"
                content_end = self.content_end(index, first)
                closings[content_end] = partner, pair
                yield RunItem("open", self.raw(index, first - 1), pair)
                index = first - 1
            else:
                kind: PieceKind = "atom" if self.is_atom(index) else "empty"
                identity = dict(piece.attributes).get(f"{self.prefix}id", "")
                yield RunItem(kind, self.raw(index, partner), name, detail=identity)
                index = partner
            index += 1

    def inside(self, index: int) -> int:
        """Where the runs begin in an element that contains runs; its own index for others."""
        piece, partner = self.nodes[index].piece, self.nodes[index].partner
        if piece.kind != "open":
            return index
        if self.name(index) in CONTAINERS:
            first = index + 1
            while first < partner and (
                self.pieces[first].kind == "text" or self.name(first) in PROPERTIES
            ):
                first = self.nodes[first].partner + 1
            return first
        if self.name(index) == "sdt":
            child = index + 1
            while child < partner:
                if self.name(child) == "sdtContent" and self.pieces[child].kind == "open":
                    return child + 1
                child = self.nodes[child].partner + 1
        return index

    def content_end(self, index: int, first: int) -> int:
        """The tag that ends the runs of an element."""
        is_nested = self.name(index) == "sdt"
        return self.nodes[first - 1].partner if is_nested else self.nodes[index].partner

    def is_number_field(self, index: int) -> bool:
        """Whether an element is a field without letters, such as the number of the page."""
        if self.name(index) != "fldSimple":
            return False
        inside = self.pieces[index : self.nodes[index].partner]
        return not TRANSLATABLE.search("".join(each.raw for each in inside if each.kind == "text"))

    def is_atom(self, index: int) -> bool:
        return self.pieces[index].name.rpartition(":")[2] in ATOMS or self.name(index) in CONTAINERS

    def run(self, begin: int, end: int) -> Iterator[RunItem]:
        """The texts and codes of a run; each code becomes a run of its own."""
        opening, closing = self.pieces[begin].raw, self.pieces[end].raw if end > begin else ""
        properties = formatting = ""
        index = begin + 1
        while index < end:
            piece, partner, name = self.pieces[index], self.nodes[index].partner, self.name(index)
            raw = self.raw(index, partner)
            code = f"{opening}{properties}{raw}{closing}"
            if piece.kind == "text" or name in DROPPED:
                pass
            elif name == "rPr":
                properties = raw
                formatting = self.ignored.sub("", raw)
                if not re.search(r"<(?!/)", formatting.removeprefix(f"<{self.prefix}rPr>")):
                    formatting = ""
            elif name == "t":
                yield RunItem("text", code, name, self.text(index, partner), formatting)
            elif name in SIGNS:
                yield RunItem("text", code, name, SIGNS[name], formatting)
            elif name in DIVIDERS:
                yield RunItem("other", code, name)
            elif name == "fldChar":
                kind = dict(piece.attributes).get(f"{self.prefix}fldCharType", "")
                yield RunItem("empty", code, name, detail=kind)
            else:
                yield RunItem("atom" if self.is_atom(index) else "empty", code, name)
            index = partner + 1

    def text(self, begin: int, end: int) -> str:
        inside = (piece.raw for piece in self.pieces[begin + 1 : end])
        text = "".join(
            raw.removeprefix("<![CDATA[").removesuffix("]]>")
            if raw.startswith("<![CDATA[")
            else unescape(raw)
            for raw in inside
        )
        is_kept = dict(self.pieces[begin].attributes).get("xml:space") == "preserve"
        return text if is_kept else text.strip(" \t\r\n")


def joined_fields(items: Sequence[RunItem]) -> list[RunItem]:
    """The items; a field without letters is one of them, and what comes before the text of others
    and behind it are a pair, if both are in the paragraph."""
    out, begun = list[RunItem](), list[tuple[int, int]]()
    for item in items:
        out.append(item)
        if item.name != "fldChar":
            continue
        last = len(out) - 1
        if item.detail == "begin":
            begun.append((last, -1))
        elif item.detail == "separate" and begun and begun[-1][1] < 0:
            begun[-1] = begun[-1][0], last
        elif item.detail == "end" and begun:
            first, middle = begun.pop()
            field = out[first:]
            if not is_balanced(field):
                continue
            result = out[middle + 1 : last] if middle >= 0 else []
            if TRANSLATABLE.search("".join(each.text for each in result)) and is_balanced(result):
                pair = f" field {first}"
                raw = "".join(each.raw for each in out[first : middle + 1])
                out[first:] = [
                    RunItem("open", raw, pair),
                    *result,
                    RunItem("close", item.raw, pair),
                ]
            else:
                out[first:] = [RunItem("atom", "".join(each.raw for each in field), "field")]
    for first, middle in reversed(begun):
        if middle >= 0 and is_balanced(out[first : middle + 1]):
            raw = "".join(each.raw for each in out[first : middle + 1])
            out[first : middle + 1] = [RunItem("empty", raw, "field")]
    return out


def is_balanced(items: Sequence[RunItem]) -> bool:
    """Whether every element that begins among the items ends among them, and the other way
    round."""
    opened: list[str] = []
    for item in items:
        if item.kind == "open":
            opened.append(item.name)
        elif item.kind == "close" and (not opened or opened.pop() != item.name):
            return False
    return not opened


def paired_ranges(items: Sequence[RunItem]) -> list[RunItem]:
    """The items; the beginning and the end of a bookmark or a comment are a pair, if they are
    beside each other and nested."""
    out = list(items)
    begun: list[dict[tuple[str, str], int]] = [{}]
    for index, item in enumerate(items):
        if item.kind == "open":
            begun.append({})
        elif item.kind == "close":
            begun.pop()
        elif item.kind == "empty" and item.name.endswith("Start"):
            begun[-1][item.name.removesuffix("Start"), item.detail] = index
        elif item.kind == "empty" and item.name.endswith("End"):
            key = item.name.removesuffix("End"), item.detail
            if key in begun[-1]:
                while True:
                    other, first = begun[-1].popitem()
                    if other == key:
                        break
                pair = f" range {first}"
                out[first] = out[first]._replace(kind="open", name=pair)
                out[index] = item._replace(kind="close", name=pair)
    return out


def usual_formats(items: Sequence[RunItem]) -> dict[str, str]:
    """The formatting of most characters, by the name of what they are in; of none for the
    paragraph."""
    names = [""]
    counts: dict[str, Counter[str]] = {"": Counter()}
    around: dict[str, str] = {}
    for item in items:
        if item.kind == "open":
            around[item.name] = names[-1]
            names.append(item.name)
            counts[item.name] = Counter()
        elif item.kind == "close":
            names.pop()
        elif item.kind == "text":
            counts[names[-1]][item.formatting] += len(item.text.strip())
    formats: dict[str, str] = {}
    for name, own in counts.items():
        best = own.most_common(1)
        formats[name] = best[0][0] if best else formats.get(around.get(name, ""), "")
    return formats


def formatted(items: Sequence[RunItem], formats: dict[str, str]) -> list[Piece]:
    """The items as pieces, with an element around runs of unusual formatting."""
    pieces: list[Piece] = []
    names, current = [""], ""

    def change(formatting: str) -> None:
        nonlocal current
        if current:
            pieces.append(Piece("close", "", FORMATTING))
        if formatting:
            pieces.append(Piece("open", formatting, FORMATTING))
        current = formatting

    for item in items:
        if item.kind == "text":
            is_usual = item.formatting == formats[names[-1]]
            wanted = "" if is_usual else item.formatting or NO_FORMATTING
            if wanted != current and item.text.strip():
                change(wanted)
            pieces.append(Piece("text", item.text))
            continue
        if item.kind in ("open", "close", "other"):
            change("")
        if item.kind == "open":
            names.append(item.name)
        elif item.kind == "close":
            names.pop()
        pieces.append(Piece(item.kind, item.raw, item.name))
    change("")
    return pieces
