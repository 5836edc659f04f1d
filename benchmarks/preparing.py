"""How much time and memory it takes to prepare a corpus: of 1, 5 and 20 million pairs, in one
process and in two."""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from regard.system import describe_system

HERE = Path(__file__).resolve().parent
SIZES = (1_000_000, 5_000_000, 20_000_000)
PROCESSES = (1, 2)
SAMPLE_SECONDS = 0.1
"""Between two measurements of the memory."""
LANGUAGES = ("en", "fr")


# The measured process


def prepare_text(files: Sequence[Path], folder: Path, processes: int) -> None:
    """Prepare a corpus, and print what that took as JSON."""
    from regard.config import DataOptions
    from regard.data.clean import Limits
    from regard.data.corpus import prepare

    options = DataOptions()
    limits = Limits(**{name: getattr(options, name) for name in Limits._fields})
    begin = time.monotonic()
    corpus = prepare(files, LANGUAGES, limits, folder, lambda _: None, processes)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    measured = {
        "seconds": time.monotonic() - begin,
        "processor_seconds": sum(each.ru_utime + each.ru_stime for each in used),
        "read": corpus.report.read,
        "kept": len(corpus),
        "fingerprint": corpus.fingerprint,
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
    }
    print(json.dumps(measured))


# The measuring process


class Measured(NamedTuple):
    pairs: int
    """Those that were read."""
    kept: int
    processes: int
    seconds: float
    processor_microseconds_a_pair: float
    """Of all processes together, from their start to their end."""
    first_process_megabytes: float
    """Peak of anonymous memory, which excludes files mapped from disk."""
    all_processes_megabytes: float
    """The same of all processes together."""
    disk_bytes_a_pair: float
    """Of the prepared corpus, its texts included."""
    fingerprint: str


def anonymous_megabytes(process: int) -> float:
    """What a process holds now; 0 once it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        if match := re.search(r"RssAnon:\s*(\d+) kB", status):
            return int(match[1]) * 1024 / 1e6
    return 0.0


def children_of(process: int) -> list[int]:
    with suppress(OSError):
        text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        return [int(number) for number in text.split()]
    return []


def measure_preparing(files: Sequence[Path], folder: Path, processes: int) -> Measured:
    """Raises RuntimeError if the preparation fails."""
    command = [sys.executable, str(Path(__file__).resolve()), *map(str, files)]
    command += ["--into", str(folder), "--processes", str(processes)]
    first = together = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            own = anonymous_megabytes(process.pid)
            others = sum(map(anonymous_megabytes, children_of(process.pid)))
            first, together = max(first, own), max(together, own + others)
            time.sleep(SAMPLE_SECONDS)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"preparing ended with {process.returncode}")
    measured = json.loads(output)
    return Measured(
        measured["read"],
        measured["kept"],
        processes,
        round(measured["seconds"], 2),
        round(measured["processor_seconds"] / measured["read"] * 1e6, 2),
        round(first, 1),
        round(together, 1),
        round(measured["bytes"] / measured["kept"], 1),
        measured["fingerprint"],
    )


# The text


def repeated(file: Path) -> Iterator[str]:
    """The lines of a text again and again; after the first time each ends in another number, so
    that no two copies are equal."""
    from regard.data.formats.lines import read_lines

    for copy in count():
        ending = f" {copy}\n" if copy else "\n"
        for line in read_lines(file):
            yield line.decode(errors="replace") + ending


def write_repeated(files: Sequence[Path], folder: Path, pairs: int) -> list[Path]:
    """Write so many pairs into files of a new folder."""
    folder.mkdir()
    written = [folder / f"train.{code}" for code in LANGUAGES]
    for source, target in zip(files, written, strict=True):
        with target.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(islice(repeated(source), pairs))
    return written


# The command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Prepare 1, 5 and 20 million pairs of a text that is repeated, each copy with"
        " another number at its ends, in one process and in two; print the processor time a pair"
        " and the peak of anonymous memory. It runs on Linux only; 20 million pairs of Europarl"
        " need 25 GB of disk.",
        epilog="To try it out: python benchmarks/preparing.py train.en train.fr --sizes 100000"
        " --out /tmp/preparing.json",
    )
    parser.add_argument("files", type=Path, nargs=2, metavar="FILES", help="parallel text")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="pairs (default: %(default)s)"
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        help="folder for the text and the corpora (default: a temporary one)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "results" / "preparing.json",
        help="JSON file for the results (default: %(default)s)",
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks/preparing.py reads /proc, which only Linux has")
    if options.into:
        prepare_text(options.files, options.into, options.processes)
        return
    system, results = describe_system(), list[Measured]()
    print(", ".join(f"{name} {value}" for name, value in system.items()))
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="regard-preparing-", dir=options.scratch) as name:
            files = write_repeated(options.files, Path(name) / "text", size)
            for processes in PROCESSES:
                folder = Path(name) / f"corpus-{processes}"
                measured = measure_preparing(files, folder, processes)
                results.append(measured)
                print(
                    f"{size:>12,} pairs, {processes} process{'es' if processes > 1 else ''}:"
                    f" {measured.seconds:,.1f} s, processor"
                    f" {measured.processor_microseconds_a_pair:.1f} µs a pair, anonymous memory"
                    f" {measured.first_process_megabytes:,.0f} MB in the first process,"
                    f" {measured.all_processes_megabytes:,.0f} MB in all",
                    flush=True,
                )
            if len({each.fingerprint for each in results[-len(PROCESSES) :]}) > 1:
                sys.exit("the corpora of one process and of two differ")
    content = {
        "system": system,
        "files": [file.name for file in options.files],
        "sample_seconds": SAMPLE_SECONDS,
        "results": [each._asdict() for each in results],
    }
    options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
