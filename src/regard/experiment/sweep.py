"""What is varied: from `model.attention=none,scaled` to models that differ in it alone."""

import json
import re
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from regard.config import Config, make_config, options, override
from regard.errors import RegardError, nearest

WHERE = "--vary"


class SweepOption(NamedTuple):
    """One option and the values that it takes."""

    option: str
    """As typed: section.option."""
    values: list[str]


class Variant(NamedTuple):
    """One value of each varied option."""

    name: str
    """The values, joined; the name of a folder."""
    settings: dict[str, Any]
    """Options by section, as for `regard.train`."""
    config: Config


def parse_vary(text: str) -> SweepOption:
    """What `section.option=value,value` means.

    Raises RegardError if it is not of that form, or there are not two different values.
    """
    option, equals, listed = text.partition("=")
    if not equals:
        raise RegardError(
            f"'{text}' says not what to vary", WHERE, "write --vary model.attention=none,scaled"
        )
    known = tuple(each.name for each in options())
    if option not in known:
        raise RegardError(f"there is no option '{option}'", WHERE, nearest(option, known))
    if option == "train.seed":
        raise RegardError("seeds are not varied like this", WHERE, "write --seeds 3")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if len(values) < 2:
        raise RegardError(
            f"there is only one choice of {option}" if values else f"{option} has no value",
            WHERE,
            f"give two or more, like --vary {option}={(values or ['none'])[0]},...",
        )
    return SweepOption(option, values)


def choose(settings: dict[str, Any], vary: Sequence[str]) -> list[Variant]:
    """Every combination of the varied options, each with all other options as in `settings`.

    Raises RegardError if an option is unknown, a value out of its range, or two choices the same.
    """
    varied = [parse_vary(text) for text in vary]
    if not varied:
        raise RegardError(
            "nothing is varied", "the command line", "add --vary model.attention=none,scaled"
        )
    twice = {
        one.option for one in varied if [other.option for other in varied].count(one.option) > 1
    }
    if twice:
        raise RegardError(
            f"{min(twice)} is varied twice", WHERE, "give all its values together, with commas"
        )
    found: dict[str, Variant] = {}
    for values in product(*(one.values for one in varied)):
        assignments = [f"{one.option}={value}" for one, value in zip(varied, values, strict=True)]
        name = "-".join(re.sub(r"[^\w.+-]", "_", value) for value in values)
        chosen = override(settings, assignments)
        config = make_config(chosen, f"{WHERE} {' '.join(assignments)}")
        same = [other.name for other in found.values() if other.config == config]
        if same or name in found:
            raise RegardError(
                f"two choices are the same: {(same or [name])[0]} and {name}",
                WHERE,
                "give different values",
            )
        found[name] = Variant(name, chosen, config)
    return list(found.values())


def with_seed(choice: Variant, seed: int) -> dict[str, Any]:
    """The choice's options with another seed."""
    return override(choice.settings, [f"train.seed={json.dumps(seed)}"])


def shared_options(choices: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    """The options that all choices have in common, by section, without the seed."""
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
