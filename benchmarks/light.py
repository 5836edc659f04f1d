"""How light regard is for users who only translate: on disk, in memory, and from a cold start.

    python benchmarks/light.py

Builds the wheel, installs it with its base dependencies alone into an empty environment (pip, from
the package index), and measures the result. It runs on Linux only, because it reads /proc.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from regard.data.formats.lines import read_texts
from regard.system import describe_system

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SENTENCE = "The black cat ate the mouse.\n"
STARTS = 7
"""Cold starts, after one that brings the files from the disk into memory; the median counts."""
LINES = 200_000
SETTLED = 20_000
"""Lines after which memory must not grow."""
EVERY = 0.2
"""Seconds between two samples of the memory."""
NOT_OURS = ("pip", "setuptools", "wheel", "_distutils_hack", "distutils-precedence")
"""Prefixes of the names of what an empty environment contains."""

REPORTS_PEAK = (
    "import atexit, sys\n"
    "def report():\n"
    "    status = open('/proc/self/status').read()\n"
    "    print(status.split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
    "atexit.register(report)\n"
    "from regard.cli import main\n"
    "main()\n"
)
"""Runs `regard`, and prints its peak resident memory at the end, in KiB."""


# What is installed


def install(scratch: Path) -> Path:
    """Create an environment with regard's wheel and its dependencies; returns its folder.

    Raises CalledProcessError if the wheel cannot be built or installed.
    """
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    folder = scratch / "empty"
    venv.create(folder, with_pip=True)
    wheel = next(scratch.glob("*.whl"))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run(pip, check=True)
    return folder


class Part(NamedTuple):
    megabytes: float
    """Of its files, by their lengths."""
    compiled: float
    """Of its `__pycache__`, not counted above: Python can recreate it."""


def sizes(folder: Path) -> dict[str, Part]:
    """The size of each package in site-packages, the largest first, without NOT_OURS."""
    bytes_by_part: dict[str, list[int]] = {}
    site = next(folder.glob("lib/python*/site-packages"))
    for file in site.rglob("*"):
        top = file.relative_to(site).parts[0]
        if file.is_file() and not top.startswith(NOT_OURS):
            name = top.partition("-")[0].removesuffix(".libs")
            bytes_by_part.setdefault(name, [0, 0])["__pycache__" in file.parts] += (
                file.stat().st_size
            )
    parts = {
        name: Part(*(round(size / 1e6, 2) for size in both)) for name, both in bytes_by_part.items()
    }
    return dict(sorted(parts.items(), key=lambda item: -item[1].megabytes))


# One sentence from a cold start


class Start(NamedTuple):
    seconds: float
    """From the shell's call to the end of the process."""
    processor_seconds: float


def start(folder: Path) -> Start:
    """`echo ... | regard translate`; raises RuntimeError if it writes nothing."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [folder / "bin" / "regard", "translate"],
        input=SENTENCE, capture_output=True, check=True, text=True, env=plain_environment(),
    )  # fmt: skip
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if not done.stdout.strip():
        raise RuntimeError(f"nothing was translated: {done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Start(seconds, used)


def plain_environment() -> dict[str, str]:
    """The environment without variables that affect Python or threads."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OMP_", "VIRTUAL_ENV"))
    }


def cold_starts(folder: Path) -> dict[str, Any]:
    first = start(folder)
    starts = [start(folder) for _ in range(STARTS)]
    return {
        "seconds": round(median(one.seconds for one in starts), 3),
        "processor seconds": round(median(one.processor_seconds for one in starts), 3),
        "all": [round(one.seconds, 3) for one in starts],
        "first run after the install": round(first.seconds, 3),
        "megabytes resident at most": peak_of_one(folder),
    }


def peak_of_one(folder: Path) -> float:
    done = subprocess.run(
        [folder / "bin" / "python", "-c", REPORTS_PEAK, "translate"],
        input=SENTENCE, capture_output=True, check=True, text=True, env=plain_environment(),
    )  # fmt: skip
    return round(int(done.stderr.split()[-1]) * 1024 / 1e6, 1)


# A long file


class Sample(NamedTuple):
    lines: int
    """That have been translated."""
    seconds: float
    megabytes: float
    """Resident now."""


def watch(folder: Path, lines: Iterator[str]) -> list[Sample]:
    """Translate `lines` in one process and sample its memory.

    The last sample is the peak. Raises RuntimeError if it fails.
    """
    with subprocess.Popen(
        [folder / "bin" / "python", "-c", REPORTS_PEAK, "translate"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8", env=plain_environment(),
    ) as process:  # fmt: skip
        to, translated, said = process.stdin, process.stdout, process.stderr
        assert to and translated and said
        done = [0]

        def write() -> None:
            with suppress(BrokenPipeError), to:
                to.writelines(lines)

        def count() -> None:
            for _ in translated:
                done[0] += 1

        helpers = [threading.Thread(target=work) for work in (write, count)]
        for helper in helpers:
            helper.start()
        samples, began = [], time.perf_counter()
        while process.poll() is None:
            time.sleep(EVERY)
            samples.append(Sample(done[0], time.perf_counter() - began, resident(process.pid)))
        for helper in helpers:
            helper.join()
        ended = said.read()
    if process.returncode:
        raise RuntimeError(ended)
    peak = int(ended.split()[-1]) * 1024 / 1e6
    return [*samples, Sample(done[0], samples[-1].seconds, peak)]


def resident(process: int) -> float:
    """Megabytes; 0 when it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text("ascii", errors="replace")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6 if "VmRSS:" in status else 0.0
    return 0.0


def long_file(folder: Path, lines: list[str], count: int) -> dict[str, Any]:
    """Memory over a file of `count` lines: `lines`, again and again if they are fewer."""
    lines = lines[:count]
    settled = SETTLED * count // LINES
    *samples, last = watch(folder, islice(cycle(lines), count))
    before = [sample.megabytes for sample in samples if sample.lines <= settled]
    after = [sample for sample in samples if sample.lines > settled and sample.megabytes]
    slope = np.polyfit(
        [sample.lines for sample in after], [sample.megabytes for sample in after], 1
    )[0]
    return {
        "lines": last.lines,
        "distinct lines": len(set(lines)),
        "words in a line": round(sum(len(line.split()) for line in lines) / len(lines), 1),
        "lines/s": round(last.lines / last.seconds, 1),
        "megabytes resident at most": round(last.megabytes, 1),
        f"at most in the first {settled:,} lines": round(max(before), 1),
        "at most after them": round(max(sample.megabytes for sample in after), 1),
        "trend after them, megabytes in 100,000 lines": round(slope * 1e5, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    everyday = ROOT.parent / "shared" / "data" / "tatoeba-enfr" / "tatoeba.en.gz"
    parser.add_argument("--text", type=Path, default=everyday, help="English, a sentence a line")
    parser.add_argument("--lines", type=int, default=LINES, help="fewer, to try this out")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "light.json")
    asked = parser.parse_args()
    lines = [f"{line}\n" for line in read_texts(asked.text)]
    Random(1).shuffle(lines)  # a text may be sorted by length, and long lines need more memory
    with tempfile.TemporaryDirectory(prefix="regard-light-") as scratch:
        folder = install(Path(scratch))
        parts = sizes(folder)
        result = {
            "installed MB": round(sum(part.megabytes for part in parts.values()), 1),
            "its __pycache__, not counted, MB": round(sum(p.compiled for p in parts.values()), 1),
            "parts": {name: part._asdict() for name, part in parts.items()},
            "one sentence from a cold start": cold_starts(folder),
            "a long file": long_file(folder, lines, asked.lines),
            "system": describe_system(),
        }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
