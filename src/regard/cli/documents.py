"""`regard translate` for documents of all formats, or a text with HTML or XML on each line."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from regard.cli.common import head_warning, output_stream, print_warning, progress
from regard.data.formats.kinds import refuse_other_kinds
from regard.data.formats.lines import (
    COMPRESSIONS,
    DECOMPRESSION_ERRORS,
    KIND_BYTES,
    open_bytes,
    read_lines,
)
from regard.documents.file_document import DocumentSegment, decode_utf8
from regard.documents.readers import BINARY_FORMATS, FILE_READERS, format_of
from regard.errors import RegardError, refuse_system_error
from regard.files import new_file
from regard.markup.document import MarkupTranslation, translate_markup
from regard.markup.pieces import PARSERS
from regard.shards.writing import OutputOptions
from regard.translation_json import translation_as_json
from regard.translator import Translator

MARKUP_FORMATS = ("html", "xml")
"""Formats of files that are one text with markup."""
CHUNK_DOCUMENTS = 200
"""Lines that are translated together; files are translated one by one."""
MAX_DOCUMENT_BYTES = 200 * 2**20
"""A larger document is refused, because it is read into memory."""
MOVED = "something was lost in translation: tags stand where they did, counted in words"


class MarkupOutput(NamedTuple):
    """How documents are read and written."""

    form: str
    """A key of `FILE_READERS`."""
    is_by_line: bool
    as_json: bool
    out: Path | None


class MarkedText(NamedTuple):
    """A text with markup, and where it is from."""

    origin: str
    text: str


def chosen_format(given: str, files: Sequence[Path], out: Path | None, is_by_line: bool) -> str:
    """The format of the input, a key of `FILE_READERS`; `given` may be auto.

    Raises RegardError if files have different formats, or the output cannot be written as asked:
    `is_by_line` says that each line is a document, or that JSON is written.
    """
    forms = dict.fromkeys([given] if given != "auto" else map(format_by_name, files))
    if len(forms) > 1:
        raise RegardError(
            f"these files have different formats: {', '.join(forms)}",
            "the command line",
            "translate them one by one, or add --format text",
        )
    [form] = forms
    if form in ("text", *MARKUP_FORMATS):
        return form
    if is_by_line:
        raise RegardError(
            f"--lines and --json are not for documents of the format {form}",
            str(files[0]),
            "leave them out, or add --format text",
        )
    if len(files) > 1:
        raise RegardError(
            f"{len(files)} documents of the format {form} cannot be one output",
            "the command line",
            "translate them one by one, each with its own --out",
        )
    if form in BINARY_FORMATS and out is None and sys.stdout.isatty():
        raise RegardError(
            f"a {form} file is no text for a terminal", str(files[0]), "add --out FILE"
        )
    return form


def format_by_name(file: Path) -> str:
    """The format of a file by its name without the end of a compressed one; text, if it says
    none."""
    name = file.with_suffix("") if file.suffix in COMPRESSIONS else file
    return format_of(str(name)) or "text"


def translate_documents(
    translator: Translator, files: Sequence[Path], output: MarkupOutput
) -> None:
    """Write the translation of each file, or of each of their lines."""
    if output.out is not None:
        new_file(output.out).unlink()
    if output.form in MARKUP_FORMATS:
        counts = write_marked(translator, files, output)
    else:
        counts = write_document(translator, files[0], output)
    if counts["approximate"]:
        print_warning(head_warning(translator))
    if counts["moved"]:
        print_warning(f"{MOVED} ({counts['moved']:,} of {counts.total():,} texts)")


def write_marked(
    translator: Translator, files: Sequence[Path], output: MarkupOutput
) -> Counter[str]:
    """Write HTML or XML; returns how often tags were put in which way."""
    documents = read_marked_lines(files) if output.is_by_line else map(read_document_file, files)
    counts = Counter[str]()
    with output_stream(output.out) as stream:
        while chunk := list(islice(documents, CHUNK_DOCUMENTS if output.is_by_line else 1)):
            for translation in translate_marked(translator, chunk, output.form):
                counts[translation.placement] += 1
                end = "\n" if output.is_by_line else ""
                text = document_as_json(translation) if output.as_json else translation.text + end
                stream.write(text)
            stream.flush()
    return counts


def write_document(translator: Translator, file: Path, output: MarkupOutput) -> Counter[str]:
    """Write a document of another format; returns how often codes were put in which way."""
    content = read_content(file)
    if output.form not in BINARY_FORMATS:
        refuse_other_kinds(content[:KIND_BYTES], file)
    document = FILE_READERS[output.form](str(file), content, translator.languages)
    counts = Counter[str]()
    texts: list[str] = []
    with progress("translating", len(document.segments)) as report:
        for start in range(0, len(document.segments), CHUNK_DOCUMENTS):
            chunk = document.segments[start : start + CHUNK_DOCUMENTS]
            for translation in translate_segments(translator, chunk):
                counts[translation.placement] += 1
                texts.append(translation.text)
            report(len(texts))
    written = document.write(texts)
    if output.out is None:
        sys.stdout.buffer.write(written)
        sys.stdout.flush()
        return counts
    part = output.out.with_name(f"{output.out.name}.part")
    try:
        part.write_bytes(written)
        part.replace(output.out)
    except OSError as error:
        refuse_system_error(error, "write", str(part))
    return counts


def translate_segments(
    translator: Translator, segments: Sequence[DocumentSegment]
) -> list[MarkupTranslation]:
    """The translations of segments, none of which has the form of lines of text."""
    forms = dict.fromkeys(segment.form for segment in segments)
    translated = {
        form: iter(
            translate_markup(translator, [one.text for one in segments if one.form == form], form)
        )
        for form in forms
    }
    return [next(translated[segment.form]) for segment in segments]


def read_content(file: Path) -> bytes:
    """Raises RegardError if a file cannot be read, or is too large."""
    try:
        with open_bytes(file) as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
    except DECOMPRESSION_ERRORS as error:
        raise RegardError(
            "the file is damaged, or its compression does not match its name",
            str(file),
            "compress or download it again",
        ) from error
    except OSError as error:
        refuse_system_error(error, "read a file", str(file))
    if len(content) > MAX_DOCUMENT_BYTES:
        raise RegardError(
            f"the document has more than {MAX_DOCUMENT_BYTES // 2**20} MiB", str(file), "divide it"
        )
    return content


def read_marked_lines(files: Sequence[Path]) -> Iterator[MarkedText]:
    for file in files:
        for number, line in enumerate(read_lines(file), 1):
            yield MarkedText(f"{file}, line {number}", line.decode("utf-8", errors="replace"))


def read_document_file(file: Path) -> MarkedText:
    """Raises RegardError if a file cannot be read, or is not UTF-8."""
    return MarkedText(str(file), decode_utf8(read_content(file), str(file)))


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


def refuse_text_options(output: OutputOptions, resume: bool) -> None:
    """Raises RegardError if an option was given that documents do not have."""
    for name, is_given in (
        ("--n-best", output.n_best > 1),
        ("--prefix", output.prefix),
        ("--align", output.align),
        ("--paragraphs", output.paragraphs),
        ("--resume", resume),
    ):
        if is_given:
            raise RegardError(
                "this option is for lines of text alone",
                name,
                "leave it out, or add --format text",
            )
