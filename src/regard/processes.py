"""Work for several processes at once."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from regard.errors import RegardError

Returned = TypeVar("Returned")
Shared = TypeVar("Shared")
Item = TypeVar("Item")
OnProgress = Callable[[int], None]
"""Called from time to time with how much is done, in all."""

POLL_SECONDS = 0.2
QUEUED_TASKS = 3
"""Tasks of a stream that are in memory for each process."""
WORKER: dict[str, Any] = {}
"""What a worker process needs for all its tasks."""


def map_in_processes(
    work: Callable[[Shared, Item, OnProgress], Returned],
    shared: Shared,
    tasks: Sequence[Item],
    processes: int,
    tick: OnProgress,
) -> Iterator[Returned]:
    """`work(shared, task, advance)` for each task, in order, in so many processes at most.

    `advance(n)` says that so much more is done; `tick` hears of the sum. One process is this one;
    others are new ones, to which `work`, `shared` and the tasks are sent.
    Raises RegardError if one of them ends, and what `work` raises.
    """
    processes = min(processes, len(tasks))
    if processes <= 1:
        done = Counter(tick)
        yield from (work(shared, task, done.advance) for task in tasks)
        return
    with worker_pool(work, shared, processes) as pool:
        futures = deque(pool.executor.submit(work_on, task) for task in tasks)
        while futures:  # a result that has been used is not kept
            yield result_of(futures.popleft(), lambda: tick(pool.counter.value))


def map_stream(
    work: Callable[[Shared, Item], Returned],
    shared: Shared,
    tasks: Iterable[Item],
    processes: int,
    own_tasks: int,
) -> Generator[Returned, None, None]:
    """`work(shared, task)` for each task, in order, in so many processes beside this one, which
    reads the tasks when they are needed: a few of them are in memory at a time.

    One process is this one. So many tasks at the beginning are done in it, too: to start others
    takes a second. Raises RegardError if one of them ends, and what `work` and the tasks raise.
    """
    tasks = iter(tasks)
    for task in islice(tasks, own_tasks if processes > 1 else None):
        yield work(shared, task)
    for first in tasks:
        with worker_pool(partial(without_progress, work), shared, processes) as pool:
            futures: deque[Future[Returned]] = deque()
            for task in chain([first], tasks):
                futures.append(pool.executor.submit(work_on, task))
                if len(futures) > QUEUED_TASKS * processes:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()


def without_progress(
    work: Callable[[Shared, Item], Returned], shared: Shared, task: Item, _advance: OnProgress
) -> Returned:
    return work(shared, task)


class WorkerPool(NamedTuple):
    executor: ProcessPoolExecutor
    counter: Any
    """Holds how much is done, in all."""


@contextmanager
def worker_pool(work: Callable[..., Any], shared: object, processes: int) -> Iterator[WorkerPool]:
    """New processes, to which `work` and `shared` are sent; they end with the block.

    Raises RegardError if one of them ends before.
    """
    context = get_context("spawn")  # a fork would copy locks that PyTorch's threads hold
    counter, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(processes, context, start_worker, (work, shared, counter, stop))
    try:
        yield WorkerPool(pool, counter)
    except BrokenProcessPool as error:
        raise RegardError(
            "a process ended before its work was done",
            f"one of {processes} processes",
            "free some memory; a program that uses several processes of regard starts its own work"
            ' under `if __name__ == "__main__":`',
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


class Counter:
    """Adds up what is done in this process."""

    def __init__(self, tick: OnProgress) -> None:
        self.done, self.tick = 0, tick

    def advance(self, amount: int) -> None:
        self.done += amount
        self.tick(self.done)


def result_of(future: "Future[Returned]", report: Callable[[], None]) -> Returned:
    while not wait([future], POLL_SECONDS).done:
        report()
    report()
    return future.result()


class Stopped(Exception):
    """The first process no longer wants the result."""


def start_worker(work: Callable[..., Any], shared: object, counter: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    Thread(target=end_with_parent, daemon=True).start()

    def advance(amount: int) -> None:
        if stop.is_set():
            raise Stopped
        with counter.get_lock():
            counter.value += amount

    WORKER.update(work=work, shared=shared, advance=advance)


def end_with_parent() -> None:
    """A worker whose first process was killed would wait for tasks forever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work_on(task: object) -> Any:
    return WORKER["work"](WORKER["shared"], task, WORKER["advance"])
