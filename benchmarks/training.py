"""Training speed: target tokens a second, compared with the processor's peak and with JoeyNMT."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from statistics import harmonic_mean, median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from regard.config import Config
from regard.data.batches import FIRST, Batch, Position, stream
from regard.model import network as network_module
from regard.model.layers import Dropout
from regard.model.output import cross_entropy
from regard.settings import make_config
from regard.special import PIECES
from regard.system import cores, describe_system, keep_freed_memory
from regard.training.data import Data
from regard.training.distributed import SingleProcess
from regard.training.folder import Run, open_run
from regard.training.loop import TrainingLoop, start_loop
from regard.training.progress import Progress
from regard.training.report import NoReport
from regard.training.trainer import Trainer, low_precision

HERE = Path(__file__).resolve().parent

SETTINGS: dict[str, dict[str, Any]] = {
    "vocabulary": {"size": 8000, "joint": True},
    "model": {
        "attention": "general",
        "layer_type": "lstm",
        "embedding_size": 256,
        "encoder_size": 256,
        "decoder_size": 256,
        "tie": "none",
        "dropout_embedding": 0.2,
        "dropout_hidden": 0.2,
        "dropout_output": 0.2,
    },
    # so many updates that the learning rate stays high in the longest measurement
    "train": {"label_smoothing": 0.1, "updates": 1_000_000},
}
"""The size S: 7 million weights; options that are not named here have their defaults."""

WARM_UP = 20
"""Updates before the clock starts: the first ones allocate memory and compile kernels."""
STEPS = 40
"""Updates whose parts are timed."""
REPEATS = 7
"""Measurements of each side of a comparison; the median is used."""

Stream = Iterator[tuple[Position, Batch]]


def seconds_of(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def interleaved(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The median seconds of each, measured alternately under the same load of the machine."""
    first(), second()
    pairs = [(seconds_of(first), seconds_of(second)) for _ in range(REPEATS)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


# The peak of the processor


def ceilings(config: Config, words: int, precision: str) -> dict[str, float]:
    """GFLOP/s of matrix products by shape: square ones, and those of the model.

    Each is the fastest of many repetitions: the peak of the machine, not its average.
    """
    size, hidden, states = (
        config.model.embedding_size,
        config.model.decoder_size,
        config.model.encoder_size,
    )
    tokens = config.train.batch_tokens
    shapes = [
        *((side, side, side) for side in (1024, 2048, 4096)),
        (tokens, size, words),
        (tokens, words, size),
        (words, tokens, size),
        (tokens, size, 4 * hidden),
        (tokens, hidden + states, size),
    ]
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    speeds = {}
    for rows, inner, columns in shapes:
        left, right = torch.randn(rows, inner, dtype=kind), torch.randn(inner, columns, dtype=kind)
        result = torch.empty(rows, columns, dtype=kind)

        def product(left: Tensor = left, right: Tensor = right, result: Tensor = result) -> None:
            torch.mm(left, right, out=result)

        product()
        best = min(seconds_of(product) for _ in range(3 * REPEATS))
        speeds[f"{rows}x{inner}x{columns}"] = 2e-9 * rows * inner * columns / best
    return speeds


# What a token costs


class Cost(NamedTuple):
    """MFLOP of products for one target token, forward and backward; padding is not counted."""

    encoder: float
    decoder: float
    attention: float
    output: float


FORMULA = (
    "6 x weights that multiply, each times the tokens it meets (2 forward, 4 backward): "
    "encoder and keys a source token, decoder and output layer a target token, bridge a "
    "sentence; attention 6 x source tokens x (hidden + states) a target token; embeddings are "
    "looked up and cost nothing; divided by the target tokens, padding left out on both sides"
)
"""How `cost` counts."""


def cost(trainer: Trainer, batches: Sequence[Batch]) -> Cost:
    sources = sum(int((batch.source != 0).sum()) for batch in batches)
    targets = sum(int((batch.after != 0).sum()) for batch in batches)
    sentences = sum(len(batch.source) for batch in batches)
    seen = sum(
        int(((batch.source != 0).sum(1) * (batch.after != 0).sum(1)).sum()) for batch in batches
    )
    sizes = trainer.network.sizes
    flop = dict.fromkeys(Cost._fields, 0.0)
    for name, weight in trainer.weights.items():
        if weight.dim() < 2 or ".embed." in name:
            continue
        if name.startswith("encoder."):
            flop["encoder"] += 6 * weight.numel() * sources
        elif name.startswith("decoder.output_layer."):
            flop["output"] += 6 * weight.numel() * targets
        elif ".score.key." in name:
            flop["attention"] += 6 * weight.numel() * sources
        elif ".bridge." in name:
            flop["decoder"] += 6 * weight.numel() * sentences
        else:
            flop["decoder"] += 6 * weight.numel() * targets
    flop["attention"] += 6 * seen * (sizes.decoder_size + sizes.encoder_size) * sizes.decoder_layers
    return Cost(**{part: value / targets / 1e6 for part, value in flop.items()})


# Training, as in a real run


class Rate(NamedTuple):
    updates: int
    tokens: int
    """Target tokens that are not padding, </s> among them."""
    seconds: float
    """Waiting for data, updates and writing the log; no validation."""
    waiting: float
    """Seconds of it spent waiting for the next batch."""

    @property
    def tokens_a_second(self) -> float:
        return self.tokens / self.seconds


def open_loop(folder: Path, data: Data, config: Config) -> tuple[Run, TrainingLoop, Stream]:
    """Prepare a run as `regard train` does, up to the first update."""
    keep_freed_memory()
    group = SingleProcess()
    run = open_run(folder, data, config, None, group, NoReport())
    loop = start_loop(run, group, NoReport())
    return run, loop, stream(run.encoded, loop.batch_options, FIRST)


def measure_rate(loop: TrainingLoop, batches: Stream, seconds: float) -> Rate:
    updates, tokens, waiting = 0, 0, 0.0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        requested = time.perf_counter()
        taken = list(islice(batches, loop.config.train.accumulate))
        waiting += time.perf_counter() - requested
        loop.update(taken)
        updates += 1
        tokens += sum(int((batch.after != 0).sum()) for _, batch in taken)
    return Rate(updates, tokens, time.perf_counter() - began, waiting)


# Where the time of an update goes


@contextmanager
def clocked(owner: Any, name: str, spent: dict[str, float], part: str) -> Iterator[None]:
    """Add the seconds of every call of `owner.name` to `spent[part]`."""
    work = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        result = work(*arguments, **named)
        spent[part] = spent.get(part, 0.0) + time.perf_counter() - begin
        return result

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, work)


