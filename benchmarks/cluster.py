"""Bulk translation on Ray against one process: speed, memory of a node, and what is lost when
workers, nodes and the command itself are killed.

    python benchmarks/cluster.py train.en [--lines 200000] [--model en-fr] [--workers 2]

Speed is measured in turns, with and without a Ray of this machine, on a fifth of the lines: from
the first lines that are written to the last ones, so that the start of Ray, which is reported too,
does not count. Then all lines, divided into 20 files, are translated without Ray, and on a cluster
of nodes with one processor each, of which a worker, a node or the command is killed again and
again at random moments; after each kill of the command it is started with `--resume`. All outputs
must be the same bytes. Linux only: it reads /proc.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from regard.data.formats.lines import read_lines
from regard.files import write_json
from regard.system import describe_system, installed

HERE = Path(__file__).resolve().parent
SHARDS = 20
SAMPLE_SECONDS = 0.2
"""Between two measurements of a run."""
ACTOR = b"ray::NodeWorker"
"""How the processes that translate are called."""
VICTIMS = ("worker", "node", "command")
SHARE_OF_SPEED = 0.2
"""Of the lines, that speed is measured with."""
SHARE_OF_KILLS = 0.8
"""All kills come before so much of the text is written."""
QUIET_RAY = {
    "RAY_worker_niceness": "0",  # Ray's own is 15
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on 127.0.0.1 alone
    "RAY_USAGE_STATS_ENABLED": "0",
}


# Processes


def descendants(parent: int) -> list[int]:
    """A process and all that it has started."""
    try:
        own = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [parent, *(each for child in own for each in descendants(int(child)))]


def memory_of(process: int) -> float:
    """The proportional memory of a process in MB; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def is_actor(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().startswith(ACTOR)
    return False


def memory_by_kind(command: int) -> dict[str, float]:
    """Megabytes of the command, of the processes that translate, and of Ray's own."""
    memory = {"command": 0.0, "workers": 0.0, "Ray": 0.0}
    for each in descendants(command):
        kind = "command" if each == command else "workers" if is_actor(each) else "Ray"
        memory[kind] += memory_of(each)
    return memory


# The text


class Text(NamedTuple):
    folder: Path
    lines: int

    def outputs(self, out: str) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted((self.folder / out).iterdir())}

    def lines_written(self, out: str) -> int:
        """Lines of the outputs and of their unfinished parts."""
        counted = 0
        for number in range(SHARDS):
            for name in (f"{number}.txt.part", f"{number}.txt"):
                with suppress(OSError):
                    counted += (self.folder / out / name).read_bytes().count(b"\n")
                    break
        return counted


