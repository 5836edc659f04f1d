"""How fast a model translates: beside its PyTorch form and beside others' translators, in one run.

    python benchmarks/decode.py runs/multi30k-en-fr --data multi30k

CTranslate2, JoeyNMT and OpenNMT-py take part where they are installed. They have random weights and
the same vocabulary size, and are made to write as many tokens as regard does (benchmarks/peers.py).
That compares speed, and nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import regard
from peers import PEERS, Contestant, Work, installed_peers
from regard.config import SearchOptions
from regard.engine.onnx.graph import Graph
from regard.engine.onnx.products import Int8
from regard.engine.onnx.session import Session
from regard.engine.quantize import SCALE
from regard.evaluation import measure
from regard.export.export import export
from regard.files import Tensors, write_json
from regard.storage import folder as checkpoint
from regard.storage.model_file import read_model_file
from regard.system import cores, describe_system, installed
from regard.translation import Translation
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
ROUNDS = 5
"""Measurements of each contestant, in turns with the others; the median counts."""
ALONE = 200
"""Sentences that are translated one by one."""
BEAMS = (1, 5)


class Round(NamedTuple):
    """What one contestant did in one turn."""

    tokens: int
    """Of all sentences."""
    seconds: float
    """For all sentences in batches."""
    tokens_alone: int
    """Of the sentences that are translated one by one."""
    latencies: list[float]
    """Of these, one after the other, in seconds."""
    seconds_by_workers: float
    """For these, one by one, by as many workers as there are cores."""


def of_regard(name: str, translator: Translator, texts: list[str]) -> Contestant:
    @cache
    def with_beam(beam: int) -> Translator:
        return translator.with_options(SearchOptions(beam=beam))

    def together(beam: int) -> int:
        return sum(tokens_of(one) for one in with_beam(beam).translate_sentences(texts))

    def alone(number: int, beam: int) -> int:
        return tokens_of(with_beam(beam).translate_sentences([texts[number]])[0])

    return Contestant(name, together, alone)


# Measuring


def one_round(contestant: Contestant, beam: int, numbers: range) -> Round:
    began = time.perf_counter()
    tokens = contestant.together(beam)
    seconds = time.perf_counter() - began
    latencies, tokens_alone = [], 0
    for number in numbers:
        began = time.perf_counter()
        tokens_alone += contestant.alone(number, beam)
        latencies.append(time.perf_counter() - began)
    with ThreadPoolExecutor(cores()) as pool:
        began = time.perf_counter()
        list(pool.map(contestant.alone, numbers, [beam] * len(numbers)))
        by_workers = time.perf_counter() - began
    return Round(tokens, seconds, tokens_alone, latencies, by_workers)


def compete(contestants: Sequence[Contestant], beam: int, sentences: int) -> dict[str, Any]:
    """Every contestant in turns, after one turn that does not count."""
    rounds: dict[str, list[Round]] = {one.name: [] for one in contestants}
    for turn in range(ROUNDS + 1):
        for one in contestants:
            done = one_round(one, beam, range(min(ALONE, sentences)))
            if turn:
                rounds[one.name].append(done)
            print(f"beam {beam}, turn {turn}: {one.name}", file=sys.stderr)
    return {name: summary(done, sentences) for name, done in rounds.items()}


def summary(rounds: list[Round], sentences: int) -> dict[str, float]:
    """Medians over the turns."""

    def middle(figure: Callable[[Round], float], digits: int) -> float:
        return round(median(figure(one) for one in rounds), digits)

    return {
        "sentences/s in batches": middle(lambda one: sentences / one.seconds, 1),
        "tokens/s in batches": middle(lambda one: one.tokens / one.seconds, 0),
        "tokens/s one by one": middle(lambda one: one.tokens_alone / sum(one.latencies), 0),
        "tokens/s one by one, all workers": middle(
            lambda one: one.tokens_alone / one.seconds_by_workers, 0
        ),
        "p50 ms": middle(lambda one: float(np.percentile(one.latencies, 50)) * 1e3, 2),
        "p99 ms": middle(lambda one: float(np.percentile(one.latencies, 99)) * 1e3, 2),
    }


# The ceiling


def ceiling() -> float:
    """int8 operations a second of the best product there is, on all cores: 2048 x 2048 x 2048."""
    size, random = 2048, np.random.default_rng(1)
    weights: Tensors = {
        "a.weight": random.integers(-127, 128, (size, size)).astype(np.int8),
        "a.weight" + SCALE: np.ones(size, np.float32),
    }
    g = Graph()
    inputs = g.input("inputs", "float32", "B", size)
    arithmetic = Int8(weights, {"a": (-1.0, 1.0)}, False)
    g.output(arithmetic.product(inputs, "a", ["a.weight"], None), "made", "B", size)
    session = Session(g, cores())
    given = {"inputs": random.uniform(-1, 1, (size, size)).astype(np.float32)}
    seconds = []
    for _ in range(2 * ROUNDS):
        began = time.perf_counter()
        session.run(given)
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds)


def operations(tensors: Tensors, source: int, target: int) -> int:
    """Of one sentence, in its products with weights: two for each weight that a token meets."""
    met = 0
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or name == "encoder.embed.table.weight":
            continue
        if name.startswith("encoder.") or name.endswith("key.weight"):
            met += tensor.size * source
        elif not name.endswith("bridge.0.weight"):
            met += tensor.size * target  # the table of tied tokens is the output layer's matrix
    return 2 * met


def cold(file: Path, text: str) -> dict[str, float]:
    """A whole process for one sentence: seconds, and the most memory that was resident."""
    program = (
        "import re, sys, regard\n"
        "print(regard.load(sys.argv[1]).translate([sys.argv[2]])[0].text, file=sys.stderr)\n"
        "status = open('/proc/self/status').read()  # getrusage counts the parent's memory too\n"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', status)[1]) / 1024)\n"
    )
    seconds, memory = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", program, str(file), text],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONUTF8": "1"},
        )
        seconds.append(time.perf_counter() - began)
        memory.append(float(done.stdout))
    return {"seconds": round(median(seconds), 2), "MB resident": round(median(memory))}


def quality(translator: Translator, beam: int, texts: list[str], references: list[str]) -> float:
    translations = translator.with_options(SearchOptions(beam=beam)).translate_sentences(texts)
    written = [one.text for one in translations]
    return round(measure(written, references, translator.languages[1], "multi30k")[0].value, 2)


def lines_of(file: Path) -> list[str]:
    return file.read_text("utf-8").split("\n")[:-1]


def draw(result: dict[str, Any], file: Path) -> None:
    """Bars of target tokens a second, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        print(f"no picture: {error}", file=sys.stderr)
        return
    ways = ("tokens/s one by one", "tokens/s in batches")
    figure = Figure(figsize=(10, 6), layout="constrained")
    for number, (beam, way) in enumerate((beam, way) for beam in BEAMS for way in ways):
        axes = figure.add_subplot(2, 2, number + 1)
        speeds = result[f"beam {beam}"]
        names = list(speeds)[::-1]
        bars = axes.barh(names, [speeds[name][way] for name in names], color="#4c78a8")
        axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_title(f"{'greedy' if beam == 1 else f'beam {beam}'}, {way}", fontsize=10)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.18)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)


