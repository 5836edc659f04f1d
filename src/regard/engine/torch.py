"""The PyTorch engine: for training, research and GPUs."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from regard.alignment.head import HeadOutput, head_outputs
from regard.config import ModelOptions
from regard.engine.memory import GPU, PROCESSOR, sentences_that_fit
from regard.engine.placeholders import tensors_to_run
from regard.engine.quantize import dequantize
from regard.engine.sizes import sizes_of, sizes_of_model
from regard.engine.weight_shapes import head_sizes, match_shapes
from regard.errors import RegardError
from regard.files import Tensors
from regard.model.alignment_head import AlignmentHead, read_frozen
from regard.model.attention import Attention
from regard.model.memory import rows as pick
from regard.model.network import EncoderDecoder
from regard.model.scores import join_heads
from regard.model.sizes import Dropouts
from regard.search.placeholders import symbols_of
from regard.search.protocols import Decoding, Forced, LogitBias, TopK
from regard.search.trace import LayerTrace, SelfAttentionTrace, Trace, architecture_of
from regard.shapes import Bool, Float, Int, Shaped
from regard.special import END, FIXED_SCORES, PAD, PLACEHOLDER_IDS, START, Ids
from regard.storage.model_file import ModelFile
from regard.text.padding import pad

KEEP_TOGETHER = "keep the files of a model folder together"


class TorchEngine:
    def __init__(self, network: EncoderDecoder, head: AlignmentHead | None = None) -> None:
        self.network, self.head = network, head
        self.has_alignment_head = head is not None
        self.tokens = network.sizes.target_tokens
        self.architecture = architecture_of(network.sizes)
        self.device = network.decoder.output_layer.weight.device
        self.placeholder_ids = torch.tensor(PLACEHOLDER_IDS, device=self.device)

    def tensor(self, array: Shaped[np.ndarray, "*shape"]) -> Shaped[torch.Tensor, "*shape"]:
        return torch.from_numpy(array).to(self.device)

    def batch_size(self, length: int, beam: int) -> int:
        """How many sentences of `length` tokens to translate together, with this beam."""
        memory = PROCESSOR if self.device.type == "cpu" else GPU
        size = self.network.sizes.encoder_size
        return sentences_that_fit(memory, size, self.tokens, length, beam)

    @torch.inference_mode()
    def encode(self, sources: Sequence[Ids], required: Sequence[Ids] = ()) -> Decoding:
        """Read the sentences, given without </s>; `required` are the placeholder symbols of each
        translation."""
        self.network.eval()
        symbols = self.symbols(required or [()] * len(sources))
        return TorchDecoding(
            self, self.tensor(pad([[*source, END] for source in sources])), symbols
        )

    def symbols(self, sentences: Sequence[Ids]) -> Bool[torch.Tensor, "B P"]:
        """The placeholder symbols that each sentence holds."""
        return self.tensor(symbols_of(sentences) > 0)

    def token_weights(self, weights: Float[torch.Tensor, "R A T S"]) -> Float[torch.Tensor, "R _"]:
        """The highest weight that each source token received from one of the T tokens, or nothing
        for scores of fixed weights."""
        if self.architecture.attention in FIXED_SCORES:
            return weights.new_zeros(len(weights), 0)
        return weights.mean(1).amax(1)

    @torch.inference_mode()
    def force(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Forced]:
        """Force-decode a translation of each sentence, its tokens and </s>."""
        self.network.eval()
        after = self.tensor(pad([[*target, END] for target in targets]))
        before = self.tensor(pad([[START, *target] for target in targets]))
        step = self.network(self.tensor(pad([[*source, END] for source in sources])), before)
        all_log_probs = log_softmax(step.logits, self.symbols(targets)[:, None])
        log_probs = array(all_log_probs.gather(-1, after[..., None]).squeeze(-1))
        weights = array(torch.stack([layer.weights for layer in step.attentions], dim=1))
        return [
            Forced(
                log_probs[row, : len(target) + 1],
                weights[row, :, :, : len(target) + 1, : len(source) + 1],
            )
            for row, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    @torch.inference_mode()
    def token_vectors(self, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[HeadOutput]:
        """What the alignment head says of the tokens of each sentence and its translation."""
        assert self.head is not None, "this model has no alignment head"
        self.network.eval()
        both = (self.tensor(pad([[*ids, END] for ids in side])) for side in (sources, targets))
        vectors = self.head.eval()(read_frozen(self.network, *both))
        return head_outputs(array(vectors[0]), array(vectors[1]), sources, targets)

    @torch.inference_mode()
    def trace(self, source: Ids, target: Ids, bias: Float[np.ndarray, "_ _"]) -> Trace:
        """Force-decode `target` and </s>; return everything that is computed on the way."""
        network, tokens = self.network.eval(), self.tensor(np.array([[*source, END]]))
        memory, before = network.encode(tokens), self.tensor(np.array([[START, *target]]))
        added = self.tensor(bias).float()[None] if bias.any() else 0.0
        first = network.initial_state(memory)
        step = network.step(before, memory, first, added)
        joined = [layer._replace(context=join_heads(layer.context)) for layer in step.attentions]
        layers = tuple(LayerTrace(*(array(part[0]) for part in layer)) for layer in joined)
        log_probs = log_softmax(step.logits, self.symbols([target])[:, None])
        return Trace(
            array(memory.states[0]),
            tuple(array(values[0]) for values in memory.values),
            layers,
            array(log_probs[0]),
            self_attention_traces(network.encoder(tokens).self_attentions),
            self_attention_traces(network.decoder.self_attentions(before, first, step.attentions)),
        )


def self_attention_traces(attentions: Sequence[Attention]) -> tuple[SelfAttentionTrace, ...]:
    return tuple(
        SelfAttentionTrace(array(one.scores[0]), array(one.weights[0])) for one in attentions
    )


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


class TorchDecoding:
    """A batch of sentences that is being translated."""

    @torch.inference_mode()
    def __init__(
        self, engine: TorchEngine, source: torch.Tensor, required: Bool[torch.Tensor, "B P"]
    ) -> None:
        self.engine = engine
        self.missing, self.needs_symbols = required, bool(required.any())
        """The required symbols that each row has not written yet."""
        self.all = engine.network.encode(source)
        self.sentence = torch.arange(len(source), device=source.device)
        self.memory, self.state = self.all, engine.network.initial_state(self.all)

    @torch.inference_mode()
    def advance(
        self,
        rows: Int[np.ndarray, " R"],
        tokens: Int[np.ndarray, "R T"],
        k: int,
        attention_bias: Float[np.ndarray, "_ _"],
        logit_bias: LogitBias,
    ) -> TopK:
        """Continue the previous call's rows `rows` with `tokens`; the `k` likeliest next tokens."""
        parent = self.engine.tensor(rows)
        sentence = self.sentence.index_select(0, parent)
        if not torch.equal(sentence, self.sentence):
            self.memory, self.sentence = pick(self.all, sentence), sentence
        state = pick(self.state, parent)
        added = self.engine.tensor(attention_bias).float()[:, None] if attention_bias.any() else 0.0
        appended = self.engine.tensor(tokens)
        step = self.engine.network.step(appended, self.memory, state, added)
        self.state, self.missing = step.state, self.missing.index_select(0, parent)
        logits = step.logits[:, -1].float()
        if self.needs_symbols:
            is_written = appended[..., None] == self.engine.placeholder_ids
            self.missing &= ~is_written.any(1)
            logits[:, END].masked_fill_(self.missing.any(1), -torch.inf)
        if len(logit_bias.rows):
            index = self.engine.tensor(logit_bias.rows), self.engine.tensor(logit_bias.tokens)
            biases = self.engine.tensor(logit_bias.biases).float()
            logits.index_put_(index, biases, accumulate=True)
        best = log_softmax(logits, self.missing).topk(k)
        weights = self.engine.token_weights(step.attentions[-1].weights)
        return TopK(best.indices.cpu().numpy(), best.values.cpu().numpy(), array(weights))


