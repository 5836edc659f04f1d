"""Every option, with its unit, its default and its reason, on one page."""

import ast
import inspect
import tomllib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from regard.errors import RegardError, invalid_value, nearest, refuse_system_error
from regard.special import RESERVED

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
"""A probability or a part of a whole, from 0 to below 1."""
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataOptions(Section):
    """What is left out of the training text; every pair left out is counted and reported."""

    max_characters: Count = 1000
    """Longest side of a pair, in characters: longer ones are mostly not sentences."""
    max_ratio: Annotated[float, Field(gt=1.0)] = 4.0
    """Longest side over shortest side, in characters, 10 added to each so that short pairs pass."""
    drop_identical: bool = True
    """Leave out a pair whose two sides are the same text, with letters in it: not translated."""
    drop_duplicates: bool = True
    """Leave out a pair that has come before, both sides alike."""
    held_out: Annotated[int, Field(ge=2, le=3000)] = 1000
    """Pairs kept for validation when no validation files are given (at most a tenth of all)."""


class VocabularyOptions(Section):
    """Subwords (SentencePiece, byte-pair encoding with byte fallback)."""

    size: Annotated[int, Field(ge=4 + len(RESERVED) + 256 + 32, le=1_000_000)] = 8000
    """Tokens, with 4 special ones, 128 reserved symbols and 256 bytes among them; less when the
    text is too small for as many. Small corpora do better with small ones."""
    joint: bool = True
    """One vocabulary for both languages, so that names and numbers are alike on both sides."""
    sample_pairs: Count = 500_000
    """Pairs from which the subwords are learned, evenly spread over the corpus."""
    source_bpe_dropout: Fraction = 0.0
    """BPE-dropout (Provilkov et al. 2020): how likely a merge is left out, in training only."""
    target_bpe_dropout: Fraction = 0.0
    """The same for the target, where it makes the text harder to learn: 0 is mostly better."""


class ModelOptions(Section):
    """The model; one choice is one word."""

    attention: Literal["none", "uniform", "dot", "general", "scaled", "additive"] = "scaled"
    """The score: none (the traditional model), uniform, dot, general (Luong et al. 2015), scaled
    (general, divided so that the soft-max stays soft while it learns), additive (Bahdanau et al.
    2015)."""
    heads: Count = 1
    """Attention heads; each attends to its own slice of every state."""
    layer_type: Literal["gru", "lstm", "ssru"] = "lstm"
    """How a layer carries what it has read; the LSTM trains fastest on CPUs with bf16."""
    encoder: Literal["bidirectional", "unidirectional"] = "bidirectional"
    """Whether the encoder reads from both sides."""
    encoder_layers: Count = 1
    """Several are joined by residual connections and layer normalisation."""
    decoder_layers: Count = 1
    """Each takes its own look; the second reads where the first has looked, and learns faster."""
    embedding_size: Annotated[int, Field(ge=2)] = 256
    """Numbers in the embedding of a token, and in what is fed forward."""
    encoder_size: Annotated[int, Field(ge=2)] = 512
    """Numbers in a state of the encoder, both directions together."""
    decoder_size: Annotated[int, Field(ge=2)] = 512
    """Numbers in a hidden state of the decoder."""
    tie: Literal["none", "target", "all"] = "target"
    """Whether the output layer shares the target embedding, or both share the source embedding
    too ("all": with a joint vocabulary)."""
    dropout_embedding: Fraction = 0.2
    """Dropout on the numbers of each embedding."""
    dropout_hidden: Fraction = 0.2
    """Dropout on the encoder's states and between layers."""
    dropout_output: Fraction = 0.2
    """Dropout on what is fed forward to the output layer."""
    dropout_source_token: Fraction = 0.0
    """Dropout of whole tokens: the embedding becomes zero (Sennrich & Zhang 2019)."""
    dropout_target_token: Fraction = 0.0
    """The same for the tokens that the decoder has written."""


