"""What operators see of a server: metrics for Prometheus, and a log of requests without texts."""

import json
import math
import time
from collections import OrderedDict, deque
from collections.abc import Container, Iterator
from typing import BinaryIO

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.serving.contract import Refused
from regard.serving.gather import LOG
from regard.serving.service import Service

LATENCIES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Upper ends of the buckets, in seconds."""
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Upper ends of the buckets, in jobs."""
MINUTE = 60.0
MAX_CALLERS = 100_000
"""Callers whose requests are counted; the one that has not asked for longest is forgotten."""


class ServiceCollector(Collector):
    """What the queue, the workers and the cache count, read when it is asked for."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def collect(self) -> Iterator[Metric]:
        gatherer, cache = self.service.gatherer, self.service.cache
        counts = gatherer.counts
        yield GaugeMetricFamily(
            "regard_queue_characters", "Characters that wait", value=gatherer.waiting
        )
        yield GaugeMetricFamily(
            "regard_workers", "Workers that can translate", value=gatherer.ready
        )
        yield HistogramMetricFamily(
            "regard_batch_jobs",
            "Lines and documents that were translated together",
            buckets=[
                (str(bound), sum(n for size, n in counts.batch_sizes.items() if size <= bound))
                for bound in (*BATCH_SIZES, math.inf)
            ],
            sum_value=sum(size * n for size, n in counts.batch_sizes.items()),
        )
        for name, description, value in (
            ("regard_jobs", "Lines and documents that were translated", counts.jobs),
            ("regard_source_tokens", "Tokens of the sources", counts.tokens),
            (
                "regard_lost_workers",
                "Workers that ended, or were ended, before their work was done",
                counts.lost_workers,
            ),
            ("regard_cache_hits", "Lines and documents that were in the cache", cache.hits),
            ("regard_cache_misses", "Those that were not", cache.misses),
        ):
            yield CounterMetricFamily(name, description, value=value)


class Metrics:
    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(ServiceCollector(service))
        self.requests = Counter(
            "regard_requests", "Requests", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "regard_request_seconds",
            "Time from a request to its answer",
            ["path"],
            buckets=LATENCIES,
            registry=self.registry,
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Observed:
    """Counts and logs all requests."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, paths: Container[str], log: BinaryIO | None
    ) -> None:
        """Other paths than `paths` are counted as one, since there may be any number of them. The
        log has no buffer, which a full disk would fill."""
        self.app, self.metrics, self.paths, self.log = app, metrics, paths, log
        self.log_is_broken = False  # its last line may be a part of one

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - began
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.metrics.requests.labels(path, status).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            if self.log is not None:
                self.write_line(scope, status, seconds)

    def write_line(self, scope: Scope, status: int, seconds: float) -> None:
        assert self.log is not None
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(1e3 * seconds, 1),
        }
        text = b"\n" * self.log_is_broken + json.dumps(line).encode() + b"\n"
        try:
            is_written, reason = self.log.write(text) == len(text), "the disk is full"
        except OSError as error:
            is_written, reason = False, str(error)
        if not (is_written or self.log_is_broken):
            LOG.error("requests are not logged: %s", reason)
        self.log_is_broken = not is_written


class RateLimit:
    """Counts the requests of each caller in the last minute."""

    def __init__(self) -> None:
        self.times: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, caller: str, per_minute: int) -> None:
        """Count one more; -1 is no limit. Raises Refused if there are too many."""
        if per_minute < 0:
            return
        now = time.monotonic()
        times = self.times.setdefault(caller, deque())
        self.times.move_to_end(caller)
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= per_minute:
            wait = int(times[0] + MINUTE - now) + 1 if times else int(MINUTE)
            raise Refused(f"Slowdown: {per_minute} per 1 minute", 429, wait)
        times.append(now)
        if len(self.times) > MAX_CALLERS:
            self.times.popitem(last=False)
