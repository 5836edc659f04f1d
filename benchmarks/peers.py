"""Other translators beside regard: random weights, made to write as many tokens as regard does.

That compares speed, and nothing else. CTranslate2 has no recurrent models, and runs a Transformer
in int8. JoeyNMT and OpenNMT-py run a small recurrent model with attention, in fp32. What is not
installed is left out; `pip install --no-deps` helps where their bounds are older than PyTorch.
"""

import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from threading import local
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from regard.system import cores

BATCHES = (32, 64, 128, 256)
"""Sentences in a batch, among which a peer may choose."""
SIZE = 256
"""Numbers in an embedding, in a state and in a hidden state."""
LAYERS = 3
"""On each side of the Transformer; the recurrent models have one."""

Ids = Sequence[int]


class Contestant(NamedTuple):
    name: str
    together: Callable[[int], int]
    """Translate all sentences with a beam; the tokens written."""
    alone: Callable[[int, int], int]
    """Translate the sentence of this number with a beam; the tokens written."""


class Work(NamedTuple):
    """What all peers translate."""

    sources: Sequence[Ids]
    """Tokens of each sentence, without </s>, none of them below 4."""
    lengths: Sequence[int]
    """Tokens that regard writes for each, </s> among them."""
    tokens: int
    """In the vocabulary of both sides."""
    scratch: Path
    """A folder for what has to stand on the disk."""

    def length(self, numbers: Sequence[int]) -> int:
        """What all these sentences are made to write: the mean."""
        return round(sum(self.lengths[number] for number in numbers) / len(numbers))

    def batches(self, size: int) -> list[list[int]]:
        """Numbers of sentences, alike in length."""
        order = sorted(range(len(self.lengths)), key=self.lengths.__getitem__)
        return [order[begin : begin + size] for begin in range(0, len(order), size)]

    def padded(self, numbers: Sequence[int], pad: int, end: int) -> tuple[Any, Any]:
        """Tensors [B S] of tokens and [B] of lengths, with </s>; the longest sentence first."""
        import torch

        rows = sorted(([*self.sources[number], end] for number in numbers), key=len, reverse=True)
        sizes = [len(row) for row in rows]
        return (
            torch.tensor([row + [pad] * (sizes[0] - len(row)) for row in rows]),
            torch.tensor(sizes),
        )


def at_its_best(in_batches_of: Callable[[int, int], int]) -> Callable[[int], int]:
    """All sentences with a beam, at the batch size that is quickest; `in_batches_of` takes a size
    and a beam, and tells the tokens written."""

    @cache
    def best_size(beam: int) -> int:
        def seconds(size: int) -> float:
            began = time.perf_counter()
            in_batches_of(size, beam)
            return time.perf_counter() - began

        return min(BATCHES, key=lambda size: min(seconds(size) for _ in range(2)))

    return lambda beam: in_batches_of(best_size(beam), beam)


Write = Callable[[Any, Sequence[int], int], int]
"""Translate the sentences of these numbers with a model and a beam, to their mean length; the
tokens written."""


def of_pytorch(name: str, work: Work, model: Any, write: Write) -> Contestant:
    """Each thread has its own model: these keep in them what they read."""
    own = local()

    def written(numbers: Sequence[int], beam: int) -> int:
        if not hasattr(own, "model"):
            own.model = deepcopy(model)
        return write(own.model, numbers, beam)

    def in_batches_of(size: int, beam: int) -> int:
        return sum(written(numbers, beam) for numbers in work.batches(size))

    return Contestant(
        f"{name}, random weights",
        at_its_best(in_batches_of),
        lambda number, beam: written([number], beam),
    )


# CTranslate2


