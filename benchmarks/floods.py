"""What one client at its worst costs another: a running service under floods.

    cinefold run
    python -m benchmarks.floods http://127.0.0.1:8000 KEY      # of scope serve

A process floods the service in one way after another for some seconds. Meanwhile this
process asks for a list of another user and for the health, one after the other, and
prints their medians and 95th percentiles in milliseconds, those of the idle service
first. Run it against two versions one after the other to compare them. Loopback only.
"""

import argparse
import multiprocessing
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import numpy as np

SECONDS = 6.0
MOST_HELD = 300
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Target:
    """A service, and a key that may ask for the lists of any user."""

    url: str
    key: str

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def client(self, *, with_key: bool = False) -> httpx.Client:
        """Make a client, of a stranger or of a program."""
        headers = {"Authorization": f"Bearer {self.key}"} if with_key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


Act = Callable[[httpx.Client, int], object]


def half_heads(target: Target, until: float) -> None:
    """Hold connections with half a head, and open others for those that end."""
    held: list[socket.socket] = []
    while time.monotonic() < until:
        with suppress(OSError):
            connection = socket.create_connection(target.address, timeout=1)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            held.append(connection)
        if len(held) > MOST_HELD:
            held.pop(0).close()
    for connection in held:
        connection.close()


def repeated(act: Act, *, n_threads: int, with_key: bool = False) -> "Flood":
    """Make a flood of requests without pause."""

    def flood(target: Target, until: float) -> None:
        def ask(number: int) -> None:
            with target.client(with_key=with_key) as client:
                while time.monotonic() < until:
                    with suppress(httpx.HTTPError):
                        act(client, number)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return flood


Flood = Callable[[Target, float], None]
LIKED = {"ratings": [{"movie_id": n, "value": 4} for n in range(1, 1001)]}
FILE = "movie_id,rating\n" + "".join(f"{n},4\n" for n in range(1, 3000))


def register(client: httpx.Client, number: int) -> object:
    """Create an account with a name that nobody has."""
    name = f"flood-{number}-{time.monotonic_ns()}"
    body = {"username": name, "password": "four odd words of no use"}
    return client.post("/auth/register", json=body)


def guess(client: httpx.Client, _: int) -> object:
    """Give a wrong password."""
    body = {"username": "somebody", "password": "wrong-pass-word"}
    return client.post("/auth/session", json=body)


def import_file(client: httpx.Client, number: int) -> object:
    """Import a file of three thousand ratings as a dry run."""
    return client.post(
        f"/ratings/{2 + number}/import?dry_run=true",
        content=FILE,
        headers={"Content-Type": "text/csv"},
    )


FLOODS: dict[str, Flood] = {
    "half heads": half_heads,
    "inline lists": repeated(
        lambda client, _: client.post("/recommendations", json=LIKED), n_threads=12
    ),
    "inline predictions": repeated(
        lambda client, _: client.post("/predictions", json=LIKED), n_threads=12
    ),
    "documents": repeated(lambda client, _: client.get("/openapi.json"), n_threads=12),
    "maps": repeated(
        lambda client, _: client.get("/models/1/map?dims=3"),
        n_threads=8,
        with_key=True,
    ),
    "registrations": repeated(register, n_threads=4),
    "wrong passwords": repeated(guess, n_threads=4),
    "imports": repeated(import_file, n_threads=4, with_key=True),
}


def measure(target: Target, seconds: float) -> tuple[list[float], list[float]]:
    """Time lists of another user and the health in turn, in milliseconds."""
    found: tuple[list[float], list[float]] = ([], [])
    until = time.monotonic() + seconds
    with target.client(with_key=True) as client:
        while time.monotonic() < until:
            for path, times in zip(
                ("/recommendations/1", "/health/live"), found, strict=True
            ):
                began = time.perf_counter()
                client.get(path).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
    return found


def line(name: str, found: Sequence[Sequence[float]]) -> str:
    """Write one line of the table."""
    cells = [
        f"{np.median(times):8.1f} {np.percentile(times, 95):8.1f}" for times in found
    ]
    return f"{name:<20} {'   '.join(cells)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--only", nargs="+", choices=FLOODS, default=list(FLOODS))
    arguments = parser.parse_args()
    forked = multiprocessing.get_context("fork")
    target = Target(arguments.url.rstrip("/"), arguments.key)
    if target.address[0] not in LOOPBACK:
        sys.exit("A flood goes to this machine alone; give an address on loopback")
    print(f"{'':<20} {'list':>8} {'p95':>8}   {'health':>8} {'p95':>8}   ms")
    print(line("idle", measure(target, SECONDS)), flush=True)
    for name in arguments.only:
        until = time.monotonic() + SECONDS + 1
        flood = forked.Process(target=FLOODS[name], args=(target, until))
        flood.start()
        time.sleep(1)
        print(line(name, measure(target, SECONDS - 1)), flush=True)
        flood.join()
        time.sleep(1)


if __name__ == "__main__":
    main()
