"""What decides a network: the sizes of its weights, and its dropout probabilities."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Two networks of the same sizes have weights of the same names and shapes."""

    source_tokens: int
    target_tokens: int
    embedding_size: int
    """M: of an embedding, and of what is fed forward."""
    encoder_size: int
    """E: of an encoder state, all directions together."""
    decoder_size: int
    """H: of a hidden state of the decoder."""
    encoder_layers: int
    decoder_layers: int
    heads: int
    """A: of the attention between decoder and encoder."""
    attention: str
    """A key of `scores.SCORES`."""
    encoder_layer_type: str
    """A key of `encoder.ENCODERS`."""
    decoder_layer_type: str
    """A key of `decoder.DECODERS`."""
    encoder: str
    """A key of `encoder.DIRECTIONS`."""
    self_attention_heads: int
    encoder_feed_forward_size: int
    """Of the inner layer of feed-forward sublayers; 0 for none."""
    decoder_feed_forward_size: int
    tie: str
    """Which embeddings share weights: none, target (with the output layer), all."""


class Dropouts(NamedTuple):
    """Dropout probabilities in training, each from 0 to below 1."""

    embedding: float = 0.0
    hidden: float = 0.0
    output: float = 0.0
    attention: float = 0.0
    source_token: float = 0.0
    target_token: float = 0.0


class HeadSizes(NamedTuple):
    """What decides an alignment head."""

    source_tokens: int
    target_tokens: int
    embedding_size: int
    """Of the head's own embeddings."""
    source_size: int
    """E: of the states of the model's encoder."""
    target_size: int
    """M: of the embeddings of its target tokens."""
    size: int
    """D: of the vectors that are compared."""
