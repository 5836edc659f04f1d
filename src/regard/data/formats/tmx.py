"""Translation memories (.tmx), read as a stream: a unit of segments in several languages is a pair.

Native code is no text: the content of <bpt>, <ept>, <it>, <ph> and <ut> is dropped, with what <sub>
marks in it, which is a text of its own. The content of <hi> is text.
"""

import codecs
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from xml.parsers import expat

from regard.data.formats.lines import (
    DECOMPRESSION_ERRORS,
    MAX_LINE_BYTES,
    UTF8_MARK,
    compression_error,
    open_bytes,
)
from regard.data.formats.pair import (
    NOT_A_PAIR,
    Pair,
    PairStream,
    UnreadableLine,
    make_pair,
)
from regard.errors import RegardError, refuse_system_error
from regard.text.languages import Languages, canonical, without_region

READ_BYTES = 1 << 16
MAX_NAMED_CODES = 12
"""Languages that an error names."""
MAX_MARKUP_BYTES = 1 << 24
"""A longer tag or comment is refused: it would be in memory as one."""
NATIVE_CODE = frozenset(("bpt", "ept", "it", "ph", "ut"))
LANGUAGE_ATTRIBUTES = ("xml:lang", "lang")
"""Of a variant, in TMX 1.4 and before."""
LINE_BREAK_TYPE = "lb"
"""The type of a placeholder that stands for the end of a line."""
DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"']")
BYTE_ORDERS = {
    UTF8_MARK: "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0?\0": "utf-16-le",
    b"\0<\0?": "utf-16-be",
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
}
"""Encodings by the first bytes of a file: its byte order mark, or its first characters."""
ASCII_LIKE = re.compile(
    r"utf[-_]?8|(?:us|ascii|iso|latin|windows|cp|koi8|mac|gb|big5|shift|sjis|euc|tis)[-_]?[a-z0-9_-]*",
    re.IGNORECASE,
)
"""Names of encodings in which a declaration is ASCII."""

WIDE_NAMES = ("utf-16", "utf16", "utf-32", "utf32", "ucs", "iso-10646-ucs")


class SegmentCandidate(NamedTuple):
    """A segment that may be a side of a pair."""

    rank: int
    """0: its code is the one wanted; 1: it is the language without a region; 2: another variant."""
    variant: int
    """Its number in the unit."""
    text: str


def read_tmx(file: Path, languages: Languages) -> PairStream:
    """The pair in each unit; its number is that of the unit, from 1.

    Of several variants of a language, that with the code in `languages` is read, else that without
    a region, else the first. Raises RegardError if the file cannot be read, is not well-formed or
    no TMX, declares entities, or holds no unit in both languages.
    """
    units = UnitReader(file, languages)
    with open_bytes(file) as stream:
        try:
            for text in decoded(stream, file):
                units.read(text.encode())
                yield from units.completed()
            units.end()
        except DECOMPRESSION_ERRORS as error:
            raise compression_error(f"{file}, after unit {units.number}") from error
        except expat.ExpatError as error:
            raise RegardError(
                f"this is not well-formed XML: {expat.ErrorString(error.code)}",
                f"{file}, line {error.lineno}",
                "repair it with xmllint --recover, or export it again",
            ) from error
        except OSError as error:
            refuse_system_error(error, "read a file", str(file))
    yield from units.completed()
    if not units.number:
        raise RegardError(
            "the translation memory has no units", str(file), "give a file with <tu> elements"
        )
    if not units.has_pair:
        raise RegardError(
            f"none of the {units.number:,} units has a text in both {' and '.join(languages)}",
            f"{file}, with segments in {', '.join(units.codes) or 'no language'}",
            "name two of these languages: --languages en-fr",
        )


def decoded(stream: Any, file: Path) -> Iterator[str]:
    """The text of an XML file in the encoding that it declares, in pieces.

    Raises RegardError if there is no such encoding, or the file is in another one.
    """
    encoding = encoding_of(stream.peek(READ_BYTES), file)
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    while True:
        content = stream.read(READ_BYTES)
        try:
            yield decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            raise RegardError(
                f"the text is not {encoding}, which the file declares",
                f"{file}, near byte {done + error.start:,}",
                "correct the encoding in the first line of the file, or export it again",
            ) from error
        done += len(content)
        if not content:
            return


