"""From the options of a model to the sizes of its network."""

from msgspec import structs

from regard.config import ModelOptions
from regard.model.sizes import Sizes
from regard.storage.folder import ModelInfo

INNER_FACTOR = 4
"""By this factor the inner layer of a feed-forward sublayer is wider (Vaswani et al. 2017, 3.3)."""


def sizes_of(options: ModelOptions, source_tokens: int, target_tokens: int) -> Sizes:
    values = structs.asdict(options)
    values |= {"source_tokens": source_tokens, "target_tokens": target_tokens}
    for side in ("encoder", "decoder"):
        if values[f"{side}_layer_type"] == "same":
            values[f"{side}_layer_type"] = options.layer_type
        if values[f"{side}_feed_forward_size"] == "auto":
            is_recurrent = values[f"{side}_layer_type"] != "self-attention"
            inner_size = 0 if is_recurrent else INNER_FACTOR * values[f"{side}_size"]
            values[f"{side}_feed_forward_size"] = inner_size
    return Sizes(**{name: values[name] for name in Sizes._fields})


def sizes_of_model(info: ModelInfo) -> Sizes:
    """Of a stored model."""
    return sizes_of(info.config.model, len(info.source), len(info.target))
