"""What is told of a run while it learns: to a person who watches, and as JSON lines beside it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

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
    """Target tokens that it learned, padding left out."""
    learning_rate: float
    gradient: float
    """Norm of the gradient before clipping."""
    skipped: int
    """Updates skipped so far."""


class Validated(NamedTuple):
    """How good the averaged weights are on the validation text."""

    update: int
    epoch: int
    """Times the training text has been read."""
    seconds: float
    """Of training so far, over all runs of this folder."""
    loss: float
    """Nats a token, without label smoothing."""
    bleu: float
    is_best: bool
    source: str
    """A sample sentence,"""
    reference: str
    """its translation by a person,"""
    translation: str
    """and by the model."""


@runtime_checkable
class Report(Protocol):
    """Whoever wants to be told."""

    def message(self, line: str) -> None:
        """Something that is not a number."""

    def progress(self, what: str, total: int) -> Callable[[int], None]:
        """Begin work on `total` things (0: nobody knows); tell the result how many are done."""

    def updated(self, update: Updated) -> None: ...

    def validated(self, validation: Validated) -> None: ...


class NoReport:
    """For tests and programs."""

    def message(self, line: str) -> None:
        """Nothing."""

    def progress(self, what: str, total: int) -> Callable[[int], None]:
        return lambda _: None

    def updated(self, update: Updated) -> None:
        """Nothing."""

    def validated(self, validation: Validated) -> None:
        """Nothing."""


QUIET_SECONDS = 60.0
"""Between two lines of progress where nobody watches a bar."""


class ConsoleReport:
    """Progress bars on a terminal; now and then a line elsewhere."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self.console, self.bars = console, bars
        self.task = bars.add_task("learning", total=None, visible=False, about="")
        self.other = self.task
        self.rate = self.loss = 0.0
        self.before = self.told = time.monotonic()
        self.fresh = True

    def message(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def progress(self, what: str, total: int) -> Callable[[int], None]:
        if self.other != self.task:
            self.bars.remove_task(self.other)
        self.other = self.bars.add_task(what, total=total or None, about="")

        def count(done: int) -> None:
            self.bars.update(self.other, completed=done)
            if total and done >= total:
                self.bars.update(self.other, visible=False)

        return count

    def updated(self, update: Updated) -> None:
        now = time.monotonic()
        rate = update.tokens / max(now - self.before, 1e-9)
        self.before = now
        if self.fresh:
            if self.other != self.task:
                self.bars.remove_task(self.other)
                self.other = self.task
            self.bars.reset(self.task, total=update.updates, completed=update.update - 1)
            self.rate, self.loss, self.fresh = 0.0, update.loss, False
        else:
            self.rate = 0.95 * self.rate + 0.05 * rate if self.rate else rate
            self.loss = 0.98 * self.loss + 0.02 * update.loss
        skipped = f", {update.skipped} skipped" if update.skipped else ""
        about = f"loss {self.loss:.3f}, {self.rate:,.0f} tokens/s{skipped}"
        self.bars.update(self.task, completed=update.update, visible=True, about=about)
        if not self.console.is_terminal and now - self.told > QUIET_SECONDS:
            self.told = now
            self.message(f"update {update.update:,} of {update.updates:,}: {about}")

    def validated(self, validation: Validated) -> None:
        self.before = time.monotonic()
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
    """A report to a person, on the console."""
    progress = Progress(
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
    )
    with progress:
        yield ConsoleReport(console, progress)


class Log:
    """Numbers as JSON lines: every 50th update and every validation, in the order of updates."""

    EVERY = 50

    def __init__(self, file: Path) -> None:
        self.file = file

    def rewind(self, update: int) -> None:
        """Forget what came after `update`: a run that goes on from there will tell it again."""
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
        if update.update % self.EVERY == 0:
            self.write(update._asdict())

    def validated(self, validation: Validated) -> None:
        self.write(validation._asdict())
