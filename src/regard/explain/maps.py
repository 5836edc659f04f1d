"""The weights of an explanation as a map of words: between the sentences, or within one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regard.errors import RegardError
from regard.explain.explanation import Explanation
from regard.shapes import Float
from regard.special import PIECES, START
from regard.text.segments import TokenizedText

MAPS = ("between", "source", "translation")
"""From the translation to the source; from each word of a sentence to its own words."""


class WeightMap(NamedTuple):
    rows: list[str]
    """What attends."""
    columns: list[str]
    """What is attended to."""
    weights: Float[np.ndarray, "T S"]


class MapLabel(NamedTuple):
    """A word, or a token: the name of a row and of a column."""

    text: str
    tokens: list[int]
    """Its rows or columns in the weights of tokens."""


def weight_map(
    one: Explanation,
    name: str = "between",
    layer: int = 0,
    head: int = 0,
    subwords: bool = False,
) -> WeightMap:
    """The map of this name in `MAPS`. Of layer 0 the last one is meant, of head 0 the mean of all,
    or what guided alignment has taught.

    Between words, weights are summed over the tokens that are attended to, and averaged over those
    that attend. Raises RegardError if the model has no such attention, layer or head.
    """
    if (name, layer, head) == ("between", 0, 0):
        weights = one.weights
    else:
        weights = choose_head(choose_layer(one, name, layer), head)
    source, target = map_labels(one.source, subwords), map_labels(one.target, subwords)
    if name == "between":
        rows, columns = target, source
    elif name == "source":
        rows = columns = source
    else:
        rows = columns = one_token_later(target, len(one.target.tokens))
    summed = np.stack([weights[:, label.tokens].sum(axis=1) for label in columns], axis=1)
    return WeightMap(
        [label.text for label in rows],
        [label.text for label in columns],
        np.stack([summed[label.tokens].mean(axis=0) for label in rows]),
    )


def choose_layer(one: Explanation, name: str, layer: int) -> Float[np.ndarray, "A T S"]:
    trace = one.trace
    layers = {
        "between": [each.weights for each in trace.layers],
        "source": [each.weights for each in trace.encoder_attentions],
        "translation": [each.weights for each in trace.decoder_attentions],
    }[name]
    if not layers:
        raise RegardError(
            f"{one.model} has no self-attention in its"
            f" {'encoder' if name == 'source' else 'decoder'}, whose layers are recurrent",
            f"--attention {name}",
            "leave the option out, or choose a Transformer",
        )
    return layers[number_of(layer, len(layers), "layer", one.model)]


def choose_head(heads: Float[np.ndarray, "A T S"], head: int) -> Float[np.ndarray, "T S"]:
    return heads[number_of(head, len(heads), "head", "this layer")] if head else heads.mean(axis=0)


def number_of(wanted: int, count: int, name: str, owner: str) -> int:
    """The index of number `wanted`, from 1 on; 0 is the last. Raises RegardError if there are
    fewer."""
    if wanted > count:
        raise RegardError(
            f"there is no {name} {wanted}: {owner} has {count}",
            f"--{name}",
            f"give a number from 1 to {count}",
        )
    return wanted - 1


def map_labels(text: TokenizedText, subwords: bool) -> list[MapLabel]:
    if subwords:
        return [MapLabel(token, [number]) for number, token in enumerate(text.tokens)]
    return [MapLabel(word.text, list(word.tokens)) for word in text.words]


def one_token_later(labels: Sequence[MapLabel], count: int) -> list[MapLabel]:
    """The same behind <s>: what a decoder reads is one token behind what it writes."""
    later = [
        MapLabel(label.text, [token + 1 for token in label.tokens if token + 1 < count])
        for label in labels
    ]
    return [MapLabel(PIECES[START], [0]), *(label for label in later if label.tokens)]
