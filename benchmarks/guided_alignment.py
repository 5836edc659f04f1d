"""What guided alignment makes of attention: its links beside those of an aligner, and the quality.

    regard compare train.en train.fr --test test.en test.fr --seeds 2 --out FOLDER \
        --variant plain --variant guided train.guided_alignment=auto
    python benchmarks/guided_alignment.py FOLDER --text train.en train.fr --test test.en test.fr

The aligner learns from the training text and the test text together, so that it has seen both; no
model has seen the test text. F1 is of all links above 0.3 of the shown weights, of the weights that
are read for links, and of each of those that might be read; `percent right` is the share of target
words with one link whose source word has the largest shown weight.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import regard
from regard.alignment.gold import GoldLinks, measure_links
from regard.alignment.links import SURE_PROBABILITY, THRESHOLD, Posterior, links_of
from regard.alignment.words import SEGMENTATIONS
from regard.files import read_json, write_json
from regard.system import describe_system
from regard.translator import Translator
from regard.word_alignment import GivenPair, align_given, from_attention, given_side, spread

HERE = Path(__file__).resolve().parent


def read(files: Iterable[Path]) -> list[list[str]]:
    return [file.read_text("utf-8").split("\n")[:-1] for file in files]


def aligner_links(text: list[list[str]], test: list[list[str]]) -> dict[int, GoldLinks]:
    """The links of the test text, by an aligner that learns from both texts."""
    with tempfile.TemporaryDirectory() as temporary:
        files = [Path(temporary) / name for name in ("text.en", "text.fr")]
        for file, *sides in zip(files, text, test, strict=True):
            file.write_text("".join(f"{line}\n" for side in sides for line in side), "utf-8")
        out = Path(temporary) / "links"
        command = [sys.executable, "-m", "regard", "align", *map(str, files), "--out", str(out)]
        subprocess.run(command, check=True)
        [lines] = read([out])
    links: dict[int, GoldLinks] = {}
    for number, line in enumerate(lines[-len(test[0]) :]):
        cells = frozenset(
            (int(source), int(target))
            for source, target in (link.split("-") for link in line.split())
        )
        links[number] = GoldLinks(cells, cells)
    return links


def f1(posteriors: Sequence[Posterior], links: dict[int, GoldLinks]) -> float:
    chosen = {
        number: {(link.source, link.target) for link in links_of(one, THRESHOLD, SURE_PROBABILITY)}
        for number, one in enumerate(posteriors)
    }
    return round(measure_links(chosen, links).f1, 2)


def percent_right(posteriors: Sequence[Posterior], links: dict[int, GoldLinks]) -> float:
    right = []
    for number, own in links.items():
        targets = [target for _, target in own.sure]
        for source, target in own.sure:
            if targets.count(target) == 1:
                right.append(int(posteriors[number].agreed[:, target].argmax()) == source)
    return round(100 * float(np.mean(right)), 2)


def f1_of_readings(
    translator: Translator, pairs: list[GivenPair], links: dict[int, GoldLinks]
) -> list[float]:
    """In the order of `Forced.readings`."""
    sources = [given_side(translator.source, one.source, one.source_words) for one in pairs]
    targets = [given_side(translator.target, one.target, one.target_words) for one in pairs]
    read, written = ([side.ids for side in sides] for sides in (sources, targets))
    forced = translator.by_length(read, written, translator.engine.force)
    readings = [one.readings() for one in forced]
    return [
        f1(
            [
                spread(
                    from_attention(own[index])(one.words, other.words), one.words, other.words, pair
                )
                for own, one, other, pair in zip(readings, sources, targets, pairs, strict=True)
            ],
            links,
        )
        for index in range(len(readings[0]))
    ]


def measure(
    translator: Translator, pairs: list[GivenPair], links: dict[int, GoldLinks]
) -> dict[str, float | list[float]]:
    shown = align_given(replace(translator, is_guided=True), pairs)
    return {
        "F1 of the shown weights": f1(shown, links),
        "F1 of the links": f1(align_given(translator, pairs), links),
        "F1 of last layer, first, first in the next step": f1_of_readings(translator, pairs, links),
        "percent right": percent_right(shown, links),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="of `regard compare`")
    parser.add_argument("--text", nargs=2, type=Path, required=True, metavar="FILE")
    parser.add_argument("--test", nargs=2, type=Path, required=True, metavar="FILE")
    parser.add_argument("--name", default="guided_alignment")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    test = read(asked.test)
    links, cut = aligner_links(read(asked.text), test), SEGMENTATIONS["text"]
    pairs = [
        GivenPair(source, target, cut(source), cut(target))
        for source, target in zip(*test, strict=True)
    ]
    compared = read_json(asked.folder / "result.json")
    result = {
        "test sentences": len(pairs),
        "models": {
            folder.name: measure(regard.load(folder), pairs, links)
            for folder in sorted((asked.folder / "models").iterdir())
        },
        "quality": compared["spreads"],
        "differences": compared["differences"],
        "updates and minutes": {
            one["name"]: [one["training"]["updates"], round(one["training"]["minutes"], 1)]
            for one in compared["models"]
        },
        "system": describe_system(),
    }
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / f"{asked.name}.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
