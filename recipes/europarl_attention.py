"""The experiment for real: the same model without and with attention, on the European Parliament.

    python recipes/europarl_attention.py

It makes the text, trains both models alike, and leaves everything in runs/europarl-attention; the
figures, the numbers and the report go to recipes/results/europarl-attention. What was stopped goes
on; what is finished is only read.
"""

import argparse
import gzip
import shutil
from pathlib import Path

from rich.console import Console

from regard.config import override, read_config
from regard.evaluation.length import LENGTHS
from regard.experiment import CompareOptions, compare, plan_training
from regard.training.data import Data
from run import as_command

HERE = Path(__file__).parent
NAME = "europarl-attention"
CODES = ("en", "fr")
PAIRS = 150_000
LARGEST_REPORT = 1_500_000
"""Bytes of a report that is still kept beside the recipe."""


def make_text(data: Path, out: Path, pairs: int) -> tuple[Path, Path]:
    """So many lines of the corpus, evenly spread, both sides as they are."""
    out.mkdir(parents=True, exist_ok=True)
    source, target = (out / f"train.{code}" for code in CODES)
    for code, file in zip(CODES, (source, target), strict=True):
        packed = data / "europarl-v7-enfr-500k" / f"train.{code}.gz"
        lines = gzip.decompress(packed.read_bytes()).split(b"\n")[:-1]
        chosen = (lines[place * len(lines) // pairs] for place in range(pairs))
        text = b"".join(line + b"\n" for line in chosen)
        # a file that is right already keeps its date
        if not file.exists() or file.read_bytes() != text:
            file.write_bytes(text)
    return source, target


def keep(out: Path, results: Path) -> None:
    """Copy what is worth keeping beside the recipe."""
    results.mkdir(parents=True, exist_ok=True)
    found = [out / "result.json", *sorted((out / "figures").iterdir())]
    report = out / "report.html"
    if report.stat().st_size < LARGEST_REPORT:
        found.append(report)
    for file in found:
        shutil.copy(file, results / file.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("options", nargs="*", help="section.option=value on top of the recipe")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs" / NAME)
    parser.add_argument("--results", type=Path, default=HERE / "results" / NAME)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="to learn from")
    parser.add_argument("--seeds", type=int, default=1, help="models of each choice")
    asked = parser.parse_intermixed_args()
    learned = make_text(asked.data, asked.out / "text", asked.pairs)
    dev = asked.data / "europarl-v7-enfr-500k"
    plan = plan_training(
        CompareOptions((dev / "dev.en", dev / "dev.fr"), asked.out, "bootstrap", LENGTHS),
        Data(learned, (), CODES),
        override(read_config(HERE / f"{NAME}.toml"), asked.options),
        ["model.attention=none,scaled"],
        asked.seeds,
    )
    compare(plan, Console(stderr=True))
    keep(asked.out, asked.results)
    print(asked.results)


if __name__ == "__main__":
    as_command(main)
