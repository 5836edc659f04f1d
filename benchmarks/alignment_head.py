"""How good is an alignment head? Gold links of the built-in lesson, and gold links in files.

    python benchmarks/alignment_head.py [--model MODEL] [--gold dev.en dev.fr dev.wa]

Of the lesson's links between content words: how many the head returns at all, and for how many the
source word is the likeliest one. Files with gold links are cut into words by spaces alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import regard
from regard.alignment.gold import measure_links, read_gold
from regard.alignment.links import MIN_PROBABILITY, THRESHOLD, links_of
from regard.alignment.words import SEGMENTATIONS
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system
from regard.translator import Translator
from regard.word_alignment import GivenPair, align_given
from reordering import test_examples

HERE = Path(__file__).resolve().parent
THRESHOLDS = 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5


def lesson_shares(translator: Translator) -> dict[str, float]:
    """In percent."""
    cut, examples = SEGMENTATIONS["text"], test_examples()
    pairs = [
        GivenPair(one.source, one.target, cut(one.source), cut(one.target)) for one in examples
    ]
    returned, likeliest = list[bool](), list[bool]()
    for example, posterior in zip(examples, align_given(translator, pairs), strict=True):
        for source, target in sorted(example.content):
            also = [s for s, t in example.content if t == target and s != source]
            rivals = np.delete(posterior.agreed[:, target], [source, *also])
            probability = posterior.agreed[source, target]
            returned.append(bool(probability > MIN_PROBABILITY))
            likeliest.append(bool(probability > rivals.max(initial=0.0)))
    return {
        "content links": len(returned),
        "percent returned": round(100 * float(np.mean(returned)), 2),
        "percent likeliest": round(100 * float(np.mean(likeliest)), 2),
    }


def gold_quality(
    translator: Translator, source: Path, target: Path, gold: Path
) -> dict[str, dict[str, float]]:
    """By threshold."""
    cut = SEGMENTATIONS["spaces"]
    lines = [
        [line.strip() for line in file.read_text("utf-8").splitlines()] for file in (source, target)
    ]
    pairs = [GivenPair(a, b, cut(a), cut(b)) for a, b in zip(*lines, strict=True)]
    links = read_gold(gold, [(len(pair.source_words), len(pair.target_words)) for pair in pairs])
    posteriors = align_given(translator, pairs)
    qualities = {}
    for threshold in THRESHOLDS:
        chosen = {
            number: {
                (link.source, link.target)
                for link in links_of(posteriors[number], THRESHOLD, threshold)
            }
            for number in links
        }
        quality = measure_links(chosen, links)
        qualities[str(threshold)] = {
            name: round(value, 2) for name, value in quality._asdict().items()
        }
    return qualities


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--gold", type=Path, nargs=3, metavar="FILE")
    parser.add_argument("--name", default="alignment_head")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    translator = regard.load(asked.model)
    result: dict[str, object] = {
        "model": asked.model.stem,
        "links from": "head" if translator.has_alignment_head else "attention",
        "lesson": lesson_shares(translator),
    }
    if asked.gold:
        result["gold, by threshold"] = gold_quality(translator, *asked.gold)
    result["system"] = describe_system()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / f"{asked.name}.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
