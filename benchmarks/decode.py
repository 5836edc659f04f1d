"""How fast a model translates: beside its PyTorch form and beside CTranslate2, in one run.

    python benchmarks/decode.py runs/multi30k-en-fr --data multi30k

CTranslate2 has no recurrent models, so it runs a Transformer with random weights (256 wide, 3 + 3
layers, int8, the same vocabulary sizes), made to write as many tokens as regard does. That compares
speed, and nothing else. JoeyNMT and OpenNMT-py are not run here: what they reach on other models is
told in docs/speed.md.
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
from regard import checkpoint
from regard.bundle import read_bundle
from regard.checkpoint import Tensors
from regard.config import SearchOptions
from regard.engine.arithmetic import SCALE, EightBits
from regard.engine.export import export
from regard.engine.onnx_graph import Graph
from regard.engine.onnx_session import Session
from regard.evaluation import measure
from regard.machine import cores, describe_machine, installed
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
ROUNDS = 5
"""Measurements of each contestant, in turns with the others; the median counts."""
ALONE = 200
"""Sentences that are translated one by one."""
BATCHES = (32, 64, 128)
"""Batch sizes that CTranslate2 may choose among."""
BEAMS = (1, 5)

Ids = Sequence[int]


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


class Contestant(NamedTuple):
    name: str
    together: Callable[[int], int]
    """Translate all sentences with a beam; the tokens written."""
    alone: Callable[[int, int], int]
    """Translate the sentence of this number with a beam; the tokens written."""


def of_regard(name: str, translator: Translator, texts: list[str]) -> Contestant:
    @cache
    def with_beam(beam: int) -> Translator:
        return translator.with_options(SearchOptions(beam=beam))

    def together(beam: int) -> int:
        return sum(len(one.tokens) + 1 for one in with_beam(beam).translate(texts))

    def alone(number: int, beam: int) -> int:
        return len(with_beam(beam).translate([texts[number]])[0].tokens) + 1

    return Contestant(name, together, alone)


# CTranslate2


def random_transformer(folder: Path, tokens: int) -> None:
    """A Transformer of 256, 3 + 3 layers, 4 heads, with random weights, in int8."""
    from ctranslate2.specs import transformer_spec

    random, size, inner = np.random.default_rng(1), 256, 1024
    spec = transformer_spec.TransformerSpec.from_config(3, 4)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight = (random.normal(size=(outputs, inputs)) * inputs**-0.5).astype(np.float32)
        layer.bias = np.zeros(outputs, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(size, np.float32), np.zeros(size, np.float32)

    def look(layer: Any, sizes: Sequence[int]) -> None:
        norm(layer.layer_norm)
        for part, outputs in zip(layer.linear, sizes, strict=True):
            linear(part, outputs, size)

    def feed(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, inner, size)
        linear(layer.linear_1, size, inner)

    table = (random.normal(size=(tokens, size)) * 0.1).astype(np.float32)
    angle = np.arange(512)[:, None] * np.exp(-np.arange(size // 2) * np.log(1e4) / (size // 2 - 1))
    places = np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
    for side in (spec.encoder, spec.decoder):
        embeddings = side.embeddings[0] if isinstance(side.embeddings, list) else side.embeddings
        embeddings.weight = table
        side.position_encodings.encodings = places
        norm(side.layer_norm)
        for layer in side.layer:
            look(layer.self_attention, (3 * size, size))
            feed(layer.ffn)
    for layer in spec.decoder.layer:
        look(layer.attention, (size, 2 * size, size))
    spec.decoder.projection.weight = table
    spec.decoder.projection.bias = np.zeros(tokens, np.float32)
    pieces = ["<unk>", "<s>", "</s>", *(str(number) for number in range(3, tokens))]
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.validate()
    spec.optimize("int8")
    spec.save(str(folder))


def of_ctranslate2(folder: Path, sources: list[list[int]], lengths: list[int]) -> Contestant:
    """One thread a worker, at the best of several batch sizes; its lengths are regard's."""
    import ctranslate2

    translator = ctranslate2.Translator(
        str(folder), compute_type="int8", inter_threads=cores(), intra_threads=1
    )
    texts = [[str(number) for number in ids] for ids in sources]
    by_length = sorted(range(len(texts)), key=lambda number: lengths[number])

    def batch(numbers: Sequence[int], beam: int, wait: bool) -> Any:
        length = round(sum(lengths[number] for number in numbers) / len(numbers))
        return translator.translate_batch(
            [texts[number] for number in numbers],
            beam_size=beam,
            min_decoding_length=length,
            max_decoding_length=length,
            asynchronous=not wait,
        )

    def in_batches_of(size: int, beam: int) -> int:
        started = [
            batch(by_length[begin : begin + size], beam, False)
            for begin in range(0, len(texts), size)
        ]
        return sum(len(one.result().hypotheses[0]) for batch in started for one in batch)

    @cache
    def best_size(beam: int) -> int:
        def seconds(size: int) -> float:
            began = time.perf_counter()
            in_batches_of(size, beam)
            return time.perf_counter() - began

        return min(BATCHES, key=lambda size: min(seconds(size) for _ in range(2)))

    def alone(number: int, beam: int) -> int:
        return len(batch([number], beam, True)[0].hypotheses[0])

    return Contestant(
        "CTranslate2, random weights", lambda beam: in_batches_of(best_size(beam), beam), alone
    )


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
    arithmetic = EightBits(weights, {"a": (-1.0, 1.0)}, False)
    g.output(arithmetic.product(g, inputs, "a", ["a.weight"], None), "made", "float32", "B", size)
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
    found = translator.with_options(SearchOptions(beam=beam)).translate(texts)
    written = [one.text for one in found]
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
    for place, (beam, way) in enumerate((beam, way) for beam in BEAMS for way in ways):
        axes = figure.add_subplot(2, 2, place + 1)
        found = result[f"beam {beam}"]
        names = list(found)[::-1]
        bars = axes.barh(names, [found[name][way] for name in names], color="#4c78a8")
        axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_title(f"{'greedy' if beam == 1 else f'beam {beam}'}, {way}", fontsize=10)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.18)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)


