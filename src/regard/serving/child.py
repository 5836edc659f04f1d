"""A process of the server that answers questions through a pipe, one at a time.

It ends when its pipe is closed, so none is left when the front process is gone, however that ended.
Signals are the front process's business: a child ignores those that end a group of processes.
"""

import asyncio
import atexit
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

STOP_SECONDS = 5.0
"""How long a child may take to end by itself."""


class ChildLost(Exception):
    """The process ended, or was killed, before it answered."""


class Child:
    """The process, seen from the front process; its methods block, but for `answer`."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        """Start it: it calls `target` with its end of the pipe and these arguments."""
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()
        atexit.register(self.kill)  # before multiprocessing waits for it

    def ask(self, question: object) -> object:
        """Raises ChildLost."""
        self.send(question)
        return self.receive()

    def send(self, question: object) -> None:
        """Raises ChildLost."""
        try:
            self.pipe.send(question)
        except OSError as error:
            raise ChildLost from error

    def receive(self) -> object:
        """Raises ChildLost."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildLost from error

    async def answer(self) -> object:
        """What it answers to what was sent; the event loop does other work until then.

        Raises ChildLost.
        """
        await until_readable(self.pipe)
        return self.receive()

    def wait_until_ended(self) -> int | None:
        """Its exit status; None if it has not ended after some seconds."""
        self.process.join(STOP_SECONDS)
        return self.process.exitcode

    def stop(self) -> None:
        """End the process after the question that it works on, or after some seconds."""
        self.pipe.close()
        self.process.join(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        atexit.unregister(self.kill)
        self.process.kill()
        self.process.join()


async def until_readable(pipe: Connection) -> None:
    """Return when something has come through a pipe, or its other end is closed."""
    loop, is_readable = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(pipe.fileno(), is_readable.set)
    except NotImplementedError:  # Windows has threads for this
        await asyncio.to_thread(pipe.poll, None)
        return
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(pipe.fileno())


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def answer_all(pipe: Connection, answer: Callable[[Any], object]) -> None:
    """Answer questions until the pipe is closed."""
    while True:
        try:
            question = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(answer(question))
