"""Translated files until they are downloaded: in a folder of their own, for a while."""

import atexit
import re
import tempfile
import time
from collections import OrderedDict
from pathlib import Path, PurePath
from typing import NamedTuple
from uuid import uuid4

MAX_STORED_BYTES = 2**30
KEPT_SECONDS = 1800.0
UNSAFE = re.compile(r"[^\w.-]+")
MAX_NAME = 80
"""Characters of a file's name that are kept."""


class StoredFile(NamedTuple):
    path: Path
    name: str
    """Under which it is downloaded."""
    size: int
    expires: float
    """On the monotonic clock."""


class FileStore:
    """The newest files, by keys that cannot be guessed; the folder is removed at the end."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="regard-", ignore_cleanup_errors=True)
        self.files: OrderedDict[str, StoredFile] = OrderedDict()
        atexit.register(self.close)

    def put(self, name: str, content: bytes) -> str:
        """The key of a new file. Raises OSError if the disk is full."""
        self.remove_old(len(content))
        unique = str(uuid4())
        path = Path(self.folder.name) / unique
        try:
            path.write_bytes(content)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        key = f"{unique}.{name}"
        expires = time.monotonic() + KEPT_SECONDS
        self.files[key] = StoredFile(path, name, len(content), expires)
        return key

    def find(self, key: str) -> list[StoredFile]:
        """The file, or none."""
        self.remove_old(0)
        return [self.files[key]] if key in self.files else []

    def remove_old(self, needed: int) -> None:
        """Those that have been kept long enough, and the oldest ones if there is no room for
        `needed` bytes."""
        now, stored = time.monotonic(), sum(one.size for one in self.files.values())
        for key, one in list(self.files.items()):
            if one.expires > now and stored + needed <= MAX_STORED_BYTES:
                break
            one.path.unlink(missing_ok=True)
            stored -= one.size
            del self.files[key]

    def close(self) -> None:
        atexit.unregister(self.close)
        self.folder.cleanup()


def translated_name(name: str, language: str) -> str:
    """The name of a translated file: that of its source with the language, in safe characters."""
    given = PurePath(name.replace("\\", "/")).name
    suffix = PurePath(given).suffix
    stem = UNSAFE.sub("_", given.removesuffix(suffix))[:MAX_NAME].strip("._") or "file"
    return f"{stem}_{language}{suffix}"
