"""All options, each with its unit, its default and its purpose."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from math import floor
from typing import Annotated, Literal, NamedTuple, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import fields

from regard.special import RESERVED
from regard.typed import LARGEST

Fraction = Annotated[float, Meta(ge=0.0, lt=1.0)]
"""A probability or a fraction, from 0 to below 1."""
Count = Annotated[int, Meta(ge=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Options; those of users are checked by `settings.make_config`."""


class CorpusOptions(Section, frozen=True):
    """One of several corpora, [[data.corpora]]."""

    files: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1, max_length=2)
    ]
    """Two text files, or one file with both sides; names, or patterns such as news/*.en."""
    weight: Annotated[float, Meta(gt=0.0, le=LARGEST)] = 1.0
    """A factor of the share that the corpus has of an epoch."""
    tag: Annotated[str, Meta(pattern=r"^[\w.-]{0,40}$")] = ""
    """The name of the tag before its sources; `regard translate --tag` asks for it. Letters,
    digits, and signs of -, _ and the full stop."""


class DataOptions(Section, frozen=True):
    """Which pairs are dropped from the training text; dropped pairs are counted and reported."""

    max_characters: Count = 1000
    """Drop pairs with a side of more characters: these are rarely sentences."""
    max_ratio: Annotated[float, Meta(gt=1.0)] = 4.0
    """Drop pairs whose longer side has more than so many times the characters of the shorter one;
    10 is added to both, so that short pairs pass. A character of Chinese, Japanese or Korean counts
    as three."""
    drop_identical: bool = True
    """Drop pairs whose sides are equal and contain a letter: these are not translations."""
    drop_duplicates: bool = True
    """Drop pairs that equal an earlier pair."""
    held_out: Annotated[int, Meta(ge=2, le=3000)] = 1000
    """Pairs taken from the training text for validation if no validation files are given; at most a
    tenth of it."""
    corpora: tuple[CorpusOptions, ...] = ()
    """Several corpora instead of files on the command line: a table [[data.corpora]] for each in a
    configuration file, with files (two text files, or one file of pairs; names or patterns), weight
    (1 by default) and tag."""
    temperature: Annotated[float, Meta(gt=0.0, le=1000.0)] = 1.0
    """A corpus of n pairs has a share of every epoch in proportion to its weight times
    n^(1/temperature): with 1 all pairs are read equally often, with much more all corpora are."""
    valid_tag: str = ""
    """The tag of the validation files, one of those of the corpora."""
    encoded_epochs: Annotated[int, Meta(ge=0, le=1000)] = 0
    """Epochs that are encoded on all cores before training and saved, so that a fast GPU need not
    wait for text; later epochs repeat them in another order. 0 encodes while training."""


class VocabularyOptions(Section, frozen=True):
    """Subwords: SentencePiece's byte-pair encoding with byte fallback."""

    size: Annotated[int, Meta(ge=4 + len(RESERVED) + 256 + 128, le=1_000_000)] = 8000
    """Tokens, including 4 special tokens, 128 reserved symbols, 256 bytes, and ASCII and the usual
    signs and letters of both languages; fewer if the text is too small for as many. Small corpora
    need a small vocabulary."""
    joint: bool = True
    """One vocabulary for both languages, so that names and numbers have the same tokens."""
    sample_pairs: Count = 500_000
    """Pairs from which the subwords are learned, spread evenly over the corpus."""
    source_bpe_dropout: Fraction = 0.0
    """Probability of skipping a merge, in training only (BPE-dropout, Provilkov et al. 2020)."""
    target_bpe_dropout: Fraction = 0.0
    """The same for the target, where it makes prediction harder: 0 is usually better."""


class AugmentOptions(Section, frozen=True):
    """Changes of the training text that make a model robust. Each share is drawn by itself, anew in
    each epoch; a pair that a change does not fit stays as it is."""

    scale: Annotated[float, Meta(ge=0.0, le=10.0)] = 1.0
    """All shares are multiplied by this; 0 changes no pair, for results that must be comparable."""
    fragments: Fraction = 0.1
    """Share of the pairs whose final mark is dropped on both sides: titles have none."""
    phrases: Fraction = 0.03
    """Share of the pairs that are replaced by a word or a phrase of them and its translation."""
    placeholders: Fraction = 0.05
    """Share of the pairs that get 1 to 3 placeholder symbols on both sides, mostly in place of
    names, numbers and words that are each other's translation."""
    copies: Fraction = 0.02
    """Share of the pairs that get an invented address, number, code or foreign name on both sides,
    so that a model learns to copy."""
    case: Fraction = 0.03
    """Share of the pairs in capitals, in small letters, or with a capital on every word."""
    joined: Fraction = 0.03
    """Share of the pairs that are joined with the next one, to at most data.max_characters."""

    def share(self, change: str) -> float:
        """The share of the pairs that get a change, scaled."""
        return self.scale * float(getattr(self, change))


