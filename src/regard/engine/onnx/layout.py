"""Lay sentences out as the arrays that the encoder reads."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from regard.engine.onnx.encoders import PADDING_INPUT, REVERSAL_INPUTS, SOURCE_INPUT
from regard.engine.onnx.graphs import MASK_BIAS, MEMORY_INPUTS
from regard.engine.onnx.session import Arrays
from regard.model.sizes import Sizes
from regard.shapes import Bool, Float
from regard.special import END, Ids
from regard.text.padding import pad, padded_width

INPUTS = [*SOURCE_INPUT, *REVERSAL_INPUTS, *MEMORY_INPUTS, *PADDING_INPUT]


def search_inputs(sources: Sequence[Ids], sizes: Sizes) -> Arrays:
    """The same as `encoder_inputs` for a search, whose results are to be those of each sentence
    alone, bit for bit: sums are over a width that its own length decides. Only the mask has that
    width where no layer of the encoder sums over tokens."""
    width = padded_width(max(map(len, sources)))
    if sizes.encoder_layer_type == "self-attention":
        return inputs_of_width(sources, sizes, width)
    inputs = encoder_inputs(sources, sizes)
    mask = inputs[MASK_BIAS]
    padding = np.full((*mask.shape[:-1], width - mask.shape[-1]), -np.inf, np.float32)
    return inputs | {MASK_BIAS: np.concatenate([mask, padding], axis=-1)}


def encoder_inputs(sources: Sequence[Ids], sizes: Sizes) -> Arrays:
    """The padded sentences, and the indices of their tokens."""
    return inputs_of_width(sources, sizes, max(map(len, sources)) + 1)


def inputs_of_width(sources: Sequence[Ids], sizes: Sizes, width: int) -> Arrays:
    source = pad([[*ids, END] for ids in sources], width)
    lengths = tuple(len(ids) + 1 for ids in sources)
    indices = cached_gather_indices if len(sources) == 1 else gather_indices
    laid_out = indices(lengths, width, sizes.encoder, sizes.attention)
    return dict(zip(INPUTS, (source, *laid_out), strict=True))


def gather_indices(
    lengths: tuple[int, ...], width: int, encoder: str, attention: str
) -> list[np.ndarray]:
    """For the encoder: `read_index`, `restore_index` [S B D], `mask_bias` [B 1 1 S], `final_index`
    [B] and `padding_bias` [B 1 1 S].

    The second direction reads each sentence from right to left, with its padding at the end. The
    state at </s> is, in both directions, the one after the whole sentence (model.encoder).
    """
    batch, final = len(lengths), np.array(lengths) - 1
    sentence, position = np.arange(batch), np.arange(width)[:, None]
    mirrored = np.where(position <= final, final - position, position)
    read, restore = [np.broadcast_to(position, (width, batch))], [position + 0 * final]
    if encoder == "bidirectional":
        read.append(mirrored)
        restore.append(np.where(position == final, final, mirrored))
    count = len(read)
    read_index, restore_index = (
        (np.stack(positions, -1) * batch + sentence[:, None]) * count + np.arange(count)
        for positions in (read, restore)
    )
    ends, columns = final[:, None], position.T
    padding_bias = bias_of(ends >= columns)
    mask_bias = bias_of(ends == columns) if attention == "none" else padding_bias
    return [read_index, restore_index, mask_bias, sentence * width + final, padding_bias]


def bias_of(may_attend: Bool[np.ndarray, "B S"]) -> Float[np.ndarray, "B 1 1 S"]:
    """What is added to scores: 0 where True, -inf elsewhere."""
    return np.where(may_attend, 0.0, -np.inf).astype(np.float32)[:, None, None]


cached_gather_indices = lru_cache(maxsize=256)(gather_indices)
"""The same; a single sentence is laid out like all others of its length."""
