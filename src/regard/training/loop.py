"""The training loop: update, validate, keep the best weights, save, stop; a run can be resumed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from msgspec import structs

from regard.data.batches import (
    Batch,
    BatchOptions,
    Position,
    batches_by_length,
    first_positions,
    stream,
)
from regard.data.encode import TokenPairs
from regard.engine.torch import TorchEngine, load_engine
from regard.errors import RegardError
from regard.evaluation import bleu
from regard.files import read_json, write_json, write_tensors
from regard.loading import pipeline_of
from regard.storage import folder as checkpoint
from regard.storage.model_file import read_model
from regard.system import cores, keep_freed_memory, trim_memory
from regard.text.token_lists import TokenLists
from regard.training.data import Parallel
from regard.training.distributed import ProcessGroup, in_order
from regard.training.folder import Run
from regard.training.progress import Progress
from regard.training.report import Log, NoReport, Report, Updated, Validated
from regard.training.schedules import warmup_advice
from regard.training.signals import catch_signals
from regard.training.trainer import Trainer
from regard.translator import Translator

STATE = "state.safetensors"
SAVE_SECONDS = 300.0
"""Longest time between two checkpoints."""
TRIM_SECONDS = 30.0
"""Between two calls that return freed memory to the system: see docs/notes/speed.md."""
DIVERGED_ADVICE = (
    "train again with another --out, and a smaller train.learning_rate or a longer train.warmup"
)
"""What to do about a run whose loss or gradient is NaN or infinite."""


class Interrupted(KeyboardInterrupt):
    """A signal stopped the run; its state is saved, and it can be resumed."""

    def __init__(self, update: int, signal_number: int) -> None:
        super().__init__(f"stopped and saved at update {update:,}")
        self.signal_number = signal_number


class Outcome(NamedTuple):
    """The result of a run that has ended."""

    updates: int
    best_update: int
    """The update whose weights are the model; 0: those of the parent model."""
    quality: dict[str, float]
    """Of the model on the validation text."""
    seconds: float
    """Training time, over all runs of the folder."""
    reason: str
    """Why it ended."""


@contextmanager
def restore_threads() -> Iterator[None]:
    """Leave PyTorch's number of threads, which belongs to the process, as it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_training(run: Run, minutes: float, group: ProcessGroup, report: Report) -> Outcome:
    """Train until the run has ended, at most for `minutes` in all, and release its folder.

    Raises Interrupted if a signal asked to stop, and RegardError if the gradient stays unusable.
    """
    with run.lock, restore_threads():
        keep_freed_memory()
        loop = start_loop(run, group, report)
        with catch_signals(is_supervised=group.size > 1) as caught:
            return loop.run(minutes, caught)


