"""Train the large model of a recipe on a GPU in a given time, and let it translate its text.

    python recipes/gpu.py general-en-fr-large --text runs/general-text --minutes 10 --check
    python recipes/gpu.py general-en-fr-large --text runs/general-text --minutes 600

Whatever processor or GPU there is, the time is used: a few updates are measured, and from their
speed follows how many there will be. Then it trains, with checkpoints; writes the model as files of
a limited size (recipes/shards.py); and translates its training text for the rest of the time: a
smaller model learns from these pairs (sequence-level distillation, as in recipes/distil.py). An
interrupted run goes on. `--check` tries all of this in seconds, with little text.
"""

import argparse
import lzma
import shutil
import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import regard
from regard.config import Config
from regard.data.batches import Batch
from regard.errors import RegardError
from regard.files import read_json, write_file, write_json
from regard.settings import make_config, override, read_config
from regard.special import FIRST_PLACEHOLDER
from regard.storage.folder import load_weights
from regard.system import cores, describe_system
from regard.text.languages import parse_languages
from regard.training.distributed import SingleProcess
from regard.training.progress import Progress
from regard.training.report import console_report
from regard.training.trainer import Trainer
from run import HERE, as_command
from shards import join_model, split_model

MEASURED_SHARE = 0.02
"""The share of the training time in which updates are measured, after the first ones, which are
slower."""
FIRST_UPDATES = 3
SENTENCE = 32
"""Tokens of a sentence in the measured batches."""
CAUTION = 0.85
"""The share of the training time that the planned updates should take; validations, checkpoints and
the preparation of the text take the rest."""
STUDENT_SHARE = 0.25
"""The share of the whole time in which the model translates."""
VALIDATIONS = 8
TOGETHER = 50_000
"""Sentences that the model translates before it writes them to a file."""
CHECK_PAIRS, CHECK_UPDATES, CHECK_MINUTES = 3000, 20, 5.0


class Plan(NamedTuple):
    updates: int
    tokens_a_second: float
    """Target tokens, on the measured batches."""


class Work(NamedTuple):
    """What is to be done, and where."""

    text: Path
    languages: tuple[str, str]
    settings: dict[str, Any]
    out: Path
    shard_bytes: int

    def files(self, part: str) -> tuple[Path, ...]:
        return tuple(self.text / f"{part}.{code}" for code in self.languages)

    @property
    def train(self) -> tuple[Path, ...]:
        return self.files("train")

    @property
    def valid(self) -> tuple[Path, ...]:
        return self.files("valid")