def parts(trainer: Trainer, progress: Progress, batches: Sequence[Batch]) -> dict[str, float]:
    """Mean milliseconds of each part of an update of one batch.

    The update is `Trainer.update` itself; the functions that it calls are timed.
    """
    spent: dict[str, float] = {}
    network, optimize = trainer.network, "clipping, optimizer, average"
    with ExitStack() as clocks:
        for owner, name, part in (
            (network, "encode", "encoder"),
            (network, "initial_state", "decoder with attention"),
            (network.decoder, "attend", "decoder with attention"),
            (network_module, "cross_entropy", "output layer and loss, its gradient too"),
            (torch.Tensor, "backward", "backward through the rest"),
            (nn.utils, "clip_grad_norm_", optimize),
            (trainer.optimizer, "step", optimize),
            (trainer, "update_average", optimize),
            (trainer.optimizer, "zero_grad", optimize),
        ):
            clocks.enter_context(clocked(owner, name, spent, part))
        total = seconds_of(lambda: [trainer.update([batch], progress) for batch in batches])
    spent["else"] = total - sum(spent.values())
    return {part: 1e3 * seconds / len(batches) for part, seconds in spent.items()}


# What two optimizations gain


class Gain(NamedTuple):
    ours: float
    """Milliseconds, forward and backward."""
    plain: float

    @property
    def times(self) -> float:
        return self.plain / self.ours


def gain_of_cross_entropy(trainer: Trainer, rows: int) -> Gain:
    """The sliced cross-entropy against PyTorch's, on `rows` target tokens."""
    smoothing = trainer.options.label_smoothing
    weight, bias = (
        trainer.network.decoder.output_layer.weight,
        trainer.network.decoder.output_layer.bias,
    )
    output = torch.randn(rows, weight.size(1), requires_grad=True)
    target = torch.randint(len(weight), (rows,))

    def ours() -> None:
        with low_precision(trainer.precision, trainer.device):
            loss = cross_entropy(output, weight, bias, target, smoothing)
        torch.autograd.grad(loss, (output, weight, bias))

    def plain() -> None:
        with low_precision(trainer.precision, trainer.device):
            loss = functional.cross_entropy(
                functional.linear(output, weight, bias),
                target,
                reduction="sum",
                label_smoothing=smoothing,
            )
        torch.autograd.grad(loss, (output, weight, bias))

    first, second = interleaved(ours, plain)
    return Gain(1e3 * first, 1e3 * second)


