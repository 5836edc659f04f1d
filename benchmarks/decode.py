"""How fast a model translates: beside its PyTorch form and beside CTranslate2, in one run.

    python benchmarks/decode.py runs/multi30k-en-fr --data multi30k

CTranslate2 has no recurrent models, so it runs a Transformer with random weights (256 wide, 3 + 3
layers, int8, the same vocabulary sizes), made to write as many tokens as regard does. That compares
speed, and nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import regard
from regard import checkpoint
from regard.config import SearchOptions
from regard.engine.export import export
from regard.evaluation import measure
from regard.machine import cores, describe_machine
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
    seconds: float
    latencies: list[float]
    """Of sentences one by one, in seconds."""


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


def one_round(contestant: Contestant, beam: int, sentences: int) -> Round:
    began = time.perf_counter()
    tokens = contestant.together(beam)
    seconds = time.perf_counter() - began
    latencies = []
    for number in range(min(ALONE, sentences)):
        began = time.perf_counter()
        contestant.alone(number, beam)
        latencies.append(time.perf_counter() - began)
    return Round(tokens, seconds, latencies)


def compete(contestants: Sequence[Contestant], beam: int, sentences: int) -> dict[str, Any]:
    """Every contestant in turns, after one turn that does not count."""
    rounds: dict[str, list[Round]] = {one.name: [] for one in contestants}
    for turn in range(ROUNDS + 1):
        for one in contestants:
            done = one_round(one, beam, sentences)
            if turn:
                rounds[one.name].append(done)
            print(f"beam {beam}, turn {turn}: {one.name}", file=sys.stderr)
    return {name: summary(done, sentences) for name, done in rounds.items()}


def summary(rounds: list[Round], sentences: int) -> dict[str, float]:
    """Medians over the turns."""
    return {
        "sentences/s in batches": round(median(sentences / one.seconds for one in rounds), 1),
        "tokens/s in batches": round(median(one.tokens / one.seconds for one in rounds)),
        "sentences/s one by one": round(
            median(len(one.latencies) / sum(one.latencies) for one in rounds), 1
        ),
        "p50 ms": round(median(float(np.percentile(one.latencies, 50)) for one in rounds) * 1e3, 2),
        "p99 ms": round(median(float(np.percentile(one.latencies, 99)) for one in rounds) * 1e3, 2),
    }


def cold(file: Path, text: str) -> dict[str, float]:
    """A whole process for one sentence: seconds, and the most memory that was resident."""
    program = (
        "import sys, resource, regard\n"
        "print(regard.load(sys.argv[1]).translate([sys.argv[2]])[0].text, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
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
        translators = {
            "regard int8": regard.load(files["int8"]),
            "regard fp32": regard.load(files["fp32"]),
            "regard, PyTorch": regard.load(asked.model, "cpu"),
        }
        contestants = [of_regard(name, one, texts) for name, one in translators.items()]
        quick = translators["regard int8"]
        found = quick.with_options(SearchOptions(beam=1)).translate(texts)
        skipped = "not installed"
        try:
            peer = Path(scratch) / "ctranslate2"
            random_transformer(peer, quick.engine.tokens)
            lengths = [len(one.tokens) + 1 for one in found]
            contestants.append(of_ctranslate2(peer, quick.source.encode(texts), lengths))
            skipped = ""
        except ModuleNotFoundError as error:
            print(f"CTranslate2 is left out: {error}", file=sys.stderr)
        result: dict[str, Any] = {
            "sentences": len(texts),
            "workers": quick.workers,
            "ctranslate2 left out": skipped,
            "BLEU": {
                f"beam {beam}": {
                    name: quality(one, beam, texts, references) for name, one in translators.items()
                }
                for beam in BEAMS
            },
            "file MB": {kind: round(file.stat().st_size / 1e6, 1) for kind, file in files.items()},
            "one sentence in a new process": cold(files["int8"], texts[0]),
            **{f"beam {beam}": compete(contestants, beam, len(texts)) for beam in BEAMS},
            "machine": describe_machine(),
        }
    checkpoint.write_json(asked.out, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
