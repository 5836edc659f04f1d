"""Training speed of two processes of one thread each, beside one process of two threads.

    python benchmarks/processes.py [train.en train.fr] [--seconds 30] [--rounds 3]

An update is the same: each of the processes has one batch, or the one has both (train.accumulate).
Measured in turns, round after round, is the median of target tokens a second; beside it two
processes that do not add up their gradients, from which follows how much time that takes, where it
is not hidden behind the backward pass. Without files the text is the lesson's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch

from regard.config import Config
from regard.data.batches import stream
from regard.files import write_json
from regard.lesson.corpus import split_lesson
from regard.settings import make_config
from regard.system import describe_system, keep_freed_memory
from regard.training.data import Data
from regard.training.distributed import ProcessGroup, SingleProcess
from regard.training.folder import open_run
from regard.training.loop import start_loop
from regard.training.report import NoReport
from regard.training.torch_group import TorchGroup

HERE = Path(__file__).resolve().parent
WARM_UP = 5
"""Updates before the clock starts."""
ONE, TWO, SILENT = "one of two threads", "two of one thread", "two, without communication"


class SilentGroup(TorchGroup):
    """Processes each of which learns for itself."""

    joined = SingleProcess.joined
    own_gradients = SingleProcess.own_gradients
    backward = SingleProcess.backward


def train_for(kind: str, text: list[Path], folder: Path, seconds: float) -> dict[str, float]:
    """What one process of a kind measures."""
    processor = torch.device("cpu")
    groups: dict[str, Any] = {ONE: lambda _: SingleProcess(), TWO: TorchGroup, SILENT: SilentGroup}
    group: ProcessGroup = groups[kind](processor)
    train = {
        "updates": 1_000_000,
        "accumulate": 2 // group.size,
        "threads": 2 // group.size,
    }
    config = make_config({"train": train}, "benchmarks/processes.py")
    keep_freed_memory()
    data = Data(tuple(text[:2]), tuple(text[2:]), ("en", "fr"))
    run = open_run(folder, data, config, None, group, NoReport())
    loop = start_loop(run, group, NoReport())
    count = config.train.accumulate
    own = loop.progress.positions[group.rank * count : (group.rank + 1) * count]
    lanes = [stream(run.encoded, loop.batch_options, each, loop.lanes) for each in own]
    tokens, began, is_over = 0, 0.0, False
    while not is_over:
        batches = [next(lane) for lane in lanes]
        loop.update(batches)
        if loop.progress.update == WARM_UP:
            began = time.perf_counter()
        elif began:
            tokens += sum(int((batch.after != 0).sum()) for _, batch in batches)
            passed = float(time.perf_counter() - began >= seconds)
            is_over = bool(group.gather(passed)[0, 0])  # all end after the same update
    spent = time.perf_counter() - began
    parameters = sum(weight.numel() for weight in loop.trainer.weights.values())
    every = group.gather(tokens / spent)[:, 0].sum()
    return {"tokens per second": float(every), "parameters": parameters}


def measured(kind: str, text: list[Path], scratch: Path, seconds: float) -> dict[str, float]:
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    folder, result = scratch / kind.replace(" ", "-"), scratch / "result.json"
    done = subprocess.run(
        [
            *(sys.executable, *(start if kind != ONE else [])),
            *(__file__, *map(str, text), "--kind", kind, "--folder", str(folder)),
            *("--result", str(result), "--seconds", str(seconds)),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "2" if kind == ONE else "1"},
        check=False,
    )
    if done.returncode:
        sys.exit(f"{kind}: exit status {done.returncode}")
    numbers: dict[str, float] = json.loads(result.read_text())
    print(f"{kind}: {numbers['tokens per second']:,.0f} tokens/s", flush=True)
    return numbers


def lesson_files(folder: Path) -> list[Path]:
    lesson = split_lesson(20_000, 100, seed=1)
    files = []
    for name, examples in (("train", lesson.train), ("valid", lesson.test)):
        for side in ("source", "target"):
            files.append(folder / f"{name}.{side}")
            files[-1].write_text("".join(f"{getattr(one, side)}\n" for one in examples), "utf-8")
    return files


def with_valid(text: list[Path], folder: Path) -> list[Path]:
    """The files, and their first hundred lines as validation text, which is not measured."""
    files = list(text)
    for file in text:
        files.append(folder / f"valid-{file.name}")
        with file.open("rb") as lines:
            files[-1].write_bytes(b"".join(islice(lines, 100)))
    return files


def compare(text: list[Path], seconds: float, rounds: int, results: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="regard-processes-") as scratch:
        folder = Path(scratch)
        files = with_valid(text, folder) if text else lesson_files(folder)
        runs: dict[str, list[float]] = {kind: [] for kind in (ONE, TWO, SILENT)}
        parameters = 0.0
        for _ in range(rounds):
            for kind, speeds in runs.items():
                numbers = measured(kind, files, folder, seconds)
                speeds.append(numbers["tokens per second"])
                parameters = numbers["parameters"]
    ratios = [two / one for one, two in zip(runs[ONE], runs[TWO], strict=True)]
    shares = [1 - two / silent for two, silent in zip(runs[TWO], runs[SILENT], strict=True)]
    result = {
        "target tokens per second": {
            kind: [round(one) for one in own] for kind, own in runs.items()
        },
        "two processes beside two threads": round(median(ratios), 3),
        "share of time in communication": round(median(shares), 3),
        "parameters": parameters,
        "tokens of a batch": Config().train.batch_tokens,
        "system": describe_system(),
    }
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / "processes.json", result)
    print(json.dumps(result, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path, nargs="*", help="two text files")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    for internal in ("kind", "folder", "result"):
        parser.add_argument(f"--{internal}", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.kind:
        numbers = train_for(asked.kind, asked.text, Path(asked.folder), asked.seconds)
        if os.environ.get("RANK", "0") == "0":
            write_json(Path(asked.result), numbers)
    else:
        compare(asked.text, asked.seconds, asked.rounds, asked.results)


if __name__ == "__main__":
    main()
