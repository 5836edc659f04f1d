"""Sentences as the arrays that the graphs read."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from regard.config import ModelOptions
from regard.engine.onnx.session import Arrays
from regard.special import END, Ids
from regard.text.padding import pad


def read(sources: Sequence[Ids], options: ModelOptions) -> Arrays:
    """The sentences padded, and where their tokens are."""
    source = pad([[*ids, END] for ids in sources])
    lengths = tuple(len(ids) + 1 for ids in sources)
    lay = lay_out_one if len(sources) == 1 else lay_out
    return {"source": source, **lay(lengths, options.encoder, options.attention)}


def lay_out(lengths: tuple[int, ...], encoder: str, attention: str) -> Arrays:
    """The places where the encoder's directions read and stand, and where the decoder looks.

    The second direction reads each sentence from right to left, with its padding behind; the state
    at </s> is, in both, the one after the whole sentence (model.encoder.places).
    """
    batch, length, final = len(lengths), max(lengths), np.array(lengths) - 1
    sentence, place = np.arange(batch), np.arange(length)[:, None]
    mirrored = np.where(place <= final, final - place, place)
    onward, back = [np.broadcast_to(place, (length, batch))], [place + 0 * final]
    if encoder == "bidirectional":
        onward.append(mirrored)
        back.append(np.where(place == final, final, mirrored))
    count = len(onward)
    is_open = final[:, None] == place.T if attention == "none" else final[:, None] >= place.T
    return {
        "onward": (np.stack(onward, -1) * batch + sentence[:, None]) * count + np.arange(count),
        "back": (np.stack(back, -1) * batch + sentence[:, None]) * count + np.arange(count),
        "last": sentence * length + final,
        "closed": np.where(is_open, 0.0, -np.inf).astype(np.float32)[:, None, None],
    }


lay_out_one = lru_cache(maxsize=256)(lay_out)
"""The same; a sentence alone is laid out like others of its length."""
