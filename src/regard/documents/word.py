"""Word documents (.docx): a paragraph is one text, whose formatting follows its words."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from regard.documents.coded import decode_pieces
from regard.documents.file_document import (
    DocumentSegment,
    FileDocument,
    decode_utf8,
    is_unchanged,
    parse_document,
    with_attribute,
)
from regard.documents.word_paragraphs import FORMATTING, Paragraph, WordReader
from regard.documents.zipped import read_zip, write_zip
from regard.errors import RegardError
from regard.markup.pieces import Piece
from regard.text.languages import Languages

CONTENT_TYPES = "[Content_Types].xml"
MAIN_TYPES = re.compile(
    r".*(?:wordprocessingml\.(?:document|template)|ms-word\.(?:document|template)\.macroEnabled"
    r"(?:Template)?)\.main\+xml",
    re.IGNORECASE,
)
TRANSLATED_TYPES = re.compile(
    r".*wordprocessingml\.(?:header|footer|footnotes|endnotes|comments)\+xml"
)
STYLES_TYPE = re.compile(r".*wordprocessingml\.styles\+xml")
NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
MAX_TEXT_SIZE = 30 * 2**20
"""Of a part with text, in bytes."""
RANGE = re.compile(r"\0(\d+):(\d+)\0")
"""Pieces with paragraphs of their own, by the first index and the last."""


class WordPart(NamedTuple):
    """A part of a document that has text."""

    name: str
    mark: str
    """The byte order mark, if there is one."""
    pieces: list[Piece]
    paragraphs: list[Paragraph]
    prefix: str
    """Of the names of elements, such as `w:`."""


def read_docx(name: str, content: bytes, languages: Languages) -> FileDocument:
    """Raises RegardError if a file is damaged, too large, encrypted, or no Word document."""
    parts = read_zip(name, content)
    types = content_types(name, parts)
    texts = [
        read_part_text(name, part, parts[part])
        for part, kind in types.items()
        if part in parts and (MAIN_TYPES.fullmatch(kind) or TRANSLATED_TYPES.fullmatch(kind))
    ]
    paragraphs = [paragraph for text in texts for paragraph in text.paragraphs]

    def write(translations: Sequence[str]) -> bytes:
        if all(map(is_unchanged, (each.coded.text for each in paragraphs), translations)):
            return content
        done = iter(translations)
        changed = {
            text.name: write_part(text, [next(done) for _ in text.paragraphs]) for text in texts
        }
        for part, kind in types.items():
            if STYLES_TYPE.fullmatch(kind) and part in parts and languages[1]:
                changed[part] = with_language(parts[part], languages[1])
        return write_zip(content, parts | changed)

    segments = [DocumentSegment(each.coded.text, "inline") for each in paragraphs]
    return FileDocument(segments, write)


def content_types(name: str, parts: dict[str, bytes]) -> dict[str, str]:
    """The content types of the parts that have one of their own. Raises RegardError if there is
    no main part of a Word document."""
    listed = parts.get(CONTENT_TYPES, b"")
    types: dict[str, str] = {}
    for piece in parse_document(name, decode_utf8(listed, name).removeprefix("\ufeff")):
        attributes = dict(piece.attributes)
        if "PartName" in attributes:
            part = attributes["PartName"].removeprefix("/")
            types[part] = attributes.get("ContentType", "")
    if not any(MAIN_TYPES.fullmatch(kind) and part in parts for part, kind in types.items()):
        raise RegardError(
            "this is no Word document", name, "give a .docx file, as Word or LibreOffice saves it"
        )
    return types


def read_part_text(name: str, part: str, content: bytes) -> WordPart:
    """Raises RegardError if a part is too large or is not well-formed XML."""
    where = f"{name}, {part}"
    if len(content) > MAX_TEXT_SIZE:
        raise RegardError(
            f"the text has more than {MAX_TEXT_SIZE // 2**20} MiB of XML", where, "divide the file"
        )
    with_mark = decode_utf8(content, where)
    text = with_mark.removeprefix("\ufeff")
    pieces = parse_document(where, text)
    prefix = next(prefixes_of(pieces), "w:")
    reader = WordReader(where, pieces, prefix)
    mark = with_mark[: len(with_mark) - len(text)]
    return WordPart(part, mark, pieces, list(reader.paragraphs()), prefix)


def prefixes_of(pieces: Sequence[Piece]) -> Iterator[str]:
    """The prefix of Word's own elements, from the first element that declares it."""
    for piece in pieces:
        for key, value in piece.attributes:
            if value in NAMESPACES and key.startswith("xmlns"):
                yield f"{key.partition(':')[2]}:" if ":" in key else ""


def write_part(part: WordPart, translations: Sequence[str]) -> bytes:
    raws = [piece.raw for piece in part.pieces]
    pairs = zip(part.paragraphs, translations, strict=True)
    for paragraph, translation in sorted(pairs, key=lambda pair: -pair[0].begin):
        # what is inside of a paragraph, such as a text box, is written before it
        if is_unchanged(paragraph.coded.text, translation):
            continue
        text = write_paragraph(paragraph, translation, part.prefix)
        text = RANGE.sub(lambda m: "".join(raws[int(m[1]) : int(m[2]) + 1]), text)
        raws[paragraph.begin : paragraph.end] = ["", *[""] * (paragraph.end - paragraph.begin - 1)]
        raws[paragraph.begin] = text
    return (part.mark + "".join(raws)).encode()


def write_paragraph(paragraph: Paragraph, translation: str, prefix: str) -> str:
    """What is between the properties of a paragraph and its end."""
    formats = [paragraph.formats[""]]
    parts: list[str] = []
    for piece in decode_pieces(paragraph.coded, translation):
        if piece.kind == "text":
            parts.append(
                f"<{prefix}r>{formats[-1]}"
                f'<{prefix}t xml:space="preserve">{escape(piece.raw, quote=False)}</{prefix}t>'
                f"</{prefix}r>"
            )
            continue
        if piece.kind == "open" and piece.name in paragraph.formats:
            formats.append(paragraph.formats[piece.name])
        elif piece.kind == "open" and piece.name == FORMATTING:
            formats.append(piece.raw)
        elif piece.kind == "close":
            formats.pop()
        if piece.name != FORMATTING:
            parts.append(piece.raw)
    return "".join(parts)


def with_language(styles: bytes, language: str) -> bytes:
    """The styles, in which the usual language of a document is the target language."""
    match = re.search(rb"<(\w+:)?docDefaults\b.*?</(\w+:)?docDefaults>", styles, re.DOTALL)
    if match is None:
        return styles
    tag = re.search(rb"<((?:\w+:)?)lang\s[^<>]*>", match[0])
    if tag is None:
        return styles
    new = with_attribute(tag[0].decode(), f"{tag[1].decode()}val", language).encode()
    defaults = match[0].replace(tag[0], new)
    return styles[: match.start()] + defaults + styles[match.end() :]