def start_loop(run: Run, group: ProcessGroup, report: Report) -> "TrainingLoop":
    """The loop of a new run, or of one that resumes from its last checkpoint."""
    info, options = run.model_info, run.model_info.config.train
    threads = options.threads or max(1, cores() // group.neighbours)
    trainer = Trainer(info.config, len(info.source), len(info.target), group, threads)
    progress = Progress(threads=trainer.threads, precision=trainer.precision)
    log, logged = Log(run.training / "log.jsonl"), -1
    reports: list[Report] = [log, report] if group.is_first else [NoReport()]
    if (run.training / STATE).exists():
        progress = trainer.restore(run.training / STATE)
        logged = progress.update
        if progress.has_best:
            check_best_weights(run.folder)
        if progress.update:
            reports[-1].message(f"resuming after update {progress.update:,}")
    elif run.start_from is not None:
        parent = load_engine(read_model(run.start_from), str(run.start_from), "cpu")
        trainer.start_from(parent.network)
    if group.is_first:
        log.rewind(logged)
    size = sum(weight.numel() for weight in trainer.weights.values())
    reports[-1].message(
        f"{size / 1e6:.1f} M parameters on {trainer.device}, {trainer.precision}, "
        f"{trainer.threads} threads"
        + (f" in each of {group.size} processes" if group.size > 1 else "")
    )
    lanes = options.accumulate * group.size
    if progress.positions and len(progress.positions) != lanes:
        reports[-1].message(
            f"an update now has {lanes} batches, and had {len(progress.positions)} before: some"
            " text is repeated, and the result is another one"
        )
    if not progress.update and (advice := warmup_advice(options.updates, options.warmup)):
        reports[-1].message(advice)
    return TrainingLoop(run, trainer, progress, reports)


def check_best_weights(folder: Path) -> None:
    """Raises RegardError if the best weights so far, or their quality, are missing."""
    for name in (checkpoint.WEIGHTS, checkpoint.QUALITY):
        if not (folder / name).exists():
            raise RegardError(
                f"the best weights of this run are incomplete: there is no {name}",
                str(folder),
                "copy it back, or train again with another --out",
            )


class TrainingLoop:
    """Owns the progress of a run; the trainer owns its tensors."""

    def __init__(
        self, prepared: Run, trainer: Trainer, progress: Progress, reports: Sequence[Report]
    ) -> None:
        self.prepared, self.trainer, self.progress = prepared, trainer, progress
        self.group, self.reports = trainer.group, reports
        info = prepared.model_info
        self.config, options = info.config, info.config.train
        self.batch_options = BatchOptions(options.batch_tokens, options.pool_pairs, options.seed)
        prefixes = prepared.valid.prefixes(info.text.tags)
        both = zip(prefixes, prepared.valid.sources, strict=True)
        valid = TokenPairs(
            TokenLists.of(info.source.encode([prefix + source for prefix, source in both])),
            TokenLists.of(info.target.encode(prepared.valid.targets)),
        )
        self.lanes = options.accumulate * self.group.size
        """The batches of an update."""
        if len(progress.positions) != self.lanes:
            begun = first_positions(
                prepared.encoded, self.batch_options, self.lanes, progress.positions
            )
            self.progress = progress._replace(positions=tuple(begun))
        self.valid: list[Batch] = batches_by_length(valid, options.batch_tokens)
        self.started = time.monotonic() - progress.seconds
        self.saved = self.trimmed = time.monotonic()

    def seconds(self) -> float:
        """Training time so far, over all runs of the folder."""
        return time.monotonic() - self.started

    def run(self, minutes: float, caught: Sequence[int]) -> Outcome:
        """Train until the run has ended.

            fine-tuning: validate the parent model as update 0
            until ended:
                update the weights from the next `accumulate` batches
                every `validate_every` updates, after the last one, and out of time: validate,
                    and save the averaged weights as the model if they are the best so far
                ended: all updates are done, no better for `patience` validations, out of time
                after a validation, at the end, on a signal, and every 5 minutes: save the state
                on a signal that does not come with the end: raise Interrupted
            return the outcome

        Of several processes the first one decides on time, and a signal to any of them stops all.
        """
        group, options = self.group, self.config.train
        if (
            self.progress.ended == "time"
            and group.gather(float(self.seconds() < minutes * 60))[0, 0]
        ):
            self.progress = self.progress._replace(ended="")
        if self.prepared.start_from is not None and self.progress.update == 0:
            self.validate()
        first = group.rank * options.accumulate
        lanes = [
            stream(self.prepared.encoded, self.batch_options, position, self.lanes)
            for position in self.progress.positions[first : first + options.accumulate]
        ]
        while not self.progress.ended:
            self.update([next(lane) for lane in lanes])
            update = self.progress.update
            is_last = update >= options.updates
            is_due = update % options.validate_every == 0
            out_of_time = bool(group.gather(float(self.seconds() >= minutes * 60))[0, 0])
            if is_due or is_last or out_of_time:
                self.validate()
            signal_number = int(group.gather(float(caught[0] if caught else 0)).max())
            ended = self.stop_reason(is_last, out_of_time)
            self.progress = self.progress._replace(ended=ended)
            if ended or signal_number or is_due or time.monotonic() - self.saved > SAVE_SECONDS:
                self.save()
            if signal_number and not ended:
                raise Interrupted(update, signal_number)
            if time.monotonic() - self.trimmed > TRIM_SECONDS:
                trim_memory()
                self.trimmed = time.monotonic()
        return self.outcome()

    def stop_reason(self, is_last: bool, out_of_time: bool) -> str:
        """Why the run ends now; empty if it does not."""
        if is_last:
            return "all updates are done"
        if self.progress.validations_without_gain >= self.config.train.patience:
            return "no better for long"
        return "time" if out_of_time else ""

    def update(self, batches: Sequence[tuple[Position, Batch]]) -> None:
        """One update, reported. Raises RegardError if too many in a row were skipped."""
        options = self.config.train
        stats = self.trainer.update([batch for _, batch in batches], self.progress)
        own = [float(number) for position, _ in batches for number in position]
        positions = self.group.gather(*own).astype(int).reshape(-1, len(Position._fields)).tolist()
        self.progress = now = self.progress.after_update(stats, (Position(*p) for p in positions))
        updated = Updated(
            now.update,
            options.updates,
            stats.loss,
            stats.tokens,
            stats.rate,
            stats.norm,
            now.skipped,
        )
        for report in self.reports:
            report.updated(updated)
        if now.skipped_in_a_row >= options.skip_limit:
            raise RegardError(
                f"{now.skipped_in_a_row} updates in a row had a gradient that is not usable",
                f"update {now.update:,} of {self.prepared.folder}",
                DIVERGED_ADVICE
                + (f"; {checkpoint.WEIGHTS} holds the best so far" if now.has_best else ""),
            )

    def validate(self) -> None:
        """Measure the averaged weights, unless these were measured; save them if they are best."""
        now, trainer, valid = self.progress, self.trainer, self.prepared.valid
        if now.validated == now.update:
            return
        loss = trainer.validation_loss(self.valid)
        info = self.prepared.model_info
        greedy = structs.replace(self.config.search, beam=1)
        engine = TorchEngine(trainer.average)
        translator = Translator(engine, pipeline_of(info), greedy)
        own = valid.every(self.group.size, self.group.rank)
        texts = in_order(self.group.gather_lists(translate_tagged(translator, own)))
        score = bleu(texts, valid.targets, info.languages[1])
        value = score if self.config.train.metric == "bleu" else -loss
        is_best = now.is_improved_by(value, loss)
        sample = (now.update // self.config.train.validate_every) % len(texts)
        validated = Validated(
            now.update,
            now.epoch,
            round(self.seconds(), 1),
            loss,
            score,
            is_best,
            valid.sources[sample],
            valid.targets[sample],
            texts[sample],
        )
        for report in self.reports:
            report.validated(validated)
        if is_best:
            self.save_best(validated)
        self.progress = now.after_validation(value, loss, is_best)

    def save_best(self, validated: Validated) -> None:
        """Make the averaged weights the model of the folder."""
        if not self.group.is_first:
            return
        folder = self.prepared.folder
        (folder / checkpoint.ALIGNMENT_HEAD).unlink(missing_ok=True)  # it read other weights
        write_tensors(folder / checkpoint.WEIGHTS, self.trainer.averaged_weights(), {})
        quality = {
            "pairs": len(self.prepared.valid.sources),
            "bleu": round(validated.bleu, 2),
            "loss": round(validated.loss, 4),
            "search": "greedy",
        }
        write_json(folder / checkpoint.QUALITY, {"update": validated.update, "validation": quality})

    def save(self) -> None:
        """Save all that the run needs to resume."""
        self.progress = self.progress._replace(seconds=self.seconds())
        if self.group.is_first:
            self.trainer.save(self.prepared.training / STATE, self.progress)
        self.saved = time.monotonic()

    def outcome(self) -> Outcome:
        """Raises RegardError if no validation loss was finite."""
        now = self.progress
        if not now.has_best:
            raise RegardError(
                "every validation loss was NaN or infinite, so no model was saved",
                f"update {now.update:,} of {self.prepared.folder}",
                ("give more train.minutes, or " if now.ended == "time" else "") + DIVERGED_ADVICE,
            )
        self.group.gather(0.0)  # the first process has saved the best weights
        quality = read_json(self.prepared.folder / checkpoint.QUALITY)["validation"]
        return Outcome(now.update, now.best_update, quality, now.seconds, now.ended)


def translate_tagged(translator: Translator, valid: Parallel) -> list[str]:
    """The translation of each source as one sentence, with the tag of its pair."""
    if not valid.tags:
        return [each.text for each in translator.translate_sentences(valid.sources)]
    texts = [""] * len(valid.sources)
    for tag in sorted(set(valid.tags)):
        rows = [row for row, own in enumerate(valid.tags) if own == tag]
        sources = [valid.sources[row] for row in rows]
        translated = translator.with_tag(tag).translate_sentences(sources)
        for row, translation in zip(rows, translated, strict=True):
            texts[row] = translation.text
    return texts
