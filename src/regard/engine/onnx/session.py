"""Graphs that run in ONNX Runtime, and what this processor does with their products."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from threading import Lock

import numpy as np
from onnxruntime import (
    InferenceSession,
    OrtAllocatorType,
    OrtArenaCfg,
    OrtMemoryInfo,
    OrtMemType,
    SessionOptions,
    create_and_register_allocator,
)

from regard.engine.onnx.graph import Graph
from regard.engine.onnx.graphs import tabling
from regard.engine.onnx.loops import ALONE
from regard.engine.onnx.network import Network

Draw = Callable[[Network], Graph]
Arrays = dict[str, np.ndarray]

SLOWER = ["SkipLayerNormFusion"]
"""What ONNX Runtime would rewrite for the worse: see docs/speed.md."""


@cache
def share_memory() -> None:
    """Let graphs take their memory from one store, which grows by powers of two.

    Growing by what is asked for, it would keep a block for each size that came (docs/speed.md).
    """
    kind = OrtAllocatorType.ORT_ARENA_ALLOCATOR
    with suppress(RuntimeError):  # another part of this process has done it before
        create_and_register_allocator(
            OrtMemoryInfo("Cpu", kind, 0, OrtMemType.DEFAULT),
            OrtArenaCfg({"arena_extend_strategy": 0}),
        )


class Session:
    """A graph that runs: arrays in and out by name.

    With a store its large arrays are the same pages again and again. But a store has one lock, for
    which two callers' operations of 1 µs would wait: graphs of small arrays are better without.
    """

    def __init__(self, graph: Graph, threads: int, has_store: bool = True) -> None:
        settings = SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        settings.enable_mem_pattern = False  # it would keep a block for every shape that came
        if has_store:
            share_memory()
            settings.add_session_config_entry("session.use_env_allocators", "1")
        else:
            settings.enable_cpu_mem_arena = False
        self.session = InferenceSession(
            graph.model(), settings, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER
        )
        self.session._model_bytes = None  # all weights once more, kept for other providers
        self.wanted = [one.name for one in self.session.get_inputs()]
        outputs = self.session.get_outputs()
        self.found = [one.name for one in outputs]
        self.are_whole = [one.type == "tensor(int64)" for one in outputs]

    def run(self, given: Arrays) -> Arrays:
        found = self.session.run(self.found, {name: given[name] for name in self.wanted})
        # numpy has two names for these integers, and ONNX Runtime uses the less usual one
        return {
            name: value.view(np.int64) if is_whole else value
            for name, value, is_whole in zip(self.found, found, self.are_whole, strict=True)
        }


class Sessions:
    """A network's graphs; each is drawn when it is first asked for."""

    def __init__(self, network: Network, threads: int) -> None:
        self.network, self.threads = network, threads
        self.ready: dict[Draw, Session] = {}
        self.drawing = Lock()

    def run(self, draw: Draw, given: Arrays) -> Arrays:
        with self.drawing:
            if draw not in self.ready:
                graph = draw(self.network)
                self.ready[draw] = Session(graph, self.threads, has_store=draw not in ALONE)
        session = self.ready[draw]
        return session.run({**given, **self.tables} if "table.0" in session.wanted else given)

    @cached_property
    def tables(self) -> Arrays:
        """What steps look up of each token; all graphs share it."""
        every = np.arange(self.network.tokens)[None]
        return Session(tabling(self.network), self.threads).run({"every": every})


@cache
def overflows() -> bool:
    """Whether this processor's product of unsigned and signed bytes overflows in between.

    Those without VNNI add two products in 16 bits (ONNX Runtime, "Quantize ONNX models").
    """
    g = Graph()
    whole = g.input("whole", "uint8", 1, 64)
    columns = g.tensor("columns", np.full((64, 16), 127, np.int8))
    g.output(g("MatMulInteger", whole, columns), "sums", "int32", 1, 16)
    sums = Session(g, 1).run({"whole": np.full((1, 64), 255, np.uint8)})["sums"]
    return not bool((sums == 64 * 127 * 255).all())
