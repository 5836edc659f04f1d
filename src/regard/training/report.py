"""Reports of a run in progress: to a person on the console, and as JSON lines in a log file."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from regard.errors import refuse_system_error
from regard.files import write_file


class Updated(NamedTuple):
    """One update of the weights."""

    update: int
    updates: int
    loss: float
    """Nats a token, label smoothing included."""
    tokens: int
    """Target tokens of the update, padding left out."""
    learning_rate: float
    gradient: float
    """Norm of the gradient before clipping."""
    skipped: int
    """Updates skipped so far."""


class Validated(NamedTuple):
    """The quality of the averaged weights on the validation text."""

    update: int
    epoch: int
    """Times the training text has been read."""
    seconds: float
    """Training time so far, over all runs of this folder."""
    loss: float
    """Nats a token, without label smoothing."""
    bleu: float
    is_best: bool
    source: str
    """A sample sentence of the validation text."""
    reference: str
    """Its translation in the validation text."""
    translation: str
    """Its translation by the model."""


class Report:
    """Receives what happens in a run; a method that is not overridden does nothing."""

    def message(self, line: str) -> None:
        """A line of text for the user."""

    def progress(self, task: str, total: int) -> Callable[[int], None]:
        """A task of `total` items (0: unknown) starts; call the result with the number done."""
        return lambda _: None

    def updated(self, update: Updated) -> None:
        """Called after each update."""

    def validated(self, validation: Validated) -> None:
        """Called after each validation."""


class NoReport(Report):
    """Reports nothing."""


QUIET_SECONDS = 60.0
"""Between two lines of progress where the output is not a terminal, which has a progress bar."""


class ConsoleReport(Report):
    """Progress bars on a terminal; elsewhere a line every `QUIET_SECONDS`."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self.console, self.bars = console, bars
        self.training = bars.add_task("training", total=None, visible=False, about="")
        self.task = self.training
        self.rate = self.loss = 0.0
        self.last_update = self.last_line = time.monotonic()
        self.is_first = True

    def message(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def progress(self, task: str, total: int) -> Callable[[int], None]:
        self.remove_task()
        self.task = self.bars.add_task(task, total=total or None, about="")

        def count(done: int) -> None:
            self.bars.update(self.task, completed=done)
            if total and self.is_line_due():
                self.message(f"{task}: {done / total:.0%}")
            if total and done >= total:
                self.bars.update(self.task, visible=False)

        return count

    def is_line_due(self) -> bool:
        """Whether a line of progress is to be printed now, where there is no terminal."""
        now = time.monotonic()
        if self.console.is_terminal or now - self.last_line <= QUIET_SECONDS:
            return False
        self.last_line = now
        return True

    def remove_task(self) -> None:
        """Remove the bar of the last task, if it is not that of training."""
        if self.task != self.training:
            self.bars.remove_task(self.task)
            self.task = self.training

    def updated(self, update: Updated) -> None:
        now = time.monotonic()
        rate = update.tokens / max(now - self.last_update, 1e-9)
        self.last_update = now
        if self.is_first:
            self.remove_task()
            self.bars.reset(self.training, total=update.updates, completed=update.update - 1)
            self.rate, self.loss, self.is_first = 0.0, update.loss, False
        else:
            self.rate = 0.95 * self.rate + 0.05 * rate if self.rate else rate
            self.loss = 0.98 * self.loss + 0.02 * update.loss
        skipped = f", {update.skipped} skipped" if update.skipped else ""
        about = f"loss {self.loss:.3f}, {self.rate:,.0f} tokens/s{skipped}"
        self.bars.update(self.training, completed=update.update, visible=True, about=about)
        if self.is_line_due():
            self.message(f"update {update.update:,} of {update.updates:,}: {about}")

    def validated(self, validation: Validated) -> None:
        self.last_update = time.monotonic()
        best = "  (best so far)" if validation.is_best else ""
        self.message(
            f"update {validation.update:,}, epoch {validation.epoch + 1}, "
            f"{validation.seconds / 60:.1f} min: "
            f"validation BLEU {validation.bleu:.2f}, loss {validation.loss:.3f}{best}"
        )
        self.message(f"  source       {validation.source}")
        self.message(f"  reference    {validation.reference}")
        self.message(f"  translation  {validation.translation}")


@contextmanager
def console_report(console: Console) -> Iterator[ConsoleReport]:
    """A report on the console, with progress bars while the block runs."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[about]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield ConsoleReport(console, progress)


class Log(Report):
    """Every 50th update and every validation as JSON lines, in the order of updates."""

    INTERVAL = 50

    def __init__(self, file: Path) -> None:
        self.file = file

    def rewind(self, update: int) -> None:
        """Remove the lines after `update`: a run that resumes there writes them again."""
        if not self.file.exists():
            return
        kept = []
        for line in self.file.read_bytes().splitlines(keepends=True):
            try:
                if json.loads(line)["update"] > update:
                    break
            except (ValueError, KeyError):
                break
            kept.append(line)
        write_file(self.file, b"".join(kept))

    def write(self, entry: dict[str, object]) -> None:
        try:
            with self.file.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(entry, ensure_ascii=False) + "\n")
        except OSError as error:
            refuse_system_error(error, "write", str(self.file))

    def updated(self, update: Updated) -> None:
        if update.update % self.INTERVAL == 0:
            self.write(update._asdict())

    def validated(self, validation: Validated) -> None:
        self.write(validation._asdict())
