"""The formats of files, by name and by suffix."""

from collections.abc import Callable
from pathlib import PurePath

from regard.documents.file_document import FileDocument
from regard.documents.subtitles import read_srt, read_vtt
from regard.text.languages import Languages

READERS = {"srt": read_srt, "vtt": read_vtt}

def read_file_document(name: str, content: bytes, languages: Languages) -> FileDocument:
    return READERS[PurePath(name).suffix[1:]](name, content, languages)