def encoding_of(head: bytes, file: Path) -> str:
    """The name of an encoding, from the first bytes of an XML file."""
    for mark, encoding in BYTE_ORDERS.items():
        if head.startswith(mark):
            return encoding
    declared = DECLARED.match(head.lstrip())
    name = declared[1].decode() if declared else "utf-8"
    if name.lower().startswith(WIDE_NAMES):
        return "utf-8"  # the declaration itself is not in it: the file was converted
    if not ASCII_LIKE.fullmatch(name) or not is_encoding(name):
        raise RegardError(
            f"the encoding {name} is not known",
            str(file),
            "convert it to UTF-8 with iconv, and write this in its first line",
        )
    return name


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding in which the bytes of ASCII are ASCII."""
    try:
        return b"<?xml".decode(name) == "<?xml"
    except (LookupError, UnicodeError):
        return False


class UnitReader:
    """Takes the bytes of a translation memory in UTF-8, and gives its pairs."""

    def __init__(self, file: Path, languages: Languages) -> None:
        self.file, self.languages = file, languages
        self.number = 0
        """Of the last unit that has begun."""
        self.pairs = deque[Pair | UnreadableLine]()
        self.depth = self.variant = self.code_depth = 0
        """Open elements; the number of a variant in its unit; open elements of native code."""
        self.is_in_segment = self.is_in_unit = False
        self.sides: tuple[int, ...] = ()
        """The sides that the variant may be."""
        self.candidates: dict[int, SegmentCandidate] = {}
        """The best one for each side so far."""
        self.language = ""
        self.text: list[str] = []
        self.length = 0
        """Characters in `text`."""
        self.is_incomplete = False
        """Whether an entity of the unit has no meaning."""
        self.has_pair = False
        """Whether a unit had both languages."""
        self.codes: dict[str, None] = {}
        """The languages of the first segments."""
        self.done = 0
        parser = expat.ParserCreate(encoding="utf-8")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self.begin_element, self.end_element
        parser.CharacterDataHandler = self.add_text
        parser.EntityDeclHandler = self.refuse_entity
        parser.SkippedEntityHandler = self.skip_entity
        self.parser = parser

    def read(self, content: bytes) -> None:
        """Raises ExpatError if the content is not well-formed."""
        self.done += len(content)
        self.parser.Parse(content, False)
        if self.done - self.parser.CurrentByteIndex > MAX_MARKUP_BYTES:
            raise RegardError(
                f"a tag or a comment is longer than {MAX_MARKUP_BYTES >> 20} MiB",
                f"{self.file}, after unit {self.number}",
                "check that the file is a translation memory",
            )

    def end(self) -> None:
        """Raises ExpatError if the document is incomplete."""
        self.parser.Parse(b"", True)

    def completed(self) -> PairStream:
        """The pairs of the units that have ended, once."""
        while self.pairs:
            yield self.pairs.popleft()

    def begin_element(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self.depth and name != "tmx":
            raise RegardError(
                f"this is no translation memory: its first element is <{name[:40]}>",
                str(self.file),
                "give a file whose first element is <tmx>",
            )
        self.depth += 1
        if name == "tu":
            self.number += 1
            self.is_in_unit, self.is_incomplete = True, False
            self.candidates, self.variant = {}, 0
        elif name == "tuv" and self.is_in_unit:
            self.variant += 1
            codes = (attributes[key] for key in LANGUAGE_ATTRIBUTES if key in attributes)
            self.language = canonical(next(codes, ""))
            if self.language and len(self.codes) < MAX_NAMED_CODES:
                self.codes[self.language] = None
        elif name == "seg" and self.is_in_unit:
            self.is_in_segment, self.text, self.length, self.code_depth = True, [], 0, 0
        elif self.is_in_segment and (self.code_depth or name in NATIVE_CODE):
            if not self.code_depth and name == "ph" and attributes.get("type") == LINE_BREAK_TYPE:
                self.text.append(" ")
            self.code_depth += 1

    def end_element(self, name: str) -> None:
        name = name.rpartition(":")[2]
        self.depth -= 1
        if self.code_depth:
            self.code_depth -= 1
        elif name == "seg" and self.is_in_segment:
            self.is_in_segment = False
            self.add_candidates("".join(self.text))
        elif name == "tu":
            self.is_in_unit = False
            self.pairs.append(self.pair())

    def add_text(self, text: str) -> None:
        if self.is_in_segment and not self.code_depth and self.length <= MAX_LINE_BYTES:
            self.text.append(text)
            self.length += len(text)

    def add_candidates(self, text: str) -> None:
        """Keep a segment for each side for which it is better than those before."""
        for side, wanted in enumerate(self.languages):
            rank = rank_of(self.language, wanted)
            known = self.candidates.get(side)
            if rank is not None and (known is None or rank < known.rank):
                self.candidates[side] = SegmentCandidate(rank, self.variant, text)

    def pair(self) -> Pair | UnreadableLine:
        sides = [self.candidates.get(side) for side in range(2)]
        match sides:
            case [SegmentCandidate() as source, SegmentCandidate() as target] if (
                not self.is_incomplete
            ):
                if source.variant != target.variant:
                    self.has_pair = True
                    return make_pair(self.number, source.text.encode(), target.text.encode())
        return UnreadableLine(self.number, NOT_A_PAIR)

    def skip_entity(self, *_: object) -> None:
        self.is_incomplete = True

    def refuse_entity(self, name: str, *_: object) -> NoReturn:
        raise RegardError(
            f"the file declares an entity, '{name[:40]}': such files are not read, because entities"
            " may fill the memory or name other files",
            f"{self.file}, line {self.parser.CurrentLineNumber}",
            "write the text itself in place of each entity, and remove the declarations",
        )


def rank_of(language: str, wanted: str) -> int | None:
    """How well a variant in `language` serves for the `wanted` one, the best 0; None: not at all.
    Both codes are canonical."""
    if language == wanted:
        return 0
    if not language or without_region(language) != without_region(wanted):
        return None
    return 1 if language == without_region(wanted) else 2
