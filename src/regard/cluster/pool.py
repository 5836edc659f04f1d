"""A pool of workers on the nodes of a Ray cluster: who gets which chunk, and what if one dies."""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from regard import __version__
from regard.cluster.connection import connected
from regard.cluster.worker import NodeWorker, Prepared
from regard.errors import RegardError
from regard.shards.run import ChunkOutcome, LineChunk, Lost
from regard.shards.writing import Request
from regard.system import cores

WORKERS_PER_MODEL = 16
"""Threads that share a model; Python runs in 4 % of their time (measured), one at a time."""
CHUNKS_PER_WORKER = 2
"""One that is translated, and one that waits, so that a worker is never idle."""
CHUNKS_AHEAD = 4
"""For each worker so many chunks may be unfinished or wait for an earlier one."""
MAX_DEATHS = 3
"""A chunk that so many workers in a row died of is given up, and so is a node on which so many
died before they were ready."""
NODE_POLL_SECONDS = 1.0
"""Between two looks at which nodes there are."""
PATIENCE_SECONDS = 30.0
"""After which a user is told that no worker is ready."""


class NodeModel(NamedTuple):
    """What each node needs to translate."""

    content: bytes
    """The model file."""
    request: Request
    workers: int
    """Batches at a time on a node; 0 is one per core."""
    threads: int
    """Cores per batch."""


@dataclass(eq=False)
class Ticket:
    """A chunk until its outcome is used."""

    chunk: LineChunk
    deaths: int = 0
    """Of workers that were translating it."""
    outcome: ChunkOutcome | None = None


@dataclass(eq=False)
class PoolWorker:
    """A `NodeWorker`, seen from here."""

    node: str
    address: str
    threads: int
    """Batches that it translates at a time."""
    actor: Any
    preparing: Any
    """The reference of what `prepare` returns, until the worker is ready."""
    tickets: deque[tuple[Ticket, Any]] = field(default_factory=deque)
    """Sent to it, with the references of the outcomes; it works on the first one."""

    @property
    def reference(self) -> Any:
        """What is awaited next of it; None if it has nothing to do."""
        if self.preparing is not None:
            return self.preparing
        return self.tickets[0][1] if self.tickets else None


