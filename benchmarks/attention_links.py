"""Which layer attends to the right word? The gold links of the built-in lesson, trained models.

    python benchmarks/attention_links.py MODEL ...

Measures English-French models (by default the built-in one) as benchmarks/reordering.py does, for
each decoder layer alone and for the mean of all. Heat maps show the last layer
(`protocols.Forced.token_weights`).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import regard
from regard.files import write_json
from regard.lesson.corpus import Example
from regard.models import DEFAULT
from regard.search.protocols import Forced
from regard.system import describe_system
from regard.translator import Translator
from reordering import LinkCounts, count, judge, test_examples

HERE = Path(__file__).resolve().parent


def by_layer(forced: Forced) -> Iterator[tuple[str, Forced]]:
    """The forced pass as if the model had a single layer: each layer alone, and the mean of all."""
    for number in range(len(forced.weights)):
        yield f"layer_{number + 1}", forced._replace(weights=forced.weights[[number]])
    yield "mean_of_all", forced._replace(weights=forced.weights.mean(axis=0, keepdims=True))


def measure_layers(translator: Translator, examples: list[Example]) -> dict[str, LinkCounts]:
    readings = translator.force(
        [example.source for example in examples], [example.target for example in examples]
    )
    judged: dict[str, list[tuple[bool, bool]]] = {}
    for example, forced in zip(examples, readings, strict=True):
        for name, layer in by_layer(forced):
            judged.setdefault(name, []).extend(judge(translator, example, layer))
    return {name: count(links) for name, links in judged.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path, nargs="*", default=[DEFAULT])
    examples = test_examples()
    shares = {
        model.stem: {
            layer: counts.shares()
            for layer, counts in measure_layers(regard.load(model), examples).items()
        }
        for model in parser.parse_args().models
    }
    result = {
        "test_sentences": len(examples),
        "percent_right": shares,
        "system": describe_system(),
    }
    write_json(HERE / "results" / "attention_links.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
