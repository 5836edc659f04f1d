"""Which layer looks at the right word? The gold links of the built-in lesson, for ready models.

    python benchmarks/looks.py MODEL ...

Asks of English-French models (the one that comes along, unless others are named) what
benchmarks/reordering.py asks, for each decoder layer alone and for the mean of all. What is shown
is the last layer (`contract.Forced.reduced`).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import regard
from regard.experiment.demo import TEST
from regard.files import write_json
from regard.lesson.corpus import Example, split_lesson
from regard.models import DEFAULT
from regard.search.protocols import Forced
from regard.system import describe_system
from regard.translator import Translator
from reordering import PAIRS, Found, count, judge

HERE = Path(__file__).resolve().parent


def by_look(forced: Forced) -> Iterator[tuple[str, Forced]]:
    """One reading as if the model had a single layer: each of its own, and the mean of all."""
    for number in range(len(forced.weights)):
        yield f"layer {number + 1}", forced._replace(weights=forced.weights[[number]])
    yield "mean of all", forced._replace(weights=forced.weights.mean(axis=0, keepdims=True))


def measure(translator: Translator, examples: list[Example]) -> dict[str, Found]:
    readings = translator.force([e.source for e in examples], [e.target for e in examples])
    judged: dict[str, list[tuple[bool, bool]]] = {}
    for example, forced in zip(examples, readings, strict=True):
        for name, look in by_look(forced):
            judged.setdefault(name, []).extend(judge(translator, example, look))
    return {name: count(links) for name, links in judged.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path, nargs="*", default=[DEFAULT])
    examples = split_lesson(PAIRS, 2 * TEST, 1).test[TEST:]
    found = {
        model.stem: {
            name: one.shares() for name, one in measure(regard.load(model), examples).items()
        }
        for model in parser.parse_args().models
    }
    result = {
        "test sentences": len(examples),
        "percent right": found,
        "system": describe_system(),
    }
    write_json(HERE / "results" / "looks.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
