"""The experiment on real text: one model without and one with attention, on Europarl.

    python recipes/europarl_attention.py

Prepares the text, trains both models alike, and writes everything to runs/europarl-attention; the
figures, result.json and the report are copied to recipes/results/europarl-attention. A second run
resumes; models that are trained already are only read.
"""

import argparse
import gzip
import shutil
from pathlib import Path

from rich.console import Console

from regard.evaluation.length import LENGTHS
from regard.experiment import CompareOptions, choose, compare, plan_training
from regard.settings import override, read_config
from regard.training.data import Data
from run import as_command

HERE = Path(__file__).parent
NAME = "europarl-attention"
CODES = ("en", "fr")
PAIRS = 150_000
LARGEST_REPORT = 1_500_000
"""Bytes; a larger report is not copied beside the recipe."""


def write_text(data: Path, out: Path, pairs: int) -> tuple[Path, Path]:
    """`pairs` unchanged lines of the corpus, evenly spread, as a source and a target file."""
    out.mkdir(parents=True, exist_ok=True)
    source, target = (out / f"train.{code}" for code in CODES)
    for code, file in zip(CODES, (source, target), strict=True):
        packed = data / "europarl-v7-enfr-500k" / f"train.{code}.gz"
        lines = gzip.decompress(packed.read_bytes()).split(b"\n")[:-1]
        chosen = (lines[index * len(lines) // pairs] for index in range(pairs))
        text = b"".join(line + b"\n" for line in chosen)
        # an identical file keeps its date
        if not file.exists() or file.read_bytes() != text:
            file.write_bytes(text)
    return source, target


def keep(out: Path, results: Path) -> None:
    """Copy the results beside the recipe."""
    results.mkdir(parents=True, exist_ok=True)
    kept = [out / "result.json", *sorted((out / "figures").iterdir())]
    report = out / "report.html"
    if report.stat().st_size < LARGEST_REPORT:
        kept.append(report)
    for file in kept:
        shutil.copy(file, results / file.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("options", nargs="*", help="section.option=value, overriding the recipe")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs" / NAME)
    parser.add_argument("--results", type=Path, default=HERE / "results" / NAME)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="training pairs")
    parser.add_argument("--seeds", type=int, default=1, help="models per choice")
    arguments = parser.parse_intermixed_args()
    train = write_text(arguments.data, arguments.out / "text", arguments.pairs)
    dev = arguments.data / "europarl-v7-enfr-500k"
    settings = override(read_config(HERE / f"{NAME}.toml"), arguments.options)
    plan = plan_training(
        CompareOptions((dev / "dev.en", dev / "dev.fr"), arguments.out, "bootstrap", LENGTHS),
        Data(train, (), CODES),
        choose(settings, ["model.attention=none,scaled"]),
        arguments.seeds,
    )
    compare(plan, Console(stderr=True))
    keep(arguments.out, arguments.results)
    print(arguments.results)


if __name__ == "__main__":
    as_command(main)
