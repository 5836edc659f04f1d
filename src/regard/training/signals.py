"""Record SIGINT and SIGTERM, so that a run can save its state before it stops."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def catch_signals(is_supervised: bool = False) -> Iterator[list[int]]:
    """Append the number of a SIGINT or SIGTERM to the list that this yields.

    The first signal restores the previous handlers, so a second one takes effect at once, unless
    the process `is_supervised`: torchrun passes on what the terminal has sent already, and kills
    what does not end in time. Outside the main thread, where Python allows no handlers, the list
    stays empty.
    """
    caught: list[int] = []

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def on_signal(number: int, _: FrameType | None) -> None:
        caught.append(number)
        if not is_supervised:
            restore()

    try:
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in previous:
            signal.signal(number, on_signal)
    except ValueError:  # not the main thread
        previous = {}
    try:
        yield caught
    finally:
        restore()
