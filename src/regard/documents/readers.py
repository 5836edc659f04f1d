"""The formats of files, by name and by suffix."""

from pathlib import PurePath

from regard.documents.file_document import FileDocument
from regard.documents.gettext import read_po
from regard.documents.subtitles import read_srt, read_vtt
from regard.documents.word import read_docx
from regard.documents.xliff import read_xliff
from regard.text.languages import Languages

READERS = {"srt": read_srt, "vtt": read_vtt, "po": read_po, "docx": read_docx, "xliff": read_xliff}


def read_file_document(name: str, content: bytes, languages: Languages) -> FileDocument:
    return READERS[PurePath(name).suffix[1:]](name, content, languages)
