"""What does `regard demo` learn, and how long does it take? The same plan, for some seeds.

    python benchmarks/demo.py 1 2 3

Prints BLEU of both models, the gold links of content words with the largest weight (see
benchmarks/reordering.py), the example sentence, and the time of training. `seconds` is wall-clock
time of both trainings, validation included; `processor_seconds` is the time that all threads spent
computing, which other programs on the machine do not change. Set ONEDNN_MAX_CPU_ISA=AVX2 and
ATEN_CPU_CAPABILITY=avx2 to measure a processor without AVX-512, and OMP_WAIT_POLICY=passive so that
waiting threads do not count.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

import regard
from regard.experiment.compare import evaluate_all, train_all
from regard.experiment.demo import plan_lesson
from regard.files import write_json
from regard.lesson.corpus import EXAMPLE
from regard.system import describe_system
from reordering import PAIRS, measure_links, test_examples

HERE = Path(__file__).resolve().parent
VARIABLES = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "OMP_WAIT_POLICY")
"""Environment variables that change the time."""


def run_demo(seed: int, options: list[str], folder: Path) -> dict[str, Any]:
    """The results of the demonstration with one seed."""
    console = Console(stderr=True)
    plan = plan_lesson(folder, PAIRS, [*options, f"train.seed={seed}"])
    began, before = time.perf_counter(), time.process_time()
    train_all(plan, console)
    seconds, processor_seconds = time.perf_counter() - began, time.process_time() - before
    comparison = evaluate_all(plan, console)
    attention = regard.load(plan.models[-1].path)
    return {
        "bleu": {
            model.name: round(quality.value, 1)
            for model in comparison.models
            for quality in model.quality
            if quality.name == "BLEU"
        },
        **measure_links(attention, test_examples()).shares(),
        "example": {
            model.name: regard.load(model.path).translate([EXAMPLE.source])[0].text
            for model in plan.models
        },
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor_seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--option", action="append", default=[], help="section.option=value")
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "options": arguments.option,
        "environment": {name: os.environ.get(name, "") for name in VARIABLES},
        "system": describe_system(),
        "seeds": {},
    }
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            result["seeds"][seed] = run_demo(seed, arguments.option, Path(folder))
        write_json(HERE / "results" / "demo.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
