"""Work that is done only where other work takes long."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager


@contextmanager
def beside(work: Callable[[], Coroutine[None, None, None]], after: float) -> Iterator[None]:
    """Do `work` beside what is inside, once that has taken so many seconds; both end together.

    A timer costs less than a task, and most of what is inside ends before.
    """
    loop = asyncio.get_running_loop()
    begun: list[asyncio.Task[None]] = []
    timer = loop.call_later(after, lambda: begun.append(loop.create_task(work())))
    try:
        yield
    finally:
        timer.cancel()
        for task in begun:
            task.cancel()
