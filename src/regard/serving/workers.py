"""Worker processes: each holds all models, and translates one batch at a time."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from regard.errors import RegardError
from regard.loading import load
from regard.serving.child import Channel, Child, answer_all
from regard.serving.jobs import Answer, Divided, Job, work
from regard.system import release_freed_memory, trim_heap, trim_memory
from regard.translator import Translator

WARM_UP = ["A cat."], ["See {name}."], ["A cat.", "A dog."]
"""A sentence alone, one with a placeholder, several together: each is another graph."""


class Failed(NamedTuple):
    """What a worker answers to a job that raised an exception."""

    message: str


JobOutcome = Answer | Divided | Failed


class Worker(Child):
    """A worker process, seen from the front process."""

    def __init__(self, models: Sequence[Path]) -> None:
        """Start it, without waiting until its models are loaded."""
        super().__init__(run_worker, list(models))

    def wait_until_ready(self) -> None:
        """Raises RegardError if a model cannot be loaded, and ChildLost."""
        answer = self.receive()
        if isinstance(answer, RegardError):
            raise answer

    def begin(self, jobs: Sequence[Job]) -> None:
        """Give it jobs; `outcomes` are to be awaited next. Raises ChildLost."""
        self.send(list(jobs))

    async def outcomes(self) -> list[JobOutcome]:
        """Raises ChildLost."""
        outcomes = await self.answer()
        assert isinstance(outcomes, list)
        return outcomes


def run_worker(front: Channel, models: Sequence[Path]) -> None:
    """The life of a worker process."""
    release_freed_memory()
    try:
        translators = {str(model): open_and_warm_up(model) for model in models}
    except RegardError as error:
        front.send(error)
        return
    trim_memory()
    front.send(None)
    answer_all(front, partial(outcomes_of_batch, translators))


def open_and_warm_up(model: Path) -> Translator:
    translator = load(model, engine="onnx", workers=1)
    for texts in WARM_UP:
        translator.align(translator.translate(texts))
    return translator


def outcomes_of_batch(
    translators: Mapping[str, Translator], jobs: Sequence[Job]
) -> list[JobOutcome]:
    """A process that works for weeks does not keep what its largest batch needed."""
    outcomes = outcomes_of(translators, jobs)
    if len(jobs) > 1:  # one sentence needs little, and somebody waits for it
        trim_heap()
    return outcomes


def outcomes_of(translators: Mapping[str, Translator], jobs: Sequence[Job]) -> list[JobOutcome]:
    """A job that fails does not take the others with it."""
    try:
        return [*work(translators, jobs)]
    except Exception as error:
        if len(jobs) == 1:
            return [Failed(f"{type(error).__name__}: {error}")]
        return [outcome for job in jobs for outcome in outcomes_of(translators, [job])]
