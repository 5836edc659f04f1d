"""The run: learn, validate, keep the best, save, stop when told to, go on bit for bit."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import isfinite
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch

from regard.data.batches import Batch, BatchOptions, Position, stream, validation_batches
from regard.engine.torch import TorchEngine, load_engine
from regard.errors import RegardError
from regard.evaluation import bleu
from regard.files import read_json, write_json
from regard.storage import folder as checkpoint
from regard.storage.model_file import read_model
from regard.system import cores, keep_freed_memory, trim_memory
from regard.training.distributed import SingleProcess
from regard.training.folder import Run
from regard.training.report import Log, Report, Updated, Validated
from regard.training.trainer import Trainer
from regard.translator import Translator

STATE = "state.safetensors"
SAVE_SECONDS = 300.0
"""Longest time between two checkpoints."""
TRIM_SECONDS = 30.0
"""Between two times that memory which nobody uses is given back: see docs/speed.md."""
DIVERGED_ADVICE = (
    "begin again in another --out, with a smaller train.learning_rate or a longer train.warmup"
)
"""What to do about a run whose numbers have left what numbers can be."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop; it is saved and can go on."""

    def __init__(self, update: int, signal_number: int) -> None:
        super().__init__(f"stopped and saved at update {update:,}")
        self.signal_number = signal_number


class Outcome(NamedTuple):
    updates: int
    best_update: int
    quality: dict[str, float]
    seconds: float
    reason: str


@contextmanager
def catch_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a second one is obeyed at once."""
    heard: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        heard.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            signal.signal(number, hear)
    except ValueError:  # not the main thread: signals are somebody else's
        before = {}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def threads_as_before() -> Iterator[None]:
    """The threads of PyTorch's products belong to the whole process, not to the training."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_training(run: Run, minutes: float, report: Report) -> Outcome:
    """Learn until the run has ended.

    Raises Interrupted if a signal asked to stop, and RegardError if the gradient stays unusable.
    """
    with run.lock, threads_as_before():
        return learn_to_the_end(run, minutes, report)


def learn_to_the_end(run: Run, minutes: float, report: Report) -> Outcome:
    config = run.card.config
    keep_freed_memory()
    threads = config.train.threads or cores()
    learner = Trainer(config, len(run.card.source), len(run.card.target), SingleProcess(), threads)
    log, logged = Log(run.training / "log.jsonl"), -1
    if (run.training / STATE).exists():
        learner.restore(run.training / STATE)
        logged = learner.progress.update
        if learner.progress.has_best:
            refuse_without_best(run.folder)
        if learner.progress.update:
            report.message(f"going on from update {learner.progress.update:,}")
    elif run.start_from is not None:
        ready = load_engine(read_model(run.start_from), str(run.start_from), "cpu")
        learner.start_from(ready.network)
    log.rewind(logged)
    size = sum(weight.numel() for weight in learner.weights.values())
    report.message(
        f"{size / 1e6:.1f} M parameters on {learner.device}, {learner.progress.precision}, "
        f"{learner.progress.threads} threads"
    )
    keeper = TrainingLoop(run, learner, log, report)
    with catch_signals() as heard:
        return keeper.run_until_done(minutes, heard)


def refuse_without_best(folder: Path) -> None:
    """Raises RegardError if the best weights so far, or what is known of them, are gone."""
    for name in (checkpoint.WEIGHTS, checkpoint.QUALITY):
        if not (folder / name).exists():
            raise RegardError(
                f"the best weights of this run are gone: there is no {name}",
                str(folder),
                "copy it back, or train again with another --out",
            )


