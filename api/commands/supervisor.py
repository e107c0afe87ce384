"""Start, restart and stop the worker and the web processes of `cinefold run`."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
POLL_SECONDS = 0.2
# The least time between two starts of a child.
RESTART_SECONDS = 2.0


class Child:
    """A child process that can be started again."""

    def __init__(
        self,
        *arguments: str,
        url: str,
        inherited: Sequence[int] = (),
        **environment: str,
    ) -> None:
        self.arguments = arguments
        # Beside progress bars and the greeting, the terminal shows warnings alone.
        quiet = {"LOG_LEVEL": "WARNING", **os.environ}
        self.environment = {**quiet, "DATABASE_URL": url, **environment}
        self.inherited = tuple(inherited)
        self.start()

    def start(self) -> None:
        """Start the process; its standard input is a pipe that closes when we die."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-m",
                "api.commands.main",
                *self.arguments,
                "--end-with-stdin",
            ],
            env=self.environment,
            stdin=subprocess.PIPE,
            pass_fds=self.inherited,
            start_new_session=True,  # Ctrl-C is for us; we stop the children
        )

    def keep_alive(self) -> None:
        """Restart the process if it has died, but not in a tight loop."""
        age = time.monotonic() - self.started_at
        if self.process.poll() is not None and age > RESTART_SECONDS:
            logger.warning(
                "%s ended with %d; starting it again",
                self.arguments[0],
                self.process.returncode,
            )
            self.start()

    def stop(self, deadline: float) -> None:
        """Wait until the deadline for the process to end, then kill it."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def supervised() -> Iterator[list[Child]]:
    """Yield a list for children; stop all of them on exit, even after an error."""
    children: list[Child] = []
    try:
        yield children
    finally:
        for child in children:
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            child.stop(deadline)


class Interrupted(Exception):  # noqa: N818 - how a service normally ends
    """SIGINT or SIGTERM arrived."""


@contextmanager
def interruptible() -> Iterator[None]:
    """End the block at the first SIGINT or SIGTERM; ignore later ones meanwhile."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise Interrupted

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, interrupt)
    with suppress(Interrupted):
        yield


class Mortal(Protocol):
    """Something that can die and be restarted."""

    def keep_alive(self) -> None:
        """Restart it if it has died."""


def watch(mortals: Sequence[Mortal]) -> None:
    """Keep everything alive until a signal ends it."""
    while True:
        for mortal in mortals:
            mortal.keep_alive()
        time.sleep(POLL_SECONDS)


def end_with_stdin() -> None:
    """End this process by SIGTERM when its parent closes the pipe, even by dying."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)  # nobody writes; it returns when the pipe closes
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
