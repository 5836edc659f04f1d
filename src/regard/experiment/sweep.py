"""From `--vary model.attention=none,scaled` to the settings of models that differ in it alone."""

import json
import re
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from regard.config import Config, make_config, options, override
from regard.errors import RegardError, nearest

WHERE = "--vary"


class SweepOption(NamedTuple):
    """One option and the values to compare."""

    option: str
    """As typed: section.option."""
    values: list[str]


class Variant(NamedTuple):
    """One value of each varied option."""

    name: str
    """The values, joined by hyphens; it names a folder."""
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
    variants: dict[str, Variant] = {}
    for values in product(*(sweep.values for sweep in varied)):
        assignments = [f"{option}={value}" for option, value in zip(names, values, strict=True)]
        name = "-".join(re.sub(r"[^\w.+-]", "_", value) for value in values)
        varied_settings = override(settings, assignments)
        config = make_config(varied_settings, f"{WHERE} {' '.join(assignments)}")
        same = [other.name for other in variants.values() if other.config == config]
        if same or name in variants:
            raise RegardError(
                f"two choices are the same: {(same or [name])[0]} and {name}",
                WHERE,
                "give different values",
            )
        variants[name] = Variant(name, varied_settings, config)
    return list(variants.values())


def with_seed(choice: Variant, seed: int) -> dict[str, Any]:
    """The choice's options with another seed."""
    return override(choice.settings, [f"train.seed={json.dumps(seed)}"])


def shared_options(choices: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    """The options that are the same in all choices, by section, without the seed."""
    dumps = [choice.config.model_dump(mode="json") for choice in choices]
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
