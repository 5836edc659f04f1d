"""The names of a network's weights that no table of cells or scores holds."""

from regard.model.sizes import Sizes

SOURCE_TABLE = "encoder.embed.table.weight"
OUTPUT = "decoder.output_layer"
ENCODER_NORM, DECODER_NORM = "encoder.norm", "decoder.norm"
"""The last normalisation of layers of self-attention."""
RECUR, SCORE = "recur", "score"
BRIDGE, FEED_FORWARD, NORM = "bridge.0", "feed_forward.0", "norm"
"""Parts of a recurrent decoder layer."""
SUBLAYER = "sublayer"
"""The feed-forward sublayer of a recurrent decoder layer."""
QUERY_NORM, QUERY, VALUE = "to_query.0", "to_query.1", "to_value"
JOIN, TRANSFORMER_FEED_FORWARD = "join.output", "feed_forward"
"""Parts of a decoder layer of self-attention."""
DIRECTION_CELLS = {
    "bidirectional": ("forward_rnn", "backward_rnn"),
    "unidirectional": ("forward_rnn",),
}
"""The cells of a recurrent encoder layer, by the encoder's direction."""


def target_table(sizes: Sizes) -> str:
    return SOURCE_TABLE if sizes.tie == "all" else "decoder.embed.table.weight"


def output_matrix(sizes: Sizes) -> str:
    return f"{OUTPUT}.weight" if sizes.tie == "none" else target_table(sizes)


def encoder_layer(number: int) -> str:
    return f"encoder.layers.{number}"


def encoder_norm(number: int) -> str:
    return f"encoder.norms.{number}"


def encoder_feed_forward(number: int) -> str:
    return f"encoder.feed_forwards.{number}"


def directions(sizes: Sizes, number: int) -> list[str]:
    """The cells of a recurrent encoder layer."""
    return [f"{encoder_layer(number)}.{cell}" for cell in DIRECTION_CELLS[sizes.encoder]]


def decoder_layer(number: int) -> str:
    return f"decoder.layers.{number}"
