"""Fine-tune a trained model: which of its options are kept, and which may change."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from regard.config import Config, ModelOptions
from regard.engine.sizes import sizes_of
from regard.errors import RegardError
from regard.settings import check_combinations
from regard.storage.folder import ModelInfo
from regard.training.report import Report

GROWABLE = {"decoder_size": 1, "encoder_layers": 2}
"""Model options that fine-tuning may increase, each with the smallest value that it may have had
(training/growth.py)."""

FINE_TUNED_FROM = "fine_tuned_from"
"""The key of the parent's name and provenance in the provenance of a fine-tuned model."""


class Parent(NamedTuple):
    """The trained model that a run starts from."""

    path: Path
    """Its folder or its file."""
    model_info: ModelInfo
    set_options: Mapping[str, Collection[str]]
    """The names of the options that the user has set for the run, by section."""
    save_shortlist: Callable[[Path], None]
    """Save its shortlist in the folder of a run, whose own text may be too small to learn one."""


def announce(parent: Parent, config: Config, report: Report) -> None:
    """Report what is kept of the parent model, and what grows."""
    report.message(
        f"fine-tuning {parent.path}: architecture and vocabulary are kept, dropout may differ;"
        " update 0 reports its quality on your validation text"
    )
    for name in GROWABLE:
        before, after = getattr(parent.model_info.config.model, name), getattr(config.model, name)
        if after > before:
            report.message(
                f"model.{name} grows from {before} to {after}; before training, the larger network"
                " translates as the parent does"
            )


def finetuning_config(config: Config, parent: Parent, languages: tuple[str, str]) -> Config:
    """The options of a run with the architecture and the vocabulary of its parent model.

    Where the user has set them, dropout is taken from `config`, and sizes that may grow
    (`GROWABLE`). Raises RegardError if another option of the model or the vocabulary is set to a
    value that the parent does not have, if sizes do not go together, or if the parent translates
    other languages.
    """
    info = parent.model_info
    if info.languages != languages:
        raise RegardError(
            f"the parent model translates {'-'.join(info.languages)}, and the text is"
            f" {'-'.join(languages)}",
            str(parent.path),
            f"give the files in that order, or --languages {'-'.join(info.languages)} if their"
            " names are misleading",
        )
    vocabulary = {"size": info.config.vocabulary.size, "joint": info.source is info.target}
    kept = {
        "model": info.config.model,
        "vocabulary": structs.replace(config.vocabulary, **vocabulary),
    }
    for section, own in (("model", config.model), ("vocabulary", config.vocabulary)):
        for name in parent.set_options.get(section, ()):
            before, value = getattr(kept[section], name), getattr(own, name)
            grows = name in GROWABLE and value > before >= GROWABLE[name]
            if name.startswith("dropout_") or grows:
                kept[section] = structs.replace(kept[section], **{name: value})
            elif value != before:
                raise RegardError(
                    f"{section}.{name} cannot change from {before} to {value} when fine-tuning",
                    "--start-from",
                    "leave the option out, or train a new model without --start-from; you may"
                    " change dropout, and increase model.decoder_size and (from two layers)"
                    " model.encoder_layers",
                )
    config = structs.replace(config, **kept)
    check_combinations(config)
    check_depth(info.config.model, config.model)
    return config


def check_depth(parent: ModelOptions, model: ModelOptions) -> None:
    """Raises RegardError if an encoder grows that cannot: after a recurrence, a new layer would
    normalise what a feed-forward sublayer has added."""
    sizes = sizes_of(parent, 0, 0)
    is_recurrent = sizes.encoder_layer_type != "self-attention"
    grows = model.encoder_layers > parent.encoder_layers
    if grows and is_recurrent and sizes.encoder_feed_forward_size:
        raise RegardError(
            "a recurrent encoder with feed-forward sublayers cannot get more layers",
            "model.encoder_layers",
            "leave the option out, or train a new model without --start-from",
        )
