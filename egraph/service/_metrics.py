"""Counters for Prometheus, summed over all workers.

Each worker process writes its numbers to files in a shared folder; the worker that answers a request for
metrics adds them up. The parent sets the folder in `PROMETHEUS_MULTIPROC_DIR`.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["FOLDER", "MEDIA_TYPE", "Metrics"]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ITEMS = tuple(float(1 << power) for power in range(14))


class Metrics:
    """The metrics of a service.

    Attributes:
        requests: Requests answered, by route, method and status.
        seconds: Time from the headers of a request to the end of its response, by route.
        architectures: Architectures scored, by route.
        batch_items: Architectures or pairs in one batch.
        batch_seconds: Time of one batch.
        waiting: Architectures and pairs in the queue.
        reloads: Reloads of the ranker, by result.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self.requests = Counter(
            "egraph_requests", "Requests answered.", ["route", "method", "status"], registry=own
        )
        self.seconds = Histogram(
            "egraph_request_seconds", "Response time.", ["route"], buckets=_SECONDS, registry=own
        )
        self.architectures = Counter("egraph_architectures", "Architectures scored.", ["route"], registry=own)
        self.batch_items = Histogram(
            "egraph_batch_items", "Architectures or pairs in one batch.", buckets=_ITEMS, registry=own
        )
        self.batch_seconds = Histogram(
            "egraph_batch_seconds", "Time of one batch.", buckets=_SECONDS, registry=own
        )
        self.waiting = Gauge(
            "egraph_waiting_items",
            "Architectures and pairs in the queue.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.reloads = Counter("egraph_reloads", "Reloads of the ranker.", ["result"], registry=own)

    def saw_batch(self, items: int, seconds: float) -> None:
        """Counts one batch."""
        self.batch_items.observe(items)
        self.batch_seconds.observe(seconds)

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
            return generate_latest(registry)
        return generate_latest(self._registry)
