"""What each change of the training text brings: fine-tunings without it, with each alone, with all.

    python benchmarks/augment.py --text runs/general-text --test tatoeba europarl newstest2013

Each run continues in its own folder if it was interrupted. The text folder is the one that
recipes/general.py writes: train, valid and the test sets, each as .en and .fr.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

import realtext
import regard
from regard.config import AugmentOptions
from regard.evaluation.significance import count_statistics, differences
from regard.evaluation.statistics import exact_bleu
from regard.files import write_json
from regard.storage.folder import WEIGHTS, read_tensors, write_tensors
from regard.system import describe_system
from regard.training.loop import STATE
from regard.training.report import console_report
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
UPDATES = 1500
SEEDS = (1, 2)
KIND_LINES = 200
"""Lines of each kind of real text, made from the first test set."""
CHANGES = tuple(name for name in AugmentOptions.model_fields if name != "scale")
TRAINING: dict[str, Any] = {
    "batch_tokens": 4096,
    "learning_rate": 0.0006,
    "warmup": 200,
    "ema_decay": 0.998,
    "validate_every": UPDATES,
    "patience": 100,
}
DROPOUTS = {f"dropout_{part}": 0.03 for part in ("embedding", "hidden", "output")}


class TestText(NamedTuple):
    name: str
    sources: list[str]
    references: list[str]


def variants() -> dict[str, dict[str, float]]:
    """The section `augment` of each variant."""
    alone = {change: {other: 0.0 for other in CHANGES if other != change} for change in CHANGES}
    return {"none": {"scale": 0.0}, **alone, "all": {}}


def score_kinds(translator: Translator, sentences: Sequence[str]) -> dict[str, float]:
    """The percentage of right lines of each kind of real text (realtext.py)."""
    results = realtext.score_kinds(translator, sentences, KIND_LINES, realtext.KINDS)
    return {title: kind["percent_right"] for title, kind in results.items()}


def read(file: Path) -> list[str]:
    return file.read_text("utf-8").split("\n")[:-1]


def train(text: Path, folder: Path, start: str, changes: dict[str, float], seed: int) -> Translator:
    """A model with the averaged weights of the last update: the best ones on the validation text
    may be those of the parent."""
    settings = {
        "data": {"drop_duplicates": False},
        "augment": changes,
        "model": DROPOUTS,
        "train": {**TRAINING, "updates": UPDATES, "seed": seed},
    }
    files, valid = (
        [text / f"{part}.{code}" for code in ("en", "fr")] for part in ("train", "valid")
    )
    with console_report(Console(stderr=True)) as report:
        regard.train(files, folder, valid, "en-fr", settings, start, report)
    state = read_tensors(folder / "training" / STATE).tensors
    last = {
        name.removeprefix("average."): tensor
        for name, tensor in state.items()
        if name.startswith("average.")
    }
    write_tensors(folder / WEIGHTS, last, {})
    return regard.load(folder, engine="onnx")


def compare(tests: Sequence[TestText], translators: dict[str, Translator]) -> dict[str, Any]:
    """BLEU on each set and its difference from the first variant, with a 95 % interval."""
    results: dict[str, Any] = {name: {} for name in translators}
    for test in tests:
        systems = []
        for name, translator in translators.items():
            texts = [one.text for one in translator.translate(test.sources)]
            systems.append(count_statistics(name, texts, test.references, "fr"))
        for system in systems:
            bleu = round(exact_bleu(system.counts["BLEU"]), 2)
            results[system.name][test.name] = {"BLEU": bleu}
        for each in differences(systems, "fr", "bootstrap"):
            bounds = [round(value, 2) for value in (each.bleu, each.low, each.high)]
            results[each.model][test.name]["against none"] = bounds
    for name, by_set in results.items():
        scores = [by_set[test.name]["BLEU"] for test in tests]
        by_set["mean BLEU"] = round(sum(scores) / len(scores), 2)
        by_set["kinds"] = score_kinds(translators[name], tests[0].sources)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="en-fr", help="the model that all start from")
    parser.add_argument("--text", type=Path, default=HERE.parent / "runs/general-text")
    parser.add_argument("--test", nargs="+", default=["tatoeba", "europarl", "newstest2013"])
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs/augment")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    tests = [
        TestText(name, read(asked.text / f"{name}.en"), read(asked.text / f"{name}.fr"))
        for name in asked.test
    ]
    results = {}
    for seed in SEEDS:
        translators = {
            name: train(asked.text, asked.out / f"{name}-{seed}", asked.model, changes, seed)
            for name, changes in variants().items()
        }
        results[f"seed {seed}"] = compare(tests, translators)
        content = {"updates": UPDATES, "results": results, "system": describe_system()}
        write_json(asked.results / "augment.json", content)


if __name__ == "__main__":
    main()
