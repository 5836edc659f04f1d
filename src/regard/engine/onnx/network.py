"""Draw the network of `model` into ONNX graphs; the names of its weights are the same."""

from collections.abc import Sequence

import numpy as np

from regard.engine import weight_names as names
from regard.engine.onnx.cells import CELLS
from regard.engine.onnx.decoder import Decoder
from regard.engine.onnx.encoders import ENCODERS
from regard.engine.onnx.graph import Value
from regard.engine.onnx.products import Arithmetic, GatheredRows
from regard.engine.onnx.recurrent_decoder import RecurrentDecoder
from regard.engine.onnx.self_attention_decoder import SelfAttentionDecoder
from regard.files import Tensors
from regard.model.sizes import Sizes

NO_HEAD: Tensors = {}

DECODERS: dict[str, type[Decoder]] = {
    **dict.fromkeys(CELLS, RecurrentDecoder),
    "self-attention": SelfAttentionDecoder,
}


class Network:
    """Draws the parts of one network into graphs."""

    def __init__(
        self, sizes: Sizes, arithmetic: Arithmetic, alignment_head: Tensors = NO_HEAD
    ) -> None:
        """`alignment_head`: its weights as they are stored, or none."""
        self.alignment_head = alignment_head
        self.sizes, self.arithmetic, self.tokens = sizes, arithmetic, sizes.target_tokens
        self.encoder = ENCODERS[sizes.encoder_layer_type](sizes, arithmetic)
        self.decoder = DECODERS[sizes.decoder_layer_type](sizes, arithmetic)

    def logits(self, output: Value, columns: int, impossible: Sequence[int]) -> Value:
        """The logits of the next token; `impossible` tokens have -inf.

        They are padded with -inf to `columns`, if that is more than the vocabulary.
        """
        bias = np.full(max(columns, self.tokens), -np.inf, np.float32)
        bias[: self.tokens] = self.output_bias(impossible)
        matrix = names.output_matrix(self.sizes)
        return self.arithmetic.product(output, names.OUTPUT, [matrix], bias)

    def gathered_logits(self, output: Value, rows: GatheredRows) -> Value:
        """The same of gathered rows of the output matrix."""
        return self.arithmetic.gathered_product(output, names.OUTPUT, rows)

    def gather_output(self, tokens: Value, impossible: Sequence[int]) -> GatheredRows:
        """The rows of the output matrix for `tokens` [B W]."""
        biases = tokens.graph.tensor(f"{names.OUTPUT}.biases", self.output_bias(impossible))
        bias = biases[tokens].unsqueeze(1)
        return self.arithmetic.gather(names.output_matrix(self.sizes), tokens, bias)

    def output_bias(self, impossible: Sequence[int]) -> np.ndarray:
        bias = self.arithmetic.vector(f"{names.OUTPUT}.bias").copy()
        bias[[token for token in impossible if token < self.tokens]] = -np.inf
        return bias