def measured_speed(config: Config, seconds: float) -> float:
    """Target tokens a second, of updates from random batches of the recipe's size."""
    size = config.vocabulary.size
    trainer = Trainer(config, size, size, SingleProcess(), config.train.threads or cores())
    shape = max(1, config.train.batch_tokens // SENTENCE), SENTENCE
    ids = np.random.default_rng(1).integers(FIRST_PLACEHOLDER, size, shape)
    batches = [Batch(ids, ids, ids)] * config.train.accumulate
    progress = Progress(threads=trainer.threads, precision=trainer.precision)
    for _ in range(FIRST_UPDATES):
        trainer.update(batches, progress)
    tokens, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds or not tokens:
        tokens += trainer.update(batches, progress).tokens
    return tokens / spent


def plan(work: Work, minutes: float) -> Plan:
    """How many updates fit in so many minutes; measured once, then read."""
    file = work.out / "plan.json"
    if not file.exists():
        config = make_config(work.settings, "the recipe")
        speed = measured_speed(config, minutes * 60 * MEASURED_SHARE)
        tokens = config.train.batch_tokens * config.train.accumulate
        updates = max(VALIDATIONS, int(minutes * 60 * CAUTION * speed / tokens))
        work.out.mkdir(parents=True, exist_ok=True)
        write_json(file, Plan(updates, round(speed))._asdict())
    return Plan(**read_json(file))


def learn(work: Work, updates: int, minutes: float) -> None:
    """Train the model, or go on, for at most so many minutes in all."""
    steps = [f"train.updates={updates}", f"train.validate_every={-(-updates // VALIDATIONS)}"]
    settings = override(work.settings, [*steps, f"train.minutes={minutes}"])
    with console_report(Console(stderr=True)) as report:
        outcome = regard.train(
            work.train,
            work.out / "model",
            work.valid,
            "-".join(work.languages),
            settings,
            report=report,
        )
    print(f"trained {outcome.updates:,} updates: {outcome.reason}; {outcome.quality}")


def translate(work: Work, deadline: float, together: int = TOGETHER) -> None:
    """Translate the training sources, each once, until the time is over; files that are there are
    not made again."""
    translator = regard.load(work.out / "model")
    with work.train[0].open(encoding="utf-8") as stream:
        lines = iter(dict.fromkeys(line.strip() for line in stream))
        number, slowest = 0, 0.0
        while sources := list(islice(lines, together)):
            stem = work.out / "shards" / f"student-{number:03d}"
            files = [stem.with_name(f"{stem.name}.{code}.xz") for code in work.languages]
            number += 1
            if files[0].exists():
                continue
            began = time.monotonic()
            if began + slowest > deadline:
                print("the time is over; the same command with more --minutes goes on")
                return
            said = [one.text for one in translator.translate_sentences(sources)]
            for file, texts in reversed(list(zip(files, (sources, said), strict=True))):
                write_file(file, lzma.compress("".join(f"{one}\n" for one in texts).encode()))
            slowest = time.monotonic() - began
            print(f"translated {len(sources):,} sentences in {slowest:.1f} s: {files[1].name}")


def run(work: Work, minutes: float) -> None:
    """Everything, within so many minutes."""
    deadline = time.monotonic() + minutes * 60
    training = minutes * (1 - STUDENT_SHARE)
    planned = plan(work, training)
    print(f"{planned.tokens_a_second:,.0f} tokens/s: {planned.updates:,} updates")
    learn(work, planned.updates, training)
    parts = split_model(work.out / "model", work.out / "shards", work.shard_bytes)
    print(f"the model is in {len(parts)} files in {work.out / 'shards'}")
    translate(work, deadline)
    write_json(work.out / "system.json", describe_system())


def check(work: Work, minutes: float) -> None:
    """Try every part with little text, and say what the whole would be."""
    training = minutes * (1 - STUDENT_SHARE)
    shutil.rmtree(work.out / "check", ignore_errors=True)
    small = work._replace(text=work.out / "check/text", out=work.out / "check")
    small.text.mkdir(parents=True)
    for before, after in zip(work.train + work.valid, small.train + small.valid, strict=True):
        with before.open(encoding="utf-8") as stream:
            after.write_text("".join(islice(stream, CHECK_PAIRS)), "utf-8")
    planned = plan(small, min(training, CHECK_MINUTES))
    updates = int(planned.updates * training / min(training, CHECK_MINUTES))
    speed = f"{planned.tokens_a_second:,.0f} tokens/s"
    print(f"{speed}: {training:.1f} minutes are {updates:,} updates")
    learn(small, CHECK_UPDATES, training)
    parts = split_model(small.out / "model", small.out / "shards", small.shard_bytes)
    join_model(small.out / "shards", small.out / "joined")
    written, joined = (load_weights(small.out / name) for name in ("model", "joined"))
    furthest = max(float(np.abs(written[name] - joined[name]).max()) for name in written)
    print(f"{len(parts)} files, joined again; the furthest weight is {furthest:.1e} away")
    translate(small, time.monotonic() + training * 60, together=CHECK_PAIRS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="like general-en-fr-large, or a file")
    parser.add_argument("options", nargs="*", help="section.option=value on top of the recipe")
    parser.add_argument("--text", type=Path, required=True, help="a folder: train.*, valid.*")
    parser.add_argument("--languages", default="en-fr")
    parser.add_argument("--minutes", type=float, required=True, help="for all of it")
    parser.add_argument("--shard-size", type=float, default=100.0, help="of a file, in MB")
    parser.add_argument("--check", action="store_true", help="try all parts in seconds")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs")
    asked = parser.parse_intermixed_args()
    file = Path(asked.recipe) if asked.recipe.endswith(".toml") else HERE / f"{asked.recipe}.toml"
    work = Work(
        asked.text,
        parse_languages(asked.languages),
        override(read_config(file), asked.options),
        asked.out / file.stem,
        int(asked.shard_size * 1e6),
    )
    for file in (*work.train, *work.valid):
        if not file.exists():
            raise RegardError("there is no such text", str(file), "give another --text")
    (check if asked.check else run)(work, asked.minutes)


if __name__ == "__main__":
    as_command(main)
