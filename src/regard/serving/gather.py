"""Jobs of many requests to batches for worker processes.

An idle worker takes what waits at once: nothing is held back to fill a batch. Under load there is
more to choose from: a batch has the job whose turn it is and others of similar length. Turns are
fair: each request has a virtual time, which its own jobs advance by their lengths (start-time fair
queueing, Goyal, Vin & Cheng 1997), so that a long request does not hold up short ones.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heapify, heappop, heappush, nsmallest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from regard.errors import RegardError
from regard.serving.child import ChildLost
from regard.serving.jobs import Answer, Divided, Job
from regard.serving.late import beside
from regard.serving.workers import Failed, JobOutcome, Worker

LOG = logging.getLogger(__name__)
ThreadResult = TypeVar("ThreadResult")

JOB_COST = 20
"""What a job costs besides its characters."""
WINDOW = 1024
"""Waiting jobs among which those of similar length are sought."""
BATCH_JOBS, BATCH_CHARACTERS = 64, 8000
"""A batch has at most so many, or is one job."""
ABANDONED_SECONDS = 2.0
"""A worker that needs longer for what nobody waits for is replaced, which takes as long."""
RESTART_SECONDS = 1.0
"""Between two attempts to start a worker that does not start."""


class QueueFull(Exception):
    """More waits already than is allowed to."""


class JobFailed(Exception):
    """A job raised an exception, or ended its worker twice."""


@dataclass(order=True)
class Waiting:
    """A job and its future answer."""

    turn: float
    number: int
    """Among those of the same turn the first comes first."""
    job: Job = field(compare=False)
    answer: "asyncio.Future[Answer | Divided]" = field(compare=False)
    is_taken: bool = field(compare=False, default=False)
    """Whether a worker has it, or its request is gone."""
    is_second_attempt: bool = field(compare=False, default=False)


@dataclass
class GatherCounts:
    """What has happened so far."""

    batch_sizes: Counter[int] = field(default_factory=Counter)
    """How many batches had so many jobs."""
    jobs: int = 0
    tokens: int = 0
    lost_workers: int = 0


class Spare(NamedTuple):
    """A worker that is to replace an older one."""

    generation: int
    worker: Worker


class Gatherer:
    """The queue and the workers."""

    def __init__(self, models: Sequence[Path], workers: int, max_waiting: int) -> None:
        """`max_waiting` are the characters that may wait."""
        self.models, self.workers, self.max_waiting = list(models), workers, max_waiting
        self.generation = 0
        """How often the models have been loaded again."""
        self.heap: list[Waiting] = []
        self.virtual_time, self.number, self.idle, self.ready = 0.0, 0, 0, 0
        self.waiting = 0
        """The characters that wait."""
        self.generations = [0] * workers
        """Which models each of the workers has."""
        self.changed = asyncio.Event()
        """Set when a job arrives, or a worker that has loaded the models again."""
        self.counts = GatherCounts()
        self.threads = ThreadPoolExecutor(2 * workers, thread_name_prefix="worker")
        self.loops: list[asyncio.Task[None]] = []
        self.loading: set[asyncio.Task[None]] = set()
        self.spares: list[Spare] = []

    async def start(self) -> None:
        """Return when all workers are ready. Raises RegardError if a model cannot be loaded."""
        started = [Worker(self.models) for _ in range(self.workers)]
        try:
            for worker in started:
                await self.in_thread(worker.wait_until_ready)
        except BaseException:
            for worker in started:
                worker.kill()
            raise
        self.loops = [
            asyncio.create_task(self.serve(number, worker)) for number, worker in enumerate(started)
        ]

    async def stop(self) -> None:
        started = [*self.loops, *self.loading]
        for one in started:
            one.cancel()
        await asyncio.gather(*started, return_exceptions=True)
        for spare in self.spares:
            spare.worker.kill()
        self.threads.shutdown(wait=False)

    def reload(self) -> None:
        """Load the models again, in new workers that replace the old ones one after the other; the
        old ones work until then."""
        self.generation += 1
        task = asyncio.create_task(self.load_again(self.generation))
        self.loading.add(task)
        task.add_done_callback(self.loading.discard)

    @property
    def common_generation(self) -> int | None:
        """How often the models of all workers have been loaded again; None while some are older."""
        return self.generation if set(self.generations) == {self.generation} else None

    async def load_again(self, generation: int) -> None:
        for number in range(self.workers):
            try:
                fresh = await self.ready_worker()
            except (RegardError, ChildLost) as error:
                LOG.error("the models were not loaded again: %s", error)
                if number == 0 and generation == self.generation:
                    self.generation -= 1
                return
            if generation != self.generation:  # they have changed once more
                fresh.kill()
                return
            self.spares.append(Spare(generation, fresh))
            self.changed.set()

    async def ready_worker(self) -> Worker:
        """A new worker. Raises RegardError if a model cannot be loaded, and ChildLost."""
        fresh = Worker(self.models)
        try:
            await self.in_thread(fresh.wait_until_ready)
        except BaseException:
            fresh.kill()
            raise
        return fresh

    def in_thread(
        self, function: Callable[..., ThreadResult], *arguments: Any
    ) -> "asyncio.Future[ThreadResult]":
        return asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    def submit(self, jobs: Sequence[Job]) -> "list[asyncio.Future[Answer | Divided]]":
        """The future answers of the jobs of one request; who cancels one takes its job back.

        Raises QueueFull.
        """
        characters = sum(len(job.text) for job in jobs)
        if self.waiting and self.waiting + characters > self.max_waiting:
            raise QueueFull
        loop, turn = asyncio.get_running_loop(), self.virtual_time
        answers: list[asyncio.Future[Answer | Divided]] = []
        for job in jobs:
            self.number += 1
            answers.append(loop.create_future())
            self.put(Waiting(turn, self.number, job, answers[-1]))
            turn += len(job.text) + JOB_COST
        return answers

    def put(self, waiting: Waiting) -> None:
        def leave(_: object) -> None:
            if not waiting.is_taken:
                self.take(waiting)

        waiting.answer.add_done_callback(leave)
        heappush(self.heap, waiting)
        self.waiting += len(waiting.job.text)
        self.changed.set()

    def take(self, waiting: Waiting) -> None:
        waiting.is_taken = True
        self.waiting -= len(waiting.job.text)

    def has_spare(self, generation: int) -> bool:
        """Whether a worker that is newer than this generation waits to be used."""
        return bool(self.spares) and self.spares[0].generation > generation

    async def next_batch(self, generation: int) -> list[Waiting]:
        """What a worker translates together, as soon as there is something; nothing if a
        newer worker should do it."""
        while True:
            while self.heap and self.heap[0].is_taken:
                heappop(self.heap)
            if self.has_spare(generation):
                return []
            if self.heap:
                return self.take_batch()
            self.changed.clear()
            self.idle += 1
            try:
                await self.changed.wait()
            finally:
                self.idle -= 1

    def take_batch(self) -> list[Waiting]:
        first = self.heap[0]
        window = [
            waiting
            for waiting in nsmallest(WINDOW, self.heap)
            if waiting.job.kind == first.job.kind and not waiting.is_taken
        ]
        batch = similar(first, window, -(-len(window) // (self.idle + 1)))
        for waiting in batch:
            self.take(waiting)
        self.heap = [waiting for waiting in self.heap if not waiting.is_taken]
        heapify(self.heap)
        self.virtual_time = max(self.virtual_time, first.turn)
        return batch

    async def serve(self, number: int, worker: Worker) -> None:
        """Give a worker one batch after the other, and replace it if it is lost, or by one that has
        loaded the models again."""
        self.generations[number] = self.generation
        self.ready += 1
        try:
            while True:
                batch = await self.next_batch(self.generations[number])
                if not batch:
                    old, (self.generations[number], worker) = worker, self.spares.pop(0)
                    await self.in_thread(old.stop)
                    continue
                try:
                    outcomes = await self.translated(worker, batch)
                except ChildLost:
                    self.give_back(batch)
                    self.ready -= 1
                    worker = await self.restarted(worker)
                    self.ready += 1
                else:
                    self.settle(batch, outcomes)
        finally:
            self.ready -= 1
            worker.kill()

    async def translated(self, worker: Worker, batch: Sequence[Waiting]) -> list[JobOutcome]:
        """Raises ChildLost, also if the worker is ended because nobody waits any more."""
        worker.begin([waiting.job for waiting in batch])
        with beside(partial(self.end_if_abandoned, worker, batch), ABANDONED_SECONDS):
            return await worker.outcomes()

    async def end_if_abandoned(self, worker: Worker, batch: Sequence[Waiting]) -> None:
        """End a worker some seconds after all requests of its batch are gone."""
        await asyncio.wait([waiting.answer for waiting in batch])
        await asyncio.sleep(ABANDONED_SECONDS)
        LOG.warning("a worker is replaced: nobody waits for its long work any more")
        await self.in_thread(worker.kill)

    async def restarted(self, worker: Worker) -> Worker:
        """Another worker, after this one was lost."""
        self.counts.lost_workers += 1
        status = await self.in_thread(worker.wait_until_ended)
        LOG.error("a worker process ended (exit status %s); another is started", status)
        while True:
            try:
                return await self.ready_worker()
            except (RegardError, ChildLost) as error:
                LOG.error("no worker can be started: %s", error)
                await asyncio.sleep(RESTART_SECONDS)

    def give_back(self, batch: Sequence[Waiting]) -> None:
        """Each job of a lost worker is tried once more, alone: it may be what ended the worker."""
        for waiting in batch:
            if waiting.is_second_attempt and not waiting.answer.done():
                waiting.answer.set_exception(JobFailed("it ended two worker processes"))
            elif not waiting.answer.done():
                self.put(replace(waiting, is_taken=False, is_second_attempt=True))

    def settle(self, batch: Sequence[Waiting], outcomes: Sequence[JobOutcome]) -> None:
        self.counts.batch_sizes[len(batch)] += 1
        for waiting, outcome in zip(batch, outcomes, strict=True):
            self.counts.jobs += 1
            if isinstance(outcome, Answer):
                self.counts.tokens += outcome.tokens
            if waiting.answer.done():
                continue
            if isinstance(outcome, Failed):
                waiting.answer.set_exception(JobFailed(outcome.message))
            else:
                waiting.answer.set_result(outcome)


def similar(first: Waiting, window: Sequence[Waiting], share: int) -> list[Waiting]:
    """`first` and those of the window whose lengths are nearest to its own; at most `share`."""
    if first.is_second_attempt:
        return [first]
    length = len(first.job.text)
    others = (one for one in window if one is not first and not one.is_second_attempt)
    batch, characters = [first], length
    for other in sorted(others, key=lambda one: abs(len(one.job.text) - length)):
        characters += len(other.job.text)
        if len(batch) >= min(share, BATCH_JOBS) or characters > BATCH_CHARACTERS:
            break
        batch.append(other)
    return batch
