"""Self-attention: each word attends to the words of its own sentence."""

import torch
from torch import Tensor, nn

from regard.model.attention import Add, Attention, AttentionLayer
from regard.model.layers import Dropout, Vectors, init_linear
from regard.model.memory import LayerMemory, LayerState
from regard.model.scores import ScaledDot
from regard.model.sizes import Dropouts
from regard.shapes import Bool, Float


class SelfAttention(AttentionLayer):
    """inputs + W · attention(norm(inputs)) (Vaswani et al. 2017, 3.2.3; normalized before it as in
    Xiong et al. 2020, figure 1b): what is attended to is the layer's own states.

    As the recurrence of a decoder layer it reads many tokens at once where they are known, and one
    at a time in a search; its state is the keys and the values of the tokens before.
    """

    def __init__(self, size: int, heads: int, dropouts: Dropouts) -> None:
        super().__init__()
        self.size = size
        self.norm = nn.LayerNorm(size)
        self.to_query, self.to_key = nn.Linear(size, size), nn.Linear(size, size)
        self.to_value = nn.Linear(size, size)
        init_linear(self.to_query, self.to_key, self.to_value)
        self.score = ScaledDot(size, size, heads)
        self.attention_dropout = Dropout(dropouts.attention)
        self.join = Add(size, size, dropouts.hidden)
        self.feed_forward = nn.Identity()

    def recur(self, inputs: Vectors, state: LayerState) -> tuple[Vectors, LayerState]:
        """Nothing is carried along: the inputs are the hidden states."""
        return inputs, state

    def query(self, hidden: Float[Tensor, "B T H"]) -> Float[Tensor, "B T H"]:
        return self.to_query(self.norm(hidden))

    def keys_and_values(self, inputs: Vectors) -> LayerState:
        normalized = self.norm(inputs)
        return self.to_key(normalized), self.to_value(normalized)

    def encode(self, inputs: Vectors, may_attend: Bool[Tensor, "#B #T T"]) -> Attention:
        """Of a complete sentence."""
        keys, values = self.keys_and_values(inputs)
        return self.attend(inputs, LayerMemory(values, keys, may_attend), (), 0.0)[0]

    def decode(self, inputs: Vectors, state: LayerState) -> tuple[Attention, LayerState]:
        """Of the next tokens: each attends to those before it and to itself."""
        own = self.keys_and_values(inputs)
        after = tuple(
            torch.cat([before.to(one.dtype), one], dim=1)
            for before, one in zip(state, own, strict=True)
        )
        keys, values = after
        memory = LayerMemory(values, keys, up_to_itself(inputs, keys.size(1)))
        return self.attend(inputs, memory, (), 0.0)[0], after

    def forward(self, inputs: Vectors, state: LayerState) -> tuple[Vectors, LayerState]:
        attention, after = self.decode(inputs, state)
        return attention.output, after

    def initial_state(self, like: Float[Tensor, "B _"]) -> LayerState:
        """Before the first token: no keys and no values."""
        nothing = like.new_zeros(len(like), 0, self.size)
        return nothing, nothing


def up_to_itself(inputs: Vectors, count: int) -> Bool[Tensor, "1 T S"]:
    """True where a token may attend to one of `count` tokens, of which `inputs` are the last."""
    tokens = inputs.size(1)
    every = torch.ones(1, tokens, count, dtype=torch.bool, device=inputs.device)
    return every.tril(count - tokens)