def gain_of_dropout(rows: int, size: int) -> Gain:
    numbers = torch.randn(rows, size, requires_grad=True)

    def through(layer: nn.Module) -> None:
        torch.autograd.grad(layer(numbers).sum(), numbers)

    own, other = Dropout(0.2), nn.Dropout(0.2)
    first, second = interleaved(lambda: through(own), lambda: through(other))
    return Gain(1e3 * first, 1e3 * second)


# JoeyNMT, unmodified, where it is installed

JOEYNMT = """
name: speed
joeynmt_version: "2.3.0"
model_dir: {folder}/model
use_cuda: false
random_seed: 1
data:
  train: {folder}/train
  dev: {folder}/valid
  dataset_type: plain
  src: {{lang: source, max_length: 1000, level: word, voc_file: {folder}/words}}
  trg: {{lang: target, max_length: 1000, level: word, voc_file: {folder}/words}}
testing: {{beam_size: 1, eval_metrics: []}}
training:
  optimizer: adam
  adam_betas: [0.9, 0.98]
  learning_rate: 0.001
  learning_rate_min: 0.0
  normalization: tokens
  label_smoothing: 0.1
  clip_grad_norm: 1.0
  scheduling: exponential
  decrease_factor: 1.0
  batch_type: token
  batch_size: {tokens}
  epochs: 1000
  logging_freq: 5
  validation_freq: 1000000
  overwrite: true
model:
  tied_embeddings: false
  tied_softmax: false
  encoder:
    type: recurrent
    rnn_type: lstm
    bidirectional: true
    embeddings: {{embedding_dim: {size}, dropout: 0.2}}
    hidden_size: {half}
    num_layers: 1
    dropout: 0.2
  decoder:
    type: recurrent
    rnn_type: lstm
    embeddings: {{embedding_dim: {size}, dropout: 0.2}}
    hidden_size: {hidden}
    num_layers: 1
    dropout: 0.2
    hidden_dropout: 0.2
    attention: luong
    init_hidden: bridge
    input_feeding: {input_feeding}
"""
"""The same sizes, dropouts, smoothing, vocabulary and tokens a batch; `hidden_size` of its encoder
is that of one direction. It reads text that is cut into tokens already."""

JOEYNMT_COUNTS = (
    "target tokens that are not padding, </s> among them (Batch.ntokens, the sum of trg_mask), over"
    " wall time with data loading (training.py: total_tokens since the last line over elapsed time)"
)
"""What its "Tokens per Sec" counts, according to its source: the same as `Rate`."""

JOEYNMT_RATE = re.compile(r"Tokens per Sec:\s*([\d.]+)")


