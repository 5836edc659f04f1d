"""Run graphs in ONNX Runtime, and test how this processor computes int8 products."""

import os
from contextlib import suppress
from functools import cache, cached_property
from threading import Lock

import numpy as np

# from 1.29 on ONNX Runtime would report its use to its makers, and leave an identifier in the
# user's cache; it reads this when it is imported
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from regard.engine.onnx.builders import GraphKind, build
from regard.engine.onnx.graph import Graph, draw
from regard.engine.onnx.network import Network

ort.disable_telemetry_events()  # on Windows, which does not read it

Arrays = dict[str, np.ndarray]

DISABLED_OPTIMIZERS = ["SkipLayerNormFusion"]
"""Rewritings of ONNX Runtime that make these graphs slower: see docs/notes/speed.md."""


@cache
def share_arena() -> None:
    """Register one memory arena for all sessions, which grows by powers of two.

    If it grew by the size that is asked for, it would keep a block of each size
    (docs/notes/speed.md).
    """
    kind = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    with suppress(RuntimeError):  # another part of this process has registered one
        ort.create_and_register_allocator(
            ort.OrtMemoryInfo("Cpu", kind, 0, ort.OrtMemType.DEFAULT),
            ort.OrtArenaCfg({"arena_extend_strategy": 0}),
        )


class Session:
    """A graph that runs, with arrays in and out by name.

    In an arena large arrays reuse the same pages. But the arena has one lock, for which operators
    of 1 µs of two callers would wait: graphs of small arrays run without an arena.
    """

    def __init__(self, graph: Graph, threads: int, use_arena: bool = True) -> None:
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        settings.enable_mem_pattern = False  # it would keep a block for every shape
        if use_arena:
            share_arena()
            settings.add_session_config_entry("session.use_env_allocators", "1")
        else:
            settings.enable_cpu_mem_arena = False
        self.session = ort.InferenceSession(
            graph.model(),
            settings,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=DISABLED_OPTIMIZERS,
        )
        self.session._model_bytes = None  # a copy of all weights, kept for other providers
        self.tables = graph.tables
        self.inputs = [port.name for port in self.session.get_inputs()]
        self.outputs = [port.name for port in self.session.get_outputs()]

    def run(self, given: Arrays) -> Arrays:
        given = {**self.tables, **given}
        values = self.session.run(self.outputs, {name: given[name] for name in self.inputs})
        # numpy has two names for int64, and ONNX Runtime uses the less usual one
        return {
            name: value.view(np.int64) if value.dtype == np.int64 else value
            for name, value in zip(self.outputs, values, strict=True)
        }


class Sessions:
    """The graphs of a network; each is drawn when it first runs."""

    def __init__(self, network: Network, threads: int) -> None:
        self.network, self.threads = network, threads
        self.ready: dict[GraphKind, Session] = {}
        self.lock = Lock()

    def run(self, kind: GraphKind, given: Arrays) -> Arrays:
        with self.lock:
            if kind not in self.ready:
                graph = build(kind, self.network)
                self.ready[kind] = Session(graph, self.threads, use_arena=not kind.single)
        session = self.ready[kind]
        return session.run({**given, **self.input_tables} if "table.0" in session.inputs else given)

    @cached_property
    def input_tables(self) -> Arrays:
        """The tables that steps look up; all graphs share them."""
        graph = build(GraphKind("input_table"), self.network)
        tokens = np.arange(self.network.tokens)[None]
        return Session(graph, self.threads).run({"vocabulary": tokens})


@cache
def int8_saturates() -> bool:
    """Whether this processor's product of uint8 and int8 saturates.

    Processors without VNNI add two products in 16 bits (ONNX Runtime, "Quantize ONNX models").
    """
    g = Graph()
    inputs = g.input("inputs", "uint8", 1, 64)
    columns = g.tensor("columns", np.full((64, 16), 127, np.int8))
    g.output(draw("MatMulInteger", [inputs, columns], ["int32"])[0], "sums", 1, 16)
    sums = Session(g, 1).run({"inputs": np.full((1, 64), 255, np.uint8)})["sums"]
    return not bool((sums == 64 * 127 * 255).all())