def tokens_of(translation: Translation) -> int:
    """Tokens that were written, </s> included."""
    return sum(len(sentence.ids) + 1 for sentence in translation.sentences)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a model folder, as recipes/run.py leaves it")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data/multi30k")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decode.json")
    asked = parser.parse_args()
    source_code, target_code = checkpoint.load_model_info(asked.model).languages
    texts = lines_of(asked.data / f"test_2016_flickr.{source_code}")
    references = lines_of(asked.data / f"test_2016_flickr.{target_code}")
    with tempfile.TemporaryDirectory(prefix="regard-decode-") as scratch:
        files = {kind: Path(scratch) / f"{kind}.regard" for kind in ("int8", "fp32")}
        export(asked.model, files["int8"], "int8", [])
        export(asked.model, files["fp32"], "fp32", [])
        quick = regard.load(files["int8"])
        translators = {
            "regard int8": quick,
            "regard int8, shortlist": quick.with_shortlist(),
            "regard fp32": regard.load(files["fp32"]),
            "regard, PyTorch": regard.load(asked.model, device="cpu"),
        }
        contestants = [of_regard(name, one, texts) for name, one in translators.items()]
        translations = quick.with_options(SearchOptions(beam=1)).translate_sentences(texts)
        lengths = [tokens_of(one) for one in translations]
        work = Work(quick.source.encode(texts), lengths, quick.engine.tokens, Path(scratch))
        peers, left_out = installed_peers(work)
        speeds = {
            f"beam {beam}": compete([*contestants, *peers], beam, len(texts)) for beam in BEAMS
        }
        tensors, best = read_model_file(files["int8"]).tensors, ceiling()
        needed = sum(
            operations(tensors, len(one.source_tokens), tokens_of(one)) for one in translations
        )
        rate = speeds["beam 1"]["regard int8"]["sentences/s in batches"] * needed / len(texts)
        result: dict[str, Any] = {
            "sentences": len(texts),
            "workers": quick.workers,
            "peers": {name: installed(name) for name in PEERS if name not in left_out},
            "left out": left_out,
            "BLEU": {
                f"beam {beam}": {
                    name: quality(one, beam, texts, references) for name, one in translators.items()
                }
                for beam in BEAMS
            },
            "file MB": {kind: round(file.stat().st_size / 1e6, 1) for kind, file in files.items()},
            "one sentence in a new process": cold(files["int8"], texts[0]),
            "int8 ceiling, GOP/s": round(best / 1e9),
            "greedy in batches, GOP/s": round(rate / 1e9),
            "share of the ceiling": round(rate / best, 3),
            **speeds,
            "system": describe_system(),
        }
    write_json(asked.out, result)
    draw(result, asked.out.with_suffix(".svg"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
