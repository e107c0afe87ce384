"""Traces of requests, of the stages of a list and of training, by OpenTelemetry.

Spans come from OpenTelemetry's API and do nothing until `start` finds that the standard
``OTEL_`` variables ask for traces; only then is the SDK imported, which the extra
`tracing` installs. Like a log, a trace holds no body, path, query or error message:
these hold ids, search words and values. FastAPI's own spans hold path and query, so
the provider here is not the global one, which would turn them on.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from starlette.datastructures import Headers
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

REQUESTED_BY = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
SERVER_FAULT = 500
# The API's own no-op takes 4 µs a span and 6 µs a request; a list has four stages.
UNTRACED = nullcontext(INVALID_SPAN)


class Tracing:
    """The tracer of one process; nothing is traced until it starts."""

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
        """Export the spans that still wait."""
        if self.provider is not None:
            self.provider.shutdown()
            self.provider = None

    def span(self, name: str) -> AbstractContextManager[Span]:
        """Trace a block."""
        return traced(self.provider, name) if self.provider else UNTRACED

    def request(self, scope: Scope) -> AbstractContextManager[Span]:
        """Trace a request, as a part of its caller's trace if the caller names one."""
        if self.provider is None:
            return UNTRACED
        context = propagate.extract(Headers(scope=scope))
        name = str(scope["method"])
        return traced(self.provider, name, context=context, kind=SpanKind.SERVER)


@contextmanager
def traced(
    provider: "TracerProvider",
    name: str,
    *,
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Span]:
    """Trace a block; an error in it is recorded by its type alone."""
    tracer = provider.get_tracer("cinefold")
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            mark_failed(span, type(error).__name__)
            raise


tracing = Tracing()


def describe_request(span: Span, *, method: str, route: str, status: int) -> None:
    """Name a request by its route's template, as the metrics do."""
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= SERVER_FAULT:
        mark_failed(span, str(status))


def mark_failed(span: Span, kind: str) -> None:
    """Record the kind of a failure alone; its message may hold values."""
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)


def is_requested(environment: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environment.get(name) for name in REQUESTED_BY)


def provider_for(environment: Mapping[str, str]) -> "TracerProvider":
    """Build a provider as the variables describe it; the SDK reads the rest of them.

    Exporters are found by the name they are installed under, as OpenTelemetry's own
    start-up does. Raises `LookupError` if none has the name.
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
