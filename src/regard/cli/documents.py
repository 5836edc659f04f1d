"""`regard translate --format html` and xml: whole documents, or a text with tags on each line."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from regard.cli.common import head_warning, new_file, output_stream, print_warning
from regard.data.formats.lines import open_bytes, read_lines
from regard.errors import RegardError
from regard.markup.document import MarkupTranslation, translate_markup
from regard.markup.pieces import PARSERS
from regard.translation_json import translation_as_json
from regard.translator import Translator

CHUNK_DOCUMENTS = 200
"""Lines that are translated together; files are translated one by one."""
MOVED = "something was lost in translation: tags stand where they did, counted in words"


class MarkupOutput(NamedTuple):
    """How documents are read and written."""

    form: str
    """A key of `PARSERS`."""
    is_by_line: bool
    as_json: bool
    out: Path | None


class MarkedText(NamedTuple):
    """A text with markup, and where it is from."""

    origin: str
    text: str


def translate_documents(
    translator: Translator, files: Sequence[Path], output: MarkupOutput
) -> None:
    """Write the translation of each file, or of each of their lines."""
    documents = read_marked_lines(files) if output.is_by_line else map(read_document_file, files)
    counts = Counter[str]()
    if output.out is not None:
        new_file(output.out).unlink()
    with output_stream(output.out) as stream:
        while chunk := list(islice(documents, CHUNK_DOCUMENTS if output.is_by_line else 1)):
            for translation in translate_marked(translator, chunk, output.form):
                counts[translation.placement] += 1
                end = "\n" if output.is_by_line else ""
                text = document_as_json(translation) if output.as_json else translation.text + end
                stream.write(text)
            stream.flush()
    if counts["approximate"]:
        print_warning(head_warning(translator))
    if counts["moved"]:
        print_warning(f"{MOVED} ({counts['moved']:,} of {counts.total():,} texts)")


def read_marked_lines(files: Sequence[Path]) -> Iterator[MarkedText]:
    for file in files:
        for number, line in enumerate(read_lines(file), 1):
            yield MarkedText(f"{file}, line {number}", line.decode("utf-8", errors="replace"))


def read_document_file(file: Path) -> MarkedText:
    """Raises RegardError if a file cannot be read, or is not UTF-8."""
    with open_bytes(file) as stream:
        content = stream.read()
    try:
        return MarkedText(str(file), content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RegardError(
            "this is not UTF-8", f"{file}, line {line}", "convert it: iconv -f latin1 -t utf-8"
        ) from error


def translate_marked(
    translator: Translator, documents: Sequence[MarkedText], form: str
) -> list[MarkupTranslation]:
    """Raises RegardError, with the document, if XML is not well-formed."""
    try:
        return translate_markup(translator, [document.text for document in documents], form)
    except RegardError:
        for document in documents:
            refuse_malformed(document, form)
        raise


def refuse_malformed(document: MarkedText, form: str) -> None:
    try:
        PARSERS[form](document.text)
    except RegardError as error:
        raise RegardError(error.what, f"{document.origin}: {error.where}", error.to_do) from error


def document_as_json(translation: MarkupTranslation) -> str:
    content = {
        "source": translation.source,
        "text": translation.text,
        "placement": translation.placement,
        "segments": [
            {"source": each.source, **translation_as_json(each)} for each in translation.segments
        ],
    }
    return json.dumps(content, ensure_ascii=False) + "\n"
