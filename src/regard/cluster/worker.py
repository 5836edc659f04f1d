"""What runs on the nodes of a cluster: a process with one model, for some of the node's cores."""

import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from regard import __version__
from regard.errors import RegardError
from regard.loading import load
from regard.shards.run import LineChunk
from regard.shards.writing import Request, WrittenLine, translate_lines
from regard.storage.model_file import SUFFIX
from regard.system import release_freed_memory
from regard.translator import Translator


class Prepared(NamedTuple):
    """What a worker is when it is ready."""

    version: str
    """Of regard."""
    process: int


class NodeWorker:
    """A Ray actor: translates one chunk at a time, in as many threads as it has cores."""

    def __init__(self, request: Request, workers: int, threads: int) -> None:
        self.request, self.workers, self.threads = request, workers, threads
        self.translator: Translator | None = None

    def prepare(self, model: Sequence[int]) -> Prepared | RegardError:
        """Load the model, whose file has these bytes."""
        import os

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver ends its workers
        release_freed_memory()
        try:
            with TemporaryDirectory() as folder:
                file = Path(folder) / f"model{SUFFIX}"
                file.write_bytes(memoryview(model))  # type: ignore[arg-type]
                opened = load(file, workers=self.workers, threads=self.threads)
            self.translator = self.request.prepare(opened)
        except RegardError as error:
            return error
        return Prepared(__version__, os.getpid())

    def translate(self, chunk: LineChunk) -> list[WrittenLine]:
        assert self.translator is not None
        return translate_lines(self.translator, self.request.output, chunk.lines, chunk.first)
