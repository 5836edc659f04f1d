"""Settings, from a file and the command line, to validated options."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regard.config import (
    Config,
    CorpusOptions,
    DataOptions,
    ModelOptions,
    option_descriptions,
    options,
)
from regard.errors import RegardError, nearest, refuse_system_error
from regard.special import FIXED_SCORES
from regard.text.tags import refuse_many_tags, refuse_unknown_tag
from regard.typed import Fault, to_typed


def read_config(file: Path) -> dict[str, Any]:
    """The settings in a TOML file, not yet validated.

    Raises RegardError if the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        refuse_system_error(error, "read the configuration", str(file))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegardError(
            f"the configuration is not TOML: {error}", str(file), "correct the line named above"
        ) from error


def make_config(settings: dict[str, Any], where: str) -> Config:
    """Validate `settings` (section -> option -> value) and fill in the defaults.

    `where` names the origin of the settings in error messages.
    Raises RegardError if a name is unknown or a value is out of range.
    """
    try:
        config = to_typed(settings, Config)
    except Fault as fault:
        raise option_error(fault, where) from None
    check_combinations(config)
    return config


def check_combinations(config: Config) -> None:
    """Raises RegardError if two options, each valid by itself, exclude each other."""
    model = config.model
    if model.attention == "dot" and model.encoder_size != model.decoder_size:
        raise RegardError(
            f"the score 'dot' needs an encoder and a decoder of the same size, not"
            f" {model.encoder_size} and {model.decoder_size}",
            "model.encoder_size, model.decoder_size",
            "make them equal, or choose model.attention = 'general'",
        )
    self_attention = [
        side
        for side in ("encoder", "decoder")
        if getattr(model, f"{side}_layer_type").replace("same", model.layer_type)
        == "self-attention"
    ]
    is_recurrent = "encoder" not in self_attention
    if is_recurrent and model.encoder == "bidirectional" and model.encoder_size % 2:
        raise RegardError(
            f"a size of {model.encoder_size} cannot be divided between two directions",
            "model.encoder_size",
            "choose an even number, or model.encoder = 'unidirectional'",
        )
    if model.encoder_size % model.heads or model.decoder_size % model.heads:
        raise RegardError(
            f"{model.heads} heads do not divide the sizes {model.encoder_size} and"
            f" {model.decoder_size}",
            "model.heads",
            "choose sizes that are multiples of the number of heads",
        )
    if config.train.guided_alignment and model.attention in FIXED_SCORES:
        raise RegardError(
            f"attention that is '{model.attention}' cannot be guided",
            "train.guided_alignment",
            "choose another model.attention, or leave the option out",
        )
    check_corpora(config.data, config.train.guided_alignment)
    check_self_attention(model, [f"{side}_size" for side in self_attention])
    if model.tie == "all" and not config.vocabulary.joint:
        raise RegardError(
            "two vocabularies cannot share one embedding",
            "model.tie",
            "choose model.tie = 'target', or vocabulary.joint = true",
        )


def check_corpora(data: DataOptions, guided_alignment: str) -> None:
    """Raises RegardError if the corpora have too many tags, the validation text has another one, or
    a file has the links of several corpora."""
    tags = tuple(dict.fromkeys(corpus.tag for corpus in data.corpora if corpus.tag))
    refuse_many_tags(tags, "data.corpora")
    refuse_unknown_tag(data.valid_tag, tags, "data.valid_tag")
    if data.corpora and guided_alignment not in ("", "auto"):
        raise RegardError(
            "a file of links is for one corpus on the command line",
            "train.guided_alignment, data.corpora",
            "choose train.guided_alignment = 'auto', or give one corpus on the command line",
        )


def check_self_attention(model: ModelOptions, names: Sequence[str]) -> None:
    """Raises RegardError if these sizes, of layers of self-attention, are impossible."""
    wanted, heads = model.embedding_size, model.self_attention_heads
    differing = [name for name in names if getattr(model, name) != wanted]
    if differing:
        raise RegardError(
            f"self-attention adds to embeddings of {wanted} numbers, so its states cannot have"
            f" {getattr(model, differing[0])}",
            ", ".join(f"model.{name}" for name in differing),
            "make them equal: " + " ".join(f"model.{name}={wanted}" for name in differing),
        )
    if names and wanted % heads:
        raise RegardError(
            f"{heads} heads do not divide the size {wanted}",
            "model.self_attention_heads",
            f"choose a number that divides {wanted}",
        )


def option_error(fault: Fault, where: str) -> RegardError:
    path = fault.path
    if path[:2] == ["data", "corpora"] and len(path) > 2:
        return corpus_error(fault, path[2:], where)
    if path == ["data", "corpora"] and isinstance(fault.value, dict):
        return RegardError(
            "one table stands where several corpora are listed",
            f"{where} [data.corpora]",
            "write [[data.corpora]], with two brackets, above each corpus",
        )
    if not path:
        return RegardError("the options are not in sections", where, "write [section] above them")
    if fault.kind == "unknown":
        section = Config if len(path) == 1 else type(getattr(Config(), path[0]))
        return RegardError(
            f"there is no option '{path[-1]}'",
            where if len(path) == 1 else f"{where} [{path[0]}]",
            nearest(path[-1], section.__struct_fields__),
        )
    if len(path) == 1:
        return RegardError(
            f"[{path[0]}] is a section of options, not {fault.value!r}",
            where,
            f"write {path[0]}.option=value, or [{path[0]}] in a file",
        )
    name = ".".join(path[:2])
    option = {each.name: each for each in options()}[name]
    return fault.as_error(
        name, where, f"{name}: {option.description} The default is {option.default}."
    )


def corpus_error(fault: Fault, path: Sequence[str], where: str) -> RegardError:
    """The error for a fault in one of the tables [[data.corpora]]: its index, and then perhaps an
    option."""
    where = f"{where} [[data.corpora]], table {int(path[0]) + 1}"
    if fault.kind == "unknown":
        return RegardError(
            f"there is no option '{path[1]}'",
            where,
            nearest(path[1], CorpusOptions.__struct_fields__),
        )
    if fault.kind == "missing":
        return RegardError("the corpus has no files", where, 'write files = ["a.en", "a.fr"]')
    advice = "write files, and perhaps weight and tag, below [[data.corpora]]"
    if len(path) > 1:
        description = " ".join(option_descriptions(CorpusOptions).get(path[1], "").split())
        advice = f"{path[1]}: {description}"
    return fault.as_error(path[1] if len(path) > 1 else "the corpus", where, advice)


def override(settings: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """`settings` overridden by assignments `section.option=value`, whose values are TOML or plain
    text. Raises RegardError if an assignment has another form."""
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
