"""The names of a network's weights that no table of cells or scores holds."""

from regard.config import ModelOptions

SOURCE_TABLE = "encoder.embed.table.weight"
OUTPUT = "decoder.output_layer"
BRIDGE, FEED_FORWARD, NORM = "bridge.0", "feed_forward.0", "norm"
"""Parts of a decoder layer."""


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
    name = encoder_layer(number)
    if options.encoder == "bidirectional":
        return [f"{name}.forward_rnn", f"{name}.backward_rnn"]
    return [f"{name}.forward_rnn"]


def decoder_layer(number: int) -> str:
    return f"decoder.layers.{number}"


def decoder_cell(number: int) -> str:
    return f"decoder.layers.{number}.recur"


def decoder_score(number: int) -> str:
    return f"decoder.layers.{number}.score"