def of_peers(
    scratch: Path, quick: Translator, texts: list[str]
) -> tuple[list[Contestant], dict[str, str]]:
    """Those that are installed; why the others are left out."""
    found = quick.with_options(SearchOptions(beam=1)).translate(texts)
    lengths = [len(one.tokens) + 1 for one in found]
    try:
        random_transformer(scratch, quick.engine.tokens)
        return [of_ctranslate2(scratch, quick.source.encode(texts), lengths)], {}
    except ModuleNotFoundError as error:
        print(f"CTranslate2 is left out: {error}", file=sys.stderr)
        return [], {"CTranslate2": "not installed"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a model folder, as recipes/run.py leaves it")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data/multi30k")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decode.json")
    asked = parser.parse_args()
    source_code, target_code = checkpoint.load_card(asked.model).languages
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
            "regard, PyTorch": regard.load(asked.model, "cpu"),
        }
        contestants = [of_regard(name, one, texts) for name, one in translators.items()]
        peers, left_out = of_peers(Path(scratch), quick, texts)
        speeds = {
            f"beam {beam}": compete([*contestants, *peers], beam, len(texts)) for beam in BEAMS
        }
        found = quick.with_options(SearchOptions(beam=1)).translate(texts)
        tensors, best = read_bundle(files["int8"]).tensors, ceiling()
        needed = sum(
            operations(tensors, len(one.source_tokens) + 1, len(one.tokens) + 1) for one in found
        )
        rate = speeds["beam 1"]["regard int8"]["sentences/s in batches"] * needed / len(texts)
        result: dict[str, Any] = {
            "sentences": len(texts),
            "workers": quick.workers,
            "CTranslate2": installed("ctranslate2"),
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
            "machine": describe_machine(),
        }
    checkpoint.write_json(asked.out, result)
    draw(result, asked.out.with_suffix(".svg"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
