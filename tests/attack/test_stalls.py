"""Connections that stall, or are too many: they end, and others are answered."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI, Request

from api.web import server
from tests.service import wait_for

SECONDS = 0.5  # in place of the deadlines of a real service


@dataclass
class Live:
    """A server of our protocol in a thread of its own."""

    port: int

    def connect(self, start: bytes = b"") -> socket.socket:
        """Open a connection and send the start of a request."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(10)
        connection.sendall(start)
        return connection

    def answers(self) -> bool:
        """Whether somebody else gets an answer within a second."""
        url = f"http://127.0.0.1:{self.port}/"
        return httpx.post(url, content=b"abc", timeout=1).text == "3"


@pytest.fixture
def live(monkeypatch) -> Iterator[Live]:
    """Serve an app that counts the bytes of a body, with short deadlines."""
    monkeypatch.setattr(server, "HEAD_SECONDS", SECONDS)
    monkeypatch.setattr(server, "BODY_SECONDS", SECONDS)
    with serving() as found:
        yield found


@contextmanager
def serving() -> Iterator[Live]:
    """Run a server until the end of the block."""
    app = FastAPI()
    app.state.services = SimpleNamespace(stopping=threading.Event())

    @app.post("/")
    async def count(request: Request) -> int:
        return len(await request.body())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = server.Server(app, fd=listener.fileno(), log_config=None)
        thread = threading.Thread(target=running.run)
        thread.start()
        try:
            wait_for(lambda: running.started, seconds=10, what="the server")
            yield Live(listener.getsockname()[1])
        finally:
            running.should_exit = True
            thread.join(20)


def ended_after(connection: socket.socket) -> float:
    """Wait for the end of a connection."""
    began = time.monotonic()
    with connection, suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    return time.monotonic() - began


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST / HT",
        HEAD,
        HEAD + b"Content-Length: 9\r\n\r\n",
        HEAD + b"Content-Length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "half a line", "half a head", "no body", "half a body"],
)
def test_half_a_request_is_given_up(live, start):
    assert ended_after(live.connect(start)) < SECONDS + 1


def test_a_byte_now_and_then_does_not_move_the_deadline(live):
    connection = live.connect(HEAD)
    began = time.monotonic()

    with suppress(ConnectionResetError, BrokenPipeError), connection:
        while time.monotonic() - began < 10 * SECONDS:
            connection.sendall(b"X-A: b\r\n")
            time.sleep(SECONDS / 5)

    assert time.monotonic() - began < 4 * SECONDS


def test_a_connection_serves_one_request_after_another(live):
    with httpx.Client(base_url=f"http://127.0.0.1:{live.port}") as client:
        for _ in range(3):
            assert client.post("/", content=b"abcd").text == "4"
            time.sleep(SECONDS * 1.5)  # longer than a head may take


def test_hundreds_of_half_heads_hold_nobody_up(live):
    stalled = [live.connect(HEAD) for _ in range(300)]

    assert live.answers()
    for connection in stalled:
        assert ended_after(connection) < SECONDS + 2
    assert live.answers()


def test_more_connections_than_there_are_files_for_are_refused(monkeypatch, caplog):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits[0], 140))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with serving() as live:
        held = [live.connect() for _ in range(200)]
        refused = [c for c in held[128:] if ended_after(c) < 1]
        for connection in held[:128]:
            connection.close()
        wait_for(live.answers, seconds=10, what="an answer")

    assert len(refused) == 72
    assert caplog.text.count("too many are open") == 1  # once, not for each
