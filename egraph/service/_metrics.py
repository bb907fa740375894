"""Counters for Prometheus, right for all workers together.

With several processes each writes its numbers into a folder of its own files, which whichever worker is asked
adds up. `PROMETHEUS_MULTIPROC_DIR`, which the parent sets, says where.
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
    """What a service counts.

    Attributes:
        requests: answered, by route, method and status.
        seconds: from the headers of a request to the end of its answer, by route.
        architectures: scored, by route.
        batch_items: architectures or pairs of one run.
        batch_seconds: of one run.
        waiting: architectures and pairs that wait to be scored.
        reloads: of the ranker, by result.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self.requests = Counter(
            "egraph_requests", "Requests answered.", ["route", "method", "status"], registry=own
        )
        self.seconds = Histogram(
            "egraph_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=own
        )
        self.architectures = Counter("egraph_architectures", "Architectures scored.", ["route"], registry=own)
        self.batch_items = Histogram(
            "egraph_batch_items", "Architectures or pairs of one run.", buckets=_ITEMS, registry=own
        )
        self.batch_seconds = Histogram(
            "egraph_batch_seconds", "Time of one run.", buckets=_SECONDS, registry=own
        )
        self.waiting = Gauge(
            "egraph_waiting_items",
            "Architectures and pairs that wait to be scored.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.reloads = Counter("egraph_reloads", "Changes of the ranker.", ["result"], registry=own)

    def saw_batch(self, items: int, seconds: float) -> None:
        """Counts one run."""
        self.batch_items.observe(items)
        self.batch_seconds.observe(seconds)

    def render(self) -> bytes:
        """All of them in the text format."""
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
            return generate_latest(registry)
        return generate_latest(self._registry)
