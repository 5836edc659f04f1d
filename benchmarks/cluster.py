"""Bulk translation on Ray against one process: speed, memory of a node, workers that are killed.

    python benchmarks/cluster.py train.en [--lines 200000] [--model en-fr] [--workers 2]

The same lines are translated three times: without Ray, on a Ray of this machine, and again while
workers are killed at random times. All outputs must be the same bytes. Speed is measured from the
first lines that are written to the last ones, so that the start of Ray, which is reported too, does
not count. Linux only: it reads /proc.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from regard.data.formats.lines import read_lines
from regard.files import write_json
from regard.system import describe_system, installed

HERE = Path(__file__).resolve().parent
SAMPLE_SECONDS = 0.2
"""Between two looks at a run."""
ACTOR = "ray::NodeWorker"
"""How the processes that translate are called."""
SHARE_OF_KILLS = 0.8
"""Workers are killed before so much of the text is written."""


class Measured(NamedTuple):
    """One run of the command."""

    start: float
    """Seconds until the first lines were written."""
    rate: float
    """Lines per second from then on."""
    driver: float
    """Memory of the command itself, at most, in MB: what is shared counts in parts (PSS)."""
    workers: float
    """The same of all processes that translate on the node."""
    others: float
    """The same of Ray's own processes."""
    kills: int


def descendants(parent: int) -> list[int]:
    """A process and all that it has started."""
    try:
        own = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [parent, *(each for child in own for each in descendants(int(child)))]


def memory_of(process: int) -> float:
    """The proportional memory of a process in MB; 0 if it has ended."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0


def name_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def lines_written(out: Path, name: str) -> int:
    """Lines of the output, or of its unfinished part."""
    for file in (out / f"{name}.part", out / name):
        try:
            return file.read_bytes().count(b"\n")
        except OSError:
            continue
    return 0


def measure(command: list[str], out: Path, name: str, lines: int, kill_at: list[int]) -> Measured:
    """Run a command, and kill a worker when so many lines are written."""
    began = time.monotonic()
    environment = {**os.environ, "RAY_worker_niceness": "0"}  # Ray's own is 15
    process = subprocess.Popen([*command, "--out", f"{out}/"], env=environment)
    first = (0.0, 0)
    memory = {"driver": 0.0, "workers": 0.0, "others": 0.0}
    kills = 0
    while process.poll() is None:
        time.sleep(SAMPLE_SECONDS)
        written = lines_written(out, name)
        if written and not first[1]:
            first = time.monotonic() - began, written
        sums = dict.fromkeys(memory, 0.0)
        actors = []
        for each in descendants(process.pid):
            is_actor = name_of(each).startswith(ACTOR)
            actors += [each] if is_actor else []
            kind = "driver" if each == process.pid else "workers" if is_actor else "others"
            sums[kind] += memory_of(each)
        memory = {kind: max(most, sums[kind]) for kind, most in memory.items()}
        if kills < len(kill_at) and written >= kill_at[kills] and actors:
            os.kill(random.choice(actors), signal.SIGKILL)
            kills += 1
    seconds = time.monotonic() - began
    assert process.returncode == 0, command
    rate = (lines - first[1]) / max(seconds - first[0], SAMPLE_SECONDS)
    return Measured(first[0], rate, memory["driver"], memory["workers"], memory["others"], kills)


def rounded(measured: Measured) -> dict[str, float]:
    return {
        "seconds to the first lines": round(measured.start, 1),
        "lines per second from then on": round(measured.rate, 1),
        "memory of the command, MB": round(measured.driver),
        "memory of a node's workers, MB": round(measured.workers),
        "memory of Ray itself, MB": round(measured.others),
        "workers killed": measured.kills,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "cluster.json")
    asked = parser.parse_args()
    random.seed(asked.seed)
    lines = [*islice(read_lines(asked.text), asked.lines)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "text"
        source.write_bytes(b"".join(line + b"\n" for line in lines))
        command = [sys.executable, "-m", "regard", "translate", str(source)]
        command += ["--model", asked.model, "--beam", str(asked.beam)]
        command += ["--workers", str(asked.workers)]
        last_kill = int(SHARE_OF_KILLS * len(lines))
        kill_at = sorted(random.randrange(1, last_kill) for _ in range(asked.kills))
        runs = {"one process": ([], []), "Ray": (["--ray"], []), "killed": (["--ray"], kill_at)}
        results, outputs = {}, []
        for run, (more, kills) in runs.items():
            out = folder / run.replace(" ", "-")
            results[run] = rounded(measure([*command, *more], out, "text", len(lines), kills))
            outputs.append((out / "text").read_bytes())
            print(run, results[run], flush=True)
    assert len(set(outputs)) == 1, "the outputs differ"
    speeds = [results[run]["lines per second from then on"] for run in ("Ray", "one process")]
    content = {
        "system": {**describe_system(), "ray": installed("ray")},
        "lines": len(lines),
        "model": Path(asked.model).stem,
        "beam": asked.beam,
        "workers": asked.workers,
        "runs": results,
        "speed on Ray, of one process": round(speeds[0] / speeds[1], 3),
        "outputs are the same bytes": True,
    }
    write_json(asked.results, content)


if __name__ == "__main__":
    main()