def log_softmax(logits: torch.Tensor, symbols: Bool[torch.Tensor, "*rows P"]) -> torch.Tensor:
    """ln of each token's probability to come next; <pad>, <s> and all placeholder symbols but
    `symbols` have none."""
    logits = logits.float()
    logits[..., [PAD, START]] = -torch.inf
    own = logits[..., PLACEHOLDER_IDS.start : PLACEHOLDER_IDS.stop]
    own.masked_fill_(~symbols[..., : own.size(-1)], -torch.inf)
    return logits.log_softmax(-1)


def build_network(options: ModelOptions, source_tokens: int, target_tokens: int) -> EncoderDecoder:
    """A network with initial weights from PyTorch's random generator."""
    dropouts = {name: getattr(options, f"dropout_{name}") for name in Dropouts._fields}
    return EncoderDecoder(sizes_of(options, source_tokens, target_tokens), Dropouts(**dropouts))


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Every weight once, by name; shared ones under the first of their names."""
    return {name: array(weight.detach()) for name, weight in network.named_parameters()}


def set_weights(network: nn.Module, weights: Tensors, where: str) -> None:
    """Raises RegardError if these are not the weights of such a network."""
    own = dict(network.named_parameters())
    differing = [
        name
        for name in sorted(own.keys() | weights.keys())
        if name not in own or name not in weights or own[name].shape != weights[name].shape
    ]
    if differing:
        raise RegardError(
            f"the weights are those of another model ({len(differing)} differ: {differing[0]}"
            f"{', ...' if len(differing) > 1 else ''})",
            where,
            KEEP_TOGETHER,
        )
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(torch.from_numpy(weights[name]))


DEVICE = re.compile(r"cpu|(?:cuda|mps)(?::\d{1,3})?")


def choose_device(name: str, where: str) -> torch.device:
    """The device that `name` means; auto is a GPU where there is one. `where` it was asked for.

    Raises RegardError if there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    missing = RegardError(
        f"there is no device '{name}' here",
        where,
        "choose auto or cpu; a GPU needs a PyTorch built for it",
    )
    if not DEVICE.fullmatch(name):
        raise missing
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise missing from error
    return torch.device(name)


def load_engine(bundle: ModelFile, where: str, device: str) -> TorchEngine:
    """Of int8 weights, what they stand for. Raises RegardError if they are not those of the card's
    model."""
    options, sizes = bundle.info.config.model, sizes_of_model(bundle.info)
    if not match_shapes(bundle.tensors, sizes):  # before room is made for forged sizes
        raise RegardError("the weights are those of another model", where, "copy it again, whole")
    network = build_network(options, sizes.source_tokens, sizes.target_tokens)
    set_weights(network, dequantize(tensors_to_run(bundle)), where)
    head = load_head(bundle, where)
    chosen = choose_device(device, "--device")
    return TorchEngine(network.to(chosen).eval(), head and head.to(chosen).eval())


def load_head(bundle: ModelFile, where: str) -> AlignmentHead | None:
    """The alignment head of a model that has one. Raises RegardError if it is not that of the
    card's model."""
    if not bundle.alignment_head:
        return None
    sizes = head_sizes(bundle.alignment_head, sizes_of_model(bundle.info))
    if sizes is None:
        raise RegardError("the alignment head is that of another model", where, KEEP_TOGETHER)
    head = AlignmentHead(sizes)
    set_weights(head, dequantize(bundle.alignment_head), where)
    return head
