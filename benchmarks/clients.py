"""Many clients that cost little: one process, bare sockets, one request at a time each.

Every microsecond of a client on the same processors is missing from the service, so
nothing here parses more of a reply than its status and its length.
"""

import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

_RECEIVED_AT_ONCE = 1 << 16
_OK = b"HTTP/1.1 200"


@dataclass
class Load:
    """Seconds of each request of some clients, and of all together."""

    seconds: list[float] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.seconds) / self.elapsed

    def percentile(self, percent: float) -> float:
        """Percentile of the seconds a request took."""
        return float(np.percentile(self.seconds, percent))


@dataclass
class _Client:
    """One connection and the reply it waits for."""

    connection: socket.socket
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.received.clear()
        self.began = perf_counter()
        self.connection.sendall(request)

    def is_answered(self) -> bool:
        """Read what has come; raise unless it is the beginning of a success."""
        part = self.connection.recv(_RECEIVED_AT_ONCE)
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not part or (separator and not head.startswith(_OK)):
            raise ConnectionError(self.received.decode(errors="replace") or "closed")
        if not separator:
            return False
        _, _, length = head.lower().partition(b"\r\ncontent-length:")
        return len(body) >= int(length.split(b"\r\n", 1)[0])


def drive(
    ports: Sequence[int], paths: Iterator[str], *, key: str, seconds: float
) -> Load:
    """Request one path after another until the time is over or the paths end.

    One client for each entry of `ports`, all with this API key.
    """
    load = Load()
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for port in ports:
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", port))
            )
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _Client(connection))
        idle = [selected.data for selected in selector.get_map().values()]
        began, n_waiting = perf_counter(), 0
        while True:
            for client in idle:
                path = next(paths, None) if perf_counter() - began < seconds else None
                if path is not None:
                    client.ask(_get(path, key=key))
                    n_waiting += 1
            if n_waiting == 0:
                break
            ready = [selected.data for selected, _ in selector.select()]
            idle = [client for client in ready if client.is_answered()]
            load.seconds += [perf_counter() - client.began for client in idle]
            n_waiting -= len(idle)
        load.elapsed = perf_counter() - began
    return load


def _get(path: str, *, key: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n\r\n"
    ).encode()
