"""The names of a network's weights that no table of cells or scores holds."""

from regard.config import ModelOptions

SOURCE_TABLE = "encoder.embed.table.weight"
OUTPUT = "decoder.output_layer"
RECUR, SCORE = "recur", "score"
BRIDGE, FEED_FORWARD, NORM = "bridge.0", "feed_forward.0", "norm"
"""Parts of a decoder layer."""
DIRECTIONS = {"bidirectional": ("forward_rnn", "backward_rnn"), "unidirectional": ("forward_rnn",)}
"""The cells of an encoder layer, by the encoder's type."""


def target_table(options: ModelOptions) -> str:
    return SOURCE_TABLE if options.tie == "all" else "decoder.embed.table.weight"


def output_matrix(options: ModelOptions) -> str:
    return f"{OUTPUT}.weight" if options.tie == "none" else target_table(options)


def encoder_layer(number: int) -> str:
    return f"encoder.layers.{number}"


def encoder_norm(number: int) -> str:
    return f"encoder.norms.{number}"


def directions(options: ModelOptions, number: int) -> list[str]:
    """The cells of an encoder layer."""
    return [f"{encoder_layer(number)}.{cell}" for cell in DIRECTIONS[options.encoder]]


def decoder_layer(number: int) -> str:
    return f"decoder.layers.{number}"