class RayPool:
    """Translates chunks on all nodes of a cluster, also on those that join later."""

    def __init__(self, model: NodeModel, address: str, tell: Callable[[str], None]) -> None:
        """`tell` prints a message for the user."""
        self.model, self.address, self.tell = model, address, tell
        self.ray: Any = None
        self.content: Any = None
        self.workers: list[PoolWorker] = []
        self.waiting: deque[Ticket] = deque()
        """Chunks that no worker has."""
        self.unused: deque[Ticket] = deque()
        """Chunks whose outcome was not used yet, in order."""
        self.failed_starts: Counter[str] = Counter()
        """For each node, how many workers in a row died there before they were ready."""
        self.last_error = ""
        self.last_ready = time.monotonic()

    def translate(self, chunks: Iterator[LineChunk]) -> Generator[ChunkOutcome, None, None]:
        """The outcomes of chunks, in order.

        Raises RegardError if the cluster does not answer, or no node can run a worker.
        """
        size = (self.model.workers or max(1, cores() // self.model.threads)) * self.model.threads
        with connected(self.address, size, len(self.model.content)) as self.ray:
            self.content = self.ray.put(np.frombuffer(self.model.content, np.uint8))
            self.update_nodes()
            checked = time.monotonic()
            is_over = False
            while not is_over or self.unused:
                while not is_over and len(self.unused) < CHUNKS_AHEAD * max(1, len(self.workers)):
                    chunk = next(chunks, None)
                    is_over = chunk is None
                    if chunk is not None:
                        self.add(chunk)
                self.assign()
                while self.unused and self.unused[0].outcome is not None:
                    yield self.unused.popleft().outcome or []
                if self.unused and self.unused[0].outcome is None:
                    self.wait()
                if time.monotonic() - checked > NODE_POLL_SECONDS:
                    self.update_nodes()
                    checked = time.monotonic()

    def add(self, chunk: LineChunk) -> None:
        ticket = Ticket(chunk)
        self.unused.append(ticket)
        if chunk.lines:
            self.waiting.append(ticket)
        else:
            ticket.outcome = []

    def assign(self) -> None:
        """Give waiting chunks to the workers that are ready, first to those that have least."""
        ready = [worker for worker in self.workers if worker.preparing is None]
        for count in range(CHUNKS_PER_WORKER):
            for worker in ready:
                if self.waiting and len(worker.tickets) == count:
                    ticket = self.waiting.popleft()
                    reference = worker.actor.translate.remote(ticket.chunk)
                    worker.tickets.append((ticket, reference))

    def wait(self) -> None:
        """Wait until something has happened, or a while has passed."""
        owners = {
            worker.reference: worker for worker in self.workers if worker.reference is not None
        }
        if not owners:
            time.sleep(NODE_POLL_SECONDS)
            return
        done, _ = self.ray.wait([*owners], num_returns=1, timeout=NODE_POLL_SECONDS)
        for reference in done:
            worker = owners[reference]
            try:
                result = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                is_raised = isinstance(error, self.ray.exceptions.RayTaskError)
                if is_raised and worker.preparing is None:
                    raise  # a bug of ours, not a death
                self.lose(worker, error)
                continue
            if worker.preparing is not None:
                self.admit(worker, result)
            else:
                worker.tickets.popleft()[0].outcome = result

    def admit(self, worker: PoolWorker, prepared: Prepared | RegardError) -> None:
        """Raises RegardError if a node cannot load the model, or has another version of regard."""
        if isinstance(prepared, RegardError):
            raise prepared
        if prepared.version != __version__:
            raise RegardError(
                f"regard is {prepared.version} there, and {__version__} here",
                f"the node {worker.address}",
                "install the same version on all nodes",
            )
        worker.preparing = None
        self.failed_starts[worker.node] = 0
        self.last_ready = time.monotonic()

    def lose(self, worker: PoolWorker, error: Exception) -> None:
        """Give the chunks of a dead worker to others."""
        self.workers.remove(worker)
        self.ray.kill(worker.actor)
        self.last_error = reason_of(error)
        if worker.preparing is not None:
            self.failed_starts[worker.node] += 1
        tickets = [ticket for ticket, _ in worker.tickets]
        for ticket in tickets[:1]:
            ticket.deaths += 1
            if ticket.deaths == MAX_DEATHS:
                ticket.outcome = Lost(deadly_error(ticket.chunk))
        self.waiting.extendleft(one for one in reversed(tickets) if one.outcome is None)
        self.update_nodes()

    def update_nodes(self) -> None:
        """Start workers on nodes that have none. Raises RegardError if no node can run one."""
        alive = {node["NodeID"]: node for node in self.ray.nodes() if node["Alive"]}
        for worker in list(self.workers):
            if worker.node not in alive:
                self.lose(worker, RuntimeError(f"the node {worker.address} is gone"))
                return  # which has looked at the nodes again
        usable = [name for name in alive if self.failed_starts[name] < MAX_DEATHS]
        for name in usable:
            present = Counter(each.threads for each in self.workers if each.node == name)
            for threads in (Counter(self.threads_of(alive[name])) - present).elements():
                self.start(alive[name], threads)
        if alive and not usable:
            raise RegardError(
                f"no worker could be started: {self.last_error}",
                ", ".join(node["NodeManagerAddress"] for node in alive.values()),
                "install this version of regard on every node, and look whether they have memory"
                f" for a model of {len(self.model.content) / 2**20:.0f} MiB",
            )
        is_ready = any(worker.preparing is None for worker in self.workers)
        if is_ready or time.monotonic() - self.last_ready < PATIENCE_SECONDS:
            return
        self.last_ready = time.monotonic()
        self.tell(
            f"waiting for free cores: {len(self.workers)} workers on {len(alive)} nodes have not"
            " begun yet"
        )

    def threads_of(self, node: Any) -> list[int]:
        """The threads of each worker that a node has room for."""
        most = int(node["Resources"].get("CPU", 0)) // self.model.threads
        total = min(self.model.workers or most, most)
        return [
            min(WORKERS_PER_MODEL, total - first) for first in range(0, total, WORKERS_PER_MODEL)
        ]

    def start(self, node: Any, threads: int) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": threads * self.model.threads,
            "max_restarts": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        }
        actor_class = self.ray.remote(NodeWorker).options(**options)
        actor = actor_class.remote(self.model.request, threads, self.model.threads)
        preparing = actor.prepare.remote(self.content)
        address = str(node["NodeManagerAddress"])
        self.workers.append(PoolWorker(node["NodeID"], address, threads, actor, preparing))


def reason_of(error: Exception) -> str:
    """One line of what Ray says: that of the exception, if there was one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error: " in line]
    return (named[-1] if named else lines[0] if lines else type(error).__name__)[:200]


def deadly_error(chunk: LineChunk) -> RegardError:
    return RegardError(
        f"{MAX_DEATHS} workers in a row died while they translated it",
        f"{chunk.origin}, from line {chunk.first}",
        "look for a very long line there, or give workers more memory",
    )
