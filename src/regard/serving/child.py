"""A process of the server that answers questions through pipes, one at a time.

It is an interpreter of its own whose standard input and output are the pipes; multiprocessing would
start a third process beside it, which watches over what we do not use. It ends when its pipe is
closed, so none is left when the front process is gone, however that ended. Signals are the front
process's business: a child ignores those that end a group of processes.
"""

import asyncio
import atexit
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from typing import IO, Any, NamedTuple

STOP_SECONDS = 5.0
"""How long a child may take to end by itself."""
COMMAND = [sys.executable, "-P", "-c", f"from {__name__} import main; main()"]


class ChildLost(Exception):
    """The process ended, or was killed, before it answered."""


class Channel(NamedTuple):
    """The two pipes between two processes, seen from one of them."""

    incoming: IO[bytes]
    outgoing: IO[bytes]

    def send(self, message: object) -> None:
        """Raises OSError if nobody reads."""
        pickle.dump(message, self.outgoing, pickle.HIGHEST_PROTOCOL)
        self.outgoing.flush()

    def receive(self) -> Any:
        """Raises EOFError or OSError if the other process has ended."""
        try:
            return pickle.load(self.incoming)
        except pickle.UnpicklingError as error:  # a part of a message
            raise EOFError from error

    def close(self) -> None:
        """The other process will read that it is over."""
        with suppress(OSError):  # what was not sent is for a process that has ended
            self.outgoing.close()


class Child:
    """The process, seen from the front process; its methods block, but for `answer`."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        """Start it: it calls `target` with its channel and these arguments."""
        self.process = Popen(COMMAND, stdin=PIPE, stdout=PIPE)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.channel = Channel(self.process.stdout, self.process.stdin)
        atexit.register(self.kill)
        with suppress(ChildLost):  # whoever asks it is told
            self.send((target, arguments))

    def ask(self, question: object) -> object:
        """Raises ChildLost."""
        self.send(question)
        return self.receive()

    def send(self, question: object) -> None:
        """Raises ChildLost."""
        try:
            self.channel.send(question)
        except (OSError, ValueError) as error:  # ValueError: it was stopped
            raise ChildLost from error

    def receive(self) -> object:
        """Raises ChildLost."""
        try:
            return self.channel.receive()
        except (EOFError, OSError, ValueError) as error:
            raise ChildLost from error

    async def answer(self) -> object:
        """What it answers to what was sent; the event loop does other work until then.

        Raises ChildLost.
        """
        try:
            await until_readable(self.channel.incoming)
        except NotImplementedError:  # Windows has threads for this
            return await asyncio.to_thread(self.receive)
        return self.receive()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_ended(self) -> int | None:
        """Its exit status; None if it has not ended after some seconds."""
        with suppress(TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        return self.process.returncode

    def stop(self) -> None:
        """End the process after the question that it works on, or after some seconds."""
        self.channel.close()
        self.wait_until_ended()
        self.kill()

    def kill(self) -> None:
        atexit.unregister(self.kill)
        self.process.kill()
        self.process.wait()
        self.channel.close()
        self.channel.incoming.close()


async def until_readable(pipe: IO[bytes]) -> None:
    """Return when something has come through a pipe, or its other end is closed.

    Raises NotImplementedError on Windows.
    """
    loop, is_readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(pipe.fileno())


def main() -> None:
    """The life of a child process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        target, arguments = channel.receive()
    except (EOFError, OSError):  # the front process has ended already
        return
    target(channel, *arguments)


def answer_all(channel: Channel, answer: Callable[[Any], object]) -> None:
    """Answer questions until the front process ends."""
    while True:
        try:
            question = channel.receive()
        except (EOFError, OSError):
            return
        channel.send(answer(question))
