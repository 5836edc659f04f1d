"""Files that are compressed with Zstandard (.zst), by the library zstandard."""

import io
from pathlib import Path
from typing import Any

from regard.errors import needs_extra

PIECE_BYTES = 512
"""Compressed bytes that are decompressed at a time. They become 16 MiB at most: a block of 128 KiB
may be as short as 4 bytes."""


class DamagedZstd(Exception):
    """What is read is not Zstandard, is damaged, or ends too early."""


class ZstdReader(io.RawIOBase):
    """The decompressed bytes of a file, which may have several frames."""

    def __init__(self, file: Path) -> None:
        """Raises OSError if the file cannot be opened, and RegardError if zstandard is missing."""
        try:
            import zstandard
        except ModuleNotFoundError as error:
            raise needs_extra("reading .zst", error.name, "formats") from error
        self.library: Any = zstandard
        self.stream = io.FileIO(file)
        self.frame = self.new_frame()
        self.is_inside = False
        """Whether a frame has begun and not ended."""
        self.compressed, self.waiting = memoryview(b""), memoryview(b"")

    def new_frame(self) -> Any:
        return self.library.ZstdDecompressor().decompressobj()

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Raises DamagedZstd."""
        while not self.waiting:
            if not self.compressed:
                self.compressed = memoryview(self.stream.read(io.DEFAULT_BUFFER_SIZE))
            if not self.compressed:
                if self.is_inside:
                    raise DamagedZstd("the last frame is incomplete")
                return 0
            self.decompress_piece()
        count = min(len(buffer), len(self.waiting))
        buffer[:count] = self.waiting[:count]
        self.waiting = self.waiting[count:]
        return count

    def decompress_piece(self) -> None:
        piece, self.compressed = self.compressed[:PIECE_BYTES], self.compressed[PIECE_BYTES:]
        while piece:
            self.is_inside = True
            try:
                content = self.frame.decompress(piece)
            except self.library.ZstdError as error:
                raise DamagedZstd(str(error)) from error
            self.waiting = memoryview(bytes(self.waiting) + content)
            piece = memoryview(b"")
            if self.frame.eof:
                piece = memoryview(self.frame.unused_data)
                self.frame, self.is_inside = self.new_frame(), False
