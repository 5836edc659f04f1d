"""Metrics for Prometheus. Only a server that shows them imports this module."""

import math
from collections.abc import Container, Iterator
from secrets import compare_digest

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from regard.serving.service import Service

LATENCIES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Upper ends of the buckets, in seconds."""
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Upper ends of the buckets, in jobs."""


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
    """Of requests and of the service, for who has the token, or for all without one."""

    def __init__(self, service: Service, paths: Container[str], token: str) -> None:
        """Other paths than `paths` are counted as one, since there may be any number of them."""
        self.paths, self.token = paths, token
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

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        self.requests.labels(path, status).inc()
        self.seconds.labels(path).observe(seconds)

    async def show(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if self.token and not compare_digest(
            given.encode("latin-1"), f"Bearer {self.token}".encode()
        ):
            raise HTTPException(401)
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
