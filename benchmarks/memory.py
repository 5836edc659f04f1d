"""How much memory training takes: of 0.5 million pairs and of 5 million, side by side."""

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
"""How often the larger one holds them, each time changed a little."""
SAMPLE_SECONDS = 0.05
"""Between two looks at the memory of a run."""
PHASES = ("preparing", "vocabulary", "training")

SETTINGS: dict[str, dict[str, Any]] = {
    "model": {"embedding_size": 32, "encoder_size": 32, "decoder_size": 32},
    "train": {"updates": 40, "warmup": 10, "validate_every": 40},
    "data": {"held_out": 100},
}
"""A tiny model, so that what is seen is the text's memory; all else is as shipped."""


# The run whose memory is watched: a process of its own


def begin(phase: str) -> None:
    print(phase, flush=True)


def announced(work: Callable[..., Any], phase: str) -> Callable[..., Any]:
    """`work`, which tells the watcher first that a phase begins."""

    def told(*arguments: Any, **named: Any) -> Any:
        begin(phase)
        return work(*arguments, **named)

    return told


def learn(folder: Path) -> None:
    """What `regard train` does, in a fresh process, telling when each phase begins."""
    from regard.config import make_config
    from regard.training import data as preparing
    from regard.training.folder import open_run
    from regard.training.loop import run_training
    from regard.training.report import NoReport

    preparing.learn_vocabularies = announced(preparing.learn_vocabularies, "vocabulary")
    data = preparing.Data((folder / "train.en", folder / "train.fr"), (), ("en", "fr"))
    config = make_config(SETTINGS, "benchmarks/memory.py")
    begin("preparing")
    run = open_run(folder / "run", data, config, None, NoReport())
    begin("training")
    run_training(run, config.train.minutes, NoReport())


# The watcher


class Phase(NamedTuple):
    megabytes: float
    """Largest anonymous memory: all that is not a file mapped from disk."""
    seconds: float


def anonymous(process: int) -> float:
    """Megabytes of anonymous memory that a process holds now; 0 once it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"RssAnon:\s*(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0
    return 0.0


def watch(folder: Path) -> dict[str, Phase]:
    """The peak and the time of each phase of a run on the text in `folder`.

    Raises RuntimeError if the run fails.
    """
    command = [sys.executable, str(Path(__file__).resolve()), "--learn", str(folder)]
    began: dict[str, float] = {}
    peaks = dict.fromkeys(PHASES, 0.0)

    def listen(said: IO[str]) -> None:
        for line in said:
            began[line.strip()] = time.monotonic()

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listener = threading.Thread(target=listen, args=(process.stdout,))
        listener.start()
        while process.poll() is None:
            time.sleep(SAMPLE_SECONDS)
            if began:
                phase = list(began)[-1]
                peaks[phase] = max(peaks[phase], anonymous(process.pid))
        listener.join()
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


def lay_out(data: Path, folder: Path, count: int, times: int) -> None:
    """The first `count` pairs, `times` over; " 1", " 2", ... behind the repeated ones.

    So all copies of a pair differ, and the search for duplicates has as many pairs to remember.
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
        " many, each in a fresh process, and tell the peak of anonymous memory (what is not a file"
        " mapped from disk) of each phase: preparing the text, learning the vocabulary, training."
        " It works on Linux only, and takes 4 GB of disk while it runs.",
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
        metavar="SHARE",
        help="share of the pairs that is used, such as 1/100, to try this out (default: all)",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        help="where the text and the runs lie meanwhile (default: a new one)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "results" / "memory.json",
        help="where the results go as JSON (default: %(default)s)",
    )
    return parser.parse_args()


def table(counts: list[int], found: list[dict[str, Phase]]) -> None:
    print(
        f"\n{'peak of anonymous memory':<26}" + "".join(f"{n:>12,} pairs" for n in counts), end=""
    )
    print(f"{'difference':>14}{'time':>20}")
    for phase in PHASES:
        small, large = (each[phase] for each in found)
        print(
            f"  {phase:<24}{small.megabytes:>15,.0f} MB{large.megabytes:>15,.0f} MB"
            f"{large.megabytes - small.megabytes:>+11,.0f} MB"
            f"{f'{small.seconds:,.0f} s, {large.seconds:,.0f} s':>20}"
        )


def main() -> None:
    asked = arguments()
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks/memory.py reads /proc, which only Linux has")
    if asked.learn:
        learn(asked.learn)
        return
    where = describe_system()
    print(", ".join(f"{name} {value}" for name, value in where.items()))
    count = int(PAIRS * asked.scale)
    counts, found = [count, TIMES * count], []
    if asked.scratch:
        asked.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="regard-memory-", dir=asked.scratch) as scratch:
        for number, times in enumerate((1, TIMES)):
            folder = Path(scratch) / str(number)
            lay_out(asked.data, folder, count, times)
            print(f"training on {counts[number]:,} pairs", flush=True)
            found.append(watch(folder))
    table(counts, found)
    result = {
        "system": where,
        "settings": SETTINGS,
        "sample_seconds": SAMPLE_SECONDS,
        "pairs": counts,
        "phases": {phase: [each[phase]._asdict() for each in found] for phase in PHASES},
        "difference_megabytes": {
            phase: found[1][phase].megabytes - found[0][phase].megabytes for phase in PHASES
        },
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten: {asked.out}")


if __name__ == "__main__":
    main()
