"""Worker processes: each holds all models, and translates one batch at a time.

A worker ends when its pipe is closed, so none is left when the front process is gone, however it
ended. Signals are the front process's business: a worker ignores those that end a group of
processes.
"""

import atexit
import signal
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from regard.errors import RegardError
from regard.loading import load
from regard.serving.jobs import Answer, Job, work
from regard.translator import Translator

STOP_SECONDS = 5.0
"""How long a worker may take to end by itself."""
WARM_UP = "A cat."


class Failed(NamedTuple):
    """What a worker answers to a job that raised an exception."""

    message: str


JobOutcome = Answer | Failed


class WorkerLost(Exception):
    """The process ended, or was killed, before it answered."""


class Worker:
    """A worker process, seen from the front process; its methods block."""

    def __init__(self, models: Sequence[Path]) -> None:
        """Start it, without waiting until its models are loaded."""
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=run, args=(theirs, list(models)), daemon=True)
        self.process.start()
        theirs.close()
        atexit.register(self.kill)  # before multiprocessing waits for it

    def wait_until_ready(self) -> None:
        """Raises RegardError if a model cannot be loaded, and WorkerLost."""
        answer = self.receive()
        if isinstance(answer, RegardError):
            raise answer

    def translate(self, jobs: Sequence[Job]) -> list[JobOutcome]:
        """Raises WorkerLost."""
        try:
            self.pipe.send(list(jobs))
        except OSError as error:
            raise WorkerLost from error
        outcomes = self.receive()
        assert isinstance(outcomes, list)
        return outcomes

    def receive(self) -> object:
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost from error

    @property
    def exit_status(self) -> int | None:
        self.process.join(STOP_SECONDS)
        return self.process.exitcode

    def stop(self) -> None:
        """End the process after the batch that it works on, or after some seconds."""
        self.pipe.close()
        self.process.join(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        atexit.unregister(self.kill)
        self.process.kill()
        self.process.join()


def run(pipe: Connection, models: Sequence[Path]) -> None:
    """The life of a worker process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        translators = {str(model): open_and_warm_up(model) for model in models}
    except RegardError as error:
        pipe.send(error)
        return
    pipe.send(None)
    while True:
        try:
            jobs = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(outcomes_of(translators, jobs))


def open_and_warm_up(model: Path) -> Translator:
    translator = load(model, engine="onnx", workers=1)
    translator.align(translator.translate([WARM_UP]))
    return translator


def outcomes_of(translators: Mapping[str, Translator], jobs: Sequence[Job]) -> list[JobOutcome]:
    """A job that fails does not take the others with it."""
    try:
        return [*work(translators, jobs)]
    except Exception as error:
        if len(jobs) == 1:
            return [Failed(f"{type(error).__name__}: {error}")]
        return [outcome for job in jobs for outcome in outcomes_of(translators, [job])]
