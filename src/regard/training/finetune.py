"""Fine-tune a trained model: which of its options stay, and which may grow."""

from pathlib import Path
from typing import NamedTuple

from regard.config import Config, make_config
from regard.errors import RegardError
from regard.storage.folder import ModelInfo
from regard.training.report import Report

GROWS_FROM = {"decoder_size": 1, "encoder_layers": 2}
"""What of a ready model can grow, and from which size on (training/growth.py)."""


class Parent(NamedTuple):
    """A model that is tuned."""

    path: Path
    """Its folder or its file."""
    card: ModelInfo


TUNED = "fine_tuned_from"
"""Among the things that tell how a model was made: the model that it was, and how that was made."""


START_FROM = "--start-from"


def announce(first: Parent, config: Config, report: Report) -> None:
    """What will become of the model that is tuned."""
    report.message(
        f"tuning {first.path}: its model and vocabulary stand, dropout can change; update 0 tells"
        " what it is worth on this text"
    )
    for name in GROWS_FROM:
        known, asked = getattr(first.card.config.model, name), getattr(config.model, name)
        if asked > known:
            report.message(
                f"model.{name} grows from {known} to {asked}; it begins as good as it was"
            )


def finetuning_config(config: Config, first: Parent, languages: tuple[str, str]) -> Config:
    """The options with the model and the vocabulary of the model that is tuned.

    Dropout has no weights and is taken from `config` where that sets it; so is what can take over
    the weights of less: wider hidden states, and more encoder layers than two or more
    (training/growth.py).
    Raises RegardError if `config` sets anything else of them otherwise, or sizes that do not go
    together, or the model translates other languages.
    """
    card = first.card
    if card.languages != languages:
        raise RegardError(
            f"the model to begin with translates {'-'.join(card.languages)}, and the text is"
            f" {'-'.join(languages)}",
            str(first.path),
            f"give the files in that order, or --languages {'-'.join(card.languages)} if only their"
            " names mislead",
        )
    vocabulary = {"size": card.config.vocabulary.size, "joint": card.source is card.target}
    stands = {
        "model": card.config.model.model_dump(),
        "vocabulary": {**config.vocabulary.model_dump(), **vocabulary},
    }
    asked = config.model_dump(include=set(stands), exclude_unset=True)
    for section, options in asked.items():
        for name, value in options.items():
            ready = stands[section][name]
            grows = name in GROWS_FROM and value > ready >= GROWS_FROM[name]
            if name.startswith("dropout_") or grows:
                stands[section][name] = value
            elif value != ready:
                raise RegardError(
                    f"{section}.{name} = {value} is asked for, and the model to begin with has"
                    f" {ready}",
                    "--start-from",
                    "leave the option out, or train a new model without --start-from; only dropout may"
                    " change, and model.decoder_size and (from two on) model.encoder_layers may grow",
                )
    return make_config({**config.model_dump(), **stands}, "--start-from")
