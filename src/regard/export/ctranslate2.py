"""Write a Transformer as a model of CTranslate2, an inference engine for Transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.engine import weight_names as names
from regard.engine.placeholders import tensors_to_run
from regard.engine.quantize import dequantize
from regard.engine.sizes import sizes_of_model
from regard.errors import RegardError, needs_extra
from regard.files import Tensors
from regard.model.positions import encodings
from regard.model.sizes import Sizes
from regard.special import PAD, PIECES, PLACEHOLDER_IDS, START
from regard.storage.model_file import ModelFile

POSITIONS = 2048
"""Tokens of the longest sentence and translation that CTranslate2 can read and write."""
IMPOSSIBLE = -1e9
"""The bias of tokens that no translation contains."""


def export_ctranslate2(model: ModelFile, folder: Path, is_int8: bool) -> None:
    """Write weights, vocabularies and SentencePiece models into a new folder.

    Raises RegardError if CTranslate2 has no such network, or is not installed.
    """
    sizes = sizes_of_model(model.info)
    check_network(sizes)
    try:
        from ctranslate2.specs import TransformerSpec
    except ImportError as error:
        raise needs_extra("--to ctranslate2", error.name, "ctranslate2") from error
    layers = sizes.encoder_layers, sizes.decoder_layers
    spec = TransformerSpec.from_config(layers, sizes.heads, pre_norm=True)
    Weights(dequantize(tensors_to_run(model)), sizes).fill(spec)
    spec.register_source_vocabulary(model.info.source.all_pieces)
    spec.register_target_vocabulary(model.info.target.all_pieces)
    spec.config.decoder_start_token = spec.config.bos_token = PIECES[START]
    spec.config.add_source_eos = True
    spec.validate()
    spec.optimize("int8" if is_int8 else None)
    spec.save(str(folder))
    (folder / "source.spm").write_bytes(model.info.source.proto)
    (folder / "target.spm").write_bytes(model.info.target.proto)


def check_network(sizes: Sizes) -> None:
    """Raises RegardError if CTranslate2 has no such network."""
    has_sublayers = sizes.encoder_feed_forward_size and sizes.decoder_feed_forward_size
    wanted = {
        "model.encoder_layer_type": (sizes.encoder_layer_type, "self-attention"),
        "model.decoder_layer_type": (sizes.decoder_layer_type, "self-attention"),
        "model.encoder": (sizes.encoder, "bidirectional"),
        "model.attention": (sizes.attention, "scaled"),
        "model.heads": (sizes.heads, sizes.self_attention_heads),
        "feed-forward sublayers on both sides": (bool(has_sublayers), True),
    }
    for name, (actual, needed) in wanted.items():
        if actual != needed:
            raise RegardError(
                f"CTranslate2 runs Transformers, and of this model {name} = {actual}, not {needed}",
                "--to ctranslate2",
                "export it as a .regard file, which holds every model",
            )


class Weights:
    """Gives the specification of a model the weights of a network."""

    def __init__(self, tensors: Tensors, sizes: Sizes) -> None:
        self.tensors, self.sizes = tensors, sizes

    def fill(self, spec: Any) -> None:
        sizes = self.sizes
        spec.encoder.embeddings[0].weight = self.tensors[names.SOURCE_TABLE]
        spec.decoder.embeddings.weight = self.tensors[names.target_table(sizes)]
        positions = encodings(np.arange(POSITIONS), sizes.embedding_size)
        for side, norm in ((spec.encoder, names.ENCODER_NORM), (spec.decoder, names.DECODER_NORM)):
            side.position_encodings.encodings = positions
            self.layer_norm(side.layer_norm, norm)
        for number, layer in enumerate(spec.encoder.layer):
            self.self_attention(layer.self_attention, names.encoder_layer(number))
            self.feed_forward(layer.ffn, names.encoder_feed_forward(number))
        for number, layer in enumerate(spec.decoder.layer):
            name = names.decoder_layer(number)
            self.self_attention(layer.self_attention, f"{name}.{names.RECUR}")
            self.cross_attention(layer.attention, name)
            self.feed_forward(layer.ffn, f"{name}.{names.TRANSFORMER_FEED_FORWARD}")
        bias = self.tensors[f"{names.OUTPUT}.bias"].copy()
        bias[[PAD, START, *PLACEHOLDER_IDS]] = IMPOSSIBLE
        spec.decoder.projection.weight = self.tensors[names.output_matrix(sizes)]
        spec.decoder.projection.bias = bias

    def layer_norm(self, spec: Any, name: str) -> None:
        spec.gamma, spec.beta = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def linear(self, spec: Any, layers: Sequence[str]) -> None:
        """Several linear layers as one; one without a bias has a bias of 0."""
        weights = [self.tensors[f"{name}.weight"] for name in layers]
        biases = [
            self.tensors.get(f"{name}.bias", np.zeros(len(weight), np.float32))
            for name, weight in zip(layers, weights, strict=True)
        ]
        spec.weight, spec.bias = np.concatenate(weights), np.concatenate(biases)

    def self_attention(self, spec: Any, name: str) -> None:
        self.layer_norm(spec.layer_norm, f"{name}.norm")
        projections = [f"{name}.{part}" for part in ("to_query", "to_key", "to_value")]
        self.linear(spec.linear[0], projections)
        self.linear(spec.linear[1], [f"{name}.{names.JOIN}"])

    def cross_attention(self, spec: Any, name: str) -> None:
        self.layer_norm(spec.layer_norm, f"{name}.{names.QUERY_NORM}")
        self.linear(spec.linear[0], [f"{name}.{names.QUERY}"])
        self.linear(spec.linear[1], [f"{name}.{names.SCORE}.key", f"{name}.{names.VALUE}"])
        self.linear(spec.linear[2], [f"{name}.{names.JOIN}"])

    def feed_forward(self, spec: Any, name: str) -> None:
        self.layer_norm(spec.layer_norm, f"{name}.norm")
        self.linear(spec.linear_0, [f"{name}.inner"])
        self.linear(spec.linear_1, [f"{name}.outer"])
