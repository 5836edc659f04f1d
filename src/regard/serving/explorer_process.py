"""The explorer of a server: in a process of its own, so that it holds up no translation."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from regard.errors import RegardError
from regard.explain.explanation import load_to_explain
from regard.serving.child import Channel, Child, ChildLost, answer_all
from regard.serving.explorer import Answered, ExplainRequest, Explorer, SetWeightRequest

MAX_WAITING = 8
"""Questions that wait for the process, or are answered by it."""
SERVER = "the server"


class Question(NamedTuple):
    method: str
    """Of `Explorer`."""
    arguments: tuple[Any, ...]


class ExplorerProcess:
    """Started when it is first asked, and again when a model file has changed."""

    def __init__(self, models: Mapping[str, Path]) -> None:
        self.models = dict(models)
        self.process: Child | None = None
        self.stamps: list[float] = []
        """When the models that the process has loaded were written."""
        self.lock = Lock()
        self.waiting = 0

    def describe(self) -> list[Answered]:
        return self.ask(Question("describe", ()))

    def explain(self, request: ExplainRequest) -> Answered:
        return self.ask(Question("explain", (request,)))

    def set_weight(self, request: SetWeightRequest) -> Answered:
        return self.ask(Question("set_weight", (request,)))

    def ask(self, question: Question) -> Any:
        """Raises RegardError."""
        if self.waiting >= MAX_WAITING:
            raise RegardError("the explorer is busy", SERVER, "try again in some seconds")
        self.waiting += 1
        try:
            with self.lock:
                answer = self.current_process().ask(question)
        except ChildLost as error:
            raise RegardError("the explorer ended", SERVER, "try again") from error
        finally:
            self.waiting -= 1
        if isinstance(answer, RegardError):
            raise answer
        return answer

    def current_process(self) -> Child:
        """The process with the models as they are on disk now."""
        stamps = [written for path in self.models.values() for written in times_of(path)]
        if self.process and (stamps != self.stamps or not self.process.is_alive):
            self.process.kill()
            self.process = None
        if self.process is None:
            self.process, self.stamps = Child(run_explorer, self.models), stamps
        return self.process


def times_of(model: Path) -> list[float]:
    """When a model file, or each file of a model folder, was written."""
    files = sorted(model.iterdir()) if model.is_dir() else [model]
    return [file.stat().st_mtime for file in files if file.exists()]


class LazyExplorer:
    """In the process: loads the models before its first answer."""

    def __init__(self, models: Mapping[str, Path]) -> None:
        self.models = models

    @cached_property
    def explorer(self) -> Explorer:
        return Explorer({name: load_to_explain(path) for name, path in self.models.items()})

    def answer(self, question: Question) -> object:
        try:
            return getattr(self.explorer, question.method)(*question.arguments)
        except RegardError as error:
            return error


def run_explorer(front: Channel, models: Mapping[str, Path]) -> None:
    """The life of the process."""
    answer_all(front, LazyExplorer(models).answer)