def random_transformer(folder: Path, tokens: int) -> None:
    """A Transformer of SIZE, LAYERS on both sides, 4 heads, with random weights, in int8."""
    from ctranslate2.specs import transformer_spec

    random, inner = np.random.default_rng(1), 4 * SIZE
    spec = transformer_spec.TransformerSpec.from_config(LAYERS, 4)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight = (random.normal(size=(outputs, inputs)) * inputs**-0.5).astype(np.float32)
        layer.bias = np.zeros(outputs, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)

    def attention(layer: Any, sizes: Sequence[int]) -> None:
        norm(layer.layer_norm)
        for part, outputs in zip(layer.linear, sizes, strict=True):
            linear(part, outputs, SIZE)

    def feed(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, inner, SIZE)
        linear(layer.linear_1, SIZE, inner)

    table = (random.normal(size=(tokens, SIZE)) * 0.1).astype(np.float32)
    angle = np.arange(512)[:, None] * np.exp(-np.arange(SIZE // 2) * np.log(1e4) / (SIZE // 2 - 1))
    positions = np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
    for side in (spec.encoder, spec.decoder):
        embeddings = side.embeddings[0] if isinstance(side.embeddings, list) else side.embeddings
        embeddings.weight = table
        side.position_encodings.encodings = positions
        norm(side.layer_norm)
        for layer in side.layer:
            attention(layer.self_attention, (3 * SIZE, SIZE))
            feed(layer.ffn)
    for layer in spec.decoder.layer:
        attention(layer.attention, (SIZE, 2 * SIZE, SIZE))
    spec.decoder.projection.weight = table
    spec.decoder.projection.bias = np.zeros(tokens, np.float32)
    pieces = ["<unk>", "<s>", "</s>", *(str(number) for number in range(3, tokens))]
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.validate()
    spec.optimize("int8")
    spec.save(str(folder))


def of_ctranslate2(work: Work) -> Contestant:
    """One thread a worker."""
    import ctranslate2

    random_transformer(work.scratch, work.tokens)
    translator = ctranslate2.Translator(
        str(work.scratch), compute_type="int8", inter_threads=cores(), intra_threads=1
    )
    texts = [[str(number) for number in ids] for ids in work.sources]

    def batch(numbers: Sequence[int], beam: int, wait: bool) -> Any:
        length = work.length(numbers)
        return translator.translate_batch(
            [texts[number] for number in numbers],
            beam_size=beam,
            min_decoding_length=length,
            max_decoding_length=length,
            asynchronous=not wait,
        )

    def in_batches_of(size: int, beam: int) -> int:
        started = [batch(numbers, beam, False) for numbers in work.batches(size)]
        return sum(len(one.result().hypotheses[0]) for batch in started for one in batch)

    def alone(number: int, beam: int) -> int:
        return len(batch([number], beam, True)[0].hypotheses[0])

    return Contestant("CTranslate2, random weights", at_its_best(in_batches_of), alone)


# JoeyNMT


def of_joeynmt(work: Work) -> Contestant:
    """An LSTM of one layer on both sides that looks back by Luong's score."""
    import torch
    from joeynmt.batch import Batch
    from joeynmt.model import build_model
    from joeynmt.search import search
    from joeynmt.vocabulary import Vocabulary

    special = SimpleNamespace(
        unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>", sep_token=None,
        unk_id=0, pad_id=1, bos_id=2, eos_id=3, lang_tags=[],
    )  # fmt: skip
    words = Vocabulary([str(number) for number in range(4, work.tokens)], special)
    side = {"type": "recurrent", "rnn_type": "lstm", "embeddings": {"embedding_dim": SIZE}}
    encoder = {**side, "hidden_size": SIZE // 2, "bidirectional": True}
    decoder = {**side, "hidden_size": SIZE, "attention": "luong", "input_feeding": False}
    torch.manual_seed(1)
    model = build_model({"encoder": encoder, "decoder": decoder}, words, words).eval()

    def write(model: Any, numbers: Sequence[int], beam: int) -> int:
        source, lengths = work.padded(numbers, special.pad_id, special.eos_id)
        batch = Batch(
            source, lengths, None, None, None, torch.arange(len(numbers)), torch.device("cpu"),
            special.pad_id, special.eos_id, is_train=False,
        )  # fmt: skip
        length = work.length(numbers)
        written, _, _ = search(model, batch, length, beam, 1.0, min_output_length=length)
        return int(written.size)

    return of_pytorch("JoeyNMT", work, model, write)


# OpenNMT-py

OPENNMT = (
    "-data none -src_vocab none -encoder_type brnn -decoder_type rnn -rnn_type LSTM -layers 1"
    f" -hidden_size {SIZE} -word_vec_size {SIZE} -global_attention general -input_feed 0"
)


def of_opennmt(work: Work) -> Contestant:
    """The same: an LSTM of one layer on both sides that looks back by Luong's score."""
    import torch
    from onmt.constants import DefaultTokens
    from onmt.model_builder import build_base_model
    from onmt.opts import train_opts
    from onmt.translate import GNMTGlobalScorer
    from onmt.translate.translator import Translator
    from onmt.utils.parse import ArgumentParser
    from pyonmttok import build_vocab_from_tokens

    parser = ArgumentParser()
    train_opts(parser)
    options = parser.parse_args(OPENNMT.split())
    ArgumentParser.update_model_opts(options)
    special = [DefaultTokens.UNK, DefaultTokens.PAD, DefaultTokens.BOS, DefaultTokens.EOS]
    words = build_vocab_from_tokens(
        [str(number) for number in range(4, work.tokens)], special_tokens=special
    )
    vocabularies = {"src": words, "tgt": words, "decoder_start_token": DefaultTokens.BOS}
    torch.manual_seed(1)
    model = build_base_model(options, vocabularies).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.05)  # some are memory as it came
    scorer = GNMTGlobalScorer(1.0, 0.0, "avg", "none")

    def write(model: Any, numbers: Sequence[int], beam: int) -> int:
        source, lengths = work.padded(numbers, words[DefaultTokens.PAD], words[DefaultTokens.EOS])
        length = work.length(numbers)
        translator = Translator(
            model, vocabularies, beam_size=beam, min_length=length, max_length=length,
            max_length_ratio=0, random_sampling_topk=int(beam == 1), global_scorer=scorer,
            report_score=False, dump_beam="",
        )  # fmt: skip
        translated = translator.translate_batch(
            {"src": source[:, :, None], "srclen": lengths}, False
        )
        return sum(len(best[0]) for best in translated["predictions"])

    return of_pytorch("OpenNMT-py", work, model, write)


PEERS = {"CTranslate2": of_ctranslate2, "JoeyNMT": of_joeynmt, "OpenNMT-py": of_opennmt}


def installed_peers(work: Work) -> tuple[list[Contestant], dict[str, str]]:
    """Those that are installed; why the others are left out."""
    installed, left_out = [], {}
    for name, make in PEERS.items():
        try:
            installed.append(make(work))
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            left_out[name] = f"not installed: {error}"
    return installed, left_out