class TrainOptions(Section):
    """How the model learns."""

    updates: Count = 20_000
    """Updates of the weights; the schedule ends with the last."""
    minutes: Annotated[float, Field(gt=0.0)] = 10_080.0
    """A cap on wall-clock time in minutes, over all runs of this folder; a run that it ends is not
    repeatable bit for bit."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """All randomness comes from this number and the number of the update."""
    batch_tokens: Annotated[int, Field(ge=16)] = 4096
    """Tokens of the longer side in a batch, padded to the longest sentence."""
    accumulate: Count = 1
    """Batches that make one update."""
    pool_pairs: Annotated[int, Field(ge=1)] = 32_768
    """Pairs read at a time, sorted by length and cut into batches."""
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 0.001
    """AdamW's largest step, reached at the end of the warm-up."""
    schedule: Literal["constant", "linear", "cosine", "inverse-sqrt"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup: Annotated[int, Field(ge=0)] = 400
    """Updates over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0001
    """AdamW's decay, on matrices only."""
    adam_betas: tuple[Fraction, Fraction] = (0.9, 0.98)
    """AdamW's memory of gradients and of their squares."""
    label_smoothing: Fraction = 0.1
    """Probability spread over the whole vocabulary (Szegedy et al. 2016)."""
    clip_norm: Annotated[float, Field(gt=0.0)] = 1.0
    """Longest gradient, as its norm; longer ones are shortened."""
    ema_decay: Fraction = 0.999
    """Memory of the exponential average of the weights, which is what is kept; 0 keeps the last."""
    skip_limit: Count = 20
    """Updates in a row with a gradient that is not finite, or 50 times its usual length, before the
    run ends with advice."""
    validate_every: Count = 500
    """Updates between validations; each leaves a checkpoint."""
    metric: Literal["bleu", "loss"] = "bleu"
    """What decides which weights are kept, and when to stop early."""
    patience: Count = 10
    """Validations without a better value before the run stops early."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the large products; auto takes bf16 where that is quicker."""
    device: str = "auto"
    """auto takes a GPU where there is one; or cpu, cuda, cuda:1, mps."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processor threads; 0 takes one a core. The last bits of the results depend on it."""


class SearchOptions(Section):
    """How a translation is looked for."""

    beam: Annotated[int, Field(ge=1, le=1000)] = 5
    """Hypotheses kept at each step; 1 is greedy."""
    length_penalty: Annotated[float, Field(ge=0.0, le=10.0)] = 1.0
    """Log-probabilities are divided by length**alpha (Wu et al. 2016, eq. 14, without its +5)."""
    max_length_ratio: Annotated[float, Field(gt=0.0, le=100.0)] = 2.0
    """A translation has at most max_length_ratio times its source's tokens and max_length_extra."""
    max_length_extra: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Tokens, so that short sentences have room."""

    def max_length(self, length: int) -> int:
        """The most tokens that the translation of `length` tokens may have."""
        return floor(self.max_length_ratio * length) + self.max_length_extra


class Config(Section):
    """All options of a run."""

    data: DataOptions = DataOptions()
    vocabulary: VocabularyOptions = VocabularyOptions()
    model: ModelOptions = ModelOptions()
    train: TrainOptions = TrainOptions()
    search: SearchOptions = SearchOptions()


class Option(NamedTuple):
    name: str
    """As typed: section.option."""
    default: object
    description: str


def options() -> Iterator[Option]:
    """Every option there is, in the order of this page."""
    for section, field in Config.model_fields.items():
        written = option_descriptions(type(field.default))
        for name, option in type(field.default).model_fields.items():
            about = " ".join(written.get(name, "").split())
            if get_origin(option.annotation) is Literal:
                about = f"{about} One of: {', '.join(get_args(option.annotation))}."
            yield Option(f"{section}.{name}", option.default, about)


def option_descriptions(section: type[Section]) -> dict[str, str]:
    """What stands below each option, read from this page when somebody asks (pydantic would do so
    at every start). Nothing where a program was packed without its source."""
    try:
        page = ast.parse(inspect.getsource(section)).body[0]
    except (OSError, TypeError):  # which of them depends on how it was packed
        return {}
    assert isinstance(page, ast.ClassDef)
    return {
        ast.unparse(option.target): ast.literal_eval(text.value)
        for option, text in pairwise(page.body)
        if isinstance(option, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def read_config(file: Path) -> dict[str, Any]:
    """The options that a TOML file sets, not yet checked.

    Raises RegardError if the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        refuse_system_error(error, "read the configuration", str(file))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegardError(
            f"the configuration is not TOML: {error}", str(file), "mend the line named above"
        ) from error


def make_config(settings: dict[str, Any], where: str) -> Config:
    """Check `settings` (section -> option -> value) and fill in the defaults.

    `where` tells an error message whence the settings come.
    Raises RegardError if a name is unknown or a value out of its range.
    """
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        raise option_error(error.errors()[0], where) from None
    check_together(config)
    return config


def check_together(config: Config) -> None:
    """Raises RegardError if options that are right alone do not go together."""
    model = config.model
    if model.attention == "dot" and model.encoder_size != model.decoder_size:
        raise RegardError(
            f"the score 'dot' needs states and hidden states of one size, not {model.encoder_size}"
            f" and {model.decoder_size}",
            "model.encoder_size, model.decoder_size",
            "make them equal, or choose model.attention = 'general'",
        )
    if model.encoder == "bidirectional" and model.encoder_size % 2:
        raise RegardError(
            f"states of {model.encoder_size} cannot be shared by two directions",
            "model.encoder_size",
            "choose an even number, or model.encoder = 'unidirectional'",
        )
    if model.encoder_size % model.heads or model.decoder_size % model.heads:
        raise RegardError(
            f"{model.heads} heads do not divide states of {model.encoder_size}"
            f" and hidden states of {model.decoder_size}",
            "model.heads",
            "choose sizes that are multiples of the heads",
        )
    if model.tie == "all" and not config.vocabulary.joint:
        raise RegardError(
            "two vocabularies cannot share one embedding",
            "model.tie",
            "choose model.tie = 'target', or vocabulary.joint = true",
        )


def option_error(fault: Any, where: str) -> RegardError:
    """The first fault that pydantic found, in three lines."""
    place = [str(part) for part in fault["loc"]]
    if not place:
        return RegardError("the options are not in sections", where, "write [section] above them")
    if fault["type"] == "extra_forbidden":
        if len(place) == 1:
            known = tuple(Config.model_fields)
        else:
            known = tuple(type(Config.model_fields[place[0]].default).model_fields)
        return RegardError(
            f"there is no option '{place[-1]}'",
            where if len(place) == 1 else f"{where} [{place[0]}]",
            nearest(place[-1], known),
        )
    if fault["type"] == "model_type":
        return RegardError(
            f"[{place[0]}] is a section of options, not {fault['input']!r}",
            where,
            f"write {place[0]}.option=value, or [{place[0]}] in a file",
        )
    name = ".".join(place[:2])
    about = {option.name: option for option in options()}.get(name)
    advice = (
        f"{name}: {about.description} The default is {about.default}."
        if about
        else "see the README"
    )
    return invalid_value(fault, name, where, advice)


def override(settings: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """`settings` with `section.option=value` put on top; values are written as in TOML, or bare.

    Raises RegardError if one of them is not of that form.
    """
    merged = {
        name: dict(part) if isinstance(part, dict) else part for name, part in settings.items()
    }
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        section, dot, option = name.partition(".")
        if not (equals and dot and section and option):
            raise RegardError(
                f"'{assignment}' is not an option", "the command line", "write section.option=value"
            )
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        part = merged.setdefault(section, {})
        if not isinstance(part, dict):
            raise RegardError(
                f"'{section}' is not a section", "the configuration", "write [section]"
            )
        part[option] = parsed
    return merged
