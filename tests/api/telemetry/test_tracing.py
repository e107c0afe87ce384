"""Traces of requests, stages and training, seen by the SDK's own exporter."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text

from api.queries import training as training_queries
from api.settings import Settings
from api.telemetry.tracing import Tracing, is_requested, provider_for, tracing
from api.worker import Worker
from tests.conftest import PASSWORD, create_database

pytestmark = pytest.mark.anyio

OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
IS_IMPORTED = """
import sys
import fastapi
from api.telemetry.observability import tracing

tracing.start({})
sys.exit(any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


@pytest.fixture
def exported():
    """What is exported while a test runs."""
    exporter = InMemorySpanExporter()
    tracing.provider = TracerProvider()
    tracing.provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def named(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = [span for span in exporter.get_finished_spans() if span.name == name]
    return found


def is_part(span: ReadableSpan, whole: ReadableSpan) -> bool:
    """Whether a span is a child of another one."""
    return span.parent is not None and span.parent == whole.context


def error_of(span: ReadableSpan) -> object:
    """Assert that a span is marked as failed and tells no more than how."""
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert not span.events
    return (span.attributes or {}).get("error.type")


async def test_a_list_is_one_trace_of_its_stages(exported, alice):
    # A question that nobody asked before: its answer is not remembered.
    await alice.get(f"/recommendations/{alice.user_id}?limit=18&exclude=1")

    request = named(exported, "GET /recommendations/{user_id}")
    assert request.kind is SpanKind.SERVER
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/recommendations/{user_id}",
        "http.response.status_code": 200,
    }
    stages = [span for span in exported.get_finished_spans() if span is not request]
    assert [stage.name for stage in stages] == [
        f"recommend {name}" for name in ("read", "fold_in", "rank", "describe")
    ]
    for stage in stages:
        assert is_part(stage, request)


async def test_a_request_is_a_part_of_its_callers_trace(exported, anonymous):
    caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    await anonymous.get("/genres", headers=caller)

    request = named(exported, "GET /genres")
    assert request.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert request.parent is not None
    assert request.parent.span_id == 0xB7AD6B7169203331


async def test_a_trace_holds_nothing_of_what_was_sent(exported, anonymous):
    credentials = {"username": "mallory", "password": PASSWORD}

    await anonymous.post("/auth/register?x=hidden", json=credentials)
    await anonymous.get("/hidden", headers={"authorization": "Bearer hidden"})

    written = "".join(span.to_json() for span in exported.get_finished_spans())
    assert "POST /auth/register" in written
    assert "GET unmatched" in written
    for value in ("mallory", PASSWORD, "hidden"):
        assert value not in written


async def test_a_fault_of_ours_is_an_error_of_its_request_and_tells_nothing(
    exported, alice, connection
):
    await connection.execute(text("ALTER TABLE hidden_movies RENAME TO hiding"))

    reply = await alice.get(f"/recommendations/{alice.user_id}")

    assert reply.status_code == 500
    assert error_of(named(exported, "GET /recommendations/{user_id}")) == "500"
    assert error_of(named(exported, "recommend read")) == "ProgrammingError"


async def test_a_training_run_is_one_trace_of_its_parts(
    exported, server, template, tmp_path
):
    url = create_database(server, "cinefold_traced", template=template)
    worker = Worker(Settings(data_dir=tmp_path), url)
    worker.models_dir.mkdir()
    small = {"n_factors": 2, "n_sweeps": 1}
    async with worker.sessions() as session:
        parameters = {"evaluate": "never", "rating": small, "ranking": small}
        await training_queries.add_run(session, parameters)
        await session.commit()

    has_worked = await worker._work()  # noqa: SLF001 - one turn of its loop
    await worker.engine.dispose()

    run = named(exported, "training run")
    assert has_worked
    assert run.status.status_code is StatusCode.UNSET
    for name in ("read ratings", "train", "publish"):
        assert is_part(named(exported, name), run)


@pytest.mark.parametrize(
    ("environment", "is_wanted"),
    [
        ({}, False),
        (OTLP, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", **OTLP}, False),
        ({"OTEL_SDK_DISABLED": "true", **OTLP}, False),
        ({"OTEL_SERVICE_NAME": "films"}, False),
    ],
)
def test_traces_are_made_where_the_variables_ask_for_them(environment, is_wanted):
    assert is_requested(environment) is is_wanted


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "cinefold"),
        ("OTEL_SERVICE_NAME", "films", "films"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=films", "films"),
    ],
)
def test_the_service_has_a_name(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)

    provider = provider_for({name: value})
    provider.shutdown()

    assert provider.resource.attributes["service.name"] == expected


class Collecting(HTTPServer):
    """A collector of traces."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.posted: list[tuple[str, bytes]] = []


class Collector(BaseHTTPRequestHandler):
    """Keeps what is posted, as the server's `posted`."""

    server: "Collecting"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.posted.append((self.path, self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def test_spans_are_sent_to_the_endpoint_of_the_variables(monkeypatch):
    collector = Collecting(("127.0.0.1", 0), Collector)
    thread = Thread(target=collector.serve_forever)
    thread.start()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    own = Tracing()

    own.start(environment)
    with own.span("rank everything"):
        pass
    own.stop()

    collector.shutdown()
    thread.join()
    collector.server_close()
    ((path, body),) = collector.posted
    assert path == "/v1/traces"
    assert b"rank everything" in body
    assert b"cinefold" in body


def test_an_exporter_that_is_not_installed_is_told_and_nothing_is_traced(caplog):
    own = Tracing()

    own.start({"OTEL_TRACES_EXPORTER": "jaeger"})

    assert own.provider is None
    assert "the exporter jaeger is not installed" in caplog.text


def test_without_the_variables_the_sdk_is_not_even_imported():
    done = subprocess.run([sys.executable, "-c", IS_IMPORTED], check=False)

    assert done.returncode == 0
