"""Lists of numbers of many texts in two files: the numbers, concatenated, and where each text's
begin, as little-endian int64."""

from pathlib import Path

import numpy as np

from regard.data.corpus import append, map_numbers
from regard.text.token_lists import TokenLists


def map_lists(folder: Path, name: str, id_type: str) -> TokenLists:
    """Raises ValueError if the files disagree."""
    offsets = map_numbers(folder / f"{name}.offsets")
    ids = np.memmap(folder / f"{name}.ids", id_type, mode="r").view(np.ndarray)
    if len(ids) != offsets[-1]:
        raise ValueError(f"{name}.ids has {len(ids)} tokens, not {offsets[-1]}")
    return TokenLists(ids, offsets)


def append_lists(stem: Path, lists: TokenLists, id_type: str) -> None:
    ids, offsets = (stem.with_suffix(suffix) for suffix in (".ids", ".offsets"))
    if not offsets.exists():
        append(offsets, bytes(8))
    begin = append(ids, lists.ids.astype(id_type).tobytes()) // np.dtype(id_type).itemsize
    append(offsets, (lists.offsets[1:] + begin).astype("<i8").tobytes())
