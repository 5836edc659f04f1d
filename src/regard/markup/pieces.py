"""Text with markup in pieces: tags, comments and text, each as it is written.

The pieces of a text, joined, are that text again: nothing is ever written anew. Python's own
parsers are used, because they alone tell where in the text each part begins: html.parser, which
accepts anything, and expat, which refuses what is not well-formed.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple
from xml.parsers import expat

from regard.errors import RegardError

PieceKind = Literal["text", "open", "close", "empty", "other", "atom"]
"""empty: a tag of an element without content; other: a comment, a doctype, and the like; atom: an
element that is copied with its content."""
Attributes = tuple[tuple[str, str], ...]


def names(text: str) -> frozenset[str]:
    """Names between white space."""
    return frozenset(text.split())


VOID_ELEMENTS = names("area base br col embed hr img input link meta source track wbr")
"""HTML elements that have neither content nor a closing tag."""


class Piece(NamedTuple):
    kind: PieceKind
    raw: str
    """As it is written."""
    name: str = ""
    """Of a tag: in small letters in HTML, as it is written in XML."""
    attributes: Attributes = ()


class Event(NamedTuple):
    """What a parser finds."""

    begin: int
    """The index of its first character."""
    kind: PieceKind
    name: str = ""
    attributes: Attributes = ()
    length: int | None = None
    """Of text; other parts reach to the next one."""


def parse_html(text: str) -> list[Piece]:
    return cut(text, HtmlReader(text).events)


def parse_xml(text: str) -> list[Piece]:
    """A document, or a part of one. Raises RegardError, with line and column, if it is not
    well-formed."""
    is_document = text.lstrip().startswith(("<?xml", "<!DOCTYPE"))
    return cut(text, XmlReader(text, "" if is_document else WRAPPER).events)


PARSERS: dict[str, Callable[[str], list[Piece]]] = {
    "html": parse_html,
    "xml": parse_xml,
    "inline": parse_xml,
}
"""By the name of the format. inline: XML inside of one text, such as an XLIFF segment, in which
elements do not divide text, unless it says so."""


def cut(text: str, events: Iterable[Event]) -> list[Piece]:
    """The pieces; what is in no event is a piece of its own."""
    pieces, end = list[Piece](), 0
    known = [*events, Event(len(text), "other")]
    for event, following in pairwise(known):
        if event.begin > end:
            pieces.append(Piece("other", text[end : event.begin]))
        end = following.begin if event.length is None else event.begin + event.length
        raw = text[event.begin : end]
        if event.kind == "text" and pieces and pieces[-1].kind == "text":
            pieces[-1] = Piece("text", pieces[-1].raw + raw)
        else:
            pieces.append(Piece(event.kind, raw, event.name, event.attributes))
    if end < len(text):
        pieces.append(Piece("other", text[end:]))
    return pieces


class HtmlReader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.text = text
        self.line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self.events: list[Event] = []
        self.feed(text)
        self.close()

    @property
    def position(self) -> int:
        """Of what is read now."""
        line, column = self.getpos()
        return self.line_starts[line - 1] + column

    def add(self, kind: PieceKind, name: str, attributes: Attributes, length: int | None) -> None:
        self.events.append(Event(self.position, kind, name, attributes, length))

    def add_tag(self, kind: PieceKind, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.add(kind, name, tuple((key, value or "") for key, value in attrs), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.add_tag("empty" if tag in VOID_ELEMENTS else "open", tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.add_tag("empty", tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.add_tag("close", tag, [])

    def handle_data(self, data: str) -> None:
        self.add("text", "", (), len(data))

    def add_reference(self, reference: str) -> None:
        """Without its semicolon, which it need not have."""
        has_mark = self.text.startswith(";", self.position + len(reference))
        self.add("text", "", (), len(reference) + has_mark)

    def handle_entityref(self, name: str) -> None:
        self.add_reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        self.add_reference(f"&#{name}")

    def handle_comment(self, *_: str) -> None:
        self.add("other", "", (), None)

    def handle_decl(self, *_: str) -> None:
        self.add("other", "", (), None)

    def handle_pi(self, *_: str) -> None:
        self.add("other", "", (), None)

    def unknown_decl(self, *_: str) -> None:
        self.add("other", "", (), None)


WRAPPER = "regard"
"""The element that makes a document of a part of one."""


class XmlReader:
    def __init__(self, text: str, wrapper: str) -> None:
        """`wrapper` is the name of an element around the text; empty for a document."""
        self.text, self.events = text + (f"</{wrapper}>" if wrapper else ""), list[Event]()
        self.is_cdata = False
        head, tail = (f"<{wrapper}>", f"</{wrapper}>") if wrapper else ("", "")
        self.parser = expat.ParserCreate(encoding="utf-8")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartCdataSectionHandler = self.start_cdata
        self.parser.EndCdataSectionHandler = self.end_cdata
        self.parser.CharacterDataHandler = lambda _: self.add("text")
        self.parser.CommentHandler = lambda _: self.add("other")
        self.parser.ProcessingInstructionHandler = lambda *_: self.add("other")
        self.parser.XmlDeclHandler = lambda *_: self.add("other")
        self.parser.StartDoctypeDeclHandler = lambda *_: self.add("other")
        self.parser.EntityDeclHandler = refuse_entities
        try:
            content = (head + text + tail).encode()
            self.index = character_index(head + text, len(head))
            self.parser.Parse(content, True)
        except (expat.ExpatError, UnicodeEncodeError) as error:
            raise malformed(error, len(head)) from error
        if wrapper:
            self.events = self.events[1:-1]

    def add(self, kind: PieceKind, name: str = "", attributes: Attributes = ()) -> None:
        if not self.is_cdata:
            begin = self.index(self.parser.CurrentByteIndex)
            self.events.append(Event(begin, kind, name, attributes))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.add("open", name, tuple(attributes.items()))

    def end(self, name: str) -> None:
        """Of <x/>, too, whose end has no tag of its own."""
        begin = self.index(self.parser.CurrentByteIndex)
        last = self.events[-1]
        if last.kind == "open" and self.text.endswith("/>", last.begin, begin):
            self.events[-1] = last._replace(kind="empty")
        else:
            length = self.text.index(">", begin) + 1 - begin
            self.events.append(Event(begin, "close", name, (), length))

    def start_cdata(self) -> None:
        self.add("other")
        self.is_cdata = True

    def end_cdata(self) -> None:
        self.is_cdata = False


def character_index(text: str, before: int) -> Callable[[int], int]:
    """From the index of a byte to that of the character, counted without the first `before`."""
    if text.isascii():
        return lambda byte: byte - before
    # 4 bytes a character; a list would have 36
    ends = array("I", accumulate(len(character.encode()) for character in text))
    return lambda byte: bisect_right(ends, byte) - before


def refuse_entities(name: str, *_: object) -> None:
    raise RegardError(
        f"the document declares the entity '{name}'", "its doctype", "write out what it stands for"
    )


def malformed(error: expat.ExpatError | UnicodeEncodeError, before: int) -> RegardError:
    """The error of a text that begins after so many characters of the first line."""
    if isinstance(error, UnicodeEncodeError):
        position = f"character {error.start - before + 1}"
        return RegardError("this is no Unicode text", position, "remove the lone surrogate")
    column = error.offset - (before if error.lineno == 1 else 0)
    return RegardError(
        f"this is not well-formed XML: {expat.ErrorString(error.code)}",
        f"line {error.lineno}, column {max(0, column) + 1}",
        "correct it, or read it as HTML, which may have mistakes",
    )
