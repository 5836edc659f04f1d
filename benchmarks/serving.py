"""How much of the engine's speed a server passes on, with many clients at once.

    python benchmarks/serving.py dev.en [--clients 1 10 100 1000] [--seconds 60]

`regard serve` answers real sentences (without a file, those of the lesson); each client waits for
its answer, then asks again, over a connection that stays open. Counted are sentences per second of
processor time of the server's processes; those of the clients do not count. Machines change their
speed from minute to minute, so the engine translates the same lines beside each measurement: beside
one client each sentence right before or right after the server, by lot, since whoever comes second
has its rows of the tables in the processor's cache; else all lines together, before, between and
after `--rounds` of load.
Answers that are not, character for character, what `regard translate` writes of that line are
counted; if there are any, the exit status is 1, and so it is if --at-least is not reached. Beside
the server stands the loop of LibreTranslate's application, with the same engine: four threads, each
of which translates one text after the other. Linux only: it reads /proc.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, pairwise
from pathlib import Path
from random import Random
from statistics import mean, median, quantiles
from typing import Any, NamedTuple

import regard
from regard.files import write_json
from regard.lesson.corpus import examples
from regard.system import cores, describe_system

HERE = Path(__file__).resolve().parent
LOOP_THREADS = 4
"""LibreTranslate's own number."""
TICKS = os.sysconf("SC_CLK_TCK")
PRIVATE = re.compile(r"^(?:Pss|Swap):\s+(\d+) kB", re.MULTILINE)


class Usage(NamedTuple):
    seconds: float
    """Of processor time."""
    megabytes: float
    """Of memory, of all processes together; what several share counts once."""


def processes_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *(int(child) for child in children)]