def why_no_joeynmt(python: str) -> str:
    """Why that interpreter cannot run JoeyNMT; empty if it can."""
    command = [python, "-m", "joeynmt", "--help"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{python} cannot be run: {error.strerror}"
    errors = process.stderr.strip().splitlines()
    return "" if process.returncode == 0 else f"{python}: {errors[-1] if errors else 'it fails'}"


def versions_of_joeynmt(python: str) -> dict[str, str]:
    program = (
        "import json, torch; from importlib.metadata import version;"
        " print(json.dumps({'joeynmt': version('joeynmt'), 'torch': torch.__version__}))"
    )
    output = subprocess.check_output([python, "-c", program], text=True)
    versions: dict[str, str] = json.loads(output)
    return versions


def write_joeynmt_files(folder: Path, run: Run, input_feeding: bool) -> None:
    """Write its configuration, the vocabulary of `run`, and its text, cut into tokens."""
    folder.mkdir()
    config, vocabulary = run.model_info.config, run.model_info.source
    pieces = vocabulary.pieces(range(len(PIECES), len(vocabulary)))
    (folder / "words").write_text("\n".join(pieces), encoding="utf-8")
    indices = np.arange(len(run.texts))
    texts = {
        "train.source": run.texts.sources(indices),
        "train.target": run.texts.targets(indices),
        "valid.source": run.valid.sources,
        "valid.target": run.valid.targets,
    }
    for name, lines in texts.items():
        tokenized = (
            " ".join(vocabulary.pieces(tokens)) + "\n" for tokens in vocabulary.encode(lines)
        )
        (folder / name).write_text("".join(tokenized), encoding="utf-8")
    (folder / "config.yaml").write_text(
        JOEYNMT.format(
            folder=folder,
            tokens=config.train.batch_tokens,
            size=config.model.embedding_size,
            half=config.model.encoder_size // 2,
            hidden=config.model.decoder_size,
            input_feeding=str(input_feeding).lower(),
        ),
        encoding="utf-8",
    )


def train_with_joeynmt(python: str, folder: Path, seconds: float) -> list[float]:
    """The "Tokens per Sec" that it prints in `seconds` after the first one, which is left out.

    Raises RuntimeError with its last output if it prints none.
    """
    command = [python, "-m", "joeynmt", "train", str(folder / "config.yaml"), "--skip-test"]
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": str(cores())},
    ) as process:
        assert process.stdout is not None
        clock = None
        for line in process.stdout:
            output.append(line)
            if clock is None and JOEYNMT_RATE.search(line):
                clock = threading.Timer(seconds, process.kill)
                clock.start()
        if clock is not None:
            clock.cancel()
    rates = [float(match[1]) for line in output if (match := JOEYNMT_RATE.search(line))]
    if len(rates) <= 1:
        raise RuntimeError("JoeyNMT did not train:\n" + "".join(output[-20:]))
    return rates[1:]


def against_joeynmt(
    python: str,
    loop: TrainingLoop,
    batches: Stream,
    rounds: int,
    seconds: float,
    input_feeding: bool,
) -> dict[str, object]:
    """Train with both alternately; tokens a second in each round."""
    why = why_no_joeynmt(python)
    if why:
        print(f"\nJoeyNMT is skipped: {why}\n  --joeynmt-python names an interpreter that has it")
        return {"skipped": why}
    with tempfile.TemporaryDirectory(prefix="regard-joeynmt-") as scratch:
        folder = Path(scratch) / "joeynmt"
        write_joeynmt_files(folder, loop.prepared, input_feeding)
        ours, theirs = [], []
        for number in range(1, rounds + 1):
            ours.append(measure_rate(loop, batches, seconds).tokens_a_second)
            # each rate is of as many updates, so the harmonic mean is tokens over seconds
            try:
                theirs.append(harmonic_mean(train_with_joeynmt(python, folder, seconds)))
            except RuntimeError as error:
                print(f"\nJoeyNMT is skipped: {error}")
                return {"skipped": str(error)}
            print(f"round {number}: regard {ours[-1]:,.0f}, JoeyNMT {theirs[-1]:,.0f} tokens/s")
    return {
        "versions": versions_of_joeynmt(python),
        "counts": JOEYNMT_COUNTS,
        "input_feeding": input_feeding,
        "round_seconds": seconds,
        "regard_tokens_a_second": ours,
        "joeynmt_tokens_a_second": theirs,
        "times": median(a / b for a, b in zip(ours, theirs, strict=True)),
    }


# The command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the size S (embedding, states and hidden 256, LSTM, attention 'general',"
        " 8,000 joint tokens) as `regard train` does, and print: target tokens a second, padding"
        " left out and data loading included; the peak speed of matrix products on this machine"
        " and the fraction of it that training reaches; how the time of an update is spent; what"
        " the sliced cross-entropy and the dropout gain over PyTorch's. Run nothing else.",
        epilog="Example: python benchmarks/training.py --joeynmt --joeynmt-python joey/bin/python",
    )
    data = HERE.parent.parent / "shared" / "data" / "multi30k"
    parser.add_argument(
        "--data",
        type=Path,
        default=data,
        help="folder with train.en, train.fr, val.en and val.fr (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=3.0,
        help="of training that is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--joeynmt",
        action="store_true",
        help="measure JoeyNMT too, alternately with regard: same sizes, vocabulary, text and batch",
    )
    parser.add_argument(
        "--joeynmt-python",
        default=sys.executable,
        metavar="PYTHON",
        help="interpreter that has JoeyNMT (default: this one)",
    )
    parser.add_argument(
        "--joeynmt-input-feeding",
        action="store_true",
        help="let JoeyNMT use input feeding, its default; regard does not use it, and JoeyNMT is"
        " faster without it",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="of both alternately (default: %(default)s)"
    )
    parser.add_argument(
        "--round-seconds",
        type=float,
        default=60.0,
        help="seconds of each in a round (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "results" / "training.json",
        help="JSON file for the results (default: %(default)s)",
    )
    return parser.parse_args()


