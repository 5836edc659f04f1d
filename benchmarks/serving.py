"""How much of the engine's speed a server passes on, with many clients at once.

    python benchmarks/serving.py dev.en [--clients 1 10 100 1000] [--seconds 60]

`regard serve` answers real sentences (without a file, those of the lesson); each client waits for
its answer, then asks again, over a connection that stays open. Counted are sentences per second of
processor time of the server's processes; those of the clients do not count. Beside each number of
clients the engine translates the same lines, before and after, since machines change their speed
from minute to minute: one by one beside one client, else all together. Answers that are not,
character for character, what `regard translate` writes of that line are counted; if there are any,
the exit status is 1. Linux only: it reads /proc.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import regard
from regard.files import write_json
from regard.lesson.corpus import examples
from regard.system import cores, describe_system

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PRIVATE = re.compile(r"^(?:Pss|Swap):\s+(\d+) kB", re.MULTILINE)
ALONE = 300
"""Lines that the engine translates one by one."""


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


async def client(
    port: int,
    bodies: Sequence[bytes],
    first: int,
    until: float,
    answers: list[tuple[int, bytes, float]],
) -> None:
    """Ask, wait, ask again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.monotonic() < until:
        body = bodies[number % len(bodies)]
        head = (
            f"POST /translate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        header = await reader.readuntil(b"\r\n\r\n")
        length = int(header.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        assert header.startswith(b"HTTP/1.1 200"), header + content
        answers.append((number % len(bodies), content, time.perf_counter() - began))
        number += 1
    writer.close()


async def load(
    port: int, bodies: Sequence[bytes], clients: int, seconds: float
) -> list[tuple[int, bytes, float]]:
    answers: list[tuple[int, bytes, float]] = []
    until = time.monotonic() + seconds
    step = max(1, len(bodies) // clients)
    asked = (client(port, bodies, number * step, until, answers) for number in range(clients))
    await asyncio.gather(*asked)
    return answers


def measure(
    server: int,
    port: int,
    bodies: Sequence[bytes],
    expected: Sequence[list[str]],
    clients: int,
    seconds: float,
) -> dict[str, float]:
    before, began = usage_of(server), time.monotonic()
    answers = asyncio.run(load(port, bodies, clients, seconds))
    wall, after = time.monotonic() - began, usage_of(server)
    different: dict[int, int] = {}
    for number, content, _ in answers:
        texts = json.loads(content)["translatedText"]
        texts = texts if isinstance(texts, list) else [texts]
        for text, own in zip(texts, expected[number], strict=True):
            if text != own:
                different[number] = different.get(number, 0) + 1
    sentences = sum(len(expected[number]) for number, _, _ in answers)
    cuts = quantiles([latency for *_, latency in answers], n=100)
    return {
        "clients": clients,
        "sentences": sentences,
        "answers that differ": sum(different.values()),
        "requests of which some differ": len(different),
        "sentences per processor-second": round(sentences / (after.seconds - before.seconds), 1),
        "sentences per second": round(sentences / wall, 1),
        "p50, ms": round(1e3 * cuts[49], 1),
        "p99, ms": round(1e3 * cuts[98], 1),
        "memory before, MB": round(before.megabytes, 1),
        "memory above idle, MB": round(after.megabytes - before.megabytes, 1),
    }


class OwnSpeed(NamedTuple):
    """Of the engine, without a server."""

    per_processor_second: float
    """Sentences."""
    milliseconds: float
    """Of a call, the median."""


class Bench:
    """One server and the engine beside it."""

    def __init__(self, model: str, lines: Sequence[str], server: int, port: int) -> None:
        self.lines, self.server, self.port = lines, server, port
        self.together = regard.load(model, engine="onnx", workers=cores())
        self.alone = regard.load(model, engine="onnx", workers=1)
        self.written = [one.text for one in self.together.translate(lines)]
        self.alone.translate(lines[:20])

    def own_speed(self, is_alone: bool) -> OwnSpeed:
        translator = self.alone if is_alone else self.together
        calls = [[line] for line in self.lines[:ALONE]] if is_alone else [list(self.lines)]
        before, latencies = resource.getrusage(resource.RUSAGE_SELF), []
        for texts in calls:
            began = time.perf_counter()
            translator.translate(texts)
            latencies.append(1e3 * (time.perf_counter() - began))
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return OwnSpeed(sum(map(len, calls)) / spent, median(latencies))

    def beside(self, clients: int, size: int, seconds: float) -> dict[str, float]:
        """Requests of `size` sentences each, and the engine before and after."""
        starts = range(0, len(self.lines), size)
        expected = [self.written[begin : begin + size] for begin in starts]
        asked = [self.lines[begin : begin + size] for begin in starts]
        bodies = [
            json.dumps({"q": own if size > 1 else own[0], "source": "en", "target": "fr"}).encode()
            for own in asked
        ]
        is_alone = clients * size == 1
        before = self.own_speed(is_alone)
        result = measure(self.server, self.port, bodies, expected, clients, seconds)
        both = before, self.own_speed(is_alone)
        own = sum(one.per_processor_second for one in both) / 2
        result["of the engine's, percent"] = round(
            100 * result["sentences per processor-second"] / own
        )
        if is_alone:
            result["the engine's p50, ms"] = round(sum(one.milliseconds for one in both) / 2, 1)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path, nargs="?", help="one sentence a line")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    if asked.text:
        lines = asked.text.read_text("utf-8").split("\n")[: asked.lines]
    else:
        lines = [one.source for one in examples(asked.lines, seed=1)]
    command = [sys.executable, "-m", "regard", "serve", "--model", asked.model, "--port", "0"]
    with subprocess.Popen(
        [*command, "--cache-characters", "0"], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().split("/")[2].split(":")[1])
            bench = Bench(asked.model, lines, process.pid, port)
            bench.beside(20, 1, 2)
            runs = [bench.beside(clients, 1, asked.seconds) for clients in asked.clients]
            result: dict[str, Any] = {
                "memory of all processes, MB": runs[0]["memory before, MB"],
                "single sentences": runs,
                "lists of 50": bench.beside(20, 50, asked.seconds),
                "system": describe_system(),
            }
        finally:
            process.terminate()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / "serving.json", result)
    print(json.dumps(result, indent=2))
    if any(one["answers that differ"] for one in [*runs, result["lists of 50"]]):
        sys.exit("answers differ from what regard translate writes")


if __name__ == "__main__":
    main()