def usage_of(parent: int) -> Usage:
    seconds, megabytes = 0.0, 0.0
    for process in processes_of(parent):
        folder = Path(f"/proc/{process}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
        memory = (folder / "smaps_rollup").read_text()
        megabytes += sum(int(kilobytes) for kilobytes in PRIVATE.findall(memory)) * 1024 / 1e6
    return Usage(seconds, megabytes)


def processor_seconds() -> float:
    """Of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def request(body: bytes) -> bytes:
    head = (
        f"POST /translate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def content_length(header: bytes) -> int:
    assert header.startswith(b"HTTP/1.1 200"), header
    return int(header.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


def ask(connection: socket.socket, asked: bytes) -> bytes:
    """The content of the answer to a request; with as little work as possible, since it is
    measured, too."""
    connection.sendall(asked)
    answer = connection.recv(1 << 20)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(1 << 20)
    header, _, content = answer.partition(b"\r\n\r\n")
    while len(content) < content_length(header):
        content += connection.recv(1 << 20)
    return content


Answered = tuple[int, bytes, float]
"""The number of a body, the answer, and seconds until it came."""


async def client(
    port: int,
    bodies: Sequence[bytes],
    numbers: Iterable[int],
    until: float,
    answers: list[Answered],
) -> None:
    """Ask for the bodies of these numbers, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        if time.monotonic() > until:
            break
        began = time.perf_counter()
        writer.write(request(bodies[number]))
        header = await reader.readuntil(b"\r\n\r\n")
        content = await reader.readexactly(content_length(header))
        answers.append((number, content, time.perf_counter() - began))
    writer.close()


async def load(port: int, bodies: Sequence[bytes], clients: int, seconds: float) -> list[Answered]:
    answers: list[Answered] = []
    until = time.monotonic() + seconds
    numbers = cycle(range(len(bodies)))  # no two ask for the same at a time, if there are enough
    await asyncio.gather(*(client(port, bodies, numbers, until, answers) for _ in range(clients)))
    return answers


def request_bodies(asked: Sequence[Sequence[str]]) -> list[bytes]:
    """One sentence is a string, several are a list."""
    return [
        json.dumps({"q": own if len(own) > 1 else own[0], "source": "en", "target": "fr"}).encode()
        for own in asked
    ]


class Bench:
    """One server and the engine beside it."""

    def __init__(
        self, model: str, lines: Sequence[str], server: int, port: int, rounds: int
    ) -> None:
        self.lines, self.server, self.port, self.rounds = lines, server, port, rounds
        self.idle = usage_of(server)
        self.together = regard.load(model, engine="onnx", workers=cores())
        self.alone = regard.load(model, engine="onnx", workers=1)
        self.written = [one.text for one in self.together.translate(lines)]
        self.alone.translate(lines[:20])

    def warm_up(self) -> None:
        bodies = request_bodies([[line] for line in self.lines])
        asyncio.run(load(self.port, bodies, 20, 2.0))

    def own_speed(self) -> float:
        """Sentences per processor-second of the engine, all lines together."""
        before = processor_seconds()
        self.together.translate(self.lines)
        return len(self.lines) / (processor_seconds() - before)

    def loop(self, seconds: float) -> dict[str, float]:
        """Threads that translate one text after the other, without a server."""
        until, before, began = time.monotonic() + seconds, processor_seconds(), time.monotonic()

        def translate(line: str) -> int:
            if time.monotonic() > until:
                return 0
            return len(self.alone.translate([line]))

        sentences = 0
        with ThreadPoolExecutor(LOOP_THREADS) as threads:
            while time.monotonic() < until:
                sentences += sum(threads.map(translate, self.lines))
        return {
            "threads": LOOP_THREADS,
            "sentences": sentences,
            "sentences per second": round(sentences / (time.monotonic() - began), 1),
            "sentences per processor-second": round(sentences / (processor_seconds() - before), 1),
        }

    def one_client(self, seconds: float) -> dict[str, float]:
        """One client, and the engine, in turns."""
        answers: list[Answered] = []
        own: list[float] = []
        requests = [*map(request, request_bodies([[line] for line in self.lines]))]
        before, until, lots = usage_of(self.server), time.monotonic() + seconds, Random(1)
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            for number in cycle(range(len(requests))):
                is_first = lots.random() < 0.5
                if not is_first:
                    own.append(self.own_seconds(number))
                began = time.perf_counter()
                content = ask(connection, requests[number])
                answers.append((number, content, time.perf_counter() - began))
                if is_first:
                    own.append(self.own_seconds(number))
                if time.monotonic() > until:
                    break
        after, latencies = usage_of(self.server), [latency for *_, latency in answers]
        more = [ours - theirs for ours, theirs in zip(latencies, own, strict=True)]
        return {
            **self.counted(1, answers, 1, before, after),
            "the engine's p50, ms": round(1e3 * median(own), 1),
            "more than the engine, p50 of the differences, ms": round(1e3 * median(more), 1),
        }

    def own_seconds(self, number: int) -> float:
        """The engine's, for one line."""
        began = time.perf_counter()
        self.alone.translate([self.lines[number]])
        return time.perf_counter() - began

    def beside(self, clients: int, size: int, seconds: float) -> dict[str, Any]:
        """Requests of `size` sentences each in rounds, and the engine before and after each."""
        starts = range(0, len(self.lines), size)
        bodies = request_bodies([self.lines[begin : begin + size] for begin in starts])
        answers: list[Answered] = []
        own, before, wall = [self.own_speed()], usage_of(self.server), 0.0
        for _ in range(self.rounds):
            began = time.monotonic()
            answers += asyncio.run(load(self.port, bodies, clients, seconds))
            wall += time.monotonic() - began
            after = usage_of(self.server)
            own.append(self.own_speed())
        result = self.counted(clients, answers, size, before, after)
        result["sentences per second"] = round(result["sentences"] / wall, 1)
        beside_rounds = [mean(pair) for pair in pairwise(own)]
        result["of the engine's, percent"] = round(
            100 * result["sentences per processor-second"] / mean(beside_rounds)
        )
        result["the engine's, least and most"] = [round(min(own), 1), round(max(own), 1)]
        return result

    def counted(
        self, clients: int, answers: Sequence[Answered], size: int, before: Usage, after: Usage
    ) -> dict[str, Any]:
        """What the answers to requests of `size` sentences show."""
        different: dict[int, int] = {}
        sentences = 0
        for number, content, _ in answers:
            texts = json.loads(content)["translatedText"]
            texts = texts if isinstance(texts, list) else [texts]
            sentences += len(texts)
            own = self.written[size * number : size * (number + 1)]
            for text, expected in zip(texts, own, strict=True):
                if text != expected:
                    different[number] = different.get(number, 0) + 1
        cuts = quantiles([latency for *_, latency in answers], n=100)
        return {
            "clients": clients,
            "sentences": sentences,
            "answers that differ": sum(different.values()),
            "requests of which some differ": len(different),
            "sentences per processor-second": round(
                sentences / (after.seconds - before.seconds), 1
            ),
            "p50, ms": round(1e3 * cuts[49], 1),
            "p99, ms": round(1e3 * cuts[98], 1),
            "memory above idle, MB": round(after.megabytes - self.idle.megabytes, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path, nargs="?", help="one sentence a line")
    parser.add_argument(
        "--lines", type=int, default=2000, help="different ones; at least twice the clients"
    )
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument(
        "--at-least",
        type=int,
        default=0,
        metavar="PERCENT",
        help="of the engine's speed, for the largest number of clients",
    )
    asked = parser.parse_args()
    if asked.text:
        lines = asked.text.read_text("utf-8").split("\n")[: asked.lines]
    else:
        lines = [one.source for one in examples(asked.lines, seed=1)]
    command = [sys.executable, "-m", "regard", "serve", "--model", asked.model, "--port", "0"]
    command += ["--workers", str(asked.workers), "--cache-characters", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().split("/")[2].split(":")[1])
            bench = Bench(asked.model, lines, process.pid, port, asked.rounds)
            bench.warm_up()
            runs = [
                bench.one_client(asked.seconds)
                if clients == 1
                else bench.beside(clients, 1, asked.seconds)
                for clients in asked.clients
            ]
            result: dict[str, Any] = {
                "memory of all processes before the first request, MB": round(
                    bench.idle.megabytes, 1
                ),
                "single sentences": runs,
                "lists of 50": bench.beside(20, 50, asked.seconds),
                "one text at a time": bench.loop(asked.seconds),
                "system": describe_system(),
            }
        finally:
            process.terminate()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / "serving.json", result)
    print(json.dumps(result, indent=2))
    if any(one["answers that differ"] for one in [*runs, result["lists of 50"]]):
        sys.exit("answers differ from what regard translate writes")
    if runs and runs[-1].get("of the engine's, percent", 100) < asked.at_least:
        sys.exit(f"the server is slower than {asked.at_least} % of the engine")


if __name__ == "__main__":
    main()