class ModelOptions(Section, frozen=True):
    """The architecture, and its dropout."""

    attention: Literal["none", "uniform", "dot", "general", "scaled", "additive"] = "scaled"
    """The attention score: none (the decoder sees only the encoder's final state), uniform, dot and
    general (Luong et al. 2015), scaled (general, divided so that the softmax does not saturate
    early in training), additive (Bahdanau et al. 2015)."""
    heads: Count = 1
    """Attention heads; each attends to its own slice of every state."""
    layer_type: Literal["gru", "lstm", "ssru", "self-attention"] = "lstm"
    """What carries information along a sentence in all layers: a recurrent cell, of which the LSTM
    trains fastest on CPUs with bf16, or self-attention; with the latter the model is a Transformer.
    """
    encoder_layer_type: Literal["same", "gru", "lstm", "ssru", "self-attention"] = "same"
    """What does so in the encoder; same is model.layer_type."""
    decoder_layer_type: Literal["same", "gru", "lstm", "ssru", "self-attention"] = "same"
    """What does so in the decoder; same is model.layer_type. A recurrent decoder translates
    faster."""
    self_attention_heads: Count = 4
    """Attention heads in layers of self-attention."""
    encoder_feed_forward_size: Annotated[int, Meta(ge=0)] | Literal["auto"] = "auto"
    """Dimensions of the inner layer of a feed-forward sublayer in each encoder layer; 0 is no such
    sublayer, auto is 4 times the encoder's size for self-attention and 0 for recurrent cells."""
    decoder_feed_forward_size: Annotated[int, Meta(ge=0)] | Literal["auto"] = "auto"
    """The same in each decoder layer."""
    encoder: Literal["bidirectional", "unidirectional"] = "bidirectional"
    """The direction in which the encoder reads."""
    encoder_layers: Count = 1
    """Two and more have residual connections and layer normalization."""
    decoder_layers: Count = 1
    """Each layer has its own attention; a second layer receives the context of the first."""
    embedding_size: Annotated[int, Meta(ge=2)] = 256
    """Dimensions of a token's embedding, and of the input of the output layer."""
    encoder_size: Annotated[int, Meta(ge=2)] = 512
    """Dimensions of an encoder state, both directions together."""
    decoder_size: Annotated[int, Meta(ge=2)] = 512
    """Dimensions of a hidden state of the decoder."""
    tie: Literal["none", "target", "all"] = "target"
    """Whether the output layer shares its matrix with the target embedding, or ("all", which needs
    a joint vocabulary) with the source embedding too."""
    dropout_embedding: Fraction = 0.2
    """Dropout on the dimensions of each embedding."""
    dropout_hidden: Fraction = 0.2
    """Dropout on the encoder's states, between layers, and on what is added to residual
    connections."""
    dropout_output: Fraction = 0.2
    """Dropout on the input of the output layer."""
    dropout_attention: Fraction = 0.0
    """Dropout on attention weights."""
    dropout_source_token: Fraction = 0.0
    """Dropout of complete source tokens: the embedding becomes zero (Sennrich & Zhang 2019)."""
    dropout_target_token: Fraction = 0.0
    """The same for the decoder's input tokens."""


