"""How much memory training takes: on 0.5 million pairs and on 5 million."""

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from regard.system import describe_system

HERE = Path(__file__).resolve().parent

PAIRS = 500_000
"""Pairs of the smaller text."""
TIMES = 10
"""How many times the larger text holds them, each time changed a little."""
SAMPLE_SECONDS = 0.05
"""Between two measurements of the memory of a run."""
PHASES = ("preparing", "vocabulary", "training")

SETTINGS: dict[str, dict[str, Any]] = {
    "model": {"embedding_size": 32, "encoder_size": 32, "decoder_size": 32},
    "train": {"updates": 40, "warmup": 10, "validate_every": 40},
    "data": {"held_out": 100},
}
"""A tiny model, so that most of the memory is that of the text; other options are the defaults."""


# The measured run, in its own process


def begin(phase: str) -> None:
    print(phase, flush=True)


def announced(work: Callable[..., Any], phase: str) -> Callable[..., Any]:
    """`work`, which first prints that a phase begins."""

    def announcing(*arguments: Any, **named: Any) -> Any:
        begin(phase)
        return work(*arguments, **named)

    return announcing


def learn(folder: Path) -> None:
    """Do what `regard train` does, and print when each phase begins."""
    from regard.settings import make_config
    from regard.training import folder as preparing
    from regard.training.data import Data, learn_vocabularies
    from regard.training.distributed import SingleProcess
    from regard.training.loop import run_training
    from regard.training.report import NoReport

    vars(preparing).update(learn_vocabularies=announced(learn_vocabularies, "vocabulary"))
    data = Data((folder / "train.en", folder / "train.fr"), (), ("en", "fr"))
    config = make_config(SETTINGS, "benchmarks/memory.py")
    begin("preparing")
    group, report = SingleProcess(), NoReport()
    run = preparing.open_run(folder / "run", data, config, None, group, report)
    begin("training")
    run_training(run, config.train.minutes, group, report)


# The measuring process


class Phase(NamedTuple):
    megabytes: float
    """Peak of anonymous memory, which excludes files mapped from disk."""
    seconds: float


def anonymous(process: int) -> float:
    """Megabytes of anonymous memory that a process holds now; 0 once it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        match = re.search(r"RssAnon:\s*(\d+) kB", status)
        return int(match[1]) * 1024 / 1e6 if match else 0.0
    return 0.0


def measure(folder: Path) -> dict[str, Phase]:
    """The peak and the time of each phase of a run on the text in `folder`.

    Raises RuntimeError if the run fails.
    """
    command = [sys.executable, str(Path(__file__).resolve()), "--learn", str(folder)]
    began: dict[str, float] = {}
    peaks = dict.fromkeys(PHASES, 0.0)

    def record(output: IO[str]) -> None:
        for line in output:
            began[line.strip()] = time.monotonic()

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=record, args=(process.stdout,))
        reader.start()
        while process.poll() is None:
            time.sleep(SAMPLE_SECONDS)
            if began:
                phase = list(began)[-1]
                peaks[phase] = max(peaks[phase], anonymous(process.pid))
        reader.join()
    if process.returncode or list(began) != list(PHASES):
        raise RuntimeError(f"the run ended with {process.returncode} after {list(began)}")
    ends = [*list(began.values())[1:], time.monotonic()]
    return {
        phase: Phase(peaks[phase], end - start)
        for (phase, start), end in zip(began.items(), ends, strict=True)
    }


# The text


def lines(file: Path, count: int) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as opened:
        yield from islice(opened, count)


def write_text(data: Path, folder: Path, count: int, times: int) -> None:
    """Write the first `count` pairs `times` times; repetitions end in " 1", " 2", ...

    All copies of a pair differ, so the search for duplicates stores as many pairs as there are.
    """
    folder.mkdir()
    for name in ("train.en", "train.fr"):
        with (folder / name).open("w", encoding="utf-8", newline="\n") as written:
            for copy in range(times):
                ending = f" {copy}\n" if copy else "\n"
                for line in lines(data / f"{name}.gz", count):
                    written.write(line.rstrip("\n") + ending)


# The command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=f"Prepare and train on {PAIRS:,} pairs of Europarl and on {TIMES} times as"
        " many, each in a new process, and print the peak of anonymous memory (files mapped from"
        " disk excluded) in each phase: preparing the text, learning the vocabulary, training."
        " It runs on Linux only, and needs 4 GB of disk.",
        epilog="To try it out: python benchmarks/memory.py --scale 1/100 --out /tmp/memory.json",
    )
    parser.add_argument("--learn", type=Path, help=argparse.SUPPRESS)
    data = HERE.parent.parent / "shared" / "data" / "europarl-v7-enfr-500k"
    parser.add_argument(
        "--data",
        type=Path,
        default=data,
        help="folder with train.en.gz and train.fr.gz (default: %(default)s)",
    )
    parser.add_argument(
        "--scale",
        type=Fraction,
        default=Fraction(1),
        metavar="FRACTION",
        help="fraction of the pairs that is used, such as 1/100 for a trial (default: all)",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        help="folder for the text and the runs (default: a new temporary one)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "results" / "memory.json",
        help="JSON file for the results (default: %(default)s)",
    )
    return parser.parse_args()


def print_table(counts: list[int], runs: list[dict[str, Phase]]) -> None:
    print(
        f"\n{'peak of anonymous memory':<26}" + "".join(f"{n:>12,} pairs" for n in counts), end=""
    )
    print(f"{'difference':>14}{'time':>20}")
    for phase in PHASES:
        small, large = (run[phase] for run in runs)
        print(
            f"  {phase:<24}{small.megabytes:>15,.0f} MB{large.megabytes:>15,.0f} MB"
            f"{large.megabytes - small.megabytes:>+11,.0f} MB"
            f"{f'{small.seconds:,.0f} s, {large.seconds:,.0f} s':>20}"
        )


def main() -> None:
    options = arguments()
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks/memory.py reads /proc, which only Linux has")
    if options.learn:
        learn(options.learn)
        return
    system = describe_system()
    print(", ".join(f"{name} {value}" for name, value in system.items()))
    count = int(PAIRS * options.scale)
    counts, runs = [count, TIMES * count], []
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="regard-memory-", dir=options.scratch) as scratch:
        for number, times in enumerate((1, TIMES)):
            folder = Path(scratch) / str(number)
            write_text(options.data, folder, count, times)
            print(f"training on {counts[number]:,} pairs", flush=True)
            runs.append(measure(folder))
    print_table(counts, runs)
    result = {
        "system": system,
        "settings": SETTINGS,
        "sample_seconds": SAMPLE_SECONDS,
        "pairs": counts,
        "phases": {phase: [run[phase]._asdict() for run in runs] for phase in PHASES},
        "difference_megabytes": {
            phase: runs[1][phase].megabytes - runs[0][phase].megabytes for phase in PHASES
        },
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten: {options.out}")


if __name__ == "__main__":
    main()
