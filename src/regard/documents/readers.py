"""The formats of files, by name and by suffix."""

from collections.abc import Callable
from pathlib import PurePath

from regard.documents.file_document import (
    DocumentSegment,
    FileDocument,
    SegmentForm,
    decode_utf8,
    parse_document,
)
from regard.documents.gettext import read_po
from regard.documents.markdown import read_markdown
from regard.documents.subtitles import read_srt, read_vtt
from regard.documents.word import read_docx
from regard.documents.xliff import read_xliff
from regard.errors import RegardError, nearest
from regard.text.languages import Languages

DocumentReader = Callable[[str, bytes, Languages], FileDocument]
"""From the name of a file, its content, and the languages of the model (empty if unknown).

Raises RegardError if the content is not of this format."""


def read_text(name: str, content: bytes, _: Languages) -> FileDocument:
    return one_segment(decode_utf8(content, name), "text")


def read_html(name: str, content: bytes, _: Languages) -> FileDocument:
    return one_segment(decode_utf8(content, name), "html")


def read_xml(name: str, content: bytes, _: Languages) -> FileDocument:
    """Raises RegardError if the XML is not well-formed."""
    with_mark = decode_utf8(content, name)
    text = with_mark.removeprefix("\ufeff")
    parse_document(name, text)
    return one_segment(text, "xml", with_mark[: len(with_mark) - len(text)])


def one_segment(text: str, form: SegmentForm, before: str = "") -> FileDocument:
    return FileDocument([DocumentSegment(text, form)], lambda texts: (before + texts[0]).encode())


FILE_READERS: dict[str, DocumentReader] = {
    "text": read_text,
    "html": read_html,
    "xml": read_xml,
    "srt": read_srt,
    "vtt": read_vtt,
    "markdown": read_markdown,
    "po": read_po,
    "xliff": read_xliff,
    "docx": read_docx,
}
"""By the name of the format."""
SUFFIXES = {
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".xml": "xml",
    ".srt": "srt",
    ".vtt": "vtt",
    ".md": "markdown",
    ".markdown": "markdown",
    ".po": "po",
    ".pot": "po",
    ".xlf": "xliff",
    ".xliff": "xliff",
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
}
"""The format of files, by the end of their names in small letters."""
BINARY_FORMATS = {"docx"}
"""The formats of files that are no text."""


def format_of(name: str) -> str:
    """The format of a file by the end of its name; empty if it says none."""
    return SUFFIXES.get(PurePath(name).suffix.lower(), "")


def read_file_document(name: str, content: bytes, languages: Languages) -> FileDocument:
    """A file of the format that its name says.

    Raises RegardError if no format has such a name, or if the content is not of its format.
    """
    form = format_of(name)
    if not form:
        suffix = PurePath(name).suffix
        raise RegardError(
            f"files that end in '{suffix}' are not read" if suffix else "the name has no suffix",
            name,
            nearest(suffix, tuple(SUFFIXES)),
        )
    return FILE_READERS[form](name, content, languages)
