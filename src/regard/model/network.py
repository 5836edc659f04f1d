"""The whole network: encode once, then step."""

from typing import NamedTuple

from torch import Tensor, nn

from regard.model.decoder import Decoder, Step
from regard.model.encoder import Encoder
from regard.model.layers import Embedding, is_token
from regard.model.memory import Memory, State
from regard.model.output import cross_entropy
from regard.shapes import Float, Int


class Sizes(NamedTuple):
    """What a network is made of; two networks of the same sizes have the same weights' shapes."""

    source_tokens: int
    target_tokens: int
    embedding_size: int
    encoder_size: int
    decoder_size: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    attention: str
    layer_type: str
    encoder: str
    tie: str


class Dropouts(NamedTuple):
    """How much is left out in training, each from 0 to below 1."""

    embedding: float = 0.0
    hidden: float = 0.0
    output: float = 0.0
    source_token: float = 0.0
    target_token: float = 0.0


class EncoderDecoder(nn.Module):
    def __init__(self, sizes: Sizes, dropouts: Dropouts) -> None:
        super().__init__()
        self.sizes = sizes
        source = Embedding(
            sizes.source_tokens, sizes.embedding_size, dropouts.embedding, dropouts.source_token
        )
        target = Embedding(
            sizes.target_tokens, sizes.embedding_size, dropouts.embedding, dropouts.target_token
        )
        word = nn.Linear(sizes.embedding_size, sizes.target_tokens)
        nn.init.zeros_(word.bias)
        if sizes.tie in ("target", "all"):
            word.weight = target.table.weight
        if sizes.tie == "all":
            source.table.weight = target.table.weight
        self.encoder = Encoder(
            source,
            sizes.embedding_size,
            sizes.encoder_size,
            sizes.encoder_layers,
            dropouts.hidden,
            sizes.encoder,
            sizes.layer_type,
        )
        self.decoder = Decoder(
            target,
            word,
            sizes.embedding_size,
            sizes.encoder_size,
            sizes.decoder_size,
            sizes.decoder_layers,
            sizes.heads,
            dropouts.hidden,
            dropouts.output,
            sizes.attention,
            sizes.layer_type,
        )

    def encode(self, source: Int[Tensor, "B S"]) -> Memory:
        """Read the source, each sentence with its </s>, then <pad>."""
        states = self.encoder(source)
        return Memory(states, self.decoder.keys(states), is_token(source))

    def start(self, memory: Memory) -> State:
        return self.decoder.begin(memory)

    def step(
        self,
        tokens: Int[Tensor, "B T"],
        memory: Memory,
        state: State,
        bias: Float[Tensor, "#B #T S"] | float = 0.0,
    ) -> Step:
        """Predict the token behind each of `tokens`; `bias` is added to all scores."""
        return self.decoder(tokens, memory, state, bias)

    def forward(self, source: Int[Tensor, "B S"], before: Int[Tensor, "B T"]) -> Step:
        """Teacher forcing: `before` is <s> and the known translation, so all steps are one."""
        memory = self.encode(source)
        return self.step(before, memory, self.start(memory))

    def loss(
        self,
        source: Int[Tensor, "B S"],
        before: Int[Tensor, "B T"],
        after: Int[Tensor, "B T"],
        smoothing: float,
    ) -> Float[Tensor, ""]:
        """The cross-entropy in nats, summed over the tokens of `after`; padding counts nothing."""
        memory = self.encode(source)
        output = self.decoder.attend(before, memory, self.start(memory), 0.0).output
        kept = is_token(after).flatten().nonzero().squeeze(1)
        return cross_entropy(
            output.flatten(0, 1).index_select(0, kept),
            self.decoder.word.weight,
            self.decoder.word.bias,
            after.flatten().index_select(0, kept),
            smoothing,
        )
