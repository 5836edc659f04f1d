"""Draw the decoder of a Transformer (`model.decoder`) into graphs; letters as in `decoder`."""

from collections.abc import Iterator

from regard.engine import weight_names as names
from regard.engine.onnx.decoder import (
    Attention,
    Decoder,
    DecoderState,
    ForcedPass,
    LayerOutput,
    Memory,
    Step,
    score_products,
)
from regard.engine.onnx.graph import Spec, Value, concat, full
from regard.engine.onnx.products import Arithmetic, linear_shapes
from regard.engine.onnx.scores import SCORES, join_heads, split_heads
from regard.engine.onnx.self_attention import (
    SelfAttention,
    own_token_bias,
)
from regard.engine.onnx.sublayers import (
    FeedForward,
    Shapes,
    causal_bias,
    count_up,
    layer_norm,
    norm_shapes,
    prefixed,
    sinusoids,
)
from regard.model.sizes import Sizes


class SelfAttentionDecoder(Decoder):
    """Keys and values are cached for each sentence, in the order in which they were written
    (`self_attention`)."""

    has_input_table, can_draft = False, True

    def __init__(self, sizes: Sizes, arithmetic: Arithmetic) -> None:
        super().__init__(sizes, arithmetic)
        size, heads = sizes.decoder_size, sizes.self_attention_heads
        self.layers = [
            SelfAttention(arithmetic, f"{one}.{names.RECUR}", size, heads) for one in self.names
        ]
        inner_size = sizes.decoder_feed_forward_size
        self.feed_forwards = [
            FeedForward(arithmetic, f"{one}.{names.TRANSFORMER_FEED_FORWARD}", inner_size)
            for one in self.names
        ]

    @staticmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        size, states = sizes.decoder_size, sizes.encoder_size
        for number in range(sizes.decoder_layers):
            name = names.decoder_layer(number)
            yield prefixed(f"{name}.{names.RECUR}", SelfAttention.weights(size))
            if SCORES[sizes.attention].compares:
                yield norm_shapes(f"{name}.{names.QUERY_NORM}", size)
                yield prefixed(name, linear_shapes(names.QUERY, size, size))
            yield prefixed(name, linear_shapes(names.VALUE, states, size))
            yield prefixed(f"{name}.{names.SCORE}", SCORES[sizes.attention].weights(sizes))
            yield prefixed(name, linear_shapes(names.JOIN, size, size))
            sublayer = FeedForward.weights(size, sizes.decoder_feed_forward_size)
            yield prefixed(f"{name}.{names.TRANSFORMER_FEED_FORWARD}", sublayer)
        yield norm_shapes(names.DECODER_NORM, size)

    @staticmethod
    def products(sizes: Sizes) -> Iterator[str]:
        for number in range(sizes.decoder_layers):
            name = names.decoder_layer(number)
            yield from SelfAttention.products(f"{name}.{names.RECUR}")
            yield from (f"{name}.{names.VALUE}", f"{name}.{names.JOIN}")
            if SCORES[sizes.attention].compares:
                yield f"{name}.{names.QUERY}"
            yield from score_products(sizes, name)
            sublayer = f"{name}.{names.TRANSFORMER_FEED_FORWARD}"
            yield from FeedForward.products(sublayer, sizes.decoder_feed_forward_size)

    @property
    def memory_names(self) -> list[str]:
        return [f"values.{number}" for number in range(len(self.names))]

    def row_states(self, has_one_row: bool) -> dict[str, int | str]:
        return {} if has_one_row else {"history": "P"}

    def caches(self) -> dict[str, Spec]:
        heads = self.sizes.self_attention_heads
        shape = (heads, "P", self.sizes.decoder_size // heads)
        kept: dict[str, Spec] = {
            f"{number}.{part}": ("float32", shape)
            for number in range(len(self.names))
            for part in ("keys", "values")
        }
        return {"position": ("int64", ()), **kept}

    def memory(self, states: Value, mask_bias: Value) -> Memory:
        values = [self.arithmetic.linear(states, f"{one}.{names.VALUE}") for one in self.names]
        return Memory(
            tuple(split_heads(one, self.sizes.heads) for one in values),
            tuple(score.keys(states) for score in self.scores),
            mask_bias,
        )

    def first_state(self, final: Value, has_one_row: bool) -> DecoderState:
        g, batch, heads = final.graph, final.size(0), self.sizes.self_attention_heads
        nothing = full(0.0, g.shape(batch, heads, 0, self.sizes.decoder_size // heads))
        position = full(0.0, batch).cast("int64")
        rows = [] if has_one_row else [full(0.0, g.shape(batch, 1, 0))]
        return DecoderState(rows, [position, *[nothing] * (2 * len(self.names))])

    def step(
        self,
        tokens: Value,
        state: DecoderState,
        memory: Memory,
        bias: Value | None,
        has_one_row: bool,
    ) -> Step:
        position, *cached = state.caches
        encoded = sinusoids(position, self.sizes.decoder_size).unsqueeze(1)
        inputs = self.embed(tokens) + encoded
        rows = [self.extend_history(one, tokens) for one in state.rows]
        history = rows[0].unsqueeze(1) if rows else None
        after, weights = list[Value](), None
        for number, layer in enumerate(self.layers):
            keys, values = cached[2 * number : 2 * number + 2]
            hidden, *kept = layer.step(inputs, keys, values, history)
            query = self.query(number, hidden)
            attention = self.attend(number, query, memory, bias, has_one_row)
            inputs = self.feed_forward(number, hidden, attention, has_one_row)
            after += kept
            weights = attention.weights
        assert weights is not None
        output = layer_norm(self.arithmetic, inputs, names.DECODER_NORM)
        state = DecoderState(rows, [position + 1, *after])
        return Step(output, state, self.token_weights(weights))

    def extend_history(self, history: Value, tokens: Value) -> Value:
        """0 for each cached token that a hypothesis continues and for its own, -inf for the others:
        from [B N P] to [B N P + N]."""
        count = tokens.size(1)
        own = own_token_bias(tokens).expand(tokens.size(0), count, count)
        return concat([history, own], axis=2)

    def query(self, number: int, hidden: Value) -> Value:
        if not self.compares:
            return hidden
        name = self.names[number]
        normalized = layer_norm(self.arithmetic, hidden, f"{name}.{names.QUERY_NORM}")
        return self.arithmetic.linear(normalized, f"{name}.{names.QUERY}")

    def feed_forward(
        self, number: int, hidden: Value, attention: Attention, has_one_row: bool
    ) -> Value:
        """The output [B Q M] of a layer."""
        context = join_heads(attention.context, self.sizes.heads, has_one_row)
        linear = self.arithmetic.linear(context, f"{self.names[number]}.{names.JOIN}")
        return self.feed_forwards[number](hidden + linear)

    def resume(self, prefix: Value, state: DecoderState) -> DecoderState:
        """The caches are all that it needs."""
        return state

    def forced_pass(
        self, tokens: Value, first: DecoderState, memory: Memory, bias: Value | None
    ) -> ForcedPass:
        encoded = sinusoids(count_up(tokens, 1), self.sizes.decoder_size)
        inputs, layers, own_bias = self.embed(tokens) + encoded, [], causal_bias(tokens, 1)
        for number, layer in enumerate(self.layers):
            attended = layer.attend(inputs, own_bias)
            query = self.query(number, attended.output)
            attention = self.attend(number, query, memory, bias, has_one_row=False)
            inputs = self.feed_forward(number, attended.output, attention, has_one_row=False)
            layers.append(LayerOutput(attended.output, attention, inputs, attended))
        return ForcedPass(layers, layer_norm(self.arithmetic, inputs, names.DECODER_NORM))
