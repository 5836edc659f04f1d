"""Weights of placeholder symbols that were never trained: those of an average name."""

import numpy as np

from regard.engine.quantize import SCALE
from regard.engine.sizes import sizes_of_model
from regard.engine.weight_names import OUTPUT, SOURCE_TABLE, output_matrix, target_table
from regard.files import Tensors
from regard.shapes import Int
from regard.special import PLACEHOLDER_SYMBOLS
from regard.storage.folder import ModelInfo
from regard.storage.model_file import ModelFile
from regard.text.vocabulary import Vocabulary

MIN_NAMES = 8
"""With fewer tokens that begin like names, the average is that of all tokens."""
NOISE = 0.05
"""Standard deviation of the noise on each number, relative to that of the names."""
NOISE_SEED = 1


def tensors_to_run(model: ModelFile) -> Tensors:
    """The weights of a model, with neutral placeholder symbols if these were not trained."""
    if model.info.text.placeholders:
        return model.tensors
    return with_neutral_placeholders(model.tensors, model.info)


def with_neutral_placeholders(tensors: Tensors, info: ModelInfo) -> dict[str, np.ndarray]:
    """The weights of a model, in which the placeholder symbols begin as names do.

    Their embeddings, their rows of the output matrix and their biases are the mean of those of
    the tokens that begin with a capital letter in both vocabularies, with a little noise.
    """
    neutral = dict(tensors)
    names = name_pieces(info.source, info.target)
    for table, vocabulary in tables_of(info):
        symbols = np.array(vocabulary.ids(PLACEHOLDER_SYMBOLS))
        rows = np.array(vocabulary.ids(names)) if names else np.arange(len(vocabulary))
        neutral |= with_mean_rows(neutral, table, rows, symbols)
    return neutral


def tables_of(info: ModelInfo) -> list[tuple[str, Vocabulary]]:
    """The names of all weights with a row for each token, each once."""
    sizes = sizes_of_model(info)
    tables = {
        SOURCE_TABLE: info.source,
        target_table(sizes): info.target,
        output_matrix(sizes): info.target,
        f"{OUTPUT}.bias": info.target,
    }
    return list(tables.items())


def name_pieces(source: Vocabulary, target: Vocabulary) -> list[str]:
    """The pieces with a capital letter after a space that both vocabularies have; none if they are
    too few."""
    in_source = set(source.all_pieces)
    names = [
        piece
        for piece in target.all_pieces
        if piece in in_source and piece.startswith("▁") and piece[1:2].isupper()
    ]
    return names if len(names) >= MIN_NAMES else []


def with_mean_rows(
    tensors: Tensors, name: str, rows: Int[np.ndarray, " N"], symbols: Int[np.ndarray, " K"]
) -> dict[str, np.ndarray]:
    """A weight, and its scales if it is int8, whose rows `symbols` are the mean of `rows`."""
    weight = tensors[name]
    scale = tensors.get(name + SCALE)
    values = weight[rows].astype(np.float32)
    if scale is not None:
        values *= scale[rows, None]
    random = np.random.default_rng(NOISE_SEED)
    noise = random.standard_normal((len(symbols), *values.shape[1:]), np.float32)
    neutral = values.mean(axis=0) + NOISE * values.std(axis=0) * noise
    changed = weight.copy()
    if scale is None:
        changed[symbols] = neutral
        return {name: changed}
    scales = scale.copy()
    scales[symbols] = np.maximum(np.abs(neutral).max(axis=1) / 127, 1e-12)
    changed[symbols] = np.rint(neutral / scales[symbols, None])
    return {name: changed, name + SCALE: scales}
