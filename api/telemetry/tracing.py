"""Traces by OpenTelemetry, an optional extra: requests, stages of a list, training.

The standard ``OTEL_`` variables say where traces go; where they say nothing, nothing of
OpenTelemetry's SDK is imported. Like a log, a trace holds no body, path, query or
message of an error: these hold ids, search words and values. FastAPI's own spans do
hold path and query, and so stay off.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

logger = logging.getLogger(__name__)

REQUESTED_BY = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
SERVER_FAULT = 500


class Tracing:
    """What one process traces with; nothing until it is started."""

    def __init__(self) -> None:
        self.provider: TracerProvider | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Begin to trace, if the environment asks for it and the extra is there."""
        if not is_requested(environment):
            return
        try:
            self.provider = provider_for(environment)
        except LookupError as error:
            logger.warning("no traces: %s", error)

    def stop(self) -> None:
        """Export what is still held."""
        if self.provider is not None:
            self.provider.shutdown()
            self.provider = None

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Trace a block."""
        if self.provider is None:
            yield
            return
        with self.provider.get_tracer("cinefold").start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                mark_failed(span, type(error).__name__)
                raise

    @contextmanager
    def request(self, scope: Scope) -> Iterator["Span | None"]:
        """Trace a request, as a part of its caller's trace if it names one."""
        if self.provider is None:
            yield None
            return
        from opentelemetry import propagate, trace  # noqa: PLC0415 - an extra

        with self.provider.get_tracer("cinefold").start_as_current_span(
            scope["method"],
            context=propagate.extract(Headers(scope=scope)),
            kind=trace.SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


tracing = Tracing()


def describe_request(span: "Span", *, method: str, route: str, status: int) -> None:
    """Name a request by its route's template, as the metrics do."""
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= SERVER_FAULT:
        mark_failed(span, str(status))


def mark_failed(span: "Span", kind: str) -> None:
    """Say what went wrong by its name alone; a message may hold values."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)


def is_requested(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environment.get(name) for name in REQUESTED_BY)


def provider_for(environment: Mapping[str, str]) -> "TracerProvider":
    """Make what the variables describe; the SDK itself reads the rest of them.

    Exporters are found by the name they are installed under, as OpenTelemetry's own
    start-up does; `LookupError` if there is none.
    """
    name = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    installed = "otlp_proto_http" if name == "otlp" else name
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - an extra
            BatchSpanProcessor,
        )

        (exporter,) = entry_points(
            group="opentelemetry_traces_exporter", name=installed
        )
    except (ImportError, ValueError) as error:
        raise LookupError(
            f"the exporter {name} is not installed: pip install '.[tracing]'"
        ) from error
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "cinefold"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter.load()()))
    return provider
