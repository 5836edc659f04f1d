"""What the decoders of `recurrent_decoder` and `self_attention_decoder` share.

Letters as everywhere: B sentences, S source tokens, T target tokens, N hypotheses of a sentence,
E size of an encoder state, H of a hidden state, M of the feed-forward output, A attention heads,
L layers. A step reads one token of each hypothesis [B N], a forced pass all tokens of given
translations [B T]. Attention treats both alike: Q queries are N or T.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from regard.engine import weight_names as names
from regard.engine.onnx.graph import Spec, Value
from regard.engine.onnx.products import Arithmetic
from regard.engine.onnx.scores import SCORES
from regard.engine.onnx.self_attention import SelfAttended
from regard.engine.onnx.sublayers import Shapes
from regard.model.sizes import Sizes

ENCODER_STATES = "encoder_states"
"""The name of `Memory.states` outside of a graph where these are the same for all layers."""


class Memory(NamedTuple):
    """What the decoder attends to."""

    states: tuple[Value, ...]
    """Of each layer [B A S C]; the encoder states are the same value for all."""
    keys: tuple[Value | None, ...]
    """Of each layer [B A K S], or [B A S K] for the additive score; None without comparison."""
    mask_bias: Value
    """B 1 1 S: 0 where the decoder may attend, -inf elsewhere; None without padding."""


class Attention(NamedTuple):
    scores: Value
    """B A Q S"""
    weights: Value
    """B A Q S"""
    context: Value
    """B A Q C"""


class LayerOutput(NamedTuple):
    """The results of one decoder layer in a forced pass."""

    hidden: Value
    """B T H"""
    attention: Attention
    output: Value
    """B T M"""
    self_attention: SelfAttended | None
    """None in a recurrent layer."""


class ForcedPass(NamedTuple):
    layers: list[LayerOutput]
    output: Value
    """What the output layer reads [B T M]."""


class DecoderState(NamedTuple):
    """What the decoder passes from one token to the next."""

    rows: list[Value]
    """Of each hypothesis [B N _]; a beam reorders them."""
    caches: list[Value]
    """Of each sentence [B ...]; they stay as they are when a beam reorders its hypotheses."""


class Step(NamedTuple):
    """The results of one token of each hypothesis."""

    output: Value
    """B N M"""
    state: DecoderState
    """After the token."""
    weights: Value
    """B 1 N S: the last layer's, the mean of its heads; S is 0 for scores of fixed weights."""


class Decoder(ABC):
    has_input_table: bool
    """Whether steps look up what the first layer reads of a token (`RecurrentDecoder`)."""
    can_draft: bool
    """Whether greedy search can go on after a part of what it has written (`resume`)."""

    def __init__(self, sizes: Sizes, arithmetic: Arithmetic) -> None:
        self.sizes, self.arithmetic = sizes, arithmetic
        self.table = names.target_table(sizes)
        self.names = [names.decoder_layer(number) for number in range(sizes.decoder_layers)]
        score = SCORES[sizes.attention]
        self.scores = [score(sizes, arithmetic, f"{one}.{names.SCORE}") for one in self.names]
        self.compares = score.compares

    @staticmethod
    @abstractmethod
    def weights(sizes: Sizes) -> Iterator[Shapes]:
        """The shape of each weight but those of the embeddings and of the output layer."""

    @staticmethod
    @abstractmethod
    def products(sizes: Sizes) -> Iterator[str]:
        """Every product that needs a calibrated range; hidden states have theirs by definition."""

    @property
    @abstractmethod
    def memory_names(self) -> list[str]:
        """The names of `Memory.states` outside of the graph; one alone is that of all layers."""

    @abstractmethod
    def row_states(self, has_one_row: bool) -> dict[str, int | str]:
        """The name and the last axis of each state of a hypothesis; `has_one_row`: N is 1."""

    @abstractmethod
    def caches(self) -> dict[str, Spec]:
        """What is kept for each sentence, without the axis B."""

    @abstractmethod
    def memory(self, states: Value, mask_bias: Value) -> Memory:
        """What the decoder attends to, from the encoder states [B S E], once a sentence."""

    @abstractmethod
    def first_state(self, final: Value, has_one_row: bool) -> DecoderState:
        """The state before the first token, from the final encoder state [B E]."""

    @abstractmethod
    def step(
        self,
        tokens: Value,
        state: DecoderState,
        memory: Memory,
        bias: Value | None,
        has_one_row: bool,
    ) -> Step:
        """One token [B N] of each hypothesis; `has_one_row`: N is 1."""

    @abstractmethod
    def resume(self, prefix: Value, state: DecoderState) -> DecoderState:
        """The state after the tokens `prefix` [B T] of a draft, of which <s> is the first; `state`
        is the first one, with the caches of these tokens."""

    @abstractmethod
    def forced_pass(
        self, tokens: Value, first: DecoderState, memory: Memory, bias: Value | None
    ) -> ForcedPass:
        """All tokens [B T] of given translations at once, layer by layer."""

    def embed(self, tokens: Value) -> Value:
        return self.arithmetic.embed(self.table, tokens, sqrt(self.sizes.embedding_size))

    def attend(
        self, number: int, hidden: Value, memory: Memory, bias: Value | None, has_one_row: bool
    ) -> Attention:
        """From what attends [B Q H] to the context [B A Q C]; `has_one_row`: Q is 1."""
        score, keys = self.scores[number], memory.keys[number]
        query = score.query(hidden, has_one_row)
        scores = score.scores(query, keys, memory.mask_bias, bias)
        weights = scores.softmax()
        return Attention(scores, weights, weights @ memory.states[number])

    def token_weights(self, weights: Value) -> Value:
        """The weights [B A N S] as [B 1 N S], or as [B 1 N 0] for scores of fixed weights."""
        if not self.compares:
            weights = weights.draw("Slice", [0], [0], [-1])
        return weights if self.sizes.heads == 1 else weights.mean(1)


def score_products(sizes: Sizes, layer: str) -> Iterator[str]:
    for weight in SCORES[sizes.attention].weights(sizes):
        if weight.endswith(".weight"):
            yield f"{layer}.{names.SCORE}.{weight.removesuffix('.weight')}"
