"""The process group of `torchrun`: PyTorch's DistributedDataParallel adds up gradients while the
rest of them is still computed."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from socket import gethostname
from typing import TypeVar

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from regard.errors import LostProcess
from regard.shapes import Float

Listed = TypeVar("Listed")
StoreAnswer = TypeVar("StoreAnswer", int, bool)

TIMEOUT_SECONDS = 55.0
"""How long a process waits for the others; torchrun gives those that hang 30 seconds more."""
BEAT_SECONDS = 1.0
"""Between two signs of life of a process for which the others wait."""
ASKING_SECONDS = 0.2
TELLING_SECONDS = 5.0
"""How long a process that has noticed a loss tries to learn whether another one tells it."""
BUCKET_MB = 4
"""Gradients that are added up together: small enough that the first leave early."""


class TorchGroup:
    """The processes that torchrun started: Gloo connects processors, NCCL connects GPUs."""

    def __init__(self, device: torch.device) -> None:
        """Raises LostProcess if the others cannot be reached."""
        self.neighbours = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        limit = timedelta(seconds=TIMEOUT_SECONDS)
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        self.rank, self.size, self.meetings = int(os.environ["RANK"]), 0, 0
        self.store: Store | None = None
        with self.noticing():
            self.store, self.rank, self.size = next(rendezvous("env://", timeout=limit))
            torch.distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
                store=PrefixStore("group", self.store),
                rank=self.rank,
                world_size=self.size,
                timeout=limit,
            )

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @contextmanager
    def first_process_first(self) -> Iterator[None]:
        """Preparing may take hours, so the first process gives signs of life meanwhile."""
        self.meetings += 1
        ready = f"regard/ready/{self.meetings}"
        if not self.is_first:
            with self.noticing():
                self.wait_for(ready)
            yield
            return
        assert self.store is not None
        done = threading.Event()
        beating = threading.Thread(target=self.beat, args=(done,), daemon=True)
        beating.start()
        try:
            yield
        except BaseException:
            self.store.set(ready, "failed")
            raise
        finally:
            done.set()
            beating.join()
        self.store.set(ready, "ready")

    def beat(self, done: threading.Event) -> None:
        assert self.store is not None
        while not done.wait(BEAT_SECONDS):
            self.store.add("regard/beats", 1)

    def wait_for(self, ready: str) -> None:
        """Raises RuntimeError if the first process gives no sign of life, and SystemExit if it
        failed, which it reports itself."""
        assert self.store is not None
        store, beats, last_beat = self.store, -1, time.monotonic()
        while not answer_in_time(lambda: store.check([ready]), TIMEOUT_SECONDS):
            now = answer_in_time(lambda: store.add("regard/beats", 0), TIMEOUT_SECONDS)
            if now != beats:
                beats, last_beat = now, time.monotonic()
            if time.monotonic() - last_beat > TIMEOUT_SECONDS:
                raise RuntimeError("the first process gives no sign of life")
            time.sleep(ASKING_SECONDS)
        if self.store.get(ready) == b"failed":
            raise SystemExit(2)

    def gather(self, *numbers: float) -> Float[np.ndarray, "P N"]:
        own = torch.tensor(numbers, dtype=torch.float64)
        rows = [torch.empty_like(own) for _ in range(self.size)]
        with self.noticing():
            torch.distributed.all_gather(rows, own)
        return torch.stack(rows).numpy()

    def gather_lists(self, items: list[Listed]) -> list[list[Listed]]:
        lists: list[list[Listed]] = [[] for _ in range(self.size)]
        with self.noticing():
            torch.distributed.all_gather_object(lists, items)
        return lists

    def joined(self, module: nn.Module) -> nn.Module:
        with self.noticing():
            return DistributedDataParallel(
                module, bucket_cap_mb=BUCKET_MB, gradient_as_bucket_view=True
            )

    def own_gradients(self, module: nn.Module) -> AbstractContextManager[None]:
        assert isinstance(module, DistributedDataParallel)
        return module.no_sync()

    def backward(self, loss: Tensor) -> None:
        with self.noticing():
            loss.backward()

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Raises LostProcess where PyTorch says in its own words that a process is gone."""
        try:
            yield
        except RuntimeError as error:  # Gloo has no class of its own
            if isinstance(error, torch.OutOfMemoryError):
                raise
            if not self.is_first_to_tell():
                raise SystemExit(1) from error
            raise LostProcess(
                "a process of this training was lost: it ended, hangs, or cannot be reached",
                f"noticed by process {self.rank} on {gethostname()}"
                f" ({str(error).strip().splitlines()[0][:100]})",
                "run the same command again; it goes on from the last saved state",
            ) from error

    def is_first_to_tell(self) -> bool:
        """Whether no other process has reported the loss, as far as this one can learn."""
        if (store := self.store) is None:
            return True
        try:
            return answer_in_time(lambda: store.add("regard/told", 1), TELLING_SECONDS) == 1
        except RuntimeError:  # the store is gone, too
            return True


def answer_in_time(question: Callable[[], StoreAnswer], seconds: float) -> StoreAnswer:
    """What a store answers, which waits for ever where the network is cut. Raises RuntimeError if
    there is no answer in time."""
    answers: list[StoreAnswer] = []

    def ask() -> None:
        with suppress(RuntimeError):
            answers.append(question())

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not answers:
        raise RuntimeError("the first process cannot be reached")
    return answers[0]
