"""What each change of the training text brings: fine-tunings without it, with each alone, with all.

    python benchmarks/augment.py --text runs/general-text --test tatoeba europarl newstest2013

Each run continues in its own folder if it was interrupted, and keeps its scores beside it. The text
folder is the one that recipes/general.py writes: train, valid and the test sets, each as .en and
.fr.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import realtext
import regard
from regard.config import AugmentOptions
from regard.evaluation.statistics import Counts, bleu_counts, bleu_of, interval, resample
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


def bleu_by_variant(counts: Mapping[str, Sequence[dict[str, Counts]]]) -> dict[str, Any]:
    """BLEU of each variant, given the statistics of its seeds: on each set, and the mean of all
    sets and seeds with a 95 % interval of its difference from the first variant (bootstrap over
    the sentences of each set, the same for all variants)."""
    names, results = list(counts), {}
    observed, drawn = [], []
    for test in next(iter(counts.values()))[0]:
        systems = [[seed[test] for seed in counts[name]] for name in names]
        flat = [counts for seeds in systems for counts in seeds]
        scores = np.array([float(bleu_of(one.sum(axis=0)[None])[0]) for one in flat])
        observed.append(scores.reshape(len(names), -1))
        draws = np.stack(resample(flat, bleu_of))
        drawn.append(draws.reshape(len(names), len(SEEDS), -1).mean(axis=1))
    by_set, means = np.stack(observed), np.mean(drawn, axis=0)
    for index, name in enumerate(names):
        mean = float(by_set[:, index].mean())
        difference = mean - float(by_set[:, 0].mean())
        results[name] = {
            "BLEU_by_set_and_seed": by_set[:, index].round(2).tolist(),
            "mean_BLEU": round(mean, 2),
            "against_none": round(difference, 2),
            "interval": [round(end, 2) for end in interval(means[index] - means[0], difference)],
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


def mean_of(seeds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {kind: round(sum(one[kind] for one in seeds) / len(seeds), 1) for kind in seeds[0]}


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
    counts: dict[str, list[dict[str, Counts]]] = {}
    kinds: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS:
        for name, changes in variants().items():
            folder, file = asked.out / f"{name}-{seed}", asked.out / f"{name}-{seed}.json"
            if not file.exists():
                translator = train(asked.text, folder, asked.model, changes, seed)
                save(score(translator, tests), file)
            scores_of_run = load(file)
            counts.setdefault(name, []).append(scores_of_run.counts)
            kinds.setdefault(name, []).append(scores_of_run.kinds)
    scores = bleu_by_variant(counts)
    content = {
        "updates": UPDATES,
        "batch_tokens": TRAINING["batch_tokens"],
        "sets": asked.test,
        "seeds": SEEDS,
        "results": {
            name: {**scores[name], "percent_right": mean_of(kinds[name])} for name in scores
        },
        "system": describe_system(),
    }
    write_json(asked.results / "augment.json", content)


if __name__ == "__main__":
    main()