class TrainingLoop:
    """Holds what the loop needs from one update to the next."""

    def __init__(self, run: Run, learner: Trainer, log: Log, report: Report) -> None:
        self.run, self.learner, self.log, self.report = run, learner, log, report
        self.config = run.card.config
        card, options = run.card, self.config.train
        self.recipe = BatchOptions(
            card.source,
            card.target,
            self.config.vocabulary.source_bpe_dropout,
            self.config.vocabulary.target_bpe_dropout,
            options.batch_tokens,
            options.pool_pairs,
            options.seed,
        )
        sources, targets = (
            card.source.encode(run.valid.sources),
            card.target.encode(run.valid.targets),
        )
        self.valid: list[Batch] = list(validation_batches(sources, targets, options.batch_tokens))
        self.began = time.monotonic() - learner.progress.seconds
        self.saved = self.trimmed = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def run_until_done(self, minutes: float, heard: Sequence[int]) -> Outcome:
        learner, options = self.learner, self.config.train
        if learner.progress.ended == "time" and self.seconds() < minutes * 60:
            learner.progress = learner.progress._replace(ended="")
        if self.run.start_from is not None and learner.progress.update == 0:
            self.validate()
        batches = stream(self.run.texts, self.recipe, learner.progress.position)
        while not learner.progress.ended:
            self.update(list(islice(batches, options.accumulate)))
            at = learner.progress.update
            last, late = at >= options.updates, self.seconds() >= minutes * 60
            if at % options.validate_every == 0 or last or late:
                self.validate()
            reason = self.stop_reason(last, late)
            learner.progress = learner.progress._replace(ended=reason)
            aged = time.monotonic() - self.saved > SAVE_SECONDS
            if reason or heard or aged or at % options.validate_every == 0:
                self.save()
            if heard and not reason:
                raise Interrupted(at, heard[0])
            if time.monotonic() - self.trimmed > TRIM_SECONDS:
                trim_memory()
                self.trimmed = time.monotonic()
        return self.outcome()

    def stop_reason(self, last: bool, late: bool) -> str:
        if last:
            return "all updates are done"
        if self.learner.progress.validations_without_gain >= self.config.train.patience:
            return "no better for long"
        return "time" if late else ""

    def update(self, batches: list[tuple[Position, Batch]]) -> None:
        learner = self.learner
        learned = learner.update(batches)
        now = learner.progress
        told = Updated(
            now.update,
            self.config.train.updates,
            learned.loss,
            learned.tokens,
            learned.rate,
            learned.norm,
            now.skipped,
        )
        self.log.updated(told)
        self.report.updated(told)
        if now.skipped_in_a_row >= self.config.train.skip_limit:
            raise RegardError(
                f"{now.skipped_in_a_row} updates in a row had a gradient that is not usable",
                f"update {now.update:,} of {self.run.folder}",
                DIVERGED_ADVICE
                + (f"; {checkpoint.WEIGHTS} holds the best so far" if now.has_best else ""),
            )

    def validate(self) -> None:
        learner, card = self.learner, self.run.card
        if learner.progress.validated == learner.progress.update:
            return
        loss = learner.validation_loss(learner.average, self.valid)
        greedy = card.config.search.model_copy(update={"beam": 1})
        engine = TorchEngine(learner.average)
        states = card.config.model.encoder_size
        translator = Translator(engine, card.source, card.target, card.languages, greedy, states)
        texts = [found.text for found in translator.translate_sentences(self.run.valid.sources)]
        score = bleu(texts, self.run.valid.targets, card.languages[1])
        now = learner.progress
        value = score if self.config.train.metric == "bleu" else -loss
        is_best = isfinite(loss) and (value, -loss) > (now.best, -now.best_loss)
        number = (now.update // self.config.train.validate_every) % len(texts)
        told = Validated(
            now.update,
            now.position.epoch,
            round(self.seconds(), 1),
            loss,
            score,
            is_best,
            self.run.valid.sources[number],
            self.run.valid.targets[number],
            texts[number],
        )
        self.log.validated(told)
        self.report.validated(told)
        now = now._replace(
            validated=now.update, validations_without_gain=now.validations_without_gain + 1
        )
        if is_best:
            now = now._replace(
                best=value, best_loss=loss, best_update=now.update, validations_without_gain=0
            )
            self.save_best(told)
        learner.progress = now

    def save_best(self, validation: Validated) -> None:
        """These weights are the best so far: they are the model."""
        weights = self.learner.averaged_weights()
        checkpoint.write_tensors(self.run.folder / checkpoint.WEIGHTS, weights, {})
        write_json(
            self.run.folder / checkpoint.QUALITY,
            {
                "update": validation.update,
                "validation": {
                    "pairs": len(self.run.valid.sources),
                    "bleu": round(validation.bleu, 2),
                    "loss": round(validation.loss, 4),
                    "search": "greedy",
                },
            },
        )

    def save(self) -> None:
        self.learner.progress = self.learner.progress._replace(seconds=self.seconds())
        self.learner.save(self.run.training / STATE)
        self.saved = time.monotonic()

    def outcome(self) -> Outcome:
        """Raises RegardError if no validation had a usable loss."""
        now = self.learner.progress
        if not now.has_best:
            raise RegardError(
                "the loss was never a number that can be compared, so there is no best model",
                f"update {now.update:,} of {self.run.folder}",
                ("give it more train.minutes, or " if now.ended == "time" else "")
                + DIVERGED_ADVICE,
            )
        quality = read_json(self.run.folder / checkpoint.QUALITY)["validation"]
        return Outcome(now.update, now.best_update, quality, now.seconds, now.ended)
