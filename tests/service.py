"""Real processes of Cinefold, started and killed from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from api.clients.cinefold import Cinefold


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(condition: Callable[[], object], *, seconds: float, what: str) -> float:
    """Wait until a condition holds; return how long that took."""
    started = time.monotonic()
    while not condition():
        elapsed = time.monotonic() - started
        assert elapsed < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


class Process:
    """One `cinefold` command, its output in a file."""

    def __init__(self, *arguments: str, log: Path, **environment: str) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api.commands.main", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text()

    def end(self, number: signal.Signals = signal.SIGINT, seconds: float = 20) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def descendants(self, word: str) -> list[psutil.Process]:
        """Find the living descendants whose command line has a word."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        living = (c for c in children if c.status() != psutil.STATUS_ZOMBIE)
        return [c for c in living if word in c.cmdline()]


class Service(Process):
    """`cinefold run` in a data folder of its own."""

    def __init__(self, data_dir: Path, *, log: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        super().__init__(
            "run", log=log, DATA_DIR=str(data_dir), PORT=str(port), **environment
        )

    def wait_until_ready(self, *, seconds: float) -> float:
        """Wait for the greeting; return how long that took."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.output
            return "Ctrl-C stops it" in self.output

        return wait_for(is_ready, seconds=seconds, what=f"ready ({self.log})")

    @property
    def one_time_password(self) -> str:
        """The administrator's password, as the service printed it."""
        found = re.search(r"one-time password: (\S+)", self.output)
        assert found, self.output
        return found[1]

    def answers(self, path: str = "/health/ready") -> bool:
        """Tell whether a GET returns 200 now."""
        try:
            return httpx.get(f"{self.url}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def program(self, *scopes: str) -> Cinefold:
        """Make a client with a key of its own; each request is sent once."""
        return Cinefold(self.url, self.create_key(*scopes), n_attempts=1)

    def create_key(self, *scopes: str) -> str:
        """Create an API key from the command line while the service runs."""
        options = [word for scope in scopes for word in ("--scope", scope)]
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "api.commands.main",
                "key",
                "create",
                "test",
                *options,
            ],
            env={**os.environ, "DATA_DIR": str(self.data_dir)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


def processes_of(data_dir: Path) -> list[str]:
    """List the living processes that mention a data folder, zombies aside."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        info = process.info
        mentions = str(data_dir) in " ".join(info["cmdline"] or [])
        uses = (info["environ"] or {}).get("DATA_DIR") == str(data_dir)
        if (mentions or uses) and info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(info["cmdline"] or []))
    return found


@contextmanager
def running(data_dir: Path, log: Path, **environment: str) -> Iterator[Service]:
    """Run a service until it is ready; stop it afterwards, whatever happens."""
    service = Service(data_dir, log=log, **environment)
    try:
        service.wait_until_ready(seconds=120)
        yield service
    finally:
        service.process.terminate()
        service.process.wait(20)
