"""What each change of the training text brings: fine-tunings without it, with each alone, with all.

    python benchmarks/augment.py --text runs/general-text --test tatoeba europarl newstest2013

Each run continues in its own folder if it was interrupted, and keeps its scores beside it. The text
folder is the one that recipes/general.py writes: train, valid and the test sets, each as .en and
.fr.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import realtext
import regard
from regard.config import AugmentOptions
from regard.evaluation.statistics import Counts, bleu_counts, bleu_of, interval, resample
from regard.files import read_tensors, write_json, write_tensors
from regard.storage.folder import WEIGHTS
from regard.system import describe_system
from regard.training.loop import STATE
from regard.training.report import console_report
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
UPDATES = 1500
SEEDS = 1, 2
KIND_LINES = 200
"""Lines of each kind of real text, made from the first test set."""
CHANGES = tuple(name for name in AugmentOptions.__struct_fields__ if name != "scale")
TRAINING: dict[str, Any] = {
    "batch_tokens": 2048,
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


class Scores(NamedTuple):
    """Of one run."""

    counts: dict[str, Counts]
    """The statistics of BLEU of each sentence of each set."""
    kinds: dict[str, float]
    """The percentage of right lines of each kind of real text."""


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


def count_bleu(translator: Translator, tests: Sequence[TestText]) -> dict[str, Counts]:
    """The statistics of BLEU on each set."""
    language = translator.languages[1]
    return {
        test.name: bleu_counts(
            [one.text for one in translator.translate(test.sources)], test.references, language
        )
        for test in tests
    }


def bleu_by_variant(runs: Mapping[str, Mapping[int, Scores]]) -> dict[str, Any]:
    """BLEU of each variant on each set and with each seed; and the difference of its mean from that
    of the first variant with the same seeds, with a 95 % interval (bootstrap over the sentences of
    each set, the same for all variants)."""
    keys = [(name, seed) for name, own in runs.items() for seed in own]
    first, sets = next(iter(runs)), runs[keys[0][0]][keys[0][1]].counts
    observed: dict[tuple[str, int], list[float]] = {key: [] for key in keys}
    drawn: dict[tuple[str, int], list[Any]] = {key: [] for key in keys}
    for test in sets:
        counts = [runs[name][seed].counts[test] for name, seed in keys]
        for key, one, draws in zip(keys, counts, resample(counts, bleu_of), strict=True):
            observed[key].append(float(bleu_of(one.sum(axis=0)[None])[0]))
            drawn[key].append(draws)

    def mean(of: Mapping[tuple[str, int], list[Any]], name: str, seeds: Iterable[int]) -> Any:
        return np.mean([of[name, seed] for seed in seeds], axis=(0, 1))

    results = {}
    for name, own in runs.items():
        bleu = float(mean(observed, name, own))
        difference = bleu - float(mean(observed, first, own))
        ends = interval(mean(drawn, name, own) - mean(drawn, first, own), difference)
        results[name] = {
            "BLEU_by_seed_and_set": {
                seed: dict(zip(sets, np.round(observed[name, seed], 2).tolist(), strict=True))
                for seed in own
            },
            "mean_BLEU": round(bleu, 2),
            "against_none": round(difference, 2),
            "interval": [round(end, 2) for end in ends],
        }
    return results


def score(translator: Translator, tests: Sequence[TestText]) -> Scores:
    return Scores(count_bleu(translator, tests), score_kinds(translator, tests[0].sources))


def save(scores: Scores, file: Path) -> None:
    counts = {name: array.tolist() for name, array in scores.counts.items()}
    write_json(file, scores._replace(counts=counts)._asdict())


def load(file: Path) -> Scores:
    content = json.loads(file.read_text("utf-8"))
    counts = {name: np.array(rows) for name, rows in content["counts"].items()}
    return Scores(counts, content["kinds"])


def mean_of(seeds: Iterable[dict[str, float]]) -> dict[str, float]:
    by_seed = list(seeds)
    return {kind: round(sum(one[kind] for one in by_seed) / len(by_seed), 1) for kind in by_seed[0]}


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
    every = variants()
    runs: dict[str, dict[int, Scores]] = {name: {} for name in every}
    for name in every:
        for seed in SEEDS:
            folder, file = asked.out / f"{name}-{seed}", asked.out / f"{name}-{seed}.json"
            if not file.exists():
                translator = train(asked.text, folder, asked.model, every[name], seed)
                save(score(translator, tests), file)
            runs[name][seed] = load(file)
    bleu = bleu_by_variant(runs)
    content = {
        "updates": UPDATES,
        "batch_tokens": TRAINING["batch_tokens"],
        "results": {
            name: {**bleu[name], "percent_right": mean_of(one.kinds for one in own.values())}
            for name, own in runs.items()
        },
        "system": describe_system(),
    }
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / "augment.json", content)


if __name__ == "__main__":
    main()
