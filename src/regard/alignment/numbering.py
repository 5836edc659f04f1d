"""The words of a text by number, in files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.text.token_lists import TokenLists

NO_IDS = np.zeros(0, np.int32)


class NumberedText(NamedTuple):
    """Another process receives the name of the files, not their content."""

    words: list[str]
    """The word of each number."""
    stem: Path
    """The files without their suffixes."""

    @property
    def tokens(self) -> TokenLists:
        """The numbers of the words of each text, mapped from disk."""
        file = self.stem.with_suffix(".ids")
        ids = np.memmap(file, "<i4", mode="r").view(np.ndarray) if file.stat().st_size else NO_IDS
        offsets = np.memmap(self.stem.with_suffix(".offsets"), "<i8", mode="r").view(np.ndarray)
        return TokenLists(ids, offsets)


class TextWriter:
    """Numbers words in the order of their first occurrence, and writes the numbers to files."""

    def __init__(self, stem: Path) -> None:
        self.stem = stem
        self.ids, self.offsets = stem.with_suffix(".ids"), stem.with_suffix(".offsets")
        self.ids.write_bytes(b"")
        self.offsets.write_bytes(bytes(8))
        self.number: dict[str, int] = {}
        self.end = 0

    def append(self, texts: Sequence[Sequence[str]]) -> None:
        number = self.number
        lists = TokenLists.of(
            [[number.setdefault(word, len(number)) for word in text] for text in texts]
        )
        with self.ids.open("ab") as ids, self.offsets.open("ab") as offsets:
            ids.write(lists.ids.astype("<i4").tobytes())
            offsets.write((lists.offsets[1:] + self.end).astype("<i8").tobytes())
        self.end += len(lists.ids)

    def read(self) -> NumberedText:
        return NumberedText(list(self.number), self.stem)