def divide(source: Path, lines: int, folder: Path) -> Text:
    """Write the first lines of a file into equal shards of a new folder."""
    taken = [*islice(read_lines(source), lines)]
    (folder / "in").mkdir(parents=True)
    for number in range(SHARDS):
        first, end = (len(taken) * each // SHARDS for each in (number, number + 1))
        content = b"".join(line + b"\n" for line in taken[first:end])
        (folder / "in" / f"{number}.txt").write_bytes(content)
    return Text(folder, len(taken))


# Runs


class Measured(NamedTuple):
    """One run of the command."""

    start: float
    """Seconds until the first lines were written."""
    rate: float
    """Lines per second from then on."""
    memory: dict[str, float]
    """At most, in MB: what is shared counts in parts (PSS)."""

    def rounded(self) -> dict[str, float]:
        memory = {f"memory of {kind}, MB": round(most) for kind, most in self.memory.items()}
        return {
            "seconds to the first lines": round(self.start, 1),
            "lines per second from then on": round(self.rate, 1),
            **memory,
        }


def measure(command: Sequence[str], text: Text, out: str) -> Measured:
    """Raises RuntimeError if the command fails."""
    began = time.monotonic()
    process = subprocess.Popen([*command, "--out", f"{out}/"], cwd=text.folder)
    first = last = (0.0, 0)
    memory = dict.fromkeys(memory_by_kind(process.pid), 0.0)
    while process.poll() is None:
        time.sleep(SAMPLE_SECONDS)
        now = time.monotonic() - began, text.lines_written(out)
        first = first if first[1] else now
        last = now if now[1] > last[1] else last
        held = memory_by_kind(process.pid)
        memory = {kind: max(most, held[kind]) for kind, most in memory.items()}
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    rate = (last[1] - first[1]) / max(last[0] - first[0], SAMPLE_SECONDS)
    return Measured(first[0], rate, memory)


class Nodes:
    """A Ray cluster whose nodes, each with one processor, are processes of this machine."""

    def __init__(self, workers: int) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.added = [self.cluster.add_node(num_cpus=1) for _ in range(workers)]

    def replace_one(self) -> None:
        """A node is killed; another one comes."""
        number = random.randrange(len(self.added))
        self.cluster.remove_node(self.added[number], allow_graceful=False)
        self.added[number] = self.cluster.add_node(num_cpus=1)


def kill_a_worker() -> None:
    actors = [each for each in descendants(os.getpid()) if is_actor(each)]
    if actors:
        os.kill(random.choice(actors), signal.SIGKILL)


def translate_despite(
    kills: Sequence[tuple[int, str]], command: Sequence[str], text: Text, out: str, nodes: Nodes
) -> None:
    """Run the command, with a kill of each kind when so many lines are written.

    Raises RuntimeError if the command fails.
    """
    command = [*command, nodes.cluster.address, "--out", f"{out}/"]
    killers: dict[str, Callable[[], None]] = {"worker": kill_a_worker, "node": nodes.replace_one}
    process = subprocess.Popen(command, cwd=text.folder)
    for lines, victim in kills:
        while process.poll() is None and text.lines_written(out) < lines:
            time.sleep(SAMPLE_SECONDS)
        print(f"at {text.lines_written(out):,} lines: a {victim} is killed", flush=True)
        if victim == "command":
            process.kill()
            process.wait()
            process = subprocess.Popen([*command, "--resume"], cwd=text.folder)
        else:
            killers[victim]()
    if process.wait():
        raise RuntimeError(f"{command} ended with {process.returncode}")


# The command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("text", type=Path, help="one sentence a line")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="of the measurement of speed")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "cluster.json")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    os.environ |= QUIET_RAY
    random.seed(asked.seed)
    command = [sys.executable, "-m", "regard", "translate", "in/*.txt", "--beam"]
    command += [str(asked.beam), "--model", asked.model]
    one_host = [*command, "--workers", str(asked.workers)]
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        few = divide(asked.text, int(SHARE_OF_SPEED * asked.lines), Path(name) / "few")
        for number in range(asked.rounds):
            alone = measure(one_host, few, f"alone-{number}")
            on_ray = measure([*one_host, "--ray"], few, f"ray-{number}")
            rounds.append((alone, on_ray))
            print(f"alone {alone.rounded()}\non Ray {on_ray.rounded()}", flush=True)
        require_equal(few, [f"{run}-{n}" for n in range(asked.rounds) for run in ("alone", "ray")])
        text = divide(asked.text, asked.lines, Path(name) / "all")
        longest = measure(one_host, text, "alone")
        last = int(SHARE_OF_KILLS * text.lines)
        moments = sorted(random.randrange(1, last) for _ in range(asked.kills))
        victims = [VICTIMS[number % len(VICTIMS)] for number in range(asked.kills)]
        kills = [*zip(moments, random.sample(victims, len(victims)), strict=True)]
        translate_despite(kills, [*command, "--ray"], text, "killed", Nodes(asked.workers))
        require_equal(text, ["alone", "killed"])
    content = {
        "system": {**describe_system(), "ray": installed("ray")},
        "model": Path(asked.model).stem,
        "beam": asked.beam,
        "workers": asked.workers,
        "lines": few.lines,
        "rounds": [
            {"one process": alone.rounded(), "Ray": on_ray.rounded()} for alone, on_ray in rounds
        ],
        "speed on Ray, of one process": round(
            median(on_ray.rate / alone.rate for alone, on_ray in rounds), 3
        ),
        "lines while processes are killed": text.lines,
        "shards": SHARDS,
        "one process": longest.rounded(),
        "killed, at so many lines": [[victim, lines] for lines, victim in kills],
        "outputs are the same bytes": True,
    }
    write_json(asked.results, content)


def require_equal(text: Text, outs: Sequence[str]) -> None:
    outputs = [text.outputs(out) for out in outs]
    if outputs.count(outputs[0]) < len(outputs):
        sys.exit(f"the outputs differ: {', '.join(outs)}")


if __name__ == "__main__":
    main()