def print_table(title: str, rows: dict[str, str]) -> None:
    print(f"\n{title}")
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        print(f"  {name:<{width}}{value:>12}")


def main() -> None:
    options = arguments()
    system = describe_system()
    print(", ".join(f"{name} {value}" for name, value in system.items()))
    data = Data(
        (options.data / "train.en", options.data / "train.fr"),
        (options.data / "val.en", options.data / "val.fr"),
        ("en", "fr"),
    )
    with tempfile.TemporaryDirectory(prefix="regard-training-") as scratch:
        config = make_config(SETTINGS, "benchmarks/training.py")
        run, loop, batches = open_loop(Path(scratch) / "run", data, config)
        trainer, precision = loop.trainer, loop.trainer.precision
        speeds = ceilings(config, len(run.model_info.target), precision)
        for _ in range(WARM_UP):
            loop.update(list(islice(batches, config.train.accumulate)))
        rate = measure_rate(loop, batches, options.minutes * 60)
        timed = [batch for _, batch in islice(batches, STEPS)]
        flop = cost(trainer, timed)
        spent = parts(trainer, loop.progress, timed)
        spent["waiting for data"] = 1e3 * rate.waiting / rate.updates
        rows = rate.tokens // rate.updates // config.train.accumulate
        gains = {
            "cross-entropy": gain_of_cross_entropy(trainer, rows),
            "dropout": gain_of_dropout(rows, config.model.embedding_size),
        }
        peer: dict[str, object] = {"skipped": "--joeynmt was not given"}
        measured = print_tables(rate, speeds, flop, spent, gains, precision)
        if options.joeynmt:
            peer = against_joeynmt(
                options.joeynmt_python,
                loop,
                batches,
                options.rounds,
                options.round_seconds,
                options.joeynmt_input_feeding,
            )
            if "times" in peer:
                print(f"regard trains {peer['times']:.1f} times as fast (median of rounds)")
        batches.close()  # type: ignore[attr-defined]
    result = {"system": system, "settings": SETTINGS, "precision": precision, **measured}
    result["joeynmt"] = peer
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten: {options.out}")


def print_tables(
    rate: Rate,
    speeds: dict[str, float],
    flop: Cost,
    spent: dict[str, float],
    gains: dict[str, Gain],
    precision: str,
) -> dict[str, object]:
    """Print all that was measured of regard alone, and return it for the result file."""
    ceiling, reached = max(speeds.values()), rate.tokens_a_second * sum(flop) / 1e3
    print_table(
        f"Training ({rate.updates:,} updates in {rate.seconds:.0f} s, {precision})",
        {
            "target tokens a second": f"{rate.tokens_a_second:,.0f}",
            "MFLOP a token": f"{sum(flop):.1f}",
            "GFLOP/s": f"{reached:,.0f}",
            f"the machine's peak in {precision}, GFLOP/s": f"{ceiling:,.0f}",
            "fraction of the peak": f"{reached / ceiling:.0%}",
        },
    )
    print_table(
        f"Products in {precision}, GFLOP/s",
        {name: f"{speed:,.0f}" for name, speed in speeds.items()},
    )
    print_table(
        "MFLOP of a token", {part: f"{value:.2f}" for part, value in flop._asdict().items()}
    )
    total = sum(spent.values())
    print_table(
        f"The {total:.0f} ms of an update by part",
        {part: f"{value:.1f} ms {value / total:4.0%}" for part, value in spent.items()},
    )
    print_table(
        "Times as fast as PyTorch's, forward and backward",
        {
            name: f"{gain.times:.1f} ({gain.plain:.2f} to {gain.ours:.2f} ms)"
            for name, gain in gains.items()
        },
    )
    return {
        "tokens_a_second": rate.tokens_a_second,
        "learning": rate._asdict(),
        "mflop_a_token": {**flop._asdict(), "formula": FORMULA},
        "gflop_a_second": reached,
        "ceilings_gflop_a_second": speeds,
        "share_of_ceiling": reached / ceiling,
        "update_milliseconds": spent,
        "gains": {name: {**gain._asdict(), "times": gain.times} for name, gain in gains.items()},
    }


if __name__ == "__main__":
    main()
