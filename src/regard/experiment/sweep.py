"""From `--vary` and `--variant` to the settings of models that differ in these options alone."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import msgspec

from regard.config import Config, options
from regard.errors import RegardError, nearest
from regard.settings import make_config, override

WHERE, WHERE_VARIANT = "--vary", "--variant"


class SweepOption(NamedTuple):
    """One option and the values to compare."""

    option: str
    """As typed: section.option."""
    values: list[str]


class Variant(NamedTuple):
    """One value of each varied option."""

    name: str
    """Given, or the values, joined by hyphens; it names a folder."""
    settings: dict[str, Any]
    """Options by section, as for `regard.train`."""
    config: Config


def parse_vary(text: str) -> SweepOption:
    """Parse `section.option=value,value`.

    Raises RegardError if it does not have that form, or fewer than two values.
    """
    option, equals, listed = text.partition("=")
    if not equals:
        raise RegardError(
            f"'{text}' does not say what to vary", WHERE, "write --vary model.attention=none,scaled"
        )
    names = tuple(each.name for each in options())
    if option not in names:
        raise RegardError(f"there is no option '{option}'", WHERE, nearest(option, names))
    if option == "train.seed":
        raise RegardError("train.seed cannot be varied", WHERE, "write --seeds 3")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if len(values) < 2:
        raise RegardError(
            f"{option} has only one value" if values else f"{option} has no value",
            WHERE,
            f"give two or more, like --vary {option}={(values or ['none'])[0]},...",
        )
    return SweepOption(option, values)


def choose(settings: dict[str, Any], vary: Sequence[str]) -> list[Variant]:
    """Every combination of the varied options; all other options are as in `settings`.

    Raises RegardError if an option is unknown, a value out of its range, or two choices
    are the same.
    """
    varied = [parse_vary(text) for text in vary]
    if not varied:
        raise RegardError(
            "nothing is varied", "the command line", "add --vary model.attention=none,scaled"
        )
    names = [sweep.option for sweep in varied]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise RegardError(
            f"{min(repeated)} is varied twice", WHERE, "give all its values together, with commas"
        )
    assignments = {
        "-".join(re.sub(r"[^\w.+-]", "_", value) for value in values): [
            f"{option}={value}" for option, value in zip(names, values, strict=True)
        ]
        for values in product(*(sweep.values for sweep in varied))
    }
    if len(assignments) < prod(len(sweep.values) for sweep in varied):
        raise RegardError("two choices are the same", WHERE, "give different values")
    return make_variants(settings, assignments, WHERE)


def choose_named(settings: dict[str, Any], variants: Sequence[str]) -> list[Variant]:
    """The variants that are given as lines: a name, and then its options; all other options are as
    in `settings`. Errors as `choose`."""
    assignments: dict[str, list[str]] = {}
    for variant in variants:
        name, *options_of_one = variant.split("\n")
        if not re.fullmatch(r"[\w+][\w.+-]*", name) or "=" in name:
            raise RegardError(
                f"'{name}' is no name of a variant",
                WHERE_VARIANT,
                "write --variant NAME option=value ..., with a name of letters, digits and - . + _",
            )
        if name in assignments:
            raise RegardError(
                f"two variants are named {name}", WHERE_VARIANT, "give each its own name"
            )
        assignments[name] = options_of_one
    if len(assignments) < 2:
        raise RegardError(
            "a comparison needs at least two variants", WHERE_VARIANT, "repeat --variant"
        )
    return make_variants(settings, assignments, WHERE_VARIANT)


def make_variants(
    settings: dict[str, Any], assignments: Mapping[str, Sequence[str]], where: str
) -> list[Variant]:
    """By their names, each with these options. Raises RegardError if two are the same, or an option
    of one is wrong.

    Without an option of the section `augment`, the training text is not changed.
    """
    if not any(one.startswith("augment.") for own in assignments.values() for one in own):
        settings = {"augment": {"scale": 0.0}, **settings}
    variants: list[Variant] = []
    for name, own in assignments.items():
        own_settings = override(settings, own)
        config = make_config(own_settings, f"{where} {' '.join(own)}")
        if "seed" in override({}, own).get("train", {}):
            raise RegardError("train.seed cannot be varied", where, "write --seeds 3")
        if same := [other.name for other in variants if other.config == config]:
            raise RegardError(
                f"two choices are the same: {same[0]} and {name}", where, "give different values"
            )
        variants.append(Variant(name, own_settings, config))
    return variants


def with_seed(choice: Variant, seed: int) -> dict[str, Any]:
    """The choice's options with another seed."""
    return override(choice.settings, [f"train.seed={json.dumps(seed)}"])


def varied_options(choices: Sequence[Variant]) -> list[str]:
    """The options in which the choices differ."""
    dumps = [msgspec.to_builtins(choice.config) for choice in choices]
    return [
        f"{section}.{name}"
        for section, part in dumps[0].items()
        for name, value in part.items()
        if any(other[section][name] != value for other in dumps)
    ]


def shared_options(choices: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    """The options that are the same in all choices, by section, without the seed."""
    dumps = [msgspec.to_builtins(choice.config) for choice in choices]
    shared = {
        section: {
            name: value
            for name, value in part.items()
            if all(other[section][name] == value for other in dumps)
        }
        for section, part in dumps[0].items()
    }
    del shared["train"]["seed"]
    return shared