class TrainOptions(Section, frozen=True):
    """Training."""

    updates: Count = 20_000
    """Updates of the weights; the learning-rate schedule ends with the last one."""
    minutes: Annotated[float, Meta(gt=0.0)] = 10_080.0
    """Limit of wall-clock time in minutes, over all runs in this folder. A run that it ends cannot
    be repeated bit for bit."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    """All random numbers depend on this number and the number of the update alone."""
    batch_tokens: Annotated[int, Meta(ge=16)] = 4096
    """Tokens in a batch, padding included, on the longer of the two sides."""
    accumulate: Count = 1
    """Batches per update."""
    pool_pairs: Annotated[int, Meta(ge=1)] = 32_768
    """Pairs that are read at a time, sorted by length and divided into batches."""
    learning_rate: Annotated[float, Meta(gt=0.0, le=LARGEST)] = 0.001
    """The peak learning rate, reached at the end of the warm-up."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """How gradients change weights: adamw, or muon for the matrices of layers and adamw for all
    other weights. Both need the same learning rate; with muon a Transformer needs fewer updates."""
    schedule: Literal["constant", "linear", "cosine", "inverse-sqrt"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup: Annotated[int, Meta(ge=0)] = 400
    """Updates over which the learning rate rises from 0; a third of the run at most is usual."""
    weight_decay: Annotated[float, Meta(ge=0.0)] = 0.0001
    """Decay of the weights, on matrices only."""
    adam_betas: tuple[Fraction, Fraction] = (0.9, 0.98)
    """AdamW's decay rates of the means of gradients and of their squares."""
    label_smoothing: Fraction = 0.1
    """Probability mass spread over all tokens (Szegedy et al. 2016)."""
    clip_norm: Annotated[float, Meta(gt=0.0)] = 1.0
    """A gradient with a larger norm is scaled down to this norm."""
    ema_decay: Fraction = 0.999
    """Decay of the exponential moving average of the weights, which is what is saved; 0 saves the
    weights themselves."""
    skip_limit: Count = 20
    """Consecutive updates that may be skipped because the gradient is not finite, or its norm 50
    times the usual; then the run ends with advice."""
    validate_every: Count = 500
    """Updates between validations; each validation saves a checkpoint."""
    metric: Literal["bleu", "loss"] = "bleu"
    """The validation metric that selects the weights to keep and decides on early stopping. With
    bleu, the loss decides until a validation has reached BLEU 5, below which BLEU is noise."""
    patience: Count = 10
    """Consecutive validations without improvement before the run stops early."""
    alignment_head: bool = False
    """Afterwards, add a part that tells which word each word translates, more reliably than the
    attention weights; it is learned from word alignments of the training text."""
    guided_alignment: str = ""
    """Teach the decoder's attention itself which word each word translates: the first head of its
    last layer. A file of links, a line for each pair, as `regard align` writes them; or auto, which
    aligns the training text before. Pairs that the options of augment have changed are learned
    without it."""
    guided_alignment_words: Literal["text", "spaces"] = "text"
    """How the words are counted in the file of train.guided_alignment, as `regard align --words`.
    """
    guided_alignment_weight: Annotated[float, Meta(gt=0.0, le=10.0)] = 0.1
    """What a nat of guided attention counts, where one of the prediction counts 1."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of the large products; auto selects bf16 where it is faster."""
    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    """Processor threads; 0 is one per core. The last bits of the results depend on it."""


class SearchOptions(Section, frozen=True):
    """Beam search."""

    beam: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Hypotheses kept at each step; 1 is greedy search."""
    length_penalty: Annotated[float, Meta(ge=0.0, le=10.0)] = 1.0
    """The exponent alpha: a log-probability is divided by length**alpha (Wu et al. 2016, eq. 14,
    without its +5)."""
    max_length_ratio: Annotated[float, Meta(gt=0.0, le=100.0)] = 2.0
    """A translation has at most max_length_ratio times the source's tokens plus max_length_extra.
    """
    max_length_extra: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """See max_length_ratio; gives short sentences enough tokens."""

    def max_length(self, length: int) -> int:
        """The maximum number of tokens in a translation of `length` tokens."""
        return floor(self.max_length_ratio * length) + self.max_length_extra


class TextOptions(Section, frozen=True):
    """The stages between the user's text and the model's, in translation (pipeline.py)."""

    layout: bool = True
    """Copy indentation, tabs between columns, and the marks of lists, headings and quotations."""
    normalization: bool = True
    """Read typographic signs, spaces, invisible characters and entities in their plainest form."""
    spans: bool = True
    """Copy what is no language: addresses, placeholders, code, emoji, words in another script."""
    case: bool = True
    """Read a line in capitals or title case in small letters, and write it as the line was."""
    coverage: bool = True
    """Search a sentence again, with a wider beam, if attention skipped some of it."""


class Config(Section, frozen=True):
    """All options of a run."""

    data: DataOptions = DataOptions()
    vocabulary: VocabularyOptions = VocabularyOptions()
    augment: AugmentOptions = AugmentOptions()
    model: ModelOptions = ModelOptions()
    train: TrainOptions = TrainOptions()
    search: SearchOptions = SearchOptions()
    text: TextOptions = TextOptions()


class Option(NamedTuple):
    name: str
    """In the form section.option."""
    default: object
    description: str


def options() -> Iterator[Option]:
    """All options, in the order of this file."""
    for section in fields(Config):
        descriptions = option_descriptions(section.type)
        for option in fields(section.type):
            description = " ".join(descriptions.get(option.name, "").split())
            if get_origin(option.type) is Literal:
                description += f" One of: {', '.join(get_args(option.type))}."
            yield Option(f"{section.name}.{option.name}", option.default, description)


def option_descriptions(section: type[Section]) -> dict[str, str]:
    """The docstring of each option, read from this file when it is needed. Empty if a program is
    packaged without its source."""
    try:
        definition = ast.parse(inspect.getsource(section)).body[0]
    except (OSError, TypeError):  # which of the two depends on the packaging
        return {}
    assert isinstance(definition, ast.ClassDef)
    return {
        ast.unparse(option.target): ast.literal_eval(text.value)
        for option, text in pairwise(definition.body)
        if isinstance(option, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
