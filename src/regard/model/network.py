"""The network: encode once, then step."""

from collections.abc import Sequence

from torch import Tensor, nn

from regard.model.decoder import DECODERS, DecoderOutput, ScoreBias, Step, Tokens
from regard.model.encoder import ENCODERS
from regard.model.layers import Embedding, is_token
from regard.model.memory import Memory, State
from regard.model.output import cross_entropy
from regard.model.sizes import Dropouts, Sizes
from regard.shapes import Float, Int

SMALLEST_WEIGHT = 1e-6
"""A guided weight counts as this at least, so that its logarithm is finite."""


class EncoderDecoder(nn.Module):
    def __init__(self, sizes: Sizes, dropouts: Dropouts) -> None:
        super().__init__()
        self.sizes = sizes
        size, dropout = sizes.embedding_size, dropouts.embedding
        source = Embedding(sizes.source_tokens, size, dropout, dropouts.source_token)
        target = Embedding(sizes.target_tokens, size, dropout, dropouts.target_token)
        output_layer = nn.Linear(size, sizes.target_tokens)
        nn.init.zeros_(output_layer.bias)
        if sizes.tie in ("target", "all"):
            output_layer.weight = target.table.weight
        if sizes.tie == "all":
            source.table.weight = target.table.weight
        self.encoder = ENCODERS[sizes.encoder_layer_type](source, sizes, dropouts)
        decoder = DECODERS[sizes.decoder_layer_type]
        self.decoder = decoder(target, output_layer, sizes, dropouts)

    def encode(self, source: Int[Tensor, "B S"]) -> Memory:
        """Read the source, each sentence with its </s>, then <pad>."""
        states = self.encoder(source).states
        keys, values = self.decoder.keys(states), self.decoder.values(states)
        return Memory(states, keys, values, is_token(source))

    def initial_state(self, memory: Memory) -> State:
        return self.decoder.initial_state(memory)

    def step(self, tokens: Tokens, memory: Memory, state: State, bias: ScoreBias = 0.0) -> Step:
        """Predict the token after each of `tokens`; `bias` is added to all scores."""
        return self.decoder(tokens, memory, state, bias)

    def forward(self, source: Int[Tensor, "B S"], before: Tokens) -> Step:
        """Teacher forcing: `before` is <s> and the known translation, so all steps are one."""
        memory = self.encode(source)
        return self.step(before, memory, self.initial_state(memory))

    def loss(
        self, source: Int[Tensor, "B S"], before: Tokens, after: Tokens, smoothing: float
    ) -> Float[Tensor, ""]:
        """The cross-entropy in nats, summed over the tokens of `after`; padding counts nothing."""
        return self.prediction_loss(self.attend(source, before), after, smoothing)

    def guided_loss(
        self,
        source: Int[Tensor, "B S"],
        before: Tokens,
        after: Tokens,
        smoothing: float,
        guide: Float[Tensor, "B T S"],
        weight: float,
    ) -> Float[Tensor, ""]:
        """The same, and `weight` times the cross-entropy of the guided attention weights with those
        of `guide`, which has rows of zeros for tokens that may attend as they like (Chen et al.
        2016, eq. 5)."""
        output = self.attend(source, before)
        weights = guided_weights([one.weights for one in output.attentions])
        logs = weights.float().clamp_min(SMALLEST_WEIGHT).log()
        return self.prediction_loss(output, after, smoothing) - weight * (guide * logs).sum()

    def attend(self, source: Int[Tensor, "B S"], before: Tokens) -> DecoderOutput:
        """Teacher forcing, without the output layer."""
        memory = self.encode(source)
        return self.decoder.attend(before, memory, self.initial_state(memory), 0.0)

    def prediction_loss(
        self, output: DecoderOutput, after: Tokens, smoothing: float
    ) -> Float[Tensor, ""]:
        kept = is_token(after).flatten().nonzero().squeeze(1)
        return cross_entropy(
            output.output.flatten(0, 1).index_select(0, kept),
            self.decoder.output_layer.weight,
            self.decoder.output_layer.bias,
            after.flatten().index_select(0, kept),
            smoothing,
        )


def guided_weights(layers: Sequence[Float[Tensor, "B A T S"]]) -> Float[Tensor, "B T S"]:
    """The attention weights that guided alignment teaches: the first head's of the last layer."""
    return layers[-1][:, 0]
