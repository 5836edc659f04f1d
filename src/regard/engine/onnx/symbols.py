"""Draw the rule for placeholder symbols: each one that is required is written exactly once.

P is the number of placeholder symbols. `missing` is 1 for each symbol that a hypothesis has yet to
write, and 0 for the others.
"""

from regard.engine.onnx.graph import Size, Value, concat, where
from regard.special import END, FIRST_PLACEHOLDER, PLACEHOLDER_IDS

SYMBOLS = len(PLACEHOLDER_IDS)
LEADING = PLACEHOLDER_IDS.stop
"""The tokens up to the last placeholder symbol, which are the first columns of all logits."""


def strike_out(missing: Value, token: Value) -> Value:
    """What is missing [B N P] when `token` [B N] is written as well."""
    return where(token.unsqueeze(-1).equals(PLACEHOLDER_IDS), 0.0, missing)


def search_bias(missing: Value, columns: Size) -> Value:
    """What is added to logits [B N `columns`]: -inf for symbols that are not missing, and for </s>
    where one is."""
    may_end = missing.max(-1).equals(0.0).cast("float32").log().unsqueeze(-1)
    before = pad_last(may_end, END, FIRST_PLACEHOLDER - END - 1)
    return pad_columns(concat([before, missing.log()], axis=-1), columns)


def forced_bias(written: Value, columns: Size) -> Value:
    """What is added to logits [B T `columns`] of given translations: -inf for symbols that are not
    `written` [B 1 P]."""
    return pad_columns(pad_last(written.log(), FIRST_PLACEHOLDER, 0), columns)


def pad_columns(bias: Value, columns: Size) -> Value:
    """Zeros after the leading tokens; a vocabulary that is smaller cuts them off."""
    return pad_last(bias, 0, columns - LEADING)


def pad_last(value: Value, before: int, after: Size) -> Value:
    """Zeros around the last of three axes."""
    return value.draw("Pad", value.graph.shape(0, 0, before, 0, 0, after))
