"""The web server: uvicorn with deadlines, bounded connections and a quiet log.

A client may not hold a connection with half a request, nor take the files that
PostgreSQL and the models need.
"""

import asyncio
import logging
import resource
import socket
import time
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
RESERVED_FILES = 128  # for the database, the models, logs and libraries
QUIET_SECONDS = 10.0  # between two equal warnings about clients


class OncePerWhile(logging.Filter):
    """Lets a warning through once in a while, however many clients cause it."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a record whose words were logged a moment ago."""
        now = time.monotonic()
        if now - self._last.get(record.msg, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._last[record.msg] = now
        return True


class DeadlineProtocol(H11Protocol):
    """A connection that must bring the head and the body of a request in time."""

    most_connections = 1_000_000
    _deadline: asyncio.TimerHandle | None = None
    _awaited: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse more connections than there are files for."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            logger.warning("connections are refused: too many are open")
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and wait for what is missing, but not for ever."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Set a deadline for the part of a request that is awaited now."""
        awaited = self.conn.their_state
        if awaited is self._awaited and self._deadline is not None:
            return  # more of the same part does not move its deadline
        self._cancel()
        seconds = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}.get(awaited)
        if seconds is not None and not self.transport.is_closing():
            self._awaited = awaited
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._awaited = None

    def _give_up(self) -> None:
        if self.conn.their_state is self._awaited:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """Leave the time between two requests to uvicorn's own limit."""
        super().on_response_complete()
        self._cancel()


class Server(uvicorn.Server):
    """A web server that ends streams before it waits for requests to finish."""

    def __init__(self, app: FastAPI, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(uvicorn.Config(app, http=_protocol(), **options))
        self.app = app
        for name in ("uvicorn.error", __name__):
            logging.getLogger(name).addFilter(OncePerWhile())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first."""
        self.app.state.services.stopping.set()
        await super().shutdown(sockets)


def _protocol() -> type[DeadlineProtocol]:
    """Raise the limit of open files as far as we may, and stay below it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    bound = max(RESERVED_FILES, most - RESERVED_FILES)
    return type("Protocol", (DeadlineProtocol,), {"most_connections": bound})
