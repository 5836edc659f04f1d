"""How much of the engine's speed a server passes on, with many clients at once.

    python benchmarks/serving.py dev.en [--clients 1 10 100 1000] [--seconds 60]

`regard serve` answers real sentences; each client waits for its answer, then asks again, over a
connection that stays open. Beside it `regard translate` translates the same lines. Counted are
sentences per second of processor time of the server's processes; those of the clients do not count.
Answers that are not, character for character, what `regard translate` writes of that line are
counted. Linux only: it reads /proc.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import regard
from regard.files import write_json
from regard.system import cores, describe_system

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    seconds: float
    """Of processor time."""
    megabytes: float
    """Of memory that is not shared with files, of all processes together."""


def processes_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *(int(child) for child in children)]


def usage_of(parent: int) -> Usage:
    seconds, megabytes = 0.0, 0.0
    for process in processes_of(parent):
        folder = Path(f"/proc/{process}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
        resident, shared = (int(number) for number in (folder / "statm").read_text().split()[1:3])
        megabytes += (resident - shared) * PAGE / 1e6
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
        "memory above idle, MB": round(after.megabytes - before.megabytes, 1),
    }


def translate_lines(model: str, lines: Sequence[str], alone: bool) -> float:
    """Sentences per processor-second of the engine: all lines together, or one by one."""
    translator = regard.load(model, engine="onnx", workers=1 if alone else cores())
    translator.translate(lines[:20])
    before = resource.getrusage(resource.RUSAGE_SELF)
    if alone:
        for line in lines:
            translator.translate([line])
    else:
        translator.translate(lines)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(len(lines) / spent, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    lines = asked.text.read_text("utf-8").split("\n")[: asked.lines]
    written = [one.text for one in regard.load(asked.model, engine="onnx").translate(lines)]
    wanted = {"source": "en", "target": "fr"}
    single = [json.dumps({"q": line, **wanted}).encode() for line in lines]
    lists = [lines[begin : begin + 50] for begin in range(0, len(lines), 50)]
    batches = [json.dumps({"q": own, **wanted}).encode() for own in lists]
    command = [sys.executable, "-m", "regard", "serve", "--model", asked.model, "--port", "0"]
    result: dict[str, object] = {
        "engine, sentences per processor-second": {
            "one by one": translate_lines(asked.model, lines[:300], True),
            "all lines together": translate_lines(asked.model, lines, False),
        }
    }
    with subprocess.Popen(
        [*command, "--cache-characters", "0"], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().split("/")[2].split(":")[1])
            measure(process.pid, port, single, [[text] for text in written], 20, 2)
            result["memory of all processes, MB"] = round(usage_of(process.pid).megabytes, 1)
            result["single sentences"] = [
                measure(
                    process.pid, port, single, [[text] for text in written], clients, asked.seconds
                )
                for clients in asked.clients
            ]
            expected = [written[begin : begin + 50] for begin in range(0, len(lines), 50)]
            result["lists of 50"] = measure(process.pid, port, batches, expected, 20, asked.seconds)
        finally:
            process.terminate()
    result["system"] = describe_system()
    write_json(asked.results / "serving.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
